//! The keyspace: what keys hold, when they expire, who watches and who waits for them.
//!
//! A [`Shard`] is everything that belongs to keys: the numbered databases ([`Db`]), the watches of
//! transactions and the queues of blocked clients. It knows nothing of sessions but their ids, so
//! that later several shards can serve one node.
//!
//! A database has two parts: a [hash table](crate::ds::hashtable), in which entries lie side by
//! side, and `objects`, which holds what is too large to lie there. What is
//! deleted and takes long to free waits in a `graveyard`. None of it needs `unsafe`: references
//! between the parts are numbers.

pub mod db;
mod entry;
mod graveyard;
mod hashes;
mod keyed;
pub mod near;
mod objects;
#[cfg(test)]
mod tests;
pub mod value;
pub mod waiters;
pub mod walk;
pub mod watches;

use siphasher::sip::SipHasher13;

pub use crate::ds::hashtable::HashKey;
pub use db::Db;
pub use value::{Text, Type, Value, ValueMut, ValueRef};
pub use waiters::Waiters;
pub use watches::Watches;

/// Everything that belongs to keys.
pub struct Shard {
    /// The numbered databases.
    pub dbs: Vec<Db>,
    /// Keys whose changes transactions want to know of.
    pub watches: Watches,
    /// Clients that wait for keys.
    pub waiters: Waiters,
    hash_key: HashKey,
    hasher: SipHasher13,
}

/// A key together with the number of its database.
pub type DbKey = (usize, Box<[u8]>);

impl Shard {
    /// `count` empty databases.
    pub fn new(count: usize, hash_key: HashKey) -> Self {
        Self {
            dbs: (0..count).map(|_| Db::new(hash_key)).collect(),
            watches: Watches::new(hash_key),
            waiters: Waiters::new(hash_key),
            hash_key,
            hasher: SipHasher13::new_with_keys(hash_key[0], hash_key[1]),
        }
    }

    /// The database with this number, which is one that a client has been allowed to select.
    #[inline]
    pub fn db(&self, number: usize) -> &Db {
        &self.dbs[number]
    }

    /// As [`Shard::db`], to change.
    #[inline]
    pub fn db_mut(&mut self, number: usize) -> &mut Db {
        &mut self.dbs[number]
    }

    /// The hash of a key, the same in all databases.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// The key of the hash function, for tables inside values.
    pub fn hash_key(&self) -> HashKey {
        self.hash_key
    }

    /// As many empty databases as there are, to be filled and put in their place.
    pub fn empty_dbs(&self) -> Vec<Db> {
        self.dbs.iter().map(|_| Db::new(self.hash_key)).collect()
    }

    /// Frees what was deleted and not freed yet, up to about `max` elements of collections.
    /// Returns whether something is left.
    pub fn free_some(&mut self, max: usize) -> bool {
        let mut left = max;
        for db in &mut self.dbs {
            left = db.free_some(left);
            if left == 0 {
                break;
            }
        }
        self.has_dead()
    }

    /// Whether [`Shard::free_some`] has something to do.
    #[inline]
    pub fn has_dead(&self) -> bool {
        self.dbs.iter().any(Db::has_dead)
    }

    /// How many values were freed in slices since this was asked last.
    pub fn take_freed(&mut self) -> u64 {
        self.dbs.iter_mut().map(Db::take_freed).sum()
    }
}
