//! The files of the page, in memory: they are few, and the event loop never waits for a disk.
//!
//! The page that came with the program is served unless a folder is named. It is in the program itself
//! where that was compiled with the feature `playground` and the page had been built; otherwise it is looked
//! for beside the program, where a package would put it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes that the files of a folder may have together.
const BYTES_MAX: usize = 64 << 20;
/// Folders within each other, at most.
const DEPTH_MAX: usize = 8;

#[cfg(feature = "playground")]
mod built_in {
    include!(concat!(env!("OUT_DIR"), "/playground.rs"));
}

#[cfg(not(feature = "playground"))]
mod built_in {
    pub(super) const FILES: &[(&str, &[u8])] = &[];
}

/// The files, by their paths.
#[derive(Debug)]
pub struct Site(Vec<(String, Vec<u8>)>);

/// Where the page lies beside the program `program`.
fn beside(program: &Path) -> Vec<PathBuf> {
    let folder = program.parent().unwrap_or(program);
    vec![folder.join("playground"), folder.join("../share/redstart/playground")]
}

impl Site {
    /// The page in `dir`, or the one that came with the program if that is empty; `server` is how the page
    /// calls this server.
    pub fn open(dir: &str, server: &str) -> Result<Self, String> {
        let mut site = if !dir.is_empty() {
            Self::read(Path::new(dir))
                .map_err(|error| format!("Can't read playground-dir '{dir}': {error}"))?
        } else if built_in::FILES.is_empty() {
            let program = std::env::current_exe().unwrap_or_default();
            let found = beside(&program).into_iter().find(|dir| dir.join("index.html").is_file());
            let Some(found) = found else {
                return Err("This redstart-server was built without the playground's page. Build the \
                            page with `cargo xtask build` and name its folder in playground-dir, or \
                            build the server with `--features playground`."
                    .to_owned());
            };
            Self::read(&found)
                .map_err(|error| format!("Can't read the playground in {found:?}: {error}"))?
        } else {
            let owned = |(path, bytes): &(&str, &[u8])| ((*path).to_owned(), bytes.to_vec());
            Self(built_in::FILES.iter().map(owned).collect())
        };
        site.sign(server)?;
        Ok(site)
    }

    /// The files below a folder.
    fn read(dir: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        let mut bytes = 0;
        let mut folders = vec![(dir.to_owned(), String::new(), 0)];
        while let Some((folder, prefix, depth)) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = format!("{prefix}{name}");
                if entry.file_type()?.is_dir() {
                    if depth < DEPTH_MAX {
                        folders.push((entry.path(), format!("{path}/"), depth + 1));
                    }
                    continue;
                }
                let content = fs::read(entry.path())?;
                bytes += content.len();
                if bytes > BYTES_MAX {
                    return Err(io::Error::other("it has too many files to be the playground"));
                }
                files.push((path, content));
            }
        }
        Ok(Self(files))
    }

    /// Puts into the page that it comes from a server, and how that is called. The script beside it is loaded
    /// before all others, so that it can stand in for the engine's worker.
    fn sign(&mut self, server: &str) -> Result<(), String> {
        let page = self.0.iter_mut().find(|(path, _)| path == "index.html");
        let head = page.and_then(|(_, page)| {
            let at = memchr::memmem::find(page, b"<head>")? + b"<head>".len();
            let name: String = server.chars().filter(|c| !"<>&\"'".contains(*c)).collect();
            let mark = format!(
                "<meta name=\"redstart-server\" content=\"{name}\"><script src=\"remote.js\"></script>"
            );
            page.splice(at..at, mark.into_bytes());
            Some(())
        });
        head.ok_or_else(|| "The playground's folder has no page (index.html) in it".to_owned())
    }

    /// A file and its MIME type.
    pub fn find(&self, path: &str) -> Option<(&'static str, &[u8])> {
        let path = path.strip_prefix('/')?;
        let path = if path.is_empty() { "index.html" } else { path };
        let found = self.0.iter().find(|(other, _)| other == path)?;
        Some((kind(path), &found.1))
    }
}

/// The MIME type of a file, by its name.
fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "md" | "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_served_and_its_page_signed() {
        let folder = std::env::temp_dir().join(format!("redstart-site-{}", std::process::id()));
        fs::create_dir_all(folder.join("i18n")).unwrap();
        fs::write(folder.join("i18n/zh.json"), "{}").unwrap();
        let name = folder.to_string_lossy();
        assert!(Site::open(&name, "x").unwrap_err().contains("index.html"));
        fs::write(folder.join("index.html"), "<html><head><title>x</title>").unwrap();
        let site = Site::open(&name, "\"><script>127.0.0.1:6379").unwrap();
        let (kind, page) = site.find("/").unwrap();
        assert_eq!(kind, "text/html; charset=utf-8");
        let page = String::from_utf8_lossy(page);
        assert!(page.starts_with(
            "<html><head><meta name=\"redstart-server\" content=\"script127.0.0.1:6379\">"
        ));
        assert_eq!(site.find("/i18n/zh.json"), Some(("application/json", b"{}".as_slice())));
        for path in ["/i18n", "/../index.html", "//index.html", "index.html", "/nothing"] {
            assert_eq!(site.find(path), None, "{path}");
        }
        fs::remove_dir_all(&folder).unwrap();
        assert!(Site::open(&name, "x").unwrap_err().starts_with("Can't read playground-dir"));
    }
}
