//! What the pages' programs and the worker tell each other besides RESP.
//!
//! These messages travel over the worker's own channel, as arrays of what they are and what belongs to
//! it. (What serde makes of them takes five times the code, in a program that everybody downloads.) The
//! bytes of a connection never do: each connection has a `MessagePort` of its own, over which both sides
//! send `Uint8Array`s, and `null` once to say that this was the last. Where the connection is lost
//! with the tab that hosted the engine, that is `true`: whoever asks again finds the next one.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

/// Why something was not kept, if the browser gives the page no more room.
pub const NO_ROOM: &str = "the browser gives this page no more room";

/// What the page asks of the worker.
#[derive(Clone, Debug)]
pub enum ToWorker {
    /// Accept a connection; its port is transferred with the message.
    Open {
        /// The sandbox it goes to, which is made if there is none of this name; empty for the node
        /// that keeps the person's data.
        sandbox: String,
        /// Whether a person types on it; see [`crate::sandbox::Role`].
        is_person: bool,
    },
    /// Answer a question about the store as a whole; the port on which it comes is transferred with the
    /// message (see `worker/service.rs`).
    Ask,
    /// These are the descriptions of the commands, for sandboxes that are made from now on.
    Describe(Uint8Array),
    /// Do something with a sandbox; its [`SandboxState`] is the answer, even if there is none.
    Sandbox {
        /// Its name.
        name: String,
        /// What.
        what: SandboxOp,
        /// What the operation takes, if anything.
        value: f64,
        /// The recording that [`SandboxOp::Load`] takes.
        tape: Option<Uint8Array>,
        /// Comes back with the answer.
        ticket: u32,
    },
}

/// What can be done with a sandbox; some of it takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxOp {
    /// Begin anew: no data, the clock with the computer's.
    Reset,
    /// End it.
    Remove,
    /// Let so many milliseconds pass at once.
    Advance,
    /// Let the clock go so fast from now on: 1 as the computer's, 0 not at all.
    Rate,
    /// Take the last command of a person back.
    Undo,
    /// Go back to where only so many entries of the recording had happened.
    Rewind,
    /// Only say how it is.
    Tell,
    /// Let another sandbox live through the first so many entries of the recording, and stand still
    /// there. The name is those of both, with `>` between them; what had the second is ended.
    Branch,
    /// Tell the recording: as bytes behind the question's ticket, see [`crate::sandbox::tape`].
    Tape,
    /// Begin anew with a recording, and stand still at its end. What was sent meanwhile is told as
    /// bytes behind the question's ticket, or nothing if that recording cannot be.
    Load,
}

impl SandboxOp {
    /// All of them; a message tells one by its place here.
    const ALL: [Self; 10] = [
        Self::Reset,
        Self::Remove,
        Self::Advance,
        Self::Rate,
        Self::Undo,
        Self::Rewind,
        Self::Tell,
        Self::Branch,
        Self::Tape,
        Self::Load,
    ];
}

impl ToWorker {
    /// As what `postMessage` takes.
    pub fn to_js(&self) -> JsValue {
        match self {
            Self::Open { sandbox, is_person } => {
                Array::of2(&sandbox.into(), &JsValue::from_bool(*is_person)).into()
            }
            Self::Ask => Array::of1(&JsValue::NULL).into(),
            Self::Describe(bytes) => Array::of1(bytes).into(),
            Self::Sandbox { name, what, value, ticket, tape } => {
                let place = SandboxOp::ALL.iter().position(|op| op == what).unwrap_or_default();
                let numbers = [place as f64, *value, f64::from(*ticket)];
                let [place, value, ticket] = numbers.map(JsValue::from_f64);
                let tape = tape.as_ref().map_or(JsValue::NULL, JsValue::from);
                Array::of5(&name.into(), &place, &value, &ticket, &tape).into()
            }
        }
    }

    /// A message that came; `None` if it is none of ours.
    pub fn from_js(message: &JsValue) -> Option<Self> {
        let parts = message.dyn_ref::<Array>()?;
        if parts.get(0).is_null() {
            return Some(Self::Ask);
        }
        let first = match parts.get(0).dyn_into() {
            Ok(bytes) => return Some(Self::Describe(bytes)),
            Err(first) => first,
        };
        let name = first.as_string()?;
        let Some(place) = parts.get(1).as_f64() else {
            return Some(Self::Open { sandbox: name, is_person: parts.get(1).is_truthy() });
        };
        let what = *SandboxOp::ALL.get(place as usize)?;
        let (value, ticket) = (parts.get(2).as_f64()?, parts.get(3).as_f64()? as u32);
        let tape = parts.get(4).dyn_into().ok();
        Some(Self::Sandbox { name, what, value, ticket, tape })
    }
}

/// How a sandbox is after something was done with it. The app's own program takes no notice of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SandboxState {
    /// Its name.
    pub sandbox: String,
    /// What came with the question.
    pub ticket: u32,
    /// Entries of its recording; 0 if it is too long to be kept.
    pub steps: f64,
    /// Its time, in milliseconds since 1970.
    pub now_ms: f64,
    /// How fast its clock goes.
    pub rate: f64,
}

/// What the worker tells the page.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
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
    /// On the server that serves the page.
    Server {
        /// How it is called.
        name: String,
    },
    /// Only in memory: the browser has no storage for this page, as in some private windows.
    Memory {
        /// In the browser's words.
        why: String,
    },
}

impl SandboxState {
    /// As what `postMessage` takes.
    pub fn to_js(&self) -> JsValue {
        let numbers = [f64::from(self.ticket), self.steps, self.now_ms, self.rate];
        message(["Sandbox", &self.sandbox], &numbers)
    }

    /// A message that came; `None` if it is none of these.
    pub fn from_js(message: &JsValue) -> Option<Self> {
        let parts = Parts::of(message)?;
        (parts.text(0)? == "Sandbox").then_some(())?;
        Some(Self {
            sandbox: parts.text(1)?,
            ticket: parts.number(2)? as u32,
            steps: parts.number(3)?,
            now_ms: parts.number(4)?,
            rate: parts.number(5)?,
        })
    }
}

impl FromWorker {
    /// As what `postMessage` takes.
    pub fn to_js(&self) -> JsValue {
        match self {
            Self::Ready => message(["Ready"], &[]),
            Self::Log { warning, text } => message(["Log", text], &[f64::from(u8::from(*warning))]),
            Self::Memory { bytes } => message(["Memory"], &[*bytes]),
            Self::Exited { status } => message(["Exited"], &[f64::from(*status)]),
            Self::Failed { message: why } => message(["Failed", why], &[]),
            Self::Storage(storage) => match storage {
                Storage::Opening => message(["Opening"], &[]),
                Storage::Open { found_bytes } => message(["Open"], found_bytes.as_slice()),
                Storage::Saving => message(["Saving"], &[]),
                Storage::Saved { bytes, at_ms } => message(["Saved"], &[*bytes, *at_ms]),
                Storage::Failed { why } => message(["Unsaved", why], &[]),
                Storage::Guest => message(["Guest"], &[]),
                Storage::Server { name } => message(["Server", name], &[]),
                Storage::Memory { why } => message(["InMemory", why], &[]),
            },
        }
    }

    /// A message that came; `None` if it is none of these.
    pub fn from_js(message: &JsValue) -> Option<Self> {
        let parts = Parts::of(message)?;
        let storage = match parts.text(0)?.as_str() {
            "Ready" => return Some(Self::Ready),
            "Log" => {
                return Some(Self::Log { text: parts.text(1)?, warning: parts.number(2)? != 0.0 });
            }
            "Memory" => return Some(Self::Memory { bytes: parts.number(1)? }),
            "Exited" => return Some(Self::Exited { status: parts.number(1)? as u8 }),
            "Failed" => return Some(Self::Failed { message: parts.text(1)? }),
            "Opening" => Storage::Opening,
            "Open" => Storage::Open { found_bytes: parts.number(1) },
            "Saving" => Storage::Saving,
            "Saved" => Storage::Saved { bytes: parts.number(1)?, at_ms: parts.number(2)? },
            "Unsaved" => Storage::Failed { why: parts.text(1)? },
            "Guest" => Storage::Guest,
            "Server" => Storage::Server { name: parts.text(1)? },
            "InMemory" => Storage::Memory { why: parts.text(1)? },
            _ => return None,
        };
        Some(Self::Storage(storage))
    }
}

/// An array of texts, then numbers.
fn message<const N: usize>(texts: [&str; N], numbers: &[f64]) -> JsValue {
    let texts = texts.into_iter().map(JsValue::from_str);
    texts.chain(numbers.iter().copied().map(JsValue::from_f64)).collect::<Array>().into()
}

/// What a message consists of.
struct Parts<'a>(&'a Array);

impl<'a> Parts<'a> {
    fn of(message: &'a JsValue) -> Option<Self> {
        message.dyn_ref().map(Self)
    }

    fn text(&self, place: u32) -> Option<String> {
        self.0.get(place).as_string()
    }

    fn number(&self, place: u32) -> Option<f64> {
        self.0.get(place).as_f64()
    }
}
