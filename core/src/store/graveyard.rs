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
    contents: Vec<Contents>,
}

struct Contents {
    objects: Objects,
    /// The last to go.
    entries: Option<HashTable<KeyEntries>>,
}

impl Graveyard {
    /// Frees `value`, at once or later.
    pub(super) fn bury(&mut self, value: Value) {
        if value.is_slow_to_free() {
            self.values.push(value);
        }
    }

    /// Frees what was in a database, later.
    pub(super) fn bury_all(&mut self, objects: Objects, entries: HashTable<KeyEntries>) {
        self.contents.push(Contents { objects, entries: Some(entries) });
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
                let freed = value.free_some(left);
                if freed < left {
                    self.values.pop();
                }
                left -= freed.min(left);
            } else if let Some(contents) = self.contents.last_mut() {
                left = left.saturating_sub(contents.free_step(left, &mut self.values));
                if contents.entries.is_none() {
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
