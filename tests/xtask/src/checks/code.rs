//! The steps that need only the code: format, lints, tests, dependencies, transcripts in wasm.

use super::Outcome;
use super::tools::{Tools, home};
use crate::{bundle, shell};
use anyhow::Result;
use std::process::Command;

const WASM: &[&str] = &["--target", "wasm32-unknown-unknown"];

pub(super) fn format(_: &Tools) -> Result<Outcome> {
    cargo(&["fmt", "--all", "--check"])
}

/// Every package with everything on, the engine with nothing on, and what runs in the browser.
pub(super) fn lints(_: &Tools) -> Result<Outcome> {
    clippy(&["--workspace", "--all-targets", "--all-features"])?;
    clippy(&["--package", "redstart", "--all-targets"])?;
    let in_browser = ["redstart", "redstart-web", "redstart-js"];
    let packages: Vec<_> = in_browser.iter().flat_map(|name| ["--package", name]).collect();
    clippy(&[&packages, WASM].concat())
}

fn clippy(args: &[&str]) -> Result<Outcome> {
    cargo(&[&["clippy", "--quiet"], args, &["--", "-D", "warnings"]].concat())
}

/// Links between the docs lead somewhere. Private items are documented too, so public ones may
/// link to them.
pub(super) fn documentation(_: &Tools) -> Result<Outcome> {
    let mut command = shell::cargo();
    command.args(["doc", "--quiet", "--no-deps", "--package", "redstart", "--features", "native"]);
    command.args(["--package", "redstart-tests", "--document-private-items"]);
    shell::run(command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))?;
    Ok(Outcome::Passed)
}

/// Unit tests, transcripts in this process, the twin run, and the rules of the house.
pub(super) fn tests(_: &Tools) -> Result<Outcome> {
    cargo(&["test", "--quiet", "--workspace", "--features", "redstart/native"])
}

pub(super) fn dependencies(tools: &Tools) -> Result<Outcome> {
    deny(tools, &["bans", "licenses", "sources"])?;
    Ok(Outcome::Passed)
}

/// Known weaknesses of dependencies. The list of them is fetched; without it there is nothing to
/// compare with.
pub(super) fn advisories(tools: &Tools) -> Result<Outcome> {
    let mut fetch = Command::new(&tools.cargo_deny);
    if let Err(error) = shell::output(fetch.args(["fetch", "db"])) {
        println!("{error:#}");
        return Ok(Outcome::NotCompared("the database of advisories could not be fetched".into()));
    }
    deny(tools, &["--disable-fetch", "advisories"])?;
    Ok(Outcome::Passed)
}

fn deny(tools: &Tools, what: &[&str]) -> Result<()> {
    shell::run(Command::new(&tools.cargo_deny).args(["--all-features", "check"]).args(what))
}

/// Every transcript inside the wasm build, compiled as the page's engine is.
pub(super) fn wasm_transcripts(tools: &Tools) -> Result<Outcome> {
    let mut build = shell::cargo();
    build.args(["build", "--profile", "web", "--package", "redstart-tests", "--features", "wasm"]);
    shell::run(shell::anonymous(build.args(["--bin", "in_wasm"]).args(WASM))?)?;
    let out = home()?.join("in_wasm");
    let wasm = shell::target_dir()?.join("wasm32-unknown-unknown/web/in_wasm.wasm");
    bundle::bind(&wasm, "in_wasm", bundle::Bindings::Node, &out)?;
    let mut node = Command::new(&tools.node);
    node.arg("tests/src/bin/in_wasm.mjs").arg(out.join("in_wasm.js")).arg("tests/transcripts");
    shell::run(&mut node)?;
    Ok(Outcome::Passed)
}

fn cargo(args: &[&str]) -> Result<Outcome> {
    shell::run(shell::cargo().args(args))?;
    Ok(Outcome::Passed)
}
