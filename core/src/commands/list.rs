//! Lists: adding, taking away, looking, changing.
//!
//! What moves elements between lists or waits for them is in [`list_move`](super::list_move). A
//! list that loses its last element is removed with its key.

use crate::base::{Error, num};
use crate::ds::listpack::Needle;
use crate::ds::quicklist::{Limits, Side};
use crate::ds::{Element, QuickList};
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::{Argv, Out};
use crate::spec::{Access::*, Flag::*, Group, integer, key, many, one_of, opt, string, token};
use crate::store::Value;

pub(crate) const COMMANDS: &[&Command] = &[
    &LINDEX, &LINSERT, &LLEN, &LPOP, &LPOS, &LPUSH, &LPUSHX, &LRANGE, &LREM, &LSET, &LTRIM, &RPOP,
    &RPUSH, &RPUSHX,
];

const LPUSH: Command = Command {
    name: "LPUSH",
    summary: "Adds elements at the head of a list, one after the other; makes the list if there is none.",
    since: "1.0.0",
    group: Group::List,
    complexity: "O(N) with N the elements added.",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Insert]), many(string("element"))],
    example: "> LPUSH tasks first second\n(integer) 2\n> LRANGE tasks 0 -1\n1) \"second\"\n2) \"first\"\n",
    run: lpush,
    ..Command::BASE
};

fn lpush(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    push(cx, args, Side::Left, Missing::Create)
}

const RPUSH: Command = Command {
    name: "RPUSH",
    summary: "Adds elements at the tail of a list; makes the list if there is none.",
    since: "1.0.0",
    group: Group::List,
    complexity: "O(N) with N the elements added.",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Insert]), many(string("element"))],
    example: "> RPUSH tasks first second\n(integer) 2\n> LRANGE tasks 0 -1\n1) \"first\"\n2) \"second\"\n",
    run: rpush,
    ..Command::BASE
};

fn rpush(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    push(cx, args, Side::Right, Missing::Create)
}

const LPUSHX: Command = Command {
    name: "LPUSHX",
    summary: "Adds elements at the head of a list that is already there.",
    since: "2.2.0",
    group: Group::List,
    complexity: "O(N) with N the elements added.",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Insert]), many(string("element"))],
    example: "> LPUSHX tasks first\n(integer) 0\n> LLEN tasks\n(integer) 0\n",
    run: lpushx,
    ..Command::BASE
};

fn lpushx(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    push(cx, args, Side::Left, Missing::Leave)
}

const RPUSHX: Command = Command {
    name: "RPUSHX",
    summary: "Adds elements at the tail of a list that is already there.",
    since: "2.2.0",
    group: Group::List,
    complexity: "O(N) with N the elements added.",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Insert]), many(string("element"))],
    example: "> RPUSHX tasks first\n(integer) 0\n> RPUSH tasks first\n(integer) 1\n> RPUSHX tasks second\n(integer) 2\n",
    run: rpushx,
    ..Command::BASE
};

fn rpushx(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    push(cx, args, Side::Right, Missing::Leave)
}

const LPOP: Command = Command {
    name: "LPOP",
    summary: "Takes elements off the head of a list.",
    since: "1.0.0",
    group: Group::List,
    complexity: "O(N) with N the elements taken.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Delete]), opt(integer("count").since("6.2.0"))],
    example: "> RPUSH tasks a b c\n(integer) 3\n> LPOP tasks\n\"a\"\n> LPOP tasks 5\n1) \"b\"\n2) \"c\"\n",
    run: lpop,
    ..Command::BASE
};

fn lpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(cx, args, Side::Left)
}

const RPOP: Command = Command {
    name: "RPOP",
    summary: "Takes elements off the tail of a list.",
    since: "1.0.0",
    group: Group::List,
    complexity: "O(N) with N the elements taken.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Access, Delete]), opt(integer("count").since("6.2.0"))],
    example: "> RPUSH tasks a b c\n(integer) 3\n> RPOP tasks\n\"c\"\n> RPOP tasks 5\n1) \"b\"\n2) \"a\"\n",
    run: rpop,
    ..Command::BASE
};

fn rpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(cx, args, Side::Right)
}

const LLEN: Command = Command {
    name: "LLEN",
    summary: "Counts the elements of a list.",
    since: "1.0.0",
    group: Group::List,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro])],
    example: "> RPUSH tasks a b\n(integer) 2\n> LLEN tasks\n(integer) 2\n> LLEN nothing\n(integer) 0\n",
    run: llen,
    ..Command::BASE
};

fn llen(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let length = cx.read_list(args.take()?)?.map_or(0, |(list, _)| list.len());
    cx.out.count(length);
    Ok(())
}

const LINDEX: Command = Command {
    name: "LINDEX",
    summary: "Returns the element at a place in a list, counted from 0, or from -1 at the tail.",
    since: "1.0.0",
    group: Group::List,
    complexity: "O(N) with N the nodes between the place and the nearer end; O(1) at the ends.",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), integer("index")],
    example: "> RPUSH tasks a b c\n(integer) 3\n> LINDEX tasks 1\n\"b\"\n> LINDEX tasks -1\n\"c\"\n",
    run: lindex,
    ..Command::BASE
};

fn lindex(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let Some((list, out)) = cx.read_list(args.take()?)? else {
        cx.out.null();
        return Ok(());
    };
    // Only now: a missing key is no error, whatever the index is.
    match place(args.integer()?, list.len()).and_then(|index| list.get(index)) {
        Some(element) => bulk_element(out, element),
        None => out.null(),
    }
    Ok(())
}

const LRANGE: Command = Command {
    name: "LRANGE",
    summary: "Returns the elements from one place in a list to another, both included.",
    since: "1.0.0",
    group: Group::List,
    complexity: "O(S+N) with S the nodes between the start and the nearer end, N the elements.",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), integer("start"), integer("stop")],
    example: "> RPUSH tasks a b c\n(integer) 3\n> LRANGE tasks -2 -1\n1) \"b\"\n2) \"c\"\n",
    run: lrange,
    ..Command::BASE
};

fn lrange(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let (start, stop) = (args.integer()?, args.integer()?);
    let Some((list, out)) = cx.read_list(key)? else {
        cx.out.array(0);
        return Ok(());
    };
    let (start, count) = span(start, stop, list.len());
    out.array(count);
    for element in list.iter_from(start).take(count) {
        bulk_element(out, element);
    }
    Ok(())
}

const LTRIM: Command = Command {
    name: "LTRIM",
    summary: "Keeps the elements from one place in a list to another, and removes all others.",
    since: "1.0.0",
    group: Group::List,
    complexity: "O(N) with N the elements removed.",
    flags: &[Write],
    args: &[key("key", &[Rw, Delete]), integer("start"), integer("stop")],
    example: "> RPUSH tasks a b c\n(integer) 3\n> LTRIM tasks 1 -1\nOK\n> LRANGE tasks 0 -1\n1) \"b\"\n2) \"c\"\n",
    run: ltrim,
    ..Command::BASE
};

fn ltrim(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let (start, stop) = (args.integer()?, args.integer()?);
    let limits = cx.list_limits();
    if let Some(list) = cx.list_mut(key)? {
        let before = list.len();
        let (start, count) = span(start, stop, before);
        list.remove_range(start + count, before);
        list.remove_range(0, start);
        let emptied = settle(list, limits);
        removed(cx, key, "ltrim", before - count, emptied);
    }
    cx.out.ok();
    Ok(())
}

const LSET: Command = Command {
    name: "LSET",
    summary: "Puts an element in the place of another.",
    since: "1.0.0",
    group: Group::List,
    complexity: "O(N) with N the nodes between the place and the nearer end; O(1) at the ends.",
    flags: &[Write, DenyOom],
    args: &[key("key", &[Rw, Update]), integer("index"), string("element")],
    example: "> RPUSH tasks a b c\n(integer) 3\n> LSET tasks 1 x\nOK\n> LINDEX tasks 1\n\"x\"\n",
    run: lset,
    ..Command::BASE
};

fn lset(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let limits = cx.list_limits();
    let list = cx.list_mut(key)?.ok_or(Error::NoSuchKey)?;
    // Redis sees the lower 32 bits of the index, whatever they mean.
    let index = i64::from(args.integer()? as i32);
    let element = args.take()?;
    list.grow(1, element.len(), limits);
    let index = place(index, list.len()).ok_or(Error::IndexOutOfRange)?;
    list.set(index, element, limits);
    list.shrink(limits);
    cx.changed(key, Class::List, "lset");
    cx.out.ok();
    Ok(())
}

const LINSERT: Command = Command {
    name: "LINSERT",
    summary: "Puts an element before or behind the first one that equals another.",
    since: "2.2.0",
    group: Group::List,
    complexity: "O(N) with N the elements before the one looked for.",
    flags: &[Write, DenyOom],
    args: &[
        key("key", &[Rw, Insert]),
        one_of("where", &[token("before", "BEFORE"), token("after", "AFTER")]),
        string("pivot"),
        string("element"),
    ],
    example: "> RPUSH tasks a c\n(integer) 2\n> LINSERT tasks BEFORE c b\n(integer) 3\n> LINSERT tasks AFTER x y\n(integer) -1\n",
    run: linsert,
    ..Command::BASE
};

fn linsert(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let side = if args.eat("AFTER") {
        Side::Right
    } else if args.eat("BEFORE") {
        Side::Left
    } else {
        return Err(Error::Syntax);
    };
    let pivot = Needle::new(args.take()?);
    let element = args.take()?;
    let limits = cx.list_limits();
    let Some(list) = cx.list_mut(key)? else {
        cx.out.int(0);
        return Ok(());
    };
    list.grow(1, element.len(), limits);
    let Some(index) = list.iter_from(0).position(|other| pivot.matches(other)) else {
        cx.out.int(-1);
        return Ok(());
    };
    list.insert(index, side, element, limits);
    let length = list.len();
    cx.changed(key, Class::List, "linsert");
    cx.out.count(length);
    Ok(())
}

const LREM: Command = Command {
    name: "LREM",
    summary: "Removes elements that equal one: as many as asked for, from the tail if negative, all if 0.",
    since: "1.0.0",
    group: Group::List,
    complexity: "O(N) with N the elements of the list.",
    flags: &[Write],
    args: &[key("key", &[Rw, Delete]), integer("count"), string("element")],
    example: "> RPUSH tasks a b a a\n(integer) 4\n> LREM tasks -2 a\n(integer) 2\n> LRANGE tasks 0 -1\n1) \"a\"\n2) \"b\"\n",
    run: lrem,
    ..Command::BASE
};

fn lrem(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let count = mirrored(args.integer()?)?;
    let element = args.take()?;
    let limits = cx.list_limits();
    let Some(list) = cx.list_mut(key)? else {
        cx.out.int(0);
        return Ok(());
    };
    let from = if count < 0 { Side::Right } else { Side::Left };
    let max = if count == 0 { usize::MAX } else { size(count.unsigned_abs()) };
    let gone = list.remove_matching(element, from, max);
    if gone > 0 {
        let emptied = settle(list, limits);
        removed(cx, key, "lrem", gone, emptied);
    }
    cx.out.count(gone);
    Ok(())
}

const LPOS: Command = Command {
    name: "LPOS",
    summary: "Finds the places of elements that equal one.",
    since: "6.0.6",
    group: Group::List,
    complexity: "O(N) with N the elements looked at, which MAXLEN bounds.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        string("element"),
        opt(integer("rank").after("RANK")),
        opt(integer("num-matches").after("COUNT")),
        opt(integer("len").after("MAXLEN")),
    ],
    example: "> RPUSH tasks a b a\n(integer) 3\n> LPOS tasks a\n(integer) 0\n> LPOS tasks a RANK -1\n(integer) 2\n> LPOS tasks a COUNT 0\n1) (integer) 0\n2) (integer) 2\n",
    run: lpos,
    ..Command::BASE
};

/// What LPOS looks for besides the element.
struct Search {
    /// Which match comes first, counted from 1.
    rank: u64,
    from: Side,
    /// How many matches are wanted, 0 for all; `None` for one, which is then replied alone.
    count: Option<usize>,
    /// How many elements are looked at.
    len_max: usize,
}

fn lpos(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let needle = Needle::new(args.take()?);
    let search = search_options(args)?;
    let Some((list, out)) = cx.read_list(key)? else {
        match search.count {
            Some(_) => cx.out.array(0),
            None => cx.out.null(),
        }
        return Ok(());
    };
    let length = list.len();
    let elements = match search.from {
        Side::Left => list.iter_from(0),
        Side::Right => list.iter_back_from(length.saturating_sub(1)),
    };
    let mut matches = elements
        .take(search.len_max)
        .enumerate()
        .filter(|&(_, element)| needle.matches(element))
        .map(|(passed, _)| match search.from {
            Side::Left => passed,
            Side::Right => length - 1 - passed,
        })
        .skip(size(search.rank - 1));
    match search.count {
        None => match matches.next() {
            Some(index) => out.count(index),
            None => out.null(),
        },
        Some(count) => {
            let most = if count == 0 { usize::MAX } else { count };
            let found: Vec<usize> = matches.take(most).collect();
            out.array(found.len());
            found.into_iter().for_each(|index| out.count(index));
        }
    }
    Ok(())
}

fn search_options(mut args: Args<'_>) -> Result<Search, Error> {
    let mut search = Search { rank: 1, from: Side::Left, count: None, len_max: usize::MAX };
    while !args.is_empty() {
        if args.eat("RANK") {
            let rank = mirrored(args.integer()?)?;
            if rank == 0 {
                return Err(Error::text(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the \
                     second ... or use negative to start from the end of the list",
                ));
            }
            search.rank = rank.unsigned_abs();
            search.from = if rank < 0 { Side::Right } else { Side::Left };
        } else if args.eat("COUNT") {
            search.count = Some(natural(&mut args, Error::text("ERR COUNT can't be negative"))?);
        } else if args.eat("MAXLEN") {
            let len_max = natural(&mut args, Error::text("ERR MAXLEN can't be negative"))?;
            search.len_max = if len_max == 0 { usize::MAX } else { len_max };
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(search)
}

/// What a push does where there is no list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Create,
    Leave,
}

fn push(cx: &mut Ctx<'_>, mut args: Args<'_>, side: Side, missing: Missing) -> Outcome {
    let key = args.take()?;
    let elements = args.rest();
    let limits = cx.list_limits();
    let length = match cx.list_mut(key)? {
        Some(list) => extend(list, side, elements, limits),
        None if missing == Missing::Leave => {
            cx.out.int(0);
            return Ok(());
        }
        None => {
            let mut list = QuickList::default();
            let length = extend(&mut list, side, elements, limits);
            cx.insert(key, Value::List(Box::new(list)), None);
            length
        }
    };
    cx.changed(key, Class::List, push_event(side));
    cx.dirty += elements.len() as u64 - 1;
    cx.out.count(length);
    Ok(())
}

/// Pushes `elements` one after the other; returns how long the list is then.
fn extend(list: &mut QuickList, side: Side, elements: Argv<'_>, limits: Limits) -> usize {
    list.grow(elements.len(), elements.iter().map(<[u8]>::len).sum(), limits);
    for element in elements.iter() {
        list.push(side, element, limits);
    }
    list.len()
}

fn pop(cx: &mut Ctx<'_>, mut args: Args<'_>, side: Side) -> Outcome {
    // More words than the command takes are found before any of them is read.
    if args.len() > 2 {
        return Err(wrong_arity(cx.entry));
    }
    let key = args.take()?;
    let count = match args.peek() {
        Some(_) => Some(natural(&mut args, Error::NotPositive)?),
        None => None,
    };
    if !pop_from(cx, key, side, count)? {
        match count {
            Some(_) => cx.out.null_array(),
            None => cx.out.null(),
        }
    }
    Ok(())
}

/// Takes elements off a list and replies with them: with one alone if `count` is `None`. Returns
/// false, without a reply, if there is no list.
pub(super) fn pop_from(
    cx: &mut Ctx<'_>,
    key: &[u8],
    side: Side,
    count: Option<usize>,
) -> Result<bool, Error> {
    let limits = cx.list_limits();
    let Some((list, out)) = cx.list_and_out(key)? else { return Ok(false) };
    let length = list.len();
    let taken = count.unwrap_or(1).min(length);
    if count.is_some() {
        out.array(taken);
    }
    let (elements, start) = match side {
        Side::Left => (list.iter_from(0), 0),
        Side::Right => (list.iter_back_from(length.saturating_sub(1)), length - taken),
    };
    for element in elements.take(taken) {
        bulk_element(out, element);
    }
    if taken > 0 {
        list.remove_range(start, taken);
        let emptied = settle(list, limits);
        removed(cx, key, pop_event(side), taken, emptied);
    }
    Ok(true)
}

/// After elements were removed: gives the list the form that fits it; returns whether it is empty.
pub(super) fn settle(list: &mut QuickList, limits: Limits) -> bool {
    list.shrink(limits);
    list.is_empty()
}

/// Tells that `count` elements were removed from the list at `key`, and removes the key if the
/// list was `emptied`.
pub(super) fn removed(cx: &mut Ctx<'_>, key: &[u8], event: &str, count: usize, emptied: bool) {
    let dirty = cx.dirty + count as u64;
    cx.changed(key, Class::List, event);
    if emptied {
        cx.delete(key);
        cx.changed(key, Class::Generic, "del");
    }
    cx.dirty = dirty;
}

/// The name of the event when elements are pushed.
pub(super) fn push_event(side: Side) -> &'static str {
    match side {
        Side::Left => "lpush",
        Side::Right => "rpush",
    }
}

/// The name of the event when elements are popped.
pub(super) fn pop_event(side: Side) -> &'static str {
    match side {
        Side::Left => "lpop",
        Side::Right => "rpop",
    }
}

/// Replies with an element.
pub(super) fn bulk_element(out: &mut Out, element: Element<'_>) {
    match element {
        Element::Int(number) => out.bulk_int(number),
        Element::Bytes(bytes) => out.bulk(bytes),
    }
}

/// The place that `index` names in a list of `length` elements: from the tail if negative.
fn place(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index + length as i64 } else { index };
    usize::try_from(index).ok().filter(|&index| index < length)
}

/// The elements from `start` to `stop`, both included and from the tail if negative, of `length`:
/// where they begin, and how many they are.
fn span(start: i64, stop: i64, length: usize) -> (usize, usize) {
    let length = length as i64;
    let from_head = |index: i64| if index < 0 { index + length } else { index };
    let start = from_head(start).max(0);
    let end = from_head(stop).min(length - 1) + 1;
    if start >= end { (length as usize, 0) } else { (start as usize, (end - start) as usize) }
}

/// `number`, if it can be negated; Redis says so in its own way.
pub(super) fn mirrored(number: i64) -> Result<i64, Error> {
    if number == i64::MIN {
        return Err(Error::text(
            "ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807",
        ));
    }
    Ok(number)
}

/// The next argument as a number that is not negative, or the error `otherwise`.
fn natural(args: &mut Args<'_>, otherwise: Error) -> Result<usize, Error> {
    match num::parse_i64(args.take()?) {
        Some(number @ 0..) => Ok(size(number.unsigned_abs())),
        _ => Err(otherwise),
    }
}

/// A count of elements; more than fit into memory are as good as any other number of that size.
pub(super) fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
