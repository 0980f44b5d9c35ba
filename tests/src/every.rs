//! Every type in every encoding, made by commands that all servers know.

#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use redstart::resp::Reply;

use crate::play::{Patience, Stage};

/// Commands that make a key of every type in every encoding that is small.
const SMALL: &[&str] = &[
    "SET number 12345",
    "SET number:large 1234567890123456789",
    "SET text hello PXAT 4102444800000",
    "SET text:raw {letters}",
    "SET text:repeated {repeated}",
    "SET text:empty \"\"",
    "SETBIT bits 1000 1",
    "PFADD visitors a b c",
    "PFADD visitors:dense a b c",
    "PFDEBUG TODENSE visitors:dense",
    "RPUSH list:small a 1 b -70000 9999999999",
    "RPUSH list:long {letters} {repeated}",
    "SADD set:small a b 1",
    "SADD set:numbers 1 2 3",
    "SADD set:numbers:32 1 70000",
    "SADD set:numbers:64 1 9999999999",
    "SADD set:numbers:-64 -9999999999 -1",
    "SADD set:long {letters}",
    "ZADD zset:small 1 a 2.5 b -inf c inf d",
    "ZADD zset:long 1 {letters}",
    "HSET hash:small name ada born 1815",
    "HSET hash:long name {letters}",
    "XADD stream:small 1-1 a 1 b 2",
    "XGROUP CREATE stream:small readers 0",
    "XREADGROUP GROUP readers ann COUNT 1 STREAMS stream:small >",
    "XADD stream:holes 1-1 a 1",
    "XADD stream:holes 1-2 a 2",
    "XADD stream:holes 2-0 b 3 c 4",
    "XDEL stream:holes 1-2",
    "XGROUP CREATE stream:holes old 1-1",
    "XGROUP CREATE stream:holes new $",
    "XREADGROUP GROUP old ann STREAMS stream:holes >",
    "XCLAIM stream:holes old bob 0 2-0 TIME 1000 RETRYCOUNT 5 JUSTID",
    "XGROUP CREATE stream:empty group 5-5 MKSTREAM",
    "XADD stream:emptied 7-7 a b",
    "XDEL stream:emptied 7-7",
    "SELECT 1",
    "SET text other",
    "SELECT 9",
    "RPUSH list a",
    "PEXPIREAT list 4102444800000",
    "SELECT 0",
];

/// Commands for many elements, `{}` being a number.
const MANY: &[&str] = &[
    "RPUSH list:big element:{}",
    "SADD set:big member:{}",
    "SADD set:many {}",
    "ZADD zset:big {}.25 member:{}",
    "HSET hash:big field:{} value:{}",
    "XADD stream:big {}-5 field value:{}",
    "APPEND long piece:{}",
    "PFADD visitors:many visitor:{}",
];

/// Scores whose shortest text is not the one that Redis 7 digests.
const PRECISE: &[&str] = &["ZADD zset:precise 0.1 a 1e300 b -1e-300 c 5e-324 d"];

/// Elements that are so large that each has a node of its own.
const PLAIN: &[&str] =
    &["DEBUG QUICKLIST-PACKED-THRESHOLD 50b", "RPUSH list:plain a {letters} b {repeated}"];

/// Hashes whose fields expire, in both encodings.
const FADING: &[&str] = &[
    "HSET hash:fading a 1 b 2",
    "HPEXPIREAT hash:fading 4102444800000 FIELDS 1 a",
    "HSET hash:fading:big name {letters} a 1 b 2",
    "HPEXPIREAT hash:fading:big 4102444800000 FIELDS 1 name",
    "HPEXPIREAT hash:fading:big 4102444900000 FIELDS 1 b",
];

/// Sends `command` as one types it, and returns the reply.
pub fn ask(stage: &mut dyn Stage, command: &str) -> Reply {
    ask_bytes(stage, format!("{command}\r\n").as_bytes(), 1)
}

/// Sends `commands`, so many, and returns the last reply.
pub fn ask_bytes(stage: &mut dyn Stage, commands: &[u8], count: usize) -> Reply {
    stage.send("a", commands).unwrap();
    let (mut bytes, mut read) = (Vec::new(), 0);
    for left in (0..count).rev() {
        loop {
            if let Some((reply, length)) = Reply::read(&bytes[read..]).unwrap() {
                read += length;
                if left == 0 {
                    return reply;
                }
                break;
            }
            let arrived = stage.receive(Patience::Expecting("a"));
            assert!(!arrived.is_empty(), "no reply to {}", commands.escape_ascii());
            arrived.into_iter().for_each(|(_, more, _)| bytes.extend(more));
        }
    }
    panic!("no commands");
}

/// Runs `commands`, of which none may fail.
pub fn run(stage: &mut dyn Stage, commands: &[&str]) {
    let letters: String = ('a'..='z').cycle().step_by(5).take(120).collect();
    for command in commands {
        let command =
            command.replace("{letters}", &letters).replace("{repeated}", &"ab".repeat(90));
        let reply = ask(stage, &command);
        assert!(!matches!(reply, Reply::Error(_)), "{command}: {reply:?}");
    }
}

/// Every type in every encoding. `is_precise`: also scores that Redis 7 digests in another way;
/// `has_fields`: also hashes whose fields expire.
pub fn fill(stage: &mut dyn Stage, is_precise: bool, has_fields: bool) {
    run(stage, SMALL);
    for number in 0..700 {
        let fill_in = |command: &&str| command.replace("{}", &number.to_string()) + "\r\n";
        let commands: String = MANY.iter().map(fill_in).collect();
        ask_bytes(stage, commands.as_bytes(), MANY.len());
    }
    run(stage, PLAIN);
    if is_precise {
        run(stage, PRECISE);
    }
    if has_fields {
        run(stage, FADING);
    }
}
