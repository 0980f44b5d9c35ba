//! How the replies to a command are printed, where that depends on the command.

use redstart::resp::{Reply, pretty};

/// The text redis-cli prints for `reply`, the answer to `words`.
pub fn print(words: &[Vec<u8>], reply: &Reply) -> String {
    if is_raw(words) {
        pretty::print_raw(reply).replace("\r\n", "\n")
    } else {
        pretty::print(reply)
    }
}

/// The text for a message that answers nothing.
pub fn print_live(reply: &Reply) -> String {
    match reply {
        // Lines of MONITOR, and messages to a RESP2 connection, which are arrays.
        Reply::Push(elements) => invalidated(elements).unwrap_or_else(|| pretty::print(reply)),
        _ => pretty::print(reply),
    }
}

/// The line for an invalidation of client-side caching.
fn invalidated(elements: &[Reply]) -> Option<String> {
    match elements {
        [Reply::Bulk(kind), Reply::Array(keys)] if kind == b"invalidate" => {
            let keys = keys.iter().map(name).collect::<Vec<_>>().join(", ");
            Some(format!("-> invalidate: {keys}\n"))
        }
        _ => None,
    }
}

fn name(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(bytes) => format!("'{}'", String::from_utf8_lossy(bytes)),
        _ => "?".to_owned(),
    }
}

/// Whether a command's reply is text for people, which is printed as it is.
fn is_raw(words: &[Vec<u8>]) -> bool {
    let is = |index: usize, word: &str| {
        words.get(index).is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()))
    };
    let sub = |names: &[&str]| names.iter().any(|name| is(1, name));
    is(0, "INFO")
        || is(0, "LOLWUT")
        || (is(0, "DEBUG") && sub(&["HTSTATS", "HTSTATS-KEY", "CLIENT-EVICTION"]))
        || (is(0, "MEMORY") && sub(&["MALLOC-STATS", "DOCTOR"]))
        || (is(0, "CLUSTER") && words.len() == 2 && sub(&["NODES", "INFO"]))
        || (is(0, "CLIENT") && sub(&["LIST", "INFO"]))
        || (is(0, "LATENCY") && sub(&["GRAPH", "DOCTOR"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn text_for_people_is_printed_as_it_is() {
        let reply = Reply::Bulk(b"# Server\r\na:1\r\n".to_vec());
        assert_eq!(print(&words("info server"), &reply), "# Server\na:1\n");
        assert_eq!(print(&words("get a"), &reply), "\"# Server\\r\\na:1\\r\\n\"\n");
        assert_eq!(print(&words("client list id 1"), &Reply::Bulk(b"id=1".to_vec())), "id=1\n");
    }

    #[test]
    fn invalidations_have_a_line_of_their_own() {
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let keys = Reply::Array(vec![bulk("k1"), bulk("k2")]);
        let push = Reply::Push(vec![bulk("invalidate"), keys]);
        assert_eq!(print_live(&push), "-> invalidate: 'k1', 'k2'\n");
    }
}
