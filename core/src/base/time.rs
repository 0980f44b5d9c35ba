//! Time as a value. The engine never asks for the time; a host says what it is with every event.
//!
//! Two clocks travel together: `unix` is what people call the time and may jump, `mono` only moves
//! forward and measures waiting. Expiry follows `unix`, as in Redis; time-outs follow `mono`.

use std::ops::{Add, Sub};

/// One reading of both clocks, valid for the whole of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Microseconds since 1970-01-01 UTC.
    pub unix_us: i64,
    /// The clock that only moves forward.
    pub mono: Monotonic,
}

impl Time {
    /// Milliseconds since 1970-01-01 UTC, the unit of every expiry.
    pub fn unix_ms(self) -> i64 {
        self.unix_us.div_euclid(1000)
    }

    /// Seconds since 1970-01-01 UTC.
    pub fn unix_s(self) -> i64 {
        self.unix_us.div_euclid(1_000_000)
    }

    /// Both clocks moved on by `us` microseconds; for hosts whose time is virtual.
    #[must_use]
    pub fn plus_us(self, us: u64) -> Self {
        Self {
            unix_us: self.unix_us.saturating_add(i64::try_from(us).unwrap_or(i64::MAX)),
            mono: self.mono + us,
        }
    }
}

/// Microseconds on a clock that never goes back and starts anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// Microseconds from `earlier` to this; 0 if `earlier` is later.
    pub fn since_us(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This moved on by `ms` milliseconds.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        self + ms.saturating_mul(1000)
    }
}

impl Add<u64> for Monotonic {
    type Output = Self;

    fn add(self, us: u64) -> Self {
        Self(self.0.saturating_add(us))
    }
}

impl Sub for Monotonic {
    type Output = u64;

    fn sub(self, other: Self) -> u64 {
        self.since_us(other)
    }
}
