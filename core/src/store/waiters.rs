//! Clients that wait for keys, in the order they came.
//!
//! A key that changes while someone waits for it becomes *ready*; once the command that changed it
//! is done, the engine lets its waiters try again, the one that has waited longest first.

use std::collections::VecDeque;

use super::DbKey;
use crate::base::Map;

/// Who waits for which key. Sessions are known by their id.
#[derive(Debug, Default)]
pub struct Waiters {
    queues: Map<DbKey, VecDeque<u64>>,
    ready: VecDeque<DbKey>,
}

impl Waiters {
    /// Session `id` begins to wait for `key`, behind those that wait already.
    pub fn add(&mut self, key: DbKey, id: u64) {
        let queue = self.queues.entry(key).or_default();
        if !queue.contains(&id) {
            queue.push_back(id);
        }
    }

    /// Session `id` waits for `key` no longer. Costs O(sessions waiting for it).
    pub fn remove(&mut self, key: &DbKey, id: u64) {
        if let Some(queue) = self.queues.get_mut(key) {
            queue.retain(|&waiting| waiting != id);
            if queue.is_empty() {
                self.queues.remove(key);
            }
        }
    }

    /// The sessions that wait for `key`, longest first.
    pub fn of(&self, key: &DbKey) -> Vec<u64> {
        self.queues.get(key).map(|queue| queue.iter().copied().collect()).unwrap_or_default()
    }

    /// Number of keys that are waited for.
    pub fn len(&self) -> usize {
        self.queues.len()
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// `key` of database `db` has changed: it is ready if someone waits for it.
    #[inline]
    pub fn changed(&mut self, db: usize, key: &[u8]) {
        if self.queues.is_empty() {
            return;
        }
        let key: DbKey = (db, key.into());
        if self.queues.contains_key(&key) && !self.ready.contains(&key) {
            self.ready.push_back(key);
        }
    }

    /// Every key of database `db` that is waited for is ready: what the database holds is another.
    pub fn changed_all(&mut self, db: usize) {
        let keys: Vec<DbKey> = self.queues.keys().filter(|key| key.0 == db).cloned().collect();
        for key in keys {
            if !self.ready.contains(&key) {
                self.ready.push_back(key);
            }
        }
    }

    /// The next ready key.
    pub fn take_ready(&mut self) -> Option<DbKey> {
        self.ready.pop_front()
    }

    /// Whether some key is ready.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }
}
