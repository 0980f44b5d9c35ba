//! Lists: moving elements from one to another, taking them from the first of several, and waiting
//! for them.
//!
//! A blocking command does what its sister does and, where that finds nothing, waits; see
//! [`block`](crate::engine::block).

use super::list::{pop_event, pop_from, push_event, removed, settle, size};
use crate::base::{Error, num};
use crate::ds::quicklist::Side;
use crate::ds::{Element, QuickList};
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::Argv;
use crate::spec::{Access::*, Arg, Flag::*, Group, double, integer, key, many, one_of, opt, token};
use crate::store::{Type, Value};

pub(crate) const COMMANDS: &[&Command] =
    &[&BLMOVE, &BLMPOP, &BLPOP, &BRPOP, &BRPOPLPUSH, &LMOVE, &LMPOP, &RPOPLPUSH];

/// The words for the ends of a list.
pub(super) const SIDES: &[Arg] = &[token("left", "LEFT"), token("right", "RIGHT")];

const LMOVE: Command = Command {
    name: "LMOVE",
    summary: "Takes an element off one end of a list and adds it at an end of another, or of the same.",
    since: "6.2.0",
    group: Group::List,
    flags: &[Write, DenyOom],
    args: &[
        key("source", &[Rw, Access, Delete]),
        key("destination", &[Rw, Insert]),
        one_of("wherefrom", SIDES),
        one_of("whereto", SIDES),
    ],
    example: "> RPUSH todo a b\n(integer) 2\n> LMOVE todo doing LEFT RIGHT\n\"a\"\n> LRANGE doing 0 -1\n1) \"a\"\n",
    run: lmove,
    ..Command::BASE
};

fn lmove(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (source, destination) = (args.take()?, args.take()?);
    let way = Way::take(&mut args)?;
    move_or_null(cx, source, destination, way)
}

const RPOPLPUSH: Command = Command {
    name: "RPOPLPUSH",
    summary: "Takes the last element off a list and adds it at the head of another, or of the same.",
    since: "1.2.0",
    group: Group::List,
    flags: &[Write, DenyOom],
    args: &[key("source", &[Rw, Access, Delete]), key("destination", &[Rw, Insert])],
    deprecated: Some(("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")),
    example: "> RPUSH todo a b\n(integer) 2\n> RPOPLPUSH todo doing\n\"b\"\n",
    run: rpoplpush,
    ..Command::BASE
};

fn rpoplpush(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (source, destination) = (args.take()?, args.take()?);
    move_or_null(cx, source, destination, Way::RIGHT_TO_LEFT)
}

const BLMOVE: Command = Command {
    name: "BLMOVE",
    summary: "As LMOVE, and waits for an element to move if there is none.",
    since: "6.2.0",
    group: Group::List,
    flags: &[Write, DenyOom, Blocking],
    args: &[
        key("source", &[Rw, Access, Delete]),
        key("destination", &[Rw, Insert]),
        one_of("wherefrom", SIDES),
        one_of("whereto", SIDES),
        double("timeout"),
    ],
    example: "> RPUSH todo a\n(integer) 1\n> BLMOVE todo doing LEFT LEFT 0\n\"a\"\n",
    run: blmove,
    ..Command::BASE
};

fn blmove(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (source, destination) = (args.take()?, args.take()?);
    let way = Way::take(&mut args)?;
    move_or_wait(cx, source, destination, way, args)
}

const BRPOPLPUSH: Command = Command {
    name: "BRPOPLPUSH",
    summary: "As RPOPLPUSH, and waits for an element to move if there is none.",
    since: "2.2.0",
    group: Group::List,
    flags: &[Write, DenyOom, Blocking],
    args: &[
        key("source", &[Rw, Access, Delete]),
        key("destination", &[Rw, Insert]),
        double("timeout"),
    ],
    deprecated: Some(("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")),
    example: "> RPUSH todo a\n(integer) 1\n> BRPOPLPUSH todo doing 0\n\"a\"\n",
    run: brpoplpush,
    ..Command::BASE
};

fn brpoplpush(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (source, destination) = (args.take()?, args.take()?);
    move_or_wait(cx, source, destination, Way::RIGHT_TO_LEFT, args)
}

const LMPOP: Command = Command {
    name: "LMPOP",
    summary: "Takes elements off an end of the first of several lists that has any.",
    since: "7.0.0",
    group: Group::List,
    complexity: "O(N+M) with N the keys and M the elements taken.",
    flags: &[Write],
    args: &[
        integer("numkeys"),
        many(key("key", &[Rw, Access, Delete])),
        one_of("where", SIDES),
        opt(integer("count").after("COUNT")),
    ],
    example: "> RPUSH later a b c\n(integer) 3\n> LMPOP 2 urgent later LEFT COUNT 2\n1) \"later\"\n2) 1) \"a\"\n   2) \"b\"\n",
    run: lmpop,
    ..Command::BASE
};

fn lmpop(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (keys, side, count) = pop_options(&mut args)?;
    if !pop_first(cx, keys, side, Some(count))? {
        cx.out.null_array();
    }
    Ok(())
}

const BLMPOP: Command = Command {
    name: "BLMPOP",
    summary: "As LMPOP, and waits until one of the lists has elements.",
    since: "7.0.0",
    group: Group::List,
    complexity: "O(N+M) with N the keys and M the elements taken.",
    flags: &[Write, Blocking],
    args: &[
        double("timeout"),
        integer("numkeys"),
        many(key("key", &[Rw, Access, Delete])),
        one_of("where", SIDES),
        opt(integer("count").after("COUNT")),
    ],
    example: "> RPUSH later a b c\n(integer) 3\n> BLMPOP 0 2 urgent later RIGHT\n1) \"later\"\n2) 1) \"c\"\n",
    run: blmpop,
    ..Command::BASE
};

fn blmpop(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let timeout = args.take()?;
    let (keys, side, count) = pop_options(&mut args)?;
    let timeout_ms = cx.timeout_ms(timeout)?;
    if !pop_first(cx, keys, side, Some(count))? {
        cx.block_on(keys.iter(), Type::List, timeout_ms, &args);
    }
    Ok(())
}

const BLPOP: Command = Command {
    name: "BLPOP",
    summary: "Takes the first element off the first of several lists that has any, and waits until one has.",
    since: "2.0.0",
    group: Group::List,
    complexity: "O(N) with N the keys.",
    flags: &[Write, Blocking],
    args: &[many(key("key", &[Rw, Access, Delete])), double("timeout")],
    example: "> RPUSH later a b\n(integer) 2\n> BLPOP urgent later 0\n1) \"later\"\n2) \"a\"\n",
    run: blpop,
    ..Command::BASE
};

fn blpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(cx, args, Side::Left)
}

const BRPOP: Command = Command {
    name: "BRPOP",
    summary: "Takes the last element off the first of several lists that has any, and waits until one has.",
    since: "2.0.0",
    group: Group::List,
    complexity: "O(N) with N the keys.",
    flags: &[Write, Blocking],
    args: &[many(key("key", &[Rw, Access, Delete])), double("timeout")],
    example: "> RPUSH later a b\n(integer) 2\n> BRPOP urgent later 0\n1) \"later\"\n2) \"b\"\n",
    run: brpop,
    ..Command::BASE
};

fn brpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(cx, args, Side::Right)
}

fn pop_or_wait(cx: &mut Ctx<'_>, mut args: Args<'_>, side: Side) -> Outcome {
    let keys = args.take_many(args.len() - 1)?;
    let timeout_ms = cx.timeout_ms(args.take()?)?;
    if !pop_first(cx, keys, side, None)? {
        cx.block_on(keys.iter(), Type::List, timeout_ms, &args);
    }
    Ok(())
}

/// Takes elements off the first of the lists at `keys` that there is, and replies with its key and
/// the elements. Returns false, without a reply, if there is none.
fn pop_first(
    cx: &mut Ctx<'_>,
    keys: Argv<'_>,
    side: Side,
    count: Option<usize>,
) -> Result<bool, Error> {
    for key in keys.iter() {
        if cx.list_mut(key)?.is_some() {
            cx.out.array(2);
            cx.out.bulk(key);
            let name: &[u8] = if side == Side::Left { b"LPOP" } else { b"RPOP" };
            let length = cx.list_mut(key)?.map_or(0, |list| list.len());
            match count.map(|count| num::Digits::of(count.min(length) as i64)) {
                Some(count) => cx.propagate_as(&[name, key, &count]),
                None => cx.propagate_as(&[name, key]),
            }
            return pop_from(cx, key, side, count);
        }
    }
    Ok(false)
}

/// `numkeys key … LEFT | RIGHT [COUNT count]`.
fn pop_options<'a>(args: &mut Args<'a>) -> Result<(Argv<'a>, Side, usize), Error> {
    let numkeys = positive(args, "ERR numkeys should be greater than 0")?;
    let keys = args.take_many(numkeys)?;
    let side = side(args)?;
    let mut count = None;
    while !args.is_empty() {
        if count.is_some() || !args.eat("COUNT") {
            return Err(Error::Syntax);
        }
        count = Some(positive(args, "ERR count should be greater than 0")?);
    }
    Ok((keys, side, count.unwrap_or(1)))
}

/// The next argument as a positive number, or an error with the text `otherwise`.
fn positive(args: &mut Args<'_>, otherwise: &'static str) -> Result<usize, Error> {
    match num::parse_i64(args.take()?) {
        Some(number @ 1..) => Ok(size(number.unsigned_abs())),
        _ => Err(Error::text(otherwise)),
    }
}

/// From which end an element is taken, and at which it is added.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) from: Side,
    pub(super) to: Side,
}

impl Way {
    /// `LEFT | RIGHT`, twice.
    pub(super) fn take(args: &mut Args<'_>) -> Result<Self, Error> {
        Ok(Self { from: side(args)?, to: side(args)? })
    }

    const RIGHT_TO_LEFT: Self = Self { from: Side::Right, to: Side::Left };
}

/// `LEFT | RIGHT`.
fn side(args: &mut Args<'_>) -> Result<Side, Error> {
    if args.eat("LEFT") {
        Ok(Side::Left)
    } else if args.eat("RIGHT") {
        Ok(Side::Right)
    } else {
        Err(Error::Syntax)
    }
}

fn move_or_null(cx: &mut Ctx<'_>, source: &[u8], destination: &[u8], way: Way) -> Outcome {
    if !move_element(cx, source, destination, way)? {
        cx.out.null();
    }
    Ok(())
}

fn move_or_wait(
    cx: &mut Ctx<'_>,
    source: &[u8],
    destination: &[u8],
    way: Way,
    mut args: Args<'_>,
) -> Outcome {
    let timeout_ms = cx.timeout_ms(args.take()?)?;
    if move_element(cx, source, destination, way)? {
        let argv = args.all();
        match (argv.get(3), argv.get(4)) {
            (Some(from), Some(to)) if argv.len() == 6 => {
                cx.propagate_as(&[b"LMOVE", source, destination, from, to]);
            }
            _ => cx.propagate_as(&[b"RPOPLPUSH", source, destination]),
        }
        return Ok(());
    }
    if cx.deny_blocking {
        // Not the null array that replies when the time is over.
        cx.out.null();
        return Ok(());
    }
    cx.block_on([source], Type::List, timeout_ms, &args);
    Ok(())
}

/// Moves an element and replies with it. Returns false, without a reply, if there is no source.
fn move_element(
    cx: &mut Ctx<'_>,
    source: &[u8],
    destination: &[u8],
    way: Way,
) -> Result<bool, Error> {
    let limits = cx.list_limits();
    if cx.list_mut(source)?.is_none() {
        return Ok(false);
    }
    let destination_is_new = cx.list_mut(destination)?.is_none();
    let Some(list) = cx.list_mut(source)? else { return Ok(false) };
    let Some(element) = list.peek(way.from) else { return Ok(false) };
    // Numbers count as nothing when Redis asks whether the destination outgrows its listpack.
    let growth = if let Element::Bytes(bytes) = element { bytes.len() } else { 0 };
    let element = element.to_vec();
    list.drop_end(way.from);
    let push = |list: &mut QuickList| {
        list.grow(1, growth, limits);
        list.push(way.to, &element, limits);
    };
    if destination_is_new {
        let mut list = QuickList::default();
        push(&mut list);
        cx.insert(destination, Value::List(Box::new(list)), None);
    } else if let Some(list) = cx.list_mut(destination)? {
        push(list);
    }
    let dirty = cx.dirty;
    cx.changed(destination, Class::List, push_event(way.to));
    cx.dirty = dirty;
    cx.out.bulk(&element);
    if let Some(list) = cx.list_mut(source)? {
        let emptied = settle(list, limits);
        removed(cx, source, pop_event(way.from), 1, emptied);
    }
    Ok(true)
}
