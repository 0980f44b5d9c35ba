//! Publish and subscribe. The tables and the delivery are in `engine::pubsub`.

use crate::base::{Error, glob};
use crate::engine::pubsub::Kind;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{Access::*, Flag::*, Group, many, opt, pattern, range, string};

pub(crate) const COMMANDS: &[&Command] = &[
    &PSUBSCRIBE,
    &PUBLISH,
    &PUBSUB,
    &PUNSUBSCRIBE,
    &SPUBLISH,
    &SSUBSCRIBE,
    &SUBSCRIBE,
    &SUNSUBSCRIBE,
    &UNSUBSCRIBE,
];

const PSUBSCRIBE: Command = Command {
    name: "PSUBSCRIBE",
    summary: "Subscribes to all channels whose names match the given patterns.",
    since: "2.0.0",
    group: Group::Pubsub,
    complexity: "O(N) for N patterns",
    flags: &[Pubsub, Noscript, Loading, Stale],
    args: &[many(pattern("pattern"))],
    run: psubscribe,
    ..Command::BASE
};

fn psubscribe(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    subscribe_to(cx, Kind::Pattern, args);
    Ok(())
}

const PUBLISH: Command = Command {
    name: "PUBLISH",
    summary: "Sends a message to everyone who listens to a channel.",
    since: "2.0.0",
    group: Group::Pubsub,
    complexity: "O(N+M) for N subscribers of the channel and M patterns subscribed to by anyone",
    flags: &[Pubsub, Loading, Stale, Fast, MayReplicate],
    args: &[string("channel"), string("message")],
    example: "> PUBLISH news hello\n(integer) 0\n",
    run: publish,
    ..Command::BASE
};

fn publish(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (channel, message) = (args.take()?, args.take()?);
    let delivered = cx.engine.publish(channel, message);
    cx.out.count(delivered);
    Ok(())
}

const PUBSUB: Command = Command {
    name: "PUBSUB",
    summary: "Tells what is subscribed to at the moment.",
    since: "2.8.0",
    group: Group::Pubsub,
    complexity: "Depends on subcommand.",
    subcommands: &[
        &PUBSUB_CHANNELS,
        &PUBSUB_NUMPAT,
        &PUBSUB_NUMSUB,
        &PUBSUB_SHARDCHANNELS,
        &PUBSUB_SHARDNUMSUB,
    ],
    ..Command::BASE
};

const PUBSUB_CHANNELS: Command = Command {
    name: "CHANNELS",
    summary: "Lists the channels that have subscribers.",
    since: "2.8.0",
    group: Group::Pubsub,
    complexity: "O(N) for N channels with subscribers",
    flags: &[Pubsub, Loading, Stale],
    args: &[opt(pattern("pattern"))],
    run: pubsub_channels,
    ..Command::BASE
};

fn pubsub_channels(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    list_names(cx, Kind::Channel, args)
}

const PUBSUB_NUMPAT: Command = Command {
    name: "NUMPAT",
    summary: "Counts the different patterns that are subscribed to.",
    since: "2.8.0",
    group: Group::Pubsub,
    flags: &[Pubsub, Loading, Stale],
    run: pubsub_numpat,
    ..Command::BASE
};

fn pubsub_numpat(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.count(cx.engine.pubsub.names(Kind::Pattern).len());
    Ok(())
}

const PUBSUB_NUMSUB: Command = Command {
    name: "NUMSUB",
    summary: "Counts the subscribers of channels, without those by pattern.",
    since: "2.8.0",
    group: Group::Pubsub,
    complexity: "O(N) for N channels",
    flags: &[Pubsub, Loading, Stale],
    args: &[opt(many(string("channel")))],
    run: pubsub_numsub,
    ..Command::BASE
};

fn pubsub_numsub(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count_listeners(cx, Kind::Channel, args);
    Ok(())
}

const PUBSUB_SHARDCHANNELS: Command = Command {
    name: "SHARDCHANNELS",
    summary: "Lists the shard channels that have subscribers.",
    since: "7.0.0",
    group: Group::Pubsub,
    complexity: "O(N) for N shard channels with subscribers",
    flags: &[Pubsub, Loading, Stale],
    args: &[opt(pattern("pattern"))],
    run: pubsub_shardchannels,
    ..Command::BASE
};

fn pubsub_shardchannels(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    list_names(cx, Kind::ShardChannel, args)
}

const PUBSUB_SHARDNUMSUB: Command = Command {
    name: "SHARDNUMSUB",
    summary: "Counts the subscribers of shard channels.",
    since: "7.0.0",
    group: Group::Pubsub,
    complexity: "O(N) for N shard channels",
    flags: &[Pubsub, Loading, Stale],
    args: &[opt(many(string("shardchannel")))],
    run: pubsub_shardnumsub,
    ..Command::BASE
};

fn pubsub_shardnumsub(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count_listeners(cx, Kind::ShardChannel, args);
    Ok(())
}

const PUNSUBSCRIBE: Command = Command {
    name: "PUNSUBSCRIBE",
    summary: "Ends subscriptions to patterns: the given ones, or all.",
    since: "2.0.0",
    group: Group::Pubsub,
    complexity: "O(N) for N patterns",
    flags: &[Pubsub, Noscript, Loading, Stale],
    args: &[opt(many(pattern("pattern")))],
    run: punsubscribe,
    ..Command::BASE
};

fn punsubscribe(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    unsubscribe_from(cx, Kind::Pattern, args);
    Ok(())
}

const SPUBLISH: Command = Command {
    name: "SPUBLISH",
    summary: "Sends a message to everyone who listens to a shard channel.",
    since: "7.0.0",
    group: Group::Pubsub,
    complexity: "O(N) for N subscribers of the shard channel",
    flags: &[Pubsub, Loading, Stale, Fast, MayReplicate],
    args: &[string("shardchannel"), string("message")],
    key_specs: Some(&[range(1, 0, 1, &[NotKey])]),
    run: spublish,
    ..Command::BASE
};

fn spublish(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (channel, message) = (args.take()?, args.take()?);
    let delivered = cx.engine.publish_shard(channel, message);
    cx.out.count(delivered);
    Ok(())
}

const SSUBSCRIBE: Command = Command {
    name: "SSUBSCRIBE",
    summary: "Subscribes to shard channels.",
    since: "7.0.0",
    group: Group::Pubsub,
    complexity: "O(N) for N shard channels",
    flags: &[Pubsub, Noscript, Loading, Stale],
    args: &[many(string("shardchannel"))],
    key_specs: Some(&[range(1, -1, 1, &[NotKey])]),
    run: ssubscribe,
    ..Command::BASE
};

fn ssubscribe(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    // Unlike its siblings, it is refused in a transaction too.
    if cx.deny_blocking {
        return Err(Error::text("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    subscribe_to(cx, Kind::ShardChannel, args);
    Ok(())
}

const SUBSCRIBE: Command = Command {
    name: "SUBSCRIBE",
    summary: "Subscribes to channels.",
    since: "2.0.0",
    group: Group::Pubsub,
    complexity: "O(N) for N channels",
    flags: &[Pubsub, Noscript, Loading, Stale],
    args: &[many(string("channel"))],
    run: subscribe,
    ..Command::BASE
};

fn subscribe(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    subscribe_to(cx, Kind::Channel, args);
    Ok(())
}

const SUNSUBSCRIBE: Command = Command {
    name: "SUNSUBSCRIBE",
    summary: "Ends subscriptions to shard channels: the given ones, or all.",
    since: "7.0.0",
    group: Group::Pubsub,
    complexity: "O(N) for N shard channels",
    flags: &[Pubsub, Noscript, Loading, Stale],
    args: &[opt(many(string("shardchannel")))],
    key_specs: Some(&[range(1, -1, 1, &[NotKey])]),
    run: sunsubscribe,
    ..Command::BASE
};

fn sunsubscribe(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    unsubscribe_from(cx, Kind::ShardChannel, args);
    Ok(())
}

const UNSUBSCRIBE: Command = Command {
    name: "UNSUBSCRIBE",
    summary: "Ends subscriptions to channels: the given ones, or all.",
    since: "2.0.0",
    group: Group::Pubsub,
    complexity: "O(N) for N channels",
    flags: &[Pubsub, Noscript, Loading, Stale],
    args: &[opt(many(string("channel")))],
    run: unsubscribe,
    ..Command::BASE
};

fn unsubscribe(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    unsubscribe_from(cx, Kind::Channel, args);
    Ok(())
}

/// Subscribes to each name in `args`, with one reply for each.
fn subscribe_to(cx: &mut Ctx<'_>, kind: Kind, args: Args<'_>) {
    for name in args.rest().iter() {
        if kind.of(&mut cx.session.subscriptions).insert(name.into()) {
            cx.engine.pubsub.subscribe(kind, name, cx.session.id);
        }
        reply(cx, kind, kind.subscribed(), Some(name));
    }
}

/// Ends the subscription to each name in `args`, or to all, with one reply for each.
fn unsubscribe_from(cx: &mut Ctx<'_>, kind: Kind, args: Args<'_>) {
    if args.is_empty() {
        let names = std::mem::take(kind.of(&mut cx.session.subscriptions));
        // The count in each reply goes down by one, although all are gone already.
        let left = kind.count(&cx.session.subscriptions);
        for (index, name) in names.iter().enumerate() {
            cx.engine.pubsub.unsubscribe(kind, name, cx.session.id);
            let count = left + names.len() - index - 1;
            write_reply(cx, kind.unsubscribed(), Some(name), count);
        }
        if names.is_empty() {
            reply(cx, kind, kind.unsubscribed(), None);
        }
        return;
    }
    for name in args.rest().iter() {
        if kind.of(&mut cx.session.subscriptions).remove(name) {
            cx.engine.pubsub.unsubscribe(kind, name, cx.session.id);
        }
        reply(cx, kind, kind.unsubscribed(), Some(name));
    }
}

fn reply(cx: &mut Ctx<'_>, kind: Kind, word: &[u8], name: Option<&[u8]>) {
    let count = kind.count(&cx.session.subscriptions);
    write_reply(cx, word, name, count);
}

/// Writes what confirms a subscription or its end. It counts as a message, not as a reply: CLIENT
/// REPLY OFF does not hold it back.
fn write_reply(cx: &mut Ctx<'_>, word: &[u8], name: Option<&[u8]>, count: usize) {
    let muted = cx.out.is_muted();
    cx.out.set_muted(false);
    cx.out.push(3);
    cx.out.bulk(word);
    match name {
        Some(name) => cx.out.bulk(name),
        None => cx.out.null(),
    }
    cx.out.count(count);
    cx.out.set_muted(muted);
}

/// Replies with the names that have listeners and match the pattern, if one is given.
fn list_names(cx: &mut Ctx<'_>, kind: Kind, mut args: Args<'_>) -> Outcome {
    let pattern = args.peek();
    if pattern.is_some() {
        args.take()?;
    }
    if !args.is_empty() {
        return Err(crate::engine::exec::wrong_subcommand_arity(cx.entry, args.all()));
    }
    let mark = cx.out.mark();
    let mut count = 0;
    for name in cx.engine.pubsub.names(kind) {
        if pattern.is_none_or(|pattern| glob::matches(pattern, name)) {
            cx.out.bulk(name);
            count += 1;
        }
    }
    cx.out.array_since(mark, count);
    Ok(())
}

/// Replies with each name in `args` and the number of its listeners.
fn count_listeners(cx: &mut Ctx<'_>, kind: Kind, args: Args<'_>) {
    let names = args.rest();
    // A map in all but name: Redis sends a flat array in RESP3 too.
    cx.out.array(names.len() * 2);
    for name in names.iter() {
        cx.out.bulk(name);
        cx.out.count(cx.engine.pubsub.listeners(kind, name));
    }
}
