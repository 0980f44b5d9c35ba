//! A recording as bytes: what the programs of the page hand each other, and what a link carries that
//! shares it.
//!
//! Numbers are written seven bits a byte, the lowest first, with the eighth bit where more follow. A
//! recording is the seed, the start (microseconds since 1970, and on the clock that only moves
//! forward), and the snapshot that the node began with, behind its length. Each entry is what happened
//! (a byte), the microseconds since the one before, the connection if it is about one, and what came
//! behind its length. The last byte says that this was all, followed by the microseconds until it was.
//!
//! A recording may come from anywhere: nothing is believed of it, and nothing is allocated on a
//! length's word.

use std::rc::Rc;

use redstart::base::time::{Monotonic, Time};
use redstart::node::ConnId;

use super::{BYTES_MAX, ENTRIES_MAX, Entry, Input, Output, Role};

/// The latest moment and the longest time, in microseconds: two hundred years, which a double holds.
const TIME_US_MAX: u64 = 1 << 53;

/// The greatest number of a connection: they are places in a table.
const CONN_MAX: u64 = 100_000;

/// How a life begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What chance comes from.
    pub seed: u64,
    /// The time at the start.
    pub start: Time,
    /// The snapshot that is there at the start; empty if there is none.
    pub base: Rc<[u8]>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// How it begins.
    pub head: Head,
    /// What happened.
    pub entries: Vec<Entry>,
    /// Until when.
    pub end: Time,
}

/// What a life that was lived again has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// How many entries of the recording had happened.
    pub entries: usize,
    /// On which connection.
    pub conn: ConnId,
    /// What.
    pub bytes: Vec<u8>,
}

/// What stands for [`Input`]s; a recording ends with the last.
const PERSON: u8 = 0;
const WATCHER: u8 = 1;
const RECEIVED: u8 = 2;
const CLOSED: u8 = 3;
const WAKE: u8 = 4;
const END: u8 = 5;

/// A recording as bytes.
pub fn write(head: &Head, entries: &[Entry], end: Time) -> Vec<u8> {
    let mut tape = Vec::new();
    put(&mut tape, head.seed);
    put(&mut tape, u64::try_from(head.start.unix_us).unwrap_or_default());
    put(&mut tape, head.start.mono.0);
    put_bytes(&mut tape, &head.base);
    let mut last = head.start.mono;
    for entry in entries {
        tape.push(match &entry.input {
            Input::Opened(Role::Person) => PERSON,
            Input::Opened(Role::Watcher) => WATCHER,
            Input::Received(_) => RECEIVED,
            Input::Closed => CLOSED,
            Input::Wake => WAKE,
        });
        put(&mut tape, entry.at.mono.since_us(last));
        last = entry.at.mono;
        if entry.input != Input::Wake {
            put(&mut tape, entry.conn.0.into());
        }
        if let Input::Received(bytes) = &entry.input {
            put_bytes(&mut tape, bytes);
        }
    }
    tape.push(END);
    put(&mut tape, end.mono.since_us(last));
    tape
}

/// The recording that bytes are; `None` if they are not one from the first to the last.
pub fn read(tape: &[u8]) -> Option<Tape> {
    let mut reader = Reader::new(tape)?;
    let mut entries = Vec::new();
    let mut bytes = 0;
    loop {
        let entry = reader.next()?;
        if reader.is_done {
            return Some(Tape { head: reader.head, entries, end: entry.at });
        }
        bytes += entry.len();
        if entries.len() == ENTRIES_MAX || bytes > BYTES_MAX {
            return None;
        }
        entries.push(entry);
    }
}

/// Reads a recording entry by entry.
pub struct Reader<'a> {
    /// How it begins.
    pub head: Head,
    /// Whether the last entry was read.
    pub is_done: bool,
    passed_us: u64,
    rest: Rest<'a>,
}

impl<'a> Reader<'a> {
    /// Reads how a recording begins.
    pub fn new(tape: &'a [u8]) -> Option<Self> {
        let mut rest = Rest(tape);
        let seed = rest.number()?;
        let unix_us = rest.time_us()? as i64;
        let start = Time { unix_us, mono: Monotonic(rest.time_us()?) };
        let head = Head { seed, start, base: rest.bytes()?.into() };
        Some(Self { head, is_done: false, passed_us: 0, rest })
    }

    /// The next entry, or [`Input::Wake`] at the end; `None` if there is none, or it is not one.
    #[allow(clippy::should_implement_trait, reason = "nothing after the end is not the end itself")]
    pub fn next(&mut self) -> Option<Entry> {
        let rest = &mut self.rest;
        let kind = *rest.take(1)?.first()?;
        self.passed_us += rest.time_us()?;
        if self.passed_us > TIME_US_MAX {
            return None;
        }
        let mut conn = ConnId(0);
        if kind < WAKE {
            conn = ConnId(rest.number().filter(|conn| *conn <= CONN_MAX)? as u32);
        }
        let input = match kind {
            PERSON => Input::Opened(Role::Person),
            WATCHER => Input::Opened(Role::Watcher),
            RECEIVED => Input::Received(rest.bytes()?.into()),
            CLOSED => Input::Closed,
            WAKE => Input::Wake,
            END if rest.0.is_empty() => {
                self.is_done = true;
                Input::Wake
            }
            _ => return None,
        };
        Some(Entry { at: self.head.start.plus_us(self.passed_us), conn, input })
    }
}

/// Adds what was sent to `heard`, for [`read_heard`].
pub fn hear(heard: &mut Vec<u8>, entries: usize, outputs: &mut Vec<Output>) {
    for output in outputs.drain(..) {
        if let Output::Send(conn, bytes) = output {
            put(heard, entries as u64);
            put(heard, conn.0.into());
            put_bytes(heard, &bytes);
        }
    }
}

/// What [`hear`] wrote.
pub fn read_heard(heard: &[u8]) -> Vec<Heard> {
    let mut rest = Rest(heard);
    let mut one = || {
        let entries = usize::try_from(rest.number()?).ok()?;
        let conn = ConnId(u32::try_from(rest.number()?).ok()?);
        Some(Heard { entries, conn, bytes: rest.bytes()?.to_vec() })
    };
    std::iter::from_fn(&mut one).collect()
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn time_us(&mut self) -> Option<u64> {
        self.number().filter(|us| *us <= TIME_US_MAX)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }
}
