//! Extended precision, for INCRBYFLOAT, HINCRBYFLOAT and AROP.
//!
//! Redis adds these in C's `long double`, and people compare the result as text. On x86-64 that is
//! the 80-bit format of the x87: 64 bits of significand, 15 of exponent. Plain doubles print other
//! digits (`0.1 + 0.2` is 0.3 here), so the format is computed in integers, which gives the same
//! bytes on every machine, in a browser too. Text is converted exactly and rounded once, to the
//! nearest, the even one of two.

use std::cmp::Ordering;

use super::Digits;
use super::big::Big;
use super::decimal::{binary_of, quotient};
use super::scan::{Binary, Magnitude, scan};

/// A number in extended precision; never not-a-number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    size: Size,
}

/// A number without its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Infinite,
    /// `significand × 2^exponent`. The significand's highest bit is set, unless the exponent is
    /// the least.
    Finite {
        significand: u64,
        exponent: i32,
    },
}

/// Bits of the significand.
const PRECISION: u32 = 64;

/// The exponent of the smallest number.
const EXPONENT_MIN: i64 = -16_445;

/// The exponent of the largest number.
const EXPONENT_MAX: i64 = 16_320;

/// The longest text that is read as a number. Redis reads it into a buffer of this size.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;

/// Digits behind the point in a number's text.
const FRACTION_DIGITS: u32 = 17;

impl Extended {
    /// Zero.
    pub const ZERO: Self = Self::finite(false, 0, EXPONENT_MIN);

    /// The largest number that is not infinite.
    pub const MAX: Self = Self::finite(false, u64::MAX, EXPONENT_MAX);

    /// Whether the number is infinite.
    pub fn is_infinite(self) -> bool {
        self.size == Size::Infinite
    }

    /// Whether the number has a minus before it.
    pub fn is_negative(self) -> bool {
        self.negative
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { negative: !self.negative, ..self }
    }

    /// Which of two numbers is larger; both zeros are equal.
    pub fn order(self, other: Self) -> Ordering {
        let key = |number: Self| match number.size {
            Size::Infinite => (i32::MAX, 0),
            // The least exponent goes with significands that are not full.
            Size::Finite { significand, exponent } => (exponent, significand),
        };
        let is_zero = |number: Self| matches!(number.size, Size::Finite { significand: 0, .. });
        match (self.negative, other.negative) {
            _ if is_zero(self) && is_zero(other) => Ordering::Equal,
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => key(self).cmp(&key(other)),
            (true, true) => key(other).cmp(&key(self)),
        }
    }

    /// Reads a number: the whole text, decimal, hexadecimal or infinite. A number too large is
    /// refused, and one so small that nothing but zero is left of it. Costs O(text²) at worst, for
    /// a text of 5 KB at most.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let scanned = scan(text)?;
        let binary = match scanned.magnitude {
            Magnitude::Infinite => {
                return Some(Self { negative: scanned.negative, size: Size::Infinite });
            }
            Magnitude::Binary(binary) => binary,
            Magnitude::Decimal { integer, fraction, exponent } => {
                binary_of(integer, fraction, exponent)
            }
        };
        let (significand, exponent) = binary.round(PRECISION, EXPONENT_MIN);
        let vanished = significand == 0 && binary.significand != 0;
        (exponent <= EXPONENT_MAX && !vanished)
            .then(|| Self::finite(scanned.negative, significand as u64, exponent))
    }

    /// The sum, rounded to the nearest; `None` if it is infinite or not a number.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let (Size::Finite { exponent: first, .. }, Size::Finite { exponent: second, .. }) =
            (self.size, other.size)
        else {
            return None;
        };
        let (large, small) = if first >= second { (self, other) } else { (other, self) };
        let (Size::Finite { significand, exponent }, Size::Finite { significand: less, .. }) =
            (large.size, small.size)
        else {
            return None;
        };
        // Both on one scale with 63 bits to spare. What of the smaller number falls below that is
        // far below the half that decides on rounding, so it is enough to know that it is there.
        let shift = first.abs_diff(second);
        let wide = u128::from(significand) << 63;
        let aligned = (u128::from(less) << 63).checked_shr(shift).unwrap_or(0);
        let more = less != 0 && less.trailing_zeros() + 63 < shift;
        let exponent = i64::from(exponent) - 63;
        let (negative, binary) = if large.negative == small.negative {
            let significand = wide + aligned;
            (large.negative, Binary { significand, exponent, more })
        } else if wide >= aligned + u128::from(more) {
            let significand = wide - aligned - u128::from(more);
            (large.negative && (significand != 0 || more), Binary { significand, exponent, more })
        } else {
            // Only numbers of one exponent can be the other way round, and lose nothing.
            (small.negative, Binary { significand: aligned - wide, exponent, more })
        };
        let (significand, exponent) = binary.round(PRECISION, EXPONENT_MIN);
        (exponent <= EXPONENT_MAX).then(|| Self::finite(negative, significand as u64, exponent))
    }

    /// The number `factor` times, rounded, and then made whole towards the larger; the least or
    /// the largest integer where it lies beyond them.
    pub fn times_up(self, factor: u32) -> i64 {
        let beyond = if self.negative { i64::MIN } else { i64::MAX };
        let Size::Finite { significand, exponent } = self.size else { return beyond };
        let significand = u128::from(significand) * u128::from(factor);
        let product = Binary { significand, exponent: i64::from(exponent), more: false };
        let (significand, exponent) = product.round(PRECISION, EXPONENT_MIN);
        let shift = u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX);
        let whole = if exponent < 0 {
            let whole = significand.checked_shr(shift).unwrap_or(0);
            let is_whole = whole.checked_shl(shift).unwrap_or(0) == significand;
            whole + u128::from(!is_whole && !self.negative)
        } else if shift < 64 {
            significand << shift
        } else {
            return beyond;
        };
        let whole = i128::try_from(whole).unwrap_or(i128::MAX);
        i64::try_from(if self.negative { -whole } else { whole }).unwrap_or(beyond)
    }

    const fn finite(negative: bool, significand: u64, exponent: i64) -> Self {
        let size = Size::Finite { significand, exponent: exponent as i32 };
        Self { negative, size }
    }

    /// The number in decimal digits, without an exponent: 17 digits behind the point, rounded to
    /// the nearest, and no zeros at their end. At most 4,951 bytes.
    pub fn to_text(self) -> Vec<u8> {
        let (mut digits, fraction) = match self.size {
            Size::Infinite => (b"inf".to_vec(), 0),
            Size::Finite { significand, exponent } => split(significand, exponent),
        };
        if fraction != 0 {
            let text = format!("{fraction:0width$}", width = FRACTION_DIGITS as usize);
            digits.push(b'.');
            digits.extend_from_slice(text.trim_end_matches('0').as_bytes());
        }
        if self.negative && digits != b"0" {
            digits.insert(0, b'-');
        }
        digits
    }
}

/// Significant digits of [`Extended::to_g17`].
const SIGNIFICANT: i64 = 17;

impl Extended {
    /// The number with 17 significant digits, as C's `%.17Lg` writes it.
    pub fn to_g17(self) -> Vec<u8> {
        let Size::Finite { significand, exponent } = self.size else { return self.to_text() };
        if significand == 0 {
            return b"0".to_vec();
        }
        // How many digits stand before the point, about: log 2 is a little less than 0.30103.
        let bits = i64::from(exponent) + i64::from(u64::BITS - significand.leading_zeros());
        let mut power = (bits - 1) * 30103 / 100_000;
        let digits = loop {
            let digits = scaled(significand, exponent, SIGNIFICANT - 1 - power);
            if digits >= 10u128.pow(SIGNIFICANT as u32) {
                power += 1;
            } else if digits < 10u128.pow(SIGNIFICANT as u32 - 1) {
                power -= 1;
            } else {
                break Digits::of_u64(digits as u64);
            }
        };
        let zeros = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
        let digits = &digits[..digits.len() - zeros];
        let mut text = if self.negative { b"-".to_vec() } else { Vec::new() };
        if !(-4..SIGNIFICANT).contains(&power) {
            push_with_point(&mut text, digits, 1);
            text.extend(if power < 0 { b"e-" } else { b"e+" });
            let power = Digits::of_u64(power.unsigned_abs());
            text.extend(if power.len() < 2 { &b"0"[..] } else { b"" });
            text.extend_from_slice(&power);
        } else if power < 0 {
            text.extend_from_slice(b"0.");
            text.extend((1..-power).map(|_| b'0'));
            text.extend_from_slice(digits);
        } else {
            push_with_point(&mut text, digits, power as usize + 1);
        }
        text
    }
}

/// Writes digits of which so many stand before the point; those that are not there are 0.
fn push_with_point(text: &mut Vec<u8>, digits: &[u8], before: usize) {
    text.extend_from_slice(&digits[..digits.len().min(before)]);
    text.extend((digits.len()..before).map(|_| b'0'));
    if digits.len() > before {
        text.push(b'.');
        text.extend_from_slice(&digits[before..]);
    }
}

/// `significand × 2^exponent × 10^power`, rounded to an integer, which has less than 127 bits.
fn scaled(significand: u64, exponent: i32, power: i64) -> u128 {
    let mut value = Big::of(u128::from(significand));
    let mut divisor = Big::of(1);
    if exponent >= 0 {
        value.shift_left(exponent.unsigned_abs());
    } else {
        divisor.shift_left(exponent.unsigned_abs());
    }
    let scale = if power >= 0 { &mut value } else { &mut divisor };
    scale.times_power_of_ten(power.unsigned_abs() as u32);
    quotient(value, divisor).round(127, 0).0
}

/// The digits before the point, and those behind it as a number, rounded to 17.
fn split(significand: u64, exponent: i32) -> (Vec<u8>, u128) {
    if exponent >= 0 {
        let mut integer = Big::of(u128::from(significand));
        integer.shift_left(exponent.unsigned_abs());
        return (integer.digits(), 0);
    }
    let shift = exponent.unsigned_abs();
    let integer = significand.checked_shr(shift).unwrap_or(0);
    let rest = if shift < 64 { significand & ((1 << shift) - 1) } else { significand };
    // The rest is below 2^64, the product below 2^121.
    let one = 10u128.pow(FRACTION_DIGITS);
    let scaled =
        Binary { significand: u128::from(rest) * one, exponent: -i64::from(shift), more: false };
    let (fraction, _) = scaled.round(127, 0);
    let integer = u128::from(integer) + u128::from(fraction == one);
    (Big::of(integer).digits(), fraction % one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Failure {
        /// "value is not a valid float"
        Refused,
        /// "increment would produce NaN or Infinity"
        Infinite,
    }

    fn add(first: &str, second: &str) -> Result<String, Failure> {
        let read = |text: &str| Extended::parse(text.as_bytes()).ok_or(Failure::Refused);
        let sum = read(first)?.plus(read(second)?).ok_or(Failure::Infinite)?;
        Ok(String::from_utf8(sum.to_text()).unwrap())
    }

    #[test]
    fn multiples_are_rounded_up() {
        for (text, expect) in [
            ("0", 0),
            ("1", 1000),
            ("0.001", 1),
            ("0.0011", 2),
            ("1e-4000", 1),
            ("-0", 0),
            ("-0.0001", 0),
            // The product is a little above -1.
            ("-0.001", 0),
            ("-0.0015", -1),
            ("-1", -1000),
            ("9223372036854775.807", i64::MAX),
            ("9223372036854775", 9_223_372_036_854_775_000),
            ("1e400", i64::MAX),
            ("-1e400", i64::MIN),
            ("inf", i64::MAX),
            ("-inf", i64::MIN),
        ] {
            let number = Extended::parse(text.as_bytes()).unwrap();
            assert_eq!(number.times_up(1000), expect, "{text}");
        }
    }

    /// Each text is what `printf` of glibc writes on x86-64.
    #[test]
    fn seventeen_digits_are_those_of_c() {
        for (text, expect) in [
            ("0", "0"),
            ("0.1", "0.1"),
            ("-2.5", "-2.5"),
            ("3000.3", "3000.3"),
            ("0.00012345", "0.00012345"),
            ("1e-5", "1e-05"),
            ("1e-20", "1e-20"),
            ("1e16", "10000000000000000"),
            ("1e17", "1e+17"),
            ("99999999999999999.5", "1e+17"),
            ("123456789012345678", "1.2345678901234568e+17"),
            ("1e30", "1e+30"),
            ("7e-4940", "7.0000000000088248e-4940"),
            ("7e-4950", "6.9258791105767017e-4950"),
            ("1.18e4932", "1.18e+4932"),
            ("inf", "inf"),
        ] {
            let written = Extended::parse(text.as_bytes()).unwrap().to_g17();
            assert_eq!(String::from_utf8(written).unwrap(), expect, "{text}");
        }
    }

    /// Each sum is what INCRBYFLOAT of Redis 8.0.6 replies on x86-64.
    #[test]
    fn sums_are_those_of_the_x87() {
        use Failure::{Infinite, Refused};
        for (first, second, expect) in [
            ("0.1", "0.2", Ok("0.3")),
            ("3000.3", "0", Ok("3000.30000000000000004")),
            ("0.30000000000000004", "3.0e3", Ok("3000.30000000000000004")),
            ("1e-17", "0", Ok("0.00000000000000001")),
            ("5e-18", "0", Ok("0")),
            ("4.9e-18", "0", Ok("0")),
            ("5.1e-18", "0", Ok("0.00000000000000001")),
            ("0.99999999999999999", "0", Ok("0.99999999999999999")),
            ("0.999999999999999995", "0", Ok("1")),
            ("0.999999999999999994", "0", Ok("0.99999999999999999")),
            ("18446744073709551615.5", "0", Ok("18446744073709551616")),
            ("18446744073709551616.5", "0", Ok("18446744073709551616")),
            ("36893488147419103233", "0", Ok("36893488147419103232")),
            ("9007199254740993", "0", Ok("9007199254740993")),
            ("99999999999999999999", "1", Ok("100000000000000000000")),
            ("1", "-0.9999999999999999", Ok("0.0000000000000001")),
            ("-0", "0", Ok("0")),
            ("-1e-300", "0", Ok("0")),
            ("3", "-3", Ok("0")),
            ("0x1p-60", "1", Ok("1")),
            ("0x1.8p-1", "0x1p63", Ok("9223372036854775809")),
            ("0x1p64", "-0x1p-70", Ok("18446744073709551616")),
            ("-0x1p64", "0x1.8p-1", Ok("-18446744073709551615")),
            ("1e25", "-3.5", Ok("10000000000000000000000000")),
            ("3.6e-4951", "1", Ok("1")),
            ("1e40", "1", Ok("9999999999999999999783686092270256259072")),
            ("-12345678901234567890.123456789", "0.000000001", Ok("-12345678901234567890")),
            ("5e-5000", "0", Err(Refused)),
            ("1e-4966", "0", Err(Refused)),
            ("0x1p-16445", "0", Ok("0")),
            ("0x1p-16446", "0", Err(Refused)),
            ("0x1.8p-16446", "0", Ok("0")),
            ("0x1p16384", "0", Err(Refused)),
            ("1.19e4932", "0", Err(Refused)),
            ("1.18e4932", "1.18e4932", Err(Infinite)),
            ("inf", "1", Err(Infinite)),
            ("inf", "-inf", Err(Infinite)),
            ("1", "nan", Err(Refused)),
            ("", "1", Err(Refused)),
            ("1e", "1", Err(Refused)),
            (" 1", "1", Err(Refused)),
        ] {
            let expect = expect.map(str::to_owned);
            assert_eq!(add(first, second), expect, "{first} + {second}");
            assert_eq!(add(second, first), expect, "{second} + {first}");
        }
    }

    #[test]
    fn the_largest_number_has_all_its_digits() {
        let text = Extended::parse(b"0x1.fffffffffffffffep16383").unwrap().to_text();
        assert_eq!(text.len(), 4933);
        assert!(text.starts_with(b"1189731495357231765021263853030970205169"));
        assert!(text.ends_with(b"9552086811989770240"));
        assert_eq!(Extended::parse(&text).unwrap().to_text(), text);
    }

    #[test]
    fn long_texts_end_somewhere() {
        let ones = |count: usize| [b"0.".as_slice(), &vec![b'1'; count - 2]].concat();
        assert_eq!(Extended::parse(&ones(5119)).unwrap().to_text(), b"0.11111111111111111");
        assert_eq!(Extended::parse(&ones(5120)), None);
        assert_eq!(Extended::parse(&vec![b'1'; 5119]), None);
    }
}
