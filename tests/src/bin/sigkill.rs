//! Kills a server at random moments while clients write to it, and looks at what is found again.
//!
//! `sigkill PROGRAM [ROUNDS]`. With an append-only file, every write that was answered must be there,
//! whatever `appendfsync` says, for the machine goes on; with snapshots alone, every write answered
//! before a SAVE that was; and whatever happened, the server must start again. Each client adds the
//! numbers 1, 2, 3 … to a list of its own, so that what is found shows at once whether something is
//! missing in the middle. At the end the folder is taken away from a server, and given back.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a program that measures real time and says what it found"
)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redstart::base::rng::{Rng, Seed};

type Result<T> = std::result::Result<T, String>;

const CLIENTS: u64 = 4;
/// Longer than any start takes here.
const START_MAX: Duration = Duration::from_secs(20);

/// How data is kept, and what it may cost.
#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    settings: &'static [&'static str],
    /// Whether a write that was answered is there.
    is_lossless: bool,
}

const APPEND: [&str; 4] = ["--save", "", "--appendonly", "yes"];

const MODES: [Mode; 4] = [
    Mode {
        name: "appendfsync always",
        settings: &[APPEND[0], APPEND[1], APPEND[2], APPEND[3], "--appendfsync", "always"],
        is_lossless: true,
    },
    Mode {
        name: "appendfsync everysec",
        settings: &[APPEND[0], APPEND[1], APPEND[2], APPEND[3], "--appendfsync", "everysec"],
        is_lossless: true,
    },
    Mode {
        name: "appendfsync no",
        settings: &[APPEND[0], APPEND[1], APPEND[2], APPEND[3], "--appendfsync", "no"],
        is_lossless: true,
    },
    Mode { name: "snapshots", settings: &["--save", "1 1"], is_lossless: false },
];

/// A server that does not outlive this program's interest in it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What one client was told: how many of its writes were done.
struct Told {
    client: u64,
    answered: u64,
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let program = PathBuf::from(args.next().ok_or("usage: sigkill PROGRAM [ROUNDS]")?);
    let rounds: u64 = args.next().map_or(Ok(100), |text| text.parse()).map_err(|_| "no number")?;
    for mode in MODES {
        let id = std::process::id();
        let folder = std::env::temp_dir().join(format!("sigkill-{id}-{}", mode.name.len()));
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        // The promises that matter most are tried most often.
        let rounds = if mode.is_lossless { rounds } else { rounds.div_ceil(2) };
        let result = play(&program, &folder, mode, rounds);
        let _ = std::fs::remove_dir_all(&folder);
        let writes = result.map_err(|error| format!("{}: {error}", mode.name))?;
        println!("    {}: killed {rounds} times among {writes} writes, as promised", mode.name);
    }
    lose_folder(&program)?;
    println!("    a folder that was taken away: writes refused, and taken again when it was back");
    Ok(())
}

/// Kills the server `rounds` times; returns how many writes were answered.
fn play(program: &Path, folder: &Path, mode: Mode, rounds: u64) -> Result<u64> {
    let mut rng = Rng::new(Seed::of(rounds));
    let mut writes = 0;
    let mut found = vec![0; CLIENTS as usize];
    for round in 0..rounds {
        let (mut server, port) = start(program, folder, mode.settings)?;
        let counts: Arc<Vec<AtomicU64>> =
            Arc::new(found.iter().map(|&count| AtomicU64::new(count)).collect());
        let writers: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (first, counts) = (found[client as usize] + 1, counts.clone());
                thread::spawn(move || write(port, client, first, &counts[client as usize]))
            })
            .collect();
        let saver = (mode.name == "snapshots").then(|| {
            let counts = counts.clone();
            thread::spawn(move || save(port, &counts))
        });
        if round % 3 == 1 && saver.is_none() {
            let mut socket = connect(port)?;
            ask(&mut socket, &["BGREWRITEAOF"])?;
        }
        // The host's clock may be used here: this is the world, not the engine.
        thread::park_timeout(Duration::from_millis(20 + rng.below(300)));
        server.0.kill().map_err(|error| error.to_string())?;
        server.0.wait().map_err(|error| error.to_string())?;
        let told: Vec<Told> = writers
            .into_iter()
            .map(|writer| writer.join().map_err(|_| "a client has panicked".to_owned()))
            .collect::<Result<_>>()?;
        let saved = match saver {
            Some(saver) => saver.join().map_err(|_| "a client has panicked".to_owned())?,
            None => None,
        };
        let (_server, port) = start(program, folder, mode.settings)?;
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
            let before = found[client as usize];
            let promised = match &saved {
                // A reply that was read after the kill counts like any other: it was sent before.
                _ if mode.is_lossless => before + answered,
                Some(saved) => saved[client as usize],
                None => 0,
            };
            if length < promised {
                return Err(format!(
                    "round {round}: {list} has {length} elements, {promised} were promised"
                ));
            }
            writes += answered;
            found[client as usize] = length;
        }
    }
    if writes == 0 {
        return Err("no write was answered, so nothing was tried".to_owned());
    }
    Ok(writes)
}

/// Makes snapshots until the server is gone; returns what had been answered before the last one that
/// was made was asked for.
fn save(port: u16, counts: &[AtomicU64]) -> Option<Vec<u64>> {
    let mut saved = None;
    let mut socket = connect(port).ok()?;
    loop {
        let before = counts.iter().map(|count| count.load(Ordering::SeqCst)).collect();
        match ask(&mut socket, &["SAVE"]) {
            Ok(reply) if reply == "OK" => saved = Some(before),
            // A save point was faster.
            Ok(_) => thread::yield_now(),
            Err(_) => return saved,
        }
    }
}

/// A server whose folder is gone refuses writes, and takes them again when there is one. (Where one that
/// was only moved is, it finds out.)
fn lose_folder(program: &Path) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("sigkill-{}-folder", std::process::id()));
    let failed = |error: std::io::Error| error.to_string();
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let result = (|| {
        let (_server, port) = start(program, &folder, &["--save", "3600 1"])?;
        let mut socket = connect(port)?;
        let mut expect = |words: &[&str], start: &str| {
            let begun = Instant::now();
            loop {
                let reply = ask(&mut socket, words)?;
                if reply.starts_with(start) {
                    return Ok(());
                }
                if begun.elapsed() > START_MAX {
                    return Err(format!("{words:?} is answered with {reply}"));
                }
                thread::park_timeout(Duration::from_millis(5));
            }
        };
        expect(&["SET", "a", "1"], "OK")?;
        std::fs::remove_dir_all(&folder).map_err(failed)?;
        expect(&["BGSAVE"], "Background saving started")?;
        expect(&["SET", "a", "2"], "MISCONF")?;
        expect(&["GET", "a"], "")?;
        std::fs::create_dir(&folder).map_err(failed)?;
        expect(&["BGSAVE"], "Background saving started")?;
        expect(&["SET", "a", "3"], "OK")
    })();
    let _ = std::fs::remove_dir_all(&folder);
    result
}

/// Writes until the server is gone.
fn write(port: u16, client: u64, first: u64, count: &AtomicU64) -> Told {
    let mut answered = 0;
    if let Ok(mut socket) = connect(port) {
        let list = format!("list:{client}");
        let mut next = first;
        while ask(&mut socket, &["RPUSH", &list, &next.to_string()]).is_ok() {
            answered += 1;
            count.store(next, Ordering::SeqCst);
            next += 1;
        }
    }
    Told { client, answered }
}

/// Starts the server in `folder` and waits until it has loaded what is there.
fn start(program: &Path, folder: &Path, settings: &[&str]) -> Result<(Running, u16)> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.map_err(|error| error.to_string())?.port();
    let mut command = Command::new(program);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(settings).arg("--dir").arg(folder);
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
