//! OBJECT: how a value is stored and how it is used.

use crate::base::Error;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{Access::*, Arg, Flag::*, Group, key};
use crate::store::ValueRef;

pub(crate) const COMMANDS: &[&Command] = &[&OBJECT];

const OBJECT: Command = Command {
    name: "OBJECT",
    summary: "Tells how values are stored and used.",
    since: "2.2.3",
    group: Group::Generic,
    complexity: "Depends on the subcommand",
    subcommands: &[&OBJECT_ENCODING, &OBJECT_FREQ, &OBJECT_IDLETIME, &OBJECT_REFCOUNT],
    ..Command::BASE
};

const KEY: Arg = key("key", &[Ro]);

/// Integers below this share one value each in Redis, which REFCOUNT shows.
const SHARED_INTEGERS: i64 = 10_000;

/// How often REFCOUNT says that a shared value is used.
const SHARED_REFCOUNT: i64 = i32::MAX as i64;

const OBJECT_ENCODING: Command = Command {
    name: "ENCODING",
    summary: "Tells in which form a value is stored.",
    since: "2.2.3",
    group: Group::Generic,
    flags: &[Readonly],
    args: &[KEY],
    tips: &["nondeterministic_output"],
    example: "> SET year 1969\nOK\n> OBJECT ENCODING year\n\"int\"\n> SET name ann\nOK\n\
              > OBJECT ENCODING name\n\"embstr\"\n",
    run: encoding,
    ..Command::BASE
};

fn encoding(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    match cx.inspect(args.take()?).map(|found| found.value.encoding()) {
        Some(encoding) => cx.out.bulk(encoding.as_bytes()),
        None => cx.out.null(),
    }
    Ok(())
}

const OBJECT_FREQ: Command = Command {
    name: "FREQ",
    summary: "Tells how often a key is used, on a logarithmic scale.",
    since: "4.0.0",
    group: Group::Generic,
    flags: &[Readonly],
    args: &[KEY],
    tips: &["nondeterministic_output"],
    example: "> OBJECT FREQ nothing\n(nil)\n",
    run: freq,
    ..Command::BASE
};

fn freq(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let Some(access) = cx.inspect(args.take()?).map(|found| found.access) else {
        cx.out.null();
        return Ok(());
    };
    if !cx.counts_frequency() {
        return Err(Error::text(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
             note that when switching between policies at runtime LRU and LFU data will take some \
             time to adjust.",
        ));
    }
    let frequency = cx.frequency(access);
    cx.out.int(i64::from(frequency));
    Ok(())
}

const OBJECT_IDLETIME: Command = Command {
    name: "IDLETIME",
    summary: "Tells how many seconds ago a key was used last.",
    since: "2.2.3",
    group: Group::Generic,
    flags: &[Readonly],
    args: &[KEY],
    tips: &["nondeterministic_output"],
    example: "> SET note hello\nOK\n~ 3000ms\n> OBJECT IDLETIME note\n(integer) 3\n> GET note\n\
              \"hello\"\n> OBJECT IDLETIME note\n(integer) 0\n",
    run: idletime,
    ..Command::BASE
};

fn idletime(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let Some(access) = cx.inspect(args.take()?).map(|found| found.access) else {
        cx.out.null();
        return Ok(());
    };
    if cx.counts_frequency() {
        return Err(Error::text(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that \
             when switching between policies at runtime LRU and LFU data will take some time to \
             adjust.",
        ));
    }
    let idle_s = cx.idle_s(access);
    cx.out.int(i64::from(idle_s));
    Ok(())
}

const OBJECT_REFCOUNT: Command = Command {
    name: "REFCOUNT",
    summary: "Tells how many references there are to a value; small integers are shared.",
    since: "2.2.3",
    group: Group::Generic,
    flags: &[Readonly],
    args: &[KEY],
    tips: &["nondeterministic_output"],
    example: "> SET note hello\nOK\n> OBJECT REFCOUNT note\n(integer) 1\n",
    run: refcount,
    ..Command::BASE
};

fn refcount(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    match cx.inspect(args.take()?).map(|found| found.value) {
        Some(ValueRef::Int(0..SHARED_INTEGERS)) => cx.out.int(SHARED_REFCOUNT),
        Some(_) => cx.out.int(1),
        None => cx.out.null(),
    }
    Ok(())
}
