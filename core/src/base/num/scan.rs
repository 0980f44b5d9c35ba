//! The text of a floating-point number, taken apart by the grammar of C's `strtod`.
//!
//! An optional sign, then decimal digits with an optional point and exponent, `0x` with
//! hexadecimal digits and an optional binary exponent, or `inf` or `infinity` in letters of any
//! case. The whole text has to be the number, and not-a-number is not one; Redis adds these two
//! rules, and refuses space before the number, which C skips.

/// A number with its sign apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scanned<'a> {
    pub(super) negative: bool,
    pub(super) magnitude: Magnitude<'a>,
}

/// A number without its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magnitude<'a> {
    Infinite,
    /// `integer.fraction × 10^exponent`; one of the two may be empty.
    Decimal {
        integer: &'a [u8],
        fraction: &'a [u8],
        exponent: i64,
    },
    /// A binary number from hexadecimal digits.
    Binary(Binary),
}

/// `significand × 2^exponent`, and a little more if `more`: there were further digits, not all
/// zero. Then the significand's highest bits are in use, so that rounding it is still right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binary {
    pub(super) significand: u128,
    pub(super) exponent: i64,
    pub(super) more: bool,
}

/// Exponents are cut here: far beyond what any format holds, whatever digits stand before them.
const EXPONENT_MAX: i64 = 1 << 40;

/// Takes `text` apart; `None` if it is no number. Costs O(text).
pub(super) fn scan(text: &[u8]) -> Option<Scanned<'_>> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let magnitude = match rest {
        [b'0', b'x' | b'X', rest @ ..] => Magnitude::Binary(hexadecimal(rest)?),
        [b'i' | b'I', ..] => infinite(rest)?,
        _ => decimal(rest)?,
    };
    Some(Scanned { negative, magnitude })
}

fn infinite(text: &[u8]) -> Option<Magnitude<'_>> {
    let is = |word: &[u8]| text.eq_ignore_ascii_case(word);
    (is(b"inf") || is(b"infinity")).then_some(Magnitude::Infinite)
}

fn decimal(text: &[u8]) -> Option<Magnitude<'_>> {
    let (integer, fraction, rest) = digits(text, u8::is_ascii_digit)?;
    let exponent = exponent(rest, b'e')?;
    Some(Magnitude::Decimal { integer, fraction, exponent })
}

fn hexadecimal(text: &[u8]) -> Option<Binary> {
    let (integer, fraction, rest) = digits(text, u8::is_ascii_hexdigit)?;
    let mut binary = Binary { significand: 0, exponent: exponent(rest, b'p')?, more: false };
    for (index, &digit) in integer.iter().chain(fraction).enumerate() {
        let value = (digit as char).to_digit(16)?;
        if binary.significand >> 124 == 0 {
            binary.significand = binary.significand << 4 | u128::from(value);
            binary.exponent -= if index < integer.len() { 0 } else { 4 };
        } else {
            binary.more |= value != 0;
            binary.exponent += if index < integer.len() { 4 } else { 0 };
        }
    }
    Some(binary)
}

/// The digits before and behind the point, of which there must be some, and what follows them.
fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(&[u8], &[u8], &[u8])> {
    let (integer, rest) = split_while(text, is_digit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split_while(rest, is_digit),
        _ => (&[] as &[u8], rest),
    };
    (!integer.is_empty() || !fraction.is_empty()).then_some((integer, fraction, rest))
}

/// The exponent that is all of `text` behind its letter `mark`; 0 if there is nothing.
fn exponent(text: &[u8], mark: u8) -> Option<i64> {
    let [letter, rest @ ..] = text else { return Some(0) };
    if letter.to_ascii_lowercase() != mark {
        return None;
    }
    let (negative, digits) = match rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0, |value, digit| (value * 10 + i64::from(digit - b'0')).min(EXPONENT_MAX));
    Some(if negative { -value } else { value })
}

fn split_while(text: &[u8], holds: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !holds(byte)).unwrap_or(text.len());
    text.split_at(end)
}

impl Binary {
    /// Rounds to the nearest number, the even one of two, with a significand of at most
    /// `precision` bits (fewer than 128) and an exponent of at least `exponent_min`. What is
    /// returned uses all bits of the precision, unless the exponent stands at its least.
    pub(super) fn round(self, precision: u32, exponent_min: i64) -> (u128, i64) {
        let length = i64::from(128 - self.significand.leading_zeros());
        let excess = (length - i64::from(precision)).max(exponent_min - self.exponent);
        let Ok(drop @ 1..) = u32::try_from(excess) else {
            if excess > 0 {
                // So small that not one bit of the format is reached.
                return (0, exponent_min);
            }
            let room = excess.unsigned_abs().min(u64::from(self.significand.leading_zeros()));
            if self.significand == 0 {
                return (0, exponent_min);
            }
            return (self.significand << room, self.exponent - room as i64);
        };
        let kept = self.significand.checked_shr(drop).unwrap_or(0);
        let half = match drop {
            1..=128 => 1u128 << (drop - 1),
            _ => return (0, exponent_min),
        };
        let dropped =
            if drop == 128 { self.significand } else { self.significand & ((1u128 << drop) - 1) };
        let up = dropped > half || (dropped == half && (self.more || kept & 1 == 1));
        let rounded = kept + u128::from(up);
        let exponent = self.exponent + i64::from(drop);
        // Rounding up can carry into one bit more, which is then a power of two.
        if rounded >> precision == 0 { (rounded, exponent) } else { (rounded >> 1, exponent + 1) }
    }
}
