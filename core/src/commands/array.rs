//! Arrays: values at places, which clients number.
//!
//! What goes on from where the last value was put is in `cursor`, what looks into many places in
//! `search`. An array that loses its last value is removed with its key.

pub(super) mod cursor;
pub(super) mod search;

use super::list::bulk_element;
use crate::base::{Error, limits, num};
use crate::ds::array::{Layout, PLACE_MAX};
use crate::ds::{Array, Element};
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::{Argv, Out};
use crate::spec::{Access::*, Arg, Flag::*, Group, block, integer, key, many, opt, string, token};
use crate::store::Value;

pub(crate) const COMMANDS: &[&Command] = &[
    &ARCOUNT,
    &ARDEL,
    &ARDELRANGE,
    &ARGET,
    &ARGETRANGE,
    &ARINFO,
    &ARLEN,
    &ARMGET,
    &ARMSET,
    &ARSET,
];

/// What the commands for arrays have in common.
const BASE: Command = Command { since: "8.8.0", group: Group::Array, ..Command::BASE };

const START: Arg = integer("start");
const END: Arg = integer("end");

const INVALID: Error = Error::text("ERR invalid array index");

/// A number that stands for a place, or for the one behind the last.
fn number(word: &[u8]) -> Result<u64, Error> {
    num::parse_u64(word).ok_or(INVALID)
}

fn place(word: &[u8]) -> Result<u64, Error> {
    number(word).ok().filter(|&place| place <= PLACE_MAX).ok_or(INVALID)
}

/// The places between which to look, the lower one first, and whether they were given the other way
/// round.
fn span(args: &mut Args<'_>) -> Result<(u64, u64, bool), Error> {
    let (start, end) = (place(args.take()?)?, place(args.take()?)?);
    Ok((start.min(end), start.max(end), start > end))
}

/// Puts `count` values into the array at `key`, which `work` does, and tells of it. If there is none,
/// it is made.
fn store(
    cx: &mut Ctx<'_>,
    key: &[u8],
    event: &str,
    count: usize,
    work: &mut dyn FnMut(&mut Array),
) -> Outcome {
    match cx.array_mut(key)? {
        Some(array) => work(array),
        None => {
            let mut array = Box::new(Array::with_slices(cx.config.array_slice_size));
            work(&mut array);
            cx.insert(key, Value::Array(array), None);
        }
    }
    cx.changed(key, Class::Array, event);
    cx.dirty += count as u64 - 1;
    Ok(())
}

/// Places by their words.
fn places(words: Argv<'_>) -> Result<Vec<u64>, Error> {
    let mut places = Vec::with_capacity(words.len());
    for word in words.iter() {
        places.push(place(word)?);
    }
    Ok(places)
}

/// Empties the places of the array at `key` from one to another, of which `spans` has the ends, replies
/// with how many were taken, and tells of it.
fn remove(cx: &mut Ctx<'_>, key: &[u8], event: &str, spans: &[[u64; 2]]) -> Outcome {
    let Some(array) = cx.array_mut(key)? else {
        cx.out.int(0);
        return Ok(());
    };
    let mut count = 0;
    for [one, other] in spans {
        count += array.clear(*one.min(other), *one.max(other));
    }
    let is_emptied = array.is_empty();
    cx.out.uint(count);
    if count > 0 {
        let dirty = cx.dirty + count;
        cx.changed(key, Class::Array, event);
        if is_emptied {
            cx.delete(key);
            cx.changed(key, Class::Generic, "del");
        }
        cx.dirty = dirty;
    }
    Ok(())
}

const ARSET: Command = Command {
    name: "ARSET",
    summary: "Puts values into an array, at one place and those behind it.",
    complexity: "O(N) with N the values.",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Update]), integer("index"), many(string("value"))],
    example: "> ARSET readings 5 low high\n(integer) 2\n> ARGET readings 6\n\"high\"\n",
    run: arset,
    ..BASE
};

fn arset(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, first) = (args.take()?, place(args.take()?)?);
    let values = args.rest();
    let last = first.checked_add(values.len() as u64 - 1).filter(|&last| last <= PLACE_MAX);
    last.ok_or(Error::text("ERR array index overflow"))?;
    let mut added = 0;
    store(cx, key, "arset", values.len(), &mut |array| {
        for (value, place) in values.iter().zip(first..) {
            added += i64::from(array.set(place, value));
        }
    })?;
    cx.out.int(added);
    Ok(())
}

const ARMSET: Command = Command {
    name: "ARMSET",
    summary: "Puts values into an array, each at a place of its own.",
    complexity: "O(N) with N the values.",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Update]), many(block("data", &[integer("index"), string("value")]))],
    example: "> ARMSET readings 0 a 1000000 b\n(integer) 2\n> ARCOUNT readings\n(integer) 2\n\
              > ARLEN readings\n(integer) 1000001\n",
    run: armset,
    ..BASE
};

fn armset(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    only_pairs(cx, args)?;
    // Nothing is stored unless all places are right.
    let mut pairs = Vec::with_capacity(args.len() / 2);
    while !args.is_empty() {
        pairs.push((place(args.take()?)?, args.take()?));
    }
    let mut added = 0;
    store(cx, key, "armset", pairs.len(), &mut |array| {
        for &(place, value) in &pairs {
            added += i64::from(array.set(place, value));
        }
    })?;
    cx.out.int(added);
    Ok(())
}

/// An error if a word is left that makes no pair.
fn only_pairs(cx: &Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) { Ok(()) } else { Err(wrong_arity(cx.entry)) }
}

const ARGET: Command = Command {
    name: "ARGET",
    summary: "Returns the value at a place of an array.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), integer("index")],
    example: "> ARSET readings 5 low\n(integer) 1\n> ARGET readings 5\n\"low\"\n> ARGET readings 6\n(nil)\n",
    run: arget,
    ..BASE
};

fn arget(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    values(cx, args)
}

const ARMGET: Command = Command {
    name: "ARMGET",
    summary: "Returns the values at some places of an array.",
    complexity: "O(N) with N the places.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), many(integer("index"))],
    example: "> ARSET readings 5 low high\n(integer) 2\n> ARMGET readings 6 7\n1) \"high\"\n2) (nil)\n",
    run: armget,
    ..BASE
};

fn armget(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mark = cx.out.mark();
    let count = args.len() - 1;
    values(cx, args)?;
    cx.out.array_since(mark, count);
    Ok(())
}

fn bulk_or_null(out: &mut Out, element: Option<Element<'_>>) {
    match element {
        Some(element) => bulk_element(out, element),
        None => out.null(),
    }
}

/// Replies with what is at each of the places behind the key.
fn values(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let found = cx.read_array(args.take()?)?;
    let places = places(args.rest())?;
    match found {
        Some((array, out)) => {
            for place in places {
                bulk_or_null(out, array.get(place));
            }
        }
        None => places.iter().for_each(|_| cx.out.null()),
    }
    Ok(())
}

const ARGETRANGE: Command = Command {
    name: "ARGETRANGE",
    summary: "Returns what is at each place of an array from one to another, empty ones included.",
    complexity: "O(N) with N the places.",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), START, END],
    example: "> ARMSET readings 0 a 2 c\n(integer) 2\n> ARGETRANGE readings 2 0\n1) \"c\"\n2) (nil)\n3) \"a\"\n",
    run: argetrange,
    ..BASE
};

fn argetrange(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let (first, last, back) = span(&mut args)?;
    let found = cx.read_array(key)?;
    let count = last - first + 1;
    if count > limits::ARRAY_PLACES_MAX {
        return Err(Error::text("ERR range exceeds maximum of 1000000 items"));
    }
    let nulls = |out: &mut Out, count: u64| (0..count).for_each(|_| out.null());
    let Some((array, out)) = found else {
        cx.out.array(count as usize);
        nulls(cx.out, count);
        return Ok(());
    };
    out.array(count as usize);
    let mut done = 0;
    array.each(first, last, back, &mut |place, element| {
        let offset = if back { last - place } else { place - first };
        nulls(out, offset - done);
        bulk_element(out, element);
        done = offset + 1;
        true
    });
    nulls(out, count - done);
    Ok(())
}

const ARDEL: Command = Command {
    name: "ARDEL",
    summary: "Empties places of an array, and removes it if it holds nothing more.",
    complexity: "O(N) with N the places.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Delete]), many(integer("index"))],
    example: "> ARSET readings 5 low high\n(integer) 2\n> ARDEL readings 5 7\n(integer) 1\n",
    run: ardel,
    ..BASE
};

fn ardel(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let spans: Vec<[u64; 2]> = places(args.rest())?.iter().map(|&place| [place; 2]).collect();
    remove(cx, key, "ardel", &spans)
}

const ARDELRANGE: Command = Command {
    name: "ARDELRANGE",
    summary: "Empties the places of an array from one to another, and removes it if it holds nothing more.",
    complexity: "O(N) with N the values that go, however far the places lie apart.",
    flags: &[Write],
    args: &[key("key", &[Rw, Delete]), many(block("range", &[START, END]))],
    example: "> ARMSET readings 0 a 5 b 9 c\n(integer) 3\n> ARDELRANGE readings 3 1000000\n(integer) 2\n",
    run: ardelrange,
    ..BASE
};

fn ardelrange(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    only_pairs(cx, args)?;
    let ends = places(args.rest())?;
    let (spans, _) = ends.as_chunks();
    remove(cx, key, "ardelrange", spans)
}

const ARLEN: Command = Command {
    name: "ARLEN",
    summary: "Returns the number behind the highest place of an array that is taken.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro])],
    example: "> ARSET readings 5 low\n(integer) 1\n> ARLEN readings\n(integer) 6\n",
    run: arlen,
    ..BASE
};

fn arlen(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let length = cx.read_array(args.take()?)?.map_or(0, |(array, _)| array.len());
    cx.out.uint(length);
    Ok(())
}

const ARCOUNT: Command = Command {
    name: "ARCOUNT",
    summary: "Counts the places of an array that are taken.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro])],
    example: "> ARSET readings 5 low\n(integer) 1\n> ARCOUNT readings\n(integer) 1\n",
    run: arcount,
    ..BASE
};

fn arcount(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let count = cx.read_array(args.take()?)?.map_or(0, |(array, _)| array.count());
    cx.out.uint(count);
    Ok(())
}

const ARINFO: Command = Command {
    name: "ARINFO",
    summary: "Tells of an array: how much it holds, and how that is laid out.",
    complexity: "O(N) with N the values.",
    flags: &[Readonly],
    args: &[key("key", &[Ro]), opt(token("full", "FULL"))],
    run: arinfo,
    ..BASE
};

fn arinfo(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let is_full = args.eat("FULL");
    args.end()?;
    let sparse_max = cx.config.array_sparse_kmax;
    let (array, out) = cx.read_array(key)?.ok_or(Error::NoSuchKey)?;
    let layout = array.layout(sparse_max);
    let Layout { slices, directory, blocks, dense, dense_values, sparse } = layout;
    let facts = [
        ("count", array.count()),
        ("len", array.len()),
        ("next-insert-index", cursor::next_of(array).unwrap_or(0)),
        ("slices", slices),
        ("directory-size", directory),
        ("super-dir-entries", blocks),
        ("slice-size", array.slice_places()),
        ("dense-slices", dense.0),
        ("sparse-slices", sparse.0),
    ];
    let shown = if is_full { &facts[..] } else { &facts[..7] };
    out.map(shown.len() + if is_full { 3 } else { 0 });
    for (name, number) in shown {
        out.bulk(name.as_bytes());
        out.uint(*number);
    }
    if is_full {
        let averages = [
            ("avg-dense-size", dense.1, dense.0),
            ("avg-dense-fill", dense_values, dense.1),
            ("avg-sparse-size", sparse.1, sparse.0),
        ];
        for (name, sum, count) in averages {
            out.bulk(name.as_bytes());
            out.double(sum as f64 / count.max(1) as f64);
        }
    }
    Ok(())
}
