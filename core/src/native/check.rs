//! Looking at files without loading them, as `redis-check-rdb` and `redis-check-aof` do.
//!
//! `redstart-server --check-rdb FILE`, `redstart-server --check-aof [--fix | --truncate-to-timestamp T]
//! FILE`; the same if the program is called by a name that ends in `check-rdb` or `check-aof`. Scripts
//! read what these tools say, so the lines that they look for are Redis's. Files are read in parts: how
//! large they are does not matter.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::explain;
use crate::ds::{hash, quicklist, set, zset};
use crate::persist::aof::read::Records;
use crate::persist::aof::{Manifest, Step, Tail};
use crate::persist::rdb::{self, Budget, Dataset, Forms, Key, Note, Progress, Reading, Reason};
use crate::store::Value;

/// What is read at once.
const PART_BYTES: u64 = 1 << 20;
/// Bytes of a manifest that are looked at.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// A program of this file, and what it is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// Check a snapshot.
    Rdb(PathBuf),
    /// Check an append-only file, or the files that a manifest names.
    Aof(PathBuf, Cut),
}

/// What is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    Nothing,
    /// What is damaged, if whoever asks agrees.
    Damage,
    /// What was done later than this, in seconds since 1970.
    Later(i64),
}

type Out<'a> = &'a mut dyn Write;

/// Why a check ends: a line to print, or that nothing can be printed.
type Checked<T> = Result<T, String>;

/// Understands the words behind the option; `None` if they make no sense.
pub fn parse(is_aof: bool, args: &[String]) -> Option<Wish> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match (is_aof, words.as_slice()) {
        (false, [file]) => Some(Wish::Rdb(file.into())),
        (true, [file]) => Some(Wish::Aof(file.into(), Cut::Nothing)),
        (true, ["--fix", file]) => Some(Wish::Aof(file.into(), Cut::Damage)),
        (true, ["--truncate-to-timestamp", at, file]) => {
            Some(Wish::Aof(file.into(), Cut::Later(at.parse().ok()?)))
        }
        _ => None,
    }
}

/// Does it; returns whether all is well. `answers` is where whoever asks agrees.
pub fn run(wish: &Wish, out: Out<'_>, answers: &mut dyn Read) -> bool {
    let result = match wish {
        Wish::Rdb(path) => check_rdb(path, out),
        Wish::Aof(path, cut) => check_aof(path, *cut, out, answers),
    };
    match result {
        Ok(()) => true,
        Err(line) => {
            say(out, &line);
            false
        }
    }
}

/// Where nothing can be printed, the status is all there is.
fn say(out: Out<'_>, line: &str) {
    let _ = writeln!(out, "{line}");
}

/// A file, of which parts come one after the other.
struct Input {
    file: File,
    bytes: u64,
    /// What has come and was not used, and where it begins in the file.
    rest: Vec<u8>,
    offset: u64,
}

impl Input {
    fn open(path: &Path) -> Checked<Self> {
        let failed = |error: io::Error| {
            format!("Cannot open file {}: {}, aborting...", path.display(), explain(&error))
        };
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        Ok(Self { file, bytes, rest: Vec::new(), offset: 0 })
    }

    fn is_all(&self) -> bool {
        self.offset + self.rest.len() as u64 >= self.bytes
    }

    /// Reads on: as much as there is already, so that what is large is not read again and again.
    fn more(&mut self) -> Checked<()> {
        let count = PART_BYTES.max(self.rest.len() as u64);
        let before = self.rest.len();
        let read = Read::by_ref(&mut self.file).take(count).read_to_end(&mut self.rest);
        read.map_err(|error| format!("Failed to read: {}, aborting...", explain(&error)))?;
        if self.rest.len() == before {
            // It has become shorter.
            self.bytes = self.offset + before as u64;
        }
        Ok(())
    }

    fn use_up(&mut self, count: usize) {
        self.rest.drain(..count);
        self.offset += count as u64;
    }
}

/// Counts what a snapshot holds.
struct Counts<'a> {
    out: Out<'a>,
    now_ms: i64,
    keys: u64,
    expiring: u64,
    expired: u64,
    libraries: u64,
}

impl Counts<'_> {
    fn count(&mut self, key: Key<'_>) {
        self.keys += 1;
        self.expiring += u64::from(key.expires_ms.is_some());
        self.expired += u64::from(key.expires_ms.is_some_and(|at_ms| at_ms < self.now_ms));
    }
}

impl Dataset for Counts<'_> {
    fn add(&mut self, key: Key<'_>, _: Value) -> Result<(), Reason> {
        self.count(key);
        Ok(())
    }

    fn add_str(&mut self, key: Key<'_>, _: &[u8]) -> Result<(), Reason> {
        self.count(key);
        Ok(())
    }

    fn library(&mut self, _: &[u8]) -> Result<(), Reason> {
        self.libraries += 1;
        Ok(())
    }

    fn note(&mut self, note: Note<'_>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let line = match note {
            Note::Aux(name, value) => format!("AUX FIELD {} = '{}'", text(name), text(value)),
            Note::EmptyKey(key) => format!("A key without anything in it: {}", text(key)),
            Note::SlotImport => "A migration of slots that had not ended".to_owned(),
            Note::Unchecked => "RDB file was saved with checksum disabled".to_owned(),
        };
        say(self.out, &line);
    }
}

fn check_rdb(path: &Path, out: Out<'_>) -> Checked<()> {
    say(out, &format!("[offset 0] Checking RDB file {}", path.display()));
    read_rdb(&mut Input::open(path)?, out)
}

/// Reads the snapshot that `input` begins with.
fn read_rdb(input: &mut Input, out: Out<'_>) -> Checked<()> {
    let hash_key = [0, 0];
    let forms = Forms {
        list: quicklist::Limits { fill: -2, plain_from: None },
        set: set::Limits {
            intset_entries: 512,
            listpack_entries: 128,
            listpack_value: 64,
            hash_key,
        },
        zset: zset::Limits { entries_max: 128, member_bytes_max: 64, hash_key },
        hash: hash::Limits { entries: 512, value: 64, hash_key },
        array_slice_places: 4096,
        any_version: false,
        checked: true,
    };
    let now_ms = super::clock::Clock::new().now().unix_ms();
    let mut counts = Counts { out, now_ms, keys: 0, expiring: 0, expired: 0, libraries: 0 };
    let mut reading = Reading::new(forms);
    let budget = Budget { bytes: PART_BYTES as usize, records: usize::MAX };
    loop {
        let step = reading.step(&input.rest, input.is_all(), budget, &mut counts);
        let (used, progress) = step.map_err(|rdb::Problem { offset, reason }| {
            format!("--- RDB ERROR DETECTED ---\n[offset {offset}] {reason}")
        })?;
        input.use_up(used);
        match progress {
            Progress::Going => {}
            Progress::Starved => input.more()?,
            Progress::Done => break,
        }
    }
    let Counts { out, keys, expiring, expired, libraries, .. } = counts;
    let offset = input.offset;
    say(out, &format!("[offset {offset}] Checksum OK\n[offset {offset}] \\o/ RDB looks OK! \\o/"));
    say(out, &format!("[info] {keys} keys read\n[info] {expiring} expires"));
    say(out, &format!("[info] {expired} already expired\n[info] {libraries} functions"));
    Ok(())
}

/// What became of a file.
enum Found {
    Valid,
    Empty,
    Cut,
    CutLater(i64),
}

fn check_aof(path: &Path, cut: Cut, out: Out<'_>, answers: &mut dyn Read) -> Checked<()> {
    let mut head = Vec::new();
    Input::open(path)?
        .file
        .take(MANIFEST_BYTES_MAX)
        .read_to_end(&mut head)
        .map_err(|error| format!("Cannot read file {}: {}", path.display(), explain(&error)))?;
    let shown = path.display().to_string();
    if !is_manifest(&head) {
        say(out, "Start checking Old-Style AOF");
        let found = check_file(&shown, path, true, cut, out, answers)?;
        say_found(&shown, "AOF", &found, out);
        return Ok(());
    }
    say(out, "Start checking Multi Part AOF");
    let manifest = Manifest::parse(&head).map_err(|problem| problem.to_string())?;
    let all = manifest.files().count();
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    for (index, file) in manifest.files().enumerate() {
        let path = folder.join(&file.name);
        let is_base = index == 0 && manifest.base.is_some();
        if is_base {
            let form = if is_rdb(&path)? { "RDB" } else { "RESP" };
            say(out, &format!("Start to check BASE AOF ({form} format)."));
        } else if index == usize::from(manifest.base.is_some()) {
            say(out, "Start to check INCR files.");
        }
        let found = check_file(&file.name, &path, index + 1 == all, cut, out, answers)?;
        let kind = if is_base { "BASE AOF" } else { "INCR AOF" };
        say_found(&file.name, kind, &found, out);
    }
    say(out, "All AOF files and manifest are valid");
    Ok(())
}

/// Whether a file of which these are the first bytes names others.
fn is_manifest(head: &[u8]) -> bool {
    let mut lines = head.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"#"));
    lines.next().is_some_and(|line| line.starts_with(b"file"))
}

fn is_rdb(path: &Path) -> Checked<bool> {
    let mut input = Input::open(path)?;
    input.more()?;
    Ok(input.rest.starts_with(b"REDIS") || input.rest.starts_with(b"VALKEY"))
}

fn say_found(name: &str, kind: &str, found: &Found, out: Out<'_>) {
    let line = match found {
        Found::Valid => format!("{kind} {name} is valid"),
        Found::Empty => format!("{kind} {name} is empty"),
        Found::Cut => format!("Successfully truncated AOF {name}"),
        Found::CutLater(at) => format!("Successfully truncated AOF {name} to timestamp {at}"),
    };
    say(out, &line);
}

/// The commands of a file, as far as they are whole.
#[derive(Default)]
struct Commands {
    /// Up to where the file is good, by its bytes and its lines.
    whole: u64,
    whole_line: u64,
    /// Lines that were read.
    line: u64,
    in_transaction: bool,
    /// Where the time begins that is to be cut off.
    later: Option<u64>,
    problem: Option<String>,
}

fn check_file(
    name: &str,
    path: &Path,
    is_last: bool,
    cut: Cut,
    out: Out<'_>,
    answers: &mut dyn Read,
) -> Checked<Found> {
    let mut input = Input::open(path)?;
    if input.bytes == 0 {
        return Ok(Found::Empty);
    }
    if is_rdb(path)? {
        read_rdb(&mut input, out).map_err(|problem| {
            format!("{problem}\nRDB preamble of AOF file is not sane, aborting.")
        })?;
        say(out, "RDB preamble is OK, proceeding with AOF tail...");
    }
    let commands = read_commands(&mut input, cut)?;
    let size = input.bytes;
    if let (Some(from), Cut::Later(at)) = (commands.later, cut) {
        if from == 0 {
            return Err(format!("AOF {name} has nothing before timestamp {at}, aborting..."));
        }
        if !is_last {
            return Err(format!(
                "Failed to truncate AOF {name} to timestamp {at} to offset {from} because it is not \
                 the last file.\nIf you insist, delete all files after it and their lines in the \
                 manifest, and run this again."
            ));
        }
        truncate(name, path, from)?;
        return Ok(Found::CutLater(at));
    }
    if let Some(problem) = &commands.problem {
        say(out, problem);
    }
    let Commands { whole, whole_line, .. } = commands;
    let diff = size - whole;
    if let (0, Cut::Later(at)) = (diff, cut) {
        say(out, &format!("Truncate nothing in AOF {name} to timestamp {at}"));
        return Ok(Found::Valid);
    }
    say(
        out,
        &format!(
            "AOF analyzed: filename={name}, size={size}, ok_up_to={whole}, \
             ok_up_to_line={whole_line}, diff={diff}"
        ),
    );
    match cut {
        _ if diff == 0 => Ok(Found::Valid),
        Cut::Damage if !is_last => {
            Err(format!("Failed to truncate AOF {name} because it is not the last file"))
        }
        Cut::Damage => {
            say(out, &format!("This will shrink the AOF {name} from {size} to {whole} bytes"));
            // The question has no line of its own.
            let _ = write!(out, "Continue? [y/N]: ").and_then(|()| out.flush());
            let mut answer = [0];
            if answers.read(&mut answer).is_err() || !answer.eq_ignore_ascii_case(b"y") {
                return Err("Aborting...".to_owned());
            }
            truncate(name, path, whole)?;
            Ok(Found::Cut)
        }
        Cut::Nothing | Cut::Later(_) => {
            Err(format!("AOF {name} is not valid. Use the --fix option to try fixing it."))
        }
    }
}

fn truncate(name: &str, path: &Path, bytes: u64) -> Checked<()> {
    let opened = File::options().write(true).open(path);
    let done = opened.and_then(|mut file| {
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        file.sync_all()
    });
    done.map_err(|error| format!("Failed to truncate AOF {name}: {}", explain(&error)))
}

/// Reads commands to the end, or to what is none.
fn read_commands(input: &mut Input, cut: Cut) -> Checked<Commands> {
    let mut records = Records::default();
    let mut commands =
        Commands { whole: input.offset, whole_line: 1, line: 1, ..Commands::default() };
    loop {
        let (step, used) = records.step(&input.rest);
        match step {
            Step::Command(argv) => {
                let word = argv.get(0).unwrap_or_default();
                let problem = commands.see(word);
                commands.line += 1 + 2 * argv.len() as u64;
                if let Some(problem) = problem {
                    commands.problem = Some(format!("{:#x}: {problem}", input.offset));
                    return Ok(commands);
                }
            }
            Step::Remark => {
                let line = input.rest.get(..used).unwrap_or_default();
                if let (Some(at), Cut::Later(until)) = (stamp(line), cut)
                    && at > until
                {
                    commands.later = Some(input.offset);
                    return Ok(commands);
                }
                commands.line += 1;
            }
            Step::End(Tail::Broken) => {
                let text = "What is neither a command nor a remark";
                commands.problem = Some(format!("{:#x}: {text}", input.offset));
                return Ok(commands);
            }
            Step::End(_) if !input.is_all() => {
                input.more()?;
                continue;
            }
            Step::End(tail) => {
                let problem = match tail {
                    Tail::Short => Some("The file ends in the middle of a command"),
                    _ if commands.in_transaction => {
                        Some("Reached EOF before reading EXEC for MULTI")
                    }
                    _ => None,
                };
                commands.problem = problem.map(|text| format!("{:#x}: {text}", input.offset));
                return Ok(commands);
            }
        }
        input.use_up(used);
        if !commands.in_transaction {
            (commands.whole, commands.whole_line) = (input.offset, commands.line);
        }
    }
}

impl Commands {
    /// Sees the first word of a command; returns what is wrong with it here.
    fn see(&mut self, word: &[u8]) -> Option<&'static str> {
        if word.eq_ignore_ascii_case(b"MULTI") {
            return std::mem::replace(&mut self.in_transaction, true).then_some("Unexpected MULTI");
        }
        if word.eq_ignore_ascii_case(b"EXEC") {
            let was_in = std::mem::replace(&mut self.in_transaction, false);
            return (!was_in).then_some("Unexpected EXEC");
        }
        None
    }
}

/// The time that a remark tells, in seconds since 1970.
fn stamp(line: &[u8]) -> Option<i64> {
    let digits = line.strip_prefix(b"#TS:")?;
    std::str::from_utf8(digits).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// What checking a folder with these files says, and whether all is well.
    fn check(name: &str, files: &[(&str, &[u8])], args: &[&str]) -> (bool, String, Vec<u8>) {
        let folder = std::env::temp_dir().join(format!("check-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (file, bytes) in files {
            fs::write(folder.join(file), bytes).unwrap();
        }
        let (first, last) = (files[0].0, files[files.len() - 1].0);
        let path = folder.join(first).to_string_lossy().into_owned();
        let words: Vec<String> =
            args[1..].iter().map(|&word| word.to_owned()).chain([path]).collect();
        let wish = parse(args[0] == "aof", &words).unwrap();
        let mut out = Vec::new();
        let is_fine = run(&wish, &mut out, &mut &b"y\n"[..]);
        let left = fs::read(folder.join(last)).unwrap();
        fs::remove_dir_all(folder).unwrap();
        (is_fine, String::from_utf8(out).unwrap(), left)
    }

    const SET: &[u8] = b"*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1\r\nv\r\n";

    #[test]
    fn a_damaged_end_is_found_and_cut_off() {
        let good = [b"#TS:5\r\n", SET].concat();
        let (is_fine, said, _) = check("good", &[("a.aof", &good)], &["aof"]);
        assert!(is_fine && said.contains("is valid"), "{said}");
        for tail in ["*1\r\n$4\r\nPI", "!!!", "*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n"] {
            let bad = [&good[..], tail.as_bytes()].concat();
            let (is_fine, said, _) = check("bad", &[("a.aof", &bad)], &["aof"]);
            let expected = format!("ok_up_to={}, ok_up_to_line=9", good.len());
            assert!(!is_fine && said.contains(&expected) && said.contains("not valid"), "{said}");
            let (is_fine, said, left) = check("fix", &[("a.aof", &bad)], &["aof", "--fix"]);
            assert!(is_fine && said.contains("Successfully truncated AOF"), "{said}");
            assert_eq!(left, good);
        }
    }

    #[test]
    fn only_the_last_file_is_cut() {
        let manifest: &[u8] = b"file b seq 1 type b\nfile i seq 1 type i\n";
        let (bad, later) = ([SET, b"*1"].concat(), [SET, b"#TS:9\r\n", SET].concat());
        let files = [("m", manifest), ("b", &bad), ("i", SET)];
        let (is_fine, said, _) = check("first", &files, &["aof", "--fix"]);
        assert!(!is_fine && said.contains("because it is not the last file"), "{said}");
        let files = [("m", manifest), ("b", SET), ("i", &later)];
        let args = ["aof", "--truncate-to-timestamp", "8"];
        let (is_fine, said, left) = check("later", &files, &args);
        assert!(is_fine && said.contains("to timestamp 8"), "{said}");
        assert_eq!(left, SET);
        let files = [("m", manifest), ("b", &later), ("i", SET)];
        assert!(!check("first later", &files, &args).0);
        assert!(!check("manifest", &[("m", b"file x\n")], &["aof"]).0);
    }

    #[test]
    fn a_snapshot_is_counted_or_its_problem_told() {
        let facts = rdb::Facts {
            redis_version: "8",
            created_s: 0,
            used_memory: 0,
            is_aof_base: false,
            version: rdb::version_for(&[]),
            compress: true,
            checksum: true,
        };
        let mut good = rdb::write(&[], &[], facts, |_| rdb::Usage::Unknown);
        let (is_fine, said, _) = check("rdb", &[("dump.rdb", &good)], &["rdb"]);
        assert!(is_fine && said.contains("RDB looks OK") && said.contains("0 keys"), "{said}");
        good[12] ^= 1;
        let (is_fine, said, _) = check("wrong", &[("dump.rdb", &good)], &["rdb"]);
        assert!(!is_fine && said.contains("RDB ERROR DETECTED"), "{said}");
    }
}
