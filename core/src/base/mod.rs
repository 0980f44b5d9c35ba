//! What every other layer stands on: time, chance, numbers, patterns, checksums, limits, errors.
//!
//! Nothing here knows of keys, clients or commands.

pub mod crc;
pub mod error;
pub mod glob;
pub mod histogram;
pub mod limits;
pub mod num;
pub mod order;
pub mod ordered;
pub mod prefetch;
pub mod regex;
pub mod rng;
pub mod sha1;
pub mod shared;
pub mod time;

pub use error::Error;

/// A hash map whose iteration order depends only on what was put in and in which order: the hasher
/// has no random state. For keys that a client chooses freely, use the keyed tables of `store`.
pub type Map<K, V> = hashbrown::HashMap<K, V, StableHasher>;

/// The set that belongs to [`Map`].
pub type Set<K> = hashbrown::HashSet<K, StableHasher>;

/// SipHash-1-3 under a fixed key: the same order in every run, and good enough for maps that hold
/// what one client or one administrator names.
#[derive(Clone, Copy, Debug, Default)]
pub struct StableHasher;

impl std::hash::BuildHasher for StableHasher {
    type Hasher = siphasher::sip::SipHasher13;

    fn build_hasher(&self) -> Self::Hasher {
        siphasher::sip::SipHasher13::new()
    }
}
