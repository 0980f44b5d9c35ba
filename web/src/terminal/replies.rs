//! How the replies to a command are printed, where that depends on the command.

use redstart::resp::{Output, Reply, pretty};

/// The text redis-cli prints for `reply`, the answer to `words`.
pub fn print(words: &[Vec<u8>], reply: &Reply, output: Output) -> String {
    let command: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    if pretty::prints_raw(&command) {
        with_plain_ends(&pretty::print_raw(reply))
    } else {
        output.print(reply)
    }
}

/// `text` with lines that end in `\n`, also where they ended in `\r\n`.
pub fn with_plain_ends(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines
        .flat_map(|line| line.strip_suffix("\r\n").map_or([line, ""], |line| [line, "\n"]))
        .collect()
}

/// The text for a message that answers nothing.
pub fn print_live(reply: &Reply, output: Output) -> String {
    match reply {
        Reply::Push(elements) => invalidated(elements).unwrap_or_else(|| output.print(reply)),
        // Lines of MONITOR are the same however replies are printed.
        Reply::Simple(_) => pretty::print(reply),
        _ => output.print(reply),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn text_for_people_is_printed_as_it_is() {
        let reply = Reply::Bulk(b"# Server\r\na:1\r\n".to_vec());
        assert_eq!(print(&words("info server"), &reply, Output::Standard), "# Server\na:1\n");
        assert_eq!(
            print(&words("get a"), &reply, Output::Standard),
            "\"# Server\\r\\na:1\\r\\n\"\n"
        );
        assert_eq!(
            print(&words("client list id 1"), &Reply::Bulk(b"id=1".to_vec()), Output::Standard),
            "id=1\n"
        );
    }

    #[test]
    fn invalidations_have_a_line_of_their_own() {
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let keys = Reply::Array(vec![bulk("k1"), bulk("k2")]);
        let push = Reply::Push(vec![bulk("invalidate"), keys]);
        assert_eq!(print_live(&push, Output::Standard), "-> invalidate: 'k1', 'k2'\n");
    }
}
