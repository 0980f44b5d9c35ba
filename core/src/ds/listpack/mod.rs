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

mod element;
mod view;

use super::compact::block_bytes;
use element::{back_bytes, read_back, read_entry, write_back};

pub use element::{Element, Needle};
pub use view::{Iter, ListpackRef};

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
/// The place of an entry. Any change of the listpack before or at it makes it meaningless; used
/// then, it gives a wrong element or none, never a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(usize);

/// Bytes that are no listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

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

    /// The listpack to read.
    #[inline]
    pub fn view(&self) -> ListpackRef<'_> {
        ListpackRef::trusted(&self.bytes)
    }

    /// The listpack's bytes, as Redis would have them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As [`Listpack::as_bytes`], with the memory they lie in.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
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

    /// Number of elements; see [`ListpackRef::len`].
    #[inline]
    pub fn len(&self) -> usize {
        self.view().len()
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

    /// The place of the end byte.
    fn end(&self) -> usize {
        self.bytes.len() - 1
    }
}

/// Finding and reading, as in the [view](ListpackRef) of it.
impl Listpack {
    /// See [`ListpackRef::first`].
    #[inline]
    pub fn first(&self) -> Option<Cursor> {
        self.view().first()
    }

    /// See [`ListpackRef::last`].
    #[inline]
    pub fn last(&self) -> Option<Cursor> {
        self.view().last()
    }

    /// See [`ListpackRef::next`].
    #[inline]
    pub fn next(&self, cursor: Cursor) -> Option<Cursor> {
        self.view().next(cursor)
    }

    /// See [`ListpackRef::prev`].
    #[inline]
    pub fn prev(&self, cursor: Cursor) -> Option<Cursor> {
        self.view().prev(cursor)
    }

    /// See [`ListpackRef::get`].
    #[inline]
    pub fn get(&self, cursor: Cursor) -> Option<Element<'_>> {
        self.view().get(cursor)
    }

    /// See [`ListpackRef::seek`].
    #[inline]
    pub fn seek(&self, index: usize) -> Option<Cursor> {
        self.view().seek(index)
    }

    /// See [`ListpackRef::find`].
    #[inline]
    pub fn find(&self, from: Cursor, needle: &Needle<'_>, step: usize) -> Option<Cursor> {
        self.view().find(from, needle, step)
    }

    /// See [`ListpackRef::iter`].
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        self.view().iter()
    }

    /// See [`ListpackRef::iter_from`].
    #[inline]
    pub fn iter_from(&self, cursor: Cursor) -> Iter<'_> {
        self.view().iter_from(cursor)
    }

    /// See [`ListpackRef::iter_to`].
    #[inline]
    pub fn iter_to(&self, cursor: Cursor) -> Iter<'_> {
        self.view().iter_to(cursor)
    }

    /// See [`ListpackRef::place_of`].
    #[inline]
    pub fn place_of(&self, iter: &Iter<'_>) -> Cursor {
        self.view().place_of(iter)
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
        if let Some(old_bytes) = self.view().entry_bytes_at(cursor) {
            self.splice(cursor.0, old_bytes, Some(element), 0);
        }
    }

    /// Removes the entry at `cursor`; the place is then that of the next entry, if there is one.
    pub fn remove(&mut self, cursor: Cursor) -> Option<Cursor> {
        let old_bytes = self.view().entry_bytes_at(cursor)?;
        self.splice(cursor.0, old_bytes, None, -1);
        (cursor.0 < self.end()).then_some(cursor)
    }

    /// Removes `count` entries, or as many as there are, from the one at `cursor` on; returns the
    /// place of the one that follows.
    pub fn remove_range(&mut self, cursor: Cursor, count: usize) -> Option<Cursor> {
        let cursor = Cursor(cursor.0.min(self.end()));
        let (mut end, mut removed) = (cursor, 0);
        while removed < count {
            let Some(size) = self.view().entry_bytes_at(end) else { break };
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
        let count = match self.view().declared_count() {
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
