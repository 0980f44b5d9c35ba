//! Other addresses to listen on, while the server runs (CONFIG SET port and bind).
//!
//! Only the host knows whether it can listen there, so the command waits for its word: if it cannot,
//! all settings are what they were before. Hosts without sockets have addresses that mean nothing, and
//! are not asked.

use super::config::refusal;
use super::{Config, Ctx, Engine};
use crate::base::time::Time;
use crate::resp::{Argv, Out};

/// The parameters, and what is replied where they cannot be.
const PARAMETERS: [(&str, &str); 2] = [
    ("bind", "Failed to bind to specified addresses."),
    ("port", "Unable to listen on this port. Check server logs."),
];

/// A CONFIG SET that the host has not answered.
pub struct Listening {
    client: u64,
    /// The settings before it.
    old: Box<Config>,
    /// The parameter that is to blame, and why.
    reason: (&'static str, &'static str),
}

impl Ctx<'_> {
    /// Whether the command, which has changed settings that were `old` and named `names`, has to wait
    /// until the host listens somewhere else; if so, it does.
    pub fn waits_for_listeners<'n>(
        &mut self,
        old: Config,
        mut names: impl Iterator<Item = &'n str>,
        argv: Argv<'_>,
    ) -> bool {
        if (old.port, &old.bind) == (self.config.port, &self.config.bind) {
            return false;
        }
        let reason = names.find_map(|name| PARAMETERS.into_iter().find(|(own, _)| *own == name));
        let Some(reason) = reason else { return false };
        let (client, old) = (self.session.id, Box::new(old));
        self.listening = Some(Listening { client, old, reason });
        self.wait_for_world(argv);
        true
    }
}

impl Engine {
    /// The host listens where the settings say, or where it did before.
    pub fn listens_at(&mut self, now: Time, port: u16, bind: Vec<String>) {
        let is_as_told = (port, &bind) == (self.config.port, &self.config.bind);
        let Some(listening) = self.listening.take() else {
            (self.config.port, self.config.bind) = (port, bind);
            return;
        };
        let Listening { client, old, reason: (name, why) } = listening;
        if !is_as_told {
            self.config = *old;
            self.settings_changed();
        }
        self.answer(now, client, |out| {
            if is_as_told { Out::ok(out) } else { out.error(&refusal(name.as_bytes(), why)) }
        });
    }
}
