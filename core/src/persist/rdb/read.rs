//! Reading snapshots: all of one, or the place and the reason why not.

use std::fmt;

use super::{VERSION_MAX, VERSION_VALKEY, container, kind, opcode, special};
use crate::base::crc::crc64;
use crate::base::num::{self, Digits};
use crate::ds::hash::{self, Expiry};
use crate::ds::quicklist::{Limits, OwnedNode, QuickList, Side};
use crate::ds::{Hash, IntSet, Listpack, Set, SortedSet, set, zset};
use crate::persist::lzf;
use crate::store::Value;

/// Bytes behind the end mark: the checksum.
const CHECKSUM_BYTES: usize = 8;
/// The first version that ends with a checksum.
const VERSION_WITH_CHECKSUM: u32 = 5;

/// Takes what a snapshot holds.
pub trait Dataset {
    /// A key of database `db`; the expiry is in milliseconds since 1970. An error says that there
    /// is no such database.
    fn add(
        &mut self,
        db: u64,
        key: &[u8],
        value: Value,
        expires_ms: Option<i64>,
    ) -> Result<(), Reason>;

    /// As [`Dataset::add`], for a string.
    fn add_str(
        &mut self,
        db: u64,
        key: &[u8],
        bytes: &[u8],
        expires_ms: Option<i64>,
    ) -> Result<(), Reason>;
}

/// How collections are kept that are read.
#[derive(Clone, Copy, Debug)]
pub struct Forms {
    /// Lists.
    pub list: Limits,
    /// Sets.
    pub set: set::Limits,
    /// Sorted sets.
    pub zset: zset::Limits,
    /// Hashes.
    pub hash: hash::Limits,
}

/// Why a file cannot be read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Offset of the record, in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It does not begin like a snapshot.
    Magic,
    /// A version this program does not know.
    Version(u32),
    /// It ends in the middle of something.
    Truncated,
    /// The checksum is another.
    Checksum,
    /// A length that cannot be, or a string that does not decompress.
    String,
    /// A list whose inner structure is broken.
    List,
    /// A set whose inner structure is broken, or that holds a member twice.
    Set,
    /// A sorted set whose inner structure is broken.
    SortedSet,
    /// A stream whose inner structure is broken.
    Stream,
    /// A hash whose inner structure is broken, or that holds a field twice.
    Hash,
    /// A key without anything in it.
    Empty,
    /// The same key twice.
    Duplicate,
    /// A database that the settings do not provide.
    Database(u64),
    /// A type of value this program cannot hold yet, or never heard of.
    Kind(u8),
    /// Data of a module.
    Module,
    /// A library of functions, which this program cannot run yet.
    Function,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at offset {}: ", self.offset)?;
        match self.reason {
            Reason::Magic => f.write_str("this is no snapshot (it does not begin with REDIS)"),
            Reason::Version(version) => write!(f, "RDB version {version} is not known"),
            Reason::Truncated => f.write_str("the file ends too early"),
            Reason::Checksum => f.write_str("the checksum does not fit"),
            Reason::String => f.write_str("a broken string"),
            Reason::List => f.write_str("a broken list"),
            Reason::Set => f.write_str("a broken set"),
            Reason::SortedSet => f.write_str("a broken sorted set"),
            Reason::Stream => f.write_str("a broken stream"),
            Reason::Hash => f.write_str("a broken hash"),
            Reason::Empty => f.write_str("a key without anything in it"),
            Reason::Duplicate => f.write_str("a key that was there already"),
            Reason::Database(db) => write!(f, "there is no database {db} (see `databases`)"),
            Reason::Kind(kind) => write!(f, "values of type {kind} are not supported"),
            Reason::Module => f.write_str("data of a module"),
            Reason::Function => f.write_str("a library of functions is not supported"),
        }
    }
}

/// Reads the snapshot `bytes` into `dataset`. On an error some keys may have been added already.
/// `forms` says how collections are kept. Costs O(bytes); no memory is taken on a length's word alone.
pub fn read(bytes: &[u8], forms: Forms, dataset: &mut dyn Dataset) -> Result<(), Problem> {
    let mut reader = Reader { bytes, position: 0, record: 0, forms };
    reader.file(dataset).map_err(|reason| Problem { offset: reader.record, reason })
}

/// Why a payload of DUMP cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undumped {
    /// Its version is not known, or its checksum is another.
    Footer,
    /// Its value is broken.
    Value(Reason),
}

/// The value that `payload`, made by DUMP here or by a Redis or Valkey, holds. What follows the
/// value is not looked at, as in Redis. Costs O(bytes); no memory is taken on a length's word alone.
pub fn undump(payload: &[u8], forms: Forms) -> Result<Value, Undumped> {
    let (rest, crc) = payload.split_last_chunk().ok_or(Undumped::Footer)?;
    let (body, version) = rest.split_last_chunk().ok_or(Undumped::Footer)?;
    let version = u32::from(u16::from_le_bytes(*version));
    let is_known = version <= VERSION_MAX || version == VERSION_VALKEY;
    if !is_known || crc64(0, rest) != u64::from_le_bytes(*crc) {
        return Err(Undumped::Footer);
    }
    let mut reader = Reader { bytes: body, position: 0, record: 0, forms };
    reader.byte().and_then(|kind| reader.value(kind)).map_err(Undumped::Value)
}

/// A list as a value, unless it is empty.
fn list_value(list: QuickList) -> Result<Value, Reason> {
    if list.is_empty() { Err(Reason::Empty) } else { Ok(Value::List(Box::new(list))) }
}

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Where the current record begins.
    record: usize,
    forms: Forms,
}

/// A length, or the form a string has instead of one.
enum Length {
    Plain(u64),
    Special(u8),
}

impl<'a> Reader<'a> {
    fn file(&mut self, dataset: &mut dyn Dataset) -> Result<(), Reason> {
        let version = self.version()?;
        let (mut db, mut expires_ms) = (0, None);
        loop {
            self.record = self.position;
            match self.byte()? {
                opcode::EOF => return self.end(version),
                opcode::SELECT_DB => db = self.length()?,
                opcode::RESIZE_DB => {
                    self.length()?;
                    self.length()?;
                }
                opcode::AUX => {
                    self.string()?;
                    self.string()?;
                }
                opcode::SLOT_INFO => {
                    for _ in 0..3 {
                        self.length()?;
                    }
                }
                opcode::EXPIRE_MS => expires_ms = Some(i64::from_le_bytes(self.array()?)),
                opcode::EXPIRE_S => {
                    let seconds = i32::from_le_bytes(self.array()?);
                    expires_ms = Some(i64::from(seconds) * 1000);
                }
                opcode::FREQ => drop(self.byte()?),
                opcode::IDLE => drop(self.length()?),
                opcode::MODULE_AUX => return Err(Reason::Module),
                opcode::FUNCTION => return Err(Reason::Function),
                kind => self.entry(kind, db, expires_ms.take(), dataset)?,
            }
        }
    }

    fn version(&mut self) -> Result<u32, Reason> {
        let magic = self.take(9).map_err(|_| Reason::Magic)?;
        let digits =
            |digits: &[u8]| std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        let (version, known) = if let Some(version) = magic.strip_prefix(b"REDIS") {
            let version = digits(version).ok_or(Reason::Magic)?;
            (version, (1..=VERSION_MAX).contains(&version))
        } else if let Some(version) = magic.strip_prefix(b"VALKEY") {
            let version = digits(version).ok_or(Reason::Magic)?;
            (version, version == VERSION_VALKEY)
        } else {
            return Err(Reason::Magic);
        };
        if known { Ok(version) } else { Err(Reason::Version(version)) }
    }

    fn end(&mut self, version: u32) -> Result<(), Reason> {
        if version < VERSION_WITH_CHECKSUM {
            return Ok(());
        }
        let end = self.position;
        let expect = u64::from_le_bytes(self.array::<CHECKSUM_BYTES>()?);
        // Zero says that none was made.
        if expect != 0 && crc64(0, self.bytes.get(..end).unwrap_or_default()) != expect {
            return Err(Reason::Checksum);
        }
        Ok(())
    }

    fn entry(
        &mut self,
        kind: u8,
        db: u64,
        expires_ms: Option<i64>,
        dataset: &mut dyn Dataset,
    ) -> Result<(), Reason> {
        let key = self.string()?;
        if kind == kind::STRING {
            let bytes = self.string()?;
            return dataset.add_str(db, &key, &bytes, expires_ms);
        }
        let value = self.value(kind)?;
        dataset.add(db, &key, value, expires_ms)
    }

    /// A value of this type.
    fn value(&mut self, kind: u8) -> Result<Value, Reason> {
        match kind {
            kind::STRING => Ok(Value::of(&self.string()?)),
            kind::LIST => {
                let count = self.length()?;
                let mut list = QuickList::default();
                for _ in 0..count {
                    let element = self.string()?;
                    list.grow(1, element.len(), self.forms.list);
                    list.push(Side::Right, &element, self.forms.list);
                }
                list_value(list)
            }
            kind::LIST_QUICKLIST_2 => {
                let count = self.length()?;
                let mut nodes = Vec::new();
                for _ in 0..count {
                    nodes.push(self.node()?);
                }
                list_value(QuickList::from_nodes(nodes, self.forms.list))
            }
            kind::SET | kind::SET_INTSET | kind::SET_LISTPACK => {
                Ok(Value::Set(Box::new(self.set(kind)?)))
            }
            kind::ZSET | kind::ZSET_2 => zset_value(self.sorted_set(kind)?),
            kind::ZSET_LISTPACK => {
                let pack = Listpack::parse(&self.string()?).map_err(|_| Reason::SortedSet)?;
                let set = SortedSet::from_listpack(pack, &self.forms.zset);
                zset_value(set.map_err(|_| Reason::SortedSet)?)
            }
            kind::STREAM | kind::STREAM_2 | kind::STREAM_3 => {
                Ok(Value::Stream(Box::new(self.stream(kind)?)))
            }
            kind::HASH | kind::HASH_METADATA => {
                Ok(Value::Hash(Box::new(self.hash(kind == kind::HASH_METADATA)?)))
            }
            kind::HASH_LISTPACK | kind::HASH_LISTPACK_EX => {
                let timed = kind == kind::HASH_LISTPACK_EX;
                if timed {
                    // The first expiry, which the listpack tells too.
                    self.array::<8>()?;
                }
                let pack = Listpack::parse(&self.string()?).map_err(|_| Reason::Hash)?;
                if pack.is_empty() {
                    return Err(Reason::Empty);
                }
                let mut hash = Hash::from_listpack(pack, timed).ok_or(Reason::Hash)?;
                hash.fit(self.forms.hash);
                Ok(Value::Hash(Box::new(hash)))
            }
            kind => Err(Reason::Kind(kind)),
        }
    }

    /// The fields of a hash one by one, with their expiries if `timed`.
    fn hash(&mut self, timed: bool) -> Result<Hash, Reason> {
        let first_ms = if timed { i64::from_le_bytes(self.array()?) } else { 0 };
        let count = self.length()?;
        let limits = self.forms.hash;
        let mut hash = Hash::default();
        for _ in 0..count {
            let at = if timed { self.length()? } else { 0 };
            let (name, value) = (self.string()?, self.string()?);
            if !hash.set(&name, &value, Expiry::Clear, limits) {
                return Err(Reason::Hash);
            }
            if at > 0 {
                let after_ms = i64::try_from(at - 1).ok();
                let at_ms = after_ms.and_then(|ms| first_ms.checked_add(ms)).filter(|ms| *ms > 0);
                hash.allow_expiry();
                hash.set_expiry(&name, Some(at_ms.ok_or(Reason::Hash)?));
            }
        }
        if hash.is_empty() { Err(Reason::Empty) } else { Ok(hash) }
    }

    fn set(&mut self, kind: u8) -> Result<Set, Reason> {
        let limits = self.forms.set;
        let mut set = match kind {
            kind::SET_INTSET => Set::Ints(IntSet::parse(&self.string()?).map_err(|_| Reason::Set)?),
            kind::SET_LISTPACK => {
                let pack = Listpack::parse(&self.string()?).map_err(|_| Reason::Set)?;
                let mut seen = Set::default();
                if !pack.iter().all(|member| seen.insert(member, &limits)) {
                    return Err(Reason::Set);
                }
                Set::Pack(pack)
            }
            _ => {
                let count = self.length()?;
                let mut set = Set::default();
                set.expect(usize::try_from(count).unwrap_or(usize::MAX), &limits);
                for _ in 0..count {
                    if !set.add(&self.string()?, &limits) {
                        return Err(Reason::Set);
                    }
                }
                set
            }
        };
        if set.is_empty() {
            return Err(Reason::Empty);
        }
        set.settle(&limits);
        Ok(set)
    }

    /// The members of a sorted set one after the other, each with its score.
    fn sorted_set(&mut self, kind: u8) -> Result<SortedSet, Reason> {
        let mut set = SortedSet::to_fill(&self.forms.zset);
        for _ in 0..self.length()? {
            let member = self.string()?;
            let score = match kind {
                kind::ZSET => self.score_text()?,
                _ => f64::from_le_bytes(self.array()?),
            };
            if score.is_nan() || set.insert(&member, score, &self.forms.zset).is_some() {
                return Err(Reason::SortedSet);
            }
        }
        set.pack(&self.forms.zset);
        Ok(set)
    }

    /// A score as its text, behind a byte for its length or for what has no digits.
    fn score_text(&mut self) -> Result<f64, Reason> {
        match self.byte()? {
            255 => Ok(f64::NEG_INFINITY),
            254 => Ok(f64::INFINITY),
            253 => Err(Reason::SortedSet),
            length => num::parse_f64(self.take(usize::from(length))?).ok_or(Reason::SortedSet),
        }
    }

    fn node(&mut self) -> Result<OwnedNode, Reason> {
        match self.length()? {
            container::PLAIN => Ok(OwnedNode::Plain(self.string()?.into_owned().into())),
            container::PACKED => {
                let pack = Listpack::parse(&self.string()?).map_err(|_| Reason::List)?;
                if pack.is_empty() {
                    return Err(Reason::List);
                }
                Ok(OwnedNode::Packed(pack))
            }
            _ => Err(Reason::List),
        }
    }

    pub(super) fn string(&mut self) -> Result<std::borrow::Cow<'a, [u8]>, Reason> {
        let number = match self.any_length()? {
            Length::Plain(length) => {
                let length = usize::try_from(length).map_err(|_| Reason::Truncated)?;
                return self.take(length).map(Into::into);
            }
            Length::Special(special::INT8) => i64::from(i8::from_le_bytes(self.array()?)),
            Length::Special(special::INT16) => i64::from(i16::from_le_bytes(self.array()?)),
            Length::Special(special::INT32) => i64::from(i32::from_le_bytes(self.array()?)),
            Length::Special(special::LZF) => {
                let compressed = usize::try_from(self.length()?).map_err(|_| Reason::String)?;
                let length = usize::try_from(self.length()?).map_err(|_| Reason::String)?;
                let bytes = lzf::decompress(self.take(compressed)?, length);
                return bytes.map(Into::into).ok_or(Reason::String);
            }
            Length::Special(_) => return Err(Reason::String),
        };
        Ok(Digits::of(number).to_vec().into())
    }

    pub(super) fn length(&mut self) -> Result<u64, Reason> {
        match self.any_length()? {
            Length::Plain(length) => Ok(length),
            Length::Special(_) => Err(Reason::String),
        }
    }

    fn any_length(&mut self) -> Result<Length, Reason> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match (first >> 6, first) {
            (0, _) => Length::Plain(u64::from(low)),
            (1, _) => Length::Plain(u64::from(low) << 8 | u64::from(self.byte()?)),
            (2, 0x80) => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
            (2, 0x81) => Length::Plain(u64::from_be_bytes(self.array()?)),
            (3, _) => Length::Special(low),
            _ => return Err(Reason::String),
        })
    }

    fn byte(&mut self) -> Result<u8, Reason> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        self.take(N)?.try_into().map_err(|_| Reason::Truncated)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Reason> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(Reason::Truncated)?;
        self.position += count;
        Ok(taken)
    }
}

fn zset_value(set: SortedSet) -> Result<Value, Reason> {
    if set.is_empty() { Err(Reason::Empty) } else { Ok(Value::SortedSet(Box::new(set))) }
}
