//! CLIENT: what a connection sets for itself, and what an administrator does with others.
//!
//! LIST, INFO and KILL, which choose among connections, are in [`client_list`](super::client_list),
//! tracking is in [`client_tracking`](super::client_tracking).

use super::connection::{is_printable, valid_name};
use super::{client_list as list, client_tracking as tracking};
use crate::base::{Error, num};
use crate::engine::exec::wrong_subcommand_arity;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::session::ReplyMode;
use crate::spec::{Arg, Flag::*, Group, integer, one_of, opt, string, token};

pub(crate) const COMMANDS: &[&Command] = &[&CLIENT];

const CLIENT: Command = Command {
    name: "CLIENT",
    summary: "Looks at connections and changes them.",
    since: "2.4.0",
    group: Group::Connection,
    complexity: "Depends on subcommand.",
    subcommands: &[
        &tracking::CACHING,
        &GETNAME,
        &tracking::GETREDIR,
        &ID,
        &list::INFO,
        &list::KILL,
        &list::LIST,
        &NO_EVICT,
        &NO_TOUCH,
        &PAUSE,
        &REPLY,
        &SETINFO,
        &SETNAME,
        &tracking::TRACKING,
        &tracking::TRACKINGINFO,
        &UNBLOCK,
        &UNPAUSE,
    ],
    ..Command::BASE
};

/// What the subcommands have in common that anyone may use.
pub(super) const BASE: Command = Command {
    since: "2.4.0",
    group: Group::Connection,
    flags: &[Noscript, Loading, Stale],
    ..Command::BASE
};

/// What the subcommands have in common that are for administrators.
pub(super) const ADMIN: Command = Command { flags: &[Admin, Noscript, Loading, Stale], ..BASE };

const ON_OFF: Arg = one_of("enabled", &[token("on", "ON"), token("off", "OFF")]);

/// Takes the last argument, ON or OFF.
fn take_on_off(args: &mut Args<'_>) -> Result<bool, Error> {
    let is_on = args.eat("ON");
    if !is_on && !args.eat("OFF") {
        return Err(Error::Syntax);
    }
    Ok(is_on)
}

const GETNAME: Command = Command {
    name: "GETNAME",
    summary: "Tells the name of the connection, if it has one.",
    since: "2.6.9",
    run: getname,
    ..BASE
};

fn getname(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    match &*cx.session.name {
        [] => cx.out.null(),
        name => cx.out.bulk(name),
    }
    Ok(())
}

const ID: Command = Command {
    name: "ID",
    summary: "Tells the client's id, which is never given twice.",
    since: "5.0.0",
    run: id,
    ..BASE
};

fn id(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.int(cx.session.id as i64);
    Ok(())
}

const NO_EVICT: Command = Command {
    name: "NO-EVICT",
    summary: "Says whether the connection may be closed when clients take too much memory.",
    since: "7.0.0",
    args: &[ON_OFF],
    run: no_evict,
    ..ADMIN
};

fn no_evict(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    cx.session.no_evict = take_on_off(&mut args)?;
    cx.out.ok();
    Ok(())
}

const NO_TOUCH: Command = Command {
    name: "NO-TOUCH",
    summary: "Says whether the client's commands count as a use of their keys.",
    since: "7.2.0",
    args: &[ON_OFF],
    run: no_touch,
    ..BASE
};

fn no_touch(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    cx.session.no_touch = take_on_off(&mut args)?;
    cx.out.ok();
    Ok(())
}

const PAUSE: Command = Command {
    name: "PAUSE",
    summary: "Holds back the commands of all clients, or only those that write, for a while.",
    since: "3.0.0",
    args: &[
        integer("timeout"),
        opt(one_of("mode", &[token("write", "WRITE"), token("all", "ALL")]).since("6.2.0")),
    ],
    run: pause,
    ..ADMIN
};

fn pause(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let timeout = args.take()?;
    if args.len() > 1 {
        return Err(wrong_subcommand_arity(cx.entry, args.all()));
    }
    let writes_only = args.eat("WRITE");
    if !writes_only && !args.eat("ALL") && !args.is_empty() {
        return Err(Error::text("ERR CLIENT PAUSE mode must be WRITE or ALL"));
    }
    let timeout_ms = num::parse_i64(timeout)
        .ok_or(Error::text("ERR timeout is not an integer or out of range"))?;
    let timeout_ms =
        u64::try_from(timeout_ms).map_err(|_| Error::text("ERR timeout is negative"))?;
    if cx.now.unix_ms().checked_add_unsigned(timeout_ms).is_none() {
        return Err(Error::text("ERR timeout is out of range"));
    }
    let until = cx.now.mono.plus_ms(timeout_ms);
    // A pause can be widened or narrowed, but not cut short but by UNPAUSE.
    cx.engine.pause.until = cx.engine.pause.until.max(Some(until));
    cx.engine.pause.writes_only = writes_only;
    cx.out.ok();
    Ok(())
}

const REPLY: Command = Command {
    name: "REPLY",
    summary: "Says which commands the client wants replies to.",
    since: "3.2.0",
    args: &[one_of("action", &[token("on", "ON"), token("off", "OFF"), token("skip", "SKIP")])],
    run: reply,
    ..BASE
};

fn reply(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let mode = &mut cx.session.reply_mode;
    if args.eat("ON") {
        *mode = ReplyMode::On;
        cx.out.set_muted(false);
        cx.out.ok();
    } else if args.eat("OFF") {
        *mode = ReplyMode::Off;
        cx.out.set_muted(true);
    } else if args.eat("SKIP") {
        if *mode != ReplyMode::Off {
            *mode = ReplyMode::SkipNext;
        }
    } else {
        return Err(Error::Syntax);
    }
    Ok(())
}

const SETINFO: Command = Command {
    name: "SETINFO",
    summary: "Says which library the client uses.",
    since: "7.2.0",
    args: &[one_of(
        "attr",
        &[string("libname").after("LIB-NAME"), string("libver").after("LIB-VER")],
    )],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    run: setinfo,
    ..BASE
};

fn setinfo(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (attribute, value) = (args.take()?, args.take()?);
    let field = match attribute.to_ascii_lowercase().as_slice() {
        b"lib-name" => &mut cx.session.lib_name,
        b"lib-ver" => &mut cx.session.lib_ver,
        _ => {
            let parts = [b"ERR Unrecognized option '".as_slice(), attribute, b"'"];
            return Err(Error::Bytes(parts.concat()));
        }
    };
    if !is_printable(value) {
        let why = b" cannot contain spaces, newlines or special characters.";
        return Err(Error::Bytes([b"ERR ".as_slice(), attribute, why].concat()));
    }
    *field = value.to_vec();
    cx.out.ok();
    Ok(())
}

const SETNAME: Command = Command {
    name: "SETNAME",
    summary: "Names the connection, or takes its name away.",
    since: "2.6.9",
    args: &[string("connection-name")],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    example: "> CLIENT SETNAME worker\nOK\n> CLIENT GETNAME\n\"worker\"\n",
    run: setname,
    ..BASE
};

fn setname(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    cx.session.name = valid_name(args.take()?)?.to_vec();
    cx.out.ok();
    Ok(())
}

const UNBLOCK: Command = Command {
    name: "UNBLOCK",
    summary: "Ends the waiting of another client, as if its time were over or with an error.",
    since: "5.0.0",
    complexity: "O(log N) for N connections",
    args: &[
        integer("client-id"),
        opt(one_of("unblock-type", &[token("timeout", "TIMEOUT"), token("error", "ERROR")])),
    ],
    run: unblock,
    ..ADMIN
};

fn unblock(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let id = args.take()?;
    if args.len() > 1 {
        return Err(wrong_subcommand_arity(cx.entry, args.all()));
    }
    let is_error = args.eat("ERROR");
    if !is_error && !args.eat("TIMEOUT") && !args.is_empty() {
        return Err(Error::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
    }
    let id = num::parse_i64(id).ok_or(Error::NotInteger)?;
    let is_unblocked = u64::try_from(id).is_ok_and(|id| cx.engine.unblock_early(id, is_error));
    cx.out.int(i64::from(is_unblocked));
    Ok(())
}

const UNPAUSE: Command = Command {
    name: "UNPAUSE",
    summary: "Ends CLIENT PAUSE.",
    since: "6.2.0",
    complexity: "O(N) for N paused clients",
    run: unpause,
    ..ADMIN
};

fn unpause(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    // The clients go on when this command is done.
    cx.engine.pause.until = cx.engine.pause.until.map(|_| cx.now.mono);
    cx.out.ok();
    Ok(())
}
