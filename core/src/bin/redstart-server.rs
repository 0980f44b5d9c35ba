//! The server: `redstart-server [redis.conf] [--name value …]`.

use std::process::ExitCode;

use redstart::native::{self, memory::Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let mut words = std::env::args();
    let name = words.next().unwrap_or_default();
    let option = native::args::option_of_name(&name).map(str::to_owned);
    let args: Vec<String> = option.into_iter().chain(words).collect();
    native::main(&args)
}
