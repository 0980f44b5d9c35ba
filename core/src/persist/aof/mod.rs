//! The append-only file of Redis: a manifest, a base and increments.
//!
//! Commands are written as they are sent, as arrays of bulk strings. The *base* holds the data as it
//! was at some moment, as a snapshot or as commands too; *increments* hold what was done since, in
//! their order; the *manifest* names the files that count. Every change of the set of files is made
//! beside the old ones and comes into force when the manifest is replaced.

pub mod dataset;
pub mod manifest;
pub mod read;

pub use manifest::Manifest;
pub use read::{Step, Tail};

use crate::base::num::Digits;

/// Writes a command as an array of bulk strings.
pub fn write_record<'a>(bytes: &mut Vec<u8>, words: impl ExactSizeIterator<Item = &'a [u8]>) {
    write_count(bytes, b'*', words.len());
    for word in words {
        write_count(bytes, b'$', word.len());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

fn write_count(bytes: &mut Vec<u8>, mark: u8, count: usize) {
    bytes.push(mark);
    bytes.extend_from_slice(&Digits::of_u64(count as u64));
    bytes.extend_from_slice(b"\r\n");
}

/// Writes that what follows was done at this time, in seconds since 1970.
pub fn write_stamp(bytes: &mut Vec<u8>, now_s: i64) {
    bytes.extend_from_slice(b"#TS:");
    bytes.extend_from_slice(&Digits::of(now_s));
    bytes.extend_from_slice(b"\r\n");
}
