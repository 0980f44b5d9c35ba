//! The hints behind the caret, compared with those that redis-cli shows.
//!
//! Each case is a line as it has been typed and the hint for it. They are the facts that Valkey's
//! own test of its command line holds (70 lines), here told for the declarations of this engine;
//! where Valkey 9 declares a command with other options than Redis 8, the case uses Valkey's
//! declaration, which stands below.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::commands;
use redstart::spec::hint::Typed;
use redstart::spec::{
    Arg, block, double, integer, key, many, one_of, opt, string, token, unix_time,
};

/// Checks a line that begins with a command of this engine.
#[track_caller]
fn check(line: &str, hint: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let table = commands::table();
    let entry = table.find(words[0].as_bytes()).unwrap();
    let sub = words.get(1).and_then(|word| table.find_sub(entry, word.as_bytes()));
    let names = 1 + usize::from(sub.is_some());
    check_args(sub.unwrap_or(entry).command.args, &words[names..], line, hint);
}

/// Checks a line that begins with a command whose arguments are `args`.
#[track_caller]
fn check_as(args: &[Arg], line: &str, hint: &str) {
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    check_args(args, &words, line, hint);
}

#[track_caller]
fn check_args(args: &[Arg], words: &[&str], line: &str, hint: &str) {
    // A word that is still being typed says nothing yet.
    let finished = words.len() - usize::from(!line.ends_with(' '));
    let words: Vec<&[u8]> = words[..finished].iter().map(|word| word.as_bytes()).collect();
    assert_eq!(Typed::new(args, &words).hint(), hint, "{line}");
}

#[test]
fn plain_arguments() {
    check("GET ", "key");
    check("GET abc ", "");
    check("DECRBY xyz 2 ", "");
    check("DECRBY xyz ", "decrement");
    check("DECRBY ", "key decrement");
    check("LPOP key ", "[count]");
    check("LPOP key 3 ", "");
}

#[test]
fn options() {
    check("XRANGE ", "key start end [COUNT count]");
    for typed in ["", "COU", "COUNT"] {
        check(&format!("XRANGE k 4 2 {typed}"), "[COUNT count]");
    }
    check("XRANGE k 4 2 COUNT ", "count");
    check("SCAN 2 MATCH ", "pattern [COUNT count] [TYPE type]");
    check("SCAN 2 COUNT ", "count [MATCH pattern] [TYPE type]");
    check("BLMOVE src dst LEFT ", "LEFT|RIGHT timeout");
}

#[test]
fn options_that_repeat() {
    for typed in ["", "GE", "GET"] {
        let line = format!("BITFIELD_RO k {typed}");
        check(&line, "[GET encoding offset [GET encoding offset ...]]");
    }
    check("BITFIELD_RO k GET ", "encoding offset [GET encoding offset ...]]");
    check("BITFIELD_RO k GET xyz ", "offset [GET encoding offset ...]]");
    check("BITFIELD_RO k GET xyz 12 ", "[GET encoding offset ...]]");
    check("BITFIELD_RO k GET xyz 12 GET ", "encoding offset [GET encoding offset ...]]");
    check("BITFIELD_RO k GET enc1 12 GET enc2 ", "offset [GET encoding offset ...]]");
    check("BITFIELD_RO k GET enc1 12 GET enc2 34 ", "[GET encoding offset ...]]");
}

#[test]
fn arguments_that_repeat() {
    check("CONFIG SET param ", "value [parameter value ...]");
    check("CONFIG SET param val ", "[parameter value ...]");
    check("CONFIG SET param val param2 val2 ", "[parameter value ...]");
    check("MGET ", "key [key ...]");
    check("MGET k ", "[key ...]");
    check("MGET k k ", "[key ...]");
}

#[test]
fn options_inside_options() {
    check("ZRANDMEMBER k ", "[count [WITHSCORES]]");
    check("ZRANDMEMBER k 3 ", "[WITHSCORES]");
    check("ZRANDMEMBER k 3 WI", "[WITHSCORES]");
    check("ZRANDMEMBER k 3 WITHSCORES ", "");
    check("ZRANDMEMBER k cnt ", "");
}

#[test]
fn options_come_in_any_order() {
    let after = |typed: &str, hint: &str| check(&format!("ZRANGE k 1 2 {typed}"), hint);
    after("", "[BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]");
    after("bylex ", "[REV] [LIMIT offset count] [WITHSCORES]");
    after("bylex rev ", "[LIMIT offset count] [WITHSCORES]");
    after("limit 2 4 ", "[BYSCORE|BYLEX] [REV] [WITHSCORES]");
    after("bylex rev limit 2 4 WITHSCORES ", "");
    after("rev ", "[BYSCORE|BYLEX] [LIMIT offset count] [WITHSCORES]");
    after("WITHSCORES ", "[BYSCORE|BYLEX] [REV] [LIMIT offset count]");
}

const EXPIRY: Arg = opt(one_of(
    "expiration",
    &[
        integer("seconds").after("EX"),
        integer("milliseconds").after("PX"),
        unix_time("unix-time-seconds").after("EXAT"),
        unix_time("unix-time-milliseconds").after("PXAT"),
        token("keepttl", "KEEPTTL"),
    ],
));

/// SET as Valkey 9 declares it.
const SET: &[Arg] = &[
    key("key", &[]),
    string("value"),
    opt(one_of(
        "condition",
        &[token("nx", "NX"), token("xx", "XX"), string("comparison-value").after("IFEQ")],
    )),
    opt(token("get", "GET")),
    EXPIRY,
];

#[test]
fn a_choice_of_options() {
    let condition = "[NX|XX|IFEQ comparison-value] [GET]";
    let expiry = "[EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT \
                  unix-time-milliseconds|KEEPTTL]";
    for typed in ["", "EX", "EXAT", "PX", "PXAT"] {
        check_as(SET, &format!("SET key value {typed}"), &format!("{condition} {expiry}"));
    }
    check_as(SET, "SET key value EX ", &format!("seconds {condition}"));
    check_as(SET, "SET key value EX 23 ", condition);
    check_as(SET, "SET key value EXAT ", &format!("unix-time-seconds {condition}"));
    check_as(SET, "SET key value PX ", &format!("milliseconds {condition}"));
    check_as(SET, "SET key value PXAT ", &format!("unix-time-milliseconds {condition}"));
    check_as(SET, "SET key value KEEPTTL ", condition);
    check_as(SET, "SET key value XX ", &format!("[GET] {expiry}"));
    check_as(SET, "SET key value FOOBAR ", "");
    check_as(SET, "SET key value EX sec ", "");
}

const UNIT: Arg =
    one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]);

const COUNT: Arg =
    opt(block("count-block", &[integer("count").after("COUNT"), opt(token("any", "ANY"))]));

const ORDER: Arg = opt(one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]));

const WITH: [Arg; 3] = [
    opt(token("withcoord", "WITHCOORD")),
    opt(token("withdist", "WITHDIST")),
    opt(token("withhash", "WITHHASH")),
];

/// GEORADIUS as Redis and Valkey declare it.
const GEORADIUS: &[Arg] = &[
    key("key", &[]),
    double("longitude"),
    double("latitude"),
    double("radius"),
    UNIT,
    WITH[0],
    WITH[1],
    WITH[2],
    COUNT,
    ORDER,
    opt(one_of(
        "store",
        &[
            key("storekey", &[]).shown("key").after("STORE"),
            key("storedistkey", &[]).shown("key").after("STOREDIST"),
        ],
    )),
];

#[test]
fn an_option_that_can_go_on_comes_first() {
    let with = "[WITHCOORD] [WITHDIST] [WITHHASH]";
    let rest = "[ASC|DESC] [STORE key|STOREDIST key]";
    let after = |typed: &str, hint: &str| check_as(GEORADIUS, &format!("GEORADIUS {typed}"), hint);
    let all = format!("{with} [COUNT count [ANY]] {rest}");
    after("key ", &format!("longitude latitude radius M|KM|FT|MI {all}"));
    after("key 1 2 3 M ", &all);
    after("key 1 2 3 M COUNT ", &format!("count [ANY] {with} {rest}"));
    after("key 1 2 3 M COUNT 12 ", &format!("[ANY] {with} {rest}"));
    after("key 1 -2.345 3 M COUNT 12 ", &format!("[ANY] {with} {rest}"));
    after("key 1 X ", "");
    // Whoever goes on with another option has given up the rest of this one.
    after("key 1 2 3 M COUNT 12 ASC ", &format!("{with} [STORE key|STOREDIST key]"));
}

/// GEOSEARCH as Valkey 9 declares it.
const GEOSEARCH: &[Arg] = &[
    key("key", &[]),
    one_of(
        "from",
        &[
            string("member").after("FROMMEMBER"),
            block("fromlonlat", &[double("longitude"), double("latitude")]).after("FROMLONLAT"),
        ],
    ),
    one_of(
        "by",
        &[
            block("circle", &[double("radius").after("BYRADIUS"), UNIT]),
            block("box", &[double("width").after("BYBOX"), double("height"), UNIT]),
            block(
                "polygon",
                &[
                    integer("num-vertices").after("BYPOLYGON"),
                    many(block("vertices", &[double("longitude"), double("latitude")])),
                ],
            ),
        ],
    ),
    ORDER,
    COUNT,
    WITH[0],
    WITH[1],
    WITH[2],
];

#[test]
fn numbers_must_be_numbers() {
    let hint = "longitude latitude BYRADIUS radius M|KM|FT|MI|BYBOX width height M|KM|FT|MI|\
                BYPOLYGON num-vertices longitude latitude [longitude latitude ...] [ASC|DESC] \
                [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]";
    check_as(GEOSEARCH, "GEOSEARCH k FROMLONLAT ", hint);
    check_as(GEOSEARCH, "GEOSEARCH k FROMLONLAT 2.34 4.45 BYRADIUS badvalue ", "");
}

#[test]
fn options_before_what_must_come() {
    check("ZADD key ", "[NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]");
    check("ZADD key CH LT ", "[NX|XX] [INCR] score member [score member ...]");
    check("ZADD key 0 ", "member [score member ...]");
}

/// MIGRATE as Redis and Valkey declare it.
const MIGRATE: &[Arg] = &[
    string("host"),
    integer("port"),
    one_of("key-selector", &[key("key", &[]), token("empty-string", "")]),
    integer("destination-db"),
    integer("timeout"),
    opt(token("copy", "COPY")),
    opt(token("replace", "REPLACE")),
    opt(one_of(
        "authentication",
        &[
            string("password").after("AUTH"),
            block("auth2", &[string("username"), string("password")]).after("AUTH2"),
        ],
    )),
    opt(many(key("keys", &[]).shown("key")).after("KEYS")),
];

#[test]
fn a_token_may_be_empty() {
    let hint = "host port key|\"\" destination-db timeout [COPY] [REPLACE] [AUTH password|AUTH2 \
                username password] [KEYS key [key ...]]";
    check_as(MIGRATE, "MIGRATE ", hint);
}
