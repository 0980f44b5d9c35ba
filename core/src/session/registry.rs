//! All connections of a node, by the host's number and by client id.

use std::collections::BTreeMap;

use super::{ConnId, Session};
use crate::resp::Out;

/// A session and its output.
pub struct Client {
    /// The connection's state.
    pub session: Session,
    /// What it is owed.
    pub out: Out,
}

/// The connections. While a client's command runs, the client is taken out and the command works
/// on the rest; it is put back afterwards.
#[derive(Default)]
pub struct Registry {
    slots: Vec<Option<Box<Client>>>,
    /// Where each client is, a client that is taken out included.
    by_id: BTreeMap<u64, ConnId>,
    last_id: u64,
}

impl Registry {
    /// Number of clients.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The next client's id.
    pub fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Adds a client.
    pub fn add(&mut self, client: Box<Client>) {
        self.by_id.insert(client.session.id, client.session.conn);
        self.put(client);
    }

    /// Forgets a client that was taken out.
    pub fn forget(&mut self, id: u64) {
        self.by_id.remove(&id);
    }

    /// Takes a client out, to run a command of its own.
    #[inline]
    pub fn take(&mut self, conn: ConnId) -> Option<Box<Client>> {
        self.slots.get_mut(conn.0 as usize)?.take()
    }

    /// Puts a client that was taken out back.
    #[inline]
    pub fn put(&mut self, client: Box<Client>) {
        let index = client.session.conn.0 as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.slots[index] = Some(client);
    }

    /// The client of a connection, unless it is taken out.
    pub fn get(&self, conn: ConnId) -> Option<&Client> {
        self.slots.get(conn.0 as usize)?.as_deref()
    }

    /// The client of a connection, unless it is taken out.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut Client> {
        self.slots.get_mut(conn.0 as usize)?.as_deref_mut()
    }

    /// The connection of client `id`.
    pub fn conn(&self, id: u64) -> Option<ConnId> {
        self.by_id.get(&id).copied()
    }

    /// The client with this id, unless it is taken out.
    pub fn by_id_mut(&mut self, id: u64) -> Option<&mut Client> {
        let conn = self.conn(id)?;
        self.get_mut(conn)
    }

    /// All clients but one that is taken out, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.by_id.values().filter_map(|&conn| self.get(conn))
    }

    /// The ids of all clients, in order, one that is taken out included.
    pub fn ids(&self) -> Vec<u64> {
        self.by_id.keys().copied().collect()
    }
}
