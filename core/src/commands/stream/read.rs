//! XREAD and XREADGROUP: reading on from an ID in several streams, and waiting for what comes.

use super::claim::{seen, take};
use super::record::{Claims, propagate_claims, propagate_consumer, propagate_group_id};
use super::{created_consumer, ids, no_group, write_entries, write_entry};
use crate::base::error::until_zero;
use crate::base::{Error, num};
use crate::ds::Stream;
use crate::ds::stream::{Group as ConsumerGroup, Pending, StreamId};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::encode::Mark;
use crate::resp::{Argv, Out, OwnedArgv, Proto};
use crate::spec::{
    Access::*, BeginSearch, FindKeys, Flag::*, Group, KeySpec, block, integer, key, many, opt,
    string, token,
};

pub(crate) const COMMANDS: &[&Command] = &[&XREAD, &XREADGROUP];

/// The keys are half of what stands behind STREAMS, a word that is looked for from an argument on
/// and may come at any place.
const fn behind_streams(first: i32) -> KeySpec {
    KeySpec {
        begin: BeginSearch::Keyword("STREAMS", first),
        find: FindKeys::Range { last: -1, step: 1, limit: 2 },
        access: &[Ro, Access],
        notes: None,
    }
}

const XREAD: Command = Command {
    name: "XREAD",
    summary: "Returns the entries behind given IDs of several streams, and can wait for some to come.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Readonly, Blocking],
    args: &[
        opt(integer("count").after("COUNT")),
        opt(integer("milliseconds").after("BLOCK")),
        block("streams", &[many(key("key", &[Ro, Access])), many(string("id"))]).after("STREAMS"),
    ],
    key_specs: Some(&[behind_streams(1)]),
    run: xread,
    ..Command::BASE
};

fn xread(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let request = options(cx, args, Mode::Plain)?;
    let mut starts = Vec::with_capacity(request.keys.len());
    for (key, text) in request.keys.iter().zip(request.ids.iter()) {
        let found = cx.read_stream(key)?;
        starts.push(match until_zero(text) {
            b"$" => found.map_or(StreamId::MIN, |(stream, _)| stream.last_id),
            b"+" => found.map_or(StreamId::MIN, |(stream, _)| before_last(stream)),
            b">" => {
                return Err(Error::text(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                     <group> <consumer> option.",
                ));
            }
            _ => ids::strict(text, 0)?,
        });
    }
    let (mark, mut served) = (cx.out.mark(), 0);
    for (key, &start) in request.keys.iter().zip(&starts) {
        let Some((stream, out)) = cx.read_stream(key)? else { continue };
        if stream.last_valid_id().is_some_and(|last| last > start)
            && let Some(from) = start.next()
        {
            write_key(out, key);
            write_entries(out, stream.iter(from, StreamId::MAX), request.count);
            served += 1;
        }
    }
    finish(cx, &request, mark, served, &starts, false);
    Ok(())
}

/// Behind which ID the last entry is the next.
fn before_last(stream: &Stream) -> StreamId {
    stream.last_valid_id().map_or(stream.last_id, |last| last.prev().unwrap_or_default())
}

const XREADGROUP: Command = Command {
    name: "XREADGROUP",
    summary: "Gives a consumer of a group the next entries of several streams, or those that wait for it already, and can wait for some to come.",
    since: "5.0.0",
    group: Group::Stream,
    complexity: "O(N) with N the entries returned.",
    flags: &[Write, Blocking],
    args: &[
        block("group-block", &[string("group"), string("consumer")]).after("GROUP"),
        opt(integer("count").after("COUNT")),
        opt(integer("milliseconds").after("BLOCK")),
        opt(token("noack", "NOACK")),
        block("streams", &[many(key("key", &[Ro, Access])), many(string("id"))]).after("STREAMS"),
    ],
    key_specs: Some(&[behind_streams(4)]),
    run: xreadgroup,
    ..Command::BASE
};

fn xreadgroup(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let request = options(cx, args, Mode::Group)?;
    let Some((group, consumer)) = request.group else {
        return Err(Error::text("ERR Missing GROUP option for XREADGROUP"));
    };
    let mut starts = Vec::with_capacity(request.keys.len());
    for (key, text) in request.keys.iter().zip(request.ids.iter()) {
        let found = cx.read_stream(key)?;
        if found.is_none_or(|(stream, _)| !stream.groups.contains_key(group)) {
            return Err(no_group(key, group, " in XREADGROUP with GROUP option"));
        }
        starts.push(match until_zero(text) {
            b">" => StreamId::MAX,
            b"$" => return Err(meaningless("$")),
            b"+" => return Err(meaningless("+")),
            _ => ids::strict(text, 0)?,
        });
    }
    cx.propagate_nothing();
    let (mark, mut served) = (cx.out.mark(), 0);
    let (now_ms, count) = (cx.now.unix_ms(), request.count);
    for (key, &start) in request.keys.iter().zip(&starts) {
        let (keeps_none, mut claims) = (request.noack, Claims::new(cx));
        let Some((stream, out)) = cx.stream_and_out(key)? else { continue };
        let done = stream.with_group(group, |stream, group| {
            let claims = &mut claims;
            let turn = Turn { key, consumer, now_ms, count, keeps_none, claims };
            turn.run(stream, group, start, out)
        });
        let Some(done) = done else { continue };
        if done.made_consumer {
            created_consumer(cx, key);
            // Others hear of it with the entries that it gets.
            if request.noack {
                propagate_consumer(cx, key, group, consumer);
            }
        }
        cx.dirty += u64::from(done.changed);
        if done.changed && cx.propagates() {
            propagate_claims(cx, key, group, claims);
            propagate_group_id(cx, key, group);
        }
        served += usize::from(done.served);
    }
    finish(cx, &request, mark, served, &starts, true);
    Ok(())
}

fn meaningless(id: &str) -> Error {
    Error::from(format!(
        "ERR The {id} ID is meaningless in the context of XREADGROUP: you want to read the history \
         of this consumer by specifying a proper ID, or use the > ID to get new messages. The {id} \
         ID would just return an empty result set."
    ))
}

/// What a consumer gets from one stream.
struct Turn<'a> {
    key: &'a [u8],
    consumer: &'a [u8],
    now_ms: i64,
    count: usize,
    /// What it gets is not pending (NOACK).
    keeps_none: bool,
    /// What it gets.
    claims: &'a mut Claims,
}

/// What came of it.
#[derive(Default)]
struct Done {
    made_consumer: bool,
    changed: bool,
    served: bool,
}

impl Turn<'_> {
    fn run(
        self,
        stream: &Stream,
        group: &mut ConsumerGroup,
        start: StreamId,
        out: &mut Out,
    ) -> Done {
        let (consumer, made_consumer) = seen(group, self.consumer, self.now_ms);
        let is_history = start != StreamId::MAX;
        let has_new = stream.last_valid_id().is_some_and(|last| last > group.last_id);
        if !is_history && !has_new {
            return Done { made_consumer, ..Done::default() };
        }
        write_key(out, self.key);
        if is_history {
            let from = start.next().unwrap_or_default();
            let own = group.get(consumer).into_iter().flat_map(|own| own.pending_from(from));
            let own: Vec<StreamId> = own.take(self.count).collect();
            out.array(own.len());
            for id in own {
                self.again(stream, group, id, out);
            }
            return Done { made_consumer, served: true, ..Done::default() };
        }
        let Some(from) = group.last_id.next() else {
            return Done { made_consumer, served: true, ..Done::default() };
        };
        let (mark, mut count) = (out.mark(), 0);
        for entry in stream.iter(from, StreamId::MAX).take(self.count) {
            group.entries_read = stream.entries_read_after(group, entry.id);
            group.last_id = entry.id;
            if !self.keeps_none {
                let pending = Pending { delivered_ms: self.now_ms, deliveries: 1, consumer };
                take(group, entry.id, pending, self.now_ms);
                self.claims.add(group, entry.id, pending);
            }
            write_entry(out, entry);
            count += 1;
        }
        out.array_since(mark, count);
        Done { made_consumer, changed: true, served: true }
    }

    /// Writes an entry that was delivered before; what is no longer there has no fields.
    fn again(&self, stream: &Stream, group: &mut ConsumerGroup, id: StreamId, out: &mut Out) {
        let Some(entry) = stream.iter(id, id).next() else {
            out.array(2);
            out.bulk(&id.text(b'-'));
            out.null_array();
            return;
        };
        write_entry(out, entry);
        if let Some(pending) = group.pending(id) {
            let deliveries = pending.deliveries_then();
            group.set_pending(id, Pending { delivered_ms: self.now_ms, deliveries, ..pending });
        }
    }
}

/// Whose options are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Plain,
    Group,
}

/// What both commands are told.
struct Request<'a> {
    argv: Argv<'a>,
    keys: Argv<'a>,
    ids: Argv<'a>,
    count: usize,
    /// How long to wait, if at all; 0 for without end.
    block_ms: Option<u64>,
    group: Option<(&'a [u8], &'a [u8])>,
    noack: bool,
}

fn options<'a>(cx: &Ctx<'_>, mut args: Args<'a>, mode: Mode) -> Result<Request<'a>, Error> {
    let (mut block_ms, mut count, mut group, mut noack) = (None, 0, None, false);
    while !args.is_empty() {
        let more = args.len() - 1;
        if more > 0 && args.eat("BLOCK") {
            block_ms = Some(block_time(cx, args.take()?)?);
        } else if more > 0 && args.eat("COUNT") {
            count = args.integer()?.max(0);
        } else if more > 0 && args.eat("STREAMS") {
            let rest = args.rest();
            if !rest.len().is_multiple_of(2) {
                return Err(unbalanced(mode));
            }
            let half = rest.len() / 2;
            if mode == Mode::Group && group.is_none() {
                return Err(Error::text("ERR Missing GROUP option for XREADGROUP"));
            }
            let (keys, ids) = (rest.first(half).ok_or(Error::Syntax)?, rest.from(half));
            let count =
                if count == 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
            return Ok(Request { argv: args.all(), keys, ids, count, block_ms, group, noack });
        } else if more >= 2 && args.eat("GROUP") {
            if mode == Mode::Plain {
                return Err(Error::text(
                    "ERR The GROUP option is only supported by XREADGROUP. You called XREAD \
                     instead.",
                ));
            }
            group = Some((args.take()?, args.take()?));
        } else if args.eat("NOACK") {
            if mode == Mode::Plain {
                return Err(Error::text(
                    "ERR The NOACK option is only supported by XREADGROUP. You called XREAD \
                     instead.",
                ));
            }
            noack = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    Err(Error::Syntax)
}

fn unbalanced(mode: Mode) -> Error {
    Error::text(match mode {
        Mode::Plain => {
            "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must \
             be specified."
        }
        Mode::Group => {
            "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be \
             specified."
        }
    })
}

/// The milliseconds of BLOCK.
fn block_time(cx: &Ctx<'_>, text: &[u8]) -> Result<u64, Error> {
    let ms =
        num::parse_i64(text).ok_or(Error::text("ERR timeout is not an integer or out of range"))?;
    let block_ms = u64::try_from(ms).map_err(|_| Error::TimeoutNegative)?;
    if ms > i64::MAX - cx.now.unix_ms().max(0) {
        return Err(Error::text("ERR timeout is out of range"));
    }
    Ok(block_ms)
}

/// Begins what is written of one stream.
fn write_key(out: &mut Out, key: &[u8]) {
    if out.proto() == Proto::V2 {
        out.array(2);
    }
    out.bulk(key);
}

/// Ends a reply of `served` streams, written since `mark`; without any, waits or says so.
fn finish(
    cx: &mut Ctx<'_>,
    request: &Request<'_>,
    mark: Mark,
    served: usize,
    starts: &[StreamId],
    or_gone: bool,
) {
    if served > 0 {
        match cx.out.proto() {
            Proto::V2 => cx.out.array_since(mark, served),
            Proto::V3 => cx.out.map_since(mark, served),
        }
        return;
    }
    let Some(block_ms) = request.block_ms else {
        cx.out.null_array();
        return;
    };
    // `$` means the end of the stream as it is now, not as it is when the command runs again.
    let first = request.argv.len() - starts.len();
    let fixed: Vec<Option<Vec<u8>>> = request
        .ids
        .iter()
        .zip(starts)
        .map(|(text, start)| (until_zero(text) == b"$").then(|| start.text(b'-')))
        .collect();
    let argv: OwnedArgv = request
        .argv
        .iter()
        .enumerate()
        .map(|(place, word)| {
            let fixed = place.checked_sub(first).and_then(|place| fixed.get(place)?.as_deref());
            fixed.unwrap_or(word)
        })
        .collect();
    cx.block_on_streams(request.keys, block_ms, argv, or_gone);
}
