//! The TCP host: a node behind sockets, files and the operating system's clock.
//!
//! One thread runs the node and all sockets ([`event_loop`]); one more does what may be slow on a
//! disk ([`disk`]). Everything that can fail outside is handled here and reaches the node as an
//! event, so the engine stays free of it.
//!
//! - [`args`]: the command line and redis.conf
//! - [`check`]: looking at files without loading them
//! - [`listen`]: the sockets that wait for clients
//! - [`connections`]: the sockets of clients
//! - [`mod@include`]: files that configuration files include
//! - [`lock`]: one server a folder
//! - [`log`]: lines in Redis's format
//! - [`crowd`]: whether requests are let gather
//! - [`memory`]: the allocator, and how much it has handed out
//! - [`names`]: the addresses of other servers
//! - [`open_files`]: as many files as clients may come
//! - [`playground`]: the page, and browsers as clients
//! - [`ready`]: which sockets have something
//! - [`service`]: in the background, or under a supervisor
//! - [`ticks`]: the processor's own counter as a clock
//! - [`unsupported`]: settings that cannot be honoured

pub mod args;
pub mod check;
pub mod clock;
pub mod connections;
pub mod crowd;
pub mod disk;
pub mod event_loop;
pub mod include;
mod journal;
pub mod listen;
pub mod lock;
pub mod log;
pub mod memory;
pub mod names;
pub mod open_files;
mod place;
pub mod playground;
pub mod ready;
pub mod service;
pub mod ticks;
pub mod unsupported;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::base::rng::Seed;
use crate::engine::Config;
use crate::node::Level;

/// Runs the server until it is told to end. `args` are the words of the command line behind the
/// program's name.
pub fn main(args: &[String]) -> ExitCode {
    let mut config = match args::parse(args) {
        Ok(args::Wish::Serve(config)) => *config,
        Ok(args::Wish::Print(text)) => {
            log::print(&text);
            return ExitCode::SUCCESS;
        }
        Ok(args::Wish::Check(wish)) => {
            let is_fine = check::run(&wish, &mut std::io::stdout(), &mut std::io::stdin());
            return if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Err(text) => {
            log::print_error(&text);
            return ExitCode::FAILURE;
        }
    };
    let is_elsewhere =
        unsupported::refuse(&config).and_then(|()| service::start_in_background(&config, args));
    match is_elsewhere {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => {}
        Err(text) => {
            log::print_error(&text);
            return ExitCode::FAILURE;
        }
    }
    let mut log = match log::Log::open(&config) {
        Ok(log) => log,
        Err(text) => {
            log::print_error(&text);
            return ExitCode::FAILURE;
        }
    };
    // Programs that start servers look for the number of the process here.
    let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
    log.write(Level::Notice, &format!("Redstart {version} is starting, PID: {pid}"));
    unsupported::warnings(&config).for_each(|text| log.write(Level::Warning, &text));
    if config.disable_thp {
        memory::disable_huge_pages();
    }
    if let Err(text) = open_files::provide(&mut config, &mut log) {
        log.write(Level::Warning, &text);
        return ExitCode::FAILURE;
    }
    match serve(config, &mut log) {
        Ok(status) => ExitCode::from(status),
        Err(text) => {
            log.write(Level::Warning, &text);
            ExitCode::FAILURE
        }
    }
}

/// Serves until the end; returns the status to end with. The error is a line for the log.
fn serve(config: Config, log: &mut log::Log) -> Result<u8, String> {
    let event_loop = event_loop::EventLoop::new(config.clone(), seed()?, log)?;
    let pid_file = service::PidFile::write(&config, log);
    let status = event_loop.run(log);
    // As in Redis, what ends in a failure leaves it, and why it has failed is the last line of the log.
    if status == Ok(0)
        && let Some(pid_file) = pid_file
    {
        pid_file.remove(log);
    }
    status
}

/// The file of this name, which is one in `dir` unless it says where it is: Redis works in `dir`.
fn in_folder(config: &Config, name: &[u8]) -> PathBuf {
    let path = |name: &[u8]| PathBuf::from(String::from_utf8_lossy(name).into_owned());
    path(&config.dir).join(path(name))
}

/// The system's words for an error, as Redis shows them: without the number.
fn explain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// A seed from the operating system's source of secrets.
fn seed() -> Result<Seed, String> {
    let mut bytes = [[0; 8]; 4];
    getrandom::fill(bytes.as_flattened_mut())
        .map_err(|error| format!("The operating system gives no random numbers: {error}"))?;
    Ok(Seed(bytes.map(u64::from_le_bytes)))
}
