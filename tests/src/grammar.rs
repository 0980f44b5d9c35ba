//! Commands drawn at random from their declarations.
//!
//! What an argument may be is declared with the command, so a draw follows the grammar: options
//! are given or left out, in any order, choices made, lists repeated. Values come from small pools
//! in which the odd ones are many: the edges of 64-bit integers, numbers that are none, keys of
//! other types. Now and then the grammar is broken too: a word is lost, doubled or replaced.

use redstart::base::rng::Rng;
use redstart::engine::Entry;
use redstart::spec::{Arg, Kind};

/// Keys; so few that commands meet each other's values.
pub const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", ""];

const STRINGS: [&str; 22] = [
    "",
    "x",
    "hello",
    "hello world",
    "0",
    "1",
    "-1",
    "10",
    "42",
    "007",
    "-0",
    "+5",
    "3.5",
    "1e3",
    " 1",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "\x00\r\n\u{7f}",
    "abcabcabc",
    "0123456789012345678901234567890123456789abcd",
    "0123456789012345678901234567890123456789abcde",
];

const INTEGERS: [&str; 20] = [
    "0",
    "1",
    "-1",
    "2",
    "-2",
    "3",
    "4",
    "7",
    "-5",
    "10",
    "100",
    "-100",
    "100000",
    "abc",
    "1.5",
    "",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "+1",
];

const DOUBLES: [&str; 20] = [
    "0",
    "1",
    "-1",
    "0.1",
    "0.2",
    "-2.5",
    "3.0e3",
    "1e17",
    "1e-17",
    "1e-300",
    "123456789.123456789",
    "inf",
    "-inf",
    "nan",
    "abc",
    "",
    "0x1p-3",
    "1e400",
    "1e5000",
    "5e-18",
];

/// Ends of ranges: ranks, scores and members.
const BOUNDS: [&str; 22] = [
    "0",
    "-1",
    "1",
    "2",
    "-2",
    "(1",
    "(0.1",
    "-inf",
    "+inf",
    "(-inf",
    "-",
    "+",
    "[",
    "(",
    "[1",
    "(hello",
    "[x",
    "(",
    "abc",
    "nan",
    "9223372036854775807",
    "1e400",
];

/// Spans of time, in seconds or milliseconds: too long to pass meanwhile, or none at all.
const SPANS: [&str; 9] =
    ["100000", "200000", "0", "-1", "abc", "", "1.5", "9223372036854775807", "9223372036854775"];

/// How long a command may wait, in seconds: long, for ever, or it is refused.
const TIMEOUTS: [&str; 9] = ["0", "0.0", "100000", "-1", "abc", "", "nan", "inf", "1e400"];

const UNIX_TIMES: [&str; 9] = [
    "33177117420",
    "33177117420000",
    "1",
    "0",
    "-1",
    "abc",
    "9223372036854775807",
    "9223372036854775808",
    "1.5",
];

const PATTERNS: [&str; 6] = ["*", "a*", "?", "[a-c]", "h?llo*", "\\a"];

/// Places of bits and bytes, some counted in fields as BITFIELD does.
const OFFSETS: [&str; 16] = [
    "0",
    "1",
    "7",
    "8",
    "9",
    "15",
    "63",
    "100",
    "1000",
    "#0",
    "#1",
    "#3",
    "#-1",
    "-1",
    "abc",
    "9223372036854775807",
];

/// Numbers for commands that mostly take a bit.
const BITS: [&str; 12] =
    ["0", "1", "0", "1", "0", "1", "2", "-1", "127", "-129", "65535", "9223372036854775807"];

/// Types of fields.
const ENCODINGS: [&str; 14] =
    ["u1", "i1", "u8", "i8", "u5", "i7", "u16", "i33", "u63", "i64", "u64", "i65", "u0", "x8"];

/// A command: its words.
pub type Words = Vec<Vec<u8>>;

/// The words of one command, drawn from the declaration of `entry`.
pub fn draw(rng: &mut Rng, entry: &Entry) -> Words {
    let mut words: Words = entry.full_name.split('|').map(Into::into).collect();
    let (fixed, optional): (Vec<&Arg>, Vec<&Arg>) =
        entry.command.args.iter().partition(|arg| !arg.optional);
    // Optional arguments mostly stand at the end, where their order is free; where they do not,
    // this draws a wrong order now and then, which is a test too.
    let is_mixed = entry.command.args.iter().skip_while(|arg| !arg.optional).any(|a| !a.optional);
    if is_mixed && rng.below(4) > 0 {
        for arg in entry.command.args {
            push(rng, arg, &mut words);
        }
    } else {
        for arg in fixed {
            push(rng, arg, &mut words);
        }
        let mut optional = optional;
        while !optional.is_empty() {
            let next = optional.swap_remove(rng.below(optional.len() as u64) as usize);
            push(rng, next, &mut words);
        }
    }
    if rng.below(20) == 0 {
        spoil(rng, &mut words);
    }
    words
}

/// Adds what `arg` stands for.
fn push(rng: &mut Rng, arg: &Arg, words: &mut Words) {
    if arg.optional && rng.below(3) > 0 {
        return;
    }
    let times = if arg.multiple { 1 + rng.below(3) } else { 1 };
    for time in 0..times {
        if let Some(token) = arg.token
            && (time == 0 || arg.multiple_token)
        {
            words.push(token.into());
        }
        match arg.kind {
            Kind::PureToken => {}
            Kind::OneOf => {
                let choice = pick(rng, arg.args);
                push(rng, choice, words);
            }
            Kind::Block if arg.args.first().is_some_and(|first| first.name == "numfields") => {
                push_counted(rng, arg.args, words);
            }
            Kind::Block => arg.args.iter().for_each(|part| push(rng, part, words)),
            Kind::Key => words.push((*pick(rng, &KEYS)).into()),
            Kind::String if arg.name == "encoding" => words.push((*pick(rng, &ENCODINGS)).into()),
            Kind::String | Kind::Integer | Kind::Double
                if matches!(arg.name, "min" | "max" | "start" | "stop") && rng.below(8) > 0 =>
            {
                words.push((*pick(rng, &BOUNDS)).into());
            }
            Kind::Integer if arg.name == "numkeys" && rng.below(8) > 0 => {
                words.push((*pick(rng, &["1", "2", "3"])).into());
            }
            Kind::String => words.push((*pick(rng, &STRINGS)).into()),
            Kind::Integer if matches!(arg.name, "seconds" | "milliseconds") => {
                words.push((*pick(rng, &SPANS)).into());
            }
            Kind::Integer if arg.name == "offset" => words.push((*pick(rng, &OFFSETS)).into()),
            Kind::Integer if matches!(arg.name, "bit" | "value") => {
                words.push((*pick(rng, &BITS)).into());
            }
            Kind::Integer => words.push((*pick(rng, &INTEGERS)).into()),
            Kind::Double if arg.name == "timeout" => words.push((*pick(rng, &TIMEOUTS)).into()),
            Kind::Double => words.push((*pick(rng, &DOUBLES)).into()),
            Kind::UnixTime => words.push((*pick(rng, &UNIX_TIMES)).into()),
            Kind::Pattern => words.push((*pick(rng, &PATTERNS)).into()),
        }
    }
}

/// Adds what `parts` stand for; the first is how often the second comes, mostly truly.
fn push_counted(rng: &mut Rng, parts: &[Arg], words: &mut Words) {
    let place = words.len();
    let mut count = 0;
    for part in parts.iter().skip(1) {
        let before = words.len();
        push(rng, part, words);
        count += (words.len() - before) / part.args.len().max(1);
    }
    let number = if rng.below(20) > 0 { count.to_string() } else { (*pick(rng, &INTEGERS)).into() };
    words.insert(place, number.into());
}

/// Breaks the grammar at one place behind the name.
fn spoil(rng: &mut Rng, words: &mut Words) {
    let place = 1 + rng.below(words.len() as u64) as usize;
    match (rng.below(4), words.get(place).cloned()) {
        (0, Some(_)) => drop(words.remove(place)),
        (1, Some(word)) => words.insert(place, word),
        (2, Some(_)) => words[place] = (*pick(rng, &STRINGS)).into(),
        _ => words.push((*pick(rng, &STRINGS)).into()),
    }
}

/// One of `all`, which is not empty.
fn pick<'a, T>(rng: &mut Rng, all: &'a [T]) -> &'a T {
    &all[rng.below(all.len() as u64) as usize]
}
