//! Another folder for the files, while the server runs (CONFIG SET dir).
//!
//! Only the host knows whether there is such a folder, and whether another server is using it, so the
//! command waits for its answer, and what else it changes with it. From then on files are read and
//! made in the new folder. As in Redis, what is being written goes on where it is: records are
//! appended to the old increment until the next rewrite has made all files anew in the new
//! folder. A rewrite that is under way, whose files would lie in two folders, begins anew.

use super::config::{Param, refusal};
use super::world::{DiskError, DiskOp, Effect};
use super::{Engine, Error};
use crate::base::time::Time;
use crate::resp::Out;

/// A folder that was asked for.
pub struct Moving {
    /// The client that waits.
    id: u64,
    /// What it wants changed, of which all was looked at already.
    changes: Vec<(&'static Param, Vec<u8>)>,
}

/// The parameter.
pub const FOLDER: &str = "dir";

impl Engine {
    /// Asks the host for another folder, which is one of `changes`. They are made once it is there;
    /// client `id` is to wait for that.
    pub fn move_to_folder(
        &mut self,
        id: u64,
        changes: Vec<(&'static Param, Vec<u8>)>,
    ) -> Result<(), Error> {
        let refused = |why| Err(refusal(FOLDER.as_bytes(), why));
        let wanted = changes.iter().find(|(param, _)| param.name == FOLDER);
        let Some((_, folder)) = wanted.filter(|_| self.aof.is_mounted) else {
            return refused("there is no disk");
        };
        if self.moving.is_some() {
            return refused("it is being changed");
        }
        if self.load.is_some() {
            return refused("files are being loaded from it");
        }
        let folder = String::from_utf8_lossy(folder).into_owned();
        if self.is_rewriting() {
            // It waits until the folder is known.
            self.restart_rewriting();
        }
        self.moving = Some(Moving { id, changes });
        let open = self.open_increments();
        self.effects.push(Effect::Disk(DiskOp::Enter { folder, open }));
        Ok(())
    }

    /// The folder is another one, or not.
    pub(super) fn entered(&mut self, now: Time, result: Result<String, DiskError>) {
        let Some(Moving { id, changes }) = self.moving.take() else { return };
        let left = self.config.dir.clone();
        let changed = match result {
            Err(DiskError(why)) => Err(refusal(FOLDER.as_bytes(), &why)),
            Ok(folder) => changes.into_iter().try_for_each(|(param, text)| {
                let text = if param.name == FOLDER { folder.as_bytes() } else { &text };
                let changed = self.config.set(param, text);
                changed.map_err(|reason| refusal(param.name.as_bytes(), &reason))
            }),
        };
        if changed.is_ok() {
            self.leave_folder(left);
            self.settings_changed();
        }
        self.answer(now, id, |out| match &changed {
            Ok(()) => Out::ok(out),
            Err(error) => out.error(error),
        });
    }

    /// After settings were changed: tells whom it concerns.
    pub fn settings_changed(&mut self) {
        self.limits_changed();
        self.effects.push(Effect::Configured);
    }
}
