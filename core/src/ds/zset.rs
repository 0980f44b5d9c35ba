//! Sorted sets: members with scores, in the order of the scores and, among equal ones, of the
//! members' bytes.
//!
//! Small ones are a listpack of members and scores in turn, in order, exactly as Redis has it: the
//! score as an integer where it is one, else its shortest text. Larger ones, which Redis calls
//! `skiplist`, are a [tree with an index](tree). A set that has become a tree stays one.
//!
//! A score is never NaN; whoever calls sees to it.

mod order;
mod tree;

use super::hashtable::{HashKey, WalkId};
use super::listpack::{Cursor, Element, Listpack, Malformed, Needle};
use crate::base::order::sort_by;
use crate::base::{num, prefetch};
use order::Slot;
use tree::Tree;

/// When a set becomes a tree.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Members that a listpack may have (`zset-max-listpack-entries`).
    pub entries_max: usize,
    /// Length of the members that a listpack may have (`zset-max-listpack-value`).
    pub member_bytes_max: usize,
    /// For the index of a tree.
    pub hash_key: HashKey,
}

/// Members in the order of their scores.
#[derive(Clone)]
pub struct SortedSet(Form);

#[derive(Clone)]
enum Form {
    /// Members and scores in turn.
    Packed(Listpack),
    Tree(Box<Tree>),
}

/// A member, and its score.
pub type Pair<'a> = (Element<'a>, f64);

/// Listpacks are not built beyond this size, in bytes.
const PACK_BYTES_MAX: usize = super::listpack::LISTPACK_BYTES_MAX;

impl Limits {
    /// Whether a listpack may have `count` members of up to `member_bytes` bytes.
    fn allow(&self, count: usize, member_bytes: usize) -> bool {
        count <= self.entries_max && member_bytes <= self.member_bytes_max
    }
}

impl std::fmt::Debug for SortedSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter_from(0)).finish()
    }
}

/// Making and looking.
impl SortedSet {
    /// Asks for the memory in which `member` will be looked for; returns its hash if that goes on with
    /// [`SortedSet::prefetch_element`].
    pub fn prefetch(&self, member: &[u8]) -> Option<u64> {
        match &self.0 {
            Form::Tree(tree) => tree.members().prefetch_key(member),
            Form::Packed(pack) => {
                prefetch::bytes(pack.as_bytes(), prefetch::BYTES_MAX);
                None
            }
        }
    }

    /// Asks for the memory of the element of this hash.
    pub fn prefetch_element(&self, hash: u64) {
        if let Form::Tree(tree) = &self.0 {
            tree.members().prefetch_hashed(hash);
        }
    }

    /// An empty set in the form for `count` members of up to `member_bytes` bytes.
    pub fn for_members(count: usize, member_bytes: usize, limits: &Limits) -> Self {
        if limits.allow(count, member_bytes) {
            Self(Form::Packed(Listpack::new()))
        } else {
            Self(Form::Tree(Box::new(Tree::new(limits.hash_key))))
        }
    }

    /// An empty set in the form for many members. When it is full, [`SortedSet::pack`] finds the
    /// form for them.
    pub fn to_fill(limits: &Limits) -> Self {
        Self(Form::Tree(Box::new(Tree::new(limits.hash_key))))
    }

    /// The set whose listpack is `pack`, which may come from anywhere: what is no set of members
    /// with scores is refused, and so is a member twice. Costs O(n log n).
    pub fn from_listpack(pack: Listpack, limits: &Limits) -> Result<Self, Malformed> {
        let (mut rest, mut pairs) = (pack.iter(), Vec::new());
        while let Some(member) = rest.next() {
            let score = rest.next().and_then(read_score).ok_or(Malformed)?;
            pairs.push((member.to_vec(), score));
        }
        let is_before = |[left, right]: &[(Vec<u8>, f64); 2]| {
            left.1 < right.1 || left.1 <= right.1 && left.0 < right.0
        };
        let sorted = pairs.array_windows().all(is_before);
        let mut members: Vec<&[u8]> = pairs.iter().map(|(member, _)| member.as_slice()).collect();
        sort_by(&mut members, |a, b| a.cmp(b));
        if members.array_windows().any(|[left, right]| left == right) {
            return Err(Malformed);
        }
        // Redis looks at the number alone: a listpack of longer members stays one.
        if sorted && pairs.len() <= limits.entries_max {
            return Ok(Self(Form::Packed(pack)));
        }
        let mut set = Self::for_members(pairs.len(), 0, limits);
        for (member, score) in &pairs {
            set.insert(member, *score, limits);
        }
        Ok(set)
    }

    /// Number of members. Costs O(1).
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.len() / 2,
            Form::Tree(tree) => tree.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The form, as OBJECT ENCODING names it.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) => "listpack",
            Form::Tree(_) => "skiplist",
        }
    }

    /// How many entries its hash table has places for, if there is one. Costs O(entries / 1000).
    pub fn slot_count(&self) -> Option<usize> {
        match &self.0 {
            Form::Packed(_) => None,
            Form::Tree(tree) => Some(tree.slot_count()),
        }
    }

    /// How many members or children each node of its tree holds, level by level from the root; `None`
    /// if it has no tree. Costs O(nodes).
    pub fn levels(&self) -> Option<Vec<Vec<usize>>> {
        match &self.0 {
            Form::Packed(_) => None,
            Form::Tree(tree) => Some(tree.levels()),
        }
    }

    /// The listpack, if the set is in that form.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Packed(pack) => Some(pack),
            Form::Tree(_) => None,
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.heap_bytes(),
            Form::Tree(tree) => size_of::<Tree>() + tree.heap_bytes(),
        }
    }

    /// Begins to walk along the members of a tree as they are now; see
    /// [`HashTable::begin_walk`](super::hashtable::HashTable::begin_walk). A listpack has no walks.
    pub fn begin_walk(&mut self, id: WalkId) {
        if let Form::Tree(tree) = &mut self.0 {
            tree.begin_walk(id);
        }
    }

    /// The number of the walk that is under way.
    pub fn walk_id(&self) -> Option<WalkId> {
        match &self.0 {
            Form::Packed(_) => None,
            Form::Tree(tree) => tree.walk_id(),
        }
    }

    /// Ends the walk early.
    pub fn end_walk(&mut self) {
        if let Form::Tree(tree) = &mut self.0 {
            tree.end_walk();
        }
    }

    /// Shows `visit` about `count` members more, in no order. Returns whether that was all.
    pub fn walk_some(&mut self, count: usize, visit: impl FnMut(&[u8], f64)) -> bool {
        match &mut self.0 {
            Form::Packed(_) => true,
            Form::Tree(tree) => tree.walk_some(count, visit),
        }
    }

    /// The score of `member`. Costs O(1), and O(members) in a listpack.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Form::Packed(pack) => {
                let cursor = pack.find(pack.first()?, &Needle::new(member), 2)?;
                score_behind(pack, cursor)
            }
            Form::Tree(tree) => tree.score(member),
        }
    }

    /// How many members lie before `member`, and its score. Costs O(log members).
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Form::Packed(_) => {
                let needle = Needle::new(member);
                let mut pairs = self.iter_from(0).enumerate();
                let (rank, (_, score)) = pairs.find(|(_, (other, _))| needle.matches(*other))?;
                Some((rank, score))
            }
            Form::Tree(tree) => {
                let score = tree.score(member)?;
                Some((tree.rank(score, member), score))
            }
        }
    }

    /// How many members at the start `holds` is true of; it must be false of all that follow.
    /// Costs O(log members).
    pub fn count_while(&self, mut holds: impl FnMut(f64, Element<'_>) -> bool) -> usize {
        match &self.0 {
            Form::Packed(_) => {
                self.iter_from(0).take_while(|&(member, score)| holds(score, member)).count()
            }
            Form::Tree(tree) => {
                tree.count_while(|score, member| holds(score, Element::Bytes(member)))
            }
        }
    }

    /// The member of rank `rank`.
    pub fn get(&self, rank: usize) -> Option<Pair<'_>> {
        match &self.0 {
            Form::Packed(pack) => {
                let cursor = pack.seek(rank.checked_mul(2)?)?;
                Some((pack.get(cursor)?, score_behind(pack, cursor)?))
            }
            Form::Tree(tree) => {
                tree.get(rank).map(|(member, score)| (Element::Bytes(member), score))
            }
        }
    }

    /// The members from rank `rank` on.
    pub fn iter_from(&self, rank: usize) -> Iter<'_> {
        self.iter(rank, false)
    }

    /// The members from rank `rank` on, in falling order.
    pub fn iter_back_from(&self, rank: usize) -> Iter<'_> {
        self.iter(rank, true)
    }

    fn iter(&self, rank: usize, back: bool) -> Iter<'_> {
        let rest = match &self.0 {
            Form::Packed(pack) if back => {
                let score = rank.checked_mul(2).and_then(|index| pack.seek(index + 1));
                Rest::Packed(score.map(|score| pack.iter_to(score)).unwrap_or_default())
            }
            Form::Packed(pack) => {
                let member = rank.checked_mul(2).and_then(|index| pack.seek(index));
                Rest::Packed(member.map(|member| pack.iter_from(member)).unwrap_or_default())
            }
            Form::Tree(tree) => Rest::Tree { tree, run: &[], next: Some(rank) },
        };
        Iter { rest, back }
    }

    /// Shows `visit` some members, from `cursor` on and about `count`, and returns the next cursor,
    /// 0 at the end. A member that is there from the first call to the last is shown, however the
    /// set changes meanwhile. A listpack is shown at once.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Element<'_>, f64)) -> u64 {
        match &self.0 {
            Form::Packed(_) => {
                self.iter_from(0).for_each(|(member, score)| visit(member, score));
                0
            }
            Form::Tree(tree) => {
                tree.scan(cursor, count, |member, score| visit(Element::Bytes(member), score))
            }
        }
    }
}

/// Changing.
impl SortedSet {
    /// Gives `member` the score `score`, which is no NaN, adding it if it is not there. Returns the
    /// score it had. Costs O(log members).
    pub fn insert(&mut self, member: &[u8], score: f64, limits: &Limits) -> Option<f64> {
        let Form::Packed(pack) = &mut self.0 else { return self.insert_in_tree(member, score) };
        let needle = Needle::new(member);
        let found = pack.first().and_then(|first| pack.find(first, &needle, 2));
        if let Some(cursor) = found {
            let old = score_behind(pack, cursor)?;
            if old != score {
                pack.remove_range(cursor, 2);
                insert_packed(pack, member, score);
            }
            return Some(old);
        }
        let bytes = pack.byte_len().saturating_add(member.len());
        if !limits.allow(pack.len() / 2 + 1, member.len()) || bytes >= PACK_BYTES_MAX {
            self.become_tree(limits);
            return self.insert_in_tree(member, score);
        }
        insert_packed(pack, member, score);
        None
    }

    fn insert_in_tree(&mut self, member: &[u8], score: f64) -> Option<f64> {
        match &mut self.0 {
            Form::Tree(tree) => tree.insert(score, member),
            Form::Packed(_) => None,
        }
    }

    /// Removes `member` and returns its score. Costs O(log members).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Form::Packed(pack) => {
                let cursor = pack.find(pack.first()?, &Needle::new(member), 2)?;
                let score = score_behind(pack, cursor);
                pack.remove_range(cursor, 2);
                score
            }
            Form::Tree(tree) => tree.remove(member),
        }
    }

    /// Removes `count` members, or as many as there are, from rank `rank` on. Costs
    /// O(`count` · log members).
    pub fn remove_range(&mut self, rank: usize, count: usize) {
        match &mut self.0 {
            Form::Packed(pack) => {
                if let Some(cursor) = rank.checked_mul(2).and_then(|index| pack.seek(index)) {
                    pack.remove_range(cursor, count.saturating_mul(2));
                }
            }
            Form::Tree(tree) => {
                for _ in 0..count {
                    let Some(member) = tree.get(rank).map(|(member, _)| member.to_vec()) else {
                        break;
                    };
                    tree.remove(&member);
                }
            }
        }
    }

    /// Becomes a listpack if it may be one, for a set that was made to be stored. Costs
    /// O(members of a listpack).
    pub fn pack(&mut self, limits: &Limits) {
        let Form::Tree(tree) = &self.0 else { return };
        if tree.len() > limits.entries_max {
            return;
        }
        let longest =
            self.iter_from(0).map(|(member, _)| member.with_bytes(<[u8]>::len)).max().unwrap_or(0);
        if longest > limits.member_bytes_max {
            return;
        }
        let mut pack = Listpack::new();
        for (member, score) in self.iter_from(0) {
            member.with_bytes(|bytes| pack.push_back(Element::of(bytes)));
            with_element(score, |score| pack.push_back(score));
        }
        self.0 = Form::Packed(pack);
    }

    /// Frees up to about `max` members of a set that nobody will look into any more. Returns how
    /// many, fewer than `max` if nothing is left that takes time.
    pub fn free_some(&mut self, max: usize) -> usize {
        match &mut self.0 {
            Form::Packed(_) => 0,
            Form::Tree(tree) => tree.free_some(max),
        }
    }

    /// Becomes a tree, if it is none. Costs O(members · log members).
    pub fn unpack(&mut self, limits: &Limits) {
        if let Form::Packed(_) = self.0 {
            self.become_tree(limits);
        }
    }

    fn become_tree(&mut self, limits: &Limits) {
        let mut tree = Tree::new(limits.hash_key);
        for (member, score) in self.iter_from(0) {
            member.with_bytes(|member| tree.insert(score, member));
        }
        self.0 = Form::Tree(Box::new(tree));
    }
}

/// Calls `with` with the element that stands for a score in a listpack.
fn with_element(score: f64, with: impl FnOnce(Element<'_>)) {
    /// Up to this, Redis looks whether a score is an integer, which loses the sign of zero.
    const EXACT_MAX: f64 = (1_u64 << 52) as f64;
    if (1.0 - EXACT_MAX..=EXACT_MAX).contains(&score) && score.trunc() == score {
        with(Element::Int(score as i64));
    } else {
        with(Element::of(&num::format_f64(score)));
    }
}

/// The score that an element of a listpack stands for.
fn read_score(element: Element<'_>) -> Option<f64> {
    match element {
        Element::Int(number) => Some(number as f64),
        Element::Bytes(bytes) => num::parse_f64(bytes).filter(|score| !score.is_nan()),
    }
}

/// The score of the member at `cursor`.
fn score_behind(pack: &Listpack, cursor: Cursor) -> Option<f64> {
    read_score(pack.get(pack.next(cursor)?)?)
}

/// Adds a member, which is not there, to a listpack, where it belongs.
fn insert_packed(pack: &mut Listpack, member: &[u8], score: f64) {
    let mut place = pack.first();
    while let Some(cursor) = place {
        let Some(behind) = pack.next(cursor) else { break };
        let other = pack.get(behind).and_then(read_score).unwrap_or(score);
        let is_behind = |element: Element<'_>| element.with_bytes(|bytes| bytes > member);
        if other > score || other >= score && pack.get(cursor).is_some_and(is_behind) {
            break;
        }
        place = pack.next(behind);
    }
    let member = Element::of(member);
    with_element(score, |score| match place {
        Some(cursor) => {
            let own = pack.insert_before(cursor, member);
            pack.insert_after(own, score);
        }
        None => {
            pack.push_back(member);
            pack.push_back(score);
        }
    });
}

/// Members and scores from some rank on, in one direction.
#[derive(Clone)]
pub struct Iter<'a> {
    rest: Rest<'a>,
    back: bool,
}

#[derive(Clone)]
enum Rest<'a> {
    Packed(super::listpack::Iter<'a>),
    Tree {
        tree: &'a Tree,
        /// What is left of the current leaf.
        run: &'a [Slot],
        /// The rank of the next slot; `None` behind the last.
        next: Option<usize>,
    },
}

impl<'a> Iterator for Iter<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        match &mut self.rest {
            Rest::Packed(rest) if self.back => {
                let score = rest.next_back().and_then(read_score)?;
                Some((rest.next_back()?, score))
            }
            Rest::Packed(rest) => {
                let member = rest.next()?;
                Some((member, rest.next().and_then(read_score)?))
            }
            Rest::Tree { tree, run, next } => {
                if run.is_empty() {
                    *run = tree.run_at((*next)?, self.back);
                }
                let slot = if self.back {
                    let (slot, rest) = run.split_last()?;
                    (*run, *next) = (rest, next.and_then(|rank| rank.checked_sub(1)));
                    slot
                } else {
                    let (slot, rest) = run.split_first()?;
                    (*run, *next) = (rest, next.map(|rank| rank + 1));
                    slot
                };
                Some((Element::Bytes(tree.member(*slot)), slot.score()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::rng::{Rng, Seed};

    type Model = BTreeMap<Vec<u8>, f64>;

    fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
        let mut pairs: Vec<_> =
            model.iter().map(|(member, &score)| (member.clone(), score)).collect();
        pairs.sort_by(|left, right| left.1.total_cmp(&right.1).then_with(|| left.0.cmp(&right.0)));
        pairs
    }

    fn owned((member, score): Pair<'_>) -> (Vec<u8>, f64) {
        (member.to_vec(), score)
    }

    fn check(set: &SortedSet, model: &Model) {
        let pairs = sorted(model);
        assert_eq!((set.len(), set.is_empty()), (pairs.len(), pairs.is_empty()));
        assert!(set.iter_from(0).map(owned).eq(pairs.iter().cloned()));
        let last = pairs.len().wrapping_sub(1);
        assert!(set.iter_back_from(last).map(owned).eq(pairs.iter().rev().cloned()));
        match &set.0 {
            Form::Packed(pack) => assert_eq!(Listpack::parse(pack.as_bytes()).as_ref(), Ok(pack)),
            Form::Tree(tree) => tree.check(),
        }
        if let Some(levels) = set.levels() {
            assert_eq!(levels.last().unwrap().iter().sum::<usize>(), pairs.len());
            // The children of a level are the nodes of the next.
            for (above, below) in levels.iter().zip(levels.iter().skip(1)) {
                assert_eq!(above.iter().sum::<usize>(), below.len());
            }
        }
    }

    /// Random changes, beside a map that is changed alike.
    fn behaves_like_a_map(entries_max: usize, members: u64, scores: u64, steps: usize) {
        let limits = Limits { entries_max, member_bytes_max: 100, hash_key: [1, 2] };
        let mut rng = Rng::new(Seed::of(members + scores));
        let mut set = SortedSet::for_members(0, 0, &limits);
        let mut model = Model::new();
        for step in 0..steps {
            let number = rng.below(members);
            let mut member = number.to_string().into_bytes();
            member.resize(member.len() + (number % 90) as usize, b'x');
            let score = rng.below(scores) as f64 / 4.0 - 3.0;
            let grows = step % 1000 < 700;
            match rng.below(20) {
                0..10 if grows => {
                    assert_eq!(set.insert(&member, score, &limits), model.insert(member, score));
                }
                10 if step % 50 == 0 => {
                    let rank = rng.below(set.len() as u64 + 2) as usize;
                    for (member, _) in sorted(&model).into_iter().skip(rank).take(20) {
                        model.remove(&member);
                    }
                    set.remove_range(rank, 20);
                }
                11 => {
                    let rank = rng.below(set.len() as u64 + 2) as usize;
                    let pair = sorted(&model).get(rank).cloned();
                    assert_eq!(set.get(rank).map(owned), pair);
                    if let Some((member, score)) = pair {
                        assert_eq!(set.rank(&member), Some((rank, score)));
                    }
                }
                12 => {
                    let count = model.values().filter(|&&other| other <= score).count();
                    assert_eq!(set.count_while(|other, _| other <= score), count);
                }
                _ => assert_eq!(set.remove(&member), model.remove(&member)),
            }
            if step % 1999 == 0 {
                check(&set, &model);
            }
        }
        check(&set.clone(), &model);
        let mut shown = Model::new();
        let mut cursor = 0;
        loop {
            cursor = set.scan(cursor, 3, |member, score| {
                shown.insert(member.to_vec(), score);
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(shown, model);
        if let Some(pack) = set.as_listpack() {
            let set = SortedSet::from_listpack(pack.clone(), &limits).unwrap();
            assert_eq!(set.encoding(), "listpack");
            check(&set, &model);
        }
        let all = Limits { entries_max: usize::MAX, ..limits };
        set.pack(&all);
        assert_eq!(set.encoding(), "listpack");
        check(&set, &model);
        for member in model.keys().cloned().collect::<Vec<_>>() {
            assert_eq!(set.remove(&member), model.remove(&member));
        }
        check(&set, &model);
    }

    #[test]
    fn small_sets_behave_like_maps() {
        behaves_like_a_map(1000, 50, 8, 3000);
        behaves_like_a_map(1000, 50, 1000, 3000);
    }

    #[test]
    fn trees_behave_like_maps() {
        behaves_like_a_map(0, 20, 8, 2000);
        behaves_like_a_map(10, 5000, 4, 20_000);
        behaves_like_a_map(10, 20_000, 100_000, 20_000);
    }

    #[test]
    fn a_tree_grows_at_either_end_and_shrinks_to_nothing() {
        let limits = Limits { entries_max: 0, member_bytes_max: 0, hash_key: [3, 4] };
        for direction in [1.0, -1.0] {
            let mut set = SortedSet::for_members(0, 1, &limits);
            let mut model = Model::new();
            for number in 0..10_000 {
                let member = format!("member-{number:07}").into_bytes();
                set.insert(&member, direction * f64::from(number), &limits);
                model.insert(member, direction * f64::from(number));
            }
            check(&set, &model);
            let each = set.heap_bytes() as f64 / 10_000.0;
            assert!(each < 48.0, "{each} bytes a member of 14 bytes");
            while !set.is_empty() {
                set.remove_range(set.len() / 3, 7);
            }
            check(&set, &Model::new());
            assert!(set.heap_bytes() < 2000, "{}", set.heap_bytes());
        }
    }

    #[test]
    fn scores_in_a_listpack_are_written_as_redis_does() {
        for (score, text) in [
            (0.0, Element::Int(0)),
            (-0.0, Element::Int(0)),
            (1.5, Element::Bytes(b"1.5")),
            (-4_503_599_627_370_497.0, Element::Int(-4_503_599_627_370_497)),
            (1e20, Element::Bytes(b"1e+20")),
            (f64::INFINITY, Element::Bytes(b"inf")),
        ] {
            with_element(score, |element| assert_eq!(element, text));
        }
    }

    #[test]
    fn listpacks_that_are_no_sets_are_refused() {
        let limits = Limits { entries_max: 8, member_bytes_max: 8, hash_key: [0, 0] };
        let read = |words: &[&str]| {
            let mut pack = Listpack::new();
            words.iter().for_each(|word| pack.push_back(Element::of(word.as_bytes())));
            SortedSet::from_listpack(pack, &limits)
        };
        for words in [&["a"][..], &["a", "b"], &["a", "nan"], &["a", "1", "a", "2"]] {
            assert!(read(words).is_err(), "{words:?}");
        }
        let set = read(&["b", "2", "a", "1"]).unwrap();
        assert_eq!(set.get(0).map(owned), Some((b"a".to_vec(), 1.0)));
        assert_eq!(read(&["a", "1", "a-long-member", "2"]).unwrap().encoding(), "listpack");
    }

    #[test]
    fn a_set_that_nobody_sees_is_freed_in_parts() {
        let limits = Limits { entries_max: 0, member_bytes_max: 0, hash_key: [3, 4] };
        let mut set = SortedSet::for_members(0, 1, &limits);
        for number in 0..20_000 {
            set.insert(format!("{number:020}").as_bytes(), f64::from(number), &limits);
        }
        let mut calls = 0;
        while set.free_some(100) >= 100 {
            calls += 1;
        }
        assert!(calls > 50, "{calls}");
    }
}
