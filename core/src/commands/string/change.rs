//! Strings changed in place: grown, overwritten, counted up and down.

use crate::base::num::Extended;
use crate::base::{Error, num};
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{Access::*, Flag::*, Group, double, integer, key, string};
use crate::store::{Value, ValueRef};

pub(super) const APPEND: Command = Command {
    name: "APPEND",
    summary: "Adds bytes to the end of a string.",
    since: "2.0.0",
    group: Group::String,
    complexity: "O(N) for N bytes added; the string itself is seldom moved",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Insert]), string("value")],
    example: "> APPEND log one\n(integer) 3\n> APPEND log \" two\"\n(integer) 7\n> GET log\n\
              \"one two\"\n",
    run: append,
    ..Command::BASE
};

fn append(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, value) = (args.take()?, args.take()?);
    let len = match cx.look(key) {
        None => {
            cx.insert_str(key, value, None);
            value.len()
        }
        Some(found) => {
            let old = found.value.text().ok_or(Error::WrongType)?.len();
            let len = check_len(cx, old, value.len())?;
            cx.edit_str_in(key, old..old, |bytes| bytes.extend_from_slice(value));
            len
        }
    };
    cx.changed(key, Class::String, "append");
    cx.out.count(len);
    Ok(())
}

/// The sum, unless a string must not be that long.
fn check_len(cx: &Ctx<'_>, len: usize, more: usize) -> Result<usize, Error> {
    let max = usize::try_from(cx.config.proto_max_bulk_len).unwrap_or(usize::MAX);
    len.checked_add(more).filter(|&sum| sum <= max).ok_or(Error::StringTooLong)
}

pub(super) const SETRANGE: Command = Command {
    name: "SETRANGE",
    summary: "Overwrites a part of a string from an offset on, after zero bytes if it is too short.",
    since: "2.2.0",
    group: Group::String,
    complexity: "O(N) for N bytes written, and those added before them",
    flags: &[Write, DenyOom],
    args: &[key("key", &[Rw, Update]), integer("offset"), string("value")],
    example: "> SET greeting \"hello world\"\nOK\n> SETRANGE greeting 6 redis\n(integer) 11\n\
              > GET greeting\n\"hello redis\"\n",
    run: setrange,
    ..Command::BASE
};

fn setrange(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, offset, value) = (args.take()?, args.integer()?, args.take()?);
    let Ok(offset) = u64::try_from(offset) else {
        return Err(Error::text("ERR offset is out of range"));
    };
    let old = match cx.look(key) {
        None => None,
        Some(found) => Some(found.value.text().ok_or(Error::WrongType)?.len()),
    };
    if value.is_empty() {
        cx.out.count(old.unwrap_or(0));
        return Ok(());
    }
    let offset = usize::try_from(offset).map_err(|_| Error::StringTooLong)?;
    let end = check_len(cx, offset, value.len())?;
    if old.is_none() {
        cx.insert(key, Value::Str(Vec::new()), None);
    }
    let len = cx.edit_str_in(key, offset..end, |bytes| {
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        if let Some(part) = bytes.get_mut(offset..end) {
            part.copy_from_slice(value);
        }
        bytes.len()
    });
    cx.changed(key, Class::String, "setrange");
    cx.out.count(len.unwrap_or(0));
    Ok(())
}

pub(super) const DECR: Command = Command {
    name: "DECR",
    summary: "Takes one from the number that a key holds; no key counts as 0.",
    since: "1.0.0",
    group: Group::String,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Access, Update])],
    example: "> SET stock 10\nOK\n> DECR stock\n(integer) 9\n",
    run: |cx, mut args| add(cx, args.take()?, -1),
    ..Command::BASE
};

pub(super) const DECRBY: Command = Command {
    name: "DECRBY",
    summary: "Takes a number from the one that a key holds; no key counts as 0.",
    since: "1.0.0",
    group: Group::String,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Access, Update]), integer("decrement")],
    example: "> SET stock 10\nOK\n> DECRBY stock 3\n(integer) 7\n",
    run: decrby,
    ..Command::BASE
};

fn decrby(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, decrement) = (args.take()?, args.integer()?);
    let increment = decrement.checked_neg().ok_or(Error::text("ERR decrement would overflow"))?;
    add(cx, key, increment)
}

pub(super) const INCR: Command = Command {
    name: "INCR",
    summary: "Adds one to the number that a key holds; no key counts as 0.",
    since: "1.0.0",
    group: Group::String,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Access, Update])],
    example: "> INCR visits\n(integer) 1\n> INCR visits\n(integer) 2\n",
    run: |cx, mut args| add(cx, args.take()?, 1),
    ..Command::BASE
};

pub(super) const INCRBY: Command = Command {
    name: "INCRBY",
    summary: "Adds a number to the one that a key holds; no key counts as 0.",
    since: "1.0.0",
    group: Group::String,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Access, Update]), integer("increment")],
    example: "> SET stock 10\nOK\n> INCRBY stock 5\n(integer) 15\n",
    run: incrby,
    ..Command::BASE
};

fn incrby(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, increment) = (args.take()?, args.integer()?);
    add(cx, key, increment)
}

/// Adds `increment` to the number that `key` holds, and replies with the sum.
fn add(cx: &mut Ctx<'_>, key: &[u8], increment: i64) -> Outcome {
    let at = cx.use_key(key);
    let found = at.map(|at| cx.shard.db(cx.session.db).get_at(at));
    let found = found.map(|found| (found.value, found.expires_ms));
    let (old, is_int, expires_ms) = match found {
        None => (0, false, None),
        Some((ValueRef::Int(number), expires_ms)) => (number, true, expires_ms),
        Some((ValueRef::Str { bytes, .. }, expires_ms)) => {
            (num::parse_i64(bytes).ok_or(Error::NotInteger)?, false, expires_ms)
        }
        Some(_) => return Err(Error::WrongType),
    };
    let sum = old.checked_add(increment).ok_or(Error::Overflow)?;
    if let Some(at) = at.filter(|_| is_int) {
        cx.set_int_at(at, sum);
    } else {
        cx.insert(key, Value::Int(sum), expires_ms);
    }
    cx.changed(key, Class::String, "incrby");
    cx.out.int(sum);
    Ok(())
}

pub(super) const INCRBYFLOAT: Command = Command {
    name: "INCRBYFLOAT",
    summary: "Adds a number with decimals to the one that a key holds; no key counts as 0.",
    since: "2.6.0",
    group: Group::String,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Access, Update]), double("increment")],
    example: "> SET price 10.50\nOK\n> INCRBYFLOAT price 0.1\n\"10.6\"\n\
              > INCRBYFLOAT price -5e-1\n\"10.1\"\n",
    run: incrbyfloat,
    ..Command::BASE
};

fn incrbyfloat(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, increment) = (args.take()?, args.take()?);
    let (old, expires_ms) = match cx.look(key) {
        None => (Extended::ZERO, None),
        Some(found) => {
            let text = found.value.text().ok_or(Error::WrongType)?;
            (Extended::parse(&text).ok_or(Error::NotFloat)?, found.expires_ms)
        }
    };
    let increment = Extended::parse(increment).ok_or(Error::NotFloat)?;
    let sum = old
        .plus(increment)
        .ok_or(Error::text("ERR increment would produce NaN or Infinity"))?
        .to_text();
    cx.out.bulk(&sum);
    cx.propagate_as(&[b"SET", key, &sum, b"KEEPTTL"]);
    // As text even where it is a whole number, as OBJECT ENCODING shows in Redis too.
    cx.insert(key, Value::Str(sum), expires_ms);
    cx.changed(key, Class::String, "incrbyfloat");
    Ok(())
}
