//! Finding, starting and stopping servers to play transcripts on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where the comparison servers are installed by default, if they are.
const PEERS_BIN: &str = "/opt/peers/bin";

/// A real Redis 8; see [`find`].
pub fn find_redis8() -> Option<PathBuf> {
    find("redis8")
}

/// A server to compare with: `redis7`, `redis8` or `valkey9`. Named by `REDIS8_SERVER` and the like,
/// on the PATH as `redis8-server`, or among the comparison servers.
pub fn find(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os(format!("{}_SERVER", name.to_uppercase())).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = format!("{name}-server");
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(&program));
    let peer = Path::new(PEERS_BIN).join(&program);
    named.into_iter().chain(on_path).chain([peer]).find(|program| program.is_file())
}

/// A server process, killed when dropped.
pub struct Server {
    child: Child,
    program: PathBuf,
    /// Its own, so that nothing is found that another has saved.
    folder: PathBuf,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Server {
    /// Starts `program` on a free port of the loopback interface, without persistence and with
    /// DEBUG allowed.
    pub fn start(program: &Path) -> Result<Self, String> {
        Self::start_with(program, &[], &[])
    }

    /// As [`Server::start`], with these arguments besides and these files to find. One that is called
    /// `redis.conf` is its configuration file.
    pub fn start_with(
        program: &Path,
        args: &[&str],
        files: &[(&str, &[u8])],
    ) -> Result<Self, String> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|error| error.to_string())?
            .port();
        let folder = std::env::temp_dir().join(format!("redstart-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        for (name, bytes) in files {
            let file = folder.join(name);
            let place = file.parent().unwrap_or(&folder);
            std::fs::create_dir_all(place)
                .and_then(|()| std::fs::write(&file, bytes))
                .map_err(|error| error.to_string())?;
        }
        let config = files.iter().map(|(name, _)| *name).find(|name| *name == "redis.conf");
        let child = Command::new(program)
            .args(config.map(|name| folder.join(name)))
            .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .args(["--bind", "127.0.0.1", "--enable-debug-command", "yes"])
            .args(["--enable-protected-configs", "yes", "--dir"])
            .arg(&folder)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let server = Self { child, program: program.to_owned(), folder, addr };
        for _ in 0..1000 {
            if TcpStream::connect(addr).is_ok() {
                return Ok(server);
            }
            pause();
        }
        Err(format!("{} does not listen on {addr}", program.display()))
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a file in its folder holds now.
    pub fn file(&self, name: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.folder.join(name)).map_err(|error| format!("{name}: {error}"))
    }

    /// Ends the process and starts another like it.
    pub fn restart(&mut self) -> Result<(), String> {
        let fresh = Self::start(&self.program)?;
        *self = fresh;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[expect(clippy::disallowed_methods, reason = "there is no event for a port that opens")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}
