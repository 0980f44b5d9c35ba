//! Lists the bundle's files, which the page's program tells the service worker to keep.
//!
//! They are those of `static/`, and what wasm-bindgen makes of each program.

use std::io::Result;
use std::path::Path;
use std::{env, fs};

const FOLDER: &str = "../static";
const PROGRAMS: [&str; 2] = ["app", "studio"];

fn main() -> Result<()> {
    let mut files = Vec::new();
    list(Path::new(FOLDER), "", &mut files)?;
    // The page itself goes by the folder's name, and the service worker is kept by the browser.
    files.retain(|file| file != "index.html" && file != "service-worker.js");
    for program in PROGRAMS {
        files.extend([format!("{program}.js"), format!("{program}_bg.wasm")]);
    }
    files.sort();
    println!("cargo::rerun-if-changed={FOLDER}");
    let list = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("files.txt");
    let text = files.join("\n");
    // Written only if it is another: the program is compiled anew when it changes.
    if fs::read_to_string(&list).ok().as_ref() != Some(&text) {
        fs::write(list, text)?;
    }
    Ok(())
}

/// Adds the files below `folder`, whose path in the bundle is `path`.
fn list(folder: &Path, path: &str, files: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{path}{name}/"), files)?;
        } else {
            files.push(format!("{path}{name}"));
        }
    }
    Ok(())
}
