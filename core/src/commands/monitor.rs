//! MONITOR. What it shows is told in `engine::monitor`.

use crate::base::Error;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{Flag::*, Group};

pub(crate) const COMMANDS: &[&Command] = &[&MONITOR];

const MONITOR: Command = Command {
    name: "MONITOR",
    summary: "Shows every command that anyone runs, as it happens.",
    since: "1.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    run: monitor,
    ..Command::BASE
};

fn monitor(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if cx.deny_blocking {
        return Err(Error::text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    // Asked a second time, Redis does not even reply.
    if !cx.session.monitor {
        cx.engine.start_monitor(cx.session);
        cx.out.ok();
    }
    Ok(())
}
