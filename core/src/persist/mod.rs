//! Snapshots and their formats.
//!
//! Bytes in, bytes out: nothing here knows of files. [`rdb`] is Redis's snapshot format, [`lzf`]
//! the compression in it.

pub mod lzf;
pub mod rdb;
