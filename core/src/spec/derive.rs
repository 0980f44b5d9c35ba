//! What a declaration implies: arity, key positions, ACL categories, usage lines.

use super::{
    Access, Acl, Arg, BeginSearch, Category, Command, FindKeys, Flag, FoundKeys, KeySpec, Kind,
};
use crate::base::num;
use crate::resp::Argv;

/// Number of words of `command` with its name(s); negative if that is only the least number.
pub fn arity<H>(command: &Command<H>, parent: Option<&Command<H>>) -> i32 {
    if let Some(arity) = command.arity {
        return arity;
    }
    let names = if parent.is_some() { 2 } else { 1 };
    if !command.subcommands.is_empty() {
        return -2;
    }
    let least: i32 = command.args.iter().map(least_width).sum();
    let is_open =
        command.args.iter().any(|arg| max_width(arg).is_none_or(|max| max != least_width(arg)));
    if is_open { -(names + least) } else { names + least }
}

/// The least number of words `arg` takes.
fn least_width(arg: &Arg) -> i32 {
    if arg.optional { 0 } else { single_width(arg) }
}

/// The least number of words one occurrence of `arg` takes.
fn single_width(arg: &Arg) -> i32 {
    let token = i32::from(arg.token.is_some());
    match arg.kind {
        Kind::PureToken => 1,
        Kind::OneOf => token + arg.args.iter().map(single_width).min().unwrap_or(0),
        Kind::Block => token + arg.args.iter().map(least_width).sum::<i32>(),
        Kind::String
        | Kind::Integer
        | Kind::Double
        | Kind::Key
        | Kind::Pattern
        | Kind::UnixTime => token + 1,
    }
}

/// The greatest number of words `arg` takes; `None` without an end.
fn max_width(arg: &Arg) -> Option<i32> {
    if arg.multiple {
        return None;
    }
    let token = i32::from(arg.token.is_some());
    match arg.kind {
        Kind::PureToken => Some(1),
        Kind::OneOf => arg
            .args
            .iter()
            .map(max_width)
            .try_fold(0, |most, width| Some(most.max(width?)))
            .map(|width| token + width),
        Kind::Block => {
            arg.args.iter().map(max_width).try_fold(token, |sum, width| Some(sum + width?))
        }
        Kind::String
        | Kind::Integer
        | Kind::Double
        | Kind::Key
        | Kind::Pattern
        | Kind::UnixTime => Some(token + 1),
    }
}

/// Where the keys of `command` are, in the order of its key arguments.
///
/// Worked out for the shapes that commands really have: keys at fixed places, a run of keys or of
/// blocks that begin with a key (up to the arguments behind it), keys counted by an argument named
/// `numkeys` just before them, and an optional key behind its own word. Everything else is declared.
pub fn key_specs<H>(command: &Command<H>, parent: Option<&Command<H>>) -> Vec<KeySpec> {
    if let Some(specs) = command.key_specs {
        return specs.to_vec();
    }
    let mut specs = Vec::new();
    // The index of the next argument, as long as all before it have a fixed width.
    let mut index = Some(if parent.is_some() { 2 } else { 1 });
    for (position, arg) in command.args.iter().enumerate() {
        let behind: i32 = command.args[position + 1..].iter().map(least_width).sum();
        let counted = position > 0 && command.args[position - 1].name == "numkeys";
        if let Some(key) = leading_key(arg) {
            let begin = match (arg.token, index) {
                (Some(token), _) if arg.optional => Some(BeginSearch::Keyword(token, 1)),
                (_, Some(index)) => Some(BeginSearch::Index(index - i32::from(counted))),
                (_, None) => None,
            };
            let step = if arg.kind == Kind::Block { single_width(arg) } else { 1 };
            let find = match (counted, arg.multiple) {
                (true, _) => FindKeys::Count { count: 0, first: 1, step },
                (false, true) => FindKeys::Range { last: -1 - behind, step, limit: 0 },
                (false, false) => FindKeys::Range { last: 0, step: 1, limit: 0 },
            };
            if position > 0 && continues(&command.args[position - 1], arg) {
                if let Some(KeySpec { find: FindKeys::Range { last, .. }, .. }) = specs.last_mut() {
                    *last += 1;
                }
            } else if let Some(begin) = begin {
                specs.push(KeySpec { begin, find, access: key.access, notes: None });
            }
        }
        index = match (index, max_width(arg)) {
            (Some(index), Some(max)) if max == least_width(arg) => Some(index + max),
            _ => None,
        };
    }
    specs
}

/// Whether `arg` is one more key just behind the key `before` and used in the same way, so that one
/// specification tells of both.
pub fn continues(before: &Arg, arg: &Arg) -> bool {
    let is_one_key =
        |arg: &Arg| arg.kind == Kind::Key && arg.token.is_none() && !arg.multiple && !arg.optional;
    is_one_key(before) && is_one_key(arg) && before.access == arg.access
}

/// The key that `arg` is or, as a block, begins with.
fn leading_key(arg: &Arg) -> Option<&Arg> {
    match arg.kind {
        Kind::Key => Some(arg),
        Kind::Block => arg.args.first().and_then(leading_key),
        _ => None,
    }
}

/// First key, last key and step, as clients older than key specifications expect them; zeros if
/// there are none at fixed places.
pub fn legacy_range(specs: &[KeySpec]) -> (i32, i32, i32) {
    let mut all: Option<(i32, i32, i32)> = None;
    for spec in specs {
        let (BeginSearch::Index(first), FindKeys::Range { last, step, limit: 0 }) =
            (spec.begin, spec.find)
        else {
            continue;
        };
        let last = if last >= 0 { first + last } else { last };
        all = Some(match all {
            // Only ranges that follow each other can be said as one.
            Some((begin, end, 1)) if step == 1 && end >= 0 && first == end + 1 => (begin, last, 1),
            Some(range) => range,
            None => (first, last, step),
        });
    }
    all.unwrap_or((0, 0, 0))
}

/// Whether key positions depend on the arguments, so that COMMAND GETKEYS must be asked.
pub fn has_movable_keys(specs: &[KeySpec]) -> bool {
    specs.iter().any(|spec| {
        !matches!((spec.begin, spec.find), (BeginSearch::Index(_), FindKeys::Range { .. }))
            || spec.access.contains(&Access::Incomplete)
    })
}

/// Where `specs` say that keys are in `argv`; `None` if a number of keys is none or larger than what
/// follows it, or there is nothing where keys must be. Costs O(arguments).
pub fn keys(specs: &[KeySpec], argv: Argv<'_>) -> Option<FoundKeys> {
    let mut found = Vec::new();
    let len = argv.len() as i64;
    for spec in specs {
        let first = match spec.begin {
            BeginSearch::Index(index) => i64::from(index),
            BeginSearch::Keyword(word, from) => {
                let is_word = |&index: &i64| {
                    argv.get(index as usize)
                        .is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
                };
                let place = if from >= 0 {
                    (i64::from(from)..len).find(is_word)
                } else {
                    (1..=len + i64::from(from)).rev().find(is_word)
                };
                match place {
                    Some(index) => index + 1,
                    None => continue,
                }
            }
            BeginSearch::Unknown => continue,
        };
        let (first, last, step) = match spec.find {
            FindKeys::Range { last, step, limit } if last < 0 => {
                let rest = len - first;
                let last = if limit > 1 {
                    first + rest / i64::from(limit) - 1
                } else {
                    len + i64::from(last)
                };
                (first, last, step)
            }
            FindKeys::Range { last, step, .. } => (first, first + i64::from(last), step),
            FindKeys::Count { count, first: offset, step } => {
                let number = argv.get((first + i64::from(count)) as usize).and_then(num::parse_i64);
                let number = number.filter(|&number| (0..=len).contains(&number))?;
                let begin = first + i64::from(offset);
                (begin, begin + (number - 1) * i64::from(step), step)
            }
            FindKeys::Unknown => continue,
        };
        if last < first || last >= len {
            // An option that ends the command has nothing behind it; elsewhere something is missing.
            match spec.begin {
                BeginSearch::Keyword(..) => continue,
                BeginSearch::Index(_) | BeginSearch::Unknown => return None,
            }
        }
        let places = (first..=last).step_by(step.max(1) as usize);
        found.extend(places.map(|index| (index as usize, spec.access)));
    }
    Some(found)
}

/// Calls `see` with each place in `argv` where an option stands: from `from` on, without the arguments of
/// those that have as many as `widths` says.
pub fn options(argv: Argv<'_>, from: usize, widths: &[(&str, usize)], see: &mut dyn FnMut(usize)) {
    let mut place = from;
    while let Some(word) = argv.get(place) {
        see(place);
        let is_it = |(option, _): &&(&str, usize)| word.eq_ignore_ascii_case(option.as_bytes());
        place += 1 + widths.iter().find(is_it).map_or(0, |&(_, width)| width);
    }
}

/// Whether `word` stands at `place` in `argv`, with at least `width` words behind it.
pub fn is_option(argv: Argv<'_>, place: usize, word: &str, width: usize) -> bool {
    let is_it = |arg: &[u8]| arg.eq_ignore_ascii_case(word.as_bytes());
    place + width < argv.len() && argv.get(place).is_some_and(is_it)
}

/// The indices of the words in `argv`, from `start` on, that must not be shown: each argument named
/// `password`, and those that stand in one group with it. Costs O(words × options).
pub fn secrets(args: &[Arg], start: usize, argv: Argv<'_>) -> Vec<usize> {
    if args.iter().any(is_password) {
        return (start..argv.len()).collect();
    }
    let mut options = Vec::new();
    collect_options(args, &mut options);
    if options.iter().all(|option| !option.is_secret) {
        return Vec::new();
    }
    let (mut found, mut index) = (Vec::new(), start);
    while let Some(word) = argv.get(index) {
        let is_word = |option: &&Opt| word.eq_ignore_ascii_case(option.word.as_bytes());
        let option = options.iter().find(is_word);
        index += 1;
        if let Some(&Opt { width, is_secret, .. }) = option {
            if is_secret {
                found.extend(index..(index + width).min(argv.len()));
            }
            index += width;
        }
    }
    found
}

/// A word with the arguments behind it.
struct Opt {
    word: &'static str,
    /// How many arguments follow the word.
    width: usize,
    is_secret: bool,
}

fn collect_options(args: &[Arg], options: &mut Vec<Opt>) {
    for arg in args {
        match arg.token {
            Some(word) => {
                let width = usize::try_from(single_width(arg) - 1).unwrap_or(0);
                let is_secret = is_password(arg) || arg.args.iter().any(is_password);
                options.push(Opt { word, width, is_secret });
            }
            None => collect_options(arg.args, options),
        }
    }
}

fn is_password(arg: &Arg) -> bool {
    arg.kind == Kind::String && arg.display.unwrap_or(arg.name) == "password"
}

/// All ACL categories of `command`, in the order of [`Category`].
pub fn categories<H>(command: &Command<H>) -> Vec<Category> {
    let has = |flag| command.flags.contains(&flag);
    let mut all = match command.acl {
        Acl::Only(these) => these.to_vec(),
        // A container is reached through its subcommands, which have the categories.
        Acl::Group(more) if !command.subcommands.is_empty() => more.to_vec(),
        Acl::Group(more) => {
            command.group.category().into_iter().chain(more.iter().copied()).collect()
        }
    };
    let implied = [
        (has(Flag::Write), Category::Write),
        (has(Flag::Readonly) && command.group != super::Group::Scripting, Category::Read),
        (has(Flag::Admin), Category::Admin),
        (has(Flag::Admin), Category::Dangerous),
        (has(Flag::Pubsub), Category::Pubsub),
        (has(Flag::Fast), Category::Fast),
        (!has(Flag::Fast), Category::Slow),
        (has(Flag::Blocking), Category::Blocking),
    ];
    all.extend(implied.into_iter().filter(|&(holds, _)| holds).map(|(_, category)| category));
    Category::ALL.into_iter().filter(|category| all.contains(category)).collect()
}

/// The subcommand HELP of a container.
pub fn help<H>(container: &Command<H>, run: H) -> Command<H> {
    Command {
        name: "HELP",
        summary: "Lists the subcommands.",
        since: "",
        group: container.group,
        complexity: super::CONSTANT,
        flags: &[Flag::Loading, Flag::Stale],
        acl: container.acl,
        args: &[],
        arity: None,
        key_specs: None,
        find_keys: None,
        tips: &[],
        deprecated: None,
        subcommands: &[],
        example: "",
        run,
    }
}

/// The arguments as a usage line shows them: `key value [NX | XX]`.
pub fn usage(args: &[Arg]) -> String {
    args.iter().map(usage_of).collect::<Vec<_>>().join(" ")
}

fn usage_of(arg: &Arg) -> String {
    let name = arg.display.unwrap_or(arg.name);
    let body = match arg.kind {
        Kind::PureToken => arg.token.unwrap_or(name).to_owned(),
        Kind::OneOf => arg.args.iter().map(usage_of).collect::<Vec<_>>().join(" | "),
        Kind::Block => usage(arg.args),
        _ => name.to_owned(),
    };
    let token = arg.token.filter(|_| arg.kind != Kind::PureToken);
    let choice = if arg.kind == Kind::OneOf && (token.is_some() || !arg.optional) {
        format!("<{body}>")
    } else {
        body.clone()
    };
    let one = token.map_or_else(|| choice.clone(), |token| format!("{token} {choice}"));
    let all = match (arg.multiple, arg.multiple_token) {
        (false, _) => one,
        (true, true) => format!("{one} [{one} ...]"),
        (true, false) => format!("{one} [{body} ...]"),
    };
    if arg.optional { format!("[{all}]") } else { all }
}
