//! Snapshots and their formats.
//!
//! Bytes in, bytes out: nothing here knows of files. [`snapshot`] makes one in slices while the data
//! changes. [`rdb`] is Redis's snapshot format, [`lzf`]
//! the compression in it; [`ziplist`] and [`zipmap`] are structures that older snapshots hold.

pub mod lzf;
pub mod rdb;
pub mod snapshot;
pub mod ziplist;
pub mod zipmap;
