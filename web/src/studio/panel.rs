//! The panel: its tabs, its size, and whether it is seen.

use wasm_bindgen::prelude::*;
use web_sys::{Element, KeyboardEvent, PointerEvent, ScrollIntoViewOptions, ScrollLogicalPosition};
use yew::prelude::*;

use super::desk::{Desk, Listening};
use super::{VIEWS, ViewProps, element, studio_ready};
use crate::bridge::{self, Ask, Told};
use crate::i18n::{self, t};
use crate::keep;

/// The panel's width when it is first seen, the least, and how far an arrow key moves its edge, in
/// CSS pixels.
const WIDTH_PX: i32 = 440;
const WIDTH_PX_MIN: i32 = 280;
const STEP_PX: i32 = 24;

/// What a view is asked to do by a button that hides it too.
const TOGGLE: &str = "toggle";

/// Room that the panes keep, in CSS pixels.
const PANES_PX_MIN: i32 = 320;

pub(super) struct Panel {
    desk: Desk,
    view: usize,
    /// Views that have been seen.
    seen: Vec<bool>,
    wishes: Vec<(u32, AttrValue)>,
    is_shown: bool,
    is_tall: bool,
    width_px: i32,
    _listening: Listening,
}

pub(super) enum Msg {
    /// A view is asked for, with what it is to do; see [`bridge::studio`].
    Show(String),
    /// A tab is chosen.
    Choose(usize),
    /// Another tab, so many to the right, by the keyboard.
    Move(isize),
    Close,
    /// A sheet on a phone takes the whole height, or half.
    Stretch,
    /// The edge is moved to where the panel is so wide.
    Resize(i32),
    Told(std::rc::Rc<Told>),
    /// The page's language has changed.
    Spoken,
}

impl Component for Panel {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let desk = Desk::open();
        let listening = desk.listen(ctx.link().callback(Msg::Told));
        let show = {
            let link = ctx.link().clone();
            Closure::<dyn FnMut(String)>::new(move |view| link.send_message(Msg::Show(view)))
        };
        let wanted = studio_ready(show.as_ref());
        show.forget();
        ctx.link().send_message(Msg::Show(if wanted.is_empty() { " ".to_owned() } else { wanted }));
        let width_px = keep::get("studio.width").and_then(|px| px.parse().ok());
        let count = VIEWS.len();
        Self {
            desk,
            view: 0,
            seen: vec![false; count],
            wishes: vec![(0, AttrValue::Static("")); count],
            is_shown: false,
            is_tall: false,
            width_px: width_px.unwrap_or(WIDTH_PX),
            _listening: listening,
        }
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Show(what) => {
                let (name, wish) = what.split_once(' ').unwrap_or((&what, ""));
                let index = VIEWS.iter().position(|view| view.name == name).unwrap_or(self.view);
                if wish == TOGGLE {
                    if self.is_shown && self.view == index {
                        self.close();
                        return true;
                    }
                } else if let Some(slot) = self.wishes.get_mut(index).filter(|_| !wish.is_empty()) {
                    *slot = (slot.0 + 1, AttrValue::from(wish.trim().to_owned()));
                }
                self.show(index);
            }
            Msg::Choose(index) => self.show(index),
            Msg::Move(by) => {
                let count = VIEWS.len() as isize;
                self.show((self.view as isize + by).rem_euclid(count) as usize);
                focus(&format!("tab-{}", VIEWS[self.view].name));
            }
            Msg::Close => {
                self.close();
                bridge::ask(&Ask::Focus(bridge::Place::default()));
            }
            Msg::Stretch => self.is_tall = !self.is_tall,
            Msg::Resize(width_px) => {
                let window = web_sys::window().and_then(|window| window.inner_width().ok());
                let all = window.and_then(|px| px.as_f64()).unwrap_or(0.0) as i32;
                let most = (all - PANES_PX_MIN).max(WIDTH_PX_MIN);
                self.width_px = width_px.clamp(WIDTH_PX_MIN, most);
                self.place();
                keep::set("studio.width", &self.width_px.to_string());
            }
            Msg::Told(told) => {
                if *told == Told::Language {
                    let link = ctx.link().clone();
                    wasm_bindgen_futures::spawn_local(async move {
                        i18n::load().await;
                        link.send_message(Msg::Spoken);
                    });
                }
                return false;
            }
            // The views are made anew; what they were asked for is done.
            Msg::Spoken => {
                for (_, wish) in &mut self.wishes {
                    *wish = AttrValue::Static("");
                }
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let stretch = if self.is_tall { t("Make it smaller") } else { t("Make it larger") };
        html! {
            <>
                { self.edge(ctx) }
                <div class="studio-bar">
                    { self.tabs(ctx) }
                    <button type="button" class="quiet icon stretch" aria-label={stretch}
                        aria-expanded={self.is_tall.to_string()} onclick={link.callback(|_| Msg::Stretch)}>
                        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
                            <path d={if self.is_tall { "M4 6l4 4 4-4" } else { "M4 10l4-4 4 4" }} />
                        </svg>
                    </button>
                    <button type="button" class="quiet icon" aria-label={t("Close the panel")}
                        onclick={link.callback(|_| Msg::Close)}>
                        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
                            <path d="M4 4l8 8M12 4l-8 8" />
                        </svg>
                    </button>
                </div>
                <div class="views" key={i18n::language()}>
                    { for (0..VIEWS.len()).filter(|index| self.seen[*index]).map(|index| self.page(index)) }
                </div>
            </>
        }
    }

    fn rendered(&mut self, _: &Context<Self>, _: bool) {
        let Some(panel) = element() else { return };
        let _ = panel.toggle_attribute_with_force("hidden", !self.is_shown);
        let _ = panel.toggle_attribute_with_force("data-tall", self.is_tall);
        let _ = panel.set_attribute("aria-label", &t("Panel"));
        self.place();
        // On a phone there is not room for all tabs.
        if let Ok(Some(tab)) = panel.query_selector("[role=tab][aria-selected=true]") {
            let nearest = ScrollIntoViewOptions::new();
            nearest.set_block(ScrollLogicalPosition::Nearest);
            nearest.set_inline(ScrollLogicalPosition::Nearest);
            tab.scroll_into_view_with_scroll_into_view_options(&nearest);
        }
    }
}

impl Panel {
    fn show(&mut self, index: usize) {
        self.view = index;
        self.seen[index] = true;
        self.is_shown = true;
        keep::set("studio", VIEWS[index].name);
    }

    fn close(&mut self) {
        self.is_shown = false;
        keep::set("studio", "");
    }

    /// Puts the panel's edge where it belongs, as far as there is room.
    fn place(&self) {
        let width_px = self.width_px;
        // A window that is made narrow for a while does not make it forget its width.
        let room = format!("max({WIDTH_PX_MIN}px, 100vw - {PANES_PX_MIN}px)");
        if let Some(panel) = element() {
            let _ = panel.set_attribute("style", &format!("--width: min({width_px}px, {room})"));
        }
    }

    /// The edge between panes and panel, which can be moved.
    fn edge(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let width_px = self.width_px;
        let onpointerdown = Callback::from(|event: PointerEvent| {
            let edge = event.target().and_then(|it| it.dyn_into::<Element>().ok());
            if let Some(edge) = edge {
                let _ = edge.set_pointer_capture(event.pointer_id());
            }
        });
        let onpointermove = link.batch_callback(|event: PointerEvent| {
            let all = web_sys::window()?.inner_width().ok()?.as_f64()? as i32;
            (event.buttons() & 1 == 1).then(|| Msg::Resize(all - event.client_x()))
        });
        let onkeydown =
            link.batch_callback(move |event: KeyboardEvent| match event.key().as_str() {
                "ArrowLeft" => Some(Msg::Resize(width_px + STEP_PX)),
                "ArrowRight" => Some(Msg::Resize(width_px - STEP_PX)),
                _ => None,
            });
        html! {
            <div class="studio-edge" role="separator" aria-orientation="vertical" tabindex="0"
                aria-label={t("Width of the panel")} aria-valuenow={width_px.to_string()}
                {onpointerdown} {onpointermove} {onkeydown}></div>
        }
    }

    fn tabs(&self, ctx: &Context<Self>) -> Html {
        let onkeydown =
            ctx.link().batch_callback(|event: KeyboardEvent| match event.key().as_str() {
                "ArrowLeft" => Some(Msg::Move(-1)),
                "ArrowRight" => Some(Msg::Move(1)),
                _ => None,
            });
        let tab = |(index, view): (usize, &super::View)| {
            let onclick = ctx.link().callback(move |_| Msg::Choose(index));
            let is_chosen = index == self.view;
            html! {
                <button type="button" role="tab" id={format!("tab-{}", view.name)} {onclick}
                    aria-selected={is_chosen.to_string()} aria-controls={format!("view-{}", view.name)}
                    tabindex={if is_chosen { "0" } else { "-1" }}>{ t(view.title) }</button>
            }
        };
        html! {
            <div class="tabs" role="tablist" aria-label={t("Views")} {onkeydown}>
                { for VIEWS.iter().enumerate().map(tab) }
            </div>
        }
    }

    fn page(&self, index: usize) -> Html {
        let view = &VIEWS[index];
        let is_seen = self.is_shown && index == self.view;
        let props =
            ViewProps { desk: self.desk.clone(), is_seen, wish: self.wishes[index].clone() };
        html! {
            <div class="view" role="tabpanel" key={view.name} id={format!("view-{}", view.name)}
                aria-labelledby={format!("tab-{}", view.name)} hidden={index != self.view}>
                { (view.draw)(props) }
            </div>
        }
    }
}

/// Puts the focus on the element of this id.
fn focus(id: &str) {
    let found = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(id))
        .and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(found) = found {
        let _ = found.focus();
    }
}
