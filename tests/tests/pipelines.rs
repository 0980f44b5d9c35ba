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
