//! `size DIR LIMIT`: what a visitor of the page downloads, in bytes, against a limit.
//!
//! Every file of the bundle is compressed as web servers compress static files: brotli at its
//! highest level with its widest ordinary window. The table is the answer to "what has grown?".
//! The icons in PNG are listed and not counted: a browser fetches one of them when somebody installs
//! the page as an app, and none to show it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const QUALITY: u32 = 11;
const WINDOW_BITS: u32 = 22;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, limit] = args.as_slice() else {
        eprintln!("usage: size DIR LIMIT_IN_BYTES");
        return ExitCode::FAILURE;
    };
    match measure(Path::new(dir), limit) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the table; whether the sum is within the limit.
fn measure(dir: &Path, limit: &str) -> Result<bool, Box<dyn Error>> {
    let limit: usize = limit.parse()?;
    let mut files = Vec::new();
    collect(dir, &mut files)?;
    files.sort();
    let (mut raw_sum, mut packed_sum) = (0, 0);
    println!("{:>10} {:>10}  file", "bytes", "brotli");
    for file in files {
        let bytes = std::fs::read(&file)?;
        let packed = packed_len(&bytes)?;
        let counts = file.extension().is_none_or(|ending| ending != "png");
        let note = if counts { "" } else { " (not counted)" };
        println!("{:>10} {packed:>10}  {}{note}", bytes.len(), file.strip_prefix(dir)?.display());
        if counts {
            raw_sum += bytes.len();
            packed_sum += packed;
        }
    }
    println!("{raw_sum:>10} {packed_sum:>10}  all, of {limit} allowed");
    if packed_sum > limit {
        println!("The page is {} bytes above its limit.", packed_sum - limit);
    }
    Ok(packed_sum <= limit)
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The length of `bytes` compressed; files that compression makes longer are sent as they are.
fn packed_len(bytes: &[u8]) -> std::io::Result<usize> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 65_536, QUALITY, WINDOW_BITS);
    writer.write_all(bytes)?;
    writer.flush()?;
    Ok(writer.into_inner().len().min(bytes.len()))
}
