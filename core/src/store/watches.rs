//! Watched keys: optimistic locking for transactions.
//!
//! A key that at least one session watches has a version here, which every change raises. WATCH
//! remembers the version, EXEC compares. A session is never searched for, and a key that nobody
//! watches costs one look into an empty map.

use super::keyed::{BorrowedKey, KeyMap, Keyed};
use super::{DbKey, HashKey};

/// Versions of the keys that are watched.
#[derive(Debug)]
pub struct Watches {
    keys: KeyMap<Watched>,
    changes: u64,
}

#[derive(Debug)]
struct Watched {
    sessions: usize,
    version: u64,
}

impl Watches {
    /// Nothing is watched.
    pub fn new(hash_key: HashKey) -> Self {
        Self { keys: KeyMap::with_hasher(Keyed(hash_key)), changes: 0 }
    }

    /// Takes everything out, to be put back: for changes that must look at the rest of the engine.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let empty = Self { keys: KeyMap::with_hasher(*self.keys.hasher()), changes: self.changes };
        std::mem::replace(self, empty)
    }

    /// Whether nothing is watched.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Number of keys that are watched.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Begins to watch `key` for one session more; returns its version now.
    pub fn watch(&mut self, key: DbKey) -> u64 {
        let version = self.changes;
        let watched = self.keys.entry(key).or_insert(Watched { sessions: 0, version });
        watched.sessions += 1;
        watched.version
    }

    /// Ends to watch `key` for one session.
    pub fn unwatch(&mut self, db: usize, key: &[u8]) {
        let key = BorrowedKey(db, key);
        if let Some(watched) = self.keys.get_mut(&key) {
            watched.sessions -= 1;
            if watched.sessions == 0 {
                self.keys.remove(&key);
            }
        }
    }

    /// The version of a key that is watched.
    pub fn version(&self, db: usize, key: &[u8]) -> Option<u64> {
        self.keys.get(&BorrowedKey(db, key)).map(|watched| watched.version)
    }

    /// `key` of database `db` has changed.
    pub fn changed(&mut self, db: usize, key: &[u8]) {
        if self.keys.is_empty() {
            return;
        }
        self.changes += 1;
        if let Some(watched) = self.keys.get_mut(&BorrowedKey(db, key)) {
            watched.version = self.changes;
        }
    }

    /// Every watched key for which `changed` holds has changed: a database was emptied or swapped.
    pub fn changed_where(&mut self, mut changed: impl FnMut(usize, &[u8]) -> bool) {
        self.changes += 1;
        for ((db, key), watched) in &mut self.keys {
            if changed(*db, key) {
                watched.version = self.changes;
            }
        }
    }
}
