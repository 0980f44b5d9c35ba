//! PFSELFTEST: does it still count?
//!
//! A few milliseconds' worth of what the unit tests do at length, for someone who doubts the
//! machine it runs on.

use super::{Corrupt, Encoding, REGISTERS, View, add, dense, empty, to_dense};
use crate::base::rng::{Rng, Seed};

/// Elements that are counted.
const ELEMENTS: u64 = 20_000;

/// Checks packing and counting; tells what is wrong.
pub fn self_test() -> Result<(), String> {
    packing()?;
    counting()
}

/// Registers keep what they are given and nothing else.
fn packing() -> Result<(), String> {
    let mut rng = Rng::new(Seed::of(1));
    let (mut packed, mut plain) = (vec![0; dense::BYTES], vec![0; REGISTERS]);
    for _ in 0..REGISTERS {
        let (index, rank) = (rng.below(REGISTERS as u64) as usize, rng.below(64) as u8);
        dense::raise(&mut packed, index, rank);
        if let Some(old) = plain.get_mut(index) {
            *old = rank.max(*old);
        }
    }
    let mut wrong = None;
    dense::each(&packed, |index, rank| {
        if plain.get(index) != Some(&rank) {
            wrong = Some(index);
        }
    });
    match wrong {
        Some(index) => Err(format!("register {index} has another value than it was given")),
        None => Ok(()),
    }
}

/// Both encodings count the same, and not far from the truth.
fn counting() -> Result<(), String> {
    let mut rng = Rng::new(Seed::of(2));
    let (mut sparse, mut dense) = (empty(), empty());
    let failed = |_: Corrupt| "a HyperLogLog is found corrupt that is not".to_owned();
    to_dense(&mut dense).map_err(failed)?;
    let mut checked_next = 1;
    for count in 1..=ELEMENTS {
        let element = rng.next_u64().to_le_bytes();
        add(&mut sparse, &element, 3000).map_err(failed)?;
        add(&mut dense, &element, 3000).map_err(failed)?;
        if count < checked_next {
            continue;
        }
        checked_next *= 10;
        let estimates = [&sparse, &dense].map(|bytes| View::of(bytes).map(View::count));
        let [Some(Ok(estimate)), Some(Ok(other))] = estimates else {
            return Err(failed(Corrupt));
        };
        if estimate != other {
            return Err(format!("{estimate} elements if sparse, {other} if dense"));
        }
        // Six times the standard error of 1.04 / sqrt(registers), and a few that always may be.
        let error = estimate.abs_diff(count);
        if error as f64 > count as f64 * 6.0 * 1.04 / 128.0 + 2.0 {
            return Err(format!("{estimate} elements counted in the place of {count}"));
        }
    }
    let encoding = View::of(&sparse).map(View::encoding);
    if encoding == Some(Encoding::Dense) { Ok(()) } else { Err("it never became dense".into()) }
}
