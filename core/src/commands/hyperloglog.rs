//! HyperLogLog commands.
//!
//! What is stored, and what may be wrong with it because a client wrote it, is in
//! [`hyperloglog`]. A string that is no HyperLogLog is refused before
//! anything is done; registers that turn out to be corrupt are refused where they are met.

use crate::base::Error;
use crate::ds::hyperloglog::{self, Corrupt, Encoding, Registers, View};
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{Access::*, Flag::*, Group, key, many, opt, string};
use crate::store::{Value, ValueRef};

pub(crate) const COMMANDS: &[&Command] = &[&PFADD, &PFCOUNT, &PFDEBUG, &PFMERGE, &PFSELFTEST];

const PFADD: Command = Command {
    name: "PFADD",
    summary: "Adds elements to a HyperLogLog; makes one if there is none.",
    since: "2.8.9",
    group: Group::HyperLogLog,
    complexity: "O(1) for each element",
    flags: &[Write, DenyOom, Fast],
    args: &[key("key", &[Rw, Insert]), opt(many(string("element")))],
    example: "> PFADD visitors ann bob\n(integer) 1\n> PFADD visitors bob\n(integer) 0\n\
              > PFCOUNT visitors\n(integer) 2\n",
    run: pfadd,
    ..Command::BASE
};

fn pfadd(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let max = cx.config.hll_sparse_max_bytes;
    let add_all = |bytes: &mut Vec<u8>, changes: &mut u64| {
        args.rest().iter().try_for_each(|element| {
            *changes += u64::from(hyperloglog::add(bytes, element, max)?);
            Ok::<(), Corrupt>(())
        })
    };
    let mut changes = 0;
    if is_there(cx.look(key).map(|found| found.value))? {
        // What was added before corruption is met stays, as in Redis.
        cx.edit_str(key, |bytes| add_all(bytes, &mut changes)).transpose().map_err(corrupt)?;
    } else {
        let mut bytes = hyperloglog::empty();
        changes = 1;
        add_all(&mut bytes, &mut changes).map_err(corrupt)?;
        hyperloglog::forget_count(&mut bytes);
        cx.insert(key, Value::Raw(bytes.into()), None);
    }
    if changes > 0 {
        cx.changed(key, Class::String, "pfadd");
        cx.dirty += changes - 1;
    }
    cx.out.int(i64::from(changes > 0));
    Ok(())
}

fn corrupt(_: Corrupt) -> Error {
    Error::text("INVALIDOBJ Corrupted HLL object detected")
}

/// Whether a key holds a HyperLogLog; an error if it holds something else.
fn is_there(found: Option<ValueRef<'_>>) -> Result<bool, Error> {
    let Some(value) = found else { return Ok(false) };
    let text = value.text().ok_or(Error::WrongType)?;
    view(&text).map(|_| true)
}

fn view(bytes: &[u8]) -> Result<View<'_>, Error> {
    const NONE: Error = Error::text("WRONGTYPE Key is not a valid HyperLogLog string value.");
    View::of(bytes).ok_or(NONE)
}

const PFCOUNT: Command = Command {
    name: "PFCOUNT",
    summary: "Estimates how many different elements were added to HyperLogLogs.",
    since: "2.8.9",
    group: Group::HyperLogLog,
    complexity: "O(1) for one key whose count is known, else O(N) for N keys, each with all its \
                 registers",
    flags: &[Readonly, MayReplicate],
    args: &[many(key("key", &[Rw, Access]))],
    example: "> PFADD monday ann bob\n(integer) 1\n> PFADD tuesday bob eve\n(integer) 1\n\
              > PFCOUNT monday tuesday\n(integer) 3\n",
    run: pfcount,
    ..Command::BASE
};

fn pfcount(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let keys = args.rest();
    let Some(key) = keys.get(0).filter(|_| keys.len() == 1) else {
        let mut registers = Registers::default();
        for key in keys.iter() {
            merge(cx, key, &mut registers)?;
        }
        cx.out.int(registers.count() as i64);
        return Ok(());
    };
    let count = if is_there(cx.read(key).map(|found| found.value))? { count(cx, key)? } else { 0 };
    cx.out.int(count as i64);
    Ok(())
}

/// Takes what `key` holds, if anything, into `registers`; returns how it is stored.
fn merge(
    cx: &mut Ctx<'_>,
    key: &[u8],
    registers: &mut Registers,
) -> Result<Option<Encoding>, Error> {
    let Some(found) = cx.read(key) else { return Ok(None) };
    let text = found.value.text().ok_or(Error::WrongType)?;
    let view = view(&text)?;
    registers.merge(view).map_err(corrupt)?;
    Ok(Some(view.encoding()))
}

/// The count of the HyperLogLog that `key` holds. A new one is noted there, which changes the key
/// although the command only reads.
fn count(cx: &mut Ctx<'_>, key: &[u8]) -> Result<u64, Error> {
    let counted = cx.edit_str(key, |bytes| {
        let Some(view) = View::of(bytes) else { return Err(Corrupt) };
        if let Some(count) = view.last_count() {
            return Ok((count, false));
        }
        let count = view.count()?;
        hyperloglog::keep_count(bytes, count);
        Ok((count, true))
    });
    let (count, is_new) = counted.transpose().map_err(corrupt)?.unwrap_or_default();
    if is_new {
        let db = cx.session.db;
        cx.touched(db, key);
        cx.dirty += 1;
    }
    Ok(count)
}

const PFMERGE: Command = Command {
    name: "PFMERGE",
    summary: "Adds to a HyperLogLog everything that was added to others.",
    since: "2.8.9",
    group: Group::HyperLogLog,
    complexity: "O(N) for N keys, each with all its registers",
    flags: &[Write, DenyOom],
    args: &[key("destkey", &[Rw, Access, Insert]), opt(many(key("sourcekey", &[Ro, Access])))],
    example: "> PFADD monday ann bob\n(integer) 1\n> PFADD tuesday bob eve\n(integer) 1\n\
              > PFMERGE both monday tuesday\nOK\n> PFCOUNT both\n(integer) 3\n",
    run: pfmerge,
    ..Command::BASE
};

fn pfmerge(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let max = cx.config.hll_sparse_max_bytes;
    let mut registers = Registers::default();
    let mut encoding = Encoding::Sparse;
    for key in args.rest().iter() {
        if merge(cx, key, &mut registers)? == Some(Encoding::Dense) {
            encoding = Encoding::Dense;
        }
    }
    let mut args = args;
    let destination = args.take()?;
    if cx.look(destination).is_none() {
        cx.insert(destination, Value::Raw(hyperloglog::empty().into()), None);
    }
    cx.edit_str(destination, |bytes| registers.write_to(bytes, encoding, max))
        .transpose()
        .map_err(corrupt)?;
    cx.changed(destination, Class::String, "pfadd");
    cx.out.ok();
    Ok(())
}

const PFDEBUG: Command = Command {
    name: "PFDEBUG",
    summary: "Shows how a HyperLogLog is stored, or makes it dense.",
    since: "2.8.9",
    group: Group::HyperLogLog,
    complexity: "O(N) for N registers",
    flags: &[Write, DenyOom, Admin, System],
    args: &[string("subcommand"), key("key", &[Rw, Access])],
    example: "> PFADD visitors ann\n(integer) 1\n> PFDEBUG ENCODING visitors\nsparse\n\
              > PFDEBUG TODENSE visitors\n(integer) 1\n> PFDEBUG ENCODING visitors\ndense\n",
    run: pfdebug,
    ..Command::BASE
};

fn pfdebug(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let word = args.take()?;
    if word.eq_ignore_ascii_case(b"simd") {
        return simd(cx, args.take()?);
    }
    let key = args.take()?;
    if !is_there(cx.look(key).map(|found| found.value))? {
        return Err(Error::text("ERR The specified key does not exist"));
    }
    let is_verb = |verb: &str| word.eq_ignore_ascii_case(verb.as_bytes());
    let is_to_be_dense = is_verb("getreg") || is_verb("todense");
    // The string is made ready to be changed, and looks so afterwards, whatever the subcommand.
    let is_new =
        cx.edit_str(
            key,
            |bytes| {
                if is_to_be_dense { hyperloglog::to_dense(bytes) } else { Ok(false) }
            },
        );
    let is_new = is_new.transpose().map_err(corrupt)?.unwrap_or(false);
    cx.dirty += u64::from(is_new);
    if is_verb("todense") {
        cx.out.int(i64::from(is_new));
        return Ok(());
    }
    let (found, out) = cx.look_beside_out(key);
    let text = found.and_then(|found| found.value.text()).ok_or(Error::WrongType)?;
    let view = view(&text)?;
    match () {
        () if is_verb("getreg") => {
            let mut registers = Registers::default();
            registers.merge(view).map_err(corrupt)?;
            out.array(registers.iter().len());
            registers.iter().for_each(|rank| out.int(rank.into()));
        }
        () if is_verb("decode") => {
            let none = Error::text("ERR HLL encoding is not sparse");
            out.bulk(hyperloglog::describe(view.runs().ok_or(none)?).as_bytes());
        }
        () if is_verb("encoding") => out.simple(match view.encoding() {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        }),
        () => return Err(Error::showing("ERR Unknown PFDEBUG subcommand '", word, "'")),
    }
    Ok(())
}

/// PFDEBUG SIMD, which turns special instructions on and off in Redis. The compiler chooses ours, so
/// the word is only taken and none are ever said to be in use.
fn simd(cx: &mut Ctx<'_>, word: &[u8]) -> Outcome {
    let is_on = word.eq_ignore_ascii_case(b"on");
    if !is_on && !word.eq_ignore_ascii_case(b"off") {
        return Err(Error::text("ERR Argument must be ON or OFF"));
    }
    cx.out.simple(if is_on { "enabled" } else { "disabled" });
    Ok(())
}

const PFSELFTEST: Command = Command {
    name: "PFSELFTEST",
    summary: "Checks that HyperLogLogs count as they should.",
    since: "2.8.9",
    group: Group::HyperLogLog,
    complexity: "N/A",
    flags: &[Admin, System],
    example: "> PFSELFTEST\nOK\n",
    run: pfselftest,
    ..Command::BASE
};

fn pfselftest(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    hyperloglog::self_test().map_err(|fault| Error::from(format!("TESTFAILED {fault}")))?;
    cx.out.ok();
    Ok(())
}
