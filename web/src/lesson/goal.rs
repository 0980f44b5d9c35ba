//! Whether a goal is reached: what commands reply, printed as redis-cli prints it, against what a
//! lesson expects, line by line.
//!
//! In an expected line, `{*}` stands for any text and `{A..B}` for a whole number from A to B; a line
//! `...` stands for any lines, or none.

use redstart::resp::{Reply, pretty, words};

use super::Condition;

/// The words of a condition's command; `None` if its quotes are not balanced.
pub fn words(condition: &Condition) -> Option<Vec<Vec<u8>>> {
    words::split(condition.command.as_bytes()).ok().filter(|words| !words.is_empty())
}

/// Whether a reply to the condition's command is the one it wants.
pub fn holds(condition: &Condition, reply: &Reply) -> bool {
    let command = words(condition).unwrap_or_default();
    let command: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
    matches(&condition.expect, &lines(&command, reply))
}

/// The lines that redis-cli prints for a reply, but for empty ones.
pub fn lines(command: &[&[u8]], reply: &Reply) -> Vec<String> {
    let raw = pretty::prints_raw(command);
    let text = if raw { pretty::print_raw(reply) } else { pretty::print(reply) };
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// Whether the lines of a reply are those expected.
pub fn matches(expect: &[String], got: &[String]) -> bool {
    match expect.split_first() {
        None => got.is_empty(),
        Some((line, rest)) if line == "..." => {
            (0..=got.len()).any(|skipped| matches(rest, &got[skipped..]))
        }
        Some((line, rest)) => got
            .split_first()
            .is_some_and(|(first, others)| matches_line(line, first) && matches(rest, others)),
    }
}

/// What is between braces.
enum Wildcard {
    Any,
    Number(i64, i64),
}

fn matches_line(expect: &str, got: &str) -> bool {
    let Some((start, wildcard, rest)) = wildcard(expect) else { return expect == got };
    let Some(got) = got.strip_prefix(start) else { return false };
    let ends = got.char_indices().map(|(end, _)| end).chain([got.len()]);
    ends.into_iter().any(|end| {
        let fits = match wildcard {
            Wildcard::Any => true,
            Wildcard::Number(least, most) => {
                // As Redis writes numbers: no sign but a minus, no zeros in front.
                got[..end].parse().is_ok_and(|number: i64| {
                    number.to_string() == got[..end] && (least..=most).contains(&number)
                })
            }
        };
        fits && matches_line(rest, &got[end..])
    })
}

/// The first wildcard of a line, and what stands before and behind it.
fn wildcard(line: &str) -> Option<(&str, Wildcard, &str)> {
    for (open, _) in line.match_indices('{') {
        let Some((inside, rest)) = line[open + 1..].split_once('}') else { continue };
        if inside == "*" {
            return Some((&line[..open], Wildcard::Any, rest));
        }
        let range = inside.split_once("..");
        let range = range.and_then(|(least, most)| Some((least.parse().ok()?, most.parse().ok()?)));
        if let Some((least, most)) = range {
            return Some((&line[..open], Wildcard::Number(least, most), rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expect: &str, got: &str, result: bool) {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(matches(&lines(expect), &lines(got)), result, "{expect} {got}");
    }

    #[test]
    fn wildcards() {
        check("id={*} addr", "id=12 addr", true);
        check("id={*} addr", "id=12 adr", false);
        check("a\n...\nb", "a\nx\ny\nb", true);
        check("a\n...\nb", "a\nb", true);
        check("a\n...", "b\na", false);
    }

    #[test]
    fn numbers_in_a_range() {
        check("(integer) {1..60}", "(integer) 60", true);
        check("(integer) {1..60}", "(integer) 61", false);
        check("(integer) {1..60}", "(integer) 06", false);
        check("(integer) {-2..-1}", "(integer) -2", true);
        check("{1..9}-{*}", "7-0", true);
        check("{1..9}-{*}", "x-0", false);
        check("{\"a\"}", "{\"a\"}", true);
    }
}
