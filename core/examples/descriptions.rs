//! Writes what the declarations of commands say to people into a folder, for the page, which loads it when
//! somebody wants to read it: into the folder that is named, or where Trunk makes its bundle.

use std::env;
use std::path::Path;

/// How the file is called in a bundle.
const NAME: &str = "descriptions.txt";

fn main() -> std::io::Result<()> {
    let folder = env::args_os().nth(1).or_else(|| env::var_os("TRUNK_STAGING_DIR"));
    let folder = folder.expect("a folder to write to");
    std::fs::write(Path::new(&folder).join(NAME), redstart::commands::DESCRIPTIONS)
}
