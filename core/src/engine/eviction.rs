//! Making room: what happens when more memory is in use than `maxmemory` allows.
//!
//! Before every command, and between events while there is too much, keys are removed by
//! `maxmemory-policy` until memory suffices. If none may be removed, commands that add data are
//! refused; the ones that may are flagged so where they are declared.
//!
//! **What is in use** is what the host has measured, moved on by what the databases say of
//! themselves since (see [`Db::tide_bytes`](crate::store::Db::tide_bytes)): a pipeline of a thousand
//! commands is one event, and the host measures between events. Not counted are a snapshot on
//! its way to the disk, which is gone soon, and deleted values that are still being freed.
//!
//! **Which key goes.** For LRU, LFU and LRM (least recently modified), a few random keys are looked at (`maxmemory-samples`) and
//! the best of all those seen are kept in a pool, from which the best is taken, as in Redis; unlike
//! there, one that was used since it was seen is passed over. For `volatile-ttl` the store knows
//! which key expires first, so that no chance is involved.
//!
//! **How much work** one event may do is bounded: so many keys (by `maxmemory-eviction-tenacity`,
//! which in Redis is a time), and beyond that only what makes up for what the event itself has
//! added. What is left to do goes on at the next event, for which the node asks at once; meanwhile
//! commands run, as in Redis.

use super::config::MaxmemoryPolicy;
use super::propagate::Stream;
use super::snapshotting::Making;
use super::{Class, Engine};
use crate::base::limits;
use crate::base::time::{Monotonic, Time};
use crate::store::Db;

/// Keys in the pool.
const POOL_LEN: usize = 16;

/// Keys that one event may remove at least.
const KEYS_PER_EVENT_MIN: usize = 16;

/// Keys that one event may remove, for each step of `maxmemory-eviction-tenacity` up to
/// [`LINEAR_TENACITY_MAX`]. Redis allows 50 microseconds, which are about as many.
const KEYS_PER_TENACITY: usize = 50;

/// Tenacities above this allow 15 % more with each step, as in Redis.
const LINEAR_TENACITY_MAX: u32 = 10;

/// A command that adds much may have so many times more keys removed than an event.
const KEYS_PER_COMMAND_FACTOR: usize = 16;

/// Elements of deleted values that are freed between two looks at the memory.
const FREED_AT_ONCE: usize = 256;

/// Elements that are freed at most for the room of one command.
const FREED_PER_COMMAND_MAX: usize = 32_000;

/// How making room stands.
#[derive(Debug, Default)]
pub struct Eviction {
    /// The last [`tide_bytes`](crate::store::Db::tide_bytes) of each database.
    tides: Vec<u64>,
    /// Their sum.
    tide: u64,
    /// The sum when the host measured last.
    measured_tide: u64,
    /// The sum when the event began.
    event_tide: u64,
    /// Keys removed in this event.
    removed: usize,
    /// Elements of deleted values freed in this event to make room.
    freed: usize,
    /// Keys that were seen and are good to remove, the best last.
    pool: Vec<Candidate>,
    /// What the pool was made for.
    policy: MaxmemoryPolicy,
    /// The database that policies of chance take the next key from.
    next_db: usize,
    /// An event has ended at its bound, with more to remove.
    is_behind: bool,
    /// There was a limit when the settings changed last.
    counts: bool,
    /// Since when there has been too much.
    exceeded_since: Option<Monotonic>,
}

/// A key that is good to remove.
#[derive(Debug)]
struct Candidate {
    /// How good.
    score: u32,
    db: usize,
    key: Box<[u8]>,
    /// Its access bits when it was seen.
    access: u32,
}

/// What an attempt to remove a key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// A key is gone.
    Removed,
    /// No key was found, though there may be some: trying again gets on.
    Undecided,
    /// No key may be removed.
    NoneLeft,
}

impl Eviction {
    /// A database now says this of itself.
    #[inline]
    fn note(&mut self, db: usize, tide: u64) {
        if let Some(known) = self.tides.get_mut(db) {
            self.tide = self.tide.wrapping_add(tide).wrapping_sub(*known);
            *known = tide;
        }
    }

    /// Keeps a key in the pool if it is among the best seen.
    fn offer(&mut self, score: u32, db: usize, key: &[u8], access: u32) {
        if self.pool.len() == POOL_LEN {
            if self.pool[0].score >= score {
                return;
            }
            self.pool.remove(0);
        }
        let place = self.pool.partition_point(|other| other.score < score);
        self.pool.insert(place, Candidate { score, db, key: key.into(), access });
    }
}

/// How much memory there is.
impl Engine {
    /// Bytes that `maxmemory` limits: those in use, or what the data takes if the host cannot tell
    /// them.
    #[inline]
    fn limited_memory(&self) -> u64 {
        if self.measures.is_peak {
            // Not of a fall below what was known, as when collections have grown unseen.
            self.eviction.tide.cast_signed().max(0).unsigned_abs()
        } else {
            self.used_memory()
        }
    }

    /// Bytes in use, as measured and as estimated since.
    pub fn used_memory(&self) -> u64 {
        if self.measures.is_peak {
            return self.measures.used_memory;
        }
        let since = self.eviction.tide.wrapping_sub(self.eviction.measured_tide);
        self.measures.used_memory.saturating_add_signed(since as i64)
    }

    /// Bytes in use that do not count, because they go by themselves: a snapshot on its way to the
    /// disk, and records on their way to the append-only file.
    pub fn uncounted_bytes(&self) -> u64 {
        let snapshot = self.snapshot_under_way().map_or(0, Making::memory_bytes);
        snapshot + self.log_bytes()
    }

    /// Bytes of records on their way to the append-only file.
    pub fn log_bytes(&self) -> u64 {
        self.propagation.log.as_ref().map_or(0, Stream::len) as u64
    }

    /// How long memory has been exceeded: in all, and this time, in microseconds.
    pub fn exceeded_us(&self, now: Time) -> (u64, u64) {
        let current = self.eviction.exceeded_since.map_or(0, |since| now.mono.since_us(since));
        (self.stats.exceeded_us + current, current)
    }

    /// The host has measured. Costs O(databases).
    pub fn has_measured(&mut self) {
        // A host that cannot measure leaves 0: then the data is all there is.
        let is_known = self.measures.used_memory > 0 && !self.measures.is_peak;
        if self.config.maxmemory > 0 && is_known {
            self.note_tides();
            self.eviction.measured_tide = self.eviction.tide;
        }
    }

    /// Settings on memory may have changed: what follows from that happens before the event ends.
    pub fn limits_changed(&mut self) {
        if self.config.maxmemory_clients != 0 {
            self.note_all_client_bytes();
        }
        let counts = self.config.maxmemory > 0;
        if counts && !std::mem::replace(&mut self.eviction.counts, counts) {
            self.has_measured();
            self.note_tides();
            self.eviction.event_tide = self.eviction.tide;
        }
        self.eviction.counts = counts;
    }

    fn note_tides(&mut self) {
        let Self { eviction, shard, .. } = self;
        eviction.tides.resize(shard.dbs.len(), 0);
        for (index, db) in shard.dbs.iter().enumerate() {
            eviction.note(index, db.tide_bytes());
        }
    }

    /// Whether there is too much. Costs O(databases).
    fn is_exceeded(&self) -> bool {
        let max = self.config.maxmemory;
        if self.limited_memory() <= max {
            return false;
        }
        let dead: Option<u64> = self.shard.dbs.iter().map(Db::dead_bytes).sum();
        // Who has emptied a database need not wait until it is freed.
        dead.is_some_and(|dead| {
            self.limited_memory() > max.saturating_add(dead).saturating_add(self.uncounted_bytes())
        })
    }
}

/// Making room.
impl Engine {
    /// Removes keys until there is room, for a client of database `db`, as far as the work allowed to
    /// one event goes. Returns whether memory is short: no key may be removed that would make room.
    #[inline]
    pub fn make_room(&mut self, now: Time, db: usize) -> bool {
        self.eviction.note(db, self.shard.db(db).tide_bytes());
        self.limited_memory() > self.config.maxmemory && self.make_room_by_policy(now)
    }

    /// What is left to do at the end of an event.
    pub fn make_room_between(&mut self, now: Time) {
        if self.config.maxmemory == 0 {
            self.eviction.is_behind = false;
            self.end_exceeding(now);
            return;
        }
        self.note_tides();
        self.make_room_by_policy(now);
        if !self.is_exceeded() {
            self.end_exceeding(now);
        }
        self.eviction.event_tide = self.eviction.tide;
        (self.eviction.removed, self.eviction.freed) = (0, 0);
        if self.shard.waiters.has_ready() {
            self.serve_ready(now);
        }
    }

    /// When [`Engine::make_room_between`] should be called at the latest.
    pub fn next_eviction(&self) -> Option<Monotonic> {
        self.eviction.is_behind.then_some(Monotonic(0))
    }

    fn end_exceeding(&mut self, now: Time) {
        if let Some(since) = self.eviction.exceeded_since.take() {
            self.stats.exceeded_us += now.mono.since_us(since);
        }
    }

    /// Frees what is deleted and still takes memory, as far as the work allowed goes.
    fn free_for_room(&mut self) {
        let mut freed = 0;
        while self.limited_memory() > self.config.maxmemory
            && self.shard.dbs.iter().any(Db::has_dead)
        {
            let has_grown = self.eviction.tide > self.eviction.event_tide;
            let may_more = has_grown && freed < FREED_PER_COMMAND_MAX;
            if self.eviction.freed >= limits::FREED_PER_EVENT_MAX && !may_more {
                break;
            }
            self.shard.free_some(FREED_AT_ONCE);
            self.note_tides();
            freed += FREED_AT_ONCE;
            self.eviction.freed += FREED_AT_ONCE;
        }
    }

    fn make_room_by_policy(&mut self, now: Time) -> bool {
        self.eviction.is_behind = false;
        self.free_for_room();
        // CLIENT PAUSE means that nothing is to change.
        if self.saving.is_loading() || self.pause.until.is_some() || !self.is_exceeded() {
            return false;
        }
        self.eviction.exceeded_since.get_or_insert(now.mono);
        if self.config.maxmemory_policy == MaxmemoryPolicy::Noeviction {
            return true;
        }
        let aside = self.stopwatch.step_aside();
        let is_short = self.evict_some();
        let ns = self.stopwatch.step_back(aside);
        self.note_latency("eviction-cycle", ns / 1000);
        is_short
    }

    /// Removes keys while there is too much; returns whether none may be removed.
    fn evict_some(&mut self) -> bool {
        let per_event = keys_per_event(self.config.maxmemory_eviction_tenacity);
        let per_command = per_event.saturating_mul(KEYS_PER_COMMAND_FACTOR);
        let mut tried = 0;
        while self.is_exceeded() {
            let has_grown = self.eviction.tide > self.eviction.event_tide;
            if self.eviction.removed >= per_event && !(has_grown && tried < per_command) {
                self.eviction.is_behind = true;
                return false;
            }
            tried += 1;
            self.eviction.removed += 1;
            if self.evict_one() == Attempt::NoneLeft {
                return true;
            }
        }
        false
    }

    /// Removes the key that the policy chooses.
    fn evict_one(&mut self) -> Attempt {
        let policy = self.config.maxmemory_policy;
        if policy != self.eviction.policy {
            self.eviction.policy = policy;
            self.eviction.pool.clear();
        }
        match policy {
            MaxmemoryPolicy::AllkeysRandom | MaxmemoryPolicy::VolatileRandom => self.evict_random(),
            MaxmemoryPolicy::VolatileTtl => self.evict_first_to_expire(),
            _ => self.evict_best(),
        }
    }

    /// Removes `key`, and tells everyone.
    fn evict(&mut self, db: usize, key: &[u8]) {
        self.shard.db_mut(db).delete(key);
        self.eviction.note(db, self.shard.db(db).tide_bytes());
        self.stats.evicted_keys += 1;
        if self.propagates() {
            self.propagate_deletion(db, key, self.config.lazyfree_lazy_eviction);
        }
        self.touched(db, key);
        self.notify(Class::Evicted, "evicted", db, key);
    }

    /// Shows `visit` some random keys of database `db` that may be removed, with their access bits.
    /// Returns whether there are any.
    fn draw(
        &mut self,
        db: usize,
        count: usize,
        mut visit: impl FnMut(&mut Eviction, &[u8], u32),
    ) -> bool {
        let Self { shard, rng, eviction, config, .. } = self;
        let Some(db) = shard.dbs.get_mut(db) else { return false };
        if config.maxmemory_policy.is_volatile() {
            db.sample_expiring(rng, count, |key, access| visit(eviction, key, access));
            db.expiring_len() > 0
        } else {
            db.sample(rng, count, |key, access| visit(eviction, key, access));
            !db.is_empty()
        }
    }

    /// Takes a key by chance, from each database in turn.
    fn evict_random(&mut self) -> Attempt {
        let count = self.shard.dbs.len();
        let mut attempt = Attempt::NoneLeft;
        for _ in 0..count {
            let db = self.eviction.next_db % count;
            self.eviction.next_db = db + 1;
            let mut key: Option<Box<[u8]>> = None;
            if self.draw(db, 1, |_, drawn, _| key = Some(drawn.into())) {
                attempt = Attempt::Undecided;
            }
            if let Some(key) = key {
                self.evict(db, &key);
                return Attempt::Removed;
            }
        }
        attempt
    }

    /// Takes the key that expires first, of all databases.
    fn evict_first_to_expire(&mut self) -> Attempt {
        let due_ms = |db: usize| Some((self.shard.db(db).next_due_ms()?, db));
        let Some((_, db)) = (0..self.shard.dbs.len()).filter_map(due_ms).min() else {
            return Attempt::NoneLeft;
        };
        let Some((key, at_ms)) = self.shard.db_mut(db).first_expiring() else {
            return Attempt::Undecided;
        };
        let key: Box<[u8]> = key.into();
        // Until it was looked for, the time was only a bound: another database may be first.
        let others = self.shard.dbs.iter().filter_map(Db::next_due_ms);
        if others.min().is_some_and(|due_ms| due_ms < at_ms) {
            return Attempt::Undecided;
        }
        self.evict(db, &key);
        Attempt::Removed
    }

    /// Takes the best key of the pool, after adding some.
    fn evict_best(&mut self) -> Attempt {
        let (count, judge) = (self.config.maxmemory_samples, self.judge());
        let mut attempt = Attempt::NoneLeft;
        for db in 0..self.shard.dbs.len() {
            let any = self.draw(db, count, |eviction, key, access| {
                eviction.offer(judge.score(access), db, key, access);
            });
            if any {
                attempt = Attempt::Undecided;
            }
        }
        while let Some(best) = self.eviction.pool.pop() {
            let found = self.shard.db(best.db).locate(&best.key);
            let access = found.map(|at| self.shard.db(best.db).access_at(at));
            if access == Some(best.access) {
                self.evict(best.db, &best.key);
                return Attempt::Removed;
            }
        }
        attempt
    }
}

/// How many keys one event may remove.
fn keys_per_event(tenacity: u32) -> usize {
    let linear = KEYS_PER_TENACITY * tenacity.min(LINEAR_TENACITY_MAX) as usize;
    let more = tenacity.saturating_sub(LINEAR_TENACITY_MAX);
    let keys = (0..more).fold(linear, |keys, _| keys.saturating_add(keys / 20 * 3));
    if tenacity >= 100 { usize::MAX } else { keys.max(KEYS_PER_EVENT_MIN) }
}
