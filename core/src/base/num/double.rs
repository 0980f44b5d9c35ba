//! Doubles, read and printed as Redis 8 does it.

use super::decimal::{binary_of_double, quick_f64};
use super::grisu;
use super::integer::Digits;
use super::scan::{Binary, Magnitude, scan};

/// Bits of a double's significand.
const PRECISION: u32 = 53;

/// The exponent of the smallest double.
const EXPONENT_MIN: i64 = -1074;

/// The exponent of the largest double, whose significand is an integer of all bits.
const EXPONENT_MAX: i64 = 971;

/// Reads a floating-point number: the whole text, decimal, hexadecimal or infinite, rounded to the
/// nearest double. A number too large for a double is refused, and one so small that nothing but
/// zero is left of it. Costs O(text).
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let scanned = scan(text)?;
    let magnitude = match scanned.magnitude {
        Magnitude::Infinite => f64::INFINITY,
        Magnitude::Decimal { integer, fraction, exponent } => {
            match quick_f64(integer, fraction, exponent) {
                Some(value) => value,
                None => nearest(binary_of_double(integer, fraction, exponent))?,
            }
        }
        Magnitude::Binary(binary) => nearest(binary)?,
    };
    Some(if scanned.negative { -magnitude } else { magnitude })
}

/// Reads a decimal number or an infinite one, as [`parse_f64`] does, but not a hexadecimal one; what
/// is too large is infinite, and what is too small is 0. Costs O(text).
pub fn parse_decimal(text: &[u8]) -> Option<f64> {
    let scanned = scan(text)?;
    let magnitude = match scanned.magnitude {
        Magnitude::Infinite => f64::INFINITY,
        Magnitude::Binary(_) => return None,
        Magnitude::Decimal { integer, fraction, exponent } => {
            quick_f64(integer, fraction, exponent).unwrap_or_else(|| {
                let binary = binary_of_double(integer, fraction, exponent);
                let (significand, exponent) = binary.round(PRECISION, EXPONENT_MIN);
                let is_finite = exponent <= EXPONENT_MAX;
                if is_finite { from_parts(significand as u64, exponent) } else { f64::INFINITY }
            })
        }
    };
    Some(if scanned.negative { -magnitude } else { magnitude })
}

/// The nearest double, if there is one, and something is left of what is not zero.
fn nearest(binary: Binary) -> Option<f64> {
    let (significand, exponent) = binary.round(PRECISION, EXPONENT_MIN);
    let vanished = significand == 0 && binary.significand != 0;
    (exponent <= EXPONENT_MAX && !vanished).then(|| from_parts(significand as u64, exponent))
}

/// `significand × 2^exponent`, which is a double.
fn from_parts(significand: u64, exponent: i64) -> f64 {
    let hidden = 1 << (PRECISION - 1);
    if significand < hidden {
        // Only the smallest exponent goes with a significand that is not full: a subnormal.
        return f64::from_bits(significand);
    }
    let biased = (exponent - EXPONENT_MIN + 1) as u64;
    f64::from_bits(biased << (PRECISION - 1) | (significand & (hidden - 1)))
}

/// Whole numbers up to this print as integers, digit by digit.
const PLAIN_MAX: f64 = (1u64 << 62) as f64;

/// The text of a double, in a buffer on the stack.
pub struct DoubleText {
    bytes: [u8; Self::BYTES_MAX],
    len: u8,
}

/// The text of `value` as Redis puts it into replies.
///
/// Whole numbers up to 2^62 are written out. Anything else has the digits that [`grisu`] finds:
/// with a point where that takes few zeros (`0.00001`, `12345678901234500000`), else with an exponent
/// (`1e+20`, `1.25e-7`).
pub fn format_f64(value: f64) -> DoubleText {
    format_beyond(value, PLAIN_MAX)
}

/// The same, with [`grisu`]'s digits for whole numbers that are larger than `plain_max`.
pub fn format_beyond(value: f64, plain_max: f64) -> DoubleText {
    let mut text = DoubleText { bytes: [0; DoubleText::BYTES_MAX], len: 0 };
    if value.is_nan() {
        text.push_all(b"nan");
        return text;
    }
    if value.is_sign_negative() {
        text.push(b'-');
    }
    let magnitude = value.abs();
    if magnitude.is_infinite() {
        text.push_all(b"inf");
    } else if magnitude <= plain_max && magnitude.trunc() == magnitude {
        text.push_all(&Digits::of_u64(magnitude as u64));
    } else {
        let digits = grisu::digits(magnitude);
        text.push_digits(&digits, digits.exponent);
    }
    text
}

impl DoubleText {
    /// A sign, 17 digits, a point or zeros; the longest whole number takes as many as
    /// [`Self::push_digits`] adds zeros.
    const BYTES_MAX: usize = 32;

    fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.len)] = byte;
        self.len += 1;
    }

    fn push_all(&mut self, bytes: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }

    fn push_zeros(&mut self, count: i32) {
        (0..count).for_each(|_| self.push(b'0'));
    }

    /// Lays `digits × 10^exponent` out.
    fn push_digits(&mut self, digits: &[u8], exponent: i32) {
        let count = digits.len() as i32;
        let scientific = exponent + count - 1;
        if exponent >= 0 && scientific.abs() < count + 7 {
            self.push_all(digits);
            self.push_zeros(exponent);
        } else if exponent < 0 && (exponent > -7 || scientific.abs() < 4) {
            // How many digits stand before the point; none if zeros must be put there.
            let before = count + exponent;
            if before <= 0 {
                self.push_all(b"0.");
                self.push_zeros(-before);
                self.push_all(digits);
            } else {
                let (integer, fraction) = digits.split_at(before as usize);
                self.push_all(integer);
                self.push(b'.');
                self.push_all(fraction);
            }
        } else {
            let (first, rest) = digits.split_at(1);
            self.push_all(first);
            if !rest.is_empty() {
                self.push(b'.');
                self.push_all(rest);
            }
            self.push_all(if scientific < 0 { b"e-" } else { b"e+" });
            self.push_all(&Digits::of_u64(u64::from(scientific.unsigned_abs())));
        }
    }
}

impl std::ops::Deref for DoubleText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of each is what Redis 8.0.6 prints for the double that it reads as.
    #[test]
    fn layout() {
        for text in [
            "0.1",
            "3.3",
            "1e-7",
            "1.25e-7",
            "0.000001",
            "0.00123",
            "1.2345e-4",
            "1.2345678e-5",
            "0.0123456",
            "9.5e-6",
            "0.000012",
            "4503599627370495.5",
            "4611686018427387904",
            "4611686018427389000",
            "9223372036854775000",
            "9223372036854776000",
            "1000000000000000000",
            "1e+19",
            "1.5e+19",
            "12345678901234500000",
            "99999999999999990000000",
            "1e+24",
            "12345678901234568000000",
            "1e+308",
            "1.7976931348623157e+308",
            "2.2250738585072014e-308",
            "2.225073858507201e-308",
            "5e-324",
            "-1.25e-7",
            "-150000000000000000",
            "-4611686018427389000",
            "-0",
            "0",
            "inf",
            "-inf",
        ] {
            let value = parse_f64(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&format_f64(value)), text);
        }
        assert_eq!(&*format_f64(f64::NAN), b"nan");
    }

    /// Doubles for which Grisu2 does not find the shortest digits, as Redis 8.0.6 prints them.
    #[test]
    fn digits_are_those_of_grisu2() {
        for (text, bits) in [
            ("4.7687602902459296e-273", 0x0764_a360_3f58_e9fa),
            ("9.000000000000001e-265", 0x091d_0524_4fe5_066a),
            ("1.2600651685239421e-258", 0x0a63_5fbe_664f_b7a6),
            ("3.8263469528261138e-221", 0x122b_a998_7319_a503),
            ("1.4088407314736538e-132", 0x2490_0000_0000_0001),
            ("7.1052280647184525e-75", 0x3089_b5d5_67eb_fb68),
            ("8.341040647953051e-29", 0x3a1a_6f0e_5dba_c4d6),
            ("9.722394000000001e-9", 0x3e44_e0f1_4ff6_e279),
            ("1.0905463478999999e-6", 0x3eb2_4bdc_63e0_85eb),
            ("5.1752299999999996e-6", 0x3ed5_b4dc_63ee_39f8),
            ("0.6848301999999999", 0x3fe5_ea21_060a_053c),
            ("40.539450963567504", 0x4044_450c_baab_28b8),
            ("389.32566805046997", 0x4078_5535_efb3_a1ee),
            ("415.12586004999997", 0x4079_f203_85d3_e9f7),
            ("6532.4000000000005", 0x40b9_8466_6666_6667),
            ("6886.9000000000005", 0x40ba_e6e6_6666_6667),
            ("4.8037160752435643e+39", 0x482c_3bd4_2071_52db),
            ("3.4816163452111288e+68", 0x4e29_d3fc_1a28_7297),
            ("1.9999999999999998e+126", 0x5a27_a2ec_c414_a03f),
            ("1.4064937372559659e+163", 0x61cf_4351_8470_0dac),
            ("1.9314723618741038e+184", 0x6632_2eb1_90ac_2acd),
            ("6.1761282472157725e+217", 0x6d26_6519_2a57_280c),
            ("1.0282010599473351e+291", 0x7c5a_6076_6940_37c7),
            ("3.4049849226693082e+302", 0x7ebf_c709_4a26_6db4),
        ] {
            let value = f64::from_bits(bits);
            assert_eq!(String::from_utf8_lossy(&format_f64(value)), text);
            assert_eq!(parse_f64(text.as_bytes()), Some(value));
        }
    }

    #[test]
    fn texts_come_back_as_the_same_double() {
        let mut rng = crate::base::rng::Rng::new(crate::base::rng::Seed::of(3));
        for _ in 0..20_000 {
            let value = f64::from_bits(rng.next_u64());
            if !value.is_nan() {
                assert_eq!(parse_f64(&format_f64(value)), Some(value), "{value:e}");
            }
        }
    }

    #[test]
    fn what_is_read_as_a_number() {
        let check = |text: &str, expect: Option<f64>| {
            assert_eq!(parse_f64(text.as_bytes()), expect, "{text:?}");
        };
        for text in [
            "",
            " 1",
            "1 ",
            "1\0",
            "\t1",
            "1\n",
            ".",
            "-",
            "+",
            "1e",
            "1e+",
            "1e5.5",
            "--1",
            "+-1",
            ".e5",
            "1_0",
            "1f",
            "nan",
            "-nan",
            "nan(1)",
            "infinit",
            "infx",
            "0x",
            "0x.",
            "1e0x10",
            "0xg",
            "1e309",
            "-1e309",
            "1.7976931348623159e308",
            "2e-324",
            "1e-400",
            "1e1000000000000",
            "1e-1000000000000",
            "0x1p1024",
            "0x1p-1080",
            "٣",
        ] {
            check(text, None);
        }
        check("1.", Some(1.0));
        check("+.5", Some(0.5));
        check("00001", Some(1.0));
        check("1.e05", Some(1e5));
        check("0e999", Some(0.0));
        check("0e-99999999999999999999", Some(0.0));
        check("3e-324", Some(5e-324));
        check("+INF", Some(f64::INFINITY));
        check("-Infinity", Some(f64::NEG_INFINITY));
        check("0X1F", Some(31.0));
        check("0x1e", Some(30.0));
        check("0x.8", Some(0.5));
        check("-0x1p3", Some(-8.0));
        check("0x1p-1074", Some(5e-324));
        // Ties go to the even neighbour, unless there is more behind.
        check("0x20000000000001", Some(9_007_199_254_740_992.0));
        check("0x20000000000003", Some(9_007_199_254_740_996.0));
        check("0x20000000000001.0000000000000000000000000000001", Some(9_007_199_254_740_994.0));
        check("0x1.fffffffffffffp1023", Some(f64::MAX));
        check("0x1.fffffffffffff8p1023", None);
        check("0x0.0000000000001p-1022", Some(5e-324));
        check(&"0".repeat(500), Some(0.0));
        check(&format!("1{}", "0".repeat(308)), Some(1e308));
    }
}
