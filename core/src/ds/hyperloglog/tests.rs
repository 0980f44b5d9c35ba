//! Counting, merging, and bytes that are no HyperLogLog.

use super::*;
use crate::base::rng::{Rng, Seed};

/// Where one that is sparse ends, by default.
const MAX: usize = 3000;

fn count(bytes: &[u8]) -> Result<u64, Corrupt> {
    View::of(bytes).unwrap().count()
}

fn numbers(range: std::ops::Range<u64>) -> Vec<u8> {
    let mut bytes = empty();
    for number in range {
        add(&mut bytes, number.to_string().as_bytes(), MAX).unwrap();
    }
    bytes
}

#[test]
fn self_test_passes() {
    assert_eq!(self_test(), Ok(()));
}

#[test]
fn an_empty_one_is_that_of_redis() {
    assert_eq!(empty(), b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    assert_eq!(count(&empty()), Ok(0));
    assert_eq!(View::of(&empty()).unwrap().last_count(), Some(0));
}

#[test]
fn merged_ones_count_what_was_added_to_any() {
    let (small, large, both) = (numbers(0..100), numbers(50..20_000), numbers(0..20_000));
    let mut registers = Registers::default();
    for bytes in [&small, &large] {
        registers.merge(View::of(bytes).unwrap()).unwrap();
    }
    assert_eq!(Ok(registers.count()), count(&both));
    let mut written = small;
    registers.write_to(&mut written, Encoding::Dense, MAX).unwrap();
    assert_eq!(written, both);
}

#[test]
fn sparse_runs_hold_what_dense_registers_do() {
    let mut rng = Rng::new(Seed::of(3));
    for _ in 0..20 {
        let (mut runs, mut registers) = (empty(), empty());
        to_dense(&mut registers).unwrap();
        for _ in 0..400 {
            let element = rng.next_u64().to_le_bytes();
            let raised = add(&mut runs, &element, MAX);
            assert_eq!(raised, add(&mut registers, &element, MAX));
        }
        assert_eq!(View::of(&runs).unwrap().encoding(), Encoding::Sparse);
        to_dense(&mut runs).unwrap();
        assert_eq!(runs, registers);
    }
}

#[test]
fn what_is_no_hyperloglog_is_told_from_one() {
    let dense = {
        let mut bytes = empty();
        to_dense(&mut bytes).unwrap();
        bytes
    };
    assert!(View::of(&dense).is_some());
    assert!(View::of(&dense[..dense.len() - 1]).is_none());
    assert!(View::of(&[dense.as_slice(), b"\0"].concat()).is_none());
    assert!(View::of(b"").is_none());
    assert!(View::of(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0").is_none());
    assert!(View::of(b"HYLX\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff").is_none());
    assert!(View::of(b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0\x7f\xff").is_none());
}

#[test]
fn runs_that_do_not_make_up_all_registers_are_corrupt() {
    let with = |runs: &[u8]| [&empty()[..HEADER_BYTES], runs].concat();
    let all: [&[u8]; 6] =
        [b"", b"\x7f", b"\x7f\xfe", b"\x7f\xff\x00", b"\x80\x7f\xff", &[0x83; 5000]];
    for runs in all {
        let mut bytes = with(runs);
        assert_eq!(count(&bytes), Err(Corrupt), "{runs:?}");
        let before = bytes.clone();
        assert_eq!(to_dense(&mut bytes), Err(Corrupt));
        assert_eq!(bytes, before);
        let merged = Registers::default().merge(View::of(&bytes).unwrap());
        assert_eq!(merged, Err(Corrupt));
    }
    assert_eq!(raise(&mut with(b""), 0, 1, MAX), Err(Corrupt));
    assert_eq!(raise(&mut with(b"\x7f\xfe"), REGISTERS - 1, 1, MAX), Err(Corrupt));
    assert_eq!(raise(&mut with(b"\x7f"), 0, 1, MAX), Err(Corrupt));
}

#[test]
fn random_bytes_do_no_harm() {
    let mut rng = Rng::new(Seed::of(4));
    for _ in 0..2000 {
        let mut bytes = empty();
        bytes.truncate(HEADER_BYTES);
        for _ in 0..rng.below(300) {
            bytes.push(rng.next_u64() as u8);
        }
        let element = rng.next_u64().to_le_bytes();
        let _ = (count(&bytes), describe(&bytes), add(&mut bytes, &element, 200));
        let _ = (to_dense(&mut bytes), add(&mut bytes, &element, 200), count(&bytes));
    }
}
