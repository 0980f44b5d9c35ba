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
    pub(super) forms: Forms,
    pub(super) dialect: Dialect,
    pub(super) version: u32,
}

/// A length, or the form a string has instead of one.
enum Length {
    Plain(u64),
    Special(u8),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], forms: Forms) -> Self {
        Self { bytes, position: 0, forms, dialect: Dialect::Redis, version: 0 }
    }

    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, Reason> {
        let number = match self.any_length()? {
            Length::Plain(length) => {
                let length = usize::try_from(length).map_err(|_| Reason::Truncated)?;
                return self.take(length).map(Into::into);
            }
            Length::Special(special::INT8) => i64::from(i8::from_le_bytes(self.array()?)),
            Length::Special(special::INT16) => i64::from(i16::from_le_bytes(self.array()?)),
            Length::Special(special::INT32) => i64::from(i32::from_le_bytes(self.array()?)),
            Length::Special(special::LZF) => {
                let broken = Reason::Broken("A compressed string that does not decompress");
                let compressed = usize::try_from(self.length()?).map_err(|_| broken)?;
                let length = usize::try_from(self.length()?).map_err(|_| broken)?;
                let bytes = lzf::decompress(self.take(compressed)?, length);
                return bytes.map(Into::into).ok_or(broken);
            }
            Length::Special(_) => return Err(Reason::Broken("An encoding of strings unheard of")),
        };
        Ok(Digits::of(number).to_vec().into())
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
        self.array::<1>().map(|[byte]| byte)
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
