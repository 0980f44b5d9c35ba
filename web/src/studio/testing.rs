//! A server for the tests of what asks one: an engine in memory.

use std::rc::Rc;

use redstart::base::time::{Monotonic, Time};
use redstart::node::ConnId;
use redstart::resp::{Reply, words};

use crate::sandbox::{Output, Role, Sandbox};
use crate::terminal::session::request;

/// The server, and one connection to it.
pub(crate) struct Server {
    pub(crate) sandbox: Sandbox,
    conn: ConnId,
    host: Monotonic,
}

impl Server {
    pub(crate) fn new() -> Self {
        let start = Time { unix_us: 1_700_000_000_000_000, mono: Monotonic(5_000_000) };
        let mut sandbox = Sandbox::new(1, start, Rc::default());
        let conn = sandbox.open(start.mono, Role::Person, &mut Vec::new());
        Self { sandbox, conn, host: start.mono }
    }

    /// Runs a line as redis-cli does.
    pub(crate) fn run(&mut self, line: &str) -> Reply {
        self.command(&words::split(line.as_bytes()).unwrap())
    }

    /// Runs a command.
    pub(crate) fn command(&mut self, command: &[Vec<u8>]) -> Reply {
        let mut outputs = Vec::new();
        self.sandbox.receive(self.host, self.conn, &request(command), &mut outputs);
        let mut bytes = Vec::new();
        for output in outputs {
            if let Output::Send(conn, sent) = output
                && conn == self.conn
            {
                bytes.extend(sent);
            }
        }
        Reply::read(&bytes).unwrap().expect("a whole reply").0
    }

    /// Runs a line whose reply, which is not looked at, takes so long.
    pub(crate) fn run_slowly(&mut self, line: &str, us: u64) {
        let words = words::split(line.as_bytes()).unwrap();
        self.sandbox.receive(self.host, self.conn, &request(&words), &mut Vec::new());
        self.sandbox.advance(us, &mut Vec::new());
    }

    /// Runs commands one after the other.
    pub(crate) fn all(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Reply> {
        commands.iter().map(|command| self.command(command)).collect()
    }
}
