//! Data structures that know nothing of a server.
//!
//! Each stands on its own: bytes in, bytes out, no keys, no clients, no settings but those it is
//! given.

pub mod array;
pub mod bits;
pub mod cells;
pub(crate) mod compact;
pub mod dict;
pub mod geo;
pub mod hash;
pub mod hashtable;
pub mod hyperloglog;
pub mod intset;
pub mod listpack;
pub mod quicklist;
pub mod set;
pub mod stream;
pub mod zset;

pub use array::Array;
pub use dict::Dict;
pub use hash::Hash;
pub use intset::IntSet;
pub use listpack::{Element, Listpack};
pub use quicklist::QuickList;
pub use set::Set;
pub use stream::Stream;
pub use zset::SortedSet;
