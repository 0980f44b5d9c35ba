//! Files that a configuration file includes, by name or by pattern.

use std::fs;
use std::path::{Path, PathBuf};

use super::explain;
use crate::base::glob;

/// The texts of the files that `name` stands for, in the order of their names; relative to `folder`. As
/// in Redis, a pattern may match nothing, and a plain name must be a file.
pub fn read(folder: &Path, name: &str) -> Result<Vec<Vec<u8>>, String> {
    let paths = if is_pattern(name) { matching(folder, name) } else { vec![folder.join(name)] };
    let read = |path: PathBuf| {
        fs::read(&path).map_err(|error| {
            format!("Fatal error, can't open config file '{}': {}", path.display(), explain(&error))
        })
    };
    paths.into_iter().map(read).collect()
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The paths that match `pattern`, part by part.
fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut paths = vec![folder.to_owned()];
    for part in Path::new(pattern) {
        let name = part.to_string_lossy();
        paths = paths
            .into_iter()
            .flat_map(
                |path| if is_pattern(&name) { inside(&path, &name) } else { vec![path.join(part)] },
            )
            .collect();
    }
    paths.retain(|path| path.exists());
    paths.sort();
    paths
}

/// What is in `folder` under a name that matches. A leading dot is matched by a dot alone.
fn inside(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_it = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        glob::matches(pattern.as_bytes(), name)
            && (pattern.starts_with('.') || !name.starts_with(b"."))
    };
    entries.filter(is_it).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_in_order() {
        let root = std::env::temp_dir().join(format!("redstart-include-{}", std::process::id()));
        for (name, text) in [("p1/b.conf", "b"), ("p1/a.conf", "a"), ("p2/.x.conf", "x")] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), text).unwrap();
        }
        let texts =
            |names: &[&str]| Ok(names.iter().map(|name| name.as_bytes().to_vec()).collect());
        assert_eq!(read(&root, "p1/*.conf"), texts(&["a", "b"]));
        assert_eq!(read(&root, "p?/b.conf"), texts(&["b"]));
        assert_eq!(read(&root, "p2/*"), texts(&[]));
        assert_eq!(read(&root, "p2/.*.conf"), texts(&["x"]));
        assert_eq!(read(&root, "none/*.conf"), texts(&[]));
        let whole = root.join("p[1-9]/a*").to_string_lossy().into_owned();
        assert_eq!(read(Path::new("/nowhere"), &whole), texts(&["a"]));
        let error = read(&root, "p1/c.conf").unwrap_err();
        assert!(error.ends_with("p1/c.conf': No such file or directory"), "{error}");
        fs::remove_dir_all(root).unwrap();
    }
}
