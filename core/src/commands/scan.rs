//! SCAN, and the cursor that it has in common with the scans of collections.

use crate::base::{Error, glob, num};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::Out;
use crate::spec::{Flag::*, Group, integer, opt, pattern, string};

pub(crate) const COMMANDS: &[&Command] = &[&SCAN];

/// How many entries one call looks at unless COUNT says otherwise.
const COUNT_DEFAULT: usize = 10;

const SCAN: Command = Command {
    name: "SCAN",
    summary: "Goes through the keys of the selected database, some at a time.",
    since: "2.8.0",
    group: Group::Generic,
    complexity: "O(1) for each call with a small COUNT, O(N) for all N keys",
    flags: &[Readonly],
    args: &[
        integer("cursor"),
        opt(pattern("pattern").after("MATCH")),
        opt(integer("count").after("COUNT")),
        opt(string("type").after("TYPE").since("6.0.0")),
    ],
    tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
    example: "> SET note hello\nOK\n> SCAN 0 MATCH n* COUNT 100\n1) \"0\"\n2) 1) \"note\"\n",
    run: scan,
    ..Command::BASE
};

fn scan(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let cursor = parse_cursor(args.take()?)?;
    let options = Options::parse(args, None)?;
    let now_ms = cx.now.unix_ms();
    let index = cx.session.db;
    let db = cx.engine.shard.db(index);
    // The keys are written aside, because the cursor that comes before them is known last.
    let mut keys = Out::default();
    let mut count = 0;
    let mut expired: Vec<Box<[u8]>> = Vec::new();
    let next = db.scan(cursor, options.count.min(db.len().max(1)), |key, found| {
        let is_match = options.pattern.is_none_or(|pattern| glob::matches(pattern, key))
            && options
                .kind
                .is_none_or(|kind| kind.eq_ignore_ascii_case(found.value.kind().name().as_bytes()));
        if !is_match {
            return;
        }
        if found.expires_ms.is_some_and(|at| at < now_ms) {
            expired.push(key.into());
        } else {
            keys.bulk(key);
            count += 1;
        }
    });
    for key in expired {
        cx.expire_lazily(index, &key);
    }
    cx.out.array(2);
    cx.out.bulk(&num::Digits::of_u64(next));
    cx.out.array(count);
    cx.out.raw(keys.pending());
    Ok(())
}

/// The options of SCAN, and of the scans of collections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options<'a> {
    /// MATCH: only keys that match.
    pub(super) pattern: Option<&'a [u8]>,
    /// COUNT: about how many are looked at in one call; at least 1.
    pub(super) count: usize,
    /// TYPE: only keys that hold this type.
    pub(super) kind: Option<&'a [u8]>,
    /// Only the names of what is in a collection.
    pub(super) names_only: bool,
}

impl<'a> Options<'a> {
    /// The options of the scan of a collection: those of SCAN without TYPE. Behind the word
    /// `names_only` the reply holds no more than names, where there is such a word.
    pub(super) fn of_collection(args: Args<'a>, names_only: Option<&str>) -> Result<Self, Error> {
        let options = Self::parse(args, names_only)?;
        if options.kind.is_some() { Err(Error::Syntax) } else { Ok(options) }
    }

    fn parse(mut args: Args<'a>, names_only: Option<&str>) -> Result<Self, Error> {
        let mut options =
            Self { pattern: None, count: COUNT_DEFAULT, kind: None, names_only: false };
        while !args.is_empty() {
            if args.eat("COUNT") {
                let count = args.integer()?;
                if count < 1 {
                    return Err(Error::Syntax);
                }
                // More than memory can hold is no less than all.
                options.count = usize::try_from(count).unwrap_or(usize::MAX);
            } else if args.eat("MATCH") {
                // A lone `*` is everything, also the empty name, which a pattern does not match.
                options.pattern = Some(args.take()?).filter(|&pattern| pattern != b"*");
            } else if args.eat("TYPE") {
                options.kind = Some(args.take()?);
            } else if names_only.is_some_and(|word| args.eat(word)) {
                options.names_only = true;
            } else if args.eat("NOVALUES") {
                return Err(Error::text("ERR NOVALUES option can only be used in HSCAN"));
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }
}

/// Reads a cursor as Redis does: strictly if it is a signed number, else as generously as C's
/// `strtoull`, which takes white space and a sign before the digits.
pub(super) fn parse_cursor(text: &[u8]) -> Result<u64, Error> {
    let invalid = Error::text("ERR invalid cursor");
    if let Some(number) = num::parse_i64(text) {
        return u64::try_from(number).map_err(|_| invalid);
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let (is_negative, digits) = match text.get(start..).unwrap_or_default() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid);
    }
    let number = digits.iter().try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    let number = number.ok_or(invalid)?;
    Ok(if is_negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_c_reads_them() {
        for (text, cursor) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("-0", Some(0)),
            ("-01", Some(u64::MAX)),
            (" -1", Some(u64::MAX)),
            ("+1", Some(1)),
            ("\t\x0b5", Some(5)),
            ("01", Some(1)),
            ("1 ", None),
            ("0x10", None),
            ("", None),
            (" ", None),
            ("+", None),
        ] {
            assert_eq!(parse_cursor(text.as_bytes()).ok(), cursor, "{text:?}");
        }
    }
}
