//! The data at one moment, as lines for people, and what two moments differ in.

use std::collections::BTreeMap;

use redstart::resp::Reply;

use crate::studio::keys::tree::Kind;
use crate::studio::value::load::{self, Body, Page, Part};
use crate::studio::value::text::brief;

/// Keys that are looked at; a timeline is for trying things out.
pub const KEYS_MAX: usize = 300;

/// Letters of a line.
const LINE_MAX: usize = 120;

/// Lines of a value.
const LINES_MAX: usize = 60;

/// A key at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The type's name.
    pub kind: String,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// What it holds, a line for each part.
    pub lines: Vec<String>,
}

/// All keys at one moment.
pub type Moment = BTreeMap<Vec<u8>, Item>;

/// What a step has done to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Vec<u8>,
    /// What it was and is.
    pub what: What,
    /// Lines that are gone, that have come, and some that have stayed, in their order.
    pub lines: Vec<(Side, String)>,
}

/// What has happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Made,
    /// It is gone.
    Gone,
    /// It holds something else.
    Changed,
    /// Only its expiry is another one.
    Expiry(Option<i64>),
}

/// Whether a line was there before, is there now, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Only before.
    Before,
    /// Only now.
    Now,
    /// Both.
    Both,
}

/// The item that replies tell of: to [`load::ask_head`], and to [`load::ask_body`] for the first page.
pub fn item(head: &[Reply], body: impl FnOnce(Kind) -> Option<Body>) -> Option<Item> {
    let head = load::read_head(head)?;
    let lines = body(head.kind).map(|body| lines(&body)).unwrap_or_default();
    Some(Item { kind: head.kind.name().to_owned(), expires_ms: head.expires_ms, lines })
}

/// The first page of a value, to be read with [`load::read_body`].
pub fn first_page() -> Page {
    Page::default()
}

/// A value as lines.
fn lines(body: &Body) -> Vec<String> {
    let text = |bytes: &[u8]| brief(bytes, LINE_MAX);
    let both = |name: &[u8], value: &[u8]| format!("{} = {}", text(name), text(value));
    let mut lines: Vec<String> = match &body.part {
        Part::Bytes(bytes) => vec![text(bytes)],
        Part::Elements(elements) => elements.iter().map(|it| text(it)).collect(),
        Part::Members(members) => {
            let mut lines: Vec<String> = members.iter().map(|it| text(it)).collect();
            lines.sort();
            lines
        }
        Part::Fields(fields) => fields.iter().map(|it| both(&it.name, &it.value)).collect(),
        Part::Scored(scored) => {
            scored.iter().map(|(member, score)| format!("{score} {}", text(member))).collect()
        }
        Part::Entries(entries, ..) => {
            let pairs = |pairs: &[(Vec<u8>, Vec<u8>)]| {
                pairs.iter().map(|(name, value)| both(name, value)).collect::<Vec<_>>().join(", ")
            };
            entries.iter().map(|entry| format!("{}: {}", entry.id, pairs(&entry.pairs))).collect()
        }
        Part::Placed(placed, _) => {
            placed.iter().map(|(place, value)| format!("{place}: {}", text(value))).collect()
        }
        Part::Unknown => Vec::new(),
    };
    lines.truncate(LINES_MAX);
    lines
}

/// The keys in a reply to SCAN of everything.
pub fn keys(reply: &Reply) -> Vec<Vec<u8>> {
    let found = load::elements(reply).and_then(|parts| load::elements(parts.get(1)?));
    let mut keys: Vec<_> = found.unwrap_or_default().iter().filter_map(load::bytes).collect();
    keys.sort();
    keys.truncate(KEYS_MAX);
    keys
}

/// What has changed from one moment to another.
pub fn changes(before: &Moment, now: &Moment) -> Vec<Change> {
    let mut keys: Vec<&Vec<u8>> = before.keys().chain(now.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter().filter_map(|key| change(key, before.get(key), now.get(key))).collect()
}

fn change(key: &[u8], before: Option<&Item>, now: Option<&Item>) -> Option<Change> {
    let what = match (before, now) {
        (None, None) => return None,
        (None, Some(_)) => What::Made,
        (Some(_), None) => What::Gone,
        (Some(old), Some(new)) if old == new => return None,
        (Some(old), Some(new)) if old.lines == new.lines && old.kind == new.kind => {
            What::Expiry(new.expires_ms)
        }
        (Some(_), Some(_)) => What::Changed,
    };
    let lines_of = |item: Option<&Item>| item.map(|item| item.lines.clone()).unwrap_or_default();
    let lines = match what {
        What::Expiry(_) => Vec::new(),
        _ => compare(&lines_of(before), &lines_of(now)),
    };
    Some(Change { key: key.to_vec(), what, lines })
}

/// What two rows of lines have in common and what not: their longest common subsequence. Costs
/// O(lines²), and there are few.
fn compare(before: &[String], now: &[String]) -> Vec<(Side, String)> {
    let mut common = vec![vec![0u32; now.len() + 1]; before.len() + 1];
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in now.iter().enumerate().rev() {
            common[i][j] = if old == new {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    loop {
        match (before.get(i), now.get(j)) {
            (Some(old), Some(new)) if old == new => {
                lines.push((Side::Both, old.clone()));
                (i, j) = (i + 1, j + 1);
            }
            (Some(old), new) if new.is_none() || common[i + 1][j] >= common[i][j + 1] => {
                lines.push((Side::Before, old.clone()));
                i += 1;
            }
            (_, Some(new)) => {
                lines.push((Side::Now, new.clone()));
                j += 1;
            }
            _ => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    fn moment(server: &mut Server) -> Moment {
        let mut moment = Moment::new();
        for key in keys(&server.run("SCAN 0 COUNT 1000")) {
            let head = server.all(&load::ask_head(&key));
            let item = item(&head, |kind| {
                let replies = server.all(&load::ask_body(kind, &key, &first_page()));
                load::read_body(kind, &replies)
            });
            moment.insert(key, item.unwrap());
        }
        moment
    }

    /// What a line changes, as text.
    fn changed(server: &mut Server, line: &str) -> Vec<String> {
        let before = moment(server);
        server.run(line);
        let text = |change: Change| {
            let sign = |side: Side| match side {
                Side::Before => '-',
                Side::Now => '+',
                Side::Both => ' ',
            };
            let lines: Vec<String> =
                change.lines.iter().map(|(side, text)| format!("{}{text}", sign(*side))).collect();
            format!(
                "{} {:?} {}",
                String::from_utf8_lossy(&change.key),
                change.what,
                lines.join("|")
            )
        };
        changes(&before, &moment(server)).into_iter().map(text).collect()
    }

    #[test]
    fn each_command_changes_what_it_says() {
        let mut server = Server::new();
        let mut of = |line: &str| changed(&mut server, line);
        assert_eq!(of("SET a 1"), ["a Made +1"]);
        assert_eq!(of("INCR a"), ["a Changed -1|+2"]);
        assert_eq!(of("GET a"), Vec::<String>::new());
        assert_eq!(of("RPUSH l x y z"), ["l Made +x|+y|+z"]);
        assert_eq!(of("LREM l 1 y"), ["l Changed  x|-y| z"]);
        assert_eq!(of("HSET h f 1 g 2"), ["h Made +f = 1|+g = 2"]);
        assert_eq!(of("HSET h f 3"), ["h Changed -f = 1|+f = 3| g = 2"]);
        assert_eq!(of("ZADD z 1 a 2 b"), ["z Made +1 a|+2 b"]);
        assert_eq!(of("ZADD z 3 a"), ["z Changed -1 a| 2 b|+3 a"]);
        assert_eq!(of("SADD s a"), ["s Made +a"]);
        assert_eq!(of("XADD x 1-1 f v"), ["x Made +1-1: f = v"]);
        assert_eq!(of("RENAME s t"), ["s Gone -a", "t Made +a"]);
        let expiry = of("EXPIREAT a 9999999999");
        assert_eq!(expiry, ["a Expiry(Some(9999999999000)) "]);
        assert_eq!(
            of("DEL l h z x t"),
            [
                "h Gone -f = 3|-g = 2",
                "l Gone -x|-z",
                "t Gone -a",
                "x Gone -1-1: f = v",
                "z Gone -2 b|-3 a"
            ]
        );
    }
}
