//! `cargo xtask test`: everything that proves the project, in one command.
//!
//! The steps run one after the other and a failed one does not stop the rest; the summary at the
//! end lists them all with their times. Nothing is skipped in silence: what a step needs is
//! installed or asked for before the first one runs ([`tools`]), and a comparison that cannot take
//! place because there is nothing to compare with is named in the summary.

mod browser;
mod clients;
mod code;
mod documents;
mod package;
mod tools;

use anyhow::{Result, bail};
use std::time::{Duration, Instant};
use tools::Tools;

pub(crate) use browser::{page_kills, reopening, screenshots};

/// One thing that is checked.
struct Step {
    name: &'static str,
    /// How long it usually takes on two cores from a clean clone.
    usually: &'static str,
    run: fn(&Tools) -> Result<Outcome>,
}

/// How a step ended that did not fail.
enum Outcome {
    Passed,
    /// There was nothing to compare with; why.
    NotCompared(String),
}

const STEPS: &[Step] = &[
    Step { name: "format", usually: "2 seconds", run: code::format },
    Step { name: "lints", usually: "3 minutes", run: code::lints },
    Step { name: "documentation", usually: "30 seconds", run: code::documentation },
    Step { name: "tests", usually: "2 minutes", run: code::tests },
    Step { name: "dependencies", usually: "2 seconds", run: code::dependencies },
    Step { name: "advisories", usually: "10 seconds", run: code::advisories },
    Step { name: "readme", usually: "10 seconds", run: documents::readme },
    Step { name: "wasm-transcripts", usually: "1 minute", run: code::wasm_transcripts },
    Step { name: "bundle", usually: "1 minute", run: browser::bundle },
    Step { name: "size", usually: "20 seconds", run: browser::size },
    Step { name: "trunk-bundle", usually: "1 minute", run: browser::trunk_bundle },
    Step { name: "page", usually: "7 minutes", run: browser::page },
    Step { name: "page-below-a-path", usually: "10 seconds", run: browser::page_below_a_path },
    Step { name: "page-access", usually: "3 minutes", run: browser::page_access },
    Step { name: "page-kill", usually: "50 seconds", run: browser::page_kill },
    Step { name: "firefox-page", usually: "2 minutes", run: browser::firefox_page },
    Step { name: "webkit-page", usually: "2 minutes", run: browser::webkit_page },
    Step { name: "trunk-page", usually: "30 seconds", run: browser::trunk_page },
    Step { name: "package", usually: "1 minute", run: package::package },
    Step { name: "package-types", usually: "3 seconds", run: package::types },
    Step { name: "package-node", usually: "3 seconds", run: package::in_node },
    Step { name: "package-page", usually: "20 seconds", run: package::in_page },
    Step { name: "server", usually: "1 minute", run: clients::server },
    Step { name: "playground", usually: "1 minute", run: browser::playground },
    Step { name: "playground-folder", usually: "10 seconds", run: browser::playground_folder },
    Step { name: "sigkill", usually: "1 minute", run: clients::sigkill },
    Step { name: "migrate", usually: "10 seconds", run: clients::migrate },
    Step { name: "tcp-transcripts", usually: "1 minute", run: clients::tcp_transcripts },
    Step { name: "redis8-transcripts", usually: "1 minute", run: clients::redis8_transcripts },
    Step { name: "redis-benchmark", usually: "20 seconds", run: clients::redis_benchmark },
    Step { name: "redis-py", usually: "10 seconds", run: clients::redis_py },
    Step { name: "ioredis", usually: "10 seconds", run: clients::ioredis },
];

/// Runs the steps called `only`, or all; an error if any failed.
pub(crate) fn test(only: &[String]) -> Result<()> {
    if let Some(unknown) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step `{unknown}`; the steps are {}", names.join(" "));
    }
    let started = Instant::now();
    let tools = Tools::install()?;
    let mut done = vec![("tools", started.elapsed(), Ok(Outcome::Passed))];
    for step in STEPS {
        if !only.is_empty() && !only.iter().any(|name| name == step.name) {
            continue;
        }
        println!();
        crate::bundle::step(step.name, step.usually);
        let started = Instant::now();
        let result = (step.run)(&tools);
        if let Err(error) = &result {
            println!("    FAILED: {error:#}");
        }
        done.push((step.name, started.elapsed(), result));
    }
    summarize(&done, started.elapsed(), !only.is_empty())
}

type Done = (&'static str, Duration, Result<Outcome>);

fn summarize(done: &[Done], elapsed: Duration, partial: bool) -> Result<()> {
    println!("\n==> Summary, after {:.0} s", elapsed.as_secs_f32());
    let (mut passed, mut failed) = (0, 0);
    for (name, elapsed, result) in done {
        let text = match result {
            Ok(Outcome::Passed) => {
                passed += 1;
                "passed".to_owned()
            }
            Ok(Outcome::NotCompared(why)) => format!("NOT COMPARED: {why}"),
            Err(error) => {
                failed += 1;
                let text = format!("{error:#}");
                format!("FAILED: {}", text.lines().next().unwrap_or_default())
            }
        };
        println!("{:>7.1} s  {name:<20} {text}", elapsed.as_secs_f32());
    }
    if partial {
        println!("Only the named steps ran; `cargo xtask test` runs all {}.", STEPS.len());
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        bail!("{failed} of the steps failed");
    }
    Ok(())
}
