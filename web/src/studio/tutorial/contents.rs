//! The table of contents: what lessons there are, and how far one has come in each.

use yew::prelude::*;

use super::progress::Progress;
use crate::i18n::{t, t1};

/// A lesson as the contents list it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The file's name without its ending.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) steps: usize,
}

/// All lessons by language; the build reads them from the files.
const LESSONS: &[(&str, &[Entry])] = include!(concat!(env!("OUT_DIR"), "/contents.rs"));

/// The lessons in a language, or in English if there are none in it.
pub(super) fn lessons(language: &str) -> &'static [Entry] {
    let find = |code: &str| LESSONS.iter().find(|(other, _)| *other == code);
    find(language).or_else(|| find("en")).map_or(&[], |(_, lessons)| lessons)
}

/// The course at a glance. `open` is called with a lesson's place.
pub(super) fn contents(
    lessons: &'static [Entry],
    progress: &Progress,
    current: Option<usize>,
    open: &Callback<usize>,
) -> Html {
    let all: usize = lessons.iter().map(|entry| entry.steps).sum();
    let done: usize = lessons.iter().map(|entry| progress.count(entry.name, entry.steps)).sum();
    let begun = current.unwrap_or(0);
    let start = open.reform(move |_: MouseEvent| begun);
    html! {
        <div class="contents">
            <h2 tabindex="-1" id="step-title">{ t("Learn Redis by doing") }</h2>
            <p>{ t("Short lessons, each in an engine of its own: nothing you try here touches your data. Read, click a command to run it or type your own, and reach the goal of each step.") }</p>
            <p class="contents-start">
                <button type="button" class="main" onclick={start}>
                    { if done == 0 { t("Start with the first lesson") } else { t1("Go on with lesson {}", &(begun + 1).to_string()) } }
                </button>
                <span>{ t("{} of {} steps done").replacen("{}", &done.to_string(), 1).replacen("{}", &all.to_string(), 1) }</span>
            </p>
            <ol>
                { for lessons.iter().enumerate().map(|(index, entry)| line(index, entry, progress, current, open)) }
            </ol>
        </div>
    }
}

fn line(
    index: usize,
    entry: &Entry,
    progress: &Progress,
    current: Option<usize>,
    open: &Callback<usize>,
) -> Html {
    let done = progress.count(entry.name, entry.steps);
    let onclick = open.reform(move |_: MouseEvent| index);
    let state = match done {
        0 => "new",
        done if done == entry.steps => "done",
        _ => "begun",
    };
    let is_current = (current == Some(index)).then_some("step");
    html! {
        <li>
            <button type="button" {onclick} data-state={state} aria-current={is_current}>
                <span class="number">{ index + 1 }</span>
                <span class="title">{ entry.title }</span>
                <span class="count">{ match state {
                    "done" => AttrValue::Static("✓"),
                    _ => AttrValue::from(format!("{done}/{}", entry.steps)),
                } }</span>
            </button>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lessons_are_listed_in_every_language() {
        let (english, chinese) = (lessons("en"), lessons("zh"));
        assert!(english.len() > 9 && english.len() == chinese.len());
        for (one, other) in english.iter().zip(chinese) {
            assert_eq!((one.name, one.steps), (other.name, other.steps));
        }
        assert_eq!(lessons("xx"), english);
    }
}
