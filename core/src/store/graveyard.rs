//! What was deleted and is still to be freed, a slice at a time.
//!
//! Freeing a list of ten million elements takes longer than any command may. So deletion only
//! takes things out of sight, and whoever owns the database frees a bounded number of elements
//! between commands. What is quick to free is not buried but freed at once.

use super::Value;
use super::entry::KeyEntries;
use super::objects::Objects;
use crate::ds::hashtable::HashTable;

/// Values and whole databases that nobody can see any more.
#[derive(Default)]
pub(super) struct Graveyard {
    values: Vec<Value>,
    /// About how many bytes `values` take.
    bytes: usize,
    contents: Vec<Contents>,
    /// Values that were freed in slices, those of whole databases included.
    freed: u64,
}

struct Contents {
    objects: Objects,
    /// How many keys there are.
    keys: usize,
    /// The last to go.
    entries: Option<HashTable<KeyEntries>>,
}

impl Graveyard {
    /// Frees `value`, at once or later.
    pub(super) fn bury(&mut self, value: Value) {
        if value.is_slow_to_free() {
            self.bytes += value.about_bytes();
            self.values.push(value);
        }
    }

    /// About how many bytes freeing the values will give back.
    pub(super) fn value_bytes(&self) -> usize {
        self.bytes
    }

    /// How many values are still to be freed, those of whole databases included.
    pub(super) fn pending(&self) -> usize {
        self.values.len() + self.contents.iter().map(|contents| contents.keys).sum::<usize>()
    }

    /// How many values were freed in slices since this was asked last.
    pub(super) fn take_freed(&mut self) -> u64 {
        std::mem::take(&mut self.freed)
    }

    /// Whether there is a whole database among what is to be freed.
    pub(super) fn has_contents(&self) -> bool {
        !self.contents.is_empty()
    }

    /// Frees what was in a database, later.
    pub(super) fn bury_all(&mut self, objects: Objects, entries: HashTable<KeyEntries>) {
        let keys = entries.len();
        self.contents.push(Contents { objects, keys, entries: Some(entries) });
    }

    /// Frees what is in `other`, later.
    pub(super) fn inherit(&mut self, other: Self) {
        self.values.extend(other.values);
        self.contents.extend(other.contents);
    }

    /// Whether there is nothing to free.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.contents.is_empty()
    }

    /// Frees up to about `max` elements; returns how many of those it did not use.
    pub(super) fn free_some(&mut self, max: usize) -> usize {
        let mut left = max;
        while left > 0 {
            if let Some(value) = self.values.last_mut() {
                let before = value.about_bytes();
                let freed = value.free_some(left);
                let mut after = value.about_bytes();
                if freed < left {
                    self.values.pop();
                    self.freed += 1;
                    after = 0;
                }
                // Both are estimates, of which a sum may be off.
                self.bytes = self.bytes.saturating_sub(before.saturating_sub(after));
                if self.values.is_empty() {
                    self.bytes = 0;
                }
                left -= freed.min(left);
            } else if let Some(contents) = self.contents.last_mut() {
                let known = self.values.len();
                left = left.saturating_sub(contents.free_step(left, &mut self.values));
                self.bytes += self.values[known..].iter().map(Value::about_bytes).sum::<usize>();
                // A value that takes longer is counted when it is done.
                contents.keys = contents.keys.saturating_sub(self.values.len() - known);
                if contents.entries.is_none() {
                    self.freed += contents.keys as u64;
                    self.contents.pop();
                }
            } else {
                break;
            }
        }
        left
    }
}

impl Contents {
    /// Frees up to about `max` elements and returns what it cost. Values that take longer are added
    /// to `slow`.
    fn free_step(&mut self, max: usize, slow: &mut Vec<Value>) -> usize {
        if let Some(value) = self.objects.take_any() {
            if value.is_slow_to_free() {
                slow.push(value);
            }
            return 1;
        }
        let freed = self.entries.as_mut().map_or(0, |entries| entries.free_some(max));
        if freed < max {
            self.entries = None;
        }
        freed.max(1)
    }
}
