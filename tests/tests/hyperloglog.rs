//! HyperLogLogs of random elements, here and on a real Redis 8: the same bytes, the same counts,
//! sparse and dense, while they grow and when they are merged.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::base::rng::{Rng, Seed};
use redstart::resp::Reply;
use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::play::{Patience, Stage};
use redstart_tests::tcp::Tcp;

/// How many elements are added in each step; the sum is far beyond what stays sparse.
const STEPS: [u64; 12] = [1, 1, 2, 5, 10, 50, 200, 400, 800, 1500, 4000, 20_000];

#[test]
fn random_hyperloglogs_have_the_bytes_of_redis_8() {
    let Some(program) = oracle::find_redis8() else {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
        return;
    };
    let server = Server::start(&program).unwrap();
    let mut stages = [&mut Local::for_tests() as &mut dyn Stage, &mut Tcp::new(server.addr)];
    for (seed, sparse_bytes_max) in [(1, 3000), (2, 3000), (3, 100), (4, 5000)] {
        let mut rng = Rng::new(Seed::of(seed));
        let limit = sparse_bytes_max.to_string();
        same(&mut stages, &[b"CONFIG", b"SET", b"hll-sparse-max-bytes", limit.as_bytes()]);
        same(&mut stages, &[b"FLUSHALL"]);
        for step in STEPS {
            let key = [b"a", b"b"][rng.below(2) as usize];
            let elements: Vec<Vec<u8>> = (0..step).map(|_| element(&mut rng)).collect();
            let mut command: Vec<&[u8]> = vec![b"PFADD", key];
            command.extend(elements.iter().map(Vec::as_slice));
            same(&mut stages, &command);
            same(&mut stages, &[b"GET", key]);
            same(&mut stages, &[b"PFCOUNT", key]);
            same(&mut stages, &[b"PFCOUNT", b"a", b"b"]);
            same(&mut stages, &[b"PFMERGE", b"both", b"a", b"b"]);
            same(&mut stages, &[b"GET", b"both"]);
            same(&mut stages, &[b"PFMERGE", b"all", key]);
            same(&mut stages, &[b"GET", b"all"]);
            same(&mut stages, &[b"PFCOUNT", b"all"]);
        }
        same(&mut stages, &[b"PFDEBUG", b"GETREG", b"a"]);
    }
}

/// Up to 20 random bytes.
fn element(rng: &mut Rng) -> Vec<u8> {
    let length = rng.below(21) as usize;
    (0..length).map(|_| rng.next_u64() as u8).collect()
}

/// Sends one command to both and compares the replies.
fn same(stages: &mut [&mut dyn Stage; 2], words: &[&[u8]]) {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend([word, b"\r\n".as_slice()].concat());
    }
    let [ours, theirs] = stages.each_mut().map(|stage| reply(*stage, &bytes));
    let shown: Vec<_> = words.iter().take(4).map(|word| word.escape_ascii().to_string()).collect();
    assert!(ours == theirs, "{shown:?}\nours:\n{ours:?}\nRedis 8's:\n{theirs:?}");
}

fn reply(stage: &mut dyn Stage, command: &[u8]) -> Reply {
    stage.send("a", command).unwrap();
    let mut input = Vec::new();
    loop {
        for (_, bytes, closed) in stage.receive(Patience::Expecting("a")) {
            assert!(!closed, "the connection was closed");
            input.extend(bytes);
        }
        if let Some((reply, _)) = Reply::read(&input).unwrap() {
            return reply;
        }
    }
}
