//! The server as a program: built as a release, started on a port of its own, ended again.

use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// How long a server may take to listen, in steps of 20 ms.
const PATIENCE: u32 = 500;

/// The server as a release, built anew if something has changed.
pub(crate) fn program() -> Result<PathBuf> {
    let mut cargo = shell::cargo();
    cargo.args(["build", "--release", "--package", "redstart", "--features", "native"]);
    shell::run(cargo.args(["--bin", "redstart-server"]))?;
    Ok(shell::target_dir()?.join("release/redstart-server"))
}

/// The server with the page of the bundle in `dist` inside. Not as a release: what is looked at is the page,
/// and a second release would take a minute to build.
pub(crate) fn program_with_page(dist: &Path) -> Result<PathBuf> {
    let mut cargo = shell::cargo();
    cargo.args(["build", "--package", "redstart", "--features", "playground"]);
    cargo.args(["--bin", "redstart-server"]).env("REDSTART_PLAYGROUND", std::path::absolute(dist)?);
    shell::run(&mut cargo)?;
    Ok(shell::target_dir()?.join("debug/redstart-server"))
}

/// A server on a port of its own, ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts `program` with these words behind those that every server gets.
    pub(crate) fn start(program: &Path, args: &[&str]) -> Result<Self> {
        let dir = shell::target_dir()?.join("server");
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {dir:?}"))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(dir)
            .args(args)
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {program:?}"))?;
        let mut server = Self { child, port };
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        for _ in 0..PATIENCE {
            if TcpStream::connect(addr).is_ok() {
                return Ok(server);
            }
            pause();
        }
        server.check()?;
        bail!("{program:?} does not listen on {addr}")
    }

    /// An error if it has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("the server has ended: {status}"),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "there is no event for a port that opens")]
fn pause() {
    thread::sleep(Duration::from_millis(20));
}
