//! HELP: what the declarations say of a command or a group, laid out as redis-cli does.

use redstart::commands;
use redstart::engine::Entry;
use redstart::spec::describe::Description;
use redstart::spec::hint::Typed;

/// The text for `HELP words…`; `None` where there is nothing of that name. The descriptions of the
/// commands may be anything else, if they could not be had.
pub fn help(words: &[Vec<u8>], descriptions: &[u8]) -> Option<String> {
    let table = commands::table();
    let described = table.describe(descriptions);
    let mut text = match words {
        [group] if group.starts_with(b"@") => about_group(group, &described),
        names => about_command(names, &described),
    }?;
    if !table.is_described_by(descriptions) {
        text.push_str(NOT_LOADED);
    }
    Some(text)
}

/// The groups that HELP knows, as it is told them: `@string`.
pub fn groups() -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for entry in commands::table().top() {
        let group = format!("@{}", entry.command.group.name());
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

fn about_command(names: &[Vec<u8>], described: &[Description<'_>]) -> Option<String> {
    let table = commands::table();
    let (first, rest) = names.split_first()?;
    let top = table.find(first).filter(|entry| !entry.is_sub())?;
    let subs = top.subcommands.iter().filter_map(|&index| table.entries().get(index));
    let about = |entry: &Entry| about(entry, &described[entry.index]);
    let texts: Vec<String> = match rest {
        [] => std::iter::once(top).chain(subs).map(about).collect(),
        [sub, ..] => table.find_sub(top, sub).into_iter().map(about).collect(),
    };
    (!texts.is_empty()).then(|| format!("{}\n", texts.concat()))
}

fn about_group(group: &[u8], described: &[Description<'_>]) -> Option<String> {
    let is_in = |entry: &&Entry| {
        let name = entry.command.group.name();
        group.get(1..).is_some_and(|group| group.eq_ignore_ascii_case(name.as_bytes()))
    };
    let line = |entry: &Entry| {
        let usage = Typed::new(entry.command.args, &[]).hint();
        let title = format!("{} {usage}", entry.command.name);
        let mut text = format!("\n  {}\n", title.trim_end());
        say(&mut text, "summary", described[entry.index].summary);
        say(&mut text, "since", described[entry.index].since);
        text
    };
    let texts: Vec<String> = commands::table().top().filter(is_in).map(line).collect();
    (!texts.is_empty()).then(|| format!("{}\n", texts.concat()))
}

fn about(entry: &Entry, described: &Description<'_>) -> String {
    let command = entry.command;
    let usage = Typed::new(command.args, &[]).hint();
    let name = entry.full_name.replace('|', " ").to_ascii_uppercase();
    let mut text = format!("\n  {}\n", format!("{name} {usage}").trim_end());
    say(&mut text, "summary", described.summary);
    say(&mut text, "since", described.since);
    say(&mut text, "group", command.group.name());
    say(&mut text, "complexity", described.complexity);
    if !described.example.is_empty() {
        text.push_str("  example:\n");
        for line in described.example.lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

/// Adds a line about a command, if that is known.
fn say(text: &mut String, name: &str, what: &str) {
    if !what.is_empty() {
        text.push_str(&format!("  {name}: {what}\n"));
    }
}

/// What stands below where the descriptions are not there.
const NOT_LOADED: &str = "\
  What the commands do could not be loaded: try it again with a network.

";

/// What `help` alone shows.
pub const OVERVIEW: &str = "\
Redstart runs in this tab and answers Redis's commands.

  HELP SET                what a command does, its arguments, an example
  HELP @string            the commands of a group; press Tab for the groups
  Tab                     complete a command, an option, or a key
  Up and Down             lines you have typed before; Ctrl-R searches them
  5 INCR visits           a number in front repeats a command
  Ctrl-C                  stop waiting or listening, or give a line up
  Ctrl-L or clear         clear this pane
  :set output json        print replies as raw, csv, json or standard
  :set nohints            no hints behind the caret; :set hints brings them back
  quit                    close the connection; the next command opens it again
  TUTORIAL                a course; NEXT and PREV go through it, TUTORIAL 7 to a lesson

Each pane is a client of its own. Open a second one, block the first with
BLPOP queue 0, and wake it from the second with LPUSH queue hello.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> Option<String> {
        let words: Vec<Vec<u8>> = line.split_whitespace().map(|word| word.into()).collect();
        help(&words, &commands::DESCRIPTIONS)
    }

    #[test]
    fn every_command_has_help() {
        let table = commands::table();
        let described = table.describe(&commands::DESCRIPTIONS);
        for (entry, described) in table.entries().iter().zip(described) {
            let name = entry.full_name.replace('|', " ");
            let text = text(&name).unwrap();
            assert!(!described.summary.is_empty() && text.contains(described.summary), "{name}");
        }
    }

    #[test]
    fn what_is_not_loaded_is_said() {
        let text = help(&[b"keys".to_vec()], b"<html>").unwrap();
        let known = "\n  KEYS pattern\n  group: generic\n\n";
        assert_eq!(text, [known, NOT_LOADED].concat());
        assert!(help(&[b"@hash".to_vec()], &[]).unwrap().ends_with(NOT_LOADED));
        assert_eq!(help(&[b"nosuch".to_vec()], &[]), None);
    }

    #[test]
    fn help_is_laid_out_as_in_redis_cli() {
        let get = text("get").unwrap();
        assert!(get.starts_with("\n  GET key\n  summary: "), "{get}");
        assert!(get.contains("\n  since: 1.0.0\n  group: string\n"), "{get}");
        assert!(
            text("config get").unwrap().starts_with("\n  CONFIG GET parameter [parameter ...]\n")
        );
        assert!(text("config").unwrap().contains("\n  CONFIG SET parameter value"));
        assert!(text("@hash").unwrap().contains("\n  HSET key field value"));
        assert!(groups().contains(&"@sorted-set".to_owned()));
        assert_eq!(text("nosuch"), None);
        assert_eq!(text("@nosuch"), None);
        assert_eq!(text("config nosuch"), None);
    }
}
