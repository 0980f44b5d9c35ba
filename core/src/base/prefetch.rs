//! Asking for memory before it is needed.
//!
//! A look-up in a large table waits for main memory a few times, a hundred nanoseconds each, and
//! that is most of what a small command costs. Who knows a little earlier what will be looked at
//! asks for it here and does something else meanwhile; commands that come together are asked for
//! together, so that their waiting overlaps. It is advice: nothing can be told from it but time.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the instruction takes a raw pointer")
)]

/// The bytes of one line of a processor's cache, on nearly all of them.
const LINE_BYTES: usize = 64;

/// Tables with no more entries are taken to be in the caches anyway.
pub const NEAR_ENTRIES_MAX: usize = 4096;

/// Of a long value, as much is asked for.
pub const BYTES_MAX: usize = 256;

/// Asks for the memory of `place`.
#[inline]
pub fn value<T>(place: &T) {
    line(std::ptr::from_ref(place).cast());
}

/// Asks for the memory of `bytes`, `max` bytes of it at most.
#[inline]
pub fn bytes(bytes: &[u8], max: usize) {
    let bytes = &bytes[..bytes.len().min(max)];
    bytes.iter().step_by(LINE_BYTES).for_each(value);
    // They seldom begin where a line does, so the last one is easily missed.
    if let Some(last) = bytes.last() {
        value(last);
    }
}

#[inline]
#[cfg(target_arch = "x86_64")]
fn line(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch neither reads nor writes as far as the program can tell, and never faults,
    // whatever the address; here it is that of a live reference besides.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

/// Nothing, where there is no such instruction that a stable compiler offers.
#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn line(_: *const i8) {}
