//! Numbers in an order that somebody else knows: a list in which a place is found, and any row is
//! reached, without any step that takes long, however many there are.
//!
//! It is an array cut into chunks. Entering one moves the rest of one chunk, and a row is reached
//! by adding up the lengths of chunks; both stay far below a millisecond at a million. What the
//! numbers stand for, and how two of them compare, is the caller's.

use std::cmp::Ordering;

/// Numbers in a chunk; one more, and it is cut in halves.
const CHUNK_MAX: usize = 512;

/// Numbers in an order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ordered {
    chunks: Vec<Vec<u32>>,
    len: usize,
}

/// Where a number is, or belongs.
type Place = (usize, usize);

impl Ordered {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where something is: `compare` says how a number lies to it. Costs O(log N).
    fn place(&self, compare: impl Fn(u32) -> Ordering) -> Result<Place, Place> {
        let is_before = |chunk: &Vec<u32>| chunk.last().is_some_and(|&last| compare(last).is_lt());
        // What belongs behind all of them belongs to the last chunk.
        let at = self.chunks.partition_point(is_before).min(self.chunks.len().saturating_sub(1));
        let chunk = self.chunks.get(at).map(Vec::as_slice).unwrap_or_default();
        match chunk.binary_search_by(|&id| compare(id)) {
            Ok(inside) => Ok((at, inside)),
            Err(inside) => Err((at, inside)),
        }
    }

    /// The number that compares as equal.
    pub fn find(&self, compare: impl Fn(u32) -> Ordering) -> Option<u32> {
        let (at, inside) = self.place(compare).ok()?;
        self.chunks.get(at)?.get(inside).copied()
    }

    /// Enters `id` where `compare` says; false if there is one that compares as equal.
    pub fn insert(&mut self, id: u32, compare: impl Fn(u32) -> Ordering) -> bool {
        let Err((at, inside)) = self.place(compare) else { return false };
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(vec![id]);
            self.len = 1;
            return true;
        };
        chunk.insert(inside, id);
        self.len += 1;
        if chunk.len() > CHUNK_MAX {
            // What comes in order fills whole chunks.
            let is_at_end = inside + 1 == chunk.len();
            let right = chunk.split_off(if is_at_end { CHUNK_MAX } else { CHUNK_MAX / 2 });
            self.chunks.insert(at + 1, right);
        }
        true
    }

    /// Takes out what compares as equal.
    pub fn remove(&mut self, compare: impl Fn(u32) -> Ordering) -> Option<u32> {
        let (at, inside) = self.place(compare).ok()?;
        let chunk = self.chunks.get_mut(at)?;
        let id = chunk.remove(inside);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
        Some(id)
    }

    /// How many come before what compares as equal. Costs O(N / 512).
    pub fn rank(&self, compare: impl Fn(u32) -> Ordering) -> Option<usize> {
        let (at, inside) = self.place(compare).ok()?;
        Some(self.chunks.iter().take(at).map(Vec::len).sum::<usize>() + inside)
    }

    /// The numbers from row `index` on. Costs O(N / 512) to begin.
    pub fn iter_from(&self, index: usize) -> impl Iterator<Item = u32> + '_ {
        let (mut at, mut rest) = (0, index);
        while let Some(chunk) = self.chunks.get(at).filter(|chunk| chunk.len() <= rest) {
            rest -= chunk.len();
            at += 1;
        }
        self.chunks.iter().skip(at).flatten().skip(rest).copied()
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let own = self.chunks.capacity() * size_of::<Vec<u32>>();
        own + self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<u32>()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of numbers that looks disordered.
    fn shuffled(count: u32) -> impl Iterator<Item = u32> {
        (0..count).map(move |index| index.wrapping_mul(7919) % count)
    }

    #[test]
    fn what_is_entered_in_any_order_is_in_order() {
        let mut ordered = Ordered::default();
        for id in shuffled(5000) {
            assert!(ordered.insert(id, |other| other.cmp(&id)));
            assert!(!ordered.insert(id, |other| other.cmp(&id)));
        }
        assert_eq!(ordered.len(), 5000);
        assert!(ordered.iter_from(0).eq(0..5000));
        for index in [0, 1, 511, 512, 513, 4999, 5000, 9000] {
            assert_eq!(ordered.iter_from(index).next(), (index < 5000).then_some(index as u32));
        }
        assert_eq!(ordered.rank(|other| other.cmp(&1234)), Some(1234));
        assert_eq!(ordered.find(|other| other.cmp(&5000)), None);
    }

    #[test]
    fn what_is_taken_out_is_gone() {
        let mut ordered = Ordered::default();
        for id in 0..2000 {
            ordered.insert(id, |other| other.cmp(&id));
        }
        for id in shuffled(2000).filter(|id| id % 3 > 0) {
            assert_eq!(ordered.remove(|other| other.cmp(&id)), Some(id));
            assert_eq!(ordered.remove(|other| other.cmp(&id)), None);
        }
        assert!(ordered.iter_from(0).eq((0..2000).step_by(3)));
        assert_eq!(ordered.len(), 667);
        for id in (0..2000).step_by(3) {
            ordered.remove(|other| other.cmp(&id));
        }
        assert!(ordered.is_empty() && ordered.chunks.is_empty());
    }
}
