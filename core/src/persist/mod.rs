//! Snapshots and their formats.
