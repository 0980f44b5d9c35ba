//! The append-only file: what is written is found again, replies wait for what they promise, and
//! files that are cut short, damaged or older are treated as they should be.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::node::{Level, Unreadable};
use redstart::resp::Reply;
use redstart_tests::disk::SimDisk;
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};
use redstart_tests::wire::{ask, encoded, text_of, words_of};

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const INCREMENT: &str = "appendonlydir/appendonly.aof.1.incr.aof";

type Files = BTreeMap<String, Vec<u8>>;

fn config(settings: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    let always = [("save", ""), ("enable-debug-command", "yes"), ("appendonly", "yes")];
    for (name, value) in always.iter().chain(settings) {
        config.set_named(name, value).unwrap();
    }
    config
}

fn on(files: Files, settings: &[(&str, &str)]) -> Local {
    Local::on_disk(config(settings), Seed::of(1), files)
}

fn record(words: &str) -> Vec<u8> {
    encoded(&words_of(words))
}

#[test]
fn a_reply_waits_for_the_sync_of_what_was_changed_before_it() {
    let mut local = on(Files::new(), &[("appendfsync", "always")]);
    local.is_slow = true;
    local.send("a", &record("SET k v")).unwrap();
    local.send("b", &record("GET k")).unwrap();
    assert!(local.receive(Patience::Quiet).is_empty(), "nothing is safe yet");
    while local.turn() {}
    let arrived: Files =
        local.receive(Patience::Quiet).into_iter().map(|(name, bytes, _)| (name, bytes)).collect();
    assert_eq!(arrived["a"], b"+OK\r\n");
    assert_eq!(arrived["b"], b"$1\r\nv\r\n", "who reads sees no more than is safe");
    local.send("b", &record("GET k")).unwrap();
    assert_eq!(local.receive(Patience::Quiet).len(), 1, "with nothing unsafe, nobody waits");
}

/// Where the host writes at once, as in Redis: whoever is told of a change can kill the server.
#[test]
fn a_reply_waits_for_the_write_of_what_was_changed_before_it() {
    for policy in ["everysec", "no"] {
        let mut local = on(Files::new(), &[("appendfsync", policy)]);
        local.write_before_replies();
        local.is_slow = true;
        local.send("a", &record("SET k v")).unwrap();
        local.send("b", &record("APPEND k w")).unwrap();
        local.send("c", &record("GET k")).unwrap();
        assert!(local.receive(Patience::Quiet).is_empty(), "nothing is written yet");
        assert!(local.turn());
        let arrived = local.receive(Patience::Quiet);
        assert_eq!(arrived.len(), 1, "the others' change waits for the next write");
        assert_eq!((arrived[0].0.as_str(), &arrived[0].1[..]), ("a", &b"+OK\r\n"[..]));
        let files = local.files();
        assert!(
            files[INCREMENT].ends_with(&record("SET k v")) || files[INCREMENT].ends_with(b"w\r\n")
        );
        while local.turn() {}
        assert_eq!(local.receive(Patience::Quiet).len(), 2);
        local.send("c", &record("GET k")).unwrap();
        assert_eq!(local.receive(Patience::Quiet).len(), 1, "with nothing to write, nobody waits");
    }
}

/// Turning the file off breaks no promise, and leaves nobody without a reply.
#[test]
fn replies_wait_for_the_end_of_a_file_that_is_turned_off() {
    let mut local = on(Files::new(), &[("appendfsync", "always")]);
    local.is_slow = true;
    for (name, command) in [("a", "SET k v"), ("b", "SET k w"), ("c", "CONFIG SET appendonly no")] {
        local.send(name, &record(command)).unwrap();
    }
    assert!(local.receive(Patience::Quiet).is_empty(), "nothing is safe yet");
    local.turn();
    local.send("a", &record("SET k x")).unwrap();
    while local.turn() {}
    let arrived: Files =
        local.receive(Patience::Quiet).into_iter().map(|(name, bytes, _)| (name, bytes)).collect();
    for (name, replies) in [("a", "+OK\r\n+OK\r\n"), ("b", "+OK\r\n"), ("c", "+OK\r\n")] {
        assert_eq!(String::from_utf8_lossy(&arrived[name]), replies, "{name}");
    }
}

/// Nobody is kept from his reply by a sync that others need.
#[test]
fn what_is_safe_is_said_although_more_has_come_since() {
    let mut local = on(Files::new(), &[("appendfsync", "always")]);
    local.is_slow = true;
    local.send("a", &record("SET k v")).unwrap();
    local.send("b", &record("SET k w")).unwrap();
    assert!(local.turn());
    let arrived = local.receive(Patience::Quiet);
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].0, "a");
    while local.turn() {}
    assert_eq!(local.receive(Patience::Quiet).len(), 1);
}

/// Commands whose effect is looked for in a node that reads what they have recorded.
const WRITES: &[&str] = &[
    "SET a 1 EX 1000",
    "RPUSH l a b c",
    "HSET h f v g w",
    "HEXPIRE h 1000 FIELDS 1 f",
    "ZADD z 1.5 a -inf b",
    "SADD s x y 3",
    "XADD x 1-1 a b",
    "XADD x 2-1 c d",
    "XDEL x 2-1",
    "XGROUP CREATE x g 0",
    "XREADGROUP GROUP g c STREAMS x >",
    "XADD e MAXLEN 0 5-5 a b",
    "XADD n 1-1 a b",
    "XCFGSET n IDMP-DURATION 1000",
    "XADD n IDMP p one * a b",
    "XADD n IDMPAUTO q * a b",
    "XGROUP CREATE n g 0",
    "XREADGROUP GROUP g c STREAMS n >",
    "XNACK n g FATAL IDS 1 1-1",
    "XREADGROUP GROUP g c COUNT 1 STREAMS n 0",
    "XNACK n g SILENT IDS 1 1-1",
    "XADD m 1-1 a b",
    "XADD m 2-1 c d",
    "XGROUP CREATE m g 0",
    "XREADGROUP GROUP g c COUNT 1 STREAMS m >",
    "XREADGROUP GROUP g d CLAIM 0 STREAMS m >",
    "XADD e 6-0 a b",
    "XADD e MAXLEN ~ 0 ACKED 7-0 a b",
    "XDELEX e DELREF IDS 1 7-0",
    "ARMSET ar 0 a 70 -5 9999999999999 2.50 5 b",
    "ARINSERT ar x y",
    "ARDEL ar 5",
    "ARDELRANGE ar 60 80",
    "ARSEEK ar 9",
    "ARRING ring 2 a b c",
    "SELECT 3",
    "PFADD p a b c",
    "PFCOUNT p",
    "SPOP l2",
    "INCRBYFLOAT f 1.5",
];

#[test]
fn what_is_written_is_found_again() {
    for preamble in ["yes", "no"] {
        let settings = [("aof-use-rdb-preamble", preamble)];
        let mut local = on(Files::new(), &settings);
        for command in WRITES {
            ask(&mut local, command);
        }
        let digest = ask(&mut local, "DEBUG DIGEST");
        let mut again = on(local.files(), &settings);
        assert_eq!(ask(&mut again, "DEBUG DIGEST"), digest);
        ask(&mut local, "SELECT 0");
        let questions = [
            "XINFO STREAM n",
            "XPENDING n g - + 1",
            "XPENDING m g - + 9",
            "XADD n IDMP p one * x y",
            "ARINFO ar",
        ];
        let answers = questions.map(|question| ask(&mut local, question));
        assert_eq!(questions.map(|question| ask(&mut again, question)), answers);
        ask(&mut again, "BGREWRITEAOF");
        ask(&mut again, "SET later 1");
        let digest = ask(&mut again, "DEBUG DIGEST");
        let files = again.files();
        assert_eq!(files.len(), 3, "{:?}", files.keys());
        assert_eq!(ask(&mut again, "DEBUG LOADAOF"), Reply::Simple(b"OK".to_vec()));
        assert_eq!(ask(&mut again, "DEBUG DIGEST"), digest);
        let mut third = on(files, &settings);
        assert_eq!(ask(&mut third, "DEBUG DIGEST"), digest);
        assert_eq!(ask(&mut third, "XPENDING x g"), ask(&mut again, "XPENDING x g"));
        for question in &questions[1..] {
            assert_eq!(ask(&mut third, question), ask(&mut again, question), "{question}");
        }
    }
}

#[test]
fn it_is_turned_on_and_off_while_commands_run() {
    let mut local = on(Files::new(), &[("appendonly", "no")]);
    ask(&mut local, "SET before 1");
    ask(&mut local, "CONFIG SET appendonly yes");
    ask(&mut local, "SET since 1");
    let mut again = on(local.files(), &[]);
    assert_eq!(ask(&mut again, "DBSIZE"), Reply::Int(2));
    ask(&mut local, "CONFIG SET appendonly no");
    ask(&mut local, "SET unseen 1");
    let mut again = on(local.files(), &[]);
    assert_eq!(ask(&mut again, "DBSIZE"), Reply::Int(2));
}

/// The page goes by the file until there is a snapshot, which it makes itself where it makes any.
#[test]
fn a_file_that_is_turned_off_is_followed_by_a_snapshot() {
    let mut local = on(Files::new(), &[("save", "3600 1")]);
    ask(&mut local, "SET a 1");
    assert!(!local.files().contains_key("dump.rdb"));
    ask(&mut local, "CONFIG SET appendonly no");
    let mut again = on(local.files(), &[("appendonly", "no")]);
    assert_eq!(ask(&mut again, "GET a"), Reply::Bulk(b"1".to_vec()));
}

#[test]
fn a_tail_that_was_cut_off_is_forgotten_and_appended_to() {
    let whole = [record("SELECT 0"), record("SET a 1"), record("INCR a")].concat();
    let tails =
        [&record("INCR a")[..12], &[record("MULTI"), record("INCR a")].concat()[..], b"#TS:17"]
            .map(<[u8]>::to_vec);
    for tail in tails {
        let files = Files::from([
            (MANIFEST.to_owned(), b"file appendonly.aof.1.incr.aof seq 1 type i\n".to_vec()),
            (INCREMENT.to_owned(), [&whole[..], &tail].concat()),
        ]);
        let mut local = on(files, &[]);
        assert_eq!(text_of(&ask(&mut local, "GET a")), "2");
        ask(&mut local, "INCR a");
        let mut again = on(local.files(), &[]);
        assert_eq!(text_of(&ask(&mut again, "GET a")), "3");
    }
}

/// A full disk: what is written is refused and what is read is not, until there is room again.
#[test]
fn a_full_disk_is_survived() {
    let mut local = on(Files::new(), &[("appendfsync", "everysec")]);
    ask(&mut local, "SET a 1");
    local.disk.is_full = true;
    // It is told when the disk has said so.
    assert_eq!(ask(&mut local, "SET a 2"), Reply::Simple(b"OK".to_vec()));
    for command in ["SET a 3", "PING", "DEL a"] {
        let Reply::Error(error) = ask(&mut local, command) else { panic!("{command} works") };
        let text = "MISCONF Errors writing to the AOF file: No space left on device";
        assert_eq!(String::from_utf8_lossy(&error), text);
    }
    assert_eq!(text_of(&ask(&mut local, "GET a")), "2");
    assert!(text_of(&ask(&mut local, "INFO persistence")).contains("aof_last_write_status:err"));
    local.wait(2_500);
    local.disk.is_full = false;
    local.wait(1_500);
    assert_eq!(ask(&mut local, "SET b 1"), Reply::Simple(b"OK".to_vec()));
    let mut again = on(local.files(), &[]);
    assert_eq!(text_of(&ask(&mut again, "GET a")), "2");
    assert_eq!(text_of(&ask(&mut again, "GET b")), "1");
}

/// However the file comes to its end: nothing ever stands behind what a failed write has left, and what
/// can be written is.
#[test]
fn nothing_is_written_behind_what_has_failed() {
    let mut lost = 0;
    for seed in 0..300 {
        let policy = ["everysec", "no", "always"][seed as usize % 3];
        let (is_turned_off, is_known) = (seed % 2 == 0, seed % 4 < 2);
        let (stays_full, says_so) = (seed % 5 == 0, format!("seed {seed}, {policy}"));
        let mut local = Local::on(
            config(&[("appendfsync", policy)]),
            Seed::of(seed),
            SimDisk::new(Seed::of(seed), Files::new()),
        );
        local.write_before_replies();
        ask(&mut local, "SET a 1");
        local.is_slow = true;
        local.disk.is_full = true;
        local.send("one", &record("SET b 1")).unwrap();
        local.send("two", &record("SET c 1")).unwrap();
        local.disk.is_full = stays_full;
        if is_known {
            local.turn();
            if seed % 8 < 4 {
                // What has failed is being cut off.
                local.wait(1_000);
            }
        }
        let end = if is_turned_off { "CONFIG SET appendonly no" } else { "SHUTDOWN NOSAVE" };
        local.send("end", &record(end)).unwrap();
        while local.turn() {}
        local.wait(2_000);
        assert_eq!(local.exit, (!is_turned_off).then_some(0), "{says_so}");
        let mut again = on(local.files(), &[("aof-load-truncated", "no")]);
        let warnings = again.log.iter().filter(|record| record.level == Level::Warning).count();
        assert_eq!(warnings, 0, "{says_so}: {:#?}", again.log);
        assert_eq!(text_of(&ask(&mut again, "GET a")), "1", "{says_so}");
        let [b, c] = ["b", "c"].map(|key| ask(&mut again, &format!("EXISTS {key}")));
        assert_eq!(b, c, "{says_so}");
        assert!(stays_full || b == Reply::Int(1), "{says_so}");
        lost += usize::from(b == Reply::Int(0));
    }
    assert!(lost > 20, "{lost}: what cannot be written is not there");
}

/// As the server has it with `always`: it ends at once, and what has failed is cut off.
#[test]
fn nothing_is_written_behind_what_cannot_be_made_safe() {
    for seed in 0..50 {
        let disk = SimDisk::new(Seed::of(seed), Files::new());
        let always = config(&[("appendfsync", "always")]);
        let mut local = Local::mounted(always, Seed::of(seed), disk, Unreadable::Refuse);
        while local.turn() {}
        local.send("one", &record("SET a 1")).unwrap();
        while local.turn() {}
        local.receive(Patience::Quiet);
        local.disk.is_full = true;
        local.send("one", &record("SET b 1")).unwrap();
        local.send("two", &record("SET c 1")).unwrap();
        local.disk.is_full = false;
        while local.exit.is_none() && local.turn() {}
        assert_eq!(local.exit, Some(1), "seed {seed}");
        assert!(local.receive(Patience::Quiet).iter().all(|(_, bytes, _)| bytes.is_empty()));
        let mut again = on(local.files(), &[("aof-load-truncated", "no")]);
        assert_eq!(text_of(&ask(&mut again, "GET a")), "1", "seed {seed}");
        assert_eq!(ask(&mut again, "EXISTS b c"), Reply::Int(0), "seed {seed}");
    }
}

/// The page's policy: what cannot be read is kept under other names, and a new file begun.
#[test]
fn what_cannot_be_read_is_kept() {
    let whole = record("SET a 1");
    let broken = [
        (b"file x seq 1\n".to_vec(), whole.clone()),
        (b"file appendonly.aof.1.incr.aof seq 1 type i\n".to_vec(), b"SET a 1\r\n".to_vec()),
        (b"file appendonly.aof.1.incr.aof seq 1 type i\n".to_vec(), record("NONSENSE a")),
        (b"file appendonly.aof.2.incr.aof seq 2 type i\n".to_vec(), whole),
    ];
    for (manifest, increment) in broken {
        let files = Files::from([
            (MANIFEST.to_owned(), manifest.clone()),
            (INCREMENT.to_owned(), increment.clone()),
        ]);
        let mut local = on(files, &[]);
        assert_eq!(ask(&mut local, "DBSIZE"), Reply::Int(0), "{}", manifest.escape_ascii());
        ask(&mut local, "SET b 1");
        let files = local.files();
        let kept: Vec<&Vec<u8>> = files
            .iter()
            .filter(|(name, _)| name.contains(".unreadable-"))
            .map(|(_, bytes)| bytes)
            .collect();
        assert!(kept.contains(&&manifest) && kept.contains(&&increment), "{:?}", files.keys());
        assert_eq!(ask(&mut on(files, &[]), "DBSIZE"), Reply::Int(1));
    }
}

/// Nor is a snapshot that is good: it is what there is then.
#[test]
fn a_snapshot_stands_in_for_what_cannot_be_read() {
    let mut local = on(Files::new(), &[("appendonly", "no")]);
    ask(&mut local, "MSET a 1 b 2");
    ask(&mut local, "SAVE");
    let mut files = local.files();
    let manifest = b"file appendonly.aof.1.incr.aof seq 1 type i\n".to_vec();
    files.extend([(MANIFEST.to_owned(), manifest), (INCREMENT.to_owned(), record("NONSENSE a"))]);
    let mut local = on(files, &[]);
    assert_eq!(ask(&mut local, "DBSIZE"), Reply::Int(2));
    ask(&mut local, "INCR b");
    let mut again = on(local.files(), &[]);
    assert_eq!(ask(&mut again, "GET b"), Reply::Bulk(b"3".to_vec()));
}

/// Blocks that a crash has kept from the disk are no reason to throw away what did arrive behind them.
#[test]
fn what_stands_behind_missing_blocks_is_kept() {
    let (first, last) = (record("SET a 1"), record("SET b 2"));
    let torn = [vec![0; 512], last].concat();
    let manifest = b"file appendonly.aof.1.incr.aof seq 1 type i\n".to_vec();
    let files = Files::from([
        (MANIFEST.to_owned(), manifest),
        (INCREMENT.to_owned(), [first.clone(), torn.clone()].concat()),
    ]);
    let mut local = on(files, &[]);
    assert_eq!(ask(&mut local, "DBSIZE"), Reply::Int(1));
    let files = local.files();
    assert_eq!(files[INCREMENT], first);
    assert_eq!(files[&format!("{INCREMENT}.torn-{}", first.len())], torn);
    // An end that is merely missing leaves nothing to keep.
    for end in [b"*3\r\n$3".to_vec(), vec![0; 512]] {
        let manifest = (MANIFEST.to_owned(), files[MANIFEST].clone());
        let increment = (INCREMENT.to_owned(), [first.clone(), end].concat());
        let local = on(Files::from([manifest, increment]), &[]);
        assert_eq!(local.files()[INCREMENT], first);
        assert!(local.files().keys().all(|name| !name.contains("torn")));
    }
}

/// A crash leaves neither a damaged record in a transaction nor lines that end otherwise.
#[test]
fn what_was_not_cut_short_by_a_crash_is_not_cut_off() {
    let words = ["SET a 1", "MULTI", "SET b 2", "EXEX", "SET c 3"];
    let transaction: Vec<u8> = words.iter().flat_map(|words| record(words)).collect();
    let foreign = [record("SET a 1"), record("SET b 2")].concat();
    let foreign = foreign.into_iter().filter(|&byte| byte != b'\r').collect();
    for increment in [transaction, foreign] {
        let manifest = b"file appendonly.aof.1.incr.aof seq 1 type i\n".to_vec();
        let files = [(MANIFEST.to_owned(), manifest), (INCREMENT.to_owned(), increment.clone())];
        let files = on(Files::from(files), &[]).files();
        let kept = |(name, bytes): (&String, &Vec<u8>)| {
            name.contains(".incr.aof.unreadable-") && *bytes == increment
        };
        assert!(files.iter().any(kept), "{:?}", files.keys());
    }
}

/// A base is of a moment before the commands behind it, in which a key may have come to last.
#[test]
fn what_would_have_expired_is_there_if_a_later_command_says_so() {
    for preamble in ["yes", "no"] {
        let mut local = on(Files::new(), &[("aof-use-rdb-preamble", preamble)]);
        for command in
            ["SET kept 1 PX 1000", "SET n 5 PX 1000", "SET old 1 PX 1000", "SET over 1 PX 1000"]
        {
            ask(&mut local, command);
        }
        ask(&mut local, "BGREWRITEAOF");
        while local.turn() {}
        for command in
            ["PERSIST kept", "INCR n", "PEXPIRE n 100000", "RENAME old new", "PERSIST new"]
        {
            ask(&mut local, command);
        }
        local.wait(2_000);
        assert_eq!(text_of(&ask(&mut local, "DEBUG LOADAOF")), "OK");
        for (key, value) in [("kept", "1"), ("n", "6"), ("new", "1")] {
            assert_eq!(text_of(&ask(&mut local, &format!("GET {key}"))), value, "{preamble}");
        }
        assert_eq!(ask(&mut local, "DBSIZE"), Reply::Int(3));
    }
}

#[test]
fn a_snapshot_may_be_called_as_the_append_only_file_is() {
    for name in ["appendonly.aof", "appendonlydir"] {
        let settings = [("appendonly", "no"), ("dbfilename", name)];
        let mut local = on(Files::new(), &settings);
        for command in ["SET a 1", "SAVE"] {
            assert_eq!(text_of(&ask(&mut local, command)), "OK", "{name}");
        }
        assert_eq!(text_of(&ask(&mut on(local.files(), &settings), "GET a")), "1", "{name}");
    }
}

/// As in Redis: there is no data then, rather than that it is waited for.
#[test]
fn a_manifest_without_files_is_that_of_a_new_server() {
    for manifest in ["# a remark\n", "file appendonly.aof.1.incr.aof seq 1 type h\n"] {
        let files = Files::from([(MANIFEST.to_owned(), manifest.as_bytes().to_vec())]);
        let mut local = on(files, &[]);
        assert_eq!(text_of(&ask(&mut local, "SET a 1")), "OK", "{manifest}");
        assert_eq!(text_of(&ask(&mut on(local.files(), &[]), "GET a")), "1", "{manifest}");
    }
}

#[test]
fn without_files_there_is_nothing_to_load() {
    let mut local = on(Files::new(), &[("appendonly", "no")]);
    ask(&mut local, "SET a 1");
    let refused = Reply::Error("ERR Error trying to load the AOF files, check server logs.".into());
    assert_eq!(ask(&mut local, "DEBUG LOADAOF"), refused);
    assert_eq!(text_of(&ask(&mut local, "GET a")), "1");
}

#[test]
fn a_single_file_of_old_is_taken_over() {
    let files = Files::from([("appendonly.aof".to_owned(), record("SET a 1"))]);
    let mut local = on(files, &[]);
    assert_eq!(text_of(&ask(&mut local, "GET a")), "1");
    let files = local.files();
    assert!(files.contains_key("appendonlydir/appendonly.aof"), "{:?}", files.keys());
    // The upgrade may have ended before the file was moved.
    let (name, manifest) = (MANIFEST.to_owned(), b"file appendonly.aof seq 1 type b\n".to_vec());
    let files = Files::from([("appendonly.aof".to_owned(), record("SET a 2")), (name, manifest)]);
    assert_eq!(text_of(&ask(&mut on(files, &[]), "GET a")), "2");
}

#[test]
fn waitaof_waits_for_the_sync() {
    let mut local = on(Files::new(), &[]);
    let safe = Reply::Array(vec![Reply::Int(1), Reply::Int(0)]);
    let not = Reply::Array(vec![Reply::Int(0), Reply::Int(0)]);
    assert_eq!(ask(&mut local, "WAITAOF 1 0 0"), safe);
    ask(&mut local, "SET a 1");
    local.send("a", &record("WAITAOF 1 0 100")).unwrap();
    local.wait(150);
    let first = local.receive(Patience::Quiet).remove(0).1;
    assert_eq!(Reply::read(&first).unwrap().unwrap().0, not);
    local.send("a", &record("WAITAOF 1 0 0")).unwrap();
    local.wait(1100);
    let second = local.receive(Patience::Quiet).remove(0).1;
    assert_eq!(Reply::read(&second).unwrap().unwrap().0, safe);
}

/// A node with so much data that its first base takes many turns, and which has just been told to make one.
fn starting(settings: &[(&str, &str)]) -> Local {
    let off = [("appendonly", "no"), ("enable-protected-configs", "yes")];
    let mut local = on(Files::new(), &[&off, settings].concat());
    for from in 0..10 {
        let pairs: Vec<String> = (0..300).map(|n| format!("k{from}:{n} v")).collect();
        ask(&mut local, &format!("MSET {}", pairs.join(" ")));
    }
    local.is_slow = true;
    ask(&mut local, "CONFIG SET appendonly yes");
    local
}

/// Whatever keeps the first base from being made: what was recorded beside it is not done twice.
#[test]
fn what_was_recorded_beside_a_base_that_is_given_up_is_gone() {
    for turns in 0..12 {
        let mut local = starting(&[]);
        let mut count = 0;
        let mut go_on = |local: &mut Local| {
            count += 1;
            ask(local, "INCR n");
            local.turn();
        };
        (0..turns).for_each(|_| go_on(&mut local));
        // There is no such folder, and the base is begun again.
        local.send("other", &record("CONFIG SET dir elsewhere")).unwrap();
        (0..8).for_each(|_| go_on(&mut local));
        while local.turn() {}
        let mut again = on(local.files(), &[]);
        assert_eq!(text_of(&ask(&mut again, "GET n")), count.to_string(), "{turns} turns");
    }
}

#[test]
fn waitaof_waits_for_the_base_that_it_needs() {
    let mut local = starting(&[("rdb-key-save-delay", "1000")]);
    let mut is_told = false;
    for turn in 0..10_000 {
        if turn == 4 {
            local.send("one", &record("SET last word")).unwrap();
            local.send("one", &record("WAITAOF 1 0 0")).unwrap();
        }
        // Its increment is safe long before.
        local.wait(1_100);
        let arrived = local.receive(Patience::Quiet);
        is_told |= arrived.iter().any(|(_, bytes, _)| bytes.ends_with(b"*2\r\n:1\r\n:0\r\n"));
        if is_told {
            break;
        }
        local.turn();
    }
    assert!(is_told);
    assert_eq!(text_of(&ask(&mut on(local.files(), &[]), "GET last")), "word");
}

#[test]
fn who_has_written_before_the_file_was_turned_off_is_safe_in_the_next() {
    let mut local = on(Files::new(), &[("appendfsync", "no")]);
    local.send("one", &record("SET b 1")).unwrap();
    local.send("one", &record("WAITAOF 1 0 0")).unwrap();
    local.send("two", &record("CONFIG SET appendonly no")).unwrap();
    let arrived = local.receive(Patience::Quiet).remove(0).1;
    let refused =
        "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n";
    assert_eq!(String::from_utf8_lossy(&arrived), format!("+OK\r\n{refused}"));
    ask(&mut local, "CONFIG SET appendonly yes");
    local.send("one", &record("WAITAOF 1 0 0")).unwrap();
    let arrived = local.receive(Patience::Quiet).remove(0).1;
    assert_eq!(String::from_utf8_lossy(&arrived), "*2\r\n:1\r\n:0\r\n");
}

/// A transaction that was queued before the disk failed.
#[test]
fn exec_is_refused_as_what_it_runs() {
    let mut local = on(Files::new(), &[("appendfsync", "everysec")]);
    local.send("one", &[record("MULTI"), record("SET a 2")].concat()).unwrap();
    local.send("two", &[record("MULTI"), record("GET a")].concat()).unwrap();
    local.disk.is_full = true;
    ask(&mut local, "SET a 1");
    local.receive(Patience::Quiet);
    local.send("one", &record("EXEC")).unwrap();
    local.send("two", &record("EXEC")).unwrap();
    let arrived: Vec<String> = local
        .receive(Patience::Quiet)
        .into_iter()
        .map(|(_, bytes, _)| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    let refused = "-EXECABORT Transaction discarded because of: MISCONF Errors writing to the AOF \
                   file: No space left on device\r\n";
    assert_eq!(arrived, [refused, "*1\r\n$1\r\n1\r\n"]);
}

/// Where more fields have expired than are removed at once, what is set anew does not inherit what they
/// were when it is repeated.
#[test]
fn fields_that_are_set_anew_stay() {
    let changes = ["HINCRBY h ? 1", "HINCRBYFLOAT h ? 1", "HSETNX h ? 1"];
    let more = ["HSETEX h FNX FIELDS 1 ? 1", "HSET h ? 1"];
    for change in changes.into_iter().chain(more) {
        let mut local = on(Files::new(), &[]);
        let at_ms = local.now().unix_ms() + 20;
        let names: Vec<String> = (0..3000).map(|n| format!("f{n}")).collect();
        for names in names.chunks(500) {
            let pairs: Vec<String> = names.iter().map(|name| format!("{name} 7")).collect();
            ask(&mut local, &format!("HSET h {}", pairs.join(" ")));
            let names = format!("FIELDS {} {}", names.len(), names.join(" "));
            ask(&mut local, &format!("HPEXPIREAT h {at_ms} {names}"));
        }
        local.is_slow = true;
        local.wait(50);
        let mut expected = 0;
        for number in [2998, 20, 1500] {
            expected += 1;
            ask(&mut local, &change.replace('?', &format!("f{number}")));
        }
        local.is_slow = false;
        local.wait(100);
        assert_eq!(ask(&mut local, "HLEN h"), Reply::Int(expected), "{change}");
        let mut again = on(local.files(), &[]);
        again.wait(100);
        for number in [2998, 20, 1500] {
            let value = ask(&mut again, &format!("HGET h f{number}"));
            assert_eq!(value, Reply::Bulk(b"1".to_vec()), "{change}");
        }
    }
}

/// A file of a server with more databases: nothing of it goes where it does not belong.
#[test]
fn a_database_that_is_not_there_ends_loading() {
    let bytes = ["SELECT 0", "SET a 1", "SELECT 12", "SET a 2"].map(record).concat();
    let manifest = b"file appendonly.aof.1.incr.aof seq 1 type i\n".to_vec();
    let files = Files::from([(MANIFEST.to_owned(), manifest), (INCREMENT.to_owned(), bytes)]);
    let few = config(&[("databases", "4")]);
    let disk = SimDisk::new(Seed::of(1), files.clone());
    let mut local = Local::mounted(few, Seed::of(1), disk, Unreadable::Refuse);
    while local.exit.is_none() && local.turn() {}
    assert_eq!(local.exit, Some(1), "{:?}", local.log);
    assert!(local.log.iter().any(|record| record.text.contains("DB index is out of range")));
    assert_eq!(text_of(&ask(&mut on(files, &[]), "GET a")), "1");
}

/// What cannot be read and cannot be renamed either is not written over.
#[test]
fn what_cannot_be_set_aside_stays() {
    for seed in 0..20 {
        let manifest = b"file appendonly.aof.1.incr.aof seq 1 type i\n".to_vec();
        let files = Files::from([
            (MANIFEST.to_owned(), manifest),
            (INCREMENT.to_owned(), record("NONSENSE a")),
            ("dump.rdb".to_owned(), b"the last snapshot".to_vec()),
        ]);
        let mut disk = SimDisk::new(Seed::of(seed), files.clone());
        disk.faults.sync = 1;
        let mut local = Local::on(config(&[("save", "1 1")]), Seed::of(seed), disk);
        local.disk.faults.sync = 0;
        assert_eq!(ask(&mut local, "SET a 1"), Reply::Simple(b"OK".to_vec()));
        local.wait(5_000);
        let kept: Vec<Vec<u8>> = local.files().into_values().collect();
        assert!(files.values().all(|bytes| kept.contains(bytes)), "seed {seed}: {kept:?}");
    }
}

/// DEBUG RELOAD drops nothing that the append-only file goes on with.
#[test]
fn what_expires_while_data_is_loaded_anew_is_recorded() {
    let mut local = on(Files::new(), &[]);
    let set = format!("SET n 5 PXAT {}", local.now().unix_ms() + 20);
    for command in ["DEBUG SET-ACTIVE-EXPIRE 0", &set] {
        ask(&mut local, command);
    }
    local.wait(50);
    for command in ["DEBUG RELOAD", "INCR n"] {
        ask(&mut local, command);
    }
    let mut again = on(local.files(), &[]);
    again.wait(100);
    assert_eq!(text_of(&ask(&mut again, "GET n")), "1");
}

/// Libraries of functions, which a snapshot has brought, go on into whatever is written.
#[test]
fn libraries_are_kept_by_a_base_of_commands() {
    let code = b"#!lua name=kept\nreturn 0";
    let size = [code.len() as u8];
    let dump = [b"REDIS0010\xf5", &size[..], code, b"\xff", &[0; 8]].concat();
    let settings = [("aof-use-rdb-preamble", "no")];
    let files = Files::from([("dump.rdb".to_owned(), dump)]);
    let mut local = on(files, &[("appendonly", "no"), settings[0]]);
    ask(&mut local, "CONFIG SET appendonly yes");
    let mut local = on(local.files(), &settings);
    ask(&mut local, "SAVE");
    let saved = &local.files()["dump.rdb"];
    assert!(saved.windows(code.len()).any(|bytes| bytes == code), "{:?}", local.log);
    ask(&mut local, "FUNCTION FLUSH");
    let mut local = on(local.files(), &settings);
    ask(&mut local, "SAVE");
    let saved = &local.files()["dump.rdb"];
    assert!(saved.windows(code.len()).all(|bytes| bytes != code), "it was deleted");
}
