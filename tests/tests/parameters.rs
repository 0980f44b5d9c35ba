//! The parameters of CONFIG, compared with those of a real Redis 8: names, defaults, what CONFIG SET
//! accepts and in which words it refuses.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::resp::{Reply, pretty, words};
use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::play::{Patience, Stage};
use redstart_tests::tcp::Tcp;

/// Parameters whose values are the servers' own, and why.
const OWN_VALUES: &[(&str, &str)] = &[
    ("bind", "the real server is started on the loopback interface"),
    ("dir", "the real server is started in a folder for temporary files"),
    ("port", "the real server is started on a free port"),
];

/// Parameters that CONFIG SET must not try, and why.
const NOT_TRIED: &[(&str, &str)] = &[
    ("bind", "it would close the port under the test"),
    ("dir", "there are no folders here; a host has them"),
    ("maxclients", "the real server asks the system how many files it may open"),
    ("port", "it would close the port under the test"),
    ("proc-title-template", "there is no process to give a title to, so no template is checked"),
    ("requirepass", "the test would be locked out"),
    ("tls-port", "the real server may be built without TLS"),
];

/// Parameters that Redis 8.0, with which this is compared, does not have yet.
const NEWER: &[&str] = &[
    "array-slice-size",
    "array-sparse-kmax",
    "array-sparse-kmin",
    "stream-idmp-duration",
    "stream-idmp-maxsize",
];

/// What stands in lists of choices since a later version.
const NEWER_CHOICES: &[&str] = &["volatile-lrm, ", "allkeys-lrm, "];

/// Values that one kind of parameter or another refuses, or reads in its own way.
const VALUES: [&str; 12] = [
    "",
    "zz~",
    "yes",
    "0",
    "1",
    "-1",
    "100%",
    "1kb",
    "2147483648",
    "9223372036854775807",
    "9999999999999999999",
    "default",
];

#[test]
fn parameters_agree_with_redis_8() {
    let Some(program) = oracle::find_redis8() else {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
        return;
    };
    let server = Server::start(&program).unwrap();
    let mut theirs = Tcp::new(server.addr);
    let mut ours = Local::for_tests();
    let our_all = all(&mut ours);
    let their_all = all(&mut theirs);
    let mut faults = Vec::new();
    for (name, value) in &their_all {
        let our = our_all.iter().find(|(other, _)| other == name).map(|(_, value)| value);
        let is_own = OWN_VALUES.iter().any(|(own, _)| own == name);
        if our.is_none() || (our != Some(value) && !is_own) {
            faults.push(format!("{name}: ours {our:?}, Redis 8's {value:?}"));
        }
    }
    let only_ours: Vec<&str> = our_all
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !their_all.iter().any(|(other, _)| other == name))
        .collect();
    if only_ours != NEWER {
        faults.push(format!("not in Redis 8: {only_ours:?}, expected {NEWER:?}"));
    }
    let tried = their_all.iter().filter(|(name, _)| {
        !NOT_TRIED.iter().any(|(not, _)| not == name) && !name.starts_with("tls-")
    });
    for (name, before) in tried {
        for value in VALUES {
            let set = ["CONFIG", "SET", name, value];
            let get = ["CONFIG", "GET", name];
            let both = [&set as &[&str], &get];
            let our = both.map(|command| without_newer(&pretty::print(&ask(&mut ours, command))));
            let their = both.map(|command| pretty::print(&ask(&mut theirs, command)));
            if our != their {
                faults.push(format!(
                    "CONFIG SET {name} {value:?}: ours {our:?}, Redis 8's {their:?}"
                ));
            }
        }
        for stage in [&mut ours as &mut dyn Stage, &mut theirs] {
            ask(stage, &["CONFIG", "SET", name, before]);
        }
    }
    assert!(faults.is_empty(), "{} differences\n{}", faults.len(), faults.join("\n"));
}

/// The text of a reply without the choices that Redis 8.0 does not have.
fn without_newer(text: &str) -> String {
    NEWER_CHOICES.iter().fold(text.to_owned(), |text, choice| text.replace(choice, ""))
}

#[test]
fn what_must_be_allowed_is_refused_by_default() {
    let mut node = Local::new(Config::default(), Seed::of(1));
    let refused = |reply: &Reply, text: &str| {
        assert!(
            matches!(reply, Reply::Error(line) if line.starts_with(text.as_bytes())),
            "{}",
            pretty::print(reply)
        );
    };
    refused(&ask(&mut node, &["DEBUG", "DIGEST"]), "ERR DEBUG command not allowed. If the enable-");
    refused(&ask(&mut node, &["MODULE", "LOAD", "x"]), "ERR MODULE command not allowed. If the ");
    let protected =
        "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected";
    refused(&ask(&mut node, &["CONFIG", "SET", "dir", "x"]), protected);
    assert_eq!(ask(&mut node, &["MODULE", "LIST"]), Reply::Array(Vec::new()));
}

/// All parameters and their values.
fn all(stage: &mut dyn Stage) -> Vec<(String, String)> {
    let Reply::Array(items) = ask(stage, &["CONFIG", "GET", "*"]) else { return Vec::new() };
    let text = |reply: &Reply| match reply {
        Reply::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => pretty::print(other),
    };
    let mut pairs: Vec<(String, String)> =
        items.as_chunks::<2>().0.iter().map(|[name, value]| (text(name), text(value))).collect();
    pairs.sort();
    pairs
}

/// One command and its reply.
fn ask(stage: &mut dyn Stage, command: &[&str]) -> Reply {
    let line: Vec<Vec<u8>> = command.iter().map(|word| words::quote(word.as_bytes())).collect();
    stage.send("a", &[line.join(&b' '), b"\r\n".to_vec()].concat()).unwrap();
    let mut input = Vec::new();
    loop {
        for (_, bytes, closed) in stage.receive(Patience::Expecting("a")) {
            assert!(!closed, "{command:?}");
            input.extend(bytes);
        }
        if let Some((reply, _)) = Reply::read(&input).unwrap() {
            return reply;
        }
    }
}
