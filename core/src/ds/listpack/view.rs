//! A listpack to read, wherever its bytes lie: in a [`Listpack`], or in an entry
//! of the keyspace.

use super::element::{Element, Needle, back_bytes, read_back, read_entry};
use super::{COUNT_UNKNOWN, Cursor, HEADER_BYTES, Listpack};

/// The bytes of a well-formed listpack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ListpackRef<'a> {
    bytes: &'a [u8],
}

impl std::fmt::Debug for ListpackRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The bytes.
impl<'a> ListpackRef<'a> {
    /// The listpack whose bytes a [`Listpack`] had: nothing is checked. Of other bytes elements are
    /// wrong or missing, but nothing panics.
    #[inline]
    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// A listpack of its own, which lies in `room`; what was there is gone.
    pub(crate) fn copy_to(self, mut room: Vec<u8>) -> Listpack {
        room.clear();
        room.extend_from_slice(self.bytes);
        Listpack { bytes: room }
    }

    /// The listpack's bytes, as Redis would have them.
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Number of elements. Costs O(1), and O(elements) from 65535 elements on.
    #[inline]
    pub fn len(self) -> usize {
        match self.declared_count() {
            COUNT_UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there are no elements.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.bytes.len() <= HEADER_BYTES + 1
    }

    #[inline]
    pub(super) fn declared_count(self) -> u16 {
        match *self.bytes {
            [_, _, _, _, low, high, ..] => u16::from_le_bytes([low, high]),
            _ => 0,
        }
    }

    /// The place of the end byte.
    #[inline]
    fn end(self) -> usize {
        self.bytes.len().saturating_sub(1)
    }
}

/// Finding and reading.
impl<'a> ListpackRef<'a> {
    /// The first entry.
    #[inline]
    pub fn first(self) -> Option<Cursor> {
        (!self.is_empty()).then_some(Cursor(HEADER_BYTES))
    }

    /// The last entry.
    #[inline]
    pub fn last(self) -> Option<Cursor> {
        self.before(self.end())
    }

    /// The entry behind the one at `cursor`.
    #[inline]
    pub fn next(self, cursor: Cursor) -> Option<Cursor> {
        let next = cursor.0 + self.entry_bytes_at(cursor)?;
        (next < self.end()).then_some(Cursor(next))
    }

    /// The entry before the one at `cursor`.
    #[inline]
    pub fn prev(self, cursor: Cursor) -> Option<Cursor> {
        self.before(cursor.0)
    }

    /// The entry that ends at `place`.
    fn before(self, place: usize) -> Option<Cursor> {
        if place <= HEADER_BYTES {
            return None;
        }
        let (body, back) = read_back(self.bytes.get(HEADER_BYTES..place)?)?;
        let start = place.checked_sub(body + back)?;
        (start >= HEADER_BYTES).then_some(Cursor(start))
    }

    /// The element at `cursor`.
    #[inline]
    pub fn get(self, cursor: Cursor) -> Option<Element<'a>> {
        Some(read_entry(self.bytes.get(cursor.0..self.end())?)?.0)
    }

    /// The entry at `index`, counted from 0. Costs O(entries between it and the nearer end).
    pub fn seek(self, index: usize) -> Option<Cursor> {
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
    pub fn find(self, from: Cursor, needle: &Needle<'_>, step: usize) -> Option<Cursor> {
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
    pub fn iter(self) -> Iter<'a> {
        self.iter_from(Cursor(HEADER_BYTES))
    }

    /// The elements from `cursor` to the end.
    pub fn iter_from(self, cursor: Cursor) -> Iter<'a> {
        Iter { body: self.bytes.get(cursor.0..self.end()).unwrap_or_default() }
    }

    /// The place of the element that `iter`, elements of this listpack, gives next.
    pub fn place_of(self, iter: &Iter<'_>) -> Cursor {
        Cursor(self.end().saturating_sub(iter.body.len()))
    }

    /// The elements up to `cursor`, that one included.
    pub fn iter_to(self, cursor: Cursor) -> Iter<'a> {
        let end = self.entry_bytes_at(cursor).map_or_else(|| self.end(), |size| cursor.0 + size);
        Iter { body: self.bytes.get(HEADER_BYTES..end).unwrap_or_default() }
    }

    /// Bytes of the entry at `cursor`.
    #[inline]
    pub(super) fn entry_bytes_at(self, cursor: Cursor) -> Option<usize> {
        let rest = self.bytes.get(cursor.0..self.end())?;
        let (_, body) = read_entry(rest)?;
        Some(body + back_bytes(body)).filter(|&size| size <= rest.len())
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
