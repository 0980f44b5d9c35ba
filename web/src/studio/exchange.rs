//! Which reply answers which request, on every connection of the panes: the bytes as they went by.
//!
//! Requests and replies are matched in their order. What comes without being asked for (pushes of
//! RESP3, messages of pub/sub, lines of MONITOR) is kept as an exchange without a request.

use std::collections::{BTreeMap, VecDeque};

use redstart::resp::Reply;

use super::value::text::line;

/// Exchanges that are kept.
pub const KEPT: usize = 400;

/// Bytes of a request or of a reply that are kept; the rest is only counted.
const BYTES_KEPT: usize = 16_384;

/// A request, and what came for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// Counted from 1.
    pub number: u64,
    /// The pane.
    pub pane: u32,
    /// The command as it would be typed; empty for what nobody has asked for.
    pub line: String,
    /// Its words.
    pub words: Vec<Vec<u8>>,
    /// When it was sent, in milliseconds since 1970.
    pub at_ms: f64,
    /// How long it took until the whole reply was there; `None` while it is awaited.
    pub took_ms: Option<f64>,
    /// The bytes of the request, as far as they are kept.
    pub request: Vec<u8>,
    /// The bytes of the reply, as far as they are kept.
    pub reply: Vec<u8>,
    /// How many bytes the reply has.
    pub reply_bytes: usize,
    /// Whether the reply is an error.
    pub has_failed: bool,
    /// Whether the connection spoke RESP3 when the reply came.
    pub is_resp3: bool,
}

/// What went by on all connections.
#[derive(Debug, Default)]
pub struct Exchanges {
    kept: VecDeque<Exchange>,
    conns: BTreeMap<(u32, u32), Conn>,
    last: u64,
}

/// One connection.
#[derive(Debug, Default)]
struct Conn {
    unsent: Vec<u8>,
    unread: Vec<u8>,
    pending: VecDeque<Pending>,
    is_resp3: bool,
    is_monitor: bool,
    is_subscribed: bool,
    /// CLIENT REPLY OFF was sent.
    is_muted: bool,
    /// CLIENT REPLY SKIP was sent just now.
    skips: bool,
}

/// A request that is not answered, or not wholly.
#[derive(Debug)]
struct Pending {
    number: u64,
    /// Confirmations of a subscription that are to come.
    confirmations: usize,
}

impl Exchanges {
    /// What is kept, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Exchange> + ExactSizeIterator {
        self.kept.iter()
    }

    /// The exchange of this number.
    pub fn get(&self, number: u64) -> Option<&Exchange> {
        let first = self.kept.front()?.number;
        self.kept.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// The number of the newest one.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.kept.clear();
    }

    /// A pane has sent bytes.
    pub fn sent(&mut self, pane: u32, conn: u32, bytes: &[u8], now_ms: f64) {
        let mut unsent = std::mem::take(&mut self.conn(pane, conn).unsent);
        unsent.extend_from_slice(bytes);
        let mut start = 0;
        while let Some((words, length)) = command(unsent.get(start..).unwrap_or_default()) {
            let request = unsent.get(start..start + length).unwrap_or_default().to_vec();
            start += length;
            self.asked(pane, conn, words, request, now_ms);
        }
        unsent.drain(..start);
        self.conn(pane, conn).unsent = unsent;
    }

    fn asked(&mut self, pane: u32, conn: u32, words: Vec<Vec<u8>>, request: Vec<u8>, now_ms: f64) {
        let is = |index: usize, text: &str| {
            words.get(index).is_some_and(|word| word.eq_ignore_ascii_case(text.as_bytes()))
        };
        let subscribes = ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"].iter().any(|name| is(0, name));
        let leaves = ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"].iter().any(|name| is(0, name));
        let confirmations =
            if subscribes || leaves { words.len().saturating_sub(1).max(1) } else { 0 };
        let sets_reply = is(0, "CLIENT") && is(1, "REPLY");
        let state = self.conn(pane, conn);
        let skipped = std::mem::take(&mut state.skips);
        if sets_reply {
            state.skips = is(2, "SKIP") && !state.is_muted;
            state.is_muted = is(2, "OFF") || state.is_muted && !is(2, "ON");
        }
        let has_no_reply = state.is_muted || skipped || state.skips;
        let number = self.push(pane, words, request, now_ms);
        if !has_no_reply {
            self.conn(pane, conn).pending.push_back(Pending { number, confirmations });
        }
    }

    /// A pane has got bytes.
    pub fn received(&mut self, pane: u32, conn: u32, bytes: &[u8], now_ms: f64) {
        let mut unread = std::mem::take(&mut self.conn(pane, conn).unread);
        unread.extend_from_slice(bytes);
        let mut start = 0;
        while let Ok(Some((reply, length))) = Reply::read(unread.get(start..).unwrap_or_default()) {
            let raw = unread.get(start..start + length).unwrap_or_default();
            self.got(pane, conn, &reply, raw, now_ms);
            start += length;
        }
        unread.drain(..start);
        self.conn(pane, conn).unread = unread;
    }

    fn got(&mut self, pane: u32, conn: u32, reply: &Reply, raw: &[u8], now_ms: f64) {
        let state = self.conn(pane, conn);
        let is_confirmation = is_message(reply, &CONFIRMATIONS);
        let awaits = state.pending.front().is_some_and(|pending| pending.confirmations > 0);
        let is_own = match reply {
            Reply::Push(_) => is_confirmation && awaits,
            Reply::Simple(text) if state.is_monitor => !is_monitor_line(text),
            _ => !(state.is_subscribed && is_message(reply, &MESSAGES)),
        };
        let number = match state.pending.front_mut().filter(|_| is_own) {
            None => None,
            Some(pending) => {
                let number = pending.number;
                let failed = matches!(reply, Reply::Error(_));
                pending.confirmations = pending.confirmations.saturating_sub(1);
                if pending.confirmations == 0 || failed {
                    state.pending.pop_front();
                }
                Some(number)
            }
        };
        let number = number.unwrap_or_else(|| self.push(pane, Vec::new(), Vec::new(), now_ms));
        self.learn(pane, conn, number, reply);
        let is_resp3 = self.conn(pane, conn).is_resp3;
        if let Some(exchange) = self.get_mut(number) {
            let room = BYTES_KEPT.saturating_sub(exchange.reply.len());
            exchange.reply.extend(raw.iter().take(room));
            exchange.reply_bytes += raw.len();
            exchange.took_ms = Some(now_ms - exchange.at_ms);
            exchange.has_failed = matches!(reply, Reply::Error(_) | Reply::BulkError(_));
            exchange.is_resp3 = is_resp3;
        }
    }

    /// Learns from a reply how what follows is to be read.
    fn learn(&mut self, pane: u32, conn: u32, number: u64, reply: &Reply) {
        let words = self.get(number).map(|it| it.words.clone()).unwrap_or_default();
        let state = self.conn(pane, conn);
        let is = |index: usize, text: &str| {
            words.get(index).is_some_and(|word| word.eq_ignore_ascii_case(text.as_bytes()))
        };
        if matches!(reply, Reply::Error(_)) {
        } else if is(0, "HELLO") && words.len() > 1 {
            state.is_resp3 = is(1, "3");
        } else if is(0, "MONITOR") {
            state.is_monitor = true;
        } else if is(0, "RESET") {
            *state = Conn { pending: std::mem::take(&mut state.pending), ..Conn::default() };
        } else if is_message(reply, &CONFIRMATIONS) {
            state.is_subscribed = true;
        }
    }

    fn conn(&mut self, pane: u32, conn: u32) -> &mut Conn {
        if !self.conns.contains_key(&(pane, conn)) {
            // An older connection of the pane is gone.
            self.conns.retain(|(other, _), _| *other != pane);
        }
        self.conns.entry((pane, conn)).or_default()
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Exchange> {
        let first = self.kept.front()?.number;
        self.kept.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    fn push(&mut self, pane: u32, words: Vec<Vec<u8>>, request: Vec<u8>, at_ms: f64) -> u64 {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.last += 1;
        let mut request = request;
        request.truncate(BYTES_KEPT);
        self.kept.push_back(Exchange {
            number: self.last,
            pane,
            line: line(&words),
            words,
            at_ms,
            took_ms: None,
            request,
            reply: Vec::new(),
            reply_bytes: 0,
            has_failed: false,
            is_resp3: false,
        });
        self.last
    }
}

/// The commands that bytes are, as far as they are arrays of strings, as panes send them.
pub fn commands(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some((words, length)) = command(rest) {
        found.push(words);
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

/// The command that bytes begin with, and its length: panes send arrays of strings.
fn command(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let (request, length) = Reply::read(bytes).ok()??;
    let Reply::Array(words) = request else { return None };
    let word = |word| match word {
        Reply::Bulk(bytes) => Some(bytes),
        _ => None,
    };
    Some((words.into_iter().map(word).collect::<Option<_>>()?, length))
}

const MESSAGES: [&str; 3] = ["message", "pmessage", "smessage"];
const CONFIRMATIONS: [&str; 6] =
    ["subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe"];

/// Whether a reply is an array or a push that begins with one of these words.
fn is_message(reply: &Reply, words: &[&str]) -> bool {
    let (Reply::Array(parts) | Reply::Push(parts)) = reply else { return false };
    matches!(parts.first(), Some(Reply::Bulk(first)) if words.iter().any(|word| word.as_bytes() == first))
}

/// Whether a status is a line of MONITOR.
pub fn is_monitor_line(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_digit) && text.windows(2).any(|pair| pair == b" [")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::session::request;

    fn send(exchanges: &mut Exchanges, line: &str, now_ms: f64) {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        exchanges.sent(1, 1, &request(&words), now_ms);
    }

    fn seen(exchanges: &Exchanges) -> Vec<String> {
        let text = |it: &Exchange| {
            format!(
                "{} > {}",
                it.line,
                String::from_utf8_lossy(&it.reply).replace("\r\n", " ").trim()
            )
        };
        exchanges.all().map(text).collect()
    }

    #[test]
    fn replies_belong_to_requests_in_their_order() {
        let mut exchanges = Exchanges::default();
        send(&mut exchanges, "SET a 1", 10.0);
        send(&mut exchanges, "GET b", 11.0);
        exchanges.received(1, 1, b"+OK\r\n-ERR", 12.0);
        assert_eq!(exchanges.get(2).unwrap().took_ms, None);
        exchanges.received(1, 1, b" no\r\n", 15.0);
        assert_eq!(seen(&exchanges), ["SET a 1 > +OK", "GET b > -ERR no"]);
        let second = exchanges.get(2).unwrap();
        assert_eq!((second.took_ms, second.reply_bytes, second.has_failed), (Some(4.0), 9, true));
        assert!(second.request.starts_with(b"*2\r\n"));
        // Another connection of the pane: what the old one awaited does not come.
        exchanges.sent(1, 2, b"*1\r\n$4\r\nPING\r\n", 20.0);
        exchanges.received(1, 2, b"+PONG\r\n", 21.0);
        assert_eq!(exchanges.get(3).unwrap().reply, b"+PONG\r\n");
    }

    #[test]
    fn what_nobody_has_asked_for_stands_alone() {
        let mut exchanges = Exchanges::default();
        send(&mut exchanges, "SUBSCRIBE a b", 0.0);
        exchanges.received(1, 1, b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", 0.0);
        exchanges.received(1, 1, b"*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n", 0.0);
        exchanges.received(1, 1, b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n", 0.0);
        send(&mut exchanges, "PING", 0.0);
        exchanges.received(1, 1, b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nho\r\n", 0.0);
        exchanges.received(1, 1, b"+PONG\r\n", 0.0);
        let lines: Vec<&str> = exchanges.all().map(|it| it.line.as_str()).collect();
        assert_eq!(lines, ["SUBSCRIBE a b", "", "PING", ""]);
        assert_eq!(exchanges.get(3).unwrap().reply, b"+PONG\r\n");
        let mut exchanges = Exchanges::default();
        send(&mut exchanges, "HELLO 3", 0.0);
        exchanges.received(1, 1, b"%0\r\n>2\r\n+invalidate\r\n_\r\n", 0.0);
        assert!(exchanges.get(2).unwrap().line.is_empty());
        assert!(exchanges.all().all(|it| it.is_resp3));
        send(&mut exchanges, "MONITOR", 0.0);
        exchanges.received(1, 1, b"+OK\r\n+1700000000.1 [0 page:1] \"get\" \"a\"\r\n", 0.0);
        assert_eq!(exchanges.last(), 4);
        assert_eq!(exchanges.get(3).unwrap().reply, b"+OK\r\n");
    }

    #[test]
    fn muted_commands_have_no_reply() {
        let mut exchanges = Exchanges::default();
        for line in
            ["CLIENT REPLY OFF", "SET a 1", "CLIENT REPLY ON", "CLIENT REPLY SKIP", "GET a", "PING"]
        {
            send(&mut exchanges, line, 0.0);
        }
        exchanges.received(1, 1, b"+OK\r\n+PONG\r\n", 0.0);
        let replied = |it: &&Exchange| it.took_ms.is_some();
        let lines: Vec<&str> = exchanges.all().filter(replied).map(|it| it.line.as_str()).collect();
        assert_eq!(lines, ["CLIENT REPLY ON", "PING"]);
    }

    #[test]
    fn old_and_long_ones_are_not_kept() {
        let mut exchanges = Exchanges::default();
        for number in 0..KEPT + 10 {
            send(&mut exchanges, &format!("GET {number}"), 0.0);
        }
        assert_eq!(exchanges.all().len(), KEPT);
        assert_eq!(exchanges.get(1), None);
        let first = exchanges.all().next().unwrap().number;
        assert_eq!(exchanges.get(first).unwrap().line, "GET 10");
        let long = format!("$50000\r\n{}\r\n", "x".repeat(50_000));
        exchanges.received(1, 1, long.as_bytes(), 0.0);
        exchanges.received(1, 1, b"$1\r\n1\r\n", 0.0);
    }
}
