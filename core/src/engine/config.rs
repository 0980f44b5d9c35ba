//! The settings.

/// A node's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Number of databases.
    pub databases: usize,
    /// The password of the default user.
    pub requirepass: Vec<u8>,
    /// The longest string.
    pub proto_max_bulk_len: i64,
    /// Input a client may have waiting.
    pub client_query_buffer_limit: u64,
    /// Which keyspace events are published.
    pub notify_keyspace_events: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            databases: 16,
            requirepass: Vec::new(),
            proto_max_bulk_len: 512 << 20,
            client_query_buffer_limit: 1 << 30,
            notify_keyspace_events: 0,
        }
    }
}
