//! Reading the commands of an append-only file.
//!
//! What was written is strict: arrays of bulk strings, and lines that begin with `#` between them. A
//! file that ends in the middle of a command, or of a transaction, was cut short by a crash; one that
//! holds anything else was damaged.

use crate::resp::decode::Limits;
use crate::resp::{Argv, Decoder, Step as Decoded};

/// Reads records from what comes of a file.
#[derive(Default)]
pub struct Records {
    decoder: Decoder,
    takes_lines: bool,
}

/// What comes next.
#[derive(Debug)]
pub enum Step<'a> {
    /// A command.
    Command(Argv<'a>),
    /// Something between commands.
    Remark,
    /// No whole record.
    End(Tail),
}

/// How input ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With a whole record.
    Whole,
    /// In the middle of one.
    Short,
    /// With something that is no record.
    Broken,
}

impl Records {
    /// Records as they are written, and commands that are lines if `takes_lines`.
    pub fn new(takes_lines: bool) -> Self {
        Self { decoder: Decoder::default(), takes_lines }
    }

    /// Reads the record that `input` begins with; returns how many bytes it takes. After
    /// [`Step::End`] the same input may follow, with more behind it. Costs O(its bytes).
    pub fn step<'a>(&'a mut self, input: &'a [u8]) -> (Step<'a>, usize) {
        const LIMITS: Limits = Limits { bulk_bytes_max: i64::MAX, unauthenticated: false };
        match input.first() {
            None => (Step::End(Tail::Whole), 0),
            Some(b'#') => match input.iter().position(|&byte| byte == b'\n') {
                // A block that a crash has kept from the disk: the line ends in another record.
                Some(end) if input[..end].contains(&0) => (Step::End(Tail::Broken), 0),
                Some(end) => (Step::Remark, end + 1),
                None => (Step::End(Tail::Short), 0),
            },
            Some(first) if *first == b'*' || self.takes_lines => {
                match self.decoder.step(input, LIMITS) {
                    // The decoder does not look at what stands behind a word, and in the last block of a
                    // file that a crash has kept from the disk there are zeros.
                    Ok(Decoded::Command(length))
                        if self.takes_lines
                            || input.get(..length).is_some_and(|all| all.ends_with(b"\r\n")) =>
                    {
                        (Step::Command(self.decoder.argv(input)), length)
                    }
                    Ok(Decoded::More) if !self.has_foreign_line(input) => {
                        (Step::End(Tail::Short), 0)
                    }
                    // An empty line.
                    Ok(Decoded::Nothing(length)) if self.takes_lines => (Step::Remark, length),
                    Ok(_) | Err(_) => {
                        self.decoder.reset();
                        (Step::End(Tail::Broken), 0)
                    }
                }
            }
            Some(_) => (Step::End(Tail::Broken), 0),
        }
    }

    /// Whether the line that is waited for has ended as lines of other programs do. A file whose line
    /// ends were changed is not one that a crash has cut short, and must not be cut off for that.
    fn has_foreign_line(&self, input: &[u8]) -> bool {
        self.decoder.begun_line(input).is_some_and(|line| line.contains(&b'\n'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `text` in pieces of `size` bytes.
    fn read(text: &str, size: usize) -> (usize, usize, Tail) {
        let mut records = Records::default();
        let (mut count, mut position, mut there) = (0, 0, 0);
        loop {
            match records.step(&text.as_bytes()[position..there]) {
                (Step::Command(_), used) => (count, position) = (count + 1, position + used),
                (Step::Remark, used) => position += used,
                (Step::End(Tail::Whole | Tail::Short), _) if there < text.len() => {
                    there = text.len().min(there + size);
                }
                (Step::End(tail), _) => return (count, position, tail),
            }
        }
    }

    fn check(text: &str, commands: usize, position: usize, tail: Tail) {
        for size in [1, 2, 7, 100] {
            assert_eq!(read(text, size), (commands, position, tail), "{text}");
        }
    }

    #[test]
    fn files_end_whole_short_or_broken() {
        let one = "*1\r\n$4\r\nPING\r\n";
        check("", 0, 0, Tail::Whole);
        check(one, 1, 14, Tail::Whole);
        check(&format!("#TS:12\r\n{one}{one}"), 2, 36, Tail::Whole);
        check(&format!("{one}*1\r\n$4\r\nPI"), 1, 14, Tail::Short);
        check(&format!("{one}#TS:1"), 1, 14, Tail::Short);
        check(&format!("{one}#TS:1\0\0\0\0\r\n{one}"), 1, 14, Tail::Broken);
        check(&format!("{one}PING\r\n"), 1, 14, Tail::Broken);
        check(&format!("{one}*0\r\n"), 1, 14, Tail::Broken);
        check(&format!("{one}*1\r\n+OK\r\n"), 1, 14, Tail::Broken);
        check("*1\n$4\nPING\n", 0, 0, Tail::Broken);
        check(&format!("{one}*1\r\n$4\nPING\n"), 1, 14, Tail::Broken);
        check(&format!("{one}*1\r"), 1, 14, Tail::Short);
        check(&format!("{one}\0\0\0"), 1, 14, Tail::Broken);
        check(&format!("{one}*1\r\n$4\r\nPI\0\0\0\0"), 1, 14, Tail::Broken);
    }
}
