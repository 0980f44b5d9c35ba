//! Reading values, in every form that Redis and Valkey have written since version 1.
//!
//! What comes in one piece (a listpack, an intset, and their ancestors) is checked in every byte.
//! A value is Empty only after all of it was read, so that a reader can go on behind it.

use super::growing::{Begun, BegunNode, FieldExpiry, Form, Growing, push};
use super::input::{Dialect, Reader};
use super::read_stream::GrowingStream;
use super::text::Text;
use super::{Reason, container, kind};
use crate::base::num;
use crate::ds::array::PLACE_MAX;
use crate::ds::hash;
use crate::ds::quicklist::{OwnedNode, QuickList};
use crate::ds::{Array, Hash, IntSet, Listpack, Set, SortedSet, listpack};
use crate::persist::{ziplist, zipmap};
use crate::store::Value;

impl Reader<'_> {
    /// A value of this type, or the beginning of one that comes in elements.
    pub(super) fn begin(&mut self, kind: u8) -> Result<Begun, Reason> {
        let forms = self.forms;
        let (form, count) = match (kind, self.dialect) {
            (kind::LIST, _) => (Form::List(QuickList::default()), self.length()?),
            (kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2, _) => {
                (Form::Nodes(kind, QuickList::to_fill(forms.list)), self.length()?)
            }
            (kind::SET, _) => {
                let (count, mut set) = (self.length()?, Set::default());
                set.expect(usize::try_from(count).unwrap_or(usize::MAX), &forms.set);
                (Form::Set(set), count)
            }
            (kind::ZSET | kind::ZSET_2, _) => {
                (Form::SortedSet(kind, SortedSet::to_fill(&forms.zset)), self.length()?)
            }
            (kind::HASH, _) => self.begin_hash(FieldExpiry::Never)?,
            (kind::HASH_METADATA, Dialect::Redis) => {
                let first_ms = self.time_ms()?.unsigned_abs();
                self.begin_hash(FieldExpiry::Relative(first_ms))?
            }
            (kind::HASH_METADATA_PRE_GA, Dialect::Redis) => {
                self.begin_hash(FieldExpiry::Absolute)?
            }
            (kind::HASH_2, Dialect::Valkey) => self.begin_hash(FieldExpiry::Behind)?,
            (
                kind::STREAM | kind::STREAM_2 | kind::STREAM_3 | kind::STREAM_4 | kind::STREAM_5,
                _,
            ) => (Form::Stream(Box::new(GrowingStream::new(kind, self.length()?))), 0),
            (kind::ARRAY, Dialect::Redis) => self.begin_array()?,
            _ => return self.whole(kind).map(Begun::Whole),
        };
        Ok(Begun::Growing(Growing::new(form, count)))
    }

    fn begin_hash(&mut self, expiry: FieldExpiry) -> Result<(Form, u64), Reason> {
        Ok((Form::Hash(Hash::default(), expiry), self.length()?))
    }

    fn begin_array(&mut self) -> Result<(Form, u64), Reason> {
        let (count, mut array) =
            (self.length()?, Array::with_slices(self.forms.array_slice_places));
        if self.length()? != 0 {
            array.last_insert = Some(self.length()?).filter(|&place| place <= PLACE_MAX);
        }
        Ok((Form::Array(array), count))
    }

    /// A value that comes in one piece.
    fn whole(&mut self, kind: u8) -> Result<Value, Reason> {
        Ok(match kind {
            kind::STRING => Value::of(&self.string()?),
            kind::LIST_ZIPLIST => Value::List(Box::new(self.list_ziplist()?)),
            kind::SET_INTSET | kind::SET_LISTPACK => Value::Set(Box::new(self.packed_set(kind)?)),
            kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
                Value::SortedSet(Box::new(self.packed_zset(kind)?))
            }
            kind::MODULE_2 => return Err(Reason::Module(self.length()?)),
            _ => Value::Hash(Box::new(self.packed(kind)?)),
        })
    }

    fn list_ziplist(&mut self) -> Result<QuickList, Reason> {
        let elements = self.ziplist("List ziplist integrity check failed")?;
        let mut list = QuickList::default();
        // Redis leaves such a list a quicklist, however short it is.
        list.grow(usize::MAX / 2, usize::MAX / 2, self.forms.list);
        for element in elements.iter() {
            element.with_bytes(|bytes| push(&mut list, bytes, self.forms));
        }
        if list.is_empty() { Err(Reason::Empty) } else { Ok(list) }
    }

    /// A node of a quicklist.
    pub(super) fn node(&mut self, kind: u8) -> Result<BegunNode, Reason> {
        let node = if kind == kind::LIST_QUICKLIST {
            OwnedNode::Packed(self.ziplist("Ziplist integrity check failed")?)
        } else {
            match self.length()? {
                container::PLAIN => match self.begin_text()? {
                    Text::Growing(text) => return Ok(BegunNode::Growing(text)),
                    Text::Whole(element) if element.is_empty() => {
                        return Err(Reason::Broken("A plain node of a list without an element"));
                    }
                    Text::Whole(element) => OwnedNode::Plain(element.into_owned().into()),
                },
                container::PACKED => {
                    OwnedNode::Packed(self.listpack("Listpack integrity check failed")?)
                }
                _ => return Err(Reason::Broken("Quicklist integrity check failed")),
            }
        };
        Ok(BegunNode::Whole(node))
    }

    fn packed_set(&mut self, kind: u8) -> Result<Set, Reason> {
        const BROKEN: &str = "Set listpack integrity check failed";
        let limits = self.forms.set;
        let mut set = if kind == kind::SET_INTSET {
            let bytes = self.string()?;
            let broken = Reason::Broken("Intset integrity check failed");
            Set::Ints(IntSet::parse(&bytes).map_err(|_| broken)?)
        } else {
            let pack = self.listpack(BROKEN)?;
            let mut seen = Set::default();
            if !pack.iter().all(|member| seen.insert(member, &limits)) {
                return Err(Reason::Broken(BROKEN));
            }
            Set::Pack(pack)
        };
        if set.is_empty() {
            return Err(Reason::Empty);
        }
        set.settle(&limits);
        Ok(set)
    }

    fn packed_zset(&mut self, kind: u8) -> Result<SortedSet, Reason> {
        let broken = match kind {
            kind::ZSET_ZIPLIST => "Zset ziplist integrity check failed",
            _ => "Zset listpack integrity check failed",
        };
        let pack = match kind {
            kind::ZSET_ZIPLIST => self.ziplist(broken)?,
            _ => self.listpack(broken)?,
        };
        let set = SortedSet::from_listpack(pack, &self.forms.zset);
        let set = set.map_err(|_| Reason::Broken(broken))?;
        if set.is_empty() { Err(Reason::Empty) } else { Ok(set) }
    }

    /// A score as its text, behind a byte for its length or for what has no digits.
    pub(super) fn score_text(&mut self) -> Result<f64, Reason> {
        match self.byte()? {
            255 => Ok(f64::NEG_INFINITY),
            254 => Ok(f64::INFINITY),
            253 => Ok(f64::NAN),
            length => num::parse_f64(self.take(usize::from(length))?)
                .ok_or(Reason::Broken("A score that is no number")),
        }
    }

    /// A hash that comes in one piece; this is also where a type ends that is no type.
    fn packed(&mut self, kind: u8) -> Result<Hash, Reason> {
        let limits = self.forms.hash;
        let (timed, broken) = (true, "Hash listpack integrity check failed");
        match (kind, self.dialect) {
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
