//! A disk that lies as real ones do.
//!
//! What was written is there for whoever reads it, but safe only when the disk has said so. A
//! [crash](SimDisk::crash) decides by lot what is left of everything else: appended bytes that were
//! not synced are there in full, in part, not at all or as zeros where blocks arrived out of order; a
//! name that was not made safe is there or not, and so is a rename or a removal. Syncs can fail, which
//! leaves what they were to make safe as unsafe as before (a file that was to be replaced or renamed may
//! have been), and of what was written, blocks may be lost that no later sync brings back. Space can run
//! out in the middle of a write, and any operation can be refused.
//!
//! There may be several folders, between which the node is moved as by a server.
//!
//! What [`DiskOp`] promises, the disk keeps: nothing that was answered as safe is ever lost.

use std::collections::BTreeMap;
use std::ops::Range;

use redstart::base::rng::{Rng, Seed};
use redstart::base::time::Time;
use redstart::node::{
    DiskDone, DiskError, DiskOp, Effect, Event, Node, Part, Unreadable, is_temporary,
};

/// Blocks are written one by one, in any order, in bytes.
const BLOCK_BYTES: usize = 512;

/// What goes wrong, each as one in so many times; 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Syncs that fail.
    pub sync: u64,
    /// Writes that fail because there is no space left.
    pub full: u64,
    /// Operations of any kind that are refused, and change nothing.
    pub any: u64,
}

/// Why a disk refuses what it did before.
const REFUSALS: [&str; 4] =
    ["Input/output error", "Permission denied", "Too many open files", "Read-only file system"];

/// A folder, and the name of a file in it.
type Path = (String, String);

/// The disk.
#[derive(Debug)]
pub struct SimDisk {
    rng: Rng,
    /// What goes wrong from now on.
    pub faults: Faults,
    /// Whether nothing can be written.
    pub is_full: bool,
    /// The folder that names are in, and those that can be [entered](DiskOp::Enter).
    folder: String,
    folders: Vec<String>,
    /// Files that are written to, and those of them that are in a folder that was left.
    open: Vec<String>,
    left: Vec<Path>,
    /// Names as one sees them.
    names: BTreeMap<Path, usize>,
    /// Names as they were last made safe, and what happened to them since, in order.
    safe_names: BTreeMap<Path, usize>,
    changes: Vec<Change>,
    files: Vec<File>,
}

/// A change of names that is not safe yet.
#[derive(Clone, Debug)]
enum Change {
    Add(Path, usize),
    Rename(Path, Path),
    Remove(Path),
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    /// What is safe.
    safe: Vec<u8>,
    /// Bytes that a sync was to make safe that failed, and that the system has forgotten to write.
    lost: Vec<Range<usize>>,
}

impl File {
    fn safe(bytes: Vec<u8>) -> Self {
        Self { safe: bytes.clone(), bytes, lost: Vec::new() }
    }

    /// What is on the disk once all is written that the system has to write.
    fn kept(&self) -> Vec<u8> {
        let mut kept = self.bytes.clone();
        for range in &self.lost {
            kept[range.clone()].fill(0);
        }
        kept
    }
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
        let files = files.into_iter().map(|(name, bytes)| ((String::new(), name), bytes));
        Self::with(Rng::new(seed), files.collect())
    }

    fn with(rng: Rng, files: BTreeMap<Path, Vec<u8>>) -> Self {
        let (mut names, mut stored) = (BTreeMap::new(), Vec::new());
        for (path, bytes) in files {
            names.insert(path, stored.len());
            stored.push(File::safe(bytes));
        }
        Self {
            rng,
            faults: Faults::default(),
            is_full: false,
            folder: String::new(),
            folders: Vec::new(),
            open: Vec::new(),
            left: Vec::new(),
            safe_names: names.clone(),
            names,
            changes: Vec::new(),
            files: stored,
        }
    }

    /// A process begins that works in `folder` and can be moved to `folders`. Nothing fails yet.
    pub fn started_in(mut self, folder: &str, folders: &[&str]) -> Self {
        folder.clone_into(&mut self.folder);
        self.folders = folders.iter().map(|&folder| folder.to_owned()).collect();
        (self.open, self.left) = (Vec::new(), Vec::new());
        self.faults = Faults::default();
        // What the system has told another process it has forgotten, nobody can find out any more.
        self.files.iter_mut().for_each(|file| file.lost.clear());
        self
    }

    /// What was [set aside](Unreadable::SetAside) has its names again.
    pub fn as_before_set_aside(mut self) -> Self {
        for (path, file) in self.names.clone() {
            if let Some((name, _)) = path.1.split_once(".unreadable-") {
                self.names.remove(&path);
                self.names.insert((path.0, name.to_owned()), file);
            }
        }
        self.make_names_safe();
        self
    }

    /// The folder that names are in.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The files as one sees them in the folder that names are in.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let here = self.names.iter().filter(|((folder, _), _)| *folder == self.folder);
        here.map(|((_, name), &file)| (name.clone(), self.bytes(file).to_vec())).collect()
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Does an operation.
    pub fn run(&mut self, op: DiskOp) -> DiskDone {
        if self.happens(self.faults.any) {
            if let DiskOp::Remove { name } | DiskOp::Rename { to: name, .. } = &op {
                // Whatever is there is closed first.
                self.forget(name);
            }
            let why = REFUSALS[self.rng.below(REFUSALS.len() as u64) as usize];
            return op.refused(DiskError(why.into()));
        }
        match op {
            DiskOp::Read { name, from, bytes_max } => {
                let path = (self.folder.clone(), name.clone());
                let found = self.names.get(&path).map(|&file| self.bytes(file));
                let part = found.map(|all| Part::of(all, from, bytes_max));
                DiskDone::Read { name, from, result: Ok(part) }
            }
            DiskOp::Enter { folder, .. } if !self.folders.contains(&folder) => {
                DiskOp::Enter { folder, open: Vec::new() }.has_no_folders()
            }
            DiskOp::Enter { folder, open } => {
                self.enter(&folder, open);
                DiskDone::Enter { result: Ok(folder) }
            }
            DiskOp::List { folder } => {
                let mut names = Vec::new();
                for (_, path) in self.names.keys().filter(|(place, _)| *place == self.folder) {
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
                let file = &mut self.files[file];
                file.bytes.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
                let end = file.bytes.len();
                file.lost.iter_mut().for_each(|range| range.end = range.end.min(end));
                file.lost.retain(|range| !range.is_empty());
                DiskDone::Truncate { name, result: Ok(()) }
            }
            DiskOp::Rename { from, to } => {
                let result = self.rename(&from, &to);
                DiskDone::Rename { from, to, result }
            }
            DiskOp::Remove { name } => {
                let path = self.path(&name);
                let stays = self.is_left(&name) && !is_temporary(&name);
                self.forget(&name);
                if !stays && self.names.remove(&path).is_some() {
                    self.changes.push(Change::Remove(path));
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
        for (path, file) in names {
            let bytes = self.remains(file);
            files.insert(path, bytes);
        }
        Self::with(Rng::new(Seed::of(self.rng.next_u64())), files)
    }

    /// What is left of a file after a crash.
    fn remains(&mut self, file: usize) -> Vec<u8> {
        let (bytes, safe) = (self.files[file].kept(), self.files[file].safe.clone());
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

    /// Names are in another folder from now on, but for files that are written to and `open`.
    fn enter(&mut self, folder: &str, open: Vec<String>) {
        let old = std::mem::replace(&mut self.folder, folder.to_owned());
        for name in open.into_iter().chain(self.open.clone()) {
            if !self.is_left(&name) {
                self.left.push((old.clone(), name));
            }
        }
        self.left.retain(|(place, _)| place != folder);
    }

    fn is_left(&self, name: &str) -> bool {
        self.left.iter().any(|(_, left)| left == name)
    }

    /// Where a file is that is written to, or will be.
    fn path(&self, name: &str) -> Path {
        let left = self.left.iter().find(|(_, left)| left == name);
        left.cloned().unwrap_or_else(|| (self.folder.clone(), name.to_owned()))
    }

    /// The file is not written to any more.
    fn forget(&mut self, name: &str) {
        self.open.retain(|open| open != name);
        self.left.retain(|(_, left)| left != name);
    }

    /// The file of this name, made if there is none.
    fn open(&mut self, name: &str) -> usize {
        if !self.open.iter().any(|open| open == name) {
            self.open.push(name.to_owned());
        }
        let path = self.path(name);
        if let Some(&file) = self.names.get(&path) {
            return file;
        }
        self.add(path, File::default())
    }

    fn add(&mut self, path: Path, file: File) -> usize {
        let index = self.files.len();
        self.files.push(file);
        self.names.insert(path.clone(), index);
        self.changes.push(Change::Add(path, index));
        index
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
        self.forget(name);
        if self.is_full || self.happens(self.faults.full) {
            return Err(DiskError("No space left on device".into()));
        }
        let fails = self.happens(self.faults.sync);
        if !fails || self.rng.below(2) == 0 {
            self.add((self.folder.clone(), name.to_owned()), File::safe(bytes));
        }
        if fails {
            return Err(DiskError("Input/output error".into()));
        }
        self.make_names_safe();
        Ok(())
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        let file = self.open(name);
        if self.happens(self.faults.sync) {
            let is_lost = self.rng.below(2) == 0;
            let file = &mut self.files[file];
            if is_lost && file.safe.len() < file.bytes.len() {
                file.lost.push(file.safe.len()..file.bytes.len());
            }
            return Err(DiskError("Input/output error".into()));
        }
        self.files[file].safe = self.files[file].kept();
        self.make_names_safe();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.forget(to);
        let source = self.path(from);
        let target = (source.0.clone(), to.to_owned());
        let Some(&file) = self.names.get(&source) else {
            return Err(DiskError("No such file or directory".into()));
        };
        let fails = self.happens(self.faults.sync);
        if !fails || self.rng.below(2) == 0 {
            self.left.retain(|(_, left)| left != from);
            self.open.iter_mut().filter(|open| *open == from).for_each(|open| to.clone_into(open));
            self.names.remove(&source);
            self.names.insert(target.clone(), file);
            self.changes.push(Change::Rename(source, target));
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
    fn apply(self, names: &mut BTreeMap<Path, usize>) {
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
