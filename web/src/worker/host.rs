//! Driving the node: what happens in the browser goes in as events, what comes out is done.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Uint8Array};
use redstart::base::ordered::IdMap;
use redstart::base::rng::Seed;
use redstart::base::time::Monotonic;
use redstart::engine::Config;
use redstart::engine::config::{Appendfsync, Local, SavePoint};
use redstart::node::{
    ConnId, DiskDone, DiskError, DiskOp, Effect, Event, How, Level, Measures, Node, Origin, Part,
    Record, Unreadable,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{MessageEvent, MessagePort};

use super::clock::{Clock, stopwatch_ns};
use super::disk::{self, Disk};
use super::service::{IMPORTED, Import};
use super::{TRIES, TRY_AGAIN_MS, post, stop, unopened};
use crate::descriptions;
use crate::message::{FromWorker, Storage};

/// The longest time a browser's timer can wait.
const TIMER_MS_MAX: u64 = i32::MAX as u64;

/// Bytes of what is loaded, at most, for it to be remembered how the data was at the start.
const START_BYTES_MAX: usize = 32 << 10;

/// So long work goes on when a timer has fired, in microseconds: a browser makes timers wait that follow
/// each other, so several turns of the node are done at once.
const WORK_US: u64 = 2_000;
/// The same while a file is loaded, and everybody is told to wait …
const WORK_LOADING_US: u64 = 10_000;
/// … or while the store is opened, and nobody is served at all.
const WORK_OPENING_US: u64 = 50_000;

/// The node and its world.
pub(super) struct Host {
    node: RefCell<Node>,
    clock: Clock,
    ports: RefCell<IdMap<Port>>,
    timer: RefCell<Option<Alarm>>,
    disk: Option<Rc<Disk>>,
    /// What was asked of the disk and not begun: one thing is done after the other.
    disk_queue: RefCell<VecDeque<Task>>,
    /// Whether the settings that are kept say that there is an append-only file.
    keeps_aof: Cell<bool>,
    /// Whether those that the node has do.
    has_aof: Cell<bool>,
    /// When it was turned off, if that is to be kept or there is another one since.
    aof_end: Cell<Option<Monotonic>>,
    disk_busy: Cell<bool>,
    /// Bytes of a file that was begun and is not in its place.
    written_bytes: Cell<f64>,
    /// The last thing that was known of saving is that it failed.
    is_failing: Cell<bool>,
    /// Connections that wait until the data is loaded: before that, commands would be refused.
    early: RefCell<Vec<MessagePort>>,
    memory_bytes: Cell<f64>,
    state: Cell<Run>,
    /// A file that is being imported.
    import: RefCell<Option<Import>>,
    /// When it was begun to open the store.
    opened: Monotonic,
    /// Bytes of it.
    loaded_bytes: Cell<usize>,
    /// When it was there, in microseconds since 1970, and a snapshot of it if that is small.
    began: RefCell<(f64, Vec<u8>)>,
}

/// The store, as it was opened.
pub(super) struct Opened {
    /// The clocks.
    pub(super) clock: Clock,
    /// When it was begun to open the store.
    pub(super) since: Monotonic,
    /// Where data is kept, if anywhere.
    pub(super) disk: Option<Disk>,
    /// The settings that were kept.
    pub(super) settings: Vec<u8>,
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

/// Something for the disk to do.
struct Task {
    /// What the node has asked for.
    op: Option<DiskOp>,
    /// What else, once that has worked.
    then: Then,
}

/// What the host does by itself.
#[derive(Clone, Copy)]
enum Then {
    Nothing,
    /// Keep the settings.
    Keep,
    /// Keep them, and that there is an append-only file, unless it was turned off since another time.
    KeepAof(Option<Monotonic>),
    /// Keep them, and that there is none.
    ForgetAof,
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
    /// Makes the node, with settings that were kept. What it asks for at its start is begun.
    pub(super) fn start(opened: Opened, seed: Seed) -> Rc<Self> {
        let Opened { clock, since, disk, settings } = opened;
        let mut config = config(disk.is_some());
        let own = (config.maxclients, config.key_load_delay);
        config.take_lines(&settings);
        // With these a page may not open or refuse its own connections, and then nobody could set them back.
        (config.maxclients, config.key_load_delay) = own;
        let [keeps_aof, has_aof] = [(); 2].map(|()| Cell::new(config.appendonly));
        let mut node = Node::new(config, seed, clock.now());
        node.set_stopwatch(stopwatch_ns);
        let host = Rc::new(Self {
            node: RefCell::new(node),
            clock,
            ports: RefCell::default(),
            timer: RefCell::default(),
            disk: disk.map(Rc::new),
            disk_queue: RefCell::default(),
            keeps_aof,
            has_aof,
            aof_end: Cell::default(),
            disk_busy: Cell::new(false),
            written_bytes: Cell::new(0.0),
            is_failing: Cell::new(false),
            early: RefCell::default(),
            memory_bytes: Cell::new(0.0),
            state: Cell::new(Run::Loading),
            import: RefCell::default(),
            opened: since,
            loaded_bytes: Cell::new(0),
            began: RefCell::default(),
        });
        if host.disk.is_some() {
            post(&FromWorker::Storage(Storage::Open { found_bytes: None }));
            // Nobody is there to look at a snapshot that cannot be read, so it is put by.
            host.handle(Event::Mounted { unreadable: Unreadable::SetAside });
        } else {
            host.serve();
        }
        host.measure();
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
        self.ports.borrow_mut().insert(conn.0.into(), Port { port, _on_message: on_message });
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
            let now = self.clock.now();
            let ms = now.mono.since_us(self.opened) / 1000;
            if self.loaded_bytes.get() <= START_BYTES_MAX {
                let data = self.node.borrow().snapshot(now);
                *self.began.borrow_mut() = (now.unix_us as f64, data);
            }
            log(Record { level: Level::Notice, text: format!("Opened in {ms} ms") });
            for port in self.early.take() {
                self.open(port);
            }
        }
    }

    /// The smallest number that no connection has.
    fn free_number(&self) -> ConnId {
        let ports = self.ports.borrow();
        let taken = ports.keys().zip(0..).take_while(|(conn, number)| conn == number);
        ConnId(u32::try_from(taken.count()).unwrap_or(u32::MAX))
    }

    /// Tells the node what happened, does what it asks for, and sees to what comes of that.
    fn handle(self: &Rc<Self>, event: Event<'_>) {
        if self.state.get() == Run::Ended {
            return;
        }
        self.tell(event);
        self.set_timer();
        self.measure();
    }

    /// Tells the node what happened, and does what it asks for.
    fn tell(self: &Rc<Self>, event: Event<'_>) {
        let mut effects = Vec::new();
        self.node.borrow_mut().handle(self.clock.now(), event, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
        if let Some(import) = &mut *self.import.borrow_mut()
            && let Some(progress) = self.node.borrow().loading()
        {
            import.progress(progress);
        }
        if self.state.get() == Run::Loading && !self.node.borrow().is_loading() {
            self.serve();
        }
    }

    fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Send { conn } => self.send(conn),
            Effect::Close { conn } => {
                self.send(conn);
                self.closed(conn);
            }
            Effect::Disk(op) => {
                let then = self.then(&op);
                self.ask_disk(Task { op: Some(op), then });
            }
            Effect::Configured => {
                let has_aof = self.node.borrow().config().appendonly;
                if self.has_aof.replace(has_aof) && !has_aof {
                    self.aof_end.set(Some(self.clock.now().mono));
                }
                self.ask_disk(Task { op: None, then: Then::Keep });
            }
            Effect::Imported(result) => {
                if let Some(import) = self.import.take() {
                    import.ended(result);
                }
            }
            Effect::Describe => {
                let host = self.clone();
                descriptions::load(Box::new(move |bytes| host.handle(Event::Described(&bytes))));
            }
            Effect::Log(record) => log(record),
            // No engine in a page is built with `links`.
            Effect::Link { .. } => {}
            Effect::Exit { status } => self.exit(status),
        }
    }

    /// Where the data is kept, if anywhere.
    pub(super) fn disk(&self) -> Option<Rc<Disk>> {
        self.disk.clone()
    }

    /// All data as a snapshot; none before it is there.
    pub(super) fn snapshot(&self) -> Option<Vec<u8>> {
        let is_there = self.state.get() != Run::Loading;
        is_there.then(|| self.node.borrow().snapshot(self.clock.now()))
    }

    /// When the data was there, in microseconds since 1970, and a snapshot of that moment; empty if it
    /// was not small.
    pub(super) fn began(&self) -> (f64, Vec<u8>) {
        self.began.borrow().clone()
    }

    /// Begins to import a file.
    pub(super) fn import(self: &Rc<Self>, import: Import, how: How) -> Result<(), String> {
        if self.state.get() != Run::Serving || self.import.borrow().is_some() {
            return Err("something else is being loaded; try again".to_owned());
        }
        *self.import.borrow_mut() = Some(import);
        self.handle(Event::Import { name: IMPORTED.to_owned(), how });
        Ok(())
    }

    /// Reads a part of the file that is being imported.
    async fn read_import(&self, from: u64, bytes_max: u64) -> Result<Option<Part>, DiskError> {
        let Some(blob) = self.import.borrow().as_ref().map(|import| import.blob.clone()) else {
            return Ok(None);
        };
        let file_bytes = blob.size();
        let end = (from as f64 + bytes_max as f64).min(file_bytes);
        let part = blob.slice_with_f64_and_f64(from as f64, end);
        let read = match part {
            Ok(part) => JsFuture::from(part.array_buffer()).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(buffer) => {
                let bytes = Uint8Array::new(&buffer).to_vec();
                Ok(Some(Part { bytes, file_bytes: file_bytes as u64 }))
            }
            Err(_) => Err(DiskError("the browser cannot read this file".to_owned())),
        }
    }

    /// Sends all that a connection is owed. A port takes any amount.
    fn send(&self, conn: ConnId) {
        let mut node = self.node.borrow_mut();
        let Some(outbox) = node.outbox(conn) else { return };
        let bytes = Uint8Array::from(outbox.pending());
        outbox.consume(bytes.length() as usize);
        if let Some(port) = self.ports.borrow().get(&conn.0.into())
            && bytes.length() > 0
        {
            // The only failure is a buffer that is gone already, and this one is new.
            let _ = port.port.post_message_with_transferable(&bytes, &Array::of1(&bytes.buffer()));
        }
    }

    /// Ends a connection, whichever side wanted it.
    fn closed(self: &Rc<Self>, conn: ConnId) {
        let Some(port) = self.ports.borrow_mut().remove(&conn.0.into()) else { return };
        hang_up(&port.port);
        self.handle(Event::Closed { conn });
    }

    /// The settings to be kept: what CONFIG SET has changed lasts as long as the store.
    ///
    /// That there is an append-only file is kept only together with the manifest of that file: before,
    /// a crash would leave settings that look for it in the wrong place, and an older one might be
    /// there. That there is none any more is kept together with the first snapshot that is made from then
    /// on: before, the file is the newest that there is, and behind it the snapshot would be passed over.
    fn settings(&self) -> Vec<u8> {
        let mut config = self.node.borrow().config().clone();
        config.appendonly = self.keeps_aof.get();
        config.lines_beyond(&self::config(self.disk.is_some()))
    }

    /// What is to be done by itself once `op` has worked.
    fn then(&self, op: &DiskOp) -> Then {
        let end = self.aof_end.get();
        match op {
            DiskOp::Replace { name, .. } if name.ends_with(".manifest") => Then::KeepAof(end),
            DiskOp::Rename { to, .. }
                if end.is_some()
                    && self.node.borrow().saving_since() >= end
                    && !to.contains('/') =>
            {
                Then::ForgetAof
            }
            _ => Then::Nothing,
        }
    }

    fn ask_disk(self: &Rc<Self>, task: Task) {
        self.disk_queue.borrow_mut().push_back(task);
        self.work_disk();
    }

    /// Works off what was asked of the disk, unless that is being done already.
    fn work_disk(self: &Rc<Self>) {
        if self.disk_busy.replace(true) {
            return;
        }
        let host = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            loop {
                let Some(task) = host.disk_queue.borrow_mut().pop_front() else { break };
                if let Some(done) = host.run_task(task).await {
                    host.handle(Event::Disk(done));
                    if host.state.get() == Run::Loading {
                        // Nobody else waits, and a timer would come late.
                        host.work();
                    }
                }
            }
            host.disk_busy.set(false);
            host.end();
        });
    }

    async fn run_task(&self, task: Task) -> Option<DiskDone> {
        if let Some(DiskOp::Read { name, from, bytes_max }) = &task.op
            && name == IMPORTED
        {
            let result = self.read_import(*from, *bytes_max).await;
            return Some(DiskDone::Read { name: name.clone(), from: *from, result });
        }
        let Some(disk) = self.disk.clone() else { return task.op.map(disk::without_store) };
        let mut done = None;
        if let Some(op) = task.op {
            let bytes = match &op {
                DiskOp::Append { bytes, .. } | DiskOp::Replace { bytes, .. } => bytes.len() as f64,
                _ => 0.0,
            };
            let begins = self.written_bytes.replace(self.written_bytes.get() + bytes) == 0.0;
            if bytes > 0.0 && begins && !self.is_failing.get() {
                post(&FromWorker::Storage(Storage::Saving));
            }
            done = Some(if self.state.get() == Run::Loading {
                read_surely(&disk, op).await
            } else {
                disk.run(op).await
            });
        }
        let has_worked = done.as_ref().is_none_or(|done| done.error().is_none());
        if has_worked
            && self.must_keep(task.then)
            && let Err(error) = self.keep_settings(&disk, task.then).await
        {
            post(&FromWorker::Storage(Storage::Failed { why: error.0.clone() }));
            if let Some(DiskDone::Replace { result, .. } | DiskDone::Rename { result, .. }) =
                &mut done
            {
                *result = Err(error);
            }
        }
        if let Some(storage) = done.as_ref().and_then(|done| self.news(done)) {
            post(&FromWorker::Storage(storage));
        }
        done
    }

    /// Whether settings are to be kept after an operation that has worked. A manifest of a file that they
    /// know of is in force by itself: whatever became of them, it must not be said that it failed.
    fn must_keep(&self, then: Then) -> bool {
        match then {
            Then::Nothing => false,
            Then::Keep => true,
            Then::KeepAof(end) => {
                let is_this = self.has_aof.get() && self.aof_end.get() == end;
                if is_this {
                    self.aof_end.set(None);
                }
                is_this && !self.keeps_aof.replace(true)
            }
            Then::ForgetAof => self.keeps_aof.replace(false),
        }
    }

    /// Keeps the settings. What depends on them has failed if that does.
    async fn keep_settings(&self, disk: &Disk, then: Then) -> Result<(), DiskError> {
        let result = disk.keep_settings(&self.settings()).await;
        match (then, &result) {
            (Then::KeepAof(_), Err(_)) => self.keeps_aof.set(false),
            (Then::ForgetAof, Err(_)) => self.keeps_aof.set(true),
            (Then::ForgetAof, Ok(())) => self.aof_end.set(None),
            _ => {}
        }
        result
    }

    /// What the page should know of an operation that has ended.
    fn news(&self, done: &DiskDone) -> Option<Storage> {
        if let Some(error) = done.error() {
            self.written_bytes.set(0.0);
            self.is_failing.set(true);
            return Some(Storage::Failed { why: error.0.clone() });
        }
        match done {
            DiskDone::Read { result: Ok(found), .. } => {
                let read_bytes = found.as_ref().map_or(0, |part| part.bytes.len());
                self.loaded_bytes.set(self.loaded_bytes.get() + read_bytes);
                let found_bytes = found.as_ref().map(|part| part.file_bytes as f64);
                Some(Storage::Open { found_bytes })
            }
            // A snapshot counts once it has its name. One that is set aside was written long ago.
            DiskDone::Replace { .. } | DiskDone::Rename { .. } => self.saved(),
            // What is appended to a file in the folder of the append-only file.
            DiskDone::Sync { name, .. } if name.contains('/') => self.saved(),
            DiskDone::Append { name, .. } if name.contains('/') && !self.syncs() => self.saved(),
            _ => None,
        }
    }

    fn saved(&self) -> Option<Storage> {
        let bytes = self.written_bytes.replace(0.0);
        (bytes > 0.0).then(|| {
            self.is_failing.set(false);
            Storage::Saved { bytes, at_ms: js_sys::Date::now() }
        })
    }

    /// Whether the append-only file is made safe after something was appended.
    fn syncs(&self) -> bool {
        self.node.borrow().config().appendfsync != Appendfsync::No
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
                host.work();
            });
            Alarm { at, _timeout }
        });
    }

    /// Wakes the node as often as it wants to be, for a while.
    fn work(self: &Rc<Self>) {
        let work_us = match self.state.get() {
            Run::Loading => WORK_OPENING_US,
            _ if self.node.borrow().is_loading() => WORK_LOADING_US,
            _ => WORK_US,
        };
        let end = self.clock.now().mono + work_us;
        while self.state.get() != Run::Ended {
            let wake = self.node.borrow().next_wake();
            let now = self.clock.now().mono;
            if now >= end || wake.is_none_or(|wake| wake > now) {
                self.set_timer();
                self.measure();
                break;
            }
            self.tell(Event::Wake);
        }
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
        for port in self.ports.take().values() {
            hang_up(&port.port);
        }
        post(&FromWorker::Exited { status });
    }
}

/// Does what the node asks for while it loads what is kept. A read that fails is tried again, and if
/// it goes on failing this program ends: the node would take what the browser does not give for what is
/// broken, and put it aside.
async fn read_surely(disk: &Disk, op: DiskOp) -> DiskDone {
    for tried in 1.. {
        let done = disk.run(op.clone()).await;
        match done.error() {
            Some(why) if matches!(op, DiskOp::Read { .. } | DiskOp::List { .. }) => {
                if tried == TRIES {
                    stop(&unopened(&why.0));
                    break;
                }
                TimeoutFuture::new(TRY_AGAIN_MS).await;
            }
            _ => return done,
        }
    }
    // The worker ends.
    std::future::pending().await
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
