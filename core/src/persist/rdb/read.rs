//! Reading snapshots: all of one, or the place and the reason why not.

use super::input::{Dialect, Reader};
use super::{Problem, Reason, Usage, VERSION_MAX, VERSION_VALKEY, kind, opcode};
use crate::base::crc::crc64;
use crate::ds::quicklist::Limits;
use crate::ds::{hash, set, zset};
use crate::store::Value;

/// Bytes behind the end mark: the checksum.
const CHECKSUM_BYTES: usize = 8;
/// The first version that ends with a checksum.
const VERSION_WITH_CHECKSUM: u32 = 5;

/// Where a value belongs.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The number of the database.
    pub db: u64,
    /// The key.
    pub name: &'a [u8],
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// How recently or how often it was used.
    pub usage: Usage,
}

/// Takes what a snapshot holds. An error ends the reading.
pub trait Dataset {
    /// A key and its value.
    fn add(&mut self, key: Key<'_>, value: Value) -> Result<(), Reason>;

    /// As [`Dataset::add`], for a string.
    fn add_str(&mut self, key: Key<'_>, bytes: &[u8]) -> Result<(), Reason>;

    /// A library of functions: its code.
    fn library(&mut self, code: &[u8]) -> Result<(), Reason>;

    /// Something that is not kept, or that belongs to no key.
    fn note(&mut self, note: Note<'_>);
}

/// What a snapshot says besides its data, or what was left out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note<'a> {
    /// A field of the head: its name and its value.
    Aux(&'a [u8], &'a [u8]),
    /// A key without anything in it, which is left out. Older versions have written such keys by
    /// mistake, and every Redis skips them.
    EmptyKey(&'a [u8]),
    /// What streams know of the messages that producers have numbered, which is left out: a message
    /// that is sent twice is then stored twice.
    Idempotence,
    /// A migration of slots that had not ended, which is left out.
    SlotImport,
    /// The file has no checksum.
    Unchecked,
}

/// What is read, and how collections are kept that are read.
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
    /// Versions that this program does not know are tried (`rdb-version-check relaxed`).
    pub any_version: bool,
    /// Checksums are compared (`rdbchecksum`, DEBUG SET-SKIP-CHECKSUM-VALIDATION).
    pub checked: bool,
}

/// Reads the snapshot that `bytes` begin with into `dataset`, and returns where it ends. On an
/// error some keys may have been added already. Costs O(bytes); no memory is taken on a length's
/// word alone.
pub fn read(bytes: &[u8], forms: Forms, dataset: &mut dyn Dataset) -> Result<usize, Problem> {
    let mut reader = Reader::new(bytes, forms);
    let result = reader.file(dataset);
    result.map_err(|reason| Problem { offset: reader.record, reason })?;
    Ok(reader.position)
}

/// Why a payload of DUMP cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undumped {
    /// Its version is not known, or its checksum is another.
    Footer,
    /// Its value is broken.
    Value(Problem),
}

/// The value that `payload`, made by DUMP here or by a Redis or Valkey, holds. What follows the
/// value is not looked at, as in Redis. Costs O(bytes); no memory is taken on a length's word alone.
pub fn undump(payload: &[u8], forms: Forms) -> Result<Value, Undumped> {
    let (rest, crc) = payload.split_last_chunk().ok_or(Undumped::Footer)?;
    let (body, version) = rest.split_last_chunk().ok_or(Undumped::Footer)?;
    let version = u32::from(u16::from_le_bytes(*version));
    let is_known = version <= VERSION_MAX || version == VERSION_VALKEY || forms.any_version;
    // Zero is no exception here: a payload always has a checksum.
    if !is_known || forms.checked && crc64(0, rest) != u64::from_le_bytes(*crc) {
        return Err(Undumped::Footer);
    }
    let mut reader = Reader::new(body, forms);
    reader.version = version;
    if version >= VERSION_VALKEY {
        reader.dialect = Dialect::Valkey;
    }
    let result = reader.byte().and_then(|kind| reader.value(kind, &mut |_| {}));
    result.map_err(|reason| Undumped::Value(Problem { offset: reader.position, reason }))
}

impl Reader<'_> {
    fn file(&mut self, dataset: &mut dyn Dataset) -> Result<(), Reason> {
        self.head()?;
        let (mut db, mut expires_ms, mut usage) = (0, None, Usage::Unknown);
        loop {
            self.record = self.position;
            match self.byte()? {
                opcode::EOF => return self.end(dataset),
                opcode::SELECT_DB => db = self.length()?,
                opcode::EXPIRE_MS => expires_ms = Some(self.time_ms()?),
                opcode::EXPIRE_S => {
                    let seconds = i32::from_le_bytes(self.array()?);
                    expires_ms = Some(i64::from(seconds) * 1000);
                }
                opcode::FREQ => usage = Usage::Frequency(self.byte()?),
                opcode::IDLE => usage = Usage::Idle(self.length()?),
                code @ opcode::FIRST.. => self.besides(code, dataset)?,
                kind => {
                    let name = self.string()?;
                    let key = Key { db, name: &name, expires_ms, usage };
                    self.entry(kind, key, dataset)?;
                    (expires_ms, usage) = (None, Usage::Unknown);
                }
            }
        }
    }

    /// A record that belongs to no key.
    fn besides(&mut self, code: u8, dataset: &mut dyn Dataset) -> Result<(), Reason> {
        match code {
            opcode::RESIZE_DB => {
                self.length()?;
                self.length()?;
            }
            opcode::AUX => {
                let (name, value) = (self.string()?, self.string()?);
                dataset.note(Note::Aux(&name, &value));
            }
            opcode::SLOT_INFO => {
                for _ in 0..3 {
                    self.length()?;
                }
            }
            opcode::SLOT_IMPORT if self.dialect == Dialect::Valkey => {
                self.string()?;
                for _ in 0..self.length()? {
                    self.length()?;
                    self.length()?;
                }
                dataset.note(Note::SlotImport);
            }
            opcode::MODULE_AUX => return Err(Reason::Module(self.length()?)),
            opcode::FUNCTION => dataset.library(&self.string()?)?,
            opcode::FUNCTION_PRE_GA => {
                return Err(Reason::Broken("A function in the form of a pre-release"));
            }
            _ => return Err(Reason::Unknown(code, self.version)),
        }
        Ok(())
    }

    fn head(&mut self) -> Result<(), Reason> {
        let magic = self.take(9).map_err(|_| Reason::Magic)?;
        let digits =
            |digits: &[u8]| std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        let (version, is_known) = if let Some(version) = magic.strip_prefix(b"REDIS") {
            let version = digits(version).ok_or(Reason::Magic)?;
            let any = 1..VERSION_VALKEY;
            let known = 1..=VERSION_MAX;
            (version, known.contains(&version) || self.forms.any_version && any.contains(&version))
        } else if let Some(version) = magic.strip_prefix(b"VALKEY") {
            self.dialect = Dialect::Valkey;
            let version = digits(version).ok_or(Reason::Magic)?;
            let any = VERSION_VALKEY..;
            (version, version == VERSION_VALKEY || self.forms.any_version && any.contains(&version))
        } else {
            return Err(Reason::Magic);
        };
        self.version = version;
        if is_known { Ok(()) } else { Err(Reason::Version(version)) }
    }

    fn end(&mut self, dataset: &mut dyn Dataset) -> Result<(), Reason> {
        if self.version < VERSION_WITH_CHECKSUM {
            return Ok(());
        }
        let end = self.position;
        let found = u64::from_le_bytes(self.array::<CHECKSUM_BYTES>()?);
        if found == 0 {
            dataset.note(Note::Unchecked);
        } else if self.forms.checked {
            let expected = crc64(0, self.bytes.get(..end).unwrap_or_default());
            if found != expected {
                return Err(Reason::Checksum(expected, found));
            }
        }
        Ok(())
    }

    fn entry(&mut self, kind: u8, key: Key<'_>, dataset: &mut dyn Dataset) -> Result<(), Reason> {
        if kind == kind::STRING {
            let bytes = self.string()?;
            return dataset.add_str(key, &bytes);
        }
        match self.value(kind, &mut |note| dataset.note(note)) {
            Ok(value) => dataset.add(key, value),
            Err(Reason::Empty) => {
                dataset.note(Note::EmptyKey(key.name));
                Ok(())
            }
            Err(reason) => Err(reason),
        }
    }
}
