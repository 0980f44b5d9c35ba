//! Every parameter, declared once.
//!
//! In alphabetical order: name, kind, default (as CONFIG GET shows it), one sentence; then an older
//! name, what is special, and the field that gives it an effect. The parameters are those of
//! CONFIG GET `*` in Redis 8, and a few that only show when asked for.

use super::kind::Kind::{self, *};
use super::names::{
    APPEND_DIR_NAME, APPEND_FILE_NAME, is_file_name, is_hostname, is_locale, is_node_name,
};
use super::settings::Setting;
use super::table::{Field, Param, Trait, param};

/// The [`Field`] of this name.
macro_rules! field {
    ($name:ident) => {
        Field {
            get: |settings| settings.$name.to_value(),
            set: |settings, value| settings.$name = Setting::of(value),
        }
    };
}

/// A whole number that is not negative.
const COUNT: Kind = Int(0, i64::MAX);
/// A whole number that is not negative, of 31 bits.
const NATURAL: Kind = Int(0, i32::MAX as i64);
/// A port.
const PORT: Kind = Int(0, 65535);
/// The largest size.
const BYTES: u64 = i64::MAX as u64;
/// Redis's own words for a server whose allocator cannot do it.
const NO_DEFRAGMENTATION: &str = "Active defragmentation cannot be enabled: it requires a Redis \
    server compiled with a modified Jemalloc like the one shipped by default with the Redis source \
    distribution";
/// Who may.
const LOCAL: Kind = OneOf(&["no", "yes", "local"]);
/// How to end.
const SHUTDOWN: Kind = Flags(&["default", "save", "nosave", "now", "force"]);

/// Every parameter.
pub static PARAMS: &[Param] = &[
    param(
        "acl-pubsub-default",
        OneOf(&["allchannels", "resetchannels"]),
        "resetchannels",
        "Channels that a new user may use.",
    ),
    param("aclfile", Text, "", "File of users and their rights.").is(Trait::Immutable),
    param("acllog-max-len", COUNT, "128", "Entries that ACL LOG keeps."),
    param(
        "active-defrag-cycle-max",
        Int(1, 99),
        "25",
        "Most processor time for defragmentation, in percent.",
    ),
    param(
        "active-defrag-cycle-min",
        Int(1, 99),
        "1",
        "Least processor time for defragmentation, in percent.",
    ),
    param(
        "active-defrag-ignore-bytes",
        Memory(1, BYTES),
        "104857600",
        "Waste below which nothing is defragmented.",
    ),
    param(
        "active-defrag-max-scan-fields",
        Int(1, i64::MAX),
        "1000",
        "Elements of one value that defragmentation handles at once.",
    ),
    param(
        "active-defrag-threshold-lower",
        Int(0, 1000),
        "10",
        "Waste in percent at which defragmentation begins.",
    ),
    param(
        "active-defrag-threshold-upper",
        Int(0, 1000),
        "100",
        "Waste in percent at which defragmentation works hardest.",
    ),
    param("active-expire-effort", Int(1, 10), "1", "How much work goes into finding expired keys."),
    param("activedefrag", Never(NO_DEFRAGMENTATION), "no", "Whether memory is defragmented."),
    param(
        "activerehashing",
        Bool,
        "yes",
        "Whether tables grow in idle time; here they grow in small steps anyway.",
    ),
    param("always-show-logo", Bool, "no", "Whether a picture is logged at the start.")
        .is(Trait::Immutable),
    param("aof-disable-auto-gc", Bool, "no", "Whether old append-only files stay.")
        .field(field!(aof_disable_auto_gc))
        .is(Trait::Hidden),
    param(
        "aof-load-truncated",
        Bool,
        "yes",
        "Whether an append-only file cut short is loaded as far as it goes.",
    )
    .field(field!(aof_load_truncated)),
    param("aof-rewrite-cpulist", Text, "", "Processors for rewriting the append-only file.")
        .alias("aof_rewrite_cpulist")
        .is(Trait::Immutable),
    param(
        "aof-rewrite-incremental-fsync",
        Bool,
        "yes",
        "Whether rewriting the append-only file syncs in steps.",
    )
    .field(field!(aof_rewrite_incremental_fsync)),
    param("aof-timestamp-enabled", Bool, "no", "Whether the append-only file notes times.")
        .field(field!(aof_timestamp_enabled)),
    param(
        "aof-use-rdb-preamble",
        Bool,
        "yes",
        "Whether a rewritten append-only file begins with a snapshot.",
    )
    .field(field!(aof_use_rdb_preamble)),
    param("appenddirname", APPEND_DIR_NAME, "appendonlydir", "Folder of the append-only files.")
        .field(field!(appenddirname))
        .is(Trait::Immutable),
    param(
        "appendfilename",
        APPEND_FILE_NAME,
        "appendonly.aof",
        "First part of the append-only files' names.",
    )
    .field(field!(appendfilename))
    .is(Trait::Immutable),
    param(
        "appendfsync",
        OneOf(&["everysec", "always", "no"]),
        "everysec",
        "When the append-only file is made safe.",
    )
    .field(field!(appendfsync)),
    param("appendonly", Bool, "no", "Whether every change is written to the append-only file.")
        .field(field!(appendonly)),
    param(
        "array-slice-size",
        Int(256, 65_536),
        "4096",
        "Places of a slice of the arrays that are made, a power of two; only ARINFO shows them.",
    )
    .field(field!(array_slice_size)),
    param(
        "array-sparse-kmax",
        Int(0, 256),
        "10",
        "Values up to which a slice of an array is sparse; only ARINFO shows it.",
    )
    .field(field!(array_sparse_kmax)),
    param(
        "array-sparse-kmin",
        Int(0, 256),
        "5",
        "Values with which a slice would be sparse again; here it is whenever it can be.",
    )
    .field(field!(array_sparse_kmin)),
    param(
        "auto-aof-rewrite-min-size",
        Memory(0, BYTES),
        "67108864",
        "Size below which the append-only file is not rewritten.",
    )
    .field(field!(auto_aof_rewrite_min_size)),
    param(
        "auto-aof-rewrite-percentage",
        NATURAL,
        "100",
        "Growth in percent at which the append-only file is rewritten.",
    )
    .field(field!(auto_aof_rewrite_percentage)),
    param("bgsave-cpulist", Text, "", "Processors for saving.")
        .alias("bgsave_cpulist")
        .is(Trait::Immutable),
    param(
        "bind",
        Words(16),
        "* -::*",
        "Addresses to listen on; one that begins with `-` may be missing.",
    )
    .field(field!(bind)),
    param("bind-source-addr", Text, "", "Address that connections to other nodes come from."),
    param("bio-cpulist", Text, "", "Processors for background work.")
        .alias("bio_cpulist")
        .is(Trait::Immutable),
    param(
        "busy-reply-threshold",
        COUNT,
        "5000",
        "Milliseconds after which a script makes others see BUSY.",
    )
    .alias("lua-time-limit"),
    param(
        "client-output-buffer-limit",
        OutputLimits,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        "Output that may wait for a client: at once, and for some seconds.",
    )
    .field(field!(client_output_buffer_limit)),
    param(
        "client-query-buffer-limit",
        Memory(1 << 20, BYTES),
        "1073741824",
        "Input of one client that may wait, in bytes.",
    )
    .field(field!(client_query_buffer_limit)),
    param(
        "cluster-allow-pubsubshard-when-down",
        Bool,
        "yes",
        "Whether shard channels work while the cluster is down.",
    ),
    param(
        "cluster-allow-reads-when-down",
        Bool,
        "no",
        "Whether reads work while the cluster is down.",
    ),
    param(
        "cluster-allow-replica-migration",
        Bool,
        "yes",
        "Whether replicas move to masters without one.",
    ),
    param("cluster-announce-bus-port", PORT, "0", "Port of the cluster bus that others are told."),
    param("cluster-announce-hostname", Checked(is_hostname), "", "Host name that others are told."),
    param(
        "cluster-announce-human-nodename",
        Checked(is_node_name),
        "",
        "Name of the node in logs.",
    ),
    param("cluster-announce-ip", Text, "", "Address that others are told."),
    param("cluster-announce-port", PORT, "0", "Port that others are told."),
    param("cluster-announce-tls-port", PORT, "0", "Port for TLS that others are told."),
    param(
        "cluster-compatibility-sample-ratio",
        Int(0, 100),
        "0",
        "Share of commands that are checked for use in a cluster, in percent.",
    ),
    param("cluster-config-file", Text, "nodes.conf", "File in which the cluster's state is kept.")
        .is(Trait::Immutable),
    param("cluster-enabled", Bool, "no", "Whether the server is part of a cluster.")
        .is(Trait::Immutable),
    param(
        "cluster-link-sendbuf-limit",
        Memory(0, u64::MAX),
        "0",
        "Output that may wait on a link between nodes, in bytes.",
    ),
    param(
        "cluster-migration-barrier",
        NATURAL,
        "1",
        "Replicas that a master keeps when one moves away.",
    ),
    param(
        "cluster-node-timeout",
        COUNT,
        "15000",
        "Milliseconds of silence after which a node counts as failing.",
    ),
    param("cluster-port", PORT, "0", "Port of the cluster bus; 0 for the server's port and 10000.")
        .is(Trait::Immutable),
    param(
        "cluster-preferred-endpoint-type",
        OneOf(&["ip", "hostname", "unknown-endpoint"]),
        "ip",
        "What redirections name.",
    ),
    param(
        "cluster-replica-no-failover",
        Bool,
        "no",
        "Whether this replica never takes over by itself.",
    )
    .alias("cluster-slave-no-failover"),
    param(
        "cluster-replica-validity-factor",
        NATURAL,
        "10",
        "How old a replica's data may be for it to take over.",
    )
    .alias("cluster-slave-validity-factor"),
    param(
        "cluster-require-full-coverage",
        Bool,
        "yes",
        "Whether every slot must be served for the cluster to work.",
    ),
    param("crash-log-enabled", Bool, "yes", "Whether a crash is reported in the log."),
    param("crash-memcheck-enabled", Bool, "yes", "Whether memory is tested after a crash."),
    param("daemonize", Bool, "no", "Whether the server goes to the background.")
        .is(Trait::Immutable)
        .field(field!(daemonize)),
    param("databases", Int(1, i32::MAX as i64), "16", "Number of databases.")
        .is(Trait::Immutable)
        .field(field!(databases)),
    param("dbfilename", Checked(is_file_name), "dump.rdb", "File of the snapshot.")
        .is(Trait::Protected)
        .field(field!(dbfilename)),
    param("dir", Text, ".", "Folder of all files.").is(Trait::Protected).field(field!(dir)),
    param("disable-thp", Bool, "yes", "Whether huge pages are turned off.")
        .is(Trait::Immutable)
        .field(field!(disable_thp)),
    param("dynamic-hz", Bool, "yes", "Whether periodic work is done more often with many clients."),
    param("enable-debug-assert", Bool, "no", "Whether assertions for developers are checked.")
        .is(Trait::Hidden),
    param("enable-debug-command", LOCAL, "no", "Who may use DEBUG.")
        .is(Trait::Immutable)
        .field(field!(enable_debug_command)),
    param("enable-module-command", LOCAL, "no", "Who may use MODULE.")
        .is(Trait::Immutable)
        .field(field!(enable_module_command)),
    param("enable-protected-configs", LOCAL, "no", "Who may change protected parameters.")
        .is(Trait::Immutable)
        .field(field!(enable_protected_configs)),
    param("hash-max-listpack-entries", COUNT, "512", "Fields up to which a hash is a listpack.")
        .alias("hash-max-ziplist-entries")
        .field(field!(hash_max_listpack_entries)),
    param(
        "hash-max-listpack-value",
        Memory(0, BYTES),
        "64",
        "Length of fields and values up to which a hash is a listpack.",
    )
    .alias("hash-max-ziplist-value")
    .field(field!(hash_max_listpack_value)),
    param("hide-user-data-from-log", Bool, "no", "Whether users' data is kept out of the log."),
    param(
        "hll-sparse-max-bytes",
        Memory(0, BYTES),
        "3000",
        "Size up to which a HyperLogLog is sparse.",
    )
    .field(field!(hll_sparse_max_bytes)),
    param("hz", NATURAL, "10", "How often a second periodic work is done.").field(Field {
        get: |at| at.hz.to_value(),
        set: |at, value| at.hz = i64::of(value).clamp(1, 500),
    }),
    param("ignore-warnings", Text, "", "Warnings that do not stop the start."),
    param("io-threads", Int(1, 128), "1", "Threads that read and write.").is(Trait::Immutable),
    param("jemalloc-bg-thread", Bool, "yes", "Whether the allocator has a thread of its own."),
    param(
        "key-load-delay",
        Int(i32::MIN as i64, i32::MAX as i64),
        "0",
        "Microseconds to wait for each key when loading, for tests.",
    )
    .field(field!(key_load_delay))
    .is(Trait::Hidden),
    param("latency-monitor-threshold", COUNT, "0", "Milliseconds from which LATENCY keeps events.")
        .field(field!(latency_monitor_threshold)),
    param("latency-tracking", Bool, "yes", "Whether times of commands are kept.")
        .field(field!(latency_tracking)),
    param(
        "latency-tracking-info-percentiles",
        Percentiles,
        "50 99 99.9",
        "Percentiles that INFO shows.",
    )
    .field(field!(latency_tracking_info_percentiles)),
    param(
        "lazyfree-lazy-eviction",
        Bool,
        "no",
        "Whether evicted values are freed in the background.",
    )
    .field(field!(lazyfree_lazy_eviction)),
    param(
        "lazyfree-lazy-expire",
        Bool,
        "no",
        "Whether expired values are freed in the background.",
    )
    .field(field!(lazyfree_lazy_expire)),
    param(
        "lazyfree-lazy-server-del",
        Bool,
        "no",
        "Whether overwritten values are freed in the background.",
    )
    .field(field!(lazyfree_lazy_server_del)),
    param("lazyfree-lazy-user-del", Bool, "no", "Whether DEL is UNLINK."),
    param(
        "lazyfree-lazy-user-flush",
        Bool,
        "no",
        "Whether FLUSHALL and FLUSHDB are ASYNC by default.",
    ),
    param("lfu-decay-time", NATURAL, "1", "Minutes in which a key's frequency falls by one.")
        .field(field!(lfu_decay_time)),
    param("lfu-log-factor", NATURAL, "10", "How slowly a key's frequency rises.")
        .field(field!(lfu_log_factor)),
    param(
        "list-compress-depth",
        NATURAL,
        "0",
        "Nodes at each end of a list that are not compressed; 0 for no compression.",
    )
    .field(field!(list_compress_depth)),
    param(
        "list-max-listpack-size",
        Int(i32::MIN as i64, i32::MAX as i64),
        "-2",
        "Elements in a node of a list, or, if negative, its size: -1 for 4 kB to -5 for 64 kB.",
    )
    .alias("list-max-ziplist-size")
    .field(field!(list_max_listpack_size)),
    param(
        "loading-process-events-interval-bytes",
        Int(1024, i32::MAX as i64),
        "2097152",
        "Bytes of a snapshot after which other events are looked at while it is loaded.",
    )
    .is(Trait::Hidden),
    param("locale-collate", Checked(is_locale), "", "Order of letters for SORT ALPHA."),
    param("logfile", Text, "", "File of the log; empty for the standard output.")
        .is(Trait::Immutable)
        .field(field!(logfile)),
    param(
        "loglevel",
        OneOf(&["debug", "verbose", "notice", "warning", "nothing"]),
        "notice",
        "The least important lines that are logged.",
    )
    .field(field!(loglevel)),
    param("lua-enable-deprecated-api", Bool, "no", "Whether scripts find functions of the past.")
        .is(Trait::ImmutableHidden),
    param("masterauth", Text, "", "Password for the master.").is(Trait::Sensitive),
    param("masteruser", Text, "", "User for the master.").is(Trait::Sensitive),
    param("max-new-connections-per-cycle", Int(1, 1000), "10", "Connections accepted at once."),
    param(
        "max-new-tls-connections-per-cycle",
        Int(1, 1000),
        "1",
        "Connections with TLS accepted at once.",
    ),
    param("maxclients", Int(1, u32::MAX as i64), "10000", "Connections at the same time.")
        .field(field!(maxclients)),
    param("maxmemory", Memory(0, u64::MAX), "0", "Memory for data in bytes; 0 for no limit.")
        .field(field!(maxmemory)),
    param(
        "maxmemory-clients",
        MemoryOrPercent,
        "0",
        "Memory for clients, in bytes or in percent of `maxmemory`.",
    )
    .field(field!(maxmemory_clients)),
    param(
        "maxmemory-eviction-tenacity",
        Int(0, 100),
        "10",
        "How much making room may hold up other work.",
    )
    .field(field!(maxmemory_eviction_tenacity)),
    param(
        "maxmemory-policy",
        OneOf(&[
            "volatile-lru",
            "volatile-lfu",
            "volatile-lrm",
            "volatile-random",
            "volatile-ttl",
            "allkeys-lru",
            "allkeys-lfu",
            "allkeys-lrm",
            "allkeys-random",
            "noeviction",
        ]),
        "noeviction",
        "Which keys make room when memory is short.",
    )
    .field(field!(maxmemory_policy)),
    param("maxmemory-samples", Int(1, 64), "5", "Keys compared to find one that makes room.")
        .field(field!(maxmemory_samples)),
    param(
        "min-replicas-max-lag",
        NATURAL,
        "10",
        "Seconds after which a silent replica does not count.",
    )
    .alias("min-slaves-max-lag")
    .field(field!(min_replicas_max_lag)),
    param("min-replicas-to-write", NATURAL, "0", "Replicas without which nothing is written.")
        .alias("min-slaves-to-write")
        .field(field!(min_replicas_to_write)),
    param(
        "no-appendfsync-on-rewrite",
        Bool,
        "no",
        "Whether syncs wait while the append-only file is rewritten.",
    )
    .field(field!(no_appendfsync_on_rewrite)),
    param("notify-keyspace-events", Events, "", "Which keyspace events are published.")
        .field(field!(notify_keyspace_events)),
    param(
        "oom-score-adj",
        OneOf(&["no", "yes", "relative", "absolute"]),
        "no",
        "Whether the system is told which process to end first.",
    ),
    param(
        "oom-score-adj-values",
        OomScores,
        "0 200 800",
        "What the system is told for master, replica and child.",
    ),
    param("pidfile", Text, "", "File that the process id is written to.")
        .is(Trait::Immutable)
        .field(field!(pidfile)),
    // The server's own: a page has no ports.
    #[cfg(feature = "native")]
    param("playground", Bool, "no", "Whether the playground's page is served.")
        .is(Trait::ImmutableHidden),
    #[cfg(feature = "native")]
    param("playground-bind", Words(16), "127.0.0.1", "Addresses for the playground's browsers.")
        .is(Trait::ImmutableHidden),
    #[cfg(feature = "native")]
    param(
        "playground-dir",
        Text,
        "",
        "Folder of the playground's page; empty for the built-in one.",
    )
    .is(Trait::ImmutableHidden),
    #[cfg(feature = "native")]
    param("playground-port", PORT, "8080", "Port for the playground's browsers.")
        .is(Trait::ImmutableHidden),
    param("port", PORT, "6379", "Port to listen on; 0 for none.").field(field!(port)),
    param(
        "proc-title-template",
        Text,
        "{title} {listen-addr} {server-mode}",
        "What the process is called.",
    ),
    param(
        "propagation-error-behavior",
        OneOf(&["ignore", "panic", "panic-on-replicas"]),
        "ignore",
        "What follows when a replicated command fails.",
    ),
    param(
        "protected-mode",
        Bool,
        "yes",
        "Whether only this machine may connect as long as there is no password.",
    )
    .field(field!(protected_mode)),
    param(
        "proto-max-bulk-len",
        Memory(1 << 20, BYTES),
        "536870912",
        "Length of the longest argument and string, in bytes.",
    )
    .field(field!(proto_max_bulk_len)),
    param("rdb-del-sync-files", Bool, "no", "Whether snapshots made for replicas are deleted."),
    param(
        "rdb-key-save-delay",
        Int(i32::MIN as i64, i32::MAX as i64),
        "0",
        "Microseconds to wait for each key when saving, for tests.",
    )
    .field(field!(rdb_key_save_delay))
    .is(Trait::Hidden),
    param("rdb-save-incremental-fsync", Bool, "yes", "Whether saving syncs in steps.")
        .field(field!(rdb_save_incremental_fsync)),
    param(
        "rdb-version-check",
        OneOf(&["strict", "relaxed"]),
        "strict",
        "Whether only snapshots of known versions are read.",
    )
    .is(Trait::Hidden)
    .field(field!(rdb_version_check)),
    param("rdbchecksum", Bool, "yes", "Whether snapshots end with a checksum.")
        .field(field!(rdbchecksum))
        .is(Trait::Immutable),
    param("rdbcompression", Bool, "yes", "Whether long strings in snapshots are compressed.")
        .field(field!(rdbcompression)),
    param(
        "repl-backlog-size",
        MemoryFrom(16 << 10),
        "1048576",
        "Bytes kept for replicas that come back.",
    ),
    param(
        "repl-backlog-ttl",
        COUNT,
        "3600",
        "Seconds until these bytes are given up without replicas.",
    ),
    param(
        "repl-disable-tcp-nodelay",
        Bool,
        "no",
        "Whether the network may delay what goes to replicas.",
    ),
    param(
        "repl-diskless-load",
        OneOf(&["disabled", "on-empty-db", "swapdb"]),
        "disabled",
        "Whether a replica loads from the network.",
    ),
    param("repl-diskless-sync", Bool, "yes", "Whether a master sends snapshots without a file."),
    param(
        "repl-diskless-sync-delay",
        NATURAL,
        "5",
        "Seconds to wait for more replicas before that.",
    ),
    param(
        "repl-diskless-sync-max-replicas",
        NATURAL,
        "0",
        "Replicas that are not waited for longer.",
    ),
    param(
        "repl-ping-replica-period",
        Int(1, i32::MAX as i64),
        "10",
        "Seconds between signs of life.",
    )
    .alias("repl-ping-slave-period"),
    param(
        "repl-rdb-channel",
        Bool,
        "yes",
        "Whether snapshots for replicas have a connection of their own.",
    )
    .is(Trait::Hidden),
    param(
        "repl-timeout",
        Int(1, i32::MAX as i64),
        "60",
        "Seconds of silence that end a replication link.",
    ),
    param("replica-announce-ip", Text, "", "Address of this replica that the master shows.")
        .alias("slave-announce-ip"),
    param("replica-announce-port", PORT, "0", "Port of this replica that the master shows.")
        .alias("slave-announce-port"),
    param("replica-announced", Bool, "yes", "Whether this replica is told to sentinels."),
    param(
        "replica-full-sync-buffer-limit",
        Memory(0, BYTES),
        "0",
        "Bytes a replica may keep for later while it loads.",
    ),
    param(
        "replica-ignore-disk-write-errors",
        Bool,
        "no",
        "Whether a replica goes on when it cannot write its file.",
    ),
    param("replica-ignore-maxmemory", Bool, "yes", "Whether only the master makes room.")
        .alias("slave-ignore-maxmemory"),
    param("replica-lazy-flush", Bool, "no", "Whether a replica empties itself in the background.")
        .alias("slave-lazy-flush"),
    param("replica-priority", NATURAL, "100", "Which replica a sentinel prefers.")
        .alias("slave-priority"),
    param("replica-read-only", Bool, "yes", "Whether a replica refuses writes.")
        .alias("slave-read-only"),
    param(
        "replica-serve-stale-data",
        Bool,
        "yes",
        "Whether a replica answers while it has no master.",
    )
    .alias("slave-serve-stale-data"),
    param("replicaof", Words(2), "", "Address and port of the master.")
        .alias("slaveof")
        .is(Trait::Immutable),
    param("requirepass", Text, "", "Password of the default user; empty for none.")
        .is(Trait::Sensitive)
        .field(field!(requirepass)),
    param(
        "sanitize-dump-payload",
        OneOf(&["no", "yes", "clients"]),
        "no",
        "Whether values from outside are checked deeply; here they always are.",
    ),
    param(
        "save",
        Save,
        "3600 1 300 100 60 10000",
        "When a snapshot is due: pairs of seconds and changes.",
    )
    .field(field!(save)),
    param("server-cpulist", Text, "", "Processors for the server.")
        .alias("server_cpulist")
        .is(Trait::Immutable),
    param(
        "set-max-intset-entries",
        COUNT,
        "512",
        "Members up to which a set of integers is an intset.",
    )
    .field(field!(set_max_intset_entries)),
    param("set-max-listpack-entries", COUNT, "128", "Members up to which a set is a listpack.")
        .field(field!(set_max_listpack_entries)),
    param(
        "set-max-listpack-value",
        COUNT,
        "64",
        "Length of members up to which a set is a listpack.",
    )
    .field(field!(set_max_listpack_value)),
    param("set-proc-title", Bool, "yes", "Whether the process changes its name.")
        .is(Trait::Immutable),
    param("shutdown-on-sigint", SHUTDOWN, "default", "How the server ends on SIGINT."),
    param("shutdown-on-sigterm", SHUTDOWN, "default", "How the server ends on SIGTERM."),
    param("shutdown-timeout", NATURAL, "10", "Seconds that a shutdown waits for replicas."),
    param(
        "slowlog-log-slower-than",
        Int(-1, i64::MAX),
        "10000",
        "Microseconds from which a command is slow.",
    )
    .field(field!(slowlog_log_slower_than)),
    param("slowlog-max-len", COUNT, "128", "Entries that SLOWLOG keeps.")
        .field(field!(slowlog_max_len)),
    param(
        "socket-mark-id",
        Int(0, u32::MAX as i64),
        "0",
        "Mark on connections for the system's routing.",
    )
    .is(Trait::Immutable),
    param(
        "stop-writes-on-bgsave-error",
        Bool,
        "yes",
        "Whether writes are refused after a save has failed.",
    )
    .field(field!(stop_writes_on_bgsave_error)),
    param(
        "stream-idmp-duration",
        Int(1, 86_400),
        "100",
        "Seconds for which a stream remembers what producers have numbered.",
    )
    .field(field!(stream_idmp_duration)),
    param(
        "stream-idmp-maxsize",
        Int(1, 10_000),
        "100",
        "Numbers of a producer that a stream remembers.",
    )
    .field(field!(stream_idmp_maxsize)),
    param("stream-node-max-bytes", Memory(0, BYTES), "4096", "Size of a node of a stream.")
        .field(field!(stream_node_max_bytes)),
    param("stream-node-max-entries", COUNT, "100", "Entries in a node of a stream.")
        .field(field!(stream_node_max_entries)),
    param(
        "supervised",
        OneOf(&["upstart", "systemd", "auto", "no"]),
        "no",
        "What starts and watches the server.",
    )
    .is(Trait::Immutable),
    param("syslog-enabled", Bool, "no", "Whether the system's log is used.").is(Trait::Immutable),
    param(
        "syslog-facility",
        OneOf(&[
            "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
        ]),
        "local0",
        "Part of the system's log.",
    )
    .is(Trait::Immutable),
    param("syslog-ident", Text, "redis", "Name in the system's log.").is(Trait::Immutable),
    param("tcp-backlog", NATURAL, "511", "Connections that may wait to be accepted.")
        .is(Trait::Immutable)
        .field(field!(tcp_backlog)),
    param(
        "tcp-keepalive",
        NATURAL,
        "300",
        "Seconds of silence after which the network checks a connection.",
    )
    .field(field!(tcp_keepalive)),
    param(
        "timeout",
        NATURAL,
        "0",
        "Seconds after which an idle client is disconnected; 0 for never.",
    )
    .field(field!(timeout)),
    param(
        "tls-auth-clients",
        OneOf(&["no", "yes", "optional"]),
        "yes",
        "Whether clients need a certificate.",
    ),
    param("tls-ca-cert-dir", Text, "", "Folder of trusted certificates."),
    param("tls-ca-cert-file", Text, "", "File of trusted certificates."),
    param("tls-cert-file", Text, "", "File of the server's certificate."),
    param("tls-ciphers", Text, "", "Ciphers up to TLS 1.2."),
    param("tls-ciphersuites", Text, "", "Ciphers of TLS 1.3."),
    param("tls-client-cert-file", Text, "", "File of the certificate for outgoing connections."),
    param("tls-client-key-file", Text, "", "File of the key for outgoing connections."),
    param("tls-client-key-file-pass", Text, "", "Password of that key.").is(Trait::Sensitive),
    param("tls-cluster", Bool, "no", "Whether the cluster bus uses TLS."),
    param("tls-dh-params-file", Text, "", "File of Diffie-Hellman parameters."),
    param("tls-key-file", Text, "", "File of the server's key."),
    param("tls-key-file-pass", Text, "", "Password of that key.").is(Trait::Sensitive),
    param("tls-port", PORT, "0", "Port for TLS; 0 for none."),
    param("tls-prefer-server-ciphers", Bool, "no", "Whether the server's order of ciphers counts."),
    param("tls-protocols", Text, "", "Versions of TLS."),
    param("tls-replication", Bool, "no", "Whether replication uses TLS."),
    param("tls-session-cache-size", NATURAL, "20480", "Sessions of TLS kept."),
    param("tls-session-cache-timeout", NATURAL, "300", "Seconds that a session of TLS is kept."),
    param("tls-session-caching", Bool, "yes", "Whether sessions of TLS are kept."),
    param("tracking-table-max-keys", COUNT, "1000000", "Keys that client tracking remembers.")
        .field(field!(tracking_table_max_keys)),
    param("unixsocket", Text, "", "Path of a Unix socket to listen on.")
        .is(Trait::Immutable)
        .field(field!(unixsocket)),
    param("unixsocketperm", Octal, "0", "Permissions of that socket, in octal digits.")
        .is(Trait::Immutable)
        .field(field!(unixsocketperm)),
    param("use-exit-on-panic", Bool, "no", "Whether a panic ends the process politely.")
        .is(Trait::Hidden),
    param(
        "watchdog-period",
        Int(0, i32::MAX as i64),
        "0",
        "Milliseconds after which the watchdog reports.",
    )
    .is(Trait::Hidden),
    param(
        "zset-max-listpack-entries",
        COUNT,
        "128",
        "Members up to which a sorted set is a listpack.",
    )
    .alias("zset-max-ziplist-entries")
    .field(field!(zset_max_listpack_entries)),
    param(
        "zset-max-listpack-value",
        Memory(0, BYTES),
        "64",
        "Length of members up to which a sorted set is a listpack.",
    )
    .alias("zset-max-ziplist-value")
    .field(field!(zset_max_listpack_value)),
];
