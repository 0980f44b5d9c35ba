//! The sockets of clients: reading and writing without waiting.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::{RecvFlags, SendFlags};

use super::crowd::Period;
use super::event_loop::Link;
use super::playground::visitor::Visitor;
use crate::node::ConnId;

/// A client's socket.
pub enum Socket {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

/// A connection as the host sees it.
pub struct Connection {
    socket: Socket,
    /// It could not take all that was to be written, and is waited for.
    pub is_full: bool,
    /// It is closed once everything was written.
    pub is_closing: bool,
    /// The other side has closed it: behind what is left to read comes the end.
    pub has_ended: bool,
    /// It is in the list of connections with something to write.
    pub is_listed: bool,
    /// When it has sent something last.
    pub active: Period,
    /// What a browser has to say before and around its bytes, if it is one.
    pub visitor: Option<Box<Visitor>>,
    /// It was opened by the node, which has something to send.
    pub link: Option<Box<Link>>,
}

/// How writing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// So many bytes, and the socket would take more.
    All(usize),
    /// So many bytes, and the socket takes no more for now.
    Full(usize),
    /// The connection is gone.
    Gone,
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// So many bytes, and there may be more.
    More(usize),
    /// So many bytes, and for now there are no more.
    Drained(usize),
    /// The connection is gone.
    Gone,
}

impl Seen {
    /// How many bytes were read.
    pub fn count(self) -> usize {
        match self {
            Self::More(count) | Self::Drained(count) => count,
            Self::Gone => 0,
        }
    }
}

/// All connections, by the number the node knows them by.
#[derive(Default)]
pub struct Connections {
    slots: Vec<Option<Connection>>,
    free: Vec<u32>,
}

impl Connections {
    /// Adds a socket and registers it for events under a token that begins at `first_token`.
    pub fn add(
        &mut self,
        mut socket: Socket,
        registry: &Registry,
        first_token: usize,
    ) -> io::Result<ConnId> {
        let index = self.free.pop().unwrap_or(self.slots.len() as u32);
        let token = Token(first_token + index as usize);
        // Both at once: events are edge-triggered, so an idle writable socket costs nothing.
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = match &mut socket {
            Socket::Tcp(stream) => registry.register(stream, token, interest),
            Socket::Unix(stream) => registry.register(stream, token, interest),
        };
        if let Err(error) = registered {
            self.free.push(index);
            return Err(error);
        }
        let connection = Connection::new(socket);
        let index_usize = index as usize;
        if self.slots.len() <= index_usize {
            self.slots.resize_with(index_usize + 1, || None);
        }
        self.slots[index_usize] = Some(connection);
        Ok(ConnId(index))
    }

    /// The connection with this number.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut Connection> {
        self.slots.get_mut(conn.0 as usize)?.as_mut()
    }

    /// Closes a connection; its number is free again. Returns what it was, if there was one.
    pub fn remove(&mut self, conn: ConnId) -> Option<Connection> {
        let connection = self.slots.get_mut(conn.0 as usize)?.take()?;
        connection.socket.shutdown();
        self.free.push(conn.0);
        Some(connection)
    }

    /// The browser that has been no client for the longest time, if there are `max` of them.
    pub fn guest_too_many(&self, max: usize) -> Option<ConnId> {
        let guest = |(index, slot): (usize, &Option<Connection>)| {
            let visitor = slot.as_ref()?.visitor.as_ref()?;
            (!visitor.is_client()).then_some((visitor.number, ConnId(index as u32)))
        };
        let guests = self.slots.iter().enumerate().filter_map(guest);
        let (count, oldest) = guests.fold((0, None), |(count, oldest), guest| {
            (count + 1, Some(oldest.map_or(guest, |oldest: (u64, ConnId)| oldest.min(guest))))
        });
        oldest.filter(|_| count >= max).map(|(_, conn)| conn)
    }

    /// The numbers of all connections.
    pub fn ids(&self) -> Vec<ConnId> {
        let open = self.slots.iter().enumerate().filter(|(_, slot)| slot.is_some());
        open.map(|(index, _)| ConnId(index as u32)).collect()
    }
}

impl Connection {
    fn new(socket: Socket) -> Self {
        Self {
            socket,
            is_full: false,
            is_closing: false,
            has_ended: false,
            is_listed: false,
            active: Period::default(),
            visitor: None,
            link: None,
        }
    }

    /// Whether the node is still opening it.
    pub fn is_dialling(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.is_open())
    }

    /// Whether what was being opened is open by now; an error if it was refused.
    pub fn is_connected(&self) -> io::Result<bool> {
        let Socket::Tcp(stream) = &self.socket else { return Ok(true) };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => stream.set_nodelay(true).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads once into `buffer`.
    pub fn read(&mut self, buffer: &mut [u8]) -> Seen {
        loop {
            return match self.socket.read(buffer) {
                Ok(0) => Seen::Gone,
                // A stream that gave less than it could has nothing left (epoll(7)), but perhaps its
                // end, of which there is one event only.
                Ok(count) if count < buffer.len() && !self.has_ended => Seen::Drained(count),
                Ok(count) => Seen::More(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Seen::Drained(0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => Seen::Gone,
            };
        }
    }

    /// Writes as much of `bytes` as the socket takes.
    pub fn write(&mut self, bytes: &[u8]) -> Written {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.socket.write(rest) {
                Ok(0) => return Written::Gone,
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Written::Full(written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Written::Gone,
            }
        }
        Written::All(written)
    }
}

/// Two system calls a command are most of what a short command costs. Here they are made directly:
/// the C library's wrappers would look each time whether a thread is to be cancelled, which none is.
impl Socket {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(self, buffer, RecvFlags::empty())?.0)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        // A connection that is gone is an error, not a signal.
        Ok(rustix::net::send(self, bytes, SendFlags::NOSIGNAL)?)
    }

    fn shutdown(&self) {
        // It may be gone already, which is what is wanted.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use std::io::Write;

    use super::*;

    #[test]
    fn the_end_behind_the_last_bytes_is_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = listener.accept().unwrap().0;
        let mut connection = Connection::new(Socket::Tcp(TcpStream::from_std(stream)));
        let mut buffer = [0; 64];
        peer.write_all(b"PING\r\n").unwrap();
        assert_eq!(connection.read(&mut buffer), Seen::Drained(6));
        peer.write_all(b"PING\r\n").unwrap();
        drop(peer);
        connection.has_ended = true;
        assert_eq!(connection.read(&mut buffer), Seen::More(6));
        assert_eq!(connection.read(&mut buffer), Seen::Gone);
    }
}
