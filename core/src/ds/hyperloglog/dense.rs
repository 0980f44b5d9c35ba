//! Registers of six bits, the first in the lowest bits of the first byte: four in three bytes.

use super::REGISTERS;

/// Length of all registers.
pub(super) const BYTES: usize = REGISTERS * 6 / 8;

const MASK: u8 = 0x3f;

/// Shows each register to `visit`.
pub(super) fn each(registers: &[u8], mut visit: impl FnMut(usize, u8)) {
    for (index, group) in registers.as_chunks::<3>().0.iter().enumerate() {
        for (place, rank) in unpack(*group).into_iter().enumerate() {
            visit(index * 4 + place, rank);
        }
    }
}

/// Raises each of `ranks` to the register in its place.
pub(super) fn merge(ranks: &mut [u8], registers: &[u8]) {
    let (groups, _) = registers.as_chunks::<3>();
    for (ranks, group) in ranks.as_chunks_mut::<4>().0.iter_mut().zip(groups) {
        let others = unpack(*group);
        for (rank, other) in ranks.iter_mut().zip(others) {
            *rank = (*rank).max(other);
        }
    }
}

/// Writes `ranks` as registers.
pub(super) fn write(registers: &mut [u8], ranks: &[u8]) {
    let (groups, _) = ranks.as_chunks::<4>();
    for (packed, ranks) in registers.as_chunks_mut::<3>().0.iter_mut().zip(groups) {
        *packed = pack(*ranks);
    }
}

/// Raises the register `index` to `rank`; returns whether it was lower.
pub(super) fn raise(registers: &mut [u8], index: usize, rank: u8) -> bool {
    let Some(group) = registers.as_chunks_mut::<3>().0.get_mut(index / 4) else { return false };
    let mut ranks = unpack(*group);
    let old = &mut ranks[index % 4];
    if *old >= rank {
        return false;
    }
    *old = rank;
    *group = pack(ranks);
    true
}

fn unpack([b0, b1, b2]: [u8; 3]) -> [u8; 4] {
    [b0 & MASK, (b0 >> 6 | b1 << 2) & MASK, (b1 >> 4 | b2 << 4) & MASK, b2 >> 2]
}

fn pack(ranks: [u8; 4]) -> [u8; 3] {
    let [r0, r1, r2, r3] = ranks.map(|rank| rank & MASK);
    [r0 | r1 << 6, r1 >> 2 | r2 << 4, r2 >> 4 | r3 << 2]
}
