//! Reading IDs of entries, with all that Redis lets pass.

use crate::base::error::until_zero;
use crate::base::{Error, num};
use crate::ds::stream::StreamId;

/// The longest text that is looked at.
const ID_BYTES_MAX: usize = 127;

/// The error for a text that is no ID.
pub(super) const INVALID: Error =
    Error::text("ERR Invalid stream ID specified as stream command argument");

/// An ID, and whether it leaves the sequence number to be found (`ms-*`).
pub(super) struct Parsed {
    pub(super) id: StreamId,
    pub(super) is_open: bool,
}

/// Reads `ms`, `ms-seq` or `ms-*`; where only `ms` is given, `seq` is the rest.
fn parse(text: &[u8], seq: u64) -> Option<Parsed> {
    if text.len() > ID_BYTES_MAX {
        return None;
    }
    let text = until_zero(text);
    let dash = memchr::memchr(b'-', text);
    let (ms, after) = match dash {
        Some(dash) => (text.get(..dash)?, text.get(dash + 1..)),
        None => (text, None),
    };
    let ms = unsigned(ms)?;
    Some(match after {
        None => Parsed { id: StreamId { ms, seq }, is_open: false },
        Some(b"*") => Parsed { id: StreamId { ms, seq: 0 }, is_open: true },
        Some(after) => Parsed { id: StreamId { ms, seq: unsigned(after)? }, is_open: false },
    })
}

/// A number as Redis reads it here: strictly, or else as C's `strtoull` does, which takes space, a
/// sign and zeros before it, and turns what is negative around.
fn unsigned(text: &[u8]) -> Option<u64> {
    if let Some(number) = num::parse_i64(text) {
        return u64::try_from(number).ok();
    }
    let start = text.iter().position(|&byte| !(byte.is_ascii_whitespace() || byte == 0x0b))?;
    let (is_negative, digits) = match text.get(start..)? {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |number, &digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

/// An ID that is no end of a range; `seq` is what follows where only milliseconds are given.
pub(super) fn strict(text: &[u8], seq: u64) -> Result<StreamId, Error> {
    parse(text, seq).filter(|parsed| !parsed.is_open).map(|parsed| parsed.id).ok_or(INVALID)
}

/// As [`strict`], also `ms-*`.
pub(super) fn open(text: &[u8]) -> Result<Parsed, Error> {
    parse(text, 0).ok_or(INVALID)
}

/// Which end of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Start,
    Stop,
}

/// An end of a range: an ID, `-`, `+`, or behind `(` an ID that is not part of it.
pub(super) fn bound(text: &[u8], end: End) -> Result<StreamId, Error> {
    let seq = if end == End::Start { 0 } else { u64::MAX };
    if let [b'(', text @ ..] = text
        && !text.is_empty()
    {
        let id = strict(text, seq)?;
        return match end {
            End::Start => id.next().ok_or(Error::text("ERR invalid start ID for the interval")),
            End::Stop => id.prev().ok_or(Error::text("ERR invalid end ID for the interval")),
        };
    }
    inclusive(text, seq)
}

/// An ID, or `-` or `+` for the smallest or the greatest that there can be; `seq` is what follows
/// where only milliseconds are given.
pub(super) fn inclusive(text: &[u8], seq: u64) -> Result<StreamId, Error> {
    match until_zero(text) {
        _ if text.len() > ID_BYTES_MAX => Err(INVALID),
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => strict(text, seq),
    }
}
