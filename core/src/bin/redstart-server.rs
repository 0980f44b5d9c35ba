//! The server: `redstart-server [redis.conf] [--name value …]`.

use std::process::ExitCode;

use redstart::native::{self, memory::Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    native::main(&args)
}
