//! DEBUG: looking into the engine, and making it misbehave in a controlled way, for tests.
//!
//! Only clients that `enable-debug-command` lets may use it. In Redis its subcommands are no commands
//! of their own, so they are told apart here; the list is as declared as the rest.

use crate::base::sha1::{hex, sha1};
use crate::base::{Error, num};
use crate::ds::QuickList;
use crate::ds::quicklist::NodeRef;
use crate::ds::stream::StreamId;
use crate::engine::loading::How;
use crate::engine::world::Level;
use crate::engine::{Args, Command, Ctx, Outcome, help as text};
use crate::resp::Proto;
use crate::session::BlockedOn;
use crate::spec::{Flag::*, Group};
use crate::store::{Type, Value, ValueRef};

pub(crate) const COMMANDS: &[&Command] = &[&DEBUG];

const DEBUG: Command = Command {
    name: "DEBUG",
    summary: "Looks into the server and makes it misbehave, for tests.",
    since: "1.0.0",
    group: Group::Server,
    complexity: "That of the subcommand",
    flags: &[Admin, Noscript, Loading, Stale, Protected, System],
    arity: Some(-2),
    example: "> DEBUG PROTOCOL integer\n(integer) 12345\n",
    run: debug,
    ..Command::BASE
};

/// A subcommand: its name, its arguments for HELP, how many there are, what it does, its handler.
type Sub = (&'static str, &'static str, std::ops::RangeInclusive<usize>, &'static str, Handler);

type Handler = fn(&mut Ctx<'_>, Args<'_>) -> Outcome;

const MANY: usize = usize::MAX;

const SUBCOMMANDS: &[Sub] = &[
    (
        "AOF-FLUSH-SLEEP",
        "microseconds",
        1..=1,
        "Puts off whatever is appended to the append-only file.",
        flush_sleep,
    ),
    ("CHANGE-REPL-ID", "", 0..=0, "Draws a new replication id.", change_repl_id),
    ("DIGEST", "", 0..=0, "Replies with a hash of all data.", digest),
    ("DIGEST-VALUE", "key [key ...]", 0..=MANY, "Hashes the values of keys.", digest_value),
    ("DICT-RESIZING", "<0 | 1>", 1..=1, "Accepted; tables here never stop growing.", accepted),
    (
        "CLIENT-ENFORCE-REPLY-LIST",
        "<0 | 1>",
        1..=1,
        "Accepted; output is one list in any case.",
        accepted,
    ),
    ("ERROR", "message", 1..=1, "Replies with an error of this text.", error),
    ("HTSTATS", "db [full]", 1..=MANY, "Tells how large the table of a database is.", htstats),
    (
        "HASHTABLE-CAN-ABORT-SHRINK",
        "<0 | 1>",
        1..=1,
        "Accepted; tables here shrink a segment at a time.",
        accepted,
    ),
    (
        "HTSTATS-KEY",
        "key [full]",
        1..=MANY,
        "Tells how large the table of a value is.",
        htstats_key,
    ),
    ("LISTPACK", "key", 1..=1, "Tells whether a value is one listpack.", listpack),
    (
        "LOADAOF",
        "",
        0..=0,
        "Reads the append-only file and puts it in the place of the data.",
        load_aof,
    ),
    ("LOG", "message", 1..=1, "Writes a line to the log.", log),
    ("OBJECT", "key", 1..=1, "Shows how a value is stored.", object),
    ("PAUSE-CRON", "<0 | 1>", 1..=1, "Accepted; there is no periodic work to stop.", accepted),
    (
        "POPULATE",
        "count [prefix] [size]",
        1..=3,
        "Adds so many strings `prefix:N`, unless they are there, filled up to a size.",
        populate,
    ),
    ("PROTOCOL", "type", 1..=1, "Replies with a sample of a type of reply.", protocol),
    ("QUICKLIST", "key [detail]", 1..=2, "Tells whether a list has several nodes.", quicklist),
    (
        "QUICKLIST-PACKED-THRESHOLD",
        "size",
        1..=1,
        "Sets the size from which an element of a list gets a node of its own; 0 for the default.",
        packed_threshold,
    ),
    (
        "RELOAD",
        "[MERGE] [NOFLUSH] [NOSAVE]",
        0..=3,
        "Loads all data anew: from a snapshot of now, which is saved too, or from the one there is.",
        reload,
    ),
    (
        "REPLICATE",
        "argument [argument ...]",
        1..=MANY,
        "Accepted; there are no replicas.",
        accepted,
    ),
    ("REPLYBUFFER", "option value", 2..=2, "Accepted; output has no fixed buffer.", accepted),
    ("SDSLEN", "key", 1..=1, "Tells how long a key and its string are.", lengths),
    ("SET-ACTIVE-EXPIRE", "<0 | 1>", 1..=1, "Stops or starts looking for expired keys.", expire),
    ("SET-DISABLE-DENY-SCRIPTS", "<0 | 1>", 1..=1, "Accepted; there are no scripts.", accepted),
    (
        "SET-SKIP-CHECKSUM-VALIDATION",
        "<0 | 1>",
        1..=1,
        "Stops or starts comparing the checksums of snapshots and of what is restored.",
        skip_checksums,
    ),
    ("SLEEP", "seconds", 1..=1, "Runs nothing for so long.", sleep),
    ("STRINGMATCH-TEST", "", 0..=0, "Accepted; patterns are tested elsewhere.", match_test),
    ("HELP", "", 0..=0, "Lists the subcommands.", help),
];

fn debug(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let name = args.take()?;
    let sub = SUBCOMMANDS.iter().find(|sub| name.eq_ignore_ascii_case(sub.0.as_bytes()));
    match sub {
        Some((_, _, takes, _, run)) if takes.contains(&args.len()) => run(cx, args),
        _ => {
            let text = b"ERR unknown subcommand or wrong number of arguments for '".as_slice();
            Err(Error::Bytes([text, name, b"'. Try DEBUG HELP."].concat()))
        }
    }
}

fn help(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let item = |sub: &Sub| (format!("{} {}", sub.0, sub.1).trim_end().to_owned(), sub.3);
    let items: Vec<_> = SUBCOMMANDS.iter().map(item).collect();
    text::reply(cx.out, "DEBUG", &items);
    Ok(())
}

/// What makes no sense here, and does no harm.
fn accepted(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.ok();
    Ok(())
}

fn match_test(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.simple("Apparently Redis did not crash: test passed");
    Ok(())
}

fn change_repl_id(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.repl_id = cx.engine.rng.hex::<40>();
    cx.out.ok();
    Ok(())
}

fn error(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    cx.out.error_line(args.take()?);
    Ok(())
}

fn log(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let message = String::from_utf8_lossy(args.take()?);
    cx.log(Level::Warning, &format!("DEBUG LOG: {message}"));
    cx.out.ok();
    Ok(())
}

/// A number as C's `strtod` and `atoi` read it for these options: what is none is 0.
fn lenient(text: &[u8]) -> f64 {
    num::parse_f64(text).unwrap_or(0.0)
}

fn sleep(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let us = lenient(args.take()?).max(0.0) * 1e6;
    if us >= 1.0 {
        cx.asleep_until = Some(cx.now.mono + us as u64);
        cx.stopwatch.pass(us as u64);
    }
    cx.out.ok();
    Ok(())
}

fn expire(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    cx.active_expire = lenient(args.take()?) != 0.0;
    cx.out.ok();
    Ok(())
}

fn skip_checksums(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    cx.checks_sums = lenient(args.take()?) == 0.0;
    cx.out.ok();
    Ok(())
}

fn packed_threshold(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    const MAX: u64 = 4 << 30;
    let refused =
        Error::text("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    let size = num::parse_memory(args.take()?).filter(|&size| size <= MAX).ok_or(refused)?;
    cx.packed_threshold = usize::try_from(size).ok().filter(|&size| size > 0);
    cx.out.ok();
    Ok(())
}

fn populate(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let positive =
        |text| num::parse_i64(text).and_then(|n| usize::try_from(n).ok()).ok_or(Error::NotPositive);
    let count = positive(args.take()?)?;
    let prefix = if args.is_empty() { b"key" } else { args.take()? };
    let size = if args.is_empty() { 0 } else { positive(args.take()?)? };
    if size as i64 > cx.config.proto_max_bulk_len {
        return Err(Error::StringTooLong);
    }
    for number in 0..count {
        let suffix = number.to_string();
        let key = [prefix, b":", suffix.as_bytes()].concat();
        if cx.look(&key).is_some() {
            continue;
        }
        let mut value = [b"value:", suffix.as_bytes()].concat();
        if size > 0 {
            value.resize(size, 0);
        }
        let (db, class) = (cx.session.db, crate::engine::Class::String);
        cx.engine.insert(db, &key, Value::Str(value), None);
        cx.changed(&key, class, "set");
    }
    cx.out.ok();
    Ok(())
}

fn flush_sleep(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    cx.pause_appends(lenient(args.take()?).max(0.0) as u64);
    cx.out.ok();
    Ok(())
}

fn load_aof(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let id = cx.session.id;
    cx.reload_aof(id)?;
    cx.block(BlockedOn::World, 0, args.all().to_owned());
    Ok(())
}

fn reload(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (mut save, mut flush, mut merge) = (true, true, false);
    while !args.is_empty() {
        if args.eat("MERGE") {
            merge = true;
        } else if args.eat("NOFLUSH") {
            flush = false;
        } else if args.eat("NOSAVE") {
            save = false;
        } else {
            return Err(Error::text(
                "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
            ));
        }
    }
    let how = match (flush, merge) {
        (true, _) => How::Instead,
        (false, false) => How::Beside,
        (false, true) => How::Over,
    };
    let (now, id) = (cx.now, cx.session.id);
    cx.reload(now, id, save, how)?;
    cx.block(BlockedOn::World, 0, args.all().to_owned());
    Ok(())
}

fn protocol(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let kind = args.take()?.to_ascii_lowercase();
    let out = &mut *cx.out;
    match kind.as_slice() {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.int(12345),
        b"double" => out.double(3141.0 / 1000.0),
        b"null" => out.null(),
        b"bignum" => out.big_number("1234567999999999999999999999999999999"),
        b"true" => out.bool(true),
        b"false" => out.bool(false),
        b"verbatim" => out.verbatim("txt", b"This is a verbatim\nstring"),
        b"array" | b"set" => {
            if kind == b"array" {
                out.array(3)
            } else {
                out.set(3)
            }
            (0..3).for_each(|number| out.int(number));
        }
        b"map" => {
            out.map(3);
            for number in 0..3 {
                out.int(number);
                out.bool(number == 1);
            }
        }
        b"attrib" => {
            if out.attributes(1) {
                out.bulk(b"key-popularity");
                out.array(2);
                out.bulk(b"key:123");
                out.int(90);
            }
            out.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            if out.proto() == Proto::V2 {
                return Err(Error::text("ERR RESP2 is not supported by this command"));
            }
            out.bulk(b"Some real reply following the push reply");
            out.push(2);
            out.bulk(b"server-cpu-usage");
            out.int(42);
        }
        _ => {
            return Err(Error::text(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

fn listpack(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    match cx.inspect(args.take()?).ok_or(Error::NoSuchKey)?.value.encoding() {
        "listpack" => cx.out.simple("Listpack structure printed on stdout"),
        _ => return Err(Error::text("ERR Not a listpack encoded object.")),
    }
    Ok(())
}

/// Redis has two tables for a database and shows both, if there is something in them. The one here
/// stands for both; how long chains are is nothing that tables of buckets have.
fn htstats(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let number = args.integer()?;
    let db = usize::try_from(number).ok().and_then(|number| cx.shard.dbs.get(number));
    let db = db.ok_or(Error::text("ERR Out of range database"))?;
    let mut text = String::new();
    for (name, len) in [("Dictionary", db.len()), ("Expires", db.expiring_len())] {
        text.push_str(&format!("[{name} HT]\n"));
        if len > 0 {
            text.push_str(&table_stats(db.slot_count(), len));
        }
    }
    cx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

fn table_stats(slots: usize, len: usize) -> String {
    format!(
        "Hash table 0 stats (main hash table):\n table size: {slots}\n number of elements: {len}\n"
    )
}

fn quicklist(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    match cx.inspect(args.take()?).ok_or(Error::NoSuchKey)?.value.encoding() {
        "quicklist" => cx.out.simple("Quicklist structure printed on stdout"),
        _ => return Err(Error::text("ERR Not a quicklist encoded object.")),
    }
    Ok(())
}

fn object(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let (clock, compressed) = (cx.access_clock, cx.config.list_compress_depth > 0);
    let found = cx.inspect(key).ok_or(Error::NoSuchKey)?;
    let (value, access) = (found.value, found.access);
    let size = match value {
        ValueRef::List(list) => list.nodes().map(node_bytes).sum(),
        _ => value.text().map_or(0, |text| text.len() + 1),
    };
    // The address is one for all: where a value lies in memory is nobody's business.
    let mut line = format!(
        "Value at:0x0 refcount:1 encoding:{} serializedlength:{size} lru:{access} \
         lru_seconds_idle:{}",
        value.encoding(),
        clock.wrapping_sub(access) & 0x00ff_ffff,
    );
    if let ValueRef::List(list) = value
        && let Some(fill) = list.fill()
    {
        line.push_str(&nodes(list, fill, compressed));
    }
    cx.out.simple(&line);
    Ok(())
}

fn node_bytes(node: NodeRef<'_>) -> usize {
    match node {
        NodeRef::Packed(pack) => pack.as_bytes().len(),
        NodeRef::Plain(bytes) => bytes.len(),
    }
}

/// What DEBUG OBJECT adds for a list of several nodes.
fn nodes(list: &QuickList, fill: i32, compressed: bool) -> String {
    let count = list.nodes().count();
    let bytes: usize = list.nodes().map(node_bytes).sum();
    let average = num::format_fixed(list.len() as f64 / count.max(1) as f64, 2);
    format!(
        " ql_nodes:{count} ql_avg_node:{average} ql_listpack_max:{fill} ql_compressed:{} \
         ql_uncompressed_size:{bytes}",
        u8::from(compressed)
    )
}

fn htstats_key(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (slots, len) = match cx.inspect(args.take()?).ok_or(Error::NoSuchKey)?.value {
        ValueRef::Hash(hash) => (hash.slot_count(), hash.len()),
        ValueRef::Set(set) => (set.slot_count(), set.len()),
        ValueRef::SortedSet(set) => (set.slot_count(), set.len()),
        _ => (None, 0),
    };
    let slots = slots.ok_or(Error::text(
        "ERR The value stored at the specified key is not represented using an hash table",
    ))?;
    cx.out.verbatim("txt", table_stats(slots, len).as_bytes());
    Ok(())
}

/// Strings here have no room behind them.
fn lengths(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let found = cx.inspect(key).ok_or(Error::NoSuchKey)?;
    let ValueRef::Str { bytes, .. } = found.value else {
        return Err(Error::text("ERR Not an sds encoded string."));
    };
    let (key, value) = (key.len(), bytes.len());
    cx.out.simple(&format!(
        "key_sds_len:{key}, key_sds_avail:0, key_zmalloc: {key}, val_sds_len:{value}, \
         val_sds_avail:0, val_zmalloc: {value}"
    ));
    Ok(())
}

/// A hash that is put together from parts. In a part's order it matters for `mix`, not for `xor`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Digest([u8; 20]);

impl Digest {
    fn xor(&mut self, bytes: &[u8]) {
        for (own, other) in self.0.iter_mut().zip(sha1(bytes)) {
            *own ^= other;
        }
    }

    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = sha1(&self.0);
    }

    fn value(&mut self, value: ValueRef<'_>, expires_ms: Option<i64>) {
        // The numbers that Redis gives the types.
        let kind: u32 = match value.kind() {
            Type::String => 0,
            Type::List => 1,
            Type::Set => 2,
            Type::SortedSet => 3,
            Type::Stream => 6,
            Type::Hash => 4,
            Type::Array => 7,
        };
        self.mix(&kind.to_be_bytes());
        if let ValueRef::List(list) = value {
            list.iter_from(0).for_each(|element| element.with_bytes(|bytes| self.mix(bytes)));
        } else if let ValueRef::Set(set) = value {
            set.each(|member| member.with_bytes(|bytes| self.xor(bytes)));
        } else if let ValueRef::SortedSet(set) = value {
            for (member, score) in set.iter_from(0) {
                let mut pair = Self::default();
                member.with_bytes(|member| pair.mix(member));
                // Whole numbers are no other than the rest.
                pair.mix(&num::format_beyond(score, 0.0));
                self.xor(&pair.0);
            }
        } else if let ValueRef::Stream(stream) = value {
            for entry in stream.iter(StreamId::MIN, StreamId::MAX) {
                self.mix(&entry.id.text(b'.'));
                for element in entry.fields.flat_map(|(name, value)| [name, value]) {
                    element.with_bytes(|bytes| self.mix(bytes));
                }
            }
        } else if let ValueRef::Hash(hash) = value {
            hash.each(|field| {
                let mut one = Self::default();
                field.name.with_bytes(|name| one.mix(name));
                field.value.with_bytes(|value| one.mix(value));
                if field.expires_ms.is_some() {
                    one.xor(b"!!hexpire!!");
                }
                self.xor(&one.0);
            });
        } else if let ValueRef::Array(array) = value {
            array.each(0, u64::MAX, false, &mut |place, element| {
                self.mix(&num::Digits::of_u64(place));
                element.with_bytes(|bytes| self.mix(bytes));
                true
            });
        } else if let Some(text) = value.text() {
            self.mix(&text);
        }
        if expires_ms.is_some() {
            self.xor(b"!!expire!!");
        }
    }
}

fn digest(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let mut all = Digest::default();
    for (number, db) in (0u32..).zip(&cx.shard.dbs) {
        if db.is_empty() {
            continue;
        }
        all.mix(&number.to_be_bytes());
        db.each(|key, found| {
            let mut one = Digest::default();
            one.mix(key);
            one.value(found.value, found.expires_ms);
            all.xor(&one.0);
        });
    }
    cx.out.simple(&hex(&all.0));
    Ok(())
}

fn digest_value(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let keys = args.rest();
    cx.out.array(keys.len());
    for key in keys.iter() {
        let mut digest = Digest::default();
        if let Some(found) = cx.inspect(key) {
            digest.value(found.value, found.expires_ms);
        }
        cx.out.simple(&hex(&digest.0));
    }
    Ok(())
}
