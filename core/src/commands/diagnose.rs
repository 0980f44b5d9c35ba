//! MEMORY, SLOWLOG and LATENCY: looking for what is large or slow.
//!
//! The engine has no clock of its own, so it cannot tell how long a command took: the logs of slow
//! commands and of latency are there for the programs that ask for them, and stay empty.

use super::info::dataset_bytes;
use crate::base::{Error, num};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{Access::*, Flag::*, Group, integer, key, many, opt, string};

pub(crate) const COMMANDS: &[&Command] = &[&LATENCY, &MEMORY, &SLOWLOG];

/// How proxies combine the replies of several servers.
const PER_NODE: &[&str] =
    &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

/// The same for what belongs to data.
const PER_SHARD: &[&str] =
    &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

const MEMORY: Command = Command {
    name: "MEMORY",
    summary: "Tells what memory is used for.",
    since: "4.0.0",
    group: Group::Server,
    complexity: "That of the subcommand",
    subcommands: &[
        &MEMORY_DOCTOR,
        &MEMORY_MALLOC_STATS,
        &MEMORY_PURGE,
        &MEMORY_STATS,
        &MEMORY_USAGE,
    ],
    ..Command::BASE
};

const MEMORY_USAGE: Command = Command {
    name: "USAGE",
    summary: "Replies with the bytes that a key and its value take.",
    since: "4.0.0",
    group: Group::Server,
    complexity: "O(N) in the number of parts of the value",
    flags: &[Readonly],
    args: &[key("key", &[Ro]), opt(integer("count").after("SAMPLES"))],
    example: "> MEMORY USAGE nosuch\n(nil)\n",
    run: memory_usage,
    ..Command::BASE
};

fn memory_usage(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    while !args.is_empty() {
        if !args.eat("SAMPLES") {
            return Err(Error::Syntax);
        }
        // Sizes are known here, not sampled.
        if args.integer()? < 0 {
            return Err(Error::Syntax);
        }
    }
    let bytes = match cx.inspect(key) {
        Some(_) => cx.shard.dbs.get(cx.session.db).and_then(|db| db.memory_usage(key)),
        None => None,
    };
    match bytes {
        Some(bytes) => cx.out.count(bytes),
        None => cx.out.null(),
    }
    Ok(())
}

const MEMORY_DOCTOR: Command = Command {
    name: "DOCTOR",
    summary: "Says in words whether the use of memory looks healthy.",
    since: "4.0.0",
    group: Group::Server,
    tips: PER_SHARD,
    run: memory_doctor,
    ..Command::BASE
};

fn memory_doctor(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    const LITTLE_BYTES: usize = 5 << 20;
    let text: &[u8] = if dataset_bytes(cx.engine) < LITTLE_BYTES {
        b"There is too little data here for a diagnosis.\n"
    } else {
        b"Nothing looks wrong. MEMORY STATS has the figures.\n"
    };
    cx.out.verbatim("txt", text);
    Ok(())
}

const MEMORY_STATS: Command = Command {
    name: "STATS",
    summary: "Replies with figures on the use of memory.",
    since: "4.0.0",
    group: Group::Server,
    tips: PER_SHARD,
    run: memory_stats,
    ..Command::BASE
};

fn memory_stats(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let measures = cx.measures.clone();
    let keys: usize = cx.shard.dbs.iter().map(crate::store::Db::len).sum();
    let dataset = dataset_bytes(cx.engine);
    let clients = cx.clients.iter().map(|client| client.out.heap_bytes()).sum::<usize>();
    let numbers = [
        ("peak.allocated", cx.stats.peak_memory.max(measures.used_memory)),
        ("total.allocated", measures.used_memory),
        ("clients.normal", clients as u64),
        ("keys.count", keys as u64),
        ("keys.bytes-per-key", (dataset / keys.max(1)) as u64),
        ("dataset.bytes", dataset as u64),
        ("allocator.resident", measures.rss),
    ];
    cx.out.map(numbers.len() + 1);
    for (name, number) in numbers {
        cx.out.bulk(name.as_bytes());
        cx.out.int(i64::try_from(number).unwrap_or(i64::MAX));
    }
    cx.out.bulk(b"fragmentation");
    cx.out.double(measures.rss as f64 / measures.used_memory.max(1) as f64);
    Ok(())
}

const MEMORY_MALLOC_STATS: Command = Command {
    name: "MALLOC-STATS",
    summary: "Says that the allocator keeps no statistics.",
    since: "4.0.0",
    group: Group::Server,
    tips: PER_SHARD,
    run: memory_malloc_stats,
    ..Command::BASE
};

fn memory_malloc_stats(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.bulk(b"Stats not supported for the current allocator");
    Ok(())
}

const MEMORY_PURGE: Command = Command {
    name: "PURGE",
    summary: "Accepted; the allocator gives memory back by itself.",
    since: "4.0.0",
    group: Group::Server,
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    example: "> MEMORY PURGE\nOK\n",
    run: nothing_to_do,
    ..Command::BASE
};

fn nothing_to_do(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.ok();
    Ok(())
}

const SLOWLOG: Command = Command {
    name: "SLOWLOG",
    summary: "The log of slow commands, which is empty: nothing measures them.",
    since: "2.2.12",
    group: Group::Server,
    complexity: "That of the subcommand",
    subcommands: &[&SLOWLOG_GET, &SLOWLOG_LEN, &SLOWLOG_RESET],
    ..Command::BASE
};

const SLOWLOG_GET: Command = Command {
    name: "GET",
    summary: "Lists the newest entries: none.",
    since: "2.2.12",
    group: Group::Server,
    flags: &[Admin, Loading, Stale],
    args: &[opt(integer("count"))],
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    run: slowlog_get,
    ..Command::BASE
};

fn slowlog_get(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    if args.len() > 1 {
        let name = args.all().get(1).unwrap_or_default();
        let text = b"ERR unknown subcommand or wrong number of arguments for '".as_slice();
        return Err(Error::Bytes([text, name, b"'. Try SLOWLOG HELP."].concat()));
    }
    if !args.is_empty() && num::parse_i64(args.take()?).is_none_or(|count| count < -1) {
        return Err(Error::text("ERR count should be greater than or equal to -1"));
    }
    cx.out.array(0);
    Ok(())
}

const SLOWLOG_LEN: Command = Command {
    name: "LEN",
    summary: "Replies with the number of entries: 0.",
    since: "2.2.12",
    group: Group::Server,
    flags: &[Admin, Loading, Stale],
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    run: none_counted,
    ..Command::BASE
};

fn none_counted(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.int(0);
    Ok(())
}

const SLOWLOG_RESET: Command = Command {
    name: "RESET",
    summary: "Removes all entries.",
    since: "2.2.12",
    group: Group::Server,
    flags: &[Admin, Loading, Stale],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    run: nothing_to_do,
    ..Command::BASE
};

const LATENCY: Command = Command {
    name: "LATENCY",
    summary: "The log of what took long, which is empty: nothing measures it.",
    since: "2.8.13",
    group: Group::Server,
    complexity: "That of the subcommand",
    subcommands: &[
        &LATENCY_DOCTOR,
        &LATENCY_GRAPH,
        &LATENCY_HISTOGRAM,
        &LATENCY_HISTORY,
        &LATENCY_LATEST,
        &LATENCY_RESET,
    ],
    ..Command::BASE
};

const LATENCY_DOCTOR: Command = Command {
    name: "DOCTOR",
    summary: "Says in words that latency is not measured.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    tips: PER_NODE,
    run: latency_doctor,
    ..Command::BASE
};

fn latency_doctor(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.verbatim("txt", b"Latency is not measured by this server.\n");
    Ok(())
}

const LATENCY_GRAPH: Command = Command {
    name: "GRAPH",
    summary: "Draws the samples of an event, of which there are none.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[string("event")],
    tips: PER_NODE,
    run: latency_graph,
    ..Command::BASE
};

fn latency_graph(_: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let text = b"ERR No samples available for event '".as_slice();
    Err(Error::Bytes([text, args.take()?, b"'"].concat()))
}

const LATENCY_HISTOGRAM: Command = Command {
    name: "HISTOGRAM",
    summary: "Replies with how long commands took: nothing.",
    since: "7.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[opt(many(string("command")))],
    tips: PER_NODE,
    run: latency_histogram,
    ..Command::BASE
};

fn latency_histogram(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.map(0);
    Ok(())
}

const LATENCY_HISTORY: Command = Command {
    name: "HISTORY",
    summary: "Lists the samples of an event: none.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[string("event")],
    tips: PER_NODE,
    run: nothing,
    ..Command::BASE
};

fn nothing(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.array(0);
    Ok(())
}

const LATENCY_LATEST: Command = Command {
    name: "LATEST",
    summary: "Lists the newest sample of each event: none.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    tips: PER_NODE,
    run: nothing,
    ..Command::BASE
};

const LATENCY_RESET: Command = Command {
    name: "RESET",
    summary: "Forgets the samples of events; replies with how many events that were: 0.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[opt(many(string("event")))],
    tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
    run: none_counted,
    ..Command::BASE
};
