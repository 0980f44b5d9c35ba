//! HyperLogLog: how many different elements were seen, to within 0.81 %, in at most 12 kB.
//!
//! An element's hash chooses one of 16384 registers, and the register keeps the longest run of
//! zeros that such a hash has ended with, plus one. What is stored is a string that clients can
//! read and write, byte for byte as in Redis: `HYLL`, the encoding, three unused bytes, the last
//! count (little-endian, its highest bit set once it is out of date), then the registers, either
//! packed six bits each ([`dense`]) or as runs of equal ones ([`sparse`]).
//!
//! Because clients can write it, nothing in such a string is believed: [`View::of`] checks what can
//! be seen at once, and whatever walks over runs fails with [`Corrupt`] where they do not make up
//! exactly all registers.
//!
//! The estimate is Ertl's: "New cardinality estimation algorithms for HyperLogLog sketches", 2017,
//! <https://arxiv.org/abs/1702.01284>, algorithm 6.

mod dense;
mod selftest;
mod sparse;

pub use selftest::self_test;
pub use sparse::describe;

/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// Bits of a hash that choose the register.
const INDEX_BITS: u32 = 14;

/// Bits of a hash in which zeros are counted, and so the highest value of a register less one.
const RANK_BITS: u32 = 64 - INDEX_BITS;

const MAGIC: &[u8; 4] = b"HYLL";
const HEADER_BYTES: usize = 16;

/// Where the encoding is.
const ENCODING_AT: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;

/// Where the last count begins.
const COUNT_AT: usize = 8;
/// Where its highest byte is, whose highest bit is set once the count is out of date.
const COUNT_TOP_AT: usize = 15;
const STALE: u8 = 0x80;

/// The registers do not make sense; only a client that wrote them itself can bring that about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// How registers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Six bits each.
    Dense,
    /// Runs of equal ones.
    Sparse,
}

/// A HyperLogLog to look at: its header is in order and, if it is dense, its length.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    encoding: Encoding,
    header: &'a [u8; HEADER_BYTES],
    registers: &'a [u8],
}

impl<'a> View<'a> {
    /// The HyperLogLog that `bytes` are; `None` if they are none.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let (header, registers) = bytes.split_first_chunk()?;
        let encoding = match *header.strip_prefix(MAGIC)?.first()? {
            DENSE if registers.len() == dense::BYTES => Encoding::Dense,
            SPARSE => Encoding::Sparse,
            _ => return None,
        };
        Some(Self { encoding, header, registers })
    }

    /// How its registers are stored.
    pub fn encoding(self) -> Encoding {
        self.encoding
    }

    /// The runs of one that is sparse.
    pub fn runs(self) -> Option<&'a [u8]> {
        (self.encoding == Encoding::Sparse).then_some(self.registers)
    }

    /// The last count, unless elements have come since.
    pub fn last_count(self) -> Option<u64> {
        let (_, count) = self.header.split_last_chunk()?;
        (self.header[COUNT_TOP_AT] & STALE == 0).then_some(u64::from_le_bytes(*count))
    }

    /// Estimates how many elements were added. Costs O(registers).
    pub fn count(self) -> Result<u64, Corrupt> {
        let mut histogram = [0; 64];
        match self.encoding {
            Encoding::Dense => {
                dense::each(self.registers, |_, rank| histogram[usize::from(rank)] += 1);
            }
            Encoding::Sparse => {
                sparse::each(self.registers, |_, run| {
                    histogram[usize::from(run.rank)] += u32::from(run.length);
                })?;
            }
        }
        Ok(estimate(&histogram))
    }
}

/// One register after the other, in bytes: what several HyperLogLogs are merged in.
pub struct Registers(Box<[u8]>);

impl Default for Registers {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into())
    }
}

impl Registers {
    /// Takes in everything that was added to `other`. Costs O(registers).
    pub fn merge(&mut self, other: View<'_>) -> Result<(), Corrupt> {
        match other.encoding {
            Encoding::Dense => dense::merge(&mut self.0, other.registers),
            Encoding::Sparse => sparse::each(other.registers, |first, run| {
                if let Some(part) = self.0.get_mut(first..first + usize::from(run.length))
                    && run.rank > 0
                {
                    part.iter_mut().for_each(|rank| *rank = (*rank).max(run.rank));
                }
            })?,
        }
        Ok(())
    }

    /// Estimates how many elements were added.
    pub fn count(&self) -> u64 {
        let mut histogram = [0; 64];
        self.0.iter().for_each(|&rank| histogram[usize::from(rank & 63)] += 1);
        estimate(&histogram)
    }

    /// The registers, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u8> + '_ {
        self.0.iter().copied()
    }

    /// Puts them in the place of the registers of `bytes`, a HyperLogLog that was merged into them
    /// before. It is dense afterwards if it was, or if `encoding` says so, or if it has grown
    /// beyond `sparse_bytes_max`.
    pub fn write_to(
        &self,
        bytes: &mut Vec<u8>,
        encoding: Encoding,
        sparse_bytes_max: usize,
    ) -> Result<(), Corrupt> {
        if encoding == Encoding::Dense {
            to_dense(bytes)?;
            dense::write(bytes.get_mut(HEADER_BYTES..).unwrap_or_default(), &self.0);
        } else {
            for (index, rank) in self.iter().enumerate().filter(|&(_, rank)| rank > 0) {
                raise(bytes, index, rank, sparse_bytes_max)?;
            }
        }
        forget_count(bytes);
        Ok(())
    }
}

/// A HyperLogLog without elements.
pub fn empty() -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[ENCODING_AT] = SPARSE;
    sparse::push_empty(&mut bytes);
    bytes
}

/// Adds `element` to the HyperLogLog `bytes`. Returns whether a register has changed; the last
/// count is then out of date. One that is sparse becomes dense when it would grow beyond
/// `sparse_bytes_max`. Costs O(element), and O(bytes) while it is sparse.
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_bytes_max: usize) -> Result<bool, Corrupt> {
    let hash = murmur_hash_64a(element);
    let index = hash as usize % REGISTERS;
    // The bit beyond the last ends a run that all others belong to.
    let rank = (hash >> INDEX_BITS | 1 << RANK_BITS).trailing_zeros() as u8 + 1;
    raise(bytes, index, rank, sparse_bytes_max)
}

/// Raises a register to `rank`; returns whether it was lower.
fn raise(bytes: &mut Vec<u8>, index: usize, rank: u8, max: usize) -> Result<bool, Corrupt> {
    let is_sparse = bytes.get(ENCODING_AT) == Some(&SPARSE);
    let is_raised = match is_sparse.then(|| sparse::raise(bytes, index, rank, max)).transpose()? {
        Some(sparse::Raised::Yes) => true,
        Some(sparse::Raised::No) => false,
        Some(sparse::Raised::TooLarge) => {
            to_dense(bytes)?;
            dense::raise(bytes.get_mut(HEADER_BYTES..).unwrap_or_default(), index, rank)
        }
        None => dense::raise(bytes.get_mut(HEADER_BYTES..).unwrap_or_default(), index, rank),
    };
    if is_raised {
        forget_count(bytes);
    }
    Ok(is_raised)
}

/// Makes the HyperLogLog `bytes` dense; returns whether it was not. The last count stays.
pub fn to_dense(bytes: &mut Vec<u8>) -> Result<bool, Corrupt> {
    let Some(runs) = View::of(bytes).and_then(View::runs) else { return Ok(false) };
    let mut registers = vec![0; dense::BYTES];
    sparse::each(runs, |first, run| {
        if run.rank > 0 {
            for index in first..first + usize::from(run.length) {
                dense::raise(&mut registers, index, run.rank);
            }
        }
    })?;
    bytes.truncate(HEADER_BYTES);
    bytes[ENCODING_AT] = DENSE;
    bytes.reserve_exact(dense::BYTES);
    bytes.extend_from_slice(&registers);
    Ok(true)
}

/// Notes the count of the HyperLogLog `bytes`.
pub fn keep_count(bytes: &mut [u8], count: u64) {
    if let Some(place) = bytes.get_mut(COUNT_AT..HEADER_BYTES) {
        place.copy_from_slice(&count.to_le_bytes());
    }
}

/// The last count of the HyperLogLog `bytes` is out of date.
pub fn forget_count(bytes: &mut [u8]) {
    if let Some(top) = bytes.get_mut(COUNT_TOP_AT) {
        *top |= STALE;
    }
}

/// The estimate from how many registers have each value.
fn estimate(histogram: &[u32; 64]) -> u64 {
    /// 1 / (2 ln 2), what the constant tends to as registers become many.
    const ALPHA: f64 = 0.721_347_520_444_481_7;
    const RANK_MAX: usize = RANK_BITS as usize + 1;
    let share = |count: u32| f64::from(count) / REGISTERS as f64;
    let mut sum = REGISTERS as f64 * tau(1.0 - share(histogram[RANK_MAX]));
    for &count in histogram[1..RANK_MAX].iter().rev() {
        sum = (sum + f64::from(count)) * 0.5;
    }
    sum += REGISTERS as f64 * sigma(share(histogram[0]));
    (ALPHA * REGISTERS as f64 * REGISTERS as f64 / sum).round() as u64
}

/// The part of registers that are 0: x + x² + 2x⁴ + 4x⁸ + …
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

/// The part of registers that could count no further.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// MurmurHash64A by Austin Appleby (public domain), with the seed that Redis gives it.
fn murmur_hash_64a(bytes: &[u8]) -> u64 {
    const SEED: u64 = 0xadc8_3b19;
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(M);
    for word in words {
        let word = u64::from_le_bytes(*word).wrapping_mul(M);
        hash = (hash ^ (word ^ word >> R).wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let word = rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        hash = (hash ^ word).wrapping_mul(M);
    }
    hash = (hash ^ hash >> R).wrapping_mul(M);
    hash ^ hash >> R
}

#[cfg(test)]
mod tests;
