//! The options of SET and GETEX: under which condition a value is stored, and when it expires.

use std::mem::discriminant;

use crate::base::{Error, num};
use crate::engine::{Args, Ctx};

/// What the words behind key and value ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options<'a> {
    pub(super) condition: Option<Condition<'a>>,
    /// The old value is to be the reply.
    pub(super) get: bool,
    pub(super) expiry: Expiry<'a>,
}

/// When a value is stored at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition<'a> {
    /// Only if there is no such key.
    Nx,
    /// Only if there is one.
    Xx,
    /// Only if this is the string there.
    Eq(&'a [u8]),
    /// Only if the string there is another, or there is none.
    Ne(&'a [u8]),
    /// Only if this is the digest of the string there.
    DigestEq(&'a [u8]),
    /// Only if the digest of the string there is another, or there is none.
    DigestNe(&'a [u8]),
}

/// What becomes of the key's expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Expiry<'a> {
    /// Nothing was said of it: SET takes it away, GETEX leaves it.
    #[default]
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// EX, PX, EXAT and PXAT, with the number that stood behind it.
    At { unit: Unit, since: Since, number: &'a [u8] },
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
}

/// What a number counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    Now,
    Epoch,
}

impl<'a> Options<'a> {
    /// Reads the options of SET.
    pub(super) fn of_set(mut args: Args<'a>) -> Result<Self, Error> {
        let mut options = Self::default();
        while !args.is_empty() {
            if args.eat("NX") {
                options.require(Condition::Nx)?;
            } else if args.eat("XX") {
                options.require(Condition::Xx)?;
            } else if args.eat("GET") {
                options.get = true;
            } else if args.eat("KEEPTTL") {
                options.expire(Expiry::Keep)?;
            } else if let Some(condition) = Condition::of_value(&mut args)? {
                options.require(condition)?;
            } else {
                options.expire(deadline(&mut args)?)?;
            }
        }
        Ok(options)
    }

    /// Reads the options of MSETEX.
    pub(super) fn of_msetex(mut args: Args<'a>) -> Result<Self, Error> {
        let mut options = Self::default();
        while !args.is_empty() {
            if args.eat("NX") {
                options.require(Condition::Nx)?;
            } else if args.eat("XX") {
                options.require(Condition::Xx)?;
            } else if args.eat("KEEPTTL") {
                options.expire(Expiry::Keep)?;
            } else {
                options.expire(deadline(&mut args)?)?;
            }
        }
        Ok(options)
    }

    /// Reads the options of GETEX.
    pub(super) fn of_getex(mut args: Args<'a>) -> Result<Self, Error> {
        let mut options = Self::default();
        while !args.is_empty() {
            let expiry = if args.eat("PERSIST") { Expiry::Persist } else { deadline(&mut args)? };
            options.expire(expiry)?;
        }
        Ok(options)
    }

    /// The same condition may be given again, the other may not.
    fn require(&mut self, condition: Condition<'a>) -> Result<(), Error> {
        let is_other = |old| discriminant(&old) != discriminant(&condition);
        if self.condition.is_some_and(is_other) {
            return Err(Error::Syntax);
        }
        self.condition = Some(condition);
        Ok(())
    }

    /// The same word may be given again, and the last number counts; another word may not.
    fn expire(&mut self, expiry: Expiry<'a>) -> Result<(), Error> {
        if self.expiry != Expiry::Unsaid && self.expiry.word() != expiry.word() {
            return Err(Error::Syntax);
        }
        self.expiry = expiry;
        Ok(())
    }
}

/// EX, PX, EXAT or PXAT and the number behind it.
pub(super) fn deadline<'a>(args: &mut Args<'a>) -> Result<Expiry<'a>, Error> {
    let (unit, since) = if args.eat("EX") {
        (Unit::Seconds, Since::Now)
    } else if args.eat("PX") {
        (Unit::Milliseconds, Since::Now)
    } else if args.eat("EXAT") {
        (Unit::Seconds, Since::Epoch)
    } else if args.eat("PXAT") {
        (Unit::Milliseconds, Since::Epoch)
    } else {
        return Err(Error::Syntax);
    };
    Ok(Expiry::At { unit, since, number: args.take()? })
}

impl Expiry<'_> {
    /// This without its number, to compare by.
    fn word(self) -> Self {
        match self {
            Self::At { unit, since, .. } => Expiry::At { unit, since, number: b"" },
            Self::Unsaid => Expiry::Unsaid,
            Self::Keep => Expiry::Keep,
            Self::Persist => Expiry::Persist,
        }
    }

    /// When the key expires, in milliseconds since 1970, if a deadline was given. It may lie in the
    /// past, but not at or before 1970, nor beyond what 64 bits hold.
    pub(super) fn deadline_ms(self, cx: &Ctx<'_>) -> Result<Option<i64>, Error> {
        let Self::At { unit, since, number } = self else { return Ok(None) };
        let number = num::parse_i64(number).ok_or(Error::NotInteger)?;
        let ms = match unit {
            Unit::Seconds => number.checked_mul(1000),
            Unit::Milliseconds => Some(number),
        };
        let start_ms = match since {
            Since::Now => cx.now.unix_ms(),
            Since::Epoch => 0,
        };
        let deadline = ms.filter(|&ms| ms > 0).and_then(|ms| ms.checked_add(start_ms));
        deadline.map(Some).ok_or_else(|| {
            Error::from(format!("ERR invalid expire time in '{}' command", cx.entry.full_name))
        })
    }
}
