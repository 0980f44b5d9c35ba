//! The line that is being typed, understood: its words, what each of them is, and the hint.
//!
//! Everything comes from the engine's own declarations, so a command that the engine has is one
//! that the terminal knows. The line may be half finished, with a quote still open; nothing here
//! fails.

use redstart::commands;
use redstart::engine::{Entry, Table};
use redstart::resp::words;
use redstart::spec::Kind;
use redstart::spec::hint::{Next, Role, Typed};

/// Lines longer than this are neither coloured nor hinted at, so that a huge paste costs nothing.
const LINE_BYTES_MAX: usize = 4_096;

/// Commands of the terminal itself, in the order completion offers them.
pub const BUILT_IN: [&str; 5] = ["CLEAR", "EXIT", "HELP", "QUIT", ":SET"];

/// A word as it stands in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it says, unquoted.
    pub text: Vec<u8>,
    /// Whether its quote is still open, or closed in the wrong place.
    pub broken: bool,
}

/// What a part of the line is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// White space, or a word of no particular kind.
    Plain,
    /// A command, or a subcommand.
    Command,
    /// An option of the command.
    Token,
    /// A key.
    Key,
    /// A number.
    Number,
    /// A word in quotes.
    Text,
    /// What the engine will not take.
    Wrong,
}

/// A line and what it means.
pub struct Line<'a> {
    text: &'a str,
    words: Vec<Word>,
    /// How many words stand before the command: a number that repeats it.
    before: usize,
    /// The command, once its name is there.
    entry: Option<&'static Entry>,
    /// How many words name it.
    names: usize,
}

impl<'a> Line<'a> {
    /// Reads a line. Costs O(line).
    pub fn new(text: &'a str) -> Self {
        let words = split(text);
        let is_number =
            |word: &Word| !word.text.is_empty() && word.text.iter().all(u8::is_ascii_digit);
        let before = usize::from(words.len() > 1 && words.first().is_some_and(is_number));
        let name = |index: usize| words.get(before + index).map(|word| word.text.as_slice());
        let table = commands::table();
        let top = name(0).and_then(|name| table.find(name)).filter(|entry| !entry.is_sub());
        let sub = top.and_then(|top| table.find_sub(top, name(1)?));
        let names = usize::from(top.is_some()) + usize::from(sub.is_some());
        Self { text, words, before, entry: sub.or(top), names }
    }

    /// The words.
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// The word at the end that is not finished, if there is one, and else an empty one.
    pub fn last(&self) -> Word {
        let unfinished = self.words.last().filter(|_| !self.ends_with_space());
        let end = self.text.len();
        let none = Word { start: end, end, text: Vec::new(), broken: false };
        unfinished.cloned().unwrap_or(none)
    }

    /// How many words are finished, from the command's name on.
    fn finished(&self) -> usize {
        let unfinished = usize::from(!self.words.is_empty() && !self.ends_with_space());
        (self.words.len() - unfinished).saturating_sub(self.before)
    }

    fn ends_with_space(&self) -> bool {
        self.words.last().is_none_or(|word| word.end < self.text.len())
    }

    /// The place of the word that completion is about: `None` for the command's name.
    pub fn place(&self) -> Place {
        let finished = self.finished();
        let Some(entry) = self.entry.filter(|_| finished > 0) else {
            let first = self.words.get(self.before).map(|word| word.text.to_ascii_uppercase());
            return match first.as_deref() {
                Some(b"HELP") if finished > 0 => Place::Help,
                Some(b":SET") if finished > 0 => Place::Setting,
                _ if finished == 0 => Place::Name,
                _ => Place::Other,
            };
        };
        let container =
            entry.container.or_else(|| (!entry.subcommands.is_empty()).then_some(entry.index));
        match container.and_then(|index| commands::table().entries().get(index)) {
            Some(container) if finished == 1 => Place::Sub(container),
            _ => Place::Argument(self.typed(finished)),
        }
    }

    /// The arguments up to the word number `finished`, matched with the declaration.
    fn typed(&self, finished: usize) -> Typed<'static> {
        let args = self.entry.map_or(&[][..], |entry| entry.command.args);
        let words: Vec<&[u8]> = self.words[self.before..][..finished]
            .iter()
            .skip(self.names)
            .map(|word| word.text.as_slice())
            .collect();
        Typed::new(args, &words)
    }

    /// What may follow, to be shown behind the line.
    pub fn hint(&self) -> String {
        if self.text.len() > LINE_BYTES_MAX || self.words.iter().any(|word| word.broken) {
            return String::new();
        }
        let Some(entry) = self.entry else { return String::new() };
        let total = self.words.len() - self.before;
        let hint = if total == 1 && !entry.subcommands.is_empty() {
            let names =
                entry.subcommands.iter().filter_map(|&index| name_of(commands::table(), index));
            names.collect::<Vec<_>>().join("|")
        } else {
            // The last word counts if it is a value so far; as an option it is perhaps half one.
            let typed = self.typed(total);
            match typed.roles().last() {
                Some(Role::Token | Role::Unknown) => self.typed(self.finished()).hint(),
                _ => typed.hint(),
            }
        };
        match hint.is_empty() || self.ends_with_space() {
            true => hint,
            false => format!(" {hint}"),
        }
    }

    /// The parts of the line with their classes; together they are the line again.
    pub fn classes(&self) -> Vec<(Class, &'a str)> {
        if self.text.len() > LINE_BYTES_MAX {
            return vec![(Class::Plain, self.text)];
        }
        let total = self.words.len() - self.before;
        let typed = self.typed(total);
        let mut parts = Vec::new();
        let mut end = 0;
        for (index, word) in self.words.iter().enumerate() {
            parts.push((Class::Plain, self.text.get(end..word.start).unwrap_or_default()));
            let class = self.class(index, word, &typed);
            parts.push((class, self.text.get(word.start..word.end).unwrap_or_default()));
            end = word.end;
        }
        parts.push((Class::Plain, self.text.get(end..).unwrap_or_default()));
        parts.retain(|(_, part)| !part.is_empty());
        parts
    }

    fn class(&self, index: usize, word: &Word, typed: &Typed<'_>) -> Class {
        let is_last = index + 1 == self.words.len() && !self.ends_with_space();
        if word.broken && !is_last {
            return Class::Wrong;
        }
        let Some(place) = index.checked_sub(self.before) else { return Class::Number };
        let Some(entry) = self.entry else {
            return if place == 0 {
                self.class_of_name(word, is_last)
            } else {
                quoted(self.text, word)
            };
        };
        if place < self.names {
            return Class::Command;
        }
        if !entry.subcommands.is_empty() {
            let is_sub = place == 1 && !is_last;
            return if is_sub { Class::Wrong } else { quoted(self.text, word) };
        }
        match typed.roles().get(place - self.names) {
            Some(Role::Token) => Class::Token,
            Some(Role::Value(Kind::Key)) => Class::Key,
            Some(Role::Value(Kind::Integer | Kind::Double | Kind::UnixTime)) => Class::Number,
            Some(Role::Value(_)) => quoted(self.text, word),
            Some(Role::Unknown) if !is_last => Class::Wrong,
            Some(Role::Unknown) | None => quoted(self.text, word),
        }
    }

    /// The class of a name that no command has, or has not yet.
    fn class_of_name(&self, word: &Word, is_last: bool) -> Class {
        let upper = word.text.to_ascii_uppercase();
        let is_built_in = BUILT_IN.iter().any(|name| name.as_bytes() == upper) || upper == b"?";
        let names = commands::table().top().map(|entry| entry.command.name);
        let mut longer = names.chain(BUILT_IN);
        if is_built_in {
            Class::Command
        } else if is_last && longer.any(|name| name.as_bytes().starts_with(&upper)) {
            Class::Plain
        } else {
            Class::Wrong
        }
    }
}

/// What stands at the end of a line, for completion.
pub enum Place {
    /// The command's name.
    Name,
    /// The subcommand of a container.
    Sub(&'static Entry),
    /// An argument, behind these.
    Argument(Typed<'static>),
    /// What to get help for.
    Help,
    /// A setting of the terminal.
    Setting,
    /// Something that nothing is known of.
    Other,
}

impl Place {
    /// Whether a key can stand there.
    pub fn takes_key(&self) -> bool {
        let is_key = |next: &Next<'_>| matches!(next, Next::Value(arg) if arg.kind == Kind::Key);
        matches!(self, Self::Argument(typed) if typed.next().iter().any(is_key))
    }
}

/// The name of a subcommand.
pub fn name_of(table: &'static Table, index: usize) -> Option<&'static str> {
    table.entries().get(index).map(|entry| entry.command.name)
}

fn quoted(line: &str, word: &Word) -> Class {
    match line.as_bytes().get(word.start) {
        Some(b'"' | b'\'') => Class::Text,
        _ => Class::Plain,
    }
}

/// The words of a line that may be unfinished.
fn split(line: &str) -> Vec<Word> {
    let bytes = line.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skip) =
        bytes.get(at..).and_then(|rest| rest.iter().position(|b| !b.is_ascii_whitespace()))
    {
        let start = at + skip;
        let end = end_of_word(bytes, start);
        let text = words::split(&bytes[start..end]).ok().filter(|words| words.len() == 1);
        let broken = text.is_none();
        let raw = || vec![bytes[start..end].iter().copied().filter(|byte| *byte != b'"').collect()];
        found.push(Word { start, end, text: text.unwrap_or_else(raw).concat(), broken });
        at = end;
    }
    found
}

/// Where the word that begins at `start` ends: at white space outside of quotes.
fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let mut quote = None;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match quote {
            None if byte.is_ascii_whitespace() => return at,
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            Some(_) if byte == b'\\' => at += 1,
            Some(open) if byte == open => quote = None,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(line: &str) -> Vec<(Class, &str)> {
        let parts = Line::new(line).classes();
        assert_eq!(parts.iter().map(|(_, part)| *part).collect::<String>(), line);
        parts.into_iter().filter(|(_, part)| !part.trim().is_empty()).collect()
    }

    #[test]
    fn hints_follow_what_is_typed() {
        let hint = |line: &str| Line::new(line).hint();
        assert_eq!(hint(""), "");
        assert_eq!(hint("ge"), "");
        assert_eq!(hint("get"), " key");
        assert_eq!(hint("get "), "key");
        assert_eq!(hint("get a"), "");
        assert_eq!(hint("lpop k"), " [count]");
        assert_eq!(hint("xrange k - + cou"), " [COUNT count]");
        assert_eq!(hint("xrange k - + count "), "count");
        assert_eq!(hint("3 incr "), "key");
        assert_eq!(hint("config set maxmemory "), "value [parameter value ...]");
        assert!(hint("config").contains("GET|"));
        assert!(hint("config ").contains("GET|"));
        assert_eq!(hint("config ge"), "");
        assert_eq!(hint("nosuch "), "");
        assert_eq!(hint("get \"a"), "");
        assert_eq!(hint(&"get ".repeat(5_000)), "");
    }

    #[test]
    fn words_are_coloured_by_what_they_are() {
        let expect = [
            (Class::Command, "zadd"),
            (Class::Key, "\"my board\""),
            (Class::Token, "nx"),
            (Class::Number, "10"),
            (Class::Text, "'ann'"),
        ];
        assert_eq!(classes("zadd \"my board\" nx 10 'ann'"), expect);
        assert_eq!(classes("nosuch a"), [(Class::Wrong, "nosuch"), (Class::Plain, "a")]);
        assert_eq!(classes("GE"), [(Class::Plain, "GE")]);
        assert_eq!(classes("XYZZY"), [(Class::Wrong, "XYZZY")]);
        assert_eq!(classes("help set"), [(Class::Command, "help"), (Class::Plain, "set")]);
        let expect = [(Class::Number, "5"), (Class::Command, "incr"), (Class::Key, "x")];
        assert_eq!(classes("5 incr x"), expect);
        let expect =
            [(Class::Command, "get"), (Class::Key, "a"), (Class::Wrong, "b"), (Class::Plain, "c")];
        assert_eq!(classes("get a b c"), expect);
        let expect = [(Class::Command, "config"), (Class::Command, "get"), (Class::Plain, "save")];
        assert_eq!(classes("config get save"), expect);
        assert_eq!(classes("config gut "), [(Class::Command, "config"), (Class::Wrong, "gut")]);
    }

    #[test]
    fn open_quotes_are_words_too() {
        let line = Line::new("set a \"x y");
        assert_eq!(line.last(), Word { start: 6, end: 10, text: b"x y".to_vec(), broken: true });
        assert_eq!(
            classes("set \"a\"b c"),
            [(Class::Command, "set"), (Class::Wrong, "\"a\"b"), (Class::Plain, "c"),]
        );
        assert_eq!(Line::new("get ünïcode").last().text, "ünïcode".as_bytes());
    }
}
