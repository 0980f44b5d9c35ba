//! One element of a listpack: how it is written, and how it is read back.

use crate::base::num::{self, Digits};

/// One element. Strings that are exactly the digits of a 64-bit integer are kept as integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// An integer.
    Int(i64),
    /// Any other string.
    Bytes(&'a [u8]),
}

/// An element to search for, its integer worked out once.
#[derive(Clone, Copy, Debug)]
pub struct Needle<'a> {
    bytes: &'a [u8],
    number: Option<i64>,
}

impl<'a> Element<'a> {
    /// The element that stands for `bytes`.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Self {
        match num::parse_i64(bytes) {
            Some(number) => Self::Int(number),
            None => Self::Bytes(bytes),
        }
    }

    /// Calls `with` with the element as a string.
    #[inline]
    pub fn with_bytes<R>(self, with: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Int(number) => with(&Digits::of(number)),
            Self::Bytes(bytes) => with(bytes),
        }
    }

    /// The element as a string of its own.
    pub fn to_vec(self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// Bytes of header and data, without the back length.
    pub(super) fn body_bytes(self) -> usize {
        match self {
            Self::Int(0..=127) => 1,
            Self::Int(-4096..=4095) => 2,
            Self::Int(-0x8000..=0x7fff) => 3,
            Self::Int(-0x80_0000..=0x7f_ffff) => 4,
            Self::Int(-0x8000_0000..=0x7fff_ffff) => 5,
            Self::Int(_) => 9,
            Self::Bytes(bytes) => {
                bytes.len()
                    + match bytes.len() {
                        0..=63 => 1,
                        64..=4095 => 2,
                        _ => 5,
                    }
            }
        }
    }

    /// Bytes that the element takes in a listpack.
    #[inline]
    pub fn entry_bytes(self) -> usize {
        let body = self.body_bytes();
        body + back_bytes(body)
    }

    /// Writes header and data to the start of `to`, which is large enough.
    pub(super) fn write(self, to: &mut [u8]) {
        let (low, data): (&[u8], &[u8]) = match self {
            Self::Int(number @ 0..=127) => (&[number as u8], &[]),
            Self::Int(number @ -4096..=4095) => {
                (&[0xc0 | (number >> 8) as u8 & 0x1f, number as u8], &[])
            }
            Self::Int(number @ -0x8000..=0x7fff) => (&[0xf1], &number.to_le_bytes()[..2]),
            Self::Int(number @ -0x80_0000..=0x7f_ffff) => (&[0xf2], &number.to_le_bytes()[..3]),
            Self::Int(number @ -0x8000_0000..=0x7fff_ffff) => (&[0xf3], &number.to_le_bytes()[..4]),
            Self::Int(number) => (&[0xf4], &number.to_le_bytes()[..]),
            Self::Bytes(bytes) => match bytes.len() {
                length @ 0..=63 => (&[0x80 | length as u8], bytes),
                length @ 64..=4095 => (&[0xe0 | (length >> 8) as u8, length as u8], bytes),
                length => {
                    let [a, b, c, d] = (length as u32).to_le_bytes();
                    (&[0xf0, a, b, c, d], bytes)
                }
            },
        };
        let (head, rest) = to.split_at_mut(low.len());
        head.copy_from_slice(low);
        rest[..data.len()].copy_from_slice(data);
    }
}

impl<'a> Needle<'a> {
    /// Searches for the string `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, number: num::parse_i64(bytes) }
    }

    /// Whether `element` is the string searched for.
    #[inline]
    pub fn matches(&self, element: Element<'_>) -> bool {
        match element {
            Element::Int(number) => self.number == Some(number),
            Element::Bytes(bytes) => self.bytes == bytes,
        }
    }
}

/// Bytes that the back length of `body` bytes takes. The bounds are Redis's, which leave out the
/// largest number that each width could hold but the first.
pub(super) fn back_bytes(body: usize) -> usize {
    match body {
        0..=127 => 1,
        128..16383 => 2,
        16383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// Writes the back length of `body` bytes over the whole of `to`.
pub(super) fn write_back(body: usize, to: &mut [u8]) {
    let mut rest = body;
    for (index, byte) in to.iter_mut().enumerate().rev() {
        let more = if index > 0 { 0x80 } else { 0 };
        *byte = (rest & 0x7f) as u8 | more;
        rest >>= 7;
    }
}

/// Reads the back length that ends where `before` ends: its value and its own size.
pub(super) fn read_back(before: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (size, &byte) in before.iter().rev().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * size);
        if byte & 0x80 == 0 {
            return Some((value, size + 1));
        }
    }
    None
}

/// Reads the entry at the start of `bytes`: the element and the size of its header and data.
#[inline]
pub(super) fn read_entry(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let string = |head: usize, length: usize| {
        let end = head.checked_add(length)?;
        Some((Element::Bytes(bytes.get(head..end)?), end))
    };
    match *bytes {
        [first @ 0..=0x7f, ..] => Some((Element::Int(i64::from(first)), 1)),
        [first @ 0x80..=0xbf, ..] => string(1, usize::from(first & 0x3f)),
        [first @ 0xc0..=0xdf, low, ..] => {
            // The top bit of the 13 is the sign: moved to the top of an i16 and back.
            let bits = u16::from(first & 0x1f) << 8 | u16::from(low);
            Some((Element::Int(i64::from((bits << 3) as i16 >> 3)), 2))
        }
        [first @ 0xe0..=0xef, low, ..] => {
            string(2, usize::from(first & 0x0f) << 8 | usize::from(low))
        }
        [0xf0, a, b, c, d, ..] => string(5, u32::from_le_bytes([a, b, c, d]) as usize),
        [0xf1, a, b, ..] => Some((Element::Int(i64::from(i16::from_le_bytes([a, b]))), 3)),
        [0xf2, a, b, c, ..] => {
            Some((Element::Int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)), 4))
        }
        [0xf3, a, b, c, d, ..] => {
            Some((Element::Int(i64::from(i32::from_le_bytes([a, b, c, d]))), 5))
        }
        [0xf4, a, b, c, d, e, f, g, h, ..] => {
            Some((Element::Int(i64::from_le_bytes([a, b, c, d, e, f, g, h])), 9))
        }
        _ => None,
    }
}
