//! Hashes: setting, reading, counting and removing fields.
//!
//! What has to do with the expiry of fields is in [`hash_expire`](super::hash_expire). A hash that
//! loses its last field is removed with its key. A field that has expired is not there for any
//! command, even while it is still stored.

use super::scan::{self, Options};
use crate::base::num::Extended;
use crate::base::{Error, glob, limits, num};
use crate::ds::hash::{Expiry, Field, Hash, HashRef, Limits};
use crate::ds::listpack::Element;
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::{Out, Proto};
use crate::spec::{
    Access::*, Flag::*, Group, block, double, integer, key, many, opt, pattern, string, token,
};
use crate::store::Value;

pub(crate) const COMMANDS: &[&Command] = &[
    &HDEL,
    &HEXISTS,
    &HGET,
    &HGETALL,
    &HINCRBY,
    &HINCRBYFLOAT,
    &HKEYS,
    &HLEN,
    &HMGET,
    &HMSET,
    &HRANDFIELD,
    &HSCAN,
    &HSET,
    &HSETNX,
    &HSTRLEN,
    &HVALS,
];

const HSET: Command = Command {
    name: "HSET",
    summary: "Sets fields of a hash, which is made if there is none. Tells how many are new.",
    since: "2.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Update]), many(block("data", &[string("field"), string("value")]))],
    example: "> HSET user name ann age 33\n(integer) 2\n> HSET user age 34\n(integer) 0\n\
              > HGET user age\n\"34\"\n",
    run: hset,
    ..Command::BASE
};

fn hset(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let count = set_fields(cx, args)?;
    cx.out.count(count);
    Ok(())
}

const HMSET: Command = Command {
    name: "HMSET",
    summary: "Sets fields of a hash.",
    since: "2.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Update]), many(block("data", &[string("field"), string("value")]))],
    deprecated: Some(("4.0.0", "`HSET` with multiple field-value pairs")),
    example: "> HMSET user name ann age 33\nOK\n> HGET user name\n\"ann\"\n",
    run: hmset,
    ..Command::BASE
};

fn hmset(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    set_fields(cx, args)?;
    cx.out.ok();
    Ok(())
}

/// HSET and HMSET; returns how many fields are new.
fn set_fields(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Result<usize, Error> {
    let key = args.take()?;
    let pairs = args.rest();
    if !pairs.len().is_multiple_of(2) {
        return Err(wrong_arity(cx.entry));
    }
    let count = change(cx, key, |hash, limits| {
        let mut count = 0;
        hash.grow(pairs.iter(), limits);
        while let (Ok(name), Ok(value)) = (args.take(), args.take()) {
            count += usize::from(hash.set(name, value, Expiry::Clear, limits));
        }
        count
    })?;
    cx.changed(key, Class::Hash, "hset");
    cx.dirty += pairs.len() as u64 / 2 - 1;
    Ok(count)
}

/// Changes the hash at `key`, which is made if there is none.
pub(super) fn change<R>(
    cx: &mut Ctx<'_>,
    key: &[u8],
    change: impl FnOnce(&mut Hash, Limits) -> R,
) -> Result<R, Error> {
    let limits = cx.hash_limits();
    if let Some(at) = cx.use_hash(key)? {
        return cx.change_hash_at(at, |hash, _| change(hash, limits));
    }
    let mut hash = Hash::default();
    let result = change(&mut hash, limits);
    cx.insert(key, Value::Hash(Box::new(hash)), None);
    Ok(result)
}

/// The field `name`, if it has not expired.
pub(super) fn live<'a>(hash: HashRef<'a>, name: &[u8], now_ms: i64) -> Option<Field<'a>> {
    hash.get(name).filter(|field| field.is_live(now_ms))
}

const HSETNX: Command = Command {
    name: "HSETNX",
    summary: "Sets a field of a hash unless it is there already.",
    since: "2.0.0",
    group: Group::Hash,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Insert]), string("field"), string("value")],
    example: "> HSETNX user name ann\n(integer) 1\n> HSETNX user name bob\n(integer) 0\n\
              > HGET user name\n\"ann\"\n",
    run: hsetnx,
    ..Command::BASE
};

fn hsetnx(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, value) = (args.take()?, args.take()?, args.take()?);
    let now_ms = cx.expiry_ms();
    let held = cx.look_hash(key)?.and_then(|(hash, _)| live(hash, name, now_ms)).is_some();
    if !held {
        cx.expire_fields(key, [name].into_iter())?;
        change(cx, key, |hash, limits| hash.set(name, value, Expiry::Clear, limits))?;
        cx.changed(key, Class::Hash, "hset");
    }
    cx.out.int(i64::from(!held));
    Ok(())
}

const HGET: Command = Command {
    name: "HGET",
    summary: "Returns the value of a field.",
    since: "2.0.0",
    group: Group::Hash,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), string("field")],
    example: "> HSET user name ann\n(integer) 1\n> HGET user name\n\"ann\"\n> HGET user age\n\
              (nil)\n",
    run: hget,
    ..Command::BASE
};

fn hget(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name) = (args.take()?, args.take()?);
    let now_ms = cx.expiry_ms();
    match cx.read_hash(key)? {
        Some((hash, out)) => value_or_null(out, live(hash, name, now_ms)),
        None => cx.out.null(),
    }
    Ok(())
}

const HMGET: Command = Command {
    name: "HMGET",
    summary: "Returns the values of fields, null for those that are not there.",
    since: "2.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), many(string("field"))],
    example: "> HSET user name ann age 33\n(integer) 2\n> HMGET user age city\n1) \"33\"\n\
              2) (nil)\n",
    run: hmget,
    ..Command::BASE
};

fn hmget(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let now_ms = cx.expiry_ms();
    let names = args.rest();
    if let Some((hash, out)) = cx.read_hash(key)? {
        out.array(names.len());
        names.iter().for_each(|name| value_or_null(out, live(hash, name, now_ms)));
    } else {
        cx.out.array(names.len());
        names.iter().for_each(|_| cx.out.null());
    }
    Ok(())
}

const HGETALL: Command = Command {
    name: "HGETALL",
    summary: "Returns all fields with their values.",
    since: "2.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access])],
    tips: &["nondeterministic_output_order"],
    example: "> HSET user name ann age 33\n(integer) 2\n> HGETALL user\n1) \"name\"\n2) \"ann\"\n\
              3) \"age\"\n4) \"33\"\n",
    run: |cx, args| reply_with_all(cx, args, Parts::Both),
    ..Command::BASE
};

const HKEYS: Command = Command {
    name: "HKEYS",
    summary: "Returns all fields without their values.",
    since: "2.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access])],
    tips: &["nondeterministic_output_order"],
    example: "> HSET user name ann age 33\n(integer) 2\n> HKEYS user\n1) \"name\"\n2) \"age\"\n",
    run: |cx, args| reply_with_all(cx, args, Parts::Names),
    ..Command::BASE
};

const HVALS: Command = Command {
    name: "HVALS",
    summary: "Returns all values without their fields.",
    since: "2.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access])],
    tips: &["nondeterministic_output_order"],
    example: "> HSET user name ann age 33\n(integer) 2\n> HVALS user\n1) \"ann\"\n2) \"33\"\n",
    run: |cx, args| reply_with_all(cx, args, Parts::Values),
    ..Command::BASE
};

/// What of the fields is replied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Names,
    Values,
    Both,
}

impl Parts {
    fn write(self, out: &mut Out, field: Field<'_>) {
        if self != Self::Values {
            element(out, field.name);
        }
        if self != Self::Names {
            element(out, field.value);
        }
    }
}

/// HGETALL, HKEYS and HVALS.
fn reply_with_all(cx: &mut Ctx<'_>, mut args: Args<'_>, parts: Parts) -> Outcome {
    let key = args.take()?;
    let now_ms = cx.expiry_ms();
    let Some((hash, out)) = cx.read_hash(key)? else {
        match parts {
            Parts::Both => cx.out.map(0),
            _ => cx.out.array(0),
        }
        return Ok(());
    };
    let mark = out.mark();
    let mut count = 0;
    hash.each(|field| {
        if field.is_live(now_ms) {
            parts.write(out, field);
            count += 1;
        }
    });
    match parts {
        Parts::Both => out.map_since(mark, count),
        _ => out.array_since(mark, count),
    }
    Ok(())
}

const HLEN: Command = Command {
    name: "HLEN",
    summary: "Counts the fields of a hash.",
    since: "2.0.0",
    group: Group::Hash,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro])],
    example: "> HSET user name ann age 33\n(integer) 2\n> HLEN user\n(integer) 2\n",
    run: hlen,
    ..Command::BASE
};

fn hlen(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let count = cx.read_hash(args.take()?)?.map_or(0, |(hash, _)| hash.len());
    cx.out.count(count);
    Ok(())
}

const HEXISTS: Command = Command {
    name: "HEXISTS",
    summary: "Tells whether a hash has a field.",
    since: "2.0.0",
    group: Group::Hash,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro]), string("field")],
    example: "> HSET user name ann\n(integer) 1\n> HEXISTS user name\n(integer) 1\n\
              > HEXISTS user age\n(integer) 0\n",
    run: hexists,
    ..Command::BASE
};

fn hexists(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name) = (args.take()?, args.take()?);
    let now_ms = cx.expiry_ms();
    let held = cx.read_hash(key)?.and_then(|(hash, _)| live(hash, name, now_ms)).is_some();
    cx.out.int(i64::from(held));
    Ok(())
}

const HSTRLEN: Command = Command {
    name: "HSTRLEN",
    summary: "Returns how long the value of a field is, in bytes.",
    since: "3.2.0",
    group: Group::Hash,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro]), string("field")],
    example: "> HSET user name ann\n(integer) 1\n> HSTRLEN user name\n(integer) 3\n",
    run: hstrlen,
    ..Command::BASE
};

fn hstrlen(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name) = (args.take()?, args.take()?);
    let now_ms = cx.expiry_ms();
    let field = cx.read_hash(key)?.and_then(|(hash, _)| live(hash, name, now_ms));
    let length = field.map_or(0, |field| field.value.with_bytes(<[u8]>::len));
    cx.out.count(length);
    Ok(())
}

const HDEL: Command = Command {
    name: "HDEL",
    summary: "Removes fields. Tells how many there were.",
    since: "2.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Delete]), many(string("field"))],
    example: "> HSET user name ann age 33\n(integer) 2\n> HDEL user age city\n(integer) 1\n",
    run: hdel,
    ..Command::BASE
};

fn hdel(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let changed = cx.change_hash(key, |hash, _| {
        let count = args.rest().iter().filter(|name| hash.remove(name)).count();
        (count, hash.is_empty(), hash.is_indexed_in_vain())
    })?;
    let Some((count, emptied, in_vain)) = changed else {
        cx.out.int(0);
        return Ok(());
    };
    if in_vain {
        cx.fields_expire(key);
    }
    removed(cx, key, count, emptied);
    cx.out.count(count);
    Ok(())
}

/// Tells that `count` fields were removed from the hash at `key`, and removes the key if the hash
/// was `emptied`.
pub(super) fn removed(cx: &mut Ctx<'_>, key: &[u8], count: usize, emptied: bool) {
    if count == 0 {
        return;
    }
    let dirty = cx.dirty + count as u64;
    cx.changed(key, Class::Hash, "hdel");
    if emptied {
        cx.delete(key);
        cx.changed(key, Class::Generic, "del");
    }
    cx.dirty = dirty;
}

const HINCRBY: Command = Command {
    name: "HINCRBY",
    summary: "Adds a number to the one that a field holds; no field counts as 0.",
    since: "2.0.0",
    group: Group::Hash,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Access, Update]), string("field"), integer("increment")],
    example: "> HSET user age 33\n(integer) 1\n> HINCRBY user age 1\n(integer) 34\n",
    run: hincrby,
    ..Command::BASE
};

fn hincrby(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, increment) = (args.take()?, args.take()?, args.integer()?);
    let now_ms = cx.expiry_ms();
    let field = cx.look_hash(key)?.and_then(|(hash, _)| live(hash, name, now_ms));
    let old = match field.map(|field| field.value) {
        None => 0,
        Some(Element::Int(number)) => number,
        Some(Element::Bytes(_)) => return Err(Error::text("ERR hash value is not an integer")),
    };
    let sum = old.checked_add(increment).ok_or(Error::Overflow)?;
    let is_new = field.is_none();
    set_sum(cx, key, name, &num::Digits::of(sum), is_new)?;
    cx.changed(key, Class::Hash, "hincrby");
    cx.out.int(sum);
    Ok(())
}

/// Sets a field, which keeps its expiry; one that is over goes with what the field was before.
fn set_sum(cx: &mut Ctx<'_>, key: &[u8], name: &[u8], sum: &[u8], is_new: bool) -> Outcome {
    if is_new {
        cx.expire_fields(key, [name].into_iter())?;
    }
    change(cx, key, |hash, limits| hash.set(name, sum, Expiry::Keep, limits)).map(|_| ())
}

const HINCRBYFLOAT: Command = Command {
    name: "HINCRBYFLOAT",
    summary: "Adds a number with decimals to the one that a field holds; no field counts as 0.",
    since: "2.6.0",
    group: Group::Hash,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Access, Update]), string("field"), double("increment")],
    example: "> HSET fruit price 10.5\n(integer) 1\n> HINCRBYFLOAT fruit price 0.1\n\"10.6\"\n",
    run: hincrbyfloat,
    ..Command::BASE
};

fn hincrbyfloat(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, increment) = (args.take()?, args.take()?, args.take()?);
    let increment = Extended::parse(increment).ok_or(Error::NotFloat)?;
    if Extended::ZERO.plus(increment).is_none() {
        return Err(Error::text("ERR value is NaN or Infinity"));
    }
    let now_ms = cx.expiry_ms();
    let field = cx.look_hash(key)?.and_then(|(hash, _)| live(hash, name, now_ms));
    let is_new = field.is_none();
    let old = match field {
        None => Extended::ZERO,
        Some(field) => field
            .value
            .with_bytes(Extended::parse)
            .ok_or(Error::text("ERR hash value is not a float"))?,
    };
    let sum = old
        .plus(increment)
        .ok_or(Error::text("ERR increment would produce NaN or Infinity"))?
        .to_text();
    set_sum(cx, key, name, &sum, is_new)?;
    cx.changed(key, Class::Hash, "hincrbyfloat");
    cx.propagate_as(&[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", name, &sum]);
    cx.out.bulk(&sum);
    Ok(())
}

const HRANDFIELD: Command = Command {
    name: "HRANDFIELD",
    summary: "Draws fields by chance: different ones, or with a negative count any.",
    since: "6.2.0",
    group: Group::Hash,
    complexity: "O(N) for N fields drawn, or in the hash if a good part of it is drawn",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        opt(block("options", &[integer("count"), opt(token("withvalues", "WITHVALUES"))])),
    ],
    tips: &["nondeterministic_output"],
    example: "> HSET coin head 1\n(integer) 1\n> HRANDFIELD coin\n\"head\"\n\
              > HRANDFIELD coin -2 WITHVALUES\n1) \"head\"\n2) \"1\"\n3) \"head\"\n4) \"1\"\n",
    run: hrandfield,
    ..Command::BASE
};

fn hrandfield(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let now_ms = cx.expiry_ms();
    let mut rng = cx.rng.clone();
    if args.is_empty() {
        match cx.read_hash(key)? {
            Some((hash, out)) => match draw(hash, &mut rng, now_ms) {
                Some(field) => element(out, field.name),
                None => out.null(),
            },
            None => cx.out.null(),
        }
        cx.rng = rng;
        return Ok(());
    }
    let count = args.integer()?;
    if count == i64::MIN {
        return Err(Error::text(
            "ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807",
        ));
    }
    let parts = if args.eat("WITHVALUES") { Parts::Both } else { Parts::Names };
    args.end()?;
    let is_far = parts == Parts::Both && count.unsigned_abs() > i64::MAX as u64 / 2;
    // Redis would try to reply with any number of them, and run out of memory.
    let is_endless = count < -limits::REPEATS_MAX;
    let found = cx.read_hash(key);
    if is_far || (is_endless && matches!(found, Ok(Some(_)))) {
        return Err(Error::text("ERR value is out of range"));
    }
    let Some((hash, out)) = found? else {
        cx.out.array(0);
        return Ok(());
    };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let nests = parts == Parts::Both && out.proto() == Proto::V3;
    let mark = out.mark();
    let mut shown = 0;
    let mut show = |field: Field<'_>| {
        if nests {
            out.array(2);
        }
        parts.write(out, field);
        shown += if parts == Parts::Both && !nests { 2 } else { 1 };
    };
    if count < 0 {
        for _ in 0..wanted {
            let Some(field) = draw(hash, &mut rng, now_ms) else { break };
            show(field);
        }
    } else {
        draw_different(hash, &mut rng, now_ms, wanted, &mut show);
    }
    out.array_since(mark, shown);
    cx.rng = rng;
    Ok(())
}

/// Some field that has not expired.
fn draw<'a>(hash: HashRef<'a>, rng: &mut crate::base::rng::Rng, now_ms: i64) -> Option<Field<'a>> {
    const TRIES: usize = 100;
    (0..TRIES).find_map(|_| hash.random(rng).filter(|field| field.is_live(now_ms)))
}

/// Shows `count` different fields, or all there are.
fn draw_different(
    hash: HashRef<'_>,
    rng: &mut crate::base::rng::Rng,
    now_ms: i64,
    count: usize,
    show: &mut dyn FnMut(Field<'_>),
) {
    if hash.as_listpack().is_none() && count.saturating_mul(3) < hash.len() {
        let mut drawn = crate::base::Set::default();
        // Most draws find a new field, as at most a third of them are drawn.
        for _ in 0..count.saturating_mul(10) {
            if drawn.len() == count {
                break;
            }
            let Some(field) = draw(hash, rng, now_ms) else { break };
            if drawn.insert(field.name.to_vec()) {
                show(field);
            }
        }
        return;
    }
    let mut all = Vec::new();
    hash.each(|field| {
        if field.is_live(now_ms) {
            all.push(field);
        }
    });
    if count < all.len() {
        for place in 0..count {
            let other = place + rng.below((all.len() - place) as u64) as usize;
            all.swap(place, other);
        }
    }
    all.into_iter().take(count).for_each(show);
}

const HSCAN: Command = Command {
    name: "HSCAN",
    summary: "Goes through the fields of a hash, some at a time.",
    since: "2.8.0",
    group: Group::Hash,
    complexity: "O(1) for each call with a small COUNT, O(N) for all N fields",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        integer("cursor"),
        opt(pattern("pattern").after("MATCH")),
        opt(integer("count").after("COUNT")),
        opt(token("novalues", "NOVALUES")),
    ],
    tips: &["nondeterministic_output"],
    example: "> HSET user name ann age 33\n(integer) 2\n> HSCAN user 0 MATCH n*\n1) \"0\"\n\
              2) 1) \"name\"\n   2) \"ann\"\n",
    run: hscan,
    ..Command::BASE
};

fn hscan(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let cursor = scan::parse_cursor(args.take()?)?;
    let now_ms = cx.expiry_ms();
    let Some((hash, out)) = cx.read_hash(key)? else {
        cx.out.array(2);
        cx.out.bulk(b"0");
        cx.out.array(0);
        return Ok(());
    };
    let options = Options::of_collection(args, Some("NOVALUES"))?;
    let (pattern, count) = (options.pattern, options.count);
    let parts = if options.names_only { Parts::Names } else { Parts::Both };
    // Written aside, because the cursor that comes before is known last.
    let mut fields = Out::default();
    let mut shown = 0;
    let next = hash.scan(cursor, count.min(hash.len().max(1)), |field| {
        let is_match = pattern.is_none_or(|p| field.name.with_bytes(|name| glob::matches(p, name)));
        if is_match && field.is_live(now_ms) {
            parts.write(&mut fields, field);
            shown += if parts == Parts::Both { 2 } else { 1 };
        }
    });
    out.array(2);
    out.bulk(&num::Digits::of_u64(next));
    out.array(shown);
    out.raw(fields.pending());
    Ok(())
}

/// Replies with the value of a field, or null.
pub(super) fn value_or_null(out: &mut Out, field: Option<Field<'_>>) {
    match field {
        Some(field) => element(out, field.value),
        None => out.null(),
    }
}

fn element(out: &mut Out, element: Element<'_>) {
    match element {
        Element::Int(number) => out.bulk_int(number),
        Element::Bytes(bytes) => out.bulk(bytes),
    }
}
