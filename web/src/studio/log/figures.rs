//! What is read of INFO and of the slow log.

use redstart::resp::Reply;

use crate::studio::keys::browser::integer;
use crate::studio::value::load::{bytes, elements, text};
use crate::studio::value::text::line;

/// A figure of INFO by its name.
pub fn figure(info: &str, name: &str) -> Option<f64> {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().parse().ok()
}

/// An entry of the slow log.
#[derive(Clone, Debug, PartialEq)]
pub struct Slow {
    /// Its number.
    pub id: i64,
    /// When it was run, in seconds since 1970.
    pub at_s: i64,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// The command.
    pub line: String,
    /// The client's name or address.
    pub client: String,
}

/// The entries in a reply to SLOWLOG GET.
pub fn slow_log(reply: &Reply) -> Vec<Slow> {
    let entry = |reply: &Reply| {
        let [id, at, took, words, addr, name] = elements(reply)? else { return None };
        let words: Vec<Vec<u8>> = elements(words)?.iter().filter_map(bytes).collect();
        let name = text(name).filter(|name| !name.is_empty());
        Some(Slow {
            id: integer(id)?,
            at_s: integer(at)?,
            took_us: integer(took)?,
            line: line(&words),
            client: name.or_else(|| text(addr)).unwrap_or_default(),
        })
    };
    elements(reply).unwrap_or_default().iter().filter_map(entry).collect()
}

/// A length of time in microseconds, for people.
pub fn micros(us: f64) -> String {
    match us {
        ..1000.0 => format!("{us:.0} µs"),
        ..1_000_000.0 => format!("{:.1} ms", us / 1000.0),
        _ => format!("{:.1} s", us / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    #[test]
    fn figures_are_read_from_info() {
        let mut server = Server::new();
        server.run("SET a 1");
        server.run("GET a");
        server.run("GET nosuch");
        let info = text(&server.run("INFO")).unwrap();
        assert!(figure(&info, "used_memory").unwrap() > 0.0);
        assert_eq!(figure(&info, "keyspace_hits"), Some(1.0));
        assert_eq!(figure(&info, "keyspace_misses"), Some(1.0));
        assert!(figure(&info, "total_commands_processed").unwrap() >= 3.0);
        assert_eq!(figure(&info, "nosuch"), None);
    }

    #[test]
    fn the_slow_log_is_read() {
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let words = Reply::Array(vec![bulk("SET"), bulk("a"), bulk("b c")]);
        let addr = bulk("127.0.0.1:5000");
        let numbers = [7, 1_700_000_000, 1500].map(Reply::Int);
        let entry = |name: &str| {
            let rest = [words.clone(), addr.clone(), bulk(name)];
            Reply::Array(numbers.iter().cloned().chain(rest).collect())
        };
        let slow = slow_log(&Reply::Array(vec![entry("me"), entry(""), Reply::Null]));
        let [named, unnamed] = slow.as_slice() else { panic!("{slow:?}") };
        assert_eq!((named.line.as_str(), named.client.as_str()), ("SET a \"b c\"", "me"));
        assert_eq!((named.id, named.took_us, unnamed.client.as_str()), (7, 1500, "127.0.0.1:5000"));
        assert_eq!(slow_log(&Reply::Int(1)), []);
    }

    #[test]
    fn lengths_of_time_are_short() {
        assert_eq!([15.0, 1500.0, 2_500_000.0].map(micros), ["15 µs", "1.5 ms", "2.5 s"]);
    }
}
