//! A node that is given payloads nobody means well with, and payloads to begin with.

use redstart::base::rng::Rng;
use redstart::commands;
use redstart::engine::Entry;
use redstart::node::Record;
use redstart::resp::Reply;
use redstart::spec::{Flag, Group};

use crate::grammar::{self, Words};
use crate::local::Local;
use crate::play::{Patience, Stage};
use crate::rdb::{payload, stream_group, stream_node, text, ziplist};
use crate::transcript;

/// Commands that each value is used with.
const USES: usize = 25;

/// A good payload of every encoding, written here with and without compression, and in the forms of
/// older servers and of others.
#[must_use]
pub fn good_payloads() -> Vec<Vec<u8>> {
    let mut goods = old_payloads();
    for compress in ["no", "yes"] {
        for maker in MAKERS {
            let mut victim = Victim::new();
            victim.ask(&format!("CONFIG SET rdbcompression {compress}"));
            maker.iter().for_each(|line| drop(victim.ask(line)));
            goods.extend(victim.dump("g"));
        }
    }
    goods
}

/// Commands that make a value of each encoding under the key `g`.
const MAKERS: [&[&str]; 22] = [
    &["SET g 12345"],
    &["SET g hello"],
    &["SETRANGE g 200 abcabcabcabcabcabcabcabc"],
    &["PFADD g a b c d e f"],
    &["SETBIT g 12287 0", "PFADD g a b c d e f", "PFDEBUG TODENSE g"],
    &["RPUSH g a 1 -70000 9999999999 bcd"],
    &["CONFIG SET list-max-listpack-size 3", "RPUSH g a 1 -70000 9999999999 bcd e f g h"],
    &["DEBUG QUICKLIST-PACKED-THRESHOLD 20b", "RPUSH g a {big} b {big} {big} c"],
    &["SADD g 1 2 -3"],
    &["SADD g 1 70000 99999999999"],
    &["SADD g a b 1 2 hello"],
    &["CONFIG SET set-max-listpack-entries 2", "SADD g a b 1 2 hello"],
    &["ZADD g 1 a 2.5 b -inf c 7 1"],
    &["CONFIG SET zset-max-listpack-entries 2", "ZADD g 1 a 2.5 b -inf c 7 1"],
    &["HSET g a 1 b hello c -5"],
    &["CONFIG SET hash-max-listpack-entries 2", "HSET g a 1 b hello c -5"],
    &["HSET g a 1 b hello c -5", "HPEXPIREAT g 4102444800000 FIELDS 2 a b"],
    &[
        "CONFIG SET hash-max-listpack-entries 2",
        "HSET g a 1 b hello c -5",
        "HPEXPIREAT g 4102444800000 FIELDS 2 a b",
    ],
    &["XADD g 1-1 a 1 b 2", "XADD g 1-2 a 3 b 4", "XADD g 2-0 c 5"],
    &["XADD g 1-1 a 1", "XDEL g 1-1", "XADD g 5-5 a 1 b 2", "XADD g 6-0 x y", "XDEL g 6-0"],
    &[
        "CONFIG SET stream-node-max-entries 2",
        "XADD g 1-1 a 1",
        "XADD g 1-2 a 2",
        "XADD g 1-3 a 3",
        "XGROUP CREATE g one 0",
        "XGROUP CREATE g two 1-2",
        "XREADGROUP GROUP one ann COUNT 2 STREAMS g >",
        "XREADGROUP GROUP one bob COUNT 1 STREAMS g >",
        "XGROUP CREATECONSUMER g two cal",
    ],
    &["XGROUP CREATE g empty 0 MKSTREAM"],
];

/// Payloads in the forms of older servers.
fn old_payloads() -> Vec<Vec<u8>> {
    let pairs = [&b"\x02"[..], &text(b"a"), &text(b"1"), &text(b"b"), &text(b"hello")].concat();
    let scores = [&b"\x02"[..], &text(b"a"), b"\x031.5", &text(b"b"), b"\xff"].concat();
    let absolute = 4_102_444_800_000u64.to_be_bytes();
    let fields =
        [&b"\x02\x00"[..], &text(b"a"), &text(b"1"), b"\x81", &absolute, &text(b"b"), &text(b"2")]
            .concat();
    let list = ziplist(&["a", "1", &"x".repeat(60), "b", ""]);
    let mapped = ziplist(&["a", "1", "b", "2"]);
    let nodes = [&b"\x02"[..], &text(&list), &text(&mapped)].concat();
    let seconds = (-1i64).to_le_bytes();
    let later = 4_102_444_800_000u64.to_le_bytes();
    let valkey =
        [&b"\x02"[..], &text(b"a"), &text(b"1"), &later, &text(b"b"), &text(b"2"), &seconds]
            .concat();
    let stream = [&stream_node()[..], b"\x01\x05\x02\x01", &stream_group(b"", b"")].concat();
    let second =
        [&stream_node()[..], b"\x01\x05\x02\x05\x02\x05\x01\x02\x01", &stream_group(b"\x02", b"")]
            .concat();
    let fourth = [
        &stream_node()[..],
        b"\x01\x05\x02\x05\x02\x05\x01\x02\x01",
        &stream_group(b"\x02", &[0; 8]),
        b"\x3c\x0a\x01",
        &text(b"p"),
        b"\x01",
        &text(b"one"),
        b"\x05\x01\x02\x01",
    ]
    .concat();
    vec![
        payload(1, &pairs, 1),
        payload(2, &[&b"\x03"[..], &text(b"a"), &text(b"b"), b"\xc0\x05"].concat(), 1),
        payload(3, &scores, 1),
        payload(4, &pairs, 1),
        payload(9, &text(b"\x02\x01f\x01\x02v??\x02f2\x02\x0012\xff"), 2),
        payload(10, &text(&list), 6),
        payload(12, &text(&mapped), 6),
        payload(13, &text(&mapped), 6),
        payload(14, &nodes, 9),
        payload(15, &stream, 9),
        payload(19, &second, 10),
        payload(22, &fields, 12),
        payload(22, &valkey, 80),
        payload(26, &fourth, 13),
    ]
}

/// A node, and what was sent to it since it was made.
pub struct Victim {
    local: Local,
    history: Vec<Vec<u8>>,
}

impl Default for Victim {
    fn default() -> Self {
        Self::new()
    }
}

impl Victim {
    /// One that does not compare checksums, and has no data.
    pub fn new() -> Self {
        let mut victim = Self { local: Local::for_tests(), history: Vec::new() };
        victim.ask("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
        victim
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> &[Record] {
        &self.local.log
    }

    /// How many commands it was given.
    #[must_use]
    pub fn commands(&self) -> usize {
        self.history.len()
    }

    /// Runs a command, and returns its reply.
    ///
    /// # Panics
    ///
    /// If there is none: that is the fault looked for.
    pub fn run(&mut self, command: &Words) -> Reply {
        let bytes = transcript::encode(command);
        self.history.push(bytes.clone());
        assert_eq!(self.local.send("a", &bytes), Ok(()));
        let mut input = Vec::new();
        for (_, bytes, closed) in self.local.receive(Patience::Quiet) {
            assert!(!closed, "the connection was closed");
            input.extend(bytes);
        }
        let reply = Reply::read(&input).ok().flatten();
        reply.unwrap_or_else(|| panic!("{} got {}", self.story(), input.escape_ascii())).0
    }

    /// The last commands, for the report of a failure.
    fn story(&self) -> String {
        let from = self.history.len().saturating_sub(2 * USES);
        let lines = self.history[from..].iter();
        lines.map(|bytes| bytes.escape_ascii().to_string() + "\n").collect()
    }

    /// As [`Victim::run`], for words with single spaces between them; `{big}` is a long one.
    pub fn ask(&mut self, line: &str) -> Reply {
        let big = "0123456789".repeat(10);
        let words = line.split(' ').map(|word| word.replace("{big}", &big).into_bytes());
        self.run(&words.collect())
    }

    /// Restores `payload` under `key`; the error is the reply's.
    pub fn restore(&mut self, key: &str, payload: &[u8]) -> Result<(), String> {
        let words = [b"RESTORE", key.as_bytes(), b"0", payload, b"REPLACE"];
        match self.run(&words.map(<[u8]>::to_vec).to_vec()) {
            Reply::Error(text) => Err(String::from_utf8_lossy(&text).into_owned()),
            reply => {
                assert_eq!(reply, Reply::Simple(b"OK".to_vec()));
                Ok(())
            }
        }
    }

    /// What DUMP replies.
    pub fn dump(&mut self, key: &str) -> Option<Vec<u8>> {
        match self.ask(&format!("DUMP {key}")) {
            Reply::Bulk(payload) => Some(payload),
            _ => None,
        }
    }

    /// Uses the value at `a`, beside a good one at `g`, with commands of its type: what it dumps must
    /// be restored, to the same value, before and after.
    pub fn use_value(&mut self, rng: &mut Rng) {
        let Reply::Simple(name) = self.ask("TYPE a") else { panic!("no type") };
        let digest = self.ask("DEBUG DIGEST-VALUE a");
        let Some(again) = self.dump("a") else { panic!("no dump") };
        assert_eq!(self.restore("b", &again), Ok(()), "what it dumps can be restored");
        assert_eq!(self.ask("DEBUG DIGEST-VALUE b"), digest, "and is the same");
        self.ask("DEBUG OBJECT a");
        self.ask("MEMORY USAGE a SAMPLES 0");
        let entries: Vec<&Entry> = commands::table()
            .entries()
            .iter()
            .filter(|entry| is_used_on(entry, &name) && !entry.has(Flag::Blocking))
            .collect();
        for _ in 0..USES {
            let entry = entries[rng.below(entries.len() as u64) as usize];
            let mut command = grammar::draw(rng, entry);
            for word in &mut command[1..] {
                if matches!(word.as_slice(), [b'a'..=b'f']) {
                    *word = if rng.below(4) > 0 { b"a".to_vec() } else { b"g".to_vec() };
                }
            }
            self.run(&command);
        }
        if let Some(payload) = self.dump("a") {
            assert_eq!(self.restore("b", &payload), Ok(()), "also after the changes");
        }
    }
}

/// Whether a command is for values of this type.
fn is_used_on(entry: &Entry, name: &[u8]) -> bool {
    let groups: &[Group] = match name {
        b"string" => &[Group::String, Group::Bitmap, Group::HyperLogLog],
        b"list" => &[Group::List],
        b"set" => &[Group::Set],
        b"zset" => &[Group::SortedSet, Group::Geo],
        b"hash" => &[Group::Hash],
        b"stream" => &[Group::Stream],
        name => panic!("{}", name.escape_ascii()),
    };
    groups.contains(&entry.command.group)
        || matches!(entry.command.name, "COPY" | "RENAME" | "TOUCH" | "SORT")
}

/// `good` with a few changes, or with a piece of `other` in it.
pub fn changed(good: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=rng.below(3) {
        // The type mostly stays, and so does the version.
        let first = usize::from(rng.below(20) > 0);
        let end = bytes.len().saturating_sub(2).max(first + 1);
        let at = |rng: &mut Rng| first + rng.below((end - first) as u64) as usize;
        let (place, length) = (at(rng), 1 + rng.below(8) as usize);
        let stop = (place + length).min(end);
        match rng.below(8) {
            0 => bytes[place] ^= 1 << rng.below(8),
            1 => bytes[place] = rng.next_u64() as u8,
            2 => bytes[place] = [0, 1, 0x7f, 0x80, 0xc0, 0xfe, 0xff][rng.below(7) as usize],
            3 => bytes[place] = bytes[place].wrapping_add(if rng.below(2) > 0 { 1 } else { 255 }),
            4 => drop(bytes.drain(place..stop)),
            5 => {
                let piece = bytes[place..stop].to_vec();
                let target = at(rng);
                bytes.splice(target..target, piece);
            }
            6 => {
                let (one, another) = (at(rng), at(rng));
                bytes.swap(one, another);
            }
            _ => {
                let start = rng.below(other.len() as u64) as usize;
                let piece = &other[start..(start + length).min(other.len())];
                bytes.splice(place..stop, piece.iter().copied());
            }
        }
        if bytes.len() < 4 {
            return good.to_vec();
        }
    }
    bytes
}
