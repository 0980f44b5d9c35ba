//! Bytes no client should send: whatever arrives, the node answers or closes, and goes on.

use redstart::base::rng::{Rng, Seed};
use redstart::commands;
use redstart::resp::Reply;
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};
use redstart_tests::transcript;

/// Words that mean something somewhere, numbers at the edges, and things that are neither.
const WORDS: [&[u8]; 45] = [
    b"",
    b"a",
    b"b",
    b"k1",
    b"k2",
    b"list",
    b"*",
    b"[a-",
    b"\\",
    b"\r\n",
    b"\0\xff",
    b"0",
    b"1",
    b"-1",
    b"-20",
    b"2",
    b"16",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"1e308",
    b"-inf",
    b"nan",
    b"0.0",
    b"1.5",
    b"NX",
    b"XX",
    b"GT",
    b"EX",
    b"PX",
    b"COUNT",
    b"MATCH",
    b"TYPE",
    b"LEFT",
    b"RIGHT",
    b"GET",
    b"KEEPTTL",
    b"BEFORE",
    b"RANK",
    b"ID",
    b"ON",
    b"OFF",
    b"HELP",
    b"default",
    b"string",
];

/// Whether the node still serves a new client.
fn is_alive(local: &mut Local, name: &str) -> bool {
    local.wait(1_000);
    local.send(name, b"PING\r\n").is_ok()
        && local.receive(Patience::Quiet).iter().any(|(from, bytes, _)| {
            from == name && (bytes == b"+PONG\r\n" || bytes.starts_with(b"-NOAUTH"))
        })
}

/// Whether these bytes are replies from the first to the last, and none falls short of the number
/// of elements that it announces.
fn is_whole(mut bytes: &[u8]) -> bool {
    while let Ok(Some((_, length))) = Reply::read(bytes) {
        bytes = &bytes[length..];
    }
    bytes.is_empty()
}

#[test]
fn random_bytes_are_answered_or_refused() {
    let mut rng = Rng::new(Seed::of(3));
    let mut local = Local::for_tests();
    for round in 0..2_000 {
        let length = rng.below(60) as usize;
        let letters = b"*$\r\n0123456789-+:PINGget \"'\\x\0\xff";
        let any = |rng: &mut Rng| letters[rng.below(letters.len() as u64) as usize];
        let bytes: Vec<u8> = (0..length).map(|_| any(&mut rng)).collect();
        let name = format!("c{round}");
        assert_eq!(local.send(&name, &bytes), Ok(()));
        local.hangup(&name);
    }
    assert!(is_alive(&mut local, "last"));
}

#[test]
fn random_commands_are_answered_or_refused() {
    let names: Vec<&str> =
        commands::table().entries().iter().map(|entry| entry.full_name.as_str()).collect();
    let mut rng = Rng::new(Seed::of(4));
    for round in 0..60 {
        let mut local = Local::for_tests();
        for _ in 0..400 {
            let name = names[rng.below(names.len() as u64) as usize];
            let mut arguments: Vec<Vec<u8>> =
                name.split('|').map(|word| word.as_bytes().to_vec()).collect();
            for _ in 0..rng.below(7) {
                arguments.push(WORDS[rng.below(WORDS.len() as u64) as usize].to_vec());
            }
            // What is meant to keep everyone waiting, or to end the server, may.
            if matches!(name, "debug|populate" | "debug|sleep" | "client|pause" | "shutdown") {
                continue;
            }
            let connection = format!("c{}", rng.below(4));
            assert_eq!(local.send(&connection, &transcript::encode(&arguments)), Ok(()));
            for (_, bytes, _) in local.receive(Patience::Quiet) {
                assert!(is_whole(&bytes), "{arguments:?}: {}", bytes.escape_ascii());
            }
            if rng.below(20) == 0 {
                local.wait(rng.below(50));
            }
            if rng.below(50) == 0 {
                local.hangup(&connection);
            }
        }
        assert!(is_alive(&mut local, "last"), "round {round}");
    }
}

#[test]
fn a_frame_cut_anywhere_is_waited_for() {
    let frame = transcript::encode(&[b"SET".to_vec(), b"key".to_vec(), b"a\r\nb".to_vec()]);
    for cut in 1..frame.len() {
        let mut local = Local::for_tests();
        assert_eq!(local.send("c", &frame[..cut]), Ok(()));
        assert!(local.receive(Patience::Quiet).is_empty(), "cut at {cut}");
        assert_eq!(local.send("c", &frame[cut..]), Ok(()));
        let arrived = local.receive(Patience::Quiet);
        assert_eq!(arrived, [("c".to_owned(), b"+OK\r\n".to_vec(), false)], "cut at {cut}");
    }
}
