//! HELP: what the declarations say of a command or a group, laid out as redis-cli does.

use redstart::commands;
use redstart::engine::Entry;
use redstart::spec::hint::Typed;

/// The text for `HELP words…`; `None` where there is nothing of that name.
pub fn help(words: &[Vec<u8>]) -> Option<String> {
    match words {
        [] => Some(OVERVIEW.to_owned()),
        [group] if group.starts_with(b"@") => about_group(group),
        names => about_command(names),
    }
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

fn about_command(names: &[Vec<u8>]) -> Option<String> {
    let table = commands::table();
    let (first, rest) = names.split_first()?;
    let top = table.find(first).filter(|entry| !entry.is_sub())?;
    let subs = top.subcommands.iter().filter_map(|&index| table.entries().get(index));
    let texts: Vec<String> = match rest {
        [] => std::iter::once(top).chain(subs).map(about).collect(),
        [sub, ..] => table.find_sub(top, sub).into_iter().map(about).collect(),
    };
    (!texts.is_empty()).then(|| format!("{}\n", texts.concat()))
}

fn about_group(group: &[u8]) -> Option<String> {
    let is_in = |entry: &&Entry| {
        let name = entry.command.group.name();
        group.get(1..).is_some_and(|group| group.eq_ignore_ascii_case(name.as_bytes()))
    };
    let line = |entry: &Entry| {
        let usage = Typed::new(entry.command.args, &[]).hint();
        let title = format!("{} {usage}", entry.command.name);
        format!(
            "\n  {}\n  summary: {}\n  since: {}\n",
            title.trim_end(),
            entry.command.summary,
            entry.command.since
        )
    };
    let texts: Vec<String> = commands::table().top().filter(is_in).map(line).collect();
    (!texts.is_empty()).then(|| format!("{}\n", texts.concat()))
}

fn about(entry: &Entry) -> String {
    let command = entry.command;
    let usage = Typed::new(command.args, &[]).hint();
    let name = entry.full_name.replace('|', " ").to_ascii_uppercase();
    let mut text = format!("\n  {}\n", format!("{name} {usage}").trim_end());
    text.push_str(&format!("  summary: {}\n", command.summary));
    text.push_str(&format!("  since: {}\n", command.since));
    text.push_str(&format!("  group: {}\n", command.group.name()));
    text.push_str(&format!("  complexity: {}\n", command.complexity));
    if !command.example.is_empty() {
        text.push_str("  example:\n");
        for line in command.example.lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

/// What `help` alone shows.
const OVERVIEW: &str = "\
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
        help(&words)
    }

    #[test]
    fn every_command_has_help() {
        for entry in commands::table().entries() {
            let name = entry.full_name.replace('|', " ");
            let text = text(&name).unwrap();
            assert!(text.contains(entry.command.summary), "{name}");
        }
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
