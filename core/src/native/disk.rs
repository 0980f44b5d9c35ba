//! The disk thread: what may be slow is done here, one operation after the other.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use mio::Waker;

use crate::node::{DiskDone, DiskError, DiskOp};

/// A thread that does what the node asks of its folder.
pub struct Disk {
    jobs: Sender<DiskOp>,
    done: Receiver<(DiskDone, Vec<u8>)>,
    /// Operations that were asked for and not answered yet.
    pub pending: usize,
    thread: JoinHandle<()>,
}

impl Disk {
    /// Starts the thread. It works in `folder` and wakes the event loop through `waker`.
    pub fn start(folder: PathBuf, waker: Arc<Waker>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let (answers, done) = mpsc::channel();
        let work = move || {
            for op in queue {
                // Nobody listening means that the server is ending.
                if answers.send(run(&folder, op)).is_err() || waker.wake().is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("disk".into()).spawn(work)?;
        Ok(Self { jobs, done, pending: 0, thread })
    }

    /// Asks for an operation.
    pub fn ask(&mut self, op: DiskOp) {
        if self.jobs.send(op).is_ok() {
            self.pending += 1;
        }
    }

    /// The next answer, if there is one. Content that was written comes back with it and is freed
    /// here, by the thread that counts this memory as its own.
    pub fn answer(&mut self) -> Option<DiskDone> {
        let (done, _written) = self.done.try_recv().ok()?;
        self.pending -= 1;
        Some(done)
    }

    /// Waits for the next answer; `None` once there is nothing to wait for.
    pub fn wait(&mut self) -> Option<DiskDone> {
        if self.pending == 0 {
            return None;
        }
        let (done, _written) = self.done.recv().ok()?;
        self.pending -= 1;
        Some(done)
    }

    /// Ends the thread once everything that was asked for is done.
    pub fn finish(self) {
        drop(self.jobs);
        // A thread that panicked has said so on standard error.
        let _ = self.thread.join();
    }
}

/// Does one operation; returns the answer, and the buffer that came with the question.
fn run(folder: &Path, op: DiskOp) -> (DiskDone, Vec<u8>) {
    match op {
        DiskOp::Read { name } => {
            let result = match fs::read(folder.join(&name)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(refused(&error)),
            };
            (DiskDone::Read { name, result }, Vec::new())
        }
        DiskOp::Replace { name, bytes } => {
            let result = replace(folder, &name, &bytes).map_err(|error| refused(&error));
            (DiskDone::Replace { name, result }, bytes)
        }
        DiskOp::Rename { from, to } => {
            let renamed = fs::rename(folder.join(&from), folder.join(&to));
            let result =
                renamed.and_then(|()| sync_folder(folder)).map_err(|error| refused(&error));
            (DiskDone::Rename { from, to, result }, Vec::new())
        }
    }
}

/// Writes a file beside the old one, makes it safe, and puts it in the old one's place.
fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!("temp-{}.{name}", std::process::id()));
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let replaced = written
        .and_then(|()| fs::rename(&temporary, folder.join(name)))
        .and_then(|()| sync_folder(folder));
    if replaced.is_err() {
        // What is left of the attempt helps nobody.
        let _ = fs::remove_file(&temporary);
    }
    replaced
}

/// Makes names in a folder safe.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn refused(error: &io::Error) -> DiskError {
    DiskError(error.to_string())
}
