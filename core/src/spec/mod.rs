//! How a command is declared, and everything derived from a declaration.
//!
//! A command is one `const` of plain data above its handler. What can be worked out from it is
//! never written down a second time: arity, key positions, ACL categories, the replies of COMMAND
//! and HELP, dispatch ([`mod@derive`], [`table`]), the terminal's hints ([`hint`]). In a program
//! declarations take little room ([`pack`]), and what they say to people can come later ([`describe`]).
//!
//! The model is that of COMMAND DOCS and COMMAND INFO:
//! <https://redis.io/docs/latest/commands/command-docs/>,
//! <https://redis.io/docs/latest/develop/reference/key-specs/>.
//!
//! The type is generic in its handler because this layer knows nothing of the engine above it.

mod arg;
pub mod derive;
pub mod describe;
pub mod hint;
mod names;
pub mod pack;
pub mod table;

pub use arg::*;

use crate::resp::Argv;

/// The cost of a command that does not depend on the data.
pub const CONSTANT: &str = "O(1)";

/// One command, or one subcommand of a container.
pub struct Command<H: 'static> {
    /// Its name in capitals; a subcommand's own name only.
    pub name: &'static str,
    /// One sentence that says what it does. What stands here, in `since`, `deprecated` and `example`, is
    /// empty in a table: it is to be [described](describe).
    pub summary: &'static str,
    /// The Redis version that brought it.
    pub since: &'static str,
    /// The family it belongs to.
    pub group: Group,
    /// Its cost, in big-O notation. In a table it is there only if it is [`CONSTANT`].
    pub complexity: &'static str,
    /// What it does to the data and where it may run.
    pub flags: &'static [Flag],
    /// Its ACL categories as far as flags and group do not say them.
    pub acl: Acl,
    /// Its arguments behind the name.
    pub args: &'static [Arg],
    /// Its arity where the arguments do not tell it.
    pub arity: Option<i32>,
    /// Where its keys are, where the arguments do not tell it.
    pub key_specs: Option<&'static [KeySpec]>,
    /// Finds its keys, where that takes more than specifications can tell.
    pub find_keys: Option<Finder>,
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
    /// The version that deprecated it, and what to use now.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// The subcommands of a container, in the order HELP shows them.
    pub subcommands: &'static [&'static Self],
    /// A transcript that shows it at work; run as a test.
    pub example: &'static str,
    /// The handler.
    pub run: H,
}

/// Finds the keys among the words of a whole command, of which there are as many as its arity says, and
/// adds them.
pub type Finder = fn(Argv<'_>, &mut FoundKeys);

/// Where keys are, and what the command does with each.
pub type FoundKeys = Vec<(usize, &'static [Access])>;

/// What a command does to the data and where it may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// May change data.
    Write,
    /// Never changes data.
    Readonly,
    /// Refused when memory is short.
    DenyOom,
    /// For administrators.
    Admin,
    /// Belongs to publish/subscribe.
    Pubsub,
    /// Not from scripts.
    Noscript,
    /// May wait.
    Blocking,
    /// Runs while data is loading.
    Loading,
    /// Runs on a replica whose data is old.
    Stale,
    /// Not shown by MONITOR.
    SkipMonitor,
    /// Not kept by SLOWLOG.
    SkipSlowlog,
    /// Runs in constant or logarithmic time.
    Fast,
    /// Before authentication too.
    NoAuth,
    /// May be replicated although it does not write.
    MayReplicate,
    /// Not inside a transaction.
    NoMulti,
    /// Key positions depend on the arguments.
    MovableKeys,
    /// Runs while a script blocks the server.
    AllowBusy,
    /// Only enabled by a setting (DEBUG, MODULE).
    Protected,
    /// Not while data is loading asynchronously.
    NoAsyncLoading,
    /// Its keys are optional.
    NoMandatoryKeys,
    /// Accepted from a cluster client that was asked to come here (ASK).
    Asking,
    /// Touches keys that its arguments do not name.
    TouchesArbitraryKeys,
    /// Not meant for people: used by servers among themselves, or by tests.
    System,
}

impl Flag {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 23] = [
        Self::Write,
        Self::Readonly,
        Self::DenyOom,
        Self::Admin,
        Self::Pubsub,
        Self::Noscript,
        Self::Blocking,
        Self::Loading,
        Self::Stale,
        Self::SkipMonitor,
        Self::SkipSlowlog,
        Self::Fast,
        Self::NoAuth,
        Self::MayReplicate,
        Self::NoMulti,
        Self::MovableKeys,
        Self::AllowBusy,
        Self::Protected,
        Self::NoAsyncLoading,
        Self::NoMandatoryKeys,
        Self::Asking,
        Self::TouchesArbitraryKeys,
        Self::System,
    ];

    /// Its name in COMMAND INFO; `None` for flags that are not shown.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Write => "write",
            Self::Readonly => "readonly",
            Self::DenyOom => "denyoom",
            Self::Admin => "admin",
            Self::Pubsub => "pubsub",
            Self::Noscript => "noscript",
            Self::Blocking => "blocking",
            Self::Loading => "loading",
            Self::Stale => "stale",
            Self::SkipMonitor => "skip_monitor",
            Self::SkipSlowlog => "skip_slowlog",
            Self::Fast => "fast",
            Self::NoAuth => "no_auth",
            Self::NoMulti => "no_multi",
            Self::MovableKeys => "movablekeys",
            Self::AllowBusy => "allow_busy",
            Self::NoAsyncLoading => "no_async_loading",
            Self::NoMandatoryKeys => "no_mandatory_keys",
            Self::Asking => "asking",
            Self::Protected | Self::TouchesArbitraryKeys | Self::MayReplicate | Self::System => {
                return None;
            }
        })
    }
}

/// The families of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Hashes.
    Hash,
    /// Publish/subscribe.
    Pubsub,
    /// Transactions.
    Transactions,
    /// The connection itself.
    Connection,
    /// The server.
    Server,
    /// Scripts and functions.
    Scripting,
    /// HyperLogLog.
    HyperLogLog,
    /// Cluster mode.
    Cluster,
    /// Geospatial indices.
    Geo,
    /// Streams.
    Stream,
    /// Bitmaps.
    Bitmap,
    /// Arrays.
    Array,
}

impl Group {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 17] = [
        Self::Generic,
        Self::String,
        Self::List,
        Self::Set,
        Self::SortedSet,
        Self::Hash,
        Self::Pubsub,
        Self::Transactions,
        Self::Connection,
        Self::Server,
        Self::Scripting,
        Self::HyperLogLog,
        Self::Cluster,
        Self::Geo,
        Self::Stream,
        Self::Bitmap,
        Self::Array,
    ];

    /// Its name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Hash => "hash",
            Self::Pubsub => "pubsub",
            Self::Transactions => "transactions",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Scripting => "scripting",
            Self::HyperLogLog => "hyperloglog",
            Self::Cluster => "cluster",
            Self::Geo => "geo",
            Self::Stream => "stream",
            Self::Bitmap => "bitmap",
            Self::Array => "array",
        }
    }

    /// The ACL category its commands are in, if the group has one.
    pub fn category(self) -> Option<Category> {
        Some(match self {
            Self::Generic => Category::Keyspace,
            Self::String => Category::String,
            Self::List => Category::List,
            Self::Set => Category::Set,
            Self::SortedSet => Category::SortedSet,
            Self::Hash => Category::Hash,
            Self::Transactions => Category::Transaction,
            Self::Connection => Category::Connection,
            Self::Scripting => Category::Scripting,
            Self::HyperLogLog => Category::HyperLogLog,
            Self::Geo => Category::Geo,
            Self::Stream => Category::Stream,
            Self::Bitmap => Category::Bitmap,
            Self::Array => Category::Array,
            // The flag of that name says it.
            Self::Pubsub | Self::Server | Self::Cluster => return None,
        })
    }
}

/// The ACL categories, in the order ACL CAT lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named as Redis names it, and nothing more")]
pub enum Category {
    Keyspace,
    Read,
    Write,
    Set,
    SortedSet,
    List,
    Hash,
    String,
    Bitmap,
    HyperLogLog,
    Geo,
    Stream,
    Pubsub,
    Admin,
    Fast,
    Slow,
    Blocking,
    Dangerous,
    Connection,
    Transaction,
    Scripting,
    Array,
}

impl Category {
    /// All of them, in their order.
    pub const ALL: [Self; 22] = [
        Self::Keyspace,
        Self::Read,
        Self::Write,
        Self::Set,
        Self::SortedSet,
        Self::List,
        Self::Hash,
        Self::String,
        Self::Bitmap,
        Self::HyperLogLog,
        Self::Geo,
        Self::Stream,
        Self::Pubsub,
        Self::Admin,
        Self::Fast,
        Self::Slow,
        Self::Blocking,
        Self::Dangerous,
        Self::Connection,
        Self::Transaction,
        Self::Scripting,
        Self::Array,
    ];

    /// Its name, without the `@`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyspace => "keyspace",
            Self::Read => "read",
            Self::Write => "write",
            Self::Set => "set",
            Self::SortedSet => "sortedset",
            Self::List => "list",
            Self::Hash => "hash",
            Self::String => "string",
            Self::Bitmap => "bitmap",
            Self::HyperLogLog => "hyperloglog",
            Self::Geo => "geo",
            Self::Stream => "stream",
            Self::Pubsub => "pubsub",
            Self::Admin => "admin",
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::Blocking => "blocking",
            Self::Dangerous => "dangerous",
            Self::Connection => "connection",
            Self::Transaction => "transaction",
            Self::Scripting => "scripting",
            Self::Array => "array",
        }
    }
}

/// The ACL categories of a command beyond those that its flags imply.
#[derive(Clone, Copy, Debug)]
pub enum Acl {
    /// Its group's, and these.
    Group(&'static [Category]),
    /// Only these.
    Only(&'static [Category]),
}
