//! A lock on the folder of the data, so that two servers never write the same files.
//!
//! It is the operating system's lock on a file, which ends with the process however that ends; the
//! file itself stays, since removing it would let two servers lock two files of one name. A server
//! that may save by itself takes the lock at its start; any other only when it is about to write, so
//! that servers which never do can share a folder, as they can with Redis.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;

use crate::node::TEMPORARY;

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
        let opened = opened.or_else(|error| of_somebody_else(folder).ok_or(error));
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

/// The file, where only somebody else may write to it, and files can be made beside it: what is locked
/// need not be written to. A server that root once ran, or a backup that root has put back, leaves that.
fn of_somebody_else(folder: &Path) -> Option<File> {
    let file = File::open(folder.join(NAME)).ok()?;
    let probe = folder.join(format!("{TEMPORARY}{NAME}"));
    File::create(&probe).and_then(|_| fs::remove_file(&probe)).ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_has_one_owner_at_a_time() {
        let folder = std::env::temp_dir().join(format!("redstart-lock-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let first = Lock::take(&folder).unwrap();
        let refused = Lock::take(&folder).err().unwrap();
        assert!(refused.ends_with("is in use by another server"), "{refused}");
        drop(first);
        assert!(Lock::take(&folder).is_ok());
        // For root, who may write everywhere, this is no different.
        let of_somebody_else = fs::Permissions::from_mode(0o444);
        fs::set_permissions(folder.join(NAME), of_somebody_else).unwrap();
        let second = Lock::take(&folder).unwrap();
        assert!(Lock::take(&folder).is_err());
        drop(second);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert!(Lock::take(&folder.join("none")).err().unwrap().contains("can't be written to"));
        fs::remove_dir_all(folder).unwrap();
    }
}
