//! `maxmemory` in a host that measures nothing, where the data is all there is: random commands,
//! after which what the node says it uses stays within the limit, and keys that the policy must
//! not touch are there. What a real allocator counts is tested beside the allocator.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeSet;

use redstart::base::rng::{Rng, Seed};
use redstart::base::time::Time;
use redstart::engine::Config;
use redstart::node::{ConnId, Effect, Event, Measures, Node, Origin};
use redstart_tests::disk::mount_empty;
use redstart_tests::local::START;

const CONN: ConnId = ConnId(0);
const MAX_BYTES: u64 = 400_000;

/// What one command can add before the next makes room for it: a chunk of cells, here.
const SLACK_BYTES: u64 = 100_000;

struct Host {
    node: Node,
    now: Time,
}

impl Host {
    fn new(settings: &[(&str, &str)]) -> Self {
        let mut config = Config::default();
        config.set_named("save", "").unwrap();
        for (name, value) in settings {
            config.set_named(name, value).unwrap();
        }
        let mut host = Self { node: Node::new(config, Seed::of(1), START), now: START };
        mount_empty(&mut host.node, START);
        host.open(CONN);
        host
    }

    fn event(&mut self, event: Event<'_>) {
        self.node.handle(self.now, event, &mut Vec::new());
    }

    fn open(&mut self, conn: ConnId) {
        let origin = Origin { addr: "test:1".into(), laddr: "node:1".into(), fd: 0, local: true };
        self.event(Event::Opened { conn, origin });
    }

    /// Sends bytes on a connection; returns the connections that the node closes then.
    fn send(&mut self, conn: ConnId, bytes: &[u8]) -> Vec<ConnId> {
        let mut effects = Vec::new();
        self.node.handle(self.now, Event::Received { conn, bytes }, &mut effects);
        let closed = effects.into_iter().filter_map(|effect| match effect {
            Effect::Close { conn } => Some(conn),
            _ => None,
        });
        closed.collect()
    }

    /// Runs inline commands in one event and returns the replies as they are on the wire.
    fn run(&mut self, commands: &str) -> String {
        self.event(Event::Received { conn: CONN, bytes: format!("{commands}\r\n").as_bytes() });
        String::from_utf8_lossy(&self.node.outbox(CONN).unwrap().take()).into_owned()
    }

    /// Wakes the node as often as it asks for it at once.
    fn settle(&mut self) -> usize {
        let mut wakes = 0;
        while self.node.next_wake().is_some_and(|wake| wake <= self.now.mono) {
            self.event(Event::Wake);
            wakes += 1;
            assert!(wakes < 10_000, "the node comes to rest");
        }
        wakes
    }

    /// A field of INFO.
    fn info(&mut self, section: &str, field: &str) -> u64 {
        let text = self.run(&format!("INFO {section}"));
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap().parse().unwrap()
    }
}

/// One random command; keys that never expire are added to `kept`.
fn command(rng: &mut Rng, volatile_only: bool, kept: &mut BTreeSet<String>) -> String {
    let key = format!("key:{}", rng.below(100_000));
    let value = "v".repeat([5, 50, 200, 2000][rng.below(4) as usize]);
    match rng.below(10) {
        0 if volatile_only => {
            let key = format!("kept:{}", rng.below(200));
            kept.insert(key.clone());
            format!("SET {key} {value}")
        }
        1 if !volatile_only => format!("RPUSH list:{} {value} {value}", rng.below(50)),
        2 if !volatile_only => format!("HSET hash:{} {key} {value}", rng.below(50)),
        3 => format!("GET {key}"),
        4 => format!("DEL {key}"),
        _ => format!("SET {key} {value} EX {}", 1000 + rng.below(1000)),
    }
}

#[test]
fn random_commands_stay_within_the_limit() {
    for policy in [
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-lrm",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-lrm",
        "volatile-random",
        "volatile-ttl",
    ] {
        let mut host = Host::new(&[("maxmemory", "400000"), ("maxmemory-policy", policy)]);
        let mut rng = Rng::new(Seed::of(7));
        let mut kept = BTreeSet::new();
        let mut most = 0;
        for _ in 0..400 {
            host.now = host.now.plus_us(10_000);
            // Several databases, one after the other.
            let mut pipeline = format!("SELECT {}\r\n", rng.below(3));
            if policy.starts_with("volatile") {
                pipeline.clear();
            }
            for _ in 0..1 + rng.below(60) {
                let command = command(&mut rng, policy.starts_with("volatile"), &mut kept);
                pipeline.push_str(&command);
                pipeline.push_str("\r\n");
            }
            let replies = host.run(&pipeline);
            assert!(!replies.contains("-OOM"), "{policy}");
            host.settle();
            most = most.max(host.info("memory", "used_memory"));
        }
        assert!(host.info("stats", "evicted_keys") > 1000, "{policy}: room was made");
        assert!(most > MAX_BYTES * 9 / 10, "{policy}: the limit was reached: {most}");
        assert!(most < MAX_BYTES + SLACK_BYTES, "{policy}: {most}");
        for key in kept {
            assert_eq!(host.run(&format!("EXISTS {key}")), ":1\r\n", "{policy}: {key}");
        }
    }
}

/// A limit far below what is there: each event removes some, and the node asks to go on.
#[test]
fn no_event_removes_too_many() {
    let mut host =
        Host::new(&[("maxmemory-policy", "allkeys-lru"), ("enable-debug-command", "yes")]);
    host.run("DEBUG POPULATE 20000");
    host.run("CONFIG SET maxmemory 200000");
    let evicted = host.info("stats", "evicted_keys");
    assert!((500..3000).contains(&evicted), "{evicted}");
    let exceeded = host.info("stats", "current_eviction_exceeded_time");
    host.now = host.now.plus_us(5_000);
    assert!(host.info("stats", "current_eviction_exceeded_time") >= exceeded + 5);
    // Meanwhile commands run.
    assert_eq!(host.run("SET key value"), "+OK\r\n");
    let wakes = host.settle();
    assert!(wakes >= 10, "{wakes} wakes");
    assert!(host.info("memory", "used_memory") <= 200_000);
    assert_eq!(host.info("stats", "current_eviction_exceeded_time"), 0);
    assert!(host.info("stats", "total_eviction_exceeded_time") >= 5);
    // With all tenacity, one event does it.
    host.run("CONFIG SET maxmemory 0 maxmemory-eviction-tenacity 100");
    host.run("DEBUG POPULATE 20000");
    host.run("CONFIG SET maxmemory 200000");
    assert_eq!(host.settle(), 0);
    assert!(host.info("memory", "used_memory") <= 200_000);
}

/// Removing one large value makes room at once, though it is freed in slices.
#[test]
fn a_large_value_is_removed_alone() {
    let mut host = Host::new(&[("maxmemory-policy", "volatile-ttl"), ("maxmemory", "1gb")]);
    for number in 0..500 {
        host.run(&format!("RPUSH list {}", format!("element:{number} ").repeat(40)));
        host.run(&format!("SET key:{number} value EX {}", 10_000 + number));
    }
    // A value that comes at once is seen as a whole; how one grows is for the host to measure.
    host.run("COPY list large");
    host.run("EXPIRE large 100");
    let used = host.info("memory", "used_memory");
    host.run(&format!("CONFIG SET maxmemory {}", used - 100_000));
    host.settle();
    assert_eq!(host.info("stats", "evicted_keys"), 1);
    assert_eq!(host.run("EXISTS large"), ":0\r\n");
    assert_eq!(host.run("DBSIZE"), ":501\r\n");
}

/// What was flushed is no reason to refuse or to remove anything.
#[test]
fn a_flushed_database_makes_room() {
    for policy in ["noeviction", "allkeys-random"] {
        let mut host = Host::new(&[("maxmemory-policy", policy), ("enable-debug-command", "yes")]);
        host.run("CONFIG SET maxmemory 1gb");
        host.run("DEBUG POPULATE 50000");
        let used = host.info("memory", "used_memory");
        host.run(&format!("CONFIG SET maxmemory {used}"));
        host.run("FLUSHALL");
        assert_eq!(host.run("SET key value"), "+OK\r\n");
        assert_eq!(host.info("stats", "evicted_keys"), 0, "{policy}");
    }
}

/// Keys in use survive those that were used once.
#[test]
fn used_often_and_used_lately_stay() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-lrm"] {
        let mut host = Host::new(&[("maxmemory", "300000"), ("maxmemory-policy", policy)]);
        for round in 0..300 {
            host.now = host.now.plus_us(1_000_000);
            for number in 0..50 {
                host.run(&format!("SET often:{number} value"));
            }
            for number in 0..50 {
                host.run(&format!("SET once:{round}:{number} {}", "v".repeat(100)));
            }
        }
        assert!(host.info("stats", "evicted_keys") > 5000, "{policy}");
        for number in 0..50 {
            assert_eq!(host.run(&format!("EXISTS often:{number}")), ":1\r\n", "{policy} {number}");
        }
    }
}

/// Under a policy that goes by changes, reading a key does not keep it, and changing it in place does.
#[test]
fn only_changes_keep_a_key() {
    let settings = [("maxmemory", "300000"), ("maxmemory-policy", "allkeys-lrm")];
    let mut host = Host::new(&settings);
    for number in 0..50 {
        host.run(&format!("SET read:{number} value"));
        host.run(&format!("SADD changed:{number} member"));
    }
    host.run("SET moving value");
    host.now = host.now.plus_us(100_000_000);
    assert_eq!(host.run("GET read:0"), "$5\r\nvalue\r\n");
    host.run("SADD changed:0 other");
    host.run("RENAME moving moved");
    assert_eq!(host.run("OBJECT IDLETIME read:0"), ":100\r\n");
    assert_eq!(host.run("OBJECT IDLETIME changed:0"), ":0\r\n");
    assert_eq!(host.run("OBJECT IDLETIME moved"), ":0\r\n");
    for round in 0..100 {
        host.now = host.now.plus_us(1_000_000);
        for number in 0..50 {
            host.run(&format!("GET read:{number}"));
            host.run(&format!("SADD changed:{number} {}", round % 7));
            host.run(&format!("SREM changed:{number} {}", round % 7));
            host.run(&format!("SET once:{round}:{number} {}", "v".repeat(100)));
        }
    }
    for number in 0..50 {
        assert_eq!(host.run(&format!("EXISTS read:{number}")), ":0\r\n", "{number}");
        assert_eq!(host.run(&format!("EXISTS changed:{number}")), ":1\r\n", "{number}");
    }
}

/// The beginning of a command with an argument of so many bytes.
fn unfinished(bytes: usize) -> Vec<u8> {
    let mut sent = format!("*2\r\n$4\r\nECHO\r\n${}\r\n", 10_000_000).into_bytes();
    sent.resize(sent.len() + bytes, b'x');
    sent
}

/// `maxmemory-clients`: the largest go, but for those that must not, until the rest is within it.
#[test]
fn the_largest_clients_are_closed() {
    let mut host = Host::new(&[("maxmemory-clients", "2mb")]);
    let [small, middle, large, kept] = [1, 2, 3, 4].map(ConnId);
    for conn in [small, middle, large, kept] {
        host.open(conn);
    }
    host.send(kept, b"CLIENT NO-EVICT ON\r\n");
    assert_eq!(host.send(small, &unfinished(100_000)), []);
    assert_eq!(host.send(middle, &unfinished(600_000)), []);
    assert_eq!(host.send(large, &unfinished(700_000)), []);
    assert_eq!(host.send(kept, &unfinished(900_000)), [large]);
    assert_eq!(host.info("stats", "evicted_clients"), 1);
    // What could not be changed is not tried again and again, and a new limit is.
    assert_eq!(host.send(CONN, b"CONFIG SET maxmemory-clients 1mb\r\n"), [middle]);
    let closed = host.send(kept, &vec![b'x'; 1_000_000]);
    assert!(closed.contains(&small) && closed.contains(&CONN) && !closed.contains(&kept));
}

#[test]
fn output_transactions_and_watched_keys_count() {
    let large = "v".repeat(200_000);
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n{large}\r\n");
    let begin = |commands: &str| {
        let mut host = Host::new(&[("maxmemory-clients", "10%"), ("maxmemory", "10mb")]);
        host.open(ConnId(1));
        assert_eq!(host.send(ConnId(1), commands.as_bytes()), []);
        host
    };
    let mut host = begin(&set);
    assert_eq!(host.send(ConnId(1), "GET k\r\n".repeat(4).as_bytes()), []);
    assert_eq!(host.send(ConnId(1), "GET k\r\n".repeat(4).as_bytes()), [ConnId(1)], "output");
    let mut host = begin("MULTI\r\n");
    assert_eq!(host.send(ConnId(1), set.repeat(4).as_bytes()), []);
    assert_eq!(host.send(ConnId(1), set.repeat(4).as_bytes()), [ConnId(1)], "a transaction");
    let mut host = begin("");
    let watch: String = (0..20_000).map(|number| format!("WATCH key:{number}\r\n")).collect();
    assert_eq!(host.send(ConnId(1), watch.as_bytes()), [ConnId(1)], "watched keys");
    // Without a limit on memory there is none on a share of it.
    let mut host = Host::new(&[("maxmemory-clients", "10%")]);
    assert_eq!(host.send(CONN, &unfinished(5_000_000)), []);
}

/// A page's memory only grows: limits go by the data then, and what is deleted makes room.
#[test]
fn memory_that_never_falls_is_no_reason_to_remove_everything() {
    let mut host = Host::new(&[("maxmemory", "400000"), ("maxmemory-policy", "allkeys-lru")]);
    let measures = Measures { used_memory: 50_000_000, is_peak: true, ..Measures::default() };
    for number in 0..10_000 {
        host.event(Event::Measured(measures.clone()));
        assert_eq!(host.run(&format!("SET key:{number} {}", "v".repeat(100))), "+OK\r\n");
    }
    let text = host.run("DBSIZE");
    let keys: u64 = text[1..].trim().parse().unwrap();
    assert!((1_500..3_500).contains(&keys), "{keys}");
    assert_eq!(host.info("memory", "used_memory"), 50_000_000);
    host.run("CONFIG SET maxmemory-policy noeviction");
    host.run("FLUSHALL");
    assert_eq!(host.run("SET key value"), "+OK\r\n");
}
