//! When fields of hashes expire: the HEXPIRE family, HTTL and its relatives, and the commands that
//! read, set or remove fields together with their expiry.

use super::expire::{
    CONDITION, Condition, EXPIRATION_OR_KEEPTTL, EXPIRATION_OR_PERSIST, Since, Unit,
};
use super::hash::{change, live, removed, value_or_null};
use crate::base::{Error, num};
use crate::ds::hash::Expiry;
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::Argv;
use crate::spec::{
    Access::*, Arg, Flag::*, Group, block, integer, key, many, one_of, opt, string, token,
    unix_time,
};

pub(crate) const COMMANDS: &[&Command] = &[
    &HEXPIRE,
    &HEXPIREAT,
    &HEXPIRETIME,
    &HGETDEL,
    &HGETEX,
    &HPERSIST,
    &HPEXPIRE,
    &HPEXPIREAT,
    &HPEXPIRETIME,
    &HPTTL,
    &HSETEX,
    &HTTL,
];

/// The last millisecond since 1970 at which a field can expire: Redis has 46 bits for it.
const LAST_MS: i64 = (1 << 46) - 1;

const FIELDS: Arg = block("fields", &[integer("numfields"), many(string("field"))]).after("FIELDS");

const MISSING: Error =
    Error::text("ERR Mandatory argument FIELDS is missing or not at the right position");

const NO_COUNT: Error = Error::text("ERR Number of fields must be a positive integer");

const OTHER_COUNT: Error =
    Error::text("ERR The `numfields` parameter must match the number of arguments");

const HEXPIRE: Command = Command {
    name: "HEXPIRE",
    summary: "Lets fields expire after so many seconds.",
    since: "7.4.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), integer("seconds"), CONDITION, FIELDS],
    example: "> HSET user name ann\n(integer) 1\n> HEXPIRE user 10 FIELDS 2 name age\n\
              1) (integer) 1\n2) (integer) -2\n> HTTL user FIELDS 1 name\n1) (integer) 10\n",
    run: |cx, args| expire_at(cx, args, Unit::Seconds, Since::Now),
    ..Command::BASE
};

const HEXPIREAT: Command = Command {
    name: "HEXPIREAT",
    summary: "Lets fields expire at a point in time, given in seconds since 1970.",
    since: "7.4.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), unix_time("unix-time-seconds"), CONDITION, FIELDS],
    example: "> HSET user name ann\n(integer) 1\n> HEXPIREAT user 33177117420 FIELDS 1 name\n\
              1) (integer) 1\n",
    run: |cx, args| expire_at(cx, args, Unit::Seconds, Since::Epoch),
    ..Command::BASE
};

const HPEXPIRE: Command = Command {
    name: "HPEXPIRE",
    summary: "Lets fields expire after so many milliseconds.",
    since: "7.4.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), integer("milliseconds"), CONDITION, FIELDS],
    example: "> HSET user name ann\n(integer) 1\n> HPEXPIRE user 1500 FIELDS 1 name\n\
              1) (integer) 1\n~ 2000ms\n> HGET user name\n(nil)\n",
    run: |cx, args| expire_at(cx, args, Unit::Milliseconds, Since::Now),
    ..Command::BASE
};

const HPEXPIREAT: Command = Command {
    name: "HPEXPIREAT",
    summary: "Lets fields expire at a point in time, given in milliseconds since 1970.",
    since: "7.4.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), unix_time("unix-time-milliseconds"), CONDITION, FIELDS],
    example: "> HSET user name ann\n(integer) 1\n> HPEXPIREAT user 33177117420000 FIELDS 1 name\n\
              1) (integer) 1\n",
    run: |cx, args| expire_at(cx, args, Unit::Milliseconds, Since::Epoch),
    ..Command::BASE
};

/// HEXPIRE, HPEXPIRE, HEXPIREAT and HPEXPIREAT: replies for each field -2 if it is not there, 0 if
/// the condition does not hold, 1 if it expires now then, 2 if it was removed because it would
/// have expired already.
fn expire_at(cx: &mut Ctx<'_>, mut args: Args<'_>, unit: Unit, since: Since) -> Outcome {
    let key = args.take()?;
    let is_there = cx.look_hash(key)?.is_some();
    let at_ms = deadline_ms(cx, args.take()?, unit, since)?;
    let options = args.rest();
    let condition = one_condition(&mut args);
    let names = fields(args, Error::text("ERR Parameter `numFields` should be greater than 0"))?;
    cx.out.array(names.len());
    if !is_there {
        names.iter().for_each(|_| cx.out.int(-2));
        return Ok(());
    }
    let now_ms = cx.expiry_ms();
    let (mut set, mut gone) = (Vec::new(), Vec::new());
    let emptied = cx.change_hash(key, |hash, out| {
        hash.allow_expiry();
        for name in names.iter() {
            let Some(field) = live(hash.view(), name, now_ms) else {
                out.int(-2);
                continue;
            };
            if !condition.holds(field.expires_ms, at_ms) {
                out.int(0);
            } else if at_ms <= now_ms {
                hash.remove(name);
                gone.push(name);
                out.int(2);
            } else {
                hash.set_expiry(name, Some(at_ms));
                set.push(name);
                out.int(1);
            }
        }
        hash.is_empty()
    })?;
    let emptied = emptied.unwrap_or_default();
    cx.fields_expire(key);
    tell(cx, key, "hexpire", set.len());
    removed(cx, key, gone.len(), emptied);
    if !set.is_empty() && cx.propagates() {
        let (at, count) = (num::Digits::of(at_ms), num::Digits::of(set.len() as i64));
        let name: &[u8] = match (unit, since) {
            (Unit::Milliseconds, Since::Epoch) => args.all().get(0).unwrap_or_default(),
            _ => b"HPEXPIREAT",
        };
        let mut words = vec![name, key, &at];
        words.extend(options.iter().take(options.len() - names.len() - 1));
        words.push(&count);
        words.extend(&set);
        cx.propagate_as(&words);
    }
    propagate_removal(cx, key, gone);
    Ok(())
}

/// Records that fields were removed because they were to expire at a time that has passed.
fn propagate_removal<'a>(cx: &mut Ctx<'_>, key: &[u8], names: impl IntoIterator<Item = &'a [u8]>) {
    for name in names {
        cx.propagate_as(&[b"HDEL", key, name]);
    }
}

/// Tells that `count` fields changed, if any.
fn tell(cx: &mut Ctx<'_>, key: &[u8], event: &str, count: usize) {
    if count > 0 {
        cx.changed(key, Class::Hash, event);
        cx.dirty += count as u64 - 1;
    }
}

/// The point in time that `number` means, in milliseconds since 1970.
fn deadline_ms(cx: &Ctx<'_>, number: &[u8], unit: Unit, since: Since) -> Result<i64, Error> {
    let number = num::parse_i64(number).ok_or(Error::NotInteger)?;
    if number < 0 {
        return Err(Error::text("ERR invalid expire time, must be >= 0"));
    }
    let ms = match unit {
        Unit::Seconds => number.checked_mul(1000),
        Unit::Milliseconds => Some(number),
    };
    let at_ms = match since {
        Since::Now => ms.and_then(|ms| ms.checked_add(cx.now.unix_ms())),
        Since::Epoch => ms,
    };
    at_ms.filter(|&at_ms| at_ms <= LAST_MS).ok_or_else(|| {
        Error::from(format!("ERR invalid expire time in '{}' command", cx.entry.full_name))
    })
}

/// NX, XX, GT or LT, if one of them comes next.
fn one_condition(args: &mut Args<'_>) -> Condition {
    let mut condition = Condition::default();
    if args.eat("NX") {
        condition.nx = true;
    } else if args.eat("XX") {
        condition.xx = true;
    } else if args.eat("GT") {
        condition.gt = true;
    } else if args.eat("LT") {
        condition.lt = true;
    }
    condition
}

/// FIELDS, how many, and the fields, which must be the rest of the arguments.
fn fields<'a>(mut args: Args<'a>, no_count: Error) -> Result<Argv<'a>, Error> {
    if !args.eat("FIELDS") {
        return Err(MISSING);
    }
    let count = args.integer_or(no_count.clone())?;
    if count < 1 {
        return Err(no_count);
    }
    if usize::try_from(count) != Ok(args.len()) {
        return Err(OTHER_COUNT);
    }
    Ok(args.rest())
}

const HTTL: Command = Command {
    name: "HTTL",
    summary: "Tells how long fields stay, in seconds.",
    since: "7.4.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), FIELDS],
    tips: &["nondeterministic_output"],
    example: "> HSET user name ann\n(integer) 1\n> HTTL user FIELDS 2 name age\n\
              1) (integer) -1\n2) (integer) -2\n",
    run: |cx, args| tell_expiry(cx, args, Unit::Seconds, Since::Now),
    ..Command::BASE
};

const HPTTL: Command = Command {
    name: "HPTTL",
    summary: "Tells how long fields stay, in milliseconds.",
    since: "7.4.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), FIELDS],
    tips: &["nondeterministic_output"],
    example: "> HSET user name ann\n(integer) 1\n> HPTTL user FIELDS 2 name age\n\
              1) (integer) -1\n2) (integer) -2\n",
    run: |cx, args| tell_expiry(cx, args, Unit::Milliseconds, Since::Now),
    ..Command::BASE
};

const HEXPIRETIME: Command = Command {
    name: "HEXPIRETIME",
    summary: "Tells when fields expire, in seconds since 1970.",
    since: "7.4.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), FIELDS],
    example: "> HSET user name ann\n(integer) 1\n> HEXPIREAT user 33177117420 FIELDS 1 name\n\
              1) (integer) 1\n> HEXPIRETIME user FIELDS 1 name\n1) (integer) 33177117420\n",
    run: |cx, args| tell_expiry(cx, args, Unit::Seconds, Since::Epoch),
    ..Command::BASE
};

const HPEXPIRETIME: Command = Command {
    name: "HPEXPIRETIME",
    summary: "Tells when fields expire, in milliseconds since 1970.",
    since: "7.4.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), FIELDS],
    example: "> HSET user name ann\n(integer) 1\n> HPEXPIRETIME user FIELDS 1 name\n\
              1) (integer) -1\n",
    run: |cx, args| tell_expiry(cx, args, Unit::Milliseconds, Since::Epoch),
    ..Command::BASE
};

/// HTTL, HPTTL, HEXPIRETIME and HPEXPIRETIME: -2 without a field, -1 without an expiry.
fn tell_expiry(cx: &mut Ctx<'_>, mut args: Args<'_>, unit: Unit, since: Since) -> Outcome {
    let key = args.take()?;
    let now_ms = cx.now.unix_ms();
    // A key of another type is found before the other arguments are read.
    cx.read_hash(key)?;
    let names = fields(args, NO_COUNT)?;
    let number = |expires_ms: i64| {
        let ms = match since {
            Since::Now => expires_ms - now_ms,
            Since::Epoch => expires_ms,
        };
        match unit {
            // Rounded up.
            Unit::Seconds => (ms + 999).div_euclid(1000),
            Unit::Milliseconds => ms,
        }
    };
    cx.out.array(names.len());
    for name in names.iter() {
        let field = cx.look_hash(key)?.and_then(|(hash, _)| live(hash, name, now_ms));
        let reply = field.map_or(-2, |field| field.expires_ms.map_or(-1, number));
        cx.out.int(reply);
    }
    Ok(())
}

const HPERSIST: Command = Command {
    name: "HPERSIST",
    summary: "Takes the expiry of fields away, so that they stay.",
    since: "7.4.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), FIELDS],
    example: "> HSET user name ann\n(integer) 1\n> HEXPIRE user 10 FIELDS 1 name\n\
              1) (integer) 1\n> HPERSIST user FIELDS 2 name age\n1) (integer) 1\n\
              2) (integer) -2\n",
    run: hpersist,
    ..Command::BASE
};

fn hpersist(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    cx.look_hash(key)?;
    let names = fields(args, NO_COUNT)?;
    let now_ms = cx.expiry_ms();
    cx.out.array(names.len());
    let changed = cx.change_hash(key, |hash, out| {
        let mut count = 0;
        for name in names.iter() {
            match live(hash.view(), name, now_ms).map(|field| field.expires_ms) {
                None => out.int(-2),
                Some(None) => out.int(-1),
                Some(Some(_)) => {
                    hash.set_expiry(name, None);
                    count += 1;
                    out.int(1);
                }
            }
        }
        count
    })?;
    match changed {
        Some(count) => tell(cx, key, "hpersist", count),
        None => names.iter().for_each(|_| cx.out.int(-2)),
    }
    Ok(())
}

const HGETDEL: Command = Command {
    name: "HGETDEL",
    summary: "Returns the values of fields and removes these.",
    since: "8.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Delete]), FIELDS],
    example: "> HSET user name ann age 33\n(integer) 2\n> HGETDEL user FIELDS 2 name city\n\
              1) \"ann\"\n2) (nil)\n> HKEYS user\n1) \"age\"\n",
    run: hgetdel,
    ..Command::BASE
};

fn hgetdel(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    cx.look_hash(key)?;
    let names = fields(args, NO_COUNT)?;
    let now_ms = cx.expiry_ms();
    cx.out.array(names.len());
    let changed = cx.change_hash(key, |hash, out| {
        let mut count = 0;
        for name in names.iter() {
            value_or_null(out, live(hash.view(), name, now_ms));
            count += usize::from(hash.remove(name));
        }
        (count, hash.is_empty(), hash.is_indexed_in_vain())
    })?;
    let Some((count, emptied, in_vain)) = changed else {
        names.iter().for_each(|_| cx.out.null());
        return Ok(());
    };
    if in_vain {
        cx.fields_expire(key);
    }
    removed(cx, key, count, emptied);
    if count > 0 && cx.propagates() {
        let words: Vec<&[u8]> = [b"HDEL", key].into_iter().chain(names.iter()).collect();
        cx.propagate_as(&words);
    }
    Ok(())
}

const HGETEX: Command = Command {
    name: "HGETEX",
    summary: "Returns the values of fields, and sets or takes away when these expire.",
    since: "8.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Update]), EXPIRATION_OR_PERSIST, FIELDS],
    example: "> HSET user name ann\n(integer) 1\n> HGETEX user EX 10 FIELDS 1 name\n1) \"ann\"\n\
              > HTTL user FIELDS 1 name\n1) (integer) 10\n",
    run: hgetex,
    ..Command::BASE
};

/// What HGETEX does with expiries.
#[derive(Clone, Copy)]
enum Change {
    Nothing,
    Persist,
    At(i64),
}

fn hgetex(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    cx.look_hash(key)?;
    let change = if args.eat("PERSIST") {
        Change::Persist
    } else if let Some((unit, since)) = clock_word(&mut args) {
        Change::At(deadline_ms(cx, args.take()?, unit, since)?)
    } else {
        Change::Nothing
    };
    let fields_words = args.rest();
    if args.len() == 1 && args.peek().is_some_and(is_fields) {
        return Err(wrong_arity(cx.entry));
    }
    let names = fields(args, NO_COUNT)?;
    let now_ms = cx.expiry_ms();
    cx.out.array(names.len());
    let (mut set, mut gone) = (0, Vec::new());
    let emptied = cx.change_hash(key, |hash, out| {
        if !matches!(change, Change::Nothing) {
            hash.allow_expiry();
        }
        for name in names.iter() {
            let field = live(hash.view(), name, now_ms);
            value_or_null(out, field);
            let Some(expires_ms) = field.map(|field| field.expires_ms) else { continue };
            match change {
                Change::At(at_ms) if at_ms <= now_ms => {
                    hash.remove(name);
                    gone.push(name);
                }
                Change::At(at_ms) => set += usize::from(hash.set_expiry(name, Some(at_ms))),
                Change::Persist if expires_ms.is_some() => {
                    set += usize::from(hash.set_expiry(name, None));
                }
                Change::Persist | Change::Nothing => {}
            }
        }
        hash.is_empty()
    })?;
    let Some(emptied) = emptied else {
        names.iter().for_each(|_| cx.out.null());
        return Ok(());
    };
    cx.fields_expire(key);
    let event = if matches!(change, Change::Persist) { "hpersist" } else { "hexpire" };
    tell(cx, key, event, set);
    removed(cx, key, gone.len(), emptied);
    if set > 0 && cx.propagates() {
        let at = if let Change::At(at_ms) = change { Some(num::Digits::of(at_ms)) } else { None };
        let start = match &at {
            Some(at) => vec![b"HPEXPIREAT".as_slice(), key, at],
            None => vec![b"HPERSIST".as_slice(), key],
        };
        let words: Vec<&[u8]> = start.into_iter().chain(fields_words.iter()).collect();
        cx.propagate_as(&words);
    }
    propagate_removal(cx, key, gone);
    Ok(())
}

/// EX, PX, EXAT or PXAT, if one of them comes next.
fn clock_word(args: &mut Args<'_>) -> Option<(Unit, Since)> {
    if args.eat("EX") {
        Some((Unit::Seconds, Since::Now))
    } else if args.eat("PX") {
        Some((Unit::Milliseconds, Since::Now))
    } else if args.eat("EXAT") {
        Some((Unit::Seconds, Since::Epoch))
    } else if args.eat("PXAT") {
        Some((Unit::Milliseconds, Since::Epoch))
    } else {
        None
    }
}

const HSETEX: Command = Command {
    name: "HSETEX",
    summary: "Sets fields of a hash and when these expire, on a condition if wanted.",
    since: "8.0.0",
    group: Group::Hash,
    complexity: "O(N) for N fields",
    flags: &[Write, DenyOom, Fast],
    args: &[
        key("key", &[Rw, Update]),
        // As in Valkey 9.1.
        opt(one_of("key-condition", &[token("nx", "NX"), token("xx", "XX")]).since("9.1.0")),
        opt(one_of("condition", &[token("fnx", "FNX"), token("fxx", "FXX")])),
        EXPIRATION_OR_KEEPTTL,
        block(
            "fields",
            &[integer("numfields"), many(block("data", &[string("field"), string("value")]))],
        )
        .after("FIELDS"),
    ],
    example: "> HSETEX user EX 10 FIELDS 1 name ann\n(integer) 1\n\
              > HSETEX user FNX FIELDS 1 name bob\n(integer) 0\n> HGET user name\n\"ann\"\n",
    run: hsetex,
    ..Command::BASE
};

/// The options of HSETEX.
struct SetOptions<'a> {
    /// The key must be there, or must not.
    needs_key: Option<bool>,
    /// The fields must all be there, or none of them.
    must_be_there: Option<bool>,
    keep: bool,
    at_ms: Option<i64>,
    pairs: Argv<'a>,
}

fn set_options<'a>(cx: &Ctx<'_>, mut args: Args<'a>) -> Result<SetOptions<'a>, Error> {
    let (mut needs_key, mut must_be_there, mut keep, mut at_ms) = (None, None, false, None);
    while let Some(word) = args.peek() {
        let on_key = if args.eat("NX") { Some(false) } else { args.eat("XX").then_some(true) };
        if on_key.is_some() {
            if needs_key.is_some_and(|_| needs_key != on_key) {
                return Err(Error::Syntax);
            }
            needs_key = on_key;
            continue;
        }
        let condition = if args.eat("FNX") { Some(false) } else { args.eat("FXX").then_some(true) };
        if condition.is_some() {
            if must_be_there.is_some() {
                return Err(Error::text("ERR Only one of FXX or FNX arguments can be specified"));
            }
            must_be_there = condition;
            continue;
        }
        if args.eat("FIELDS") {
            // Too few words for one field are that, whatever they are.
            if args.len() < 3 {
                return Err(wrong_arity(cx.entry));
            }
            let invalid = Error::text("ERR invalid number of fields");
            let count = args.integer_or(invalid.clone())?;
            let count = i32::try_from(count).ok().filter(|&count| count > 0).ok_or(invalid)?;
            if args.len() as i64 != i64::from(count) * 2 {
                return Err(wrong_arity(cx.entry));
            }
            return Ok(SetOptions { needs_key, must_be_there, keep, at_ms, pairs: args.rest() });
        }
        let clock = clock_word(&mut args);
        if clock.is_none() && !args.eat("KEEPTTL") {
            return Err(Error::showing("ERR unknown argument: ", word, ""));
        }
        if keep || at_ms.is_some() {
            return Err(Error::text(
                "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
            ));
        }
        match clock {
            Some((unit, since)) => at_ms = Some(deadline_ms(cx, args.take()?, unit, since)?),
            None => keep = true,
        }
    }
    Err(wrong_arity(cx.entry))
}

fn hsetex(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let SetOptions { needs_key, must_be_there, keep, at_ms, pairs } = set_options(cx, args)?;
    let now_ms = cx.expiry_ms();
    if must_be_there.is_some() {
        // Who asks for nothing finds them, as in Redis: KEEPTTL keeps what has passed.
        cx.expire_fields(key, pairs.iter().step_by(2))?;
    }
    let held = cx.look_hash(key)?;
    if needs_key.is_some_and(|wanted| wanted != held.is_some()) {
        cx.out.int(0);
        return Ok(());
    }
    if let Some(wanted) = must_be_there {
        let is_there = |name: &[u8]| {
            held.as_ref().is_some_and(|(hash, _)| live(*hash, name, now_ms).is_some())
        };
        if pairs.iter().step_by(2).any(|name| is_there(name) != wanted) {
            cx.out.int(0);
            return Ok(());
        }
    }
    let expiry = if keep { Expiry::Keep } else { Expiry::Clear };
    let is_over = at_ms.is_some_and(|at_ms| at_ms <= now_ms);
    let emptied = change(cx, key, |hash, limits| {
        hash.grow(pairs.iter(), limits);
        let mut words = pairs.iter();
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            if is_over {
                // It is not set first: that could change the encoding.
                hash.remove(name);
            } else {
                hash.set(name, value, expiry, limits);
            }
        }
        if let Some(at_ms) = at_ms {
            hash.allow_expiry();
            for name in pairs.iter().step_by(2).filter(|_| !is_over) {
                hash.set_expiry(name, Some(at_ms));
            }
        }
        hash.is_empty()
    })?;
    cx.fields_expire(key);
    cx.changed(key, Class::Hash, "hset");
    cx.dirty += pairs.len() as u64 / 2 - 1;
    match at_ms {
        Some(at_ms) if at_ms <= now_ms => {
            propagate_removal(cx, key, pairs.iter().step_by(2));
            cx.changed_too(key, Class::Hash, "hdel");
            if emptied {
                cx.delete(key);
                cx.changed_too(key, Class::Generic, "del");
            }
        }
        Some(at_ms) => {
            cx.changed_too(key, Class::Hash, "hexpire");
            if cx.propagates() {
                propagate_set(cx, args.all(), at_ms);
            }
        }
        None => {}
    }
    cx.out.int(1);
    Ok(())
}

/// Records an HSETEX with the point in time that its span of time has meant.
fn propagate_set(cx: &mut Ctx<'_>, argv: Argv<'_>, at_ms: i64) {
    let at = num::Digits::of(at_ms);
    let mut words: Vec<&[u8]> = argv.iter().collect();
    let is_clock = |word: &[u8]| {
        [b"EX".as_slice(), b"PX", b"EXAT"].iter().any(|clock| word.eq_ignore_ascii_case(clock))
    };
    // The options end where the fields begin, and what they are called is not looked at.
    let place = argv.iter().skip(2).position(|word| is_clock(word) || is_fields(word));
    if let Some([clock, number, ..]) = place.and_then(|place| words.get_mut(place + 2..))
        && is_clock(clock)
    {
        (*clock, *number) = (b"PXAT", &at);
        cx.propagate_as(&words);
    }
}

fn is_fields(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"FIELDS")
}
