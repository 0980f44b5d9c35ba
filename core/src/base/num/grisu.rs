//! The digits of a double, by Grisu2.
//!
//! The algorithm of Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
//! Integers" (PLDI 2010): the number and the borders of the interval that rounds to it are scaled
//! by a stored power of ten until they fit 64-bit integers, and digits are taken off the upper
//! border until what is left lies in the interval. What comes out always reads back as the same
//! double. In about one case of a hundred it is not the shortest text that does (1e23 becomes
//! 9.999999999999999e22), because the scaled borders are drawn in by the error of the scaling.
//!
//! Redis prints doubles by this algorithm, so a shortest-digits algorithm would differ from it in
//! those cases. For the same digits in all cases the powers, and the one chosen among those that
//! would do, have to be the same: every eighth power of ten, the least that brings the exponent to
//! -60 or more.

/// Digits of a positive double; it is their number times `10^exponent`.
pub(super) struct DoubleDigits {
    bytes: [u8; Self::COUNT_MAX],
    len: u8,
    pub(super) exponent: i32,
}

/// A number that is not normalized by itself: `significand × 2^exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    significand: u64,
    exponent: i32,
}

/// The digits of `value`, which is positive and finite.
pub(super) fn digits(value: f64) -> DoubleDigits {
    let exact = Scaled::of(value);
    // A power of two is closer to its lower neighbour than to its upper one.
    let is_power = exact.significand == HIDDEN_BIT;
    let upper = exact.with_bits(1, 1).normalized();
    let lower = if is_power { exact.with_bits(2, -1) } else { exact.with_bits(1, -1) };
    let lower = lower.aligned(upper.exponent);
    let (power, power_exponent) = Scaled::power_for(upper.exponent);
    let exact = exact.normalized().times(power);
    let mut upper = upper.times(power);
    let mut lower = lower.times(power);
    // Each product is off by one at most: only what is surely inside the interval counts.
    upper.significand -= 1;
    lower.significand += 1;
    let mut digits =
        DoubleDigits { bytes: [0; DoubleDigits::COUNT_MAX], len: 0, exponent: -power_exponent };
    digits.generate(
        upper,
        upper.significand - exact.significand,
        upper.significand - lower.significand,
    );
    digits
}

impl DoubleDigits {
    const COUNT_MAX: usize = 20;

    /// Takes digits off `upper` until what is left of it is within `width`, the width of the
    /// interval; `distance` is from the exact number up to `upper`.
    fn generate(&mut self, upper: Scaled, mut distance: u64, mut width: u64) {
        let shift = upper.exponent.unsigned_abs();
        let fraction_mask = (1u64 << shift) - 1;
        let mut integer = upper.significand >> shift;
        let mut fraction = upper.significand & fraction_mask;
        // The integer part has at most ten digits, as the scaled exponent is at most -32.
        let mut unit = 1_000_000_000u64;
        for place in (0..10).rev() {
            self.push(integer / unit);
            integer %= unit;
            let rest = (integer << shift) + fraction;
            if rest <= width {
                self.exponent += place;
                self.approach(distance, width, rest, unit << shift);
                return;
            }
            unit /= 10;
        }
        // The interval is never narrower than what 18 digits of fraction tell apart.
        for _ in 0..18 {
            fraction *= 10;
            width *= 10;
            distance *= 10;
            self.exponent -= 1;
            self.push(fraction >> shift);
            fraction &= fraction_mask;
            if fraction < width {
                self.approach(distance, width, fraction, fraction_mask + 1);
                return;
            }
        }
    }

    /// Adds a digit, unless it would be a leading zero.
    fn push(&mut self, digit: u64) {
        if digit != 0 || self.len > 0 {
            self.bytes[usize::from(self.len)] = b'0' + digit as u8;
            self.len += 1;
        }
    }

    /// Lowers the last digit as long as that brings the digits closer to the exact number. They
    /// are `rest` below the upper border; one step down of the last digit is `step`.
    fn approach(&mut self, distance: u64, width: u64, mut rest: u64, step: u64) {
        let Some(last) = usize::from(self.len).checked_sub(1) else { return };
        while rest < distance
            && width - rest >= step
            && (rest + step < distance || distance - rest > rest + step - distance)
        {
            self.bytes[last] -= 1;
            rest += step;
        }
    }
}

impl std::ops::Deref for DoubleDigits {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The highest bit of a double's significand, which is not stored.
const HIDDEN_BIT: u64 = 1 << 52;

impl Scaled {
    /// The parts of `value`, which is positive and finite.
    fn of(value: f64) -> Self {
        let bits = value.to_bits();
        let significand = bits & (HIDDEN_BIT - 1);
        match (bits >> 52) as i32 {
            0 => Self { significand, exponent: -1074 },
            biased => Self { significand: significand | HIDDEN_BIT, exponent: biased - 1075 },
        }
    }

    /// The same with `bits` bits more, and `add` added to the last.
    fn with_bits(self, bits: u32, add: i64) -> Self {
        let significand = (self.significand << bits).wrapping_add_signed(add);
        Self { significand, exponent: self.exponent - bits as i32 }
    }

    /// The same with the highest bit set.
    fn normalized(self) -> Self {
        let shift = self.significand.leading_zeros();
        Self { significand: self.significand << shift, exponent: self.exponent - shift as i32 }
    }

    /// The same with this exponent, which is not above its own.
    fn aligned(self, exponent: i32) -> Self {
        Self { significand: self.significand << (self.exponent - exponent), exponent }
    }

    /// The product, rounded to 64 bits.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.significand) * u128::from(other.significand);
        let significand = ((product + (1 << 63)) >> 64) as u64;
        Self { significand, exponent: self.exponent + other.exponent + 64 }
    }

    /// The stored power of ten for a number of this binary exponent, and the power's own decimal
    /// exponent.
    fn power_for(exponent: i32) -> (Self, i32) {
        let scaled = |index: usize| {
            let decimal = POWER_FIRST + POWER_STEP * index as i32;
            // The logarithm of ten to base two is 217706 / 2^16 closely enough for all of them.
            let binary = ((decimal * 217_706) >> 16) - 63;
            (Self { significand: POWERS[index], exponent: binary }, decimal)
        };
        // The exponent falls from one power to the next, so the first that will do is the least.
        let guess = (-61 - exponent) * 30_103 / 100_000 - POWER_FIRST;
        let mut index = (guess / POWER_STEP - 1).clamp(0, POWERS.len() as i32 - 1) as usize;
        while index + 1 < POWERS.len() && exponent + scaled(index).0.exponent + 64 < -60 {
            index += 1;
        }
        scaled(index)
    }
}

const POWER_FIRST: i32 = -348;
const POWER_STEP: i32 = 8;

/// Every eighth power of ten from 10^-348 to 10^340, each as the nearest 64-bit significand.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8f_d5a0_081c_0288, 0xbaae_e17f_a23e_bf76, 0x8b16_fb20_3055_ac76, 0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d, 0xe61a_cf03_3d1a_45df, 0xab70_fe17_c79a_c6ca, 0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c, 0x8dd0_1fad_907f_fc3c, 0xd351_5c28_3155_9a83, 0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb, 0xaecc_4991_4078_536d, 0x823c_1279_5db6_ce57, 0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f, 0xd774_85cb_2582_3ac7, 0xa086_cfcd_97bf_97f4, 0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e, 0x84c8_d4df_d2c6_3f3b, 0xc5dd_4427_1ad3_cdba, 0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584, 0xa3ab_6658_0d5f_daf6, 0xf3e2_f893_dec3_f126, 0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b, 0xc9bc_ff60_34c1_3053, 0x964e_858c_91ba_2655, 0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f, 0xf8a9_5fcf_8874_7d94, 0xb944_7093_8fa8_9bcf, 0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6, 0x993f_e2c6_d07b_7fac, 0xe45c_10c4_2a2b_3b06, 0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e, 0xbce5_0864_9211_1aeb, 0x8cbc_cc09_6f50_88cc, 0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000, 0xe8d4_a510_0000_0000, 0xad78_ebc5_ac62_0000, 0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3, 0x8f7e_32ce_7bea_5c70, 0xd5d2_38a4_abe9_8068, 0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27, 0xb0de_6538_8cc8_ada8, 0x83c7_088e_1aab_65db, 0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758, 0xda01_ee64_1a70_8dea, 0xa26d_a399_9aef_774a, 0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877, 0x865b_8692_5b9b_c5c2, 0xc835_53c5_c896_5d3d, 0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3, 0xa59b_c234_db39_8c25, 0xf6c6_9a72_a398_9f5c, 0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2, 0xcc20_ce9b_d35c_78a5, 0x9816_5af3_7b21_53df, 0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396, 0xfb9b_7cd9_a4a7_443c, 0xbb76_4c4c_a7a4_4410, 0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c, 0x9b10_a4e5_e991_3129, 0xe710_9bfb_a19c_0c9d, 0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85, 0xbf21_e440_03ac_dd2d, 0x8e67_9c2f_5e44_ff8f, 0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9, 0xeb96_bf6e_badf_77d9, 0xaf87_023b_9bf0_ee6b,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Each significand follows from the one before by 10^8, within what rounding twice can lose.
    #[test]
    fn powers_follow_each_other() {
        assert_eq!(POWERS[44], 0x9c40_0000_0000_0000, "10^4 is exact");
        for pair in POWERS.windows(2) {
            let product = u128::from(pair[0]) * 100_000_000;
            let next = product >> (64 - product.leading_zeros());
            assert!(next.abs_diff(u128::from(pair[1])) <= 2, "{pair:x?}");
        }
    }
}
