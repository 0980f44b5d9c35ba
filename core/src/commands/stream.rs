//! Streams: adding entries, removing them, and reading ranges.
//!
//! Reading on from an ID, with or without waiting, is in `read`, consumer groups in `group` and
//! `claim`, XINFO in `info`. A stream that loses its last entry stays.

pub(super) mod claim;
pub(super) mod group;
pub(super) mod idempotence;
mod ids;
pub(super) mod info;
pub(super) mod nack;
pub(super) mod read;
mod record;
pub(super) mod remove;

use crate::base::{Error, num};
use crate::ds::listpack::LISTPACK_BYTES_MAX;
use crate::ds::stream::{Bound, Entry, References, StreamId, Trim};
use crate::ds::{Element, Stream};
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::{Argv, Out};
use crate::spec::{
    Access::*, Arg, Flag::*, Group, block, integer, key, many, one_of, opt, string, token,
};
use crate::store::Value;

use idempotence::Numbered;
use ids::{End, Parsed};
use record::Rewritten;

pub(crate) const COMMANDS: &[&Command] =
    &[&XADD, &XDEL, &XLEN, &XRANGE, &XREVRANGE, &XSETID, &XTRIM];

/// Entries that trimming to about a length removes at most, in nodes, and in entries.
const TRIMMED_NODES_MAX: u64 = 100;
const TRIMMED_MAX: u64 = 1_000_000;
/// The same where nodes have no limit.
const TRIMMED_WITHOUT_LIMIT: u64 = 10_000;

/// How far a stream is trimmed.
const TRIM: Arg = block(
    "trim",
    &[
        one_of("strategy", &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")]),
        opt(one_of("operator", &[token("equal", "="), token("approximately", "~")])),
        string("threshold"),
        opt(integer("count").after("LIMIT").since("6.2.0")),
    ],
);

/// What becomes of the references that groups have to an entry that goes.
const REFERENCES: Arg = one_of(
    "condition",
    &[token("keepref", "KEEPREF"), token("delref", "DELREF"), token("acked", "ACKED")],
);

const XADD: Command = Command {
    name: "XADD",
    summary: "Adds an entry to a stream, and trims the stream if asked to; makes the stream if there is none.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(1), and O(N) with N the entries that trimming removes.",
    flags: &[Write, DenyOom, Fast],
    args: &[
        key("key", &[Rw, Update]),
        opt(token("nomkstream", "NOMKSTREAM").since("6.2.0")),
        opt(REFERENCES.since("8.2.0")),
        opt(one_of(
            "idmp",
            &[
                string("pid").after("IDMPAUTO").shown("producer-id"),
                block(
                    "idmp",
                    &[string("pid").shown("producer-id"), string("iid").shown("idempotent-id")],
                )
                .after("IDMP"),
            ],
        )
        .since("8.6.0")),
        opt(TRIM),
        one_of("id-selector", &[token("auto-id", "*"), string("id")]),
        many(block("data", &[string("field"), string("value")])),
    ],
    tips: &["nondeterministic_output"],
    run: xadd,
    ..Command::BASE
};

fn xadd(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let options = add_options(cx, &mut args)?;
    let fields = args.rest();
    if fields.is_empty() || !fields.len().is_multiple_of(2) {
        return Err(wrong_arity(cx.entry));
    }
    if matches!(options.id, Some(Parsed { id: StreamId::MIN, is_open: false })) {
        return Err(Error::text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let (now_ms, limits) = (cx.now.unix_ms().max(0) as u64, cx.stream_limits());
    let numbered = options.numbered.as_ref().map(|one| one.with_fields(cx, fields));
    let mut fresh = Stream::default();
    let found = cx.stream_and_out(key)?;
    let is_new = found.is_none();
    if is_new && options.no_mkstream {
        cx.out.null();
        return Ok(());
    }
    let stream = match found {
        None => &mut fresh,
        Some((stream, out)) => {
            if let Some(id) = numbered.as_ref().and_then(|one| one.known(stream, now_ms)) {
                out.bulk(&id.text(b'-'));
                return Ok(());
            }
            stream
        }
    };
    let id = next_id(stream.last_id, options.id.as_ref(), now_ms)?;
    if fields.iter().map(<[u8]>::len).sum::<usize>() > LISTPACK_BYTES_MAX {
        return Err(Error::text("ERR Elements are too large to be stored"));
    }
    stream.append(id, pairs(fields), limits);
    let is_first = numbered.is_some_and(|one| one.record(stream, id, now_ms));
    let trimmed = options.trim.map_or(0, |trim| stream.trim(trim));
    let rewritten = Rewritten {
        id: options.open_id_at.map(|place| (place, id)),
        trim: options.rewritten(stream),
    };
    if is_new {
        cx.insert(key, Value::Stream(Box::new(fresh)), None);
    } else if is_first {
        cx.stream_has_extra(key);
    }
    cx.out.bulk(&id.text(b'-'));
    cx.changed(key, Class::Stream, "xadd");
    if cx.propagates() {
        rewritten.propagate(cx, args.all());
    }
    if trimmed > 0 {
        cx.changed_too(key, Class::Stream, "xtrim");
    }
    Ok(())
}

/// The ID of the entry that follows `last`: the one that `wanted` names, or else one of its own.
fn next_id(last: StreamId, wanted: Option<&Parsed>, now_ms: u64) -> Result<StreamId, Error> {
    let Some(next) = last.next() else {
        return Err(Error::text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    };
    let id = match wanted {
        None if now_ms > last.ms => Some(StreamId { ms: now_ms, seq: 0 }),
        None => Some(next),
        Some(&Parsed { id, is_open: true }) if id.ms == last.ms => {
            last.seq.checked_add(1).map(|seq| StreamId { seq, ..id })
        }
        Some(&Parsed { id, .. }) => Some(id),
    };
    id.filter(|&id| id > last).ok_or(Error::text(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    ))
}

/// Names and values in turn, as pairs.
fn pairs(fields: Argv<'_>) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    fields.iter().step_by(2).zip(fields.iter().skip(1).step_by(2))
}

const XTRIM: Command = Command {
    name: "XTRIM",
    summary: "Removes entries from the beginning of a stream.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(N) with N the entries removed; whole nodes at once.",
    flags: &[Write],
    args: &[key("key", &[Rw, Delete]), TRIM, opt(REFERENCES.since("8.2.0"))],
    tips: &["nondeterministic_output"],
    run: xtrim,
    ..Command::BASE
};

fn xtrim(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let mut options = Options::default();
    while !args.is_empty() {
        if !options.take(&mut args)? {
            return Err(Error::Syntax);
        }
    }
    let approximately_at = options.approximately_at;
    let trim = options.trim(cx, Caller::Xtrim)?;
    let (mut removed, mut rewritten) = (0, None);
    if let (Some((stream, _)), Some(trim)) = (cx.stream_and_out(key)?, trim) {
        removed = stream.trim(trim);
        rewritten = approximately_at.map(|place| (place, Rewritten::trim(stream, trim)));
    }
    if removed > 0 {
        let dirty = cx.dirty + removed;
        cx.changed(key, Class::Stream, "xtrim");
        cx.dirty = dirty;
        Rewritten { id: None, trim: rewritten }.propagate(cx, args.all());
    }
    cx.out.int(removed as i64);
    Ok(())
}

/// What XADD is told besides the fields.
struct AddOptions<'a> {
    trim: Option<Trim>,
    no_mkstream: bool,
    numbered: Option<Numbered<'a>>,
    id: Option<Parsed>,
    /// Where the ID stands, if it leaves something open.
    open_id_at: Option<usize>,
    /// Where `~` stands.
    approximately_at: Option<usize>,
}

impl AddOptions<'_> {
    /// What trimming `stream` has come to, if it was left open.
    fn rewritten(&self, stream: &Stream) -> Option<(usize, record::Bounded)> {
        Some((self.approximately_at?, Rewritten::trim(stream, self.trim?)))
    }
}

/// `[NOMKSTREAM] [KEEPREF | DELREF | ACKED] [IDMP … | IDMPAUTO …] [MAXLEN | MINID …] * | id`.
fn add_options<'a>(cx: &Ctx<'_>, args: &mut Args<'a>) -> Result<AddOptions<'a>, Error> {
    let mut options = Options::default();
    let (mut no_mkstream, mut id, mut open_id_at) = (false, None, None);
    let mut numbered = None;
    while let Some(word) = args.peek() {
        if word == b"*" {
            open_id_at = Some(args.position());
            args.take()?;
            break;
        }
        if options.take(args)? {
            continue;
        }
        if args.eat("NOMKSTREAM") {
            no_mkstream = true;
            continue;
        }
        if let Some(taken) = Numbered::take(args)? {
            if numbered.replace(taken?).is_some() {
                return Err(Error::text(
                    "ERR syntax error, IDMP/IDMPAUTO specified multiple times",
                ));
            }
            continue;
        }
        let place = args.position();
        let parsed = ids::open(args.take()?)?;
        open_id_at = parsed.is_open.then_some(place);
        id = Some(parsed);
        // What is recorded has the ID that the entry got.
        if numbered.is_some() && !cx.is_replaying {
            return Err(Error::text(
                "ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs",
            ));
        }
        break;
    }
    let approximately_at = options.approximately_at;
    let trim = options.trim(cx, Caller::Xadd)?;
    Ok(AddOptions { trim, no_mkstream, numbered, id, open_id_at, approximately_at })
}

/// Who asks for trimming.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Xadd,
    Xtrim,
}

/// `MAXLEN | MINID [= | ~] threshold [LIMIT count]` and `KEEPREF | DELREF | ACKED`, as far as they
/// have been read.
#[derive(Default)]
struct Options {
    bound: Option<Bound>,
    references: Option<References>,
    /// Where `~` stands.
    approximately_at: Option<usize>,
    limit: Option<u64>,
}

impl Options {
    /// Takes an option with what belongs to it; returns false if there is none.
    fn take(&mut self, args: &mut Args<'_>) -> Result<bool, Error> {
        if remove::take_references(&mut self.references, args)? {
            return Ok(true);
        }
        if args.len() < 2 {
            return Ok(false);
        }
        let is_length = args.eat("MAXLEN");
        if is_length || args.eat("MINID") {
            if self.bound.is_some() {
                return Err(Error::text(
                    "ERR syntax error, MAXLEN and MINID options at the same time are not \
                     compatible",
                ));
            }
            self.approximately_at = None;
            let place = args.position();
            if args.len() >= 2 && args.eat("~") {
                self.approximately_at = Some(place);
            } else if args.len() >= 2 {
                args.eat("=");
            }
            self.bound = Some(if is_length {
                Bound::Length(natural(args, "ERR The MAXLEN argument must be >= 0.")?)
            } else {
                Bound::Id(ids::strict(args.take()?, 0)?)
            });
        } else if args.eat("LIMIT") {
            self.limit = Some(natural(args, "ERR The LIMIT argument must be >= 0.")?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// What was asked for, if it can be done.
    fn trim(self, cx: &Ctx<'_>, caller: Caller) -> Result<Option<Trim>, Error> {
        if self.bound.is_none() && self.limit.is_some_and(|limit| limit > 0) {
            return Err(Error::text(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if self.bound.is_none() && caller == Caller::Xtrim {
            return Err(Error::text(
                "ERR syntax error, XTRIM must be called with a trimming strategy",
            ));
        }
        let is_approximate = self.approximately_at.is_some();
        // In what Redis records, `~` has become `=`, and LIMIT is still there.
        if self.limit.is_some() && !is_approximate && !cx.is_replaying {
            return Err(Error::text(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        let limit = match (self.limit, is_approximate) {
            (Some(limit), _) => limit,
            (None, false) => 0,
            (None, true) => match cx.stream_limits().entries_max {
                0 => TRIMMED_WITHOUT_LIMIT,
                entries => entries.saturating_mul(TRIMMED_NODES_MAX).min(TRIMMED_MAX),
            },
        };
        let references = self.references.unwrap_or_default();
        Ok(self.bound.map(|bound| Trim { bound, references, is_approximate, limit }))
    }
}

/// The next argument as a number that is not negative, or an error.
fn natural(args: &mut Args<'_>, negative: &'static str) -> Result<u64, Error> {
    u64::try_from(args.integer()?).map_err(|_| Error::text(negative))
}

const XDEL: Command = Command {
    name: "XDEL",
    summary: "Deletes entries of a stream by their IDs.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(1) for each ID, however long the stream is.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Delete]), many(string("id"))],
    run: xdel,
    ..Command::BASE
};

fn xdel(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let Some((stream, _)) = cx.stream_and_out(key)? else {
        cx.out.int(0);
        return Ok(());
    };
    let wanted = all_ids(args.rest())?;
    let removed = wanted.into_iter().filter(|&id| stream.delete(id)).count();
    if removed > 0 {
        stream.settle();
        let dirty = cx.dirty + removed as u64;
        cx.changed(key, Class::Stream, "xdel");
        cx.dirty = dirty;
    }
    cx.out.count(removed);
    Ok(())
}

/// All of `texts` as IDs, before anything is done with the first.
fn all_ids(texts: Argv<'_>) -> Result<Vec<StreamId>, Error> {
    texts.iter().map(|text| ids::strict(text, 0)).collect()
}

const XLEN: Command = Command {
    name: "XLEN",
    summary: "Counts the entries of a stream.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro])],
    run: xlen,
    ..Command::BASE
};

fn xlen(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let length = cx.read_stream(args.take()?)?.map_or(0, |(stream, _)| stream.len());
    cx.out.int(length as i64);
    Ok(())
}

const XRANGE: Command = Command {
    name: "XRANGE",
    summary: "Returns the entries of a stream between two IDs.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(N) with N the entries returned.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        string("start"),
        string("end"),
        opt(integer("count").after("COUNT")),
    ],
    run: xrange,
    ..Command::BASE
};

fn xrange(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, start, end) = (args.take()?, args.take()?, args.take()?);
    let (start, end) = (ids::bound(start, End::Start)?, ids::bound(end, End::Stop)?);
    range(cx, key, args, |stream, out, max| write_entries(out, stream.iter(start, end), max))
}

const XREVRANGE: Command = Command {
    name: "XREVRANGE",
    summary: "Returns the entries of a stream between two IDs, the last first.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(N) with N the entries returned.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        string("end"),
        string("start"),
        opt(integer("count").after("COUNT")),
    ],
    run: xrevrange,
    ..Command::BASE
};

fn xrevrange(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, end, start) = (args.take()?, args.take()?, args.take()?);
    let (start, end) = (ids::bound(start, End::Start)?, ids::bound(end, End::Stop)?);
    range(cx, key, args, |stream, out, max| write_entries(out, stream.iter_back(start, end), max))
}

/// Reads the options behind a range, and replies with what `write` writes: at most so many entries.
fn range(
    cx: &mut Ctx<'_>,
    key: &[u8],
    mut args: Args<'_>,
    write: impl FnOnce(&Stream, &mut Out, usize),
) -> Outcome {
    let mut count = None;
    while !args.is_empty() {
        if args.len() < 2 || !args.eat("COUNT") {
            return Err(Error::Syntax);
        }
        // -1 is no count, which can only be said by leaving it out.
        count = Some(args.integer()?.max(0));
    }
    match cx.read_stream(key)? {
        None => cx.out.array(0),
        Some((_, out)) if count == Some(0) => out.null_array(),
        Some((stream, out)) => write(
            stream,
            out,
            count.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX)),
        ),
    }
    Ok(())
}

const XSETID: Command = Command {
    name: "XSETID",
    summary: "Sets the last ID of a stream, for replication.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Write, DenyOom, Fast],
    args: &[
        key("key", &[Rw, Update]),
        string("last-id"),
        opt(integer("entries-added").after("ENTRIESADDED").since("7.0.0")),
        opt(string("max-deleted-id").after("MAXDELETEDID").since("7.0.0")),
    ],
    run: xsetid,
    ..Command::BASE
};

fn xsetid(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let last_id = ids::strict(args.take()?, 0)?;
    let (mut added, mut max_deleted) = (None, StreamId::MIN);
    while !args.is_empty() {
        if args.len() >= 2 && args.eat("ENTRIESADDED") {
            added = Some(natural(&mut args, "ERR entries_added must be positive")?);
        } else if args.len() >= 2 && args.eat("MAXDELETEDID") {
            max_deleted = ids::strict(args.take()?, 0)?;
            if last_id < max_deleted {
                return Err(Error::text(
                    "ERR The ID specified in XSETID is smaller than the provided \
                     max_deleted_entry_id",
                ));
            }
        } else {
            return Err(Error::Syntax);
        }
    }
    let (stream, _) = cx.stream_and_out(key)?.ok_or(Error::NoSuchKey)?;
    if last_id < stream.max_deleted_id {
        return Err(Error::text(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if stream.last_valid_id().is_some_and(|top| last_id < top) {
        return Err(Error::text(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    if added.is_some_and(|added| added < stream.len()) {
        return Err(Error::text(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    stream.last_id = last_id;
    stream.entries_added = added.unwrap_or(stream.entries_added);
    if max_deleted != StreamId::MIN {
        stream.max_deleted_id = max_deleted;
    }
    cx.dirty += 1;
    cx.changed_too(key, Class::Stream, "xsetid");
    cx.out.ok();
    Ok(())
}

/// Writes at most `max` entries as an array.
fn write_entries<'a>(out: &mut Out, entries: impl Iterator<Item = Entry<'a>>, max: usize) {
    let mark = out.mark();
    let mut count = 0;
    for entry in entries.take(max) {
        write_entry(out, entry);
        count += 1;
    }
    out.array_since(mark, count);
}

/// Writes an entry: its ID, then names and values.
fn write_entry(out: &mut Out, entry: Entry<'_>) {
    out.array(2);
    write_id_and_fields(out, entry);
}

/// The two parts of an entry, of an array that was begun.
fn write_id_and_fields(out: &mut Out, entry: Entry<'_>) {
    out.bulk(&entry.id.text(b'-'));
    out.array(entry.fields.len() * 2);
    for element in entry.fields.flat_map(|(name, value)| [name, value]) {
        match element {
            Element::Int(number) => out.bulk_int(number),
            Element::Bytes(bytes) => out.bulk(bytes),
        }
    }
}

/// The next argument as a number, or an error with this text.
fn number_or(args: &mut Args<'_>, otherwise: &'static str) -> Result<i64, Error> {
    num::parse_i64(args.take()?).ok_or_else(|| Error::text(otherwise))
}

/// Tells that there is no such group, or no key that could have it.
fn no_group(key: &[u8], group: &[u8], after: &str) -> Error {
    let text = Error::showing("NOGROUP No such key '", key, "' or consumer group '");
    let mut line = text.line().to_vec();
    line.extend_from_slice(Error::showing("", group, "'").line());
    line.extend_from_slice(after.as_bytes());
    Error::Bytes(line)
}

/// Tells that the stream at `key` has no such group.
fn no_group_of(key: &[u8], group: &[u8]) -> Error {
    let mut line = Error::showing("NOGROUP No such consumer group '", group, "'").line().to_vec();
    line.extend_from_slice(Error::showing(" for key name '", key, "'").line());
    Error::Bytes(line)
}

/// A consumer was made, as far as others hear of it.
fn created_consumer(cx: &mut Ctx<'_>, key: &[u8]) {
    cx.dirty += 1;
    cx.changed_too(key, Class::Stream, "xgroup-createconsumer");
}
