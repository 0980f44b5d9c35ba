//! XNACK: giving entries back to the group, for whoever claims them next.
//!
//! What is given back stays pending, but for nobody, and counts as delivered in 1970, so that every
//! claim finds it idle for long enough.

use super::remove::IDS;
use super::{all_ids, no_group};
use crate::base::Error;
use crate::base::num::Digits;
use crate::ds::stream::{DELIVERIES_MAX, NOBODY, Pending, StreamId};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::Argv;
use crate::spec::{Access::*, Flag::*, Group, integer, key, one_of, opt, string, token};

pub(crate) const COMMANDS: &[&Command] = &[&XNACK];

const XNACK: Command = Command {
    name: "XNACK",
    summary: "Gives entries that a consumer was given back to the group, for others to claim.",
    since: "8.8.0",
    group: Group::Stream,
    complexity: "O(1) for each ID.",
    flags: &[Write, Fast],
    args: &[
        key("key", &[Rw, Update]),
        string("group"),
        one_of(
            "mode",
            &[token("silent", "SILENT"), token("fail", "FAIL"), token("fatal", "FATAL")],
        ),
        IDS,
        opt(integer("count").after("RETRYCOUNT")),
        opt(token("force", "FORCE")),
    ],
    run: xnack,
    ..Command::BASE
};

/// What the number of deliveries becomes.
#[derive(Clone, Copy)]
enum Mode {
    /// The last one did not count.
    Silent,
    Fail,
    /// Never again.
    Fatal,
}

/// What XNACK is told.
struct Request<'a> {
    mode: Mode,
    ids: Argv<'a>,
    deliveries: Option<u64>,
    force: bool,
}

impl<'a> Request<'a> {
    fn take(args: &mut Args<'a>) -> Result<Self, Error> {
        let mode = if args.eat("SILENT") {
            Mode::Silent
        } else if args.eat("FAIL") {
            Mode::Fail
        } else if args.eat("FATAL") {
            Mode::Fatal
        } else {
            return Err(Error::text("ERR mode must be SILENT, FAIL, or FATAL"));
        };
        let (mut ids, mut deliveries, mut force) = (None, None, false);
        while !args.is_empty() {
            let word = args.peek().unwrap_or_default();
            if args.len() >= 2 && args.eat("IDS") {
                ids = Some(take_ids(args)?);
            } else if args.eat("FORCE") {
                force = true;
            } else if args.len() >= 2 && args.eat("RETRYCOUNT") {
                let wrong = Error::text("ERR Invalid RETRYCOUNT value, must be >= 0");
                deliveries = Some(u64::try_from(args.integer()?).map_err(|_| wrong)?);
            } else {
                return Err(Error::showing("ERR Unrecognized XNACK option '", word, "'"));
            }
        }
        let none = Error::text("ERR syntax error, expected IDS keyword");
        Ok(Self { mode, ids: ids.ok_or(none)?, deliveries, force })
    }

    /// How often an entry counts as delivered that was so often.
    fn deliveries(&self, before: u64) -> u64 {
        self.deliveries.unwrap_or_else(|| match self.mode {
            Mode::Silent => before.saturating_sub(1),
            Mode::Fail => before,
            Mode::Fatal => DELIVERIES_MAX,
        })
    }
}

/// `numids id …`.
fn take_ids<'a>(args: &mut Args<'a>) -> Result<Argv<'a>, Error> {
    let none = Error::text("ERR numids must be a positive integer");
    let count = args.int32_or(none.clone())?;
    let count = usize::try_from(count).ok().filter(|&count| count > 0).ok_or(none)?;
    args.take_many(count).map_err(|_| Error::text("ERR number of IDs doesn't match numids"))
}

fn xnack(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name) = (args.take()?, args.take()?);
    let request = Request::take(&mut args)?;
    let is_replaying = cx.is_replaying;
    let found = cx.stream_and_out(key)?;
    let found = found.filter(|(stream, _)| stream.groups.contains_key(name));
    let (stream, _) = found.ok_or_else(|| no_group(key, name, ""))?;
    let ids = all_ids(request.ids)?;
    let given_back = stream.with_group(name, |stream, group| {
        let mut given_back: Vec<(StreamId, u64)> = Vec::new();
        for id in ids {
            let before = match group.pending(id) {
                Some(pending) => pending.deliveries,
                None if request.force && (is_replaying || stream.contains(id)) => 0,
                None => continue,
            };
            let deliveries = request.deliveries(before);
            group.set_pending(id, Pending { delivered_ms: 0, deliveries, consumer: NOBODY });
            given_back.push((id, deliveries));
        }
        given_back
    });
    let given_back = given_back.unwrap_or_default();
    stream.gave_back |= !given_back.is_empty();
    if !given_back.is_empty() {
        cx.stream_has_extra(key);
    }
    cx.dirty += given_back.len() as u64;
    if !given_back.is_empty() {
        // Who waits for what others do not finish can have it now.
        let db = cx.session.db;
        cx.shard.waiters.changed(db, key);
    }
    cx.out.count(given_back.len());
    cx.propagate_nothing();
    for (id, deliveries) in given_back {
        // What it takes to do the same whatever was before.
        let (id, deliveries) = (id.text(b'-'), Digits::of_u64(deliveries));
        let words: [&[u8]; 10] =
            [b"XNACK", key, name, b"FAIL", b"IDS", b"1", &id, b"RETRYCOUNT", &deliveries, b"FORCE"];
        cx.propagate_as(&words);
    }
    Ok(())
}
