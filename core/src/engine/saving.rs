//! Snapshots: when they are made, what waits for them, and what is found at the start.
//!
//! The engine writes a snapshot as bytes and asks the host to put them in the place of the old
//! file; whether that worked comes back as an event. SAVE and SHUTDOWN wait for the answer as
//! blocked clients do, so nothing else has to wait with them. One snapshot is under way at a time.
//!
//! A snapshot that cannot be read is never overwritten: the server refuses to start over it, and a
//! host without an operator (the page) has it set aside under another name first.

use super::{Engine, Error};
use crate::base::time::{Monotonic, Time};
use crate::engine::config::REDIS_VERSION;
use crate::engine::world::{DiskDone, DiskError, DiskOp, Effect, Level, Record};
use crate::persist::rdb;
use crate::resp::Out;
use crate::session::BlockedOn;
use crate::store::Db;

/// After a failure, until save points try again, in milliseconds.
const RETRY_MS: u64 = 5_000;
/// A save point of 0 seconds waits at least so long between snapshots, in microseconds …
const GAP_US: u64 = 100_000;
/// … and a microsecond more for so many bytes of the last one, so that saving stays a small part
/// of what is done, however large the data.
const GAP_BYTES_PER_US: u64 = 20;

/// What to do with a snapshot that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Say why and end: someone will look at it.
    Refuse,
    /// Give it another name, say so, and begin without data.
    SetAside,
}

/// How snapshots stand.
#[derive(Debug)]
pub struct Saving {
    /// When the last one was made, or the node.
    pub last: Time,
    /// Whether the last attempt worked.
    pub last_ok: bool,
    /// Size of the last one, in bytes.
    pub last_bytes: u64,
    /// Snapshots made since the start.
    pub count: u64,
    /// The one under way.
    pub running: Option<Running>,
    /// What to do once it is done.
    queued: Option<Queued>,
    /// Save points try no earlier than this.
    not_before: Monotonic,
    /// The start has not come to its end.
    stage: Stage,
}

/// A snapshot under way.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// When it was made.
    pub since: Time,
    /// Changes it holds that the one before did not.
    dirty: u64,
    /// Its size in bytes.
    bytes: u64,
    /// Whether nobody waits for it.
    pub is_background: bool,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// A save point, BGSAVE or SAVE; the client waits.
    Save(Option<u64>),
    /// To end; the client waits.
    Shutdown(Option<u64>, Force),
}

#[derive(Clone, Copy, Debug)]
enum Queued {
    /// BGSAVE SCHEDULE.
    Background,
    /// To end.
    Shutdown(Option<u64>, Force),
}

/// Whether to end although the data could not be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Rather not end.
    No,
    /// End all the same.
    Yes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The snapshot is being read.
    Loading(Unreadable),
    /// An unreadable one is being set aside.
    SettingAside,
    /// It could not be set aside: nothing may be saved over it.
    Stuck,
    Ready,
}

impl Running {
    /// How many bytes of memory it takes until it is on the disk.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Saving {
    /// Nothing saved, nothing to load.
    pub fn new(now: Time) -> Self {
        Self {
            last: now,
            last_ok: true,
            last_bytes: 0,
            count: 0,
            running: None,
            queued: None,
            not_before: now.mono,
            stage: Stage::Ready,
        }
    }

    /// Whether commands have to wait for the data.
    pub fn is_loading(&self) -> bool {
        matches!(self.stage, Stage::Loading(_) | Stage::SettingAside)
    }
}

impl Engine {
    /// The disk is there: begins to load what was saved.
    pub fn mount(&mut self, unreadable: Unreadable) {
        self.saving.stage = Stage::Loading(unreadable);
        let name = self.snapshot_name();
        self.effects.push(Effect::Disk(DiskOp::Read { name }));
    }

    /// Makes a snapshot in the background, as BGSAVE and save points do.
    pub fn save_in_background(&mut self, now: Time) -> Result<(), Error> {
        if self.saving.running.is_some() {
            return Err(Error::text("ERR Background save already in progress"));
        }
        self.log(Level::Notice, "Background saving started");
        self.start_saving(now, Purpose::Save(None))
    }

    /// Makes a background snapshot once the one under way is done, as BGSAVE SCHEDULE does.
    /// Returns whether it has to wait.
    pub fn schedule_background_save(&mut self, now: Time) -> Result<bool, Error> {
        if self.saving.running.is_none() {
            return self.save_in_background(now).map(|()| false);
        }
        self.saving.queued.get_or_insert(Queued::Background);
        Ok(true)
    }

    /// Makes a snapshot that client `id` waits for.
    pub fn save_for(&mut self, now: Time, id: u64) -> Result<(), Error> {
        if self.saving.running.is_some() {
            return Err(Error::text("ERR Background save already in progress"));
        }
        self.start_saving(now, Purpose::Save(Some(id)))
    }

    /// Ends the program: with a snapshot first if `save`. Client `id`, if one asked, gets a reply
    /// only if it fails.
    pub fn shut_down(&mut self, now: Time, id: Option<u64>, save: bool, force: Force) {
        if !save || self.saving.stage != Stage::Ready {
            return self.exit();
        }
        if self.saving.running.is_some() {
            self.saving.queued = Some(Queued::Shutdown(id, force));
            return;
        }
        self.log(Level::Notice, "Saving the final RDB snapshot before exiting.");
        let started = self.start_saving(now, Purpose::Shutdown(id, force));
        if started.is_err() {
            self.exit();
        }
    }

    /// Takes back a shutdown that has to wait; returns whether there was one.
    pub fn abort_shutdown(&mut self) -> bool {
        let Some(Queued::Shutdown(id, _)) = self.saving.queued else { return false };
        self.saving.queued = None;
        self.reply_to(id, |out| {
            out.error(&Error::text("ERR Errors trying to SHUTDOWN. Check logs."));
        });
        true
    }

    /// Makes a snapshot if a save point says so. Called at every event.
    #[inline]
    pub fn save_if_due(&mut self, now: Time) {
        if self.dirty > 0 && self.next_save().is_some_and(|at| at <= now.mono) {
            let dirty = self.dirty;
            self.log(Level::Notice, &format!("{dirty} changes since the last save. Saving..."));
            // It can only be refused because one is under way, when nothing is due.
            let _ = self.save_in_background(now);
        }
    }

    /// When [`Engine::save_if_due`] has something to do.
    pub fn next_save(&self) -> Option<Monotonic> {
        if self.dirty == 0 || self.saving.running.is_some() || self.saving.stage != Stage::Ready {
            return None;
        }
        let gap_us = GAP_US + self.saving.last_bytes / GAP_BYTES_PER_US;
        let points = self.config.save.iter().filter(|point| self.dirty >= point.changes);
        let due = points.map(|point| match point.seconds {
            0 if self.saving.count == 0 => self.saving.last.mono,
            0 => self.saving.last.mono + gap_us,
            seconds => self.saving.last.mono.plus_ms(seconds.saturating_mul(1000)),
        });
        due.min().map(|at| at.max(self.saving.not_before))
    }

    /// Whether writes are refused because saving does not work.
    pub fn refuses_writes(&self) -> bool {
        !self.saving.last_ok
            && self.config.stop_writes_on_bgsave_error
            && !self.config.save.is_empty()
    }

    /// The disk has answered.
    pub fn disk_done(&mut self, now: Time, done: DiskDone) {
        match done {
            DiskDone::Read { result, .. } => {
                if let Stage::Loading(unreadable) = self.saving.stage {
                    self.loaded(now, unreadable, result);
                }
            }
            DiskDone::Replace { result, .. } => self.saved(now, &result),
            DiskDone::Rename { to, result, .. } => match result {
                Ok(()) => self.saving.stage = Stage::Ready,
                Err(DiskError(why)) => {
                    self.saving.stage = Stage::Stuck;
                    let text = format!("It could not be renamed to {to}: {why}. Nothing is saved.");
                    self.log(Level::Warning, &text);
                }
            },
            DiskDone::Append { .. }
            | DiskDone::Sync { .. }
            | DiskDone::Truncate { .. }
            | DiskDone::Remove { .. }
            | DiskDone::List { .. } => {}
        }
    }

    /// Writes a line to the log.
    pub fn log(&mut self, level: Level, text: &str) {
        self.effects.push(Effect::Log(Record { level, text: text.to_owned() }));
    }

    /// The data as a snapshot. Costs O(data).
    pub fn snapshot(&self, now: Time) -> Vec<u8> {
        let facts = rdb::Facts {
            redis_version: REDIS_VERSION,
            created_s: now.unix_s(),
            used_memory: self.measures.used_memory,
            is_aof_base: false,
            has_field_expiry: rdb::has_field_expiry(&self.shard.dbs),
            compress: self.config.rdbcompression,
            checksum: self.config.rdbchecksum,
        };
        let usage = |access| self.usage_of(access);
        rdb::write(&self.shard.dbs, &self.libraries, facts, usage)
    }

    fn snapshot_name(&self) -> String {
        String::from_utf8_lossy(&self.config.dbfilename).into_owned()
    }

    fn start_saving(&mut self, now: Time, purpose: Purpose) -> Result<(), Error> {
        if self.saving.stage != Stage::Ready {
            return Err(Error::text("ERR The snapshot on the disk must not be overwritten"));
        }
        let bytes = self.snapshot(now);
        let is_background = matches!(purpose, Purpose::Save(None));
        let (dirty, length) = (self.dirty, bytes.len() as u64);
        self.saving.running =
            Some(Running { since: now, dirty, bytes: length, is_background, purpose });
        let name = self.snapshot_name();
        self.effects.push(Effect::Disk(DiskOp::Replace { name, bytes }));
        Ok(())
    }

    /// A snapshot is safe, or the disk has refused it.
    fn saved(&mut self, now: Time, result: &Result<(), DiskError>) {
        let Some(running) = self.saving.running.take() else { return };
        self.saving.last_ok = result.is_ok();
        match result {
            Ok(()) => {
                self.dirty -= running.dirty.min(self.dirty);
                self.saving.last = Time { mono: now.mono, ..running.since };
                self.saving.last_bytes = running.bytes;
                self.saving.count += 1;
                self.saving.not_before = now.mono;
                self.log(Level::Notice, "DB saved on disk");
            }
            Err(DiskError(why)) => {
                self.saving.not_before = now.mono.plus_ms(RETRY_MS);
                self.log(Level::Warning, &format!("Write error saving DB on disk: {why}"));
            }
        }
        match (running.purpose, result.is_ok()) {
            (Purpose::Save(id), true) => self.reply_to(id, Out::ok),
            (Purpose::Save(id), false) => self.reply_to(id, |out| {
                out.error(&Error::text("ERR The snapshot could not be written, see the log"));
            }),
            (Purpose::Shutdown(..), true) | (Purpose::Shutdown(_, Force::Yes), false) => {
                self.exit();
            }
            (Purpose::Shutdown(id, Force::No), false) => {
                self.log(Level::Warning, "Errors trying to shut down, not exiting");
                self.reply_to(id, |out| {
                    out.error(&Error::text("ERR Errors trying to SHUTDOWN. Check logs."));
                });
            }
        }
        match self.saving.queued.take() {
            Some(Queued::Background) => drop(self.save_in_background(now)),
            Some(Queued::Shutdown(id, force)) => self.shut_down(now, id, true, force),
            None => {}
        }
    }

    fn reply_to(&mut self, id: Option<u64>, reply: impl FnOnce(&mut Out)) {
        if let Some(id) = id {
            self.unblock(id, |on, out| {
                if matches!(on, BlockedOn::Disk) {
                    reply(out);
                }
            });
        }
    }

    fn exit(&mut self) {
        self.log(Level::Warning, "Redstart is now ready to exit, bye bye...");
        self.effects.push(Effect::Exit { status: 0 });
    }

    /// The snapshot has been read, or cannot be.
    fn loaded(
        &mut self,
        now: Time,
        unreadable: Unreadable,
        result: Result<Option<Vec<u8>>, DiskError>,
    ) {
        let name = self.snapshot_name();
        let why = match result {
            Ok(None) => {
                self.saving.stage = Stage::Ready;
                return;
            }
            Ok(Some(bytes)) => match self.restore(now, &bytes) {
                Ok(()) => {
                    let keys: usize = self.shard.dbs.iter().map(Db::len).sum();
                    self.saving.stage = Stage::Ready;
                    self.saving.last_bytes = bytes.len() as u64;
                    self.log(Level::Notice, &format!("DB loaded from disk: {keys} keys"));
                    return;
                }
                Err(problem) => problem.to_string(),
            },
            Err(DiskError(why)) => why,
        };
        match unreadable {
            Unreadable::Refuse => {
                let text = format!("Fatal error loading the DB, {name}: {why}. Exiting.");
                self.log(Level::Warning, &text);
                self.effects.push(Effect::Exit { status: 1 });
            }
            Unreadable::SetAside => {
                let to = format!("{name}.unreadable-{}", now.unix_s());
                let text =
                    format!("The snapshot {name} cannot be read, {why}. It is kept as {to}.");
                self.log(Level::Warning, &text);
                self.saving.stage = Stage::SettingAside;
                self.effects.push(Effect::Disk(DiskOp::Rename { from: name, to }));
            }
        }
    }
}
