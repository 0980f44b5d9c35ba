//! Looking ahead: what can be known of a command before its turn.
//!
//! Commands that came together are decoded together, and before the first one runs, each is looked
//! up, the hash of its first key computed and the memory asked for in which that key will be
//! searched, and what it holds. In a keyspace that is larger than the processor's caches, that
//! hides most of the time for which every command by itself would wait. Nothing is decided ahead: a
//! command that runs looks at everything itself, and finds what it looks at near.

use super::stopwatch::SMALL_WORDS_MAX;
use super::{Ctx, Engine, Entry};
use crate::base::limits::LOOKED_AHEAD_MAX;
use crate::resp::Argv;
use crate::store::Db;
use crate::store::near::Guess;

/// What was seen of a command before its turn.
#[derive(Clone, Copy, Default)]
pub struct Sight {
    /// The command, if it could be told from its name alone.
    pub entry: Option<&'static Entry>,
    /// It is [brief](crate::spec::table::Entry::is_brief) and has few words.
    pub is_small: bool,
    /// The hash of its first key.
    hash: Option<u64>,
    /// The entry of that key, probably.
    guess: Option<Guess>,
}

impl Engine {
    /// Looks at a command that will run soon.
    #[inline]
    pub fn look_ahead(&self, argv: Argv<'_>) -> Sight {
        let entry = self.find_simple(argv);
        let key = entry.and_then(|entry| argv.get(entry.first_key?.get()));
        let is_small = entry.is_some_and(|entry| entry.is_brief) && argv.len() <= SMALL_WORDS_MAX;
        Sight { entry, is_small, hash: key.map(|key| self.shard.hash(key)), guess: None }
    }

    /// Asks for the memory that commands on database `db` will look at, as well as `seen` tells;
    /// `argv_of` gives their words. One step for all, then the next one: each needs what the one
    /// before asked for.
    #[inline]
    pub fn prefetch<'a>(&self, db: usize, seen: &mut [Sight], argv_of: impl Fn(usize) -> Argv<'a>) {
        let db = self.shard.db(db);
        let (is_far, has_objects) = (db.is_far(), db.has_objects());
        if seen.len() < 2 || !(is_far || has_objects) {
            return;
        }
        if is_far {
            seen.iter().filter_map(|sight| sight.hash).for_each(|hash| db.prefetch_place(hash));
        }
        for sight in seen.iter_mut() {
            sight.guess = sight.hash.and_then(|hash| db.guess(hash));
            if let Some(guess) = sight.guess.filter(|_| is_far) {
                db.prefetch_entry(guess);
            }
        }
        if has_objects {
            prefetch_objects(db, seen, argv_of);
        }
    }
}

/// As [`Engine::prefetch`], of what does not lie in an entry.
fn prefetch_objects<'a>(db: &Db, seen: &[Sight], argv_of: impl Fn(usize) -> Argv<'a>) {
    let mut objects = [None; LOOKED_AHEAD_MAX];
    let mut hashes = [None; LOOKED_AHEAD_MAX];
    for (object, sight) in objects.iter_mut().zip(seen) {
        *object = sight.guess.and_then(|guess| db.prefetch_object(guess));
    }
    objects.iter().flatten().for_each(|&number| db.prefetch_value(number));
    for (index, (object, sight)) in objects.iter().zip(seen).enumerate() {
        if let (Some(number), Some(entry)) = (*object, sight.entry)
            && let Some(key) = entry.first_key
        {
            let behind = argv_of(index).from(key.get() + 1);
            let words = [behind.get(0), behind.iter().next_back()];
            hashes[index] = db.prefetch_inside(number, words);
        }
    }
    for (object, hash) in objects.into_iter().zip(hashes) {
        if let (Some(number), Some(hash)) = (object, hash) {
            db.prefetch_element(number, hash);
        }
    }
}

impl<'a> Ctx<'a> {
    /// Remembers what was seen of the command `argv`, which is the context's.
    #[inline]
    pub fn remember(&mut self, sight: Sight, argv: Argv<'a>) {
        let key = || argv.get(self.entry.first_key?.get());
        self.ahead = sight.hash.and_then(|hash| Some((key()?, hash)));
    }

    /// Runs `each` on the words of `argv`, `step` at a time, of which the first is a key. The keys are
    /// looked ahead for, a few at a time, as those of several commands are.
    pub fn each_key(
        &mut self,
        argv: Argv<'a>,
        step: usize,
        mut each: impl FnMut(&mut Self, &'a [u8], Argv<'a>),
    ) {
        let mut rest = argv;
        while !rest.is_empty() {
            let count = rest.len().min(LOOKED_AHEAD_MAX * step);
            let some = rest.first(count).unwrap_or(rest);
            let mut hashes = [0; LOOKED_AHEAD_MAX];
            for (hash, key) in hashes.iter_mut().zip(some.iter().step_by(step)) {
                *hash = self.shard.hash(key);
            }
            let db = self.shard.db(self.session.db);
            let known = &hashes[..count.div_ceil(step)];
            if db.is_far() && known.len() > 1 {
                known.iter().for_each(|&hash| db.prefetch_place(hash));
                let guesses = known.iter().filter_map(|&hash| db.guess(hash));
                guesses.for_each(|guess| db.prefetch_entry(guess));
            }
            for (index, (key, hash)) in some.iter().step_by(step).zip(hashes).enumerate() {
                self.ahead = Some((key, hash));
                each(self, key, some.from(index * step + 1));
            }
            rest = rest.from(count);
        }
    }
}
