//! A lock on the folder of the data, so that two servers never write the same files.
//!
//! It is the operating system's lock on a file, which ends with the process however that ends; the
//! file itself stays, since removing it would let two servers lock two files of one name. A server
//! that may save by itself takes the lock at its start; any other only when it is about to write, so
//! that servers which never do can share a folder, as they can with Redis.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;

/// The name of the file.
const NAME: &str = "redstart.lock";

/// A folder that no other server writes to.
pub struct Lock {
    /// Locked until it is closed.
    _file: File,
}

impl Lock {
    /// Takes the lock of `folder`; the error says why not, in a sentence.
    pub fn take(folder: &Path) -> Result<Self, String> {
        let shown = folder.display();
        let path = folder.join(NAME);
        let opened = File::options().create(true).append(true).open(&path);
        let mut file =
            opened.map_err(|error| format!("The folder '{shown}' can't be written to: {error}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!("The folder '{shown}' is in use by another server"));
            }
            // Some network file systems have no locks, and a server must run there too.
            Err(TryLockError::Error(_)) => return Ok(Self { _file: file }),
        }
        // For people who look; nobody reads it.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_at_a_time() {
        let folder = std::env::temp_dir().join(format!("redstart-lock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let first = Lock::take(&folder).unwrap();
        let refused = Lock::take(&folder).err().unwrap();
        assert!(refused.ends_with("is in use by another server"), "{refused}");
        drop(first);
        assert!(Lock::take(&folder).is_ok());
        assert!(Lock::take(&folder.join("none")).err().unwrap().contains("can't be written to"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
