//! Append-only files that Redis 7, Redis 8 and Valkey 9 load, and theirs that are loaded here.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]
#![allow(clippy::print_stdout, reason = "says what was not compared")]

use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::resp::Reply;
use redstart_tests::every;
use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::play::Stage;
use redstart_tests::tcp::Tcp;
use redstart_tests::wire::ask;

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";

type Files = BTreeMap<String, Vec<u8>>;

fn on(files: Files, settings: &[(&str, &str)]) -> Local {
    let mut config = Config::default();
    let always = [("save", ""), ("enable-debug-command", "yes"), ("appendonly", "yes")];
    for (name, value) in always.iter().chain(settings) {
        config.set_named(name, value).unwrap();
    }
    Local::on_disk(config, Seed::of(1), files)
}

/// Where what is exchanged lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Base,
    Increment,
}

/// Makes every type in every encoding, in the base or behind it.
fn fill(stage: &mut dyn Stage, name: &str, place: Place) {
    every::fill(stage, name != "redis7", name == "redis8");
    if place == Place::Base {
        let reply = ask(stage, "BGREWRITEAOF");
        assert!(matches!(reply, Reply::Simple(_)), "{name}: {reply:?}");
        let is_rewritten = (0..500).any(|_| {
            stage.wait(20);
            let Reply::Bulk(info) = ask(stage, "INFO persistence") else { return false };
            let info = String::from_utf8_lossy(&info).into_owned();
            ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "aof_last_bgrewrite_status:ok"]
                .iter()
                .all(|fact| info.contains(fact))
        });
        assert!(is_rewritten, "{name}");
    }
    for command in ["RPUSH row a b c", "LPOP row", "SET last 1 PXAT 33177117420000"] {
        ask(stage, command);
    }
}

#[test]
fn append_only_files_go_both_ways() {
    for (name, preamble, place) in [
        ("redis7", "yes", Place::Base),
        ("redis7", "no", Place::Base),
        ("redis7", "yes", Place::Increment),
        ("redis8", "yes", Place::Base),
        ("redis8", "no", Place::Base),
        ("redis8", "yes", Place::Increment),
        ("valkey9", "yes", Place::Base),
        ("valkey9", "no", Place::Base),
        ("valkey9", "yes", Place::Increment),
    ] {
        let Some(program) = oracle::find(name) else {
            println!("NOT COMPARED with {name}: none was found");
            continue;
        };
        let settings = [("aof-use-rdb-preamble", preamble), ("appendfsync", "always")];
        let mut ours = on(Files::new(), &settings);
        fill(&mut ours, name, place);
        let digest = ask(&mut ours, "DEBUG DIGEST");
        let files = ours.files();
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let args = ["--appendonly", "yes", "--aof-use-rdb-preamble", preamble];
        let server = Server::start_with(&program, &args, &files).unwrap();
        let mut theirs = Tcp::new(server.addr);
        // DEBUG is served before everything is loaded, PING is not.
        let pong = Reply::Simple(b"PONG".to_vec());
        let is_up = (0..250).any(|_| {
            theirs.wait(20);
            ask(&mut theirs, "PING") == pong
        });
        assert!(is_up, "{name} does not come up");
        assert_eq!(
            ask(&mut theirs, "DEBUG DIGEST"),
            digest,
            "{name} loads what is written here, {place:?}, {preamble}"
        );
        drop(server);
        let server = Server::start_with(&program, &args, &[]).unwrap();
        let mut theirs = Tcp::new(server.addr);
        fill(&mut theirs, name, place);
        ask(&mut theirs, "CONFIG SET appendfsync always");
        ask(&mut theirs, "SET last 1");
        let digest = ask(&mut theirs, "DEBUG DIGEST");
        let manifest = server.file(MANIFEST).unwrap();
        let mut files = Files::new();
        for line in String::from_utf8_lossy(&manifest).lines() {
            let name = format!("appendonlydir/{}", line.split(' ').nth(1).unwrap());
            files.insert(name.clone(), server.file(&name).unwrap());
        }
        files.insert(MANIFEST.to_owned(), manifest);
        let mut ours = on(files, &settings);
        assert_eq!(
            ask(&mut ours, "DEBUG DIGEST"),
            digest,
            "what {name} writes is loaded here, {place:?}, {preamble}"
        );
    }
}
