//! The handlers, one file a family.
//!
//! A family's file opens with the list of its commands; each command is a `const` directly above
//! its handler. [`table`] gathers the families.

use std::sync::LazyLock;

use crate::engine::{Command, Handler, Table, help};
use crate::spec::Finder;
use crate::spec::pack::{self, Packed, Packer};

mod acl;
mod array;
mod bitmap;
mod client;
mod client_list;
mod client_tracking;
mod command;
mod config;
mod connection;
mod databases;
mod debug;
mod diagnose;
mod dump;
mod expire;
mod function;
mod geo;
mod hash;
mod hash_expire;
mod hash_import;
mod hyperloglog;
mod info;
mod keys;
mod list;
mod list_move;
mod list_move_many;
mod memory;
mod migrate;
mod monitor;
mod object;
mod pubsub;
mod saving;
mod scan;
mod server;
mod set;
mod set_combine;
mod sort;
mod sorted_set;
mod sorted_set_combine;
mod sorted_set_pop;
mod sorted_set_range;
mod stream;
mod string;
mod transaction;
mod wait;

/// The declarations of all commands, which only the compiler sees.
const FAMILIES: &[&[&Command]] = &[
    acl::COMMANDS,
    array::COMMANDS,
    array::cursor::COMMANDS,
    array::search::COMMANDS,
    bitmap::COMMANDS,
    client::COMMANDS,
    command::COMMANDS,
    config::COMMANDS,
    connection::COMMANDS,
    databases::COMMANDS,
    debug::COMMANDS,
    diagnose::COMMANDS,
    dump::COMMANDS,
    expire::COMMANDS,
    function::COMMANDS,
    geo::COMMANDS,
    hyperloglog::COMMANDS,
    hash::COMMANDS,
    hash_expire::COMMANDS,
    hash_import::COMMANDS,
    info::COMMANDS,
    keys::COMMANDS,
    list::COMMANDS,
    list_move::COMMANDS,
    memory::COMMANDS,
    migrate::COMMANDS,
    list_move_many::COMMANDS,
    monitor::COMMANDS,
    object::COMMANDS,
    pubsub::COMMANDS,
    saving::COMMANDS,
    scan::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    set_combine::COMMANDS,
    sort::COMMANDS,
    sorted_set::COMMANDS,
    sorted_set_combine::COMMANDS,
    sorted_set_pop::COMMANDS,
    sorted_set_range::COMMANDS,
    stream::COMMANDS,
    stream::claim::COMMANDS,
    stream::group::COMMANDS,
    stream::idempotence::COMMANDS,
    stream::info::COMMANDS,
    stream::nack::COMMANDS,
    stream::read::COMMANDS,
    stream::remove::COMMANDS,
    string::COMMANDS,
    transaction::COMMANDS,
    wait::COMMANDS,
];

/// The declarations as they are linked.
const PACKER: Packer = Packer::of(FAMILIES);
static TEXTS: [u8; PACKER.texts_len()] = PACKER.texts();
static SHAPES: [u8; PACKER.shapes_len()] = PACKER.shapes();
const FINGERPRINT: u32 = PACKER.fingerprint();
static HANDLERS: [Handler; pack::count(FAMILIES)] = pack::handlers(FAMILIES);
const FINDERS_COUNT: usize = pack::finders::<Handler, 0>(FAMILIES).1;
static FINDERS: [Option<Finder>; FINDERS_COUNT] = pack::finders(FAMILIES).0;

/// What the declarations say to people; see [`describe`](crate::spec::describe). The engine has it with
/// the feature `descriptions`. It is linked only where it is used.
pub static DESCRIPTIONS: [u8; PACKER.descriptions_len()] = PACKER.descriptions();

fn packed() -> Packed<Handler> {
    Packed {
        texts: &TEXTS,
        shapes: &SHAPES,
        descriptions: if cfg!(feature = "descriptions") { &DESCRIPTIONS } else { &[] },
        fingerprint: FINGERPRINT,
        handlers: &HANDLERS,
        finders: &FINDERS,
    }
}

/// All commands of the engine.
pub fn table() -> &'static Table {
    // Derived from constants alone, so one for all nodes of a process is no shared state.
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(&packed(), help::help));
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Entry;
    use crate::spec;
    use crate::spec::describe::Description;

    /// Everything that a declaration says, as text.
    fn told(command: &Command, text: &mut String) {
        let spec::Command { name, summary, since, group, complexity, flags, acl, args, .. } =
            command;
        let spec::Command { arity, key_specs, find_keys, tips, deprecated, .. } = command;
        let spec::Command { subcommands, example, run, .. } = command;
        text.push_str(&format!(
            "{name:?} {summary:?} {since:?} {group:?} {complexity:?} {flags:?} "
        ));
        text.push_str(&format!(
            "{acl:?} {args:?} {arity:?} {key_specs:?} {tips:?} {deprecated:?} "
        ));
        let finder = find_keys.map(|find| find as *const ());
        text.push_str(&format!("{example:?} {:p} {finder:?} {{\n", *run as *const ()));
        subcommands.iter().for_each(|subcommand| told(subcommand, text));
        text.push_str("}\n");
    }

    #[test]
    fn what_is_linked_says_what_was_declared() {
        let (mut declared, mut linked) = (String::new(), String::new());
        let table = table();
        let described = table.describe(&DESCRIPTIONS);
        FAMILIES.iter().copied().flatten().for_each(|command| told(command, &mut declared));
        table.top().for_each(|entry| told(&whole(entry, &described), &mut linked));
        assert!(declared.len() > 100_000 && declared == linked);
    }

    /// A command of the table with its description.
    fn whole(entry: &Entry, described: &[Description<'static>]) -> Command {
        // Without HELP, which the table has added.
        let declared = entry.subcommands.iter().take(entry.command.subcommands.len());
        let subcommands = declared.map(|&index| {
            let whole: &Command = Box::leak(Box::new(whole(&table().entries()[index], described)));
            whole
        });
        let Description { summary, since, complexity, example, deprecated } =
            described[entry.index];
        let subcommands = subcommands.collect::<Vec<_>>().leak();
        Command { summary, since, complexity, example, deprecated, subcommands, ..*entry.command }
    }

    #[test]
    fn what_does_not_describe_these_commands_is_refused() {
        let table = table();
        let mut other = DESCRIPTIONS.to_vec();
        other[0] ^= 1;
        let part = &DESCRIPTIONS[..DESCRIPTIONS.len() - 1];
        let none = table.describe(&[]);
        for bytes in [&other, part, &[], b"<html>", &[0xff; 3]] {
            assert!(!table.is_described_by(bytes));
            assert_eq!(table.describe(bytes), none);
        }
        let of = |name: &[u8]| none[table.find(name).unwrap().index];
        assert_eq!(of(b"get"), Description { complexity: "O(1)", ..Description::default() });
        assert_eq!(of(b"keys"), Description::default());
        assert_eq!(of(b"object|help").summary, "Lists the subcommands.");
    }
}
