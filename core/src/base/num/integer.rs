//! Integers: read strictly, printed without allocation.

/// Reads a 64-bit integer as strictly as Redis: no space, no `+`, no leading zero, no `-0`; what
/// is read prints back to the same bytes.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', b'0', ..] => None,
        [b'-', digits @ ..] => 0i64.checked_sub_unsigned(parse_u64(digits)?),
        digits => i64::try_from(parse_u64(digits)?).ok(),
    }
}

/// As [`parse_i64`], for an integer that has no sign.
#[inline]
pub fn parse_u64(digits: &[u8]) -> Option<u64> {
    match digits {
        [b'0'] => return Some(0),
        [b'1'..=b'9', rest @ ..] if rest.len() < 20 => {}
        _ => return None,
    }
    let mut value: u64 = 0;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Decimal digits of an integer, in a buffer on the stack.
pub struct Digits {
    bytes: [u8; 20],
    start: u8,
}

impl Digits {
    /// The digits of `value`, with `-` if it is negative.
    #[inline]
    pub fn of(value: i64) -> Self {
        let mut digits = Self::of_u64(value.unsigned_abs());
        if value < 0 {
            digits.start -= 1;
            digits.bytes[digits.start as usize] = b'-';
        }
        digits
    }

    /// The digits of `value`.
    #[inline]
    pub fn of_u64(mut value: u64) -> Self {
        let mut bytes = [0; 20];
        let mut start = bytes.len();
        while value >= 100 {
            start -= 2;
            let pair = (value % 100) as u8;
            value /= 100;
            bytes[start] = b'0' + pair / 10;
            bytes[start + 1] = b'0' + pair % 10;
        }
        if value >= 10 {
            start -= 1;
            bytes[start] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        start -= 1;
        bytes[start] = b'0' + value as u8;
        Self { bytes, start: start as u8 }
    }
}

impl std::ops::Deref for Digits {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[self.start as usize..]
    }
}

/// Reads a number of bytes: digits with a unit. `k` is 1000 and `kb` 1024, and so on. No digits
/// are 0, as in Redis.
pub fn parse_memory(word: &[u8]) -> Option<u64> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = word.split_at(digits);
    let factor = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = digits.iter().fold(0u64, |number, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    Some(number.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_strictly() {
        for (text, expect) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("18446744073709551616", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("+1", None),
            ("01", None),
            (" 1", None),
            ("1 ", None),
            ("1a", None),
        ] {
            assert_eq!(parse_i64(text.as_bytes()), expect, "{text}");
            if let Some(value) = expect {
                assert_eq!(&*Digits::of(value), text.as_bytes());
            }
        }
    }
}
