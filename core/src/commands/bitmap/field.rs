//! BITFIELD: integers of any width between the bits of a string.
//!
//! All operations are read first, then one pass over the string does them, so that a mistake in
//! the last changes nothing.

use super::{NO_OFFSET, check_offset, length_for, lengthen, make_room};
use crate::base::{Error, num};
use crate::ds::bits::Field;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{
    Access::*, Arg, Flag::*, Group, block, derive, integer, key, many, one_of, opt, string, token,
};

const GET: Arg = block("get-block", &[string("encoding"), integer("offset")]).after("GET");

pub(super) const BITFIELD: Command = Command {
    name: "BITFIELD",
    summary: "Reads, writes and counts up integers of any width between the bits of a string.",
    since: "3.2.0",
    group: Group::Bitmap,
    complexity: "O(1) for each operation",
    flags: &[Write, DenyOom],
    args: &[
        key("key", &[Rw, Access, Update, VariableFlags]),
        opt(many(one_of(
            "operation",
            &[
                GET,
                block(
                    "write",
                    &[
                        opt(one_of(
                            "overflow-block",
                            &[token("wrap", "WRAP"), token("sat", "SAT"), token("fail", "FAIL")],
                        )
                        .after("OVERFLOW")),
                        one_of(
                            "write-operation",
                            &[
                                block(
                                    "set-block",
                                    &[string("encoding"), integer("offset"), integer("value")],
                                )
                                .after("SET"),
                                block(
                                    "incrby-block",
                                    &[string("encoding"), integer("offset"), integer("increment")],
                                )
                                .after("INCRBY"),
                            ],
                        ),
                    ],
                ),
            ],
        ))),
    ],
    example: "> BITFIELD counts SET u8 #1 250 INCRBY u8 #1 10 GET u16 0\n1) (integer) 0\n\
              2) (integer) 4\n3) (integer) 4\n\
              > BITFIELD counts OVERFLOW SAT INCRBY u8 #1 300 OVERFLOW FAIL INCRBY u8 #1 1\n\
              1) (integer) 255\n2) (nil)\n",
    find_keys: Some(|argv, found| {
        // Where it makes no sense, it is none that only reads.
        let mut only_reads = true;
        derive::options(argv, 2, &[("GET", 2), ("OVERFLOW", 1)], &mut |place| {
            let is = |word, width| derive::is_option(argv, place, word, width);
            only_reads &= is("GET", 2) || is("OVERFLOW", 1);
        });
        found.push((1, if only_reads { &[Ro, Access] } else { &[Rw, Access, Update] }));
    }),
    run: bitfield,
    ..Command::BASE
};

fn bitfield(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let operations = operations(cx, args)?;
    if operations.iter().all(Operation::is_get) {
        return read_fields(cx, key, &operations);
    }
    let ends = operations.iter().filter(|one| !one.is_get()).map(|one| one.field.end_bytes());
    let length = length_for(ends.max().unwrap_or(0))?;
    let grew = make_room(cx, key, length)?;
    let mut changes = 0;
    let replies = cx.edit_str(key, |bytes| {
        lengthen(bytes, length);
        let run = |operation: &Operation| {
            let old = operation.field.get(bytes);
            let new = operation.result(old)?;
            if !operation.is_get() {
                operation.field.set(bytes, new);
                changes += u64::from(grew || old != new);
            }
            Some(if matches!(operation.action, Action::IncrBy(_)) { new } else { old })
        };
        operations.iter().map(run).collect::<Vec<_>>()
    });
    if changes > 0 {
        cx.changed(key, Class::String, "setbit");
        cx.dirty += changes - 1;
    }
    let replies = replies.unwrap_or_default();
    cx.out.array(replies.len());
    for reply in replies {
        match reply {
            Some(number) => cx.out.int(number as i64),
            None => cx.out.null(),
        }
    }
    Ok(())
}

pub(super) const BITFIELD_RO: Command = Command {
    name: "BITFIELD_RO",
    summary: "Reads integers of any width between the bits of a string.",
    since: "6.0.0",
    group: Group::Bitmap,
    complexity: "O(1) for each operation",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access]), opt(many(GET.each()))],
    example: "> SET word A\nOK\n> BITFIELD_RO word GET u8 0 GET i3 1\n1) (integer) 65\n\
              2) (integer) -4\n",
    run: bitfield_ro,
    ..Command::BASE
};

fn bitfield_ro(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let operations = operations(cx, args)?;
    if !operations.iter().all(Operation::is_get) {
        return Err(Error::text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read_fields(cx, key, &operations)
}

/// Replies with the fields of `operations`, which only read.
fn read_fields(cx: &mut Ctx<'_>, key: &[u8], operations: &[Operation]) -> Outcome {
    let (found, out) = cx.read_beside_out(key);
    let text = found.map(|found| found.value.text().ok_or(Error::WrongType)).transpose()?;
    let bytes: &[u8] = text.as_deref().unwrap_or_default();
    out.array(operations.len());
    operations.iter().for_each(|one| out.int(one.field.get(bytes) as i64));
    Ok(())
}

/// One operation of BITFIELD.
struct Operation {
    field: Field,
    action: Action,
    overflow: Overflow,
}

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    IncrBy(i64),
}

/// What becomes of a number that does not fit.
#[derive(Clone, Copy)]
enum Overflow {
    /// Its lowest bits are kept.
    Wrap,
    /// The nearest number that fits takes its place.
    Sat,
    /// Nothing is written.
    Fail,
}

impl Operation {
    fn is_get(&self) -> bool {
        matches!(self.action, Action::Get)
    }

    /// What the field holds afterwards if it holds `old` now; `None` if that does not fit and must
    /// not be made to.
    fn result(&self, old: i128) -> Option<i128> {
        let wanted = match self.action {
            Action::Get => old,
            // A negative number is a very great one where there is no sign.
            Action::Set(value) if !self.field.is_signed => i128::from(value as u64),
            Action::Set(value) => i128::from(value),
            Action::IncrBy(increment) => old + i128::from(increment),
        };
        let (least, greatest) = self.field.range();
        if (least..=greatest).contains(&wanted) {
            return Some(wanted);
        }
        match self.overflow {
            Overflow::Wrap => Some(self.field.wrap(wanted)),
            Overflow::Sat => Some(wanted.clamp(least, greatest)),
            Overflow::Fail => None,
        }
    }
}

/// All operations that the arguments ask for.
fn operations(cx: &Ctx<'_>, mut args: Args<'_>) -> Result<Vec<Operation>, Error> {
    let mut all = Vec::new();
    let mut overflow = Overflow::Wrap;
    while !args.is_empty() {
        let behind = args.len() - 1;
        if behind >= 1 && args.eat("OVERFLOW") {
            overflow = match () {
                () if args.eat("WRAP") => Overflow::Wrap,
                () if args.eat("SAT") => Overflow::Sat,
                () if args.eat("FAIL") => Overflow::Fail,
                () => return Err(Error::text("ERR Invalid OVERFLOW type specified")),
            };
            continue;
        }
        let action: fn(i64) -> Action = match () {
            () if behind >= 2 && args.eat("GET") => |_| Action::Get,
            () if behind >= 3 && args.eat("SET") => Action::Set,
            () if behind >= 3 && args.eat("INCRBY") => Action::IncrBy,
            () => return Err(Error::Syntax),
        };
        let field = field(cx, args.take()?, args.take()?)?;
        let value = if matches!(action(0), Action::Get) { 0 } else { args.integer()? };
        all.push(Operation { field, action: action(value), overflow });
    }
    Ok(all)
}

/// A field from its type (`u8`, `i16`) and its offset in bits or, after `#`, in fields.
fn field(cx: &Ctx<'_>, kind: &[u8], offset: &[u8]) -> Result<Field, Error> {
    const NO_TYPE: Error = Error::text(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but \
         i64 is.",
    );
    let (is_signed, width) = match kind.split_first() {
        Some((b'i', width)) => (true, width),
        Some((b'u', width)) => (false, width),
        _ => return Err(NO_TYPE),
    };
    let width_max = if is_signed { 64 } else { 63 };
    let width = num::parse_i64(width).filter(|width| (1..=width_max).contains(width));
    let width = width.ok_or(NO_TYPE)?;
    let offset = match offset.strip_prefix(b"#") {
        // The product is not checked in Redis either: offsets beyond 2^63 begin again at 0.
        Some(place) => num::parse_i64(place).ok_or(NO_OFFSET)?.wrapping_mul(width),
        None => num::parse_i64(offset).ok_or(NO_OFFSET)?,
    };
    Ok(Field { offset: check_offset(cx, offset)?, width: width as u32, is_signed })
}
