//! Events that took long: what LATENCY keeps, and how it draws them.
//!
//! Of each kind of event the longest of a second is kept, for the last seconds in which there was one.
//! The kinds are Redis's, as far as they exist here: `command`, `fast-command`, `expire-cycle` and
//! `eviction-cycle`. What the disk does takes place beside the engine and keeps nobody waiting.

use std::collections::VecDeque;

/// Samples that are kept of each event.
const SAMPLES_MAX: usize = 160;

/// Rows of a graph, each of which tells steps apart by its characters.
const ROWS: usize = 4;

/// What stands for the steps within a row, the lowest first.
const STEPS: &[u8] = b"_o#";

/// Columns of a graph; more samples go on below.
const COLUMNS: usize = 80;

/// A kind of event, and when it took long.
#[derive(Debug)]
pub struct Latency {
    /// Its name.
    pub event: &'static str,
    /// The longest ever, in milliseconds.
    pub max_ms: u64,
    /// Seconds since 1970, and milliseconds; the oldest first.
    pub samples: VecDeque<(i64, u64)>,
}

/// The kinds of events that have taken long.
#[derive(Debug, Default)]
pub struct Latencies(Vec<Latency>);

impl Latencies {
    /// Each kind of which there are samples.
    pub fn all(&self) -> &[Latency] {
        &self.0
    }

    /// The kind of this name, in letters of this case.
    pub fn find(&self, event: &[u8]) -> Option<&Latency> {
        self.0.iter().find(|latency| latency.event.as_bytes() == event)
    }

    /// Adds a sample.
    pub fn add(&mut self, event: &'static str, at_s: i64, ms: u64) {
        let found = self.0.iter().position(|latency| latency.event == event);
        let place = found.unwrap_or(self.0.len());
        if found.is_none() {
            self.0.push(Latency { event, max_ms: 0, samples: VecDeque::new() });
        }
        let latency = &mut self.0[place];
        latency.max_ms = latency.max_ms.max(ms);
        match latency.samples.back_mut() {
            Some((last_s, last_ms)) if *last_s == at_s => *last_ms = ms.max(*last_ms),
            _ => {
                if latency.samples.len() == SAMPLES_MAX {
                    latency.samples.pop_front();
                }
                latency.samples.push_back((at_s, ms));
            }
        }
    }

    /// Forgets the kinds of which `is_meant` holds; returns how many that were.
    pub fn forget(&mut self, is_meant: impl Fn(&str) -> bool) -> usize {
        let before = self.0.len();
        self.0.retain(|latency| !is_meant(latency.event));
        before - self.0.len()
    }
}

impl Latency {
    /// A picture of the samples: columns of characters, and below each how long ago it was.
    pub fn graph(&self, now_s: i64) -> String {
        let all = || self.samples.iter().map(|&(_, ms)| ms);
        let (high, low) = (all().max().unwrap_or(0), all().min().unwrap_or(0));
        let mut text = format!(
            "{} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
            self.event,
            self.max_ms,
            "-".repeat(COLUMNS)
        );
        let columns: Vec<Vec<u8>> = self
            .samples
            .iter()
            .map(|&(at_s, ms)| column(ms - low, high - low, now_s - at_s))
            .collect();
        for (index, part) in columns.chunks(COLUMNS).enumerate() {
            if index > 0 {
                text.push('\n');
            }
            let rows = part.iter().map(Vec::len).max().unwrap_or(0);
            for row in 0..rows {
                let at_row = |column: &Vec<u8>| char::from(*column.get(row).unwrap_or(&b' '));
                text.extend(part.iter().map(at_row));
                text.push('\n');
            }
        }
        text
    }
}

/// A column of a graph, from the top: a value of 0 to `max`, an empty row, and its age.
fn column(value: u64, max: u64, age_s: i64) -> Vec<u8> {
    let steps = STEPS.len() * ROWS;
    let step = (value as f64 * steps as f64 / max.max(1) as f64) as usize;
    let (full_rows, rest) = (step.min(steps - 1) / STEPS.len(), step.min(steps - 1) % STEPS.len());
    let in_row = |row: usize| match row.cmp(&full_rows) {
        std::cmp::Ordering::Less => b'|',
        std::cmp::Ordering::Equal => STEPS[rest],
        std::cmp::Ordering::Greater => b' ',
    };
    let mut column: Vec<u8> = (0..ROWS).rev().map(in_row).collect();
    column.push(b' ');
    let (count, unit) = match age_s {
        ..60 => (age_s, 's'),
        60..3600 => (age_s / 60, 'm'),
        3600..86_400 => (age_s / 3600, 'h'),
        _ => (age_s / 86_400, 'd'),
    };
    column.extend(format!("{count}{unit}").bytes());
    column
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(samples: &[(i64, u64)]) -> Latencies {
        let mut latencies = Latencies::default();
        samples.iter().for_each(|&(at_s, ms)| latencies.add("command", at_s, ms));
        latencies
    }

    #[test]
    fn of_each_second_the_longest_is_kept() {
        let all = latencies(&[(1, 10), (1, 30), (1, 20), (2, 5)]);
        let [command] = all.all() else { panic!() };
        assert_eq!((command.max_ms, command.samples.len()), (30, 2));
        assert_eq!(command.samples, [(1, 30), (2, 5)]);
        let many: Vec<_> = (0..1000).map(|at_s| (at_s, 1)).collect();
        let all = latencies(&many);
        assert_eq!(all.all()[0].samples.len(), SAMPLES_MAX);
        assert_eq!(all.all()[0].samples.back(), Some(&(999, 1)));
    }

    /// What Redis 8 drew.
    #[test]
    fn a_graph_is_redis_s() {
        let all = latencies(&[(100, 153), (101, 350), (102, 123)]);
        let lines = [
            "command - high 350 ms, low 123 ms (all time high 350 ms)",
            &"-".repeat(80),
            " # ",
            " | ",
            " | ",
            "o|_",
            "   ",
            "210",
            "sss",
            "",
        ];
        let graph = all.find(b"command").unwrap().graph(102);
        assert_eq!(graph, lines.join("\n"));
        let ages = [0, 59, 60, 3599, 3600, 86_399, 86_400, -1];
        let last: Vec<String> = ages
            .iter()
            .map(|&age| String::from_utf8(column(0, 0, age)[ROWS + 1..].to_vec()).unwrap())
            .collect();
        assert_eq!(last, ["0s", "59s", "1m", "59m", "1h", "23h", "1d", "-1s"]);
    }

    #[test]
    fn kinds_are_forgotten_by_name() {
        let mut all = latencies(&[(1, 1)]);
        all.add("expire-cycle", 1, 1);
        assert_eq!(all.forget(|event| event == "nosuch"), 0);
        assert_eq!(all.forget(|event| event == "command"), 1);
        assert_eq!(all.forget(|_| true), 1);
        assert!(all.all().is_empty());
    }
}
