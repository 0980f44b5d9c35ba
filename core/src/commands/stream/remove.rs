//! XDELEX and XACKDEL: removing entries with a say in what becomes of the references that groups
//! have to them.

use super::{REFERENCES, all_ids};
use crate::base::Error;
use crate::ds::Stream;
use crate::ds::stream::{References, StreamId};
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::Argv;
use crate::spec::{Access::*, Arg, Flag::*, Group, block, integer, key, many, opt, string};

pub(crate) const COMMANDS: &[&Command] = &[&XACKDEL, &XDELEX];

/// Some IDs, and how many.
pub(super) const IDS: Arg = block("ids", &[integer("numids"), many(string("id"))]).after("IDS");

const XDELEX: Command = Command {
    name: "XDELEX",
    summary: "Deletes entries of a stream, and says what becomes of groups' references to them.",
    since: "8.2.0",
    group: Group::Stream,
    complexity: "O(G) for each ID, with G the groups, however long the stream is.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Delete]), opt(REFERENCES), IDS],
    run: xdelex,
    ..Command::BASE
};

fn xdelex(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    cx.stream_and_out(key)?;
    let wanted = Wanted::take(&mut args)?;
    wanted.run(cx, key, |stream, id, references| {
        let is_forgotten = match references {
            References::Acked if stream.is_referenced(id) => return Done::of(2, false, false),
            References::Delete => stream.forget_references(id) > 0,
            References::Keep | References::Acked => false,
        };
        let is_deleted = stream.delete(id);
        Done::of(if is_deleted { 1 } else { -1 }, is_deleted, is_deleted || is_forgotten)
    })
}

const XACKDEL: Command = Command {
    name: "XACKDEL",
    summary: "Acknowledges entries that a consumer was given, and deletes them from the stream.",
    since: "8.2.0",
    group: Group::Stream,
    complexity: "O(G) for each ID, with G the groups.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update, Delete]), string("group"), opt(REFERENCES), IDS],
    run: xackdel,
    ..Command::BASE
};

fn xackdel(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, name) = (args.take()?, args.take()?);
    cx.stream_and_out(key)?;
    let wanted = Wanted::take(&mut args)?;
    wanted.run(cx, key, |stream, id, references| {
        let group = stream.groups.get_mut(name);
        if !group.is_some_and(|group| group.acknowledge(id)) {
            return Done::of(-1, false, false);
        }
        match references {
            References::Acked if stream.is_referenced(id) => return Done::of(2, false, true),
            References::Delete => _ = stream.forget_references(id),
            References::Keep | References::Acked => {}
        }
        // It counts as deleted if it was gone before.
        Done::of(1, stream.delete(id), true)
    })
}

/// What has become of an entry.
struct Done {
    /// What is replied: 1 if it went, 2 if it is still referred to and stays, -1 if there is none,
    /// or none that was to be acknowledged.
    reply: i64,
    is_deleted: bool,
    /// The entry went, or some of the references to it.
    is_change: bool,
}

impl Done {
    fn of(reply: i64, is_deleted: bool, is_change: bool) -> Self {
        Self { reply, is_deleted, is_change }
    }
}

/// What both commands are told.
struct Wanted<'a> {
    references: References,
    ids: Argv<'a>,
}

impl<'a> Wanted<'a> {
    /// `[KEEPREF | DELREF | ACKED] IDS numids id …`, in any order.
    fn take(args: &mut Args<'a>) -> Result<Self, Error> {
        let (mut references, mut ids) = (None, None);
        while !args.is_empty() {
            if !take_references(&mut references, args)? && !take_ids(&mut ids, args)? {
                return Err(Error::Syntax);
            }
        }
        let ids = ids.ok_or(Error::Syntax)?;
        Ok(Self { references: references.unwrap_or_default(), ids })
    }

    /// Does `work` for each ID, replies with what has become of each, and tells of it.
    fn run(
        self,
        cx: &mut Ctx<'_>,
        key: &[u8],
        work: impl Fn(&mut Stream, StreamId, References) -> Done,
    ) -> Outcome {
        let Some((stream, out)) = cx.stream_and_out(key)? else {
            cx.out.array(self.ids.len());
            self.ids.iter().for_each(|_| cx.out.int(-1));
            return Ok(());
        };
        let ids = all_ids(self.ids)?;
        let (mut deleted, mut changes) = (0, 0);
        out.array(ids.len());
        for id in ids {
            let done = work(stream, id, self.references);
            out.int(done.reply);
            deleted += u64::from(done.is_deleted);
            changes += u64::from(done.is_change);
        }
        if deleted > 0 {
            stream.settle();
        }
        let dirty = cx.dirty + changes;
        if deleted > 0 {
            cx.changed(key, Class::Stream, "xdel");
        }
        cx.dirty = dirty;
        Ok(())
    }
}

/// Takes what is said of references, which can be said once; returns false if there is nothing.
pub(super) fn take_references(
    references: &mut Option<References>,
    args: &mut Args<'_>,
) -> Result<bool, Error> {
    let found = if args.eat("KEEPREF") {
        References::Keep
    } else if args.eat("DELREF") {
        References::Delete
    } else if args.eat("ACKED") {
        References::Acked
    } else {
        return Ok(false);
    };
    if references.replace(found).is_some() { Err(Error::Syntax) } else { Ok(true) }
}

/// Takes `IDS numids id …`; returns false if it is something else.
fn take_ids<'a>(ids: &mut Option<Argv<'a>>, args: &mut Args<'a>) -> Result<bool, Error> {
    if args.len() < 2 || !args.eat("IDS") {
        return Ok(false);
    }
    let none = Error::text("ERR Number of IDs must be a positive integer");
    let count = args.integer_or(none.clone())?;
    let count = u64::try_from(count).ok().filter(|&count| count > 0).ok_or(none)?;
    // More than the machine can count is more than there are.
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    *ids = Some(args.take_many(count).map_err(|_| {
        Error::text("ERR The `numids` parameter must match the number of arguments")
    })?);
    Ok(true)
}
