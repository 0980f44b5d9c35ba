//! MEMORY, and the figures on memory that INFO shows too.
//!
//! What a host measures says how much is in use, what databases and clients count says for what.
//! The *overhead* is what the server takes itself: what was in use when it started, the buffers of
//! clients, and the tables that find keys. The rest is data.

use crate::base::Error;
use crate::engine::{Args, Command, Ctx, Engine, Outcome};
use crate::resp::Out;
use crate::session::Client;
use crate::spec::{Access::*, Flag::*, Group, integer, key, opt};
use crate::store::Db;

pub(crate) const COMMANDS: &[&Command] = &[&MEMORY];

/// How proxies combine the replies of several servers.
const PER_SHARD: &[&str] =
    &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

/// What memory is used for, in bytes.
pub(super) struct Figures {
    pub(super) used: u64,
    pub(super) peak: u64,
    pub(super) startup: u64,
    pub(super) resident: u64,
    /// Buffers of clients.
    pub(super) clients: u64,
    /// What is to be written to the append-only file.
    pub(super) log: u64,
    /// Tables that find keys.
    pub(super) tables: u64,
    pub(super) keys: u64,
}

impl Figures {
    /// The figures of now. Costs O(clients + databases).
    pub(super) fn of(engine: &Engine) -> Self {
        let used = engine.used_memory();
        let client = |client: &Client| client.session.memory_bytes(&client.out);
        let sum = |of: fn(&Db) -> usize| engine.shard.dbs.iter().map(of).sum::<usize>() as u64;
        Self {
            used,
            peak: engine.stats.peak_memory.max(used),
            startup: engine.stats.startup_memory,
            resident: engine.measures.rss,
            clients: engine.clients.iter().map(client).sum::<usize>() as u64,
            log: engine.log_bytes(),
            tables: sum(Db::table_bytes),
            keys: sum(Db::len),
        }
    }

    /// What the server takes itself.
    pub(super) fn overhead(&self) -> u64 {
        self.startup + self.clients + self.log + self.tables
    }

    /// What the data takes.
    pub(super) fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// The part of the memory taken since the start that is data, in percent.
    pub(super) fn dataset_percentage(&self) -> f64 {
        percentage(self.dataset(), self.used.saturating_sub(self.startup))
    }

    /// What of the peak is still in use, in percent.
    pub(super) fn peak_percentage(&self) -> f64 {
        percentage(self.used, self.peak)
    }

    /// How much more the process holds than it uses, as a factor and in bytes.
    pub(super) fn fragmentation(&self) -> (f64, i64) {
        let bytes = self.resident as i64 - self.used as i64;
        (self.resident as f64 / self.used.max(1) as f64, bytes)
    }
}

fn percentage(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

const MEMORY: Command = Command {
    name: "MEMORY",
    summary: "Tells what memory is used for.",
    since: "4.0.0",
    group: Group::Server,
    complexity: "That of the subcommand",
    subcommands: &[
        &MEMORY_DOCTOR,
        &MEMORY_MALLOC_STATS,
        &MEMORY_PURGE,
        &MEMORY_STATS,
        &MEMORY_USAGE,
    ],
    ..Command::BASE
};

const MEMORY_USAGE: Command = Command {
    name: "USAGE",
    summary: "Replies with the bytes that a key and its value take.",
    since: "4.0.0",
    group: Group::Server,
    complexity: "O(N) in the number of parts of the value",
    flags: &[Readonly],
    args: &[key("key", &[Ro]), opt(integer("count").after("SAMPLES"))],
    example: "> MEMORY USAGE nosuch\n(nil)\n",
    run: memory_usage,
    ..Command::BASE
};

fn memory_usage(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    while !args.is_empty() {
        if !args.eat("SAMPLES") {
            return Err(Error::Syntax);
        }
        // Sizes are known here, not sampled.
        if args.integer()? < 0 {
            return Err(Error::Syntax);
        }
    }
    let bytes = match cx.inspect(key) {
        Some(_) => cx.shard.dbs.get(cx.session.db).and_then(|db| db.memory_usage(key)),
        None => None,
    };
    match bytes {
        Some(bytes) => cx.out.count(bytes),
        None => cx.out.null(),
    }
    Ok(())
}

const MEMORY_DOCTOR: Command = Command {
    name: "DOCTOR",
    summary: "Says in words whether the use of memory looks healthy.",
    since: "4.0.0",
    group: Group::Server,
    tips: PER_SHARD,
    run: memory_doctor,
    ..Command::BASE
};

fn memory_doctor(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    const LITTLE_BYTES: u64 = 5 << 20;
    const CLIENT_BYTES_MAX: u64 = 200 << 10;
    let figures = Figures::of(cx.engine);
    let clients = cx.clients.iter().count().max(1) as u64;
    let (factor, unused) = figures.fragmentation();
    let findings = [
        (
            figures.used * 3 / 2 < figures.peak,
            "At its peak, far more memory was in use than now. The allocator may keep some of it \
             for new data.\n",
        ),
        (
            factor > 1.4 && unused > 10 << 20,
            "The process holds far more memory than is in use. That is usual after much was \
             deleted, and goes back little by little.\n",
        ),
        (
            figures.clients / clients > CLIENT_BYTES_MAX,
            "Clients have large buffers. CLIENT LIST shows whose.\n",
        ),
    ];
    let mut text: String =
        findings.into_iter().filter(|(found, _)| *found).map(|(_, text)| text).collect();
    if figures.used < LITTLE_BYTES {
        text = "There is too little data here for a diagnosis.\n".into();
    } else if text.is_empty() {
        text = "Nothing looks wrong. MEMORY STATS has the figures.\n".into();
    }
    cx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

const MEMORY_STATS: Command = Command {
    name: "STATS",
    summary: "Replies with figures on the use of memory.",
    since: "4.0.0",
    group: Group::Server,
    tips: PER_SHARD,
    run: memory_stats,
    ..Command::BASE
};

fn memory_stats(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let figures = Figures::of(cx.engine);
    let engine = &*cx.engine;
    let dbs = engine.shard.dbs.iter().enumerate().filter(|(_, db)| !db.is_empty());
    let dbs: Vec<(usize, usize)> = dbs.map(|(number, db)| (number, db.table_bytes())).collect();
    let (factor, unused) = figures.fragmentation();
    let own = figures.used.saturating_sub(figures.startup);
    let bytes = |bytes: u64| Figure::Number(i64::try_from(bytes).unwrap_or(i64::MAX));
    let before = [
        ("peak.allocated", bytes(figures.peak)),
        ("total.allocated", bytes(figures.used)),
        ("startup.allocated", bytes(figures.startup)),
        ("replication.backlog", NONE),
        ("replica.fullsync.buffer", NONE),
        ("clients.slaves", NONE),
        ("clients.normal", bytes(figures.clients)),
        ("cluster.links", NONE),
        ("aof.buffer", bytes(figures.log)),
        ("lua.caches", NONE),
        ("functions.caches", NONE),
        ("script.VMs", NONE),
    ];
    let behind = [
        ("overhead.db.hashtable.lut", bytes(figures.tables)),
        ("overhead.db.hashtable.rehashing", NONE),
        ("overhead.total", bytes(figures.overhead())),
        ("db.dict.rehashing.count", NONE),
        ("keys.count", bytes(figures.keys)),
        ("keys.bytes-per-key", bytes(own / figures.keys.max(1))),
        ("dataset.bytes", bytes(figures.dataset())),
        ("dataset.percentage", Figure::Part(figures.dataset_percentage())),
        ("peak.percentage", Figure::Part(figures.peak_percentage())),
        ("allocator.allocated", bytes(figures.used)),
        ("allocator.active", bytes(figures.resident)),
        ("allocator.resident", bytes(figures.resident)),
        ("allocator.muzzy", NONE),
        ("allocator-fragmentation.ratio", Figure::Part(factor)),
        ("allocator-fragmentation.bytes", Figure::Number(unused)),
        // What the process holds is what the allocator holds.
        ("allocator-rss.ratio", Figure::Part(1.0)),
        ("allocator-rss.bytes", NONE),
        ("rss-overhead.ratio", Figure::Part(1.0)),
        ("rss-overhead.bytes", NONE),
        ("fragmentation", Figure::Part(factor)),
        ("fragmentation.bytes", Figure::Number(unused)),
    ];
    cx.out.map(before.len() + dbs.len() + behind.len());
    before.into_iter().for_each(|(name, figure)| figure.write(name, cx.out));
    for (number, table) in dbs {
        cx.out.bulk(format!("db.{number}").as_bytes());
        cx.out.map(2);
        bytes(table as u64).write("overhead.hashtable.main", cx.out);
        // Expiries lie in the entries and in the table of all keys.
        NONE.write("overhead.hashtable.expires", cx.out);
    }
    behind.into_iter().for_each(|(name, figure)| figure.write(name, cx.out));
    Ok(())
}

/// A figure of MEMORY STATS.
enum Figure {
    Number(i64),
    Part(f64),
}

/// Of what is not there.
const NONE: Figure = Figure::Number(0);

impl Figure {
    fn write(self, name: &str, out: &mut Out) {
        out.bulk(name.as_bytes());
        match self {
            Self::Number(number) => out.int(number),
            Self::Part(part) => out.double(part),
        }
    }
}

const MEMORY_MALLOC_STATS: Command = Command {
    name: "MALLOC-STATS",
    summary: "Says that the allocator keeps no statistics.",
    since: "4.0.0",
    group: Group::Server,
    tips: PER_SHARD,
    run: memory_malloc_stats,
    ..Command::BASE
};

fn memory_malloc_stats(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.bulk(b"Stats not supported for the current allocator");
    Ok(())
}

const MEMORY_PURGE: Command = Command {
    name: "PURGE",
    summary: "Accepted; the allocator gives memory back by itself.",
    since: "4.0.0",
    group: Group::Server,
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    example: "> MEMORY PURGE\nOK\n",
    run: memory_purge,
    ..Command::BASE
};

fn memory_purge(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.ok();
    Ok(())
}
