//! The targets of the fuzzers on a bounded number of inputs, the same in every run; and on what
//! once broke one of them.
//!
//! `FUZZ_ROUNDS` and `FUZZ_SEED` ask for more, or for others; `FUZZ_CORPUS` names a folder to write
//! the inputs to that everything begins with.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::fs;
use std::path::Path;

use redstart::base::rng::{Rng, Seed};
use redstart::ds::hyperloglog;
use redstart_tests::fuzz::{TARGETS, Target};
use redstart_tests::hostile::{changed, good_payloads};
use redstart_tests::rdb::{entry, file, listpack, text, unhex, ziplist};
use redstart_tests::transcript;

/// Inputs that once broke a target: its name and, in hexadecimal, the bytes.
const BROKE: &str = include_str!("data/fuzz_broke.txt");

/// Changed inputs of each target.
const ROUNDS: u64 = 3000;

#[test]
fn what_broke_a_target_once_does_no_more() {
    for line in BROKE.lines().filter(|line| !line.starts_with('#')) {
        let (name, digits) = line.split_once(' ').unwrap();
        target(name)(&unhex(digits));
    }
}

#[test]
fn append_only_files() {
    let goods: [&[u8]; 3] = [
        b"#TS:1700000000\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
        b"file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n",
        b"*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*1\r\n$4\r\nEXEC\r\n",
    ];
    run("aof", &goods.map(<[u8]>::to_vec), ROUNDS);
}

#[test]
fn structures_in_one_run_of_bytes() {
    let int_set = b"\x02\0\0\0\x02\0\0\0\x01\0\x03\0".to_vec();
    let zipmap = b"\x02\x01f\x01\x02v??\x02f2\x02\x0012\xff".to_vec();
    let words = ["a", "1", "hello", "77", ""];
    let mut counter = hyperloglog::empty();
    for number in 0..40 {
        hyperloglog::add(&mut counter, &[number], 3000).unwrap();
    }
    let goods =
        [(0, listpack(&words)), (1, ziplist(&words)), (2, zipmap), (3, counter), (4, int_set)];
    let goods = goods.into_iter().map(|(kind, bytes)| [vec![kind], bytes].concat());
    run("listpack", &goods.collect::<Vec<_>>(), ROUNDS);
}

#[test]
fn compressed_strings() {
    let goods = [&b"\x14\0\x01aa\xe0\x09\0"[..], b"\x28\0\x02abc\x20\x02\xe0\x17\x02\x01de"];
    run("lzf", &goods.map(<[u8]>::to_vec), ROUNDS);
}

#[test]
fn snapshots() {
    let payloads = good_payloads();
    let record = |payload: &Vec<u8>| {
        let value = &payload[1..payload.len() - 10];
        [&b"\xfc\x00\xd8\xc3\x2c\xbb\x03\x00\x00"[..], &entry(payload[0], "key", value)].concat()
    };
    let records: Vec<Vec<u8>> = payloads.iter().map(record).collect();
    let head = [&b"\xfa"[..], &text(b"redis-ver"), &text(b"8.0.6"), b"\xfe\x00\xfb\x02\x01"];
    let goods: Vec<Vec<u8>> = records
        .windows(2)
        .map(|pair| file("REDIS0012", &[&head.concat(), &pair[0], &pair[1]]))
        .collect();
    run("rdb", &goods, ROUNDS);
}

#[test]
fn what_clients_send() {
    let line = |text: &str| {
        let words: Vec<Vec<u8>> = text.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        transcript::encode(&words)
    };
    let goods: Vec<Vec<u8>> = vec![
        [line("SET k hello"), line("GET k"), line("HELLO 3"), line("LPUSH l a b c")].concat(),
        b"PING\r\nset k \"a\\x00b\" \r\nget k\r\n*1\r\n$4\r\nPING\r\n".to_vec(),
        [line("MULTI"), line("INCR n"), line("EXEC"), line("COMMAND COUNT")].concat(),
        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$12\r\n0123456789ab\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
            .to_vec(),
    ];
    run("resp", &goods, ROUNDS / 10);
}

#[test]
fn payloads_to_restore() {
    let goods: Vec<Vec<u8>> =
        good_payloads().iter().map(|payload| payload[..payload.len() - 8].to_vec()).collect();
    run("restore", &goods, ROUNDS / 3);
}

fn target(name: &str) -> Target {
    TARGETS.iter().find(|(other, _)| *other == name).unwrap().1
}

/// Runs a target on `goods` and on what changes make of them.
fn run(name: &str, goods: &[Vec<u8>], rounds: u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let rounds: u64 = number("FUZZ_ROUNDS").unwrap_or(rounds);
    let mut rng = Rng::new(Seed::of(number("FUZZ_SEED").unwrap_or(1)));
    let target = target(name);
    for good in goods {
        target(good);
    }
    if let Some(folder) = std::env::var_os("FUZZ_CORPUS") {
        let folder = Path::new(&folder).join(name);
        fs::create_dir_all(&folder).unwrap();
        for (index, good) in goods.iter().enumerate() {
            fs::write(folder.join(format!("good-{index}")), good).unwrap();
        }
    }
    let any = |rng: &mut Rng| &goods[rng.below(goods.len() as u64) as usize];
    for _ in 0..rounds {
        let (good, other) = (any(&mut rng), any(&mut rng));
        let mut bytes = changed(good, other, &mut rng);
        if rng.below(10) == 0 {
            bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
        }
        target(&bytes);
    }
    for _ in 0..rounds / 10 {
        let noise: Vec<u8> = (0..rng.below(200)).map(|_| rng.next_u64() as u8).collect();
        target(&noise);
    }
}
