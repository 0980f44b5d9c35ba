//! The test harness: transcripts, where they are played, and the servers they are compared with.
//!
//! - [`transcript`]: sessions with redis-cli as text, read and written
//! - [`play`]: plays a scenario on any [`play::Stage`] and compares, or writes down what it saw
//! - [`local`]: a node in this process, with a virtual clock; [`disk`]: a disk that lies
//! - [`rdb`]: snapshots and payloads of DUMP, made by hand; [`every`]: every type in every encoding
//! - [`grammar`]: commands drawn at random from their declarations
//! - [`hostile`]: payloads that nobody means well with; [`fuzz`]: what fuzzers feed
//! - [`lesson`]: the course as the page reads it; [`course`]: plays its lessons
//! - [`tcp`]: a server behind a port; [`oracle`]: finding and starting real ones
//! - `timed`: a node whose events are timed, behind the feature `bench`
//! - [`workload`]: commands to measure, and a node that runs nothing else
//! - `browser`: a browser, and `page`: the page in it, `panel`: the views beside it, `writers`: clients beside
//!   its panes, behind the feature `page`
//!
//! The first three are as pure as the engine and also run inside the wasm build.

#[cfg(feature = "page")]
pub mod browser;
#[cfg(not(target_arch = "wasm32"))]
pub mod course;
pub mod disk;
pub mod every;
pub mod fuzz;
pub mod grammar;
pub mod hostile;
// The very module of the page, compiled here: to depend on the page would be to compile all of it, for
// every test.
#[path = "../../web/src/lesson/mod.rs"]
pub mod lesson;
pub mod local;
#[cfg(not(target_arch = "wasm32"))]
pub mod normal;
pub mod oracle;
#[cfg(feature = "page")]
pub mod page;
#[cfg(feature = "page")]
pub mod panel;
pub mod play;
pub mod queue;
pub mod rdb;
#[cfg(not(target_arch = "wasm32"))]
pub mod tcp;
#[cfg(feature = "bench")]
pub mod timed;
pub mod transcript;
pub mod wire;
pub mod workload;
#[cfg(feature = "page")]
pub mod writers;
