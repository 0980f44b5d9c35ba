//! Every error a command can reply with, with Redis's own texts.
//!
//! The texts are part of the protocol: clients match on the first word and tests on the rest. A
//! text that only one command uses may stand beside that command as [`Error::Text`].

use std::borrow::Cow;

/// An error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The key holds another type than the command works on.
    WrongType,
    /// The arguments do not follow the command's grammar.
    Syntax,
    /// An argument is not a 64-bit integer.
    NotInteger,
    /// An argument is not a floating-point number.
    NotFloat,
    /// A time-out argument is not a number that fits.
    TimeoutNotFloat,
    /// A time-out argument is negative.
    TimeoutNegative,
    /// The key must exist and does not.
    NoSuchKey,
    /// An index lies outside the list.
    IndexOutOfRange,
    /// The result would leave the range of 64-bit integers.
    Overflow,
    /// The value would pass `proto-max-bulk-len`.
    StringTooLong,
    /// A database number that is not one.
    DbIndexOutOfRange,
    /// An argument must be positive.
    NotPositive,
    /// A whole error line, its code word first and without the leading `-`.
    Text(Cow<'static, str>),
    /// As `Text`, with bytes that a client chose; line breaks are replaced when it is sent.
    Bytes(Vec<u8>),
}

impl Error {
    /// The error whose whole line, code word included, is `text`.
    pub const fn text(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// An error whose line shows `shown`, bytes that a client chose, as C prints them: up to the
    /// first zero byte.
    pub fn showing(before: &str, shown: &[u8], after: &str) -> Self {
        Self::Bytes([before.as_bytes(), until_zero(shown), after.as_bytes()].concat())
    }

    /// The line that goes over the wire, without `-` and line break. Bytes that would end the line
    /// early are still in it; the encoder replaces them.
    pub fn line(&self) -> &[u8] {
        match self {
            Self::WrongType => b"WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::Syntax => b"ERR syntax error",
            Self::NotInteger => b"ERR value is not an integer or out of range",
            Self::NotFloat => b"ERR value is not a valid float",
            Self::TimeoutNotFloat => b"ERR timeout is not a float or out of range",
            Self::TimeoutNegative => b"ERR timeout is negative",
            Self::NoSuchKey => b"ERR no such key",
            Self::IndexOutOfRange => b"ERR index out of range",
            Self::Overflow => b"ERR increment or decrement would overflow",
            Self::StringTooLong => b"ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Self::DbIndexOutOfRange => b"ERR DB index is out of range",
            Self::NotPositive => b"ERR value is out of range, must be positive",
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The first word of the line, by which INFO counts errors.
    pub fn code(&self) -> &[u8] {
        let line = self.line();
        let end = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
        line.get(..end).unwrap_or(line)
    }
}

/// What of `bytes` is seen by someone who takes the first zero byte for the end.
pub fn until_zero(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or(bytes)
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}
