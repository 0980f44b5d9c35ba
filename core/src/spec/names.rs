//! Names found in letters of any case: the index of the command table.
//!
//! Every request begins with a look-up here, and the names are known when the table is built, so
//! a general hash function is more than is needed. A name is folded into its length and two words
//! of eight bytes, in which capital letters are made small all at once; up to sixteen bytes, that
//! is the whole name, so equal folds are equal names, and one multiplication spreads them. What a
//! client sends can make a look-up fail, never make it long: three quarters of the places are free.

/// Places of names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The number of a name plus one, or 0; a power of two of them.
    places: Box<[u16]>,
    folds: Vec<Fold>,
}

/// A name without the difference between capital and small letters, if it has sixteen bytes at
/// most; of a longer one the beginning and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fold {
    first: u64,
    last: u64,
    len: usize,
}

/// The longest name that a fold holds all of.
const WHOLE_BYTES_MAX: usize = 16;

impl Names {
    /// The number of this name. Names count from 0, in the order in which they were
    /// [entered](Names::push); `is_it` compares where a fold does not hold all of a name.
    #[inline]
    pub(super) fn find(&self, name: &[u8], is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let fold = Fold::of(name);
        let mask = self.places.len().wrapping_sub(1);
        let mut place = fold.spread() & mask;
        loop {
            let number = usize::from(*self.places.get(place)?).checked_sub(1)?;
            if self.folds[number] == fold && (name.len() <= WHOLE_BYTES_MAX || is_it(number)) {
                return Some(number);
            }
            place = (place + 1) & mask;
        }
    }

    /// Enters the next name.
    pub(super) fn push(&mut self, name: &[u8]) {
        self.folds.push(Fold::of(name));
        let places = (self.folds.len() * 4).next_power_of_two();
        if places > self.places.len() {
            self.places = vec![0; places].into_boxed_slice();
            (0..self.folds.len()).for_each(|number| self.enter(number));
        } else {
            self.enter(self.folds.len() - 1);
        }
    }

    fn enter(&mut self, number: usize) {
        let mask = self.places.len() - 1;
        let mut place = self.folds[number].spread() & mask;
        while self.places[place] != 0 {
            place = (place + 1) & mask;
        }
        self.places[place] = number as u16 + 1;
    }
}

impl Fold {
    #[inline]
    fn of(name: &[u8]) -> Self {
        let half = |chunk: [u8; 4]| u64::from(u32::from_le_bytes(chunk));
        // From four bytes on, the two words overlap in the middle of a name, or meet there.
        let (first, last) = match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (name.first_chunk(), name.last_chunk()) {
                (Some(first), Some(last)) => (half(*first), half(*last)),
                _ => match *name {
                    [a, b, c] => (half([a, b, c, 0]), 0),
                    [a, b] => (half([a, b, 0, 0]), 0),
                    [a] => (half([a, 0, 0, 0]), 0),
                    _ => (0, 0),
                },
            },
        };
        Self { first: to_small(first), last: to_small(last), len: name.len() }
    }

    /// A number that different names seldom share.
    #[inline]
    fn spread(self) -> usize {
        let mixed = self.first ^ self.last.rotate_left(29) ^ ((self.len as u64) << 11);
        // The golden ratio, whose multiples lie apart.
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
    }
}

/// Makes capital letters small in eight bytes at once.
#[inline]
fn to_small(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Added to seven bits, these reach the eighth from `A` on, and from behind `Z` on.
    let low = word & (EACH * 0x7f);
    let from_a = low + EACH * (0x80 - b'A' as u64);
    let behind_z = low + EACH * (0x7f - b'Z' as u64);
    let capital = (from_a ^ behind_z) & !word & (EACH * 0x80);
    word | (capital >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        let all: Vec<String> =
            (0..500).map(|number| format!("n{}{number}", "x".repeat(number % 20))).collect();
        let mut names = Names::default();
        assert_eq!(names.find(b"get", |_| true), None);
        all.iter().for_each(|name| names.push(name.as_bytes()));
        let find = |name: &str| {
            let is_it = |number: usize| all[number].eq_ignore_ascii_case(name);
            names.find(name.as_bytes(), is_it)
        };
        for (number, name) in all.iter().enumerate() {
            assert_eq!(find(name), Some(number));
            assert_eq!(find(&name.to_ascii_uppercase()), Some(number));
            assert_eq!(find(&format!("{name}-")), None);
        }
        assert_eq!(find(""), None);
    }

    #[test]
    fn folds_are_those_of_ascii() {
        for byte in 0..=255_u8 {
            for len in 0..=WHOLE_BYTES_MAX {
                let mut name = vec![b'm'; len];
                if let Some(middle) = name.get_mut(len / 2) {
                    *middle = byte;
                }
                assert_eq!(Fold::of(&name), Fold::of(&name.to_ascii_lowercase()));
                if !byte.is_ascii_alphabetic() && len > 0 {
                    let mut other = name.clone();
                    other[len / 2] = byte ^ 0x20;
                    assert_ne!(Fold::of(&name), Fold::of(&other), "{byte}");
                }
            }
        }
    }
}
