//! Sets of byte strings, in the form that fits what is in them.
//!
//! Integers alone are an intset, a few short members a listpack, and everything else a table; the
//! bounds are parameters of the server and come with each call as [`Limits`]. A set changes its form
//! where Redis changes it, so that OBJECT ENCODING says the same: from smaller forms to larger ones
//! as members come, and not back as they go.

use super::dict::Dict;
use super::hashtable::HashKey;
use super::intset::IntSet;
use super::listpack::{Element, LISTPACK_BYTES_MAX, Listpack, Needle};
use crate::base::num::{Digits, parse_i64};
use crate::base::prefetch;
use crate::base::rng::Rng;

/// The largest intset and listpack, in members, whatever the parameters say; Redis's bound.
const COMPACT_LEN_MAX: usize = 1 << 30;

/// Members of a table that are looked at before asking whether to go on.
const STRIDE: usize = 64;

/// Bounds on the forms of sets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Members of an intset (`set-max-intset-entries`).
    pub intset_entries: usize,
    /// Members of a listpack (`set-max-listpack-entries`).
    pub listpack_entries: usize,
    /// Bytes of a member in a listpack (`set-max-listpack-value`).
    pub listpack_value: usize,
    /// The secret of the hash function.
    pub hash_key: HashKey,
}

/// A set of byte strings.
#[derive(Clone)]
pub enum Set {
    /// Integers, ascending.
    Ints(IntSet),
    /// A few short members, in the order in which they came.
    Pack(Listpack),
    /// Any members.
    Table(Box<Dict>),
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.encoding(), self.len())
    }
}

impl Default for Set {
    fn default() -> Self {
        Self::Ints(IntSet::default())
    }
}

/// Looking.
impl Set {
    /// Asks for the memory in which `member` will be looked for; returns its hash if that goes on with
    /// [`Set::prefetch_element`].
    pub fn prefetch(&self, member: &[u8]) -> Option<u64> {
        match self {
            Self::Table(dict) => dict.prefetch_key(member),
            Self::Pack(pack) => {
                prefetch::bytes(pack.as_bytes(), prefetch::BYTES_MAX);
                None
            }
            Self::Ints(_) => None,
        }
    }

    /// Asks for the memory of the element of this hash.
    pub fn prefetch_element(&self, hash: u64) {
        if let Self::Table(dict) = self {
            dict.prefetch_hashed(hash);
        }
    }

    /// An empty set for `count` members, of which `first` will be the first to come.
    pub fn for_members(first: &[u8], count: usize, limits: &Limits) -> Self {
        if parse_i64(first).is_some() && count <= limits.intset_entries {
            Self::default()
        } else if count <= limits.listpack_entries {
            Self::Pack(Listpack::new())
        } else {
            Self::empty_table(limits)
        }
    }

    fn empty_table(limits: &Limits) -> Self {
        Self::Table(Box::new(Dict::new(limits.hash_key)))
    }

    /// The set's form, as OBJECT ENCODING names it.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Ints(_) => "intset",
            Self::Pack(_) => "listpack",
            Self::Table(_) => "hashtable",
        }
    }

    /// How many entries its hash table has places for, if there is one. Costs O(entries / 1000).
    pub fn slot_count(&self) -> Option<usize> {
        match self {
            Self::Ints(_) | Self::Pack(_) => None,
            Self::Table(table) => Some(table.slot_count()),
        }
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Ints(ints) => ints.len(),
            Self::Pack(pack) => pack.len(),
            Self::Table(table) => table.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `member` is in the set. Costs O(1), O(log N) in an intset, O(N) in a listpack.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match self {
            Self::Ints(ints) => parse_i64(member).is_some_and(|number| ints.contains(number)),
            Self::Pack(pack) => {
                let needle = Needle::new(member);
                pack.first().is_some_and(|first| pack.find(first, &needle, 1).is_some())
            }
            Self::Table(table) => table.contains(member),
        }
    }

    /// As [`Set::contains`], for a member of another set.
    pub fn has(&self, member: Element<'_>) -> bool {
        match (self, member) {
            (Self::Ints(ints), Element::Int(number)) => ints.contains(number),
            (_, Element::Int(number)) => self.contains(&Digits::of(number)),
            (_, Element::Bytes(bytes)) => self.contains(bytes),
        }
    }

    /// Shows `visit` every member.
    pub fn each(&self, mut visit: impl FnMut(Element<'_>)) {
        match self {
            Self::Ints(ints) => ints.iter().for_each(|number| visit(Element::Int(number))),
            Self::Pack(pack) => pack.iter().for_each(visit),
            Self::Table(table) => table.each(|pair| visit(Element::Bytes(pair.key))),
        }
    }

    /// Shows `visit` members until it says false.
    pub fn each_while(&self, mut visit: impl FnMut(Element<'_>) -> bool) {
        match self {
            Self::Ints(ints) => {
                let _ = ints.iter().all(|number| visit(Element::Int(number)));
            }
            Self::Pack(pack) => {
                let _ = pack.iter().all(visit);
            }
            Self::Table(table) => {
                let (mut cursor, mut goes_on) = (0, true);
                loop {
                    cursor = table.scan(cursor, STRIDE, |pair| {
                        goes_on = goes_on && visit(Element::Bytes(pair.key));
                    });
                    if cursor == 0 || !goes_on {
                        break;
                    }
                }
            }
        }
    }

    /// Shows `visit` about `count` members from `cursor` on, and returns the next cursor, 0 at the
    /// end; small forms are shown whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Element<'_>)) -> u64 {
        if let Self::Table(table) = self {
            return table.scan(cursor, count, |pair| visit(Element::Bytes(pair.key)));
        }
        self.each(visit);
        0
    }

    /// A member, each about as likely as any other.
    pub fn sample(&self, rng: &mut Rng) -> Option<Element<'_>> {
        let index = |rng: &mut Rng| rng.below(self.len() as u64) as usize;
        match self {
            Self::Ints(ints) => ints.get(index(rng)).map(Element::Int),
            Self::Pack(pack) => pack.get(pack.seek(index(rng))?),
            Self::Table(table) => table.random(rng).map(|pair| Element::Bytes(pair.key)),
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Ints(ints) => ints.heap_bytes(),
            Self::Pack(pack) => pack.heap_bytes(),
            Self::Table(table) => size_of_val(&**table) + table.heap_bytes(),
        }
    }
}

/// Changing.
impl Set {
    /// `count` members will be added at once: a set that they alone make too large for its form
    /// becomes a table.
    pub fn expect(&mut self, count: usize, limits: &Limits) {
        let outgrows = match self {
            Self::Ints(_) => count > limits.intset_entries,
            Self::Pack(_) => count > limits.listpack_entries,
            Self::Table(_) => false,
        };
        if outgrows {
            self.become_table(limits);
        }
    }

    /// Adds `member`; false if it was there.
    pub fn add(&mut self, member: &[u8], limits: &Limits) -> bool {
        match self {
            Self::Ints(ints) => match parse_i64(member) {
                Some(number) => return self.add_int(number, limits),
                None => {
                    let longest = |index| ints.get(index).map_or(0, |n| Digits::of(n).len());
                    let longest = longest(0).max(longest(ints.len().wrapping_sub(1)));
                    let fits = ints.len() < limits.listpack_entries
                        && member.len().max(longest) <= limits.listpack_value;
                    // A number takes no more than eleven bytes.
                    if fits && member.len() < LISTPACK_BYTES_MAX - ints.len() * 11 {
                        self.become_pack();
                    } else {
                        self.become_table(limits);
                    }
                }
            },
            Self::Pack(pack) => {
                let needle = Needle::new(member);
                if pack.first().is_some_and(|first| pack.find(first, &needle, 1).is_some()) {
                    return false;
                }
                let fits = pack.len() < limits.listpack_entries.min(COMPACT_LEN_MAX)
                    && member.len() <= limits.listpack_value
                    && member.len() < LISTPACK_BYTES_MAX - pack.byte_len().min(LISTPACK_BYTES_MAX);
                if !fits {
                    self.become_table(limits);
                }
            }
            Self::Table(_) => {}
        }
        self.add_new(member)
    }

    /// As [`Set::add`], for a member of another set.
    pub fn insert(&mut self, member: Element<'_>, limits: &Limits) -> bool {
        match (&mut *self, member) {
            (Self::Ints(_), Element::Int(number)) => self.add_int(number, limits),
            (_, member) => member.with_bytes(|bytes| self.add(bytes, limits)),
        }
    }

    fn add_int(&mut self, number: i64, limits: &Limits) -> bool {
        let Self::Ints(ints) = self else { return self.add(&Digits::of(number), limits) };
        let added = ints.add(number);
        if added && ints.len() > limits.intset_entries.min(COMPACT_LEN_MAX) {
            self.become_table(limits);
        }
        added
    }

    /// Adds `member` to a form that can hold it; a listpack does not hold it yet.
    fn add_new(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Ints(_) => false,
            Self::Pack(pack) => {
                pack.push_back(Element::of(member));
                true
            }
            Self::Table(table) => table.insert(member, b"", None),
        }
    }

    /// Removes `member`; false if it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Ints(ints) => parse_i64(member).is_some_and(|number| ints.remove(number)),
            Self::Pack(pack) => {
                let needle = Needle::new(member);
                let found = pack.first().and_then(|first| pack.find(first, &needle, 1));
                found.map(|cursor| pack.remove(cursor)).is_some()
            }
            Self::Table(table) => table.remove(member),
        }
    }

    /// Becomes an intset if all members are integers and not too many of them.
    pub fn settle_as_ints(&mut self, limits: &Limits) {
        if matches!(self, Self::Ints(_)) || self.len() > limits.intset_entries {
            return;
        }
        let (mut ints, mut are_all) = (IntSet::default(), true);
        self.each_while(|member| {
            let number = match member {
                Element::Int(number) => Some(number),
                Element::Bytes(bytes) => parse_i64(bytes),
            };
            are_all = number.map(|number| ints.add(number)).is_some();
            are_all
        });
        if are_all {
            *self = Self::Ints(ints);
        }
    }

    /// Becomes a table if its form holds more than that should; for what was stored elsewhere.
    pub fn settle(&mut self, limits: &Limits) {
        self.expect(self.len(), limits);
    }

    /// Frees up to `max` members of a set that nobody will look into any more. Returns how many it
    /// freed; fewer than `max` means that nothing is left that takes time.
    pub fn free_some(&mut self, max: usize) -> usize {
        if let Self::Table(table) = self { table.free_some(max) } else { 0 }
    }

    fn become_pack(&mut self) {
        let mut pack = Listpack::new();
        self.each(|member| pack.push_back(member));
        *self = Self::Pack(pack);
    }

    fn become_table(&mut self, limits: &Limits) {
        let mut table = Self::empty_table(limits);
        self.each(|member| {
            member.with_bytes(|bytes| table.add_new(bytes));
        });
        *self = table;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Seed;
    use std::collections::BTreeSet;

    const LIMITS: Limits =
        Limits { intset_entries: 16, listpack_entries: 8, listpack_value: 10, hash_key: [1, 2] };

    #[test]
    fn behaves_as_a_set() {
        let mut rng = Rng::new(Seed::of(1));
        for round in 0..30u64 {
            let (mut set, mut model) = (Set::default(), BTreeSet::new());
            for _ in 0..200 {
                let number = rng.below(2 + round * 4);
                let member =
                    if rng.below(20) < round { format!("m{number}") } else { number.to_string() };
                if rng.below(3) > 0 {
                    assert_eq!(set.add(member.as_bytes(), &LIMITS), model.insert(member.clone()));
                } else {
                    assert_eq!(set.remove(member.as_bytes()), model.remove(&member));
                }
                assert_eq!(set.contains(member.as_bytes()), model.contains(&member));
                assert_eq!(set.len(), model.len());
            }
            let mut all = BTreeSet::new();
            set.each_while(|member| all.insert(String::from_utf8(member.to_vec()).unwrap()));
            assert_eq!(all, model);
            let mut count = 0;
            set.each(|member| count += usize::from(set.has(member)));
            assert_eq!(count, model.len());
            if let Some(member) = set.sample(&mut rng) {
                assert!(set.has(member));
            }
        }
    }

    #[test]
    fn forms_change_as_in_redis() {
        let mut set = Set::default();
        for number in 0..16 {
            set.add(&Digits::of(number), &LIMITS);
        }
        let mut words = set.clone();
        assert_eq!(set.encoding(), "intset");
        set.add(b"16", &LIMITS);
        assert_eq!(set.encoding(), "hashtable");
        for number in 1..16 {
            words.remove(&Digits::of(number));
        }
        words.add(b"word", &LIMITS);
        assert_eq!(words.encoding(), "listpack");
        words.add(b"a long word", &LIMITS);
        assert_eq!((words.encoding(), words.len()), ("hashtable", 3));
    }
}
