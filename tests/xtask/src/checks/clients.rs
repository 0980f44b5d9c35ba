//! The steps about the TCP server: transcripts over a socket, and clients that others wrote.

use super::Outcome;
use super::tools::Tools;
use crate::server::{self, Server};
use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) fn server(_: &Tools) -> Result<Outcome> {
    server::program()?;
    Ok(Outcome::Passed)
}

pub(super) fn tcp_transcripts(_: &Tools) -> Result<Outcome> {
    transcripts(&server::program()?)
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

/// Moves keys between servers.
pub(super) fn migrate(_: &Tools) -> Result<Outcome> {
    let mut cargo = shell::cargo();
    cargo.args(["run", "--quiet", "--package", "redstart-tests", "--bin", "migrate", "--"]);
    shell::run(cargo.arg(server::program()?))?;
    Ok(Outcome::Passed)
}

/// Kills the server while it is written to, and looks at what is found again.
pub(super) fn sigkill(_: &Tools) -> Result<Outcome> {
    let mut cargo = shell::cargo();
    cargo.args(["run", "--quiet", "--package", "redstart-tests", "--bin", "sigkill", "--"]);
    shell::run(cargo.arg(server::program()?))?;
    Ok(Outcome::Passed)
}

/// The load of redis-benchmark in pipelines; an error reply ends it with an error.
pub(super) fn redis_benchmark(tools: &Tools) -> Result<Outcome> {
    let server = Server::start(&server::program()?, &[])?;
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
    let server = Server::start(&server::program()?, &[])?;
    let mut python = Command::new(&tools.python);
    shell::run(python.arg("tests/clients/redis_py.py").arg(server.port.to_string()))?;
    Ok(Outcome::Passed)
}

pub(super) fn ioredis(tools: &Tools) -> Result<Outcome> {
    let server = Server::start(&server::program()?, &[])?;
    let mut node = Command::new(&tools.node);
    node.arg("tests/clients/ioredis.mjs").arg(server.port.to_string()).arg(&tools.node_home);
    shell::run(&mut node)?;
    Ok(Outcome::Passed)
}
