//! Collections that are read element by element, some at a time.
//!
//! An element is read as a whole or not at all: where the input ends in the middle of one, it is read
//! again when there is more.

use super::input::Reader;
use super::read_stream::GrowingStream;
use super::text::GrowingText;
use super::{Forms, Reason, kind, placed};
use crate::base::num;
use crate::ds::array::PLACE_MAX;
use crate::ds::hash::{self, Expiry};
use crate::ds::quicklist::{OwnedNode, QuickList, Side};
use crate::ds::{Array, Hash, Set, SortedSet};
use crate::store::Value;

/// So many bytes take as long to read as an element.
const BYTES_PER_ELEMENT: usize = 1024;

/// A value, or the beginning of one.
pub(super) enum Begun {
    Whole(Value),
    Growing(Growing),
}

/// A node of a list, or the beginning of one.
pub(super) enum BegunNode {
    Whole(OwnedNode),
    Growing(GrowingText),
}

/// A value that is not all there: what there is, and how many elements are left.
pub(super) enum Growing {
    /// A long string.
    Text(GrowingText),
    List(QuickList, u64),
    /// A list in a form of this type, and a long element that is being read.
    Nodes(u8, QuickList, Option<GrowingText>, u64),
    Set(Set, u64),
    /// A sorted set in a form of this type.
    SortedSet(u8, SortedSet, u64),
    Hash(Hash, FieldExpiry, u64),
    Stream(Box<GrowingStream>),
    Array(Array, u64),
}

/// Where the expiry of a hash's field stands, if it has one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldExpiry {
    Never,
    /// Before the name, counted from this first one of all, which is 1.
    Relative(u64),
    /// Before the name.
    Absolute,
    /// Behind the value, in eight bytes.
    Behind,
}

impl Reader<'_> {
    /// A value of this type.
    pub(super) fn value(&mut self, kind: u8) -> Result<Value, Reason> {
        match self.begin(kind)? {
            Begun::Whole(value) => Ok(value),
            Begun::Growing(mut growing) => {
                while !self.grow(&mut growing, usize::MAX)? {}
                growing.ripe(self.forms)
            }
        }
    }

    /// Reads up to `max` elements more, of long ones fewer; returns whether there are none left.
    /// After an error, the element that caused it was not read.
    pub(super) fn grow(&mut self, growing: &mut Growing, max: usize) -> Result<bool, Reason> {
        let enough = self.position.saturating_add(max.saturating_mul(BYTES_PER_ELEMENT));
        for _ in 0..max {
            let start = self.position;
            if start >= enough {
                break;
            }
            let result = self.element(growing);
            if result.is_err() {
                self.position = start;
            }
            if result? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads an element; returns whether there was none left.
    fn element(&mut self, growing: &mut Growing) -> Result<bool, Reason> {
        let left = match growing {
            Growing::List(_, left)
            | Growing::Nodes(_, _, _, left)
            | Growing::Set(_, left)
            | Growing::SortedSet(_, _, left)
            | Growing::Hash(_, _, left)
            | Growing::Array(_, left) => left,
            Growing::Stream(stream) => return self.stream_part(stream),
            Growing::Text(text) => return self.text_part(text),
        };
        if *left == 0 {
            return Ok(true);
        }
        match growing {
            Growing::List(list, left) => {
                let element = self.string()?;
                push(list, &element, self.forms);
                *left -= 1;
            }
            Growing::Nodes(_, list, long @ Some(_), left) => {
                if let Some(text) = long
                    && self.text_part(text)?
                    && let Some(text) = long.take()
                {
                    list.push_node(OwnedNode::Plain(text.ripe().into()));
                    *left -= 1;
                }
            }
            Growing::Nodes(kind, list, long, left) => match self.node(*kind)? {
                BegunNode::Whole(node) => {
                    list.push_node(node);
                    *left -= 1;
                }
                BegunNode::Growing(text) => *long = Some(text),
            },
            Growing::Set(set, left) => {
                if !set.add(&self.string()?, &self.forms.set) {
                    return Err(Reason::Broken("Duplicate set members detected"));
                }
                *left -= 1;
            }
            Growing::SortedSet(kind, set, left) => {
                self.scored(*kind, set)?;
                *left -= 1;
            }
            Growing::Hash(hash, expiry, left) => {
                self.field(hash, *expiry)?;
                *left -= 1;
            }
            Growing::Array(array, left) => {
                self.placed(array)?;
                *left -= 1;
            }
            Growing::Stream(_) | Growing::Text(_) => {}
        }
        Ok(false)
    }

    fn scored(&mut self, kind: u8, set: &mut SortedSet) -> Result<(), Reason> {
        let member = self.string()?;
        let score = match kind {
            kind::ZSET => self.score_text()?,
            _ => f64::from_le_bytes(self.array()?),
        };
        if score.is_nan() {
            return Err(Reason::Broken("A score that is no number"));
        }
        match set.insert(&member, score, &self.forms.zset) {
            Some(_) => Err(Reason::Broken("Duplicate zset fields detected")),
            None => Ok(()),
        }
    }

    /// A value of an array.
    fn placed(&mut self, array: &mut Array) -> Result<(), Reason> {
        const BROKEN: Reason = Reason::Broken("Array integrity check failed");
        let (place, form) = (self.length()?, self.length()?);
        let text = match form {
            placed::STRING | placed::SHORT => self.string()?,
            placed::INTEGER => num::Digits::of(i64::from_le_bytes(self.array()?)).to_vec().into(),
            placed::DOUBLE => double_text(f64::from_le_bytes(self.array()?)).into(),
            _ => return Err(BROKEN),
        };
        if place > PLACE_MAX || !array.set(place, &text) { Err(BROKEN) } else { Ok(()) }
    }

    fn field(&mut self, hash: &mut Hash, expiry: FieldExpiry) -> Result<(), Reason> {
        let before = match expiry {
            FieldExpiry::Relative(first_ms) => match self.length()? {
                0 => 0,
                after => first_ms.saturating_add(after - 1),
            },
            FieldExpiry::Absolute => self.length()?,
            FieldExpiry::Never | FieldExpiry::Behind => 0,
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
        if !hash.set(&name, &value, Expiry::Clear, self.forms.hash) {
            return Err(Reason::Broken("Duplicate hash fields detected"));
        }
        if at_ms > 0 {
            hash.allow_expiry();
            hash.set_expiry(&name, Some(at_ms as i64));
        }
        Ok(())
    }
}

/// The text that Redis keeps as a double, which shows that it is no integer.
fn double_text(number: f64) -> Vec<u8> {
    let mut text = num::format_f64(number).to_vec();
    if text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') {
        text.extend(b".0");
    }
    text
}

/// Adds an element to a list whose elements come one by one.
pub(super) fn push(list: &mut QuickList, element: &[u8], forms: Forms) {
    list.grow(1, element.len(), forms.list);
    list.push(Side::Right, element, forms.list);
}

impl Growing {
    /// The value, of which everything was read.
    pub(super) fn ripe(self, forms: Forms) -> Result<Value, Reason> {
        let value = match self {
            Self::List(list, _) if !list.is_empty() => Value::List(Box::new(list)),
            Self::Nodes(_, mut list, ..) if !list.is_empty() => {
                list.settle(forms.list);
                Value::List(Box::new(list))
            }
            Self::Text(text) => Value::Str(text.ripe()),
            Self::Set(mut set, _) if !set.is_empty() => {
                set.settle(&forms.set);
                Value::Set(Box::new(set))
            }
            Self::SortedSet(_, mut set, _) if !set.is_empty() => {
                set.pack(&forms.zset);
                Value::SortedSet(Box::new(set))
            }
            Self::Hash(hash, ..) if !hash.is_empty() => Value::Hash(Box::new(hash)),
            Self::Stream(stream) => Value::Stream(Box::new(stream.ripe())),
            Self::Array(array, _) if !array.is_empty() => Value::Array(Box::new(array)),
            _ => return Err(Reason::Empty),
        };
        Ok(value)
    }
}
