//! XREAD and XREADGROUP: reading on from an ID in several streams, and waiting for what comes.

use super::claim::{seen, take};
use super::record::{Claims, propagate_claims, propagate_consumer, propagate_group_id};
use super::{created_consumer, ids, no_group, number_or, write_entry, write_id_and_fields};
use crate::base::error::until_zero;
use crate::base::{Error, num};
use crate::ds::Stream;
use crate::ds::stream::{ConsumerRef, Entry, Group as ConsumerGroup, Pending, StreamId};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::encode::Mark;
use crate::resp::{Argv, Out, OwnedArgv, Proto};
use crate::spec::{
    Access::*, Arg, BeginSearch, FindKeys, Flag::*, Group, KeySpec, block, integer, key, many, opt,
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

/// How many entries a reply has at most, of all streams.
const MAX_COUNT: Arg = opt(integer("maxcount").after("MAXCOUNT").since("8.10.0"));
/// With how many bytes a reply is full.
const MAX_SIZE: Arg = opt(integer("maxsize").after("MAXSIZE").since("8.10.0"));

const XREAD: Command = Command {
    name: "XREAD",
    summary: "Returns the entries behind given IDs of several streams, and can wait for some to come.",
    since: "5.0.0",
    group: Group::Stream,
    flags: &[Readonly, Blocking],
    args: &[
        opt(integer("count").after("COUNT")),
        MAX_COUNT,
        MAX_SIZE,
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
    let (mut room, mut served) = (request.room(cx.out), 0);
    for (key, &start) in request.keys.iter().zip(&starts) {
        if room.is_full(cx.out) {
            break;
        }
        let Some((stream, out)) = cx.read_stream(key)? else { continue };
        if stream.last_valid_id().is_some_and(|last| last > start)
            && let Some(from) = start.next()
        {
            write_key(out, key);
            let (mark, mut count) = (out.mark(), 0);
            for entry in stream.iter(from, StreamId::MAX).take(request.count) {
                if !room.takes_one(out) {
                    break;
                }
                write_entry(out, entry);
                count += 1;
            }
            out.array_since(mark, count);
            served += 1;
        }
    }
    finish(cx, &request, room.start, served, &starts);
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
        MAX_COUNT,
        MAX_SIZE,
        opt(integer("milliseconds").after("BLOCK")),
        opt(integer("min-idle-time").after("CLAIM").since("8.4.0")),
        opt(token("noack", "NOACK")),
        block("streams", &[many(key("key", &[Ro, Access])), many(string("id"))]).after("STREAMS"),
    ],
    key_specs: Some(&[behind_streams(4)]),
    run: xreadgroup,
    ..Command::BASE
};

fn xreadgroup(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let request = options(cx, args, Mode::Group)?;
    let Some((group, consumer)) = request.options.group else {
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
    let (mut room, mut served) = (request.room(cx.out), 0);
    let mut wish = request.options.claim_idle_ms.map(|idle_ms| Wish { idle_ms, oldest_ms: None });
    for (key, &start) in request.keys.iter().zip(&starts) {
        if room.is_full(cx.out) {
            break;
        }
        // Once somebody has asked for what waits for it already, Redis thinks of claiming no more.
        let is_history = start != StreamId::MAX;
        wish = wish.filter(|_| !is_history);
        let mut claims = Claims::new(cx);
        let (now_ms, count) = (cx.now.unix_ms(), request.count);
        let keeps_none = request.options.noack;
        let Some((stream, out)) = cx.stream_and_out(key)? else { continue };
        let done = stream.with_group(group, |stream, group| {
            let (claims, room, wish) = (&mut claims, &mut room, wish.as_mut());
            let turn = Turn { key, consumer, now_ms, count, keeps_none, wish, room, claims };
            turn.run(stream, group, start, out)
        });
        let Some(done) = done else { continue };
        if done.made_consumer {
            created_consumer(cx, key);
            // Others hear of it with the entries that it gets.
            if keeps_none {
                propagate_consumer(cx, key, group, consumer);
            }
        }
        let changed = done.claimed || done.advanced;
        cx.dirty += u64::from(changed);
        if changed && cx.propagates() {
            propagate_claims(cx, key, group, claims);
            if done.advanced {
                propagate_group_id(cx, key, group);
            }
        }
        served += usize::from(done.served);
    }
    finish(cx, &request, room.start, served, &starts);
    if let Some(wish) = wish {
        // What is waited for is not an event but a time.
        let now_ms = cx.now.unix_ms();
        let due_ms = wish.oldest_ms.unwrap_or(now_ms).saturating_add(wish.idle_ms);
        cx.try_again_after(due_ms.saturating_sub(now_ms).max(0) as u64);
    }
    Ok(())
}

fn meaningless(id: &str) -> Error {
    Error::from(format!(
        "ERR The {id} ID is meaningless in the context of XREADGROUP: you want to read the history \
         of this consumer by specifying a proper ID, or use the > ID to get new messages. The {id} \
         ID would just return an empty result set."
    ))
}

/// A consumer's wish for entries that others were given and have not finished (CLAIM).
struct Wish {
    /// So long ago they were delivered, at least.
    idle_ms: i64,
    /// When the oldest of all that wait for someone was delivered.
    oldest_ms: Option<i64>,
}

impl Wish {
    /// What of `group` is wanted: the entries that are still in `stream`, the oldest first, each
    /// with the time for which it has waited.
    fn of<'a>(
        &self,
        stream: &'a Stream,
        group: &'a ConsumerGroup,
        now_ms: i64,
    ) -> impl Iterator<Item = (StreamId, Pending, i64)> + use<'a> {
        let idle_ms = self.idle_ms;
        group
            .oldest_first()
            .map(move |(id, pending)| (id, pending, now_ms.saturating_sub(pending.delivered_ms)))
            .take_while(move |&(_, _, waited_ms)| waited_ms >= idle_ms)
            .filter(|&(id, ..)| stream.contains(id))
    }

    /// Notes how old the oldest entry of `group` is that is still in `stream`.
    fn look_at(&mut self, stream: &Stream, group: &ConsumerGroup) {
        let first = group.oldest_first().find(|&(id, _)| stream.contains(id));
        let first_ms = first.map(|(_, pending)| pending.delivered_ms);
        self.oldest_ms = self.oldest_ms.into_iter().chain(first_ms).min();
    }
}

/// What a consumer gets from one stream.
struct Turn<'a> {
    key: &'a [u8],
    consumer: &'a [u8],
    now_ms: i64,
    count: usize,
    /// What it gets is not pending (NOACK).
    keeps_none: bool,
    wish: Option<&'a mut Wish>,
    room: &'a mut Room,
    /// What it gets.
    claims: &'a mut Claims,
}

/// What came of it.
#[derive(Default)]
struct Done {
    made_consumer: bool,
    /// It got what others had been given.
    claimed: bool,
    /// It got what nobody had been given.
    advanced: bool,
    served: bool,
}

impl Turn<'_> {
    fn run(
        mut self,
        stream: &Stream,
        group: &mut ConsumerGroup,
        start: StreamId,
        out: &mut Out,
    ) -> Done {
        let (consumer, made_consumer) = seen(group, self.consumer, self.now_ms);
        let mut done = Done { made_consumer, ..Done::default() };
        let is_history = start != StreamId::MAX;
        let has_new = stream.last_valid_id().is_some_and(|last| last > group.last_id);
        let mut has_old = false;
        if let Some(wish) = &mut self.wish {
            wish.look_at(stream, group);
            has_old = wish.of(stream, group, self.now_ms).next().is_some();
        }
        if !is_history && !has_new && !has_old {
            return done;
        }
        done.served = true;
        write_key(out, self.key);
        let (mark, mut count) = (out.mark(), 0);
        if is_history {
            let from = start.next().unwrap_or_default();
            let own = group.get(consumer).into_iter().flat_map(|own| own.pending_from(from));
            let own: Vec<StreamId> = own.take(self.count).collect();
            for id in own {
                if !self.room.takes_one(out) {
                    break;
                }
                self.again(stream, group, id, out);
                count += 1;
            }
            out.array_since(mark, count);
            return done;
        }
        if has_old {
            count = self.old(stream, group, consumer, out);
            done.claimed = count > 0;
        }
        if has_new && count < self.count {
            let more = self.new_ones(stream, group, consumer, self.count - count, out);
            done.advanced = more > 0;
            count += more;
        }
        out.array_since(mark, count);
        done
    }

    /// Gives the consumer what others have had for long; returns how many entries.
    fn old(
        &mut self,
        stream: &Stream,
        group: &mut ConsumerGroup,
        consumer: ConsumerRef,
        out: &mut Out,
    ) -> usize {
        let Some(wish) = &self.wish else { return 0 };
        let wanted: Vec<_> = wish.of(stream, group, self.now_ms).take(self.count).collect();
        let mut count = 0;
        for (id, before, waited_ms) in wanted {
            let Some(entry) = stream.iter(id, id).next().filter(|_| self.room.takes_one(out))
            else {
                break;
            };
            write_with_history(out, entry, waited_ms, before.deliveries);
            let deliveries = before.deliveries_then();
            let pending = Pending { delivered_ms: self.now_ms, deliveries, consumer };
            take(group, id, pending, self.now_ms);
            self.claims.add(group, id, pending);
            count += 1;
        }
        count
    }

    /// Gives the consumer up to `max` entries that nobody was given; returns how many.
    fn new_ones(
        &mut self,
        stream: &Stream,
        group: &mut ConsumerGroup,
        consumer: ConsumerRef,
        max: usize,
        out: &mut Out,
    ) -> usize {
        let Some(from) = group.last_id.next() else { return 0 };
        let mut count = 0;
        for entry in stream.iter(from, StreamId::MAX).take(max) {
            if !self.room.takes_one(out) {
                break;
            }
            group.entries_read = stream.entries_read_after(group, entry.id);
            group.last_id = entry.id;
            if !self.keeps_none {
                let pending = Pending { delivered_ms: self.now_ms, deliveries: 1, consumer };
                take(group, entry.id, pending, self.now_ms);
                self.claims.add(group, entry.id, pending);
            }
            match self.wish {
                Some(_) => write_with_history(out, entry, 0, 0),
                None => write_entry(out, entry),
            }
            count += 1;
        }
        count
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

/// An entry, with the time for which it has waited and how often it was delivered before.
fn write_with_history(out: &mut Out, entry: Entry<'_>, waited_ms: i64, deliveries: u64) {
    out.array(4);
    write_id_and_fields(out, entry);
    out.int(waited_ms);
    out.uint(deliveries);
}

/// What may still be written of a reply.
struct Room {
    start: Mark,
    /// Entries that may still come (MAXCOUNT).
    left: usize,
    /// With so many bytes it is full (MAXSIZE); but an entry it has always.
    bytes_max: usize,
    is_empty: bool,
}

impl Room {
    fn is_full(&self, out: &Out) -> bool {
        self.left == 0 || !self.is_empty && out.bytes_since(self.start) >= self.bytes_max
    }

    /// Takes room for an entry, if there is any.
    fn takes_one(&mut self, out: &Out) -> bool {
        let fits = !self.is_full(out);
        if fits {
            self.left -= 1;
            self.is_empty = false;
        }
        fits
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
    /// Entries of one stream, at most.
    count: usize,
    options: Options<'a>,
}

impl Request<'_> {
    /// The room of the reply that begins here.
    fn room(&self, out: &Out) -> Room {
        let Options { max_count, max_size, .. } = self.options;
        Room {
            start: out.mark(),
            left: max_count.unwrap_or(usize::MAX),
            bytes_max: max_size.unwrap_or(usize::MAX),
            is_empty: true,
        }
    }
}

/// What stands before the streams.
#[derive(Clone, Copy, Default)]
struct Options<'a> {
    count: i64,
    max_count: Option<usize>,
    max_size: Option<usize>,
    /// How long to wait, if at all; 0 for without end.
    block_ms: Option<u64>,
    group: Option<(&'a [u8], &'a [u8])>,
    claim_idle_ms: Option<i64>,
    noack: bool,
}

fn options<'a>(cx: &Ctx<'_>, mut args: Args<'a>, mode: Mode) -> Result<Request<'a>, Error> {
    let mut options = Options::default();
    while !args.is_empty() {
        let more = args.len() - 1;
        if more > 0 && args.eat("CLAIM") {
            only_for_groups(mode, "CLAIM")?;
            options.claim_idle_ms = Some(idle_time(&mut args)?);
        } else if more > 0 && args.eat("BLOCK") {
            options.block_ms = Some(block_time(cx, args.take()?)?);
        } else if more > 0 && args.eat("COUNT") {
            options.count = args.integer()?.max(0);
        } else if more > 0 && args.eat("MAXCOUNT") {
            options.max_count = Some(limit(&mut args, "ERR MAXCOUNT must be a positive integer")?);
        } else if more > 0 && args.eat("MAXSIZE") {
            options.max_size = Some(limit(&mut args, "ERR MAXSIZE must be a positive integer")?);
        } else if more > 0 && args.eat("STREAMS") {
            let rest = args.rest();
            if !rest.len().is_multiple_of(2) {
                return Err(unbalanced(mode));
            }
            let half = rest.len() / 2;
            if mode == Mode::Group && options.group.is_none() {
                return Err(Error::text("ERR Missing GROUP option for XREADGROUP"));
            }
            let count = if options.count == 0 { usize::MAX } else { size(options.count) };
            if options.max_count.is_some_and(|max| options.count > 0 && max < count) {
                return Err(Error::text("ERR MAXCOUNT must be greater than or equal to COUNT"));
            }
            let (keys, ids) = (rest.first(half).ok_or(Error::Syntax)?, rest.from(half));
            return Ok(Request { argv: args.all(), keys, ids, count, options });
        } else if more >= 2 && args.eat("GROUP") {
            only_for_groups(mode, "GROUP")?;
            options.group = Some((args.take()?, args.take()?));
        } else if args.eat("NOACK") {
            only_for_groups(mode, "NOACK")?;
            options.noack = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    Err(Error::Syntax)
}

/// An error if XREAD was given an option that only XREADGROUP has.
fn only_for_groups(mode: Mode, option: &str) -> Result<(), Error> {
    match mode {
        Mode::Group => Ok(()),
        Mode::Plain => Err(Error::from(format!(
            "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
        ))),
    }
}

/// The milliseconds of CLAIM.
fn idle_time(args: &mut Args<'_>) -> Result<i64, Error> {
    let ms = number_or(args, "ERR min-idle-time is not an integer or out of range")?;
    match ms {
        0.. => Ok(ms),
        _ => Err(Error::text("ERR min-idle-time must be a positive integer")),
    }
}

/// A number of entries or bytes, or the error `wrong`.
fn limit(args: &mut Args<'_>, wrong: &'static str) -> Result<usize, Error> {
    match args.integer()? {
        number @ 1.. => Ok(size(number)),
        _ => Err(Error::text(wrong)),
    }
}

/// As many as can be counted, at most.
fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
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
fn finish(cx: &mut Ctx<'_>, request: &Request<'_>, mark: Mark, served: usize, starts: &[StreamId]) {
    if served > 0 {
        match cx.out.proto() {
            Proto::V2 => cx.out.array_since(mark, served),
            Proto::V3 => cx.out.map_since(mark, served),
        }
        return;
    }
    let Some(block_ms) = request.options.block_ms else {
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
    cx.block_on_streams(request.keys, block_ms, argv, request.options.group.is_some());
}
