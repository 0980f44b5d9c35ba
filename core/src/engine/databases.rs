//! Whole databases: emptied and swapped, with everyone told who watches or waits.

use super::Engine;
use crate::base::limits;
use crate::base::time::Time;

impl Engine {
    /// Removes all keys of database `index`; what they held is freed later. Returns how many there
    /// were. Costs O(keys watched or waited for).
    pub fn flush(&mut self, now: Time, index: usize) -> usize {
        let now_ms = now.unix_ms();
        self.touch_watched(|engine, db, key| db == index && engine.is_live(db, key, now_ms));
        self.shard.waiters.changed_all(index);
        let Some(db) = self.shard.dbs.get_mut(index) else { return 0 };
        let count = db.len();
        db.clear();
        self.dirty += count as u64;
        count
    }

    /// Swaps two databases, which both exist. Costs O(keys watched or waited for).
    pub fn swap_databases(&mut self, now: Time, one: usize, other: usize) {
        self.dirty += 1;
        if one == other {
            return;
        }
        let now_ms = now.unix_ms();
        // A key that is in neither database was not there and is not.
        self.touch_watched(|engine, db, key| {
            (db == one || db == other)
                && (engine.is_live(one, key, now_ms) || engine.is_live(other, key, now_ms))
        });
        self.shard.dbs.swap(one, other);
        self.shard.waiters.changed_all(one);
        self.shard.waiters.changed_all(other);
    }

    /// Frees a little of what was deleted, and asks to be called again soon while something is left.
    #[inline]
    pub fn free_deleted(&mut self, now: Time) {
        if self.next_freeing.is_some() || self.shard.has_dead() {
            self.free_slice(now);
        }
    }

    fn free_slice(&mut self, now: Time) {
        let is_left = self.shard.free_some(limits::FREED_PER_EVENT_MAX);
        self.stats.lazyfreed_objects += self.shard.take_freed();
        self.next_freeing = is_left.then(|| now.mono.plus_ms(1));
    }

    /// Every watched key for which `changed` holds counts as changed. Costs O(keys watched).
    pub fn touch_watched(&mut self, changed: impl Fn(&Self, usize, &[u8]) -> bool) {
        if self.shard.watches.is_empty() {
            return;
        }
        let mut watches = self.shard.watches.take();
        watches.changed_where(|db, key| changed(self, db, key));
        self.shard.watches = watches;
    }
}
