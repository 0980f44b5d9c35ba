//! When keys expire: the EXPIRE family, TTL and its relatives, PERSIST.
//!
//! The store knows one form, milliseconds since 1970; the eight commands differ only in unit and
//! in what they count from ([`Unit`], [`Since`]).

use crate::base::{Error, num};
use crate::engine::propagate::deletion;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{Access::*, Arg, Flag::*, Group, integer, key, one_of, opt, token, unix_time};

pub(crate) const COMMANDS: &[&Command] =
    &[&EXPIRE, &EXPIREAT, &EXPIRETIME, &PERSIST, &PEXPIRE, &PEXPIREAT, &PEXPIRETIME, &PTTL, &TTL];

/// The unit of a command's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
}

/// What a command's number counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    Now,
    Epoch,
}

/// When EXPIRE and its relatives leave the expiry as it is.
pub(super) const CONDITION: Arg = opt(one_of(
    "condition",
    &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
));

/// When what is written or read expires, for commands that can also take its expiry away …
pub(super) const EXPIRATION_OR_PERSIST: Arg =
    expiration(&[EX, PX, EXAT, PXAT, token("persist", "PERSIST")]);

/// … and for those that can also leave it as it is.
pub(super) const EXPIRATION_OR_KEEPTTL: Arg =
    expiration(&[EX, PX, EXAT, PXAT, token("keepttl", "KEEPTTL")]);

const EX: Arg = integer("seconds").after("EX");
const PX: Arg = integer("milliseconds").after("PX");
const EXAT: Arg = unix_time("unix-time-seconds").after("EXAT");
const PXAT: Arg = unix_time("unix-time-milliseconds").after("PXAT");

const fn expiration(times: &'static [Arg]) -> Arg {
    opt(one_of("expiration", times))
}

const EXPIRE: Command = Command {
    name: "EXPIRE",
    summary: "Lets a key expire after so many seconds.",
    since: "1.0.0",
    group: Group::Generic,
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), integer("seconds"), CONDITION.since("7.0.0")],
    example: "> SET note hello\nOK\n> EXPIRE note 10\n(integer) 1\n> TTL note\n(integer) 10\n\
              > EXPIRE note 20 NX\n(integer) 0\n> EXPIRE note 20 GT\n(integer) 1\n",
    run: |cx, args| expire_at(cx, args, Unit::Seconds, Since::Now),
    ..Command::BASE
};

const EXPIREAT: Command = Command {
    name: "EXPIREAT",
    summary: "Lets a key expire at a point in time, given in seconds since 1970.",
    since: "1.2.0",
    group: Group::Generic,
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), unix_time("unix-time-seconds"), CONDITION.since("7.0.0")],
    example: "> SET note hello\nOK\n> EXPIREAT note 33177117420\n(integer) 1\n\
              > EXPIRETIME note\n(integer) 33177117420\n",
    run: |cx, args| expire_at(cx, args, Unit::Seconds, Since::Epoch),
    ..Command::BASE
};

const EXPIRETIME: Command = Command {
    name: "EXPIRETIME",
    summary: "Tells when a key expires, in seconds since 1970.",
    since: "7.0.0",
    group: Group::Generic,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access])],
    example: "> SET note hello\nOK\n> EXPIRETIME note\n(integer) -1\n\
              > EXPIREAT note 33177117420\n(integer) 1\n> EXPIRETIME note\n\
              (integer) 33177117420\n> EXPIRETIME nothing\n(integer) -2\n",
    run: |cx, args| tell_expiry(cx, args, Unit::Seconds, Since::Epoch),
    ..Command::BASE
};

const PERSIST: Command = Command {
    name: "PERSIST",
    summary: "Takes a key's expiry away, so that it stays.",
    since: "2.2.0",
    group: Group::Generic,
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update])],
    example: "> SET note hello EX 10\nOK\n> PERSIST note\n(integer) 1\n> TTL note\n\
              (integer) -1\n> PERSIST note\n(integer) 0\n",
    run: persist,
    ..Command::BASE
};

fn persist(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let expires = cx.look(key).is_some_and(|found| found.expires_ms.is_some());
    if expires {
        cx.set_expiry(key, None);
        cx.changed(key, Class::Generic, "persist");
    }
    cx.out.int(i64::from(expires));
    Ok(())
}

const PEXPIRE: Command = Command {
    name: "PEXPIRE",
    summary: "Lets a key expire after so many milliseconds.",
    since: "2.6.0",
    group: Group::Generic,
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), integer("milliseconds"), CONDITION.since("7.0.0")],
    example: "> SET note hello\nOK\n> PEXPIRE note 1500\n(integer) 1\n> TTL note\n(integer) 2\n\
              ~ 2000ms\n> GET note\n(nil)\n",
    run: |cx, args| expire_at(cx, args, Unit::Milliseconds, Since::Now),
    ..Command::BASE
};

const PEXPIREAT: Command = Command {
    name: "PEXPIREAT",
    summary: "Lets a key expire at a point in time, given in milliseconds since 1970.",
    since: "2.6.0",
    group: Group::Generic,
    flags: &[Write, Fast],
    args: &[
        key("key", &[Rw, Update]),
        unix_time("unix-time-milliseconds"),
        CONDITION.since("7.0.0"),
    ],
    example: "> SET note hello\nOK\n> PEXPIREAT note 33177117420000\n(integer) 1\n\
              > PEXPIRETIME note\n(integer) 33177117420000\n",
    run: |cx, args| expire_at(cx, args, Unit::Milliseconds, Since::Epoch),
    ..Command::BASE
};

/// EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT.
fn expire_at(cx: &mut Ctx<'_>, mut args: Args<'_>, unit: Unit, since: Since) -> Outcome {
    let key = args.take()?;
    let number = args.take()?;
    // Redis looks at the options first, then at the number, then whether there is such a key.
    let condition = Condition::parse(args)?;
    let number = num::parse_i64(number).ok_or(Error::NotInteger)?;
    let now_ms = cx.now.unix_ms();
    let at_ms = deadline(number, unit, since, now_ms).ok_or_else(|| {
        Error::from(format!("ERR invalid expire time in '{}' command", cx.entry.full_name))
    })?;
    let Some(found) = cx.look(key) else {
        cx.out.int(0);
        return Ok(());
    };
    if !condition.holds(found.expires_ms, at_ms) {
        cx.out.int(0);
        return Ok(());
    }
    if at_ms <= cx.expiry_ms() {
        expire_now(cx, key);
    } else {
        cx.set_expiry(key, Some(at_ms));
        cx.changed(key, Class::Generic, "expire");
        // PEXPIREAT is as good as it came.
        if cx.propagates() && (unit, since) != (Unit::Milliseconds, Since::Epoch) {
            let at = num::Digits::of(at_ms);
            let mut words = vec![b"PEXPIREAT".as_slice(), key, &at];
            words.extend(args.all().from(3).iter());
            cx.propagate_as(&words);
        }
    }
    cx.out.int(1);
    Ok(())
}

/// Removes `key`, which is there and is to expire at a time that has passed.
pub(super) fn expire_now(cx: &mut Ctx<'_>, key: &[u8]) {
    cx.delete(key);
    cx.changed(key, Class::Generic, "del");
    cx.propagate_as(&[deletion(cx.config.lazyfree_lazy_expire), key]);
}

/// The point in time that `number` means, in milliseconds since 1970, if there is such a time.
fn deadline(number: i64, unit: Unit, since: Since, now_ms: i64) -> Option<i64> {
    let ms = match unit {
        Unit::Seconds => number.checked_mul(1000)?,
        Unit::Milliseconds => number,
    };
    match since {
        Since::Now => ms.checked_add(now_ms),
        Since::Epoch => Some(ms),
    }
}

/// NX, XX, GT and LT: what must hold of the old expiry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Condition {
    pub(super) nx: bool,
    pub(super) xx: bool,
    pub(super) gt: bool,
    pub(super) lt: bool,
}

impl Condition {
    fn parse(mut args: Args<'_>) -> Result<Self, Error> {
        let mut condition = Self::default();
        while let Some(option) = args.peek() {
            if args.eat("NX") {
                condition.nx = true;
            } else if args.eat("XX") {
                condition.xx = true;
            } else if args.eat("GT") {
                condition.gt = true;
            } else if args.eat("LT") {
                condition.lt = true;
            } else {
                return Err(Error::showing("ERR Unsupported option ", option, ""));
            }
        }
        let Self { nx, xx, gt, lt } = condition;
        if nx && (xx || gt || lt) {
            return Err(Error::text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if gt && lt {
            return Err(Error::text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(condition)
    }

    /// Whether a key that expires at `old` may be given the expiry `new`. A key that never expires
    /// counts as one that expires later than any other.
    pub(super) fn holds(self, old: Option<i64>, new: i64) -> bool {
        (!self.nx || old.is_none())
            && (!self.xx || old.is_some())
            && (!self.gt || old.is_some_and(|old| new > old))
            && (!self.lt || old.is_none_or(|old| new < old))
    }
}

const PEXPIRETIME: Command = Command {
    name: "PEXPIRETIME",
    summary: "Tells when a key expires, in milliseconds since 1970.",
    since: "7.0.0",
    group: Group::Generic,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access])],
    example: "> SET note hello PXAT 33177117420000\nOK\n> PEXPIRETIME note\n\
              (integer) 33177117420000\n",
    run: |cx, args| tell_expiry(cx, args, Unit::Milliseconds, Since::Epoch),
    ..Command::BASE
};

const PTTL: Command = Command {
    name: "PTTL",
    summary: "Tells how long a key stays, in milliseconds.",
    since: "2.6.0",
    group: Group::Generic,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access])],
    tips: &["nondeterministic_output"],
    example: "> SET note hello\nOK\n> PTTL note\n(integer) -1\n> PTTL nothing\n(integer) -2\n",
    run: |cx, args| tell_expiry(cx, args, Unit::Milliseconds, Since::Now),
    ..Command::BASE
};

const TTL: Command = Command {
    name: "TTL",
    summary: "Tells how long a key stays, in seconds.",
    since: "1.0.0",
    group: Group::Generic,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access])],
    tips: &["nondeterministic_output"],
    example: "> SET note hello EX 10\nOK\n> TTL note\n(integer) 10\n> PERSIST note\n\
              (integer) 1\n> TTL note\n(integer) -1\n> TTL nothing\n(integer) -2\n",
    run: |cx, args| tell_expiry(cx, args, Unit::Seconds, Since::Now),
    ..Command::BASE
};

/// TTL, PTTL, EXPIRETIME and PEXPIRETIME: -2 without a key, -1 without an expiry.
fn tell_expiry(cx: &mut Ctx<'_>, mut args: Args<'_>, unit: Unit, since: Since) -> Outcome {
    let expiry = cx.ask(args.take()?).map(|found| found.expires_ms);
    let number = match expiry {
        None => -2,
        Some(None) => -1,
        Some(Some(at_ms)) => {
            let ms = match since {
                Since::Now => at_ms.saturating_sub(cx.now.unix_ms()).max(0),
                Since::Epoch => at_ms,
            };
            match unit {
                // Rounded to the nearest second.
                Unit::Seconds => ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) >= 500),
                Unit::Milliseconds => ms,
            }
        }
    };
    cx.out.int(number);
    Ok(())
}
