//! All keys in one list, in the order of what they take, when they expire, or what they hold.
//!
//! What the order goes by is asked of the server key by key, so the list grows while that goes on
//! and is in order all the time.

use std::cmp::Ordering;

use super::natural;
use super::ordered::Ordered;
use super::tree::{KeyId, Kind, Tree};

/// What keys are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By name, in folders.
    #[default]
    Folders,
    /// By name.
    Name,
    /// The largest first.
    Size,
    /// What expires next first; what never does, last.
    Expiry,
    /// By type, and by name within it.
    Kind,
}

impl Sort {
    /// All orders.
    pub const ALL: [Self; 5] = [Self::Folders, Self::Name, Self::Size, Self::Expiry, Self::Kind];

    /// Its name, as it stands in the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Folders => "folders",
            Self::Name => "name",
            Self::Size => "size",
            Self::Expiry => "expiry",
            Self::Kind => "type",
        }
    }

    /// The order of this name.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|sort| sort.name() == name).unwrap_or_default()
    }
}

/// When a key expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiry {
    /// At this time, in milliseconds since 1970.
    At(i64),
    /// Never.
    Never,
}

/// What is known of keys besides their names and types. Numbers are kept in as few bytes as will
/// do, for there may be a million of each, and only once somebody has asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Bytes; 0 if not known.
    sizes: Vec<u32>,
    /// Milliseconds since 1970; 0 if not known, −1 for never.
    expiries: Vec<i64>,
}

impl Facts {
    /// The bytes that a key takes, if known.
    pub fn size(&self, id: KeyId) -> Option<u32> {
        self.sizes.get(id as usize).copied().filter(|&size| size > 0)
    }

    /// When a key expires, if known.
    pub fn expiry(&self, id: KeyId) -> Option<Expiry> {
        match *self.expiries.get(id as usize)? {
            0 => None,
            -1 => Some(Expiry::Never),
            at_ms => Some(Expiry::At(at_ms)),
        }
    }

    pub(super) fn set_size(&mut self, id: KeyId, bytes: u64) {
        put(&mut self.sizes, id, u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    pub(super) fn set_expiry(&mut self, id: KeyId, expiry: Expiry) {
        let number = match expiry {
            Expiry::At(at_ms) => at_ms.max(1),
            Expiry::Never => -1,
        };
        put(&mut self.expiries, id, number);
    }

    /// What was known of a key is so no longer.
    pub(super) fn forget(&mut self, id: KeyId) {
        let index = id as usize;
        self.sizes.get_mut(index).into_iter().for_each(|size| *size = 0);
        self.expiries.get_mut(index).into_iter().for_each(|expiry| *expiry = 0);
    }
}

fn put<T: Copy + Default>(values: &mut Vec<T>, id: KeyId, value: T) {
    let index = id as usize;
    if values.len() <= index {
        values.resize(index + 1, T::default());
    }
    if let Some(old) = values.get_mut(index) {
        *old = value;
    }
}

/// Keys in one order.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    sort: Sort,
    order: Ordered,
}

impl List {
    /// A list without keys.
    pub fn new(sort: Sort) -> Self {
        Self { sort, order: Ordered::default() }
    }

    /// How many keys are in it.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no keys are in it.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The keys of at most `count` lines, from `first` on.
    pub fn rows(&self, first: usize, count: usize) -> impl Iterator<Item = KeyId> + '_ {
        self.order.iter_from(first).take(count)
    }

    /// What the list goes by is known of a key.
    pub fn knows(&self, id: KeyId, tree: &Tree, facts: &Facts) -> bool {
        match self.sort {
            Sort::Folders | Sort::Name => true,
            Sort::Size => facts.size(id).is_some(),
            Sort::Expiry => facts.expiry(id).is_some(),
            Sort::Kind => tree.kind(id) != Kind::Unknown,
        }
    }

    /// Enters a key. Costs O(log N).
    pub fn enter(&mut self, id: KeyId, tree: &Tree, facts: &Facts) {
        let sort = self.sort;
        self.order.insert(id, |other| compare(sort, other, id, tree, facts));
    }

    /// Takes a key out. What is known of it must be what was known when it was entered.
    pub fn leave(&mut self, id: KeyId, tree: &Tree, facts: &Facts) {
        let sort = self.sort;
        self.order.remove(|other| compare(sort, other, id, tree, facts));
    }
}

fn compare(sort: Sort, left: KeyId, right: KeyId, tree: &Tree, facts: &Facts) -> Ordering {
    let by_fact = match sort {
        Sort::Folders | Sort::Name => Ordering::Equal,
        Sort::Size => facts.size(right).cmp(&facts.size(left)),
        Sort::Expiry => facts.expiry(left).cmp(&facts.expiry(right)),
        Sort::Kind => tree.kind(left).cmp(&tree.kind(right)),
    };
    by_fact.then_with(|| natural::compare(tree.name(left), tree.name(right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_asked_for() {
        let mut tree = Tree::default();
        let mut facts = Facts::default();
        let keys: [(&str, Kind, u64, Expiry); 4] = [
            ("c", Kind::Set, 10, Expiry::Never),
            ("b", Kind::String, 5_000_000_000, Expiry::At(2000)),
            ("a10", Kind::String, 10, Expiry::At(1000)),
            ("a9", Kind::Hash, 100, Expiry::Never),
        ];
        for (name, kind, size, expiry) in keys {
            let id = tree.add(name.as_bytes(), kind).unwrap();
            facts.set_size(id, size);
            facts.set_expiry(id, expiry);
        }
        let names = |sort: Sort| {
            let mut list = List::new(sort);
            (0..4).for_each(|id| list.enter(id, &tree, &facts));
            let name = |id| String::from_utf8_lossy(tree.name(id)).into_owned();
            let names: Vec<String> = list.rows(0, 9).map(name).collect();
            assert_eq!(list.len(), 4);
            (0..4).for_each(|id| list.leave(id, &tree, &facts));
            assert!(list.is_empty());
            names.join(" ")
        };
        assert_eq!(names(Sort::Name), "a9 a10 b c");
        assert_eq!(names(Sort::Size), "b a9 a10 c");
        assert_eq!(names(Sort::Expiry), "a10 b a9 c");
        assert_eq!(names(Sort::Kind), "a10 b c a9");
        for sort in Sort::ALL {
            assert_eq!(Sort::named(sort.name()), sort);
        }
    }

    #[test]
    fn what_is_not_known_is_said_to_be_so() {
        let mut facts = Facts::default();
        assert_eq!((facts.size(7), facts.expiry(7)), (None, None));
        facts.set_size(7, 1);
        facts.set_expiry(7, Expiry::At(0));
        assert_eq!((facts.size(7), facts.expiry(7)), (Some(1), Some(Expiry::At(1))));
        assert_eq!(facts.size(6), None);
        facts.forget(7);
        assert_eq!((facts.size(7), facts.expiry(7)), (None, None));
    }
}
