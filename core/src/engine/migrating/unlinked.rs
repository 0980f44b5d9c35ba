//! An engine without a way to other servers.

use super::CANNOT_CONNECT;
use crate::base::time::{Monotonic, Time};
use crate::engine::world::{LinkEvent, LinkId};
use crate::engine::{Args, Ctx, Engine, Outcome};

/// No connections.
#[derive(Debug, Default)]
pub struct Links {}

impl Ctx<'_> {
    /// Nobody can be reached.
    pub fn migrate(&mut self, _: Args<'_>) -> Outcome {
        Err(CANNOT_CONNECT)
    }
}

impl Engine {
    /// There is nothing that could have happened.
    pub fn link_event(&mut self, _: Time, _: LinkId, _: LinkEvent<'_>) {}

    /// There is nothing to end.
    pub fn time_out_migration(&mut self, _: Time) {}

    /// There is nothing to close.
    pub fn close_idle_links(&mut self, _: Time) {}

    /// Never.
    pub fn next_idle_link(&self) -> Option<Monotonic> {
        None
    }

    /// None.
    pub fn open_links(&self) -> usize {
        0
    }
}
