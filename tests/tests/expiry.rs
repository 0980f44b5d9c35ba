//! What a node does by itself, seen from a host: when it wants to be woken, to remove what has
//! expired and to free what was deleted, on clocks that behave and on clocks that jump.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::base::limits;
use redstart::base::rng::Seed;
use redstart::base::time::Time;
use redstart::engine::Config;
use redstart::node::{ConnId, Event, Node, Origin};
use redstart_tests::disk::mount_empty;
use redstart_tests::local::START;

const CONN: ConnId = ConnId(0);

/// A node with one connection.
struct Host {
    node: Node,
    now: Time,
}

impl Host {
    fn new() -> Self {
        let mut config = Config::default();
        // Save points want to be woken for, too.
        config.set_named("save", "").unwrap();
        let mut host = Self { node: Node::new(config, Seed::of(1), START), now: START };
        mount_empty(&mut host.node, START);
        let origin = Origin { addr: "test:1".into(), laddr: "node:1".into(), fd: 0, local: true };
        host.event(Event::Opened { conn: CONN, origin });
        host
    }

    fn event(&mut self, event: Event<'_>) {
        self.node.handle(self.now, event, &mut Vec::new());
    }

    /// Runs an inline command and returns the reply as it is on the wire.
    fn run(&mut self, command: &str) -> String {
        self.event(Event::Received { conn: CONN, bytes: format!("{command}\r\n").as_bytes() });
        String::from_utf8(self.node.outbox(CONN).unwrap().take()).unwrap()
    }

    /// Microseconds until the node wants to be woken.
    fn wait_us(&self) -> Option<u64> {
        self.node.next_wake().map(|at| at.since_us(self.now.mono))
    }

    fn sleep_us(&mut self, us: u64) {
        self.now = self.now.plus_us(us);
        self.event(Event::Wake);
    }
}

#[test]
fn the_node_is_woken_for_the_next_key() {
    let mut host = Host::new();
    host.run("MSET a 1 b 1 c 1");
    assert_eq!(host.wait_us(), None, "keys that stay need no waking");
    host.run("PEXPIRE a 50");
    host.run("PEXPIRE b 20");
    // Gone once the millisecond of its expiry is over.
    assert_eq!(host.wait_us(), Some(21_000));
    host.sleep_us(20_999);
    assert_eq!(host.run("DBSIZE"), ":3\r\n");
    host.sleep_us(1);
    assert_eq!(host.run("DBSIZE"), ":2\r\n");
    assert_eq!(host.wait_us(), Some(30_000));
    host.run("PERSIST a");
    host.sleep_us(60_000);
    assert_eq!(host.run("DBSIZE"), ":2\r\n");
}

#[test]
fn a_wall_clock_that_jumps_is_noticed_within_a_second() {
    let mut host = Host::new();
    host.run("SET a 1 EX 3600");
    let wait_us = host.wait_us().unwrap();
    assert!(wait_us <= limits::EXPIRY_WAKE_MS_MAX.unsigned_abs() * 1000, "{wait_us}");
    host.now.unix_us += 3_601_000_000;
    host.sleep_us(wait_us);
    assert_eq!(host.run("DBSIZE"), ":0\r\n");
    // Back again: the key lives an hour longer, and the node does not wake all the time for it.
    host.run("SET a 1 PX 100");
    host.now.unix_us -= 3_600_000_000;
    host.event(Event::Wake);
    assert!(host.wait_us().unwrap() >= 1000);
    assert_eq!(host.run("DBSIZE"), ":1\r\n");
}

#[test]
fn a_wake_removes_no_more_than_its_bound_from_all_databases_in_turn() {
    let mut host = Host::new();
    let bound = limits::EXPIRED_PER_WAKE_MAX;
    for db in [2, 5] {
        host.run(&format!("SELECT {db}"));
        for number in 0..bound + bound / 2 {
            host.run(&format!("SET key:{number} 1 PX 60000"));
        }
    }
    let sizes = |host: &mut Host| [2, 5].map(|db| host.run(&format!("SELECT {db}\r\nDBSIZE")));
    assert_eq!(sizes(&mut host), [(); 2].map(|()| format!("+OK\r\n:{}\r\n", bound + bound / 2)));
    host.sleep_us(61_000_000);
    assert_eq!(host.wait_us(), Some(0), "there is more to do");
    host.sleep_us(0);
    assert_eq!(host.wait_us(), Some(0));
    host.sleep_us(0);
    host.sleep_us(0);
    assert_eq!(sizes(&mut host), ["+OK\r\n:0\r\n"; 2]);
    assert_ne!(host.wait_us(), Some(0));
}

#[test]
fn what_was_deleted_is_freed_a_little_at_a_time() {
    let mut host = Host::new();
    let elements = " element".repeat(1000);
    let pushes = 5 * limits::FREED_PER_EVENT_MAX / 1000;
    for flush in ["UNLINK list", "DEL list", "FLUSHALL ASYNC", "FLUSHDB", "SET list string"] {
        for _ in 0..pushes {
            host.run(&format!("RPUSH list{elements}"));
        }
        host.run(flush);
        let mut wakes = 0;
        while let Some(wait_us) = host.wait_us() {
            assert_eq!(wait_us, 1000);
            host.sleep_us(wait_us);
            wakes += 1;
        }
        assert!((3..=6).contains(&wakes), "{wakes} wakes after {flush}");
        host.run("DEL list");
    }
}

#[test]
fn what_is_freed_in_slices_is_counted() {
    let mut host = Host::new();
    let field = |host: &mut Host, section: &str, name: &str| -> u64 {
        let text = host.run(&format!("INFO {section}"));
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().parse().unwrap()
    };
    let members: Vec<String> = (0..5000).map(|number| format!("m{number}")).collect();
    host.run(&format!("RPUSH large {}", members.join(" ")));
    host.run("MSET a 1 b 1 c 1");
    host.run("UNLINK large a");
    assert_eq!(field(&mut host, "memory", "lazyfree_pending_objects"), 1, "the small one is gone");
    while host.wait_us().is_some() {
        host.sleep_us(2_000);
    }
    assert_eq!(field(&mut host, "memory", "lazyfree_pending_objects"), 0);
    assert_eq!(field(&mut host, "memory", "lazyfreed_objects"), 1);
    host.run("CONFIG RESETSTAT");
    host.run(&format!("RPUSH large {}", members.join(" ")));
    host.run("FLUSHALL");
    while host.wait_us().is_some() {
        host.sleep_us(2_000);
    }
    assert_eq!(field(&mut host, "memory", "lazyfreed_objects"), 3, "b, c and the large one");
}
