//! A node whose events are timed, for benchmarks of the slowest of them.
//!
//! The processor also serves others, who may interrupt an event for milliseconds. So what counts is
//! the processor's time that this thread has had, page faults included; where an event took long by
//! the wall's clock, the two are told apart, and the slowest by that clock is shown as well.
//!
//! That is not all of what a machine can do to an event: where it is a virtual one, the time in which
//! its host finds a page for it, or serves an interrupt, passes as the thread's own. But a node is
//! deterministic, so **what is its own comes again at the same event**, and what is not does not:
//! [`Run::suspects`] are the events that were slow before, in another process.
#![allow(clippy::print_stdout, reason = "for programs that report")]
#![allow(clippy::disallowed_types, reason = "a benchmark measures real time")]

use std::time::{Duration, Instant};

use redstart::base::rng::Seed;
use redstart::base::time::Time;
use redstart::engine::Config;
use redstart::node::{ConnId, Effect, Event, Node, Origin};
use rustix::time::{ClockId, clock_gettime};

use crate::local::START;

/// The slowest event, and the 99.99th percentile of all, must stay below these.
const WORST_NS_MAX: u64 = 5_000_000;
const MOST_NS_MAX: u64 = 1_000_000;
/// Fewer than these have no 99.99th percentile.
const FEW_EVENTS: u64 = 10_000;

/// The connection that there is.
pub const CONN: ConnId = ConnId(0);

/// A node, what time it is there, and how long its events took.
pub struct Run {
    /// The node.
    pub node: Node,
    /// The virtual time.
    pub now: Time,
    effects: Vec<Effect>,
    times: Times,
    wall_worst: Duration,
    handled: u64,
    /// The numbers of the events that were too slow.
    pub slow: Vec<u64>,
    /// If not empty, no other events than these can be too slow.
    pub suspects: Vec<u64>,
}

/// The processor's time that this thread has had.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// An event that took as long may have been interrupted.
const INTERRUPTED: Duration = Duration::from_micros(100);

/// Prints what the columns of [`Run::report`] are.
pub fn title() {
    println!(
        "{:<16} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9}   in µs",
        "", "events", "p50", "p99", "p99.99", "slowest", "on a wall"
    );
}

impl Default for Run {
    fn default() -> Self {
        Self::new()
    }
}

impl Run {
    /// A node without data and without save points.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// The same with these settings.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let mut config = Config::default();
        for (name, value) in [("save", "")].iter().chain(settings) {
            config.set_named(name, value).expect("these are parameters");
        }
        let mut node = Node::new(config, Seed::of(1), START);
        let addr = || "127.0.0.1:50000".to_owned();
        let origin = Origin { addr: addr(), laddr: addr(), fd: 8, local: true };
        node.handle(START, Event::Opened { conn: CONN, origin }, &mut Vec::new());
        let (effects, times) = (Vec::with_capacity(4), Times::default());
        Self {
            node,
            now: START,
            effects,
            times,
            wall_worst: Duration::ZERO,
            handled: 0,
            slow: Vec::new(),
            suspects: Vec::new(),
        }
    }

    /// Tells the node something; no reply may be an error.
    pub fn handle(&mut self, event: Event<'_>) {
        // Most events ask for nothing but to send the reply.
        self.effects.retain(|effect| !matches!(effect, Effect::Send { .. }));
        let (start, cpu_start) = (Instant::now(), cpu_time());
        self.node.handle(self.now, event, &mut self.effects);
        let wall = start.elapsed();
        let own = if wall < INTERRUPTED { wall } else { cpu_time() - cpu_start };
        self.note(own.as_nanos() as u64);
        self.wall_worst = wall.max(self.wall_worst);
        if let Some(out) = self.node.outbox(CONN) {
            let reply = out.pending();
            assert!(!reply.starts_with(b"-"), "{}", String::from_utf8_lossy(reply));
            out.consume(reply.len());
        }
    }

    fn note(&mut self, own_ns: u64) {
        self.handled += 1;
        let is_slow = own_ns >= WORST_NS_MAX;
        if is_slow {
            self.slow.push(self.handled);
        }
        if !is_slow || self.suspects.is_empty() || self.suspects.contains(&self.handled) {
            self.times.add(own_ns);
        }
    }

    /// What the node has asked for since the last time, besides sending.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.effects.retain(|effect| !matches!(effect, Effect::Send { .. } | Effect::Log(_)));
        std::mem::take(&mut self.effects)
    }

    /// Whether the node wants to be woken now.
    pub fn is_due(&self) -> bool {
        self.node.next_wake().is_some_and(|wake| wake <= self.now.mono)
    }

    /// Begins to measure anew.
    pub fn forget(&mut self) {
        self.times = Times::default();
        self.wall_worst = Duration::ZERO;
    }

    /// Prints how long events took since the last report; returns whether none took too long.
    pub fn report(&mut self, name: &str) -> bool {
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
        // Of few events, that percentile is the slowest, which has a bound of its own.
        let is_most_good = most < MOST_NS_MAX || times.count < FEW_EVENTS;
        is_most_good && times.worst < WORST_NS_MAX
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
pub fn scattered(number: u64) -> u64 {
    number * 632_459_103 % 1_000_000_000
}

/// The command `template` as a client sends it, with `number` for each `#`.
pub fn request(template: &str, number: u64) -> Vec<u8> {
    let number = format!("{number:010}");
    let words: Vec<String> = template.split(' ').map(|word| word.replace('#', &number)).collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
    bytes
}
