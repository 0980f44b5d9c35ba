//! Replies, read back: for clients of the engine such as the page's terminal and the tests.
//!
//! The reader is as careful as the request decoder: it never trusts a declared length, and nests
//! no deeper than a fixed depth.

use crate::base::{limits, num};

/// A reply as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Simple(Vec<u8>),
    /// `-ERR …`
    Error(Vec<u8>),
    /// `:1`
    Int(i64),
    /// `$…`
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`
    Null,
    /// `*…`
    Array(Vec<Self>),
    /// `%…`, as pairs in their order
    Map(Vec<(Self, Self)>),
    /// `~…`
    Set(Vec<Self>),
    /// `>…`
    Push(Vec<Self>),
    /// `,1.5`, its digits as they were sent
    Double(Vec<u8>),
    /// `#t`
    Bool(bool),
    /// `(123`
    BigNumber(Vec<u8>),
    /// `=txt:…`, without the format
    Verbatim(Vec<u8>),
    /// `!…`, an error with a length
    BulkError(Vec<u8>),
    /// `|…` before a reply: the attributes and the reply they belong to
    Attributed(Vec<(Self, Self)>, Box<Self>),
}

/// Bytes that are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Reply {
    /// Reads one reply from the start of `input`: the reply and how many bytes it took, or `None`
    /// if it goes on beyond them. Costs O(bytes of the reply) each time it is asked.
    pub fn read(input: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let mut reader = Reader { input, position: 0 };
        match reader.reply(0) {
            Ok(reply) => Ok(Some((reply, reader.position))),
            Err(Stop::More) => Ok(None),
            Err(Stop::Malformed) => Err(Malformed),
        }
    }

    /// Whether this is a message that answers no command.
    pub fn is_push(&self) -> bool {
        matches!(self, Self::Push(_))
    }
}

enum Stop {
    More,
    Malformed,
}

struct Reader<'a> {
    input: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn reply(&mut self, depth: usize) -> Result<Reply, Stop> {
        if depth > limits::REPLY_DEPTH_MAX {
            return Err(Stop::Malformed);
        }
        let line = self.line()?;
        let (&kind, text) = line.split_first().ok_or(Stop::Malformed)?;
        match kind {
            b'+' => Ok(Reply::Simple(text.to_vec())),
            b'-' => Ok(Reply::Error(text.to_vec())),
            b':' => {
                let text = text.strip_prefix(b"+").unwrap_or(text);
                let unsigned = || num::parse_u64(text).map(|_| Reply::BigNumber(text.to_vec()));
                num::parse_i64(text).map(Reply::Int).or_else(unsigned).ok_or(Stop::Malformed)
            }
            b',' => Ok(Reply::Double(text.to_vec())),
            b'(' => Ok(Reply::BigNumber(text.to_vec())),
            b'#' => match text {
                b"t" => Ok(Reply::Bool(true)),
                b"f" => Ok(Reply::Bool(false)),
                _ => Err(Stop::Malformed),
            },
            b'_' => Ok(Reply::Null),
            b'$' if text == b"-1" => Ok(Reply::Null),
            b'$' => Ok(Reply::Bulk(self.payload(text)?.to_vec())),
            b'!' => Ok(Reply::BulkError(self.payload(text)?.to_vec())),
            b'=' => {
                let payload = self.payload(text)?;
                Ok(Reply::Verbatim(payload.get(4..).ok_or(Stop::Malformed)?.to_vec()))
            }
            b'*' if text == b"-1" => Ok(Reply::Null),
            b'*' => self.elements(text, depth).map(Reply::Array),
            b'~' => self.elements(text, depth).map(Reply::Set),
            b'>' => self.elements(text, depth).map(Reply::Push),
            b'%' => self.pairs(text, depth).map(Reply::Map),
            b'|' => {
                let attributes = self.pairs(text, depth)?;
                Ok(Reply::Attributed(attributes, Box::new(self.reply(depth + 1)?)))
            }
            _ => Err(Stop::Malformed),
        }
    }

    fn elements(&mut self, count: &[u8], depth: usize) -> Result<Vec<Reply>, Stop> {
        let count = self.length(count)?;
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(self.reply(depth + 1)?);
        }
        Ok(elements)
    }

    fn pairs(&mut self, count: &[u8], depth: usize) -> Result<Vec<(Reply, Reply)>, Stop> {
        let count = self.length(count)?;
        let mut pairs = Vec::new();
        for _ in 0..count {
            pairs.push((self.reply(depth + 1)?, self.reply(depth + 1)?));
        }
        Ok(pairs)
    }

    fn payload(&mut self, length: &[u8]) -> Result<&'a [u8], Stop> {
        let length = self.length(length)?;
        let rest = self.input.get(self.position..).unwrap_or_default();
        let end = length.checked_add(2).ok_or(Stop::Malformed)?;
        let payload = rest.get(..end).ok_or(Stop::More)?;
        self.position += end;
        payload.strip_suffix(b"\r\n").ok_or(Stop::Malformed)
    }

    fn length(&self, digits: &[u8]) -> Result<usize, Stop> {
        num::parse_i64(digits)
            .and_then(|length| usize::try_from(length).ok())
            .ok_or(Stop::Malformed)
    }

    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = self.input.get(self.position..).unwrap_or_default();
        let is_end = |&at: &usize| rest.get(at + 1) == Some(&b'\n');
        let end = memchr::memchr_iter(b'\r', rest).find(is_end).ok_or(Stop::More)?;
        self.position += end + 2;
        Ok(&rest[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_whole_or_not_at_all() {
        let wire = b"*3\r\n%1\r\n+a\r\n:1\r\n~1\r\n,1.5\r\n|1\r\n+k\r\n#t\r\n=7\r\ntxt:abc\r\n";
        for end in 0..wire.len() {
            assert_eq!(Reply::read(&wire[..end]), Ok(None), "{end}");
        }
        let expect = Reply::Array(vec![
            Reply::Map(vec![(Reply::Simple(b"a".to_vec()), Reply::Int(1))]),
            Reply::Set(vec![Reply::Double(b"1.5".to_vec())]),
            Reply::Attributed(
                vec![(Reply::Simple(b"k".to_vec()), Reply::Bool(true))],
                Box::new(Reply::Verbatim(b"abc".to_vec())),
            ),
        ]);
        assert_eq!(Reply::read(wire), Ok(Some((expect, wire.len()))));
    }

    #[test]
    fn nonsense_is_refused() {
        for wire in ["?\r\n", ":a\r\n", "$a\r\n", "$1\r\nabc", "#x\r\n", "=1\r\na\r\n", "\r\n"] {
            assert_eq!(Reply::read(wire.as_bytes()), Err(Malformed), "{wire:?}");
        }
        assert_eq!(Reply::read("*1\r\n".repeat(100).as_bytes()), Err(Malformed));
        assert_eq!(Reply::read(b"*2147483647\r\n"), Ok(None));
    }
}
