//! What a client can make a node hold for it, and how a client that goes too far is closed. These
//! clients do not read what they are sent, which a transcript cannot say.

use redstart::base::rng::Seed;
use redstart::base::time::{Monotonic, Time};
use redstart::engine::Config;
use redstart::node::{ConnId, Effect, Event, Node, Origin};
use redstart_tests::disk::mount_empty;

/// A node whose connections are read only when a test says so.
struct World {
    node: Node,
    now: Time,
    effects: Vec<Effect>,
}

impl World {
    fn new(settings: &[(&str, &str)]) -> Self {
        let mut config = Config::default();
        for (name, value) in settings.iter().chain(&[("save", "")]) {
            config.set_named(name, value).expect("a parameter and its value");
        }
        let now = Time { unix_us: 1_700_000_000_000_000, mono: Monotonic(1_000_000) };
        let mut node = Node::new(config, Seed::of(1), now);
        mount_empty(&mut node, now);
        Self { node, now, effects: Vec::new() }
    }

    fn event(&mut self, event: Event<'_>) {
        self.node.handle(self.now, event, &mut self.effects);
    }

    fn open(&mut self, conn: u32) {
        let addr = format!("client:{conn}");
        let origin = Origin { addr, laddr: "node:6379".into(), fd: 0, local: true };
        self.event(Event::Opened { conn: ConnId(conn), origin });
    }

    fn send(&mut self, conn: u32, bytes: impl AsRef<[u8]>) {
        self.event(Event::Received { conn: ConnId(conn), bytes: bytes.as_ref() });
    }

    /// Lets time pass, waking the node as a host would.
    fn wait(&mut self, ms: u64) {
        let end = self.now.mono.plus_ms(ms);
        while let Some(at) = self.node.next_wake().filter(|&at| at <= end) {
            self.now = self.now.plus_us(at.since_us(self.now.mono).max(1));
            self.event(Event::Wake);
        }
        self.now = self.now.plus_us(end.since_us(self.now.mono));
        self.event(Event::Wake);
    }

    fn pending(&mut self, conn: u32) -> String {
        let out = self.node.outbox(ConnId(conn)).expect("an open connection");
        String::from_utf8_lossy(out.pending()).into_owned()
    }

    /// Reads all that a connection is owed.
    fn read(&mut self, conn: u32) -> String {
        let out = self.node.outbox(ConnId(conn)).expect("an open connection");
        String::from_utf8(out.take()).expect("replies in ASCII")
    }

    /// How often the node has asked for this connection to be closed.
    fn closed(&self, conn: u32) -> usize {
        let close = Effect::Close { conn: ConnId(conn) };
        self.effects.iter().filter(|effect| **effect == close).count()
    }
}

const LIMIT: &str = "client-output-buffer-limit";

#[test]
fn a_subscriber_above_the_hard_limit_is_closed_and_gets_nothing() {
    let mut world = World::new(&[(LIMIT, "pubsub 1000 0 0")]);
    world.open(0);
    world.open(1);
    world.send(0, "SUBSCRIBE c\r\n");
    let message = "x".repeat(300);
    for _ in 0..3 {
        world.send(1, format!("PUBLISH c {message}\r\n"));
    }
    assert_eq!(world.closed(0), 1);
    assert_eq!(world.pending(0), "");
    world.read(1);
    world.send(1, "PUBLISH c x\r\nPUBSUB NUMSUB c\r\n");
    assert_eq!(world.pending(1), ":0\r\n*2\r\n$1\r\nc\r\n:0\r\n");
    world.send(0, "PING\r\n");
    assert_eq!(world.pending(0), "", "a closing client is not heard");
    world.event(Event::Closed { conn: ConnId(0) });
    assert_eq!(world.closed(0), 1);
}

#[test]
fn a_subscriber_above_the_soft_limit_is_closed_after_its_time() {
    let mut world = World::new(&[(LIMIT, "pubsub 0 500 2")]);
    for conn in 0..3 {
        world.open(conn);
    }
    world.send(0, "SUBSCRIBE c\r\n");
    world.send(1, "SUBSCRIBE c\r\n");
    world.send(2, format!("PUBLISH c {}\r\n", "x".repeat(600)));
    world.wait(1_900);
    assert_eq!(world.closed(0) + world.closed(1), 0);
    world.read(0);
    world.wait(300);
    assert_eq!((world.closed(0), world.closed(1)), (0, 1), "one has read in time");
    world.wait(10_000);
    assert_eq!(world.closed(0), 0);
}

#[test]
fn a_monitor_that_does_not_read_is_closed_like_a_subscriber() {
    let mut world = World::new(&[(LIMIT, "pubsub 2000 0 0")]);
    world.open(0);
    world.open(1);
    world.send(0, "MONITOR\r\n");
    for _ in 0..100 {
        world.send(1, "ECHO something\r\n");
    }
    assert_eq!(world.closed(0), 1);
    assert_eq!(world.closed(1), 0, "a normal client has no limit by default");
}

#[test]
fn pipelined_commands_stop_at_the_limit_on_replies() {
    let mut world = World::new(&[(LIMIT, "normal 100000 0 0")]);
    world.open(0);
    world.send(0, format!("SET k {}\r\n", "x".repeat(50_000)));
    world.send(0, "GET k\r\nGET k\r\nGET k\r\nSET late 1\r\n");
    assert_eq!(world.closed(0), 1);
    world.open(1);
    world.send(1, "EXISTS late\r\n");
    assert_eq!(world.pending(1), ":0\r\n");
}

#[test]
fn a_client_that_sends_without_end_is_closed() {
    let mut world = World::new(&[("client-query-buffer-limit", "1mb")]);
    world.open(0);
    world.open(1);
    world.send(0, "*1\r\n$10000000\r\n");
    world.send(1, "BLPOP queue 0\r\n");
    for _ in 0..20 {
        world.send(0, vec![b'x'; 100_000]);
        world.send(1, "PING\r\n".repeat(20_000));
    }
    assert_eq!((world.closed(0), world.closed(1)), (1, 1));
}

#[test]
fn a_transaction_counts_as_input_that_waits() {
    let mut world = World::new(&[("client-query-buffer-limit", "1mb")]);
    world.open(0);
    world.send(0, "MULTI\r\n");
    for _ in 0..20 {
        world.send(0, format!("SET k {}\r\n", "x".repeat(60_000)));
    }
    assert_eq!(world.closed(0), 1);
}

#[test]
fn too_many_clients_are_turned_away() {
    let mut world = World::new(&[("maxclients", "2")]);
    for conn in 0..3 {
        world.open(conn);
    }
    assert_eq!(world.pending(2), "-ERR max number of clients reached\r\n");
    assert_eq!(world.closed(2), 1);
    world.event(Event::Closed { conn: ConnId(2) });
    world.event(Event::Closed { conn: ConnId(0) });
    world.open(2);
    world.send(2, "PING\r\n");
    assert_eq!(world.pending(2), "+PONG\r\n");
}

#[test]
fn idle_clients_are_closed_unless_they_wait_for_something() {
    let mut world = World::new(&[("timeout", "10")]);
    for conn in 0..4 {
        world.open(conn);
    }
    world.send(1, "BLPOP queue 0\r\n");
    world.send(2, "SUBSCRIBE c\r\n");
    world.wait(8_000);
    world.send(3, "PING\r\n");
    world.wait(4_000);
    let closed: Vec<usize> = (0..4).map(|conn| world.closed(conn)).collect();
    assert_eq!(closed, [1, 0, 0, 0]);
    world.wait(10_000);
    assert_eq!(world.closed(3), 1);
}

#[test]
fn a_web_request_is_no_command_and_is_logged() {
    let mut world = World::new(&[]);
    world.open(0);
    world.send(0, "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a 1\r\n");
    assert_eq!(world.closed(0), 1);
    assert_eq!(world.pending(0), "");
    let is_warning = |effect: &Effect| match effect {
        Effect::Log(record) => record.text.starts_with("Possible SECURITY ATTACK detected"),
        _ => false,
    };
    assert!(world.effects.iter().any(is_warning));
}
