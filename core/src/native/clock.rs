//! The operating system's clocks, the only door through which time comes in.

#![expect(clippy::disallowed_types, reason = "this is where time comes from")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::time::{Monotonic, Time};

/// Reads both clocks: the monotonic one every time, the other now and then.
pub struct Clock {
    start: Instant,
    /// From the monotonic clock to that of the wall, in microseconds.
    offset_us: i64,
    /// When that was found out last, on the monotonic clock.
    looked_us: u64,
}

/// Where the monotonic clock begins: not at zero, so that subtracting from it is harmless.
const START_US: u64 = 1_000_000;

/// Between two looks at the clock on the wall, which may have been moved.
const LOOK_EVERY_US: u64 = 1000;

impl Clock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> Self {
        let mut clock = Self { start: Instant::now(), offset_us: 0, looked_us: 0 };
        clock.look();
        clock
    }

    /// The time now, at the start of a turn of the loop: a look at the clock on the wall belongs to it
    /// now and then, so that any other moment is one reading of one clock.
    pub fn look(&mut self) -> Time {
        let mono_us = self.mono_us();
        if mono_us - self.looked_us >= LOOK_EVERY_US {
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.offset_us = unix.as_micros() as i64 - mono_us as i64;
            self.looked_us = mono_us;
        }
        self.at(mono_us)
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.at(self.mono_us())
    }

    fn at(&self, mono_us: u64) -> Time {
        Time { unix_us: self.offset_us + mono_us as i64, mono: Monotonic(mono_us) }
    }

    fn mono_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64 + START_US
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
