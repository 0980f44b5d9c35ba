//! Replies printed for programs: raw, as CSV and as JSON, as redis-cli's options of these names do.

use super::{Reply, pretty, words};

/// How replies are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// For people: with types, indices and quotes.
    #[default]
    Standard,
    /// Only the bytes.
    Raw,
    /// One line of comma-separated values, whatever is nested laid flat.
    Csv,
    /// One line of JSON.
    Json,
}

impl Output {
    /// All of them, the usual one first.
    pub const ALL: [Self; 4] = [Self::Standard, Self::Raw, Self::Csv, Self::Json];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Raw => "raw",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The one of this name, in letters of any case.
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|output| output.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The lines for `reply`, each ended by a line break. Costs O(reply).
    pub fn print(self, reply: &Reply) -> String {
        if self == Self::Standard {
            return pretty::print(reply);
        }
        let mut text = Vec::new();
        self.write(reply, &mut text);
        text.push(b'\n');
        String::from_utf8_lossy(&text).into_owned()
    }

    fn write(self, reply: &Reply, text: &mut Vec<u8>) {
        match reply {
            Reply::Null => text.extend_from_slice(match self {
                Self::Standard | Self::Raw => b"",
                Self::Csv => b"NULL",
                Self::Json => b"null",
            }),
            Reply::Error(bytes) | Reply::BulkError(bytes) => self.write_error(bytes, text),
            Reply::Simple(bytes) | Reply::Bulk(bytes) | Reply::Verbatim(bytes) => {
                self.write_string(bytes, text);
            }
            Reply::Double(digits) | Reply::BigNumber(digits) => text.extend_from_slice(digits),
            Reply::Int(number) => text.extend_from_slice(number.to_string().as_bytes()),
            Reply::Bool(value) => text.extend_from_slice(match (self, value) {
                (Self::Standard | Self::Raw, true) => b"(true)",
                (Self::Standard | Self::Raw, false) => b"(false)",
                (Self::Csv | Self::Json, true) => b"true",
                (Self::Csv | Self::Json, false) => b"false",
            }),
            Reply::Array(elements) | Reply::Set(elements) | Reply::Push(elements) => {
                self.write_all(b"[]", elements, text, |element, text| self.write(element, text));
            }
            Reply::Map(pairs) => self.write_all(b"{}", pairs, text, |(key, value), text| {
                self.write_key(key, text);
                text.push(match self {
                    Self::Standard | Self::Raw => b' ',
                    Self::Csv => b',',
                    Self::Json => b':',
                });
                self.write(value, text);
            }),
            Reply::Attributed(_, reply) => self.write(reply, text),
        }
    }

    fn write_error(self, bytes: &[u8], text: &mut Vec<u8>) {
        text.extend_from_slice(match self {
            Self::Standard | Self::Raw => b"",
            Self::Csv => b"ERROR,",
            Self::Json => b"error:",
        });
        self.write_string(bytes, text);
        if self == Self::Raw {
            text.push(b'\n');
        }
    }

    fn write_string(self, bytes: &[u8], text: &mut Vec<u8>) {
        match self {
            Self::Standard | Self::Raw => text.extend_from_slice(bytes),
            Self::Csv => text.extend_from_slice(&words::quote(bytes)),
            Self::Json => json_string(bytes, text),
        }
    }

    /// A key of a map, which JSON wants to be a string.
    fn write_key(self, key: &Reply, text: &mut Vec<u8>) {
        let mut name = Vec::new();
        self.write(key, &mut name);
        if self == Self::Json && name.first() != Some(&b'"') {
            json_string(&name, text);
        } else {
            text.append(&mut name);
        }
    }

    fn write_all<T>(
        self,
        brackets: &[u8; 2],
        items: &[T],
        text: &mut Vec<u8>,
        write: impl Fn(&T, &mut Vec<u8>),
    ) {
        let [open, close] = brackets;
        text.extend((self == Self::Json).then_some(open));
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                text.push(if self == Self::Raw { b'\n' } else { b',' });
            }
            write(item, text);
        }
        text.extend((self == Self::Json).then_some(close));
    }
}

fn json_string(bytes: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            0x08 => text.extend_from_slice(b"\\b"),
            0x0c => text.extend_from_slice(b"\\f"),
            0..0x20 => text.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => text.push(byte),
        }
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wire: &str, raw: &str, csv: &str, json: &str) {
        let (reply, length) = Reply::read(wire.as_bytes()).unwrap().unwrap();
        assert_eq!(length, wire.len());
        for (output, expect) in [(Output::Raw, raw), (Output::Csv, csv), (Output::Json, json)] {
            assert_eq!(output.print(&reply), format!("{expect}\n"), "{output:?} of {wire:?}");
        }
    }

    /// As redis-cli 8 printed them.
    #[test]
    fn replies_are_printed_for_programs() {
        check("$-1\r\n", "", "NULL", "null");
        check("-ERR no\r\n", "ERR no\n", "ERROR,\"ERR no\"", "error:\"ERR no\"");
        check("+PONG\r\n", "PONG", "\"PONG\"", "\"PONG\"");
        check(":6\r\n", "6", "6", "6");
        check("*0\r\n", "", "", "[]");
        let list = "*3\r\n$1\r\n1\r\n$3\r\na\"b\r\n$3\r\né\u{1}\r\n";
        check(
            list,
            "1\na\"b\né\u{1}",
            "\"1\",\"a\\\"b\",\"\\xc3\\xa9\\x01\"",
            "[\"1\",\"a\\\"b\",\"é\\u0001\"]",
        );
        let map = "%2\r\n$3\r\na b\r\n$1\r\n1\r\n:2\r\n$3\r\nx\ny\r\n";
        check(map, "a b 1\n2 x\ny", "\"a b\",\"1\",2,\"x\\ny\"", "{\"a b\":\"1\",\"2\":\"x\\ny\"}");
        let nested = "*1\r\n*2\r\n$1\r\na\r\n,1.5\r\n";
        check(nested, "a\n1.5", "\"a\",1.5", "[[\"a\",1.5]]");
    }

    #[test]
    fn an_output_has_a_name() {
        for output in Output::ALL {
            assert_eq!(Output::named(output.name().to_uppercase().as_bytes()), Some(output));
        }
        assert_eq!(Output::named(b"xml"), None);
    }
}
