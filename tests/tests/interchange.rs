//! Snapshots across servers: what one writes the other loads, and it is the same data.
//!
//! Redis 7, Redis 8 and Valkey 9 each load what was saved here, and what each saves is loaded here:
//! every type in every encoding, expiries of keys and of fields, groups of streams with what is
//! pending, several databases, and how recently or often keys were used. The data is compared by
//! DEBUG DIGEST and by replies that say what a digest does not.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::resp::{Reply, pretty};
use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::play::{Patience, Stage};
use redstart_tests::rdb::{payload, text};
use redstart_tests::tcp::Tcp;
use redstart_tests::transcript;

/// Commands that make a key of every type in every encoding that is small.
const SMALL: &[&str] = &[
    "SET number 12345",
    "SET number:large 1234567890123456789",
    "SET text hello PXAT 4102444800000",
    "SET text:raw {letters}",
    "SET text:repeated {repeated}",
    "SETBIT bits 1000 1",
    "PFADD visitors a b c",
    "RPUSH list:small a 1 b -70000 9999999999",
    "RPUSH list:long {letters} {repeated}",
    "SADD set:small a b 1",
    "SADD set:numbers 1 2 3",
    "SADD set:numbers:32 1 70000",
    "SADD set:numbers:64 1 9999999999",
    "SADD set:long {letters}",
    "ZADD zset:small 1 a 2.5 b -inf c inf d",
    "ZADD zset:long 1 {letters}",
    "HSET hash:small name ada born 1815",
    "HSET hash:long name {letters}",
    "XADD stream:small 1-1 a 1 b 2",
    "XGROUP CREATE stream:small readers 0",
    "XREADGROUP GROUP readers ann COUNT 1 STREAMS stream:small >",
    "XADD stream:holes 1-1 a 1",
    "XADD stream:holes 1-2 a 2",
    "XADD stream:holes 2-0 b 3 c 4",
    "XDEL stream:holes 1-2",
    "XGROUP CREATE stream:holes old 1-1",
    "XGROUP CREATE stream:holes new $",
    "XREADGROUP GROUP old ann STREAMS stream:holes >",
    "XCLAIM stream:holes old bob 0 2-0 TIME 1000 RETRYCOUNT 5 JUSTID",
    "XGROUP CREATE stream:empty group 5-5 MKSTREAM",
    "XADD stream:emptied 7-7 a b",
    "XDEL stream:emptied 7-7",
    "SELECT 1",
    "SET text other",
    "SELECT 9",
    "RPUSH list a",
    "PEXPIREAT list 4102444800000",
    "SELECT 0",
];

/// Commands for many elements, `{}` being a number.
const MANY: &[&str] = &[
    "RPUSH list:big element:{}",
    "SADD set:big member:{}",
    "SADD set:many {}",
    "ZADD zset:big {}.25 member:{}",
    "HSET hash:big field:{} value:{}",
    "XADD stream:big {}-5 field value:{}",
    "APPEND long piece:{}",
];

/// Scores whose shortest text is not the one that Redis 7 digests.
const PRECISE: &[&str] = &["ZADD zset:precise 0.1 a 1e300 b -1e-300 c 5e-324 d"];

/// Elements that are so large that each has a node of its own.
const PLAIN: &[&str] =
    &["DEBUG QUICKLIST-PACKED-THRESHOLD 50b", "RPUSH list:plain a {letters} b {repeated}"];

/// Hashes whose fields expire, in both encodings.
const FADING: &[&str] = &[
    "HSET hash:fading a 1 b 2",
    "HPEXPIREAT hash:fading 4102444800000 FIELDS 1 a",
    "HSET hash:fading:big name {letters} a 1 b 2",
    "HPEXPIREAT hash:fading:big 4102444800000 FIELDS 1 name",
    "HPEXPIREAT hash:fading:big 4102444900000 FIELDS 1 b",
];

/// What a digest leaves out.
const TOLD: &[&str] = &[
    "PEXPIRETIME text",
    "XINFO STREAM stream:small",
    "XINFO GROUPS stream:small",
    "XPENDING stream:small readers",
    "XINFO STREAM stream:holes",
    "XINFO GROUPS stream:holes",
    "XPENDING stream:holes old",
    "XINFO STREAM stream:empty",
    "XINFO GROUPS stream:empty",
    "XINFO STREAM stream:emptied",
    "XINFO STREAM stream:big",
    "PFCOUNT visitors",
    "OBJECT ENCODING number",
    "OBJECT ENCODING text",
    "OBJECT ENCODING text:raw",
    "OBJECT ENCODING list:big",
    "OBJECT ENCODING set:numbers",
    "OBJECT ENCODING set:big",
    "OBJECT ENCODING zset:small",
    "OBJECT ENCODING zset:big",
    "OBJECT ENCODING hash:small",
    "OBJECT ENCODING hash:big",
    "LRANGE list:plain 0 -1",
    "DBSIZE",
];

/// When entries were delivered and consumers were seen; Redis 7 says it in other words.
const TOLD_IN_FULL: &[&str] = &["XINFO STREAM stream:holes FULL", "XINFO STREAM stream:small FULL"];

/// What hashes whose fields expire say of them.
const TOLD_OF_FIELDS: &[&str] =
    &["HPEXPIRETIME hash:fading FIELDS 2 a b", "HPEXPIRETIME hash:fading:big FIELDS 3 name a b"];

fn ask(stage: &mut dyn Stage, command: &str) -> Reply {
    ask_bytes(stage, format!("{command}\r\n").as_bytes(), 1)
}

/// Sends `commands`, so many, and returns the last reply.
fn ask_bytes(stage: &mut dyn Stage, commands: &[u8], count: usize) -> Reply {
    stage.send("a", commands).unwrap();
    let (mut bytes, mut read) = (Vec::new(), 0);
    for left in (0..count).rev() {
        loop {
            if let Some((reply, length)) = Reply::read(&bytes[read..]).unwrap() {
                read += length;
                if left == 0 {
                    return reply;
                }
                break;
            }
            let arrived = stage.receive(Patience::Expecting("a"));
            assert!(!arrived.is_empty(), "no reply to {}", commands.escape_ascii());
            arrived.into_iter().for_each(|(_, more, _)| bytes.extend(more));
        }
    }
    panic!("no commands");
}

fn run(stage: &mut dyn Stage, commands: &[&str]) {
    let letters: String = ('a'..='z').cycle().step_by(5).take(120).collect();
    for command in commands {
        let command =
            command.replace("{letters}", &letters).replace("{repeated}", &"ab".repeat(90));
        let reply = ask(stage, &command);
        assert!(!matches!(reply, Reply::Error(_)), "{command}: {reply:?}");
    }
}

fn fill(stage: &mut dyn Stage, peer: &Peer, has_fields: bool) {
    run(stage, SMALL);
    for number in 0..700 {
        let fill_in = |command: &&str| command.replace("{}", &number.to_string()) + "\r\n";
        let commands: String = MANY.iter().map(fill_in).collect();
        ask_bytes(stage, commands.as_bytes(), MANY.len());
    }
    run(stage, PLAIN);
    if peer.name != "redis7" {
        run(stage, PRECISE);
    }
    if has_fields {
        run(stage, FADING);
    }
}

/// A server to exchange snapshots with.
struct Peer {
    name: &'static str,
    /// Whether what is written here about fields that expire can be read there.
    reads_fields: bool,
    /// Whether what is written there about them can be read here.
    writes_fields: bool,
    /// Whether XINFO says the same things.
    tells_in_full: bool,
}

const PEERS: [Peer; 3] = [
    Peer { name: "redis7", reads_fields: false, writes_fields: false, tells_in_full: false },
    Peer { name: "redis8", reads_fields: true, writes_fields: true, tells_in_full: true },
    // It refuses every version of Redis that can say that fields expire.
    Peer { name: "valkey9", reads_fields: false, writes_fields: true, tells_in_full: true },
];

/// Every reply of `commands`, each behind its command, and then the digest of every key.
fn told(stage: &mut dyn Stage, peer: &Peer, has_fields: bool) -> String {
    let mut commands = TOLD.to_vec();
    commands.extend(TOLD_IN_FULL.iter().filter(|_| peer.tells_in_full));
    commands.extend(TOLD_OF_FIELDS.iter().filter(|_| has_fields));
    let mut commands: Vec<String> = commands.iter().map(|&command| command.to_owned()).collect();
    let Reply::Array(keys) = ask(stage, "KEYS *") else { panic!("no keys") };
    let mut keys: Vec<String> =
        keys.iter().map(|key| pretty::print(key).replace('\n', "")).collect();
    keys.sort();
    // Valkey digests a field that expires like one that does not.
    let differs = peer.name == "valkey9" && has_fields;
    keys.retain(|key| !(differs && key.starts_with("\"hash:fading")));
    commands.extend(keys.iter().map(|key| format!("DEBUG DIGEST-VALUE {key}")));
    commands.extend((!differs).then(|| "DEBUG DIGEST".to_owned()));
    let line = |command: String| {
        let reply = pretty::print(&ask(stage, &command));
        format!("> {command}\n{reply}")
    };
    commands.into_iter().map(line).collect()
}

fn with_debug(disk: BTreeMap<String, Vec<u8>>) -> Local {
    let mut config = Config::default();
    config.enable_debug_command = redstart::engine::config::Local::Yes;
    Local::on_disk(config, Seed::of(2), disk)
}

#[test]
fn others_load_what_is_saved_here() {
    for peer in &PEERS {
        let Some(program) = oracle::find(peer.name) else {
            println!("NOT COMPARED with {}: none was found", peer.name);
            continue;
        };
        let fields = peer.reads_fields;
        let mut ours = with_debug(BTreeMap::new());
        fill(&mut ours, peer, peer.reads_fields);
        assert_eq!(ask(&mut ours, "SAVE"), Reply::Simple(b"OK".to_vec()));
        let server =
            Server::start_with(&program, &[], &[("dump.rdb", &ours.files()["dump.rdb"])]).unwrap();
        let mut theirs = Tcp::new(server.addr);
        let (our, their) = (told(&mut ours, peer, fields), told(&mut theirs, peer, fields));
        similar(&our, &their, peer.name);
    }
}

#[test]
fn what_others_save_is_loaded_here() {
    for peer in &PEERS {
        let Some(program) = oracle::find(peer.name) else {
            println!("NOT COMPARED with {}: none was found", peer.name);
            continue;
        };
        for compress in ["yes", "no"] {
            let server = Server::start(&program).unwrap();
            let mut theirs = Tcp::new(server.addr);
            fill(&mut theirs, peer, peer.writes_fields);
            run(&mut theirs, &[&format!("CONFIG SET rdbcompression {compress}"), "SAVE"]);
            let disk = BTreeMap::from([("dump.rdb".to_owned(), server.file("dump.rdb").unwrap())]);
            let mut ours = with_debug(disk);
            let fields = peer.writes_fields;
            let (our, their) = (told(&mut ours, peer, fields), told(&mut theirs, peer, fields));
            similar(&our, &their, peer.name);
        }
    }
}

/// How recently or how often keys were used goes along where the policy of eviction asks for it.
#[test]
fn recency_and_frequency_go_both_ways() {
    for peer in &PEERS {
        let Some(program) = oracle::find(peer.name) else { continue };
        for (policy, option, question, reply) in [
            ("allkeys-lru", "IDLETIME 1000", "OBJECT IDLETIME copy", 1000..=1010),
            ("volatile-lfu", "FREQ 200", "OBJECT FREQ copy", 195..=200),
        ] {
            let set_up = |stage: &mut dyn Stage| {
                run(stage, &[&format!("CONFIG SET maxmemory-policy {policy}")]);
                // A form that every server takes.
                let payload = payload(0, &text(b"value"), 9);
                let mut words = vec![b"RESTORE".to_vec(), b"copy".to_vec(), b"0".to_vec(), payload];
                words.extend(option.split(' ').map(|word| word.as_bytes().to_vec()));
                let reply = ask_bytes(stage, &transcript::encode(&words), 1);
                assert_eq!(reply, Reply::Simple(b"OK".to_vec()));
                run(stage, &["SAVE"]);
            };
            let number = |stage: &mut dyn Stage| match ask(stage, question) {
                Reply::Int(number) => number,
                reply => panic!("{reply:?}"),
            };
            let mut ours = with_debug(BTreeMap::new());
            set_up(&mut ours);
            let server =
                Server::start_with(&program, &[], &[("dump.rdb", &ours.files()["dump.rdb"])])
                    .unwrap();
            let mut theirs = Tcp::new(server.addr);
            // The policy must be known when the snapshot is loaded.
            run(&mut theirs, &[&format!("CONFIG SET maxmemory-policy {policy}")]);
            run(&mut theirs, &["DEBUG RELOAD NOSAVE"]);
            assert!(reply.contains(&number(&mut theirs)), "{} {policy}", peer.name);
            assert_eq!(ask(&mut theirs, "DEL copy"), Reply::Int(1));
            set_up(&mut theirs);
            let disk = BTreeMap::from([("dump.rdb".to_owned(), server.file("dump.rdb").unwrap())]);
            let mut config = Config::default();
            config.set_named("maxmemory-policy", policy).unwrap();
            let mut ours = Local::on_disk(config, Seed::of(2), disk);
            assert!(reply.contains(&number(&mut ours)), "{} {policy}", peer.name);
        }
    }
}

#[track_caller]
fn similar(left: &str, right: &str, name: &str) {
    for (left, right) in left.split("\n> ").zip(right.split("\n> ")) {
        assert_eq!(left, right, "{name}");
    }
}
