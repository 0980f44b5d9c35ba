//! No event does much work, however large a value is that is saved, rewritten or loaded.
//!
//! Work is counted and not timed: in each event, what the node allocates. A copy of something large
//! shows there, and so does whatever is written in one piece, on every machine alike.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::node::{ConnId, DiskOp, Effect, Event, How, Node, Origin, Unreadable};
use redstart_tests::disk::SimDisk;
use redstart_tests::local::START;
use redstart_tests::wire::{encoded, line};

const CONN: ConnId = ConnId(0);

/// What an event may allocate: the largest is what was written since the disk was last given some,
/// in a buffer that has grown by doubling.
const BYTES_MAX: usize = 2 << 20;
const PIECES_MAX: usize = 5_000;
/// Larger pieces are room that a long string or the disk's parts will fill event by event.
const ROOM_BYTES: usize = 1 << 20;

/// Pending entries of each group, elements of each collection.
const ENTRIES: usize = 10_000;
/// Groups of the stream.
const GROUPS: usize = 3;
/// Bytes of a long string.
const LONG: usize = 5_000_000;

struct Counted;

/// What this thread has allocated: pieces, their bytes, and the bytes of those that are not room.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    pieces: usize,
    bytes: usize,
    small_bytes: usize,
}

thread_local! {
    static WORK: Cell<Work> = const { Cell::new(Work { pieces: 0, bytes: 0, small_bytes: 0 }) };
}

fn count(size: usize) {
    let _ = WORK.try_with(|work| {
        let Work { pieces, bytes, small_bytes } = work.get();
        let small = if size > ROOM_BYTES { 0 } else { size };
        let (bytes, small_bytes) = (bytes + size, small_bytes + small);
        work.set(Work { pieces: pieces + 1, bytes, small_bytes });
    });
}

// SAFETY: every method passes its arguments on to the system's allocator and returns its answer;
// counting touches no memory of the caller and never panics.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `dealloc`'s contract, and the system has allocated `pointer`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps `realloc`'s contract, and the system has allocated `pointer`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// A node, its disk, and the most that one of its events did.
struct World {
    node: Node,
    disk: SimDisk,
    asked: Vec<DiskOp>,
    most: Work,
}

impl World {
    fn new(settings: &[(&str, &str)], files: BTreeMap<String, Vec<u8>>) -> Self {
        let mut config = Config::default();
        let always = [
            ("save", ""),
            ("list-max-listpack-size", "16"),
            ("appendfsync", "no"),
            ("enable-debug-command", "yes"),
        ];
        for (name, value) in always.iter().chain(settings) {
            config.set_named(name, value).unwrap();
        }
        let mut world = Self {
            node: Node::new(config, Seed::of(1), START),
            disk: SimDisk::new(Seed::of(1), files),
            asked: Vec::new(),
            most: Work::default(),
        };
        let origin = Origin { addr: "a:1".into(), laddr: "b:1".into(), fd: 8, local: true };
        world.handle(Event::Opened { conn: CONN, origin });
        world.handle(Event::Mounted { unreadable: Unreadable::Refuse });
        while world.turn() {}
        assert!(!world.node.is_loading());
        world
    }

    fn handle(&mut self, event: Event<'_>) {
        let mut effects = Vec::with_capacity(1000);
        WORK.set(Work::default());
        self.node.handle(START, event, &mut effects);
        let work = WORK.get();
        self.most.pieces = self.most.pieces.max(work.pieces);
        self.most.bytes = self.most.bytes.max(work.bytes);
        self.most.small_bytes = self.most.small_bytes.max(work.small_bytes);
        let ops = effects.into_iter().filter_map(|effect| match effect {
            Effect::Disk(op) => Some(op),
            Effect::Imported(result) => {
                result.unwrap();
                None
            }
            _ => None,
        });
        self.asked.extend(ops);
    }

    /// What the disk answers, and a wake if it is time for one; false if there is neither.
    fn turn(&mut self) -> bool {
        let asked = std::mem::take(&mut self.asked);
        let is_due = self.node.next_wake().is_some_and(|wake| wake <= START.mono);
        let is_idle = asked.is_empty() && !is_due;
        for op in asked {
            let done = self.disk.run(op);
            self.handle(Event::Disk(done));
        }
        if is_due {
            self.handle(Event::Wake);
        }
        !is_idle
    }

    fn send(&mut self, bytes: &[u8]) -> String {
        self.handle(Event::Received { conn: CONN, bytes });
        let reply = self.node.outbox(CONN).unwrap().take();
        String::from_utf8_lossy(&reply).into_owned()
    }

    fn run(&mut self, words: &[&str]) -> String {
        let reply = self.send(&encoded(&line(words)));
        assert!(!reply.starts_with('-'), "{words:?}: {reply}");
        reply
    }

    /// A command with so many elements, each `template` with its number for `#`.
    fn fill(&mut self, start: &str, template: &str) {
        for from in (0..ENTRIES).step_by(500) {
            let elements = (from..from + 500).map(|n| template.replace('#', &n.to_string()));
            let all: Vec<String> = elements.collect();
            let all = format!("{start} {}", all.join(" "));
            self.run(&all.split(' ').collect::<Vec<_>>());
        }
    }

    fn fill_all(&mut self) {
        self.fill("SADD set", "member:#");
        self.fill("HSET hash", "field:# value:#");
        self.fill("ZADD zset", "# member:#");
        self.fill("RPUSH list", "element:#");
        self.fill("ARINSERT array", "value:#");
        for from in (0..ENTRIES).step_by(500) {
            let adds = (from..from + 500).flat_map(|n| {
                encoded(&line(&["XADD", "stream", &format!("{}-1", n + 1), "field", "value"]))
            });
            let adds: Vec<u8> = adds.collect();
            assert!(!self.send(&adds).contains("\r\n-"));
        }
        let half = (ENTRIES / 2).to_string();
        for group in 0..GROUPS {
            let group = format!("group{group}");
            self.run(&["XGROUP", "CREATE", "stream", &group, "0"]);
            for consumer in ["one", "two"] {
                let words =
                    ["XREADGROUP", "GROUP", &group, consumer, "COUNT", &half, "STREAMS", "stream"];
                self.run(&[&words[..], &[">"]].concat());
            }
        }
        for id in 1..ENTRIES / 4 {
            let id = format!("{id}-1");
            self.run(&["XNACK", "stream", "group0", "FAIL", "IDS", "1", &id]);
        }
        let long = "0123456789abcdef".repeat(LONG / 16);
        self.run(&["SET", "string", &long]);
        self.run(&["RPUSH", "few", "first", &long, "last"]);
        self.run(&["RPUSH", "list", &long]);
        self.most = Work::default();
    }

    /// Changes every large value, each time elsewhere.
    fn change(&mut self, turn: usize) {
        let n = turn * 7919 % ENTRIES;
        let (number, id) = (n.to_string(), format!("{n}-1"));
        let group = format!("group{}", turn % GROUPS);
        self.run(&["SREM", "set", &format!("member:{n}")]);
        self.run(&["HSET", "hash", &format!("field:{n}"), "other"]);
        self.run(&["ZADD", "zset", "5", &format!("member:{n}")]);
        self.run(&["LSET", "list", &number, "other"]);
        self.run(&["ARSET", "array", &number, "other"]);
        self.run(&["XACK", "stream", &group, &id]);
        self.run(&["XDEL", "stream", &id]);
        self.run(&["SETBIT", "string", &(n * 8).to_string(), "1"]);
        self.run(&["LSET", "few", "0", &number]);
    }

    /// Goes on, and changes everything, until what is under way is done; returns how many turns that
    /// took.
    fn change_meanwhile(&mut self) -> usize {
        let mut turns = 0;
        while self.run(&["INFO", "persistence"]).contains("_in_progress:1") {
            self.turn();
            self.change(turns);
            turns += 1;
            assert!(turns < 100_000);
        }
        while self.turn() {}
        turns
    }

    #[track_caller]
    fn check(&mut self, bytes: fn(&Work) -> usize) {
        let most = std::mem::take(&mut self.most);
        assert!(bytes(&most) <= BYTES_MAX && most.pieces <= PIECES_MAX, "{most:?}");
    }
}

/// The limits mean something: what is not cut breaks them.
#[test]
fn what_is_done_in_one_event_shows() {
    let mut world = World::new(&[], BTreeMap::new());
    world.fill_all();
    world.run(&["GETRANGE", "string", "0", "-1"]);
    assert!(world.most.bytes > BYTES_MAX);
}

#[test]
fn a_snapshot_is_made_and_loaded_in_small_events() {
    let mut world = World::new(&[], BTreeMap::new());
    world.fill_all();
    for compression in ["yes", "no"] {
        world.run(&["CONFIG", "SET", "rdbcompression", compression]);
        world.run(&["BGSAVE"]);
        assert!(world.change_meanwhile() > 100);
        world.check(|most| most.bytes);
    }
    let mut loaded = World::new(&[], world.disk.files());
    loaded.check(|most| most.small_bytes);
    // It was of a moment before the last changes, of which none makes or removes a key.
    assert_eq!(loaded.run(&["DBSIZE"]), world.run(&["DBSIZE"]));
    assert_eq!(loaded.run(&["STRLEN", "string"]), world.run(&["STRLEN", "string"]));
    assert_eq!(loaded.run(&["LLEN", "list"]), world.run(&["LLEN", "list"]));
}

/// Long elements are so few in a piece that together they are no more than a few short pieces.
#[test]
fn collections_of_long_elements_are_cut_too() {
    const ELEMENT: usize = 50_000;
    let mut world = World::new(&[], BTreeMap::new());
    for n in 0..160_usize {
        let element = format!("{n}:{}", "0123456789abcdef".repeat(ELEMENT / 16));
        world.run(&["HSET", "hash", &n.to_string(), &element]);
        world.run(&["SADD", "set", &element]);
        world.run(&["ZADD", "zset", &n.to_string(), &element]);
    }
    world.most = Work::default();
    for compression in ["yes", "no"] {
        world.run(&["CONFIG", "SET", "rdbcompression", compression]);
        world.run(&["BGSAVE"]);
        while world.turn() {}
        world.check(|most| most.bytes);
        let mut loaded = World::new(&[], world.disk.files());
        loaded.check(|most| most.small_bytes);
        for key in ["hash", "set", "zset"] {
            let digest = ["DEBUG", "DIGEST-VALUE", key];
            assert_eq!(loaded.run(&digest), world.run(&digest), "{key}");
        }
    }
}

/// One element is never cut, nor is a command of an append-only file: what it costs is a few copies of
/// it, and no more, however long it is. Of a snapshot it is read in parts, and copied once, when
/// there may be room for the next one already.
#[test]
fn one_long_element_costs_a_few_copies() {
    const COPIES: usize = 5;
    let settings = [("appendonly", "yes"), ("aof-use-rdb-preamble", "no")];
    for settings in [&settings[..], &[]] {
        let mut world = World::new(settings, BTreeMap::new());
        let element = "0123456789abcdef".repeat(LONG / 16);
        world.run(&["HSET", "hash", "field", &element]);
        world.run(&["SADD", "set", &element]);
        world.run(&["ZADD", "zset", "1", &element]);
        world.run(&["SET", "string", &element]);
        while world.turn() {}
        world.most = Work::default();
        world.run(&[if settings.is_empty() { "BGSAVE" } else { "BGREWRITEAOF" }]);
        while world.turn() {}
        assert!(world.most.bytes < COPIES * LONG, "{:?}", world.most);
        let mut loaded = World::new(settings, world.disk.files());
        let copies = if settings.is_empty() { 3 } else { COPIES };
        assert!(loaded.most.bytes < copies * LONG, "{:?}", loaded.most);
        for key in ["hash", "set", "zset", "string"] {
            let digest = ["DEBUG", "DIGEST-VALUE", key];
            assert_eq!(loaded.run(&digest), world.run(&digest), "{key}");
        }
    }
}

#[test]
fn a_rewrite_is_made_in_small_events() {
    for preamble in ["yes", "no"] {
        let settings = [("appendonly", "yes"), ("aof-use-rdb-preamble", preamble)];
        let mut world = World::new(&settings, BTreeMap::new());
        world.fill_all();
        while world.turn() {}
        world.most = Work::default();
        world.run(&["BGREWRITEAOF"]);
        assert!(world.change_meanwhile() > 100);
        world.check(|most| most.bytes);
        let mut loaded = World::new(&settings, world.disk.files());
        for key in ["set", "hash", "zset", "list", "array", "stream", "string", "few"] {
            let digest = ["DEBUG", "DIGEST-VALUE", key];
            assert_eq!(loaded.run(&digest), world.run(&digest), "{key}, preamble {preamble}");
        }
    }
}

#[test]
fn what_is_added_to_data_is_added_in_small_events() {
    let words = |from: usize, to: usize, value: &str| {
        let sets = (from..to)
            .flat_map(|n| encoded(&line(&["SET", &format!("key:{n}"), &format!("{value}:{n}")])));
        sets.collect::<Vec<u8>>()
    };
    let mut source = World::new(&[], BTreeMap::new());
    assert!(!source.send(&words(0, ENTRIES, "new")).contains('-'));
    source.run(&["SAVE"]);
    while source.turn() {}
    let files = source.disk.files();
    let brought = BTreeMap::from([("brought".to_owned(), files["dump.rdb"].clone())]);
    for (appendonly, how) in
        [("yes", How::Over), ("no", How::Over), ("no", How::Beside), ("yes", How::Instead)]
    {
        let settings = [("appendonly", appendonly)];
        let mut world = World::new(&settings, brought.clone());
        let half = if how == How::Beside { 0 } else { ENTRIES / 2 };
        world.send(&words(0, half, "old"));
        world.run(&["SET", "other", "old"]);
        while world.turn() {}
        world.most = Work::default();
        world.handle(Event::Import { name: "brought".into(), how });
        while world.turn() {}
        world.check(|most| most.small_bytes);
        let count = if how == How::Instead { ENTRIES } else { ENTRIES + 1 };
        let mut worlds = vec![world];
        if appendonly == "yes" {
            worlds.push(World::new(&settings, worlds[0].disk.files()));
        }
        for world in &mut worlds {
            assert_eq!(world.run(&["DBSIZE"]), format!(":{count}\r\n"), "{how:?}");
            assert_eq!(world.run(&["GET", "key:1"]), "$5\r\nnew:1\r\n", "{how:?}");
        }
    }
}
