//! Arrays: values at places, most of which may be empty.
//!
//! A place is a number of 64 bits, which a client chooses, so nothing here is as large as a place is
//! high: the places are cut into *blocks* of 64, and only blocks that hold something are there, in a
//! map by their number. A block knows from the bits of a mask which of its places are taken; their
//! values lie one behind the other in a listpack, or each on its own if they are long.
//!
//! Redis cuts arrays into *slices* of 4096 places, each a window of pointers or a few places with
//! their values. ARINFO tells of these, so [`Array::layout`] says how Redis would have laid the array
//! out.
//!
//! A copy shares the blocks, and a block that is shared is copied when it is changed.

use std::ops::Bound::Included;
use std::rc::Rc;

use super::{Element, Listpack, listpack::ListpackRef};
use crate::base::shared::SharedMap;

/// Places of a block, as a power of two.
const BLOCK_BITS: u32 = 6;
/// Longer listpacks become values on their own, in bytes.
pub const PACK_BYTES_MAX: usize = 8 * 1024;
/// What an entry of a listpack costs besides its value, at most, in bytes.
const ENTRY_OVERHEAD: usize = 16;
/// What the map takes for a block besides what the block holds, about, in bytes.
const BLOCK_OVERHEAD: usize = size_of::<(u64, Block, Values, [usize; 2])>();

/// The highest place that holds something: the number behind it stands for none.
pub const PLACE_MAX: u64 = u64::MAX - 1;

/// Values at places.
#[derive(Clone, Debug)]
pub struct Array {
    blocks: SharedMap<u64, Block>,
    count: u64,
    bytes: usize,
    /// Where the last value was put that was to come behind the others; `None` if none was.
    pub last_insert: Option<u64>,
    /// Places of a slice in Redis, a power of two.
    slice_places: u64,
}

impl Default for Array {
    fn default() -> Self {
        Self::with_slices(SLICE_PLACES)
    }
}

/// A block of an array, for those who draw it.
#[derive(Clone, Copy, Debug)]
pub struct BlockRef<'a> {
    /// The first of its 64 places.
    pub first: u64,
    /// Which of them are taken: a bit each, the lowest for the first.
    pub mask: u64,
    /// Their values in one piece; `None` if each lies on its own.
    pub pack: Option<ListpackRef<'a>>,
    /// Bytes of the values.
    pub bytes: usize,
}

/// Which places of a block are taken, and what by.
#[derive(Clone, Debug)]
struct Block {
    mask: u64,
    values: Rc<Values>,
}

/// The values of a block in the order of their places.
#[derive(Clone, Debug)]
enum Values {
    Packed(Listpack),
    Single(Vec<Box<[u8]>>),
}

/// How Redis lays an array out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Slices that hold something.
    pub slices: u64,
    /// Places in the directory of slices.
    pub directory: u64,
    /// Directories below that, if there are two levels.
    pub blocks: u64,
    /// Slices with a window of pointers, and the places of all their windows.
    pub dense: (u64, u64),
    /// Values in these.
    pub dense_values: u64,
    /// Slices of few places with their values, and these places.
    pub sparse: (u64, u64),
}

/// Places of a slice in Redis, unless it is told otherwise.
const SLICE_PLACES: u64 = 4096;
/// Slices that a directory of one level can hold.
const DIRECTORY_SLICES: u64 = 2048;
/// For how many values a slice without a window has room at first.
const SPARSE_ROOM: u64 = 4;
/// The smallest window.
const WINDOW_MIN: u64 = 8;

impl Block {
    /// How many values lie before this place of the block.
    fn rank(&self, bit: u32) -> usize {
        (self.mask & ((1 << bit) - 1)).count_ones() as usize
    }

    fn bytes(&self) -> usize {
        BLOCK_OVERHEAD
            + match &*self.values {
                Values::Packed(pack) => pack.heap_bytes(),
                Values::Single(values) => {
                    values.iter().map(|value| value.len() + size_of::<Box<[u8]>>()).sum()
                }
            }
    }

    /// Puts `value` at a place of the block; returns whether nothing was there.
    fn set(&mut self, bit: u32, value: &[u8]) -> bool {
        let (rank, is_new) = (self.rank(bit), self.mask >> bit & 1 == 0);
        let values = Rc::make_mut(&mut self.values);
        if let Values::Packed(pack) = values
            && pack.byte_len() + value.len() + ENTRY_OVERHEAD > PACK_BYTES_MAX
        {
            let single = pack.iter().map(|element| element.to_vec().into());
            *values = Values::Single(single.collect());
        }
        match values {
            Values::Packed(pack) => match pack.seek(rank) {
                Some(cursor) if is_new => _ = pack.insert_before(cursor, Element::of(value)),
                Some(cursor) => pack.replace(cursor, Element::of(value)),
                None => pack.push_back(Element::of(value)),
            },
            Values::Single(values) if is_new => values.insert(rank, value.into()),
            Values::Single(values) => values[rank] = value.into(),
        }
        self.mask |= 1 << bit;
        is_new
    }

    /// Empties a place of the block, which is taken.
    fn clear(&mut self, bit: u32) {
        let rank = self.rank(bit);
        match Rc::make_mut(&mut self.values) {
            Values::Packed(pack) => {
                if let Some(cursor) = pack.seek(rank) {
                    pack.remove(cursor);
                }
            }
            Values::Single(values) => _ = values.remove(rank),
        }
        self.mask &= !(1 << bit);
    }

    fn get(&self, bit: u32) -> Option<Element<'_>> {
        if self.mask >> bit & 1 == 0 {
            return None;
        }
        let rank = self.rank(bit);
        match &*self.values {
            Values::Packed(pack) => pack.get(pack.seek(rank)?),
            Values::Single(values) => values.get(rank).map(|value| Element::of(value)),
        }
    }
}

/// The number of the block of a place, and the place in it.
fn split(place: u64) -> (u64, u32) {
    (place >> BLOCK_BITS, place as u32 & 63)
}

/// The places of a block from `first` to `last`, which may lie in other blocks.
fn mask_of(block: u64, first: u64, last: u64) -> u64 {
    let (from, to) = (split(first), split(last));
    let above = if from.0 == block { !0 << from.1 } else { !0 };
    let below = if to.0 == block { !0 >> (63 - to.1) } else { !0 };
    above & below
}

impl Array {
    /// An empty one, of which Redis would make slices of so many places (`array-slice-size`), a power
    /// of two.
    pub fn with_slices(slice_places: u64) -> Self {
        let (blocks, count, bytes, last_insert) = Default::default();
        Self { blocks, count, bytes, last_insert, slice_places }
    }

    /// Places of a slice in Redis. O(1).
    pub fn slice_places(&self) -> u64 {
        self.slice_places
    }

    /// How many places are taken. O(1).
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether none is. O(1).
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number behind the highest place that is taken. O(log N).
    pub fn len(&self) -> u64 {
        let last = self.blocks.last();
        last.map_or(0, |(id, block)| {
            (id << BLOCK_BITS) + u64::from(u64::BITS - block.mask.leading_zeros())
        })
    }

    /// How many blocks there are. O(1).
    pub fn blocks_len(&self) -> usize {
        self.blocks.len()
    }

    /// The blocks in the order of their places.
    pub fn blocks(&self) -> impl Iterator<Item = BlockRef<'_>> {
        self.blocks.iter().map(|(id, block)| {
            let (pack, bytes) = match &*block.values {
                Values::Packed(pack) => (Some(pack.view()), pack.byte_len()),
                Values::Single(values) => (None, values.iter().map(|value| value.len()).sum()),
            };
            BlockRef { first: id << BLOCK_BITS, mask: block.mask, pack, bytes }
        })
    }

    /// Heap bytes held, about. O(1).
    pub fn heap_bytes(&self) -> usize {
        self.bytes
    }

    /// What is at `place`. O(log N).
    pub fn get(&self, place: u64) -> Option<Element<'_>> {
        let (id, bit) = split(place);
        self.blocks.get(id)?.get(bit)
    }

    /// Puts `value` at `place`, at most [`PLACE_MAX`]; returns whether nothing was there. O(log N).
    pub fn set(&mut self, place: u64, value: &[u8]) -> bool {
        let (id, bit) = split(place);
        let mut before = 0;
        match self.blocks.get(id) {
            Some(block) => before = block.bytes(),
            None => {
                let values = Rc::new(Values::Packed(Listpack::new()));
                self.blocks.insert(id, Block { mask: 0, values });
            }
        }
        let Some(block) = self.blocks.get_mut(id) else { return false };
        let is_new = block.set(bit, value);
        self.bytes = self.bytes + block.bytes() - before;
        self.count += u64::from(is_new);
        is_new
    }

    /// Empties the places from `first` to `last`; returns how many were taken. O(log N) for each
    /// block between them that is there.
    pub fn clear(&mut self, first: u64, last: u64) -> u64 {
        let before = self.count;
        let (mut from, end) = (first >> BLOCK_BITS, last >> BLOCK_BITS);
        while let Some(id) = self.block_between(from, end)
            && let Some(block) = self.blocks.get_mut(id)
        {
            let mut mask = block.mask & mask_of(id, first, last);
            self.count -= u64::from(mask.count_ones());
            self.bytes -= block.bytes();
            if mask == block.mask {
                self.blocks.remove(id);
            } else {
                while mask != 0 {
                    block.clear(mask.trailing_zeros());
                    mask &= mask - 1;
                }
                self.bytes += block.bytes();
            }
            from = id + 1;
        }
        before - self.count
    }

    /// The number of the first block of these.
    fn block_between(&self, first: u64, last: u64) -> Option<u64> {
        let (id, _) = self.blocks.range(Included(first)).next()?;
        Some(id).filter(|&id| id <= last)
    }

    /// Shows `visit` what is at the places from `first` to `last`, from the last on if `back`, until
    /// it returns false. O(log N) and O(1) for each.
    pub fn each(
        &self,
        first: u64,
        last: u64,
        back: bool,
        visit: &mut dyn FnMut(u64, Element<'_>) -> bool,
    ) {
        if first > last {
            return;
        }
        let (low, high) = (first >> BLOCK_BITS, last >> BLOCK_BITS);
        let mut show = |(id, block): (u64, &Block)| {
            (low..=high).contains(&id) && block.each(id, mask_of(id, first, last), back, visit)
        };
        if back {
            self.blocks.range_back(Included(high)).all(&mut show);
        } else {
            self.blocks.range(Included(low)).all(&mut show);
        }
    }

    /// As [`Array::each`], for the first block from this place on. Returns the place behind it, if
    /// there is another block.
    pub fn each_in_block(
        &self,
        from: u64,
        visit: &mut dyn FnMut(u64, Element<'_>) -> bool,
    ) -> Option<u64> {
        let mut blocks = self.blocks.range(Included(from >> BLOCK_BITS));
        let (id, block) = blocks.next()?;
        block.each(id, !0, false, visit);
        blocks.next().map(|(next, _)| next << BLOCK_BITS)
    }

    /// Frees about `max` blocks of an array that nobody will look into any more; returns how many.
    pub fn free_some(&mut self, max: usize) -> usize {
        self.blocks.free_some(max)
    }

    /// How Redis would have laid the array out if it had been filled in the order of the places, with
    /// up to `sparse_max` values in a slice without a window (`array-sparse-kmax`). O(N) with N the
    /// blocks.
    pub fn layout(&self, sparse_max: u64) -> Layout {
        let mut layout = Layout::default();
        let (mut slice, mut top) = (Slice::default(), None);
        for (id, block) in self.blocks.iter() {
            let first = id << BLOCK_BITS;
            if slice.id != first / self.slice_places {
                slice.tell(&mut layout, sparse_max);
                slice = Slice { id: first / self.slice_places, ..Slice::default() };
            }
            if slice.count == 0 {
                slice.first = first + u64::from(block.mask.trailing_zeros());
                let directory = slice.id / DIRECTORY_SLICES;
                layout.blocks += u64::from(top.replace(directory) != Some(directory));
            }
            slice.last = first + 63 - u64::from(block.mask.leading_zeros());
            slice.count += u64::from(block.mask.count_ones());
        }
        slice.tell(&mut layout, sparse_max);
        if slice.id < DIRECTORY_SLICES {
            layout.blocks = 0;
            layout.directory = (slice.id + 1).next_power_of_two();
        } else {
            layout.directory = layout.blocks.next_power_of_two().max(4);
        }
        layout
    }
}

impl Block {
    /// Shows `visit` what is at the places of `mask`; returns whether it wants more.
    fn each(
        &self,
        id: u64,
        mask: u64,
        back: bool,
        visit: &mut dyn FnMut(u64, Element<'_>) -> bool,
    ) -> bool {
        let mut left = self.mask;
        let mut packed = match &*self.values {
            Values::Packed(pack) => Some(pack.iter()),
            Values::Single(_) => None,
        };
        while left != 0 {
            let bit = if back { 63 - left.leading_zeros() } else { left.trailing_zeros() };
            left &= !(1 << bit);
            let element = match (&mut packed, &*self.values) {
                (Some(pack), _) if back => pack.next_back(),
                (Some(pack), _) => pack.next(),
                (None, Values::Single(values)) => {
                    values.get(self.rank(bit)).map(|value| Element::of(value))
                }
                (None, Values::Packed(_)) => None,
            };
            if let Some(element) = element
                && mask >> bit & 1 == 1
                && !visit((id << BLOCK_BITS) + u64::from(bit), element)
            {
                return false;
            }
        }
        true
    }
}

/// A slice as Redis has it.
#[derive(Clone, Copy, Default)]
struct Slice {
    id: u64,
    first: u64,
    last: u64,
    count: u64,
}

impl Slice {
    fn tell(self, layout: &mut Layout, sparse_max: u64) {
        if self.count == 0 {
            return;
        }
        layout.slices += 1;
        if self.count <= sparse_max {
            let room = self.count.next_power_of_two().max(SPARSE_ROOM);
            layout.sparse.0 += 1;
            layout.sparse.1 += room.min(sparse_max);
        } else {
            let window = (self.last - self.first + 1).next_power_of_two();
            layout.dense.0 += 1;
            layout.dense.1 += window.max(WINDOW_MIN);
            layout.dense_values += self.count;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::rng::{Rng, Seed};

    fn all(array: &Array, first: u64, last: u64, back: bool) -> Vec<(u64, Vec<u8>)> {
        let mut found = Vec::new();
        array.each(first, last, back, &mut |place, element| {
            found.push((place, element.to_vec()));
            true
        });
        found
    }

    #[test]
    fn an_array_behaves_as_a_map() {
        let mut rng = Rng::new(Seed([3; 4]));
        let (mut array, mut model) = (Array::default(), BTreeMap::<u64, Vec<u8>>::new());
        let place = |rng: &mut Rng| match rng.below(4) {
            0 => rng.below(70),
            1 => 1_000_000 + rng.below(200),
            2 => rng.below(20) << 50,
            _ => PLACE_MAX - rng.below(130),
        };
        for step in 0..30_000_u64 {
            let (one, other) = (place(&mut rng), place(&mut rng));
            let (first, last) = (one.min(other), one.max(other));
            let shared = array.clone();
            match rng.below(40) {
                0 => {
                    let gone: Vec<u64> = model.range(first..=last).map(|(&at, _)| at).collect();
                    gone.iter().for_each(|at| _ = model.remove(at));
                    assert_eq!(array.clear(first, last), gone.len() as u64);
                }
                1..10 => {
                    assert_eq!(array.clear(one, one) == 1, model.remove(&one).is_some());
                }
                kind => {
                    let length = if kind == 11 { 5000 } else { rng.below(40) as usize };
                    let value =
                        if kind < 20 { step.to_string().into() } else { vec![b'x'; length] };
                    assert_eq!(array.set(one, &value), model.insert(one, value).is_none());
                }
            }
            assert_eq!(array.count(), model.len() as u64);
            assert_eq!(array.len(), model.last_key_value().map_or(0, |(&last, _)| last + 1));
            assert_eq!(array.get(one).map(Element::to_vec).as_ref(), model.get(&one));
            if step % 50 == 0 {
                let own = |range: Vec<(&u64, &Vec<u8>)>| -> Vec<(u64, Vec<u8>)> {
                    range.into_iter().map(|(&at, value)| (at, value.clone())).collect()
                };
                let model = own(model.range(first..=last).collect());
                assert_eq!(all(&array, first, last, false), model);
                assert!(all(&array, first, last, true).into_iter().rev().eq(model));
                let bytes: usize = array.blocks.iter().map(|(_, block)| block.bytes()).sum();
                assert_eq!(array.heap_bytes(), bytes);
                drop(shared);
            }
        }
        let (mut pieces, mut from) = (Vec::new(), Some(0));
        while let Some(at) = from {
            from = array.each_in_block(at, &mut |place, element| {
                pieces.push((place, element.to_vec()));
                true
            });
        }
        assert_eq!(pieces, all(&array, 0, u64::MAX, false));
        while array.free_some(3) > 0 {}
        assert_eq!(array.blocks_len(), 0);
    }

    #[test]
    fn a_copy_keeps_what_it_was() {
        let mut array = Array::default();
        (0..100).for_each(|place| _ = array.set(place * 7, b"value"));
        let copy = array.clone();
        let before = all(&copy, 0, u64::MAX, false);
        array.clear(0, 300);
        array.set(350, b"another");
        assert_eq!(all(&copy, 0, u64::MAX, false), before);
    }

    #[test]
    fn the_layout_is_the_one_of_redis() {
        let mut array = Array::default();
        for place in [0, 1, 100] {
            array.set(place, b"x");
        }
        let few = Layout { slices: 1, directory: 1, sparse: (1, 4), ..Layout::default() };
        assert_eq!(array.layout(10), few);
        (0..20).for_each(|place| _ = array.set(5 * SLICE_PLACES + place, b"x"));
        let with_window =
            Layout { slices: 2, directory: 8, dense: (1, 32), dense_values: 20, ..few };
        assert_eq!(array.layout(10), with_window);
        array.set(PLACE_MAX, b"x");
        let two_levels =
            Layout { slices: 3, directory: 4, blocks: 2, sparse: (2, 8), ..with_window };
        assert_eq!(array.layout(10), two_levels);
    }
}
