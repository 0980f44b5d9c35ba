//! Strings: reading them whole and storing them whole.
//!
//! What changes a string in place is in [`change`], what an option of SET or GETEX means in
//! [`options`], what depends on the string there in [`compare`], the longest common subsequence in
//! [`lcs`]. A string that is exactly the digits of a
//! 64-bit integer is stored as that number; nobody but OBJECT ENCODING can tell.

mod change;
mod compare;
mod increx;
mod lcs;
mod msetex;
mod options;

use super::expire::{EXPIRATION_OR_PERSIST, expire_now};
use crate::base::{Error, num};
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::Argv;
use crate::spec::{
    Access::*, Flag::*, Group, block, derive, integer, key, many, one_of, opt, string, token,
    unix_time,
};
use crate::store::ValueRef;

use options::{Expiry, Options, Since, Unit};

pub(crate) const COMMANDS: &[&Command] = &[
    &change::APPEND,
    &change::DECR,
    &change::DECRBY,
    &compare::DELEX,
    &compare::DELIFEQ,
    &compare::DIGEST,
    &GET,
    &GETDEL,
    &GETEX,
    &GETRANGE,
    &GETSET,
    &change::INCR,
    &change::INCRBY,
    &change::INCRBYFLOAT,
    &increx::INCREX,
    &lcs::LCS,
    &MGET,
    &MSET,
    &msetex::MSETEX,
    &MSETNX,
    &PSETEX,
    &SET,
    &SETEX,
    &SETNX,
    &change::SETRANGE,
    &STRLEN,
    &SUBSTR,
];

const GET: Command = Command {
    name: "GET",
    summary: "Returns the string that a key holds.",
    since: "1.0.0",
    group: Group::String,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access])],
    example: "> SET greeting hello\nOK\n> GET greeting\n\"hello\"\n> GET nothing\n(nil)\n",
    run: get,
    ..Command::BASE
};

fn get(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    reply_with_value(cx, args.take()?).map(|_| ())
}

/// Replies with the string that `key` holds, or null; returns whether there is one.
#[inline]
fn reply_with_value(cx: &mut Ctx<'_>, key: &[u8]) -> Result<bool, Error> {
    let (found, out) = cx.read_beside_out(key);
    match found.map(|found| found.value) {
        None => {
            out.null();
            return Ok(false);
        }
        Some(ValueRef::Str { bytes, .. }) => out.bulk(bytes),
        Some(ValueRef::Int(number)) => out.bulk_int(number),
        Some(_) => return Err(Error::WrongType),
    }
    Ok(true)
}

const GETDEL: Command = Command {
    name: "GETDEL",
    summary: "Returns the string that a key holds, and deletes the key.",
    since: "6.2.0",
    group: Group::String,
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Delete])],
    example: "> SET ticket 42\nOK\n> GETDEL ticket\n\"42\"\n> GETDEL ticket\n(nil)\n",
    run: getdel,
    ..Command::BASE
};

fn getdel(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    if reply_with_value(cx, key)? {
        cx.delete(key);
        cx.changed(key, Class::Generic, "del");
        cx.propagate_as(&[b"DEL", key]);
    }
    Ok(())
}

const GETEX: Command = Command {
    name: "GETEX",
    summary: "Returns the string that a key holds, and changes when the key expires.",
    since: "6.2.0",
    group: Group::String,
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Update]), EXPIRATION_OR_PERSIST],
    example: "> SET session ann\nOK\n> GETEX session EX 60\n\"ann\"\n> TTL session\n\
              (integer) 60\n> GETEX session PERSIST\n\"ann\"\n> TTL session\n(integer) -1\n",
    run: getex,
    ..Command::BASE
};

fn getex(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let options = Options::of_getex(args)?;
    // The expiry is looked at once the key is known to be a string, the reply written after it.
    let found = cx.read(key);
    let Some(found) = found else {
        cx.out.null();
        return Ok(());
    };
    let (expired_before, value) = (found.expires_ms, found.value);
    if value.text().is_none() {
        return Err(Error::WrongType);
    }
    let expires_ms = options.expiry.deadline_ms(cx)?;
    let (found, out) = cx.look_beside_out(key);
    if let Some(text) = found.and_then(|found| found.value.text()) {
        out.bulk(&text);
    }
    match (options.expiry, expires_ms) {
        (_, Some(at_ms)) if at_ms <= cx.expiry_ms() => expire_now(cx, key),
        (_, Some(at_ms)) => {
            cx.set_expiry(key, Some(at_ms));
            cx.changed(key, Class::Generic, "expire");
            cx.propagate_as(&[b"PEXPIREAT", key, &num::Digits::of(at_ms)]);
        }
        (Expiry::Persist, None) if expired_before.is_some() => {
            cx.set_expiry(key, None);
            cx.changed(key, Class::Generic, "persist");
            cx.propagate_as(&[b"PERSIST", key]);
        }
        (_, None) => {}
    }
    Ok(())
}

const GETRANGE: Command = Command {
    name: "GETRANGE",
    summary: "Returns the part of a string between two offsets.",
    since: "2.4.0",
    group: Group::String,
    complexity: "O(N) for N bytes returned",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), integer("start"), integer("end")],
    example: "> SET greeting \"hello world\"\nOK\n> GETRANGE greeting 0 4\n\"hello\"\n\
              > GETRANGE greeting -5 -1\n\"world\"\n",
    run: getrange,
    ..Command::BASE
};

const SUBSTR: Command = Command {
    name: "SUBSTR",
    summary: "Returns the part of a string between two offsets.",
    since: "1.0.0",
    group: Group::String,
    complexity: "O(N) for N bytes returned",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), integer("start"), integer("end")],
    deprecated: Some(("2.0.0", "`GETRANGE`")),
    example: "> SET greeting \"hello world\"\nOK\n> SUBSTR greeting 0 4\n\"hello\"\n",
    run: getrange,
    ..Command::BASE
};

fn getrange(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let (start, end) = (args.integer()?, args.integer()?);
    let (found, out) = cx.read_beside_out(key);
    let Some(found) = found else {
        out.bulk(b"");
        return Ok(());
    };
    let text = found.value.text().ok_or(Error::WrongType)?;
    out.bulk(text.get(span(start, end, text.len())).unwrap_or_default());
    Ok(())
}

/// The bytes of a string of `len` bytes that lie between two offsets, both included. Negative ones
/// count from the end; what lies before the beginning means the first byte, even for `end`.
fn span(start: i64, end: i64, len: usize) -> std::ops::Range<usize> {
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let len = len as i64;
    let from_front = |offset: i64| if offset < 0 { (offset + len).max(0) } else { offset };
    let start = from_front(start);
    let end = from_front(end).min(len - 1);
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}

const GETSET: Command = Command {
    name: "GETSET",
    summary: "Stores a string and returns the one that was there before.",
    since: "1.0.0",
    group: Group::String,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Access, Update]), string("value")],
    deprecated: Some(("6.2.0", "`SET` with the `!GET` argument")),
    example: "> SET light on\nOK\n> GETSET light off\n\"on\"\n> GET light\n\"off\"\n",
    run: getset,
    ..Command::BASE
};

fn getset(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, value) = (args.take()?, args.take()?);
    reply_with_value(cx, key)?;
    store(cx, key, value, None);
    cx.propagate_as(&[b"SET", key, value]);
    Ok(())
}

/// Stores a string and tells of it.
#[inline]
fn store(cx: &mut Ctx<'_>, key: &[u8], value: &[u8], expires_ms: Option<i64>) {
    cx.insert_str(key, value, expires_ms);
    cx.changed(key, Class::String, "set");
}

/// Stores a string in the place of what the key held, and tells of it.
#[inline]
fn replace(cx: &mut Ctx<'_>, key: &[u8], value: &[u8]) {
    cx.replace_str(key, value, None);
    cx.changed(key, Class::String, "set");
}

const MGET: Command = Command {
    name: "MGET",
    summary: "Returns the strings that several keys hold.",
    since: "1.0.0",
    group: Group::String,
    complexity: "O(N) for N keys",
    flags: &[Readonly, Fast],
    args: &[many(key("key", &[Ro, Access]))],
    tips: &["request_policy:multi_shard"],
    example: "> MSET one 1 two 2\nOK\n> MGET one two three\n1) \"1\"\n2) \"2\"\n3) (nil)\n",
    run: mget,
    ..Command::BASE
};

fn mget<'b>(cx: &mut Ctx<'b>, args: Args<'b>) -> Outcome {
    cx.out.array(args.len());
    cx.each_key(args.rest(), 1, |cx, key, _| {
        // A key of another type counts as one that is not there.
        if reply_with_value(cx, key).is_err() {
            cx.out.null();
        }
    });
    Ok(())
}

const MSET: Command = Command {
    name: "MSET",
    summary: "Stores strings under several keys, all at once.",
    since: "1.0.1",
    group: Group::String,
    complexity: "O(N) for N keys",
    flags: &[Write, DenyOom],
    args: &[many(block("data", &[key("key", &[Ow, Update]), string("value")]))],
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    example: "> MSET one 1 two 2\nOK\n> GET two\n\"2\"\n",
    run: mset,
    ..Command::BASE
};

fn mset<'b>(cx: &mut Ctx<'b>, args: Args<'b>) -> Outcome {
    store_pairs(cx, args)?;
    cx.out.ok();
    Ok(())
}

const MSETNX: Command = Command {
    name: "MSETNX",
    summary: "Stores strings under several keys, all at once, if none of the keys exists.",
    since: "1.0.1",
    group: Group::String,
    complexity: "O(N) for N keys",
    flags: &[Write, DenyOom],
    args: &[many(block("data", &[key("key", &[Ow, Insert]), string("value")]))],
    example: "> MSETNX one 1 two 2\n(integer) 1\n> MSETNX two 2 three 3\n(integer) 0\n\
              > GET three\n(nil)\n",
    run: msetnx,
    ..Command::BASE
};

fn msetnx<'b>(cx: &mut Ctx<'b>, args: Args<'b>) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(wrong_arity(cx.entry));
    }
    if args.rest().iter().step_by(2).any(|key| cx.look(key).is_some()) {
        cx.out.int(0);
        return Ok(());
    }
    store_pairs(cx, args)?;
    cx.out.int(1);
    Ok(())
}

fn store_pairs<'b>(cx: &mut Ctx<'b>, args: Args<'b>) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(wrong_arity(cx.entry));
    }
    cx.each_key(args.rest(), 2, |cx, key, behind| {
        replace(cx, key, behind.get(0).unwrap_or_default());
    });
    Ok(())
}

const PSETEX: Command = Command {
    name: "PSETEX",
    summary: "Stores a string that expires after so many milliseconds.",
    since: "2.6.0",
    group: Group::String,
    flags: &[Write, DenyOom],
    args: &[key("key", &[Ow, Update]), integer("milliseconds"), string("value")],
    deprecated: Some(("2.6.12", "`SET` with the `PX` argument")),
    example: "> PSETEX flash 1500 hello\nOK\n> TTL flash\n(integer) 2\n",
    run: |cx, args| set_with_ttl(cx, args, Unit::Milliseconds),
    ..Command::BASE
};

const SETEX: Command = Command {
    name: "SETEX",
    summary: "Stores a string that expires after so many seconds.",
    since: "2.0.0",
    group: Group::String,
    flags: &[Write, DenyOom],
    args: &[key("key", &[Ow, Update]), integer("seconds"), string("value")],
    deprecated: Some(("2.6.12", "`SET` with the `EX` argument")),
    example: "> SETEX session 60 ann\nOK\n> TTL session\n(integer) 60\n",
    run: |cx, args| set_with_ttl(cx, args, Unit::Seconds),
    ..Command::BASE
};

/// SETEX and PSETEX.
fn set_with_ttl(cx: &mut Ctx<'_>, mut args: Args<'_>, unit: Unit) -> Outcome {
    let (key, ttl, value) = (args.take()?, args.take()?, args.take()?);
    let expiry = Expiry::At { unit, since: Since::Now, number: ttl };
    set_unless(cx, key, value, Options { expiry, ..Options::default() }, args.all())
}

const SET: Command = Command {
    name: "SET",
    summary: "Stores a string under a key, whatever the key held before.",
    since: "1.0.0",
    group: Group::String,
    flags: &[Write, DenyOom],
    args: &[
        key("key", &[Rw, Access, Update, VariableFlags]),
        string("value"),
        opt(one_of(
            "condition",
            &[
                token("nx", "NX"),
                token("xx", "XX"),
                string("ifeq-value").after("IFEQ").since("8.4.0"),
                string("ifne-value").after("IFNE").since("8.4.0"),
                string("ifdeq-digest").after("IFDEQ").since("8.4.0"),
                string("ifdne-digest").after("IFDNE").since("8.4.0"),
            ],
        )
        .since("2.6.12")),
        opt(token("get", "GET").since("6.2.0")),
        opt(one_of(
            "expiration",
            &[
                integer("seconds").after("EX").since("2.6.12"),
                integer("milliseconds").after("PX").since("2.6.12"),
                unix_time("unix-time-seconds").after("EXAT").since("6.2.0"),
                unix_time("unix-time-milliseconds").after("PXAT").since("6.2.0"),
                token("keepttl", "KEEPTTL").since("6.0.0"),
            ],
        )),
    ],
    example: "> SET light on\nOK\n> SET light off NX\n(nil)\n> SET light off XX GET\n\"on\"\n\
              > SET light on EX 60\nOK\n> TTL light\n(integer) 60\n",
    find_keys: Some(|argv, found| {
        let reads = (3..argv.len()).any(|place| derive::is_option(argv, place, "GET", 0));
        found.push((1, if reads { &[Rw, Access, Update] } else { &[Ow, Update] }));
    }),
    run: set,
    ..Command::BASE
};

fn set(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, value) = (args.take()?, args.take()?);
    if args.is_empty() {
        replace(cx, key, value);
        cx.out.ok();
        return Ok(());
    }
    let options = Options::of_set(args)?;
    set_unless(cx, key, value, options, args.all())
}

/// SET with options.
fn set_unless(
    cx: &mut Ctx<'_>,
    key: &[u8],
    value: &[u8],
    options: Options<'_>,
    argv: Argv<'_>,
) -> Outcome {
    let expires_ms = options.expiry.deadline_ms(cx)?;
    let found = cx.look(key);
    let (old, value_now) = (found.map(|found| found.expires_ms), found.map(|found| found.value));
    let stored = options.condition.map_or(Ok(true), |condition| condition.holds(value_now))?;
    // With GET, the old value is the reply, whether or not the new one is stored.
    if options.get {
        reply_with_value(cx, key)?;
    }
    if stored {
        let kept = if options.expiry == Expiry::Keep { old.flatten() } else { None };
        store(cx, key, value, expires_ms.or(kept));
        // A deadline that has passed is stored like any other; the next look-up finds it.
        if let Some(at_ms) = expires_ms {
            cx.changed_too(key, Class::Generic, "expire");
            // PXAT is as good as it came.
            let is_pxat = matches!(
                options.expiry,
                Expiry::At { unit: Unit::Milliseconds, since: Since::Epoch, .. }
            );
            if !is_pxat && cx.propagates() {
                cx.propagate_as(&[b"SET", key, value, b"PXAT", &num::Digits::of(at_ms)]);
            }
        } else if options.get && cx.propagates() {
            // Whoever repeats it asks for nothing.
            let options = argv.from(3).iter().filter(|word| !word.eq_ignore_ascii_case(b"GET"));
            let words: Vec<&[u8]> = argv.iter().take(3).chain(options).collect();
            cx.propagate_as(&words);
        }
    }
    match (options.get, stored) {
        (true, _) => {}
        (false, true) => cx.out.ok(),
        (false, false) => cx.out.null(),
    }
    Ok(())
}

const SETNX: Command = Command {
    name: "SETNX",
    summary: "Stores a string under a key that does not exist yet.",
    since: "1.0.0",
    group: Group::String,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Ow, Insert]), string("value")],
    deprecated: Some(("2.6.12", "`SET` with the `NX` argument")),
    example: "> SETNX lock me\n(integer) 1\n> SETNX lock you\n(integer) 0\n",
    run: setnx,
    ..Command::BASE
};

fn setnx(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, value) = (args.take()?, args.take()?);
    let is_new = cx.look(key).is_none();
    if is_new {
        store(cx, key, value, None);
    }
    cx.out.int(i64::from(is_new));
    Ok(())
}

const STRLEN: Command = Command {
    name: "STRLEN",
    summary: "Returns the length of a string in bytes.",
    since: "2.2.0",
    group: Group::String,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro])],
    example: "> SET greeting hello\nOK\n> STRLEN greeting\n(integer) 5\n> STRLEN nothing\n\
              (integer) 0\n",
    run: strlen,
    ..Command::BASE
};

fn strlen(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let len = match cx.read(args.take()?) {
        None => 0,
        Some(found) => found.value.text().ok_or(Error::WrongType)?.len(),
    };
    cx.out.count(len);
    Ok(())
}
