//! Random commands, run here and on a real Redis 8. On one connection every reply is compared; on
//! several, with commands that wait and transactions, every byte that comes on each of them, and
//! every event of a key. At the end of each round all there is in all databases is compared: what
//! the keys hold, how it is stored, and when it expires.
//!
//! A round is mostly about one family of commands, so that they find values that they can work on;
//! in every other one the limits are low at which values change how they are stored.
//!
//! `DIFFERENTIAL_COMMANDS` asks for so many commands, `DIFFERENTIAL_SEED` with
//! `DIFFERENTIAL_ROUNDS` for one round again. `cargo xtask differential` sets them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

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

/// After so many differences a test gives up.
const DIFFERENCES_MAX: usize = 5;

/// Rounds after which one says how far it is.
const ROUNDS_TOLD: u64 = 100;

/// Commands of the keyspace and of databases that are drawn besides those of the data types. What
/// they reply depends on the data alone; of DUMP and RESTORE see [`carried`]. Not OBJECT IDLETIME and
/// REFCOUNT: in Redis a small number is mostly one object for all keys that hold it, whose last use
/// nobody notes, and a value is shared with a queued command.
const KEYSPACE: [&str; 28] = [
    "COPY",
    "DBSIZE",
    "DEL",
    "ENCODING",
    "EXISTS",
    "EXPIRE",
    "EXPIREAT",
    "EXPIRETIME",
    "FLUSHDB",
    "FREQ",
    "KEYS",
    "MOVE",
    "PERSIST",
    "PEXPIRE",
    "PEXPIREAT",
    "PEXPIRETIME",
    "PTTL",
    "RENAME",
    "RENAMENX",
    "SCAN",
    "SELECT",
    "SORT",
    "SORT_RO",
    "SWAPDB",
    "TOUCH",
    "TTL",
    "TYPE",
    "UNLINK",
];

/// Commands that tell how much time is left or has passed.
const TIMES: [&str; 8] =
    ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"];

/// What a round is about, one after the other.
const THEMES: [&[Group]; 9] = [
    &[],
    &[Group::String],
    &[Group::Bitmap, Group::HyperLogLog],
    &[Group::List],
    &[Group::Set],
    &[Group::SortedSet, Group::Geo],
    &[Group::Hash],
    &[Group::Stream],
    &[Group::Generic],
];

/// How much more often a command of the theme is drawn.
const THEME_WEIGHT: usize = 8;

/// Limits at which values change how they are stored: as a server starts with them, and low ones.
const LIMITS: [(&str, &str, &str); 11] = [
    ("hash-max-listpack-entries", "512", "3"),
    ("hash-max-listpack-value", "64", "20"),
    ("hll-sparse-max-bytes", "3000", "30"),
    ("list-compress-depth", "0", "1"),
    ("list-max-listpack-size", "-2", "3"),
    ("set-max-intset-entries", "512", "3"),
    ("set-max-listpack-entries", "128", "4"),
    ("set-max-listpack-value", "64", "20"),
    ("stream-node-max-entries", "100", "3"),
    ("zset-max-listpack-entries", "128", "3"),
    ("zset-max-listpack-value", "64", "20"),
];

#[test]
fn random_commands_do_the_same_as_in_redis_8() {
    let Some(program) = oracle::find_redis8() else {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
        return;
    };
    let server = Server::start(&program).unwrap();
    let mut theirs = Tcp::new(server.addr);
    run_rounds("one connection", seeds(ROUNDS, 3), |seed| round(seed, &mut theirs));
}

/// Runs a round for each of `seeds`.
#[expect(
    clippy::print_stdout,
    reason = "who waits for a million commands wants to see how far they are"
)]
fn run_rounds(name: &str, seeds: Range<u64>, mut run: impl FnMut(u64) -> Result<(), String>) {
    let mut differences = Vec::new();
    for seed in seeds.clone() {
        if let Err(text) = run(seed) {
            println!("DIFFERENTIAL_SEED={seed} DIFFERENTIAL_ROUNDS=1, {name}\n{text}");
            differences.push(seed);
        }
        let rounds = seed + 1 - seeds.start;
        if rounds.is_multiple_of(ROUNDS_TOLD) || seed + 1 == seeds.end {
            let commands = rounds * ROUND as u64;
            println!("{name}: {commands} commands, seeds {} to {seed}", seeds.start);
        }
        if differences.len() == DIFFERENCES_MAX {
            break;
        }
    }
    assert!(differences.is_empty(), "{name}: other replies with seeds {differences:?}");
}

/// Whether the limits of a round are low.
fn is_low(seed: u64) -> bool {
    !(seed / THEMES.len() as u64).is_multiple_of(2)
}

/// The command that sets the limits of a round.
fn limits(seed: u64) -> Words {
    let is_low = is_low(seed);
    let settings =
        LIMITS.iter().flat_map(|&(name, usual, low)| [name, if is_low { low } else { usual }]);
    let words: Vec<&str> = ["CONFIG", "SET"].into_iter().chain(settings).collect();
    line(&words)
}

/// The commands that are drawn, as often as `weight` says, and those of the round's theme more often.
fn entries(seed: u64, weight: impl Fn(&Entry) -> usize) -> Vec<&'static Entry> {
    let theme = THEMES[(seed % THEMES.len() as u64) as usize];
    let table = commands::table().entries().iter();
    table
        .flat_map(|entry| {
            let is_on_theme = theme.contains(&entry.command.group);
            let times = if is_on_theme { THEME_WEIGHT } else { 1 };
            std::iter::repeat_n(entry, times * weight(entry))
        })
        .collect()
}

/// The rounds to be run: as many as the environment says, where so many `quarters` of all commands
/// are asked for, or `rounds`.
fn seeds(rounds: u64, quarters: u64) -> Range<u64> {
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
    run_rounds("several connections", seeds(ROUNDS / 3, 1), |seed| {
        Pair::new(seed, Tcp::new(server.addr)).round(seed)
    });
}

/// Our node and a real one, side by side.
struct Pair {
    ours: Local,
    theirs: Tcp,
    /// What has come from Redis and not been compared yet.
    arrived: BTreeMap<String, Vec<u8>>,
    /// Connections whose last command has not been answered.
    waiting: BTreeSet<&'static str>,
    /// Connections in a transaction.
    queueing: BTreeSet<&'static str>,
    history: Vec<String>,
}

impl Pair {
    fn new(seed: u64, mut theirs: Tcp) -> Self {
        let mut ours = in_time_with(&mut theirs);
        // Clients of earlier rounds may still wait for keys; they do so in another database.
        let db = (seed % 16).to_string();
        for (place, connection) in CONNECTIONS.into_iter().enumerate() {
            let proto = if place % 2 == 0 { "2" } else { "3" };
            let start = [
                line(&["FLUSHALL"]),
                limits(seed),
                line(&["HELLO", proto]),
                line(&["SELECT", &db]),
            ];
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
        let (arrived, waiting, queueing, history) = Default::default();
        Self { ours, theirs, arrived, waiting, queueing, history }
    }

    fn round(&mut self, seed: u64) -> Result<(), String> {
        let mut rng = Rng::new(Seed::of(seed));
        let entries = entries(seed, weight_beside_others);
        let mut left = ROUND;
        while left > 0 {
            let connection = CONNECTIONS[rng.below(CONNECTIONS.len() as u64) as usize];
            let entry = entries[rng.below(entries.len() as u64) as usize];
            let command = grammar::draw(&mut rng, entry);
            let may_wait = entry.has(Flag::Blocking) && connection != "d";
            let fits = may_wait || !entry.has(Flag::Blocking);
            let fits = fits && !self.is_unserved(&command);
            if fits && !is_left_out(seed, &command) && !self.waiting.contains(connection) {
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

    /// Whether someone may wait in vain for what `command` stores: Redis does not serve a client that
    /// waits for a sorted set where one replaces a value of another type.
    fn is_unserved(&self, command: &Words) -> bool {
        let name = command[0].to_ascii_uppercase();
        let is_store =
            name.starts_with(b"Z") && name.ends_with(b"STORE") || name.starts_with(b"GEO");
        is_store && !(self.waiting.is_empty() && self.queueing.is_empty())
    }

    fn step(&mut self, connection: &'static str, command: &Words) -> Result<(), String> {
        self.history.push(format!("{connection}> {}", shown(command)));
        let bytes = encoded(command);
        self.ours.send(connection, &bytes)?;
        self.theirs.send(connection, &bytes)?;
        self.waiting.insert(connection);
        match command[0].to_ascii_uppercase().as_slice() {
            b"MULTI" if command.len() == 1 => _ = self.queueing.insert(connection),
            b"EXEC" | b"DISCARD" if command.len() == 1 => _ = self.queueing.remove(connection),
            _ => {}
        }
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

/// How often a command is drawn where every byte is compared on several connections.
fn weight_beside_others(entry: &Entry) -> usize {
    match (entry.command.group, entry.command.name) {
        _ if !is_in_redis8(entry) => 0,
        (_, name) if UNORDERED.contains(&name) || TIMES.contains(&name) => 0,
        // So do these tell how much time has passed, or the order of a table.
        (Group::Stream, "XPENDING" | "FULL" | "CONSUMERS" | "STREAM") => 0,
        (Group::Generic, "SORT" | "SORT_RO") => 0,
        (_, "EXEC") => 8,
        (Group::Transactions, _) => 3,
        (Group::List | Group::SortedSet, _) if is_drawn(entry) || entry.has(Flag::Blocking) => 3,
        _ => usize::from(is_drawn(entry)),
    }
}

/// Whether `entry` is drawn.
fn is_drawn(entry: &Entry) -> bool {
    if !is_in_redis8(entry) || entry.command.name == "HELP" {
        return false;
    }
    match (entry.command.group, entry.command.name) {
        // It changes nothing, replies with OK, and takes Redis half a second.
        (_, "PFSELFTEST") => false,
        (
            Group::String
            | Group::Bitmap
            | Group::HyperLogLog
            | Group::List
            | Group::SortedSet
            | Group::Hash
            | Group::Set,
            _,
        ) => !entry.has(Flag::Blocking),
        (Group::Geo | Group::Stream, _) => true,
        (Group::Generic | Group::Server | Group::Connection, name) => KEYSPACE.contains(&name),
        _ => false,
    }
}

/// Whether a command asks for some of many: which they are is up to chance, or to a table.
fn asks_for_some(command: &Words) -> bool {
    let name = command[0].to_ascii_uppercase();
    let number_at = |place: usize| command.get(place).map(|word| num::parse_i64(word));
    // All of a collection, or nothing.
    let is_all = |count: Option<i64>| count.is_none_or(|count| count == 0 || count >= 100);
    match name.as_slice() {
        b"SPOP" | b"SRANDMEMBER" | b"HRANDFIELD" | b"ZRANDMEMBER" => {
            !number_at(2).is_some_and(is_all)
        }
        b"SCAN" | b"SSCAN" | b"HSCAN" | b"ZSCAN" => {
            let cursor = if name == b"SCAN" { 1 } else { 2 };
            let option = command.iter().rposition(|word| word.eq_ignore_ascii_case(b"COUNT"));
            let count = option.and_then(|place| number_at(place + 1));
            command.get(cursor).is_some_and(|cursor| cursor != b"0") || !count.is_some_and(is_all)
        }
        _ => false,
    }
}

/// Whether a command is left out: what it does depends on the time, or is a fault of Redis that we
/// do not imitate.
fn is_left_out(seed: u64, command: &Words) -> bool {
    let has = |name: &str| command.iter().any(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    // A key that expires soon may be there on one side and gone on the other.
    if spans(command).any(|span| (1..60_000).contains(&span)) || asks_for_some(command) {
        return true;
    }
    // Two spans that begin at different times may end together on one side.
    let is_relative = ["expire", "pexpire", "hexpire", "hpexpire"].into_iter().any(has);
    if is_relative && (has("gt") || has("lt")) {
        return true;
    }
    let name = command.first().map(Vec::as_slice).unwrap_or_default();
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    // In a skiplist whose scores differ, members are not in the order of their letters, and what
    // Redis finds in it by letters is up to the heights of the nodes, which are up to chance.
    let is_lexical =
        has("bylex") || name.to_ascii_lowercase().windows(3).any(|part| part == b"lex");
    if is_low(seed) && is_lexical {
        return true;
    }
    // An option that only Valkey has.
    if is("zscan") && has("noscores") {
        return true;
    }
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

/// The spans of time that a command may set, in its unit.
fn spans(command: &Words) -> impl Iterator<Item = i64> {
    const NAMES: [&[u8]; 8] =
        [b"EX", b"PX", b"SETEX", b"PSETEX", b"EXPIRE", b"PEXPIRE", b"HEXPIRE", b"HPEXPIRE"];
    let places = command.iter().enumerate().filter_map(|(place, word)| {
        let name = NAMES.iter().position(|name| word.eq_ignore_ascii_case(name))?;
        // Behind an option, or behind the key.
        Some(if name < 2 { place + 1 } else { place + 2 })
    });
    places.filter_map(|place| num::parse_i64(command.get(place)?))
}

/// A value moved from one server to the other: what DUMP says of it there or here, in a RESTORE for
/// both.
fn carried(rng: &mut Rng, ours: &mut Local, theirs: &mut Tcp) -> Option<Words> {
    let [from, to] =
        [(); 2].map(|()| grammar::KEYS[rng.below(grammar::KEYS.len() as u64) as usize]);
    let dump = [line(&["DUMP", from])];
    let dumped = if rng.below(2) == 0 { run(ours, &dump) } else { run(theirs, &dump) };
    let Some(Reply::Bulk(payload)) = dumped.into_iter().next() else { return None };
    let mut words = line(&["RESTORE", to]);
    let ttl: &[u8] = [b"0" as &[u8], b"100000", b"33177117420000", b"-1"][rng.below(4) as usize];
    words.extend([ttl.to_vec(), payload]);
    for option in [&["REPLACE"] as &[&str], &["ABSTTL"], &["IDLETIME", "100"], &["FREQ", "9"]] {
        if rng.below(3) > 0 {
            words.extend(line(option));
        }
    }
    // It is in the past if it is the time itself.
    let is_past = ttl == b"100000" && words.iter().any(|word| word == b"ABSTTL");
    (!is_past).then_some(words)
}

/// Runs commands on one connection and compares each reply.
fn round(seed: u64, theirs: &mut Tcp) -> Result<(), String> {
    let mut rng = Rng::new(Seed::of(seed));
    let mut ours = in_time_with(theirs);
    let entries = entries(seed, |entry| usize::from(is_drawn(entry)));
    let proto = if seed.is_multiple_of(2) { "3" } else { "2" };
    let start = [
        line(&["FLUSHALL"]),
        limits(seed),
        line(&["HELLO", proto]),
        line(&["SELECT", "0"]),
        // What has expired is there until it is looked at, as otherwise it is up to the time.
        line(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]),
    ];
    for stage in [&mut ours as &mut dyn Stage, theirs] {
        run(stage, &start);
    }
    let mut history: Vec<Words> = start.to_vec();
    for _ in 0..ROUND / BATCH {
        let mut batch: Vec<Words> = carried(&mut rng, &mut ours, theirs).into_iter().collect();
        while batch.len() < BATCH {
            let entry = entries[rng.below(entries.len() as u64) as usize];
            let command = grammar::draw(&mut rng, entry);
            let may_wait = command.iter().any(|word| word.eq_ignore_ascii_case(b"BLOCK"));
            if !may_wait && !is_left_out(seed, &command) {
                // Redis takes a number that another command has found too large, and has not
                // cleared away, for one that SORT cannot read; this one clears it away.
                if command[0].to_ascii_uppercase().starts_with(b"SORT") {
                    batch.push(line(&["ZADD", "a", "abc", "x"]));
                }
                batch.push(command);
            }
        }
        let replies = run(&mut ours, &batch).into_iter().zip(run(theirs, &batch));
        for (command, (our, their)) in batch.into_iter().zip(replies) {
            let [our, their] = [our, their].map(|reply| normal(&command, reply));
            let is_same = is_same(&command, &our, &their);
            history.push(command);
            if !is_same {
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
            if !is_same(&command, &our, &their) {
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

/// Whether two replies to `command` are the same, but for the time that has passed on one side.
fn is_same(command: &Words, our: &Reply, their: &Reply) -> bool {
    fn is_near(our: &Reply, their: &Reply) -> bool {
        match (our, their) {
            (Reply::Int(our), Reply::Int(their)) => {
                our == their || our.min(their) > &0 && our.abs_diff(*their) < 60_000
            }
            (Reply::Array(ours), Reply::Array(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(our, their)| is_near(our, their))
            }
            _ => our == their,
        }
    }
    let tells_time = command
        .iter()
        .take(2)
        .any(|word| TIMES.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes())));
    our == their || tells_time && is_near(our, their)
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
    let concerned = |command: &&Words| {
        command[1..].iter().any(|word| keys.contains(&word)) || std::ptr::eq(*command, last)
    };
    let mut shown: Vec<String> =
        history.iter().filter(concerned).map(|command| format!("> {}", shown(command))).collect();
    let before = shown.len().saturating_sub(30);
    let shown = shown.split_off(before).join("\n");
    format!("{shown}\nours:\n{}Redis 8's:\n{}", pretty::print(our), pretty::print(their))
}
