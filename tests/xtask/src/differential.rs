//! `cargo xtask differential`: many random commands, run here and on a real Redis 8.
//!
//! The test is `tests/tests/differential.rs`, which runs a short while among the others. Here it is
//! optimised, but without what makes a release small, as that takes longer to compile than it saves.

use crate::shell;
use anyhow::Result;

/// Runs so many commands, three quarters of them on one connection, the others on several.
pub(crate) fn differential(commands: u64) -> Result<()> {
    let mut test = shell::cargo();
    test.args(["test", "--release", "--package", "redstart-tests", "--test", "differential"]);
    test.args(["--", "--nocapture"]);
    test.env("DIFFERENTIAL_COMMANDS", commands.to_string());
    test.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    shell::run(&mut test)
}
