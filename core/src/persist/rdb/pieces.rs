//! Writing a large value piece by piece.
//!
//! Head and lengths first, then some nodes or elements at a time. What a table holds can change
//! meanwhile, so its number of elements is what it was at the beginning, and its
//! [walk](crate::store::walk) shows as many.

use super::{Usage, Writer, kind};
use crate::ds::Set;
use crate::ds::stream::StreamId;
use crate::store::walk::{BLOCK_BYTES, Head, Kept, Live};
use crate::store::{Value, ValueRef};

/// Longer strings are not compressed, because that cannot be interrupted, in bytes.
const COMPRESSED_BYTES_MAX: usize = 512 * 1024;
/// Elements of a piece.
const ELEMENTS_AT_ONCE: usize = 64;

/// How far a value is.
#[derive(Clone, Copy, Debug)]
pub enum Cutting {
    /// A string, up to this byte of so many.
    String(usize, usize),
    /// The table of a set, a hash without expiries or a sorted set, which knows by itself.
    Table,
    /// The table of a hash whose fields do not expire before this time.
    Expiring(i64),
    /// A list, up to this node.
    List(usize),
    /// A stream, up to this node.
    Stream(Option<StreamId>),
}

impl Writer {
    /// Begins to write `value`. What a table holds is what `live` says.
    pub fn begin_large(
        &mut self,
        head: &Head,
        value: ValueRef<'_>,
        live: Option<Live>,
        usage: Usage,
    ) -> Cutting {
        let len = live.map_or(0, |live| live.len);
        let first_due_ms = live.and_then(|live| live.first_due_ms);
        let (kind, cutting) = match value {
            ValueRef::Int(_) | ValueRef::Str { .. } => (kind::STRING, Cutting::String(0, len)),
            ValueRef::List(_) => (kind::LIST_QUICKLIST_2, Cutting::List(0)),
            ValueRef::Stream(_) => (kind::STREAM_2, Cutting::Stream(None)),
            ValueRef::Set(_) => (kind::SET, Cutting::Table),
            ValueRef::SortedSet(_) => (kind::ZSET_2, Cutting::Table),
            ValueRef::Hash(_) => match first_due_ms {
                Some(first_ms) => (kind::HASH_METADATA, Cutting::Expiring(first_ms)),
                None => (kind::HASH, Cutting::Table),
            },
        };
        self.before_key(head.expires_ms, usage);
        self.bytes.push(kind);
        self.string(&head.key);
        match value {
            ValueRef::Int(_) | ValueRef::Str { .. } => {}
            ValueRef::List(list) => self.length(list.nodes_len() as u64),
            ValueRef::Stream(stream) => self.length(stream.nodes_len() as u64),
            ValueRef::Set(_) | ValueRef::SortedSet(_) | ValueRef::Hash(_) => {
                if let Some(first_ms) = first_due_ms {
                    self.bytes.extend(first_ms.to_le_bytes());
                }
                self.length(len as u64);
            }
        }
        cutting
    }

    /// Writes the next piece of `value`, or of what it was if it is a string that has changed. Returns whether it was the last; `None` if the value is not
    /// what was begun with.
    pub fn cut(
        &mut self,
        cutting: &mut Cutting,
        value: &mut Value,
        kept: Option<&Kept>,
    ) -> Option<bool> {
        match (cutting, value) {
            (Cutting::String(from, len), Value::Str(bytes)) => {
                let block = |from| match kept {
                    Some(kept) => kept.block(bytes, from),
                    None => {
                        bytes.get(from..bytes.len().min(from + BLOCK_BYTES)).unwrap_or_default()
                    }
                };
                Some(self.cut_string(from, *len, block))
            }
            (Cutting::Table, Value::Set(set)) => match &mut **set {
                Set::Table(table) if table.walk_id().is_some() => {
                    Some(table.walk_some(ELEMENTS_AT_ONCE, |pair| self.string(pair.key)))
                }
                _ => None,
            },
            (Cutting::Table, Value::SortedSet(set)) => {
                set.walk_id()?;
                Some(set.walk_some(ELEMENTS_AT_ONCE, |member, score| {
                    self.string(member);
                    self.bytes.extend(score.to_le_bytes());
                }))
            }
            (Cutting::Table, Value::Hash(hash)) => self.cut_hash(None, hash),
            (Cutting::Expiring(first_ms), Value::Hash(hash)) => {
                self.cut_hash(Some(*first_ms), hash)
            }
            (Cutting::List(from), Value::List(list)) => {
                if let Some(node) = list.node(*from) {
                    self.node(node);
                }
                *from += 1;
                Some(*from >= list.nodes_len())
            }
            (Cutting::Stream(from), Value::Stream(stream)) => {
                let next = match from {
                    None => stream.nodes().next(),
                    Some(from) => stream.nodes_after(*from).next(),
                };
                match next {
                    Some((id, pack)) => {
                        self.stream_node(id, pack);
                        *from = Some(id);
                    }
                    None => self.behind_nodes(stream, kind::STREAM_2),
                }
                Some(next.is_none())
            }
            _ => None,
        }
    }

    fn cut_string<'a>(
        &mut self,
        from: &mut usize,
        len: usize,
        block: impl Fn(usize) -> &'a [u8],
    ) -> bool {
        if *from == 0 && len <= COMPRESSED_BYTES_MAX {
            let blocks: Vec<&[u8]> = (0..len).step_by(BLOCK_BYTES).map(block).collect();
            self.string(&blocks.concat());
            return true;
        }
        if *from == 0 {
            self.length(len as u64);
        }
        self.bytes.extend_from_slice(block(*from));
        *from = len.min(*from + BLOCK_BYTES);
        *from == len
    }

    fn cut_hash(&mut self, first_ms: Option<i64>, hash: &mut crate::ds::Hash) -> Option<bool> {
        let table = hash.as_table_mut().filter(|table| table.walk_id().is_some())?;
        Some(table.walk_some(ELEMENTS_AT_ONCE, |pair| {
            if let Some(first_ms) = first_ms {
                self.field_expiry(pair.expires_ms, first_ms);
            }
            self.string(pair.key);
            pair.value.with_bytes(|value| self.string(value));
        }))
    }
}
