//! The manifest: which files make up an append-only file, in which order.
//!
//! A line names one file with its number and what it is (`b`ase, `i`ncrement, or `h`istory, which is
//! only still to be removed). Numbers of bases and of increments count up, each by their own.

use std::fmt;

use crate::resp::words;

/// Bytes of a line, with its end.
const LINE_BYTES_MAX: usize = 1024;

/// The files of an append-only file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The data as it was once; none if there was none.
    pub base: Option<File>,
    /// What was done since, in order.
    pub increments: Vec<File>,
    /// Files that do not count any more.
    pub history: Vec<File>,
    /// The number of the last base and of the last increment; 0 if there was none.
    last: (u64, u64),
}

/// A file, by its name without the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its number.
    pub seq: u64,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1, and what it says; none if there is no line at all.
    pub line: Option<(usize, String)>,
    /// What is wrong with it, in Redis's words.
    pub reason: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.line {
            Some((number, text)) => write!(f, "{}, at line {number}: '{text}'", self.reason),
            None => f.write_str(self.reason),
        }
    }
}

const INVALID: &str = "Invalid AOF manifest file format";
const TOO_LONG: &str = "The AOF manifest file contains too long line";

impl File {
    /// The line that names the file. Names are quoted where Redis could not read them otherwise; what
    /// is no ASCII stays, so that no line becomes much longer than its name.
    fn line(&self, kind: char) -> String {
        let is_plain = |letter: char| letter.is_ascii_graphic() || !letter.is_ascii();
        let mut shown = self.name.clone();
        if shown.is_empty() || !shown.chars().all(is_plain) || shown.contains(['"', '\'', '\\']) {
            shown = "\"".to_owned();
            for letter in self.name.chars() {
                match u8::try_from(letter).ok().filter(u8::is_ascii) {
                    Some(byte) => {
                        let quoted = words::quote(&[byte]);
                        let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
                        shown.push_str(&String::from_utf8_lossy(inner));
                    }
                    None => shown.push(letter),
                }
            }
            shown.push('"');
        }
        format!("file {shown} seq {} type {kind}\n", self.seq)
    }
}

impl Manifest {
    /// Reads a manifest. Costs O(bytes).
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.is_empty() {
            return Err(Problem { line: None, reason: "Found an empty AOF manifest" });
        }
        let mut manifest = Self::default();
        for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
            manifest.line(line).map_err(|reason| {
                let shown = String::from_utf8_lossy(line.get(..LINE_BYTES_MAX).unwrap_or(line));
                Problem { line: Some((number, shown.trim_end().to_owned())), reason }
            })?;
        }
        // A file that is to be removed must not be one that counts.
        let used = manifest.history.iter().map(|file| file.seq).max().unwrap_or(0);
        manifest.last = (manifest.last.0.max(used), manifest.last.1.max(used));
        Ok(manifest)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        if line.first() == Some(&b'#') {
            return Ok(());
        }
        if !line.ends_with(b"\n") || line.len() >= LINE_BYTES_MAX {
            return Err(TOO_LONG);
        }
        let words = words::split(line).map_err(|_| INVALID)?;
        if words.len() < 6 || !words.len().is_multiple_of(2) {
            return Err(INVALID);
        }
        let (mut name, mut seq, mut kind) = (None, 0, 0);
        for pair in words.chunks_exact(2) {
            let [key, value] = pair else { continue };
            if key.eq_ignore_ascii_case(b"file") {
                if value.contains(&b'/') || value.contains(&b'\\') {
                    return Err("File can't be a path, just a filename");
                }
                // A name that is no text is none that could be asked for here.
                name = Some(std::str::from_utf8(value).map_err(|_| INVALID)?.to_owned());
            } else if key.eq_ignore_ascii_case(b"seq") {
                seq =
                    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
            } else if key.eq_ignore_ascii_case(b"type") {
                kind = value.first().copied().unwrap_or(0);
            }
        }
        let file = match name {
            Some(name) if seq > 0 && kind != 0 => File { name, seq },
            _ => return Err(INVALID),
        };
        if file.line(kind.into()).len() >= LINE_BYTES_MAX {
            // It could not be read once it is written again.
            return Err(TOO_LONG);
        }
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => {
                self.last.0 = seq;
                self.base = Some(file);
            }
            b'h' => self.history.push(file),
            b'i' if seq <= self.last.1 => return Err("Found a non-monotonic sequence number"),
            b'i' => {
                self.last.1 = seq;
                self.increments.push(file);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// What the manifest's file holds.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        let base = self.base.iter().map(|file| (file, 'b'));
        let history = self.history.iter().map(|file| (file, 'h'));
        let increments = self.increments.iter().map(|file| (file, 'i'));
        for (file, kind) in base.chain(history).chain(increments) {
            text.push_str(&file.line(kind));
        }
        text.into_bytes()
    }

    /// All files that hold data, in the order in which they are read.
    pub fn files(&self) -> impl DoubleEndedIterator<Item = &File> {
        self.base.iter().chain(&self.increments)
    }

    /// Whether no file holds data.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// Adds the next increment; returns its name. `stem` is the common part of all names.
    pub fn add_increment(&mut self, stem: &str) -> String {
        self.last.1 += 1;
        let seq = self.last.1;
        let name = format!("{stem}.{seq}.incr.aof");
        self.increments.push(File { name: name.clone(), seq });
        name
    }

    /// Puts a new base in the place of all but the last `kept` increments and of the old base, which
    /// become history; returns its name.
    pub fn rebase(&mut self, stem: &str, is_snapshot: bool, kept: usize) -> String {
        self.last.0 += 1;
        let seq = self.last.0;
        let ending = if is_snapshot { "rdb" } else { "aof" };
        let name = format!("{stem}.{seq}.base.{ending}");
        self.history.extend(self.base.replace(File { name: name.clone(), seq }));
        let old = self.increments.len().saturating_sub(kept);
        self.history.extend(self.increments.drain(..old));
        name
    }

    /// `other` was to come in the place of this one, and perhaps has: what it alone names becomes history,
    /// and its numbers are used.
    pub fn give_up(&mut self, other: Self) {
        self.last = other.last;
        let is_new = |file: &File| self.files().all(|known| known != file);
        let new: Vec<File> = other.files().filter(|file| is_new(file)).cloned().collect();
        self.history.extend(new);
    }

    /// Takes an old append-only file, which is one file of this name, as the base.
    pub fn of_single(name: String) -> Self {
        let base = Some(File { name, seq: 1 });
        Self { base, last: (1, 0), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> &'static str {
        Manifest::parse(text.as_bytes()).unwrap_err().reason
    }

    #[test]
    fn manifests_are_read_and_written() {
        let text = "file a.2.base.rdb seq 2 type b\nfile a.1.base.rdb seq 1 type h\n\
                    file \"a b.7.incr.aof\" seq 7 type i\nfile a.9.incr.aof seq 9 type i\n";
        let mut manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.to_bytes(), text.as_bytes());
        assert_eq!(manifest.add_increment("a"), "a.10.incr.aof");
        assert_eq!(manifest.rebase("a", false, 1), "a.3.base.aof");
        let expect = "file a.3.base.aof seq 3 type b\nfile a.1.base.rdb seq 1 type h\n\
                      file a.2.base.rdb seq 2 type h\nfile \"a b.7.incr.aof\" seq 7 type h\n\
                      file a.9.incr.aof seq 9 type h\nfile a.10.incr.aof seq 10 type i\n";
        assert_eq!(String::from_utf8(manifest.to_bytes()).unwrap(), expect);
    }

    #[test]
    fn what_is_written_can_be_read() {
        for name in
            ["é".repeat(120), "a é\"\\\t".to_owned(), "'".to_owned(), "\u{7}\u{1e}".to_owned()]
        {
            let manifest = Manifest::of_single(name);
            let again = Manifest::parse(&manifest.to_bytes());
            // A backslash is refused as a part of a path.
            assert!(again == Ok(manifest.clone()) || manifest.to_bytes().contains(&b'\\'));
        }
        assert_eq!(reason(&format!("file {} seq 1 type i\n", "\u{1e}".repeat(255))), TOO_LONG);
        let bytes = b"file \xff seq 1 type i\n";
        assert_eq!(Manifest::parse(bytes).unwrap_err().reason, INVALID);
    }

    #[test]
    fn what_newer_versions_add_is_passed_over() {
        let text = "# a remark\nFILE x seq 1 type i startoffset 312 newkey newvalue\n";
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.increments, [File { name: "x".into(), seq: 1 }]);
    }

    #[test]
    fn what_is_wrong_is_said_as_redis_says_it() {
        assert_eq!(reason(""), "Found an empty AOF manifest");
        assert_eq!(reason("file x seq 1 type i\n\n"), INVALID);
        assert_eq!(reason("file x seq 1\n"), INVALID);
        assert_eq!(reason("file x seq 0 type i\n"), INVALID);
        assert_eq!(reason("file x seq 1 type i"), "The AOF manifest file contains too long line");
        assert_eq!(reason("file a/x seq 1 type i\n"), "File can't be a path, just a filename");
        assert_eq!(reason("file x seq 1 type q\n"), "Unknown AOF file type");
        let two = "file x seq 1 type b\nfile y seq 2 type b\n";
        assert_eq!(reason(two), "Found duplicate base file information");
        let back = "file x seq 2 type i\nfile y seq 2 type i\n";
        assert_eq!(reason(back), "Found a non-monotonic sequence number");
    }
}
