//! What a key can hold.

use std::ops::Deref;

use crate::base::num::Digits;
use crate::ds::QuickList;

/// The types of values, in Redis's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// Bytes.
    String,
    /// A list of byte strings.
    List,
}

impl Type {
    /// Its name in TYPE.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
        }
    }
}

/// A value on its own, on its way into or out of a [`Db`](super::Db).
#[derive(Clone, Debug)]
pub enum Value {
    /// A string that is exactly the digits of this number.
    Int(i64),
    /// A string.
    Str(Vec<u8>),
    /// A list; never empty.
    List(Box<QuickList>),
}

/// A value to look at.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string that is exactly the digits of this number.
    Int(i64),
    /// A string. `raw`: it was built up in place (APPEND, SETRANGE), which OBJECT ENCODING shows.
    Str {
        /// The string.
        bytes: &'a [u8],
        /// Built up in place.
        raw: bool,
    },
    /// A list.
    List(&'a QuickList),
}

/// A collection to change. Strings are replaced, not changed; see [`Db`](super::Db).
#[derive(Debug)]
pub enum ValueMut<'a> {
    /// A string, which is not changed through this.
    Str,
    /// A list.
    List(&'a mut QuickList),
}

/// Strings up to this length are stored as `embstr`, in Redis's words.
const EMBSTR_BYTES_MAX: usize = 44;

impl<'a> ValueRef<'a> {
    /// The form in which the value is stored, as OBJECT ENCODING names it.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Str { bytes, raw: false } if bytes.len() <= EMBSTR_BYTES_MAX => "embstr",
            Self::Str { .. } => "raw",
            Self::List(list) => list.encoding(),
        }
    }

    /// A copy of the value. Costs O(bytes).
    pub fn to_value(self) -> Value {
        match self {
            Self::Int(number) => Value::Int(number),
            Self::Str { bytes, .. } => Value::Str(bytes.to_vec()),
            Self::List(list) => Value::List(Box::new(list.clone())),
        }
    }

    /// The value's type.
    pub fn kind(self) -> Type {
        match self {
            Self::Int(_) | Self::Str { .. } => Type::String,
            Self::List(_) => Type::List,
        }
    }

    /// The bytes of a string; `None` if it is something else.
    #[inline]
    pub fn text(self) -> Option<Text<'a>> {
        match self {
            Self::Int(number) => Some(Text::Digits(Digits::of(number))),
            Self::Str { bytes, .. } => Some(Text::Bytes(bytes)),
            _ => None,
        }
    }
}

/// The bytes of a string, wherever they come from.
pub enum Text<'a> {
    /// Written out from a number.
    Digits(Digits),
    /// Stored.
    Bytes(&'a [u8]),
}

impl Deref for Text<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Digits(digits) => digits,
            Self::Bytes(bytes) => bytes,
        }
    }
}
