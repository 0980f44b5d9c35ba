//! The playground: a terminal in the page, and the engine in a worker behind it.
//!
//! Its program is started twice. In the page it is a Yew program that knows commands only as bytes
//! and replies only as bytes. In a worker it hosts a [`redstart::node::Node`] as the TCP server
//! does: it drives it with events and does what the node asks for, with a `MessagePort` in the
//! place of a socket and IndexedDB in the place of files. So a pane of the terminal is a client
//! like any other, and nothing that an engine does can hold up the page.
//!
//! A second program, the *studio*, holds what a first visit does not need: the tutorial and the
//! views of the data. It is loaded when first used, and lives in a panel beside the panes.
//!
//! - [`message`]: what page and worker tell each other besides RESP
//! - [`terminal`]: one pane as plain data: what was typed, what came back, the prompt
//! - [`state`]: the whole page as plain data, changed by actions
//! - [`page`]: the browser's side of it: components, the connection to the worker
//! - [`worker`]: the host of the nodes
//! - [`sandbox`]: a node in memory with a clock of its own, which can be taken back
//! - [`studio`]: the panel; [`bridge`]: how it and the page talk
//! - [`lesson`]: the course, read and checked
//! - [`descriptions`]: what commands do, loaded when somebody asks
//! - [`i18n`]: texts in other languages; [`keep`]: what survives a reload
//!
//! `terminal`, `state`, `sandbox` and `lesson` touch no browser, and are tested as any other code.

pub mod bridge;
pub mod descriptions;
pub mod i18n;
pub mod keep;
pub mod lesson;
pub mod message;
pub mod page;
pub mod sandbox;
pub mod state;
pub mod studio;
pub mod terminal;
pub mod worker;
