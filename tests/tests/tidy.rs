//! Rules of the house that no compiler knows, held by reading the files.
//!
//! Each rule is one test; its failure names every file and line, and what to do instead.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines in a source file before it wants to be split where its noun changes.
const LINES_MAX: usize = 900;

/// The layers of `core/src`, lowest first, and what each may import. This is the table of
/// ARCHITECTURE.md; an edge more is a decision about the architecture.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("resp", &["base"]),
    ("spec", &["base", "resp"]),
    ("ds", &["base"]),
    ("store", &["base", "ds"]),
    ("persist", &["base", "resp", "ds", "store"]),
    ("session", &["base", "resp", "spec", "store"]),
    ("engine", &["base", "resp", "spec", "ds", "store", "persist", "session"]),
    ("commands", &["base", "resp", "spec", "ds", "store", "persist", "session", "engine"]),
    ("node", &["base", "resp", "spec", "ds", "store", "persist", "session", "engine", "commands"]),
    (
        "native",
        &[
            "base", "resp", "spec", "ds", "store", "persist", "session", "engine", "commands",
            "node",
        ],
    ),
];

/// Folders of transcripts that are about no family of commands, and the layer they are about.
const OTHER_TRANSCRIPTS: &[(&str, &str)] = &[
    ("protocol", "resp"),
    ("persist", "persist"),
    ("notify", "engine/notify.rs"),
    ("eviction", "engine/eviction.rs"),
    ("edges", "base/limits.rs"),
];

/// The workspace's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below `folder` (relative to the root) with this ending, as relative path and text.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let root = root();
    let mut folders = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let hidden = name.starts_with('.') && name != ".ci" && name != ".cargo";
            if hidden || ["target", "dist", "node_modules"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(ending)
                && let Ok(text) = fs::read_to_string(&path)
            {
                let path = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

#[track_caller]
fn none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}\n{}", offences.join("\n"));
}

/// The names behind `crate::` in a line of code, `{a, b::c}` included.
fn imports(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let before = code[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            continue;
        }
        let mut depth = 0;
        let mut start = 0;
        // At depth 0 one name, at depth 1 of `crate::{…}` the first name of every item.
        let mut fresh = true;
        for (index, letter) in rest.char_indices() {
            if letter.is_ascii_alphanumeric() || letter == '_' {
                continue;
            }
            if fresh && index > start && depth <= 1 {
                names.push(&rest[start..index]);
                fresh = false;
            }
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => fresh = true,
                _ => {}
            }
            if depth <= 0 {
                break;
            }
            start = index + letter.len_utf8();
        }
    }
    names
}

#[test]
fn imports_are_found() {
    assert_eq!(imports("use crate::base::num;"), ["base"]);
    assert_eq!(
        imports("use crate::{base::{Time, num}, resp, store::Db as D};"),
        ["base", "resp", "store"]
    );
    assert_eq!(imports("let x = crate::ds::new(crate::base::limits::MAX);"), ["ds", "base"]);
    assert_eq!(imports("use redstart_crate::base;"), Vec::<&str>::new());
}

#[test]
fn a_lower_layer_never_imports_a_higher_one() {
    let mut offences = Vec::new();
    let mut layers = BTreeSet::new();
    for (path, text) in files("core/src", ".rs") {
        let inside = path.strip_prefix("core/src/").unwrap();
        let layer = inside.split(['/', '.']).next().unwrap();
        if matches!(layer, "lib" | "bin") {
            continue;
        }
        layers.insert(layer.to_owned());
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            offences.push(format!("{path}: `{layer}` has no place among the layers"));
            continue;
        };
        let code: String = text
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .flat_map(|line| [line.trim(), " "])
            .collect();
        for name in imports(&code) {
            let is_layer = LAYERS.iter().any(|(other, _)| *other == name);
            if is_layer && name != layer && !allowed.contains(&name) {
                offences.push(format!("{path}: `{layer}` may not import `{name}`"));
            }
        }
        // A path through `super` must not leave its layer unseen.
        let depth = inside.matches('/').count() - usize::from(inside.ends_with("/mod.rs"));
        let climbs = format!("super::{}", "super::".repeat(depth + 1));
        if code.contains(&climbs) {
            offences.push(format!("{path}: use `crate::` to name another layer"));
        }
    }
    none("Dependencies point downwards only; see the table of layers.", &offences);
    let known: BTreeSet<_> = LAYERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(layers, known, "the table of layers names what is in core/src");
}

#[test]
fn the_library_lists_its_layers_in_their_order() {
    let text = fs::read_to_string(root().join("core/src/lib.rs")).unwrap();
    let listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! - "))
        .filter_map(|line| line.split('`').nth(1))
        .collect();
    let names: Vec<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, names);
    for (index, (name, allowed)) in LAYERS.iter().enumerate() {
        let lower = &names[..index];
        assert!(allowed.iter().all(|other| lower.contains(other)), "{name} may import upwards");
    }
}

#[test]
fn every_source_file_opens_with_its_idea() {
    let offences: Vec<String> = files("", ".rs")
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    none("A file begins with a `//!` paragraph that says what it is and its idea.", &offences);
}

#[test]
fn files_can_be_held_in_the_head() {
    let offences: Vec<String> = files("", ".rs")
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    none(&format!("More than {LINES_MAX} lines: split where the noun changes."), &offences);
}

#[test]
fn nothing_is_left_half_done() {
    // Written in parts, so that this file does not offend against itself.
    let banned = [
        (concat!("TO", "DO"), "do it, or open an issue"),
        (concat!("FIX", "ME"), "fix it, or open an issue"),
        (concat!("XX", "X:"), "say what is meant"),
        (concat!("#[ig", "nore"), "assert what happens now and say why"),
        (concat!("/ro", "ot/"), "a path of one machine"),
        (concat!("/ho", "me/"), "a path of one machine"),
        (concat!("/wo", "rk/"), "a path of one machine"),
        (concat!("/tmp", "/w/"), "a path of one machine"),
    ];
    let mut offences = Vec::new();
    let endings = [".rs", ".md", ".toml", ".html", ".css", ".js", ".mjs", ".py", ".sh", "run"];
    for (path, text) in endings.iter().flat_map(|ending| files("", ending)) {
        for (number, line) in (1..).zip(text.lines()) {
            for (word, instead) in banned {
                // A note may stay when it names its issue: `(#12)`.
                if line.contains(word) && !line.contains("(#") {
                    offences.push(format!("{path}:{number}: {word}: {instead}"));
                }
            }
        }
    }
    none("Banned words.", &offences);
}

#[test]
fn transcripts_belong_to_a_family() {
    let folders: BTreeSet<String> = files("tests/transcripts", ".txt")
        .into_iter()
        .map(|(path, _)| path.split('/').nth(2).unwrap().to_owned())
        .collect();
    let families: BTreeSet<String> = files("core/src/commands", ".rs")
        .into_iter()
        .filter_map(|(path, _)| Some(path.split(['/', '.']).nth(3)?.to_owned()))
        .collect();
    let offences: Vec<String> = folders
        .into_iter()
        .filter(|name| !families.contains(name))
        .filter(|name| !OTHER_TRANSCRIPTS.iter().any(|(other, _)| other == name))
        .map(|name| format!("tests/transcripts/{name}"))
        .collect();
    none("A folder of transcripts is called like a file in core/src/commands.", &offences);
}

#[test]
fn the_readme_names_tasks_that_exist() {
    let tasks = fs::read_to_string(root().join("tests/xtask/src/main.rs")).unwrap();
    let mut offences = Vec::new();
    for (path, text) in files("", ".md") {
        for (number, line) in (1..).zip(text.lines()) {
            for (at, word) in line.match_indices("cargo xtask ") {
                let rest = &line[at + word.len()..];
                let end = rest.find(|letter: char| !letter.is_ascii_lowercase());
                let task = &rest[..end.unwrap_or(rest.len())];
                if !tasks.contains(&format!("  cargo xtask {task}")) {
                    offences.push(format!("{path}:{number}: {task}"));
                }
            }
        }
    }
    none("No such task; see `cargo xtask help`.", &offences);
}

/// What the standard-readme specification asks and its linter does not see.
#[test]
fn the_readme_opens_and_ends_as_it_should() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let short = text.lines().find_map(|line| line.strip_prefix("> ")).unwrap();
    assert!(short.len() < 120, "the short description has {} characters", short.len());
    let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(sections.first(), Some(&"Table of Contents"));
    assert_eq!(sections.last(), Some(&"License"));
    assert!(text.contains("not affiliated with"));
    for (path, _) in text.match_indices("](").map(|(at, _)| text[at + 2..].split_once(')').unwrap())
    {
        let elsewhere = path.starts_with("http") || path.starts_with('#');
        assert!(elsewhere || root().join(path).exists(), "README.md links to {path}");
    }
}

/// The page's programs and the builder of the bundle must agree on wasm-bindgen to the last digit.
#[test]
fn wasm_bindgen_has_one_version() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let versions: BTreeSet<&str> = lock
        .split("[[package]]")
        .filter(|package| {
            package.contains("\nname = \"wasm-bindgen\"\n")
                || package.contains("\nname = \"wasm-bindgen-cli-support\"\n")
        })
        .filter_map(|package| package.lines().find(|line| line.starts_with("version = ")))
        .collect();
    assert_eq!(versions.len(), 1, "{versions:?}");
    let version = versions.into_iter().next().unwrap().replace("version = ", "");
    let builder = fs::read_to_string(root().join("tests/xtask/src/bundle.rs")).unwrap();
    assert!(builder.contains(&format!("const WASM_BINDGEN: &str = {version};")), "{version}");
}
