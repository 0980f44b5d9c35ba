//! A node of a stream: entries side by side in one listpack, exactly as Redis keeps them.
//!
//! ```text
//! valid entries | deleted entries | number of fields | field … | 0 | entry …
//! entry with these fields:   2 | ms | seq | value … | number of elements
//! entry with other fields:   0 | ms | seq | number of fields | field value … | number of elements
//! ```
//!
//! The head is that of the first entry, whose ID is the node's and whose fields the others mostly
//! share. `ms` and `seq` are relative to that ID. The last number lets a reader go backwards.
//! An entry that is deleted stays where it is, with 1 added to its flags, until no valid entry is
//! left and the node goes away as a whole.

use std::rc::Rc;

use super::StreamId;
use crate::ds::listpack::{self, Cursor, Element, Listpack, Malformed};

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// Elements of an entry besides fields and values: flags, ms, seq.
const ENTRY_ELEMENTS: i64 = 3;

/// Entries side by side.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Shared with copies of the stream until it changes.
    pack: Rc<Listpack>,
}

/// An entry as it lies in its node.
pub(super) struct RawEntry<'a> {
    pub(super) id: StreamId,
    pub(super) fields: Fields<'a>,
    flags: i64,
    /// Where its flags stand.
    place: Cursor,
}

impl RawEntry<'_> {
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }
}

/// The fields of an entry with their values.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    left: usize,
    /// The names, if they stand in the node's head.
    names: Option<listpack::Iter<'a>>,
    /// The values, or names and values in turn.
    values: listpack::Iter<'a>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Element<'a>, Element<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.values.next()?,
        };
        Some((name, self.values.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// What the head says.
#[derive(Clone)]
struct Head<'a> {
    valid: i64,
    deleted: i64,
    field_count: usize,
    names: listpack::Iter<'a>,
    /// What stands behind it.
    rest: listpack::Iter<'a>,
}

/// A number where one must stand.
fn number(iter: &mut listpack::Iter<'_>) -> Option<i64> {
    match iter.next()? {
        Element::Int(number) => Some(number),
        Element::Bytes(_) => None,
    }
}

fn length(iter: &mut listpack::Iter<'_>) -> Option<usize> {
    usize::try_from(number(iter)?).ok()
}

impl Node {
    /// A node with one entry, whose ID is the node's.
    pub(super) fn new<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone) -> Self {
        let mut pack = Listpack::new();
        pack.push_back(Element::Int(1));
        pack.push_back(Element::Int(0));
        let count = fields.clone().count();
        pack.push_back(Element::Int(count as i64));
        fields.clone().for_each(|(name, _)| pack.push_back(Element::of(name)));
        pack.push_back(Element::Int(0));
        let mut node = Self { pack: Rc::new(pack) };
        node.push(StreamId::MIN, fields, count, true);
        node
    }

    /// The node of this ID that `pack` is. Costs O(bytes).
    pub(super) fn parse(pack: Listpack, id: StreamId) -> Result<Self, Malformed> {
        let node = Self { pack: Rc::new(pack) };
        node.check(id).ok_or(Malformed)?;
        Ok(node)
    }

    /// `None` if something is not as it must be.
    fn check(&self, id: StreamId) -> Option<()> {
        let mut head = self.pack.iter();
        let valid = length(&mut head)?;
        let deleted = length(&mut head)?;
        let field_count = length(&mut head)?;
        // Not `nth`: the count may be anything, and what is there ends sooner.
        for _ in 0..field_count {
            head.next()?;
        }
        if number(&mut head)? != 0 {
            return None;
        }
        let (mut counted, mut last) = ([0; 2], None);
        let mut rest = head;
        while !rest.is_done() {
            let mut probe = rest.clone();
            let entry = self.read(&mut rest, id)?;
            let elements = Self::elements(&entry, field_count);
            // The number of elements is the one behind them.
            for _ in 0..elements {
                probe.next()?;
            }
            if number(&mut probe)? != elements || entry.id < id {
                return None;
            }
            if last.is_some_and(|last| entry.id <= last) {
                return None;
            }
            last = Some(entry.id);
            counted[usize::from(entry.is_deleted())] += 1;
        }
        (counted == [valid, deleted] && last.is_some()).then_some(())
    }

    /// How many elements an entry has, without the one that says so.
    fn elements(entry: &RawEntry<'_>, field_count: usize) -> i64 {
        if entry.flags & SAME_FIELDS != 0 {
            field_count as i64 + ENTRY_ELEMENTS
        } else {
            entry.fields.left as i64 * 2 + 1 + ENTRY_ELEMENTS
        }
    }

    pub(super) fn pack(&self) -> &Listpack {
        &self.pack
    }

    pub(super) fn shrink_to_fit(&mut self) {
        if let Some(pack) = Rc::get_mut(&mut self.pack) {
            pack.shrink_to_fit();
        }
    }

    fn head(&self) -> Option<Head<'_>> {
        let mut iter = self.pack.iter();
        let (valid, deleted) = (number(&mut iter)?, number(&mut iter)?);
        let field_count = length(&mut iter)?;
        let names = iter.clone();
        for _ in 0..=field_count {
            iter.next()?;
        }
        Some(Head { valid, deleted, field_count, names, rest: iter })
    }

    /// Number of entries that are not deleted.
    pub(super) fn valid(&self) -> u64 {
        self.head().map_or(0, |head| head.valid.unsigned_abs())
    }

    /// Number of entries, deleted ones too.
    pub(super) fn total(&self) -> u64 {
        self.head().map_or(0, |head| (head.valid + head.deleted).unsigned_abs())
    }

    /// Adds an entry; `delta` is its ID relative to the node's.
    pub(super) fn append<'f>(
        &mut self,
        delta: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) {
        let Some(head) = self.head() else { return };
        let count = fields.clone().count();
        let same = count == head.field_count
            && fields.clone().zip(head.names).all(|((name, _), own)| own == Element::of(name));
        let valid = head.valid;
        self.replace_counts(valid + 1, None);
        self.push(delta, fields, count, same);
    }

    fn push<'f>(
        &mut self,
        delta: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
        count: usize,
        same: bool,
    ) {
        let pack = Rc::make_mut(&mut self.pack);
        pack.push_back(Element::Int(if same { SAME_FIELDS } else { 0 }));
        pack.push_back(Element::Int(delta.ms as i64));
        pack.push_back(Element::Int(delta.seq as i64));
        let mut elements = count as i64 + ENTRY_ELEMENTS;
        if !same {
            pack.push_back(Element::Int(count as i64));
            elements += count as i64 + 1;
        }
        for (name, value) in fields {
            if !same {
                pack.push_back(Element::of(name));
            }
            pack.push_back(Element::of(value));
        }
        pack.push_back(Element::Int(elements));
    }

    /// Reads the entry that `iter` stands at, and moves it behind that. `id` is the node's.
    fn read<'a>(&'a self, iter: &mut listpack::Iter<'a>, id: StreamId) -> Option<RawEntry<'a>> {
        let place = self.pack.place_of(iter);
        let flags = number(iter)?;
        let (ms, seq) = (number(iter)?, number(iter)?);
        let id =
            StreamId { ms: id.ms.wrapping_add(ms as u64), seq: id.seq.wrapping_add(seq as u64) };
        let fields = if flags & SAME_FIELDS != 0 {
            let mut head = self.pack.iter();
            head.next();
            head.next();
            let left = length(&mut head)?;
            Fields { left, names: Some(head), values: iter.clone() }
        } else {
            let left = length(iter)?;
            Fields { left, names: None, values: iter.clone() }
        };
        let skipped =
            if fields.names.is_some() { fields.left } else { fields.left.checked_mul(2)? };
        // Behind the values, the number of elements.
        for _ in 0..=skipped {
            iter.next()?;
        }
        Some(RawEntry { id, fields, flags, place })
    }

    /// The entries in order, deleted ones too. `id` is the node's.
    pub(super) fn iter(&self, id: StreamId) -> impl Iterator<Item = RawEntry<'_>> {
        let mut rest = self.head().map(|head| head.rest).unwrap_or_default();
        std::iter::from_fn(move || self.read(&mut rest, id))
    }

    /// The entries from the last to the first, deleted ones too. `id` is the node's.
    pub(super) fn iter_back(&self, id: StreamId) -> impl Iterator<Item = RawEntry<'_>> {
        let mut end = self.pack.last();
        std::iter::from_fn(move || {
            let mut place = end?;
            let Element::Int(elements) = self.pack.get(place)? else { return None };
            if elements == 0 {
                // The end of the head.
                return None;
            }
            for _ in 0..elements {
                place = self.pack.prev(place)?;
            }
            end = self.pack.prev(place);
            self.read(&mut self.pack.iter_from(place), id)
        })
    }

    /// Marks the entry as deleted, if there is one of this ID.
    pub(super) fn delete(&mut self, id: StreamId, entry: StreamId) -> bool {
        let found = self.iter(id).find(|found| found.id >= entry);
        let Some(found) = found.filter(|found| found.id == entry && !found.is_deleted()) else {
            return false;
        };
        let (place, flags) = (found.place, found.flags);
        Rc::make_mut(&mut self.pack).replace(place, Element::Int(flags | DELETED));
        self.count_deleted(1);
        true
    }

    /// Marks entries from the first on as deleted as far as `goes` says so, which is asked with the
    /// ID of each that is not deleted yet; without an answer, that was the last. Returns how many
    /// were marked.
    pub(super) fn delete_some(
        &mut self,
        id: StreamId,
        goes: &mut dyn FnMut(StreamId) -> Option<bool>,
    ) -> u64 {
        let mut marked: Vec<(Cursor, i64)> = Vec::new();
        for entry in self.iter(id).filter(|entry| !entry.is_deleted()) {
            match goes(entry.id) {
                None => break,
                Some(true) => marked.push((entry.place, entry.flags)),
                Some(false) => {}
            }
        }
        // A mark changes no entry's size, so that the places stay.
        for &(place, flags) in &marked {
            Rc::make_mut(&mut self.pack).replace(place, Element::Int(flags | DELETED));
        }
        self.count_deleted(marked.len() as i64);
        marked.len() as u64
    }

    fn count_deleted(&mut self, count: i64) {
        if let Some(head) = self.head() {
            let (valid, deleted) = (head.valid - count, head.deleted + count);
            self.replace_counts(valid, Some(deleted));
        }
    }

    fn replace_counts(&mut self, valid: i64, deleted: Option<i64>) {
        let Some(first) = self.pack.first() else { return };
        Rc::make_mut(&mut self.pack).replace(first, Element::Int(valid));
        if let Some(deleted) = deleted
            && let Some(second) = self.pack.next(first)
        {
            Rc::make_mut(&mut self.pack).replace(second, Element::Int(deleted));
        }
    }
}
