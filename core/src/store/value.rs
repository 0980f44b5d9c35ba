//! What a key can hold.
//!
//! A type of values that is added needs a variant in each of [`Type`], [`Value`], [`ValueRef`] and
//! [`ValueMut`]; the methods here say the rest, and nothing else in `store` knows of types.

use std::ops::Deref;

use crate::base::num::Digits;
use crate::ds::hash::HashRef;
use crate::ds::hashtable::WalkId;
use crate::ds::quicklist::NodeRef;
use crate::ds::stream::Extra;
use crate::ds::{Array, Hash, QuickList, Set, SortedSet, Stream};

/// The types of values, in Redis's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// Bytes.
    String,
    /// A list of byte strings.
    List,
    /// A set of byte strings.
    Set,
    /// Members with scores, in order.
    SortedSet,
    /// Entries of fields and values.
    Stream,
    /// Byte strings under byte strings.
    Hash,
    /// Byte strings at places.
    Array,
}

impl Type {
    /// Its name in TYPE.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Stream => "stream",
            Self::Hash => "hash",
            Self::Array => "array",
        }
    }
}

/// A value on its own, on its way into or out of a [`Db`](super::Db).
#[derive(Clone, Debug)]
pub enum Value {
    /// A string that is exactly the digits of this number.
    Int(i64),
    /// A string.
    Str(Vec<u8>),
    /// A string that was built up in place, which OBJECT ENCODING shows. (A second vector here would
    /// make all values larger.)
    Raw(Box<[u8]>),
    /// A list; never empty.
    List(Box<QuickList>),
    /// A set; never empty.
    Set(Box<Set>),
    /// A sorted set; never empty.
    SortedSet(Box<SortedSet>),
    /// A stream, which may be empty.
    Stream(Box<Stream>),
    /// A hash; never empty.
    Hash(Box<Hash>),
    /// An array; never empty.
    Array(Box<Array>),
}

/// A value to look at.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string that is exactly the digits of this number.
    Int(i64),
    /// A string. `raw`: it was built up in place (APPEND, SETRANGE), which OBJECT ENCODING shows.
    Str {
        /// The string.
        bytes: &'a [u8],
        /// Built up in place.
        raw: bool,
    },
    /// A list.
    List(&'a QuickList),
    /// A set.
    Set(&'a Set),
    /// A sorted set.
    SortedSet(&'a SortedSet),
    /// A stream.
    Stream(&'a Stream),
    /// A hash.
    Hash(HashRef<'a>),
    /// An array.
    Array(&'a Array),
}

/// A collection to change. Strings are replaced, not changed; see [`Db`](super::Db).
#[derive(Debug)]
pub enum ValueMut<'a> {
    /// A string, which is not changed through this.
    Str,
    /// A list.
    List(&'a mut QuickList),
    /// A set.
    Set(&'a mut Set),
    /// A sorted set.
    SortedSet(&'a mut SortedSet),
    /// A stream.
    Stream(&'a mut Stream),
    /// A hash, which is changed by [`Db::change_hash`](super::Db::change_hash).
    Hash,
    /// An array.
    Array(&'a mut Array),
}

/// A string from this length on is written in pieces when it is saved, in bytes.
const LARGE_STRING_BYTES: usize = 32 * 1024;
/// A collection from this size on is, in bytes …
const LARGE_BYTES: usize = 64 * 1024;
/// … or one of so many nodes.
const LARGE_NODES: usize = 8;

/// The version of snapshots that brought what producers have numbered …
const RDB_WITH_IDEMPOTENCE: u16 = 13;
/// … and the one that brought what was given back …
const RDB_WITH_GIVEN_BACK: u16 = 14;
/// … and arrays.
const RDB_WITH_ARRAYS: u16 = 14;

/// A collection of more elements than this is freed in slices.
const FREED_AT_ONCE_MAX: usize = 64;

impl Value {
    /// The string `bytes`: a number if it is exactly the digits of one.
    pub fn of(bytes: &[u8]) -> Self {
        crate::base::num::parse_i64(bytes).map_or_else(|| Self::Str(bytes.into()), Self::Int)
    }

    /// The value to look at.
    #[inline]
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Self::Int(number) => ValueRef::Int(*number),
            Self::Str(bytes) => ValueRef::Str { bytes, raw: false },
            Self::Raw(bytes) => ValueRef::Str { bytes, raw: true },
            Self::List(list) => ValueRef::List(list),
            Self::Set(set) => ValueRef::Set(set),
            Self::SortedSet(set) => ValueRef::SortedSet(set),
            Self::Stream(stream) => ValueRef::Stream(stream),
            Self::Hash(hash) => ValueRef::Hash(hash.view()),
            Self::Array(array) => ValueRef::Array(array),
        }
    }

    /// The value to change.
    pub(super) fn view_mut(&mut self) -> ValueMut<'_> {
        match self {
            Self::Int(_) | Self::Str(_) | Self::Raw(_) => ValueMut::Str,
            Self::List(list) => ValueMut::List(list),
            Self::Set(set) => ValueMut::Set(set),
            Self::SortedSet(set) => ValueMut::SortedSet(set),
            Self::Stream(stream) => ValueMut::Stream(stream),
            Self::Hash(_) => ValueMut::Hash,
            Self::Array(array) => ValueMut::Array(array),
        }
    }

    /// Bytes on the heap. Costs no more than O(1) for most values; see the collections.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Int(_) => 0,
            Self::Str(bytes) => bytes.capacity(),
            Self::Raw(bytes) => bytes.len(),
            Self::List(list) => size_of::<QuickList>() + list.heap_bytes(),
            Self::Set(set) => size_of::<Set>() + set.heap_bytes(),
            Self::SortedSet(set) => size_of::<SortedSet>() + set.heap_bytes(),
            Self::Stream(stream) => size_of::<Stream>() + stream.heap_bytes(),
            Self::Hash(hash) => size_of::<Hash>() + hash.heap_bytes(),
            Self::Array(array) => size_of::<Array>() + array.heap_bytes(),
        }
    }

    /// About as many bytes as [`Value::heap_bytes`], in O(1).
    pub(super) fn about_bytes(&self) -> usize {
        match self {
            Self::List(list) => size_of::<QuickList>() + list.about_bytes(),
            Self::Stream(stream) => size_of::<Stream>() + stream.about_bytes(),
            _ => self.heap_bytes(),
        }
    }

    /// Whether writing the value down takes so long that it should be done in pieces.
    pub(super) fn is_large(&self) -> bool {
        match self {
            Self::Int(_) => false,
            Self::Str(bytes) => bytes.len() >= LARGE_STRING_BYTES,
            Self::Raw(bytes) => bytes.len() >= LARGE_STRING_BYTES,
            Self::List(list) => {
                let is_long =
                    |node| matches!(node, NodeRef::Plain(bytes) if bytes.len() >= LARGE_BYTES);
                list.nodes_len() > LARGE_NODES || list.nodes().any(is_long)
            }
            Self::Set(set) => {
                matches!(&**set, Set::Table(table) if table.heap_bytes() >= LARGE_BYTES)
            }
            Self::SortedSet(set) => set.as_listpack().is_none() && set.heap_bytes() >= LARGE_BYTES,
            Self::Stream(stream) => stream.is_slow_to_free(LARGE_NODES),
            Self::Hash(hash) => !hash.is_listpack() && hash.heap_bytes() >= LARGE_BYTES,
            Self::Array(array) => array.blocks_len() > LARGE_NODES,
        }
    }

    /// Whether a copy shares what it holds, so that making one is cheap.
    pub(super) fn is_shared_by_copies(&self) -> bool {
        matches!(self, Self::List(_) | Self::Stream(_) | Self::Array(_))
    }

    /// Begins to walk along the elements of a table as they are now; nothing if it is none.
    pub(super) fn begin_walk(&mut self, id: WalkId) {
        match self {
            Self::Set(set) => {
                if let Set::Table(table) = &mut **set {
                    table.begin_walk(id);
                }
            }
            Self::SortedSet(set) => set.begin_walk(id),
            Self::Hash(hash) => {
                if let Some(table) = hash.as_table_mut() {
                    table.begin_walk(id);
                }
            }
            _ => {}
        }
    }

    /// The number of the walk along the elements.
    pub(super) fn walk_id(&self) -> Option<WalkId> {
        match self {
            Self::Set(set) => match &**set {
                Set::Table(table) => table.walk_id(),
                Set::Ints(_) | Set::Pack(_) => None,
            },
            Self::SortedSet(set) => set.walk_id(),
            Self::Hash(hash) => hash.view().as_table().and_then(crate::ds::Dict::walk_id),
            _ => None,
        }
    }

    /// Ends a walk early.
    pub(super) fn end_walk(&mut self) {
        match self {
            Self::Set(set) => {
                if let Set::Table(table) = &mut **set {
                    table.end_walk();
                }
            }
            Self::SortedSet(set) => set.end_walk(),
            Self::Hash(hash) => {
                if let Some(table) = hash.as_table_mut() {
                    table.end_walk();
                }
            }
            _ => {}
        }
    }

    /// Whether freeing the value takes so long that it should be done in slices.
    pub(super) fn is_slow_to_free(&self) -> bool {
        match self {
            Self::Int(_) | Self::Str(_) | Self::Raw(_) => false,
            Self::List(list) => list.len() > FREED_AT_ONCE_MAX,
            Self::Set(set) => set.len() > FREED_AT_ONCE_MAX,
            Self::SortedSet(set) => set.len() > FREED_AT_ONCE_MAX,
            Self::Stream(stream) => stream.is_slow_to_free(FREED_AT_ONCE_MAX),
            Self::Hash(hash) => !hash.is_listpack() && hash.len() > FREED_AT_ONCE_MAX,
            Self::Array(array) => array.blocks_len() > FREED_AT_ONCE_MAX,
        }
    }

    /// Frees up to `max` elements of a collection that nobody will look into any more. Returns how
    /// many it freed; fewer than `max` means that nothing is left that takes time.
    pub(super) fn free_some(&mut self, max: usize) -> usize {
        match self {
            Self::Int(_) | Self::Str(_) | Self::Raw(_) => 0,
            Self::List(list) => {
                let count = list.len().min(max);
                list.remove_range(list.len() - count, count);
                count
            }
            Self::Set(set) => set.free_some(max),
            Self::SortedSet(set) => set.free_some(max),
            Self::Stream(stream) => stream.free_some(max),
            Self::Hash(hash) => hash.free_some(max),
            Self::Array(array) => array.free_some(max),
        }
    }
}

/// Strings up to this length are stored as `embstr`, in Redis's words.
const EMBSTR_BYTES_MAX: usize = 44;

impl<'a> ValueRef<'a> {
    /// The form in which the value is stored, as OBJECT ENCODING names it.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Str { bytes, raw: false } if bytes.len() <= EMBSTR_BYTES_MAX => "embstr",
            Self::Str { .. } => "raw",
            Self::List(list) => list.encoding(),
            Self::Set(set) => set.encoding(),
            Self::SortedSet(set) => set.encoding(),
            Self::Stream(_) => "stream",
            Self::Hash(hash) => hash.encoding(),
            Self::Array(_) => "sliced-array",
        }
    }

    /// A copy of the value. Costs O(bytes).
    pub fn to_value(self) -> Value {
        match self {
            Self::Int(number) => Value::Int(number),
            Self::Str { bytes, raw: false } => Value::Str(bytes.to_vec()),
            Self::Str { bytes, raw: true } => Value::Raw(bytes.into()),
            Self::List(list) => Value::List(Box::new(list.clone())),
            Self::Set(set) => Value::Set(Box::new(set.clone())),
            Self::SortedSet(set) => Value::SortedSet(Box::new(set.clone())),
            Self::Stream(stream) => Value::Stream(Box::new(stream.clone())),
            Self::Hash(hash) => Value::Hash(Box::new(hash.to_hash())),
            Self::Array(array) => Value::Array(Box::new(array.clone())),
        }
    }

    /// The value's type.
    pub fn kind(self) -> Type {
        match self {
            Self::Int(_) | Self::Str { .. } => Type::String,
            Self::List(_) => Type::List,
            Self::Set(_) => Type::Set,
            Self::SortedSet(_) => Type::SortedSet,
            Self::Stream(_) => Type::Stream,
            Self::Hash(_) => Type::Hash,
            Self::Array(_) => Type::Array,
        }
    }

    /// The first version of Redis's snapshots that can say what the value holds; 0 if all can that
    /// are of interest.
    pub fn rdb_version(self) -> u16 {
        match self {
            Self::Stream(stream) => match stream.extra() {
                Extra::None => 0,
                Extra::Idempotence => RDB_WITH_IDEMPOTENCE,
                Extra::GivenBack => RDB_WITH_GIVEN_BACK,
            },
            Self::Array(_) => RDB_WITH_ARRAYS,
            _ => 0,
        }
    }

    /// The bytes of a string; `None` if it is something else.
    #[inline]
    pub fn text(self) -> Option<Text<'a>> {
        match self {
            Self::Int(number) => Some(Text::Digits(Digits::of(number))),
            Self::Str { bytes, .. } => Some(Text::Bytes(bytes)),
            _ => None,
        }
    }
}

/// The bytes of a string, wherever they come from.
pub enum Text<'a> {
    /// Written out from a number.
    Digits(Digits),
    /// Stored.
    Bytes(&'a [u8]),
}

impl Deref for Text<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Digits(digits) => digits,
            Self::Bytes(bytes) => bytes,
        }
    }
}
