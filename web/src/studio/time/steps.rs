//! A recording as the commands that persons have given.

use redstart::resp::{Reply, words};

use crate::sandbox::Role;
use crate::sandbox::tape::{Event, Read};
use crate::studio::value::text::line;

/// A command of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Entries of the recording up to and with this one.
    pub entries: usize,
    /// The connection.
    pub conn: u32,
    /// When, in microseconds since 1970.
    pub at_us: i64,
    /// As it would be typed; several, if they came at once.
    pub line: String,
}

/// The commands in a recording.
pub fn steps(tape: &[Read]) -> Vec<Step> {
    let mut persons = Vec::new();
    let mut steps = Vec::new();
    for (index, entry) in tape.iter().enumerate() {
        match &entry.event {
            Event::Opened(Role::Person) => persons.push(entry.conn),
            Event::Received(bytes) if persons.contains(&entry.conn) => {
                let (entries, conn, at_us) = (index + 1, entry.conn, entry.at_us);
                steps.push(Step { entries, conn, at_us, line: typed(bytes) });
            }
            _ => {}
        }
    }
    steps
}

/// Commands as they would be typed.
fn typed(bytes: &[u8]) -> String {
    let mut lines = Vec::new();
    let mut rest = bytes;
    while let Ok(Some((Reply::Array(parts), length))) = Reply::read(rest) {
        let word = |part| match part {
            Reply::Bulk(bytes) => bytes,
            _ => Vec::new(),
        };
        lines.push(line(&parts.into_iter().map(word).collect::<Vec<_>>()));
        rest = rest.get(length..).unwrap_or_default();
    }
    if lines.is_empty() {
        // A client that typed its command without lengths.
        let inline = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
        let words = words::split(inline).unwrap_or_default();
        lines.push(line(&words));
    }
    lines.join(" ; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::tape;
    use crate::studio::testing::Server;

    #[test]
    fn only_what_persons_have_said_is_a_step() {
        let mut server = Server::new();
        server.run("SET a \"b c\"");
        server.run("GET a");
        let tape = tape::read(&tape::write(server.sandbox.entries()));
        let steps = steps(&tape);
        let lines: Vec<&str> = steps.iter().map(|step| step.line.as_str()).collect();
        assert_eq!(lines, ["SET a \"b c\"", "GET a"]);
        assert!(steps[0].entries < steps[1].entries && steps[1].entries <= tape.len());
        assert_eq!(typed(b"PING\r\n"), "PING");
        assert_eq!(typed(b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), "PING ; GET a");
    }
}
