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

/// Lets memory come in small pages from now on. Where the system has huge ones, mimalloc asks for
/// them: they save a tenth of the time of a GET among a million keys, but an event that comes upon
/// the first byte of one waits until all of it is zeroed, milliseconds on a virtual machine.
pub fn disable_huge_pages() {
    #[cfg(target_os = "linux")]
    // Where it is refused, huge pages are what the system has chosen.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};
    use crate::base::time::{Monotonic, Time};
    use crate::engine::Config;
    use crate::node::{ConnId, Event, Node, Origin};

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    const MAX: u64 = 8 << 20;

    /// A pipeline of random writes of some kilobytes, sometimes with large values. Collections are
    /// many, so that none of them makes up all the data: what one command copies is no more than a
    /// small part.
    fn pipeline(rng: &mut Rng) -> Vec<u8> {
        let mut bytes = Vec::new();
        let large = rng.below(50) == 0;
        for _ in 0..1 + rng.below(500) {
            let key = format!("key:{}", rng.below(1_000_000));
            let size = match rng.below(100) {
                0 if large => 300_000,
                0..10 => rng.below(5_000),
                _ => rng.below(100),
            };
            let value = "v".repeat(size as usize);
            let big = format!("big:{}", rng.below(300));
            let argv = match rng.below(12) {
                0 => vec!["RPUSH", &big, &value],
                1 => vec!["SADD", &big, &key],
                2 => vec!["HSET", &big, &key, &value],
                3 => vec!["APPEND", &key, &value],
                4 => vec!["SETRANGE", &key, "20000", "x"],
                5 => vec!["COPY", &big, &key],
                6 => vec!["DEL", &key],
                _ => vec!["SET", &key, &value, "EX", "1000"],
            };
            bytes.extend(format!("*{}\r\n", argv.len()).into_bytes());
            for arg in argv {
                bytes.extend(format!("${}\r\n{arg}\r\n", arg.len()).into_bytes());
            }
        }
        bytes
    }

    /// The limit holds for what the allocator has really handed out, whatever the data.
    #[test]
    fn memory_stays_under_its_limit() {
        for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
            let mut config = Config::default();
            for (name, value) in [("maxmemory", "8mb"), ("maxmemory-policy", policy), ("save", "")]
            {
                config.set_named(name, value).unwrap();
            }
            let mut now = Time { unix_us: 1_700_000_000_000_000, mono: Monotonic(0) };
            let (mut rng, mut effects, conn) = (Rng::new(Seed::of(1)), Vec::new(), ConnId(0));
            let base = used();
            let mut node = Node::new(config, Seed::of(1), now);
            let origin = Origin { addr: "a:1".into(), laddr: "b:1".into(), fd: 0, local: true };
            node.handle(now, Event::Opened { conn, origin }, &mut effects);
            let (mut most, mut wakes) = (0, 0);
            for _ in 0..600 {
                now = now.plus_us(20_000);
                let bytes = pipeline(&mut rng);
                node.set_used_memory(used() - base);
                node.handle(now, Event::Received { conn, bytes: &bytes }, &mut effects);
                let replies = node.outbox(conn).unwrap().take();
                assert!(!replies.windows(5).any(|part| part == b"\n-OOM"));
                effects.clear();
                drop((bytes, replies));
                while node.next_wake().is_some_and(|wake| wake <= now.mono) {
                    node.set_used_memory(used() - base);
                    node.handle(now, Event::Wake, &mut effects);
                    wakes += 1;
                }
                most = most.max(used() - base);
            }
            assert!(most > MAX * 9 / 10, "{policy}: the limit was reached: {most}");
            assert!(most < MAX + MAX / 10, "{policy}: {most} bytes, {wakes} wakes");
        }
    }
}
