//! No event takes long, however much data there is: `cargo xtask bench growth [PART] [MILLIONS]`.
//!
//! Every call of `Node::handle` is timed, one command each, and the slowest are what is looked at:
//! tables that grow by millions of entries, and data that is thrown away, freed in slices behind
//! other events. The allocator is the server's, for fresh memory is part of what takes time.
//!
//! A part in which something took too long is measured again in a new process, where only the events
//! count that were slow: what the node does takes as long again, what the machine did does not.
#![allow(clippy::print_stdout, reason = "a program that reports")]

use redstart::native::memory::{self, Counting};
use redstart::node::Event;
use redstart_tests::timed::{CONN, Run, request, scattered, title};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What grows by one command, and how that is thrown away.
struct Part {
    name: &'static str,
    /// Millions of commands, each with its number for `#`.
    millions: f64,
    grow: &'static str,
    shrink: &'static str,
}

const PARTS: &[Part] = &[
    Part { name: "keys", millions: 20.0, grow: "SET key:# value:#", shrink: "FLUSHALL ASYNC" },
    Part { name: "set", millions: 10.0, grow: "SADD big member:#", shrink: "UNLINK big" },
    Part { name: "hash", millions: 5.0, grow: "HSET big field:# value:#", shrink: "DEL big" },
    Part { name: "zset", millions: 5.0, grow: "ZADD big # member:#", shrink: "DEL big" },
    Part { name: "list", millions: 10.0, grow: "RPUSH big element:#", shrink: "DEL big" },
    Part { name: "stream", millions: 5.0, grow: "XADD big * field value:#", shrink: "DEL big" },
    Part { name: "small", millions: 2.0, grow: "HSET key:# a # b #", shrink: "FLUSHALL" },
    Part { name: "long", millions: 2.0, grow: "SETRANGE key:# 500 #", shrink: "FLUSHDB" },
    Part { name: "expiry", millions: 5.0, grow: "SET key:# value PX 3600000", shrink: "" },
    Part { name: "fields", millions: 2.0, grow: "HSETEX big PX 3600000 FIELDS 1 # v", shrink: "" },
    Part {
        name: "hashes",
        millions: 1.0,
        grow: "HSETEX key:# PX 3600000 FIELDS 1 f v",
        shrink: "",
    },
];

fn main() {
    memory::disable_huge_pages();
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let scale = words.iter().find_map(|word| word.parse::<f64>().ok());
    let names: Vec<&String> = words.iter().filter(|word| word.parse::<f64>().is_err()).collect();
    title();
    let suspects = std::env::var(SUSPECTS).unwrap_or_default();
    let suspects: Vec<u64> = suspects.split(' ').flat_map(str::parse).collect();
    let mut is_good = true;
    for part in
        PARTS.iter().filter(|part| names.is_empty() || names.iter().any(|n| *n == part.name))
    {
        let millions = scale.unwrap_or(part.millions);
        let slow = measure(part, (millions * 1e6) as u64, &suspects);
        is_good &= match slow {
            Ok(()) => true,
            Err(slow) if slow.is_empty() || !suspects.is_empty() => false,
            Err(slow) => measure_again(part, millions, &slow),
        };
    }
    if !is_good {
        println!("Something takes too long.");
        std::process::exit(1);
    }
}

/// The numbers of the events that were slow, for a process that measures a part again.
const SUSPECTS: &str = "GROWTH_SUSPECTS";

/// Measures a part again in a new process; returns whether the events that were slow no longer are.
fn measure_again(part: &Part, millions: f64, slow: &[u64]) -> bool {
    let slow: Vec<String> = slow.iter().map(u64::to_string).collect();
    println!("Once more, to see whether event {} is slow again:", slow.join(", "));
    let program = std::env::current_exe().expect("a program that runs has a file");
    let mut again = std::process::Command::new(program);
    again.arg(part.name).arg(millions.to_string()).env(SUSPECTS, slow.join(" "));
    again.status().is_ok_and(|status| status.success())
}

/// Lets one part grow and shrink; the error is which events took too long, none if it was too many.
fn measure(part: &Part, count: u64, suspects: &[u64]) -> Result<(), Vec<u64>> {
    let before = memory::used();
    let mut run = Run::new();
    run.suspects = suspects.to_vec();
    for number in 0..count {
        let request = request(part.grow, scattered(number));
        run.handle(Event::Received { conn: CONN, bytes: &request });
    }
    let bytes = (memory::used() - before) as f64 / count as f64;
    let mut is_good = run.report(part.name);
    println!("{:<16} {bytes:.1} bytes each", "");
    if part.shrink.is_empty() {
        run.now = run.now.plus_us(3_600_000_000);
    } else {
        run.handle(Event::Received { conn: CONN, bytes: &request(part.shrink, 0) });
    }
    // What is left to do is done whenever the node asks to be woken for it.
    loop {
        run.handle(Event::Wake);
        let Some(wake) = run.node.next_wake() else { break };
        let wait_us = wake.since_us(run.now.mono);
        // No freeing is as far away as what else the node is woken for.
        if wait_us > 50_000 {
            break;
        }
        run.now = run.now.plus_us(wait_us);
    }
    is_good &= run.report(if part.shrink.is_empty() { "  expired" } else { part.shrink });
    println!("{:<16} {} bytes left", "", memory::used().saturating_sub(before));
    if is_good { Ok(()) } else { Err(std::mem::take(&mut run.slow)) }
}
