//! The bytes of one entry: a key, what it holds or where that is, when it expires, how it is used.
//!
//! An entry lies in one cell (see [`cells`](crate::ds::cells)) and has no pointers in it, so that
//! moving it is copying bytes:
//!
//! ```text
//! head 1 | access 3 | key length 1.. | key | expiry 8, if the head says so | value
//! ```
//!
//! The value is the digits' number in 1, 2, 4 or 8 bytes, a short string itself, the listpack of a
//! small hash, or the number of an [object](super::objects). Its length is not stored: it is what the
//! cell has left, without the last `pad` bytes, and `pad` stands in the head. A key and a value of 16
//! bytes each take 37.

use crate::ds::cells::{PAD_BYTES_MAX, SMALL_BYTES_MAX};
use crate::ds::compact::{int_width, length_width, read_int, read_length, write_length};
use crate::ds::hashtable::Layout;

/// Strings up to this length lie in the entry itself.
pub(super) const INLINE_BYTES_MAX: usize = 128;

/// The key's length begins here.
const LENGTH_AT: usize = 4;

const FORM_BITS: u8 = 0b11;
const EXPIRES: u8 = 0b100;
const RAW: u8 = 0b1000;
const PAD_SHIFT: u32 = 4;
const PAD_BITS: u8 = 0b111;
/// The entry is left out by a [walk](super::walk) that has not reached it.
const MARKED: u8 = 0x80;

/// How an entry holds its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload<'a> {
    /// The string of this number's digits.
    Int(i64),
    /// A string of [`INLINE_BYTES_MAX`] bytes at most.
    Str(&'a [u8]),
    /// A hash that is a listpack without expiries; see [`Draft::can_lie_here`].
    Hash(&'a [u8]),
    /// Whatever the object of this number is.
    Object(u32),
}

/// An entry to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draft<'a> {
    pub(super) key: &'a [u8],
    pub(super) payload: Payload<'a>,
    /// The string was built up in place.
    pub(super) raw: bool,
    pub(super) expires_ms: Option<i64>,
    /// 24 bits.
    pub(super) access: u32,
}

/// An entry in its cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a>(pub(super) &'a [u8]);

/// The layout of a database's entries.
pub(super) struct KeyEntries;

impl Layout for KeyEntries {
    #[inline]
    fn key(cell: &[u8]) -> &[u8] {
        Entry(cell).key()
    }

    #[inline]
    fn expires_ms(cell: &[u8]) -> Option<i64> {
        Entry(cell).expires_ms()
    }
}

impl Draft<'_> {
    /// How many bytes the entry takes.
    pub(super) fn size(&self) -> usize {
        let value = match self.payload {
            Payload::Int(number) => int_width(number),
            Payload::Str(bytes) | Payload::Hash(bytes) => bytes.len(),
            Payload::Object(_) => 4,
        };
        let expiry = if self.expires_ms.is_some() { 8 } else { 0 };
        LENGTH_AT + length_width(self.key.len()) + self.key.len() + expiry + value
    }

    /// Whether a collection lies in the entry: so small that it is in one of many dense cells, also
    /// when the key is given an expiry.
    pub(super) fn can_lie_here(key: &[u8], bytes: &[u8]) -> bool {
        LENGTH_AT + length_width(key.len()) + key.len() + 8 + bytes.len() <= SMALL_BYTES_MAX
    }

    /// Writes the entry into `cell`, which is at most [`PAD_BYTES_MAX`] larger than it.
    pub(super) fn write(&self, cell: &mut [u8]) {
        let pad = cell.len() - self.size();
        assert!(pad <= PAD_BYTES_MAX);
        let (form, int_bytes, index_bytes);
        let value = match self.payload {
            Payload::Int(number) => {
                (form, int_bytes) = (0, number.to_le_bytes());
                &int_bytes[..int_width(number)]
            }
            Payload::Str(bytes) => {
                form = 1;
                bytes
            }
            Payload::Hash(bytes) => {
                form = 3;
                bytes
            }
            Payload::Object(index) => {
                (form, index_bytes) = (2, index.to_le_bytes());
                &index_bytes
            }
        };
        let expires = if self.expires_ms.is_some() { EXPIRES } else { 0 };
        let raw = if self.raw { RAW } else { 0 };
        let [a, b, c, _] = self.access.to_le_bytes();
        let (head, rest) = cell.split_at_mut(LENGTH_AT);
        head.copy_from_slice(&[form | expires | raw | (pad as u8) << PAD_SHIFT, a, b, c]);
        let width = write_length(rest, self.key.len());
        let mut rest = put(&mut rest[width..], self.key);
        if let Some(at_ms) = self.expires_ms {
            rest = put(rest, &at_ms.to_le_bytes());
        }
        put(rest, value);
    }
}

/// Puts `bytes` at the beginning of `cell`; returns what is behind them.
fn put<'a>(cell: &'a mut [u8], bytes: &[u8]) -> &'a mut [u8] {
    let (here, behind) = cell.split_at_mut(bytes.len());
    here.copy_from_slice(bytes);
    behind
}

impl<'a> Entry<'a> {
    /// Where the key is, and where it ends.
    #[inline]
    fn key_span(self) -> (usize, usize) {
        let first = self.0[LENGTH_AT];
        let (length, start) = if first < 0x80 {
            (usize::from(first), LENGTH_AT + 1)
        } else {
            let (length, width) = read_length(&self.0[LENGTH_AT..]);
            (length, LENGTH_AT + width)
        };
        (start, start + length)
    }

    /// The key.
    #[inline]
    pub(super) fn key(self) -> &'a [u8] {
        let (start, end) = self.key_span();
        &self.0[start..end]
    }

    /// When the key expires.
    #[inline]
    pub(super) fn expires_ms(self) -> Option<i64> {
        if self.0[0] & EXPIRES == 0 {
            return None;
        }
        let (_, end) = self.key_span();
        self.0[end..].first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
    }

    /// The value.
    #[inline]
    pub(super) fn payload(self) -> Payload<'a> {
        let value = &self.0[self.value_start()..self.0.len() - self.pad()];
        match self.0[0] & FORM_BITS {
            0 => Payload::Int(read_int(value)),
            1 => Payload::Str(value),
            3 => Payload::Hash(value),
            _ => Payload::Object(self.object().unwrap_or_default()),
        }
    }

    /// The number of the object that the entry refers to, if it does.
    #[inline]
    pub(super) fn object(self) -> Option<u32> {
        if self.0[0] & FORM_BITS != 2 {
            return None;
        }
        self.0[self.value_start()..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Whether the string was built up in place.
    #[inline]
    pub(super) fn raw(self) -> bool {
        self.0[0] & RAW != 0
    }

    /// Whether the entry has the mark of a walk.
    #[inline]
    pub(super) fn is_marked(self) -> bool {
        self.0[0] & MARKED != 0
    }

    /// The 24 access bits.
    #[inline]
    pub(super) fn access(self) -> u32 {
        u32::from_le_bytes([self.0[1], self.0[2], self.0[3], 0])
    }

    /// All of it.
    pub(super) fn draft(self) -> Draft<'a> {
        Draft {
            key: self.key(),
            payload: self.payload(),
            raw: self.raw(),
            expires_ms: self.expires_ms(),
            access: self.access(),
        }
    }

    #[inline]
    fn pad(self) -> usize {
        usize::from(self.0[0] >> PAD_SHIFT & PAD_BITS)
    }

    #[inline]
    fn value_start(self) -> usize {
        let (_, end) = self.key_span();
        if self.0[0] & EXPIRES == 0 { end } else { end + 8 }
    }
}

/// Changes the access bits of the entry in `cell`.
#[inline]
pub(super) fn set_access(cell: &mut [u8], access: u32) {
    let [a, b, c, _] = access.to_le_bytes();
    cell[1..LENGTH_AT].copy_from_slice(&[a, b, c]);
}

/// Gives the entry in `cell` the mark of a walk, or takes it away.
pub(super) fn set_mark(cell: &mut [u8], is_marked: bool) {
    cell[0] = cell[0] & !MARKED | if is_marked { MARKED } else { 0 };
}

/// Notes that the string of the entry in `cell` was built up in place.
pub(super) fn set_raw(cell: &mut [u8]) {
    cell[0] |= RAW;
}

/// Changes the expiry of the entry in `cell`, which has one.
pub(super) fn move_expiry(cell: &mut [u8], expires_ms: i64) {
    let (_, end) = Entry(cell).key_span();
    assert!(cell[0] & EXPIRES != 0);
    cell[end..end + 8].copy_from_slice(&expires_ms.to_le_bytes());
}

/// Changes the number that the entry in `cell` holds, if the new one takes as many bytes.
#[inline]
pub(super) fn replace_int(cell: &mut [u8], number: i64) -> bool {
    let entry = Entry(cell);
    let (start, end) = (entry.value_start(), cell.len() - entry.pad());
    let fits = cell[0] & FORM_BITS == 0 && int_width(number) == end - start;
    if fits {
        cell[start..end].copy_from_slice(&number.to_le_bytes()[..end - start]);
    }
    fits
}

/// Writes the hash `bytes` over the one in `cell`, if it takes as many bytes.
#[inline]
pub(super) fn replace_hash(cell: &mut [u8], bytes: &[u8]) -> bool {
    let entry = Entry(cell);
    let (start, end) = (entry.value_start(), cell.len() - entry.pad());
    let fits = cell[0] & FORM_BITS == 3 && bytes.len() == end - start;
    if fits {
        cell[start..end].copy_from_slice(bytes);
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(draft: Draft<'_>) {
        for pad in 0..=PAD_BYTES_MAX {
            let mut cell = vec![0xaa; draft.size() + pad];
            draft.write(&mut cell);
            let entry = Entry(&cell);
            assert_eq!(entry.draft(), draft);
            set_access(&mut cell, 0x12_3456);
            assert_eq!(Entry(&cell).draft(), Draft { access: 0x12_3456, ..draft });
            if draft.expires_ms.is_some() {
                move_expiry(&mut cell, -5);
                assert_eq!(Entry(&cell).expires_ms(), Some(-5));
                assert_eq!(Entry(&cell).payload(), draft.payload);
            }
        }
    }

    #[test]
    fn every_form_reads_back() {
        let long_key = vec![b'k'; 300];
        let longest_inline = [b'v'; INLINE_BYTES_MAX];
        for key in [b"".as_slice(), b"k", &[7; 127], &[7; 128], &long_key] {
            for payload in [
                Payload::Int(0),
                Payload::Int(-128),
                Payload::Int(128),
                Payload::Int(-40_000),
                Payload::Int(i64::MIN),
                Payload::Int(i64::MAX),
                Payload::Str(b""),
                Payload::Str(&longest_inline),
                Payload::Hash(b"\x07\0\0\0\0\0\xff"),
                Payload::Object(u32::MAX),
            ] {
                for expires_ms in [None, Some(i64::MIN), Some(i64::MAX)] {
                    for raw in [false, true] {
                        round_trip(Draft { key, payload, raw, expires_ms, access: 0xff_ffff });
                    }
                }
            }
        }
    }

    #[test]
    fn sixteen_and_sixteen_bytes_take_thirty_seven() {
        let payload = Payload::Str(&[b'v'; 16]);
        let draft = Draft { key: &[b'k'; 16], payload, raw: false, expires_ms: None, access: 0 };
        assert_eq!(draft.size(), 37);
        assert_eq!(Draft { expires_ms: Some(1), ..draft }.size(), 45);
    }

    #[test]
    fn a_number_is_replaced_where_it_fits() {
        let payload = Payload::Int(100);
        let draft = Draft { key: b"n", payload, raw: false, expires_ms: Some(9), access: 1 };
        let mut cell = vec![0; draft.size() + 3];
        draft.write(&mut cell);
        assert!(replace_int(&mut cell, -128));
        assert_eq!(Entry(&cell).payload(), Payload::Int(-128));
        assert!(!replace_int(&mut cell, 128));
        assert_eq!(Entry(&cell).draft(), Draft { payload: Payload::Int(-128), ..draft });
    }
}
