//! A big sorted set: members by name and in their order.
//!
//! A member and its score lie once, in a cell of a [`HashTable`] that finds it by the member. An
//! [`Order`] holds scores and the handles of cells in order. When a cell moves because another was
//! freed, the order is told: member and score, which are in it, say where to find it there.
//!
//! ```text
//! cell: score (f64) | member | in cells of more than 64 bytes: unused … | how many (u8)
//! ```

use super::order::{Key, Members, Order, Slot};
use crate::ds::hashtable::{Handle, HashKey, HashTable, Layout, WalkId};

/// Bytes of a score.
const SCORE_BYTES: usize = 8;

/// Cells up to this size are exactly as large as what is in them.
const EXACT_BYTES_MAX: usize = 64;

/// A sorted set with an index for both ways to look at it.
#[derive(Clone)]
pub(super) struct Tree {
    order: Order,
    members: HashTable<Cell>,
}

/// What is in a cell.
#[derive(Clone)]
struct Cell;

impl Layout for Cell {
    #[inline]
    fn key(cell: &[u8]) -> &[u8] {
        let unused = match cell.last() {
            Some(&unused) if cell.len() > EXACT_BYTES_MAX => usize::from(unused) + 1,
            _ => 0,
        };
        cell.get(SCORE_BYTES..cell.len() - unused).unwrap_or_default()
    }

    fn expires_ms(_: &[u8]) -> Option<i64> {
        None
    }
}

fn score_in(cell: &[u8]) -> f64 {
    f64::from_le_bytes(*cell.first_chunk().unwrap_or(&[0; SCORE_BYTES]))
}

impl Members for HashTable<Cell> {
    #[inline]
    fn member(&self, handle: Handle) -> &[u8] {
        Cell::key(self.cell_of(handle))
    }
}

impl Tree {
    pub(super) fn new(hash_key: HashKey) -> Self {
        Self { order: Order::new(), members: HashTable::new(hash_key) }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// How many members the hash table has places for.
    pub(super) fn slot_count(&self) -> usize {
        self.members.slot_count()
    }

    /// The nodes of the order, as [`Order::levels`] tells of them.
    pub(super) fn levels(&self) -> Vec<Vec<usize>> {
        self.order.levels()
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.order.heap_bytes() + self.members.heap_bytes()
    }

    /// Where members are found by name.
    pub(super) fn members(&self) -> &HashTable<impl Layout + use<>> {
        &self.members
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.members.find(member).map(|spot| score_in(self.members.cell(spot)))
    }

    /// How many members lie before `member`, which has this score.
    pub(super) fn rank(&self, score: f64, member: &[u8]) -> usize {
        self.order.rank(Key { score, member }, &self.members)
    }

    /// How many members at the start `holds` is true of; it must be false of all that follow.
    pub(super) fn count_while(&self, mut holds: impl FnMut(f64, &[u8]) -> bool) -> usize {
        self.order.count_while(|slot| holds(slot.score(), self.members.member(slot.handle)))
    }

    /// Gives `member` this score, whether it is there or not. Returns the score it had.
    pub(super) fn insert(&mut self, score: f64, member: &[u8]) -> Option<f64> {
        let hash = self.members.hash(member);
        let Some(spot) = self.members.find_hashed(hash, member) else {
            let end = SCORE_BYTES + member.len();
            let size = if end > EXACT_BYTES_MAX { end + 1 } else { end };
            let (spot, _) = self.members.put(hash, None, size, |cell| {
                cell[..SCORE_BYTES].copy_from_slice(&score.to_le_bytes());
                cell[SCORE_BYTES..end].copy_from_slice(member);
                let unused = cell.len() - end;
                if let Some(last) = cell.last_mut().filter(|_| unused > 0) {
                    *last = (unused - 1) as u8;
                }
            });
            let slot = Slot::new(score, self.members.handle(spot));
            self.order.insert(Key { score, member }, slot, &self.members);
            return None;
        };
        let old = score_in(self.members.cell(spot));
        if old != score {
            let slot = Slot::new(score, self.members.handle(spot));
            self.order.remove(Key { score: old, member }, &self.members);
            self.order.insert(Key { score, member }, slot, &self.members);
            if let Some(place) = self.members.cell_mut(spot).first_chunk_mut() {
                *place = score.to_le_bytes();
            }
        }
        Some(old)
    }

    /// Removes `member` and returns its score.
    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = self.members.hash(member);
        let spot = self.members.find_hashed(hash, member)?;
        let score = score_in(self.members.cell(spot));
        self.order.remove(Key { score, member }, &self.members);
        if let Some(moved) = self.members.take_out(spot) {
            let cell = self.members.cell_of(moved.to);
            let key = Key { score: score_in(cell), member: Cell::key(cell) };
            self.order.rename(key, moved, &self.members);
        }
        self.members.tidy(hash);
        Some(score)
    }

    /// The member of rank `rank`.
    pub(super) fn get(&self, rank: usize) -> Option<(&[u8], f64)> {
        self.order.get(rank).map(|slot| (self.member(slot), slot.score()))
    }

    /// The slots from rank `rank` on that lie together; or those before it, itself included.
    pub(super) fn run_at(&self, rank: usize, back: bool) -> &[Slot] {
        let Some((slots, at)) = self.order.leaf_at(rank) else { return &[] };
        let run = if back { slots.get(..=at) } else { slots.get(at..) };
        run.unwrap_or_default()
    }

    pub(super) fn member(&self, slot: Slot) -> &[u8] {
        self.members.member(slot.handle)
    }

    /// Shows `visit` members in the order of their hashes, from `cursor` on and about `count`;
    /// returns the next cursor, 0 at the end.
    pub(super) fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        self.members.scan(cursor, count, |cell| visit(Cell::key(cell), score_in(cell)))
    }

    /// Shows `visit` about `count` members more of a walk; see [`HashTable::walk_some`].
    pub(super) fn walk_some(&mut self, count: usize, mut visit: impl FnMut(&[u8], f64)) -> bool {
        self.members.walk_some(count, |cell| visit(Cell::key(cell), score_in(cell)))
    }

    /// Begins such a walk.
    pub(super) fn begin_walk(&mut self, id: WalkId) {
        self.members.begin_walk(id);
    }

    /// The number of the walk that is under way.
    pub(super) fn walk_id(&self) -> Option<WalkId> {
        self.members.walk_id()
    }

    /// Ends the walk early.
    pub(super) fn end_walk(&mut self) {
        self.members.end_walk();
    }

    /// Frees up to about `max` members of a set that nobody will look into any more; fewer than
    /// `max` means that nothing is left that takes time.
    pub(super) fn free_some(&mut self, max: usize) -> usize {
        let mut freed = self.members.free_some(max);
        while freed < max && self.order.free_leaf() {
            freed += super::order::LEAF_MAX;
        }
        freed
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        self.order.check();
        self.members.check();
        assert_eq!(self.order.len(), self.members.len());
    }
}
