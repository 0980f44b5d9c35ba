//! A pane: its name, what can be done to it, and what it has shown.

use redstart::resp::Output;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::hints::hints;
use super::line::{LineView, is_text_selected, key_row};
use super::log::LogView;
use crate::i18n::{t, t1};
use crate::state::Action;
use crate::terminal::Pane;

/// How near to its end a pane is scrolled to follow what comes, in pixels.
const NEAR_END_PX: i32 = 40;

/// How many lines are shown that wait for their turn.
const QUEUED_MAX: usize = 8;

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    pub(crate) pane: Pane,
    /// Whether it is the only one.
    pub(crate) alone: bool,
    /// Whether examples are shown in it.
    pub(crate) hints: bool,
    pub(crate) dispatch: Callback<Action>,
}

#[component]
pub(crate) fn PaneView(props: &Props) -> Html {
    let pane = &props.pane;
    let id = pane.id;
    let name = title(pane);
    let waiting = pane.queue.waiting();
    let scroll = use_node_ref();
    let follows = use_mut_ref(|| true);
    let onscroll = {
        let follows = follows.clone();
        Callback::from(move |event: Event| {
            if let Some(element) = event.target().and_then(|it| it.dyn_into::<Element>().ok()) {
                let below =
                    element.scroll_height() - element.scroll_top() - element.client_height();
                *follows.borrow_mut() = below < NEAR_END_PX;
            }
        })
    };
    {
        let scroll = scroll.clone();
        // Who is here for the first time begins to read at the top.
        let is_new = props.hints && pane.log.blocks().next().is_none();
        use_effect(move || {
            let follows = !is_new && *follows.borrow();
            if let Some(element) = scroll.cast::<Element>().filter(|_| follows) {
                element.set_scroll_top(element.scroll_height());
            }
        });
    }
    html! {
        <section class="pane" role="group" aria-label={&name} data-title={pane.title.clone()}>
            { bar(pane, props.alone, &props.dispatch) }
            <div class="scroll" ref={scroll} {onscroll} onclick={focus_on_click(id)}>
                if props.hints {
                    { hints(id, &props.dispatch) }
                }
                <LogView name={&name} log={pane.log.clone()} />
                { for waiting.iter().take(QUEUED_MAX).map(queued) }
                if waiting.len() > QUEUED_MAX {
                    <p class="block queued">{ t1("{} lines wait", &waiting.len().to_string()) }</p>
                }
                <LineView pane={pane.clone()} dispatch={props.dispatch.clone()} />
            </div>
            { key_row(pane, &props.dispatch) }
        </section>
    }
}

/// The pane's name.
fn title(pane: &Pane) -> AttrValue {
    if !pane.title.is_empty() {
        return AttrValue::from(pane.title.clone());
    }
    if pane.name.is_empty() {
        return t1("Connection {}", &pane.id.to_string());
    }
    t1("Connection {}", &pane.name)
}

/// A line that waits for its turn.
fn queued(line: &String) -> Html {
    html! { <pre class="block queued"><span class="prompt">{ "next> " }</span>{ line }</pre> }
}

/// A click beside the text puts the caret into the line; one that selects text does not.
fn focus_on_click(pane: u32) -> Callback<MouseEvent> {
    Callback::from(move |event: MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let on_control = target
            .is_some_and(|it| matches!(it.closest("button, input, select, a, li"), Ok(Some(_))));
        if on_control || is_text_selected() {
            return;
        }
        let line = web_sys::window()
            .and_then(|window| window.document())
            .and_then(|document| document.get_element_by_id(&format!("line-{pane}")))
            .and_then(|line| line.dyn_into::<HtmlInputElement>().ok());
        if let Some(line) = line {
            let _ = line.focus();
        }
    })
}

/// The pane's name, and what can be done to it.
fn bar(pane: &Pane, alone: bool, dispatch: &Callback<Action>) -> Html {
    let id = pane.id;
    let name = title(pane);
    let on = |action: Action| dispatch.reform(move |_: MouseEvent| action.clone());
    let (busy, stop) = if pane.session().is_waiting() {
        (true, t("Stop waiting"))
    } else {
        (pane.is_busy(), t("Stop listening"))
    };
    html! {
        <div class="pane-bar">
            <h2>{ &name }</h2>
            <div class="tools">
                { protocol(pane, dispatch) }
                { output(pane, dispatch) }
                // On a phone there is not room for everything; the view of time has it too.
                <button type="button" class={if alone && !busy { "quiet" } else { "quiet wide" }}
                    onclick={on(Action::Studio("time share"))}>{ t("Share") }</button>
                if busy {
                    <button type="button" class="stop" title="Ctrl-C"
                        onclick={on(Action::Interrupt(id))}>{ stop }</button>
                }
                // What it opens is in panes.js.
                <button type="button" class="quiet more" aria-haspopup="menu"
                    aria-label={t1("Arrange {}", &name)}>{ "⋯" }</button>
                if !alone {
                    <button type="button" class="quiet close" aria-label={t1("Close {}", &name)}
                        onclick={on(Action::ClosePane(id))}>{ "×" }</button>
                }
            </div>
        </div>
    }
}

/// Which protocol the connection speaks; a click speaks the other.
fn protocol(pane: &Pane, dispatch: &Callback<Action>) -> Html {
    let id = pane.id;
    let (name, other) = match pane.session().is_resp3() {
        true => ("RESP3", "HELLO 2"),
        false => ("RESP2", "HELLO 3"),
    };
    let onclick = dispatch.reform(move |_: MouseEvent| Action::Run(id, other.to_owned()));
    html! {
        <button type="button" class="quiet wide" title={t1("Switch with {}", other)} {onclick}>{ name }</button>
    }
}

/// How replies are printed.
fn output(pane: &Pane, dispatch: &Callback<Action>) -> Html {
    let id = pane.id;
    let onchange = dispatch.reform(move |event: Event| {
        let select = event.target().and_then(|it| it.dyn_into::<HtmlSelectElement>().ok());
        let name = select.map(|select| select.value()).unwrap_or_default();
        Action::SetOutput(id, Output::named(name.as_bytes()).unwrap_or_default())
    });
    let option = |output: Output| {
        let selected = pane.output == output;
        html! { <option value={output.name()} {selected}>{ output.name() }</option> }
    };
    html! {
        <select aria-label={t("How replies are printed")} title={t("How replies are printed")} {onchange}>
            { for Output::ALL.into_iter().map(option) }
        </select>
    }
}
