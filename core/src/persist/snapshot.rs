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

use super::rdb::{Cutting, Facts, Usage, Writer, has_field_expiry};
use crate::base::Map;
use crate::store::db::Found;
use crate::store::walk::Kept as Unchanged;
use crate::store::walk::{Head, Keeper, Large, LargeValue, Live, WalkId};
use crate::store::{Db, Shard, Value};

/// Keys that are looked at before looking whether a slice is large enough.
const KEYS_AT_ONCE: usize = 32;
/// Bytes that count as much as a key, so that large ones make a slice no longer.
const BYTES_PER_KEY: usize = 48;
/// Keys of which marks are taken away at once.
const CLEARED_PER_STEP: usize = 1024;

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
    writer: Writer,
    db: Option<usize>,
}

impl Snapshot {
    /// Begins a snapshot of what `shard` and `libraries` hold now. No other may be under way, and
    /// [`Snapshot::is_clear`] must hold. Costs O(libraries).
    pub fn begin(
        shard: &mut Shard,
        libraries: &[Box<[u8]>],
        facts: Facts<'_>,
        usage: UsageOf,
    ) -> Self {
        let facts = Facts { has_field_expiry: has_field_expiry(&shard.dbs), ..facts };
        let mut writer = Writer::new(facts);
        libraries.iter().for_each(|code| writer.library(code));
        let kept = Rc::new(RefCell::new(Kept {
            writer: Output { writer, db: None },
            beside: Output { writer: Writer::bare(facts.compress), db: None },
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
            match self.go_on(shard) {
                Progress::Going => {}
                end => return end,
            }
        }
        Progress::Going
    }

    fn go_on(&mut self, shard: &mut Shard) -> Progress {
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
        let is_left = walked.map(|db| db.walk_some(KEYS_AT_ONCE)).is_some();
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
        std::mem::replace(&mut kept.writer.writer, Writer::bare(false)).finish()
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
        let (Large { head, mut value }, cutting) = match self.cut.take() {
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
                        self.cut_piece(&head, Some(live), cutting, value, Some(kept))
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
                self.writer.writer.begin_large(head, value.view(), live, usage)
            }
        };
        let is_done = self.writer.writer.cut(&mut cutting, value, kept)?;
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

impl Keeper for Kept {
    fn keep(&mut self, db: usize, key: &[u8], found: Found<'_>) {
        let output = if self.cut.is_some() { &mut self.beside } else { &mut self.writer };
        output.select(db, &self.sizes);
        let usage = (self.usage)(found.access);
        output.writer.entry(key, found.value, found.expires_ms, usage);
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
