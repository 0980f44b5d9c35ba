//! The clock of a lesson that is about time: it can be stopped, hurried and moved, so that nobody
//! has to wait for what is to expire.

use gloo_timers::callback::Interval;
use yew::prelude::*;

use crate::i18n::{t, t1};
use crate::message::SandboxOp;
use crate::studio::dom;
use crate::studio::value::text::{brief, span};

/// How often the time is drawn anew, in milliseconds.
const TICK_MS: u32 = 250;

/// How fast it can go.
const RATES: [f64; 3] = [0.0, 1.0, 60.0];

/// How far it can be moved, in milliseconds.
const MOVES: [(f64, &str); 3] = [(1000.0, "+1 s"), (60_000.0, "+1 min"), (3_600_000.0, "+1 h")];

/// What a clock showed, and when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Time {
    /// The lesson's time, in milliseconds since 1970.
    pub(super) now_ms: f64,
    /// How fast it goes: 1 as the computer's, 0 not at all.
    pub(super) rate: f64,
    /// When that was told, by the browser's clock.
    pub(super) told_ms: f64,
    /// The key that expires next, and when.
    pub(super) next: Option<(Vec<u8>, i64)>,
}

impl Time {
    /// The lesson's time when the browser's clock shows this.
    fn at(&self, clock_ms: f64) -> f64 {
        self.now_ms + (clock_ms - self.told_ms) * self.rate
    }
}

#[derive(Clone, PartialEq, Properties)]
pub(super) struct Props {
    pub(super) time: Time,
    /// What is to be done with the clock, and how far or how fast.
    pub(super) act: Callback<(SandboxOp, f64)>,
}

pub(super) struct Clock {
    _tick: Interval,
}

impl Component for Clock {
    type Message = ();
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        let link = ctx.link().clone();
        Self { _tick: Interval::new(TICK_MS, move || link.send_message(())) }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let Props { time, act } = ctx.props();
        let now_ms = time.at(dom::clock_ms());
        let date = js_sys::Date::new(&now_ms.into());
        let chosen = RATES.iter().position(|other| *other == time.rate).unwrap_or(1);
        let text =
            |rate: f64| if rate == 0.0 { t("Stop") } else { AttrValue::from(format!("{rate}×")) };
        let set =
            act.reform(|index: usize| (SandboxOp::Rate, RATES.get(index).copied().unwrap_or(1.0)));
        let step = |(ms, text): (f64, &'static str)| {
            let onclick = act.reform(move |_: MouseEvent| (SandboxOp::Advance, ms));
            html! { <button type="button" {onclick}>{ text }</button> }
        };
        html! {
            <section class="lesson-clock" aria-label={t("The clock of the lesson")}>
                <div class="tool-row">
                    <strong class="digits">{ String::from(date.to_locale_time_string("en-GB")) }</strong>
                    { dom::choices(t("How fast the clock goes"), RATES.into_iter().map(text), chosen, set) }
                    <span class="grow"></span>
                    { for MOVES.into_iter().map(step) }
                </div>
                { upcoming(time, now_ms, act) }
            </section>
        }
    }
}

/// What expires next, and the way there.
fn upcoming(time: &Time, now_ms: f64, act: &Callback<(SandboxOp, f64)>) -> Html {
    let Some((key, at_ms)) = &time.next else { return html! {} };
    let left_ms = *at_ms as f64 - now_ms;
    if left_ms <= 0.0 {
        return html! {};
    }
    let onclick = act.reform(move |_: MouseEvent| (SandboxOp::Advance, left_ms + 1.0));
    html! {
        <p class="note upcoming">
            { t1("In {} this key expires:", &span(left_ms as i64)) }{ " " }<code>{ brief(key, 40) }</code>
            <button type="button" {onclick}>{ t("Go there") }</button>
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_as_fast_as_it_is_told_to() {
        let at = |rate| Time { now_ms: 1000.0, rate, told_ms: 50.0, next: None }.at(60.0);
        assert_eq!([at(0.0), at(1.0), at(60.0)], [1000.0, 1010.0, 1600.0]);
    }
}
