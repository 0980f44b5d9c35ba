//! One database: keys, their values and when they expire.
//!
//! The database does not know what time it is: it stores expiries and hands out what is due. The
//! rule that an expired key is not there belongs to the callers that know `now`.

use std::collections::BTreeMap;

use super::{HashKey, Value, ValueMut, ValueRef};
use crate::base::rng::Rng;

/// One database.
pub struct Db {
    entries: BTreeMap<Box<[u8]>, Entry>,
    new_access: u32,
}

struct Entry {
    value: Value,
    raw: bool,
    expires_ms: Option<i64>,
    access: u32,
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

impl Db {
    /// An empty database whose hash function has this secret key.
    pub fn new(_hash_key: HashKey) -> Self {
        Self { entries: BTreeMap::new(), new_access: 0 }
    }

    /// Number of keys, expired ones that are still stored included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of keys that will expire.
    pub fn expiring_len(&self) -> usize {
        self.entries.values().filter(|entry| entry.expires_ms.is_some()).count()
    }

    /// What `key` holds.
    pub fn get(&self, key: &[u8]) -> Option<Found<'_>> {
        self.entries.get(key).map(Entry::found)
    }

    /// The collection that `key` holds, to be changed. One that has become empty must be removed.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<ValueMut<'_>> {
        self.entries.get_mut(key).map(|entry| match &mut entry.value {
            Value::Int(_) | Value::Str(_) => ValueMut::Str,
            Value::List(list) => ValueMut::List(list),
        })
    }

    /// Stores `value` under `key` with this expiry, and drops what was there. Returns whether the
    /// key is new.
    pub fn insert(&mut self, key: &[u8], value: Value, expires_ms: Option<i64>) -> bool {
        let entry = Entry { value, raw: false, expires_ms, access: self.new_access };
        self.entries.insert(key.into(), entry).is_none()
    }

    /// Stores the string `bytes` under `key` with this expiry; as [`Value::Int`] if it is exactly
    /// the digits of a number. Returns whether the key is new.
    pub fn insert_str(&mut self, key: &[u8], bytes: &[u8], expires_ms: Option<i64>) -> bool {
        let value = match crate::base::num::parse_i64(bytes) {
            Some(number) => Value::Int(number),
            None => Value::Str(bytes.into()),
        };
        self.insert(key, value, expires_ms)
    }

    /// Changes the string `key` holds in place: `edit` gets its bytes (digits if it is a number)
    /// to grow, shrink or overwrite. The expiry stays. Returns `None` if there is no string.
    /// Growing costs O(bytes added), amortized.
    pub fn edit_str<R>(&mut self, key: &[u8], edit: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
        let entry = self.entries.get_mut(key)?;
        if let Value::Int(number) = entry.value {
            entry.value = Value::Str(crate::base::num::Digits::of(number).to_vec());
        }
        let Value::Str(bytes) = &mut entry.value else { return None };
        entry.raw = true;
        Some(edit(bytes))
    }

    /// Changes the number `key` holds. The expiry stays. Returns false if there is no
    /// [`Value::Int`].
    pub fn set_int(&mut self, key: &[u8], number: i64) -> bool {
        match self.entries.get_mut(key) {
            Some(Entry { value: Value::Int(old), .. }) => {
                *old = number;
                true
            }
            _ => false,
        }
    }

    /// Removes `key` and returns what it held, with its expiry.
    pub fn remove(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        self.entries.remove(key).map(|entry| (entry.value, entry.expires_ms))
    }

    /// Sets or takes away the expiry of `key`; false if there is no such key.
    pub fn set_expiry(&mut self, key: &[u8], expires_ms: Option<i64>) -> bool {
        match self.entries.get_mut(key) {
            Some(entry) => {
                entry.expires_ms = expires_ms;
                true
            }
            None => false,
        }
    }

    /// The access bits that a key gets when it is stored from now on.
    pub fn set_new_access(&mut self, access: u32) {
        self.new_access = access & 0xff_ffff;
    }

    /// Sets the 24 access bits of `key`.
    pub fn set_access(&mut self, key: &[u8], access: u32) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.access = access & 0xff_ffff;
        }
    }

    /// Some key, each about as likely as any other; `None` if there are none.
    pub fn random_key(&self, rng: &mut Rng) -> Option<&[u8]> {
        let index = rng.below(self.entries.len() as u64) as usize;
        self.entries.keys().nth(index).map(|key| &**key)
    }

    /// Shows `visit` at least `count` entries from `cursor` on (fewer at the end) and returns the
    /// next cursor, 0 at the end. Redis's guarantee holds: a key that is there from the first call
    /// to the last is shown at least once, however the table grows or shrinks meanwhile.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], Found<'_>)) -> u64 {
        for (key, entry) in self.entries.iter().skip(cursor as usize).take(count) {
            visit(key, entry.found());
        }
        let next = cursor.saturating_add(count as u64);
        if next >= self.entries.len() as u64 { 0 } else { next }
    }

    /// Shows `visit` every entry, in no order that means anything. Costs O(keys).
    pub fn each(&self, mut visit: impl FnMut(&[u8], Found<'_>)) {
        for (key, entry) in &self.entries {
            visit(key, entry.found());
        }
    }

    /// The earliest time at which [`Db::take_due`] may have something to do; never later than the
    /// first expiry, perhaps earlier.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.entries.values().filter_map(|entry| entry.expires_ms).min()
    }

    /// Removes keys whose expiry is before `now_ms`, `max` at most, and hands each to `removed`.
    /// Returns how many there were.
    pub fn take_due(&mut self, now_ms: i64, max: usize, mut removed: impl FnMut(&[u8])) -> usize {
        let due: Vec<Box<[u8]>> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.expires_ms.is_some_and(|at| at < now_ms))
            .map(|(key, _)| key.clone())
            .take(max)
            .collect();
        for key in &due {
            self.entries.remove(key);
            removed(key);
        }
        due.len()
    }

    /// Takes everything out; the caller decides when what was there is freed.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self { entries: std::mem::take(&mut self.entries), new_access: self.new_access }
    }
}

impl Entry {
    fn found(&self) -> Found<'_> {
        Found {
            value: match &self.value {
                Value::Int(number) => ValueRef::Int(*number),
                Value::Str(bytes) => ValueRef::Str { bytes, raw: self.raw },
                Value::List(list) => ValueRef::List(list),
            },
            expires_ms: self.expires_ms,
            access: self.access,
        }
    }
}
