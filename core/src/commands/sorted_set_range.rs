//! Sorted sets: ranges of ranks, of scores and of members, to return, to store, to count, to remove.
//!
//! Whatever a range is given by, it is first turned into ranks ([`Range::span`]), which costs
//! O(log N).

use super::sorted_set::{Pairs, removed, size};
use crate::base::error::until_zero;
use crate::base::{Error, num};
use crate::ds::{Element, SortedSet};
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{
    Access::*, Flag::*, Group, block, double, integer, key, one_of, opt, string, token,
};
use crate::store::Value;

pub(crate) const COMMANDS: &[&Command] = &[
    &ZCOUNT,
    &ZLEXCOUNT,
    &ZRANGE,
    &ZRANGEBYLEX,
    &ZRANGEBYSCORE,
    &ZRANGESTORE,
    &ZREMRANGEBYLEX,
    &ZREMRANGEBYRANK,
    &ZREMRANGEBYSCORE,
    &ZREVRANGE,
    &ZREVRANGEBYLEX,
    &ZREVRANGEBYSCORE,
];

const ZRANGE: Command = Command {
    name: "ZRANGE",
    summary: "Returns the members in a range of ranks, of scores or of members.",
    since: "1.2.0",
    group: Group::SortedSet,
    complexity: "O(log N+M) with N the members of the set, M those returned.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        string("start"),
        string("stop"),
        opt(one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")])
            .since("6.2.0")),
        opt(token("rev", "REV").since("6.2.0")),
        opt(block("limit", &[integer("offset"), integer("count")]).after("LIMIT").since("6.2.0")),
        opt(token("withscores", "WITHSCORES")),
    ],

    run: zrange,
    ..Command::BASE
};

fn zrange(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(cx, args, Given { by: None, back: None, stores: false })
}

const ZREVRANGE: Command = Command {
    name: "ZREVRANGE",
    summary: "Returns the members in a range of ranks, counted from the highest score.",
    since: "1.2.0",
    group: Group::SortedSet,
    complexity: "O(log N+M) with N the members of the set, M those returned.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        integer("start"),
        integer("stop"),
        opt(token("withscores", "WITHSCORES")),
    ],

    deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` argument")),
    run: zrevrange,
    ..Command::BASE
};

fn zrevrange(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(cx, args, Given { by: Some(By::Rank), back: Some(true), stores: false })
}

const ZRANGEBYSCORE: Command = Command {
    name: "ZRANGEBYSCORE",
    summary: "Returns the members with scores from one bound to another.",
    since: "1.0.5",
    group: Group::SortedSet,
    complexity: "O(log N+M) with N the members of the set, M those returned.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        double("min"),
        double("max"),
        opt(token("withscores", "WITHSCORES").since("2.0.0")),
        opt(block("limit", &[integer("offset"), integer("count")]).after("LIMIT")),
    ],

    deprecated: Some(("6.2.0", "`ZRANGE` with the `BYSCORE` argument")),
    run: zrangebyscore,
    ..Command::BASE
};

fn zrangebyscore(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(cx, args, Given { by: Some(By::Score), back: Some(false), stores: false })
}

const ZREVRANGEBYSCORE: Command = Command {
    name: "ZREVRANGEBYSCORE",
    summary: "As ZRANGEBYSCORE, from the highest score to the lowest.",
    since: "2.2.0",
    group: Group::SortedSet,
    complexity: "O(log N+M) with N the members of the set, M those returned.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        double("max"),
        double("min"),
        opt(token("withscores", "WITHSCORES")),
        opt(block("limit", &[integer("offset"), integer("count")]).after("LIMIT")),
    ],

    deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")),
    run: zrevrangebyscore,
    ..Command::BASE
};

fn zrevrangebyscore(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(cx, args, Given { by: Some(By::Score), back: Some(true), stores: false })
}

const ZRANGEBYLEX: Command = Command {
    name: "ZRANGEBYLEX",
    summary: "Returns the members from one to another in the order of their bytes, where all scores are equal.",
    since: "2.8.9",
    group: Group::SortedSet,
    complexity: "O(log N+M) with N the members of the set, M those returned.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        string("min"),
        string("max"),
        opt(block("limit", &[integer("offset"), integer("count")]).after("LIMIT")),
    ],

    deprecated: Some(("6.2.0", "`ZRANGE` with the `BYLEX` argument")),
    run: zrangebylex,
    ..Command::BASE
};

fn zrangebylex(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(cx, args, Given { by: Some(By::Lex), back: Some(false), stores: false })
}

const ZREVRANGEBYLEX: Command = Command {
    name: "ZREVRANGEBYLEX",
    summary: "As ZRANGEBYLEX, from the last to the first.",
    since: "2.8.9",
    group: Group::SortedSet,
    complexity: "O(log N+M) with N the members of the set, M those returned.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        string("max"),
        string("min"),
        opt(block("limit", &[integer("offset"), integer("count")]).after("LIMIT")),
    ],

    deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")),
    run: zrevrangebylex,
    ..Command::BASE
};

fn zrevrangebylex(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(cx, args, Given { by: Some(By::Lex), back: Some(true), stores: false })
}

fn reply_range(cx: &mut Ctx<'_>, mut args: Args<'_>, given: Given) -> Outcome {
    let key = args.take()?;
    let query = Query::take(&mut args, given)?;
    let Some((set, out)) = cx.read_zset(key)? else {
        cx.out.array(0);
        return Ok(());
    };
    let (start, count) = query.span(set);
    let mut reply = Pairs { out, with_scores: query.with_scores, flat: false };
    reply.start(count);
    query.members(set, start, count).for_each(|pair| reply.pair(pair));
    Ok(())
}

const ZRANGESTORE: Command = Command {
    name: "ZRANGESTORE",
    summary: "Stores the members in a range of ranks, of scores or of members as another sorted set.",
    since: "6.2.0",
    group: Group::SortedSet,
    complexity: "O(log N+M) with N the members of the set, M those stored.",
    flags: &[Write, DenyOom],
    args: &[
        key("dst", &[Ow, Update]),
        key("src", &[Ro, Access]),
        string("min"),
        string("max"),
        opt(one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")])),
        opt(token("rev", "REV")),
        opt(block("limit", &[integer("offset"), integer("count")]).after("LIMIT")),
    ],

    run: zrangestore,
    ..Command::BASE
};

fn zrangestore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (destination, source) = (args.take()?, args.take()?);
    let query = Query::take(&mut args, Given { by: None, back: None, stores: true })?;
    let limits = cx.zset_limits();
    let result = cx.read_zset(source)?.map(|(set, _)| {
        let (start, count) = query.span(set);
        // Only of ranks Redis knows the number beforehand.
        let expected = if matches!(query.range, Range::Rank(..)) { count } else { 0 };
        let mut result = SortedSet::for_members(expected, 0, &limits);
        for (member, score) in query.members(set, start, count) {
            member.with_bytes(|member| result.insert(member, score, &limits));
        }
        result
    });
    store(cx, destination, result, "zrangestore");
    Ok(())
}

/// Stores `result` at `key`, or removes the key if there is nothing in it, and replies with the
/// number of members.
pub(super) fn store(cx: &mut Ctx<'_>, key: &[u8], result: Option<SortedSet>, event: &str) {
    let count = result.as_ref().map_or(0, SortedSet::len);
    match result {
        Some(set) if count > 0 => {
            cx.insert(key, Value::SortedSet(Box::new(set)), None);
            cx.changed(key, Class::SortedSet, event);
        }
        _ => {
            if cx.delete(key) {
                cx.changed(key, Class::Generic, "del");
            }
        }
    }
    cx.out.count(count);
}

const ZCOUNT: Command = Command {
    name: "ZCOUNT",
    summary: "Counts the members with scores from one bound to another.",
    since: "2.0.0",
    group: Group::SortedSet,
    complexity: "O(log N) with N the members of the set.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), double("min"), double("max")],

    run: zcount,
    ..Command::BASE
};

fn zcount(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(cx, args, By::Score)
}

const ZLEXCOUNT: Command = Command {
    name: "ZLEXCOUNT",
    summary: "Counts the members from one to another in the order of their bytes, where all scores are equal.",
    since: "2.8.9",
    group: Group::SortedSet,
    complexity: "O(log N) with N the members of the set.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), string("min"), string("max")],

    run: zlexcount,
    ..Command::BASE
};

fn zlexcount(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(cx, args, By::Lex)
}

fn count(cx: &mut Ctx<'_>, mut args: Args<'_>, by: By) -> Outcome {
    let key = args.take()?;
    let range = Range::parse(by, args.take()?, args.take()?)?;
    let count = cx.read_zset(key)?.map_or(0, |(set, _)| range.span(set, false).1);
    cx.out.count(count);
    Ok(())
}

const ZREMRANGEBYRANK: Command = Command {
    name: "ZREMRANGEBYRANK",
    summary: "Removes the members from one rank to another.",
    since: "2.0.0",
    group: Group::SortedSet,
    complexity: "O(M log N) with M the members removed, N the members of the set.",
    flags: &[Write],
    args: &[key("key", &[Rw, Delete]), integer("start"), integer("stop")],

    run: zremrangebyrank,
    ..Command::BASE
};

fn zremrangebyrank(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    remove(cx, args, By::Rank, "zremrangebyrank")
}

const ZREMRANGEBYSCORE: Command = Command {
    name: "ZREMRANGEBYSCORE",
    summary: "Removes the members with scores from one bound to another.",
    since: "1.2.0",
    group: Group::SortedSet,
    complexity: "O(M log N) with M the members removed, N the members of the set.",
    flags: &[Write],
    args: &[key("key", &[Rw, Delete]), double("min"), double("max")],

    run: zremrangebyscore,
    ..Command::BASE
};

fn zremrangebyscore(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    remove(cx, args, By::Score, "zremrangebyscore")
}

const ZREMRANGEBYLEX: Command = Command {
    name: "ZREMRANGEBYLEX",
    summary: "Removes the members from one to another in the order of their bytes, where all scores are equal.",
    since: "2.8.9",
    group: Group::SortedSet,
    complexity: "O(M log N) with M the members removed, N the members of the set.",
    flags: &[Write],
    args: &[key("key", &[Rw, Delete]), string("min"), string("max")],

    run: zremrangebylex,
    ..Command::BASE
};

fn zremrangebylex(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    remove(cx, args, By::Lex, "zremrangebylex")
}

fn remove(cx: &mut Ctx<'_>, mut args: Args<'_>, by: By, event: &str) -> Outcome {
    let key = args.take()?;
    let range = Range::parse(by, args.take()?, args.take()?)?;
    let Some(set) = cx.zset_mut(key)? else {
        cx.out.int(0);
        return Ok(());
    };
    let (start, count) = range.span(set, false);
    set.remove_range(start, count);
    let emptied = set.is_empty();
    if count > 0 {
        removed(cx, key, event, count, emptied);
    }
    cx.out.count(count);
    Ok(())
}

/// What a range is given by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What a command's name says already; options may say the rest.
#[derive(Clone, Copy, Debug)]
struct Given {
    by: Option<By>,
    back: Option<bool>,
    /// The result is stored, so that there is nothing to say about scores.
    stores: bool,
}

/// A range and how to return it.
struct Query<'a> {
    range: Range<'a>,
    back: bool,
    offset: i64,
    limit: i64,
    with_scores: bool,
}

impl<'a> Query<'a> {
    /// `min max` and options.
    fn take(args: &mut Args<'a>, given: Given) -> Result<Self, Error> {
        let (first, second) = (args.take()?, args.take()?);
        let Given { mut by, mut back, stores } = given;
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        while !args.is_empty() {
            if !stores && args.eat("WITHSCORES") {
                with_scores = true;
            } else if args.len() > 2 && args.eat("LIMIT") {
                (offset, limit) = (args.integer()?, args.integer()?);
            } else if back.is_none() && args.eat("REV") {
                back = Some(true);
            } else if by.is_none() && args.eat("BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && args.eat("BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::Syntax);
            }
        }
        let (by, back) = (by.unwrap_or(By::Rank), back.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(Error::text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
                 BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(Error::text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let swaps = back && by != By::Rank;
        let (min, max) = if swaps { (second, first) } else { (first, second) };
        Ok(Self { range: Range::parse(by, min, max)?, back, offset, limit, with_scores })
    }

    /// The rank of the first member and their number; going back, the last one comes first.
    fn span(&self, set: &SortedSet) -> (usize, usize) {
        let (start, count) = self.range.span(set, self.back);
        if matches!(self.range, Range::Rank(..)) {
            return (start, count);
        }
        // Redis skips all with a negative offset in a listpack, and in a skiplist counts from the end.
        let from_end = || match set.encoding() {
            "skiplist" => count.checked_sub(size(self.offset.unsigned_abs())).unwrap_or(count),
            _ => count,
        };
        let skipped = u64::try_from(self.offset)
            .map_or_else(|_| from_end(), |offset| size(offset).min(count));
        let max = u64::try_from(self.limit).map_or(usize::MAX, size);
        let taken = (count - skipped).min(max);
        (if self.back { start + count - skipped - taken } else { start + skipped }, taken)
    }

    fn members<'s>(
        &self,
        set: &'s SortedSet,
        start: usize,
        count: usize,
    ) -> impl Iterator<Item = (Element<'s>, f64)> {
        let members = if self.back {
            set.iter_back_from((start + count).saturating_sub(1))
        } else {
            set.iter_from(start)
        };
        members.take(count)
    }
}

/// A range of members.
enum Range<'a> {
    /// From one rank to another, from the end if negative.
    Rank(i64, i64),
    /// From one score to another.
    Score(Bound<f64>, Bound<f64>),
    /// From one member to another.
    Lex(Lex<'a>, Lex<'a>),
}

/// One end of a range.
#[derive(Clone, Copy, Debug)]
struct Bound<T> {
    at: T,
    excluded: bool,
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug)]
enum Lex<'a> {
    /// Before all members.
    First,
    /// Behind all members.
    Last,
    At(Bound<&'a [u8]>),
}

impl<'a> Range<'a> {
    fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Self, Error> {
        Ok(match by {
            By::Rank => {
                let rank = |text| num::parse_i64(text).ok_or(Error::NotInteger);
                Self::Rank(rank(min)?, rank(max)?)
            }
            By::Score => Self::Score(score_bound(min)?, score_bound(max)?),
            By::Lex => Self::Lex(lex_bound(min)?, lex_bound(max)?),
        })
    }

    /// The rank of the first member in the range, and how many there are. `back`: ranks are counted
    /// from the end.
    fn span(&self, set: &SortedSet, back: bool) -> (usize, usize) {
        let (start, end) = match *self {
            Self::Rank(start, stop) => {
                let (start, count) = rank_span(start, stop, set.len());
                let end = start + count;
                if back { (set.len() - end, set.len() - start) } else { (start, end) }
            }
            Self::Score(min, max) => (
                set.count_while(|score, _| score < min.at || min.excluded && score <= min.at),
                set.count_while(|score, _| score < max.at || !max.excluded && score <= max.at),
            ),
            Self::Lex(min, max) if set.as_listpack().is_some() => walked(set, min, max, back),
            Self::Lex(min, max) => (
                set.count_while(|_, member| min.is_behind(member, true)),
                set.count_while(|_, member| max.is_behind(member, false)),
            ),
        };
        (start, end.saturating_sub(start))
    }
}

/// The ranks from one to the other end of a range by letters, as Redis finds them in a listpack: it
/// goes from member to member, which is not the same as a search where the scores differ.
fn walked(set: &SortedSet, min: Lex<'_>, max: Lex<'_>, back: bool) -> (usize, usize) {
    let is_before = |member: &(Element<'_>, f64)| min.is_behind(member.0, true);
    let is_within = |member: &(Element<'_>, f64)| max.is_behind(member.0, false);
    let length = set.len();
    let backwards = |end: usize| set.iter_back_from(end.saturating_sub(1)).take(end);
    let is_empty = set.iter_from(0).next().is_none_or(|first| !is_within(&first))
        || backwards(length).next().is_none_or(|last| is_before(&last));
    if is_empty {
        (0, 0)
    } else if back {
        let end = length - backwards(length).take_while(|member| !is_within(member)).count();
        (end - backwards(end).take_while(|member| !is_before(member)).count(), end)
    } else {
        let start = set.iter_from(0).take_while(is_before).count();
        (start, start + set.iter_from(start).take_while(is_within).count())
    }
}

impl Lex<'_> {
    /// Whether the end lies behind `member`; as the start of a range, also if it excludes it, and
    /// as its end, if it does not.
    fn is_behind(self, member: Element<'_>, is_start: bool) -> bool {
        match self {
            Self::First => false,
            Self::Last => true,
            Self::At(bound) => member.with_bytes(|member| {
                member < bound.at || bound.excluded == is_start && member == bound.at
            }),
        }
    }
}

/// The first rank and the number of ranks from `start` to `stop`, which count from the end if they
/// are negative.
fn rank_span(start: i64, stop: i64, length: usize) -> (usize, usize) {
    let length = length as i64;
    let from_end = |rank: i64| if rank < 0 { rank.saturating_add(length) } else { rank };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(length - 1));
    if start > stop || start >= length {
        return (0, 0);
    }
    (size(start.unsigned_abs()), size((stop - start + 1).unsigned_abs()))
}

/// `score` or `(score`. Unlike the scores of members these are decimal; nothing at all is 0, and
/// what is too large is infinite. A zero byte ends them.
fn score_bound(text: &[u8]) -> Result<Bound<f64>, Error> {
    let (excluded, digits) = match until_zero(text) {
        [b'(', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let score = if digits.is_empty() { Some(0.0) } else { num::parse_decimal(digits) };
    match score {
        Some(at) => Ok(Bound { at, excluded }),
        None => Err(Error::text("ERR min or max is not a float")),
    }
}

/// `-`, `+`, `[member` or `(member`.
fn lex_bound(text: &[u8]) -> Result<Lex<'_>, Error> {
    match text {
        b"-" => Ok(Lex::First),
        b"+" => Ok(Lex::Last),
        [b'[', at @ ..] => Ok(Lex::At(Bound { at, excluded: false })),
        [b'(', at @ ..] => Ok(Lex::At(Bound { at, excluded: true })),
        _ => Err(Error::text("ERR min or max not valid string range item")),
    }
}
