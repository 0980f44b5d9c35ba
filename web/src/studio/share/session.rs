//! What was sent in the panes of the node that keeps the person's data, since the page was opened.
//!
//! It is kept as a recording's entries, so that a sandbox can do it once more; the page measures the
//! times. Nothing is known of what other clients do meanwhile.

use std::collections::BTreeMap;
use std::rc::Rc;

use redstart::base::crc::crc64;
use redstart::base::time::{Monotonic, Time};
use redstart::node::ConnId;

use crate::sandbox::tape::{Head, Tape};
use crate::sandbox::{Entry, Input, Role};
use crate::studio::exchange::commands;
use crate::terminal::session::request;

/// Bytes that are kept; when there are more, all of it is forgotten.
const BYTES_MAX: usize = 4 << 20;

/// Entries that are kept.
const ENTRIES_MAX: usize = 20_000;

/// What was sent.
#[derive(Debug, Default)]
pub struct Session {
    entries: Vec<Entry>,
    bytes: usize,
    /// The connections that are open: the pane's number for it, and ours.
    conns: BTreeMap<u32, (u32, ConnId)>,
    /// Checksums of what each connection got.
    got: BTreeMap<ConnId, u64>,
    next: u32,
    last_us: i64,
    is_cut: bool,
    /// Another number for each life of the server.
    life: u32,
}

/// The time that stands for a moment in a recording: only differences of its second clock count.
pub fn time(unix_us: i64) -> Time {
    Time { unix_us, mono: Monotonic(u64::try_from(unix_us).unwrap_or_default()) }
}

impl Session {
    /// What was sent, and which panes came and went.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether it holds everything since the server was started or the page was opened.
    pub fn is_complete(&self) -> bool {
        !self.is_cut
    }

    /// What was forgotten, or belongs to another life of the server, has another number.
    pub fn life(&self) -> u32 {
        self.life
    }

    /// A pane has sent bytes.
    pub fn sent(&mut self, pane: u32, conn: u32, bytes: &[u8], at_ms: f64) {
        let id = match self.conns.get(&pane) {
            Some((number, id)) if *number == conn => *id,
            _ => {
                self.closed(pane, at_ms);
                let id = ConnId(self.next);
                self.next += 1;
                self.conns.insert(pane, (conn, id));
                self.push(id, Input::Opened(Role::Person), at_ms);
                id
            }
        };
        self.bytes += bytes.len();
        self.push(id, Input::Received(bytes.into()), at_ms);
        if self.bytes > BYTES_MAX || self.entries.len() > ENTRIES_MAX {
            self.begin_anew();
            self.is_cut = true;
        }
    }

    /// A pane has got bytes.
    pub fn received(&mut self, pane: u32, conn: u32, bytes: &[u8]) {
        if let Some((_, id)) = self.conns.get(&pane).filter(|(number, _)| *number == conn) {
            let sum = self.got.entry(*id).or_default();
            *sum = crc64(*sum, bytes);
        }
    }

    /// A checksum of what each connection got that got anything.
    pub fn got(&self) -> &BTreeMap<ConnId, u64> {
        &self.got
    }

    /// A pane is closed, or has another connection.
    pub fn closed(&mut self, pane: u32, at_ms: f64) {
        if let Some((_, id)) = self.conns.remove(&pane) {
            self.push(id, Input::Closed, at_ms);
        }
    }

    /// The oldest of it was not told.
    pub fn is_incomplete(&mut self) {
        self.is_cut = true;
    }

    /// The server was started again, and nothing was done since.
    pub fn begin_anew(&mut self) {
        *self = Self { life: self.life + 1, ..Self::default() };
    }

    fn push(&mut self, conn: ConnId, input: Input, at_ms: f64) {
        // A computer's clock may be put back; a recording's is not.
        self.last_us = self.last_us.max((at_ms * 1000.0) as i64);
        self.entries.push(Entry { at: time(self.last_us), conn, input });
    }

    /// The part of it from one entry to another, to be done upon `base`, which is of the time `start_us`.
    /// Connections that were open already are opened first, with the database that they had.
    pub fn tape(&self, base: Rc<[u8]>, start_us: i64, part: std::ops::Range<usize>) -> Tape {
        let (mut seen, mut selected) = (Vec::new(), BTreeMap::new());
        let part_end = part.end;
        let (before, entries) = self
            .entries
            .get(..part_end)
            .unwrap_or(&self.entries)
            .split_at(part.start.min(part_end).min(self.entries.len()));
        for entry in before {
            match &entry.input {
                Input::Opened(_) => seen.push(entry.conn),
                Input::Closed => seen.retain(|conn| *conn != entry.conn),
                Input::Received(bytes) => {
                    let of = |words: &Vec<Vec<u8>>| {
                        words.first().is_some_and(|name| name.eq_ignore_ascii_case(b"SELECT"))
                    };
                    if let Some(words) = commands(bytes).into_iter().rfind(of) {
                        selected.insert(entry.conn, request(&words));
                    }
                }
                Input::Wake => {}
            }
        }
        let start = time(start_us);
        let mut tape =
            Tape { head: Head { seed: 1, start, base }, entries: Vec::new(), end: start };
        let mut add = |conn: ConnId, input: Input, at_us: i64| {
            let at = time(at_us.max(tape.end.unix_us));
            tape.end = at;
            tape.entries.push(Entry { at, conn, input });
        };
        for conn in seen {
            add(conn, Input::Opened(Role::Person), start_us);
            if let Some(select) = selected.remove(&conn) {
                add(conn, Input::Received(select.into()), start_us);
            }
        }
        for entry in entries {
            add(entry.conn, entry.input.clone(), entry.at.unix_us);
        }
        tape
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Sandbox, tape};

    fn send(session: &mut Session, pane: u32, conn: u32, line: &str, at_ms: f64) {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        session.sent(pane, conn, &request(&words), at_ms);
    }

    fn inputs(tape: &Tape) -> Vec<String> {
        let text = |entry: &Entry| {
            let what = match &entry.input {
                Input::Received(bytes) => {
                    let words = commands(bytes).concat();
                    String::from_utf8(words.join(&b' ')).unwrap()
                }
                other => format!("{other:?}"),
            };
            format!("{} {} {what}", entry.at.unix_us, entry.conn.0)
        };
        tape.entries.iter().map(text).collect()
    }

    #[test]
    fn what_was_sent_is_a_recording() {
        let mut session = Session::default();
        send(&mut session, 1, 1, "SELECT 2", 10.0);
        send(&mut session, 2, 1, "PING", 11.0);
        send(&mut session, 1, 1, "SET a 1", 9.0);
        // Ctrl-C opens another connection.
        send(&mut session, 2, 2, "PING", 12.0);
        session.closed(2, 13.0);
        session.received(1, 1, b"+OK\r\n+O");
        session.received(1, 1, b"K\r\n");
        session.received(1, 9, b"of another connection");
        assert_eq!(session.got().get(&ConnId(0)), Some(&crc64(0, b"+OK\r\n+OK\r\n")));
        assert_eq!(session.got().len(), 1);
        let tape = session.tape(Rc::default(), 5_000, 0..8);
        assert_eq!(
            inputs(&tape),
            [
                "10000 0 Opened(Person)",
                "10000 0 SELECT 2",
                "11000 1 Opened(Person)",
                "11000 1 PING",
                "11000 0 SET a 1",
                "12000 1 Closed",
                "12000 2 Opened(Person)",
                "12000 2 PING",
            ]
        );
        let bytes = tape::write(&tape.head, &tape.entries, tape.end);
        assert!(Sandbox::load(&bytes, Monotonic(0), Rc::default(), &mut Vec::new()).is_some());
        // A part of it: who was there already, where they were, and what came then.
        let tape = session.tape(Rc::default(), 11_500, 4..5);
        assert_eq!(
            inputs(&tape),
            [
                "11500 0 Opened(Person)",
                "11500 0 SELECT 2",
                "11500 1 Opened(Person)",
                "11500 0 SET a 1"
            ]
        );
        assert_eq!(
            inputs(&session.tape(Rc::default(), 20_000, 9..20)),
            ["20000 0 Opened(Person)", "20000 0 SELECT 2"]
        );
    }

    #[test]
    fn too_much_is_forgotten() {
        let mut session = Session::default();
        assert!(session.is_complete());
        send(&mut session, 1, 1, "SELECT 2", 10.0);
        let big = vec![b'x'; BYTES_MAX];
        session.sent(1, 1, &big, 11.0);
        assert!(!session.is_complete());
        assert!(session.entries().is_empty());
        assert_eq!(session.life(), 1);
        session.begin_anew();
        assert!(session.is_complete());
    }
}
