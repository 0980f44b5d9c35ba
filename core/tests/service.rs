//! The server as a service: in the background, under a supervisor, and started with the configuration of
//! another server.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
const TRIES: usize = 3000;

/// A folder for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("redstart-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A server that works in the folder and has no port.
    fn server(&self, config: &str) -> Command {
        fs::write(self.0.join("redis.conf"), config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_redstart-server"));
        command.arg(self.0.join("redis.conf")).arg("--dir").arg(&self.0);
        command.args(["--port", "0", "--unixsocket", "s", "--pidfile", "pid"]);
        command.args(["--logfile", "log", "--save", ""]).stdout(Stdio::null());
        command
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn wait(holds: impl Fn() -> bool) {
    assert!((0..TRIES).any(|_| holds() || pause()));
}

#[expect(clippy::disallowed_methods, reason = "there is no event for what another process does")]
fn pause() -> bool {
    std::thread::sleep(PATIENCE / TRIES as u32);
    false
}

/// Sends lines and reads until the server has nothing to say any more.
fn ask(socket: &Path, lines: &str) -> String {
    let mut client = UnixStream::connect(socket).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(lines.as_bytes()).unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn it_goes_to_the_background() {
    let folder = Folder::new("background");
    let status = folder.server("daemonize yes\n").status().unwrap();
    assert!(status.success());
    wait(|| folder.text("pid").ends_with('\n'));
    assert!(Path::new("/proc").join(folder.text("pid").trim()).exists());
    let socket = folder.0.join("s");
    let said = ask(&socket, "CONFIG GET daemonize\r\nCONFIG SET loglevel warning\r\nQUIT\r\n");
    assert_eq!(said, "*2\r\n$9\r\ndaemonize\r\n$3\r\nyes\r\n+OK\r\n+OK\r\n");
    assert_eq!(ask(&socket, "CONFIG REWRITE\r\nQUIT\r\n"), "+OK\r\n+OK\r\n");
    assert!(folder.text("redis.conf").starts_with("daemonize yes\n"));
    assert_eq!(ask(&socket, "SHUTDOWN\r\n"), "");
    wait(|| folder.text("pid").is_empty());
    let log = folder.text("log");
    assert!(log.contains("Ready to accept connections") && log.contains("bye bye"), "{log}");
    // These are only notices.
    assert!(!log.contains("CONFIG REWRITE executed") && !log.contains("User requested"), "{log}");
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn it_listens_where_it_is_told_to() {
    let folder = Folder::new("listening");
    assert!(folder.server("daemonize yes\nbind 127.0.0.1\n").status().unwrap().success());
    wait(|| folder.text("pid").ends_with('\n'));
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let (socket, port) = (folder.0.join("s"), free_port());
    let is_open = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
    ask(&socket, &format!("CONFIG SET port {port}\r\nQUIT\r\n"));
    assert!(is_open(port));
    // Where it cannot, it listens where it did, and says so.
    let set = format!("CONFIG SET timeout 7 port {taken_port}\r\nQUIT\r\n");
    let refused = "-ERR CONFIG SET failed (possibly related to argument 'port') - \
        Unable to listen on this port. Check server logs.\r\n+OK\r\n";
    assert_eq!(ask(&socket, &set), refused);
    assert!(is_open(port));
    let said = ask(&socket, "CONFIG GET port timeout\r\nQUIT\r\n");
    assert!(said.contains(&format!("\r\n{port}\r\n")) && said.contains("$1\r\n0\r\n"), "{said}");
    let failed = format!("Failed listening on port {taken_port} (tcp), aborting.");
    assert!(folder.text("log").contains(&failed), "{}", folder.text("log"));
    // Nowhere but at its socket.
    assert_eq!(ask(&socket, "CONFIG SET bind \"\"\r\nQUIT\r\n"), "+OK\r\n+OK\r\n");
    assert_eq!(ask(&socket, "CONFIG REWRITE\r\nSHUTDOWN\r\n"), "+OK\r\n");
    wait(|| folder.text("pid").is_empty());
    let mut again = Command::new(env!("CARGO_BIN_EXE_redstart-server"));
    assert!(again.arg(folder.0.join("redis.conf")).status().unwrap().success());
    wait(|| folder.text("pid").ends_with('\n'));
    assert_eq!(ask(&socket, "CONFIG GET bind\r\nSHUTDOWN\r\n"), "*2\r\n$4\r\nbind\r\n$0\r\n\r\n");
    wait(|| folder.text("pid").is_empty());
}

#[test]
fn it_ends_on_a_signal_as_the_settings_say() {
    let folder = Folder::new("signals");
    let start = |config| {
        let _ = fs::remove_file(folder.0.join("log"));
        let child = folder.server(config).spawn().unwrap();
        wait(|| folder.text("log").contains("Ready to accept connections"));
        assert_eq!(ask(&folder.0.join("s"), "SET a 1\r\nQUIT\r\n"), "+OK\r\n+OK\r\n");
        child
    };
    let has_saved = || folder.0.join("dump.rdb").exists();
    // There are no save points.
    for (config, signal, saves) in [
        ("", Signal::TERM, false),
        ("shutdown-on-sigterm save\n", Signal::INT, false),
        ("shutdown-on-sigterm save force\n", Signal::TERM, true),
    ] {
        let mut child = start(config);
        // A terminal that is closed is no reason.
        kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(has_saved(), saves, "{config}");
    }
    // Who interrupts it a second time does not want to wait.
    fs::remove_file(folder.0.join("dump.rdb")).unwrap();
    let mut child = start("shutdown-on-sigint save\nrdb-key-save-delay 100000000\n");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    wait(|| folder.text("log").contains("Saving the final RDB snapshot"));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(folder.text("log").contains("You insist"), "{}", folder.text("log"));
    let names = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().ends_with(".rdb")));
}

#[test]
fn it_does_not_start_where_nobody_finds_it() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_redstart-server"));
    let output = server.args(["--port", "0", "--save", ""]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && said.contains("not listen anywhere"), "{said}");
}

/// As in Redis: whoever looks at the end of the log learns why, and the file with its number stays.
#[test]
fn what_cannot_be_loaded_is_the_last_line_of_the_log() {
    let folder = Folder::new("unloadable");
    fs::write(folder.0.join("dump.rdb"), "REDIS0987").unwrap();
    let mut child = folder.server("").spawn().unwrap();
    assert!(!child.wait().unwrap().success());
    let log = folder.text("log");
    assert!(log.lines().last().is_some_and(|line| line.contains("Fatal error loading")), "{log}");
    assert_eq!(folder.text("pid"), format!("{}\n", child.id()));
}

#[test]
fn its_supervisor_hears_of_it() {
    let folder = Folder::new("supervised");
    let ear = UnixDatagram::bind(folder.0.join("notify")).unwrap();
    ear.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = || {
        let mut said = [0; 100];
        let count = ear.recv(&mut said).unwrap();
        String::from_utf8_lossy(&said[..count]).into_owned()
    };
    // As in Redis, it does not go to the background from there.
    let mut server = folder.server("daemonize yes\nsupervised auto\nio-threads 4\nmptcp no\n");
    let mut child = server.env("NOTIFY_SOCKET", folder.0.join("notify")).spawn().unwrap();
    assert_eq!(hear(), "STATUS=Ready to accept connections\nREADY=1\n");
    assert_eq!(folder.text("pid"), format!("{}\n", child.id()));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(hear(), "STOPPING=1\n");
    assert!(child.wait().unwrap().success());
    assert!(!folder.0.join("pid").exists());
    let log = folder.text("log");
    for name in ["io-threads", "mptcp"] {
        let warning = format!("# WARNING The setting '{name}' has no effect in this server.\n");
        assert!(log.contains(&warning), "{log}");
    }
}

#[test]
fn it_does_not_start_as_what_it_is_not() {
    let folder = Folder::new("refused");
    for (line, why) in [
        ("replicaof 10.0.0.1 6379", "it cannot be a replica"),
        ("appendfilename a/b", "appendfilename can't be a path, just a filename"),
        ("appenddirname a/b", "appenddirname can't be a path, just a dirname"),
        ("appenddirname \"\"", "appenddirname can't be empty"),
        ("rename-command FLUSHALL \"\"", "Commands cannot be renamed"),
    ] {
        let output = folder.server(line).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{line}: {said}");
    }
}
