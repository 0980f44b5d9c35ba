//! LZF, the compression of strings in snapshots: light, fast, and defined by what decodes it.
//!
//! Compressed bytes are a row of instructions. A control byte below 32 is followed by so many
//! bytes plus one, to be taken as they are. Any other says: copy from what was written already.
//! Its upper three bits are the length less two (7: the next byte is added to it), its lower five
//! and the byte behind them the distance less one. (Format: M. Lehmann's liblzf.)

const LITERALS_MAX: usize = 32;
const DISTANCE_MAX: usize = 1 << 13;
const COPY_MIN: usize = 3;
const COPY_MAX: usize = 264;
const HASH_BITS: u32 = 13;

/// A compressor, whose memory is used again for every string.
pub struct Compressor {
    /// Where three bytes of this hash were seen last, counted on over all inputs, so that nothing
    /// has to be cleared between them: what lies before the current input is not there.
    seen: Box<[u32]>,
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self { seen: vec![0; 1 << HASH_BITS].into(), base: 1 }
    }
}

impl Compressor {
    /// Appends the compressed form of `input` to `output` if it is shorter than `input`; returns
    /// whether it was.
    pub fn compress(&mut self, input: &[u8], output: &mut Vec<u8>) -> bool {
        let Ok(length) = u32::try_from(input.len()) else { return false };
        if self.base.checked_add(length).is_none() {
            *self = Self::default();
        }
        let start = output.len();
        let end = start + input.len();
        let (mut position, mut literals) = (0, 0);
        while position < input.len() && output.len() + (position - literals) + 2 < end {
            let copy = self.find(input, position);
            let Some((distance, length)) = copy else {
                position += 1;
                continue;
            };
            put_literals(output, &input[literals..position]);
            put_copy(output, distance, length);
            // What the copy covers can be copied from later; its first bytes are enough.
            for covered in position + 1..(position + length).min(position + 3) {
                self.find(input, covered);
            }
            position += length;
            literals = position;
        }
        put_literals(output, &input[literals..]);
        self.base += length;
        if output.len() < end {
            return true;
        }
        output.truncate(start);
        false
    }

    /// What stands at `position` and stood before: distance and length. Remembers the position.
    fn find(&mut self, input: &[u8], position: usize) -> Option<(usize, usize)> {
        let &[a, b, c] = input.get(position..position + COPY_MIN)? else { return None };
        let key = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
        let slot = (key.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize;
        let here = self.base + position as u32;
        let there = std::mem::replace(&mut self.seen[slot], here);
        let before = there.checked_sub(self.base)? as usize;
        let distance = position - before;
        if distance == 0 || distance > DISTANCE_MAX {
            return None;
        }
        let pairs = input[before..].iter().zip(&input[position..]).take(COPY_MAX);
        let length = pairs.take_while(|(old, new)| old == new).count();
        (length >= COPY_MIN).then_some((distance, length))
    }
}

fn put_literals(output: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(LITERALS_MAX) {
        output.push((run.len() - 1) as u8);
        output.extend_from_slice(run);
    }
}

fn put_copy(output: &mut Vec<u8>, distance: usize, length: usize) {
    let (distance, length) = (distance - 1, length - 2);
    let high = (distance >> 8) as u8;
    if length < 7 {
        output.push((length as u8) << 5 | high);
    } else {
        output.extend([7 << 5 | high, (length - 7) as u8]);
    }
    output.push(distance as u8);
}

/// The bytes that `input` is the compressed form of; `None` unless they are exactly `length`.
/// Memory grows with what is written, never with `length` alone.
pub fn decompress(input: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut output = Decompressor::with_room(length, 0);
    let is_all = output.feed(input, usize::MAX)? == input.len() && output.is_whole();
    is_all.then(|| output.into_bytes())
}

/// Decompresses what comes in parts.
#[derive(Clone, Debug)]
pub struct Decompressor {
    output: Vec<u8>,
    length: usize,
}

impl Decompressor {
    /// Nothing yet, of `length` bytes, for which there is room at once if they are no more than
    /// `room`.
    pub fn with_room(length: usize, room: usize) -> Self {
        Self { output: Vec::with_capacity(length.min(room)), length }
    }

    /// Decompresses the beginning of `input`, as many whole units as make about `max` bytes; returns
    /// how many bytes of it that took, none if not even one unit is there. `None` if it becomes too
    /// much, or copies what is not there.
    pub fn feed(&mut self, input: &[u8], max: usize) -> Option<usize> {
        let enough = self.output.len().saturating_add(max);
        let mut rest = input;
        while self.output.len() < enough
            && let Some((unit, after)) = Unit::of(rest)
        {
            match unit {
                Unit::Literals(run) => self.put(run),
                Unit::Copy(distance, count) => self.copy(distance, count)?,
            }
            if self.output.len() > self.length {
                return None;
            }
            rest = after;
        }
        Some(input.len() - rest.len())
    }

    /// Adds bytes that are not compressed.
    pub fn put(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    fn copy(&mut self, distance: usize, count: usize) -> Option<()> {
        let from = self.output.len().checked_sub(distance)?;
        if distance >= count {
            self.output.extend_from_within(from..from + count);
            return Some(());
        }
        // A copy may reach into what it writes itself: a run repeats.
        for index in from..from + count {
            self.output.push(*self.output.get(index)?);
        }
        Some(())
    }

    /// Whether all bytes are there.
    pub fn is_whole(&self) -> bool {
        self.output.len() == self.length
    }

    /// The bytes that are there.
    pub fn so_far(&self) -> &[u8] {
        &self.output
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.output
    }
}

/// What the compressed form is made of.
enum Unit<'a> {
    Literals(&'a [u8]),
    /// How far back, and how many bytes.
    Copy(usize, usize),
}

impl<'a> Unit<'a> {
    /// The first unit, and what follows it; `None` if it is not all there.
    fn of(input: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&control, mut rest) = input.split_first()?;
        let control = usize::from(control);
        if control < LITERALS_MAX {
            let (run, after) = rest.split_at_checked(control + 1)?;
            return Some((Self::Literals(run), after));
        }
        let mut count = (control >> 5) + 2;
        if count == 9 {
            let (&more, after) = rest.split_first()?;
            count += usize::from(more);
            rest = after;
        }
        let (&low, after) = rest.split_first()?;
        let distance = ((control & 0x1f) << 8 | usize::from(low)) + 1;
        Some((Self::Copy(distance, count), after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};

    fn check(compressor: &mut Compressor, input: &[u8]) -> usize {
        let mut output = b"before".to_vec();
        if !compressor.compress(input, &mut output) {
            assert_eq!(output, b"before");
            return input.len();
        }
        let output = &output[6..];
        assert_eq!(decompress(output, input.len()).as_deref(), Some(input));
        // The same in parts, of which some end in the middle of a unit.
        let (mut parts, mut from, mut to) = (Decompressor::with_room(input.len(), 10), 0, 0);
        while from < output.len() {
            to = output.len().min(to + 1 + to % 7);
            let before = parts.output.len();
            from += parts.feed(&output[from..to], 100).unwrap();
            assert!(parts.output.len() < before + 100 + COPY_MAX);
        }
        assert!(parts.is_whole() && parts.into_bytes() == input);
        output.len()
    }

    #[test]
    fn what_is_compressed_comes_back() {
        let mut compressor = Compressor::default();
        assert!(check(&mut compressor, &[b'a'; 10_000]) < 200);
        assert!(check(&mut compressor, "to be or not to be, ".repeat(100).as_bytes()) < 100);
        assert_eq!(check(&mut compressor, b"abc"), 3);
        assert_eq!(check(&mut compressor, b""), 0);
        let mut rng = Rng::new(Seed::of(1));
        for length in 0..600 {
            for letters in [2, 20, 256] {
                let input: Vec<u8> = (0..length).map(|_| rng.below(letters) as u8).collect();
                check(&mut compressor, &input);
            }
        }
    }

    #[test]
    fn a_known_block_is_read() {
        // `aaaaa…` as liblzf writes it: one literal pair, then a copy of distance 1.
        assert_eq!(decompress(&[1, b'a', b'a', 0xe0, 9, 0], 20).as_deref(), Some(&[b'a'; 20][..]));
    }

    #[test]
    fn nonsense_is_refused() {
        for (input, length) in [
            (&[5, 1][..], 6),
            (&[0x20, 0][..], 3),
            (&[0, 1, 0xe0][..], 10),
            (&[0, 1, 0x20, 5][..], 4),
            (&[0, 1][..], 2),
            (&[0, 1, 0xe0, 0xff, 0][..], 5),
        ] {
            assert_eq!(decompress(input, length), None, "{input:?}");
        }
        let mut rng = Rng::new(Seed::of(2));
        for _ in 0..20_000 {
            let length = rng.below(40);
            let input: Vec<u8> = (0..length).map(|_| rng.next_u64() as u8).collect();
            let _ = decompress(&input, rng.below(400) as usize);
        }
    }
}
