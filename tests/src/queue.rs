//! What a node has asked of its disk and has no answer to yet, in the order in which a host keeps it.
//!
//! The page does one operation after the other, and begins the next one when the node has heard of the
//! one before. The server has a thread that does the same without waiting for the node, and a shorter
//! way for what is appended to the *journal*: it may be written before what the thread was asked for
//! earlier, or after what it was asked for later; only what concerns that file waits for it. When something
//! is done, and when the node hears of it, is decided by lot.

use std::collections::VecDeque;
use std::mem;

use redstart::base::rng::{Rng, Seed};
use redstart::node::{DiskDone, DiskOp};

use crate::disk::SimDisk;

/// In which order operations are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// At once, when they are asked for; the node hears of all of them in its next turn.
    AtOnce,
    /// As the page does them.
    OneByOne,
    /// As the server does them.
    Threads,
}

/// Operations and answers on their way.
pub struct Queue {
    order: Order,
    rng: Rng,
    /// While the page opens, what cannot be read is read again, until it can be or the page gives up.
    pub reads_surely: bool,
    /// What the thread, or the page, is still to do.
    asked: VecDeque<DiskOp>,
    /// Pieces of the journal that are still to be written by the other thread.
    pieces: VecDeque<DiskOp>,
    journal: Journal,
    /// What was done, and whether the other thread has done it.
    answers: VecDeque<(DiskDone, bool)>,
}

/// The server's view of the file that it appends to.
#[derive(Default)]
struct Journal {
    name: String,
    /// The thread has opened it.
    is_lent: bool,
    /// Operations of the thread that change it.
    changing: usize,
    is_writing: bool,
    waiting: VecDeque<DiskOp>,
}

impl Queue {
    /// Nothing was asked for.
    pub fn new(order: Order, seed: Seed) -> Self {
        Self {
            order,
            rng: Rng::new(seed),
            reads_surely: order == Order::OneByOne,
            asked: VecDeque::new(),
            pieces: VecDeque::new(),
            journal: Journal::default(),
            answers: VecDeque::new(),
        }
    }

    /// Whether there is nothing to do and nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.pieces.is_empty() && self.answers.is_empty()
    }

    /// The node asks for an operation; `journal` is the file that it appends to.
    pub fn ask(&mut self, disk: &mut SimDisk, op: DiskOp, journal: Option<&str>) {
        match self.order {
            Order::AtOnce => self.answers.push_back((disk.run(op), false)),
            Order::OneByOne => self.asked.push_back(op),
            Order::Threads => {
                if let DiskOp::Append { name, .. } = &op
                    && journal == Some(name)
                    && self.journal.name != *name
                {
                    let old = mem::take(&mut self.journal);
                    name.clone_into(&mut self.journal.name);
                    self.asked.extend(old.waiting);
                }
                self.ask_in_order(op);
            }
        }
    }

    fn ask_in_order(&mut self, op: DiskOp) {
        let Journal { name, is_lent, changing, is_writing, waiting } = &mut self.journal;
        if concerns(&op, name) {
            match op {
                op if *is_writing => return waiting.push_back(op),
                DiskOp::Append { .. } if *changing == 0 && *is_lent => {
                    *is_writing = true;
                    return self.pieces.push_back(op);
                }
                DiskOp::Append { .. } | DiskOp::Truncate { .. } => *changing += 1,
                DiskOp::Sync { .. } | DiskOp::Read { .. } | DiskOp::List { .. } => {}
                DiskOp::Replace { .. }
                | DiskOp::Rename { .. }
                | DiskOp::Remove { .. }
                | DiskOp::Enter { .. } => self.journal = Journal::default(),
            }
        }
        self.asked.push_back(op);
    }

    /// Writes what the event loop does not leave to others, because nobody else is at work. Called when
    /// the node has handled an event.
    pub fn write_due(&mut self, disk: &mut SimDisk) {
        let is_idle = self.asked.is_empty() && self.answers.is_empty();
        if is_idle && self.order == Order::Threads {
            while self.work_once(disk) {}
        }
    }

    /// Does some of what was asked for. Returns how many answers the node hears of in this turn.
    pub fn work(&mut self, disk: &mut SimDisk) -> usize {
        if self.order == Order::AtOnce {
            return self.answers.len();
        }
        let steps = self.rng.below(4);
        (0..steps).for_each(|_| _ = self.work_once(disk));
        match self.rng.below(3) {
            0 => self.answers.len().min(1),
            1 if steps > 0 => 0,
            _ => self.answers.len(),
        }
    }

    /// Does one thing; returns whether there was any.
    fn work_once(&mut self, disk: &mut SimDisk) -> bool {
        if self.order == Order::OneByOne && !self.answers.is_empty() {
            return false;
        }
        let is_piece = !self.pieces.is_empty() && (self.asked.is_empty() || self.rng.below(2) == 0);
        let next = if is_piece { &mut self.pieces } else { &mut self.asked };
        let Some(op) = next.pop_front() else { return false };
        let is_reading = matches!(op, DiskOp::Read { .. } | DiskOp::List { .. });
        let mut done = disk.run(op.clone());
        while self.reads_surely && is_reading && done.error().is_some() {
            done = disk.run(op.clone());
        }
        self.answers.push_back((done, is_piece));
        true
    }

    /// The next answer.
    pub fn answer(&mut self) -> Option<DiskDone> {
        let (done, is_piece) = self.answers.pop_front()?;
        if let DiskDone::Append { name, result, .. } = &done
            && *name == self.journal.name
        {
            if is_piece {
                self.journal.is_writing = false;
                let waiting = mem::take(&mut self.journal.waiting);
                waiting.into_iter().for_each(|op| self.ask_in_order(op));
            } else {
                self.journal.changing = self.journal.changing.saturating_sub(1);
                self.journal.is_lent |= result.is_ok();
            }
        } else if let DiskDone::Truncate { name, .. } = &done
            && *name == self.journal.name
        {
            self.journal.changing = self.journal.changing.saturating_sub(1);
        }
        Some(done)
    }

    /// The process is killed: some of what it has asked for was done.
    pub fn abandon(mut self, disk: &mut SimDisk) {
        let steps = self.rng.below(4);
        (0..steps).for_each(|_| _ = self.work_once(disk));
    }

    /// The process has come to its end: all that it has asked for is done.
    pub fn finish(mut self, disk: &mut SimDisk) {
        while self.work_once(disk) || self.answer().is_some() {}
    }
}

fn concerns(op: &DiskOp, journal: &str) -> bool {
    match op {
        DiskOp::Append { name, .. }
        | DiskOp::Truncate { name, .. }
        | DiskOp::Sync { name }
        | DiskOp::Replace { name, .. }
        | DiskOp::Remove { name } => name == journal,
        DiskOp::Rename { from, to } => from == journal || to == journal,
        DiskOp::Enter { .. } => !journal.is_empty(),
        DiskOp::Read { .. } | DiskOp::List { .. } => false,
    }
}
