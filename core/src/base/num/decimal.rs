//! Between decimal and binary, exactly.
//!
//! The standard library does this for doubles with tables that take 12 kB of the page's download,
//! which is much for a few conversions. Here the rare cases cost microseconds, and the common ones
//! are as quick: up to 19 digits and a small power of ten need one multiplication or division.
//!
//! Source: William D. Clinger, "How to read floating point numbers accurately", 1990, for what one
//! operation does exactly.

use super::big::Big;
use super::scan::Binary;

/// What of a double's text can decide how it is rounded: no double, and no middle between two, has
/// more significant digits.
const DOUBLE_DIGITS_MAX: usize = 800;

/// Doubles hold these powers of ten exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// `integer.fraction × 10^exponent`, where one operation on doubles gives the nearest one.
pub(super) fn quick_f64(integer: &[u8], fraction: &[u8], exponent: i64) -> Option<f64> {
    if integer.len() + fraction.len() > 19 {
        return None;
    }
    let digits = integer.iter().chain(fraction);
    let value = digits.fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    let exponent = exponent - fraction.len() as i64;
    let power = *EXACT_POWERS.get(exponent.unsigned_abs() as usize)?;
    let exact = (value <= 1 << 53).then_some(value as f64)?;
    Some(if exponent < 0 { exact / power } else { exact * power })
}

/// `integer.fraction × 10^exponent` in binary, good enough to be rounded to a double. Costs O(text).
pub(super) fn binary_of_double(integer: &[u8], fraction: &[u8], exponent: i64) -> Binary {
    let zeros = integer.iter().take_while(|&&digit| digit == b'0').count();
    let integer = &integer[zeros..];
    let zeros = match integer {
        [] => fraction.iter().take_while(|&&digit| digit == b'0').count(),
        _ => 0,
    };
    let (fraction, exponent) = (&fraction[zeros..], exponent - zeros as i64);
    let (integer, cut) = integer.split_at(integer.len().min(DOUBLE_DIGITS_MAX));
    let room = if cut.is_empty() { DOUBLE_DIGITS_MAX - integer.len() } else { 0 };
    let (fraction, more) = fraction.split_at(fraction.len().min(room));
    let is_cut = cut.iter().chain(more).any(|&digit| digit != b'0');
    let mut binary = binary_of(integer, fraction, exponent + cut.len() as i64);
    binary.more |= is_cut;
    binary
}

/// `integer.fraction × 10^exponent` in binary, with at least 66 bits, or exactly. Costs O(digits²).
pub(super) fn binary_of(integer: &[u8], fraction: &[u8], exponent: i64) -> Binary {
    let digits = || integer.iter().chain(fraction).skip_while(|&&digit| digit == b'0');
    let count = digits().count();
    let exponent = exponent - fraction.len() as i64;
    if count == 0 {
        return Binary { significand: 0, exponent: 0, more: false };
    }
    let ten = |power: i64| u32::try_from(power).ok().and_then(|power| 10u128.checked_pow(power));
    if count <= 38 {
        let value = digits().fold(0, |value, digit| value * 10 + u128::from(digit - b'0'));
        if let Some(significand) = ten(exponent).and_then(|power| value.checked_mul(power)) {
            return Binary { significand, exponent: 0, more: false };
        }
        if let Some(power) = ten(-exponent).filter(|power| power.leading_zeros() > 66) {
            let room = value.leading_zeros();
            let (significand, rest) = ((value << room) / power, (value << room) % power);
            return Binary { significand, exponent: -i64::from(room), more: rest != 0 };
        }
    }
    // Beyond these no digit matters: the number is too large, or nothing is left of it.
    let magnitude = count as i64 + exponent;
    if !(-5000..=5000).contains(&magnitude) {
        return Binary { significand: 1, exponent: magnitude * 4, more: false };
    }
    let mut value = Big::default();
    for digit in digits() {
        value.times_plus(10, u32::from(digit - b'0'));
    }
    let power = exponent.unsigned_abs() as u32;
    if exponent >= 0 {
        value.times_power_of_ten(power);
        let (significand, below, more) = value.top();
        return Binary { significand, exponent: i64::from(below), more };
    }
    let mut divisor = Big::of(1);
    divisor.times_power_of_ten(power);
    quotient(value, divisor)
}

/// `value / divisor`, with 127 or 128 bits. Neither is 0.
pub(super) fn quotient(mut value: Big, mut divisor: Big) -> Binary {
    let (value_bits, divisor_bits) = (value.bits(), divisor.bits());
    value.shift_left(divisor_bits.saturating_sub(value_bits));
    divisor.shift_left(value_bits.saturating_sub(divisor_bits));
    // Now both have as many bits, and the quotient lies between a half and two.
    let mut significand = 0u128;
    for _ in 0..128 {
        significand = significand << 1 | u128::from(value.take_away(&divisor));
        value.shift_left(1);
    }
    let exponent = i64::from(value_bits) - i64::from(divisor_bits) - 127;
    Binary { significand, exponent, more: !value.is_zero() }
}

/// A double's decimal digits, all of them, and how many stand before the point; `value` is positive
/// and finite. Costs O(digits²), for 770 digits at most.
fn digits_of(value: f64) -> (Vec<u8>, i32) {
    let bits = value.to_bits();
    let (biased, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    let significand = if biased == 0 { fraction } else { fraction | 1 << 52 };
    let zeros = significand.trailing_zeros();
    expand(significand >> zeros, biased.max(1) - 1075 + zeros as i32)
}

/// The decimal digits of `significand × 2^exponent`, and how many stand before the point.
fn expand(significand: u64, exponent: i32) -> (Vec<u8>, i32) {
    let mut digits = Big::of(u128::from(significand));
    // 2^-n is 5^n with the point n places further left.
    if exponent >= 0 {
        digits.shift_left(exponent.unsigned_abs());
    } else {
        (0..-exponent).for_each(|_| digits.times_plus(5, 0));
    }
    let digits = digits.digits();
    let before = digits.len() as i32 + exponent.min(0);
    (digits, before)
}

/// Cuts a number's digits to `count`, rounded to the nearest, the even one of two; adds zeros where
/// there are fewer. Returns whether there is a digit more now, as from 99 to 100.
fn round(digits: &mut Vec<u8>, count: usize) -> bool {
    let cut = digits.split_off(count.min(digits.len()));
    digits.resize(count, b'0');
    let half = match cut.split_first() {
        Some((b'5', rest)) if rest.iter().all(|&digit| digit == b'0') => {
            digits.last().is_some_and(|last| last % 2 == 1)
        }
        Some((first, _)) => *first >= b'5',
        None => false,
    };
    if !half {
        return false;
    }
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return false;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
    true
}

/// `value` with this many digits behind the point, as C's `%.*f` writes it.
pub fn format_fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        let text = if value.is_nan() { "nan" } else { "inf" };
        return if value < 0.0 { format!("-{text}") } else { text.to_owned() };
    }
    let (mut digits, before) = match value.abs() {
        0.0 => (Vec::new(), 0),
        size => digits_of(size),
    };
    // Zeros before the first digit, so that what is kept has one digit before the point at least.
    let zeros = usize::try_from(1 - before).unwrap_or(0);
    digits.splice(0..0, std::iter::repeat_n(b'0', zeros));
    let mut before = before.max(1) as usize;
    before += usize::from(round(&mut digits, before + decimals));
    let mut text = String::with_capacity(digits.len() + 2);
    if value.is_sign_negative() {
        text.push('-');
    }
    for (index, &digit) in digits.iter().enumerate() {
        if index == before {
            text.push('.');
        }
        text.push(char::from(digit));
    }
    text
}

/// `value` with 17 significant digits, as C's `%.17g` writes it.
pub fn format_g17(value: f64) -> String {
    /// Significant digits.
    const PRECISION: usize = 17;
    if value == 0.0 || !value.is_finite() {
        return format_fixed(value, 0);
    }
    let (mut digits, before) = digits_of(value.abs());
    let exponent = before - 1 + i32::from(round(&mut digits, PRECISION));
    digits.truncate(PRECISION);
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    let digits = String::from_utf8_lossy(&digits);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let point = |digits: &str, at: usize| match digits.split_at_checked(at) {
        Some((integer, "")) => integer.to_owned(),
        Some((integer, fraction)) => format!("{integer}.{fraction}"),
        None => format!("{digits:0<at$}"),
    };
    match exponent {
        0..17 => format!("{sign}{}", point(&digits, exponent as usize + 1)),
        -4..0 => {
            format!("{sign}0.{:0>width$}", digits, width = digits.len() + (-exponent - 1) as usize)
        }
        _ => {
            let letter = if exponent < 0 { "e-" } else { "e+" };
            format!("{sign}{}{letter}{:02}", point(&digits, 1), exponent.unsigned_abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse_decimal, parse_f64};
    use super::*;
    use crate::base::rng::{Rng, Seed};

    /// A double of any exponent, many of them with few bits or near a power of two.
    fn double(rng: &mut Rng) -> f64 {
        let value = match rng.below(4) {
            0 => rng.next_u64(),
            1 => rng.next_u64() & !0 << rng.below(60),
            2 => (rng.below(2047) << 52).wrapping_add(rng.below(5)).wrapping_sub(2),
            _ => (rng.below(1000) as f64 / 100.0).to_bits(),
        };
        let value = f64::from_bits(value);
        if value.is_finite() { value } else { 1.5 }
    }

    #[test]
    fn texts_are_read_as_the_standard_library_reads_them() {
        let mut rng = Rng::new(Seed::of(11));
        for _ in 0..4_000 {
            let value = double(&mut rng);
            let (digits, decimals) = (rng.below(24) as usize, rng.below(30) as usize);
            for text in [
                format!("{value}"),
                format!("{value:e}"),
                format!("{value:.digits$e}"),
                format!("{value:.decimals$}"),
                format!("{}.{}e{}", rng.next_u64(), rng.next_u64(), rng.below(640) as i64 - 330),
            ] {
                let expect: f64 = text.parse().unwrap();
                let digits = text.split('e').next().unwrap_or_default();
                let vanished =
                    expect == 0.0 && digits.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
                assert_eq!(parse_decimal(text.as_bytes()), Some(expect), "{text}");
                let expect = Some(expect).filter(|expect| expect.is_finite() && !vanished);
                assert_eq!(parse_f64(text.as_bytes()), expect, "{text}");
            }
        }
    }

    /// The middle between two doubles is rounded to the even one, and the least digit more, wherever
    /// it stands, decides otherwise.
    #[test]
    fn what_lies_in_the_middle() {
        let mut rng = Rng::new(Seed::of(12));
        for _ in 0..500 {
            let low = double(&mut rng).abs().min(f64::MAX / 2.0);
            let bits = low.to_bits();
            let (middle, before) = middle_above(low);
            let up = f64::from_bits(bits + 1);
            let even = if bits.is_multiple_of(2) { low } else { up };
            let text = |tail: &str| {
                let digits = String::from_utf8_lossy(&middle);
                format!("0.{digits}{tail}e{before}")
            };
            let read = |text: String| parse_f64(text.as_bytes());
            let or_vanished = |value: f64| Some(value).filter(|&value| value > 0.0);
            assert_eq!(read(text("")), or_vanished(even), "{low:e}");
            assert_eq!(read(text(&"0".repeat(2_000))), or_vanished(even), "{low:e}");
            let far = format!("{}1", "0".repeat(2_000));
            assert_eq!(read(text(&far)), Some(up), "{low:e}");
        }
    }

    /// The digits of the number between `low` and the next double.
    fn middle_above(low: f64) -> (Vec<u8>, i32) {
        let bits = low.to_bits();
        let (biased, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
        let significand = if biased == 0 { fraction } else { fraction | 1 << 52 };
        expand(significand * 2 + 1, biased.max(1) - 1076)
    }

    #[test]
    fn texts_are_written_as_the_standard_library_writes_them() {
        let mut rng = Rng::new(Seed::of(13));
        for _ in 0..4_000 {
            let value = double(&mut rng);
            let decimals = rng.below(20) as usize;
            assert_eq!(format_fixed(value, decimals), format!("{value:.decimals$}"));
            let general = format_g17(value);
            assert_eq!(general.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{general}");
            let exact = format!("{value:.16e}");
            let (digits, _) = exact.split_once('e').unwrap();
            let significant = |text: &str| {
                let text: String = text.chars().filter(char::is_ascii_digit).collect();
                text.trim_matches('0').to_owned()
            };
            let digits_of_general = general.split('e').next().unwrap_or_default();
            assert_eq!(significant(digits_of_general), significant(digits), "{general}");
        }
    }

    /// What `printf("%.17g")` writes.
    #[test]
    fn general_form() {
        for (value, text) in [
            (0.1, "0.10000000000000001"),
            (-0.0, "-0"),
            (1.0, "1"),
            (3.0e16, "30000000000000000"),
            (1e17, "1e+17"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (-1.5e300, "-1.5000000000000001e+300"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(format_g17(value), text);
        }
    }
}
