//! Commands to measure, and a node that runs nothing else.
//!
//! A workload is text: commands as one types them, in which `#` stands for a number of twelve
//! digits below the workload's range, drawn anew for each command, and `@` for 64 bytes of a value.

use redstart::base::rng::{Rng, Seed};
use redstart::engine::Config;
use redstart::node::{ConnId, Event, Node, Origin};

use crate::local::START;

/// Commands in one run of a [`Bench`].
pub const BATCH: usize = 4096;

/// Commands that a client sends at once.
const PIPELINE: usize = 16;

/// Commands run before a measurement, to fill what the measured ones use.
pub const FILL: usize = 100_000;

const CONN: ConnId = ConnId(0);

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// What it is called.
    pub name: &'static str,
    /// Run many times before, to fill what the command uses.
    pub fill: Option<&'static str>,
    /// The measured command.
    pub command: &'static str,
    /// The numbers that `#` stands for are below this.
    pub range: u64,
}

const fn workload(
    name: &'static str,
    fill: Option<&'static str>,
    command: &'static str,
    range: u64,
) -> Workload {
    Workload { name, fill, command, range }
}

/// At least one of each type of data, most commands with keys that are far apart in memory.
pub const WORKLOADS: &[Workload] = &[
    workload("ping", None, "PING", 1),
    workload("string: SET", Some("SET key:# @"), "SET key:# @", 100_000),
    workload("string: GET", Some("SET key:# @"), "GET key:#", 100_000),
    workload("string: GET missing", None, "GET key:#", 100_000),
    workload("string: INCR", Some("INCR n:#"), "INCR n:#", 100_000),
    workload("string: APPEND", None, "APPEND key:# x", 100_000),
    workload("string: SETEX", Some("SET key:# @"), "SETEX key:# 100 @", 100_000),
    workload("string: MSET 4", None, "MSET a:# @ b:# @ c:# @ d:# @", 100_000),
    workload("string: MGET 4", Some("SET k:# @"), "MGET k:# k:# k:# k:#", 100_000),
    workload("keys: EXISTS", Some("SET key:# @"), "EXISTS key:#", 100_000),
    workload("keys: EXPIRE", Some("SET key:# @"), "EXPIRE key:# 100", 100_000),
    workload("keys: DEL missing", None, "DEL key:#", 100_000),
    workload("bitmap: SETBIT", None, "SETBIT bits:# 77 1", 1000),
    workload("list: LPUSH small", None, "LPUSH list:# @", 100_000),
    workload("list: RPUSH one", None, "RPUSH list @", 1),
    workload("list: RPOPLPUSH", Some("LPUSH list @"), "RPOPLPUSH list list", 1),
    workload("list: LRANGE 20", Some("RPUSH list:# a"), "LRANGE list:# 0 19", 1000),
    workload("hash: HSET big", Some("HSET hash f:# @"), "HSET hash f:# @", 100_000),
    workload("hash: HGET big", Some("HSET hash f:# @"), "HGET hash f:#", 100_000),
    workload("hash: HSET small", None, "HSET hash:# field @", 100_000),
    workload("hash: HGETALL 8", Some("HSET hash:# # v"), "HGETALL hash:#", 8),
    workload("set: SADD big", Some("SADD set m:#"), "SADD set m:#", 100_000),
    workload("set: SADD ints", Some("SADD set #"), "SADD set #", 100),
    workload("set: SISMEMBER big", Some("SADD set m:#"), "SISMEMBER set m:#", 100_000),
    workload("zset: ZADD big", Some("ZADD zset # m:#"), "ZADD zset # m:#", 100_000),
    workload("zset: ZSCORE big", Some("ZADD zset # m:#"), "ZSCORE zset m:#", 100_000),
    workload("zset: ZRANGE 10", Some("ZADD zset # m:#"), "ZRANGE zset 100 109", 100_000),
    workload("stream: XADD", None, "XADD stream * field @", 1),
    workload("stream: XRANGE 10", Some("XADD s * f @"), "XRANGE s - + COUNT 10", 1),
    workload("hyperloglog: PFADD", None, "PFADD hll m:#", 100_000),
];

/// A node with one client and the requests that it sends.
pub struct Bench {
    node: Node,
    requests: Vec<Vec<u8>>,
}

impl Bench {
    /// A node filled with `fill` commands as `workload` asks, and [`BATCH`] commands to run on it.
    pub fn new(workload: &Workload, fill: usize) -> Self {
        let mut rng = Rng::new(Seed::of(7));
        let mut node = Node::new(Config::default(), Seed::of(1), START);
        // What the clock itself costs is the host's matter; what is done with it is counted.
        node.set_stopwatch(|| 0);
        let addr = || "127.0.0.1:50000".to_owned();
        let origin = Origin { addr: addr(), laddr: addr(), fd: 8, local: true };
        node.handle(START, Event::Opened { conn: CONN, origin }, &mut Vec::new());
        let mut bench = Self { node, requests: Vec::new() };
        if let Some(template) = workload.fill {
            bench.requests = requests(template, fill, workload.range, &mut rng);
            bench.run();
        }
        bench.requests = requests(workload.command, BATCH, workload.range, &mut rng);
        bench
    }

    /// Runs all commands once and throws the replies away.
    pub fn run(&mut self) {
        let mut effects = Vec::new();
        for bytes in &self.requests {
            self.node.handle(START, Event::Received { conn: CONN, bytes }, &mut effects);
            effects.clear();
            if let Some(out) = self.node.outbox(CONN) {
                out.consume(out.pending().len());
            }
        }
    }

    /// Runs all commands once; returns the replies.
    pub fn replies(&mut self) -> Vec<u8> {
        let mut replies = Vec::new();
        for bytes in &self.requests {
            self.node.handle(START, Event::Received { conn: CONN, bytes }, &mut Vec::new());
            if let Some(out) = self.node.outbox(CONN) {
                replies.append(&mut out.take());
            }
        }
        replies
    }
}

/// `count` commands of the form `template`, in pipelines.
fn requests(template: &str, count: usize, range: u64, rng: &mut Rng) -> Vec<Vec<u8>> {
    let value = "v".repeat(64);
    let mut pipelines = Vec::new();
    for index in 0..count {
        if index % PIPELINE == 0 {
            pipelines.push(Vec::new());
        }
        let Some(pipeline) = pipelines.last_mut() else { break };
        let words: Vec<&str> = template.split(' ').collect();
        pipeline.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            let number = format!("{:012}", rng.below(range));
            let word = word.replace('#', &number).replace('@', &value);
            pipeline.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
    }
    pipelines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_measures_what_it_says() {
        for workload in WORKLOADS {
            let mut bench = Bench::new(workload, 1000);
            let replies = bench.replies();
            assert!(!replies.is_empty(), "{}", workload.name);
            let error = replies.split(|&byte| byte == b'\n').find(|line| line.starts_with(b"-"));
            assert_eq!(error.map(String::from_utf8_lossy), None, "{}", workload.name);
        }
    }
}
