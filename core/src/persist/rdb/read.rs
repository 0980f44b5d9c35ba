//! Reading snapshots: all of one, or the place and the reason why not.
//!
//! A [`Reading`] takes a file in parts as they come, and a bounded number of its records or, in a large
//! collection, of its elements at a time. Where the input ends in the middle of one, that one is read
//! again from its beginning once there is more.

use super::growing::{Begun, Form, Growing};
use super::input::{Dialect, Reader};
use super::text::Text;
use super::{Problem, Reason, Usage, VERSION_MAX, VERSION_VALKEY, kind, opcode};
use crate::base::crc::crc64;
use crate::ds::quicklist::Limits;
use crate::ds::{hash, set, zset};
use crate::store::Value;

/// Elements of a collection that are read at once.
const ELEMENTS_AT_ONCE: usize = 64;
/// Bytes that a key takes at least: its type, and two lengths.
const KEY_BYTES_MIN: usize = 3;
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

    /// About so many keys follow in this database. No more than what follows in the file can hold.
    fn expect(&mut self, _db: u64, _keys: usize) {}

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
    /// Places of a slice of an array.
    pub array_slice_places: u64,
    /// Versions that this program does not know are tried (`rdb-version-check relaxed`).
    pub any_version: bool,
    /// Checksums are compared (`rdbchecksum`, DEBUG SET-SKIP-CHECKSUM-VALIDATION).
    pub checked: bool,
}

/// Reads the snapshot that `bytes` begin with into `dataset`, and returns where it ends. On an
/// error some keys may have been added already. Costs O(bytes); no memory is taken on a length's
/// word alone.
pub fn read(bytes: &[u8], forms: Forms, dataset: &mut dyn Dataset) -> Result<usize, Problem> {
    let mut reading = Reading::new(forms);
    let mut position = 0;
    loop {
        let rest = bytes.get(position..).unwrap_or_default();
        let (used, progress) = reading.step(rest, true, Budget::ALL, dataset)?;
        position += used;
        if progress == Progress::Done {
            return Ok(position);
        }
    }
}

/// How much is read at a time.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// About so many bytes, of what is compressed those that become.
    pub bytes: usize,
    /// At most so many records.
    pub records: usize,
}

impl Budget {
    const ALL: Self = Self { bytes: usize::MAX, records: usize::MAX };
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to read in what is there.
    Going,
    /// What is there ends in the middle of something.
    Starved,
    /// All was read and found right.
    Done,
}

/// A snapshot that is being read.
pub struct Reading {
    forms: Forms,
    dialect: Dialect,
    version: u32,
    has_head: bool,
    /// Bytes that were read, and their checksum.
    offset: usize,
    sum: u64,
    /// Where the record begins that is being read.
    record: usize,
    db: u64,
    expires_ms: Option<i64>,
    usage: Usage,
    /// A value that is not all there.
    value: Option<(Box<[u8]>, Growing)>,
    /// How long the whole file is, if that is known.
    file_bytes: u64,
}

impl Reading {
    /// Nothing read yet.
    pub fn new(forms: Forms) -> Self {
        Self {
            forms,
            dialect: Dialect::Redis,
            version: 0,
            has_head: false,
            offset: 0,
            sum: 0,
            record: 0,
            db: 0,
            expires_ms: None,
            usage: Usage::Unknown,
            value: None,
            file_bytes: 0,
        }
    }

    /// All that there is to read are so many bytes, with those that were read.
    pub fn expect(&mut self, file_bytes: u64) {
        self.file_bytes = file_bytes;
    }

    /// Reads on in `input`, which begins where the last step has ended; nothing follows it if
    /// `is_all`. Returns how many bytes it took. After [`Progress::Starved`] there must be more than
    /// before, and at best twice as much, so that reading what is large costs no more than O(bytes).
    // Neither this nor what it calls for a record is a part of its callers: a browser compiles a
    // function well when it has been called often, and a large one (as the node's would be) late.
    #[inline(never)]
    pub fn step(
        &mut self,
        input: &[u8],
        is_all: bool,
        budget: Budget,
        dataset: &mut dyn Dataset,
    ) -> Result<(usize, Progress), Problem> {
        let mut reader = Reader::new(input, self.forms);
        (reader.dialect, reader.version) = (self.dialect, self.version);
        reader.behind = self.file_bytes.saturating_sub((self.offset + input.len()) as u64);
        let (mut records, mut used) = (0, 0_usize);
        let progress = loop {
            if used.saturating_add(reader.expanded) >= budget.bytes || records >= budget.records {
                break Progress::Going;
            }
            if self.value.is_none() {
                self.record = self.offset + used;
            }
            match self.go_on(&mut reader, dataset) {
                Ok(progress) => {
                    used = reader.position;
                    records += usize::from(self.value.is_none());
                    if progress == Progress::Done {
                        break Progress::Done;
                    }
                }
                Err(Reason::Truncated) if !is_all => {
                    // An element that was read as a whole stays read.
                    used = if self.value.is_some() { reader.position } else { used };
                    break Progress::Starved;
                }
                Err(Reason::Truncated) if !self.has_head => {
                    return Err(Problem { offset: 0, reason: Reason::Magic });
                }
                Err(reason) => return Err(Problem { offset: self.record, reason }),
            }
        };
        (self.dialect, self.version) = (reader.dialect, reader.version);
        self.offset += used;
        if progress != Progress::Done && self.forms.checked {
            self.sum = crc64(self.sum, input.get(..used).unwrap_or_default());
        }
        Ok((used, progress))
    }

    /// Reads a record, or a part of a collection.
    #[inline(never)]
    fn go_on(
        &mut self,
        reader: &mut Reader<'_>,
        dataset: &mut dyn Dataset,
    ) -> Result<Progress, Reason> {
        if !self.has_head {
            reader.head()?;
            self.has_head = true;
            return Ok(Progress::Going);
        }
        if let Some((name, mut growing)) = self.value.take() {
            let grown = reader.grow(&mut growing, ELEMENTS_AT_ONCE);
            match grown {
                Ok(true) => return self.add(&name, growing.ripe(self.forms), dataset),
                Ok(false) => self.value = Some((name, growing)),
                Err(reason) => {
                    self.value = Some((name, growing));
                    return Err(reason);
                }
            }
            return Ok(Progress::Going);
        }
        match reader.byte()? {
            opcode::EOF => {
                self.end(reader, dataset)?;
                return Ok(Progress::Done);
            }
            opcode::SELECT_DB => self.db = reader.length()?,
            opcode::RESIZE_DB => {
                let (keys, _expiring) = (reader.length()?, reader.length()?);
                let most = reader.follow_max() / KEY_BYTES_MIN;
                dataset.expect(self.db, usize::try_from(keys).unwrap_or(most).min(most));
            }
            opcode::EXPIRE_MS => self.expires_ms = Some(reader.time_ms()?),
            opcode::EXPIRE_S => {
                let seconds = i32::from_le_bytes(reader.array()?);
                self.expires_ms = Some(i64::from(seconds) * 1000);
            }
            opcode::FREQ => self.usage = Usage::Frequency(reader.byte()?),
            opcode::IDLE => self.usage = Usage::Idle(reader.length()?),
            code @ opcode::FIRST.. => reader.besides(code, dataset)?,
            kind => {
                let name = reader.string()?;
                if kind == kind::STRING {
                    let bytes = match reader.begin_text()? {
                        Text::Whole(bytes) => bytes,
                        Text::Growing(text) => {
                            self.value = Some(((*name).into(), Growing::new(Form::Text(text), 0)));
                            return Ok(Progress::Going);
                        }
                    };
                    let key = self.key(&name);
                    (self.expires_ms, self.usage) = (None, Usage::Unknown);
                    dataset.add_str(key, &bytes)?;
                    return Ok(Progress::Going);
                }
                match reader.begin(kind) {
                    Ok(Begun::Whole(value)) => return self.add(&name, Ok(value), dataset),
                    Ok(Begun::Growing(growing)) => self.value = Some(((*name).into(), growing)),
                    Err(Reason::Empty) => return self.add(&name, Err(Reason::Empty), dataset),
                    Err(reason) => return Err(reason),
                }
            }
        }
        Ok(Progress::Going)
    }

    fn key<'a>(&self, name: &'a [u8]) -> Key<'a> {
        Key { db: self.db, name, expires_ms: self.expires_ms, usage: self.usage }
    }

    fn add(
        &mut self,
        name: &[u8],
        value: Result<Value, Reason>,
        dataset: &mut dyn Dataset,
    ) -> Result<Progress, Reason> {
        let key = self.key(name);
        (self.expires_ms, self.usage) = (None, Usage::Unknown);
        match value {
            Ok(value) => dataset.add(key, value)?,
            Err(Reason::Empty) => dataset.note(Note::EmptyKey(name)),
            Err(reason) => return Err(reason),
        }
        Ok(Progress::Going)
    }

    /// What stands behind the end mark.
    fn end(&self, reader: &mut Reader<'_>, dataset: &mut dyn Dataset) -> Result<(), Reason> {
        if self.version.max(reader.version) < VERSION_WITH_CHECKSUM {
            return Ok(());
        }
        let end = reader.position;
        let found = u64::from_le_bytes(reader.array::<CHECKSUM_BYTES>()?);
        if found == 0 {
            dataset.note(Note::Unchecked);
        } else if self.forms.checked {
            let expected = crc64(self.sum, reader.bytes.get(..end).unwrap_or_default());
            if found != expected {
                return Err(Reason::Checksum(expected, found));
            }
        }
        Ok(())
    }
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
    let result = reader.byte().and_then(|kind| reader.value(kind));
    result.map_err(|reason| Undumped::Value(Problem { offset: reader.position, reason }))
}

impl Reader<'_> {
    /// A record that belongs to no key.
    fn besides(&mut self, code: u8, dataset: &mut dyn Dataset) -> Result<(), Reason> {
        match code {
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
        let magic = self.take(9)?;
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
}
