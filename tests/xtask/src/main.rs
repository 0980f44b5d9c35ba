//! The task runner: everything that is done to the project is `cargo xtask SOMETHING`.
//!
//! It is ordinary Rust, so a machine with cargo needs nothing else to begin with. Tasks that need
//! more say what they install, or what a person has to install.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_types,
    reason = "a task runner talks to a terminal and measures real time"
)]

mod arrange;
mod bench;
mod bundle;
mod checks;
mod differential;
mod glue;
mod index;
mod package;
mod play;
mod serve;
mod server;
mod shell;
mod size;
mod suite;

use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
The project's tasks.

  cargo xtask play [--port N] [--no-open]   build the playground and serve it on 127.0.0.1:8080
  cargo xtask build                         build the playground into ./dist
  cargo xtask package                       build the JavaScript package into ./js/dist
  cargo xtask serve DIR [--port N] [--under /PATH/]
                                            serve a bundle that has been built
  cargo xtask size                          build, measure the download, compare with its limit
  cargo xtask screenshots [DIR]             take pictures of every view, into ./target/screenshots
  cargo xtask page-kill [--rounds N]        kill the browser while the page writes, N times (20) in each mode
  cargo xtask test [STEP…]                  prove everything, or the named steps
  cargo xtask bench [NAME [WORD…]]          run the named benchmark; without one, list them
  cargo xtask suite --valkey DIR [--listed] [--server PROGRAM] [FILE…]
                                            run the test suite of Valkey in a checkout of it
  cargo xtask differential [--commands N]   run N random commands (1,000,000) here and on Redis 8
  cargo xtask help                          this text
";

fn main() -> ExitCode {
    let mut args = std::env::args();
    let called = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    // The tests of Trunk's bundle put a copy of this program on Trunk's PATH, under that name.
    let as_bindgen = Path::new(&called).file_stem().is_some_and(|name| name == "wasm-bindgen");
    let result = if as_bindgen { bundle::bindgen_command(&args) } else { run(args) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Vec<String>) -> Result<()> {
    std::env::set_current_dir(shell::root()).context("cannot enter the project's folder")?;
    let mut options = Options::parse(args)?;
    let task = if options.words.is_empty() { "help".into() } else { options.words.remove(0) };
    let words = ["serve", "screenshots", "test", "bench", "suite"];
    let takes_words = words.contains(&task.as_str());
    if !takes_words && !options.words.is_empty() {
        bail!("`{task}` takes no argument `{}`; see `cargo xtask help`", options.words[0]);
    }
    match task.as_str() {
        "help" => print!("{HELP}"),
        "play" => play::play(options.port, options.open)?,
        "build" => bundle::build(Path::new("dist"))?,
        "package" => package::build(Path::new("js/dist"))?,
        "serve" => {
            let dir = options.words.first().context("`serve` needs the folder to serve")?;
            serve::Site::open(dir, &options.under, options.port)?.announce().run();
        }
        "size" => size::size()?,
        "screenshots" => {
            let folder = options.words.first().map_or("target/screenshots", String::as_str);
            checks::screenshots(Path::new(folder))?;
        }
        "page-kill" => checks::page_kills(options.rounds)?,
        "test" => checks::test(&options.words)?,
        "bench" => bench::bench(&options.words)?,
        "differential" => differential::differential(options.commands)?,
        "suite" => {
            let dir = options.valkey.context("`suite` needs --valkey and a checkout of Valkey")?;
            let other = options.server.as_deref().map(Path::new);
            suite::suite(Path::new(&dir), &options.words, options.which, other)?;
        }
        other => bail!("there is no task `{other}`; see `cargo xtask help`"),
    }
    Ok(())
}

/// What may stand behind a task's name, in any order.
struct Options {
    words: Vec<String>,
    port: u16,
    open: bool,
    under: String,
    valkey: Option<String>,
    commands: u64,
    rounds: u64,
    which: suite::Which,
    server: Option<String>,
}

impl Options {
    fn parse(args: Vec<String>) -> Result<Self> {
        let mut options = Self {
            words: Vec::new(),
            port: 8080,
            open: true,
            under: "/".into(),
            valkey: None,
            commands: 1_000_000,
            rounds: 20,
            which: suite::Which::Unlisted,
            server: None,
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--port" => {
                    let text = value()?;
                    options.port = text.parse().with_context(|| format!("no port: {text}"))?;
                }
                "--no-open" => options.open = false,
                "--under" => options.under = value()?,
                "--commands" => {
                    let text = value()?;
                    options.commands = text.parse().with_context(|| format!("no count: {text}"))?;
                }
                "--rounds" => {
                    let text = value()?;
                    options.rounds = text.parse().with_context(|| format!("no count: {text}"))?;
                }
                "--valkey" => options.valkey = Some(value()?),
                "--server" => options.server = Some(value()?),
                "--listed" => options.which = suite::Which::Listed,
                "-h" | "--help" => options.words.insert(0, "help".into()),
                flag if flag.starts_with('-') => {
                    bail!("unknown option {flag}; see `cargo xtask help`")
                }
                _ => options.words.push(arg),
            }
        }
        if options.words.first().is_some_and(|word| word == "help") {
            options.words.truncate(1);
        }
        Ok(options)
    }
}
