//! What declarations say to people: what commands do and cost, since when, and examples.
//!
//! Programs do not need it, and it is a good part of all that the declarations take. So it is packed
//! apart ([`pack`](super::pack)), in one piece that a program has linked or is given when somebody wants
//! to read, from a file, say. Such a file may be an older one, or none at all: what is not exactly the
//! piece that belongs to the table is refused by its fingerprint, and then a command is described by
//! what else is known of it.

use super::Command;
use super::pack::END;
use super::table::{Entry, Table};

/// What a declaration says to people. A text is empty if it is not known, or there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Description<'t> {
    /// One sentence that says what the command does.
    pub summary: &'t str,
    /// The Redis version that brought it.
    pub since: &'t str,
    /// Its cost, in big-O notation.
    pub complexity: &'t str,
    /// A transcript that shows it at work.
    pub example: &'t str,
    /// The version that deprecated it, and what to use now, if it is deprecated.
    pub deprecated: Option<(&'t str, &'t str)>,
}

/// The version that brought HELP to most containers, unless the container is younger.
const HELP_SINCE: &str = "5.0.0";

/// What tells one piece of descriptions from others (FNV-1a). O(bytes).
pub(super) const fn fingerprint(bytes: &[u8]) -> u32 {
    let (mut rest, mut hash) = (bytes, 0x811c_9dc5_u32);
    while let [first, others @ ..] = rest {
        hash = (hash ^ *first as u32).wrapping_mul(0x0100_0193);
        rest = others;
    }
    hash
}

impl<H: Copy> Table<H> {
    /// Whether `bytes` are the descriptions of these commands. O(bytes).
    pub fn is_described_by(&self, bytes: &[u8]) -> bool {
        fingerprint(bytes) == self.fingerprint
    }

    /// The descriptions of all commands, in the order of [`entries`](Table::entries). If `descriptions`
    /// are not theirs, they say no more than what is linked anyway. O(bytes).
    pub fn describe<'t>(&self, descriptions: &'t [u8]) -> Vec<Description<'t>> {
        let known = if self.is_described_by(descriptions) { descriptions } else { &[] };
        let mut texts = std::str::from_utf8(known).unwrap_or_default().split(char::from(END));
        let mut text = || texts.next().unwrap_or_default();
        let mut container_since = "";
        let describe = |entry: &Entry<H>| {
            let Command { summary, complexity, example, deprecated, .. } = *entry.command;
            // HELP of a container, which the table has made, is not packed.
            if !summary.is_empty() {
                let since = match container_since {
                    "" => "",
                    since => since.max(HELP_SINCE),
                };
                return Description { summary, since, complexity, example, deprecated };
            }
            let told = Description {
                summary: text(),
                since: text(),
                complexity: if complexity.is_empty() { text() } else { complexity },
                example: text(),
                deprecated: deprecated.map(|_| (text(), text())),
            };
            if !entry.is_sub() {
                container_since = told.since;
            }
            told
        };
        self.entries().iter().map(describe).collect()
    }
}
