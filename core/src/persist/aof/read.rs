//! Reading the commands of an append-only file.
//!
//! What was written is strict: arrays of bulk strings, and lines that begin with `#` between them. A
//! file that ends in the middle of a command, or of a transaction, was cut short by a crash; one that
//! holds anything else was damaged.

use crate::resp::decode::Limits;
use crate::resp::{Argv, Decoder, Step as Decoded};

/// The commands of a file, one after the other.
pub struct Records<'a> {
    bytes: &'a [u8],
    position: usize,
    decoder: Decoder,
}

/// What comes next.
#[derive(Debug)]
pub enum Step<'a> {
    /// A command, which ends at this offset.
    Command(Argv<'a>, usize),
    /// Nothing more.
    End(Tail),
}

/// How a file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With a whole command.
    Whole,
    /// In the middle of one.
    Short,
    /// With something that is no command.
    Broken,
}

impl<'a> Records<'a> {
    /// The commands from `position` on.
    pub fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position, decoder: Decoder::default() }
    }

    /// Where the last command ended.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Passes over what is written between commands, and reads the next one. Costs O(its bytes).
    pub fn step(&mut self) -> Step<'_> {
        const LIMITS: Limits = Limits { bulk_bytes_max: i64::MAX, unauthenticated: false };
        loop {
            let rest = self.bytes.get(self.position..).unwrap_or_default();
            match rest.first() {
                None => return Step::End(Tail::Whole),
                Some(b'#') => match rest.iter().position(|&byte| byte == b'\n') {
                    Some(end) => self.position += end + 1,
                    None => return Step::End(Tail::Short),
                },
                Some(b'*') => {
                    return match self.decoder.step(rest, LIMITS) {
                        Ok(Decoded::Command(length)) => {
                            self.position += length;
                            Step::Command(self.decoder.argv(rest), self.position)
                        }
                        Ok(Decoded::More) => Step::End(Tail::Short),
                        Ok(Decoded::Nothing(_)) | Err(_) => Step::End(Tail::Broken),
                    };
                }
                Some(_) => return Step::End(Tail::Broken),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, commands: usize, position: usize, tail: Tail) {
        let mut records = Records::new(text.as_bytes(), 0);
        let mut count = 0;
        let end = loop {
            match records.step() {
                Step::Command(..) => count += 1,
                Step::End(tail) => break tail,
            }
        };
        assert_eq!((count, records.position(), end), (commands, position, tail), "{text}");
    }

    #[test]
    fn files_end_whole_short_or_broken() {
        let one = "*1\r\n$4\r\nPING\r\n";
        check("", 0, 0, Tail::Whole);
        check(one, 1, 14, Tail::Whole);
        check(&format!("#TS:12\r\n{one}{one}"), 2, 36, Tail::Whole);
        check(&format!("{one}*1\r\n$4\r\nPI"), 1, 14, Tail::Short);
        check(&format!("{one}#TS:1"), 1, 14, Tail::Short);
        check(&format!("{one}PING\r\n"), 1, 14, Tail::Broken);
        check(&format!("{one}*0\r\n"), 1, 14, Tail::Broken);
        check(&format!("{one}*1\r\n+OK\r\n"), 1, 14, Tail::Broken);
        check(&format!("{one}\0\0\0"), 1, 14, Tail::Broken);
    }
}
