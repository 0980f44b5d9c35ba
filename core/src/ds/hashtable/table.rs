//! The table itself: which segment a hash belongs to, and where in it an entry is.
//!
//! Extendible hashing (Fagin, Nievergelt, Pippenger and Strong, 1979), with the fixed-size segments
//! of Dash (Lu, Hao, Wang and Lo, 2020): a directory of 2ᵇ places is indexed by the first `b` bits
//! of a hash, and a segment that shares only `d ≤ b` bits has 2ᵇ⁻ᵈ places next to each other. A
//! full segment splits alone, so no insertion costs more than one split, and two halves that have
//! become sparse are merged again. The bits behind the first `d` choose the bucket, and those
//! behind them tell entries apart (see [`segment`](super::segment)), so all of it is in the order
//! of hashes, and the cursor of SCAN is simply the hash up to which all has been shown.
//!
//! That order is also what a snapshot in slices will walk along: what it has already written is
//! what lies before its cursor, so a write needs to save the old entry only behind it.
//!
//! The table knows handles, not keys: whoever calls it compares keys and computes hashes.

use std::ops::Bound;

use super::segment::{Budget, NEVER, Place, Segment};
use crate::base::ordered::OrdSet;
use crate::base::rng::Rng;
use crate::ds::cells::Handle;

/// Two halves with no more entries than this are merged.
const MERGED_LEN_MAX: usize = 768;

/// A cursor has so many bits: the first ones of a hash. Small enough for JavaScript's numbers.
const CURSOR_BITS: u32 = 48;

/// A segment shares at most so many bits: a cursor then still tells positions in it apart.
const DEPTH_MAX: u32 = CURSOR_BITS - 16;

/// Keys of a segment, at most, on average, where it is known beforehand how many keys there will be: so few
/// that hardly a segment has to split for having had more than its share.
const EXPECTED_LEN_MAX: usize = 900;

/// Random slots looked at before taking the next entry from anywhere.
const SAMPLES_MAX: usize = 100;

/// Handles of entries by the hashes of their keys.
#[derive(Clone)]
pub(crate) struct Table {
    directory: Vec<u32>,
    /// How many bits of a hash index the directory.
    bits: u32,
    segments: Vec<Segment>,
    /// Numbers of segments that are not in use.
    unused: Vec<u32>,
    /// How many segments there are of each depth.
    depths: [u32; DEPTH_MAX as usize + 1],
    /// Segments in which something expires, by their earliest bound.
    due: OrdSet<(i64, u32)>,
    /// The one of those that was drawn last.
    turn: (i64, u32),
    len: usize,
    segment_bytes: usize,
    /// How many entries a segment will have, and at which depth, as far as somebody has said.
    expected: (usize, u32),
}

/// Where an entry is in a table; good until the next insertion or [`Table::tidy`].
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    pub(crate) segment: u32,
    pub(crate) place: Place,
}

impl Table {
    pub(crate) fn new() -> Self {
        let mut depths = [0; DEPTH_MAX as usize + 1];
        depths[0] = 1;
        Self {
            directory: vec![0],
            bits: 0,
            segments: vec![Segment::empty()],
            unused: Vec::new(),
            depths,
            due: OrdSet::default(),
            turn: (0, 0),
            len: 0,
            segment_bytes: 0,
            expected: (0, 0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many slots there are.
    pub(crate) fn slot_count(&self) -> usize {
        self.segments.iter().map(Segment::slot_count).sum()
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.directory.capacity() * size_of::<u32>()
            + self.segments.capacity() * size_of::<Segment>()
            + self.segment_bytes
            // A place in a B-tree, with its share of the nodes.
            + self.due.len() * 24
    }

    #[inline]
    fn segment_of(&self, hash: u64) -> u32 {
        // In two steps: a shift by all 64 bits is none.
        self.directory[(hash >> 1 >> (63 - self.bits)) as usize]
    }

    /// The entry of this hash for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is_it: impl FnMut(Handle) -> bool) -> Option<Spot> {
        let number = self.segment_of(hash);
        let segment = &self.segments[number as usize];
        let place = segment.find(segment.tag(hash), is_it)?;
        Some(Spot { segment: number, place })
    }

    /// Asks for the memory in which the search for this hash begins.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        let segment = &self.segments[self.segment_of(hash) as usize];
        segment.prefetch(segment.tag(hash));
    }

    /// An entry whose hash is probably this one.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> Option<Handle> {
        let segment = &self.segments[self.segment_of(hash) as usize];
        segment.guess(segment.tag(hash))
    }

    #[inline]
    pub(crate) fn handle(&self, spot: Spot) -> Handle {
        self.segments[spot.segment as usize].handle(spot.place)
    }

    pub(crate) fn set_handle(&mut self, spot: Spot, handle: Handle) {
        self.segments[spot.segment as usize].set_handle(spot.place, handle);
    }

    /// There will be about so many entries; 0 if nobody knows. Segments are split as long as there is
    /// nothing in them then, and get the buckets that they will need at once.
    pub(crate) fn expect(&mut self, len: usize) {
        let mut depth = 0;
        while depth < DEPTH_MAX && len >> depth > EXPECTED_LEN_MAX {
            depth += 1;
        }
        self.expected = (len >> depth, depth);
    }

    /// Enters an entry. `hash_of` is asked for the hashes of others when a segment splits.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        handle: Handle,
        hash_of: impl Fn(Handle) -> u64,
    ) -> Spot {
        loop {
            let number = self.segment_of(hash);
            let segment = &mut self.segments[number as usize];
            if segment.has_room() {
                let place = segment.put(segment.tag(hash), handle);
                self.len += 1;
                return Spot { segment: number, place };
            }
            let before = segment.heap_bytes();
            let (expected_len, expected_depth) = self.expected;
            let splits = segment.depth() < expected_depth;
            if !splits && segment.grow(hash >> 1 >> (63 - segment.depth()), expected_len) {
                self.segment_bytes += segment.heap_bytes() - before;
            } else {
                self.split(hash, &hash_of);
            }
        }
    }

    /// Takes an entry out. [`Table::tidy`] should follow, when its places are no longer needed.
    pub(crate) fn remove(&mut self, spot: Spot) {
        self.segments[spot.segment as usize].clear(spot.place);
        self.len -= 1;
    }

    /// Gives back the memory that the segment of `hash` no longer needs.
    #[inline]
    pub(crate) fn tidy(&mut self, hash: u64, hash_of: impl Fn(Handle) -> u64) {
        let number = self.segment_of(hash);
        let segment = &self.segments[number as usize];
        if segment.len() * 5 < segment.slot_count() * 2 || segment.slot_count() == 0 {
            self.tidy_sparse(hash, number, hash_of);
        }
    }

    fn tidy_sparse(&mut self, hash: u64, number: u32, hash_of: impl Fn(Handle) -> u64) {
        let segment = &self.segments[number as usize];
        let depth = segment.depth();
        if depth > 0 {
            let other = self.segment_of(hash ^ 1 << (64 - depth));
            let half = &self.segments[other as usize];
            if half.depth() == depth && half.len() + segment.len() <= MERGED_LEN_MAX {
                self.merge(hash, hash_of);
                return;
            }
        }
        let segment = &mut self.segments[number as usize];
        let (due_ms, before) = (segment.due_ms(), segment.heap_bytes());
        if segment.shrink() {
            self.segment_bytes = self.segment_bytes + segment.heap_bytes() - before;
            self.settle(number, due_ms);
        }
    }

    /// Splits the segment of `hash`.
    fn split(&mut self, hash: u64, hash_of: impl Fn(Handle) -> u64) {
        let number = self.segment_of(hash);
        let depth = self.segments[number as usize].depth();
        // 2³² segments: far more than any memory holds.
        assert!(depth < DEPTH_MAX, "a table holds too many keys");
        if depth == self.bits {
            self.directory = self.directory.iter().flat_map(|&number| [number; 2]).collect();
            self.bits += 1;
        }
        let (old, old_due) = self.take_segment(number);
        let [low, high] = old.split(hash_of);
        let (first, places) = self.places_of(hash, depth);
        self.put_segment(number, low, old_due);
        let new = self.unused.pop().unwrap_or(self.segments.len() as u32);
        if new as usize == self.segments.len() {
            self.segments.push(Segment::empty());
        }
        self.put_segment(new, high, NEVER);
        self.directory[first + places / 2..first + places].fill(new);
    }

    /// Merges the segment of `hash` with its other half.
    fn merge(&mut self, hash: u64, hash_of: impl Fn(Handle) -> u64) {
        let depth = self.segments[self.segment_of(hash) as usize].depth();
        let bit = 1 << (64 - depth);
        let numbers = [hash & !bit, hash | bit].map(|hash| self.segment_of(hash));
        let (low, low_due) = self.take_segment(numbers[0]);
        let (high, high_due) = self.take_segment(numbers[1]);
        let mut whole = Segment::merge(&low, &high, (hash & !bit) >> (64 - depth));
        if whole.has_spent_tags() {
            whole.renew(hash_of);
        }
        let (first, places) = self.places_of(hash, depth - 1);
        self.directory[first..first + places].fill(numbers[0]);
        self.put_segment(numbers[0], whole, low_due);
        self.settle(numbers[1], high_due);
        self.unused.push(numbers[1]);
        while self.bits > 0 && self.depths[self.bits as usize] == 0 {
            self.directory = self.directory.iter().step_by(2).copied().collect();
            self.bits -= 1;
        }
    }

    /// Frees a few segments of a table that nobody will look into any more; false if none is left.
    pub(crate) fn free_segments(&mut self) -> bool {
        const AT_ONCE: usize = 8;
        let kept = self.segments.len().saturating_sub(AT_ONCE);
        let had_some = !self.segments.is_empty();
        self.segments.truncate(kept);
        had_some
    }

    /// Where in the directory the segment of `hash` begins, if it has this depth, and how many
    /// places it has there.
    fn places_of(&self, hash: u64, depth: u32) -> (usize, usize) {
        let places = 1_usize << (self.bits - depth);
        let index = (hash >> 1 >> (63 - self.bits)) as usize;
        (index & !(places - 1), places)
    }

    /// Takes a segment out, together with the bound it has in the order of bounds.
    fn take_segment(&mut self, number: u32) -> (Segment, i64) {
        let segment = std::mem::replace(&mut self.segments[number as usize], Segment::empty());
        self.depths[segment.depth() as usize] -= 1;
        self.segment_bytes -= segment.heap_bytes();
        let due_ms = segment.due_ms();
        (segment, due_ms)
    }

    fn put_segment(&mut self, number: u32, segment: Segment, old_due: i64) {
        self.depths[segment.depth() as usize] += 1;
        self.segment_bytes += segment.heap_bytes();
        self.segments[number as usize] = segment;
        self.settle(number, old_due);
    }
}

/// Going through the table.
impl Table {
    /// Shows `visit` entries from `cursor` on while `budget` lasts; returns the next cursor, 0 at
    /// the end.
    pub(crate) fn scan(
        &self,
        cursor: u64,
        mut budget: Budget,
        visit: &mut dyn FnMut(Handle),
    ) -> u64 {
        const END: u64 = 1 << CURSOR_BITS;
        let mut at = cursor;
        // A cursor beyond the end is one that a client made up.
        while at < END {
            let segment = &self.segments[self.segment_of(at << (64 - CURSOR_BITS)) as usize];
            let depth = segment.depth();
            let start = at >> (CURSOR_BITS - depth) << (CURSOR_BITS - depth);
            let position = (at - start) >> (DEPTH_MAX - depth);
            let next = segment.scan(position as usize, &mut budget, visit);
            at = start + ((next as u64) << (DEPTH_MAX - depth));
            budget.buckets = budget.buckets.saturating_sub(1);
            if budget.is_spent() {
                break;
            }
        }
        if at < END { at } else { 0 }
    }

    /// Some entry. Each is about as likely as any other: places are drawn until one is in use.
    pub(crate) fn sample(&self, rng: &mut Rng) -> Option<Handle> {
        if self.len == 0 {
            return None;
        }
        for _ in 0..SAMPLES_MAX {
            let segment = &self.segments[self.segment_of(rng.next_u64()) as usize];
            let slot = rng.below(segment.slot_count() as u64) as usize;
            if let Some(handle) = segment.sample(slot) {
                return Some(handle);
            }
        }
        let mut found = None;
        let start = rng.next_u64() >> (64 - CURSOR_BITS);
        for from in [start, 0] {
            let one = Budget { entries: 1, buckets: usize::MAX };
            self.scan(from, one, &mut |handle| found = Some(handle));
            if found.is_some() {
                break;
            }
        }
        found
    }
}

/// Drawing several entries at once, for those who compare them.
impl Table {
    /// Shows `visit` up to `count` entries that lie next to each other somewhere, where keys of
    /// equal chance have no more in common than elsewhere. Fewer than `count` only if few are
    /// there; none only if the table is empty.
    pub(crate) fn sample_run(&self, rng: &mut Rng, count: usize, visit: &mut dyn FnMut(Handle)) {
        if self.len == 0 {
            return;
        }
        for _ in 0..SAMPLES_MAX {
            let segment = &self.segments[self.segment_of(rng.next_u64()) as usize];
            if segment.len() == 0 {
                continue;
            }
            let slot = rng.below(segment.slot_count() as u64) as usize;
            segment.sample_run(slot, count, visit);
            return;
        }
        if let Some(handle) = self.sample(rng) {
            visit(handle);
        }
    }

    /// The places that belong to a random bucket in which something expires, or did: each segment
    /// with such buckets has its turn.
    pub(crate) fn next_expiring_places(
        &mut self,
        rng: &mut Rng,
        places: &mut Vec<Spot>,
    ) -> Option<DueBucket> {
        let turn = self.due.from(Bound::Excluded(&self.turn)).next().or_else(|| self.due.first());
        self.turn = turn?;
        let number = self.turn.1;
        let segment = &self.segments[number as usize];
        let start = rng.below(segment.bucket_count() as u64) as usize;
        let bucket = segment.next_bound_bucket(start)?;
        places.extend(segment.at_home(bucket).map(|place| Spot { segment: number, place }));
        Some(DueBucket { segment: number, bucket })
    }

    /// The places that belong to the bucket that has the smallest bound of all.
    pub(crate) fn first_due_places(&self, places: &mut Vec<Spot>) -> Option<DueBucket> {
        let (_, number) = self.due.first()?;
        let segment = &self.segments[number as usize];
        let bucket = segment.first_due_bucket()?;
        places.extend(segment.at_home(bucket).map(|place| Spot { segment: number, place }));
        Some(DueBucket { segment: number, bucket })
    }
}

/// Expiry.
impl Table {
    /// A time before which nothing expires.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.due.first().map(|(due_ms, _)| due_ms)
    }

    /// What is at `spot` expires at `at_ms`.
    pub(crate) fn expires(&mut self, spot: Spot, at_ms: i64) {
        let segment = &mut self.segments[spot.segment as usize];
        let (due_ms, before) = (segment.due_ms(), segment.heap_bytes());
        segment.lower_bound(spot.place.home(), at_ms);
        self.segment_bytes += segment.heap_bytes() - before;
        self.settle(spot.segment, due_ms);
    }

    /// Finds a bucket in which something may be due, and where the entries are that belong to it.
    pub(crate) fn due_places(&self, now_ms: i64, places: &mut Vec<Spot>) -> Option<DueBucket> {
        let (due_ms, number) = self.due.first()?;
        if due_ms >= now_ms {
            return None;
        }
        let segment = &self.segments[number as usize];
        let bucket = segment.next_due_bucket(now_ms)?;
        places.extend(segment.at_home(bucket).map(|place| Spot { segment: number, place }));
        Some(DueBucket { segment: number, bucket })
    }

    /// The entries of a bucket have been looked at: nothing in it expires before `first_ms`.
    pub(crate) fn raise_bound(&mut self, due: DueBucket, first_ms: i64) {
        let segment = &mut self.segments[due.segment as usize];
        let (due_ms, before) = (segment.due_ms(), segment.heap_bytes());
        segment.raise_bound(due.bucket, first_ms);
        self.segment_bytes = self.segment_bytes + segment.heap_bytes() - before;
        self.settle(due.segment, due_ms);
    }

    /// Keeps the order of bounds: that of a segment was `old_ms`.
    fn settle(&mut self, number: u32, old_ms: i64) {
        let new_ms = self.segments[number as usize].due_ms();
        if new_ms == old_ms {
            return;
        }
        self.due.remove(&(old_ms, number));
        if new_ms != NEVER {
            self.due.insert((new_ms, number));
        }
    }
}

/// A bucket with something that may be due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DueBucket {
    segment: u32,
    bucket: usize,
}

#[cfg(test)]
impl Table {
    /// Asserts what must hold; `entry_of` gives the hash and the expiry of an entry.
    pub(crate) fn check(&self, entry_of: &dyn Fn(Handle) -> (u64, Option<i64>)) {
        assert_eq!(self.directory.len(), 1 << self.bits);
        let mut depths = [0; DEPTH_MAX as usize + 1];
        let (mut index, mut len, mut bytes, mut due) = (0, 0, 0, OrdSet::default());
        while index < self.directory.len() {
            let number = self.directory[index];
            let segment = &self.segments[number as usize];
            let places = 1 << (self.bits - segment.depth());
            assert_eq!(index % places, 0);
            assert!(self.directory[index..index + places].iter().all(|&other| other == number));
            segment.check(&|handle| {
                let (hash, expires_ms) = entry_of(handle);
                assert_eq!(self.segment_of(hash), number);
                (hash, expires_ms)
            });
            depths[segment.depth() as usize] += 1;
            len += segment.len();
            bytes += segment.heap_bytes();
            if segment.due_ms() != NEVER {
                due.insert((segment.due_ms(), number));
            }
            index += places;
        }
        assert_eq!((len, bytes), (self.len, self.segment_bytes));
        assert_eq!(due, self.due);
        assert_eq!(depths, self.depths);
        assert!(self.bits == 0 || self.depths[self.bits as usize] > 0);
        let in_use: u32 = depths.iter().sum();
        assert_eq!(in_use as usize + self.unused.len(), self.segments.len());
    }

    /// How many buckets a search for an entry looks into, on average.
    pub(crate) fn steps_mean(&self) -> f64 {
        let steps: usize = self.segments.iter().map(Segment::steps).sum();
        steps as f64 / self.len as f64
    }

    /// The part of the slots that is in use.
    pub(crate) fn load(&self) -> f64 {
        self.len as f64 / self.slot_count() as f64
    }

    /// The number of segments in use.
    pub(crate) fn segment_count(&self) -> usize {
        self.segments.len() - self.unused.len()
    }
}
