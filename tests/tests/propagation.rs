//! What is recorded for the append-only file is what Redis 8 records: the same commands are run here
//! and there, and the increments compared byte for byte. Only points in time that count from now are
//! compared by how far away they are.
//!
//! `DIFFERENTIAL_ROUNDS` and `DIFFERENTIAL_SEED` ask for more, or for one round again.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::base::num;
use redstart::base::rng::{Rng, Seed};
use redstart::commands;
use redstart::engine::Entry;
use redstart::resp::words;
use redstart::spec::{Flag, Group};
use redstart_tests::grammar::{self, Words, is_in_redis8};
use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::play::{Patience, Stage};
use redstart_tests::tcp::Tcp;
use redstart_tests::wire::{clock_ms, encoded, line, run, shown};

/// The increment that both write to.
const INCREMENT: &str = "appendonlydir/appendonly.aof.1.incr.aof";

/// Rounds of random commands, unless the environment says otherwise, and commands in one.
const ROUNDS: u64 = 10;
const ROUND: usize = 300;

/// Points in time that are so near count from now.
const NEAR_MS: i64 = 4 * 24 * 3_600_000;

/// Commands of every family that do something else when repeated than they did, in every way they
/// can, and others beside them. A letter and `>` name another connection, `~` lets milliseconds pass.
const SCRIPT: &str = include_str!("propagation.txt");

/// Two servers with an append-only file each.
struct Pair {
    ours: Local,
    theirs: Tcp,
    server: Server,
    /// Bytes of both increments that were compared.
    seen: (usize, usize),
    history: Vec<String>,
}

impl Pair {
    fn new(program: &std::path::Path) -> Self {
        // Where it does not sync, Redis has written what was changed before it replies.
        let settings =
            [("appendonly", "yes"), ("aof-use-rdb-preamble", "no"), ("appendfsync", "no")];
        let args: Vec<String> = settings
            .iter()
            .flat_map(|(name, value)| [format!("--{name}"), (*value).to_owned()])
            .collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let server = Server::start_with(program, &args, &[]).unwrap();
        let mut theirs = Tcp::new(server.addr);
        let mut ours = Local::for_tests_with(&settings);
        let late_ms = clock_ms(&mut theirs).saturating_sub(ours.now().unix_ms() as u64);
        ours.wait(late_ms);
        let (seen, history) = Default::default();
        let mut pair = Self { ours, theirs, server, seen, history };
        // When a server finds by itself that something has expired depends on the time.
        pair.both(&[line(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"])]);
        pair
    }

    fn both(&mut self, batch: &[Words]) {
        self.history.extend(batch.iter().map(shown));
        run(&mut self.ours, batch);
        run(&mut self.theirs, batch);
    }

    /// Runs a command on a connection of its own, whether it replies or waits.
    fn aside(&mut self, name: &str, command: &Words) {
        self.history.push(format!("{name}> {}", shown(command)));
        let bytes = encoded(command);
        self.ours.send(name, &bytes).unwrap();
        self.theirs.send(name, &bytes).unwrap();
        self.ours.receive(Patience::Quiet);
        self.theirs.receive(Patience::Hoping(name));
    }

    /// Compares what was recorded since the last time.
    fn compare(&mut self) -> Result<(), String> {
        let ours = self.ours.files().remove(INCREMENT).unwrap_or_default();
        let theirs = self.server.file(INCREMENT)?;
        let our_ms = self.ours.now().unix_ms();
        let their_ms = clock_ms(&mut self.theirs) as i64;
        let our = records(&ours[self.seen.0..], our_ms);
        let their = records(&theirs[self.seen.1..], their_ms);
        self.seen = (ours.len(), theirs.len());
        if our == their {
            return Ok(());
        }
        let place = our.iter().zip(&their).position(|(our, their)| our != their);
        let place = place.unwrap_or_else(|| our.len().min(their.len()));
        let part = |records: &[String]| {
            let records = &records[place.saturating_sub(2)..];
            records[..records.len().min(6)].join("\n  ")
        };
        let from = self.history.len().saturating_sub(60);
        let history = self.history[from..].join("\n");
        Err(format!("{history}\nours:\n  {}\nRedis 8's:\n  {}", part(&our), part(&their)))
    }
}

/// The records in `bytes`, as one would type them.
fn records(mut bytes: &[u8], now_ms: i64) -> Vec<String> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let count = number(&mut bytes);
        let mut words = Vec::new();
        for _ in 0..count {
            let length = number(&mut bytes);
            words.push(timeless(&bytes[..length], now_ms));
            bytes = &bytes[length + 2..];
        }
        records.push(shown(&words));
    }
    records
}

/// The number of a line that begins with a mark.
fn number(bytes: &mut &[u8]) -> usize {
    let end = bytes.iter().position(|&byte| byte == b'\r').unwrap();
    let value = num::parse_i64(&bytes[1..end]).unwrap() as usize;
    *bytes = &bytes[end + 2..];
    value
}

/// A word without the time at which it was written.
fn timeless(word: &[u8], now_ms: i64) -> Vec<u8> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let (ms, rest) = word.split_at(word.iter().take_while(|byte| is_digit(byte)).count());
    let near = num::parse_i64(ms).map(|ms| ms - now_ms).filter(|away| away.abs() < NEAR_MS);
    match (near, rest) {
        (Some(away_ms), []) => format!("<now+{:.0}0s>", away_ms as f64 / 10_000.0).into_bytes(),
        (Some(_), [b'-', ..]) => b"<id>".to_vec(),
        _ => word.to_vec(),
    }
}

#[test]
fn every_command_is_recorded_as_redis_8_records_it() {
    let Some(program) = oracle::find_redis8() else {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
        return;
    };
    let mut pair = Pair::new(&program);
    for text in SCRIPT.lines().filter(|text| !text.is_empty() && !text.starts_with('#')) {
        if let Some(ms) = text.strip_prefix('~') {
            let ms = ms.trim().parse().unwrap();
            pair.ours.wait(ms);
            pair.theirs.wait(ms);
        } else if let Some((name, command)) =
            text.split_once("> ").filter(|(name, _)| name.len() == 1)
        {
            pair.aside(name, &words::split(command.as_bytes()).unwrap());
        } else {
            pair.both(&[words::split(text.as_bytes()).unwrap()]);
        }
        pair.compare().unwrap();
    }
}

#[test]
fn random_commands_are_recorded_as_redis_8_records_them() {
    let Some(program) = oracle::find_redis8() else {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
        return;
    };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first: u64 = number("DIFFERENTIAL_SEED").unwrap_or(1);
    let rounds: u64 = number("DIFFERENTIAL_ROUNDS").unwrap_or(ROUNDS);
    let entries: Vec<&Entry> = commands::table().entries().iter().filter(|e| is_drawn(e)).collect();
    let mut pair = Pair::new(&program);
    for seed in first..first + rounds {
        let mut rng = Rng::new(Seed::of(seed));
        pair.history.clear();
        pair.both(&[line(&["FLUSHALL"])]);
        for _ in 0..ROUND {
            let entry = entries[rng.below(entries.len() as u64) as usize];
            let command = grammar::draw(&mut rng, entry);
            if is_left_out(&command) {
                continue;
            }
            pair.both(&[command]);
            if let Err(text) = pair.compare() {
                panic!("DIFFERENTIAL_SEED={seed} DIFFERENTIAL_ROUNDS=1\n{text}");
            }
        }
    }
}

/// Whether `entry` is drawn: it may change data, and not by chance.
fn is_drawn(entry: &Entry) -> bool {
    let is_data = matches!(
        entry.command.group,
        Group::String
            | Group::Bitmap
            | Group::HyperLogLog
            | Group::List
            | Group::Set
            | Group::SortedSet
            | Group::Hash
            | Group::Stream
            | Group::Geo
    );
    let is_generic =
        ["DEL", "UNLINK", "PERSIST", "RENAME", "RENAMENX", "COPY", "EXPIRE", "PEXPIREAT", "MOVE"]
            .contains(&entry.command.name);
    (is_data || is_generic)
        && (entry.has(Flag::Write) || entry.command.name == "PFCOUNT")
        && !entry.has(Flag::Blocking)
        && entry.command.name != "SPOP"
        && entry.command.subcommands.is_empty()
        && is_in_redis8(entry)
}

/// Words that Redis 8.0, with which this is compared, does not know as options.
const NEWER: [&str; 8] = ["DIFF", "DIFF1", "ANDOR", "ONE", "IFEQ", "IFNE", "IFDEQ", "IFDNE"];

/// Whether a command is left out: what it does depends on the time, or is a fault of Redis that we do
/// not imitate.
fn is_left_out(command: &Words) -> bool {
    let has = |name: &str| command.iter().any(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let numbers = || command.iter().filter_map(|word| num::parse_i64(word));
    let is_odd = |ms: i64| (1..60_000).contains(&ms) || ms > NEAR_MS;
    let counts_from_now = ["EX", "PX", "SETEX", "PSETEX", "EXPIRE", "RESTORE"].into_iter().any(has);
    if counts_from_now && numbers().any(is_odd) || NEWER.into_iter().any(has) {
        return true;
    }
    // See the differential test.
    has("LSET") && numbers().any(|number| i32::try_from(number).is_err())
}
