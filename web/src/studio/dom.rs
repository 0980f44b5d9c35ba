//! Small things that every view needs of the browser.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::{
    Element, Event, HtmlElement, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement,
};
use yew::prelude::*;

use super::client::Client;
use super::desk::Desk;
use super::value::text::grouped;

/// A client that is the same only if it is the very same one.
#[derive(Clone)]
pub(crate) struct Handle(pub(crate) Rc<Client>);

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// What a field holds that an event comes from: a line, a text, or a choice.
pub(crate) fn value(event: &Event) -> String {
    let Some(target) = event.target() else { return String::new() };
    if let Some(input) = target.dyn_ref::<HtmlInputElement>() {
        input.value()
    } else if let Some(area) = target.dyn_ref::<HtmlTextAreaElement>() {
        area.value()
    } else if let Some(select) = target.dyn_ref::<HtmlSelectElement>() {
        select.value()
    } else {
        String::new()
    }
}

/// So many of something: `one` if it is one, and otherwise `many`, in which `{}` stands for the number.
pub(crate) fn counted(count: u64, one: AttrValue, many: &AttrValue) -> AttrValue {
    if count == 1 { one } else { many.replacen("{}", &grouped(count), 1).into() }
}

/// The element that is a pane, unless it was closed.
fn pane(pane: u32) -> Option<Element> {
    let line = web_sys::window()?.document()?.get_element_by_id(&format!("line-{pane}"))?;
    line.closest(".pane").ok()?
}

/// All that a pane shows.
pub(crate) fn pane_text(number: u32) -> String {
    let log = pane(number)
        .and_then(|pane| pane.query_selector("[role=log]").ok().flatten())
        .and_then(|log| log.dyn_into::<HtmlElement>().ok());
    log.map(|log| format!("{}\n", log.inner_text().trim_end())).unwrap_or_default()
}

/// What a pane is called: its title if it was given one, or what its bar has behind "Connection".
pub(crate) fn pane_name(desk: &Desk, number: u32) -> String {
    let title = pane(number).and_then(|pane| pane.get_attribute("data-title"));
    let name = || desk.place(number).map(|place| place.name);
    title
        .filter(|title| !title.is_empty())
        .or_else(|| name().filter(|name| !name.is_empty()))
        .unwrap_or_else(|| number.to_string())
}

#[wasm_bindgen]
extern "C" {
    /// Offers bytes or a text to the person as a file of this name.
    #[wasm_bindgen(js_namespace = redstart)]
    pub(crate) fn save(name: &str, content: &JsValue);
}

/// Milliseconds since the page was opened, for measuring.
pub(crate) fn clock_ms() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |clock| clock.now())
}

/// Where an element was clicked: 0 to 1 from its left, and from its top.
pub(crate) fn place(event: &MouseEvent) -> Option<(f64, f64)> {
    let area = event.current_target()?.dyn_into::<Element>().ok()?.get_bounding_client_rect();
    let x = (f64::from(event.client_x()) - area.left()) / area.width();
    let y = (f64::from(event.client_y()) - area.top()) / area.height();
    Some((x.clamp(0.0, 1.0), y.clamp(0.0, 1.0)))
}

/// Puts the focus on an element.
pub(crate) fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        let _ = element.focus();
    }
}

/// The element that has the focus.
pub(crate) fn active() -> Option<Element> {
    web_sys::window()?.document()?.active_element()
}

/// Takes the focus out of a form that is about to go away, if it is in one that `css` selects; what the form
/// stands in. WebKitGTK with assistive technology ends the tab where a focused field is removed from a `dl`.
pub(crate) fn leave(css: &str) -> Option<Element> {
    let active = active()?;
    let form = active.closest(css).ok().flatten()?;
    if let Some(field) = active.dyn_ref::<HtmlElement>() {
        let _ = field.blur();
    }
    form.parent_element()
}

/// Puts the focus on the first thing in `place` that opens a form, unless it is somewhere already.
pub(crate) fn come_back(place: &Element) {
    let is_somewhere = active().is_some_and(|active| active.tag_name() != "BODY");
    let opener = place.query_selector("button:not(.back)").ok().flatten();
    if let Some(opener) =
        opener.filter(|_| !is_somewhere).and_then(|it| it.dyn_into::<HtmlElement>().ok())
    {
        let _ = opener.focus();
    }
}

/// A choice of one of several; `choose` gets its value.
pub(crate) fn select(
    label: AttrValue,
    chosen: &str,
    options: impl Iterator<Item = (String, AttrValue)>,
    choose: Callback<String>,
) -> Html {
    let option = |(value, text): (String, AttrValue)| {
        let selected = value == chosen;
        html! { <option {value} {selected}>{ text }</option> }
    };
    let onchange = Callback::from(move |event: Event| choose.emit(value(&event)));
    html! { <select aria-label={label} {onchange}>{ for options.map(option) }</select> }
}

/// A row of buttons of which one is pressed; `choose` gets its number.
pub(crate) fn choices(
    label: AttrValue,
    texts: impl Iterator<Item = AttrValue>,
    chosen: usize,
    choose: Callback<usize>,
) -> Html {
    let button = |(index, text): (usize, AttrValue)| {
        let onclick = choose.reform(move |_: MouseEvent| index);
        let pressed = (index == chosen).to_string();
        html! { <button type="button" aria-pressed={pressed} {onclick}>{ text }</button> }
    };
    html! {
        <div class="choices" role="group" aria-label={label}>{ for texts.enumerate().map(button) }</div>
    }
}
