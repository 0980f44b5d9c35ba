//! The processor's own counter as a clock: what it says costs a third of what the operating system's
//! does, and commands are measured with it.
//!
//! It is used where Linux itself has found it good enough to tell the time by (its clock source
//! `tsc`: the counter goes at one speed, never stops, and agrees between processors). How fast it
//! goes is found out by comparing it with the operating system's clock, the better the longer. Until
//! then, and anywhere else, the latter is read.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the instruction is declared as an unsafe function")
)]
#![expect(clippy::disallowed_types, reason = "this is where time comes from")]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// The shortest time from which the counter's speed is told.
const LEAST_NS: u64 = 5_000_000;

/// Looks at both clocks, of which the best is taken.
const LOOKS: usize = 4;

/// Bits behind the point of [`SCALE`].
const SCALE_BITS: u32 = 32;

/// Nanoseconds of a tick; 0 as long as they are not known.
static SCALE: AtomicU64 = AtomicU64::new(0);

/// Where reading begins where there is no counter.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since some moment. Two readings may be compared unless [`Ticks::compare`] was called
/// between them.
#[inline]
pub fn read_ns() -> u64 {
    match SCALE.load(Relaxed) {
        0 => START.elapsed().as_nanos() as u64,
        scale => to_ns(counter(), scale),
    }
}

#[inline]
fn to_ns(ticks: u64, scale: u64) -> u64 {
    ((u128::from(ticks) * u128::from(scale)) >> SCALE_BITS) as u64
}

/// The counter beside the clock that it is compared with.
pub struct Ticks {
    /// Where it was when the clock began, if it is of any use.
    first: Option<u64>,
    /// Nanoseconds after the beginning from which comparing again makes it more precise.
    next_ns: u64,
}

impl Ticks {
    /// Begins, as the clock that it will be compared with does.
    pub fn begin() -> Self {
        let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let is_good = cfg!(target_arch = "x86_64")
            && std::fs::read_to_string(path).is_ok_and(|name| name.trim() == "tsc");
        Self { first: is_good.then(counter), next_ns: LEAST_NS }
    }

    /// Compares with the clock, which tells how long ago its beginning was, and was at `ns` just now.
    #[inline]
    pub fn compare(&mut self, ns: u64, elapsed_ns: impl Fn() -> u64) {
        if ns >= self.next_ns {
            self.adjust(elapsed_ns);
        }
    }

    #[cold]
    fn adjust(&mut self, elapsed_ns: impl Fn() -> u64) {
        let Some(first) = self.first else { return self.next_ns = u64::MAX };
        // The thread may be put aside between two readings; what took the shortest was not.
        let pairs = (0..LOOKS).map(|_| {
            let (before, ns, after) = (counter(), elapsed_ns(), counter());
            (after.saturating_sub(before), ns, after)
        });
        if let Some((_, ns, ticks)) = pairs.min() {
            self.next_ns = ns.saturating_mul(2);
            SCALE.store(scale_of(ns, ticks.saturating_sub(first)), Relaxed);
        }
    }
}

/// Nanoseconds of a tick, if so many ticks take `ns`; 0 if that makes no sense.
fn scale_of(ns: u64, ticks: u64) -> u64 {
    let scale = (u128::from(ns) << SCALE_BITS).checked_div(u128::from(ticks));
    scale.and_then(|scale| u64::try_from(scale).ok()).unwrap_or(0)
}

#[inline]
#[cfg(target_arch = "x86_64")]
fn counter() -> u64 {
    // SAFETY: reading the counter touches no memory; that programs may do it is what Linux relies on
    // where its clock source is `tsc`, and nothing is read anywhere else.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn counter() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_nanoseconds() {
        // 3 GHz.
        let scale = scale_of(1_000_000, 3_000_000);
        assert!((999..=1000).contains(&to_ns(3000, scale)));
        assert!((999_999_000..=1_000_000_000).contains(&to_ns(3_000_000_000, scale)));
        assert_eq!((scale_of(1, 0), scale_of(u64::MAX, 1)), (0, 0));
    }

    #[test]
    fn readings_follow_each_other() {
        let start = Instant::now();
        let mut ticks = Ticks::begin();
        let elapsed_ns = || start.elapsed().as_nanos() as u64;
        while ticks.next_ns == LEAST_NS {
            ticks.compare(elapsed_ns(), elapsed_ns);
        }
        // The machine may stop for a while between any two readings, so only the least is certain.
        let began = read_ns();
        let began_ns = elapsed_ns();
        while elapsed_ns() < began_ns + LEAST_NS {}
        let read = read_ns() - began;
        assert!(read > LEAST_NS / 10 * 9, "{read}");
    }
}
