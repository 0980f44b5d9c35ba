//! Maps and sets in the order of their keys, of which the program holds few copies.
//!
//! The ordered map of the standard library is compiled anew for each type of key and value: 5 to 8 kB
//! each time, which in the page is a tenth of the program if two dozen types have one. Here the tree
//! holds the *place* of a value, a number, and the values lie in a slab; and a key is in the tree as
//! two numbers or as bytes, see [`Key`]. So there are two trees in the program. A look-up costs one
//! step more.

use std::borrow::Borrow;
use std::collections::{BTreeMap, btree_map};
use std::fmt::Debug;
use std::ops::Bound;

use slab::Slab;

/// What can be a key.
pub trait Key {
    /// What is in the tree, in the same order.
    type Stored: Borrow<Self::Part> + Clone + Debug + Ord;
    /// What a look-up compares.
    type Part: Ord + ?Sized;
    /// What is looked for.
    type Sought: ?Sized;
    /// A key that is in a tree.
    type Shown<'a>;

    /// Makes what is in the tree.
    fn stored(self) -> Self::Stored;
    /// Makes what a look-up compares.
    fn part(sought: &Self::Sought) -> impl Borrow<Self::Part>;
    /// Shows the key that is in the tree.
    fn shown(stored: &Self::Stored) -> Self::Shown<'_>;
    /// Makes the key again.
    fn restored(stored: Self::Stored) -> Self;
}

/// A key that is two numbers, or less.
pub trait Numbers: Copy {
    /// The numbers, in the same order.
    fn pair(self) -> (u64, u64);
    /// The other way round.
    fn of(pair: (u64, u64)) -> Self;
}

impl<N: Numbers> Key for N {
    type Stored = (u64, u64);
    type Part = (u64, u64);
    type Sought = N;
    type Shown<'a> = N;

    fn stored(self) -> (u64, u64) {
        self.pair()
    }

    fn part(sought: &N) -> impl Borrow<(u64, u64)> {
        sought.pair()
    }

    fn shown(stored: &(u64, u64)) -> N {
        N::of(*stored)
    }

    fn restored(stored: (u64, u64)) -> N {
        N::of(stored)
    }
}

impl Numbers for u64 {
    fn pair(self) -> (u64, u64) {
        (self, 0)
    }

    fn of(pair: (u64, u64)) -> Self {
        pair.0
    }
}

impl Numbers for (u64, u64) {
    fn pair(self) -> Self {
        self
    }

    fn of(pair: Self) -> Self {
        pair
    }
}

/// A time, which may be negative, and the number of something.
impl Numbers for (i64, u32) {
    fn pair(self) -> (u64, u64) {
        (rising(self.0), self.1.into())
    }

    fn of(pair: (u64, u64)) -> Self {
        (rising_back(pair.0), pair.1 as u32)
    }
}

/// Numbers that may be negative as ones that may not, in the same order.
fn rising(number: i64) -> u64 {
    number.cast_unsigned() ^ 1 << 63
}

fn rising_back(number: u64) -> i64 {
    (number ^ 1 << 63).cast_signed()
}

impl Key for Box<[u8]> {
    type Stored = Self;
    type Part = [u8];
    type Sought = [u8];
    type Shown<'a> = &'a [u8];

    fn stored(self) -> Self {
        self
    }

    fn part(sought: &[u8]) -> impl Borrow<[u8]> {
        sought
    }

    fn shown(stored: &Self) -> &[u8] {
        stored
    }

    fn restored(stored: Self) -> Self {
        stored
    }
}

/// A time, which may be negative, and a name.
impl Key for (i64, Box<[u8]>) {
    type Stored = Box<[u8]>;
    type Part = [u8];
    type Sought = Self;
    type Shown<'a> = (i64, &'a [u8]);

    fn stored(self) -> Box<[u8]> {
        numbered(rising(self.0), &self.1)
    }

    fn part(sought: &Self) -> impl Borrow<[u8]> {
        numbered(rising(sought.0), &sought.1)
    }

    fn shown(stored: &Box<[u8]>) -> (i64, &[u8]) {
        let (number, name) = split(stored);
        (rising_back(number), name)
    }

    fn restored(stored: Box<[u8]>) -> Self {
        let (number, name) = Self::shown(&stored);
        (number, name.into())
    }
}

/// The number of something and a name in it.
impl Key for (usize, Box<[u8]>) {
    type Stored = Box<[u8]>;
    type Part = [u8];
    type Sought = Self;
    type Shown<'a> = (usize, &'a [u8]);

    fn stored(self) -> Box<[u8]> {
        numbered(self.0 as u64, &self.1)
    }

    fn part(sought: &Self) -> impl Borrow<[u8]> {
        numbered(sought.0 as u64, &sought.1)
    }

    fn shown(stored: &Box<[u8]>) -> (usize, &[u8]) {
        let (number, name) = split(stored);
        (number as usize, name)
    }

    fn restored(stored: Box<[u8]>) -> Self {
        let (number, name) = Self::shown(&stored);
        (number, name.into())
    }
}

/// The bytes of `number` before those of `name`.
fn numbered(number: u64, name: &[u8]) -> Box<[u8]> {
    [&number.to_be_bytes(), name].concat().into()
}

fn split(stored: &[u8]) -> (u64, &[u8]) {
    let (number, name) = stored.split_first_chunk().unwrap_or((&[0; 8], stored));
    (u64::from_be_bytes(*number), name)
}

/// A map in the order of its keys. Everything costs O(log N) where nothing else is said.
#[derive(Clone, Debug)]
pub struct OrdMap<K: Key, V> {
    places: BTreeMap<K::Stored, u32>,
    values: Slab<V>,
}

/// A map by names that clients choose.
pub type NameMap<V> = OrdMap<Box<[u8]>, V>;

/// A map by numbers that are handed out one after the other.
pub type IdMap<V> = OrdMap<u64, V>;

impl<K: Key, V> Default for OrdMap<K, V> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), values: Slab::new() }
    }
}

impl<K: Key, V> OrdMap<K, V> {
    /// How many there are. O(1).
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none. O(1).
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether there is a value for `key`.
    pub fn contains_key(&self, key: &K::Sought) -> bool {
        self.places.contains_key(K::part(key).borrow())
    }

    /// The value for `key`.
    pub fn get(&self, key: &K::Sought) -> Option<&V> {
        self.at(*self.places.get(K::part(key).borrow())?)
    }

    /// The value for `key`, to change.
    pub fn get_mut(&mut self, key: &K::Sought) -> Option<&mut V> {
        self.values.get_mut(*self.places.get(K::part(key).borrow())? as usize)
    }

    /// The value for `key`, which `new` makes if there is none.
    pub fn get_or_insert_with(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        let values = &mut self.values;
        let place = *self.places.entry(key.stored()).or_insert_with(|| values.insert(new()) as u32);
        &mut self.values[place as usize]
    }

    /// Puts a value in; returns the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.values.insert(value) as u32;
        let old = self.places.insert(key.stored(), place)?;
        self.values.try_remove(old as usize)
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K::Sought) -> Option<V> {
        let place = self.places.remove(K::part(key).borrow())?;
        self.take(place)
    }

    /// Takes the first one out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let (key, place) = self.places.pop_first()?;
        Some((K::restored(key), self.take(place)?))
    }

    /// Removes all. O(N).
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The first one.
    pub fn first(&self) -> Option<(K::Shown<'_>, &V)> {
        let (key, &place) = self.places.first_key_value()?;
        Some((K::shown(key), self.at(place)?))
    }

    /// The first one, to change.
    pub fn first_mut(&mut self) -> Option<(K::Shown<'_>, &mut V)> {
        let (key, &place) = self.places.first_key_value()?;
        Some((K::shown(key), self.values.get_mut(place as usize)?))
    }

    /// The last one.
    pub fn last(&self) -> Option<(K::Shown<'_>, &V)> {
        let (key, &place) = self.places.last_key_value()?;
        Some((K::shown(key), self.at(place)?))
    }

    /// The last one, to change.
    pub fn last_mut(&mut self) -> Option<(K::Shown<'_>, &mut V)> {
        let (key, &place) = self.places.last_key_value()?;
        Some((K::shown(key), self.values.get_mut(place as usize)?))
    }

    /// All, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (K::Shown<'_>, &V)> {
        self.places.iter().map(|(key, &place)| (K::shown(key), &self.values[place as usize]))
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = K::Shown<'_>> {
        self.places.keys().map(K::shown)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.places.values().map(|&place| &self.values[place as usize])
    }

    /// Shows all to `work`, in order, to change the values.
    pub fn each_mut(&mut self, mut work: impl FnMut(K::Shown<'_>, &mut V)) {
        for (key, &place) in &self.places {
            work(K::shown(key), &mut self.values[place as usize]);
        }
    }

    /// Those from a key on, in order.
    pub fn from(&self, start: Bound<&K::Sought>) -> impl Iterator<Item = (K::Shown<'_>, &V)> {
        entries_from::<K>(&self.places, start)
            .map(|(key, &place)| (K::shown(key), &self.values[place as usize]))
    }

    fn at(&self, place: u32) -> Option<&V> {
        self.values.get(place as usize)
    }

    /// The value at a place that the tree has given up. The room of many values is given back when
    /// the last of them goes.
    fn take(&mut self, place: u32) -> Option<V> {
        let value = self.values.try_remove(place as usize);
        if self.values.is_empty() {
            self.values = Slab::new();
        }
        value
    }
}

/// What is in `tree` from a key on.
fn entries_from<'a, K: Key>(
    tree: &'a BTreeMap<K::Stored, u32>,
    start: Bound<&K::Sought>,
) -> btree_map::Range<'a, K::Stored, u32> {
    let start = start.map(K::part);
    tree.range::<K::Part, _>((start.as_ref().map(Borrow::borrow), Bound::Unbounded))
}

/// A set in order. It shares its tree with the maps.
#[derive(Clone, Debug)]
pub struct OrdSet<K: Key>(BTreeMap<K::Stored, u32>);

/// A set of names that clients choose.
pub type NameSet = OrdSet<Box<[u8]>>;

impl<K: Key> Default for OrdSet<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Key> PartialEq for OrdSet<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Key> Eq for OrdSet<K> {}

impl<K: Key> OrdSet<K> {
    /// How many there are. O(1).
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none. O(1).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `key` is there.
    pub fn contains(&self, key: &K::Sought) -> bool {
        self.0.contains_key(K::part(key).borrow())
    }

    /// Puts a key in; returns whether it is new.
    pub fn insert(&mut self, key: K) -> bool {
        self.0.insert(key.stored(), 0).is_none()
    }

    /// Takes a key out; returns whether it was there.
    pub fn remove(&mut self, key: &K::Sought) -> bool {
        self.0.remove(K::part(key).borrow()).is_some()
    }

    /// Takes the first one out.
    pub fn pop_first(&mut self) -> Option<K> {
        self.0.pop_first().map(|(key, _)| K::restored(key))
    }

    /// Takes the last one out.
    pub fn pop_last(&mut self) -> Option<K> {
        self.0.pop_last().map(|(key, _)| K::restored(key))
    }

    /// The first one.
    pub fn first(&self) -> Option<K::Shown<'_>> {
        self.0.first_key_value().map(|(key, _)| K::shown(key))
    }

    /// All, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = K::Shown<'_>> {
        self.0.keys().map(K::shown)
    }

    /// Those from a key on, in order.
    pub fn from(&self, start: Bound<&K::Sought>) -> impl Iterator<Item = K::Shown<'_>> {
        entries_from::<K>(&self.0, start).map(|(key, _)| K::shown(key))
    }
}

/// A set of clients by their ids, in order: few enough to lie side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdSet(Vec<u64>);

impl IdSet {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts an id in; returns whether it is new. O(1) for ids that rise, else O(N) at the speed of
    /// copying.
    pub fn insert(&mut self, id: u64) -> bool {
        match self.0.binary_search(&id) {
            Ok(_) => false,
            Err(place) => {
                self.0.insert(place, id);
                true
            }
        }
    }

    /// Takes an id out; returns whether it was there. O(N) at the speed of copying.
    pub fn remove(&mut self, id: u64) -> bool {
        let found = self.0.binary_search(&id);
        found.map(|place| self.0.remove(place)).is_ok()
    }

    /// All, in order.
    pub fn as_slice(&self) -> &[u64] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};

    #[test]
    fn a_map_behaves_as_the_standard_one() {
        fn by_value<'v>((&key, value): (&u64, &'v u64)) -> (u64, &'v u64) {
            (key, value)
        }
        let mut rng = Rng::new(Seed([7; 4]));
        let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
        for step in 0..20_000_u64 {
            let key = rng.below(64);
            match rng.below(5) {
                0 | 1 => assert_eq!(map.insert(key, step), model.insert(key, step)),
                2 => assert_eq!(map.remove(&key), model.remove(&key)),
                3 => {
                    let own = map.get_or_insert_with(key, || step);
                    assert_eq!(own, model.entry(key).or_insert(step));
                }
                _ if rng.below(8) == 0 => assert_eq!(map.pop_first(), model.pop_first()),
                _ => assert_eq!(map.get(&key), model.get(&key)),
            }
            assert_eq!(map.values.len(), model.len(), "a value without a key");
            assert!(map.iter().eq(model.iter().map(by_value)));
            let from = map.from(Bound::Included(&key));
            assert!(from.eq(model.range(key..).map(by_value)));
            assert_eq!(map.first(), model.first_key_value().map(by_value));
            assert_eq!(map.last(), model.last_key_value().map(by_value));
        }
    }

    #[test]
    fn keys_of_several_parts_keep_their_order() {
        let times = [i64::MIN, -1, 0, 1, i64::MAX];
        let mut numbered = OrdSet::<(i64, u32)>::default();
        let mut named = OrdSet::<(i64, Box<[u8]>)>::default();
        for time in times.into_iter().rev() {
            assert!([3, 0, u32::MAX].into_iter().all(|number| numbered.insert((time, number))));
            assert!(
                [&b"b"[..], b"", b"a\0", b"a"]
                    .iter()
                    .all(|&name| named.insert((time, name.into())))
            );
        }
        let pairs = times.iter().flat_map(|&time| [0, 3, u32::MAX].map(|number| (time, number)));
        assert!(numbered.iter().eq(pairs));
        let names =
            times.iter().flat_map(|&time| [&b""[..], b"a", b"a\0", b"b"].map(|name| (time, name)));
        assert!(named.iter().eq(names));
        let behind = numbered.from(Bound::Excluded(&(0, 3))).next();
        assert_eq!(behind, Some((0, u32::MAX)));
        assert!(
            named.remove(&(0, b"a".as_slice().into()))
                && !named.contains(&(0, b"a".as_slice().into()))
        );
        assert_eq!(named.pop_first(), Some((i64::MIN, Box::default())));
        let mut keys = OrdMap::<(usize, Box<[u8]>), u8>::default();
        keys.insert((2, b"k".as_slice().into()), 1);
        keys.insert((1, b"z".as_slice().into()), 2);
        assert!(keys.iter().eq([((1, &b"z"[..]), &2), ((2, b"k"), &1)]));
    }

    #[test]
    fn a_set_of_ids_stays_in_order() {
        let mut set = IdSet::default();
        assert!([5, 1, 9, 3].into_iter().all(|id| set.insert(id)) && !set.insert(3));
        assert_eq!(set.as_slice(), [1, 3, 5, 9]);
        assert!(set.remove(5) && !set.remove(5));
        assert_eq!(set.as_slice(), [1, 3, 9]);
    }
}
