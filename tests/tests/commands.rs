//! What COMMAND INFO and COMMAND DOCS say of our commands, compared with a real Redis 8.
//!
//! Arity, key positions and categories are derived from declarations, so this is the proof that
//! the derivations are right. Words of our own (summary, complexity, notes) and histories are not
//! compared; the set of commands is not either.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::commands;
use redstart::resp::{Reply, pretty};
use redstart_tests::grammar::is_in_redis8;
use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::tcp::Tcp;
use redstart_tests::wire::ask;

/// What differs on purpose: command, part, and why.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    ("bitop", "arguments", "operations of Redis 8.2"),
    ("geosearch", "arguments", "BYPOLYGON of Valkey 9, which needs no centre"),
    ("geosearchstore", "arguments", "BYPOLYGON of Valkey 9, which needs no centre"),
    ("hsetex", "arguments", "NX and XX of Valkey 9.1"),
    ("set", "arguments", "conditions of Redis 8.4"),
    ("xadd", "arguments", "references of Redis 8.2, IDMP of Redis 8.6"),
    ("xread", "arguments", "MAXCOUNT and MAXSIZE of Redis 8.10"),
    ("xreadgroup", "arguments", "CLAIM of Redis 8.4, MAXCOUNT and MAXSIZE of Redis 8.10"),
    ("xtrim", "arguments", "references of Redis 8.2"),
    ("zscan", "arguments", "NOSCORES of Valkey 8"),
];

/// The parts of a COMMAND INFO reply; the last, the subcommands, are compared as commands.
const INFO_PARTS: [&str; 9] = [
    "name",
    "arity",
    "flags",
    "first key",
    "last key",
    "step",
    "categories",
    "tips",
    "key specifications",
];

/// The parts of a COMMAND DOCS reply that are facts. The version of HELP is one for all.
const DOCS_PARTS: [&str; 6] =
    ["since", "group", "doc_flags", "deprecated_since", "replaced_by", "arguments"];

#[test]
fn declarations_agree_with_redis_8() {
    let Some(program) = oracle::find_redis8() else {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
        return;
    };
    let server = Server::start(&program).unwrap();
    let mut theirs = Tcp::new(server.addr);
    let mut ours = Local::for_tests();
    let mut differences = Vec::new();
    for entry in commands::table().entries() {
        let name = &entry.full_name;
        let our_info = ask(&mut ours, &format!("COMMAND INFO {name}"));
        let their_info = ask(&mut theirs, &format!("COMMAND INFO {name}"));
        let our_docs = ask(&mut ours, &format!("COMMAND DOCS {name}"));
        let their_docs = ask(&mut theirs, &format!("COMMAND DOCS {name}"));
        if items(&their_info).first() == Some(&Reply::Null) {
            if is_in_redis8(entry) {
                differences.push((name, "name", "no such command in Redis 8".to_owned()));
            }
            continue;
        }
        let parts = info(&our_info).into_iter().zip(info(&their_info)).zip(INFO_PARTS);
        for ((our, their), part) in parts {
            if our != their {
                differences.push((name, part, both(&our, &their)));
            }
        }
        for part in DOCS_PARTS {
            let (our, their) = (field(&our_docs, part), field(&their_docs, part));
            let is_help = part == "since" && name.ends_with("|help");
            if our != their && !is_help {
                differences.push((name, part, both(&our, &their)));
            }
        }
    }
    let is_known = |name: &str, part: &str| {
        DEVIATIONS.iter().any(|(known, known_part, _)| *known == name && *known_part == part)
    };
    let mut faults: Vec<String> = differences
        .iter()
        .filter(|(name, part, _)| !is_known(name, part))
        .map(|(name, part, shown)| format!("{name}: {part}\n{shown}"))
        .collect();
    for (name, part, _) in DEVIATIONS {
        let is_there = commands::table().find(name.as_bytes()).is_some();
        let differs = differences.iter().any(|(other, at, _)| *other == name && at == part);
        if is_there && !differs {
            faults.push(format!("{name}: {part} is listed as a deviation and is none"));
        }
    }
    assert!(faults.is_empty(), "{} differences\n\n{}", faults.len(), faults.join("\n"));
}

fn both(our: &Reply, their: &Reply) -> String {
    format!("  ours:\n{}\n  Redis 8's:\n{}", pretty::print(our), pretty::print(their))
}

fn items(reply: &Reply) -> &[Reply] {
    match reply {
        Reply::Array(items) => items,
        _ => &[],
    }
}

/// The parts of the one command that a COMMAND INFO reply describes, sets in one order.
fn info(reply: &Reply) -> Vec<Reply> {
    let parts = items(reply).first().map(items).unwrap_or_default();
    let sorted = |(place, part): (usize, &Reply)| match (place, part) {
        (2 | 6 | 7, Reply::Array(set)) => {
            let mut set = set.clone();
            set.sort_by_key(|one| format!("{one:?}"));
            Reply::Array(set)
        }
        (8, Reply::Array(specs)) => Reply::Array(specs.iter().map(without_notes).collect()),
        _ => part.clone(),
    };
    parts.iter().take(INFO_PARTS.len()).enumerate().map(sorted).collect()
}

/// A key specification without its remark.
fn without_notes(spec: &Reply) -> Reply {
    let is_note = |pair: &&[Reply]| pair.first() == Some(&Reply::Bulk(b"notes".to_vec()));
    let fields = items(spec).chunks(2).filter(|pair| !is_note(pair));
    Reply::Array(fields.flatten().cloned().collect())
}

/// A field of the one command that a COMMAND DOCS reply describes.
fn field(reply: &Reply, name: &str) -> Reply {
    let fields = items(reply).get(1).map(items).unwrap_or_default();
    let found = fields.chunks(2).find(|pair| pair.first() == Some(&Reply::Bulk(name.into())));
    found.and_then(|pair| pair.get(1)).cloned().unwrap_or(Reply::Null)
}
