//! DUMP and RESTORE: one value as bytes, and back.
//!
//! The bytes are those of a snapshot ([`rdb`]) with a version and a checksum.
//! A checksum keeps mistakes away, not malice: what RESTORE gets is checked in every detail.

use crate::base::{Error, num};
use crate::engine::propagate::deletion;
use crate::engine::world::Level;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::persist::rdb::{self, Undumped, Usage};
use crate::spec::{Access::*, Acl, Category, Flag::*, Group, integer, key, opt, string, token};

pub(crate) const COMMANDS: &[&Command] = &[&DUMP, &RESTORE];

const DUMP: Command = Command {
    name: "DUMP",
    summary: "Replies with the value of a key as bytes that RESTORE takes.",
    since: "2.6.0",
    group: Group::Generic,
    complexity: "O(N) with N the bytes of the value",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access])],
    tips: &["nondeterministic_output"],
    example: "> SET n 5\nOK\n> DUMP n\n\"\\x00\\xc0\\x05\\x0c\\x00\\xa8Yk\\xa6y\\x05-\\x18\"\n",
    run: dump,
    ..Command::BASE
};

fn dump(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let compress = cx.config.rdbcompression;
    let (found, out) = cx.read_beside_out(args.take()?);
    match found {
        Some(found) => out.bulk(&rdb::dump(found.value, compress)),
        None => out.null(),
    }
    Ok(())
}

const RESTORE: Command = Command {
    name: "RESTORE",
    summary: "Makes a key from what DUMP has replied.",
    since: "2.6.0",
    group: Group::Generic,
    complexity: "O(N) with N the bytes of the value",
    flags: &[Write, DenyOom],
    acl: Acl::Group(&[Category::Dangerous]),
    args: &[
        key("key", &[Ow, Update]),
        integer("ttl"),
        string("serialized-value"),
        opt(token("replace", "REPLACE").since("3.0.0")),
        opt(token("absttl", "ABSTTL").since("5.0.0")),
        opt(integer("seconds").after("IDLETIME").since("5.0.0")),
        opt(integer("frequency").after("FREQ").since("5.0.0")),
    ],
    example: "> RESTORE n 0 \"\\x00\\xc0\\x05\\x0c\\x00\\xa8Yk\\xa6y\\x05-\\x18\"\nOK\n> GET n\n\"5\"\n",
    run: restore,
    ..Command::BASE
};

fn restore(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, ttl, payload) = (args.take()?, args.take()?, args.take()?);
    let options = Options::parse(args)?;
    if cx.look(key).is_some() && !options.replace {
        return Err(Error::text("BUSYKEY Target key name already exists."));
    }
    let ttl = num::parse_i64(ttl).ok_or(Error::NotInteger)?;
    if ttl < 0 {
        return Err(Error::text("ERR Invalid TTL value, must be >= 0"));
    }
    let value = match rdb::undump(payload, cx.forms()) {
        Ok(value) => value,
        Err(Undumped::Footer) => {
            return Err(Error::text("ERR DUMP payload version or checksum are wrong"));
        }
        Err(Undumped::Value(problem)) => {
            cx.log(Level::Warning, &format!("A value to restore cannot be read: {problem}"));
            return Err(Error::text("ERR Bad data format"));
        }
    };
    let now_ms = cx.now.unix_ms();
    let expires_ms = match ttl {
        0 => None,
        ttl if options.absttl => Some(ttl),
        ttl => Some(ttl.saturating_add(now_ms)),
    };
    if expires_ms.is_some_and(|at_ms| at_ms <= cx.expiry_ms()) {
        if cx.delete(key) {
            cx.changed(key, Class::Generic, "del");
            cx.propagate_as(&[deletion(cx.config.lazyfree_lazy_server_del), key]);
        }
    } else {
        // What was there is gone, with its recency.
        cx.delete(key);
        cx.insert(key, value, expires_ms);
        options.set_access(cx, key);
        cx.changed(key, Class::Generic, "restore");
        if let Some(at_ms) = expires_ms.filter(|_| !options.absttl && cx.propagates()) {
            let at = num::Digits::of(at_ms);
            let mut words: Vec<&[u8]> = args.all().iter().collect();
            words[2] = &at;
            words.push(b"ABSTTL");
            cx.propagate_as(&words);
        }
    }
    cx.out.ok();
    Ok(())
}

/// The options of RESTORE.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    replace: bool,
    absttl: bool,
    usage: Usage,
}

impl Options {
    fn parse(mut args: Args<'_>) -> Result<Self, Error> {
        let mut options = Self::default();
        while !args.is_empty() {
            if args.eat("REPLACE") {
                options.replace = true;
            } else if args.eat("ABSTTL") {
                options.absttl = true;
            } else if args.len() > 1 && !options.is_frequent() && args.eat("IDLETIME") {
                let invalid = Error::text("ERR Invalid IDLETIME value, must be >= 0");
                let idle_s = u64::try_from(args.integer()?).map_err(|_| invalid)?;
                options.usage = Usage::Idle(idle_s);
            } else if args.len() > 1 && !options.is_idle() && args.eat("FREQ") {
                let invalid = Error::text("ERR Invalid FREQ value, must be >= 0 and <= 255");
                let frequency = u8::try_from(args.integer()?).map_err(|_| invalid)?;
                options.usage = Usage::Frequency(frequency);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    fn is_idle(self) -> bool {
        matches!(self.usage, Usage::Idle(_))
    }

    fn is_frequent(self) -> bool {
        matches!(self.usage, Usage::Frequency(_))
    }

    /// Sets how recently or often `key` counts as used, if the policy asks for what is given.
    fn set_access(self, cx: &mut Ctx<'_>, key: &[u8]) {
        if let Some(access) = cx.access_for(self.usage) {
            let db = cx.session.db;
            cx.shard.db_mut(db).set_access(key, access);
        }
    }
}
