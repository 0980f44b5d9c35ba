//! `cargo xtask size`: what a visitor downloads, against a limit.

use crate::{bundle, shell};
use anyhow::Result;
use std::path::Path;

/// The most bytes that the first visit may load, compressed: the budget of a page with every type of
/// data. Raising it is a decision. The largest parts are the commands (100 kB), what their declarations
/// and errors say (25 kB; what they say to people is loaded later) and Yew (30 kB).
const LIMIT: u64 = 450_000;

/// Builds the bundle and measures it.
pub(crate) fn size() -> Result<()> {
    let dist = Path::new("dist");
    bundle::build(dist)?;
    measure(dist)
}

/// Prints the compressed size of every file in `dist`; an error if their sum is above the limit.
pub(crate) fn measure(dist: &Path) -> Result<()> {
    let mut cargo = shell::cargo();
    cargo.args(["run", "--quiet", "--package", "redstart-tests"]);
    cargo.args(["--features", "size", "--bin", "size", "--"]).arg(dist).arg(LIMIT.to_string());
    shell::run(&mut cargo)
}
