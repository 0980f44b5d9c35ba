//! The open increment of the append-only file, as the event loop sees it, which writes to it itself.
//!
//! Replies wait for what was recorded before them to be written, and to hand every piece to another
//! thread and to hear of it costs more than writing it. So the disk thread opens the file and lends
//! it, and what a turn of the loop has recorded is written at its end. While the disk thread is at
//! work, another thread writes: a sync, or a snapshot that fills the system's cache, may hold up whoever
//! writes for long, and the loop must not wait for a disk. Nor does it write large pieces.
//!
//! What is done to the file stays in order: whatever is asked for while the other thread writes waits
//! for that, and the file is written from here only when the disk thread has nothing to do with it
//! but a sync, which makes safe what was written before it was asked for, and may as well more.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::mem;
use std::sync::Arc;

use super::explain;
use crate::node::{DiskDone, DiskError, DiskOp};

/// A piece up to this size is written by the loop: in far less than a millisecond.
const WRITTEN_AT_ONCE_BYTES: usize = 256 * 1024;

/// Bytes on their way to the end of a file.
pub(super) struct Piece {
    name: String,
    bytes: Vec<u8>,
    file: Arc<File>,
}

impl Piece {
    /// Writes it; returns the answer.
    pub(super) fn write(self) -> DiskDone {
        let Self { name, bytes, file } = self;
        let result = append(&file, &bytes).map_err(|error| DiskError(explain(&error)));
        DiskDone::Append { name, bytes, result }
    }
}

/// Adds `bytes` at the end of a file that was opened to be appended to.
pub(super) fn append(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)
}

/// What is to be done with an operation.
pub(super) enum Next {
    /// The disk thread does it, and lends the file if it is appended to.
    Ask(DiskOp),
    /// A piece is written first, here or by the other thread; then the operation is looked at again.
    Write(DiskOp),
    /// Nothing for now.
    Wait,
}

/// The file, and what is under way with it.
#[derive(Default)]
pub(super) struct Journal {
    /// What it is called; empty if there is none.
    name: String,
    /// Lent by the disk thread.
    file: Option<Arc<File>>,
    /// What this turn has recorded.
    due: Option<Vec<u8>>,
    /// Operations of the disk thread that change the file.
    changing: usize,
    /// The other thread writes a piece.
    is_writing: bool,
    /// Operations that wait for that.
    waiting: VecDeque<DiskOp>,
}

impl Journal {
    /// Another file takes its place. Returns what waited.
    pub(super) fn begin(&mut self, name: &str) -> VecDeque<DiskOp> {
        let old = mem::take(self);
        self.name = name.to_owned();
        old.waiting
    }

    /// Whether this is the file.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Whether something is to be written.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// Decides what is done with an operation.
    pub(super) fn consider(&mut self, op: DiskOp) -> Next {
        if !self.is_concerned(&op) {
            return Next::Ask(op);
        }
        if self.is_writing {
            self.waiting.push_back(op);
            return Next::Wait;
        }
        if self.due.is_some() {
            return Next::Write(op);
        }
        match op {
            DiskOp::Append { bytes, .. } if self.changing == 0 && self.file.is_some() => {
                self.due = Some(bytes);
                return Next::Wait;
            }
            DiskOp::Append { .. } | DiskOp::Truncate { .. } => self.changing += 1,
            DiskOp::Sync { .. } | DiskOp::Read { .. } | DiskOp::List { .. } => {}
            // Under this name there may be another file then.
            DiskOp::Replace { .. }
            | DiskOp::Rename { .. }
            | DiskOp::Remove { .. }
            | DiskOp::Enter { .. } => *self = Self::default(),
        }
        Next::Ask(op)
    }

    fn is_concerned(&self, op: &DiskOp) -> bool {
        match op {
            DiskOp::Append { name, .. }
            | DiskOp::Truncate { name, .. }
            | DiskOp::Sync { name }
            | DiskOp::Replace { name, .. }
            | DiskOp::Remove { name } => self.is(name),
            DiskOp::Rename { from, to } => self.is(from) || self.is(to),
            DiskOp::Enter { .. } => !self.name.is_empty(),
            DiskOp::Read { .. } | DiskOp::List { .. } => false,
        }
    }

    /// Takes what is due, and whether it is better written by the other thread, which is then waited
    /// for: because it is much, or the disk thread is at work.
    pub(super) fn take_due(&mut self, is_disk_idle: bool) -> Option<(Piece, bool)> {
        let file = self.file.clone()?;
        let bytes = self.due.take()?;
        self.is_writing = !is_disk_idle || bytes.len() > WRITTEN_AT_ONCE_BYTES;
        Some((Piece { name: self.name.clone(), bytes, file }, self.is_writing))
    }

    /// The disk thread has answered, and may have lent the file.
    pub(super) fn answered(&mut self, done: &DiskDone, file: Option<Arc<File>>) {
        if let DiskDone::Append { name, .. } | DiskDone::Truncate { name, .. } = done
            && self.is(name)
        {
            self.changing = self.changing.saturating_sub(1);
            self.file = file.or_else(|| self.file.take());
        }
    }

    /// The other thread has written a piece. Returns what has waited for it.
    pub(super) fn written(&mut self, done: &DiskDone) -> VecDeque<DiskOp> {
        match done {
            DiskDone::Append { name, .. } if self.is(name) => {
                self.is_writing = false;
                mem::take(&mut self.waiting)
            }
            _ => VecDeque::new(),
        }
    }
}
