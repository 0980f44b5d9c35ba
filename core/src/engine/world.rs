//! What a node can ask of the world, and what it is told of it besides connections.
//!
//! Defined here because commands ask; hosts see it as part of [`node`](crate::node).

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
    /// A line for the log.
    Log(Record),
    /// End the program with this status, once everything asked for before is done.
    Exit {
        /// 0 means that nothing went wrong.
        status: u8,
    },
}

/// Something to do with files. A name is a plain file name without a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskOp {
    /// Read the whole file.
    Read {
        /// The file.
        name: String,
    },
    /// Put `bytes` in the place of the file, so that a crash at any moment leaves either the old
    /// or the new content, and the new one for good once this is answered.
    Replace {
        /// The file.
        name: String,
        /// The new content.
        bytes: Vec<u8>,
    },
    /// Give the file another name; whatever had that name is gone.
    Rename {
        /// The file.
        from: String,
        /// Its new name.
        to: String,
    },
}

/// How an operation ended. Each variant answers the [`DiskOp`] of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskDone {
    /// The content, or `None` if there is no such file.
    Read {
        /// The file.
        name: String,
        /// What it holds.
        result: Result<Option<Vec<u8>>, DiskError>,
    },
    /// The new content is safe, or the old one still there.
    Replace {
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
}

/// Why the disk refused, in the host's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskError(pub String);

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
    /// Bytes that the process holds.
    pub rss: u64,
    /// Bytes that the machine (or the page) has in all; 0 if unknown.
    pub system_memory: u64,
    /// Processor time spent in the program, in microseconds.
    pub cpu_user_us: u64,
    /// Processor time spent for it in the operating system, in microseconds.
    pub cpu_sys_us: u64,
}
