//! Sorted sets: unions, intersections and differences of several.

use super::sorted_set::{Pairs, size};
use super::sorted_set_range::store;
use crate::base::ordered::NameMap;
use crate::base::{Error, num, order};
use crate::ds::{Set, SortedSet};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::Argv;
use crate::spec::{Access::*, Flag::*, Group, integer, key, many, one_of, opt, token};
use crate::store::ValueRef;

pub(crate) const COMMANDS: &[&Command] =
    &[&ZDIFF, &ZDIFFSTORE, &ZINTER, &ZINTERCARD, &ZINTERSTORE, &ZUNION, &ZUNIONSTORE];

const ZUNION: Command = Command {
    name: "ZUNION",
    summary: "Returns the members that any of several sorted sets has, with their scores put together.",
    since: "6.2.0",
    group: Group::SortedSet,
    complexity: "O(N+M log M) with N all members of all sets, M those of the result.",
    flags: &[Readonly],
    args: &[
        integer("numkeys"),
        many(key("key", &[Ro, Access])),
        opt(many(integer("weight").after("WEIGHTS"))),
        opt(one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
            .after("AGGREGATE")),
        opt(token("withscores", "WITHSCORES")),
    ],

    run: zunion,
    ..Command::BASE
};

fn zunion(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply(cx, args, How::Union)
}

const ZUNIONSTORE: Command = Command {
    name: "ZUNIONSTORE",
    summary: "Stores the members that any of several sorted sets has, with their scores put together.",
    since: "2.0.0",
    group: Group::SortedSet,
    complexity: "O(N+M log M) with N all members of all sets, M those of the result.",
    flags: &[Write, DenyOom],
    args: &[
        key("destination", &[Ow, Update]),
        integer("numkeys"),
        many(key("key", &[Ro, Access])),
        opt(many(integer("weight").after("WEIGHTS"))),
        opt(one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
            .after("AGGREGATE")),
    ],

    run: zunionstore,
    ..Command::BASE
};

fn zunionstore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let destination = args.take()?;
    let job = Job::take(cx, &mut args, How::Union, Purpose::Store)?;
    let mut result = job.run(cx);
    result.pack(&cx.zset_limits());
    store(cx, destination, Some(result), "zunionstore");
    Ok(())
}

const ZINTER: Command = Command {
    name: "ZINTER",
    summary: "Returns the members that all of several sorted sets have, with their scores put together.",
    since: "6.2.0",
    group: Group::SortedSet,
    complexity: "O(N*K+M log M) with N the members of the smallest set, K the sets, M the members of the result.",
    flags: &[Readonly],
    args: &[
        integer("numkeys"),
        many(key("key", &[Ro, Access])),
        opt(many(integer("weight").after("WEIGHTS"))),
        opt(one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
            .after("AGGREGATE")),
        opt(token("withscores", "WITHSCORES")),
    ],

    run: zinter,
    ..Command::BASE
};

fn zinter(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply(cx, args, How::Inter)
}

const ZINTERSTORE: Command = Command {
    name: "ZINTERSTORE",
    summary: "Stores the members that all of several sorted sets have, with their scores put together.",
    since: "2.0.0",
    group: Group::SortedSet,
    complexity: "O(N*K+M log M) with N the members of the smallest set, K the sets, M the members of the result.",
    flags: &[Write, DenyOom],
    args: &[
        key("destination", &[Ow, Update]),
        integer("numkeys"),
        many(key("key", &[Ro, Access])),
        opt(many(integer("weight").after("WEIGHTS"))),
        opt(one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
            .after("AGGREGATE")),
    ],

    run: zinterstore,
    ..Command::BASE
};

fn zinterstore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let destination = args.take()?;
    let job = Job::take(cx, &mut args, How::Inter, Purpose::Store)?;
    let mut result = job.run(cx);
    result.pack(&cx.zset_limits());
    store(cx, destination, Some(result), "zinterstore");
    Ok(())
}

const ZDIFF: Command = Command {
    name: "ZDIFF",
    summary: "Returns the members of the first sorted set that none of the others has.",
    since: "6.2.0",
    group: Group::SortedSet,
    complexity: "O(L+K log K) with L all members of all sets, K those of the result.",
    flags: &[Readonly],
    args: &[
        integer("numkeys"),
        many(key("key", &[Ro, Access])),
        opt(token("withscores", "WITHSCORES")),
    ],

    run: zdiff,
    ..Command::BASE
};

fn zdiff(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply(cx, args, How::Diff)
}

const ZDIFFSTORE: Command = Command {
    name: "ZDIFFSTORE",
    summary: "Stores the members of the first sorted set that none of the others has.",
    since: "6.2.0",
    group: Group::SortedSet,
    complexity: "O(L+K log K) with L all members of all sets, K those of the result.",
    flags: &[Write, DenyOom],
    args: &[key("destination", &[Ow, Update]), integer("numkeys"), many(key("key", &[Ro, Access]))],

    run: zdiffstore,
    ..Command::BASE
};

fn zdiffstore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let destination = args.take()?;
    let job = Job::take(cx, &mut args, How::Diff, Purpose::Store)?;
    let mut result = job.run(cx);
    result.pack(&cx.zset_limits());
    store(cx, destination, Some(result), "zdiffstore");
    Ok(())
}

fn reply(cx: &mut Ctx<'_>, mut args: Args<'_>, how: How) -> Outcome {
    let job = Job::take(cx, &mut args, how, Purpose::Reply)?;
    let result = job.run(cx);
    let mut reply = Pairs { out: cx.out, with_scores: job.with_scores, flat: false };
    reply.start(result.len());
    result.iter_from(0).for_each(|pair| reply.pair(pair));
    Ok(())
}

const ZINTERCARD: Command = Command {
    name: "ZINTERCARD",
    summary: "Counts the members that all of several sorted sets have.",
    since: "7.0.0",
    group: Group::SortedSet,
    complexity: "O(N*K) with N the members of the smallest set, K the sets.",
    flags: &[Readonly],
    args: &[
        integer("numkeys"),
        many(key("key", &[Ro, Access])),
        opt(integer("limit").after("LIMIT")),
    ],

    run: zintercard,
    ..Command::BASE
};

fn zintercard(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let job = Job::take(cx, &mut args, How::Inter, Purpose::Count)?;
    let mut count = 0;
    job.intersect(&sources(cx, &job), &mut |_, _| {
        count += 1;
        job.limit == 0 || count < job.limit
    });
    cx.out.count(count);
    Ok(())
}

/// What is made of several sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Union,
    Inter,
    Diff,
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Reply,
    Store,
    Count,
}

/// How scores of one member are put together.
#[derive(Clone, Copy, Debug)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Sum => {
                let sum = one + other;
                // Infinity and its opposite.
                if sum.is_nan() { 0.0 } else { sum }
            }
            Self::Min => {
                if other < one {
                    other
                } else {
                    one
                }
            }
            Self::Max => {
                if other > one {
                    other
                } else {
                    one
                }
            }
        }
    }
}

/// A command's arguments.
struct Job<'a> {
    keys: Argv<'a>,
    how: How,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Count no further; 0 for no limit.
    limit: usize,
}

/// One of the sets, and what its scores are multiplied by.
#[derive(Clone, Copy)]
struct Source<'a> {
    set: Input<'a>,
    weight: f64,
}

/// A sorted set, or a set, whose members all have the score 1.
#[derive(Clone, Copy)]
enum Input<'a> {
    Missing,
    Sorted(&'a SortedSet),
    Plain(&'a Set),
}

impl Input<'_> {
    fn len(self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Sorted(set) => set.len(),
            Self::Plain(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Sorted(set) => set.score(member),
            Self::Plain(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Shows `visit` all members until it returns false.
    fn each_while(self, mut visit: impl FnMut(&[u8], f64) -> bool) {
        match self {
            Self::Missing => {}
            Self::Sorted(set) => {
                let mut pairs = set.iter_from(0);
                let _ = pairs.all(|(member, score)| member.with_bytes(|bytes| visit(bytes, score)));
            }
            Self::Plain(set) => {
                set.each_while(|member| member.with_bytes(|bytes| visit(bytes, 1.0)))
            }
        }
    }
}

/// The sets that a job is about.
fn sources<'c>(cx: &'c Ctx<'_>, job: &Job<'_>) -> Vec<Source<'c>> {
    let db = cx.shard.db(cx.session.db);
    let source = |(index, key)| {
        let set = match db.get(key).map(|found| found.value) {
            Some(ValueRef::SortedSet(set)) => Input::Sorted(set),
            Some(ValueRef::Set(set)) => Input::Plain(set),
            _ => Input::Missing,
        };
        Source { set, weight: job.weights.get(index).copied().unwrap_or(1.0) }
    };
    let mut sources: Vec<Source<'_>> = job.keys.iter().enumerate().map(source).collect();
    if job.how != How::Diff {
        // The order in which Redis adds scores up.
        order::sort_by(&mut sources, |a, b| a.set.len().cmp(&b.set.len()));
    }
    sources
}

impl<'a> Job<'a> {
    /// `numkeys key …` and options.
    fn take(
        cx: &mut Ctx<'_>,
        args: &mut Args<'a>,
        how: How,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let numkeys = args.integer()?;
        if numkeys < 1 {
            return Err(Error::from(format!(
                "ERR at least 1 input key is needed for '{}' command",
                cx.entry.full_name
            )));
        }
        let keys = args.take_many(size(numkeys.unsigned_abs()))?;
        for key in keys.iter() {
            match cx.read(key).map(|found| found.value) {
                None | Some(ValueRef::SortedSet(_) | ValueRef::Set(_)) => {}
                Some(_) => return Err(Error::WrongType),
            }
        }
        let (weights, aggregate) = (Vec::new(), Aggregate::Sum);
        let mut job = Self { keys, how, weights, aggregate, with_scores: false, limit: 0 };
        job.take_options(args, purpose)?;
        Ok(job)
    }

    fn take_options(&mut self, args: &mut Args<'a>, purpose: Purpose) -> Outcome {
        let may_weigh = self.how != How::Diff && purpose != Purpose::Count;
        while !args.is_empty() {
            if may_weigh && args.len() > self.keys.len() && args.eat("WEIGHTS") {
                self.weights.clear();
                for _ in 0..self.keys.len() {
                    let weight = num::parse_f64(args.take()?).filter(|weight| !weight.is_nan());
                    let wrong = Error::text("ERR weight value is not a float");
                    self.weights.push(weight.ok_or(wrong)?);
                }
            } else if may_weigh && args.len() > 1 && args.eat("AGGREGATE") {
                self.aggregate = if args.eat("SUM") {
                    Aggregate::Sum
                } else if args.eat("MIN") {
                    Aggregate::Min
                } else if args.eat("MAX") {
                    Aggregate::Max
                } else {
                    return Err(Error::Syntax);
                };
            } else if purpose == Purpose::Reply && args.eat("WITHSCORES") {
                self.with_scores = true;
            } else if purpose == Purpose::Count && args.len() > 1 && args.eat("LIMIT") {
                let limit =
                    num::parse_i64(args.take()?).and_then(|limit| u64::try_from(limit).ok());
                self.limit = size(limit.ok_or(Error::text("ERR LIMIT can't be negative"))?);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(())
    }

    /// The set that comes out.
    fn run(&self, cx: &Ctx<'_>) -> SortedSet {
        let limits = cx.zset_limits();
        let mut result = SortedSet::to_fill(&limits);
        let sources = sources(cx, self);
        let mut add = |member: &[u8], score: f64| {
            result.insert(member, score, &limits);
            true
        };
        match self.how {
            How::Union => self.unite(&sources, &mut add),
            How::Inter => self.intersect(&sources, &mut add),
            How::Diff => subtract(&sources, &mut add),
        }
        result
    }

    fn unite(&self, sources: &[Source<'_>], add: &mut dyn FnMut(&[u8], f64) -> bool) {
        let mut scores: NameMap<f64> = NameMap::default();
        for source in sources {
            source.set.each_while(|member, score| {
                let score = weighed(score, source.weight);
                match scores.get_mut(member) {
                    Some(own) => *own = self.aggregate.of(*own, score),
                    None => drop(scores.insert(member.into(), score)),
                }
                true
            });
        }
        scores.iter().all(|(member, &score)| add(member, score));
    }

    /// Hands each member that all sets have to `add`, with its score, until that returns false.
    fn intersect(&self, sources: &[Source<'_>], add: &mut dyn FnMut(&[u8], f64) -> bool) {
        let Some((first, others)) = sources.split_first() else { return };
        first.set.each_while(|member, score| {
            let start = weighed(score, first.weight);
            let score = others.iter().try_fold(start, |score, other| {
                let more = other.set.score(member)? * other.weight;
                Some(self.aggregate.of(score, more))
            });
            score.is_none_or(|score| add(member, score))
        });
    }
}

fn subtract(sources: &[Source<'_>], add: &mut dyn FnMut(&[u8], f64) -> bool) {
    let Some((first, others)) = sources.split_first() else { return };
    first.set.each_while(|member, score| {
        others.iter().any(|other| other.set.score(member).is_some()) || add(member, score)
    });
}

/// Infinity times nothing counts as nothing.
fn weighed(score: f64, weight: f64) -> f64 {
    let score = score * weight;
    if score.is_nan() { 0.0 } else { score }
}
