//! Keys of any type: which there are, and removing, renaming, copying and moving them.

use crate::base::{Error, glob};
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{
    Access::*, Acl, Category, Flag::*, Group, integer, key, many, opt, pattern, token,
};
use crate::store::{Value, ValueRef};

pub(crate) const COMMANDS: &[&Command] =
    &[&COPY, &DEL, &EXISTS, &KEYS, &MOVE, &RANDOMKEY, &RENAME, &RENAMENX, &TOUCH, &TYPE, &UNLINK];

/// How often RANDOMKEY draws again when it drew a key that has expired but must stay stored.
const RANDOM_TRIES: usize = 100;

const COPY: Command = Command {
    name: "COPY",
    summary: "Copies what a key holds to another key, with its expiry.",
    since: "6.2.0",
    group: Group::Generic,
    complexity: "O(N) for a collection of N elements, O(1) for a string",
    flags: &[Write, DenyOom],
    args: &[
        key("source", &[Ro, Access]),
        key("destination", &[Ow, Update]),
        opt(integer("destination-db").after("DB")),
        opt(token("replace", "REPLACE")),
    ],
    example: "> SET note hello\nOK\n> COPY note other\n(integer) 1\n> COPY note other\n\
              (integer) 0\n> COPY note other REPLACE\n(integer) 1\n> COPY note note DB 1\n\
              (integer) 1\n",
    run: copy,
    ..Command::BASE
};

fn copy(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (source, destination) = (args.take()?, args.take()?);
    let source_db = cx.session.db;
    let (mut db, mut replace) = (source_db, false);
    while !args.is_empty() {
        if args.eat("REPLACE") {
            replace = true;
        } else if args.eat("DB") {
            db = cx.db_index(args.int32()?)?;
        } else {
            return Err(Error::Syntax);
        }
    }
    refuse_same((source_db, source), (db, destination))?;
    let Some(found) = cx.read(source) else {
        cx.out.int(0);
        return Ok(());
    };
    let copy = Moved::copy(found.value, found.expires_ms);
    if cx.exists_in(db, destination) {
        if !replace {
            cx.out.int(0);
            return Ok(());
        }
        cx.shard.db_mut(db).delete(destination);
    }
    copy.put(cx, db, destination);
    cx.engine.changed(db, destination, Class::Generic, "copy_to");
    cx.out.int(1);
    Ok(())
}

/// A value on its way to another key.
struct Moved {
    value: Value,
    expires_ms: Option<i64>,
}

impl Moved {
    fn copy(value: ValueRef<'_>, expires_ms: Option<i64>) -> Self {
        Self { value: value.to_value(), expires_ms }
    }

    /// Takes what `key` of the selected database holds.
    fn take(cx: &mut Ctx<'_>, key: &[u8]) -> Option<Self> {
        cx.look(key)?;
        let (value, expires_ms) = cx.remove(key)?;
        Some(Self { value, expires_ms })
    }

    fn put(self, cx: &mut Ctx<'_>, db: usize, key: &[u8]) {
        cx.engine.insert(db, key, self.value, self.expires_ms);
    }
}

/// The error for a key that is to be copied or moved onto itself.
fn refuse_same(source: (usize, &[u8]), destination: (usize, &[u8])) -> Outcome {
    if source == destination {
        return Err(Error::text("ERR source and destination objects are the same"));
    }
    Ok(())
}

const DEL: Command = Command {
    name: "DEL",
    summary: "Removes keys. Tells how many there were.",
    since: "1.0.0",
    group: Group::Generic,
    complexity: "O(N) for N keys; what they held is freed later, a slice at a time",
    flags: &[Write],
    args: &[many(key("key", &[Rm, Delete]))],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    example: "> SET note hello\nOK\n> DEL note nothing\n(integer) 1\n",
    run: del,
    ..Command::BASE
};

/// DEL and UNLINK, which differ only where another thread could free the memory.
fn del(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut count = 0;
    for key in args.rest().iter() {
        if cx.exists(key) && cx.delete(key) {
            cx.changed(key, Class::Generic, "del");
            count += 1;
        }
    }
    cx.out.int(count);
    Ok(())
}

const EXISTS: Command = Command {
    name: "EXISTS",
    summary: "Tells how many of the keys exist; one that is named twice counts twice.",
    since: "1.0.0",
    group: Group::Generic,
    complexity: "O(N) for N keys",
    flags: &[Readonly, Fast],
    args: &[many(key("key", &[Ro]))],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    example: "> SET note hello\nOK\n> EXISTS note nothing note\n(integer) 2\n",
    run: exists,
    ..Command::BASE
};

fn exists(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let count = args.rest().iter().filter(|key| cx.ask(key).is_some()).count();
    cx.out.count(count);
    Ok(())
}

const KEYS: Command = Command {
    name: "KEYS",
    summary: "Lists all keys that match a pattern. For people; programs use SCAN.",
    since: "1.0.0",
    group: Group::Generic,
    complexity: "O(N) for N keys in the selected database",
    flags: &[Readonly],
    acl: Acl::Group(&[Category::Dangerous]),
    args: &[pattern("pattern")],
    tips: &["request_policy:all_shards", "nondeterministic_output_order"],
    example: "> MSET one 1 two 2\nOK\n> KEYS o*\n1) \"one\"\n",
    run: keys,
    ..Command::BASE
};

fn keys(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let pattern = args.take()?;
    let now_ms = cx.now.unix_ms();
    let mark = cx.out.mark();
    let mut count = 0;
    let out = &mut *cx.out;
    cx.engine.shard.db(cx.session.db).each(|key, found| {
        let is_live = found.expires_ms.is_none_or(|at| at >= now_ms);
        if is_live && (pattern == b"*" || glob::matches(pattern, key)) {
            out.bulk(key);
            count += 1;
        }
    });
    out.array_since(mark, count);
    Ok(())
}

const MOVE: Command = Command {
    name: "MOVE",
    summary: "Moves a key to another database, unless it exists there.",
    since: "1.0.0",
    group: Group::Generic,
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Update]), integer("db")],
    example: "> SET note hello\nOK\n> MOVE note 1\n(integer) 1\n> EXISTS note\n(integer) 0\n",
    run: move_key,
    ..Command::BASE
};

fn move_key(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let source_db = cx.session.db;
    let db = cx.db_index(args.int32()?)?;
    refuse_same((source_db, key), (db, key))?;
    // Looked up in this order, so that keys which have expired go in this order too.
    if !cx.exists(key) || cx.exists_in(db, key) {
        cx.out.int(0);
        return Ok(());
    }
    if let Some(moved) = Moved::take(cx, key) {
        moved.put(cx, db, key);
    }
    let engine = &mut *cx.engine;
    engine.touched(source_db, key);
    engine.touched(db, key);
    engine.dirty += 1;
    engine.notify(Class::Generic, "move_from", source_db, key);
    engine.notify(Class::Generic, "move_to", db, key);
    cx.out.int(1);
    Ok(())
}

const RANDOMKEY: Command = Command {
    name: "RANDOMKEY",
    summary: "Draws a key of the selected database by lot.",
    since: "1.0.0",
    group: Group::Generic,
    flags: &[Readonly],
    tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
    example: "> SET note hello\nOK\n> RANDOMKEY\n\"note\"\n",
    run: randomkey,
    ..Command::BASE
};

fn randomkey(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let index = cx.session.db;
    let mut tries = 0;
    loop {
        let engine = &mut *cx.engine;
        let Some(key) = engine.shard.db(index).random_key(&mut engine.rng) else {
            cx.out.null();
            return Ok(());
        };
        let key: Box<[u8]> = key.into();
        tries += 1;
        // An expired key is removed by the look and another one drawn. Only while CLIENT PAUSE
        // keeps expired keys stored can this go on, and then it ends as in Redis.
        let is_kept = cx.pause.until.is_some() && tries >= RANDOM_TRIES;
        if cx.exists_in(index, &key) || is_kept {
            cx.out.bulk(&key);
            return Ok(());
        }
    }
}

const RENAME: Command = Command {
    name: "RENAME",
    summary: "Gives a key another name. A key that had that name is gone.",
    since: "1.0.0",
    group: Group::Generic,
    flags: &[Write],
    args: &[key("key", &[Rw, Access, Delete]), key("newkey", &[Ow, Update])],
    example: "> SET note hello\nOK\n> RENAME note letter\nOK\n> GET letter\n\"hello\"\n",
    run: rename,
    ..Command::BASE
};

fn rename(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (source, destination) = (args.take()?, args.take()?);
    if !cx.exists(source) {
        return Err(Error::NoSuchKey);
    }
    if source != destination {
        rename_to(cx, source, destination);
    }
    cx.out.ok();
    Ok(())
}

/// Renames `source`, which is there.
fn rename_to(cx: &mut Ctx<'_>, source: &[u8], destination: &[u8]) {
    if cx.exists(destination) {
        cx.delete(destination);
    }
    let db = cx.session.db;
    if let Some(moved) = Moved::take(cx, source) {
        moved.put(cx, db, destination);
    }
    let engine = &mut *cx.engine;
    engine.touched(db, source);
    engine.touched(db, destination);
    engine.dirty += 1;
    engine.notify(Class::Generic, "rename_from", db, source);
    engine.notify(Class::Generic, "rename_to", db, destination);
}

const RENAMENX: Command = Command {
    name: "RENAMENX",
    summary: "Gives a key another name, unless there is a key of that name.",
    since: "1.0.0",
    group: Group::Generic,
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Delete]), key("newkey", &[Ow, Insert])],
    example: "> MSET one 1 two 2\nOK\n> RENAMENX one two\n(integer) 0\n> RENAMENX one three\n\
              (integer) 1\n",
    run: renamenx,
    ..Command::BASE
};

fn renamenx(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (source, destination) = (args.take()?, args.take()?);
    if !cx.exists(source) {
        return Err(Error::NoSuchKey);
    }
    let renames = source != destination && !cx.exists(destination);
    if renames {
        rename_to(cx, source, destination);
    }
    cx.out.int(i64::from(renames));
    Ok(())
}

const TOUCH: Command = Command {
    name: "TOUCH",
    summary: "Marks keys as used just now. Tells how many of them exist.",
    since: "3.2.1",
    group: Group::Generic,
    complexity: "O(N) for N keys",
    flags: &[Readonly, Fast],
    args: &[many(key("key", &[Ro]))],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    example: "> SET note hello\nOK\n> TOUCH note nothing\n(integer) 1\n",
    run: touch,
    ..Command::BASE
};

fn touch(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let db = cx.session.db;
    let mut count = 0;
    for key in args.rest().iter() {
        if cx.ask(key).is_some() {
            // Under CLIENT NO-TOUCH too.
            if let Some(at) = cx.shard.db(db).locate(key) {
                cx.mark_used(db, at);
            }
            count += 1;
        }
    }
    cx.out.int(count);
    Ok(())
}

const TYPE: Command = Command {
    name: "TYPE",
    summary: "Tells the type of what a key holds.",
    since: "1.0.0",
    group: Group::Generic,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro])],
    example: "> SET note hello\nOK\n> TYPE note\nstring\n> TYPE nothing\nnone\n",
    run: type_of,
    ..Command::BASE
};

fn type_of(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let kind = cx.ask(args.take()?).map(|found| found.value.kind());
    cx.out.simple(kind.map_or("none", |kind| kind.name()));
    Ok(())
}

const UNLINK: Command = Command {
    name: "UNLINK",
    summary: "Removes keys, leaving the freeing of memory for later where that is possible.",
    since: "4.0.0",
    group: Group::Generic,
    complexity: "O(1) for each key, and O(M) later for each collection of M elements",
    flags: &[Write, Fast],
    args: &[many(key("key", &[Rm, Delete]))],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    example: "> SET note hello\nOK\n> UNLINK note nothing\n(integer) 1\n",
    run: del,
    ..Command::BASE
};
