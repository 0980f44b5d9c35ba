//! Driving the node: what JavaScript does goes in as events, what comes out is done.
//!
//! A listener of JavaScript may call the engine again while the engine calls it. So what happens is
//! put in a queue, and only the outermost call works it off: the node handles one event after the
//! other, and nothing is borrowed while JavaScript runs.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};

use js_sys::ArrayBuffer;
use redstart::base::rng::Seed;
use redstart::base::time::Monotonic;
use redstart::engine::Config;
use redstart::node::{ConnId, DiskDone, Effect, Event, Level, Measures, Node, Origin, Unreadable};
use wasm_bindgen::prelude::*;

use crate::clock::Clock;
use crate::files::Files;
use crate::world;

/// The longest time a timer can wait, in milliseconds.
const TIMER_MS_MAX: u64 = i32::MAX as u64;

/// Turns that the node gets at once when it wants to go on; after them, others have theirs.
const TURNS_MAX: usize = 64;

/// The memory that a node is told of whose clock stands still.
const STILL_MEMORY_BYTES: u64 = 1 << 20;

/// A node and its world.
pub(crate) struct Host {
    /// The node, until everything is closed.
    node: RefCell<Option<Node>>,
    clock: Clock,
    files: RefCell<Files>,
    peers: RefCell<BTreeMap<ConnId, Rc<dyn Peer>>>,
    inbox: RefCell<VecDeque<Told>>,
    is_busy: Cell<bool>,
    timer: RefCell<Option<Timer>>,
    /// Calls this host when a timer has fired.
    on_timer: Closure<dyn FnMut()>,
    /// Replies that somebody awaits.
    awaited: Cell<usize>,
    is_closed: Cell<bool>,
    memory_bytes: Cell<u64>,
    /// The last warning of the node's log.
    warning: RefCell<String>,
}

/// The other end of a connection.
pub(crate) trait Peer {
    /// Takes what the node has sent.
    fn receive(&self, bytes: &[u8]);
    /// The node has closed the connection.
    fn lost(&self);
}

/// An event that owns what it tells.
enum Told {
    Opened(ConnId),
    Received(ConnId, Vec<u8>),
    Closed(ConnId),
    Disk(DiskDone),
    Wake,
}

/// A timer that was set.
struct Timer {
    at: Monotonic,
    waits: bool,
    handle: JsValue,
}

impl Host {
    /// Makes the node.
    pub(crate) fn new(config: Config, seed: Seed, clock: Clock) -> Rc<Self> {
        let node = Node::new(config, seed, clock.now());
        let host = Rc::new_cyclic(|host: &Weak<Self>| {
            let host = host.clone();
            Self {
                node: RefCell::new(Some(node)),
                clock,
                files: RefCell::default(),
                peers: RefCell::default(),
                inbox: RefCell::default(),
                is_busy: Cell::new(false),
                timer: RefCell::default(),
                on_timer: Closure::new(move || {
                    if let Some(host) = host.upgrade() {
                        host.timer.borrow_mut().take();
                        host.tell(Told::Wake);
                    }
                }),
                awaited: Cell::new(0),
                is_closed: Cell::new(false),
                memory_bytes: Cell::new(0),
                warning: RefCell::default(),
            }
        });
        host.handle(Event::Mounted { unreadable: Unreadable::SetAside });
        host.pump();
        host
    }

    /// Opens a connection; `None` if the engine is closed.
    pub(crate) fn open(self: &Rc<Self>, peer: Rc<dyn Peer>) -> Option<ConnId> {
        if self.is_closed.get() {
            return None;
        }
        let mut peers = self.peers.borrow_mut();
        let taken = peers.keys().zip(0..).take_while(|(conn, number)| conn.0 == *number);
        let conn = ConnId(u32::try_from(taken.count()).unwrap_or(u32::MAX));
        peers.insert(conn, peer);
        drop(peers);
        self.tell(Told::Opened(conn));
        Some(conn)
    }

    /// Hands over what was sent on a connection.
    pub(crate) fn send(self: &Rc<Self>, conn: ConnId, bytes: Vec<u8>) {
        if self.peers.borrow().contains_key(&conn) {
            self.tell(Told::Received(conn, bytes));
        }
    }

    /// The other end has closed a connection.
    pub(crate) fn hang_up(self: &Rc<Self>, conn: ConnId) {
        if self.peers.borrow_mut().remove(&conn).is_some() {
            self.tell(Told::Closed(conn));
        }
    }

    /// Ends everything. Connections that are open are told.
    pub(crate) fn close(&self) {
        if self.is_closed.replace(true) {
            return;
        }
        self.inbox.borrow_mut().clear();
        self.clear_timer();
        let peers = std::mem::take(&mut *self.peers.borrow_mut());
        peers.values().for_each(|peer| peer.lost());
        // Its memory is given back now, whoever still holds this.
        self.node.borrow_mut().take();
        *self.files.borrow_mut() = Files::default();
    }

    /// Whether it has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// So many replies more are awaited, or fewer.
    pub(crate) fn count_awaited(self: &Rc<Self>, more: isize) {
        self.awaited.set(self.awaited.get().saturating_add_signed(more));
        if !self.is_busy.get() {
            self.set_timer();
        }
    }

    /// The time, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> f64 {
        self.clock.now().unix_us as f64 / 1000.0
    }

    /// Whether its clock moves only when it is told to.
    pub(crate) fn stands_still(&self) -> bool {
        self.clock.is_still()
    }

    /// Whether it is calling JavaScript, or is called by what it calls.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy.get()
    }

    /// Moves a clock on that stands still; what was to happen meanwhile happens at its time.
    pub(crate) fn advance_us(self: &Rc<Self>, us: u64) {
        let end = self.clock.now().mono + us;
        while !self.is_closed() {
            let Some(wake) = self.next_wake().filter(|wake| *wake <= end) else { break };
            self.clock.advance_us(wake.since_us(self.clock.now().mono));
            self.tell(Told::Wake);
        }
        self.clock.advance_us(end.since_us(self.clock.now().mono));
        self.tell(Told::Wake);
    }

    /// The node's files.
    pub(crate) fn files(&self) -> std::cell::RefMut<'_, Files> {
        self.files.borrow_mut()
    }

    /// What the node has warned of last.
    pub(crate) fn warning(&self) -> String {
        self.warning.borrow().clone()
    }

    fn tell(self: &Rc<Self>, told: Told) {
        if self.is_closed.get() {
            return;
        }
        self.inbox.borrow_mut().push_back(told);
        self.pump();
    }

    /// Works off what has happened, and what the node wants to do now.
    fn pump(self: &Rc<Self>) {
        if self.is_busy.replace(true) {
            return;
        }
        let mut turns = 0;
        while !self.is_closed.get() {
            let told = self.inbox.borrow_mut().pop_front();
            match told {
                Some(Told::Opened(conn)) => {
                    let origin = Origin {
                        addr: format!("js:{}", conn.0),
                        laddr: "js:6379".to_owned(),
                        fd: i64::from(conn.0) + 8,
                        local: true,
                    };
                    self.handle(Event::Opened { conn, origin });
                }
                Some(Told::Received(conn, bytes)) => {
                    self.measure();
                    self.handle(Event::Received { conn, bytes: &bytes });
                }
                Some(Told::Closed(conn)) => self.handle(Event::Closed { conn }),
                Some(Told::Disk(done)) => self.handle(Event::Disk(done)),
                Some(Told::Wake) => self.handle(Event::Wake),
                None if turns < TURNS_MAX && self.is_due() => {
                    turns += 1;
                    self.handle(Event::Wake);
                }
                None => break,
            }
        }
        self.is_busy.set(false);
        self.set_timer();
    }

    fn is_due(&self) -> bool {
        self.next_wake().is_some_and(|wake| wake <= self.clock.now().mono)
    }

    fn next_wake(&self) -> Option<Monotonic> {
        self.node.borrow().as_ref().and_then(Node::next_wake)
    }

    fn handle(&self, event: Event<'_>) {
        let mut effects = Vec::new();
        let now = self.clock.now();
        if let Some(node) = self.node.borrow_mut().as_mut() {
            node.handle(now, event, &mut effects);
        }
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&self, effect: Effect) {
        match effect {
            Effect::Send { conn } => self.deliver(conn),
            Effect::Close { conn } => {
                self.deliver(conn);
                let peer = self.peers.borrow_mut().remove(&conn);
                self.inbox.borrow_mut().push_back(Told::Closed(conn));
                if let Some(peer) = peer {
                    peer.lost();
                }
            }
            Effect::Disk(op) => {
                let done = self.files.borrow_mut().run(op);
                self.inbox.borrow_mut().push_back(Told::Disk(done));
            }
            Effect::Log(record) => {
                if record.level == Level::Warning {
                    *self.warning.borrow_mut() = record.text;
                }
            }
            // Settings end with the engine, nothing is imported, the descriptions are linked, and there is
            // no way to other servers.
            Effect::Configured | Effect::Imported(_) | Effect::Describe | Effect::Link { .. } => {}
            Effect::Exit { .. } => self.close(),
        }
    }

    fn deliver(&self, conn: ConnId) {
        let out = |node: &mut Node| node.outbox(conn).map(|out| out.take());
        let bytes = self.node.borrow_mut().as_mut().and_then(out).unwrap_or_default();
        let peer = self.peers.borrow().get(&conn).cloned();
        if let Some(peer) = peer.filter(|_| !bytes.is_empty()) {
            peer.receive(&bytes);
        }
    }

    /// Tells the node how much memory there is, when that has changed.
    fn measure(&self) {
        // Where one run is to be as the other, what other engines take is none of its business.
        let bytes = if self.clock.is_still() { STILL_MEMORY_BYTES } else { memory_bytes() };
        if self.memory_bytes.replace(bytes) == bytes {
            return;
        }
        let measures = Measures {
            used_memory: bytes,
            is_peak: true,
            rss: bytes,
            allocator: "libc",
            ..Measures::default()
        };
        self.handle(Event::Measured(measures));
    }

    /// Sees to it that the node is woken when it wants to be. Where the clock stands still, that is
    /// only for what it has to do at once.
    fn set_timer(&self) {
        let now = self.clock.now().mono;
        let wanted = self.next_wake().filter(|at| !self.clock.is_still() || *at <= now);
        let waits = self.awaited.get() > 0;
        let set = self.timer.borrow().as_ref().map(|timer| (timer.at, timer.waits));
        if set == wanted.map(|at| (at, waits)) {
            return;
        }
        self.clear_timer();
        if let Some(at) = wanted.filter(|_| !self.is_closed.get()) {
            // Rounded up: a timer that fires too early would fire again and again.
            let ms = at.since_us(now).div_ceil(1000).min(TIMER_MS_MAX);
            let callback = self.on_timer.as_ref().unchecked_ref();
            let handle = world::set_timer(callback, ms as f64, waits);
            *self.timer.borrow_mut() = Some(Timer { at, waits, handle });
        }
    }

    fn clear_timer(&self) {
        if let Some(timer) = self.timer.borrow_mut().take() {
            world::clear_timer(&timer.handle);
        }
    }
}

/// How many bytes of memory the program has.
fn memory_bytes() -> u64 {
    let memory = wasm_bindgen::memory();
    let buffer = js_sys::Reflect::get(&memory, &JsValue::from_str("buffer"));
    let buffer = buffer.ok().and_then(|buffer| buffer.dyn_into::<ArrayBuffer>().ok());
    buffer.map_or(0, |buffer| u64::from(buffer.byte_length()))
}

impl Drop for Host {
    fn drop(&mut self) {
        self.clear_timer();
    }
}
