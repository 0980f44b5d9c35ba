//! Looking ahead: what can be known of a command before its turn.
//!
//! Commands that came together are decoded together, and before the first one runs, each is looked
//! up, the hash of its first key computed and the memory asked for in which that key will be
//! searched. In a keyspace that is larger than the processor's caches, that hides most of the time
//! for which every command by itself would wait. Nothing is decided ahead: a command that runs
//! looks at everything itself, and finds what it looks at near.

use super::{Ctx, Engine, Entry};
use crate::resp::Argv;

/// What was seen of a command before its turn.
#[derive(Clone, Copy, Default)]
pub struct Sight {
    /// The command, if it could be told from its name alone.
    pub entry: Option<&'static Entry>,
    /// The hash of its first key.
    hash: Option<u64>,
}

/// Keyspaces with fewer keys are taken to be in the caches anyway.
const NEAR_KEYS_MAX: usize = 4096;

impl Engine {
    /// Looks at a command that will run soon.
    #[inline]
    pub fn look_ahead(&self, argv: Argv<'_>) -> Sight {
        let entry = self.find_simple(argv);
        let key = entry.and_then(|entry| argv.get(entry.first_key?.get()));
        Sight { entry, hash: key.map(|key| self.shard.hash(key)) }
    }

    /// Asks for the memory that commands on database `db` will look at, as well as `seen` tells.
    #[inline]
    pub fn prefetch(&self, db: usize, seen: impl Iterator<Item = Sight> + Clone) {
        let db = &self.shard.dbs[db];
        if db.len() > NEAR_KEYS_MAX {
            // One step for all, then the next one: each step needs what the one before asked for.
            seen.clone().filter_map(|sight| sight.hash).for_each(|hash| db.prefetch_place(hash));
            seen.filter_map(|sight| sight.hash).for_each(|hash| db.prefetch_entry(hash));
        }
    }
}

impl<'a> Ctx<'a> {
    /// Remembers what was seen of the command `argv`, which is the context's.
    #[inline]
    pub fn remember(&mut self, sight: Sight, argv: Argv<'a>) {
        self.ahead =
            sight.hash.and_then(|hash| Some((argv.get(self.entry.first_key?.get())?, hash)));
    }
}
