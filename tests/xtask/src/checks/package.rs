//! The steps about the JavaScript package: its types, its tests in Node, and client libraries in a page.
//!
//! They use the package as others would: packed and installed by npm, found by its name.

use super::Outcome;
use super::tools::{Tools, home};
use crate::{bundle, package, shell};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the package's tests.
const TESTS: &str = "js/tests";

/// Builds the package and installs it beside its tests.
pub(super) fn package(tools: &Tools) -> Result<Outcome> {
    let built = home()?.join("package");
    package::build(&built)?;
    let folder = folder(tools);
    bundle::start_anew(&folder)?;
    fs::write(folder.join("package.json"), "{\"private\": true, \"type\": \"module\"}\n")?;
    bundle::copy_dir(Path::new(TESTS), &folder)?;
    let mut pack = Command::new(&tools.npm);
    pack.args(["pack", "--silent"]).arg(&built).current_dir(&folder);
    let archive = shell::output(&mut pack)?;
    let mut install = Command::new(&tools.npm);
    install.args(["install", "--offline", "--no-fund", "--no-audit", "--loglevel=error"]);
    shell::run(install.arg(format!("./{}", archive.trim())).current_dir(&folder))?;
    Ok(Outcome::Passed)
}

/// The types as a program in TypeScript sees them.
pub(super) fn types(tools: &Tools) -> Result<Outcome> {
    let mut node = Command::new(&tools.node);
    node.current_dir(installed(tools)?);
    node.arg(tools.node_home.join("node_modules/typescript/bin/tsc"));
    node.args(["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext"]);
    node.args(["--lib", "es2022,esnext.disposable,dom", "types.ts"]);
    shell::run(&mut node)?;
    Ok(Outcome::Passed)
}

/// The package's own tests, and those of ioredis and node-redis on it.
pub(super) fn in_node(tools: &Tools) -> Result<Outcome> {
    let folder = installed(tools)?;
    let mut node = Command::new(&tools.node);
    node.args(["--test", "--test-reporter=dot"]).current_dir(&folder);
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    shell::run(node.args(&files))?;
    Ok(Outcome::Passed)
}

/// Both libraries, bundled for a page, and the terminal's element, which is tried in the other browsers too.
pub(super) fn in_page(tools: &Tools) -> Result<Outcome> {
    let folder = installed(tools)?;
    let mut node = Command::new(&tools.node);
    shell::run(node.arg("bundle.mjs").current_dir(&folder))?;
    let main = "the_terminal_runs_commands_of_a_page_and_of_its_reader";
    super::browser::test_page(tools, &folder.join("site"), "package_page", main)
}

/// Below the folder with the libraries, where Node finds them.
fn folder(tools: &Tools) -> PathBuf {
    tools.node_home.join("package-tests")
}

fn installed(tools: &Tools) -> Result<PathBuf> {
    let folder = folder(tools);
    let package = folder.join("node_modules/redstart/engine_bg.wasm");
    if !package.exists() {
        bail!("there is no package in {folder:?}; its own step failed or did not run");
    }
    folder.canonicalize().context("cannot find the package's tests")
}
