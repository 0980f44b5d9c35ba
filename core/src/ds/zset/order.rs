//! The members of a sorted set in their order: a B+tree whose nodes know how much is below them.
//!
//! A leaf is an array of slots, a score and the handle of the member; an inner node an array of
//! children, each with its first slot and the number of slots below it. So a rank is the sum of
//! what lies to the left of one path, and what has a rank is found by going down once. That is
//! what a skip list with spans does in Redis, but with a few nodes of many slots in place of one
//! node a member, and with one comparison of scores in place of a pointer that is followed.
//!
//! Members lie elsewhere and are asked for only where scores are equal; see [`Members`].
//!
//! Nodes split and merge with their neighbours alone, so an insertion or a removal touches a few
//! nodes of each level. Leaves take their memory in small steps, so that one which is half full
//! after a split does not hold twice what it needs.

use std::cmp::Ordering;

use crate::ds::hashtable::{Handle, Moved};

/// Slots in a leaf.
pub(super) const LEAF_MAX: usize = 64;

/// Children of an inner node.
const INNER_MAX: usize = 64;

/// A node with less than this is merged with a neighbour, where both together fill no more than
/// three quarters of one.
const SPARSE: usize = 16;
const MERGED_MAX: usize = 48;

/// By how many slots a leaf grows.
const LEAF_STEP: usize = 8;

/// Where members are.
pub(super) trait Members {
    /// The member of this handle.
    fn member(&self, handle: Handle) -> &[u8];
}

/// A score and the handle of a member: twelve bytes, which an `f64` as it is would make sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    score: [u32; 2],
    pub(super) handle: Handle,
}

impl Slot {
    pub(super) fn new(score: f64, handle: Handle) -> Self {
        let bits = score.to_bits();
        Self { score: [(bits >> 32) as u32, bits as u32], handle }
    }

    #[inline]
    pub(super) fn score(self) -> f64 {
        f64::from_bits(u64::from(self.score[0]) << 32 | u64::from(self.score[1]))
    }
}

/// A place in the order: a score, and among equal scores a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) score: f64,
    pub(super) member: &'a [u8],
}

impl Key<'_> {
    /// How `slot` lies to this place.
    #[inline]
    fn compare(&self, slot: Slot, members: &impl Members) -> Ordering {
        match slot.score().partial_cmp(&self.score) {
            Some(Ordering::Equal) | None => members.member(slot.handle).cmp(self.member),
            Some(order) => order,
        }
    }
}

#[derive(Clone)]
enum Node {
    Leaf(Vec<Slot>),
    Inner(Vec<Child>),
}

#[derive(Clone)]
struct Child {
    /// The first slot below.
    first: Slot,
    /// How many slots are below.
    count: u32,
    node: Node,
}

/// Slots in the order of their keys.
pub(super) struct Order {
    root: Node,
    len: usize,
    bytes: usize,
}

impl Clone for Order {
    fn clone(&self) -> Self {
        let root = self.root.clone();
        // A copy of an array has no room to grow.
        let bytes = root.heap_bytes();
        Self { root, len: self.len, bytes }
    }
}

impl Order {
    pub(super) fn new() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0, bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes
    }

    /// Enters `slot` at `key`, where there is none.
    pub(super) fn insert(&mut self, key: Key<'_>, slot: Slot, members: &impl Members) {
        let mut growth = Growth(0);
        let right = self.root.insert(key, slot, members, true, &mut growth);
        if let Some(right) = right {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            let mut children = Vec::new();
            growth.of(&mut children, |children| {
                children.reserve_exact(2);
                children.extend(Child::of(left, self.len + 1 - right.count as usize));
                children.push(right);
            });
            self.root = Node::Inner(children);
        }
        self.len += 1;
        self.bytes = self.bytes.saturating_add_signed(growth.0);
    }

    /// Takes the slot at `key` out.
    pub(super) fn remove(&mut self, key: Key<'_>, members: &impl Members) -> Option<Slot> {
        let mut growth = Growth(0);
        let slot = self.root.remove(key, members, &mut growth)?;
        self.len -= 1;
        while let Node::Inner(children) = &mut self.root
            && children.len() < 2
        {
            growth.0 -= heap_bytes_of(children);
            let only = children.pop();
            self.root = only.map_or(Node::Leaf(Vec::new()), |only| only.node);
        }
        self.bytes = self.bytes.saturating_add_signed(growth.0);
        Some(slot)
    }

    /// The member at `key` has another handle, under which it is already to be found.
    pub(super) fn rename(&mut self, key: Key<'_>, moved: Moved, members: &impl Members) {
        let Moved { from, to } = moved;
        let members = Renamed { members, moved };
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Inner(children) => {
                    let at = child_for(children, key, &members);
                    let Some(child) = children.get_mut(at) else { return };
                    if child.first.handle == from {
                        child.first.handle = to;
                    }
                    node = &mut child.node;
                }
                Node::Leaf(slots) => {
                    let at = slots.partition_point(|&slot| key.compare(slot, &members).is_lt());
                    if let Some(slot) = slots.get_mut(at).filter(|slot| slot.handle == from) {
                        slot.handle = to;
                    }
                    return;
                }
            }
        }
    }

    /// The rank of `key`: how many slots lie before it.
    pub(super) fn rank(&self, key: Key<'_>, members: &impl Members) -> usize {
        self.count_while(|slot| key.compare(slot, members).is_lt())
    }

    /// How many slots at the start `holds` is true of; it must be false of all that follow.
    pub(super) fn count_while(&self, mut holds: impl FnMut(Slot) -> bool) -> usize {
        let (mut node, mut count) = (&self.root, 0);
        loop {
            match node {
                Node::Inner(children) => {
                    let at = children.partition_point(|child| holds(child.first)).saturating_sub(1);
                    let (before, rest) = children.split_at_checked(at).unwrap_or((children, &[]));
                    count += before.iter().map(|child| child.count as usize).sum::<usize>();
                    let Some(child) = rest.first() else { return count };
                    node = &child.node;
                }
                Node::Leaf(slots) => return count + slots.partition_point(|&slot| holds(slot)),
            }
        }
    }

    /// The leaf that holds the slot of rank `rank`, and where it is there.
    pub(super) fn leaf_at(&self, rank: usize) -> Option<(&[Slot], usize)> {
        let (mut node, mut rest) = (&self.root, rank);
        loop {
            match node {
                Node::Inner(children) => {
                    let child = children.iter().find(|child| {
                        let count = child.count as usize;
                        let is_here = rest < count;
                        rest -= if is_here { 0 } else { count };
                        is_here
                    });
                    node = &child?.node;
                }
                Node::Leaf(slots) => return (rest < slots.len()).then_some((slots, rest)),
            }
        }
    }

    /// How many slots or children each node holds, level by level from the root. Costs O(nodes).
    pub(super) fn levels(&self) -> Vec<Vec<usize>> {
        let mut levels = Vec::new();
        let mut nodes = vec![&self.root];
        while !nodes.is_empty() {
            levels.push(nodes.iter().map(|node| node.width()).collect());
            let below = nodes.into_iter().flat_map(|node| match node {
                Node::Leaf(_) => &[],
                Node::Inner(children) => children.as_slice(),
            });
            nodes = below.map(|child| &child.node).collect();
        }
        levels
    }

    /// The slot of rank `rank`.
    pub(super) fn get(&self, rank: usize) -> Option<Slot> {
        self.leaf_at(rank).and_then(|(slots, at)| slots.get(at)).copied()
    }

    /// Drops the last leaf of an order that nobody will look into any more; false if it was the
    /// only one.
    pub(super) fn free_leaf(&mut self) -> bool {
        fn drop_last(node: &mut Node) -> bool {
            let Node::Inner(children) = node else { return false };
            if let Some(last) = children.last_mut()
                && !drop_last(&mut last.node)
            {
                children.pop();
            }
            !children.is_empty()
        }
        drop_last(&mut self.root)
    }
}

/// How many bytes more are held than before.
struct Growth(isize);

impl Growth {
    /// Counts what `change` does to the memory of `array`.
    fn of<T>(&mut self, array: &mut Vec<T>, change: impl FnOnce(&mut Vec<T>)) {
        let before = heap_bytes_of(array);
        change(array);
        self.0 += heap_bytes_of(array) - before;
    }
}

fn heap_bytes_of<T>(array: &Vec<T>) -> isize {
    (array.capacity() * size_of::<T>()) as isize
}

/// The child that `key` belongs to.
fn child_for(children: &[Child], key: Key<'_>, members: &impl Members) -> usize {
    children.partition_point(|child| key.compare(child.first, members).is_le()).saturating_sub(1)
}

impl Child {
    /// A node with `count` slots below it; `None` if that is none.
    fn of(node: Node, count: usize) -> Option<Self> {
        Some(Self { first: node.first()?, count: count as u32, node })
    }
}

impl Node {
    fn first(&self) -> Option<Slot> {
        match self {
            Self::Leaf(slots) => slots.first().copied(),
            Self::Inner(children) => children.first().map(|child| child.first),
        }
    }

    /// Slots or children.
    fn width(&self) -> usize {
        match self {
            Self::Leaf(slots) => slots.len(),
            Self::Inner(children) => children.len(),
        }
    }

    /// Bytes of the node's array and of all below.
    fn heap_bytes(&self) -> usize {
        let below: usize = match self {
            Self::Leaf(_) => 0,
            Self::Inner(children) => children.iter().map(|child| child.node.heap_bytes()).sum(),
        };
        below + self.own_bytes().unsigned_abs()
    }

    /// Bytes of the node's own array.
    fn own_bytes(&self) -> isize {
        match self {
            Self::Leaf(slots) => heap_bytes_of(slots),
            Self::Inner(children) => heap_bytes_of(children),
        }
    }

    /// Enters `slot`; if the node becomes too large, its right part is cut off and returned.
    /// `is_last`: nothing lies to the right of this node.
    fn insert(
        &mut self,
        key: Key<'_>,
        slot: Slot,
        members: &impl Members,
        is_last: bool,
        growth: &mut Growth,
    ) -> Option<Child> {
        match self {
            Self::Leaf(slots) => {
                let at = slots.partition_point(|&other| key.compare(other, members).is_lt());
                // Sets that only grow at their end shall have full leaves.
                let at_end = is_last && at == slots.len();
                growth.of(slots, |slots| {
                    if slots.len() == slots.capacity() {
                        slots.reserve_exact(LEAF_STEP);
                    }
                    slots.insert(at, slot);
                });
                let right = split(slots, LEAF_MAX, at_end, growth)?;
                let count = right.len();
                Child::of(Self::Leaf(right), count)
            }
            Self::Inner(children) => {
                let at = child_for(children, key, members);
                let is_last = is_last && at + 1 == children.len();
                let child = children.get_mut(at)?;
                let right = child.node.insert(key, slot, members, is_last, growth);
                child.count = child.count + 1 - right.as_ref().map_or(0, |right| right.count);
                child.first = child.node.first().unwrap_or(child.first);
                let right = right?;
                growth.of(children, |children| children.insert(at + 1, right));
                let right = split(children, INNER_MAX, is_last, growth)?;
                let count = right.iter().map(|child| child.count as usize).sum();
                Child::of(Self::Inner(right), count)
            }
        }
    }

    /// Takes the slot at `key` out.
    fn remove(
        &mut self,
        key: Key<'_>,
        members: &impl Members,
        growth: &mut Growth,
    ) -> Option<Slot> {
        match self {
            Self::Leaf(slots) => {
                let at = slots.partition_point(|&slot| key.compare(slot, members).is_lt());
                let is_it = |slot: &&Slot| key.compare(**slot, members).is_eq();
                let slot = slots.get(at).filter(is_it).copied()?;
                growth.of(slots, |slots| {
                    slots.remove(at);
                    give_back(slots);
                });
                Some(slot)
            }
            Self::Inner(children) => {
                let at = child_for(children, key, members);
                let child = children.get_mut(at)?;
                let slot = child.node.remove(key, members, growth)?;
                child.count -= 1;
                let width = child.node.width();
                if let Some(first) = child.node.first() {
                    child.first = first;
                } else {
                    growth.0 -= child.node.own_bytes();
                    growth.of(children, |children| drop(children.remove(at)));
                }
                if (1..SPARSE).contains(&width) {
                    let joined = merge(children, at, growth);
                    if !joined && at > 0 {
                        merge(children, at - 1, growth);
                    }
                }
                growth.of(children, give_back);
                Some(slot)
            }
        }
    }
}

/// Cuts off the right half of what has become longer than `max`, or the last one alone.
fn split<T>(array: &mut Vec<T>, max: usize, at_end: bool, growth: &mut Growth) -> Option<Vec<T>> {
    if array.len() <= max {
        return None;
    }
    let at = if at_end { max } else { array.len() / 2 };
    let mut right = Vec::new();
    growth.of(&mut right, |right| {
        right.reserve_exact(array.len() - at);
        right.extend(array.drain(at..));
    });
    growth.of(array, Vec::shrink_to_fit);
    Some(right)
}

/// Merges the child at `at` with the one behind it, if both together are small; returns whether it
/// did.
fn merge(children: &mut Vec<Child>, at: usize, growth: &mut Growth) -> bool {
    let Some([left, right]) = children.get_mut(at..at + 2) else { return false };
    if left.node.width() + right.node.width() > MERGED_MAX {
        return false;
    }
    match (&mut left.node, &mut right.node) {
        (Node::Leaf(left), Node::Leaf(right)) => join(left, right, growth),
        (Node::Inner(left), Node::Inner(right)) => join(left, right, growth),
        // All leaves are equally deep.
        _ => return false,
    }
    left.count += right.count;
    growth.of(children, |children| drop(children.remove(at + 1)));
    true
}

/// Adds all of `right` to `left`.
fn join<T>(left: &mut Vec<T>, right: &mut Vec<T>, growth: &mut Growth) {
    growth.of(left, |left| {
        left.reserve_exact(right.len());
        left.append(right);
    });
    growth.0 -= heap_bytes_of(right);
}

/// Gives memory back when much of it is unused.
fn give_back<T>(array: &mut Vec<T>) {
    if array.capacity() - array.len() > 3 * LEAF_STEP {
        array.shrink_to(array.len() + LEAF_STEP);
    }
}

/// Members of which one has got another handle.
struct Renamed<'a, M> {
    members: &'a M,
    moved: Moved,
}

impl<M: Members> Members for Renamed<'_, M> {
    fn member(&self, handle: Handle) -> &[u8] {
        let Moved { from, to } = self.moved;
        self.members.member(if handle == from { to } else { handle })
    }
}

#[cfg(test)]
impl Order {
    /// Asserts what must hold.
    pub(super) fn check(&self) {
        fn check(node: &Node, is_root: bool) -> (usize, usize, usize) {
            assert!(is_root || node.width() > 0);
            match node {
                Node::Leaf(slots) => {
                    assert!(slots.len() <= LEAF_MAX);
                    (slots.len(), 0, heap_bytes_of(slots) as usize)
                }
                Node::Inner(children) => {
                    assert!(children.len() <= INNER_MAX && (!is_root || children.len() > 1));
                    let (mut sum, mut bytes) = (0, heap_bytes_of(children) as usize);
                    let mut depths = Vec::new();
                    for child in children {
                        let (count, depth, below) = check(&child.node, false);
                        assert_eq!(
                            (count, child.node.first()),
                            (child.count as usize, Some(child.first))
                        );
                        sum += count;
                        bytes += below;
                        depths.push(depth);
                    }
                    assert!(depths.iter().all(|&depth| depth == depths[0]));
                    (sum, depths[0] + 1, bytes)
                }
            }
        }
        let (count, _, bytes) = check(&self.root, true);
        assert_eq!((count, bytes), (self.len, self.bytes));
    }
}
