//! Snapshots are of one moment: whatever is done while one is written, the file holds what was there
//! when it began.
//!
//! `SNAPSHOT_ROUNDS` and `SNAPSHOT_SEED` ask for more, or for one round again.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::base::rng::{Rng, Seed};
use redstart::base::time::Time;
use redstart::engine::Config;
use redstart::node::Level;
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};

const ROUNDS: u64 = 5;
/// Small keys of each database.
const SMALL: u64 = 700;
/// Turns that a snapshot may take.
const TURNS_MAX: usize = 100_000;

/// A node, and a client of it.
struct World {
    local: Local,
    rng: Rng,
    history: Vec<String>,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn a_snapshot_holds_what_was_there_when_it_began() {
    let first = number("SNAPSHOT_SEED").unwrap_or(1);
    for seed in first..first + number("SNAPSHOT_ROUNDS").unwrap_or(ROUNDS) {
        let mut world = World::new(seed);
        world.fill();
        let expected = world.digest();
        let mut turns = world.save_meanwhile(|world| {
            for _ in 0..world.rng.below(20) {
                world.change();
            }
        });
        let mut read = read_back(&world, &[]);
        assert_eq!(digest(&mut read), expected, "SNAPSHOT_SEED={seed} after {turns} turns");
        if seed.is_multiple_of(4) {
            // The marks of one that was given up do not spoil the next.
            let mut left = world.rng.below(8);
            world.run("BGSAVE");
            while left > 0 && world.local.turn() {
                left -= 1;
                world.change();
            }
            world.run("BGSAVE CANCEL");
        }
        let after = world.digest();
        turns = world.save_meanwhile(|world| world.change());
        let mut read = read_back(&world, &[]);
        assert_eq!(digest(&mut read), after, "SNAPSHOT_SEED={seed}, the second, {turns} turns");
    }
}

/// Whatever changes while the base is made is in the increment beside it, and only there.
#[test]
fn a_rewrite_and_what_is_done_meanwhile_make_up_the_data() {
    let first = number("SNAPSHOT_SEED").unwrap_or(1);
    for seed in first..first + number("SNAPSHOT_ROUNDS").unwrap_or(ROUNDS) {
        let settings = [
            ("appendonly", "yes"),
            ("appendfsync", "no"),
            ("aof-use-rdb-preamble", if seed.is_multiple_of(2) { "yes" } else { "no" }),
        ];
        let mut world = World::with(seed, &settings);
        world.fill();
        while world.local.turn() {}
        for round in 0..2 {
            if round == 1 {
                // Turned on anew, with data there.
                world.run("CONFIG SET appendonly no");
                world.change();
                world.run("CONFIG SET appendonly yes");
            } else if seed.is_multiple_of(3) {
                // The marks of a snapshot that was given up are taken away first.
                world.run("BGSAVE");
                world.local.turn();
                world.run("BGSAVE CANCEL");
            }
            let rewrites = world.info("aof_rewrites");
            if round == 0 {
                assert!(world.run("BGREWRITEAOF").starts_with("+Background"));
            }
            let mut turns = 0;
            while world.info("aof_rewrites") == rewrites {
                assert!(turns < TURNS_MAX, "{:?}", world.local.log);
                world.local.turn();
                (0..world.rng.below(4)).for_each(|_| world.change());
                turns += 1;
            }
            while world.local.turn() {}
            let expected = world.digest();
            let mut read = read_back(&world, &settings);
            assert_eq!(digest(&mut read), expected, "SNAPSHOT_SEED={seed}, {turns} turns");
        }
    }
}

#[test]
fn what_is_cancelled_leaves_nothing() {
    for command in ["BGSAVE CANCEL", "FLUSHALL", "SHUTDOWN NOSAVE"] {
        let mut world = World::new(7);
        world.fill();
        world.run("BGSAVE");
        while world.local.disk.is_empty() {
            assert!(world.local.turn(), "a file is begun before all is written");
        }
        world.run(command);
        while world.local.turn() {}
        assert!(world.local.disk.is_empty(), "{command} leaves {:?}", world.local.files());
        assert_eq!(world.local.exit.is_some(), command.starts_with("SHUTDOWN"));
    }
}

#[test]
fn a_shutdown_loses_nothing_that_was_answered() {
    let mut world = World::new(8);
    world.fill();
    world.run("BGSAVE");
    world.local.turn();
    world.run("SET last word");
    let expected = world.digest();
    world.run("SHUTDOWN SAVE");
    // What is sent from now on is not answered.
    world.local.send("b", &encode("SET later word")).unwrap();
    assert!(world.local.receive(Patience::Quiet).is_empty());
    while world.local.exit.is_none() {
        assert!(world.local.turn());
    }
    let mut read = read_back(&world, &[]);
    assert_eq!(digest(&mut read), expected);
    assert_eq!(run(&mut read, "EXISTS later"), ":0\r\n");
}

impl World {
    fn new(seed: u64) -> Self {
        Self::with(seed, &[])
    }

    fn with(seed: u64, settings: &[(&str, &str)]) -> Self {
        let mut config = config(settings);
        config
            .set_named(
                "maxmemory-policy",
                if seed.is_multiple_of(3) { "allkeys-lfu" } else { "noeviction" },
            )
            .unwrap();
        config
            .set_named("rdbcompression", if seed.is_multiple_of(2) { "yes" } else { "no" })
            .unwrap();
        let local = Local::new(config, Seed::of(seed));
        let mut world = Self { local, rng: Rng::new(Seed::of(seed)), history: Vec::new() };
        world.local.is_slow = true;
        world
    }

    fn run(&mut self, command: &str) -> String {
        self.history.push(command.chars().take(100).collect());
        run(&mut self.local, command)
    }

    fn digest(&mut self) -> String {
        digest(&mut self.local)
    }

    /// Makes a snapshot, and calls `change` between its slices. Returns how many there were.
    fn save_meanwhile(&mut self, mut change: impl FnMut(&mut Self)) -> usize {
        let saves = self.saves();
        assert_eq!(self.run("BGSAVE"), "+Background saving started\r\n");
        for turn in 0..TURNS_MAX {
            if !self.local.turn() {
                let now = self.saves();
                assert_eq!(
                    now,
                    saves + 1,
                    "{:?}\n{:#?}",
                    self.local.log,
                    &self.history[self.history.len().saturating_sub(120)..]
                );
                return turn;
            }
            change(self);
        }
        panic!("the snapshot never ends");
    }

    fn saves(&mut self) -> u64 {
        self.info("rdb_saves")
    }

    fn info(&mut self, field: &str) -> u64 {
        let info = run(&mut self.local, "INFO persistence");
        let named = |line: &'_ str| line.strip_prefix(field)?.strip_prefix(':').map(str::to_owned);
        info.lines().find_map(named).unwrap().parse().unwrap()
    }

    /// Data of all types, small and large, in three databases.
    fn fill(&mut self) {
        for db in 0..3 {
            self.run(&format!("SELECT {db}"));
            for number in 0..SMALL {
                let key = format!("k{number}");
                match number % 10 {
                    0 => self.run(&format!("SET {key} {number} PXAT 4102444800000")),
                    1 => self.run(&format!("SET {key} value-{number}")),
                    2 => self.run(&format!("RPUSH {key} a b c {number}")),
                    3 => self.run(&format!("SADD {key} 1 2 {number}")),
                    4 => self.run(&format!("SADD {key} x y {number}")),
                    5 => self.run(&format!("HSET {key} f 1 g {number}")),
                    6 => self.run(&format!("ZADD {key} 1 a 2 b {number} c")),
                    7 => self.run(&format!("XADD {key} 1-{number} f v")),
                    8 => self.run(&format!("ARINSERT {key} a {number}")),
                    _ => self.run(&format!(
                        "SET {key} {}",
                        "long ".repeat(1 + number as usize % 50).trim().replace(' ', "-")
                    )),
                };
            }
        }
        self.run("SELECT 1");
        let words = |from: u64, to: u64, word: &dyn Fn(u64) -> String| {
            (from..to).map(word).collect::<Vec<_>>().join(" ")
        };
        for from in (0..4000).step_by(500) {
            let to = from + 500;
            self.run(&format!("SADD set {}", words(from, to, &|n| format!("member:{n}"))));
            self.run(&format!("HSET hash {}", words(from, to, &|n| format!("field:{n} {n}"))));
            self.run(&format!("HSET timed {}", words(from, to, &|n| format!("field:{n} v{n}"))));
            self.run(&format!(
                "ZADD zset {}",
                words(from, to, &|n| format!("{} member:{n}", n % 77))
            ));
            self.run(&format!(
                "ARSET array {} {}",
                from * 3,
                words(from, to, &|n| format!("value-{n}"))
            ));
            self.run(&format!(
                "RPUSH list {}",
                words(from, to, &|n| format!("element-number-{n}-{}", "x".repeat(30)))
            ));
        }
        let some = words(0, 400, &|n| format!("field:{}", n * 7));
        self.run(&format!("HPEXPIREAT timed 4102444800000 FIELDS 400 {some}"));
        for number in 1..1500 {
            self.run(&format!("XADD stream {number}-1 field value-{number}"));
        }
        self.run("XGROUP CREATE stream group 0");
        self.run("XREADGROUP GROUP group one COUNT 300 STREAMS stream >");
        self.run("XREADGROUP GROUP group two COUNT 300 STREAMS stream >");
        self.run(&format!("SET string {}", "abcdefgh".repeat(8_000)));
        self.run(&format!("SET longest {}", "0123456789".repeat(90_000)));
        // They will expire while the snapshot is made, and not before.
        let soon = self.now().unix_ms() + 50;
        for number in 0..40 {
            self.run(&format!("SET soon{number} x PXAT {soon}"));
        }
        self.run(&format!("HPEXPIREAT k5 {soon} FIELDS 1 f"));
        self.run(&format!("HPEXPIREAT timed {soon} FIELDS 2 field:1 field:2"));
    }

    fn now(&self) -> Time {
        self.local.now()
    }

    fn change(&mut self) {
        let large =
            ["set", "hash", "timed", "zset", "list", "stream", "array", "string", "longest"];
        let number = self.rng.below(SMALL);
        let key = match self.rng.below(3) {
            0 => large[self.rng.below(9) as usize].to_owned(),
            1 => format!("new{}", self.rng.below(30)),
            _ => format!("k{number}"),
        };
        let other = format!("k{}", self.rng.below(SMALL));
        let n = self.rng.below(4200);
        let draw = self.rng.below(32);
        let command = match self.rng.below(8) {
            0 | 1 => change_key(draw, &key, &other, n),
            2..5 => change_table(draw, &key, &other, n),
            5 | 6 => change_row(draw, &key, &other, n, self.history.len()),
            _ if draw < 3 => return self.local.wait(3),
            _ => format!("SELECT {}", n % 3),
        };
        self.run(&command);
    }
}

/// Strings, and keys whatever they hold.
fn change_key(draw: u64, key: &str, other: &str, n: u64) -> String {
    match draw {
        0 => format!("GETSET {key} {n}"),
        1 => format!("EXPIRE {key} 100000"),
        2 => format!("DECR {key}"),
        3 => format!("SET {key} {n}"),
        4 => format!("SET {key} {}", "z".repeat(n as usize)),
        5 => format!("APPEND {key} {n}"),
        6 => format!("SETRANGE {key} {} hello", n * 3),
        7 => format!("INCRBY {key} {n}"),
        8 => format!("SETBIT {key} {n} 1"),
        9 => format!("DEL {key}"),
        10 => format!("UNLINK {key} {other}"),
        11 => format!("PEXPIREAT {key} 4102444800{:03}", n % 1000),
        12 => format!("PERSIST {key}"),
        13 => format!("RENAME {key} {other}"),
        14 => format!("RENAME {other} {key}"),
        15 => format!("MOVE {key} {}", n % 4),
        16 => format!("COPY {key} {other} REPLACE"),
        17 => format!("COPY {other} {key} DB 2 REPLACE"),
        18 => format!("GETDEL {key}"),
        19 => format!("PFADD {key} {n}"),
        20 => format!("SORT {key} ALPHA STORE {other}"),
        21 => format!("BITOP NOT {other} {key}"),
        22 if n.is_multiple_of(20) => "FLUSHDB".to_owned(),
        23 if n.is_multiple_of(5) => format!("SWAPDB {} {}", n % 3, n % 4),
        _ => format!("SET {key} {n}"),
    }
}

/// Sets, hashes and sorted sets.
fn change_table(draw: u64, key: &str, other: &str, n: u64) -> String {
    match draw {
        0..5 => format!("SADD {key} member:{n} new:{n}"),
        5..8 => format!("SREM {key} member:{n} member:{}", n + 1),
        8 => format!("SPOP {key} {}", n % 20),
        9 => format!("SPOP {key} {}", 3000 + n),
        10 => format!("SMOVE {key} {other} member:{n}"),
        11 => format!("SUNIONSTORE {key} set {other}"),
        12..17 => format!("HSET {key} field:{n} {n} new:{n} x"),
        17..19 => format!("HDEL {key} field:{n}"),
        19 => format!("HINCRBY {key} field:{n} 5"),
        20 => format!("HPEXPIREAT {key} 4102444800{:03} FIELDS 1 field:{n}", n % 1000),
        21 => format!("HPERSIST {key} FIELDS 1 field:{n}"),
        22..26 => format!("ZADD {key} {} member:{n}", n % 99),
        26 => format!("ZREM {key} member:{n}"),
        27 => format!("ZREMRANGEBYRANK {key} {n} {}", n + 10),
        28 => format!("ZINCRBY {key} 1.5 member:{n}"),
        29 => format!("ZPOPMIN {key} 5"),
        30 => format!("ZUNIONSTORE {key} 2 zset {other}"),
        _ => format!("DEL {key}"),
    }
}

/// Lists, streams and arrays.
fn change_row(draw: u64, key: &str, other: &str, n: u64, count: usize) -> String {
    match draw {
        0..3 => format!("LPUSH {key} new-{n}"),
        3..5 => format!("RPUSH {key} new-{n}"),
        5 => format!("LPOP {key} {}", n % 100),
        6 => format!("RPOP {key} {}", n % 100),
        7 => format!("LSET {key} {n} changed"),
        8 => format!("LTRIM {key} {} -{}", n % 300, 1 + n % 200),
        9 => format!("LREM {key} 2 element-number-{n}-{}", "x".repeat(30)),
        10 => format!("LINSERT {key} BEFORE element-number-{n}-{} between", "x".repeat(30)),
        11 => format!("LMOVE {key} {other} LEFT RIGHT"),
        12 => format!("XADD {key} 9{:05}-* f v", count),
        13 => format!("XDEL {key} {n}-1"),
        14 => format!("XTRIM {key} MAXLEN {}", 200 + n),
        15 => "XREADGROUP GROUP group one COUNT 5 STREAMS stream >".to_owned(),
        16 => format!("XACK stream group {n}-1 {}-1", n + 1),
        17 => "XGROUP DESTROY stream group".to_owned(),
        18..20 => format!("ARSET {key} {} changed", n * n),
        20 => format!("ARDEL {key} {n} {}", n * 2),
        21 => format!("ARDELRANGE {key} {n} {}", n + 200),
        22 => format!("ARRING {key} {} new-{n}", 1 + n),
        23 => format!("ARINSERT {key} new-{n}"),
        _ => format!("DEL {key}"),
    }
}

fn config(settings: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    let always = [("save", ""), ("enable-debug-command", "yes")];
    for (name, value) in always.iter().chain(settings) {
        config.set_named(name, value).unwrap();
    }
    config
}

fn read_back(world: &World, settings: &[(&str, &str)]) -> Local {
    let read = Local::on_disk(config(settings), Seed::of(99), world.local.files());
    let warnings: Vec<_> =
        read.log.iter().filter(|record| record.level == Level::Warning).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    read
}

/// All that databases hold, and when it expires.
fn digest(local: &mut Local) -> String {
    let mut all = run(local, "DEBUG DIGEST");
    for db in 0..3 {
        local.send("digest", &encode(&format!("SELECT {db}"))).unwrap();
        let _ = local.receive(Patience::Quiet);
        for key in ["k0", "k9", "k693", "string", "soon1", "new3"] {
            local.send("digest", &encode(&format!("PEXPIRETIME {key}"))).unwrap();
            for (_, bytes, _) in local.receive(Patience::Quiet) {
                all += &String::from_utf8_lossy(&bytes);
            }
        }
    }
    all
}

fn run(local: &mut Local, command: &str) -> String {
    local.send("a", &encode(command)).unwrap();
    let mut replies = Vec::new();
    for (_, bytes, _) in local.receive(Patience::Quiet) {
        replies.extend(bytes);
    }
    String::from_utf8_lossy(&replies).into_owned()
}

fn encode(command: &str) -> Vec<u8> {
    let words: Vec<&str> = command.split(' ').collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}
