//! The parameters that have an effect, as the fields the engine and its hosts read.

use super::Value;

/// Classes of clients with limits on their output, as CONFIG GET names them.
pub(super) const CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

/// The parameters that have an effect. What each means is said in [`PARAMS`](super::PARAMS), under
/// the name with `-` in the place of `_`.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each is described where it is declared, in the table")]
pub struct Settings {
    pub aof_disable_auto_gc: bool,
    pub aof_load_truncated: bool,
    pub aof_rewrite_incremental_fsync: bool,
    pub aof_timestamp_enabled: bool,
    pub aof_use_rdb_preamble: bool,
    pub appenddirname: Vec<u8>,
    pub appendfilename: Vec<u8>,
    pub appendfsync: Appendfsync,
    pub appendonly: bool,
    pub array_slice_size: u64,
    pub array_sparse_kmax: u64,
    pub array_sparse_kmin: u64,
    pub auto_aof_rewrite_min_size: u64,
    pub auto_aof_rewrite_percentage: u64,
    pub bind: Vec<String>,
    pub client_output_buffer_limit: [OutputLimit; 3],
    pub client_query_buffer_limit: u64,
    pub daemonize: bool,
    pub databases: usize,
    pub dbfilename: Vec<u8>,
    pub dir: Vec<u8>,
    pub disable_thp: bool,
    pub enable_debug_command: Local,
    pub enable_module_command: Local,
    pub enable_protected_configs: Local,
    pub hll_sparse_max_bytes: usize,
    pub hash_max_listpack_entries: usize,
    pub hash_max_listpack_value: usize,
    pub hz: i64,
    pub key_load_delay: i32,
    pub latency_monitor_threshold: u64,
    pub latency_tracking: bool,
    pub latency_tracking_info_percentiles: Vec<String>,
    pub lfu_decay_time: u32,
    pub lfu_log_factor: u32,
    pub lazyfree_lazy_eviction: bool,
    pub lazyfree_lazy_expire: bool,
    pub lazyfree_lazy_server_del: bool,
    pub list_compress_depth: u32,
    pub list_max_listpack_size: i32,
    pub logfile: Vec<u8>,
    pub loglevel: LogLevel,
    pub maxclients: u64,
    pub maxmemory: u64,
    /// In bytes; negative for so many percent of `maxmemory`.
    pub maxmemory_clients: i64,
    pub maxmemory_eviction_tenacity: u32,
    pub maxmemory_policy: MaxmemoryPolicy,
    pub maxmemory_samples: usize,
    pub min_replicas_max_lag: u32,
    pub min_replicas_to_write: u32,
    pub no_appendfsync_on_rewrite: bool,
    pub notify_keyspace_events: u32,
    pub pidfile: Vec<u8>,
    pub port: u16,
    pub proto_max_bulk_len: i64,
    pub protected_mode: bool,
    pub rdb_key_save_delay: i32,
    pub rdb_save_incremental_fsync: bool,
    pub rdb_version_check: VersionCheck,
    pub rdbchecksum: bool,
    pub rdbcompression: bool,
    pub requirepass: Vec<u8>,
    pub save: Vec<SavePoint>,
    pub set_max_intset_entries: usize,
    pub set_max_listpack_entries: usize,
    pub set_max_listpack_value: usize,
    /// In microseconds; negative if nothing is slow.
    pub slowlog_log_slower_than: i64,
    pub slowlog_max_len: u64,
    pub stop_writes_on_bgsave_error: bool,
    pub stream_idmp_duration: u64,
    pub stream_idmp_maxsize: u64,
    pub stream_node_max_bytes: u64,
    pub stream_node_max_entries: u64,
    pub tcp_backlog: u32,
    pub tcp_keepalive: u64,
    pub timeout: u64,
    pub tracking_table_max_keys: u64,
    pub unixsocket: Vec<u8>,
    pub unixsocketperm: u32,
    pub zset_max_listpack_entries: u64,
    pub zset_max_listpack_value: u64,
}

/// `appendfsync`: when what was appended is made safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Appendfsync {
    /// Once a second.
    #[default]
    Everysec,
    /// Before anyone is told that it was done.
    Always,
    /// When the disk does it by itself.
    No,
}

/// `maxmemory-policy`: which keys make room when memory is short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named as Redis names it, and nothing more")]
pub enum MaxmemoryPolicy {
    VolatileLru,
    VolatileLfu,
    VolatileLrm,
    VolatileRandom,
    VolatileTtl,
    AllkeysLru,
    AllkeysLfu,
    AllkeysLrm,
    AllkeysRandom,
    #[default]
    Noeviction,
}

impl MaxmemoryPolicy {
    /// Whether keys are judged by how often they are used, not by how recently.
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Whether keys are judged by how recently they were used.
    pub fn is_lru(self) -> bool {
        matches!(self, Self::VolatileLru | Self::AllkeysLru)
    }

    /// Whether keys are judged by how recently they were changed.
    pub fn is_lrm(self) -> bool {
        matches!(self, Self::VolatileLrm | Self::AllkeysLrm)
    }

    /// Whether only keys that expire are removed.
    pub fn is_volatile(self) -> bool {
        matches!(
            self,
            Self::VolatileLru
                | Self::VolatileLfu
                | Self::VolatileLrm
                | Self::VolatileRandom
                | Self::VolatileTtl
        )
    }
}

/// `loglevel`: the least important lines that are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Much, rarely useful.
    Verbose,
    /// What one wants to see.
    #[default]
    Notice,
    /// Only what is wrong.
    Warning,
    /// Nothing.
    Nothing,
}

/// Who may use what is dangerous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Local {
    /// Nobody.
    #[default]
    No,
    /// Everybody.
    Yes,
    /// Clients on the same machine, or in the page.
    Local,
}

impl Local {
    /// Whether a client may; `is_local` says that it is on the same machine.
    pub fn allows(self, is_local: bool) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Local => is_local,
        }
    }
}

/// When a snapshot is due: after so many seconds, if there were at least so many changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last one.
    pub seconds: u64,
    /// Changes since the last one.
    pub changes: u64,
}

/// `rdb-version-check`: which versions of snapshots are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionCheck {
    /// Those that are known.
    #[default]
    Strict,
    /// Any, as far as what is in it is known.
    Relaxed,
}

/// How much output may wait for a client of one class; 0 for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes at which it is disconnected at once.
    pub hard: u64,
    /// Bytes at which it is disconnected when they stay for `seconds`.
    pub soft: u64,
    /// See `soft`.
    pub seconds: u64,
}

/// A type of fields.
pub(super) trait Setting {
    /// The field's value as a parameter's.
    fn to_value(&self) -> Value;
    /// The field's value from a parameter's that its kind has let pass.
    fn of(value: &Value) -> Self;
}

/// Implements [`Setting`] for types of numbers.
macro_rules! number_settings {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn to_value(&self) -> Value {
                Value::Number(i128::from(*self))
            }

            fn of(value: &Value) -> Self {
                match value {
                    Value::Number(number) => Self::try_from(*number).unwrap_or(Self::MAX),
                    _ => 0,
                }
            }
        }
    )*};
}

number_settings!(u8, u16, u32, u64, i32, i64);

impl Setting for usize {
    fn to_value(&self) -> Value {
        Value::Number(*self as i128)
    }

    fn of(value: &Value) -> Self {
        u64::of(value).try_into().unwrap_or(Self::MAX)
    }
}

impl Setting for bool {
    fn to_value(&self) -> Value {
        Value::Number((*self).into())
    }

    fn of(value: &Value) -> Self {
        u8::of(value) != 0
    }
}

impl Setting for Vec<u8> {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn of(value: &Value) -> Self {
        if let Value::Text(text) = value { text.clone() } else { Self::new() }
    }
}

impl Setting for Vec<String> {
    fn to_value(&self) -> Value {
        Value::Words(self.iter().map(|word| word.as_bytes().to_vec()).collect())
    }

    fn of(value: &Value) -> Self {
        let Value::Words(words) = value else { return Self::new() };
        words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }
}

impl Setting for Vec<SavePoint> {
    fn to_value(&self) -> Value {
        Value::Save(self.clone())
    }

    fn of(value: &Value) -> Self {
        if let Value::Save(points) = value { points.clone() } else { Self::new() }
    }
}

impl Setting for [OutputLimit; 3] {
    fn to_value(&self) -> Value {
        Value::OutputLimits(*self)
    }

    fn of(value: &Value) -> Self {
        if let Value::OutputLimits(limits) = value { *limits } else { Self::default() }
    }
}

/// Implements [`Setting`] for enumerations, whose variants are in the order of the kind's words.
macro_rules! choice_settings {
    ($($type:ty: $($variant:ident),+;)*) => {$(
        impl Setting for $type {
            fn to_value(&self) -> Value {
                Value::Number(*self as i128)
            }

            fn of(value: &Value) -> Self {
                let all = [$(Self::$variant),+];
                all.get(usize::of(value)).copied().unwrap_or_default()
            }
        }
    )*};
}

choice_settings! {
    Appendfsync: Everysec, Always, No;
    Local: No, Yes, Local;
    LogLevel: Debug, Verbose, Notice, Warning, Nothing;
    VersionCheck: Strict, Relaxed;
    MaxmemoryPolicy: VolatileLru, VolatileLfu, VolatileLrm, VolatileRandom, VolatileTtl, AllkeysLru,
        AllkeysLfu, AllkeysLrm, AllkeysRandom, Noeviction;
}
