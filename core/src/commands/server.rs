//! The server as such: its time, its role, its picture, its end.

use crate::base::Error;
use crate::engine::config::REDIS_VERSION;
use crate::engine::saving::Force;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::session::BlockedOn;
use crate::spec::{
    Acl, Category, Flag::*, Group, block, integer, many, one_of, opt, string, token,
};

pub(crate) const COMMANDS: &[&Command] = &[&LASTSAVE, &LOLWUT, &MODULE, &ROLE, &SHUTDOWN, &TIME];

const TIME: Command = Command {
    name: "TIME",
    summary: "Replies with the server's time: seconds since 1970, and microseconds.",
    since: "2.6.0",
    group: Group::Server,
    flags: &[Loading, Stale, Fast],
    tips: &["nondeterministic_output"],
    run: time,
    ..Command::BASE
};

fn time(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.array(2);
    cx.out.bulk_int(cx.now.unix_s());
    cx.out.bulk_int(cx.now.unix_us.rem_euclid(1_000_000));
    Ok(())
}

const LASTSAVE: Command = Command {
    name: "LASTSAVE",
    summary: "Replies with the time of the last snapshot, in seconds since 1970.",
    since: "1.0.0",
    group: Group::Server,
    flags: &[Loading, Stale, Fast],
    acl: Acl::Group(&[Category::Admin, Category::Dangerous]),
    tips: &["nondeterministic_output"],
    run: lastsave,
    ..Command::BASE
};

fn lastsave(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let last = cx.saving.last.unix_s();
    cx.out.int(last);
    Ok(())
}

const ROLE: Command = Command {
    name: "ROLE",
    summary: "Replies with the server's part in replication: always that of a master, so far.",
    since: "2.8.12",
    group: Group::Server,
    flags: &[Noscript, Loading, Stale, Fast],
    acl: Acl::Group(&[Category::Admin, Category::Dangerous]),
    example: "> ROLE\n1) \"master\"\n2) (integer) 0\n3) (empty array)\n",
    run: role,
    ..Command::BASE
};

fn role(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.array(3);
    cx.out.bulk(b"master");
    cx.out.int(0);
    cx.out.array(0);
    Ok(())
}

const LOLWUT: Command = Command {
    name: "LOLWUT",
    summary: "Shows a picture and the version.",
    since: "5.0.0",
    group: Group::Server,
    flags: &[Readonly, Fast],
    args: &[opt(integer("version").after("VERSION"))],
    run: lolwut,
    ..Command::BASE
};

/// A small redstart on a branch, its tail moving.
const BIRD: [&str; 7] = [
    r"              __",
    r"            .'o `>",
    r"           /   __/",
    r"        _./    )",
    r"    _.-'  \___/",
    r"~==='       | |",
    r" -----------^-^------~~",
];

fn lolwut(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    // Any version shows the same bird; a version that is no number is an error, as in Redis.
    if args.eat("VERSION") && !args.is_empty() {
        args.integer()?;
    }
    let sways = ["~", "'", ",", "-"];
    let sway = sways[cx.engine.rng.below(sways.len() as u64) as usize];
    let mut picture = BIRD.join("\n").replacen('~', sway, 1);
    picture.push_str("\n\nA redstart, which never keeps its tail still.\nRedstart ver. ");
    picture.push_str(env!("CARGO_PKG_VERSION"));
    picture.push_str(", speaking as Redis ver. ");
    picture.push_str(REDIS_VERSION);
    picture.push('\n');
    cx.out.verbatim("txt", picture.as_bytes());
    Ok(())
}

const SHUTDOWN: Command = Command {
    name: "SHUTDOWN",
    summary: "Ends the server, with a snapshot first if there are save points.",
    since: "1.0.0",
    group: Group::Server,
    complexity: "O(N) with a snapshot, N being the number of keys; O(1) without",
    flags: &[Admin, Noscript, Loading, Stale, NoMulti, AllowBusy],
    args: &[
        opt(one_of("save-selector", &[token("nosave", "NOSAVE"), token("save", "SAVE")])),
        opt(token("now", "NOW").since("7.0.0")),
        opt(token("force", "FORCE").since("7.0.0")),
        opt(token("abort", "ABORT").since("7.0.0")),
    ],
    run: shutdown,
    ..Command::BASE
};

fn shutdown(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let count = args.len();
    let (mut save, mut force, mut abort) = (None, Force::No, false);
    while !args.is_empty() {
        if args.eat("NOSAVE") && save != Some(true) {
            save = Some(false);
        } else if args.eat("SAVE") && save != Some(false) {
            save = Some(true);
        } else if args.eat("FORCE") {
            force = Force::Yes;
        } else if args.eat("ABORT") {
            abort = true;
        } else if !args.eat("NOW") {
            return Err(Error::Syntax);
        }
    }
    if abort && count > 1 {
        return Err(Error::Syntax);
    }
    if abort {
        if !cx.abort_shutdown() {
            return Err(Error::text("ERR No shutdown in progress."));
        }
        cx.out.ok();
        return Ok(());
    }
    let save = save.unwrap_or(!cx.config.save.is_empty());
    let (now, id) = (cx.now, cx.session.id);
    cx.shut_down(now, Some(id), save, force)?;
    // There is no reply but to a failure: the connection ends with the server.
    cx.block(BlockedOn::World, 0, args.all().to_owned());
    Ok(())
}

const MODULE: Command = Command {
    name: "MODULE",
    summary: "Modules, of which there are none: the engine is one program.",
    since: "4.0.0",
    group: Group::Server,
    complexity: "That of the subcommand",
    subcommands: &[&MODULE_LIST, &MODULE_LOAD, &MODULE_LOADEX, &MODULE_UNLOAD],
    ..Command::BASE
};

const MODULE_LIST: Command = Command {
    name: "LIST",
    summary: "Lists the modules: none.",
    since: "4.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript],
    tips: &["nondeterministic_output_order"],
    example: "> MODULE LIST\n(empty array)\n",
    run: module_list,
    ..Command::BASE
};

fn module_list(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.array(0);
    Ok(())
}

const MODULE_LOAD: Command = Command {
    name: "LOAD",
    summary: "Refuses to load a module.",
    since: "4.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, NoAsyncLoading, Protected],
    args: &[string("path"), opt(many(string("arg")))],
    run: module_load,
    ..Command::BASE
};

fn module_load(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Err(Error::text("ERR Error loading the extension. Please check the server logs."))
}

const MODULE_LOADEX: Command = Command {
    name: "LOADEX",
    summary: "Refuses to load a module with parameters.",
    since: "7.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, NoAsyncLoading, Protected],
    args: &[
        string("path"),
        opt(many(block("configs", &[string("name"), string("value")]).after("CONFIG").each())),
        opt(many(string("args").after("ARGS"))),
    ],
    run: module_load,
    ..Command::BASE
};

const MODULE_UNLOAD: Command = Command {
    name: "UNLOAD",
    summary: "Says that there is no such module.",
    since: "4.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, NoAsyncLoading, Protected],
    args: &[string("name")],
    run: module_unload,
    ..Command::BASE
};

fn module_unload(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Err(Error::text("ERR Error unloading module: no such module with that name"))
}
