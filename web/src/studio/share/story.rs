//! A recording and what was sent for it, as what terminals would have shown.

use std::collections::BTreeMap;

use redstart::base::crc::crc64;
use redstart::node::ConnId;
use redstart::resp::{Output, words};

use crate::sandbox::tape::{Heard, Tape};
use crate::sandbox::{Entry, Input, Role};
use crate::studio::exchange::commands;
use crate::studio::value::text::line;
use crate::terminal::history::holds_secret;
use crate::terminal::session::{Got, Session};

/// What stands before the marks in a prompt, as in the panes.
const PROMPT: &str = "redstart";

/// A command with what came of it, or what came by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The connection.
    pub conn: ConnId,
    /// The prompt; empty for what came by itself.
    pub prompt: String,
    /// The command as it would be typed.
    pub line: String,
    /// What was printed.
    pub text: String,
    /// Whether a reply is still to come.
    pub is_waiting: bool,
}

/// The connections of persons.
pub fn persons(tape: &Tape) -> Vec<ConnId> {
    let opened = |entry: &&Entry| entry.input == Input::Opened(Role::Person);
    tape.entries.iter().filter(opened).map(|entry| entry.conn).collect()
}

/// The recording without those who only looked. That may be another one: they can have counted.
#[must_use]
pub fn without_watchers(tape: &Tape) -> Tape {
    let persons = persons(tape);
    let is_persons = |entry: &&Entry| entry.input != Input::Wake && persons.contains(&entry.conn);
    let entries = tape.entries.iter().filter(is_persons).cloned().collect();
    Tape { entries, ..tape.clone() }
}

/// A digest of all that persons got: who, and every byte.
pub fn digest(tape: &Tape, heard: &[Heard]) -> u64 {
    let persons = persons(tape);
    let own = heard.iter().filter(|it| persons.contains(&it.conn));
    own.fold(0, |sum, it| crc64(crc64(sum, &it.conn.0.to_le_bytes()), &it.bytes))
}

/// A checksum of what each connection got that got anything, whatever the pieces it came in.
pub fn got(heard: &[Heard]) -> BTreeMap<ConnId, u64> {
    let mut got = BTreeMap::new();
    for it in heard {
        let sum = got.entry(it.conn).or_default();
        *sum = crc64(*sum, &it.bytes);
    }
    got
}

/// How many commands persons have given.
pub fn count(tape: &Tape) -> usize {
    let persons = persons(tape);
    let count = |entry: &Entry| match &entry.input {
        Input::Received(bytes) if persons.contains(&entry.conn) => typed(bytes).len(),
        _ => 0,
    };
    tape.entries.iter().map(count).sum()
}

/// Whether a command holds a password.
pub fn has_secret(tape: &Tape) -> bool {
    let of = |entry: &Entry| match &entry.input {
        Input::Received(bytes) => typed(bytes).iter().any(|words| holds_secret(&line(words))),
        _ => false,
    };
    tape.entries.iter().any(of)
}

/// What terminals have shown, oldest first.
pub fn shown(tape: &Tape, heard: &[Heard]) -> Vec<Shown> {
    let mut screen = Screen::default();
    for conn in persons(tape) {
        screen.sessions.insert(conn, Session::default());
    }
    let mut heard = heard.iter().peekable();
    for (index, entry) in tape.entries.iter().enumerate() {
        while let Some(heard) = heard.next_if(|heard| heard.entries <= index) {
            screen.hear(heard);
        }
        if let Input::Received(bytes) = &entry.input {
            typed(bytes).into_iter().for_each(|words| screen.enter(entry.conn, words));
        }
    }
    heard.for_each(|heard| screen.hear(heard));
    screen.shown
}

/// Several connections are told apart by a line before each change.
pub fn text(shown: &[Shown]) -> String {
    let mut text = String::new();
    let mut last = shown.first().map(|it| it.conn);
    let has_one = shown.iter().all(|it| Some(it.conn) == last);
    if !has_one {
        last = None;
    }
    for it in shown {
        if last != Some(it.conn) {
            text += &format!("# {}\n", it.conn.0 + 1);
            last = Some(it.conn);
        }
        if !it.prompt.is_empty() {
            text += &format!("{}{}\n", it.prompt, it.line);
        }
        text += &it.text;
    }
    text
}

/// The commands in bytes: arrays of strings, or lines as they are typed.
fn typed(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let found = commands(bytes);
    if !found.is_empty() {
        return found;
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter_map(|line| words::split(line).ok()).filter(|words| !words.is_empty()).collect()
}

/// The terminals, one after the other on one screen.
#[derive(Default)]
struct Screen {
    sessions: BTreeMap<ConnId, Session>,
    shown: Vec<Shown>,
}

impl Screen {
    fn enter(&mut self, conn: ConnId, words: Vec<Vec<u8>>) {
        let Some(session) = self.sessions.get_mut(&conn) else { return };
        let (prompt, line) = (format!("{PROMPT}{}> ", session.marks()), line(&words));
        let is_waiting = session.send(words, Some(self.shown.len() as u64), 0.0).answered;
        self.shown.push(Shown { conn, prompt, line, text: String::new(), is_waiting });
    }

    fn hear(&mut self, heard: &Heard) {
        let conn = heard.conn;
        let Some(session) = self.sessions.get_mut(&conn) else { return };
        for got in session.receive(&heard.bytes, Output::default(), 0.0) {
            match got {
                Got::Reply { mark, text, done_ms } => {
                    if let Some(shown) = self.shown.get_mut(mark as usize) {
                        shown.text += &text;
                        shown.is_waiting = done_ms.is_none();
                    }
                }
                Got::Live(text) => {
                    let (prompt, line) = (String::new(), String::new());
                    self.shown.push(Shown { conn, prompt, line, text, is_waiting: false });
                }
                Got::Nonsense => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;
    use crate::sandbox::tape::{self, Head};
    use crate::studio::share::session::time;
    use crate::terminal::session::request;
    use redstart::base::time::Monotonic;
    use std::rc::Rc;

    /// A recording of lines, each behind the number of its connection; that of 9 only looks.
    fn recording(lines: &[&str]) -> Tape {
        let mut tape = Tape {
            head: Head { seed: 1, start: time(1_000_000), base: Default::default() },
            entries: Vec::new(),
            end: time(9_000_000),
        };
        let mut opened = Vec::new();
        for (index, text) in lines.iter().enumerate() {
            let at = time(1_000_000 + index as i64 * 1000);
            let (conn, text) = text.split_once(' ').unwrap();
            let conn = ConnId(conn.parse().unwrap());
            if !opened.contains(&conn) {
                opened.push(conn);
                let role = if conn.0 == 9 { Role::Watcher } else { Role::Person };
                tape.entries.push(Entry { at, conn, input: Input::Opened(role) });
            }
            let bytes = request(&words::split(text.as_bytes()).unwrap());
            tape.entries.push(Entry { at, conn, input: Input::Received(bytes.into()) });
        }
        tape
    }

    fn play(tape: &Tape) -> Vec<Heard> {
        let mut heard = Vec::new();
        let tape = tape::write(&tape.head, &tape.entries, tape.end);
        Sandbox::load(&tape, Monotonic(0), Rc::default(), &mut heard).unwrap();
        tape::read_heard(&heard)
    }

    #[test]
    fn terminals_show_what_was_seen() {
        let tape = recording(&["0 SET a 1", "0 SELECT 2", "0 GET a", "0 SET p \"x y\""]);
        let lines = shown(&tape, &play(&tape));
        assert_eq!(
            text(&lines),
            "redstart> SET a 1\nOK\nredstart> SELECT 2\nOK\nredstart[2]> GET a\n(nil)\n\
             redstart[2]> SET p \"x y\"\nOK\n"
        );
        assert_eq!((count(&tape), has_secret(&tape)), (4, false));
        assert!(has_secret(&recording(&["0 AUTH secret"])));
    }

    #[test]
    fn who_waits_is_served_where_it_waited() {
        let tape =
            recording(&["0 BLPOP q 0", "1 SUBSCRIBE c", "0 PING", "2 RPUSH q x", "2 PUBLISH c hi"]);
        let lines = shown(&tape, &play(&tape));
        assert_eq!(
            text(&lines),
            "# 1\nredstart> BLPOP q 0\n1) \"q\"\n2) \"x\"\n# 2\nredstart> SUBSCRIBE c\n\
             1) \"subscribe\"\n2) \"c\"\n3) (integer) 1\n# 1\nredstart> PING\nPONG\n\
             # 3\nredstart> RPUSH q x\n(integer) 1\nredstart> PUBLISH c hi\n(integer) 1\n\
             # 2\n1) \"message\"\n2) \"c\"\n3) \"hi\"\n"
        );
        let waits = recording(&["0 BLPOP q 0"]);
        assert!(shown(&waits, &play(&waits))[0].is_waiting);
    }

    #[test]
    fn those_who_only_look_are_left_out() {
        let whole = recording(&["9 DBSIZE", "0 SET a 1", "9 GET a", "0 CLIENT ID"]);
        let short = without_watchers(&whole);
        assert_eq!(short.entries.len(), 3);
        let of = |tape: &Tape| digest(tape, &play(tape));
        // They were there, and the number of a client tells of it.
        assert_ne!(of(&whole), of(&short));
        assert_eq!(
            got(&play(&recording(&["0 SET a 1", "0 GET a"])))[&ConnId(0)],
            crc64(0, b"+OK\r\n$1\r\n1\r\n")
        );
        let whole = recording(&["9 DBSIZE", "0 SET a 1", "9 GET a", "0 GET a"]);
        assert_eq!(of(&whole), of(&without_watchers(&whole)));
        assert_ne!(of(&whole), of(&recording(&["0 SET a 1", "0 GET b"])));
    }
}
