//! How long things take, by a stopwatch that the tests wind: what is measured together, what alone,
//! what counts and what does not, and that it influences nothing else.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::cell::Cell;

use redstart::base::rng::Seed;
use redstart::base::time::Time;
use redstart::engine::Config;
use redstart::node::{ConnId, Event, Node, Origin};
use redstart_tests::disk::mount_empty;
use redstart_tests::local::START;

thread_local! {
    /// What the stopwatch shows.
    static NOW_NS: Cell<u64> = const { Cell::new(0) };
    /// How much further it is at the next reading.
    static STEP_NS: Cell<u64> = const { Cell::new(0) };
    /// How often it was read.
    static READINGS: Cell<u64> = const { Cell::new(0) };
}

/// A stopwatch that goes on by [`STEP_NS`] with every look at it.
fn reading() -> u64 {
    NOW_NS.set(NOW_NS.get() + STEP_NS.get());
    READINGS.set(READINGS.get() + 1);
    NOW_NS.get()
}

/// A node with two connections.
struct Host {
    node: Node,
    now: Time,
}

const A: ConnId = ConnId(0);
const B: ConnId = ConnId(1);

impl Host {
    /// Between two readings of its stopwatch `step_ns` pass.
    fn new(step_ns: u64, settings: &[(&str, &str)]) -> Self {
        let mut host = Self::without_stopwatch(settings);
        host.node.set_stopwatch(reading);
        STEP_NS.set(step_ns);
        host
    }

    fn without_stopwatch(settings: &[(&str, &str)]) -> Self {
        let mut config = Config::default();
        let always = [("save", ""), ("enable-debug-command", "yes")];
        for (name, value) in always.iter().chain(settings) {
            config.set_named(name, value).unwrap();
        }
        let mut host = Self { node: Node::new(config, Seed::of(1), START), now: START };
        mount_empty(&mut host.node, START);
        for (conn, addr) in [(A, "a:1"), (B, "b:1")] {
            let origin = Origin { addr: addr.into(), laddr: "node:1".into(), fd: 0, local: true };
            host.event(Event::Opened { conn, origin });
        }
        host
    }

    fn event(&mut self, event: Event<'_>) {
        self.node.handle(self.now, event, &mut Vec::new());
    }

    /// Runs inline commands that came together; returns the replies as they are on the wire.
    fn run_on(&mut self, conn: ConnId, commands: &[&str]) -> String {
        let encode = |command: &&str| {
            let words: Vec<&str> = command.split(' ').collect();
            let bulks: String =
                words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
            format!("*{}\r\n{bulks}", words.len())
        };
        let bytes: String = commands.iter().map(encode).collect();
        self.event(Event::Received { conn, bytes: bytes.as_bytes() });
        self.replies(conn)
    }

    fn replies(&mut self, conn: ConnId) -> String {
        String::from_utf8_lossy(&self.node.outbox(conn).unwrap().take()).into_owned()
    }

    fn run(&mut self, commands: &[&str]) -> String {
        self.run_on(A, commands)
    }

    /// How often the stopwatch is looked at for these commands.
    fn readings(&mut self, commands: &[&str]) -> u64 {
        let before = READINGS.get();
        self.run(commands);
        READINGS.get() - before
    }

    /// Calls of a command and the nanoseconds that they took, to ten.
    fn took(&mut self, command: &str) -> (u64, u64) {
        let info = self.run(&["INFO commandstats"]);
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
        let figure = |name: &str| {
            let (_, rest) = line.unwrap().split_once(name).unwrap();
            rest.split(',').next().unwrap().to_owned()
        };
        let (calls, each_us) = (figure("calls="), figure("usec_per_call="));
        let calls: u64 = calls.parse().unwrap();
        (calls, each_us.replace('.', "").parse::<u64>().unwrap() * 10 * calls)
    }

    /// Words of the entries of SLOWLOG and the microseconds behind them, the newest first.
    fn slow(&mut self) -> Vec<(String, u64)> {
        let reply = self.run(&["SLOWLOG GET -1"]);
        let mut lines = reply.split("\r\n").skip(1).peekable();
        let mut found = Vec::new();
        while lines.next_if_eq(&"*6").is_some() {
            let took_us = lines.nth(2).unwrap()[1..].parse().unwrap();
            let count: usize = lines.next().unwrap()[1..].parse().unwrap();
            let words: Vec<&str> = (0..count).map(|_| lines.nth(1).unwrap()).collect();
            found.push((words.join(" "), took_us));
            lines.nth(3).unwrap();
        }
        found
    }
}

#[test]
fn small_commands_that_came_together_are_measured_together() {
    let mut host = Host::new(1600, &[]);
    assert_eq!(host.readings(&["SET k v"]), 2);
    assert_eq!(host.took("set"), (1, 1600));
    // Sixteen are decoded ahead at most.
    assert_eq!(host.readings(&["GET k"; 16]), 2);
    assert_eq!(host.took("get"), (16, 1600));
    assert_eq!(host.readings(&["GET k"; 40]), 6);
    host.run(&["CONFIG RESETSTAT"]);
    assert_eq!(host.readings(&["INCR n", "GET k", "INCR n", "GET k"]), 2);
    assert_eq!([host.took("incr"), host.took("get")], [(2, 800), (2, 800)]);
    // One that is not small ends what was before it, and is measured alone.
    host.run(&["CONFIG RESETSTAT", "RPUSH list a b c"]);
    assert_eq!(host.readings(&["GET k", "GET k", "LRANGE list 0 -1", "GET k", "GET k"]), 4);
    assert_eq!([host.took("get"), host.took("lrange")], [(4, 3200), (1, 1600)]);
    // Many words are not small.
    assert_eq!(host.readings(&["GET k", "HSET h a 1 b 2 c 3 d 4", "GET k"]), 4);
}

#[test]
fn a_large_reply_ends_what_is_measured_together() {
    let mut host = Host::new(20_000_000, &[("slowlog-log-slower-than", "-1")]);
    host.run(&[&format!("SET large {}", "x".repeat(100_000)), "SET small x"]);
    host.run(&["CONFIG SET slowlog-log-slower-than 10000"]);
    host.run(&["SLOWLOG RESET"]);
    host.run(&["GET small", "GET large", "GET small", "GET small"]);
    let slow = host.slow();
    let words: Vec<&str> = slow.iter().rev().map(|(words, _)| words.as_str()).collect();
    // From then on each is looked at alone, until the replies are gone.
    assert_eq!(words[1..], ["GET large", "GET small", "GET small"]);
}

#[test]
fn the_last_of_what_took_long_together_is_the_slow_one() {
    let mut host = Host::new(15_000_000, &[]);
    host.run(&["SLOWLOG RESET"]);
    host.run(&["SET a 1", "SET b 2", "GET c"]);
    assert_eq!(host.slow()[0], ("GET c".to_owned(), 15_000));
    assert_eq!([host.took("set"), host.took("get")], [(2, 0), (1, 15_000_000)]);
}

#[test]
fn where_everything_is_slow_each_is_measured_alone() {
    let mut host = Host::new(1000, &[("slowlog-log-slower-than", "0")]);
    assert_eq!(host.readings(&["GET a", "GET b", "GET c"]), 4);
    let words: Vec<_> = ["GET c", "GET b", "GET a"].map(|word| (word.to_owned(), 1)).into();
    assert_eq!(host.slow(), words);
    // Nothing is slow, and nothing needs to be looked at alone.
    host.run(&["CONFIG SET slowlog-log-slower-than -1"]);
    assert_eq!(host.readings(&["GET a", "GET b", "GET c"]), 2);
    host.run(&["CONFIG SET slowlog-log-slower-than 999"]);
    assert_eq!(host.readings(&["GET a", "GET b", "GET c"]), 4);
}

#[test]
fn an_interrupted_row_of_small_commands_is_counted() {
    let mut host = Host::new(1000, &[]);
    // Behind QUIT nothing runs; what it was to be measured with never comes.
    host.run(&["GET a", "QUIT", "GET b", "GET c"]);
    let info = host.run_on(B, &["INFO latencystats"]);
    assert!(info.contains("latency_percentiles_usec_get:p50=0.5"), "{info}");
    assert!(info.contains("latency_percentiles_usec_quit:p50=0.5"), "{info}");
}

/// What was to be measured with others, and did not run, ends it too.
#[test]
fn what_is_queued_or_refused_is_not_waited_for() {
    let mut host = Host::new(1000, &[]);
    host.run(&["MULTI", "SET a 1", "SET b 2", "EXEC"]);
    assert_eq!([host.took("multi"), host.took("set")], [(1, 1000), (2, 2000)]);
    assert_eq!(host.took("exec"), (1, 3000));
    host.run(&["GET a", "GET a", "GET a b"]);
    host.run(&["LRANGE list 0 1"]);
    assert_eq!([host.took("get"), host.took("lrange")], [(2, 1000), (1, 1000)]);
}

#[test]
fn a_transaction_takes_what_is_in_it() {
    let mut host = Host::new(1000, &[("slowlog-log-slower-than", "0")]);
    host.run(&["SLOWLOG RESET", "CONFIG RESETSTAT"]);
    host.run(&["MULTI"]);
    host.run(&["GET a"]);
    host.run(&["LRANGE b 0 1"]);
    host.run(&["EXEC"]);
    assert_eq!([host.took("get"), host.took("lrange")], [(1, 1000), (1, 1000)]);
    assert_eq!(host.took("exec"), (1, 3000));
    let slow = host.slow();
    let of_it: Vec<_> = slow.iter().filter(|(words, _)| !words.starts_with("INFO")).collect();
    assert_eq!(of_it[0].0, "LRANGE b 0 1", "not EXEC");
    assert_eq!(of_it[1], &("GET a".to_owned(), 1));
}

#[test]
fn who_waits_takes_only_its_own_time() {
    let mut host = Host::new(1000, &[("slowlog-log-slower-than", "0")]);
    host.run_on(B, &["BLPOP list 0"]);
    host.now = host.now.plus_us(5_000_000);
    // Its second attempt: the key is of another kind, and it goes on waiting.
    host.run(&["SET list x", "DEL list"]);
    host.run(&["SLOWLOG RESET", "CONFIG RESETSTAT"]);
    host.run(&["RPUSH list a"]);
    assert_eq!(host.replies(B), "*2\r\n$4\r\nlist\r\n$1\r\na\r\n");
    assert_eq!(host.took("blpop"), (1, 2000));
    assert_eq!(host.took("rpush"), (1, 1000), "whom it serves is none of it");
    // Time-outs are logged, too.
    host.run_on(B, &["BLPOP list 1"]);
    host.now = host.now.plus_us(2_000_000);
    host.event(Event::Wake);
    assert_eq!(host.replies(B), "*-1\r\n");
    assert_eq!(host.took("blpop"), (2, 3000));
    let slow = host.slow();
    assert!(slow.contains(&("BLPOP list 0".to_owned(), 2)), "{slow:?}");
    assert!(slow.contains(&("BLPOP list 1".to_owned(), 1)), "{slow:?}");
}

#[test]
fn sleeping_counts_without_a_stopwatch() {
    let mut host = Host::without_stopwatch(&[]);
    host.run(&["DEBUG SLEEP 0.05"]);
    host.now = host.now.plus_us(50_000);
    host.event(Event::Wake);
    assert_eq!(host.slow(), [("DEBUG SLEEP 0.05".to_owned(), 50_000)]);
    host.run(&["GET a"]);
    assert_eq!([host.took("debug"), host.took("get")], [(1, 50_000_000), (1, 0)]);
}

#[test]
fn cycles_are_events_of_their_own() {
    let settings = [
        ("latency-monitor-threshold", "5"),
        ("maxmemory-policy", "allkeys-random"),
        ("slowlog-log-slower-than", "-1"),
    ];
    let mut host = Host::new(6_000_000, &settings);
    host.run(&["SETNX b 1"]);
    host.run(&["SET a 1 PX 10"]);
    host.now = host.now.plus_us(20_000);
    host.event(Event::Wake);
    let latest = host.run(&["LATENCY LATEST"]);
    assert!(latest.contains("expire-cycle\r\n:1700000000\r\n:6\r\n:6\r\n"), "{latest}");
    assert!(latest.contains("fast-command"), "{latest}");
    assert!(!latest.contains("eviction-cycle"), "{latest}");
    (0..100).for_each(|key| {
        host.run(&[&format!("SET key:{key} {}", "x".repeat(1000))]);
    });
    host.run(&["CONFIG RESETSTAT"]);
    host.run(&["CONFIG SET maxmemory 50000"]);
    let latest = host.run(&["LATENCY LATEST"]);
    assert!(
        latest.contains("eviction-cycle"),
        "{latest}{}",
        host.run(&["INFO memory", "INFO stats"])
    );
    // While a command makes room, its own time stands still.
    host.run(&[&format!("SET more {}", "x".repeat(2000))]);
    assert_eq!(host.took("set"), (1, 6_000_000));
}

/// Replies without the figures that are about time.
fn replies_of(host: &mut Host) -> Vec<String> {
    let commands = [
        "SET a 1 PX 50",
        "LPUSH list a b c",
        "SADD set a b c d e f",
        "SRANDMEMBER set 3",
        "SPOP set",
        "BLPOP list 1",
        "MULTI",
        "INCR n",
        "RANDOMKEY",
        "EXEC",
        "SCAN 0",
        "DEBUG DIGEST",
        "OBJECT FREQ a",
        "INFO keyspace",
        "INFO stats",
        "INFO clients",
        "CLIENT LIST",
    ];
    let mut replies = Vec::new();
    for round in 0..20 {
        host.now = host.now.plus_us(7_000);
        for command in commands {
            replies.push(host.run(&[command, "INCR round"]));
        }
        replies.push(host.run_on(B, &["BRPOP list 0.01", &format!("SET key:{round} v")]));
        host.event(Event::Wake);
    }
    replies
}

#[test]
fn it_influences_nothing_else() {
    let settings = [("maxmemory", "4000000"), ("latency-monitor-threshold", "1")];
    let plain = replies_of(&mut Host::without_stopwatch(&settings));
    for step_ns in [0, 1, 1000, 50_000_000, u64::MAX / 100_000] {
        let with = replies_of(&mut Host::new(step_ns, &settings));
        assert_eq!(plain, with, "{step_ns}");
    }
}
