//! Values that come one behind the other, or around in a ring, and the cursor that knows where the
//! last one was put.

use super::{BASE, bulk_or_null, number, store};
use crate::base::{Error, limits};
use crate::ds::Array;
use crate::ds::array::PLACE_MAX;
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{Access::*, Flag::*, integer, key, many, opt, string, token};

pub(crate) const COMMANDS: &[&Command] = &[&ARINSERT, &ARLASTITEMS, &ARNEXT, &ARRING, &ARSEEK];

/// Where the next value goes; `None` if there is no place behind the last one.
pub(super) fn next_of(array: &Array) -> Option<u64> {
    match array.last_insert {
        None => Some(0),
        Some(last) => Some(last + 1).filter(|&next| next <= PLACE_MAX),
    }
}

const ARINSERT: Command = Command {
    name: "ARINSERT",
    summary: "Puts values into an array, behind where the last one was put; returns the last one's place.",
    complexity: "O(N) with N the values.",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Update]), many(string("value"))],
    example: "> ARINSERT log first second\n(integer) 1\n> ARINSERT log third\n(integer) 2\n",
    run: arinsert,
    ..BASE
};

fn arinsert(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let values = args.rest();
    let next = cx.array_mut(key)?.map_or(Some(0), |array| next_of(array));
    let last = next.and_then(|next| next.checked_add(values.len() as u64 - 1));
    let (Some(first), Some(last)) = (next, last.filter(|&last| last <= PLACE_MAX)) else {
        return Err(Error::text("ERR insert index overflow"));
    };
    store(cx, key, "arinsert", values.len(), &mut |array| {
        for (value, place) in values.iter().zip(first..) {
            array.set(place, value);
        }
        array.last_insert = Some(last);
    })?;
    cx.out.uint(last);
    Ok(())
}

const ARNEXT: Command = Command {
    name: "ARNEXT",
    summary: "Returns the place of an array at which ARINSERT goes on.",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access])],
    example: "> ARINSERT log first\n(integer) 0\n> ARNEXT log\n(integer) 1\n",
    run: arnext,
    ..BASE
};

fn arnext(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let next = cx.read_array(args.take()?)?.map_or(Some(0), |(array, _)| next_of(array));
    match next {
        Some(next) => cx.out.uint(next),
        None => cx.out.null(),
    }
    Ok(())
}

const ARSEEK: Command = Command {
    name: "ARSEEK",
    summary: "Says at which place of an array ARINSERT is to go on.",
    flags: &[Write, Fast],
    args: &[key("key", &[Rw, Update]), integer("index")],
    example: "> ARINSERT log first\n(integer) 0\n> ARSEEK log 10\n(integer) 1\n> ARINSERT log next\n(integer) 10\n",
    run: arseek,
    ..BASE
};

fn arseek(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, next) = (args.take()?, number(args.take()?)?);
    let Some(array) = cx.array_mut(key)? else {
        cx.out.int(0);
        return Ok(());
    };
    array.last_insert = next.checked_sub(1);
    cx.changed(key, Class::Array, "arseek");
    cx.out.int(1);
    Ok(())
}

const ARRING: Command = Command {
    name: "ARRING",
    summary: "Puts values into an array of at most so many, around in a ring; returns the last one's place.",
    complexity: "O(N) with N the values; O(N+M) if the ring had another size, with M the larger one.",
    flags: &[Write, DenyOom],
    args: &[key("key", &[Rw, Update]), integer("size"), many(string("value"))],
    example: "> ARRING recent 2 a b c\n(integer) 0\n> ARLASTITEMS recent 2\n1) \"b\"\n2) \"c\"\n",
    run: arring,
    ..BASE
};

fn arring(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let size = args.integer_or(Error::text("ERR invalid size"))?;
    let size = u64::try_from(size).ok().filter(|&size| size > 0);
    let size = size.ok_or(Error::text("ERR size must be positive"))?;
    let values = args.rest();
    let mut at = 0;
    store(cx, key, "arring", values.len(), &mut |array| {
        let span = array.len();
        let is_around = array.last_insert.is_some_and(|last| last + 1 < span);
        if size < span || size > span && is_around {
            straighten(array, size.min(span));
        }
        at = next_of(array).unwrap_or(0) % size;
        for value in values.iter() {
            array.set(at, value);
            array.last_insert = Some(at);
            at = (at + 1) % size;
        }
        at = array.last_insert.unwrap_or(0);
    })?;
    cx.out.uint(at);
    Ok(())
}

/// Lets the last values that were put into a ring, at most `most` and up to the first gap, lie from
/// the first place on, the oldest first.
fn straighten(array: &mut Array, most: u64) {
    let mut values = Vec::new();
    let last = array.last_insert.map_or(u64::MAX, |last| last % array.len().max(1));
    walk_back(array, last, most, &mut |place| {
        let value = array.get(place).map(|element| element.to_vec());
        let is_there = value.is_some();
        values.extend(value);
        is_there
    });
    let last_insert = (values.len() as u64).checked_sub(1);
    *array = Array::with_slices(array.slice_places());
    array.last_insert = last_insert;
    for (place, value) in (0..).zip(values.iter().rev()) {
        array.set(place, value);
    }
}

/// Shows `visit` up to `most` places of a ring backwards from `last`, or from the end if that is
/// before, until it returns false.
fn walk_back(array: &Array, last: u64, most: u64, visit: &mut dyn FnMut(u64) -> bool) {
    let Some(end) = array.len().checked_sub(1) else { return };
    let mut place = last.min(end);
    for _ in 0..most.min(array.len()) {
        if !visit(place) {
            return;
        }
        place = place.checked_sub(1).unwrap_or(end);
    }
}

const ARLASTITEMS: Command = Command {
    name: "ARLASTITEMS",
    summary: "Returns the values that were put into an array last, the oldest of them first.",
    complexity: "O(N) with N the values returned.",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), integer("count"), opt(token("rev", "REV"))],
    example: "> ARINSERT log a b c\n(integer) 2\n> ARLASTITEMS log 2\n1) \"b\"\n2) \"c\"\n\
              > ARLASTITEMS log 2 REV\n1) \"c\"\n2) \"b\"\n",
    run: arlastitems,
    ..BASE
};

fn arlastitems(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let count = args.integer_or(Error::text("ERR invalid COUNT"))?;
    if args.len() > 1 {
        return Err(wrong_arity(cx.entry));
    }
    let is_reversed = args.eat("REV");
    args.end()?;
    let count = u64::try_from(count).unwrap_or(0);
    let found = if count == 0 { None } else { cx.read_array(key)? };
    let Some((array, out)) = found else {
        cx.out.array(0);
        return Ok(());
    };
    let count = count.min(array.len());
    if count > array.count() && count > limits::ARRAY_PLACES_MAX {
        return Err(Error::text("ERR count exceeds maximum of 1000000 items"));
    }
    // A cursor behind the end says nothing of what is there.
    let last = array.last_insert.filter(|&last| last < array.len());
    let mut places = Vec::new();
    walk_back(array, last.unwrap_or(u64::MAX), count, &mut |place| {
        places.push(place);
        true
    });
    if !is_reversed {
        places.reverse();
    }
    out.array(places.len());
    for place in places {
        bulk_or_null(out, array.get(place));
    }
    Ok(())
}
