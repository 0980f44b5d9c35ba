//! The node: the value a host drives with events, answering with effects.
//!
//! A host owns the world. It tells the node what happened ([`Event`]) and what time it is, does
//! what the node asks for ([`Effect`]), and wakes it when [`Node::next_wake`] says so:
//!
//! ```
//! use redstart::base::{rng::Seed, time::{Monotonic, Time}};
//! use redstart::engine::Config;
//! use redstart::node::{ConnId, Effect, Event, Node, Origin};
//!
//! let now = Time { unix_us: 1_700_000_000_000_000, mono: Monotonic(0) };
//! let mut node = Node::new(Config::default(), Seed::of(1), now);
//! let (conn, mut effects) = (ConnId(0), Vec::new());
//! let origin = Origin { addr: "me:1".into(), laddr: "node:6379".into(), fd: 0, local: true };
//! node.handle(now, Event::Opened { conn, origin }, &mut effects);
//! node.handle(now, Event::Received { conn, bytes: b"PING\r\n" }, &mut effects);
//! assert_eq!(effects, [Effect::Send { conn }]);
//! assert_eq!(node.outbox(conn).unwrap().pending(), b"+PONG\r\n");
//! ```

mod event;
mod run;

pub use event::{Event, Signal};
pub use run::Node;

pub use crate::engine::import::Imported;
pub use crate::engine::loading::How;
pub use crate::engine::saving::{Force, Unreadable};
pub use crate::engine::world::{
    DiskDone, DiskError, DiskOp, Effect, Level, LinkEvent, LinkId, LinkOp, Measures, Part, Record,
    TEMPORARY, is_temporary,
};
pub use crate::session::{ConnId, Origin};
