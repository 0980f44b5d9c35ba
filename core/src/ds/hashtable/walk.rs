//! Walking along a table as it was at one moment, while it changes.
//!
//! The table is in the order of hashes, so a walk is a cursor: what lies before it has been shown.
//! Only what lies behind can still spoil the walk, and there every change of the table passes one
//! of three places: an entry about to be written over or taken out is copied first, to be shown
//! later, and a new one is noted, to be left out. Nothing else is needed, whatever splits, grows
//! or moves meanwhile, because the order of hashes does not.
//!
//! A walk costs memory for what was changed behind its cursor and not shown yet, and nothing else.
//! Without one, a change costs one look at whether there is one.

use super::{HashTable, Layout, hash_of};
use crate::base::Set;
use crate::ds::cells::Handle;

/// A number that whoever walks gives the walk, to find its table again.
pub type WalkId = u64;

/// The bits of a hash that a cursor leaves out.
const CURSOR_SHIFT: u32 = 16;

/// Nothing is behind this cursor.
const CURSOR_END: u64 = 1 << (64 - CURSOR_SHIFT);

/// A walk that is under way.
pub(super) struct Walk {
    id: WalkId,
    cursor: u64,
    /// Keys behind the cursor whose entries are not those of the beginning.
    changed: Set<Vec<u8>>,
    /// What they were.
    saved: Vec<Vec<u8>>,
}

impl<L: Layout> HashTable<L> {
    /// Begins to walk along the table as it is now.
    pub fn begin_walk(&mut self, id: WalkId) {
        let (changed, saved) = (Set::default(), Vec::new());
        self.walk = Some(Box::new(Walk { id, cursor: 0, changed, saved }));
    }

    /// The number of the walk that is under way.
    pub fn walk_id(&self) -> Option<WalkId> {
        self.walk.as_ref().map(|walk| walk.id)
    }

    /// Ends the walk early.
    pub fn end_walk(&mut self) {
        self.walk = None;
    }

    /// Shows `visit` about `count` entries more, each of the beginning exactly once in the course of
    /// the walk. Returns whether that was all, which ends the walk. Costs O(`count`).
    pub fn walk_some(&mut self, count: usize, mut visit: impl FnMut(&[u8])) -> bool {
        let Some(mut walk) = self.walk.take() else { return true };
        let from_saved = walk.saved.len().saturating_sub(count);
        walk.saved.drain(from_saved..).for_each(|cell| visit(&cell));
        let next = self.visit_from(walk.cursor, count, |cell| {
            if walk.changed.is_empty() || !walk.changed.remove(L::key(cell)) {
                visit(cell);
            }
        });
        walk.cursor = if next == 0 { CURSOR_END } else { next };
        if next == 0 && walk.saved.is_empty() {
            return true;
        }
        self.walk = Some(walk);
        false
    }

    /// Shows `visit` the entries whose hashes are from `cursor` on and before the cursor that it
    /// returns, which is 0 at the end: about `count`, each once. They may be changed as
    /// [`HashTable::cell_mut`] allows, and no walk knows of it. Costs O(`count`).
    pub fn visit_from(
        &mut self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&mut [u8]),
    ) -> u64 {
        let mut handles = Vec::with_capacity(count);
        let budget = super::Budget { entries: count.max(1), buckets: count.saturating_add(16) };
        let next = self.table.scan(cursor, budget, &mut |handle| handles.push(handle));
        let end = if next == 0 { u64::MAX } else { next };
        for handle in handles {
            // Buckets are shown as a whole, and the cursor can lie in the middle of one.
            let position = hash_of::<L>(&self.hasher, &self.cells, handle) >> CURSOR_SHIFT;
            if (cursor..end).contains(&position) {
                visit(self.cells.get_mut(handle));
            }
        }
        next
    }

    /// Whether what has this hash is behind the cursor.
    pub fn is_behind(hash: u64, cursor: u64) -> bool {
        hash >> CURSOR_SHIFT >= cursor
    }

    /// The entry in the cell of this handle is about to change: the walk keeps what it is.
    #[inline]
    pub(super) fn save_before_change(&mut self, handle: Handle) {
        if self.walk.is_some() {
            self.save_for_walk(handle);
        }
    }

    #[cold]
    fn save_for_walk(&mut self, handle: Handle) {
        let cell = self.cells.get(handle);
        let Some(walk) = &mut self.walk else { return };
        let key = L::key(cell);
        if Self::is_behind(self.hasher.hash(key), walk.cursor) && walk.changed.insert(key.to_vec())
        {
            walk.saved.push(cell.to_vec());
        }
    }

    /// A new entry lies in the cell of this handle: the walk leaves it out.
    #[inline]
    pub(super) fn pass_new(&mut self, hash: u64, handle: Handle) {
        if let Some(walk) = &mut self.walk
            && Self::is_behind(hash, walk.cursor)
        {
            walk.changed.insert(L::key(self.cells.get(handle)).to_vec());
        }
    }
}
