//! WAIT and WAITAOF: writes that others have, or the disk has.
//!
//! There are no replicas, so none ever acknowledges: a command that asks for one waits for its
//! time-out.

use crate::base::Error;
use crate::base::time::Time;
use crate::engine::aof::State;
use crate::engine::block::{WAITAOF_REFUSED, write_waitaof};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::session::BlockedOn;
use crate::spec::{Acl, Category, Flag::*, Group, integer};

pub(crate) const COMMANDS: &[&Command] = &[&WAIT, &WAITAOF];

const WAIT: Command = Command {
    name: "WAIT",
    summary: "Waits until so many replicas have what this connection has written.",
    since: "3.0.0",
    group: Group::Generic,
    flags: &[Blocking],
    acl: Acl::Only(&[Category::Connection]),
    args: &[integer("numreplicas"), integer("timeout")],
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    example: "> WAIT 0 1000\n(integer) 0\n",
    run: wait,
    ..Command::BASE
};

fn wait(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let replicas = args.integer()?;
    let timeout_ms = timeout(&mut args, cx.now)?;
    if replicas <= 0 || cx.deny_blocking {
        cx.out.int(0);
        return Ok(());
    }
    cx.block(BlockedOn::Replicas, timeout_ms, args.all().to_owned());
    Ok(())
}

const WAITAOF: Command = Command {
    name: "WAITAOF",
    summary: "Waits until what this connection has written is safe in append-only files.",
    since: "7.2.0",
    group: Group::Generic,
    flags: &[Blocking],
    acl: Acl::Only(&[Category::Connection]),
    args: &[integer("numlocal"), integer("numreplicas"), integer("timeout")],
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    example: "> WAITAOF 0 0 1000\n1) (integer) 0\n2) (integer) 0\n",
    run: waitaof,
    ..Command::BASE
};

fn waitaof(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let local = args.integer()?;
    if !(0..=1).contains(&local) {
        return Err(Error::text("ERR value is out of range, value must between 0 and 1"));
    }
    let replicas = args.integer_or(Error::NotPositive)?;
    if replicas < 0 {
        return Err(Error::NotPositive);
    }
    let timeout_ms = timeout(&mut args, cx.now)?;
    if local > 0 && cx.aof.state == State::Off {
        return Err(Error::text(WAITAOF_REFUSED));
    }
    let is_safe = cx.engine.is_recorded_safely(cx.session);
    if replicas == 0 && (local == 0 || is_safe) || cx.deny_blocking {
        write_waitaof(cx.out, is_safe);
        return Ok(());
    }
    let on = BlockedOn::AppendOnly { until: cx.session.recorded, needs_replicas: replicas > 0 };
    cx.block(on, timeout_ms, args.all().to_owned());
    Ok(())
}

/// A time-out in milliseconds; 0 is none.
fn timeout(args: &mut Args<'_>, now: Time) -> Result<u64, Error> {
    let ms = args.integer_or(Error::text("ERR timeout is not an integer or out of range"))?;
    if ms < 0 {
        return Err(Error::TimeoutNegative);
    }
    if ms > i64::MAX - now.unix_ms() {
        return Err(Error::text("ERR timeout is out of range"));
    }
    Ok(ms.unsigned_abs())
}
