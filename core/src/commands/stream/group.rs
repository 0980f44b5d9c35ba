//! XGROUP, XACK and XPENDING: consumer groups and what they owe.

use super::ids::{self, End};
use super::{all_ids, created_consumer, no_group, no_group_of};
use crate::base::Error;
use crate::ds::Stream;
use crate::ds::stream::{Group as ConsumerGroup, NOBODY, StreamId};
use crate::engine::exec::wrong_subcommand_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::Out;
use crate::spec::{
    Access::*, Flag::*, Group, block, integer, key, many, one_of, opt, string, token,
};
use crate::store::Value;

pub(crate) const COMMANDS: &[&Command] = &[&XACK, &XGROUP, &XPENDING];

const XGROUP: Command = Command {
    name: "XGROUP",
    summary: "Makes, changes and removes consumer groups.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "Depends on the subcommand",
    subcommands: &[
        &XGROUP_CREATE,
        &XGROUP_CREATECONSUMER,
        &XGROUP_DELCONSUMER,
        &XGROUP_DESTROY,
        &XGROUP_SETID,
    ],
    ..Command::BASE
};

const XGROUP_CREATE: Command = Command {
    name: "CREATE",
    summary: "Makes a consumer group.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Write, DenyOom],
    args: &[
        key("key", &[Rw, Insert]),
        string("group"),
        one_of("id-selector", &[string("id"), token("new-id", "$")]),
        opt(token("mkstream", "MKSTREAM")),
        opt(integer("entriesread").after("ENTRIESREAD").shown("entries-read")),
    ],
    run: xgroup_create,
    ..Command::BASE
};

fn xgroup_create(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, id) = (args.take()?, args.take()?, args.take()?);
    let (mut mkstream, mut entries_read) = (false, None);
    while !args.is_empty() {
        if args.eat("MKSTREAM") {
            mkstream = true;
        } else if args.len() >= 2 && args.eat("ENTRIESREAD") {
            entries_read = read_counter(&mut args)?;
        } else {
            return Err(wrong_subcommand_arity(cx.entry, args.all()));
        }
    }
    // More words than fit, though each of them means something.
    let is_long = args.all().len() > 8;
    let mut fresh = Stream::default();
    let found = cx.stream_and_out(key)?;
    let is_new = found.is_none();
    if is_new && !mkstream {
        return Err(key_missing());
    }
    let stream = found.map_or(&mut fresh, |(stream, _)| stream);
    if is_long {
        return Err(wrong_subcommand_arity(cx.entry, args.all()));
    }
    let last_id = if id == b"$" { stream.last_id } else { ids::strict(id, 0)? };
    let mut group = ConsumerGroup::default();
    (group.last_id, group.entries_read) = (last_id, entries_read);
    let is_there = stream.groups.contains_key(name);
    if !is_there {
        stream.groups.insert(name.into(), group);
    }
    if is_new {
        cx.insert(key, Value::Stream(Box::new(fresh)), None);
        let db = cx.session.db;
        cx.touched(db, key);
    }
    if is_there {
        return Err(Error::text("BUSYGROUP Consumer Group name already exists"));
    }
    cx.dirty += 1;
    cx.changed_too(key, Class::Stream, "xgroup-create");
    cx.out.ok();
    Ok(())
}

/// What ENTRIESREAD says.
fn read_counter(args: &mut Args<'_>) -> Result<Option<i64>, Error> {
    match args.integer()? {
        -1 => Ok(None),
        read @ 0.. => Ok(Some(read)),
        _ => Err(Error::text("ERR value for ENTRIESREAD must be positive or -1")),
    }
}

fn key_missing() -> Error {
    Error::text(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want \
         to use the MKSTREAM option to create an empty stream automatically.",
    )
}

/// The stream at `key`, for a subcommand that needs it and its group.
fn with_group<'c>(cx: &'c mut Ctx<'_>, key: &[u8], name: &[u8]) -> Result<&'c mut Stream, Error> {
    let (stream, _) = cx.stream_and_out(key)?.ok_or_else(key_missing)?;
    if stream.groups.contains_key(name) { Ok(stream) } else { Err(no_group_of(key, name)) }
}

const XGROUP_SETID: Command = Command {
    name: "SETID",
    summary: "Sets from where on a group is given entries.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Write],
    args: &[
        key("key", &[Rw, Update]),
        string("group"),
        one_of("id-selector", &[string("id"), token("new-id", "$")]),
        opt(integer("entriesread").after("ENTRIESREAD").shown("entries-read")),
    ],
    run: xgroup_setid,
    ..Command::BASE
};

fn xgroup_setid(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, id) = (args.take()?, args.take()?, args.take()?);
    let mut entries_read = None;
    while !args.is_empty() {
        if args.len() >= 2 && args.eat("ENTRIESREAD") {
            entries_read = read_counter(&mut args)?;
        } else {
            return Err(wrong_subcommand_arity(cx.entry, args.all()));
        }
    }
    let refusal = wrong_subcommand_arity(cx.entry, args.all());
    let stream = with_group(cx, key, name)?;
    if !matches!(args.all().len(), 5 | 7) {
        return Err(refusal);
    }
    let last_id = if id == b"$" { stream.last_id } else { ids::inclusive(id, 0)? };
    if let Some(group) = stream.groups.get_mut(name) {
        (group.last_id, group.entries_read) = (last_id, entries_read);
    }
    cx.dirty += 1;
    cx.changed_too(key, Class::Stream, "xgroup-setid");
    cx.out.ok();
    Ok(())
}

const XGROUP_DESTROY: Command = Command {
    name: "DESTROY",
    summary: "Removes a consumer group.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(N) with N the pending entries of the group.",
    flags: &[Write],
    args: &[key("key", &[Rw, Delete]), string("group")],
    run: xgroup_destroy,
    ..Command::BASE
};

fn xgroup_destroy(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name) = (args.take()?, args.take()?);
    let (stream, _) = cx.stream_and_out(key)?.ok_or_else(key_missing)?;
    let is_gone = stream.groups.remove(name).is_some();
    if is_gone {
        cx.dirty += 1;
        cx.changed_too(key, Class::Stream, "xgroup-destroy");
        // Who waits as a consumer of the group is to hear of it.
        let db = cx.session.db;
        cx.shard.waiters.changed(db, key);
    }
    cx.out.count(usize::from(is_gone));
    Ok(())
}

const XGROUP_CREATECONSUMER: Command = Command {
    name: "CREATECONSUMER",
    summary: "Makes a consumer in a group.",
    since: "6.2.0",
    group: Group::Stream,
    flags: &[Write, DenyOom],
    args: &[key("key", &[Rw, Insert]), string("group"), string("consumer")],
    run: xgroup_createconsumer,
    ..Command::BASE
};

fn xgroup_createconsumer(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, consumer) = (args.take()?, args.take()?, args.take()?);
    let now_ms = cx.now.unix_ms();
    let group = with_group(cx, key, name)?.groups.get_mut(name);
    let is_new = group.is_some_and(|group| group.create(consumer, now_ms).is_some());
    if is_new {
        created_consumer(cx, key);
    }
    cx.out.count(usize::from(is_new));
    Ok(())
}

const XGROUP_DELCONSUMER: Command = Command {
    name: "DELCONSUMER",
    summary: "Removes a consumer from a group, with the entries that wait for it.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Write],
    args: &[key("key", &[Rw, Delete]), string("group"), string("consumer")],
    run: xgroup_delconsumer,
    ..Command::BASE
};

fn xgroup_delconsumer(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name, consumer) = (args.take()?, args.take()?, args.take()?);
    let group = with_group(cx, key, name)?.groups.get_mut(name);
    let pending = group.and_then(|group| group.remove(consumer));
    if pending.is_some() {
        cx.dirty += 1;
        cx.changed_too(key, Class::Stream, "xgroup-delconsumer");
    }
    cx.out.count(pending.unwrap_or(0));
    Ok(())
}

const XACK: Command = Command {
    name: "XACK",
    summary: "Ends the waiting of entries that a consumer was given: they are done.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(1) for each ID.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), string("group"), many(string("id"))],
    run: xack,
    ..Command::BASE
};

fn xack(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name) = (args.take()?, args.take()?);
    let found = cx.read_stream_to_change(key)?;
    let Some(group) = found.and_then(|(stream, _)| stream.groups.get_mut(name)) else {
        cx.out.int(0);
        return Ok(());
    };
    let done = all_ids(args.rest())?.into_iter().filter(|&id| group.acknowledge(id)).count();
    cx.dirty += done as u64;
    cx.out.count(done);
    Ok(())
}

const XPENDING: Command = Command {
    name: "XPENDING",
    summary: "Tells which entries a group was given and has not acknowledged.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(N) with N the entries listed, and those passed over for IDLE; without a range O(C) with C the consumers.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        string("group"),
        opt(block(
            "filters",
            &[
                opt(integer("min-idle-time").after("IDLE").since("6.2.0")),
                string("start"),
                string("end"),
                integer("count"),
                opt(string("consumer")),
            ],
        )),
    ],
    tips: &["nondeterministic_output"],
    run: xpending,
    ..Command::BASE
};

/// Which pending entries are wanted.
struct Wanted<'a> {
    idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

fn xpending(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name) = (args.take()?, args.take()?);
    let wanted = match args.len() {
        0 => None,
        3..=6 => Some(wanted(&mut args)?),
        _ => return Err(Error::Syntax),
    };
    let now_ms = cx.now.unix_ms();
    let found = cx.read_stream(key)?;
    let found = found.and_then(|(stream, out)| Some((stream.groups.get(name)?, out)));
    let (group, out) = found.ok_or_else(|| no_group(key, name, ""))?;
    match wanted {
        None => summary(group, out),
        Some(wanted) => list(group, out, &wanted, now_ms),
    }
    Ok(())
}

/// `[IDLE ms] start end count [consumer]`.
fn wanted<'a>(args: &mut Args<'a>) -> Result<Wanted<'a>, Error> {
    let mut idle_ms = 0;
    if args.eat("IDLE") {
        idle_ms = args.integer()?;
        if args.len() < 3 {
            return Err(Error::Syntax);
        }
    }
    let (start, end) = (args.take()?, args.take()?);
    let count = usize::try_from(args.integer()?.max(0)).unwrap_or(usize::MAX);
    let (start, end) = (ids::bound(start, End::Start)?, ids::bound(end, End::Stop)?);
    Ok(Wanted { idle_ms, start, end, count, consumer: args.take().ok() })
}

fn summary(group: &ConsumerGroup, out: &mut Out) {
    out.array(4);
    out.count(group.pending_len());
    let first = group.pending_from(StreamId::MIN).next();
    let (Some((first, _)), Some(last)) = (first, group.last_pending()) else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    out.bulk(&first.text(b'-'));
    out.bulk(&last.text(b'-'));
    let busy = || group.consumers().filter(|consumer| consumer.pending_len() > 0);
    out.array(busy().count());
    for consumer in busy() {
        out.array(2);
        out.bulk(&consumer.name);
        out.bulk_int(consumer.pending_len() as i64);
    }
}

fn list(group: &ConsumerGroup, out: &mut Out, wanted: &Wanted<'_>, now_ms: i64) {
    let mark = out.mark();
    let mut count = 0;
    let mut write = |id: StreamId| -> bool {
        if count == wanted.count || id > wanted.end {
            return false;
        }
        let Some(pending) = group.pending(id) else { return true };
        let idle_ms = now_ms.saturating_sub(pending.delivered_ms);
        if wanted.idle_ms != 0 && idle_ms < wanted.idle_ms {
            return true;
        }
        out.array(4);
        out.bulk(&id.text(b'-'));
        out.bulk(group.get(pending.consumer).map_or(b"", |consumer| &consumer.name));
        // What was given back is idle for nobody.
        out.int(if pending.consumer == NOBODY { -1 } else { idle_ms.max(0) });
        out.int(pending.deliveries as i64);
        count += 1;
        true
    };
    match wanted.consumer {
        None => {
            group.pending_from(wanted.start).all(|(id, _)| write(id));
        }
        Some(name) => {
            let consumer = group.find(name).and_then(|number| group.get(number));
            let mut own = consumer.into_iter().flat_map(|own| own.pending_from(wanted.start));
            own.all(write);
        }
    }
    out.array_since(mark, count);
}
