//! Data that is being loaded, beside the data that is there.

use crate::base::num;
use crate::base::time::Time;
use crate::engine::Engine;
use crate::engine::world::Level;
use crate::persist::rdb::{self, Note, Usage};
use crate::store::{Db, Shard, Value};

/// Lines in the log about one snapshot. A file can hold any number of remarks.
const LINES_MAX: usize = 40;
/// Of them, about keys without anything in them.
const EMPTY_KEYS_SHOWN_MAX: u64 = 10;
/// What is said of a library.
pub(super) const LIBRARY_KEPT: &str = "A library of functions is kept, but cannot be run";

/// What was loaded, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Keys that are there now.
    pub keys: u64,
    /// Keys that had expired.
    pub expired: u64,
    /// Keys without anything in them.
    pub empty: u64,
}

/// What was loaded so far.
pub(in crate::engine) struct Fresh {
    /// The databases. Nobody watches them or waits for them.
    pub(in crate::engine) shard: Shard,
    pub(super) libraries: Vec<Box<[u8]>>,
    pub(super) counts: Loaded,
    /// Keys that have expired are kept: the snapshot is followed by commands that were run when they had
    /// not, and may have made them last; or by an append-only file that says when they go.
    keeps_expired: bool,
    /// Memory in use when the snapshot was made, as its head says, in bytes.
    pub(super) used_memory: u64,
    /// For the log, and how many lines there have been.
    pub(super) lines: Vec<(Level, String)>,
    said: usize,
}

/// Keeps the code of a library in the place of one that has its name, which its first line says.
pub(super) fn keep_library(libraries: &mut Vec<Box<[u8]>>, code: &[u8]) {
    let is_end = |byte: &u8| *byte == b'\n';
    libraries.retain(|old| old.split(is_end).next() != code.split(is_end).next());
    libraries.push(code.into());
}

/// Fills databases with what a snapshot holds.
pub(super) struct Filling<'a> {
    pub(super) engine: &'a Engine,
    pub(super) fresh: &'a mut Fresh,
    pub(super) now: Time,
}

impl Fresh {
    /// Nothing loaded yet.
    pub(super) fn new(engine: &Engine, keeps_expired: bool) -> Self {
        Self {
            shard: Shard::new(engine.shard.dbs.len(), engine.shard.hash_key()),
            libraries: Vec::new(),
            counts: Loaded::default(),
            keeps_expired,
            used_memory: 0,
            lines: Vec::new(),
            said: 0,
        }
    }

    fn say(&mut self, level: Level, line: String) {
        if self.said < LINES_MAX {
            self.said += 1;
            self.lines.push((level, line));
        }
    }
}

impl Filling<'_> {
    /// The database to put a key into; `None` for a key that has expired.
    fn db(&mut self, key: rdb::Key<'_>) -> Result<Option<&mut Db>, rdb::Reason> {
        let index = usize::try_from(key.db).unwrap_or(usize::MAX);
        let Fresh { shard, counts, keeps_expired, .. } = &mut *self.fresh;
        let db = shard.dbs.get_mut(index).ok_or(rdb::Reason::Database(key.db))?;
        let has_expired = |at_ms| at_ms < self.engine.expiry_ms(self.now);
        if !*keeps_expired && key.expires_ms.is_some_and(has_expired) {
            counts.expired += 1;
            return Ok(None);
        }
        counts.keys += 1;
        Ok(Some(db))
    }

    /// A key was put in; one that was there already is an error, which ends the loading.
    fn added(&mut self, key: rdb::Key<'_>, is_new: bool) -> Result<(), rdb::Reason> {
        if !is_new {
            return Err(rdb::Reason::Duplicate);
        }
        if key.usage != Usage::Unknown
            && let Some(access) = self.engine.access_for(key.usage)
            && let Ok(db) = usize::try_from(key.db)
            && let Some(db) = self.fresh.shard.dbs.get_mut(db)
        {
            db.set_access(key.name, access);
        }
        Ok(())
    }

    fn say_aux(&mut self, name: &[u8], value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        let number = num::parse_i64(value).unwrap_or(0);
        let line = match name {
            b"redis-ver" => format!("Loading RDB produced by version {text}"),
            b"valkey-ver" => format!("Loading RDB produced by Valkey version {text}"),
            b"ctime" => {
                let age_s = self.now.unix_s().saturating_sub(number).max(0);
                format!("RDB age {age_s} seconds")
            }
            b"used-mem" => {
                self.fresh.used_memory = number.max(0).unsigned_abs();
                let hundredths = number.max(0) / (1024 * 1024 / 100);
                let (whole, rest) = (hundredths / 100, hundredths % 100);
                format!("RDB memory usage when created {whole}.{rest:02} Mb")
            }
            [b'%', ..] => format!("RDB '{}': {text}", String::from_utf8_lossy(name)),
            _ => return,
        };
        self.fresh.say(Level::Notice, line);
    }
}

impl rdb::Dataset for Filling<'_> {
    fn add(&mut self, key: rdb::Key<'_>, value: Value) -> Result<(), rdb::Reason> {
        if let Some(db) = self.db(key)? {
            let is_new = db.insert(key.name, value, key.expires_ms);
            self.added(key, is_new)?;
        }
        Ok(())
    }

    fn add_str(&mut self, key: rdb::Key<'_>, bytes: &[u8]) -> Result<(), rdb::Reason> {
        if let Some(db) = self.db(key)? {
            let is_new = db.insert_str(key.name, bytes, key.expires_ms);
            self.added(key, is_new)?;
        }
        Ok(())
    }

    fn expect(&mut self, db: u64, keys: usize) {
        let db = usize::try_from(db).ok().and_then(|index| self.fresh.shard.dbs.get_mut(index));
        if let Some(db) = db {
            db.expect(keys);
        }
    }

    fn library(&mut self, code: &[u8]) -> Result<(), rdb::Reason> {
        keep_library(&mut self.fresh.libraries, code);
        self.fresh.say(Level::Warning, LIBRARY_KEPT.to_owned());
        Ok(())
    }

    fn note(&mut self, note: Note<'_>) {
        match note {
            Note::Aux(b"aof-base" | b"aof-preamble", b"1") => self.fresh.keeps_expired = true,
            Note::Aux(name, value) => self.say_aux(name, value),
            Note::EmptyKey(key) => {
                self.fresh.counts.empty += 1;
                if self.fresh.counts.empty <= EMPTY_KEYS_SHOWN_MAX {
                    let key = String::from_utf8_lossy(key);
                    self.fresh.say(Level::Notice, format!("Loading: skipping empty key: {key}"));
                }
            }
            Note::SlotImport => {
                let line = "A migration of slots that had not ended is not kept";
                self.fresh.say(Level::Warning, line.to_owned());
            }
            Note::Unchecked => {
                let line = "RDB file was saved with checksum disabled: no check performed.";
                self.fresh.say(Level::Notice, line.to_owned());
            }
        }
    }
}
