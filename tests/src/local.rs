//! A node in this process: connections are queues, time is a number, the disk is [simulated](crate::disk).

use std::collections::{BTreeMap, VecDeque};

use redstart::base::rng::Seed;
use redstart::base::time::{Monotonic, Time};
use redstart::engine::Config;
use redstart::node::{
    ConnId, Effect, Event, Imported, LinkEvent, LinkId, LinkOp, Node, Origin, Record, Unreadable,
};

use crate::disk::SimDisk;
use crate::play::{Patience, Stage};
use crate::queue::{Order, Queue};

/// Where the virtual clock starts: 2023-11-14 22:13:20 UTC.
pub const START: Time = Time { unix_us: 1_700_000_000_000_000, mono: Monotonic(1_000_000) };

/// Turns that a node may want at one time.
const TURNS_MAX: usize = 10_000_000;

/// How a host treats its node.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// What is done with files that cannot be read.
    pub unreadable: Unreadable,
    /// In which order the disk does things.
    pub order: Order,
    /// What time it is.
    pub now: Time,
}

/// A node and its small world.
pub struct Local {
    node: Node,
    now: Time,
    connections: BTreeMap<String, ConnId>,
    arrived: BTreeMap<String, (Vec<u8>, bool)>,
    next_conn: u32,
    /// Its files.
    pub disk: SimDisk,
    /// Every line the node has logged.
    pub log: Vec<Record>,
    queue: Queue,
    /// What it has asked of connections to other servers and nobody has done yet.
    pub links: VecDeque<(LinkId, LinkOp)>,
    /// Whether there are other servers, which somebody else plays. Otherwise whoever is called refuses.
    pub has_neighbours: bool,
    /// Whether the disk answers, and the node is woken when it wants to go on at once, only in
    /// [`Local::turn`], so that something can happen in between.
    pub is_slow: bool,
    /// A port on which it cannot listen; it listens on the default one then.
    pub taken_port: Option<u16>,
    /// How the last import has ended.
    pub imported: Option<Result<Imported, String>>,
    /// The status it asked the program to end with.
    pub exit: Option<u8>,
}

impl Local {
    /// A new node in an empty world.
    pub fn new(config: Config, seed: Seed) -> Self {
        Self::on_disk(config, seed, BTreeMap::new())
    }

    /// A node as transcripts want it: what the servers they are compared with are started with.
    pub fn for_tests() -> Self {
        Self::for_tests_with(&[])
    }

    /// As [`Local::for_tests`], with these settings besides.
    pub fn for_tests_with(settings: &[(&str, &str)]) -> Self {
        let mut config = Config::default();
        let always =
            [("save", ""), ("enable-debug-command", "yes"), ("enable-protected-configs", "yes")];
        for (name, value) in always.iter().chain(settings) {
            config.set_named(name, value).expect("these are parameters");
        }
        Self::new(config, Seed::of(1))
    }

    /// A new node that finds these files.
    /// The page's policy holds: what cannot be read is set aside.
    pub fn on_disk(config: Config, seed: Seed, files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::on(config, seed, SimDisk::new(seed, files))
    }

    /// A new node on this disk.
    pub fn on(config: Config, seed: Seed, disk: SimDisk) -> Self {
        let mut local = Self::slow_on(config, seed, disk);
        local.is_slow = false;
        local.settle();
        local
    }

    /// As [`Local::on`], but slow: nothing is loaded yet.
    pub fn slow_on(config: Config, seed: Seed, disk: SimDisk) -> Self {
        Self::mounted(config, seed, disk, Unreadable::SetAside)
    }

    /// As [`Local::slow_on`], with the policy of the page or of the server.
    pub fn mounted(config: Config, seed: Seed, disk: SimDisk, unreadable: Unreadable) -> Self {
        Self::hosted(config, seed, disk, Host { unreadable, order: Order::AtOnce, now: START })
    }

    /// As [`Local::slow_on`], by a host that does things its own way.
    pub fn hosted(config: Config, seed: Seed, disk: SimDisk, host: Host) -> Self {
        let Host { unreadable, order, now } = host;
        let mut local = Self {
            node: Node::new(config, seed, now),
            now,
            connections: BTreeMap::new(),
            arrived: BTreeMap::new(),
            next_conn: 0,
            disk,
            log: Vec::new(),
            queue: Queue::new(order, seed),
            links: VecDeque::new(),
            has_neighbours: false,
            is_slow: true,
            taken_port: None,
            imported: None,
            exit: None,
        };
        local.event(Event::Mounted { unreadable });
        local
    }

    /// A host that writes at once: see [`Node::write_before_replies`].
    pub fn write_before_replies(&mut self) {
        self.node.write_before_replies();
    }

    /// The files as the node has left them.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.disk.files()
    }

    /// The host takes itself for open: from now on, its disk may fail to read as well.
    pub fn queue_is_open(&mut self) {
        self.queue.reads_surely = false;
    }

    /// The end of the process: what it has asked for is done if it was told to end, else some of it.
    /// Returns the disk.
    pub fn end(mut self) -> SimDisk {
        match self.exit {
            Some(_) => self.queue.finish(&mut self.disk),
            None => self.queue.abandon(&mut self.disk),
        }
        self.disk
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Tells the node something now and does what it asks.
    pub fn event(&mut self, event: Event<'_>) {
        self.handle(event);
        if !self.is_slow {
            self.settle();
        }
    }

    /// Lets the node do all that it wants to do now.
    fn settle(&mut self) {
        let turns = (0..TURNS_MAX).take_while(|_| self.turn()).count();
        assert!(turns < TURNS_MAX, "the node wants to go on and never ends");
    }

    /// A turn of a host's loop: what the disk has done, and a wake if it is time for one. Returns
    /// whether there was any of it.
    pub fn turn(&mut self) -> bool {
        let is_waiting = !self.queue.is_empty();
        let answers = self.queue.work(&mut self.disk);
        let is_due = self.node.next_wake().is_some_and(|wake| wake <= self.now.mono);
        let calls =
            if self.has_neighbours { VecDeque::new() } else { std::mem::take(&mut self.links) };
        let is_idle = !is_waiting && calls.is_empty() && !is_due;
        for _ in 0..answers {
            let Some(done) = self.queue.answer() else { break };
            self.handle(Event::Disk(done));
        }
        for (link, op) in calls {
            if matches!(op, LinkOp::Open { .. }) {
                self.handle(Event::Link { link, event: LinkEvent::Lost });
            }
        }
        if is_due {
            self.handle(Event::Wake);
        }
        !is_idle
    }

    fn handle(&mut self, event: Event<'_>) {
        let mut effects = Vec::new();
        self.node.handle(self.now, event, &mut effects);
        for effect in effects {
            self.act(effect);
        }
        self.queue.write_due(&mut self.disk);
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Send { conn } => self.collect(conn),
            Effect::Close { conn } => {
                self.collect(conn);
                if let Some(name) = self.name(conn) {
                    self.connections.remove(&name);
                    self.arrived.entry(name).or_default().1 = true;
                }
                self.handle(Event::Closed { conn });
            }
            Effect::Disk(op) => {
                self.queue.ask(&mut self.disk, op, self.node.journal());
            }
            Effect::Link { link, op } => self.links.push_back((link, op)),
            Effect::Configured => {
                let config = self.node.config();
                let (port, bind) = (config.port, config.bind.clone());
                let taken = self.taken_port == Some(port);
                let port = if taken { Config::default().port } else { port };
                self.node.listens_at(self.now, port, bind);
            }
            Effect::Describe => unreachable!("they are linked"),
            Effect::Imported(result) => self.imported = Some(result),
            Effect::Log(record) => self.log.push(record),
            Effect::Exit { status } => self.exit = Some(status),
        }
    }

    fn collect(&mut self, conn: ConnId) {
        let Some(name) = self.name(conn) else { return };
        if let Some(out) = self.node.outbox(conn) {
            self.arrived.entry(name).or_default().0.extend(out.take());
        }
    }

    fn name(&self, conn: ConnId) -> Option<String> {
        let found = self.connections.iter().find(|(_, other)| **other == conn);
        found.map(|(name, _)| name.clone())
    }
}

impl Local {
    /// Sends what several clients have sent at one time, as a host does that reads from all of them first.
    pub fn send_together(&mut self, sent: &[(&str, &[u8])]) {
        for (name, _) in sent {
            self.conn(name);
        }
        self.node.look_ahead(sent.iter().map(|(name, bytes)| (self.connections[*name], *bytes)));
        for (name, bytes) in sent {
            assert_eq!(self.send(name, bytes), Ok(()));
        }
    }

    /// The connection of this name; opens it if there is none.
    fn conn(&mut self, name: &str) -> ConnId {
        if let Some(&conn) = self.connections.get(name) {
            return conn;
        }
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.connections.insert(name.to_owned(), conn);
        let origin = Origin {
            addr: format!("127.0.0.1:{}", 50_000 + conn.0),
            laddr: "127.0.0.1:6379".into(),
            fd: i64::from(conn.0) + 8,
            local: true,
        };
        self.event(Event::Opened { conn, origin });
        conn
    }
}

impl Stage for Local {
    fn send(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let conn = self.conn(name);
        self.event(Event::Received { conn, bytes });
        Ok(())
    }

    fn hangup(&mut self, name: &str) {
        if let Some(conn) = self.connections.remove(name) {
            self.event(Event::Closed { conn });
        }
    }

    fn wait(&mut self, ms: u64) {
        let end = self.now.plus_us(ms * 1000);
        let wake_by = |node: &Node| node.next_wake().filter(|&wake| wake <= end.mono);
        while let Some(wake) = wake_by(&self.node).filter(|_| !self.is_slow) {
            self.now = self.now.plus_us(wake.since_us(self.now.mono));
            let before = wake;
            self.event(Event::Wake);
            assert_ne!(
                self.node.next_wake().filter(|&next| next <= before),
                Some(before),
                "the node was woken at the time it asked for and asks for it again"
            );
        }
        self.now = end;
        self.event(Event::Wake);
    }

    fn receive(&mut self, _patience: Patience<'_>) -> Vec<(String, Vec<u8>, bool)> {
        std::mem::take(&mut self.arrived)
            .into_iter()
            .map(|(name, (bytes, closed))| (name, bytes, closed))
            .collect()
    }
}
