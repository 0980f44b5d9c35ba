//! The wire protocol, both directions and both versions.
//!
//! [`decode`] turns a client's bytes into arguments, incrementally and without copying;
//! [`encode`] writes replies in RESP2 or RESP3 straight into the bytes that will be sent;
//! [`reply`] reads replies back, for clients (the page, the tests); [`pretty`] prints them as
//! redis-cli does for people, [`output`] as it does for programs; [`words`] splits a line as redis-cli, inline commands and redis.conf do.
//!
//! Specification: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

pub mod decode;
pub mod encode;
pub mod output;
pub mod pretty;
pub mod reply;
pub mod words;

pub use decode::{Argv, Decoder, OwnedArgv, ProtocolError, Step};
pub use encode::{Out, Proto};
pub use output::Output;
pub use reply::Reply;
