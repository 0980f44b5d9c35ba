//! `size DIR LIMIT`: what a visitor of the page downloads, in bytes, against a limit.
//!
//! The limit is for the first visit. What is loaded when it is first used (the studio, other
//! languages, the lessons, what commands do) is listed apart and has none.
//!
//! Every file of the bundle is compressed as web servers compress static files: brotli at its
//! highest level with its widest ordinary window. The table is the answer to "what has grown?".
//! The icons in PNG are among the latter: a browser fetches one of them when somebody installs the
//! page as an app, and none to show it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const QUALITY: u32 = 11;
const WINDOW_BITS: u32 = 22;

/// How the names of files begin that are loaded when they are first used, or where a server serves the page.
const LATER: [&str; 8] =
    ["studio", "share", "i18n", "lessons", "examples", "remote", "panes", "descriptions"];

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
    println!("{:>10} {:>10}  file", "bytes", "brotli");
    let (later, first): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| is_loaded_later(dir, file));
    let packed_sum = list(dir, &first)?;
    println!("{packed_sum:>21}  the first visit, of {limit} allowed");
    let later_sum = list(dir, &later)?;
    println!("{later_sum:>21}  all that is loaded when it is first used");
    if packed_sum > limit {
        println!("The page is {} bytes above its limit.", packed_sum - limit);
    }
    Ok(packed_sum <= limit)
}

/// Whether a file is no part of the first visit.
fn is_loaded_later(dir: &Path, file: &Path) -> bool {
    let path = file.strip_prefix(dir).unwrap_or(file);
    LATER.iter().any(|start| path.to_string_lossy().starts_with(start))
        || path.extension().is_some_and(|ending| ending == "png")
}

/// Lists files; the sum of their compressed sizes.
fn list(dir: &Path, files: &[&PathBuf]) -> Result<usize, Box<dyn Error>> {
    let mut sum = 0;
    for file in files {
        let bytes = std::fs::read(file)?;
        let packed = packed_len(&bytes)?;
        println!("{:>10} {packed:>10}  {}", bytes.len(), file.strip_prefix(dir)?.display());
        sum += packed;
    }
    Ok(sum)
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
