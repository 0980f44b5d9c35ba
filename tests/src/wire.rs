//! Commands and replies as bytes, for tests that compare what two servers make of the same commands.

#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use redstart::resp::{Reply, words};

use crate::grammar::Words;
use crate::play::{Patience, Stage};

/// What time it is there, in milliseconds since 1970.
pub fn clock_ms(stage: &mut dyn Stage) -> u64 {
    let replies = run(stage, &[line(&["TIME"])]);
    match replies.first() {
        Some(Reply::Array(parts)) => match parts.first() {
            Some(Reply::Bulk(seconds)) => {
                String::from_utf8_lossy(seconds).parse::<u64>().unwrap() * 1000
            }
            _ => 0,
        },
        _ => 0,
    }
}

/// `words` as a command.
pub fn line(words: &[&str]) -> Words {
    words.iter().map(|&word| word.into()).collect()
}

/// A command whose words hold no spaces, from the text of it.
pub fn words_of(command: &str) -> Words {
    line(&command.split(' ').collect::<Vec<_>>())
}

/// `command` as it goes over the wire.
pub fn encoded(command: &Words) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for word in command {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// `command` as one would type it.
pub fn shown(command: &Words) -> String {
    let words: Vec<Vec<u8>> = command.iter().map(|word| words::quote(word)).collect();
    String::from_utf8_lossy(&words.join(&b' ')).into_owned()
}

/// Sends `batch` and returns the replies.
///
/// # Panics
/// When the connection does not last.
pub fn run(stage: &mut dyn Stage, batch: &[Words]) -> Vec<Reply> {
    run_on(stage, "a", batch)
}

/// Sends one command, whose words hold no spaces, and returns its reply.
///
/// # Panics
/// When the connection does not last.
pub fn ask(stage: &mut dyn Stage, command: &str) -> Reply {
    run(stage, &[words_of(command)]).remove(0)
}

/// Sends one command on `connection` and returns all that arrives there, once nothing more happens: the
/// reply, or nothing, where it has to wait.
///
/// # Panics
/// When the connection does not last.
pub fn ask_at(stage: &mut dyn Stage, connection: &str, command: &str) -> String {
    stage.send(connection, &encoded(&words_of(command))).unwrap();
    let arrived = stage.receive(Patience::Quiet);
    let own = arrived.into_iter().filter(|(name, _, _)| name == connection);
    own.map(|(_, bytes, _)| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

/// The text that a reply consists of.
///
/// # Panics
/// When it is no text.
pub fn text_of(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(bytes) | Reply::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        reply => panic!("{reply:?}"),
    }
}

/// As [`run`], on another connection than the usual one.
pub fn run_on(stage: &mut dyn Stage, connection: &str, batch: &[Words]) -> Vec<Reply> {
    let bytes: Vec<u8> = batch.iter().flat_map(encoded).collect();
    stage.send(connection, &bytes).unwrap();
    let (mut input, mut replies) = (Vec::new(), Vec::new());
    while replies.len() < batch.len() {
        let mut start = 0;
        while let Some((reply, length)) = Reply::read(&input[start..]).unwrap() {
            replies.push(reply);
            start += length;
        }
        input.drain(..start);
        if replies.len() < batch.len() {
            let arrived = stage.receive(Patience::Expecting(connection));
            assert!(!arrived.is_empty(), "no reply to {}", shown(&batch[replies.len()]));
            for (_, bytes, closed) in arrived.into_iter().filter(|(name, ..)| name == connection) {
                assert!(!closed, "the connection was closed");
                input.extend(bytes);
            }
        }
    }
    replies
}
