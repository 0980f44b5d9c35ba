//! CLIENT LIST, INFO and KILL: the connections as lines of text, and those that filters choose.

use std::fmt::Write as _;

use super::client::{ADMIN, BASE};
use crate::base::time::Time;
use crate::base::{Error, num};
use crate::engine::clients::ClientType;
use crate::engine::tracking::Scope;
use crate::engine::{Args, Command, Ctx, Engine, Outcome};
use crate::resp::{Out, Proto};
use crate::session::Session;
use crate::spec::{integer, many, one_of, opt, string, token};

pub(super) const INFO: Command = Command {
    name: "INFO",
    summary: "Describes the connection, in a line as CLIENT LIST shows it.",
    since: "6.2.0",
    tips: &["nondeterministic_output"],
    run: info,
    ..BASE
};

fn info(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let line = own_line(cx);
    cx.out.verbatim("txt", &line);
    Ok(())
}

pub(super) const KILL: Command = Command {
    name: "KILL",
    summary: "Closes connections: the one from an address, or all that pass the filters.",
    complexity: "O(N) for N connections",
    args: &[one_of(
        "filter",
        &[
            string("old-format").deprecated("2.8.12").shown("ip:port"),
            many(one_of(
                "new-format",
                &[
                    opt(integer("client-id").after("ID").since("2.8.12")),
                    opt(one_of(
                        "client-type",
                        &[
                            token("normal", "NORMAL"),
                            token("master", "MASTER").since("3.2.0"),
                            token("slave", "SLAVE"),
                            token("replica", "REPLICA").since("5.0.0"),
                            token("pubsub", "PUBSUB"),
                        ],
                    )
                    .after("TYPE")
                    .since("2.8.12")),
                    opt(string("username").after("USER")),
                    opt(string("addr").after("ADDR").shown("ip:port")),
                    opt(string("laddr").after("LADDR").since("6.2.0").shown("ip:port")),
                    opt(one_of("skipme", &[token("yes", "YES"), token("no", "NO")]).after("SKIPME")),
                    opt(integer("maxage").after("MAXAGE").since("7.4.0")),
                ],
            )),
        ],
    )],
    run: kill,
    ..ADMIN
};

fn kill(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let is_old_form = args.len() == 1;
    let filter = if is_old_form {
        Filter { addr: args.peek(), ..Filter::default() }
    } else {
        Filter { skips_me: true, ..Filter::default() }.with(args)?
    };
    let me = cx.session.id;
    let chosen = |session: &Session| filter.lets_pass(session, cx.now);
    let others = cx.engine.clients.iter().filter(|client| chosen(&client.session));
    let others: Vec<u64> = others.map(|client| client.session.id).collect();
    let is_me = chosen(cx.session) && !filter.skips_me;
    for &id in &others {
        cx.engine.kill(id);
    }
    // The client itself still gets the reply.
    cx.session.closing |= is_me;
    match others.len() + usize::from(is_me) {
        count if !is_old_form => cx.out.count(count),
        0 => return Err(Error::text("ERR No such client")),
        _ => cx.out.ok(),
    }
    debug_assert!(!others.contains(&me), "the client that runs is not among the others");
    Ok(())
}

pub(super) const LIST: Command = Command {
    name: "LIST",
    summary: "Describes connections, one a line: all, those of a type, or those with given ids.",
    complexity: "O(N) for N connections",
    args: &[
        opt(one_of(
            "client-type",
            &[
                token("normal", "NORMAL"),
                token("master", "MASTER"),
                token("replica", "REPLICA"),
                token("pubsub", "PUBSUB"),
            ],
        )
        .after("TYPE")
        .since("5.0.0")),
        opt(many(integer("client-id").after("ID").since("6.2.0"))),
    ],
    tips: &["nondeterministic_output"],
    run: list,
    ..ADMIN
};

fn list(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let mut ids = cx.engine.clients.ids();
    let mut kind = None;
    if args.len() == 2 && args.eat("TYPE") {
        kind = Some(client_type(args.take()?)?);
    } else if args.len() > 1 && args.eat("ID") {
        ids.clear();
        while !args.is_empty() {
            let id = args.integer_or(Error::text("ERR Invalid client ID"))?;
            ids.extend(u64::try_from(id));
        }
    } else if !args.is_empty() {
        return Err(Error::Syntax);
    }
    let has_type = |session: &Session| kind.is_none_or(|kind| ClientType::of(session) == kind);
    let mut lines = Vec::new();
    for id in ids {
        if id == cx.session.id {
            if has_type(cx.session) {
                lines.extend(own_line(cx));
            }
        } else if let Some(client) = cx.engine.clients.by_id(id)
            && has_type(&client.session)
        {
            lines.extend(line(cx.engine, cx.now, &client.session, &client.out));
        }
    }
    cx.out.verbatim("txt", &lines);
    Ok(())
}

fn client_type(name: &[u8]) -> Result<ClientType, Error> {
    ClientType::named(name)
        .ok_or_else(|| Error::Bytes([b"ERR Unknown client type '".as_slice(), name, b"'"].concat()))
}

/// Which connections CLIENT KILL closes: those that fit everything that is set.
#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<ClientType>,
    user: Option<&'a [u8]>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    max_age_s: Option<u64>,
    skips_me: bool,
}

impl<'a> Filter<'a> {
    /// This and what the options in `args` say.
    fn with(mut self, mut args: Args<'a>) -> Result<Self, Error> {
        while !args.is_empty() {
            let option = args.take()?;
            let mut value = || args.take();
            match option.to_ascii_lowercase().as_slice() {
                b"id" => self.id = Some(positive(value()?, NO_ID, NO_ID)?),
                b"maxage" => self.max_age_s = Some(positive(value()?, NO_AGE, AGE_TOO_LOW)?),
                b"type" => self.kind = Some(client_type(value()?)?),
                b"addr" => self.addr = Some(value()?),
                b"laddr" => self.laddr = Some(value()?),
                b"user" => self.user = Some(existing_user(value()?)?),
                b"skipme" => {
                    self.skips_me = match value()?.to_ascii_lowercase().as_slice() {
                        b"yes" => true,
                        b"no" => false,
                        _ => return Err(Error::Syntax),
                    }
                }
                _ => return Err(Error::Syntax),
            }
        }
        Ok(self)
    }

    fn lets_pass(&self, session: &Session, now: Time) -> bool {
        let age_s = now.mono.since_us(session.opened.mono) / 1_000_000;
        self.id.is_none_or(|id| session.id == id)
            && self.kind.is_none_or(|kind| ClientType::of(session) == kind)
            && self.user.is_none_or(|user| session.user.as_bytes() == user)
            && self.addr.is_none_or(|addr| session.origin.addr.as_bytes() == addr)
            && self.laddr.is_none_or(|laddr| session.origin.laddr.as_bytes() == laddr)
            && self.max_age_s.is_none_or(|least| age_s >= least)
    }
}

const NO_ID: &str = "ERR client-id should be greater than 0";
const NO_AGE: &str = "ERR maxage is not an integer or out of range";
const AGE_TOO_LOW: &str = "ERR maxage should be greater than 0";

/// The number above 0 that `text` is, or one of two errors.
fn positive(text: &[u8], no_number: &'static str, too_low: &'static str) -> Result<u64, Error> {
    let number = num::parse_i64(text).ok_or_else(|| Error::text(no_number))?;
    u64::try_from(number).ok().filter(|&number| number > 0).ok_or_else(|| Error::text(too_low))
}

/// `user`, if there is such a user: as yet, only the default one.
fn existing_user(user: &[u8]) -> Result<&[u8], Error> {
    if user == b"default" {
        return Ok(user);
    }
    Err(Error::Bytes([b"ERR No such user '".as_slice(), user, b"'"].concat()))
}

fn own_line(cx: &Ctx<'_>) -> Vec<u8> {
    line(cx.engine, cx.now, cx.session, cx.out)
}

/// The line that describes a connection. Sizes are this engine's own, under Redis's names.
fn line(engine: &Engine, now: Time, session: &Session, out: &Out) -> Vec<u8> {
    let mut line = String::new();
    let seconds = |since| now.mono.since_us(since) / 1_000_000;
    let lossy = String::from_utf8_lossy;
    let dirty = engine.is_dirty(session, now.unix_ms());
    let subscriptions = &session.subscriptions;
    let queued = session.multi.as_ref().map(|multi| multi.queue.len()).or(session.executing);
    let input = (session.input.len(), session.input.capacity());
    let multi_bytes = session.multi.as_ref().map_or(0, |multi| multi.bytes);
    let waiting_bytes = session.blocked.as_ref().map_or(0, |blocked| blocked.argv.heap_bytes());
    let pending = out.owed();
    let total = session.memory_bytes(out);
    let tracking = engine.tracker.get(session.id);
    let redirect = tracking.map_or(-1, |own| own.redirect.map_or(0, |id| id as i64));
    // Writing to a string cannot fail.
    let _ = writeln!(
        line,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} \
         multi={} watch={} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll=0 \
         omem=0 tot-mem={} events={} cmd={} user={} redir={redirect} resp={} lib-name={} \
         lib-ver={} io-thread=0",
        session.id,
        session.origin.addr,
        session.origin.laddr,
        session.origin.fd,
        lossy(&session.name),
        seconds(session.opened.mono),
        seconds(session.active),
        flags(engine, session, dirty),
        session.db,
        subscriptions.channels.len(),
        subscriptions.patterns.len(),
        subscriptions.shard_channels.len(),
        queued.map_or(-1, |count| count as i64),
        if dirty { 0 } else { session.watched.len() },
        input.0,
        input.1 - input.0,
        waiting_bytes,
        multi_bytes,
        out.heap_bytes(),
        pending,
        pending,
        total,
        if pending > 0 { "rw" } else { "r" },
        session.last_command,
        session.user,
        if out.proto() == Proto::V3 { 3 } else { 2 },
        lossy(&session.lib_name),
        lossy(&session.lib_ver),
    );
    line.into_bytes()
}

/// What holds of a connection, a letter each.
fn flags(engine: &Engine, session: &Session, dirty: bool) -> String {
    let tracking = engine.tracker.get(session.id);
    let in_transaction = session.multi.is_some() || session.executing.is_some();
    let holds = [
        ('O', session.monitor),
        ('P', session.subscriptions.any()),
        ('x', in_transaction),
        ('b', session.blocked.is_some()),
        ('t', tracking.is_some()),
        ('R', tracking.is_some_and(|own| own.is_broken)),
        ('B', tracking.is_some_and(|own| matches!(own.scope, Scope::Prefixes(_)))),
        ('d', dirty),
        ('c', session.closing),
        ('U', session.origin.addr.starts_with('/')),
        ('e', session.no_evict),
        ('T', session.no_touch),
    ];
    let letters: String =
        holds.into_iter().filter(|&(_, holds)| holds).map(|(letter, _)| letter).collect();
    if letters.is_empty() { "N".into() } else { letters }
}
