//! One database: keys, their values and when they expire.
//!
//! A key is looked up by hashing it, which leads to a segment, a bucket and there, by a tag, almost
//! always to the one entry that can be it (see [`table`](super::table) and
//! [`segment`](super::segment)). The entry holds the key, the expiry and, if it is short, the value
//! (see [`entry`]); longer strings and collections are objects of their own.
//!
//! A key and a value of 16 bytes take 45 bytes of memory, everything included, and 54 with an
//! expiry, measured over the sizes that tables have; a test holds them to it.
//!
//! The database does not know what time it is: it stores expiries and hands out what is due. The
//! rule that an expired key is not there belongs to the callers that know `now`.

use siphasher::sip::SipHasher13;

use super::cells::{Cells, Handle};
use super::entry::{self, Draft, Entry, INLINE_BYTES_MAX, Payload};
use super::graveyard::Graveyard;
use super::objects::Objects;
use super::segment::{Budget, NEVER};
use super::table::{Spot, Table};
use super::{HashKey, Value, ValueMut, ValueRef};
use crate::base::num::{self, Digits};
use crate::base::rng::Rng;

/// Room for entries being rewritten that is kept.
const SCRATCH_BYTES_MAX: usize = 4096;

/// Buckets that may be looked into for expired keys without finding one, in one call.
const DUE_BUCKETS_SPARE: usize = 64;

/// One database.
pub struct Db {
    hasher: SipHasher13,
    table: Table,
    cells: Cells,
    objects: Objects,
    expiring: usize,
    new_access: u32,
    graveyard: Graveyard,
    /// Where an entry is put together that is being rewritten.
    scratch: Vec<u8>,
    spots: Vec<Spot>,
}

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
pub struct At(Spot);

/// Reading.
impl Db {
    /// An empty database whose hash function has this secret key.
    pub fn new(hash_key: HashKey) -> Self {
        Self {
            hasher: SipHasher13::new_with_keys(hash_key[0], hash_key[1]),
            table: Table::new(),
            cells: Cells::default(),
            objects: Objects::default(),
            expiring: 0,
            new_access: 0,
            graveyard: Graveyard::default(),
            scratch: Vec::new(),
            spots: Vec::new(),
        }
    }

    /// Number of keys, expired ones that are still stored included.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of keys that will expire.
    pub fn expiring_len(&self) -> usize {
        self.expiring
    }

    /// What `key` holds.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<Found<'_>> {
        self.locate(key).map(|at| self.get_at(at))
    }

    /// Where `key` is.
    #[inline]
    pub fn locate(&self, key: &[u8]) -> Option<At> {
        self.find(self.hasher.hash(key), key).map(At)
    }

    /// What the key there holds.
    #[inline]
    pub fn get_at(&self, at: At) -> Found<'_> {
        self.found(self.entry(self.table.handle(at.0)))
    }

    /// When the key there expires, and its access bits.
    #[inline]
    pub fn times_at(&self, at: At) -> (Option<i64>, u32) {
        let entry = self.entry(self.table.handle(at.0));
        (entry.expires_ms(), entry.access())
    }

    /// Some key, each about as likely as any other; `None` if there are none.
    pub fn random_key(&self, rng: &mut Rng) -> Option<&[u8]> {
        self.table.sample(rng).map(|handle| self.entry(handle).key())
    }

    /// Shows `visit` about `count` entries from `cursor` on and returns the next cursor, 0 at the
    /// end. Redis's guarantee holds: a key that is there from the first call to the last is shown
    /// at least once, however the table grows or shrinks meanwhile. Whole buckets are shown, and
    /// where few keys are, a call may show fewer than `count` or none. Costs O(`count`).
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], Found<'_>)) -> u64 {
        let budget = Budget { entries: count.max(1), buckets: count.saturating_add(16) };
        self.table.scan(cursor, budget, &mut |handle| {
            let entry = self.entry(handle);
            visit(entry.key(), self.found(entry));
        })
    }

    /// Shows `visit` every entry, in no order that means anything. Costs O(keys), in the order of
    /// memory.
    pub fn each(&self, mut visit: impl FnMut(&[u8], Found<'_>)) {
        self.cells.each(|cell| visit(Entry(cell).key(), self.found(Entry(cell))));
    }

    /// A time before which no key expires, and at which one perhaps does. After
    /// [`Db::take_due`] has found nothing at some time, it is not before that time, unless the call
    /// ended at its bound on work.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.table.next_due_ms()
    }

    /// Bytes that the table, the entries and their places take on the heap, without what
    /// collections and long strings take.
    pub fn heap_bytes(&self) -> usize {
        self.table.heap_bytes() + self.cells.heap_bytes() + self.objects.heap_bytes()
    }

    /// Bytes that `key` takes: its entry, its share of the table, its value.
    pub fn memory_usage(&self, key: &[u8]) -> Option<usize> {
        let cell = self.cells.get(self.table.handle(self.locate(key)?.0));
        let object = Entry(cell).object().and_then(|number| self.objects.get(number));
        let object_bytes = object.map_or(0, |value| size_of::<Value>() + value.heap_bytes());
        Some(cell.len() + self.table.heap_bytes() / self.len().max(1) + object_bytes)
    }

    #[inline]
    fn entry(&self, handle: Handle) -> Entry<'_> {
        Entry(self.cells.get(handle))
    }

    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        self.table.find(hash, |handle| self.entry(handle).key() == key)
    }

    #[inline]
    fn found<'a>(&'a self, entry: Entry<'a>) -> Found<'a> {
        let value = match entry.payload() {
            Payload::Int(number) => ValueRef::Int(number),
            Payload::Str(bytes) => ValueRef::Str { bytes, raw: entry.raw() },
            Payload::Object(number) => match self.objects.get(number).map(Value::view) {
                Some(ValueRef::Str { bytes, .. }) => ValueRef::Str { bytes, raw: entry.raw() },
                Some(value) => value,
                None => unreachable!("an entry refers to an object that is there"),
            },
        };
        Found { value, expires_ms: entry.expires_ms(), access: entry.access() }
    }
}

/// Changing.
impl Db {
    /// The collection that `key` holds, to be changed. One that has become empty must be removed.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<ValueMut<'_>> {
        self.locate(key).map(|at| self.get_mut_at(at))
    }

    /// As [`Db::get_mut`], of the key there.
    #[inline]
    pub fn get_mut_at(&mut self, at: At) -> ValueMut<'_> {
        let number = self.entry(self.table.handle(at.0)).object();
        match number.and_then(|number| self.objects.get_mut(number)) {
            Some(value) => value.view_mut(),
            None => ValueMut::Str,
        }
    }

    /// Stores `value` under `key` with this expiry, and drops what was there. Returns whether the
    /// key is new.
    pub fn insert(&mut self, key: &[u8], value: Value, expires_ms: Option<i64>) -> bool {
        let hash = self.hasher.hash(key);
        let spot = self.find(hash, key);
        if let Some(spot) = spot {
            self.release(spot);
        }
        let raw = matches!(value, Value::Raw(_));
        let value = if let Value::Raw(bytes) = value { Value::Str(bytes.into()) } else { value };
        let short;
        let payload = match value {
            Value::Int(number) => Payload::Int(number),
            Value::Str(bytes) if bytes.len() <= INLINE_BYTES_MAX => {
                short = bytes;
                Payload::Str(&short)
            }
            value => Payload::Object(self.objects.add(value)),
        };
        let access = self.new_access;
        self.write(hash, spot, &Draft { key, payload, raw, expires_ms, access });
        spot.is_none()
    }

    /// Stores the string `bytes` under `key` with this expiry; as [`Value::Int`] if it is exactly
    /// the digits of a number. Returns whether the key is new.
    pub fn insert_str(&mut self, key: &[u8], bytes: &[u8], expires_ms: Option<i64>) -> bool {
        let hash = self.hasher.hash(key);
        let spot = self.find(hash, key);
        let is_long = bytes.len() > INLINE_BYTES_MAX;
        let old = spot.filter(|_| is_long).and_then(|spot| self.refill(spot, bytes));
        if let Some(spot) = spot {
            self.forget_expiry(spot);
            if old.is_none() {
                self.drop_object(spot);
            }
        }
        let payload = match old {
            Some(number) => Payload::Object(number),
            None if is_long => Payload::Object(self.objects.add(Value::Str(bytes.into()))),
            None => num::parse_i64(bytes).map_or(Payload::Str(bytes), Payload::Int),
        };
        let access = self.new_access;
        self.write(hash, spot, &Draft { key, payload, raw: false, expires_ms, access });
        spot.is_none()
    }

    /// Changes the string `key` holds in place: `edit` gets its bytes (digits if it is a number)
    /// to grow, shrink or overwrite. The expiry stays. Returns `None` if there is no string.
    /// Growing costs O(bytes added), amortized.
    pub fn edit_str<R>(&mut self, key: &[u8], edit: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
        let hash = self.hasher.hash(key);
        let spot = self.find(hash, key)?;
        let handle = self.table.handle(spot);
        let old = Entry(self.cells.get(handle));
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        match old.payload() {
            Payload::Int(number) => bytes.extend_from_slice(&Digits::of(number)),
            Payload::Str(old) => bytes.extend_from_slice(old),
            Payload::Object(number) => {
                self.scratch = bytes;
                let Some(Value::Str(bytes)) = self.objects.get_mut(number) else { return None };
                let result = edit(bytes);
                entry::set_raw(self.cells.get_mut(handle));
                return Some(result);
            }
        }
        let (expires_ms, access) = (old.expires_ms(), old.access());
        let result = edit(&mut bytes);
        self.release(spot);
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
        let hash = self.hasher.hash(key);
        let Some(spot) = self.find(hash, key) else { return false };
        let cell = self.cells.get_mut(self.table.handle(spot));
        if entry::replace_int(cell, number) {
            return true;
        }
        let is_int = matches!(Entry(cell).payload(), Payload::Int(_));
        if is_int {
            self.rewrite(hash, spot, |draft| draft.payload = Payload::Int(number));
        }
        is_int
    }

    /// Removes `key` and returns what it held, with its expiry.
    pub fn remove(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        let hash = self.hasher.hash(key);
        let spot = self.find(hash, key)?;
        let entry = self.entry(self.table.handle(spot));
        let (raw, expires_ms, object) = (entry.raw(), entry.expires_ms(), entry.object());
        let value = match object.and_then(|number| self.objects.remove(number)) {
            Some(Value::Str(bytes)) if raw => Value::Raw(bytes.into()),
            Some(value) => value,
            None => self.found(self.entry(self.table.handle(spot))).value.to_value(),
        };
        self.take_out(spot);
        self.tidy(hash);
        Some((value, expires_ms))
    }

    /// Removes `key` and frees what it held, much of it later; see [`Db::free_some`]. Returns
    /// whether it was there.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let hash = self.hasher.hash(key);
        let Some(spot) = self.find(hash, key) else { return false };
        self.drop_object(spot);
        self.take_out(spot);
        self.tidy(hash);
        true
    }

    /// Sets or takes away the expiry of `key`; false if there is no such key.
    pub fn set_expiry(&mut self, key: &[u8], expires_ms: Option<i64>) -> bool {
        let hash = self.hasher.hash(key);
        let Some(spot) = self.find(hash, key) else { return false };
        let cell = self.cells.get_mut(self.table.handle(spot));
        match (Entry(cell).expires_ms(), expires_ms) {
            (None, None) => {}
            (Some(_), Some(at_ms)) => {
                entry::move_expiry(cell, at_ms);
                self.table.expires(spot, at_ms);
            }
            (None, Some(_)) | (Some(_), None) => {
                self.rewrite(hash, spot, |draft| draft.expires_ms = expires_ms);
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
        entry::set_access(self.cells.get_mut(self.table.handle(at.0)), access);
    }

    /// Removes keys whose expiry is before `now_ms`, `max` at most, and hands each to `removed`.
    /// Returns how many there were. Costs O(`max`).
    pub fn take_due(&mut self, now_ms: i64, max: usize, mut removed: impl FnMut(&[u8])) -> usize {
        let mut spots = std::mem::take(&mut self.spots);
        let mut taken = 0;
        for _ in 0..max.saturating_add(DUE_BUCKETS_SPARE) {
            spots.clear();
            let Some(due) = self.table.due_places(now_ms, &mut spots) else { break };
            let (mut first_ms, mut hash) = (NEVER, None);
            for &spot in &spots {
                let entry = self.entry(self.table.handle(spot));
                let Some(at_ms) = entry.expires_ms() else { continue };
                if at_ms >= now_ms || taken == max {
                    first_ms = at_ms.min(first_ms);
                    continue;
                }
                removed(entry.key());
                hash = Some(self.hasher.hash(entry.key()));
                self.drop_object(spot);
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

    /// Takes everything out; the caller decides when what was there is freed.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let (key0, key1) = self.hasher.keys();
        let mut new = Self::new([key0, key1]);
        new.new_access = self.new_access;
        std::mem::replace(self, new)
    }

    /// Removes all keys; what they held is freed later, see [`Db::free_some`]. Costs O(1).
    pub fn clear(&mut self) {
        let Self { table, cells, objects, graveyard, .. } = self.take();
        self.graveyard = graveyard;
        self.graveyard.bury_all(cells, objects, table);
    }

    /// Frees what was deleted and not freed yet, up to about `max` elements of collections.
    /// Returns how many of them it did not need: if any, nothing is left to free.
    pub fn free_some(&mut self, max: usize) -> usize {
        self.graveyard.free_some(max)
    }

    /// Whether [`Db::free_some`] has something to do.
    pub fn has_dead(&self) -> bool {
        !self.graveyard.is_empty()
    }
}

/// The parts of changes.
impl Db {
    /// Writes an entry: a new one, or in the place of the one at `spot`, which was
    /// [released](Self::release).
    fn write(&mut self, hash: u64, spot: Option<Spot>, draft: &Draft<'_>) {
        let size = draft.size();
        let spot = match spot {
            Some(spot) => {
                let old = self.table.handle(spot);
                if self.cells.refit(old, size) {
                    draft.write(self.cells.get_mut(old));
                } else {
                    let new = self.cells.alloc(size);
                    draft.write(self.cells.get_mut(new));
                    self.table.set_handle(spot, new);
                    self.free_cell(old);
                }
                spot
            }
            None => {
                let handle = self.cells.alloc(size);
                draft.write(self.cells.get_mut(handle));
                let (hasher, cells) = (&self.hasher, &self.cells);
                self.table.insert(hash, handle, |handle| hash_of(hasher, cells, handle))
            }
        };
        if let Some(at_ms) = draft.expires_ms {
            self.expiring += 1;
            self.table.expires(spot, at_ms);
        }
    }

    /// Writes the entry at `spot` again with a change.
    fn rewrite(&mut self, hash: u64, spot: Spot, change: impl FnOnce(&mut Draft<'_>)) {
        let mut old = std::mem::take(&mut self.scratch);
        old.clear();
        old.extend_from_slice(self.cells.get(self.table.handle(spot)));
        let mut draft = Entry(&old).draft();
        self.forget_expiry(spot);
        change(&mut draft);
        self.write(hash, Some(spot), &draft);
        self.keep_scratch(old);
    }

    fn keep_scratch(&mut self, scratch: Vec<u8>) {
        if scratch.capacity() <= SCRATCH_BYTES_MAX {
            self.scratch = scratch;
        }
    }

    /// The entry at `spot` will be written over: what else belongs to it goes.
    fn release(&mut self, spot: Spot) {
        self.drop_object(spot);
        self.forget_expiry(spot);
    }

    /// The entry at `spot` will be gone or written over: its expiry no longer counts.
    fn forget_expiry(&mut self, spot: Spot) {
        let has_expiry = self.entry(self.table.handle(spot)).expires_ms().is_some();
        self.expiring -= usize::from(has_expiry);
    }

    /// Puts `bytes` in the place of a long string of about their length, if the entry at `spot` has
    /// one, and returns the number of that: memory that fits is not given back and asked for again.
    fn refill(&mut self, spot: Spot, bytes: &[u8]) -> Option<u32> {
        let number = self.entry(self.table.handle(spot)).object()?;
        let Some(Value::Str(old)) = self.objects.get_mut(number) else { return None };
        let fits = (bytes.len()..=bytes.len().saturating_mul(2)).contains(&old.capacity());
        fits.then(|| {
            old.clear();
            old.extend_from_slice(bytes);
            number
        })
    }

    fn drop_object(&mut self, spot: Spot) {
        let object = self.entry(self.table.handle(spot)).object();
        if let Some(value) = object.and_then(|number| self.objects.remove(number)) {
            self.graveyard.bury(value);
        }
    }

    /// Takes the entry at `spot` out of the table and gives back its cell.
    fn take_out(&mut self, spot: Spot) {
        let handle = self.table.handle(spot);
        self.forget_expiry(spot);
        self.table.remove(spot);
        self.free_cell(handle);
    }

    /// Gives a cell back, to which the table no longer refers.
    fn free_cell(&mut self, handle: Handle) {
        let Some(from) = self.cells.free(handle) else { return };
        // Another entry lies there now.
        let hash = hash_of(&self.hasher, &self.cells, handle);
        let Some(spot) = self.table.find(hash, |other| other == from) else {
            unreachable!("every cell belongs to an entry of the table");
        };
        self.table.set_handle(spot, handle);
    }

    fn tidy(&mut self, hash: u64) {
        let (hasher, cells) = (&self.hasher, &self.cells);
        self.table.tidy(hash, |handle| hash_of(hasher, cells, handle));
    }
}

fn hash_of(hasher: &SipHasher13, cells: &Cells, handle: Handle) -> u64 {
    hasher.hash(Entry(cells.get(handle)).key())
}

#[cfg(test)]
impl Db {
    /// Asserts what must hold.
    pub(super) fn check(&self) {
        self.table.check(&|handle| {
            let entry = self.entry(handle);
            (self.hasher.hash(entry.key()), entry.expires_ms())
        });
        let (mut entries, mut expiring, mut objects) = (0, 0, 0);
        self.cells.each(|cell| {
            let entry = Entry(cell);
            entries += 1;
            expiring += usize::from(entry.expires_ms().is_some());
            if let Some(number) = entry.object() {
                objects += 1;
                assert!(self.objects.get(number).is_some());
            }
            assert!(self.find(self.hasher.hash(entry.key()), entry.key()).is_some());
        });
        assert_eq!((entries, expiring, objects), (self.len(), self.expiring, self.objects.len()));
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }
}
