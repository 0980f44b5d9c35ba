//! Keys from here to another server: what is sent, what is awaited, and what becomes of the keys.
//!
//! Redis does nothing else until the other server has answered, and so nobody sees a key at both places
//! or at none, or changes one that is on its way. A node sleeps meanwhile, as in DEBUG SLEEP: what
//! clients send waits. It wakes up when all answers are there, or when for as long as the client has
//! said nothing has moved.
//!
//! Commands are sent ahead of their answers, as many as the network takes. Where the connection fails
//! before any key was answered, all is tried once more on another one: it may have been kept from
//! before, and closed by the other side since. Where it fails later, what was answered is gone here,
//! and the rest stays.

use super::CANNOT_CONNECT;
use super::links::Found;
use super::request::Request;
use crate::base::time::{Monotonic, Time};
use crate::base::{Error, limits, num};
use crate::engine::world::{Effect, LinkEvent, LinkId, LinkOp};
use crate::engine::{Args, Class, Ctx, Engine, Outcome};
use crate::persist::aof::write_record;
use crate::persist::rdb;
use crate::session::BlockedOn;

/// Keys on their way.
#[derive(Debug)]
pub(super) struct Transfer {
    /// The client that waits.
    client: u64,
    /// The database that the keys are in here.
    db: usize,
    target: Target,
    keys: Vec<Moving>,
    /// Another attempt may follow this one.
    may_retry: bool,
    attempt: Attempt,
}

/// Where the keys go, and how.
#[derive(Debug)]
struct Target {
    host: String,
    port: u16,
    db: i64,
    timeout_ms: u64,
    copy: bool,
    replace: bool,
    /// The words of AUTH; none if it is not sent.
    auth: Vec<Vec<u8>>,
}

/// A key that moves.
#[derive(Debug)]
struct Moving {
    key: Vec<u8>,
    expires_ms: Option<i64>,
}

/// How far one attempt has come.
#[derive(Debug, Default)]
struct Attempt {
    link: LinkId,
    is_open: bool,
    /// Answers that come before those to keys.
    greetings: usize,
    has_greeted: bool,
    selects: bool,
    /// How many keys were handed over.
    sent: usize,
    /// Bytes that were handed over and that the network has not taken yet.
    waiting_bytes: usize,
    /// The beginning of the next answer.
    line: Vec<u8>,
    /// How many answers have come.
    answers: usize,
    /// The first greeting that was refused, in words of the other server's.
    greeting_error: Option<Vec<u8>>,
    /// Why the first key that was refused was.
    error: Option<Vec<u8>>,
    /// The keys that are there now.
    moved: Vec<usize>,
}

/// Why an attempt has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// Nothing has moved for too long.
    Timeout,
    /// The connection is gone.
    Lost,
}

impl Transfer {
    /// Whether it uses this connection.
    pub(super) fn is_on(&self, link: LinkId) -> bool {
        self.attempt.link == link
    }

    /// Takes what the other server has answered; `false` if it makes no sense.
    fn hear(&mut self, bytes: &[u8]) -> bool {
        for &byte in bytes {
            let line = &mut self.attempt.line;
            if byte != b'\n' {
                line.push(byte);
                if line.len() < limits::LINK_LINE_BYTES_MAX {
                    continue;
                }
            }
            let mut line = std::mem::take(line);
            if line.is_empty() {
                return false;
            }
            if byte == b'\n' && line.last() == Some(&b'\r') {
                line.pop();
            }
            self.answered(&line);
        }
        true
    }

    fn answered(&mut self, line: &[u8]) {
        let attempt = &mut self.attempt;
        let index = attempt.answers;
        attempt.answers += 1;
        let error = line.strip_prefix(b"-");
        let Some(index) = index.checked_sub(attempt.greetings) else {
            if let (Some(error), None) = (error, &attempt.greeting_error) {
                attempt.greeting_error = Some(error.to_owned());
            }
            return;
        };
        match attempt.greeting_error.as_deref().or(error) {
            Some(error) => {
                attempt.error.get_or_insert_with(|| error.to_owned());
            }
            None if index < self.keys.len() => attempt.moved.push(index),
            None => {}
        }
    }

    /// How many answers there will be.
    fn awaited(&self) -> usize {
        self.attempt.greetings + self.keys.len()
    }

    /// Whether everything is sent and answered.
    fn is_done(&self) -> bool {
        let attempt = &self.attempt;
        attempt.sent == self.keys.len()
            && attempt.waiting_bytes == 0
            && attempt.answers >= self.awaited()
    }

    /// Whether the other server has said more than it was asked.
    fn has_heard_too_much(&self) -> bool {
        self.attempt.answers > self.awaited() || !self.attempt.line.is_empty()
    }

    /// What the client is told of an attempt that has failed.
    fn failure(&self, why: Failure) -> Error {
        let attempt = &self.attempt;
        if attempt.error.is_some() {
            self.refusal()
        } else if attempt.is_open && attempt.waiting_bytes == 0 {
            Error::text("IOERR error or timeout reading to target instance")
        } else if attempt.is_open || why == Failure::Lost {
            Error::text("IOERR error or timeout writing to target instance")
        } else {
            CANNOT_CONNECT
        }
    }

    /// What the client is told of what the other server has refused.
    fn refusal(&self) -> Error {
        let error = self.attempt.error.as_deref().unwrap_or_default();
        Error::showing("ERR Target instance replied with error: ", error, "")
    }
}

impl Target {
    /// The place and the way; `None` if there can be no such place.
    fn of(request: &Request<'_>) -> Option<Self> {
        let host = str::from_utf8(request.host).ok().filter(|host| !host.is_empty())?;
        let auth = request.password.map(|password| request.username.into_iter().chain([password]));
        Some(Self {
            host: host.to_owned(),
            port: u16::try_from(atoi(request.port)).ok()?,
            db: request.db,
            // Nobody waits for weeks, and longer times need not fit.
            timeout_ms: request.timeout_ms.min(u32::MAX.into()),
            copy: request.copy,
            replace: request.replace,
            auth: auth.map(|words| words.map(<[u8]>::to_vec).collect()).unwrap_or_default(),
        })
    }
}

/// The number at the beginning of `text`, as C's `atoi` reads it: what is none is 0.
fn atoi(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (sign, text) = match text.split_first() {
        Some((b'-', rest)) => (-1, rest),
        Some((b'+', rest)) => (1, rest),
        _ => (1, text),
    };
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    let add = |number: i64, digit: &u8| number.saturating_mul(10) + i64::from(digit - b'0');
    sign * digits.take(10).fold(0, add)
}

impl Ctx<'_> {
    /// Moves keys to another server, as `args` say. The client waits, and everyone else with it.
    pub fn migrate(&mut self, args: Args<'_>) -> Outcome {
        let request = Request::parse(args)?;
        let moving = |key: &&[u8]| {
            let expires_ms = self.read(key)?.expires_ms;
            Some(Moving { key: key.to_vec(), expires_ms })
        };
        let keys: Vec<Moving> = request.keys.iter().filter_map(moving).collect();
        if keys.is_empty() {
            self.out.simple("NOKEY");
            return Ok(());
        }
        let target = Target::of(&request).filter(|_| !self.is_replaying).ok_or(CANNOT_CONNECT)?;
        self.links.transfer = Some(Box::new(Transfer {
            client: self.session.id,
            db: self.session.db,
            target,
            keys,
            may_retry: true,
            attempt: Attempt::default(),
        }));
        self.block(BlockedOn::World, 0, args.all().to_owned());
        let now = self.now;
        self.engine.attempt_transfer(now);
        Ok(())
    }
}

impl Engine {
    /// Begins an attempt.
    fn attempt_transfer(&mut self, now: Time) {
        let Some(mut transfer) = self.links.transfer.take() else { return };
        let target = &transfer.target;
        let Found { link, is_open, db } = self.link_to(now, &target.host, target.port);
        let selects = db != Some(target.db);
        let greetings = usize::from(!target.auth.is_empty()) + usize::from(selects);
        transfer.attempt = Attempt { link, is_open, greetings, selects, ..Attempt::default() };
        self.links.transfer = Some(transfer);
        self.transfer_moves(now);
        self.send_keys(now);
    }

    /// Something has moved: the time that is waited begins anew.
    fn transfer_moves(&mut self, now: Time) {
        let Some(transfer) = &self.links.transfer else { return };
        // Before the end of the program everything sleeps for good.
        if self.asleep_until != Some(Monotonic(u64::MAX)) {
            self.asleep_until = Some(now.mono.plus_ms(transfer.target.timeout_ms));
        }
    }

    /// Hands over keys as long as the network has not enough.
    fn send_keys(&mut self, now: Time) {
        let Some(transfer) = &mut self.links.transfer else { return };
        let Transfer { db, target, keys, attempt, .. } = &mut **transfer;
        if !attempt.is_open || attempt.waiting_bytes >= limits::LINK_AHEAD_BYTES {
            return;
        }
        let mut bytes = Vec::new();
        if !std::mem::replace(&mut attempt.has_greeted, true) {
            if !target.auth.is_empty() {
                let auth: Vec<&[u8]> = target.auth.iter().map(Vec::as_slice).collect();
                write_record(
                    &mut bytes,
                    [[b"AUTH".as_slice()].as_slice(), &auth].concat().into_iter(),
                );
            }
            if attempt.selects {
                let digits = num::Digits::of(target.db);
                write_record(&mut bytes, [b"SELECT".as_slice(), &digits].into_iter());
            }
        }
        while attempt.waiting_bytes + bytes.len() < limits::LINK_AHEAD_BYTES
            && let Some(Moving { key, expires_ms }) = keys.get(attempt.sent)
        {
            attempt.sent += 1;
            // Nothing runs that could have removed it.
            let Some(found) = self.shard.db(*db).get(key) else { continue };
            let payload = rdb::dump(found.value, self.config.rdbcompression);
            let ttl_ms = expires_ms.map_or(0, |at_ms| at_ms.saturating_sub(now.unix_ms()).max(1));
            let ttl = num::Digits::of(ttl_ms);
            let words: [&[u8]; 5] = [b"RESTORE", key, &ttl, &payload, b"REPLACE"];
            let count = if target.replace { 5 } else { 4 };
            write_record(&mut bytes, words.into_iter().take(count));
        }
        if !bytes.is_empty() {
            attempt.waiting_bytes += bytes.len();
            let link = attempt.link;
            self.effects.push(Effect::Link { link, op: LinkOp::Send { bytes } });
        }
    }

    /// Something has become of the connection.
    pub(super) fn transfer_event(&mut self, now: Time, event: LinkEvent<'_>) {
        let Some(transfer) = &mut self.links.transfer else { return };
        let attempt = &mut transfer.attempt;
        match event {
            LinkEvent::NoWay => return self.end_transfer(now, Err(CANNOT_CONNECT)),
            LinkEvent::Lost => return self.fail_transfer(now, Failure::Lost),
            LinkEvent::Opened => attempt.is_open = true,
            LinkEvent::Sent { count } => {
                attempt.waiting_bytes = attempt.waiting_bytes.saturating_sub(count);
            }
            LinkEvent::Received { bytes } => {
                if !transfer.hear(bytes) {
                    return self.fail_transfer(now, Failure::Lost);
                }
            }
        }
        self.transfer_moves(now);
        self.send_keys(now);
        let Some(transfer) = self.links.transfer.as_ref().filter(|transfer| transfer.is_done())
        else {
            return;
        };
        let link = transfer.attempt.link;
        let is_refused = transfer.attempt.error.is_some();
        let result = if is_refused { Err(transfer.refusal()) } else { Ok(()) };
        let db = (!is_refused).then_some(transfer.target.db);
        if transfer.has_heard_too_much() {
            self.close_link(link);
        } else {
            self.keep_link(now, link, db);
        }
        self.end_transfer(now, result);
    }

    /// Ends a migration of which nothing has moved for too long.
    pub fn time_out_migration(&mut self, now: Time) {
        let is_over = |until: Monotonic| until <= now.mono;
        if self.links.transfer.is_some() && self.asleep_until.is_some_and(is_over) {
            self.fail_transfer(now, Failure::Timeout);
        }
    }

    fn fail_transfer(&mut self, now: Time, why: Failure) {
        let Some(transfer) = &mut self.links.transfer else { return };
        let link = transfer.attempt.link;
        let has_answers = transfer.attempt.answers > transfer.attempt.greetings;
        let retries = why == Failure::Lost && !has_answers && transfer.may_retry;
        transfer.may_retry = false;
        let error = transfer.failure(why);
        self.close_link(link);
        if retries {
            self.attempt_transfer(now);
        } else {
            self.end_transfer(now, Err(error));
        }
    }

    /// Everyone goes on: what is there now is gone here, and the client is told.
    fn end_transfer(&mut self, now: Time, result: Outcome) {
        let Some(transfer) = self.links.transfer.take() else { return };
        if self.asleep_until != Some(Monotonic(u64::MAX)) {
            self.asleep_until = Some(now.mono);
        }
        // While the client is taken out, the changes count as its own. It may be gone.
        let conn = self.clients.conn(transfer.client);
        let client = conn.and_then(|conn| self.clients.take(conn));
        self.remove_moved(&transfer);
        let Some(mut client) = client else { return };
        client.session.recorded = self.recorded();
        if let Some(blocked) = &mut client.session.blocked {
            blocked.took_ns += now.mono.since_us(blocked.since).saturating_mul(1000);
            if let Err(error) = &result {
                self.stats.error(error.code());
                self.stats.by_command[blocked.command].failed += 1;
            }
        }
        self.clients.put(client);
        self.reply_to(Some(transfer.client), |out| match &result {
            Ok(()) => out.ok(),
            Err(error) => out.error(error),
        });
    }

    fn remove_moved(&mut self, transfer: &Transfer) {
        if transfer.target.copy {
            return;
        }
        let mut words: Vec<&[u8]> = vec![b"DEL"];
        for Moving { key, .. } in transfer.attempt.moved.iter().map(|&index| &transfer.keys[index])
        {
            if self.shard.db_mut(transfer.db).delete(key) {
                self.changed(transfer.db, key, Class::Generic, "del");
                words.push(key);
            }
        }
        if words.len() > 1 && self.propagates() {
            self.propagate(transfer.db, &words);
        }
    }
}
