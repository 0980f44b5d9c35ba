//! All that a handler sees: the time, its session, its output, and the engine.

use std::ops::{Deref, DerefMut};

use super::propagate::Verbatim;
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
    /// Whether the command is recorded as it came.
    pub verbatim: Verbatim,
    /// The command's first key and its hash, if it was looked at ahead of time.
    pub ahead: Option<(&'a [u8], u64)>,
}

impl Ctx<'_> {
    /// What is not later than this has expired, in milliseconds since 1970: nothing has while what
    /// was done before is repeated, since then its expiry will be repeated too.
    pub fn expiry_ms(&self) -> i64 {
        self.engine.expiry_ms(self.now)
    }

    /// The context of another command that runs inside this one, as in EXEC. What changes is recorded
    /// as the inner commands.
    pub fn nested(&mut self, entry: &'static Entry) -> Ctx<'_> {
        self.verbatim = Verbatim::Never;
        Ctx {
            now: self.now,
            session: self.session,
            out: self.out,
            engine: self.engine,
            entry,
            deny_blocking: true,
            is_retry: false,
            verbatim: Verbatim::default(),
            ahead: None,
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
