//! Completion: what Tab can put in the place of the last word.
//!
//! Names, subcommands and options come from the declarations, names of settings from the engine's
//! table of parameters, and keys from the engine itself: [`Completion::keys`] says that they should
//! be asked for, and [`Completion::add_keys`] takes the answer.

use redstart::base::order;
use redstart::commands;
use redstart::engine::config;
use redstart::resp::words;
use redstart::spec::hint::Next;

use super::help;
use super::line::{BUILT_IN, Line, Place, name_of};

/// How many candidates are offered.
pub const CANDIDATES_MAX: usize = 50;

/// What can be put in the place of a line's last word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The line before the word.
    pub before: String,
    /// What was typed of the word.
    pub typed: String,
    /// What it can become, best first.
    pub candidates: Vec<String>,
    /// The candidate that stands in the line, when several were stepped through.
    pub chosen: Option<usize>,
    /// The beginning of the keys that would fit too, as they are stored.
    pub keys: Option<Vec<u8>>,
}

impl Completion {
    /// What the end of `line` can become.
    pub fn of(line: &str) -> Self {
        let parsed = Line::new(line);
        let last = parsed.last();
        let typed = line.get(last.start..).unwrap_or_default().to_owned();
        let before = line.get(..last.start).unwrap_or_default().to_owned();
        let place = parsed.place();
        let keys = place.takes_key().then(|| last.text.clone());
        let table = commands::table();
        let candidates = match &place {
            Place::Name => {
                let names = table.top().map(|entry| entry.command.name);
                matching(names.chain(BUILT_IN), &typed)
            }
            Place::Sub(container) => {
                let subs = container.subcommands.iter();
                matching(subs.filter_map(|&index| name_of(table, index)), &typed)
            }
            Place::Help => {
                let groups = help::groups();
                let names = table.top().map(|entry| entry.command.name);
                matching(names.chain(groups.iter().map(String::as_str)), &typed)
            }
            Place::Setting => matching(["HINTS", "NOHINTS", "OUTPUT"], &typed),
            Place::Argument(arguments) => {
                let mut found = Vec::new();
                for next in arguments.next() {
                    match next {
                        Next::Token(token) => found.push(token),
                        Next::Value(arg) if arg.name == "parameter" => {
                            found.extend(config::PARAMS.iter().map(|param| param.name));
                        }
                        Next::Value(_) => {}
                    }
                }
                matching(found, &typed)
            }
            Place::Other => Vec::new(),
        };
        Self { before, typed, candidates, chosen: None, keys }
    }

    /// Adds keys that begin as the word does.
    pub fn add_keys(&mut self, keys: impl IntoIterator<Item = Vec<u8>>) {
        let Some(prefix) = self.keys.take() else { return };
        let mut found: Vec<String> = keys
            .into_iter()
            .filter(|key| key.starts_with(&prefix))
            .map(|key| quoted_where_needed(&key))
            .collect();
        order::sort_by(&mut found, String::cmp);
        found.dedup();
        // Keys first: they are what a person cannot know by heart.
        found.append(&mut self.candidates);
        found.truncate(CANDIDATES_MAX);
        self.candidates = found;
    }

    /// The line after the next press of Tab: the only candidate, else what all have in common, else
    /// one candidate after the other. `None` if nothing changes.
    pub fn step(&mut self, back: bool) -> Option<String> {
        let count = self.candidates.len();
        if count == 0 {
            return None;
        }
        if count == 1 {
            return Some(format!("{}{} ", self.before, self.candidates.first()?));
        }
        if self.chosen.is_none() && !back {
            let common = common_prefix(&self.candidates);
            if common.len() > self.typed.len() {
                self.typed.clone_from(&common);
                return Some(format!("{}{common}", self.before));
            }
        }
        let next = match (self.chosen, back) {
            (None, false) => 0,
            (None, true) => count - 1,
            (Some(chosen), false) => (chosen + 1) % count,
            (Some(chosen), true) => (chosen + count - 1) % count,
        };
        self.chosen = Some(next);
        Some(format!("{}{}", self.before, self.candidates.get(next)?))
    }
}

/// A glob-style pattern for keys that begin with `prefix`.
pub fn pattern(prefix: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::new();
    for &byte in prefix {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^') {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern.push(b'*');
    pattern
}

/// The names that begin with `typed`, in the letters that are being typed.
fn matching<'a>(names: impl IntoIterator<Item = &'a str>, typed: &str) -> Vec<String> {
    let is_lower = typed.bytes().any(|byte| byte.is_ascii_lowercase());
    let mut found: Vec<String> = names
        .into_iter()
        .filter(|name| {
            let begin = name.as_bytes().get(..typed.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(typed.as_bytes()))
        })
        .map(|name| if is_lower { name.to_ascii_lowercase() } else { name.to_owned() })
        .collect();
    order::sort_by(&mut found, String::cmp);
    found.dedup();
    found.truncate(CANDIDATES_MAX);
    found
}

fn quoted_where_needed(key: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !key.is_empty() && key.iter().all(is_plain) {
        String::from_utf8_lossy(key).into_owned()
    } else {
        String::from_utf8_lossy(&words::quote(key)).into_owned()
    }
}

fn common_prefix(texts: &[String]) -> String {
    let Some((first, rest)) = texts.split_first() else { return String::new() };
    let mut length = first.len();
    for text in rest {
        let same = first.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        length = length.min(same);
    }
    while !first.is_char_boundary(length) {
        length -= 1;
    }
    first.get(..length).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the line is after so many presses of Tab.
    fn tab(line: &str, presses: usize) -> String {
        let mut completion = Completion::of(line);
        let mut line = line.to_owned();
        for _ in 0..presses {
            line = completion.step(false).unwrap_or(line);
        }
        line
    }

    #[test]
    fn the_only_candidate_is_put_in() {
        assert_eq!(tab("hello wor", 1), "hello wor");
        assert_eq!(tab("DBS", 1), "DBSIZE ");
        assert_eq!(tab("dbs", 1), "dbsize ");
        assert_eq!(tab("config rew", 1), "config rewrite ");
        assert_eq!(tab("set a b keept", 1), "set a b keepttl ");
        assert_eq!(tab("config get maxmemory-po", 1), "config get maxmemory-policy ");
        assert_eq!(tab("help @bitm", 1), "help @bitmap ");
        assert_eq!(tab("3 dbs", 1), "3 dbsize ");
    }

    #[test]
    fn several_are_stepped_through() {
        assert_eq!(tab("OBJECT ", 1), "OBJECT ENCODING");
        assert_eq!(tab("OBJECT ", 2), "OBJECT FREQ");
        let mut completion = Completion::of("OBJECT ");
        assert_eq!(completion.step(true).as_deref(), Some("OBJECT REFCOUNT"));
        assert_eq!(completion.step(true).as_deref(), Some("OBJECT IDLETIME"));
        // What all have in common comes first.
        assert_eq!(tab("expiret", 1), "expiretime ");
        assert_eq!(tab("zrangeb", 1), "zrangeby");
    }

    #[test]
    fn keys_are_offered_where_keys_belong() {
        let mut completion = Completion::of("get us");
        assert_eq!(completion.keys.as_deref(), Some(&b"us"[..]));
        completion.add_keys([b"user:2".to_vec(), b"user:1".to_vec(), b"other".to_vec()]);
        assert_eq!(completion.candidates, ["user:1", "user:2"]);
        assert_eq!(completion.step(false).as_deref(), Some("get user:"));
        assert_eq!(completion.step(false).as_deref(), Some("get user:1"));
        let mut completion = Completion::of("get ");
        completion.add_keys([b"a b\xff".to_vec()]);
        assert_eq!(completion.step(false).as_deref(), Some("get \"a b\\xff\" "));
        assert_eq!(Completion::of("set a ").keys, None);
        assert_eq!(pattern(b"a*[b"), b"a\\*\\[b*");
    }
}
