//! Clients that wait for keys, in the order they came.
//!
//! A key that changes while someone waits for it becomes *ready*; once the command that changed it
//! is done, the engine lets its waiters try again, the one that has waited longest first.

use std::collections::VecDeque;
use std::ops::Bound;

use super::keyed::{BorrowedKey, KeyMap, Keyed};
use super::{DbKey, HashKey};
use crate::base::ordered::IdMap;

/// Who waits for which key. Sessions are known by their id, and queue by the tickets they have
/// drawn: who has the lower one has waited longer.
#[derive(Debug)]
pub struct Waiters {
    queues: KeyMap<Queue>,
    ready: VecDeque<DbKey>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Ids by ticket.
    ids: IdMap<u64>,
    /// The key is among those that are ready.
    is_ready: bool,
}

impl Waiters {
    /// Nobody waits.
    pub fn new(hash_key: HashKey) -> Self {
        Self { queues: KeyMap::with_hasher(Keyed(hash_key)), ready: VecDeque::new() }
    }

    /// Session `id` begins to wait for `key`, at the place of its ticket. Costs O(log sessions
    /// waiting for it).
    pub fn add(&mut self, key: DbKey, ticket: u64, id: u64) {
        self.queues.entry(key).or_default().ids.insert(ticket, id);
    }

    /// The session with this ticket waits for `key` no longer. Costs as much.
    pub fn remove(&mut self, key: &DbKey, ticket: u64) {
        let Some(queue) = self.queues.get_mut(key) else { return };
        queue.ids.remove(&ticket);
        if queue.ids.is_empty() {
            self.queues.remove(key);
        }
    }

    /// Ticket and id of the session that waits for `key` and comes next behind the ticket `last`.
    pub fn next(&self, key: &DbKey, last: u64) -> Option<(u64, u64)> {
        let mut behind = self.queues.get(key)?.ids.from(Bound::Excluded(&last));
        behind.next().map(|(ticket, &id)| (ticket, id))
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
        if let Some(queue) = self.queues.get_mut(&BorrowedKey(db, key))
            && !std::mem::replace(&mut queue.is_ready, true)
        {
            self.ready.push_back((db, key.into()));
        }
    }

    /// Every key of database `db` that is waited for is ready: what the database holds is another.
    pub fn changed_all(&mut self, db: usize) {
        for (key, queue) in self.queues.iter_mut().filter(|(key, _)| key.0 == db) {
            if !std::mem::replace(&mut queue.is_ready, true) {
                self.ready.push_back(key.clone());
            }
        }
    }

    /// The next ready key.
    pub fn take_ready(&mut self) -> Option<DbKey> {
        let key = self.ready.pop_front()?;
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.is_ready = false;
        }
        Some(key)
    }

    /// Whether some key is ready.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(db: usize, name: &str) -> DbKey {
        (db, name.as_bytes().into())
    }

    #[test]
    fn waiters_keep_their_order() {
        let mut waiters = Waiters::new([1, 2]);
        let all = |waiters: &Waiters| {
            let mut found = Vec::new();
            let mut last = 0;
            while let Some((ticket, id)) = waiters.next(&key(0, "list"), last) {
                found.push(id);
                last = ticket;
            }
            found
        };
        for (ticket, id) in [(1, 3), (1, 3), (4, 1), (6, 2)] {
            waiters.add(key(0, "list"), ticket, id);
        }
        assert_eq!(all(&waiters), [3, 1, 2]);
        waiters.remove(&key(0, "list"), 4);
        waiters.remove(&key(0, "list"), 5);
        assert_eq!(all(&waiters), [3, 2]);
        for ticket in [6, 1] {
            waiters.remove(&key(0, "list"), ticket);
        }
        assert!(waiters.is_empty());
    }

    #[test]
    fn a_key_is_ready_once() {
        let mut waiters = Waiters::new([1, 2]);
        waiters.add(key(0, "a"), 1, 1);
        waiters.add(key(1, "a"), 1, 1);
        waiters.changed(0, b"b");
        assert!(!waiters.has_ready());
        waiters.changed(0, b"a");
        waiters.changed(0, b"a");
        waiters.changed_all(0);
        assert_eq!(waiters.take_ready(), Some(key(0, "a")));
        assert_eq!(waiters.take_ready(), None);
        waiters.changed_all(1);
        waiters.changed(1, b"a");
        assert_eq!(waiters.take_ready(), Some(key(1, "a")));
        assert_eq!(waiters.take_ready(), None);
    }
}
