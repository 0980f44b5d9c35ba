//! A node that is built without descriptions: who waits for them, and what comes of it.

use super::*;
use crate::engine::Config;
use crate::session::Origin;

const NOW: Time = Time { unix_us: 1_700_000_000_000_000, mono: Monotonic(1_000_000) };

/// A node that has no descriptions, and clients.
struct World {
    node: Node,
    effects: Vec<Effect>,
}

impl World {
    fn with_clients(count: u32) -> Self {
        let mut node = Node::new(Config::default(), Seed::of(1), NOW);
        node.engine.forget_descriptions();
        let mut world = Self { node, effects: Vec::new() };
        for conn in (0..count).map(ConnId) {
            let origin = Origin { addr: "a".into(), laddr: "b".into(), fd: 8, local: true };
            world.tell(Event::Opened { conn, origin });
        }
        world
    }

    fn tell(&mut self, event: Event<'_>) {
        self.node.handle(NOW, event, &mut self.effects);
    }

    fn send(&mut self, conn: u32, lines: &str) {
        self.tell(Event::Received { conn: ConnId(conn), bytes: lines.as_bytes() });
    }

    /// What a client has got.
    fn got(&mut self, conn: u32) -> String {
        let got = self.node.outbox(ConnId(conn)).unwrap().take();
        String::from_utf8_lossy(&got).into_owned()
    }

    /// How often the host was asked for descriptions.
    fn asked(&mut self) -> usize {
        let effects = std::mem::take(&mut self.effects);
        effects.iter().filter(|effect| matches!(effect, Effect::Describe)).count()
    }
}

const DOCS: &str = "COMMAND DOCS get keys\r\n";

/// What a node replies that has them.
fn whole(line: &str) -> String {
    let mut world = World::with_clients(1);
    world.tell(Event::Described(&commands::DESCRIPTIONS));
    world.send(0, line);
    assert_eq!(world.asked(), 0);
    world.got(0)
}

#[test]
fn who_reads_waits_for_descriptions_and_nobody_else() {
    let mut world = World::with_clients(3);
    world.send(0, &format!("COMMAND INFO get\r\n{DOCS}PING\r\n"));
    world.send(1, "OBJECT HELP\r\n");
    world.send(2, "COMMAND COUNT\r\nPING\r\n");
    assert_eq!(world.asked(), 1);
    assert!(world.got(0).ends_with("*0\r\n"), "INFO does not wait");
    assert_eq!(world.got(1), "");
    assert!(world.got(2).ends_with("+PONG\r\n"));
    world.tell(Event::Described(&commands::DESCRIPTIONS));
    assert!(whole(DOCS).contains("\r\nsummary\r\n"));
    assert_eq!(world.got(0), format!("{}+PONG\r\n", whole(DOCS)));
    assert_eq!(world.got(1), whole("OBJECT HELP\r\n"));
    world.send(2, DOCS);
    assert_eq!((world.got(2), world.asked()), (whole(DOCS), 0));
    world.send(2, "CLIENT LIST\r\n");
    assert!(!world.got(2).contains("flags=b"));
}

#[test]
fn in_a_transaction_everybody_waits() {
    let mut world = World::with_clients(3);
    world.send(2, DOCS);
    world.send(0, &format!("MULTI\r\nSET k 1\r\n{DOCS}GET k\r\n{DOCS}EXEC\r\nPING\r\n"));
    world.send(1, "SET k 2\r\nGET k\r\n");
    assert_eq!(world.asked(), 1);
    assert_eq!(world.got(1), "");
    world.tell(Event::Described(&commands::DESCRIPTIONS));
    let docs = whole(DOCS);
    let queued = "+QUEUED\r\n".repeat(4);
    let expect = format!("+OK\r\n{queued}*4\r\n+OK\r\n{docs}$1\r\n1\r\n{docs}+PONG\r\n");
    assert_eq!(world.got(0), expect);
    assert_eq!(world.got(1), "+OK\r\n$1\r\n2\r\n");
    assert_eq!(world.got(2), docs);
}

#[test]
fn what_cannot_be_had_is_left_out_and_asked_for_again() {
    let mut world = World::with_clients(2);
    let mut stale = commands::DESCRIPTIONS.to_vec();
    stale.extend_from_slice(b"NEW\0");
    for bytes in [[].as_slice(), b"<html>", &stale, &stale[..1000]] {
        world.send(0, &format!("{DOCS}CONFIG HELP\r\n"));
        assert_eq!(world.asked(), 1);
        world.tell(Event::Described(bytes));
        assert_eq!(world.asked(), 1, "the second asks for itself");
        world.tell(Event::Described(bytes));
        let got = world.got(0);
        assert!(!got.contains("summary") && !got.contains("since"), "{got}");
        // That a command takes the same time whatever the data is linked for other reasons.
        assert_eq!(got.matches("complexity").count(), 1, "{got}");
        assert!(got.contains("\r\ncomplexity\r\n$4\r\nO(1)\r\n"), "{got}");
        assert!(got.contains("\r\ngroup\r\n$6\r\nstring\r\n"), "{got}");
        assert!(got.contains("+GET parameter [parameter ...]\r\n+SET parameter"), "{got}");
    }
    // Who has gone meanwhile keeps nobody from going on.
    world.send(0, &format!("MULTI\r\n{DOCS}EXEC\r\n"));
    world.tell(Event::Closed { conn: ConnId(0) });
    world.send(1, "PING\r\n");
    assert_eq!(world.got(1), "");
    world.tell(Event::Described(&[]));
    assert_eq!(world.got(1), "+PONG\r\n");
}
