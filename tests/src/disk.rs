//! A disk that lies as real ones do.
//!
//! What was written is there for whoever reads it, but safe only when the disk has said so. A
//! [crash](SimDisk::crash) decides by lot what is left of everything else: appended bytes that were
//! not synced are there in full, in part, not at all or as zeros where blocks arrived out of order; a
//! name that was not made safe is there or not, and so is a rename or a removal. Syncs can fail, which
//! leaves what they were to make safe as unsafe as before (a file that was to be replaced or renamed may
//! have been), and space can run out in the middle of a write.
//!
//! What [`DiskOp`] promises, the disk keeps: nothing that was answered as safe is ever lost.

use std::collections::BTreeMap;

use redstart::base::rng::{Rng, Seed};
use redstart::base::time::Time;
use redstart::node::{DiskDone, DiskError, DiskOp, Effect, Event, Node, Part, Unreadable};

/// Blocks are written one by one, in any order, in bytes.
const BLOCK_BYTES: usize = 512;

/// What goes wrong, each as one in so many times; 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Syncs that fail.
    pub sync: u64,
    /// Writes that fail because there is no space left.
    pub full: u64,
}

/// The disk.
#[derive(Debug)]
pub struct SimDisk {
    rng: Rng,
    /// What goes wrong from now on.
    pub faults: Faults,
    /// Whether nothing can be written.
    pub is_full: bool,
    /// Names as one sees them.
    names: BTreeMap<String, usize>,
    /// Names as they were last made safe, and what happened to them since, in order.
    safe_names: BTreeMap<String, usize>,
    changes: Vec<Change>,
    files: Vec<File>,
}

/// A change of names that is not safe yet.
#[derive(Clone, Debug)]
enum Change {
    Add(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    /// What is safe.
    safe: Vec<u8>,
}

/// Mounts an empty disk, whose answers come at once. Returns what else the node asked for.
pub fn mount_empty(node: &mut Node, now: Time) -> Vec<Effect> {
    let mut disk = SimDisk::new(Seed::of(0), BTreeMap::new());
    let (mut asked, mut rest) = (Vec::new(), Vec::new());
    node.handle(now, Event::Mounted { unreadable: Unreadable::SetAside }, &mut asked);
    while !asked.is_empty() {
        for effect in std::mem::take(&mut asked) {
            match effect {
                Effect::Disk(op) => node.handle(now, Event::Disk(disk.run(op)), &mut asked),
                other => rest.push(other),
            }
        }
    }
    rest
}

impl SimDisk {
    /// A disk that holds `files`, which makes no faults until it is told to.
    pub fn new(seed: Seed, files: BTreeMap<String, Vec<u8>>) -> Self {
        let (mut names, mut stored) = (BTreeMap::new(), Vec::new());
        for (name, bytes) in files {
            names.insert(name, stored.len());
            stored.push(File { safe: bytes.clone(), bytes });
        }
        Self {
            rng: Rng::new(seed),
            faults: Faults::default(),
            is_full: false,
            safe_names: names.clone(),
            names,
            changes: Vec::new(),
            files: stored,
        }
    }

    /// The files as one sees them.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let content = |(name, &file): (&String, &usize)| (name.clone(), self.bytes(file).to_vec());
        self.names.iter().map(content).collect()
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Does an operation.
    pub fn run(&mut self, op: DiskOp) -> DiskDone {
        match op {
            DiskOp::Read { name, from, bytes_max } => {
                let found = self.names.get(&name).map(|&file| self.bytes(file));
                let part = found.map(|all| Part::of(all, from, bytes_max));
                DiskDone::Read { name, from, result: Ok(part) }
            }
            op @ DiskOp::Enter { .. } => op.has_no_folders(),
            DiskOp::List { folder } => {
                let mut names = Vec::new();
                for path in self.names.keys() {
                    let (place, name) = path.rsplit_once('/').unwrap_or(("", path));
                    if place == folder {
                        names.push(name.to_owned());
                    }
                }
                DiskDone::List { folder, result: Ok(names) }
            }
            DiskOp::Append { name, bytes } => {
                let result = self.append(&name, &bytes);
                DiskDone::Append { name, bytes, result }
            }
            DiskOp::Replace { name, bytes } => {
                let result = self.replace(&name, bytes);
                DiskDone::Replace { name, result }
            }
            DiskOp::Sync { name } => DiskDone::Sync { result: self.sync(&name), name },
            DiskOp::Truncate { name, bytes } => {
                let file = self.open(&name);
                self.files[file].bytes.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
                DiskDone::Truncate { name, result: Ok(()) }
            }
            DiskOp::Rename { from, to } => {
                let result = self.rename(&from, &to);
                DiskDone::Rename { from, to, result }
            }
            DiskOp::Remove { name } => {
                if self.names.remove(&name).is_some() {
                    self.changes.push(Change::Remove(name.clone()));
                }
                DiskDone::Remove { name, result: Ok(()) }
            }
        }
    }

    /// The machine fails: returns a disk with what is left.
    pub fn crash(mut self) -> Self {
        let mut names = std::mem::take(&mut self.safe_names);
        // A journal keeps the order of changes, so what is left of them is their beginning.
        let kept = self.rng.below(self.changes.len() as u64 + 1) as usize;
        for change in std::mem::take(&mut self.changes).drain(..kept) {
            change.apply(&mut names);
        }
        let mut files = BTreeMap::new();
        for (name, file) in names {
            let bytes = self.remains(file);
            files.insert(name, bytes);
        }
        let seed = Seed::of(self.rng.next_u64());
        Self::new(seed, files)
    }

    /// What is left of a file after a crash.
    fn remains(&mut self, file: usize) -> Vec<u8> {
        let File { bytes, safe } = self.files[file].clone();
        if bytes == safe {
            return safe;
        }
        let shared = bytes.iter().zip(&safe).take_while(|(new, old)| new == old).count();
        if shared < safe.len() && self.rng.below(2) == 0 {
            // It was cut, and that is not known to the disk.
            return safe;
        }
        let mut left = bytes.get(..shared).unwrap_or_default().to_vec();
        let unsafe_bytes = bytes.get(shared..).unwrap_or_default();
        let length = match self.rng.below(4) {
            0 => 0,
            1 => unsafe_bytes.len(),
            _ => self.rng.below(unsafe_bytes.len() as u64 + 1) as usize,
        };
        let torn = self.rng.below(3) == 0;
        for block in unsafe_bytes.get(..length).unwrap_or_default().chunks(BLOCK_BYTES) {
            if torn && self.rng.below(3) == 0 {
                // Its place was made, its content did not arrive.
                left.extend(vec![0; block.len()]);
            } else {
                left.extend_from_slice(block);
            }
        }
        left
    }

    fn bytes(&self, file: usize) -> &[u8] {
        self.files.get(file).map(|file| file.bytes.as_slice()).unwrap_or_default()
    }

    fn happens(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.rng.below(one_in) == 0
    }

    /// The file of this name, made if there is none.
    fn open(&mut self, name: &str) -> usize {
        if let Some(&file) = self.names.get(name) {
            return file;
        }
        let file = self.files.len();
        self.files.push(File::default());
        self.names.insert(name.to_owned(), file);
        self.changes.push(Change::Add(name.to_owned(), file));
        file
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let fails = self.is_full || self.happens(self.faults.full);
        let file = self.open(name);
        let length =
            if fails { self.rng.below(bytes.len() as u64 + 1) as usize } else { bytes.len() };
        self.files[file].bytes.extend_from_slice(bytes.get(..length).unwrap_or_default());
        if fails { Err(DiskError("No space left on device".into())) } else { Ok(()) }
    }

    fn replace(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), DiskError> {
        if self.is_full || self.happens(self.faults.full) {
            return Err(DiskError("No space left on device".into()));
        }
        let fails = self.happens(self.faults.sync);
        if !fails || self.rng.below(2) == 0 {
            let file = self.files.len();
            self.files.push(File { safe: bytes.clone(), bytes });
            self.names.insert(name.to_owned(), file);
            self.changes.push(Change::Add(name.to_owned(), file));
        }
        if fails {
            return Err(DiskError("Input/output error".into()));
        }
        self.make_names_safe();
        Ok(())
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        if self.happens(self.faults.sync) {
            return Err(DiskError("Input/output error".into()));
        }
        let file = self.open(name);
        self.files[file].safe = self.files[file].bytes.clone();
        self.make_names_safe();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        let Some(&file) = self.names.get(from) else {
            return Err(DiskError("No such file or directory".into()));
        };
        let fails = self.happens(self.faults.sync);
        if !fails || self.rng.below(2) == 0 {
            self.names.remove(from);
            self.names.insert(to.to_owned(), file);
            self.changes.push(Change::Rename(from.to_owned(), to.to_owned()));
        }
        if fails {
            return Err(DiskError("Input/output error".into()));
        }
        self.make_names_safe();
        Ok(())
    }

    fn make_names_safe(&mut self) {
        self.changes.clear();
        self.safe_names = self.names.clone();
    }
}

impl Change {
    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Add(name, file) => {
                names.insert(name, file);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
            Self::Remove(name) => {
                names.remove(&name);
            }
        }
    }
}
