//! INFO: what the server knows of itself, in sections of `name:value` lines.
//!
//! Each field is declared once, with the function that works it out. A field that other programs look
//! for and that has no meaning here says so by the value that Redis gives it when idle. How
//! long commands took is known if the host has lent a [`stopwatch`](crate::engine::stopwatch).

use super::memory::Figures;
use crate::base::num;
use crate::base::ordered::OrdSet;
use crate::base::time::Time;
use crate::engine::aof;
use crate::engine::config::{REDIS_VERSION, table};
use crate::engine::loading::Load;
use crate::engine::pubsub::Kind;
use crate::engine::{Args, Command, Ctx, Engine, Outcome};
use crate::session::BlockedOn;
use crate::spec::{Acl, Category, Flag::*, Group, many, opt, string};

pub(crate) const COMMANDS: &[&Command] = &[&INFO];

const INFO: Command = Command {
    name: "INFO",
    summary: "Replies with facts and figures on the server, in sections.",
    since: "1.0.0",
    group: Group::Server,
    flags: &[Loading, Stale],
    acl: Acl::Group(&[Category::Dangerous]),
    args: &[opt(many(string("section")))],
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    run: info,
    ..Command::BASE
};

fn info(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let wanted: Vec<Vec<u8>> = args.rest().iter().map(<[u8]>::to_ascii_lowercase).collect();
    let view = View { engine: cx.engine, now: cx.now, watched: cx.session.watched.len() };
    let mut text = String::new();
    for section in SECTIONS.iter().filter(|section| section.is_wanted(&wanted)) {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        text.push_str(&format!("# {}\r\n", section.title));
        match section.lines {
            Lines::Fields(fields) => write_fields(&view, fields, &mut text),
            Lines::Many(write) => write(&view, &mut text),
        }
    }
    cx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Writes a line for each field.
fn write_fields(view: &View<'_>, fields: &[Field], text: &mut String) {
    for (name, value) in fields {
        text.push_str(&format!("{name}:{}\r\n", value(view)));
    }
}

/// What the fields are worked out from.
struct View<'a> {
    engine: &'a Engine,
    now: Time,
    /// Keys watched by the client that asks, who is not among the engine's clients meanwhile.
    watched: usize,
}

struct Section {
    title: &'static str,
    /// Shown without being named.
    is_default: bool,
    lines: Lines,
}

enum Lines {
    Fields(&'static [Field]),
    /// Lines whose names depend on the data.
    Many(fn(&View<'_>, &mut String)),
}

type Field = (&'static str, fn(&View<'_>) -> String);

impl Section {
    fn is_wanted(&self, wanted: &[Vec<u8>]) -> bool {
        let by = |word: &Vec<u8>| match word.as_slice() {
            b"all" | b"everything" => true,
            b"default" => self.is_default,
            name => name.eq_ignore_ascii_case(self.title.as_bytes()),
        };
        if wanted.is_empty() { self.is_default } else { wanted.iter().any(by) }
    }
}

const fn section(title: &'static str, fields: &'static [Field]) -> Section {
    Section { title, is_default: true, lines: Lines::Fields(fields) }
}

const SECTIONS: &[Section] = &[
    section("Server", SERVER),
    section("Clients", CLIENTS),
    section("Memory", MEMORY),
    Section { title: "Persistence", is_default: true, lines: Lines::Many(persistence) },
    section("Stats", STATS),
    section("Replication", REPLICATION),
    section("CPU", CPU),
    section("Modules", &[]),
    Section { title: "Commandstats", is_default: false, lines: Lines::Many(command_stats) },
    Section { title: "Errorstats", is_default: true, lines: Lines::Many(error_stats) },
    Section { title: "Latencystats", is_default: false, lines: Lines::Many(latency_stats) },
    section("Cluster", &[("cluster_enabled", zero)]),
    Section { title: "Keyspace", is_default: true, lines: Lines::Many(keyspace) },
];

fn zero(_: &View<'_>) -> String {
    "0".to_owned()
}

fn minus_one(_: &View<'_>) -> String {
    "-1".to_owned()
}

impl View<'_> {
    /// Keys that the snapshot under way has written, and how many it will hold.
    fn saving_keys(&self) -> (u64, u64) {
        self.engine.saving.running.as_ref().map_or((0, 0), |running| running.making.keys())
    }

    fn rewriting(&self) -> aof::Facts {
        self.engine.rewriting(self.now)
    }

    fn setting(&self, name: &str) -> String {
        let found = table::find(name.as_bytes()).map(|(param, _)| self.engine.config.text(param));
        String::from_utf8_lossy(&found.unwrap_or_default()).into_owned()
    }

    fn uptime_s(&self) -> u64 {
        self.now.mono.since_us(self.engine.started.mono) / 1_000_000
    }

    fn memory(&self) -> Figures {
        Figures::of(self.engine)
    }

    fn blocked(&self) -> usize {
        self.count(|client| client.session.blocked.is_some())
    }

    /// Keys that a client waits for to hold something, or to hold it no longer.
    fn keys_waited_to_go(&self) -> usize {
        let blocked = self.engine.clients.iter().filter_map(|one| one.session.blocked.as_ref());
        let keys = blocked.filter_map(|blocked| match &blocked.on {
            BlockedOn::Keys { keys, or_gone: true, .. } => Some(keys),
            _ => None,
        });
        let mut waited = OrdSet::default();
        keys.flatten().for_each(|key| {
            waited.insert(key.clone());
        });
        waited.len()
    }

    fn count(&self, is_one: impl Fn(&crate::session::Client) -> bool) -> usize {
        self.engine.clients.iter().filter(|client| is_one(client)).count()
    }
}

const SERVER: &[Field] = &[
    ("redis_version", |_| REDIS_VERSION.to_owned()),
    ("redstart_version", |_| env!("CARGO_PKG_VERSION").to_owned()),
    ("redis_git_sha1", |_| "00000000".to_owned()),
    ("redis_git_dirty", zero),
    ("redis_mode", |_| "standalone".to_owned()),
    ("os", |_| std::env::consts::OS.to_owned()),
    ("arch_bits", |_| usize::BITS.to_string()),
    ("run_id", |view| view.engine.run_id.clone()),
    ("tcp_port", |view| view.engine.config.port.to_string()),
    ("server_time_usec", |view| view.now.unix_us.to_string()),
    ("uptime_in_seconds", |view| view.uptime_s().to_string()),
    ("uptime_in_days", |view| (view.uptime_s() / 86_400).to_string()),
    ("hz", |view| view.engine.config.hz.to_string()),
    ("configured_hz", |view| view.engine.config.hz.to_string()),
    ("lru_clock", |view| (view.now.unix_s() & 0x00ff_ffff).to_string()),
    ("config_file", |view| view.engine.config.file.clone().unwrap_or_default()),
    ("io_threads_active", zero),
];

const CLIENTS: &[Field] = &[
    ("connected_clients", |view| view.engine.clients.len().to_string()),
    ("cluster_connections", zero),
    ("maxclients", |view| view.engine.config.maxclients.to_string()),
    ("blocked_clients", |view| view.blocked().to_string()),
    ("tracking_clients", |view| view.engine.tracker.clients().to_string()),
    ("pubsub_clients", |view| view.count(|client| client.session.subscriptions.any()).to_string()),
    ("watching_clients", |view| {
        let others = view.count(|client| !client.session.watched.is_empty());
        (others + usize::from(view.watched > 0)).to_string()
    }),
    ("clients_in_timeout_table", |view| {
        let has_deadline = |client: &crate::session::Client| {
            client.session.blocked.as_ref().is_some_and(|blocked| blocked.deadline.is_some())
        };
        view.count(has_deadline).to_string()
    }),
    ("total_watched_keys", |view| view.engine.shard.watches.len().to_string()),
    ("total_blocking_keys", |view| view.engine.shard.waiters.len().to_string()),
    ("total_blocking_keys_on_nokey", |view| view.keys_waited_to_go().to_string()),
];

const MEMORY: &[Field] = &[
    ("used_memory", |view| view.memory().used.to_string()),
    ("used_memory_human", |view| human(view.memory().used)),
    ("used_memory_rss", |view| view.memory().resident.to_string()),
    ("used_memory_rss_human", |view| human(view.memory().resident)),
    ("used_memory_peak", |view| view.memory().peak.to_string()),
    ("used_memory_peak_human", |view| human(view.memory().peak)),
    ("used_memory_peak_perc", |view| num::format_fixed(view.memory().peak_percentage(), 2) + "%"),
    ("used_memory_overhead", |view| view.memory().overhead().to_string()),
    ("used_memory_startup", |view| view.memory().startup.to_string()),
    ("used_memory_dataset", |view| view.memory().dataset().to_string()),
    ("used_memory_dataset_perc", |view| {
        num::format_fixed(view.memory().dataset_percentage(), 2) + "%"
    }),
    ("allocator_allocated", |view| view.memory().used.to_string()),
    ("allocator_active", |view| view.memory().resident.to_string()),
    ("allocator_resident", |view| view.memory().resident.to_string()),
    ("allocator_muzzy", zero),
    ("total_system_memory", |view| view.engine.measures.system_memory.to_string()),
    ("total_system_memory_human", |view| human(view.engine.measures.system_memory)),
    ("used_memory_lua", zero),
    ("used_memory_vm_eval", zero),
    ("used_memory_lua_human", |_| human(0)),
    ("used_memory_scripts_eval", zero),
    ("number_of_cached_scripts", zero),
    ("number_of_functions", zero),
    ("number_of_libraries", zero),
    ("used_memory_vm_functions", zero),
    ("used_memory_vm_total", zero),
    ("used_memory_vm_total_human", |_| human(0)),
    ("used_memory_functions", zero),
    ("used_memory_scripts", zero),
    ("used_memory_scripts_human", |_| human(0)),
    ("maxmemory", |view| view.engine.config.maxmemory.to_string()),
    ("maxmemory_human", |view| human(view.engine.config.maxmemory)),
    ("maxmemory_policy", |view| view.setting("maxmemory-policy")),
    ("allocator_frag_ratio", |view| num::format_fixed(view.memory().fragmentation().0, 2)),
    ("allocator_frag_bytes", |view| view.memory().fragmentation().1.to_string()),
    ("allocator_rss_ratio", |_| "1.00".to_owned()),
    ("allocator_rss_bytes", zero),
    ("rss_overhead_ratio", |_| "1.00".to_owned()),
    ("rss_overhead_bytes", zero),
    ("mem_fragmentation_ratio", |view| num::format_fixed(view.memory().fragmentation().0, 2)),
    ("mem_fragmentation_bytes", |view| view.memory().fragmentation().1.to_string()),
    ("mem_not_counted_for_evict", |view| view.engine.uncounted_bytes().to_string()),
    ("mem_replication_backlog", zero),
    ("mem_total_replication_buffers", zero),
    ("mem_replica_full_sync_buffer", zero),
    ("mem_clients_slaves", zero),
    ("mem_clients_normal", |view| view.memory().clients.to_string()),
    ("mem_cluster_links", zero),
    ("mem_aof_buffer", |view| view.memory().log.to_string()),
    ("mem_allocator", |view| view.engine.measures.allocator.to_owned()),
    ("mem_overhead_db_hashtable_rehashing", zero),
    ("active_defrag_running", zero),
    ("lazyfree_pending_objects", |view| {
        view.engine.shard.dbs.iter().map(crate::store::Db::dead_len).sum::<usize>().to_string()
    }),
    ("lazyfreed_objects", |view| view.engine.stats.lazyfreed_objects.to_string()),
];

/// A number of bytes for people: `1.45M`.
fn human(bytes: u64) -> String {
    let units = [(1u64 << 40, 'T'), (1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    match units.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => {
            format!("{}{unit}", num::format_fixed(bytes as f64 / *size as f64, 2))
        }
        None => format!("{bytes}B"),
    }
}

const PERSISTENCE: &[Field] = &[
    ("loading", |view| u8::from(view.engine.saving.is_loading()).to_string()),
    ("async_loading", zero),
    ("current_cow_peak", zero),
    ("current_cow_size", zero),
    ("current_cow_size_age", zero),
    ("current_fork_perc", |view| {
        let (written, total) = view.saving_keys();
        num::format_fixed(written as f64 * 100.0 / total.max(1) as f64, 2)
    }),
    ("current_save_keys_processed", |view| view.saving_keys().0.to_string()),
    ("current_save_keys_total", |view| view.saving_keys().1.to_string()),
    ("rdb_changes_since_last_save", |view| view.engine.dirty.to_string()),
    ("rdb_bgsave_in_progress", |view| {
        let running = view.engine.saving.running.as_ref();
        u8::from(running.is_some_and(|running| running.is_background)).to_string()
    }),
    ("rdb_last_save_time", |view| view.engine.saving.last.unix_s().to_string()),
    ("rdb_last_bgsave_status", |view| {
        if view.engine.saving.last_ok { "ok" } else { "err" }.to_owned()
    }),
    ("rdb_last_bgsave_time_sec", |view| match view.engine.saving.last_s {
        Some(seconds) => seconds.to_string(),
        None => minus_one(view),
    }),
    ("rdb_current_bgsave_time_sec", |view| match &view.engine.saving.running {
        Some(running) => (view.now.mono.since_us(running.since.mono) / 1_000_000).to_string(),
        None => minus_one(view),
    }),
    ("rdb_saves", |view| view.engine.saving.count.to_string()),
    ("rdb_last_cow_size", zero),
    ("rdb_last_load_keys_expired", |view| view.engine.loaded.expired.to_string()),
    ("rdb_last_load_keys_loaded", |view| view.engine.loaded.keys.to_string()),
    ("aof_enabled", |view| u8::from(view.engine.aof.state != aof::State::Off).to_string()),
    ("aof_rewrite_in_progress", |view| u8::from(view.engine.is_rewriting()).to_string()),
    ("aof_rewrite_scheduled", |view| u8::from(view.rewriting().is_scheduled).to_string()),
    ("aof_last_rewrite_time_sec", |view| or_minus_one(view.rewriting().last_s)),
    ("aof_current_rewrite_time_sec", |view| or_minus_one(view.rewriting().running_s)),
    ("aof_last_bgrewrite_status", |view| ok_or_err(!view.rewriting().last_failed)),
    ("aof_rewrites", |view| view.rewriting().count.to_string()),
    ("aof_rewrites_consecutive_failures", |view| view.rewriting().failures.to_string()),
    ("aof_last_write_status", |view| ok_or_err(view.engine.aof_failure().is_none())),
    ("aof_last_cow_size", zero),
    ("module_fork_in_progress", zero),
    ("module_fork_last_cow_size", zero),
];

/// What INFO tells besides while there is an append-only file.
const APPEND_ONLY: &[Field] = &[
    ("aof_current_size", |view| view.engine.aof_bytes().to_string()),
    ("aof_base_size", |view| view.rewriting().base_bytes.to_string()),
    ("aof_pending_rewrite", zero),
    ("aof_buffer_length", |view| view.engine.aof_buffered().to_string()),
    ("aof_pending_bio_fsync", |view| u8::from(view.engine.aof_is_syncing()).to_string()),
    ("aof_delayed_fsync", |view| view.engine.aof_delayed_syncs().to_string()),
];

/// What INFO tells besides while data is being loaded.
const LOADING: &[Field] = &[
    ("loading_start_time", |view| of_load(view, |load| load.since().unix_s().unsigned_abs())),
    ("loading_total_bytes", |view| of_load(view, Load::total_bytes)),
    ("loading_rdb_used_mem", |view| of_load(view, Load::used_memory)),
    ("loading_loaded_bytes", |view| of_load(view, Load::loaded_bytes)),
    ("loading_loaded_perc", |view| {
        let part = |load: &Load| load.loaded_bytes() as f64 / load.total_bytes().max(1) as f64;
        num::format_fixed(view.engine.loading().map_or(0.0, part) * 100.0, 2)
    }),
    ("loading_eta_seconds", |view| {
        of_load(view, |load| {
            let elapsed_s = view.now.mono.since_us(load.since().mono) / 1_000_000;
            let (done, all) = (load.loaded_bytes(), load.total_bytes());
            // At first nothing can be told.
            if elapsed_s == 0 { 1 } else { elapsed_s * all.saturating_sub(done) / (done + 1) }
        })
    }),
];

fn of_load(view: &View<'_>, figure: impl Fn(&Load) -> u64) -> String {
    view.engine.loading().map_or(0, figure).to_string()
}

fn persistence(view: &View<'_>, text: &mut String) {
    write_fields(view, PERSISTENCE, text);
    if view.engine.aof.state != aof::State::Off {
        write_fields(view, APPEND_ONLY, text);
    }
    if view.engine.loading().is_some() {
        write_fields(view, LOADING, text);
    }
}

/// A number of seconds; -1 for none.
fn or_minus_one(number: Option<u64>) -> String {
    number.map_or_else(|| "-1".to_owned(), |number| number.to_string())
}

fn ok_or_err(is_ok: bool) -> String {
    if is_ok { "ok" } else { "err" }.to_owned()
}

const STATS: &[Field] = &[
    ("total_connections_received", |view| view.engine.stats.connections.to_string()),
    ("total_commands_processed", |view| view.engine.stats.commands.to_string()),
    ("total_net_input_bytes", |view| view.engine.stats.bytes_in.to_string()),
    ("total_net_output_bytes", |view| view.engine.stats.bytes_out.to_string()),
    ("rejected_connections", |view| view.engine.stats.rejected_connections.to_string()),
    ("sync_full", zero),
    ("sync_partial_ok", zero),
    ("sync_partial_err", zero),
    ("expired_subkeys", |view| view.engine.stats.expired_subkeys.to_string()),
    ("expired_keys", |view| view.engine.stats.expired_keys.to_string()),
    ("evicted_keys", |view| view.engine.stats.evicted_keys.to_string()),
    ("evicted_clients", |view| view.engine.stats.evicted_clients.to_string()),
    ("evicted_scripts", zero),
    ("total_eviction_exceeded_time", |view| {
        (view.engine.exceeded_us(view.now).0 / 1000).to_string()
    }),
    ("current_eviction_exceeded_time", |view| {
        (view.engine.exceeded_us(view.now).1 / 1000).to_string()
    }),
    ("keyspace_hits", |view| view.engine.stats.keyspace_hits.to_string()),
    ("keyspace_misses", |view| view.engine.stats.keyspace_misses.to_string()),
    ("pubsub_channels", |view| view.engine.pubsub.names(Kind::Channel).len().to_string()),
    ("pubsub_patterns", |view| view.engine.pubsub.names(Kind::Pattern).len().to_string()),
    ("pubsubshard_channels", |view| view.engine.pubsub.names(Kind::ShardChannel).len().to_string()),
    ("latest_fork_usec", zero),
    ("total_forks", zero),
    ("migrate_cached_sockets", |view| view.engine.open_links().to_string()),
    ("tracking_total_keys", |view| view.engine.tracker.keys().to_string()),
    ("tracking_total_items", |view| view.engine.tracker.readings().to_string()),
    ("tracking_total_prefixes", |view| view.engine.tracker.prefixes().to_string()),
    ("unexpected_error_replies", zero),
    ("total_error_replies", |view| view.engine.stats.error_replies.to_string()),
];

const REPLICATION: &[Field] = &[
    ("role", |_| "master".to_owned()),
    ("connected_slaves", zero),
    ("master_failover_state", |_| "no-failover".to_owned()),
    ("master_replid", |view| String::from_utf8_lossy(&view.engine.repl_id).into_owned()),
    ("master_replid2", |_| "0".repeat(40)),
    ("master_repl_offset", zero),
    ("second_repl_offset", minus_one),
    ("repl_backlog_active", zero),
    ("repl_backlog_size", |view| view.setting("repl-backlog-size")),
    ("repl_backlog_first_byte_offset", zero),
    ("repl_backlog_histlen", zero),
];

const CPU: &[Field] = &[
    ("used_cpu_sys", |view| seconds(view.engine.measures.cpu_sys_us)),
    ("used_cpu_user", |view| seconds(view.engine.measures.cpu_user_us)),
    ("used_cpu_sys_children", |_| seconds(0)),
    ("used_cpu_user_children", |_| seconds(0)),
];

fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

fn command_stats(view: &View<'_>, text: &mut String) {
    let entries = view.engine.table.entries();
    for (entry, counts) in entries.iter().zip(&view.engine.stats.by_command) {
        if counts.calls + counts.rejected == 0 {
            continue;
        }
        let hundredths = counts.ns / 10 / counts.calls.max(1);
        text.push_str(&format!(
            "cmdstat_{}:calls={},usec={},usec_per_call={}.{:02},rejected_calls={},failed_calls={}\r\n",
            entry.full_name,
            counts.calls,
            counts.ns / 1000,
            hundredths / 100,
            hundredths % 100,
            counts.rejected,
            counts.failed
        ));
    }
}

fn latency_stats(view: &View<'_>, text: &mut String) {
    let config = &view.engine.config;
    if !config.latency_tracking {
        return;
    }
    let entries = view.engine.table.entries();
    for (entry, counts) in entries.iter().zip(&view.engine.stats.by_command) {
        if counts.times.total() == 0 {
            continue;
        }
        let shown = config.latency_tracking_info_percentiles.iter().map(|word| {
            let percent = num::parse_f64(word.as_bytes()).unwrap_or(0.0);
            let name = num::format_fixed(percent, 6);
            let ns = counts.times.percentile_ns(percent);
            let name = name.trim_end_matches('0').trim_end_matches('.');
            format!("p{name}={}.{:03}", ns / 1000, ns % 1000)
        });
        let shown = shown.collect::<Vec<_>>().join(",");
        text.push_str(&format!("latency_percentiles_usec_{}:{shown}\r\n", entry.full_name));
    }
}

fn error_stats(view: &View<'_>, text: &mut String) {
    for (code, count) in view.engine.stats.errors.iter() {
        let code = String::from_utf8_lossy(code);
        text.push_str(&format!("errorstat_{code}:count={count}\r\n"));
    }
}

fn keyspace(view: &View<'_>, text: &mut String) {
    for (number, db) in view.engine.shard.dbs.iter().enumerate() {
        if !db.is_empty() {
            text.push_str(&format!(
                "db{number}:keys={},expires={},avg_ttl=0,subexpiry={}\r\n",
                db.len(),
                db.expiring_len(),
                db.expiring_fields_len()
            ));
        }
    }
}
