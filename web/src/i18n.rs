//! Texts in other languages.
//!
//! The English text is the key: [`t`] looks it up in the table of the page's language, which is a
//! JSON file in `static/i18n` and is loaded only by those who read it. So a language is added with a
//! file and a line in [`LANGUAGES`]; a test holds that every text of the programs is in every file.

use std::cell::RefCell;

use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use yew::AttrValue;

/// Languages by their code, in their own words; `shell.js` has the codes too.
pub const LANGUAGES: [(&str, &str); 2] = [("en", "English"), ("zh", "中文")];

#[wasm_bindgen]
extern "C" {
    /// The code of the page's language.
    #[wasm_bindgen(js_namespace = redstart, js_name = language)]
    fn js_language() -> String;

    /// Changes it and keeps that; the promise is fulfilled when its texts are there.
    #[wasm_bindgen(js_namespace = redstart, js_name = speak)]
    fn js_speak(code: &str) -> Promise;

    /// The promise of a table of texts, or of `undefined` for English.
    #[wasm_bindgen(js_namespace = redstart, js_name = texts)]
    fn js_texts() -> Promise;
}

thread_local! {
    /// The table, unless it is English.
    static TABLE: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

/// The code of the page's language.
pub fn language() -> String {
    js_language()
}

/// Waits for the texts of the page's language. If they cannot be had, it is English that is read.
pub async fn load() {
    let table = JsFuture::from(js_texts()).await.ok().filter(|table| table.is_object());
    TABLE.with(|slot| slot.replace(table));
}

/// Changes the page's language, for this visit and the next.
pub async fn speak(code: &str) {
    let _ = JsFuture::from(js_speak(code)).await;
    load().await;
}

/// `english` in the page's language. Where it has `{}`, the caller puts something.
pub fn t(english: &'static str) -> AttrValue {
    look_up(english).map_or(AttrValue::Static(english), AttrValue::from)
}

fn look_up(english: &str) -> Option<String> {
    TABLE.with(|table| Reflect::get(table.borrow().as_ref()?, &english.into()).ok()?.as_string())
}

/// What another program of the page has said, if it has a text for that.
pub fn told(english: &str) -> String {
    look_up(english).unwrap_or_else(|| english.to_owned())
}

/// `english` in the page's language, with `value` in the place of `{}`.
pub fn t1(english: &'static str, value: &str) -> AttrValue {
    let text = t(english);
    let (before, behind) = text.split_once('{').unwrap_or((&text, ""));
    AttrValue::from([before, value, behind.strip_prefix('}').unwrap_or(behind)].concat())
}
