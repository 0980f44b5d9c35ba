//! Transcripts: a test that reads as a session with redis-cli.
//!
//! ```text
//! # BLPOP is woken by a push from another connection.
//! b> BLPOP queue 0
//! > LPUSH queue job
//! (integer) 1
//! b< 1) "queue"
//! 2) "job"
//! ~ 100ms
//! > LLEN queue
//! (integer) 0
//! ```
//!
//! A file holds scenarios. Each begins with `#` lines that say what it shows, and starts from
//! nothing: no keys, new connections. `> words` sends a command on the connection without a name,
//! `b> words` on connection `b`; the lines that follow are the reply as redis-cli prints it, none
//! if there is none yet. `b<` begins what arrives on `b` later. `b! "bytes"` sends bytes as they
//! are, `b-` closes the connection, and `~ 100ms` lets time pass. A connection that the server
//! closes prints `(closed)`. In a reply, `{*}` stands for any text within a line, `{A..B}` for a
//! number from A to B, and a line `...` for any lines. Lines `##` are remarks.
//!
//! A line `#! redis8: reason` says that the scenario differs from Redis 8 on purpose, or cannot be
//! compared, and why.

use std::fmt::Write as _;

use redstart::resp::words;

pub use crate::lesson::goal::matches;

/// A part of a transcript that starts from nothing.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The `#` lines.
    pub title: Vec<String>,
    /// Why it is not compared with Redis 8.
    pub differs: Option<String>,
    /// The line of its first step, counted from 1.
    pub line: usize,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its line in the file, counted from 1.
    pub line: usize,
    /// What.
    pub action: Action,
    /// The lines of the reply, or of what arrives.
    pub expect: Vec<String>,
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A command is sent; the text as it was typed.
    Command(String, String),
    /// Bytes are sent; the text as it was typed, quotes included.
    Bytes(String, String),
    /// Something arrives on a connection.
    Arrives(String),
    /// The client closes a connection.
    Hangup(String),
    /// Time passes, in milliseconds.
    Wait(u64),
    /// A remark, kept where it stands.
    Remark(String),
}

/// Reads a file's scenarios; the error names the line.
pub fn parse(text: &str) -> Result<Vec<Scenario>, String> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut in_title = false;
    for (line, text) in (1..).zip(text.lines()) {
        if let Some(title) = text.strip_prefix('#').filter(|rest| !rest.starts_with('#')) {
            if !in_title {
                let (title, differs, steps) = Default::default();
                scenarios.push(Scenario { title, differs, line, steps });
            }
            in_title = true;
            let scenario = scenarios.last_mut().ok_or("no scenario")?;
            match title.strip_prefix("! redis8:") {
                Some(reason) => scenario.differs = Some(reason.trim().to_owned()),
                None => scenario.title.push(title.trim().to_owned()),
            }
            continue;
        }
        in_title = false;
        if text.trim().is_empty() {
            continue;
        }
        let scenario = scenarios
            .last_mut()
            .ok_or_else(|| format!("line {line}: a scenario begins with `#`"))?;
        match action(text) {
            Some((action, rest)) => {
                let expect = rest.map(str::to_owned).into_iter().collect();
                scenario.steps.push(Step { line, action, expect });
            }
            None => {
                let step = scenario
                    .steps
                    .last_mut()
                    .filter(|step| !matches!(step.action, Action::Wait(_) | Action::Hangup(_)))
                    .ok_or_else(|| format!("line {line}: a reply without a command"))?;
                step.expect.push(text.to_owned());
            }
        }
    }
    Ok(scenarios)
}

/// Writes scenarios as a file.
pub fn format(scenarios: &[Scenario]) -> String {
    let mut text = String::new();
    for (index, scenario) in scenarios.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        for title in &scenario.title {
            let _ = writeln!(text, "# {title}");
        }
        if let Some(reason) = &scenario.differs {
            let _ = writeln!(text, "#! redis8: {reason}");
        }
        for step in &scenario.steps {
            let mut expect = step.expect.iter();
            let _ = match &step.action {
                Action::Command(name, typed) => writeln!(text, "{name}> {typed}"),
                Action::Bytes(name, typed) => writeln!(text, "{name}! {typed}"),
                Action::Arrives(name) => {
                    writeln!(text, "{name}< {}", expect.next().map_or("", String::as_str))
                }
                Action::Hangup(name) => writeln!(text, "{name}-"),
                Action::Wait(ms) => writeln!(text, "~ {ms}ms"),
                Action::Remark(remark) => writeln!(text, "##{remark}"),
            };
            for line in expect {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text
}

/// The action that a line begins, and what stands behind it on the line.
fn action(line: &str) -> Option<(Action, Option<&str>)> {
    if let Some(remark) = line.strip_prefix("##") {
        return Some((Action::Remark(remark.into()), None));
    }
    if let Some(time) = line.strip_prefix("~ ") {
        return Some((Action::Wait(time.trim().strip_suffix("ms")?.parse().ok()?), None));
    }
    let end = line.find(|letter: char| !letter.is_ascii_lowercase() && !letter.is_ascii_digit())?;
    let (name, rest) = line.split_at(end);
    // Connections have short names, so that no reply is taken for an action.
    if name.len() > 3 {
        return None;
    }
    let name = name.to_owned();
    if rest == "-" {
        return Some((Action::Hangup(name), None));
    }
    let (sign, text) = rest.split_at(1);
    let text = if text.is_empty() { "" } else { text.strip_prefix(' ')? };
    match sign {
        ">" => Some((Action::Command(name, text.into()), None)),
        "!" => Some((Action::Bytes(name, text.into()), None)),
        "<" => Some((Action::Arrives(name), Some(text).filter(|text| !text.is_empty()))),
        _ => None,
    }
}

/// The arguments that a typed command consists of.
pub fn arguments(typed: &str) -> Result<Vec<Vec<u8>>, String> {
    words::split(typed.as_bytes()).map_err(|_| format!("unbalanced quotes: {typed}"))
}

/// A command as a client sends it.
pub fn encode(arguments: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        bytes.extend(format!("${}\r\n", argument.len()).into_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_written_alike() {
        let text = "# One.\n> SET a \"b c\"\nOK\n## why\nb> BLPOP q 0\n~ 10ms\nb< 1) \"q\"\n\
                    2) \"x\"\nb-\n\n# Two.\n#! redis8: no such thing\n! \"*1\\r\\n\"\n< (closed)\n";
        let scenarios = parse(text).unwrap();
        assert_eq!(scenarios.len(), 2);
        assert_eq!(scenarios[1].differs.as_deref(), Some("no such thing"));
        assert_eq!(format(&scenarios), text);
        assert!(parse("OK\n").is_err());
        assert!(parse("# a\nOK\n").is_err());
    }
}
