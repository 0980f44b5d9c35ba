//! Replies, written in the connection's protocol straight into the bytes that will be sent.
//!
//! One method a reply type; where RESP2 has no such type, the method writes what Redis writes in
//! its place (a map becomes a flat array, a double a bulk string …), so a handler says what a
//! reply *is* and never which protocol the client speaks.

use crate::base::{Error, limits, num};

/// The version of the protocol that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Proto {
    /// RESP2, which every connection starts with.
    #[default]
    V2,
    /// RESP3, asked for with HELLO 3.
    V3,
}

/// A connection's output: what was replied and not sent yet.
///
/// A host reads [`Out::pending`], sends as much as the world takes, and says how much with
/// [`Out::consume`].
#[derive(Debug, Default)]
pub struct Out {
    bytes: Vec<u8>,
    sent: usize,
    proto: Proto,
    /// Set while replies are thrown away (CLIENT REPLY OFF and SKIP).
    muted: bool,
    /// From here on, `bytes` are not to be sent yet.
    held_from: Option<usize>,
    /// How often it was held back and not released.
    holds: u32,
    /// Bytes that were in `bytes` once and are no longer.
    gone: u64,
}

/// A place in the output, to come back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

impl Out {
    /// The bytes to send next.
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.sent..self.held_from.unwrap_or(self.bytes.len())).unwrap_or_default()
    }

    /// How many bytes are still to be sent, those held back included.
    pub fn owed(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Holds back what was not sent, and what is written from now on; returns the place where the
    /// output ends, for [`Out::release`].
    pub fn hold(&mut self) -> u64 {
        self.holds += 1;
        self.held_from.get_or_insert(self.sent);
        self.gone + self.bytes.len() as u64
    }

    /// Ends the holding back that has returned this place, and that of nothing else: what comes after it
    /// stays held back if it was held back again.
    pub fn release(&mut self, until: u64) {
        let place = until.saturating_sub(self.gone) as usize;
        self.holds = self.holds.saturating_sub(1);
        self.held_from = self.held_from.filter(|_| self.holds > 0).map(|from| from.max(place));
    }

    /// Takes the first `count` bytes away.
    fn forget(&mut self, count: usize) {
        self.bytes.drain(..count);
        self.sent = self.sent.saturating_sub(count);
        self.held_from = self.held_from.map(|from| from.saturating_sub(count));
        self.gone += count as u64;
    }

    /// Says that the first `count` pending bytes were sent.
    pub fn consume(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.bytes.len());
        if self.sent == self.bytes.len() {
            self.forget(self.sent);
            if self.bytes.capacity() > limits::OUTBOX_KEPT_BYTES {
                self.bytes.shrink_to(limits::OUTBOX_KEPT_BYTES);
            }
        } else if self.sent > limits::OUTBOX_KEPT_BYTES && self.sent > self.bytes.len() / 2 {
            // A client that is always a little behind must not keep all it was ever sent.
            self.forget(self.sent);
        }
    }

    /// Takes all pending bytes out, leaving the output with its settings.
    pub fn take(&mut self) -> Vec<u8> {
        if self.held_from.is_some() {
            let bytes = self.pending().to_vec();
            self.consume(bytes.len());
            return bytes;
        }
        self.gone += self.bytes.len() as u64;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.drain(..std::mem::take(&mut self.sent));
        bytes
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// The protocol replies are written in.
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Changes the protocol for what is written from now on.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// Whether what is written is thrown away.
    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// Throws away what is written from now on, or ends that.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Where the output ends now.
    pub fn mark(&self) -> Mark {
        Mark(self.bytes.len())
    }

    /// How many bytes were written since `mark`, taken since bytes were last consumed.
    pub fn bytes_since(&self, mark: Mark) -> usize {
        self.bytes.len().saturating_sub(mark.0)
    }

    /// Forgets everything written since `mark`, taken since bytes were last consumed.
    pub fn rewind(&mut self, mark: Mark) {
        self.bytes.truncate(mark.0);
    }

    /// What was written since `mark`, taken since bytes were last consumed.
    pub fn since(&self, mark: Mark) -> &[u8] {
        self.bytes.get(mark.0..).unwrap_or_default()
    }

    /// Writes bytes that are a whole reply, or several, already.
    pub fn raw(&mut self, reply: &[u8]) {
        if !self.muted {
            self.bytes.extend_from_slice(reply);
        }
    }

    /// As [`Out::raw`], muted or not: messages that answer no command are never thrown away.
    pub fn push_raw(&mut self, messages: &[u8]) {
        self.bytes.extend_from_slice(messages);
    }

    /// Throws away everything that was not sent.
    pub fn discard(&mut self) {
        self.gone += self.bytes.len() as u64;
        self.bytes = Vec::new();
        self.sent = 0;
        self.held_from = self.held_from.map(|_| 0);
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A status, such as `QUEUED`; `text` has no line break.
    pub fn simple(&mut self, text: &str) {
        self.raw(b"+");
        self.raw(text.as_bytes());
        self.raw(b"\r\n");
    }

    /// An error. Line breaks that a client smuggled into its text are sent as spaces.
    pub fn error(&mut self, error: &Error) {
        self.error_line(error.line());
    }

    /// An error whose line is given, its code word first.
    pub fn error_line(&mut self, line: &[u8]) {
        if self.muted {
            return;
        }
        self.bytes.push(b'-');
        let clean = |&byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        let end =
            line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        self.bytes.extend(line.iter().take(end).map(clean));
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        match usize::try_from(value) {
            Ok(value) => self.length(b':', value),
            Err(_) => self.header(b':', &num::Digits::of(value)),
        }
    }

    /// An integer without a sign. Those beyond [`i64::MAX`] are not what every client expects, but what
    /// Redis sends.
    pub fn uint(&mut self, value: u64) {
        self.header(b':', &num::Digits::of_u64(value));
    }

    /// A count as an integer.
    #[inline]
    pub fn count(&mut self, count: usize) {
        self.int(count as i64);
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        if self.muted {
            return;
        }
        self.bytes.reserve(bytes.len() + 26);
        self.length(b'$', bytes.len());
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// An integer as a bulk string, as values that are numbers are sent.
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(&num::Digits::of(value));
    }

    /// The absence of a value.
    pub fn null(&mut self) {
        match self.proto {
            Proto::V2 => self.raw(b"$-1\r\n"),
            Proto::V3 => self.raw(b"_\r\n"),
        }
    }

    /// The absence of a list of values; a null of its own in RESP2.
    pub fn null_array(&mut self) {
        match self.proto {
            Proto::V2 => self.raw(b"*-1\r\n"),
            Proto::V3 => self.raw(b"_\r\n"),
        }
    }

    /// The start of an array of `count` elements, which follow.
    #[inline]
    pub fn array(&mut self, count: usize) {
        self.length(b'*', count);
    }

    /// The start of a map of `pairs` keys and values, which follow in turn.
    pub fn map(&mut self, pairs: usize) {
        match self.proto {
            Proto::V2 => self.array(pairs * 2),
            Proto::V3 => self.header(b'%', &num::Digits::of_u64(pairs as u64)),
        }
    }

    /// The start of a set of `count` elements, which follow.
    pub fn set(&mut self, count: usize) {
        match self.proto {
            Proto::V2 => self.array(count),
            Proto::V3 => self.header(b'~', &num::Digits::of_u64(count as u64)),
        }
    }

    /// The start of a message that answers no command; an array in RESP2.
    pub fn push(&mut self, count: usize) {
        match self.proto {
            Proto::V2 => self.array(count),
            Proto::V3 => self.header(b'>', &num::Digits::of_u64(count as u64)),
        }
    }

    /// The start of the attributes of the reply that follows: `pairs` keys and values. RESP2 has
    /// none, so nothing may be written for them there; returns whether they are to be written.
    pub fn attributes(&mut self, pairs: usize) -> bool {
        let written = self.proto == Proto::V3;
        if written {
            self.header(b'|', &num::Digits::of_u64(pairs as u64));
        }
        written
    }

    /// A floating-point number.
    pub fn double(&mut self, value: f64) {
        self.double_text(&num::format_f64(value));
    }

    /// A floating-point number whose text is given.
    pub fn double_text(&mut self, text: &[u8]) {
        match self.proto {
            Proto::V2 => self.bulk(text),
            Proto::V3 => self.header(b',', text),
        }
    }

    /// True or false; 1 or 0 in RESP2.
    pub fn bool(&mut self, value: bool) {
        match (self.proto, value) {
            (Proto::V2, _) => self.int(i64::from(value)),
            (Proto::V3, true) => self.raw(b"#t\r\n"),
            (Proto::V3, false) => self.raw(b"#f\r\n"),
        }
    }

    /// A number of any size, as decimal digits.
    pub fn big_number(&mut self, digits: &str) {
        match self.proto {
            Proto::V2 => self.bulk(digits.as_bytes()),
            Proto::V3 => self.header(b'(', digits.as_bytes()),
        }
    }

    /// Text for people, which clients print as it is; `format` is `txt` or `mkd`.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        match self.proto {
            Proto::V2 => self.bulk(text),
            Proto::V3 => {
                self.header(b'=', &num::Digits::of_u64(text.len() as u64 + 4));
                self.raw(format.as_bytes());
                self.raw(b":");
                self.raw(text);
                self.raw(b"\r\n");
            }
        }
    }

    /// Lines of text as an array of statuses, as HELP subcommands reply.
    pub fn lines<S: AsRef<str>>(&mut self, lines: &[S]) {
        self.array(lines.len());
        for line in lines {
            self.simple(line.as_ref());
        }
    }

    /// Puts the header of an array before what was written since `mark`, once the number of its
    /// elements is known. Costs O(bytes since `mark`).
    pub fn array_since(&mut self, mark: Mark, count: usize) {
        self.insert_header(mark, b'*', count);
    }

    /// As [`Out::array_since`], for a map of `pairs`.
    pub fn map_since(&mut self, mark: Mark, pairs: usize) {
        match self.proto {
            Proto::V2 => self.insert_header(mark, b'*', pairs * 2),
            Proto::V3 => self.insert_header(mark, b'%', pairs),
        }
    }

    /// As [`Out::array_since`], for a set.
    pub fn set_since(&mut self, mark: Mark, count: usize) {
        match self.proto {
            Proto::V2 => self.insert_header(mark, b'*', count),
            Proto::V3 => self.insert_header(mark, b'~', count),
        }
    }

    fn insert_header(&mut self, mark: Mark, kind: u8, count: usize) {
        if self.muted {
            return;
        }
        let digits = num::Digits::of_u64(count as u64);
        let header = [kind].into_iter().chain(digits.iter().copied()).chain(*b"\r\n");
        self.bytes.splice(mark.0..mark.0, header);
    }

    /// A line with a number that is seldom large.
    #[inline]
    fn length(&mut self, kind: u8, number: usize) {
        let digit = |number: usize| b'0' + (number % 10) as u8;
        match number {
            0..10 => self.raw(&[kind, digit(number), b'\r', b'\n']),
            10..100 => self.raw(&[kind, digit(number / 10), digit(number), b'\r', b'\n']),
            _ => self.header(kind, &num::Digits::of_u64(number as u64)),
        }
    }

    #[inline]
    fn header(&mut self, kind: u8, text: &[u8]) {
        if self.muted {
            return;
        }
        self.bytes.reserve(text.len() + 3);
        self.bytes.push(kind);
        self.bytes.extend_from_slice(text);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(proto: Proto, write: impl FnOnce(&mut Out), expect: &str) {
        let mut out = Out::default();
        out.set_proto(proto);
        write(&mut out);
        assert_eq!(String::from_utf8_lossy(out.pending()), expect);
    }

    #[test]
    fn every_type_in_both_protocols() {
        let all = |out: &mut Out| {
            out.map(1);
            out.bulk(b"k");
            out.set(2);
            out.double(0.5);
            out.bool(true);
            out.null();
            out.null_array();
            out.verbatim("txt", b"hi");
            out.big_number("12345678901234567890");
            if out.attributes(1) {
                out.simple("ttl");
                out.int(7);
            }
            out.push(1);
            out.int(-9);
        };
        check(
            Proto::V2,
            all,
            "*2\r\n$1\r\nk\r\n*2\r\n$3\r\n0.5\r\n:1\r\n$-1\r\n*-1\r\n$2\r\nhi\r\n\
             $20\r\n12345678901234567890\r\n*1\r\n:-9\r\n",
        );
        check(
            Proto::V3,
            all,
            "%1\r\n$1\r\nk\r\n~2\r\n,0.5\r\n#t\r\n_\r\n_\r\n=6\r\ntxt:hi\r\n\
             (12345678901234567890\r\n|1\r\n+ttl\r\n:7\r\n>1\r\n:-9\r\n",
        );
    }

    #[test]
    fn errors_stay_on_their_line() {
        let error = Error::Bytes(b"ERR unknown 'a\r\n+OK'\r\n".to_vec());
        check(Proto::V2, |out| out.error(&error), "-ERR unknown 'a  +OK'\r\n");
    }

    #[test]
    fn lengths_known_late() {
        let late = |out: &mut Out| {
            out.ok();
            let mark = out.mark();
            out.int(1);
            out.int(2);
            out.array_since(mark, 2);
        };
        check(Proto::V2, late, "+OK\r\n*2\r\n:1\r\n:2\r\n");
    }

    #[test]
    fn sent_bytes_leave() {
        let mut out = Out::default();
        out.ok();
        out.consume(2);
        assert_eq!(out.pending(), b"K\r\n");
        assert_eq!(out.take(), b"K\r\n");
        assert!(out.pending().is_empty());
    }
}
