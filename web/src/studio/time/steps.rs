//! A recording as the commands that persons have given.

use redstart::resp::words;

use crate::sandbox::{Entry, Input, Role};
use crate::studio::exchange::commands;
use crate::studio::value::text::line;

/// A command of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which of several recordings it is in.
    pub part: usize,
    /// Entries of the recording up to and with this one; 0 is how that recording begins.
    pub entries: usize,
    /// When, in microseconds since 1970.
    pub at_us: i64,
    /// As it would be typed; several, if they came at once. Where a recording begins: the command to which
    /// the person had gone back, or nothing if the data was changed otherwise.
    pub line: String,
}

/// The commands in a recording.
pub fn steps(entries: &[Entry]) -> Vec<Step> {
    let mut persons = Vec::new();
    let mut steps = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        match &entry.input {
            Input::Opened(Role::Person) => persons.push(entry.conn),
            Input::Received(bytes) if persons.contains(&entry.conn) => {
                let (entries, at_us, line) = (index + 1, entry.at.unix_us, typed(bytes));
                steps.push(Step { part: 0, entries, at_us, line });
            }
            _ => {}
        }
    }
    steps
}

/// Commands as they would be typed.
fn typed(bytes: &[u8]) -> String {
    let found = commands(bytes);
    if !found.is_empty() {
        return found.iter().map(|words| line(words)).collect::<Vec<_>>().join(" ; ");
    }
    // A client that typed its command without lengths.
    let inline = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    line(&words::split(inline).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    #[test]
    fn only_what_persons_have_said_is_a_step() {
        let mut server = Server::new();
        server.run("SET a \"b c\"");
        server.run("GET a");
        let entries = server.sandbox.entries();
        let steps = steps(entries);
        let lines: Vec<&str> = steps.iter().map(|step| step.line.as_str()).collect();
        assert_eq!(lines, ["SET a \"b c\"", "GET a"]);
        assert!(steps[0].entries < steps[1].entries && steps[1].entries <= entries.len());
        assert_eq!(typed(b"PING\r\n"), "PING");
        assert_eq!(typed(b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), "PING ; GET a");
    }
}
