//! Whole databases: their size, emptying and swapping them.

use crate::base::Error;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::session::BlockedOn;
use crate::spec::{Acl, Arg, Category, Flag::*, Group, integer, one_of, opt, token};

pub(crate) const COMMANDS: &[&Command] = &[&DBSIZE, &FLUSHALL, &FLUSHDB, &SWAPDB];

const DBSIZE: Command = Command {
    name: "DBSIZE",
    summary: "Tells how many keys the selected database holds.",
    since: "1.0.0",
    group: Group::Server,
    flags: &[Readonly, Fast],
    acl: Acl::Group(&[Category::Keyspace]),
    tips: &["request_policy:all_shards", "response_policy:agg_sum"],
    example: "> SET note hello\nOK\n> DBSIZE\n(integer) 1\n",
    run: dbsize,
    ..Command::BASE
};

fn dbsize(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    // Keys that have expired and are still stored count, as in Redis.
    let count = cx.shard.db(cx.session.db).len();
    cx.out.count(count);
    Ok(())
}

/// Whether what was removed is freed at once or little by little. Both are the same here: a
/// command runs to completion, and there is no second thread to leave it to.
const FLUSH_TYPE: Arg = opt(one_of(
    "flush-type",
    &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
));

const FLUSHALL: Command = Command {
    name: "FLUSHALL",
    summary: "Removes all keys of all databases.",
    since: "1.0.0",
    group: Group::Server,
    complexity: "O(N) for N keys in all databases",
    flags: &[Write],
    acl: Acl::Group(&[Category::Keyspace, Category::Dangerous]),
    args: &[FLUSH_TYPE],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    example: "> SET note hello\nOK\n> FLUSHALL\nOK\n> DBSIZE\n(integer) 0\n",
    run: flushall,
    ..Command::BASE
};

fn flushall(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let is_async = take_flush_type(args)?;
    let now = cx.now;
    for index in 0..cx.shard.dbs.len() {
        cx.flush(now, index);
    }
    let id = cx.session.id;
    let waits = cx.save_what_is_left(now, id);
    cx.tracked_keys_are_gone(is_async);
    cx.propagate_always();
    if waits {
        cx.block(BlockedOn::World, 0, args.all().to_owned());
    } else {
        cx.out.ok();
    }
    Ok(())
}

const FLUSHDB: Command = Command {
    name: "FLUSHDB",
    summary: "Removes all keys of the selected database.",
    since: "1.0.0",
    group: Group::Server,
    complexity: "O(N) for N keys in the selected database",
    flags: &[Write],
    acl: Acl::Group(&[Category::Keyspace, Category::Dangerous]),
    args: &[FLUSH_TYPE],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    example: "> SET note hello\nOK\n> FLUSHDB\nOK\n> DBSIZE\n(integer) 0\n",
    run: flushdb,
    ..Command::BASE
};

fn flushdb(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let is_async = take_flush_type(args)?;
    let (now, index) = (cx.now, cx.session.db);
    cx.flush(now, index);
    cx.tracked_keys_are_gone(is_async);
    cx.propagate_always();
    cx.out.ok();
    Ok(())
}

/// Whether what was removed may be freed later.
fn take_flush_type(mut args: Args<'_>) -> Result<bool, Error> {
    let is_async = args.eat("ASYNC");
    let _ = is_async || args.eat("SYNC");
    args.end()?;
    Ok(is_async)
}

const SWAPDB: Command = Command {
    name: "SWAPDB",
    summary: "Swaps the contents of two databases.",
    since: "4.0.0",
    group: Group::Server,
    complexity: "O(N) for N keys that clients watch or wait for",
    flags: &[Write, Fast],
    acl: Acl::Group(&[Category::Keyspace, Category::Dangerous]),
    args: &[integer("index1"), integer("index2")],
    example: "> SET note hello\nOK\n> SWAPDB 0 1\nOK\n> GET note\n(nil)\n> SELECT 1\nOK\n\
              > GET note\n\"hello\"\n",
    run: swapdb,
    ..Command::BASE
};

fn swapdb(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let one = args.int32_or(Error::text("ERR invalid first DB index"))?;
    let other = args.int32_or(Error::text("ERR invalid second DB index"))?;
    let (one, other) = (cx.db_index(one)?, cx.db_index(other)?);
    let now = cx.now;
    cx.swap_databases(now, one, other);
    cx.out.ok();
    Ok(())
}
