//! What HELP, as in OBJECT HELP, replies: told from the declarations.

use super::{Args, Ctx, Outcome};
use crate::spec::derive;

/// The width at which a summary goes on in the next line.
const WIDTH: usize = 76;

/// The handler of the subcommand HELP of any container.
pub fn help(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let name = cx.entry.full_name.split('|').next().unwrap_or_default();
    let Some(container) = cx.table.find(name.as_bytes()) else { return Ok(()) };
    let title = container.command.name;
    let mut lines =
        vec![format!("{title} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for subcommand in container.command.subcommands {
        lines.push([subcommand.name, &derive::usage(subcommand.args)].join(" ").trim_end().into());
        wrap(subcommand.summary, &mut lines);
    }
    cx.out.lines(&lines);
    Ok(())
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
