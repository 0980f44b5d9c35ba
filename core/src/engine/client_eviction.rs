//! `maxmemory-clients`: when clients together hold too much for input, output and transactions, the
//! largest are closed.
//!
//! What a client holds is noted when its commands have run and when a message was written to it, so
//! that the sum costs nothing to know. Hosts take output away without a word, so the sum can only
//! be too high; before anyone is closed, all are looked at. What an administrator's client or the
//! like holds (CLIENT NO-EVICT) counts, but it is never closed.

use super::Engine;
use super::clients::ClientType;
use super::world::Level;
use crate::base::ordered::OrdSet;
use crate::session::{Client, ConnId};

/// No smaller limit is taken seriously, as in Redis: nobody could lift it again.
const LIMIT_BYTES_MIN: u64 = 128 * 1024;

/// What clients hold.
#[derive(Debug, Default)]
pub struct ClientBytes {
    /// In sum, as noted.
    total: u64,
    /// The sum when all that could be closed were closed, if that was not enough.
    futile: u64,
}

impl Engine {
    /// What clients may hold together, if there is a limit.
    fn clients_limit(&self) -> Option<u64> {
        let bytes = match self.config.maxmemory_clients {
            0 => return None,
            bytes @ 1.. => bytes.unsigned_abs(),
            _ if self.config.maxmemory == 0 => return None,
            percent => {
                let whole = u128::from(self.config.maxmemory);
                (whole * u128::from(percent.unsigned_abs()) / 100) as u64
            }
        };
        Some(bytes.max(LIMIT_BYTES_MIN))
    }

    /// Notes what `client` holds, if there is a limit.
    #[inline]
    pub(super) fn note_client_bytes(&mut self, client: &mut Client) {
        if self.config.maxmemory_clients != 0 {
            note(&mut self.client_bytes, client);
        }
    }

    /// As [`Engine::note_client_bytes`], of the client of a connection, unless it is taken out.
    #[inline]
    pub(super) fn note_client_bytes_of(&mut self, conn: ConnId) {
        if self.config.maxmemory_clients != 0
            && let Some(client) = self.clients.get_mut(conn)
        {
            note(&mut self.client_bytes, client);
        }
    }

    /// A client is gone.
    pub(super) fn forget_client_bytes(&mut self, held_bytes: u64) {
        self.client_bytes.total = self.client_bytes.total.saturating_sub(held_bytes);
    }

    /// Notes what all clients hold that are not taken out. Costs O(clients).
    pub(super) fn note_all_client_bytes(&mut self) {
        for id in self.clients.ids() {
            if let Some(client) = self.clients.by_id_mut(id) {
                note(&mut self.client_bytes, client);
            }
        }
    }

    /// Closes the largest clients until the others hold no more than they may. Called at every
    /// event.
    pub fn evict_clients(&mut self) {
        if self.config.maxmemory_clients == 0 {
            return;
        }
        let Some(limit) = self.clients_limit() else { return };
        if self.client_bytes.total <= limit {
            self.client_bytes.futile = 0;
        } else if self.client_bytes.total > self.client_bytes.futile {
            self.note_all_client_bytes();
            self.evict_largest(limit);
            self.client_bytes.futile = self.client_bytes.total;
        }
    }

    fn evict_largest(&mut self, limit: u64) {
        let may_go = |client: &&Client| {
            let kind = ClientType::of(&client.session);
            matches!(kind, ClientType::Normal | ClientType::Pubsub)
                && !client.session.no_evict
                && !client.session.closing
        };
        let all = self.clients.iter().filter(may_go);
        let mut by_bytes = OrdSet::default();
        for client in all {
            by_bytes.insert((client.session.held_bytes, client.session.id));
        }
        while self.client_bytes.total > limit
            && let Some((bytes, id)) = by_bytes.pop_last()
        {
            self.log(Level::Notice, &format!("Evicting client {id}, which holds {bytes} bytes"));
            self.kill(id);
            self.stats.evicted_clients += 1;
        }
    }
}

fn note(held: &mut ClientBytes, client: &mut Client) {
    let bytes = client.session.memory_bytes(&client.out) as u64;
    held.total = (held.total + bytes).saturating_sub(client.session.held_bytes);
    client.session.held_bytes = bytes;
}
