//! Values that do not lie in their entry: long strings and collections, under numbers of 32 bits.

use super::Value;

/// Objects in a block.
const BLOCK_LEN: u32 = 256;

/// The end of a block's list of free places.
const NONE: u32 = u32::MAX;

/// All values of one database that do not lie in their entry.
///
/// Places come in blocks, so that growing never copies more than one block and a block without
/// objects gives its memory back.
#[derive(Default)]
pub(super) struct Objects {
    blocks: Vec<Block>,
    /// Blocks with free places.
    open: Vec<u32>,
    places: usize,
    value_bytes: usize,
    /// The version of snapshots that can say all that was ever here.
    rdb_version: u16,
}

struct Block {
    places: Vec<Place>,
    used: u32,
    first_free: u32,
}

/// Room for an object.
pub(super) enum Place {
    Used(Value),
    Free { next: u32 },
}

/// A place is no larger than a vector: a new type of value belongs into a box.
const _: () = assert!(size_of::<Place>() <= 24);

impl Objects {
    /// The object of this number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Value> {
        let place = self.blocks.get((number / BLOCK_LEN) as usize)?.places.get(place_of(number))?;
        if let Place::Used(value) = place { Some(value) } else { None }
    }

    /// Where the object of this number is.
    #[inline]
    pub(super) fn place(&self, number: u32) -> Option<&Place> {
        self.blocks.get((number / BLOCK_LEN) as usize)?.places.get(place_of(number))
    }

    /// Whether there are none.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.places == 0
    }

    /// The object of this number, to change.
    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Value> {
        let block = self.blocks.get_mut((number / BLOCK_LEN) as usize)?;
        let place = block.places.get_mut(place_of(number))?;
        if let Place::Used(value) = place { Some(value) } else { None }
    }

    /// Keeps `value` and returns its number.
    pub(super) fn add(&mut self, value: Value) -> u32 {
        let index = match self.open.last() {
            Some(&index) => index,
            None => {
                self.blocks.push(Block { places: Vec::new(), used: 0, first_free: NONE });
                let index = (self.blocks.len() - 1) as u32;
                assert!(index < u32::MAX / BLOCK_LEN, "a database holds too many objects");
                self.open.push(index);
                index
            }
        };
        self.value_bytes = self.value_bytes.wrapping_add(value.about_bytes());
        if self.is_empty() {
            self.rdb_version = 0;
        }
        self.need_version(value.view().rdb_version());
        let block = &mut self.blocks[index as usize];
        let before = block.places.capacity();
        let place = block.add(value);
        self.places += block.places.capacity() - before;
        if block.used == BLOCK_LEN {
            self.open.pop();
        }
        index * BLOCK_LEN + place
    }

    /// Gives the object of this number out of hand.
    pub(super) fn remove(&mut self, number: u32) -> Option<Value> {
        let index = number / BLOCK_LEN;
        let block = self.blocks.get_mut(index as usize)?;
        let next = block.first_free;
        let place = block.places.get_mut(place_of(number))?;
        let Place::Used(value) = std::mem::replace(place, Place::Free { next }) else {
            return None;
        };
        block.first_free = number % BLOCK_LEN;
        self.value_bytes = self.value_bytes.wrapping_sub(value.about_bytes());
        if block.used == BLOCK_LEN {
            self.open.push(index);
        }
        block.used -= 1;
        if block.used == 0 {
            self.places -= block.places.capacity();
            block.places = Vec::new();
            block.first_free = NONE;
        }
        Some(value)
    }

    /// Takes any object out; `None` if there is none. For a database that nobody will look into
    /// any more.
    pub(super) fn take_any(&mut self) -> Option<Value> {
        loop {
            let block = self.blocks.last_mut()?;
            match block.places.pop() {
                Some(Place::Used(value)) => return Some(value),
                Some(Place::Free { .. }) => {}
                None => {
                    self.blocks.pop();
                }
            }
        }
    }

    /// The version of snapshots that can say all that was ever here: values are not looked through
    /// when one goes.
    pub(super) fn rdb_version(&self) -> u16 {
        if self.is_empty() { 0 } else { self.rdb_version }
    }

    /// Something is here now that takes snapshots of this version.
    pub(super) fn need_version(&mut self, version: u16) {
        self.rdb_version = self.rdb_version.max(version);
    }

    /// An object takes so many bytes more on the heap, or fewer if negative.
    pub(super) fn resized(&mut self, bytes: isize) {
        self.value_bytes = self.value_bytes.wrapping_add_signed(bytes);
    }

    /// About how many bytes all objects took on the heap when they came, or were last
    /// [resized](Self::resized), less what those took that went. Only the difference of two answers
    /// means something, and only if little happened in between: collections change unseen.
    pub(super) fn value_bytes(&self) -> usize {
        self.value_bytes
    }

    /// Bytes on the heap, without what the objects themselves refer to.
    pub(super) fn heap_bytes(&self) -> usize {
        self.places * size_of::<Place>() + self.blocks.capacity() * size_of::<Block>()
    }
}

#[cfg(test)]
impl Objects {
    /// Number of objects.
    pub(super) fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.used as usize).sum()
    }
}

impl Block {
    fn add(&mut self, value: Value) -> u32 {
        self.used += 1;
        if self.first_free == NONE {
            self.places.push(Place::Used(value));
            return (self.places.len() - 1) as u32;
        }
        let place = self.first_free;
        if let Some(free) = self.places.get_mut(place as usize) {
            if let Place::Free { next } = *free {
                self.first_free = next;
            }
            *free = Place::Used(value);
        }
        place
    }
}

#[inline]
fn place_of(number: u32) -> usize {
    (number % BLOCK_LEN) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_memory_comes_back() {
        let mut objects = Objects::default();
        let count = if cfg!(miri) { 600 } else { 2000 };
        let numbers: Vec<u32> = (0..count).map(|n| objects.add(Value::Int(n))).collect();
        for &number in numbers.iter().step_by(2) {
            assert!(
                matches!(objects.remove(number), Some(Value::Int(n)) if n == i64::from(number))
            );
            assert!(objects.get(number).is_none());
        }
        let again: Vec<u32> = (0..count / 2).map(|n| objects.add(Value::Int(n))).collect();
        assert!(again.iter().all(|&number| i64::from(number) < count), "places are used again");
        for &number in numbers.iter().skip(1).step_by(2) {
            assert!(matches!(objects.get(number), Some(Value::Int(n)) if *n == i64::from(number)));
        }
        for &number in &numbers {
            assert!(objects.remove(number).is_some());
        }
        assert_eq!((objects.len(), objects.places), (0, 0));
    }
}
