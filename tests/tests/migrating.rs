//! MIGRATE between nodes in one process, and with others that do not answer as they should.
//!
//! What a node asks of its connections to others is done here: by another node, or by a list of answers.
//! `migrate`, a program of these tests, does the same between servers over TCP.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::base::rng::{Rng, Seed};
use redstart::node::{Event, LinkEvent, LinkId, LinkOp, Signal};
use redstart_tests::every::{self, fill};
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};
use redstart_tests::wire::{ask, ask_at};

const READING: &str = "-IOERR error or timeout reading to target instance\r\n";
const WRITING: &str = "-IOERR error or timeout writing to target instance\r\n";
const CONNECTING: &str = "-IOERR error or timeout connecting to the client\r\n";

/// A node that has neighbours.
fn node(settings: &[(&str, &str)]) -> Local {
    let mut local = Local::for_tests_with(settings);
    local.has_neighbours = true;
    local
}

/// Tells a node what has become of a connection of its own.
fn tell(node: &mut Local, link: LinkId, event: LinkEvent<'_>) {
    node.event(Event::Link { link, event });
}

/// What the node asks next of its connections.
#[track_caller]
fn next(node: &mut Local) -> (LinkId, LinkOp) {
    node.links.pop_front().expect("the node asks for something")
}

/// The connection that the node wants opened, which it is.
#[track_caller]
fn open(node: &mut Local) -> LinkId {
    let (link, op) = next(node);
    assert!(matches!(op, LinkOp::Open { .. }), "{op:?}");
    tell(node, link, LinkEvent::Opened);
    link
}

/// What the node sends on `link`, all of which the network takes.
fn sent(node: &mut Local, link: LinkId) -> String {
    let mut all = Vec::new();
    while let Some((other, op)) = node.links.pop_front() {
        match op {
            LinkOp::Send { bytes } if other == link => {
                all.extend_from_slice(&bytes);
                tell(node, link, LinkEvent::Sent { count: bytes.len() });
            }
            op => panic!("{op:?}"),
        }
    }
    all.escape_ascii().to_string()
}

/// What has arrived at the client that is called `name`.
fn arrived(node: &mut Local, name: &str) -> String {
    let all = node.receive(Patience::Quiet).into_iter().filter(|(other, ..)| other == name);
    all.map(|(_, bytes, _)| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

/// Sends a command that has to wait.
#[track_caller]
fn begin(node: &mut Local, command: &str) {
    assert_eq!(ask_at(node, "a", command), "", "it waits");
}

/// Lets `ours` and its only neighbour talk until neither has anything to say.
fn talk(ours: &mut Local, neighbour: &mut Local) {
    loop {
        let asked = std::mem::take(&mut ours.links);
        let answers = neighbour.receive(Patience::Quiet);
        if asked.is_empty() && answers.is_empty() {
            return;
        }
        for (link, op) in asked {
            let name = link.0.to_string();
            match op {
                LinkOp::Open { .. } => tell(ours, link, LinkEvent::Opened),
                LinkOp::Send { bytes } => {
                    neighbour.send(&name, &bytes).unwrap();
                    tell(ours, link, LinkEvent::Sent { count: bytes.len() });
                }
                LinkOp::Close => neighbour.hangup(&name),
            }
        }
        for (name, bytes, _) in answers {
            let link = LinkId(name.parse().unwrap());
            // In small parts, as a network may.
            bytes.chunks(3).for_each(|bytes| tell(ours, link, LinkEvent::Received { bytes }));
        }
    }
}

#[track_caller]
fn migrate(ours: &mut Local, neighbour: &mut Local, words: &str) -> String {
    begin(ours, &format!("MIGRATE other 6379 {words}"));
    talk(ours, neighbour);
    arrived(ours, "a")
}

#[test]
fn every_type_moves_to_another_node_of_this_process() {
    let (mut ours, mut theirs, mut whole) = (node(&[]), node(&[]), node(&[]));
    fill(&mut ours, true, true);
    fill(&mut whole, true, true);
    let digest = ask(&mut whole, "DEBUG DIGEST");
    for (db, keys) in [("0", "list:big number"), ("1", "text"), ("9", "list")] {
        every::run(&mut ours, &[&format!("SELECT {db}")]);
        let keys = if db == "0" { names(&mut ours) } else { keys.to_owned() };
        assert_eq!(migrate(&mut ours, &mut theirs, &format!(" {db} 1000 KEYS {keys}")), "+OK\r\n");
        assert_eq!(ask_at(&mut ours, "a", "DBSIZE"), ":0\r\n");
    }
    assert_eq!(ask(&mut theirs, "DEBUG DIGEST"), digest);
    for question in ["PEXPIRETIME text", "HPEXPIRETIME hash:fading FIELDS 2 a b"] {
        assert_eq!(ask(&mut theirs, question), ask(&mut whole, question));
    }
    assert_eq!(ask_at(&mut ours, "b", "DEBUG DIGEST"), format!("+{}\r\n", "0".repeat(40)));
}

/// All keys of the selected database.
fn names(node: &mut Local) -> String {
    let keys = ask_at(node, "a", "KEYS *");
    let is_name = |line: &&str| !line.starts_with(['*', '$']) && !line.is_empty();
    keys.split("\r\n").filter(is_name).collect::<Vec<_>>().join(" ")
}

#[test]
fn copies_stay_and_only_replace_replaces() {
    let (mut ours, mut theirs) = (node(&[]), node(&[]));
    every::run(&mut ours, &["SET k 1", "SET other 2"]);
    every::run(&mut theirs, &["SET k theirs"]);
    let busy =
        "-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n";
    assert_eq!(migrate(&mut ours, &mut theirs, "k 0 1000"), busy);
    assert_eq!(migrate(&mut ours, &mut theirs, "k 0 1000 COPY REPLACE"), "+OK\r\n");
    assert_eq!(ask_at(&mut ours, "a", "GET k"), "$1\r\n1\r\n");
    assert_eq!(ask_at(&mut theirs, "a", "GET k"), "$1\r\n1\r\n");
    // One is refused and the other goes.
    assert_eq!(migrate(&mut ours, &mut theirs, " 0 1000 KEYS k other"), busy);
    assert_eq!(ask_at(&mut ours, "a", "EXISTS k"), ":1\r\n");
    assert_eq!(ask_at(&mut ours, "a", "EXISTS other"), ":0\r\n");
    assert_eq!(ask_at(&mut theirs, "a", "GET other"), "$1\r\n2\r\n");
    let no_db = "-ERR Target instance replied with error: ERR DB index is out of range\r\n";
    assert_eq!(migrate(&mut ours, &mut theirs, "k 99 1000 REPLACE"), no_db);
    assert_eq!(ask_at(&mut ours, "a", "EXISTS k"), ":1\r\n");
}

#[test]
fn passwords_and_users_are_sent_first() {
    let (mut ours, mut theirs) = (node(&[]), node(&[("requirepass", "secret")]));
    every::run(&mut ours, &["SET k 1"]);
    let refused = "-ERR Target instance replied with error: ";
    let no_auth = format!("{refused}NOAUTH Authentication required.\r\n");
    let wrong =
        format!("{refused}WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assert_eq!(migrate(&mut ours, &mut theirs, "k 0 1000"), no_auth);
    assert_eq!(migrate(&mut ours, &mut theirs, "k 0 1000 AUTH wrong"), wrong);
    assert_eq!(migrate(&mut ours, &mut theirs, "k 0 1000 AUTH2 ada secret"), wrong);
    assert_eq!(migrate(&mut ours, &mut theirs, "k 0 1000 COPY AUTH secret"), "+OK\r\n");
    let again = "k 0 1000 REPLACE AUTH2 default secret";
    assert_eq!(migrate(&mut ours, &mut theirs, again), "+OK\r\n");
}

#[test]
fn everyone_waits_until_the_keys_are_there() {
    let mut ours = node(&[]);
    every::run(&mut ours, &["CONFIG SET notify-keyspace-events Kg"]);
    assert!(ask_at(&mut ours, "s", "PSUBSCRIBE *").starts_with('*'));
    every::run(&mut ours, &["SET k 1", "SET stays 1"]);
    assert_eq!(ask_at(&mut ours, "w", "WATCH k"), "+OK\r\n");
    assert_eq!(ask_at(&mut ours, "w", "MULTI"), "+OK\r\n");
    begin(&mut ours, "MIGRATE other 1 k 7 1000");
    let link = open(&mut ours);
    assert!(
        sent(&mut ours, link).starts_with(r"*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n*4\r\n$7\r\nRESTORE")
    );
    for (name, command) in [("b", "INCR k"), ("a", "GET k"), ("w", "EXEC"), ("c", "GET stays")] {
        assert_eq!(ask_at(&mut ours, name, command), "", "{command} waits");
    }
    ours.wait(500);
    tell(&mut ours, link, LinkEvent::Received { bytes: b"+OK\r\n+OK" });
    assert!(ours.receive(Patience::Quiet).is_empty());
    tell(&mut ours, link, LinkEvent::Received { bytes: b"\r\n" });
    let mut replies = ours.receive(Patience::Quiet);
    replies.sort();
    let replies: Vec<_> = replies
        .iter()
        .map(|(name, bytes, _)| (name.as_str(), bytes.escape_ascii().to_string()))
        .collect();
    let event = r"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$16\r\n__keyspace@0__:k\r\n$3\r\ndel\r\n";
    let expect = [
        ("a", r"+OK\r\n$-1\r\n"),
        ("b", r":1\r\n"),
        ("c", r"$1\r\n1\r\n"),
        ("s", event),
        ("w", r"*-1\r\n"),
    ];
    let expect = expect.map(|(name, reply)| (name, reply.to_owned()));
    assert_eq!(replies, expect);
}

#[test]
fn a_transaction_goes_on_before_anyone_else() {
    let (mut ours, mut theirs) = (node(&[]), node(&[]));
    every::run(
        &mut ours,
        &["SET k 1", "SET m 1", "MULTI", "INCR k", "MIGRATE h 1 k 0 9", "INCR k"],
    );
    every::run(&mut ours, &["MIGRATE h 1 m 0 9", "EXISTS m"]);
    begin(&mut ours, "EXEC");
    assert_eq!(ask_at(&mut ours, "b", "SET k 100"), "");
    talk(&mut ours, &mut theirs);
    assert_eq!(arrived(&mut ours, "a"), "*5\r\n:2\r\n+OK\r\n:1\r\n+OK\r\n:0\r\n");
    assert_eq!(ask_at(&mut ours, "c", "GET k"), "$3\r\n100\r\n");
    assert_eq!(ask_at(&mut theirs, "c", "MGET k m"), "*2\r\n$1\r\n2\r\n$1\r\n1\r\n");
    assert_eq!(ask_at(&mut ours, "a", "DISCARD"), "-ERR DISCARD without MULTI\r\n");
}

#[test]
fn nothing_moves_for_too_long() {
    let mut ours = node(&[]);
    every::run(&mut ours, &["SET k 1"]);
    // Nobody is reached.
    begin(&mut ours, "MIGRATE other 1 k 0 300");
    let (link, _) = next(&mut ours);
    ours.wait(299);
    assert_eq!(arrived(&mut ours, "a"), "");
    ours.wait(1);
    assert_eq!(arrived(&mut ours, "a"), CONNECTING);
    assert_eq!(next(&mut ours), (link, LinkOp::Close));
    // Nothing is taken.
    begin(&mut ours, "MIGRATE other 1 k 0 300");
    let link = open(&mut ours);
    assert!(matches!(next(&mut ours).1, LinkOp::Send { .. }));
    ours.wait(299);
    tell(&mut ours, link, LinkEvent::Sent { count: 1 });
    ours.wait(299);
    assert_eq!(arrived(&mut ours, "a"), "");
    ours.wait(1);
    assert_eq!(arrived(&mut ours, "a"), WRITING);
    assert_eq!(next(&mut ours), (link, LinkOp::Close));
    // Nothing is answered, or not enough.
    for answer in [b"+OK\r\n".as_slice(), b"", b"-ERR no\r\n", b"+OK\r\n+O"] {
        begin(&mut ours, "MIGRATE other 1 k 0 300");
        let link = open(&mut ours);
        sent(&mut ours, link);
        for &byte in answer {
            ours.wait(299);
            tell(&mut ours, link, LinkEvent::Received { bytes: &[byte] });
        }
        ours.wait(299);
        assert_eq!(arrived(&mut ours, "a"), "");
        ours.wait(1);
        assert_eq!(arrived(&mut ours, "a"), READING);
        assert_eq!(next(&mut ours), (link, LinkOp::Close));
        // What comes too late is of no interest.
        tell(&mut ours, link, LinkEvent::Received { bytes: b"+OK\r\n+OK\r\n" });
        tell(&mut ours, link, LinkEvent::Lost);
    }
    assert_eq!(ask_at(&mut ours, "a", "GET k"), "$1\r\n1\r\n");
}

#[test]
fn what_was_answered_before_a_failure_is_gone_here() {
    let mut ours = node(&[]);
    every::run(&mut ours, &["SET k 1", "SET m 1"]);
    begin(&mut ours, "MIGRATE other 1  0 300 KEYS k m");
    let link = open(&mut ours);
    sent(&mut ours, link);
    tell(&mut ours, link, LinkEvent::Received { bytes: b"+OK\r\n+OK\r\n" });
    tell(&mut ours, link, LinkEvent::Lost);
    assert_eq!(arrived(&mut ours, "a"), READING);
    assert_eq!(ask_at(&mut ours, "a", "KEYS *"), "*1\r\n$1\r\nm\r\n");
    assert!(ours.links.is_empty(), "no other attempt");
}

#[test]
fn a_connection_is_kept_for_a_while_and_another_tried_where_it_is_gone() {
    let mut ours = node(&[]);
    every::run(&mut ours, &["SET k 1"]);
    begin(&mut ours, "MIGRATE other 1 k 0 300 COPY");
    let link = open(&mut ours);
    assert!(sent(&mut ours, link).contains("SELECT"));
    tell(&mut ours, link, LinkEvent::Received { bytes: b"+OK\r\n+OK\r\n" });
    assert_eq!(arrived(&mut ours, "a"), "+OK\r\n");
    // The database is known, until something was refused.
    for (answer, reply) in
        [("+OK\r\n", "+OK\r\n"), ("-NO\r\n", "-ERR Target instance replied with error: NO\r\n")]
    {
        begin(&mut ours, "MIGRATE other 1 k 0 300 COPY");
        assert!(sent(&mut ours, link).starts_with(r"*4\r\n$7\r\nRESTORE"));
        tell(&mut ours, link, LinkEvent::Received { bytes: answer.as_bytes() });
        assert_eq!(arrived(&mut ours, "a"), reply);
    }
    begin(&mut ours, "MIGRATE other 1 k 0 300 COPY");
    assert!(sent(&mut ours, link).starts_with(r"*2\r\n$6\r\nSELECT"));
    // It fails: once more on another one, and then no more.
    tell(&mut ours, link, LinkEvent::Lost);
    let other = open(&mut ours);
    assert_ne!(other, link);
    assert!(sent(&mut ours, other).starts_with(r"*2\r\n$6\r\nSELECT"));
    tell(&mut ours, other, LinkEvent::Lost);
    assert_eq!(arrived(&mut ours, "a"), READING);
    // One that is not used is closed; until then it counts.
    begin(&mut ours, "MIGRATE other 1 k 0 300 COPY");
    let link = open(&mut ours);
    sent(&mut ours, link);
    tell(&mut ours, link, LinkEvent::Received { bytes: b"+OK\r\n+OK\r\n" });
    ours.wait(9_999);
    assert!(ask_at(&mut ours, "b", "INFO stats").contains("migrate_cached_sockets:1\r\n"));
    assert!(ours.links.is_empty());
    ours.wait(1);
    assert_eq!(next(&mut ours), (link, LinkOp::Close));
    assert!(ask_at(&mut ours, "b", "INFO stats").contains("migrate_cached_sockets:0\r\n"));
}

#[test]
fn a_connection_that_says_too_much_is_closed() {
    for is_late in [false, true] {
        let mut ours = node(&[]);
        every::run(&mut ours, &["SET k 1"]);
        begin(&mut ours, "MIGRATE other 1 k 0 300 COPY");
        let link = open(&mut ours);
        sent(&mut ours, link);
        let answers = b"+OK\r\n+OK\r\n+OK\r\n";
        let (first, rest) = answers.split_at(if is_late { 10 } else { 15 });
        tell(&mut ours, link, LinkEvent::Received { bytes: first });
        assert_eq!(arrived(&mut ours, "a"), "+OK\r\n");
        if is_late {
            tell(&mut ours, link, LinkEvent::Received { bytes: rest });
        }
        assert_eq!(next(&mut ours), (link, LinkOp::Close));
    }
}

#[test]
fn large_values_and_many_are_sent_as_the_network_takes_them() {
    let mut ours = node(&[]);
    let keys: Vec<String> = (0..1000).map(|number| format!("key:{number}")).collect();
    for key in &keys {
        every::run(&mut ours, &[&format!("SET {key} {}", "v".repeat(500))]);
    }
    every::run(&mut ours, &["SETRANGE large 3000000 x", "CONFIG SET rdbcompression no"]);
    begin(&mut ours, &format!("MIGRATE other 1  0 300 KEYS {} large", keys.join(" ")));
    let link = open(&mut ours);
    let (mut all, mut parts) = (0, 0);
    while let Some((_, LinkOp::Send { bytes })) = ours.links.pop_front() {
        assert!(ours.links.is_empty(), "no more before this was taken");
        (all, parts) = (all + bytes.len(), parts + 1);
        tell(&mut ours, link, LinkEvent::Sent { count: bytes.len() });
    }
    assert!(all > 3_500_000 && parts > 7, "{all} bytes in {parts} parts");
    for _ in 0..1002 {
        tell(&mut ours, link, LinkEvent::Received { bytes: b"+OK\r\n" });
    }
    assert_eq!(arrived(&mut ours, "a"), "+OK\r\n");
    assert_eq!(ask_at(&mut ours, "a", "DBSIZE"), ":0\r\n");
}

#[test]
fn any_answer_ends_in_a_reply() {
    let pieces: [&[u8]; 12] = [
        b"+OK\r\n",
        b"-ERR no\r\n",
        b"\n",
        b"\r\n",
        b"\r",
        b":1\r\n",
        b"$-1\r\n",
        b"-\r\n",
        b"\0\xff",
        b"*1000000000\r\n",
        b"-a\rb\0c\n",
        b"+",
    ];
    let mut rng = Rng::new(Seed::of(7));
    for _ in 0..500 {
        let mut ours = node(&[]);
        every::run(&mut ours, &["SET k 1", "SET m 1"]);
        begin(&mut ours, "MIGRATE other 1  0 300 KEYS k m");
        for _ in 0..2 {
            let Some((link, LinkOp::Open { .. })) = ours.links.pop_front() else { continue };
            tell(&mut ours, link, LinkEvent::Opened);
            for _ in 0..rng.below(8) {
                let mut bytes = pieces[rng.below(12) as usize].to_vec();
                if rng.below(8) == 0 {
                    bytes = bytes.repeat(1 + rng.below(3000) as usize);
                }
                tell(&mut ours, link, LinkEvent::Received { bytes: &bytes });
                if rng.below(4) == 0 {
                    let count = rng.below(1 << 40) as usize;
                    tell(&mut ours, link, LinkEvent::Sent { count });
                }
            }
            if rng.below(2) == 0 {
                tell(&mut ours, link, LinkEvent::Lost);
            }
            ours.links.retain(|(_, op)| matches!(op, LinkOp::Open { .. }));
        }
        ours.wait(700);
        let reply = arrived(&mut ours, "a");
        assert!(reply.ends_with("\r\n") && reply.matches("\r\n").count() == 1, "{reply:?}");
        assert!(reply.len() < 1200, "{reply:?}");
        assert_eq!(ask_at(&mut ours, "b", "PING"), "+PONG\r\n");
    }
}

#[test]
fn what_is_gone_is_recorded() {
    let settings = [("appendonly", "yes"), ("appendfsync", "always")];
    let (mut ours, mut theirs) = (node(&settings), node(&[]));
    every::run(&mut ours, &["SET k 1", "SET m 1", "SET n 1"]);
    assert_eq!(migrate(&mut ours, &mut theirs, " 0 1000 KEYS k none m"), "+OK\r\n");
    assert_eq!(migrate(&mut ours, &mut theirs, "n 0 1000 COPY"), "+OK\r\n");
    let records = &ours.files()["appendonlydir/appendonly.aof.1.incr.aof"];
    let records = String::from_utf8_lossy(records);
    assert!(records.ends_with("*3\r\n$3\r\nDEL\r\n$1\r\nk\r\n$1\r\nm\r\n"), "{records}");
}

#[test]
fn it_ends_well_without_its_client_and_with_the_server() {
    let mut ours = node(&[]);
    every::run(&mut ours, &["SET k 1"]);
    begin(&mut ours, "MIGRATE other 1 k 0 300");
    let link = open(&mut ours);
    sent(&mut ours, link);
    ours.hangup("a");
    assert_eq!(ask_at(&mut ours, "b", "EXISTS k"), "");
    tell(&mut ours, link, LinkEvent::Received { bytes: b"+OK\r\n+OK\r\n" });
    assert_eq!(arrived(&mut ours, "b"), ":0\r\n");
    // The end of the server does not wait for anybody.
    every::run(&mut ours, &["SET k 1"]);
    begin(&mut ours, "MIGRATE other 1 k 0 300");
    ours.event(Event::Signal(Signal::SHUTDOWN));
    assert_eq!(ours.exit, Some(0));
}

/// The words of all records of the append-only file, without their lengths.
fn recorded(ours: &Local) -> String {
    let records = &ours.files()["appendonlydir/appendonly.aof.1.incr.aof"];
    let records = String::from_utf8_lossy(records).into_owned();
    let words = records.split("\r\n").filter(|line| !line.starts_with(['*', '$']));
    words.collect::<Vec<_>>().join(" ")
}

/// As Redis records it: the deletion stands between the other commands.
#[test]
fn a_transaction_is_recorded_as_one() {
    let settings = [("appendonly", "yes"), ("appendfsync", "always")];
    let (mut ours, mut theirs) = (node(&settings), node(&[]));
    every::run(&mut ours, &["SET k 1", "SET m 1", "MULTI", "INCR k", "MIGRATE h 1 k 0 9"]);
    every::run(&mut ours, &["SET k 7"]);
    begin(&mut ours, "EXEC");
    let before = "SELECT 0 SET k 1 SET m 1 ";
    assert_eq!(recorded(&ours), before, "nothing of half a transaction");
    talk(&mut ours, &mut theirs);
    let one = format!("{before}MULTI INCR k DEL k SET k 7 EXEC ");
    assert_eq!(recorded(&ours), one);
    assert_eq!(arrived(&mut ours, "a"), "*3\r\n:2\r\n+OK\r\n+OK\r\n");
    // A deletion alone, and last.
    every::run(&mut ours, &["MULTI", "GET k", "MIGRATE h 1 m 0 9 REPLACE"]);
    begin(&mut ours, "EXEC");
    talk(&mut ours, &mut theirs);
    let two = format!("{one}DEL m ");
    assert_eq!(recorded(&ours), two);
    // What a client has begun that is gone stays, and its key goes when it is there.
    every::run(&mut ours, &["MULTI", "INCR k", "MIGRATE h 1 k 0 9 REPLACE", "SET k 9"]);
    begin(&mut ours, "EXEC");
    ours.hangup("a");
    talk(&mut ours, &mut theirs);
    every::run(&mut ours, &["SET x 1"]);
    assert_eq!(recorded(&ours), format!("{two}INCR k DEL k SET x 1 "));
}
