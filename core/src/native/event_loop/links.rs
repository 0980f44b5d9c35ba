//! Connections that the node opens to other servers.
//!
//! Nothing here waits: a connection that is being opened becomes writable when it is open or was refused,
//! and names are looked up elsewhere ([`names`](crate::native::names)). A place that has several
//! addresses is tried at each of them, one after the other. Once open, such a connection is read and
//! written as a client's is.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;

use super::{EventLoop, FIRST_CONNECTION};
use crate::native::connections::{Socket, Written};
use crate::native::log::Log;
use crate::native::names::Names;
use crate::node::{ConnId, Event, LinkEvent, LinkId, LinkOp};

/// Where connections of the node's own are.
pub(super) struct Links {
    conns: BTreeMap<LinkId, ConnId>,
    names: Names,
}

/// What a connection of the node's own has besides its socket.
pub struct Link {
    pub(super) id: LinkId,
    is_open: bool,
    /// What is to be sent …
    queue: Vec<u8>,
    /// … and how much of it was.
    sent: usize,
    /// Addresses to try if this one refuses.
    others: std::vec::IntoIter<SocketAddr>,
}

impl Link {
    /// Whether it is open by now.
    pub fn is_open(&self) -> bool {
        self.is_open
    }
}

impl Links {
    pub(super) fn new(names: Names) -> Self {
        Self { conns: BTreeMap::new(), names }
    }
}

impl EventLoop {
    /// Does what the node asks of a connection of its own.
    pub(super) fn link(&mut self, link: LinkId, op: LinkOp, log: &mut Log) {
        let conn = self.links.conns.get(&link).copied();
        match op {
            LinkOp::Open { host, port } => match host.parse::<IpAddr>() {
                Ok(ip) => {
                    self.dial(link, vec![(ip, port).into()].into_iter(), LinkEvent::NoWay, log)
                }
                Err(_) => self.links.names.ask(link, host, port),
            },
            LinkOp::Send { bytes } => {
                let Some(conn) = conn else { return };
                let connection = self.connections.get_mut(conn);
                let link = connection.and_then(|connection| connection.link.as_mut());
                let Some(link) = link else { return };
                if link.queue.is_empty() {
                    link.queue = bytes
                } else {
                    link.queue.extend(bytes)
                }
                self.list_for_writing(conn);
            }
            LinkOp::Close => {
                self.links.names.forget(link);
                self.links.conns.remove(&link);
                conn.map(|conn| self.remove(conn));
            }
        }
    }

    /// Opens the connections whose names were found.
    pub(super) fn found_names(&mut self, log: &mut Log) {
        while let Some((link, addrs)) = self.links.names.answer() {
            self.dial(link, addrs.into_iter(), LinkEvent::NoWay, log);
        }
    }

    /// Tries the first address, and keeps the others for later. If none can be tried, that is `otherwise`.
    fn dial(
        &mut self,
        link: LinkId,
        mut addrs: std::vec::IntoIter<SocketAddr>,
        otherwise: LinkEvent<'_>,
        log: &mut Log,
    ) {
        while let Some(addr) = addrs.next() {
            let added = TcpStream::connect(addr).and_then(|stream| {
                let registry = self.poll.registry();
                self.connections.add(Socket::Tcp(stream), registry, FIRST_CONNECTION)
            });
            if let Ok(conn) = added
                && let Some(connection) = self.connections.get_mut(conn)
            {
                let (queue, sent, others) = (Vec::new(), 0, addrs);
                let opening = Link { id: link, is_open: false, queue, sent, others };
                connection.link = Some(Box::new(opening));
                self.links.conns.insert(link, conn);
                return;
            }
        }
        self.links.conns.remove(&link);
        self.tell(Event::Link { link, event: otherwise }, log);
    }

    /// A connection that was being opened is open, or refused.
    pub(super) fn dialled(&mut self, conn: ConnId, log: &mut Log) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let opened = connection.is_connected();
        let Some(link) = &mut connection.link else { return };
        match opened {
            Ok(false) => {}
            Ok(true) => {
                link.is_open = true;
                let link = link.id;
                self.tell(Event::Link { link, event: LinkEvent::Opened }, log);
            }
            Err(_) => {
                let (id, others) = (link.id, std::mem::take(&mut link.others));
                self.remove(conn);
                self.dial(id, others, LinkEvent::Lost, log);
            }
        }
    }

    /// Writes what the node wants to be sent, and says how much went.
    pub(super) fn write_link(&mut self, conn: ConnId, log: &mut Log) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let Some(link) = connection.link.as_mut().filter(|link| link.is_open) else { return };
        let (id, mut queue, sent) = (link.id, std::mem::take(&mut link.queue), link.sent);
        let (count, is_full) = match connection.write(&queue[sent..]) {
            Written::All(count) => (count, false),
            Written::Full(count) => (count, true),
            Written::Gone => return self.close(conn, log),
        };
        connection.is_full = is_full;
        if let Some(link) = &mut connection.link {
            link.sent += count;
            if link.sent == queue.len() {
                (queue, link.sent) = (Vec::new(), 0);
            }
            link.queue = queue;
        }
        if count > 0 {
            self.tell(Event::Link { link: id, event: LinkEvent::Sent { count } }, log);
        }
    }

    /// Tells the node that a connection of its own is gone.
    pub(super) fn lost(&mut self, link: &Link, log: &mut Log) {
        self.links.conns.remove(&link.id);
        self.tell(Event::Link { link: link.id, event: LinkEvent::Lost }, log);
    }
}
