//! `cargo xtask bench`: what the project measures of itself.
//!
//! A benchmark is a program of `redstart-tests`, behind the feature `bench` so that nobody else
//! compiles what it needs; here it is only started. To add one: its program below `tests/benches`,
//! an entry in `tests/Cargo.toml`, and one here.

use crate::{checks, server, shell};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One thing that is measured.
struct Bench {
    name: &'static str,
    /// What it shows, and how long it usually takes once it is compiled.
    what: &'static str,
    /// Runs it with the words behind its name.
    run: fn(&[String]) -> Result<()>,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "eviction",
        what: "hit rates under maxmemory, beside Redis 8's; 3 minutes",
        run: eviction,
    },
    Bench {
        name: "growth",
        what: "the slowest of millions of events, while data grows and is freed; 2 minutes",
        run: growth,
    },
    Bench {
        name: "micro",
        what: "time and instructions of single commands, in process; 1 minute",
        run: micro,
    },
    Bench {
        name: "snapshot",
        what: "saving and loading: events, memory, the server beside Redis 8, the page; 5 minutes",
        run: snapshot,
    },
];

/// Runs the benchmark that the first word names with the words behind it; lists all without any.
pub(crate) fn bench(words: &[String]) -> Result<()> {
    let Some((name, words)) = words.split_first() else {
        for bench in BENCHES {
            println!("  cargo xtask bench {:<10} {}", bench.name, bench.what);
        }
        return Ok(());
    };
    let Some(bench) = BENCHES.iter().find(|bench| bench.name == name) else {
        bail!("there is no benchmark `{name}`; `cargo xtask bench` lists them");
    };
    (bench.run)(words)
}

/// A word chooses the policies with it in their names.
fn eviction(words: &[String]) -> Result<()> {
    let mut command = Command::new(program("eviction")?);
    shell::run(command.args(words).arg("--server").arg(server::program()?))
}

/// Times, then counts; a word chooses the commands with it in their names.
fn micro(words: &[String]) -> Result<()> {
    let program = program("micro")?;
    shell::run(Command::new(&program).arg("--bench").args(words))?;
    let Some(valgrind) = shell::find("valgrind") else {
        println!(
            "\nTo count instructions too, install valgrind (Debian: apt-get install valgrind)."
        );
        return Ok(());
    };
    println!("\n{:<24} instructions a command", "");
    let names = shell::output(Command::new(&program).arg("--names"))?;
    let chosen = |name: &&str| words.is_empty() || words.iter().any(|word| name.contains(word));
    for name in names.lines().filter(chosen) {
        println!("{name:<24} {}", instructions(&valgrind, &program, name)?);
    }
    Ok(())
}

/// Times every event; a word chooses a part, a number says how many millions.
fn growth(words: &[String]) -> Result<()> {
    shell::run(Command::new(program("growth")?).args(words))
}

/// Times every event while data is saved, BGSAVE of the server, and (the part *page*) how soon the page
/// has its keys again; words as for [`growth`].
fn snapshot(words: &[String]) -> Result<()> {
    let (page, others): (Vec<_>, Vec<_>) = words.iter().partition(|word| *word == "page");
    if page.is_empty() || !others.is_empty() {
        let server = server::program()?;
        let mut bench = Command::new(program("snapshot")?);
        shell::run(bench.args(&others).env("REDSTART_SERVER", server))?;
    }
    if !page.is_empty() || others.iter().all(|word| word.parse::<f64>().is_ok()) {
        checks::reopening()?;
    }
    Ok(())
}

/// How many instructions one command of the workload `name` takes, counted by Callgrind.
fn instructions(valgrind: &Path, program: &Path, name: &str) -> Result<u64> {
    let out = shell::target_dir()?.join("callgrind.out");
    let mut command = Command::new(valgrind);
    command.args(["--quiet", "--tool=callgrind", "--toggle-collect=*::counted"]);
    command.arg(format!("--callgrind-out-file={}", out.display()));
    let commands = shell::output(command.arg(program).args(["--count", name]))?;
    let commands: u64 = commands.trim().parse().context("the program says how many it ran")?;
    let counts = std::fs::read_to_string(&out).with_context(|| format!("cannot read {out:?}"))?;
    let total = counts.lines().find_map(|line| line.strip_prefix("totals: "));
    let total: u64 = total.context("Callgrind counts")?.trim().parse()?;
    Ok(total / commands)
}

/// Compiles the benchmark `name`; returns its program.
fn program(name: &str) -> Result<PathBuf> {
    let mut cargo = shell::cargo();
    cargo.args(["bench", "--package", "redstart-tests", "--features", "bench", "--no-run"]);
    cargo.args(["--bench", name, "--message-format", "json-render-diagnostics"]);
    let messages = shell::output_beside_terminal(&mut cargo)?;
    // One message a line, also of the programs that come with it; a parser of JSON would be one
    // more dependency that everybody waits for.
    let mut lines = messages.lines().filter(|line| line.contains(r#""kind":["bench"]"#));
    let path = lines.find_map(|line| line.split(r#""executable":""#).nth(1));
    let path = path.and_then(|rest| rest.split('"').next()).filter(|path| !path.contains('{'));
    path.map(PathBuf::from).context("cargo does not say where the benchmark is")
}
