//! Sets: adding, taking away, looking, drawing by lot.
//!
//! What combines several sets is in [`set_combine`](super::set_combine). A set that loses its last
//! member is removed with its key.

use super::list::{bulk_element, mirrored, size};
use super::scan;
use crate::base::rng::Rng;
use crate::base::{Error, glob, limits, num};
use crate::ds::set::Limits;
use crate::ds::{Element, Listpack, Set};
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::Out;
use crate::spec::{Access::*, Flag::*, Group, integer, key, many, opt, pattern, string};
use crate::store::Value;

pub(crate) const COMMANDS: &[&Command] = &[
    &SADD,
    &SCARD,
    &SISMEMBER,
    &SMEMBERS,
    &SMISMEMBER,
    &SMOVE,
    &SPOP,
    &SRANDMEMBER,
    &SREM,
    &SSCAN,
];

/// SPOP draws what is to stay, and not what is to go, if that is so many times less.
const STAY_FACTOR: usize = 5;
/// Members that SPOP has taken, in one record.
const RECORDED_MAX: usize = 1024;

/// SRANDMEMBER draws what is to be left out, and not what is asked for, if more than one in so many
/// members is asked for.
const DRAW_FACTOR: usize = 3;

const SADD: Command = Command {
    name: "SADD",
    summary: "Adds members to a set; makes the set if there is none.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(N) with N the members added.",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Insert]), many(string("member"))],
    example: "> SADD tags red blue red\n(integer) 2\n",
    run: sadd,
    ..Command::BASE
};

fn sadd(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let members = args.rest();
    let limits = cx.set_limits();
    let add = |set: &mut Set| members.iter().filter(|member| set.add(member, &limits)).count();
    let added = if let Some(set) = cx.set_mut(key)? {
        set.expect(members.len(), &limits);
        add(set)
    } else {
        let first = members.get(0).unwrap_or_default();
        let mut set = Set::for_members(first, members.len(), &limits);
        let added = add(&mut set);
        cx.insert(key, Value::Set(Box::new(set)), None);
        added
    };
    if added > 0 {
        let dirty = cx.dirty + added as u64;
        cx.changed(key, Class::Set, "sadd");
        cx.dirty = dirty;
    }
    cx.out.count(added);
    Ok(())
}

const SREM: Command = Command {
    name: "SREM",
    summary: "Removes members from a set. Tells how many there were.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(N) with N the members to remove.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Delete]), many(string("member"))],
    example: "> SADD tags red blue\n(integer) 2\n> SREM tags red green\n(integer) 1\n",
    run: srem,
    ..Command::BASE
};

fn srem(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let Some(set) = cx.set_mut(key)? else {
        cx.out.int(0);
        return Ok(());
    };
    let removed = args.rest().iter().filter(|member| set.remove(member)).count();
    let emptied = set.is_empty();
    if removed > 0 {
        taken(cx, key, "srem", removed, emptied);
    }
    cx.out.count(removed);
    Ok(())
}

/// Tells that `count` members were taken from the set at `key`, and removes the key if it was
/// `emptied`.
fn taken(cx: &mut Ctx<'_>, key: &[u8], event: &str, count: usize, emptied: bool) {
    let dirty = cx.dirty + count as u64;
    cx.changed(key, Class::Set, event);
    if emptied {
        cx.delete(key);
        cx.changed(key, Class::Generic, "del");
    }
    cx.dirty = dirty;
}

const SCARD: Command = Command {
    name: "SCARD",
    summary: "Tells how many members a set has.",
    since: "1.0.0",
    group: Group::Set,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro])],
    example: "> SADD tags red blue\n(integer) 2\n> SCARD tags\n(integer) 2\n",
    run: scard,
    ..Command::BASE
};

fn scard(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let count = cx.read_set(args.take()?)?.map_or(0, |(set, _)| set.len());
    cx.out.count(count);
    Ok(())
}

const SISMEMBER: Command = Command {
    name: "SISMEMBER",
    summary: "Tells whether a set has a member.",
    since: "1.0.0",
    group: Group::Set,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro]), string("member")],
    example: "> SADD tags red\n(integer) 1\n> SISMEMBER tags red\n(integer) 1\n",
    run: sismember,
    ..Command::BASE
};

fn sismember(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, member) = (args.take()?, args.take()?);
    let is_member = cx.read_set(key)?.is_some_and(|(set, _)| set.contains(member));
    cx.out.int(i64::from(is_member));
    Ok(())
}

const SMISMEMBER: Command = Command {
    name: "SMISMEMBER",
    summary: "Tells of each of several members whether a set has it.",
    since: "6.2.0",
    group: Group::Set,
    complexity: "O(N) with N the members asked for.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), many(string("member"))],
    example: "> SADD tags red\n(integer) 1\n> SMISMEMBER tags red blue\n1) (integer) 1\n2) (integer) 0\n",
    run: smismember,
    ..Command::BASE
};

fn smismember(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let members = args.rest();
    let Some((set, out)) = cx.read_set(key)? else {
        cx.out.array(members.len());
        members.iter().for_each(|_| cx.out.int(0));
        return Ok(());
    };
    out.array(members.len());
    members.iter().for_each(|member| out.int(i64::from(set.contains(member))));
    Ok(())
}

const SMEMBERS: Command = Command {
    name: "SMEMBERS",
    summary: "Lists all members of a set.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(N) with N the members.",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access])],
    tips: &["nondeterministic_output_order"],
    example: "> SADD tags red blue\n(integer) 2\n> SMEMBERS tags\n1) \"red\"\n2) \"blue\"\n",
    run: smembers,
    ..Command::BASE
};

fn smembers(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    match cx.read_set(args.take()?)? {
        Some((set, out)) => {
            out.set(set.len());
            set.each(|member| bulk_element(out, member));
        }
        None => cx.out.set(0),
    }
    Ok(())
}

const SMOVE: Command = Command {
    name: "SMOVE",
    summary: "Moves a member from one set to another.",
    since: "1.0.0",
    group: Group::Set,
    flags: &[Write, Fast],
    args: &[
        key("source", &[Rw, Access, Delete]),
        key("destination", &[Rw, Insert]),
        string("member"),
    ],
    example: "> SADD new red\n(integer) 1\n> SMOVE new old red\n(integer) 1\n",
    run: smove,
    ..Command::BASE
};

fn smove(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (source, destination, member) = (args.take()?, args.take()?, args.take()?);
    // Both are looked up before either's type matters.
    let has_source = cx.look(source).is_some();
    let has_destination = cx.look(destination).is_some();
    if !has_source {
        cx.out.int(0);
        return Ok(());
    }
    cx.set_mut(source)?;
    cx.set_mut(destination)?;
    let limits = cx.set_limits();
    let Some(set) = cx.set_mut(source)? else { return Ok(()) };
    let moves = if source == destination { set.contains(member) } else { set.remove(member) };
    let emptied = set.is_empty();
    cx.out.int(i64::from(moves));
    if source == destination || !moves {
        return Ok(());
    }
    taken(cx, source, "srem", 1, emptied);
    let added = if has_destination {
        cx.set_mut(destination)?.is_some_and(|set| set.add(member, &limits))
    } else {
        let mut set = Set::for_members(member, 1, &limits);
        set.add(member, &limits);
        cx.insert(destination, Value::Set(Box::new(set)), None);
        true
    };
    if added {
        cx.changed(destination, Class::Set, "sadd");
    }
    Ok(())
}

const SPOP: Command = Command {
    name: "SPOP",
    summary: "Takes members out of a set by lot.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(1) without a count, O(N) with N the count.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Delete]), opt(integer("count").since("3.2.0"))],
    tips: &["nondeterministic_output"],
    example: "> SADD lots a\n(integer) 1\n> SPOP lots\n\"a\"\n> SPOP lots\n(nil)\n",
    run: spop,
    ..Command::BASE
};

fn spop(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    if args.len() > 1 {
        return Err(Error::Syntax);
    }
    let count = if args.is_empty() { None } else { Some(positive(&mut args)?) };
    let Some(set) = cx.set_mut(key)? else {
        if count.is_some() {
            cx.out.set(0)
        } else {
            cx.out.null()
        }
        return Ok(());
    };
    let length = set.len();
    let taken_count = count.unwrap_or(1).min(length);
    if count.is_some() {
        cx.out.set(taken_count);
    }
    if taken_count == 0 {
        return Ok(());
    }
    let mut members = cx.propagates().then(Vec::new);
    pop(cx, key, taken_count, members.as_mut())?;
    let emptied = taken_count == length;
    taken(cx, key, "spop", taken_count, emptied);
    if count.is_some() && emptied {
        cx.propagate_as(&[b"DEL", key]);
        return Ok(());
    }
    for members in members.unwrap_or_default().chunks(RECORDED_MAX) {
        let members = members.iter().map(Vec::as_slice);
        let words: Vec<&[u8]> = [b"SREM".as_slice(), key].into_iter().chain(members).collect();
        cx.propagate_as(&words);
    }
    Ok(())
}

/// Takes `count` members out of the set at `key`, at most as many as it has, and replies with them.
/// If it takes all, it leaves them in. Adds each to `members`, if someone wants to know.
fn pop(
    cx: &mut Ctx<'_>,
    key: &[u8],
    count: usize,
    mut members: Option<&mut Vec<Vec<u8>>>,
) -> Outcome {
    let limits = cx.set_limits();
    let mut rng = cx.engine.rng.clone();
    let mut out = std::mem::take(cx.out);
    let mut left = None;
    let mut tell = |member: Element<'_>| {
        bulk_element(&mut out, member);
        if let Some(members) = &mut members {
            members.push(member.to_vec());
        }
    };
    if let Some(set) = cx.set_mut(key)? {
        let stays = set.len() - count;
        if stays == 0 {
            set.each(&mut tell);
        } else if stays.saturating_mul(STAY_FACTOR) > count || matches!(set, Set::Pack(_)) {
            for _ in 0..count {
                let Some(member) = set.sample(&mut rng).map(|member| member.to_vec()) else {
                    break;
                };
                set.remove(&member);
                tell(Element::Bytes(&member));
            }
        } else {
            // What stays is a new set, in the form that it then has.
            let mut rest = match set {
                Set::Ints(_) => Set::default(),
                _ => Set::Pack(Listpack::new()),
            };
            while rest.len() < stays {
                let Some(member) = set.sample(&mut rng).map(|member| member.to_vec()) else {
                    break;
                };
                set.remove(&member);
                rest.add(&member, &limits);
            }
            set.each(&mut tell);
            left = Some(rest);
        }
    }
    *cx.out = out;
    cx.engine.rng = rng;
    if let Some(rest) = left {
        // The old one may be large, and somebody may still be writing it down.
        let expires_ms = cx.look(key).and_then(|found| found.expires_ms);
        cx.insert(key, Value::Set(Box::new(rest)), expires_ms);
    }
    Ok(())
}

/// The next argument as a number that is not negative.
fn positive(args: &mut Args<'_>) -> Result<usize, Error> {
    match num::parse_i64(args.take()?) {
        Some(number @ 0..) => Ok(size(number.unsigned_abs())),
        _ => Err(Error::NotPositive),
    }
}

const SRANDMEMBER: Command = Command {
    name: "SRANDMEMBER",
    summary: "Draws members of a set by lot; with a negative count the same one can come again.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(1) without a count, O(N) with N the count without its sign.",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), opt(integer("count").since("2.6.0"))],
    tips: &["nondeterministic_output"],
    example: "> SADD lots a\n(integer) 1\n> SRANDMEMBER lots\n\"a\"\n> SRANDMEMBER lots -2\n1) \"a\"\n2) \"a\"\n",
    run: srandmember,
    ..Command::BASE
};

fn srandmember(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    if args.len() > 1 {
        return Err(Error::Syntax);
    }
    let count = if args.is_empty() { None } else { Some(mirrored(args.integer()?)?) };
    let (set_limits, mut rng) = (cx.set_limits(), cx.engine.rng.clone());
    let Some((set, out)) = cx.read_set(key)? else {
        if count.is_some() {
            cx.out.array(0)
        } else {
            cx.out.null()
        }
        return Ok(());
    };
    let one = |rng: &mut _, out: &mut Out| match set.sample(rng) {
        Some(member) => bulk_element(out, member),
        None => out.null(),
    };
    match count {
        None => one(&mut rng, out),
        Some(count @ ..0) => {
            if count < -limits::REPEATS_MAX {
                return Err(Error::text("ERR value is out of range"));
            }
            let times = size(count.unsigned_abs());
            out.array(times);
            (0..times).for_each(|_| one(&mut rng, out));
        }
        Some(count) => draw_distinct(set, size(count.unsigned_abs()), &set_limits, &mut rng, out),
    }
    cx.engine.rng = rng;
    Ok(())
}

/// Replies with `count` different members, or with all if there are no more.
fn draw_distinct(set: &Set, count: usize, limits: &Limits, rng: &mut Rng, out: &mut Out) {
    let length = set.len();
    out.array(count.min(length));
    if count >= length || count > length / DRAW_FACTOR || !matches!(set, Set::Table(_)) {
        // Each member in turn is taken with the chance that the right number is reached.
        let (mut left, mut wanted) = (length as u64, count.min(length) as u64);
        set.each(|member| {
            if rng.below(left) < wanted {
                bulk_element(out, member);
                wanted -= 1;
            }
            left -= 1;
        });
        return;
    }
    let mut drawn = Set::default();
    while drawn.len() < count {
        let Some(member) = set.sample(rng) else { break };
        if drawn.insert(member, limits) {
            bulk_element(out, member);
        }
    }
}

const SSCAN: Command = Command {
    name: "SSCAN",
    summary: "Goes through the members of a set, some at a time.",
    since: "2.8.0",
    group: Group::Set,
    complexity: "O(1) for each call with a small COUNT, O(N) for all N members.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        integer("cursor"),
        opt(pattern("pattern").after("MATCH")),
        opt(integer("count").after("COUNT")),
    ],
    tips: &["nondeterministic_output"],
    example: "> SADD tags red blue\n(integer) 2\n> SSCAN tags 0 MATCH b*\n1) \"0\"\n2) 1) \"blue\"\n",
    run: sscan,
    ..Command::BASE
};

fn sscan(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let cursor = scan::parse_cursor(args.take()?)?;
    // The members are written aside, because the cursor that comes before them is known last.
    let (mut next, mut count, mut members) = (0, 0, Out::default());
    if let Some((set, _)) = cx.read_set(key)? {
        let options = scan::Options::of_collection(args, None)?;
        next = set.scan(cursor, options.count.min(set.len()), |member| {
            if options.pattern.is_none_or(|p| member.with_bytes(|m| glob::matches(p, m))) {
                bulk_element(&mut members, member);
                count += 1;
            }
        });
    }
    cx.out.array(2);
    cx.out.bulk(&num::Digits::of_u64(next));
    cx.out.array(count);
    cx.out.raw(members.pending());
    Ok(())
}
