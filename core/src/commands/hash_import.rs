//! HIMPORT: many hashes with the same fields, whose names a connection says once.
//!
//! A *fieldset* is a list of field names that the connection keeps. Redis has encodings of its own for
//! hashes that share their fields; here they are hashes as any others.

use crate::base::Error;
use crate::ds::hash::{Expiry, Hash};
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::persist::rdb;
use crate::spec::{Access::*, Flag::*, Group, key, many, string};
use crate::store::{Value, ValueRef};

pub(crate) const COMMANDS: &[&Command] = &[&HIMPORT];

const BASE: Command = Command { since: "8.10.0", group: Group::Hash, ..Command::BASE };

const HIMPORT: Command = Command {
    name: "HIMPORT",
    summary: "Sets hashes with the same fields by their values alone.",
    complexity: "Depends on the subcommand",
    subcommands: &[&DISCARD, &DISCARDALL, &PREPARE, &SET],
    ..BASE
};

const PREPARE: Command = Command {
    name: "PREPARE",
    summary: "Keeps a list of field names for this connection, under a name.",
    complexity: "O(N log N) for N fields",
    flags: &[DenyOom],
    args: &[string("fieldset-name"), many(string("field"))],
    example: "> HIMPORT PREPARE person name age\nOK\n> HIMPORT SET user person ann 33\nOK\n\
              > HGET user name\n\"ann\"\n",
    run: prepare,
    ..BASE
};

fn prepare(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (name, fields) = (args.take()?, args.rest());
    let mut sorted: Vec<&[u8]> = fields.iter().collect();
    sorted.sort_unstable();
    if sorted.array_windows().any(|[one, next]| one == next) {
        return Err(Error::text("ERR duplicate field name in fieldset"));
    }
    cx.session.fieldsets.prepare(name, fields);
    cx.out.ok();
    Ok(())
}

const SET: Command = Command {
    name: "SET",
    summary: "Makes a hash of the fields of a list and these values, in the place of another.",
    complexity: "O(N) for N fields",
    flags: &[Write, DenyOom],
    args: &[key("key", &[Ow, Update]), string("fieldset-name"), many(string("value"))],
    example: "> HIMPORT PREPARE person name age\nOK\n> HIMPORT SET user person bob 44\nOK\n\
              > HGETALL user\n1) \"name\"\n2) \"bob\"\n3) \"age\"\n4) \"44\"\n",
    run: set,
    ..BASE
};

fn set(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, values) = (args.take()?, args.take()?, args.rest());
    let limits = cx.hash_limits();
    let fields = cx.session.fieldsets.get(name).ok_or(Error::text("ERR no such fieldset"))?;
    if fields.len() != values.len() {
        return Err(Error::text("ERR value count does not match fieldset field count"));
    }
    let mut hash = Hash::default();
    for (field, value) in fields.iter().zip(values.iter()) {
        hash.set(field, value, Expiry::Clear, limits);
    }
    let old = cx.look(key);
    if old.is_some_and(|old| !matches!(old.value, ValueRef::Hash(_))) {
        return Err(Error::WrongType);
    }
    let value = Value::Hash(Box::new(hash));
    cx.delete(key);
    cx.insert(key, value, None);
    cx.changed(key, Class::Hash, "hset");
    if cx.propagates() {
        // Who repeats it does not know the connection's lists.
        let payload = cx.look(key).map(|found| rdb::dump(found.value, false));
        cx.propagate_as(&[b"RESTORE", key, b"0", &payload.unwrap_or_default(), b"REPLACE"]);
    }
    cx.out.ok();
    Ok(())
}

const DISCARD: Command = Command {
    name: "DISCARD",
    summary: "Forgets a list of field names of this connection.",
    complexity: "O(log N) with N the lists of the connection",
    args: &[string("fieldset-name")],
    example: "> HIMPORT DISCARD nothing\n(integer) 0\n",
    run: discard,
    ..BASE
};

fn discard(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let was_there = cx.session.fieldsets.discard(args.take()?);
    cx.out.int(i64::from(was_there));
    Ok(())
}

const DISCARDALL: Command = Command {
    name: "DISCARDALL",
    summary: "Forgets all lists of field names of this connection.",
    complexity: "O(N) with N the lists of the connection",
    example: "> HIMPORT DISCARDALL\n(integer) 0\n",
    run: discard_all,
    ..BASE
};

fn discard_all(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let count = cx.session.fieldsets.discard_all();
    cx.out.count(count);
    Ok(())
}
