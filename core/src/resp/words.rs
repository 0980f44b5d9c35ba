//! Splitting a line into words as redis-cli, inline commands and redis.conf do.
//!
//! Words are separated by white space. Double quotes take the escapes `\n \r \t \b \a`, `\xHH` and
//! a backslash before any other byte; single quotes only know `\'`. A closing quote must be
//! followed by white space or the line's end.

/// A line whose quotes do not balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// The words of `line`, unquoted. Costs O(line).
pub fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start_c();
    while !rest.is_empty() {
        let (word, after) = split_one(rest)?;
        words.push(word);
        rest = after.trim_ascii_start_c();
    }
    Ok(words)
}

/// Quotes `bytes` so that [`split`] gives them back as one word, in the style of redis-cli:
/// always in double quotes, other bytes than printable ASCII escaped.
pub fn quote(bytes: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(bytes.len() + 2);
    quoted.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => quoted.extend([b'\\', byte]),
            b'\n' => quoted.extend(b"\\n"),
            b'\r' => quoted.extend(b"\\r"),
            b'\t' => quoted.extend(b"\\t"),
            0x07 => quoted.extend(b"\\a"),
            0x08 => quoted.extend(b"\\b"),
            b' '..=b'~' => quoted.push(byte),
            _ => quoted.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}

/// White space as C's `isspace` sees it, which knows one byte more (vertical tab) than Rust.
trait TrimC {
    fn trim_ascii_start_c(&self) -> &Self;
}

impl TrimC for [u8] {
    fn trim_ascii_start_c(&self) -> &[u8] {
        let start = self.iter().position(|&byte| !is_space(byte)).unwrap_or(self.len());
        &self[start..]
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// The first word of `line`, which does not begin with white space, and what follows it.
fn split_one(line: &[u8]) -> Result<(Vec<u8>, &[u8]), Unbalanced> {
    let mut word = Vec::new();
    let mut rest = line;
    let mut quote = None;
    loop {
        rest = match (quote, rest) {
            (None, [] | [0, ..]) => return Ok((word, &[])),
            (None, [byte, after @ ..]) if is_space(*byte) => return Ok((word, after)),
            (None, [open @ (b'"' | b'\''), after @ ..]) => {
                quote = Some(*open);
                after
            }
            (Some(_), []) => return Err(Unbalanced),
            (Some(b'"'), [b'\\', b'x', high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(*high) * 16 + hex(*low));
                after
            }
            (Some(b'"'), [b'\\', escaped, after @ ..]) => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                after
            }
            (Some(b'\''), [b'\\', b'\'', after @ ..]) => {
                word.push(b'\'');
                after
            }
            (Some(open), [close, after @ ..]) if open == *close => {
                if after.first().is_some_and(|&byte| !is_space(byte)) {
                    return Err(Unbalanced);
                }
                return Ok((word, after));
            }
            (_, [byte, after @ ..]) => {
                word.push(*byte);
                after
            }
        };
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).map_or(0, |value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: Result<&[&[u8]], Unbalanced>) {
        let got = split(line.as_bytes());
        assert_eq!(got, expect.map(|words| words.iter().map(|word| word.to_vec()).collect()));
    }

    #[test]
    fn lines_split_as_in_redis_cli() {
        check("", Ok(&[]));
        check("  set  a\tb ", Ok(&[b"set", b"a", b"b"]));
        check(r#"set "a b" 'c\'d' "\x41\n\q" "#, Ok(&[b"set", b"a b", b"c'd", b"A\nq"]));
        check(r#"key"" x"#, Ok(&[b"key", b"x"]));
        check(r#"""x"#, Err(Unbalanced));
        check(r#""a"#, Err(Unbalanced));
        check(r#"'a"#, Err(Unbalanced));
        check(r#""\"#, Err(Unbalanced));
    }

    #[test]
    fn quoted_words_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(split(&quote(&all)), Ok(vec![all]));
    }
}
