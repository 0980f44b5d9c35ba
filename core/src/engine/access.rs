//! How recently a key was used, for OBJECT IDLETIME and for eviction.
//!
//! The store keeps 24 bits with each key. They hold the second of its last use on the monotonic
//! clock, modulo 2²⁴ (half a year), so that a jump of the wall clock ages no key. The second is
//! worked out once an event, and a key is only written to when its bits differ: a key that is read
//! a million times in a second is marked once.

use super::Engine;
use crate::base::time::{Monotonic, Time};

/// The clock of a node before its first event.
pub const FIRST_CLOCK: u32 = 0;

const CLOCK_MASK: u32 = 0xff_ffff;

impl Engine {
    /// Moves the clock of uses on. Called at the beginning of every event.
    pub fn move_access_clock(&mut self, now: Time) {
        let clock = clock_of(now.mono);
        if clock != self.access_clock {
            self.access_clock = clock;
            for db in &mut self.shard.dbs {
                db.set_new_access(clock);
            }
        }
    }

    /// Seconds since a key with these access bits was used.
    pub fn idle_s(&self, access: u32) -> u32 {
        self.access_clock.wrapping_sub(access) & CLOCK_MASK
    }
}

fn clock_of(mono: Monotonic) -> u32 {
    (mono.0 / 1_000_000) as u32 & CLOCK_MASK
}
