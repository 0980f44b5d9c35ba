//! The TCP host.
