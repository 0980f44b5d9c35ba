//! The limit on open files, which is a process's own: the server is started with one and looked at from
//! outside.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]
#![allow(clippy::print_stdout, reason = "what is not tested is told")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server, and what it logs.
struct Server {
    child: Child,
    log: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    /// Starts a server whose process may open so many files, and may ask for so many.
    fn start(soft: u64, hard: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let limits = format!("ulimit -S -n {soft} && ulimit -H -n {hard} && exec \"$0\" \"$@\"");
        let mut child = Command::new("bash")
            .args(["-c", &limits, env!("CARGO_BIN_EXE_redstart-server")])
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--maxclients", "1000"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        Self { child, log, port }
    }

    /// Reads the log up to a line that holds `text`, or to its end; whether there is such a line.
    fn logs(&mut self, text: &str) -> bool {
        let lines = self.log.by_ref().lines().map_while(Result::ok);
        lines.into_iter().any(|line| line.contains(text))
    }

    fn connect(&self) -> Client {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(socket)
    }

    /// Lets the process have so many files open at a time from now on.
    fn limit(&self, files: u64) {
        let limit = Rlimit { current: Some(files), maximum: Some(files) };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).unwrap();
    }

    fn open_files(&self) -> u64 {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        files.count() as u64
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client(TcpStream);

impl Client {
    /// Sends a line and compares the bytes of the reply.
    #[track_caller]
    fn run(&mut self, line: &str, expected: &str) {
        self.0.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let mut reply = vec![0; expected.len()];
        self.0.read_exact(&mut reply).unwrap();
        assert_eq!(String::from_utf8_lossy(&reply), expected, "{line}");
    }
}

/// Whether this user may go beyond the upper limit, for whom it is none.
fn is_above_limits() -> bool {
    let beyond = Command::new("bash").args(["-c", "ulimit -n 50 && ulimit -n 60"]).output();
    let is_above = beyond.unwrap().status.success();
    if is_above {
        println!("NOT TESTED: this user may open more files than the upper limit");
    }
    is_above
}

#[test]
fn as_many_files_are_asked_for_as_clients_may_come() {
    if is_above_limits() {
        return;
    }
    let mut server = Server::start(100, 1200);
    assert!(
        server
            .logs("Increased maximum number of open files to 1032 (it was originally set to 100)")
    );
    assert!(server.logs("Ready to accept connections"));
    let mut client = server.connect();
    client.run("CONFIG GET maxclients", "*2\r\n$10\r\nmaxclients\r\n$4\r\n1000\r\n");
    let refused = "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating \
                   system is not able to handle the specified number of clients, try with 1168\r\n";
    client.run("CONFIG SET maxclients 1169", refused);
    client.run("CONFIG SET maxclients 1168", "+OK\r\n");
    let own = Some(Pid::from_child(&server.child));
    let unchanged = Rlimit { current: Some(1200), maximum: Some(1200) };
    assert_eq!(prlimit(own, Resource::Nofile, unchanged).unwrap(), unchanged);
}

#[test]
fn fewer_clients_may_come_where_files_are_few() {
    if is_above_limits() {
        return;
    }
    let mut server = Server::start(50, 50);
    assert!(
        server
            .logs("You requested maxclients of 1000 requiring at least 1032 max file descriptors.")
    );
    assert!(server.logs("Current maximum open files is 50. maxclients has been reduced to 18"));
    assert!(server.logs("Ready to accept connections"));
    let mut client = server.connect();
    client.run("CONFIG GET maxclients", "*2\r\n$10\r\nmaxclients\r\n$2\r\n18\r\n");
    let mut server = Server::start(32, 32);
    assert!(server.logs("Your current 'ulimit -n' of 32 is not enough for the server to start."));
    assert_eq!(server.child.wait().unwrap().code(), Some(1));
}

#[test]
fn who_could_not_be_accepted_is_once_someone_has_left() {
    let mut server = Server::start(100, 100);
    assert!(server.logs("Ready to accept connections"));
    let mut first = server.connect();
    first.run("PING", "+PONG\r\n");
    server.limit(server.open_files());
    let (mut second, mut third) = (server.connect(), server.connect());
    assert!(server.logs("Accepting client connection: "));
    first.run("PING", "+PONG\r\n");
    drop(first);
    second.run("PING", "+PONG\r\n");
    drop(second);
    third.run("PING", "+PONG\r\n");
}
