//! A pane: its name, what it has shown, and the line that is being typed.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};
use yew::prelude::*;

use super::hints::hints;
use super::log::LogView;
use crate::state::Action;
use crate::terminal::Pane;

/// How near to its end a pane is scrolled to follow what comes, in pixels.
const NEAR_END_PX: i32 = 40;

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
    let name = AttrValue::from(format!("Connection {id}"));
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
        use_effect(move || {
            if let Some(element) = scroll.cast::<Element>().filter(|_| *follows.borrow()) {
                element.set_scroll_top(element.scroll_height());
            }
        });
    }
    html! {
        <section class="pane" role="group" aria-label={&name}>
            { bar(pane, props.alone, &props.dispatch) }
            <div class="scroll" ref={scroll} {onscroll} onclick={focus_on_click(id)}>
                if props.hints {
                    { hints(id, &props.dispatch) }
                }
                <LogView name={&name} log={pane.log.clone()} />
                { for pane.queue.iter().map(queued) }
                { line(pane, &props.dispatch) }
            </div>
        </section>
    }
}

/// A line that waits for its turn.
fn queued(line: &String) -> Html {
    html! { <pre class="block queued"><span class="prompt">{ "next> " }</span>{ line }</pre> }
}

/// A click beside the text puts the caret into the line; one that selects text does not.
fn focus_on_click(pane: u32) -> Callback<MouseEvent> {
    Callback::from(move |event: MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let on_control =
            target.is_some_and(|it| matches!(it.closest("button, input, a"), Ok(Some(_))));
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

fn is_text_selected() -> bool {
    let selection = web_sys::window().and_then(|window| window.get_selection().ok().flatten());
    selection.is_some_and(|selection| !selection.is_collapsed())
}

/// The pane's name, and what can be done to it.
fn bar(pane: &Pane, alone: bool, dispatch: &Callback<Action>) -> Html {
    let id = pane.id;
    let on = |action: Action| dispatch.reform(move |_: MouseEvent| action.clone());
    let (busy, stop) = if pane.session().is_waiting() {
        (true, "Stop waiting")
    } else {
        (pane.is_busy(), "Stop listening")
    };
    html! {
        <div class="pane-bar">
            <h2>{ format!("Connection {id}") }</h2>
            if pane.session().is_resp3() {
                <span class="badge">{ "RESP3" }</span>
            }
            <div class="tools">
                if busy {
                    <button type="button" class="stop" title="Ctrl-C"
                        onclick={on(Action::Interrupt(id))}>{ stop }</button>
                }
                if !alone {
                    <button type="button" class="quiet" aria-label={format!("Close pane {id}")}
                        onclick={on(Action::ClosePane(id))}>{ "Close" }</button>
                }
            </div>
        </div>
    }
}

/// The prompt and the line that is being typed.
fn line(state: &Pane, dispatch: &Callback<Action>) -> Html {
    let pane = state.id;
    let id = format!("line-{pane}");
    let later = state.session().is_waiting().then_some("later");
    let oninput = dispatch.reform(move |event: InputEvent| {
        let input = event.target().and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
        Action::Typed(pane, input.map(|input| input.value()).unwrap_or_default())
    });
    let onsubmit = dispatch.reform(move |event: SubmitEvent| {
        event.prevent_default();
        Action::Submit(pane)
    });
    let onkeydown = {
        let dispatch = dispatch.clone();
        Callback::from(move |event: KeyboardEvent| {
            if let Some(action) = key(&event, pane) {
                event.prevent_default();
                dispatch.emit(action);
            }
        })
    };
    let onpaste = {
        let dispatch = dispatch.clone();
        Callback::from(move |event: Event| {
            let Some(event) = event.dyn_ref::<web_sys::ClipboardEvent>() else { return };
            let text = event.clipboard_data().and_then(|data| data.get_data("text").ok());
            // One line is for the browser to insert, where the caret is.
            if let Some(text) = text.filter(|text| text.contains('\n')) {
                event.prevent_default();
                dispatch.emit(Action::Paste(pane, text));
            }
        })
    };
    html! {
        <form class={classes!("line", later)} {onsubmit}>
            <label class="prompt" for={id.clone()}>{ state.prompt() }</label>
            <input {id} type="text" value={state.input.clone()} aria-label="Redis command"
                autocapitalize="off" autocomplete="off" autocorrect="off" spellcheck="false"
                enterkeyhint="send" {oninput} {onkeydown} {onpaste} />
        </form>
    }
}

/// What a key does in the line, apart from typing.
fn key(event: &KeyboardEvent, pane: u32) -> Option<Action> {
    if event.is_composing() || event.alt_key() || event.meta_key() {
        return None;
    }
    match (event.ctrl_key(), event.key().as_str()) {
        (false, "ArrowUp") | (true, "p") => Some(Action::Older(pane)),
        (false, "ArrowDown") | (true, "n") => Some(Action::Newer(pane)),
        (true, "c") if !is_text_selected() && !is_input_selected(event) => {
            Some(Action::Interrupt(pane))
        }
        (true, "l") => Some(Action::Clear(pane)),
        _ => None,
    }
}

/// Whether part of the line is selected, which no `Selection` tells.
fn is_input_selected(event: &KeyboardEvent) -> bool {
    let input = event.target().and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
    input.is_some_and(|input| input.selection_start().ok() != input.selection_end().ok())
}
