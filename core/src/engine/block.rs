//! Commands that wait: for keys, for time, for others to be let go on.
//!
//! A blocked client is data. Its command is kept, and when a key it waits for has changed, the
//! command is simply run again: it is served, or it finds that it still has to wait and keeps its
//! place. So a blocking command is an ordinary handler that ends with [`Ctx::block_on`] where it
//! has nothing to serve.

use std::collections::VecDeque;

use super::ahead::Sight;
use super::{Args, Ctx, Engine};
use crate::base::ordered::OrdSet;
use crate::base::time::{Monotonic, Time};
use crate::base::{Error, num};
use crate::resp::{Argv, Out, OwnedArgv};
use crate::session::{Blocked, BlockedOn, Client, ConnId};
use crate::store::{DbKey, Type};

/// Time-outs of blocked clients, and clients that can go on.
#[derive(Debug, Default)]
pub struct Blocking {
    /// When each client that waits with a time-out stops waiting, on the monotonic clock.
    deadlines: OrdSet<(u64, u64)>,
    /// When each client whose command depends on the time is to try again, on the same clock.
    again: OrdSet<(u64, u64)>,
    /// Clients that waited and no longer do; what they have sent meanwhile is still to be run.
    pub resumed: VecDeque<ConnId>,
    /// Number of clients that wait, without those that only CLIENT PAUSE keeps waiting.
    pub clients: usize,
    /// Clients that wait for what was recorded up to a position to be safe.
    unsafe_until: OrdSet<(u64, u64)>,
    /// The client whose answer everybody waits for.
    pub(super) all_wait_for: Option<u64>,
    /// The ticket drawn last. Who drew the lower one has waited longer.
    last_ticket: u64,
}

impl Blocking {
    /// A client that waits for nothing that is recorded later than `synced`.
    pub fn next_safe(&self, synced: u64) -> Option<u64> {
        let first = self.unsafe_until.first().filter(|(until, _)| *until <= synced);
        first.map(|(_, id)| id)
    }
}

/// Why nobody can wait for an append-only file.
pub const WAITAOF_REFUSED: &str =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// CLIENT PAUSE.
#[derive(Debug, Default)]
pub struct Pause {
    /// When it ends.
    pub until: Option<Monotonic>,
    /// Commands that only read go on.
    pub writes_only: bool,
    /// Ids of the clients that are held back, in the order in which they came.
    held: VecDeque<u64>,
}

impl Ctx<'_> {
    /// Lets the command wait for one of `keys` to hold a value of type `kind`, until `timeout_ms`
    /// is over (0: without end), when the reply is a null array, as for every such command. Where a
    /// command must not wait, that reply is given at once. `args` are the command's, however far
    /// they have been taken.
    pub fn block_on(
        &mut self,
        keys: impl IntoIterator<Item = impl AsRef<[u8]>>,
        kind: Type,
        timeout_ms: u64,
        args: &Args<'_>,
    ) {
        if self.deny_blocking {
            self.out.null_array();
            return;
        }
        let db = self.session.db;
        let keys: Vec<DbKey> = keys.into_iter().map(|key| (db, key.as_ref().into())).collect();
        let on = BlockedOn::Keys { keys, kind, or_gone: false };
        self.block(on, timeout_ms, args.all().to_owned());
    }

    /// The command that has just been told to wait runs again after `after_ms` at the latest.
    pub fn try_again_after(&mut self, after_ms: u64) {
        let at = self.now.mono.plus_ms(after_ms);
        if let Some(blocked) = &mut self.session.blocked {
            blocked.again = Some(at);
        }
    }

    /// As [`Ctx::block_on`], for entries of streams: `argv` is what runs again. With `or_gone` it
    /// does so too when a key is gone or holds something else, so that it can say so.
    pub fn block_on_streams(
        &mut self,
        keys: Argv<'_>,
        timeout_ms: u64,
        argv: OwnedArgv,
        or_gone: bool,
    ) {
        if self.deny_blocking {
            self.out.null_array();
            return;
        }
        let db = self.session.db;
        let keys: Vec<DbKey> = keys.iter().map(|key| (db, key.into())).collect();
        self.block(BlockedOn::Keys { keys, kind: Type::Stream, or_gone }, timeout_ms, argv);
    }

    /// Reads a time-out in seconds, with decimals, and returns milliseconds. Any fraction of one
    /// counts as a whole.
    pub fn timeout_ms(&self, text: &[u8]) -> Result<u64, Error> {
        let seconds = num::Extended::parse(text).ok_or(Error::TimeoutNotFloat)?;
        let ms = seconds.times_up(1000);
        // Redis adds the time-out to the time of day, and that has to fit as well.
        if ms > i64::MAX - self.now.unix_ms().max(0) {
            return Err(Error::text("ERR timeout is out of range"));
        }
        u64::try_from(ms).map_err(|_| Error::TimeoutNegative)
    }

    /// Lets the command, which is `argv`, wait for the host's answer ([`Engine::answer`]). Within a
    /// transaction everybody waits, so that nothing comes between its commands.
    pub fn wait_for_world(&mut self, argv: Argv<'_>) {
        if self.depth > 1 {
            self.asleep_until = Some(Monotonic(u64::MAX));
            self.blocking.all_wait_for = Some(self.session.id);
        }
        self.block(BlockedOn::World, 0, argv.to_owned());
    }

    /// Lets the command wait for something; see [`Ctx::block_on`].
    pub fn block(&mut self, on: BlockedOn, timeout_ms: u64, argv: OwnedArgv) {
        let now = self.now.mono;
        let deadline = (timeout_ms > 0).then(|| now.plus_ms(timeout_ms));
        let command = self.entry.index;
        self.blocking.last_ticket += 1;
        let ticket = self.blocking.last_ticket;
        self.session.blocked = Some(Blocked {
            command,
            argv,
            on,
            deadline,
            again: None,
            since: now,
            ticket,
            took_ns: 0,
        });
    }
}

impl Engine {
    /// Enters a client that has just blocked into the queues of its keys and the time-outs.
    pub fn enqueue_blocked(&mut self, client: &Client) {
        let Some(blocked) = &client.session.blocked else { return };
        let id = client.session.id;
        if let BlockedOn::Keys { keys, .. } = &blocked.on {
            for key in keys {
                self.shard.waiters.add(key.clone(), blocked.ticket, id);
            }
        }
        if let BlockedOn::AppendOnly { until, needs_replicas: false } = blocked.on {
            self.blocking.unsafe_until.insert((until, id));
        }
        if let BlockedOn::Unpause = &blocked.on {
            self.pause.held.push_back(id);
        }
        if let Some(deadline) = blocked.deadline {
            self.blocking.deadlines.insert((deadline.0, id));
        }
        if let Some(again) = blocked.again {
            self.blocking.again.insert((again.0, id));
        }
        self.blocking.clients += usize::from(!blocked.is_paused());
    }

    /// Takes a client that waits no longer, or is gone, out of all queues. `blocked` is what it
    /// waited for.
    pub fn dequeue_blocked(&mut self, id: u64, blocked: &Blocked) {
        if let BlockedOn::Keys { keys, .. } = &blocked.on {
            for key in keys {
                self.shard.waiters.remove(key, blocked.ticket);
            }
        }
        if let BlockedOn::AppendOnly { until, .. } = blocked.on {
            self.blocking.unsafe_until.remove(&(until, id));
        }
        if let Some(deadline) = blocked.deadline {
            self.blocking.deadlines.remove(&(deadline.0, id));
        }
        if let Some(again) = blocked.again {
            self.blocking.again.remove(&(again.0, id));
        }
        self.blocking.clients -= usize::from(!blocked.is_paused());
    }

    /// The next time at which a client stops waiting, or tries again.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        let firsts = [self.blocking.deadlines.first(), self.blocking.again.first()];
        let firsts = firsts.into_iter().flatten().map(|(at, _)| Monotonic(at));
        firsts.chain(self.pause.until).min()
    }

    /// Lets the waiters of every key that is ready try again. Called once a command, with all that
    /// it ran, is done; serving a waiter can make other keys ready, which are served too.
    pub fn serve_ready(&mut self, now: Time) {
        if self.shard.waiters.has_ready() {
            let aside = self.stopwatch.step_aside();
            self.serve_all_ready(now);
            self.stopwatch.step_back(aside);
        }
    }

    fn serve_all_ready(&mut self, now: Time) {
        while let Some(key) = self.shard.waiters.take_ready() {
            let mut last = 0;
            while let Some((ticket, id)) = self.shard.waiters.next(&key, last) {
                last = ticket;
                let found = self.shard.dbs.get(key.0).and_then(|db| db.get(&key.1));
                let held = found.map(|found| found.value.kind());
                let Some(client) = self.clients.by_id_mut(id) else { continue };
                let wants = match &client.session.blocked {
                    Some(Blocked { on: BlockedOn::Keys { kind, or_gone, .. }, .. }) => {
                        *or_gone || held == Some(*kind)
                    }
                    _ => false,
                };
                if wants {
                    self.retry(now, id);
                }
            }
        }
    }

    /// Runs the command of a blocked client again.
    fn retry(&mut self, now: Time, id: u64) {
        let Some(conn) = self.clients.conn(id) else { return };
        let Some(mut client) = self.clients.take(conn) else { return };
        if let Some(mut blocked) = client.session.blocked.take() {
            let entry = &self.table.entries()[blocked.command];
            self.stopwatch.resume(blocked.took_ns);
            self.call_again(now, &mut client, entry, blocked.argv.view());
            if let Some(waiting) = client.session.blocked.take() {
                // Still nothing for it: it keeps its place and its time.
                blocked.took_ns = waiting.took_ns;
                if let Some(again) = std::mem::replace(&mut blocked.again, waiting.again) {
                    self.blocking.again.remove(&(again.0, id));
                }
                if let Some(again) = blocked.again {
                    self.blocking.again.insert((again.0, id));
                }
                client.session.blocked = Some(blocked);
            } else {
                self.dequeue_blocked(id, &blocked);
                self.resume(&client);
            }
        }
        self.clients.put(client);
    }

    /// Ends the waiting of clients whose time is over, and lets those try again that wanted to now.
    pub fn time_out_blocked(&mut self, now: Time) {
        while let Some((deadline, id)) = self.blocking.deadlines.first() {
            if deadline > now.mono.0 {
                break;
            }
            let is_safe = self.is_safe(id);
            self.unblock(id, |on, out| write_timeout_reply(on, is_safe, out));
            self.blocking.deadlines.remove(&(deadline, id));
        }
        while let Some((again, id)) = self.blocking.again.first()
            && again <= now.mono.0
        {
            self.blocking.again.remove(&(again, id));
            let client = self.clients.by_id_mut(id);
            let blocked = client.and_then(|client| client.session.blocked.as_ref());
            if let Some(BlockedOn::Keys { keys, .. }) = blocked.map(|blocked| &blocked.on) {
                keys.iter().for_each(|(db, key)| self.shard.waiters.changed(*db, key));
            }
        }
        self.serve_ready(now);
        if self.pause.until.is_some_and(|until| until <= now.mono) {
            self.unpause();
        }
    }

    /// Ends the waiting of client `id`, with the reply that `reply` writes. Returns whether it
    /// waited.
    pub fn unblock(&mut self, id: u64, reply: impl FnOnce(&BlockedOn, &mut Out)) -> bool {
        let Some(conn) = self.clients.conn(id) else { return false };
        let Some(mut client) = self.clients.take(conn) else { return false };
        let waited = client.session.blocked.take();
        if let Some(blocked) = &waited {
            reply(&blocked.on, &mut client.out);
            let entry = &self.table.entries()[blocked.command];
            self.stats.by_command[entry.index].calls += 1;
            self.took(&client.session, entry, blocked.argv.view(), blocked.took_ns);
        }
        if let Some(blocked) = &waited {
            self.send(conn);
            self.dequeue_blocked(id, blocked);
            self.resume(&client);
        }
        self.clients.put(client);
        waited.is_some()
    }

    /// Has a client go on that waits no longer.
    fn resume(&mut self, client: &Client) {
        let (conn, resumed) = (client.session.conn, &mut self.blocking.resumed);
        if client.session.executing.is_some() {
            // The rest of the transaction comes before anything of others.
            resumed.push_front(conn);
        } else {
            resumed.push_back(conn);
        }
    }

    /// The host has answered client `id` ([`Ctx::wait_for_world`]): its command replies what `reply`
    /// writes, and whoever waited with it goes on.
    pub(super) fn answer(&mut self, now: Time, id: u64, reply: impl FnOnce(&mut Out)) {
        self.let_all_go_on(now, id);
        self.reply_to(Some(id), reply);
    }

    /// As [`Engine::answer`]; the command runs again, and must not wait any more.
    pub(super) fn answer_again(&mut self, now: Time, id: u64) {
        self.let_all_go_on(now, id);
        self.retry(now, id);
    }

    /// Lets everybody go on who waited for the answer to client `id`.
    fn let_all_go_on(&mut self, now: Time, id: u64) {
        if self.blocking.all_wait_for.take_if(|client| *client == id).is_some() {
            self.asleep_until = Some(now.mono);
        }
    }

    /// Ends the waiting of client `id`, if there is one and it waits for the world, with the reply that
    /// `reply` writes.
    pub(super) fn reply_to(&mut self, id: Option<u64>, reply: impl FnOnce(&mut Out)) {
        if let Some(id) = id {
            self.unblock(id, |on, out| {
                if matches!(on, BlockedOn::World) {
                    reply(out);
                }
            });
        }
    }

    /// As [`Engine::unblock`], before the time is over: with the reply as if it were, or with an
    /// error. What has no time-out is not waiting in this sense.
    pub fn unblock_early(&mut self, id: u64, is_error: bool) -> bool {
        let blocked = self.clients.by_id_mut(id).and_then(|client| client.session.blocked.as_ref());
        let may_time_out = |on: &BlockedOn| match on {
            BlockedOn::Keys { .. } | BlockedOn::Replicas | BlockedOn::AppendOnly { .. } => true,
            BlockedOn::World | BlockedOn::Unpause => false,
        };
        let Some(blocked) = blocked.filter(|blocked| may_time_out(&blocked.on)) else {
            return false;
        };
        if is_error {
            let error = b"UNBLOCKED client unblocked via CLIENT UNBLOCK";
            let command = blocked.command;
            self.stats.error(b"UNBLOCKED");
            self.stats.by_command[command].failed += 1;
            self.unblock(id, |_, out| out.error_line(error))
        } else {
            let is_safe = self.is_safe(id);
            self.unblock(id, |on, out| write_timeout_reply(on, is_safe, out))
        }
    }

    /// Whether what client `id` has changed is safe in the append-only file.
    fn is_safe(&self, id: u64) -> bool {
        let session = self.clients.by_id(id).map(|client| &client.session);
        session.is_some_and(|session| self.is_recorded_safely(session))
    }

    /// Ends CLIENT PAUSE: the clients that were held back go on in the order in which they came,
    /// each with all that it has sent meanwhile.
    fn unpause(&mut self) {
        let pause = std::mem::take(&mut self.pause);
        let conns = pause.held.into_iter().filter_map(|id| self.clients.conn(id));
        self.blocking.resumed.extend(conns);
    }

    /// Runs the command of `client` that CLIENT PAUSE has held back, if there is one.
    pub fn start_held_back(&mut self, now: Time, client: &mut Client) {
        let held = client.session.blocked.take_if(|on| matches!(on.on, BlockedOn::Unpause));
        let Some(blocked) = held else { return };
        self.dequeue_blocked(client.session.id, &blocked);
        self.stopwatch.begin(client.out.owed());
        self.execute_unpaused(now, client, blocked.argv.view(), Sight::default());
    }
}

/// Replies to WAITAOF: whether what the client has changed is safe here; and nowhere else.
pub fn write_waitaof(out: &mut Out, is_safe: bool) {
    out.array(2);
    out.int(i64::from(is_safe));
    out.int(0);
}

/// Writes what a command that waited for `on` replies when its time is over; `is_safe` says whether
/// what the client has changed is safe.
fn write_timeout_reply(on: &BlockedOn, is_safe: bool, out: &mut Out) {
    match on {
        BlockedOn::Keys { .. } => out.null_array(),
        BlockedOn::Replicas => out.int(0),
        BlockedOn::AppendOnly { .. } => write_waitaof(out, is_safe),
        // Who asks the world answers for itself, and has no time-out.
        BlockedOn::World | BlockedOn::Unpause => {}
    }
}
