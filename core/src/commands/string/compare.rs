//! Strings that are looked at before they are replaced or deleted: the digest, and what is done only
//! if a string is, or is not, a given one.
//!
//! All of it is newer than Redis 8.0; DELIFEQ is Valkey's.

use super::options::Condition;
use crate::base::Error;
use crate::engine::exec::wrong_arity;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{Access::*, Flag::*, Group, key, one_of, opt, string};
use crate::store::ValueRef;

pub(super) const DELEX: Command = Command {
    name: "DELEX",
    summary: "Deletes a key, or a string if it is a given one, has a given digest, or has not.",
    since: "8.4.0",
    group: Group::String,
    complexity: "O(N) with N the bytes of the string",
    flags: &[Write, Fast],
    args: &[
        key("key", &[Rw, Delete]),
        opt(one_of(
            "condition",
            &[
                string("ifeq-value").after("IFEQ"),
                string("ifne-value").after("IFNE"),
                string("ifdeq-digest").after("IFDEQ"),
                string("ifdne-digest").after("IFDNE"),
            ],
        )),
    ],
    example: "> SET lock mine\nOK\n> DELEX lock IFEQ yours\n(integer) 0\n> DELEX lock IFEQ mine\n\
              (integer) 1\n",
    run: delex,
    ..Command::BASE
};

fn delex(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    if !matches!(args.len(), 0 | 2) {
        return Err(wrong_arity(cx.entry));
    }
    let Some(found) = cx.look(key) else {
        cx.out.int(0);
        return Ok(());
    };
    let holds = if args.is_empty() {
        true
    } else {
        if found.value.text().is_none() {
            return Err(Error::text(
                "ERR Key should be of string type if conditions are specified",
            ));
        }
        let condition = Condition::of_value(&mut args)?;
        let condition = condition
            .ok_or(Error::text("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"))?;
        condition.holds(Some(found.value))?
    };
    delete_if(cx, key, holds);
    Ok(())
}

pub(super) const DELIFEQ: Command = Command {
    name: "DELIFEQ",
    summary: "Deletes a string if it is a given one.",
    since: "9.0.0",
    group: Group::String,
    flags: &[Write, Fast],
    args: &[key("key", &[Rm, Delete]), string("value")],
    example: "> SET lock mine\nOK\n> DELIFEQ lock yours\n(integer) 0\n> DELIFEQ lock mine\n\
              (integer) 1\n",
    run: delifeq,
    ..Command::BASE
};

fn delifeq(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, value) = (args.take()?, args.take()?);
    let old = cx.look(key).map(|found| found.value);
    let holds = Condition::Eq(value).holds(old)?;
    delete_if(cx, key, holds);
    Ok(())
}

/// Deletes `key`, which is there, if `holds`, and replies with how many keys that were.
fn delete_if(cx: &mut Ctx<'_>, key: &[u8], holds: bool) {
    if holds {
        cx.delete(key);
        cx.changed(key, Class::Generic, "del");
        // Whether it holds is no question where this is repeated.
        cx.propagate_as(&[b"DEL", key]);
    }
    cx.out.int(i64::from(holds));
}

pub(super) const DIGEST: Command = Command {
    name: "DIGEST",
    summary: "Returns a digest of a string, to compare by.",
    since: "8.4.0",
    group: Group::String,
    complexity: "O(N) with N the bytes of the string",
    flags: &[Readonly, Fast],
    args: &[key("key", &[Ro, Access])],
    example: "> SET greeting \"Hello world\"\nOK\n> DIGEST greeting\n\"b6acb9d84a38ff74\"\n",
    run: digest,
    ..Command::BASE
};

fn digest(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (found, out) = cx.read_beside_out(args.take()?);
    match found {
        None => out.null(),
        Some(found) => out.bulk(&digest_of(&found.value.text().ok_or(Error::WrongType)?)),
    }
    Ok(())
}

/// The 64 bits of XXH3 as 16 digits.
fn digest_of(text: &[u8]) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bits = twox_hash::XxHash3_64::oneshot(text);
    std::array::from_fn(|place| DIGITS[(bits >> (60 - 4 * place)) as usize % DIGITS.len()])
}

impl<'a> Condition<'a> {
    /// Takes the condition that follows, if it is one on the value.
    pub(super) fn of_value(args: &mut Args<'a>) -> Result<Option<Self>, Error> {
        if args.len() < 2 {
            return Ok(None);
        }
        let condition = if args.eat("IFEQ") {
            Self::Eq
        } else if args.eat("IFNE") {
            Self::Ne
        } else if args.eat("IFDEQ") {
            Self::DigestEq
        } else if args.eat("IFDNE") {
            Self::DigestNe
        } else {
            return Ok(None);
        };
        Ok(Some(condition(args.take()?)))
    }

    /// Whether the condition holds where `old` is stored now.
    pub(super) fn holds(self, old: Option<ValueRef<'_>>) -> Result<bool, Error> {
        let Some(old) = old else {
            return Ok(matches!(self, Self::Nx | Self::Ne(_) | Self::DigestNe(_)));
        };
        let text = || old.text().ok_or(Error::WrongType);
        let has_digest = |digest: &[u8]| {
            let text = text()?;
            if digest.len() != 16 {
                return Err(Error::text("ERR must be exactly 16 hexadecimal characters"));
            }
            Ok(digest_of(&text).eq_ignore_ascii_case(digest))
        };
        Ok(match self {
            Self::Nx => false,
            Self::Xx => true,
            Self::Eq(value) => *text()? == *value,
            Self::Ne(value) => *text()? != *value,
            Self::DigestEq(digest) => has_digest(digest)?,
            Self::DigestNe(digest) => !has_digest(digest)?,
        })
    }
}
