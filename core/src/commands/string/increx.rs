//! INCREX: a number counted up or down within bounds, together with its expiry.
//!
//! Whole numbers are counted in 64 bits, others in [extended precision](Extended), as INCRBY and
//! INCRBYFLOAT do it.

use std::cmp::Ordering;

use super::expire_now;
use super::options::{Expiry, deadline};
use crate::base::num::Extended;
use crate::base::{Error, num};
use crate::commands::expire::EXPIRATION_OR_PERSIST;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::resp::Out;
use crate::spec::{Access::*, Flag::*, Group, double, integer, key, one_of, opt, string, token};
use crate::store::{Value, ValueRef};

pub(super) const INCREX: Command = Command {
    name: "INCREX",
    summary: "Adds a number to the one that a key holds, within bounds, and changes when the key expires.",
    since: "8.8.0",
    group: Group::String,
    flags: &[Write, DenyOom, Fast],
    args: &[
        key("key", &[Rw, Access, Update]),
        opt(one_of(
            "increment",
            &[double("float").after("BYFLOAT"), integer("integer").after("BYINT")],
        )),
        opt(token("saturate", "SATURATE")),
        opt(string("lowerbound").after("LBOUND")),
        opt(string("upperbound").after("UBOUND")),
        EXPIRATION_OR_PERSIST,
        opt(token("enx", "ENX")),
    ],
    example: "> INCREX calls UBOUND 2 EX 60 ENX\n1) (integer) 1\n2) (integer) 1\n\
              > INCREX calls BYINT 5 UBOUND 2\n1) (integer) 1\n2) (integer) 0\n\
              > INCREX calls BYINT 5 UBOUND 2 SATURATE\n1) (integer) 2\n2) (integer) 1\n",
    run: increx,
    ..Command::BASE
};

fn increx(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let words = Words::take(args)?;
    let step = Step::read(&words)?;
    let expires_ms = words.expiry.deadline_ms(cx)?;
    let found = cx.look(key);
    let (exists, old_expires_ms) = (found.is_some(), found.and_then(|found| found.expires_ms));
    let change = step.apply(found.map(|found| found.value), words.saturates)?;
    cx.out.array(2);
    change.sum.write(cx.out);
    change.applied.write(cx.out);
    if change.is_refused {
        return Ok(());
    }
    // With ENX, an expiry that is there stays.
    let expires_ms = expires_ms.filter(|_| !(words.only_new && old_expires_ms.is_some()));
    match (words.expiry, expires_ms) {
        (_, Some(at_ms)) if at_ms <= cx.expiry_ms() => {
            if exists {
                expire_now(cx, key);
            }
        }
        (_, Some(at_ms)) => {
            store(cx, key, change.sum, Some(at_ms));
            cx.changed_too(key, Class::Generic, "expire");
        }
        (Expiry::Persist, None) => {
            store(cx, key, change.sum, None);
            if old_expires_ms.is_some() {
                cx.changed_too(key, Class::Generic, "persist");
            }
        }
        (_, None) => store(cx, key, change.sum, old_expires_ms),
    }
    Ok(())
}

fn store(cx: &mut Ctx<'_>, key: &[u8], sum: Number, expires_ms: Option<i64>) {
    if cx.propagates() {
        let text = sum.text();
        match expires_ms {
            Some(at_ms) => {
                cx.propagate_as(&[b"SET", key, &text, b"PXAT", &num::Digits::of(at_ms)]);
            }
            None => cx.propagate_as(&[b"SET", key, &text]),
        }
    }
    let (value, event) = match sum {
        Number::Int(sum) => (Value::Int(sum), "incrby"),
        Number::Float(sum) => (Value::Str(sum.to_text()), "incrbyfloat"),
    };
    cx.insert(key, value, expires_ms);
    cx.changed(key, Class::String, event);
}

/// What a command is told.
#[derive(Default)]
struct Words<'a> {
    by_int: Option<&'a [u8]>,
    by_float: Option<&'a [u8]>,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    /// A sum that is out of bounds becomes the bound.
    saturates: bool,
    expiry: Expiry<'a>,
    only_new: bool,
}

impl<'a> Words<'a> {
    /// Each word may be given once.
    fn take(mut args: Args<'a>) -> Result<Self, Error> {
        let mut words = Self::default();
        while !args.is_empty() {
            let by_given = words.by_int.is_some() || words.by_float.is_some();
            if !by_given && args.eat("BYINT") {
                words.by_int = Some(args.take()?);
            } else if !by_given && args.eat("BYFLOAT") {
                words.by_float = Some(args.take()?);
            } else if words.lower.is_none() && args.eat("LBOUND") {
                words.lower = Some(args.take()?);
            } else if words.upper.is_none() && args.eat("UBOUND") {
                words.upper = Some(args.take()?);
            } else if !words.saturates && args.eat("SATURATE") {
                words.saturates = true;
            } else if !words.only_new && args.eat("ENX") {
                words.only_new = true;
            } else if words.expiry == Expiry::Unsaid {
                words.expiry =
                    if args.eat("PERSIST") { Expiry::Persist } else { deadline(&mut args)? };
            } else {
                return Err(Error::Syntax);
            }
        }
        match words.expiry {
            Expiry::Persist if words.only_new => Err(Error::Syntax),
            Expiry::Unsaid if words.only_new => {
                Err(Error::text("ERR ENX flag requires an expiration"))
            }
            _ => Ok(words),
        }
    }
}

/// What is counted.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(Extended),
}

impl Number {
    fn text(self) -> Vec<u8> {
        match self {
            Self::Int(number) => num::Digits::of(number).to_vec(),
            Self::Float(number) => number.to_text(),
        }
    }

    fn write(self, out: &mut Out) {
        match self {
            Self::Int(number) => out.int(number),
            Self::Float(number) => out.double_text(&number.to_text()),
        }
    }
}

/// How much is added, and within which bounds the sum must be.
enum Step {
    Int { by: i64, lower: i64, upper: i64 },
    Float { by: Extended, lower: Extended, upper: Extended },
}

/// What came of it.
struct Change {
    sum: Number,
    /// How much was added in the end.
    applied: Number,
    /// The sum would have been out of bounds, so that nothing was done.
    is_refused: bool,
}

const CROSSED: Error = Error::text("ERR LBOUND can't be greater than UBOUND");

impl Step {
    fn read(words: &Words<'_>) -> Result<Self, Error> {
        if let Some(by) = words.by_float {
            let float = |text: Option<&[u8]>, otherwise: Extended, error| match text {
                Some(text) => Extended::parse(text).ok_or_else(|| Error::text(error)),
                None => Ok(otherwise),
            };
            let by = float(Some(by), Extended::ZERO, "ERR Increment is not a valid float")?;
            if by.is_infinite() {
                return Err(Error::text("ERR BYFLOAT increment cannot be Infinity"));
            }
            let least = Extended::MAX.negated();
            let lower = float(words.lower, least, "ERR LBOUND is not a valid float")?;
            let upper = float(words.upper, Extended::MAX, "ERR UBOUND is not a valid float")?;
            let is_crossed = lower.order(upper) == Ordering::Greater;
            return if is_crossed { Err(CROSSED) } else { Ok(Self::Float { by, lower, upper }) };
        }
        let int = |text: Option<&[u8]>, otherwise, error| match text {
            Some(text) => num::parse_i64(text).ok_or_else(|| Error::text(error)),
            None => Ok(otherwise),
        };
        let by = int(words.by_int, 1, "ERR Increment is not an integer or out of range")?;
        let lower = int(words.lower, i64::MIN, "ERR LBOUND is not an integer or out of range")?;
        let upper = int(words.upper, i64::MAX, "ERR UBOUND is not an integer or out of range")?;
        if lower > upper { Err(CROSSED) } else { Ok(Self::Int { by, lower, upper }) }
    }

    /// Adds to `value`, where nothing counts as 0.
    fn apply(&self, value: Option<ValueRef<'_>>, saturates: bool) -> Result<Change, Error> {
        let text = match value {
            Some(value) => Some(value.text().ok_or(Error::WrongType)?),
            None => None,
        };
        match *self {
            Self::Int { by, lower, upper } => {
                let old = match text {
                    Some(text) => num::parse_i64(&text).ok_or(Error::NotInteger)?,
                    None => 0,
                };
                let sum = i128::from(old) + i128::from(by);
                let within = sum.clamp(lower.into(), upper.into()) as i64;
                if !saturates && i128::from(within) != sum {
                    let (sum, applied) = (Number::Int(old), Number::Int(0));
                    return Ok(Change { sum, applied, is_refused: true });
                }
                let applied = within.checked_sub(old);
                let applied = applied.ok_or(Error::text("ERR applied increment would overflow"))?;
                let (sum, applied) = (Number::Int(within), Number::Int(applied));
                Ok(Change { sum, applied, is_refused: false })
            }
            Self::Float { by, lower, upper } => {
                let old = match text {
                    Some(text) => Extended::parse(&text).ok_or(Error::NotFloat)?,
                    None => Extended::ZERO,
                };
                if old.is_infinite() {
                    return Err(Error::text("ERR value cannot be Infinity"));
                }
                // A sum that is too large lies beyond any bound on its side.
                let sum = old.plus(by);
                let is_below = sum.map_or_else(|| by.is_negative(), |sum| sum.order(lower).is_lt());
                let is_above =
                    sum.map_or_else(|| !by.is_negative(), |sum| sum.order(upper).is_gt());
                if !saturates && (is_below || is_above) {
                    let (sum, applied) = (Number::Float(old), Number::Float(Extended::ZERO));
                    return Ok(Change { sum, applied, is_refused: true });
                }
                let within = match sum {
                    Some(sum) if !is_below && !is_above => sum,
                    _ if is_below => lower,
                    _ => upper,
                };
                let applied = within.plus(old.negated());
                let applied =
                    applied.ok_or(Error::text("ERR applied increment would be Infinity"))?;
                let (sum, applied) = (Number::Float(within), Number::Float(applied));
                Ok(Change { sum, applied, is_refused: false })
            }
        }
    }
}
