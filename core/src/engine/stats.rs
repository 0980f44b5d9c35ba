//! What is counted, for INFO.

use crate::base::histogram::Histogram;
use crate::base::ordered::NameMap;

/// Codes that are counted apart. Real ones are few; scripts will be able to make up others.
const ERROR_CODES_MAX: usize = 128;

/// Counters since the start or the last CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Connections turned away because there were too many.
    pub rejected_connections: u64,
    /// Commands run.
    pub commands: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes written to clients.
    pub bytes_out: u64,
    /// Keys that expired.
    pub expired_keys: u64,
    /// Fields of hashes that were removed because they had expired.
    pub expired_subkeys: u64,
    /// Keys that were removed to make room.
    pub evicted_keys: u64,
    /// Clients that were closed to make room.
    pub evicted_clients: u64,
    /// Values that were freed in slices.
    pub lazyfreed_objects: u64,
    /// How long more memory was in use than allowed, in microseconds, until it last ended.
    pub exceeded_us: u64,
    /// Look-ups for reading that found a key.
    pub keyspace_hits: u64,
    /// Look-ups for reading that found none.
    pub keyspace_misses: u64,
    /// The most memory in use at once, in bytes.
    pub peak_memory: u64,
    /// The memory in use when it was first measured, in bytes.
    pub startup_memory: u64,
    /// Error replies, by their first word.
    pub errors: NameMap<u64>,
    /// Error replies in all.
    pub error_replies: u64,
    /// Counters of each command, by its place in the table.
    pub by_command: Vec<CommandStats>,
}

/// Counters of one command.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    /// Times it ran.
    pub calls: u64,
    /// Times it was refused before it ran.
    pub rejected: u64,
    /// Times it ran and replied with an error.
    pub failed: u64,
    /// How long it ran in all, in nanoseconds.
    pub ns: u64,
    /// How long it ran each time.
    pub times: Histogram,
}

impl Stats {
    /// No counts, for a table of so many commands.
    pub fn new(commands: usize) -> Self {
        Self { by_command: vec![CommandStats::default(); commands], ..Self::default() }
    }

    /// Counts an error reply whose line begins with `code`.
    pub fn error(&mut self, code: &[u8]) {
        self.error_replies += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.into(), 1);
        }
    }
}
