//! Writing a snapshot to the disk in slices.
//!
//! ```text
//! clear ─▶ make ─▶ sync ─▶ rename ─▶ saved
//!   └────────┴───────┴────────┴─────▶ failed, or given up: the file is removed
//! ```
//!
//! A [`Snapshot`] is made a slice at a time, when the host wakes the node for it; between two slices
//! everyone is served. What it has written is appended to a file of its own, no more than the disk
//! is known to keep up with, so that a slow disk costs time and not memory. The file is made safe and
//! only then takes the place of the old one: at any moment, what is there under the name is whole.

use super::Engine;
use super::saving::Saved;
use crate::base::time::{Monotonic, Time};
use crate::engine::config::REDIS_VERSION;
use crate::engine::world::{DiskDone, DiskError, DiskOp, Effect, TEMPORARY};
use crate::persist::rdb::{Facts, version_for};
use crate::persist::snapshot::{Form, Progress, Snapshot};

/// Bytes that are appended at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Bytes that the disk may owe an answer for before the snapshot waits for it.
const UNANSWERED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Slices of what is left of another snapshot that are taken away at once. If it is more, the
/// snapshot begins later, and is of that moment.
const CLEARINGS_AT_ONCE: usize = 8;
/// Keys of a slice while nobody wants anything.
const KEYS_IDLE: usize = 512;
/// Keys of a slice while commands run, for each command since the last one. A command takes far longer
/// with all that belongs to it than a key does, so the snapshot takes the smaller part of the time, and
/// ends all the same. But there are at least …
const KEYS_PER_COMMAND: u64 = 2;
/// … so many, which is what one client that waits for each reply may have to wait for besides …
const KEYS_MIN: u64 = 16;
/// … and at most so many.
const KEYS_MAX: u64 = 1024;
/// For so long after a command it is expected that more follow, in microseconds.
const BUSY_US: u64 = 1000;

/// Bytes after which the disk is asked to make safe what it has, so that the last time is short.
const SYNC_EVERY_BYTES: u64 = 16 * 1024 * 1024;

/// What a file that is being made is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A snapshot of its own.
    Snapshot,
    /// The base of an append-only file, as a snapshot.
    Base,
    /// The same, as commands.
    BaseOfCommands,
}

/// A file that a snapshot is written to.
pub struct Making {
    stage: Stage,
    /// What the file is called until it is safe.
    temporary: String,
    /// What it is called then.
    name: String,
    purpose: Purpose,
    /// Bytes handed to the disk.
    bytes: u64,
    synced_bytes: u64,
    unanswered_bytes: usize,
    unanswered_syncs: u32,
    /// Commands that had run at the last slice, and until when more are expected.
    commands: u64,
    busy_until: Monotonic,
    /// There is no slice before (`rdb-key-save-delay`).
    not_before: Monotonic,
}

enum Stage {
    /// What a snapshot left that was given up is taken away.
    Clear,
    Make(Snapshot),
    /// Everything is handed to the disk.
    Sync,
    Rename,
}

impl Making {
    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of memory that the file takes until it is on the disk.
    pub fn memory_bytes(&self) -> u64 {
        let made = if let Stage::Make(snapshot) = &self.stage { snapshot.len() } else { 0 };
        (made + self.unanswered_bytes) as u64
    }

    /// Keys written so far, and how many there were when it began.
    pub fn keys(&self) -> (u64, u64) {
        match &self.stage {
            Stage::Make(snapshot) => (snapshot.keys(), snapshot.keys_total()),
            Stage::Clear | Stage::Sync | Stage::Rename => (0, 0),
        }
    }

    /// When there is something to do, rather than to wait for the disk.
    pub(super) fn next(&self) -> Option<Monotonic> {
        match self.stage {
            Stage::Clear => Some(Monotonic(0)),
            Stage::Make(_) if self.unanswered_bytes < UNANSWERED_BYTES_MAX => Some(self.not_before),
            Stage::Make(_) | Stage::Sync | Stage::Rename => None,
        }
    }

    /// Whether the moment is fixed that the file is of.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.stage, Stage::Clear)
    }

    /// What the file is called until it is safe.
    pub(super) fn temporary(&self) -> &str {
        &self.temporary
    }
}

impl Engine {
    /// Begins to write a snapshot of what is there now to the file `name`, by the way of another one.
    /// [`Engine::make_some`] must follow again and again.
    pub(super) fn begin_making(&mut self, now: Time, name: String, purpose: Purpose) -> Making {
        // No other one of this run has had its name: answers about one that was given up may still come.
        self.saving.begun += 1;
        let begun = self.saving.begun;
        let temporary = match name.rsplit_once('/') {
            Some((folder, name)) => format!("{folder}/{TEMPORARY}{begun}-{name}"),
            None => format!("{TEMPORARY}{begun}-{name}"),
        };
        // One of this name can be left from a run that has crashed.
        self.effects.push(Effect::Disk(DiskOp::Remove { name: temporary.clone() }));
        let mut making = Making {
            stage: Stage::Clear,
            temporary,
            name,
            purpose,
            bytes: 0,
            synced_bytes: 0,
            unanswered_bytes: 0,
            unanswered_syncs: 0,
            commands: self.stats.commands,
            busy_until: now.mono,
            not_before: Monotonic(0),
        };
        self.begin_if_clear(now, &mut making);
        making
    }

    fn begin_if_clear(&mut self, now: Time, making: &mut Making) {
        if (0..CLEARINGS_AT_ONCE).any(|_| Snapshot::is_clear(&mut self.shard)) {
            let stamp = self.config.aof_timestamp_enabled.then(|| now.unix_s());
            let form = match making.purpose {
                Purpose::Snapshot => Form::Rdb(self.facts(now, false)),
                Purpose::Base => Form::Rdb(self.facts(now, true)),
                Purpose::BaseOfCommands => Form::Commands(stamp),
            };
            let usage = Box::new(self.usage_of());
            let (shard, libraries) = (&mut self.shard, &self.libraries);
            making.stage = Stage::Make(Snapshot::begin(shard, libraries, form, usage));
        }
    }

    /// What the head of a snapshot says.
    pub(super) fn facts(&self, now: Time, is_aof_base: bool) -> Facts<'static> {
        Facts {
            redis_version: REDIS_VERSION,
            created_s: now.unix_s(),
            used_memory: self.measures.used_memory,
            is_aof_base,
            version: version_for(&self.shard.dbs),
            compress: self.config.rdbcompression,
            checksum: self.config.rdbchecksum,
        }
    }

    /// Does a slice of the work.
    pub(super) fn make_some(&mut self, now: Time, making: &mut Making) -> Result<(), String> {
        if making.next().is_none_or(|at| at > now.mono) {
            return Ok(());
        }
        let Stage::Make(snapshot) = &mut making.stage else {
            self.begin_if_clear(now, making);
            return Ok(());
        };
        let before = std::mem::replace(&mut making.commands, self.stats.commands);
        // They are counted from 0 again after CONFIG RESETSTAT.
        let commands = self.stats.commands.saturating_sub(before);
        if commands > 0 {
            making.busy_until = now.mono + BUSY_US;
        }
        let mut keys = if now.mono < making.busy_until {
            commands.saturating_mul(KEYS_PER_COMMAND).clamp(KEYS_MIN, KEYS_MAX) as usize
        } else {
            KEYS_IDLE
        };
        let delay_us = u64::try_from(self.config.rdb_key_save_delay).unwrap_or(0);
        if delay_us > 0 {
            keys = 1;
        }
        let written = snapshot.keys();
        let progress = snapshot.step(&mut self.shard, keys);
        making.not_before = now.mono + delay_us.saturating_mul(snapshot.keys() - written);
        match progress {
            Progress::Lost => return Err("a value was lost on the way".to_owned()),
            Progress::Going => {
                if snapshot.ready_len() >= CHUNK_BYTES {
                    let bytes = snapshot.take();
                    self.append(making, bytes);
                }
            }
            Progress::Done => {
                let Stage::Make(snapshot) = std::mem::replace(&mut making.stage, Stage::Sync)
                else {
                    return Ok(());
                };
                let bytes = snapshot.finish(&mut self.shard);
                self.append(making, bytes);
                self.sync(making);
            }
        }
        Ok(())
    }

    fn append(&mut self, making: &mut Making, bytes: Vec<u8>) {
        making.unanswered_bytes += bytes.len();
        making.bytes += bytes.len() as u64;
        let name = making.temporary.clone();
        self.effects.push(Effect::Disk(DiskOp::Append { name, bytes }));
        let in_steps = match making.purpose {
            Purpose::Snapshot => self.config.rdb_save_incremental_fsync,
            Purpose::Base | Purpose::BaseOfCommands => self.config.aof_rewrite_incremental_fsync,
        };
        if in_steps && making.bytes - making.synced_bytes >= SYNC_EVERY_BYTES {
            self.sync(making);
        }
    }

    fn sync(&mut self, making: &mut Making) {
        making.synced_bytes = making.bytes;
        making.unanswered_syncs += 1;
        let name = making.temporary.clone();
        self.effects.push(Effect::Disk(DiskOp::Sync { name }));
    }

    /// The disk has answered: goes on with `making`, if the answer belongs to it. Returns whether the
    /// file is there, or why it will not be.
    pub(super) fn making_answered(
        &mut self,
        making: &mut Making,
        done: &DiskDone,
    ) -> Result<Saved, DiskError> {
        match done {
            // What is appended would stand behind what cannot be removed.
            DiskDone::Remove { name, result } if *name == making.temporary => result.clone()?,
            DiskDone::Append { name, bytes, result } if *name == making.temporary => {
                making.unanswered_bytes = making.unanswered_bytes.saturating_sub(bytes.len());
                result.clone()?;
            }
            DiskDone::Sync { name, result } if *name == making.temporary => {
                result.clone()?;
                making.unanswered_syncs = making.unanswered_syncs.saturating_sub(1);
                if matches!(making.stage, Stage::Sync) && making.unanswered_syncs == 0 {
                    making.stage = Stage::Rename;
                    let (from, to) = (making.temporary.clone(), making.name.clone());
                    self.effects.push(Effect::Disk(DiskOp::Rename { from, to }));
                }
            }
            DiskDone::Rename { from, result, .. } if *from == making.temporary => {
                result.clone()?;
                return Ok(Saved::Yes);
            }
            _ => {}
        }
        Ok(Saved::NotYet)
    }

    /// Whether `done` may be an answer that `making` waits for.
    pub(super) fn is_of(making: &Making, done: &DiskDone) -> bool {
        match done {
            DiskDone::Remove { name, .. }
            | DiskDone::Append { name, .. }
            | DiskDone::Sync { name, .. } => *name == making.temporary,
            DiskDone::Rename { from, .. } => *from == making.temporary,
            _ => false,
        }
    }

    /// Gives `making` up; nothing is left of its file.
    pub(super) fn give_up_making(&mut self, making: Making) {
        if let Stage::Make(snapshot) = making.stage {
            snapshot.give_up(&mut self.shard);
        }
        self.effects.push(Effect::Disk(DiskOp::Remove { name: making.temporary }));
    }
}
