//! SLOWLOG and LATENCY: looking for what is slow.
//!
//! What is measured, and how, is told in [`stopwatch`](crate::engine::stopwatch).

use crate::base::{Error, num};
use crate::engine::latency::Latency;
use crate::engine::{Args, Command, Ctx, Entry, Outcome};
use crate::spec::{Flag::*, Group, integer, many, opt, string};

/// Entries that SLOWLOG GET lists if it is not told how many.
const LISTED: usize = 10;

pub(crate) const COMMANDS: &[&Command] = &[&LATENCY, &SLOWLOG];

/// How proxies combine the replies of several servers.
const PER_NODE: &[&str] =
    &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

const SLOWLOG: Command = Command {
    name: "SLOWLOG",
    summary: "The log of commands that took long.",
    since: "2.2.12",
    group: Group::Server,
    complexity: "That of the subcommand",
    subcommands: &[&SLOWLOG_GET, &SLOWLOG_LEN, &SLOWLOG_RESET],
    ..Command::BASE
};

const SLOWLOG_GET: Command = Command {
    name: "GET",
    summary: "Lists the newest entries, 10 if no count is given; -1 is for all.",
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
    let count = match args.peek() {
        None => LISTED,
        Some(_) => num::parse_i64(args.take()?)
            .filter(|&count| count >= -1)
            .map(|count| usize::try_from(count).unwrap_or(usize::MAX))
            .ok_or(Error::text("ERR count should be greater than or equal to -1"))?,
    };
    let Ctx { engine, out, .. } = cx;
    let entries = engine.slowlog.entries();
    out.array(count.min(entries.len()));
    for slow in entries.iter().take(count) {
        out.array(6);
        out.int(slow.id as i64);
        out.int(slow.at_s);
        out.int(slow.took_us as i64);
        out.array(slow.words.len());
        slow.words.iter().for_each(|word| out.bulk(word));
        out.bulk(slow.addr.as_bytes());
        out.bulk(&slow.name);
    }
    Ok(())
}

const SLOWLOG_LEN: Command = Command {
    name: "LEN",
    summary: "Replies with the number of entries.",
    since: "2.2.12",
    group: Group::Server,
    flags: &[Admin, Loading, Stale],
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    run: slowlog_len,
    ..Command::BASE
};

fn slowlog_len(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let count = cx.slowlog.entries().len();
    cx.out.int(count as i64);
    Ok(())
}

const SLOWLOG_RESET: Command = Command {
    name: "RESET",
    summary: "Removes all entries.",
    since: "2.2.12",
    group: Group::Server,
    flags: &[Admin, Loading, Stale],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    run: slowlog_reset,
    ..Command::BASE
};

fn slowlog_reset(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.slowlog.clear();
    cx.out.ok();
    Ok(())
}

const LATENCY: Command = Command {
    name: "LATENCY",
    summary: "The log of what took long, and how long commands take.",
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
    summary: "Says in words what took long.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    tips: PER_NODE,
    run: latency_doctor,
    ..Command::BASE
};

fn latency_doctor(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let mut text: String = cx.latency.all().iter().map(diagnosis).collect();
    if cx.config.latency_monitor_threshold == 0 {
        text += "Nothing is watched: CONFIG SET latency-monitor-threshold <milliseconds> begins.\n";
    } else if text.is_empty() {
        text += "Nothing has taken long.\n";
    } else {
        text += "SLOWLOG GET names slow commands.\n";
    }
    cx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// A line on one kind of event.
fn diagnosis(latency: &Latency) -> String {
    let count = latency.samples.len() as u64;
    let mean = |sum: u64| sum / count.max(1);
    let mean_ms = mean(latency.samples.iter().map(|&(_, ms)| ms).sum());
    let off_ms = mean(latency.samples.iter().map(|&(_, ms)| ms.abs_diff(mean_ms)).sum());
    format!(
        "{}: {count} spikes, {mean_ms} ms on average, mean deviation {off_ms} ms, worst {} ms.\n",
        latency.event, latency.max_ms
    )
}

const LATENCY_GRAPH: Command = Command {
    name: "GRAPH",
    summary: "Draws the samples of an event.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[string("event")],
    tips: PER_NODE,
    run: latency_graph,
    ..Command::BASE
};

fn latency_graph(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let event = args.take()?;
    let Some(latency) = cx.engine.latency.find(event) else {
        let text = b"ERR No samples available for event '".as_slice();
        return Err(Error::Bytes([text, event, b"'"].concat()));
    };
    cx.out.verbatim("txt", latency.graph(cx.now.unix_s()).as_bytes());
    Ok(())
}

const LATENCY_HISTOGRAM: Command = Command {
    name: "HISTOGRAM",
    summary: "Replies with how often commands took up to how many microseconds, in steps of two.",
    since: "7.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[opt(many(string("command")))],
    tips: PER_NODE,
    run: latency_histogram,
    ..Command::BASE
};

fn latency_histogram(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let table = cx.table;
    let all = table.entries();
    let mut chosen: Vec<&Entry> = Vec::new();
    if args.is_empty() {
        chosen.extend(all);
    }
    for name in args.rest().iter() {
        let entry = all.iter().find(|one| name.eq_ignore_ascii_case(one.full_name.as_bytes()));
        let subcommands = entry.into_iter().flat_map(|entry| &entry.subcommands);
        chosen.extend(entry);
        chosen.extend(subcommands.filter_map(|&index| all.get(index)));
    }
    let Ctx { engine, out, .. } = cx;
    let times = |entry: &&Entry| &engine.stats.by_command[entry.index].times;
    chosen.retain(|entry| times(entry).total() > 0);
    out.map(chosen.len());
    for entry in &chosen {
        let steps = times(entry).doublings();
        out.bulk(entry.full_name.as_bytes());
        out.map(2);
        out.bulk(b"calls");
        out.int(times(entry).total() as i64);
        out.bulk(b"histogram_usec");
        out.map(steps.len());
        for (ns, count) in steps {
            out.int((ns / 1000) as i64);
            out.int(count as i64);
        }
    }
    Ok(())
}

const LATENCY_HISTORY: Command = Command {
    name: "HISTORY",
    summary: "Lists the samples of an event: the longest of each second.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[string("event")],
    tips: PER_NODE,
    run: latency_history,
    ..Command::BASE
};

fn latency_history(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let event = args.take()?;
    let Ctx { engine, out, .. } = cx;
    let samples = engine.latency.find(event).map(|latency| &latency.samples);
    out.array(samples.map_or(0, |samples| samples.len()));
    for &(at_s, ms) in samples.into_iter().flatten() {
        out.array(2);
        out.int(at_s);
        out.int(ms as i64);
    }
    Ok(())
}

const LATENCY_LATEST: Command = Command {
    name: "LATEST",
    summary: "Lists the newest sample of each event, and its longest.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    tips: PER_NODE,
    run: latency_latest,
    ..Command::BASE
};

fn latency_latest(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let Ctx { engine, out, .. } = cx;
    out.array(engine.latency.all().len());
    for latency in engine.latency.all() {
        let (at_s, ms) = latency.samples.back().copied().unwrap_or_default();
        out.array(4);
        out.bulk(latency.event.as_bytes());
        out.int(at_s);
        out.int(ms as i64);
        out.int(latency.max_ms as i64);
    }
    Ok(())
}

const LATENCY_RESET: Command = Command {
    name: "RESET",
    summary: "Forgets the samples of events, of all if none is named; replies with how many events.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[opt(many(string("event")))],
    tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
    run: latency_reset,
    ..Command::BASE
};

fn latency_reset(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let named = args.rest();
    let is_meant = |event: &str| {
        // Unlike elsewhere, any case of letters will do here.
        named.is_empty() || named.iter().any(|name| name.eq_ignore_ascii_case(event.as_bytes()))
    };
    let count = cx.latency.forget(is_meant);
    cx.out.int(count as i64);
    Ok(())
}
