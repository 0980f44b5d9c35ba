//! `cargo xtask package`: the engine as a JavaScript package, ready for `npm pack` or an import.
//!
//! The program is compiled and bound as the page's is, with its types; what is written in JavaScript is
//! copied beside it. So the package is a folder of plain modules that Node and browsers load as they
//! are.

use crate::bundle::{self, TARGET};
use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::Path;
use wasm_bindgen_cli_support::Bindgen;

/// Where what is written by hand is.
const SOURCE: &str = "js";
/// The name of the program and of the module around it.
const NAME: &str = "engine";

/// Builds the package into `dist`, replacing what is there.
pub(crate) fn build(dist: &Path) -> Result<()> {
    bundle::add_target()?;
    bundle::step("Compiling the engine for JavaScript", "1 minute the first time");
    let mut cargo = shell::cargo();
    cargo.args([
        "build",
        "--package",
        "redstart-js",
        "--lib",
        "--profile",
        "web",
        "--target",
        TARGET,
    ]);
    shell::run(shell::anonymous(&mut cargo)?)?;
    let wasm = shell::target_dir()?.join(TARGET).join("web/redstart_js.wasm");

    bundle::step("Assembling the package", "1 second");
    let staging = dist.with_extension("new");
    bundle::start_anew(&staging)?;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name(NAME).typescript(true).web(true)?;
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(&staging)?;
    let source = Path::new(SOURCE);
    bundle::copy_dir(&source.join("lib"), &staging)?;
    bundle::copy_dir(&source.join("examples"), &staging.join("examples"))?;
    for file in [source.join("README.md"), "LICENSE".into()] {
        bundle::copy(&file, &staging)?;
    }
    fs::write(staging.join("package.json"), manifest()?)?;
    bundle::put_in_place(&staging, dist)
}

/// The package's description, with the workspace's version.
fn manifest() -> Result<String> {
    let path = Path::new(SOURCE).join("package.json");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    if !text.contains(&version) {
        bail!("{path:?} must have the workspace's version: {version}");
    }
    Ok(text)
}
