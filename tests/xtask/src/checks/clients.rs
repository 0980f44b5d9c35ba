//! The steps about the TCP server: transcripts over a socket, and clients that others wrote.

use super::Outcome;
use super::tools::{Tools, home};
use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// How long a server may take to listen, in steps of 20 ms.
const PATIENCE: u32 = 500;

pub(super) fn server(_: &Tools) -> Result<Outcome> {
    program()?;
    Ok(Outcome::Passed)
}

pub(super) fn tcp_transcripts(_: &Tools) -> Result<Outcome> {
    transcripts(&program()?)
}

pub(super) fn redis8_transcripts(tools: &Tools) -> Result<Outcome> {
    match &tools.redis8 {
        Some(program) => transcripts(program),
        None => Ok(Outcome::NotCompared(
            "no Redis 8 in REDIS8_SERVER, on the PATH (redis8-server) or in /opt/peers/bin; nothing \
             was compared with it: transcripts, declarations, random commands"
                .into(),
        )),
    }
}

/// Plays every transcript on a server that runs `program`.
fn transcripts(program: &Path) -> Result<Outcome> {
    let mut cargo = shell::cargo();
    cargo.args(["run", "--quiet", "--package", "redstart-tests", "--bin", "transcript", "--"]);
    cargo.args(["check", "--server"]).arg(program);
    for family in fs::read_dir("tests/transcripts")? {
        let mut files: Vec<PathBuf> = fs::read_dir(family?.path())?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort();
        cargo.args(files);
    }
    shell::run(&mut cargo)?;
    Ok(Outcome::Passed)
}

/// The load of redis-benchmark in pipelines; an error reply ends it with an error.
pub(super) fn redis_benchmark(tools: &Tools) -> Result<Outcome> {
    let server = Server::start(&program()?)?;
    let mut command = Command::new(&tools.redis_benchmark);
    command.args(["-p", &server.port.to_string(), "-P", "16", "-q"]);
    command.args(["-t", "ping,set,get,incr,lpush,rpush,lpop,rpop,mset"]);
    let said = command.output().context("cannot start redis-benchmark")?;
    let text = [said.stdout, said.stderr].concat();
    let text = String::from_utf8_lossy(&text).replace('\r', "\n");
    let rates = text.lines().filter(|line| line.contains("requests per second"));
    rates.for_each(|line| println!("    {line}"));
    if !said.status.success() || text.to_lowercase().contains("error") {
        bail!("redis-benchmark met an error:\n{text}");
    }
    Ok(Outcome::Passed)
}

pub(super) fn redis_py(tools: &Tools) -> Result<Outcome> {
    let server = Server::start(&program()?)?;
    let mut python = Command::new(&tools.python);
    shell::run(python.arg("tests/clients/redis_py.py").arg(server.port.to_string()))?;
    Ok(Outcome::Passed)
}

pub(super) fn ioredis(tools: &Tools) -> Result<Outcome> {
    let server = Server::start(&program()?)?;
    let mut node = Command::new(&tools.node);
    node.arg("tests/clients/ioredis.mjs").arg(server.port.to_string()).arg(&tools.node_home);
    shell::run(&mut node)?;
    Ok(Outcome::Passed)
}

/// The server as a release, built anew if something has changed.
fn program() -> Result<PathBuf> {
    let mut cargo = shell::cargo();
    cargo.args(["build", "--release", "--package", "redstart", "--features", "native"]);
    shell::run(cargo.args(["--bin", "redstart-server"]))?;
    Ok(shell::target_dir()?.join("release/redstart-server"))
}

/// A server on a port of its own, ended when dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(program: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(home()?)
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {program:?}"))?;
        let server = Self { child, port };
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        for _ in 0..PATIENCE {
            if TcpStream::connect(addr).is_ok() {
                return Ok(server);
            }
            pause();
        }
        bail!("{program:?} does not listen on {addr}")
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
