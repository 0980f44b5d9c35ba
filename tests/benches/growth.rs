//! No event takes long, however much data there is: `cargo xtask bench growth [PART] [MILLIONS]`.
//!
//! Every call of `Node::handle` is timed, one command each, and the slowest are what is looked at:
//! tables that grow by millions of entries, and data that is thrown away, freed in slices behind
//! other events. The allocator is the server's, for fresh memory is part of what takes time.
//!
//! The processor also serves others, who may interrupt an event for milliseconds. So what counts is
//! the processor's time that this thread has had, page faults included; where an event took long by
//! the wall's clock, the two are told apart, and the slowest by that clock is shown as well.
#![allow(clippy::print_stdout, reason = "a program that reports")]
#![allow(clippy::disallowed_types, reason = "a benchmark measures real time")]

use std::time::{Duration, Instant};

use redstart::base::rng::Seed;
use redstart::base::time::Time;
use redstart::engine::Config;
use redstart::native::memory::{self, Counting};
use redstart::node::{ConnId, Event, Node, Origin};
use redstart_tests::local::START;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The slowest event, and the 99.99th percentile of all, must stay below these.
const WORST_NS_MAX: u64 = 5_000_000;
const MOST_NS_MAX: u64 = 1_000_000;

const CONN: ConnId = ConnId(0);

/// What grows by one command, and how that is thrown away.
struct Part {
    name: &'static str,
    /// Millions of commands, each with its number for `#`.
    millions: f64,
    grow: &'static str,
    shrink: &'static str,
}

const PARTS: &[Part] = &[
    Part { name: "keys", millions: 20.0, grow: "SET key:# value:#", shrink: "FLUSHALL ASYNC" },
    Part { name: "set", millions: 10.0, grow: "SADD big member:#", shrink: "UNLINK big" },
    Part { name: "hash", millions: 5.0, grow: "HSET big field:# value:#", shrink: "DEL big" },
    Part { name: "zset", millions: 5.0, grow: "ZADD big # member:#", shrink: "DEL big" },
    Part { name: "list", millions: 10.0, grow: "RPUSH big element:#", shrink: "DEL big" },
    Part { name: "stream", millions: 5.0, grow: "XADD big * field value:#", shrink: "DEL big" },
    Part { name: "small", millions: 2.0, grow: "HSET key:# a # b #", shrink: "FLUSHALL" },
    Part { name: "long", millions: 2.0, grow: "SETRANGE key:# 500 #", shrink: "FLUSHDB" },
    Part { name: "expiry", millions: 5.0, grow: "SET key:# value PX 3600000", shrink: "" },
    Part { name: "fields", millions: 2.0, grow: "HSETEX big PX 3600000 FIELDS 1 # v", shrink: "" },
    Part {
        name: "hashes",
        millions: 1.0,
        grow: "HSETEX key:# PX 3600000 FIELDS 1 f v",
        shrink: "",
    },
];

fn main() {
    memory::disable_huge_pages();
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let scale = words.iter().find_map(|word| word.parse::<f64>().ok());
    let names: Vec<&String> = words.iter().filter(|word| word.parse::<f64>().is_err()).collect();
    println!(
        "{:<16} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9}   in µs",
        "", "events", "p50", "p99", "p99.99", "slowest", "on a wall"
    );
    let mut is_good = true;
    for part in
        PARTS.iter().filter(|part| names.is_empty() || names.iter().any(|n| *n == part.name))
    {
        is_good &= measure(part, (scale.unwrap_or(part.millions) * 1e6) as u64);
    }
    if !is_good {
        println!("Something takes too long.");
        std::process::exit(1);
    }
}

/// Lets one part grow and shrink; returns whether no event took too long.
fn measure(part: &Part, count: u64) -> bool {
    let before = memory::used();
    let mut run = Run::new();
    for number in 0..count {
        let request = request(part.grow, scattered(number));
        run.handle(Event::Received { conn: CONN, bytes: &request });
    }
    let bytes = (memory::used() - before) as f64 / count as f64;
    let mut is_good = run.report(part.name);
    println!("{:<16} {bytes:.1} bytes each", "");
    if part.shrink.is_empty() {
        run.now = run.now.plus_us(3_600_000_000);
    } else {
        run.handle(Event::Received { conn: CONN, bytes: &request(part.shrink, 0) });
    }
    // What is left to do is done whenever the node asks to be woken for it.
    loop {
        run.handle(Event::Wake);
        let Some(wake) = run.node.next_wake() else { break };
        let wait_us = wake.since_us(run.now.mono);
        // No freeing is as far away as what else the node is woken for.
        if wait_us > 50_000 {
            break;
        }
        run.now = run.now.plus_us(wait_us);
    }
    is_good &= run.report(if part.shrink.is_empty() { "  expired" } else { part.shrink });
    println!("{:<16} {} bytes left", "", memory::used().saturating_sub(before));
    is_good
}

/// A node, what time it is there, and how long its events took.
struct Run {
    node: Node,
    now: Time,
    times: Times,
    wall_worst: Duration,
}

/// The processor's time that this thread has had.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// An event that took as long may have been interrupted.
const INTERRUPTED: Duration = Duration::from_micros(100);

impl Run {
    fn new() -> Self {
        let mut config = Config::default();
        config.set_named("save", "").expect("this is a parameter");
        let mut node = Node::new(config, Seed::of(1), START);
        let addr = || "127.0.0.1:50000".to_owned();
        let origin = Origin { addr: addr(), laddr: addr(), fd: 8, local: true };
        node.handle(START, Event::Opened { conn: CONN, origin }, &mut Vec::new());
        Self { node, now: START, times: Times::default(), wall_worst: Duration::ZERO }
    }

    fn handle(&mut self, event: Event<'_>) {
        let mut effects = Vec::with_capacity(4);
        let (start, cpu_start) = (Instant::now(), cpu_time());
        self.node.handle(self.now, event, &mut effects);
        let wall = start.elapsed();
        let own = if wall < INTERRUPTED { wall } else { cpu_time() - cpu_start };
        self.times.add(own.as_nanos() as u64);
        self.wall_worst = wall.max(self.wall_worst);
        if let Some(out) = self.node.outbox(CONN) {
            let reply = out.pending();
            assert!(!reply.starts_with(b"-"), "{}", String::from_utf8_lossy(reply));
            out.consume(reply.len());
        }
    }

    /// Prints how long events took since the last report; returns whether none took too long.
    fn report(&mut self, name: &str) -> bool {
        let times = std::mem::take(&mut self.times);
        let us = |ns: u64| ns as f64 / 1000.0;
        let most = times.part(0.9999);
        let wall_worst = std::mem::take(&mut self.wall_worst);
        println!(
            "{name:<16} {:>9} {:>8.1} {:>8.1} {:>8.1} {:>9.1} {:>9.1}",
            times.count,
            us(times.part(0.5)),
            us(times.part(0.99)),
            us(most),
            us(times.worst),
            us(wall_worst.as_nanos() as u64)
        );
        most < MOST_NS_MAX && times.worst < WORST_NS_MAX
    }
}

/// How often events took how long: 32 steps for each doubling.
#[derive(Default)]
struct Times {
    counts: Vec<u64>,
    count: u64,
    worst: u64,
}

impl Times {
    const STEPS: u64 = 32;

    fn add(&mut self, ns: u64) {
        let place = match ns.checked_ilog2() {
            Some(log) if ns >= Self::STEPS => {
                let within = (ns >> (log - 5)) - Self::STEPS;
                u64::from(log - 4) * Self::STEPS + within
            }
            _ => ns,
        } as usize;
        if self.counts.len() <= place {
            self.counts.resize(64 * Self::STEPS as usize, 0);
        }
        self.counts[place] += 1;
        self.count += 1;
        self.worst = self.worst.max(ns);
    }

    /// The time that this part of the events did not exceed.
    fn part(&self, part: f64) -> u64 {
        let mut left = (self.count as f64 * part).ceil() as u64;
        for (place, &count) in (0_u64..).zip(&self.counts) {
            if count >= left {
                let (log, within) = (place / Self::STEPS, place % Self::STEPS);
                let end = if log == 0 { place } else { (Self::STEPS + within + 1) << (log - 1) };
                return end.min(self.worst);
            }
            left -= count;
        }
        self.worst
    }
}

/// The numbers up to a billion in an order without order: the multiplier has no factor in common
/// with the modulus.
fn scattered(number: u64) -> u64 {
    number * 632_459_103 % 1_000_000_000
}

/// The command `template` as a client sends it, with `number` for each `#`.
fn request(template: &str, number: u64) -> Vec<u8> {
    let number = format!("{number:010}");
    let words: Vec<String> = template.split(' ').map(|word| word.replace('#', &number)).collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
    bytes
}
