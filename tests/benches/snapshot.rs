//! Saving while everything changes: `cargo xtask bench snapshot [PART] [MILLIONS]`.
//!
//! *node*: every event is timed while a node saves its keys, one random write after each slice, on a
//! disk that answers at once. *large*: the same for one value of each type that is large, which is
//! what changes. *rewrite*: the same while an append-only file is turned on, its base a snapshot or
//! commands. *load*: what was written is loaded. *redis8*: the server beside Redis 8, over TCP: how
//! long BGSAVE takes, how much memory it takes meanwhile, and how long a client that writes all the
//! time waits at most; then how long each takes to load what it has saved, from its start on, and how
//! long a client waits meanwhile for being told so.
#![allow(clippy::print_stdout, reason = "a program that reports")]
#![allow(clippy::disallowed_types, reason = "a benchmark measures real time")]
#![allow(clippy::disallowed_methods, reason = "and waits for it")]

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redstart::native::memory::{self, Counting};
use redstart::node::{DiskDone, DiskOp, Effect, Event, Part, Unreadable};
use redstart_tests::oracle::{self, Server};
use redstart_tests::timed::{CONN, Run, request, scattered, title};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is large, made by so many commands with numbers for `#`, and what changes in it.
const LARGE: [(&str, &str, &str); 6] = [
    ("set", "SADD big member:#", "SREM big member:#"),
    ("hash", "HSET big field:# value:#", "HSET big field:# other"),
    ("zset", "ZADD big # member:#", "ZADD big 5 member:#"),
    ("list", "RPUSH big element:#", "LPOP big"),
    ("stream", "XADD big * field value:#", "XADD big * field value:#"),
    ("string", "APPEND big sixteen:bytes:##", "SETBIT big 1 1"),
];

/// Written in one go over TCP.
const PIPELINE: u64 = 1000;

fn main() {
    memory::disable_huge_pages();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let millions = words.iter().find_map(|word| word.parse::<f64>().ok());
    let wants = |name: &str| {
        let mut names = words.iter().filter(|word| word.parse::<f64>().is_err()).peekable();
        names.peek().is_none() || names.any(|word| word == name)
    };
    let count = |default: f64| (millions.unwrap_or(default) * 1e6) as u64;
    title();
    let mut is_good = true;
    if wants("node") {
        is_good &= save("node", "SET key:# value:#", "SET key:# other:#", count(10.0));
    }
    if wants("large") {
        for (name, grow, change) in LARGE {
            is_good &= save(name, grow, change, count(2.0));
        }
    }
    for form in ["yes", "no"] {
        let disk = if wants("rewrite") || wants("load") {
            let (disk, is_good_one) = rewrite(form, count(1.0));
            is_good &= is_good_one;
            disk
        } else {
            continue;
        };
        if wants("load") {
            is_good &= load(form, disk);
        }
    }
    if wants("redis8") {
        beside_redis(count(10.0));
    }
    if !is_good {
        println!("Something takes too long.");
        std::process::exit(1);
    }
}

/// Makes a snapshot of what `count` commands have made; returns whether no event took too long.
fn save(name: &str, grow: &str, change: &str, count: u64) -> bool {
    let mut run = Run::new();
    for number in 0..count {
        run.handle(Event::Received { conn: CONN, bytes: &request(grow, scattered(number)) });
    }
    run.forget();
    let before = memory::used();
    let (start, mut most, mut bytes, mut changes) = (Instant::now(), before, 0, 0);
    run.handle(Event::Received { conn: CONN, bytes: &request("BGSAVE", 0) });
    loop {
        let effects = run.take_effects();
        let is_over = effects.is_empty() && !run.is_due();
        for effect in effects {
            if let Effect::Disk(op) = effect {
                bytes += if let DiskOp::Append { bytes, .. } = &op { bytes.len() } else { 0 };
                run.handle(Event::Disk(done(op)));
            }
        }
        if is_over {
            break;
        }
        run.handle(Event::Wake);
        changes += 1;
        let request = request(change, scattered(changes * 7919 % count));
        run.handle(Event::Received { conn: CONN, bytes: &request });
        most = most.max(memory::used());
    }
    let seconds = start.elapsed().as_secs_f64();
    let is_good = run.report(name);
    let extra = most - before;
    println!(
        "{:<16} {seconds:.2} s, {:.1} MB, {changes} changes; {:.1} MB or {:.2} % more memory",
        "",
        bytes as f64 / 1e6,
        extra as f64 / 1e6,
        extra as f64 * 100.0 / before as f64
    );
    is_good
}

/// A disk that never fails.
#[derive(Default)]
struct Disk(BTreeMap<String, Vec<u8>>);

impl Disk {
    fn run(&mut self, op: DiskOp) -> DiskDone {
        match op {
            DiskOp::Read { name, from, bytes_max } => {
                let part = self.0.get(&name).map(|all| Part::of(all, from, bytes_max));
                DiskDone::Read { name, from, result: Ok(part) }
            }
            DiskOp::Replace { name, bytes } => {
                self.0.insert(name.clone(), bytes);
                DiskDone::Replace { name, result: Ok(()) }
            }
            DiskOp::Append { name, bytes } => {
                self.0.entry(name.clone()).or_default().extend_from_slice(&bytes);
                DiskDone::Append { name, bytes, result: Ok(()) }
            }
            DiskOp::Rename { from, to } => {
                let file = self.0.remove(&from).unwrap_or_default();
                self.0.insert(to.clone(), file);
                DiskDone::Rename { from, to, result: Ok(()) }
            }
            op => done(op),
        }
    }

    /// Answers what the node has asked for.
    fn answer(&mut self, run: &mut Run) {
        for effect in run.take_effects() {
            if let Effect::Disk(op) = effect {
                run.handle(Event::Disk(self.run(op)));
            }
        }
    }
}

/// Turns on an append-only file among the keys that `count` commands have made.
fn rewrite(preamble: &str, count: u64) -> (Disk, bool) {
    let mut run = Run::with(&[("aof-use-rdb-preamble", preamble)]);
    let mut disk = Disk::default();
    run.handle(Event::Mounted { unreadable: Unreadable::Refuse });
    while run.node.is_loading() {
        disk.answer(&mut run);
        run.handle(Event::Wake);
    }
    for number in 0..count {
        let bytes = request("SET key:# value:#", scattered(number));
        run.handle(Event::Received { conn: CONN, bytes: &bytes });
    }
    run.forget();
    let (start, mut changes) = (Instant::now(), 0);
    let turn_on = request("CONFIG SET appendonly yes", 0);
    run.handle(Event::Received { conn: CONN, bytes: &turn_on });
    while !disk.0.keys().any(|name| name.ends_with(".manifest")) {
        disk.answer(&mut run);
        run.handle(Event::Wake);
        changes += 1;
        let bytes = request("SET key:# other:#", scattered(changes * 7919 % count));
        run.handle(Event::Received { conn: CONN, bytes: &bytes });
    }
    let seconds = start.elapsed().as_secs_f64();
    let form = if preamble == "yes" { "rdb" } else { "commands" };
    let is_good = run.report(&format!("rewrite {form}"));
    let bytes: usize = disk.0.values().map(Vec::len).sum();
    println!("{:<16} {seconds:.2} s, {:.1} MB, {changes} changes", "", bytes as f64 / 1e6);
    (disk, is_good)
}

/// Loads what a rewrite has left.
fn load(preamble: &str, mut disk: Disk) -> bool {
    let mut run = Run::with(&[("appendonly", "yes")]);
    let bytes: usize = disk.0.values().map(Vec::len).sum();
    let start = Instant::now();
    run.handle(Event::Mounted { unreadable: Unreadable::Refuse });
    while run.node.is_loading() {
        disk.answer(&mut run);
        run.handle(Event::Wake);
    }
    let seconds = start.elapsed().as_secs_f64();
    let form = if preamble == "yes" { "rdb" } else { "commands" };
    let is_good = run.report(&format!("load {form}"));
    println!("{:<16} {seconds:.2} s, {:.1} MB", "", bytes as f64 / 1e6);
    is_good
}

/// The answer of a disk that never fails.
fn done(op: DiskOp) -> DiskDone {
    let result = Ok(());
    match op {
        DiskOp::Append { name, bytes } => DiskDone::Append { name, bytes, result },
        DiskOp::Sync { name } => DiskDone::Sync { name, result },
        DiskOp::Rename { from, to } => DiskDone::Rename { from, to, result },
        DiskOp::Remove { name } => DiskDone::Remove { name, result },
        op => panic!("a snapshot does not ask for {op:?}"),
    }
}

/// Measures this server and Redis 8, each with the machine to itself.
fn beside_redis(count: u64) {
    let ours = std::env::var_os("REDSTART_SERVER").map(PathBuf::from);
    for (name, program) in [("redstart", ours), ("redis8", oracle::find_redis8())] {
        match program {
            Some(program) => {
                let saved = save_over_tcp(name, &program, count);
                load_over_tcp(&program, &saved);
            }
            None => println!("{name:<16} NOT MEASURED: no server was found"),
        }
    }
}

/// Returns the snapshot.
fn save_over_tcp(name: &str, program: &Path, count: u64) -> Vec<u8> {
    let server = Server::start(program).expect("the server starts");
    let mut client = Client::new(&server);
    for from in (0..count).step_by(PIPELINE as usize) {
        let numbers = from..(from + PIPELINE).min(count);
        let sent: Vec<u8> =
            numbers.clone().flat_map(|n| request("SET key:# value:#", scattered(n))).collect();
        client.send(&sent);
        numbers.for_each(|_| drop(client.line()));
    }
    let before = client.info("used_memory");
    let mut idle = Vec::new();
    for number in 0..20_000 {
        idle.push(client.write(number, count));
    }
    let (start, mut worst, mut most, mut number) = (Instant::now(), Duration::ZERO, before, 0);
    let started = Instant::now();
    client.send(&request("BGSAVE", 0));
    assert!(client.line().starts_with('+'));
    let fork = started.elapsed();
    let mut waits = Vec::new();
    loop {
        number += 1;
        let wait = client.write(number, count);
        worst = worst.max(wait);
        waits.push(wait);
        if number % 1000 == 0 {
            most = most.max(client.info("used_memory"));
            if client.info("rdb_bgsave_in_progress") == 0 {
                break;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let extra = (most - before) + client.info("rdb_last_cow_size");
    let part = |waits: &mut Vec<Duration>, part: f64| {
        waits.sort_unstable();
        waits[(waits.len() as f64 * part) as usize].as_micros()
    };
    println!(
        "{name:<16} {seconds:.2} s, {:.0} writes a second (p99.9 {} µs, idle {} µs); the reply to \
         BGSAVE took {} µs, the slowest write {} µs; {:.1} MB or {:.1} % more memory",
        f64::from(number) / seconds,
        part(&mut waits, 0.999),
        part(&mut idle, 0.999),
        fork.as_micros(),
        worst.as_micros(),
        extra as f64 / 1e6,
        extra as f64 * 100.0 / before as f64
    );
    server.file("dump.rdb").expect("a snapshot was made")
}

/// Starts the server on a snapshot, and asks it all the time whether it is ready.
fn load_over_tcp(program: &Path, snapshot: &[u8]) {
    let folder = std::env::temp_dir().join(format!("redstart-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is a folder for such files");
    std::fs::write(folder.join("dump.rdb"), snapshot).expect("there is room");
    let dir = folder.to_string_lossy().into_owned();
    let start = Instant::now();
    let server = Server::start_with(program, &["--dir", &dir], &[]).expect("the server starts");
    let mut client = Client::new(&server);
    let (mut worst, mut asked) = (Duration::ZERO, 0);
    loop {
        let sent = Instant::now();
        client.send(&request("PING", 0));
        let is_ready = client.line() == "+PONG";
        worst = worst.max(sent.elapsed());
        asked += 1;
        if is_ready {
            break;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    println!(
        "{:<16} {:.1} MB are loaded {:.2} s after the start; the slowest of {asked} replies \
         meanwhile took {} µs",
        "",
        snapshot.len() as f64 / 1e6,
        start.elapsed().as_secs_f64(),
        worst.as_micros()
    );
    drop(server);
    // What is left in a folder for temporary files is removed some day.
    let _ = std::fs::remove_dir_all(folder);
}

/// A connection that waits for each reply.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(server: &Server) -> Self {
        let stream = TcpStream::connect(server.addr).expect("the server listens");
        stream.set_nodelay(true).expect("the system can");
        Self { stream: BufReader::new(stream) }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("the server replies");
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Overwrites a random key; returns how long the reply took.
    fn write(&mut self, number: u32, count: u64) -> Duration {
        let key = scattered(u64::from(number) * 7919 % count);
        let started = Instant::now();
        self.send(&request("SET key:# other:#", key));
        self.line();
        started.elapsed()
    }

    /// A number of INFO.
    fn info(&mut self, field: &str) -> u64 {
        self.send(&request("INFO everything", 0));
        let length: usize = self.line()[1..].parse().expect("a length");
        let mut text = vec![0; length + 2];
        self.stream.read_exact(&mut text).expect("the server replies");
        let text = String::from_utf8_lossy(&text).into_owned();
        let prefix = format!("{field}:");
        let value = text.lines().find_map(|line| line.strip_prefix(&prefix));
        value.and_then(|value| value.parse().ok()).expect("a number")
    }
}
