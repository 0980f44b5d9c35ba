//! A cursor over a command's arguments.
//!
//! A handler takes its arguments one after the other; the first that does not fit ends it with the
//! error Redis gives.

use crate::base::{Error, num};
use crate::resp::Argv;

/// The arguments behind the command's name, and how far they have been taken.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    argv: Argv<'a>,
    next: usize,
}

impl<'a> Args<'a> {
    /// The arguments of `argv` behind its first `names` words.
    pub fn new(argv: Argv<'a>, names: usize) -> Self {
        Self { argv, next: names }
    }

    /// The whole command, its name first.
    pub fn all(&self) -> Argv<'a> {
        self.argv
    }

    /// Where the next argument stands in the whole command.
    pub fn position(&self) -> usize {
        self.next
    }

    /// How many arguments have not been taken.
    pub fn len(&self) -> usize {
        self.argv.len().saturating_sub(self.next)
    }

    /// Whether all arguments have been taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next argument; a syntax error if there is none.
    #[inline]
    pub fn take(&mut self) -> Result<&'a [u8], Error> {
        let arg = self.argv.get(self.next).ok_or(Error::Syntax)?;
        self.next += 1;
        Ok(arg)
    }

    /// The next `count` arguments; a syntax error if there are fewer.
    pub fn take_many(&mut self, count: usize) -> Result<Argv<'a>, Error> {
        let many = self.rest().first(count).ok_or(Error::Syntax)?;
        self.next += count;
        Ok(many)
    }

    /// The next argument, which stays.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.argv.get(self.next)
    }

    /// Takes the next argument if it is `word`, in letters of any case.
    pub fn eat(&mut self, word: &str) -> bool {
        let is_word = self.peek().is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
        self.next += usize::from(is_word);
        is_word
    }

    /// The next argument as an integer.
    pub fn integer(&mut self) -> Result<i64, Error> {
        num::parse_i64(self.take()?).ok_or(Error::NotInteger)
    }

    /// The next argument as an integer, or the error `otherwise`.
    pub fn integer_or(&mut self, otherwise: Error) -> Result<i64, Error> {
        num::parse_i64(self.take()?).ok_or(otherwise)
    }

    /// The next argument as an integer of 32 bits.
    pub fn int32(&mut self) -> Result<i32, Error> {
        i32::try_from(self.integer()?).map_err(|_| {
            Error::text("ERR value is out of range, value must between -2147483648 and 2147483647")
        })
    }

    /// The next argument as an integer of 32 bits, or the error `otherwise`.
    pub fn int32_or(&mut self, otherwise: Error) -> Result<i32, Error> {
        self.int32().map_err(|_| otherwise)
    }

    /// The arguments that have not been taken.
    pub fn rest(&self) -> Argv<'a> {
        self.argv.from(self.next)
    }

    /// A syntax error if arguments are left.
    pub fn end(&self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(Error::Syntax) }
    }
}
