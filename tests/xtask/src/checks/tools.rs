//! What the tests need beside cargo: found, installed, or asked for by name.
//!
//! As root on Debian, packages are installed with apt-get. Elsewhere a person installs them: the
//! error names each and the run ends before any test. Programs that are written in Rust, and
//! libraries of Python and JavaScript, go into `target/tools`, and nowhere else.

use crate::{bundle, shell};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TRUNK: &str = "0.21.14";
const CARGO_DENY: &str = "0.20.2";

/// What finds barriers in the page, libraries for the client tests, what puts them into a page, the compiler of the package's types, and
/// the linter of the README.
const NODE_PACKAGES: &[&str] = &[
    "axe-core@4.14.1",
    "ioredis@6.0.0",
    "redis@6.3.1",
    "buffer@6.0.3",
    "events@3.3.0",
    "readable-stream@4.8.0",
    "esbuild@0.28.2",
    "typescript@6.0.3",
    "remark-cli@12.0.1",
    "standard-readme-preset@1.0.13",
];
const PYTHON_PACKAGES: &[&str] = &["redis==8.1.0"];

/// Where everything is.
pub(crate) struct Tools {
    pub(crate) trunk: PathBuf,
    pub(crate) cargo_deny: PathBuf,
    pub(crate) browser: Browser,
    pub(crate) firefox: PathBuf,
    pub(crate) webkit_driver: PathBuf,
    /// Runs a program with a display that nobody sees.
    pub(crate) xvfb_run: PathBuf,
    pub(crate) redis_benchmark: PathBuf,
    pub(crate) node: PathBuf,
    pub(crate) npm: PathBuf,
    /// A folder with `node_modules` in it.
    pub(crate) node_home: PathBuf,
    /// A Python that has [`PYTHON_PACKAGES`].
    pub(crate) python: PathBuf,
    /// A real Redis 8, if there is one.
    pub(crate) redis8: Option<PathBuf>,
}

/// A browser, and the program that drives it.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) chromedriver: PathBuf,
}

/// A program of the system: where to look for it, and the Debian package it comes with.
struct Needed {
    variable: &'static str,
    names: &'static [&'static str],
    package: &'static str,
}

const CHROMIUM: Needed = Needed {
    variable: "CHROMIUM",
    names: &["chromium", "chromium-browser", "google-chrome"],
    package: "chromium",
};
const CHROMEDRIVER: Needed =
    Needed { variable: "CHROMEDRIVER", names: &["chromedriver"], package: "chromium-driver" };
const FIREFOX: Needed =
    Needed { variable: "FIREFOX", names: &["firefox-esr", "firefox"], package: "firefox-esr" };
const WEBKITWEBDRIVER: Needed = Needed {
    variable: "WEBKITWEBDRIVER",
    names: &["WebKitWebDriver"],
    package: "webkit2gtk-driver",
};
/// WebKitGTK's browser wants a display.
const XVFB: Needed = Needed { variable: "XVFB_RUN", names: &["xvfb-run"], package: "xvfb" };
/// `xvfb-run` calls it.
const XAUTH: Needed = Needed { variable: "XAUTH", names: &["xauth"], package: "xauth" };
const REDIS_BENCHMARK: Needed =
    Needed { variable: "REDIS_BENCHMARK", names: &["redis-benchmark"], package: "redis-tools" };
const NODE: Needed = Needed { variable: "NODE", names: &["node", "nodejs"], package: "nodejs" };
const NPM: Needed = Needed { variable: "NPM", names: &["npm"], package: "npm" };
const PYTHON: Needed = Needed { variable: "PYTHON", names: &["python3"], package: "python3-venv" };
const ALL: &[Needed] = &[
    CHROMIUM,
    CHROMEDRIVER,
    FIREFOX,
    WEBKITWEBDRIVER,
    XVFB,
    XAUTH,
    REDIS_BENCHMARK,
    NODE,
    NPM,
    PYTHON,
];

impl Tools {
    /// Finds everything, installing what is missing where that is possible.
    pub(crate) fn install() -> Result<Self> {
        bundle::step("Looking for what the tests need", "1 second; 10 minutes from nothing");
        system_packages(ALL)?;
        rustup_parts()?;
        let home = home()?;
        let npm = NPM.find()?;
        let python = PYTHON.find()?;
        Ok(Self {
            trunk: cargo_program("trunk", TRUNK, "8 minutes")?,
            cargo_deny: cargo_program("cargo-deny", CARGO_DENY, "4 minutes")?,
            browser: Browser::find()?,
            firefox: FIREFOX.find()?,
            webkit_driver: WEBKITWEBDRIVER.find()?,
            xvfb_run: XVFB.find()?,
            redis_benchmark: REDIS_BENCHMARK.find()?,
            node: NODE.find()?,
            node_home: node_packages(&npm, &home)?,
            npm,
            python: python_packages(&python, &home)?,
            redis8: redis8(),
        })
    }
}

impl Browser {
    /// Finds the two, installing them where that is possible.
    pub(crate) fn install() -> Result<Self> {
        system_packages(&[CHROMIUM, CHROMEDRIVER])?;
        Self::find()
    }

    fn find() -> Result<Self> {
        Ok(Self { chromium: CHROMIUM.find()?, chromedriver: CHROMEDRIVER.find()? })
    }
}

/// The folder of tools that belong to this clone.
pub(crate) fn home() -> Result<PathBuf> {
    let home = shell::target_dir()?.join("tools");
    std::fs::create_dir_all(&home).with_context(|| format!("cannot create {home:?}"))?;
    Ok(home)
}

impl Needed {
    fn look(&self) -> Option<PathBuf> {
        let named = std::env::var_os(self.variable).map(PathBuf::from);
        let program = named.or_else(|| self.names.iter().find_map(|name| shell::find(name)))?;
        // Debian has Python without the part that makes environments.
        if self.package == "python3-venv" {
            let mut probe = Command::new(&program);
            probe.args(["-c", "import venv, ensurepip"]).stderr(Stdio::null());
            return probe.status().is_ok_and(|status| status.success()).then_some(program);
        }
        Some(program)
    }

    fn find(&self) -> Result<PathBuf> {
        self.look().with_context(|| format!("{} is missing", self.names[0]))
    }
}

/// Installs the system's packages that are missing, or says which a person must install.
fn system_packages(needed: &[Needed]) -> Result<()> {
    let missing: Vec<&Needed> = needed.iter().filter(|needed| needed.look().is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|needed| needed.package).collect();
    let root = shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if root && Path::new("/etc/debian_version").exists() && shell::find("apt-get").is_some() {
        bundle::step(&format!("Installing {}", packages.join(" ")), "1 minute");
        apt(&["update"])?;
        let mut args = vec!["install", "-y", "--no-install-recommends"];
        args.extend(&packages);
        apt(&args)?;
    }
    let missing: Vec<String> = missing
        .iter()
        .filter(|needed| needed.look().is_none())
        .map(|needed| format!("  {} (or name its program in {})", needed.names[0], needed.variable))
        .collect();
    if !missing.is_empty() {
        bail!(
            "this task needs these programs, which are not on the PATH:\n{}\nOn Debian: sudo apt-get \
             install {}",
            missing.join("\n"),
            packages.join(" ")
        );
    }
    Ok(())
}

fn apt(args: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq").args(args).stdout(Stdio::null());
    shell::run(&mut command)
}

/// The wasm target, rustfmt and clippy.
fn rustup_parts() -> Result<()> {
    bundle::add_target()?;
    for (part, sub) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let mut probe = shell::cargo();
        probe.args([sub, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        if !probe.status().is_ok_and(|status| status.success()) {
            bundle::step(&format!("Adding {part}"), "10 seconds");
            shell::run(Command::new("rustup").args(["component", "add", part]))
                .with_context(|| format!("the tests need `cargo {sub}`"))?;
        }
    }
    Ok(())
}

/// A program from the Rust registry, in exactly this version.
fn cargo_program(name: &str, version: &str, usually: &str) -> Result<PathBuf> {
    let home = home()?;
    let own = home.join("bin").join(name);
    let right = |program: &Path| {
        let said = shell::output(Command::new(program).arg("--version")).unwrap_or_default();
        said.split_whitespace().any(|word| word == version)
    };
    for program in [Some(own.clone()), shell::find(name)].into_iter().flatten() {
        if right(&program) {
            return Ok(program);
        }
    }
    bundle::step(&format!("Compiling {name} {version}"), usually);
    let mut cargo = shell::cargo();
    // Compiled once and run a few times: compiling fast is worth more than running fast. Neither
    // fetches anything over TLS in these tests (the advisories come through git).
    cargo
        .args(["install", name, "--version", version, "--locked", "--no-default-features"])
        .arg("--root")
        .arg(&home)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    shell::run(&mut cargo)?;
    Ok(own)
}

fn node_packages(npm: &Path, home: &Path) -> Result<PathBuf> {
    let home = home.join("node");
    installed_once(&home, NODE_PACKAGES, |home| {
        // npm installs beside the nearest package.json.
        std::fs::write(home.join("package.json"), "{\"private\": true}\n")?;
        let mut command = Command::new(npm);
        command.current_dir(home).args(["install", "--no-fund", "--no-audit", "--loglevel=error"]);
        shell::run(command.args(NODE_PACKAGES))
    })?;
    Ok(home)
}

fn python_packages(python: &Path, home: &Path) -> Result<PathBuf> {
    let home = home.join("python");
    let own = home.join("bin").join("python");
    installed_once(&home, PYTHON_PACKAGES, |home| {
        shell::run(Command::new(python).args(["-m", "venv"]).arg(home))?;
        let mut command = Command::new(&own);
        shell::run(command.args(["-m", "pip", "install", "--quiet"]).args(PYTHON_PACKAGES))
    })?;
    Ok(own)
}

/// Runs `install` in `folder` unless that was done before with the same `packages`.
fn installed_once(
    folder: &Path,
    packages: &[&str],
    install: impl Fn(&Path) -> Result<()>,
) -> Result<()> {
    let stamp = folder.join("installed");
    let list = packages.join(" ");
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == list) {
        return Ok(());
    }
    bundle::step(&format!("Installing {list}"), "20 seconds");
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {folder:?}"))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {folder:?}"))?;
    install(folder)?;
    std::fs::write(&stamp, list).with_context(|| format!("cannot write {stamp:?}"))
}

/// A real Redis 8; the same places that the transcripts' player looks in.
fn redis8() -> Option<PathBuf> {
    let named = std::env::var_os("REDIS8_SERVER").map(PathBuf::from);
    let peer = Path::new("/opt/peers/bin/redis8-server").to_owned();
    named.or_else(|| shell::find("redis8-server")).or(Some(peer)).filter(|file| file.is_file())
}
