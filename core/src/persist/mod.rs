//! Snapshots and their formats.
//!
//! Bytes in, bytes out: nothing here knows of files. [`snapshot`] makes one in slices while the data
//! changes. [`aof`] is Redis's append-only file, [`rdb`] its snapshot format, [`lzf`] the compression
//! in it; [`ziplist`] and [`zipmap`] are structures that older snapshots hold.

pub mod aof;
pub mod lzf;
pub mod pieces;
pub mod rdb;
pub mod snapshot;
pub mod ziplist;
pub mod zipmap;
