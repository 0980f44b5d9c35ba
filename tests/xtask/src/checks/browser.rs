//! The steps about the page: two bundles from one source, their size, and both in a browser.

use super::Outcome;
use super::tools::{Browser, Tools, home};
use crate::serve::Site;
use crate::server::{self, Server};
use crate::{bundle, shell, size};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// Any path does; this one is neither the top nor one folder below it.
const BELOW: &str = "/some/where/";

pub(super) fn bundle(_: &Tools) -> Result<Outcome> {
    bundle::build(&own()?)?;
    Ok(Outcome::Passed)
}

pub(super) fn size(_: &Tools) -> Result<Outcome> {
    size::measure(&built(own()?)?)?;
    Ok(Outcome::Passed)
}

/// Trunk's bundle, which has the same files as ours.
pub(super) fn trunk_bundle(tools: &Tools) -> Result<Outcome> {
    let dist = trunks()?;
    let mut command = Command::new(&tools.trunk);
    command.args(["build", "--offline", "--dist"]).arg(&dist).env("PATH", path_with_bindgen()?);
    // Trunk reads NO_COLOR as a flag and stops at a value it does not know.
    shell::run(shell::anonymous(command.env_remove("NO_COLOR"))?)?;
    let own = built(own()?)?;
    let (ours, theirs) = (files(&own)?, files(&dist)?);
    if ours != theirs {
        let missing: Vec<_> = theirs.difference(&ours).collect();
        let more: Vec<_> = ours.difference(&theirs).collect();
        bail!("the bundles differ: only Trunk's has {missing:?}, only ours has {more:?}");
    }
    Ok(Outcome::Passed)
}

pub(super) fn page(tools: &Tools) -> Result<Outcome> {
    play(tools, &built(own()?)?, "/", &[])
}

pub(super) fn page_below_a_path(tools: &Tools) -> Result<Outcome> {
    play(tools, &built(own()?)?, BELOW, &["what_was_typed_survives_a_reload"])
}

pub(super) fn trunk_page(tools: &Tools) -> Result<Outcome> {
    play(tools, &built(trunks()?)?, "/", MAIN)
}

/// What is played in Firefox and WebKit too, and on Trunk's bundle, which has the same programs: of
/// everything that the page can do, the test that comes nearest to a person who uses it.
const MAIN: &[&str] = &[
    // The terminal.
    "a_line_is_hinted_at_completed_and_explained",
    "earlier_lines_are_searched",
    "lines_that_are_pasted_run_one_after_the_other",
    "what_waits_is_interrupted_and_what_was_chosen_stays",
    "what_was_typed_survives_a_reload",
    // Several clients.
    "a_blocked_pane_is_woken_from_another",
    "what_one_pane_publishes_another_hears",
    "panes_are_split_named_closed_and_there_again_after_a_reload",
    "panes_are_dragged_by_their_titles_and_edges",
    "a_tab_takes_over_when_the_first_is_closed",
    // The tutorial.
    "a_learner_types_asks_for_hints_and_goes_back",
    "commands_of_a_lesson_are_run_by_a_click_and_time_can_be_let_pass",
    // The data.
    "keys_lie_in_folders_and_are_found",
    "values_of_every_type_are_changed",
    "streams_bits_places_and_sketches_have_views_of_their_own",
    "the_log_lists_what_the_panel_does",
    "policies_of_eviction_are_compared",
    // Time, and the bytes.
    "time_is_stepped_through_and_branched_off",
    "bytes_are_explained_in_both_protocols",
    // In and out.
    "a_file_is_dropped_onto_the_page",
    "examples_are_loaded_and_all_data_downloaded_and_loaded_again",
    "a_link_opens_what_was_done_and_leaves_own_data_alone",
    // The app.
    "the_page_opens_without_a_network",
    "screen_readers_are_told_what_is_new",
];

/// What is played in Firefox and WebKit besides: where browsers differ in what they keep, and for how long.
const KEEPING: &[&str] = &[
    "a_tab_takes_over_among_writes_that_are_safe_when_answered",
    "a_private_window_keeps_data_as_long_as_it_is_open",
    "where_storage_is_refused_the_page_says_so_and_works",
];

/// A browser in which the main tests run besides Chromium.
#[derive(Clone, Copy)]
pub(super) enum Other {
    Firefox,
    WebKit,
}

impl Other {
    /// What begins a command of cargo whose tests open this browser.
    fn cargo(self, tools: &Tools) -> Command {
        match self {
            Self::Firefox => {
                let mut cargo = shell::cargo();
                cargo.env("REDSTART_BROWSER", "firefox").env("FIREFOX", &tools.firefox);
                cargo
            }
            Self::WebKit => {
                let mut hidden = Command::new(&tools.xvfb_run);
                hidden.arg("--auto-servernum").arg(shell::cargo().get_program());
                hidden.env("REDSTART_BROWSER", "webkit");
                hidden.env("WEBKITWEBDRIVER", &tools.webkit_driver);
                hidden
            }
        }
    }
}

pub(super) fn firefox_page(tools: &Tools) -> Result<Outcome> {
    page_elsewhere(tools, Other::Firefox)
}

pub(super) fn webkit_page(tools: &Tools) -> Result<Outcome> {
    page_elsewhere(tools, Other::WebKit)
}

fn page_elsewhere(tools: &Tools, other: Other) -> Result<Outcome> {
    let cargo = page_tests(other.cargo(tools), &[MAIN, KEEPING].concat());
    browse(cargo, &tools.browser, &built(own()?)?, "/")?;
    Ok(Outcome::Passed)
}

/// Kills the browser while the page writes, and looks at what is found again.
pub(super) fn page_kill(tools: &Tools) -> Result<Outcome> {
    browse(killer(None), &tools.browser, &built(own()?)?, "/")?;
    Ok(Outcome::Passed)
}

/// The same with the bundle built first, so many times in each mode.
pub(crate) fn page_kills(rounds: u64) -> Result<()> {
    browse_anew(killer(Some(rounds)))
}

fn killer(rounds: Option<u64>) -> Command {
    let mut cargo = shell::cargo();
    cargo.args(["run", "--quiet", "--package", "redstart-tests", "--features", "page"]);
    cargo.args(["--bin", "page_kill", "--"]).args(rounds.map(|rounds| rounds.to_string()));
    cargo
}

/// Builds the bundle and measures how long the page takes to have 100,000 keys again.
pub(crate) fn reopening() -> Result<()> {
    let mut cargo = file_of_tests(shell::cargo(), "page_stores");
    cargo.arg("a_hundred_thousand_keys_are_there_again_soon");
    browse_anew(cargo)
}

/// The page as a server serves it that has it inside, and its main test in the other browsers.
pub(super) fn playground(tools: &Tools) -> Result<Outcome> {
    let program = server::program_with_page(&built(own()?)?)?;
    visit(tools, &program, &[], file_of_tests(shell::cargo(), "playground"))?;
    for other in [Other::Firefox, Other::WebKit] {
        visit(tools, &program, &[], visitor(other.cargo(tools)))?;
    }
    Ok(Outcome::Passed)
}

/// The page as a server serves it from a folder.
pub(super) fn playground_folder(tools: &Tools) -> Result<Outcome> {
    let dist = built(own()?)?;
    let args = ["--playground-dir", &dist.to_string_lossy()];
    visit(tools, &server::program()?, &args, visitor(shell::cargo()))?;
    Ok(Outcome::Passed)
}

/// The main test of a served page, as what `cargo` begins.
fn visitor(cargo: Command) -> Command {
    let mut cargo = file_of_tests(cargo, "playground");
    cargo.arg("a_pane_is_a_client_of_the_server");
    cargo
}

/// Plays tests on the page of a server that is started for it.
fn visit(tools: &Tools, program: &Path, args: &[&str], mut cargo: Command) -> Result<()> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port().to_string();
    let server = Server::start(
        program,
        &[&["--playground", "yes", "--playground-port", &port], args].concat(),
    )?;
    cargo.env("REDSTART_PAGE", format!("http://127.0.0.1:{port}/"));
    cargo.env("REDSTART_SERVER", format!("127.0.0.1:{}", server.port));
    drive(&mut cargo, &tools.browser)
}

/// Plays the page's tests on the bundle in `dist`, served under a path.
fn play(tools: &Tools, dist: &Path, under: &str, only: &[&str]) -> Result<Outcome> {
    browse(page_tests(shell::cargo(), only), &tools.browser, dist, under)?;
    Ok(Outcome::Passed)
}

/// The page's tests of these names, or all, as what `cargo` begins.
fn page_tests(mut cargo: Command, only: &[&str]) -> Command {
    cargo.args(["test", "--quiet", "--package", "redstart-tests", "--features", "page"]);
    // One after the other: the tests measure, and a browser wants both cores. All of them, for the next
    // failure should not wait for the mending of the first.
    cargo.args(["--no-fail-fast", "--test", "page*", "--", "--nocapture", "--test-threads=1"]);
    cargo.args(only);
    cargo
}

/// Runs the tests of one file on the page in `dist`, and those called `main` in the other browsers.
pub(super) fn test_page(tools: &Tools, dist: &Path, file: &str, main: &str) -> Result<Outcome> {
    let dist = built(dist.to_owned())?;
    browse(file_of_tests(shell::cargo(), file), &tools.browser, &dist, "/")?;
    for other in [Other::Firefox, Other::WebKit] {
        let mut cargo = file_of_tests(other.cargo(tools), file);
        cargo.arg(main);
        browse(cargo, &tools.browser, &dist, "/")?;
    }
    Ok(Outcome::Passed)
}

/// What runs the tests of one file, as what `cargo` begins.
fn file_of_tests(mut cargo: Command, file: &str) -> Command {
    cargo.args(["test", "--quiet", "--package", "redstart-tests", "--features", "page"]);
    cargo.args(["--test", file, "--", "--nocapture", "--test-threads=1"]);
    cargo
}

/// Looks for barriers in every view of the page, at the size of a desktop and of a phone.
pub(super) fn page_access(tools: &Tools) -> Result<Outcome> {
    let mut cargo = pictures(&home()?.join("pictures"));
    cargo.env("AXE", tools.node_home.join("node_modules/axe-core/axe.min.js"));
    browse(cargo, &tools.browser, &built(own()?)?, "/")?;
    Ok(Outcome::Passed)
}

/// Builds the page and takes pictures of its views into `folder`.
pub(crate) fn screenshots(folder: &Path) -> Result<()> {
    bundle::step("Taking pictures, once the page is built", "1 minute");
    browse_anew(pictures(folder))
}

/// The command that takes pictures of every view.
fn pictures(folder: &Path) -> Command {
    let mut cargo = shell::cargo();
    cargo.args(["run", "--quiet", "--package", "redstart-tests", "--features", "page"]);
    cargo.args(["--bin", "screenshots", "--"]).arg(folder);
    cargo
}

/// Runs a command that opens the bundle in `dist`, served under a path, in a browser.
fn browse(mut command: Command, browser: &Browser, dist: &Path, under: &str) -> Result<()> {
    let site = Site::open(dist, under, 0)?;
    command.env("REDSTART_PAGE", site.url());
    // Ends with this program.
    thread::spawn(move || site.run());
    drive(&mut command, browser)
}

/// Builds the bundle and runs a command that opens it in a browser.
fn browse_anew(command: Command) -> Result<()> {
    let browser = Browser::install()?;
    let dist = Path::new("dist");
    bundle::build(dist)?;
    browse(command, &browser, dist, "/")
}

/// Runs a command that opens a browser.
fn drive(command: &mut Command, browser: &Browser) -> Result<()> {
    command.env("CHROMIUM", &browser.chromium).env("CHROMEDRIVER", &browser.chromedriver);
    shell::run(command)
}

fn own() -> Result<PathBuf> {
    Ok(home()?.join("bundle"))
}

fn trunks() -> Result<PathBuf> {
    Ok(home()?.join("trunk-bundle"))
}

/// `dist`, if a step before has built it.
fn built(dist: PathBuf) -> Result<PathBuf> {
    if !dist.join("index.html").exists() {
        bail!("there is no bundle in {dist:?}; its own step failed or did not run");
    }
    Ok(dist)
}

/// The PATH with a `wasm-bindgen` on it. Trunk would otherwise download one, or compile it for
/// several minutes; this program contains it already (see `bundle::bindgen_command`).
fn path_with_bindgen() -> Result<OsString> {
    let folder = home()?.join("wasm-bindgen");
    fs::create_dir_all(&folder)?;
    let command = folder.join("wasm-bindgen");
    if command.exists() {
        fs::remove_file(&command)?;
    }
    fs::copy(std::env::current_exe()?, &command).context("cannot copy this program")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path)))?)
}

/// The files below `dir`, by their paths in it.
fn files(dir: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut folders = vec![dir.to_owned()];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(dir)?.to_owned());
            }
        }
    }
    Ok(found)
}
