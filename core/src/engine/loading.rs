//! Loading: all that files hold takes the place of the data, or nothing does.
//!
//! ```text
//! ask for a part ─▶ read some of it ─▶ … ─▶ the file is read ─▶ the next one ─▶ put in place
//! ```
//!
//! A file comes in parts and is read in slices, when the host wakes the node for it; between two
//! slices everyone is told that data is being loaded. What is read goes into databases of its own.
//! Only when the last byte was read and found right do they take the place of the old ones, or go
//! beside them ([`joining`]), so a file that breaks off or was tampered with changes nothing.
//!
//! Who wants what loaded, and what becomes of a file that cannot be, is said in
//! [`saving`](super::saving) for snapshots and in [`aof`](super::aof) for append-only files.

mod fresh;
mod joining;
mod replay;

pub use fresh::Loaded;

use std::fmt;

use super::Engine;
use super::import::{self, Imported};
use crate::base::time::{Monotonic, Time};
use crate::ds::quicklist::Limits;
use crate::engine::config::VersionCheck;
use crate::engine::world::{DiskError, DiskOp, Effect, Level, Part};
use crate::persist::rdb::{self, Budget, Progress, Reading};
use fresh::{Filling, Fresh};
use joining::Joining;
use replay::{Input, Replay};

/// Bytes that are asked for at once.
const PART_BYTES: u64 = 1 << 20;
/// Bytes that have come and were not read, above which no more are asked for.
const AHEAD_BYTES: usize = 2 << 20;
/// So many show whether a file is a snapshot.
const MAGIC_BYTES: usize = 6;
/// What is read in one slice.
const SLICE: Budget = Budget { bytes: 32 * 1024, records: 256 };

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

/// What is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A snapshot.
    Snapshot,
    /// The files of an append-only file, one after the other.
    AppendOnly,
    /// A file that a person brings: any of the two, or commands.
    Import,
}

/// How reading a file has ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// All of its bytes were read, so many.
    Whole(u64),
    /// There is no such file.
    Missing,
    /// The disk does not give it.
    Unreadable(DiskError),
    /// It is no good snapshot.
    Broken(rdb::Problem),
    /// It holds commands, and ends in the middle of something; so many bytes are whole.
    Short(u64),
    /// It holds commands, and a crash may have kept blocks of it from the disk; so many bytes are whole.
    Torn(u64),
    /// It holds commands, but this is wrong with them, in the words of the log.
    Damaged(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "{bytes} bytes were read"),
            Self::Missing => f.write_str("No such file or directory"),
            Self::Unreadable(why) => f.write_str(&why.0),
            Self::Broken(problem) => problem.fmt(f),
            Self::Short(bytes) | Self::Torn(bytes) => write!(f, "it is whole up to offset {bytes}"),
            Self::Damaged(what) => f.write_str(what),
        }
    }
}

/// Data on its way.
pub struct Load {
    source: Source,
    how: How,
    fresh: Fresh,
    /// What is done when all was read.
    joining: Option<Joining>,
    file: File,
    /// When it began.
    since: Time,
    /// Bytes of all files, as far as they are known, and of those that were read before this one.
    total_bytes: u64,
    done_bytes: u64,
    /// There is no slice before (`key-load-delay`).
    not_before: Monotonic,
}

/// The file that is being read.
struct File {
    name: String,
    content: Content,
    /// What has come of it, and up to where that was read.
    input: Vec<u8>,
    position: usize,
    /// Bytes of the file before `input`.
    before: u64,
    /// Bytes of the file, once that is known.
    bytes: Option<u64>,
    /// Nothing comes behind `input`.
    is_all: bool,
    is_asked: bool,
    /// How much has to be there for another try to make sense.
    wanted: usize,
    has_ended: bool,
}

/// What a file holds.
enum Content {
    /// Nobody has looked yet.
    Unknown,
    Snapshot(Box<Reading>),
    Commands(Box<Replay>),
}

impl File {
    fn new(name: String) -> Self {
        Self {
            name,
            content: Content::Unknown,
            input: Vec::new(),
            position: 0,
            before: 0,
            bytes: None,
            is_all: false,
            is_asked: false,
            wanted: 0,
            has_ended: false,
        }
    }

    fn rest(&self) -> &[u8] {
        self.input.get(self.position..).unwrap_or_default()
    }

    /// Bytes of the file that were read.
    fn read_bytes(&self) -> u64 {
        self.before + self.position as u64
    }

    /// Whether there is something to read.
    fn is_ready(&self) -> bool {
        let is_enough = self.is_all || self.rest().len() >= self.wanted.max(1);
        self.bytes.is_some() && !self.has_ended && is_enough
    }

    fn add(&mut self, part: Part) {
        self.is_asked = false;
        self.bytes = Some(part.file_bytes);
        let is_last = part.bytes.is_empty();
        self.before += self.position as u64;
        if self.position == self.input.len() {
            self.input = part.bytes;
        } else {
            self.input.drain(..self.position);
            self.input.extend_from_slice(&part.bytes);
        }
        self.position = 0;
        self.is_all = is_last || self.before + self.input.len() as u64 >= part.file_bytes;
    }

    /// Asks for what follows, if it is time.
    fn ask(&mut self) -> Option<DiskOp> {
        let is_enough = self.rest().len() >= self.wanted.max(AHEAD_BYTES);
        if self.is_all || self.is_asked || self.has_ended || is_enough {
            return None;
        }
        self.is_asked = true;
        let from = self.before + self.input.len() as u64;
        Some(DiskOp::Read { name: self.name.clone(), from, bytes_max: PART_BYTES })
    }
}

impl Load {
    /// When it began.
    pub fn since(&self) -> Time {
        self.since
    }

    /// Bytes of all files, as far as they are known.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes.max(self.done_bytes + self.file.bytes.unwrap_or(0))
    }

    /// Bytes that were read.
    pub fn loaded_bytes(&self) -> u64 {
        self.done_bytes + self.file.read_bytes()
    }

    /// What came of it so far. Costs O(databases).
    pub(super) fn imported(&self) -> Imported {
        let mut imported = match &self.file.content {
            Content::Commands(replay) => replay.imported(),
            Content::Unknown | Content::Snapshot(_) => Imported::default(),
        };
        imported.keys = match &self.joining {
            Some(joining) => joining.keys,
            None => import::keys(&self.fresh.shard.dbs),
        };
        imported.expired = self.fresh.counts.expired;
        imported
    }

    /// What has come of the file and was not read.
    pub(super) fn rest(&self) -> &[u8] {
        self.file.rest()
    }

    /// Whether there is something to do.
    fn is_ready(&self) -> bool {
        self.joining.is_some() || self.file.is_ready()
    }

    /// Memory in use when the snapshot was made, in bytes; 0 if it does not say.
    pub fn used_memory(&self) -> u64 {
        self.fresh.used_memory
    }
}

impl Engine {
    /// Begins to load into databases of their own. [`Engine::load_file`] must follow.
    pub(super) fn begin_load(&mut self, now: Time, source: Source, how: How, total_bytes: u64) {
        // Who repeats what follows has the keys that have expired, too, until it is told of that.
        let keeps_expired = source == Source::AppendOnly || self.propagates();
        let fresh = Fresh::new(self, keeps_expired && source != Source::Import);
        self.load = Some(Box::new(Load {
            source,
            how,
            fresh,
            joining: None,
            file: File::new(String::new()),
            since: now,
            total_bytes,
            done_bytes: 0,
            not_before: Monotonic(0),
        }));
    }

    /// Reads this file, into what was loaded before.
    pub(super) fn load_file(&mut self, name: String) {
        let Some(load) = &mut self.load else { return };
        load.done_bytes += load.file.read_bytes();
        load.file = File::new(name);
        self.effects.extend(load.file.ask().map(Effect::Disk));
    }

    /// What is being loaded.
    pub fn loading(&self) -> Option<&Load> {
        self.load.as_deref()
    }

    /// A part of a file was read. Gives it back if it was not asked for here.
    pub(super) fn part_came(
        &mut self,
        now: Time,
        name: &str,
        result: Result<Option<Part>, DiskError>,
    ) -> Option<Result<Option<Part>, DiskError>> {
        let is_this = |load: &&mut Box<Load>| load.file.is_asked && load.file.name == name;
        let Some(load) = self.load.as_mut().filter(is_this) else { return Some(result) };
        match result {
            Ok(Some(part)) => {
                load.file.add(part);
                self.effects.extend(load.file.ask().map(Effect::Disk));
            }
            Ok(None) => self.file_ended(now, Ended::Missing),
            Err(why) => self.file_ended(now, Ended::Unreadable(why)),
        }
        None
    }

    /// Reads a slice. Called once a turn of the host's loop.
    pub fn load_some(&mut self, now: Time) {
        let is_due = |load: &mut Box<Load>| load.is_ready() && load.not_before <= now.mono;
        let Some(mut load) = self.load.take_if(is_due) else { return };
        for db in &mut load.fresh.shard.dbs {
            db.set_new_access(self.access_clock);
        }
        let ended = if load.joining.is_some() {
            self.join_some(&mut load)
        } else {
            self.read_some(now, &mut load)
        };
        self.effects.extend(load.file.ask().map(Effect::Disk));
        self.load = Some(load);
        if let Some(ended) = ended {
            self.file_ended(now, ended);
        }
    }

    /// When [`Engine::load_some`] has something to do.
    pub fn next_loading(&self) -> Option<Monotonic> {
        let load = self.load.as_ref()?;
        load.is_ready().then_some(load.not_before)
    }

    /// Reads a slice of the file; returns how loading it has ended if it has.
    fn read_some(&mut self, now: Time, load: &mut Load) -> Option<Ended> {
        let delay_us = u64::try_from(self.config.key_load_delay).unwrap_or(0);
        let budget = if delay_us > 0 { Budget { records: 1, ..SLICE } } else { SLICE };
        let (done, ended) = self.read_slice(now, load, budget);
        load.not_before = now.mono + delay_us.saturating_mul(done);
        for (level, line) in std::mem::take(&mut load.fresh.lines) {
            self.log(level, &line);
        }
        load.file.has_ended = ended.is_some();
        match ended {
            Some(Ended::Whole(bytes)) if self.begin_joining(load, bytes) => None,
            ended => ended,
        }
    }

    /// Returns how many keys or commands were read, and how the file has ended if it has.
    fn read_slice(&mut self, now: Time, load: &mut Load, budget: Budget) -> (u64, Option<Ended>) {
        let file = &mut load.file;
        if matches!(file.content, Content::Unknown) {
            let rest = file.rest();
            if rest.len() < MAGIC_BYTES && !file.is_all {
                file.wanted = MAGIC_BYTES;
                return (0, None);
            }
            let is_snapshot = load.source == Source::Snapshot
                || rest.starts_with(b"REDIS")
                || rest.starts_with(b"VALKEY");
            file.content = if is_snapshot {
                Content::Snapshot(Box::new(Reading::new(self.forms())))
            } else {
                let is_import = load.source == Source::Import;
                Content::Commands(Box::new(Replay::new(now, 0, is_import)))
            };
        }
        match std::mem::replace(&mut file.content, Content::Unknown) {
            Content::Snapshot(reading) => self.read_snapshot_slice(now, load, reading, budget),
            Content::Commands(mut replay) => {
                let bytes = file.input.get(file.position..).unwrap_or_default();
                let name = file.name.rsplit('/').next().unwrap_or_default();
                let input = Input { name, bytes, is_all: file.is_all };
                let fresh = &mut load.fresh;
                let slice = self.replay_slice(now, &mut replay, fresh, input, budget);
                file.position += slice.used;
                file.wanted = if slice.is_starved { 2 * file.rest().len() + 1 } else { 0 };
                file.content = Content::Commands(replay);
                (slice.commands, slice.ended)
            }
            Content::Unknown => (0, None),
        }
    }

    fn read_snapshot_slice(
        &mut self,
        now: Time,
        load: &mut Load,
        mut reading: Box<Reading>,
        budget: Budget,
    ) -> (u64, Option<Ended>) {
        let Load { fresh, file, source, .. } = load;
        let keys = fresh.counts.keys;
        let rest = file.input.get(file.position..).unwrap_or_default();
        reading.expect(file.bytes.unwrap_or(0));
        let mut filling = Filling { engine: self, fresh, now };
        let result = reading.step(rest, file.is_all, budget, &mut filling);
        let read = fresh.counts.keys - keys;
        let (used, progress) = match result {
            Ok(result) => result,
            Err(problem) => return (read, Some(Ended::Broken(problem))),
        };
        file.position += used;
        file.wanted = if progress == Progress::Starved { 2 * file.rest().len() + 1 } else { 0 };
        file.content = Content::Snapshot(reading);
        if progress != Progress::Done {
            return (read, None);
        }
        for db in &mut fresh.shard.dbs {
            db.expect(0);
        }
        self.say_loaded(fresh.counts);
        if *source == Source::Snapshot {
            // What stands behind the end mark is nobody's.
            return (read, Some(Ended::Whole(file.bytes.unwrap_or(0))));
        }
        let is_import = *source == Source::Import;
        let replay = Replay::new(now, file.read_bytes(), is_import);
        file.content = Content::Commands(Box::new(replay));
        (read, None)
    }

    fn say_loaded(&mut self, counts: Loaded) {
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
    }

    fn file_ended(&mut self, now: Time, ended: Ended) {
        match self.load.as_ref().map(|load| load.source) {
            Some(Source::Snapshot) => self.snapshot_ended(now, ended),
            Some(Source::AppendOnly) => self.aof_file_ended(now, ended),
            Some(Source::Import) => self.import_ended(now, ended),
            None => {}
        }
    }

    /// Forgets what was loaded.
    pub(super) fn give_up_load(&mut self) {
        let Some(load) = self.load.take() else { return };
        // It takes as long to free as any data.
        for (db, fresh) in self.shard.dbs.iter_mut().zip(load.fresh.shard.dbs) {
            db.bury(fresh);
        }
    }

    /// Puts what was loaded in the place of the data, unless it was put beside it. What was there is
    /// freed later. No snapshot may be under way.
    pub(super) fn end_load(&mut self) {
        let Some(load) = self.load.take() else { return };
        let Fresh { shard, libraries, .. } = load.fresh;
        for (db, mut fresh) in self.shard.dbs.iter_mut().zip(shard.dbs) {
            if load.how == How::Instead {
                fresh.set_new_access(self.access_clock);
                std::mem::swap(db, &mut fresh);
            }
            db.bury(fresh);
        }
        if load.how == How::Instead {
            self.libraries = libraries;
        } else {
            libraries.iter().for_each(|code| fresh::keep_library(&mut self.libraries, code));
        }
    }

    /// What is read, and how collections are kept that come as bytes.
    pub fn forms(&self) -> rdb::Forms {
        let list = Limits { fill: self.config.list_max_listpack_size, plain_from: None };
        rdb::Forms {
            list,
            set: self.set_limits(),
            zset: self.zset_limits(),
            hash: self.hash_limits(),
            array_slice_places: self.config.array_slice_size,
            any_version: self.config.rdb_version_check == VersionCheck::Relaxed,
            checked: self.config.rdbchecksum && self.checks_sums,
        }
    }
}
