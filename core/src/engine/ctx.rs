//! All that a handler sees: the time, its session, its output, and the engine.

use std::ops::{Deref, DerefMut};

use super::{Engine, Entry};
use crate::base::time::Time;
use crate::resp::Out;
use crate::session::Session;

/// The context of one command.
///
/// The engine's parts are reached as the context's own (`cx.config`, `cx.shard`), keys through the
/// methods of [`keys`](super::keys).
pub struct Ctx<'a> {
    /// The time, the same for the whole command.
    pub now: Time,
    /// The connection that the command came from.
    pub session: &'a mut Session,
    /// Where the reply goes.
    pub out: &'a mut Out,
    /// Everything else.
    pub engine: &'a mut Engine,
    /// The command.
    pub entry: &'static Entry,
    /// Whether the command must not wait: it runs inside a transaction.
    pub deny_blocking: bool,
    /// Whether the command runs again because it had to wait before.
    pub is_retry: bool,
}

impl Ctx<'_> {
    /// The context of another command that runs inside this one, as in EXEC.
    pub fn nested(&mut self, entry: &'static Entry) -> Ctx<'_> {
        Ctx {
            now: self.now,
            session: self.session,
            out: self.out,
            engine: self.engine,
            entry,
            deny_blocking: true,
            is_retry: false,
        }
    }
}

impl Deref for Ctx<'_> {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        self.engine
    }
}

impl DerefMut for Ctx<'_> {
    fn deref_mut(&mut self) -> &mut Engine {
        self.engine
    }
}
