//! MIGRATE: keys to another server.
//!
//! Here it is declared; [`migrating`](crate::engine::migrating) does it.

use crate::engine::Command;
use crate::resp::Argv;
use crate::spec::{
    self, Access::*, Acl, BeginSearch, Category, FindKeys, Flag::*, FoundKeys, Group, KeySpec,
    block, derive, integer, key, many, one_of, opt, range, string, token,
};

pub(crate) const COMMANDS: &[&Command] = &[&MIGRATE];

/// Where the only key stands, and where options begin.
const FIRST_KEY: usize = 3;
const FIRST_OPTION: usize = 6;

/// What is done with each key.
const MOVED: &[spec::Access] = &[Rw, Access, Delete];

const MIGRATE: Command = Command {
    name: "MIGRATE",
    summary: "Moves keys to another server, and replies when they are there and gone here.",
    since: "2.6.0",
    group: Group::Generic,
    complexity: "That of DUMP and DEL here and of RESTORE there, and the way between",
    flags: &[Write],
    acl: Acl::Group(&[Category::Dangerous]),
    args: &[
        string("host"),
        integer("port"),
        one_of("key-selector", &[key("key", MOVED), token("empty-string", "")]),
        integer("destination-db"),
        integer("timeout"),
        opt(token("copy", "COPY").since("3.0.0")),
        opt(token("replace", "REPLACE").since("3.0.0")),
        opt(one_of(
            "authentication",
            &[
                string("auth").shown("password").after("AUTH").since("4.0.7"),
                block("auth2", &[string("username"), string("password")])
                    .after("AUTH2")
                    .since("6.0.0"),
            ],
        )),
        opt(many(key("keys", MOVED).shown("key").after("KEYS")).since("3.0.6")),
    ],
    key_specs: Some(&[
        range(FIRST_KEY as i32, 0, 1, MOVED),
        KeySpec {
            begin: BeginSearch::Keyword("KEYS", -2),
            find: FindKeys::Range { last: -1, step: 1, limit: 0 },
            access: &[Rw, Access, Delete, Incomplete],
            notes: None,
        },
    ]),
    find_keys: Some(find_keys),
    tips: &["nondeterministic_output"],
    run: |cx, args| cx.migrate(args),
    ..Command::BASE
};

/// Its keys stand behind KEYS where that is an option, and then the first must be empty.
fn find_keys(argv: Argv<'_>, found: &mut FoundKeys) {
    let mut keys = None;
    derive::options(argv, FIRST_OPTION, &[("AUTH", 1), ("AUTH2", 2)], &mut |place| {
        if derive::is_option(argv, place, "KEYS", 1) {
            keys.get_or_insert(place + 1);
        }
    });
    let places = match keys {
        None => FIRST_KEY..FIRST_KEY + 1,
        Some(first) if argv.get(FIRST_KEY).is_some_and(<[u8]>::is_empty) => first..argv.len(),
        Some(_) => 0..0,
    };
    found.extend(places.map(|place| (place, MOVED)));
}
