//! Entries that producers number, so that none is added twice: the options of XADD, and XCFGSET
//! and XIDMPRECORD.

use super::{ids, pairs};
use crate::base::Error;
use crate::ds::Stream;
use crate::ds::stream::{Idempotence, StreamId};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::Argv;
use crate::spec::{Access::*, Flag::*, Group, integer, key, opt, string};

pub(crate) const COMMANDS: &[&Command] = &[&XCFGSET, &XIDMPRECORD];

/// The most that XCFGSET and the parameters take.
const DURATION_S_MAX: u64 = 86_400;
const SIZE_MAX: u64 = 10_000;

/// Who numbers an entry, and how.
pub(super) struct Numbered<'a> {
    producer: &'a [u8],
    /// `None`: by its fields.
    iid: Option<&'a [u8]>,
}

impl<'a> Numbered<'a> {
    /// Takes `IDMP producer iid` or `IDMPAUTO producer`; nothing if it is something else. The error
    /// inside is for later: that the option came twice comes first.
    pub(super) fn take(args: &mut Args<'a>) -> Result<Option<Result<Self, Error>>, Error> {
        let is_auto = args.len() >= 2 && args.eat("IDMPAUTO");
        let is_given = !is_auto && args.len() >= 3 && args.eat("IDMP");
        if !is_auto && !is_given {
            return Ok(None);
        }
        let producer = args.take()?;
        let iid = if is_given { Some(args.take()?) } else { None };
        Ok(Some(if producer.is_empty() {
            Err(Error::text(match is_auto {
                true => "ERR syntax error, IDMPAUTO requires a non-empty producer ID",
                false => "ERR syntax error, IDMP requires a non-empty producer ID",
            }))
        } else if iid.is_some_and(<[u8]>::is_empty) {
            Err(Error::text("ERR syntax error, IDMP requires a non-empty idempotent ID"))
        } else {
            Ok(Self { producer, iid })
        }))
    }

    /// The same with the iid that it has, or that the fields give it.
    pub(super) fn with_fields(&self, cx: &Ctx<'_>, fields: Argv<'_>) -> Entry<'a> {
        let iid = match self.iid {
            Some(iid) => iid.into(),
            None => Idempotence::iid_of(pairs(fields)).into(),
        };
        let config = (cx.config.stream_idmp_duration, cx.config.stream_idmp_maxsize);
        Entry { producer: self.producer, iid, config, is_replaying: cx.is_replaying }
    }
}

/// An entry that a producer has numbered.
pub(super) struct Entry<'a> {
    producer: &'a [u8],
    iid: Box<[u8]>,
    /// What holds for a stream that nothing else was said for.
    config: (u64, u64),
    /// What is recorded was added when it was recorded, and is again.
    is_replaying: bool,
}

impl Entry<'_> {
    /// The entry that it became when it was added before; it is counted as having come twice.
    pub(super) fn known(&self, stream: &mut Stream, now_ms: u64) -> Option<StreamId> {
        let known = stream.idempotence.as_mut().filter(|_| !self.is_replaying)?;
        let id = known.find(self.producer, &self.iid, now_ms)?;
        known.duplicates = known.duplicates.saturating_add(1);
        Some(id)
    }

    /// It has become the entry `id`. Returns whether it is the first of the stream that is numbered.
    pub(super) fn record(&self, stream: &mut Stream, id: StreamId, now_ms: u64) -> bool {
        let is_first = stream.idempotence.is_none();
        of(stream, self.config).record(self.producer, &self.iid, id, now_ms);
        is_first
    }
}

/// What is remembered in `stream`, made if there is nothing yet.
fn of(stream: &mut Stream, (duration_s, size_max): (u64, u64)) -> &mut Idempotence {
    stream.idempotence.get_or_insert_with(|| Box::new(Idempotence::new(duration_s, size_max)))
}

const XCFGSET: Command = Command {
    name: "XCFGSET",
    summary: "Sets for how long a stream remembers what producers have numbered, and how much of it.",
    since: "8.6.0",
    group: Group::Stream,
    flags: &[Write, Fast],
    args: &[
        key("key", &[Rw, Update]),
        opt(integer("idmp-duration").after("IDMP-DURATION")),
        opt(integer("idmp-maxsize").after("IDMP-MAXSIZE")),
    ],
    run: xcfgset,
    ..Command::BASE
};

fn xcfgset(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    cx.stream_and_out(key)?.ok_or(Error::NoSuchKey)?;
    let (mut duration_s, mut size_max) = (None, None);
    while !args.is_empty() {
        if args.len() >= 2 && args.eat("IDMP-DURATION") {
            if duration_s.is_some() {
                return Err(Error::text("ERR IDMP-DURATION specified multiple times"));
            }
            let wrong = "ERR IDMP-DURATION must be between 1 and 86400 seconds";
            duration_s = Some(up_to(&mut args, DURATION_S_MAX, wrong)?);
        } else if args.len() >= 2 && args.eat("IDMP-MAXSIZE") {
            if size_max.is_some() {
                return Err(Error::text("ERR IDMP-MAXSIZE specified multiple times"));
            }
            let wrong = "ERR IDMP-MAXSIZE must be between 1 and 10000 entries";
            size_max = Some(up_to(&mut args, SIZE_MAX, wrong)?);
        } else {
            return Err(Error::Syntax);
        }
    }
    if duration_s.is_none() && size_max.is_none() {
        return Err(Error::text("ERR At least one parameter must be specified"));
    }
    let config = (cx.config.stream_idmp_duration, cx.config.stream_idmp_maxsize);
    let (stream, _) = cx.stream_and_out(key)?.ok_or(Error::NoSuchKey)?;
    let known = of(stream, config);
    let (duration_s, size_max) =
        (duration_s.unwrap_or(known.duration_s), size_max.unwrap_or(known.size_max));
    if (duration_s, size_max) != (known.duration_s, known.size_max) {
        known.configure(duration_s, size_max);
        cx.stream_has_extra(key);
        cx.dirty += 1;
    }
    cx.out.ok();
    Ok(())
}

/// The next argument as a number from 1 to `max`.
fn up_to(args: &mut Args<'_>, max: u64, wrong: &'static str) -> Result<u64, Error> {
    let number = u64::try_from(args.integer()?).ok();
    number.filter(|number| (1..=max).contains(number)).ok_or_else(|| Error::text(wrong))
}

const XIDMPRECORD: Command = Command {
    name: "XIDMPRECORD",
    summary: "Notes what a producer has numbered an entry that is there; for servers among themselves.",
    since: "8.6.2",
    group: Group::Stream,
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Update]), string("pid"), string("iid"), string("stream-id")],
    run: xidmprecord,
    ..Command::BASE
};

fn xidmprecord(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, producer, iid) = (args.take()?, args.take()?, args.take()?);
    let id = ids::strict(args.take()?, 0)?;
    if producer.is_empty() {
        return Err(Error::text("ERR producer ID must be non-empty"));
    }
    if iid.is_empty() {
        return Err(Error::text("ERR idempotent ID must be non-empty"));
    }
    let now_ms = cx.now.unix_ms().max(0) as u64;
    let config = (cx.config.stream_idmp_duration, cx.config.stream_idmp_maxsize);
    let (stream, _) = cx.stream_and_out(key)?.ok_or(Error::NoSuchKey)?;
    if !stream.contains(id) {
        return Err(Error::text("ERR No such message in stream"));
    }
    let known = of(stream, config);
    match known.find(producer, iid, now_ms) {
        Some(other) if other != id => {
            return Err(Error::text(
                "ERR IID already exists for this producer with a different stream ID",
            ));
        }
        Some(_) => {}
        None => {
            known.record(producer, iid, id, now_ms);
            cx.stream_has_extra(key);
            cx.dirty += 1;
        }
    }
    cx.out.ok();
    Ok(())
}
