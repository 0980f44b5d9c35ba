//! Bytes seen as a row of bits: counting them, finding one, combining rows, and integers of any
//! width between them.
//!
//! Bit 0 is the most significant bit of the first byte, as in SETBIT. What walks over many bytes
//! does so eight at a time, or in loops plain enough for the compiler to widen.

/// The number of bits that are set. Costs O(bytes).
pub fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let ones = |word: &[u8; 8]| u64::from(u64::from_ne_bytes(*word).count_ones());
    words.iter().map(ones).sum::<u64>()
        + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// As [`count`], of the bits from `first` to `last`, both included and within `bytes`.
pub fn count_between(bytes: &[u8], first: u64, last: u64) -> u64 {
    let (from, to) = (place(first), place(last));
    let Some(part) = bytes.get(from..to.saturating_add(1)) else { return 0 };
    let before = part.first().map_or(0, |byte| (byte & !from_bit(first)).count_ones());
    let behind = part.last().map_or(0, |byte| (byte & (from_bit(last) >> 1)).count_ones());
    count(part) - u64::from(before) - u64::from(behind)
}

/// The first bit from `first` to `last`, both included, that is `is_set`. Costs O(bytes up to it).
pub fn find(bytes: &[u8], is_set: bool, first: u64, last: u64) -> Option<u64> {
    // What is looked for is a 1 once the bytes are turned over.
    let turn = if is_set { 0 } else { u8::MAX };
    let from = place(first);
    let part = bytes.get(from..place(last).saturating_add(1))?;
    let (&head, rest) = part.split_first()?;
    let head = (head ^ turn) & from_bit(first);
    let (index, byte) = if head == 0 {
        let index = unlike(rest, turn)?;
        (index + 1, rest.get(index)? ^ turn)
    } else {
        (0, head)
    };
    let found = (from + index) as u64 * 8 + u64::from(byte.leading_zeros());
    (found <= last).then_some(found)
}

/// The index of the first byte that is not `byte`.
fn unlike(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let skipped = words.iter().take_while(|word| **word == [byte; 8]).count() * 8;
    let index = bytes.get(skipped..)?.iter().position(|&other| other != byte)?;
    Some(skipped + index)
}

/// Whether bit `offset` is set; bits behind the end are not.
pub fn get(bytes: &[u8], offset: u64) -> bool {
    bytes.get(place(offset)).is_some_and(|byte| byte & bit(offset) != 0)
}

/// Sets or clears bit `offset`, if it lies within `bytes`.
pub fn set(bytes: &mut [u8], offset: u64, is_set: bool) {
    if let Some(byte) = bytes.get_mut(place(offset)) {
        *byte = if is_set { *byte | bit(offset) } else { *byte & !bit(offset) };
    }
}

/// The byte in which bit `offset` is; where a machine has no such address, one that no string has.
fn place(offset: u64) -> usize {
    usize::try_from(offset / 8).unwrap_or(usize::MAX)
}

fn bit(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

/// The bits of a byte from that of `offset` on.
fn from_bit(offset: u64) -> u8 {
    0xff >> (offset % 8)
}

/// An integer among the bits: where it begins, how wide it is, and whether it has a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its most significant bit.
    pub offset: u64,
    /// Its width, from 1 to 64.
    pub width: u32,
    /// Whether the most significant bit is a sign, in two's complement.
    pub is_signed: bool,
}

/// Bytes that a field may touch: 64 bits that do not begin with a byte.
const WINDOW_BYTES: usize = 9;

impl Field {
    /// Number of bytes that a string must have for the field to lie within it.
    pub fn end_bytes(self) -> u64 {
        (self.offset + u64::from(self.width)).div_ceil(8)
    }

    /// The least and the greatest number that fit.
    pub fn range(self) -> (i128, i128) {
        if self.is_signed {
            let half = 1_i128 << (self.width - 1);
            (-half, half - 1)
        } else {
            (0, (1_i128 << self.width) - 1)
        }
    }

    /// The number in the lowest bits of `value`.
    pub fn wrap(self, value: i128) -> i128 {
        let low = value & ((1_i128 << self.width) - 1);
        let is_negative = self.is_signed && low >> (self.width - 1) != 0;
        if is_negative { low - (1_i128 << self.width) } else { low }
    }

    /// The number there; bits behind the end count as 0.
    pub fn get(self, bytes: &[u8]) -> i128 {
        self.wrap((self.window(bytes) >> self.shift()) as i128)
    }

    /// Writes a number that fits, as far as it lies within `bytes`.
    pub fn set(self, bytes: &mut [u8], value: i128) {
        let mask = ((1_u128 << self.width) - 1) << self.shift();
        let window = self.window(bytes) & !mask | ((value as u128) << self.shift()) & mask;
        let [.., b0, b1, b2, b3, b4, b5, b6, b7, b8] = window.to_be_bytes();
        let start = place(self.offset).min(bytes.len());
        let written = bytes.iter_mut().skip(start).zip([b0, b1, b2, b3, b4, b5, b6, b7, b8]);
        written.for_each(|(byte, new)| *byte = new);
    }

    /// The bytes from the one where the field begins on, as one number.
    fn window(self, bytes: &[u8]) -> u128 {
        let part = bytes.get(place(self.offset)..).unwrap_or_default();
        let padded = part.iter().copied().chain(std::iter::repeat(0)).take(WINDOW_BYTES);
        padded.fold(0, |window, byte| window << 8 | u128::from(byte))
    }

    /// Bits of the window behind the field.
    fn shift(self) -> u32 {
        WINDOW_BYTES as u32 * 8 - (self.offset % 8) as u32 - self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};

    /// Random bytes, with long runs of equal ones.
    fn random(rng: &mut Rng) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..1 + rng.below(4) {
            let byte = [0, 0xff, rng.below(256) as u8][rng.below(3) as usize];
            bytes.extend(std::iter::repeat_n(byte, rng.below(20) as usize));
        }
        bytes
    }

    #[test]
    fn counting_and_finding_agree_with_looking_at_every_bit() {
        let mut rng = Rng::new(Seed::of(1));
        for _ in 0..3000 {
            let bytes = random(&mut rng);
            let bits = bytes.len() as u64 * 8;
            if bits == 0 {
                continue;
            }
            let first = rng.below(bits);
            let last = first + rng.below(bits - first);
            let ones = (first..=last).filter(|&offset| get(&bytes, offset)).count() as u64;
            assert_eq!(count_between(&bytes, first, last), ones);
            for is_set in [false, true] {
                let found = (first..=last).find(|&offset| get(&bytes, offset) == is_set);
                assert_eq!(find(&bytes, is_set, first, last), found);
            }
        }
    }

    #[test]
    fn fields_agree_with_writing_every_bit() {
        let mut rng = Rng::new(Seed::of(2));
        for _ in 0..3000 {
            let mut bytes = random(&mut rng);
            let field = Field {
                offset: rng.below(200),
                width: 1 + rng.below(63) as u32,
                is_signed: rng.below(2) == 0,
            };
            bytes.resize(bytes.len().max(field.end_bytes() as usize), 0);
            let value = field.wrap(i128::from(rng.next_u64()));
            let (least, greatest) = field.range();
            assert!((least..=greatest).contains(&value));
            let mut expected = bytes.clone();
            for place in 0..field.width {
                let is_set = value >> (field.width - 1 - place) & 1 != 0;
                set(&mut expected, field.offset + u64::from(place), is_set);
            }
            field.set(&mut bytes, value);
            assert_eq!(bytes, expected);
            assert_eq!(field.get(&bytes), value);
        }
    }
}
