//! HELP, the subcommand that every container has: its text is told from the declarations.

use super::{Args, Ctx, Outcome};
use crate::spec::derive;

/// The width at which a summary goes on in the next line.
const WIDTH: usize = 76;

/// The handler of the subcommand HELP of any container. The table adds it by itself.
pub fn help(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let entries = cx.table.entries();
    let Some(container) = cx.entry.container.and_then(|index| entries.get(index)) else {
        return Ok(());
    };
    let mut items = Vec::new();
    if container.takes(1) {
        items.push(("(no subcommand)".to_owned(), container.command.summary));
    }
    for subcommand in container.subcommands.iter().filter_map(|&index| entries.get(index)) {
        let subcommand = subcommand.command;
        let usage = [subcommand.name, &derive::usage(subcommand.args)].join(" ");
        items.push((usage.trim_end().to_owned(), subcommand.summary));
    }
    reply(cx, container.command.name, &items);
    Ok(())
}

/// Writes a HELP reply for the container `name`: usage and summary of each subcommand.
pub fn reply(cx: &mut Ctx<'_>, name: &str, items: &[(String, &str)]) {
    let mut lines =
        vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for (usage, summary) in items {
        lines.push(usage.clone());
        wrap(summary, &mut lines);
    }
    cx.out.lines(&lines);
}

/// Adds `text` to `lines`, indented and broken between words.
fn wrap(text: &str, lines: &mut Vec<String>) {
    let mut line = String::from("   ");
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            lines.push(std::mem::replace(&mut line, "   ".into()));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
}
