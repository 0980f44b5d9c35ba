//! The event loop: one thread, all sockets, one node.
//!
//! A turn of the loop waits until a socket, the disk, a signal or the clock has something, gives
//! all of it to the node, and then writes what every connection is owed in one go, so that a
//! pipeline of commands costs one read and one write.

mod links;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Interest, Poll, Token, Waker};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

pub use self::links::Link;

use self::links::Links;
use super::clock::Clock;
use super::connections::{Connection, Connections, Seen, Socket, Written};
use super::crowd::{self, Crowd};
use super::disk::Disk;
use super::listen::{self, Listener};
use super::lock::Lock;
use super::log::Log;
use super::memory;
use super::names::Names;
use super::open_files;
use super::playground::site::Site;
use super::playground::visitor::{Became, Visitor};
use super::playground::websocket::Close;
use super::playground::{GUESTS_MAX, Wish};
use super::ready::Events;
use super::service;
use super::ticks;
use crate::base::limits;
use crate::base::rng::Seed;
use crate::base::time::{Monotonic, Time};
use crate::engine::Config;
use crate::node::{
    ConnId, Effect, Event, Force, Level, LinkEvent, Measures, Node, Origin, Signal, Unreadable,
};

/// Bytes read from a socket at once; what is left waits until the others had theirs.
const READ_BYTES: usize = 64 * 1024;
/// Connections accepted in a turn.
const ACCEPTS_PER_TURN: usize = 1000;
/// So long the data is waited for before anyone is served, while the end is in sight, in microseconds.
const LOAD_FIRST_US: u64 = 100_000;
/// After so long it shows how fast loading goes, in microseconds.
const LOAD_TRIED_US: u64 = 2_000;
/// What a supervisor is told then.
const READY: &str = "STATUS=Ready to accept connections\nREADY=1\n";
/// Between two looks at what the operating system knows of the process.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

const WAKER: Token = Token(1 << 20);
const SIGNALS: Token = Token((1 << 20) + 1);
/// Tokens of listeners begin at 0, of connections here.
const FIRST_CONNECTION: usize = (1 << 20) + 2;

/// What a connection has sent, as far as it was read at once.
struct Heard {
    conn: ConnId,
    /// Where it begins in the buffer.
    start: usize,
    seen: Seen,
}

/// Whether clients wait that could not be accepted. There is one event for those that come together, so
/// they are not heard of again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Empty,
    /// Some wait, perhaps.
    Waiting,
    /// And there is room for one of them now.
    Moving,
}

/// The server: sockets around a node.
pub struct EventLoop {
    node: Node,
    config: Config,
    clock: Clock,
    poll: Poll,
    listeners: Vec<Listener>,
    /// The playground's page, if it is served.
    site: Option<Site>,
    /// Browsers that have come since the start.
    visitors: u64,
    signals: Signals,
    connections: Connections,
    links: Links,
    disk: Disk,
    effects: Vec<Effect>,
    /// Connections with something to write.
    to_write: Vec<ConnId>,
    /// Connections with something to read, in this turn or, where it was more than a turn allows, in
    /// the next.
    to_read: Vec<ConnId>,
    /// What was read and is not handed over yet lies in here, one behind the other.
    buffer: Vec<u8>,
    heard: Vec<Heard>,
    crowd: Crowd,
    queue: Queue,
    measured: Option<Time>,
    exit: Option<u8>,
}

impl EventLoop {
    /// Opens everything and starts the node. The error is a line for the log.
    pub fn new(config: Config, seed: Seed, log: &mut Log) -> Result<Self, String> {
        let failed = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
        let poll = Poll::new().map_err(failed("Can't create the event loop"))?;
        let registry = poll.registry();
        let listeners = listen::open(&config, registry)?;
        if listeners.is_empty() {
            return Err("Configured to not listen anywhere, exiting.".to_owned());
        }
        let site = site(&config, &listeners)?;
        let waker = Waker::new(registry, WAKER).map_err(failed("Can't create the event loop"))?;
        let mut signals =
            Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(failed("Can't listen to signals"))?;
        registry
            .register(&mut signals, SIGNALS, Interest::READABLE)
            .map_err(failed("Can't listen to signals"))?;
        let folder = std::path::PathBuf::from(String::from_utf8_lossy(&config.dir).into_owned());
        let lock = saves_by_itself(&config).then(|| Lock::take(&folder)).transpose()?;
        let waker = Arc::new(waker);
        let disk =
            Disk::start(folder, lock, waker.clone()).map_err(failed("Can't start a thread"))?;
        let clock = Clock::new();
        let mut node = Node::new(config.clone(), seed, clock.now());
        node.set_stopwatch(ticks::read_ns);
        node.write_before_replies();
        log.write(Level::Notice, "Server initialized");
        announce(&listeners, log);
        Ok(Self {
            node,
            config,
            clock,
            poll,
            listeners,
            site,
            visitors: 0,
            signals,
            connections: Connections::default(),
            links: Links::new(Names::new(waker)),
            disk,
            effects: Vec::new(),
            to_write: Vec::new(),
            to_read: Vec::new(),
            buffer: vec![0; 2 * READ_BYTES],
            heard: Vec::new(),
            crowd: Crowd::default(),
            queue: Queue::Empty,
            measured: None,
            exit: None,
        })
    }

    /// Serves until the node asks for the end; returns the status to end with.
    pub fn run(mut self, log: &mut Log) -> Result<u8, String> {
        let mut events = Events::default();
        crowd::sleep_exactly();
        self.tell(Event::Mounted { unreadable: Unreadable::Refuse }, log);
        self.load_first(log);
        service::tell_supervisor(&self.config, READY, log);
        loop {
            self.write_records(log);
            self.write_all(log);
            if let Some(status) = self.exit {
                service::tell_supervisor(&self.config, "STOPPING=1\n", log);
                return Ok(self.finish(status));
            }
            let wake = self.node.next_wake();
            self.wait(&mut events, wake)?;
            let now = self.clock.look();
            self.crowd.turn(now.mono);
            self.measure(now, log);
            let mut any = false;
            for event in events.iter() {
                any = true;
                match event.token {
                    WAKER => {
                        self.disk_answers(log);
                        self.found_names(log);
                    }
                    SIGNALS => self.signals(log),
                    Token(index) if index < FIRST_CONNECTION => self.accept(index, log),
                    Token(index) => {
                        let conn = ConnId((index - FIRST_CONNECTION) as u32);
                        if event.is_writable {
                            self.writable(conn, log);
                        }
                        if let Some(connection) = self.connections.get_mut(conn) {
                            connection.has_ended |= event.has_ended && !connection.is_dialling();
                        }
                        if event.is_readable || event.has_ended {
                            self.to_read.push(conn);
                        }
                    }
                }
            }
            self.read_all(log);
            if self.queue == Queue::Moving {
                self.queue = Queue::Empty;
                (0..self.listeners.len()).for_each(|index| self.accept(index, log));
            }
            if wake.is_some_and(|wake| wake <= now.mono) || !any {
                self.tell(Event::Wake, log);
            }
        }
    }

    /// Gives the data a little time: where it is there at once, whoever connects meanwhile waits for it
    /// and need not be refused. Where that turns out to take longer, they are told so without delay.
    fn load_first(&mut self, log: &mut Log) {
        let end = self.clock.now().mono + LOAD_FIRST_US;
        let mut begun = None;
        while self.exit.is_none() && self.node.is_loading() {
            self.disk_answers(log);
            let now = self.clock.now().mono;
            let left_us = end.since_us(now);
            if left_us == 0 || !is_end_in_sight(&mut begun, now, left_us, self.node.loading()) {
                return;
            }
            if self.node.next_wake().is_some_and(|wake| wake <= now) {
                self.tell(Event::Wake, log);
            } else if let Some(done) = self.disk.wait(Duration::from_micros(left_us)) {
                self.tell(Event::Disk(done), log);
            } else {
                // It waits for time to pass, and can be asked why.
                return;
            }
        }
    }

    /// Waits for events, until `wake` at the latest.
    fn wait(&mut self, events: &mut Events, wake: Option<Monotonic>) -> Result<(), String> {
        let now = self.clock.now().mono;
        let timeout = match wake {
            _ if !self.to_read.is_empty()
                || self.queue == Queue::Moving
                || self.disk.has_records() =>
            {
                Some(Duration::ZERO)
            }
            wake => wake.map(|wake| Duration::from_micros(wake.since_us(now))),
        };
        if timeout != Some(Duration::ZERO) && self.crowd.is_worth_a_nap() {
            crowd::nap();
        }
        self.look(events, timeout)
    }

    fn look(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), String> {
        match events.take(&mut self.poll, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                Err(format!("Can't wait for events: {error}"))
            }
            _ => Ok(()),
        }
    }

    /// Tells the node something and does what it asks.
    fn tell(&mut self, event: Event<'_>, log: &mut Log) {
        let mut effects = std::mem::take(&mut self.effects);
        self.node.handle(self.clock.now(), event, &mut effects);
        for effect in effects.drain(..) {
            self.act(effect, log);
        }
        self.effects = effects;
    }

    fn act(&mut self, effect: Effect, log: &mut Log) {
        match effect {
            Effect::Send { conn } => self.list_for_writing(conn),
            Effect::Close { conn } => {
                if let Some(connection) = self.connections.get_mut(conn) {
                    connection.is_closing = true;
                }
                self.list_for_writing(conn);
            }
            Effect::Disk(op) => self.disk.ask(op, self.node.journal()),
            Effect::Link { link, op } => self.link(link, op, log),
            Effect::Log(record) => log.write(record.level, &record.text),
            Effect::Configured => self.follow_settings(log),
            // Nobody brings files here, and the descriptions of the commands are linked.
            Effect::Imported(_) | Effect::Describe => {}
            Effect::Exit { status } => self.exit = Some(status),
        }
    }

    /// CONFIG SET has changed something.
    fn follow_settings(&mut self, log: &mut Log) {
        let config = self.node.config().clone();
        log.follow(&config);
        open_files::follow(config.maxclients, log);
        let old = std::mem::replace(&mut self.config, config);
        if (self.config.port, &self.config.bind) != (old.port, &old.bind) {
            self.listen_again(old.port, &old.bind, log);
            let (port, bind) = (self.config.port, self.config.bind.clone());
            self.node.listens_at(self.clock.now(), port, bind);
        }
    }

    /// Listens where the settings say, or where it did before.
    fn listen_again(&mut self, old_port: u16, old_bind: &[String], log: &mut Log) {
        // Who listens must stop first, as some addresses may stay the same.
        self.listeners.clear();
        let opened = listen::open(&self.config, self.poll.registry()).or_else(|text| {
            log.write(Level::Warning, &text);
            (self.config.port, self.config.bind) = (old_port, old_bind.to_owned());
            listen::open(&self.config, self.poll.registry())
        });
        match opened {
            Ok(listeners) => {
                self.listeners = listeners;
                announce(&self.listeners, log);
            }
            // Somebody has taken the place at once; clients that are there are served.
            Err(text) => log.write(Level::Warning, &text),
        }
    }

    fn list_for_writing(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn)
            && !connection.is_listed
            && !connection.is_full
        {
            connection.is_listed = true;
            self.to_write.push(conn);
        }
    }

    /// Reads once from every connection that has something, and gives what came to the node.
    fn read_all(&mut self, log: &mut Log) {
        let mut conns = std::mem::take(&mut self.to_read);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut heard = std::mem::take(&mut self.heard);
        let mut rest = conns.drain(..);
        loop {
            self.read_some(&mut rest, &mut buffer, &mut heard);
            if heard.is_empty() {
                break;
            }
            let bytes_of = |heard: &Heard| &buffer[heard.start..][..heard.seen.count()];
            self.node.look_ahead(heard.iter().map(|heard| (heard.conn, bytes_of(heard))));
            for heard in heard.drain(..) {
                self.hand_over(heard.conn, bytes_of(&heard), heard.seen, log);
            }
        }
        drop(rest);
        if self.to_read.is_empty() {
            self.to_read = conns;
        }
        (self.buffer, self.heard) = (buffer, heard);
    }

    /// Reads from the next few connections, as many as the node looks ahead for.
    fn read_some(
        &mut self,
        conns: &mut impl Iterator<Item = ConnId>,
        buffer: &mut [u8],
        heard: &mut Vec<Heard>,
    ) {
        let mut start = 0;
        while heard.len() < limits::LOOKED_AHEAD_MAX
            && let Some(room) = buffer[start..].get_mut(..READ_BYTES)
            && let Some(conn) = conns.next()
        {
            let connection = self.connections.get_mut(conn);
            let Some(connection) = connection.filter(|one| !one.is_dialling()) else { continue };
            let seen = connection.read(room);
            if seen.count() > 0 {
                self.crowd.sent(&mut connection.active);
            }
            heard.push(Heard { conn, start, seen });
            start += seen.count();
        }
    }

    /// Gives the node what was read of a connection.
    fn hand_over(&mut self, conn: ConnId, bytes: &[u8], seen: Seen, log: &mut Log) {
        if !bytes.is_empty() {
            self.node.set_used_memory(memory::used());
            self.hear(conn, bytes, log);
        }
        match seen {
            // Others first; what this one has sent already makes no event any more.
            Seen::More(_) => self.to_read.push(conn),
            Seen::Drained(_) => {}
            Seen::Gone => self.close(conn, log),
        }
    }

    /// Gives the node what a connection has sent. A browser's is unwrapped first.
    fn hear(&mut self, conn: ConnId, bytes: &[u8], log: &mut Log) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        if let Some(link) = &connection.link {
            let event = Event::Link { link: link.id, event: LinkEvent::Received { bytes } };
            return self.tell(event, log);
        }
        let Some(visitor) = &mut connection.visitor else {
            return self.tell(Event::Received { conn, bytes }, log);
        };
        let Some(site) = &self.site else { return };
        let mut content = Vec::new();
        let became = visitor.receive(bytes, site, &mut content);
        let origin = (became == Became::Client).then(|| visitor.origin.clone());
        if let Some(origin) = origin {
            self.tell(Event::Opened { conn, origin }, log);
        }
        if !content.is_empty() {
            self.tell(Event::Received { conn, bytes: &content }, log);
        }
        self.list_for_writing(conn);
    }

    fn writable(&mut self, conn: ConnId, log: &mut Log) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        if connection.is_dialling() {
            self.dialled(conn, log);
        } else if std::mem::take(&mut connection.is_full) {
            self.list_for_writing(conn);
        }
    }

    /// Writes what this turn has recorded, for which its replies wait.
    fn write_records(&mut self, log: &mut Log) {
        while let Some(done) = self.disk.write_records() {
            self.tell(Event::Disk(done), log);
        }
    }

    /// Writes what connections are owed.
    fn write_all(&mut self, log: &mut Log) {
        let mut next = 0;
        // A connection that is closed may bring others.
        while let Some(&conn) = self.to_write.get(next) {
            next += 1;
            self.write(conn, log);
        }
        self.to_write.clear();
    }

    fn write(&mut self, conn: ConnId, log: &mut Log) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        connection.is_listed = false;
        if connection.link.is_some() {
            return self.write_link(conn, log);
        }
        if let Some(visitor) = connection.visitor.take() {
            return self.write_to_visitor(conn, visitor, log);
        }
        let Some(out) = self.node.outbox(conn) else { return };
        match connection.write(out.pending()) {
            Written::All(count) => {
                out.consume(count);
                if connection.is_closing {
                    self.close(conn, log);
                }
            }
            Written::Full(count) => {
                out.consume(count);
                connection.is_full = true;
            }
            Written::Gone => self.close(conn, log),
        }
    }

    /// Writes what a browser is owed: its own answers, and the node's in frames, one after the other.
    fn write_to_visitor(&mut self, conn: ConnId, mut visitor: Box<Visitor>, log: &mut Log) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        loop {
            if visitor.pending().is_empty() && !visitor.is_leaving() {
                match self.node.outbox(conn).filter(|out| !out.pending().is_empty()) {
                    Some(out) => {
                        let count = visitor.wrap(out.pending());
                        out.consume(count);
                    }
                    None if connection.is_closing => visitor.leave(Close::Normal),
                    None => break,
                }
            }
            match connection.write(visitor.pending()) {
                Written::All(_) if visitor.is_leaving() => return self.close(conn, log),
                Written::All(count) => visitor.consume(count),
                Written::Full(count) => {
                    visitor.consume(count);
                    connection.is_full = true;
                    break;
                }
                Written::Gone => return self.close(conn, log),
            }
        }
        connection.visitor = Some(visitor);
    }

    fn close(&mut self, conn: ConnId, log: &mut Log) {
        match self.remove(conn).and_then(|connection| connection.link) {
            Some(link) => self.lost(&link, log),
            None => self.tell(Event::Closed { conn }, log),
        }
    }

    /// Closes a connection without telling the node; somebody else may come in its place.
    fn remove(&mut self, conn: ConnId) -> Option<Connection> {
        if self.queue == Queue::Waiting {
            self.queue = Queue::Moving;
        }
        self.connections.remove(conn)
    }

    fn accept(&mut self, index: usize, log: &mut Log) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self.listeners.get(index) else { return };
            match listener.accept(&self.config) {
                Ok((socket, origin)) => {
                    let is_web = matches!(listener, Listener::Web(_));
                    self.admit(socket, origin, is_web, log);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Out of file descriptors, for one: others must not suffer.
                    self.queue = Queue::Waiting;
                    log.write(Level::Warning, &format!("Accepting client connection: {error}"));
                    return;
                }
            }
        }
        self.queue = Queue::Moving;
    }

    /// Takes in a connection. A browser's is none of the node's until it asks to be.
    fn admit(&mut self, socket: Socket, origin: Origin, is_web: bool, log: &mut Log) {
        if is_web && let Some(guest) = self.connections.guest_too_many(GUESTS_MAX) {
            // It has not asked for anything yet, or does not read the answer.
            self.close(guest, log);
        }
        match self.connections.add(socket, self.poll.registry(), FIRST_CONNECTION) {
            Ok(conn) if is_web => {
                if let Some(connection) = self.connections.get_mut(conn) {
                    self.visitors += 1;
                    connection.visitor = Some(Box::new(Visitor::new(origin, self.visitors)));
                }
            }
            Ok(conn) => self.tell(Event::Opened { conn, origin }, log),
            Err(error) => log.write(Level::Warning, &format!("Can't serve a client: {error}")),
        }
    }

    fn disk_answers(&mut self, log: &mut Log) {
        while let Some(done) = self.disk.answer() {
            self.tell(Event::Disk(done), log);
        }
    }

    fn signals(&mut self, log: &mut Log) {
        let received: Vec<i32> = self.signals.pending().collect();
        // As in Redis, closing the terminal that it was started from does not end it.
        for signal in received.into_iter().filter(|&signal| signal != SIGHUP) {
            let name = if signal == SIGINT { "SIGINT" } else { "SIGTERM" };
            if signal == SIGINT && self.node.insist_on_end() {
                self.tell(Event::Wake, log);
                continue;
            }
            log.write(Level::Warning, &format!("Received {name} scheduling shutdown..."));
            let signal = shutdown(self.node.config(), name);
            self.tell(Event::Signal(signal), log);
        }
    }

    /// Tells the node how much memory it uses: its own share at every turn, which is one read of a
    /// counter, and what the operating system knows now and then.
    fn measure(&mut self, now: Time, log: &mut Log) {
        let every_us = MEASURE_EVERY.as_micros() as u64;
        if self.measured.is_some_and(|last| now.mono.since_us(last.mono) < every_us) {
            return self.node.set_used_memory(memory::used());
        }
        self.measured = Some(now);
        let measures = Measures { used_memory: memory::used(), ..system_measures() };
        self.tell(Event::Measured(measures), log);
    }

    /// Writes what can still be written and waits for the disk.
    fn finish(mut self, status: u8) -> u8 {
        for conn in self.connections.ids() {
            if let (Some(connection), Some(out)) =
                (self.connections.get_mut(conn), self.node.outbox(conn))
            {
                if let Some(visitor) = &mut connection.visitor {
                    visitor.wrap(out.pending());
                    visitor.leave(Close::Normal);
                    connection.visitor.take().map(|visitor| connection.write(visitor.pending()));
                } else {
                    connection.write(out.pending());
                }
            }
            self.connections.remove(conn);
        }
        self.listeners.iter().for_each(Listener::clean_up);
        self.disk.finish();
        status
    }
}

/// How the settings want the server to end on the signal `name`.
fn shutdown(config: &Config, name: &str) -> Signal {
    let how = config.text_named(&format!("shutdown-on-{}", name.to_ascii_lowercase()));
    let has = |word: &str| how.split(' ').any(|given| given == word);
    let save = has("save").then_some(true).or_else(|| has("nosave").then_some(false));
    Signal::Shutdown { save, force: if has("force") { Force::Yes } else { Force::No } }
}

/// Whether loading will have ended in `left_us`, if it goes on as fast as since it has `begun`: when
/// that was, and how many bytes had been loaded then.
fn is_end_in_sight(
    begun: &mut Option<(Monotonic, u64)>,
    now: Monotonic,
    left_us: u64,
    loading: Option<(u64, u64)>,
) -> bool {
    let Some((loaded, total)) = loading.filter(|(loaded, _)| *loaded > 0) else { return true };
    let (since, first) = *begun.get_or_insert((now, loaded));
    let tried_us = now.since_us(since);
    let (done, rest) = (loaded.saturating_sub(first), total.saturating_sub(loaded));
    tried_us < LOAD_TRIED_US || rest.saturating_mul(tried_us) <= done.saturating_mul(left_us)
}

/// Says where clients and browsers may come.
fn announce(listeners: &[Listener], log: &mut Log) {
    for listener in listeners {
        let place = listener.place();
        let on = place.as_ref().map(|place| format!(" on {place}")).unwrap_or_default();
        let text = match listener {
            Listener::Tcp(_) => format!("Ready to accept connections tcp{on}"),
            Listener::Unix(..) => format!("Ready to accept connections unix{on}"),
            Listener::Web(_) => {
                format!("The playground is at http://{}/", place.unwrap_or_default())
            }
        };
        log.write(Level::Notice, &text);
    }
}

/// The playground's page, if it is wanted.
fn site(config: &Config, listeners: &[Listener]) -> Result<Option<Site>, String> {
    let Some(wish) = Wish::read(config) else { return Ok(None) };
    let place = listeners.iter().find_map(|listener| match listener {
        Listener::Web(_) => None,
        Listener::Tcp(_) | Listener::Unix(..) => listener.place(),
    });
    // Any address is this machine's own, too.
    let place = place.map(|place| place.replace("0.0.0.0:", "127.0.0.1:").replace("[::]", "[::1]"));
    Site::open(&wish.dir, &place.unwrap_or_else(|| "this server".to_owned())).map(Some)
}

/// Whether the server writes files without being asked to.
fn saves_by_itself(config: &Config) -> bool {
    !config.save.is_empty() || config.appendonly
}

/// What the operating system knows of this process; zeros where it does not say.
fn system_measures() -> Measures {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let kilobytes = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let number = line.trim_start_matches(':').split_whitespace().next();
        number.and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() * 1024
    };
    let stat = read("/proc/self/stat");
    // Behind the program's name, which may hold anything, fields 12 and 13 are clock ticks of
    // 10 ms, whatever the kernel's own (proc(5), USER_HZ).
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |index: usize| {
        let field = after_name.split_whitespace().nth(index);
        field.and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or_default() * 10_000
    };
    Measures {
        used_memory: 0,
        is_peak: false,
        rss: kilobytes(&read("/proc/self/status"), "VmRSS"),
        allocator: "mimalloc-2",
        system_memory: kilobytes(&read("/proc/meminfo"), "MemTotal"),
        cpu_user_us: ticks(11),
        cpu_sys_us: ticks(12),
    }
}
