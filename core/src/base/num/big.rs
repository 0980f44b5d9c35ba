//! Integers of any size, with the few operations that exact conversion between decimal and binary
//! takes. They hold what one number of a client needs, 34,000 bits at most.

/// A non-negative integer: 32-bit limbs, the lowest first, the highest not 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Big(Vec<u32>);

impl Big {
    /// The integer `value`.
    pub(super) fn of(mut value: u128) -> Self {
        let mut limbs = Vec::new();
        while value != 0 {
            limbs.push(value as u32);
            value >>= 32;
        }
        Self(limbs)
    }

    /// This times `factor`, plus `add`.
    pub(super) fn times_plus(&mut self, factor: u32, add: u32) {
        let mut carry = u64::from(add);
        for limb in &mut self.0 {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    /// This times `10^exponent`. Costs O(exponent × length).
    pub(super) fn times_power_of_ten(&mut self, exponent: u32) {
        for _ in 0..exponent / 9 {
            self.times_plus(1_000_000_000, 0);
        }
        self.times_plus(10u32.pow(exponent % 9), 0);
    }

    /// Divides this by `divisor`, which is not 0, and returns the remainder.
    pub(super) fn divide(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for limb in self.0.iter_mut().rev() {
            let part = rest << 32 | u64::from(*limb);
            *limb = (part / u64::from(divisor)) as u32;
            rest = part % u64::from(divisor);
        }
        self.trim();
        rest as u32
    }

    /// Whether this is 0.
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of bits.
    pub(super) fn bits(&self) -> u32 {
        self.0.last().map_or(0, |top| self.0.len() as u32 * 32 - top.leading_zeros())
    }

    /// This times `2^count`.
    pub(super) fn shift_left(&mut self, count: u32) {
        self.times_plus(1 << (count % 32), 0);
        if !self.is_zero() {
            self.0.splice(0..0, std::iter::repeat_n(0, count as usize / 32));
        }
    }

    /// Takes `other` away, unless that is more than this; returns whether it did.
    pub(super) fn take_away(&mut self, other: &Self) -> bool {
        let order = self.0.len().cmp(&other.0.len());
        if order.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev())).is_lt() {
            return false;
        }
        let mut borrow = 0;
        let below = other.0.iter().copied().chain(std::iter::repeat(0));
        for (limb, less) in self.0.iter_mut().zip(below) {
            let difference = i64::from(*limb) - i64::from(less) - borrow;
            *limb = difference as u32;
            borrow = i64::from(difference < 0);
        }
        self.trim();
        true
    }

    /// The highest 128 bits, how many there are below them, and whether any of those is set.
    pub(super) fn top(&self) -> (u128, u32, bool) {
        let below = self.0.len().saturating_sub(4);
        let (rest, top) = self.0.split_at(below);
        let value = top.iter().rev().fold(0, |value, &limb| value << 32 | u128::from(limb));
        (value, below as u32 * 32, rest.iter().any(|&limb| limb != 0))
    }

    /// The decimal digits. Costs O(digits²).
    pub(super) fn digits(mut self) -> Vec<u8> {
        let mut digits = Vec::new();
        while !self.is_zero() {
            let mut part = self.divide(1_000_000_000);
            for _ in 0..9 {
                digits.push(b'0' + (part % 10) as u8);
                part /= 10;
            }
        }
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            digits.push(b'0');
        }
        digits.reverse();
        digits
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}
