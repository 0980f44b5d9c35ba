//! Commands that come together: what is looked at ahead of its turn changes no reply.
//!
//! The same bytes are sent in one piece, byte by byte and cut at random. What arrives in one piece
//! is decoded several commands ahead, so each script has a command that changes how what follows
//! it is to be read, or whether it is to be run.

use redstart::base::rng::{Rng, Seed};
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};

/// What comes back to the client, and whether it was closed, if `bytes` is sent in these pieces.
fn replies<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
    let mut local = Local::for_tests();
    let (mut all, mut closed) = (Vec::new(), false);
    let mut collect = |local: &mut Local| {
        for (name, bytes, is_closed) in local.receive(Patience::Quiet) {
            if name == "a" {
                all.extend(bytes);
                closed |= is_closed;
            }
        }
        closed
    };
    for piece in pieces {
        assert_eq!(local.send("a", piece), Ok(()));
        if collect(&mut local) {
            // What would come now would open a new connection.
            break;
        }
    }
    assert_eq!(local.send("b", b"LPUSH late 1\r\n"), Ok(()));
    local.wait(3_000);
    collect(&mut local);
    (all, closed)
}

#[track_caller]
fn check(lines: &[&str]) {
    let mut bytes = Vec::new();
    for line in lines {
        match line.strip_prefix('!') {
            Some(raw) => bytes.extend(raw.bytes()),
            None => {
                let words: Vec<&str> = line.split(' ').collect();
                bytes.extend(format!("*{}\r\n", words.len()).bytes());
                for word in words {
                    bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
                }
            }
        }
    }
    let expect = replies(bytes.chunks(1));
    assert!(!expect.0.is_empty());
    let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let whole = replies([bytes.as_slice()]);
    assert_eq!((show(&whole.0), whole.1), (show(&expect.0), expect.1));
    let mut rng = Rng::new(Seed::of(bytes.len() as u64));
    for _ in 0..20 {
        let size = 1 + rng.below(bytes.len() as u64) as usize;
        let cut = replies(bytes.chunks(size));
        assert_eq!((show(&cut.0), cut.1), (show(&expect.0), expect.1), "in pieces of {size}");
    }
}

/// What five clients get who send random pieces of commands, garbage among them, at the same times.
fn replies_to_five(seed: u64, is_together: bool) -> Vec<(String, Vec<u8>, bool)> {
    const PIECES: [&[u8]; 10] = [
        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nx\r\n",
        b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$4\r\nLLEN\r\n$1\r\nl\r\n",
        b"*3\r\n$5\r\nRPUSH\r\n$1\r\nl\r\n$2\r\nxy\r\n",
        b"*3\r\n$5\r\nBLPOP\r\n$1\r\nl\r\n$1\r\n9\r\n",
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n",
        b"*2\r\n$6\r\nAP",
        b"PEND\r\n$1\r\na\r\n",
        b"incr n\r\n",
        b"*1\r\n:3\r\n",
        b"*3\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$15\r\n127.0.0.1:50001\r\n",
    ];
    let (mut rng, mut local) = (Rng::new(Seed::of(seed)), Local::for_tests());
    let mut all = Vec::new();
    for _ in 0..40 {
        let mut sent = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            let pieces = (0..rng.below(3)).map(|_| PIECES[rng.below(PIECES.len() as u64) as usize]);
            sent.push((name, pieces.collect::<Vec<_>>().concat()));
        }
        let sent: Vec<_> = sent.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        if is_together {
            local.send_together(&sent);
        } else {
            // Whoever is not there yet comes first, as above.
            sent.iter().for_each(|(name, _)| assert_eq!(local.send(name, b""), Ok(())));
            sent.iter().for_each(|(name, bytes)| assert_eq!(local.send(name, bytes), Ok(())));
        }
        all.extend(local.receive(Patience::Quiet));
    }
    all
}

#[test]
fn several_clients_at_one_time() {
    for seed in 0..200 {
        let (together, apart) = (replies_to_five(seed, true), replies_to_five(seed, false));
        assert!(apart.iter().any(|(_, bytes, _)| !bytes.is_empty()));
        assert_eq!(together, apart, "seed {seed}");
    }
}

#[test]
fn keys_and_databases() {
    check(&["SET a 1", "GET a", "SELECT 1", "GET a", "SET a 2", "FLUSHALL", "GET a", "INCR a"]);
    check(&["SET a 1", "RENAME a b", "GET a", "GET b", "DEL b", "SET b x", "GET b", "get b"]);
    let many: Vec<String> = (0..100).map(|number| format!("APPEND key{} x", number % 7)).collect();
    check(&many.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn what_follows_is_not_run_or_not_yet() {
    check(&["SET a 1", "QUIT", "SET a 2", "GET a"]);
    check(&["BLPOP late 2", "SET a 1", "GET a", "BLPOP never 1", "GET a", "!PING\r\n"]);
    check(&["DEBUG SLEEP 1", "SET a 1", "GET a"]);
    check(&["CLIENT PAUSE 500 WRITE", "GET a", "SET a 1", "GET a"]);
    check(&["MULTI", "SET a 1", "NO-SUCH", "EXEC", "MULTI", "INCR a", "EXEC", "GET a"]);
}

#[test]
fn what_follows_is_read_otherwise() {
    check(&["CONFIG SET proto-max-bulk-len 1048576", "SET a 1", "!*1\r\n$2000000\r\n"]);
    check(&[
        "CONFIG SET requirepass secret",
        "AUTH secret",
        "!*11\r\n$3\r\nDEL\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n\
         $1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n",
        "RESET",
        "GET a",
        "!*11\r\n",
    ]);
    check(&["SUBSCRIBE channel", "PING", "GET a", "RESET", "GET a", "HELLO 3", "GET a"]);
    check(&["CLIENT REPLY SKIP", "SET a 1", "GET a", "CLIENT REPLY OFF", "GET a"]);
}

#[test]
fn lines_and_broken_frames_between_commands() {
    check(&[
        "SET a 1",
        "!GET a\r\n",
        "GET a",
        "!\r\n",
        "!get a\r\nset a 2\r\n",
        "GET a",
        "!*0\r\n",
    ]);
    check(&["SET a 1", "!*1\r\n:3\r\n", "GET a"]);
    check(&["BLPOP late 2", "!*1\r\n:3\r\n"]);
    check(&["SET a 1", "!GET 'a\r\n", "GET a"]);
}
