//! What a node can ask of the world, and what it is told of it besides connections.
//!
//! Defined here because commands ask; hosts see it as part of [`node`](crate::node).

use crate::engine::import::Imported;
use crate::session::ConnId;

/// Everything a node can ask of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The connection's [`outbox`](crate::node::Node::outbox) has bytes to send. Asked at least once
    /// after bytes were added; the host goes on sending until the outbox is empty.
    Send {
        /// Which.
        conn: ConnId,
    },
    /// Send what the outbox still holds, close the connection, then report `Closed`.
    Close {
        /// Which.
        conn: ConnId,
    },
    /// Something to do with files, or what the host has in their place. Each is answered by one
    /// `Disk` event, in any order.
    Disk(DiskOp),
    /// Something to do with a connection that the node opens itself, to another server. What becomes of
    /// it comes as `Link` events. Asked only where the engine is built with the feature `links`.
    Link {
        /// Which.
        link: LinkId,
        /// What.
        op: LinkOp,
    },
    /// A line for the log.
    Log(Record),
    /// CONFIG SET has changed the settings; a host that keeps them asks for
    /// [`Node::config`](crate::node::Node::config). With the feature `config-file`, a host says where it
    /// listens from now on ([`Node::listens_at`](crate::node::Node)), for which the command waits.
    Configured,
    /// Bring what [`DESCRIPTIONS`](crate::commands::DESCRIPTIONS) are, from wherever the host has them;
    /// clients wait for the [`Event::Described`](crate::node::Event::Described) that follows. Asked only
    /// where the engine is built without the feature `descriptions`.
    Describe,
    /// The end of an [`Event::Import`](crate::node::Event::Import): what was imported, or why nothing
    /// was, in words that tell the place in the file.
    Imported(Result<Imported, String>),
    /// End the program with this status, once everything asked for before is done.
    Exit {
        /// 0 means that nothing went wrong.
        status: u8,
    },
}

/// Something to do with files. A name is a plain file name, with at most one folder before it
/// (`appendonlydir/appendonly.aof.1.incr.aof`), which is made when it is needed; or it is
/// [`Config::file`](crate::engine::Config::file), which a host that sets it can read and replace.
///
/// Operations on one file are done in the order in which they were asked for. A host may hand over
/// to the world's disk at any time what was appended, but must have done so only when it answers
/// `Sync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskOp {
    /// Read a part of the file. A host that has the file in other parts answers with what it has from
    /// `from` on, which may be all of it.
    Read {
        /// The file.
        name: String,
        /// Where the part begins.
        from: u64,
        /// How many bytes are wanted, at most.
        bytes_max: u64,
    },
    /// Put `bytes` in the place of the file, so that a crash at any moment leaves either the old
    /// or the new content, and the new one for good once this is answered.
    Replace {
        /// The file.
        name: String,
        /// The new content.
        bytes: Vec<u8>,
    },
    /// Add `bytes` at the end of the file, making it first if there is none. After a failure any
    /// part of them may be there.
    Append {
        /// The file.
        name: String,
        /// What is added.
        bytes: Vec<u8>,
    },
    /// Make safe what was appended to the file, and its name: a crash after the answer leaves them.
    Sync {
        /// The file.
        name: String,
    },
    /// Keep the first `bytes` bytes of the file.
    Truncate {
        /// The file.
        name: String,
        /// How many.
        bytes: u64,
    },
    /// Give the file another name; whatever had that name is gone. As safe, once answered, as
    /// `Sync`, but for content that was not made safe before.
    Rename {
        /// The file.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Remove the file; that there is none is no failure.
    Remove {
        /// The file.
        name: String,
    },
    /// Name the files of a folder, or those without one if it is empty.
    List {
        /// The folder, without a slash.
        folder: String,
    },
    /// All names are in this folder of the host's from now on; what is written to goes on where it
    /// is. A host that has one folder refuses.
    Enter {
        /// The folder, in words of the host's; relative to the one until now, if it is relative.
        folder: String,
        /// Files that are written to, perhaps not yet.
        open: Vec<String>,
    },
}

/// How an operation ended. Each variant answers the [`DiskOp`] of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskDone {
    /// The part, or `None` if there is no such file.
    Read {
        /// The file.
        name: String,
        /// Where the part begins.
        from: u64,
        /// What it holds.
        result: Result<Option<Part>, DiskError>,
    },
    /// The new content is safe; if it failed, it or the old one is there.
    Replace {
        /// The file.
        name: String,
        /// Whether it worked.
        result: Result<(), DiskError>,
    },
    /// The file is longer.
    Append {
        /// The file.
        name: String,
        /// The buffer that came with the question, to be used again or freed.
        bytes: Vec<u8>,
        /// Whether it worked.
        result: Result<(), DiskError>,
    },
    /// The file is safe.
    Sync {
        /// The file.
        name: String,
        /// Whether it worked. If not, nobody knows what of the file is safe, and asking again does
        /// not help: it has to be written anew.
        result: Result<(), DiskError>,
    },
    /// The file is shorter.
    Truncate {
        /// The file.
        name: String,
        /// Whether it worked.
        result: Result<(), DiskError>,
    },
    /// The file has its new name, or still the old one.
    Rename {
        /// The file.
        from: String,
        /// Its new name.
        to: String,
        /// Whether it worked.
        result: Result<(), DiskError>,
    },
    /// There is no such file.
    Remove {
        /// The file.
        name: String,
        /// Whether it worked.
        result: Result<(), DiskError>,
    },
    /// The names of the files, without the folder, in any order; none if there is no such folder.
    List {
        /// The folder.
        folder: String,
        /// What it holds.
        result: Result<Vec<String>, DiskError>,
    },
    /// The folder is another one, or the same as before.
    Enter {
        /// How the folder is called from everywhere.
        result: Result<String, DiskError>,
    },
}

/// What the names of files begin with, without their folder, that are being made and have not their own
/// name yet.
pub const TEMPORARY: &str = "temp-";

/// Whether a file of this name was begun and not put in its place: who finds one that nobody is at work on
/// can remove it. (`dbfilename`, with which a person could give such a name, is protected.)
pub fn is_temporary(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with(TEMPORARY))
}

impl DiskOp {
    /// Reads a file that is known to be short, all of it.
    pub fn read_all(name: String) -> Self {
        Self::Read { name, from: 0, bytes_max: u64::MAX }
    }

    /// The answer to [`DiskOp::Enter`] of a host that has one folder.
    pub fn has_no_folders(self) -> DiskDone {
        self.refused(DiskError("No such file or directory".to_owned()))
    }

    /// The answer that the operation has failed.
    pub fn refused(self, error: DiskError) -> DiskDone {
        let result = Err(error);
        match self {
            Self::Read { name, from, .. } => {
                DiskDone::Read { name, from, result: result.map(|()| None) }
            }
            Self::Replace { name, .. } => DiskDone::Replace { name, result },
            Self::Append { name, bytes } => DiskDone::Append { name, bytes, result },
            Self::Sync { name } => DiskDone::Sync { name, result },
            Self::Truncate { name, .. } => DiskDone::Truncate { name, result },
            Self::Rename { from, to } => DiskDone::Rename { from, to, result },
            Self::Remove { name } => DiskDone::Remove { name, result },
            Self::List { folder } => DiskDone::List { folder, result: result.map(|()| Vec::new()) },
            Self::Enter { .. } => DiskDone::Enter { result: result.map(|()| String::new()) },
        }
    }
}

impl DiskDone {
    /// Why it failed, if it did.
    pub fn error(&self) -> Option<&DiskError> {
        match self {
            Self::Read { result, .. } => result.as_ref().err(),
            Self::List { result, .. } => result.as_ref().err(),
            Self::Enter { result } => result.as_ref().err(),
            Self::Replace { result, .. }
            | Self::Append { result, .. }
            | Self::Sync { result, .. }
            | Self::Truncate { result, .. }
            | Self::Rename { result, .. }
            | Self::Remove { result, .. } => result.as_ref().err(),
        }
    }
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it holds; empty only where the file ends, or none was wanted.
    pub bytes: Vec<u8>,
    /// Bytes of the whole file.
    pub file_bytes: u64,
}

impl Part {
    /// The part of a file that holds `all`, as [`DiskOp::Read`] asks for it.
    pub fn of(all: &[u8], from: u64, bytes_max: u64) -> Self {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = all.get(from..).unwrap_or_default();
        let count = rest.len().min(usize::try_from(bytes_max).unwrap_or(usize::MAX));
        let bytes = rest.get(..count).unwrap_or_default().to_vec();
        Self { bytes, file_bytes: all.len() as u64 }
    }
}

/// Why the disk refused, in the host's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskError(pub String);

/// A connection that the node opens itself: its number, which it gives and never uses twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// Something to do with a connection of the node's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkOp {
    /// Open it. The node waits as long as it likes, and closes what takes too long.
    Open {
        /// A name, or an address in the form of its family.
        host: String,
        /// The port.
        port: u16,
    },
    /// Send bytes, behind those that were to be sent before.
    Send {
        /// What.
        bytes: Vec<u8>,
    },
    /// Close it at once, or give up opening it. What still comes of it is of no interest.
    Close,
}

/// What has become of a connection of the node's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEvent<'a> {
    /// It is open.
    Opened,
    /// There is no such host, or no way to it that could be tried: nobody has refused.
    NoWay,
    /// The network has taken so many further bytes.
    Sent {
        /// How many.
        count: usize,
    },
    /// The other side has sent bytes.
    Received {
        /// What; any number of bytes, cut anywhere.
        bytes: &'a [u8],
    },
    /// The other side has refused or closed it, or it is broken.
    Lost,
}

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// How much a line of the log matters, as `loglevel` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For developers.
    Debug,
    /// Much, rarely useful.
    Verbose,
    /// What one wants to see.
    Notice,
    /// Something is wrong.
    Warning,
}

/// Figures that only a host can know, for INFO and for limits on memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Bytes that the allocator has handed out.
    pub used_memory: u64,
    /// `used_memory` never falls, as the memory of a WebAssembly program does not. Then it says
    /// nothing of what deleting gives back, and limits on memory go by what the data takes.
    pub is_peak: bool,
    /// Bytes that the process holds.
    pub rss: u64,
    /// Bytes that the machine (or the page) has in all; 0 if unknown.
    pub system_memory: u64,
    /// What the allocator is called.
    pub allocator: &'static str,
    /// Processor time spent in the program, in microseconds.
    pub cpu_user_us: u64,
    /// Processor time spent for it in the operating system, in microseconds.
    pub cpu_sys_us: u64,
}
