//! Whether a nap lets requests gather, before the sockets are looked at.
//!
//! A thread that waits for its sockets has to be woken, which costs some microseconds, and the sender
//! of the bytes pays for it inside its own system call. Where many clients take turns, this would
//! happen for nearly every request. A thread that sleeps for a moment without waiting for any socket
//! is woken by nobody but the clock: what comes meanwhile lies ready, and one question to the operating
//! system, one turn of the loop and one look ahead at the keys serve all of it. Network cards hold
//! back their interrupts for the same reason.
//!
//! A nap must cost no throughput. It does where all who ask have just been answered: they would be
//! kept waiting for nothing. So there is one only where the clients of the last turn were a small part of
//! those that have been active lately; the others are about to ask.

use std::time::Duration;

use crate::base::time::Monotonic;

/// Requests gather for so long. Longer naps save little more and are felt.
const NAP: Duration = Duration::from_micros(20);

/// Whoever has sent something within this time, or within the one before, is active.
const PERIOD_US: u64 = 1000;

/// A nap is taken if for each client of a turn there are so many active ones.
const ACTIVE_FOR_EACH: u32 = 8;

/// A span of [`PERIOD_US`] by its number; a connection keeps the last in which it has sent something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period(u32);

/// How many clients are active, and how many of them have had their turn.
#[derive(Debug, Default)]
pub struct Crowd {
    period: Period,
    /// When the period began.
    since: Monotonic,
    /// Clients that have sent something in the period, and in the one before.
    active: u32,
    active_before: u32,
    /// Clients that have sent something in this turn of the loop.
    in_turn: u32,
}

impl Crowd {
    /// A turn of the loop begins.
    pub fn turn(&mut self, now: Monotonic) {
        self.in_turn = 0;
        let passed_us = now.since_us(self.since);
        if passed_us >= PERIOD_US {
            self.active_before = if passed_us < 2 * PERIOD_US { self.active } else { 0 };
            self.active = 0;
            self.period = Period(self.period.0.wrapping_add(1));
            self.since = now;
        }
    }

    /// A client has sent something; `last` is when it did so before.
    pub fn sent(&mut self, last: &mut Period) {
        self.in_turn += 1;
        if std::mem::replace(last, self.period) != self.period {
            self.active += 1;
        }
    }

    /// Whether requests should gather before anyone looks for them.
    pub fn is_worth_a_nap(&self) -> bool {
        let active = self.active.max(self.active_before);
        self.in_turn > 0 && active / ACTIVE_FOR_EACH >= self.in_turn
    }
}

/// Sleeps while requests gather. Elsewhere than on Linux a sleep may be much longer than was asked for,
/// so there is none.
pub fn nap() {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{Timespec, nanosleep};
        if let Ok(time) = Timespec::try_from(NAP) {
            // A signal may end it early, which does no harm.
            let _ = nanosleep(&time);
        }
    }
}

/// Asks the operating system to end this thread's sleeps when it was told, not up to 50 microseconds
/// later so that it can end several at once.
pub fn sleep_exactly() {
    #[cfg(target_os = "linux")]
    {
        let nanosecond = std::num::NonZeroU64::MIN;
        // Where it is refused, naps are longer.
        let _ = rustix::thread::set_current_timer_slack(Some(nanosecond));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves `in_turn` of `clients` every 10 microseconds, one after the other; how many of the last
    /// hundred turns were worth a nap.
    fn naps(clients: usize, in_turn: usize) -> usize {
        let mut crowd = Crowd::default();
        let mut last = vec![Period::default(); clients];
        let (mut next, mut naps) = (0, 0);
        for turn in 0..1000 {
            crowd.turn(Monotonic(1_000_000 + turn * 10));
            for _ in 0..in_turn {
                crowd.sent(&mut last[next % clients]);
                next += 1;
            }
            naps += usize::from(turn >= 900 && crowd.is_worth_a_nap());
        }
        naps
    }

    #[test]
    fn many_clients_that_take_turns_are_let_gather() {
        assert_eq!(naps(50, 1), 100);
        assert_eq!(naps(50, 6), 100);
        assert_eq!(naps(10_000, 10), 100);
    }

    #[test]
    fn few_clients_and_full_turns_are_not_kept_waiting() {
        assert_eq!(naps(1, 1), 0);
        assert_eq!(naps(7, 1), 0);
        assert_eq!(naps(50, 7), 0);
        assert_eq!(naps(50, 50), 0);
    }

    #[test]
    fn a_crowd_that_has_gone_is_forgotten() {
        let mut crowd = Crowd::default();
        let mut last = [Period::default(); 50];
        crowd.turn(Monotonic(2_000_000));
        last.iter_mut().for_each(|last| crowd.sent(last));
        crowd.turn(Monotonic(2_000_100));
        crowd.sent(&mut last[0]);
        assert!(crowd.is_worth_a_nap());
        crowd.turn(Monotonic(2_000_100 + 3 * PERIOD_US));
        crowd.sent(&mut last[0]);
        assert!(!crowd.is_worth_a_nap());
        // Nor is there a nap before anyone has asked.
        crowd.turn(Monotonic(2_000_200 + 3 * PERIOD_US));
        assert!(!crowd.is_worth_a_nap());
    }
}
