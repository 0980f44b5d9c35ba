//! The clock of a sandbox, and which one is seen.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{Msg, SHARED, Time};
use crate::bridge;
use crate::i18n::{t, t1};
use crate::message::SandboxOp;
use crate::studio::value::text::{brief, span};
use crate::studio::{dom, engine};

/// How fast the clock can go.
const RATES: [f64; 5] = [0.0, 1.0, 10.0, 60.0, 3600.0];

/// How far it can be moved, in milliseconds.
const MOVES: [(f64, &str); 4] =
    [(1000.0, "+1 s"), (60_000.0, "+1 min"), (3_600_000.0, "+1 h"), (86_400_000.0, "+1 d")];

impl Time {
    pub(super) fn clock(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let date = js_sys::Date::new(&self.now_ms().into());
        let rate = self.state.as_ref().map_or(1.0, |state| state.rate);
        let chosen = RATES.iter().position(|other| *other == rate).unwrap_or(1);
        let text =
            |rate: f64| if rate == 0.0 { t("Stop") } else { AttrValue::from(format!("{rate}×")) };
        let set = link.callback(|index: usize| {
            Msg::Clock(SandboxOp::Rate, RATES.get(index).copied().unwrap_or(1.0))
        });
        let step = |(ms, text): (f64, &'static str)| {
            let onclick = link.callback(move |_| Msg::Clock(SandboxOp::Advance, ms));
            html! { <button type="button" {onclick}>{ text }</button> }
        };
        let others = self.branches.iter().map(|name| (name.clone(), branch_text(name)));
        html! {
            <div class="time-clock">
                <div class="tool-row">
                    <strong class="digits">{ String::from(date.to_locale_time_string("en-GB")) }</strong>
                    <span class="soft date">{ String::from(date.to_date_string()) }</span>
                    <span class="grow"></span>
                    if self.branches.len() > 1 {
                        { dom::select(t("Branch"), &bridge::shown(), others, link.callback(Msg::Show)) }
                    }
                    <button type="button" onclick={link.callback(|_| Msg::Share(true))}>{ t("Share") }</button>
                    <button type="button" class="quiet" onclick={link.callback(|_| Msg::Leave)}>{ t("Back to my data") }</button>
                </div>
                <div class="tool-row">
                    { dom::choices(t("How fast the clock goes"), RATES.into_iter().map(text), chosen, set) }
                    { for MOVES.into_iter().map(step) }
                </div>
                { self.upcoming(ctx) }
            </div>
        }
    }

    /// What expires next.
    fn upcoming(&self, ctx: &Context<Self>) -> Html {
        let now_ms = self.now_ms();
        let next = self
            .moment
            .iter()
            .filter_map(|(key, item)| Some((item.expires_ms? as f64 - now_ms, key)));
        let next = next
            .filter(|(left_ms, _)| *left_ms > 0.0)
            .min_by(|left, right| left.0.total_cmp(&right.0));
        let Some((left_ms, key)) = next.filter(|_| self.chosen.is_none()) else { return html! {} };
        let onclick = ctx.link().callback(move |_| Msg::Clock(SandboxOp::Advance, left_ms + 1.0));
        html! {
            <p class="note upcoming">
                { t1("In {} this key expires:", &span(left_ms as i64)) }{ " " }<code>{ brief(key, 60) }</code>
                <button type="button" {onclick}>{ t("Go there") }</button>
            </p>
        }
    }
}

fn branch_text(name: &str) -> AttrValue {
    match name.split_once('.') {
        Some((_, number)) => t1("Branch {}", number),
        None if name.starts_with(SHARED) => t("Shared session"),
        None => t("First line"),
    }
}

pub(super) fn set_clock(ctx: &Context<Time>, what: SandboxOp, value: f64) {
    let link = ctx.link().clone();
    spawn_local(async move {
        let state = engine::sandbox(&bridge::shown(), what, value).await;
        link.send_message(Msg::State(state));
    });
}
