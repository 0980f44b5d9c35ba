//! Bitmaps: strings seen as rows of bits, the most significant bit of the first byte first.
//!
//! What walks over the bits is in [`bits`]; here is what the commands make of it. BITFIELD, which
//! sees integers between the bits, is in [`field`].

mod field;

use crate::base::{Error, num};
use crate::ds::bits;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{Access::*, Arg, Flag::*, Group, block, integer, key, many, one_of, opt, token};
use crate::store::{Text, Value};

pub(crate) const COMMANDS: &[&Command] =
    &[&BITCOUNT, &field::BITFIELD, &field::BITFIELD_RO, &BITOP, &BITPOS, &GETBIT, &SETBIT];

const SETBIT: Command = Command {
    name: "SETBIT",
    summary: "Sets or clears one bit of a string, after zero bytes if it is too short.",
    since: "2.2.0",
    group: Group::Bitmap,
    flags: &[Write, DenyOom],
    args: &[key("key", &[Rw, Access, Update]), integer("offset"), integer("value")],
    example: "> SETBIT days 9 1\n(integer) 0\n> SETBIT days 9 1\n(integer) 1\n> GET days\n\
              \"\\x00@\"\n",
    run: setbit,
    ..Command::BASE
};

fn setbit(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let offset = bit_offset(cx, args.take()?)?;
    const NO_BIT: Error = Error::text("ERR bit is not an integer or out of range");
    let is_set = match args.integer_or(NO_BIT)? {
        0 => false,
        1 => true,
        _ => return Err(NO_BIT),
    };
    let length = length_for(offset / 8 + 1)?;
    let grew = make_room(cx, key, length)?;
    let old = cx.edit_str_in(key, length - 1..length, |bytes| {
        lengthen(bytes, length);
        let old = bits::get(bytes, offset);
        bits::set(bytes, offset, is_set);
        old
    });
    let old = old.unwrap_or(false);
    if grew || old != is_set {
        cx.changed(key, Class::String, "setbit");
    }
    cx.out.int(i64::from(old));
    Ok(())
}

const NO_OFFSET: Error = Error::text("ERR bit offset is not an integer or out of range");

/// An argument that is the place of a bit which a string may have.
fn bit_offset(cx: &Ctx<'_>, word: &[u8]) -> Result<u64, Error> {
    check_offset(cx, num::parse_i64(word).ok_or(NO_OFFSET)?)
}

fn check_offset(cx: &Ctx<'_>, offset: i64) -> Result<u64, Error> {
    let is_within = offset >= 0 && offset >> 3 < cx.config.proto_max_bulk_len;
    if is_within { Ok(offset as u64) } else { Err(NO_OFFSET) }
}

/// A length that is known to be allowed, as one of this machine.
fn length_for(bytes: u64) -> Result<usize, Error> {
    usize::try_from(bytes).map_err(|_| NO_OFFSET)
}

/// Sees to it that `key` holds a string, made of `length` zero bytes if it is new. Returns whether
/// `length` is more than it had; only [`lengthen`] adds them to an old one.
fn make_room(cx: &mut Ctx<'_>, key: &[u8], length: usize) -> Result<bool, Error> {
    if let Some(found) = cx.look(key) {
        return Ok(found.value.text().ok_or(Error::WrongType)?.len() < length);
    }
    // Zeros from the allocator cost nothing until they are written over.
    cx.insert(key, Value::Raw(vec![0; length].into()), None);
    Ok(true)
}

fn lengthen(bytes: &mut Vec<u8>, length: usize) {
    if bytes.len() < length {
        bytes.resize(length, 0);
    }
}

const GETBIT: Command = Command {
    name: "GETBIT",
    summary: "Returns one bit of a string; 0 behind its end.",
    since: "2.2.0",
    group: Group::Bitmap,
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), integer("offset")],
    example: "> SETBIT days 9 1\n(integer) 0\n> GETBIT days 9\n(integer) 1\n> GETBIT days 100\n\
              (integer) 0\n",
    run: getbit,
    ..Command::BASE
};

fn getbit(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let offset = bit_offset(cx, args.take()?)?;
    let is_set = read_text(cx, key)?.is_some_and(|text| bits::get(&text, offset));
    cx.out.int(i64::from(is_set));
    Ok(())
}

/// The string that `key` holds.
fn read_text<'a>(cx: &'a mut Ctx<'_>, key: &[u8]) -> Result<Option<Text<'a>>, Error> {
    match cx.read(key) {
        None => Ok(None),
        Some(found) => found.value.text().ok_or(Error::WrongType).map(Some),
    }
}

const BITCOUNT: Command = Command {
    name: "BITCOUNT",
    summary: "Counts the bits of a string that are set, or those in a part of it.",
    since: "2.6.0",
    group: Group::Bitmap,
    complexity: "O(N)",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        opt(block("range", &[integer("start"), integer("end"), opt(UNIT)])),
    ],
    example: "> SET word foobar\nOK\n> BITCOUNT word\n(integer) 26\n> BITCOUNT word 1 1\n\
              (integer) 6\n> BITCOUNT word 5 30 BIT\n(integer) 17\n",
    run: bitcount,
    ..Command::BASE
};

const UNIT: Arg = one_of("unit", &[token("byte", "BYTE"), token("bit", "BIT")]).since("7.0.0");

fn bitcount(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let range = match args.len() {
        0 => Range::ALL,
        2 | 3 => Range { start: args.integer()?, end: args.integer()?, unit: unit(&mut args)? },
        _ => return Err(Error::Syntax),
    };
    let ones = read_text(cx, key)?.map_or(0, |text| {
        // Before the first byte they both mean the first byte, unless they are the wrong way round.
        let is_reversed = range.start < 0 && range.end < 0 && range.start > range.end;
        match range.within(text.len()).filter(|_| !is_reversed) {
            Some((first, last)) => bits::count_between(&text, first, last),
            None => 0,
        }
    });
    cx.out.int(ones as i64);
    Ok(())
}

/// In what a [`Range`] counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

/// The unit, if the next argument is one; bytes if there is none.
fn unit(args: &mut Args<'_>) -> Result<Unit, Error> {
    match () {
        () if args.is_empty() || args.eat("BYTE") => Ok(Unit::Byte),
        () if args.eat("BIT") => Ok(Unit::Bit),
        () => Err(Error::Syntax),
    }
}

/// A part of a string as BITCOUNT and BITPOS are told it, both ends included; negative numbers
/// count from the end.
#[derive(Clone, Copy)]
struct Range {
    start: i64,
    end: i64,
    unit: Unit,
}

impl Range {
    const ALL: Self = Self { start: 0, end: -1, unit: Unit::Byte };

    /// Its first and last bit in a string of `length` bytes; `None` if it is empty.
    fn within(self, length: usize) -> Option<(u64, u64)> {
        let (total, bits) = match self.unit {
            Unit::Byte => (length as i64, 8),
            Unit::Bit => (length as i64 * 8, 1),
        };
        let from_front = |place: i64| if place < 0 { (place + total).max(0) } else { place };
        let (start, end) = (from_front(self.start), from_front(self.end).min(total - 1));
        let is_some = start <= end;
        is_some.then(|| ((start * bits) as u64, (end * bits + bits - 1) as u64))
    }
}

const BITPOS: Command = Command {
    name: "BITPOS",
    summary: "Finds the first bit of a string, or of a part of it, that is set or clear.",
    since: "2.8.7",
    group: Group::Bitmap,
    complexity: "O(N)",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        integer("bit"),
        opt(block(
            "range",
            &[integer("start"), opt(block("end-unit-block", &[integer("end"), opt(UNIT)]))],
        )),
    ],
    example: "> SETBIT days 9 1\n(integer) 0\n> BITPOS days 1\n(integer) 9\n\
              > BITPOS days 0 9 -1 BIT\n(integer) 10\n> BITPOS days 1 0 0\n(integer) -1\n",
    run: bitpos,
    ..Command::BASE
};

fn bitpos(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let is_set = match args.integer()? {
        0 => false,
        1 => true,
        _ => return Err(Error::text("ERR The bit argument must be 1 or 0.")),
    };
    if args.len() > 3 {
        return Err(Error::Syntax);
    }
    let mut range = Range::ALL;
    if !args.is_empty() {
        range.start = args.integer()?;
    }
    let has_end = !args.is_empty();
    if has_end {
        // A unit that is none is an error before an end that is none.
        let end = args.integer();
        range.unit = unit(&mut args)?;
        range.end = end?;
    }
    let found = match read_text(cx, key)? {
        // As a string of zeros without end.
        None => (!is_set).then_some(0),
        Some(text) => range.within(text.len()).and_then(|(first, last)| {
            // Behind the end of the string there are zeros, unless an end was given.
            let behind = (!is_set && !has_end).then_some(last + 1);
            bits::find(&text, is_set, first, last).or(behind)
        }),
    };
    cx.out.int(found.map_or(-1, |offset| offset as i64));
    Ok(())
}

const BITOP: Command = Command {
    name: "BITOP",
    summary: "Combines the bits of several strings into a new one.",
    since: "2.6.0",
    group: Group::Bitmap,
    complexity: "O(N)",
    flags: &[Write, DenyOom],
    args: &[
        one_of(
            "operation",
            &[
                token("and", "AND"),
                token("or", "OR"),
                token("xor", "XOR"),
                token("not", "NOT"),
                token("diff", "DIFF").since("8.2.0"),
                token("diff1", "DIFF1").since("8.2.0"),
                token("andor", "ANDOR").since("8.2.0"),
                token("one", "ONE").since("8.2.0"),
            ],
        ),
        key("destkey", &[Ow, Update]),
        many(key("key", &[Ro, Access])),
    ],
    example: "> MSET one abc two \"a a\"\nOK\n> BITOP AND both one two\n(integer) 3\n> GET both\n\
              \"a a\"\n",
    run: bitop,
    ..Command::BASE
};

/// How BITOP combines bits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// Those of the first that none of the others has.
    Diff,
    /// Those of any other that the first has not.
    Diff1,
    /// Those of the first that any of the others has.
    AndOr,
    /// Those that exactly one has.
    One,
}

impl Operation {
    const ALL: [(&'static str, Self); 8] = [
        ("AND", Self::And),
        ("OR", Self::Or),
        ("XOR", Self::Xor),
        ("NOT", Self::Not),
        ("DIFF", Self::Diff),
        ("DIFF1", Self::Diff1),
        ("ANDOR", Self::AndOr),
        ("ONE", Self::One),
    ];
}

fn bitop(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let found = Operation::ALL.into_iter().find(|(word, _)| args.eat(word));
    let (word, operation) = found.ok_or(Error::Syntax)?;
    let destination = args.take()?;
    if operation == Operation::Not && args.len() != 1 {
        return Err(Error::text("ERR BITOP NOT must be called with a single source key."));
    }
    let needs_others = matches!(operation, Operation::Diff | Operation::Diff1 | Operation::AndOr);
    if needs_others && args.len() < 2 {
        return Err(Error::from(format!(
            "ERR BITOP {word} must be called with at least two source keys."
        )));
    }
    let mut combined = Combined::default();
    for (place, key) in args.rest().iter().enumerate() {
        let text = read_text(cx, key)?;
        combined.add(operation, place, text.as_deref().unwrap_or_default());
    }
    let result = combined.finish(operation);
    let length = result.len();
    if length > 0 {
        cx.use_key(destination);
        cx.insert(destination, Value::Raw(result.into()), None);
        cx.changed(destination, Class::String, "set");
    } else if cx.delete(destination) {
        cx.changed(destination, Class::Generic, "del");
    }
    cx.out.count(length);
    Ok(())
}

/// What has been combined. A shorter string counts as if zeros followed.
#[derive(Default)]
struct Combined {
    result: Vec<u8>,
    /// What belongs to it: for ONE the bits that more than one string has, for those that treat the
    /// first string apart, that string.
    beside: Vec<u8>,
}

impl Combined {
    /// Combines one more string, the one at `place`, with those before it.
    fn add(&mut self, operation: Operation, place: usize, source: &[u8]) {
        let Self { result, beside } = self;
        match operation {
            _ if place == 0 && operation.is_apart() => *beside = source.to_vec(),
            _ if place == 0 => *result = source.to_vec(),
            Operation::And => merge(result, source, |byte, other| byte & other),
            Operation::Xor => merge(result, source, |byte, other| byte ^ other),
            Operation::One => {
                let both = result.iter().zip(source).map(|(byte, other)| byte & other);
                let both: Vec<u8> = both.collect();
                merge(beside, &both, |byte, other| byte | other);
                merge(result, source, |byte, other| byte | other);
            }
            // NOT has one source only.
            Operation::Or
            | Operation::Not
            | Operation::Diff
            | Operation::Diff1
            | Operation::AndOr => merge(result, source, |byte, other| byte | other),
        }
    }

    fn finish(self, operation: Operation) -> Vec<u8> {
        let Self { mut result, beside } = self;
        match operation {
            Operation::And | Operation::Or | Operation::Xor => {}
            Operation::Not => result.iter_mut().for_each(|byte| *byte = !*byte),
            Operation::Diff => merge(&mut result, &beside, |others, first| first & !others),
            Operation::Diff1 | Operation::One => {
                merge(&mut result, &beside, |bits, without| bits & !without);
            }
            Operation::AndOr => merge(&mut result, &beside, |others, first| first & others),
        }
        result
    }
}

impl Operation {
    /// Whether the first string is not treated as the others are.
    fn is_apart(self) -> bool {
        matches!(self, Self::Diff | Self::Diff1 | Self::AndOr)
    }
}

/// Changes each byte of `result` by the one of `source`, both as long as the longer one.
fn merge(result: &mut Vec<u8>, source: &[u8], change: impl Fn(u8, u8) -> u8) {
    result.resize(result.len().max(source.len()), 0);
    let (shared, rest) = result.split_at_mut(source.len());
    shared.iter_mut().zip(source).for_each(|(byte, &other)| *byte = change(*byte, other));
    rest.iter_mut().for_each(|byte| *byte = change(*byte, 0));
}
