//! Writing snapshots, piece by piece.
//!
//! A [`Writer`] is given what a snapshot holds in the order in which it stands in the file: the
//! head with [`Writer::new`], libraries, then each database with its entries, then the end. The
//! bytes can be taken away at any moment, so that a snapshot needs no more memory than what has
//! not been taken yet; the checksum runs along.

use super::write_stream::form_of;
use super::{
    VERSION, VERSION_DUMP, VERSION_WITH_FIELD_EXPIRY, container, kind, opcode, placed, special,
};
use crate::base::crc::crc64;
use crate::base::num;
use crate::ds::hash::HashRef;
use crate::ds::quicklist::NodeRef;
use crate::ds::{Array, Element, QuickList, Set, SortedSet};
use crate::persist::lzf::Compressor;
use crate::persist::pieces::WHOLE_BYTES_MAX;
use crate::store::{Db, ValueRef};

/// Shorter strings are not worth compressing, in bytes.
const COMPRESS_FROM: usize = 21;

/// To compress longer ones takes too long for one event. Those that come in blocks are not compressed
/// anyway.
const COMPRESS_TO: usize = WHOLE_BYTES_MAX;

/// Memory kept to compress the next string into, in bytes.
const SCRATCH_KEPT_BYTES: usize = 64 * 1024;

/// What the head of a file says about where it comes from, and how the file is written.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The version of Redis that it is compatible with.
    pub redis_version: &'a str,
    /// When it was written, in seconds since 1970.
    pub created_s: i64,
    /// Memory in use then, in bytes.
    pub used_memory: u64,
    /// Whether it is the base of an append-only file.
    pub is_aof_base: bool,
    /// The version of the format; see [`version_for`].
    pub version: u16,
    /// Whether strings are compressed (`rdbcompression`).
    pub compress: bool,
    /// Whether the file ends with its checksum (`rdbchecksum`).
    pub checksum: bool,
}

/// How recently or how often a key was used, as far as it is to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// It is not written.
    #[default]
    Unknown,
    /// For so many seconds not.
    Idle(u64),
    /// So often that the counter of uses has come to this.
    Frequency(u8),
}

/// The snapshot of `dbs` and of `libraries` of functions; `usage` says from a key's access bits what
/// is written of its use. Costs O(data) in time and memory.
pub fn write(
    dbs: &[Db],
    libraries: &[Box<[u8]>],
    facts: Facts<'_>,
    usage: impl Fn(u32) -> Usage,
) -> Vec<u8> {
    let mut writer = Writer::new(facts);
    libraries.iter().for_each(|code| writer.library(code));
    for (index, db) in dbs.iter().enumerate().filter(|(_, db)| !db.is_empty()) {
        writer.database(index, db.len(), db.expiring_len());
        db.each(|key, found| {
            writer.entry(key, found.value, found.expires_ms, usage(found.access));
        });
    }
    writer.finish()
}

/// The version that a snapshot of `dbs` is written in.
pub fn version_for(dbs: &[Db]) -> u16 {
    let fields = |db: &Db| db.next_field_due_ms().map_or(0, |_| VERSION_WITH_FIELD_EXPIRY);
    dbs.iter().map(|db| fields(db).max(db.rdb_version())).fold(VERSION, u16::max)
}

/// What DUMP replies: `value` alone, followed by the version and a checksum. Other than in a
/// snapshot, it is in the form of Redis 8. Costs O(data).
pub fn dump(value: ValueRef<'_>, compress: bool) -> Vec<u8> {
    let mut writer = Writer::bare(compress);
    if let ValueRef::Set(Set::Pack(pack)) = value {
        writer.bytes.push(kind::SET_LISTPACK);
        writer.string(pack.as_bytes());
    } else if let ValueRef::Stream(stream) = value {
        let form = form_of(stream, kind::STREAM_3);
        writer.bytes.push(form);
        writer.stream(stream, form);
    } else {
        writer.bytes.push(kind_of(value));
        writer.value(value);
    }
    let version = VERSION_DUMP.max(value.rdb_version());
    writer.bytes.extend(version.to_le_bytes());
    let crc = crc64(0, &writer.bytes);
    writer.bytes.extend(crc.to_le_bytes());
    writer.bytes
}

/// The type of `value` in a snapshot. Version 10 has none for a set that is a listpack.
fn kind_of(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Int(_) | ValueRef::Str { .. } => kind::STRING,
        ValueRef::List(_) => kind::LIST_QUICKLIST_2,
        ValueRef::Stream(stream) => form_of(stream, kind::STREAM_2),
        ValueRef::Set(Set::Ints(_)) => kind::SET_INTSET,
        ValueRef::Set(_) => kind::SET,
        ValueRef::SortedSet(set) if set.as_listpack().is_some() => kind::ZSET_LISTPACK,
        ValueRef::SortedSet(_) => kind::ZSET_2,
        ValueRef::Hash(hash) => hash_kind_of(hash),
        ValueRef::Array(_) => kind::ARRAY,
    }
}

/// The type of a hash: the newer ones only if a field expires.
fn hash_kind_of(hash: HashRef<'_>) -> u8 {
    match (hash.as_listpack(), hash.expiring_len() > 0) {
        (Some((_, false)), _) => kind::HASH_LISTPACK,
        (Some((_, true)), true) => kind::HASH_LISTPACK_EX,
        (None, true) => kind::HASH_METADATA,
        (_, false) => kind::HASH,
    }
}

/// A snapshot that is being written.
pub struct Writer {
    /// What was not taken yet.
    pub(super) bytes: Vec<u8>,
    /// The checksum of what was taken, if one is asked for.
    sum: Option<u64>,
    compress: bool,
    /// Made when there is something to compress.
    compressor: Option<Compressor>,
    /// Where strings are compressed into.
    scratch: Vec<u8>,
}

/// The records.
impl Writer {
    /// A snapshot with its head.
    pub fn new(facts: Facts<'_>) -> Self {
        let mut writer = Self::bare(facts.compress);
        writer.sum = facts.checksum.then_some(0);
        writer.bytes.extend(format!("REDIS{:04}", facts.version).bytes());
        writer.aux("redis-ver", facts.redis_version.as_bytes());
        writer.aux("redis-bits", b"64");
        writer.aux("ctime", &num::Digits::of(facts.created_s));
        writer.aux("used-mem", &num::Digits::of_u64(facts.used_memory));
        writer.aux("aof-base", if facts.is_aof_base { b"1" } else { b"0" });
        writer
    }

    /// Records without a head, to be [added](Self::append) to a snapshot.
    pub fn bare(compress: bool) -> Self {
        Self { bytes: Vec::new(), sum: None, compress, compressor: None, scratch: Vec::new() }
    }

    /// A field of the head.
    pub fn aux(&mut self, name: &str, value: &[u8]) {
        self.bytes.push(opcode::AUX);
        self.string(name.as_bytes());
        self.string(value);
    }

    /// A library of functions: its code. Libraries come before the first database.
    pub fn library(&mut self, code: &[u8]) {
        self.bytes.push(opcode::FUNCTION);
        self.string(code);
    }

    /// The entries that follow are those of database `index`, so many of which expire.
    pub fn database(&mut self, index: usize, entries: usize, expiring: usize) {
        self.bytes.push(opcode::SELECT_DB);
        self.length(index as u64);
        self.bytes.push(opcode::RESIZE_DB);
        self.length(entries as u64);
        self.length(expiring as u64);
    }

    /// A key and its value. Costs O(value).
    pub fn entry(
        &mut self,
        key: &[u8],
        value: ValueRef<'_>,
        expires_ms: Option<i64>,
        usage: Usage,
    ) {
        self.before_key(expires_ms, usage);
        self.bytes.push(kind_of(value));
        self.string(key);
        self.value(value);
    }

    /// What belongs to a key and comes before it.
    pub(super) fn before_key(&mut self, expires_ms: Option<i64>, usage: Usage) {
        if let Some(expires_ms) = expires_ms {
            self.bytes.push(opcode::EXPIRE_MS);
            self.bytes.extend(expires_ms.to_le_bytes());
        }
        match usage {
            Usage::Unknown => {}
            Usage::Idle(seconds) => {
                self.bytes.push(opcode::IDLE);
                self.length(seconds);
            }
            Usage::Frequency(counter) => self.bytes.extend([opcode::FREQ, counter]),
        }
    }

    /// Adds what `other` has written, and takes it away from there.
    pub fn append(&mut self, other: &mut Self) {
        self.bytes.append(&mut other.bytes);
    }

    /// How many bytes have not been taken yet.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all bytes have been taken.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes the bytes written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        if let Some(sum) = &mut self.sum {
            *sum = crc64(*sum, &self.bytes);
        }
        std::mem::take(&mut self.bytes)
    }

    /// Ends the snapshot, and returns what has not been taken of it.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(opcode::EOF);
        let mut last = self.take();
        // Zero says that there is no checksum.
        last.extend(self.sum.unwrap_or(0).to_le_bytes());
        last
    }
}

/// Values and what they are made of.
impl Writer {
    /// A value in the form that [`kind_of`] says.
    fn value(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Int(number) => self.integer(number),
            ValueRef::Str { bytes, .. } => self.string(bytes),
            ValueRef::Set(Set::Ints(ints)) => self.string(ints.as_bytes()),
            ValueRef::Set(set) => {
                self.length(set.len() as u64);
                set.each(|member| member.with_bytes(|bytes| self.string(bytes)));
            }
            ValueRef::Stream(stream) => self.stream(stream, form_of(stream, kind::STREAM_2)),
            ValueRef::Hash(hash) => self.hash(hash),
            ValueRef::List(list) => self.list(list),
            ValueRef::SortedSet(set) => self.sorted_set(set),
            ValueRef::Array(array) => {
                self.array_head(array);
                array.each(0, u64::MAX, false, &mut |place, element| {
                    self.placed(place, element);
                    true
                });
            }
        }
    }

    /// How many values of an array follow, and where the last one was inserted.
    pub(super) fn array_head(&mut self, array: &Array) {
        self.length(array.count());
        self.length(u64::from(array.last_insert.is_some()));
        if let Some(place) = array.last_insert {
            self.length(place);
        }
    }

    /// A value of an array.
    pub(super) fn placed(&mut self, place: u64, element: Element<'_>) {
        self.length(place);
        match element {
            // Redis keeps those that leave it two bits.
            Element::Int(number) if number << 2 >> 2 == number => {
                self.length(placed::INTEGER);
                self.bytes.extend(number.to_le_bytes());
            }
            element => {
                let bytes = element.to_vec();
                let is_short = bytes.len() <= placed::SHORT_BYTES_MAX;
                self.length(if is_short { placed::SHORT } else { placed::STRING });
                self.string(&bytes);
            }
        }
    }

    fn list(&mut self, list: &QuickList) {
        self.length(list.nodes_len() as u64);
        list.nodes().for_each(|node| self.node(node));
    }

    /// A node of a list.
    pub(super) fn node(&mut self, node: NodeRef<'_>) {
        match node {
            NodeRef::Packed(pack) => {
                self.length(container::PACKED);
                self.string(pack.as_bytes());
            }
            NodeRef::Plain(element) => {
                self.length(container::PLAIN);
                self.string(element);
            }
        }
    }

    fn sorted_set(&mut self, set: &SortedSet) {
        if let Some(pack) = set.as_listpack() {
            self.string(pack.as_bytes());
            return;
        }
        self.length(set.len() as u64);
        // From the last to the first: Redis puts each before the others without searching.
        for (member, score) in set.iter_back_from(set.len().saturating_sub(1)) {
            member.with_bytes(|member| self.string(member));
            self.bytes.extend(score.to_le_bytes());
        }
    }

    fn hash(&mut self, hash: HashRef<'_>) {
        let mut first_ms = None;
        hash.each(|field| first_ms = first_ms.into_iter().chain(field.expires_ms).min());
        if let Some(first_ms) = first_ms {
            self.bytes.extend(first_ms.to_le_bytes());
        }
        if let Some((pack, timed)) = hash.as_listpack()
            && timed == first_ms.is_some()
        {
            self.string(pack.as_bytes());
            return;
        }
        self.length(hash.len() as u64);
        hash.each(|field| {
            if let Some(first_ms) = first_ms {
                self.field_expiry(field.expires_ms, first_ms);
            }
            field.name.with_bytes(|name| self.string(name));
            field.value.with_bytes(|value| self.string(value));
        });
    }

    /// When a field expires, where none does before `first_ms`.
    pub(super) fn field_expiry(&mut self, expires_ms: Option<i64>, first_ms: i64) {
        // Counted from the first one, which is 1; 0 is none.
        let at = expires_ms.map_or(0, |at_ms| at_ms - first_ms + 1);
        self.length(at.unsigned_abs());
    }

    /// A length: two bits that say how long it is, then the number.
    pub(super) fn length(&mut self, length: u64) {
        if length < 1 << 6 {
            self.bytes.push(length as u8);
        } else if length < 1 << 14 {
            self.bytes.extend((0x4000 | length as u16).to_be_bytes());
        } else if let Ok(length) = u32::try_from(length) {
            self.bytes.push(0x80);
            self.bytes.extend(length.to_be_bytes());
        } else {
            self.bytes.push(0x81);
            self.bytes.extend(length.to_be_bytes());
        }
    }

    pub(super) fn string(&mut self, bytes: &[u8]) {
        if bytes.len() <= 11
            && let Some(number) = num::parse_i64(bytes)
            && i32::try_from(number).is_ok()
        {
            return self.integer(number);
        }
        let is_worth_it = (COMPRESS_FROM..=COMPRESS_TO).contains(&bytes.len());
        if self.compress && is_worth_it && self.compressed(bytes) {
            return;
        }
        self.length(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes `bytes` compressed, if that makes them shorter; returns whether it did.
    fn compressed(&mut self, bytes: &[u8]) -> bool {
        let mut compressed = std::mem::take(&mut self.scratch);
        compressed.clear();
        let compressor = self.compressor.get_or_insert_default();
        let is_shorter = compressor.compress(bytes, &mut compressed);
        if is_shorter {
            self.bytes.push(0xc0 | special::LZF);
            self.length(compressed.len() as u64);
            self.length(bytes.len() as u64);
            self.bytes.extend_from_slice(&compressed);
        }
        if compressed.capacity() <= SCRATCH_KEPT_BYTES {
            self.scratch = compressed;
        }
        is_shorter
    }

    /// A string that is the digits of a number.
    fn integer(&mut self, number: i64) {
        if let Ok(number) = i8::try_from(number) {
            self.bytes.extend([0xc0 | special::INT8, number as u8]);
        } else if let Ok(number) = i16::try_from(number) {
            self.bytes.push(0xc0 | special::INT16);
            self.bytes.extend(number.to_le_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.bytes.push(0xc0 | special::INT32);
            self.bytes.extend(number.to_le_bytes());
        } else {
            let digits = num::Digits::of(number);
            self.length(digits.len() as u64);
            self.bytes.extend_from_slice(&digits);
        }
    }
}
