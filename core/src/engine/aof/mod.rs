//! The append-only file: what commands have changed, on the disk before or soon after they reply.
//!
//! What is recorded (see [`propagate`](super::propagate)) is handed to the disk when an event has
//! been handled, all of it in one piece, and while one piece is on its way the next one grows: so a
//! busy disk gets fewer and larger pieces ([`append`]). With `appendfsync always`, replies are held
//! back until what had changed before them is safe; with the other policies, a host that writes at once
//! has them held back until it is written, so that only the end of the machine can lose it. The file is
//! *rewritten* ([`rewrite`]) as a base, which is a snapshot, and an increment that begins where the
//! snapshot was made; every change of the set of files comes into force with a new manifest, so a crash
//! at any moment leaves a whole set. What is found at the start is repeated ([`load`]); what is left at
//! the end is written step by step ([`ending`]), and CONFIG SET dir has all files made anew ([`elsewhere`]).

mod append;
mod elsewhere;
mod ending;
mod load;
mod rewrite;

pub use rewrite::Facts;

use super::block::WAITAOF_REFUSED;
use super::config::Appendfsync;
use super::saving::Unreadable;
use super::world::{DiskDone, DiskOp, Effect};
use super::{Engine, Error};
use crate::base::time::{Monotonic, Time};
use crate::persist::aof::Manifest;

/// How the append-only file stands.
pub struct Aof {
    /// Whether there is one.
    pub state: State,
    /// The files there are, as the disk knows them.
    manifest: Manifest,
    /// The host has a disk, and what is on it is known.
    pub(super) is_mounted: bool,
    /// Whether the host ends, when nothing else helps, or goes on without.
    unreadable: Unreadable,
    /// Replies wait for what was recorded before them to be written, whatever the policy.
    pub awaits_writes: bool,
    /// Output that is not held back any more, since this event.
    released: Vec<Effect>,
    /// Files that were turned off, or are at the end of the program, and not all written yet.
    ending: Vec<ending::Ending>,
    /// The program is to end.
    exit: Option<ending::Exit>,
    /// Appending to the current increment.
    writing: append::Writing,
    /// Replacing the files by shorter ones.
    rewriting: rewrite::Rewriting,
    /// Reading the files.
    loading: load::Loading,
}

/// Whether there is an append-only file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No.
    Off,
    /// It was turned on, and its first base is being written: until then, what is found after a crash
    /// is what was there before.
    Starting,
    /// Yes.
    On,
}

impl Aof {
    /// No append-only file.
    pub fn new(now: Time) -> Self {
        Self {
            state: State::Off,
            manifest: Manifest::default(),
            is_mounted: false,
            unreadable: Unreadable::Refuse,
            awaits_writes: false,
            ending: Vec::new(),
            exit: None,
            released: Vec::new(),
            writing: append::Writing::new(now.mono),
            rewriting: rewrite::Rewriting::default(),
            loading: load::Loading::Idle,
        }
    }
}

impl Engine {
    /// What is due: the append-only file follows the settings, what was recorded goes to the disk,
    /// and a rewrite begins. Called at the end of every event.
    #[inline]
    pub fn tend_aof(&mut self, now: Time) {
        if !self.aof.is_mounted {
            return;
        }
        if self.saving.is_loading() {
            // Only what was recorded before goes on to the disk.
            return self.append_log(now);
        }
        let is_off = self.aof.state == State::Off;
        if is_off == self.config.appendonly {
            self.turn_aof();
        }
        if !is_off || self.aof.rewriting.is_scheduled {
            self.propagation.stamps = self.config.aof_timestamp_enabled;
            self.append_log(now);
            self.rewrite_if_due(now);
        }
        self.reload_when_flushed();
    }

    /// When [`Engine::tend_aof`] has something to do.
    pub fn next_aof(&self) -> Option<Monotonic> {
        if self.aof.state == State::Off {
            return None;
        }
        if self.saving.is_loading() {
            return self.next_append();
        }
        self.next_append().into_iter().chain(self.next_rewrite()).min()
    }

    /// Begins an append-only file, or ends it.
    fn turn_aof(&mut self) {
        if self.config.appendonly {
            self.aof.state = State::Starting;
            self.aof.rewriting.is_scheduled = true;
            return;
        }
        if self.aof.state == State::On {
            if self.is_appending() {
                // Should that fail, nothing may come behind it.
                return;
            }
            self.end_file();
        }
        self.stop_rewriting();
        self.stop_appending();
        self.aof.state = State::Off;
        self.aof.rewriting.is_scheduled = false;
        if self.aof.unreadable == Unreadable::SetAside && !self.config.save.is_empty() {
            // Such a host goes by the file until there is a snapshot of what it held.
            self.saving.queue_background();
        }
        while let Some(id) = self.blocking.next_safe(u64::MAX) {
            self.unblock(id, |_, out| out.error(&Error::text(WAITAOF_REFUSED)));
        }
    }

    /// The disk has answered. Returns the answer if it was about something else.
    pub fn aof_disk_done(&mut self, now: Time, done: DiskDone) -> Option<DiskDone> {
        let name = match &done {
            DiskDone::Read { name, .. }
            | DiskDone::Replace { name, .. }
            | DiskDone::Append { name, .. }
            | DiskDone::Sync { name, .. }
            | DiskDone::Truncate { name, .. }
            | DiskDone::Remove { name, .. } => name,
            // A snapshot may be called as the append-only file is, but is not made under such a name.
            DiskDone::Rename { from, .. } => from,
            DiskDone::List { folder, .. } => folder,
            DiskDone::Enter { .. } => return Some(done),
        };
        if !self.is_aof_path(name) {
            return Some(done);
        }
        if self.ending_answered(&done) || self.base_answered(now, &done) {
            self.exit_if_written();
            return None;
        }
        match done {
            DiskDone::Read { name, result, .. } => self.aof_read(now, &name, result),
            DiskDone::Append { name, bytes, result } => self.appended(now, &name, bytes, result),
            DiskDone::Sync { name, result } => self.synced(now, &name, result),
            DiskDone::Truncate { name, result } => self.truncated(now, &name, result),
            DiskDone::Replace { name, result } => self.aof_replaced(now, &name, result),
            DiskDone::Rename { result, .. } => self.aof_renamed(now, result),
            DiskDone::Remove { .. } | DiskDone::Enter { .. } => {}
            DiskDone::List { result, .. } => self.aof_listed(now, result),
        }
        self.exit_if_written();
        None
    }

    fn is_aof_path(&self, name: &str) -> bool {
        let folder = self.aof_folder();
        let single = self.aof_stem();
        name == folder
            || name == single
            || name.strip_prefix(&folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The folder of the files.
    fn aof_folder(&self) -> String {
        String::from_utf8_lossy(&self.config.appenddirname).into_owned()
    }

    /// What the names of all files begin with.
    fn aof_stem(&self) -> String {
        String::from_utf8_lossy(&self.config.appendfilename).into_owned()
    }

    /// A file as the disk knows it.
    fn aof_path(&self, name: &str) -> String {
        format!("{}/{name}", self.aof_folder())
    }

    /// The file that records go into, as the disk knows it.
    pub fn open_increment(&self) -> Option<&str> {
        self.aof.writing.file.as_deref()
    }

    /// All files that are written to, perhaps not yet.
    pub fn open_increments(&self) -> Vec<String> {
        let append::Writing { file, next, .. } = &self.aof.writing;
        let ending = self.aof.ending.iter().flat_map(|ending| ending.files());
        let next = next.as_ref().map(|(name, _)| name);
        file.iter().chain(next).chain(ending).cloned().collect()
    }

    fn manifest_name(&self) -> String {
        format!("{}.manifest", self.aof_stem())
    }

    fn ask_disk(&mut self, op: DiskOp) {
        self.effects.push(Effect::Disk(op));
    }

    fn replace_manifest(&mut self, manifest: &Manifest) {
        let name = self.aof_path(&self.manifest_name());
        self.ask_disk(DiskOp::Replace { name, bytes: manifest.to_bytes() });
    }

    /// The base that is being written is given up, and another one begun when that is possible.
    pub fn restart_rewriting(&mut self) {
        self.stop_rewriting();
        self.aof.rewriting.is_scheduled = true;
    }

    /// Whether what was recorded must be safe before anyone hears of it.
    fn is_always(&self) -> bool {
        self.config.appendfsync == Appendfsync::Always
    }
}
