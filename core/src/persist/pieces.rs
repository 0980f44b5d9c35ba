//! Large values, piece by piece, for whoever writes them down.
//!
//! What a piece is does not depend on the form in which it is written: some elements, a node, a block
//! of a string. A [`Cutting`] says how far one has come, so that between two pieces a value may
//! change; what a table held when its [walk](crate::store::walk) began, its walk still shows.

use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::ds::quicklist::NodeRef;
use crate::ds::stream::{Consumer, Group, Idempotence, Pending, Producer, StreamId};
use crate::ds::{Element, Hash, Listpack, Set, Stream};
use crate::store::walk::{BLOCK_BYTES, Kept, Live};
use crate::store::{Value, ValueRef};

/// Longer strings come in blocks, in bytes. In a snapshot they are not compressed: how long the
/// compressed form is stands before it, so it would have to be kept as a whole, and a snapshot takes
/// no memory that grows with the data.
pub(super) const WHOLE_BYTES_MAX: usize = 512 * 1024;
/// Elements of a piece; of long ones fewer, so that …
const ELEMENTS_AT_ONCE: usize = 64;
/// … they have about so many bytes together.
const ELEMENT_BYTES: usize = 64 * 1024;

/// How far a value is.
#[derive(Clone, Debug)]
pub enum Cutting {
    /// A string, up to this byte of so many.
    String(usize, usize),
    /// The table of a set, a hash without expiries or a sorted set, which knows by itself, of so many
    /// elements.
    Table(usize),
    /// The table of a hash of so many fields, which do not expire before this time.
    Expiring(usize, i64),
    /// A list, up to this byte of this node. Nodes of one long element come in blocks.
    List(usize, usize),
    /// A stream.
    Stream(StreamCutting),
    /// An array, up to this place.
    Array(u64),
}

/// How far a stream is.
#[derive(Clone, Debug, Default)]
pub enum StreamCutting {
    /// Before its nodes.
    #[default]
    Start,
    /// Behind this node.
    Nodes(StreamId),
    /// Behind this group, or before all of them.
    Groups(Option<Box<[u8]>>),
    /// In this group's pending entries, before this one.
    Pending(Box<[u8]>, StreamId),
    /// In this group, behind this consumer, or before all of them.
    Consumers(Box<[u8]>, Option<Box<[u8]>>),
    /// In this group, in the entries pending for this consumer, before this one.
    Claims(Box<[u8]>, Box<[u8]>, StreamId),
    /// In this group, in the entries that were given back, before this one.
    GivenBack(Box<[u8]>, StreamId),
    /// In the producers, before this one.
    Producers(usize),
}

/// A piece of a value.
#[derive(Clone, Copy)]
pub enum Piece<'a> {
    /// A whole string.
    String(&'a [u8]),
    /// A block of a string.
    Block(&'a [u8]),
    /// A node of a list.
    Node(NodeRef<'a>),
    /// A node of a list that is one element of so many bytes, of which all blocks follow.
    LongNode(usize),
    /// That was its last block.
    LongNodeEnd,
    /// A member of a set.
    Member(&'a [u8]),
    /// A member of a sorted set, and its score.
    Scored(&'a [u8], f64),
    /// A field of a hash, its value, and when it expires, in milliseconds since 1970.
    Field(&'a [u8], &'a [u8], Option<i64>),
    /// A part of a stream.
    Stream(&'a Stream, StreamPiece<'a>),
    /// A place of an array, and the value there.
    Placed(u64, Element<'a>),
}

/// A piece of a stream.
#[derive(Clone, Copy)]
pub enum StreamPiece<'a> {
    /// A node: the ID that its entries are relative to.
    Node(StreamId, &'a Listpack),
    /// What follows the nodes, without the groups.
    BehindNodes,
    /// A group, without what is pending.
    Group(&'a [u8], &'a Group),
    /// An entry that is pending in a group.
    Pending(StreamId, Pending),
    /// The consumers of a group follow.
    Consumers(&'a Group),
    /// A consumer of the group of this name, without what is pending for it.
    Consumer(&'a [u8], &'a Consumer),
    /// An entry that is pending for a consumer of the group of this name.
    Claim(&'a [u8], &'a Consumer, StreamId, Pending),
    /// What was given back to a group follows.
    GivenBackBegin(&'a Group),
    /// An entry that was given back to the group of this name, and how often it was delivered.
    GivenBack(&'a [u8], StreamId, u64),
    /// What producers have numbered follows, if anything was.
    ProducersBegin(Option<&'a Idempotence>),
    /// A producer.
    Producer(&'a Producer),
    /// That was what producers have numbered.
    ProducersEnd(Option<&'a Idempotence>),
}

impl Cutting {
    /// At the beginning of `value`; what a table or a long string held is what `live` says.
    pub fn begin(value: ValueRef<'_>, live: Option<Live>) -> Self {
        let len = live.map_or(0, |live| live.len);
        match (value, live.and_then(|live| live.first_due_ms)) {
            (ValueRef::Int(_) | ValueRef::Str { .. }, _) => Self::String(0, len),
            (ValueRef::List(_), _) => Self::List(0, 0),
            (ValueRef::Stream(_), _) => Self::Stream(StreamCutting::default()),
            (ValueRef::Array(_), _) => Self::Array(0),
            (ValueRef::Set(_) | ValueRef::SortedSet(_), _) => Self::Table(len),
            (ValueRef::Hash(_), Some(first_ms)) => Self::Expiring(len, first_ms),
            (ValueRef::Hash(_), None) => Self::Table(len),
        }
    }

    /// Gives `put` the next piece of `value`, or of what it was if it is a string that has changed.
    /// Returns whether it was the last; `None` if the value is not what was begun with.
    pub fn cut(
        &mut self,
        value: &mut Value,
        kept: Option<&Kept>,
        put: &mut dyn FnMut(Piece<'_>),
    ) -> Option<bool> {
        match (self, value) {
            (Self::String(from, len), Value::Str(bytes)) => {
                let block = |from| match kept {
                    Some(kept) => kept.block(bytes, from),
                    None => {
                        bytes.get(from..bytes.len().min(from + BLOCK_BYTES)).unwrap_or_default()
                    }
                };
                Some(cut_string(from, *len, block, put))
            }
            (Self::Table(_), Value::Set(set)) => match &mut **set {
                Set::Table(table) if table.walk_id().is_some() => {
                    let count = at_once(table.heap_bytes(), table.len());
                    Some(table.walk_some(count, |pair| put(Piece::Member(pair.key))))
                }
                _ => None,
            },
            (Self::Table(_), Value::SortedSet(set)) => {
                set.walk_id()?;
                let count = at_once(set.heap_bytes(), set.len());
                Some(set.walk_some(count, |member, score| {
                    put(Piece::Scored(member, score));
                }))
            }
            (Self::Table(_) | Self::Expiring(..), Value::Hash(hash)) => cut_hash(hash, put),
            (Self::List(node, from), Value::List(list)) => {
                *from = list.node(*node).map_or(0, |node| cut_list_node(node, *from, put));
                if *from == 0 {
                    *node += 1;
                }
                Some(*node >= list.nodes_len())
            }
            (Self::Stream(cutting), Value::Stream(stream)) => {
                Some(cutting.cut(stream, &mut |piece| put(Piece::Stream(stream, piece))))
            }
            (Self::Array(from), Value::Array(array)) => {
                let next = array.each_in_block(*from, &mut |place, element| {
                    put(Piece::Placed(place, element));
                    true
                });
                *from = next.unwrap_or_default();
                Some(next.is_none())
            }
            _ => None,
        }
    }
}

fn cut_string<'a>(
    from: &mut usize,
    len: usize,
    block: impl Fn(usize) -> &'a [u8],
    put: &mut dyn FnMut(Piece<'_>),
) -> bool {
    if *from == 0 && len <= WHOLE_BYTES_MAX {
        let blocks: Vec<&[u8]> = (0..len).step_by(BLOCK_BYTES).map(block).collect();
        put(Piece::String(&blocks.concat()));
        return true;
    }
    put(Piece::Block(block(*from)));
    *from = len.min(*from + BLOCK_BYTES);
    *from == len
}

/// Returns up to where the node is cut, 0 if that is its end.
fn cut_list_node(node: NodeRef<'_>, from: usize, put: &mut dyn FnMut(Piece<'_>)) -> usize {
    let NodeRef::Plain(bytes) = node else {
        put(Piece::Node(node));
        return 0;
    };
    if !is_in_blocks(bytes.len()) {
        put(Piece::Node(node));
        return 0;
    }
    if from == 0 {
        put(Piece::LongNode(bytes.len()));
    }
    let to = bytes.len().min(from + BLOCK_BYTES);
    put(Piece::Block(bytes.get(from..to).unwrap_or_default()));
    if to < bytes.len() {
        return to;
    }
    put(Piece::LongNodeEnd);
    0
}

/// Whether a string of so many bytes comes in blocks.
pub fn is_in_blocks(len: usize) -> bool {
    len > WHOLE_BYTES_MAX
}

/// How many elements are a piece, of so many that take so many bytes.
fn at_once(bytes: usize, elements: usize) -> usize {
    let each = (bytes / elements.max(1)).max(1);
    (ELEMENT_BYTES / each).clamp(1, ELEMENTS_AT_ONCE)
}

fn cut_hash(hash: &mut Hash, put: &mut dyn FnMut(Piece<'_>)) -> Option<bool> {
    let table = hash.as_table_mut().filter(|table| table.walk_id().is_some())?;
    let count = at_once(table.heap_bytes(), table.len());
    Some(table.walk_some(count, |pair| {
        pair.value.with_bytes(|value| put(Piece::Field(pair.key, value, pair.expires_ms)));
    }))
}

impl StreamCutting {
    /// Gives `put` the next piece of `stream`; returns whether it was the last.
    pub fn cut(&mut self, stream: &Stream, put: &mut dyn FnMut(StreamPiece<'_>)) -> bool {
        let next = match &*self {
            Self::Start => cut_node(stream.nodes().next(), put),
            Self::Nodes(last) => cut_node(stream.nodes_after(*last).next(), put),
            Self::Groups(last) => {
                let behind = last.as_deref().map_or(Unbounded, Excluded);
                match stream.groups.from(behind).next() {
                    Some((name, group)) => {
                        put(StreamPiece::Group(name, group));
                        Self::Pending(name.into(), StreamId::MIN)
                    }
                    None => {
                        put(StreamPiece::ProducersBegin(stream.idempotence.as_deref()));
                        Self::Producers(0)
                    }
                }
            }
            Self::Producers(place) => {
                let known = stream.idempotence.as_deref();
                match known.and_then(|known| known.producers().get(*place)) {
                    Some(producer) => put(StreamPiece::Producer(producer)),
                    None => {
                        put(StreamPiece::ProducersEnd(known));
                        return true;
                    }
                }
                Self::Producers(place + 1)
            }
            Self::GivenBack(name, from) => match stream.groups.get(name) {
                Some(group) => cut_given_back(name, group, *from, put),
                None => return true,
            },
            Self::Pending(name, from) => match stream.groups.get(name) {
                Some(group) => cut_pending(name, group, *from, put),
                None => return true,
            },
            Self::Consumers(name, last) => match stream.groups.get(name) {
                Some(group) => match group.consumer_after(last.as_deref()) {
                    Some(consumer) => {
                        put(StreamPiece::Consumer(name, consumer));
                        Self::Claims(name.clone(), consumer.name.clone(), StreamId::MIN)
                    }
                    None => {
                        put(StreamPiece::GivenBackBegin(group));
                        Self::GivenBack(name.clone(), StreamId::MIN)
                    }
                },
                None => return true,
            },
            Self::Claims(name, consumer, from) => {
                let Some(group) = stream.groups.get(name) else { return true };
                let found = group.find(consumer).and_then(|number| group.get(number));
                let Some(found) = found else { return true };
                match cut_claims(name, group, found, *from, put) {
                    Some(next) => Self::Claims(name.clone(), consumer.clone(), next),
                    None => Self::Consumers(name.clone(), Some(consumer.clone())),
                }
            }
        };
        *self = next;
        false
    }
}

fn cut_node(
    node: Option<(StreamId, &Listpack)>,
    put: &mut dyn FnMut(StreamPiece<'_>),
) -> StreamCutting {
    match node {
        Some((id, pack)) => {
            put(StreamPiece::Node(id, pack));
            StreamCutting::Nodes(id)
        }
        None => {
            put(StreamPiece::BehindNodes);
            StreamCutting::Groups(None)
        }
    }
}

fn cut_pending(
    name: &[u8],
    group: &Group,
    from: StreamId,
    put: &mut dyn FnMut(StreamPiece<'_>),
) -> StreamCutting {
    let mut pending = group.pending_from(from);
    for (id, pending) in pending.by_ref().take(ELEMENTS_AT_ONCE) {
        put(StreamPiece::Pending(id, pending));
    }
    match pending.next() {
        Some((next, _)) => StreamCutting::Pending(name.into(), next),
        None => {
            put(StreamPiece::Consumers(group));
            StreamCutting::Consumers(name.into(), None)
        }
    }
}

fn cut_given_back(
    name: &[u8],
    group: &Group,
    from: StreamId,
    put: &mut dyn FnMut(StreamPiece<'_>),
) -> StreamCutting {
    let mut given_back = group.given_back().range(Included(from));
    for (id, ()) in given_back.by_ref().take(ELEMENTS_AT_ONCE) {
        let deliveries = group.pending(id).map_or(0, |pending| pending.deliveries);
        put(StreamPiece::GivenBack(name, id, deliveries));
    }
    match given_back.next() {
        Some((next, ())) => StreamCutting::GivenBack(name.into(), next),
        None => StreamCutting::Groups(Some(name.into())),
    }
}

/// Returns where the next piece begins, if there is one.
fn cut_claims(
    name: &[u8],
    group: &Group,
    consumer: &Consumer,
    from: StreamId,
    put: &mut dyn FnMut(StreamPiece<'_>),
) -> Option<StreamId> {
    let mut claims = consumer.pending_from(from);
    for id in claims.by_ref().take(ELEMENTS_AT_ONCE) {
        if let Some(pending) = group.pending(id) {
            put(StreamPiece::Claim(name, consumer, id, pending));
        }
    }
    claims.next()
}
