//! Collections that are read element by element, some at a time.
//!
//! An element is read as a whole or not at all: where the input ends in the middle of one, it is read
//! again when there is more. Only of one with a long string, what was read of that stays read.

use std::borrow::Cow;

use super::input::Reader;
use super::read_stream::GrowingStream;
use super::text::{GrowingText, Text};
use super::{Forms, Reason, kind, placed};
use crate::base::num;
use crate::ds::array::PLACE_MAX;
use crate::ds::hash::{self, Expiry};
use crate::ds::quicklist::{OwnedNode, QuickList, Side};
use crate::ds::{Array, Hash, Set, SortedSet};
use crate::store::Value;

/// So many bytes take as long to make as an element.
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

/// A value that is not all there.
pub(super) struct Growing {
    form: Form,
    /// Elements that are left.
    left: u64,
    /// An element that is being read.
    long: Option<Long>,
}

/// What there is of a value.
pub(super) enum Form {
    /// A long string.
    Text(GrowingText),
    List(QuickList),
    /// A list in a form of this type.
    Nodes(u8, QuickList),
    Set(Set),
    /// A sorted set in a form of this type.
    SortedSet(u8, SortedSet),
    Hash(Hash, FieldExpiry),
    Stream(Box<GrowingStream>),
    Array(Array),
}

/// An element with a long string: what of it was read.
struct Long {
    /// The number before its strings, if there is one.
    head: u64,
    /// The name of a field whose value is long.
    name: Option<Vec<u8>>,
    text: GrowingText,
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

impl<'a> Reader<'a> {
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

    /// Reads up to `max` elements more, fewer if much becomes of them; returns whether there are none
    /// left. After an error, the element that caused it was not read.
    pub(super) fn grow(&mut self, growing: &mut Growing, max: usize) -> Result<bool, Reason> {
        let enough = self.work().saturating_add(max.saturating_mul(BYTES_PER_ELEMENT));
        for _ in 0..max {
            if self.work() >= enough {
                break;
            }
            let start = self.position;
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

    /// Reads an element, or a part of a long one; returns whether there was none left.
    fn element(&mut self, growing: &mut Growing) -> Result<bool, Reason> {
        let Growing { form, left, long } = growing;
        match form {
            Form::Text(text) => return self.text_part(text),
            Form::Stream(stream) => return self.stream_part(stream),
            _ if *left == 0 => return Ok(true),
            _ => {}
        }
        if let Some(long) = long
            && !self.text_part(&mut long.text)?
        {
            return Ok(false);
        }
        let is_whole = match form {
            Form::List(list) => {
                let element = self.element_text(long, 0)?;
                element.map(|element| push(list, &element, self.forms)).is_some()
            }
            Form::Nodes(kind, list) => {
                let node = self.element_node(*kind, long)?;
                node.map(|node| list.push_node(node)).is_some()
            }
            Form::Set(set) => match self.element_text(long, 0)? {
                Some(member) if !set.add(&member, &self.forms.set) => {
                    return Err(Reason::Broken("Duplicate set members detected"));
                }
                member => member.is_some(),
            },
            Form::SortedSet(kind, set) => self.scored(*kind, set, long)?,
            Form::Hash(hash, expiry) => self.field(hash, *expiry, long)?,
            Form::Array(array) => self.placed(array, long)?,
            Form::Stream(_) | Form::Text(_) => false,
        };
        if is_whole {
            *left -= 1;
            *long = None;
        }
        Ok(false)
    }

    /// The string of an element: the long one of which all was read, or the next; `None` if that is long
    /// and has only begun.
    fn element_text<'b>(
        &mut self,
        long: &'b mut Option<Long>,
        head: u64,
    ) -> Result<Option<Cow<'b, [u8]>>, Reason>
    where
        'a: 'b,
    {
        if long.is_some() {
            return Ok(long.as_ref().map(|long| long.text.so_far().into()));
        }
        Ok(match self.begin_text()? {
            Text::Whole(text) => Some(text),
            Text::Growing(text) => {
                *long = Some(Long { head, name: None, text });
                None
            }
        })
    }

    fn element_node(
        &mut self,
        kind: u8,
        long: &mut Option<Long>,
    ) -> Result<Option<OwnedNode>, Reason> {
        if let Some(long) = long.take() {
            return Ok(Some(OwnedNode::Plain(long.text.ripe().into())));
        }
        Ok(match self.node(kind)? {
            BegunNode::Whole(node) => Some(node),
            BegunNode::Growing(text) => {
                *long = Some(Long { head: 0, name: None, text });
                None
            }
        })
    }

    /// A member of a sorted set; false if it is long and has only begun.
    fn scored(
        &mut self,
        kind: u8,
        set: &mut SortedSet,
        long: &mut Option<Long>,
    ) -> Result<bool, Reason> {
        let Some(member) = self.element_text(long, 0)? else { return Ok(false) };
        let score = match kind {
            kind::ZSET => self.score_text()?,
            _ => f64::from_le_bytes(self.array()?),
        };
        if score.is_nan() {
            return Err(Reason::Broken("A score that is no number"));
        }
        match set.insert(&member, score, &self.forms.zset) {
            Some(_) => Err(Reason::Broken("Duplicate zset fields detected")),
            None => Ok(true),
        }
    }

    /// A value of an array; false if it is long and has only begun.
    fn placed(&mut self, array: &mut Array, long: &mut Option<Long>) -> Result<bool, Reason> {
        const BROKEN: Reason = Reason::Broken("Array integrity check failed");
        let (place, form) = match long {
            Some(long) => (long.head, placed::STRING),
            None => (self.length()?, self.length()?),
        };
        let text = match form {
            placed::STRING | placed::SHORT => match self.element_text(long, place)? {
                Some(text) => text,
                None => return Ok(false),
            },
            placed::INTEGER => num::Digits::of(i64::from_le_bytes(self.array()?)).to_vec().into(),
            placed::DOUBLE => double_text(f64::from_le_bytes(self.array()?)).into(),
            _ => return Err(BROKEN),
        };
        if place > PLACE_MAX || !array.set(place, &text) { Err(BROKEN) } else { Ok(true) }
    }

    /// A field of a hash; false if it is long and not all read.
    fn field(
        &mut self,
        hash: &mut Hash,
        expiry: FieldExpiry,
        long: &mut Option<Long>,
    ) -> Result<bool, Reason> {
        let before = match (&long, expiry) {
            (Some(long), _) => long.head,
            (None, FieldExpiry::Relative(first_ms)) => match self.length()? {
                0 => 0,
                after => first_ms.saturating_add(after - 1),
            },
            (None, FieldExpiry::Absolute) => self.length()?,
            (None, FieldExpiry::Never | FieldExpiry::Behind) => 0,
        };
        let (name, value) = match long {
            Some(Long { name: Some(name), text, .. }) => {
                (name.as_slice().into(), text.so_far().into())
            }
            _ => {
                let Some(name) = self.element_text(long, before)? else { return Ok(false) };
                match self.begin_text()? {
                    Text::Whole(value) => (name, value),
                    Text::Growing(text) => {
                        let name = Some(name.into_owned());
                        *long = Some(Long { head: before, name, text });
                        return Ok(false);
                    }
                }
            }
        };
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
        Ok(true)
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
    /// A value of so many elements, none of which was read.
    pub(super) fn new(form: Form, left: u64) -> Self {
        Self { form, left, long: None }
    }

    /// The value, of which everything was read.
    pub(super) fn ripe(self, forms: Forms) -> Result<Value, Reason> {
        let value = match self.form {
            Form::List(list) if !list.is_empty() => Value::List(Box::new(list)),
            Form::Nodes(_, mut list) if !list.is_empty() => {
                list.settle(forms.list);
                Value::List(Box::new(list))
            }
            Form::Text(text) => Value::Str(text.ripe()),
            Form::Set(mut set) if !set.is_empty() => {
                set.settle(&forms.set);
                Value::Set(Box::new(set))
            }
            Form::SortedSet(_, mut set) if !set.is_empty() => {
                set.pack(&forms.zset);
                Value::SortedSet(Box::new(set))
            }
            Form::Hash(hash, _) if !hash.is_empty() => Value::Hash(Box::new(hash)),
            Form::Stream(stream) => Value::Stream(Box::new(stream.ripe())),
            Form::Array(array) if !array.is_empty() => Value::Array(Box::new(array)),
            _ => return Err(Reason::Empty),
        };
        Ok(value)
    }
}
