//! A command line while it is being typed: what its words are, and what may follow them.
//!
//! The words so far are matched with the declaration, as redis-cli does it: arguments in their
//! order, neighbouring optional ones in any order, values only if they have the right type. From
//! the match follow the hint behind the caret ([`Typed::hint`]), the words that completion offers
//! ([`Typed::next`]) and what each word is ([`Typed::roles`]), which colours the line. The hint of
//! no words at all is the usage line.
//!
//! Matching is greedy and never goes back: what follows a repeated key is a key. So a hint is a
//! help, and whether a command is right is for the engine to say.

use super::{Arg, Kind};
use crate::base::num;

/// What a word of a command line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A word of the command's own: an option.
    Token,
    /// The value of an argument of this kind.
    Value(Kind),
    /// Nothing that the command takes there.
    Unknown,
}

/// What may come next.
#[derive(Clone, Copy, Debug)]
pub enum Next<'a> {
    /// This word.
    Token(&'a str),
    /// A value of this argument.
    Value(&'a Arg),
}

/// The words behind a command's name, matched with its arguments.
#[derive(Debug)]
pub struct Typed<'a> {
    args: Vec<Matched<'a>>,
    roles: Vec<Role>,
    /// Whether there was a place for every word.
    fits: bool,
}

/// An argument, and how much of it has been typed.
#[derive(Debug)]
struct Matched<'a> {
    arg: &'a Arg,
    progress: Progress,
    /// Whether its own token was typed.
    has_token: bool,
    /// The parts of a group, the alternatives of a choice.
    parts: Vec<Self>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Progress {
    Nothing,
    Begun,
    Whole,
}

impl<'a> Typed<'a> {
    /// Matches `words` with `args`. Costs O(words × arguments).
    pub fn new(args: &'a [Arg], words: &[&[u8]]) -> Self {
        let mut matched = fresh(args);
        let mut roles = Vec::with_capacity(words.len());
        let used = match_all(&mut matched, words, &mut roles);
        roles.resize(words.len(), Role::Unknown);
        Self { args: matched, roles, fits: used == words.len() }
    }

    /// What may follow, as redis-cli shows it behind the caret; empty if the words do not fit.
    pub fn hint(&self) -> String {
        if self.fits { show_all(&self.args) } else { String::new() }
    }

    /// What may come next, in the order of the hint; nothing if the words do not fit.
    pub fn next(&self) -> Vec<Next<'a>> {
        let mut next = Vec::new();
        if self.fits {
            next_of_all(&self.args, &mut next);
        }
        next
    }

    /// What each word is.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }
}

/// Arguments of which nothing was typed.
fn fresh(args: &[Arg]) -> Vec<Matched<'_>> {
    let fresh_one = |arg| Matched {
        arg,
        progress: Progress::Nothing,
        has_token: false,
        parts: fresh(arg.args),
    };
    args.iter().map(fresh_one).collect()
}

/// Matches arguments that follow each other; returns how many words they took.
fn match_all(args: &mut [Matched<'_>], words: &[&[u8]], roles: &mut Vec<Role>) -> usize {
    let (mut index, mut used) = (0, 0);
    while index < args.len() && used < words.len() {
        let run = optional_run(&args[index..]);
        if run > 0 {
            used += match_in_any_order(&mut args[index..index + run], &words[used..], roles);
            index += run;
        } else {
            let took = match_one(&mut args[index], &words[used..], roles);
            if took == 0 {
                break;
            }
            used += took;
            index += 1;
        }
    }
    used
}

/// How many optional arguments `args` begins with.
fn optional_run(args: &[Matched<'_>]) -> usize {
    args.iter().take_while(|matched| matched.arg.optional).count()
}

/// Matches optional arguments in whatever order they come.
fn match_in_any_order(args: &mut [Matched<'_>], words: &[&[u8]], roles: &mut Vec<Role>) -> usize {
    let mut used = 0;
    let mut last: Option<usize> = None;
    while used < words.len() {
        let mut took = 0;
        for index in 0..args.len() {
            if args[index].progress != Progress::Nothing {
                continue;
            }
            took = match_one(&mut args[index], &words[used..], roles);
            if took > 0 {
                // Whatever the one before could still have had, it is over with this one.
                if let Some(before) = last.replace(index) {
                    args[before].progress = Progress::Whole;
                    args[before].parts.clear();
                }
                break;
            }
        }
        if took == 0 {
            break;
        }
        used += took;
    }
    used
}

/// Matches one argument, as often as it may be repeated.
fn match_one(matched: &mut Matched<'_>, words: &[&[u8]], roles: &mut Vec<Role>) -> usize {
    let mut used = match_once(matched, words, roles);
    while matched.arg.multiple && matched.is_enough() && used < words.len() {
        let arg = matched.arg;
        let (has_token, parts) = (!arg.multiple_token, fresh(arg.args));
        let mut next = Matched { arg, progress: Progress::Nothing, has_token, parts };
        let took = match_once(&mut next, &words[used..], roles);
        if took == 0 {
            break;
        }
        *matched = next;
        used += took;
    }
    used
}

fn match_once(matched: &mut Matched<'_>, words: &[&[u8]], roles: &mut Vec<Role>) -> usize {
    let arg = matched.arg;
    let mut used = 0;
    if let Some(token) = arg.token.filter(|_| !matched.has_token) {
        if !words.first().is_some_and(|word| word.eq_ignore_ascii_case(token.as_bytes())) {
            return 0;
        }
        roles.push(Role::Token);
        matched.has_token = true;
        matched.progress = Progress::Begun;
        used = 1;
        if arg.kind == Kind::PureToken {
            matched.progress = Progress::Whole;
            return used;
        }
    }
    let rest = words.get(used..).unwrap_or_default();
    if rest.is_empty() {
        return used;
    }
    let (took, progress) = match arg.kind {
        Kind::Block => {
            let took = match_all(&mut matched.parts, rest, roles);
            (took, progress_of_all(&matched.parts))
        }
        Kind::OneOf => match_choice(&mut matched.parts, rest, roles),
        kind if fits(kind, rest[0]) => {
            roles.push(Role::Value(kind));
            (1, Progress::Whole)
        }
        _ => (0, Progress::Nothing),
    };
    if took > 0 {
        matched.progress = progress;
    }
    used + took
}

fn match_choice(
    choices: &mut [Matched<'_>],
    words: &[&[u8]],
    roles: &mut Vec<Role>,
) -> (usize, Progress) {
    for choice in choices {
        let took = match_one(choice, words, roles);
        if took > 0 {
            return (took, choice.progress);
        }
    }
    (0, Progress::Nothing)
}

/// Whether `word` can be a value of this kind.
fn fits(kind: Kind, word: &[u8]) -> bool {
    match kind {
        Kind::Integer | Kind::UnixTime => num::parse_i64(word).is_some(),
        Kind::Double => num::parse_f64(word).is_some(),
        Kind::String | Kind::Key | Kind::Pattern => true,
        Kind::PureToken | Kind::OneOf | Kind::Block => false,
    }
}

/// A group is whole when nothing can be added to it any more.
fn progress_of_all(parts: &[Matched<'_>]) -> Progress {
    if parts.iter().all(|part| part.progress == Progress::Whole) {
        Progress::Whole
    } else if parts.iter().any(|part| part.progress != Progress::Nothing) {
        Progress::Begun
    } else {
        Progress::Nothing
    }
}

/// Those of `args` that may still be typed: what was begun comes first among its optional
/// neighbours, what is whole is left out, and so is what was passed over.
fn open<'m, 'a>(args: &'m [Matched<'a>]) -> Vec<&'m Matched<'a>> {
    let last = args.iter().rposition(|matched| matched.progress != Progress::Nothing);
    let mut open = Vec::new();
    let mut index = 0;
    while index < args.len() {
        let run = optional_run(&args[index..]).max(1);
        let part = &args[index..index + run];
        index += run;
        if last.is_some_and(|last| index <= last) {
            continue;
        }
        let is_begun = |matched: &&Matched<'_>| matched.progress == Progress::Begun;
        open.extend(part.iter().filter(is_begun));
        open.extend(part.iter().filter(|matched| match matched.progress {
            Progress::Nothing => true,
            Progress::Begun => false,
            Progress::Whole => matched.arg.multiple,
        }));
    }
    open
}

impl Matched<'_> {
    /// Whether nothing more has to be typed for this argument.
    fn is_enough(&self) -> bool {
        let is_settled = |part: &Self| part.arg.optional || part.is_enough();
        match self.progress {
            Progress::Nothing => false,
            Progress::Begun => self.arg.kind == Kind::Block && self.parts.iter().all(is_settled),
            Progress::Whole => true,
        }
    }

    /// The alternatives of a choice that are still open: all, or the one that was begun.
    fn choices(&self) -> &[Self] {
        let begun = self.parts.iter().position(|part| part.progress != Progress::Nothing);
        begun.map_or(&*self.parts, |index| &self.parts[index..=index])
    }
}

fn show_all(args: &[Matched<'_>]) -> String {
    join(open(args).into_iter().map(show), " ")
}

fn join(texts: impl Iterator<Item = String>, between: &str) -> String {
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(between)
}

fn show(matched: &Matched<'_>) -> String {
    let arg = matched.arg;
    let mut text = String::new();
    if matched.progress != Progress::Whole {
        text = show_once(matched);
    }
    if arg.multiple {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&show_repetition(arg));
    }
    if arg.optional && matched.progress == Progress::Nothing {
        format!("[{text}]")
    } else if arg.optional && arg.multiple {
        // redis-cli closes the bracket of an argument that can be repeated although it did not
        // open one, and its own tests say so.
        format!("{text}]")
    } else {
        text
    }
}

/// What is left of one occurrence of an argument.
fn show_once(matched: &Matched<'_>) -> String {
    let arg = matched.arg;
    let token = arg.token.filter(|_| !matched.has_token);
    let token = token.map(|token| if token.is_empty() { "\"\"" } else { token });
    let value = match arg.kind {
        Kind::PureToken => String::new(),
        Kind::Block => show_all(&matched.parts),
        Kind::OneOf => join(matched.choices().iter().map(show), "|"),
        _ => shown_name(arg).to_owned(),
    };
    join([token.unwrap_or_default().to_owned(), value].into_iter(), " ")
}

/// How it is shown that an argument can be repeated: `[key ...]`.
fn show_repetition(arg: &Arg) -> String {
    let token = arg.token.filter(|_| arg.multiple_token).unwrap_or_default();
    let parts = fresh(arg.args);
    let value = match arg.kind {
        Kind::Block => show_all(&parts),
        Kind::OneOf => join(parts.iter().map(show), "|"),
        _ => shown_name(arg).to_owned(),
    };
    format!("[{} ...]", join([token.to_owned(), value].into_iter(), " "))
}

fn shown_name(arg: &Arg) -> &str {
    arg.display.unwrap_or(arg.name)
}

/// Adds what may come next of `args`, up to the first that must come.
fn next_of_all<'a>(args: &[Matched<'a>], next: &mut Vec<Next<'a>>) {
    for matched in open(args) {
        next_of(matched, next);
        let is_settled = match matched.progress {
            Progress::Nothing => matched.arg.optional,
            Progress::Begun => matched.is_enough(),
            Progress::Whole => true,
        };
        if !is_settled {
            break;
        }
    }
}

fn next_of<'a>(matched: &Matched<'a>, next: &mut Vec<Next<'a>>) {
    let arg = matched.arg;
    if matched.progress == Progress::Whole {
        let parts = fresh(arg.args);
        let has_token = !arg.multiple_token;
        next_of(&Matched { arg, progress: Progress::Nothing, has_token, parts }, next);
    } else if let Some(token) = arg.token.filter(|_| !matched.has_token) {
        next.push(Next::Token(token));
    } else {
        match arg.kind {
            Kind::PureToken => {}
            Kind::Block => next_of_all(&matched.parts, next),
            Kind::OneOf => matched.choices().iter().for_each(|choice| next_of(choice, next)),
            _ => next.push(Next::Value(arg)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;

    fn check(args: &[Arg], typed: &str, hint: &str) {
        let words: Vec<&[u8]> = typed.split_whitespace().map(str::as_bytes).collect();
        assert_eq!(Typed::new(args, &words).hint(), hint, "{typed:?}");
    }

    /// As [`check`], and each of `next` may come next.
    fn check_next(args: &[Arg], typed: &str, expect: &[&str]) {
        let words: Vec<&[u8]> = typed.split_whitespace().map(str::as_bytes).collect();
        let name = |next| match next {
            Next::Token(token) => token,
            Next::Value(arg) => arg.name,
        };
        let next: Vec<&str> = Typed::new(args, &words).next().into_iter().map(name).collect();
        assert_eq!(next, expect, "{typed:?}");
    }

    const GETS: &[Arg] = &[
        key("key", &[]),
        opt(many(block("get-block", &[string("encoding"), integer("offset")])).after("GET").each()),
    ];

    #[test]
    fn a_repeated_option_begins_with_its_token_again() {
        check(GETS, "", "key [GET encoding offset [GET encoding offset ...]]");
        check(GETS, "k", "[GET encoding offset [GET encoding offset ...]]");
        check(GETS, "k get", "encoding offset [GET encoding offset ...]]");
        check(GETS, "k get u8", "offset [GET encoding offset ...]]");
        check(GETS, "k get u8 0", "[GET encoding offset ...]]");
        check(GETS, "k get u8 0 get u4", "offset [GET encoding offset ...]]");
        check(GETS, "k get u8 zero", "");
    }

    const MIGRATE: &[Arg] = &[
        one_of("key-selector", &[key("key", &[]), token("empty-string", "")]),
        integer("timeout"),
        opt(token("copy", "COPY")),
        opt(one_of(
            "authentication",
            &[
                string("password").after("AUTH"),
                block("auth2", &[string("username"), string("password")]).after("AUTH2"),
            ],
        )),
        opt(many(key("key", &[]).shown("key")).after("KEYS")),
    ];

    #[test]
    fn a_token_may_be_empty_and_stand_before_many() {
        check(
            MIGRATE,
            "",
            "key|\"\" timeout [COPY] [AUTH password|AUTH2 username password] [KEYS key [key ...]]",
        );
        check(MIGRATE, "k 0 auth2 ada", "password [COPY] [KEYS key [key ...]]");
        check(MIGRATE, "k 0 copy keys a b", "[AUTH password|AUTH2 username password] [key ...]]");
    }

    #[test]
    fn what_may_come_next() {
        check_next(GETS, "", &["key"]);
        check_next(GETS, "k", &["GET"]);
        check_next(GETS, "k get", &["encoding"]);
        check_next(GETS, "k get u8 0", &["GET"]);
        check_next(MIGRATE, "k 0", &["COPY", "AUTH", "AUTH2", "KEYS"]);
        check_next(MIGRATE, "k 0 AUTH", &["password"]);
        check_next(MIGRATE, "k zero", &[]);
    }

    #[test]
    fn each_word_has_a_role() {
        let words: [&[u8]; 5] = [b"k", b"GET", b"u8", b"0", b"no"];
        let expect = [
            Role::Value(Kind::Key),
            Role::Token,
            Role::Value(Kind::String),
            Role::Value(Kind::Integer),
            Role::Unknown,
        ];
        assert_eq!(Typed::new(GETS, &words).roles(), expect);
    }
}
