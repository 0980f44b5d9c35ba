//! The steps about documents.

use super::Outcome;
use super::tools::{Tools, home};
use crate::shell;
use anyhow::{Context as _, Result};
use std::fs;
use std::process::Command;

/// The README after the standard-readme specification, by that specification's linter.
pub(super) fn readme(tools: &Tools) -> Result<Outcome> {
    // The linter wants the title to be the folder's name, and a clone may be called anything.
    let folder = home()?.join("readme").join("redstart");
    fs::create_dir_all(&folder)?;
    fs::copy("README.md", folder.join("README.md")).context("cannot copy README.md")?;
    let modules = tools.node_home.join("node_modules");
    let mut command = Command::new(&tools.node);
    command.current_dir(&folder).arg(modules.join("remark-cli/cli.js"));
    command.arg("--no-config").arg("--use").arg(modules.join("standard-readme-preset/index.js"));
    command.args(["--frail", "--quiet", "--no-stdout", "README.md"]);
    shell::run(&mut command)?;
    Ok(Outcome::Passed)
}
