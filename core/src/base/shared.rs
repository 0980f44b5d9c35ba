//! Maps in the order of their keys whose copies share what they hold.
//!
//! A snapshot wants a copy of a large value at once, and reads it slowly; the copy of an ordinary map
//! would cost as much as writing the value down. Here the map is a tree of nodes with counted owners:
//! a copy shares all of them but the root and costs O(1), and who changes a map copies the few nodes
//! on the way to what it changes, as long as another has them too.
//!
//! All entries lie in leaves, side by side. A fork knows for each child but the first a key that parts
//! what is in it from what lies before. Nodes are filled to the end if keys come in order, as the IDs of
//! a stream do.

use std::ops::Bound;
use std::rc::Rc;

/// Entries of a leaf, or children of a fork, at most. A change of what is shared copies so much at each
/// level, and a map of a billion entries has six.
const WIDTH: usize = 64;
/// A node with fewer is joined with its neighbour, if …
const NARROW: usize = WIDTH / 4;
/// … both together have at most so many, so that the next insertion does not cut it again.
const JOINED_MAX: usize = WIDTH * 3 / 4;

/// A map in the order of its keys. Everything costs O(log N) where nothing else is said; a copy O(1).
#[derive(Clone, Debug)]
pub struct SharedMap<K, V> {
    root: Tree<K, V>,
    len: usize,
}

/// A set in order.
pub type SharedSet<K> = SharedMap<K, ()>;

#[derive(Clone, Debug)]
enum Tree<K, V> {
    Leaf(Vec<(K, V)>),
    /// Children of one height.
    Fork(Vec<(K, Rc<Self>)>),
}

/// Where the entries of a map are that come next.
struct Range<'a, K, V> {
    root: &'a Tree<K, V>,
    /// What is left of the leaf that was found last.
    leaf: &'a [(K, V)],
    way: Way,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { root: Tree::Leaf(Vec::new()), len: 0 }
    }
}

impl<K: Ord + Copy, V: Clone> SharedMap<K, V> {
    /// How many there are. O(1).
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none. O(1).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether there is a value for `key`.
    pub fn contains_key(&self, key: K) -> bool {
        self.get(key).is_some()
    }

    /// The value for `key`.
    pub fn get(&self, key: K) -> Option<&V> {
        self.root.up(Bound::Included(key)).first().filter(|first| first.0 == key).map(|(_, v)| v)
    }

    /// The value for `key`, to change.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        // Looked at first: nothing is copied for what is not there.
        self.contains_key(key).then(|| self.root.get_mut(key))?
    }

    /// Puts a value in; returns the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (old, split) = self.root.insert(key, value);
        self.len += usize::from(old.is_none());
        if let Some((middle, right)) = split {
            let left = std::mem::replace(&mut self.root, Tree::Leaf(Vec::new()));
            self.root = Tree::Fork(vec![(middle, Rc::new(left)), (middle, Rc::new(right))]);
        }
        old
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.contains_key(key).then_some(())?;
        let old = self.root.remove(key);
        self.len -= usize::from(old.is_some());
        while let Tree::Fork(children) = &mut self.root
            && children.len() == 1
            && let Some((_, only)) = children.pop()
        {
            self.root = Rc::unwrap_or_clone(only);
        }
        old
    }

    /// Takes the first one out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.first()?.0;
        Some((key, self.remove(key)?))
    }

    /// The first one.
    pub fn first(&self) -> Option<(K, &V)> {
        self.root.up(Bound::Unbounded).first().map(|(key, value)| (*key, value))
    }

    /// The last one.
    pub fn last(&self) -> Option<(K, &V)> {
        self.root.down(Bound::Unbounded).last().map(|(key, value)| (*key, value))
    }

    /// All, in order. O(1) for each.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.range(Bound::Unbounded)
    }

    /// Those from a key on, in order. O(1) for each.
    pub fn range(&self, from: Bound<K>) -> impl Iterator<Item = (K, &V)> {
        Range { root: &self.root, leaf: self.root.up(from), way: Way::Up }
    }

    /// Those from a key back to the first. O(1) for each.
    pub fn range_back(&self, from: Bound<K>) -> impl Iterator<Item = (K, &V)> {
        Range { root: &self.root, leaf: self.root.down(from), way: Way::Down }
    }

    /// Frees about `max` entries, or what is shared in as many places, of a map that nobody will look
    /// into any more. Returns how many; fewer than `max` mean that nothing is left.
    pub fn free_some(&mut self, max: usize) -> usize {
        let mut freed = 0;
        while freed < max && !self.root.is_empty() {
            freed += self.root.free_last();
        }
        self.len = if self.root.is_empty() { 0 } else { self.len.saturating_sub(freed).max(1) };
        freed
    }
}

impl<'a, K: Ord + Copy, V: Clone> Iterator for Range<'a, K, V> {
    type Item = (K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let ((key, value), rest) = match self.way {
            Way::Up => self.leaf.split_first()?,
            Way::Down => self.leaf.split_last()?,
        };
        self.leaf = match self.way {
            _ if !rest.is_empty() => rest,
            Way::Up => self.root.up(Bound::Excluded(*key)),
            Way::Down => self.root.down(Bound::Excluded(*key)),
        };
        Some((*key, value))
    }
}

/// The child in which `key` lies, or would. What the first child's key is means nothing.
fn place_of<K: Ord, V>(children: &[(K, Rc<Tree<K, V>>)], key: &K) -> usize {
    children.get(1..).unwrap_or_default().partition_point(|(first, _)| first <= key)
}

impl<K: Ord + Copy, V: Clone> Tree<K, V> {
    fn is_empty(&self) -> bool {
        self.width() == 0
    }

    fn width(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Fork(children) => children.len(),
        }
    }

    /// The leaf with the first entry from `from` on, from that entry on.
    fn up(&self, from: Bound<K>) -> &[(K, V)] {
        match self {
            Self::Leaf(entries) => {
                let before = entries.partition_point(|(key, _)| match from {
                    Bound::Included(from) => *key < from,
                    Bound::Excluded(from) => *key <= from,
                    Bound::Unbounded => false,
                });
                entries.get(before..).unwrap_or_default()
            }
            Self::Fork(children) => {
                let place = match &from {
                    Bound::Included(from) | Bound::Excluded(from) => place_of(children, from),
                    Bound::Unbounded => 0,
                };
                let found = children.get(place).map_or(&[][..], |(_, child)| child.up(from));
                match children.get(place + 1) {
                    Some((_, next)) if found.is_empty() => next.up(Bound::Unbounded),
                    _ => found,
                }
            }
        }
    }

    /// The leaf with the last entry up to `from`, up to that entry.
    fn down(&self, from: Bound<K>) -> &[(K, V)] {
        match self {
            Self::Leaf(entries) => {
                let up_to = entries.partition_point(|(key, _)| match from {
                    Bound::Included(from) => *key <= from,
                    Bound::Excluded(from) => *key < from,
                    Bound::Unbounded => true,
                });
                entries.get(..up_to).unwrap_or_default()
            }
            Self::Fork(children) => {
                let place = match &from {
                    Bound::Included(from) | Bound::Excluded(from) => place_of(children, from),
                    Bound::Unbounded => children.len().saturating_sub(1),
                };
                let found = children.get(place).map_or(&[][..], |(_, child)| child.down(from));
                match place.checked_sub(1).and_then(|before| children.get(before)) {
                    Some((_, before)) if found.is_empty() => before.down(Bound::Unbounded),
                    _ => found,
                }
            }
        }
    }

    fn get_mut(&mut self, key: K) -> Option<&mut V> {
        match self {
            Self::Leaf(entries) => {
                let place = entries.binary_search_by(|entry| entry.0.cmp(&key)).ok()?;
                entries.get_mut(place).map(|(_, value)| value)
            }
            Self::Fork(children) => {
                let place = place_of(children, &key);
                Rc::make_mut(&mut children.get_mut(place)?.1).get_mut(key)
            }
        }
    }

    /// Returns the old value, and if the node had no room, its upper part and from where that is.
    fn insert(&mut self, key: K, value: V) -> (Option<V>, Option<(K, Self)>) {
        match self {
            Self::Leaf(entries) => match entries.binary_search_by(|entry| entry.0.cmp(&key)) {
                Ok(place) => (Some(std::mem::replace(&mut entries[place].1, value)), None),
                Err(place) => (None, put(entries, place, (key, value)).map(wrap(Self::Leaf))),
            },
            Self::Fork(children) => {
                let place = place_of(children, &key);
                let (old, split) = Rc::make_mut(&mut children[place].1).insert(key, value);
                let split = split.and_then(|(from, right)| {
                    put(children, place + 1, (from, Rc::new(right))).map(wrap(Self::Fork))
                });
                (old, split)
            }
        }
    }

    /// Takes out what is there.
    fn remove(&mut self, key: K) -> Option<V> {
        match self {
            Self::Leaf(entries) => {
                let place = entries.binary_search_by(|entry| entry.0.cmp(&key)).ok()?;
                Some(entries.remove(place).1)
            }
            Self::Fork(children) => {
                let place = place_of(children, &key);
                let child = Rc::make_mut(&mut children.get_mut(place)?.1);
                let old = child.remove(key);
                let width = child.width();
                if width == 0 {
                    children.remove(place);
                } else if width < NARROW {
                    let left = if place + 1 < children.len() { place } else { place.max(1) - 1 };
                    join(children, left);
                }
                old
            }
        }
    }

    /// Frees the last leaf, or what is shared from some height on.
    fn free_last(&mut self) -> usize {
        match self {
            Self::Leaf(entries) => std::mem::take(entries).len(),
            Self::Fork(children) => {
                let Some((_, last)) = children.last_mut() else { return 0 };
                let freed = Rc::get_mut(last).map(|last| (last.free_last(), last.is_empty()));
                if freed.is_none_or(|(_, is_empty)| is_empty) {
                    children.pop();
                }
                freed.map_or(1, |(freed, _)| freed)
            }
        }
    }
}

/// Puts `entry` at `place`; what finds no room any more is returned, with its first key.
fn put<K: Copy, T>(entries: &mut Vec<(K, T)>, place: usize, entry: (K, T)) -> Option<Vec<(K, T)>> {
    if entries.len() < WIDTH {
        entries.insert(place, entry);
        return None;
    }
    // What comes in order fills its nodes.
    let middle = if place == WIDTH { WIDTH } else { WIDTH / 2 };
    let mut right = entries.split_off(middle);
    if place < middle {
        entries.insert(place, entry);
    } else {
        right.insert(place - middle, entry);
    }
    Some(right)
}

/// Makes a node of `right`, and tells its first key.
fn wrap<K: Copy, T, N>(node: fn(Vec<(K, T)>) -> N) -> impl FnOnce(Vec<(K, T)>) -> (K, N) {
    move |right| (right[0].0, node(right))
}

/// Joins the child at `left` with the next one, if both have room in one.
fn join<K: Ord + Copy, V: Clone>(children: &mut Vec<(K, Rc<Tree<K, V>>)>, left: usize) {
    let width = |place: usize| children.get(place).map(|(_, child)| child.width());
    let (Some(first), Some(second)) = (width(left), width(left + 1)) else { return };
    if first + second > JOINED_MAX {
        return;
    }
    let (from, right) = children.remove(left + 1);
    match (Rc::make_mut(&mut children[left].1), Rc::unwrap_or_clone(right)) {
        (Tree::Leaf(entries), Tree::Leaf(right)) => entries.extend(right),
        (Tree::Fork(own), Tree::Fork(mut right)) => {
            right[0].0 = from;
            own.extend(right);
        }
        // They are of the same height.
        (Tree::Leaf(_), Tree::Fork(_)) | (Tree::Fork(_), Tree::Leaf(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::rng::{Rng, Seed};

    fn check(map: &SharedMap<u64, u64>, model: &BTreeMap<u64, u64>, key: u64) {
        let own = |entry: (u64, &u64)| (entry.0, *entry.1);
        let copied = |entry: (&u64, &u64)| (*entry.0, *entry.1);
        assert_eq!(map.len(), model.len());
        assert_eq!(map.get(key), model.get(&key));
        assert_eq!(map.first().map(own), model.first_key_value().map(copied));
        assert_eq!(map.last().map(own), model.last_key_value().map(copied));
        for bound in [Bound::Included(key), Bound::Excluded(key), Bound::Unbounded] {
            let after = model.range((bound, Bound::Unbounded)).map(copied);
            assert!(map.range(bound).map(own).take(200).eq(after.take(200)));
            let before = model.range((Bound::Unbounded, bound)).rev().map(copied);
            assert!(map.range_back(bound).map(own).take(200).eq(before.take(200)));
        }
    }

    /// Heights are equal, nodes neither empty nor too wide, and keys where forks say.
    fn height(tree: &Tree<u64, u64>, is_root: bool) -> usize {
        assert!(tree.width() <= WIDTH && (is_root || !tree.is_empty()));
        match tree {
            Tree::Leaf(_) => 1,
            Tree::Fork(children) => {
                for (place, (from, child)) in children.iter().enumerate() {
                    let first = child.up(Bound::Unbounded)[0].0;
                    assert!(place == 0 || *from <= first);
                    let next = children.get(place + 1).map_or(u64::MAX, |(next, _)| *next);
                    assert!(child.down(Bound::Unbounded).last().unwrap().0 < next);
                }
                let mut heights = children.iter().map(|(_, child)| height(child, false));
                let first = heights.next().unwrap();
                assert!(heights.all(|height| height == first));
                first + 1
            }
        }
    }

    #[test]
    fn a_map_behaves_as_the_standard_one_and_copies_stay() {
        for keys in [30, 400, 60_000] {
            let mut rng = Rng::new(Seed([keys; 4]));
            let (mut map, mut model) = (SharedMap::default(), BTreeMap::new());
            let mut copies = Vec::new();
            for step in 0..40_000_u64 {
                // It grows, shrinks, and grows again.
                let removes = if step / 10_000 % 2 == 0 { 3 } else { 7 };
                let key = rng.below(keys);
                match rng.below(10) {
                    draw if draw < removes => assert_eq!(map.remove(key), model.remove(&key)),
                    9 => assert_eq!(map.pop_first(), model.pop_first()),
                    8 => {
                        if let Some(value) = map.get_mut(key) {
                            *value += 1;
                        }
                        model.entry(key).and_modify(|value| *value += 1);
                    }
                    _ => assert_eq!(map.insert(key, step), model.insert(key, step)),
                }
                if step % 97 == 0 {
                    check(&map, &model, key);
                    height(&map.root, true);
                }
                if step % 4_000 == 0 {
                    copies.push((map.clone(), model.clone()));
                }
            }
            for (copy, model) in &mut copies {
                check(copy, model, keys / 2);
                assert!(copy.iter().map(|(key, _)| key).eq(model.keys().copied()));
            }
            for (mut copy, _) in copies {
                while copy.free_some(100) >= 100 {}
                assert!(copy.is_empty() && copy.root.is_empty());
            }
            check(&map, &model, keys / 2);
        }
    }

    #[test]
    fn what_comes_in_order_fills_its_nodes() {
        let mut map = SharedMap::default();
        (0..100_000_u64).for_each(|key| _ = map.insert(key, ()));
        let leaves = std::iter::successors(Some(map.root.up(Bound::Unbounded)), |leaf| {
            Some(map.root.up(Bound::Excluded(leaf.last()?.0))).filter(|leaf| !leaf.is_empty())
        });
        assert_eq!(leaves.count(), 100_000_usize.div_ceil(WIDTH));
    }

    /// The work is counted, not timed: what a copy or a change allocates.
    #[test]
    fn a_copy_shares_all_but_what_changes() {
        fn own(tree: &Tree<u64, u64>) -> usize {
            match tree {
                Tree::Leaf(_) => 1,
                Tree::Fork(children) => {
                    let owned = children.iter().filter(|(_, child)| Rc::strong_count(child) == 1);
                    1 + owned.map(|(_, child)| own(child)).sum::<usize>()
                }
            }
        }
        let mut map = SharedMap::default();
        (0..1_000_000_u64).for_each(|key| _ = map.insert(key, key));
        let levels = height(&map.root, true);
        let copy = map.clone();
        assert_eq!(own(&copy.root), 1);
        for (count, key) in [3, 500_000, 999_999].into_iter().enumerate() {
            *map.get_mut(key).unwrap() = 0;
            assert!(own(&map.root) <= 1 + (count + 1) * (levels - 1));
        }
        assert_eq!(copy.iter().map(|(_, &value)| value).sum::<u64>(), 499_999_500_000);
    }
}
