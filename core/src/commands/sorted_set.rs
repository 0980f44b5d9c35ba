//! Sorted sets: adding, removing, looking at single members.
//!
//! Ranges are in [`sorted_set_range`](super::sorted_set_range), taking off the ends in
//! [`sorted_set_pop`](super::sorted_set_pop), what puts several together in
//! [`sorted_set_combine`](super::sorted_set_combine). A sorted set that loses its last member is
//! removed with its key.

use super::scan::{self, Options};
use crate::base::ordered::OrdSet;
use crate::base::{Error, glob, limits, num};
use crate::ds::zset::Limits;
use crate::ds::{Element, SortedSet};
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::{Out, Proto};
use crate::spec::{
    Access::*, Flag::*, Group, block, double, integer, key, many, one_of, opt, pattern, string,
    token,
};
use crate::store::{Value, ValueRef};

pub(crate) const COMMANDS: &[&Command] =
    &[&ZADD, &ZCARD, &ZINCRBY, &ZMSCORE, &ZRANDMEMBER, &ZRANK, &ZREM, &ZREVRANK, &ZSCAN, &ZSCORE];

const ZADD: Command = Command {
    name: "ZADD",
    summary: "Adds members with scores to a sorted set, or changes their scores; makes the set if there is none.",
    since: "1.2.0",
    group: Group::SortedSet,
    complexity: "O(log N) for each member, with N the members of the set.",
    flags: &[Write, DenyOom, Fast],
    args: &[
        key("key", &[Rw, Update]),
        opt(one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("3.0.2")),
        opt(one_of("comparison", &[token("gt", "GT"), token("lt", "LT")]).since("6.2.0")),
        opt(token("change", "CH").since("3.0.2")),
        opt(token("increment", "INCR").since("3.0.2")),
        many(block("data", &[double("score"), string("member")])),
    ],

    run: zadd,
    ..Command::BASE
};

fn zadd(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let options = AddOptions::take(&mut args);
    let pairs = args.rest();
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    options.check(pairs.len() / 2)?;
    let mut scored = Vec::with_capacity(pairs.len() / 2);
    for index in (0..pairs.len()).step_by(2) {
        let score = score_of(pairs.get(index).unwrap_or_default())?;
        scored.push((score, pairs.get(index + 1).unwrap_or_default()));
    }
    add_all(cx, key, options, &scored)
}

/// Adds members with their scores to the set at `key`, which is made if there is none, and replies
/// as ZADD does.
pub(super) fn add_all(
    cx: &mut Ctx<'_>,
    key: &[u8],
    options: AddOptions,
    pairs: &[(f64, &[u8])],
) -> Outcome {
    let first_bytes = pairs.first().map_or(0, |(_, member)| member.len());
    let missing = cx.zset_mut(key)?.is_none();
    let mut tally = Tally::default();
    if !(missing && options.xx) {
        let limits = cx.zset_limits();
        let mut new = missing.then(|| SortedSet::for_members(pairs.len(), first_bytes, &limits));
        let set = match &mut new {
            Some(set) => set,
            None => cx.zset_mut(key)?.ok_or(Error::WrongType)?,
        };
        for &(score, member) in pairs {
            options.add(set, member, score, &limits, &mut tally)?;
        }
        if let Some(set) = new.filter(|set| !set.is_empty()) {
            cx.insert(key, Value::SortedSet(Box::new(set)), None);
        }
    }
    let changes = tally.added + tally.updated;
    if changes > 0 {
        let dirty = cx.dirty + changes as u64;
        cx.changed(key, Class::SortedSet, if options.incr { "zincr" } else { "zadd" });
        cx.dirty = dirty;
    }
    match tally.score {
        _ if !options.incr => cx.out.count(if options.ch { changes } else { tally.added }),
        Some(score) => cx.out.double(score),
        None => cx.out.null(),
    }
    Ok(())
}

const ZINCRBY: Command = Command {
    name: "ZINCRBY",
    summary: "Adds to the score of a member, which is 0 if it is not there.",
    since: "1.2.0",
    group: Group::SortedSet,
    complexity: "O(log N) with N the members of the set.",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Access, Update]), integer("increment"), string("member")],

    run: zincrby,
    ..Command::BASE
};

fn zincrby(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let increment = score_of(args.take()?)?;
    let member = args.take()?;
    let limits = cx.zset_limits();
    let options = AddOptions { incr: true, ..AddOptions::default() };
    let mut tally = Tally::default();
    if let Some(set) = cx.zset_mut(key)? {
        options.add(set, member, increment, &limits, &mut tally)?;
    } else {
        let mut set = SortedSet::for_members(1, member.len(), &limits);
        options.add(&mut set, member, increment, &limits, &mut tally)?;
        cx.insert(key, Value::SortedSet(Box::new(set)), None);
    }
    if tally.added + tally.updated > 0 {
        cx.changed(key, Class::SortedSet, "zincr");
    }
    cx.out.double(tally.score.unwrap_or(increment));
    Ok(())
}

const ZREM: Command = Command {
    name: "ZREM",
    summary: "Removes members from a sorted set.",
    since: "1.2.0",
    group: Group::SortedSet,
    complexity: "O(M log N) with M the members to remove, N the members of the set.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Delete]), many(string("member"))],

    run: zrem,
    ..Command::BASE
};

fn zrem(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let Some(set) = cx.zset_mut(key)? else {
        cx.out.int(0);
        return Ok(());
    };
    let mut gone = 0;
    for member in args.rest().iter() {
        gone += usize::from(set.remove(member).is_some());
    }
    if gone > 0 {
        let emptied = set.is_empty();
        removed(cx, key, "zrem", gone, emptied);
    }
    cx.out.count(gone);
    Ok(())
}

const ZCARD: Command = Command {
    name: "ZCARD",
    summary: "Counts the members of a sorted set.",
    since: "1.2.0",
    group: Group::SortedSet,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro])],

    run: zcard,
    ..Command::BASE
};

fn zcard(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let count = cx.read_zset(args.take()?)?.map_or(0, |(set, _)| set.len());
    cx.out.count(count);
    Ok(())
}

const ZSCORE: Command = Command {
    name: "ZSCORE",
    summary: "Returns the score of a member.",
    since: "1.2.0",
    group: Group::SortedSet,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), string("member")],

    run: zscore,
    ..Command::BASE
};

fn zscore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, member) = (args.take()?, args.take()?);
    let score = cx.read_zset(key)?.and_then(|(set, _)| set.score(member));
    score_or_null(cx.out, score);
    Ok(())
}

const ZMSCORE: Command = Command {
    name: "ZMSCORE",
    summary: "Returns the scores of several members.",
    since: "6.2.0",
    group: Group::SortedSet,
    complexity: "O(N) with N the members asked for.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), many(string("member"))],

    run: zmscore,
    ..Command::BASE
};

fn zmscore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let members = args.rest();
    let found = cx.read_zset(key)?.map(|(set, _)| set);
    let scores: Vec<Option<f64>> =
        members.iter().map(|member| found.and_then(|set| set.score(member))).collect();
    cx.out.array(scores.len());
    scores.into_iter().for_each(|score| score_or_null(cx.out, score));
    Ok(())
}

const ZRANK: Command = Command {
    name: "ZRANK",
    summary: "Tells how many members lie before one.",
    since: "2.0.0",
    group: Group::SortedSet,
    complexity: "O(log N) with N the members of the set.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), string("member"), opt(token("withscore", "WITHSCORE"))],

    run: zrank,
    ..Command::BASE
};

fn zrank(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    rank(cx, args, false)
}

const ZREVRANK: Command = Command {
    name: "ZREVRANK",
    summary: "Tells how many members lie behind one.",
    since: "2.0.0",
    group: Group::SortedSet,
    complexity: "O(log N) with N the members of the set.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), string("member"), opt(token("withscore", "WITHSCORE"))],

    run: zrevrank,
    ..Command::BASE
};

fn zrevrank(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    rank(cx, args, true)
}

fn rank(cx: &mut Ctx<'_>, mut args: Args<'_>, back: bool) -> Outcome {
    let (key, member) = (args.take()?, args.take()?);
    if args.len() > 1 {
        return Err(wrong_arity(cx.entry));
    }
    let with_score = args.eat("WITHSCORE");
    args.end()?;
    let found = match cx.read_zset(key)? {
        Some((set, _)) => set
            .rank(member)
            .map(|(rank, score)| (if back { set.len() - 1 - rank } else { rank }, score)),
        None => None,
    };
    match found {
        Some((rank, score)) if with_score => {
            cx.out.array(2);
            cx.out.count(rank);
            cx.out.double(score);
        }
        Some((rank, _)) => cx.out.count(rank),
        None if with_score => cx.out.null_array(),
        None => cx.out.null(),
    }
    Ok(())
}

const ZRANDMEMBER: Command = Command {
    name: "ZRANDMEMBER",
    summary: "Returns members drawn at random: different ones, or, with a negative count, perhaps the same again.",
    since: "6.2.0",
    group: Group::SortedSet,
    complexity: "O(N log M) with N the members returned, M those of the set.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        opt(block("options", &[integer("count"), opt(token("withscores", "WITHSCORES"))])),
    ],

    tips: &["nondeterministic_output"],
    run: zrandmember,
    ..Command::BASE
};

fn zrandmember(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let count = if args.is_empty() { None } else { Some(random_count(&mut args)?) };
    let length = cx.read_zset(key)?.map_or(0, |(set, _)| set.len());
    let db = cx.session.db;
    let (out, engine) = (&mut *cx.out, &mut *cx.engine);
    let found = engine.shard.db(db).get(key).map(|found| found.value);
    let Some(ValueRef::SortedSet(set)) = found else {
        if count.is_some() {
            out.array(0)
        } else {
            out.null()
        }
        return Ok(());
    };
    let mut draw = |below: usize| size(engine.rng.below(below as u64));
    let Some((count, with_scores)) = count else {
        if let Some((member, _)) = set.get(draw(length)) {
            member.with_bytes(|member| out.bulk(member));
        }
        return Ok(());
    };
    let wanted = size(count.unsigned_abs());
    let mut reply = Pairs { out, with_scores, flat: false };
    if count >= 0 && wanted >= length {
        reply.start(length);
        set.iter_from(0).for_each(|pair| reply.pair(pair));
        return Ok(());
    }
    if count < -limits::REPEATS_MAX {
        // Redis would go on until its memory is full.
        return Err(Error::text("ERR value is out of range"));
    }
    reply.start(wanted);
    let mut show = |rank: usize| set.get(rank).into_iter().for_each(|pair| reply.pair(pair));
    if count < 0 {
        (0..wanted).for_each(|_| show(draw(length)));
        return Ok(());
    }
    // Floyd's way to draw different ones: each time from one more.
    let mut drawn = OrdSet::default();
    for last in length - wanted..length {
        let rank = draw(last + 1);
        let rank = if drawn.insert(rank as u64) { rank } else { last };
        drawn.insert(rank as u64);
        show(rank);
    }
    Ok(())
}

/// `count [WITHSCORES]`.
fn random_count(args: &mut Args<'_>) -> Result<(i64, bool), Error> {
    let count = args.integer()?;
    if count == i64::MIN {
        return Err(Error::text(
            "ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807",
        ));
    }
    let with_scores = args.eat("WITHSCORES");
    args.end()?;
    if with_scores && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(Error::text("ERR value is out of range"));
    }
    Ok((count, with_scores))
}

const ZSCAN: Command = Command {
    name: "ZSCAN",
    summary: "Goes through the members of a sorted set, some at a time.",
    since: "2.8.0",
    group: Group::SortedSet,
    complexity: "O(1) for each call with a small COUNT, O(N) for all N members",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        integer("cursor"),
        opt(pattern("pattern").after("MATCH")),
        opt(integer("count").after("COUNT")),
        // As in Valkey 8.
        opt(token("noscores", "NOSCORES")),
    ],
    tips: &["nondeterministic_output"],
    example: "> ZADD board 10 ann\n(integer) 1\n> ZSCAN board 0\n1) \"0\"\n2) 1) \"ann\"\n   2) \"10\"\n\
              > ZSCAN board 0 NOSCORES\n1) \"0\"\n2) 1) \"ann\"\n",
    run: zscan,
    ..Command::BASE
};

fn zscan(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let cursor = scan::parse_cursor(args.take()?)?;
    let Some((set, out)) = cx.read_zset(key)? else {
        cx.out.array(2);
        cx.out.bulk(b"0");
        cx.out.array(0);
        return Ok(());
    };
    let options = Options::of_collection(args, Some("NOSCORES"))?;
    let is_listpack = set.as_listpack().is_some();
    let (mut pairs, mut count) = (Out::default(), 0);
    let next = set.scan(cursor, options.count.min(set.len()), |member, score| {
        let is_match = |member: &[u8]| options.pattern.is_none_or(|p| glob::matches(p, member));
        if member.with_bytes(is_match) {
            member.with_bytes(|member| pairs.bulk(member));
            count += 1;
            if options.names_only {
                return;
            }
            // Redis writes what it has stored in a listpack, and many digits otherwise.
            if is_listpack {
                pairs.bulk(&num::format_f64(score));
            } else {
                pairs.bulk(num::format_g17(score).as_bytes());
            }
            count += 1;
        }
    });
    out.array(2);
    out.bulk(&num::Digits::of_u64(next));
    out.array(count);
    out.raw(pairs.pending());
    Ok(())
}

/// The options of ZADD.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AddOptions {
    pub(super) nx: bool,
    pub(super) xx: bool,
    gt: bool,
    lt: bool,
    pub(super) ch: bool,
    incr: bool,
}

/// What adding has done.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    added: usize,
    updated: usize,
    /// The score of the last member that was not passed over.
    score: Option<f64>,
}

impl AddOptions {
    fn take(args: &mut Args<'_>) -> Self {
        let mut options = Self::default();
        loop {
            let option = if args.eat("NX") {
                &mut options.nx
            } else if args.eat("XX") {
                &mut options.xx
            } else if args.eat("CH") {
                &mut options.ch
            } else if args.eat("INCR") {
                &mut options.incr
            } else if args.eat("GT") {
                &mut options.gt
            } else if args.eat("LT") {
                &mut options.lt
            } else {
                return options;
            };
            *option = true;
        }
    }

    fn check(self, count: usize) -> Outcome {
        if self.nx && self.xx {
            let text = "ERR XX and NX options at the same time are not compatible";
            return Err(Error::text(text));
        }
        if self.nx && (self.gt || self.lt) || self.gt && self.lt {
            let text = "ERR GT, LT, and/or NX options at the same time are not compatible";
            return Err(Error::text(text));
        }
        if self.incr && count > 1 {
            let text = "ERR INCR option supports a single increment-element pair";
            return Err(Error::text(text));
        }
        Ok(())
    }

    /// Adds `member` to `set`, or changes its score, or does nothing, and counts that.
    fn add(
        self,
        set: &mut SortedSet,
        member: &[u8],
        score: f64,
        limits: &Limits,
        tally: &mut Tally,
    ) -> Outcome {
        let Some(old) = set.score(member) else {
            if !self.xx {
                set.insert(member, score, limits);
                tally.added += 1;
                tally.score = Some(score);
            }
            return Ok(());
        };
        if self.nx {
            return Ok(());
        }
        let score = if self.incr { old + score } else { score };
        if score.is_nan() {
            return Err(Error::text("ERR resulting score is not a number (NaN)"));
        }
        if self.lt && score >= old || self.gt && score <= old {
            return Ok(());
        }
        tally.score = Some(score);
        if score != old {
            set.insert(member, score, limits);
            tally.updated += 1;
        }
        Ok(())
    }
}

/// Writes members and scores: in RESP3 each two in an array of their own, unless `flat`.
pub(super) struct Pairs<'a> {
    pub(super) out: &'a mut Out,
    pub(super) with_scores: bool,
    /// All in one array, whatever the protocol.
    pub(super) flat: bool,
}

impl Pairs<'_> {
    /// Starts the array of `count` members.
    pub(super) fn start(&mut self, count: usize) {
        self.out.array(if self.with_scores && !self.is_nested() { count * 2 } else { count });
    }

    fn is_nested(&self) -> bool {
        !self.flat && self.out.proto() == Proto::V3
    }

    /// Writes one member.
    pub(super) fn pair(&mut self, (member, score): (Element<'_>, f64)) {
        if self.with_scores && self.is_nested() {
            self.out.array(2);
        }
        member.with_bytes(|member| self.out.bulk(member));
        if self.with_scores {
            self.out.double(score);
        }
    }
}

/// Tells that `count` members were removed from the set at `key`, and removes the key if the set
/// was `emptied`.
pub(super) fn removed(cx: &mut Ctx<'_>, key: &[u8], event: &str, count: usize, emptied: bool) {
    let dirty = cx.dirty + count as u64;
    cx.changed(key, Class::SortedSet, event);
    if emptied {
        cx.delete(key);
        cx.changed(key, Class::Generic, "del");
    }
    cx.dirty = dirty;
}

/// Reads a score, which is never NaN.
pub(super) fn score_of(text: &[u8]) -> Result<f64, Error> {
    num::parse_f64(text).filter(|score| !score.is_nan()).ok_or(Error::NotFloat)
}

fn score_or_null(out: &mut Out, score: Option<f64>) {
    match score {
        Some(score) => out.double(score),
        None => out.null(),
    }
}

/// A count that a client gave.
pub(super) fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
