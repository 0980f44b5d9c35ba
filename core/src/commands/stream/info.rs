//! XINFO: looking into streams.

use super::{no_group_of, write_entries, write_entry};
use crate::base::Error;
use crate::ds::Stream;
use crate::ds::stream::{Consumer, Entry, Group as ConsumerGroup, Idempotence, StreamId};
use crate::engine::exec::wrong_subcommand_arity;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::Out;
use crate::spec::{Access::*, Flag::*, Group, block, integer, key, opt, string, token};

pub(crate) const COMMANDS: &[&Command] = &[&XINFO];

/// How many facts there are about what producers have numbered.
const IDEMPOTENCE_FACTS: usize = 6;

/// Entries that FULL shows, unless COUNT says otherwise.
const FULL_COUNT: usize = 10;

const XINFO: Command = Command {
    name: "XINFO",
    summary: "Looks into streams.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "Depends on the subcommand",
    subcommands: &[&XINFO_CONSUMERS, &XINFO_GROUPS, &XINFO_STREAM],
    ..Command::BASE
};

const XINFO_STREAM: Command = Command {
    name: "STREAM",
    summary: "Describes a stream.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        opt(block("full-block", &[token("full", "FULL"), opt(integer("count").after("COUNT"))])),
    ],
    run: xinfo_stream,
    ..Command::BASE
};

fn xinfo_stream(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let refusal = wrong_subcommand_arity(cx.entry, args.all());
    let now_ms = cx.now.unix_ms().max(0) as u64;
    let (stream, out) = cx.read_stream(key)?.ok_or(Error::NoSuchKey)?;
    // Only shown where it is used, so that older clients see what they know.
    let numbered = stream.idempotence.as_ref().map_or(0, |_| IDEMPOTENCE_FACTS);
    let full = match args.len() {
        0 => None,
        1 if args.eat("FULL") => Some(FULL_COUNT),
        3 if args.eat("FULL") && args.eat("COUNT") => Some(match args.integer()? {
            0 => usize::MAX,
            count => usize::try_from(count).unwrap_or(FULL_COUNT),
        }),
        _ => return Err(refusal),
    };
    out.map(if full.is_some() { 9 } else { 10 } + numbered);
    facts(stream, out);
    if let Some(known) = &stream.idempotence {
        idempotence(known, out, now_ms);
    }
    match full {
        None => brief(stream, out),
        Some(count) => complete(stream, out, count),
    }
    Ok(())
}

fn facts(stream: &Stream, out: &mut Out) {
    named_int(out, "length", stream.len() as i64);
    named_int(out, "radix-tree-keys", stream.nodes_len() as i64);
    named_int(out, "radix-tree-nodes", stream.radix_nodes() as i64);
    named_id(out, "last-generated-id", stream.last_id);
    named_id(out, "max-deleted-entry-id", stream.max_deleted_id);
    named_int(out, "entries-added", stream.entries_added as i64);
    named_id(out, "recorded-first-entry-id", stream.first_id());
}

fn idempotence(known: &Idempotence, out: &mut Out, now_ms: u64) {
    let (producers, iids) = known.tracked(now_ms);
    let facts: [(&str, u64); IDEMPOTENCE_FACTS] = [
        ("idmp-duration", known.duration_s),
        ("idmp-maxsize", known.size_max),
        ("pids-tracked", producers),
        ("iids-tracked", iids),
        ("iids-added", known.added),
        ("iids-duplicates", known.duplicates),
    ];
    facts.into_iter().for_each(|(name, number)| named_int(out, name, number as i64));
}

fn brief(stream: &Stream, out: &mut Out) {
    named_int(out, "groups", stream.groups.len() as i64);
    let mut entry = |name: &str, entry: Option<Entry<'_>>| {
        out.bulk(name.as_bytes());
        match entry {
            Some(entry) => write_entry(out, entry),
            None => out.null(),
        }
    };
    entry("first-entry", stream.iter(StreamId::MIN, StreamId::MAX).next());
    entry("last-entry", stream.iter_back(StreamId::MIN, StreamId::MAX).next());
}

fn complete(stream: &Stream, out: &mut Out, count: usize) {
    out.bulk(b"entries");
    write_entries(out, stream.iter(StreamId::MIN, StreamId::MAX), count);
    out.bulk(b"groups");
    out.array(stream.groups.len());
    for (name, group) in stream.groups.iter() {
        let given_back = group.given_back().len();
        out.map(if given_back > 0 { 8 } else { 7 });
        out.bulk(b"name");
        out.bulk(name);
        named_id(out, "last-delivered-id", group.last_id);
        named_maybe(out, "entries-read", group.entries_read);
        named_maybe(out, "lag", stream.lag(group));
        named_int(out, "pel-count", group.pending_len() as i64);
        out.bulk(b"pending");
        out.array(group.pending_len().min(count));
        for (id, pending) in group.pending_from(StreamId::MIN).take(count) {
            out.array(4);
            out.bulk(&id.text(b'-'));
            out.bulk(group.get(pending.consumer).map_or(b"", |consumer| &consumer.name));
            out.int(pending.delivered_ms);
            out.int(pending.deliveries as i64);
        }
        if given_back > 0 {
            named_int(out, "nacked-count", given_back as i64);
        }
        out.bulk(b"consumers");
        out.array(group.consumers_len());
        group.consumers().for_each(|consumer| complete_consumer(group, consumer, out, count));
    }
}

fn complete_consumer(group: &ConsumerGroup, consumer: &Consumer, out: &mut Out, count: usize) {
    out.map(5);
    out.bulk(b"name");
    out.bulk(&consumer.name);
    named_int(out, "seen-time", consumer.seen_ms);
    named_int(out, "active-time", consumer.active_ms.unwrap_or(-1));
    named_int(out, "pel-count", consumer.pending_len() as i64);
    out.bulk(b"pending");
    out.array(consumer.pending_len().min(count));
    for id in consumer.pending_from(StreamId::MIN).take(count) {
        let pending = group.pending(id);
        out.array(3);
        out.bulk(&id.text(b'-'));
        out.int(pending.map_or(0, |pending| pending.delivered_ms));
        out.int(pending.map_or(0, |pending| pending.deliveries) as i64);
    }
}

const XINFO_GROUPS: Command = Command {
    name: "GROUPS",
    summary: "Lists the groups of a stream.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access])],
    run: xinfo_groups,
    ..Command::BASE
};

fn xinfo_groups(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (stream, out) = cx.read_stream(args.take()?)?.ok_or(Error::NoSuchKey)?;
    out.array(stream.groups.len());
    for (name, group) in stream.groups.iter() {
        out.map(6);
        out.bulk(b"name");
        out.bulk(name);
        named_int(out, "consumers", group.consumers_len() as i64);
        named_int(out, "pending", group.pending_len() as i64);
        named_id(out, "last-delivered-id", group.last_id);
        named_maybe(out, "entries-read", group.entries_read);
        named_maybe(out, "lag", stream.lag(group));
    }
    Ok(())
}

const XINFO_CONSUMERS: Command = Command {
    name: "CONSUMERS",
    summary: "Lists the consumers of a group.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), string("group")],
    tips: &["nondeterministic_output"],
    run: xinfo_consumers,
    ..Command::BASE
};

fn xinfo_consumers(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name) = (args.take()?, args.take()?);
    let now_ms = cx.now.unix_ms();
    let (stream, out) = cx.read_stream(key)?.ok_or(Error::NoSuchKey)?;
    let group = stream.groups.get(name).ok_or_else(|| no_group_of(key, name))?;
    out.array(group.consumers_len());
    for consumer in group.consumers() {
        out.map(4);
        out.bulk(b"name");
        out.bulk(&consumer.name);
        named_int(out, "pending", consumer.pending_len() as i64);
        named_int(out, "idle", now_ms.saturating_sub(consumer.seen_ms).max(0));
        let inactive = consumer.active_ms.map_or(-1, |at_ms| now_ms.saturating_sub(at_ms).max(0));
        named_int(out, "inactive", inactive);
    }
    Ok(())
}

fn named_int(out: &mut Out, name: &str, value: i64) {
    out.bulk(name.as_bytes());
    out.int(value);
}

fn named_maybe(out: &mut Out, name: &str, value: Option<i64>) {
    out.bulk(name.as_bytes());
    match value {
        Some(value) => out.int(value),
        None => out.null(),
    }
}

fn named_id(out: &mut Out, name: &str, id: StreamId) {
    out.bulk(name.as_bytes());
    out.bulk(&id.text(b'-'));
}
