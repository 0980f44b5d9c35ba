//! Hashes: values under fields, each of which can expire on its own.
//!
//! A small hash is a listpack of field and value in turn; where a field was ever to expire, a third
//! element says when, 0 for never, and entries are in the order in which they expire, those that
//! do not at the end. A big one is a [`Dict`]. The forms, their order and when one becomes another
//! are Redis's, and so is what OBJECT ENCODING calls them.
//!
//! What has expired stays until [`Hash::take_due`] is called; that it is not to be seen meanwhile
//! is for those to care who know the time.

use super::dict::{Dict, Pair};
use super::hashtable::HashKey;
use super::listpack::{Cursor, Element, LISTPACK_BYTES_MAX, Listpack, ListpackRef, Needle};
use crate::base::prefetch;
use crate::base::rng::Rng;

/// No expiry, in a listpack.
const NEVER: i64 = 0;

/// The latest that a field may expire, in milliseconds since 1970: what Redis has room for.
pub const EXPIRES_MS_MAX: i64 = (1 << 48) - 1;

/// Up to what a hash is a listpack, and what it needs to become a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `hash-max-listpack-entries`: fields.
    pub entries: usize,
    /// `hash-max-listpack-value`: bytes of a field or a value.
    pub value: usize,
    /// The secret key of hash functions.
    pub hash_key: HashKey,
}

/// Values under fields.
#[derive(Debug)]
pub struct Hash {
    form: Form,
    /// Under which time the hash is in an index of hashes whose fields expire, if in any. For the
    /// owner of that index; a copy is in none.
    pub(crate) indexed_ms: Option<i64>,
}

#[derive(Clone, Debug)]
enum Form {
    Packed {
        pack: Listpack,
        /// With the expiry as a third element.
        timed: bool,
    },
    Table(Box<Dict>),
}

/// A hash to look at, wherever its listpack lies.
#[derive(Clone, Copy, Debug)]
pub enum HashRef<'a> {
    /// A small one.
    Packed {
        /// Field and value in turn.
        pack: ListpackRef<'a>,
        /// With the expiry as a third element.
        timed: bool,
    },
    /// A big one.
    Table(&'a Dict),
}

/// A field with what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The field's name.
    pub name: Element<'a>,
    /// The value.
    pub value: Element<'a>,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

impl Field<'_> {
    /// Whether the field is still to be seen at `now_ms`.
    pub fn is_live(&self, now_ms: i64) -> bool {
        self.expires_ms.is_none_or(|at_ms| at_ms >= now_ms)
    }
}

/// What becomes of the expiry of a field that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It has none any more.
    Clear,
    /// It stays as it was.
    Keep,
}

impl Clone for Hash {
    fn clone(&self) -> Self {
        Self { form: self.form.clone(), indexed_ms: None }
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self { form: Form::Packed { pack: Listpack::new(), timed: false }, indexed_ms: None }
    }
}

/// Looking.
impl Hash {
    /// The hash to look at.
    #[inline]
    pub fn view(&self) -> HashRef<'_> {
        match &self.form {
            Form::Packed { pack, timed } => HashRef::Packed { pack: pack.view(), timed: *timed },
            Form::Table(dict) => HashRef::Table(dict),
        }
    }

    /// Asks for the memory in which `field` will be looked for; returns its hash if that goes on with
    /// [`Hash::prefetch_element`].
    pub fn prefetch(&self, field: &[u8]) -> Option<u64> {
        match &self.form {
            Form::Table(dict) => dict.prefetch_key(field),
            Form::Packed { pack, .. } => {
                prefetch::bytes(pack.as_bytes(), prefetch::BYTES_MAX);
                None
            }
        }
    }

    /// Asks for the memory of the element of this hash.
    pub fn prefetch_element(&self, hash: u64) {
        if let Form::Table(dict) = &self.form {
            dict.prefetch_hashed(hash);
        }
    }

    /// The hash that `pack` is, in which an expiry follows each value if `timed`; for readers of
    /// snapshots. `None` if it has no fields, twice the same one, or something else in its place.
    pub fn from_listpack(pack: Listpack, timed: bool) -> Option<Self> {
        let count = pack.len();
        let step = if timed { 3 } else { 2 };
        if count == 0 || !count.is_multiple_of(step) {
            return None;
        }
        let is_time = |at| matches!(at, Element::Int(NEVER..=EXPIRES_MS_MAX));
        if timed && !pack.iter().skip(2).step_by(3).all(is_time) {
            return None;
        }
        let hash = Self { form: Form::Packed { pack, timed }, indexed_ms: None };
        let (mut names, mut last_ms, mut in_order) = (crate::base::Set::default(), 0, true);
        hash.view().each(|field| {
            in_order &= names.insert(field.name.to_vec());
            let at_ms = field.expires_ms.unwrap_or(i64::MAX);
            in_order &= at_ms >= last_ms;
            last_ms = at_ms;
        });
        in_order.then_some(hash)
    }

    /// The hash that is nothing but `pack`, which a hash was.
    pub(crate) fn of_plain(pack: Listpack) -> Self {
        Self { form: Form::Packed { pack, timed: false }, indexed_ms: None }
    }

    /// The hash if it is nothing but a listpack: no table, no expiries.
    pub(crate) fn as_plain(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Packed { pack, timed: false } => Some(pack),
            _ => None,
        }
    }

    /// As [`Hash::as_plain`], for good.
    pub(crate) fn into_plain(self) -> Option<Listpack> {
        match self.form {
            Form::Packed { pack, timed: false } => Some(pack),
            _ => None,
        }
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is a listpack.
    pub fn is_listpack(&self) -> bool {
        matches!(self.form, Form::Packed { .. })
    }

    /// Heap bytes held. Costs O(1).
    pub fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Packed { pack, .. } => pack.heap_bytes(),
            Form::Table(dict) => size_of::<Dict>() + dict.heap_bytes(),
        }
    }

    /// The table, to walk along it.
    pub fn as_table_mut(&mut self) -> Option<&mut Dict> {
        match &mut self.form {
            Form::Packed { .. } => None,
            Form::Table(dict) => Some(dict),
        }
    }

    /// Whether the hash is indexed, though none of its fields expires any more.
    pub fn is_indexed_in_vain(&self) -> bool {
        self.indexed_ms.is_some() && self.view().next_due_ms().is_none()
    }
}

/// Looking at its fields.
impl<'a> HashRef<'a> {
    /// Number of fields.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Self::Packed { pack, timed } => pack.len() / step(timed),
            Self::Table(dict) => dict.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// A hash of its own. Costs O(bytes).
    pub fn to_hash(self) -> Hash {
        let form = match self {
            Self::Packed { pack, timed } => Form::Packed { pack: pack.copy_to(Vec::new()), timed },
            Self::Table(dict) => Form::Table(Box::new(dict.clone())),
        };
        Hash { form, indexed_ms: None }
    }

    /// What OBJECT ENCODING calls the form it is in.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Packed { timed: false, .. } => "listpack",
            Self::Packed { timed: true, .. } => "listpackex",
            Self::Table(_) => "hashtable",
        }
    }

    /// How many entries its hash table has places for, if there is one. Costs O(entries / 1000).
    pub fn slot_count(self) -> Option<usize> {
        match self {
            Self::Packed { .. } => None,
            Self::Table(dict) => Some(dict.slot_count()),
        }
    }

    /// The hash as one listpack, if it is in that form, and whether expiries are in it.
    pub fn as_listpack(self) -> Option<(ListpackRef<'a>, bool)> {
        match self {
            Self::Packed { pack, timed } => Some((pack, timed)),
            Self::Table(_) => None,
        }
    }

    /// The hash as a table, if it is in that form.
    pub fn as_table(self) -> Option<&'a Dict> {
        match self {
            Self::Packed { .. } => None,
            Self::Table(dict) => Some(dict),
        }
    }

    /// The field of this name. Costs O(fields) in a listpack.
    pub fn get(self, name: &[u8]) -> Option<Field<'a>> {
        match self {
            Self::Packed { pack, timed } => field_at(pack, find(pack, timed, name)?, timed),
            Self::Table(dict) => dict.get(name).map(Field::from),
        }
    }

    /// Shows `visit` all fields, in the order in which HGETALL has them.
    pub fn each(self, mut visit: impl FnMut(Field<'a>)) {
        match self {
            Self::Packed { pack, timed } => {
                let mut elements = pack.iter();
                while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
                    let at = if timed { elements.next() } else { None };
                    visit(Field { name, value, expires_ms: at.and_then(read_expiry) });
                }
            }
            Self::Table(dict) => dict.each(|pair| visit(pair.into())),
        }
    }

    /// Shows `visit` about `count` fields from `cursor` on and returns the next cursor; all fields
    /// of a listpack at once. See [`Dict::scan`].
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(Field<'_>)) -> u64 {
        match self {
            Self::Packed { .. } => {
                self.each(visit);
                0
            }
            Self::Table(dict) => dict.scan(cursor, count, |pair| visit(pair.into())),
        }
    }

    /// Some field, each about as likely as any other. Costs O(fields) in a listpack.
    pub fn random(self, rng: &mut Rng) -> Option<Field<'a>> {
        match self {
            Self::Packed { pack, timed } => {
                let index = rng.below(self.len() as u64) as usize;
                field_at(pack, pack.seek(index * step(timed))?, timed)
            }
            Self::Table(dict) => dict.random(rng).map(Field::from),
        }
    }

    /// A time before which no field expires.
    pub fn next_due_ms(self) -> Option<i64> {
        match self {
            Self::Packed { timed: false, .. } => None,
            Self::Packed { pack, timed: true } => {
                field_at(pack, pack.first()?, true).and_then(|field| field.expires_ms)
            }
            // What a table knows is a bound, which stays when the field it was about is gone.
            Self::Table(dict) => dict.next_due_ms().filter(|_| dict.expiring_len() > 0),
        }
    }

    /// Number of fields that expire. Costs O(fields) in a listpack.
    pub fn expiring_len(self) -> usize {
        match self {
            Self::Packed { timed: false, .. } => 0,
            Self::Packed { .. } => {
                let mut count = 0;
                self.each(|field| count += usize::from(field.expires_ms.is_some()));
                count
            }
            Self::Table(dict) => dict.expiring_len(),
        }
    }
}

/// Changing.
impl Hash {
    /// Prepares for fields and values to be set: a listpack that they would make too large becomes
    /// a table.
    pub fn grow<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>, limits: Limits) {
        let Form::Packed { pack, .. } = &self.form else { return };
        let mut bytes = pack.byte_len();
        let is_large = words.len() / 2 > limits.entries;
        let mut has_long = false;
        for word in words {
            has_long |= word.len() > limits.value;
            bytes = bytes.saturating_add(word.len());
        }
        if is_large || has_long || bytes > LISTPACK_BYTES_MAX {
            self.become_table(limits);
        }
    }

    /// Becomes a table if it is a listpack beyond these limits. Costs O(fields).
    pub fn fit(&mut self, limits: Limits) {
        let mut is_beyond = self.len() > limits.entries;
        self.view().each(|field| {
            let is_long = |element: Element<'_>| element.with_bytes(<[u8]>::len) > limits.value;
            is_beyond |= is_long(field.name) || is_long(field.value);
        });
        if is_beyond && self.is_listpack() {
            self.become_table(limits);
        }
    }

    /// Sets the value of a field. Returns whether the field is new.
    pub fn set(&mut self, name: &[u8], value: &[u8], expiry: Expiry, limits: Limits) -> bool {
        self.grow([name, value].into_iter(), limits);
        let is_new = match &mut self.form {
            Form::Packed { pack, timed } => set_packed(pack, *timed, name, value, expiry),
            Form::Table(dict) => {
                let kept = match expiry {
                    Expiry::Clear => None,
                    Expiry::Keep => dict.get(name).and_then(|pair| pair.expires_ms),
                };
                dict.insert(name, value, kept)
            }
        };
        if self.is_listpack() && self.len() > limits.entries {
            self.become_table(limits);
        }
        is_new
    }

    /// Removes a field; returns whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match &mut self.form {
            Form::Packed { pack, timed } => {
                let found = find(pack.view(), *timed, name);
                if let Some(cursor) = found {
                    pack.remove_range(cursor, step(*timed));
                }
                found.is_some()
            }
            Form::Table(dict) => dict.remove(name),
        }
    }

    /// Makes room for expiries: must come before [`Hash::set_expiry`]. Costs O(fields) the first
    /// time.
    pub fn allow_expiry(&mut self) {
        let Form::Packed { pack, timed: timed @ false } = &mut self.form else { return };
        let mut with_expiry = Listpack::new();
        let mut elements = pack.iter();
        while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
            for element in [name, value, Element::Int(NEVER)] {
                with_expiry.push_back(element);
            }
        }
        *pack = with_expiry;
        *timed = true;
    }

    /// Sets or takes away when a field expires; false if there is no such field.
    pub fn set_expiry(&mut self, name: &[u8], expires_ms: Option<i64>) -> bool {
        match &mut self.form {
            Form::Packed { timed: false, .. } => false,
            Form::Packed { pack, timed: true } => {
                let Some(cursor) = find(pack.view(), true, name) else { return false };
                let value = field_at(pack.view(), cursor, true).map(|field| field.value.to_vec());
                pack.remove_range(cursor, 3);
                put_in_order(pack, name, &value.unwrap_or_default(), expires_ms);
                true
            }
            Form::Table(dict) => dict.set_expiry(name, expires_ms),
        }
    }

    /// Removes fields whose expiry is before `now_ms`, `max` at most; returns how many there were,
    /// and gives each name to `removed`.
    pub fn take_due(&mut self, now_ms: i64, max: usize, mut removed: impl FnMut(&[u8])) -> usize {
        match &mut self.form {
            Form::Packed { timed: false, .. } => 0,
            Form::Packed { pack, timed: true } => {
                let mut due = 0;
                let mut cursor = pack.first();
                while let Some(at) = cursor
                    && due < max
                    && field_at(pack.view(), at, true).is_some_and(|field| !field.is_live(now_ms))
                {
                    if let Some(name) = pack.get(at) {
                        name.with_bytes(&mut removed);
                    }
                    due += 1;
                    cursor = skip(pack.view(), at, 3);
                }
                if let Some(first) = pack.first() {
                    pack.remove_range(first, due * 3);
                }
                due
            }
            Form::Table(dict) => dict.take_due(now_ms, max, removed),
        }
    }

    /// Frees up to about `max` fields of a hash that nobody will look into any more; see
    /// [`Dict::free_some`].
    pub fn free_some(&mut self, max: usize) -> usize {
        match &mut self.form {
            Form::Packed { .. } => 0,
            Form::Table(dict) => dict.free_some(max),
        }
    }

    fn become_table(&mut self, limits: Limits) {
        let mut dict = Dict::new(limits.hash_key);
        self.view().each(|field| {
            field.name.with_bytes(|name| {
                field.value.with_bytes(|value| dict.insert(name, value, field.expires_ms));
            });
        });
        self.form = Form::Table(Box::new(dict));
    }
}

impl<'a> From<Pair<'a>> for Field<'a> {
    fn from(pair: Pair<'a>) -> Self {
        Self { name: Element::Bytes(pair.key), value: pair.value, expires_ms: pair.expires_ms }
    }
}

/// Elements of one field.
fn step(timed: bool) -> usize {
    if timed { 3 } else { 2 }
}

fn find(pack: ListpackRef<'_>, timed: bool, name: &[u8]) -> Option<Cursor> {
    pack.find(pack.first()?, &Needle::new(name), step(timed))
}

fn skip(pack: ListpackRef<'_>, from: Cursor, count: usize) -> Option<Cursor> {
    (0..count).try_fold(from, |cursor, _| pack.next(cursor))
}

fn field_at(pack: ListpackRef<'_>, cursor: Cursor, timed: bool) -> Option<Field<'_>> {
    let mut elements = pack.iter_from(cursor);
    let (name, value) = (elements.next()?, elements.next()?);
    let at = if timed { elements.next() } else { None };
    Some(Field { name, value, expires_ms: at.and_then(read_expiry) })
}

fn read_expiry(element: Element<'_>) -> Option<i64> {
    match element {
        Element::Int(NEVER) | Element::Bytes(_) => None,
        Element::Int(at_ms) => Some(at_ms),
    }
}

fn set_packed(pack: &mut Listpack, timed: bool, name: &[u8], value: &[u8], expiry: Expiry) -> bool {
    let Some(cursor) = find(pack.view(), timed, name) else {
        pack.push_back(Element::of(name));
        pack.push_back(Element::of(value));
        if timed {
            pack.push_back(Element::Int(NEVER));
        }
        return true;
    };
    let expires =
        field_at(pack.view(), cursor, timed).is_some_and(|field| field.expires_ms.is_some());
    if expires && expiry == Expiry::Clear {
        pack.remove_range(cursor, 3);
        put_in_order(pack, name, value, None);
    } else if let Some(cursor) = pack.next(cursor) {
        pack.replace(cursor, Element::of(value));
    }
    false
}

/// Puts a field before the first that does not expire earlier.
fn put_in_order(pack: &mut Listpack, name: &[u8], value: &[u8], expires_ms: Option<i64>) {
    let new = [Element::of(name), Element::of(value), Element::Int(expires_ms.unwrap_or(NEVER))];
    let mut place = pack.first().filter(|_| expires_ms.is_some());
    while let (Some(cursor), Some(new_ms)) = (place, expires_ms) {
        let field = field_at(pack.view(), cursor, true);
        if field.is_some_and(|field| field.expires_ms.is_none_or(|at_ms| at_ms >= new_ms)) {
            break;
        }
        place = skip(pack.view(), cursor, 3);
    }
    match place {
        None => new.into_iter().for_each(|element| pack.push_back(element)),
        Some(place) => {
            for element in new.into_iter().rev() {
                pack.insert_before(place, element);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::rng::Seed;

    const LIMITS: Limits = Limits { entries: 32, value: 20, hash_key: [1, 2] };

    fn names(hash: &Hash) -> Vec<Vec<u8>> {
        let mut names = Vec::new();
        hash.view().each(|field| names.push(field.name.to_vec()));
        names
    }

    #[test]
    fn fields_are_in_the_order_of_their_expiries() {
        let mut hash = Hash::default();
        for name in [b"a", b"b", b"c", b"d"] {
            assert!(hash.set(name, b"1", Expiry::Clear, LIMITS));
        }
        hash.allow_expiry();
        for (name, at_ms) in [(b"c", 100), (b"d", 50), (b"a", 100)] {
            assert!(hash.set_expiry(name, Some(at_ms)));
        }
        assert_eq!(names(&hash), [b"d", b"a", b"c", b"b"]);
        assert_eq!((hash.view().encoding(), hash.view().next_due_ms()), ("listpackex", Some(50)));
        hash.set(b"d", b"2", Expiry::Clear, LIMITS);
        hash.set(b"a", b"2", Expiry::Keep, LIMITS);
        assert_eq!(names(&hash), [b"a", b"c", b"b", b"d"]);
        assert_eq!(hash.take_due(100, 9, |_| {}), 0);
        assert_eq!(hash.take_due(101, 1, |_| {}), 1);
        assert_eq!(hash.take_due(101, 9, |_| {}), 1);
        assert_eq!(names(&hash), [b"b", b"d"]);
    }

    #[test]
    fn it_behaves_like_a_map() {
        let mut rng = Rng::new(Seed::of(6));
        for _ in 0..60 {
            let mut hash = Hash::default();
            hash.allow_expiry();
            let mut model: BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)> = BTreeMap::new();
            for _ in 0..400 {
                let name = rng.below(40).to_string().into_bytes();
                match rng.below(8) {
                    0..=3 => {
                        let value = vec![b'v'; rng.below(21) as usize];
                        let expiry = [Expiry::Keep, Expiry::Clear][rng.below(2) as usize];
                        let is_new = hash.set(&name, &value, expiry, LIMITS);
                        let old = model.get(&name).and_then(|held| held.1);
                        let kept = old.filter(|_| expiry == Expiry::Keep);
                        assert_eq!(is_new, model.insert(name, (value, kept)).is_none());
                    }
                    4 => assert_eq!(hash.remove(&name), model.remove(&name).is_some()),
                    5 | 6 => {
                        let at = (rng.below(3) > 0).then(|| 1 + rng.below(1000) as i64);
                        assert_eq!(hash.set_expiry(&name, at), model.contains_key(&name));
                        model.entry(name).and_modify(|held| held.1 = at);
                    }
                    _ => {
                        let now_ms = rng.below(300) as i64;
                        hash.take_due(now_ms, usize::MAX, |_| {});
                        model.retain(|_, held| held.1.is_none_or(|at_ms| at_ms >= now_ms));
                    }
                }
                let mut seen = BTreeMap::new();
                hash.view().each(|field| {
                    seen.insert(field.name.to_vec(), (field.value.to_vec(), field.expires_ms));
                });
                assert_eq!(seen, model);
                assert_eq!(hash.len(), model.len());
                let first_ms = model.values().filter_map(|held| held.1).min();
                assert!(hash.view().next_due_ms() <= first_ms || first_ms.is_none());
            }
        }
    }
}
