//! A client of the engine, without the connection: requests out, replies in.
//!
//! It keeps what redis-cli keeps to draw its prompt (database, transaction, subscriptions) by
//! watching the replies, and finds out which bytes that come answer which command and which are
//! messages that answer none.

use std::collections::VecDeque;

use redstart::resp::{Output, Reply};

use super::replies;

/// A client's side of one connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// The selected database.
    db: u32,
    /// The database when MULTI was sent, while a transaction is open.
    db_before_multi: Option<u32>,
    /// Whether keys are watched for a transaction.
    watches: bool,
    /// Whether the connection speaks RESP3.
    resp3: bool,
    /// What the person has had the client called, until somebody takes note of it.
    named: Option<Vec<u8>>,
    /// Whether MONITOR was sent.
    monitor: bool,
    /// What is subscribed to, by the kind of subscription.
    subscribed: [Vec<Vec<u8>>; 3],
    /// CLIENT REPLY.
    muted: Muted,
    /// Commands whose replies are still to come, in the order they were sent.
    pending: VecDeque<Pending>,
    /// Bytes of a reply that is not whole yet.
    unread: Vec<u8>,
}

/// What CLIENT REPLY said last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Muted {
    #[default]
    No,
    /// The next command has no reply.
    Next,
    /// No command has one.
    All,
}

/// A command on its way.
#[derive(Clone, Debug, PartialEq)]
struct Pending {
    words: Vec<Vec<u8>>,
    /// The caller's mark; `None` for commands nobody typed.
    mark: Option<u64>,
    sent_ms: f64,
    /// How many confirmations a command of pub/sub still gets.
    confirmations: Option<usize>,
}

/// What came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Got {
    /// A reply, or one of several, to the command with this mark.
    Reply {
        /// The mark.
        mark: u64,
        /// What redis-cli prints.
        text: String,
        /// How long the command took if this was all it gets.
        done_ms: Option<f64>,
    },
    /// A message that answers nothing.
    Live(String),
    /// Bytes that are no reply: nothing that follows can be understood.
    Nonsense,
}

/// How a command that was sent goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// What to send.
    pub bytes: Vec<u8>,
    /// Whether a reply will come.
    pub answered: bool,
}

/// The three kinds of subscriptions, and their words on the wire.
const KINDS: [(&str, &str, &str); 3] = [
    ("subscribe", "unsubscribe", "message"),
    ("psubscribe", "punsubscribe", "pmessage"),
    ("ssubscribe", "sunsubscribe", "smessage"),
];

impl Session {
    /// What stands behind the name in the prompt: `[1](TX)`, say.
    pub fn marks(&self) -> String {
        let mut marks = String::new();
        if self.db != 0 {
            marks.push_str(&format!("[{}]", self.db));
        }
        if self.db_before_multi.is_some() {
            marks.push_str("(TX)");
        }
        if self.is_subscribed() {
            marks.push_str("(subscribed mode)");
        }
        marks
    }

    /// The selected database.
    pub fn db(&self) -> u32 {
        self.db
    }

    /// Whether commands are queued for EXEC.
    pub fn is_in_transaction(&self) -> bool {
        self.db_before_multi.is_some()
    }

    /// What the client was called by a command that somebody has typed since this was asked last.
    pub fn take_name(&mut self) -> Option<Vec<u8>> {
        self.named.take()
    }

    /// Whether the connection holds what a new one would not: commands that are queued for EXEC, or keys that
    /// are watched for it.
    pub fn is_amid_transaction(&self) -> bool {
        self.watches || self.is_in_transaction()
    }

    /// Whether the connection speaks RESP3.
    pub fn is_resp3(&self) -> bool {
        self.resp3
    }

    /// Whether messages may come at any time because of MONITOR or a subscription.
    pub fn is_listening(&self) -> bool {
        self.monitor || self.is_subscribed()
    }

    /// Whether a command still has no reply.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether the next reply belongs to the command with this mark.
    pub fn awaits(&self, mark: u64) -> bool {
        self.pending.front().is_some_and(|pending| pending.mark == Some(mark))
    }

    /// Whether a command that ends the connection is under way.
    pub fn is_leaving(&self) -> bool {
        let leaves = |words: &[Vec<u8>]| is(words, 0, "QUIT") || is(words, 0, "SHUTDOWN");
        self.pending.front().is_some_and(|pending| leaves(&pending.words))
    }

    fn is_subscribed(&self) -> bool {
        self.subscribed.iter().any(|names| !names.is_empty())
    }

    /// Forgets the connection, but not the database to select on the next one.
    pub fn forget(&mut self) {
        let db = self.db_before_multi.unwrap_or(self.db);
        *self = Self { db, ..Self::default() };
    }

    /// Sends a command. Replies to it will carry `mark`.
    pub fn send(&mut self, words: Vec<Vec<u8>>, mark: Option<u64>, now_ms: f64) -> Sent {
        let bytes = request(&words);
        let answered = self.is_answered(&words);
        if answered {
            let confirmations = self.confirmations(&words);
            self.pending.push_back(Pending { words, mark, sent_ms: now_ms, confirmations });
        }
        Sent { bytes, answered }
    }

    /// Follows CLIENT REPLY, and says whether a command gets a reply.
    fn is_answered(&mut self, words: &[Vec<u8>]) -> bool {
        let before = self.muted;
        if before == Muted::Next {
            self.muted = Muted::No;
        }
        if is(words, 0, "CLIENT") && is(words, 1, "REPLY") && words.len() == 3 {
            if is(words, 2, "ON") {
                self.muted = Muted::No;
                return true;
            } else if is(words, 2, "OFF") {
                self.muted = Muted::All;
                return false;
            } else if is(words, 2, "SKIP") && before != Muted::All {
                self.muted = Muted::Next;
                return false;
            }
        }
        before == Muted::No
    }

    /// How many confirmations a command gets that subscribes or unsubscribes.
    fn confirmations(&self, words: &[Vec<u8>]) -> Option<usize> {
        let names = words.len().saturating_sub(1);
        KINDS.iter().zip(&self.subscribed).find_map(|((sub, unsub, _), subscribed)| {
            if is(words, 0, sub) {
                (names > 0).then_some(names)
            } else if is(words, 0, unsub) {
                // Without names: one for each subscription, or a single one that says "none".
                Some(if names > 0 { names } else { subscribed.len().max(1) })
            } else {
                None
            }
        })
    }

    /// Takes bytes that came, to be printed as `output`. Costs O(bytes), and again for a reply that
    /// came in several pieces.
    pub fn receive(&mut self, bytes: &[u8], output: Output, now_ms: f64) -> Vec<Got> {
        let mut unread = std::mem::take(&mut self.unread);
        unread.extend_from_slice(bytes);
        let mut got = Vec::new();
        let mut start = 0;
        loop {
            match Reply::read(unread.get(start..).unwrap_or_default()) {
                Ok(Some((reply, length))) => {
                    start += length;
                    got.extend(self.take(&reply, output, now_ms));
                }
                Ok(None) => break,
                Err(_) => {
                    got.push(Got::Nonsense);
                    return got;
                }
            }
        }
        unread.drain(..start);
        self.unread = unread;
        got
    }

    fn take(&mut self, reply: &Reply, output: Output, now_ms: f64) -> Option<Got> {
        if self.is_confirmation(reply) {
            return self.take_confirmation(reply, output, now_ms);
        }
        if reply.is_push() || self.is_message(reply) {
            return Some(Got::Live(replies::print_live(reply, output)));
        }
        let Some(pending) = self.pending.pop_front() else {
            return Some(Got::Live(replies::print_live(reply, output)));
        };
        self.learn(&pending, reply);
        let text = replies::print(&pending.words, reply, output);
        let done_ms = Some(now_ms - pending.sent_ms);
        pending.mark.map(|mark| Got::Reply { mark, text, done_ms })
    }

    fn take_confirmation(&mut self, reply: &Reply, output: Output, now_ms: f64) -> Option<Got> {
        self.learn_subscription(reply);
        let text = replies::print_live(reply, output);
        let waits = |pending: &Pending| pending.confirmations.is_some();
        let Some(pending) = self.pending.front_mut().filter(|pending| waits(pending)) else {
            // The server ended a subscription by itself.
            return Some(Got::Live(text));
        };
        let left = pending.confirmations.map_or(0, |count| count.saturating_sub(1));
        pending.confirmations = Some(left);
        let done_ms = (left == 0).then_some(now_ms - pending.sent_ms);
        let mark = pending.mark;
        if left == 0 {
            self.pending.pop_front();
        }
        mark.map(|mark| Got::Reply { mark, text, done_ms })
    }

    /// Whether a reply confirms that a subscription was begun or ended.
    fn is_confirmation(&self, reply: &Reply) -> bool {
        let Some([Reply::Bulk(word), _, Reply::Int(_)]) = message(reply) else { return false };
        let known = KINDS.iter().any(|(sub, unsub, _)| {
            word.as_slice() == sub.as_bytes() || word.as_slice() == unsub.as_bytes()
        });
        // In RESP2 another command may reply with an array of the same look.
        let asked = self.pending.front().is_some_and(|pending| pending.confirmations.is_some());
        known && (reply.is_push() || asked || self.is_subscribed())
    }

    /// Whether a reply of RESP2 is a message all the same.
    fn is_message(&self, reply: &Reply) -> bool {
        if self.monitor && matches!(reply, Reply::Simple(line) if is_monitor_line(line)) {
            return true;
        }
        let Some([Reply::Bulk(word), ..]) = message(reply) else { return false };
        KINDS.iter().zip(&self.subscribed).any(|((_, _, message), subscribed)| {
            !subscribed.is_empty() && word.as_slice() == message.as_bytes()
        })
    }

    fn learn_subscription(&mut self, reply: &Reply) {
        let Some([Reply::Bulk(word), name, _]) = message(reply) else { return };
        for ((sub, unsub, _), subscribed) in KINDS.iter().zip(&mut self.subscribed) {
            match name {
                Reply::Bulk(name) if word.as_slice() == sub.as_bytes() => {
                    subscribed.retain(|other| other != name);
                    subscribed.push(name.clone());
                }
                Reply::Bulk(name) if word.as_slice() == unsub.as_bytes() => {
                    subscribed.retain(|other| other != name);
                }
                _ => {}
            }
        }
    }

    /// Learns from a reply what the prompt shows.
    fn learn(&mut self, pending: &Pending, reply: &Reply) {
        let words = &pending.words;
        let failed = matches!(reply, Reply::Error(_) | Reply::BulkError(_));
        if is(words, 0, "EXEC") || is(words, 0, "DISCARD") {
            // redis-cli goes back to the database of MULTI unless the transaction was carried out.
            let undone = failed || *reply == Reply::Null || is(words, 0, "DISCARD");
            let before = self.db_before_multi.take();
            if before.is_some() {
                self.watches = false;
            }
            if let Some(before) = before.filter(|_| undone) {
                self.db = before;
            }
        }
        if failed {
            return;
        }
        // HELLO takes a name as an option.
        if pending.mark.is_some() && (is(words, 0, "CLIENT") || is(words, 0, "HELLO")) {
            let option = (1..words.len()).find(|&index| is(words, index, "SETNAME"));
            self.named = option.and_then(|index| words.get(index + 1).cloned());
        }
        if is(words, 0, "SELECT") {
            let number = words.get(1).and_then(|word| std::str::from_utf8(word).ok());
            self.db = number.and_then(|number| number.parse().ok()).unwrap_or(self.db);
        } else if is(words, 0, "MULTI") {
            self.db_before_multi = Some(self.db);
        } else if is(words, 0, "WATCH") || is(words, 0, "UNWATCH") {
            self.watches = words.len() > 1;
        } else if is(words, 0, "MONITOR") {
            self.monitor = true;
        } else if is(words, 0, "HELLO") {
            match words.get(1).map(Vec::as_slice) {
                Some(b"3") => self.resp3 = true,
                Some(b"2") => self.resp3 = false,
                _ => {}
            }
        } else if is(words, 0, "RESET") {
            let pending = std::mem::take(&mut self.pending);
            let unread = std::mem::take(&mut self.unread);
            let named = Some(Vec::new());
            *self = Self { pending, unread, named, ..Self::default() };
        }
    }
}

/// The elements of what may be a message of pub/sub.
fn message(reply: &Reply) -> Option<&[Reply]> {
    match reply {
        Reply::Push(elements) | Reply::Array(elements) => Some(elements),
        _ => None,
    }
}

/// Whether a line looks as those of MONITOR do: `1700000000.123456 [0 127.0.0.1:5555] "set" "k"`.
fn is_monitor_line(line: &[u8]) -> bool {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    digits > 7 && line.get(digits..).is_some_and(|rest| rest.starts_with(b" ["))
}

/// Whether word `index` is `expect`, whatever its case.
pub(super) fn is(words: &[Vec<u8>], index: usize, expect: &str) -> bool {
    words.get(index).is_some_and(|word| word.eq_ignore_ascii_case(expect.as_bytes()))
}

/// A command as it is sent.
pub fn request(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `line` and takes `wire`; what came, as the text of all of it.
    fn play(session: &mut Session, line: &str, wire: &str) -> String {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        session.send(words, Some(7), 0.0);
        hear(session, wire)
    }

    fn hear(session: &mut Session, wire: &str) -> String {
        let text = |got| match got {
            Got::Reply { mark, text, .. } => {
                assert_eq!(mark, 7);
                text
            }
            Got::Live(text) => format!("live: {text}"),
            Got::Nonsense => "nonsense".to_owned(),
        };
        session.receive(wire.as_bytes(), Output::Standard, 0.0).into_iter().map(text).collect()
    }

    #[test]
    fn requests_are_arrays_of_strings() {
        let sent = Session::default().send(vec![b"get".to_vec(), b"a b".to_vec()], None, 0.0);
        assert_eq!(sent.bytes, b"*2\r\n$3\r\nget\r\n$3\r\na b\r\n");
    }

    #[test]
    fn replies_may_come_in_pieces() {
        let mut session = Session::default();
        assert_eq!(play(&mut session, "get a", "$3\r\na"), "");
        assert!(session.is_waiting());
        assert_eq!(hear(&mut session, "bc\r\n"), "\"abc\"\n");
        assert!(!session.is_waiting());
        assert_eq!(hear(&mut session, "?\r\n"), "nonsense");
    }

    #[test]
    fn the_prompt_follows_the_replies() {
        let mut session = Session::default();
        play(&mut session, "select 99", "-ERR DB index is out of range\r\n");
        assert_eq!(session.marks(), "");
        play(&mut session, "select 2", "+OK\r\n");
        play(&mut session, "multi", "+OK\r\n");
        play(&mut session, "select 3", "+QUEUED\r\n");
        assert_eq!(session.marks(), "[3](TX)");
        play(&mut session, "exec", "*-1\r\n");
        assert_eq!(session.marks(), "[2]");
        play(&mut session, "multi", "+OK\r\n");
        play(&mut session, "select 3", "+QUEUED\r\n");
        play(&mut session, "exec", "*1\r\n+OK\r\n");
        assert_eq!(session.marks(), "[3]");
        play(&mut session, "hello 3", "%0\r\n");
        assert!(session.is_resp3());
        play(&mut session, "reset", "+RESET\r\n");
        assert_eq!((session.marks(), session.is_resp3()), (String::new(), false));
    }

    #[test]
    fn the_name_that_a_client_is_given_is_told_once() {
        let mut session = Session::default();
        play(&mut session, "client setname a b", "-ERR wrong number of arguments\r\n");
        assert_eq!(session.take_name(), None);
        play(&mut session, "Client SetName worker", "+OK\r\n");
        assert_eq!(session.take_name().as_deref(), Some(b"worker".as_slice()));
        assert_eq!(session.take_name(), None);
        play(&mut session, "hello 3 setname reader", "%0\r\n");
        assert_eq!(session.take_name().as_deref(), Some(b"reader".as_slice()));
        play(&mut session, "set setname 1", "+OK\r\n");
        assert_eq!(session.take_name(), None);
        play(&mut session, "reset", "+RESET\r\n");
        assert_eq!(session.take_name().as_deref(), Some(b"".as_slice()));
        // What the page has said itself is no news.
        session.send(vec![b"CLIENT".to_vec(), b"SETNAME".to_vec(), b"x".to_vec()], None, 0.0);
        hear(&mut session, "+OK\r\n");
        assert_eq!(session.take_name(), None);
    }

    #[test]
    fn subscriptions_are_told_from_messages() {
        let mut session = Session::default();
        let text = play(
            &mut session,
            "subscribe a b",
            "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n",
        );
        assert!(text.starts_with("1) \"subscribe\"\n2) \"a\"\n3) (integer) 1\n1) \"subscribe\""));
        assert_eq!(session.marks(), "(subscribed mode)");
        assert!(!session.is_waiting() && session.is_listening());
        let text = hear(&mut session, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
        assert_eq!(text, "live: 1) \"message\"\n2) \"a\"\n3) \"hi\"\n");
        play(
            &mut session,
            "unsubscribe",
            "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n",
        );
        assert_eq!(session.marks(), "");
        assert!(!session.is_waiting());
        // No subscription any more: the same bytes are an ordinary reply.
        let text = play(&mut session, "lrange l 0 -1", "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n:1\r\n");
        assert_eq!(text, "1) \"message\"\n2) \"a\"\n3) (integer) 1\n");
    }

    #[test]
    fn a_subscription_that_fails_is_answered_once() {
        let mut session = Session::default();
        let text = play(&mut session, "subscribe a b", "-NOPERM no\r\n");
        assert_eq!(text, "(error) NOPERM no\n");
        assert!(!session.is_waiting());
    }

    #[test]
    fn monitor_lines_come_between_replies() {
        let mut session = Session::default();
        assert_eq!(play(&mut session, "monitor", "+OK\r\n"), "OK\n");
        let line = "+1700000000.123456 [0 page:1] \"get\" \"a\"\r\n";
        let text = play(&mut session, "get a", &format!("{line}$1\r\n1\r\n"));
        assert_eq!(text, "live: 1700000000.123456 [0 page:1] \"get\" \"a\"\n\"1\"\n");
        assert!(session.is_listening());
    }

    #[test]
    fn client_reply_is_followed() {
        let mut session = Session::default();
        let mut answered = |line: &str| {
            let words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            session.send(words, None, 0.0).answered
        };
        assert!(!answered("client reply skip"));
        assert!(!answered("ping"));
        assert!(answered("ping"));
        assert!(!answered("client reply off"));
        assert!(!answered("ping"));
        assert!(answered("client reply on"));
    }
}
