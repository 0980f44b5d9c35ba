//! All connections of a node, by the host's number and by client id.

use super::{ConnId, Session};
use crate::base::ordered::IdMap;
use crate::resp::{Out, Proto};

/// A session and its output.
pub struct Client {
    /// The connection's state.
    pub session: Session,
    /// What it is owed.
    pub out: Out,
}

/// The connections. While a client's command runs, the client is taken out and the command works
/// on the rest; it is put back afterwards. Messages for a client that is taken out wait for it
/// here, so that they follow the reply of its command instead of standing in the middle of it.
#[derive(Default)]
pub struct Registry {
    slots: Vec<Option<Box<Client>>>,
    /// Where each client is, a client that is taken out included.
    by_id: IdMap<ConnId>,
    /// The clients that are taken out: one, or two while a waiting client's command runs again.
    away: Vec<Away>,
    last_id: u64,
}

/// What came for a client while it was taken out.
struct Away {
    id: u64,
    /// The messages, in the client's protocol.
    pushes: Out,
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
        self.away.retain(|away| away.id != id);
    }

    /// Takes a client out, to run a command of its own.
    #[inline]
    pub fn take(&mut self, conn: ConnId) -> Option<Box<Client>> {
        let client = self.slots.get_mut(conn.0 as usize)?.take()?;
        let mut pushes = Out::default();
        pushes.set_proto(client.out.proto());
        self.away.push(Away { id: client.session.id, pushes });
        Some(client)
    }

    /// Puts a client that was taken out back.
    #[inline]
    pub fn put(&mut self, mut client: Box<Client>) {
        self.flush_pushes(&mut client);
        self.away.retain(|away| away.id != client.session.id);
        let index = client.session.conn.0 as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.slots[index] = Some(client);
    }

    /// Hands a client that is taken out the messages that came for it. Returns whether there were
    /// any.
    #[inline]
    pub fn flush_pushes(&mut self, client: &mut Client) -> bool {
        let Some(away) = self.away_of(client.session.id) else { return false };
        // The command may have changed the protocol; later messages come in the new one.
        away.pushes.set_proto(client.out.proto());
        if away.pushes.pending().is_empty() {
            return false;
        }
        let pushes = away.pushes.take();
        if !client.session.closing {
            client.out.push_raw(&pushes);
        }
        true
    }

    /// Lets `write` write a message to client `id`, which gets it even where replies are muted.
    /// Returns its connection, or `None` if it is gone or about to be closed.
    pub fn push(&mut self, id: u64, write: impl FnOnce(&mut Out)) -> Option<ConnId> {
        let conn = self.conn(id)?;
        if let Some(away) = self.away_of(id) {
            write(&mut away.pushes);
            return Some(conn);
        }
        let client = self.get_mut(conn).filter(|client| !client.session.closing)?;
        let muted = client.out.is_muted();
        client.out.set_muted(false);
        write(&mut client.out);
        client.out.set_muted(muted);
        Some(conn)
    }

    /// The client whose command is running now, if one is.
    pub fn running(&self) -> Option<u64> {
        self.away.last().map(|away| away.id)
    }

    /// The protocol in which client `id` gets messages; `None` if there is no such client.
    pub fn proto(&self, id: u64) -> Option<Proto> {
        let conn = self.conn(id)?;
        let away = self.away.iter().find(|away| away.id == id);
        let out = away.map(|away| &away.pushes).or_else(|| Some(&self.get(conn)?.out));
        out.map(Out::proto)
    }

    /// From now on, messages for `id`, which is taken out, come in `proto`.
    pub fn set_push_proto(&mut self, id: u64, proto: Proto) {
        if let Some(away) = self.away_of(id) {
            away.pushes.set_proto(proto);
        }
    }

    fn away_of(&mut self, id: u64) -> Option<&mut Away> {
        self.away.iter_mut().find(|away| away.id == id)
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
    pub fn by_id(&self, id: u64) -> Option<&Client> {
        self.get(self.conn(id)?)
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
        self.by_id.keys().collect()
    }
}
