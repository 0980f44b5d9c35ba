//! How recently or how often a key was used, for OBJECT IDLETIME and FREQ and for eviction.
//!
//! The store keeps 24 bits with each key. By default they hold the second of its last use, modulo
//! 2²⁴ (half a year). Under a policy that goes by frequency they are divided as in Redis: the
//! minute at which the counter was last brought up to date in the upper 16 bits, and in the lower
//! 8 the counter, a Morris counter that rises ever more slowly and falls with time
//! (<https://redis.io/docs/latest/develop/reference/eviction/>).
//!
//! Under a policy that goes by changes, only these count as uses.
//!
//! Both count on the monotonic clock, so that a jump of the wall clock ages no key. What a key that
//! is used now gets is worked out once an event, and a key is only written to when its bits differ:
//! one that is read a million times in a second is marked once.

use super::Engine;
use crate::base::time::{Monotonic, Time};
use crate::persist::rdb::Usage;

/// What a key gets before the first event.
pub const FIRST_CLOCK: u32 = 0;

const CLOCK_MASK: u32 = 0xff_ffff;
const MINUTES_MASK: u32 = 0xffff;

/// Where a counter starts, so that a new key is not the first to go.
const COUNTER_START: u32 = 5;
const COUNTER_MAX: u32 = 255;

/// The longest that a key can have been idle, in seconds.
const IDLE_S_MAX: u32 = CLOCK_MASK - 1;

impl Engine {
    /// Moves the clock of uses on. Called at the beginning of every event.
    pub fn move_access_clock(&mut self, now: Time) {
        let clock = if self.counts_frequency() {
            join(minutes_of(now.mono), COUNTER_START)
        } else {
            (now.mono.0 / 1_000_000) as u32 & CLOCK_MASK
        };
        if clock != self.access_clock {
            self.access_clock = clock;
            for db in &mut self.shard.dbs {
                db.set_new_access(clock);
            }
        }
    }

    /// The access bits that a key with the bits `access` gets when it is used now.
    #[inline]
    pub fn used(&mut self, access: u32) -> u32 {
        let policy = self.config.maxmemory_policy;
        if policy.is_lfu() {
            self.used_once_more(access)
        } else if policy.is_lrm() {
            access
        } else {
            self.access_clock
        }
    }

    /// Notes that `key` was changed, if the policy of eviction goes by that.
    #[inline]
    pub fn mark_changed(&mut self, db: usize, key: &[u8]) {
        if self.config.maxmemory_policy.is_lrm() {
            self.shard.db_mut(db).set_access(key, self.access_clock);
        }
    }

    fn used_once_more(&mut self, access: u32) -> u32 {
        let counter = self.frequency(access);
        let steps = u64::from(counter.saturating_sub(COUNTER_START));
        let odds = steps.saturating_mul(u64::from(self.config.lfu_log_factor)).saturating_add(1);
        let rises = counter < COUNTER_MAX && self.rng.below(odds) == 0;
        join(self.access_clock >> 8, counter + u32::from(rises))
    }

    /// Whether the policy of eviction goes by frequency, so that access bits hold counters.
    pub fn counts_frequency(&self) -> bool {
        self.config.maxmemory_policy.is_lfu()
    }

    /// Seconds since a key with these access bits was used.
    pub fn idle_s(&self, access: u32) -> u32 {
        self.judge().idle_s(access)
    }

    /// The counter of uses in these access bits, fallen by the time that has passed since.
    #[inline]
    pub fn frequency(&self, access: u32) -> u32 {
        self.judge().frequency(access)
    }

    /// Who judges access bits now.
    #[inline]
    pub fn judge(&self) -> Judge {
        Judge {
            clock: self.access_clock,
            decay_time: self.config.lfu_decay_time,
            by_frequency: self.counts_frequency(),
        }
    }

    /// What a snapshot says of the use of a key with these access bits: what the policy of eviction
    /// goes by.
    pub fn usage_of(&self) -> impl Fn(u32) -> Usage + 'static {
        let (policy, judge) = (self.config.maxmemory_policy, self.judge());
        move |access| {
            if policy.is_lfu() {
                Usage::Frequency(judge.frequency(access) as u8)
            } else if policy.is_lru() || policy.is_lrm() {
                Usage::Idle(u64::from(judge.idle_s(access)))
            } else {
                Usage::Unknown
            }
        }
    }

    /// The access bits of a key that was used like this; `None` if the policy of eviction goes by
    /// something else.
    pub fn access_for(&self, usage: Usage) -> Option<u32> {
        match usage {
            Usage::Frequency(counter) if self.counts_frequency() => {
                Some(join(self.access_clock >> 8, u32::from(counter)))
            }
            Usage::Idle(idle_s) if !self.counts_frequency() => {
                let idle_s = u32::try_from(idle_s).unwrap_or(IDLE_S_MAX).min(IDLE_S_MAX);
                Some(self.access_clock.wrapping_sub(idle_s) & CLOCK_MASK)
            }
            _ => None,
        }
    }
}

/// All that is needed to judge access bits.
#[derive(Clone, Copy, Debug)]
pub struct Judge {
    clock: u32,
    decay_time: u32,
    by_frequency: bool,
}

impl Judge {
    /// How good it is to remove a key with these access bits: what is used less often, or was not
    /// used for longer, goes first. Of what is used equally often goes first what was not counted
    /// for longer.
    #[inline]
    pub fn score(self, access: u32) -> u32 {
        if self.by_frequency {
            (COUNTER_MAX - self.frequency(access)) << 16 | self.minutes(access)
        } else {
            self.idle_s(access)
        }
    }

    fn idle_s(self, access: u32) -> u32 {
        self.clock.wrapping_sub(access) & CLOCK_MASK
    }

    fn frequency(self, access: u32) -> u32 {
        let fallen = self.minutes(access).checked_div(self.decay_time).unwrap_or(0);
        (access & COUNTER_MAX).saturating_sub(fallen)
    }

    /// Minutes since the counter in the access bits was brought up to date.
    fn minutes(self, access: u32) -> u32 {
        (self.clock >> 8).wrapping_sub(access >> 8) & MINUTES_MASK
    }
}

/// The minute, from the other side of the circle than seconds are counted from: what one kind of policy
/// has left is very old for the other, and no key seems to be used often that never was.
fn minutes_of(mono: Monotonic) -> u32 {
    ((mono.0 / 60_000_000) as u32 ^ 0x8000) & MINUTES_MASK
}

fn join(minutes: u32, counter: u32) -> u32 {
    minutes << 8 | counter
}
