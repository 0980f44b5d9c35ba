//! Playing a scenario on a stage: in this process, over TCP, against a real server.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use redstart::resp::{Reply, pretty, words};

use crate::transcript::{self, Action, Scenario, Step};

/// Something that commands can be sent to.
pub trait Stage {
    /// Opens connection `name` if it is not open, and sends `bytes` on it.
    fn send(&mut self, name: &str, bytes: &[u8]) -> Result<(), String>;

    /// Closes connection `name` from the client's side.
    fn hangup(&mut self, name: &str);

    /// Lets time pass.
    fn wait(&mut self, ms: u64);

    /// Gives the other side a moment; then what has arrived on each connection since the last
    /// call, and whether the server closed it. `patience` says how long to wait for something.
    fn receive(&mut self, patience: Patience<'_>) -> Vec<(String, Vec<u8>, bool)>;
}

/// How long a stage waits for replies; a stage whose time is virtual never waits.
#[derive(Clone, Copy, Debug)]
pub enum Patience<'a> {
    /// Something must come on this connection.
    Expecting(&'a str),
    /// Something may come on this connection.
    Hoping(&'a str),
    /// Nothing should come, but it may be on its way.
    Quiet,
}

/// A scenario that did not go as written.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The line of the step, counted from 1.
    pub line: usize,
    /// What was expected and what came.
    pub text: String,
}

/// Plays `scenario` and compares every reply.
pub fn check(stage: &mut dyn Stage, scenario: &Scenario) -> Result<(), Failure> {
    let mut screen = Screen::default();
    for step in &scenario.steps {
        let fail = |text: String| Failure { line: step.line, text };
        let name = act(stage, &mut screen, step).map_err(fail)?;
        let Some(name) = name else {
            screen.receive(stage, Patience::Quiet).map_err(fail)?;
            continue;
        };
        let expect: Vec<String> =
            step.expect.iter().filter(|line| !line.is_empty()).cloned().collect();
        if expect.is_empty() {
            screen.receive(stage, Patience::Quiet).map_err(fail)?;
        }
        // Replies come in pieces: what is there is compared until it fits or nothing more comes.
        while !transcript::matches(&expect, screen.lines(&name)) {
            if !screen.receive(stage, Patience::Expecting(&name)).map_err(fail)? {
                return Err(fail(difference(step, &expect, screen.lines(&name))));
            }
        }
        screen.clear(&name);
    }
    screen.receive(stage, Patience::Quiet).map_err(|text| Failure { line: scenario.line, text })?;
    match screen.leftover() {
        Some((name, lines)) => Err(Failure {
            line: scenario.steps.last().map_or(scenario.line, |step| step.line),
            text: format!("nothing more was expected on '{name}', but there came\n{lines}"),
        }),
        None => Ok(()),
    }
}

/// Plays `scenario` and writes down every reply, keeping those that already fit.
pub fn bless(stage: &mut dyn Stage, scenario: &Scenario) -> Result<Scenario, Failure> {
    let mut screen = Screen::default();
    let mut steps = Vec::new();
    for step in &scenario.steps {
        let fail = |text: String| Failure { line: step.line, text };
        if let Action::Arrives(name) = &step.action {
            // Written down anew below, unless it fits with its wildcards.
            let last = steps.iter_mut().rev().find(
                |Step { action, .. }| matches!(action, Action::Arrives(other) if other == name),
            );
            if let Some(last) = last.filter(|last| transcript::matches(&step.expect, &last.expect))
            {
                last.expect.clone_from(&step.expect);
            }
            continue;
        }
        let name = act(stage, &mut screen, step).map_err(fail)?;
        if let Some(name) = &name {
            screen.receive(stage, Patience::Hoping(name)).map_err(fail)?;
        }
        while screen.receive(stage, Patience::Quiet).map_err(fail)? {}
        let mut written = Step { expect: Vec::new(), ..step.clone() };
        if let Some(name) = &name {
            written.expect = screen.take(name);
            if transcript::matches(&step.expect, &written.expect) {
                written.expect.clone_from(&step.expect);
            }
        }
        steps.push(written);
        while let Some((name, _)) = screen.leftover() {
            let expect = screen.take(&name);
            steps.push(Step { line: step.line, action: Action::Arrives(name), expect });
        }
    }
    Ok(Scenario { steps, ..scenario.clone() })
}

/// Does what a step does; returns the connection whose output it is about.
fn act(stage: &mut dyn Stage, screen: &mut Screen, step: &Step) -> Result<Option<String>, String> {
    match &step.action {
        Action::Command(name, typed) => {
            let arguments = transcript::arguments(typed)?;
            screen.asked(name, &arguments);
            stage.send(name, &transcript::encode(&arguments))?;
            Ok(Some(name.clone()))
        }
        Action::Bytes(name, typed) => {
            let words = words::split(typed.as_bytes()).map_err(|_| "unbalanced quotes")?;
            screen.asked(name, &[]);
            stage.send(name, &words.concat())?;
            Ok(Some(name.clone()))
        }
        Action::Arrives(name) => Ok(Some(name.clone())),
        Action::Hangup(name) => {
            stage.hangup(name);
            Ok(None)
        }
        Action::Wait(ms) => {
            stage.wait(*ms);
            Ok(None)
        }
        Action::Remark(_) => Ok(None),
    }
}

fn difference(step: &Step, expect: &[String], got: &[String]) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}",
        match &step.action {
            Action::Command(name, typed) => format!("{name}> {typed}"),
            Action::Bytes(name, typed) => format!("{name}! {typed}"),
            Action::Arrives(name) => format!("{name}<"),
            Action::Hangup(_) | Action::Wait(_) | Action::Remark(_) => String::new(),
        }
    );
    let _ = writeln!(text, "  expected:");
    expect.iter().for_each(|line| {
        text += &format!(
            "    {line}
"
        )
    });
    let _ = writeln!(text, "  got:");
    got.iter().for_each(|line| {
        text += &format!(
            "    {line}
"
        )
    });
    text
}

/// What each connection shows.
#[derive(Default)]
struct Screen {
    connections: BTreeMap<String, Connection>,
}

#[derive(Default)]
struct Connection {
    /// Bytes of a reply that is not complete.
    bytes: Vec<u8>,
    /// Lines that no step has claimed yet.
    lines: Vec<String>,
    /// Whether redis-cli prints the reply to the last command as it is.
    raw: bool,
}

impl Screen {
    fn asked(&mut self, name: &str, arguments: &[Vec<u8>]) {
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let raw = pretty::prints_raw(&arguments);
        self.connections.entry(name.to_owned()).or_default().raw = raw;
    }

    /// Takes in what has arrived; returns whether anything has.
    fn receive(&mut self, stage: &mut dyn Stage, patience: Patience<'_>) -> Result<bool, String> {
        let mut any = false;
        for (name, bytes, closed) in stage.receive(patience) {
            any |= closed || !bytes.is_empty();
            let connection = self.connections.entry(name).or_default();
            connection.bytes.extend(bytes);
            while let Some((reply, length)) = Reply::read(&connection.bytes)
                .map_err(|_| format!("not a reply: {}", connection.bytes.escape_ascii()))?
            {
                connection.bytes.drain(..length);
                let raw = connection.raw && !reply.is_push();
                let text = if raw { pretty::print_raw(&reply) } else { pretty::print(&reply) };
                let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
                connection.lines.extend(lines.map(str::to_owned));
            }
            if closed {
                connection.lines.push("(closed)".into());
            }
        }
        Ok(any)
    }

    fn lines(&self, name: &str) -> &[String] {
        self.connections.get(name).map(|connection| &*connection.lines).unwrap_or_default()
    }

    fn take(&mut self, name: &str) -> Vec<String> {
        let connection = self.connections.get_mut(name);
        connection.map(|connection| std::mem::take(&mut connection.lines)).unwrap_or_default()
    }

    fn clear(&mut self, name: &str) {
        self.take(name);
    }

    fn leftover(&self) -> Option<(String, String)> {
        let (name, connection) =
            self.connections.iter().find(|(_, connection)| !connection.lines.is_empty())?;
        Some((name.clone(), connection.lines.join("\n")))
    }
}

/// Whether `scenario` changes what a FLUSHALL does not change back, so that a server shared by
/// scenarios must be started anew behind it.
pub fn leaves_traces(scenario: &Scenario) -> bool {
    const TRACES: [&str; 12] = [
        "config",
        "debug",
        "client pause",
        "function",
        "script",
        "acl",
        "shutdown",
        "slowlog",
        "info",
        "client list",
        "latency",
        "memory",
    ];
    scenario.steps.iter().any(|step| match &step.action {
        Action::Command(_, typed) => {
            let typed = typed.to_ascii_lowercase();
            TRACES.iter().any(|trace| typed.starts_with(trace))
        }
        Action::Bytes(..)
        | Action::Arrives(_)
        | Action::Hangup(_)
        | Action::Wait(_)
        | Action::Remark(_) => false,
    })
}

/// Empties a server for the next scenario.
pub fn clean(stage: &mut dyn Stage) -> Result<(), String> {
    stage.send("clean", b"FLUSHALL\r\n")?;
    stage.receive(Patience::Expecting("clean"));
    stage.hangup("clean");
    Ok(())
}
