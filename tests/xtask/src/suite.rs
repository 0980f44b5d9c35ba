//! `cargo xtask suite`: the test suite of Valkey, run against our server as it runs against any
//! server that somebody else has started; and where it starts servers itself, ours in their place.
//!
//! The suite is no part of the project: a checkout of it is named by `--valkey`, and nothing in it
//! is changed. Its harness insists on finding programs of its own even where it starts none; they
//! are stand-ins in the target folder. Which of its tests are not to pass, and why, is told by
//! `tests/valkey-suite/listed.txt`; what the harness has to skip is derived from it.

use crate::server::{self, Server};
use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The version that the list is about.
const VERSION: &str = "9.1.0";
const LIST: &str = "tests/valkey-suite/listed.txt";

/// The files that are run when none is named.
const FILES: &[&str] = &[
    "unit/type/incr",
    "unit/type/string",
    "unit/type/list",
    "unit/type/list-2",
    "unit/type/list-3",
    "unit/type/set",
    "unit/type/zset",
    "unit/type/hash",
    "unit/hashexpire",
    "unit/type/stream",
    "unit/type/stream-cgroups",
    "unit/bitops",
    "unit/bitfield",
    "unit/hyperloglog",
    "unit/geo",
    "unit/expire",
    "unit/scan",
    "unit/sort",
    "unit/keyspace",
    "unit/dump",
    "unit/maxmemory",
    "unit/lazyfree",
    "unit/other",
    "unit/multi",
    "unit/pause",
    "unit/quit",
    "unit/slowlog",
    "unit/latency-monitor",
    "integration/aof",
    "integration/aof-multi-part",
    "integration/aof-race",
    "integration/rdb",
    "integration/corrupt-dump",
    "integration/corrupt-dump-fuzzer",
    "integration/convert-ziplist-hash-on-load",
    "integration/convert-ziplist-zset-on-load",
    "integration/convert-zipmap-hash-on-load",
];

/// Files below this folder start servers with settings of their own.
const STARTS_SERVERS: &str = "integration/";

/// What the harness looks for.
const PROGRAMS: [&str; 5] =
    ["valkey-server", "valkey-cli", "valkey-benchmark", "valkey-check-aof", "valkey-check-rdb"];

/// What the suite needs to be allowed.
const ALLOWED: &[&str] = &[
    "--enable-protected-configs",
    "yes",
    "--enable-debug-command",
    "yes",
    "--enable-module-command",
    "yes",
];

/// After so many seconds without a finished test, the harness gives up the file.
const PATIENCE_SECONDS: &str = "120";

/// Which tests are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All but the listed ones; one that fails is an error.
    Unlisted,
    /// The listed ones; one that passes is an error, for it should not be listed.
    Listed,
}

/// Runs `files` of the suite in `checkout`, or all that are ours to pass, against our server or
/// another one.
pub(crate) fn suite(
    checkout: &Path,
    files: &[String],
    which: Which,
    other: Option<&Path>,
) -> Result<()> {
    let suite = Suite {
        checkout: checkout.canonicalize().with_context(|| format!("no folder {checkout:?}"))?,
        list: List::read(&fs::read_to_string(LIST).with_context(|| format!("no file {LIST}"))?)?,
        home: shell::target_dir()?.join("valkey-suite"),
        program: match other {
            Some(program) => program.to_owned(),
            None => server::program()?,
        },
        is_ours: other.is_none(),
    };
    suite.check_version()?;
    let _alone = suite.lock()?;
    suite.make_programs()?;
    let all: Vec<String> = FILES.iter().map(|&file| file.to_owned()).collect();
    let mut faults = Vec::new();
    let mut total = Counts::default();
    for file in if files.is_empty() { &all } else { files } {
        let started = Instant::now();
        let outcome = suite.run(file, which)?;
        let counts = outcome.counts(suite.list.of(file));
        let seconds = started.elapsed().as_secs();
        // One file only asserts; the harness says something of it if that fails.
        let is_silent = which == Which::Unlisted && counts.all() == 0;
        let note = if is_silent { "; has no tests, ran to its end" } else { "" };
        println!("{}  {seconds:>4} s  {file}{note}", counts.text(which));
        total.add(&counts);
        faults.extend(outcome.faults(file, which, &suite.list));
    }
    println!("{}  in all", total.text(which));
    if which == Which::Unlisted {
        suite.list.explain(files);
    }
    if !faults.is_empty() {
        bail!("{} faults\n{}", faults.len(), faults.join("\n"));
    }
    Ok(())
}

struct Suite {
    checkout: PathBuf,
    list: List,
    /// Where the programs and the output are.
    home: PathBuf,
    program: PathBuf,
    is_ours: bool,
}

impl Suite {
    fn check_version(&self) -> Result<()> {
        let path = self.checkout.join("src/version.h");
        let text = fs::read_to_string(&path).with_context(|| format!("no file {path:?}"))?;
        if !text.contains(&format!("\"{VERSION}\"")) {
            bail!("{LIST} is about Valkey {VERSION}; check that tag out");
        }
        Ok(())
    }

    /// Two runs in one checkout would remove each other's files: the harness begins and ends with that.
    fn lock(&self) -> Result<fs::File> {
        let path = self.checkout.join("tests/tmp/redstart.lock");
        let lock = fs::File::create(&path).with_context(|| format!("cannot make {path:?}"))?;
        lock.try_lock().with_context(|| format!("another run is using {:?}", self.checkout))?;
        Ok(lock)
    }

    /// Puts programs where the harness looks for its own.
    fn make_programs(&self) -> Result<()> {
        fs::create_dir_all(self.home.join("bin"))?;
        for name in PROGRAMS {
            // Our server is these tools too.
            let (found, option) = match name {
                "valkey-server" => (Some(self.program.clone()), ""),
                "valkey-benchmark" => (Some(benchmark()?), ""),
                "valkey-check-aof" if self.is_ours => (Some(self.program.clone()), "--check-aof"),
                "valkey-check-rdb" if self.is_ours => (Some(self.program.clone()), "--check-rdb"),
                _ => (shell::find(name), ""),
            };
            let text = match found {
                Some(program) => {
                    format!("#!/bin/sh\nexec '{}' {option} \"$@\"\n", program.display())
                }
                None => "#!/bin/sh\nexit 1\n".to_owned(),
            };
            let path = self.home.join("bin").join(name);
            fs::write(&path, text)?;
            make_executable(&path)?;
        }
        Ok(())
    }

    /// Runs one file against a server of its own, or lets it start its servers.
    fn run(&self, file: &str, which: Which) -> Result<Outcome> {
        let listed = self.list.of(file);
        if which == Which::Listed && listed.is_empty() {
            return Ok(Outcome::default());
        }
        let mut server = match file.starts_with(STARTS_SERVERS) {
            true => None,
            false => Some(Server::start(&self.program, ALLOWED)?),
        };
        let name = file.replace('/', "_");
        let mut command = Command::new("./runtest");
        command.current_dir(&self.checkout).env("TERM", "dumb");
        command.env("VALKEY_BIN_DIR", self.home.join("bin"));
        if let Some(server) = &server {
            command.args(["--host", "127.0.0.1", "--port", &server.port.to_string()]);
        }
        command.args(["--durable", "--timeout", PATIENCE_SECONDS, "--single", file]);
        match which {
            Which::Unlisted => {
                let path = self.home.join(format!("{name}.skip"));
                fs::write(&path, listed.join("\n"))?;
                command.arg("--skipfile").arg(path);
            }
            Which::Listed => {
                command.args(listed.iter().flat_map(|test| ["--only", test.as_str()]));
            }
        }
        let said =
            command.output().context("cannot start ./runtest; it needs tclsh and a shell")?;
        let text = String::from_utf8_lossy(&said.stdout);
        let path = self.home.join(format!("{name}.log"));
        fs::write(&path, &*text)?;
        let mut outcome = Outcome::read(&text);
        if which == Which::Unlisted && !said.status.success() && outcome.failed.is_empty() {
            outcome.failed.insert(format!("the harness itself; see {}", path.display()));
        }
        if let Some(server) = &mut server
            && let Err(error) = server.check()
        {
            outcome.failed.insert(error.to_string());
        }
        Ok(outcome)
    }
}

/// The program that loads a server with commands; Redis's and Valkey's take the same words.
fn benchmark() -> Result<PathBuf> {
    let mut found = ["valkey-benchmark", "redis-benchmark"].into_iter().filter_map(shell::find);
    found.next().context("there is no valkey-benchmark and no redis-benchmark")
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    bail!("the harness of the suite runs on Unix only")
}

/// What the harness said of the tests of one file, by their names.
#[derive(Debug, Default)]
struct Outcome {
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
    skipped: BTreeSet<String>,
    /// Tests, or whole blocks of them, that the suite itself does not run against such a server.
    not_meant: usize,
    passes: usize,
}

impl Outcome {
    fn read(text: &str) -> Self {
        let mut outcome = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("[ok]: ") {
                outcome.passed.insert(until_last(rest, " (").to_owned());
                outcome.passes += 1;
            } else if let Some(rest) = line.strip_prefix("[err]: ") {
                outcome.failed.insert(until_last(rest, " in tests/").to_owned());
            } else if let Some(rest) = line.strip_prefix("[exception]: ") {
                outcome.failed.insert(rest.to_owned());
            } else if let Some(rest) = line.strip_prefix("[TIMEOUT]: ") {
                outcome.failed.insert(format!("no progress: {rest}"));
            } else if let Some(rest) = line.strip_prefix("[skip]: ") {
                outcome.skipped.insert(rest.to_owned());
            } else if line.starts_with("[ignore]: ") {
                outcome.not_meant += 1;
            }
        }
        outcome
    }

    fn counts(&self, listed: &[String]) -> Counts {
        let own = self.skipped.iter().filter(|name| !listed.contains(name)).count();
        Counts {
            passed: self.passes,
            failed: self.failed.len(),
            listed: self.skipped.len() - own,
            not_meant: self.not_meant + own,
        }
    }

    /// What is wrong, a line each.
    fn faults(&self, file: &str, which: Which, list: &List) -> Vec<String> {
        let listed = list.of(file);
        let mut faults = Vec::new();
        if which == Which::Unlisted {
            faults.extend(self.failed.iter().map(|name| format!("failed: {file}: {name}")));
            let unknown = listed.iter().filter(|name| !self.skipped.contains(*name));
            faults.extend(unknown.map(|name| format!("listed, but not there: {file}: {name}")));
        } else {
            let passing = self.passed.iter().filter(|name| !self.failed.contains(*name));
            faults.extend(passing.map(|name| format!("listed, but passes: {file}: {name}")));
        }
        faults
    }
}

/// `text` up to where `end` begins for the last time.
fn until_last<'a>(text: &'a str, end: &str) -> &'a str {
    text.rfind(end).map_or(text, |at| &text[..at])
}

#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    listed: usize,
    not_meant: usize,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.listed += other.listed;
        self.not_meant += other.not_meant;
    }

    fn all(&self) -> usize {
        self.passed + self.failed + self.listed + self.not_meant
    }

    fn text(&self, which: Which) -> String {
        let Self { passed, failed, listed, not_meant } = self;
        match which {
            Which::Unlisted => format!(
                "{passed:>5} passed {failed:>3} failed {listed:>3} listed {not_meant:>3} not for \
                 such servers"
            ),
            Which::Listed => format!("{passed:>3} listed ones pass {failed:>3} do not"),
        }
    }
}

/// The listed tests: for each reason, the files and the names of tests in them.
///
/// A line that begins with `#` is a reason, and holds for what follows; one without a blank at its
/// beginning names a file; one with two blanks names a test of that file.
#[derive(Debug, Default, PartialEq, Eq)]
struct List {
    by_file: BTreeMap<String, Vec<String>>,
    /// Each reason with its tests, counted by file.
    reasons: Vec<(String, BTreeMap<String, usize>)>,
}

impl List {
    fn read(text: &str) -> Result<Self> {
        let mut list = Self::default();
        let mut file = None;
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(reason) = line.strip_prefix('#') {
                // A reason may take several lines.
                let reason = reason.trim();
                match list.reasons.last_mut() {
                    Some((last, tests)) if tests.is_empty() => {
                        last.push(' ');
                        last.push_str(reason);
                    }
                    _ => list.reasons.push((reason.to_owned(), BTreeMap::new())),
                }
                file = None;
            } else if let Some(test) = line.strip_prefix("  ") {
                let file: &String = file
                    .as_ref()
                    .with_context(|| format!("{LIST}:{number}: a test without a file"))?;
                let tests = list.by_file.entry(file.clone()).or_default();
                if tests.iter().any(|known| known == test) {
                    bail!("{LIST}:{number}: listed twice: {test}");
                }
                tests.push(test.to_owned());
                let Some((_, counts)) = list.reasons.last_mut() else {
                    bail!("{LIST}:{number}: a test without a reason");
                };
                *counts.entry(file.clone()).or_default() += 1;
            } else if !line.is_empty() {
                file = Some(line.to_owned());
            }
        }
        Ok(list)
    }

    /// The listed tests of a file.
    fn of(&self, file: &str) -> &[String] {
        self.by_file.get(file).map_or(&[], Vec::as_slice)
    }

    /// Prints the reasons with the number of tests in `files`, or in all.
    fn explain(&self, files: &[String]) {
        for (reason, tests) in &self.reasons {
            let is_asked = |file: &&String| files.is_empty() || files.contains(file);
            let count: usize = tests.keys().filter(is_asked).map(|file| tests[file]).sum();
            if count > 0 {
                println!("{count:>5} listed: {reason}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    #[test]
    fn the_list_is_read() {
        let list = List::read("# One\n# reason.\na\n  t 1\n  t 2\n\n# Other.\nb\n  t 1\n").unwrap();
        assert_eq!(list.of("a"), ["t 1", "t 2"]);
        assert_eq!(list.of("b"), ["t 1"]);
        assert!(list.of("c").is_empty());
        let reasons: Vec<_> = list.reasons.iter().map(|(reason, _)| reason.as_str()).collect();
        assert_eq!(reasons, ["One reason.", "Other."]);
        assert!(List::read("# One.\n  t\n").is_err());
        assert!(List::read("a\n  t\n").is_err());
        assert!(List::read("# One.\na\n  t\n  t\n").is_err());
    }

    #[test]
    fn the_output_of_the_harness_is_read() {
        let outcome = Outcome::read(
            "[ok]: a (b) (3 ms)\n[ok]: c (0 ms)\n[err]: d in tests/unit/x.tcl\nExpected\n\
             [skip]: e\n[ignore]: f: g\n[exception]: h\n",
        );
        assert_eq!(outcome.passed.iter().collect::<Vec<_>>(), ["a (b)", "c"]);
        assert_eq!(outcome.failed.iter().collect::<Vec<_>>(), ["d", "h"]);
        let listed = ["c".to_owned(), "e".to_owned()];
        let counts = outcome.counts(&listed);
        assert_eq!((counts.passed, counts.listed, counts.not_meant), (2, 1, 1));
        let list = List::read("# R.\nx\n  c\n  e\n").unwrap();
        let faults = outcome.faults("x", Which::Unlisted, &list);
        assert_eq!(faults, ["failed: x: d", "failed: x: h", "listed, but not there: x: c"]);
        let faults = outcome.faults("x", Which::Listed, &list);
        assert_eq!(faults.len(), 2);
        let own = Outcome::read("[skip]: e: no debug\n");
        assert_eq!(own.counts(&listed).not_meant, 1);
    }
}
