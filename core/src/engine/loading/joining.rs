//! Putting what was loaded beside the data, and recording what a person has brought.
//!
//! All of the file was read and found right, and clients are still told to wait, so nobody sees a part
//! of it. Where no key may be in both, that is looked at before anything is changed. It goes on some
//! keys at a time; one value is moved at once, and recorded at once.

use super::{Ended, How, Load, Source};
use crate::engine::Engine;
use crate::persist::aof::dataset::Commands;
use crate::persist::rdb;

/// About so many keys are a slice.
const KEYS: usize = 64;

/// How far it has come.
pub(super) struct Joining {
    /// Bytes of the file.
    bytes: u64,
    /// Keys that were loaded.
    pub(super) keys: u64,
    /// What is being done with each key, and whether it is recorded.
    step: Step,
    is_recorded: bool,
    /// How far that is: databases before this one, and of it the keys before this place.
    db: usize,
    cursor: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Looking whether it is in both.
    Compare,
    Move,
}

impl Engine {
    /// All of the file was read. Returns whether there is more to do than to exchange databases.
    pub(super) fn begin_joining(&mut self, load: &mut Load, bytes: u64) -> bool {
        let is_recorded = load.source == Source::Import && self.propagates();
        if load.how == How::Instead && !is_recorded {
            return false;
        }
        let step = if load.how == How::Beside { Step::Compare } else { Step::Move };
        let keys = load.imported().keys;
        load.joining = Some(Joining { bytes, keys, step, is_recorded, db: 0, cursor: 0 });
        true
    }

    /// Does a slice; returns how it has ended if it has.
    pub(super) fn join_some(&mut self, load: &mut Load) -> Option<Ended> {
        let Load { how, fresh, joining: Some(joining), .. } = load else { return None };
        let mut log = self.propagation.log.as_mut().filter(|_| joining.is_recorded);
        let dbs = fresh.shard.dbs.get_mut(joining.db).zip(self.shard.dbs.get_mut(joining.db));
        let Some((from, to)) = dbs else {
            if joining.step == Step::Compare {
                (joining.step, joining.db) = (Step::Move, 0);
                return None;
            }
            if let Some(log) = log {
                log.close_unit();
            }
            return Some(Ended::Whole(joining.bytes));
        };
        let mut keys = Vec::new();
        let mut commands = Commands::new(None);
        if joining.step == Step::Move
            && (joining.db, joining.cursor) == (0, 0)
            && let Some(log) = &mut log
        {
            log.open_unit();
            if *how == How::Instead {
                commands.record(&[b"FLUSHALL"]);
            }
        }
        joining.cursor = from.scan(joining.cursor, KEYS, |key, found| {
            if joining.step == Step::Move && log.is_some() {
                if keys.is_empty() {
                    commands.database(joining.db);
                }
                if *how != How::Instead {
                    commands.record(&[b"DEL", key]);
                }
                commands.entry(key, found.value, found.expires_ms);
            }
            keys.push(key.to_vec());
        });
        joining.db += usize::from(joining.cursor == 0);
        if joining.step == Step::Compare {
            let is_twice = keys.iter().any(|key| to.get(key).is_some());
            let problem = rdb::Problem { offset: 0, reason: rdb::Reason::Duplicate };
            return is_twice.then_some(Ended::Broken(problem));
        }
        if *how != How::Instead {
            for key in &keys {
                if let Some((value, expires_ms)) = from.remove(key) {
                    to.insert(key, value, expires_ms);
                }
            }
        }
        if let Some(log) = log {
            log.add_records(&commands.take());
        }
        None
    }
}
