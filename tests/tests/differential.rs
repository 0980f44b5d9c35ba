//! Random commands, run here and on a real Redis 8. On one connection every reply is compared; on
//! several, with commands that wait and transactions, every byte that comes on each of them, and
//! every event of a key. At the end of each round all there is in all databases is compared: what
//! the keys hold, how it is stored, and when it expires.
//!
//! `DIFFERENTIAL_COMMANDS` asks for so many commands, `DIFFERENTIAL_SEED` with
//! `DIFFERENTIAL_ROUNDS` for one round again. `cargo xtask differential` sets them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::{BTreeMap, BTreeSet};

use redstart::base::num;
use redstart::base::rng::{Rng, Seed};
use redstart::commands;
use redstart::engine::Entry;
use redstart::resp::{Reply, pretty};
use redstart::spec::{Flag, Group};
use redstart_tests::grammar::{self, Words, is_in_redis8};
use redstart_tests::local::Local;
use redstart_tests::normal::{UNORDERED, is_unsorted, normal};
use redstart_tests::oracle::{self, Server};
use redstart_tests::play::{Patience, Stage};
use redstart_tests::tcp::Tcp;
use redstart_tests::wire::{clock_ms, encoded, line, run, run_on, shown};

/// Commands in a round.
const ROUND: usize = 400;

/// Rounds, unless the environment says otherwise.
const ROUNDS: u64 = 10;

/// A round is sent in pieces of so many commands.
const BATCH: usize = 50;

/// Commands of the keyspace that are drawn besides those of the data types: what they reply
/// depends on the data alone, not on the time that passes or on the order of a table.
const GENERIC: [&str; 12] = [
    "DEL", "UNLINK", "EXISTS", "TYPE", "TOUCH", "PERSIST", "RENAME", "RENAMENX", "COPY",
    "EXPIREAT", "SORT", "SORT_RO",
];

#[test]
fn random_commands_do_the_same_as_in_redis_8() {
    let Some(program) = oracle::find_redis8() else {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
        return;
    };
    let server = Server::start(&program).unwrap();
    let mut theirs = Tcp::new(server.addr);
    for seed in seeds(ROUNDS, 3) {
        if let Err(text) = round(seed, &mut theirs) {
            panic!("DIFFERENTIAL_SEED={seed} DIFFERENTIAL_ROUNDS=1\n{text}");
        }
    }
}

/// The rounds to be run: as many as the environment says, where so many `quarters` of all commands
/// are asked for, or `rounds`.
fn seeds(rounds: u64, quarters: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("DIFFERENTIAL_SEED").unwrap_or(1);
    let by_commands = number("DIFFERENTIAL_COMMANDS")
        .map(|commands| (commands * quarters).div_ceil(4 * ROUND as u64));
    first..first + number("DIFFERENTIAL_ROUNDS").or(by_commands).unwrap_or(rounds)
}

/// Connections that are used side by side; the last never waits, so that someone can always go on.
const CONNECTIONS: [&str; 4] = ["a", "b", "c", "d"];

#[test]
fn random_connections_see_the_same_as_in_redis_8() {
    let Some(program) = oracle::find_redis8() else {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
        return;
    };
    let server = Server::start(&program).unwrap();
    for seed in seeds(ROUNDS / 3, 1) {
        let mut pair = Pair::new(seed, Tcp::new(server.addr));
        if let Err(text) = pair.round(seed) {
            panic!("DIFFERENTIAL_SEED={seed} DIFFERENTIAL_ROUNDS=1\n{text}");
        }
    }
}

/// Our node and a real one, side by side.
struct Pair {
    ours: Local,
    theirs: Tcp,
    /// What has come from Redis and not been compared yet.
    arrived: BTreeMap<String, Vec<u8>>,
    /// Connections whose last command has not been answered.
    waiting: BTreeSet<&'static str>,
    history: Vec<String>,
}

impl Pair {
    fn new(seed: u64, mut theirs: Tcp) -> Self {
        let mut ours = in_time_with(&mut theirs);
        // Clients of earlier rounds may still wait for keys; they do so in another database.
        let db = (seed % 16).to_string();
        for (place, connection) in CONNECTIONS.into_iter().enumerate() {
            let proto = if place % 2 == 0 { "2" } else { "3" };
            let start = [line(&["FLUSHALL"]), line(&["HELLO", proto]), line(&["SELECT", &db])];
            run_on(&mut ours, connection, &start);
            run_on(&mut theirs, connection, &start);
        }
        // One more hears of every event. Keys are only found to have expired when they are asked
        // for, as the other way depends on the time.
        let listen = [
            line(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]),
            line(&["CONFIG", "SET", "notify-keyspace-events", "EAnm"]),
            line(&["PSUBSCRIBE", "__keyevent@*"]),
        ];
        run_on(&mut ours, "events", &listen);
        run_on(&mut theirs, "events", &listen);
        let (arrived, waiting, history) = Default::default();
        Self { ours, theirs, arrived, waiting, history }
    }

    fn round(&mut self, seed: u64) -> Result<(), String> {
        let mut rng = Rng::new(Seed::of(seed));
        let weight = |entry: &&Entry| match (entry.command.group, entry.command.name) {
            _ if !is_in_redis8(entry.command.since) => 0,
            // Redis does not serve a client that waits for a sorted set where one replaces a value
            // of another type.
            (Group::SortedSet, name) if name.ends_with("STORE") => 0,
            (Group::Geo, "GEOSEARCHSTORE" | "GEORADIUS" | "GEORADIUSBYMEMBER") => 0,
            (_, "EXEC") => 8,
            (Group::Transactions, _) => 3,
            (Group::List | Group::SortedSet, _) if is_drawn(entry) || entry.has(Flag::Blocking) => {
                3
            }
            (_, name) if UNORDERED.contains(&name) => 0,
            // Every byte is compared, and these tell how much time has passed, or the order of a
            // table.
            (Group::Stream, "XPENDING" | "FULL" | "CONSUMERS" | "STREAM") => 0,
            (Group::Generic, "SORT" | "SORT_RO") => 0,
            _ => usize::from(is_drawn(entry)),
        };
        let entries: Vec<&Entry> = commands::table()
            .entries()
            .iter()
            .flat_map(|entry| std::iter::repeat_n(entry, weight(&entry)))
            .collect();
        let mut left = ROUND;
        while left > 0 {
            let connection = CONNECTIONS[rng.below(CONNECTIONS.len() as u64) as usize];
            let entry = entries[rng.below(entries.len() as u64) as usize];
            let command = grammar::draw(&mut rng, entry);
            let may_wait = entry.has(Flag::Blocking) && connection != "d";
            let fits = may_wait || !entry.has(Flag::Blocking);
            if fits && !is_left_out(&command) && !self.waiting.contains(connection) {
                self.step(connection, &command)?;
                left -= 1;
            }
        }
        // On a connection of its own, as others may wait or be in a transaction.
        let result = same_data(&mut self.ours, &mut self.theirs, "looks");
        result.map_err(|(command, our, their)| {
            self.history.push(format!("looks> {}", shown(&command)));
            let [our, their] = [our, their].map(|reply| pretty::print(&reply));
            format!("{}\nours:\n{our}\nRedis 8's:\n{their}", self.history.join("\n"))
        })
    }

    fn step(&mut self, connection: &'static str, command: &Words) -> Result<(), String> {
        self.history.push(format!("{connection}> {}", shown(command)));
        let bytes = encoded(command);
        self.ours.send(connection, &bytes)?;
        self.theirs.send(connection, &bytes)?;
        self.waiting.insert(connection);
        for (name, ours, _) in self.ours.receive(Patience::Quiet) {
            self.waiting.retain(|&waiting| waiting != name);
            let mut theirs = self.arrived.remove(&name).unwrap_or_default();
            while theirs.len() < ours.len() {
                let more = self.theirs.receive(Patience::Expecting(&name));
                if more.is_empty() {
                    break;
                }
                for (other, bytes, _) in more {
                    if other == name {
                        theirs.extend(bytes);
                    } else {
                        self.arrived.entry(other).or_default().extend(bytes);
                    }
                }
            }
            if ours != theirs {
                let from = self.history.len().saturating_sub(ROUND);
                let history = self.history[from..].join("\n");
                let [ours, theirs] = [ours, theirs].map(|bytes| bytes.escape_ascii().to_string());
                return Err(format!("{history}\non {name}, ours:\n{ours}\nRedis 8's:\n{theirs}"));
            }
        }
        Ok(())
    }
}

/// Commands of sets that draw by lot, or show a part of a table.
const LOTS: [&str; 3] = ["SPOP", "SRANDMEMBER", "SSCAN"];

/// Commands of hashes whose reply is up to chance or to the time.
const HASH_LOTS: [&str; 6] = ["HRANDFIELD", "HSCAN", "HTTL", "HPTTL", "HEXPIRE", "HPEXPIRE"];

/// Whether `entry` is drawn.
fn is_drawn(entry: &Entry) -> bool {
    if !is_in_redis8(entry.command.since) || entry.command.name == "HELP" {
        return false;
    }
    match entry.command.group {
        Group::String | Group::Bitmap | Group::HyperLogLog | Group::List => {
            !entry.has(Flag::Blocking)
        }
        // What these return is up to chance, or to the order of a table.
        Group::SortedSet => {
            !entry.has(Flag::Blocking) && !["ZRANDMEMBER", "ZSCAN"].contains(&entry.command.name)
        }
        Group::Hash => !HASH_LOTS.contains(&entry.command.name),
        Group::Set => !LOTS.contains(&entry.command.name),
        Group::Generic => GENERIC.contains(&entry.command.name),
        Group::Geo | Group::Stream => true,
        _ => false,
    }
}

/// Whether a command is left out: what it does depends on the time, or is a fault of Redis that we
/// do not imitate.
fn is_left_out(command: &Words) -> bool {
    let has = |name: &str| command.iter().any(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let numbers = || command.iter().filter_map(|word| num::parse_i64(word));
    // A key that expires soon may be there on one side and gone on the other.
    let may_expire = ["ex", "px", "setex", "psetex"].into_iter().any(has);
    if may_expire && numbers().any(|number| (1..60_000).contains(&number)) {
        return true;
    }
    // The order of fields depends on when exactly they expire.
    let sets_fields = ["hgetex", "hsetex"].into_iter().any(has);
    if sets_fields && ["ex", "px"].into_iter().any(has) && numbers().any(|number| number > 0) {
        return true;
    }
    let name = command.first().map(Vec::as_slice).unwrap_or_default();
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    // An ID that is made of the time.
    if is("xadd") && has("*") {
        return true;
    }
    // Which of several members at one distance are the nearest is up to how Redis sorts a part.
    let name = name.to_ascii_lowercase();
    if name.starts_with(b"geo") && has("count") && !has("any") {
        return true;
    }
    // So is the order of equal letters, and which members of a table without order are a part.
    let is_sort = name.starts_with(b"sort");
    // Several GET make a list longer and longer.
    let gets = command.iter().filter(|word| word.eq_ignore_ascii_case(b"GET")).count();
    if is_sort && has("store") && gets > 1 {
        return true;
    }
    is_sort && (has("by") && has("alpha") || is_unsorted(command) && (has("limit") || has("store")))
}

fn round(seed: u64, theirs: &mut Tcp) -> Result<(), String> {
    let mut rng = Rng::new(Seed::of(seed));
    let mut ours = in_time_with(theirs);
    let entries: Vec<&Entry> = commands::table().entries().iter().filter(|e| is_drawn(e)).collect();
    let proto = if seed.is_multiple_of(2) { "3" } else { "2" };
    let start = [line(&["FLUSHALL"]), line(&["HELLO", proto]), line(&["SELECT", "0"])];
    for stage in [&mut ours as &mut dyn Stage, theirs] {
        run(stage, &start);
    }
    let mut history: Vec<Words> = start.to_vec();
    for _ in 0..ROUND / BATCH {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let entry = entries[rng.below(entries.len() as u64) as usize];
            let command = grammar::draw(&mut rng, entry);
            let may_wait = command.iter().any(|word| word.eq_ignore_ascii_case(b"BLOCK"));
            if !may_wait && !is_left_out(&command) {
                batch.push(command);
            }
        }
        let replies = run(&mut ours, &batch).into_iter().zip(run(theirs, &batch));
        for (command, (our, their)) in batch.into_iter().zip(replies) {
            let [our, their] = [our, their].map(|reply| normal(&command, reply));
            history.push(command);
            if our != their {
                return Err(difference(&history, &our, &their));
            }
        }
    }
    same_data(&mut ours, theirs, "a").map_err(|(command, our, their)| {
        history.push(command);
        difference(&history, &our, &their)
    })
}

/// Compares all there is in all databases.
fn same_data(
    ours: &mut dyn Stage,
    theirs: &mut dyn Stage,
    connection: &str,
) -> Result<(), (Words, Reply, Reply)> {
    for db in 0..16 {
        let size = [line(&["SELECT", &db.to_string()]), line(&["DBSIZE"])];
        let is_empty = run_on(ours, connection, &size).last() == Some(&Reply::Int(0));
        let keys = if is_empty { &[] } else { &grammar::KEYS as &[&str] };
        let all: Vec<Words> =
            size.into_iter().chain(keys.iter().flat_map(|key| looks(key))).collect();
        let replies = run_on(ours, connection, &all).into_iter();
        let replies = replies.zip(run_on(theirs, connection, &all));
        for (command, (our, their)) in all.into_iter().zip(replies) {
            let [our, their] = [our, their].map(|reply| normal(&command, reply));
            if !is_same(&our, &their) {
                return Err((command, our, their));
            }
        }
    }
    Ok(())
}

/// Commands that show all there is to `key`.
fn looks(key: &str) -> Vec<Words> {
    vec![
        line(&["TYPE", key]),
        line(&["GET", key]),
        line(&["LRANGE", key, "0", "-1"]),
        line(&["ZRANGE", key, "0", "-1", "WITHSCORES"]),
        line(&["SMEMBERS", key]),
        line(&["HGETALL", key]),
        line(&["XINFO", "STREAM", key, "FULL", "COUNT", "0"]),
        line(&["OBJECT", "ENCODING", key]),
        line(&["PTTL", key]),
    ]
}

/// Whether two replies are the same, but for the time that has passed on one side.
fn is_same(our: &Reply, their: &Reply) -> bool {
    match (our, their) {
        (Reply::Int(our), Reply::Int(their)) => our == their || our.abs_diff(*their) < 60_000,
        _ => our == their,
    }
}

/// A node of ours whose clock shows what theirs does.
fn in_time_with(theirs: &mut Tcp) -> Local {
    let mut ours = Local::for_tests();
    let late_ms = clock_ms(theirs).saturating_sub(ours.now().unix_ms() as u64);
    ours.wait(late_ms);
    ours
}

/// What went before, as far as it has to do with the keys of the last command.
fn difference(history: &[Words], our: &Reply, their: &Reply) -> String {
    let last = history.last().unwrap();
    let keys: Vec<&Vec<u8>> = last[1..]
        .iter()
        .filter(|word| grammar::KEYS.iter().any(|key| key.as_bytes() == word.as_slice()))
        .collect();
    let concerned = |command: &&Words| command[1..].iter().any(|word| keys.contains(&word));
    let mut shown: Vec<String> =
        history.iter().filter(concerned).map(|command| format!("> {}", shown(command))).collect();
    let before = shown.len().saturating_sub(30);
    let shown = shown.split_off(before).join("\n");
    format!("{shown}\nours:\n{}Redis 8's:\n{}", pretty::print(our), pretty::print(their))
}
