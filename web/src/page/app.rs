//! The page's one component with state: it applies actions and performs effects.
//!
//! A component with messages rather than a reducer hook, because an action may ask for something to
//! be done (bytes to be sent), and that must happen exactly once and in order.

use gloo_timers::callback::Timeout;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::components::{PaneView, footer, header};
use super::connections::Connections;
use super::keep;
use super::shell::{self, Early};
use crate::bridge::{self, Told};
use crate::descriptions;
use crate::i18n;
use crate::state::{Action, Effect, KEY_FINDER, State};
use crate::terminal::Need;

#[derive(Clone, PartialEq, Properties)]
pub(super) struct Props {
    pub(super) early: Early,
}

pub(super) struct App {
    state: State,
    connections: Connections,
    /// The pane whose line gets the caret after the next drawing.
    focus: Option<u32>,
    /// When the page was last drawn because something had come.
    drawn_ms: f64,
    /// What has come since is drawn when this is over.
    later: Option<Timeout>,
}

/// What comes faster is drawn together: many replies to lines that were pasted, say.
const DRAW_MS: u32 = 40;

impl Component for App {
    type Message = Action;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        let mut state = State::new(keep::history(), keep::theme(), keep::hints());
        let early = &ctx.props().early;
        let dispatch = ctx.link().callback(|action| action);
        if let Some(pane) = state.panes.first_mut() {
            pane.input.set(&early.typed);
            for line in early.lines.clone() {
                dispatch.emit(Action::Run(pane.id, line));
            }
        }
        let focus = early.focused.then_some(1);
        let connections = Connections::new(dispatch.clone());
        bridge::answer(move |ask| dispatch.emit(Action::Asked(ask)));
        Self { state, connections, focus, drawn_ms: 0.0, later: None }
    }

    fn update(&mut self, ctx: &Context<Self>, action: Action) -> bool {
        let mut effects = Vec::new();
        let told = match &action {
            Action::Received(pane, conn, bytes) if *pane != KEY_FINDER => {
                Some(Told::Received { pane: *pane, conn: *conn, bytes: bytes.clone() })
            }
            _ => None,
        };
        if let Some(told) = told {
            bridge::tell(&told);
        }
        let has_come = matches!(action, Action::Received(..));
        let now_ms = js_sys::Date::now();
        self.state.apply(action, now_ms, &mut effects);
        for effect in effects {
            self.perform(ctx, effect);
        }
        if has_come && now_ms - self.drawn_ms < f64::from(DRAW_MS) {
            if self.later.is_none() {
                let draw = ctx.link().callback(|()| Action::Draw);
                self.later = Some(Timeout::new(DRAW_MS, move || draw.emit(())));
            }
            return false;
        }
        if has_come {
            self.drawn_ms = now_ms;
        }
        self.later = None;
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let dispatch = ctx.link().callback(|action| action);
        let state = &self.state;
        let alone = state.visible().count() == 1;
        let first = state.panes.iter().find(|pane| pane.sandbox.is_empty()).map(|pane| pane.id);
        let pane = |pane: &crate::terminal::Pane| {
            html! {
                <PaneView key={pane.id} pane={pane.clone()} {alone}
                    hints={state.hints && first == Some(pane.id)} dispatch={dispatch.clone()} />
            }
        };
        html! {
            <div class="page" key={i18n::language()}>
                { header(state, &dispatch) }
                <main class="panes" data-shown={state.shown.clone()}>
                    { for state.visible().map(pane) }
                </main>
                { footer(state, &dispatch) }
            </div>
        }
    }

    fn rendered(&mut self, _: &Context<Self>, _: bool) {
        if let Some(pane) = self.focus.take() {
            focus_line(pane);
        }
        let mut panes = self.state.visible();
        if panes.next().is_some_and(|pane| !pane.title.is_empty()) || panes.next().is_some() {
            shell::arrange();
        }
    }
}

impl App {
    fn perform(&mut self, ctx: &Context<Self>, effect: Effect) {
        match effect {
            Effect::Pane(pane, Need::Connect(conn)) => {
                let sandbox = self.state.sandbox(pane).to_owned();
                self.connections.connect(pane, conn, &sandbox);
            }
            Effect::Pane(pane, Need::Disconnect) => self.connections.disconnect(pane),
            Effect::Pane(pane, Need::Send(bytes)) => {
                self.connections.send(pane, &bytes);
                if let Some(conn) = self.state.conn(pane) {
                    bridge::tell(&Told::Sent { pane, conn, bytes });
                }
            }
            Effect::Pane(pane, Need::Describe) => {
                let link = ctx.link().clone();
                let take = move |bytes| link.send_message(Action::Described(pane, bytes));
                match self.state.descriptions.as_slice() {
                    [] => descriptions::load(Box::new(take)),
                    known => take(known.to_vec()),
                }
            }
            Effect::Pane(_, Need::Studio(view)) => bridge::studio(&view),
            Effect::Studio(view) => bridge::studio(view),
            Effect::Tell(told) => bridge::tell(&told),
            Effect::Speak(code) => {
                let dispatch = ctx.link().callback(|()| Action::Spoken);
                wasm_bindgen_futures::spawn_local(async move {
                    i18n::speak(&code).await;
                    dispatch.emit(());
                });
            }
            Effect::Focus(pane) => self.focus = Some(pane),
            Effect::SaveHistory(text) => keep::save_history(&text),
            Effect::SaveHints(shown) => keep::save_hints(shown),
            Effect::SetTheme(theme) => {
                keep::save_theme(theme);
                if let Some(root) = document().and_then(|document| document.document_element()) {
                    let _ = root.set_attribute("data-theme", theme.name());
                }
            }
            Effect::PersistStorage => persist_storage(),
            Effect::StartWorker => {
                self.connections = Connections::new(ctx.link().callback(|action| action));
                bridge::tell(&Told::Restarted);
            }
            Effect::ShowFailure(what) => shell::fail(&format!("The engine stopped: {what}")),
        }
    }
}

fn document() -> Option<web_sys::Document> {
    web_sys::window()?.document()
}

fn focus_line(pane: u32) {
    let line = document()
        .and_then(|document| document.get_element_by_id(&format!("line-{pane}")))
        .and_then(|line| line.dyn_into::<HtmlElement>().ok());
    if let Some(line) = line {
        let _ = line.focus();
    }
}

/// Asks the browser to keep the data when space is short. Whatever it answers, nothing changes.
fn persist_storage() {
    let Some(window) = web_sys::window() else { return };
    let _ = window.navigator().storage().persist();
}
