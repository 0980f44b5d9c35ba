//! The example in every command's declaration, played like any transcript.

use redstart::commands;
use redstart::engine::Entry;
use redstart::spec::describe::Description;
use redstart_tests::local::Local;
use redstart_tests::{play, transcript};

/// All commands with what their declarations say to people.
fn all() -> impl Iterator<Item = (&'static Entry, Description<'static>)> {
    let table = commands::table();
    table.entries().iter().zip(table.describe(&commands::DESCRIPTIONS))
}

#[test]
fn examples_in_declarations_hold() {
    let mut failures = String::new();
    for (entry, described) in all() {
        let text = format!("# {}\n{}", entry.full_name, described.example);
        match transcript::parse(&text) {
            Err(error) => failures += &format!("{}: {error}\n", entry.full_name),
            Ok(scenarios) => {
                for scenario in scenarios {
                    if let Err(failure) = play::check(&mut Local::for_tests(), &scenario) {
                        failures += &format!("{}: {}\n", entry.full_name, failure.text);
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn every_declaration_is_complete() {
    for (entry, described) in all() {
        let command = entry.command;
        let name = &entry.full_name;
        assert!(described.summary.ends_with('.'), "{name}: its summary is a sentence");
        assert!(!described.since.is_empty(), "{name}: since which version");
        assert_eq!(command.name, command.name.to_ascii_uppercase(), "{name}: in capitals");
    }
}

#[test]
fn no_two_commands_have_one_name() {
    let mut names: Vec<&str> =
        commands::table().entries().iter().map(|entry| entry.full_name.as_str()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
