//! Handling events: one function a kind of event, and the timer.

use super::{DiskDone, Effect, Event, Measures, Signal};
use crate::base::limits;
use crate::base::rng::Seed;
use crate::base::time::{Monotonic, Time};
use crate::commands;
use crate::engine::ahead::Sight;
use crate::engine::stopwatch::Reading;
use crate::engine::{Config, Engine};
use crate::resp::decode::{Limits, Words};
use crate::resp::{Decoder, Out, ProtocolError, Step};
use crate::session::{Client, ConnId};

/// One Redis server as a value.
pub struct Node {
    engine: Engine,
    /// The commands that are about to run, and what was seen of them.
    ahead: Vec<Ahead>,
    sights: Vec<Sight>,
    /// Decodes what [`Node::look_ahead`] is told.
    scout: Decoder,
}

/// A command that was decoded and has not run.
#[derive(Clone, Copy)]
struct Ahead {
    /// Where it begins in the input.
    start: usize,
    words: Words,
}

/// How far decoding ahead has come.
struct Decoded {
    end: usize,
    then: Then,
}

/// What is there behind the commands that were decoded.
enum Then {
    /// Perhaps further commands.
    Commands,
    /// Nothing, or the beginning of a command.
    More,
    /// Something that is no command.
    Error(ProtocolError),
}

impl Node {
    /// A node without data. Everything random in it comes from `seed`.
    pub fn new(config: Config, seed: Seed, now: Time) -> Self {
        Self {
            engine: Engine::new(commands::table(), config, seed, now),
            ahead: Vec::new(),
            sights: Vec::new(),
            scout: Decoder::default(),
        }
    }

    /// Tells the node what happened, and adds what it asks of the world to `effects`. Time must
    /// not go back on the monotonic clock.
    pub fn handle(&mut self, now: Time, event: Event<'_>, effects: &mut Vec<Effect>) {
        self.engine.move_access_clock(now);
        self.engine.propagation.now_s = now.unix_s();
        // Work that goes on by itself gets its share once a turn of the host's loop, not once for
        // each client that has sent something.
        // What was recorded is written once a turn and more.
        let is_turn = match &event {
            Event::Disk(DiskDone::Append { name, .. }) => self.journal() != Some(name),
            Event::Wake | Event::Disk(_) => true,
            _ => false,
        };
        match event {
            Event::Wake => {}
            Event::Opened { conn, origin } => self.engine.connect(now, conn, origin),
            Event::Received { conn, bytes } => self.received(now, conn, bytes),
            Event::Closed { conn } => self.closed(conn),
            Event::Mounted { unreadable } => self.engine.mount(unreadable),
            Event::Import { name, how } => self.engine.import(now, name, how),
            Event::Disk(done) => self.engine.disk_done(now, done),
            Event::Link { link, event } => self.engine.link_event(now, link, event),
            Event::Described(bytes) => self.engine.described(now, bytes),
            Event::Signal(Signal::Shutdown { save, force }) => {
                let save = save.unwrap_or(!self.engine.config.save.is_empty());
                // Why it cannot end now is in the log.
                let _ = self.engine.shut_down(now, None, save, force);
            }
            // Figures alone change nothing.
            Event::Measured(measures) => return self.measured(measures),
        }
        self.tick(now);
        if is_turn {
            self.engine.save_some(now);
            self.engine.rewrite_some(now);
            self.engine.load_some(now);
        }
        self.engine.hold_replies();
        if self.engine.asleep_until.is_none() {
            effects.append(&mut self.engine.effects);
        } else {
            // A server that sleeps sends nothing either.
            let is_no_send = |effect: &mut Effect| !matches!(effect, Effect::Send { .. });
            effects.extend(self.engine.effects.extract_if(.., is_no_send));
        }
    }

    /// Tells the node the one of its [`Measures`] that can change much between two of them, where it
    /// costs next to nothing to know: [`Measures::used_memory`]. Good before bytes of a client are
    /// handed over, so that a limit on memory is held closely.
    #[inline]
    pub fn set_used_memory(&mut self, bytes: u64) {
        let stats = &mut self.engine.stats;
        if stats.peak_memory == 0 {
            stats.startup_memory = bytes;
        }
        stats.peak_memory = bytes.max(stats.peak_memory);
        self.engine.measures.used_memory = bytes;
        self.engine.has_measured();
    }

    /// Looks ahead at what several connections have sent, which a host that has read from all of them
    /// hands over next, one [`Event::Received`] each. It decides nothing and changes nothing: the memory
    /// that the first command of each will need is asked for, so that their waiting for it overlaps.
    pub fn look_ahead<'a>(&mut self, received: impl ExactSizeIterator<Item = (ConnId, &'a [u8])>) {
        if received.len() < 2 {
            return;
        }
        let mut inputs = [[].as_slice(); limits::LOOKED_AHEAD_MAX];
        let mut shared_db = None;
        let mut scout = std::mem::take(&mut self.scout);
        let mut ahead = std::mem::take(&mut self.ahead);
        scout.reset();
        ahead.clear();
        for (conn, bytes) in received {
            // The rest of a command begins in the middle; and hardly ever do clients differ in this.
            let is_whole = |client: &&Client| client.session.input.is_empty();
            let Some(client) = self.engine.clients.get(conn).filter(is_whole) else { continue };
            if *shared_db.get_or_insert(client.session.db) != client.session.db {
                continue;
            }
            if scout.begins_inline(bytes) {
                continue;
            }
            let step = scout.step_ahead(bytes, self.limits(client));
            let (Ok(Step::Command(_)), Some(input)) = (step, inputs.get_mut(ahead.len())) else {
                break;
            };
            *input = bytes;
            ahead.push(Ahead { start: 0, words: scout.words() });
        }
        let argv_of = |index: usize| scout.argv_of(ahead[index].words, inputs[index]);
        self.sights.clear();
        self.sights.extend((0..ahead.len()).map(|index| self.engine.look_ahead(argv_of(index))));
        self.engine.prefetch(shared_db.unwrap_or_default(), &mut self.sights, argv_of);
        (self.scout, self.ahead) = (scout, ahead);
    }

    /// Lends the node a clock in nanoseconds, for how long commands take; see
    /// [`stopwatch`](crate::engine::stopwatch).
    pub fn set_stopwatch(&mut self, reading: Reading) {
        self.engine.stopwatch.lend(reading);
    }

    /// From now on, replies wait until what was recorded before them in the append-only file is written,
    /// whatever `appendfsync` says: as in Redis, only the end of the machine can lose what was replied
    /// then, not that of the process. For hosts that write at once; where a write takes long, so would
    /// every reply.
    pub fn write_before_replies(&mut self) {
        self.engine.aof.awaits_writes = true;
    }

    /// The file that replies wait for, if there is one: what is appended to it is best written before
    /// anything else.
    pub fn journal(&self) -> Option<&str> {
        self.engine.open_increment()
    }

    /// When the node wants a [`Event::Wake`] at the latest.
    pub fn next_wake(&self) -> Option<Monotonic> {
        if let Some(until) = self.engine.asleep_until {
            return self.engine.next_saving().or(Some(until));
        }
        let engine = &self.engine;
        if !engine.blocking.resumed.is_empty() {
            // What they waited for has ended behind the work of this event.
            return Some(Monotonic(0));
        }
        let own = [engine.next_deadline(), engine.next_expiry(), engine.next_freeing];
        let own = own.into_iter().chain([engine.next_eviction()]);
        let others = [engine.next_care(), engine.next_save(), engine.next_saving()];
        let others = others.into_iter().chain([engine.next_aof(), engine.next_loading()]);
        let others = others.chain([engine.next_idle_link()]);
        own.chain(others).flatten().min()
    }

    /// Whether clients have to wait for data that is being loaded.
    pub fn is_loading(&self) -> bool {
        self.engine.saving.is_loading()
    }

    /// All data as a snapshot, of now. Costs O(data).
    pub fn snapshot(&self, now: Time) -> Vec<u8> {
        self.engine.snapshot_as(now, false)
    }

    /// Of what is being loaded, how many bytes were read, and how many there are as far as is known.
    pub fn loading(&self) -> Option<(u64, u64)> {
        self.engine.loading().map(|load| (load.loaded_bytes(), load.total_bytes()))
    }

    /// Since when a snapshot is being made, if one is.
    pub fn saving_since(&self) -> Option<Monotonic> {
        self.engine.saving.running.as_ref().map(|running| running.since.mono)
    }

    /// The settings as they are now.
    pub fn config(&self) -> &Config {
        &self.engine.config
    }

    /// Says where the host listens, after [`Effect::Configured`]: where the settings say now or, if it
    /// cannot, where it did before.
    #[cfg(feature = "config-file")]
    pub fn listens_at(&mut self, now: Time, port: u16, bind: Vec<String>) {
        self.engine.listens_at(now, port, bind);
    }

    /// Someone wants the end for which [`Signal::Shutdown`] asked at once, whatever was to be written
    /// before. Returns whether that end is under way; then the next effects end the host.
    pub fn insist_on_end(&mut self) -> bool {
        self.engine.insist_on_end()
    }

    /// What a connection is owed; `None` if there is no such connection.
    pub fn outbox(&mut self, conn: ConnId) -> Option<&mut Out> {
        self.engine.clients.get_mut(conn).map(|client| &mut client.out)
    }

    fn closed(&mut self, conn: ConnId) {
        self.engine.forget_held(conn);
        if let Some(mut client) = self.engine.clients.take(conn) {
            self.engine.release(&mut client);
        }
    }

    fn received(&mut self, now: Time, conn: ConnId, bytes: &[u8]) {
        let is_closing = |client: &Client| client.session.closing;
        if self.engine.clients.get(conn).is_none_or(is_closing) {
            return;
        }
        let Some(mut client) = self.engine.clients.take(conn) else { return };
        client.session.active = now.mono;
        self.engine.stats.bytes_in += bytes.len() as u64;
        client.session.bytes_in += bytes.len() as u64;
        if client.session.input.is_empty() && self.engine.can_run(&client) {
            // The usual case: whole commands, run from the host's buffer without a copy.
            let used = self.run_commands(now, &mut client, bytes);
            client.session.input.extend_from_slice(&bytes[used..]);
        } else {
            client.session.input.extend_from_slice(bytes);
            self.run_input(now, &mut client);
        }
        self.engine.settle(client);
    }

    /// Runs what a client has sent and what was not run yet.
    fn run_input(&mut self, now: Time, client: &mut Client) {
        let input = std::mem::take(&mut client.session.input);
        let used = self.run_commands(now, client, &input);
        // Input that came meanwhile does not exist: only this event adds to it.
        client.session.input = input;
        client.session.input.drain(..used);
        if client.session.input.capacity() > limits::OUTBOX_KEPT_BYTES {
            client.session.input.shrink_to(limits::OUTBOX_KEPT_BYTES);
        }
    }

    /// Runs the commands at the start of `input`; returns how many bytes they took.
    fn run_commands(&mut self, now: Time, client: &mut Client, input: &[u8]) -> usize {
        let mut decoder = std::mem::take(&mut client.session.decoder);
        let mut ahead = std::mem::take(&mut self.ahead);
        let mut sights = std::mem::take(&mut self.sights);
        let mut start = 0;
        while self.engine.can_run(client) {
            let limits = self.limits(client);
            let decoded = self.decode_ahead(&mut decoder, input, start, limits, &mut ahead);
            let argv_of = |index: usize| {
                let Ahead { start, words } = ahead[index];
                decoder.argv_of(words, &input[start..])
            };
            sights.clear();
            sights.extend((0..ahead.len()).map(|index| self.engine.look_ahead(argv_of(index))));
            self.engine.prefetch(client.session.db, &mut sights, argv_of);
            start = decoded.end;
            if !ahead.is_empty() {
                self.engine.stopwatch.begin(client.out.owed());
            }
            // The commands before this one are measured together.
            let mut run_end = 0;
            for (index, (command, &sight)) in ahead.iter().zip(&sights).enumerate() {
                // What ran before may have changed how, or whether, the next one is to be read.
                if index > 0 && !(self.engine.can_run(client) && self.limits(client) == limits) {
                    decoder.reset();
                    start = command.start;
                    break;
                }
                if index >= run_end {
                    self.engine.end_run();
                    run_end = index + self.engine.together(&sights[index..]);
                }
                self.engine.stopwatch.share(index + 1 < run_end);
                let argv = decoder.argv_of(command.words, &input[command.start..]);
                self.engine.execute(now, client, argv, sight);
            }
            self.engine.end_run();
            if start < decoded.end {
                continue;
            }
            let is_stale = !self.engine.can_run(client) || self.limits(client) != limits;
            match decoded.then {
                Then::Commands => {}
                // It must be read again, later or in another way.
                Then::More | Then::Error(_) if is_stale => decoder.reset(),
                Then::More => break,
                Then::Error(error) => {
                    client.out.set_muted(false);
                    client.out.error_line(&error.line());
                    client.session.closing = true;
                    decoder = Decoder::default();
                }
            }
        }
        decoder.forget();
        client.session.decoder = decoder;
        (self.ahead, self.sights) = (ahead, sights);
        if client.session.closing { input.len() } else { start }
    }

    /// Decodes the next few commands of `input`, from `start` on.
    fn decode_ahead(
        &self,
        decoder: &mut Decoder,
        input: &[u8],
        start: usize,
        limits: Limits,
        ahead: &mut Vec<Ahead>,
    ) -> Decoded {
        // Whoever authenticates may send more from then on.
        let max = if limits.unauthenticated { 1 } else { limits::LOOKED_AHEAD_MAX };
        let mut end = start;
        decoder.forget();
        ahead.clear();
        let then = loop {
            let rest = &input[end..];
            if ahead.len() == max || (!ahead.is_empty() && decoder.begins_inline(rest)) {
                break Then::Commands;
            }
            match decoder.step_ahead(rest, limits) {
                Ok(Step::Command(length)) => {
                    ahead.push(Ahead { start: end, words: decoder.words() });
                    end += length;
                    if decoder.is_inline() {
                        break Then::Commands;
                    }
                }
                Ok(Step::Nothing(length)) => end += length,
                Ok(Step::More) => break Then::More,
                Err(error) => break Then::Error(error),
            }
        };
        Decoded { end, then }
    }

    /// What `client` may send now.
    #[inline]
    fn limits(&self, client: &Client) -> Limits {
        Limits {
            bulk_bytes_max: self.engine.config.proto_max_bulk_len,
            unauthenticated: self.engine.must_auth(&client.session),
        }
    }

    /// What is due: time-outs, expiry, clients that can go on.
    fn tick(&mut self, now: Time) {
        self.engine.time_out_migration(now);
        if self.engine.asleep_until.is_some_and(|until| until > now.mono) {
            return;
        }
        if self.engine.asleep_until.take().is_some() {
            // Everyone was kept waiting.
            let ids = self.engine.clients.ids();
            let conns = ids.into_iter().filter_map(|id| self.engine.clients.conn(id));
            self.engine.blocking.resumed.extend(conns.collect::<Vec<_>>());
            self.engine.serve_ready(now);
        }
        self.engine.expire_due(now);
        self.engine.time_out_blocked(now);
        while self.engine.asleep_until.is_none()
            && let Some(conn) = self.engine.blocking.resumed.pop_front()
        {
            if let Some(mut client) = self.engine.clients.take(conn) {
                self.engine.go_on_with_transaction(now, &mut client);
                self.engine.start_held_back(now, &mut client);
                self.run_input(now, &mut client);
                self.engine.settle(client);
            }
        }
        if self.engine.asleep_until.is_some() {
            return;
        }
        self.engine.make_room_between(now);
        self.engine.limit_tracked_keys();
        self.engine.broadcast_changes();
        self.engine.care_for_clients(now);
        self.engine.evict_clients();
        self.engine.save_if_due(now);
        self.engine.tend_aof(now);
        self.engine.free_deleted(now);
        self.engine.close_idle_links(now);
    }

    fn measured(&mut self, measures: Measures) {
        let bytes = measures.used_memory;
        self.engine.measures = measures;
        self.set_used_memory(bytes);
    }
}

impl Engine {
    /// Whether the next command of `client` may run.
    fn can_run(&self, client: &Client) -> bool {
        client.session.blocked.is_none() && !client.session.closing && self.asleep_until.is_none()
    }
}

#[cfg(test)]
mod tests;
