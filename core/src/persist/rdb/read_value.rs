//! Reading values, in every form that Redis and Valkey have written since version 1.
//!
//! What comes in one piece (a listpack, an intset, and their ancestors) is checked in every byte.
//! A value is Empty only after all of it was read, so that a reader can go on behind it.

use super::input::{Dialect, Reader};
use super::{Note, Reason, container, kind};
use crate::base::num;
use crate::ds::hash::{self, Expiry};
use crate::ds::quicklist::{OwnedNode, QuickList, Side};
use crate::ds::{Hash, IntSet, Listpack, Set, SortedSet, listpack};
use crate::persist::{ziplist, zipmap};
use crate::store::Value;

/// Where the expiry of a hash's field stands, if it has one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FieldExpiry {
    Never,
    /// Before the name, counted from the first of all, which is 1.
    Relative,
    /// Before the name.
    Absolute,
    /// Behind the value, in eight bytes.
    Behind,
}

impl Reader<'_> {
    /// A value of this type. `note` is told what is left out.
    pub(super) fn value(
        &mut self,
        kind: u8,
        note: &mut dyn FnMut(Note<'_>),
    ) -> Result<Value, Reason> {
        Ok(match kind {
            kind::STRING => Value::of(&self.string()?),
            kind::LIST | kind::LIST_ZIPLIST | kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
                Value::List(Box::new(self.list(kind)?))
            }
            kind::SET | kind::SET_INTSET | kind::SET_LISTPACK => {
                Value::Set(Box::new(self.set(kind)?))
            }
            kind::ZSET | kind::ZSET_2 | kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
                Value::SortedSet(Box::new(self.sorted_set(kind)?))
            }
            kind::STREAM | kind::STREAM_2 | kind::STREAM_3 | kind::STREAM_4 | kind::STREAM_5 => {
                Value::Stream(Box::new(self.stream(kind, note)?))
            }
            kind::MODULE_2 => return Err(Reason::Module(self.length()?)),
            _ => Value::Hash(Box::new(self.hash(kind)?)),
        })
    }

    fn list(&mut self, kind: u8) -> Result<QuickList, Reason> {
        let limits = self.forms.list;
        let mut list = QuickList::default();
        let push = |list: &mut QuickList, element: &[u8]| {
            list.grow(1, element.len(), limits);
            list.push(Side::Right, element, limits);
        };
        match kind {
            kind::LIST => {
                for _ in 0..self.length()? {
                    push(&mut list, &self.string()?);
                }
            }
            kind::LIST_ZIPLIST => {
                let elements = self.ziplist("List ziplist integrity check failed")?;
                // Redis leaves such a list a quicklist, however short it is.
                list.grow(usize::MAX / 2, usize::MAX / 2, limits);
                for element in elements.iter() {
                    element.with_bytes(|bytes| push(&mut list, bytes));
                }
            }
            _ => {
                let mut nodes = Vec::new();
                for _ in 0..self.length()? {
                    nodes.push(self.node(kind)?);
                }
                list = QuickList::from_nodes(nodes, limits);
            }
        }
        if list.is_empty() { Err(Reason::Empty) } else { Ok(list) }
    }

    /// A node of a quicklist.
    fn node(&mut self, kind: u8) -> Result<OwnedNode, Reason> {
        if kind == kind::LIST_QUICKLIST {
            return self.ziplist("Ziplist integrity check failed").map(OwnedNode::Packed);
        }
        match self.length()? {
            container::PLAIN => {
                let element = self.string()?;
                if element.is_empty() {
                    return Err(Reason::Broken("A plain node of a list without an element"));
                }
                Ok(OwnedNode::Plain(element.into_owned().into()))
            }
            container::PACKED => {
                self.listpack("Listpack integrity check failed").map(OwnedNode::Packed)
            }
            _ => Err(Reason::Broken("Quicklist integrity check failed")),
        }
    }

    fn set(&mut self, kind: u8) -> Result<Set, Reason> {
        let limits = self.forms.set;
        let mut set = match kind {
            kind::SET_INTSET => {
                let bytes = self.string()?;
                let broken = Reason::Broken("Intset integrity check failed");
                Set::Ints(IntSet::parse(&bytes).map_err(|_| broken)?)
            }
            kind::SET_LISTPACK => {
                const BROKEN: &str = "Set listpack integrity check failed";
                let pack = self.listpack(BROKEN)?;
                let mut seen = Set::default();
                if !pack.iter().all(|member| seen.insert(member, &limits)) {
                    return Err(Reason::Broken(BROKEN));
                }
                Set::Pack(pack)
            }
            _ => {
                let count = self.length()?;
                let mut set = Set::default();
                set.expect(usize::try_from(count).unwrap_or(usize::MAX), &limits);
                for _ in 0..count {
                    if !set.add(&self.string()?, &limits) {
                        return Err(Reason::Broken("Duplicate set members detected"));
                    }
                }
                set
            }
        };
        if set.is_empty() {
            return Err(Reason::Empty);
        }
        set.settle(&limits);
        Ok(set)
    }

    fn sorted_set(&mut self, kind: u8) -> Result<SortedSet, Reason> {
        let limits = self.forms.zset;
        let set = match kind {
            kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
                let broken = match kind {
                    kind::ZSET_ZIPLIST => "Zset ziplist integrity check failed",
                    _ => "Zset listpack integrity check failed",
                };
                let pack = match kind {
                    kind::ZSET_ZIPLIST => self.ziplist(broken)?,
                    _ => self.listpack(broken)?,
                };
                SortedSet::from_listpack(pack, &limits).map_err(|_| Reason::Broken(broken))?
            }
            _ => {
                let mut set = SortedSet::to_fill(&limits);
                for _ in 0..self.length()? {
                    let member = self.string()?;
                    let score = match kind {
                        kind::ZSET => self.score_text()?,
                        _ => f64::from_le_bytes(self.array()?),
                    };
                    if score.is_nan() {
                        return Err(Reason::Broken("A score that is no number"));
                    }
                    if set.insert(&member, score, &limits).is_some() {
                        return Err(Reason::Broken("Duplicate zset fields detected"));
                    }
                }
                set.pack(&limits);
                set
            }
        };
        if set.is_empty() { Err(Reason::Empty) } else { Ok(set) }
    }

    /// A score as its text, behind a byte for its length or for what has no digits.
    fn score_text(&mut self) -> Result<f64, Reason> {
        match self.byte()? {
            255 => Ok(f64::NEG_INFINITY),
            254 => Ok(f64::INFINITY),
            253 => Ok(f64::NAN),
            length => num::parse_f64(self.take(usize::from(length))?)
                .ok_or(Reason::Broken("A score that is no number")),
        }
    }

    /// A hash; this is also where a type ends that is no type.
    fn hash(&mut self, kind: u8) -> Result<Hash, Reason> {
        let limits = self.forms.hash;
        let (timed, broken) = (true, "Hash listpack integrity check failed");
        match (kind, self.dialect) {
            (kind::HASH, _) => self.fields(FieldExpiry::Never),
            (kind::HASH_METADATA, Dialect::Redis) => self.fields(FieldExpiry::Relative),
            (kind::HASH_METADATA_PRE_GA, Dialect::Redis) => self.fields(FieldExpiry::Absolute),
            (kind::HASH_2, Dialect::Valkey) => self.fields(FieldExpiry::Behind),
            (kind::HASH_ZIPMAP, _) => {
                const BROKEN: Reason = Reason::Broken("Zipmap integrity check failed");
                let pack = zipmap::read(&self.string()?).map_err(|_| BROKEN)?;
                let mut hash = Hash::from_listpack(pack, !timed).ok_or(BROKEN)?;
                hash.fit(limits);
                Ok(hash)
            }
            (kind::HASH_ZIPLIST, _) => {
                let broken = "Hash ziplist integrity check failed";
                let pack = self.ziplist(broken)?;
                packed_hash(pack, !timed, limits, broken)
            }
            (kind::HASH_LISTPACK, _) => {
                let pack = self.listpack(broken)?;
                packed_hash(pack, !timed, limits, broken)
            }
            (kind::HASH_LISTPACK_EX | kind::HASH_LISTPACK_EX_PRE_GA, Dialect::Redis) => {
                if kind == kind::HASH_LISTPACK_EX {
                    // The first expiry, which the listpack tells too.
                    self.time_ms()?;
                }
                let pack = self.listpack(broken)?;
                packed_hash(pack, timed, limits, broken)
            }
            _ => Err(Reason::Unknown(kind, self.version)),
        }
    }

    /// The fields of a hash one by one.
    fn fields(&mut self, expiry: FieldExpiry) -> Result<Hash, Reason> {
        let first_ms = match expiry {
            FieldExpiry::Relative => self.time_ms()?.unsigned_abs(),
            _ => 0,
        };
        let count = self.length()?;
        let limits = self.forms.hash;
        let mut hash = Hash::default();
        for _ in 0..count {
            let before = match expiry {
                FieldExpiry::Relative => match self.length()? {
                    0 => 0,
                    after => first_ms.saturating_add(after - 1),
                },
                FieldExpiry::Absolute => self.length()?,
                _ => 0,
            };
            let (name, value) = (self.string()?, self.string()?);
            let at_ms = match expiry {
                FieldExpiry::Behind => match self.time_ms()? {
                    -1 => 0,
                    // One that has expired long ago still says that the field expires.
                    at_ms => u64::try_from(at_ms).unwrap_or(u64::MAX).max(1),
                },
                _ => before,
            };
            if at_ms > hash::EXPIRES_MS_MAX.unsigned_abs() {
                return Err(Reason::Broken("A field of a hash that expires too late"));
            }
            if !hash.set(&name, &value, Expiry::Clear, limits) {
                return Err(Reason::Broken("Duplicate hash fields detected"));
            }
            if at_ms > 0 {
                hash.allow_expiry();
                hash.set_expiry(&name, Some(at_ms as i64));
            }
        }
        if hash.is_empty() { Err(Reason::Empty) } else { Ok(hash) }
    }

    pub(super) fn listpack(&mut self, broken: &'static str) -> Result<Listpack, Reason> {
        Listpack::parse(&self.string()?).map_err(|listpack::Malformed| Reason::Broken(broken))
    }

    fn ziplist(&mut self, broken: &'static str) -> Result<Listpack, Reason> {
        ziplist::read(&self.string()?).map_err(|listpack::Malformed| Reason::Broken(broken))
    }
}

/// The hash that `pack` is. As in Redis, only the number of its fields makes it a table.
fn packed_hash(
    pack: Listpack,
    timed: bool,
    limits: hash::Limits,
    broken: &'static str,
) -> Result<Hash, Reason> {
    if pack.is_empty() {
        return Err(Reason::Empty);
    }
    let mut hash = Hash::from_listpack(pack, timed).ok_or(Reason::Broken(broken))?;
    hash.fit(hash::Limits { value: usize::MAX, ..limits });
    Ok(hash)
}
