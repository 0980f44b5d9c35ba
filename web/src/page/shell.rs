//! The other side of `shell.js`: what was there before this program, and stays if it fails.

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{HtmlInputElement, Worker};

#[wasm_bindgen]
extern "C" {
    /// Shows that something has failed; the first failure stays.
    #[wasm_bindgen(js_namespace = redstart)]
    pub(super) fn fail(what: &str);

    /// The worker, started if there is none.
    #[wasm_bindgen(js_namespace = redstart)]
    pub(super) fn worker() -> Worker;

    /// What the worker has said before anybody listened.
    #[wasm_bindgen(js_namespace = redstart)]
    pub(super) fn messages() -> js_sys::Array;

    /// Whether a server serves the page (1), or did and its data is in the tab now (2).
    #[wasm_bindgen(js_namespace = redstart)]
    pub(super) fn served() -> u8;

    /// Shows what can be done about that.
    #[wasm_bindgen(js_namespace = redstart, js_name = showServer)]
    pub(super) fn show_server();

    /// Has several panes arranged, from now on.
    #[wasm_bindgen(js_namespace = redstart)]
    pub(super) fn arrange();

    #[wasm_bindgen(js_namespace = redstart)]
    fn lines() -> js_sys::Array;

    #[wasm_bindgen(js_namespace = redstart, js_name = keepFiles)]
    fn keep_files(names: &str);
}

/// Has the bundle kept for when there is no network.
pub(super) fn keep() {
    keep_files(include_str!(concat!(env!("OUT_DIR"), "/files.txt")));
}

/// What was done in the page before this program ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Early {
    /// Lines that were entered.
    pub(super) lines: Vec<String>,
    /// What was being typed.
    pub(super) typed: String,
    /// Whether the caret was in the line.
    pub(super) focused: bool,
}

impl Early {
    pub(super) fn take() -> Self {
        let lines = lines().iter().filter_map(|line| line.as_string()).collect();
        let document = web_sys::window().and_then(|window| window.document());
        let input = document
            .as_ref()
            .and_then(|document| document.get_element_by_id("shell-line"))
            .and_then(|input| input.dyn_into::<HtmlInputElement>().ok());
        let active = document.and_then(|document| document.active_element());
        Self {
            lines,
            typed: input.as_ref().map(HtmlInputElement::value).unwrap_or_default(),
            focused: active.is_some_and(|active| active.id() == "shell-line"),
        }
    }
}
