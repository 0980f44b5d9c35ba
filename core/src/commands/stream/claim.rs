//! XCLAIM and XAUTOCLAIM: giving a consumer what another was given and does not finish.

use super::ids::{self, End};
use super::record::{Claims, propagate_claims, propagate_group_id};
use super::{created_consumer, no_group, number_or, write_entry};
use crate::base::Error;
use crate::ds::Stream;
use crate::ds::stream::{ConsumerRef, Group as ConsumerGroup, NOBODY, Pending, StreamId};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::Out;
use crate::spec::{Access::*, Flag::*, Group, integer, key, many, opt, string, token, unix_time};

pub(crate) const COMMANDS: &[&Command] = &[&XAUTOCLAIM, &XCLAIM];

/// Entries that XAUTOCLAIM looks at for each that it may return.
const ATTEMPTS_FACTOR: i64 = 10;
/// The greatest COUNT of XAUTOCLAIM: Redis keeps as many IDs of 16 bytes.
const COUNT_MAX: i64 = i64::MAX / 16;

const XCLAIM: Command = Command {
    name: "XCLAIM",
    summary: "Gives a consumer pending entries of another, named by their IDs.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(log N) for each ID, with N the pending entries of the group.",
    flags: &[Write, Fast],
    args: &[
        key("key", &[Rw, Update]),
        string("group"),
        string("consumer"),
        string("min-idle-time"),
        many(string("id")),
        opt(integer("ms").after("IDLE")),
        opt(unix_time("unix-time-milliseconds").after("TIME")),
        opt(integer("count").after("RETRYCOUNT")),
        opt(token("force", "FORCE")),
        opt(token("justid", "JUSTID")),
        opt(string("lastid").after("LASTID")),
    ],
    tips: &["nondeterministic_output"],
    run: xclaim,
    ..Command::BASE
};

/// What XCLAIM is told besides the IDs.
struct Claim {
    /// When the entries count as delivered.
    delivered_ms: Option<i64>,
    deliveries: Option<u64>,
    last_id: StreamId,
    force: bool,
    just_id: bool,
}

fn xclaim(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, consumer) = (args.take()?, args.take()?, args.take()?);
    let (now_ms, mut claims) = (cx.now.unix_ms(), Claims::new(cx));
    let found = cx.read_stream_to_change(key)?;
    let found = found.filter(|(stream, _)| stream.groups.contains_key(name));
    let (stream, out) = found.ok_or_else(|| no_group(key, name, ""))?;
    let idle_ms = number_or(&mut args, "ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
    let mut wanted = Vec::new();
    while let Some(Ok(id)) = args.peek().map(|text| ids::strict(text, 0)) {
        wanted.push(id);
        args.take()?;
    }
    let claim = claim_options(&mut args, now_ms)?;
    // What is bogus is taken for now: the client's clock may be another.
    let delivered_ms = claim.delivered_ms.filter(|at_ms| (0..=now_ms).contains(at_ms));
    let delivered_ms = delivered_ms.unwrap_or(now_ms);
    let mut comes_further = false;
    let claimed = stream.with_group(name, |stream, group| {
        comes_further = claim.last_id > group.last_id;
        group.last_id = group.last_id.max(claim.last_id);
        let (consumer, is_new) = seen(group, consumer, now_ms);
        let (mark, mut changes, mut count) = (out.mark(), 0, 0);
        for id in wanted {
            if !stream.contains(id) {
                if let Some(pending) = group.pending(id) {
                    claims.add(group, id, pending);
                    changes += u64::from(group.acknowledge(id));
                }
                continue;
            }
            let mut pending = match group.pending(id) {
                Some(pending) => {
                    let is_owned = pending.consumer != NOBODY;
                    if is_owned
                        && idle_ms > 0
                        && now_ms.saturating_sub(pending.delivered_ms) < idle_ms
                    {
                        continue;
                    }
                    pending
                }
                None if claim.force => Pending { delivered_ms, deliveries: 1, consumer },
                None => continue,
            };
            pending.deliveries = claim.deliveries.unwrap_or_else(|| again(pending, claim.just_id));
            let pending = Pending { delivered_ms, consumer, ..pending };
            take(group, id, pending, now_ms);
            claims.add(group, id, pending);
            write_claimed(out, stream, id, claim.just_id);
            changes += 1;
            count += 1;
        }
        out.array_since(mark, count);
        (is_new, changes)
    });
    tell(cx, key, claimed);
    cx.propagate_nothing();
    if cx.propagates() {
        let is_silent = claims.is_empty() && comes_further;
        propagate_claims(cx, key, name, claims);
        if is_silent {
            propagate_group_id(cx, key, name);
        }
    }
    Ok(())
}

/// `[IDLE ms] [TIME ms] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]`.
fn claim_options(args: &mut Args<'_>, now_ms: i64) -> Result<Claim, Error> {
    let mut claim = Claim {
        delivered_ms: None,
        deliveries: None,
        last_id: StreamId::MIN,
        force: false,
        just_id: false,
    };
    while let Some(word) = args.peek() {
        let has_more = args.len() >= 2;
        if args.eat("FORCE") {
            claim.force = true;
        } else if args.eat("JUSTID") {
            claim.just_id = true;
        } else if has_more && args.eat("IDLE") {
            let idle_ms = number_or(args, "ERR Invalid IDLE option argument for XCLAIM")?;
            claim.delivered_ms = Some(now_ms.wrapping_sub(idle_ms));
        } else if has_more && args.eat("TIME") {
            claim.delivered_ms =
                Some(number_or(args, "ERR Invalid TIME option argument for XCLAIM")?);
        } else if has_more && args.eat("RETRYCOUNT") {
            let count = number_or(args, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
            claim.deliveries = u64::try_from(count).ok();
        } else if has_more && args.eat("LASTID") {
            claim.last_id = ids::strict(args.take()?, 0)?;
        } else {
            return Err(Error::showing("ERR Unrecognized XCLAIM option '", word, "'"));
        }
    }
    Ok(claim)
}

const XAUTOCLAIM: Command = Command {
    name: "XAUTOCLAIM",
    summary: "Gives a consumer the entries that have waited long enough for another, from an ID on.",
    since: "6.2.0",
    group: Group::Stream,
    complexity: "O(1) for each entry looked at, which COUNT bounds.",
    flags: &[Write, Fast],
    args: &[
        key("key", &[Rw, Delete]),
        string("group"),
        string("consumer"),
        string("min-idle-time"),
        string("start"),
        opt(integer("count").after("COUNT")),
        opt(token("justid", "JUSTID")),
    ],
    tips: &["nondeterministic_output"],
    run: xautoclaim,
    ..Command::BASE
};

fn xautoclaim(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, consumer) = (args.take()?, args.take()?, args.take()?);
    // It counts as a read whatever the other arguments are.
    cx.read(key);
    let idle_ms = number_or(&mut args, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?;
    let start = ids::bound(args.take()?, End::Start)?;
    let (mut count, mut just_id) = (100, false);
    while !args.is_empty() {
        if args.len() >= 2 && args.eat("COUNT") {
            let otherwise = "ERR COUNT must be > 0";
            count = number_or(&mut args, otherwise)?;
            if !(1..=COUNT_MAX).contains(&count) {
                return Err(Error::text(otherwise));
            }
        } else if args.eat("JUSTID") {
            just_id = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    let (now_ms, mut claims) = (cx.now.unix_ms(), Claims::new(cx));
    let found = cx.stream_and_out(key)?;
    let found = found.filter(|(stream, _)| stream.groups.contains_key(name));
    let (stream, out) = found.ok_or_else(|| no_group(key, name, ""))?;
    let search = Search { idle_ms: idle_ms.max(0), start, count, just_id, now_ms };
    let claimed = stream.with_group(name, |stream, group| {
        let (consumer, is_new) = seen(group, consumer, now_ms);
        (is_new, search.run(stream, group, consumer, out, &mut claims))
    });
    tell(cx, key, claimed);
    cx.propagate_nothing();
    propagate_claims(cx, key, name, claims);
    Ok(())
}

/// What XAUTOCLAIM looks for.
struct Search {
    idle_ms: i64,
    start: StreamId,
    count: i64,
    just_id: bool,
    now_ms: i64,
}

impl Search {
    /// Claims for `consumer` and writes the reply; returns how many entries of `group` changed, and
    /// adds each of them to `claims`.
    fn run(
        &self,
        stream: &Stream,
        group: &mut ConsumerGroup,
        consumer: ConsumerRef,
        out: &mut Out,
        claims: &mut Claims,
    ) -> u64 {
        let (mut left, mut attempts) = (self.count, self.count.saturating_mul(ATTEMPTS_FACTOR));
        let (mut claimed, mut deleted) = (Vec::new(), Vec::new());
        let mut next = group.pending_from(self.start).next();
        while let Some((id, pending)) = next
            && attempts > 0
            && left > 0
        {
            attempts -= 1;
            if !stream.contains(id) {
                claims.add(group, id, pending);
                group.acknowledge(id);
                deleted.push(id);
                left -= 1;
            } else if self.idle_ms == 0
                || pending.consumer == NOBODY
                || self.now_ms.saturating_sub(pending.delivered_ms) >= self.idle_ms
            {
                let deliveries = again(pending, self.just_id);
                let pending = Pending { delivered_ms: self.now_ms, deliveries, consumer };
                take(group, id, pending, self.now_ms);
                claims.add(group, id, pending);
                claimed.push(id);
                left -= 1;
            }
            next = id.next().and_then(|after| group.pending_from(after).next());
        }
        out.array(3);
        out.bulk(&next.map_or(StreamId::MIN, |(id, _)| id).text(b'-'));
        out.array(claimed.len());
        for &id in &claimed {
            write_claimed(out, stream, id, self.just_id);
        }
        out.array(deleted.len());
        for id in &deleted {
            out.bulk(&id.text(b'-'));
        }
        (claimed.len() + deleted.len()) as u64
    }
}

/// The consumer of this name, made if there was none; it has asked for something now.
pub(super) fn seen(group: &mut ConsumerGroup, name: &[u8], now_ms: i64) -> (ConsumerRef, bool) {
    let found = group.find(name);
    let number = found.or_else(|| group.create(name, now_ms)).unwrap_or_default();
    if let Some(consumer) = group.get_mut(number) {
        consumer.seen_ms = now_ms;
    }
    (number, found.is_none())
}

/// An entry is pending for a consumer, which so has got something.
pub(super) fn take(group: &mut ConsumerGroup, id: StreamId, pending: Pending, now_ms: i64) {
    group.set_pending(id, pending);
    if let Some(consumer) = group.get_mut(pending.consumer) {
        consumer.active_ms = Some(now_ms);
    }
}

/// How often the entry was delivered once it is claimed; only to be told of it does not count.
fn again(pending: Pending, just_id: bool) -> u64 {
    if just_id { pending.deliveries } else { pending.deliveries_then() }
}

fn write_claimed(out: &mut Out, stream: &Stream, id: StreamId, just_id: bool) {
    if just_id {
        out.bulk(&id.text(b'-'));
    } else if let Some(entry) = stream.iter(id, id).next() {
        write_entry(out, entry);
    }
}

/// Tells of what was claimed: whether the consumer is new, and how many entries changed.
fn tell(cx: &mut Ctx<'_>, key: &[u8], claimed: Option<(bool, u64)>) {
    let Some((is_new, changes)) = claimed else { return };
    if is_new {
        created_consumer(cx, key);
    }
    cx.dirty += changes;
}
