//! Being a service: in the background, known by a file with its number, under a supervisor.
//!
//! A process that has threads cannot be divided, so the server does not fork to go to the background: it
//! is started once more, with the same words, without a terminal, and the first one ends.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

use super::log::Log;
use super::{explain, in_folder};
use crate::engine::Config;
use crate::node::Level;

/// Set for a server that was started by one that is to be in the background.
const IN_BACKGROUND: &str = "REDSTART_IN_BACKGROUND";
/// Where systemd listens.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";
/// The file with the number of a server in the background, unless another is named.
const PID_FILE: &str = "/var/run/redis.pid";

/// Starts the server that `args` ask for in the background, if it is to be there and is not. Returns
/// whether it was. As in Redis, a server under a supervisor stays with it.
pub fn start_in_background(config: &Config, args: &[String]) -> Result<bool, String> {
    if !config.daemonize || supervisor(config).is_some() || env::var_os(IN_BACKGROUND).is_some() {
        return Ok(false);
    }
    let started = env::current_exe().and_then(|program| {
        Command::new(program)
            .args(args)
            .env(IN_BACKGROUND, "yes")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
    });
    match started {
        Ok(_) => Ok(true),
        Err(error) => Err(format!("Can't go to the background: {}", explain(&error))),
    }
}

/// The file with the process's number, which is there as long as the server is.
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file, if one is wanted. As in Redis, a server without it is as good.
    pub fn write(config: &Config, log: &mut Log) -> Option<Self> {
        let is_in_background = config.daemonize && supervisor(config).is_none();
        let name = match config.pidfile.as_slice() {
            b"" if is_in_background => PID_FILE.as_bytes(),
            b"" => return None,
            name => name,
        };
        let path = in_folder(config, name);
        match fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Some(Self(path)),
            Err(error) => {
                let text = format!("Failed to write PID file: {}", explain(&error));
                log.write(Level::Warning, &text);
                None
            }
        }
    }

    /// Removes it.
    pub fn remove(self, log: &mut Log) {
        log.write(Level::Notice, "Removing the pid file.");
        // Somebody may have been faster.
        let _ = fs::remove_file(self.0);
    }
}

/// Tells the supervisor, if there is one, how the server is: `state` is what sd_notify(3) takes.
pub fn tell_supervisor(config: &Config, state: &str, log: &mut Log) {
    let told = match supervisor(config).as_deref() {
        None => return,
        Some("systemd") => notify(state),
        Some(other) => Err(io::Error::other(format!("{other} is not supported"))),
    };
    if let Err(error) = told {
        let text = format!("Can't tell the supervisor: {}", explain(&error));
        log.write(Level::Warning, &text);
    }
}

/// Who has started the server and watches it.
fn supervisor(config: &Config) -> Option<String> {
    match config.text_named("supervised").as_str() {
        "no" => None,
        "auto" => env::var_os(NOTIFY_SOCKET).map(|_| "systemd".to_owned()),
        other => Some(other.to_owned()),
    }
}

fn notify(state: &str) -> io::Result<()> {
    let name = env::var_os(NOTIFY_SOCKET)
        .ok_or_else(|| io::Error::other(format!("{NOTIFY_SOCKET} is not set")))?;
    let socket = UnixDatagram::unbound()?;
    match name.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt as _;
            let addr = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            socket.send_to_addr(state.as_bytes(), &addr)?;
        }
        _ => {
            socket.send_to(state.as_bytes(), name)?;
        }
    }
    Ok(())
}
