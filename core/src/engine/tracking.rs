//! CLIENT TRACKING: telling clients that what they keep a copy of has changed.
//!
//! In the default mode the node remembers who has read which key, and tells each reader once when
//! the key changes. In broadcasting mode it remembers nothing but prefixes, and tells their clients
//! of every change below them, once an event. Keys are known by name alone, in whatever database,
//! as in Redis. While nobody tracks, all of this costs a look at two numbers.

use std::ops::Bound;

use super::{Ctx, Engine, Entry};
use crate::base::ordered::{IdMap, IdSet, NameMap, NameSet};
use crate::resp::{Argv, Out, Proto};
use crate::session::Session;
use crate::spec::{Flag, derive};

/// Where a subscriber gets the messages of clients that redirect theirs to it.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Keys forgotten at most before one command, when there are too many.
const FORGOTTEN_PER_COMMAND_MAX: usize = 100;

/// Who is to be told of which changes.
#[derive(Debug, Default)]
pub struct Tracker {
    /// Clients that track, in whichever mode.
    clients: IdMap<Tracking>,
    /// The readers of each key. Ids of clients that no longer track stay until the key changes.
    readers: NameMap<IdSet>,
    /// The sum of the readers of all keys.
    readings: usize,
    /// What clients in broadcasting mode want to know of.
    prefixes: NameMap<Prefix>,
}

/// How one client tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// The client that gets the messages in its place.
    pub redirect: Option<u64>,
    /// That client has gone.
    pub is_broken: bool,
    /// What it wants to know of.
    pub scope: Scope,
    /// It does not want to know of its own changes.
    pub no_loop: bool,
}

/// What a client wants to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The keys it reads.
    Reads(Caching),
    /// All keys that begin with one of these.
    Prefixes(NameSet),
}

/// Which reads a client keeps copies of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// All.
    Always,
    /// Those that follow CLIENT CACHING YES.
    OptIn {
        /// The next one does.
        yes: bool,
    },
    /// All but those that follow CLIENT CACHING NO.
    OptOut {
        /// The next one does.
        no: bool,
    },
}

/// A prefix of keys.
#[derive(Debug, Default)]
struct Prefix {
    /// Who wants to know.
    clients: IdSet,
    /// Keys changed since they were told, each with the client that changed it first, if one did.
    changed: NameMap<Option<u64>>,
}

impl Tracker {
    /// Number of clients that track.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Number of keys whose readers are remembered.
    pub fn keys(&self) -> usize {
        self.readers.len()
    }

    /// Number of readers that are remembered, of all keys together.
    pub fn readings(&self) -> usize {
        self.readings
    }

    /// Number of prefixes that clients want to know of.
    pub fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    /// How client `id` tracks, if it does.
    pub fn get(&self, id: u64) -> Option<&Tracking> {
        self.clients.get(&id)
    }

    /// As [`Tracker::get`], to change what is read next.
    pub fn caching_mut(&mut self, id: u64) -> Option<&mut Caching> {
        match &mut self.clients.get_mut(&id)?.scope {
            Scope::Reads(caching) => Some(caching),
            Scope::Prefixes(_) => None,
        }
    }

    /// Enters client `id`, or changes how it tracks.
    pub fn start(&mut self, id: u64, tracking: Tracking) {
        if let Scope::Prefixes(prefixes) = &tracking.scope {
            for prefix in prefixes.iter() {
                let known = self.prefixes.get_or_insert_with(prefix.into(), Prefix::default);
                known.clients.insert(id);
            }
        }
        self.clients.insert(id, tracking);
    }

    /// Removes client `id`.
    pub fn stop(&mut self, id: u64) {
        let Some(Tracking { scope: Scope::Prefixes(names), .. }) = self.clients.remove(&id) else {
            return;
        };
        for name in names.iter() {
            if let Some(prefix) = self.prefixes.get_mut(name) {
                prefix.clients.remove(id);
                if prefix.clients.is_empty() {
                    self.prefixes.remove(name);
                }
            }
        }
    }

    /// Takes out the readers of `key`.
    fn take_readers(&mut self, key: &[u8]) -> IdSet {
        let readers = self.readers.remove(key).unwrap_or_default();
        self.readings -= readers.len();
        readers
    }

    /// Whether client `id` is to be told of a key that it has read and that `author` changed.
    fn tells_reader(&self, id: u64, author: Option<u64>) -> bool {
        self.clients.get(&id).is_some_and(|tracking| {
            // Whoever has gone over to prefixes is told in that way only.
            matches!(tracking.scope, Scope::Reads(_)) && !(tracking.no_loop && author == Some(id))
        })
    }
}

impl Ctx<'_> {
    /// Remembers that the client has read the keys of the command that just ran. O(its keys).
    #[inline]
    pub fn track_reads(&mut self, argv: Argv<'_>) {
        if self.session.tracking {
            self.engine.track_reads(self.session, self.entry, argv);
        }
    }

    /// Everyone who tracks is told that all keys may have changed. `is_async` says that the
    /// client asked not to wait for the memory to be freed.
    pub fn tracked_keys_are_gone(&mut self, is_async: bool) {
        // Redis blocks the client while a thread frees the memory, so its message comes first.
        let waits = !is_async && !self.deny_blocking;
        let id = self.session.id;
        let tracking = self.tracker.get(id);
        let is_own = tracking.is_some_and(|tracking| tracking.redirect.is_none());
        let first = waits && is_own && self.out.proto() == Proto::V3;
        if first {
            let muted = self.out.is_muted();
            self.out.set_muted(false);
            write_message(self.out, Out::null);
            self.out.set_muted(muted);
        }
        self.engine.tracked_keys_are_gone(first.then_some(id));
    }
}

impl Engine {
    /// Stops telling a client of changes.
    pub fn stop_tracking(&mut self, session: &mut Session) {
        if std::mem::take(&mut session.tracking) {
            self.tracker.stop(session.id);
        }
    }

    /// A command of `session` other than CLIENT is done: what CLIENT CACHING said is over.
    pub fn end_caching(&mut self, session: &Session) {
        if session.multi.is_some() {
            return;
        }
        match self.tracker.caching_mut(session.id) {
            Some(Caching::OptIn { yes }) => *yes = false,
            Some(Caching::OptOut { no }) => *no = false,
            Some(Caching::Always) | None => {}
        }
    }

    fn track_reads(&mut self, session: &Session, entry: &Entry, argv: Argv<'_>) {
        // What looks like a key of a subscription is a channel.
        let reads = entry.has(Flag::Readonly) && !entry.has(Flag::Pubsub);
        let is_kept = match self.tracker.caching_mut(session.id) {
            Some(Caching::Always) => true,
            Some(Caching::OptIn { yes }) => *yes,
            Some(Caching::OptOut { no }) => !*no,
            None => false,
        };
        if !reads || !is_kept {
            return;
        }
        for (index, _) in derive::keys(&entry.key_specs, argv).unwrap_or_default() {
            let Some(key) = argv.get(index) else { continue };
            let tracker = &mut self.tracker;
            let readers = tracker.readers.get_or_insert_with(key.into(), IdSet::default);
            tracker.readings += usize::from(readers.insert(session.id));
        }
    }

    /// `key` has changed: its readers are told, and broadcasting clients will be at the end of the
    /// event.
    #[inline]
    pub fn invalidate(&mut self, key: &[u8]) {
        // Keys are remembered for longer than the clients that read them.
        if !self.tracker.readers.is_empty() || !self.tracker.prefixes.is_empty() {
            self.invalidate_tracked(key);
        }
    }

    fn invalidate_tracked(&mut self, key: &[u8]) {
        let author = self.clients.running();
        self.tracker.prefixes.each_mut(|name, prefix| {
            if key.starts_with(name) {
                // Who changed it last counts: nobody, if it has expired since.
                prefix.changed.insert(key.into(), author);
            }
        });
        for &id in self.tracker.take_readers(key).as_slice() {
            if self.tracker.tells_reader(id, author) {
                self.tell_of(id, key);
            }
        }
    }

    /// Tells everyone who tracks, but for `told`, that all keys may have changed.
    fn tracked_keys_are_gone(&mut self, told: Option<u64>) {
        self.tracker.readers.clear();
        self.tracker.readings = 0;
        let ids: Vec<u64> = self.tracker.clients.keys().collect();
        for id in ids.into_iter().filter(|&id| told != Some(id)) {
            // Redirected or not, the null is that of the protocol of the client that tracks.
            let null = match self.clients.proto(id) {
                Some(Proto::V3) => b"_\r\n".as_slice(),
                _ => b"$-1\r\n",
            };
            self.tell(id, |out| out.raw(null));
        }
    }

    /// Tells the clients in broadcasting mode what has changed since they were told last. Called at
    /// the end of each event.
    #[inline]
    pub fn broadcast_changes(&mut self) {
        if !self.tracker.prefixes.is_empty() {
            self.broadcast_prefixes();
        }
    }

    fn broadcast_prefixes(&mut self) {
        let mut due = Vec::new();
        self.tracker.prefixes.each_mut(|_, prefix| {
            if !prefix.changed.is_empty() {
                due.push((std::mem::take(&mut prefix.changed), prefix.clients.clone()));
            }
        });
        for (changed, clients) in due {
            for &id in clients.as_slice() {
                let no_loop = self.tracker.get(id).is_some_and(|own| own.no_loop);
                let mut keys = Out::default();
                let mut count = 0;
                for (key, author) in changed.iter() {
                    if !(no_loop && *author == Some(id)) {
                        keys.bulk(key);
                        count += 1;
                    }
                }
                if count > 0 {
                    self.tell(id, |out| {
                        out.array(count);
                        out.raw(keys.pending());
                    });
                }
            }
        }
    }

    /// Tells client `id` of one key.
    fn tell_of(&mut self, id: u64, key: &[u8]) {
        self.tell(id, |out| {
            out.array(1);
            out.bulk(key);
        });
    }

    /// Sends client `id`, or the one it redirects its messages to, the keys that `write` writes.
    /// Where the receiver has no way to tell messages from replies, nothing is sent.
    fn tell(&mut self, id: u64, write: impl FnOnce(&mut Out)) {
        let Some(tracking) = self.tracker.clients.get_mut(&id) else { return };
        let (target, is_redirected) =
            (tracking.redirect.unwrap_or(id), tracking.redirect.is_some());
        match self.clients.proto(target) {
            Some(Proto::V3) => self.push(target, |out| write_message(out, write)),
            Some(Proto::V2) if is_redirected && self.pubsub.is_subscriber(target) => {
                self.push(target, |out| {
                    out.push(3);
                    out.bulk(b"message");
                    out.bulk(CHANNEL);
                    write(out);
                });
            }
            Some(Proto::V2) => {}
            None => {
                tracking.is_broken = true;
                if self.clients.proto(id) == Some(Proto::V3) {
                    self.push(id, |out| {
                        out.push(2);
                        out.bulk(b"tracking-redir-broken");
                        out.int(target as i64);
                    });
                }
            }
        }
    }

    /// Forgets the readers of some keys, telling them that these changed, while more keys are
    /// remembered than `tracking-table-max-keys`. Called before each command.
    #[inline]
    pub fn limit_tracked_keys(&mut self) {
        let max = self.config.tracking_table_max_keys;
        if max > 0 && self.tracker.readers.len() as u64 > max {
            self.forget_tracked_keys(max);
        }
    }

    fn forget_tracked_keys(&mut self, max: u64) {
        for _ in 0..FORGOTTEN_PER_COMMAND_MAX {
            if self.tracker.readers.len() as u64 <= max {
                break;
            }
            // Any key will do; the first one behind a random byte is found without a walk.
            let from = [self.rng.below(256) as u8];
            let readers = &self.tracker.readers;
            let behind = readers.from(Bound::Included(&from)).next();
            let Some((key, _)) = behind.or_else(|| readers.first()) else { break };
            let key: Box<[u8]> = key.into();
            let forgotten = self.tracker.take_readers(&key);
            for &id in forgotten.as_slice() {
                if self.tracker.tells_reader(id, None) {
                    self.tell_of(id, &key);
                }
            }
        }
    }
}

/// Writes the message that `write` writes the keys of.
fn write_message(out: &mut Out, write: impl FnOnce(&mut Out)) {
    out.push(2);
    out.bulk(b"invalidate");
    write(out);
}
