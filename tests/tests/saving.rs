//! Snapshots: what is saved comes back, what cannot be read is kept, what fails is said.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::engine::config::SavePoint;
use redstart::node::{DiskOp, Event, Level, Signal};
use redstart_tests::local::Local;
use redstart_tests::play::{self, Patience, Stage as _};
use redstart_tests::transcript;

/// A snapshot written by Redis 8.0.6: in database 0 `int` (-12345), `big` (12345678901234), `text`
/// (50 times `a`, compressed, expiring in 2100) and `long` (0 to 9 and ten `x`, in three nodes); in
/// database 1 `short` (a, 1, b).
const BY_REDIS8: &str = "\
    524544495330303132fa0972656469732d76657205382e302e36fa0a72656469732d62697473c040fa056374\
    696d65c252dc026bfa08757365642d6d656dc2d04a0c00fa08616f662d62617365c000fe00fb040100036269\
    670e313233343536373839303132333412046c6f6e6703020f0f00000004000001010102010301ff020f0f00\
    000004000401050106010701ff0217170000000300080109018a787878787878787878780bff0003696e74c1\
    c7cffc00d8c32cbb030000000474657874c30932016161e02500016161fe01fb0100120573686f727401020f\
    0f00000003008161020101816202ffff1c4efd75c0e1b6fb";

const HOLDS_BY_REDIS8: &str = "\
# What it holds.
> MGET int big
1) \"-12345\"
2) \"12345678901234\"
> GET text
\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"
> PEXPIRETIME text
(integer) 4102444800000
> LRANGE long 8 -1
1) \"8\"
2) \"9\"
3) \"xxxxxxxxxx\"
> LLEN long
(integer) 11
> DBSIZE
(integer) 4
> SELECT 1
OK
> LRANGE short 0 -1
1) \"a\"
2) \"1\"
3) \"b\"
> SELECT 0
OK
";

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}

fn files(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([("dump.rdb".to_owned(), bytes.to_vec())])
}

/// A node that saves as soon as something has changed.
fn eager() -> Config {
    let mut config = Config::default();
    config.save = vec![SavePoint { seconds: 0, changes: 1 }];
    config
}

fn check(local: &mut Local, text: &str) {
    for scenario in transcript::parse(text).unwrap() {
        if let Err(failure) = play::check(local, &scenario) {
            panic!("{}", failure.text);
        }
    }
}

fn warnings(local: &Local) -> Vec<&str> {
    let warnings = local.log.iter().filter(|record| record.level == Level::Warning);
    warnings.map(|record| record.text.as_str()).collect()
}

#[test]
fn a_file_of_redis_is_read_and_written_again() {
    let disk = files(&unhex(BY_REDIS8));
    let mut local = Local::on_disk(Config::default(), Seed::of(1), disk);
    check(&mut local, HOLDS_BY_REDIS8);
    check(&mut local, "# Saved.\n> SAVE\nOK\n");
    let disk = local.files();
    assert!(disk["dump.rdb"].starts_with(b"REDIS0010"), "the oldest version that can say it");
    let mut again = Local::on_disk(Config::default(), Seed::of(2), disk);
    check(&mut again, HOLDS_BY_REDIS8);
}

#[test]
fn what_was_typed_is_there_after_a_restart() {
    let mut local = Local::new(eager(), Seed::of(1));
    check(&mut local, "# One.\n> SET a 1\nOK\n> RPUSH l x y\n(integer) 2\n~ 300ms\n");
    let disk = local.files();
    let mut local = Local::on_disk(eager(), Seed::of(1), disk);
    check(&mut local, "# Two.\n> GET a\n\"1\"\n> LLEN l\n(integer) 2\n");
}

#[test]
fn what_was_flushed_does_not_come_back() {
    let disk = files(&unhex(BY_REDIS8));
    let mut local = Local::on_disk(Config::default(), Seed::of(1), disk);
    check(&mut local, "# No save point is near.\n> FLUSHALL\nOK\n");
    let disk = local.files();
    let mut local = Local::on_disk(Config::default(), Seed::of(1), disk);
    check(&mut local, "# Empty.\n> DBSIZE\n(integer) 0\n> SELECT 1\nOK\n> DBSIZE\n(integer) 0\n");
}

/// What a crash has left of a snapshot is not written on.
#[test]
fn a_snapshot_does_not_stand_behind_what_cannot_be_removed() {
    let mut saved = 0;
    for seed in 0..100 {
        let left = [("temp-1-dump.rdb".to_owned(), unhex(BY_REDIS8))].into();
        let mut local = Local::on_disk(Config::default(), Seed::of(seed), left);
        check(&mut local, "# New.\n> SET new 1\nOK\n");
        local.disk.faults.any = 3;
        local.send("a", b"SAVE\r\n").unwrap();
        local.disk.faults.any = 0;
        let arrived: Vec<u8> =
            local.receive(Patience::Quiet).into_iter().flat_map(|(_, bytes, _)| bytes).collect();
        if arrived == b"+OK\r\n" {
            saved += 1;
            let mut again = Local::on_disk(Config::default(), Seed::of(1), local.files());
            check(&mut again, "# The new one.\n> DBSIZE\n(integer) 1\n> GET new\n\"1\"\n");
        }
    }
    assert!((5..95).contains(&saved), "{saved} of 100 were saved");
}

/// Where a reply is promised to outlive the process.
#[test]
fn who_flushes_waits_until_nothing_can_come_back() {
    let mut local = Local::on_disk(Config::default(), Seed::of(1), files(&unhex(BY_REDIS8)));
    local.write_before_replies();
    local.is_slow = true;
    let sent = b"*1\r\n$8\r\nFLUSHALL\r\n*1\r\n$6\r\nDBSIZE\r\n";
    local.send("a", sent).unwrap();
    assert!(local.receive(Patience::Quiet).is_empty(), "the old snapshot is still there");
    while local.turn() {}
    let arrived: Vec<u8> =
        local.receive(Patience::Quiet).into_iter().flat_map(|(_, bytes, _)| bytes).collect();
    assert_eq!(arrived, b"+OK\r\n:0\r\n");
    let mut local = Local::on_disk(Config::default(), Seed::of(1), local.files());
    check(&mut local, "# Empty.\n> DBSIZE\n(integer) 0\n");
    // One that fails keeps nobody from going on.
    local.write_before_replies();
    local.disk.is_full = true;
    check(&mut local, "# As in Redis.\n> SET a 1\nOK\n> FLUSHALL\nOK\n> SET a 1\nOK\n");
}

#[test]
fn an_unreadable_snapshot_is_set_aside_and_named() {
    let whole = unhex(BY_REDIS8);
    for bytes in [b"garbage".to_vec(), whole[..100].to_vec(), [&whole[..60], b"x"].concat()] {
        let mut local = Local::on_disk(eager(), Seed::of(1), files(&bytes));
        let files = local.files();
        let kept = files.iter().find(|(name, _)| name.starts_with("dump.rdb.unreadable-"));
        assert_eq!(kept.map(|(_, kept)| kept), Some(&bytes));
        assert!(!local.files().contains_key("dump.rdb"));
        assert!(warnings(&local)[0].contains("It is kept as dump.rdb.unreadable-"));
        check(&mut local, "# Empty, and at work.\n> DBSIZE\n(integer) 0\n> SET a 1\nOK\n");
        assert!(local.files().contains_key("dump.rdb"));
    }
}

#[test]
fn every_cut_and_every_changed_byte_is_harmless() {
    let whole = unhex(BY_REDIS8);
    for end in 0..whole.len() {
        let local = Local::on_disk(Config::default(), Seed::of(1), files(&whole[..end]));
        assert_eq!(warnings(&local).len(), 1, "cut at {end}");
    }
    for index in 0..whole.len() {
        for change in [1, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[index] ^= change;
            // The checksum would find nearly all of these; without it the structure must hold.
            for no_checksum in [false, true] {
                let end = bytes.len() - 8;
                if no_checksum {
                    bytes[end..].fill(0);
                }
                let mut local = Local::on_disk(Config::default(), Seed::of(1), files(&bytes));
                // An older version in the head, which has no checksum, is the exception.
                let is_excused = no_checksum || index < 9;
                assert!(is_excused || warnings(&local).len() == 1, "{index} {change}");
                local.event(Event::Wake);
            }
        }
    }
}

#[test]
fn a_signal_saves_and_ends() {
    let mut local = Local::new(Config::default(), Seed::of(1));
    check(&mut local, "# A change.\n> SET a 1\nOK\n");
    local.event(Event::Signal(Signal::SHUTDOWN));
    assert_eq!(local.exit, Some(0));
    assert!(local.files().contains_key("dump.rdb"));
}

#[test]
fn a_disk_that_fails_stops_writes_and_nothing_else() {
    let mut local = Local::new(eager(), Seed::of(1));
    local.disk.is_full = true;
    check(&mut local, "# The write is done, the snapshot is not.\n> SET a 1\nOK\n");
    check(
        &mut local,
        "# Further writes are refused.\n> SET a 2\n(error) MISCONF {*}\n> GET a\n\"1\"\n\
         > SAVE\n(error) ERR\n",
    );
    local.disk.is_full = false;
    check(&mut local, "# It works again.\n~ 6000ms\n> SET a 3\nOK\n");
    assert!(local.files().contains_key("dump.rdb"));
    local.disk.is_full = true;
    check(&mut local, "# And no more.\n> SET b 1\nOK\n~ 1000ms\n");
    local.event(Event::Signal(Signal::SHUTDOWN));
    assert_eq!(local.exit, None, "rather not end than lose data");
}

#[test]
fn who_waits_for_a_snapshot_that_fails_may_go_on() {
    let mut config = Config::default();
    config.set_named("stop-writes-on-bgsave-error", "yes").unwrap();
    let mut local = Local::new(config, Seed::of(1));
    local.disk.is_full = true;
    check(&mut local, "# As in Redis.\n> SET a 1\nOK\n> SAVE\n(error) ERR\n> SET a 2\nOK\n");
    check(
        &mut local,
        "# In the background nobody would hear of it.\n> BGSAVE\nBackground saving started\n\
         ~ 10ms\n> SET a 3\n(error) MISCONF {*}\n> SAVE\n(error) ERR\n> SET a 3\n(error) MISCONF {*}\n",
    );
    local.disk.is_full = false;
    check(&mut local, "# Any that succeeds will do.\n> SAVE\nOK\n> SET a 3\nOK\n");
}

/// A node for which DEBUG is allowed.
fn debugged() -> Local {
    let mut config = Config::default();
    for (name, value) in [("save", ""), ("enable-debug-command", "yes")] {
        config.set_named(name, value).unwrap();
    }
    Local::new(config, Seed::of(1))
}

#[test]
fn a_reload_takes_what_it_is_told_to() {
    let mut local = debugged();
    check(
        &mut local,
        "# From the disk alone.\n> SET a 1\nOK\n> SAVE\nOK\n> SET a 2\nOK\n> SET b 1\nOK\n\
         > DEBUG RELOAD NOSAVE\nOK\n> GET a\n\"1\"\n> EXISTS b\n(integer) 0\n\
         # Beside what is there.\n> SET b 1\nOK\n> SET a 3\nOK\n\
         > DEBUG RELOAD NOSAVE NOFLUSH\n\
         (error) ERR Error trying to load the RDB dump, check server logs.\n> GET a\n\"3\"\n\
         > DEBUG RELOAD NOSAVE NOFLUSH MERGE\nOK\n> MGET a b\n1) \"1\"\n2) \"1\"\n\
         # With a snapshot of now, which is on the disk then.\n> SET a 4\nOK\n> DEBUG RELOAD\nOK\n\
         > SET a 5\nOK\n> DEBUG RELOAD NOSAVE\nOK\n> GET a\n\"4\"\n",
    );
    let name = "dump.rdb".to_owned();
    local.disk.run(DiskOp::Replace { name, bytes: b"REDIS0010garbage".to_vec() });
    check(
        &mut local,
        "# A bad file changes nothing.\n> DEBUG RELOAD NOSAVE\n\
         (error) ERR Error trying to load the RDB dump, check server logs.\n> GET a\n\"4\"\n",
    );
}

#[test]
fn background_saving_is_scheduled_and_cancelled_as_in_valkey() {
    let mut local = debugged();
    local.is_slow = true;
    check(
        &mut local,
        "# Nothing to cancel.\n> BGSAVE CANCEL\n\
         (error) ERR Background saving is currently not in progress or scheduled\n\
         # One at a time.\n> BGSAVE\nBackground saving started\n\
         > BGSAVE\n(error) ERR Background save already in progress\n\
         > BGSAVE SCHEDULE\n(error) ERR Background save already in progress\n\
         > SAVE\n(error) ERR Background save already in progress\n\
         > BGSAVE CANCEL\nBackground saving cancelled\n\
         # In a transaction it waits for the end.\n> MULTI\nOK\n> SET a 1\nQUEUED\n\
         > BGSAVE\nQUEUED\n> EXEC\n1) OK\n2) Background saving scheduled\n\
         > BGSAVE CANCEL\nScheduled background saving cancelled\n",
    );
    while local.turn() {}
    assert!(local.files().is_empty());
}

/// Who waits for a snapshot that is not made after all is told so, whoever came after.
#[test]
fn nobody_who_waits_is_forgotten() {
    let mut local = debugged();
    local.is_slow = true;
    let long = "x".repeat(1000);
    let receive = |local: &mut Local, sent: &[(&str, &str)]| {
        for (name, command) in sent {
            local.send(name, format!("{command}\r\n").as_bytes()).unwrap();
        }
        while local.turn() {}
        let arrived = local.receive(Patience::Quiet).into_iter();
        arrived
            .map(|(name, bytes, _)| format!("{name} {}", String::from_utf8_lossy(&bytes).trim()))
            .collect::<Vec<_>>()
    };
    receive(&mut local, &[("a", &format!("SET long {long}"))]);
    let started = "r +Background append only file rewriting started";
    let arrived =
        receive(&mut local, &[("r", "BGREWRITEAOF"), ("a", "DEBUG RELOAD"), ("b", "SAVE")]);
    assert_eq!(arrived, ["a +OK", "b -ERR Background save already in progress", started]);
    local.disk.is_full = true;
    let arrived =
        receive(&mut local, &[("r", "BGREWRITEAOF"), ("a", "SAVE"), ("b", "SHUTDOWN SAVE")]);
    assert_eq!(arrived, ["a -ERR", "b -ERR Errors trying to SHUTDOWN. Check logs.", started]);
}
