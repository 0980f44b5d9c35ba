//! Snapshots: when they are made, what waits for them, and what is found at the start.
//!
//! How one is made and written is in [`snapshotting`]; here is who wants it and
//! who is told. SAVE and SHUTDOWN wait for it as blocked clients do. SAVE makes nobody else wait;
//! SHUTDOWN does, because what is written after its snapshot would be lost. One snapshot is under way
//! at a time.
//!
//! A snapshot that cannot be read is never overwritten: the server refuses to start over it, and a
//! host without an operator (the page) has it set aside under another name first.

use super::loading::{Ended, How, Source};
use super::snapshotting::{self, Making};
use super::{Engine, Error, aof};
use crate::base::time::{Monotonic, Time};
use crate::engine::world::{DiskDone, DiskError, DiskOp, Effect, Level, Record};
use crate::persist::rdb;
use crate::resp::Out;
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
pub struct Saving {
    /// When the last one was made, or the node.
    pub last: Time,
    /// Whether the last attempt in the background worked, or one that somebody waited for since.
    pub last_ok: bool,
    /// Size of the last one, in bytes.
    pub last_bytes: u64,
    /// Snapshots that were asked for since the start, or due.
    pub count: u64,
    /// How long the last one in the background took, in seconds; `None` if there was none.
    pub last_s: Option<u64>,
    /// Files begun since the start that hold all data.
    pub(super) begun: u64,
    /// The one under way.
    pub running: Option<Running>,
    /// What to do once it is done.
    queued: Option<Queued>,
    /// DEBUG RELOAD loads data: who waits for it, and what becomes of the data there is.
    reload: Option<u64>,
    /// Save points try no earlier than this.
    not_before: Monotonic,
    /// The start has not come to its end.
    stage: Stage,
}

/// A snapshot under way.
pub struct Running {
    /// When it was begun.
    pub since: Time,
    /// Changes it holds that the one before did not.
    dirty: u64,
    /// Whether nobody waits for it.
    pub is_background: bool,
    /// How far it is.
    pub making: Making,
    purpose: Purpose,
}

/// Whether a snapshot is in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is.
    Yes,
    /// Not yet.
    NotYet,
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// A save point, BGSAVE or SAVE; the client waits.
    Save(Option<u64>),
    /// All data was removed; the client waits.
    Flush(u64),
    /// To end; the client waits.
    Shutdown(Option<u64>, Force),
    /// To be loaded again, as DEBUG RELOAD does; the client waits.
    Reload(u64, How),
}

/// What has to wait for the snapshot under way, or for the base of an append-only file.
#[derive(Clone, Copy, Debug)]
enum Queued {
    /// BGSAVE SCHEDULE.
    Background,
    /// SAVE, for which this client waits.
    Save(u64),
    /// To end.
    Shutdown(Option<u64>, Force),
    /// DEBUG RELOAD, of a snapshot of then if the last word says so.
    Reload(u64, How, bool),
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

impl Saving {
    /// Nothing saved, nothing to load.
    pub fn new(now: Time) -> Self {
        Self {
            last: now,
            last_ok: true,
            last_bytes: 0,
            count: 0,
            last_s: None,
            begun: 0,
            running: None,
            queued: None,
            reload: None,
            not_before: now.mono,
            stage: Stage::Ready,
        }
    }

    /// From now on, commands have to wait for the data.
    pub fn begin_loading(&mut self, unreadable: Unreadable) {
        self.stage = Stage::Loading(unreadable);
    }

    /// The data is there.
    pub fn end_loading(&mut self) {
        self.stage = Stage::Ready;
    }

    /// What cannot be read is still in the place of what would be saved.
    pub fn stick(&mut self) {
        self.stage = Stage::Stuck;
    }

    /// A background snapshot is to be made as soon as that is possible.
    pub fn queue_background(&mut self) {
        self.queued.get_or_insert(Queued::Background);
    }

    /// Whether commands have to wait for the data.
    pub fn is_loading(&self) -> bool {
        matches!(self.stage, Stage::Loading(_) | Stage::SettingAside)
    }
}

impl Engine {
    /// The disk is there: begins to load what was saved.
    pub fn mount(&mut self, unreadable: Unreadable) {
        self.saving.begin_loading(unreadable);
        self.load_manifest(unreadable);
    }

    /// Loads the snapshot.
    pub fn read_snapshot(&mut self, now: Time) {
        self.load_snapshot(now, How::Instead);
    }

    fn load_snapshot(&mut self, now: Time, how: How) {
        let name = self.snapshot_name();
        self.begin_load(now, Source::Snapshot, how, 0);
        self.load_file(name);
    }

    /// Makes a snapshot in the background, as BGSAVE and save points do.
    pub fn save_in_background(&mut self, now: Time) -> Result<(), Error> {
        self.refuse_second()?;
        if self.base_under_way().is_some() {
            return Err(Error::text(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
                 SCHEDULE in order to schedule a BGSAVE whenever possible.",
            ));
        }
        self.log(Level::Notice, "Background saving started");
        self.saving.count += 1;
        self.start_saving(now, Purpose::Save(None))
    }

    /// Makes a background snapshot as soon as the commands of a transaction are done.
    pub fn schedule_background_save(&mut self) -> Result<(), Error> {
        self.refuse_second()?;
        self.saving.queue_background();
        Ok(())
    }

    /// Makes a snapshot that client `id` waits for.
    pub fn save_for(&mut self, now: Time, id: u64) -> Result<(), Error> {
        self.refuse_second()?;
        self.saving.count += 1;
        if self.base_under_way().is_some() {
            // Two snapshots at one time are none, and this one has someone who waits for it anyway.
            self.refuse_save()?;
            self.saving.queued = Some(Queued::Save(id));
            return Ok(());
        }
        self.start_saving(now, Purpose::Save(Some(id)))
    }

    fn refuse_second(&self) -> Result<(), Error> {
        let others_wait = !matches!(self.saving.queued, None | Some(Queued::Background));
        if self.saving.running.is_some() || others_wait {
            return Err(Error::text("ERR Background save already in progress"));
        }
        Ok(())
    }

    /// Gives up the background snapshot that is under way; returns whether one was.
    pub fn cancel_background_save(&mut self, now: Time) -> bool {
        let Some(running) = self.saving.running.take_if(|running| running.is_background) else {
            return false;
        };
        self.log(Level::Warning, "Background saving terminated by signal");
        self.saving.last_s = Some(now.mono.since_us(running.since.mono) / 1_000_000);
        self.give_up_making(running.making);
        true
    }

    /// Takes back a background snapshot that is to be made; returns whether there was one.
    pub fn cancel_scheduled_save(&mut self) -> bool {
        self.saving.queued.take_if(|queued| matches!(queued, Queued::Background)).is_some()
    }

    /// All data was removed: a snapshot of what was there is not wanted any more, and if any are
    /// made, what is gone must not come back after a restart.
    ///
    /// Returns whether client `id` has to wait for that, because a reply means here that the end of the
    /// process loses nothing, and there is no append-only file to say so.
    pub fn save_what_is_left(&mut self, now: Time, id: u64) -> bool {
        self.cancel_background_save(now);
        if self.config.save.is_empty() {
            return false;
        }
        if self.snapshot_under_way().is_some() {
            self.saving.queue_background();
            return false;
        }
        let is_promised = self.aof.awaits_writes && self.aof.state == aof::State::Off;
        let waits = is_promised && self.depth <= 1;
        let purpose = if waits { Purpose::Flush(id) } else { Purpose::Save(None) };
        // It can only be refused where nothing may be saved.
        self.start_saving(now, purpose).is_ok() && waits
    }

    /// Ends the program: with a snapshot first if `save`. Client `id`, if one asked, gets a reply
    /// only if it fails, which it can at once.
    pub fn shut_down(
        &mut self,
        now: Time,
        id: Option<u64>,
        save: bool,
        force: Force,
    ) -> Result<(), Error> {
        self.log(Level::Notice, "User requested shutdown...");
        if self.cancel_background_save(now) {
            self.log(Level::Warning, "There is a child saving an .rdb. Killing it!");
        }
        if self.is_rewriting() {
            if self.aof.state == aof::State::Starting && force == Force::No {
                self.log(Level::Warning, "Writing initial AOF, can't exit.");
                return Err(self.cannot_shut_down());
            }
            self.log(Level::Warning, "There is a child rewriting the AOF. Killing it!");
            self.stop_rewriting();
        }
        if let Some(Queued::Save(id) | Queued::Reload(id, ..)) = self.saving.queued.take() {
            // What it waits for will not be begun, and the end may not come.
            self.reply_to(Some(id), |out| out.error(&Error::text("ERR")));
        }
        if !save || self.saving.stage != Stage::Ready {
            self.exit();
            return Ok(());
        }
        if self.saving.running.is_some() {
            self.saving.queued = Some(Queued::Shutdown(id, force));
            return Ok(());
        }
        self.log(Level::Notice, "Saving the final RDB snapshot before exiting.");
        if self.start_saving(now, Purpose::Shutdown(id, force)).is_err() {
            self.exit();
            return Ok(());
        }
        // Nothing may change that the snapshot does not hold.
        self.asleep_until = Some(Monotonic(u64::MAX));
        Ok(())
    }

    /// Ends at once if the end is under way and takes its time; returns whether it does. A snapshot that
    /// was to be made before is given up.
    pub fn insist_on_end(&mut self) -> bool {
        let is_last = |running: &mut Running| matches!(running.purpose, Purpose::Shutdown(..));
        let running = self.saving.running.take_if(is_last);
        let is_queued = matches!(self.saving.queued, Some(Queued::Shutdown(..)));
        if running.is_none() && !is_queued && !self.is_ending() {
            return false;
        }
        self.log(Level::Warning, "You insist... exiting now.");
        running.into_iter().for_each(|running| self.give_up_making(running.making));
        self.effects.push(Effect::Exit { status: 1 });
        true
    }

    fn cannot_shut_down(&mut self) -> Error {
        let text = "Errors trying to shut down the server. Check the logs for more information.";
        self.log(Level::Warning, text);
        Error::text("ERR Errors trying to SHUTDOWN. Check logs.")
    }

    /// Takes back a shutdown that has to wait; returns whether there was one.
    pub fn abort_shutdown(&mut self) -> bool {
        let Some(Queued::Shutdown(id, _)) = self.saving.queued else { return false };
        self.saving.queued = None;
        self.log(Level::Notice, "Shutdown manually aborted.");
        self.reply_to(id, |out| {
            out.error(&Error::text("ERR Errors trying to SHUTDOWN. Check logs."));
        });
        true
    }

    /// Loads all data anew, as DEBUG RELOAD does: from the snapshot on the disk, or from one of now,
    /// which is then written there first. Client `id` waits for it.
    pub fn reload(&mut self, now: Time, id: u64, save: bool, how: How) -> Result<(), Error> {
        if self.saving.is_loading() {
            return Err(Error::text("ERR Error trying to load the RDB dump, check server logs."));
        }
        if save {
            self.refuse_save()?;
        }
        if self.saving.queued.is_some() {
            return Err(Error::text("ERR Background save already in progress"));
        }
        if self.snapshot_under_way().is_some() || self.moving.is_some() {
            // What is under way is of the data that is to be replaced, or would be written to one folder and
            // read from another.
            self.saving.queued = Some(Queued::Reload(id, how, save));
            return Ok(());
        }
        if !save {
            self.begin_reload(now, id, how);
            return Ok(());
        }
        self.start_saving(now, Purpose::Reload(id, how))?;
        // Nothing may change that the snapshot does not hold.
        self.asleep_until = Some(Monotonic(u64::MAX));
        Ok(())
    }

    fn begin_reload(&mut self, now: Time, id: u64, how: How) {
        if self.is_rewriting() {
            // Its base would be of the data that is to be replaced.
            self.restart_rewriting();
        }
        self.saving.begin_loading(Unreadable::Refuse);
        self.saving.reload = Some(id);
        self.load_snapshot(now, how);
    }

    /// Does a slice of the work on the snapshot under way. Called once a turn of the host's loop.
    pub fn save_some(&mut self, now: Time) {
        if self.snapshot_under_way().is_none() && self.depth == 0 {
            self.start_queued(now);
        }
        let Some(mut running) = self.saving.running.take() else { return };
        match self.make_some(now, &mut running.making) {
            Ok(()) => self.saving.running = Some(running),
            Err(why) => self.saved(now, running, &Err(DiskError(why))),
        }
    }

    /// When [`Engine::save_some`] has something to do.
    pub fn next_saving(&self) -> Option<Monotonic> {
        match self.snapshot_under_way() {
            Some(making) => making.next(),
            None => self.saving.queued.map(|_| Monotonic(0)),
        }
    }

    /// The snapshot that is being made, of any kind: there is one at a time.
    pub fn snapshot_under_way(&self) -> Option<&Making> {
        let own = self.saving.running.as_ref().map(|running| &running.making);
        own.or_else(|| self.base_under_way())
    }

    /// Begins what had to wait.
    fn start_queued(&mut self, now: Time) {
        match self.saving.queued.take() {
            // It can only be refused where nothing may be saved.
            Some(Queued::Background) => drop(self.save_in_background(now)),
            Some(Queued::Reload(id, how, save)) => {
                if let Err(error) = self.reload(now, id, save, how) {
                    self.reply_to(Some(id), |out| out.error(&error));
                }
            }
            Some(Queued::Save(id)) => {
                if let Err(error) = self.start_saving(now, Purpose::Save(Some(id))) {
                    self.reply_to(Some(id), |out| out.error(&error));
                }
            }
            Some(Queued::Shutdown(id, force)) => {
                if let Err(error) = self.shut_down(now, id, true, force) {
                    self.reply_to(id, |out| out.error(&error));
                }
            }
            None => {}
        }
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
        let is_busy = self.snapshot_under_way().is_some() || self.saving.stage != Stage::Ready;
        if self.dirty == 0 || is_busy {
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
        let done = match done {
            DiskDone::Read { name, from, result } => match self.part_came(now, &name, result) {
                Some(result) => DiskDone::Read { name, from, result },
                None => return,
            },
            done => done,
        };
        let Some(done) = self.config_file_answered(now, done) else { return };
        let Some(done) = self.aof_disk_done(now, done) else { return };
        if let Some(mut running) = self.saving.running.take() {
            match self.making_answered(&mut running.making, &done) {
                Ok(Saved::NotYet) => self.saving.running = Some(running),
                Ok(Saved::Yes) => self.saved(now, running, &Ok(())),
                Err(error) => self.saved(now, running, &Err(error)),
            }
        }
        match done {
            DiskDone::Enter { result } => self.entered(now, result),
            DiskDone::Rename { to, result, .. } if self.saving.stage == Stage::SettingAside => {
                match result {
                    Ok(()) => self.saving.stage = Stage::Ready,
                    Err(DiskError(why)) => {
                        self.saving.stick();
                        let text =
                            format!("It could not be renamed to {to}: {why}. Nothing is saved.");
                        self.log(Level::Warning, &text);
                    }
                }
            }
            _ => {}
        }
    }

    /// Writes a line to the log.
    pub fn log(&mut self, level: Level, text: &str) {
        self.effects.push(Effect::Log(Record { level, text: text.to_owned() }));
    }

    /// The data as a snapshot, which may be the base of an append-only file. Costs O(data).
    pub fn snapshot_as(&self, now: Time, is_aof_base: bool) -> Vec<u8> {
        let facts = self.facts(now, is_aof_base);
        rdb::write(&self.shard.dbs, &self.libraries, facts, self.usage_of())
    }

    fn snapshot_name(&self) -> String {
        String::from_utf8_lossy(&self.config.dbfilename).into_owned()
    }

    fn refuse_save(&self) -> Result<(), Error> {
        if self.saving.stage != Stage::Ready {
            return Err(Error::text("ERR The snapshot on the disk must not be overwritten"));
        }
        Ok(())
    }

    /// Begins a snapshot, where none of any kind is under way.
    fn start_saving(&mut self, now: Time, purpose: Purpose) -> Result<(), Error> {
        self.refuse_save()?;
        let is_background = matches!(purpose, Purpose::Save(None));
        let (dirty, name) = (self.dirty, self.snapshot_name());
        let making = self.begin_making(now, name, snapshotting::Purpose::Snapshot);
        self.saving.running = Some(Running { since: now, dirty, is_background, making, purpose });
        Ok(())
    }

    /// A snapshot is safe, or will never be.
    fn saved(&mut self, now: Time, running: Running, result: &Result<(), DiskError>) {
        // Who waits for a snapshot is told that it failed, and may try again: writes go on.
        self.saving.last_ok = result.is_ok() || self.saving.last_ok && !running.is_background;
        if running.is_background {
            self.saving.last_s = Some(now.mono.since_us(running.since.mono) / 1_000_000);
        }
        match result {
            Ok(()) => {
                self.dirty -= running.dirty.min(self.dirty);
                self.saving.last = Time { mono: now.mono, ..running.since };
                self.saving.last_bytes = running.making.bytes();
                self.saving.not_before = now.mono;
                self.log(Level::Notice, "DB saved on disk");
                if running.is_background {
                    self.log(Level::Notice, "Background saving terminated with success");
                }
            }
            Err(DiskError(why)) => {
                self.saving.not_before = now.mono.plus_ms(RETRY_MS);
                self.log(Level::Warning, &format!("Write error saving DB on disk: {why}"));
                if running.is_background {
                    self.log(Level::Warning, "Background saving error");
                }
                self.give_up_making(running.making);
            }
        }
        match (running.purpose, result.is_ok()) {
            (Purpose::Save(id), true) => self.reply_to(id, Out::ok),
            // Redis says no more than this either; the reason is in the log.
            (Purpose::Save(id), false) => self.reply_to(id, |out| out.error(&Error::text("ERR"))),
            // The data is gone, whatever is on the disk.
            (Purpose::Flush(id), _) => self.reply_to(Some(id), Out::ok),
            (Purpose::Reload(id, how), true) => {
                self.asleep_until = Some(now.mono);
                self.begin_reload(now, id, how);
            }
            (Purpose::Reload(id, _), false) => {
                self.asleep_until = Some(now.mono);
                self.reply_to(Some(id), |out| out.error(&Error::text("ERR")));
            }
            (Purpose::Shutdown(..), true) | (Purpose::Shutdown(_, Force::Yes), false) => {
                self.exit();
            }
            (Purpose::Shutdown(id, Force::No), false) => {
                self.asleep_until = Some(now.mono);
                let error = self.cannot_shut_down();
                self.reply_to(id, |out| out.error(&error));
            }
        }
        self.start_queued(now);
    }

    /// The snapshot has been read, or cannot be.
    pub(super) fn snapshot_ended(&mut self, now: Time, ended: Ended) {
        if let Some(id) = self.saving.reload.take() {
            return self.reloaded(now, id, ended);
        }
        let Stage::Loading(unreadable) = self.saving.stage else { return };
        let why = match ended {
            Ended::Missing => {
                self.give_up_load();
                self.saving.stage = Stage::Ready;
                return;
            }
            Ended::Whole(bytes) => {
                self.end_load();
                let keys: usize = self.shard.dbs.iter().map(Db::len).sum();
                self.saving.stage = Stage::Ready;
                self.saving.last_bytes = bytes;
                self.log(Level::Notice, &format!("DB loaded from disk: {keys} keys"));
                return;
            }
            ended => ended.to_string(),
        };
        self.give_up_load();
        let name = self.snapshot_name();
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

    /// DEBUG RELOAD has come to its end; what was there is kept if anything is wrong.
    fn reloaded(&mut self, now: Time, id: u64, ended: Ended) {
        self.saving.stage = Stage::Ready;
        let why = match ended {
            Ended::Whole(_) => {
                self.end_load();
                None
            }
            ended => Some(ended.to_string()),
        };
        self.give_up_load();
        let Some(why) = why else {
            self.log(Level::Warning, "DB reloaded by DEBUG RELOAD");
            let now_ms = now.unix_ms();
            self.touch_watched(|engine, db, key| engine.is_live(db, key, now_ms));
            return self.reply_to(Some(id), Out::ok);
        };
        self.log(Level::Warning, &format!("The snapshot cannot be loaded: {why}"));
        self.reply_to(Some(id), |out| {
            let error = "ERR Error trying to load the RDB dump, check server logs.";
            out.error(&Error::text(error));
        });
    }
}
