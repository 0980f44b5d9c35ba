//! The log of slow commands: what SLOWLOG shows.
//!
//! An entry holds what is needed to recognise a command, not the whole of it: many or long arguments
//! are cut, and what is secret is not kept at all.

use std::collections::VecDeque;

use super::Entry;
use super::config::table;
use crate::resp::Argv;
use crate::session::Session;

/// Words of a command that an entry keeps; of more, the last says how many there are.
const WORDS_MAX: usize = 32;

/// Bytes of a word that an entry keeps.
const WORD_BYTES_MAX: usize = 128;

/// Parameters whose values are secret.
const SECRETS: &[&str] =
    &["masterauth", "masteruser", "requirepass", "tls-client-key-file-pass", "tls-key-file-pass"];

/// A command that was slow.
#[derive(Debug)]
pub struct Slow {
    /// Its number, since the start.
    pub id: u64,
    /// When it had run, in seconds since 1970.
    pub at_s: i64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The words, as far as they are kept.
    pub words: Vec<Vec<u8>>,
    /// The client's address.
    pub addr: String,
    /// The client's name.
    pub name: Vec<u8>,
}

/// The slow commands, the newest first.
#[derive(Debug, Default)]
pub struct SlowLog {
    entries: VecDeque<Slow>,
    next_id: u64,
}

impl SlowLog {
    /// The entries, the newest first.
    pub fn entries(&self) -> &VecDeque<Slow> {
        &self.entries
    }

    /// Forgets all entries. Numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Adds a command of `session`; of more than `max` entries the oldest go.
    pub fn add(
        &mut self,
        session: &Session,
        entry: &Entry,
        argv: Argv<'_>,
        at_s: i64,
        took_us: u64,
        max: usize,
    ) {
        self.entries.push_front(Slow {
            id: self.next_id,
            at_s,
            took_us,
            words: shown(entry, argv),
            addr: session.origin.addr.clone(),
            name: session.name.clone(),
        });
        self.next_id += 1;
        self.entries.truncate(max);
    }
}

/// The words of a command, as far as they are kept.
fn shown(entry: &Entry, argv: Argv<'_>) -> Vec<Vec<u8>> {
    let secrets = secrets(entry, argv);
    let kept = if argv.len() > WORDS_MAX { WORDS_MAX - 1 } else { argv.len() };
    let show = |(index, word): (usize, &[u8])| {
        if secrets.contains(&index) {
            return b"(redacted)".to_vec();
        }
        match word.split_at_checked(WORD_BYTES_MAX) {
            Some((start, rest)) if !rest.is_empty() => {
                [start, format!("... ({} more bytes)", rest.len()).as_bytes()].concat()
            }
            _ => word.to_vec(),
        }
    };
    let mut words: Vec<Vec<u8>> = argv.iter().take(kept).enumerate().map(show).collect();
    if kept < argv.len() {
        words.push(format!("... ({} more arguments)", argv.len() - kept).into_bytes());
    }
    words
}

/// Which words are secret: besides passwords, all of what is said of users, and some parameters.
fn secrets(entry: &Entry, argv: Argv<'_>) -> Vec<usize> {
    match entry.full_name.as_str() {
        "acl|setuser" | "acl|getuser" | "acl|deluser" => (2..argv.len()).collect(),
        "config|set" => {
            let is_secret = |&index: &usize| {
                let found = argv.get(index - 1).and_then(table::find);
                index % 2 == 1 && found.is_some_and(|(param, _)| SECRETS.contains(&param.name))
            };
            (3..argv.len()).filter(is_secret).collect()
        }
        _ => entry.secrets(argv),
    }
}
