//! Consumer groups: who has been given which entries and has not said yet that it is done.
//!
//! A *pending* entry is written down once, in the group, with the number of its consumer; each
//! consumer has the set of IDs that are its own. A copy of a group shares all of these.

use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::base::ordered::{IdMap, NameMap};
use crate::base::shared::{SharedMap, SharedSet};

use super::StreamId;
use super::by_age::ByAge;

/// The number of a consumer in its group; never used twice.
pub type ConsumerRef = u64;

/// Who has the entries that were given back to the group (XNACK): no consumer has this number.
pub const NOBODY: ConsumerRef = 0;

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The ID of the entry that was delivered last.
    pub last_id: StreamId,
    /// How many entries of the stream lie up to `last_id`, counted from the stream's beginning;
    /// `None` if that is not known.
    pub entries_read: Option<i64>,
    pending: SharedMap<StreamId, Known>,
    /// Those of them that were given back.
    given_back: SharedSet<StreamId>,
    /// All of them by age.
    by_age: ByAge,
    names: NameMap<ConsumerRef>,
    consumers: IdMap<Consumer>,
    last_consumer: ConsumerRef,
}

/// What is known of a pending entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was delivered last, in milliseconds since 1970.
    pub delivered_ms: i64,
    /// How often it was delivered.
    pub deliveries: u64,
    /// To whom; [`NOBODY`] if it was given back since.
    pub consumer: ConsumerRef,
}

/// A pending entry, and its number in the order by age.
#[derive(Clone, Copy, Debug)]
struct Known {
    pending: Pending,
    number: u64,
}

/// As often an entry can have been delivered: more cannot be said in a reply.
pub const DELIVERIES_MAX: u64 = i64::MAX as u64;

impl Pending {
    /// How often the entry was delivered, once it is delivered again.
    pub fn deliveries_then(self) -> u64 {
        self.deliveries.saturating_add(1).min(DELIVERIES_MAX)
    }
}

/// A consumer of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its name.
    pub name: Box<[u8]>,
    /// When it last asked for entries, in milliseconds since 1970.
    pub seen_ms: i64,
    /// When it last got some; `None` for never.
    pub active_ms: Option<i64>,
    pending: SharedSet<StreamId>,
}

impl Consumer {
    /// The IDs of the entries pending for it, from `start` on.
    pub fn pending_from(&self, start: StreamId) -> impl Iterator<Item = StreamId> {
        self.pending.range(Included(start)).map(|(id, ())| id)
    }

    /// How many entries are pending for it.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }
}

/// Consumers.
impl Group {
    /// The consumer of this name.
    pub fn find(&self, name: &[u8]) -> Option<ConsumerRef> {
        self.names.get(name).copied()
    }

    /// A new consumer, or `None` if there is one of this name.
    pub fn create(&mut self, name: &[u8], now_ms: i64) -> Option<ConsumerRef> {
        if self.names.contains_key(name) {
            return None;
        }
        self.last_consumer += 1;
        let number = self.last_consumer;
        self.names.insert(name.into(), number);
        let pending = SharedSet::default();
        let consumer = Consumer { name: name.into(), seen_ms: now_ms, active_ms: None, pending };
        self.consumers.insert(number, consumer);
        Some(number)
    }

    /// The consumer of this number.
    pub fn get(&self, number: ConsumerRef) -> Option<&Consumer> {
        self.consumers.get(&number)
    }

    /// The consumer of this number, to change.
    pub fn get_mut(&mut self, number: ConsumerRef) -> Option<&mut Consumer> {
        self.consumers.get_mut(&number)
    }

    /// All consumers by name.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.names.values().filter_map(|number| self.consumers.get(number))
    }

    /// The first consumer whose name is behind `name`, or the first of all.
    pub fn consumer_after(&self, name: Option<&[u8]>) -> Option<&Consumer> {
        let behind = name.map_or(Unbounded, Excluded);
        let (_, number) = self.names.from(behind).next()?;
        self.consumers.get(number)
    }

    /// How many consumers there are.
    pub fn consumers_len(&self) -> usize {
        self.names.len()
    }

    /// Removes a consumer with all that is pending for it, and returns how many entries that were;
    /// `None` if there is none. Costs O(those).
    pub fn remove(&mut self, name: &[u8]) -> Option<usize> {
        let number = self.names.remove(name)?;
        let consumer = self.consumers.remove(&number)?;
        for (id, ()) in consumer.pending.iter() {
            if let Some(Known { pending, number }) = self.pending.remove(id) {
                self.by_age.remove(pending, number);
            }
        }
        Some(consumer.pending.len())
    }
}

/// Pending entries.
impl Group {
    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The pending entries from `start` on.
    pub fn pending_from(&self, start: StreamId) -> impl Iterator<Item = (StreamId, Pending)> {
        self.pending.range(Included(start)).map(|(id, known)| (id, known.pending))
    }

    /// The last pending entry.
    pub fn last_pending(&self) -> Option<StreamId> {
        self.pending.last().map(|(id, _)| id)
    }

    /// Whether the entry is pending, or was not delivered yet.
    pub fn refers_to(&self, id: StreamId) -> bool {
        id > self.last_id || self.pending.contains_key(id)
    }

    /// What is known of the entry, if it is pending.
    pub fn pending(&self, id: StreamId) -> Option<Pending> {
        self.pending.get(id).map(|known| known.pending)
    }

    /// Makes the entry pending, or changes what is known of it; it may change its consumer.
    pub fn set_pending(&mut self, id: StreamId, pending: Pending) {
        let number = self.by_age.add(id, pending);
        let old = self.pending.insert(id, Known { pending, number });
        if let Some(Known { pending: old, number }) = old {
            self.by_age.remove(old, number);
            if old.consumer == pending.consumer {
                return;
            }
            self.own(old.consumer).map(|own| own.remove(id));
        }
        self.own(pending.consumer).map(|own| own.insert(id, ()));
    }

    /// The entry is no longer pending; returns whether it was.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(Known { pending, number }) = self.pending.remove(id) else { return false };
        self.by_age.remove(pending, number);
        self.own(pending.consumer).map(|own| own.remove(id));
        true
    }

    /// The entries that were given back, and that nobody has claimed since.
    pub fn given_back(&self) -> &SharedSet<StreamId> {
        &self.given_back
    }

    /// The pending entries, those first that have waited longest since they were delivered.
    pub fn oldest_first(&self) -> impl Iterator<Item = (StreamId, Pending)> {
        self.by_age.iter().filter_map(|id| Some((id, self.pending(id)?)))
    }

    /// What is pending for `consumer`.
    fn own(&mut self, consumer: ConsumerRef) -> Option<&mut SharedSet<StreamId>> {
        match consumer {
            NOBODY => Some(&mut self.given_back),
            _ => self.consumers.get_mut(&consumer).map(|consumer| &mut consumer.pending),
        }
    }

    /// Frees about `max` pending entries or consumers, of a group that nobody will look into any
    /// more; returns how many.
    pub(super) fn free_some(&mut self, max: usize) -> usize {
        let mut freed = self.pending.free_some(max);
        freed += self.given_back.free_some(max.saturating_sub(freed));
        freed += self.by_age.free_some(max.saturating_sub(freed));
        while freed < max {
            self.names.pop_first();
            let Some((_, first)) = self.consumers.first_mut() else { break };
            freed += first.pending.free_some(max - freed);
            if first.pending.is_empty() {
                self.consumers.pop_first();
                freed += 1;
            }
        }
        freed
    }

    /// Whether freeing the group takes long.
    pub(super) fn is_large(&self, than: usize) -> bool {
        self.pending.len() > than || self.names.len() > than
    }

    /// About the bytes on the heap. Costs O(consumers).
    pub(super) fn heap_bytes(&self) -> usize {
        /// Nodes are mostly three quarters full.
        const fn tree(entry: usize, count: usize) -> usize {
            entry * count * 4 / 3
        }
        let names: usize = self.names.keys().map(|name| 2 * name.len()).sum();
        /// Once in the group, once with its consumer, once by age.
        const PENDING: usize =
            size_of::<(StreamId, Known)>() + size_of::<StreamId>() + size_of::<[StreamId; 2]>();
        tree(PENDING, self.pending.len())
            + tree(size_of::<(Box<[u8]>, u64, u64, Consumer)>(), self.names.len())
            + names
    }
}
