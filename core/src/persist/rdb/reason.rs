//! Why something cannot be read, and where.

use std::fmt;

use super::kind;

/// Why a file cannot be read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Offset of the record, in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It does not begin like a snapshot.
    Magic,
    /// A version this program does not know.
    Version(u32),
    /// It ends in the middle of something.
    Truncated,
    /// The checksum in it (the second) is not that of what was read.
    Checksum(u64, u64),
    /// Something is not as it must be; the text says what.
    Broken(&'static str),
    /// A key without anything in it, as older versions of Redis have written by mistake.
    Empty,
    /// The same key twice.
    Duplicate,
    /// A database that the settings do not provide.
    Database(u64),
    /// A type of value or an opcode that this program never heard of, in a file of this version.
    Unknown(u8, u32),
    /// Data of the module with this id, which holds its name.
    Module(u64),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at offset {}: {}", self.offset, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("Wrong signature: this does not begin like a snapshot"),
            Self::Version(version) => write!(f, "Can't handle RDB format version {version}"),
            Self::Truncated => f.write_str("Unexpected end: it ends in the middle of something"),
            Self::Checksum(expected, found) => {
                write!(f, "RDB CRC error: expected {expected:016x}, found {found:016x}")
            }
            Self::Broken(what) => f.write_str(what),
            Self::Empty => f.write_str("A key without anything in it"),
            Self::Duplicate => f.write_str("A key that was there already"),
            Self::Database(db) => write!(f, "There is no database {db} (see `databases`)"),
            Self::Unknown(kind::MODULE_PRE_GA, _) => {
                f.write_str("Data of a module in the form of a pre-release, which is not supported")
            }
            // Tools look for both halves.
            Self::Unknown(code, version) => write!(
                f,
                "Can't handle foreign type or opcode {code} in RDB with version {version}. Unknown \
                 type or opcode when loading DB. Unrecoverable error, aborting now."
            ),
            Self::Module(id) => {
                f.write_str("Module data that can't be loaded: no matching module type '")?;
                module_name(*id).iter().try_for_each(|&letter| write!(f, "{}", letter as char))?;
                f.write_str("'")
            }
        }
    }
}

/// The name in a module's id: nine letters of six bits, above ten bits for a version.
fn module_name(id: u64) -> [u8; 9] {
    std::array::from_fn(|index| match (id >> (10 + 6 * (8 - index))) as u8 & 0x3f {
        letter @ 0..26 => b'A' + letter,
        letter @ 26..52 => b'a' + letter - 26,
        digit @ 52..62 => b'0' + digit - 52,
        62 => b'-',
        _ => b'_',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_named() {
        let letters = b"ReJSON-RL".map(|letter| match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            _ => 62,
        });
        let id = letters.iter().fold(0, |id, &letter| id << 6 | u64::from(letter)) << 10 | 3;
        assert!(Reason::Module(id).to_string().ends_with("'ReJSON-RL'"));
    }
}
