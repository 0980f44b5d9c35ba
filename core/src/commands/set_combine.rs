//! Sets combined: intersections, unions, differences, replied or stored.
//!
//! A stored result begins as Redis has it begin and grows as any set does, so that it ends in the
//! same form.

use super::list::{bulk_element, size};
use crate::base::{Error, num, order};
use crate::ds::{Element, Listpack, Set, hyperloglog};
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::Argv;
use crate::spec::{Access::*, Arg, Flag::*, Group, integer, key, many, opt, token};
use crate::store::{Db, Value, ValueRef};

pub(crate) const COMMANDS: &[&Command] = &[
    &SDIFF,
    &SDIFFCARD,
    &SDIFFSTORE,
    &SINTER,
    &SINTERCARD,
    &SINTERSTORE,
    &SUNION,
    &SUNIONCARD,
    &SUNIONSTORE,
];

/// The arguments of a command that replies.
const SOURCES: &[Arg] = &[many(key("key", &[Ro, Access]))];

/// The arguments of a command that stores.
const STORES: &[Arg] = &[key("destination", &[Ow, Update]), many(key("key", &[Ro, Access]))];

const SINTER: Command = Command {
    name: "SINTER",
    summary: "Lists the members that all of several sets have.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(N*M) at worst, with N the members of the smallest set and M the sets.",
    flags: &[Readonly],
    args: SOURCES,
    tips: &["nondeterministic_output_order"],
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SINTER a b\n1) \"2\"\n",
    run: sinter,
    ..Command::BASE
};

fn sinter(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let sources = sources(cx, args.rest())?;
    let mark = cx.out.mark();
    let mut count = 0;
    let out = &mut *cx.out;
    intersect(sets(cx.engine.shard.db(cx.session.db), &sources), |member| {
        bulk_element(out, member);
        count += 1;
        true
    });
    cx.out.set_since(mark, count);
    Ok(())
}

const SINTERCARD: Command = Command {
    name: "SINTERCARD",
    summary: "Counts the members that all of several sets have, up to a limit.",
    since: "7.0.0",
    group: Group::Set,
    complexity: "O(N*M) at worst, with N the members of the smallest set and M the sets.",
    flags: &[Readonly],
    args: &[
        integer("numkeys"),
        many(key("key", &[Ro, Access])),
        opt(integer("limit").after("LIMIT")),
    ],
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SINTERCARD 2 a b\n(integer) 1\n",
    run: sintercard,
    ..Command::BASE
};

fn sintercard(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let keys = counted_keys(&mut args)?;
    let count_options = CountOptions::take(args, false)?;
    let sources = sources(cx, keys)?;
    let mut count = 0;
    intersect(sets(cx.engine.shard.db(cx.session.db), &sources), |_| {
        count += 1;
        count != count_options.limit
    });
    cx.out.count(count);
    Ok(())
}

/// `numkeys key …`.
fn counted_keys<'a>(args: &mut Args<'a>) -> Result<Argv<'a>, Error> {
    let numkeys = match num::parse_i64(args.take()?) {
        Some(number @ 1..) => size(number.unsigned_abs()),
        _ => return Err(Error::text("ERR numkeys should be greater than 0")),
    };
    let too_many = Error::text("ERR Number of keys can't be greater than number of args");
    args.take_many(numkeys).map_err(|_| too_many)
}

/// How members are counted.
struct CountOptions {
    /// No further than this; 0 for no limit.
    limit: usize,
    /// An estimate will do.
    approx: bool,
}

impl CountOptions {
    fn take(mut args: Args<'_>, may_estimate: bool) -> Result<Self, Error> {
        let mut options = Self { limit: 0, approx: false };
        while !args.is_empty() {
            if may_estimate && args.eat("APPROX") {
                options.approx = true;
            } else if args.eat("LIMIT") {
                options.limit = match num::parse_i64(args.take()?) {
                    Some(number @ 0..) => size(number.unsigned_abs()),
                    _ => return Err(Error::text("ERR LIMIT can't be negative")),
                };
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }
}

const SUNIONCARD: Command = Command {
    name: "SUNIONCARD",
    summary: "Counts or estimates the members that any of several sets has, up to a limit.",
    since: "8.10.0",
    group: Group::Set,
    complexity: "O(N) with N the members of all sets.",
    flags: &[Readonly],
    args: &[
        integer("numkeys"),
        many(key("key", &[Ro, Access])),
        opt(token("approx", "APPROX")),
        opt(integer("limit").after("LIMIT")),
    ],
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SUNIONCARD 2 a b\n(integer) 3\n",
    run: sunioncard,
    ..Command::BASE
};

fn sunioncard(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let keys = counted_keys(&mut args)?;
    let CountOptions { limit, approx } = CountOptions::take(args, true)?;
    let sources = sources(cx, keys)?;
    let limits = cx.set_limits();
    let sets = sets(cx.engine.shard.db(cx.session.db), &sources);
    let count = if approx {
        let estimate = size(estimate(&sets, cx.config.hll_sparse_max_bytes)?);
        if limit == 0 { estimate } else { estimate.min(limit) }
    } else {
        let mut seen = Set::default();
        for set in sets.into_iter().flatten() {
            set.each_while(|member| {
                seen.insert(member, &limits);
                seen.len() != limit
            });
            if seen.len() == limit {
                break;
            }
        }
        seen.len()
    };
    cx.out.count(count);
    Ok(())
}

/// About how many members all sets have together, as PFCOUNT would say.
fn estimate(sets: &[Option<&Set>], sparse_bytes_max: usize) -> Result<u64, Error> {
    let corrupt = |_| Error::text("ERR the estimate is corrupt");
    let mut seen = hyperloglog::empty();
    for set in sets.iter().flatten() {
        set.each(|member| {
            // What was just made is never corrupt.
            let _ = member.with_bytes(|bytes| hyperloglog::add(&mut seen, bytes, sparse_bytes_max));
        });
    }
    hyperloglog::View::of(&seen).map_or(Ok(0), |view| view.count().map_err(corrupt))
}

const SDIFFCARD: Command = Command {
    name: "SDIFFCARD",
    summary: "Counts the members of a set that none of several others has, up to a limit.",
    since: "8.10.0",
    group: Group::Set,
    complexity: "O(N*M) with N the members of the first set and M the others.",
    flags: &[Readonly],
    args: &[
        integer("numkeys"),
        many(key("key", &[Ro, Access])),
        opt(integer("limit").after("LIMIT")),
    ],
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SDIFFCARD 2 a b\n(integer) 1\n",
    run: sdiffcard,
    ..Command::BASE
};

fn sdiffcard(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let keys = counted_keys(&mut args)?;
    let CountOptions { limit, .. } = CountOptions::take(args, false)?;
    let sources = sources(cx, keys)?;
    let sets = sets(cx.engine.shard.db(cx.session.db), &sources);
    let mut count = 0;
    if let Some((Some(first), others)) = sets.split_first() {
        first.each_while(|member| {
            count += usize::from(!others.iter().flatten().any(|set| set.has(member)));
            count != limit || limit == 0
        });
    }
    cx.out.count(count);
    Ok(())
}

const SINTERSTORE: Command = Command {
    name: "SINTERSTORE",
    summary: "Stores the members that all of several sets have.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(N*M) at worst, with N the members of the smallest set and M the sets.",
    flags: &[Write, DenyOom],
    args: STORES,
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SINTERSTORE c a b\n(integer) 1\n",
    run: sinterstore,
    ..Command::BASE
};

fn sinterstore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let destination = args.take()?;
    let sources = sources(cx, args.rest())?;
    let limits = cx.set_limits();
    let sets = sets(cx.engine.shard.db(cx.session.db), &sources);
    let smallest = sets.iter().flatten().min_by_key(|set| set.len());
    let mut result = match smallest {
        Some(Set::Ints(_)) => Set::default(),
        _ => Set::Pack(Listpack::new()),
    };
    intersect(sets, |member| {
        result.insert(member, &limits);
        true
    });
    result.settle_as_ints(&limits);
    store(cx, destination, result, "sinterstore");
    Ok(())
}

const SUNION: Command = Command {
    name: "SUNION",
    summary: "Lists the members that any of several sets has.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(N) with N the members of all sets.",
    flags: &[Readonly],
    args: SOURCES,
    tips: &["nondeterministic_output_order"],
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SUNION a b\n1) \"1\"\n2) \"2\"\n3) \"3\"\n",
    run: sunion,
    ..Command::BASE
};

fn sunion(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let result = combine(cx, args.rest(), union)?;
    reply(cx, &result);
    Ok(())
}

const SUNIONSTORE: Command = Command {
    name: "SUNIONSTORE",
    summary: "Stores the members that any of several sets has.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(N) with N the members of all sets.",
    flags: &[Write, DenyOom],
    args: STORES,
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SUNIONSTORE c a b\n(integer) 3\n",
    run: sunionstore,
    ..Command::BASE
};

fn sunionstore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let destination = args.take()?;
    let result = combine(cx, args.rest(), union)?;
    store(cx, destination, result, "sunionstore");
    Ok(())
}

const SDIFF: Command = Command {
    name: "SDIFF",
    summary: "Lists the members of a set that none of several others has.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(N) with N the members of all sets.",
    flags: &[Readonly],
    args: SOURCES,
    tips: &["nondeterministic_output_order"],
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SDIFF a b\n1) \"1\"\n",
    run: sdiff,
    ..Command::BASE
};

fn sdiff(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let result = combine(cx, args.rest(), difference)?;
    reply(cx, &result);
    Ok(())
}

const SDIFFSTORE: Command = Command {
    name: "SDIFFSTORE",
    summary: "Stores the members of a set that none of several others has.",
    since: "1.0.0",
    group: Group::Set,
    complexity: "O(N) with N the members of all sets.",
    flags: &[Write, DenyOom],
    args: STORES,
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SDIFFSTORE c a b\n(integer) 1\n",
    run: sdiffstore,
    ..Command::BASE
};

fn sdiffstore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let destination = args.take()?;
    let result = combine(cx, args.rest(), difference)?;
    store(cx, destination, result, "sdiffstore");
    Ok(())
}

/// The keys that hold sets; `None` in the place of those that hold nothing. All are looked at before
/// anything is done, so that a wrong type is always noticed.
fn sources<'a>(cx: &mut Ctx<'_>, keys: Argv<'a>) -> Result<Vec<Option<&'a [u8]>>, Error> {
    keys.iter().map(|key| Ok(cx.read_set(key)?.map(|_| key))).collect()
}

/// The sets at `sources`.
fn sets<'a>(db: &'a Db, sources: &[Option<&[u8]>]) -> Vec<Option<&'a Set>> {
    let set_at = |key: &Option<&[u8]>| match db.get((*key)?)?.value {
        ValueRef::Set(set) => Some(set),
        _ => None,
    };
    sources.iter().map(set_at).collect()
}

/// Makes a set of those at `keys`.
fn combine(
    cx: &mut Ctx<'_>,
    keys: Argv<'_>,
    how: fn(&[Option<&Set>], &crate::ds::set::Limits) -> Set,
) -> Result<Set, Error> {
    let sources = sources(cx, keys)?;
    let limits = cx.set_limits();
    Ok(how(&sets(cx.engine.shard.db(cx.session.db), &sources), &limits))
}

/// Shows `visit` what is in all sets, until it says false: the members of the smallest, each asked
/// for in the others from the smaller to the larger.
fn intersect(sets: Vec<Option<&Set>>, mut visit: impl FnMut(Element<'_>) -> bool) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<&Set>>>() else { return };
    order::sort_by(&mut sets, |a, b| a.len().cmp(&b.len()));
    let Some((first, others)) = sets.split_first() else { return };
    // The same set again says nothing new.
    let is_first = |set: &&&Set| !std::ptr::eq(**set, *first);
    let others: Vec<&Set> = others.iter().filter(is_first).copied().collect();
    first.each_while(|member| !others.iter().all(|set| set.has(member)) || visit(member));
}

fn union(sets: &[Option<&Set>], limits: &crate::ds::set::Limits) -> Set {
    let mut result = Set::default();
    for set in sets.iter().flatten() {
        set.each(|member| {
            result.insert(member, limits);
        });
    }
    result
}

/// What the first set has and the others have not, in one of two ways, whichever seems less work:
/// to ask all others for each of its members, or to take the members of all others out of a copy.
/// They can end in different forms, so the choice is Redis's.
fn difference(sets: &[Option<&Set>], limits: &crate::ds::set::Limits) -> Set {
    let mut result = Set::default();
    let Some((&Some(first), others)) = sets.split_first() else { return result };
    let mut others: Vec<&Set> = others.iter().flatten().copied().collect();
    if others.iter().any(|other| std::ptr::eq(*other, first)) {
        return result;
    }
    let asking = first.len().saturating_mul(others.len() + 1) / 2;
    let taking = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    if asking <= taking {
        order::sort_by(&mut others, |a, b| b.len().cmp(&a.len()));
        first.each(|member| {
            if !others.iter().any(|set| set.has(member)) {
                result.insert(member, limits);
            }
        });
        return result;
    }
    first.each(|member| {
        result.insert(member, limits);
    });
    for set in others {
        set.each_while(|member| {
            member.with_bytes(|bytes| result.remove(bytes));
            !result.is_empty()
        });
    }
    result
}

fn reply(cx: &mut Ctx<'_>, set: &Set) {
    cx.out.set(set.len());
    set.each(|member| bulk_element(cx.out, member));
}

/// Stores `set` at `destination` in the place of what was there, and replies with its size; an empty
/// one leaves nothing there.
fn store(cx: &mut Ctx<'_>, destination: &[u8], set: Set, event: &str) {
    let count = set.len();
    if count > 0 {
        cx.insert(destination, Value::Set(Box::new(set)), None);
        cx.changed(destination, Class::Set, event);
    } else if cx.delete(destination) {
        cx.changed(destination, Class::Generic, "del");
    }
    cx.out.count(count);
}
