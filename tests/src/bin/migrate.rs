//! MIGRATE between servers over TCP: here to here, here to Redis 8 and back.
//!
//! `migrate PROGRAM`. Every type in every encoding moves in every direction and must be the same data
//! there, by DEBUG DIGEST and by what that does not say; a large value too; and whoever does not
//! answer, or cannot be found, costs the time that was given and no more.

#![allow(clippy::print_stdout, reason = "a program that says what it found")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use redstart::resp::{Reply, pretty};
use redstart_tests::every::{ask, fill, run};
use redstart_tests::oracle::{self, Server};
use redstart_tests::tcp::Tcp;

/// The data, and what a digest leaves out.
const TOLD: &[&str] = &[
    "DEBUG DIGEST",
    "HPEXPIRETIME hash:fading FIELDS 2 a b",
    "XINFO STREAM stream:small FULL",
    "XINFO STREAM stream:holes FULL",
    "XINFO STREAM stream:emptied FULL",
    "OBJECT ENCODING list:plain",
    "DBSIZE",
];

/// When one of the keys expires, in milliseconds, and when it has long been there.
const EXPIRES_MS: i64 = 4_102_444_800_000;
const EXPIRES_LATER_MS: i64 = EXPIRES_MS + 100_000;

/// A value that no socket takes at once.
const LARGE: &[&str] = &["CONFIG SET rdbcompression no", "SETRANGE large 50000000 x"];

fn main() -> Result<(), String> {
    let program = std::env::args().nth(1).map(PathBuf::from).ok_or("migrate PROGRAM")?;
    let redis8 = oracle::find_redis8();
    if redis8.is_none() {
        println!("NOT COMPARED with Redis 8: none was found (REDIS8_SERVER, the PATH)");
    }
    let mut ways = vec![(&program, &program)];
    ways.extend(redis8.iter().flat_map(|theirs| [(&program, theirs), (theirs, &program)]));
    for (from, to) in ways {
        move_all(from, to)?;
        println!("{} to {}: the same data", name(from), name(to));
    }
    fail(&program)?;
    println!("nobody there: the error, in time");
    Ok(())
}

fn name(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Moves everything from a server of one program to one of another.
fn move_all(from: &Path, to: &Path) -> Result<(), String> {
    let (source, target) = (Server::start(from)?, Server::start(to)?);
    let (mut ours, mut theirs) = (Tcp::new(source.addr), Tcp::new(target.addr));
    fill(&mut ours, true, true);
    run(&mut ours, LARGE);
    let before = told(&mut ours);
    for db in 0..10 {
        run(&mut ours, &[&format!("SELECT {db}")]);
        let Reply::Array(keys) = ask(&mut ours, "KEYS *") else { return Err("no keys".into()) };
        if keys.is_empty() {
            continue;
        }
        let keys: Vec<String> =
            keys.iter().map(|key| pretty::print(key).replace('\n', "")).collect();
        let (port, keys) = (target.addr.port(), keys.join(" "));
        // Its name has two addresses, of which only one may listen.
        let command = format!("MIGRATE localhost {port} \"\" {db} 20000 KEYS {keys}");
        expect(&mut ours, &command, "OK")?;
        expect(&mut ours, "DBSIZE", "(integer) 0")?;
        expect(&mut ours, &command, "NOKEY")?;
    }
    let after = told(&mut theirs);
    for (before, after) in before.iter().zip(&after) {
        if before != after {
            return Err(format!("before:\n{before}\nafter:\n{after}"));
        }
    }
    // A key is sent with the time that is left to it, and lives longer by what the way takes.
    let expires = ask(&mut theirs, "PEXPIRETIME text");
    if !matches!(expires, Reply::Int(EXPIRES_MS..=EXPIRES_LATER_MS)) {
        return Err(format!("it expires at {expires:?}"));
    }
    Ok(())
}

fn told(server: &mut Tcp) -> Vec<String> {
    let tell = |question: &&str| format!("> {question}\n{}", pretty::print(&ask(server, question)));
    TOLD.iter().map(tell).collect()
}

fn expect(server: &mut Tcp, command: &str, reply: &str) -> Result<(), String> {
    let replied = pretty::print(&ask(server, command));
    if replied.trim_end() == reply {
        return Ok(());
    }
    Err(format!("{command}\n  expected: {reply}\n  replied: {replied}"))
}

/// Servers that do not do what they should.
fn fail(program: &Path) -> Result<(), String> {
    let source = Server::start(program)?;
    let mut ours = Tcp::new(source.addr);
    run(&mut ours, LARGE);
    run(&mut ours, &["SET k v"]);
    // It takes connections, as the system does that for it, and reads nothing.
    let silent = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    let port = silent.local_addr().map_err(|error| error.to_string())?.port();
    let error = |what: &str| format!("(error) IOERR error or timeout {what}");
    let (writing, reading) =
        (error("writing to target instance"), error("reading to target instance"));
    let connecting = error("connecting to the client");
    expect(&mut ours, &format!("MIGRATE 127.0.0.1 {port} large 0 50"), &writing)?;
    expect(&mut ours, &format!("MIGRATE 127.0.0.1 {port} k 0 50"), &reading)?;
    drop(silent);
    expect(&mut ours, &format!("MIGRATE 127.0.0.1 {port} k 0 1000"), &writing)?;
    expect(&mut ours, &format!("MIGRATE localhost {port} k 0 1000"), &writing)?;
    expect(&mut ours, "MIGRATE no-such-host.invalid 1 k 0 50", &connecting)?;
    expect(&mut ours, "MIGRATE 127.0.0.1 port k 0 50", &writing)?;
    // To itself: it waits for itself.
    let own = source.addr.port();
    expect(&mut ours, &format!("MIGRATE 127.0.0.1 {own} k 0 50"), &reading)?;
    expect(&mut ours, "DBSIZE", "(integer) 2")
}
