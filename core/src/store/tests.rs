//! The database against a model of it: an ordered map of plain values.

use std::collections::{BTreeMap, BTreeSet};

use super::db::Found;
use super::{Db, Value, ValueMut, ValueRef};
use crate::base::rng::{Rng, Seed};
use crate::ds::hash::{Expiry, Limits};
use crate::ds::quicklist::{self, Side};
use crate::ds::{Hash, QuickList};

/// What the model holds under a key: the string (or the list's elements), whether it was built up
/// in place, the expiry, the access bits.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    content: Content,
    expires_ms: Option<i64>,
    access: u32,
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Int(i64),
    Str(Vec<u8>, bool),
    List(usize),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
}

const HASH: Limits = Limits { entries: 40, value: 64, hash_key: [1, 2] };

fn seen(found: Found<'_>) -> Held {
    let content = match found.value {
        ValueRef::Int(number) => Content::Int(number),
        ValueRef::Str { bytes, raw } => Content::Str(bytes.to_vec(), raw),
        ValueRef::List(list) => Content::List(list.len()),
        ValueRef::Hash(hash) => {
            let mut fields = BTreeMap::new();
            hash.each(|field| drop(fields.insert(field.name.to_vec(), field.value.to_vec())));
            Content::Hash(fields)
        }
        #[allow(unreachable_patterns, reason = "types that are added have tests of their own")]
        _ => unreachable!(),
    };
    Held { content, expires_ms: found.expires_ms, access: found.access }
}

fn content(value: &Value) -> Content {
    seen(Found { value: value.view(), expires_ms: None, access: 0 }).content
}

fn list(len: usize) -> Value {
    let mut list = QuickList::default();
    for _ in 0..len {
        list.push(Side::Right, b"element", quicklist::Limits::default());
    }
    Value::List(Box::new(list))
}

type Model = BTreeMap<Vec<u8>, Held>;

struct Pair {
    rng: Rng,
    db: Db,
    model: Model,
    keys: u64,
    now_ms: i64,
}

impl Pair {
    fn new(seed: u64, keys: u64) -> Self {
        let mut rng = Rng::new(Seed::of(seed));
        let db = Db::new([rng.next_u64(), rng.next_u64()]);
        Self { rng, db, model: Model::new(), keys, now_ms: 0 }
    }

    fn key(&mut self) -> Vec<u8> {
        let number = self.rng.below(self.keys);
        let mut key = format!("key:{number}").into_bytes();
        if number.is_multiple_of(50) {
            key.resize(300, b'.');
        }
        key
    }

    fn expiry(&mut self) -> Option<i64> {
        let at_ms = self.now_ms + self.rng.below(1000) as i64;
        [None, Some(at_ms), Some(at_ms), Some(i64::MAX)][self.rng.below(4) as usize]
    }

    fn value(&mut self) -> Value {
        let length = [0, 3, 16, 100, 128, 129, 3000][self.rng.below(7) as usize];
        let bytes = vec![b'v'; length];
        match self.rng.below(7) {
            6 => {
                let mut hash = Hash::default();
                for field in 0..=self.rng.below(50) {
                    hash.set(format!("f{field}").as_bytes(), b"value", Expiry::Clear, HASH);
                }
                Value::Hash(Box::new(hash))
            }
            0 => Value::Int(self.rng.next_u64() as i64 >> self.rng.below(64)),
            1 => Value::Raw(bytes.into()),
            2 => list(1 + self.rng.below(200) as usize),
            _ => Value::Str(bytes),
        }
    }

    fn insert(&mut self) {
        let (key, value, expires_ms) = (self.key(), self.value(), self.expiry());
        let held = Held { content: content(&value), expires_ms, access: 0 };
        let is_new = self.model.insert(key.clone(), held).is_none();
        assert_eq!(self.db.insert(&key, value, expires_ms), is_new);
    }

    fn insert_str(&mut self) {
        let (key, expires_ms) = (self.key(), self.expiry());
        let bytes = [b"12".to_vec(), b"012".to_vec(), vec![b'x'; 20], vec![b'x'; 200]]
            [self.rng.below(4) as usize]
            .clone();
        let held = Held { content: content(&Value::of(&bytes)), expires_ms, access: 0 };
        let is_new = self.model.insert(key.clone(), held).is_none();
        assert_eq!(self.db.insert_str(&key, &bytes, expires_ms), is_new);
    }

    fn remove(&mut self) -> Vec<u8> {
        let key = self.key();
        let held = self.model.remove(&key);
        if self.rng.below(2) == 0 {
            assert_eq!(self.db.delete(&key), held.is_some());
        } else {
            let removed = self.db.remove(&key).map(|(value, at_ms)| (content(&value), at_ms));
            assert_eq!(removed, held.map(|held| (held.content, held.expires_ms)));
        }
        key
    }

    fn edit(&mut self) {
        let key = self.key();
        let added = vec![b'+'; self.rng.below(100) as usize];
        let edited = self.db.edit_str(&key, |bytes| {
            bytes.extend_from_slice(&added);
            bytes.len()
        });
        let expect = self.model.get_mut(&key).and_then(|held| {
            let mut bytes = match &held.content {
                Content::Int(number) => number.to_string().into_bytes(),
                Content::Str(bytes, _) => bytes.clone(),
                Content::List(_) | Content::Hash(_) => return None,
            };
            bytes.extend_from_slice(&added);
            let length = bytes.len();
            held.content = Content::Str(bytes, true);
            Some(length)
        });
        assert_eq!(edited, expect);
    }

    /// Changes a few fields, so that hashes go from their entry into an object, and some end as tables.
    fn change_hash(&mut self) {
        let key = self.key();
        let mut fields = match self.model.get(&key) {
            Some(Held { content: Content::Hash(fields), .. }) => Some(fields.clone()),
            _ => None,
        };
        let rng = &mut self.rng;
        let changed = self.db.change_hash(&key, |hash| {
            for _ in 0..rng.below(5) {
                let name = format!("f{}", rng.below(60)).into_bytes();
                let Some(fields) = &mut fields else { continue };
                if rng.below(3) == 0 {
                    assert_eq!(hash.remove(&name), fields.remove(&name).is_some());
                } else {
                    let value = vec![b'w'; rng.below(65) as usize];
                    let is_new = hash.set(&name, &value, Expiry::Clear, HASH);
                    assert_eq!(is_new, fields.insert(name, value).is_none());
                }
            }
            hash.is_empty()
        });
        assert_eq!(changed, fields.as_ref().map(BTreeMap::is_empty));
        let (Some(held), Some(fields)) = (self.model.get_mut(&key), fields) else { return };
        if fields.is_empty() {
            self.model.remove(&key);
            assert!(self.db.delete(&key));
        } else {
            held.content = Content::Hash(fields);
        }
    }

    fn set_int(&mut self) {
        let key = self.key();
        let number = self.rng.next_u64() as i64 >> self.rng.below(64);
        let expect = match self.model.get_mut(&key) {
            Some(Held { content: Content::Int(old), .. }) => {
                *old = number;
                true
            }
            _ => false,
        };
        assert_eq!(self.db.set_int(&key, number), expect);
    }

    fn set_expiry(&mut self) {
        let (key, expires_ms) = (self.key(), self.expiry());
        let held = self.model.get_mut(&key);
        assert_eq!(self.db.set_expiry(&key, expires_ms), held.is_some());
        if let Some(held) = held {
            held.expires_ms = expires_ms;
        }
    }

    fn look(&mut self) {
        let key = self.key();
        let access = self.rng.below(1 << 24) as u32;
        self.db.set_access(&key, access);
        if let Some(held) = self.model.get_mut(&key) {
            held.access = access;
        }
        assert_eq!(self.db.get(&key).map(seen), self.model.get(&key).cloned());
        assert_eq!(self.db.memory_usage(&key).is_some(), self.model.contains_key(&key));
        assert_eq!(self.db.locate(&key).is_some(), self.model.contains_key(&key));
        let is_list = matches!(self.db.get_mut(&key), Some(ValueMut::List(_)));
        let content = self.model.get(&key).map(|held| &held.content);
        assert_eq!(is_list, matches!(content, Some(Content::List(_))));
    }

    fn expire(&mut self) {
        self.now_ms += self.rng.below(100) as i64;
        let max = self.rng.below(20) as usize;
        let mut removed = Vec::new();
        let count = self.db.take_due(self.now_ms, max, |key| removed.push(key.to_vec()));
        assert_eq!(count, removed.len());
        assert!(count <= max);
        for key in removed {
            let held = self.model.remove(&key).unwrap();
            assert!(held.expires_ms.unwrap() < self.now_ms);
        }
        if count < max && self.db.next_due_ms().is_none_or(|due| due >= self.now_ms) {
            let is_due = |held: &Held| held.expires_ms.is_some_and(|at| at < self.now_ms);
            assert!(!self.model.values().any(is_due));
        }
        let first = self.model.values().filter_map(|held| held.expires_ms).min();
        if let Some(first) = first.filter(|&first| first != i64::MAX) {
            assert!(self.db.next_due_ms().unwrap() <= first);
        }
    }

    /// What eviction asks: the first to expire, and samples.
    fn draw(&mut self) {
        let expiring = self.model.values().filter_map(|held| held.expires_ms);
        // The end of time counts as never.
        let first_ms = expiring.min().filter(|&at_ms| at_ms != i64::MAX);
        let mut found = None;
        // Where many have lost their expiry, several calls are needed.
        for _ in 0..100 {
            found = self.db.first_expiring().map(|(key, at_ms)| (key.to_vec(), at_ms));
            if found.as_ref().map(|(_, at_ms)| *at_ms) == first_ms {
                break;
            }
        }
        assert_eq!(found.as_ref().map(|(_, at_ms)| *at_ms), first_ms);
        if let Some((key, _)) = found {
            assert_eq!(self.model[&key].expires_ms, first_ms);
        }
        let count = 1 + self.rng.below(20) as usize;
        let mut drawn = Vec::new();
        self.db.sample(&mut self.rng, count, |key, access| drawn.push((key.to_vec(), access)));
        assert_eq!(drawn.is_empty(), self.model.is_empty());
        assert!(drawn.len() <= count);
        for (key, access) in &drawn {
            assert_eq!(self.model[key].access, *access);
        }
        let mut timed = Vec::new();
        let visit = |key: &[u8], access| timed.push((key.to_vec(), access));
        self.db.sample_expiring(&mut self.rng, count, visit);
        assert!(timed.len() <= count);
        for (key, access) in timed {
            assert!(self.model[&key].expires_ms.is_some() && self.model[&key].access == access);
        }
        drawn.sort();
        let len = drawn.len();
        drawn.dedup();
        assert_eq!(drawn.len(), len, "no key twice");
    }

    fn step(&mut self, inserts: u64) {
        match self.rng.below(100) {
            dice if dice < inserts / 2 => self.insert(),
            dice if dice < inserts => self.insert_str(),
            dice if dice < 70 => drop(self.remove()),
            dice if dice < 73 => self.edit(),
            dice if dice < 76 => self.change_hash(),
            dice if dice < 82 => self.set_int(),
            dice if dice < 88 => self.set_expiry(),
            dice if dice < 91 => self.expire(),
            dice if dice < 94 => self.draw(),
            // Whatever is expected, what is there is right.
            94 => self.db.expect(self.rng.below(2 * self.keys) as usize),
            _ => self.look(),
        }
        self.db.free_some(10);
    }

    fn check(&self) {
        self.db.check();
        let mut all = Model::new();
        self.db.each(|key, found| assert!(all.insert(key.to_vec(), seen(found)).is_none()));
        assert_eq!(all, self.model);
        assert_eq!(self.db.len(), self.model.len());
    }
}

#[test]
fn a_database_is_a_map() {
    let (keys, steps) = if cfg!(miri) { (40, 300) } else { (3000, 20_000) };
    for seed in 0..3 {
        let mut pair = Pair::new(seed, keys);
        // It grows, shrinks and grows again.
        for inserts in [60, 20, 5, 60] {
            for _ in 0..steps / 4 {
                pair.step(inserts);
            }
            pair.check();
        }
        let old = pair.db.take();
        assert_eq!((old.len(), pair.db.len()), (pair.model.len(), 0));
        pair.model.clear();
        for _ in 0..100 {
            pair.step(60);
        }
        pair.check();
    }
}

/// A database of `count` keys of 16 bytes with values of 16.
fn filled(count: u64, expires_ms: Option<i64>) -> Db {
    let mut db = Db::new([1, 2]);
    for number in 0..count {
        db.insert_str(format!("key:{number:012}").as_bytes(), b"value:0123456789", expires_ms);
    }
    db
}

#[test]
fn scan_shows_what_stays() {
    let (keys, runs) = if cfg!(miri) { (30, 2) } else { (4000, 16) };
    for seed in 0..runs {
        let mut pair = Pair::new(seed, keys);
        let inserts_before = pair.rng.below(keys * 2);
        for _ in 0..inserts_before {
            pair.insert_str();
        }
        let mut stays: BTreeSet<Vec<u8>> = pair.model.keys().cloned().collect();
        let (mut shown, mut cursor, mut calls) = (BTreeSet::new(), 0, 0);
        // Some runs grow the table meanwhile, some empty it.
        let inserts = [0, 30, 70, 100][seed as usize % 4];
        loop {
            cursor = pair.db.scan(cursor, 10, |key, _| {
                shown.insert(key.to_vec());
            });
            calls += 1;
            if cursor == 0 {
                break;
            }
            for _ in 0..pair.rng.below(20) {
                if pair.rng.below(100) < inserts {
                    pair.insert_str();
                } else {
                    stays.remove(&pair.remove());
                }
            }
        }
        assert!(stays.is_subset(&shown));
        // Whole buckets are shown and none twice but for what changes, so few calls are enough.
        assert!(calls <= 100 + keys / 4, "{calls} calls");
    }
}

#[test]
fn scan_of_a_table_at_rest_shows_each_key_once() {
    let count = if cfg!(miri) { 50 } else { 5000 };
    let db = filled(count, None);
    let (mut shown, mut cursor) = (0, 0);
    loop {
        cursor = db.scan(cursor, 7, |_, _| shown += 1);
        if cursor == 0 {
            break;
        }
        assert!(cursor < 1 << 48);
    }
    assert_eq!(shown, count);
    for made_up in [u64::MAX, 1 << 48] {
        assert_eq!(db.scan(made_up, 10, |_, _| unreachable!()), 0);
    }
}

#[test]
fn memory_comes_back() {
    let count = if cfg!(miri) { 100 } else { 20_000 };
    let mut db = filled(count, Some(5));
    let full = db.heap_bytes();
    for number in 0..count {
        assert!(db.delete(format!("key:{number:012}").as_bytes()));
        if number == count - count / 20 {
            let left = db.heap_bytes();
            assert!(cfg!(miri) || left < full / 6, "{left} of {full}");
            db.check();
        }
    }
    assert!(db.is_empty());
    db.check();
    assert_eq!(db.entries().table().segment_count(), 1);
    // Nothing is left that could be due, but for a bound or two that nobody has looked at.
    assert_eq!(db.take_due(6, 10, |_| unreachable!()), 0);
    assert_eq!(db.next_due_ms(), None);
}

#[test]
fn one_call_never_does_much() {
    let count = if cfg!(miri) { 100 } else { 20_000 };
    let mut db = filled(count, Some(5));
    // All expiries are moved: what was due at 5 is due much later, and has to be found out.
    for number in 0..count {
        db.set_expiry(format!("key:{number:012}").as_bytes(), Some(1000));
    }
    let mut calls = 0;
    while db.next_due_ms().is_some_and(|due| due < 10) {
        assert_eq!(db.take_due(10, 1, |_| unreachable!()), 0);
        calls += 1;
    }
    assert!(calls <= 1 + count / 300, "{calls}");
    assert_eq!(db.next_due_ms(), Some(1000));
    // And now all are due at once.
    let (mut taken, mut calls) = (0, 0);
    while let Some(due) = db.next_due_ms() {
        assert_eq!(due, 1000);
        taken += db.take_due(1001, 100, |_| ()) as u64;
        calls += 1;
    }
    assert_eq!((taken, db.expiring_len()), (count, 0));
    assert!(calls <= 2 + count / 100, "{calls}");
    db.check();
}

#[test]
fn random_keys_are_even() {
    let (count, draws) = if cfg!(miri) { (4, 20) } else { (1000, 50_000) };
    for deleted in [0, count / 2] {
        let mut db = filled(count, None);
        for number in 0..deleted {
            db.delete(format!("key:{number:012}").as_bytes());
        }
        let mut rng = Rng::new(Seed::of(1));
        let mut drawn: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for _ in 0..draws {
            *drawn.entry(db.random_key(&mut rng).unwrap().to_vec()).or_default() += 1;
        }
        if !cfg!(miri) {
            let mean = draws / (count - deleted);
            assert_eq!(drawn.len() as u64, count - deleted);
            assert!(drawn.values().all(|&times| times > mean / 4 && times < mean * 4), "{mean}");
        }
    }
    assert_eq!(Db::new([0; 2]).random_key(&mut Rng::new(Seed::of(1))), None);
}

#[test]
fn samples_are_even() {
    let (count, draws) = if cfg!(miri) { (4, 20) } else { (1000, 10_000) };
    for expiring in [1, 10, count] {
        let mut db = filled(count, None);
        let mut rng = Rng::new(Seed::of(1));
        let timed: Vec<Vec<u8>> = (0..expiring.min(count))
            .map(|number| format!("key:{:012}", number * 7 % count).into_bytes())
            .collect();
        for key in &timed {
            db.set_expiry(key, Some(5));
        }
        let mut drawn: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for _ in 0..draws {
            db.sample_expiring(&mut rng, 5, |key, _| *drawn.entry(key.to_vec()).or_default() += 1);
        }
        assert!(drawn.keys().all(|key| timed.contains(key)));
        if !cfg!(miri) {
            let mean = drawn.values().sum::<u64>() / timed.len() as u64;
            assert_eq!(drawn.len(), timed.len());
            let most = *drawn.values().max().unwrap();
            assert!(most <= mean * 8, "{most} of {mean}");
        }
        // Who loses its expiry is found no more, and in the end nothing is looked for.
        for key in &timed {
            db.set_expiry(key, None);
        }
        for _ in 0..200 {
            db.sample_expiring(&mut rng, 64, |_, _| unreachable!("nothing expires"));
        }
        assert_eq!(db.next_due_ms(), None);
    }
}

#[test]
fn the_tide_rises_and_falls_with_the_data() {
    let mut db = Db::new([1, 2]);
    let before = db.tide_bytes();
    let bytes = |db: &Db| db.tide_bytes().wrapping_sub(before);
    db.insert_str(b"long", &[b'x'; 100_000], None);
    assert!((100_000..110_000).contains(&bytes(&db)), "{}", bytes(&db));
    db.edit_str(b"long", |bytes| bytes.resize(300_000, b'x'));
    assert!(bytes(&db) >= 300_000, "{}", bytes(&db));
    db.insert(b"list", list(100_000), None);
    assert!(bytes(&db) >= 500_000, "{}", bytes(&db));
    db.delete(b"long");
    assert!((200_000..1_000_000).contains(&bytes(&db)), "{}", bytes(&db));
    db.delete(b"list");
    assert!((200_000..1_000_000).contains(&bytes(&db)), "deleted, not freed");
    assert!(db.dead_bytes().unwrap() >= 200_000);
    while db.free_some(100) == 0 {}
    assert!(bytes(&db) < 20_000, "{}", bytes(&db));
    assert_eq!(db.dead_bytes(), Some(0));
    db.insert_str(b"key", b"value", None);
    db.clear();
    assert_eq!(db.dead_bytes(), None, "a whole database");
    while db.free_some(100) == 0 {}
    assert_eq!(db.dead_bytes(), Some(0));
}

#[test]
fn a_cleared_database_is_freed_in_slices() {
    let mut db = filled(if cfg!(miri) { 20 } else { 5000 }, None);
    db.insert(b"list", list(1000), None);
    db.insert(b"string", Value::Str(vec![0; 1000]), None);
    db.clear();
    assert!(db.is_empty() && db.has_dead());
    db.check();
    let mut slices = 0;
    while db.free_some(50) == 0 {
        slices += 1;
    }
    assert!(slices >= 20, "{slices}");
    assert!(!db.has_dead());
    db.insert(b"list", list(1000), None);
    db.insert(b"list", list(10), None);
    assert!(db.has_dead());
    assert!(db.free_some(2000) > 0);
    db.delete(b"list");
    assert!(!db.has_dead());
}

/// 16 + 16 bytes: the aim is 45 bytes an entry, and 55 with an expiry, over all sizes of a table
/// (which larger tables meet; in this one, half a chunk at the end still counts).
#[test]
#[cfg(not(miri))]
fn small_entries_take_few_bytes() {
    for (expires_ms, bytes_max) in [(None, 45.5), (Some(9), 54.5)] {
        let mut db = Db::new([1, 2]);
        let (mut sum, mut worst, mut samples) = (0.0, 0.0_f64, 0);
        for number in 0..100_000_u64 {
            let key = format!("key:{number:012}");
            db.insert_str(key.as_bytes(), b"value:0123456789", expires_ms);
            if number >= 50_000 && number.is_multiple_of(2500) {
                let each = db.heap_bytes() as f64 / db.len() as f64;
                sum += each;
                samples += 1;
                worst = worst.max(each);
                assert!(db.entries().table().load() > 0.72, "{}", db.entries().table().load());
                assert!(
                    db.entries().table().steps_mean() < 1.4,
                    "{}",
                    db.entries().table().steps_mean()
                );
            }
        }
        let mean = sum / f64::from(samples);
        println!("expiry {expires_ms:?}: mean {mean:.2}, worst {worst:.2}");
        assert!(mean < bytes_max, "{mean}");
        assert!(worst < bytes_max + 1.5, "{worst}");
    }
}

/// To say beforehand how many keys come takes no more memory than that many keys would take.
#[test]
#[cfg(not(miri))]
fn a_table_that_knows_how_many_keys_come_is_no_larger() {
    let filled = |expected: usize, keys: usize| {
        let mut db = Db::new([1, 2]);
        db.expect(expected);
        for number in 0..keys {
            db.insert_str(format!("key:{number}").as_bytes(), b"value", None);
        }
        db.check();
        assert_eq!(db.len(), keys);
        db
    };
    for keys in [1, 100, 900, 901, 5_000, 30_000, 100_000] {
        for expected in [keys, keys / 10, keys * 2] {
            let grown = filled(0, keys.max(expected)).table_bytes() as f64;
            let part = filled(expected, keys).table_bytes() as f64 / grown;
            assert!(part < 1.25, "{expected} expected, {keys} there: {part}");
        }
    }
}
