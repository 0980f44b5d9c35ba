//! Maps and sets in the order of their keys, of which the program holds few copies.
//!
//! The ordered map of the standard library is compiled anew for each type of value: 5 to 8 kB each
//! time, which in the page is a tenth of the program if two dozen types have one. Here the tree holds
//! the *place* of a value, a number, and the values lie in a slab, so that there is one tree for each
//! type of key. A look-up costs one step more.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::RangeBounds;

use slab::Slab;

/// A map in the order of its keys. Everything costs O(log N) where nothing else is said.
#[derive(Clone, Debug)]
pub struct OrdMap<K, V> {
    places: BTreeMap<K, u32>,
    values: Slab<V>,
}

/// A map by names that clients choose.
pub type NameMap<V> = OrdMap<Box<[u8]>, V>;

/// A map by numbers that are handed out one after the other.
pub type IdMap<V> = OrdMap<u64, V>;

impl<K, V> Default for OrdMap<K, V> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), values: Slab::new() }
    }
}

impl<K: Ord, V> OrdMap<K, V> {
    /// How many there are. O(1).
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none. O(1).
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether there is a value for `key`.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.places.contains_key(key)
    }

    /// The value for `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.at(*self.places.get(key)?)
    }

    /// The value for `key`, to change.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.values.get_mut(*self.places.get(key)? as usize)
    }

    /// The value for `key`, which `new` makes if there is none.
    pub fn get_or_insert_with(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        let values = &mut self.values;
        let place = *self.places.entry(key).or_insert_with(|| values.insert(new()) as u32);
        &mut self.values[place as usize]
    }

    /// Puts a value in; returns the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.values.insert(value) as u32;
        let old = self.places.insert(key, place)?;
        self.values.try_remove(old as usize)
    }

    /// Takes a value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.places.remove(key)?;
        self.take(place)
    }

    /// Takes the first one out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let (key, place) = self.places.pop_first()?;
        Some((key, self.take(place)?))
    }

    /// Removes all. O(N).
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The first one.
    pub fn first(&self) -> Option<(&K, &V)> {
        let (key, &place) = self.places.first_key_value()?;
        Some((key, self.at(place)?))
    }

    /// The first one, to change.
    pub fn first_mut(&mut self) -> Option<(&K, &mut V)> {
        let (key, &place) = self.places.first_key_value()?;
        Some((key, self.values.get_mut(place as usize)?))
    }

    /// The last one.
    pub fn last(&self) -> Option<(&K, &V)> {
        let (key, &place) = self.places.last_key_value()?;
        Some((key, self.at(place)?))
    }

    /// The last one, to change.
    pub fn last_mut(&mut self) -> Option<(&K, &mut V)> {
        let (key, &place) = self.places.last_key_value()?;
        Some((key, self.values.get_mut(place as usize)?))
    }

    /// All, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        self.places.iter().map(|(key, &place)| (key, &self.values[place as usize]))
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &K> {
        self.places.keys()
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.places.values().map(|&place| &self.values[place as usize])
    }

    /// Shows all to `work`, in order, to change the values.
    pub fn each_mut(&mut self, mut work: impl FnMut(&K, &mut V)) {
        for (key, &place) in &self.places {
            work(key, &mut self.values[place as usize]);
        }
    }

    /// Those from one key to another, in order.
    pub fn range(&self, range: impl RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.places.range(range).map(|(key, &place)| (key, &self.values[place as usize]))
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

/// A set in order. It shares its tree with the maps of the same type of key.
#[derive(Clone, Debug)]
pub struct OrdSet<K>(BTreeMap<K, u32>);

/// A set of names that clients choose.
pub type NameSet = OrdSet<Box<[u8]>>;

impl<K> Default for OrdSet<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> PartialEq for OrdSet<K> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<K: Ord> Eq for OrdSet<K> {}

impl<K: Ord> OrdSet<K> {
    /// How many there are. O(1).
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none. O(1).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `key` is there.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// Puts a key in; returns whether it is new.
    pub fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, 0).is_none()
    }

    /// Takes a key out; returns whether it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.remove(key).is_some()
    }

    /// Takes the first one out.
    pub fn pop_first(&mut self) -> Option<K> {
        self.0.pop_first().map(|(key, _)| key)
    }

    /// The first one.
    pub fn first(&self) -> Option<&K> {
        self.0.first_key_value().map(|(key, _)| key)
    }

    /// All, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &K> {
        self.0.keys()
    }

    /// Those from one key to another, in order.
    pub fn range(&self, range: impl RangeBounds<K>) -> impl Iterator<Item = &K> {
        self.0.range(range).map(|(key, _)| key)
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
            assert!(map.iter().eq(&model));
            assert!(map.range(key..).eq(model.range(key..)));
            assert_eq!(map.first(), model.first_key_value());
            assert_eq!(map.last(), model.last_key_value());
        }
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
