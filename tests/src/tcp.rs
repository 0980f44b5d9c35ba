//! A server behind a TCP port as a stage: real sockets, real time.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::play::{Patience, Stage};

/// How long an expected reply may take: a server replies to what came together when all of it has
/// run, and the machine may be busy.
const EXPECTED: Duration = Duration::from_secs(20);
/// How long a reply that may come may take.
const HOPED: Duration = Duration::from_millis(150);
/// How long something unexpected may be on its way.
const QUIET: Duration = Duration::from_millis(12);
/// How often sockets are looked at.
const POLL: Duration = Duration::from_millis(1);

/// Connections to one server.
pub struct Tcp {
    addr: SocketAddr,
    sockets: BTreeMap<String, TcpStream>,
}

impl Tcp {
    /// No connections yet to the server at `addr`.
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, sockets: BTreeMap::new() }
    }

    /// Reads what is there on all sockets without waiting.
    fn poll(&mut self) -> Vec<(String, Vec<u8>, bool)> {
        let mut arrived = Vec::new();
        self.sockets.retain(|name, socket| {
            let mut bytes = Vec::new();
            let mut chunk = [0; 64 * 1024];
            let closed = loop {
                match socket.read(&mut chunk) {
                    Ok(0) => break true,
                    Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                    Err(_) => break true,
                }
            };
            if closed || !bytes.is_empty() {
                arrived.push((name.clone(), bytes, closed));
            }
            !closed
        });
        arrived
    }
}

impl Stage for Tcp {
    fn send(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let failed = |error: std::io::Error| error.to_string();
        if !self.sockets.contains_key(name) {
            let socket = TcpStream::connect(self.addr).map_err(failed)?;
            socket.set_nodelay(true).map_err(failed)?;
            socket.set_nonblocking(true).map_err(failed)?;
            self.sockets.insert(name.to_owned(), socket);
        }
        let Some(socket) = self.sockets.get_mut(name) else { return Ok(()) };
        let mut rest = bytes;
        while !rest.is_empty() {
            match socket.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => pause(POLL),
                // The server may close before it has read all; what it said is still to be read.
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn hangup(&mut self, name: &str) {
        self.sockets.remove(name);
    }

    fn wait(&mut self, ms: u64) {
        pause(Duration::from_millis(ms));
    }

    fn receive(&mut self, patience: Patience<'_>) -> Vec<(String, Vec<u8>, bool)> {
        let (patience, wanted) = match patience {
            Patience::Expecting(name) => (EXPECTED, Some(name)),
            Patience::Hoping(name) => (HOPED, Some(name)),
            Patience::Quiet => (QUIET, None),
        };
        let mut arrived = Vec::new();
        let mut waited = Duration::ZERO;
        loop {
            arrived.extend(self.poll());
            let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted == name);
            if arrived.iter().any(|(name, _, _)| is_wanted(name)) || waited >= patience {
                return arrived;
            }
            pause(POLL);
            waited += POLL;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a real server has no virtual clock")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
