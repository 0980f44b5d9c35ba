//! The bundle: the page as plain static files that work under any path.
//!
//! Trunk makes the same bundle from the same `static/index.html`, but compiling Trunk takes longer
//! than everything else together, and a newcomer should not wait for it. So this builder does the
//! same four steps: compile the programs, write their JavaScript (with the very library that the
//! `wasm-bindgen` command is made of, hence always in the matching version), copy the files, write the
//! one that is made of the declarations of commands. The end-to-end tests run on both bundles.

use crate::arrange::arrange;
use crate::glue::{self, Names};
use crate::index::{Asset, Index, file_name};
use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use wasm_bindgen_cli_support::Bindgen;

/// What the programs for browsers are compiled for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
const SOURCE: &str = "static";
/// The version of the library; a test compares it with the lock file.
const WASM_BINDGEN: &str = "0.2.130";

/// Builds the bundle into `dist`, replacing what is there, and tells of each step.
pub(crate) fn build(dist: &Path) -> Result<()> {
    let page = Path::new(SOURCE).join("index.html");
    let html = fs::read_to_string(&page).with_context(|| format!("cannot read {page:?}"))?;
    let index = Index::parse(&html)?;

    add_target()?;
    step("Compiling the page and the engine for the browser", "2 minutes the first time");
    compile(&index)?;

    step("Assembling the bundle", "2 seconds");
    // Everything is made beside the old bundle, so that a failure leaves that one whole.
    let staging = dist.with_extension("new");
    start_anew(&staging)?;
    for asset in index.assets() {
        add(asset, &staging).with_context(|| format!("cannot add {asset:?} to the bundle"))?;
    }
    describe(&staging)?;
    fs::write(staging.join("index.html"), index.render())?;
    put_in_place(&staging, dist)
}

/// Makes `folder` an empty one.
pub(crate) fn start_anew(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {folder:?}"))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {folder:?}"))
}

/// Puts `staging` in the place of `dist`.
pub(crate) fn put_in_place(staging: &Path, dist: &Path) -> Result<()> {
    if dist.exists() {
        fs::remove_dir_all(dist).with_context(|| format!("cannot remove {dist:?}"))?;
    }
    fs::rename(staging, dist).with_context(|| format!("cannot put {dist:?} in its place"))
}

/// Makes sure that rustc can compile for the browser.
pub(crate) fn add_target() -> Result<()> {
    if has_target()? {
        return Ok(());
    }
    step("Adding Rust's target for the browser", "20 seconds");
    let added = shell::run(Command::new("rustup").args(["target", "add", TARGET]));
    added.with_context(|| {
        format!(
            "this Rust cannot compile for {TARGET} and rustup could not add it; with a Rust from a \
             distribution, install its package of that target's standard library"
        )
    })
}

/// Whether the toolchain in use has the standard library for [`TARGET`].
pub(crate) fn has_target() -> Result<bool> {
    let sysroot = shell::output(shell::rustc().args(["--print", "sysroot"]))?;
    let lib = Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib");
    Ok(lib.is_dir())
}

fn compile(index: &Index<'_>) -> Result<()> {
    let started = Instant::now();
    let mut cargo = shell::cargo();
    cargo.args(["build", "--package", "redstart-web", "--profile", "web", "--target", TARGET]);
    for asset in index.assets() {
        if let Asset::Rust { bin } = asset {
            cargo.args(["--bin", bin]);
        }
    }
    shell::run(shell::anonymous(&mut cargo)?)?;
    println!("    compiled in {:.0} s", started.elapsed().as_secs_f32());
    Ok(())
}

fn add(asset: &Asset, dist: &Path) -> Result<()> {
    match asset {
        Asset::Rust { bin } => {
            let wasm = shell::target_dir()?.join(TARGET).join("web").join(format!("{bin}.wasm"));
            bind(&wasm, bin, Bindings::Web, dist)
        }
        Asset::Css { href } | Asset::Icon { href } => copy_short(&source(href), dist),
        Asset::File { href, to } => copy_short(&source(href), &dist.join(to)),
        Asset::Dir { href, to } => {
            let name = if to.is_empty() { file_name(href) } else { to };
            copy_dir(&source(href), &dist.join(name))
        }
    }
}

/// The kind of JavaScript around a program.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bindings {
    /// An ES module.
    Web,
    /// A module of node's, for tests.
    Node,
}

/// Writes a compiled program and the JavaScript around it into `dist`.
pub(crate) fn bind(wasm: &Path, name: &str, bindings: Bindings, dist: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name(name).typescript(false);
    // Names of functions only serve a debugger, and they are a third of the download.
    bindgen.remove_name_section(true).remove_producers_section(true);
    match bindings {
        Bindings::Web => bindgen.web(true)?,
        Bindings::Node => bindgen.nodejs(true)?,
    };
    let mut output = bindgen.generate_output()?;
    let mut names = Names::default();
    let program = output.wasm_mut();
    for import in program.imports.iter_mut() {
        names.shorten(&mut import.name);
    }
    for export in
        program.exports.iter_mut().filter(|export| export.name.starts_with("wasm_bindgen__"))
    {
        names.shorten(&mut export.name);
    }
    output.emit(dist)?;
    let program = dist.join(format!("{name}_bg.wasm"));
    fs::write(&program, arrange(&fs::read(&program)?)?)?;
    let glue = dist.join(name).with_extension("js");
    let js = fs::read_to_string(&glue)?;
    names.shorten_helpers(&js);
    fs::write(&glue, names.apply(&js))?;
    Ok(())
}

/// Behaves as the `wasm-bindgen` command does when Trunk calls it, so that the tests of Trunk's
/// bundle need not compile a second copy of the library that is in here.
pub(crate) fn bindgen_command(args: &[String]) -> Result<()> {
    if args == ["--version"] {
        println!("wasm-bindgen {}", WASM_BINDGEN);
        return Ok(());
    }
    let (mut is_web, mut name, mut dir, mut wasm) = (false, None, None, None);
    for arg in args {
        match arg.split_once('=').unwrap_or((arg, "")) {
            ("--target", "web") => is_web = true,
            ("--out-name", value) => name = Some(value),
            ("--out-dir", value) => dir = Some(value),
            ("--no-typescript", "") => {}
            (path, "") if !path.starts_with('-') => wasm = Some(path),
            _ => bail!("this stand-in for wasm-bindgen does not know {arg}"),
        }
    }
    let (true, Some(name), Some(dir), Some(wasm)) = (is_web, name, dir, wasm) else {
        bail!(
            "this stand-in for wasm-bindgen needs --target web, --out-name, --out-dir and a file"
        );
    };
    bind(Path::new(wasm), name, Bindings::Web, Path::new(dir))
}

/// Writes what the declarations of commands say to people, which the page loads when it is read. Trunk
/// runs the same program (see Trunk.toml).
fn describe(dist: &Path) -> Result<()> {
    let mut cargo = shell::cargo();
    cargo.args(["run", "--quiet", "--package", "redstart", "--example", "descriptions", "--"]);
    shell::run(cargo.arg(dist))
}

fn source(href: &str) -> PathBuf {
    Path::new(SOURCE).join(href)
}

/// Copies a file into a folder; an error if it has one of this name.
pub(crate) fn copy(file: &Path, into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    let name = file.file_name().context("a file without a name")?;
    let to = into.join(name);
    if to.exists() {
        bail!("two files of the bundle are called {to:?}");
    }
    fs::copy(file, &to).with_context(|| format!("cannot copy {file:?}"))?;
    Ok(())
}

/// As [`copy`], of JavaScript and styles without what only their readers need.
fn copy_short(file: &Path, into: &Path) -> Result<()> {
    copy(file, into)?;
    if file.extension().is_some_and(|ending| ending == "js" || ending == "css") {
        let text = fs::read_to_string(file)?;
        fs::write(into.join(file.file_name().unwrap_or_default()), glue::without_blanks(&text))?;
    }
    Ok(())
}

/// Copies what is in a folder into another.
pub(crate) fn copy_dir(dir: &Path, into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {dir:?}"))? {
        let path = entry?.path();
        if path.is_dir() {
            copy_dir(&path, &into.join(path.file_name().unwrap_or_default()))?;
        } else {
            copy(&path, into)?;
        }
    }
    Ok(())
}

/// Says what happens next and how long that usually takes.
pub(crate) fn step(what: &str, usually: &str) {
    println!("==> {what} (usually {usually})");
}
