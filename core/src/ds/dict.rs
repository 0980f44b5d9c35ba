//! Dictionaries: byte strings under byte strings, for hashes and sets too big for a listpack.
//!
//! A [`Dict`] is a [`HashTable`] with entries of this layout:
//!
//! ```text
//! head 1 | key length 1.. | key | expiry 8, if the head says so | value
//! ```
//!
//! The value is a number in 1, 2, 4 or 8 bytes if the string is exactly its digits, or the string
//! itself, of any length; a member of a set has the empty one, which takes no bytes. Together with
//! its share of the table, a key of 14 bytes takes 26, and with a value of 8 bytes 34. An entry can
//! have an expiry, which is only stored: what is due is handed out by [`Dict::take_due`], and until
//! then it is there.

use super::cells::PAD_BYTES_MAX;
use super::compact::{int_width, length_width, read_int, read_length, write_length};
use super::hashtable::{HashKey, HashTable, Layout, Spot, WalkId};
use super::listpack::Element;
use crate::base::rng::Rng;

const IS_STRING: u8 = 0b1;
const EXPIRES: u8 = 0b10;
const PAD_SHIFT: u32 = 4;

/// Byte strings under byte strings.
#[derive(Clone)]
pub struct Dict(HashTable<Pairs>);

/// An entry of a [`Dict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: Element<'a>,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

impl std::fmt::Debug for Dict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dict").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Looking.
impl Dict {
    /// An empty dictionary whose hash function has this secret key.
    pub fn new(hash_key: HashKey) -> Self {
        Self(HashTable::new(hash_key))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many entries there are places for.
    pub fn slot_count(&self) -> usize {
        self.0.slot_count()
    }

    /// Number of entries that expire.
    pub fn expiring_len(&self) -> usize {
        self.0.expiring_len()
    }

    /// Bytes on the heap. Costs O(1).
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// The entry of `key`.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<Pair<'_>> {
        self.0.find(key).map(|spot| self.pair_at(spot))
    }

    /// Asks for the memory in which a search for `key` begins; see [`HashTable::prefetch_key`].
    pub fn prefetch_key(&self, key: &[u8]) -> Option<u64> {
        self.0.prefetch_key(key)
    }

    /// Asks for the memory of the entry that probably has this hash.
    pub fn prefetch_hashed(&self, hash: u64) {
        self.0.prefetch_hashed(hash);
    }

    /// Whether there is an entry of `key`.
    #[inline]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.0.find(key).is_some()
    }

    /// Some entry, each about as likely as any other.
    pub fn random(&self, rng: &mut Rng) -> Option<Pair<'_>> {
        self.0.sample(rng).map(read)
    }

    /// Shows `visit` about `count` entries from `cursor` on; see [`HashTable::scan`].
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Pair<'_>)) -> u64 {
        self.0.scan(cursor, count, |cell| visit(read(cell)))
    }

    /// Shows `visit` every entry, in no order that means anything. Costs O(entries).
    pub fn each<'a>(&'a self, mut visit: impl FnMut(Pair<'a>)) {
        self.0.each(|cell| visit(read(cell)));
    }

    /// A time before which no entry expires; see [`HashTable::next_due_ms`].
    pub fn next_due_ms(&self) -> Option<i64> {
        self.0.next_due_ms()
    }

    fn pair_at(&self, spot: Spot) -> Pair<'_> {
        read(self.0.cell(spot))
    }
}

/// Changing.
impl Dict {
    /// Stores `value` under `key` with this expiry, in the place of what was there. Returns whether
    /// the key is new.
    pub fn insert(&mut self, key: &[u8], value: &[u8], expires_ms: Option<i64>) -> bool {
        let hash = self.0.hash(key);
        let spot = self.0.find_hashed(hash, key);
        self.put(hash, spot, Pair { key, value: Element::of(value), expires_ms });
        spot.is_none()
    }

    /// Removes the entry of `key`; returns whether there was one.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let hash = self.0.hash(key);
        let Some(spot) = self.0.find_hashed(hash, key) else { return false };
        self.0.take_out(spot);
        self.0.tidy(hash);
        true
    }

    /// Sets or takes away the expiry of `key`; false if there is no such key.
    pub fn set_expiry(&mut self, key: &[u8], expires_ms: Option<i64>) -> bool {
        let hash = self.0.hash(key);
        let Some(spot) = self.0.find_hashed(hash, key) else { return false };
        let old = self.pair_at(spot);
        match (old.expires_ms, expires_ms) {
            (None, None) => {}
            (Some(_), Some(at_ms)) => {
                let at = expiry_at(self.0.cell(spot));
                self.0.cell_mut(spot)[at..at + 8].copy_from_slice(&at_ms.to_le_bytes());
                self.0.expiry_moved(spot, at_ms);
            }
            (None, Some(_)) | (Some(_), None) => {
                let copy;
                let value = match old.value {
                    Element::Int(number) => Element::Int(number),
                    Element::Bytes(bytes) => {
                        copy = bytes.to_vec();
                        Element::Bytes(&copy)
                    }
                };
                self.put(hash, Some(spot), Pair { key, value, expires_ms });
            }
        }
        true
    }

    /// Removes entries whose expiry is before `now_ms`, `max` at most, and hands each key to
    /// `removed`. Returns how many there were. Costs O(`max`).
    pub fn take_due(&mut self, now_ms: i64, max: usize, mut removed: impl FnMut(&[u8])) -> usize {
        self.0.take_due(now_ms, max, |cell| removed(Pairs::key(cell)))
    }

    /// Frees up to about `max` entries of a dictionary that nobody will look into any more; see
    /// [`HashTable::free_some`].
    pub fn free_some(&mut self, max: usize) -> usize {
        self.0.free_some(max)
    }

    /// Begins to walk along the dictionary as it is now; see [`HashTable::begin_walk`].
    pub fn begin_walk(&mut self, id: WalkId) {
        self.0.begin_walk(id);
    }

    /// The number of the walk that is under way.
    pub fn walk_id(&self) -> Option<WalkId> {
        self.0.walk_id()
    }

    /// Ends the walk early.
    pub fn end_walk(&mut self) {
        self.0.end_walk();
    }

    /// Shows `visit` about `count` entries more; see [`HashTable::walk_some`].
    pub fn walk_some(&mut self, count: usize, mut visit: impl FnMut(Pair<'_>)) -> bool {
        self.0.walk_some(count, |cell| visit(read(cell)))
    }

    fn put(&mut self, hash: u64, spot: Option<Spot>, pair: Pair<'_>) {
        let size = size_of_entry(pair);
        self.0.put(hash, spot, size, |cell| write(pair, cell, cell.len() - size));
    }
}

/// The layout of entries.
struct Pairs;

impl Layout for Pairs {
    #[inline]
    fn key(cell: &[u8]) -> &[u8] {
        let (start, end) = key_span(cell);
        &cell[start..end]
    }

    #[inline]
    fn expires_ms(cell: &[u8]) -> Option<i64> {
        if cell[0] & EXPIRES == 0 {
            return None;
        }
        cell[expiry_at(cell)..].first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
    }
}

/// Where the key begins and ends.
#[inline]
fn key_span(cell: &[u8]) -> (usize, usize) {
    let first = cell[1];
    let (length, width) =
        if first < 0x80 { (usize::from(first), 1) } else { read_length(&cell[1..]) };
    (1 + width, 1 + width + length)
}

fn expiry_at(cell: &[u8]) -> usize {
    key_span(cell).1
}

#[inline]
fn read(cell: &[u8]) -> Pair<'_> {
    let (start, end) = key_span(cell);
    let expires_ms = Pairs::expires_ms(cell);
    let value_start = if expires_ms.is_some() { end + 8 } else { end };
    let value = &cell[value_start..cell.len() - usize::from(cell[0] >> PAD_SHIFT)];
    let value = if cell[0] & IS_STRING == 0 {
        Element::Int(read_int(value))
    } else {
        Element::Bytes(value)
    };
    Pair { key: &cell[start..end], value, expires_ms }
}

/// How many bytes an entry takes.
fn size_of_entry(pair: Pair<'_>) -> usize {
    let value = match pair.value {
        Element::Int(number) => int_width(number),
        Element::Bytes(bytes) => bytes.len(),
    };
    let expiry = if pair.expires_ms.is_some() { 8 } else { 0 };
    1 + length_width(pair.key.len()) + pair.key.len() + expiry + value
}

/// Writes an entry into `cell`, which is `pad` bytes larger.
fn write(pair: Pair<'_>, cell: &mut [u8], pad: usize) {
    assert!(pad <= PAD_BYTES_MAX);
    let int_bytes;
    let (form, value) = match pair.value {
        Element::Int(number) => {
            int_bytes = number.to_le_bytes();
            (0, &int_bytes[..int_width(number)])
        }
        Element::Bytes(bytes) => (IS_STRING, bytes),
    };
    let expires = if pair.expires_ms.is_some() { EXPIRES } else { 0 };
    cell[0] = form | expires | (pad as u8) << PAD_SHIFT;
    let mut at = 1 + write_length(&mut cell[1..], pair.key.len());
    let mut put = |bytes: &[u8]| {
        cell[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(pair.key);
    if let Some(at_ms) = pair.expires_ms {
        put(&at_ms.to_le_bytes());
    }
    put(value);
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::base::rng::Seed;

    fn of_numbers(count: u32, value: impl Fn(u32) -> Vec<u8>) -> Dict {
        let mut dict = Dict::new([1, 2]);
        for number in 0..count {
            dict.insert(format!("field:{number:08}").as_bytes(), &value(number), None);
        }
        dict
    }

    #[test]
    fn it_behaves_like_a_map() {
        let mut rng = Rng::new(Seed::of(5));
        let mut dict = Dict::new([3, 4]);
        let mut model: BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)> = BTreeMap::new();
        let steps = if cfg!(miri) { 500 } else { 40_000 };
        for step in 0..steps {
            let key = rng.below(3000).to_string().into_bytes();
            let value = match rng.below(5) {
                0 => Vec::new(),
                1 => ((rng.next_u64() >> rng.below(64)) as i64).to_string().into_bytes(),
                2 => vec![b'v'; rng.below(600) as usize],
                _ => vec![b'v'; rng.below(20) as usize],
            };
            let expires_ms = (rng.below(3) == 0).then(|| rng.below(1 << 20) as i64);
            match rng.below(10) {
                0..=4 => {
                    let is_new = dict.insert(&key, &value, expires_ms);
                    assert_eq!(is_new, model.insert(key, (value, expires_ms)).is_none());
                }
                5 | 6 => assert_eq!(dict.remove(&key), model.remove(&key).is_some()),
                7 | 8 => {
                    assert_eq!(dict.set_expiry(&key, expires_ms), model.contains_key(&key));
                    model.entry(key).and_modify(|held| held.1 = expires_ms);
                }
                _ => {
                    let found = dict.get(&key).map(|pair| (pair.value.to_vec(), pair.expires_ms));
                    assert_eq!(found.as_ref(), model.get(&key));
                }
            }
            if step % 4096 == 0 {
                dict.0.check();
                let now_ms = rng.below(1 << 20) as i64;
                let max = rng.below(200) as usize;
                let taken = dict.take_due(now_ms, max, |key| {
                    let (_, expires_ms) = model.remove(key).unwrap();
                    assert!(expires_ms.unwrap() < now_ms);
                });
                assert!(taken <= max);
            }
        }
        dict.0.check();
        let mut seen = BTreeMap::new();
        dict.clone().each(|pair| {
            seen.insert(pair.key.to_vec(), (pair.value.to_vec(), pair.expires_ms));
        });
        assert_eq!(seen, model);
        let expiring = model.values().filter(|held| held.1.is_some()).count();
        assert_eq!((dict.len(), dict.expiring_len()), (model.len(), expiring));
    }

    #[test]
    fn a_scan_shows_all_and_a_draw_finds_all() {
        let dict = of_numbers(500, |_| Vec::new());
        let (mut shown, mut cursor) = (BTreeSet::new(), 0);
        loop {
            cursor = dict.scan(cursor, 10, |pair| {
                shown.insert(pair.key.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(shown.len(), 500);
        let mut rng = Rng::new(Seed::of(9));
        let mut drawn = BTreeSet::new();
        for _ in 0..8000 {
            drawn.insert(dict.random(&mut rng).unwrap().key.to_vec());
        }
        assert_eq!(drawn.len(), 500);
    }

    #[test]
    fn entries_are_small() {
        if cfg!(miri) {
            return;
        }
        for count in [50_000, 63_000, 79_000, 99_000] {
            let hash = of_numbers(count, |number| format!("v{number:07}").into_bytes());
            let set = of_numbers(count, |_| Vec::new());
            let [hash, set] = [hash, set].map(|dict| dict.heap_bytes() as f64 / f64::from(count));
            assert!(hash <= 36.0, "{hash} bytes with a value of eight bytes");
            assert!(set <= 28.0, "{set} bytes without a value");
        }
    }

    #[test]
    fn all_of_it_is_freed_in_slices() {
        let mut dict = of_numbers(20_000, |_| vec![b'v'; 600]);
        let mut slices = 0;
        while dict.free_some(1000) >= 1000 {
            slices += 1;
        }
        assert!((10..1000).contains(&slices), "{slices}");
        assert_eq!(dict.free_some(1000), 0);
    }
}
