//! Rewriting: the files are replaced by a base that holds the data of one moment, and an increment
//! that begins at that moment.
//!
//! ```text
//! make the increment ─▶ put it in the manifest ─▶ make the base ─▶ put it in the manifest ─▶ done
//! ```
//!
//! The base is made in slices, as any snapshot is (see [`snapshotting`](crate::engine::snapshotting)).
//! The moment at which it begins is the moment from which on records go into the new increment.
//!
//! A file that is turned on is written in the same way, except that its increment is not in the
//! manifest before the base is whole. Whatever fails leaves the files that counted before, with one
//! increment more at worst.

use super::{Engine, State};
use crate::base::Error;
use crate::base::time::{Monotonic, Time};
use crate::engine::propagate::Stream;
use crate::engine::saving::Saved;
use crate::engine::snapshotting::{Making, Purpose};
use crate::engine::world::{DiskDone, DiskError, DiskOp, Level};
use crate::persist::aof::manifest::{File, Manifest};

/// Failures after which automatic rewrites wait …
const FAILURES_MAX: u32 = 3;
/// … for so long, and twice as long after each one more, in milliseconds …
const WAIT_MS: u64 = 60_000;
/// … up to this.
const WAIT_MS_MAX: u64 = 3_600_000;
/// After the first base of a file could not be written, until it is tried again, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// How rewriting stands.
#[derive(Default)]
pub(super) struct Rewriting {
    /// A rewrite is to begin as soon as it can.
    pub(super) is_scheduled: bool,
    pub(super) step: Option<Step>,
    since: Option<Time>,
    /// Whether the base is to be a snapshot, as the settings were when the rewrite began.
    is_snapshot: bool,
    /// Since when the last one took how long, in seconds.
    last_s: Option<u64>,
    last_failed: bool,
    count: u64,
    failures: u32,
    not_before: Option<Monotonic>,
    /// Manifests on their way that name the same files with data as the one before.
    cleanings: u32,
    /// Bytes of the files when they were rewritten last, or found.
    pub(super) base_bytes: u64,
}

/// What is being done.
pub(super) enum Step {
    /// Making the next increment, which this manifest has.
    Increment(Manifest),
    /// Putting this manifest in force, from which on records go into its last increment.
    Switching(Manifest),
    /// Making a base, which this manifest has.
    Base(Manifest, Box<Making>),
    /// Making the increment behind the base, where both are in another folder; this manifest has them.
    Following(Manifest, u64),
    /// Putting this manifest in force.
    Finishing(Manifest, u64),
}

/// What INFO tells of rewriting.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// One is under way: for so many seconds.
    pub running_s: Option<u64>,
    /// One is to begin.
    pub is_scheduled: bool,
    /// How long the last one took, in seconds.
    pub last_s: Option<u64>,
    /// Whether the last one failed.
    pub last_failed: bool,
    /// How many there were.
    pub count: u64,
    /// How many have failed since one has not.
    pub failures: u32,
    /// Bytes of the files when they were rewritten last.
    pub base_bytes: u64,
}

impl Engine {
    /// Whether the files are being rewritten.
    pub fn is_rewriting(&self) -> bool {
        self.aof.rewriting.step.is_some()
    }

    /// What INFO tells of rewriting.
    pub fn rewriting(&self, now: Time) -> Facts {
        let rewriting = &self.aof.rewriting;
        let running = rewriting.since.filter(|_| rewriting.step.is_some());
        Facts {
            running_s: running.map(|since| now.mono.since_us(since.mono) / 1_000_000),
            is_scheduled: rewriting.is_scheduled,
            last_s: rewriting.last_s,
            last_failed: rewriting.last_failed,
            count: rewriting.count,
            failures: rewriting.failures,
            base_bytes: rewriting.base_bytes,
        }
    }

    /// BGREWRITEAOF. Returns whether it has to wait for something else.
    pub fn rewrite_aof(&mut self) -> Result<bool, Error> {
        if !self.aof.is_mounted {
            return Err(Error::text("ERR There is no disk to write to"));
        }
        if self.is_rewriting() {
            return Err(Error::text(
                "ERR Background append only file rewriting already in progress",
            ));
        }
        self.aof.rewriting.is_scheduled = true;
        // Someone wants it now.
        self.aof.rewriting.failures = 0;
        self.aof.rewriting.not_before = None;
        Ok(self.saving.running.is_some() || self.depth > 1)
    }

    /// The base under way, if there is one: no other snapshot can be made meanwhile.
    pub fn base_under_way(&self) -> Option<&Making> {
        match &self.aof.rewriting.step {
            Some(Step::Base(_, making)) => Some(&**making),
            _ => None,
        }
    }

    pub(super) fn rewrite_if_due(&mut self, now: Time) {
        let is_busy = self.aof.rewriting.step.is_some() || self.saving.running.is_some();
        // Files that are still written to must not be removed.
        if is_busy || self.moving.is_some() || !self.aof.ending.is_empty() {
            return;
        }
        if !self.aof.rewriting.is_scheduled && !self.has_grown(now) {
            return;
        }
        if self.aof.rewriting.not_before.is_some_and(|at| at > now.mono) {
            return;
        }
        self.aof.rewriting.is_scheduled = false;
        self.aof.rewriting.since = Some(now);
        self.aof.rewriting.is_snapshot = self.config.aof_use_rdb_preamble;
        self.log(Level::Notice, "Background append only file rewriting started");
        let mut manifest = self.aof.manifest.clone();
        if self.aof.state == State::Off {
            return self.begin_base(now, manifest, 0);
        }
        let name = manifest.add_increment(&self.aof_stem());
        if self.is_elsewhere() {
            return self.begin_base(now, manifest, 1);
        }
        let name = self.aof_path(&name);
        self.log(Level::Notice, &format!("Creating AOF incr file {name} on background rewrite"));
        self.aof.rewriting.step = Some(Step::Increment(manifest));
        self.ask_disk(DiskOp::Replace { name, bytes: Vec::new() });
    }

    /// Whether the files have grown so much that they are rewritten by themselves.
    fn has_grown(&mut self, now: Time) -> bool {
        let (percentage, bytes) = (self.config.auto_aof_rewrite_percentage, self.aof_bytes());
        if self.aof.state != State::On
            || percentage == 0
            || bytes <= self.config.auto_aof_rewrite_min_size
            || self.aof.rewriting.not_before.is_some_and(|at| at > now.mono)
        {
            return false;
        }
        let base = self.aof.rewriting.base_bytes.max(1);
        let growth = (u128::from(bytes) * 100 / u128::from(base)).saturating_sub(100);
        if growth < u128::from(percentage) {
            return false;
        }
        let text = format!("Starting automatic rewriting of AOF on {growth}% growth");
        self.log(Level::Notice, &text);
        true
    }

    pub(super) fn next_rewrite(&self) -> Option<Monotonic> {
        let rewriting = &self.aof.rewriting;
        let waits = rewriting.is_scheduled && rewriting.step.is_none() && self.moving.is_none();
        rewriting.not_before.filter(|_| waits)
    }

    /// The file was turned off, or the server ends.
    pub fn stop_rewriting(&mut self) {
        match self.aof.rewriting.step.take() {
            // What the new folder has of the files is not what is gone on with.
            Some(Step::Following(manifest, _) | Step::Finishing(manifest, _))
                if self.is_elsewhere() =>
            {
                self.aof.manifest.give_up(manifest);
            }
            // A manifest on its way may come into force: its numbers are used.
            Some(Step::Switching(manifest) | Step::Finishing(manifest, _)) => {
                self.aof.manifest = manifest;
            }
            Some(Step::Base(manifest, making)) => self.give_up_base(&manifest, *making),
            Some(Step::Increment(_) | Step::Following(..)) | None => {}
        }
        if self.aof.state == State::Starting {
            // What was recorded beside the base that will not be would be done twice beside the next.
            self.stop_appending();
        }
        // The end can be called off, and then there is still to be a file.
        self.aof.rewriting.is_scheduled = self.aof.state == State::Starting;
    }

    /// Gives up a base; it may have its name already.
    fn give_up_base(&mut self, manifest: &Manifest, making: Making) {
        self.give_up_making(making);
        if let Some(elsewhere) = &mut self.aof.writing.elsewhere {
            elsewhere.since = None;
        }
        if let Some(base) = &manifest.base {
            let name = self.aof_path(&base.name);
            self.ask_disk(DiskOp::Remove { name });
        }
        if self.aof.state == State::Starting {
            self.remove_last_increment(manifest);
        }
    }

    /// Removes an increment that no manifest names.
    fn remove_last_increment(&mut self, manifest: &Manifest) {
        if let Some(file) = manifest.increments.last() {
            let name = self.aof_path(&file.name);
            self.ask_disk(DiskOp::Remove { name });
        }
    }

    /// A file was put in its place, or not.
    pub(super) fn aof_replaced(&mut self, now: Time, name: &str, result: Result<(), DiskError>) {
        if self.created(name, &result) {
            return;
        }
        let is_manifest = name == self.aof_path(&self.manifest_name());
        if is_manifest && self.aof.rewriting.cleanings > 0 {
            self.aof.rewriting.cleanings -= 1;
            if result.is_ok() && self.aof.rewriting.step.is_none() {
                self.remove_history();
            }
            return;
        }
        let is_awaited = |step: &mut Step| match step {
            Step::Increment(manifest) => {
                manifest.increments.last().is_some_and(|file| ends(name, file))
            }
            Step::Following(manifest, _) => {
                manifest.increments.last().is_some_and(|file| ends(name, file))
            }
            Step::Switching(_) | Step::Finishing(..) => is_manifest,
            Step::Base(..) => false,
        };
        let Some(step) = self.aof.rewriting.step.take_if(is_awaited) else { return };
        if let Err(why) = result {
            return self.rewrite_failed(now, step, name, &why);
        }
        match step {
            Step::Increment(manifest) if self.aof.state == State::Starting => {
                self.begin_base(now, manifest, 1);
            }
            Step::Increment(manifest) => {
                self.replace_manifest(&manifest);
                self.aof.rewriting.step = Some(Step::Switching(manifest));
            }
            Step::Switching(manifest) => {
                self.aof.manifest = manifest.clone();
                self.begin_base(now, manifest, 1);
            }
            Step::Following(manifest, bytes) => self.finish(manifest, bytes),
            Step::Finishing(manifest, bytes) => self.rewritten(now, manifest, bytes),
            Step::Base(..) => {}
        }
    }

    /// Begins to make the base in the place of all but the last `kept` increments.
    fn begin_base(&mut self, now: Time, mut manifest: Manifest, kept: usize) {
        let is_snapshot = self.aof.rewriting.is_snapshot;
        let name = manifest.rebase(&self.aof_stem(), is_snapshot, kept);
        let name = self.aof_path(&name);
        let purpose = if is_snapshot { Purpose::Base } else { Purpose::BaseOfCommands };
        let making = self.begin_making(now, name, purpose);
        if making.has_begun() {
            self.begin_increment(&manifest);
        }
        self.aof.rewriting.step = Some(Step::Base(manifest, Box::new(making)));
    }

    /// The files are there that this manifest names: puts it in force.
    fn finish(&mut self, manifest: Manifest, bytes: u64) {
        self.replace_manifest(&manifest);
        self.aof.rewriting.step = Some(Step::Finishing(manifest, bytes));
    }

    /// From now on, records go into the increment beside the base that is being made, if there is one.
    fn begin_increment(&mut self, manifest: &Manifest) {
        if self.is_elsewhere() {
            return self.begin_behind_base();
        }
        if self.aof.state == State::Starting {
            self.propagation.log = Some(Stream::default());
        }
        if let Some(file) = manifest.increments.last()
            && self.aof.state != State::Off
        {
            let path = self.aof_path(&file.name);
            self.switch_increment(path);
        }
    }

    /// Does a slice of the work on the base under way. Called once a turn of the host's loop.
    pub fn rewrite_some(&mut self, now: Time) {
        let is_base = |step: &mut Step| matches!(step, Step::Base(..));
        let Some(Step::Base(manifest, mut making)) = self.aof.rewriting.step.take_if(is_base)
        else {
            return;
        };
        let had_begun = making.has_begun();
        let result = self.make_some(now, &mut making);
        if making.has_begun() && !had_begun {
            self.begin_increment(&manifest);
        }
        match result {
            Ok(()) => self.aof.rewriting.step = Some(Step::Base(manifest, making)),
            Err(why) => self.base_failed(now, manifest, making, &DiskError(why)),
        }
    }

    /// Whether the disk's answer was about the base under way.
    pub(super) fn base_answered(&mut self, now: Time, done: &DiskDone) -> bool {
        let is_awaited = |step: &mut Step| match step {
            Step::Base(_, making) => Self::is_of(making, done),
            _ => false,
        };
        let Some(Step::Base(manifest, mut making)) = self.aof.rewriting.step.take_if(is_awaited)
        else {
            return false;
        };
        match self.making_answered(&mut making, done) {
            Ok(Saved::NotYet) => self.aof.rewriting.step = Some(Step::Base(manifest, making)),
            Ok(Saved::Yes) if self.is_elsewhere() => {
                self.make_increment_behind(&manifest);
                self.aof.rewriting.step = Some(Step::Following(manifest, making.bytes()));
            }
            Ok(Saved::Yes) => self.finish(manifest, making.bytes()),
            Err(why) => self.base_failed(now, manifest, making, &why),
        }
        true
    }

    fn base_failed(&mut self, now: Time, manifest: Manifest, making: Box<Making>, why: &DiskError) {
        let name = making.temporary().to_owned();
        self.rewrite_failed(now, Step::Base(manifest, making), &name, why);
    }

    fn rewritten(&mut self, now: Time, manifest: Manifest, bytes: u64) {
        self.aof.manifest = manifest;
        if self.aof.state == State::Starting && self.aof.writing.file.is_some() {
            self.aof.state = State::On;
        }
        self.aof.writing.other_bytes = bytes;
        if self.is_elsewhere() {
            self.arrive()
        } else {
            self.rebased()
        }
        let total = self.aof_bytes();
        let rewriting = &mut self.aof.rewriting;
        rewriting.base_bytes = total;
        (rewriting.last_failed, rewriting.failures) = (false, 0);
        (rewriting.not_before, rewriting.count) = (None, rewriting.count + 1);
        let since = rewriting.since.map_or(0, |since| now.mono.since_us(since.mono));
        rewriting.last_s = Some(since / 1_000_000);
        self.log(Level::Notice, "Background AOF rewrite finished successfully");
        self.remove_history();
    }

    fn rewrite_failed(&mut self, now: Time, step: Step, name: &str, why: &DiskError) {
        let text = format!("Background AOF rewrite failed: {name}: {}", why.0);
        self.log(Level::Warning, &text);
        let is_starting = self.aof.state == State::Starting;
        match step {
            Step::Increment(manifest) => self.remove_last_increment(&manifest),
            Step::Base(manifest, making) => self.give_up_base(&manifest, *making),
            Step::Switching(manifest)
            | Step::Following(manifest, _)
            | Step::Finishing(manifest, _) => {
                // It may be in force all the same: what it names goes once it surely is not.
                self.aof.manifest.give_up(manifest);
                if !self.aof.manifest.is_empty() && !self.is_elsewhere() {
                    self.clean_manifest();
                }
            }
        }
        if is_starting {
            self.stop_appending();
        }
        let rewriting = &mut self.aof.rewriting;
        rewriting.last_failed = true;
        rewriting.failures += 1;
        let wait_ms = if is_starting || self.aof.writing.unsure.is_some() {
            rewriting.is_scheduled = true;
            RETRY_MS
        } else if rewriting.failures >= FAILURES_MAX {
            let doublings = (rewriting.failures - FAILURES_MAX).min(6);
            (WAIT_MS << doublings).min(WAIT_MS_MAX)
        } else {
            0
        };
        rewriting.not_before = Some(now.mono.plus_ms(wait_ms));
    }

    /// Removes the files that do not count any more, and then their names from the manifest.
    pub(super) fn remove_history(&mut self) {
        let is_empty = self.aof.manifest.history.is_empty();
        if self.config.aof_disable_auto_gc || is_empty || self.is_elsewhere() {
            return;
        }
        // A file that cannot be removed stays, and harms nobody.
        for file in std::mem::take(&mut self.aof.manifest.history) {
            let name = self.aof_path(&file.name);
            self.ask_disk(DiskOp::Remove { name });
        }
        self.clean_manifest();
    }

    fn clean_manifest(&mut self) {
        let manifest = self.aof.manifest.clone();
        self.replace_manifest(&manifest);
        self.aof.rewriting.cleanings += 1;
    }
}

/// Whether `path` is that of `file`.
fn ends(path: &str, file: &File) -> bool {
    path.rsplit('/').next() == Some(file.name.as_str())
}
