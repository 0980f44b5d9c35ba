//! `static/index.html` as Trunk reads it: the page with `<link data-trunk …>` elements in it that
//! name the programs, styles and files of the bundle.
//!
//! There is one source for both builders, so this module understands exactly the elements that
//! the page uses and calls everything else an error: a bundle that silently lacks a file would be
//! worse than none. What it puts in an element's place is what Trunk puts there.

use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::ops::Range;

/// A page and the assets it asks for, in their order in the page.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    html: &'a str,
    assets: Vec<(Range<usize>, Asset)>,
}

/// One `<link data-trunk …>`. Paths are relative to the page, with `/` between their parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asset {
    /// A program of `redstart-web`, compiled and bound to JavaScript, as an ES module; a script of the
    /// page loads it.
    Rust { bin: String },
    /// A style sheet, linked in the same place.
    Css { href: String },
    /// The page's icon, linked in the same place.
    Icon { href: String },
    /// A file that goes into the bundle as it is, into the folder `to` (empty: the top).
    File { href: String, to: String },
    /// A folder that goes into the bundle as it is, under its own name or the name `to`.
    Dir { href: String, to: String },
}

impl<'a> Index<'a> {
    /// Finds the elements for Trunk in `html`.
    pub(crate) fn parse(html: &'a str) -> Result<Self> {
        let mut assets = Vec::new();
        for (range, tag) in tags(html)? {
            if tag.attributes.contains_key("data-trunk") {
                let text = &html[range.clone()];
                let asset = Asset::read(tag).with_context(|| format!("in index.html: {text}"))?;
                assets.push((range, asset));
            } else if tag.attributes.keys().any(|name| name.starts_with("data-trunk")) {
                bail!("index.html: this builder does not know {}", &html[range]);
            }
        }
        Ok(Self { html, assets })
    }

    /// What the bundle is made of.
    pub(crate) fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.iter().map(|(_, asset)| asset)
    }

    /// The finished page: every element replaced by what stands for it in the bundle.
    pub(crate) fn render(&self) -> String {
        let mut page = String::with_capacity(self.html.len() + 1024);
        let mut done = 0;
        for (range, asset) in &self.assets {
            page.push_str(&self.html[done..range.start]);
            page.push_str(&asset.element());
            done = range.end;
        }
        page.push_str(&self.html[done..]);
        page
    }
}

impl Asset {
    fn read(tag: Tag) -> Result<Self> {
        let mut attributes = tag.attributes;
        attributes.remove("data-trunk");
        let rel = attributes.remove("rel").unwrap_or_default();
        if tag.name != "link" {
            bail!("this builder knows only <link data-trunk>");
        }
        let mut take = |name: &str| attributes.remove(name);
        let href = take("href");
        let need = |href: Option<String>| href.context("it needs an href");
        let asset = match rel.as_str() {
            "rust" => {
                if href.as_deref() != Some("../web/Cargo.toml") {
                    bail!("the programs' href is ../web/Cargo.toml");
                }
                // Trunk starts what has another type, or none.
                if take("data-type").as_deref() != Some("worker") {
                    bail!("the programs' data-type is worker: shell.js loads them");
                }
                if take("data-bindgen-target").as_deref() != Some("web") {
                    bail!("the programs' data-bindgen-target is web");
                }
                if take("data-wasm-opt").is_some_and(|level| level != "0") {
                    bail!("this builder has no wasm-opt; only data-wasm-opt=\"0\" is the same");
                }
                if take("data-cargo-profile").as_deref() != Some("web") {
                    bail!("the programs' data-cargo-profile is web");
                }
                Self::Rust { bin: take("data-bin").context("it needs a data-bin")? }
            }
            "css" => Self::Css { href: need(href)? },
            "icon" => Self::Icon { href: need(href)? },
            "copy-file" => {
                let to = take("data-target-path").unwrap_or_default();
                Self::File { href: need(href)?, to }
            }
            "copy-dir" => {
                let to = take("data-target-path").unwrap_or_default();
                Self::Dir { href: need(href)?, to }
            }
            other => bail!("this builder does not know rel=\"{other}\""),
        };
        match attributes.keys().next() {
            Some(name) => bail!("this builder does not know the attribute {name}"),
            None => Ok(asset),
        }
    }

    /// What stands in the finished page in the place of this asset's element.
    fn element(&self) -> String {
        match self {
            Self::Css { href } => {
                format!("<link rel=\"stylesheet\" href=\"./{}\"/>", file_name(href))
            }
            Self::Icon { href } => format!("<link rel=\"icon\" href=\"./{}\"/>", file_name(href)),
            Self::Rust { .. } | Self::File { .. } | Self::Dir { .. } => String::new(),
        }
    }
}

/// The last part of a path in an href.
pub(crate) fn file_name(href: &str) -> &str {
    href.rsplit('/').next().unwrap_or(href)
}

/// A start tag.
#[derive(Debug)]
struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
}

/// The start tags of `html` with their places. Comments and the text of scripts and styles are
/// passed over.
fn tags(html: &str) -> Result<Vec<(Range<usize>, Tag)>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|offset| at + offset) {
        let rest = &html[open..];
        if rest.starts_with("<!--") {
            at = open + rest.find("-->").context("index.html: a comment has no end")? + 3;
        } else if rest[1..].starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            let (tag, length) = read_tag(rest)?;
            at = open + length;
            let range = open..at;
            if tag.name == "script" || tag.name == "style" {
                let end = format!("</{}", tag.name);
                at += html[at..].find(&end).with_context(|| format!("no {end}> follows"))?;
            }
            found.push((range, tag));
        } else {
            at = open + 1;
        }
    }
    Ok(found)
}

/// Reads the start tag that `text` begins with, and its length.
fn read_tag(text: &str) -> Result<(Tag, usize)> {
    let ends = |letter: char| letter.is_ascii_whitespace() || letter == '>' || letter == '/';
    let unfinished =
        || format!("index.html: a tag has no end: {}", text.lines().next().unwrap_or(""));
    let mut at = 1 + text[1..].find(ends).with_context(unfinished)?;
    let name = text[1..at].to_ascii_lowercase();
    let mut attributes = BTreeMap::new();
    loop {
        let skip = |letter: char| letter.is_ascii_whitespace() || letter == '/';
        at = text.len() - text[at..].trim_start_matches(skip).len();
        let rest = &text[at..];
        if rest.starts_with('>') {
            return Ok((Tag { name, attributes }, at + 1));
        }
        let length = rest.find(|letter| ends(letter) || letter == '=').with_context(unfinished)?;
        let key = rest[..length].to_ascii_lowercase();
        at += length;
        let value = match text[at..].strip_prefix('=') {
            None => "",
            Some(rest) => {
                let quote = rest.chars().next().filter(|letter| matches!(letter, '"' | '\''));
                let quote = quote.with_context(|| format!("index.html: {key} has no quotes"))?;
                let length = rest[1..].find(quote).with_context(unfinished)?;
                at += 1 + length + 2;
                &rest[1..=length]
            }
        };
        attributes.insert(key, value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = r#"<link data-trunk rel="rust" href="../web/Cargo.toml" data-bin="app" data-type="worker" data-bindgen-target="web" data-cargo-profile="web"/>"#;

    fn page(head: &str) -> String {
        format!("<!doctype html>\n<html><head>{head}</head><body></body></html>")
    }

    fn error(head: &str) -> String {
        format!("{:#}", Index::parse(&page(head)).unwrap_err())
    }

    #[test]
    fn every_kind_of_element_is_read() {
        let html = page(&format!(
            r#"{APP}
            <LINK rel='css' data-trunk href="styles/page.css" />
            <link data-trunk rel="icon" href="icon.svg">
            <link data-trunk rel="copy-file" href="sw.js">
            <link data-trunk rel="copy-dir" href="lessons" data-target-path="learn">"#
        ));
        let index = Index::parse(&html).unwrap();
        assert_eq!(
            index.assets().cloned().collect::<Vec<_>>(),
            [
                Asset::Rust { bin: "app".into() },
                Asset::Css { href: "styles/page.css".into() },
                Asset::Icon { href: "icon.svg".into() },
                Asset::File { href: "sw.js".into(), to: String::new() },
                Asset::Dir { href: "lessons".into(), to: "learn".into() },
            ]
        );
    }

    #[test]
    fn elements_are_replaced_where_they_stand() {
        let html = page(&format!(r#"<link data-trunk rel="css" href="a/b.css"/><i>{APP}</i>"#));
        let done = Index::parse(&html).unwrap().render();
        assert!(done.contains(r#"<head><link rel="stylesheet" href="./b.css"/><i></i></head>"#));
    }

    #[test]
    fn comments_and_scripts_are_no_elements() {
        let quiet =
            r#"<!-- <link data-trunk rel="sass"> --><script>"<link data-trunk rel=x"</script>"#;
        let html = page(&format!("{quiet}{APP}"));
        assert_eq!(Index::parse(&html).unwrap().assets().count(), 1);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let with = |element: &str| error(&format!("{APP}{element}"));
        assert!(with(r#"<link data-trunk rel="sass" href="a">"#).contains(r#"rel="sass""#));
        assert!(with(r#"<link data-trunk rel="css">"#).contains("needs an href"));
        assert!(with(r#"<link data-trunk rel="css" href="a" data-x>"#).contains("data-x"));
        assert!(with(r#"<script data-trunk src="a"></script>"#).contains("only <link"));
        assert!(with(r#"<base data-trunk-public-url>"#).contains("data-trunk-public-url"));
        assert!(with(r#"<link data-trunk rel="css" href=a>"#).contains("no quotes"));
        assert!(with(r#"<link data-trunk rel="css" href="a"#).contains("no end"));
        assert!(with("<!-- ").contains("no end"));
        assert!(error(&APP.replace(r#"profile="web""#, "")).contains("data-cargo-profile is web"));
        assert!(error(&APP.replace("worker", "main")).contains("data-type is worker"));
        assert!(error(&APP.replace(r#"target="web""#, "")).contains("data-bindgen-target is web"));
        assert!(error(&APP.replace("/>", r#" data-wasm-opt="z"/>"#)).contains("wasm-opt"));
    }
}
