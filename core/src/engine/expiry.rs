//! Active expiry: keys that nobody asks for are removed too, soon after their time.
//!
//! Every event gives a little time to it, and the node asks to be woken for the next key that is
//! due, so that an event `expired` comes within a millisecond or so instead of when chance finds
//! the key, as in Redis. Expiries follow the wall clock, wake-ups the monotonic one; because the
//! former may jump, no wake-up is further away than [`limits::EXPIRY_WAKE_MS_MAX`].

use super::{Class, Engine};
use crate::base::limits;
use crate::base::time::{Monotonic, Time};
use crate::ds::Hash;
use crate::store::Db;

/// Finding a hash of which a field is due, and removing the hash if it was the last, takes as long as
/// removing so many fields.
const FIELDS_PER_HASH: usize = 3;

/// How far active expiry has come.
#[derive(Debug)]
pub struct Cycle {
    /// When it last looked.
    looked: Time,
    /// It stopped at its bound, with keys left that are due.
    is_behind: bool,
    /// The database to begin with.
    next_db: usize,
}

impl Cycle {
    /// Before the first look.
    pub fn new(now: Time) -> Self {
        Self { looked: now, is_behind: false, next_db: 0 }
    }
}

/// Names of fields that have expired, if anyone wants to know.
struct Names(Option<Vec<Box<[u8]>>>);

impl Names {
    fn new(engine: &Engine) -> Self {
        Self(engine.propagates().then(Vec::new))
    }

    fn add(&mut self, name: &[u8]) {
        if let Some(names) = &mut self.0 {
            names.push(name.into());
        }
    }
}

/// A time before which nothing in `db` expires, neither key nor field.
fn due_ms(db: &Db) -> Option<i64> {
    db.next_due_ms().into_iter().chain(db.next_field_due_ms()).min()
}

impl Engine {
    /// Removes keys that have expired, [`limits::EXPIRED_PER_WAKE_MAX`] at most, from all databases
    /// in turn. Costs O(databases + keys removed).
    pub fn expire_due(&mut self, now: Time) {
        let now_ms = now.unix_ms();
        let is_new_ms = now_ms != self.expiry.looked.unix_ms();
        self.expiry.looked = now;
        if !self.is_expiring() || !(is_new_ms || self.expiry.is_behind) {
            return;
        }
        let is_due = |db: &Db| due_ms(db).is_some_and(|due| due < now_ms);
        if !self.shard.dbs.iter().any(is_due) {
            self.expiry.is_behind = false;
            return;
        }
        let aside = self.stopwatch.step_aside();
        self.expire_all_due(now_ms);
        let ns = self.stopwatch.step_back(aside);
        self.note_latency("expire-cycle", ns / 1000);
        if self.shard.waiters.has_ready() {
            self.serve_ready(now);
        }
    }

    fn expire_all_due(&mut self, now_ms: i64) {
        let count = self.shard.dbs.len();
        let first = self.expiry.next_db;
        let mut left = limits::EXPIRED_PER_WAKE_MAX;
        for index in (first..count).chain(0..first) {
            let Some(db) = self.shard.dbs.get_mut(index) else { break };
            if due_ms(db).is_none_or(|due| due >= now_ms) {
                continue;
            }
            let mut keys: Vec<Box<[u8]>> = Vec::new();
            left -= db.take_due(now_ms, left, |key| keys.push(key.into())).min(left);
            for key in keys {
                self.has_expired(index, &key);
            }
            while left > 0
                && let Some(taken) = self.expire_fields(now_ms, index, left)
            {
                left -= (taken + FIELDS_PER_HASH).min(left);
            }
            if left == 0 {
                self.expiry.next_db = (index + 1) % count;
                break;
            }
        }
        self.expiry.is_behind = left == 0;
    }

    /// Removes fields of a hash that have expired, `max` at most; returns how many there were, `None`
    /// if none is due in database `db`.
    fn expire_fields(&mut self, now_ms: i64, db: usize, max: usize) -> Option<usize> {
        let mut names = Names::new(self);
        let db_mut = self.shard.dbs.get_mut(db)?;
        let (key, taken, emptied) = db_mut.take_due_fields(now_ms, max, |name| names.add(name))?;
        self.propagate_fields(db, &key, &names);
        self.fields_expired(db, &key, taken, emptied);
        Some(taken)
    }

    /// Removes fields of the hash at `key` that have expired, as
    /// [`Engine::expire_lazily`](Self::expire_lazily) does keys;
    /// [`limits::EXPIRED_PER_WAKE_MAX`] at most.
    pub fn expire_fields_lazily(&mut self, now_ms: i64, db: usize, key: &[u8]) {
        if !self.is_expiring() {
            return;
        }
        let mut names = Names::new(self);
        let changed = self.shard.db_mut(db).change_hash(key, |hash| {
            let max = limits::EXPIRED_PER_WAKE_MAX;
            let taken = hash.take_due(now_ms, max, |name| names.add(name));
            (taken, hash.is_empty())
        });
        if let Some((taken, emptied)) = changed {
            self.shard.db_mut(db).index_fields(key);
            self.propagate_fields(db, key, &names);
            self.fields_expired(db, key, taken, emptied);
        }
    }

    /// Removes those of `names` from the hash at `key` that have expired.
    pub fn expire_named_fields<'n>(
        &mut self,
        now_ms: i64,
        db: usize,
        key: &[u8],
        names: impl Iterator<Item = &'n [u8]>,
    ) {
        let mut over = Names::new(self);
        let changed = self.shard.db_mut(db).change_hash(key, |hash| {
            let has_expired = |hash: &Hash, name: &[u8]| {
                hash.view().get(name).is_some_and(|field| !field.is_live(now_ms))
            };
            let mut taken = 0;
            for name in names {
                if has_expired(hash, name) {
                    hash.remove(name);
                    over.add(name);
                    taken += 1;
                }
            }
            (taken, hash.is_empty())
        });
        let Some((taken, emptied)) = changed else { return };
        self.shard.db_mut(db).index_fields(key);
        self.propagate_fields(db, key, &over);
        self.fields_expired(db, key, taken, emptied);
    }

    /// Records that fields have expired.
    fn propagate_fields(&mut self, db: usize, key: &[u8], names: &Names) {
        let names = names.0.iter().flatten().map(|name| &**name);
        let words: Vec<&[u8]> = [b"HDEL", key].into_iter().chain(names).collect();
        if words.len() > 2 {
            self.propagate(db, &words);
        }
    }

    /// Tells of fields that were removed because they have expired, and removes the key if the hash
    /// was `emptied`.
    fn fields_expired(&mut self, db: usize, key: &[u8], count: usize, emptied: bool) {
        if count == 0 {
            return;
        }
        self.stats.expired_subkeys += count as u64;
        self.touched(db, key);
        self.notify(Class::Hash, "hexpired", db, key);
        if emptied {
            self.shard.db_mut(db).delete(key);
            self.notify(Class::Generic, "del", db, key);
        }
    }

    /// When [`Engine::expire_due`] should be called at the latest.
    pub fn next_expiry(&self) -> Option<Monotonic> {
        if !self.is_expiring() {
            return None;
        }
        let looked = self.expiry.looked;
        if self.expiry.is_behind {
            return Some(looked.mono);
        }
        let due_ms = self.shard.dbs.iter().filter_map(due_ms).min()?;
        // A key that expires at a millisecond is gone once that millisecond is over.
        let wait_us = due_ms.saturating_add(1).saturating_mul(1000).saturating_sub(looked.unix_us);
        let wait_us = wait_us.clamp(1000, limits::EXPIRY_WAKE_MS_MAX * 1000);
        Some(looked.mono + wait_us.unsigned_abs())
    }

    /// Whether expired keys are removed by themselves now.
    fn is_expiring(&self) -> bool {
        self.active_expire && self.pause.until.is_none() && !self.saving.is_loading()
    }
}
