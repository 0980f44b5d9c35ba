//! The end of a file: what is left to be written when it is turned off, or when the program ends.
//!
//! ```text
//! cut off what has failed ─▶ append the rest ─▶ sync ─▶ append to the next increment ─▶ sync
//! ```
//!
//! Each step is asked for when the disk has answered the one before. An append that fails may have left
//! a part of its bytes, and nothing may ever stand behind that: a file that was cut short is loaded as
//! far as it goes, one that is broken in the middle is not loaded. So what an append has left that
//! failed is cut off, as in Redis, and what was to follow is given up.

use std::collections::VecDeque;
use std::mem;

use super::append::{Held, Writing};
use super::{Engine, Unreadable};
use crate::base::time::Monotonic;
use crate::engine::world::{DiskDone, DiskError, DiskOp, Effect, Level};

/// A file that comes to its end.
#[derive(Debug)]
pub(super) struct Ending {
    /// The increment, and how many bytes of it are known to be there.
    file: String,
    file_bytes: u64,
    /// The one behind it, if it was to be begun.
    next: Option<String>,
    /// What is still to be asked for, in order, …
    steps: VecDeque<DiskOp>,
    /// … once so many answers have come.
    pending: u32,
    has_failed: bool,
    /// Output that waits for the end.
    pub(super) held: VecDeque<Held>,
}

/// The program ends when all files have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It was told to.
    Asked,
    /// And what was recorded is not all written.
    Incomplete,
    /// Records cannot be made safe, and that was promised.
    Lost,
}

impl Ending {
    /// The files that it writes to.
    pub(super) fn files(&self) -> impl Iterator<Item = &String> {
        [&self.file].into_iter().chain(&self.next)
    }

    /// A step has failed, on the file `name`: nothing follows it that stands behind.
    fn fail(&mut self, done: &DiskDone, name: &str) {
        self.has_failed = true;
        match done {
            // What is written is there, but perhaps not safe.
            DiskDone::Sync { .. } => self.steps.retain(|step| is_on(step, name)),
            DiskDone::Append { .. } => {
                let bytes = if self.file == name { self.file_bytes } else { 0 };
                self.steps = [DiskOp::Truncate { name: name.to_owned(), bytes }].into();
            }
            _ => self.steps.clear(),
        }
    }
}

impl Engine {
    /// The file is turned off. Nothing may be on its way to the end of it. Output that waits for what was
    /// recorded goes on waiting.
    pub(super) fn end_file(&mut self) {
        self.hold_replies();
        let held = mem::take(&mut self.aof.writing.held);
        self.begin_ending(held);
    }

    /// Whether the program is to end, and waits for what was recorded to be safe.
    pub fn is_ending(&self) -> bool {
        self.aof.exit.is_some()
    }

    /// Ends the program once all that was recorded is safe, or cannot be made so.
    pub fn exit(&mut self) {
        // Nothing may change any more, for it would not be recorded.
        self.asleep_until = Some(Monotonic(u64::MAX));
        self.blocking.all_wait_for = None;
        self.aof.exit.get_or_insert(Exit::Asked);
        self.exit_if_written();
    }

    /// Nothing that is appended can be made safe, and safe is what was promised.
    pub(super) fn aof_is_lost(&mut self, why: &DiskError) {
        let text = format!(
            "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting... \
             ({})",
            why.0
        );
        self.log(Level::Warning, &text);
        // Nothing more is appended, nor to the increment of a rewrite: it would stand behind what is missing.
        self.stop_rewriting();
        let writing = &mut self.aof.writing;
        (writing.file, writing.failure, writing.appending) = (None, None, None);
        self.aof.exit = Some(Exit::Lost);
        self.exit();
    }

    /// Goes on with the end of the program, if it is to end.
    pub(super) fn exit_if_written(&mut self) {
        let Some(exit) = self.aof.exit else { return };
        if self.is_appending() {
            return;
        }
        self.begin_ending(VecDeque::new());
        if !self.aof.ending.is_empty() {
            return;
        }
        let held = mem::take(&mut self.aof.writing.held);
        self.end_holding(held, exit == Exit::Asked);
        let status = match exit {
            Exit::Asked | Exit::Incomplete => 0,
            Exit::Lost => 1,
        };
        if status == 0 {
            self.log(Level::Warning, "Redstart is now ready to exit, bye bye...");
        }
        self.effects.push(Effect::Exit { status });
    }

    /// Asks for the first step to the end of the file that is appended to, if there is one.
    fn begin_ending(&mut self, held: VecDeque<Held>) {
        let Writing { file, file_bytes, failure, unsure, next, issued, syncing, .. } =
            &mut self.aof.writing;
        let Some(file) = file.take() else { return };
        let mut log = self.propagation.log.as_mut().map(|log| log.take()).unwrap_or_default();
        *issued += log.len() as u64;
        let mut steps = VecDeque::new();
        let mut bytes = Vec::new();
        if let Some(failure) = failure.take() {
            steps.push_back(DiskOp::Truncate { name: file.clone(), bytes: *file_bytes });
            bytes = failure.bytes;
        }
        let mut finish = |name: &String, bytes: Vec<u8>| {
            if !bytes.is_empty() {
                steps.push_back(DiskOp::Append { name: name.clone(), bytes });
            }
            steps.push_back(DiskOp::Sync { name: name.clone() });
        };
        let next = next.take().map(|(next, left)| {
            let rest = log.split_off(left.min(log.len()));
            bytes.extend(mem::replace(&mut log, rest));
            finish(&file, mem::take(&mut bytes));
            next
        });
        bytes.extend(log);
        let has_failed = unsure.is_some();
        if next.is_none() || !has_failed {
            // Another sync of the file before does not tell what the one that failed has lost of it.
            finish(next.as_ref().unwrap_or(&file), bytes);
        }
        // A sync of it that was asked for before is waited for.
        let pending = u32::from(syncing.take().is_some_and(|(name, ..)| name == file));
        let file_bytes = *file_bytes;
        let ending = Ending { file, file_bytes, next, steps, pending, has_failed, held };
        self.go_on_ending(ending);
    }

    fn go_on_ending(&mut self, mut ending: Ending) {
        if ending.pending == 0 {
            let Some(step) = ending.steps.pop_front() else { return self.ended(ending) };
            ending.pending = 1;
            self.ask_disk(step);
        }
        self.aof.ending.push(ending);
    }

    /// Whether the disk's answer was about a file that comes to its end.
    pub(super) fn ending_answered(&mut self, done: &DiskDone) -> bool {
        let (DiskDone::Append { name, .. }
        | DiskDone::Sync { name, .. }
        | DiskDone::Truncate { name, .. }) = done
        else {
            return false;
        };
        let is_of = |ending: &Ending| ending.file == *name || ending.next.as_ref() == Some(name);
        let Some(index) = self.aof.ending.iter().position(is_of) else { return false };
        let mut ending = self.aof.ending.swap_remove(index);
        ending.pending = ending.pending.saturating_sub(1);
        if let Some(why) = done.error() {
            self.log_ending(done, why);
            ending.fail(done, name);
        }
        self.go_on_ending(ending);
        true
    }

    fn log_ending(&mut self, done: &DiskDone, why: &DiskError) {
        let text = match done {
            DiskDone::Append { .. } => "Error writing to the AOF file",
            DiskDone::Sync { .. } => "Fail to fsync the AOF file",
            _ => "What a failed write has left could not be removed from the AOF file",
        };
        self.log(Level::Warning, &format!("{text}: {}", why.0));
    }

    fn ended(&mut self, ending: Ending) {
        self.end_holding(ending.held, !ending.has_failed);
        if ending.has_failed && self.aof.exit == Some(Exit::Asked) {
            let is_fatal = self.is_always() && self.aof.unreadable == Unreadable::Refuse;
            self.aof.exit = Some(if is_fatal { Exit::Lost } else { Exit::Incomplete });
        }
    }
}

/// Whether a step is done to the file `name`.
fn is_on(step: &DiskOp, name: &str) -> bool {
    match step {
        DiskOp::Append { name: file, .. }
        | DiskOp::Sync { name: file }
        | DiskOp::Truncate { name: file, .. } => file == name,
        _ => false,
    }
}
