//! What records are made of: lengths, strings, numbers. Nothing is taken on a length's word alone.

use std::borrow::Cow;

use super::{Forms, Reason, special};
use crate::base::num::Digits;
use crate::persist::lzf;

/// Who has written what is read: some numbers of types mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Redis,
    Valkey,
}

/// Bytes, and how far they have been read.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) position: usize,
    /// By how many bytes more became of compressed strings than were read.
    pub(super) expanded: usize,
    pub(super) forms: Forms,
    pub(super) dialect: Dialect,
    pub(super) version: u32,
    /// Bytes of the file that come behind `bytes`, as far as that is known.
    pub(super) behind: u64,
}

/// How a string is written down.
#[derive(Clone, Copy)]
pub(super) enum Head {
    /// So many bytes follow.
    Plain(u64),
    /// It is the digits of a number.
    Number(i64),
    /// So many bytes follow, of which so many become.
    Compressed(u64, u64),
}

/// The longest string whose length is written as one byte.
const SHORT_BYTES_MAX: u8 = 63;

/// What is wrong with a compressed string.
pub(super) const NOT_COMPRESSED: Reason =
    Reason::Broken("A compressed string that does not decompress");

/// A length, or the form a string has instead of one.
enum Length {
    Plain(u64),
    Special(u8),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], forms: Forms) -> Self {
        Self {
            bytes,
            position: 0,
            expanded: 0,
            forms,
            dialect: Dialect::Redis,
            version: 0,
            behind: 0,
        }
    }

    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, Reason> {
        if let Some(short) = self.short_string() {
            return Ok(Cow::Borrowed(short));
        }
        let head = self.string_head()?;
        self.string_behind(head)
    }

    /// The string that follows, if it is all there and so short that its length is one byte. Nearly all
    /// are, so this is the quick way past all the others.
    pub(super) fn short_string(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.bytes.get(self.position..)?.split_first()?;
        if length > SHORT_BYTES_MAX {
            return None;
        }
        let bytes = rest.get(..usize::from(length))?;
        self.position += 1 + bytes.len();
        Some(bytes)
    }

    /// How a string is written down, which follows.
    pub(super) fn string_head(&mut self) -> Result<Head, Reason> {
        Ok(match self.any_length()? {
            Length::Plain(length) => Head::Plain(length),
            Length::Special(special::INT8) => Head::Number(i8::from_le_bytes(self.array()?).into()),
            Length::Special(special::INT16) => {
                Head::Number(i16::from_le_bytes(self.array()?).into())
            }
            Length::Special(special::INT32) => {
                Head::Number(i32::from_le_bytes(self.array()?).into())
            }
            Length::Special(special::LZF) => Head::Compressed(self.length()?, self.length()?),
            Length::Special(_) => return Err(Reason::Broken("An encoding of strings unheard of")),
        })
    }

    /// The string that this head stands before.
    pub(super) fn string_behind(&mut self, head: Head) -> Result<Cow<'a, [u8]>, Reason> {
        match head {
            Head::Plain(length) => {
                let length = usize::try_from(length).map_err(|_| Reason::Truncated)?;
                self.take(length).map(Into::into)
            }
            Head::Number(number) => Ok(Digits::of(number).to_vec().into()),
            Head::Compressed(compressed, length) => {
                let compressed = usize::try_from(compressed).map_err(|_| NOT_COMPRESSED)?;
                let length = usize::try_from(length).map_err(|_| NOT_COMPRESSED)?;
                let bytes = lzf::decompress(self.take(compressed)?, length);
                self.expanded += length.saturating_sub(compressed);
                bytes.map(Into::into).ok_or(NOT_COMPRESSED)
            }
        }
    }

    /// A number that grows with the bytes that were read, and with those that became of them.
    pub(super) fn work(&self) -> usize {
        self.position.saturating_add(self.expanded)
    }

    /// How many bytes can follow, as far as that is known.
    pub(super) fn follow_max(&self) -> usize {
        let here = self.bytes.len().saturating_sub(self.position);
        here.saturating_add(usize::try_from(self.behind).unwrap_or(usize::MAX))
    }

    pub(super) fn length(&mut self) -> Result<u64, Reason> {
        match self.any_length()? {
            Length::Plain(length) => Ok(length),
            Length::Special(_) => Err(Reason::Broken("A string where a length must stand")),
        }
    }

    fn any_length(&mut self) -> Result<Length, Reason> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match (first >> 6, first) {
            (0, _) => Length::Plain(u64::from(low)),
            (1, _) => Length::Plain(u64::from(low) << 8 | u64::from(self.byte()?)),
            (2, 0x80) => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
            (2, 0x81) => Length::Plain(u64::from_be_bytes(self.array()?)),
            (3, _) => Length::Special(low),
            _ => return Err(Reason::Broken("A form of lengths unheard of")),
        })
    }

    pub(super) fn byte(&mut self) -> Result<u8, Reason> {
        let byte = *self.bytes.get(self.position).ok_or(Reason::Truncated)?;
        self.position += 1;
        Ok(byte)
    }

    /// A time in milliseconds.
    pub(super) fn time_ms(&mut self) -> Result<i64, Reason> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        self.take(N)?.try_into().map_err(|_| Reason::Truncated)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Reason> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(Reason::Truncated)?;
        self.position += count;
        Ok(taken)
    }
}
