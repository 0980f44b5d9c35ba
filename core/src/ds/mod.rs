//! Data structures that know nothing of a server.
//!
//! Each stands on its own: bytes in, bytes out, no keys, no clients, no settings but those it is
//! given.

pub mod quicklist;

pub use quicklist::QuickList;
