//! Listpacks: short sequences of strings and integers in one run of bytes.
//!
//! The bytes are exactly Redis's, so that DUMP, RESTORE and RDB files copy them as they are:
//!
//! ```text
//! total bytes (u32) | entries (u16; 65535: count them) | entry … | 0xff
//! entry:    header and data | back length
//! header:   0xxxxxxx                 an integer from 0 to 127
//!           10xxxxxx data            a string of up to 63 bytes
//!           110xxxxx xxxxxxxx        an integer of 13 bits, with sign
//!           1110xxxx xxxxxxxx data   a string of up to 4095 bytes
//!           0xf0 u32 data            a string
//!           0xf1 … 0xf4 data         an integer of 2, 3, 4 or 8 bytes
//! ```
//!
//! Numbers are little-endian. The *back length* is the size of header and data, written so that it
//! can be read from its end: seven bits a byte, the most significant first, all but the first byte
//! with the top bit set. Through it a listpack is walked backwards.
//!
//! Source: the format's specification by Salvatore Sanfilippo,
//! <https://github.com/antirez/listpack/blob/master/listpack.md>.
//!
//! A [`Listpack`] is always well-formed: bytes from outside enter through [`Listpack::parse`],
//! which checks every entry. Inserting and removing cost O(bytes behind the place).

use super::compact::block_bytes;
use crate::base::num::{self, Digits};

/// Bytes before the first entry.
const HEADER_BYTES: usize = 6;

/// The byte behind the last entry.
const END: u8 = 0xff;

/// The entry count that says: count them.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// The largest listpack that is built, in bytes; Redis's bound, far below what `u32` can say.
pub const LISTPACK_BYTES_MAX: usize = 1 << 30;

/// A sequence of strings and integers in one run of bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack {
    bytes: Vec<u8>,
}

/// One element. Strings that are exactly the digits of a 64-bit integer are kept as integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// An integer.
    Int(i64),
    /// Any other string.
    Bytes(&'a [u8]),
}

/// The place of an entry. Any change of the listpack before or at it makes it meaningless; used
/// then, it gives a wrong element or none, never a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(usize);

/// Bytes that are no listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

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
    fn body_bytes(self) -> usize {
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
    fn write(self, to: &mut [u8]) {
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
fn back_bytes(body: usize) -> usize {
    match body {
        0..=127 => 1,
        128..16383 => 2,
        16383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// Writes the back length of `body` bytes over the whole of `to`.
fn write_back(body: usize, to: &mut [u8]) {
    let mut rest = body;
    for (index, byte) in to.iter_mut().enumerate().rev() {
        let more = if index > 0 { 0x80 } else { 0 };
        *byte = (rest & 0x7f) as u8 | more;
        rest >>= 7;
    }
}

/// Reads the back length that ends where `before` ends: its value and its own size.
fn read_back(before: &[u8]) -> Option<(usize, usize)> {
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
fn read_entry(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
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

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Making listpacks, and their bytes.
impl Listpack {
    /// An empty listpack.
    pub fn new() -> Self {
        Self { bytes: vec![(HEADER_BYTES + 1) as u8, 0, 0, 0, 0, 0, END] }
    }

    /// The listpack that `bytes` are. Everything is checked: the sizes, every entry's header and
    /// back length, the count. Costs O(bytes).
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let [a, b, c, d, e, f, body @ .., END] = bytes else { return Err(Malformed) };
        if u32::from_le_bytes([*a, *b, *c, *d]) as usize != bytes.len() {
            return Err(Malformed);
        }
        let declared = u16::from_le_bytes([*e, *f]);
        let (mut rest, mut count) = (body, 0usize);
        while !rest.is_empty() {
            let (_, size) = read_entry(rest).ok_or(Malformed)?;
            let whole = size + back_bytes(size);
            let entry = rest.get(..whole).ok_or(Malformed)?;
            if read_back(entry) != Some((size, whole - size)) {
                return Err(Malformed);
            }
            rest = rest.get(whole..).ok_or(Malformed)?;
            count += 1;
        }
        if declared != COUNT_UNKNOWN && usize::from(declared) != count {
            return Err(Malformed);
        }
        Ok(Self { bytes: bytes.to_vec() })
    }

    /// The listpack's bytes, as Redis would have them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of the listpack's bytes.
    #[inline]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Number of elements. Costs O(1), and O(elements) from 65535 elements on.
    #[inline]
    pub fn len(&self) -> usize {
        match self.declared_count() {
            COUNT_UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there are no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER_BYTES + 1
    }

    /// Gives memory back that was kept to grow into.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    fn declared_count(&self) -> u16 {
        match *self.bytes {
            [_, _, _, _, low, high, ..] => u16::from_le_bytes([low, high]),
            _ => 0,
        }
    }

    /// The place of the end byte.
    fn end(&self) -> usize {
        self.bytes.len() - 1
    }
}

/// Finding and reading.
impl Listpack {
    /// The first entry.
    #[inline]
    pub fn first(&self) -> Option<Cursor> {
        (!self.is_empty()).then_some(Cursor(HEADER_BYTES))
    }

    /// The last entry.
    #[inline]
    pub fn last(&self) -> Option<Cursor> {
        self.before(self.end())
    }

    /// The entry behind the one at `cursor`.
    #[inline]
    pub fn next(&self, cursor: Cursor) -> Option<Cursor> {
        let next = cursor.0 + self.entry_bytes_at(cursor)?;
        (next < self.end()).then_some(Cursor(next))
    }

    /// The entry before the one at `cursor`.
    #[inline]
    pub fn prev(&self, cursor: Cursor) -> Option<Cursor> {
        self.before(cursor.0)
    }

    /// The entry that ends at `place`.
    fn before(&self, place: usize) -> Option<Cursor> {
        if place <= HEADER_BYTES {
            return None;
        }
        let (body, back) = read_back(self.bytes.get(HEADER_BYTES..place)?)?;
        let start = place.checked_sub(body + back)?;
        (start >= HEADER_BYTES).then_some(Cursor(start))
    }

    /// The element at `cursor`.
    #[inline]
    pub fn get(&self, cursor: Cursor) -> Option<Element<'_>> {
        Some(read_entry(self.bytes.get(cursor.0..self.end())?)?.0)
    }

    /// The entry at `index`, counted from 0. Costs O(entries between it and the nearer end).
    pub fn seek(&self, index: usize) -> Option<Cursor> {
        let declared = self.declared_count();
        let behind = usize::from(declared).checked_sub(index.saturating_add(1));
        match behind {
            None if declared != COUNT_UNKNOWN => None,
            Some(behind) if declared != COUNT_UNKNOWN && behind < index => {
                let mut cursor = self.last()?;
                for _ in 0..behind {
                    cursor = self.prev(cursor)?;
                }
                Some(cursor)
            }
            _ => {
                let mut cursor = self.first()?;
                for _ in 0..index {
                    cursor = self.next(cursor)?;
                }
                Some(cursor)
            }
        }
    }

    /// The first entry from `from` on that is `needle`, looking at it and then at each `step`th
    /// behind it (1: at all; 2: at the fields of a map). Costs O(entries passed).
    pub fn find(&self, from: Cursor, needle: &Needle<'_>, step: usize) -> Option<Cursor> {
        let mut cursor = from;
        loop {
            if needle.matches(self.get(cursor)?) {
                return Some(cursor);
            }
            for _ in 0..step.max(1) {
                cursor = self.next(cursor)?;
            }
        }
    }

    /// All elements, from either end.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(Cursor(HEADER_BYTES))
    }

    /// The elements from `cursor` to the end.
    pub fn iter_from(&self, cursor: Cursor) -> Iter<'_> {
        Iter { body: self.bytes.get(cursor.0..self.end()).unwrap_or_default() }
    }

    /// The place of the element that `iter`, elements of this listpack, gives next.
    pub fn place_of(&self, iter: &Iter<'_>) -> Cursor {
        Cursor(self.end().saturating_sub(iter.body.len()))
    }

    /// The elements up to `cursor`, that one included.
    pub fn iter_to(&self, cursor: Cursor) -> Iter<'_> {
        let end = self.entry_bytes_at(cursor).map_or_else(|| self.end(), |size| cursor.0 + size);
        Iter { body: self.bytes.get(HEADER_BYTES..end).unwrap_or_default() }
    }

    /// Bytes of the entry at `cursor`.
    #[inline]
    fn entry_bytes_at(&self, cursor: Cursor) -> Option<usize> {
        let rest = self.bytes.get(cursor.0..self.end())?;
        let (_, body) = read_entry(rest)?;
        Some(body + back_bytes(body)).filter(|&size| size <= rest.len())
    }
}

/// Changing. What would pass [`LISTPACK_BYTES_MAX`] is for the caller to avoid.
impl Listpack {
    /// Adds `element` at the end.
    #[inline]
    pub fn push_back(&mut self, element: Element<'_>) {
        self.splice(self.end(), 0, Some(element), 1);
    }

    /// Adds `element` at the start.
    pub fn push_front(&mut self, element: Element<'_>) {
        self.splice(HEADER_BYTES, 0, Some(element), 1);
    }

    /// Adds `element` before the entry at `cursor`, and returns its own place.
    pub fn insert_before(&mut self, cursor: Cursor, element: Element<'_>) -> Cursor {
        let place = cursor.0.clamp(HEADER_BYTES, self.end());
        self.splice(place, 0, Some(element), 1);
        Cursor(place)
    }

    /// Adds `element` behind the entry at `cursor`, and returns its own place.
    pub fn insert_after(&mut self, cursor: Cursor, element: Element<'_>) -> Cursor {
        let place = self.next(cursor).map_or_else(|| self.end(), |next| next.0);
        self.splice(place, 0, Some(element), 1);
        Cursor(place)
    }

    /// Puts `element` in the place of the entry at `cursor`, whose place stays.
    pub fn replace(&mut self, cursor: Cursor, element: Element<'_>) {
        if let Some(old_bytes) = self.entry_bytes_at(cursor) {
            self.splice(cursor.0, old_bytes, Some(element), 0);
        }
    }

    /// Removes the entry at `cursor`; the place is then that of the next entry, if there is one.
    pub fn remove(&mut self, cursor: Cursor) -> Option<Cursor> {
        let old_bytes = self.entry_bytes_at(cursor)?;
        self.splice(cursor.0, old_bytes, None, -1);
        (cursor.0 < self.end()).then_some(cursor)
    }

    /// Removes `count` entries, or as many as there are, from the one at `cursor` on; returns the
    /// place of the one that follows.
    pub fn remove_range(&mut self, cursor: Cursor, count: usize) -> Option<Cursor> {
        let cursor = Cursor(cursor.0.min(self.end()));
        let (mut end, mut removed) = (cursor, 0);
        while removed < count {
            let Some(size) = self.entry_bytes_at(end) else { break };
            end = Cursor(end.0 + size);
            removed += 1;
        }
        self.splice(cursor.0, end.0 - cursor.0, None, -(removed as i64));
        (cursor.0 < self.end()).then_some(cursor)
    }

    /// Cuts the listpack in two: the entries from `cursor` on are taken out and returned.
    #[must_use]
    pub fn split_off(&mut self, cursor: Cursor) -> Self {
        let mut rest = Self::new();
        let place = cursor.0.clamp(HEADER_BYTES, self.end());
        let moved = self.iter_from(Cursor(place)).count();
        rest.append_body(self.bytes.get(place..self.end()).unwrap_or_default(), moved);
        self.splice(place, self.end() - place, None, -(moved as i64));
        rest
    }

    /// Adds all elements of `other` at the end.
    pub fn append(&mut self, other: &Self) {
        self.append_body(
            other.bytes.get(HEADER_BYTES..other.end()).unwrap_or_default(),
            other.len(),
        );
    }

    fn append_body(&mut self, body: &[u8], count: usize) {
        let end = self.end();
        self.reserve(body.len());
        self.bytes.truncate(end);
        self.bytes.extend_from_slice(body);
        self.bytes.push(END);
        self.write_header(count as i64);
    }

    /// Puts `element` where the `old_bytes` bytes at `place` were, and counts `count_change`.
    fn splice(
        &mut self,
        place: usize,
        old_bytes: usize,
        element: Option<Element<'_>>,
        count_change: i64,
    ) {
        let new_bytes = element.map_or(0, Element::entry_bytes);
        let (old_end, new_end) = (place + old_bytes, place + new_bytes);
        let length = self.bytes.len();
        if new_bytes > old_bytes {
            let more = new_bytes - old_bytes;
            self.reserve(more);
            self.bytes.resize(length + more, END);
            self.bytes.copy_within(old_end..length, new_end);
        } else {
            self.bytes.copy_within(old_end..length, new_end);
            self.bytes.truncate(length - (old_bytes - new_bytes));
            self.give_back();
        }
        if let Some(element) = element {
            let body = element.body_bytes();
            let entry = &mut self.bytes[place..new_end];
            element.write(entry);
            write_back(body, &mut entry[body..]);
        }
        self.write_header(count_change);
    }

    /// Makes room for `more` bytes, and for what the allocator's block then has room for anyway.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            self.bytes.reserve_exact(block_bytes(needed) - self.bytes.len());
        }
    }

    /// Gives memory back when most of it is unused.
    fn give_back(&mut self) {
        let length = self.bytes.len();
        if self.bytes.capacity() > 64 && length < self.bytes.capacity() / 2 {
            self.bytes.shrink_to(block_bytes(length));
        }
    }

    /// Brings size and count up to date.
    fn write_header(&mut self, count_change: i64) {
        let count = match self.declared_count() {
            // Once lost, the count is found again where it fits, when something was removed.
            COUNT_UNKNOWN if count_change < 0 => self.iter().count() as i64,
            COUNT_UNKNOWN => i64::from(COUNT_UNKNOWN),
            count => i64::from(count) + count_change,
        };
        let count = u16::try_from(count).unwrap_or(COUNT_UNKNOWN);
        let size = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&size.to_le_bytes());
        self.bytes[4..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
    }
}

/// The elements of a part of a listpack, from either end.
#[derive(Clone, Debug, Default)]
pub struct Iter<'a> {
    /// The entries that are left, back to back.
    body: &'a [u8],
}

impl Iter<'_> {
    /// Whether no element is left.
    pub fn is_done(&self) -> bool {
        self.body.is_empty()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let (element, size) = read_entry(self.body)?;
        self.body = self.body.get(size + back_bytes(size)..).unwrap_or_default();
        Some(element)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let (size, back) = read_back(self.body)?;
        let (rest, entry) =
            self.body.split_at_checked(self.body.len().checked_sub(size + back)?)?;
        let (element, _) = read_entry(entry)?;
        self.body = rest;
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};

    /// What Redis 8 made of these elements.
    const NUMBERS: &[u8] = b"\x88\x00\x00\x00\x1a\x00\x00\x01\x7f\x01\xc0\x80\x02\xdf\xff\x02\xcf\
        \xff\x02\xd0\x00\x02\xf1\x00\x10\x03\xf1\xff\xef\x03\xf1\xff\x7f\x03\xf1\x00\x80\x03\xf2\
        \x00\x80\x00\x04\xf2\xff\x7f\xff\x04\xf2\xff\xff\x7f\x04\xf2\x00\x00\x80\x04\xf3\x00\x00\
        \x80\x00\x05\xf3\xff\xff\x7f\xff\x05\xf3\xff\xff\xff\x7f\x05\xf3\x00\x00\x00\x80\x05\xf4\
        \x00\x00\x00\x80\x00\x00\x00\x00\t\xf4\xff\xff\xff\x7f\xff\xff\xff\xff\t\xf4\xff\xff\xff\
        \xff\xff\xff\xff\x7f\t\xf4\x00\x00\x00\x00\x00\x00\x00\x80\t\x80\x01\x8201\x03\x82-0\x03\
        \x81a\x02\xff";

    fn of(elements: &[&[u8]]) -> Listpack {
        let mut pack = Listpack::new();
        for element in elements {
            pack.push_back(Element::of(element));
        }
        pack
    }

    #[test]
    fn numbers_are_written_as_redis_writes_them() {
        let words = "0 127 128 -1 4095 -4096 4096 -4097 32767 -32768 32768 -32769 8388607 -8388608 \
                     8388608 -8388609 2147483647 -2147483648 2147483648 -2147483649 \
                     9223372036854775807 -9223372036854775808  01 -0 a";
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let pack = of(&words);
        assert_eq!(pack.as_bytes(), NUMBERS);
        let back = Listpack::parse(NUMBERS).unwrap();
        assert_eq!(back.iter().map(Element::to_vec).collect::<Vec<_>>(), words);
        assert!(back.iter().rev().map(Element::to_vec).eq(words.into_iter().rev()));
    }

    #[test]
    fn strings_take_the_headers_and_back_lengths_that_redis_gives_them() {
        for (length, head, back) in [
            (63, &b"\xbf"[..], &b"\x40"[..]),
            (64, b"\xe0\x40", b"\x42"),
            (130, b"\xe0\x82", b"\x01\x84"),
            (4095, b"\xef\xff", b"\x20\x81"),
            (4096, b"\xf0\x00\x10\x00\x00", b"\x20\x85"),
            (16377, b"\xf0\xf9\x3f\x00\x00", b"\x7f\xfe"),
            // A width more than its number needs: so Redis does it.
            (16378, b"\xf0\xfa\x3f\x00\x00", b"\x00\xff\xff"),
        ] {
            let bytes = vec![b'a'; length];
            let pack = of(&[&bytes]);
            let entry = &pack.as_bytes()[HEADER_BYTES..pack.end()];
            assert_eq!(entry, [head, &bytes, back].concat(), "{length}");
            assert_eq!(Listpack::parse(pack.as_bytes()), Ok(pack));
        }
    }

    #[test]
    fn every_damaged_byte_is_noticed_or_harmless() {
        let whole = of(&[b"1", b"a", &[b'x'; 70], b"-70000", b"", &[b'y'; 300]]);
        let bytes = whole.as_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Listpack::parse(&bytes[..end]), Err(Malformed));
        }
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.to_vec();
                damaged[place] ^= 1 << bit;
                if let Ok(mut pack) = Listpack::parse(&damaged) {
                    assert_eq!(pack.iter().count(), pack.iter().rev().count());
                    while let Some(first) = pack.first() {
                        pack.remove(first);
                    }
                    assert_eq!(pack.as_bytes()[..4], [7, 0, 0, 0]);
                }
            }
        }
    }

    #[test]
    fn a_count_that_does_not_fit_is_found_by_counting() {
        let mut pack = Listpack::new();
        for _ in 0..65_536 {
            pack.push_back(Element::Int(1));
        }
        assert_eq!(pack.as_bytes()[4..6], [0xff, 0xff]);
        assert_eq!((pack.len(), pack.seek(65_536)), (65_536, None));
        assert_eq!(pack.get(pack.seek(65_535).unwrap()), Some(Element::Int(1)));
        assert_eq!(Listpack::parse(pack.as_bytes()).unwrap().len(), 65_536);
        pack.remove_range(pack.first().unwrap(), 65_000);
        assert_eq!(pack.as_bytes()[4..6], 536u16.to_le_bytes());
    }

    /// Random changes, beside a vector that is changed alike.
    #[test]
    fn it_behaves_like_a_vector() {
        let mut rng = Rng::new(Seed::of(1));
        let mut pack = Listpack::new();
        let mut model: Vec<Vec<u8>> = Vec::new();
        for round in 0..4000 {
            let value = match rng.below(4) {
                0 => rng.below(300).to_string().into_bytes(),
                1 => ((rng.next_u64() >> rng.below(64)) as i64).to_string().into_bytes(),
                2 => vec![b'a'; rng.below(100) as usize],
                _ => vec![b'b'; rng.below(5000) as usize],
            };
            let element = Element::of(&value);
            let at = rng.below(model.len() as u64 + 1) as usize;
            let cursor = pack.seek(at);
            assert_eq!(cursor.is_some(), at < model.len());
            match (rng.below(6), cursor) {
                (0 | 1, Some(cursor)) => {
                    pack.insert_before(cursor, element);
                    model.insert(at, value);
                }
                (2, Some(cursor)) => {
                    pack.insert_after(cursor, element);
                    model.insert(at + 1, value);
                }
                (3, Some(cursor)) => {
                    pack.replace(cursor, element);
                    model[at] = value;
                }
                (4, Some(cursor)) => {
                    let count = rng.below(4) as usize;
                    pack.remove_range(cursor, count);
                    model.drain(at..(at + count).min(model.len()));
                }
                (5, Some(cursor)) if round % 16 == 0 => {
                    let rest = pack.split_off(cursor);
                    assert_eq!(Listpack::parse(rest.as_bytes()), Ok(rest.clone()));
                    pack.append(&rest);
                }
                (_, None) => {
                    pack.push_back(element);
                    model.push(value);
                }
                (_, Some(_)) => {
                    pack.push_front(element);
                    model.insert(0, value);
                }
            }
            if model.len() > 60 {
                pack.remove_range(pack.first().unwrap(), 30);
                model.drain(..30);
            }
            assert!(pack.iter().map(Element::to_vec).eq(model.iter().cloned()));
            assert!(pack.iter().rev().map(Element::to_vec).eq(model.iter().rev().cloned()));
            assert_eq!((pack.len(), pack.is_empty()), (model.len(), model.is_empty()));
            assert_eq!(Listpack::parse(pack.as_bytes()).as_ref(), Ok(&pack));
        }
    }

    #[test]
    fn a_cursor_that_means_nothing_does_no_harm() {
        let whole = of(&[b"1", b"a", &[b'x'; 70], b"-70000", b"", &[0xf0; 40]]);
        for place in HEADER_BYTES..whole.byte_len() + 3 {
            let cursor = Cursor(place);
            let mut pack = whole.clone();
            let _ = (pack.get(cursor), pack.next(cursor), pack.prev(cursor));
            let _ = (pack.iter_from(cursor).count(), pack.iter_to(cursor).rev().count());
            pack.replace(cursor, Element::Int(5));
            pack.remove(cursor);
            pack.insert_after(cursor, Element::Bytes(b"b"));
            pack.insert_before(cursor, Element::Bytes(b"b"));
            pack.remove_range(cursor, 3);
            let _ = pack.split_off(cursor);
        }
    }

    #[test]
    fn strings_are_found_also_where_another_program_kept_digits_as_a_string() {
        // "12" as a string, 12 as an integer.
        let pack = Listpack::parse(b"\x0d\0\0\0\x02\0\x8212\x03\x0c\x01\xff").unwrap();
        let first = pack.first().unwrap();
        let needle = Needle::new(b"12");
        assert_eq!(pack.find(first, &needle, 1), Some(first));
        let second = pack.next(first).unwrap();
        assert_eq!(pack.find(second, &needle, 1), Some(second));
        assert_eq!(pack.find(first, &Needle::new(b"13"), 1), None);
    }
}
