//! The list of how long commands take, and the settings of what is logged.

use yew::prelude::*;

use super::figures::{Late, Timed, micros};
use super::view::clock;
use crate::i18n::t;
use crate::studio::dom;

/// What is known of latency.
#[derive(Default)]
pub(super) struct Latency {
    /// How many commands took how long: the upper end in microseconds, and how many.
    pub(super) steps: Vec<(i64, i64)>,
    /// How long the calls of each command took.
    pub(super) timed: Vec<Timed>,
    /// Events that took long.
    pub(super) late: Vec<Late>,
}

impl Latency {
    /// Calls of all commands, and the microseconds that they took.
    pub(super) fn totals(&self) -> [f64; 2] {
        let add = |sums: [f64; 2], one: &Timed| [sums[0] + one.calls, sums[1] + one.took_us];
        self.timed.iter().fold([0.0; 2], add)
    }

    pub(super) fn view(&self) -> Html {
        let most = self.steps.iter().map(|&(_, count)| count).max().unwrap_or(0).max(1);
        let bar = |&(us, count): &(i64, i64)| {
            let height = (count as f64 / most as f64).sqrt() * 100.0;
            let text = format!("≤ {}: {count}", micros(us as f64));
            html! {
                <li title={text.clone()} aria-label={text}>
                    <span class="pillar" style={format!("height:{height:.1}%")}></span>
                    <small>{ micros(us as f64) }</small>
                </li>
            }
        };
        let shown: Vec<String> = self.timed.first().map_or_else(Vec::new, |first| {
            first.percentiles.iter().map(|(name, _)| name.clone()).collect()
        });
        let row = |timed: &Timed| {
            html! {
                <tr>
                    <td><code>{ timed.name.replace('|', " ") }</code></td>
                    <td class="number">{ timed.calls }</td>
                    <td class="number">{ micros(timed.took_us) }</td>
                    <td class="number">{ micros(timed.took_us / timed.calls) }</td>
                    { for timed.percentiles.iter().map(|(_, us)| html! { <td class="number">{ micros(*us) }</td> }) }
                </tr>
            }
        };
        html! {
            <>
                <p class="note">{ t("How long commands took inside the engine, since the start or CONFIG RESETSTAT. Without a network and a terminal it is often less than a browser can measure; sandboxes measure nothing.") }</p>
                if !self.steps.is_empty() {
                    <ul class="bars" aria-label={t("Commands by how long they took")}>{ for self.steps.iter().map(bar) }</ul>
                }
                { self.events() }
                if !self.timed.is_empty() {
                    <table>
                        <thead><tr>
                            <th scope="col">{ t("Command") }</th><th scope="col" class="number">{ t("Calls") }</th>
                            <th scope="col" class="number">{ t("In all") }</th><th scope="col" class="number">{ t("On average") }</th>
                            { for shown.into_iter().map(|name| html! { <th scope="col" class="number">{ name }</th> }) }
                        </tr></thead>
                        <tbody>{ for self.timed.iter().map(row) }</tbody>
                    </table>
                }
            </>
        }
    }

    /// The events that LATENCY has kept.
    fn events(&self) -> Html {
        let row = |late: &Late| {
            html! {
                <tr>
                    <td><code>{ &late.event }</code></td>
                    <td class="soft">{ clock(late.at_s as f64 * 1000.0) }</td>
                    <td class="number">{ micros(late.took_ms as f64 * 1000.0) }</td>
                    <td class="number">{ micros(late.worst_ms as f64 * 1000.0) }</td>
                </tr>
            }
        };
        if self.late.is_empty() {
            return Html::default();
        }
        html! {
            <table>
                <thead><tr>
                    <th scope="col">{ t("Event") }</th><th scope="col">{ t("Time") }</th>
                    <th scope="col" class="number">{ t("Took") }</th><th scope="col" class="number">{ t("Worst") }</th>
                </tr></thead>
                <tbody>{ for self.late.iter().map(row) }</tbody>
            </table>
        }
    }
}

/// A parameter that says what is logged.
pub(super) struct Setting {
    /// Its name.
    pub(super) name: &'static str,
    /// What the field is called.
    label: fn() -> AttrValue,
    /// The least that it may be.
    min: &'static str,
}

/// Of the slow log.
pub(super) const SLOW: [Setting; 2] = [
    Setting { name: "slowlog-log-slower-than", label: || t("Slow from (µs)"), min: "-1" },
    Setting { name: "slowlog-max-len", label: || t("Entries kept"), min: "0" },
];

/// Of LATENCY.
pub(super) const LATE: [Setting; 1] =
    [Setting { name: "latency-monitor-threshold", label: || t("Events from (ms)"), min: "0" }];

impl Setting {
    /// A field with the parameter's value, as far as it is known; `typed` gets what is typed, `set` what
    /// it is to be.
    pub(super) fn field(
        &self,
        value: Option<String>,
        typed: Callback<String>,
        set: Callback<String>,
    ) -> Html {
        let oninput = Callback::from(move |event: InputEvent| typed.emit(dom::value(&event)));
        let onchange = Callback::from(move |event: Event| set.emit(dom::value(&event)));
        html! {
            <label class="setting" title={format!("CONFIG SET {}", self.name)}>
                { (self.label)() }
                <input type="number" min={self.min} {value} {oninput} {onchange} />
            </label>
        }
    }
}
