//! COMMAND: what commands there are, all of it derived from their declarations.

use crate::base::{Error, glob};
use crate::engine::{Args, Command, Ctx, Entry, Outcome, Table};
use crate::resp::{Argv, Out};
use crate::spec::{
    Access, Acl, Arg, BeginSearch, Category, FindKeys, Flag::*, FoundKeys, Group, KeySpec, Kind,
    derive, describe::Description, many, one_of, opt, pattern, string,
};

pub(crate) const COMMANDS: &[&Command] = &[&COMMAND];

/// The categories of everything here beyond those that the flags imply.
const CONNECTION: Acl = Acl::Group(&[Category::Connection]);

const COMMAND: Command = Command {
    name: "COMMAND",
    summary: "Describes all commands.",
    since: "2.8.13",
    group: Group::Server,
    complexity: "O(N) in the number of commands",
    flags: &[Loading, Stale],
    acl: CONNECTION,
    arity: Some(-1),
    tips: &["nondeterministic_output_order"],
    subcommands: &[
        &COMMAND_COUNT,
        &COMMAND_LIST,
        &COMMAND_INFO,
        &COMMAND_DOCS,
        &COMMAND_GETKEYS,
        &COMMAND_GETKEYSANDFLAGS,
    ],
    run: command,
    ..Command::BASE
};

fn command(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    info_of_all(cx.out, cx.engine.table);
    Ok(())
}

const COMMAND_COUNT: Command = Command {
    name: "COUNT",
    summary: "Replies with the number of commands, subcommands not counted.",
    since: "2.8.13",
    group: Group::Server,
    flags: &[Loading, Stale],
    acl: CONNECTION,
    run: command_count,
    ..Command::BASE
};

fn command_count(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let count = cx.table.top().count();
    cx.out.count(count);
    Ok(())
}

const COMMAND_LIST: Command = Command {
    name: "LIST",
    summary: "Lists the names of all commands, or of those that a filter lets pass.",
    since: "7.0.0",
    group: Group::Server,
    complexity: "O(N) in the number of commands",
    flags: &[Loading, Stale],
    acl: CONNECTION,
    args: &[opt(one_of(
        "filterby",
        &[
            string("module-name").after("MODULE"),
            string("category").after("ACLCAT"),
            pattern("pattern").after("PATTERN"),
        ],
    )
    .after("FILTERBY"))],
    tips: &["nondeterministic_output_order"],
    example: "> COMMAND LIST FILTERBY PATTERN pin?\n1) \"ping\"\n",
    run: command_list,
    ..Command::BASE
};

fn command_list(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let entries = cx.engine.table.entries().iter();
    let listed: Vec<&Entry> = if args.is_empty() {
        entries.collect()
    } else {
        if !args.eat("FILTERBY") {
            return Err(Error::Syntax);
        }
        let (by, what) = (args.take()?, args.take()?);
        args.end()?;
        match by.to_ascii_lowercase().as_slice() {
            b"module" => Vec::new(),
            b"aclcat" => {
                let is_it = |one: &Category| what.eq_ignore_ascii_case(one.name().as_bytes());
                entries.filter(|entry| entry.categories.iter().any(is_it)).collect()
            }
            b"pattern" => {
                let lower = what.to_ascii_lowercase();
                let matches = |entry: &&Entry| glob::matches(&lower, entry.full_name.as_bytes());
                entries.filter(matches).collect()
            }
            _ => return Err(Error::Syntax),
        }
    };
    cx.out.set(listed.len());
    for entry in listed {
        cx.out.bulk(entry.full_name.as_bytes());
    }
    Ok(())
}

const COMMAND_INFO: Command = Command {
    name: "INFO",
    summary: "Describes commands for programs: arity, flags, keys, categories, subcommands.",
    since: "2.8.13",
    group: Group::Server,
    complexity: "O(N) in the number of commands",
    flags: &[Loading, Stale],
    acl: CONNECTION,
    args: &[opt(many(string("command-name")))],
    tips: &["nondeterministic_output_order"],
    run: command_info,
    ..Command::BASE
};

fn command_info(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let table = cx.engine.table;
    if args.is_empty() {
        info_of_all(cx.out, table);
        return Ok(());
    }
    cx.out.array(args.len());
    for name in args.rest().iter() {
        match table.find(name) {
            Some(entry) => info(cx.out, table, entry),
            None => cx.out.null_array(),
        }
    }
    Ok(())
}

fn info_of_all(out: &mut Out, table: &Table) {
    out.array(table.top().count());
    for entry in table.top() {
        info(out, table, entry);
    }
}

/// One command as COMMAND INFO describes it. Subcommands nest one deep.
fn info(out: &mut Out, table: &Table, entry: &Entry) {
    let command = entry.command;
    let (first, last, step) = derive::legacy_range(&entry.key_specs);
    out.array(10);
    out.bulk(entry.full_name.as_bytes());
    out.int(entry.arity.into());
    let mut flags: Vec<&str> = command.flags.iter().filter_map(|flag| flag.name()).collect();
    if derive::has_movable_keys(&entry.key_specs) {
        flags.extend(MovableKeys.name());
    }
    out.set(flags.len());
    for flag in flags {
        out.simple(flag);
    }
    for number in [first, last, step] {
        out.int(number.into());
    }
    out.set(entry.categories.len());
    for category in &entry.categories {
        out.simple(&format!("@{}", category.name()));
    }
    out.set(command.tips.len());
    for tip in command.tips {
        out.bulk(tip.as_bytes());
    }
    out.set(entry.key_specs.len());
    for spec in &entry.key_specs {
        key_spec(out, spec);
    }
    out.set(entry.subcommands.len());
    for subcommand in subcommands(table, entry) {
        info(out, table, subcommand);
    }
}

fn subcommands<'t>(table: &'t Table, entry: &'t Entry) -> impl Iterator<Item = &'t Entry> {
    entry.subcommands.iter().filter_map(|&index| table.entries().get(index))
}

fn key_spec(out: &mut Out, spec: &KeySpec) {
    out.map(if spec.notes.is_some() { 4 } else { 3 });
    if let Some(notes) = spec.notes {
        out.bulk(b"notes");
        out.bulk(notes.as_bytes());
    }
    out.bulk(b"flags");
    out.set(spec.access.len());
    for access in spec.access {
        out.simple(access.name());
    }
    let numbers = |out: &mut Out, kind: &str, numbers: &[(&str, i32)]| {
        typed(out, kind, numbers.len());
        for (name, number) in numbers {
            out.bulk(name.as_bytes());
            out.int((*number).into());
        }
    };
    out.bulk(b"begin_search");
    match spec.begin {
        BeginSearch::Index(index) => numbers(out, "index", &[("index", index)]),
        BeginSearch::Keyword(word, from) => {
            typed(out, "keyword", 2);
            out.bulk(b"keyword");
            out.bulk(word.as_bytes());
            out.bulk(b"startfrom");
            out.int(from.into());
        }
        BeginSearch::Unknown => typed(out, "unknown", 0),
    }
    out.bulk(b"find_keys");
    match spec.find {
        FindKeys::Range { last, step, limit } => {
            numbers(out, "range", &[("lastkey", last), ("keystep", step), ("limit", limit)]);
        }
        FindKeys::Count { count, first, step } => {
            let fields = [("keynumidx", count), ("firstkey", first), ("keystep", step)];
            numbers(out, "keynum", &fields);
        }
        FindKeys::Unknown => typed(out, "unknown", 0),
    }
}

/// The start of a part of a key specification: its type, and a map of `fields` to follow.
fn typed(out: &mut Out, kind: &str, fields: usize) {
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(fields);
}

const COMMAND_DOCS: Command = Command {
    name: "DOCS",
    summary: "Describes commands for people: what they do, cost, take, and since when.",
    since: "7.0.0",
    group: Group::Server,
    complexity: "O(N) in the number of commands",
    flags: &[Loading, Stale],
    acl: CONNECTION,
    args: &[opt(many(string("command-name")))],
    tips: &["nondeterministic_output_order"],
    run: command_docs,
    ..Command::BASE
};

fn command_docs(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if cx.waits_for_descriptions(args.all()) {
        return Ok(());
    }
    let table = cx.engine.table;
    let told = cx.engine.descriptions();
    let described: Vec<&Entry> = if args.is_empty() {
        table.top().collect()
    } else {
        args.rest().iter().filter_map(|name| table.find(name)).collect()
    };
    cx.out.map(described.len());
    for entry in described {
        docs(cx.out, table, &told, entry);
    }
    Ok(())
}

/// One command's name and what COMMAND DOCS says of it; `told` describes all commands.
fn docs(out: &mut Out, table: &Table, told: &[Description<'_>], entry: &Entry) {
    let (command, described) = (entry.command, &told[entry.index]);
    out.bulk(entry.full_name.as_bytes());
    let flags = [(command.deprecated.is_some(), "deprecated"), (entry.has(System), "syscmd")];
    let flags: Vec<&str> = flags.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
    let is_known = |(_, text): &&(&str, &str)| !text.is_empty();
    let texts = [
        ("summary", described.summary),
        ("since", described.since),
        ("group", command.group.name()),
        ("complexity", described.complexity),
    ];
    let texts = texts.iter().filter(is_known);
    let (since, instead) = described.deprecated.unwrap_or_default();
    let deprecated = [("deprecated_since", since), ("replaced_by", instead)];
    let deprecated = deprecated.iter().filter(is_known);
    let optional = [!flags.is_empty(), !command.args.is_empty(), !entry.subcommands.is_empty()];
    let say = |out: &mut Out, (name, text): &(&str, &str)| {
        out.bulk(name.as_bytes());
        out.bulk(text.as_bytes());
    };
    let known = texts.clone().chain(deprecated.clone()).count();
    out.map(known + optional.iter().filter(|&&is_there| is_there).count());
    texts.for_each(|text| say(out, text));
    if !flags.is_empty() {
        out.bulk(b"doc_flags");
        out.set(flags.len());
        for flag in flags {
            out.simple(flag);
        }
    }
    deprecated.for_each(|text| say(out, text));
    if !command.args.is_empty() {
        out.bulk(b"arguments");
        arguments(out, command.args, &mut 0);
    }
    if !entry.subcommands.is_empty() {
        out.bulk(b"subcommands");
        out.map(entry.subcommands.len());
        for subcommand in subcommands(table, entry) {
            docs(out, table, told, subcommand);
        }
    }
}

/// A list of arguments; `keys` counts the key specifications of those before it. Declarations nest a few levels
/// deep, which bounds the recursion.
fn arguments(out: &mut Out, args: &[Arg], keys: &mut i64) {
    out.array(args.len());
    for (place, arg) in args.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| args.get(place));
        let is_pattern = |arg: &Arg| arg.kind == Kind::Pattern && !arg.access.is_empty();
        // Keys that are used in the same way may share one specification.
        let has_sister = is_pattern(arg) && args.iter().take(place).any(is_pattern);
        if has_sister || before.is_some_and(|before| derive::continues(before, arg)) {
            *keys -= 1;
        }
        argument(out, arg, keys);
    }
}

fn argument(out: &mut Out, arg: &Arg, keys: &mut i64) {
    let is_group = arg.kind.is_group();
    let flags = [
        (arg.optional, "optional"),
        (arg.multiple, "multiple"),
        (arg.multiple_token, "multiple_token"),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
    // A key whose place the specifications do not say has no access either.
    let key_spec =
        (matches!(arg.kind, Kind::Key | Kind::Pattern) && !arg.access.is_empty()).then(|| {
            *keys += 1;
            *keys - 1
        });
    let texts =
        [("token", arg.token), ("since", arg.since), ("deprecated_since", arg.deprecated_since)];
    let texts = texts.iter().filter_map(|(name, text)| text.map(|text| (*name, text)));
    let fields = 2
        + texts.clone().count()
        + [!is_group, key_spec.is_some(), !flags.is_empty(), is_group]
            .iter()
            .filter(|&&is_there| is_there)
            .count();
    out.map(fields);
    out.bulk(b"name");
    out.bulk(arg.name.as_bytes());
    out.bulk(b"type");
    out.bulk(arg.kind.name().as_bytes());
    if !is_group {
        out.bulk(b"display_text");
        out.bulk(arg.display.unwrap_or(arg.name).as_bytes());
    }
    if let Some(index) = key_spec {
        out.bulk(b"key_spec_index");
        out.int(index);
    }
    for (name, text) in texts {
        out.bulk(name.as_bytes());
        out.bulk(text.as_bytes());
    }
    if !flags.is_empty() {
        out.bulk(b"flags");
        out.set(flags.len());
        for flag in flags {
            out.simple(flag);
        }
    }
    if is_group {
        out.bulk(b"arguments");
        arguments(out, arg.args, keys);
    }
}

const COMMAND_GETKEYS: Command = Command {
    name: "GETKEYS",
    summary: "Replies with the keys among the words of a whole command.",
    since: "2.8.13",
    group: Group::Server,
    complexity: "O(N) in the number of words",
    flags: &[Loading, Stale],
    acl: CONNECTION,
    args: &[string("command"), opt(many(string("arg")))],
    run: command_getkeys,
    ..Command::BASE
};

fn command_getkeys(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let argv = args.rest();
    let keys = keys_of(cx.engine.table, argv)?;
    cx.out.array(keys.len());
    for (index, _) in keys {
        cx.out.bulk(argv.get(index).unwrap_or_default());
    }
    Ok(())
}

const COMMAND_GETKEYSANDFLAGS: Command = Command {
    name: "GETKEYSANDFLAGS",
    summary: "As GETKEYS, with what the command does with each key.",
    since: "7.0.0",
    group: Group::Server,
    complexity: "O(N) in the number of words",
    flags: &[Loading, Stale],
    acl: CONNECTION,
    args: &[string("command"), opt(many(string("arg")))],
    run: command_getkeysandflags,
    ..Command::BASE
};

fn command_getkeysandflags(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let argv = args.rest();
    let keys = keys_of(cx.engine.table, argv)?;
    cx.out.array(keys.len());
    for (index, access) in keys {
        cx.out.array(2);
        cx.out.bulk(argv.get(index).unwrap_or_default());
        cx.out.set(access.len());
        for flag in access {
            cx.out.simple(flag.name());
        }
    }
    Ok(())
}

/// Where the keys of the command are that `argv` is.
fn keys_of(table: &Table, argv: Argv<'_>) -> Result<FoundKeys, Error> {
    let invalid = Error::text("ERR Invalid command specified");
    let entry = table.find(argv.get(0).unwrap_or_default()).filter(|entry| !entry.is_sub());
    let mut entry = entry.ok_or_else(|| invalid.clone())?;
    if let (false, Some(name)) = (entry.subcommands.is_empty(), argv.get(1)) {
        entry = table.find_sub(entry, name).ok_or(invalid)?;
    }
    // Shard channels are routed like keys and are none.
    if entry.key_specs.iter().all(|spec| spec.access.contains(&Access::NotKey)) {
        return Err(Error::text("ERR The command has no key arguments"));
    }
    if !entry.takes(argv.len()) {
        return Err(Error::text("ERR Invalid number of arguments specified for command"));
    }
    let keys = entry.keys(argv);
    if keys.is_empty() && !entry.has(NoMandatoryKeys) {
        return Err(Error::text("ERR Invalid arguments specified for command"));
    }
    Ok(keys)
}
