//! Every bound on what a client may make the engine do, in one place.
//!
//! A bound that Redis lets an administrator set is a parameter of `engine::config`, not here.

/// The longest inline command, and the longest `*` or `$` header line, in bytes.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// The most arguments in one command.
pub const ARGUMENTS_MAX: i64 = i32::MAX as i64;

/// The most arguments in one command before the client has authenticated.
pub const ARGUMENTS_UNAUTHENTICATED_MAX: i64 = 10;

/// The longest argument before the client has authenticated, in bytes.
pub const BULK_BYTES_UNAUTHENTICATED_MAX: i64 = 16 * 1024;

/// Memory set aside for arguments at once, however many a header declares.
pub const ARGUMENTS_RESERVED_MAX: usize = 1024;

/// Memory for so many arguments is kept from one command to the next.
pub const ARGUMENTS_KEPT_MAX: usize = 4 * ARGUMENTS_RESERVED_MAX;

/// How deeply a reply may nest before a reader of replies gives up.
pub const REPLY_DEPTH_MAX: usize = 64;

/// The largest string value by default (`proto-max-bulk-len`), in bytes.
pub const STRING_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Steps that one match of a pattern may take; a pattern that needs more does not match. Real
/// patterns stay far below; only ones made to be slow get here.
pub const GLOB_STEPS_MAX: u32 = 1_000_000;

/// `*` in one pattern with something behind them; a pattern that has more does not match, as in
/// Redis.
pub const GLOB_STARS_MAX: u32 = 1000;

/// The longest regular expression, in bytes, as in Redis …
pub const REGEX_BYTES_MAX: usize = 2048;

/// … the steps of the program that it becomes …
pub const REGEX_STEPS: usize = 16 * 1024;

/// … and the steps that one search may take. Real patterns stay far below.
pub const REGEX_STEPS_MAX: u64 = 1_000_000_000;

/// Conditions of one search in an array, as in Redis.
pub const ARRAY_PREDICATES_MAX: usize = 250;

/// Places of an array that one reply shows whether they are taken or not, as in Redis.
pub const ARRAY_PLACES_MAX: u64 = 1_000_000;

/// Expired keys removed in one wake; what is left waits for the next.
pub const EXPIRED_PER_WAKE_MAX: usize = 250;

/// Elements that one command draws by chance when the same one may come again and again; more is an
/// error.
pub const REPEATS_MAX: i64 = 10_000_000;

/// Elements of deleted collections freed after one event; what is left waits for the next.
pub const FREED_PER_EVENT_MAX: usize = 2_000;

/// The longest that a node sleeps while keys are to expire, in milliseconds: the wall clock may
/// have jumped meanwhile.
pub const EXPIRY_WAKE_MS_MAX: i64 = 1_000;

/// Commands that are looked at before the first of them runs.
pub const LOOKED_AHEAD_MAX: usize = 16;

/// Output kept allocated for an idle connection, in bytes.
pub const OUTBOX_KEPT_BYTES: usize = 16 * 1024;

/// Bytes at the end of an append-only file that may be damaged by a crash: a disk that had them on
/// their way may have written some blocks and left zeros in others.
pub const AOF_TORN_TAIL_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes handed over to a connection to another server that the network may not have taken yet when
/// more are prepared.
pub const LINK_AHEAD_BYTES: usize = 64 * 1024;

/// The longest line of a reply that is read from another server, in bytes, as in Redis; what is longer
/// counts as several.
pub const LINK_LINE_BYTES_MAX: usize = 1023;

/// Connections to other servers that are kept for the next command, as in Redis …
pub const LINKS_KEPT_MAX: usize = 64;

/// … and for how long, in milliseconds.
pub const LINK_KEPT_MS: u64 = 10_000;
