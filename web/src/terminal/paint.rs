//! Which words of a reply get which colour.
//!
//! The text is redis-cli's to the letter; only its parts are told apart, so that numbers, strings
//! and errors can be seen at a glance. Text that is for people (INFO) is left alone.

/// What a part of a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nothing special: statuses, text.
    Plain,
    /// The index before an element: `1)`.
    Index,
    /// The word that says a type: `(integer)`.
    Type,
    /// A number.
    Number,
    /// A quoted string.
    Text,
    /// `(nil)` and the like.
    Nothing,
    /// An error.
    Error,
}

/// The parts of `text` in their order; together they are `text` again. Costs O(text).
pub fn parts(text: &str) -> Vec<(Class, &str)> {
    let mut parts: Vec<(Class, &str)> = Vec::new();
    for line in text.split_inclusive('\n') {
        let (index, rest) = line.split_at(index_length(line));
        parts.push((Class::Index, index));
        // A pair of a map: key and value are told apart each for itself.
        let key_length = if index.ends_with("# ") { key_length(rest) } else { 0 };
        let (key, rest) = rest.split_at(key_length);
        let (arrow, rest) = rest.split_at(if key_length > 0 { ARROW.len() } else { 0 });
        push_value(&mut parts, key);
        parts.push((Class::Index, arrow));
        parts.push((Class::Index, rest.get(..index_length(rest)).unwrap_or_default()));
        push_value(&mut parts, rest.get(index_length(rest)..).unwrap_or_default());
    }
    joined(text, &parts)
}

/// The parts without empty ones, neighbours of one class made one.
fn joined<'a>(text: &'a str, parts: &[(Class, &str)]) -> Vec<(Class, &'a str)> {
    let mut joined: Vec<(Class, &str)> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (class, part) in parts.iter().filter(|(_, part)| !part.is_empty()) {
        let begins = end;
        end += part.len();
        match joined.last_mut() {
            Some(last) if last.0 == *class => last.1 = text.get(start..end).unwrap_or_default(),
            _ => {
                start = begins;
                joined.push((*class, text.get(start..end).unwrap_or_default()));
            }
        }
    }
    joined
}

/// What stands between the key and the value of a pair.
const ARROW: &str = " => ";

/// How long the key at the start of a pair is; 0 if there is no pair.
fn key_length(pair: &str) -> usize {
    let mut from = 0;
    if pair.starts_with('"') {
        // An arrow inside the quotes is part of the key.
        let mut escaped = false;
        let quote = pair.bytes().skip(1).position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        from = quote.map_or(0, |at| at + 2);
    }
    let rest = pair.as_bytes().get(from..).unwrap_or_default();
    let arrow = rest.windows(ARROW.len()).position(|part| part == ARROW.as_bytes());
    arrow.map_or(0, |at| from + at)
}

fn push_value<'a>(parts: &mut Vec<(Class, &'a str)>, text: &'a str) {
    let (class, type_length) = classify(text);
    let (kind, value) = text.split_at(type_length);
    parts.extend([(Class::Type, kind), (class, value)]);
}

/// The class of what stands behind the index, and the length of the type before it.
fn classify(rest: &str) -> (Class, usize) {
    for kind in ["(integer) ", "(double) ", "(big number) "] {
        if rest.starts_with(kind) {
            return (Class::Number, kind.len());
        }
    }
    let nothing = ["(nil)", "(empty array)", "(empty hash)", "(empty set)", "(true)", "(false)"];
    if rest.starts_with("(error) ") || rest.starts_with("Error: ") {
        (Class::Error, 0)
    } else if nothing.contains(&rest.trim_end()) {
        (Class::Nothing, 0)
    } else if rest.starts_with('"') {
        (Class::Text, 0)
    } else {
        (Class::Plain, 0)
    }
}

/// How much of a line is indices of elements: `1) 1) "a"`, `2# "key" => (integer) 1`.
fn index_length(line: &str) -> usize {
    let bytes = line.as_bytes();
    let mut length = 0;
    loop {
        let rest = bytes.get(length..).unwrap_or_default();
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        let digits = rest.iter().skip(spaces).take_while(|byte| byte.is_ascii_digit()).count();
        match rest.get(spaces + digits..) {
            Some([b')' | b'~' | b'#', b' ', ..]) if digits > 0 => length += spaces + digits + 2,
            _ => return length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_and_add_up() {
        let text = "1) 1) \"a\"\n   2) (integer) 2\n2) (nil)\n3) (error) ERR no\nOK\n";
        let expect = [
            (Class::Index, "1) 1) "),
            (Class::Text, "\"a\"\n"),
            (Class::Index, "   2) "),
            (Class::Type, "(integer) "),
            (Class::Number, "2\n"),
            (Class::Index, "2) "),
            (Class::Nothing, "(nil)\n"),
            (Class::Index, "3) "),
            (Class::Error, "(error) ERR no\n"),
            (Class::Plain, "OK\n"),
        ];
        assert_eq!(parts(text), expect);
    }

    #[test]
    fn pairs_have_two_values() {
        let expect = [
            (Class::Index, "1# "),
            (Class::Text, "\"a => \\\"b\""),
            (Class::Index, " => "),
            (Class::Type, "(integer) "),
            (Class::Number, "1\n"),
            (Class::Index, "2# "),
            (Class::Text, "\"b\""),
            (Class::Index, " => 1) "),
            (Class::Nothing, "(nil)\n"),
        ];
        let text = "1# \"a => \\\"b\" => (integer) 1\n2# \"b\" => 1) (nil)\n";
        assert_eq!(parts(text), expect);
    }
}
