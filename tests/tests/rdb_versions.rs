//! Snapshots of every version: what each could hold is read, what nobody can hold is named.
//!
//! The files are made here, by a writer that knows nothing but bytes.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::engine::config::{MaxmemoryPolicy, VersionCheck};
use redstart::node::{DiskOp, Event, How, Level};
use redstart_tests::local::Local;
use redstart_tests::rdb::{
    entry, file, listpack, raw_id, stream_group, stream_node, text, ziplist,
};
use redstart_tests::{play, transcript};

fn open(config: Config, bytes: &[u8]) -> Local {
    let disk = BTreeMap::from([("dump.rdb".to_owned(), bytes.to_vec())]);
    Local::on_disk(config, Seed::of(1), disk)
}

/// The node that has loaded `bytes`.
#[track_caller]
fn loaded(bytes: &[u8]) -> Local {
    let local = open(Config::default(), bytes);
    let warnings: Vec<_> = local.log.iter().filter(|line| line.level == Level::Warning).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    local
}

#[track_caller]
fn check(local: &mut Local, text: &str) {
    for scenario in transcript::parse(text).unwrap() {
        if let Err(failure) = play::check(local, &scenario) {
            panic!("{}", failure.text);
        }
    }
}

/// That `bytes` are refused with this reason, at this offset, and kept.
#[track_caller]
fn refused(config: Config, bytes: &[u8], offset: usize, reason: &str) {
    let local = open(config, bytes);
    let line = local.log.iter().find(|line| line.level == Level::Warning).unwrap();
    assert!(line.text.contains(reason), "{}", line.text);
    assert!(line.text.contains(&format!("at offset {offset}: ")), "{}", line.text);
    assert_eq!(local.files().values().collect::<Vec<_>>(), [bytes], "the file is kept");
}

#[test]
fn version_1_has_the_plain_types() {
    let records: [&[u8]; 8] = [
        b"\xfe\x00",
        &entry(0, "s", &text(b"hello")),
        &entry(0, "n", b"\xc1\x39\x30"),
        &entry(1, "l", &[&b"\x02"[..], &text(b"a"), b"\xc0\x05"].concat()),
        &entry(2, "set", &[&b"\x02"[..], &text(b"a"), &text(b"b")].concat()),
        &entry(
            3,
            "z",
            &[&b"\x03"[..], &text(b"a"), b"\x031.5", &text(b"b"), b"\xfe", &text(b"c"), b"\xff"]
                .concat(),
        ),
        &entry(4, "h", &[&b"\x01"[..], &text(b"f"), &text(b"v")].concat()),
        // Until the year 2100, in seconds.
        &[&b"\xfd\x80\x56\x86\x7f"[..], &entry(0, "e", &text(b"x"))].concat(),
    ];
    let mut local = loaded(&file("REDIS0001", &records));
    check(
        &mut local,
        "# All of them.\n> GET s\n\"hello\"\n> GET n\n\"12345\"\n> LRANGE l 0 -1\n1) \"a\"\n2) \"5\"\n\
         > SMISMEMBER set a b c\n1) (integer) 1\n2) (integer) 1\n3) (integer) 0\n\
         > ZRANGE z 0 -1 WITHSCORES\n1) \"c\"\n2) \"-inf\"\n3) \"a\"\n4) \"1.5\"\n5) \"b\"\n6) \"inf\"\n\
         > HGETALL h\n1) \"f\"\n2) \"v\"\n> PEXPIRETIME e\n(integer) 2139510400000\n\
         > DBSIZE\n(integer) 7\n",
    );
}

#[test]
fn versions_2_to_6_have_zipmaps_ziplists_and_intsets() {
    let zipmap = b"\x02\x01f\x01\x02v??\x02f2\x02\x0012\xff";
    let intset = b"\x02\0\0\0\x02\0\0\0\x01\0\x03\0";
    let long = ziplist(&[&"x".repeat(60), "b", "3"]);
    let records: [&[u8]; 6] = [
        b"\xfe\x00",
        &entry(9, "hash:zipmap", &text(zipmap)),
        &entry(10, "list", &text(&long)),
        &entry(11, "set", &text(intset)),
        &entry(12, "zset", &text(&ziplist(&["a", "1", "b", "2.5"]))),
        &entry(13, "hash", &text(&ziplist(&["f", "v", "7", "8"]))),
    ];
    for version in 2..=6 {
        let mut local = loaded(&file(&format!("REDIS000{version}"), &records));
        check(
            &mut local,
            "# All of them.\n> HGETALL hash:zipmap\n1) \"f\"\n2) \"v\"\n3) \"f2\"\n4) \"12\"\n\
             > OBJECT ENCODING hash:zipmap\n\"listpack\"\n\
             > LRANGE list 1 -1\n1) \"b\"\n2) \"3\"\n> OBJECT ENCODING list\n\"quicklist\"\n\
             > SMEMBERS set\n1) \"1\"\n2) \"3\"\n> OBJECT ENCODING set\n\"intset\"\n\
             > ZRANGE zset 0 -1 WITHSCORES\n1) \"a\"\n2) \"1\"\n3) \"b\"\n4) \"2.5\"\n\
             > HMGET hash f 7\n1) \"v\"\n2) \"8\"\n> OBJECT ENCODING hash\n\"listpack\"\n",
        );
    }
}

#[test]
fn what_exceeds_the_limits_changes_its_form() {
    let records: [&[u8]; 3] = [
        &entry(9, "few", &text(b"\x02\x01f\x01\0v\x01g\x01\0w\xff")),
        &entry(9, "long", &text(b"\x01\x01f\x05\0value\xff")),
        &entry(13, "listed", &text(&ziplist(&["f", "value"]))),
    ];
    let mut config = Config::default();
    config.hash_max_listpack_entries = 1;
    config.hash_max_listpack_value = 4;
    let mut local = open(config, &file("REDIS0006", &records));
    check(
        &mut local,
        "# As in Redis, which looks at lengths only where it takes pairs one by one.\n\
         > OBJECT ENCODING few\n\"hashtable\"\n> OBJECT ENCODING long\n\"hashtable\"\n\
         > OBJECT ENCODING listed\n\"listpack\"\n> HGET long f\n\"value\"\n",
    );
}

#[test]
fn versions_7_to_9_have_quicklists_binary_scores_and_streams() {
    let nodes = [text(&ziplist(&["a", "b"])), text(&ziplist(&["c"]))].concat();
    let score = (-0.5f64).to_le_bytes();
    let stream = [&stream_node()[..], b"\x01\x05\x02\x01", &stream_group(b"", b"")].concat();
    let records: [&[u8]; 6] = [
        &[&b"\xfa"[..], &text(b"redis-ver"), &text(b"5.0.0")].concat(),
        b"\xfe\x01\xfb\x03\x01",
        &entry(14, "list", &[&b"\x02"[..], &nodes].concat()),
        &entry(5, "zset", &[&b"\x01"[..], &text(b"m"), &score].concat()),
        &entry(15, "stream", &stream),
        &[&b"\xfc\x00\xd8\xc3\x2c\xbb\x03\x00\x00"[..], &entry(0, "e", &text(b"x"))].concat(),
    ];
    for version in 7..=9 {
        let mut local = loaded(&file(&format!("REDIS000{version}"), &records));
        assert!(local.log.iter().any(|line| line.text.ends_with("produced by version 5.0.0")));
        check(
            &mut local,
            "# All of them.\n> SELECT 1\nOK\n> LRANGE list 0 -1\n1) \"a\"\n2) \"b\"\n3) \"c\"\n\
             > ZSCORE zset m\n\"-0.5\"\n> PEXPIRETIME e\n(integer) 4102444800000\n\
             > XRANGE stream - +\n1) 1) \"5-2\"\n   2) 1) \"f\"\n      2) \"b\"\n\
             > XPENDING stream g\n1) (integer) 1\n2) \"5-2\"\n3) \"5-2\"\n4) 1) 1) \"ann\"\n      2) \"1\"\n",
        );
    }
}

#[test]
fn the_hashes_of_7_4_and_its_pre_release_are_read() {
    let first = 4_102_444_800_000u64;
    let absolute = [&b"\x81"[..], &first.to_be_bytes()].concat();
    let pair = [text(b"f"), text(b"v")].concat();
    let other = [text(b"g"), text(b"w")].concat();
    let mut pack = listpack(&["f", "v", "X", "g", "w", "0"]);
    // The X stands for the expiry, an integer of eight bytes.
    let place = pack.iter().position(|&byte| byte == b'X').unwrap() - 1;
    pack.splice(place..place + 3, [&[0xf4][..], &first.to_le_bytes(), &[9]].concat());
    let total = (pack.len() as u32).to_le_bytes();
    pack[..4].copy_from_slice(&total);
    let records: [&[u8]; 4] = [
        &entry(22, "table:rc", &[&b"\x02"[..], &absolute, &pair, b"\x00", &other].concat()),
        &entry(23, "pack:rc", &text(&pack)),
        &entry(
            24,
            "table",
            &[&first.to_le_bytes()[..], b"\x02\x01", &pair, b"\0", &other].concat(),
        ),
        &entry(25, "pack", &[&first.to_le_bytes()[..], &text(&pack)].concat()),
    ];
    let mut local = loaded(&file("REDIS0012", &records));
    for key in ["table:rc", "pack:rc", "table", "pack"] {
        check(
            &mut local,
            &format!(
                "# {key}\n> HPEXPIRETIME {key} FIELDS 2 f g\n1) (integer) {first}\n\
                 2) (integer) -1\n> HMGET {key} f g\n1) \"v\"\n2) \"w\"\n"
            ),
        );
    }
}

#[test]
fn valkey_has_its_own_hash_under_the_same_number() {
    let first = 4_102_444_800_000u64.to_le_bytes();
    let never = (-1i64).to_le_bytes();
    let pairs =
        [&b"\x02"[..], &text(b"f"), &text(b"v"), &first, &text(b"g"), &text(b"w"), &never].concat();
    let import = [&b"\xf3"[..], &text(b"job"), b"\x01\x00\x05"].concat();
    let records: [&[u8]; 3] = [
        &[&b"\xfa"[..], &text(b"valkey-ver"), &text(b"9.0.0")].concat(),
        &entry(22, "h", &pairs),
        &entry(0, "s", &text(b"x")),
    ];
    let expect = "# As written.\n> HPEXPIRETIME h FIELDS 2 f g\n1) (integer) 4102444800000\n\
        2) (integer) -1\n> HMGET h f g\n1) \"v\"\n2) \"w\"\n";
    check(&mut loaded(&file("VALKEY080", &records)), expect);
    let mut local = open(Config::default(), &file("VALKEY080", &[&import, &records.concat()]));
    assert!(local.log.iter().any(|line| line.text.contains("migration of slots")));
    check(&mut local, expect);
    refused(Config::default(), &file("VALKEY080", &[&entry(24, "h", &pairs)]), 9, "opcode 24");
}

#[test]
fn arrays_are_read_and_checked() {
    let last = b"\x81\xff\xff\xff\xff\xff\xff\xff\xfe";
    let number = (-5i64).to_le_bytes();
    let value = [
        &b"\x06\x01\x07\x00\x00"[..],
        &text(b"a long text"),
        b"\x01\x01",
        &number,
        b"\x02\x02",
        &2.5f64.to_le_bytes(),
        b"\x03\x02",
        &3f64.to_le_bytes(),
        b"\x07\x03",
        &text(b"short"),
        last,
        b"\x00",
        &text(b"17"),
    ];
    let records = [entry(28, "a", &value.concat()), entry(0, "next", &text(b"x"))];
    let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    check(
        &mut loaded(&file("REDIS0014", &records)),
        "# An array.\n> ARSCAN a 0 100\n1) 1) (integer) 0\n   2) \"a long text\"\n2) 1) (integer) 1\n   2) \"-5\"\n\
         3) 1) (integer) 2\n   2) \"2.5\"\n4) 1) (integer) 3\n   2) \"3.0\"\n\
         5) 1) (integer) 7\n   2) \"short\"\n> ARGET a 18446744073709551614\n\"17\"\n\
         > ARNEXT a\n(integer) 8\n> EXISTS next\n(integer) 1\n",
    );
    let beyond = [&b"\x01\x00"[..], &last[..8], b"\xff\x00", &text(b"x")].concat();
    let twice = [&b"\x02\x00\x01\x00"[..], &text(b"x"), b"\x01\x00", &text(b"y")].concat();
    let unknown = [&b"\x01\x00\x01\x04"[..], &text(b"x")].concat();
    for value in [beyond, twice, unknown] {
        let bytes = file("REDIS0014", &[&entry(28, "a", &value)]);
        refused(Config::default(), &bytes, 9, "Array integrity check failed");
    }
}

#[test]
fn streams_of_every_generation_are_read() {
    let ids = b"\x01\x05\x02\x05\x02\x05\x01\x02";
    let active = 900u64.to_le_bytes();
    let idle = b"\x3c\x0a";
    let producers =
        [&b"\x01"[..], &text(b"p"), b"\x01", &text(b"one"), b"\x05\x01\x02\x01"].concat();
    let second = [&stream_node()[..], ids, b"\x01", &stream_group(b"\x02", b"")].concat();
    let third = [&stream_node()[..], ids, b"\x01", &stream_group(b"\x02", &active)].concat();
    let fourth = [&third[..], idle, &producers].concat();
    // 5-1 was given back: it is pending, and no consumer's.
    let pending = [&raw_id(5, 1)[..], &1000u64.to_le_bytes(), b"\x03"].concat();
    let mut given_back = stream_group(b"\x02", &active);
    given_back.splice(5..6, [&b"\x02"[..], &pending].concat());
    let fifth = [
        &stream_node()[..],
        ids,
        b"\x01",
        &given_back,
        b"\x01",
        &raw_id(5, 1),
        b"\x00\x00\x00\x00\x00",
    ]
    .concat();
    for (kind, version, value) in [
        (19, "REDIS0010", &second),
        (21, "REDIS0011", &third),
        (26, "REDIS0013", &fourth),
        (27, "REDIS0014", &fifth),
    ] {
        let bytes = file(version, &[&entry(kind, "stream", value), &entry(0, "next", &text(b"x"))]);
        let mut local = open(Config::default(), &bytes);
        let pending = match kind {
            26 => {
                "> XINFO STREAM stream\n...\n15) \"idmp-duration\"\n16) (integer) 60\n\
                 17) \"idmp-maxsize\"\n18) (integer) 10\n...\n23) \"iids-added\"\n\
                 24) (integer) 2\n25) \"iids-duplicates\"\n26) (integer) 1\n...\n"
            }
            27 => {
                "> XPENDING stream g - + 9\n1) 1) \"5-1\"\n   2) \"\"\n   {*}\n   4) (integer) 3\n\
                   2) {*}\n   {*}\n   {*}\n   {*}\n"
            }
            _ => "> XPENDING stream g\n1) (integer) 1\n2) \"5-2\"\n3) \"5-2\"\n4) {*}\n      {*}\n",
        };
        check(
            &mut local,
            &format!(
                "# Type {kind}.\n> XRANGE stream - +\n1) 1) \"5-2\"\n   2) 1) \"f\"\n      2) \"b\"\n\
                 {pending}> EXISTS next\n(integer) 1\n"
            ),
        );
    }
}

#[test]
fn empty_keys_are_left_out() {
    let zero = 0f64.to_le_bytes();
    let records: Vec<Vec<u8>> = vec![
        entry(1, "list", b"\0"),
        entry(2, "set", b"\0"),
        entry(3, "zset", b"\0"),
        entry(4, "hash", b"\0"),
        entry(5, "zset:2", b"\0"),
        entry(10, "list:ziplist", &text(&ziplist(&[]))),
        entry(12, "zset:ziplist", &text(&ziplist(&[]))),
        entry(13, "hash:ziplist", &text(&ziplist(&[]))),
        entry(14, "quicklist", b"\0"),
        entry(14, "quicklist:ziplist", &[&b"\x01"[..], &text(&ziplist(&[]))].concat()),
        entry(16, "hash:listpack", &text(&listpack(&[]))),
        entry(17, "zset:listpack", &text(&listpack(&[]))),
        entry(20, "set:listpack", &text(&listpack(&[]))),
        entry(5, "full", &[&b"\x01"[..], &text(b"m"), &zero].concat()),
    ];
    let mut local = loaded(&file("REDIS0011", &[&records.concat()]));
    let lines = || local.log.iter().map(|line| &line.text);
    assert_eq!(lines().filter(|line| line.contains("skipping empty key: ")).count(), 10);
    assert!(lines().any(|line| line.contains("empty keys skipped: 13.")));
    check(&mut local, "# One is not empty.\n> KEYS *\n1) \"full\"\n");
}

#[test]
fn what_nobody_can_read_is_named() {
    let module = [&b"\x07\x01m\x81"[..], &(0x2c32_5e09_8d15_7400u64 | 3).to_be_bytes()].concat();
    let aux = [&b"\xf7\x81"[..], &0u64.to_be_bytes(), b"\x02\x01\x00"].concat();
    let strict = Config::default;
    refused(strict(), &file("REDIS0009", &[&module]), 9, "no matching module type '");
    refused(strict(), &file("REDIS0009", &[&aux]), 9, "no matching module type 'AAAAAAAAA'");
    refused(strict(), &file("REDIS0010", &[b"\xf6"]), 9, "pre-release");
    refused(strict(), &file("REDIS0009", &[b"\x06\x01m"]), 9, "pre-release");
    refused(strict(), &file("REDIS0010", &[b"\xf3\x00"]), 9, "opcode 243");
    refused(strict(), &file("REDIS0010", &[&entry(0, "a", b"\0"), b"\x08\x01a"]), 13, "opcode 8");
    refused(strict(), &file("REDIS0014", &[&entry(29, "later", b"\0")]), 9, "type or opcode 29");
    refused(strict(), &file("REDIS0010", &[b"\xfe\x32", &entry(0, "a", b"\0")]), 11, "database 50");
    let twice = entry(0, "a", b"\0");
    refused(strict(), &file("REDIS0010", &[&twice, &twice]), 13, "already");
}

#[test]
fn versions_from_the_future_are_tried_when_asked() {
    let key = entry(0, "foo", &text(b"bar"));
    let relaxed = || {
        let mut config = Config::default();
        config.rdb_version_check = VersionCheck::Relaxed;
        config
    };
    for magic in ["REDIS0075", "VALKEY987"] {
        let bytes = file(magic, &[&key]);
        refused(Config::default(), &bytes, 0, "Can't handle RDB format version");
        let mut local = open(relaxed(), &bytes);
        check(&mut local, "# Read.\n> GET foo\n\"bar\"\n");
    }
    refused(relaxed(), &file("REDIS0075", &[&entry(150, "x", b"")]), 9, "opcode 150");
    for magic in ["REDIS0000", "REDIS0080", "VALKEY079", "VALKEY011", "REDIS9999"] {
        refused(relaxed(), &file(magic, &[&key]), 0, "Can't handle RDB format version");
    }
    for magic in ["RADIS0010", "REDIS00x0", "VALKEY8 0"] {
        refused(relaxed(), &file(magic, &[&key]), 0, "Wrong signature");
    }
}

#[test]
fn checksums_are_compared_unless_there_is_none_or_nobody_asks() {
    let good = file("REDIS0010", &[&entry(0, "a", &text(b"b"))]);
    let end = good.len() - 8;
    let mut none = good.clone();
    none[end..].fill(0);
    assert!(loaded(&none).log.iter().any(|line| line.text.contains("checksum disabled")));
    let mut wrong = good;
    wrong[end] ^= 1;
    refused(Config::default(), &wrong, end - 1, "RDB CRC error");
    let mut config = Config::default();
    config.rdbchecksum = false;
    let mut local = open(config, &wrong);
    check(&mut local, "# Not compared, and none is written.\n> GET a\n\"b\"\n> SAVE\nOK\n");
    assert!(local.files()["dump.rdb"].ends_with(&[0; 8]));
}

#[test]
fn libraries_of_functions_are_kept() {
    let code = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    let bytes = file("REDIS0010", &[&[&b"\xf5"[..], &text(code)].concat()]);
    let mut local = open(Config::default(), &bytes);
    assert!(local.log.iter().any(|line| line.text.contains("library of functions is kept")));
    let holds = |local: &Local| {
        let bytes = &local.files()["dump.rdb"];
        bytes.windows(14).any(|window| window == b"#!lua name=lib")
    };
    check(&mut local, "# Saved again.\n> SET a 1\nOK\n> SAVE\nOK\n");
    assert!(holds(&local));
    let added = b"SET b 2".to_vec();
    local.disk.run(DiskOp::Replace { name: "brought".to_owned(), bytes: added });
    local.event(Event::Import { name: "brought".to_owned(), how: How::Over });
    check(&mut local, "# Beside what is added.\n> GET b\n\"2\"\n> SAVE\nOK\n");
    assert!(holds(&local));
    check(&mut local, "# Until they are let go of.\n> FUNCTION FLUSH\nOK\n> SAVE\nOK\n");
    assert!(!holds(&local));
}

#[test]
fn how_keys_were_used_is_read_and_written() {
    let records: [&[u8]; 2] = [
        // 100 seconds, in 14 bits.
        &[&b"\xf8\x40\x64"[..], &entry(0, "idle", &text(b"x"))].concat(),
        &[&b"\xf9\x2a"[..], &entry(0, "frequent", &text(b"x"))].concat(),
    ];
    let bytes = file("REDIS0009", &records);
    let with = |policy: MaxmemoryPolicy, bytes: &[u8]| {
        let mut config = Config::default();
        config.maxmemory_policy = policy;
        open(config, bytes)
    };
    let mut local = with(MaxmemoryPolicy::AllkeysLru, &bytes);
    check(&mut local, "# Recency.\n> OBJECT IDLETIME idle\n(integer) 100\n> SAVE\nOK\n");
    let mut again = with(MaxmemoryPolicy::Noeviction, &local.files()["dump.rdb"]);
    check(&mut again, "# It comes back.\n> OBJECT IDLETIME idle\n(integer) 100\n");
    let mut local = with(MaxmemoryPolicy::VolatileLfu, &bytes);
    check(&mut local, "# Frequency.\n> OBJECT FREQ frequent\n(integer) 42\n> SAVE\nOK\n");
    let mut again = with(MaxmemoryPolicy::AllkeysLfu, &local.files()["dump.rdb"]);
    check(&mut again, "# It comes back.\n> OBJECT FREQ frequent\n(integer) 42\n");
}
