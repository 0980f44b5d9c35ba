//! The operating system's clocks, the only door through which time comes in.

#![expect(clippy::disallowed_types, reason = "this is where time comes from")]

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::ticks::{self, Ticks};
use crate::base::time::{Monotonic, Time};

/// Reads both clocks: the monotonic one once a turn of the loop, the other now and then. Within a turn
/// time goes on by the processor's own counter.
pub struct Clock {
    start: Instant,
    ticks: Ticks,
    /// When the turn began, on the monotonic clock and by the counter, in microseconds and
    /// nanoseconds.
    turn: (u64, u64),
    /// The last time that was told, on the monotonic clock: it does not go back.
    told_us: Cell<u64>,
    /// From the monotonic clock to that of the wall, in microseconds.
    offset_us: i64,
    /// When that was found out last, on the monotonic clock.
    looked_us: u64,
}

/// Where the monotonic clock begins: not at zero, so that subtracting from it is harmless.
const START_US: u64 = 1_000_000;

/// The counter is trusted for so long.
const TURN_NS_MAX: u64 = 100_000_000;

/// Between two looks at the clock on the wall, which may have been moved.
const LOOK_EVERY_US: u64 = 1000;

impl Clock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> Self {
        let mut clock = Self {
            start: Instant::now(),
            ticks: Ticks::begin(),
            turn: (START_US, 0),
            told_us: Cell::new(START_US),
            offset_us: 0,
            looked_us: 0,
        };
        clock.look();
        clock
    }

    /// The time now, at the start of a turn of the loop: a look at the clock on the wall belongs to it
    /// now and then, so that any other moment is one reading of one clock.
    pub fn look(&mut self) -> Time {
        let elapsed_ns = || self.start.elapsed().as_nanos() as u64;
        let now_ns = elapsed_ns();
        self.ticks.compare(now_ns, elapsed_ns);
        let mono_us = self.told_us.get().max(now_ns / 1000 + START_US);
        self.turn = (mono_us, ticks::read_ns());
        if mono_us - self.looked_us >= LOOK_EVERY_US {
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.offset_us = unix.as_micros() as i64 - mono_us as i64;
            self.looked_us = mono_us;
        }
        self.at(mono_us)
    }

    /// The time now.
    pub fn now(&self) -> Time {
        let (turn_us, turn_ns) = self.turn;
        let passed_ns = ticks::read_ns().wrapping_sub(turn_ns);
        let mono_us = if passed_ns < TURN_NS_MAX {
            turn_us + passed_ns / 1000
        } else {
            self.start.elapsed().as_micros() as u64 + START_US
        };
        self.at(mono_us)
    }

    fn at(&self, mono_us: u64) -> Time {
        let mono_us = mono_us.max(self.told_us.get());
        self.told_us.set(mono_us);
        Time { unix_us: self.offset_us + mono_us as i64, mono: Monotonic(mono_us) }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
