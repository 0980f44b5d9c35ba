//! Keys for completion, asked of the engine by a client of the page's own.
//!
//! It walks the database with SCAN, as any client would, so it works wherever the engine is; and
//! only when a person asks, so that MONITOR is not full of it. One question at a time: a new one
//! takes the place of one that was not answered yet.

use redstart::resp::Reply;

use super::complete::{self, CANDIDATES_MAX};
use super::session::request;

/// Keys looked at in one round.
const SCAN_COUNT: &str = "1000";

/// Rounds a question takes at most: completion should be there at once or not at all.
const ROUNDS_MAX: usize = 50;

/// The client that looks for keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyFinder {
    /// The number of its connection: bytes of an earlier one are not for it.
    pub conn: u32,
    /// The sandbox that it is connected to; empty for the node that keeps the data.
    pub sandbox: String,
    is_open: bool,
    db: u32,
    question: Option<Question>,
    /// Replies to come that belong to no question, or to one given up.
    to_skip: usize,
    unread: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
struct Question {
    pane: u32,
    pattern: Vec<u8>,
    found: Vec<Vec<u8>>,
    rounds: usize,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The pane that asked.
    pub pane: u32,
    /// The keys.
    pub keys: Vec<Vec<u8>>,
}

impl KeyFinder {
    /// Asks for keys of database `db` of a sandbox that begin with `prefix`. Returns the bytes to
    /// send, and whether a connection must be opened first.
    pub fn ask(&mut self, pane: u32, sandbox: &str, db: u32, prefix: &[u8]) -> (bool, Vec<u8>) {
        let opens = !self.is_open || self.sandbox != sandbox;
        if opens {
            let sandbox = sandbox.to_owned();
            *self = Self { conn: self.conn + 1, sandbox, is_open: true, ..Self::default() };
        }
        if self.question.take().is_some() {
            self.to_skip += 1;
        }
        let mut bytes = Vec::new();
        if opens {
            bytes.extend(request(&words(&[b"CLIENT", b"SETNAME", b"playground"])));
            self.to_skip += 1;
        }
        if self.db != db {
            bytes.extend(request(&words(&[b"SELECT", db.to_string().as_bytes()])));
            self.to_skip += 1;
            self.db = db;
        }
        let pattern = complete::pattern(prefix);
        bytes.extend(scan(b"0", &pattern));
        self.question = Some(Question { pane, pattern, found: Vec::new(), rounds: 1 });
        (opens, bytes)
    }

    /// Takes bytes that came. Returns what is to be sent next, and what was found once the question
    /// is answered.
    pub fn receive(&mut self, bytes: &[u8]) -> (Option<Vec<u8>>, Option<Found>) {
        self.unread.extend_from_slice(bytes);
        while let Ok(Some((reply, length))) = Reply::read(&self.unread) {
            self.unread.drain(..length);
            if self.to_skip > 0 {
                self.to_skip -= 1;
                continue;
            }
            let Some(question) = &mut self.question else { continue };
            let cursor = question.take(reply);
            let is_enough = question.found.len() >= CANDIDATES_MAX || question.rounds >= ROUNDS_MAX;
            match cursor.filter(|cursor| cursor != b"0" && !is_enough) {
                Some(cursor) => {
                    question.rounds += 1;
                    return (Some(scan(&cursor, &question.pattern)), None);
                }
                None => {
                    let found = self.question.take();
                    let found = found.map(|it| Found { pane: it.pane, keys: it.found });
                    return (None, found);
                }
            }
        }
        (None, None)
    }

    /// The connection is gone; the next question opens another.
    pub fn lost(&mut self) {
        self.is_open = false;
        self.question = None;
    }
}

impl Question {
    /// Adds what SCAN replied; the next cursor, or `None` if it refused.
    fn take(&mut self, reply: Reply) -> Option<Vec<u8>> {
        let Reply::Array(parts) = reply else { return None };
        let [Reply::Bulk(cursor), Reply::Array(keys)] = <[Reply; 2]>::try_from(parts).ok()? else {
            return None;
        };
        self.found.extend(keys.into_iter().filter_map(|key| match key {
            Reply::Bulk(key) => Some(key),
            _ => None,
        }));
        Some(cursor)
    }
}

fn scan(cursor: &[u8], pattern: &[u8]) -> Vec<u8> {
    request(&words(&[b"SCAN", cursor, b"MATCH", pattern, b"COUNT", SCAN_COUNT.as_bytes()]))
}

fn words(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).replace("\r\n", " ")
    }

    #[test]
    fn a_question_goes_on_until_the_cursor_comes_back() {
        let mut finder = KeyFinder::default();
        let (opens, bytes) = finder.ask(7, "", 2, b"us*");
        assert!(opens && text(&bytes).contains("SELECT $1 2"), "{}", text(&bytes));
        assert!(text(&bytes).contains("SCAN $1 0 $5 MATCH $5 us\\** "), "{}", text(&bytes));
        assert_eq!(finder.receive(b"+OK\r\n+OK\r\n*2\r\n$1\r\n5\r"), (None, None));
        let (next, found) = finder.receive(b"\n*1\r\n$4\r\nuser\r\n");
        assert!(text(&next.unwrap()).contains("SCAN $1 5 "));
        assert_eq!(found, None);
        let (next, found) = finder.receive(b"*2\r\n$1\r\n0\r\n*1\r\n$3\r\nuse\r\n");
        let keys = vec![b"user".to_vec(), b"use".to_vec()];
        assert_eq!((next, found), (None, Some(Found { pane: 7, keys })));
        let (opens, bytes) = finder.ask(7, "", 2, b"");
        assert!(!opens && !text(&bytes).contains("SELECT"));
    }

    #[test]
    fn a_refusal_is_an_answer_without_keys() {
        let mut finder = KeyFinder::default();
        finder.ask(1, "", 0, b"");
        let (_, found) = finder.receive(b"+OK\r\n-NOAUTH no\r\n");
        assert_eq!(found, Some(Found { pane: 1, keys: Vec::new() }));
    }

    #[test]
    fn a_newer_question_takes_the_place_of_an_older() {
        let mut finder = KeyFinder::default();
        finder.ask(1, "", 0, b"a");
        finder.ask(2, "", 0, b"b");
        let old = b"+OK\r\n*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n";
        assert_eq!(finder.receive(old), (None, None));
        let (_, found) = finder.receive(b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nb\r\n");
        assert_eq!(found, Some(Found { pane: 2, keys: vec![b"b".to_vec()] }));
        finder.lost();
        assert!(finder.ask(1, "", 0, b"").0);
    }
}
