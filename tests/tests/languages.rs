//! Every text of the page's programs is there in every language, and nothing else is.
//!
//! Texts are looked up by their English wording, which stands in the sources, and in the scripts of
//! `static`: as `t("…")`, as a title of a view, as the title of an example, or as what the worker says when
//! it refuses something. A table has one text a line.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every file below `folder` with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found
}

/// The string that begins behind `start` wherever that stands, with nothing but spaces between.
fn strings_behind<'a>(source: &'a str, start: &'a str) -> impl Iterator<Item = String> + 'a {
    source.match_indices(start).filter_map(move |(at, _)| {
        let before = source[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            return None;
        }
        let rest = source[at + start.len()..].trim_start().strip_prefix('"')?;
        let mut text = String::new();
        let mut letters = rest.chars();
        loop {
            match letters.next()? {
                '"' => return Some(text),
                '\\' => match letters.next()? {
                    // The string goes on in the next line.
                    '\n' => {
                        let blank = |letter: &char| letter.is_whitespace();
                        let rest: String = letters.clone().skip_while(blank).take(1).collect();
                        letters.by_ref().find(|letter| !letter.is_whitespace());
                        text.push_str(&rest);
                    }
                    escaped => text.push(escaped),
                },
                letter => text.push(letter),
            }
        }
    })
}

/// The English texts in the sources.
fn texts() -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for file in files("web/src", ".rs").into_iter().chain(files("static", ".js")) {
        let source = fs::read_to_string(&file).unwrap();
        texts.extend(strings_behind(&source, "t("));
        texts.extend(strings_behind(&source, "t1("));
        if file.ends_with("components/hints.rs") {
            let examples = source.split("];").next().unwrap();
            texts.extend(strings_behind(examples, "    ("));
        } else if file.ends_with("studio/mod.rs") {
            texts.extend(strings_behind(&source, "title: "));
        } else if file.ends_with("worker/service.rs") || file.ends_with("worker/disk.rs") {
            // Why something was refused, which the panel tells.
            for start in ["return Err(", "disk().ok_or(", "IS_THERE: &str ="] {
                texts.extend(strings_behind(&source, start));
            }
        }
    }
    texts
}

/// The texts of a table: English, and in its language.
fn table(file: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !matches!(*line, "{" | "}"));
    let entry = |line: &str| {
        let line = line.trim().trim_end_matches(',');
        let (english, other) = line.split_once("\": \"").unwrap_or_else(|| panic!("{line}"));
        let english = english.strip_prefix('"').unwrap().replace("\\\"", "\"");
        (english, other.strip_suffix('"').unwrap().to_owned())
    };
    lines.map(entry).collect()
}

#[test]
fn every_text_is_there_in_every_language() {
    let texts = texts();
    assert!(texts.contains("New pane") && texts.contains("Keep a value"), "{texts:?}");
    let mut offences = Vec::new();
    for file in files("static/i18n", ".json") {
        let table = table(&file);
        let known: BTreeSet<String> = table.iter().map(|(english, _)| english.clone()).collect();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        offences.extend(texts.difference(&known).map(|text| format!("{name} lacks: {text}")));
        offences.extend(known.difference(&texts).map(|text| format!("{name}, not used: {text}")));
        for (english, other) in &table {
            if english.matches("{}").count() != other.matches("{}").count() {
                offences.push(format!("{name}, other places for values: {english}"));
            }
        }
    }
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

/// A language needs its code in two programs, a table (but for English), and lessons.
#[test]
fn languages_are_complete() {
    let names = |folder: &str| -> BTreeSet<String> {
        fs::read_dir(root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let lessons = names("static/lessons");
    let mut tables = names("static/i18n");
    tables.insert("en".to_owned());
    assert_eq!(lessons, tables);
    let rust = fs::read_to_string(root().join("web/src/i18n.rs")).unwrap();
    let shell = fs::read_to_string(root().join("static/shell.js")).unwrap();
    for code in &lessons {
        assert!(rust.contains(&format!("(\"{code}\", \"")), "{code} is not in i18n.rs");
        assert!(shell.contains(&format!("'{code}'")), "{code} is not in shell.js");
    }
}
