//! The rewrite after CONFIG SET dir, which makes all files anew in the new folder.
//!
//! ```text
//! make the base ─▶ make the increment, of all that was recorded since ─▶ put both in the manifest ─▶ go on there
//! ```
//!
//! A manifest names files beside it. So until the new one is in force, records go on into the increment
//! in the folder that was left, which holds all that was promised; what belongs behind the new base is
//! kept in memory besides. From when that is written, records wait for the manifest. (Redis names the old
//! files in the new folder, where they are not: after a crash, neither folder holds everything.)

use super::Engine;
use super::rewrite::Step;
use crate::engine::world::DiskOp;
use crate::persist::aof::Manifest;

/// What is kept because the increment is in a folder that was left.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// That folder.
    folder: Vec<u8>,
    /// Records since the base in the new folder was begun, if it was.
    pub(super) since: Option<Vec<u8>>,
    /// Up to where the increment behind that base reaches, and how long it is.
    until: u64,
    bytes: u64,
}

impl Engine {
    /// The folder is another one than `left`: what records go into has stayed there, or even before.
    pub fn leave_folder(&mut self, left: Vec<u8>) {
        if !cfg!(feature = "config-file") {
            return;
        }
        let writing = &mut self.aof.writing;
        let folder = writing.elsewhere.take().map_or(left, |elsewhere| elsewhere.folder);
        if writing.file.is_some() && folder != self.config.dir {
            writing.elsewhere = Some(Elsewhere { folder, ..Elsewhere::default() });
        }
    }

    /// Whether records go into a file in a folder that was left. The page, which is built without all
    /// that this decides, has no folders.
    pub(super) fn is_elsewhere(&self) -> bool {
        cfg!(feature = "config-file") && self.aof.writing.elsewhere.is_some()
    }

    /// Whether records wait for a manifest in the new folder.
    pub(super) fn is_following(&self) -> bool {
        self.is_elsewhere()
            && matches!(self.aof.rewriting.step, Some(Step::Following(..) | Step::Finishing(..)))
    }

    /// From now on, records belong behind the base that was begun, too.
    pub(super) fn begin_behind_base(&mut self) {
        let writing = &mut self.aof.writing;
        if let (Some(log), Some(elsewhere)) = (&mut self.propagation.log, &mut writing.elsewhere) {
            log.begin_anew();
            writing.start = writing.issued + log.len() as u64;
            elsewhere.since = Some(Vec::new());
        }
    }

    /// The base is there: makes the increment behind it, which `manifest` names.
    pub(super) fn make_increment_behind(&mut self, manifest: &Manifest) {
        let until = self.recorded();
        let Some(name) = manifest.increments.last().map(|file| self.aof_path(&file.name)) else {
            return;
        };
        let writing = &mut self.aof.writing;
        let Some(elsewhere) = &mut writing.elsewhere else { return };
        let mut bytes = elsewhere.since.take().unwrap_or_default();
        if let Some(log) = &self.propagation.log {
            let before = writing.start.saturating_sub(writing.issued) as usize;
            bytes.extend_from_slice(log.whole().get(before..).unwrap_or_default());
        }
        (elsewhere.until, elsewhere.bytes) = (until, bytes.len() as u64);
        self.ask_disk(DiskOp::Replace { name, bytes });
    }

    /// The manifest in the new folder is in force: goes on behind what it names.
    pub(super) fn arrive(&mut self) {
        let path = self.aof.manifest.increments.last().map(|file| self.aof_path(&file.name));
        let writing = &mut self.aof.writing;
        let Some(Elsewhere { until, bytes, .. }) = writing.elsewhere.take() else { return };
        if let Some(log) = &mut self.propagation.log {
            log.take_first(until.saturating_sub(writing.issued) as usize);
        }
        (writing.file, writing.file_bytes, writing.next) = (path, bytes, None);
        (writing.issued, writing.written, writing.synced) = (until, until, until);
        (writing.failure, writing.unsure) = (None, None);
        (writing.appending, writing.syncing) = (None, None);
        self.release_held();
        self.answer_waitaof();
    }
}
