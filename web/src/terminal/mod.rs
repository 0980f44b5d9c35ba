//! One pane of the terminal as plain data: a client of the engine and what it has shown.
//!
//! [`session`] is the client: it turns a line into a request and replies into text, and knows what
//! redis-cli's prompt knows. [`log`] keeps what is on the screen, [`history`] what was typed,
//! [`paint`] says which words of a reply get which colour. [`line`](mod@line) understands what is being typed,
//! [`complete`] finishes it with what [`keys`] finds in the engine, [`help`] explains it, all three from the engine's own declarations. The
//! pane puts them together and asks for what it cannot do itself with [`Need`]s.

pub mod complete;
pub mod help;
pub mod history;
pub mod input;
pub mod keys;
pub mod line;
pub mod log;
pub mod paint;
pub mod pane;
pub mod queue;
pub mod replies;
pub mod session;

pub use history::History;
pub use input::Input;
pub use keys::KeyFinder;
pub use log::{Block, BlockKind, Log};
pub use pane::{Link, Need, Pane};
pub use session::Session;
