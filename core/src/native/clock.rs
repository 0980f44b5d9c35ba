//! The operating system's clocks, the only door through which time comes in.

#![expect(clippy::disallowed_types, reason = "this is where time comes from")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::time::{Monotonic, Time};

/// Reads both clocks: the monotonic one every time, the other only when told to.
pub struct Clock {
    start: Instant,
    /// From the monotonic clock to that of the wall, in microseconds.
    offset_us: i64,
}

/// Where the monotonic clock begins: not at zero, so that subtracting from it is harmless.
const START_US: u64 = 1_000_000;

impl Clock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> Self {
        let mut clock = Self { start: Instant::now(), offset_us: 0 };
        clock.look_at_wall();
        clock
    }

    /// Looks at the clock on the wall, which may have been moved. Once a turn is often enough, and
    /// then a moment is one reading of one clock.
    pub fn look_at_wall(&mut self) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.offset_us = unix.as_micros() as i64 - self.mono_us() as i64;
    }

    /// The time now.
    pub fn now(&self) -> Time {
        let mono_us = self.mono_us();
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
