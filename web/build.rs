//! Lists what is in `static/`, for the programs: the bundle's files, which the page tells the service
//! worker to keep, and the lessons of the course with their titles.
//!
//! A file is added to the bundle, or a lesson to the course, by being there.

use std::fmt::Write as _;
use std::io::Result;
use std::path::{Path, PathBuf};
use std::{env, fs};

const FOLDER: &str = "../static";
const PROGRAMS: [&str; 2] = ["app", "studio"];

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={FOLDER}");
    write("files.txt", &files()?)?;
    write("contents.rs", &contents()?)
}

/// The files of the bundle: those of `static/`, and what wasm-bindgen makes of each program.
fn files() -> Result<String> {
    let mut files = Vec::new();
    list(Path::new(FOLDER), "", &mut files)?;
    // The page itself goes by the folder's name, and the service worker is kept by the browser.
    files.retain(|file| file != "index.html" && file != "service-worker.js");
    // The builders make it of the declarations.
    files.push("descriptions.txt".to_owned());
    for program in PROGRAMS {
        files.extend([format!("{program}.js"), format!("{program}_bg.wasm")]);
    }
    files.sort();
    Ok(files.join("\n"))
}

/// Adds the files below `folder`, whose path in the bundle is `path`.
fn list(folder: &Path, path: &str, files: &mut Vec<String>) -> Result<()> {
    for (name, entry) in entries(folder)? {
        if name.starts_with('.') {
            continue;
        }
        if entry.is_dir() {
            list(&entry, &format!("{path}{name}/"), files)?;
        } else {
            files.push(format!("{path}{name}"));
        }
    }
    Ok(())
}

/// The course by language: the name, the title and the number of steps of each lesson.
fn contents() -> Result<String> {
    let mut table = String::from("&[\n");
    for (language, folder) in entries(&Path::new(FOLDER).join("lessons"))? {
        let _ = writeln!(table, "({language:?}, &[");
        for (file, path) in entries(&folder)? {
            let text = fs::read_to_string(path)?;
            let title = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
            let steps = text.lines().filter(|line| line.starts_with("## ")).count();
            let (name, title) = (file.trim_end_matches(".md"), title.trim());
            let _ =
                writeln!(table, "Entry {{ name: {name:?}, title: {title:?}, steps: {steps} }},");
        }
        table.push_str("]),\n");
    }
    table.push_str("]\n");
    Ok(table)
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((entry.file_name().into_string().unwrap_or_default(), entry.path()));
    }
    entries.sort();
    Ok(entries)
}

/// Writes a file for the programs only if it is another: they are compiled anew when it changes.
fn write(name: &str, text: &str) -> Result<()> {
    let file = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join(name);
    if fs::read_to_string(&file).is_ok_and(|before| before == text) {
        return Ok(());
    }
    fs::write(file, text)
}
