//! The sockets that wait for clients.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockRef, Socket as RawSocket, TcpKeepalive, Type};

use super::connections::Socket;
use super::playground::Wish;
use super::{explain, in_folder};
use crate::engine::Config;
use crate::node::Origin;

/// One listening socket.
pub enum Listener {
    /// Over TCP.
    Tcp(TcpListener),
    /// Over a Unix socket, and its path.
    Unix(UnixListener, String),
    /// Over TCP, for browsers that open the playground.
    Web(TcpListener),
}

/// Opens all sockets that `config` asks for and registers them under the tokens 0, 1, … Addresses
/// that begin with `-` may be missing. The error says what Redis would log.
pub fn open(config: &Config, registry: &Registry) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    if config.port > 0 && !config.bind.is_empty() {
        for bind in &config.bind {
            let (name, optional) = match bind.strip_prefix('-') {
                Some(name) => (name, true),
                None => (bind.as_str(), false),
            };
            match open_tcp(name, config.port, config) {
                Ok(listener) => listeners.push(Listener::Tcp(listener)),
                Err(error) if optional && is_missing(&error) => {}
                Err(error) => {
                    return Err(format!(
                        "Warning: Could not create server TCP listening socket {name}:{}: bind: \
                         {}\nFailed listening on port {} (tcp), aborting.",
                        config.port,
                        explain(&error),
                        config.port
                    ));
                }
            }
        }
        if listeners.is_empty() {
            return Err(format!("Failed listening on port {} (tcp), aborting.", config.port));
        }
    }
    if !config.unixsocket.is_empty() {
        let path = in_folder(config, &config.unixsocket).to_string_lossy().into_owned();
        let opened = open_unix(&path, config.unixsocketperm);
        let listener = opened.map_err(|error| {
            format!("Failed opening Unix socket: bind: {} ({path})", explain(&error))
        })?;
        listeners.push(Listener::Unix(listener, path));
    }
    if let Some(wish) = Wish::read(config) {
        for name in &wish.bind {
            let opened = open_tcp(name, wish.port, config).map_err(|error| {
                let (port, why) = (wish.port, explain(&error));
                format!("Failed listening on {name}:{port} for the playground: {why}")
            });
            listeners.push(Listener::Web(opened?));
        }
    }
    for (index, listener) in listeners.iter_mut().enumerate() {
        let registered = match listener {
            Listener::Tcp(socket) | Listener::Web(socket) => {
                registry.register(socket, Token(index), Interest::READABLE)
            }
            Listener::Unix(socket, _) => {
                registry.register(socket, Token(index), Interest::READABLE)
            }
        };
        registered.map_err(|error| format!("Can't wait for clients: {error}"))?;
    }
    Ok(listeners)
}

impl Listener {
    /// The next client, if one is waiting.
    pub fn accept(&self, config: &Config) -> io::Result<(Socket, Origin)> {
        match self {
            Self::Tcp(listener) | Self::Web(listener) => {
                let (stream, addr) = listener.accept()?;
                let socket = SockRef::from(&stream);
                // A socket that takes no options is as good as closed; reading will tell.
                let _ = socket.set_tcp_nodelay(true);
                if config.tcp_keepalive > 0 {
                    let idle = std::time::Duration::from_secs(config.tcp_keepalive);
                    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(idle / 3);
                    let _ = socket.set_tcp_keepalive(&keepalive.with_retries(3));
                }
                let laddr = stream.local_addr().map(|addr| addr.to_string()).unwrap_or_default();
                let local = is_loopback(addr.ip());
                let fd = i64::from(stream.as_raw_fd());
                let origin = Origin { addr: addr.to_string(), laddr, fd, local };
                Ok((Socket::Tcp(stream), origin))
            }
            Self::Unix(listener, path) => {
                let (stream, _) = listener.accept()?;
                let fd = i64::from(stream.as_raw_fd());
                let addr = format!("{path}:0");
                let origin = Origin { addr: addr.clone(), laddr: addr, fd, local: true };
                Ok((Socket::Unix(stream), origin))
            }
        }
    }

    /// Where it is, for people; `None` if the system does not say.
    pub fn place(&self) -> Option<String> {
        match self {
            Self::Tcp(socket) | Self::Web(socket) => {
                socket.local_addr().map(|addr| addr.to_string()).ok()
            }
            Self::Unix(_, path) => Some(path.clone()),
        }
    }

    /// Removes what it leaves behind.
    pub fn clean_up(&self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn open_tcp(name: &str, port: u16, config: &Config) -> io::Result<TcpListener> {
    let addr = match name {
        "*" => SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        "::*" => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
        _ => (name, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?,
    };
    let socket = RawSocket::new(Domain::for_address(addr), Type::STREAM, None)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(config.tcp_backlog.try_into().unwrap_or(i32::MAX))?;
    Ok(TcpListener::from_std(socket.into()))
}

fn open_unix(path: &str, mode: u32) -> io::Result<UnixListener> {
    // A socket left behind by a server that was killed; if one still listens, say so.
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    if mode != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(listener)
}

fn is_missing(error: &io::Error) -> bool {
    // No such protocol or address here: EAFNOSUPPORT has no kind of its own in the library.
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    }
}
