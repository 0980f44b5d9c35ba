//! What producers have numbered, so that an entry they send twice is added once.
//!
//! A producer gives each entry an ID of its own (*iid*), or has one made from the fields. For each
//! producer the newest are remembered, up to a number and for a time that belong to the stream,
//! with the entry that each has become. What is too old goes when the producer numbers something
//! else; every call looks at a few other producers too, so that those who are gone are forgotten.
//!
//! Source: <https://redis.io/docs/latest/develop/data-types/streams/idempotency/>.

use std::collections::VecDeque;
use std::rc::Rc;

use super::StreamId;
use crate::base::order;
use crate::base::ordered::NameMap;
use crate::base::sha1::sha1;

/// For how many seconds iids are remembered, unless something else is said.
pub const DURATION_S: u64 = 100;
/// How many iids of a producer are remembered, unless something else is said.
pub const SIZE_MAX: u64 = 100;

/// Producers that are looked at for old numbers each time one numbers something.
const LOOKED_AT: usize = 4;
/// About the bytes that an iid takes besides its own, which are there twice.
const IID_BYTES: usize = 64;

/// What is remembered of a stream's producers.
#[derive(Clone, Debug, Default)]
pub struct Idempotence {
    /// For how many seconds an iid is remembered.
    pub duration_s: u64,
    /// How many iids of a producer are.
    pub size_max: u64,
    /// How many iids there ever were.
    pub added: u64,
    /// How many entries came twice.
    pub duplicates: u64,
    /// Shared with copies of the stream until they change.
    producers: Vec<Rc<Producer>>,
    /// Places of producers by their names.
    places: NameMap<u64>,
    /// The producer that is looked at next.
    next: usize,
    bytes: usize,
}

/// A producer and its iids, the oldest first.
#[derive(Clone, Debug)]
pub struct Producer {
    /// Its name.
    pub name: Box<[u8]>,
    iids: VecDeque<(Box<[u8]>, StreamId)>,
    /// The number of each iid; the oldest has the number `first`.
    numbers: NameMap<u64>,
    first: u64,
}

impl Producer {
    /// Its iids with the entries that they have become, the oldest first.
    pub fn iids(&self) -> impl ExactSizeIterator<Item = (&[u8], StreamId)> {
        self.iids.iter().map(|(iid, id)| (&**iid, *id))
    }

    fn find(&self, iid: &[u8]) -> Option<StreamId> {
        let place = self.numbers.get(iid)?.wrapping_sub(self.first);
        self.iids.get(place as usize).map(|&(_, id)| id)
    }

    /// Forgets the oldest iid; returns the bytes that it took.
    fn forget(&mut self) -> usize {
        let Some((iid, _)) = self.iids.pop_front() else { return 0 };
        if self.numbers.get(&iid) == Some(&self.first) {
            self.numbers.remove(&iid);
        }
        self.first = self.first.wrapping_add(1);
        IID_BYTES + 2 * iid.len()
    }
}

impl Idempotence {
    /// Nothing yet.
    pub fn new(duration_s: u64, size_max: u64) -> Self {
        Self { duration_s, size_max, ..Self::default() }
    }

    /// The entry that this iid of the producer has become, unless that is forgotten.
    pub fn find(&self, producer: &[u8], iid: &[u8], now_ms: u64) -> Option<StreamId> {
        let producer = self.producers.get(*self.places.get(producer)? as usize)?;
        producer.find(iid).filter(|&id| !self.is_old(id, now_ms))
    }

    fn is_old(&self, id: StreamId, now_ms: u64) -> bool {
        id.ms.saturating_add(self.duration_s.saturating_mul(1000)) <= now_ms
    }

    /// This iid of the producer has become the entry `id`. Costs O(log iids).
    pub fn record(&mut self, name: &[u8], iid: &[u8], id: StreamId, now_ms: u64) {
        let place = match self.places.get(name) {
            Some(&place) => place as usize,
            None => {
                let place = self.producers.len();
                self.places.insert(name.into(), place as u64);
                let (iids, numbers) = (VecDeque::new(), NameMap::default());
                let producer = Producer { name: name.into(), iids, numbers, first: 0 };
                self.producers.push(Rc::new(producer));
                self.bytes += size_of::<Producer>() + 2 * name.len();
                place
            }
        };
        self.added = self.added.saturating_add(1);
        if let Some(producer) = self.producers.get_mut(place).map(Rc::make_mut) {
            let number = producer.first.wrapping_add(producer.iids.len() as u64);
            producer.numbers.insert(iid.into(), number);
            producer.iids.push_back((iid.into(), id));
            self.bytes += IID_BYTES + 2 * iid.len();
            while producer.iids.len() as u64 > self.size_max {
                self.bytes = self.bytes.saturating_sub(producer.forget());
            }
        }
        self.forget_old(place, now_ms);
        for _ in 0..LOOKED_AT {
            self.next = (self.next + 1) % self.producers.len().max(1);
            self.forget_old(self.next, now_ms);
        }
    }

    /// Forgets what is too old of the producer at `place`, and the producer if nothing is left.
    fn forget_old(&mut self, place: usize, now_ms: u64) {
        let is_left = |producer: &Producer| {
            producer.iids.front().is_some_and(|&(_, id)| !self.is_old(id, now_ms))
        };
        let Some(producer) = self.producers.get(place) else { return };
        if is_left(producer) {
            return;
        }
        let old = producer.iids.iter().take_while(|&&(_, id)| self.is_old(id, now_ms)).count();
        let Some(producer) = self.producers.get_mut(place).map(Rc::make_mut) else { return };
        for _ in 0..old {
            self.bytes = self.bytes.saturating_sub(producer.forget());
        }
        if producer.iids.is_empty() {
            self.remove(place);
        }
    }

    fn remove(&mut self, place: usize) {
        let gone = self.producers.swap_remove(place);
        self.places.remove(&gone.name);
        self.bytes = self.bytes.saturating_sub(size_of::<Producer>() + 2 * gone.name.len());
        if let Some(moved) = self.producers.get(place)
            && let Some(known) = self.places.get_mut(&moved.name)
        {
            *known = place as u64;
        }
    }

    /// Sets for how long and how many are remembered; if that is something else than before, all is
    /// forgotten.
    pub fn configure(&mut self, duration_s: u64, size_max: u64) {
        if (duration_s, size_max) != (self.duration_s, self.size_max) {
            let (added, duplicates) = (self.added, self.duplicates);
            *self = Self { added, duplicates, ..Self::new(duration_s, size_max) };
        }
    }

    /// Whether there is anything that must be kept.
    pub fn is_used(&self) -> bool {
        (self.duration_s, self.size_max) != (DURATION_S, SIZE_MAX)
            || self.added > 0
            || self.duplicates > 0
            || !self.producers.is_empty()
    }

    /// All producers, those included of which everything is too old.
    pub fn producers(&self) -> &[Rc<Producer>] {
        &self.producers
    }

    /// How many producers and iids are remembered now. Costs O(iids).
    pub fn tracked(&self, now_ms: u64) -> (u64, u64) {
        let live = |producer: &Rc<Producer>| {
            producer.iids.iter().filter(|&&(_, id)| !self.is_old(id, now_ms)).count() as u64
        };
        self.producers
            .iter()
            .map(live)
            .fold((0, 0), |(producers, iids), live| (producers + u64::from(live > 0), iids + live))
    }

    /// How many producers there are.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.producers.len()
    }

    /// Frees up to `max` producers, of a stream that nobody will look into any more.
    pub(super) fn free_some(&mut self, max: usize) -> usize {
        let freed = max.min(self.producers.len());
        self.producers.truncate(self.producers.len() - freed);
        for _ in 0..freed {
            self.places.pop_first();
        }
        freed
    }

    /// About the bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes
    }

    /// The iid of an entry of these fields, in whatever order they stand.
    pub fn iid_of<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> [u8; 20] {
        let mut each: Vec<[u8; 20]> = fields
            .map(|(name, value)| sha1(&[&(name.len() as u64).to_le_bytes(), name, value].concat()))
            .collect();
        order::sort_by(&mut each, Ord::cmp);
        sha1(each.as_flattened())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> StreamId {
        StreamId { ms, seq: 0 }
    }

    #[test]
    fn iids_are_forgotten_by_number_and_by_age() {
        let mut known = Idempotence::new(10, 3);
        for ms in 1..=4 {
            known.record(b"p", &[ms as u8], id(ms * 1000), ms * 1000);
        }
        assert_eq!(known.find(b"p", &[1], 4000), None, "only three are kept");
        assert_eq!(known.find(b"p", &[2], 11_999), Some(id(2000)));
        assert_eq!(known.find(b"p", &[2], 12_000), None);
        assert_eq!(known.find(b"q", &[4], 4000), None);
        assert_eq!(known.tracked(12_000), (1, 2));
        // The same again is the newest again.
        known.record(b"p", &[3], id(12_000), 12_000);
        assert_eq!(known.find(b"p", &[3], 13_500), Some(id(12_000)));
        // Who is gone is forgotten while another goes on.
        for ms in 0..5u8 {
            known.record(b"q", &[ms], id(50_000), 50_000);
        }
        assert_eq!((known.len(), known.tracked(50_000)), (1, (1, 3)));
        let bytes = known.heap_bytes();
        known.configure(10, 3);
        assert_eq!((known.heap_bytes(), known.added), (bytes, 10));
        known.configure(11, 3);
        assert_eq!((known.len(), known.added), (0, 10));
        assert_eq!(known.heap_bytes(), size_of::<Idempotence>());
    }

    #[test]
    fn the_order_of_fields_does_not_matter_and_their_bounds_do() {
        let iid =
            |fields: &[(&'static [u8], &'static [u8])]| Idempotence::iid_of(fields.iter().copied());
        assert_eq!(iid(&[(b"a", b"1"), (b"b", b"2")]), iid(&[(b"b", b"2"), (b"a", b"1")]));
        assert_ne!(iid(&[(b"ab", b"c")]), iid(&[(b"a", b"bc")]));
        assert_ne!(iid(&[(b"a", b"1"), (b"a", b"1")]), iid(&[(b"a", b"1")]));
    }
}
