//! What a value looks like inside.
//!
//! DUMP gives a value in the very bytes in which small ones are kept, and larger ones element by
//! element. [`draw`] makes a value of it with the engine's own structures, as RESTORE would, and
//! tells what those are made of: a listpack entry by entry, an intset, the nodes of a list, the
//! blocks of a stream, the registers of a HyperLogLog, the levels of a sorted set's tree. What DUMP
//! does not say is the history: a tree is drawn as it is when its members are entered anew.

pub mod limits;
pub mod pack;
pub(crate) mod view;

use redstart::ds::array::BlockRef;
use redstart::ds::hyperloglog::{self, Registers};
use redstart::ds::listpack::ListpackRef;
use redstart::ds::quicklist::NodeRef;
use redstart::ds::{Array, Listpack, Set, Stream};
use redstart::persist::rdb::undump;
use redstart::store::{Type, Value, ValueRef};

use limits::{Limits, Measure};
use pack::Pack;

/// Entries of a listpack that are shown.
const ENTRIES_MAX: usize = 120;

/// Nodes or blocks whose entries can be shown.
const NODES_MAX: usize = 60;

/// Numbers of an intset that are shown.
const NUMBERS_MAX: usize = 256;

/// A value's structure.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The type's name in TYPE; `hll` for a string that is a HyperLogLog.
    pub kind: &'static str,
    /// The encoding, as OBJECT ENCODING names it; of a HyperLogLog `sparse` or `dense`.
    pub encoding: &'static str,
    /// What the bounds of the encoding go by.
    pub measure: Measure,
    /// What it is made of.
    pub shape: Shape,
}

/// What a value is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A number in place of a pointer.
    Int(i64),
    /// Bytes.
    Bytes {
        /// How many.
        length: usize,
    },
    /// One listpack; what its entries are, in turn.
    Pack(Pack, &'static [Role]),
    /// Sorted integers.
    Ints {
        /// Bytes of each.
        width: usize,
        /// The first of them.
        numbers: Vec<i64>,
        /// How many there are.
        count: usize,
    },
    /// A list of nodes.
    Nodes(Vec<Node>),
    /// A hash table.
    Table {
        /// Entries in it.
        entries: usize,
        /// Places in it.
        slots: usize,
    },
    /// A hash table, and a tree in the order of scores.
    Tree {
        /// Entries in the table.
        entries: usize,
        /// Places in the table.
        slots: usize,
        /// How many slots or children each node holds, level by level.
        levels: Vec<Vec<usize>>,
    },
    /// Blocks of entries, found through a tree of their IDs.
    Blocks(Vec<Block>),
    /// Blocks of 64 places of an array.
    Windows(Vec<Window>),
    /// Registers of a HyperLogLog.
    Registers {
        /// One a register.
        ranks: Vec<u8>,
        /// The runs, if it is sparse, as PFDEBUG DECODE prints them.
        runs: Option<String>,
        /// The estimate.
        count: u64,
    },
}

/// What an entry of a listpack is in the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An element of a list.
    Element,
    /// A member of a set.
    Member,
    /// A score.
    Score,
    /// A field's name.
    Field,
    /// A field's value.
    Value,
    /// When a field expires.
    Expiry,
}

/// A node of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Elements in it.
    pub entries: usize,
    /// Its bytes.
    pub bytes: usize,
    /// Its bytes cut up, unless it is one plain element or comes too late in the list.
    pub pack: Option<Pack>,
}

/// A block of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The ID of its first entry.
    pub id: String,
    /// Entries that are there.
    pub entries: i64,
    /// Entries that were deleted and still take room.
    pub deleted: i64,
    /// The names of fields that entries share.
    pub fields: Vec<Vec<u8>>,
    /// Its bytes.
    pub bytes: usize,
    /// Its bytes cut up, unless it comes too late in the stream.
    pub pack: Option<Pack>,
}

/// Sixty-four places of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The first of them.
    pub first: u64,
    /// Which are taken: a bit each, the lowest for the first.
    pub mask: u64,
    /// Bytes of the values.
    pub bytes: usize,
    /// Its bytes cut up, unless its values lie each on its own or it comes too late in the array.
    pub pack: Option<Pack>,
}

/// Draws what a payload of DUMP holds; `None` if it cannot be read. Costs O(bytes).
pub fn draw(payload: &[u8], limits: &Limits) -> Option<Drawing> {
    let value = undump(payload, limits.forms()).ok()?;
    let view = value.view();
    if let Some(text) = view.text() {
        return Some(of_string(&value, &text));
    }
    let mut measure = Measure { elements: elements(view), ..Measure::default() };
    let shape = match view {
        ValueRef::List(list) => of_nodes(list.nodes(), list.as_listpack(), &mut measure),
        ValueRef::Set(set) => of_set(set, &mut measure),
        ValueRef::SortedSet(set) => match set.as_listpack() {
            Some(pack) => of_pack(pack.view(), &[Role::Member, Role::Score], &mut measure),
            None => Shape::Tree {
                entries: set.len(),
                slots: set.slot_count().unwrap_or(0),
                levels: set.levels().unwrap_or_default(),
            },
        },
        ValueRef::Hash(hash) => match hash.as_listpack() {
            Some((pack, true)) => {
                of_pack(pack, &[Role::Field, Role::Value, Role::Expiry], &mut measure)
            }
            Some((pack, false)) => of_pack(pack, &[Role::Field, Role::Value], &mut measure),
            None => Shape::Table { entries: hash.len(), slots: hash.slot_count().unwrap_or(0) },
        },
        ValueRef::Stream(stream) => of_stream(stream, &mut measure),
        ValueRef::Array(array) => of_array(array, &mut measure),
        ValueRef::Int(_) | ValueRef::Str { .. } => return None,
    };
    Some(Drawing { kind: view.kind().name(), encoding: view.encoding(), measure, shape })
}

fn elements(view: ValueRef<'_>) -> u64 {
    match view {
        ValueRef::List(list) => list.len() as u64,
        ValueRef::Set(set) => set.len() as u64,
        ValueRef::SortedSet(set) => set.len() as u64,
        ValueRef::Hash(hash) => hash.len() as u64,
        ValueRef::Stream(stream) => stream.len(),
        ValueRef::Array(array) => array.count(),
        ValueRef::Int(_) | ValueRef::Str { .. } => 1,
    }
}

fn of_string(value: &Value, text: &[u8]) -> Drawing {
    let measure = Measure { elements: 1, bytes: text.len() as u64, ..Measure::default() };
    if let Some(drawing) = of_hyperloglog(text, measure) {
        return drawing;
    }
    let (kind, encoding) = (Type::String.name(), value.view().encoding());
    let shape = match value {
        Value::Int(number) => Shape::Int(*number),
        _ => Shape::Bytes { length: text.len() },
    };
    Drawing { kind, encoding, measure, shape }
}

fn of_hyperloglog(text: &[u8], measure: Measure) -> Option<Drawing> {
    let view = hyperloglog::View::of(text)?;
    let mut registers = Registers::default();
    registers.merge(view).ok()?;
    let encoding = match view.encoding() {
        hyperloglog::Encoding::Dense => "dense",
        hyperloglog::Encoding::Sparse => "sparse",
    };
    let shape = Shape::Registers {
        ranks: registers.iter().collect(),
        runs: view.runs().map(hyperloglog::describe),
        count: registers.count(),
    };
    Some(Drawing { kind: "hll", encoding, measure, shape })
}

fn of_pack(list: ListpackRef<'_>, roles: &'static [Role], measure: &mut Measure) -> Shape {
    let timed = roles.len() == 3;
    let entries = list.iter().enumerate();
    // When a field expires is no text that a bound is about.
    let texts = entries.filter(|(index, _)| !(timed && index % 3 == 2));
    let longest = texts.map(|(_, element)| element.with_bytes(<[u8]>::len)).max();
    measure.longest = longest.unwrap_or(0) as u64;
    measure.bytes = list.as_bytes().len() as u64;
    Shape::Pack(pack::read(list.as_bytes(), ENTRIES_MAX), roles)
}

fn of_set(set: &Set, measure: &mut Measure) -> Shape {
    match set {
        Set::Ints(ints) => {
            let bytes = ints.as_bytes();
            measure.bytes = bytes.len() as u64;
            let width = bytes.first_chunk().map_or(0, |width| u32::from_le_bytes(*width));
            let numbers = ints.iter().take(NUMBERS_MAX).collect();
            Shape::Ints { width: width as usize, numbers, count: ints.len() }
        }
        Set::Pack(pack) => of_pack(pack.view(), &[Role::Member], measure),
        Set::Table(table) => Shape::Table { entries: table.len(), slots: table.slot_count() },
    }
}

fn of_nodes<'a>(
    nodes: impl Iterator<Item = NodeRef<'a>>,
    whole: Option<&Listpack>,
    measure: &mut Measure,
) -> Shape {
    if let Some(pack) = whole {
        let shape = of_pack(pack.view(), &[Role::Element], measure);
        (measure.last_bytes, measure.last_entries) = (measure.bytes, measure.elements);
        return shape;
    }
    let node = |(index, node): (usize, NodeRef<'_>)| match node {
        NodeRef::Packed(list) => Node {
            entries: list.len(),
            bytes: list.byte_len(),
            pack: (index < NODES_MAX).then(|| pack::read(list.as_bytes(), ENTRIES_MAX)),
        },
        NodeRef::Plain(bytes) => Node { entries: 1, bytes: bytes.len(), pack: None },
    };
    let nodes: Vec<Node> = nodes.enumerate().map(node).collect();
    measure.bytes = nodes.iter().map(|node| node.bytes as u64).sum();
    let last = nodes.last().map_or((0, 0), |node| (node.bytes as u64, node.entries as u64));
    (measure.last_bytes, measure.last_entries) = last;
    Shape::Nodes(nodes)
}

fn of_stream(stream: &Stream, measure: &mut Measure) -> Shape {
    let mut blocks = Vec::new();
    for (id, list) in stream.nodes() {
        let mut head = list.iter().map(redstart::ds::Element::to_vec);
        let mut number = || {
            let text = head.next().unwrap_or_default();
            redstart::base::num::parse_i64(&text).unwrap_or(0)
        };
        let (entries, deleted, count) = (number(), number(), number());
        let fields = head.take(usize::try_from(count).unwrap_or(0)).collect();
        blocks.push(Block {
            id: String::from_utf8_lossy(&id.text(b'-')).into_owned(),
            entries,
            deleted,
            fields,
            bytes: list.byte_len(),
            pack: (blocks.len() < NODES_MAX).then(|| pack::read(list.as_bytes(), ENTRIES_MAX)),
        });
    }
    measure.bytes = blocks.iter().map(|block| block.bytes as u64).sum();
    if let Some(last) = blocks.last() {
        measure.last_bytes = last.bytes as u64;
        measure.last_entries = (last.entries + last.deleted).unsigned_abs();
    }
    Shape::Blocks(blocks)
}

fn of_array(array: &Array, measure: &mut Measure) -> Shape {
    let window = |(index, block): (usize, BlockRef<'_>)| Window {
        first: block.first,
        mask: block.mask,
        bytes: block.bytes,
        pack: block
            .pack
            .filter(|_| index < NODES_MAX)
            .map(|list| pack::read(list.as_bytes(), ENTRIES_MAX)),
    };
    let windows: Vec<Window> = array.blocks().enumerate().map(window).collect();
    measure.bytes = windows.iter().map(|window| window.bytes as u64).sum();
    if let Some(last) = windows.last() {
        measure.last_bytes = last.bytes as u64;
        measure.last_entries = u64::from(last.mask.count_ones());
    }
    Shape::Windows(windows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;
    use redstart::resp::Reply;

    /// Draws the value that commands make of `k`, and checks that its encoding is the server's.
    fn drawn(server: &mut Server, lines: &[&str]) -> Drawing {
        server.run("DEL k");
        lines.iter().for_each(|line| drop(server.run(line)));
        let Reply::Bulk(payload) = server.run("DUMP k") else { panic!("no such key") };
        let drawing = draw(&payload, &Limits::default()).unwrap();
        if drawing.kind != "hll" {
            let encoding = server.run("OBJECT ENCODING k");
            assert_eq!(encoding, Reply::Bulk(drawing.encoding.as_bytes().to_vec()));
        }
        drawing
    }

    #[test]
    fn small_values_are_one_listpack() {
        let mut server = Server::new();
        let drawing = drawn(&mut server, &["HSET k name ada born 1815"]);
        let Shape::Pack(pack, roles) = drawing.shape else { panic!("{drawing:?}") };
        let values: Vec<&[u8]> = pack.entries.iter().map(|entry| &entry.value[..]).collect();
        assert_eq!(values, [&b"name"[..], b"ada", b"born", b"1815"]);
        assert_eq!(roles, [Role::Field, Role::Value]);
        assert_eq!((drawing.measure.elements, drawing.measure.longest), (2, 4));
        let timed = drawn(&mut server, &["HSET k f v", "HEXPIRE k 100 FIELDS 1 f"]);
        assert_eq!((timed.encoding, timed.measure.longest), ("listpackex", 1));
        let zset = drawn(&mut server, &["ZADD k 1.5 a"]);
        assert!(matches!(zset.shape, Shape::Pack(_, [Role::Member, Role::Score])));
    }

    #[test]
    fn sets_are_numbers_listpacks_or_tables() {
        let mut server = Server::new();
        let ints = drawn(&mut server, &["SADD k 3 70000 1"]);
        assert_eq!(ints.shape, Shape::Ints { width: 4, numbers: vec![1, 3, 70_000], count: 3 });
        let pack = drawn(&mut server, &["SADD k a b"]);
        assert!(matches!(pack.shape, Shape::Pack(_, [Role::Member])));
        let word = format!("SADD k {}", "x".repeat(65));
        let Shape::Table { entries, slots } = drawn(&mut server, &[&word]).shape else {
            panic!("no table")
        };
        assert!(entries == 1 && slots >= 1);
    }

    #[test]
    fn long_lists_and_streams_are_nodes() {
        let mut server = Server::new();
        let adds: Vec<String> =
            (0..900).map(|number| format!("RPUSH k element:{number:010}")).collect();
        let lines: Vec<&str> = adds.iter().map(String::as_str).collect();
        let list = drawn(&mut server, &lines);
        let Shape::Nodes(nodes) = &list.shape else { panic!("{list:?}") };
        assert!(nodes.len() > 1);
        assert_eq!(nodes.iter().map(|node| node.entries).sum::<usize>(), 900);
        assert_eq!(list.measure.last_entries, nodes.last().unwrap().entries as u64);
        let adds: Vec<String> = (1..250).map(|id| format!("XADD k {id}-1 temp {id}")).collect();
        let mut lines: Vec<&str> = adds.iter().map(String::as_str).collect();
        lines.push("XDEL k 3-1");
        let stream = drawn(&mut server, &lines);
        let Shape::Blocks(blocks) = &stream.shape else { panic!("{stream:?}") };
        assert_eq!((blocks.len(), blocks[0].id.as_str(), blocks[0].deleted), (3, "1-1", 1));
        assert_eq!(blocks[0].fields, [b"temp".to_vec()]);
        assert_eq!(blocks.iter().map(|block| block.entries).sum::<i64>(), 248);
    }

    #[test]
    fn arrays_are_blocks_of_places() {
        let mut server = Server::new();
        let lines = ["ARSET k 0 a b", "ARSET k 63 c", "ARSET k 5000 d"];
        let drawing = drawn(&mut server, &lines);
        let Shape::Windows(windows) = &drawing.shape else { panic!("{drawing:?}") };
        let places: Vec<(u64, u64)> = windows.iter().map(|it| (it.first, it.mask)).collect();
        assert_eq!(places, [(0, 1 << 63 | 0b11), (4992, 1 << 8)]);
        let pack = windows[0].pack.as_ref().unwrap();
        assert_eq!((pack.count, windows[0].bytes), (3, pack.bytes));
        let long = format!("ARSET k 0 {}", "x".repeat(9000));
        let drawing = drawn(&mut server, &[&long]);
        let Shape::Windows(windows) = &drawing.shape else { panic!("{drawing:?}") };
        assert_eq!((windows[0].pack.as_ref(), windows[0].bytes), (None, 9000));
    }

    #[test]
    fn large_sorted_sets_are_trees() {
        let mut server = Server::new();
        let adds: Vec<String> = (0..1000).map(|id| format!("ZADD k {id} member:{id}")).collect();
        let lines: Vec<&str> = adds.iter().map(String::as_str).collect();
        let Shape::Tree { entries, slots, levels } = drawn(&mut server, &lines).shape else {
            panic!("no tree")
        };
        assert!(entries == 1000 && slots >= 1000);
        assert_eq!(levels.len(), 2);
        assert_eq!(levels[1].iter().sum::<usize>(), 1000);
    }

    #[test]
    fn strings_are_numbers_bytes_or_registers() {
        let mut server = Server::new();
        assert_eq!(drawn(&mut server, &["SET k 12"]).shape, Shape::Int(12));
        let short = drawn(&mut server, &["SET k hello"]);
        assert_eq!(short.shape, Shape::Bytes { length: 5 });
        let sketch = drawn(&mut server, &["PFADD k a b c"]);
        assert_eq!((sketch.kind, sketch.encoding), ("hll", "sparse"));
        let Shape::Registers { ranks, runs, count } = sketch.shape else { panic!("none") };
        assert_eq!((ranks.len(), count), (hyperloglog::REGISTERS, 3));
        assert_eq!(ranks.iter().filter(|rank| **rank > 0).count(), 3);
        assert!(runs.unwrap().starts_with("Z:"));
    }

    #[test]
    fn what_is_no_payload_is_not_drawn() {
        for payload in [&b""[..], b"nonsense", &[1; 40]] {
            assert_eq!(draw(payload, &Limits::default()), None);
        }
    }
}
