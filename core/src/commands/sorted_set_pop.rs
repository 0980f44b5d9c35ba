//! Sorted sets: taking off members with the lowest or highest scores, and waiting for them.
//!
//! A blocking command does what its sister does and, where that finds nothing, waits; see
//! [`block`](crate::engine::block).

use super::sorted_set::{Pairs, removed, size};
use crate::base::{Error, num};
use crate::ds::Element;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::{Argv, Out};
use crate::spec::{Access::*, Flag::*, Group, double, integer, key, many, one_of, opt, token};
use crate::store::Type;

pub(crate) const COMMANDS: &[&Command] =
    &[&BZMPOP, &BZPOPMAX, &BZPOPMIN, &ZMPOP, &ZPOPMAX, &ZPOPMIN];

/// Which end of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

/// How a reply to a pop looks.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// The key, the member, the score.
    Three,
    /// The key, and an array of members with scores.
    KeyAndPairs(usize),
}

const ZPOPMIN: Command = Command {
    name: "ZPOPMIN",
    summary: "Takes the members with the lowest scores off a sorted set.",
    since: "5.0.0",
    group: Group::SortedSet,
    complexity: "O(M log N) with M the members taken, N the members of the set.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Delete]), opt(integer("count"))],

    run: zpopmin,
    ..Command::BASE
};

fn zpopmin(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(cx, args, End::Min)
}

const ZPOPMAX: Command = Command {
    name: "ZPOPMAX",
    summary: "Takes the members with the highest scores off a sorted set.",
    since: "5.0.0",
    group: Group::SortedSet,
    complexity: "O(M log N) with M the members taken, N the members of the set.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Delete]), opt(integer("count"))],

    run: zpopmax,
    ..Command::BASE
};

fn zpopmax(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(cx, args, End::Max)
}

fn pop(cx: &mut Ctx<'_>, mut args: Args<'_>, end: End) -> Outcome {
    let key = args.take()?;
    if args.len() > 1 {
        return Err(Error::Syntax);
    }
    let count = match args.peek() {
        Some(text) => Some(
            num::parse_i64(text)
                .and_then(|count| u64::try_from(count).ok())
                .map(size)
                .ok_or(Error::NotPositive)?,
        ),
        None => None,
    };
    let length = cx.zset_mut(key)?.map_or(0, |set| set.len());
    let taken = count.unwrap_or(1).min(length);
    Pairs { out: cx.out, with_scores: true, flat: count.is_none() }.start(taken);
    if taken > 0 {
        take(cx, key, end, taken, count.is_none())?;
    }
    Ok(())
}

const ZMPOP: Command = Command {
    name: "ZMPOP",
    summary: "Takes members with the lowest or highest scores off the first of several sorted sets that has any.",
    since: "7.0.0",
    group: Group::SortedSet,
    complexity: "O(K+M log N) with K the keys, M the members taken, N the members of the set.",
    flags: &[Write],
    args: &[
        integer("numkeys"),
        many(key("key", &[Rw, Access, Delete])),
        one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
        opt(integer("count").after("COUNT")),
    ],

    run: zmpop,
    ..Command::BASE
};

fn zmpop(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (keys, end, count) = pop_options(&mut args)?;
    if !pop_first(cx, keys, end, Shape::KeyAndPairs(count))? {
        cx.out.null_array();
    }
    Ok(())
}

const BZMPOP: Command = Command {
    name: "BZMPOP",
    summary: "As ZMPOP, and waits until one of the sorted sets has members.",
    since: "7.0.0",
    group: Group::SortedSet,
    complexity: "O(K+M log N) with K the keys, M the members taken, N the members of the set.",
    flags: &[Write, Blocking],
    args: &[
        double("timeout"),
        integer("numkeys"),
        many(key("key", &[Rw, Access, Delete])),
        one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
        opt(integer("count").after("COUNT")),
    ],

    run: bzmpop,
    ..Command::BASE
};

fn bzmpop(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let timeout = args.take()?;
    let (keys, end, count) = pop_options(&mut args)?;
    let timeout_ms = cx.timeout_ms(timeout)?;
    if !pop_first(cx, keys, end, Shape::KeyAndPairs(count))? {
        cx.block_on(keys.iter(), Type::SortedSet, timeout_ms, &args);
    }
    Ok(())
}

const BZPOPMIN: Command = Command {
    name: "BZPOPMIN",
    summary: "Takes the member with the lowest score off the first of several sorted sets that has any, and waits until one has.",
    since: "5.0.0",
    group: Group::SortedSet,
    complexity: "O(log N) with N the members of the set.",
    flags: &[Write, Blocking, Fast],
    args: &[many(key("key", &[Rw, Access, Delete])), double("timeout")],

    run: bzpopmin,
    ..Command::BASE
};

fn bzpopmin(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(cx, args, End::Min)
}

const BZPOPMAX: Command = Command {
    name: "BZPOPMAX",
    summary: "Takes the member with the highest score off the first of several sorted sets that has any, and waits until one has.",
    since: "5.0.0",
    group: Group::SortedSet,
    complexity: "O(log N) with N the members of the set.",
    flags: &[Write, Blocking, Fast],
    args: &[many(key("key", &[Rw, Access, Delete])), double("timeout")],

    run: bzpopmax,
    ..Command::BASE
};

fn bzpopmax(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(cx, args, End::Max)
}

fn pop_or_wait(cx: &mut Ctx<'_>, mut args: Args<'_>, end: End) -> Outcome {
    let keys = args.take_many(args.len() - 1)?;
    let timeout_ms = cx.timeout_ms(args.take()?)?;
    if !pop_first(cx, keys, end, Shape::Three)? {
        cx.block_on(keys.iter(), Type::SortedSet, timeout_ms, &args);
    }
    Ok(())
}

/// Takes members off the first of the sets at `keys` that there is. Returns false, without a reply,
/// if there is none.
fn pop_first(cx: &mut Ctx<'_>, keys: Argv<'_>, end: End, shape: Shape) -> Result<bool, Error> {
    for key in keys.iter() {
        let Some(length) = cx.zset_mut(key)?.map(|set| set.len()) else { continue };
        let name: &[u8] = if end == End::Min { b"ZPOPMIN" } else { b"ZPOPMAX" };
        match shape {
            Shape::Three => {
                cx.propagate_as(&[name, key]);
                cx.out.array(3);
                cx.out.bulk(key);
                take(cx, key, end, 1, true)?;
            }
            Shape::KeyAndPairs(count) => {
                let count = count.min(length);
                cx.propagate_as(&[name, key, &num::Digits::of(count as i64)]);
                cx.out.array(2);
                cx.out.bulk(key);
                cx.out.array(count);
                take_nested(cx, key, end, count)?;
            }
        }
        return Ok(true);
    }
    Ok(false)
}

/// Takes `count` members, which there are, off the set at `key`, and replies with each.
fn take(cx: &mut Ctx<'_>, key: &[u8], end: End, count: usize, flat: bool) -> Outcome {
    take_each(cx, key, end, count, |out, pair| {
        Pairs { out, with_scores: true, flat }.pair(pair);
    })
}

/// As [`take`], each member and its score in an array of their own in either protocol.
fn take_nested(cx: &mut Ctx<'_>, key: &[u8], end: End, count: usize) -> Outcome {
    take_each(cx, key, end, count, |out, pair| {
        out.array(2);
        Pairs { out, with_scores: true, flat: true }.pair(pair);
    })
}

fn take_each(
    cx: &mut Ctx<'_>,
    key: &[u8],
    end: End,
    count: usize,
    mut write: impl FnMut(&mut Out, (Element<'_>, f64)),
) -> Outcome {
    let Some((set, out)) = cx.zset_and_out(key)? else { return Ok(()) };
    let length = set.len();
    match end {
        End::Min => {
            set.iter_from(0).take(count).for_each(|pair| write(out, pair));
            set.remove_range(0, count);
        }
        End::Max => {
            set.iter_back_from(length - 1).take(count).for_each(|pair| write(out, pair));
            set.remove_range(length - count, count);
        }
    }
    let emptied = set.is_empty();
    let event = if end == End::Min { "zpopmin" } else { "zpopmax" };
    removed(cx, key, event, count, emptied);
    Ok(())
}

/// `numkeys key … MIN | MAX [COUNT count]`.
fn pop_options<'a>(args: &mut Args<'a>) -> Result<(Argv<'a>, End, usize), Error> {
    let numkeys = positive(args, "ERR numkeys should be greater than 0")?;
    let keys = args.take_many(numkeys)?;
    let end = if args.eat("MIN") {
        End::Min
    } else if args.eat("MAX") {
        End::Max
    } else {
        return Err(Error::Syntax);
    };
    let mut count = None;
    while !args.is_empty() {
        if count.is_some() || !args.eat("COUNT") {
            return Err(Error::Syntax);
        }
        count = Some(positive(args, "ERR count should be greater than 0")?);
    }
    Ok((keys, end, count.unwrap_or(1)))
}

/// The next argument as a positive number, or an error with the text `otherwise`.
fn positive(args: &mut Args<'_>, otherwise: &'static str) -> Result<usize, Error> {
    match num::parse_i64(args.take()?) {
        Some(number @ 1..) => Ok(size(number.unsigned_abs())),
        _ => Err(Error::text(otherwise)),
    }
}
