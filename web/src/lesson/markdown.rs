//! The prose of lessons: as much of CommonMark as they use, and not more.
//!
//! Paragraphs, bullet and numbered lists of one level, quotes, `code`, **strong**, *emphasis* and
//! links. What else Markdown has (HTML, images, tables, headings) is an error, so that nothing is
//! shown to a learner as it should not be. A library for all of CommonMark (pulldown-cmark) would be
//! 30 kB of the download, half as much as the whole panel; this is less than 2.

use super::{Fault, Line, fault};

/// A block of prose, or of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A list.
    List {
        /// Whether its items are numbered, from 1.
        is_numbered: bool,
        /// Its items.
        items: Vec<Vec<Inline>>,
    },
    /// A quotation.
    Quote(Vec<Inline>),
    /// Lines that are shown as they are.
    Code(String),
    /// Commands to click.
    Commands(Vec<Line>),
}

/// A piece of a paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    /// As it is.
    Text(String),
    /// Code.
    Code(String),
    /// Important.
    Strong(Vec<Self>),
    /// Stressed.
    Emphasis(Vec<Self>),
    /// A link: where it leads and its text.
    Link(String, Vec<Self>),
}

/// Reads lines of prose; each comes with its number. Costs O(text).
pub fn read(lines: &[(usize, &str)]) -> Result<Vec<Block>, Fault> {
    let mut blocks = Vec::new();
    for part in lines.split(|(_, line)| line.trim().is_empty()) {
        let mut rest = part;
        while let Some(((number, line), _)) = rest.split_first() {
            let kind = Kind::of(line);
            // The lines up to where another kind of block begins; items go on where nothing begins.
            let length = 1 + rest[1..]
                .iter()
                .take_while(|(_, line)| match (Kind::of(line), kind) {
                    (Kind::Plain, Kind::Bullet | Kind::Number) => line.starts_with(' '),
                    (other, kind) => other == kind,
                })
                .count();
            let (these, others) = rest.split_at(length);
            blocks.push(block(kind, *number, these)?);
            rest = others;
        }
    }
    Ok(blocks)
}

/// What a line begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Bullet,
    Number,
    Quote,
}

impl Kind {
    fn of(line: &str) -> Self {
        let digits =
            line.len() - line.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        if line.starts_with("- ") {
            Self::Bullet
        } else if digits > 0 && line[digits..].starts_with(". ") {
            Self::Number
        } else if line.starts_with("> ") {
            Self::Quote
        } else {
            Self::Plain
        }
    }

    /// A line without what says its kind.
    fn strip(self, line: &str) -> &str {
        match self {
            Self::Plain => line,
            Self::Bullet | Self::Quote => line.get(2..).unwrap_or_default(),
            Self::Number => line.split_once(". ").map_or("", |(_, rest)| rest),
        }
    }
}

fn block(kind: Kind, number: usize, lines: &[(usize, &str)]) -> Result<Block, Fault> {
    let mut texts: Vec<String> = Vec::new();
    for (number, line) in lines {
        refuse(*number, line)?;
        let begins = matches!(kind, Kind::Bullet | Kind::Number) && Kind::of(line) == kind;
        match texts.last_mut().filter(|_| !begins) {
            Some(text) => {
                let more = if Kind::of(line) == kind { kind.strip(line) } else { *line };
                join(text, more.trim());
            }
            None => texts.push(kind.strip(line).trim().to_owned()),
        }
    }
    let mut inlines =
        texts.iter().map(|text| inline(number, text)).collect::<Result<Vec<_>, _>>()?;
    Ok(match kind {
        Kind::Bullet | Kind::Number => {
            Block::List { is_numbered: kind == Kind::Number, items: inlines }
        }
        Kind::Quote => Block::Quote(inlines.pop().unwrap_or_default()),
        Kind::Plain => Block::Paragraph(inlines.pop().unwrap_or_default()),
    })
}

/// What Markdown has and lessons have not.
fn refuse(number: usize, line: &str) -> Result<(), Fault> {
    let start = line.trim_start();
    let is_table = start.starts_with('|') && start.ends_with('|');
    let is_rule = start.len() > 2 && start.chars().all(|letter| matches!(letter, '-' | '=' | '*'));
    if is_table || is_rule || start.starts_with("* ") || start.starts_with("+ ") {
        return fault(number, "tables, rules and bullets other than `- ` are not known here");
    }
    if line.starts_with("    ") && Kind::of(start) != Kind::Plain {
        return fault(number, "lists have one level");
    }
    Ok(())
}

/// Joins lines of a paragraph: with a space, but not between letters of scripts that have none.
fn join(text: &mut String, line: &str) {
    let is_wide = |letter: Option<char>| letter.is_some_and(|letter| letter >= '\u{2E80}');
    if !(is_wide(text.chars().next_back()) && is_wide(line.chars().next())) {
        text.push(' ');
    }
    text.push_str(line);
}

/// Reads a paragraph's text.
fn inline(number: usize, text: &str) -> Result<Vec<Inline>, Fault> {
    let mut found = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let (piece, length) = match letter {
            '`' => {
                let Some((code, _)) = rest[1..].split_once('`') else {
                    return fault(number, "a ` has no partner");
                };
                (Inline::Code(code.to_owned()), code.len() + 2)
            }
            '*' if rest.starts_with("**") => {
                let Some(end) = rest[2..].find("**") else {
                    return fault(number, "a ** has no partner");
                };
                // Of three, the first ends what is stressed inside.
                let end = 2 + end + usize::from(rest[2 + end..].starts_with("***"));
                let inside = &rest[2..end];
                (Inline::Strong(inline(number, inside)?), inside.len() + 4)
            }
            '*' => {
                let Some((inside, _)) = rest[1..].split_once('*') else {
                    return fault(number, "a * has no partner; in code it needs none");
                };
                (Inline::Emphasis(inline(number, inside)?), inside.len() + 2)
            }
            '[' if rest.contains("](") => {
                let (text, behind) = rest[1..].split_once("](").unwrap_or_default();
                let Some((address, _)) = behind.split_once(')') else {
                    return fault(number, "a link has no end");
                };
                if !address.starts_with("https://") {
                    return fault(number, "links lead to https://");
                }
                let length = text.len() + address.len() + 4;
                (Inline::Link(address.to_owned(), inline(number, text)?), length)
            }
            '<' if rest[1..]
                .starts_with(|next: char| next.is_ascii_alphabetic() || next == '/') =>
            {
                return fault(number, "HTML is not known here; put it into `code`");
            }
            '!' if rest.starts_with("![") => return fault(number, "images are not known here"),
            '\\' if rest[1..].starts_with(|next: char| next.is_ascii_punctuation()) => {
                plain.push_str(&rest[1..2]);
                rest = &rest[2..];
                continue;
            }
            other => {
                plain.push(other);
                rest = &rest[other.len_utf8()..];
                continue;
            }
        };
        if !plain.is_empty() {
            found.push(Inline::Text(std::mem::take(&mut plain)));
        }
        found.push(piece);
        rest = &rest[length..];
    }
    if !plain.is_empty() {
        found.push(Inline::Text(plain));
    }
    Ok(found)
}

/// The text of pieces, without what they look like.
pub fn plain(pieces: &[Inline]) -> String {
    let text = |piece: &Inline| match piece {
        Inline::Text(text) | Inline::Code(text) => text.clone(),
        Inline::Strong(inside) | Inline::Emphasis(inside) | Inline::Link(_, inside) => {
            plain(inside)
        }
    };
    pieces.iter().map(text).collect()
}
