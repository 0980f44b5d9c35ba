//! Files that a person brings: of any kind, all or nothing, and as safe as anything that is written.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::node::{DiskOp, Event, How, Imported};
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};
use redstart_tests::wire::ask_at;

type Files = BTreeMap<String, Vec<u8>>;

fn node(settings: &[(&str, &str)], files: Files) -> Local {
    let mut config = Config::default();
    for (name, value) in [("save", ""), ("enable-debug-command", "yes")].iter().chain(settings) {
        config.set_named(name, value).unwrap();
    }
    Local::on_disk(config, Seed::of(1), files)
}

/// Imports `content` into a node that holds two keys; the node, and how it ended.
fn import(content: &[u8], how: How) -> (Local, Result<Imported, String>) {
    let mut local = node(&[], Files::from([("brought".to_owned(), content.to_vec())]));
    ask_at(&mut local, "a", "MSET old 1 both 1");
    local.event(Event::Import { name: "brought".to_owned(), how });
    let ended = local.imported.take().unwrap();
    (local, ended)
}

/// Files of each kind that hold `both` and `new`, and in database 3 a list.
fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let text = "# made by hand\nSET both 2\n\n  MSET new \"2\\x00\"\nSELECT 3\nRPUSH list a b";
    let mut local = node(&[("appendonly", "yes"), ("appendfsync", "always")], Files::new());
    for command in ["SET both 2", "SET new 2", "SELECT 3", "RPUSH list a b"] {
        ask_at(&mut local, "a", command);
    }
    let increment = local.files()["appendonlydir/appendonly.aof.1.incr.aof"].clone();
    ask_at(&mut local, "a", "BGREWRITEAOF");
    ask_at(&mut local, "a", "SAVE");
    let files = local.files();
    let base = files.iter().find(|(name, _)| name.contains(".base.")).unwrap().1.clone();
    let with_preamble = [base, b"*3\r\n$3\r\nSET\r\n$3\r\nnew\r\n$1\r\n3\r\n".to_vec()].concat();
    vec![
        ("snapshot", files["dump.rdb"].clone()),
        ("append-only file", increment),
        ("append-only file with a snapshot", with_preamble),
        ("text", text.as_bytes().to_vec()),
    ]
}

#[test]
fn every_kind_takes_the_place_of_the_data() {
    for (kind, content) in kinds() {
        let (mut local, ended) = import(&content, How::Instead);
        assert_eq!(ended.map(|imported| (imported.keys, imported.refused)), Ok((3, 0)), "{kind}");
        assert_eq!(ask_at(&mut local, "a", "EXISTS old both new"), ":2\r\n", "{kind}");
        assert_eq!(ask_at(&mut local, "b", "GET both"), "$1\r\n2\r\n", "{kind}");
        ask_at(&mut local, "b", "SELECT 3");
        assert_eq!(ask_at(&mut local, "b", "LLEN list"), ":2\r\n", "{kind}");
    }
}

#[test]
fn every_kind_can_be_added() {
    for (kind, content) in kinds() {
        let (mut local, ended) = import(&content, How::Over);
        assert_eq!(ended.map(|imported| imported.keys), Ok(3), "{kind}");
        assert_eq!(ask_at(&mut local, "a", "EXISTS old both new"), ":3\r\n", "{kind}");
        assert_eq!(ask_at(&mut local, "a", "GET both"), "$1\r\n2\r\n", "{kind}");
    }
}

fn check_bad(content: &[u8], why: &str) {
    for how in [How::Instead, How::Over] {
        let (mut local, ended) = import(content, how);
        assert_eq!(ended.unwrap_err(), why);
        assert_eq!(ask_at(&mut local, "a", "MGET old both"), "*2\r\n$1\r\n1\r\n$1\r\n1\r\n");
        assert_eq!(ask_at(&mut local, "a", "DBSIZE"), ":2\r\n");
    }
}

#[test]
fn what_is_no_good_is_named_with_its_place_and_changes_nothing() {
    let snapshot = &kinds()[0].1;
    let end = snapshot.len() - 30;
    let (_, ended) = import(&snapshot[..end], How::Instead);
    let why = ended.unwrap_err();
    assert!(why.starts_with("at offset ") && why.contains("Unexpected end"), "{why}");
    let mut flipped = snapshot.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let (_, ended) = import(&flipped, How::Over);
    let why = ended.unwrap_err();
    assert!(why.contains("RDB CRC error"), "{why}");
    let with_preamble = &kinds()[2].1;
    check_bad(
        &[with_preamble.as_slice(), b"*1\r\n$6\r\nNOSUCH\r\n"].concat(),
        &format!(
            "at offset {}: unknown command 'NOSUCH', with args beginning with: ",
            with_preamble.len()
        ),
    );
    check_bad(
        b"SET a 1\nNOSUCH b\n",
        "at offset 8: unknown command 'NOSUCH', with args beginning with: 'b' ",
    );
    check_bad(b"SET a 1\nSET b\n", "at offset 8: wrong number of arguments for 'set' command");
    check_bad(b"SET a 1\nSET b \"2\n", "at offset 8: this is no command");
    check_bad(
        b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nDEL",
        "at offset 14: what begins there, a command or a transaction, has no end",
    );
    check_bad(
        b"\x89PNG\r\n\x1a\n",
        "at offset 0: unknown command '\u{fffd}PNG', with args beginning with: ",
    );
    for nothing in ["", "\n\n", "# a remark\n", "GET old\nPING\n"] {
        check_bad(nothing.as_bytes(), "there is nothing in it");
    }
    check_bad(
        b"MULTI\nSET a 1\n",
        "at offset 0: what begins there, a command or a transaction, has no end",
    );
}

#[test]
fn what_was_refused_is_counted() {
    let text = b"SET a 1\nLPUSH a x\nGET a\nINCR a\nSUBSCRIBE news\nSHUTDOWN\nHINCRBY a f 1\n";
    let (mut local, ended) = import(text, How::Instead);
    let refusal = "at offset 8: WRONGTYPE Operation against a key holding the wrong kind of value";
    let expect = Imported {
        keys: 1,
        expired: 0,
        commands: 4,
        refused: 2,
        refusal: Some(refusal.to_owned()),
    };
    assert_eq!(ended, Ok(expect));
    assert_eq!(ask_at(&mut local, "a", "GET a"), "$1\r\n2\r\n");
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let mut local = node(&[], Files::new());
    local.event(Event::Import { name: "nowhere".to_owned(), how: How::Over });
    assert_eq!(local.imported, Some(Err("No such file or directory".to_owned())));
    assert_eq!(ask_at(&mut local, "a", "PING"), "+PONG\r\n");
}

/// What was imported is in the append-only file before anything that follows.
#[test]
fn what_was_imported_is_safe() {
    let settings = [("appendonly", "yes"), ("appendfsync", "always")];
    for how in [How::Instead, How::Over] {
        let mut local = node(&settings, Files::new());
        ask_at(&mut local, "a", "MSET old 1 both 1");
        ask_at(&mut local, "a", "RPUSH list old");
        let text = b"SET both 2\nRPUSH list new\nSET gone 1 PX 1\nSETEX stays 1000 1".to_vec();
        local.disk.run(DiskOp::Replace { name: "brought".to_owned(), bytes: text });
        local.event(Event::Import { name: "brought".to_owned(), how });
        assert!(local.imported.take().unwrap().is_ok());
        ask_at(&mut local, "a", "INCR both");
        let digest = ask_at(&mut local, "a", "DEBUG DIGEST");
        assert_eq!(ask_at(&mut local, "a", "LRANGE list 0 -1"), "*1\r\n$3\r\nnew\r\n");
        let mut again = node(&settings, local.files());
        assert_eq!(ask_at(&mut again, "a", "DEBUG DIGEST"), digest);
        let old = if how == How::Over { "$1\r\n1\r\n" } else { "$-1\r\n" };
        assert_eq!(ask_at(&mut again, "a", "GET old"), old);
    }
}

/// A file that comes while an append-only file is begun has that begun anew; nothing is recorded twice.
#[test]
fn what_is_imported_while_a_file_is_begun_is_recorded_once() {
    for turns in 0..12 {
        let mut local = node(&[("appendfsync", "always")], Files::new());
        let text = b"SET count 10".to_vec();
        local.disk.run(DiskOp::Replace { name: "brought".to_owned(), bytes: text });
        ask_at(&mut local, "a", "SET old 1");
        local.is_slow = true;
        ask_at(&mut local, "a", "CONFIG SET appendonly yes");
        for _ in 0..turns {
            local.turn();
        }
        local.event(Event::Import { name: "brought".to_owned(), how: How::Over });
        // Somebody counts meanwhile.
        for _ in 0..40 {
            local.turn();
            local.send("b", b"INCR count\r\n").unwrap();
        }
        local.is_slow = false;
        let digest = ask_at(&mut local, "a", "DEBUG DIGEST");
        let mut again = node(&[("appendonly", "yes")], local.files());
        assert_eq!(ask_at(&mut again, "a", "DEBUG DIGEST"), digest, "after {turns} turns");
    }
}

/// Whoever waits for a key gets it, and whoever watches one knows.
#[test]
fn those_who_wait_and_watch_are_told() {
    let mut local = node(&[], Files::from([("brought".to_owned(), b"RPUSH queue job".to_vec())]));
    ask_at(&mut local, "waits", "BLPOP queue 0");
    ask_at(&mut local, "watches", "WATCH a");
    ask_at(&mut local, "watches", "MULTI");
    local.event(Event::Import { name: "brought".to_owned(), how: How::Over });
    let arrived = local.receive(Patience::Quiet);
    let woken = arrived
        .iter()
        .any(|(name, bytes, _)| name == "waits" && bytes == b"*2\r\n$5\r\nqueue\r\n$3\r\njob\r\n");
    assert!(woken, "{arrived:?}");
    assert_eq!(ask_at(&mut local, "watches", "EXEC"), "*-1\r\n");
}
