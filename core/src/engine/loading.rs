//! Loading snapshots: all that one holds takes the place of the data, or nothing does.
//!
//! What is read goes into databases of its own. Only when the last byte was read and found right do
//! they take the place of the old ones, so a file that breaks off or was tampered with changes
//! nothing.

use super::Engine;
use crate::base::num;
use crate::base::time::Time;
use crate::ds::quicklist::Limits;
use crate::engine::config::VersionCheck;
use crate::engine::world::Level;
use crate::persist::rdb::{self, Note, Usage};
use crate::store::{Db, Value};

/// Lines in the log about one snapshot. A file can hold any number of remarks.
const LINES_MAX: usize = 40;
/// Of them, about keys without anything in them.
const EMPTY_KEYS_SHOWN_MAX: u64 = 10;

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

/// What becomes of the data that is there when other data is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It goes.
    Instead,
    /// It stays; a key that is in both is an error.
    Beside,
    /// It stays; of a key that is in both, what is loaded.
    Over,
}

impl Engine {
    /// Loads what `bytes` hold, all of it or nothing. Keys that have expired are left out. Returns
    /// where the snapshot ends in `bytes`. Costs O(data).
    pub fn restore(&mut self, now: Time, bytes: &[u8], how: How) -> Result<usize, rdb::Problem> {
        let mut dbs = self.shard.empty_dbs();
        dbs.iter_mut().for_each(|db| db.set_new_access(self.access_clock));
        let mut fresh = Fresh {
            engine: self,
            dbs,
            libraries: Vec::new(),
            now,
            counts: Loaded::default(),
            lines: Vec::new(),
        };
        let result = rdb::read(bytes, fresh.engine.forms(), &mut fresh);
        let Fresh { dbs, libraries, counts, lines, .. } = fresh;
        for (level, line) in lines {
            self.log(level, &line);
        }
        let end = result?;
        if how == How::Instead {
            self.put_in_place(dbs);
        } else {
            self.put_beside(dbs, how)?;
        }
        self.libraries = libraries;
        self.loaded = counts;
        let mut line = format!(
            "Done loading RDB, keys loaded: {}, keys expired: {}",
            counts.keys, counts.expired
        );
        if counts.empty > 0 {
            line.push_str(&format!(", empty keys skipped: {}", counts.empty));
        }
        line.push('.');
        self.log(Level::Notice, &line);
        Ok(end)
    }

    /// What was there is freed later.
    fn put_in_place(&mut self, dbs: Vec<Db>) {
        for (db, fresh) in self.shard.dbs.iter_mut().zip(dbs) {
            let old = std::mem::replace(db, fresh);
            db.bury(old);
        }
    }

    fn put_beside(&mut self, mut dbs: Vec<Db>, how: How) -> Result<(), rdb::Problem> {
        for (db, fresh) in self.shard.dbs.iter().zip(&dbs) {
            let mut is_twice = false;
            fresh.each(|key, _| is_twice |= db.get(key).is_some());
            if is_twice && how == How::Beside {
                return Err(rdb::Problem { offset: 0, reason: rdb::Reason::Duplicate });
            }
        }
        for (db, fresh) in self.shard.dbs.iter_mut().zip(&mut dbs) {
            let mut keys = Vec::with_capacity(fresh.len());
            fresh.each(|key, _| keys.push(key.to_vec()));
            for key in keys {
                if let Some((value, expires_ms)) = fresh.remove(&key) {
                    db.insert(&key, value, expires_ms);
                }
            }
        }
        Ok(())
    }

    /// What is read, and how collections are kept that come as bytes.
    pub fn forms(&self) -> rdb::Forms {
        let list = Limits { fill: self.config.list_max_listpack_size, plain_from: None };
        rdb::Forms {
            list,
            set: self.set_limits(),
            zset: self.zset_limits(),
            hash: self.hash_limits(),
            any_version: self.config.rdb_version_check == VersionCheck::Relaxed,
            checked: self.config.rdbchecksum && self.checks_sums,
        }
    }
}

/// Databases being filled from a snapshot.
struct Fresh<'a> {
    engine: &'a Engine,
    dbs: Vec<Db>,
    libraries: Vec<Box<[u8]>>,
    now: Time,
    counts: Loaded,
    lines: Vec<(Level, String)>,
}

impl Fresh<'_> {
    /// The database to put a key into; `None` for a key that has expired.
    fn db(&mut self, key: rdb::Key<'_>) -> Result<Option<&mut Db>, rdb::Reason> {
        let index = usize::try_from(key.db).unwrap_or(usize::MAX);
        let db = self.dbs.get_mut(index).ok_or(rdb::Reason::Database(key.db))?;
        if db.get(key.name).is_some() {
            return Err(rdb::Reason::Duplicate);
        }
        if key.expires_ms.is_some_and(|at_ms| at_ms < self.engine.expiry_ms(self.now)) {
            self.counts.expired += 1;
            return Ok(None);
        }
        self.counts.keys += 1;
        Ok(Some(db))
    }

    fn mark(&mut self, key: rdb::Key<'_>) {
        if key.usage != Usage::Unknown
            && let Some(access) = self.engine.access_for(key.usage)
            && let Some(db) = usize::try_from(key.db).ok().and_then(|db| self.dbs.get_mut(db))
        {
            db.set_access(key.name, access);
        }
    }

    fn say(&mut self, level: Level, line: String) {
        if self.lines.len() < LINES_MAX {
            self.lines.push((level, line));
        }
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
                let hundredths = number.max(0) / (1024 * 1024 / 100);
                let (whole, rest) = (hundredths / 100, hundredths % 100);
                format!("RDB memory usage when created {whole}.{rest:02} Mb")
            }
            [b'%', ..] => format!("RDB '{}': {text}", String::from_utf8_lossy(name)),
            _ => return,
        };
        self.say(Level::Notice, line);
    }
}

impl rdb::Dataset for Fresh<'_> {
    fn add(&mut self, key: rdb::Key<'_>, value: Value) -> Result<(), rdb::Reason> {
        if let Some(db) = self.db(key)? {
            db.insert(key.name, value, key.expires_ms);
            self.mark(key);
        }
        Ok(())
    }

    fn add_str(&mut self, key: rdb::Key<'_>, bytes: &[u8]) -> Result<(), rdb::Reason> {
        if let Some(db) = self.db(key)? {
            db.insert_str(key.name, bytes, key.expires_ms);
            self.mark(key);
        }
        Ok(())
    }

    fn library(&mut self, code: &[u8]) -> Result<(), rdb::Reason> {
        self.libraries.push(code.into());
        let line = "A library of functions is kept, but cannot be run";
        self.say(Level::Warning, line.to_owned());
        Ok(())
    }

    fn note(&mut self, note: Note<'_>) {
        match note {
            Note::Aux(name, value) => self.say_aux(name, value),
            Note::EmptyKey(key) => {
                self.counts.empty += 1;
                if self.counts.empty <= EMPTY_KEYS_SHOWN_MAX {
                    let key = String::from_utf8_lossy(key);
                    self.say(Level::Notice, format!("Loading: skipping empty key: {key}"));
                }
            }
            Note::Idempotence => {
                let line = "What a stream knows of numbered messages is not kept";
                self.say(Level::Warning, line.to_owned());
            }
            Note::SlotImport => {
                let line = "A migration of slots that had not ended is not kept";
                self.say(Level::Warning, line.to_owned());
            }
            Note::Unchecked => {
                let line = "RDB file was saved with checksum disabled: no check performed.";
                self.say(Level::Notice, line.to_owned());
            }
        }
    }
}
