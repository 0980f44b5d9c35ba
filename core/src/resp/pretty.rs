//! Replies printed as redis-cli prints them on a terminal.

use super::{Reply, words};

/// The lines redis-cli shows for `reply`, each ended by a line break. Costs O(reply).
pub fn print(reply: &Reply) -> String {
    let mut text = String::new();
    write(&mut text, reply, "");
    text
}

/// As [`print()`], but strings stand as they are: how redis-cli shows INFO, CLIENT LIST and the like.
pub fn print_raw(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(bytes) | Reply::Verbatim(bytes) => {
            let mut text = String::from_utf8_lossy(bytes).into_owned();
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text
        }
        other => print(other),
    }
}

/// Whether redis-cli prints the reply to `command` as it is, because it is text for people.
pub fn prints_raw(command: &[&[u8]]) -> bool {
    let is = |index: usize, word: &str| {
        command.get(index).is_some_and(|arg: &&[u8]| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    let sub = |container, words: &[&str]| is(0, container) && words.iter().any(|word| is(1, word));
    is(0, "INFO")
        || is(0, "LOLWUT")
        || sub("MEMORY", &["DOCTOR", "MALLOC-STATS"])
        || sub("CLIENT", &["LIST", "INFO"])
        || (command.len() == 2 && sub("CLUSTER", &["NODES", "INFO"]))
        || sub("LATENCY", &["GRAPH", "DOCTOR"])
        || sub("DEBUG", &["HTSTATS", "HTSTATS-KEY", "CLIENT-EVICTION"])
}

fn write(text: &mut String, reply: &Reply, prefix: &str) {
    let line = |text: &mut String, parts: &[&str]| {
        parts.iter().for_each(|part| text.push_str(part));
        text.push('\n');
    };
    match reply {
        Reply::Simple(bytes) | Reply::Verbatim(bytes) => line(text, &[&lossy(bytes)]),
        Reply::Error(bytes) | Reply::BulkError(bytes) => line(text, &["(error) ", &lossy(bytes)]),
        Reply::Int(value) => line(text, &["(integer) ", &value.to_string()]),
        Reply::Bulk(bytes) => line(text, &[&lossy(&words::quote(bytes))]),
        Reply::Null => line(text, &["(nil)"]),
        Reply::Double(digits) => line(text, &["(double) ", &lossy(digits)]),
        Reply::Bool(value) => line(text, &[if *value { "(true)" } else { "(false)" }]),
        Reply::BigNumber(digits) => line(text, &["(big number) ", &lossy(digits)]),
        Reply::Array(elements) if elements.is_empty() => line(text, &["(empty array)"]),
        Reply::Set(elements) if elements.is_empty() => line(text, &["(empty set)"]),
        Reply::Push(elements) if elements.is_empty() => line(text, &["(empty push)"]),
        Reply::Map(pairs) if pairs.is_empty() => line(text, &["(empty hash)"]),
        Reply::Array(elements) | Reply::Push(elements) => {
            write_elements(text, elements, ')', prefix);
        }
        Reply::Set(elements) => write_elements(text, elements, '~', prefix),
        Reply::Map(pairs) => write_pairs(text, pairs, prefix),
        Reply::Attributed(_, reply) => write(text, reply, prefix),
    }
}

fn write_elements(text: &mut String, elements: &[Reply], mark: char, prefix: &str) {
    let width = digits(elements.len());
    let nested = format!("{prefix}{}", " ".repeat(width + 2));
    for (index, element) in elements.iter().enumerate() {
        // The parent has already indented the first line.
        let indent = if index == 0 { "" } else { prefix };
        text.push_str(&format!("{indent}{:>width$}{mark} ", index + 1));
        write(text, element, &nested);
    }
}

fn write_pairs(text: &mut String, pairs: &[(Reply, Reply)], prefix: &str) {
    let width = digits(pairs.len());
    let nested = format!("{prefix}{}", " ".repeat(width + 2));
    for (index, (key, value)) in pairs.iter().enumerate() {
        let indent = if index == 0 { "" } else { prefix };
        text.push_str(&format!("{indent}{:>width$}# ", index + 1));
        write(text, key, &nested);
        // The value goes on behind the key, on the key's own line.
        text.pop();
        text.push_str(" => ");
        if takes_lines(value) {
            text.push('\n');
            text.push_str(&nested);
        }
        write(text, value, &nested);
    }
}

/// Whether `reply` is printed over several lines.
fn takes_lines(reply: &Reply) -> bool {
    match reply {
        Reply::Array(elements) | Reply::Set(elements) | Reply::Push(elements) => {
            match &**elements {
                [] => false,
                [only] => takes_lines(only),
                _ => true,
            }
        }
        Reply::Map(pairs) => match &**pairs {
            [] => false,
            [(_, value)] => takes_lines(value),
            _ => true,
        },
        Reply::Attributed(_, reply) => takes_lines(reply),
        Reply::Simple(_)
        | Reply::Error(_)
        | Reply::Int(_)
        | Reply::Bulk(_)
        | Reply::Null
        | Reply::Double(_)
        | Reply::Bool(_)
        | Reply::BigNumber(_)
        | Reply::Verbatim(_)
        | Reply::BulkError(_) => false,
    }
}

fn digits(count: usize) -> usize {
    count.to_string().len()
}

fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wire: &str, expect: &str) {
        let (reply, _) = Reply::read(wire.as_bytes()).unwrap().unwrap();
        assert_eq!(print(&reply), expect);
    }

    #[test]
    fn scalars() {
        check("+OK\r\n", "OK\n");
        check("-ERR no\r\n", "(error) ERR no\n");
        check(":7\r\n", "(integer) 7\n");
        check("$5\r\na\"b\n\x07\r\n", "\"a\\\"b\\n\\a\"\n");
        check("$2\r\né\r\n", "\"\\xc3\\xa9\"\n");
        check("$-1\r\n", "(nil)\n");
        check(",1.5\r\n", "(double) 1.5\n");
        check("#f\r\n", "(false)\n");
    }

    #[test]
    fn nested_arrays_are_indented() {
        check("*2\r\n*2\r\n$1\r\na\r\n:2\r\n+OK\r\n", "1) 1) \"a\"\n   2) (integer) 2\n2) OK\n");
        check("*0\r\n", "(empty array)\n");
        let ten = format!("*10\r\n{}", ":1\r\n".repeat(10));
        let expect: String = (1..=10).map(|index| format!("{index:>2}) (integer) 1\n")).collect();
        check(&ten, &expect);
    }

    #[test]
    fn maps_put_long_values_on_their_own_lines() {
        check(
            "%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n:1\r\n:2\r\n",
            "1# a => (integer) 1\n2# b => \n   1) (integer) 1\n   2) (integer) 2\n",
        );
        check("%1\r\n+a\r\n~1\r\n:1\r\n", "1# a => 1~ (integer) 1\n");
    }
}
