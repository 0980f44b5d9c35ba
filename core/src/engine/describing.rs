//! The descriptions of the commands, which COMMAND DOCS and HELP read.
//!
//! An engine has them with the feature `descriptions`. One that is built without, as the page's is, asks
//! the host for them when a client first wants to read, who waits for that; whatever comes, the command
//! then replies with what is known. If that is not all, the next one asks again.

use std::borrow::Cow;

use super::world::Effect;
use super::{Ctx, Engine, Table};
use crate::base::time::Time;
use crate::resp::Argv;
use crate::spec::describe::Description;

/// The descriptions, and who waits for them.
pub struct Describing {
    /// Empty if they are not there.
    bytes: Cow<'static, [u8]>,
    waiting: Vec<u64>,
}

impl Describing {
    /// Those that are linked.
    pub fn new(table: &Table) -> Self {
        Self { bytes: table.descriptions.into(), waiting: Vec::new() }
    }
}

impl Ctx<'_> {
    /// Whether the command, which `argv` is, has to wait for the descriptions. If so, it does, and runs
    /// again then.
    pub fn waits_for_descriptions(&mut self, argv: Argv<'_>) -> bool {
        let waits = self.describing.bytes.is_empty() && !self.is_retry && !self.is_replaying;
        if waits {
            if self.describing.waiting.is_empty() {
                self.effects.push(Effect::Describe);
            }
            let client = self.session.id;
            self.describing.waiting.push(client);
            self.wait_for_world(argv);
        }
        waits
    }
}

impl Engine {
    /// The descriptions of all commands, as far as they are known; see
    /// [`Table::describe`](crate::spec::table::Table::describe).
    pub fn descriptions(&self) -> Vec<Description<'_>> {
        self.table.describe(&self.describing.bytes)
    }

    /// The host has brought the descriptions, or whatever it has.
    pub fn described(&mut self, now: Time, bytes: &[u8]) {
        if self.table.is_described_by(bytes) {
            self.describing.bytes = bytes.to_vec().into();
        }
        for client in std::mem::take(&mut self.describing.waiting) {
            self.answer_again(now, client);
        }
    }

    /// Forgets what is linked, as if it were not.
    #[cfg(test)]
    pub(crate) fn forget_descriptions(&mut self) {
        self.describing.bytes = Cow::default();
    }
}
