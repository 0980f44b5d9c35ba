//! A recording as bytes, for those who look at it from another program: of each entry its time in
//! microseconds since 1970 (eight bytes), the connection (four), what happened (one), the number of
//! bytes that came (four), and those. Numbers are little-endian.

use super::{Entry, Input, Role};

/// What happened, by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A person or somebody who only looks has come.
    Opened(Role),
    /// A client has sent this.
    Received(Vec<u8>),
    /// A client has gone.
    Closed,
    /// Time has passed.
    Wake,
}

/// An entry of a recording, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// When, in microseconds since 1970.
    pub at_us: i64,
    /// Which connection.
    pub conn: u32,
    /// What.
    pub event: Event,
}

/// A recording as bytes.
pub fn write(entries: &[Entry]) -> Vec<u8> {
    let mut tape = Vec::new();
    for entry in entries {
        let (kind, bytes): (u8, &[u8]) = match &entry.input {
            Input::Opened(Role::Person) => (0, &[]),
            Input::Opened(Role::Watcher) => (1, &[]),
            Input::Received(bytes) => (2, bytes),
            Input::Closed => (3, &[]),
            Input::Wake => (4, &[]),
        };
        tape.extend(entry.at.unix_us.to_le_bytes());
        tape.extend(entry.conn.0.to_le_bytes());
        tape.push(kind);
        tape.extend((bytes.len() as u32).to_le_bytes());
        tape.extend_from_slice(bytes);
    }
    tape
}

/// The recording that bytes are; as much of it as is whole.
pub fn read(tape: &[u8]) -> Vec<Read> {
    let mut entries = Vec::new();
    let mut rest = tape;
    while let Some((entry, left)) = read_one(rest) {
        entries.push(entry);
        rest = left;
    }
    entries
}

fn read_one(tape: &[u8]) -> Option<(Read, &[u8])> {
    let (at_us, rest) = tape.split_first_chunk()?;
    let (conn, rest) = rest.split_first_chunk()?;
    let (kind, rest) = rest.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let event = match kind {
        0 => Event::Opened(Role::Person),
        1 => Event::Opened(Role::Watcher),
        2 => Event::Received(bytes.to_vec()),
        3 => Event::Closed,
        4 => Event::Wake,
        _ => return None,
    };
    let (at_us, conn) = (i64::from_le_bytes(*at_us), u32::from_le_bytes(*conn));
    Some((Read { at_us, conn, event }, rest))
}
