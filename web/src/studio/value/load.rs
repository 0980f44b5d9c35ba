//! What is asked about a value, page by page, and what the replies say. Replies may be of either
//! protocol.

use redstart::base::num;
use redstart::resp::Reply;

use crate::studio::keys::browser::integer;
use crate::studio::keys::tree::Kind;

/// A command as words.
type Words = Vec<Vec<u8>>;

/// Bytes of a string in a page.
pub const BYTES_PAGE: u64 = 65_536;

/// Elements of anything else in a page.
pub const PAGE: u64 = 100;

/// The highest place of an array.
const PLACE_MAX: &[u8] = b"18446744073709551614";

/// Entries of a group that were delivered and not acknowledged, that are shown.
const PENDING_MAX: &[u8] = b"50";

/// What is told of every key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// What it holds.
    pub kind: Kind,
    /// In which form.
    pub encoding: String,
    /// Bytes that it takes.
    pub bytes: u64,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

/// Which page of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The index of the first element or byte, where there are indexes.
    pub start: u64,
    /// Where a scan goes on, or the ID of a stream or the place of an array from which on it is shown.
    pub cursor: Vec<u8>,
    /// A pattern for names, where there are names.
    pub pattern: String,
}

/// A page of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Elements or bytes in all.
    pub length: u64,
    /// What is on this page.
    pub part: Part,
    /// Where the next page of a scan begins; `None` on the last page.
    pub next: Option<Vec<u8>>,
}

/// What is on a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Bytes of a string.
    Bytes(Vec<u8>),
    /// Elements of a list.
    Elements(Vec<Vec<u8>>),
    /// Fields of a hash.
    Fields(Vec<Field>),
    /// Members of a set.
    Members(Vec<Vec<u8>>),
    /// Members of a sorted set with their scores as text.
    Scored(Vec<(Vec<u8>, String)>),
    /// Entries of a stream, and its groups.
    Entries(Vec<Entry>, StreamFacts, Vec<Group>),
    /// Values of an array with their places, and what is told of all.
    Placed(Vec<(u64, Vec<u8>)>, ArrayFacts),
    /// A type that this program cannot show.
    Unknown,
}

/// A field of a hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

/// An entry of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its ID.
    pub id: String,
    /// Its fields and their values.
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What XINFO STREAM says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamFacts {
    /// The ID that was given last.
    pub last_id: String,
    /// Entries that were ever added.
    pub added: i64,
    /// Nodes of listpacks.
    pub nodes: i64,
}

/// What ARINFO says of an array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrayFacts {
    /// The number behind the highest place that is taken.
    pub length: u64,
    /// Where ARINSERT puts the next value.
    pub next: u64,
}

/// A group of consumers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: Vec<u8>,
    /// The ID that was delivered last.
    pub last_id: String,
    /// Entries that were not delivered yet, if known.
    pub lag: Option<i64>,
    /// Entries that were delivered and not acknowledged.
    pub pending_count: i64,
    /// Its consumers.
    pub consumers: Vec<Consumer>,
    /// The first of the entries that are pending.
    pub pending: Vec<Pending>,
}

/// A consumer of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Consumer {
    /// Its name.
    pub name: Vec<u8>,
    /// Entries that it has not acknowledged.
    pub pending: i64,
    /// Milliseconds since it last asked.
    pub idle_ms: i64,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// Its ID.
    pub id: String,
    /// Who has it.
    pub consumer: Vec<u8>,
    /// For how many milliseconds.
    pub idle_ms: i64,
    /// How often it was delivered.
    pub deliveries: i64,
}

fn words(words: &[&[u8]]) -> Words {
    words.iter().map(|word| word.to_vec()).collect()
}

/// What to ask about a key, whatever it holds.
pub fn ask_head(key: &[u8]) -> Vec<Words> {
    vec![
        words(&[b"TYPE", key]),
        words(&[b"OBJECT", b"ENCODING", key]),
        words(&[b"MEMORY", b"USAGE", key]),
        words(&[b"PEXPIRETIME", key]),
    ]
}

/// What is told of the key; `None` if there is none.
pub fn read_head(replies: &[Reply]) -> Option<Head> {
    let [kind, encoding, bytes, expiry] = replies else { return None };
    let kind = Kind::named(text(kind)?.as_bytes());
    (kind != Kind::Gone).then(|| Head {
        kind,
        encoding: text(encoding).unwrap_or_default(),
        bytes: integer(bytes).map_or(0, i64::unsigned_abs),
        expires_ms: integer(expiry).filter(|&at_ms| at_ms >= 0),
    })
}

/// What to ask for a page.
pub fn ask_body(kind: Kind, key: &[u8], page: &Page) -> Vec<Words> {
    let number = |number: u64| number.to_string().into_bytes();
    let first = number(page.start);
    let last = number(page.start + PAGE - 1);
    let cursor = if page.cursor.is_empty() { b"0" } else { page.cursor.as_slice() };
    let pattern = match page.pattern.as_str() {
        "" => "*".to_owned(),
        part if part.contains(['*', '?', '[']) => part.to_owned(),
        part => format!("*{part}*"),
    };
    let scan = |command: &[u8]| {
        words(&[command, key, cursor, b"MATCH", pattern.as_bytes(), b"COUNT", &number(PAGE)])
    };
    match kind {
        Kind::String => {
            let last = number(page.start + BYTES_PAGE - 1);
            vec![words(&[b"STRLEN", key]), words(&[b"GETRANGE", key, &first, &last])]
        }
        Kind::List => vec![words(&[b"LLEN", key]), words(&[b"LRANGE", key, &first, &last])],
        Kind::Hash => vec![words(&[b"HLEN", key]), scan(b"HSCAN")],
        Kind::Set => vec![words(&[b"SCARD", key]), scan(b"SSCAN")],
        Kind::Zset => {
            let range = words(&[b"ZRANGE", key, &first, &last, b"WITHSCORES"]);
            vec![words(&[b"ZCARD", key]), range]
        }
        Kind::Stream => {
            let from = if page.cursor.is_empty() { b"-" } else { page.cursor.as_slice() };
            vec![
                words(&[b"XLEN", key]),
                words(&[b"XRANGE", key, from, b"+", b"COUNT", &number(PAGE)]),
                words(&[b"XINFO", b"STREAM", key]),
                words(&[b"XINFO", b"GROUPS", key]),
            ]
        }
        Kind::Array => vec![
            words(&[b"ARCOUNT", key]),
            words(&[b"ARSCAN", key, cursor, PLACE_MAX, b"LIMIT", &number(PAGE)]),
            words(&[b"ARINFO", key]),
        ],
        Kind::Unknown | Kind::Other | Kind::Gone => Vec::new(),
    }
}

/// What the page holds; `None` if the replies are not those of such a value, because it has become
/// another meanwhile.
pub fn read_body(kind: Kind, replies: &[Reply]) -> Option<Body> {
    if let Kind::Unknown | Kind::Other | Kind::Gone = kind {
        return Some(Body { length: 0, part: Part::Unknown, next: None });
    }
    let length = integer(replies.first()?)?.unsigned_abs();
    let content = replies.get(1)?;
    let (next, scanned) = match content {
        Reply::Array(parts) if matches!(kind, Kind::Hash | Kind::Set) => {
            let [Reply::Bulk(cursor), found] = parts.as_slice() else { return None };
            ((cursor != b"0").then(|| cursor.clone()), found)
        }
        _ => (None, content),
    };
    let part = match kind {
        Kind::String => Part::Bytes(bytes(content)?),
        Kind::List => Part::Elements(all_bytes(content)?),
        Kind::Set => Part::Members(all_bytes(scanned)?),
        Kind::Hash => {
            let field = |(name, value): (&Reply, &Reply)| {
                Some(Field { name: bytes(name)?, value: bytes(value)?, expires_ms: None })
            };
            Part::Fields(pairs(scanned)?.into_iter().map(field).collect::<Option<_>>()?)
        }
        Kind::Zset => {
            let scored = |(member, score): (&Reply, &Reply)| Some((bytes(member)?, text(score)?));
            Part::Scored(pairs(content)?.into_iter().map(scored).collect::<Option<_>>()?)
        }
        Kind::Array => {
            let placed = elements(content)?.iter().map(read_placed).collect::<Option<_>>()?;
            Part::Placed(placed, read_array_facts(replies.get(2)?))
        }
        Kind::Stream | Kind::Unknown | Kind::Other | Kind::Gone => {
            let entries = elements(content)?.iter().map(read_entry).collect::<Option<Vec<_>>>()?;
            let groups = elements(replies.get(3)?)?.iter().map(read_group);
            Part::Entries(entries, read_facts(replies.get(2)?), groups.collect())
        }
    };
    let mut body = Body { length, part, next };
    if let Part::Entries(entries, ..) = &body.part
        && entries.len() as u64 == PAGE
        && let Some(last) = entries.last()
    {
        body.next = Some(format!("({}", last.id).into_bytes());
    }
    if let Part::Placed(placed, facts) = &body.part
        && placed.len() as u64 == PAGE
        && let Some((last, _)) = placed.last()
        && last + 1 < facts.length
    {
        body.next = Some((last + 1).to_string().into_bytes());
    }
    Some(body)
}

/// What is to be asked besides, once a page is there.
pub fn ask_more(key: &[u8], body: &Body) -> Vec<Words> {
    match &body.part {
        Part::Fields(fields) if !fields.is_empty() => {
            let count = fields.len().to_string().into_bytes();
            let mut command = words(&[b"HPEXPIRETIME", key, b"FIELDS", &count]);
            command.extend(fields.iter().map(|field| field.name.clone()));
            vec![command]
        }
        Part::Entries(_, _, groups) => {
            let both = |group: &Group| {
                [
                    words(&[b"XINFO", b"CONSUMERS", key, &group.name]),
                    words(&[b"XPENDING", key, &group.name, b"-", b"+", PENDING_MAX]),
                ]
            };
            groups.iter().flat_map(both).collect()
        }
        _ => Vec::new(),
    }
}

/// Takes the replies to it.
pub fn read_more(body: &mut Body, replies: &[Reply]) {
    match &mut body.part {
        Part::Fields(fields) => {
            let times = replies.first().and_then(elements).unwrap_or_default();
            for (field, at_ms) in fields.iter_mut().zip(times) {
                field.expires_ms = integer(at_ms).filter(|&at_ms| at_ms >= 0);
            }
        }
        Part::Entries(_, _, groups) => {
            for (group, replies) in groups.iter_mut().zip(replies.chunks(2)) {
                let [consumers, pending] = replies else { continue };
                let consumers = elements(consumers).unwrap_or_default();
                group.consumers = consumers.iter().filter_map(read_consumer).collect();
                let pending = elements(pending).unwrap_or_default();
                group.pending = pending.iter().filter_map(read_pending).collect();
            }
        }
        _ => {}
    }
}

fn read_entry(reply: &Reply) -> Option<Entry> {
    let [id, fields] = elements(reply)? else { return None };
    let both = |(name, value): (&Reply, &Reply)| Some((bytes(name)?, bytes(value)?));
    let pairs = pairs(fields)?.into_iter().map(both).collect::<Option<_>>()?;
    Some(Entry { id: text(id)?, pairs })
}

fn read_facts(reply: &Reply) -> StreamFacts {
    StreamFacts {
        last_id: named(reply, "last-generated-id").and_then(text).unwrap_or_default(),
        added: named(reply, "entries-added").and_then(integer).unwrap_or(0),
        nodes: named(reply, "radix-tree-keys").and_then(integer).unwrap_or(0),
    }
}

fn read_placed(reply: &Reply) -> Option<(u64, Vec<u8>)> {
    let [place, value] = elements(reply)? else { return None };
    Some((whole(place)?, bytes(value)?))
}

fn read_array_facts(reply: &Reply) -> ArrayFacts {
    let fact = |name| named(reply, name).and_then(whole).unwrap_or(0);
    ArrayFacts { length: fact("len"), next: fact("next-insert-index") }
}

fn read_group(reply: &Reply) -> Group {
    Group {
        name: named(reply, "name").and_then(bytes).unwrap_or_default(),
        last_id: named(reply, "last-delivered-id").and_then(text).unwrap_or_default(),
        lag: named(reply, "lag").and_then(integer),
        pending_count: named(reply, "pending").and_then(integer).unwrap_or(0),
        ..Group::default()
    }
}

fn read_consumer(reply: &Reply) -> Option<Consumer> {
    Some(Consumer {
        name: named(reply, "name").and_then(bytes)?,
        pending: named(reply, "pending").and_then(integer)?,
        idle_ms: named(reply, "idle").and_then(integer)?,
    })
}

fn read_pending(reply: &Reply) -> Option<Pending> {
    let [id, consumer, idle, count] = elements(reply)? else { return None };
    let (idle_ms, deliveries) = (integer(idle)?, integer(count)?);
    Some(Pending { id: text(id)?, consumer: bytes(consumer)?, idle_ms, deliveries })
}

/// The elements of an array or of a set.
pub fn elements(reply: &Reply) -> Option<&[Reply]> {
    match reply {
        Reply::Array(elements) | Reply::Set(elements) => Some(elements),
        _ => None,
    }
}

/// Names and values, whether they come as a map, as pairs, or one after the other.
pub fn pairs(reply: &Reply) -> Option<Vec<(&Reply, &Reply)>> {
    if let Reply::Map(pairs) = reply {
        return Some(pairs.iter().map(|(name, value)| (name, value)).collect());
    }
    let all = elements(reply)?;
    let pair = |reply| match elements(reply) {
        Some([name, value]) => Some((name, value)),
        _ => None,
    };
    match all.first() {
        Some(Reply::Array(_)) => all.iter().map(pair).collect(),
        _ => Some(all.as_chunks::<2>().0.iter().map(|[name, value]| (name, value)).collect()),
    }
}

/// The value under a name.
pub fn named<'a>(reply: &'a Reply, name: &str) -> Option<&'a Reply> {
    let is_it = |other: &Reply| bytes(other).is_some_and(|other| other == name.as_bytes());
    pairs(reply)?.into_iter().find(|(other, _)| is_it(other)).map(|(_, value)| value)
}

/// The bytes of a string.
pub fn bytes(reply: &Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Bulk(bytes) | Reply::Simple(bytes) | Reply::Verbatim(bytes) => Some(bytes.clone()),
        Reply::Double(text) | Reply::BigNumber(text) => Some(text.clone()),
        Reply::Int(number) => Some(num::Digits::of(*number).to_vec()),
        _ => None,
    }
}

/// A number that may be too large for a reply's integers, and then comes as a string.
fn whole(reply: &Reply) -> Option<u64> {
    text(reply)?.parse().ok()
}

fn all_bytes(reply: &Reply) -> Option<Vec<Vec<u8>>> {
    elements(reply)?.iter().map(bytes).collect()
}

/// A string as text.
pub fn text(reply: &Reply) -> Option<String> {
    bytes(reply).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    /// A page of `k`, as a view asks for it.
    fn page(server: &mut Server, page: &Page) -> (Head, Body) {
        let head = read_head(&server.all(&ask_head(b"k"))).unwrap();
        let replies = server.all(&ask_body(head.kind, b"k", page));
        let mut body = read_body(head.kind, &replies).unwrap();
        let more = server.all(&ask_more(b"k", &body));
        read_more(&mut body, &more);
        (head, body)
    }

    /// The first page of what a line makes of `k`, which must be the same in both protocols.
    fn first(server: &mut Server, line: &str) -> (Head, Body) {
        server.run("HELLO 2");
        server.run("DEL k");
        server.run(line);
        let two = page(server, &Page::default());
        server.run("HELLO 3");
        let three = page(server, &Page::default());
        assert_eq!(two, three, "{line}");
        three
    }

    #[test]
    fn values_of_every_type_are_read() {
        let mut server = Server::new();
        let (head, body) = first(&mut server, "SET k hello EXAT 9999999999");
        assert_eq!((head.kind, head.encoding.as_str()), (Kind::String, "embstr"));
        assert_eq!(head.expires_ms, Some(9_999_999_999_000));
        assert!(head.bytes > 0);
        assert_eq!(body, Body { length: 5, part: Part::Bytes(b"hello".to_vec()), next: None });
        let (_, body) = first(&mut server, "RPUSH k a b");
        assert_eq!(body.part, Part::Elements(vec![b"a".to_vec(), b"b".to_vec()]));
        let (_, body) = first(&mut server, "SADD k a");
        assert_eq!(body.part, Part::Members(vec![b"a".to_vec()]));
        let (_, body) = first(&mut server, "ZADD k 1.5 a 2 b");
        let scored = vec![(b"a".to_vec(), "1.5".to_owned()), (b"b".to_vec(), "2".to_owned())];
        assert_eq!(body.part, Part::Scored(scored));
        let (head, body) = first(&mut server, "ARMSET k 3 a 5000 b");
        assert_eq!((head.kind, head.encoding.as_str()), (Kind::Array, "sliced-array"));
        let placed = vec![(3, b"a".to_vec()), (5000, b"b".to_vec())];
        assert_eq!(body.part, Part::Placed(placed, ArrayFacts { length: 5001, next: 0 }));
        assert_eq!((body.length, body.next), (2, None));
        let (_, body) = first(&mut server, "HSETEX k EXAT 9999999999 FIELDS 1 f v");
        let field = Field {
            name: b"f".to_vec(),
            value: b"v".to_vec(),
            expires_ms: Some(9_999_999_999_000),
        };
        assert_eq!(body.part, Part::Fields(vec![field]));
        assert_eq!(read_head(&server.all(&ask_head(b"nosuch"))), None);
    }

    #[test]
    fn a_stream_comes_with_its_groups() {
        let mut server = Server::new();
        first(&mut server, "XADD k 1-1 f v g w");
        server.run("XADD k 2-1 f v");
        server.run("XGROUP CREATE k g 0");
        server.run("XREADGROUP GROUP g ann COUNT 1 STREAMS k >");
        let (_, body) = page(&mut server, &Page::default());
        let Part::Entries(entries, facts, groups) = body.part else { panic!("no stream") };
        assert_eq!(entries[0].id, "1-1");
        assert_eq!(entries[0].pairs[1], (b"g".to_vec(), b"w".to_vec()));
        assert_eq!((facts.last_id.as_str(), facts.added, facts.nodes), ("2-1", 2, 1));
        let group = groups.first().unwrap();
        assert_eq!((group.lag, group.pending_count), (Some(1), 1));
        assert_eq!(group.consumers[0].name, b"ann");
        assert_eq!((group.pending[0].id.as_str(), group.pending[0].deliveries), ("1-1", 1));
    }

    #[test]
    fn long_values_come_in_pages() {
        let mut server = Server::new();
        for number in 0..250 {
            server.run(&format!("RPUSH k e{number}"));
        }
        let at = |start: u64| Page { start, ..Page::default() };
        let (_, body) = page(&mut server, &at(200));
        let Part::Elements(elements) = &body.part else { panic!("no list") };
        assert_eq!((body.length, elements.len()), (250, 50));
        assert_eq!(elements[0], b"e200");
        server.run("DEL k");
        for number in 1..=250 {
            server.run(&format!("XADD k {number}-1 f v"));
        }
        let (mut seen, mut next) = (0, Some(Vec::new()));
        while let Some(cursor) = next {
            let (_, body) = page(&mut server, &Page { cursor, ..Page::default() });
            let Part::Entries(entries, ..) = &body.part else { panic!("no stream") };
            seen += entries.len();
            next = body.next;
        }
        assert_eq!(seen, 250);
        server.run("DEL k");
        for number in 0..250_u64 {
            server.run(&format!("ARSET k {} v", u64::MAX - 1 - number * 1000));
        }
        let (mut seen, mut next) = (0, Some(Vec::new()));
        while let Some(cursor) = next {
            let (_, body) = page(&mut server, &Page { cursor, ..Page::default() });
            let Part::Placed(placed, _) = &body.part else { panic!("no array") };
            seen += placed.len();
            next = body.next;
        }
        assert_eq!(seen, 250);
        server.run("DEL k");
        for number in 0..1000 {
            server.run(&format!("HSET k field:{number} v"));
        }
        let (mut seen, mut next) = (0, Some(Vec::new()));
        while let Some(cursor) = next {
            let pattern = ":9".to_owned();
            let (_, body) = page(&mut server, &Page { cursor, pattern, ..Page::default() });
            let Part::Fields(fields) = &body.part else { panic!("no hash") };
            seen += fields.len();
            next = body.next;
        }
        assert_eq!(seen, 111);
    }

    #[test]
    fn a_value_that_has_become_another_is_not_read() {
        let mut server = Server::new();
        server.run("RPUSH k a");
        let replies = server.all(&ask_body(Kind::Hash, b"k", &Page::default()));
        assert_eq!(read_body(Kind::Hash, &replies), None);
        assert_eq!(read_body(Kind::Other, &[]).map(|body| body.part), Some(Part::Unknown));
    }
}
