//! Playing lessons as learners do, on any [`Stage`].
//!
//! Two learners play each lesson. One does only what each step asks, and finds the goal not reached
//! before and reached after. The other clicks every command on the way as well, and no command of
//! it fails that is not marked as failing; but clicking alone reaches no goal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use redstart::commands;
use redstart::resp::{Reply, words};
use redstart::spec::Flag;

use crate::lesson::{self, Condition, Lesson, Line, What, goal};
use crate::play::{Patience, Stage};
use crate::transcript;

/// A lesson and the file it was read from.
#[derive(Clone, Debug)]
pub struct Read {
    /// Its language: the folder's name.
    pub language: String,
    /// The file's name.
    pub name: String,
    /// The lesson.
    pub lesson: Lesson,
}

/// Reads every lesson in every language, by language and then by name. The error tells of all files
/// that cannot be read.
pub fn lessons() -> Result<Vec<Read>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../static/lessons");
    let mut read = Vec::new();
    let mut faults = Vec::new();
    for language in entries(&folder)? {
        for file in entries(&language)? {
            let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
            match lesson::read(&text) {
                Ok(lesson) => {
                    read.push(Read { language: name(&language), name: name(&file), lesson });
                }
                Err(fault) => faults.push(format!("{}: {fault}", file.display())),
            }
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(faults.join("\n")) }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{folder:?}: {error}"))?;
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Who plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learner {
    /// Does what is asked.
    Brisk,
    /// Clicks everything first.
    Thorough,
}

/// Plays a lesson from an empty server on; what is wrong with it, with the step.
pub fn play(stage: &mut dyn Stage, lesson: &Lesson, learner: Learner) -> Result<(), String> {
    let mut player = Player { stage, unread: BTreeMap::new() };
    for (number, step) in (1..).zip(&lesson.steps) {
        let fail = |what: String| format!("step {number}, {}: {what}", step.title);
        player.all(&step.setup, "setup").map_err(fail)?;
        if player.is_reached(&step.check).map_err(fail)? && !step.check.is_empty() {
            return Err(fail("the goal is reached before anything is done".to_owned()));
        }
        if learner == Learner::Thorough {
            player.all(step.commands(), "a command").map_err(fail)?;
            if player.is_reached(&step.check).map_err(fail)? && !step.check.is_empty() {
                return Err(fail("to click everything is enough to reach the goal".to_owned()));
            }
        }
        player.all(&step.solve, "solve").map_err(fail)?;
        if let Some(missed) = player.missed(&step.check).map_err(fail)? {
            return Err(fail(format!("the solution does not reach the goal: {missed}")));
        }
    }
    Ok(())
}

/// Whether a server has all commands of a lesson: an older one lacks those of newer versions.
pub fn is_known(stage: &mut dyn Stage, lesson: &Lesson) -> Result<bool, String> {
    let mut player = Player { stage, unread: BTreeMap::new() };
    for line in lesson.steps.iter().flat_map(|step| &step.solve) {
        let What::Command(command) = &line.what else { continue };
        let name = command.split_whitespace().next().unwrap_or_default();
        let question = format!("COMMAND INFO {name}");
        if player.run(CHECKER, &question, Patience::Expecting(CHECKER))? == ["1) (nil)"] {
            return Ok(false);
        }
    }
    Ok(true)
}

struct Player<'a> {
    stage: &'a mut dyn Stage,
    unread: BTreeMap<String, Vec<u8>>,
}

/// The connection on which goals are checked.
const CHECKER: &str = "checker";

impl Player<'_> {
    fn all<'l>(
        &mut self,
        lines: impl IntoIterator<Item = &'l Line>,
        what: &str,
    ) -> Result<(), String> {
        for line in lines {
            let command = match &line.what {
                What::Wait(ms) => {
                    self.stage.wait(u64::from(What::passes_ms(*ms)));
                    continue;
                }
                What::Command(command) => command,
            };
            let replies = self.run(&line.conn, command, Patience::Hoping(&line.conn))?;
            let failed = replies.iter().any(|line| line.contains("(error)"));
            if failed != line.fails {
                let wanted = if line.fails { "was to fail" } else { "fails" };
                return Err(format!("{what}, {command:?}, {wanted}:\n{}", replies.join("\n")));
            }
        }
        Ok(())
    }

    /// Runs a command; the lines of what has come on its connection.
    fn run(
        &mut self,
        conn: &str,
        command: &str,
        patience: Patience<'_>,
    ) -> Result<Vec<String>, String> {
        let replies = self.replies(conn, command, patience)?;
        let words = transcript::arguments(command)?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        Ok(replies.iter().flat_map(|reply| goal::lines(&words, reply)).collect())
    }

    fn replies(
        &mut self,
        conn: &str,
        command: &str,
        patience: Patience<'_>,
    ) -> Result<Vec<Reply>, String> {
        let words =
            words::split(command.as_bytes()).map_err(|_| format!("quotes in {command:?}"))?;
        self.stage.send(conn, &transcript::encode(&words))?;
        let mut replies = Vec::new();
        let mut patience = patience;
        loop {
            let arrived = self.stage.receive(patience);
            let is_quiet = arrived.is_empty();
            for (name, bytes, _) in arrived {
                self.unread.entry(name).or_default().extend(bytes);
            }
            let unread = self.unread.entry(conn.to_owned()).or_default();
            while let Some((reply, length)) =
                Reply::read(unread).map_err(|_| "what came is no reply")?
            {
                unread.drain(..length);
                replies.push(reply);
            }
            if unread.is_empty() || is_quiet {
                return Ok(replies);
            }
            patience = Patience::Expecting(conn);
        }
    }

    fn is_reached(&mut self, check: &[Condition]) -> Result<bool, String> {
        Ok(self.missed(check)?.is_none())
    }

    /// The first condition that does not hold, and what is there instead.
    fn missed(&mut self, check: &[Condition]) -> Result<Option<String>, String> {
        for condition in check {
            let replies =
                self.replies(CHECKER, &condition.command, Patience::Expecting(CHECKER))?;
            let [reply] = replies.as_slice() else {
                return Err(format!("{:?} has {} replies", condition.command, replies.len()));
            };
            if !goal::holds(condition, reply) {
                let got = goal::lines(&[], reply).join("\n");
                return Ok(Some(format!("{:?} replies\n{got}", condition.command)));
            }
        }
        Ok(None)
    }
}

/// Whether a condition's command only looks; otherwise what is wrong with it.
pub fn only_looks(condition: &Condition) -> Result<(), String> {
    /// Commands that look at the server and not at data, so that they are not marked as reading.
    const LOOK: [&str; 15] = [
        "config get",
        "client info",
        "client list",
        "client no-evict",
        "info",
        "lastsave",
        "slowlog get",
        "slowlog len",
        "pubsub channels",
        "pubsub numsub",
        "pubsub numpat",
        "latency latest",
        "acl list",
        "acl users",
        "acl getuser",
    ];
    let table = commands::table();
    let words = goal::words(condition).ok_or("it has unbalanced quotes")?;
    let entry =
        words.first().and_then(|word| table.find(word)).ok_or("there is no such command")?;
    let entry = words.get(1).and_then(|word| table.find_sub(entry, word)).unwrap_or(entry);
    let typed = condition.command.to_ascii_lowercase();
    let looks = entry.command.flags.contains(&Flag::Readonly)
        || LOOK.iter().any(|look| typed == *look || typed.starts_with(&format!("{look} ")));
    if looks { Ok(()) } else { Err("it does not only look".to_owned()) }
}
