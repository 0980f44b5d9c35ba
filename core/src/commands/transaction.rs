//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! Commands sent after MULTI are checked and queued by [`exec`](crate::engine::exec); here they are
//! run. Nothing else runs between them, because nothing else runs during any command.

use crate::base::Error;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::session::Multi;
use crate::spec::{Access::*, Flag::*, Group, key, many};

pub(crate) const COMMANDS: &[&Command] = &[&DISCARD, &EXEC, &MULTI, &UNWATCH, &WATCH];

const DISCARD: Command = Command {
    name: "DISCARD",
    summary: "Throws the queued commands of a transaction away.",
    since: "2.0.0",
    group: Group::Transactions,
    complexity: "O(N) for N queued commands",
    flags: &[Noscript, Loading, Stale, Fast, AllowBusy],
    example: "> MULTI\nOK\n> SET light on\nQUEUED\n> DISCARD\nOK\n> GET light\n(nil)\n",
    run: discard,
    ..Command::BASE
};

fn discard(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if cx.session.multi.is_none() {
        return Err(Error::text("ERR DISCARD without MULTI"));
    }
    cx.end_transaction();
    cx.out.ok();
    Ok(())
}

const EXEC: Command = Command {
    name: "EXEC",
    summary: "Runs the queued commands of a transaction, unless a watched key has changed.",
    since: "1.2.0",
    group: Group::Transactions,
    complexity: "That of the queued commands",
    flags: &[Noscript, Loading, Stale, SkipSlowlog],
    example: "> MULTI\nOK\n> INCR visits\nQUEUED\n> INCR visits\nQUEUED\n> EXEC\n\
              1) (integer) 1\n2) (integer) 2\n",
    run: exec,
    ..Command::BASE
};

fn exec(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let Some(multi) = cx.session.multi.take() else {
        return Err(Error::text("ERR EXEC without MULTI"));
    };
    if !cx.is_retry {
        let is_dirty = cx.is_dirty();
        cx.unwatch_all();
        if multi.aborted {
            return Err(Error::text("EXECABORT Transaction discarded because of previous errors."));
        }
        if is_dirty {
            cx.out.null_array();
            return Ok(());
        }
        cx.out.array(multi.queue.len());
        cx.session.executing = Some(multi.queue.len());
    }
    let mut queue = multi.queue.into_iter();
    while let Some((index, argv)) = queue.next() {
        let entry = &cx.table.entries()[index];
        cx.nested(entry).perform(argv.view());
        if cx.session.blocked.is_some() {
            // MIGRATE and others: everyone waits for the word of the world, and then the rest runs.
            cx.session.multi = Some(Multi { queue: queue.collect(), ..Multi::default() });
            return Ok(());
        }
    }
    cx.session.executing = None;
    Ok(())
}

const MULTI: Command = Command {
    name: "MULTI",
    summary: "Begins a transaction: the commands that follow are queued until EXEC.",
    since: "1.2.0",
    group: Group::Transactions,
    flags: &[Noscript, Loading, Stale, Fast, AllowBusy],
    example: "> MULTI\nOK\n> PING\nQUEUED\n> EXEC\n1) PONG\n",
    run: multi,
    ..Command::BASE
};

fn multi(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if cx.session.multi.is_some() {
        return Err(Error::text("ERR MULTI calls can not be nested"));
    }
    cx.session.multi = Some(Multi::default());
    cx.out.ok();
    Ok(())
}

const UNWATCH: Command = Command {
    name: "UNWATCH",
    summary: "Forgets all watched keys.",
    since: "2.2.0",
    group: Group::Transactions,
    flags: &[Noscript, Loading, Stale, Fast, AllowBusy],
    example: "> WATCH stock\nOK\n> UNWATCH\nOK\n",
    run: unwatch,
    ..Command::BASE
};

fn unwatch(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.unwatch_all();
    cx.out.ok();
    Ok(())
}

const WATCH: Command = Command {
    name: "WATCH",
    summary: "Watches keys, so that the next EXEC does nothing if one of them has changed.",
    since: "2.2.0",
    group: Group::Transactions,
    complexity: "O(1) for each key.",
    flags: &[Noscript, Loading, Stale, Fast, AllowBusy],
    args: &[many(key("key", &[Ro]))],
    example: "> WATCH stock\nOK\n> SET stock 5\nOK\n> MULTI\nOK\n> DECR stock\nQUEUED\n> EXEC\n\
              (nil)\n",
    run: watch,
    ..Command::BASE
};

fn watch(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if cx.session.multi.is_some() {
        return Err(Error::text("ERR WATCH inside MULTI is not allowed"));
    }
    for key in args.rest().iter() {
        cx.watch(key);
    }
    cx.out.ok();
    Ok(())
}
