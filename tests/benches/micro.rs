//! Single commands, measured in process: `cargo xtask bench micro`.
//!
//! What is timed is everything between the bytes of requests and the bytes of replies, without
//! sockets. Run with `--count NAME`, the program runs one workload once inside [`counted`], which
//! is where Callgrind counts instructions: a number that does not depend on what else the machine
//! does, so that small steps can be told from noise.
#![allow(clippy::print_stdout, reason = "a program that reports")]

use divan::Bencher;
use divan::counter::ItemsCount;
use redstart_tests::workload::{BATCH, Bench, FILL, WORKLOADS, Workload};

fn main() {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("--names") => WORKLOADS.iter().for_each(|workload| println!("{}", workload.name)),
        Some("--count") => {
            let name = args.next().unwrap_or_default();
            if let Some(workload) = find(&name) {
                let mut bench = Bench::new(workload, FILL);
                // Once before, for what is made at the first use.
                bench.run();
                counted(&mut bench);
                println!("{BATCH}");
            }
        }
        _ => divan::main(),
    }
}

/// What Callgrind counts; it must stay a function of its own.
#[inline(never)]
fn counted(bench: &mut Bench) {
    bench.run();
}

fn find(name: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|workload| workload.name == name)
}

#[divan::bench(args = WORKLOADS.iter().map(|workload| workload.name))]
fn command(bencher: Bencher<'_, '_>, name: &str) {
    let Some(workload) = find(name) else { return };
    let mut bench = Bench::new(workload, FILL);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| bench.run());
}
