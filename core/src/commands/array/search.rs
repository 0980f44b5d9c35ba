//! Looking into many places of an array: ARSCAN, ARGREP and AROP.

use super::{BASE, END, START, place, span};
use crate::base::num::{self, Extended};
use crate::base::regex::{BACK_REFERENCE, Regex};
use crate::base::{Error, glob, limits};
use crate::commands::list::bulk_element;
use crate::ds::{Array, Element};
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::Out;
use crate::spec::{Access::*, Arg, Flag::*, block, integer, key, many, one_of, opt, string, token};

pub(crate) const COMMANDS: &[&Command] = &[&ARGREP, &AROP, &ARSCAN];

const LIMIT: Arg = integer("limit").after("LIMIT");

/// How many places at most are to be shown.
fn limit(args: &mut Args<'_>) -> Result<u64, Error> {
    let limit = u64::try_from(args.integer()?).ok().filter(|&limit| limit > 0);
    limit.ok_or(Error::text("ERR LIMIT must be positive"))
}

/// Replies with up to `limit` places of those from `first` to `last` that `is_wanted`, and with their
/// values.
fn reply(
    (array, out): (&Array, &mut Out),
    (first, last, back): (u64, u64, bool),
    limit: u64,
    with_values: bool,
    is_wanted: &mut dyn FnMut(Element<'_>) -> bool,
) {
    let (mark, mut count) = (out.mark(), 0);
    array.each(first, last, back, &mut |place, element| {
        if is_wanted(element) {
            count += 1;
            if with_values {
                out.array(2);
            }
            out.uint(place);
            if with_values {
                bulk_element(out, element);
            }
        }
        count < limit
    });
    out.array_since(mark, count as usize);
}

const ARSCAN: Command = Command {
    name: "ARSCAN",
    summary: "Returns the places of an array from one to another that are taken, with their values.",
    complexity: "O(N) with N the values between them.",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), START, END, opt(LIMIT)],
    example: "> ARMSET readings 0 a 1000000 b\n(integer) 2\n> ARSCAN readings 0 5000000\n\
              1) 1) (integer) 0\n   2) \"a\"\n2) 1) (integer) 1000000\n   2) \"b\"\n",
    run: arscan,
    ..BASE
};

fn arscan(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    if !matches!(args.len(), 3 | 5) {
        return Err(wrong_arity(cx.entry));
    }
    let key = args.take()?;
    let span = span(&mut args)?;
    let limit = if args.eat("LIMIT") { limit(&mut args)? } else { u64::MAX };
    args.end()?;
    match cx.read_array(key)? {
        Some(found) => reply(found, span, limit, true, &mut |_| true),
        None => cx.out.array(0),
    }
    Ok(())
}

const ARGREP: Command = Command {
    name: "ARGREP",
    summary: "Finds the places of an array whose values meet conditions on their text.",
    complexity: "O(N) with N the values between the places, each times the conditions.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        string("start"),
        string("end"),
        many(one_of(
            "predicate",
            &[
                block("exact", &[token("exact", "EXACT"), string("string")]),
                block("match", &[token("match", "MATCH"), string("string")]),
                block("glob", &[token("glob", "GLOB"), string("pattern")]),
                block("re", &[token("re", "RE"), string("pattern")]),
            ],
        )),
        opt(many(one_of(
            "options",
            &[
                token("and", "AND"),
                token("or", "OR"),
                LIMIT,
                token("withvalues", "WITHVALUES"),
                token("nocase", "NOCASE"),
            ],
        ))),
    ],
    example: "> ARSET lines 0 \"error: disk\" ok \"error: net\"\n(integer) 3\n\
              > ARGREP lines - + MATCH error\n1) (integer) 0\n2) (integer) 2\n",
    run: argrep,
    ..BASE
};

/// What a value is to be like.
enum Condition<'a> {
    Exact(&'a [u8]),
    Holds(Needle<'a>),
    Glob(&'a [u8]),
    Like(Regex),
}

/// Whether two bytes are the same.
#[derive(Clone, Copy)]
struct Case {
    fold: bool,
}

impl Case {
    fn is_same(self, one: u8, other: u8) -> bool {
        one == other || self.fold && one.eq_ignore_ascii_case(&other)
    }
}

/// Bytes to look for, and for each of their beginnings how long the longest shorter one is that it ends
/// with: so far a search that fails there can keep what it has found.
struct Needle<'a> {
    bytes: &'a [u8],
    kept: Vec<u32>,
}

impl<'a> Needle<'a> {
    fn new(bytes: &'a [u8], case: Case) -> Self {
        let mut needle = Self { bytes, kept: vec![0; bytes.len().min(1)] };
        for &byte in bytes.get(1..).unwrap_or_default() {
            let found = needle.kept.last().copied().unwrap_or(0);
            let next = needle.step(found, byte, case);
            needle.kept.push(next);
        }
        needle
    }

    /// How much of the needle is found behind `byte`, if so much was before it.
    fn step(&self, mut found: u32, byte: u8, case: Case) -> u32 {
        loop {
            if self.bytes.get(found as usize).is_some_and(|&own| case.is_same(own, byte)) {
                return found + 1;
            }
            match found.checked_sub(1) {
                Some(last) => found = self.kept[last as usize],
                None => return 0,
            }
        }
    }

    fn is_in(&self, text: &[u8], case: Case) -> bool {
        let (mut found, length) = (0, self.bytes.len() as u32);
        found == length
            || text.iter().any(|&byte| {
                found = self.step(found, byte, case);
                found == length
            })
    }
}

impl Condition<'_> {
    fn is_met(&mut self, text: &[u8], case: Case) -> bool {
        match self {
            Self::Exact(wanted) => {
                wanted.len() == text.len()
                    && wanted.iter().zip(text).all(|(&one, &other)| case.is_same(one, other))
            }
            Self::Holds(needle) => needle.is_in(text, case),
            Self::Glob(pattern) if case.fold => glob::matches_nocase(pattern, text),
            Self::Glob(pattern) => glob::matches(pattern, text),
            Self::Like(regex) => regex.is_in(text),
        }
    }
}

/// What ARGREP is told behind the places.
struct Search<'a> {
    /// The kind of each condition as its word, and what stands behind it.
    conditions: Vec<(u8, &'a [u8])>,
    all: bool,
    limit: u64,
    with_values: bool,
    case: Case,
}

impl<'a> Search<'a> {
    fn take(args: &mut Args<'a>) -> Result<Self, Error> {
        let mut search = Self {
            conditions: Vec::new(),
            all: false,
            limit: u64::MAX,
            with_values: false,
            case: Case { fold: false },
        };
        while !args.is_empty() {
            let kind = ["EXACT", "MATCH", "GLOB", "RE"].iter().find(|word| args.eat(word));
            if let Some(kind) = kind {
                let text = args.take()?;
                if search.conditions.len() == limits::ARRAY_PREDICATES_MAX {
                    return Err(Error::text("ERR too many predicates, maximum is 250"));
                }
                if *kind == "RE" && text.len() > limits::REGEX_BYTES_MAX {
                    return Err(Error::text(
                        "ERR regular expression is too long, maximum is 2048 bytes",
                    ));
                }
                search.conditions.push((kind.as_bytes()[0], text));
            } else if args.eat("AND") {
                search.all = true;
            } else if args.eat("OR") {
                search.all = false;
            } else if args.eat("LIMIT") {
                search.limit = limit(args)?;
            } else if args.eat("WITHVALUES") {
                search.with_values = true;
            } else if args.eat("NOCASE") {
                search.case.fold = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        if search.conditions.is_empty() { Err(Error::Syntax) } else { Ok(search) }
    }

    fn conditions(&self) -> Result<Vec<Condition<'a>>, Error> {
        let of = |&(kind, text): &(u8, &'a [u8])| {
            Ok(match kind {
                b'E' => Condition::Exact(text),
                b'M' => Condition::Holds(Needle::new(text, self.case)),
                b'G' => Condition::Glob(text),
                _ => Condition::Like(regex(text, self.case.fold)?),
            })
        };
        self.conditions.iter().map(of).collect()
    }
}

fn regex(pattern: &[u8], nocase: bool) -> Result<Regex, Error> {
    if pattern.is_empty() {
        return Err(Error::text("ERR regular expression is empty"));
    }
    Regex::new(pattern, nocase).map_err(|reason| match reason {
        BACK_REFERENCE => Error::text("ERR regular expression backreferences are not supported"),
        reason => Error::from(["ERR invalid regular expression: ", reason].concat()),
    })
}

/// A place to begin or to end at; `-` is the first, and for `+`, the last one that is taken, it is
/// `None`.
fn bound(word: &[u8]) -> Result<Option<u64>, Error> {
    match word {
        b"-" => Ok(Some(0)),
        b"+" => Ok(None),
        _ => place(word).map(Some),
    }
}

fn argrep(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let ends = (bound(args.take()?)?, bound(args.take()?)?);
    let search = Search::take(&mut args)?;
    let mut conditions = search.conditions()?;
    let Some((array, out)) = cx.read_array(key)? else {
        cx.out.array(0);
        return Ok(());
    };
    let end = array.len() - 1;
    let (start, end) = (ends.0.unwrap_or(end), ends.1.unwrap_or(end));
    let span = (start.min(end), start.max(end), start > end);
    reply((array, out), span, search.limit, search.with_values, &mut |element| {
        element.with_bytes(|text| {
            let mut met = conditions.iter_mut().map(|one| one.is_met(text, search.case));
            if search.all { met.all(|met| met) } else { met.any(|met| met) }
        })
    });
    Ok(())
}

const AROP: Command = Command {
    name: "AROP",
    summary: "Adds up, compares or counts the values of an array from one place to another.",
    complexity: "O(N) with N the values between them.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        START,
        END,
        one_of(
            "operation",
            &[
                token("sum", "SUM"),
                token("min", "MIN"),
                token("max", "MAX"),
                token("and", "AND"),
                token("or", "OR"),
                token("xor", "XOR"),
                block("match", &[token("match", "MATCH"), string("value")]),
                token("used", "USED"),
            ],
        ),
    ],
    example: "> ARSET prices 0 9.5 20 none 3\n(integer) 4\n> AROP prices 0 10 SUM\n\"32.5\"\n\
              > AROP prices 0 10 USED\n(integer) 4\n",
    run: arop,
    ..BASE
};

/// What AROP works out, in the order of [`OPERATIONS`].
const OPERATIONS: [&str; 8] = ["SUM", "MIN", "MAX", "AND", "OR", "XOR", "MATCH", "USED"];
const FIRST_OF_BITS: usize = 3;
const MATCH: usize = 6;

fn arop(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let (first, last, _) = span(&mut args)?;
    let word = args.take()?;
    let operation = OPERATIONS.iter().position(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    let operation = operation.ok_or(Error::text("ERR unknown operation"))?;
    let wanted = match (operation, args.len()) {
        (MATCH, 1) => args.take()?,
        (MATCH, _) => return Err(Error::text("ERR MATCH requires a value argument")),
        (_, 0) => &[],
        _ => return Err(wrong_arity(cx.entry)),
    };
    let found = cx.read_array(key)?;
    if operation >= MATCH {
        let mut count = 0;
        if let Some((array, _)) = found {
            array.each(first, last, false, &mut |_, element| {
                let is_counted = operation > MATCH || element.with_bytes(|text| text == wanted);
                count += i64::from(is_counted);
                true
            });
        }
        cx.out.int(count);
        return Ok(());
    }
    let Some((array, out)) = found else {
        cx.out.null();
        return Ok(());
    };
    if operation >= FIRST_OF_BITS {
        match bits(array, first, last, OPERATIONS[operation]) {
            Some(number) => out.int(number),
            None => out.null(),
        }
        return Ok(());
    }
    match fold(array, first, last, OPERATIONS[operation])? {
        Some(number) => out.bulk(&number.to_g17()),
        None => out.null(),
    }
    Ok(())
}

/// The sum, the least or the largest of the values that are numbers.
fn fold(array: &Array, first: u64, last: u64, operation: &str) -> Result<Option<Extended>, Error> {
    let (mut result, mut is_beyond) = (None, false);
    array.each(first, last, false, &mut |_, element| {
        let Some(number) = element.with_bytes(Extended::parse) else { return true };
        let next = match (result, operation) {
            (None, _) => Some(number),
            (Some(before), "SUM") => number.plus(before),
            (Some(before), "MIN") if number.order(before).is_ge() => Some(before),
            (Some(before), "MAX") if number.order(before).is_le() => Some(before),
            _ => Some(number),
        };
        is_beyond = next.is_none();
        result = next;
        !is_beyond
    });
    if is_beyond { Err(Error::text("ERR sum would be NaN or Infinity")) } else { Ok(result) }
}

/// The values that are numbers bit by bit; of a fraction counts what is before the point.
fn bits(array: &Array, first: u64, last: u64, operation: &str) -> Option<i64> {
    let mut result: Option<i64> = None;
    array.each(first, last, false, &mut |_, element| {
        let number = match element {
            Element::Int(number) => Some(number),
            Element::Bytes(text) => num::parse_f64(text).and_then(whole),
        };
        if let Some(number) = number {
            result = Some(match (result, operation) {
                (None, _) => number,
                (Some(before), "AND") => before & number,
                (Some(before), "OR") => before | number,
                (Some(before), _) => before ^ number,
            });
        }
        true
    });
    result
}

/// What is before the point, if it is an integer of 64 bits.
fn whole(number: f64) -> Option<i64> {
    const BEYOND: f64 = (1u64 << 63) as f64;
    (-BEYOND..BEYOND).contains(&number).then_some(number as i64)
}
