//! What a parameter may be: reading its text and showing its value, with Redis's error texts.

use std::borrow::Cow;

use super::settings::{CLASSES, OutputLimit, SavePoint};
use crate::base::num;
use crate::engine::notify;

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// `no`: what a `yes` would ask for cannot be had. The text says why.
    Never(&'static str),
    /// A whole number between two bounds, both included.
    Int(i64, i64),
    /// A number of bytes, with a unit or without, between two bounds.
    Memory(u64, u64),
    /// A number of bytes, which is raised to this.
    MemoryFrom(u64),
    /// A number of bytes, or a share of the memory limit in percent.
    MemoryOrPercent,
    /// File permissions, in octal digits.
    Octal,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Any number of these words, the first of which means none.
    Flags(&'static [&'static str]),
    /// Any bytes.
    Text,
    /// Bytes that a check lets pass.
    Checked(fn(&[u8]) -> Result<(), &'static str>),
    /// At most this many words.
    Words(usize),
    /// Save points: pairs of seconds and changes.
    Save,
    /// Limits on clients' output: a class and three numbers, several times.
    OutputLimits,
    /// Classes of keyspace events, each a letter.
    Events,
    /// Percentages between 0 and 100.
    Percentiles,
    /// Three numbers that rise, between -2000 and 2000.
    OomScores,
}

/// A parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number; 1 and 0 for yes and no; the place of a word; bits of flags; a percentage as a
    /// negative number.
    Number(i128),
    /// Bytes.
    Text(Vec<u8>),
    /// Words.
    Words(Vec<Vec<u8>>),
    /// Save points.
    Save(Vec<SavePoint>),
    /// Limits of normal, replica and subscriber clients.
    OutputLimits([OutputLimit; 3]),
}

/// Why a text is not a value.
type Refusal = Cow<'static, str>;

impl Kind {
    /// The value that `text` is, all of it in one piece as CONFIG SET gives it. `old` is kept in
    /// what the text does not name.
    pub fn read(self, old: &Value, text: &[u8]) -> Result<Value, Refusal> {
        if self.is_list() {
            // Split at every single space, so that two in a row hold an empty word, as in Redis.
            let words = text.split(|&byte| byte == b' ').map(<[u8]>::to_vec);
            let words: Vec<_> = if text.is_empty() { Vec::new() } else { words.collect() };
            return self.read_words(old, &words);
        }
        self.read_words(old, &[text.to_vec()])
    }

    /// Whether a value is several words of a configuration line.
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Self::Words(_)
                | Self::Save
                | Self::OutputLimits
                | Self::Percentiles
                | Self::OomScores
                | Self::Flags(_)
        )
    }

    /// The value that the words of a configuration line are.
    pub fn read_words(self, old: &Value, words: &[Vec<u8>]) -> Result<Value, Refusal> {
        match self {
            Self::Words(most) => {
                if words.len() > most {
                    return Err("Too many bind addresses specified.".into());
                }
                Ok(Value::Words(words.iter().filter(|word| !word.is_empty()).cloned().collect()))
            }
            Self::Save => {
                read_save(words).map(Value::Save).ok_or(Cow::Borrowed("Invalid save parameters"))
            }
            Self::OutputLimits => read_output_limits(old, words),
            Self::Percentiles => read_percentiles(words),
            Self::OomScores => read_oom_scores(words),
            Self::Flags(names) => read_flags(names, words),
            _ => match words {
                [word] => self.read_word(word),
                _ => Err("wrong number of arguments".into()),
            },
        }
    }

    fn read_word(self, word: &[u8]) -> Result<Value, Refusal> {
        let number = |value: i64| Value::Number(value.into());
        match self {
            Self::Never(why) if word.eq_ignore_ascii_case(b"yes") => Err(why.into()),
            Self::Bool if word.eq_ignore_ascii_case(b"yes") => Ok(number(1)),
            Self::Bool | Self::Never(_) if word.eq_ignore_ascii_case(b"no") => Ok(number(0)),
            Self::Bool | Self::Never(_) => Err("argument must be 'yes' or 'no'".into()),
            Self::Int(min, max) => {
                let value =
                    num::parse_i64(word).ok_or("argument couldn't be parsed into an integer")?;
                within(value.into(), min.into(), max.into())
            }
            Self::Memory(min, max) => {
                let value = num::parse_memory(word).ok_or("argument must be a memory value")?;
                within(value.into(), min.into(), max.into())
            }
            Self::MemoryFrom(least) => {
                let value = Self::Memory(1, i64::MAX as u64).read_word(word)?;
                Ok(match value {
                    Value::Number(bytes) => Value::Number(bytes.max(least.into())),
                    other => other,
                })
            }
            Self::MemoryOrPercent => read_memory_or_percent(word),
            Self::Octal => std::str::from_utf8(word)
                .ok()
                .and_then(|text| i64::from_str_radix(text, 8).ok())
                .ok_or(Cow::Borrowed("argument couldn't be parsed as an octal number"))
                .and_then(|value| within(value.into(), 0, 0o777)),
            Self::OneOf(names) => names
                .iter()
                .position(|name| word.eq_ignore_ascii_case(name.as_bytes()))
                .map(|place| number(place as i64))
                .ok_or_else(|| must_be_one_of(names)),
            Self::Checked(check) => {
                check(word)?;
                Ok(Value::Text(word.to_vec()))
            }
            Self::Events => notify::parse(word)
                .map(|flags| number(flags.into()))
                .ok_or(Cow::Borrowed("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")),
            _ => Ok(Value::Text(word.to_vec())),
        }
    }

    /// `value` as CONFIG GET shows it.
    pub fn show(self, value: &Value) -> Vec<u8> {
        match (self, value) {
            (Self::Bool | Self::Never(_), Value::Number(0)) => b"no".to_vec(),
            (Self::Bool, Value::Number(_)) => b"yes".to_vec(),
            (Self::OneOf(names), Value::Number(place)) => {
                let name = usize::try_from(*place).ok().and_then(|place| names.get(place));
                name.copied().unwrap_or_default().as_bytes().to_vec()
            }
            (Self::Flags(names), Value::Number(bits)) => show_flags(names, *bits).into_bytes(),
            (Self::Events, Value::Number(flags)) => {
                notify::format(u32::try_from(*flags).unwrap_or(0)).into_bytes()
            }
            (Self::Octal, Value::Number(number)) => format!("{number:o}").into_bytes(),
            (Self::MemoryOrPercent, Value::Number(number)) if *number < 0 => {
                format!("{}%", -number).into_bytes()
            }
            (_, Value::Number(number)) => number.to_string().into_bytes(),
            (_, Value::Text(text)) => text.clone(),
            (_, Value::Words(words)) => words.join(&b' '),
            (_, Value::Save(points)) => show_save(points).into_bytes(),
            (_, Value::OutputLimits(limits)) => show_output_limits(limits).into_bytes(),
        }
    }
}

fn within(value: i128, min: i128, max: i128) -> Result<Value, Refusal> {
    if (min..=max).contains(&value) {
        Ok(Value::Number(value))
    } else {
        Err(format!("argument must be between {min} and {max} inclusive").into())
    }
}

fn must_be_one_of(names: &[&str]) -> Refusal {
    format!("argument(s) must be one of the following: {}", names.join(", ")).into()
}

fn read_memory_or_percent(word: &[u8]) -> Result<Value, Refusal> {
    if let Some(percent) = word.strip_suffix(b"%") {
        return match num::parse_i64(percent) {
            Some(percent @ 0..=100) => Ok(Value::Number(-i128::from(percent))),
            Some(101..) => Err("percentage argument must be less or equal to 100".into()),
            _ => Err("argument must be a memory or percent value".into()),
        };
    }
    let bytes = num::parse_memory(word).ok_or("argument must be a memory or percent value")?;
    if i64::try_from(bytes).is_err() {
        return Err("percentage argument must be less or equal to 100".into());
    }
    Ok(Value::Number(bytes.into()))
}

fn read_flags(names: &'static [&'static str], words: &[Vec<u8>]) -> Result<Value, Refusal> {
    if words.is_empty() {
        return Err(must_be_one_of(names));
    }
    let mut bits = 0;
    for word in words {
        let place = names
            .iter()
            .position(|name| word.eq_ignore_ascii_case(name.as_bytes()))
            .ok_or_else(|| must_be_one_of(names))?;
        bits |= if place == 0 { 0 } else { 1 << (place - 1) };
    }
    Ok(Value::Number(bits))
}

fn show_flags(names: &[&str], bits: i128) -> String {
    let set = names.iter().skip(1).enumerate().filter(|(place, _)| bits & (1 << place) != 0);
    let set: Vec<&str> = set.map(|(_, name)| *name).collect();
    match names.first() {
        Some(none) if set.is_empty() => (*none).to_owned(),
        _ => set.join(" "),
    }
}

fn read_save(words: &[Vec<u8>]) -> Option<Vec<SavePoint>> {
    if words.is_empty() || matches!(words, [word] if word.is_empty()) {
        return Some(Vec::new());
    }
    let pairs = words.chunks(2).map(|pair| match pair {
        [seconds, changes] => Some(SavePoint {
            seconds: num::parse_i64(seconds)
                .and_then(|n| u64::try_from(n).ok())
                .filter(|&n| n > 0)?,
            changes: num::parse_i64(changes).and_then(|n| u64::try_from(n).ok())?,
        }),
        _ => None,
    });
    pairs.collect()
}

fn show_save(points: &[SavePoint]) -> String {
    let points = points.iter().map(|point| format!("{} {}", point.seconds, point.changes));
    points.collect::<Vec<_>>().join(" ")
}

fn read_output_limits(old: &Value, words: &[Vec<u8>]) -> Result<Value, Refusal> {
    let mut limits = match old {
        Value::OutputLimits(limits) => *limits,
        _ => [OutputLimit::default(); 3],
    };
    if !words.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    let class_of = |word: &[u8]| {
        let word = if word.eq_ignore_ascii_case(b"replica") { b"slave" } else { word };
        CLASSES.iter().position(|class| word.eq_ignore_ascii_case(class.as_bytes()))
    };
    for limit in words.chunks_exact(4) {
        let [class, hard, soft, seconds] = limit else { continue };
        let Some(place) = class_of(class).and_then(|place| limits.get_mut(place)) else {
            let text = "Invalid client class specified in buffer limit configuration.";
            return Err(text.into());
        };
        let read = || {
            let seconds = num::parse_i64(seconds).and_then(|n| u64::try_from(n).ok())?;
            Some(OutputLimit {
                hard: num::parse_memory(hard)?,
                soft: num::parse_memory(soft)?,
                seconds,
            })
        };
        *place = read()
            .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
    }
    Ok(Value::OutputLimits(limits))
}

fn show_output_limits(limits: &[OutputLimit; 3]) -> String {
    let show = |(class, limit): (&&str, &OutputLimit)| {
        format!("{class} {} {} {}", limit.hard, limit.soft, limit.seconds)
    };
    CLASSES.iter().zip(limits).map(show).collect::<Vec<_>>().join(" ")
}

fn read_percentiles(words: &[Vec<u8>]) -> Result<Value, Refusal> {
    let mut shown = Vec::new();
    for word in words.iter().filter(|_| !matches!(words, [word] if word.is_empty())) {
        let value =
            num::parse_f64(word).ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if !(0.0..=100.0).contains(&value) {
            let text =
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
            return Err(text.into());
        }
        shown.push(num::format_f64(value).to_vec());
    }
    Ok(Value::Words(shown))
}

fn read_oom_scores(words: &[Vec<u8>]) -> Result<Value, Refusal> {
    if words.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    for word in words {
        num::parse_i64(word)
            .filter(|score| (-2000..=2000).contains(score))
            .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
    }
    Ok(Value::Words(words.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, text: &str, expect: Result<&str, &str>) {
        let old = Value::Text(Vec::new());
        let got = kind.read(&old, text.as_bytes()).map(|value| kind.show(&value));
        let got = got.map(|text| String::from_utf8(text).unwrap());
        assert_eq!(got.as_deref().map_err(|error| &**error), expect, "{text}");
    }

    #[test]
    fn memory_has_units() {
        let kind = Kind::Memory(0, u64::MAX);
        check(kind, "1k", Ok("1000"));
        check(kind, "1KB", Ok("1024"));
        check(kind, "2gb", Ok("2147483648"));
        check(kind, "", Ok("0"));
        check(kind, "1.5gb", Err("argument must be a memory value"));
        check(kind, "-1", Err("argument must be a memory value"));
        check(Kind::MemoryOrPercent, "5%", Ok("5%"));
        check(
            Kind::MemoryOrPercent,
            "101%",
            Err("percentage argument must be less or equal to 100"),
        );
    }

    #[test]
    fn save_points_are_pairs() {
        check(Kind::Save, "3600 1 300 100", Ok("3600 1 300 100"));
        check(Kind::Save, "", Ok(""));
        for text in ["1 2 3", "0 1", "1 x", "  ", "1 -1"] {
            check(Kind::Save, text, Err("Invalid save parameters"));
        }
    }

    #[test]
    fn flags_are_words() {
        let kind = Kind::Flags(&["default", "save", "nosave", "now", "force"]);
        check(kind, "default", Ok("default"));
        check(kind, "now save", Ok("save now"));
    }
}
