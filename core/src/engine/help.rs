//! HELP, the subcommand that every container has: its text is told from the declarations.

use super::{Args, Ctx, Entry, Outcome};
use crate::resp::Out;
use crate::spec::derive;

/// The width at which a summary goes on in the next line.
const WIDTH: usize = 76;

/// The handler of the subcommand HELP of any container. The table adds it by itself.
pub fn help(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if cx.waits_for_descriptions(args.all()) {
        return Ok(());
    }
    let entries = cx.table.entries();
    let Some(container) = cx.entry.container.and_then(|index| entries.get(index)) else {
        return Ok(());
    };
    let described = cx.engine.descriptions();
    let item = |usage: &str, entry: &Entry| (usage.to_owned(), described[entry.index].summary);
    let mut items = Vec::new();
    if container.takes(1) {
        items.push(item("(no subcommand)", container));
    }
    for subcommand in container.subcommands.iter().filter_map(|&index| entries.get(index)) {
        let usage = [subcommand.command.name, &derive::usage(subcommand.command.args)].join(" ");
        items.push(item(usage.trim_end(), subcommand));
    }
    reply(cx.out, container.command.name, &items);
    Ok(())
}

/// Writes a HELP reply for the container `name`: usage and summary of each subcommand.
pub fn reply(out: &mut Out, name: &str, items: &[(String, &str)]) {
    let mut lines =
        vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for (usage, summary) in items {
        lines.push(usage.clone());
        wrap(summary, &mut lines);
    }
    out.lines(&lines);
}

/// Adds `text` to `lines`, indented and broken between words.
fn wrap(text: &str, lines: &mut Vec<String>) {
    if text.is_empty() {
        return;
    }
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
