//! The connection itself: who it is, which protocol and database it uses, and its end.

use crate::base::{Error, num};
use crate::engine::config::REDIS_VERSION;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::Proto;
use crate::session::ReplyMode;
use crate::spec::{Acl, Category, Flag::*, Group, block, integer, opt, string};

pub(crate) const COMMANDS: &[&Command] = &[&AUTH, &ECHO, &HELLO, &PING, &QUIT, &RESET, &SELECT];

/// The only user there is as yet.
const DEFAULT_USER: &[u8] = b"default";

const AUTH: Command = Command {
    name: "AUTH",
    summary: "Proves who the client is.",
    since: "1.0.0",
    group: Group::Connection,
    complexity: "O(N) for N passwords of the user",
    flags: &[Noscript, Loading, Stale, Fast, NoAuth, AllowBusy],
    args: &[opt(string("username").since("6.0.0")), string("password")],
    run: auth,
    ..Command::BASE
};

fn auth(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let user = match args.len() {
        1 if cx.config.requirepass.is_empty() => {
            return Err(Error::text(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        1 => DEFAULT_USER,
        2 => args.take()?,
        _ => return Err(Error::Syntax),
    };
    authenticate(cx, user, args.take()?)?;
    cx.out.ok();
    Ok(())
}

/// Makes the client `user` if `password` is the user's.
fn authenticate(cx: &mut Ctx<'_>, user: &[u8], password: &[u8]) -> Outcome {
    let expected = &cx.config.requirepass;
    // Without a password, the default user takes any.
    let is_right = expected.is_empty() || is_equal_in_constant_time(expected, password);
    if user != DEFAULT_USER || !is_right {
        return Err(Error::text("WRONGPASS invalid username-password pair or user is disabled."));
    }
    cx.session.must_auth = false;
    Ok(())
}

/// Compares so that the time taken tells nothing of where two passwords differ.
fn is_equal_in_constant_time(expected: &[u8], given: &[u8]) -> bool {
    let differences = expected.iter().zip(given).fold(0, |all, (a, b)| all | (a ^ b));
    expected.len() == given.len() && differences == 0
}

const ECHO: Command = Command {
    name: "ECHO",
    summary: "Replies with the message it was given.",
    since: "1.0.0",
    group: Group::Connection,
    flags: &[Loading, Stale, Fast],
    args: &[string("message")],
    example: "> ECHO hello\n\"hello\"\n",
    run: echo,
    ..Command::BASE
};

fn echo(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    cx.out.bulk(args.take()?);
    Ok(())
}

const HELLO: Command = Command {
    name: "HELLO",
    summary: "Agrees on a protocol version, authenticates, and tells what the server is.",
    since: "6.0.0",
    group: Group::Connection,
    flags: &[Noscript, Loading, Stale, Fast, NoAuth, AllowBusy],
    args: &[opt(block(
        "arguments",
        &[
            integer("protover"),
            opt(block("auth", &[string("username"), string("password")]).after("AUTH")),
            opt(string("clientname").after("SETNAME")),
        ],
    ))],
    run: hello,
    ..Command::BASE
};

fn hello(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let proto = if args.is_empty() { cx.out.proto() } else { protocol(args.take()?)? };
    let (mut credentials, mut name) = (None, None);
    while let Some(option) = args.peek() {
        if args.len() > 2 && args.eat("AUTH") {
            credentials = Some((args.take()?, args.take()?));
        } else if args.len() > 1 && args.eat("SETNAME") {
            name = Some(valid_name(args.take()?)?);
        } else {
            return Err(Error::showing("ERR Syntax error in HELLO option '", option, "'"));
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(cx, user, password)?;
    }
    if cx.engine.must_auth(cx.session) {
        return Err(Error::text(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        cx.session.name = name.to_vec();
    }
    set_proto(cx, proto);
    introduce(cx);
    Ok(())
}

/// The protocol that HELLO asks for.
fn protocol(version: &[u8]) -> Result<Proto, Error> {
    match num::parse_i64(version) {
        Some(2) => Ok(Proto::V2),
        Some(3) => Ok(Proto::V3),
        Some(_) => Err(Error::text("NOPROTO unsupported protocol version")),
        None => Err(Error::text("ERR Protocol version is not an integer or out of range")),
    }
}

/// Writes what the server is.
fn introduce(cx: &mut Ctx<'_>) {
    let id = cx.session.id;
    let out = &mut *cx.out;
    out.map(7);
    out.bulk(b"server");
    out.bulk(b"redis");
    out.bulk(b"version");
    out.bulk(REDIS_VERSION.as_bytes());
    out.bulk(b"proto");
    out.int(if out.proto() == Proto::V3 { 3 } else { 2 });
    out.bulk(b"id");
    out.int(id as i64);
    out.bulk(b"mode");
    out.bulk(b"standalone");
    out.bulk(b"role");
    out.bulk(b"master");
    out.bulk(b"modules");
    out.array(0);
}

/// Replies and messages to the client come in `proto` from now on.
fn set_proto(cx: &mut Ctx<'_>, proto: Proto) {
    cx.out.set_proto(proto);
    cx.engine.clients.set_push_proto(cx.session.id, proto);
}

/// Whether CLIENT LIST can show `text` without breaking its lines and columns.
pub(super) fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

/// `name`, if a connection can have it.
pub(super) fn valid_name(name: &[u8]) -> Result<&[u8], Error> {
    let error = "ERR Client names cannot contain spaces, newlines or special characters.";
    if is_printable(name) { Ok(name) } else { Err(Error::text(error)) }
}

const PING: Command = Command {
    name: "PING",
    summary: "Replies with PONG, or with the message it was given.",
    since: "1.0.0",
    group: Group::Connection,
    flags: &[Fast],
    args: &[opt(string("message"))],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    example: "> PING\nPONG\n> PING hello\n\"hello\"\n",
    run: ping,
    ..Command::BASE
};

fn ping(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let message = args.peek().map(|_| args.take()).transpose()?;
    if !args.is_empty() {
        return Err(crate::engine::exec::wrong_arity(cx.entry));
    }
    // A subscribed RESP2 client can only tell replies from messages by their shape.
    if cx.out.proto() == Proto::V2 && cx.session.subscriptions.any() {
        cx.out.array(2);
        cx.out.bulk(b"pong");
        cx.out.bulk(message.unwrap_or_default());
        return Ok(());
    }
    match message {
        Some(message) => cx.out.bulk(message),
        None => cx.out.simple("PONG"),
    }
    Ok(())
}

const QUIT: Command = Command {
    name: "QUIT",
    summary: "Closes the connection once everything it is owed has been sent.",
    since: "1.0.0",
    group: Group::Connection,
    flags: &[Noscript, Loading, Stale, Fast, NoAuth, AllowBusy],
    arity: Some(-1),
    deprecated: Some(("7.2.0", "just closing the connection")),
    run: quit,
    ..Command::BASE
};

fn quit(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.ok();
    cx.session.closing = true;
    Ok(())
}

const RESET: Command = Command {
    name: "RESET",
    summary: "Makes the connection as if it had just been opened.",
    since: "6.2.0",
    group: Group::Connection,
    flags: &[Noscript, Loading, Stale, Fast, NoAuth, AllowBusy],
    example: "> MULTI\nOK\n> RESET\nRESET\n> EXEC\n(error) ERR EXEC without MULTI\n",
    run: reset,
    ..Command::BASE
};

fn reset(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.end_transaction();
    let session = &mut *cx.session;
    cx.engine.pubsub.leave(session.id, &std::mem::take(&mut session.subscriptions));
    cx.engine.stop_tracking(session);
    cx.engine.stop_monitor(session);
    session.db = 0;
    session.name.clear();
    session.fieldsets.discard_all();
    // It ends CLIENT REPLY OFF for its own reply, but not a SKIP that is meant for it.
    if session.reply_mode == ReplyMode::Off {
        cx.out.set_muted(false);
    }
    session.reply_mode = ReplyMode::On;
    session.no_evict = false;
    session.no_touch = false;
    session.must_auth = !cx.engine.config.requirepass.is_empty();
    set_proto(cx, Proto::V2);
    cx.out.simple("RESET");
    Ok(())
}

const SELECT: Command = Command {
    name: "SELECT",
    summary: "Changes the database that the connection uses.",
    since: "1.0.0",
    group: Group::Connection,
    acl: Acl::Only(&[Category::Connection]),
    flags: &[Loading, Stale, Fast],
    args: &[integer("index")],
    example: "> SELECT 1\nOK\n",
    run: select,
    ..Command::BASE
};

fn select(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    cx.session.db = usize::try_from(args.int32()?)
        .ok()
        .filter(|&index| index < cx.engine.config.databases)
        .ok_or(Error::DbIndexOutOfRange)?;
    cx.out.ok();
    Ok(())
}
