//! Pending entries by age: which of a group has waited longest since it was delivered.
//!
//! XREADGROUP with CLAIM asks that. It is kept up to date from the first delivery on, because to work it
//! out for many entries at once would keep everyone waiting. Entries that were given back come first, in
//! the order in which they were; then the others by the time of their delivery, and those of one time in
//! the order in which they came.

use super::StreamId;
use super::group::{NOBODY, Pending};
use crate::base::shared::SharedMap;

/// A place in the order: first by time, then by number. It has the shape of an ID, so that it has the
/// same kind of tree.
type Place = StreamId;

/// Pending entries, those that have waited longest first. Everything costs O(log N); a copy
/// shares all.
#[derive(Clone, Debug, Default)]
pub(super) struct ByAge {
    order: SharedMap<Place, StreamId>,
    /// The number given out last.
    last: u64,
}

impl ByAge {
    /// Enters an entry; returns its number, by which it is found again.
    pub(super) fn add(&mut self, id: StreamId, pending: Pending) -> u64 {
        self.last += 1;
        self.order.insert(place(pending, self.last), id);
        self.last
    }

    /// Takes an entry out that was entered like this and got this number.
    pub(super) fn remove(&mut self, pending: Pending, number: u64) {
        self.order.remove(place(pending, number));
    }

    /// The entries, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = StreamId> {
        self.order.iter().map(|(_, &id)| id)
    }

    /// Frees up to `max` of what is kept, of a group that nobody will look into any more; returns how
    /// many.
    pub(super) fn free_some(&mut self, max: usize) -> usize {
        self.order.free_some(max)
    }
}

fn place(pending: Pending, number: u64) -> Place {
    let delivered_ms = u64::try_from(pending.delivered_ms).unwrap_or(0);
    let ms = if pending.consumer == NOBODY { 0 } else { delivered_ms.saturating_add(1) };
    Place { ms, seq: number }
}
