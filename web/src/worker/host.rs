//! Driving the node: what happens in the browser goes in as events, what comes out is done.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use js_sys::{Array, Uint8Array};
use redstart::base::rng::Seed;
use redstart::base::time::Monotonic;
use redstart::engine::Config;
use redstart::engine::config::{Local, SavePoint};
use redstart::node::{
    ConnId, DiskDone, DiskOp, Effect, Event, Level, Measures, Node, Origin, Record, Unreadable,
};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, MessagePort};

use super::clock::Clock;
use super::disk::{self, Disk};
use super::post;
use crate::message::{FromWorker, Storage};

/// The longest time a browser's timer can wait.
const TIMER_MS_MAX: u64 = i32::MAX as u64;

/// Turns of the node when a timer has fired, at most.
const TURNS_PER_TIMER: usize = 8;

/// The node and its world.
pub(super) struct Host {
    node: RefCell<Node>,
    clock: Clock,
    ports: RefCell<BTreeMap<ConnId, Port>>,
    timer: RefCell<Option<Alarm>>,
    disk: Option<Rc<Disk>>,
    /// What was asked of the disk and not begun: one thing is done after the other.
    disk_queue: RefCell<VecDeque<DiskOp>>,
    disk_busy: Cell<bool>,
    /// Bytes of a file that was begun and is not in its place.
    written_bytes: Cell<f64>,
    /// Connections that wait until the data is loaded: before that, commands would be refused.
    early: RefCell<Vec<MessagePort>>,
    memory_bytes: Cell<f64>,
    state: Cell<Run>,
}

/// How far the server is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    /// What was saved is being loaded.
    Loading,
    Serving,
    /// It was told to end, and the disk is still at work.
    Ending(u8),
    Ended,
}

/// A connection's end on this side.
struct Port {
    port: MessagePort,
    /// Keeps the listener alive.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

/// The timer that will wake the node.
struct Alarm {
    at: Monotonic,
    /// Dropping it cancels the timer.
    _timeout: Timeout,
}

impl Host {
    /// Makes the node. What it asks for at its start is begun.
    pub(super) fn start(disk: Option<Disk>, seed: Seed) -> Rc<Self> {
        let clock = Clock::new();
        let node = Node::new(config(disk.is_some()), seed, clock.now());
        let host = Rc::new(Self {
            node: RefCell::new(node),
            clock,
            ports: RefCell::default(),
            timer: RefCell::default(),
            disk: disk.map(Rc::new),
            disk_queue: RefCell::default(),
            disk_busy: Cell::new(false),
            written_bytes: Cell::new(0.0),
            early: RefCell::default(),
            memory_bytes: Cell::new(0.0),
            state: Cell::new(Run::Loading),
        });
        host.measure();
        if host.disk.is_some() {
            post(&FromWorker::Storage(Storage::Open { found_bytes: None }));
            // Nobody is there to look at a snapshot that cannot be read, so it is put by.
            host.handle(Event::Mounted { unreadable: Unreadable::SetAside });
        } else {
            host.serve();
        }
        host
    }

    /// Opens a connection at the other end of `port`.
    pub(super) fn open(self: &Rc<Self>, port: MessagePort) {
        match self.state.get() {
            Run::Loading => return self.early.borrow_mut().push(port),
            Run::Serving => {}
            Run::Ending(_) | Run::Ended => return hang_up(&port),
        }
        let conn = self.free_number();
        let host = Rc::downgrade(self);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some(host) = host.upgrade() else { return };
            match event.data().dyn_into::<Uint8Array>() {
                Ok(bytes) => host.handle(Event::Received { conn, bytes: &bytes.to_vec() }),
                Err(_) => host.closed(conn),
            }
        });
        // Setting the listener starts the port: what was sent to it meanwhile arrives now.
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        self.ports.borrow_mut().insert(conn, Port { port, _on_message: on_message });
        let origin = Origin {
            addr: format!("page:{}", conn.0),
            laddr: "page:6379".to_owned(),
            fd: i64::from(conn.0),
            local: true,
        };
        self.handle(Event::Opened { conn, origin });
    }

    /// Lets those in who had to wait for the data.
    fn serve(self: &Rc<Self>) {
        if self.state.get() == Run::Loading {
            self.state.set(Run::Serving);
            for port in self.early.take() {
                self.open(port);
            }
        }
    }

    /// The smallest number that no connection has.
    fn free_number(&self) -> ConnId {
        let ports = self.ports.borrow();
        let taken = ports.keys().zip(0..).take_while(|(conn, number)| conn.0 == *number);
        ConnId(u32::try_from(taken.count()).unwrap_or(u32::MAX))
    }

    /// Tells the node what happened, and does what it asks for.
    fn handle(self: &Rc<Self>, event: Event<'_>) {
        if self.state.get() == Run::Ended {
            return;
        }
        let mut effects = Vec::new();
        self.node.borrow_mut().handle(self.clock.now(), event, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
        self.set_timer();
        self.measure();
    }

    fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Send { conn } => self.send(conn),
            Effect::Close { conn } => {
                self.send(conn);
                self.closed(conn);
            }
            Effect::Disk(op) => {
                self.disk_queue.borrow_mut().push_back(op);
                self.work_disk();
            }
            Effect::Log(record) => log(record),
            Effect::Exit { status } => self.exit(status),
        }
    }

    /// Sends all that a connection is owed. A port takes any amount.
    fn send(&self, conn: ConnId) {
        let mut node = self.node.borrow_mut();
        let Some(outbox) = node.outbox(conn) else { return };
        let bytes = Uint8Array::from(outbox.pending());
        outbox.consume(bytes.length() as usize);
        if let Some(port) = self.ports.borrow().get(&conn)
            && bytes.length() > 0
        {
            // The only failure is a buffer that is gone already, and this one is new.
            let _ = port.port.post_message_with_transferable(&bytes, &Array::of1(&bytes.buffer()));
        }
    }

    /// Ends a connection, whichever side wanted it.
    fn closed(self: &Rc<Self>, conn: ConnId) {
        let Some(port) = self.ports.borrow_mut().remove(&conn) else { return };
        hang_up(&port.port);
        self.handle(Event::Closed { conn });
    }

    /// Works off what was asked of the disk, unless that is being done already.
    fn work_disk(self: &Rc<Self>) {
        if self.disk_busy.replace(true) {
            return;
        }
        let host = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            loop {
                let Some(op) = host.disk_queue.borrow_mut().pop_front() else { break };
                let done = host.run_disk(op).await;
                host.handle(Event::Disk(done));
            }
            host.disk_busy.set(false);
            host.serve();
            host.end();
        });
    }

    async fn run_disk(&self, op: DiskOp) -> DiskDone {
        let Some(disk) = self.disk.clone() else { return disk::without_store(op) };
        let bytes = match &op {
            DiskOp::Append { bytes, .. } | DiskOp::Replace { bytes, .. } => bytes.len() as f64,
            _ => 0.0,
        };
        if bytes > 0.0 && self.written_bytes.replace(self.written_bytes.get() + bytes) == 0.0 {
            post(&FromWorker::Storage(Storage::Saving));
        }
        let done = disk.run(op).await;
        if let Some(storage) = self.news(&done) {
            post(&FromWorker::Storage(storage));
        }
        done
    }

    /// What the page should know of an operation that has ended.
    fn news(&self, done: &DiskDone) -> Option<Storage> {
        if let Some(error) = done.error() {
            self.written_bytes.set(0.0);
            return Some(Storage::Failed { why: error.0.clone() });
        }
        match done {
            DiskDone::Read { result: Ok(found), .. } => {
                let found_bytes = found.as_ref().map(|part| part.file_bytes as f64);
                Some(Storage::Open { found_bytes })
            }
            // A snapshot counts once it has its name. One that is set aside was written long ago.
            DiskDone::Replace { .. } | DiskDone::Rename { .. } => {
                let bytes = self.written_bytes.replace(0.0);
                (bytes > 0.0).then(|| Storage::Saved { bytes, at_ms: js_sys::Date::now() })
            }
            _ => None,
        }
    }

    /// Sees to it that the node is woken when it wants to be.
    fn set_timer(self: &Rc<Self>) {
        let wanted = self.node.borrow().next_wake();
        let mut timer = self.timer.borrow_mut();
        if timer.as_ref().map(|alarm| alarm.at) == wanted {
            return;
        }
        *timer = wanted.map(|at| {
            let wait_us = at.since_us(self.clock.now().mono);
            // Rounded up: a timer that fires too early would fire again and again.
            let wait_ms = wait_us.div_ceil(1000).min(TIMER_MS_MAX);
            let host = self.clone();
            let _timeout = Timeout::new(wait_ms as u32, move || {
                // It has fired, so the next one is set whatever time it is for.
                host.timer.borrow_mut().take();
                // A browser makes timers wait that follow each other, so work that goes on gets
                // several turns at once.
                for _ in 0..TURNS_PER_TIMER {
                    host.handle(Event::Wake);
                    let wake = host.node.borrow().next_wake();
                    if wake.is_none_or(|wake| wake > host.clock.now().mono) {
                        break;
                    }
                }
                host.set_timer();
            });
            Alarm { at, _timeout }
        });
    }

    /// Tells node and page how much memory there is, when that has changed.
    fn measure(self: &Rc<Self>) {
        let bytes = super::memory_bytes();
        if self.memory_bytes.replace(bytes) == bytes {
            return;
        }
        post(&FromWorker::Memory { bytes });
        let measures = Measures {
            used_memory: bytes as u64,
            is_peak: true,
            rss: bytes as u64,
            allocator: "libc",
            ..Measures::default()
        };
        self.handle(Event::Measured(measures));
    }

    /// Ends the server as soon as the disk has done everything it was asked for.
    fn exit(&self, status: u8) {
        self.state.set(Run::Ending(status));
        self.end();
    }

    fn end(&self) {
        let Run::Ending(status) = self.state.get() else { return };
        if self.disk_busy.get() {
            return;
        }
        self.state.set(Run::Ended);
        for port in std::mem::take(&mut *self.ports.borrow_mut()).into_values() {
            hang_up(&port.port);
        }
        post(&FromWorker::Exited { status });
    }
}

/// The settings of a node in a page: what is typed is saved at once, if it can be.
fn config(has_disk: bool) -> Config {
    let mut config = Config::default();
    // Whoever sits before the page owns it.
    config.enable_debug_command = Local::Local;
    config.save = if has_disk { vec![SavePoint { seconds: 0, changes: 1 }] } else { Vec::new() };
    config
}

/// Says that nothing more comes, and lets the port go.
pub(super) fn hang_up(port: &MessagePort) {
    let _ = port.post_message(&JsValue::NULL);
    port.set_onmessage(None);
    port.close();
}

fn log(record: Record) {
    if record.level >= Level::Notice {
        let warning = record.level == Level::Warning;
        post(&FromWorker::Log { warning, text: record.text });
    }
}
