//! A segment: the part of a table that holds the keys whose hashes begin alike.
//!
//! A segment is an array of buckets, each one cache line with room for ten entries: a handle and a
//! tag, sixteen bits of the hash, for each. The tag says two things: its highest bits choose the
//! bucket, and all of it is compared before an entry is looked at. The home of a tag is
//! `tag × buckets / 2¹⁶`, which does not ask for a power of two, and which orders the buckets of a
//! segment, as the segments of a table, by hash. Three things follow: a segment grows in small
//! steps and without looking at its entries; a cursor over hashes stays good whatever is rebuilt
//! meanwhile; and each bucket stands for a range of hashes, whatever the number of buckets.
//!
//! An entry whose home is full goes to the next bucket with room, and each full bucket that it
//! passed counts it, so that a search ends at the first bucket that was never passed (the way of
//! Meta's F14). Nothing is marked as deleted.
//!
//! A segment with expiries also keeps a *bound* for each bucket: nothing whose home this is expires
//! earlier. Bounds are lowered at once and raised only when they come due.

use crate::base::prefetch;
use crate::ds::cells::Handle;

/// Entries in a bucket.
const SLOTS: usize = 10;

/// The numbers of buckets that segments have.
const STEPS: [usize; 14] = [0, 1, 2, 4, 8, 16, 32, 64, 80, 96, 112, 128, 144, 160];

/// Bits of a tag that splitting may spend before tags are made anew: of what is left, seven choose
/// the bucket, and the others tell its entries apart.
const SPENT_BITS_MAX: u8 = 2;

/// No bound: nothing expires.
pub(crate) const NEVER: i64 = i64::MAX;

#[repr(C, align(64))]
#[derive(Clone, Debug, Default)]
struct Bucket {
    handles: [Handle; SLOTS],
    tags: [u16; SLOTS],
    /// One bit for each slot that is in use.
    used: u16,
    /// Entries that found this bucket full on the way from their home.
    passed: u16,
}

/// One cache line, with pointers of 64 bits as of 32.
const _: () = assert!(size_of::<Bucket>() == 64);

/// Keys whose hashes begin with the same bits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segment {
    buckets: Box<[Bucket]>,
    /// Bounds of the buckets; empty while no key expires.
    bounds: Box<[i64]>,
    len: u32,
    /// How many bits of the hash all keys share.
    depth: u8,
    /// The first bit of the hash that is in the tags; `depth`, or a little less.
    window: u8,
    /// The smallest bound.
    due_ms: i64,
}

/// How much one step of a scan may still do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Entries to show.
    pub(crate) entries: usize,
    /// Buckets to look into.
    pub(crate) buckets: usize,
}

impl Budget {
    pub(crate) fn is_spent(self) -> bool {
        self.entries == 0 || self.buckets == 0
    }
}

/// Where an entry is in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    // Half words, so that a place is passed on in a register.
    home: u16,
    bucket: u16,
    slot: u16,
}

impl Place {
    #[inline]
    fn new(home: usize, bucket: usize, slot: usize) -> Self {
        Self { home: home as u16, bucket: bucket as u16, slot: slot as u16 }
    }

    /// The bucket in which the search for the entry begins.
    pub(crate) fn home(self) -> usize {
        usize::from(self.home)
    }

    #[inline]
    fn bucket(self) -> usize {
        usize::from(self.bucket)
    }

    #[inline]
    fn slot(self) -> usize {
        usize::from(self.slot)
    }
}

impl Bucket {
    /// The slots in use whose tag is `tag`, as bits.
    #[inline]
    fn matches(&self, tag: u16) -> u16 {
        // Written out, because a program that is compiled to be small calls a function for every
        // step of an iterator, and this runs for each key of each command.
        let [a, b, c, d, e, f, g, h, i, j] = self.tags;
        let found = equal_lanes(lanes(a, b, c, d), tag)
            | equal_lanes(lanes(e, f, g, h), tag) << 4
            | equal_lanes(lanes(i, j, 0, 0), tag) << 8;
        found & self.used
    }

    fn is_full(&self) -> bool {
        self.used == (1 << SLOTS) - 1
    }
}

/// Four tags in one word.
#[inline]
fn lanes(a: u16, b: u16, c: u16, d: u16) -> u64 {
    u64::from(a) | u64::from(b) << 16 | u64::from(c) << 32 | u64::from(d) << 48
}

/// The lanes of `word` that hold `tag`, as bits.
#[inline]
fn equal_lanes(word: u64, tag: u16) -> u16 {
    // `EACH * 0x7fff` added to the low bits of a lane reaches its high bit unless they are all zero.
    const EACH: u64 = 0x0001_0001_0001_0001;
    let other = word ^ (EACH * u64::from(tag));
    let differs = ((other & (EACH * 0x7fff)) + EACH * 0x7fff) | other;
    let equal = (!differs >> 15) & EACH;
    // Brings bits 0, 16, 32 and 48 together at 48.
    (equal.wrapping_mul(1 << 48 | 1 << 33 | 1 << 18 | 1 << 3) >> 48) as u16 & 0xf
}

/// The places of the bits that are set.
fn bits(mut mask: u16) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let slot = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (slot < 16).then_some(slot)
    })
}

/// The smallest number of buckets in which `len` entries leave a fifth of the slots free.
fn step_for(len: usize) -> usize {
    let fits = |&buckets: &usize| len * 5 <= buckets * SLOTS * 4;
    STEPS.into_iter().find(fits).unwrap_or(STEPS[STEPS.len() - 1])
}

/// How many entries so many buckets take: a sixteenth of the slots stays free.
#[inline]
fn room(buckets: usize) -> usize {
    buckets * SLOTS * 15 / 16
}

impl Segment {
    /// A segment of depth `depth` with room for `len` entries, without any.
    fn new(len: usize, depth: u8, window: u8) -> Self {
        let buckets = vec![Bucket::default(); step_for(len)].into_boxed_slice();
        Self { buckets, bounds: Box::default(), len: 0, depth, window, due_ms: NEVER }
    }

    /// The only segment of a table without keys.
    pub(crate) fn empty() -> Self {
        Self::new(0, 0, 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn depth(&self) -> u32 {
        u32::from(self.depth)
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.buckets) + size_of_val(&*self.bounds)
    }

    /// The tag of a hash.
    #[inline]
    pub(crate) fn tag(&self, hash: u64) -> u16 {
        (hash << self.window >> 48) as u16
    }

    /// Where in the segment's range of hashes a tag lies, from 0 to 2¹⁶.
    #[inline]
    fn position(&self, tag: u16) -> usize {
        usize::from(tag << (self.depth - self.window))
    }

    /// How far beyond its position the hash of an entry can lie.
    fn blur(&self) -> usize {
        (1 << (self.depth - self.window)) - 1
    }

    /// The bucket that hashes at `position` belong to.
    #[inline]
    fn bucket_at(&self, position: usize) -> usize {
        (position * self.buckets.len()) >> 16
    }

    /// The bucket in which a search for a tag begins.
    #[inline]
    pub(crate) fn home(&self, tag: u16) -> usize {
        self.bucket_at(self.position(tag))
    }

    /// The first position that belongs to `bucket` or a later one.
    fn start_of(&self, bucket: usize) -> usize {
        (bucket << 16).div_ceil(self.buckets.len())
    }

    #[inline]
    fn after(&self, bucket: usize) -> usize {
        if bucket + 1 < self.buckets.len() { bucket + 1 } else { 0 }
    }

    #[inline]
    pub(crate) fn handle(&self, place: Place) -> Handle {
        self.buckets[place.bucket()].handles[place.slot()]
    }

    pub(crate) fn set_handle(&mut self, place: Place, handle: Handle) {
        self.buckets[place.bucket()].handles[place.slot()] = handle;
    }

    /// The entry with this tag for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, tag: u16, mut is_it: impl FnMut(Handle) -> bool) -> Option<Place> {
        let home = self.home(tag);
        let mut index = home;
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[index];
            let mut found = bucket.matches(tag);
            while found != 0 {
                let slot = found.trailing_zeros() as usize;
                if slot < SLOTS && is_it(bucket.handles[slot]) {
                    return Some(Place::new(home, index, slot));
                }
                found &= found - 1;
            }
            if bucket.passed == 0 {
                return None;
            }
            index = self.after(index);
        }
        None
    }

    /// Asks for the memory of the bucket in which a search for a tag begins.
    #[inline]
    pub(crate) fn prefetch(&self, tag: u16) {
        if let Some(bucket) = self.buckets.get(self.home(tag)) {
            prefetch::value(bucket);
        }
    }

    /// The first entry with this tag in the bucket in which a search for it begins.
    #[inline]
    pub(crate) fn guess(&self, tag: u16) -> Option<Handle> {
        let bucket = self.buckets.get(self.home(tag))?;
        bucket.handles.get(bucket.matches(tag).trailing_zeros() as usize).copied()
    }

    /// Whether one more entry may come in without growing.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.len() < room(self.buckets.len())
    }

    /// Enters an entry; there must be room.
    pub(crate) fn put(&mut self, tag: u16, handle: Handle) -> Place {
        assert!(self.has_room());
        let home = self.home(tag);
        let mut index = home;
        while self.buckets[index].is_full() {
            self.buckets[index].passed += 1;
            index = self.after(index);
        }
        let bucket = &mut self.buckets[index];
        let slot = (!bucket.used).trailing_zeros() as usize;
        bucket.tags[slot] = tag;
        bucket.handles[slot] = handle;
        bucket.used |= 1 << slot;
        self.len += 1;
        Place::new(home, index, slot)
    }

    /// Takes an entry out.
    pub(crate) fn clear(&mut self, place: Place) {
        let mut index = place.home();
        while index != place.bucket() {
            self.buckets[index].passed -= 1;
            index = self.after(index);
        }
        self.buckets[index].used &= !(1 << place.slot());
        self.len -= 1;
    }

    /// Shows `visit` tags and handles of all entries.
    fn each(&self, mut visit: impl FnMut(u16, Handle)) {
        for bucket in &self.buckets {
            let mut used = bucket.used;
            while used != 0 {
                let slot = used.trailing_zeros() as usize;
                visit(bucket.tags[slot], bucket.handles[slot]);
                used &= used - 1;
            }
        }
    }

    /// Where the entries are whose home is bucket `home`.
    pub(crate) fn at_home(&self, home: usize) -> impl Iterator<Item = Place> {
        let mut ended = false;
        let chain = std::iter::successors(Some(home), |&index| Some(self.after(index)));
        chain
            .take(self.buckets.len())
            .take_while(move |&index| {
                !std::mem::replace(&mut ended, self.buckets[index].passed == 0)
            })
            .flat_map(move |index| {
                let bucket = &self.buckets[index];
                bits(bucket.used)
                    .filter(move |&slot| self.home(bucket.tags[slot]) == home)
                    .map(move |slot| Place::new(home, index, slot))
            })
    }

    /// The handle in the slot that `number` falls on, if that is in use.
    pub(crate) fn sample(&self, number: usize) -> Option<Handle> {
        let bucket = self.buckets.get(number / SLOTS % self.buckets.len().max(1))?;
        let slot = number % SLOTS;
        (bucket.used >> slot & 1 == 1).then(|| bucket.handles[slot])
    }

    /// Shows `visit` up to `count` entries, those that follow the slot that `number` falls on.
    /// Returns how many there were: all, if they are no more.
    pub(crate) fn sample_run(
        &self,
        number: usize,
        count: usize,
        visit: &mut dyn FnMut(Handle),
    ) -> usize {
        let run = (number..self.slot_count()).chain(0..number);
        run.filter_map(|slot| self.sample(slot)).take(count).map(visit).count()
    }

    /// The next bucket from `start` on, around the end, that has a bound.
    pub(crate) fn next_bound_bucket(&self, start: usize) -> Option<usize> {
        let is_bound = |&bucket: &usize| self.bounds.get(bucket).is_some_and(|&at| at != NEVER);
        (start..self.buckets.len()).chain(0..start).find(is_bound)
    }

    /// A bucket whose bound is the smallest.
    pub(crate) fn first_due_bucket(&self) -> Option<usize> {
        self.bounds.iter().position(|&bound| bound == self.due_ms)
    }

    /// The number of buckets.
    pub(crate) fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    /// How many slots there are.
    pub(crate) fn slot_count(&self) -> usize {
        self.buckets.len() * SLOTS
    }

    /// Shows `visit` what has its home in the buckets from `position` on, bucket by bucket, while
    /// `budget` lasts. Returns the position to go on from, 2¹⁶ at the end.
    pub(crate) fn scan(
        &self,
        position: usize,
        budget: &mut Budget,
        visit: &mut dyn FnMut(Handle),
    ) -> usize {
        let blur = self.blur();
        for bucket in self.bucket_at(position & !blur)..self.buckets.len() {
            for place in self.at_home(bucket) {
                visit(self.handle(place));
                budget.entries = budget.entries.saturating_sub(1);
            }
            budget.buckets = budget.buckets.saturating_sub(1);
            if budget.is_spent() {
                // Every hash before this has been shown: the position of what is in a later bucket
                // is at least that bucket's start, and has none of the blurred bits.
                return (self.start_of(bucket + 1) + blur) & !blur;
            }
        }
        1 << 16
    }
}

/// Growing, shrinking, splitting, merging: a new segment is made and the entries are entered.
impl Segment {
    /// Gives the segment, whose hashes begin with `prefix`, the next larger number of buckets, or one
    /// with room for `len` entries if that is larger; false if it has as many as it may have and must
    /// split.
    pub(crate) fn grow(&mut self, prefix: u64, len: usize) -> bool {
        // Keys spread so evenly that segments of one limit would all split at about the same time.
        let buckets_max = 112 + 16 * (prefix % 4) as usize;
        let is_larger = |&buckets: &usize| buckets > self.buckets.len() && room(buckets) >= len;
        let larger = STEPS.into_iter().find(is_larger);
        let larger = larger.filter(|&buckets| buckets <= buckets_max);
        if let Some(buckets) = larger {
            self.rebuild(buckets);
        }
        larger.is_some()
    }

    /// Gives the segment fewer buckets if it is less than two fifths full; returns whether it did.
    pub(crate) fn shrink(&mut self) -> bool {
        let shrinks =
            self.len() * 5 < self.slot_count() * 2 && step_for(self.len()) < self.buckets.len();
        if shrinks {
            self.rebuild(step_for(self.len()));
        }
        shrinks
    }

    fn rebuild(&mut self, buckets: usize) {
        let new = Self {
            buckets: vec![Bucket::default(); buckets].into_boxed_slice(),
            bounds: Box::default(),
            len: 0,
            due_ms: NEVER,
            ..*self
        };
        let old = std::mem::replace(self, new);
        old.each(|tag, handle| {
            self.put(tag, handle);
        });
        for (start, end, at_ms) in old.bound_ranges() {
            self.lower_range(start, end, at_ms);
        }
    }

    /// Divides the segment into those whose next bit of the hash is 0 and is 1. `hash_of` is asked
    /// only when the tags have too few bits left.
    pub(crate) fn split(&self, hash_of: impl Fn(Handle) -> u64) -> [Self; 2] {
        let depth = self.depth + 1;
        let renews = depth - self.window > SPENT_BITS_MAX;
        let window = if renews { depth } else { self.window };
        let is_high = |tag: u16| self.position(tag) >> 15 == 1;
        let mut high_len = 0;
        self.each(|tag, _| high_len += usize::from(is_high(tag)));
        let mut halves = [self.len() - high_len, high_len].map(|len| Self::new(len, depth, window));
        self.each(|tag, handle| {
            let half = &mut halves[usize::from(is_high(tag))];
            half.put(if renews { half.tag(hash_of(handle)) } else { tag }, handle);
        });
        for (start, end, at_ms) in self.bound_ranges() {
            if start < 1 << 15 {
                halves[0].lower_range(start * 2, end * 2 + 1, at_ms);
            }
            if end >= 1 << 15 {
                let from = |position: usize| position.saturating_sub(1 << 15) * 2;
                halves[1].lower_range(from(start), from(end) + 1, at_ms);
            }
        }
        halves
    }

    /// The segment that two halves of one make. `prefix` is what the hashes of the first begin
    /// with: its `depth` bits, the last of them 0.
    pub(crate) fn merge(low: &Self, high: &Self, prefix: u64) -> Self {
        let depth = low.depth - 1;
        let window = low.window.min(high.window).min(depth);
        let mut whole = Self::new(low.len() + high.len(), depth, window);
        for (half, prefix) in [(low, prefix), (high, prefix | 1)] {
            // A tag that begins further back starts with bits that all hashes of the half share.
            let back = half.window - window;
            let known = prefix >> (half.depth - half.window);
            half.each(|tag, handle| {
                whole.put((known << (16 - back) | u64::from(tag) >> back) as u16, handle);
            });
            let first = usize::from(prefix & 1 == 1) << 15;
            for (start, end, at_ms) in half.bound_ranges() {
                whole.lower_range(first + start / 2, first + end / 2, at_ms);
            }
        }
        whole
    }

    /// Whether the tags have too few bits left.
    pub(crate) fn has_spent_tags(&self) -> bool {
        self.depth - self.window > SPENT_BITS_MAX
    }

    /// Makes all tags anew, so that no bit of them is spent.
    pub(crate) fn renew(&mut self, hash_of: impl Fn(Handle) -> u64) {
        let mut new = Self::new(self.len(), self.depth, self.depth);
        self.each(|_, handle| {
            new.put(new.tag(hash_of(handle)), handle);
        });
        for (start, end, at_ms) in self.bound_ranges() {
            new.lower_range(start, end, at_ms);
        }
        *self = new;
    }
}

/// Bounds of expiries.
impl Segment {
    /// The smallest bound; [`NEVER`] if nothing expires.
    pub(crate) fn due_ms(&self) -> i64 {
        self.due_ms
    }

    /// Something whose home is `bucket` expires at `at_ms`.
    pub(crate) fn lower_bound(&mut self, bucket: usize, at_ms: i64) {
        if at_ms == NEVER {
            return;
        }
        if self.bounds.is_empty() {
            self.bounds = vec![NEVER; self.buckets.len()].into_boxed_slice();
        }
        let bound = &mut self.bounds[bucket];
        *bound = at_ms.min(*bound);
        self.due_ms = at_ms.min(self.due_ms);
    }

    /// A bucket whose bound is before `now_ms`.
    pub(crate) fn next_due_bucket(&self, now_ms: i64) -> Option<usize> {
        self.bounds.iter().position(|&bound| bound < now_ms)
    }

    /// Nothing whose home is `bucket` expires before `at_ms`.
    pub(crate) fn raise_bound(&mut self, bucket: usize, at_ms: i64) {
        self.bounds[bucket] = at_ms;
        self.due_ms = self.bounds.iter().copied().min().unwrap_or(NEVER);
        if self.due_ms == NEVER {
            self.bounds = Box::default();
        }
    }

    /// The bounds there are, each with the first and last position of the hashes it holds for.
    fn bound_ranges(&self) -> impl Iterator<Item = (usize, usize, i64)> {
        let bounds = self.bounds.iter().enumerate().filter(|&(_, &at_ms)| at_ms != NEVER);
        bounds.map(|(bucket, &at_ms)| {
            let last = self.start_of(bucket + 1) - 1 + self.blur();
            (self.start_of(bucket), last.min(0xffff), at_ms)
        })
    }

    /// Something whose hash lies between these positions, or before the end of the segment,
    /// expires at `at_ms`.
    fn lower_range(&mut self, start: usize, end: usize, at_ms: i64) {
        if self.buckets.is_empty() {
            return;
        }
        for bucket in self.bucket_at(start & !self.blur())..=self.bucket_at(end.min(0xffff)) {
            self.lower_bound(bucket, at_ms);
        }
    }
}

#[cfg(test)]
impl Segment {
    /// Asserts what must hold; `entry_of` gives the hash and the expiry of an entry.
    pub(crate) fn check(&self, entry_of: &dyn Fn(Handle) -> (u64, Option<i64>)) {
        let mut count = 0;
        self.each(|_, _| count += 1);
        assert_eq!(self.len(), count);
        let mut passed = vec![0; self.buckets.len()];
        let mut seen = 0;
        for home in 0..self.buckets.len() {
            for place in self.at_home(home) {
                seen += 1;
                let (hash, expires_ms) = entry_of(self.handle(place));
                assert_eq!(self.buckets[place.bucket()].tags[place.slot()], self.tag(hash));
                let mut index = home;
                while index != place.bucket() {
                    passed[index] += 1;
                    index = self.after(index);
                }
                if let Some(at_ms) = expires_ms {
                    let bound = self.bounds.get(home).copied().unwrap_or(NEVER);
                    assert!(bound <= at_ms, "{bound} <= {at_ms}");
                }
            }
        }
        assert_eq!(seen, self.len());
        assert!(self.buckets.iter().zip(passed).all(|(bucket, count)| bucket.passed == count));
        assert_eq!(self.due_ms, self.bounds.iter().copied().min().unwrap_or(NEVER));
        assert!(self.window <= self.depth && self.depth - self.window <= SPENT_BITS_MAX);
    }

    /// How many buckets a search for each entry looks into, in sum.
    pub(crate) fn steps(&self) -> usize {
        let mut steps = 0;
        for home in 0..self.buckets.len() {
            for place in self.at_home(home) {
                steps += 1 + (place.bucket() + self.buckets.len() - home) % self.buckets.len();
            }
        }
        steps
    }
}
