//! Registers as runs of equal ones: two kinds of runs of zeros, one of other values.
//!
//! `00llllll` are up to 64 zeros, `01llllll llllllll` up to 16384, `1rrrrrll` up to 4 registers of a
//! value up to 32; lengths and values less one. Where a run is split and which runs are joined again
//! is as in Redis, so that equal elements in equal order give equal bytes.

use super::{Corrupt, HEADER_BYTES, REGISTERS};

/// The highest value that a run can have.
const RANK_MAX: u8 = 32;

/// The most registers in a run of a value.
const VALUES_MAX: u16 = 4;

/// The most registers in a short run of zeros.
const SHORT_ZEROS_MAX: u16 = 64;

/// Runs that are looked at for joining, from the one before the change on.
const JOINED_MAX: usize = 5;

/// Equal registers in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Their value.
    pub(super) rank: u8,
    /// How many there are.
    pub(super) length: u16,
}

impl Run {
    /// The run that `runs` begin with, and how many bytes it takes.
    fn read(runs: &[u8]) -> Option<(Self, usize)> {
        let &first = runs.first()?;
        Some(match first >> 6 {
            0 => (Self { rank: 0, length: u16::from(first) + 1 }, 1),
            1 => {
                let length = u16::from_be_bytes([first & 0x3f, *runs.get(1)?]) + 1;
                (Self { rank: 0, length }, 2)
            }
            _ => {
                let (rank, length) = ((first >> 2 & 0x1f) + 1, u16::from(first & 3) + 1);
                (Self { rank, length }, 1)
            }
        })
    }

    /// Adds the run to `runs`; nothing if it has no registers.
    fn push(self, runs: &mut Runs) {
        let Some(less_one) = self.length.checked_sub(1) else { return };
        let [high, low] = less_one.to_be_bytes();
        match (self.rank.checked_sub(1), self.length) {
            (None, ..=SHORT_ZEROS_MAX) => runs.push(low),
            (None, _) => {
                runs.push(0x40 | high);
                runs.push(low);
            }
            (Some(rank), _) => runs.push(0x80 | rank << 2 | low),
        }
    }
}

/// A few runs that take the place of one: at most two long ones and a value between them.
#[derive(Default)]
struct Runs {
    bytes: [u8; 5],
    length: usize,
}

impl Runs {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Adds the runs of registers that are all zero.
pub(super) fn push_empty(bytes: &mut Vec<u8>) {
    let mut runs = Runs::default();
    Run { rank: 0, length: REGISTERS as u16 }.push(&mut runs);
    bytes.extend_from_slice(runs.as_slice());
}

/// Shows each run to `visit`, with the index of its first register. Fails where the runs do not make
/// up all registers, but never shows one beyond the last.
pub(super) fn each(runs: &[u8], mut visit: impl FnMut(usize, Run)) -> Result<(), Corrupt> {
    let (mut left, mut first) = (runs, 0);
    while !left.is_empty() {
        let (run, width) = Run::read(left).ok_or(Corrupt)?;
        let end = first + usize::from(run.length);
        if end > REGISTERS {
            return Err(Corrupt);
        }
        visit(first, run);
        first = end;
        left = left.get(width..).unwrap_or_default();
    }
    if first == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// The runs as PFDEBUG DECODE prints them: `z` and `Z` for short and long runs of zeros, `v` for
/// others, with value and length.
pub fn describe(runs: &[u8]) -> String {
    let (mut left, mut words) = (runs, Vec::new());
    while let Some((run, width)) = Run::read(left) {
        words.push(match (run.rank, width) {
            (0, 1) => format!("z:{}", run.length),
            (0, _) => format!("Z:{}", run.length),
            (rank, _) => format!("v:{rank},{}", run.length),
        });
        left = left.get(width..).unwrap_or_default();
    }
    words.join(" ")
}

/// What [`raise`] did.
pub(super) enum Raised {
    /// The register was lower.
    Yes,
    /// It was not.
    No,
    /// Nothing: runs cannot say the value, or would be too long.
    TooLarge,
}

/// Raises the register `index` of a HyperLogLog, whose runs stand behind its header, to `rank`.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    index: usize,
    rank: u8,
    bytes_max: usize,
) -> Result<Raised, Corrupt> {
    if rank > RANK_MAX {
        return Ok(Raised::TooLarge);
    }
    let Place { before, at, width, first, run } = find(bytes, index)?;
    if run.rank >= rank {
        return Ok(Raised::No);
    }
    let head = (index - first) as u16;
    let mut parts = Runs::default();
    Run { length: head, ..run }.push(&mut parts);
    Run { rank, length: 1 }.push(&mut parts);
    Run { length: run.length - head - 1, ..run }.push(&mut parts);
    let parts = parts.as_slice();
    // One that is too long already, because the bound was lowered, may still change without growing.
    if parts.len() > width && bytes.len() + parts.len() - width > bytes_max {
        return Ok(Raised::TooLarge);
    }
    bytes.splice(at..at + width, parts.iter().copied());
    join(bytes, before);
    Ok(Raised::Yes)
}

/// Where the run is that a register belongs to.
struct Place {
    /// Where the run before it begins; where the first begins if that is it.
    before: usize,
    at: usize,
    /// Its bytes.
    width: usize,
    /// Its first register.
    first: usize,
    run: Run,
}

fn find(bytes: &[u8], index: usize) -> Result<Place, Corrupt> {
    let (mut before, mut at, mut first) = (HEADER_BYTES, HEADER_BYTES, 0);
    loop {
        let left = bytes.get(at..).ok_or(Corrupt)?;
        let (run, width) = Run::read(left).ok_or(Corrupt)?;
        let end = first + usize::from(run.length);
        if index < end {
            return Ok(Place { before, at, width, first, run });
        }
        (before, at, first) = (at, at + width, end);
    }
}

/// Joins runs of one value from `start` on where one run can hold both.
fn join(bytes: &mut Vec<u8>, start: usize) {
    let mut at = start;
    for _ in 0..JOINED_MAX {
        let Some((run, width)) = bytes.get(at..).and_then(Run::read) else { return };
        let next = bytes.get(at + width..).and_then(Run::read).map(|(next, _)| next);
        match next {
            Some(next)
                if run.rank > 0
                    && next.rank == run.rank
                    && run.length + next.length <= VALUES_MAX =>
            {
                let mut joined = Runs::default();
                Run { length: run.length + next.length, ..run }.push(&mut joined);
                bytes.splice(at..at + 2, joined.as_slice().iter().copied());
            }
            _ => at += width,
        }
    }
}
