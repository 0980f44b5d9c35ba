//! Tables of byte-string keys: those of databases, and those inside big collections.
//!
//! A [`HashTable`] has two parts. [`Cells`] is the memory in which entries lie side by side, each
//! of them a run of bytes without pointers; `table` finds the cell of an entry by the hash of its
//! key. What an entry's bytes mean is not known here: its owner says by a [`Layout`] where the key
//! and the expiry are in them. Databases are such tables, and so are [dictionaries](super::dict).
//!
//! To use one with a layout of your own:
//!
//! - [`HashTable::find`] gives the [`Spot`] of a key, [`HashTable::cell`] the bytes there.
//! - [`HashTable::put`] writes an entry, new or over the one at a spot; a cell is up to
//!   [`PAD_BYTES_MAX`](super::cells::PAD_BYTES_MAX) bytes larger than asked for, so a layout must
//!   know where its entry ends.
//! - [`HashTable::take_out`], followed by [`HashTable::tidy`], removes one.
//! - [`HashTable::handle`] names the cell of an entry in 32 bits, so that another index (a tree of
//!   scores, say) can refer to it and read it through [`HashTable::cell_of`]. Because cells are
//!   dense, a change of one entry can move one other: the calls above return it as [`Moved`], and
//!   whoever keeps handles has to exchange `from` for `to` then. The table itself needs no help.

mod segment;
mod table;
mod walk;

use std::marker::PhantomData;

use siphasher::sip::SipHasher13;

use super::cells::Cells;
use crate::base::prefetch;
use crate::base::rng::Rng;
use segment::{Budget, NEVER};
use table::Table;

pub use super::cells::Handle;
pub use table::Spot;
pub use walk::WalkId;

/// The key of a hash function; secret, drawn once per node.
pub type HashKey = [u64; 2];

/// Buckets that may be looked into for expired keys without finding one, in one call.
const DUE_BUCKETS_SPARE: usize = 64;

/// Elements that freeing a block of memory counts as.
const BLOCK_COST: usize = 64;

/// Where in the bytes of an entry is what a table must know.
pub trait Layout {
    /// The key.
    fn key(cell: &[u8]) -> &[u8];

    /// When it expires, in milliseconds since 1970.
    fn expires_ms(cell: &[u8]) -> Option<i64>;
}

/// An entry whose cell is now another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Where it was.
    pub from: Handle,
    /// Where it is.
    pub to: Handle,
}

/// Entries by their keys.
pub struct HashTable<L> {
    hasher: SipHasher13,
    table: Table,
    cells: Cells,
    expiring: usize,
    spots: Vec<Spot>,
    walk: Option<Box<walk::Walk>>,
    layout: PhantomData<L>,
}

impl<L> Clone for HashTable<L> {
    fn clone(&self) -> Self {
        Self {
            hasher: self.hasher,
            table: self.table.clone(),
            cells: self.cells.clone(),
            expiring: self.expiring,
            spots: Vec::new(),
            // Whoever walks along the table does not walk along its copy.
            walk: None,
            layout: PhantomData,
        }
    }
}

/// Looking.
impl<L: Layout> HashTable<L> {
    /// An empty table whose hash function has this secret key.
    pub fn new(hash_key: HashKey) -> Self {
        Self {
            hasher: SipHasher13::new_with_keys(hash_key[0], hash_key[1]),
            table: Table::new(),
            cells: Cells::default(),
            expiring: 0,
            spots: Vec::new(),
            walk: None,
            layout: PhantomData,
        }
    }

    /// The secret key of the hash function.
    pub fn hash_key(&self) -> HashKey {
        let (key0, key1) = self.hasher.keys();
        [key0, key1]
    }

    /// The hash function.
    pub fn hasher(&self) -> SipHasher13 {
        self.hasher
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// How many entries there is room for. Costs O(segments).
    pub fn slot_count(&self) -> usize {
        self.table.slot_count()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of entries that expire.
    pub fn expiring_len(&self) -> usize {
        self.expiring
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// Where `key` is.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<Spot> {
        self.find_hashed(self.hash(key), key)
    }

    /// Where `key`, whose hash is `hash`, is.
    #[inline]
    pub fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        self.table.find(hash, |handle| L::key(self.cells.get(handle)) == key)
    }

    /// As [`HashTable::find_hashed`], together with the name of the cell.
    #[inline]
    pub fn find_cell(&self, hash: u64, key: &[u8]) -> Option<(Spot, Handle)> {
        let mut found = 0;
        let spot = self.table.find(hash, |handle| {
            found = handle;
            L::key(self.cells.get(handle)) == key
        })?;
        Some((spot, found))
    }

    /// Asks for the memory in which a search for this hash begins.
    #[inline]
    pub fn prefetch_place(&self, hash: u64) {
        self.table.prefetch(hash);
    }

    /// The cell of the entry that probably has this hash.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<Handle> {
        self.table.guess(hash)
    }

    /// Asks for the memory of a cell.
    #[inline]
    pub fn prefetch_cell(&self, handle: Handle) {
        prefetch::bytes(self.cells.get(handle), prefetch::BYTES_MAX);
    }

    /// Asks for the memory in which a search for `key` begins, if the table is large; returns the
    /// hash of `key` then, with which [`HashTable::prefetch_hashed`] goes on.
    pub fn prefetch_key(&self, key: &[u8]) -> Option<u64> {
        let hash = (self.len() > prefetch::NEAR_ENTRIES_MAX).then(|| self.hash(key))?;
        self.prefetch_place(hash);
        Some(hash)
    }

    /// Asks for the memory of the entry that probably has this hash.
    pub fn prefetch_hashed(&self, hash: u64) {
        if let Some(handle) = self.guess(hash) {
            self.prefetch_cell(handle);
        }
    }

    /// The entry there.
    #[inline]
    pub fn cell(&self, spot: Spot) -> &[u8] {
        self.cells.get(self.table.handle(spot))
    }

    /// The entry there, to change; not its key, and not whether it expires.
    #[inline]
    pub fn cell_mut(&mut self, spot: Spot) -> &mut [u8] {
        self.save_before_change(self.table.handle(spot));
        self.cells.get_mut(self.table.handle(spot))
    }

    /// The name of the entry's cell.
    pub fn handle(&self, spot: Spot) -> Handle {
        self.table.handle(spot)
    }

    /// The entry in the cell of this name, which is in use.
    #[inline]
    pub fn cell_of(&self, handle: Handle) -> &[u8] {
        self.cells.get(handle)
    }

    /// The entry in the cell of this name, to change as with [`HashTable::cell_mut`].
    #[inline]
    pub fn cell_of_mut(&mut self, handle: Handle) -> &mut [u8] {
        self.save_before_change(handle);
        self.cells.get_mut(handle)
    }

    /// Some entry, each about as likely as any other.
    pub fn sample(&self, rng: &mut Rng) -> Option<&[u8]> {
        self.table.sample(rng).map(|handle| self.cells.get(handle))
    }

    /// Shows `visit` up to `count` entries, none of them twice, of which the first is about as likely
    /// as any other; none only if there are none. They lie next to each other in the table, which is
    /// in the order of hashes, so that nothing else connects them. Costs O(`count`).
    pub fn sample_run(&self, rng: &mut Rng, count: usize, mut visit: impl FnMut(&[u8])) {
        self.table.sample_run(rng, count, &mut |handle| visit(self.cells.get(handle)));
    }

    /// Shows `visit` about `count` entries from `cursor` on and returns the next cursor, 0 at the
    /// end. Redis's guarantee holds: an entry that is there from the first call to the last is
    /// shown at least once, however the table grows or shrinks meanwhile. Whole buckets are shown,
    /// and where few entries are, a call may show fewer than `count` or none. Costs O(`count`).
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8])) -> u64 {
        let budget = Budget { entries: count.max(1), buckets: count.saturating_add(16) };
        self.table.scan(cursor, budget, &mut |handle| visit(self.cells.get(handle)))
    }

    /// Shows `visit` every entry, in the order of memory.
    pub fn each<'a>(&'a self, visit: impl FnMut(&'a [u8])) {
        self.cells.each(visit);
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.table_bytes() + self.cells.heap_bytes()
    }

    /// Bytes on the heap, without the entries.
    pub fn table_bytes(&self) -> usize {
        self.table.heap_bytes()
    }

    /// A time before which nothing expires, and at which something perhaps does. After
    /// [`HashTable::take_due`] has found nothing at some time, it is not before that time, unless
    /// the call ended at its bound on work.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.table.next_due_ms()
    }
}

/// Changing.
impl<L: Layout> HashTable<L> {
    /// There will be about `len` entries, which saves moving them again and again while they come; 0
    /// if it is not known. The memory is taken as they come.
    pub fn expect(&mut self, len: usize) {
        self.table.expect(len);
    }

    /// Writes an entry of `size` bytes: a new one, or over the one at `spot`, which has the same
    /// key. `fill` writes it into its cell.
    pub fn put(
        &mut self,
        hash: u64,
        spot: Option<Spot>,
        size: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> (Spot, Option<Moved>) {
        if let Some(spot) = spot {
            return (spot, self.put_over(spot, size, fill));
        }
        let handle = self.cells.alloc(size);
        let cell = self.cells.get_mut(handle);
        fill(cell);
        let expires_ms = L::expires_ms(cell);
        self.pass_new(hash, handle);
        let (hasher, cells) = (&self.hasher, &self.cells);
        let hash_of = |handle| hash_of::<L>(hasher, cells, handle);
        let spot = self.table.insert(hash, handle, hash_of);
        self.note_expiry(spot, expires_ms);
        (spot, None)
    }

    /// As [`HashTable::put`], over the entry at `spot`.
    pub fn put_over(
        &mut self,
        spot: Spot,
        size: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Option<Moved> {
        let old = self.table.handle(spot);
        self.save_before_change(old);
        self.forget_expiry(spot);
        let (mut handle, mut moved) = (old, None);
        if self.cells.refit(old, size) {
            fill(self.cells.get_mut(old));
        } else {
            handle = self.cells.alloc(size);
            fill(self.cells.get_mut(handle));
            self.table.set_handle(spot, handle);
            moved = self.free_cell(old);
            handle = self.table.handle(spot);
        }
        self.note_expiry(spot, L::expires_ms(self.cells.get(handle)));
        moved
    }

    /// The expiry of the entry there, which has one, was moved to `at_ms`.
    pub fn expiry_moved(&mut self, spot: Spot, at_ms: i64) {
        self.table.expires(spot, at_ms);
    }

    /// Takes an entry out. [`HashTable::tidy`] should follow, when spots are no longer needed.
    pub fn take_out(&mut self, spot: Spot) -> Option<Moved> {
        self.save_before_change(self.table.handle(spot));
        let handle = self.table.handle(spot);
        self.forget_expiry(spot);
        self.table.remove(spot);
        self.free_cell(handle)
    }

    /// Gives back memory that the table no longer needs where `hash` belongs.
    #[inline]
    pub fn tidy(&mut self, hash: u64) {
        let (hasher, cells) = (&self.hasher, &self.cells);
        self.table.tidy(hash, |handle| hash_of::<L>(hasher, cells, handle));
    }

    /// Removes entries whose expiry is before `now_ms`, `max` at most, and hands each to `removed`.
    /// Returns how many there were. Costs O(`max`). Not for those who keep handles.
    pub fn take_due(&mut self, now_ms: i64, max: usize, mut removed: impl FnMut(&[u8])) -> usize {
        let mut spots = std::mem::take(&mut self.spots);
        let mut taken = 0;
        for _ in 0..max.saturating_add(DUE_BUCKETS_SPARE) {
            spots.clear();
            let Some(due) = self.table.due_places(now_ms, &mut spots) else { break };
            let (mut first_ms, mut hash) = (NEVER, None);
            for &spot in &spots {
                let cell = self.cell(spot);
                let Some(at_ms) = L::expires_ms(cell) else { continue };
                if at_ms >= now_ms || taken == max {
                    first_ms = at_ms.min(first_ms);
                    continue;
                }
                removed(cell);
                hash = Some(self.hash(L::key(cell)));
                self.take_out(spot);
                taken += 1;
            }
            self.table.raise_bound(due, first_ms);
            if let Some(hash) = hash {
                self.tidy(hash);
            }
            if taken == max {
                break;
            }
        }
        self.spots = spots;
        taken
    }

    /// Shows `visit` up to `count` entries that expire, drawn here and there. There can be some and
    /// none be found, where many have lost their expiry; calling again gets on. Costs O(`count`).
    pub fn sample_expiring(&mut self, rng: &mut Rng, count: usize, mut visit: impl FnMut(&[u8])) {
        let mut spots = std::mem::take(&mut self.spots);
        let mut shown = 0;
        for _ in 0..count {
            spots.clear();
            let Some(bucket) = self.table.next_expiring_places(rng, &mut spots) else { break };
            // Not always the same first ones of a bucket.
            let first = rng.below(spots.len().max(1) as u64) as usize;
            spots.rotate_left(first);
            let before = shown;
            for &spot in &spots {
                let cell = self.cell(spot);
                if L::expires_ms(cell).is_some() {
                    shown += 1;
                    if shown <= count {
                        visit(cell);
                    }
                }
            }
            if shown == before {
                self.table.raise_bound(bucket, NEVER);
            }
            if shown >= count {
                break;
            }
        }
        self.spots = spots;
    }

    /// The entry that expires first, and when; or, where very many have lost their expiry or were
    /// given a later one, one of the first or none, and calling again gets on. Costs O(1).
    pub fn first_expiring(&mut self) -> Option<(&[u8], i64)> {
        let mut spots = std::mem::take(&mut self.spots);
        let mut first: Option<(i64, Spot)> = None;
        for _ in 0..DUE_BUCKETS_SPARE {
            spots.clear();
            let Some(bucket) = self.table.first_due_places(&mut spots) else { break };
            let bound_ms = self.table.next_due_ms();
            let times = |&spot: &Spot| Some((L::expires_ms(self.cell(spot))?, spot));
            let found = spots.iter().filter_map(times).min_by_key(|&(at_ms, _)| at_ms);
            let found_ms = found.map_or(NEVER, |(at_ms, _)| at_ms);
            if found_ms < first.map_or(NEVER, |(at_ms, _)| at_ms) {
                first = found;
            }
            if Some(found_ms) == bound_ms {
                break;
            }
            self.table.raise_bound(bucket, found_ms);
        }
        self.spots = spots;
        first.map(|(at_ms, spot)| (self.cell(spot), at_ms))
    }

    /// Frees up to about `max` entries of a table that nobody will look into any more. Returns how
    /// many it freed; fewer than `max` means that nothing is left that takes time.
    pub fn free_some(&mut self, max: usize) -> usize {
        let mut freed = 0;
        while freed < max && (self.cells.free_chunk() || self.table.free_segments()) {
            freed += BLOCK_COST;
        }
        freed
    }

    /// The entry at `spot` will be gone or written over: its expiry no longer counts.
    #[inline]
    fn forget_expiry(&mut self, spot: Spot) {
        self.expiring -= usize::from(L::expires_ms(self.cell(spot)).is_some());
    }

    /// The entry at `spot` counts if it expires.
    #[inline]
    fn note_expiry(&mut self, spot: Spot, expires_ms: Option<i64>) {
        if let Some(at_ms) = expires_ms {
            self.expiring += 1;
            self.table.expires(spot, at_ms);
        }
    }

    /// Gives a cell back, to which the table no longer refers.
    fn free_cell(&mut self, handle: Handle) -> Option<Moved> {
        let from = self.cells.free(handle)?;
        // Another entry lies there now.
        let hash = hash_of::<L>(&self.hasher, &self.cells, handle);
        let Some(spot) = self.table.find(hash, |other| other == from) else {
            unreachable!("every cell belongs to an entry of the table");
        };
        self.table.set_handle(spot, handle);
        Some(Moved { from, to: handle })
    }
}

fn hash_of<L: Layout>(hasher: &SipHasher13, cells: &Cells, handle: Handle) -> u64 {
    hasher.hash(L::key(cells.get(handle)))
}

#[cfg(test)]
impl<L: Layout> HashTable<L> {
    /// Asserts what must hold.
    pub fn check(&self) {
        self.table.check(&|handle| {
            let cell = self.cells.get(handle);
            (self.hash(L::key(cell)), L::expires_ms(cell))
        });
        let (mut entries, mut expiring) = (0, 0);
        self.cells.each(|cell| {
            entries += 1;
            expiring += usize::from(L::expires_ms(cell).is_some());
            assert!(self.find(L::key(cell)).is_some());
        });
        assert_eq!((entries, expiring), (self.len(), self.expiring));
    }

    /// The part that finds cells.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }
}
