//! What the world can tell a node.

use crate::engine::loading::How;
use crate::engine::saving::{Force, Unreadable};
use crate::engine::world::{DiskDone, LinkEvent, LinkId, Measures};
use crate::session::{ConnId, Origin};

/// Everything the world can tell a node.
#[derive(Debug)]
pub enum Event<'a> {
    /// Time has passed; at the latest when [`next_wake`](super::Node::next_wake) said.
    Wake,
    /// A connection was opened.
    Opened {
        /// The host's number for it.
        conn: ConnId,
        /// Where it comes from.
        origin: Origin,
    },
    /// A connection has sent bytes.
    Received {
        /// Which.
        conn: ConnId,
        /// What; any number of bytes, cut anywhere.
        bytes: &'a [u8],
    },
    /// A connection is gone. After this its number may be used again.
    Closed {
        /// Which.
        conn: ConnId,
    },
    /// The host has a disk: what was saved there is to be loaded. Sent once, before anything else;
    /// a host without a disk never sends it.
    Mounted {
        /// What to do if it cannot be.
        unreadable: Unreadable,
    },
    /// A person brings a file, which the disk reads under this name: a snapshot, an append-only file or
    /// commands. All of it or nothing takes the place of the data, or is added to it;
    /// [`Effect::Imported`](super::Effect::Imported) tells.
    Import {
        /// The file.
        name: String,
        /// What becomes of the data that is there.
        how: How,
    },
    /// Something asked of the disk has succeeded or failed.
    Disk(DiskDone),
    /// Something has become of a connection that the node opened itself.
    Link {
        /// Which.
        link: LinkId,
        /// What.
        event: LinkEvent<'a>,
    },
    /// What [`Effect::Describe`](super::Effect::Describe) asks for, or anything else if it cannot be had:
    /// what it is not is refused, and asked for again when somebody wants to read it.
    Described(&'a [u8]),
    /// Someone outside asks for something.
    Signal(Signal),
    /// The host has looked at itself. Send it whenever the figures have changed and are cheap.
    Measured(Measures),
}

/// Requests from outside the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// End cleanly.
    Shutdown {
        /// Whether with a snapshot first; if nobody says so, where there are save points.
        save: Option<bool>,
        /// Whether to end although it cannot be made.
        force: Force,
    },
}

impl Signal {
    /// The end, where nobody says how.
    pub const SHUTDOWN: Self = Self::Shutdown { save: None, force: Force::No };
}
