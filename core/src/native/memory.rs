//! The allocator, and how much it has handed out.
//!
//! mimalloc serves, in its version 2, which keeps far less memory for itself than 3 while tables
//! grow; around it, bytes are counted as they are asked for. Counting must cost next to
//! nothing, so each thread counts for itself without synchronisation, and what is reported is the
//! count of the thread that asks: the one that runs the node and owns all its data. Buffers that
//! go to the disk thread come back to be freed, and those that come from it are [adopted](adopt), so
//! that nothing drifts.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

use mimalloc::MiMalloc;

/// mimalloc, counted.
pub struct Counting;

thread_local! {
    static USED: Cell<i64> = const { Cell::new(0) };
}

/// Bytes that this thread has allocated and not freed.
pub fn used() -> u64 {
    USED.with(|used| used.get().max(0) as u64)
}

/// This thread will free `bytes` bytes that another has allocated: they count as its own.
pub fn adopt(bytes: usize) {
    count(bytes as i64);
}

fn count(bytes: i64) {
    // A thread that ends frees after its counter is gone; nobody asks for its count any more.
    let _ = USED.try_with(|used| used.set(used.get().wrapping_add(bytes)));
}

// SAFETY: every method passes its arguments on to mimalloc unchanged and returns its answer, so
// what holds for mimalloc holds here; counting touches no memory of the caller and never panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller keeps `dealloc`'s contract, and mimalloc allocated `pointer`.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps `alloc_zeroed`'s contract.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps `realloc`'s contract, and mimalloc allocated `pointer`.
        unsafe { MiMalloc.realloc(pointer, layout, size) }
    }
}
