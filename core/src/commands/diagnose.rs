//! SLOWLOG and LATENCY: looking for what is slow.
//!
//! The engine has no clock of its own, so it cannot tell how long a command took: the logs of slow
//! commands and of latency are there for the programs that ask for them, and stay empty.

use crate::base::{Error, num};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{Flag::*, Group, integer, many, opt, string};

pub(crate) const COMMANDS: &[&Command] = &[&LATENCY, &SLOWLOG];

/// How proxies combine the replies of several servers.
const PER_NODE: &[&str] =
    &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

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
