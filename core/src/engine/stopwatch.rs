//! How long commands take: for SLOWLOG, LATENCY and the figures of INFO, and for nothing else.
//!
//! The engine has no clock. A host may lend it a *stopwatch*, a function that reads nanoseconds; what
//! it reads goes into those figures and nowhere else, so that with any stopwatch, or without one,
//! everything else stays the same. Without one every length of time is 0.
//!
//! Reading a clock costs a tenth of what a small command does, so it is read sparingly. Small
//! commands that came together, which are declared to be brief and have few words, are a **run**: they
//! are measured together, and the time is divided evenly among them. A run ends with what was decoded
//! ahead, before a command that is not small, and behind a large reply. If it took so long that it is
//! logged, the last of it is taken for the slow one. Everything else is measured alone: also in
//! EXEC, and everything where `slowlog-log-slower-than` is below [`SHARED_FROM_US`].
//!
//! A command's time is its own. Others that were served because of it do not count, nor does removing
//! keys to make room; one that waits has taken what its attempts took. DEBUG SLEEP counts as what
//! was asked for, though the engine does not really sleep.

use super::ahead::Sight;
use super::{Ctx, Engine, Entry};
use crate::resp::Argv;
use crate::session::Session;
use crate::spec::Flag;

/// Reads a clock that does not go back, in nanoseconds.
pub type Reading = fn() -> u64;

/// Where commands are slow from fewer microseconds than this, each is measured alone.
const SHARED_FROM_US: u64 = 1000;

/// Words of a small command.
pub const SMALL_WORDS_MAX: usize = 8;

/// Bytes of replies behind which a run ends.
const RUN_REPLIES_BYTES_MAX: usize = 64 * 1024;

/// What measures, and how far it has come.
#[derive(Debug, Default)]
pub struct Stopwatch {
    reading: Option<Reading>,
    /// What the reading is ahead of time that counts: of what was slept through more, of what does not
    /// count less. Wraps around.
    ahead_ns: u64,
    /// Up to when time is accounted for.
    lap_ns: u64,
    /// The command that runs is measured together with the next one.
    is_shared: bool,
    /// The commands of the run that have run.
    run: Run,
    /// The output at which the run ends.
    replies_max: usize,
}

/// Commands that are measured together, by their places in the table.
#[derive(Debug, Default)]
struct Run {
    /// The one that ran last, and how often it did without another between.
    last: usize,
    times: u64,
    /// Those before, in the same way.
    before: Vec<(usize, u64)>,
}

impl Run {
    #[inline]
    fn add(&mut self, command: usize) {
        if command != self.last {
            self.change(command);
        }
        self.times += 1;
    }

    /// Another command follows.
    fn change(&mut self, command: usize) {
        if self.times > 0 {
            self.before.push((self.last, self.times));
        }
        (self.last, self.times) = (command, 0);
    }
}

/// A measurement that is interrupted.
#[derive(Debug)]
pub struct Aside {
    since_ns: u64,
    lap_ns: u64,
    is_shared: bool,
    run: Run,
}

impl Stopwatch {
    /// Measures with `reading` from now on.
    pub fn lend(&mut self, reading: Reading) {
        self.reading = Some(reading);
    }

    #[inline]
    fn now_ns(&self) -> u64 {
        self.reading.map_or(0, |reading| reading()).wrapping_add(self.ahead_ns)
    }

    /// Commands are about to run, for a client that is owed `owed` bytes.
    #[inline]
    pub fn begin(&mut self, owed: usize) {
        self.lap_ns = self.now_ns();
        self.replies_max = owed + RUN_REPLIES_BYTES_MAX;
    }

    /// The next command is measured alone, or ends its run, unless it `is_shared`.
    #[inline]
    pub fn share(&mut self, is_shared: bool) {
        self.is_shared = is_shared;
    }

    /// Up to when time is accounted for: where the command that now begins does.
    #[inline]
    pub fn lap(&self) -> u64 {
        self.lap_ns
    }

    /// The time since `begun`, a [`Stopwatch::lap`]; it is accounted for now.
    #[inline]
    pub fn lap_since(&mut self, begun: u64) -> u64 {
        self.lap_ns = self.now_ns();
        between(begun, self.lap_ns)
    }

    /// Lets so much time count as passed.
    pub fn pass(&mut self, us: u64) {
        self.ahead_ns = self.ahead_ns.wrapping_add(us.saturating_mul(1000));
    }

    /// Interrupts what is measured, for what is none of it.
    pub fn step_aside(&mut self) -> Aside {
        let (lap_ns, since_ns) = (self.lap_ns, self.now_ns());
        self.lap_ns = since_ns;
        let is_shared = std::mem::take(&mut self.is_shared);
        Aside { since_ns, lap_ns, is_shared, run: std::mem::take(&mut self.run) }
    }

    /// Goes on with it; returns how long that was, in nanoseconds.
    pub fn step_back(&mut self, aside: Aside) -> u64 {
        let Aside { since_ns, lap_ns, is_shared, run } = aside;
        let took_ns = between(since_ns, self.now_ns());
        self.ahead_ns = self.ahead_ns.wrapping_sub(took_ns);
        (self.lap_ns, self.is_shared, self.run) = (lap_ns, is_shared, run);
        took_ns
    }

    /// A command that has waited begins again, after attempts that took `took_ns` together.
    pub fn resume(&mut self, took_ns: u64) {
        self.lap_ns = self.now_ns().wrapping_sub(took_ns);
    }
}

impl Engine {
    /// How many of the commands of which these were seen are measured together: one at least.
    #[inline]
    pub fn together(&self, sights: &[Sight]) -> usize {
        // What is negative, and means that nothing is slow, becomes large.
        if self.config.slowlog_log_slower_than.cast_unsigned() < SHARED_FROM_US {
            return 1;
        }
        sights.iter().take_while(|sight| sight.is_small).count().max(1)
    }

    /// What takes so many nanoseconds or more is logged somewhere.
    #[inline]
    fn logged_from_ns(&self) -> u64 {
        let slow_us = self.config.slowlog_log_slower_than.cast_unsigned();
        let late_ms = match self.config.latency_monitor_threshold {
            0 => u64::MAX,
            ms => ms,
        };
        slow_us.saturating_mul(1000).min(late_ms.saturating_mul(1_000_000))
    }

    /// Nothing more is measured together with what has run. Usually that is measured: only if what was
    /// to be the last did not run, it is not.
    #[inline]
    pub fn end_run(&mut self) {
        self.stopwatch.is_shared = false;
        if self.stopwatch.run.times > 0 {
            self.break_run();
        }
    }

    #[cold]
    fn break_run(&mut self) {
        self.stopwatch.run.times -= 1;
        let last = self.stopwatch.run.last;
        let ns = self.stopwatch.lap_since(self.stopwatch.lap_ns);
        let ns = self.share_out(ns);
        self.count_time(last, ns, 1);
    }

    /// Divides the time of a run, and counts its commands but the last; returns what is the last
    /// one's.
    fn share_out(&mut self, ns: u64) -> u64 {
        let Run { last, times, before: mut run } = std::mem::take(&mut self.stopwatch.run);
        run.push((last, times));
        let others: u64 = run.iter().map(|&(_, times)| times).sum();
        // Nothing that small takes long; behind what is large the run has ended.
        let each_ns = if ns >= self.logged_from_ns() { 0 } else { ns / (others + 1) };
        for (command, times) in run.drain(..).filter(|&(_, times)| times > 0) {
            self.count_time(command, each_ns, times);
        }
        self.stopwatch.run.before = run;
        ns - each_ns * others
    }

    /// Counts a run, whose last command has run, as [`Engine::took`] does a single one.
    fn took_together(&mut self, session: &Session, entry: &Entry, argv: Argv<'_>, ns: u64) {
        let is_short = ns < self.logged_from_ns();
        let run = &mut self.stopwatch.run;
        if is_short && run.before.is_empty() && run.last == entry.index {
            let times = std::mem::take(&mut run.times) + 1;
            self.count_time(entry.index, ns / times, times);
        } else {
            let ns = self.share_out(ns);
            self.took(session, entry, argv, ns);
        }
    }

    #[inline]
    fn count_time(&mut self, command: usize, ns: u64, times: u64) {
        let stats = &mut self.stats.by_command[command];
        stats.ns += ns * times;
        if self.config.latency_tracking {
            stats.times.add(ns, times);
        }
    }

    /// Counts what a command of `session` took, and logs it if that was long.
    #[inline]
    pub fn took(&mut self, session: &Session, entry: &Entry, argv: Argv<'_>, ns: u64) {
        self.count_time(entry.index, ns, 1);
        if ns >= self.logged_from_ns() {
            self.log_slow(session, entry, argv, ns / 1000);
        }
    }

    #[cold]
    fn log_slow(&mut self, session: &Session, entry: &Entry, argv: Argv<'_>, us: u64) {
        let event = if entry.has(Flag::Fast) { "fast-command" } else { "command" };
        self.note_latency(event, us);
        let max = usize::try_from(self.config.slowlog_max_len).unwrap_or(usize::MAX);
        let slow_us = self.config.slowlog_log_slower_than.cast_unsigned();
        if us >= slow_us && max > 0 && !entry.has(Flag::SkipSlowlog) {
            let at_s = self.ended_s(us);
            self.slowlog.add(session, entry, argv, at_s, us, max);
        }
    }

    /// When something ended that began with this event, in seconds since 1970.
    fn ended_s(&self, us: u64) -> i64 {
        self.propagation.now_s.saturating_add_unsigned(us / 1_000_000)
    }

    /// Notes for LATENCY that `event` took so long until now, if that is much.
    pub fn note_latency(&mut self, event: &'static str, us: u64) {
        let (from_ms, ms) = (self.config.latency_monitor_threshold, us / 1000);
        if from_ms > 0 && ms >= from_ms {
            let at_s = self.ended_s(us);
            self.latency.add(event, at_s, ms);
        }
    }
}

impl Ctx<'_> {
    /// The command has run, having begun at a [`Stopwatch::lap`]: its time is measured, or left to
    /// the run.
    #[inline]
    pub fn measure(&mut self, begun: u64, argv: Argv<'_>) {
        let command = self.entry.index;
        let stopwatch = &mut self.engine.stopwatch;
        if stopwatch.is_shared && self.out.owed() <= stopwatch.replies_max {
            return stopwatch.run.add(command);
        }
        let ns = stopwatch.lap_since(begun);
        if stopwatch.run.times > 0 {
            self.engine.took_together(self.session, self.entry, argv, ns);
        } else {
            self.engine.took(self.session, self.entry, argv, ns);
        }
    }
}

/// The time from one reading to another; none if the clock went back after all.
#[inline]
fn between(begun_ns: u64, ended_ns: u64) -> u64 {
    u64::try_from(ended_ns.wrapping_sub(begun_ns).cast_signed()).unwrap_or(0)
}
