//! Chance from a seed: the same seed gives the same node, draw by draw.
//!
//! The generator is xoshiro256** by Blackman and Vigna ("Scrambled linear pseudorandom number
//! generators", 2018), filled from the seed by SplitMix64. It is fast and even, and not for
//! secrets: what must not be guessed (the keyspace's hash key, run ids) comes straight from the
//! host's seed, which a real host takes from the operating system.

/// Where all of a node's chance comes from. A host draws it from a secure source; a simulator
/// counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub [u64; 4]);

impl Seed {
    /// A seed for tests and simulations.
    pub fn of(number: u64) -> Self {
        let mut state = number;
        Self([(); 4].map(|()| split_mix(&mut state)))
    }
}

/// A generator of random numbers.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

impl Rng {
    /// The generator that `seed` starts.
    pub fn new(seed: Seed) -> Self {
        // Mixed once more, so that the state is never all zeros, whatever the host gave.
        let mut state = 0x5245_4453_5441_5254;
        Self(seed.0.map(|word| split_mix(&mut state) ^ split_mix(&mut { word })))
    }

    /// Any 64-bit number, each as likely as any other.
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number in `0..bound`; 0 if `bound` is 0. (Lemire's multiplication; the bias is below
    /// 2⁻³² for any bound that fits memory.)
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// `N` random hexadecimal digits, as in run ids.
    pub fn hex<const N: usize>(&mut self) -> [u8; N] {
        [(); N].map(|()| b"0123456789abcdef"[self.below(16) as usize])
    }
}

/// One step of SplitMix64 (Steele, Lea and Flood, 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            [(); 8].map(|()| rng.next_u64())
        };
        assert_eq!(draw(Seed::of(7)), draw(Seed::of(7)));
        assert_ne!(draw(Seed::of(7)), draw(Seed::of(8)));
        assert_ne!(draw(Seed([0; 4])), [0; 8]);
    }

    #[test]
    fn below_stays_below() {
        let mut rng = Rng::new(Seed::of(1));
        let mut seen = [0; 10];
        for _ in 0..10_000 {
            seen[rng.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (800..1200).contains(&count)), "{seen:?}");
        assert_eq!(rng.below(0), 0);
    }
}
