//! Puts the playground's page into the server, where the feature `playground` asks for it and the page has
//! been built (`cargo xtask build`); without it the server looks for a folder when it starts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=REDSTART_PLAYGROUND");
    if std::env::var_os("CARGO_FEATURE_PLAYGROUND").is_none() {
        return;
    }
    let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dir =
        std::env::var_os("REDSTART_PLAYGROUND").map_or_else(|| own.join("../dist"), PathBuf::from);
    println!("cargo:rerun-if-changed={}", dir.display());
    let mut files = Vec::new();
    collect(&dir, "", &mut files);
    if files.is_empty() {
        println!(
            "cargo:warning=there is no page in {}: run `cargo xtask build` first",
            dir.display()
        );
    }
    files.sort();
    let mut code = String::from("pub(super) const FILES: &[(&str, &[u8])] = &[\n");
    for (path, file) in files {
        let _ = writeln!(code, "    ({path:?}, include_bytes!({file:?})),");
    }
    code.push_str("];\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(error) = std::fs::write(out.join("playground.rs"), code) {
        println!("cargo:error=cannot write the list of the playground's files: {error}");
    }
}

/// Adds the files below `dir`, by their paths in it.
fn collect(dir: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
        } else if let Ok(path) = path.canonicalize() {
            files.push((name, path));
        }
    }
}
