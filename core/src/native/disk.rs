//! The disk thread: what may be slow is done here, one operation after the other. Only what is appended
//! to the append-only file goes another, shorter way; see [`journal`].

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::Waker;

use super::explain;
use super::journal::{self, Journal, Next, Piece};
use super::lock::Lock;
use super::memory;
use super::place::{Followed, Place};
use crate::node::{DiskDone, DiskError, DiskOp, Part, TEMPORARY, is_temporary};

/// Files that are kept open: those of a snapshot and of the append-only file, old and new.
const OPEN_MAX: usize = 8;

/// Threads that do what the node asks of its folder.
pub struct Disk {
    jobs: Sender<Job>,
    pieces: Sender<Piece>,
    answers: Receiver<Answer>,
    /// Operations that a thread was asked for and has not answered yet.
    pending: usize,
    journal: Journal,
    /// Answers of what was done without a thread.
    written: VecDeque<DiskDone>,
    threads: [JoinHandle<()>; 2],
}

/// An operation, and whether the file that it appends to is lent afterwards.
struct Job(DiskOp, bool);

struct Answer {
    done: DiskDone,
    /// The buffer that came with the question, if `done` does not hold it. It is freed by the thread
    /// that counts this memory as its own.
    _spent: Vec<u8>,
    file: Option<Arc<File>>,
    /// It was not the disk thread that has done it.
    is_of_writer: bool,
}

impl Answer {
    fn of_writer(done: DiskDone) -> Self {
        Self { done, _spent: Vec::new(), file: None, is_of_writer: true }
    }
}

impl Disk {
    /// Starts the threads. They work in `folder` and wake the event loop through `waker`.
    /// Without a `lock` on the folder, they take one when they are to write.
    pub fn start(folder: PathBuf, lock: Option<Lock>, waker: Arc<Waker>) -> io::Result<Self> {
        let (answered, answers) = mpsc::channel();
        let mut folder = Folder::new(folder, lock);
        let work = move |Job(op, lends)| folder.answer(op, lends);
        let (jobs, disk) = spawn("disk", work, answered.clone(), waker.clone())?;
        let write = |piece: Piece| Answer::of_writer(piece.write());
        let (pieces, writer) = spawn("append", write, answered, waker)?;
        let (journal, written) = (Journal::default(), VecDeque::new());
        let threads = [disk, writer];
        Ok(Self { jobs, pieces, answers, pending: 0, journal, written, threads })
    }

    /// Asks for an operation. Replies wait for what is appended to the file `journal`: it waits for
    /// [`Disk::write_records`] and nothing else.
    pub fn ask(&mut self, op: DiskOp, journal: Option<&str>) {
        if let DiskOp::Append { name, .. } = &op
            && journal == Some(name)
            && !self.journal.is(name)
        {
            self.write_due();
            let waiting = self.journal.begin(name);
            waiting.into_iter().for_each(|op| self.send(op));
        }
        self.ask_in_order(op);
    }

    fn ask_in_order(&mut self, op: DiskOp) {
        match self.journal.consider(op) {
            Next::Ask(op) => self.send(op),
            Next::Write(op) => {
                self.write_due();
                self.ask_in_order(op);
            }
            Next::Wait => {}
        }
    }

    fn send(&mut self, op: DiskOp) {
        let lends = matches!(&op, DiskOp::Append { name, .. } if self.journal.is(name));
        if self.jobs.send(Job(op, lends)).is_ok() {
            self.pending += 1;
        }
    }

    /// Whether [`Disk::write_records`] has something to do.
    pub fn has_records(&self) -> bool {
        self.journal.is_due() || !self.written.is_empty()
    }

    /// Writes what was appended to the journal, or has it written where that may take long. To be called
    /// again and again, before replies are sent, until there is no answer.
    pub fn write_records(&mut self) -> Option<DiskDone> {
        self.write_due();
        self.written.pop_front()
    }

    fn write_due(&mut self) {
        match self.journal.take_due(self.pending == 0) {
            Some((piece, true)) => self.pending += usize::from(self.pieces.send(piece).is_ok()),
            Some((piece, false)) => self.written.push_back(piece.write()),
            None => {}
        }
    }

    /// The next answer, if there is one.
    pub fn answer(&mut self) -> Option<DiskDone> {
        let answer = self.answers.try_recv().ok()?;
        Some(self.answered(answer))
    }

    /// Waits for the next answer, `at_most` so long; `None` then, and once there is nothing to wait for.
    pub fn wait(&mut self, at_most: Duration) -> Option<DiskDone> {
        if let Some(done) = self.write_records() {
            return Some(done);
        }
        if self.pending == 0 {
            return None;
        }
        let answer = self.answers.recv_timeout(at_most).ok()?;
        Some(self.answered(answer))
    }

    fn answered(&mut self, answer: Answer) -> DiskDone {
        self.pending -= 1;
        let Answer { done, file, is_of_writer, .. } = answer;
        if let DiskDone::Read { result: Ok(Some(part)), .. } = &done {
            memory::adopt(part.bytes.capacity());
        }
        if is_of_writer {
            let waiting = self.journal.written(&done);
            waiting.into_iter().for_each(|op| self.ask_in_order(op));
        } else {
            self.journal.answered(&done, file);
        }
        done
    }

    /// Ends the threads once everything that was asked for is done.
    pub fn finish(mut self) {
        while self.wait(Duration::MAX).is_some() {}
        let Self { jobs, pieces, threads, .. } = self;
        drop((jobs, pieces));
        // A thread that panicked has said so on standard error.
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

/// Starts a thread that does what it is sent, one after the other.
fn spawn<T: Send + 'static>(
    name: &str,
    mut work: impl FnMut(T) -> Answer + Send + 'static,
    answers: Sender<Answer>,
    waker: Arc<Waker>,
) -> io::Result<(Sender<T>, JoinHandle<()>)> {
    let (sender, queue) = mpsc::channel();
    let work = move || {
        for item in queue {
            // Nobody listening means that the server is ending.
            if answers.send(work(item)).is_err() || waker.wake().is_err() {
                return;
            }
        }
    };
    Ok((sender, thread::Builder::new().name(name.into()).spawn(work)?))
}

/// A folder of files, and those of them that are being written.
struct Folder {
    place: Place,
    /// Its lock, once it is taken, and those of folders in which `left` are.
    locks: Vec<(PathBuf, Lock)>,
    open: Vec<OpenFile>,
    left: Vec<Left>,
}

/// A file that is written to in a folder that the server has left.
struct Left {
    name: String,
    folder: PathBuf,
    /// It stays when the node has it removed: what is in that folder is whole only with it.
    stays: bool,
}

/// A file that is appended to. It stays open, so that a failure of the system to write it back is
/// learned of by the next `Sync`, whenever it happened.
struct OpenFile {
    name: String,
    file: Arc<File>,
    /// Whether its name may not be safe yet.
    is_new: bool,
}

impl Folder {
    fn new(path: PathBuf, lock: Option<Lock>) -> Self {
        // Folders are compared, and must be called the same.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let locks = lock.map(|lock| (path.clone(), lock)).into_iter().collect();
        Self { place: Place::new(path), locks, open: Vec::new(), left: Vec::new() }
    }

    /// Does one operation, and lends the file that it has appended to if `lends`.
    fn answer(&mut self, op: DiskOp, lends: bool) -> Answer {
        let (done, spent) = self.run(op);
        let file = match &done {
            DiskDone::Append { name, result: Ok(()), .. } if lends => {
                self.open.iter().find(|open| open.name == *name).map(|open| open.file.clone())
            }
            _ => None,
        };
        Answer { done, _spent: spent, file, is_of_writer: false }
    }

    /// Does one operation; returns the answer, and the buffer that came with the question if the
    /// answer does not hold it.
    fn run(&mut self, op: DiskOp) -> (DiskDone, Vec<u8>) {
        if let Err(why) = self.prepare(&op) {
            return (op.refused(DiskError(why)), Vec::new());
        }
        let mut buffer = Vec::new();
        let done = match op {
            DiskOp::Read { name, from, bytes_max } => {
                let result = said(self.read(&name, from, bytes_max));
                DiskDone::Read { name, from, result }
            }
            DiskOp::Replace { name, bytes } => {
                self.forget(&name);
                let result = said(replace(self.place.path(), &name, &bytes));
                buffer = bytes;
                DiskDone::Replace { name, result }
            }
            DiskOp::Append { name, bytes } => {
                let result = said(self.append(&name, &bytes));
                DiskDone::Append { name, bytes, result }
            }
            DiskOp::Sync { name } => DiskDone::Sync { result: said(self.sync(&name)), name },
            DiskOp::Truncate { name, bytes } => {
                let result = said(self.open(&name).and_then(|open| open.file.set_len(bytes)));
                DiskDone::Truncate { name, result }
            }
            DiskOp::Rename { from, to } => {
                let result = said(self.rename(&from, &to));
                DiskDone::Rename { from, to, result }
            }
            DiskOp::Remove { name } => DiskDone::Remove { result: said(self.remove(&name)), name },
            DiskOp::List { folder } => {
                let result = said(list(&self.place.path().join(&folder)));
                DiskDone::List { folder, result }
            }
            DiskOp::Enter { folder, open } => {
                DiskDone::Enter { result: self.enter(&folder, open).map_err(DiskError) }
            }
        };
        (done, buffer)
    }

    /// Sees to it that an operation is done in the right folder, and that this server alone writes there.
    fn prepare(&mut self, op: &DiskOp) -> Result<(), String> {
        let is_here = match op {
            DiskOp::Enter { .. } => false,
            // The configuration file lies elsewhere, and is no part of the data.
            DiskOp::Read { name, .. } | DiskOp::Replace { name, .. } => {
                Path::new(name).is_relative()
            }
            _ => true,
        };
        if !is_here {
            return Ok(());
        }
        let followed = self.place.follow()?;
        let path = self.place.path();
        match followed {
            Followed::Here => {}
            Followed::Moved(old) => {
                let locked = self.locks.iter_mut().map(|(folder, _)| folder);
                let left = self.left.iter_mut().map(|left| &mut left.folder);
                let moved = locked.chain(left).filter(|folder| **folder == old);
                moved.for_each(|folder| path.clone_into(folder));
            }
            // Its lock is one on a file that is gone.
            Followed::Anew => self.locks.retain(|(folder, _)| folder != path),
        }
        match op {
            DiskOp::Read { .. } | DiskOp::List { .. } => Ok(()),
            _ => self.lock(path.to_owned()),
        }
    }

    fn read(&self, name: &str, from: u64, bytes_max: u64) -> io::Result<Option<Part>> {
        let mut file = match File::open(self.place.path().join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let file_bytes = file.metadata()?.len();
        file.seek(SeekFrom::Start(from))?;
        let count = bytes_max.min(file_bytes.saturating_sub(from));
        let mut bytes = Vec::with_capacity(count as usize);
        file.take(count).read_to_end(&mut bytes)?;
        Ok(Some(Part { bytes, file_bytes }))
    }

    /// The file of this name, made if there is none.
    fn open(&mut self, name: &str) -> io::Result<&mut OpenFile> {
        let index = match self.open.iter().position(|open| open.name == name) {
            Some(index) => index,
            None => {
                let folder = self.folder_with(name);
                let path = folder.join(name);
                let is_new = !path.exists();
                make_folder(folder, &path)?;
                let file = File::options().append(true).create(true).open(&path)?;
                if self.open.len() == OPEN_MAX {
                    self.open.remove(0);
                }
                let file = Arc::new(file);
                self.open.push(OpenFile { name: name.to_owned(), file, is_new });
                self.open.len() - 1
            }
        };
        Ok(&mut self.open[index])
    }

    /// The file is not written to any more.
    fn forget(&mut self, name: &str) {
        self.open.retain(|open| open.name != name);
        self.left.retain(|left| left.name != name);
        let (path, left) = (self.place.path(), &self.left);
        let is_used =
            |folder: &PathBuf| folder == path || left.iter().any(|left| left.folder == *folder);
        self.locks.retain(|(folder, _)| is_used(folder));
    }

    /// The folder in which a file that is written to is, or will be.
    fn folder_with(&self, name: &str) -> &Path {
        self.left_of(name).map_or_else(|| self.place.path(), |left| &left.folder)
    }

    fn left_of(&self, name: &str) -> Option<&Left> {
        self.left.iter().find(|left| left.name == name)
    }

    /// Takes the lock of a folder, unless it is taken.
    fn lock(&mut self, folder: PathBuf) -> Result<(), String> {
        if !self.locks.iter().any(|(locked, _)| *locked == folder) {
            let lock = Lock::take(&folder)?;
            self.locks.push((folder, lock));
        }
        Ok(())
    }

    /// Works in another folder from now on, but for files that are being written and `open`.
    fn enter(&mut self, folder: &str, open: Vec<String>) -> Result<String, String> {
        if folder.is_empty() {
            return Err("No such file or directory".to_owned());
        }
        // With the dot, what is no folder or cannot be entered is refused.
        let path = self.place.path().join(folder).join(".");
        fs::metadata(&path).map_err(|error| explain(&error))?;
        let path = fs::canonicalize(&path).map_err(|error| explain(&error))?;
        if !self.locks.is_empty() {
            self.lock(path.clone())?;
        }
        let old = std::mem::replace(&mut self.place, Place::new(path)).path().to_owned();
        let begun = open.into_iter().chain(self.open.iter().map(|open| open.name.clone()));
        for name in begun.collect::<Vec<_>>() {
            if self.left_of(&name).is_none() {
                let stays = !is_temporary(&name);
                self.left.push(Left { name, folder: old.clone(), stays });
            }
        }
        let path = self.place.path();
        self.left.retain(|left| left.folder != path);
        let shown = path.to_string_lossy().into_owned();
        self.forget("");
        Ok(shown)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        journal::append(&self.open(name)?.file, bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let open = self.open(name)?;
        open.file.sync_data()?;
        if std::mem::take(&mut open.is_new) {
            sync_folder(folder_of(&self.folder_with(name).join(name)))?;
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.forget(to);
        // A file that was begun in another folder is finished there.
        let folder = self.folder_with(from).to_owned();
        let (source, target) = (folder.join(from), folder.join(to));
        fs::rename(&source, &target)?;
        self.left.retain(|left| left.name != from);
        for open in self.open.iter_mut().filter(|open| open.name == from) {
            to.clone_into(&mut open.name);
            open.is_new = false;
        }
        sync_folder(folder_of(&target))?;
        if folder_of(&source) == folder_of(&target) {
            return Ok(());
        }
        sync_folder(folder_of(&source))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let path = self.folder_with(name).join(name);
        let stays = self.left_of(name).is_some_and(|left| left.stays);
        self.forget(name);
        if stays {
            return Ok(());
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

/// The names of the files in `folder`.
fn list(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        // A name that is no text was not given by this program.
        if let Ok(name) = entry.file_name().into_string()
            && entry.file_type()?.is_file()
        {
            names.push(name);
        }
    }
    Ok(names)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn said<T>(result: io::Result<T>) -> Result<T, DiskError> {
    result.map_err(|error| DiskError(explain(&error)))
}

/// Writes a file beside the old one, makes it safe, and puts it in the old one's place. Who may read the
/// old one may read the new one, and nobody else: a configuration file can hold passwords.
fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = folder.join(name);
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.starts_with(folder) {
        make_folder(folder, &path)?;
    }
    let permissions = fs::metadata(&path).ok().map(|old| old.permissions());
    // In its own folder the server writes alone, so that what a crash leaves is written over later.
    let temporary = if Path::new(name).is_relative() {
        format!("{TEMPORARY}{file_name}")
    } else {
        format!("{TEMPORARY}{}.{file_name}", std::process::id())
    };
    let temporary = path.with_file_name(temporary);
    let written = File::create(&temporary).and_then(|mut file| {
        permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))?;
        file.write_all(bytes)?;
        file.sync_all()
    });
    let replaced = written
        .and_then(|()| fs::rename(&temporary, &path))
        .and_then(|()| sync_folder(folder_of(&path)));
    if replaced.is_err() {
        // What is left of the attempt helps nobody.
        let _ = fs::remove_file(&temporary);
    }
    replaced
}

/// Makes the folder in `root` that a file is to be in, if there is none. `root` itself is never made: if
/// it is gone, it is to come back with what is in it.
fn make_folder(root: &Path, file: &Path) -> io::Result<()> {
    let folder = folder_of(file);
    if folder == root || folder.exists() {
        return Ok(());
    }
    fs::create_dir(folder)?;
    sync_folder(root)
}

/// Makes names in a folder safe.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::base::rng::Seed;
    use crate::base::time::{Monotonic, Time};
    use crate::engine::Config;
    use crate::node::{ConnId, Effect, Event, Node, Origin, Unreadable};

    const CONN: ConnId = ConnId(0);

    /// A node, and this disk, whose answers come at once.
    struct World {
        node: Node,
        folder: Folder,
        now: Time,
    }

    impl World {
        fn start(path: &Path) -> Self {
            let now = Time { unix_us: 1_700_000_000_000_000, mono: Monotonic(0) };
            let mut config = Config::default();
            let settings =
                [("save", ""), ("appendonly", "yes"), ("enable-protected-configs", "yes")];
            for (name, value) in settings {
                config.set_named(name, value).unwrap();
            }
            let lock = Lock::take(path).unwrap();
            let folder = Folder::new(path.to_owned(), Some(lock));
            let mut world = Self { node: Node::new(config, Seed::of(1), now), folder, now };
            let origin = Origin { addr: "a:1".into(), laddr: "b:1".into(), fd: 8, local: true };
            world.handle(Event::Opened { conn: CONN, origin });
            world.handle(Event::Mounted { unreadable: Unreadable::Refuse });
            world.settle();
            world
        }

        fn handle(&mut self, event: Event<'_>) {
            let mut effects = Vec::new();
            self.node.handle(self.now, event, &mut effects);
            for effect in effects {
                if let Effect::Disk(op) = effect {
                    let (done, _) = self.folder.run(op);
                    self.handle(Event::Disk(done));
                }
            }
        }

        fn settle(&mut self) {
            while self.node.next_wake().is_some_and(|wake| wake <= self.now.mono) {
                self.handle(Event::Wake);
            }
        }

        fn run(&mut self, command: &str) -> String {
            let line = format!("{command}\r\n");
            self.handle(Event::Received { conn: CONN, bytes: line.as_bytes() });
            self.settle();
            let reply = self.node.outbox(CONN).unwrap().take();
            String::from_utf8_lossy(&reply).into_owned()
        }
    }

    #[test]
    fn what_is_saved_goes_to_another_folder() {
        let root = std::env::temp_dir().join(format!("redstart-dirs-{}", std::process::id()));
        let (one, two) = (root.join("one"), root.join("two"));
        fs::create_dir_all(&one).unwrap();
        fs::create_dir_all(&two).unwrap();
        fs::write(root.join("file"), "").unwrap();
        let refused = |why: &str| {
            format!("-ERR CONFIG SET failed (possibly related to argument 'dir') - {why}\r\n")
        };
        let mut world = World::start(&one);
        assert_eq!(world.run("SET a 1"), "+OK\r\n");
        for (folder, why) in [
            ("none", "No such file or directory"),
            ("../file", "Not a directory"),
            ("\"\"", "No such file or directory"),
        ] {
            assert_eq!(world.run(&format!("CONFIG SET dir {folder}")), refused(why));
        }
        assert_eq!(world.run("MULTI"), "+OK\r\n");
        world.run("CONFIG SET dir none");
        world.run("GET a");
        let error = refused("No such file or directory");
        assert_eq!(world.run("EXEC"), format!("*2\r\n{error}$1\r\n1\r\n"));
        let other = Lock::take(&two).unwrap();
        let reply = world.run("CONFIG SET dir ../two maxclients 77");
        assert!(reply.contains("is in use by another server"), "{reply}");
        assert!(world.run("CONFIG GET maxclients").contains("10000"));
        drop(other);
        assert_eq!(world.run("CONFIG SET dir ../two maxclients 77"), "+OK\r\n");
        assert!(world.run("CONFIG GET maxclients").contains("77"));
        let shown = fs::canonicalize(&two).unwrap().to_string_lossy().into_owned();
        assert!(world.run("CONFIG GET dir").contains(&shown));
        // Records go on into the open increment, until a rewrite makes all files anew.
        world.run("SET b 2");
        assert!(!two.join("appendonlydir").exists());
        assert_eq!(world.run("SAVE"), "+OK\r\n");
        assert!(two.join("dump.rdb").exists() && !one.join("dump.rdb").exists());
        assert!(Lock::take(&one).is_err(), "it is still written to");
        world.run("BGREWRITEAOF");
        world.run("SET c 3");
        drop(Lock::take(&one).unwrap());
        drop(world);
        for (folder, count) in [(&one, 2), (&two, 3)] {
            let mut world = World::start(folder);
            assert_eq!(world.run("DBSIZE"), format!(":{count}\r\n"), "{}", folder.display());
        }
        // There and back again.
        let mut world = World::start(&two);
        world.run("CONFIG SET dir ../one");
        for line in ["MULTI", "CONFIG SET dir ../two", "CONFIG GET dir"] {
            world.run(line);
        }
        let size = shown.len();
        let told = format!("*2\r\n+OK\r\n*2\r\n$3\r\ndir\r\n${size}\r\n{shown}\r\n");
        assert_eq!(world.run("EXEC"), told);
        world.run("SET d 4");
        drop(world);
        // A file that was turned off before is left as it is, too.
        let mut world = World::start(&two);
        let three = root.join("three");
        fs::create_dir_all(&three).unwrap();
        for line in ["appendonly no", "dir ../three", "appendonly yes"] {
            assert_eq!(world.run(&format!("CONFIG SET {line}")), "+OK\r\n");
        }
        world.run("SET e 5");
        drop(world);
        for (folder, reply) in [(&two, ":4\r\n"), (&three, ":5\r\n")] {
            assert_eq!(World::start(folder).run("DBSIZE"), reply);
        }
        fs::remove_dir_all(root).unwrap();
    }

    /// Another folder of its name may hold a backup, which the next start is to load.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_folder_that_is_moved_is_followed() {
        let root = std::env::temp_dir().join(format!("redstart-moved-{}", std::process::id()));
        let (data, aside) = (root.join("data"), root.join("aside"));
        fs::create_dir_all(&data).unwrap();
        let mut world = World::start(&data);
        assert_eq!(world.run("SET a 1"), "+OK\r\n");
        fs::rename(&data, &aside).unwrap();
        fs::create_dir(&data).unwrap();
        fs::write(data.join("dump.rdb"), "a backup").unwrap();
        for command in ["SAVE", "BGREWRITEAOF", "SET b 2"] {
            assert!(world.run(command).starts_with('+'), "{command}");
        }
        assert!(aside.join("dump.rdb").exists());
        assert!(Lock::take(&aside).is_err() && Lock::take(&data).is_ok());
        drop(world);
        assert_eq!(fs::read(data.join("dump.rdb")).unwrap(), b"a backup");
        assert!(!data.join("appendonlydir").exists());
        let mut world = World::start(&aside);
        assert_eq!(world.run("DBSIZE"), ":2\r\n");
        // One that is removed is gone, and may come back.
        fs::remove_dir_all(&aside).unwrap();
        assert_eq!(world.run("SAVE"), "-ERR\r\n");
        fs::create_dir(&aside).unwrap();
        assert_eq!(world.run("SAVE"), "+OK\r\n");
        assert!(Lock::take(&aside).is_err());
        fs::remove_dir_all(&data).unwrap();
        fs::rename(&aside, &data).unwrap();
        fs::create_dir(&aside).unwrap();
        assert_eq!(world.run("SAVE"), "+OK\r\n");
        assert!(!aside.join("dump.rdb").exists());
        drop(world);
        fs::remove_dir_all(root).unwrap();
    }

    /// Whoever writes, what is recorded is in the file in order, and there when it is said to be.
    #[test]
    fn records_stay_in_order() {
        const NAME: &str = "aof/one";
        let path = std::env::temp_dir().join(format!("redstart-order-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let poll = mio::Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), mio::Token(0)).unwrap();
        let mut disk = Disk::start(path.clone(), None, Arc::new(waker)).unwrap();
        let mut rng = crate::base::rng::Rng::new(Seed::of(1));
        let (mut expected, mut written, mut here) = (Vec::new(), 0, 0);
        for round in 0..400_u32 {
            let bytes = match rng.below(20) {
                0 => round.to_string().into_bytes().repeat(100_000),
                _ => round.to_string().into_bytes(),
            };
            expected.extend_from_slice(&bytes);
            disk.ask(DiskOp::Append { name: NAME.into(), bytes }, Some(NAME));
            match rng.below(4) {
                0 => disk.ask(DiskOp::Sync { name: NAME.into() }, Some(NAME)),
                1 => {
                    let op = DiskOp::Append { name: "dump".into(), bytes: vec![1; 100_000] };
                    disk.ask(op, Some(NAME));
                }
                _ => {}
            }
            let mut is_done = false;
            while !is_done {
                let done = disk.write_records();
                here += u32::from(done.is_some());
                let Some(done) = done.or_else(|| disk.wait(Duration::MAX)) else { break };
                assert_eq!(done.error(), None);
                is_done = matches!(&done, DiskDone::Append { name, .. } if name == NAME);
            }
            assert!(is_done);
            written += 1;
            if rng.below(2) == 0 {
                // Now and then nothing is under way.
                while disk.wait(Duration::MAX).is_some() {}
            }
            assert_eq!(fs::metadata(path.join(NAME)).unwrap().len(), expected.len() as u64);
            if rng.below(10) == 0 {
                expected.truncate(expected.len() - 1);
                let op = DiskOp::Truncate { name: NAME.into(), bytes: expected.len() as u64 };
                disk.ask(op, Some(NAME));
            }
        }
        // The end of a server asks for all that is left at once.
        for bytes in [b"a".to_vec(), b"b".repeat(1_000_000), b"c".to_vec()] {
            expected.extend_from_slice(&bytes);
            disk.ask(DiskOp::Append { name: NAME.into(), bytes }, Some(NAME));
            disk.ask(DiskOp::Sync { name: NAME.into() }, None);
        }
        disk.finish();
        assert!(fs::read(path.join(NAME)).unwrap() == expected);
        assert!(written > here && here > 20, "{here} of {written} were written by the loop");
        fs::remove_dir_all(path).unwrap();
    }

    /// The configuration file: it may lie outside the folder, which another server may use.
    #[test]
    fn the_configuration_file_is_replaced() {
        let root = std::env::temp_dir().join(format!("redstart-conf-{}", std::process::id()));
        let (data, conf) = (root.join("data"), root.join("etc"));
        fs::create_dir_all(&data).unwrap();
        fs::create_dir_all(&conf).unwrap();
        let _other = Lock::take(&data).unwrap();
        let path = conf.join("redis.conf");
        fs::write(&path, "timeout 5\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let mut folder = Folder::new(data, None);
        let name = path.to_string_lossy().into_owned();
        let (done, _) = folder.run(DiskOp::read_all(name.clone()));
        let part = Part::of(b"timeout 5\n", 0, u64::MAX);
        assert_eq!(done, DiskDone::Read { name: name.clone(), from: 0, result: Ok(Some(part)) });
        let replace = |name: &str| DiskOp::Replace { name: name.into(), bytes: b"new".to_vec() };
        assert_eq!(folder.run(replace(&name)).0.error(), None);
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(&conf).unwrap().count(), 1);
        assert!(folder.run(replace("dump.rdb")).0.error().is_some(), "it is another server's");
        fs::remove_dir_all(&conf).unwrap();
        let refused = folder.run(replace(&name)).0.error().cloned();
        assert_eq!(refused, Some(DiskError("No such file or directory".into())));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn files_grow_move_and_go() {
        let path = std::env::temp_dir().join(format!("redstart-disk-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let mut folder = Folder::new(path.clone(), None);
        let (one, other) = ("aof/one".to_owned(), "aof/other".to_owned());
        let mut run = |op| folder.run(op).0;
        for bytes in [b"abc".to_vec(), b"def".to_vec()] {
            let done = run(DiskOp::Append { name: one.clone(), bytes: bytes.clone() });
            assert_eq!(done, DiskDone::Append { name: one.clone(), bytes, result: Ok(()) });
        }
        let ops = [
            DiskOp::Sync { name: one.clone() },
            DiskOp::Rename { from: one.clone(), to: other.clone() },
            DiskOp::Append { name: other.clone(), bytes: b"ghi".to_vec() },
            DiskOp::Truncate { name: other.clone(), bytes: 7 },
            DiskOp::Append { name: other.clone(), bytes: b"!".to_vec() },
            DiskOp::Replace { name: "plain".into(), bytes: b"x".to_vec() },
        ];
        for op in ops {
            assert_eq!(run(op).error(), None);
        }
        let list = |folder: &str| DiskOp::List { folder: folder.into() };
        for (folder, names) in [("aof", vec!["other".to_owned()]), ("none", Vec::new())] {
            let done = DiskDone::List { folder: folder.into(), result: Ok(names) };
            assert_eq!(run(list(folder)), done);
        }
        let read_from = |name: &str, from: u64, bytes_max: u64, content: Option<&[u8]>| {
            let part = |bytes: &[u8]| Part { bytes: bytes.to_vec(), file_bytes: 8 };
            let (name, result) = (name.to_owned(), Ok(content.map(part)));
            let op = DiskOp::Read { name: name.clone(), from, bytes_max };
            (op, DiskDone::Read { name, from, result })
        };
        let read = |name: &str, content| read_from(name, 0, u64::MAX, content);
        let parts: [(u64, u64, &[u8]); 4] =
            [(0, u64::MAX, b"abcdefg!"), (2, 3, b"cde"), (6, 3, b"g!"), (9, 1, b"")];
        for (from, bytes_max, content) in parts {
            let (op, done) = read_from(&other, from, bytes_max, Some(content));
            assert_eq!(run(op), done);
        }
        assert!(run(DiskOp::Rename { from: one.clone(), to: "x".into() }).error().is_some());
        for name in [&other, &one] {
            assert_eq!(run(DiskOp::Remove { name: name.clone() }).error(), None);
            let (op, done) = read(name, None);
            assert_eq!(run(op), done);
        }
        fs::remove_dir_all(path).unwrap();
    }
}
