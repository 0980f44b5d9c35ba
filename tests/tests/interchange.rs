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
use redstart_tests::every::{ask, ask_bytes, fill, run};
use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::play::Stage;
use redstart_tests::rdb::{payload, text};
use redstart_tests::tcp::Tcp;
use redstart_tests::transcript;

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
    "LRANGE list:plain 0 -1",
    "DBSIZE",
];

/// When entries were delivered and consumers were seen; Redis 7 says it in other words.
const TOLD_IN_FULL: &[&str] = &["XINFO STREAM stream:holes FULL", "XINFO STREAM stream:small FULL"];

/// What hashes whose fields expire say of them.
const TOLD_OF_FIELDS: &[&str] =
    &["HPEXPIRETIME hash:fading FIELDS 2 a b", "HPEXPIRETIME hash:fading:big FIELDS 3 name a b"];

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

impl Peer {
    /// Redis 7 digests a score by its text of 17 digits.
    fn digests_all(&self) -> bool {
        self.name != "redis7"
    }
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
    // In Redis 7 neither lists nor sets are listpacks.
    let newer = ["\"list", "\"set"];
    let has_forms =
        |key: &&String| peer.name != "redis7" || !newer.iter().any(|kind| key.starts_with(kind));
    let keys_with_forms = keys.iter().filter(has_forms);
    commands.extend(keys_with_forms.map(|key| format!("OBJECT ENCODING {key}")));
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
        fill(&mut ours, peer.digests_all(), peer.reads_fields);
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
            fill(&mut theirs, peer.digests_all(), peer.writes_fields);
            run(&mut theirs, &[&format!("CONFIG SET rdbcompression {compress}"), "SAVE"]);
            let disk = BTreeMap::from([("dump.rdb".to_owned(), server.file("dump.rdb").unwrap())]);
            let mut ours = with_debug(disk);
            let fields = peer.writes_fields;
            let (our, their) = (told(&mut ours, peer, fields), told(&mut theirs, peer, fields));
            similar(&our, &their, peer.name);
        }
    }
}

/// Libraries of functions go along, though they cannot be run here yet.
#[test]
fn libraries_of_functions_go_there_and_back() {
    for peer in &PEERS {
        let Some(program) = oracle::find(peer.name) else { continue };
        let server = Server::start(&program).unwrap();
        let mut theirs = Tcp::new(server.addr);
        let code = "#!lua name=lib\nredis.register_function('f', function() return 7 end)\n";
        let load = [b"FUNCTION".to_vec(), b"LOAD".to_vec(), code.into()];
        let loaded = ask_bytes(&mut theirs, &transcript::encode(&load), 1);
        assert_eq!(loaded, Reply::Bulk(b"lib".to_vec()), "{}", peer.name);
        run(&mut theirs, &["SET key value", "SAVE"]);
        let disk = BTreeMap::from([("dump.rdb".to_owned(), server.file("dump.rdb").unwrap())]);
        let mut ours = with_debug(disk);
        run(&mut ours, &["SET other value", "SAVE"]);
        let saved = ours.files();
        let server =
            Server::start_with(&program, &[], &[("dump.rdb", &saved["dump.rdb"])]).unwrap();
        let mut theirs = Tcp::new(server.addr);
        assert_eq!(ask(&mut theirs, "FCALL f 0"), Reply::Int(7), "{}", peer.name);
        assert_eq!(ask(&mut theirs, "DBSIZE"), Reply::Int(2));
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
