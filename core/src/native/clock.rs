//! The operating system's clocks, the only door through which time comes in.

#![expect(clippy::disallowed_types, reason = "this is where time comes from")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::time::{Monotonic, Time};

/// Reads both clocks.
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose monotonic time begins now, at a point that is not zero, so that subtracting
    /// from it is harmless.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time {
            unix_us: unix.as_micros() as i64,
            mono: Monotonic(self.start.elapsed().as_micros() as u64 + 1_000_000),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
