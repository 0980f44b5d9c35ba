//! The host of the node in a browser.
//!
//! It owns what the node must not: the clocks, the source of its seed, the ports of its
//! connections, the browser's store. Everything runs in one thread, one event after the other;
//! [`disk`] is the only part that waits.

mod clock;
mod disk;
mod host;
mod lock;

use std::rc::Rc;

use redstart::base::rng::Seed;
use wasm_bindgen::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, MessagePort};

use crate::message::{self, FromWorker, MemoryOnly, Storage, ToWorker};
use disk::{Disk, Mode};
use host::Host;

/// How long a tab that was just closed, or this one before its reload, may take to let the store go.
const LOCK_WAIT_MS: u32 = 1_000;

/// Runs the worker's program.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        post(&FromWorker::Failed { message: info.to_string() });
    }));
    wasm_bindgen_futures::spawn_local(run());
}

/// Opens the store, makes the node, and then serves whoever connects.
async fn run() {
    let held = Rc::new(std::cell::RefCell::new(Vec::new()));
    listen(held.clone());
    post(&FromWorker::Ready);
    let (disk, mode) = open_store().await;
    let host = Host::start(disk, mode, seed());
    for (message, port) in held.borrow_mut().drain(..) {
        host.message(message, port);
    }
    HOST.with(|slot| slot.borrow_mut().replace(host));
}

thread_local! {
    /// The host, once it is there.
    static HOST: std::cell::RefCell<Option<Rc<Host>>> = const { std::cell::RefCell::new(None) };
}

/// Messages that came before the host was there.
type Held = Rc<std::cell::RefCell<Vec<(ToWorker, Option<MessagePort>)>>>;

fn listen(held: Held) {
    let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(message) = message::from_js::<ToWorker>(event.data()) else { return };
        let port = event.ports().get(0).dyn_into::<MessagePort>().ok();
        let host = HOST.with(|slot| slot.borrow().clone());
        match host {
            Some(host) => host.message(message, port),
            None => held.borrow_mut().push((message, port)),
        }
    });
    scope().set_onmessage(Some(listener.as_ref().unchecked_ref()));
    listener.forget();
}

/// The browser's store if this tab may write to it; otherwise what can be had in its place.
async fn open_store() -> (Option<Disk>, Mode) {
    let disk = match Disk::open().await {
        Ok(disk) => disk,
        Err(why) => {
            post(&FromWorker::Storage(Storage::Memory(MemoryOnly::Refused { why })));
            return (None, Mode::Copy);
        }
    };
    let freed = || post(&FromWorker::Storage(Storage::Memory(MemoryOnly::OtherTabGone)));
    if lock::acquire("redstart", LOCK_WAIT_MS, freed).await {
        (Some(disk), Mode::Owner)
    } else {
        post(&FromWorker::Storage(Storage::Memory(MemoryOnly::OtherTab)));
        (Some(disk), Mode::Copy)
    }
}

/// A seed from the browser's secure source.
fn seed() -> Seed {
    let mut bytes = [0; 32];
    if let Ok(crypto) = scope().crypto() {
        // Without a secure source the seed stays zero: the engine works, its ids can be guessed.
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    let (words, _) = bytes.as_chunks::<8>();
    let mut seed = [0; 4];
    for (word, bytes) in seed.iter_mut().zip(words) {
        *word = u64::from_le_bytes(*bytes);
    }
    Seed(seed)
}

/// Tells the page something.
fn post(message: &FromWorker) {
    // It fails only for what cannot be copied, and plain data can.
    let _ = scope().post_message(&message::to_js(message));
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// How many bytes of memory this program has.
fn memory_bytes() -> f64 {
    let memory = wasm_bindgen::memory();
    js_sys::Reflect::get(&memory, &JsValue::from_str("buffer"))
        .ok()
        .and_then(|buffer| buffer.dyn_into::<js_sys::ArrayBuffer>().ok())
        .map_or(0.0, |buffer| f64::from(buffer.byte_length()))
}
