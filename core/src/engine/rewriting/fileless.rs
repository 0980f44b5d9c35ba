//! An engine without a configuration file.

use super::NO_FILE;
use crate::base::time::Time;
use crate::engine::world::DiskDone;
use crate::engine::{Args, Ctx, Engine, Outcome};

/// Nobody waits.
#[derive(Debug, Default)]
pub struct Rewriting {}

impl Ctx<'_> {
    /// There is nothing to write.
    pub fn rewrite_config_file(&mut self, _: Args<'_>) -> Outcome {
        Err(NO_FILE)
    }
}

impl Engine {
    /// It is about another file.
    pub(in crate::engine) fn config_file_answered(
        &mut self,
        _: Time,
        done: DiskDone,
    ) -> Option<DiskDone> {
        Some(done)
    }
}
