//! Snapshots on request: SAVE and BGSAVE; and BGREWRITEAOF.

use crate::base::Error;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::session::BlockedOn;
use crate::spec::{Flag::*, Group, opt, token};

pub(crate) const COMMANDS: &[&Command] = &[&BGREWRITEAOF, &BGSAVE, &SAVE];

const BGREWRITEAOF: Command = Command {
    name: "BGREWRITEAOF",
    summary: "Rewrites the append-only file, and replies before that is done.",
    since: "1.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, NoAsyncLoading],
    example: "> BGREWRITEAOF\nBackground append only file rewriting started\n",
    run: bgrewriteaof,
    ..Command::BASE
};

fn bgrewriteaof(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.simple(if cx.engine.rewrite_aof()? {
        "Background append only file rewriting scheduled"
    } else {
        "Background append only file rewriting started"
    });
    Ok(())
}

const BGSAVE: Command = Command {
    name: "BGSAVE",
    summary: "Makes a snapshot of all data and replies before it is on the disk.",
    since: "1.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, NoAsyncLoading],
    // Redis 8 knows no CANCEL, which is Valkey's.
    args: &[opt(token("schedule", "SCHEDULE").since("3.2.2"))],
    example: "> BGSAVE\nBackground saving started\n",
    run: bgsave,
    ..Command::BASE
};

fn bgsave(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    if args.eat("CANCEL") {
        args.end()?;
        return cancel(cx);
    }
    let schedule = args.eat("SCHEDULE");
    args.end()?;
    let now = cx.now;
    // A snapshot of half a transaction is worth nothing.
    if cx.depth > 1 || schedule && cx.base_under_way().is_some() {
        cx.schedule_background_save()?;
        cx.out.simple("Background saving scheduled");
    } else {
        cx.save_in_background(now)?;
        cx.out.simple("Background saving started");
    }
    Ok(())
}

fn cancel(cx: &mut Ctx<'_>) -> Outcome {
    let now = cx.now;
    if cx.cancel_background_save(now) {
        cx.out.simple("Background saving cancelled");
    } else if cx.cancel_scheduled_save() {
        cx.out.simple("Scheduled background saving cancelled");
    } else {
        let none = "ERR Background saving is currently not in progress or scheduled";
        return Err(Error::text(none));
    }
    Ok(())
}

const SAVE: Command = Command {
    name: "SAVE",
    summary: "Makes a snapshot of all data and replies once it is on the disk.",
    since: "1.0.0",
    group: Group::Server,
    complexity: "O(N), N being the number of keys",
    flags: &[Admin, Noscript, NoAsyncLoading, NoMulti],
    example: "> SAVE\nOK\n",
    run: save,
    ..Command::BASE
};

fn save(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (now, id) = (cx.now, cx.session.id);
    cx.save_for(now, id)?;
    cx.block(BlockedOn::World, 0, args.all().to_owned());
    Ok(())
}
