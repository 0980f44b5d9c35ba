//! Pending entries by age: which of a group has waited longest since it was delivered.
//!
//! Only XREADGROUP with CLAIM asks that, so a group keeps this from the first time on that it does.
//! Entries that were given back come first, in the order in which they were; then the others by the
//! time of their delivery, and those of one time in the order in which they came.

use super::StreamId;
use super::group::{NOBODY, Pending};
use crate::base::shared::SharedMap;

/// A place in the order: first by time, then by number. It has the shape of an ID, so that one kind of
/// tree serves for both ways.
type Place = StreamId;

/// Pending entries, those that have waited longest first. Everything costs O(log N); a copy
/// shares all.
#[derive(Clone, Debug, Default)]
pub(super) struct ByAge {
    order: SharedMap<Place, StreamId>,
    places: SharedMap<StreamId, Place>,
    /// The number given out last.
    last: u64,
}

impl ByAge {
    /// Enters the entry, or moves it to where it is now.
    pub(super) fn set(&mut self, id: StreamId, pending: Pending) {
        self.last += 1;
        let delivered_ms = u64::try_from(pending.delivered_ms).unwrap_or(0);
        let ms = if pending.consumer == NOBODY { 0 } else { delivered_ms.saturating_add(1) };
        let place = Place { ms, seq: self.last };
        if let Some(old) = self.places.insert(id, place) {
            self.order.remove(old);
        }
        self.order.insert(place, id);
    }

    /// The entry is no longer pending.
    pub(super) fn remove(&mut self, id: StreamId) {
        if let Some(place) = self.places.remove(id) {
            self.order.remove(place);
        }
    }

    /// The entries, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = StreamId> {
        self.order.iter().map(|(_, &id)| id)
    }

    /// Frees up to `max` of what is kept, of a group that nobody will look into any more; returns how
    /// many.
    pub(super) fn free_some(&mut self, max: usize) -> usize {
        let freed = self.order.free_some(max);
        freed + self.places.free_some(max.saturating_sub(freed))
    }
}
