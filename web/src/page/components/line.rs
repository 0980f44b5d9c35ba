//! The line that is being typed: the prompt, the input, and what helps.
//!
//! The input is a plain text field. Its text is drawn by a layer below it, which can colour words
//! and show the hint behind them; the field's own text is transparent, its caret and selection are
//! not. So paste, selection, input methods and screen readers find what they expect.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};
use yew::prelude::*;

use crate::i18n::{t, t1};
use crate::state::Action;
use crate::terminal::Pane;
use crate::terminal::line::{Class, Line};

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    pub(crate) pane: Pane,
    pub(crate) dispatch: Callback<Action>,
}

#[component]
pub(crate) fn LineView(props: &Props) -> Html {
    let Props { pane, dispatch } = props;
    let id = pane.id;
    let (field, layer) = (use_node_ref(), use_node_ref());
    // The layer has to show the same part of a long line as the field does.
    let follow = {
        let (field, layer) = (field.clone(), layer.clone());
        move || {
            if let (Some(field), Some(layer)) = (field.cast::<Element>(), layer.cast::<Element>()) {
                layer.set_scroll_left(field.scroll_left());
            }
        }
    };
    use_effect({
        let follow = follow.clone();
        move || follow()
    });
    let onscroll = Callback::from(move |_: Event| follow());
    let onsubmit = dispatch.reform(move |event: SubmitEvent| {
        event.prevent_default();
        Action::Submit(id)
    });
    let later = pane.session().is_waiting().then_some("later");
    let (candidates, chosen) = pane.input.candidates();
    let hint = hint(pane);
    html! {
        <>
            <form class={classes!("line", later)} {onsubmit}>
                <label class="prompt" for={format!("line-{id}")}>{ prompt(pane) }</label>
                <div class="typing">
                    <div class="ink" aria-hidden="true" ref={layer}>{ ink(pane, &hint) }</div>
                    { text_field(pane, field, onscroll, dispatch) }
                </div>
            </form>
            // Where the screen is narrow, the hint stands here: behind the caret it would be cut off.
            <p class="hint-below" aria-hidden="true">{ hint }</p>
            if !candidates.is_empty() {
                { list(id, candidates, chosen, dispatch) }
            }
        </>
    }
}

fn prompt(pane: &Pane) -> String {
    match pane.input.search() {
        Some(_) => "(reverse-i-search) ".to_owned(),
        None => pane.prompt(),
    }
}

/// What is still to be typed, or in a search what was found.
fn hint(pane: &Pane) -> AttrValue {
    let text = pane.input.text();
    match pane.input.search() {
        Some(search) => match (&search.found, text) {
            (Some(found), _) => AttrValue::from(found.clone()),
            (None, "") => t("type a part of an earlier line"),
            (None, _) => t("no earlier line has this"),
        },
        None if pane.hides_hints => AttrValue::default(),
        None => AttrValue::from(Line::new(text).hint()),
    }
}

/// What the layer draws: the line in its colours, and behind it the hint.
fn ink(pane: &Pane, hint: &AttrValue) -> Html {
    let text = pane.input.text();
    let line = if pane.input.search().is_some() {
        html! { <>{ text }{ "  " }</> }
    } else {
        let part = |(class, part): (Class, &str)| {
            html! { <span class={class_name(class)}>{ part }</span> }
        };
        html! { <>{ for Line::new(text).classes().into_iter().map(part) }</> }
    };
    html! {
        <>
            { line }
            <span class="hint" id={format!("hint-{}", pane.id)}>{ hint }</span>
        </>
    }
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Plain => "plain",
        Class::Command => "command",
        Class::Token => "token",
        Class::Key => "key",
        Class::Number => "number",
        Class::Text => "text",
        Class::Wrong => "wrong",
    }
}

fn text_field(
    pane: &Pane,
    field: NodeRef,
    onscroll: Callback<Event>,
    dispatch: &Callback<Action>,
) -> Html {
    let id = pane.id;
    let oninput = dispatch.reform(move |event: InputEvent| {
        let input = event.target().and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
        Action::Typed(id, input.map(|input| input.value()).unwrap_or_default())
    });
    let is_searching = pane.input.search().is_some();
    let onkeydown = {
        let dispatch = dispatch.clone();
        Callback::from(move |event: KeyboardEvent| {
            // Where there is nothing to complete, Tab goes on to the next control, as everywhere. What
            // the field holds now is asked of it: a quick hand is ahead of what was drawn last.
            let field = event.target().and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
            let is_empty = field.is_some_and(|field| field.value().is_empty());
            let leaves = is_empty && !is_searching && event.key() == "Tab";
            if let Some(action) = key(&event, id).filter(|_| !leaves) {
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
                dispatch.emit(Action::Paste(id, text));
            }
        })
    };
    let (candidates, chosen) = pane.input.candidates();
    let list = (!candidates.is_empty()).then(|| format!("candidates-{id}"));
    let active = chosen.map(|index| format!("candidate-{id}-{index}"));
    html! {
        <input id={format!("line-{id}")} type="text" ref={field}
            value={pane.input.text().to_owned()} aria-label={t("Redis command")}
            aria-describedby={format!("hint-{id}")} aria-autocomplete="list"
            aria-controls={list} aria-activedescendant={active}
            autocapitalize="off" autocomplete="off" autocorrect="off" spellcheck="false"
            enterkeyhint="send" {oninput} {onkeydown} {onpaste} {onscroll} />
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
        (false, "Tab") => Some(Action::Complete(pane, event.shift_key())),
        (true, "r") => Some(Action::LookBack(pane)),
        (false, "Escape") | (true, "g") => Some(Action::Escape(pane)),
        (true, "c") if !is_text_selected() && !is_input_selected(event) => {
            Some(Action::Interrupt(pane))
        }
        (true, "l") => Some(Action::Clear(pane)),
        // Which would show the page's source otherwise.
        (true, "u") => Some(Action::Typed(pane, String::new())),
        _ => None,
    }
}

/// What can be put in the place of the last word.
fn list(
    id: u32,
    candidates: &[String],
    chosen: Option<usize>,
    dispatch: &Callback<Action>,
) -> Html {
    let option = |(index, text): (usize, &String)| {
        let is_chosen = chosen == Some(index);
        let onclick = dispatch.reform(move |_: MouseEvent| Action::Pick(id, index));
        html! {
            <li role="option" id={format!("candidate-{id}-{index}")} {onclick}
                onmousedown={keep_focus()} aria-selected={is_chosen.to_string()}>{ text }</li>
        }
    };
    html! {
        <ul class="candidates" role="listbox" id={format!("candidates-{id}")} aria-label={t("Completions")}>
            { for candidates.iter().enumerate().map(option) }
        </ul>
    }
}

/// Keys that a phone's keyboard has not, or hides.
pub(crate) fn key_row(pane: &Pane, dispatch: &Callback<Action>) -> Html {
    let id = pane.id;
    let quoted = Action::Typed(id, format!("{}\"", pane.input.text()));
    let keys: [(&str, AttrValue, Action); 6] = [
        ("Tab", t("Complete"), Action::Complete(id, false)),
        ("↑", t("Earlier line"), Action::Older(id)),
        ("↓", t("Later line"), Action::Newer(id)),
        ("^R", t("Search earlier lines"), Action::LookBack(id)),
        ("\"", t("Quotation mark"), quoted),
        ("^C", t("Interrupt"), Action::Interrupt(id)),
    ];
    let button = |(text, label, action): (&'static str, AttrValue, Action)| {
        let onclick = dispatch.reform(move |_: MouseEvent| action.clone());
        html! {
            <button type="button" aria-label={format!("{text}: {label}")} {onclick} onmousedown={keep_focus()}>{ text }</button>
        }
    };
    html! {
        <div class="keys" role="toolbar" aria-label={t1("Keys for connection {}", &id.to_string())}>
            { for keys.into_iter().map(button) }
        </div>
    }
}

/// A press on what belongs to the line leaves the caret in it, and a phone's keyboard open.
fn keep_focus() -> Callback<MouseEvent> {
    Callback::from(|event: MouseEvent| event.prevent_default())
}

/// Whether text of the page is selected, so that Ctrl-C is to copy it.
pub(crate) fn is_text_selected() -> bool {
    let selection = web_sys::window().and_then(|window| window.get_selection().ok().flatten());
    selection.is_some_and(|selection| !selection.is_collapsed())
}

/// Whether part of the line is selected, which no `Selection` tells.
fn is_input_selected(event: &KeyboardEvent) -> bool {
    let input = event.target().and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
    input.is_some_and(|input| input.selection_start().ok() != input.selection_end().ok())
}
