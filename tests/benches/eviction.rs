//! How well keys are chosen that make room: `cargo xtask bench eviction`.
//!
//! Two servers with the same `maxmemory` serve the same seeded stream of requests for keys of
//! which few are wanted often and many seldom (Zipf's law), as a cache does: what is not there is
//! stored. Shown is how much was there once the memory had filled up, and how many keys it held.
//! The first server is ours (`--server PROGRAM`), the second a Redis 8 if one is found. A word
//! chooses the policies with it in their names.
#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use redstart::base::rng::{Rng, Seed};
use redstart_tests::oracle::{self, Server};

const POLICIES: [&str; 4] = ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl"];

/// The limit on memory in bytes.
const MAXMEMORY: usize = 16 << 20;

/// Requests sent together.
const BATCH: usize = 64;

/// What is stored and asked for.
struct Load {
    keys: usize,
    value_bytes: usize,
    /// Requests before hits are counted, and while they are.
    requests: [usize; 2],
}

const LOADS: [Load; 2] = [
    Load { keys: 2_000_000, value_bytes: 20, requests: [1_000_000, 500_000] },
    Load { keys: 150_000, value_bytes: 1_000, requests: [300_000, 300_000] },
];

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut words: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let option = words.iter().position(|word| word == "--server").ok_or("--server is missing")?;
    let ours = PathBuf::from(words.drain(option..).nth(1).ok_or("--server needs a program")?);
    let chosen =
        |policy: &&&str| words.is_empty() || words.iter().any(|word| policy.contains(word));
    let servers = [("redstart", Some(ours)), ("redis8", oracle::find_redis8())];
    for load in &LOADS {
        println!(
            "\n{} MB, {} keys with values of {} bytes",
            MAXMEMORY >> 20,
            load.keys,
            load.value_bytes
        );
        println!("{:<16}{:<10}{:>8}{:>12}{:>14}", "", "", "hits", "keys", "bytes");
        let ranks = Ranks::new(load.keys);
        for policy in POLICIES.iter().filter(chosen) {
            for (name, program) in &servers {
                let Some(program) = program else {
                    println!("{policy:<16}{name:<10}{:>8}", "none");
                    continue;
                };
                let result = measure(program, policy, load, &ranks)?;
                println!(
                    "{policy:<16}{name:<10}{:>7.2}%{:>12}{:>14}",
                    result.hits as f64 * 100.0 / load.requests[1] as f64,
                    result.keys,
                    result.bytes
                );
            }
        }
    }
    Ok(())
}

struct Measured {
    hits: usize,
    keys: String,
    bytes: String,
}

fn measure(program: &Path, policy: &str, load: &Load, ranks: &Ranks) -> Outcome<Measured> {
    let server = Server::start(program)?;
    let mut client = Client::new(&server)?;
    let max = MAXMEMORY.to_string();
    client.ask(&["CONFIG", "SET", "maxmemory", &max, "maxmemory-policy", policy])?;
    let mut rng = Rng::new(Seed::of(1));
    let value = "v".repeat(load.value_bytes);
    let mut hits = 0;
    for requests in load.requests {
        hits = 0;
        for _ in 0..requests / BATCH {
            let keys: Vec<String> = (0..BATCH).map(|_| ranks.key(&mut rng)).collect();
            for key in &keys {
                client.put(&["GET", key]);
            }
            client.send()?;
            let mut missed = Vec::new();
            for key in &keys {
                if client.reply_has_value()? { hits += 1 } else { missed.push(key) }
            }
            for key in &missed {
                // Expiries only matter where they are what keys are chosen by.
                let seconds = (1_000 + rng.below(1_000)).to_string();
                client.put(&["SET", key, &value, "EX", &seconds]);
            }
            client.send()?;
            for _ in &missed {
                client.reply_has_value()?;
            }
        }
    }
    let keys = client.ask(&["DBSIZE"])?;
    let memory = client.ask(&["INFO", "memory"])?;
    let bytes = memory.split("used_memory:").nth(1).and_then(|rest| rest.lines().next());
    Ok(Measured { hits, keys: keys[1..].to_owned(), bytes: bytes.unwrap_or_default().to_owned() })
}

/// Ranks by Zipf's law: the chance of a rank is the inverse of it.
struct Ranks {
    /// The chance of this rank or a lower one.
    sums: Vec<f64>,
}

impl Ranks {
    fn new(count: usize) -> Self {
        let mut sum = 0.0;
        let mut add = |rank: usize| {
            sum += 1.0 / rank as f64;
            sum
        };
        Self { sums: (1..=count).map(&mut add).collect() }
    }

    /// The key of a random rank; which rank a key has does not show in it.
    fn key(&self, rng: &mut Rng) -> String {
        let total = self.sums.last().copied().unwrap_or_default();
        let drawn = rng.next_u64() as f64 / 2f64.powi(64) * total;
        let rank = self.sums.partition_point(|&sum| sum < drawn) as u64;
        format!("key:{:016x}", rank.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// A connection whose requests are collected and sent together.
struct Client {
    socket: TcpStream,
    out: Vec<u8>,
    input: Vec<u8>,
    /// How much of `input` was looked at.
    at: usize,
}

impl Client {
    fn new(server: &Server) -> Outcome<Self> {
        let socket = TcpStream::connect(server.addr)?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, out: Vec::new(), input: Vec::new(), at: 0 })
    }

    fn put(&mut self, words: &[&str]) {
        self.out.extend(format!("*{}\r\n", words.len()).into_bytes());
        for word in words {
            self.out.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
        }
    }

    fn send(&mut self) -> Outcome<()> {
        self.socket.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// Reads the next reply: whether it is not null. An error is one.
    fn reply_has_value(&mut self) -> Outcome<bool> {
        let text = self.reply()?;
        if text.starts_with('-') { Err(text.into()) } else { Ok(text != "$-1") }
    }

    fn ask(&mut self, words: &[&str]) -> Outcome<String> {
        self.put(words);
        self.send()?;
        self.reply()
    }

    /// Reads the next reply: its line, or the string that follows it.
    fn reply(&mut self) -> Outcome<String> {
        loop {
            let rest = &self.input[self.at..];
            if let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&rest[..end]).into_owned();
                let length = line.strip_prefix('$').and_then(|digits| digits.parse().ok());
                let Some(length) = length else {
                    self.at += end + 2;
                    return Ok(line);
                };
                let length: usize = length;
                if let Some(bytes) = rest.get(end + 2..end + 2 + length + 2) {
                    let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                    self.at += end + 2 + length + 2;
                    return Ok(text);
                }
            }
            self.input.drain(..self.at);
            self.at = 0;
            let mut chunk = [0; 64 * 1024];
            match self.socket.read(&mut chunk)? {
                0 => return Err("the server has closed the connection".into()),
                count => self.input.extend_from_slice(&chunk[..count]),
            }
        }
    }
}
