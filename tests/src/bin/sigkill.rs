//! Kills a server at random moments while clients write to it, and looks at what is found again.
//!
//! `sigkill PROGRAM [ROUNDS]`. With `appendfsync always`, every write that was answered must be there;
//! with `everysec`, every write answered two seconds before; and whatever happened, the server must
//! start again. Each client adds the numbers 1, 2, 3 … to a list of its own, so that what is found
//! shows at once whether something is missing in the middle.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a program that measures real time and says what it found"
)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use redstart::base::rng::{Rng, Seed};

type Result<T> = std::result::Result<T, String>;

const CLIENTS: u64 = 4;
/// Longer than any start takes here.
const START_MAX: Duration = Duration::from_secs(20);
/// What `everysec` may lose.
const EVERYSEC_LOSS: Duration = Duration::from_secs(2);

/// A server that does not outlive this program's interest in it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What one client was told: when its writes were answered.
struct Told {
    client: u64,
    answered: Vec<Instant>,
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let program = PathBuf::from(args.next().ok_or("usage: sigkill PROGRAM [ROUNDS]")?);
    let rounds: u64 = args.next().map_or(Ok(100), |text| text.parse()).map_err(|_| "no number")?;
    for (policy, loss) in [("always", Duration::ZERO), ("everysec", EVERYSEC_LOSS)] {
        let folder = std::env::temp_dir().join(format!("sigkill-{}-{policy}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let result = play(&program, &folder, policy, loss, rounds);
        let _ = std::fs::remove_dir_all(&folder);
        let writes = result.map_err(|error| format!("appendfsync {policy}: {error}"))?;
        println!(
            "    appendfsync {policy}: killed {rounds} times among {writes} writes, none lost"
        );
    }
    Ok(())
}

/// Kills the server `rounds` times; returns how many writes were answered.
fn play(program: &Path, folder: &Path, policy: &str, loss: Duration, rounds: u64) -> Result<usize> {
    let mut rng = Rng::new(Seed::of(rounds));
    let mut writes = 0;
    let mut found = vec![0; CLIENTS as usize];
    for round in 0..rounds {
        let (mut server, port) = start(program, folder, policy)?;
        let writers: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let first = found[client as usize] + 1;
                thread::spawn(move || write(port, client, first))
            })
            .collect();
        if round % 3 == 1 {
            let mut socket = connect(port)?;
            ask(&mut socket, &["BGREWRITEAOF"])?;
        }
        // The host's clock may be used here: this is the world, not the engine.
        thread::park_timeout(Duration::from_millis(20 + rng.below(300)));
        server.0.kill().map_err(|error| error.to_string())?;
        let killed = Instant::now();
        server.0.wait().map_err(|error| error.to_string())?;
        let told: Vec<Told> = writers
            .into_iter()
            .map(|writer| writer.join().map_err(|_| "a client has panicked".to_owned()))
            .collect::<Result<_>>()?;
        let (mut server, port) = start(program, folder, policy)?;
        let mut socket = connect(port)?;
        for Told { client, answered } in told {
            let list = format!("list:{client}");
            let length = number(&ask(&mut socket, &["LLEN", &list])?)?;
            let last = ask(&mut socket, &["LINDEX", &list, "-1"])?;
            if length > 0 && number(&last)? != length {
                return Err(format!(
                    "round {round}: {list} has {length} elements, the last is {last}"
                ));
            }
            // With nothing to lose, a reply that was read after the kill counts like any other: it was
            // sent before.
            let is_safe = |at: &&Instant| loss.is_zero() || **at + loss <= killed;
            let safe = answered.iter().filter(is_safe).count() as u64;
            let before = found[client as usize];
            if length < before + safe {
                return Err(format!(
                    "round {round}: {list} has {length} elements, {} were answered",
                    before + safe
                ));
            }
            found[client as usize] = length;
            writes += answered.len();
        }
        // Ended cleanly, so that the next round begins with what was just found.
        let _ = ask(&mut socket, &["SHUTDOWN", "NOSAVE"]);
        server.0.wait().map_err(|error| error.to_string())?;
    }
    if writes == 0 {
        return Err("no write was answered, so nothing was tried".to_owned());
    }
    Ok(writes)
}

/// Writes until the server is gone.
fn write(port: u16, client: u64, first: u64) -> Told {
    let mut answered = Vec::new();
    if let Ok(mut socket) = connect(port) {
        let list = format!("list:{client}");
        let mut next = first;
        while ask(&mut socket, &["RPUSH", &list, &next.to_string()]).is_ok() {
            answered.push(Instant::now());
            next += 1;
        }
    }
    Told { client, answered }
}

/// Starts the server in `folder` and waits until it has loaded what is there.
fn start(program: &Path, folder: &Path, policy: &str) -> Result<(Running, u16)> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.map_err(|error| error.to_string())?.port();
    let mut command = Command::new(program);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", policy]).arg("--dir").arg(folder);
    let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut server = Running(spawned.map_err(|error| format!("{}: {error}", program.display()))?);
    let begun = Instant::now();
    while begun.elapsed() < START_MAX {
        if let Some(status) = server.0.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("the server did not start again: {status}"));
        }
        if let Ok(mut socket) = connect(port)
            && ask(&mut socket, &["PING"]).is_ok_and(|reply| reply == "PONG")
        {
            return Ok((server, port));
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    Err("the server took too long to start".to_owned())
}

fn connect(port: u16) -> Result<TcpStream> {
    let socket = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    socket.set_read_timeout(Some(START_MAX)).map_err(|error| error.to_string())?;
    socket.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(socket)
}

/// Sends a command and reads its reply, which is one line or a short string.
fn ask(socket: &mut TcpStream, words: &[&str]) -> Result<String> {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let bytes = redstart_tests::wire::encoded(&words);
    socket.write_all(&bytes).map_err(|error| error.to_string())?;
    let mut reply = Vec::new();
    loop {
        if let Ok(Some((reply, _))) = redstart::resp::Reply::read(&reply) {
            return Ok(redstart::resp::Output::Raw.print(&reply).trim().to_owned());
        }
        let mut part = [0; 256];
        match socket.read(&mut part).map_err(|error| error.to_string())? {
            0 => return Err("the connection is closed".to_owned()),
            count => reply.extend_from_slice(&part[..count]),
        }
    }
}

fn number(reply: &str) -> Result<u64> {
    reply.parse().map_err(|_| format!("{reply} is no number"))
}
