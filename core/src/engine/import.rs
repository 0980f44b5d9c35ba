//! Importing: a file that a person brings takes the place of the data, or is added to it.
//!
//! It may be a snapshot of any version, an append-only file with or without one in front, or commands,
//! as arrays or one a line. It is loaded as any file is ([`loading`](super::loading)), in slices, on
//! databases of its own; so a file that is no good changes nothing, wherever in it that shows. What
//! was imported is recorded for the append-only file as one unit, in slices too, and counts for the
//! save points.

use super::loading::{Ended, How, Source};
use super::world::{Effect, Level};
use super::{Engine, Error};
use crate::base::time::Time;
use crate::engine::saving::Unreadable;
use crate::store::Db;

/// What was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Keys that the file has made.
    pub keys: u64,
    /// Keys in it that had expired.
    pub expired: u64,
    /// Commands that were run.
    pub commands: u64,
    /// Of them, those that were refused.
    pub refused: u64,
    /// Why the first of them was.
    pub refusal: Option<String>,
}

impl Engine {
    /// Begins to import the file `name`; ends with [`Effect::Imported`].
    pub fn import(&mut self, now: Time, name: String, how: How) {
        self.cancel_background_save(now);
        if self.is_rewriting() {
            // It is of the data that is to be replaced; what is recorded makes it grow anyway.
            self.restart_rewriting();
        }
        if self.saving.is_loading() || self.snapshot_under_way().is_some() {
            let why = "something else is being loaded or saved; try again".to_owned();
            self.effects.push(Effect::Imported(Err(why)));
            return;
        }
        self.log(Level::Notice, &format!("Importing {name}"));
        self.saving.begin_loading(Unreadable::Refuse);
        self.begin_load(now, Source::Import, how, 0);
        self.load_file(name);
    }

    /// The file was read, or cannot be.
    pub(super) fn import_ended(&mut self, now: Time, ended: Ended) {
        self.saving.end_loading();
        let imported = self.loading().map(|load| load.imported()).unwrap_or_default();
        let why = match ended {
            Ended::Whole(_) => {
                self.end_load();
                None
            }
            Ended::Short(whole) => Some(format!(
                "at offset {whole}: what begins there, a command or a transaction, has no end"
            )),
            ended => Some(ended.to_string()),
        };
        self.give_up_load();
        let result = match why {
            Some(why) => {
                self.log(Level::Warning, &format!("The file cannot be imported: {why}"));
                Err(why)
            }
            None => {
                self.dirty += imported.keys.max(1);
                (0..self.shard.dbs.len()).for_each(|db| self.shard.waiters.changed_all(db));
                self.touch_watched(|_, _, _| true);
                self.serve_ready(now);
                // What this event had to write was written before it came to this.
                self.tend_aof(now);
                Ok(imported)
            }
        };
        self.effects.push(Effect::Imported(result));
    }
}

/// How many keys there are.
pub(super) fn keys(dbs: &[Db]) -> u64 {
    dbs.iter().map(|db| db.len() as u64).sum()
}

/// An error as a text, without the code that programs look at.
pub(super) fn plain(error: &Error) -> String {
    let line = error.line();
    let text = line.strip_prefix(b"ERR ").unwrap_or(line);
    String::from_utf8_lossy(text).into_owned()
}
