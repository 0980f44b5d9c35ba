//! What is told to those who replay it: the append-only file, and whoever else follows.
//!
//! A command that changes data is recorded as it came, unless its handler says what to record
//! instead: time spans become points in time, chance becomes what chance chose, waiting becomes
//! what was done in the end. So a record means the same whenever it is replayed. A command that
//! changes nothing is not recorded.
//!
//! All that one command of a client does, with the commands of its transaction and the keys found
//! to have expired, is one *unit*: if it is more than one record, MULTI and EXEC stand around it,
//! and a replay never stops in the middle. Where a command of a transaction waits, its unit does, too;
//! only a rewrite that begins meanwhile divides it, as its base holds what was done. Records name no
//! database; SELECT comes before the first one that is in another database than the one before.

use super::{Ctx, Engine};
use crate::persist::aof::{write_record, write_stamp};
use crate::resp::Argv;

/// A record as it is written: an array of bulk strings.
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// What a handler wants recorded of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Verbatim {
    /// The command as it came, if it has changed something.
    #[default]
    IfChanged,
    /// The command as it came, even if there was nothing to change.
    Always,
    /// Not the command: its handler has recorded all there is to record.
    Never,
}

/// Records on their way to one reader.
#[derive(Debug, Default)]
pub struct Stream {
    /// Whole units, and the one that is being put together.
    bytes: Vec<u8>,
    /// The database of the last record.
    db: Option<usize>,
    /// Where the current unit begins, and how many records it has.
    unit: (usize, usize),
    /// A transaction waits for one of its commands: what comes belongs to its unit.
    holds_unit: bool,
    /// The second of the last time stamp.
    stamped_s: i64,
}

impl Stream {
    /// Takes all whole units.
    pub fn take(&mut self) -> Vec<u8> {
        self.take_first(usize::MAX)
    }

    /// Takes the first `count` bytes of them.
    pub fn take_first(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.len());
        self.unit.0 = self.unit.0.saturating_sub(count);
        let rest = self.bytes.split_off(count);
        std::mem::replace(&mut self.bytes, rest)
    }

    /// Uses the memory of `buffer`, which is empty, for what comes.
    pub fn reuse(&mut self, buffer: Vec<u8>) {
        if self.bytes.capacity() == 0 {
            self.bytes = buffer;
        }
    }

    /// All whole units.
    pub fn whole(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    /// Bytes of whole units that were not taken.
    pub fn len(&self) -> usize {
        if self.unit.1 == 0 { self.bytes.len() } else { self.unit.0 }
    }

    /// Whether there is no whole unit since it was taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The reader begins anew: the next record says its database again, and begins a unit.
    pub fn begin_anew(&mut self) {
        self.end_unit();
        self.db = None;
    }

    /// Says when what follows was done, unless that was said.
    fn stamp(&mut self, now_s: i64) {
        if now_s > self.stamped_s {
            self.stamped_s = now_s;
            write_stamp(&mut self.bytes, now_s);
        }
    }

    fn record<'a>(&mut self, db: usize, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        match self.unit {
            (_, 0) => self.unit = (self.bytes.len(), 1),
            (start, 1) => {
                self.bytes.splice(start..start, MULTI.iter().copied());
                self.unit.1 = 2;
            }
            _ => {}
        }
        if self.db != Some(db) {
            self.db = Some(db);
            let digits = crate::base::num::Digits::of(db as i64);
            write_record(&mut self.bytes, [b"SELECT".as_slice(), &digits].into_iter());
        }
        write_record(&mut self.bytes, words);
    }

    /// Records follow that belong together, over several events. Only between units.
    pub fn open_unit(&mut self) {
        self.bytes.extend_from_slice(MULTI);
    }

    /// Adds some of them, which say their databases themselves.
    pub fn add_records(&mut self, records: &[u8]) {
        self.bytes.extend_from_slice(records);
        self.db = None;
    }

    /// Those were all.
    pub fn close_unit(&mut self) {
        self.bytes.extend_from_slice(EXEC);
    }

    fn end_unit(&mut self) {
        if std::mem::take(&mut self.unit).1 > 1 {
            self.bytes.extend_from_slice(EXEC);
        }
    }
}

/// Who hears of changes.
#[derive(Debug, Default)]
pub struct Propagation {
    /// Records for the append-only file, if there is one.
    pub log: Option<Stream>,
    /// The second at which the current event is handled.
    pub now_s: i64,
    /// Whether records are preceded by time stamps (`aof-timestamp-enabled`).
    pub stamps: bool,
}

impl Engine {
    /// Whether anyone hears of changes.
    #[inline]
    pub fn propagates(&self) -> bool {
        self.propagation.log.is_some()
    }

    /// Records a change of database `db`: a command that repeats it. Outside of a command it is a
    /// unit of its own.
    pub fn propagate(&mut self, db: usize, words: &[&[u8]]) {
        self.propagate_words(db, words.iter().copied());
    }

    fn propagate_words<'a>(&mut self, db: usize, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        let Propagation { log: Some(log), now_s, stamps } = &mut self.propagation else { return };
        if *stamps && log.unit.1 == 0 {
            log.stamp(*now_s);
        }
        log.record(db, words);
        if self.depth == 0 && !log.holds_unit {
            log.end_unit();
        }
    }

    /// Records that a key was removed by the server itself: because it has expired, or to make room.
    pub fn propagate_deletion(&mut self, db: usize, key: &[u8], is_lazy: bool) {
        self.propagate(db, &[deletion(is_lazy), key]);
    }

    /// The command of the client is done, with all that belongs to it.
    pub fn end_unit(&mut self) {
        if let Some(log) = &mut self.propagation.log {
            log.holds_unit = false;
            log.end_unit();
        }
    }
}

/// The command that removes a key, and frees it later if `is_lazy`.
pub fn deletion(is_lazy: bool) -> &'static [u8] {
    if is_lazy { b"UNLINK" } else { b"DEL" }
}

impl Ctx<'_> {
    /// Records `words` in the place of the command; more than once, if it takes several. Where
    /// working out the words costs something, ask [`Engine::propagates`] first.
    pub fn propagate_as(&mut self, words: &[&[u8]]) {
        self.verbatim = Verbatim::Never;
        let db = self.session.db;
        self.engine.propagate(db, words);
    }

    /// Records nothing in the place of the command.
    pub fn propagate_nothing(&mut self) {
        self.verbatim = Verbatim::Never;
    }

    /// Records the command although it may have changed nothing.
    pub fn propagate_always(&mut self) {
        self.verbatim = Verbatim::Always;
    }

    /// Records the command that was run in database `db`, if it is to be recorded, and ends the unit if
    /// no other command runs around it. `dirty` is how many changes there had been before it.
    pub fn propagate_command(&mut self, db: usize, argv: Argv<'_>, dirty: u64) {
        let is_recorded = match self.verbatim {
            Verbatim::IfChanged => self.engine.dirty != dirty,
            Verbatim::Always => true,
            Verbatim::Never => false,
        };
        if is_recorded {
            self.engine.propagate_words(db, argv.iter());
        }
        if self.engine.depth > 0 {
            return;
        }
        let Some(log) = &mut self.engine.propagation.log else { return };
        if self.session.executing.is_some() {
            log.holds_unit = true;
            return;
        }
        let has_changed = log.holds_unit || self.engine.dirty != dirty;
        self.engine.end_unit();
        if has_changed {
            self.session.recorded = self.engine.recorded();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_of_one_record_stands_alone_and_of_more_in_a_transaction() {
        let mut log = Stream::default();
        let words = |text: &'static str| text.split(' ').map(str::as_bytes).collect::<Vec<_>>();
        log.record(0, words("SET a 1").into_iter());
        log.end_unit();
        log.record(0, words("DEL a").into_iter());
        log.record(3, words("DEL b").into_iter());
        log.end_unit();
        log.end_unit();
        let text = String::from_utf8(log.take()).unwrap();
        let shown = text.split("\r\n").filter(|line| !line.starts_with(['*', '$']));
        let shown: Vec<&str> = shown.collect();
        let expect = "SELECT 0 SET a 1 MULTI DEL a SELECT 3 DEL b EXEC ";
        assert_eq!(shown.join(" "), expect);
    }
}
