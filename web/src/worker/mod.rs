//! The host of the node in a browser.
//!
//! It owns what the node must not: the clocks, the source of its seed, the ports of its
//! connections, the browser's store. Everything runs in one thread, one event after the other;
//! [`disk`] is the only part that waits. Where several tabs are open on one store, one worker has the
//! host and the others pass their connections on to it ([`relay`]), each ready to take over.

mod clock;
mod disk;
mod host;
mod idb;
mod lock;
mod relay;
mod sandboxes;
mod service;

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use redstart::base::rng::Seed;
use wasm_bindgen::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, MessagePort};

use crate::message::{FromWorker, Storage, ToWorker};
use clock::Clock;
use disk::Disk;
use host::{Host, Opened};
use relay::{Guest, Hub};
use sandboxes::Sandboxes;

/// How often it is tried to open a store or to read from it before it is said that this does not work,
/// and how long it is waited in between. A browser that was killed can hold on to what it wrote last for
/// seconds, and the next one finds it locked.
const TRIES: u32 = 10;
const TRY_AGAIN_MS: u32 = 1000;

/// In the place of a store's name: nothing is kept, as the person wishes.
const IN_MEMORY: &str = "/";

/// What a port of the page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// A connection to the node.
    Connection,
    /// A question to its host.
    Question,
}

/// What this worker is.
enum Role {
    /// Not known yet: ports that came meanwhile.
    Starting(Vec<(MessagePort, Purpose)>),
    /// Another tab has the host.
    Guest(Rc<Guest>),
    /// The node is here.
    Host(Rc<Host>),
}

thread_local! {
    /// Other nodes, for lessons and experiments; each tab has its own.
    static SANDBOXES: Rc<Sandboxes> = Rc::default();
    static ROLE: RefCell<Role> = const { RefCell::new(Role::Starting(Vec::new())) };
}

/// Runs the worker's program.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        stop(&info.to_string());
    }));
    wasm_bindgen_futures::spawn_local(run());
}

/// Ends this program and says why. With the worker goes its lock, so that another tab can take the store
/// over.
fn stop(why: &str) {
    post(&FromWorker::Failed { message: why.to_owned() });
    scope().close();
}

/// Finds out who hosts the store, and becomes the host as soon as nobody else is.
async fn run() {
    listen();
    post(&FromWorker::Ready);
    // Made for the first node, while the browser looks whether the store is free.
    wasm_bindgen_futures::spawn_local(async { _ = redstart::commands::table() });
    // The page has given the worker the store's name.
    let store = scope().name();
    if store != IN_MEMORY
        && !store.is_empty()
        && let Err(why) = service::check_name(&store)
    {
        // Else its files might be taken for those of another one.
        return stop(&why);
    }
    let name = &service::lock_name(&store);
    if store != IN_MEMORY && !lock::try_hold(name).await {
        let guest = Guest::start(&store, || post(&FromWorker::Storage(Storage::Guest))).await;
        for (port, purpose) in become_role(Role::Guest(guest.clone())) {
            guest.open(port, purpose);
        }
        lock::hold(name).await;
        post(&FromWorker::Storage(Storage::Opening));
    }
    let host = Host::start(open_store(&store).await, seed());
    for (port, purpose) in become_role(Role::Host(host.clone())) {
        take(&host, port, purpose);
    }
    if store != IN_MEMORY {
        Hub::open(&store, host);
    }
}

/// Opens the store. It has no disk where the browser keeps nothing for this page; one that is there and
/// cannot be opened is not taken for an empty one.
async fn open_store(store: &str) -> Opened {
    let clock = Clock::new();
    let since = clock.now().mono;
    let in_memory = |why: String| {
        post(&FromWorker::Storage(Storage::Memory { why }));
        Opened { clock: Clock::new(), since, disk: None, settings: Vec::new() }
    };
    if store == IN_MEMORY {
        return in_memory("it was opened without".to_owned());
    }
    for tried in 1.. {
        match Disk::open(store).await {
            Ok((disk, settings)) => return Opened { clock, since, disk: Some(disk), settings },
            Err(why) if why.is_refusal() => return in_memory(why.words()),
            Err(why) if tried == TRIES => {
                stop(&unopened(&why.words()));
                break;
            }
            Err(_) => TimeoutFuture::new(TRY_AGAIN_MS).await,
        }
    }
    // The worker ends.
    std::future::pending().await
}

/// What is said of a store that cannot be read.
fn unopened(why: &str) -> String {
    ["The browser does not open what it keeps for this page: ", why].concat()
}

/// Changes what this worker is; returns the ports that wait for somebody to take them.
fn become_role(role: Role) -> Vec<(MessagePort, Purpose)> {
    match ROLE.with(|slot| slot.replace(role)) {
        Role::Starting(ports) => ports,
        Role::Guest(guest) => guest.end(),
        Role::Host(_) => Vec::new(),
    }
}

fn listen() {
    let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(message) = ToWorker::from_js(&event.data()) else { return };
        let port = event.ports().get(0).dyn_into::<MessagePort>().ok();
        match (message, port) {
            (ToWorker::Open { sandbox, .. }, Some(port)) if sandbox.is_empty() => {
                open(port, Purpose::Connection);
            }
            (ToWorker::Ask, Some(port)) => open(port, Purpose::Question),
            (ToWorker::Open { sandbox, is_person }, Some(port)) => {
                SANDBOXES.with(|sandboxes| sandboxes.open(sandbox, is_person, port));
            }
            (ToWorker::Sandbox { name, what, value, ticket, tape }, _) => {
                let tape = tape.map(|bytes| bytes.to_vec()).unwrap_or_default();
                SANDBOXES.with(|sandboxes| sandboxes.perform(name, what, value, ticket, &tape));
            }
            (ToWorker::Describe(bytes), _) => {
                SANDBOXES.with(|sandboxes| sandboxes.describe(&bytes.to_vec()));
            }
            (ToWorker::Open { .. } | ToWorker::Ask, None) => {}
        }
    });
    scope().set_onmessage(Some(listener.as_ref().unchecked_ref()));
    listener.forget();
}

/// Gives a port to whoever is there for it, here or at another tab.
fn open(port: MessagePort, purpose: Purpose) {
    ROLE.with(|role| match &mut *role.borrow_mut() {
        Role::Starting(ports) => ports.push((port, purpose)),
        Role::Guest(guest) => guest.open(port, purpose),
        Role::Host(host) => take(host, port, purpose),
    });
}

fn take(host: &Rc<Host>, port: MessagePort, purpose: Purpose) {
    match purpose {
        Purpose::Connection => host.open(port),
        Purpose::Question => service::serve(host.clone(), port),
    }
}

/// A name that nobody else has.
fn random_name() -> String {
    format!("{:016x}", seed().0[0])
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
    post_js(&message.to_js());
}

fn post_js(message: &JsValue) {
    // It fails only for what cannot be copied, and plain data can.
    let _ = scope().post_message(message);
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
