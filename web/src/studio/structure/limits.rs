//! When a value turns into another encoding: the settings that decide it, and how near a value is.

use redstart::ds::array::PACK_BYTES_MAX;
use redstart::ds::{hash, quicklist, set, zset};
use redstart::persist::rdb::Forms;
use redstart::resp::Reply;

use crate::studio::keys::browser::integer;

/// Strings up to this length lie beside their key, as Redis names it `embstr`.
pub const EMBSTR_BYTES_MAX: u64 = 44;

/// A hash function's key: what is drawn does not depend on it.
const HASH_KEY: [u64; 2] = [1, 2];

/// What a server's settings say of encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    hash_entries: u64,
    hash_value: u64,
    set_ints: u64,
    set_entries: u64,
    set_value: u64,
    zset_entries: u64,
    zset_value: u64,
    /// A count, or −1 to −5 for 4 to 64 kB.
    list_size: i64,
    stream_bytes: u64,
    stream_entries: u64,
    hll_sparse_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_entries: 512,
            hash_value: 64,
            set_ints: 512,
            set_entries: 128,
            set_value: 64,
            zset_entries: 128,
            zset_value: 64,
            list_size: -2,
            stream_bytes: 4096,
            stream_entries: 100,
            hll_sparse_bytes: 3000,
        }
    }
}

/// How far a value is from a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The setting that says where the bound is; `None` if it is fixed.
    pub setting: Option<&'static str>,
    /// What is counted.
    pub what: Counted,
    /// How many there are.
    pub now: u64,
    /// How many there can be.
    pub most: u64,
    /// What it turns into with more.
    pub then: Then,
}

/// What a bound is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Elements, fields or members.
    Elements,
    /// Bytes of the longest of them.
    LongestBytes,
    /// Bytes in all.
    Bytes,
    /// Bytes of the last node or block.
    NodeBytes,
    /// Entries of the last block.
    BlockEntries,
}

/// What comes behind a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Another encoding, as OBJECT ENCODING names it.
    Encoding(&'static str),
    /// One more node of the same kind.
    NewNode,
    /// Values that lie each on its own.
    Apart,
}

/// What is known of a value, to be compared with the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Elements, fields or members.
    pub elements: u64,
    /// Bytes of the longest.
    pub longest: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes of the last node.
    pub last_bytes: u64,
    /// Entries of the last node.
    pub last_entries: u64,
}

impl Limits {
    /// What to ask the server for.
    pub const COMMAND: [&str; 13] = [
        "CONFIG",
        "GET",
        "hash-max-listpack-entries",
        "hash-max-listpack-value",
        "set-max-intset-entries",
        "set-max-listpack-entries",
        "set-max-listpack-value",
        "zset-max-listpack-entries",
        "zset-max-listpack-value",
        "list-max-listpack-size",
        "stream-node-max-bytes",
        "stream-node-max-entries",
        "hll-sparse-max-bytes",
    ];

    /// What CONFIG GET replied; the defaults where it did not.
    pub fn of(reply: &Reply) -> Self {
        let mut limits = Self::default();
        let mut set = |name: &Reply, value: &Reply| {
            let (Reply::Bulk(name), Some(value)) = (name, integer(value)) else { return };
            limits.set(name, value);
        };
        match reply {
            Reply::Map(pairs) => pairs.iter().for_each(|(name, value)| set(name, value)),
            Reply::Array(flat) => {
                flat.as_chunks::<2>().0.iter().for_each(|[name, value]| set(name, value));
            }
            _ => {}
        }
        limits
    }

    fn set(&mut self, name: &[u8], value: i64) {
        let unsigned = value.unsigned_abs();
        match name {
            b"hash-max-listpack-entries" => self.hash_entries = unsigned,
            b"hash-max-listpack-value" => self.hash_value = unsigned,
            b"set-max-intset-entries" => self.set_ints = unsigned,
            b"set-max-listpack-entries" => self.set_entries = unsigned,
            b"set-max-listpack-value" => self.set_value = unsigned,
            b"zset-max-listpack-entries" => self.zset_entries = unsigned,
            b"zset-max-listpack-value" => self.zset_value = unsigned,
            b"list-max-listpack-size" => self.list_size = value,
            b"stream-node-max-bytes" => self.stream_bytes = unsigned,
            b"stream-node-max-entries" => self.stream_entries = unsigned,
            b"hll-sparse-max-bytes" => self.hll_sparse_bytes = unsigned,
            _ => {}
        }
    }

    /// How values are made from what DUMP gives, so that they have the server's encodings.
    pub fn forms(&self) -> Forms {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Forms {
            list: quicklist::Limits {
                fill: i32::try_from(self.list_size).unwrap_or(-2),
                plain_from: None,
            },
            set: set::Limits {
                intset_entries: size(self.set_ints),
                listpack_entries: size(self.set_entries),
                listpack_value: size(self.set_value),
                hash_key: HASH_KEY,
            },
            zset: zset::Limits {
                entries_max: size(self.zset_entries),
                member_bytes_max: size(self.zset_value),
                hash_key: HASH_KEY,
            },
            hash: hash::Limits {
                entries: size(self.hash_entries),
                value: size(self.hash_value),
                hash_key: HASH_KEY,
            },
            array_slice_places: 4096,
            any_version: true,
            checked: true,
        }
    }

    /// The bounds of a value of this type in this encoding; none if there is no way on from it.
    pub fn thresholds(&self, kind: &str, encoding: &str, measure: Measure) -> Vec<Threshold> {
        use Counted::{BlockEntries, Bytes, Elements, LongestBytes, NodeBytes};
        let bound = |setting: &'static str, what: Counted, most: u64, then: Then| {
            let now = match what {
                Elements => measure.elements,
                LongestBytes => measure.longest,
                Bytes => measure.bytes,
                NodeBytes => measure.last_bytes,
                BlockEntries => measure.last_entries,
            };
            let setting = (!setting.is_empty()).then_some(setting);
            Threshold { setting, what, now, most, then }
        };
        let table = Then::Encoding("hashtable");
        match (kind, encoding) {
            ("string", "embstr") => {
                vec![bound("", Bytes, EMBSTR_BYTES_MAX, Then::Encoding("raw"))]
            }
            ("hll", "sparse") => vec![bound(
                "hll-sparse-max-bytes",
                Bytes,
                self.hll_sparse_bytes,
                Then::Encoding("dense"),
            )],
            ("hash", "listpack" | "listpackex") => vec![
                bound("hash-max-listpack-entries", Elements, self.hash_entries, table),
                bound("hash-max-listpack-value", LongestBytes, self.hash_value, table),
            ],
            ("set", "intset") => {
                vec![bound("set-max-intset-entries", Elements, self.set_ints, table)]
            }
            ("set", "listpack") => vec![
                bound("set-max-listpack-entries", Elements, self.set_entries, table),
                bound("set-max-listpack-value", LongestBytes, self.set_value, table),
            ],
            ("zset", "listpack") => {
                let tree = Then::Encoding("skiplist");
                vec![
                    bound("zset-max-listpack-entries", Elements, self.zset_entries, tree),
                    bound("zset-max-listpack-value", LongestBytes, self.zset_value, tree),
                ]
            }
            ("list", "listpack" | "quicklist") => {
                let is_listpack = encoding == "listpack";
                let then = if is_listpack { Then::Encoding("quicklist") } else { Then::NewNode };
                let (what, most) = match usize::try_from(self.list_size) {
                    Ok(count) => (BlockEntries, count as u64),
                    // −1 is 4 kB, and each step doubles it.
                    Err(_) => (NodeBytes, 2048 << self.list_size.unsigned_abs().min(5)),
                };
                vec![bound("list-max-listpack-size", what, most, then)]
            }
            ("array", _) => vec![bound("", NodeBytes, PACK_BYTES_MAX as u64, Then::Apart)],
            ("stream", _) => {
                let bytes =
                    bound("stream-node-max-bytes", NodeBytes, self.stream_bytes, Then::NewNode);
                let entries = bound(
                    "stream-node-max-entries",
                    BlockEntries,
                    self.stream_entries,
                    Then::NewNode,
                );
                // Zero is no bound.
                [bytes, entries].into_iter().filter(|bound| bound.most > 0).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    #[test]
    fn the_defaults_are_the_servers() {
        let mut server = Server::new();
        let reply = server.run(&Limits::COMMAND.join(" "));
        assert_eq!(Limits::of(&reply), Limits::default());
        server.run("CONFIG SET zset-max-listpack-entries 7 list-max-listpack-size 3");
        let limits = Limits::of(&server.run(&Limits::COMMAND.join(" ")));
        assert_eq!((limits.zset_entries, limits.list_size), (7, 3));
        assert_eq!(Limits::of(&Reply::Error(b"NOPERM".to_vec())), Limits::default());
    }

    /// A value grows to a bound that is told, and one step beyond: there it turns.
    #[test]
    fn a_value_turns_where_it_is_said_to() {
        let mut server = Server::new();
        let limits = Limits::default();
        let mut grows = |kind: &str, from: &str, add: &dyn Fn(u64) -> String| {
            server.run("FLUSHALL");
            server.run(&add(0));
            let of = |server: &mut Server| match server.run("OBJECT ENCODING k") {
                Reply::Bulk(name) => String::from_utf8(name).unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!(of(&mut server), from);
            let bounds = limits.thresholds(kind, from, Measure::default());
            let bound = bounds.first().unwrap();
            (1..bound.most).for_each(|number| drop(server.run(&add(number))));
            assert_eq!(of(&mut server), from, "{bound:?}");
            server.run(&add(bound.most));
            assert_eq!(Then::Encoding(of(&mut server).leak()), bound.then);
        };
        grows("hash", "listpack", &|number| format!("HSET k f{number} v"));
        grows("set", "listpack", &|number| format!("SADD k m{number}"));
        grows("set", "intset", &|number| format!("SADD k {number}"));
        grows("zset", "listpack", &|number| format!("ZADD k 1 m{number}"));
        grows("string", "embstr", &|number| {
            format!("SET k {}", "x".repeat(number as usize + usize::from(number > 0)))
                .replace("SET k ", if number == 0 { "SET k x" } else { "SET k " })
        });
    }

    #[test]
    fn a_list_is_bound_by_count_or_by_bytes() {
        let of = |list_size: i64| {
            let limits = Limits { list_size, ..Limits::default() };
            let bound = limits.thresholds("list", "quicklist", Measure::default())[0];
            (bound.what, bound.most)
        };
        assert_eq!(of(-1), (Counted::NodeBytes, 4096));
        assert_eq!(of(-2), (Counted::NodeBytes, 8192));
        assert_eq!(of(-5), (Counted::NodeBytes, 65_536));
        assert_eq!(of(100), (Counted::BlockEntries, 100));
    }
}
