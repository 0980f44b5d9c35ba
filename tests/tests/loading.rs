//! Loading in slices: everyone is served meanwhile, most are told to wait, and what cannot be loaded
//! changes nothing.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart_tests::disk::SimDisk;
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};
use redstart_tests::wire::{ask_at, encoded, line};

type Files = BTreeMap<String, Vec<u8>>;

const LOADING: &str = "-LOADING Redis is loading the dataset in memory\r\n";
const INCREMENT: &str = "appendonlydir/appendonly.aof.1.incr.aof";
/// Turns that loading may take.
const TURNS_MAX: usize = 100_000;

fn config(settings: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    let always = [("save", ""), ("enable-debug-command", "yes")];
    for (name, value) in always.iter().chain(settings) {
        config.set_named(name, value).unwrap();
    }
    config
}

fn info(local: &mut Local, field: &str) -> Option<f64> {
    let text = ask_at(local, "info", "INFO persistence");
    let named = |line: &str| line.strip_prefix(field)?.strip_prefix(':').map(str::to_owned);
    text.lines().find_map(named).map(|value| value.parse().unwrap())
}

/// What a node leaves on the disk that has made much of everything.
fn files(settings: &[(&str, &str)]) -> (Files, String) {
    let mut local = Local::new(config(settings), Seed::of(1));
    for number in 0..3000 {
        ask_at(&mut local, "a", &format!("SET key:{number} value:{number}"));
        ask_at(&mut local, "a", &format!("RPUSH list element:{number}"));
        ask_at(&mut local, "a", &format!("SADD set member:{number}"));
        ask_at(&mut local, "a", &format!("HSET hash field:{number} {number}"));
        ask_at(&mut local, "a", &format!("ZADD zset {number} member:{number}"));
        ask_at(&mut local, "a", &format!("XADD stream * field {number}"));
    }
    ask_at(&mut local, "a", "XGROUP CREATE stream group 0");
    ask_at(&mut local, "a", "XREADGROUP GROUP group reader COUNT 2500 STREAMS stream >");
    // One string longer than any part of the file, and one command.
    ask_at(&mut local, "a", &format!("SET long {}", "0123456789abcdef".repeat(150_000)));
    if settings.is_empty() {
        assert_eq!(ask_at(&mut local, "saver", "SAVE"), "+OK\r\n");
    }
    let digest = ask_at(&mut local, "a", "DEBUG DIGEST");
    (local.files(), digest)
}

fn slow(settings: &[(&str, &str)], files: &Files) -> Local {
    Local::slow_on(config(settings), Seed::of(2), SimDisk::new(Seed::of(2), files.clone()))
}

#[test]
fn who_asks_while_data_is_loaded_is_told_so() {
    for settings in [&[][..], &[("appendonly", "yes")]] {
        let (files, digest) = files(settings);
        let mut local = slow(settings, &files);
        let (mut turns, mut last) = (0, 0.0);
        while info(&mut local, "loading") == Some(1.0) {
            assert!(turns < TURNS_MAX, "it never ends");
            assert_eq!(ask_at(&mut local, "a", "PING"), LOADING);
            assert_eq!(ask_at(&mut local, "a", "GET key:1"), LOADING);
            assert_eq!(ask_at(&mut local, "a", "BGSAVE"), LOADING);
            assert!(ask_at(&mut local, "a", "CONFIG GET port").starts_with("*2\r\n"));
            for command in ["MULTI", "GET key:1"] {
                ask_at(&mut local, "multi", command);
            }
            assert!(ask_at(&mut local, "multi", "EXEC").starts_with("-EXECABORT"));
            if let Some(loaded) = info(&mut local, "loading_loaded_bytes") {
                let total = info(&mut local, "loading_total_bytes").unwrap();
                assert!(last <= loaded && loaded <= total, "{last} {loaded} {total}");
                last = loaded;
            }
            local.turn();
            turns += 1;
        }
        assert!(turns > 4 && last > 0.0, "{turns} turns, {last} bytes");
        assert_eq!(info(&mut local, "loading_loaded_bytes"), None);
        assert_eq!(ask_at(&mut local, "a", "DEBUG DIGEST"), digest);
        assert_eq!(ask_at(&mut local, "a", "PING"), "+PONG\r\n");
    }
}

#[test]
fn what_cannot_be_loaded_changes_nothing() {
    let (files, digest) = files(&[]);
    let mut local = Local::on_disk(config(&[]), Seed::of(3), files.clone());
    for offset in [0, 20, 5000, files["dump.rdb"].len() - 1] {
        let mut broken = files["dump.rdb"].clone();
        broken[offset] ^= 0x55;
        let before = ask_at(&mut local, "a", "DEBUG DIGEST");
        let old = std::mem::replace(
            &mut local.disk,
            SimDisk::new(Seed::of(4), Files::from([("dump.rdb".to_owned(), broken)])),
        );
        let reply = ask_at(&mut local, &format!("r{offset}"), "DEBUG RELOAD NOSAVE");
        assert_eq!(reply, "-ERR Error trying to load the RDB dump, check server logs.\r\n");
        assert_eq!(ask_at(&mut local, "a", "DEBUG DIGEST"), before);
        local.disk = old;
    }
    assert_eq!(ask_at(&mut local, "a", "DEBUG RELOAD"), "+OK\r\n");
    assert_eq!(ask_at(&mut local, "a", "DEBUG DIGEST"), digest);
}

#[test]
fn a_file_that_cannot_be_repeated_leaves_the_data() {
    let settings = [("appendonly", "yes")];
    let mut local = Local::new(config(&settings), Seed::of(5));
    ask_at(&mut local, "a", "SET a 1");
    ask_at(&mut local, "a", "RPUSH l x y");
    let digest = ask_at(&mut local, "a", "DEBUG DIGEST");
    let good = local.files();
    for damage in ["*1\r\n$3\r\nNO!\r\n", "garbage", "*1\r\n$4\r\nPING\r\n*x\r\n"] {
        let mut files = good.clone();
        files.get_mut(INCREMENT).unwrap().extend(damage.bytes());
        local.disk = SimDisk::new(Seed::of(6), files);
        let reply = ask_at(&mut local, damage, "DEBUG LOADAOF");
        assert_eq!(reply, "-ERR Error trying to load the AOF files, check server logs.\r\n");
        assert_eq!(ask_at(&mut local, "a", "DEBUG DIGEST"), digest);
    }
    local.disk = SimDisk::new(Seed::of(6), good);
    assert_eq!(ask_at(&mut local, "b", "DEBUG LOADAOF"), "+OK\r\n");
    assert_eq!(ask_at(&mut local, "a", "DEBUG DIGEST"), digest);
}

/// Who waits for a key hears nothing of what is only repeated, and goes on waiting.
#[test]
fn a_reload_wakes_nobody_with_half_of_the_data() {
    let settings = [("appendonly", "yes")];
    let mut local = Local::new(config(&settings), Seed::of(7));
    for command in ["RPUSH q 1", "LPOP q", "RPUSH other 1"] {
        ask_at(&mut local, "a", command);
    }
    assert_eq!(ask_at(&mut local, "waiting", "BLPOP q 0"), "");
    assert_eq!(ask_at(&mut local, "a", "DEBUG LOADAOF"), "+OK\r\n");
    assert!(local.receive(Patience::Quiet).is_empty());
    local.send("a", &encoded(&line(&["RPUSH", "q", "2"]))).unwrap();
    let arrived = local.receive(Patience::Quiet);
    let served = arrived.iter().find(|(name, _, _)| name == "waiting").unwrap();
    assert_eq!(served.1, b"*2\r\n$1\r\nq\r\n$1\r\n2\r\n");
}

#[test]
fn keys_can_be_loaded_and_saved_slowly() {
    let (files, digest) = files(&[]);
    let mut local = slow(&[("key-load-delay", "1000")], &files);
    while local.turn() {}
    let first = info(&mut local, "loading_loaded_bytes").unwrap();
    local.wait(100);
    while local.turn() {}
    assert!(info(&mut local, "loading_loaded_bytes").unwrap() > first);
    assert_eq!(ask_at(&mut local, "a", "CONFIG SET key-load-delay 0"), "+OK\r\n");
    local.wait(10);
    while local.turn() {}
    assert_eq!(info(&mut local, "loading"), Some(0.0));
    assert_eq!(ask_at(&mut local, "a", "DEBUG DIGEST"), digest);
    ask_at(&mut local, "a", "CONFIG SET rdb-key-save-delay 1000000");
    ask_at(&mut local, "a", "BGSAVE");
    for _ in 0..3 {
        local.wait(60_000);
        while local.turn() {}
        assert_eq!(info(&mut local, "rdb_bgsave_in_progress"), Some(1.0));
    }
    assert_eq!(ask_at(&mut local, "a", "BGSAVE CANCEL"), "+Background saving cancelled\r\n");
}

/// A rewrite that is about to begin is not one of data that is being replaced.
#[test]
fn a_reload_and_a_rewrite_keep_out_of_each_other() {
    const KEYS: usize = 300;
    let settings = [("appendonly", "yes")];
    for turns in 0..8 {
        let mut local = Local::new(config(&settings), Seed::of(1));
        let pairs: Vec<String> = (0..KEYS).map(|n| format!("k{n} v")).collect();
        for command in
            [&*format!("MSET {}", pairs.join(" ")), "SAVE", "CONFIG SET rdb-key-save-delay 1000"]
        {
            ask_at(&mut local, "a", command);
        }
        local.is_slow = true;
        ask_at(&mut local, "a", "BGREWRITEAOF");
        (0..turns).for_each(|_| _ = local.turn());
        ask_at(&mut local, "a", "DEBUG RELOAD NOSAVE");
        // The base takes longer than loading.
        for _ in 0..4 * KEYS {
            local.turn();
            local.wait(1);
        }
        assert_eq!(info(&mut local, "aof_rewrites"), Some(1.0));
        let mut again = Local::on_disk(config(&settings), Seed::of(1), local.files());
        let count = format!(":{KEYS}\r\n");
        assert_eq!(ask_at(&mut again, "a", "DBSIZE"), count, "{turns} turns");
    }
}
