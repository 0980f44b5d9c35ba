//! Running commands: what happens between the arguments of a command and its reply.
//!
//! [`exec`] finds the command, checks what must be checked before any handler runs, queues it in a
//! transaction or calls it; [`ctx`] is all that a handler sees; [`block`] lets commands wait and
//! wakes them; [`keys`] reads and changes keys under the rules that hold for every command
//! (expiry, watches, notifications). State is divided by owner: what belongs to keys is in
//! `shard`, what belongs to a connection in its session, the rest is shared.

pub mod access;
pub mod ahead;
pub mod aof;
pub mod args;
pub mod block;
pub mod client_eviction;
pub mod clients;
pub mod config;
pub mod ctx;
pub mod databases;
pub mod describing;
pub mod eviction;
pub mod exec;
pub mod expiry;
pub mod help;
pub mod import;
pub mod keys;
pub mod latency;
#[cfg(feature = "config-file")]
pub mod listening;
pub mod loading;
pub mod migrating;
pub mod monitor;
pub mod moving;
pub mod notify;
pub mod propagate;
pub mod pubsub;
pub mod rewriting;
pub mod saving;
pub mod slowlog;
pub mod snapshotting;
pub mod stats;
pub mod stopwatch;
pub mod tracking;
pub mod transaction;
pub mod world;

pub use args::Args;
pub use config::Config;
pub use ctx::Ctx;
pub use notify::Class;
pub use stats::Stats;
pub use world::{Effect, Measures};

use crate::base::Error;
use crate::base::ordered::IdSet;
use crate::base::rng::{Rng, Seed};
use crate::base::time::{Monotonic, Time};
use crate::session::Registry;
use crate::spec::{self, Acl, Group, table};
use crate::store::Shard;

/// What a handler returns: it has written its reply, waits, or an error is the reply.
pub type Outcome = Result<(), Error>;

/// The function that runs a command.
pub type Handler = for<'a, 'b> fn(&'a mut Ctx<'b>, Args<'b>) -> Outcome;

/// A command of this engine.
pub type Command = spec::Command<Handler>;

/// The commands of this engine.
pub type Table = table::Table<Handler>;

/// A command with what was derived from it.
pub type Entry = table::Entry<Handler>;

impl Command {
    /// What a declaration leaves out.
    pub const BASE: Self = Self {
        name: "",
        summary: "",
        since: "1.0.0",
        group: Group::Generic,
        complexity: spec::CONSTANT,
        flags: &[],
        acl: Acl::Group(&[]),
        args: &[],
        arity: None,
        key_specs: None,
        find_keys: None,
        tips: &[],
        deprecated: None,
        subcommands: &[],
        example: "",
        run: unreachable_container,
    };
}

/// The handler of a container, which is never called: its subcommands are.
fn unreachable_container(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Err(Error::Syntax)
}

/// Everything of a node but the connection whose command is running.
pub struct Engine {
    /// The commands there are.
    pub table: &'static Table,
    /// The settings.
    pub config: Config,
    /// What belongs to keys.
    pub shard: Shard,
    /// The connections, without the one whose command is running.
    pub clients: Registry,
    /// Who is subscribed to what.
    pub pubsub: pubsub::Pubsub,
    /// Who is to be told when keys change.
    pub tracker: tracking::Tracker,
    /// The clients in MONITOR.
    pub monitors: IdSet,
    /// Clients to look at again.
    pub care: clients::Care,
    /// What was counted.
    pub stats: Stats,
    /// How long things take.
    pub stopwatch: stopwatch::Stopwatch,
    /// Commands that took long.
    pub slowlog: slowlog::SlowLog,
    /// Events that took long.
    pub latency: latency::Latencies,
    /// Chance.
    pub rng: Rng,
    /// This run's id: 40 hexadecimal digits.
    pub run_id: String,
    /// The id of this data's history: 40 hexadecimal digits.
    pub repl_id: [u8; 40],
    /// When the node was made.
    pub started: Time,
    /// What the host measured last.
    pub measures: Measures,
    /// What is asked of the host when the current event is done.
    pub effects: Vec<Effect>,
    /// How the append-only file stands.
    pub aof: aof::Aof,
    /// Who hears of changes.
    pub propagation: propagate::Propagation,
    /// What runs repeats what was done before: nothing expires by itself, and what was propagated by
    /// a Redis is taken as it is.
    pub is_replaying: bool,
    /// Changes since the last successful save.
    pub dirty: u64,
    /// How snapshots stand.
    pub saving: saving::Saving,
    /// Another folder for the files is asked for.
    pub(in crate::engine) moving: Option<moving::Moving>,
    /// Other addresses are asked for.
    #[cfg(feature = "config-file")]
    pub(in crate::engine) listening: Option<listening::Listening>,
    /// Clients that wait for the configuration file.
    pub rewriting: rewriting::Rewriting,
    /// The descriptions of the commands.
    pub(in crate::engine) describing: describing::Describing,
    /// Connections to other servers.
    pub links: migrating::Links,
    /// What is being loaded.
    pub load: Option<Box<loading::Load>>,
    /// What was loaded last.
    pub loaded: loading::Loaded,
    /// Libraries of functions that a snapshot held: their code. They cannot be run yet; they are
    /// kept, and saved again.
    pub libraries: Vec<Box<[u8]>>,
    /// Checksums of what is loaded or restored are compared (DEBUG SET-SKIP-CHECKSUM-VALIDATION).
    pub checks_sums: bool,
    /// When what was deleted is freed further, if something is left of it.
    pub next_freeing: Option<Monotonic>,
    /// DEBUG SLEEP, and while what must not change is on its way: nothing runs before this.
    pub asleep_until: Option<Monotonic>,
    /// CLIENT PAUSE.
    pub pause: block::Pause,
    /// Time-outs of blocked clients, and those that can go on.
    pub blocking: block::Blocking,
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub active_expire: bool,
    /// How far active expiry has come.
    pub expiry: expiry::Cycle,
    /// How making room stands.
    pub eviction: eviction::Eviction,
    /// What clients hold.
    pub client_bytes: client_eviction::ClientBytes,
    /// The access bits of a key that is used now.
    pub access_clock: u32,
    /// DEBUG QUICKLIST-PACKED-THRESHOLD: from which size on an element of a list has a node of its
    /// own; `None` for what a node may hold.
    pub packed_threshold: Option<usize>,
    /// How deeply commands are nested: 1 in a command, 2 in a command of EXEC.
    pub depth: usize,
}

impl Engine {
    /// An engine without data.
    pub fn new(table: &'static Table, config: Config, seed: Seed, now: Time) -> Self {
        let mut rng = Rng::new(seed);
        let hash_key = [rng.next_u64(), rng.next_u64()];
        let run_id = String::from_utf8_lossy(&rng.hex::<40>()).into_owned();
        let repl_id = rng.hex();
        Self {
            table,
            shard: Shard::new(config.databases, hash_key),
            config,
            clients: Registry::default(),
            pubsub: pubsub::Pubsub::default(),
            tracker: tracking::Tracker::default(),
            monitors: IdSet::default(),
            care: clients::Care::default(),
            stats: Stats::new(table.entries().len()),
            stopwatch: stopwatch::Stopwatch::default(),
            slowlog: slowlog::SlowLog::default(),
            latency: latency::Latencies::default(),
            rng,
            run_id,
            repl_id,
            started: now,
            measures: Measures::default(),
            effects: Vec::new(),
            aof: aof::Aof::new(now),
            propagation: propagate::Propagation::default(),
            is_replaying: false,
            dirty: 0,
            saving: saving::Saving::new(now),
            moving: None,
            #[cfg(feature = "config-file")]
            listening: None,
            rewriting: rewriting::Rewriting::default(),
            describing: describing::Describing::new(table),
            links: migrating::Links::default(),
            load: None,
            loaded: loading::Loaded::default(),
            libraries: Vec::new(),
            checks_sums: true,
            next_freeing: None,
            asleep_until: None,
            pause: block::Pause::default(),
            blocking: block::Blocking::default(),
            active_expire: true,
            expiry: expiry::Cycle::new(now),
            eviction: eviction::Eviction::default(),
            client_bytes: client_eviction::ClientBytes::default(),
            access_clock: access::FIRST_CLOCK,
            packed_threshold: None,
            depth: 0,
        }
    }
}
