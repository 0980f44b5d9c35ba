//! MONITOR: a line for every command that runs, to every client that asked for them.
//!
//! A command is shown when it has run, so the commands of a transaction come before its EXEC. What
//! administrators do is not shown, nor are passwords, which the declarations tell.

use super::{Ctx, Engine};
use crate::resp::{Argv, words};
use crate::session::Session;
use crate::spec::Flag;

impl Ctx<'_> {
    /// Shows the command that just ran to the clients in MONITOR. O(monitors × bytes).
    #[inline]
    pub fn show_to_monitors(&mut self, argv: Argv<'_>) {
        if !self.monitors.is_empty() {
            self.show(argv);
        }
    }

    fn show(&mut self, argv: Argv<'_>) {
        if self.entry.has(Flag::Admin) || self.entry.has(Flag::SkipMonitor) {
            return;
        }
        let line = self.monitor_line(argv);
        let ids = self.monitors.as_slice().to_vec();
        for id in ids {
            // Unlike other messages, these lines are held back by CLIENT REPLY.
            let is_muted = match self.engine.clients.by_id(id) {
                Some(client) => client.out.is_muted(),
                None => self.out.is_muted(),
            };
            if !is_muted {
                self.engine.push(id, |out| out.raw(&line));
            }
        }
    }

    /// `+1700000000.000000 [0 127.0.0.1:50000] "GET" "key"`.
    fn monitor_line(&self, argv: Argv<'_>) -> Vec<u8> {
        let (seconds, us) = (self.now.unix_s(), self.now.unix_us.rem_euclid(1_000_000));
        let addr = &self.session.origin.addr;
        let addr = match addr.strip_suffix(":0").filter(|path| path.starts_with('/')) {
            Some(path) => format!("unix:{path}"),
            None => addr.clone(),
        };
        let mut line = format!("+{seconds}.{us:06} [{} {addr}]", self.session.db).into_bytes();
        let secrets = self.entry.secrets(argv);
        for (index, arg) in argv.iter().enumerate() {
            line.push(b' ');
            let shown = if secrets.contains(&index) { b"(redacted)" } else { arg };
            line.extend(words::quote(shown));
        }
        line.extend_from_slice(b"\r\n");
        line
    }
}

impl Engine {
    /// Shows `session` every command from now on.
    pub fn start_monitor(&mut self, session: &mut Session) {
        session.monitor = true;
        self.monitors.insert(session.id);
    }

    /// Ends that.
    pub fn stop_monitor(&mut self, session: &mut Session) {
        if std::mem::take(&mut session.monitor) {
            self.monitors.remove(session.id);
        }
    }
}
