//! Hashes in a database: where they lie, how they are changed, and which of them have fields that
//! expire.
//!
//! A small hash without expiries is a listpack in its key's entry, which saves the place, the object
//! and the memory block that it would have of its own. It is read where it lies; to be changed, it is
//! copied out, and what has become of it is written back, so that an entry never holds half of a
//! change. A hash that has become too large, a table, or one whose fields expire becomes an object, and
//! stays one.

use super::db::{At, Part, SCRATCH_BYTES_MAX};
use super::entry::{self, Draft, Entry, Payload};
use super::{Db, Value};
use crate::ds::Hash;
use crate::ds::listpack::{Listpack, ListpackRef};

/// Changing hashes.
impl Db {
    /// Changes the hash that `key` holds; `None` if it holds none. One that has become empty must be
    /// removed.
    pub fn change_hash<R>(&mut self, key: &[u8], change: impl FnOnce(&mut Hash) -> R) -> Option<R> {
        self.locate(key).and_then(|at| self.change_hash_at(at, change))
    }

    /// As [`Db::change_hash`], of the key there. A small hash is taken out of its entry and put back,
    /// which costs O(bytes).
    pub fn change_hash_at<R>(&mut self, at: At, change: impl FnOnce(&mut Hash) -> R) -> Option<R> {
        self.before_change(at.spot);
        let Self { entries, objects, hash_room, .. } = self;
        match Entry(entries.cell_of(at.cell)).payload() {
            Payload::Hash(bytes) => {
                let pack = ListpackRef::trusted(bytes).copy_to(std::mem::take(hash_room));
                let mut hash = Hash::of_plain(pack);
                let result = change(&mut hash);
                self.put_hash_back(at, hash);
                Some(result)
            }
            Payload::Object(number) => match objects.get_mut(number) {
                Some(Value::Hash(hash)) => Some(change(hash)),
                _ => None,
            },
            Payload::Int(_) | Payload::Str(_) => None,
        }
    }

    /// Writes a hash into the entry that it came from, if it can still lie there.
    fn put_hash_back(&mut self, at: At, hash: Hash) {
        if !can_lie_in_entry(self.entry_at(at).key(), &hash) {
            let number = self.add_object(Value::Hash(Box::new(hash)));
            self.rewrite(at.spot, Part::Payload(Payload::Object(number)));
            return;
        }
        let bytes = hash.into_plain().map(Listpack::into_bytes).unwrap_or_default();
        if !entry::replace_hash(self.entries.cell_of_mut(at.cell), &bytes) {
            self.rewrite(at.spot, Part::Payload(Payload::Hash(&bytes)));
        }
        if bytes.capacity() <= SCRATCH_BYTES_MAX {
            self.hash_room = bytes;
        }
    }
}

/// Fields that expire.
impl Db {
    /// Number of hashes in which a field expires.
    pub fn expiring_fields_len(&self) -> usize {
        self.fields_due.len()
    }

    /// A time before which no field of a hash expires.
    pub fn next_field_due_ms(&self) -> Option<i64> {
        self.fields_due.first().map(|(due_ms, _)| due_ms)
    }

    /// A field of the hash at `key` may expire earlier than any did. Costs O(log hashes).
    pub fn index_fields(&mut self, key: &[u8]) {
        let Some(at) = self.locate(key) else { return };
        let number = self.entry_at(at).object();
        let value = number.and_then(|number| self.objects.get_mut(number));
        let Some(Value::Hash(hash)) = value else { return };
        let due_ms = hash.view().next_due_ms();
        if due_ms == hash.indexed_ms {
            return;
        }
        if let Some(old_ms) = std::mem::replace(&mut hash.indexed_ms, due_ms) {
            self.fields_due.remove(&(old_ms, key.into()));
        }
        if let Some(due_ms) = due_ms {
            self.fields_due.insert((due_ms, key.into()));
        }
    }

    /// Removes fields of a hash whose expiry is before `now_ms`, `max` at most. Returns the key of
    /// the hash, how many fields there were and whether none is left, in which case the key must be
    /// removed; `None` if nothing is due. Each field is given to `removed`. Costs O(`max`).
    pub fn take_due_fields(
        &mut self,
        now_ms: i64,
        max: usize,
        removed: impl FnMut(&[u8]),
    ) -> Option<(Box<[u8]>, usize, bool)> {
        let (due_ms, key) = self.fields_due.first()?;
        if due_ms >= now_ms {
            return None;
        }
        let key = Box::from(key);
        let (mut taken, mut emptied) = (0, false);
        self.change_hash(&key, |hash| {
            taken = hash.take_due(now_ms, max, removed);
            emptied = hash.is_empty();
        });
        self.index_fields(&key);
        Some((key, taken, emptied))
    }
}

/// Whether `hash` lies in the entry of `key`.
pub(super) fn can_lie_in_entry(key: &[u8], hash: &Hash) -> bool {
    hash.as_plain().is_some_and(|pack| Draft::can_lie_here(key, pack.as_bytes()))
}
