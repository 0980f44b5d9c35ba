//! LMOVEM and BLMOVEM: several elements moved from one list to another at once.
//!
//! Newer than Redis 8.0 (8.10). A part of the source is taken off whole; only then it is decided in
//! which order it is added.

use super::list::{pop_event, push_event, removed, settle, size};
use super::list_move::{SIDES, Way};
use crate::base::{Error, num};
use crate::ds::QuickList;
use crate::ds::quicklist::Side;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{
    Access::*, Arg, Flag::*, Group, block, double, integer, key, one_of, opt, token,
};
use crate::store::{Type, Value};

pub(crate) const COMMANDS: &[&Command] = &[&BLMOVEM, &LMOVEM];

const HOW_MANY: Arg = opt(block(
    "how-many",
    &[
        one_of("selector", &[integer("count").after("COUNT"), integer("exactly").after("EXACTLY")]),
        one_of("ordering", &[token("obo", "OBO"), token("bulk", "BULK")]),
    ],
));

const LMOVEM: Command = Command {
    name: "LMOVEM",
    summary: "Takes several elements off one end of a list and adds them at an end of another, or of the same.",
    since: "8.10.0",
    group: Group::List,
    complexity: "O(N) with N the elements moved.",
    flags: &[Write, DenyOom],
    args: &[
        key("source", &[Rw, Access, Delete]),
        key("destination", &[Rw, Insert]),
        one_of("wherefrom", SIDES),
        one_of("whereto", SIDES),
        HOW_MANY,
    ],
    example: "> RPUSH todo a b c\n(integer) 3\n> LMOVEM todo doing LEFT RIGHT COUNT 2 BULK\n\
              1) \"a\"\n2) \"b\"\n> LMOVEM todo doing LEFT RIGHT EXACTLY 2 BULK\n(nil)\n",
    run: lmovem,
    ..Command::BASE
};

fn lmovem(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (source, destination) = (args.take()?, args.take()?);
    let way = Way::take(&mut args)?;
    let job = Job { source, destination, way, part: Part::take(args)? };
    if !job.run(cx)? {
        job.reply_without(cx);
    }
    Ok(())
}

const BLMOVEM: Command = Command {
    name: "BLMOVEM",
    summary: "As LMOVEM, and waits for the elements to move if there are none, or not enough.",
    since: "8.10.0",
    group: Group::List,
    complexity: "O(N) with N the elements moved.",
    flags: &[Write, DenyOom, Blocking],
    args: &[
        key("source", &[Rw, Access, Delete]),
        key("destination", &[Rw, Insert]),
        one_of("wherefrom", SIDES),
        one_of("whereto", SIDES),
        double("timeout"),
        HOW_MANY,
    ],
    example: "> RPUSH todo a b c\n(integer) 3\n> BLMOVEM todo doing LEFT LEFT 0 COUNT 2 OBO\n\
              1) \"b\"\n2) \"a\"\n",
    run: blmovem,
    ..Command::BASE
};

fn blmovem(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut rest = args;
    let (source, destination) = (rest.take()?, rest.take()?);
    let way = Way::take(&mut rest)?;
    let timeout = rest.take()?;
    let job = Job { source, destination, way, part: Part::take(rest)? };
    let timeout_ms = cx.timeout_ms(timeout)?;
    if job.run(cx)? {
        if cx.propagates() {
            let words = args.all();
            // Without the time-out.
            let words: Vec<&[u8]> = [b"LMOVEM".as_slice()]
                .into_iter()
                .chain(words.iter().skip(1).take(4))
                .chain(words.iter().skip(6))
                .collect();
            cx.propagate_as(&words);
        }
    } else if cx.deny_blocking {
        cx.out.null();
    } else {
        cx.block_on([source], Type::List, timeout_ms, &args);
    }
    Ok(())
}

/// How much of the source is moved, and how.
#[derive(Clone, Copy)]
struct Part {
    count: usize,
    /// Nothing is moved if there is less.
    exactly: bool,
    /// One after the other, so that what was taken last is added last.
    one_by_one: bool,
}

impl Part {
    /// `[COUNT count | EXACTLY exactly] [OBO | BULK]`, both or none.
    fn take(mut args: Args<'_>) -> Result<Self, Error> {
        if args.is_empty() {
            return Ok(Self { count: 1, exactly: false, one_by_one: true });
        }
        let exactly = args.eat("EXACTLY");
        if !exactly && !args.eat("COUNT") {
            return Err(Error::Syntax);
        }
        let count = match num::parse_i64(args.take()?) {
            Some(count @ 1..) => size(count.unsigned_abs()),
            _ => return Err(Error::NotPositive),
        };
        let one_by_one = args.eat("OBO");
        if !one_by_one && !args.eat("BULK") {
            return Err(Error::Syntax);
        }
        args.end()?;
        Ok(Self { count, exactly, one_by_one })
    }
}

/// What is to be moved.
struct Job<'a> {
    source: &'a [u8],
    destination: &'a [u8],
    way: Way,
    part: Part,
}

impl Job<'_> {
    /// Moves the elements and replies with them in the order in which the destination has them.
    /// Returns false, without a reply, if there are none, or not enough.
    fn run(&self, cx: &mut Ctx<'_>) -> Result<bool, Error> {
        let Self { source, destination, way, part } = *self;
        let limits = cx.list_limits();
        let length = cx.list_mut(source)?.map_or(0, |list| list.len());
        if length == 0 || part.exactly && length < part.count {
            return Ok(false);
        }
        let destination_is_new = cx.list_mut(destination)?.is_none();
        let Some(list) = cx.list_mut(source)? else { return Ok(false) };
        let count = part.count.min(length);
        let start = if way.from == Side::Left { 0 } else { length - count };
        let mut elements: Vec<Vec<u8>> =
            list.iter_from(start).take(count).map(|element| element.to_vec()).collect();
        list.remove_range(start, count);
        // What is taken off one end one by one and added at the same end is turned round.
        if part.one_by_one && way.from == way.to {
            elements.reverse();
        }
        let add = |list: &mut QuickList| {
            list.grow(count, elements.iter().map(Vec::len).sum(), limits);
            match way.to {
                Side::Right => {
                    elements.iter().for_each(|element| list.push(way.to, element, limits))
                }
                Side::Left => {
                    elements.iter().rev().for_each(|element| list.push(way.to, element, limits));
                }
            }
        };
        if destination_is_new {
            let mut list = QuickList::default();
            add(&mut list);
            cx.insert(destination, Value::List(Box::new(list)), None);
        } else if let Some(list) = cx.list_mut(destination)? {
            add(list);
        }
        let dirty = cx.dirty;
        cx.changed(destination, Class::List, push_event(way.to));
        cx.dirty = dirty;
        cx.out.array(count);
        elements.iter().for_each(|element| cx.out.bulk(element));
        if let Some(list) = cx.list_mut(source)? {
            let emptied = settle(list, limits);
            removed(cx, source, pop_event(way.from), count, emptied);
        }
        Ok(true)
    }

    /// What is replied if nothing was moved.
    fn reply_without(&self, cx: &mut Ctx<'_>) {
        if self.part.exactly {
            cx.out.null();
        } else {
            cx.out.array(0);
        }
    }
}
