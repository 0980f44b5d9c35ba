//! Asking for the memory of keys and of what they hold before it is needed.
//!
//! The way to an element of a collection is a chain: the bucket of its key, the entry, the place of
//! the object, the object, its bytes or the bucket of the element, the element. Each link needs the
//! one before, so whoever has several keys to look at asks for the first link of all of them, then
//! for the second, and so on. These are the links; [`prefetch`] says why.

use super::entry::Entry;
use super::{Db, Value};
use crate::base::prefetch;
use crate::ds::hashtable::Handle;

/// An entry that is probably that of a key.
#[derive(Clone, Copy, Debug)]
pub struct Guess(Handle);

impl Db {
    /// Whether a search in this database probably has to wait for memory.
    #[inline]
    pub fn is_far(&self) -> bool {
        self.len() > prefetch::NEAR_ENTRIES_MAX
    }

    /// Asks for the bucket in which the search for a key with this hash begins.
    #[inline]
    pub fn prefetch_place(&self, hash: u64) {
        self.entries().prefetch_place(hash);
    }

    /// The entry that a key with this hash probably has.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<Guess> {
        self.entries().guess(hash).map(Guess)
    }

    /// Asks for an entry.
    #[inline]
    pub fn prefetch_entry(&self, guess: Guess) {
        self.entries().prefetch_cell(guess.0);
    }

    /// Whether some value does not lie in its entry.
    #[inline]
    pub fn has_objects(&self) -> bool {
        !self.objects().is_empty()
    }

    /// The number of the object that an entry refers to, if it does, whose place is asked for.
    pub fn prefetch_object(&self, guess: Guess) -> Option<u32> {
        let number = Entry(self.entries().cell_of(guess.0)).object()?;
        if let Some(place) = self.objects().place(number) {
            prefetch::value(place);
        }
        Some(number)
    }

    /// Asks for what the object of this number begins with.
    pub fn prefetch_value(&self, number: u32) {
        match self.objects().get(number) {
            Some(Value::Str(bytes)) => prefetch::bytes(bytes, prefetch::BYTES_MAX),
            Some(Value::Raw(bytes)) => prefetch::bytes(bytes, prefetch::BYTES_MAX),
            Some(Value::List(list)) => prefetch::value(&**list),
            Some(Value::Set(set)) => prefetch::value(&**set),
            Some(Value::SortedSet(set)) => prefetch::value(&**set),
            Some(Value::Stream(stream)) => prefetch::value(&**stream),
            Some(Value::Hash(hash)) => prefetch::value(&**hash),
            Some(Value::Array(array)) => prefetch::value(&**array),
            Some(Value::Int(_)) | None => {}
        }
    }

    /// Asks for the bytes of the collection of this number if it is small, or for the bucket in
    /// which the search for an element begins, whose hash it returns. `words` are those behind the
    /// key.
    pub fn prefetch_inside(&self, number: u32, words: [Option<&[u8]>; 2]) -> Option<u64> {
        let [first, last] = words;
        match self.objects().get(number)? {
            Value::List(list) => list.prefetch(),
            Value::Set(set) => return set.prefetch(first?),
            // A score stands before the member, if there is one.
            Value::SortedSet(set) => return set.prefetch(last?),
            Value::Hash(hash) => return hash.prefetch(first?),
            _ => {}
        }
        None
    }

    /// Asks for the element of this hash in the collection of this number.
    pub fn prefetch_element(&self, number: u32, hash: u64) {
        match self.objects().get(number) {
            Some(Value::Set(set)) => set.prefetch_element(hash),
            Some(Value::SortedSet(set)) => set.prefetch_element(hash),
            Some(Value::Hash(hashes)) => hashes.prefetch_element(hash),
            _ => {}
        }
    }
}
