//! `transcript check|bless [--redis8 | --server PROGRAM] FILE…`
//!
//! `check` plays transcripts, in this process unless a server is named, and prints what differs.
//! `bless` fills in the replies of a real Redis 8, so that a transcript is written by its commands
//! alone; blessed text is to be read before it is committed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::play::{self, Stage};
use redstart_tests::tcp::Tcp;
use redstart_tests::transcript;

#[expect(clippy::print_stderr, reason = "a program's usage and errors")]
fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("transcript: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, String> {
    let mut args = std::env::args().skip(1).peekable();
    let verb = args.next().unwrap_or_default();
    let program = match args.peek().map(String::as_str) {
        Some("--redis8") => {
            args.next();
            Some(oracle::find_redis8().ok_or("no redis8-server found")?)
        }
        Some("--server") => {
            args.next();
            Some(PathBuf::from(args.next().ok_or("--server needs a program")?))
        }
        _ => None,
    };
    let files: Vec<PathBuf> = args.map(PathBuf::from).collect();
    match (verb.as_str(), files.is_empty()) {
        ("check", false) => check(program.as_deref(), &files),
        ("bless", false) => {
            let redis8 = oracle::find_redis8().ok_or("no redis8-server found")?;
            let program = program.unwrap_or(redis8);
            files.iter().try_for_each(|file| bless(&program, file)).map(|()| true)
        }
        _ => Err("usage: transcript check|bless [--redis8 | --server PROGRAM] FILE...".into()),
    }
}

#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
fn check(program: Option<&Path>, files: &[PathBuf]) -> Result<bool, String> {
    let mut server = program.map(Server::start).transpose()?;
    let (mut passed, mut failed, mut differing) = (0, 0, 0);
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{file:?}: {error}"))?;
        let scenarios =
            transcript::parse(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        for scenario in &scenarios {
            let result = match &mut server {
                Some(_) if scenario.differs.is_some() => {
                    differing += 1;
                    continue;
                }
                Some(server) => {
                    let mut stage = Tcp::new(server.addr);
                    play::clean(&mut stage)?;
                    let result = play::check(&mut stage, scenario);
                    if result.is_err() || play::leaves_traces(scenario) {
                        server.restart()?;
                    }
                    result
                }
                None => play::check(&mut Local::for_tests(), scenario),
            };
            match result {
                Ok(()) => passed += 1,
                Err(failure) => {
                    failed += 1;
                    let title = scenario.title.join(" ");
                    println!("{}:{}: {title}\n{}", file.display(), failure.line, failure.text);
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed, {differing} known to differ");
    Ok(failed == 0)
}

fn bless(program: &Path, file: &Path) -> Result<(), String> {
    let mut server = Server::start(program)?;
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file:?}: {error}"))?;
    let mut blessed = Vec::new();
    for scenario in transcript::parse(&text)? {
        if scenario.differs.is_some() {
            blessed.push(scenario);
            continue;
        }
        let mut stage: Box<dyn Stage> = Box::new(Tcp::new(server.addr));
        play::clean(&mut *stage)?;
        let written = play::bless(&mut *stage, &scenario)
            .map_err(|failure| format!("{}:{}: {}", file.display(), failure.line, failure.text))?;
        if play::leaves_traces(&scenario) {
            server.restart()?;
        }
        blessed.push(written);
    }
    std::fs::write(file, transcript::format(&blessed)).map_err(|error| error.to_string())
}
