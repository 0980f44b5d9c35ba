//! The studio: the panel beside the panes, with the tutorial and the views of the data.
//!
//! It is a program of its own, loaded when it is first used, and knows the engine only as any client
//! does: by connections ([`client`]), and by what it can have done with sandboxes ([`engine`]). What
//! happens in the panes it hears from the app, over the [`desk`]. A view is a component and one line
//! in [`VIEWS`].
//!
//! It must not name `redstart::commands` or anything that does (hints, completion, HELP): the table of
//! commands holds the engine, and the engine is in the other program already.

pub mod chart;
pub mod client;
pub mod desk;
pub(crate) mod dom;
pub mod engine;
pub mod exchange;
mod host;
pub mod journal;
pub mod keys;
pub mod lab;
pub mod log;
mod panel;
pub mod share;
mod stores;
pub mod structure;
#[cfg(test)]
mod testing;
pub mod time;
mod tutorial;
pub mod value;
pub mod wire;

use wasm_bindgen::prelude::*;
use yew::prelude::*;

use desk::Desk;

/// A view of the panel, which is a tab in it.
pub struct View {
    /// By what it is asked for: one word.
    pub name: &'static str,
    /// The tab's text, in English; see [`crate::i18n`].
    pub title: &'static str,
    /// Draws it. A view is drawn from when it is first seen on, and hidden when another is seen.
    pub draw: fn(ViewProps) -> Html,
}

/// What a view is given.
#[derive(Clone, PartialEq, Properties)]
pub struct ViewProps {
    /// What happens in the panes.
    pub desk: Desk,
    /// Whether it is seen.
    pub is_seen: bool,
    /// What it is to do, as it was typed behind its name, with a number that is another one each time.
    pub wish: (u32, AttrValue),
}

/// The views, in the order of their tabs.
pub const VIEWS: &[View] = &[
    View {
        name: "tutorial",
        title: "Tutorial",
        draw: |props| html! { <tutorial::Tutorial ..props /> },
    },
    View { name: "keys", title: "Keys", draw: |props| html! { <keys::view::Keys ..props /> } },
    View { name: "stores", title: "Stores", draw: |props| html! { <stores::Stores ..props /> } },
    View { name: "log", title: "Log", draw: |props| html! { <log::view::Log ..props /> } },
    View { name: "time", title: "Time", draw: |props| html! { <time::view::Time ..props /> } },
    View { name: "lab", title: "Eviction", draw: |props| html! { <lab::view::Lab ..props /> } },
    View { name: "wire", title: "Wire", draw: |props| html! { <wire::view::Wire ..props /> } },
];

/// Runs the studio's program.
pub fn start() {
    yew::set_custom_panic_hook(Box::new(|info| {
        // The panes and their data are another program's, and go on.
        if let Some(panel) = element() {
            panel.set_text_content(Some(&format!("This panel has stopped: {info}")));
        }
    }));
    wasm_bindgen_futures::spawn_local(async {
        crate::i18n::load().await;
        if let Some(panel) = element() {
            yew::Renderer::<panel::Panel>::with_root(panel).render();
        }
    });
}

/// The element in the page that is the panel.
fn element() -> Option<web_sys::Element> {
    web_sys::window()?.document()?.get_element_by_id("studio")
}

#[wasm_bindgen]
extern "C" {
    /// Says how the panel is shown from now on; returns the view that was asked for.
    #[wasm_bindgen(js_namespace = redstart, js_name = studioReady)]
    fn studio_ready(show: &JsValue) -> String;
}
