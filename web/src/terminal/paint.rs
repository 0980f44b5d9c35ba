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
        let (class, type_length) = classify(rest);
        let (kind, value) = rest.split_at(type_length);
        let pieces = [(Class::Index, index), (Class::Type, kind), (class, value)];
        parts.extend(pieces.into_iter().filter(|(_, piece)| !piece.is_empty()));
    }
    parts
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
}
