//! The fieldsets of a connection: lists of field names that HIMPORT pairs with values.

use crate::base::ordered::NameMap;
use crate::resp::{Argv, OwnedArgv};

/// Field names in their order, by the names that a client has given the lists.
#[derive(Default)]
pub struct Fieldsets {
    by_name: NameMap<OwnedArgv>,
    bytes: usize,
}

impl Fieldsets {
    /// The fields of this name.
    pub fn get(&self, name: &[u8]) -> Option<Argv<'_>> {
        self.by_name.get(name).map(OwnedArgv::view)
    }

    /// Keeps `fields` under a name, in the place of those that had it.
    pub fn prepare(&mut self, name: &[u8], fields: Argv<'_>) {
        self.discard(name);
        let fields = fields.to_owned();
        self.bytes += name.len() + fields.heap_bytes();
        self.by_name.insert(name.into(), fields);
    }

    /// Forgets the fields of this name; returns whether there were any.
    pub fn discard(&mut self, name: &[u8]) -> bool {
        let Some(fields) = self.by_name.remove(name) else { return false };
        self.bytes -= name.len() + fields.heap_bytes();
        true
    }

    /// Forgets all; returns how many there were.
    pub fn discard_all(&mut self) -> usize {
        std::mem::take(self).by_name.len()
    }

    /// Heap bytes held, about. O(1).
    pub fn heap_bytes(&self) -> usize {
        self.bytes
    }
}
