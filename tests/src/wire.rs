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
            for (_, bytes, closed) in arrived {
                assert!(!closed, "the connection was closed");
                input.extend(bytes);
            }
        }
    }
    replies
}
