//! A node in memory with a clock of its own and a recording of all that happened to it.
//!
//! The engine is deterministic: the same seed and the same events at the same times give the same
//! data and the same bytes. So the recording *is* the node, at every step of its life: to go back is
//! to make a new node and let it live through the first part again. Lessons undo commands that way.
//!
//! The clock is virtual. It follows the host's at a rate, stands still at rate 0, and can be moved
//! on; whatever the node wanted to do in the meantime is done at its time.
//!
//! Nothing here touches a browser: connections are numbers, and what is sent on them is returned.

mod files;
pub mod tape;

use std::rc::Rc;

use redstart::base::rng::Seed;
use redstart::base::time::{Monotonic, Time};
use redstart::engine::Config;
use redstart::engine::config::Local;
use redstart::node::{ConnId, DiskOp, Effect, Event, Measures, Node, Origin, Unreadable};

pub use files::Files;
use tape::{Head, Reader};

/// Entries of a recording, at most; a node that lives longer can no longer be taken back.
pub const ENTRIES_MAX: usize = 200_000;

/// Bytes that clients have sent, in a recording, at most.
pub const BYTES_MAX: usize = 32 << 20;

/// Turns of the node while its clock moves on once, at most: an hour at ten wakes a second.
const TURNS_MAX: usize = 36_000;

/// What the host measures once for a sandbox; see [`Measures::is_peak`].
const MEMORY_BYTES: u64 = 1 << 20;

/// Who is behind a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A person, whose commands can be undone one by one.
    Person,
    /// The page itself, which looks.
    Watcher,
}

/// Something that happened to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A connection was opened.
    Opened(Role),
    /// Bytes came on it.
    Received(Box<[u8]>),
    /// It was closed.
    Closed,
    /// Time has passed.
    Wake,
}

/// A step of a node's life: what happened, on which connection, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The virtual time.
    pub at: Time,
    /// The connection; [`Input::Wake`] is about none.
    pub conn: ConnId,
    /// What.
    pub input: Input,
}

/// What the host is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send bytes on a connection.
    Send(ConnId, Vec<u8>),
    /// Close it: its node has ended it already.
    HangUp(ConnId),
    /// The server has shut down: nothing more comes of this sandbox.
    End,
}

/// The node, its world, and its past.
pub struct Sandbox {
    head: Head,
    life: Life,
    entries: Vec<Entry>,
    entry_bytes: usize,
    /// Whether `entries` hold everything since the start.
    is_complete: bool,
    conns: Vec<Conn>,
    next_conn: u32,
    /// The host's clock when the virtual one was read.
    host: Monotonic,
    rate: f64,
}

/// The part that is made anew when the past is lived through again.
struct Life {
    node: Node,
    files: Files,
    now: Time,
    has_ended: bool,
    /// The descriptions of the commands; empty if they could not be had.
    descriptions: Rc<[u8]>,
}

/// An open connection.
struct Conn {
    id: ConnId,
    role: Role,
    /// The number of entries when something was last heard from it or sent on it: one that was left
    /// alone since a step can stay open when everything goes back to that step.
    touched: usize,
}

impl Sandbox {
    /// A node without data, whose clock starts with the host's and keeps its pace. The descriptions of
    /// the commands are those that it will have: what it replies must not depend on when they come.
    pub fn new(seed: u64, now: Time, descriptions: Rc<[u8]>) -> Self {
        Self::begin(Head { seed, start: now, base: Rc::default() }, now.mono, descriptions)
    }

    fn begin(head: Head, host: Monotonic, descriptions: Rc<[u8]>) -> Self {
        Self {
            life: Life::new(&head, descriptions),
            head,
            entries: Vec::new(),
            entry_bytes: 0,
            is_complete: true,
            conns: Vec::new(),
            next_conn: 0,
            host,
            rate: 1.0,
        }
    }

    /// A sandbox that has lived through a recording, and stands still at its end; nobody is connected
    /// to it. What was sent meanwhile is added to `heard`, for [`tape::read_heard`]. `None` if the
    /// bytes are no recording, or it makes no sense, or is too much to be recorded or heard.
    ///
    /// The node wakes when it wants to, so that a recording need not tell of that, and what it tells
    /// is passed over.
    pub fn load(
        tape: &[u8],
        host: Monotonic,
        descriptions: Rc<[u8]>,
        heard: &mut Vec<u8>,
    ) -> Option<Self> {
        let mut tape = Reader::new(tape)?;
        let mut sandbox = Self::begin(tape.head.clone(), host, descriptions);
        sandbox.rate = 0.0;
        let mut outputs = Vec::new();
        let mut played = 0;
        while !tape.is_done {
            let Entry { at, conn, input } = tape.next()?;
            sandbox.advance(at.mono.since_us(sandbox.life.now.mono), &mut outputs);
            tape::hear(heard, played, &mut outputs);
            played += 1;
            let is_open = sandbox.conns.iter().any(|open| open.id == conn);
            match input {
                Input::Wake => {}
                Input::Opened(_) if is_open => return None,
                Input::Opened(role) => sandbox.open_as(conn, role, &mut outputs),
                Input::Received(bytes) => sandbox.receive(host, conn, &bytes, &mut outputs),
                Input::Closed => sandbox.close(host, conn, &mut outputs),
            }
            tape::hear(heard, played, &mut outputs);
            if !sandbox.is_complete || sandbox.life.has_ended || heard.len() > BYTES_MAX {
                return None;
            }
        }
        while let Some(conn) = sandbox.conns.first().map(|open| open.id) {
            sandbox.close(host, conn, &mut outputs);
        }
        Some(sandbox)
    }

    /// The recording as bytes.
    pub fn tape(&self) -> Vec<u8> {
        tape::write(&self.head, &self.entries, self.life.now)
    }

    /// The virtual time when it was last read.
    pub fn now(&self) -> Time {
        self.life.now
    }

    /// How fast the clock goes: 1 as the host's, 0 not at all.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Everything that happened, oldest first; empty if it was too much to be kept.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Opens a connection.
    pub fn open(&mut self, host: Monotonic, role: Role, outputs: &mut Vec<Output>) -> ConnId {
        self.follow(host, outputs);
        let id = ConnId(self.next_conn);
        self.open_as(id, role, outputs);
        id
    }

    fn open_as(&mut self, id: ConnId, role: Role, outputs: &mut Vec<Output>) {
        self.next_conn = self.next_conn.max(id.0.saturating_add(1));
        self.conns.push(Conn { id, role, touched: 0 });
        self.happen(id, Input::Opened(role), outputs);
    }

    /// Takes bytes from a connection.
    pub fn receive(
        &mut self,
        host: Monotonic,
        conn: ConnId,
        bytes: &[u8],
        outputs: &mut Vec<Output>,
    ) {
        self.follow(host, outputs);
        if self.conns.iter().any(|open| open.id == conn) {
            self.happen(conn, Input::Received(bytes.into()), outputs);
        }
    }

    /// The client has closed a connection.
    pub fn close(&mut self, host: Monotonic, conn: ConnId, outputs: &mut Vec<Output>) {
        self.follow(host, outputs);
        if let Some(index) = self.conns.iter().position(|open| open.id == conn) {
            self.conns.remove(index);
            self.happen(conn, Input::Closed, outputs);
        }
    }

    /// Moves the virtual clock to where the host's is.
    pub fn follow(&mut self, host: Monotonic, outputs: &mut Vec<Output>) {
        let passed_us = host.since_us(self.host) as f64 * self.rate;
        self.host = host;
        self.advance(passed_us as u64, outputs);
    }

    /// Lets virtual time pass.
    pub fn advance(&mut self, us: u64, outputs: &mut Vec<Output>) {
        let end = self.life.now.plus_us(us);
        for _ in 0..TURNS_MAX {
            let wake = self.life.node.next_wake().filter(|wake| *wake <= end.mono);
            let Some(wake) = wake.filter(|_| !self.life.has_ended) else { break };
            self.life.now = self.life.now.plus_us(wake.since_us(self.life.now.mono));
            self.happen(ConnId(0), Input::Wake, outputs);
        }
        self.life.now = end;
    }

    /// Sets how fast the clock goes from now on.
    pub fn set_rate(&mut self, host: Monotonic, rate: f64, outputs: &mut Vec<Output>) {
        self.follow(host, outputs);
        self.rate = rate.clamp(0.0, 1e6);
    }

    /// Real microseconds until the node wants to be woken; `None` if it does not, or its clock
    /// stands still.
    pub fn wake_in_us(&self) -> Option<u64> {
        let wake = self.life.node.next_wake().filter(|_| self.rate > 0.0)?;
        Some((wake.since_us(self.life.now.mono) as f64 / self.rate).ceil() as u64)
    }

    /// The step before the last command of a person: where undo goes back to.
    pub fn undo_step(&self) -> Option<usize> {
        let mut persons = Vec::new();
        for entry in &self.entries {
            if entry.input == Input::Opened(Role::Person) {
                persons.push(entry.conn);
            }
        }
        self.entries.iter().rposition(|entry| {
            matches!(entry.input, Input::Received(_)) && persons.contains(&entry.conn)
        })
    }

    /// Goes back to where only the first `step` entries had happened. The clock goes back too, and
    /// goes on from there. Connections that have taken no part since stay; the others are hung up.
    /// Costs as much as living through it did.
    pub fn rewind(&mut self, host: Monotonic, step: usize, outputs: &mut Vec<Output>) {
        if !self.is_complete || step > self.entries.len() {
            return;
        }
        self.host = host;
        self.entries.truncate(step);
        self.entry_bytes = self.entries.iter().map(Entry::len).sum();
        self.life = Life::new(&self.head, self.life.descriptions.clone());
        let mut open = Vec::new();
        let mut unheard = Vec::new();
        for entry in &self.entries {
            match entry.input {
                Input::Opened(_) => open.push(entry.conn),
                Input::Closed => open.retain(|conn| *conn != entry.conn),
                Input::Received(_) | Input::Wake => {}
            }
            self.life.now = entry.at;
            self.life.happen(entry.conn, &entry.input, &mut unheard);
            for output in unheard.drain(..) {
                if let Output::HangUp(conn) = output {
                    open.retain(|open| *open != conn);
                }
            }
        }
        // Who was not there then, or has done or heard something since, starts anew.
        let (stay, go): (Vec<Conn>, Vec<Conn>) = std::mem::take(&mut self.conns)
            .into_iter()
            .partition(|conn| conn.touched <= step && open.contains(&conn.id));
        outputs.extend(go.iter().map(|conn| Output::HangUp(conn.id)));
        self.conns = stay;
        for conn in open {
            if !self.conns.iter().any(|stays| stays.id == conn) {
                self.happen(conn, Input::Closed, outputs);
            }
        }
    }

    /// Another sandbox that has lived through the first `step` entries of this one, and stands still
    /// there. Nobody is connected to it. Costs as much as living through them did.
    #[must_use]
    pub fn branch(&self, host: Monotonic, step: usize) -> Self {
        let mut branch = Self::begin(self.head.clone(), host, self.life.descriptions.clone());
        branch.entries = self.entries.iter().take(step).cloned().collect();
        branch.next_conn = self.next_conn;
        let step = branch.entries.len();
        branch.rewind(host, step, &mut Vec::new());
        branch.rate = 0.0;
        branch
    }

    /// Something happens: it is written down, and done.
    fn happen(&mut self, conn: ConnId, input: Input, outputs: &mut Vec<Output>) {
        if self.life.has_ended {
            return;
        }
        let from = outputs.len();
        self.life.happen(conn, &input, outputs);
        let is_sleep = input == Input::Wake && outputs.len() == from;
        let entry = Entry { at: self.life.now, conn, input };
        self.entry_bytes += entry.len();
        if self.entries.len() == ENTRIES_MAX || self.entry_bytes > BYTES_MAX {
            self.is_complete = false;
        }
        if self.is_complete {
            self.entries.push(entry);
        } else {
            self.entries = Vec::new();
        }
        let step = self.entries.len();
        for output in outputs.iter().skip(from) {
            match output {
                Output::Send(to, _) => self.touch(*to, step),
                Output::HangUp(gone) => self.conns.retain(|open| open.id != *gone),
                Output::End => {}
            }
        }
        if !is_sleep {
            self.touch(conn, step);
        }
    }

    fn touch(&mut self, conn: ConnId, step: usize) {
        if let Some(conn) = self.conns.iter_mut().find(|open| open.id == conn) {
            conn.touched = step;
        }
    }

    /// All data as a snapshot.
    #[cfg(test)]
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        self.life.node.snapshot(self.life.now)
    }

    /// Whether a person is on some connection.
    pub fn has_person(&self) -> bool {
        self.conns.iter().any(|conn| conn.role == Role::Person)
    }
}

impl Entry {
    /// Bytes that a client has sent.
    fn len(&self) -> usize {
        match &self.input {
            Input::Received(bytes) => bytes.len(),
            Input::Opened(_) | Input::Closed | Input::Wake => 0,
        }
    }
}

impl Life {
    fn new(head: &Head, descriptions: Rc<[u8]>) -> Self {
        let mut config = Config::default();
        config.enable_debug_command = Local::Local;
        let mut files = Files::default();
        if !head.base.is_empty() {
            let name = String::from_utf8_lossy(&config.dbfilename).into_owned();
            files.run(DiskOp::Replace { name, bytes: head.base.to_vec() });
        }
        let now = head.start;
        let node = Node::new(config, Seed::of(head.seed), now);
        let mut life = Self { node, files, now, has_ended: false, descriptions };
        let measures = Measures { used_memory: MEMORY_BYTES, is_peak: true, ..Measures::default() };
        life.tell(Event::Measured(measures), &mut Vec::new());
        life.tell(Event::Mounted { unreadable: Unreadable::SetAside }, &mut Vec::new());
        // Nobody is there yet who could be kept waiting.
        for _ in 0..TURNS_MAX {
            if !life.node.is_loading() {
                break;
            }
            life.tell(Event::Wake, &mut Vec::new());
        }
        life
    }

    fn happen(&mut self, conn: ConnId, input: &Input, outputs: &mut Vec<Output>) {
        let event = match input {
            Input::Opened(_) => {
                let origin = Origin {
                    addr: format!("page:{}", conn.0),
                    laddr: "page:6379".to_owned(),
                    fd: i64::from(conn.0) + 8,
                    local: true,
                };
                Event::Opened { conn, origin }
            }
            Input::Received(bytes) => Event::Received { conn, bytes },
            Input::Closed => Event::Closed { conn },
            Input::Wake => Event::Wake,
        };
        self.tell(event, outputs);
    }

    /// Tells the node, and does what it asks for until it asks for nothing more.
    fn tell(&mut self, event: Event<'_>, outputs: &mut Vec<Output>) {
        let mut effects = Vec::new();
        self.node.handle(self.now, event, &mut effects);
        while !effects.is_empty() {
            for effect in std::mem::take(&mut effects) {
                self.perform(effect, &mut effects, outputs);
            }
        }
    }

    fn perform(&mut self, effect: Effect, more: &mut Vec<Effect>, outputs: &mut Vec<Output>) {
        match effect {
            Effect::Send { conn } => self.send(conn, outputs),
            Effect::Close { conn } => {
                self.send(conn, outputs);
                outputs.push(Output::HangUp(conn));
                self.node.handle(self.now, Event::Closed { conn }, more);
            }
            Effect::Disk(op) => {
                let answer = self.files.run(op);
                self.node.handle(self.now, Event::Disk(answer), more);
            }
            Effect::Describe => {
                let descriptions = self.descriptions.clone();
                self.node.handle(self.now, Event::Described(&descriptions), more);
            }
            // No engine in a page is built with `links`.
            Effect::Log(_) | Effect::Configured | Effect::Imported(_) | Effect::Link { .. } => {}
            Effect::Exit { .. } => {
                self.has_ended = true;
                outputs.push(Output::End);
            }
        }
    }

    fn send(&mut self, conn: ConnId, outputs: &mut Vec<Output>) {
        let bytes = self.node.outbox(conn).map(|out| out.take()).unwrap_or_default();
        if !bytes.is_empty() {
            outputs.push(Output::Send(conn, bytes));
        }
    }
}

#[cfg(test)]
mod tests;
