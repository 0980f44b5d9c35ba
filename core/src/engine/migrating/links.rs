//! The connections to other servers that are open, or being opened.
//!
//! One is kept for a while after a command has used it, so that the next to the same place need not
//! open another. Whatever comes from the other side meanwhile ends it: nothing is expected then, and
//! what is no answer now would be taken for one later.

use super::transfer::Transfer;
use crate::base::limits;
use crate::base::time::{Monotonic, Time};
use crate::engine::Engine;
use crate::engine::world::{Effect, LinkEvent, LinkId, LinkOp};

/// Connections to other servers, and what is under way on one of them.
#[derive(Debug, Default)]
pub struct Links {
    last: LinkId,
    open: Vec<Open>,
    /// Keys on their way. Nothing else runs meanwhile, so there is one at most.
    pub(super) transfer: Option<Box<Transfer>>,
}

/// A connection, open or being opened.
#[derive(Debug)]
struct Open {
    link: LinkId,
    host: String,
    port: u16,
    /// The database that is selected there, if that is known.
    db: Option<i64>,
    /// When it was used last.
    used: Monotonic,
}

/// A connection as it is found.
pub(super) struct Found {
    pub(super) link: LinkId,
    pub(super) is_open: bool,
    /// The database that is selected there, if that is known.
    pub(super) db: Option<i64>,
}

impl Engine {
    /// The connection to a place; has it opened if there is none.
    pub(super) fn link_to(&mut self, now: Time, host: &str, port: u16) -> Found {
        let links = &mut self.links;
        let known = links.open.iter().find(|open| open.host == host && open.port == port);
        if let Some(&Open { link, db, .. }) = known {
            return Found { link, is_open: true, db };
        }
        if links.open.len() == limits::LINKS_KEPT_MAX
            && let Some(oldest) = links.open.iter().min_by_key(|open| open.used)
        {
            let link = oldest.link;
            self.close_link(link);
        }
        let links = &mut self.links;
        links.last.0 += 1;
        let link = links.last;
        links.open.push(Open { link, host: host.to_owned(), port, db: None, used: now.mono });
        let op = LinkOp::Open { host: host.to_owned(), port };
        self.effects.push(Effect::Link { link, op });
        Found { link, is_open: false, db: None }
    }

    /// A command has used a connection and left it with this database selected, if that is known.
    pub(super) fn keep_link(&mut self, now: Time, link: LinkId, db: Option<i64>) {
        if let Some(open) = self.links.open.iter_mut().find(|open| open.link == link) {
            (open.db, open.used) = (db, now.mono);
        }
    }

    /// Closes a connection, if it is open or being opened.
    pub(super) fn close_link(&mut self, link: LinkId) {
        if self.forget_link(link) {
            self.effects.push(Effect::Link { link, op: LinkOp::Close });
        }
    }

    /// A connection is no more. Returns whether it was known.
    pub(super) fn forget_link(&mut self, link: LinkId) -> bool {
        let before = self.links.open.len();
        self.links.open.retain(|open| open.link != link);
        self.links.open.len() < before
    }

    /// Something has become of a connection.
    pub fn link_event(&mut self, now: Time, link: LinkId, event: LinkEvent<'_>) {
        if matches!(event, LinkEvent::NoWay | LinkEvent::Lost) {
            self.forget_link(link);
        }
        let transfer = self.links.transfer.as_ref();
        if transfer.is_some_and(|transfer| transfer.is_on(link)) {
            self.transfer_event(now, event);
        } else if matches!(event, LinkEvent::Received { .. }) {
            self.close_link(link);
        }
    }

    /// Closes what was not used for long.
    pub fn close_idle_links(&mut self, now: Time) {
        while self.next_idle_link().is_some_and(|at| at <= now.mono)
            && let Some(first) = self.links.open.iter().min_by_key(|open| open.used)
        {
            let link = first.link;
            self.close_link(link);
        }
    }

    /// When a connection has not been used for long.
    pub fn next_idle_link(&self) -> Option<Monotonic> {
        let first = self.links.open.iter().map(|open| open.used).min();
        first.map(|used| used.plus_ms(limits::LINK_KEPT_MS))
    }

    /// How many connections there are.
    pub fn open_links(&self) -> usize {
        self.links.open.len()
    }
}
