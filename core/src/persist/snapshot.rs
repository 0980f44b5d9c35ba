//! A snapshot that is made in slices, of data that changes meanwhile.
//!
//! It holds what was there when it [began](Snapshot::begin). From then on databases hand over every
//! entry before it changes (see [`walk`](crate::store::walk)), and [`Snapshot::step`] goes along the
//! rest, a bounded number of entries at a time. Whatever comes is written at once, in the order in
//! which it comes: in a file of this format, entries of different databases may follow each other
//! as they like, each time with the number of the database before them.
//!
//! Only a large value cannot be interrupted by others, since its parts follow each other in the
//! file. What is handed over while one is being cut is written beside, and put behind it.
//!
//! The bytes are taken away by whoever owns the snapshot, who decides how fast it goes on.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::aof::dataset::Commands;
use super::pieces::{Cutting, Piece};
use super::rdb::{Facts, Usage, Writer};
use crate::base::Map;
use crate::store::db::Found;
use crate::store::walk::Kept as Unchanged;
use crate::store::walk::{Head, Keeper, Large, LargeValue, Live, WalkId};
use crate::store::{Db, Shard, Value, ValueRef};

/// Keys that are looked at before looking whether a slice is large enough.
const KEYS_AT_ONCE: usize = 32;
/// Bytes that count as much as a key, so that large ones make a slice no longer.
const BYTES_PER_KEY: usize = 48;
/// Keys of which marks are taken away at once.
const CLEARED_PER_STEP: usize = 1024;

/// In which form a snapshot is written.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// As a snapshot of this head.
    Rdb(Facts<'a>),
    /// As commands, with a time stamp before them, in seconds since 1970, if there is to be one.
    Commands(Option<i64>),
}

/// How a key's access bits are written.
pub type UsageOf = Box<dyn Fn(u32) -> Usage>;

/// A snapshot that is being made.
pub struct Snapshot(Rc<RefCell<Kept>>);

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to write.
    Going,
    /// Everything is written.
    Done,
    /// A value was lost that should have been written: the program is wrong, and so would the file
    /// be.
    Lost,
}

struct Kept {
    writer: Output,
    /// What came while a large value was being cut.
    beside: Output,
    usage: UsageOf,
    /// The databases of the beginning: keys, and how many of them expire.
    sizes: Vec<(usize, usize)>,
    larges: VecDeque<Large>,
    cut: Option<(Large, Cutting)>,
    /// Live values that no database holds any more.
    taken: Map<WalkId, Value>,
    /// Databases that were emptied.
    dbs: Vec<Db>,
    last_id: WalkId,
    keys: u64,
}

/// A writer, and the database that it was told last.
struct Output {
    writer: Target,
    db: Option<usize>,
}

enum Target {
    Rdb(Writer),
    Commands(Commands),
}

impl Snapshot {
    /// Begins a snapshot of what `shard` and `libraries` hold now. No other may be under way, and
    /// [`Snapshot::is_clear`] must hold. Costs O(libraries).
    pub fn begin(
        shard: &mut Shard,
        libraries: &[Box<[u8]>],
        form: Form<'_>,
        usage: UsageOf,
    ) -> Self {
        let (mut writer, beside) = match form {
            Form::Rdb(facts) => {
                (Target::Rdb(Writer::new(facts)), Target::Rdb(Writer::bare(facts.compress)))
            }
            Form::Commands(stamp_s) => {
                (Target::Commands(Commands::new(stamp_s)), Target::Commands(Commands::default()))
            }
        };
        libraries.iter().for_each(|code| writer.library(code));
        let kept = Rc::new(RefCell::new(Kept {
            writer: Output { writer, db: None },
            beside: Output { writer: beside, db: None },
            usage,
            sizes: shard.dbs.iter().map(|db| (db.len(), db.expiring_len())).collect(),
            larges: VecDeque::new(),
            cut: None,
            taken: Map::default(),
            dbs: Vec::new(),
            last_id: 0,
            keys: 0,
        }));
        for (index, db) in shard.dbs.iter_mut().enumerate() {
            db.begin_walk(index, kept.clone());
        }
        Self(kept)
    }

    /// Whether a snapshot can begin: no other is under way, and nothing is left of one that was given
    /// up. If something is, takes a slice of it away.
    pub fn is_clear(shard: &mut Shard) -> bool {
        if shard.dbs.iter().any(Db::has_keeper) {
            return false;
        }
        let walked = shard.dbs.iter_mut().find(|db| db.is_walked());
        walked.is_none_or(|db| {
            db.walk_some(CLEARED_PER_STEP);
            false
        })
    }

    /// Writes about `keys` keys more, or so much of large values as takes no longer.
    pub fn step(&mut self, shard: &mut Shard, keys: usize) -> Progress {
        let (start_bytes, start_keys) = (self.len(), self.keys());
        let mut turns = 0;
        while turns < keys
            && self.keys() < start_keys + keys as u64
            && self.len() < start_bytes + keys * BYTES_PER_KEY
        {
            turns += 1;
            match self.go_on(shard, keys.min(KEYS_AT_ONCE)) {
                Progress::Going => {}
                end => return end,
            }
        }
        Progress::Going
    }

    fn go_on(&mut self, shard: &mut Shard, keys: usize) -> Progress {
        let mut emptied = {
            let kept = &mut *self.0.borrow_mut();
            if kept.cut.is_some() || !kept.larges.is_empty() {
                let is_lost = kept.cut_some(shard).is_none();
                return if is_lost { Progress::Lost } else { Progress::Going };
            }
            std::mem::take(&mut kept.dbs)
        };
        // What the database hands over comes back to `kept`, which must not be in use now.
        let walked = shard.dbs.iter_mut().chain(&mut emptied).find(|db| db.is_walked());
        let is_left = walked.map(|db| db.walk_some(keys)).is_some();
        let mut kept = self.0.borrow_mut();
        kept.dbs = emptied;
        if is_left || !kept.larges.is_empty() { Progress::Going } else { Progress::Done }
    }

    /// How many bytes have not been taken yet.
    pub fn len(&self) -> usize {
        let kept = self.0.borrow();
        kept.writer.writer.len() + kept.beside.writer.len()
    }

    /// Whether all bytes have been taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many keys are written.
    pub fn keys(&self) -> u64 {
        self.0.borrow().keys
    }

    /// How many keys there were at the beginning.
    pub fn keys_total(&self) -> u64 {
        self.0.borrow().sizes.iter().map(|&(keys, _)| keys as u64).sum()
    }

    /// How many bytes [`Snapshot::take`] would return.
    pub fn ready_len(&self) -> usize {
        self.0.borrow().writer.writer.len()
    }

    /// Takes the bytes that can be put behind those taken before.
    pub fn take(&mut self) -> Vec<u8> {
        self.0.borrow_mut().writer.writer.take()
    }

    /// Ends a snapshot of which everything is [written](Progress::Done); returns the last bytes.
    pub fn finish(self, shard: &mut Shard) -> Vec<u8> {
        shard.dbs.iter_mut().for_each(Db::end_walk);
        let mut kept = self.0.borrow_mut();
        kept.bury(shard);
        let writer = Target::Commands(Commands::default());
        std::mem::replace(&mut kept.writer.writer, writer).finish()
    }

    /// Gives the snapshot up. Another can begin once [`Snapshot::is_clear`] holds.
    pub fn give_up(self, shard: &mut Shard) {
        shard.dbs.iter_mut().for_each(Db::give_up_walk);
        self.0.borrow_mut().bury(shard);
    }
}

impl Kept {
    /// Writes a piece of a large value; `None` if it is gone.
    fn cut_some(&mut self, shard: &mut Shard) -> Option<()> {
        let (Large { head, mut value }, mut cutting) = match self.cut.take() {
            Some((large, cutting)) => (large, Some(cutting)),
            None => (self.larges.pop_front()?, None),
        };
        let (is_done, cutting) = match &mut value {
            LargeValue::Copy(value) => self.cut_piece(&head, None, cutting, value, None)?,
            LargeValue::Live(live) => {
                let live = *live;
                if let Some(mut value) = self.taken.remove(&live.id) {
                    let result = self.cut_piece(&head, Some(live), cutting, &mut value, None);
                    self.taken.insert(live.id, value);
                    result?
                } else {
                    let mut emptied = std::mem::take(&mut self.dbs);
                    let mut dbs = shard.dbs.iter_mut().chain(&mut emptied);
                    let mut work = |value: &mut Value, kept: &Unchanged| {
                        self.cut_piece(&head, Some(live), cutting.take(), value, Some(kept))
                    };
                    let result = dbs.find_map(|db| db.with_live(live.id, &mut work));
                    self.dbs = emptied;
                    result??
                }
            }
        };
        if !is_done {
            self.cut = Some((Large { head, value }, cutting));
            return Some(());
        }
        self.keys += 1;
        if self.beside.db.take().is_some() {
            self.writer.db = None;
            self.writer.writer.append(&mut self.beside.writer);
        }
        match value {
            LargeValue::Copy(value) => bury(shard, value),
            LargeValue::Live(live) => {
                for db in shard.dbs.iter_mut().chain(&mut self.dbs) {
                    db.forget_live(live.id);
                }
                if let Some(value) = self.taken.remove(&live.id) {
                    bury(shard, value);
                }
            }
        }
        Some(())
    }

    fn cut_piece(
        &mut self,
        head: &Head,
        live: Option<Live>,
        cutting: Option<Cutting>,
        value: &mut Value,
        kept: Option<&Unchanged>,
    ) -> Option<(bool, Cutting)> {
        let mut cutting = match cutting {
            Some(cutting) => cutting,
            None => {
                self.writer.select(head.db, &self.sizes);
                let usage = (self.usage)(head.access);
                let cutting = Cutting::begin(value.view(), live);
                self.writer.writer.begin_large(head, value.view(), &cutting, usage);
                cutting
            }
        };
        let is_done = self.writer.writer.cut(head, &mut cutting, value, kept)?;
        Some((is_done, cutting))
    }

    /// Lets go of all that only the snapshot has kept.
    fn bury(&mut self, shard: &mut Shard) {
        let copies = self.larges.drain(..).chain(self.cut.take().map(|(large, _)| large));
        for large in copies {
            if let LargeValue::Copy(value) = large.value {
                bury(shard, value);
            }
        }
        for value in std::mem::take(&mut self.taken).into_values() {
            bury(shard, value);
        }
        for db in self.dbs.drain(..) {
            if let Some(first) = shard.dbs.first_mut() {
                first.bury(db);
            }
        }
    }
}

impl Output {
    fn select(&mut self, db: usize, sizes: &[(usize, usize)]) {
        if self.db != Some(db) {
            let (keys, expiring) = sizes.get(db).copied().unwrap_or_default();
            self.writer.database(db, keys, expiring);
            self.db = Some(db);
        }
    }
}

impl Target {
    fn library(&mut self, code: &[u8]) {
        match self {
            Self::Rdb(writer) => writer.library(code),
            Self::Commands(commands) => commands.library(code),
        }
    }

    fn database(&mut self, db: usize, keys: usize, expiring: usize) {
        match self {
            Self::Rdb(writer) => writer.database(db, keys, expiring),
            Self::Commands(commands) => commands.database(db),
        }
    }

    fn entry(&mut self, key: &[u8], found: Found<'_>, usage: Usage) {
        match self {
            Self::Rdb(writer) => writer.entry(key, found.value, found.expires_ms, usage),
            Self::Commands(commands) => commands.entry(key, found.value, found.expires_ms),
        }
    }

    fn begin_large(&mut self, head: &Head, value: ValueRef<'_>, cutting: &Cutting, usage: Usage) {
        match self {
            Self::Rdb(writer) => writer.begin_large(head, value, cutting, usage),
            Self::Commands(commands) => commands.begin_large(head, cutting),
        }
    }

    /// Writes the next piece of `value`; returns whether it was the last, and `None` if it is gone.
    fn cut(
        &mut self,
        head: &Head,
        cutting: &mut Cutting,
        value: &mut Value,
        kept: Option<&Unchanged>,
    ) -> Option<bool> {
        match self {
            Self::Rdb(writer) => {
                let first_ms = match cutting {
                    Cutting::Expiring(_, first_ms) => Some(*first_ms),
                    _ => None,
                };
                cutting.cut(value, kept, &mut |piece| writer.piece(piece, first_ms))
            }
            Self::Commands(commands) => {
                let put = &mut |piece: Piece<'_>| commands.piece(&head.key, piece);
                let is_done = cutting.cut(value, kept, put)?;
                if is_done {
                    commands.end_large(head, value.view(), cutting);
                }
                Some(is_done)
            }
        }
    }

    /// Adds what `other`, which has the same form, has written.
    fn append(&mut self, other: &mut Self) {
        match (self, other) {
            (Self::Rdb(writer), Self::Rdb(other)) => writer.append(other),
            (Self::Commands(commands), Self::Commands(other)) => commands.append(other),
            (Self::Rdb(_), Self::Commands(_)) | (Self::Commands(_), Self::Rdb(_)) => {}
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Rdb(writer) => writer.len(),
            Self::Commands(commands) => commands.len(),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Rdb(writer) => writer.take(),
            Self::Commands(commands) => commands.take(),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Rdb(writer) => writer.finish(),
            Self::Commands(mut commands) => commands.take(),
        }
    }
}

impl Keeper for Kept {
    fn keep(&mut self, db: usize, key: &[u8], found: Found<'_>) {
        let output = if self.cut.is_some() { &mut self.beside } else { &mut self.writer };
        output.select(db, &self.sizes);
        let usage = (self.usage)(found.access);
        output.writer.entry(key, found, usage);
        self.keys += 1;
    }

    fn keep_large(&mut self, large: Large) {
        self.larges.push_back(large);
    }

    fn next_id(&mut self) -> WalkId {
        self.last_id += 1;
        self.last_id
    }

    fn take_over(&mut self, id: WalkId, value: Value) {
        self.taken.insert(id, value);
    }

    fn take_over_db(&mut self, db: Db) {
        self.dbs.push(db);
    }
}

/// Frees `value` when there is time.
fn bury(shard: &mut Shard, value: Value) {
    if let Some(db) = shard.dbs.first_mut() {
        db.bury_value(value);
    }
}
