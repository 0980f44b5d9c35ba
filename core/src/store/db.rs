//! One database: keys, their values and when they expire.
//!
//! Keys are those of a [`HashTable`]. An entry of it holds the key, the expiry and, if it is a short
//! string or a small hash, the value (see [`entry`]); longer strings and other collections are objects
//! of their own. A hash that lies in its entry is read there, and taken out to be changed.
//!
//! A key and a value of 16 bytes take 45 bytes of memory, everything included, and 54 with an
//! expiry, measured over the sizes that tables have; a test holds them to it.
//!
//! The database does not know what time it is: it stores expiries and hands out what is due. The
//! rule that an expired key is not there belongs to the callers that know `now`.

use std::ops::Range;

use super::entry::{self, Draft, Entry, INLINE_BYTES_MAX, KeyEntries, Payload};
use super::graveyard::Graveyard;
use super::hashes::can_lie_in_entry;
use super::objects::Objects;
use super::walk::Walk;
use super::{HashKey, Value, ValueMut, ValueRef};
use crate::base::num::{self, Digits};
use crate::base::ordered::OrdSet;
use crate::base::rng::Rng;
use crate::ds::hash::HashRef;
use crate::ds::hashtable::{Handle, HashTable, Spot};
use crate::ds::listpack::{Listpack, ListpackRef};

/// Room for entries being rewritten that is kept.
pub(super) const SCRATCH_BYTES_MAX: usize = 4096;

/// One database.
pub struct Db {
    pub(super) entries: HashTable<KeyEntries>,
    pub(super) objects: Objects,
    /// Hashes with fields that expire, by a time before which none of them does.
    pub(super) fields_due: FieldsDue,
    new_access: u32,
    graveyard: Graveyard,
    /// Where an entry is put together that is being rewritten.
    scratch: Vec<u8>,
    /// Where a hash is while it changes that lies in its entry.
    pub(super) hash_room: Vec<u8>,
    /// Somebody wants to know what was here at some moment.
    pub(super) walk: Option<Box<Walk>>,
}

/// Keys of hashes, each under the time that the hash is [indexed](crate::ds::Hash) by.
type FieldsDue = OrdSet<(i64, Box<[u8]>)>;

/// What is stored under a key, besides the key.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The value.
    pub value: ValueRef<'a>,
    /// When the key expires, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// 24 bits on how recently or often it was used, which the caller gives a meaning.
    pub access: u32,
}

/// Where a key was found, so that what follows need not look for it again. Good until the database
/// changes otherwise than through it.
#[derive(Clone, Copy, Debug)]
pub struct At {
    pub(super) spot: Spot,
    /// Where its entry lies.
    pub(super) cell: Handle,
}

/// Reading.
impl Db {
    /// An empty database whose hash function has this secret key.
    pub fn new(hash_key: HashKey) -> Self {
        Self {
            entries: HashTable::new(hash_key),
            objects: Objects::default(),
            fields_due: FieldsDue::default(),
            new_access: 0,
            graveyard: Graveyard::default(),
            scratch: Vec::new(),
            hash_room: Vec::new(),
            walk: None,
        }
    }

    /// Number of keys, expired ones that are still stored included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of keys that will expire.
    pub fn expiring_len(&self) -> usize {
        self.entries.expiring_len()
    }

    /// What `key` holds.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<Found<'_>> {
        self.locate(key).map(|at| self.get_at(at))
    }

    /// Where `key` is.
    #[inline]
    pub fn locate(&self, key: &[u8]) -> Option<At> {
        self.locate_hashed(self.entries.hash(key), key)
    }

    /// Where `key`, whose hash is `hash`, is.
    #[inline]
    pub fn locate_hashed(&self, hash: u64, key: &[u8]) -> Option<At> {
        self.entries.find_cell(hash, key).map(|(spot, cell)| At { spot, cell })
    }

    /// What the key there holds.
    #[inline]
    pub fn get_at(&self, at: At) -> Found<'_> {
        self.found(self.entry_at(at))
    }

    /// When the key there expires.
    #[inline]
    pub fn expiry_at(&self, at: At) -> Option<i64> {
        self.entry_at(at).expires_ms()
    }

    /// The access bits of the key there.
    #[inline]
    pub fn access_at(&self, at: At) -> u32 {
        self.entry_at(at).access()
    }

    /// How many keys the table has room for.
    pub fn slot_count(&self) -> usize {
        self.entries.slot_count()
    }

    /// Some key, each about as likely as any other; `None` if there are none.
    pub fn random_key(&self, rng: &mut Rng) -> Option<&[u8]> {
        self.entries.sample(rng).map(|cell| Entry(cell).key())
    }

    /// Shows `visit` about `count` entries from `cursor` on and returns the next cursor, 0 at the
    /// end. Redis's guarantee holds: a key that is there from the first call to the last is shown
    /// at least once, however the table grows or shrinks meanwhile. Whole buckets are shown, and
    /// where few keys are, a call may show fewer than `count` or none. Costs O(`count`).
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], Found<'_>)) -> u64 {
        self.entries.scan(cursor, count, |cell| {
            visit(Entry(cell).key(), self.found(Entry(cell)));
        })
    }

    /// Shows `visit` every entry, in no order that means anything. Costs O(keys), in the order of
    /// memory.
    pub fn each(&self, mut visit: impl FnMut(&[u8], Found<'_>)) {
        self.entries.each(|cell| visit(Entry(cell).key(), self.found(Entry(cell))));
    }

    /// A time before which no key expires, and at which one perhaps does. After
    /// [`Db::take_due`] has found nothing at some time, it is not before that time, unless the call
    /// ended at its bound on work.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.entries.next_due_ms()
    }

    /// Bytes that the table, the entries and their places take on the heap, without what
    /// collections and long strings take.
    pub fn heap_bytes(&self) -> usize {
        self.entries.heap_bytes() + self.objects.heap_bytes()
    }

    /// Bytes of the table that finds keys, without entries and values.
    pub fn table_bytes(&self) -> usize {
        self.entries.table_bytes()
    }

    /// A number that rises and falls with the bytes that the database takes on the heap. Only the
    /// difference to an earlier answer means something: it knows what came, what went and what
    /// strings grew by, not how collections have grown meanwhile. Costs O(1).
    pub fn tide_bytes(&self) -> u64 {
        let values = self.objects.value_bytes().wrapping_add(self.graveyard.value_bytes());
        self.heap_bytes().wrapping_add(values) as u64
    }

    /// About how many bytes [`Db::free_some`] has still to give back; `None` if a whole database is
    /// among it.
    pub fn dead_bytes(&self) -> Option<u64> {
        (!self.graveyard.has_contents()).then(|| self.graveyard.value_bytes() as u64)
    }

    /// The version of Redis's snapshots that all fits into; 0 if every one will do. It does not fall
    /// before the database has been empty.
    pub fn rdb_version(&self) -> u16 {
        self.objects.rdb_version()
    }

    /// The stream at `key` holds something now that not every version of snapshots can say.
    pub fn index_extra(&mut self, key: &[u8]) {
        let version = self.get(key).map_or(0, |found| found.value.rdb_version());
        self.objects.need_version(version);
    }

    /// How many values [`Db::free_some`] has still to free.
    pub fn dead_len(&self) -> usize {
        self.graveyard.pending()
    }

    /// Bytes that `key` takes: its entry, its share of the table, its value.
    pub fn memory_usage(&self, key: &[u8]) -> Option<usize> {
        let cell = self.entries.cell_of(self.locate(key)?.cell);
        let object = Entry(cell).object().and_then(|number| self.objects.get(number));
        let object_bytes = object.map_or(0, |value| size_of::<Value>() + value.heap_bytes());
        Some(cell.len() + self.entries.table_bytes() / self.len().max(1) + object_bytes)
    }

    #[inline]
    pub(super) fn entries(&self) -> &HashTable<KeyEntries> {
        &self.entries
    }

    #[inline]
    pub(super) fn objects(&self) -> &Objects {
        &self.objects
    }

    #[inline]
    pub(super) fn entry_at(&self, at: At) -> Entry<'_> {
        Entry(self.entries.cell_of(at.cell))
    }

    #[inline]
    fn entry(&self, spot: Spot) -> Entry<'_> {
        Entry(self.entries.cell(spot))
    }

    #[inline]
    fn found<'a>(&'a self, entry: Entry<'a>) -> Found<'a> {
        found_of(entry, &self.objects)
    }
}

/// Keys to choose from when some must go.
impl Db {
    /// Shows `visit` up to `count` random keys, no key twice, with their access bits; none only if
    /// there are none. Costs O(`count`).
    pub fn sample(&self, rng: &mut Rng, count: usize, mut visit: impl FnMut(&[u8], u32)) {
        self.entries.sample_run(rng, count, |cell| visit(Entry(cell).key(), Entry(cell).access()));
    }

    /// As [`Db::sample`], of the keys that expire. Where many have lost their expiry, it can find
    /// none although there are some; calling again gets on.
    pub fn sample_expiring(
        &mut self,
        rng: &mut Rng,
        count: usize,
        mut visit: impl FnMut(&[u8], u32),
    ) {
        let visit = |cell: &[u8]| visit(Entry(cell).key(), Entry(cell).access());
        self.entries.sample_expiring(rng, count, visit);
    }

    /// The key that expires first, and when. `None` although keys expire, or not the very first: see
    /// [`HashTable::first_expiring`]. Costs O(1).
    pub fn first_expiring(&mut self) -> Option<(&[u8], i64)> {
        self.entries.first_expiring().map(|(cell, at_ms)| (Entry(cell).key(), at_ms))
    }
}

/// What `entry` holds, whose object is in `objects` if it has one.
#[inline]
pub(super) fn found_of<'a>(entry: Entry<'a>, objects: &'a Objects) -> Found<'a> {
    let value = match entry.payload() {
        Payload::Int(number) => ValueRef::Int(number),
        Payload::Str(bytes) => ValueRef::Str { bytes, raw: entry.raw() },
        Payload::Hash(bytes) => {
            ValueRef::Hash(HashRef::Packed { pack: ListpackRef::trusted(bytes), timed: false })
        }
        Payload::Object(number) => match objects.get(number).map(Value::view) {
            Some(ValueRef::Str { bytes, .. }) => ValueRef::Str { bytes, raw: entry.raw() },
            Some(value) => value,
            None => unreachable!("an entry refers to an object that is there"),
        },
    };
    Found { value, expires_ms: entry.expires_ms(), access: entry.access() }
}

/// Changing.
impl Db {
    /// There will be about so many keys; see [`HashTable::expect`].
    pub fn expect(&mut self, keys: usize) {
        self.entries.expect(keys);
    }

    /// The collection that `key` holds, to be changed. One that has become empty must be removed.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<ValueMut<'_>> {
        self.locate(key).map(|at| self.get_mut_at(at))
    }

    /// As [`Db::get_mut`], of the key there.
    #[inline]
    pub fn get_mut_at(&mut self, at: At) -> ValueMut<'_> {
        self.before_change(at.spot);
        let number = self.entry_at(at).object();
        match number.and_then(|number| self.objects.get_mut(number)) {
            Some(value) => value.view_mut(),
            None => ValueMut::Str,
        }
    }

    /// Stores `value` under `key` with this expiry, and drops what was there. Returns whether the
    /// key is new.
    pub fn insert(&mut self, key: &[u8], value: Value, expires_ms: Option<i64>) -> bool {
        let hash = self.entries.hash(key);
        let spot = self.entries.find_hashed(hash, key);
        if let Some(spot) = spot {
            self.before_change(spot);
            self.drop_object(spot);
        }
        let raw = matches!(value, Value::Raw(_));
        let value = if let Value::Raw(bytes) = value { Value::Str(bytes.into()) } else { value };
        let has_fields_due =
            matches!(&value, Value::Hash(hash) if hash.view().next_due_ms().is_some());
        let short;
        let payload = match value {
            Value::Int(number) => Payload::Int(number),
            Value::Str(bytes) if bytes.len() <= INLINE_BYTES_MAX => {
                short = bytes;
                Payload::Str(&short)
            }
            Value::Hash(hash) if can_lie_in_entry(key, &hash) => {
                short = hash.into_plain().map(Listpack::into_bytes).unwrap_or_default();
                Payload::Hash(&short)
            }
            value => Payload::Object(self.add_object(value)),
        };
        let access = self.new_access;
        self.write(hash, spot, &Draft { key, payload, raw, expires_ms, access });
        if has_fields_due {
            self.index_fields(key);
        }
        spot.is_none()
    }

    /// Stores the string `bytes` under `key` with this expiry; as [`Value::Int`] if it is exactly
    /// the digits of a number. Returns whether the key is new.
    pub fn insert_str(&mut self, key: &[u8], bytes: &[u8], expires_ms: Option<i64>) -> bool {
        let hash = self.entries.hash(key);
        let at = self.locate_hashed(hash, key);
        self.insert_str_at(hash, at, key, bytes, expires_ms);
        at.is_none()
    }

    /// As [`Db::insert_str`], of a key that has this hash and is there.
    pub fn insert_str_at(
        &mut self,
        hash: u64,
        at: Option<At>,
        key: &[u8],
        bytes: &[u8],
        expires_ms: Option<i64>,
    ) {
        if let Some(at) = at {
            self.before_change(at.spot);
        }
        let is_long = bytes.len() > INLINE_BYTES_MAX;
        let mut old = None;
        if let Some(at) = at
            && self.entry_at(at).object().is_some()
        {
            old = if is_long { self.refill(at.spot, bytes) } else { None };
            if old.is_none() {
                self.drop_object(at.spot);
            }
        }
        let payload = match old {
            Some(number) => Payload::Object(number),
            None if is_long => Payload::Object(self.objects.add(Value::Str(bytes.into()))),
            None => num::parse_i64(bytes).map_or(Payload::Str(bytes), Payload::Int),
        };
        let access = self.new_access;
        let draft = Draft { key, payload, raw: false, expires_ms, access };
        self.write(hash, at.map(|at| at.spot), &draft);
    }

    /// Changes the string `key` holds in place: `edit` gets its bytes (digits if it is a number)
    /// to grow, shrink or overwrite. The expiry stays. Returns `None` if there is no string.
    /// Growing costs O(bytes added), amortized.
    pub fn edit_str<R>(&mut self, key: &[u8], edit: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
        self.edit_str_in(key, 0..usize::MAX, edit)
    }

    /// As [`Db::edit_str`], where of what is there `edit` changes only bytes in `range`, and takes
    /// none away.
    pub fn edit_str_in<R>(
        &mut self,
        key: &[u8],
        range: Range<usize>,
        edit: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> Option<R> {
        let hash = self.entries.hash(key);
        let spot = self.entries.find_hashed(hash, key)?;
        self.before_change(spot);
        let old = Entry(self.entries.cell(spot));
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        match old.payload() {
            Payload::Int(number) => bytes.extend_from_slice(&Digits::of(number)),
            Payload::Str(old) => bytes.extend_from_slice(old),
            Payload::Hash(_) => {
                self.scratch = bytes;
                return None;
            }
            Payload::Object(number) => {
                self.scratch = bytes;
                let Some(Value::Str(bytes)) = self.objects.get_mut(number) else { return None };
                if let Some(walk) = &mut self.walk {
                    walk.keep_string(number, bytes, range);
                }
                let before = bytes.capacity();
                let result = edit(bytes);
                let grown = bytes.capacity() as isize - before as isize;
                self.objects.resized(grown);
                entry::set_raw(self.entries.cell_mut(spot));
                return Some(result);
            }
        }
        let (expires_ms, access) = (old.expires_ms(), old.access());
        let result = edit(&mut bytes);
        self.drop_object(spot);
        let payload = if bytes.len() > INLINE_BYTES_MAX {
            Payload::Object(self.objects.add(Value::Str(std::mem::take(&mut bytes))))
        } else {
            Payload::Str(&bytes)
        };
        self.write(hash, Some(spot), &Draft { key, payload, raw: true, expires_ms, access });
        self.keep_scratch(bytes);
        Some(result)
    }

    /// Changes the number `key` holds. The expiry stays. Returns false if there is no
    /// [`Value::Int`].
    pub fn set_int(&mut self, key: &[u8], number: i64) -> bool {
        self.locate(key).is_some_and(|at| self.set_int_at(at, number))
    }

    /// As [`Db::set_int`], of the key there.
    pub fn set_int_at(&mut self, at: At, number: i64) -> bool {
        let spot = at.spot;
        self.before_change(spot);
        let cell = self.entries.cell_of_mut(at.cell);
        if entry::replace_int(cell, number) {
            return true;
        }
        let is_int = matches!(Entry(cell).payload(), Payload::Int(_));
        if is_int {
            self.rewrite(spot, Part::Payload(Payload::Int(number)));
        }
        is_int
    }

    /// Removes `key` and returns what it held, with its expiry: to be put elsewhere. What nobody
    /// wants is [deleted](Db::delete), which frees it little by little and leaves it to whoever walks
    /// along the database.
    #[must_use = "what is not wanted is deleted"]
    pub fn remove(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        let hash = self.entries.hash(key);
        let spot = self.entries.find_hashed(hash, key)?;
        self.before_change(spot);
        let entry = self.entry(spot);
        let (raw, expires_ms, object) = (entry.raw(), entry.expires_ms(), entry.object());
        let value = object.and_then(|number| self.objects.remove(number));
        if let (Some(walk), Some(number), Some(value)) = (&mut self.walk, object, &value) {
            walk.leave(number, value);
        }
        let value = match value {
            Some(Value::Str(bytes)) if raw => Value::Raw(bytes.into()),
            Some(value) => value.out_of_index(key, &mut self.fields_due),
            None => self.found(self.entry(spot)).value.to_value(),
        };
        self.entries.take_out(spot);
        self.entries.tidy(hash);
        Some((value, expires_ms))
    }

    /// Removes `key` and frees what it held, much of it later; see [`Db::free_some`]. Returns
    /// whether it was there.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let hash = self.entries.hash(key);
        let Some(spot) = self.entries.find_hashed(hash, key) else { return false };
        self.before_change(spot);
        self.drop_object(spot);
        self.entries.take_out(spot);
        self.entries.tidy(hash);
        true
    }

    /// Sets or takes away the expiry of `key`; false if there is no such key.
    pub fn set_expiry(&mut self, key: &[u8], expires_ms: Option<i64>) -> bool {
        let Some(At { spot, .. }) = self.locate(key) else { return false };
        self.before_change(spot);
        let cell = self.entries.cell_mut(spot);
        match (Entry(cell).expires_ms(), expires_ms) {
            (None, None) => {}
            (Some(_), Some(at_ms)) => {
                entry::move_expiry(cell, at_ms);
                self.entries.expiry_moved(spot, at_ms);
            }
            (None, Some(_)) | (Some(_), None) => {
                self.rewrite(spot, Part::Expiry(expires_ms));
            }
        }
        true
    }

    /// The access bits that a key gets when it is stored from now on.
    pub fn set_new_access(&mut self, access: u32) {
        self.new_access = access & 0xff_ffff;
    }

    /// Sets the 24 access bits of `key`.
    pub fn set_access(&mut self, key: &[u8], access: u32) {
        if let Some(at) = self.locate(key) {
            self.set_access_at(at, access);
        }
    }

    /// Sets the 24 access bits of the key there.
    #[inline]
    pub fn set_access_at(&mut self, at: At, access: u32) {
        entry::set_access(self.entries.cell_of_mut(at.cell), access);
    }

    /// Removes keys whose expiry is before `now_ms`, `max` at most, and hands each to `removed`.
    /// Returns how many there were. Costs O(`max`).
    pub fn take_due(&mut self, now_ms: i64, max: usize, mut removed: impl FnMut(&[u8])) -> usize {
        let hasher = self.entries.hasher();
        let Self { objects, graveyard, fields_due, walk, .. } = self;
        self.entries.take_due(now_ms, max, |cell| {
            let entry = Entry(cell);
            removed(entry.key());
            if let Some(walk) = walk
                && !entry.is_marked()
                && walk.is_behind(hasher.hash(entry.key()))
            {
                walk.hand_over(entry, objects);
            }
            drop_object_of(entry, objects, fields_due, graveyard, walk);
        })
    }

    /// Takes everything out; the caller decides when what was there is freed.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let mut new = Self::new(self.entries.hash_key());
        new.new_access = self.new_access;
        std::mem::replace(self, new)
    }

    /// Removes all keys; what they held is freed later, see [`Db::free_some`]. Costs O(1).
    pub fn clear(&mut self) {
        if self.give_away() {
            return;
        }
        let Self { entries, objects, graveyard, .. } = self.take();
        self.graveyard = graveyard;
        self.graveyard.bury_all(objects, entries);
    }

    /// Frees what `dead` holds later, and what waits to be freed in it.
    pub fn bury(&mut self, dead: Self) {
        self.graveyard.bury_all(dead.objects, dead.entries);
        self.graveyard.inherit(dead.graveyard);
    }

    /// Frees `value` at once or later.
    pub fn bury_value(&mut self, value: Value) {
        self.graveyard.bury(value);
    }

    /// Frees what was deleted and not freed yet, up to about `max` elements of collections.
    /// Returns how many of them it did not need: if any, nothing is left to free.
    pub fn free_some(&mut self, max: usize) -> usize {
        self.graveyard.free_some(max)
    }

    pub(super) fn take_freed(&mut self) -> u64 {
        self.graveyard.take_freed()
    }

    /// Whether [`Db::free_some`] has something to do.
    #[inline]
    pub fn has_dead(&self) -> bool {
        !self.graveyard.is_empty()
    }
}

/// What of an entry changes.
pub(super) enum Part<'a> {
    Payload(Payload<'a>),
    Expiry(Option<i64>),
}

/// The parts of changes.
impl Db {
    /// Writes an entry: a new one, or in the place of the one at `spot`, whose
    /// [object](Self::drop_object) is no longer needed or the same.
    fn write(&mut self, hash: u64, spot: Option<Spot>, draft: &Draft<'_>) {
        let (spot, _) = self.entries.put(hash, spot, draft.size(), |cell| draft.write(cell));
        if let Some(walk) = &self.walk
            && walk.is_behind(hash)
        {
            entry::set_mark(self.entries.cell_mut(spot), true);
        }
    }

    /// The entry at `spot` or the object it refers to is about to change: whoever walks along the
    /// database gets it as it is.
    #[inline]
    pub(super) fn before_change(&mut self, spot: Spot) {
        if self.walk.is_some() {
            self.hand_over(spot);
        }
    }

    #[cold]
    fn hand_over(&mut self, spot: Spot) {
        let entry = Entry(self.entries.cell(spot));
        let Some(walk) = &mut self.walk else { return };
        if !entry.is_marked() && walk.is_behind(self.entries.hash(entry.key())) {
            walk.hand_over(entry, &mut self.objects);
            entry::set_mark(self.entries.cell_mut(spot), true);
        }
    }

    pub(super) fn add_object(&mut self, value: Value) -> u32 {
        let number = self.objects.add(value);
        if let (Some(walk), Some(value)) = (&mut self.walk, self.objects.get(number)) {
            walk.arrive(number, value);
        }
        number
    }

    /// Writes the entry at `spot` again with a change, after [`Db::before_change`].
    pub(super) fn rewrite(&mut self, spot: Spot, part: Part<'_>) {
        let mut old = std::mem::take(&mut self.scratch);
        old.clear();
        old.extend_from_slice(self.entries.cell(spot));
        let mut draft = Entry(&old).draft();
        match part {
            Part::Payload(payload) => draft.payload = payload,
            Part::Expiry(expires_ms) => draft.expires_ms = expires_ms,
        }
        self.entries.put_over(spot, draft.size(), |cell| {
            draft.write(cell);
            entry::set_mark(cell, Entry(&old).is_marked());
        });
        self.keep_scratch(old);
    }

    fn keep_scratch(&mut self, scratch: Vec<u8>) {
        if scratch.capacity() <= SCRATCH_BYTES_MAX {
            self.scratch = scratch;
        }
    }

    /// Puts `bytes` in the place of a long string of about their length, if the entry at `spot` has
    /// one, and returns the number of that: memory that fits is not given back and asked for again.
    fn refill(&mut self, spot: Spot, bytes: &[u8]) -> Option<u32> {
        let number = self.entry(spot).object()?;
        let Some(Value::Str(old)) = self.objects.get_mut(number) else { return None };
        if self.walk.is_some() {
            // Somebody may still have to read it.
            return None;
        }
        let fits = (bytes.len()..=bytes.len().saturating_mul(2)).contains(&old.capacity());
        fits.then(|| {
            old.clear();
            old.extend_from_slice(bytes);
            number
        })
    }

    /// The entry at `spot` will be gone or written over: its object goes.
    fn drop_object(&mut self, spot: Spot) {
        let entry = Entry(self.entries.cell(spot));
        let Self { objects, fields_due, graveyard, walk, .. } = self;
        drop_object_of(entry, objects, fields_due, graveyard, walk);
    }
}

#[inline]
fn drop_object_of(
    entry: Entry<'_>,
    objects: &mut Objects,
    fields_due: &mut FieldsDue,
    graveyard: &mut Graveyard,
    walk: &mut Option<Box<Walk>>,
) {
    let Some(number) = entry.object() else { return };
    let Some(value) = objects.remove(number) else { return };
    let value = value.out_of_index(entry.key(), fields_due);
    let value = match walk {
        Some(walk) => walk.take_over(number, value),
        None => Some(value),
    };
    if let Some(value) = value {
        graveyard.bury(value);
    }
}

impl Value {
    /// The value, which `key` no longer holds.
    fn out_of_index(mut self, key: &[u8], fields_due: &mut FieldsDue) -> Self {
        if let Self::Hash(hash) = &mut self
            && let Some(due_ms) = hash.indexed_ms.take()
        {
            fields_due.remove(&(due_ms, key.into()));
        }
        self
    }
}

#[cfg(test)]
impl Db {
    /// Asserts what must hold.
    pub(super) fn check(&self) {
        self.entries.check();
        let mut objects = 0;
        self.entries.each(|cell| {
            if let Some(number) = Entry(cell).object() {
                objects += 1;
                assert!(self.objects.get(number).is_some());
            }
        });
        assert_eq!(objects, self.objects.len());
    }
}
