//! RDB, Redis's snapshot format.
//!
//! A file is a magic word with a version, a row of records, an end mark and a checksum. A record
//! is an opcode with its operands, or the type of a value followed by key and value; what belongs
//! to a key (its expiry, its recency) comes before it. [`write()`] writes version 10 with the
//! encodings that every Redis since 7.0 and every Valkey reads, or the one that is needed to say what
//! newer ones brought: 12 if fields of hashes expire, 13 if producers number what they add to
//! streams, 14 for what was given back to groups of them, and for arrays. [`read()`] reads versions 1 to 14 of Redis and
//! version 80 of Valkey.
//!
//! Where fields of hashes expire, Redis and Valkey have gone apart: Redis writes types 24 and 25 from
//! version 12 on, Valkey 9 type 22 in its own version 80. Each refuses the other's, and Redis 7 knows
//! neither. What is written here is Redis's, because Redis 8 is what this server is like; such a file,
//! and DUMP of such a hash, are not for Valkey. Both are read.
//!
//! (The format has no specification but its implementations; the names here are theirs.)

mod growing;
mod input;
mod read;
mod read_stream;
mod read_value;
mod reason;
mod text;
mod write;
mod write_stream;

pub use read::{Budget, Dataset, Forms, Key, Note, Progress, Reading, Undumped, read, undump};
pub use reason::{Problem, Reason};
pub use write::{Facts, Usage, Writer, dump, version_for, write};

/// The version written.
const VERSION: u16 = 10;
/// The version written if fields of hashes expire, which older ones cannot say.
const VERSION_WITH_FIELD_EXPIRY: u16 = 12;
/// The version that DUMP writes: that of Redis 8.0.
const VERSION_DUMP: u16 = 12;
/// The newest version of Redis that is read.
const VERSION_MAX: u32 = 14;
/// Valkey's own version, with a magic word of its own.
const VERSION_VALKEY: u32 = 80;

/// Records that are not values.
mod opcode {
    /// The first number that is an opcode and no type.
    pub(super) const FIRST: u8 = SLOT_IMPORT;
    /// In Valkey; Redis 8.6 has something else under this number.
    pub(super) const SLOT_IMPORT: u8 = 243;
    pub(super) const SLOT_INFO: u8 = 244;
    pub(super) const FUNCTION: u8 = 245;
    pub(super) const FUNCTION_PRE_GA: u8 = 246;
    pub(super) const MODULE_AUX: u8 = 247;
    pub(super) const IDLE: u8 = 248;
    pub(super) const FREQ: u8 = 249;
    pub(super) const AUX: u8 = 250;
    pub(super) const RESIZE_DB: u8 = 251;
    pub(super) const EXPIRE_MS: u8 = 252;
    pub(super) const EXPIRE_S: u8 = 253;
    pub(super) const SELECT_DB: u8 = 254;
    pub(super) const EOF: u8 = 255;
}

/// Types of values. What is written is said where; the others are older, or newer.
mod kind {
    pub(super) const STRING: u8 = 0;
    pub(super) const LIST: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const ZSET: u8 = 3;
    pub(super) const HASH: u8 = 4;
    pub(super) const ZSET_2: u8 = 5;
    pub(super) const MODULE_PRE_GA: u8 = 6;
    pub(super) const MODULE_2: u8 = 7;
    pub(super) const HASH_ZIPMAP: u8 = 9;
    pub(super) const LIST_ZIPLIST: u8 = 10;
    pub(super) const SET_INTSET: u8 = 11;
    pub(super) const ZSET_ZIPLIST: u8 = 12;
    pub(super) const HASH_ZIPLIST: u8 = 13;
    pub(super) const LIST_QUICKLIST: u8 = 14;
    pub(super) const STREAM: u8 = 15;
    pub(super) const HASH_LISTPACK: u8 = 16;
    pub(super) const ZSET_LISTPACK: u8 = 17;
    pub(super) const LIST_QUICKLIST_2: u8 = 18;
    pub(super) const STREAM_2: u8 = 19;
    pub(super) const SET_LISTPACK: u8 = 20;
    pub(super) const STREAM_3: u8 = 21;
    /// In Valkey.
    pub(super) const HASH_2: u8 = 22;
    /// In pre-releases of Redis 7.4.
    pub(super) const HASH_METADATA_PRE_GA: u8 = 22;
    pub(super) const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
    pub(super) const HASH_METADATA: u8 = 24;
    pub(super) const HASH_LISTPACK_EX: u8 = 25;
    /// With what producers have numbered (Redis 8.6).
    pub(super) const STREAM_4: u8 = 26;
    /// With entries that were given back (Redis 8.8).
    pub(super) const STREAM_5: u8 = 27;
    /// In Redis 8.8.
    pub(super) const ARRAY: u8 = 28;
}

/// How a value of an array is stored.
mod placed {
    pub(super) const STRING: u64 = 0;
    pub(super) const INTEGER: u64 = 1;
    pub(super) const DOUBLE: u64 = 2;
    /// A string that Redis keeps in the place of a pointer.
    pub(super) const SHORT: u64 = 3;
    pub(super) const SHORT_BYTES_MAX: usize = 7;
}

/// How a node of a quicklist is stored.
mod container {
    pub(super) const PLAIN: u64 = 1;
    pub(super) const PACKED: u64 = 2;
}

/// Strings in another form, behind a length byte whose two upper bits are set.
mod special {
    pub(super) const INT8: u8 = 0;
    pub(super) const INT16: u8 = 1;
    pub(super) const INT32: u8 = 2;
    pub(super) const LZF: u8 = 3;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crc::crc64;
    use crate::base::rng::{Rng, Seed};
    use crate::ds::hash::{self, Expiry};
    use crate::ds::quicklist::{Limits, Side};
    use crate::ds::{Hash, QuickList, Set, set, zset};
    use crate::store::Value;

    const ZSET: zset::Limits =
        zset::Limits { entries_max: 8, member_bytes_max: 8, hash_key: [1, 2] };
    const SET: set::Limits =
        set::Limits { intset_entries: 8, listpack_entries: 4, listpack_value: 8, hash_key: [1, 2] };

    const HASH: hash::Limits = hash::Limits { entries: 4, value: 8, hash_key: [1, 2] };

    pub(super) fn forms() -> Forms {
        Forms {
            list: Limits { fill: 4, plain_from: Some(50) },
            set: SET,
            zset: ZSET,
            hash: HASH,
            array_slice_places: 4096,
            any_version: false,
            checked: true,
        }
    }

    fn values() -> Vec<Value> {
        let mut list = QuickList::default();
        let mut sets = [Set::default(), Set::default(), Set::default()];
        for number in 0..7 {
            let word = format!("word {number} {}", "x".repeat(number * 10));
            list.grow(1, word.len(), forms().list);
            list.push(Side::Right, word.as_bytes(), forms().list);
            sets[0].add(number.to_string().as_bytes(), &SET);
            sets[1].add(format!("w{}", number % 3).as_bytes(), &SET);
            sets[2].add(word.as_bytes(), &SET);
        }
        let mut hashes = [(); 4].map(|()| Hash::default());
        for (number, hash) in hashes.iter_mut().enumerate() {
            for field in 0..if number % 2 == 0 { 3 } else { 8 } {
                let name = format!("f{field}");
                hash.set(name.as_bytes(), b"value", Expiry::Clear, HASH);
                if number > 1 {
                    hash.allow_expiry();
                    hash.set_expiry(name.as_bytes(), (field != 1).then_some(1000 + field));
                }
            }
        }
        let hashes = hashes.into_iter().map(|hash| Value::Hash(Box::new(hash)));
        let sets = sets.into_iter().map(|set| Value::Set(Box::new(set)));
        let others = [Value::Int(70_000), Value::Str(vec![b'a'; 100]), Value::List(Box::new(list))];
        others.into_iter().chain(sets).chain(hashes).collect()
    }

    #[test]
    fn a_dump_is_undumped_the_same() {
        for value in values() {
            for compress in [false, true] {
                let bytes = dump(value.view(), compress);
                let back = undump(&bytes, forms()).unwrap();
                assert_eq!(back.view().encoding(), value.view().encoding());
                assert_eq!(dump(back.view(), compress).len(), bytes.len());
            }
        }
    }

    #[test]
    fn mutated_dumps_do_no_harm() {
        let mut rng = Rng::new(Seed::of(1));
        for value in values() {
            let good = dump(value.view(), true);
            for _ in 0..if cfg!(miri) { 10 } else { 2000 } {
                let mut bytes = good[..good.len() - 8].to_vec();
                for _ in 0..=rng.below(3) {
                    let place = rng.below(bytes.len() as u64 - 2) as usize;
                    match rng.below(3) {
                        0 => bytes[place] = rng.next_u64() as u8,
                        1 => bytes[place] ^= 1 << rng.below(8),
                        _ => drop(bytes.drain(place..place + 1)),
                    }
                }
                let crc = crc64(0, &bytes);
                bytes.extend(crc.to_le_bytes());
                if let Ok(value) = undump(&bytes, forms()) {
                    assert!(undump(&dump(value.view(), true), forms()).is_ok());
                }
            }
        }
    }
}
