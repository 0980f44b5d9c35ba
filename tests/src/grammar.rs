//! Commands drawn at random from their declarations.
//!
//! What an argument may be is declared with the command, so a draw follows the grammar: options
//! are given or left out, in any order, choices made, lists repeated. Values come from small pools
//! in which the odd ones are many: the edges of 64-bit integers, numbers that are none, keys of
//! other types. Now and then the grammar is broken too: a word is lost, doubled or replaced.

use std::sync::LazyLock;

use redstart::base::rng::Rng;
use redstart::commands;
use redstart::engine::Entry;
use redstart::spec::describe::Description;
use redstart::spec::{Arg, Group, Kind};

/// Keys; so few that commands meet each other's values.
pub const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", ""];

const STRINGS: [&str; 24] = [
    "",
    "a",
    "b",
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

/// IDs of entries of streams, and what stands for some; `>` and `$` among them.
const IDS: [&str; 22] = [
    "1-1",
    "1-2",
    "2-0",
    "2-5",
    "3-0",
    "5",
    "7-7",
    "9-*",
    "20-*",
    "0",
    "0-0",
    "0-1",
    "18446744073709551615-18446744073709551615",
    "18446744073709551615",
    "18446744073709551616-1",
    "-",
    "+",
    "$",
    ">",
    "(2-0",
    "abc",
    "1-1-1",
];

/// Groups and consumers; few, so that commands meet.
const NAMES: [&str; 3] = ["g", "h", ""];

/// How long an entry must have been pending, in milliseconds: longer than this takes, or not at
/// all.
const IDLE_TIMES: [&str; 6] = ["0", "0", "-1", "100000000", "abc", "9223372036854775807"];

/// Most are on the map.
const LONGITUDES: [&str; 10] =
    ["13.361389", "15.087269", "-73.9", "179.9", "-180", "180", "0", "2.35", "181", "abc"];

const LATITUDES: [&str; 10] = [
    "38.115556",
    "37.502669",
    "40.7",
    "-85.05112878",
    "85.05112878",
    "0",
    "48.85",
    "-33.4",
    "90",
    "",
];

/// Sizes of areas.
const LENGTHS: [&str; 12] =
    ["0", "1", "200", "1000", "5000.5", "20000", "100000", "1e10", "1e-5", "inf", "-1", "abc"];

/// What SORT looks up.
const KEY_PATTERNS: [&str; 10] =
    ["*", "*", "#", "nosort", "", "*->hello", "*->x", "*->", "a*", "*->a"];

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

/// Whether `entry` is a command of Redis 8.0.
pub fn is_in_redis8(entry: &Entry) -> bool {
    static DESCRIBED: LazyLock<Vec<Description<'static>>> =
        LazyLock::new(|| commands::table().describe(&commands::DESCRIPTIONS));
    came_with_redis8(DESCRIBED[entry.index].since)
}

/// Whether something that came with version `since` of Redis, or of Valkey, is in Redis 8.0.
fn came_with_redis8(since: &str) -> bool {
    let mut parts = since.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next(), parts.next()) <= (Some(8), Some(0))
}

/// The words of one command, drawn from the declaration of `entry` as far as Redis 8.0 has it.
pub fn draw(rng: &mut Rng, entry: &Entry) -> Words {
    let words: Words = entry.full_name.split('|').map(Into::into).collect();
    let mut drawing = Drawing { rng, group: entry.command.group, words };
    let args = || entry.command.args.iter().filter(|arg| is_known(arg));
    let (fixed, optional): (Vec<&Arg>, Vec<&Arg>) = args().partition(|arg| !arg.optional);
    // Optional arguments mostly stand at the end, where their order is free; where they do not,
    // this draws a wrong order now and then, which is a test too.
    let is_mixed = args().skip_while(|arg| !arg.optional).any(|arg| !arg.optional);
    if is_mixed && drawing.rng.below(4) > 0 {
        args().for_each(|arg| drawing.push(arg));
    } else {
        fixed.into_iter().for_each(|arg| drawing.push(arg));
        let mut optional = optional;
        while !optional.is_empty() {
            let next = drawing.rng.below(optional.len() as u64) as usize;
            drawing.push(optional.swap_remove(next));
        }
    }
    let mut words = drawing.words;
    if rng.below(20) == 0 {
        spoil(rng, &mut words);
    }
    words
}

fn is_known(arg: &Arg) -> bool {
    arg.since.is_none_or(came_with_redis8)
}

/// A command that is being drawn.
struct Drawing<'a> {
    rng: &'a mut Rng,
    group: Group,
    words: Words,
}

impl Drawing<'_> {
    /// Adds what `arg` stands for.
    fn push(&mut self, arg: &Arg) {
        if arg.optional && self.rng.below(3) > 0 {
            return;
        }
        let times = if arg.multiple { 1 + self.rng.below(3) } else { 1 };
        for time in 0..times {
            if let Some(token) = arg.token
                && (time == 0 || arg.multiple_token)
            {
                self.words.push(token.into());
            }
            match arg.kind {
                Kind::PureToken => {}
                Kind::OneOf => {
                    let known: Vec<&Arg> = arg.args.iter().filter(|arg| is_known(arg)).collect();
                    let choice = *pick(self.rng, &known);
                    self.push(choice);
                }
                Kind::Block if arg.name == "streams" => self.push_streams(),
                Kind::Block if arg.args.first().is_some_and(|first| first.name == "numfields") => {
                    self.push_counted(arg.args);
                }
                Kind::Block => {
                    arg.args.iter().filter(|arg| is_known(arg)).for_each(|part| self.push(part));
                }
                _ => {
                    let value = self.value(arg);
                    self.words.push(value.into());
                }
            }
        }
    }

    /// A value for an argument that is one word.
    fn value(&mut self, arg: &Arg) -> &'static str {
        if arg.kind != Kind::Key
            && let Some(values) = self.values_of_group(arg.name)
        {
            return pick::<&'static str>(self.rng, values);
        }
        let is_bound = matches!(arg.name, "min" | "max" | "start" | "stop");
        let values: &'static [&'static str] = match (arg.kind, arg.name) {
            (Kind::Key, _) => &KEYS,
            (Kind::String, "encoding") => &ENCODINGS,
            (Kind::String | Kind::Integer | Kind::Double, _)
                if is_bound && self.rng.below(8) > 0 =>
            {
                &BOUNDS
            }
            (Kind::Integer, "cursor") if self.rng.below(8) > 0 => &["0"],
            (Kind::Integer, "numkeys") if self.rng.below(8) > 0 => &["1", "2", "3"],
            (Kind::String, _) => &STRINGS,
            (Kind::Integer, "seconds" | "milliseconds") => &SPANS,
            (Kind::Integer, "offset") => &OFFSETS,
            (Kind::Integer, "bit" | "value") => &BITS,
            (Kind::Integer, _) => &INTEGERS,
            (Kind::Double, "timeout") => &TIMEOUTS,
            (Kind::UnixTime, _) => &UNIX_TIMES,
            (Kind::Pattern, "by-pattern" | "get-pattern") => &KEY_PATTERNS,
            (Kind::Pattern, _) => &PATTERNS,
            // What is no value is not asked for here.
            (Kind::Double | Kind::PureToken | Kind::OneOf | Kind::Block, _) => &DOUBLES,
        };
        pick::<&'static str>(self.rng, values)
    }

    /// The values for an argument that means something of its own in the command's family.
    fn values_of_group(&mut self, name: &str) -> Option<&'static [&'static str]> {
        Some(match (self.group, name) {
            (Group::Stream, "group" | "consumer") => &NAMES,
            (Group::Stream, "min-idle-time" | "ms") => &IDLE_TIMES,
            (Group::Stream, "id" | "start" | "end" | "lastid" | "last-id" | "max-deleted-id") => {
                &IDS
            }
            (Group::Stream, "threshold") => {
                *pick::<&'static [&'static str]>(self.rng, &[&IDS, &INTEGERS])
            }
            (Group::Geo, "longitude") => &LONGITUDES,
            (Group::Geo, "latitude") => &LATITUDES,
            (Group::Geo, "radius" | "width" | "height") => &LENGTHS,
            _ => return None,
        })
    }

    /// As many keys of streams as IDs.
    fn push_streams(&mut self) {
        let count = 1 + self.rng.below(2);
        for values in [&KEYS as &[&'static str], &IDS] {
            for _ in 0..count {
                let value = *pick::<&'static str>(self.rng, values);
                self.words.push(value.into());
            }
        }
    }

    /// Adds what `parts` stand for; the first is how often the second comes, mostly truly.
    fn push_counted(&mut self, parts: &[Arg]) {
        let place = self.words.len();
        let mut count = 0;
        for part in parts.iter().skip(1) {
            let before = self.words.len();
            self.push(part);
            count += (self.words.len() - before) / part.args.len().max(1);
        }
        let is_true = self.rng.below(20) > 0;
        let number = if is_true { count.to_string() } else { (*pick(self.rng, &INTEGERS)).into() };
        self.words.insert(place, number.into());
    }
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
