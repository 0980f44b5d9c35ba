//! The connection itself: PING, ECHO, SELECT and the like.

use crate::base::{Error, num};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::Proto;
use crate::spec::{Acl, Category, Flag::*, Group, integer, opt, string};

pub(crate) const COMMANDS: &[&Command] = &[&ECHO, &PING, &SELECT];

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
    let index = num::parse_i64(args.take()?).ok_or(Error::NotInteger)?;
    cx.session.db = usize::try_from(index)
        .ok()
        .filter(|&index| index < cx.engine.config.databases)
        .ok_or(Error::DbIndexOutOfRange)?;
    cx.out.ok();
    Ok(())
}
