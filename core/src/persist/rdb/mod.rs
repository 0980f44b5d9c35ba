//! RDB, Redis's snapshot format.
//!
//! A file is a magic word with a version, a row of records, an end mark and a checksum. A record
//! is an opcode with its operands, or the type of a value followed by key and value; what belongs
//! to a key (its expiry, its recency) comes before it. [`write()`] writes version 10 with the
//! encodings that every Redis since 7.0 and every Valkey reads; [`read()`] reads versions 1 to 14
//! and Valkey's 80.
//!
//! (The format has no specification but its implementations; the names here are theirs.)

mod read;
mod write;

pub use read::{Dataset, Forms, Problem, Reason, read};
pub use write::{Facts, write};

/// The version written.
const VERSION: u32 = 10;
/// The newest version of Redis that is read.
const VERSION_MAX: u32 = 14;
/// Valkey's own version, with a magic word of its own.
const VERSION_VALKEY: u32 = 80;

/// Records that are not values.
mod opcode {
    pub(super) const SLOT_INFO: u8 = 244;
    pub(super) const FUNCTION: u8 = 245;
    pub(super) const MODULE_AUX: u8 = 247;
    pub(super) const IDLE: u8 = 248;
    pub(super) const FREQ: u8 = 249;
    pub(super) const AUX: u8 = 250;
    pub(super) const RESIZE_DB: u8 = 251;
    pub(super) const EXPIRE_MS: u8 = 252;
    pub(super) const EXPIRE_S: u8 = 253;
    pub(super) const SELECT_DB: u8 = 254;
    pub(super) const EOF: u8 = 255;
}

/// Types of values.
mod kind {
    pub(super) const STRING: u8 = 0;
    pub(super) const LIST: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const SET_INTSET: u8 = 11;
    pub(super) const LIST_QUICKLIST_2: u8 = 18;
    pub(super) const SET_LISTPACK: u8 = 20;
}

/// How a node of a quicklist is stored.
mod container {
    pub(super) const PLAIN: u64 = 1;
    pub(super) const PACKED: u64 = 2;
}

/// Strings in another form, behind a length byte whose two upper bits are set.
mod special {
    pub(super) const INT8: u8 = 0;
    pub(super) const INT16: u8 = 1;
    pub(super) const INT32: u8 = 2;
    pub(super) const LZF: u8 = 3;
}
