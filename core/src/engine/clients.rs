//! Connections beyond their commands: who may connect, what a client may make the node hold for
//! it, and how a connection ends.
//!
//! A client that goes too far is closed at once and what it was owed is thrown away, as in Redis.
//! The output a client has not read is bounded by `client-output-buffer-limit`. Redis exempts
//! clients in MONITOR by default, as they count as normal ones; here they share the limits of
//! subscribers, since what they get does not depend on what they ask for.

use super::config::OutputLimit;
use super::world::{Level, Record};
use super::{Effect, Engine};
use crate::base::ordered::IdMap;
use crate::base::time::{Monotonic, Time};
use crate::session::{Client, ConnId, Origin, Session};

/// How often idle clients are looked for, in milliseconds.
const IDLE_CHECK_MS: u64 = 1_000;

/// What must be looked at again later.
#[derive(Debug, Default)]
pub struct Care {
    /// When clients that idle too long are looked for.
    idle_check: Option<Monotonic>,
    /// Clients above their soft limit, each with the time since when; `None` means that it has
    /// just been noticed.
    overfull: IdMap<Option<Monotonic>>,
}

/// The kinds of clients that CLIENT LIST, CLIENT KILL and `client-output-buffer-limit` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientType {
    /// None of the others.
    Normal,
    /// The master of this node.
    Master,
    /// A replica of this node.
    Replica,
    /// It has subscriptions.
    Pubsub,
}

impl ClientType {
    /// The type called `name`, in letters of any case.
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_slice() {
            b"normal" => Self::Normal,
            b"master" => Self::Master,
            b"replica" | b"slave" => Self::Replica,
            b"pubsub" => Self::Pubsub,
            _ => return None,
        })
    }

    /// The type of a client.
    pub fn of(session: &Session) -> Self {
        if session.subscriptions.any() { Self::Pubsub } else { Self::Normal }
    }
}

impl Engine {
    /// Enters a new connection, or turns it away if there are too many.
    pub fn connect(&mut self, now: Time, conn: ConnId, origin: Origin) {
        let is_refused = self.clients.len() as u64 >= self.config.maxclients;
        let id = if is_refused { 0 } else { self.clients.new_id() };
        let mut session = Session::new(id, conn, origin, now);
        session.must_auth = !self.config.requirepass.is_empty();
        let mut client = Box::new(Client { session, out: Default::default() });
        if is_refused {
            self.stats.rejected_connections += 1;
            client.out.error_line(b"ERR max number of clients reached");
            client.session.closing = true;
            self.clients.put(client);
            self.effects.push(Effect::Close { conn });
            return;
        }
        self.stats.connections += 1;
        self.clients.add(client);
    }

    /// Whether `session` has to authenticate before anything else.
    pub fn must_auth(&self, session: &Session) -> bool {
        session.must_auth && !self.config.requirepass.is_empty()
    }

    /// Puts a client back after its input was run; closes it if that is due.
    pub fn settle(&mut self, mut client: Box<Client>) {
        self.clients.flush_pushes(&mut client);
        if !client.session.closing {
            self.check_query_buffer(&mut client);
            self.check_output(&mut client);
        }
        if client.session.closing {
            self.close(client);
            return;
        }
        if client.out.owed() > 0 {
            self.send(client.session.conn);
        }
        self.note_client_bytes(&mut client);
        self.clients.put(client);
    }

    /// Closes the connection of client `id` at once; what it was owed is thrown away. Nothing
    /// happens to the client whose command is running: it is told to close itself.
    pub fn kill(&mut self, id: u64) {
        let Some(conn) = self.clients.conn(id) else { return };
        let Some(mut client) = self.clients.take(conn) else { return };
        client.out.discard();
        self.close(client);
    }

    /// Has the host send what `client`, which is taken out, is still owed, and close its
    /// connection. From here on the client is in nobody's way.
    fn close(&mut self, mut client: Box<Client>) {
        client.session.closing = true;
        // A client that was released before is on its way out already.
        if self.clients.conn(client.session.id).is_some() {
            self.release(&mut client);
            self.effects.push(Effect::Close { conn: client.session.conn });
        }
        self.clients.put(client);
    }

    /// Takes a client that is going, or gone, out of everything it is entered in. Doing it again
    /// does no harm.
    pub fn release(&mut self, client: &mut Client) {
        let session = &mut client.session;
        if let Some(blocked) = session.blocked.take() {
            self.dequeue_blocked(session.id, &blocked);
        }
        if session.executing.is_some() {
            // What is left of its transaction never runs.
            self.end_unit();
        }
        self.end_transaction(session);
        self.stop_tracking(session);
        self.stop_monitor(session);
        self.pubsub.leave(session.id, &std::mem::take(&mut session.subscriptions));
        self.care.overfull.remove(&session.id);
        session.input = Vec::new();
        self.clients.forget(session.id);
        let held_bytes = std::mem::take(&mut client.session.held_bytes);
        self.forget_client_bytes(held_bytes);
    }

    /// The limits on the output of a client.
    fn output_limit(&self, session: &Session) -> OutputLimit {
        let [normal, replica, pubsub] = &self.config.client_output_buffer_limit;
        *match ClientType::of(session) {
            ClientType::Normal if session.monitor => pubsub,
            ClientType::Normal | ClientType::Master => normal,
            ClientType::Replica => replica,
            ClientType::Pubsub => pubsub,
        }
    }

    /// Sees to it that a client above its output limits is closed. O(1).
    #[inline]
    pub fn check_output(&mut self, client: &mut Client) {
        let limit = self.output_limit(&client.session);
        let bytes = client.out.owed() as u64;
        // By default, most clients have no limits at all.
        if (limit.hard | limit.soft) > 0 || !self.care.overfull.is_empty() {
            self.limit_output(client, limit, bytes);
        }
    }

    fn limit_output(&mut self, client: &mut Client, limit: OutputLimit, bytes: u64) {
        let id = client.session.id;
        if limit.hard > 0 && bytes >= limit.hard {
            client.out.discard();
            client.session.closing = true;
            self.log_closing(&client.session, "it does not read its output (hard limit)");
        } else if limit.soft > 0 && bytes >= limit.soft {
            self.care.overfull.get_or_insert_with(id, || None);
        } else if !self.care.overfull.is_empty() {
            self.care.overfull.remove(&id);
        }
    }

    /// As [`Engine::check_output`], for a client that is not taken out, which is closed.
    pub fn check_output_of(&mut self, conn: ConnId) {
        self.note_client_bytes_of(conn);
        let Some(client) = self.clients.get(conn) else { return };
        // Most messages end here: far from every limit, and nothing to forget.
        let limit = self.output_limit(&client.session);
        let bytes = client.out.owed() as u64;
        let least = [limit.hard, limit.soft].into_iter().filter(|&bytes| bytes > 0);
        if least.min().is_none_or(|least| bytes < least) {
            return;
        }
        let Some(mut client) = self.clients.take(conn) else { return };
        self.check_output(&mut client);
        if client.session.closing { self.close(client) } else { self.clients.put(client) }
    }

    fn check_query_buffer(&mut self, client: &mut Client) {
        let session = &mut client.session;
        let queued = session.multi.as_ref().map_or(0, |multi| multi.bytes);
        let bytes = session.input.len() + queued;
        if bytes as u64 > self.config.client_query_buffer_limit {
            session.closing = true;
            client.out.discard();
            self.log_closing(&client.session, "it sent more than the query buffer limit allows");
        }
    }

    fn log_closing(&mut self, session: &Session, why: &str) {
        let text = format!("Closing client {} ({}): {why}", session.id, session.origin.addr);
        self.effects.push(Effect::Log(Record { level: Level::Warning, text }));
    }

    /// Closes `client`, whose command is running, because a browser seems to have been tricked into
    /// sending it a web request.
    pub fn abort_attack(&mut self, client: &mut Client) {
        client.out.discard();
        client.session.closing = true;
        let text = format!(
            "Possible SECURITY ATTACK detected: {} sent an HTTP request (POST or Host:), as pages do \
             that attack servers through a browser. Connection aborted.",
            client.session.origin.addr
        );
        self.effects.push(Effect::Log(Record { level: Level::Warning, text }));
    }

    /// The next time at which [`Engine::care_for_clients`] may have something to do.
    pub fn next_care(&self) -> Option<Monotonic> {
        let soft = self.care.overfull.iter().filter_map(|(id, &since)| {
            let client = self.clients.get(self.clients.conn(id)?)?;
            Some(
                since?
                    .plus_ms(self.output_limit(&client.session).seconds.saturating_mul(1_000) + 1),
            )
        });
        soft.chain(self.care.idle_check).min()
    }

    /// Closes clients that have been above their soft limit, or idle, for too long.
    pub fn care_for_clients(&mut self, now: Time) {
        if !self.care.overfull.is_empty() {
            self.check_overfull(now.mono);
        }
        if self.config.timeout == 0 || self.clients.is_empty() {
            self.care.idle_check = None;
            return;
        }
        match self.care.idle_check {
            Some(at) if at > now.mono => return,
            Some(_) => self.close_idle(now.mono),
            None => {}
        }
        self.care.idle_check = Some(now.mono.plus_ms(IDLE_CHECK_MS));
    }

    fn check_overfull(&mut self, now: Monotonic) {
        let ids: Vec<u64> = self.care.overfull.keys().collect();
        for id in ids {
            let conn = self.clients.conn(id);
            let Some(client) = conn.and_then(|conn| self.clients.get(conn)) else {
                self.care.overfull.remove(&id);
                continue;
            };
            let limit = self.output_limit(&client.session);
            let Some(since) = self.care.overfull.get_mut(&id) else { continue };
            if (client.out.owed() as u64) < limit.soft {
                self.care.overfull.remove(&id);
            } else if now.since_us(*since.get_or_insert(now))
                > limit.seconds.saturating_mul(1_000_000)
            {
                self.kill(id);
            }
        }
    }

    fn close_idle(&mut self, now: Monotonic) {
        let limit_us = self.config.timeout.saturating_mul(1_000_000);
        let is_idle = |session: &Session| {
            session.blocked.is_none()
                && !session.monitor
                && !session.subscriptions.any()
                && now.since_us(session.active) > limit_us
        };
        let idle = self.clients.iter().filter(|client| is_idle(&client.session));
        for id in idle.map(|client| client.session.id).collect::<Vec<_>>() {
            self.kill(id);
        }
    }
}
