//! Where entries lie: cells of equal size side by side in chunks, named by numbers of 32 bits.
//!
//! A general allocator costs a small entry 8 to 16 bytes (its own header, rounding) and the table
//! an address of 8 bytes. Here a cell has exactly the size of its entry, or up to seven bytes more,
//! and the table keeps a [`Handle`] of 4 bytes. Cells of one size are dense: when one becomes free,
//! the last of that size is moved into the hole, so that memory never fragments and is given back
//! when keys are deleted. The price is paid by deletions: whoever frees a cell must find the
//! owner of the cell that moved and tell it.
//!
//! Entries too large for chunks have a heap allocation each, under the same kind of handle.

/// How many classes there are: one for each size of cells, and one for what is larger.
const CLASSES: usize = 129;

/// Names a cell: the number of its chunk, and its place there in the low [`INDEX_BITS`].
pub type Handle = u32;

const INDEX_BITS: u32 = 11;

/// Bytes of a full chunk. A class of cells that fills its first chunk only partly has less.
const CHUNK_BYTES: usize = 64 * 1024;

/// Cells of the smallest chunk.
const FIRST_CELLS: usize = 2;

/// Bytes that a cell may be larger than its entry.
pub const PAD_BYTES_MAX: usize = 7;

/// The largest entry that lies in a chunk.
pub const SMALL_BYTES_MAX: usize = 512;

/// All entries of one table.
#[derive(Clone, Default)]
pub(crate) struct Cells {
    chunks: Vec<Chunk>,
    /// Numbers of chunks that are not in use.
    unused: Vec<u32>,
    classes: Vec<Class>,
    /// Where in `classes` each class is, plus one; 0 if it never had cells.
    class_places: ClassPlaces,
    bytes: usize,
}

#[derive(Clone)]
struct ClassPlaces([u8; CLASSES]);

impl ClassPlaces {
    #[inline]
    fn of(&self, class: usize) -> usize {
        usize::from(self.0[class]) - 1
    }
}

impl Default for ClassPlaces {
    fn default() -> Self {
        Self([0; CLASSES])
    }
}

#[derive(Clone)]
enum Chunk {
    /// Cells of `size` bytes each.
    Small { cells: Vec<u8>, size: u32 },
    /// Entries that are too large for that.
    Large(Vec<Box<[u8]>>),
}

/// The cells of one size: all chunks are full but for the last one or two.
#[derive(Clone, Default)]
struct Class {
    chunks: Vec<u32>,
    len: usize,
}

impl Cells {
    /// The cell of `handle`, which is in use.
    #[inline]
    pub(crate) fn get(&self, handle: Handle) -> &[u8] {
        let index = index_of(handle);
        match &self.chunks[chunk_of(handle)] {
            Chunk::Small { cells, size } => {
                let size = *size as usize;
                &cells[index * size..][..size]
            }
            Chunk::Large(entries) => &entries[index],
        }
    }

    /// The cell of `handle`, which is in use, to change.
    #[inline]
    pub(crate) fn get_mut(&mut self, handle: Handle) -> &mut [u8] {
        let index = index_of(handle);
        match &mut self.chunks[chunk_of(handle)] {
            Chunk::Small { cells, size } => {
                let size = *size as usize;
                &mut cells[index * size..][..size]
            }
            Chunk::Large(entries) => &mut entries[index],
        }
    }

    /// A cell for an entry of `size` bytes.
    pub(crate) fn alloc(&mut self, size: usize) -> Handle {
        let number = class_of(size);
        let per_chunk = per_chunk(number);
        if self.class_places.0[number] == 0 {
            self.classes.push(Class::default());
            self.class_places.0[number] = self.classes.len() as u8;
        }
        let class = self.class(number);
        let (place, index) = (class.len / per_chunk, class.len % per_chunk);
        let is_first = place == 0;
        class.len += 1;
        let chunk = match class.chunks.get(place) {
            Some(&chunk) => chunk,
            None => self.add_chunk(number),
        };
        self.bytes += self.chunks[chunk as usize].push(size, per_chunk, is_first);
        chunk << INDEX_BITS | index as u32
    }

    /// Gives the cell of `handle` back. If another cell was moved into its place, returns the
    /// handle that cell had before; what lies there now has `handle`.
    #[must_use]
    pub(crate) fn free(&mut self, handle: Handle) -> Option<Handle> {
        let number = match &self.chunks[chunk_of(handle)] {
            Chunk::Small { size, .. } => class_of(*size as usize),
            Chunk::Large(_) => 0,
        };
        let per_chunk = per_chunk(number);
        let class = self.class(number);
        class.len -= 1;
        let (place, index) = (class.len / per_chunk, class.len % per_chunk);
        let last = class.chunks[place] << INDEX_BITS | index as u32;
        self.fill(handle, last);
        self.drop_unused(number);
        (last != handle).then_some(last)
    }

    /// Makes the cell of `handle` fit an entry of `size` bytes where it is; false if it cannot.
    pub(crate) fn refit(&mut self, handle: Handle, size: usize) -> bool {
        match &mut self.chunks[chunk_of(handle)] {
            Chunk::Small { size: cell, .. } => {
                let cell = *cell as usize;
                size <= cell && cell - size <= PAD_BYTES_MAX
            }
            Chunk::Large(entries) => {
                let entry = &mut entries[index_of(handle)];
                let fits = size > SMALL_BYTES_MAX;
                if fits && entry.len() != size {
                    self.bytes = self.bytes + size - entry.len();
                    *entry = vec![0; size].into_boxed_slice();
                }
                fits
            }
        }
    }

    /// Shows `visit` every cell, in the order of memory.
    pub(crate) fn each<'a>(&'a self, mut visit: impl FnMut(&'a [u8])) {
        for chunk in &self.chunks {
            match chunk {
                Chunk::Small { cells, size } if *size > 0 => {
                    cells.chunks_exact(*size as usize).for_each(&mut visit);
                }
                Chunk::Small { .. } => {}
                Chunk::Large(entries) => entries.iter().for_each(|entry| visit(entry)),
            }
        }
    }

    /// Frees a chunk of cells that nobody will look into any more, or a few large entries; false if
    /// none is left.
    pub(crate) fn free_chunk(&mut self) -> bool {
        const AT_ONCE: usize = 64;
        match self.chunks.last_mut() {
            Some(Chunk::Large(entries)) if entries.len() > AT_ONCE => {
                entries.truncate(entries.len() - AT_ONCE);
                true
            }
            Some(_) => self.chunks.pop().is_some(),
            None => false,
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// The class of this number, which has or had cells.
    #[inline]
    fn class(&mut self, number: usize) -> &mut Class {
        &mut self.classes[self.class_places.of(number)]
    }

    /// Copies the last cell of a class into the cell of `hole`, and takes it from the end.
    fn fill(&mut self, hole: Handle, last: Handle) {
        match &mut self.chunks[chunk_of(last)] {
            Chunk::Small { cells, size } => {
                let start = cells.len() - *size as usize;
                if chunk_of(hole) == chunk_of(last) {
                    cells.copy_within(start.., index_of(hole) * *size as usize);
                    cells.truncate(start);
                } else {
                    let mut moved = [0; SMALL_BYTES_MAX];
                    let moved = &mut moved[..*size as usize];
                    moved.copy_from_slice(&cells[start..]);
                    cells.truncate(start);
                    self.get_mut(hole).copy_from_slice(moved);
                }
            }
            Chunk::Large(entries) => {
                let Some(moved) = entries.pop() else { return };
                let freed = if hole == last {
                    moved
                } else if let Chunk::Large(entries) = &mut self.chunks[chunk_of(hole)] {
                    std::mem::replace(&mut entries[index_of(hole)], moved)
                } else {
                    return;
                };
                self.bytes -= freed.len();
            }
        }
    }

    /// Gives back chunks behind the last cell; one is kept while the class has cells, so that a
    /// key that comes and goes does not cost a chunk each time.
    fn drop_unused(&mut self, number: usize) {
        let class = &mut self.classes[self.class_places.of(number)];
        let needed = class.len.div_ceil(per_chunk(number));
        let kept = if needed == 0 { 0 } else { needed + 1 };
        while class.chunks.len() > kept {
            let Some(chunk) = class.chunks.pop() else { break };
            let old = std::mem::replace(
                &mut self.chunks[chunk as usize],
                Chunk::Small { cells: Vec::new(), size: 0 },
            );
            self.bytes -= old.capacity_bytes();
            self.unused.push(chunk);
        }
    }

    fn add_chunk(&mut self, number: usize) -> u32 {
        let chunk = match number {
            0 => Chunk::Large(Vec::new()),
            _ => Chunk::Small { cells: Vec::new(), size: cell_size(number) as u32 },
        };
        let index = match self.unused.pop() {
            Some(index) => {
                self.chunks[index as usize] = chunk;
                index
            }
            None => {
                self.chunks.push(chunk);
                (self.chunks.len() - 1) as u32
            }
        };
        // 2²¹ chunks of 64 KB: 128 GB of small entries in one table.
        assert!(index < 1 << (32 - INDEX_BITS), "a table holds too many entries");
        self.class(number).chunks.push(index);
        index
    }
}

impl Chunk {
    /// Adds a cell at the end and returns how many bytes more that takes from the heap. The first
    /// chunk of a class grows in steps, the others have their full size at once.
    fn push(&mut self, entry_size: usize, per_chunk: usize, is_first: bool) -> usize {
        let before = self.capacity_bytes();
        match self {
            Self::Small { cells, size } => {
                let size = *size as usize;
                if cells.capacity() - cells.len() < size {
                    let held = cells.len() / size;
                    let more = if is_first { (held / 2).max(FIRST_CELLS) } else { per_chunk };
                    cells.reserve_exact(more.min(per_chunk - held) * size);
                }
                // Copied, because a program that is compiled to be small fills byte by byte.
                cells.extend_from_slice(&[0; SMALL_BYTES_MAX][..size]);
                self.capacity_bytes() - before
            }
            Self::Large(entries) => {
                entries.push(vec![0; entry_size].into_boxed_slice());
                self.capacity_bytes() - before + entry_size
            }
        }
    }

    /// Bytes of the chunk's own array.
    fn capacity_bytes(&self) -> usize {
        match self {
            Self::Small { cells, .. } => cells.capacity(),
            Self::Large(entries) => entries.capacity() * size_of::<Box<[u8]>>(),
        }
    }
}

#[inline]
fn chunk_of(handle: Handle) -> usize {
    (handle >> INDEX_BITS) as usize
}

#[inline]
fn index_of(handle: Handle) -> usize {
    (handle & ((1 << INDEX_BITS) - 1)) as usize
}

/// The class of the cells that an entry of `size` bytes lies in: class 0 for what is too large,
/// classes 1 to 64 for cells of so many bytes; then sizes go up by four to 128, by eight from there.
fn class_of(size: usize) -> usize {
    match size {
        0..=64 => size,
        65..=128 => 64 + (size - 64).div_ceil(4),
        129..=SMALL_BYTES_MAX => 80 + (size - 128).div_ceil(8),
        _ => 0,
    }
}

/// The size of the cells of a class other than 0.
fn cell_size(class: usize) -> usize {
    match class {
        0..=64 => class,
        65..=80 => 64 + (class - 64) * 4,
        _ => 128 + (class - 80) * 8,
    }
}

/// How many cells of a class a full chunk has.
fn per_chunk(class: usize) -> usize {
    let indexes = 1 << INDEX_BITS;
    if class == 0 { indexes } else { (CHUNK_BYTES / cell_size(class)).min(indexes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};

    #[test]
    fn a_class_fits_its_entries() {
        for size in 5..=SMALL_BYTES_MAX {
            let cell = cell_size(class_of(size));
            assert!(cell >= size && cell - size <= PAD_BYTES_MAX, "{size} in {cell}");
            assert!(class_of(size) > 0);
        }
        assert_eq!(class_of(SMALL_BYTES_MAX + 1), 0);
    }

    #[test]
    fn a_freed_cell_is_filled_by_the_last() {
        let mut rng = Rng::new(Seed::of(3));
        let mut cells = Cells::default();
        // Each cell begins with the number of its owner.
        let mut owners: Vec<Option<(Handle, usize)>> = Vec::new();
        let steps = if cfg!(miri) { 300 } else { 30_000 };
        for step in 0..steps {
            let grows = step < steps / 2;
            if owners.is_empty() || rng.below(10) < if grows { 7 } else { 3 } {
                let size = [40, 41, 500, 1000][rng.below(4) as usize];
                let handle = cells.alloc(size);
                let owner = owners.len();
                cells.get_mut(handle)[..4].copy_from_slice(&(owner as u32).to_le_bytes());
                owners.push(Some((handle, size)));
            } else {
                let owner = rng.below(owners.len() as u64) as usize;
                let Some((handle, _)) = owners[owner].take() else { continue };
                if let Some(from) = cells.free(handle) {
                    let first = cells.get(handle).first_chunk::<4>().unwrap();
                    let moved = owners[u32::from_le_bytes(*first) as usize].as_mut().unwrap();
                    assert_eq!(moved.0, from);
                    moved.0 = handle;
                }
            }
        }
        let mut held = 0;
        for (owner, place) in owners.iter().enumerate() {
            let Some((handle, size)) = *place else { continue };
            let cell = cells.get(handle);
            assert_eq!(cell.first_chunk(), Some(&(owner as u32).to_le_bytes()));
            assert!(cell.len() >= size);
            held += 1;
        }
        let mut seen = 0;
        cells.each(|_| seen += 1);
        assert_eq!(seen, held);
        for owner in 0..owners.len() {
            let Some((handle, _)) = owners[owner].take() else { continue };
            if let Some(from) = cells.free(handle) {
                let moved = owners.iter_mut().flatten().find(|place| place.0 == from).unwrap();
                moved.0 = handle;
            }
        }
        assert_eq!(cells.bytes, 0);
    }
}
