//! What was deleted and is still to be freed, a slice at a time.
//!
//! Freeing a list of ten million elements takes longer than any command may. So deletion only
//! takes things out of sight, and whoever owns the database frees a bounded number of elements
//! between commands. What is quick to free is not buried but freed at once.

use super::Value;
use super::cells::Cells;
use super::objects::Objects;
use super::table::Table;

/// Elements that freeing something else counts as: a block of memory, a table.
const BLOCK_COST: usize = 64;

/// Values and whole databases that nobody can see any more.
#[derive(Default)]
pub(super) struct Graveyard {
    values: Vec<Value>,
    contents: Vec<Contents>,
}

struct Contents {
    cells: Cells,
    objects: Objects,
    table: Option<Table>,
}

impl Graveyard {
    /// Frees `value`, at once or later.
    pub(super) fn bury(&mut self, value: Value) {
        if value.is_slow_to_free() {
            self.values.push(value);
        }
    }

    /// Frees what was in a database, later.
    pub(super) fn bury_all(&mut self, cells: Cells, objects: Objects, table: Table) {
        self.contents.push(Contents { cells, objects, table: Some(table) });
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
                left = left.saturating_sub(contents.free_step(&mut self.values));
                if contents.table.is_none() {
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
    /// Frees a little and returns what it cost. Values that take longer are added to `slow`. The
    /// table is the last to go.
    fn free_step(&mut self, slow: &mut Vec<Value>) -> usize {
        if let Some(value) = self.objects.take_any() {
            if value.is_slow_to_free() {
                slow.push(value);
            }
            return 1;
        }
        if self.cells.free_chunk() || self.table.as_mut().is_some_and(Table::free_segments) {
            return BLOCK_COST;
        }
        self.table = None;
        1
    }
}
