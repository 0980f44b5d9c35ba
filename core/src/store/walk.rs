//! Walking along databases as they were at one moment, while they change.
//!
//! A snapshot must hold what was there when it began, commands must not wait for it, and there is
//! no fork whose pages the system could copy. So a walk goes along the keys in slices, in the order
//! of their hashes, and **every change of a key that the walk has not reached first hands the old
//! entry over** to a [`Keeper`], who writes it down at once. An entry that was handed over, and one
//! that is new, carries a mark until the walk passes it, and is not handed over again. That takes
//! no memory but what the keeper does with it, and nothing at all while no walk runs but one look
//! at whether there is one.
//!
//! It cannot be forgotten: entries and objects are private to [`Db`], whose methods reach an entry
//! to change it only through `before_change`, and a value only behind it.
//!
//! What is too large to be handed over in one go is registered with the keeper instead, who cuts it
//! into pieces between events:
//!
//! - A *list*, a *stream* or an *array* is copied, for copies share nodes until one is changed, and then
//!   it is one node that is copied. That costs a few bytes a node of a list; the others lie in
//!   [trees](crate::base::shared) whose copies cost nothing, pending entries of groups too. (Names of
//!   groups, consumers and producers are copied as they are.)
//! - The table of a *hash*, a *set* or a *sorted set* is walked in its place, by its own
//!   [walk](crate::ds::hashtable): what changes in it is kept element by element. Sharing chunks of
//!   memory as lists share nodes would be simpler, but changes of a table lie everywhere, so that a
//!   few thousand of them would copy all of it.
//! - A long *string* is read in its place, and of what is to change in it before that is done, a copy
//!   of the block is kept. (A string that is replaced or deleted is given away, not copied.)
//!
//! Values that are walked in their place are *live*; if the key goes away or gets another value, the
//! keeper gets the old one.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use super::db::{Found, found_of};
use super::entry::{self, Entry};
use super::objects::Objects;
use super::{Db, Value};
use crate::base::Map;

pub use crate::ds::hashtable::WalkId;

/// Parts of a long string that are kept as a whole, in bytes.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// Behind this cursor is nothing.
const CURSOR_END: u64 = 1 << 48;

/// Whom a walk along databases hands over what it finds.
pub trait Keeper {
    /// What `key` of database `db` held when the walk began.
    fn keep(&mut self, db: usize, key: &[u8], found: Found<'_>);

    /// As [`Keeper::keep`], for a value that is to be cut into pieces.
    fn keep_large(&mut self, large: Large);

    /// A number for a live value.
    fn next_id(&mut self) -> WalkId;

    /// The live value of this number, which no database holds any more.
    fn take_over(&mut self, id: WalkId, value: Value);

    /// A database that is no more, to be walked along to its end.
    fn take_over_db(&mut self, db: Db);
}

/// A large value under its key.
pub struct Large {
    /// The key.
    pub head: Head,
    /// The value.
    pub value: LargeValue,
}

/// A key, and what belongs to it besides its value.
pub struct Head {
    /// The number of its database.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// When the key expires, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// The key's access bits.
    pub access: u32,
}

/// A large value.
pub enum LargeValue {
    /// The value as it was.
    Copy(Value),
    /// It is where it was, and walked along there; see [`Db::with_live`].
    Live(Live),
}

/// A value that is walked in its place.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// Its number.
    pub id: WalkId,
    /// How many elements it had when the walk began; bytes, if it is a string.
    pub len: usize,
    /// A time before which no field expired then; `None` if none did at all.
    pub first_due_ms: Option<i64>,
}

/// A long string as it was, of which only blocks that have changed are here.
#[derive(Default)]
pub struct Kept {
    len: usize,
    old: Map<usize, Box<[u8]>>,
}

/// An object that is live.
struct Lived {
    id: WalkId,
    kept: Kept,
}

/// A walk that is under way.
pub(super) struct Walk {
    /// The number that the database had when it began.
    index: usize,
    cursor: u64,
    /// Numbers of objects that are live.
    live: Map<u32, Lived>,
    /// `None` if nobody wants to know any more: then marks are taken away, and that is all.
    keeper: Option<Rc<RefCell<dyn Keeper>>>,
}

impl Db {
    /// Begins to walk along the database, which is number `index`, as it is now.
    pub fn begin_walk(&mut self, index: usize, keeper: Rc<RefCell<dyn Keeper>>) {
        assert!(self.walk.is_none(), "one walk at a time");
        let cursor = if self.is_empty() { CURSOR_END } else { 0 };
        let live = Map::default();
        self.walk = Some(Box::new(Walk { index, cursor, live, keeper: Some(keeper) }));
    }

    /// Whether a walk has not come to its end.
    pub fn is_walked(&self) -> bool {
        self.walk.as_ref().is_some_and(|walk| walk.cursor < CURSOR_END)
    }

    /// Whether somebody walks along the database.
    pub fn has_keeper(&self) -> bool {
        self.walk.as_ref().is_some_and(|walk| walk.keeper.is_some())
    }

    /// Walks along about `count` keys more. Returns whether there are none left.
    pub fn walk_some(&mut self, count: usize) -> bool {
        let Some(mut walk) = self.walk.take() else { return true };
        let next = self.entries.visit_from(walk.cursor, count, |cell| {
            if Entry(cell).is_marked() {
                entry::set_mark(cell, false);
            } else {
                walk.hand_over(Entry(cell), &mut self.objects);
            }
        });
        walk.cursor = if next == 0 { CURSOR_END } else { next };
        let is_done = next == 0;
        // A walk that was given up is over when the marks are gone.
        self.walk = Some(walk).filter(|walk| !is_done || walk.keeper.is_some());
        is_done
    }

    /// Ends a walk of which all is written.
    pub fn end_walk(&mut self) {
        self.walk = None;
    }

    /// Gives a walk up. Marks are left, which [`Db::walk_some`] must take away before another walk
    /// can begin.
    pub fn give_up_walk(&mut self) {
        let Some(walk) = &mut self.walk else { return };
        walk.keeper = None;
        for (number, _) in std::mem::take(&mut walk.live) {
            if let Some(value) = self.objects.get_mut(number) {
                value.end_walk();
            }
        }
        if walk.cursor == CURSOR_END {
            self.walk = None;
        }
    }

    /// Shows `work` the live value of this number, if this database has it, and what of it is kept.
    pub fn with_live<R>(
        &mut self,
        id: WalkId,
        work: impl FnOnce(&mut Value, &Kept) -> R,
    ) -> Option<R> {
        let walk = self.walk.as_ref()?;
        let (&number, lived) = walk.live.iter().find(|(_, lived)| lived.id == id)?;
        self.objects.get_mut(number).map(|value| work(value, &lived.kept))
    }

    /// The live value of this number is written.
    pub fn forget_live(&mut self, id: WalkId) {
        if let Some(walk) = &mut self.walk {
            walk.live.retain(|_, lived| lived.id != id);
        }
    }

    /// Takes everything out for whoever walks along it; false if nobody does.
    pub(super) fn give_away(&mut self) -> bool {
        let Some(Walk { index, keeper: Some(keeper), .. }) = self.walk.as_deref() else {
            return false;
        };
        let (index, keeper) = (*index, keeper.clone());
        let old = self.take();
        self.begin_walk(index, keeper.clone());
        keeper.borrow_mut().take_over_db(old);
        true
    }
}

fn live_of(value: &Value, id: WalkId) -> Live {
    let (len, first_due_ms) = match value {
        Value::Str(bytes) => (bytes.len(), None),
        Value::Set(set) => (set.len(), None),
        Value::SortedSet(set) => (set.len(), None),
        Value::Hash(hash) => {
            let hash = hash.view();
            (hash.len(), hash.next_due_ms().filter(|_| hash.expiring_len() > 0))
        }
        _ => (0, None),
    };
    Live { id, len, first_due_ms }
}

impl Walk {
    /// Whether the keeper has not got what was under the key of this hash.
    pub(super) fn is_behind(&self, hash: u64) -> bool {
        self.keeper.is_some() && hash >> 16 >= self.cursor
    }

    /// Hands over what `entry` holds, which is about to change or go, or has been reached.
    pub(super) fn hand_over(&mut self, entry: Entry<'_>, objects: &mut Objects) {
        let Some(keeper) = &self.keeper else { return };
        let mut keeper = keeper.borrow_mut();
        let number = entry.object();
        let value = number.and_then(|number| objects.get_mut(number));
        let (Some(number), Some(value)) = (number, value.filter(|value| value.is_large())) else {
            return keeper.keep(self.index, entry.key(), found_of(entry, objects));
        };
        let value = if value.is_shared_by_copies() {
            LargeValue::Copy(value.view().to_value())
        } else {
            let id = keeper.next_id();
            value.begin_walk(id);
            let live = live_of(value, id);
            let kept = Kept { len: live.len, old: Map::default() };
            self.live.insert(number, Lived { id, kept });
            LargeValue::Live(live)
        };
        let (key, expires_ms, access) = (entry.key().into(), entry.expires_ms(), entry.access());
        let head = Head { db: self.index, key, expires_ms, access };
        keeper.keep_large(Large { head, value });
    }

    /// The object of this number is now `value`'s and no longer the database's.
    pub(super) fn take_over(&mut self, number: u32, mut value: Value) -> Option<Value> {
        let (Some(lived), Some(keeper)) = (self.live.remove(&number), &self.keeper) else {
            return Some(value);
        };
        if let Value::Str(bytes) = &mut value {
            lived.kept.restore(bytes);
        }
        keeper.borrow_mut().take_over(lived.id, value);
        None
    }

    /// These bytes of the string of this number are about to change: if it is live, they are kept.
    pub(super) fn keep_string(&mut self, number: u32, bytes: &[u8], range: Range<usize>) {
        let Some(Lived { kept, .. }) = self.live.get_mut(&number) else { return };
        let end = range.end.min(kept.len);
        if range.start >= end {
            return;
        }
        for block in range.start / BLOCK_BYTES..=(end - 1) / BLOCK_BYTES {
            let from = block * BLOCK_BYTES;
            let to = kept.len.min(from + BLOCK_BYTES);
            let old = || bytes.get(from..to).unwrap_or_default().into();
            kept.old.entry(block).or_insert_with(old);
        }
    }

    /// The object of this number leaves for another place, or another database.
    pub(super) fn leave(&mut self, number: u32, value: &Value) {
        if let Value::Str(bytes) = value
            && self.live.contains_key(&number)
        {
            self.take_over(number, Value::Str(bytes.clone()));
        }
        // A table knows its walk, and is found again by it.
        self.live.remove(&number);
    }

    /// The object of this number is `value`, which may have come from another place.
    pub(super) fn arrive(&mut self, number: u32, value: &Value) {
        if let Some(id) = value.walk_id() {
            self.live.insert(number, Lived { id, kept: Kept::default() });
        }
    }
}

impl Kept {
    /// The block that begins at `from`, of the string that is now `bytes`.
    pub fn block<'a>(&'a self, bytes: &'a [u8], from: usize) -> &'a [u8] {
        let to = self.len.min(from + BLOCK_BYTES);
        match self.old.get(&(from / BLOCK_BYTES)) {
            Some(old) => old,
            None => bytes.get(from..to).unwrap_or_default(),
        }
    }

    /// Makes `bytes` what they were.
    fn restore(&self, bytes: &mut Vec<u8>) {
        bytes.resize(self.len, 0);
        for (block, old) in &self.old {
            let from = block * BLOCK_BYTES;
            if let Some(place) = bytes.get_mut(from..from + old.len()) {
                place.copy_from_slice(old);
            }
        }
    }
}
