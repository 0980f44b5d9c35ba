//! Snapshots across servers: what one writes the other loads, and it is the same data.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::resp::Reply;
use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::play::{Patience, Stage};
use redstart_tests::tcp::Tcp;

/// Commands that make a key of every type in every encoding, `{}` being a number.
const SMALL: [&str; 14] = [
    "SET number 12345",
    "SET text hello PXAT 4102444800000",
    "SETBIT bits 1000 1",
    "PFADD visitors a b c",
    "RPUSH list:small a 1 b",
    "SADD set:small a b 1",
    "SADD set:numbers 1 2 3",
    "ZADD zset:small 1 a 2.5 b -inf c",
    "HSET hash:small name ada born 1815",
    "HSET hash:fading a 1 b 2",
    "HPEXPIREAT hash:fading 4102444800000 FIELDS 1 a",
    "XADD stream:small 1-1 a 1 b 2",
    "XGROUP CREATE stream:small readers 0",
    "XREADGROUP GROUP readers ann COUNT 1 STREAMS stream:small >",
];
const BIG: [&str; 7] = [
    "RPUSH list:big element:{}",
    "SADD set:big member:{}",
    "SADD set:many {}",
    "ZADD zset:big {}.25 member:{}",
    "HSET hash:big field:{} value:{}",
    "XADD stream:big {}-5 field value:{}",
    "APPEND long piece:{}",
];

fn ask(stage: &mut dyn Stage, command: &str) -> Reply {
    stage.send("a", format!("{command}\r\n").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    loop {
        let arrived = stage.receive(Patience::Expecting("a"));
        assert!(!arrived.is_empty(), "no reply to {command}");
        arrived.into_iter().for_each(|(_, more, _)| bytes.extend(more));
        if let Some((reply, _)) = Reply::read(&bytes).unwrap() {
            return reply;
        }
    }
}

fn fill(stage: &mut dyn Stage) {
    for command in SMALL {
        ask(stage, command);
    }
    for number in 0..700 {
        for command in BIG {
            ask(stage, &command.replace("{}", &number.to_string()));
        }
    }
}

#[test]
fn snapshots_go_both_ways_between_redis_8_and_this() {
    let Some(program) = oracle::find_redis8() else {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
        return;
    };
    let mut ours = Local::for_tests();
    fill(&mut ours);
    let digest = ask(&mut ours, "DEBUG DIGEST");
    assert_eq!(ask(&mut ours, "SAVE"), Reply::Simple(b"OK".to_vec()));
    let written = ours.disk()["dump.rdb"].clone();

    let server = Server::start_with(&program, Some(&written)).unwrap();
    let mut theirs = Tcp::new(server.addr);
    assert_eq!(ask(&mut theirs, "DEBUG DIGEST"), digest, "Redis 8 loads what was written here");
    drop(server);

    let server = Server::start(&program).unwrap();
    let mut theirs = Tcp::new(server.addr);
    fill(&mut theirs);
    assert_eq!(ask(&mut theirs, "DEBUG DIGEST"), digest, "the same commands make the same data");
    assert_eq!(ask(&mut theirs, "SAVE"), Reply::Simple(b"OK".to_vec()));
    let disk = BTreeMap::from([("dump.rdb".to_owned(), server.snapshot().unwrap())]);
    let mut config = Config::default();
    config.enable_debug_command = redstart::engine::config::Local::Yes;
    let mut ours = Local::on_disk(config, Seed::of(2), disk);
    assert_eq!(ask(&mut ours, "DEBUG DIGEST"), digest, "what Redis 8 wrote is loaded here");
}
