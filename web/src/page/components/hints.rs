//! Something to do for those who are here for the first time.

use yew::prelude::*;

use crate::i18n::t;
use crate::state::Action;

/// Lines to try, under what they show.
const EXAMPLES: [(&str, &[&str]); 4] = [
    ("Keep a value", &["SET name ada", "GET name"]),
    ("Count", &["INCR visits", "INCRBY visits 10"]),
    ("A queue", &["RPUSH tasks wash dry fold", "LPOP tasks", "LRANGE tasks 0 -1"]),
    ("Let it expire", &["SET code 4711 EX 60", "TTL code"]),
];

/// Examples that run in pane `pane` when they are clicked.
pub(crate) fn hints(pane: u32, dispatch: &Callback<Action>) -> Html {
    let run = |line: &'static str| {
        let onclick = dispatch.reform(move |_: MouseEvent| Action::Run(pane, line.to_owned()));
        html! { <button type="button" class="example" {onclick}>{ line }</button> }
    };
    let example = |(title, lines): &(&'static str, &'static [&'static str])| {
        html! { <><dt>{ t(title) }</dt><dd>{ for lines.iter().map(|line| run(line)) }</dd></> }
    };
    let two = dispatch.reform(move |_: MouseEvent| Action::TwoClients(pane));
    let learn = dispatch.reform(|_: MouseEvent| Action::Studio("tutorial"));
    let examples = dispatch.reform(|_: MouseEvent| Action::Studio("keys examples"));
    let close = dispatch.reform(|_: MouseEvent| Action::ToggleHints);
    html! {
        <section class="hints" aria-label={t("Examples")}>
            <div class="hints-bar">
                <p>{ t("This is a whole engine, and it is yours: nothing leaves this tab. Click a line to run it, or type your own.") }</p>
                <button type="button" class="quiet" onclick={close} aria-label={t("Hide the examples")}>{ t("Hide") }</button>
            </div>
            <dl>
                { for EXAMPLES.iter().map(example) }
                <dt>{ t("Two clients") }</dt>
                <dd><button type="button" class="example" onclick={two}>{ "BLPOP jobs 0" }</button>
                    <span>{ t("waits here until the second pane pushes a job") }</span></dd>
                <dt>{ t("Learn it all") }</dt>
                <dd><button type="button" class="example" onclick={learn}>{ "TUTORIAL" }</button>
                    <span>{ t("a course with exercises, from the first key on") }</span></dd>
                <dt>{ t("Data") }</dt>
                <dd><button type="button" class="example" onclick={examples}>{ t("Make example keys") }</button></dd>
            </dl>
        </section>
    }
}
