//! The order in which people look for names: digits count as numbers, so that `user:9` comes before
//! `user:10`. Names that differ only in leading zeros are in the order of their bytes.

use std::cmp::Ordering;

/// Compares two names.
pub fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (mut a, mut b) = (left, right);
    loop {
        match (a, b) {
            ([], []) => return left.cmp(right),
            ([], _) => return Ordering::Less,
            (_, []) => return Ordering::Greater,
            ([x, ..], [y, ..]) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, after_x) = number(a);
                let (y, after_y) = number(b);
                // Of two numbers without leading zeros, the longer is larger.
                match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                    Ordering::Equal => (a, b) = (after_x, after_y),
                    different => return different,
                }
            }
            ([x, after_x @ ..], [y, after_y @ ..]) => match x.cmp(y) {
                Ordering::Equal => (a, b) = (after_x, after_y),
                different => return different,
            },
        }
    }
}

/// The digits that `text` begins with, without leading zeros, and what follows.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let zeros = text.iter().take(digits).take_while(|&&byte| byte == b'0').count();
    (text.get(zeros..digits).unwrap_or_default(), text.get(digits..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_numbers() {
        let ordered = ["", "a", "a1", "a2", "a02b", "a10", "a18446744073709551617", "ab", "b"];
        for (index, left) in ordered.iter().enumerate() {
            for (other, right) in ordered.iter().enumerate() {
                let order = compare(left.as_bytes(), right.as_bytes());
                assert_eq!(order, index.cmp(&other), "{left} {right}");
            }
        }
    }

    #[test]
    fn different_names_are_never_equal() {
        assert!(compare(b"7", b"07").is_gt());
        assert!(compare(b"07", b"7").is_lt());
        assert!(compare(b"0", b"00").is_lt());
        assert!(compare(b"\xff", b"z").is_gt());
    }
}
