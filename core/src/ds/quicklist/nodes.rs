//! The nodes of a quicklist.
//!
//! No node is ever empty. A node takes one element more as long as a small over-estimate of its
//! new size stays within the limit; one that is cut in two by an insertion is joined with its
//! neighbours again where that fits. Removing never joins nodes: Redis does not either, and
//! whether a list is one node decides its encoding.
//!
//! A copy of a list shares its nodes, and a node that is shared is copied when it is changed: so a
//! copy costs a few bytes a node, and a change of either no more than one node.

use std::collections::{VecDeque, vec_deque};
use std::rc::Rc;

use super::{Element, Iter, Limits, Listpack, Needle, NodeRef, OwnedNode, Side};
use super::{push_packed, remove_packed};
use crate::ds::listpack;

/// What an entry costs besides its bytes, at most, for elements that share a node.
const ENTRY_OVERHEAD: usize = 8;

/// By how much replaced elements may let a node pass its limit before it is cut in two.
const OVERFULL_FACTOR: usize = 4;

/// A node, and how many elements it holds, so that finding an index touches no node's bytes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    data: Rc<OwnedNode>,
    count: usize,
}

/// The nodes of a quicklist, head to tail.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    queue: VecDeque<Node>,
    len: usize,
    /// The `fill` that was set when the list became a quicklist, by which Redis goes until it is
    /// one no longer.
    fill: i32,
}

impl Node {
    fn packed(pack: Listpack) -> Self {
        Self { count: pack.len(), data: Rc::new(OwnedNode::Packed(pack)) }
    }

    fn plain(bytes: &[u8]) -> Self {
        Self { count: 1, data: Rc::new(OwnedNode::Plain(bytes.into())) }
    }

    fn data_bytes(&self) -> usize {
        let bytes = match &*self.data {
            OwnedNode::Packed(pack) => pack.heap_bytes(),
            OwnedNode::Plain(bytes) => bytes.len(),
        };
        // With its two counts of owners.
        bytes + size_of::<(OwnedNode, [usize; 2])>()
    }

    /// A node with this one element.
    fn of(bytes: &[u8], limits: Limits) -> Self {
        if limits.is_plain(bytes.len()) {
            return Self::plain(bytes);
        }
        let mut pack = Listpack::new();
        pack.push_back(Element::of(bytes));
        Self { count: 1, data: Rc::new(OwnedNode::Packed(pack)) }
    }

    /// The node's listpack, to change, if it is not one plain element.
    fn pack_mut(&mut self) -> Option<&mut Listpack> {
        // Looked at first: a plain element that is shared must not be copied for nothing.
        if matches!(*self.data, OwnedNode::Plain(_)) {
            return None;
        }
        match Rc::make_mut(&mut self.data) {
            OwnedNode::Packed(pack) => Some(pack),
            OwnedNode::Plain(_) => None,
        }
    }

    /// Whether the node is also part of a copy of the list.
    fn is_shared(&self) -> bool {
        Rc::strong_count(&self.data) > 1
    }

    /// The node's listpack, if it can take an element of `bytes` bytes more.
    fn room(&mut self, bytes: usize, limits: Limits) -> Option<(&mut Listpack, &mut usize)> {
        let OwnedNode::Packed(pack) = &*self.data else { return None };
        let full = limits.is_plain(bytes)
            || limits.exceeded(pack.byte_len() + bytes + ENTRY_OVERHEAD, self.count + 1);
        if full {
            return None;
        }
        match Rc::make_mut(&mut self.data) {
            OwnedNode::Packed(pack) => Some((pack, &mut self.count)),
            OwnedNode::Plain(_) => None,
        }
    }

    pub(super) fn view(&self) -> NodeRef<'_> {
        match &*self.data {
            OwnedNode::Packed(pack) => NodeRef::Packed(pack),
            OwnedNode::Plain(bytes) => NodeRef::Plain(bytes),
        }
    }
}

impl Nodes {
    /// The nodes of a list that is this listpack.
    pub(super) fn of_listpack(pack: Listpack, limits: Limits) -> Self {
        Self::from_nodes([OwnedNode::Packed(pack)], limits)
    }

    /// These nodes, without the empty ones.
    pub(super) fn from_nodes(nodes: impl IntoIterator<Item = OwnedNode>, limits: Limits) -> Self {
        let mut own = Self { len: 0, queue: VecDeque::new(), fill: limits.fill };
        nodes.into_iter().for_each(|node| own.push_node(node));
        own
    }

    /// Adds a node behind the others, unless it is empty.
    pub(super) fn push_node(&mut self, data: OwnedNode) {
        let count = if let OwnedNode::Packed(pack) = &data { pack.len() } else { 1 };
        if count > 0 {
            self.len += count;
            self.queue.push_back(Node { data: Rc::new(data), count });
        }
    }

    /// What the nodes of this list may hold, where `limits` hold for a new one.
    fn own(&self, limits: Limits) -> Limits {
        Limits { fill: self.fill, ..limits }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn fill(&self) -> i32 {
        self.fill
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.own_bytes() + self.queue.iter().map(Node::data_bytes).sum::<usize>()
    }

    /// As [`Nodes::heap_bytes`], as if all nodes but the first and the last were as large as the one
    /// in the middle.
    pub(super) fn about_bytes(&self) -> usize {
        let count = self.queue.len();
        let bytes = |index: usize| self.queue.get(index).map_or(0, Node::data_bytes);
        let ends = if count > 1 { bytes(0) + bytes(count - 1) } else { bytes(0) };
        self.own_bytes() + ends + bytes(count / 2) * count.saturating_sub(2)
    }

    fn own_bytes(&self) -> usize {
        size_of::<Self>() + self.queue.capacity() * size_of::<Node>()
    }

    pub(super) fn nodes_len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn node(&self, index: usize) -> Option<NodeRef<'_>> {
        self.queue.get(index).map(Node::view)
    }

    pub(super) fn iter_nodes(&self) -> impl Iterator<Item = NodeRef<'_>> {
        self.queue.iter().map(Node::view)
    }

    /// The listpack that is all of the list, if there is one.
    pub(super) fn only_listpack(&mut self) -> Option<&mut Listpack> {
        match self.queue.make_contiguous() {
            [node] => node.pack_mut(),
            _ => None,
        }
    }

    /// The node that holds the element at `index`, and the element's index in it.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        let mut behind = self.len;
        if index >= self.len / 2 {
            for (at, node) in self.queue.iter().enumerate().rev() {
                behind -= node.count;
                if index >= behind {
                    return Some((at, index - behind));
                }
            }
            return None;
        }
        let mut before = 0;
        for (at, node) in self.queue.iter().enumerate() {
            if index < before + node.count {
                return Some((at, index - before));
            }
            before += node.count;
        }
        None
    }

    pub(super) fn get(&self, index: usize) -> Option<Element<'_>> {
        let (at, offset) = self.locate(index)?;
        match &*self.queue.get(at)?.data {
            OwnedNode::Packed(pack) => pack.get(pack.seek(offset)?),
            OwnedNode::Plain(bytes) => Some(Element::Bytes(bytes)),
        }
    }

    pub(super) fn iter_from(&self, start: usize) -> Iter<'_> {
        let Some((at, offset)) = self.locate(start) else { return Iter::default() };
        Iter::of_nodes(self.queue.range(at..), offset, Side::Left)
    }

    pub(super) fn iter_back_from(&self, start: usize) -> Iter<'_> {
        let Some((at, offset)) = self.locate(start) else { return Iter::default() };
        Iter::of_nodes(self.queue.range(..=at), offset, Side::Right)
    }

    pub(super) fn push(&mut self, side: Side, bytes: &[u8], limits: Limits) {
        let limits = self.own(limits);
        self.len += 1;
        let end = match side {
            Side::Left => self.queue.front_mut(),
            Side::Right => self.queue.back_mut(),
        };
        if let Some(end) = end {
            if let Some((pack, count)) = end.room(bytes.len(), limits) {
                push_packed(pack, side, Element::of(bytes));
                *count += 1;
                return;
            }
            // It is full and will hardly grow again.
            if let Some(OwnedNode::Packed(pack)) = Rc::get_mut(&mut end.data) {
                pack.shrink_to_fit();
            }
        }
        let node = Node::of(bytes, limits);
        match side {
            Side::Left => self.queue.push_front(node),
            Side::Right => self.queue.push_back(node),
        }
    }

    /// Puts `bytes` beside the element at `index`; see [`QuickList::insert`](super::QuickList).
    pub(super) fn insert(
        &mut self,
        index: usize,
        side: Side,
        bytes: &[u8],
        limits: Limits,
    ) -> bool {
        let limits = self.own(limits);
        let Some((at, offset)) = self.locate(index) else { return false };
        let Some(node) = self.queue.get_mut(at) else { return false };
        self.len += 1;
        // Where the element comes to be in the node, and its node among the nodes.
        let step = usize::from(side == Side::Right);
        let place = offset + step;
        let beyond = match side {
            Side::Left if place == 0 => Some(at.checked_sub(1)),
            Side::Right if place == node.count => Some(Some(at + 1)),
            _ => None,
        };
        if let Some((pack, count)) = node.room(bytes.len(), limits) {
            match pack.seek(place) {
                Some(cursor) => {
                    pack.insert_before(cursor, Element::of(bytes));
                }
                None => pack.push_back(Element::of(bytes)),
            }
            *count += 1;
        } else if let Some(beyond) = beyond {
            let taken = beyond.is_some_and(|next| {
                let end = if side == Side::Left { Side::Right } else { Side::Left };
                self.push_into(next, end, bytes, limits)
            });
            if !taken {
                self.queue.insert(at + step, Node::of(bytes, limits));
            }
        } else {
            self.insert_between(at, place, side, bytes, limits);
        }
        true
    }

    /// Cuts node `at` in two at `place` and puts `bytes` between its parts.
    fn insert_between(
        &mut self,
        at: usize,
        place: usize,
        side: Side,
        bytes: &[u8],
        limits: Limits,
    ) {
        self.split(at, place);
        if limits.is_plain(bytes.len()) {
            self.queue.insert(at + 1, Node::plain(bytes));
            return;
        }
        // The element goes to the part that does not hold the one it is put beside.
        let (part, end, other) = match side {
            Side::Left => (at, Side::Right, at + 1),
            Side::Right => (at + 1, Side::Left, at),
        };
        if let Some(node) = self.queue.get_mut(part)
            && let Some(pack) = node.pack_mut()
        {
            push_packed(pack, end, Element::of(bytes));
            node.count += 1;
        }
        self.join_around(other, limits);
    }

    /// Adds `bytes` at an end of node `at`, if it has room.
    fn push_into(&mut self, at: usize, side: Side, bytes: &[u8], limits: Limits) -> bool {
        let Some((pack, count)) = self.queue.get_mut(at).and_then(|n| n.room(bytes.len(), limits))
        else {
            return false;
        };
        push_packed(pack, side, Element::of(bytes));
        *count += 1;
        true
    }

    /// Cuts node `at` in two before its element `offset`, neither the first nor past the last.
    fn split(&mut self, at: usize, offset: usize) {
        let Some(node) = self.queue.get_mut(at) else { return };
        let Some(pack) = node.pack_mut() else { return };
        let Some(cursor) = pack.seek(offset) else { return };
        let rest = pack.split_off(cursor);
        node.count = offset;
        self.queue.insert(at + 1, Node::packed(rest));
    }

    /// Joins nodes around node `center` where two fit into one: two before it, two behind it, and
    /// it with those beside it, in the order in which Redis tries.
    fn join_around(&mut self, mut center: usize, limits: Limits) {
        if center >= 2 && self.join(center - 2, limits) {
            center -= 1;
        }
        self.join(center + 1, limits);
        if center >= 1 && self.join(center - 1, limits) {
            center -= 1;
        }
        self.join(center, limits);
    }

    /// Joins node `at` with the one behind it if they fit into one; returns whether they did.
    fn join(&mut self, at: usize, limits: Limits) -> bool {
        let (Some(left), Some(right)) = (self.queue.get(at), self.queue.get(at + 1)) else {
            return false;
        };
        let (OwnedNode::Packed(left_pack), OwnedNode::Packed(right_pack)) =
            (&*left.data, &*right.data)
        else {
            return false;
        };
        // One header and end are saved.
        let bytes = left_pack.byte_len() + right_pack.byte_len() - Listpack::new().byte_len();
        if limits.exceeded(bytes, left.count + right.count) {
            return false;
        }
        if let Some(right) = self.queue.remove(at + 1)
            && let Some(left) = self.queue.get_mut(at)
            && let (Some(left_pack), OwnedNode::Packed(right_pack)) =
                (left.pack_mut(), &*right.data)
        {
            left_pack.append(right_pack);
            left.count += right.count;
        }
        true
    }

    pub(super) fn set(&mut self, index: usize, bytes: &[u8], limits: Limits) -> bool {
        let limits = self.own(limits);
        let Some((at, offset)) = self.locate(index) else { return false };
        let Some(node) = self.queue.get_mut(at) else { return false };
        let plain = limits.is_plain(bytes.len());
        match (&*node.data, plain) {
            (OwnedNode::Packed(_), false) => {
                let half = node.count / 2;
                let Some(pack) = node.pack_mut() else { return false };
                if let Some(cursor) = pack.seek(offset) {
                    pack.replace(cursor, Element::of(bytes));
                }
                let overfull = pack.byte_len() > OVERFULL_FACTOR * limits.bytes_max();
                if overfull && half > 0 {
                    self.split(at, half);
                }
            }
            (OwnedNode::Packed(_), true) if node.count > 1 => {
                self.remove_range(index, 1);
                self.len += 1;
                if offset == 0 {
                    // Nothing is left before it, and then Redis joins no nodes either.
                    self.queue.insert(at, Node::plain(bytes));
                } else {
                    self.split(at, offset);
                    self.queue.insert(at + 1, Node::plain(bytes));
                    self.join_around(at + 1, limits);
                }
            }
            (OwnedNode::Packed(_) | OwnedNode::Plain(_), true) => *node = Node::of(bytes, limits),
            (OwnedNode::Plain(_), false) => {
                self.queue.remove(at);
                if !self.push_into(at, Side::Left, bytes, limits) {
                    self.queue.insert(at, Node::of(bytes, limits));
                }
            }
        }
        true
    }

    pub(super) fn remove_range(&mut self, start: usize, count: usize) {
        let Some((at, offset)) = self.locate(start) else { return };
        let mut left = count.min(self.len - start);
        self.len -= left;
        let mut whole_from = at;
        if offset > 0
            && let Some(node) = self.queue.get_mut(at)
        {
            let here = left.min(node.count - offset);
            node.remove(offset, here);
            left -= here;
            whole_from += 1;
        }
        let mut whole_to = whole_from;
        while let Some(node) = self.queue.get(whole_to).filter(|node| node.count <= left) {
            left -= node.count;
            whole_to += 1;
        }
        self.queue.drain(whole_from..whole_to);
        if left > 0
            && let Some(node) = self.queue.get_mut(whole_from)
        {
            node.remove(0, left);
        }
        if self.queue.capacity() > 16 && self.queue.len() < self.queue.capacity() / 4 {
            self.queue.shrink_to(self.queue.len() * 2);
        }
    }

    pub(super) fn remove_matching(&mut self, needle: &Needle<'_>, from: Side, max: usize) -> usize {
        let mut removed = 0;
        let mut visit = |node: &mut Node| {
            let here = match &*node.data {
                // One that is shared is copied only if something goes from it.
                OwnedNode::Packed(pack)
                    if node.is_shared() && !pack.iter().any(|element| needle.matches(element)) =>
                {
                    0
                }
                OwnedNode::Packed(_) => node
                    .pack_mut()
                    .map_or(0, |pack| remove_packed(pack, needle, from, max - removed)),
                OwnedNode::Plain(bytes) => {
                    usize::from(removed < max && needle.matches(Element::Bytes(bytes)))
                }
            };
            node.count -= here;
            removed += here;
        };
        match from {
            Side::Left => self.queue.iter_mut().for_each(&mut visit),
            Side::Right => self.queue.iter_mut().rev().for_each(&mut visit),
        }
        self.queue.retain(|node| node.count > 0);
        self.len -= removed;
        removed
    }
}

impl Node {
    /// Removes `count` elements from `offset` on; the node must keep at least one.
    fn remove(&mut self, offset: usize, count: usize) {
        if let Some(pack) = self.pack_mut()
            && let Some(cursor) = pack.seek(offset)
        {
            pack.remove_range(cursor, count);
            self.count -= count;
        }
    }
}

impl<'a> Iter<'a> {
    /// The elements of `nodes` in one direction, from element `offset` of the first (or, going
    /// back, the last) node on.
    fn of_nodes(mut nodes: vec_deque::Iter<'a, Node>, offset: usize, from: Side) -> Self {
        let first = match from {
            Side::Left => nodes.next(),
            Side::Right => nodes.next_back(),
        };
        let mut iter = match first.map(Node::view) {
            Some(NodeRef::Packed(pack)) => Self::of_pack(pack, offset, from),
            Some(NodeRef::Plain(bytes)) => Self { plain: Some(bytes), ..Self::default() },
            None => Self::default(),
        };
        iter.back = from == Side::Right;
        iter.rest = nodes;
        iter
    }

    /// The elements of one listpack in one direction, from element `offset` on.
    pub(super) fn of_pack(pack: &'a Listpack, offset: usize, from: Side) -> Self {
        let part = match (pack.seek(offset), from) {
            (None, _) => listpack::Iter::default(),
            (Some(cursor), Side::Left) => pack.iter_from(cursor),
            (Some(cursor), Side::Right) => pack.iter_to(cursor),
        };
        Self { pack: part, back: from == Side::Right, ..Self::default() }
    }
}
