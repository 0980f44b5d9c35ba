//! The course: lessons as they are written, read into steps, and the goals of steps checked.
//!
//! A lesson is a Markdown file in `static/lessons/LANG/NN-name.md`. `#` is its title, `##` begins a
//! step. Fenced blocks of these languages mean something:
//!
//! - `redis`: commands to click, one a line
//! - `setup`: commands that are run, unseen, before the step begins
//! - `check`: what must hold of the data for the step to be done; see [`goal`]
//! - `hint`: prose, shown when asked for; there may be several
//! - `solve`: commands that reach the goal
//!
//! A line of commands may name another connection (`b> GET a`), or let time pass (`~ 1500ms`), or say
//! that an error is to be seen (`GET a b # error`).
//!
//! [`markdown`] reads the prose. Everything here is a pure function; the tests compile this very
//! module to play every lesson in the engine and against Redis.

pub mod goal;
pub mod markdown;

use markdown::Block;

/// A lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lesson {
    /// What it is called.
    pub title: String,
    /// What one will be able to do.
    pub intro: Vec<Block>,
    /// Its steps; never empty.
    pub steps: Vec<Step>,
}

/// Words by which commands let something expire, or ask when it does.
const TIME_WORDS: [&str; 20] = [
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "EXPIRE",
    "PEXPIRE",
    "EXPIREAT",
    "PEXPIREAT",
    "TTL",
    "PTTL",
    "PERSIST",
    "SETEX",
    "PSETEX",
    "GETEX",
    "HEXPIRE",
    "HPEXPIRE",
    "HTTL",
    "HPTTL",
    "HSETEX",
    "HGETEX",
];

impl Lesson {
    /// Whether its commands let time pass, or something expire. Costs O(lesson).
    pub fn is_about_time(&self) -> bool {
        let mut lines = self.steps.iter().flat_map(|step| step.commands().chain(&step.solve));
        lines.any(|line| match &line.what {
            What::Wait(_) => true,
            What::Command(typed) => typed
                .split(' ')
                .any(|word| TIME_WORDS.iter().any(|it| it.eq_ignore_ascii_case(word))),
        })
    }
}

/// A step of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What it is called.
    pub title: String,
    /// What is to be read, and the commands to click.
    pub body: Vec<Block>,
    /// What is run before it begins.
    pub setup: Vec<Line>,
    /// What must hold for it to be done; empty for a step to read.
    pub check: Vec<Condition>,
    /// From a nudge to nearly the answer.
    pub hints: Vec<Vec<Block>>,
    /// What reaches the goal.
    pub solve: Vec<Line>,
}

/// A line of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The connection: `a` unless the line names another.
    pub conn: String,
    /// What it does.
    pub what: What,
    /// Whether it is to fail.
    pub fails: bool,
}

/// What a line of commands does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Runs a command, as it is typed.
    Command(String),
    /// Lets so many milliseconds pass.
    Wait(u32),
}

/// A part of a goal: a command that looks, and what it must find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The command, as it is typed.
    pub command: String,
    /// The lines of its reply, with wildcards; see [`goal::matches()`].
    pub expect: Vec<String>,
}

/// The longest time that a line may let pass, in milliseconds: a day.
const WAIT_MS_MAX: u32 = 86_400_000;

/// What is wrong with a lesson, and in which line of the file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

fn fault<T>(line: usize, what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { line, what: what.into() })
}

/// Reads a lesson. Costs O(text).
pub fn read(text: &str) -> Result<Lesson, Fault> {
    let mut lesson = Lesson::default();
    // Lines of prose that have no end yet, and the number of the first.
    let mut prose = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            flush(&mut lesson, &mut prose)?;
            let mut inside = Vec::new();
            loop {
                match lines.next() {
                    Some((_, line)) if line.trim_end() == "```" => break,
                    Some(line) => inside.push(line),
                    None => return fault(number, "this block has no end"),
                }
            }
            block(&mut lesson, language.trim(), number, &inside)?;
        } else if let Some(title) = line.strip_prefix("# ") {
            if !lesson.title.is_empty() || !lesson.steps.is_empty() {
                return fault(number, "a lesson has one title");
            }
            lesson.title = title.trim().to_owned();
        } else if let Some(title) = line.strip_prefix("## ") {
            flush(&mut lesson, &mut prose)?;
            check_step(&lesson, number)?;
            lesson.steps.push(Step { title: title.trim().to_owned(), ..Step::default() });
        } else if line.starts_with('#') {
            return fault(number, "headings are `# title` and `## step`");
        } else {
            prose.push((number, line));
        }
    }
    flush(&mut lesson, &mut prose)?;
    check_step(&lesson, text.lines().count())?;
    if lesson.title.is_empty() || lesson.steps.is_empty() {
        return fault(1, "a lesson begins with `# title` and has steps, each `## title`");
    }
    Ok(lesson)
}

/// Puts prose that has ended where it belongs.
fn flush(lesson: &mut Lesson, prose: &mut Vec<(usize, &str)>) -> Result<(), Fault> {
    let prose = std::mem::take(prose);
    let blocks = markdown::read(&prose)?;
    if let (true, Some((line, _))) = (lesson.title.is_empty() && !blocks.is_empty(), prose.first())
    {
        return fault(*line, "a lesson begins with `# title`");
    }
    match lesson.steps.last_mut() {
        Some(step) => step.body.extend(blocks),
        None => lesson.intro.extend(blocks),
    }
    Ok(())
}

/// What must hold of a step that has been read.
fn check_step(lesson: &Lesson, line: usize) -> Result<(), Fault> {
    let Some(step) = lesson.steps.last() else { return Ok(()) };
    match (step.check.is_empty(), step.solve.is_empty()) {
        (false, true) => fault(line, "the step above has a check and nothing that solves it"),
        (true, false) => fault(line, "the step above solves what no check asks for"),
        (true, true) | (false, false) => Ok(()),
    }
}

/// Takes a fenced block.
fn block(
    lesson: &mut Lesson,
    language: &str,
    number: usize,
    inside: &[(usize, &str)],
) -> Result<(), Fault> {
    let Some(step) = lesson.steps.last_mut() else {
        return fault(number, "blocks belong to steps");
    };
    if inside.iter().all(|(_, line)| line.trim().is_empty()) {
        return fault(number, "this block is empty");
    }
    match language {
        "redis" => step.body.push(Block::Commands(commands(inside)?)),
        "setup" => step.setup.extend(commands(inside)?),
        "solve" => step.solve.extend(commands(inside)?),
        "hint" => step.hints.push(markdown::read(inside)?),
        "check" => step.check.extend(conditions(inside)?),
        "" | "text" => {
            let lines: Vec<&str> = inside.iter().map(|(_, line)| *line).collect();
            step.body.push(Block::Code(lines.join("\n")));
        }
        other => return fault(number, format!("a block of `{other}` is not known")),
    }
    Ok(())
}

fn commands(inside: &[(usize, &str)]) -> Result<Vec<Line>, Fault> {
    let filled = inside.iter().filter(|(_, line)| !line.trim().is_empty());
    filled.map(|(number, line)| command(*number, line)).collect()
}

fn command(number: usize, line: &str) -> Result<Line, Fault> {
    let line = line.trim();
    if let Some(time) = line.strip_prefix("~ ") {
        let ms = time.strip_suffix("ms").and_then(|ms| ms.trim().parse().ok());
        let Some(ms) = ms.filter(|ms| (1..=WAIT_MS_MAX).contains(ms)) else {
            return fault(number, "time passes with `~ 1500ms`");
        };
        return Ok(Line { conn: "a".to_owned(), what: What::Wait(ms), fails: false });
    }
    let (conn, rest) = match line.split_once("> ") {
        Some((conn, rest)) if conn.len() == 1 && conn.is_ascii() => (conn, rest),
        _ => ("a", line),
    };
    let (typed, fails) = match rest.strip_suffix("# error") {
        Some(typed) => (typed.trim_end(), true),
        None => (rest, false),
    };
    if typed.is_empty() {
        return fault(number, "there is no command");
    }
    Ok(Line { conn: conn.to_owned(), what: What::Command(typed.to_owned()), fails })
}

fn conditions(inside: &[(usize, &str)]) -> Result<Vec<Condition>, Fault> {
    let mut conditions: Vec<Condition> = Vec::new();
    for (number, line) in inside {
        let line = line.trim_end();
        match (line.strip_prefix("> "), conditions.last_mut()) {
            (Some(command), _) => {
                conditions.push(Condition { command: command.to_owned(), expect: Vec::new() });
            }
            (None, _) if line.is_empty() => {}
            (None, Some(condition)) => condition.expect.push(line.to_owned()),
            (None, None) => return fault(*number, "a check begins with `> command`"),
        }
    }
    match conditions.iter().find(|condition| condition.expect.is_empty()) {
        Some(condition) => {
            let number = inside.first().map_or(1, |(number, _)| *number);
            fault(number, format!("`{}` says nothing of its reply", condition.command))
        }
        None => Ok(conditions),
    }
}

impl What {
    /// How long a line that says `ms` lets time pass. A moment more: what expires in a second is still
    /// there when a second has passed to the millisecond.
    pub fn passes_ms(ms: u32) -> u32 {
        ms + 1
    }
}

impl Step {
    /// Every line of commands to click.
    pub fn commands(&self) -> impl Iterator<Item = &Line> {
        self.body.iter().flat_map(|block| match block {
            Block::Commands(lines) => lines.as_slice(),
            Block::Paragraph(_) | Block::List { .. } | Block::Quote(_) | Block::Code(_) => &[],
        })
    }
}

impl Lesson {
    /// The names of the connections that it uses, `a` first.
    pub fn conns(&self) -> Vec<String> {
        let mut conns = vec!["a".to_owned()];
        for step in &self.steps {
            for line in step.commands().chain(&step.solve) {
                if !conns.contains(&line.conn) {
                    conns.push(line.conn.clone());
                }
            }
        }
        conns
    }
}

#[cfg(test)]
mod tests;
