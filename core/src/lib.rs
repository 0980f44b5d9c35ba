//! Redstart: a Redis-compatible data-structure engine as one pure value.
//!
//! Bytes and time go in, bytes and requests come out. A [`node::Node`] owns its data, its sessions
//! and its settings and touches nothing else: no clock, no socket, no file, no source of chance.
//! The same value therefore runs behind a TCP port (feature `native`), inside a browser's worker
//! (package `redstart-web`) and in a deterministic simulator (package `redstart-tests`), and any
//! number of nodes live side by side in one process.
//!
//! The modules form layers; a lower one never imports a higher one, and a test holds the order:
//!
//! - [`base`]: time, chance, numbers, patterns, checksums, limits, errors
//! - [`resp`]: the wire protocol, decoded and encoded, and replies printed as redis-cli prints them
//! - [`spec`]: how a command is declared, and everything derived from a declaration
//! - [`ds`]: data structures that know nothing of a server
//! - [`store`]: the keyspace: tables, values, expiry
//! - [`persist`]: snapshots and their formats
//! - [`session`]: what belongs to one connection
//! - [`engine`]: running commands: transactions, blocking, pub/sub, settings, statistics
//! - [`commands`]: the handlers, one file a family
//! - [`node`]: the value a host drives with events, answering with effects
//! - `native`: the TCP host, behind the feature of that name

pub mod base;
pub mod commands;
pub mod ds;
pub mod engine;
#[cfg(feature = "native")]
pub mod native;
pub mod node;
pub mod persist;
pub mod resp;
pub mod session;
pub mod spec;
pub mod store;
