//! Requests: from bytes in pieces of any size to the arguments of a command.
//!
//! The decoder owns no bytes. It is given the unread part of a connection's input from the start
//! of the current command, remembers how far it has come in it, and yields arguments as spans of
//! that very buffer, so an argument is first copied when a value is stored. Only an inline command
//! is unquoted into a small buffer of the decoder's own.
//!
//! A length that a client declares is checked against its limit and then waited for; memory grows
//! only with bytes that have arrived.

use std::fmt;

use super::words;
use crate::base::{limits, num};

/// The arguments of one command: spans of a buffer, the command's name first.
#[derive(Clone, Copy)]
pub struct Argv<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

/// Where an argument lies in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl<'a> Argv<'a> {
    /// How many arguments there are, the name included.
    pub fn len(self) -> usize {
        self.spans.len()
    }

    /// Whether there are no arguments at all; never true of a decoded command.
    pub fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// Argument `index`, the name being 0.
    #[inline]
    pub fn get(self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|&span| self.slice(span))
    }

    /// All arguments, the name first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone {
        self.spans.iter().map(move |&span| self.slice(span))
    }

    /// The arguments from `index` on; none if there are fewer.
    #[must_use]
    pub fn from(self, index: usize) -> Self {
        Self { bytes: self.bytes, spans: self.spans.get(index..).unwrap_or_default() }
    }

    /// The first `count` arguments; `None` if there are fewer.
    pub fn first(self, count: usize) -> Option<Self> {
        Some(Self { bytes: self.bytes, spans: self.spans.get(..count)? })
    }

    /// A copy that lives on its own: a queued or blocked command.
    pub fn to_owned(self) -> OwnedArgv {
        self.iter().collect()
    }

    #[inline]
    fn slice(self, span: Span) -> &'a [u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

impl fmt::Debug for Argv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|arg| arg.escape_ascii().to_string())).finish()
    }
}

/// Arguments that own their bytes, in one allocation for all.
#[derive(Clone, Default)]
pub struct OwnedArgv {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl OwnedArgv {
    /// The arguments.
    pub fn view(&self) -> Argv<'_> {
        Argv { bytes: &self.bytes, spans: &self.spans }
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}

impl<'a> FromIterator<&'a [u8]> for OwnedArgv {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(args: I) -> Self {
        let mut all = Self::default();
        for arg in args {
            push_word(&mut all.bytes, &mut all.spans, arg);
        }
        all
    }
}

/// Appends `word` to `bytes` and its place to `spans`. The decoder's limit on the size of a whole
/// command keeps places within `u32`.
fn push_word(bytes: &mut Vec<u8>, spans: &mut Vec<Span>, word: &[u8]) {
    let start = bytes.len() as u32;
    bytes.extend_from_slice(word);
    spans.push(Span { start, end: bytes.len() as u32 });
}

/// What stands in the way of reading on; the connection is closed after the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The number behind `*` is not one, or too large.
    MultibulkLength,
    /// The number behind `$` is not one, negative or too large.
    BulkLength,
    /// Something other than `$` where an argument must begin.
    ExpectedDollar(u8),
    /// An inline command whose quotes do not close.
    UnbalancedQuotes,
    /// An inline command without an end.
    InlineTooLong,
    /// A `*` line without an end.
    MultibulkLineTooLong,
    /// A `$` line without an end.
    BulkLineTooLong,
    /// More arguments than a client may send before it has authenticated.
    UnauthenticatedMultibulk,
    /// A longer argument than a client may send before it has authenticated.
    UnauthenticatedBulk,
}

impl ProtocolError {
    /// The whole error line, without `-` and line break.
    pub fn line(self) -> Vec<u8> {
        let what: &[u8] = match self {
            Self::MultibulkLength => b"invalid multibulk length",
            Self::BulkLength => b"invalid bulk length",
            Self::ExpectedDollar(got) => {
                return [b"ERR Protocol error: expected '$', got '".as_slice(), &[got], b"'"]
                    .concat();
            }
            Self::UnbalancedQuotes => b"unbalanced quotes in request",
            Self::InlineTooLong => b"too big inline request",
            Self::MultibulkLineTooLong => b"too big mbulk count string",
            Self::BulkLineTooLong => b"too big bulk count string",
            Self::UnauthenticatedMultibulk => b"unauthenticated multibulk length",
            Self::UnauthenticatedBulk => b"unauthenticated bulk length",
        };
        [b"ERR Protocol error: ", what].concat()
    }
}

/// What a client may send at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest argument in bytes (`proto-max-bulk-len`).
    pub bulk_bytes_max: i64,
    /// Whether the client still has to authenticate, which makes the limits tight.
    pub unauthenticated: bool,
}

/// How a call of [`Decoder::step`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A command is complete; [`Decoder::argv`] holds it, and it took this many bytes.
    Command(usize),
    /// Bytes that hold no command (an empty line, `*0`) were passed over: this many.
    Nothing(usize),
    /// The command goes on beyond the bytes there are.
    More,
}

/// Where the words of a command are among those that a decoder holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words {
    first: usize,
    end: usize,
}

/// Where decoding stands within one command.
#[derive(Default)]
pub struct Decoder {
    /// The words of commands decoded ahead, and of the current one.
    spans: Vec<Span>,
    /// Where those of the current command begin.
    first: usize,
    inline: Vec<u8>,
    is_inline: bool,
    /// Bytes of the current command already understood.
    position: usize,
    /// Arguments still to come, once the `*` line has been read.
    missing: Option<i64>,
    /// Length of the argument whose `$` line has been read.
    bulk: Option<usize>,
}

impl Decoder {
    /// Reads on in `input`, which begins where the current command begins. After
    /// [`Step::Command`] or [`Step::Nothing`], the next call starts a new command behind the bytes
    /// named. Costs O(bytes not seen before).
    pub fn step(&mut self, input: &[u8], limits: Limits) -> Result<Step, ProtocolError> {
        self.forget();
        self.step_ahead(input, limits)
    }

    /// As [`Decoder::step`], while the words of commands that were decoded before stay, until
    /// [`Decoder::forget`]. An inline command must be the only one: see
    /// [`Decoder::begins_inline`].
    pub fn step_ahead(&mut self, input: &[u8], limits: Limits) -> Result<Step, ProtocolError> {
        if self.missing.is_none() {
            self.first = self.spans.len();
            match input.first() {
                None => return Ok(Step::More),
                Some(b'*') => {}
                Some(_) => return self.step_inline(input),
            }
            let Some((count, end)) = number_line(input, 0) else {
                return more_unless_long(input, 0, ProtocolError::MultibulkLineTooLong);
            };
            let count = count
                .filter(|&count| count <= limits::ARGUMENTS_MAX)
                .ok_or(ProtocolError::MultibulkLength)?;
            if limits.unauthenticated && count > limits::ARGUMENTS_UNAUTHENTICATED_MAX {
                return Err(ProtocolError::UnauthenticatedMultibulk);
            }
            if count <= 0 {
                return Ok(Step::Nothing(end));
            }
            self.spans.reserve((count as usize).min(limits::ARGUMENTS_RESERVED_MAX));
            self.is_inline = false;
            self.position = end;
            self.missing = Some(count);
        }
        let mut missing = self.missing.unwrap_or(0);
        while missing > 0 {
            if !self.step_bulk(input, limits)? {
                self.missing = Some(missing);
                return Ok(Step::More);
            }
            missing -= 1;
        }
        self.missing = None;
        Ok(Step::Command(std::mem::take(&mut self.position)))
    }

    /// The arguments of the command that the last step completed; `input` is what it was given.
    pub fn argv<'a>(&'a self, input: &'a [u8]) -> Argv<'a> {
        self.argv_of(self.words(), input)
    }

    /// Where the words are of the command that the last step completed.
    #[inline]
    pub fn words(&self) -> Words {
        Words { first: self.first, end: self.spans.len() }
    }

    /// The arguments of a command whose words are kept; `input` is what that step was given.
    #[inline]
    pub fn argv_of<'a>(&'a self, words: Words, input: &'a [u8]) -> Argv<'a> {
        let bytes = if self.is_inline { &self.inline } else { input };
        Argv { bytes, spans: self.spans.get(words.first..words.end).unwrap_or_default() }
    }

    /// Whether `input` begins a command typed as a line.
    #[inline]
    pub fn begins_inline(&self, input: &[u8]) -> bool {
        self.missing.is_none() && input.first().is_some_and(|&byte| byte != b'*')
    }

    /// Whether the last command was typed as a line.
    #[inline]
    pub fn is_inline(&self) -> bool {
        self.is_inline
    }

    /// Lets go of the words of all complete commands.
    #[inline]
    pub fn forget(&mut self) {
        if self.missing.is_none() {
            self.spans.clear();
            if self.spans.capacity() > limits::ARGUMENTS_KEPT_MAX {
                self.spans = Vec::new();
            }
        } else {
            self.spans.drain(..self.first);
        }
        self.first = 0;
    }

    /// Lets go of everything: the next step begins a command.
    pub fn reset(&mut self) {
        (self.missing, self.bulk, self.position) = (None, None, 0);
        self.forget();
    }

    /// After [`Step::More`]: what there is of a line that says how many arguments or bytes follow; `None`
    /// where an argument is waited for. `input` is what that step was given.
    pub fn begun_line<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        input.get(self.position..).filter(|_| self.bulk.is_none())
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        self.inline.capacity() + self.spans.capacity() * size_of::<Span>()
    }

    /// Reads one `$` argument; false if it is not all there yet.
    #[inline]
    fn step_bulk(&mut self, input: &[u8], limits: Limits) -> Result<bool, ProtocolError> {
        let (start, length) = match self.bulk.take() {
            Some(length) => (self.position, length),
            None => match self.bulk_line(input, limits)? {
                Some(line) => line,
                None => return Ok(false),
            },
        };
        let end = start + length;
        // The two bytes behind an argument are passed over unread, as Redis does.
        if input.len() < end + 2 {
            self.position = start;
            self.bulk = Some(length);
            return Ok(false);
        }
        let Ok(end32) = u32::try_from(end) else { return Err(ProtocolError::BulkLength) };
        self.spans.push(Span { start: start as u32, end: end32 });
        self.position = end + 2;
        Ok(true)
    }

    /// Reads a `$` line: where its argument begins and how long it is; `None` if the line has not
    /// ended.
    #[inline]
    fn bulk_line(
        &self,
        input: &[u8],
        limits: Limits,
    ) -> Result<Option<(usize, usize)>, ProtocolError> {
        match input.get(self.position) {
            None => return Ok(None),
            Some(b'$') => {}
            // Redis looks at this byte only once the line has ended.
            Some(&got) => {
                return match memchr::memchr(b'\r', &input[self.position..]) {
                    Some(_) => Err(ProtocolError::ExpectedDollar(got)),
                    None => self.no_bulk_line(input),
                };
            }
        }
        let Some((length, start)) = number_line(input, self.position) else {
            return self.no_bulk_line(input);
        };
        let length = length
            .filter(|length| (0..=limits.bulk_bytes_max).contains(length))
            .ok_or(ProtocolError::BulkLength)?;
        if limits.unauthenticated && length > limits::BULK_BYTES_UNAUTHENTICATED_MAX {
            return Err(ProtocolError::UnauthenticatedBulk);
        }
        Ok(Some((start, length as usize)))
    }

    /// The `$` line has not ended, and must not go on for ever.
    #[cold]
    fn no_bulk_line(&self, input: &[u8]) -> Result<Option<(usize, usize)>, ProtocolError> {
        more_unless_long(input, self.position, ProtocolError::BulkLineTooLong).map(|_| None)
    }

    /// Reads a command typed as a line.
    fn step_inline(&mut self, input: &[u8]) -> Result<Step, ProtocolError> {
        let Some(end) = memchr::memchr(b'\n', input) else {
            return more_unless_long(input, 0, ProtocolError::InlineTooLong);
        };
        let line = &input[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.inline.clear();
        self.is_inline = true;
        for word in words::split(line).map_err(|_| ProtocolError::UnbalancedQuotes)? {
            push_word(&mut self.inline, &mut self.spans, &word);
        }
        if self.spans.len() == self.first {
            return Ok(Step::Nothing(end + 1));
        }
        Ok(Step::Command(end + 1))
    }
}

/// The number between the type byte at `start` and the line's end, and the position behind that;
/// `Some((None, _))` if it is no number, `None` if the line has not ended.
#[inline]
fn number_line(input: &[u8], start: usize) -> Option<(Option<i64>, usize)> {
    // Nearly every length has one to three digits, and the line is all there.
    if let Some(&[_, a, b, c, d, _]) = input.get(start..).and_then(|rest| rest.first_chunk()) {
        let [tens, ones] = [b, c].map(|byte| i64::from(byte.wrapping_sub(b'0')));
        let first = i64::from(a.wrapping_sub(b'0'));
        if b == b'\r' && first <= 9 {
            return Some((Some(first), start + 4));
        }
        if (1..=9).contains(&first) && tens <= 9 {
            if c == b'\r' {
                return Some((Some(first * 10 + tens), start + 5));
            }
            if ones <= 9 && d == b'\r' {
                return Some((Some(first * 100 + tens * 10 + ones), start + 6));
            }
        }
    }
    any_number_line(input, start)
}

/// As [`number_line`], for any line.
#[cold]
fn any_number_line(input: &[u8], start: usize) -> Option<(Option<i64>, usize)> {
    let rest = input.get(start + 1..)?;
    let length = memchr::memchr(b'\r', rest)?;
    if rest.len() < length + 2 {
        return None;
    }
    Some((num::parse_i64(&rest[..length]), start + 1 + length + 2))
}

/// More bytes are needed, unless the line has already gone on for too long.
fn more_unless_long(
    input: &[u8],
    start: usize,
    error: ProtocolError,
) -> Result<Step, ProtocolError> {
    if input.len().saturating_sub(start) > limits::INLINE_BYTES_MAX {
        return Err(error);
    }
    Ok(Step::More)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bulk_bytes_max: 512 << 20, unauthenticated: false };

    /// Feeds `input` in pieces of `size` bytes and returns the commands in it.
    fn decode(input: &[u8], size: usize, limits: Limits) -> Result<Vec<Vec<Vec<u8>>>, String> {
        let mut decoder = Decoder::default();
        let (mut commands, mut start) = (Vec::new(), 0);
        for end in (0..=input.len()).step_by(size).chain([input.len()]) {
            loop {
                let current = &input[start..end];
                match decoder.step(current, limits) {
                    Ok(Step::Command(length)) => {
                        commands.push(decoder.argv(current).iter().map(<[u8]>::to_vec).collect());
                        start += length;
                    }
                    Ok(Step::Nothing(length)) => start += length,
                    Ok(Step::More) => break,
                    Err(error) => return Err(String::from_utf8(error.line()).unwrap()),
                }
            }
        }
        Ok(commands)
    }

    fn check(input: &str, expect: &[&[&str]]) {
        for size in 1..=input.len() {
            let got = decode(input.as_bytes(), size, LIMITS).unwrap();
            let expect: Vec<Vec<Vec<u8>>> = expect
                .iter()
                .map(|command| command.iter().map(|arg| arg.as_bytes().to_vec()).collect())
                .collect();
            assert_eq!(got, expect, "in pieces of {size}");
        }
    }

    fn check_error(input: &str, expect: &str) {
        for size in [input.len() / 100 + 1, input.len() / 10 + 1, input.len()] {
            let got = decode(input.as_bytes(), size, LIMITS);
            assert_eq!(got, Err(format!("ERR Protocol error: {expect}")), "in pieces of {size}");
        }
    }

    #[test]
    fn commands_arrive_in_pieces_of_any_size() {
        check("*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n", &[&["GET", "a"], &["PING"]]);
        check("*2\r\n$0\r\n\r\n$4\r\na\r\nb\r\n", &[&["", "a\r\nb"]]);
        check(
            "PING\r\nset a 'b c' \"\\x41\"\n\r\n*0\r\n*-1\r\nGET a\n",
            &[&["PING"], &["set", "a", "b c", "A"], &["GET", "a"]],
        );
    }

    #[test]
    fn broken_frames_are_named() {
        check_error("*a\r\n", "invalid multibulk length");
        check_error("*2147483648\r\n", "invalid multibulk length");
        check_error("*1\r\n$-1\r\n", "invalid bulk length");
        check_error("*1\r\n$536870913\r\n", "invalid bulk length");
        check_error("*1\r\n:1\r\n", "expected '$', got ':'");
        check_error("GET \"a\r\n", "unbalanced quotes in request");
        check_error(&"a".repeat(70_000), "too big inline request");
        check_error(&format!("*{}", "1".repeat(70_000)), "too big mbulk count string");
        check_error(&format!("*1\r\n${}", "1".repeat(70_000)), "too big bulk count string");
    }

    #[test]
    fn strangers_have_tighter_limits() {
        let limits = Limits { unauthenticated: true, ..LIMITS };
        let error = |input: &[u8]| decode(input, input.len(), limits).unwrap_err();
        assert!(error(b"*11\r\n").ends_with("unauthenticated multibulk length"));
        assert!(error(b"*1\r\n$16385\r\n").ends_with("unauthenticated bulk length"));
        assert!(decode(b"*10\r\n$16384\r\n", 3, limits).is_ok());
    }

    #[test]
    fn declared_lengths_reserve_little() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.step(b"*2147483647\r\n$536870912\r\n", LIMITS), Ok(Step::More));
        assert!(decoder.heap_bytes() < 64 * 1024);
    }
}
