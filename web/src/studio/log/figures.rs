//! What is read of INFO, of the slow log and of LATENCY.

use std::collections::BTreeMap;

use redstart::resp::Reply;

use crate::studio::keys::browser::integer;
use crate::studio::value::load::{bytes, elements, pairs, text};
use crate::studio::value::text::line;

/// A figure of INFO by its name.
pub fn figure(info: &str, name: &str) -> Option<f64> {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().parse().ok()
}

/// An entry of the slow log.
#[derive(Clone, Debug, PartialEq)]
pub struct Slow {
    /// Its number.
    pub id: i64,
    /// When it was run, in seconds since 1970.
    pub at_s: i64,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// The command.
    pub line: String,
    /// The client's name or address.
    pub client: String,
}

/// The entries in a reply to SLOWLOG GET.
pub fn slow_log(reply: &Reply) -> Vec<Slow> {
    let entry = |reply: &Reply| {
        let [id, at, took, words, addr, name] = elements(reply)? else { return None };
        let words: Vec<Vec<u8>> = elements(words)?.iter().filter_map(bytes).collect();
        let name = text(name).filter(|name| !name.is_empty());
        Some(Slow {
            id: integer(id)?,
            at_s: integer(at)?,
            took_us: integer(took)?,
            line: line(&words),
            client: name.or_else(|| text(addr)).unwrap_or_default(),
        })
    };
    elements(reply).unwrap_or_default().iter().filter_map(entry).collect()
}

/// What the view asks itself, and does not count.
const ASKED: [&str; 6] =
    ["config|get", "info", "latency|histogram", "latency|latest", "ping", "slowlog|get"];

/// How long the calls of a command took.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// Its name.
    pub name: String,
    /// How often it ran.
    pub calls: f64,
    /// How long that took in all, in microseconds.
    pub took_us: f64,
    /// So many percent took no longer than so many microseconds; as INFO names them.
    pub percentiles: Vec<(String, f64)>,
}

/// What the sections commandstats and latencystats of INFO tell; what took most in all comes first.
pub fn timed(commands: &str, latencies: &str) -> Vec<Timed> {
    let read = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(':')?;
        let figures = figures(rest);
        let of = |name: &str| figures.iter().find(|(one, _)| one == name).map(|(_, it)| *it);
        let calls = of("calls").filter(|&calls| calls > 0.0 && !ASKED.contains(&name))?;
        let prefix = format!("latency_percentiles_usec_{name}:");
        let percentiles = latencies.lines().find_map(|line| line.strip_prefix(&prefix));
        let percentiles = percentiles.map(self::figures).unwrap_or_default();
        Some(Timed { name: name.to_owned(), calls, took_us: of("usec")?, percentiles })
    };
    let mut all: Vec<Timed> = commands.lines().filter_map(read).collect();
    all.sort_by(|left, right| right.took_us.total_cmp(&left.took_us));
    all
}

/// What stands in `name=1,other=2`.
fn figures(line: &str) -> Vec<(String, f64)> {
    let figure = |part: &str| {
        let (name, value) = part.trim().split_once('=')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    line.split(',').filter_map(figure).collect()
}

/// Upper ends of the steps of LATENCY HISTOGRAM, in microseconds.
const STEPS: u32 = 21;

fn step_us(step: u32) -> i64 {
    (((1024 + 8) << step) - 1) / 1000
}

/// How many commands took how long, by the reply to LATENCY HISTOGRAM: for each step from the first to
/// the last in which there are any, its upper end in microseconds and how many there are.
pub fn distribution(reply: &Reply) -> Vec<(i64, i64)> {
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    for (name, told) in pairs(reply).unwrap_or_default() {
        if text(name).is_none_or(|name| ASKED.contains(&name.as_str())) {
            continue;
        }
        let told = pairs(told).unwrap_or_default();
        let steps = told.iter().find(|(name, _)| text(name).as_deref() == Some("histogram_usec"));
        let mut before = 0;
        for (us, count) in steps.and_then(|(_, steps)| pairs(steps)).unwrap_or_default() {
            let (Some(us), Some(count)) = (integer(us), integer(count)) else { continue };
            *counts.entry(us).or_default() += count - before;
            before = count;
        }
    }
    let ends = counts.first_key_value().zip(counts.last_key_value());
    let Some(((&first, _), (&last, _))) = ends else { return Vec::new() };
    let steps = (0..STEPS).map(step_us).filter(|us| (first..=last).contains(us));
    steps.map(|us| (us, counts.get(&us).copied().unwrap_or(0))).collect()
}

/// A kind of event that LATENCY has kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    /// Its name.
    pub event: String,
    /// When it was late last, in seconds since 1970.
    pub at_s: i64,
    /// How long it took then, in milliseconds.
    pub took_ms: i64,
    /// The longest ever.
    pub worst_ms: i64,
}

/// The kinds in a reply to LATENCY LATEST.
pub fn latest(reply: &Reply) -> Vec<Late> {
    let read = |reply: &Reply| {
        let [event, at_s, took_ms, worst_ms, ..] = elements(reply)? else { return None };
        Some(Late {
            event: text(event)?,
            at_s: integer(at_s)?,
            took_ms: integer(took_ms)?,
            worst_ms: integer(worst_ms)?,
        })
    };
    elements(reply).unwrap_or_default().iter().filter_map(read).collect()
}

/// A length of time in microseconds, for people.
pub fn micros(us: f64) -> String {
    match us {
        ..0.001 => "0".to_owned(),
        ..10.0 => format!("{us:.1} µs"),
        ..1000.0 => format!("{us:.0} µs"),
        ..1_000_000.0 => format!("{:.1} ms", us / 1000.0),
        _ => format!("{:.1} s", us / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    #[test]
    fn figures_are_read_from_info() {
        let mut server = Server::new();
        server.run("SET a 1");
        server.run("GET a");
        server.run("GET nosuch");
        let info = text(&server.run("INFO")).unwrap();
        assert!(figure(&info, "used_memory").unwrap() > 0.0);
        assert_eq!(figure(&info, "keyspace_hits"), Some(1.0));
        assert_eq!(figure(&info, "keyspace_misses"), Some(1.0));
        assert!(figure(&info, "total_commands_processed").unwrap() >= 3.0);
        assert_eq!(figure(&info, "nosuch"), None);
    }

    #[test]
    fn the_slow_log_is_read() {
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let words = Reply::Array(vec![bulk("SET"), bulk("a"), bulk("b c")]);
        let addr = bulk("127.0.0.1:5000");
        let numbers = [7, 1_700_000_000, 1500].map(Reply::Int);
        let entry = |name: &str| {
            let rest = [words.clone(), addr.clone(), bulk(name)];
            Reply::Array(numbers.iter().cloned().chain(rest).collect())
        };
        let slow = slow_log(&Reply::Array(vec![entry("me"), entry(""), Reply::Null]));
        let [named, unnamed] = slow.as_slice() else { panic!("{slow:?}") };
        assert_eq!((named.line.as_str(), named.client.as_str()), ("SET a \"b c\"", "me"));
        assert_eq!((named.id, named.took_us, unnamed.client.as_str()), (7, 1500, "127.0.0.1:5000"));
        assert_eq!(slow_log(&Reply::Int(1)), []);
    }

    #[test]
    fn lengths_of_time_are_short() {
        assert_eq!([15.0, 1500.0, 2_500_000.0].map(micros), ["15 µs", "1.5 ms", "2.5 s"]);
        assert_eq!([0.0, 0.25, 9.9].map(micros), ["0", "0.2 µs", "9.9 µs"]);
    }

    #[test]
    fn times_are_read_from_a_server() {
        let mut server = Server::new();
        server.run("CONFIG SET latency-monitor-threshold 10");
        server.run("CONFIG RESETSTAT");
        server.run("SET a 1");
        server.run("SET a 2");
        server.run_slowly("DEBUG SLEEP 0.05", 50_000);
        let commands = text(&server.run("INFO commandstats")).unwrap();
        let latencies = text(&server.run("INFO latencystats")).unwrap();
        let all = timed(&commands, &latencies);
        let names: Vec<&str> = all.iter().map(|timed| timed.name.as_str()).collect();
        assert_eq!(names, ["debug", "config|resetstat", "set"]);
        assert_eq!((all[0].calls, all[0].took_us, all[2].calls), (1.0, 50_000.0, 2.0));
        assert_eq!(all[0].percentiles[0], ("p50".to_owned(), 50_069.503));
        let steps = distribution(&server.run("LATENCY HISTOGRAM"));
        assert_eq!((steps.first(), steps.last()), (Some(&(1, 3)), Some(&(67_633, 1))));
        assert_eq!(steps.len(), 17, "{steps:?}");
        let late = latest(&server.run("LATENCY LATEST"));
        assert_eq!(late.len(), 1);
        assert_eq!((late[0].event.as_str(), late[0].worst_ms), ("command", 50));
        assert_eq!(distribution(&Reply::Null), []);
        assert_eq!((timed("", ""), latest(&Reply::Null)), (vec![], vec![]));
    }
}
