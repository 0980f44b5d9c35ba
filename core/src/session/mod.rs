//! What belongs to one connection.
//!
//! A session is a connection's state: who it is, which database and protocol it uses, what it has
//! queued, watched and subscribed to, and whether it waits. Its output is beside it in [`Client`],
//! so that a handler can write a reply while it reads the session.

pub mod fieldsets;
pub mod registry;

pub use fieldsets::Fieldsets;
pub use registry::{Client, Registry};

use crate::base::ordered::{NameSet, OrdMap};
use crate::base::time::{Monotonic, Time};
use crate::resp::{Decoder, Out, OwnedArgv};
use crate::store::{DbKey, Type};

/// About how many bytes a watched key or the name of a channel takes.
const NAME_BYTES: usize = 96;

/// A connection's number, given by the host, which may use a number again once it was closed.
/// Small numbers are best: they index a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u32);

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, as CLIENT LIST shows it (`127.0.0.1:50000`, `/path:0`).
    pub addr: String,
    /// The address it connected to.
    pub laddr: String,
    /// The host's own number for it (a file descriptor), shown by CLIENT LIST.
    pub fd: i64,
    /// Whether the client is on this machine, or in this page.
    pub local: bool,
}

/// One connection's state.
pub struct Session {
    /// The client's id, never used twice.
    pub id: u64,
    /// The host's number for the connection.
    pub conn: ConnId,
    /// Where it comes from.
    pub origin: Origin,
    /// When it was opened.
    pub opened: Time,
    /// When it last sent a command.
    pub active: Monotonic,
    /// Set by CLIENT SETNAME or HELLO.
    pub name: Vec<u8>,
    /// Set by CLIENT SETINFO.
    pub lib_name: Vec<u8>,
    /// Set by CLIENT SETINFO.
    pub lib_ver: Vec<u8>,
    /// The selected database.
    pub db: usize,
    /// Whether it has to authenticate before anything else.
    pub must_auth: bool,
    /// The user it is.
    pub user: String,
    /// The transaction between MULTI and EXEC.
    pub multi: Option<Multi>,
    /// Keys that WATCH named, each with its version then and whether it was there.
    pub watched: OrdMap<DbKey, Watch>,
    /// What it is subscribed to.
    pub subscriptions: Subscriptions,
    /// What HIMPORT PREPARE has named.
    pub fieldsets: Fieldsets,
    /// What it waits for.
    pub blocked: Option<Blocked>,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// It gets a line for every command that others run.
    pub monitor: bool,
    /// It wants to be told when keys change (CLIENT TRACKING).
    pub tracking: bool,
    /// Number of commands in the transaction that EXEC is running.
    pub executing: Option<usize>,
    /// The connection is closed once what it is owed has been sent.
    pub closing: bool,
    /// The command it ran last, by full name.
    pub last_command: &'static str,
    /// Bytes received and not yet decoded.
    pub input: Vec<u8>,
    /// Where decoding stands.
    pub decoder: Decoder,
    /// What it held when that was noted last, in bytes; 0 if it never was.
    pub held_bytes: u64,
    /// Bytes received in all.
    pub bytes_in: u64,
    /// Bytes sent in all.
    pub bytes_out: u64,
    /// Commands run in all.
    pub commands: u64,
    /// Up to where its own changes are recorded.
    pub recorded: u64,
}

/// A transaction being put together.
#[derive(Default)]
pub struct Multi {
    /// The commands to run: place in the table, and arguments.
    pub queue: Vec<(usize, OwnedArgv)>,
    /// A command could not be queued, so that EXEC must refuse.
    pub aborted: bool,
    /// Bytes the queued arguments take.
    pub bytes: usize,
}

/// What WATCH has noted of a key.
pub struct Watch {
    /// Its version when WATCH ran.
    pub version: u64,
    /// It was there then. What was not (because it had expired, too) cannot expire since.
    pub existed: bool,
}

/// Channels and patterns a session is subscribed to.
#[derive(Default)]
pub struct Subscriptions {
    /// By SUBSCRIBE.
    pub channels: NameSet,
    /// By PSUBSCRIBE.
    pub patterns: NameSet,
    /// By SSUBSCRIBE.
    pub shard_channels: NameSet,
}

impl Subscriptions {
    /// Whether there are any.
    pub fn any(&self) -> bool {
        !(self.channels.is_empty() && self.patterns.is_empty() && self.shard_channels.is_empty())
    }
}

/// A command that waits.
pub struct Blocked {
    /// Its place in the command table.
    pub command: usize,
    /// Its arguments, to run it again with.
    pub argv: OwnedArgv,
    /// What it waits for.
    pub on: BlockedOn,
    /// When it stops waiting.
    pub deadline: Option<Monotonic>,
    /// When it is to run again although no key has changed.
    pub again: Option<Monotonic>,
    /// When it began.
    pub since: Monotonic,
    /// Its place among all that wait: who has the lower one has waited longer.
    pub ticket: u64,
    /// What its attempts have taken, in nanoseconds.
    pub took_ns: u64,
}

impl Blocked {
    /// Whether the command has not begun, because CLIENT PAUSE holds it back.
    pub fn is_paused(&self) -> bool {
        matches!(self.on, BlockedOn::Unpause)
    }
}

/// What a command waits for.
pub enum BlockedOn {
    /// One of these keys to hold a value of this type.
    Keys {
        /// The keys, in the order they are looked at.
        keys: Vec<DbKey>,
        /// The type that can be served.
        kind: Type,
        /// Any change of a key is to be looked at, also that there is none any more.
        or_gone: bool,
    },
    /// Clients to be let go on (CLIENT PAUSE); the command has not begun.
    Unpause,
    /// Acknowledgements of replicas (WAIT); so many are there.
    Replicas,
    /// The world to answer: the disk (SAVE, SHUTDOWN, CONFIG SET dir), another server (MIGRATE).
    World,
    /// What was recorded up to here to be safe, and replicas to say the same (WAITAOF).
    AppendOnly {
        /// See [`Engine::recorded`](crate::engine::Engine::recorded).
        until: u64,
        /// Replicas have to say so too.
        needs_replicas: bool,
    },
}

/// Which replies a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReplyMode {
    /// All.
    #[default]
    On,
    /// None.
    Off,
    /// None to the command after this one.
    SkipNext,
    /// None to this command.
    Skip,
}

impl Session {
    /// The session of a new connection.
    pub fn new(id: u64, conn: ConnId, origin: Origin, now: Time) -> Self {
        Self {
            id,
            conn,
            origin,
            opened: now,
            active: now.mono,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_ver: Vec::new(),
            db: 0,
            must_auth: false,
            user: "default".into(),
            multi: None,
            watched: OrdMap::default(),
            fieldsets: Fieldsets::default(),
            subscriptions: Subscriptions::default(),
            blocked: None,
            reply_mode: ReplyMode::On,
            no_evict: false,
            no_touch: false,
            monitor: false,
            tracking: false,
            executing: None,
            closing: false,
            last_command: "NULL",
            input: Vec::new(),
            decoder: Decoder::default(),
            held_bytes: 0,
            bytes_in: 0,
            bytes_out: 0,
            commands: 0,
            recorded: 0,
        }
    }

    /// About how many bytes the connection takes, with its output `out`. Costs O(1).
    pub fn memory_bytes(&self, out: &Out) -> usize {
        let subscriptions = &self.subscriptions;
        let names = self.watched.len()
            + subscriptions.channels.len()
            + subscriptions.patterns.len()
            + subscriptions.shard_channels.len();
        size_of::<Self>()
            + self.input.capacity()
            + self.multi.as_ref().map_or(0, |multi| multi.bytes)
            + self.blocked.as_ref().map_or(0, |blocked| blocked.argv.heap_bytes())
            + self.fieldsets.heap_bytes()
            + self.decoder.heap_bytes()
            + out.heap_bytes()
            + names * NAME_BYTES
    }
}
