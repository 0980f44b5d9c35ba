//! Lists: one listpack while they are small, a row of listpacks when they are not.
//!
//! The two forms, and when one becomes the other, are Redis's, and so is what OBJECT ENCODING
//! calls them. A *listpack* is the whole list in one run of bytes. A *quicklist* is a queue of
//! nodes, each a listpack that holds as many elements as `list-max-listpack-size` allows, or one
//! *plain* element too large to share a node. Ends are reached in O(1), an index in O(nodes), and
//! a change moves no more than one node's bytes.
//!
//! Redis links its nodes; here a double-ended queue of small handles holds them, which costs less
//! memory a node, finds an index by running over adjacent counts, and shifts handles only when a
//! node is put in or taken out of the middle. Nodes are not compressed.

use std::collections::vec_deque;

use crate::base::prefetch;

use super::listpack::{self, Element, LISTPACK_BYTES_MAX, Listpack, Needle};

mod nodes;

use nodes::{Node, Nodes};

/// Bytes a listpack of counted elements may have: a bound against few but huge elements.
const COUNTED_BYTES_MAX: usize = 8192;

/// What one node may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `list-max-listpack-size`: elements, or from -1 down to -5 a size of 4, 8, 16, 32 or 64 KB.
    pub fill: i32,
    /// The size from which on an element gets a node of its own; `None` for the limit that `fill`
    /// sets. (DEBUG QUICKLIST-PACKED-THRESHOLD)
    pub plain_from: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fill: -2, plain_from: None }
    }
}

impl Limits {
    /// The most bytes of a node.
    fn bytes_max(self) -> usize {
        match self.fill {
            0.. => COUNTED_BYTES_MAX,
            ..0 => 2048 << self.fill.unsigned_abs().min(5),
        }
    }

    /// The most elements of a node.
    fn count_max(self) -> usize {
        match self.fill {
            0.. => usize::try_from(self.fill.max(1)).unwrap_or(usize::MAX),
            ..0 => usize::MAX,
        }
    }

    /// Whether a node of so many bytes and elements would be too large.
    fn exceeded(self, bytes: usize, count: usize) -> bool {
        bytes > self.bytes_max() || count > self.count_max()
    }

    /// Whether an element of `bytes` bytes gets a node of its own.
    fn is_plain(self, bytes: usize) -> bool {
        match self.plain_from {
            Some(from) => bytes >= from.min(LISTPACK_BYTES_MAX),
            None => bytes > self.bytes_max(),
        }
    }
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The head.
    Left,
    /// The tail.
    Right,
}

/// A list of byte strings.
#[derive(Clone, Debug)]
pub struct QuickList(Form);

#[derive(Clone, Debug)]
enum Form {
    Packed(Listpack),
    Nodes(Box<Nodes>),
}

impl Default for QuickList {
    fn default() -> Self {
        Self(Form::Packed(Listpack::new()))
    }
}

/// Looking.
impl QuickList {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.len(),
            Form::Nodes(nodes) => nodes.len(),
        }
    }

    /// Asks for the memory of a small list.
    pub fn prefetch(&self) {
        if let Form::Packed(pack) = &self.0 {
            prefetch::bytes(pack.as_bytes(), prefetch::BYTES_MAX);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Packed(pack) => pack.is_empty(),
            Form::Nodes(nodes) => nodes.len() == 0,
        }
    }

    /// What OBJECT ENCODING calls the form it is in.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) => "listpack",
            Form::Nodes(_) => "quicklist",
        }
    }

    /// The `fill` that a quicklist's nodes keep to; `None` for a listpack.
    pub fn fill(&self) -> Option<i32> {
        match &self.0 {
            Form::Packed(_) => None,
            Form::Nodes(nodes) => Some(nodes.fill()),
        }
    }

    /// Heap bytes held. Costs O(nodes).
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.heap_bytes(),
            Form::Nodes(nodes) => nodes.heap_bytes(),
        }
    }

    /// About as many bytes as [`QuickList::heap_bytes`], in O(1).
    pub fn about_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.heap_bytes(),
            Form::Nodes(nodes) => nodes.about_bytes(),
        }
    }

    /// The list as one listpack, if it is in that form.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Packed(pack) => Some(pack),
            Form::Nodes(_) => None,
        }
    }

    /// The nodes from head to tail; one if the list is a listpack.
    pub fn nodes(&self) -> impl Iterator<Item = NodeRef<'_>> {
        let (pack, nodes) = match &self.0 {
            Form::Packed(pack) => (Some(NodeRef::Packed(pack)), None),
            Form::Nodes(nodes) => (None, Some(nodes.iter_nodes())),
        };
        pack.into_iter().chain(nodes.into_iter().flatten())
    }

    /// How many nodes there are.
    pub fn nodes_len(&self) -> usize {
        match &self.0 {
            Form::Packed(_) => 1,
            Form::Nodes(nodes) => nodes.nodes_len(),
        }
    }

    /// The node at `index` among the nodes.
    pub fn node(&self, index: usize) -> Option<NodeRef<'_>> {
        match &self.0 {
            Form::Packed(pack) => (index == 0).then_some(NodeRef::Packed(pack)),
            Form::Nodes(nodes) => nodes.node(index),
        }
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        match &self.0 {
            Form::Packed(pack) => pack.get(pack.seek(index)?),
            Form::Nodes(nodes) => nodes.get(index),
        }
    }

    /// The element at an end.
    pub fn peek(&self, side: Side) -> Option<Element<'_>> {
        match side {
            Side::Left => self.get(0),
            Side::Right => self.get(self.len().checked_sub(1)?),
        }
    }

    /// The elements from `start` on, head to tail.
    pub fn iter_from(&self, start: usize) -> Iter<'_> {
        match &self.0 {
            Form::Packed(pack) => Iter::of_pack(pack, start, Side::Left),
            Form::Nodes(nodes) => nodes.iter_from(start),
        }
    }

    /// The elements from `start` on, tail to head.
    pub fn iter_back_from(&self, start: usize) -> Iter<'_> {
        match &self.0 {
            Form::Packed(pack) => Iter::of_pack(pack, start, Side::Right),
            Form::Nodes(nodes) => nodes.iter_back_from(start),
        }
    }
}

/// Changing.
impl QuickList {
    /// A list to which nodes are [added](Self::push_node), of which the plain ones are elements, and
    /// which is [settled](Self::settle) then; for readers of snapshots.
    pub fn to_fill(limits: Limits) -> Self {
        Self(Form::Nodes(Box::new(Nodes::from_nodes([], limits))))
    }

    /// Adds a node behind the others, unless it is empty.
    pub fn push_node(&mut self, node: OwnedNode) {
        if let Form::Nodes(nodes) = &mut self.0 {
            nodes.push_node(node);
        }
    }

    /// Takes the form that fits, once all nodes are there.
    pub fn settle(&mut self, limits: Limits) {
        self.try_pack(limits, 1);
    }

    /// The list of these elements, in the form that they fit into.
    pub fn of<'a>(elements: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Self {
        let mut nodes = Nodes::from_nodes([], limits);
        elements.into_iter().for_each(|element| nodes.push(Side::Right, element, limits));
        let mut list = Self(Form::Nodes(Box::new(nodes)));
        list.settle(limits);
        list
    }

    /// Prepares for `count` elements of `bytes` bytes together: a listpack that they would make
    /// too large becomes a quicklist, whose nodes keep to the `fill` of now for as long as it is
    /// one. To be called before they are pushed or put in.
    pub fn grow(&mut self, count: usize, bytes: usize, limits: Limits) {
        let Form::Packed(pack) = &mut self.0 else { return };
        if limits.exceeded(pack.byte_len() + bytes, pack.len() + count) {
            let pack = std::mem::take(pack);
            self.0 = Form::Nodes(Box::new(Nodes::of_listpack(pack, limits)));
        }
    }

    /// Becomes a listpack if the list is one node that is at most half full. To be called after
    /// elements were removed or replaced.
    pub fn shrink(&mut self, limits: Limits) {
        self.try_pack(limits, 2);
    }

    /// Becomes a listpack if the list is one node with at most this part of what a node may hold.
    fn try_pack(&mut self, limits: Limits, part: usize) {
        let Form::Nodes(nodes) = &mut self.0 else { return };
        let Some(only) = nodes.only_listpack() else { return };
        // Here a counted limit knows no bound on the bytes.
        let bytes_max = if limits.fill < 0 { limits.bytes_max() } else { usize::MAX };
        if only.byte_len() <= bytes_max / part && only.len() <= limits.count_max() / part {
            self.0 = Form::Packed(std::mem::take(only));
        }
    }

    /// Adds `bytes` at an end.
    pub fn push(&mut self, side: Side, bytes: &[u8], limits: Limits) {
        match &mut self.0 {
            Form::Packed(pack) => push_packed(pack, side, Element::of(bytes)),
            Form::Nodes(nodes) => nodes.push(side, bytes, limits),
        }
    }

    /// Puts `bytes` beside the element at `index`, on that `side` of it; false if there is none.
    pub fn insert(&mut self, index: usize, side: Side, bytes: &[u8], limits: Limits) -> bool {
        match &mut self.0 {
            Form::Packed(pack) => {
                let Some(cursor) = pack.seek(index) else { return false };
                match side {
                    Side::Left => pack.insert_before(cursor, Element::of(bytes)),
                    Side::Right => pack.insert_after(cursor, Element::of(bytes)),
                };
                true
            }
            Form::Nodes(nodes) => nodes.insert(index, side, bytes, limits),
        }
    }

    /// Puts `bytes` in the place of the element at `index`; false if there is none.
    pub fn set(&mut self, index: usize, bytes: &[u8], limits: Limits) -> bool {
        match &mut self.0 {
            Form::Packed(pack) => {
                let Some(cursor) = pack.seek(index) else { return false };
                pack.replace(cursor, Element::of(bytes));
                true
            }
            Form::Nodes(nodes) => nodes.set(index, bytes, limits),
        }
    }

    /// Removes `count` elements, or as many as there are, from `start` on.
    pub fn remove_range(&mut self, start: usize, count: usize) {
        match &mut self.0 {
            Form::Packed(pack) => {
                if let Some(cursor) = pack.seek(start) {
                    pack.remove_range(cursor, count);
                }
            }
            Form::Nodes(nodes) => nodes.remove_range(start, count),
        }
    }

    /// Removes the element at an end.
    pub fn drop_end(&mut self, side: Side) {
        match side {
            Side::Left => self.remove_range(0, 1),
            Side::Right => self.remove_range(self.len().saturating_sub(1), 1),
        }
    }

    /// Removes the first `max` elements that are `bytes`, from the end `from` on. Returns how many
    /// there were. Costs O(length).
    pub fn remove_matching(&mut self, bytes: &[u8], from: Side, max: usize) -> usize {
        let needle = Needle::new(bytes);
        match &mut self.0 {
            Form::Packed(pack) => remove_packed(pack, &needle, from, max),
            Form::Nodes(nodes) => nodes.remove_matching(&needle, from, max),
        }
    }
}

/// A node to look at.
#[derive(Clone, Copy, Debug)]
pub enum NodeRef<'a> {
    /// A listpack.
    Packed(&'a Listpack),
    /// One element.
    Plain(&'a [u8]),
}

/// A node on its own.
#[derive(Clone, Debug)]
pub enum OwnedNode {
    /// A listpack.
    Packed(Listpack),
    /// One element.
    Plain(Box<[u8]>),
}

fn push_packed(pack: &mut Listpack, side: Side, element: Element<'_>) {
    match side {
        Side::Left => pack.push_front(element),
        Side::Right => pack.push_back(element),
    }
}

/// Removes the first `max` elements that match from one end on; returns how many there were.
fn remove_packed(pack: &mut Listpack, needle: &Needle<'_>, from: Side, max: usize) -> usize {
    // What stays is written to a new listpack, so that the cost stays linear however many go.
    let matching = pack.iter().filter(|&element| needle.matches(element)).count();
    let removed = matching.min(max);
    if removed == 0 {
        return 0;
    }
    let skipped = match from {
        Side::Left => 0,
        Side::Right => matching - removed,
    };
    let mut kept = Listpack::new();
    let mut seen = 0;
    for element in pack.iter() {
        let matches = needle.matches(element);
        seen += usize::from(matches);
        if !(matches && (skipped + 1..=skipped + removed).contains(&seen)) {
            kept.push_back(element);
        }
    }
    kept.shrink_to_fit();
    *pack = kept;
    removed
}

/// The elements of a list from some place on, in one direction.
#[derive(Clone, Debug, Default)]
pub struct Iter<'a> {
    /// What is left of the current node, if it is a listpack,
    pack: listpack::Iter<'a>,
    /// and if it is a plain element.
    plain: Option<&'a [u8]>,
    /// The nodes that follow, from the front or, going back, from the back.
    rest: vec_deque::Iter<'a, Node>,
    back: bool,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            if let Some(bytes) = self.plain.take() {
                return Some(Element::Bytes(bytes));
            }
            let element = if self.back { self.pack.next_back() } else { self.pack.next() };
            if element.is_some() {
                return element;
            }
            let node = if self.back { self.rest.next_back() } else { self.rest.next() };
            match node?.view() {
                NodeRef::Packed(pack) => self.pack = pack.iter(),
                NodeRef::Plain(bytes) => self.plain = Some(bytes),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};

    fn check(list: &QuickList, model: &[Vec<u8>], limits: Limits) {
        assert_eq!((list.len(), list.is_empty()), (model.len(), model.is_empty()));
        assert!(list.iter_from(0).map(Element::to_vec).eq(model.iter().cloned()));
        let last = model.len().wrapping_sub(1);
        assert!(list.iter_back_from(last).map(Element::to_vec).eq(model.iter().rev().cloned()));
        for node in list.nodes() {
            match node {
                NodeRef::Packed(pack) => {
                    assert_eq!(Listpack::parse(pack.as_bytes()).as_ref(), Ok(pack));
                    assert!(!pack.is_empty() || model.is_empty());
                    assert!(pack.byte_len() <= 5 * limits.bytes_max());
                }
                NodeRef::Plain(bytes) => assert!(limits.is_plain(bytes.len())),
            }
        }
    }

    /// Random changes under `limits`, beside a vector that is changed alike.
    fn behaves_like_a_vector(limits: Limits, seed: u64) {
        let mut rng = Rng::new(Seed::of(seed));
        let (mut list, mut model) = (QuickList::default(), Vec::<Vec<u8>>::new());
        for _ in 0..1000 {
            let value = match rng.below(8) {
                0..3 => rng.below(10).to_string().into_bytes(),
                3..7 => vec![b'a' + rng.below(26) as u8; rng.below(300) as usize],
                _ => vec![b'b'; rng.below(6000) as usize],
            };
            let at = rng.below(model.len() as u64 + 1) as usize;
            let count = rng.below(6) as usize;
            let side = if rng.below(2) == 0 { Side::Left } else { Side::Right };
            match rng.below(9) {
                0..3 => {
                    list.grow(1, value.len(), limits);
                    list.push(side, &value, limits);
                    let end = if side == Side::Left { 0 } else { model.len() };
                    model.insert(end, value);
                }
                3..5 => {
                    list.grow(1, value.len(), limits);
                    assert_eq!(list.insert(at, side, &value, limits), at < model.len());
                    if at < model.len() {
                        model.insert(at + usize::from(side == Side::Right), value);
                    }
                }
                5 => {
                    list.grow(1, value.len(), limits);
                    assert_eq!(list.set(at, &value, limits), at < model.len());
                    if let Some(old) = model.get_mut(at) {
                        *old = value;
                    }
                }
                6 => {
                    list.remove_range(at, count);
                    model.drain(at..(at + count).min(model.len()));
                }
                7 => {
                    list.drop_end(side);
                    if side == Side::Left && !model.is_empty() {
                        model.remove(0);
                    } else {
                        model.pop();
                    }
                }
                _ => {
                    let places: Vec<usize> =
                        (0..model.len()).filter(|&index| model[index] == value).collect();
                    let skip =
                        if side == Side::Left { 0 } else { places.len().saturating_sub(count) };
                    let gone: Vec<usize> = places.into_iter().skip(skip).take(count).collect();
                    assert_eq!(list.remove_matching(&value, side, count), gone.len());
                    for &index in gone.iter().rev() {
                        model.remove(index);
                    }
                }
            }
            list.shrink(limits);
            if model.len() > 150 {
                list.remove_range(20, 110);
                model.drain(20..130);
            }
            check(&list, &model, limits);
            let index = rng.below(model.len() as u64 + 2) as usize;
            assert_eq!(list.get(index).map(Element::to_vec).as_ref(), model.get(index));
        }
    }

    #[test]
    fn lists_behave_like_vectors_under_any_limits() {
        for (fill, plain_from) in [
            (-2, None),
            (-1, Some(100)),
            (0, None),
            (1, None),
            (5, None),
            (7, Some(1)),
            (128, None),
        ] {
            let seed = 3 + u64::from(i32::unsigned_abs(fill));
            behaves_like_a_vector(Limits { fill, plain_from }, seed);
        }
    }

    #[test]
    fn a_list_changes_its_form_where_redis_does() {
        let limits = Limits { fill: 4, plain_from: None };
        let mut list = QuickList::default();
        for value in [b"a", b"b", b"c", b"d", b"e"] {
            let before = list.encoding();
            list.grow(1, 1, limits);
            list.push(Side::Right, value, limits);
            assert_eq!(before, "listpack");
        }
        assert_eq!((list.encoding(), list.nodes().count()), ("quicklist", 2));
        list.drop_end(Side::Right);
        list.shrink(limits);
        assert_eq!((list.encoding(), list.nodes().count()), ("quicklist", 1));
        list.remove_range(0, 1);
        list.shrink(limits);
        assert_eq!(list.encoding(), "quicklist");
        list.remove_range(0, 1);
        list.shrink(limits);
        assert_eq!(list.encoding(), "listpack");
    }

    #[test]
    fn nodes_from_a_snapshot_become_a_list() {
        let mut pack = Listpack::new();
        pack.push_back(Element::Int(1));
        let nodes = [
            OwnedNode::Packed(pack),
            OwnedNode::Packed(Listpack::new()),
            OwnedNode::Plain(b"big".as_slice().into()),
        ];
        let limits = Limits::default();
        let of = |count: usize| {
            let mut list = QuickList::to_fill(limits);
            nodes.iter().take(count).for_each(|node| list.push_node(node.clone()));
            list.settle(limits);
            list
        };
        let list = of(3);
        assert_eq!((list.len(), list.nodes().count(), list.encoding()), (2, 2, "quicklist"));
        assert_eq!((of(2).len(), of(2).encoding()), (1, "listpack"));
        assert!(of(0).is_empty());
    }
}
