//! Hash maps by key, whose hash function is as secret as the keyspace's.
//!
//! Clients choose keys freely, also those they watch and wait for; were the hash function known,
//! they could choose them so that they all fall into one place.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::Equivalent;
use siphasher::sip::SipHasher13;

use super::{DbKey, HashKey};

/// A map from keys of databases. Its order depends only on the hash key and on what was done.
pub(super) type KeyMap<V> = hashbrown::HashMap<DbKey, V, Keyed>;

/// Makes the hash function of this key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed(pub(super) HashKey);

/// A [`DbKey`] to look up with, without a copy of the key.
pub(super) struct BorrowedKey<'a>(pub(super) usize, pub(super) &'a [u8]);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0[0], self.0[1])
    }
}

impl Hash for BorrowedKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0, self.1).hash(state);
    }
}

impl Equivalent<DbKey> for BorrowedKey<'_> {
    fn equivalent(&self, key: &DbKey) -> bool {
        self.0 == key.0 && *self.1 == *key.1
    }
}
