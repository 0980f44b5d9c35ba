//! Snapshots on request: SAVE and BGSAVE.

use crate::engine::{Args, Command, Ctx, Outcome};
use crate::session::BlockedOn;
use crate::spec::{Flag::*, Group, opt, token};

pub(crate) const COMMANDS: &[&Command] = &[&BGSAVE, &SAVE];

const BGSAVE: Command = Command {
    name: "BGSAVE",
    summary: "Makes a snapshot of all data and replies before it is on the disk.",
    since: "1.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, NoAsyncLoading],
    args: &[opt(token("schedule", "SCHEDULE").since("3.2.2"))],
    example: "> BGSAVE\nBackground saving started\n",
    run: bgsave,
    ..Command::BASE
};

fn bgsave(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let waits = args.eat("SCHEDULE");
    args.end()?;
    let now = cx.now;
    if !waits {
        cx.save_in_background(now)?;
    } else if cx.schedule_background_save(now)? {
        cx.out.simple("Background saving scheduled");
        return Ok(());
    }
    cx.out.simple("Background saving started");
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
    cx.block(BlockedOn::Disk, 0, args.all().to_owned());
    Ok(())
}
