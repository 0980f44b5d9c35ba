//! Intsets: sets of 64-bit integers as one sorted run of bytes.
//!
//! The bytes are exactly Redis's, so that DUMP, RESTORE and RDB files copy them as they are:
//!
//! ```text
//! bytes of an integer (u32: 2, 4 or 8) | integers (u32) | integer …
//! ```
//!
//! Numbers are little-endian; the integers ascend, and all are as wide as the widest has ever been.
//! An [`IntSet`] is always well-formed: bytes from outside enter through [`IntSet::parse`]. A search
//! costs O(log N), a change O(N) in bytes moved.

/// Bytes before the first integer.
const HEADER_BYTES: usize = 8;

/// A set of integers.
#[derive(Clone, PartialEq, Eq)]
pub struct IntSet {
    bytes: Vec<u8>,
}

/// Bytes that are no intset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Default for IntSet {
    fn default() -> Self {
        Self { bytes: vec![2, 0, 0, 0, 0, 0, 0, 0] }
    }
}

impl std::fmt::Debug for IntSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Looking.
impl IntSet {
    /// The intset that `bytes` are. Everything is checked: width, count, size, order; and an empty
    /// one is none. Costs O(bytes).
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let [a, b, c, d, e, f, g, h, body @ ..] = bytes else { return Err(Malformed) };
        let width = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        let count = u32::from_le_bytes([*e, *f, *g, *h]) as usize;
        let size = matches!(width, 2 | 4 | 8).then(|| count.checked_mul(width)).flatten();
        if count == 0 || size != Some(body.len()) {
            return Err(Malformed);
        }
        let set = Self { bytes: bytes.to_vec() };
        let ascends = set.iter().zip(set.iter().skip(1)).all(|(low, high)| low < high);
        if ascends { Ok(set) } else { Err(Malformed) }
    }

    /// The intset's bytes, as Redis would have them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Number of integers.
    #[inline]
    pub fn len(&self) -> usize {
        (self.bytes.len() - HEADER_BYTES) / self.width()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER_BYTES
    }

    /// The integer at `index` in ascending order.
    #[inline]
    pub fn get(&self, index: usize) -> Option<i64> {
        let width = self.width();
        let start = HEADER_BYTES.checked_add(index.checked_mul(width)?)?;
        Some(match *self.bytes.get(start..start.checked_add(width)?)? {
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => return None,
        })
    }

    /// The integers, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + '_ {
        (0..self.len()).map(|index| self.get(index).unwrap_or_default())
    }

    /// Whether `number` is one of them.
    #[inline]
    pub fn contains(&self, number: i64) -> bool {
        self.find(number).is_ok()
    }

    /// Bytes of an integer.
    #[inline]
    fn width(&self) -> usize {
        usize::from(self.bytes.first().copied().unwrap_or(2))
    }

    /// Where `number` is, or where it would be.
    fn find(&self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Numbers are often added in their order.
        if high.checked_sub(1).and_then(|last| self.get(last)).is_some_and(|last| last < number) {
            return Err(high);
        }
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).map(|at| at.cmp(&number)) {
                Some(std::cmp::Ordering::Equal) => return Ok(middle),
                Some(std::cmp::Ordering::Less) => low = middle + 1,
                _ => high = middle,
            }
        }
        Err(low)
    }
}

/// Changing.
impl IntSet {
    /// Adds `number`; false if it was there.
    pub fn add(&mut self, number: i64) -> bool {
        if width_of(number) > self.width() {
            self.widen(width_of(number));
        }
        let Err(index) = self.find(number) else { return false };
        let width = self.width();
        let (place, length) = (HEADER_BYTES + index * width, self.bytes.len());
        self.reserve(width);
        self.bytes.resize(length + width, 0);
        self.bytes.copy_within(place..length, place + width);
        self.bytes[place..place + width].copy_from_slice(&number.to_le_bytes()[..width]);
        self.write_header(width);
        true
    }

    /// Removes `number`; false if it was not there. The width stays.
    pub fn remove(&mut self, number: i64) -> bool {
        let Ok(index) = self.find(number) else { return false };
        let width = self.width();
        let place = HEADER_BYTES + index * width;
        self.bytes.copy_within(place + width.., place);
        self.bytes.truncate(self.bytes.len() - width);
        let length = self.bytes.len();
        if self.bytes.capacity() > 64 && length < self.bytes.capacity() / 2 {
            self.bytes.shrink_to(length + length / 8);
        }
        self.write_header(width);
        true
    }

    /// Writes all integers again in `width` bytes each.
    fn widen(&mut self, width: usize) {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + (self.len() + 1) * width);
        bytes.extend_from_slice(&[0; HEADER_BYTES]);
        for number in self.iter() {
            bytes.extend_from_slice(&number.to_le_bytes()[..width]);
        }
        self.bytes = bytes;
        self.write_header(width);
    }

    /// Makes room for `more` bytes, and an eighth.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let room = (needed + needed / 8).next_multiple_of(16);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
    }

    fn write_header(&mut self, width: usize) {
        let count = (self.bytes.len() - HEADER_BYTES) / width;
        self.bytes[..4].copy_from_slice(&(width as u32).to_le_bytes());
        self.bytes[4..HEADER_BYTES].copy_from_slice(&(count as u32).to_le_bytes());
    }
}

/// Bytes that `number` needs here.
fn width_of(number: i64) -> usize {
    if i16::try_from(number).is_ok() {
        2
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};
    use std::collections::BTreeSet;

    #[test]
    fn bytes_are_redis_s() {
        let mut set = IntSet::default();
        assert!([3, 1, -2].into_iter().all(|number| set.add(number)));
        assert_eq!(set.as_bytes(), b"\x02\0\0\0\x03\0\0\0\xfe\xff\x01\0\x03\0");
        assert!(set.add(40_000));
        assert!(set.remove(40_000) && !set.remove(40_000));
        assert_eq!(
            set.as_bytes(),
            b"\x04\0\0\0\x03\0\0\0\xfe\xff\xff\xff\x01\0\0\0\x03\0\0\0",
            "the width stays"
        );
    }

    #[test]
    fn behaves_as_a_sorted_set() {
        let mut rng = Rng::new(Seed::of(1));
        let (mut set, mut model) = (IntSet::default(), BTreeSet::new());
        for step in 0..3000u64 {
            let number = (rng.next_u64() as i64) >> (30 + rng.below(34) - step / 100);
            let number = if rng.below(3) > 0 { number % 50 } else { number };
            if rng.below(3) > 0 {
                assert_eq!(set.add(number), model.insert(number));
            } else {
                assert_eq!(set.remove(number), model.remove(&number));
            }
            assert_eq!(set.contains(number), model.contains(&number));
            assert_eq!(set.len(), model.len());
        }
        assert!(set.iter().eq(model.iter().copied()));
        assert_eq!(IntSet::parse(set.as_bytes()), Ok(set));
    }

    #[test]
    fn what_is_none_is_refused() {
        let good = b"\x02\0\0\0\x02\0\0\0\x01\0\x03\0";
        assert!(IntSet::parse(good).is_ok());
        for end in 0..good.len() {
            assert_eq!(IntSet::parse(&good[..end]), Err(Malformed), "{end}");
        }
        for bad in [
            &b"\x02\0\0\0\0\0\0\0"[..],
            b"\x03\0\0\0\x01\0\0\0\x01\0\0",
            b"\x00\0\0\0\x01\0\0\0",
            b"\x02\0\0\0\xff\xff\xff\xff\x01\0",
            b"\x02\0\0\0\x02\0\0\0\x03\0\x01\0",
            b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0",
        ] {
            assert_eq!(IntSet::parse(bad), Err(Malformed), "{bad:?}");
        }
    }
}
