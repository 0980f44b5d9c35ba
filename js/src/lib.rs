//! The engine as a JavaScript package.
//!
//! [`host::Host`] drives a [`redstart::node::Node`] as the TCP server and the page do; its world is
//! memory: files are kept there, and a connection is whoever implements [`host::Peer`]. On it stand
//! the classes that JavaScript sees. What they return are promises, though the engine answers most
//! commands before they are even made: a command may wait (BLPOP), and code that awaits does not
//! change when the engine moves elsewhere.
//!
//! Doc comments here are the package's reference: wasm-bindgen carries them into its `.d.ts`. What its
//! attributes cannot say (unions, generics) is in [`types`]. `lib/` holds what is better written in
//! JavaScript: loading the program, the error class, sockets for client libraries, the element.

mod client;
mod clock;
mod connection;
mod engine;
mod files;
mod host;
mod options;
mod reply;
mod shell;
mod subscription;
mod types;
mod words;
mod world;
