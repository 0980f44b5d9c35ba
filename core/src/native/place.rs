//! Where the folder of the data is. Who moves it while the server runs, and may have put another one
//! in its place, means that folder and not that name: in Redis, which works in it, all goes on where it
//! is then. So it is held open, and looked for when its name leads elsewhere.

use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::explain;

/// A folder, and what it is called.
pub(super) struct Place {
    path: PathBuf,
    /// `None` if it cannot be read: then it is where it is called so.
    held: Option<File>,
}

/// What has become of a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// It is where it was.
    Here,
    /// It was there before.
    Moved(PathBuf),
    /// It was removed, and this is another one of its name.
    Anew,
}

impl Place {
    /// The folder of this name.
    pub(super) fn new(path: PathBuf) -> Self {
        let held = File::open(&path).ok();
        Self { path, held }
    }

    /// Where it was last.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Finds out where it is now; the error says why it cannot be told, in a sentence.
    pub(super) fn follow(&mut self) -> Result<Followed, String> {
        let Some(held) = &self.held else { return Ok(Followed::Here) };
        let Ok(folder) = held.metadata() else { return Ok(Followed::Here) };
        let is_it = |path: &Path| fs::metadata(path).is_ok_and(|there| is_same(&there, &folder));
        if is_it(&self.path) {
            return Ok(Followed::Here);
        }
        // Where the system does not tell, nothing is found there.
        let told = fs::read_link(format!("/proc/self/fd/{}", held.as_raw_fd())).ok();
        if let Some(path) = told.filter(|path| is_it(path)) {
            return Ok(Followed::Moved(std::mem::replace(&mut self.path, path)));
        }
        if folder.nlink() > 0 {
            return Err(format!("The folder '{}' is not where it was", self.path.display()));
        }
        let other = File::open(&self.path).map_err(|error| explain(&error))?;
        self.held = Some(other);
        Ok(Followed::Anew)
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
