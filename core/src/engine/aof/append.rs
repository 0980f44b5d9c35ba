//! Appending to the current increment, and making it safe.
//!
//! Positions count the bytes recorded since the file was turned on, over all increments. One append
//! and one sync are on their way at most. What an append that failed has left is cut off before the
//! same bytes are appended again.

use std::collections::VecDeque;

use super::elsewhere::Elsewhere;
use super::{Engine, State};
use crate::base::time::{Monotonic, Time};
use crate::engine::block::write_waitaof;
use crate::engine::config::Appendfsync;
use crate::engine::world::{DiskError, DiskOp, Effect, Level};
use crate::session::{ConnId, Session};

/// Between two syncs with `appendfsync everysec`, in microseconds.
const SYNC_EVERY_US: u64 = 1_000_000;
/// A sync that takes longer is counted as one that delays, in microseconds.
const SYNC_SLOW_US: u64 = 2_000_000;
/// After a failure, until it is tried again, in milliseconds.
const RETRY_MS: u64 = 1_000;
/// A buffer up to this size is used again.
const BUFFER_KEPT_BYTES: usize = 1 << 20;

/// How far appending has come.
#[derive(Debug)]
pub(super) struct Writing {
    /// The increment, as the disk knows it; none while there is none to append to.
    pub(super) file: Option<String>,
    /// Its bytes, as far as they are known to be there.
    pub(super) file_bytes: u64,
    /// Bytes of the other files that count.
    pub(super) other_bytes: u64,
    /// Up to where records were given to the disk.
    pub(super) issued: u64,
    /// Up to where the disk has them.
    pub(super) written: u64,
    /// Up to where they are safe.
    pub(super) synced: u64,
    /// Bytes on their way.
    pub(super) appending: Option<u64>,
    /// The sync on its way: of which file, since when, and up to where it reaches.
    pub(super) syncing: Option<(String, Monotonic, u64)>,
    /// The next increment, and how many of the bytes recorded still belong to this one.
    pub(super) next: Option<(String, usize)>,
    /// When the last sync began.
    last_sync: Monotonic,
    pub(super) failure: Option<Failure>,
    /// Why a sync has failed. What it was to make safe may be lost, whatever later ones say, until it
    /// has been written anew.
    pub(super) unsure: Option<Unsure>,
    /// Where the current increment begins, or what stands behind a base that is being made elsewhere.
    pub(super) start: u64,
    /// The increment is in a folder that was left.
    pub(super) elsewhere: Option<Elsewhere>,
    /// Output that is held back until a position is safe, or written, in order.
    pub(super) held: VecDeque<Held>,
    /// Syncs that took so long that appending had to wait for them.
    pub(super) delayed: u64,
    is_slow: bool,
    /// DEBUG AOF-FLUSH-SLEEP: for so long every append is put off, in microseconds, and until when the
    /// next one is.
    pause_us: u64,
    paused_until: Option<Monotonic>,
}

/// A sync that has failed.
#[derive(Debug)]
pub(super) struct Unsure {
    why: DiskError,
    /// Up to where there were records then.
    until: u64,
}

/// What could not be appended.
#[derive(Debug)]
pub(super) struct Failure {
    why: DiskError,
    /// Bytes that come before those recorded since.
    pub(super) bytes: Vec<u8>,
    retry_at: Monotonic,
    /// The end of the file is being cut off.
    is_cutting: bool,
}

/// Something for a connection that waits.
#[derive(Debug)]
pub(super) struct Held {
    until: u64,
    conn: ConnId,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// Output up to this place.
    Output(u64),
    /// The end of the connection.
    Close,
}

impl Writing {
    pub(super) fn new(now: Monotonic) -> Self {
        Self {
            file: None,
            file_bytes: 0,
            other_bytes: 0,
            issued: 0,
            written: 0,
            synced: 0,
            appending: None,
            syncing: None,
            next: None,
            last_sync: now,
            failure: None,
            unsure: None,
            start: 0,
            elsewhere: None,
            held: VecDeque::new(),
            delayed: 0,
            is_slow: false,
            pause_us: 0,
            paused_until: None,
        }
    }
}

impl Writing {
    /// Goes on with the next increment, once all that belongs to this one is safe: so whatever is found
    /// in an increment, the one before it is whole.
    fn switch(&mut self) {
        let is_safe = self.synced == self.issued;
        if let Some((next, _)) = self.next.take_if(|(_, left)| *left == 0 && is_safe) {
            self.other_bytes += std::mem::take(&mut self.file_bytes);
            self.file = Some(next);
        }
    }
}

impl Engine {
    /// There is nothing to append to any more. Positions go on, for clients remember theirs.
    pub(super) fn stop_appending(&mut self) {
        let until = self.recorded();
        let (last_sync, delayed) = (self.aof.writing.last_sync, self.aof.writing.delayed);
        let (issued, written, synced, start) = (until, until, until, until);
        let new = Writing::new(last_sync);
        self.aof.writing = Writing { issued, written, synced, start, delayed, ..new };
        self.propagation.log = None;
    }

    /// Up to where there are records.
    pub fn recorded(&self) -> u64 {
        let waiting = self.propagation.log.as_ref().map_or(0, |log| log.len());
        self.aof.writing.issued + waiting as u64
    }

    /// Up to where records are safe.
    pub fn recorded_safely(&self) -> u64 {
        self.aof.writing.synced
    }

    /// Whether all that `session` has changed is safe in the append-only file.
    pub fn is_recorded_safely(&self, session: &Session) -> bool {
        self.aof.state == State::On && session.recorded <= self.aof.writing.synced
    }

    /// Why nothing can be appended, if that is so.
    pub fn aof_failure(&self) -> Option<&DiskError> {
        let Writing { failure, unsure, .. } = &self.aof.writing;
        failure
            .as_ref()
            .map(|failure| &failure.why)
            .or_else(|| unsure.as_ref().map(|unsure| &unsure.why))
    }

    /// Whether something is on its way that changes the end of the file.
    pub(super) fn is_appending(&self) -> bool {
        let Writing { appending, failure, .. } = &self.aof.writing;
        appending.is_some() || failure.as_ref().is_some_and(|failure| failure.is_cutting)
    }

    /// Bytes that were recorded and are not on the disk.
    pub fn aof_buffered(&self) -> u64 {
        self.recorded() - self.aof.writing.written
    }

    /// Whether a sync is on its way.
    pub fn aof_is_syncing(&self) -> bool {
        self.aof.writing.syncing.is_some()
    }

    /// Syncs that took very long.
    pub fn aof_delayed_syncs(&self) -> u64 {
        self.aof.writing.delayed
    }

    /// Bytes of all files that count.
    pub fn aof_bytes(&self) -> u64 {
        self.aof.writing.file_bytes + self.aof.writing.other_bytes
    }

    /// Gives what was recorded to the disk, and has it made safe when it is time.
    pub(super) fn append_log(&mut self, now: Time) {
        self.retry_append(now);
        if self.is_append_paused(now) {
            return self.sync_if_due(now);
        }
        if self.is_following() {
            return self.sync_if_due(now);
        }
        let writing = &mut self.aof.writing;
        if writing.appending.is_none() && writing.failure.is_none() {
            writing.switch();
        }
        if writing.appending.is_none()
            && writing.failure.is_none()
            && let Some(name) = &writing.file
            && let Some(log) = self.propagation.log.as_mut().filter(|log| !log.is_empty())
        {
            let bytes = match &mut writing.next {
                // The rest waits for the next increment.
                Some((_, 0)) => return self.sync_if_due(now),
                Some((_, left)) => log.take_first(std::mem::take(left)),
                None => log.take(),
            };
            if let Some(Elsewhere { since: Some(since), .. }) = &mut writing.elsewhere {
                let before = writing.start.saturating_sub(writing.issued) as usize;
                since.extend_from_slice(bytes.get(before..).unwrap_or_default());
            }
            writing.issued += bytes.len() as u64;
            writing.appending = Some(bytes.len() as u64);
            let op = DiskOp::Append { name: name.clone(), bytes };
            self.effects.push(Effect::Disk(op));
        }
        self.sync_if_due(now);
    }

    /// DEBUG AOF-FLUSH-SLEEP: puts off every append for so long, in microseconds.
    pub fn pause_appends(&mut self, pause_us: u64) {
        (self.aof.writing.pause_us, self.aof.writing.paused_until) = (pause_us, None);
    }

    fn is_append_paused(&mut self, now: Time) -> bool {
        let has_records = self.propagation.log.as_ref().is_some_and(|log| !log.is_empty());
        let writing = &mut self.aof.writing;
        if writing.pause_us == 0 || !has_records || writing.appending.is_some() {
            return false;
        }
        let until = *writing.paused_until.get_or_insert(now.mono + writing.pause_us);
        if until <= now.mono {
            writing.paused_until = None;
        }
        until > now.mono
    }

    fn sync_if_due(&mut self, now: Time) {
        let may_sync = self.may_sync();
        let policy = self.config.appendfsync;
        let writing = &mut self.aof.writing;
        if let Some((_, since, _)) = &writing.syncing {
            if !writing.is_slow && now.mono.since_us(*since) > SYNC_SLOW_US {
                (writing.is_slow, writing.delayed) = (true, writing.delayed + 1);
            }
            return;
        }
        // What a sync could not make safe, no other one does.
        let is_vain = writing.failure.is_some() || writing.unsure.is_some();
        if writing.issued == writing.synced || is_vain {
            return;
        }
        // The next increment waits for this one, whatever the settings say.
        let is_due = matches!(writing.next, Some((_, 0)))
            || may_sync
                && match policy {
                    Appendfsync::Always => true,
                    Appendfsync::Everysec => now.mono.since_us(writing.last_sync) >= SYNC_EVERY_US,
                    Appendfsync::No => false,
                };
        if is_due {
            self.start_sync(now);
        }
    }

    fn start_sync(&mut self, now: Time) {
        let writing = &mut self.aof.writing;
        let Some(name) = writing.file.clone() else { return };
        let until = writing.issued;
        writing.syncing = Some((name.clone(), now.mono, until));
        (writing.last_sync, writing.is_slow) = (now.mono, false);
        self.effects.push(Effect::Disk(DiskOp::Sync { name }));
    }

    /// Whether syncs are not put off while a snapshot is written.
    fn may_sync(&self) -> bool {
        !self.config.no_appendfsync_on_rewrite
            || self.saving.running.is_none() && !self.is_rewriting()
    }

    /// When [`Engine::append_log`] has something to do.
    pub(super) fn next_append(&self) -> Option<Monotonic> {
        let writing = &self.aof.writing;
        if let Some(failure) = &writing.failure {
            return (!failure.is_cutting).then_some(failure.retry_at);
        }
        let waits = self.config.appendfsync == Appendfsync::Everysec
            && writing.syncing.is_none()
            && writing.unsure.is_none()
            && writing.issued > writing.synced
            && self.may_sync();
        let sync = waits.then(|| writing.last_sync + SYNC_EVERY_US);
        sync.into_iter().chain(writing.paused_until).min()
    }

    pub(super) fn appended(
        &mut self,
        now: Time,
        name: &str,
        mut bytes: Vec<u8>,
        result: Result<(), DiskError>,
    ) {
        // Without one on its way, this is about a file that is no longer appended to.
        if self.aof.writing.file.as_deref() != Some(name) {
            return;
        }
        let Some(count) = self.aof.writing.appending.take() else { return };
        match result {
            Ok(()) => {
                let writing = &mut self.aof.writing;
                writing.written += count;
                writing.file_bytes += count;
                if bytes.capacity() <= BUFFER_KEPT_BYTES
                    && let Some(log) = &mut self.propagation.log
                {
                    bytes.clear();
                    log.reuse(bytes);
                }
                self.release_held();
            }
            Err(why) if self.is_always() && self.aof.unreadable == super::Unreadable::Refuse => {
                let bytes = self.aof.writing.file_bytes;
                self.ask_disk(DiskOp::Truncate { name: name.to_owned(), bytes });
                self.aof_is_lost(&why);
            }
            Err(why) => {
                self.log(Level::Warning, &format!("Error writing to the AOF file: {}", why.0));
                let retry_at = now.mono.plus_ms(RETRY_MS);
                let failure = Failure { why, bytes, retry_at, is_cutting: false };
                self.aof.writing.failure = Some(failure);
                self.stop_holding();
            }
        }
    }

    /// Tries again what has failed, from the end of what is known to be there.
    fn retry_append(&mut self, now: Time) {
        let Writing { failure: Some(failure), file: Some(name), file_bytes, appending, .. } =
            &mut self.aof.writing
        else {
            return;
        };
        if failure.is_cutting || failure.retry_at > now.mono || appending.is_some() {
            return;
        }
        failure.is_cutting = true;
        let op = DiskOp::Truncate { name: name.clone(), bytes: *file_bytes };
        self.effects.push(Effect::Disk(op));
    }

    pub(super) fn truncated(&mut self, now: Time, name: &str, result: Result<(), DiskError>) {
        if self.load_truncated(now, name, &result) {
            return;
        }
        let writing = &mut self.aof.writing;
        let Some(mut failure) = writing.failure.take_if(|failure| failure.is_cutting) else {
            return;
        };
        match (result, &writing.file) {
            (Ok(()), Some(name)) => {
                // Asked for now, so that nothing that is recorded later comes before it.
                let (name, bytes) = (name.clone(), failure.bytes);
                writing.appending = Some(bytes.len() as u64);
                self.effects.push(Effect::Disk(DiskOp::Append { name, bytes }));
            }
            (Ok(()), None) => {}
            (Err(why), _) => {
                (failure.why, failure.is_cutting) = (why, false);
                failure.retry_at = now.mono.plus_ms(RETRY_MS);
                writing.failure = Some(failure);
            }
        }
    }

    pub(super) fn synced(&mut self, now: Time, name: &str, result: Result<(), DiskError>) {
        if self.load_synced(now, name, &result) {
            return;
        }
        let is_this = |(file, _, _): &mut (String, _, _)| *file == name;
        let Some((_, _, until)) = self.aof.writing.syncing.take_if(is_this) else { return };
        match result {
            Ok(()) => {
                let writing = &mut self.aof.writing;
                if writing.unsure.is_none() {
                    writing.synced = until.min(writing.written).max(writing.synced);
                }
                self.release_held();
                self.answer_waitaof();
            }
            Err(why) if self.is_always() && self.aof.unreadable == super::Unreadable::Refuse => {
                self.aof_is_lost(&why);
            }
            Err(why) => {
                self.log(Level::Warning, &format!("Fail to fsync the AOF file: {}", why.0));
                let until = self.aof.writing.issued;
                self.aof.writing.unsure = Some(Unsure { why, until });
                self.aof.rewriting.is_scheduled = true;
                self.stop_holding();
            }
        }
    }

    /// From now on, records go into another file. What was recorded so far goes to the end of this one.
    pub(super) fn switch_increment(&mut self, file: String) {
        let Some(log) = &mut self.propagation.log else { return };
        log.begin_anew();
        let (writing, left) = (&mut self.aof.writing, log.len());
        writing.start = writing.issued + left as u64;
        if writing.file.is_some() {
            writing.next = Some((file, left));
        } else {
            (writing.file, writing.file_bytes) = (Some(file), 0);
        }
    }

    /// A base was made safe that holds all that the increments before this one do.
    pub(super) fn rebased(&mut self) {
        let writing = &mut self.aof.writing;
        let start = writing.start;
        writing.unsure.take_if(|unsure| unsure.until <= start);
        if let Some((next, left)) = writing.next.take() {
            // What was still to be added to the increment before is in the base, and it is gone.
            if let Some(log) = &mut self.propagation.log {
                writing.issued += log.take_first(left).len() as u64;
            }
            (writing.file, writing.file_bytes, writing.written) = (Some(next), 0, writing.issued);
            (writing.failure, writing.appending, writing.syncing) = (None, None, None);
        }
        if writing.unsure.is_some() {
            self.aof.rewriting.is_scheduled = true;
            return;
        }
        writing.synced = writing.synced.max(start);
        self.release_held();
        self.answer_waitaof();
    }

    /// Up to where what was recorded is as safe as a reply promises: on the disk with `appendfsync
    /// always`, else in the hands of the operating system, where the host can see to that.
    fn promised(&self) -> u64 {
        let Writing { written, synced, .. } = self.aof.writing;
        if self.is_always() && self.may_sync() { synced } else { written }
    }

    /// Holds back what was written by this event, if what it has changed must be safe first. Called at
    /// the end of every event.
    #[inline]
    pub fn hold_replies(&mut self) {
        if self.aof.state == State::On && (self.is_always() || self.aof.awaits_writes) {
            self.hold_replies_until_safe();
        }
        self.effects.append(&mut self.aof.released);
    }

    fn hold_replies_until_safe(&mut self) {
        let until = self.recorded();
        if until == self.promised() || self.aof_failure().is_some() {
            // The settings may be others than when it was held back.
            return self.release_held();
        }
        let Self { effects, clients, aof, .. } = self;
        effects.retain(|effect| {
            let (conn, what) = match effect {
                Effect::Send { conn } => match clients.get_mut(*conn) {
                    Some(client) => (*conn, What::Output(client.out.hold())),
                    None => return true,
                },
                Effect::Close { conn } => (*conn, What::Close),
                Effect::Disk(_)
                | Effect::Link { .. }
                | Effect::Log(_)
                | Effect::Configured
                | Effect::Describe
                | Effect::Imported(_)
                | Effect::Exit { .. } => return true,
            };
            aof.writing.held.push_back(Held { until, conn, what });
            false
        });
    }

    /// Lets go what was held back and is safe now.
    pub(super) fn release_held(&mut self) {
        let promised = self.promised();
        let is_safe = |held: &mut Held| held.until <= promised;
        while let Some(held) = self.aof.writing.held.pop_front_if(is_safe) {
            self.let_go([held]);
        }
    }

    /// The file cannot be written, or not made safe.
    fn stop_holding(&mut self) {
        let held = std::mem::take(&mut self.aof.writing.held);
        self.end_holding(held, false);
    }

    /// Nothing more will become of what `held` waits for, which is safe or not. Where that was promised
    /// and is not, those who wait are disconnected, so that nobody takes for done what may be lost; else
    /// all are told, and hear of the failure when they write again.
    pub(super) fn end_holding(&mut self, held: VecDeque<Held>, is_safe: bool) {
        if !is_safe && self.is_always() { self.close_held(held) } else { self.let_go(held) }
    }

    fn let_go(&mut self, held: impl IntoIterator<Item = Held>) {
        for Held { conn, what, .. } in held {
            let effect = match what {
                What::Output(place) => {
                    if let Some(client) = self.clients.get_mut(conn) {
                        client.out.release(place);
                    }
                    Effect::Send { conn }
                }
                What::Close => Effect::Close { conn },
            };
            self.aof.released.push(effect);
        }
    }

    fn close_held(&mut self, held: VecDeque<Held>) {
        for held in held {
            if let Some(client) = self.clients.get(held.conn) {
                let id = client.session.id;
                self.kill(id);
            }
            if held.what == What::Close {
                self.effects.push(Effect::Close { conn: held.conn });
            }
        }
    }

    /// Forgets what was held back for a connection that is gone.
    pub fn forget_held(&mut self, conn: ConnId) {
        self.aof.writing.held.retain(|held| held.conn != conn);
        self.aof.ending.iter_mut().for_each(|ending| ending.held.retain(|held| held.conn != conn));
    }

    /// Answers the clients that wait for what they have written to be safe. Beside a base that is not
    /// there yet nothing is.
    pub(super) fn answer_waitaof(&mut self) {
        while self.aof.state == State::On
            && let Some(id) = self.blocking.next_safe(self.aof.writing.synced)
        {
            self.unblock(id, |_, out| write_waitaof(out, true));
        }
    }
}
