//! The playground: a terminal in the page, and the engine in a worker behind it.
//!
//! One program, started twice. In the page it is a Yew program that knows commands only as bytes
//! and replies only as bytes. In a worker it hosts a [`redstart::node::Node`] as the TCP server
//! does: it drives it with events and does what the node asks for, with a `MessagePort` in the
//! place of a socket and IndexedDB in the place of files. So a pane of the terminal is a client
//! like any other, and nothing that an engine does can hold up the page.
//!
//! - [`message`]: what page and worker tell each other besides RESP
//! - [`terminal`]: one pane as plain data: what was typed, what came back, the prompt
//! - [`state`]: the whole page as plain data, changed by actions
//! - [`page`]: the browser's side of it: components, the connection to the worker
//! - [`worker`]: the host of the node
//!
//! `terminal` and `state` touch no browser, and are tested as any other code.

pub mod message;
pub mod page;
pub mod state;
pub mod terminal;
pub mod worker;
