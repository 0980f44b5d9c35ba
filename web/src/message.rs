//! What the page and its worker tell each other besides RESP.
//!
//! These messages travel over the worker's own channel, as plain JavaScript objects. The bytes of
//! a connection never do: each connection has a `MessagePort` of its own, over which both sides
//! send `Uint8Array`s, and `null` once to say that this was the last. Where the connection is lost
//! with the tab that hosted the engine, that is `true`: whoever asks again finds the next one.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

/// What the page asks of the worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Accept a connection; its port is transferred with the message.
    Open,
}

/// What the worker tells the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// The program runs and takes messages.
    Ready,
    /// Where the data lives, or what became of it.
    Storage(Storage),
    /// A line of the server's log.
    Log {
        /// Whether something is wrong.
        warning: bool,
        /// What it says.
        text: String,
    },
    /// The worker's memory has another size.
    Memory {
        /// Bytes.
        bytes: f64,
    },
    /// The server has shut down as it was told to.
    Exited {
        /// 0 means that nothing went wrong.
        status: u8,
    },
    /// The program has stopped in the middle of something.
    Failed {
        /// What it said last.
        message: String,
    },
}

/// Where the data lives, or what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Storage {
    /// Not known yet.
    Opening,
    /// In the browser; this tab is the one that reads and writes it.
    Open {
        /// Bytes of the snapshot that was found, if there was one.
        found_bytes: Option<f64>,
    },
    /// A snapshot is being written.
    Saving,
    /// A snapshot is safe.
    Saved {
        /// Its size.
        bytes: f64,
        /// When, in milliseconds since 1970.
        at_ms: f64,
    },
    /// The browser refused a snapshot; the last one is still there.
    Failed {
        /// In the browser's words.
        why: String,
    },
    /// Where another tab keeps it; this one is a client of that one.
    Guest,
    /// Only in memory: the browser has no storage for this page, as in some private windows.
    Memory {
        /// In the browser's words.
        why: String,
    },
}

/// A message as what `postMessage` takes. Plain data always has such a form.
pub fn to_js(message: &impl Serialize) -> JsValue {
    serde_wasm_bindgen::to_value(message).unwrap_or_default()
}

/// A message that came; `None` if it is none of ours.
pub fn from_js<M: DeserializeOwned>(value: JsValue) -> Option<M> {
    serde_wasm_bindgen::from_value(value).ok()
}
