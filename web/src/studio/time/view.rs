//! The view of time: a timeline of what was done in a sandbox, the data at each step, and the clock.

use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::moment::{self, Change, Moment, Side, What};
use super::steps::{self, Step};
use crate::bridge::{self, Ask, Place, Told};
use crate::i18n::{t, t1};
use crate::message::{SandboxOp, SandboxState};
use crate::sandbox::tape;
use crate::studio::ViewProps;
use crate::studio::client::Client;
use crate::studio::desk::Listening;
use crate::studio::value::load;
use crate::studio::value::text::{brief, span};
use crate::studio::{dom, engine};

/// The sandbox of the timeline; branches have a number behind it.
const FIRST: &str = "time";

/// The sandbox in which a moment of the past is looked at.
const LOOKED_AT: &str = "time~";

const TICK_MS: u32 = 500;
/// After a command, the timeline is read anew this much later.
const READ_MS: u32 = 120;

/// How fast the clock can go.
const RATES: [f64; 5] = [0.0, 1.0, 10.0, 60.0, 3600.0];

/// How far it can be moved, in milliseconds.
const MOVES: [(f64, &str); 4] =
    [(1000.0, "+1 s"), (60_000.0, "+1 min"), (3_600_000.0, "+1 h"), (86_400_000.0, "+1 d")];

/// Something to look back on.
const EXAMPLE: [&str; 9] = [
    "SET greeting hello",
    "HSET user:1 name ada visits 1",
    "HINCRBY user:1 visits 1",
    "RPUSH jobs wash dry fold",
    "SET code 4711 EX 120",
    "LPOP jobs",
    "APPEND greeting \" world\"",
    "SADD tags red green",
    "RENAME greeting welcome",
];

pub(crate) struct Time {
    /// The branches there are.
    branches: Vec<String>,
    steps: Vec<Step>,
    /// The step that is looked at; the last, if none was chosen.
    chosen: Option<usize>,
    state: Option<SandboxState>,
    /// When the state was told, by the browser's clock.
    told_ms: f64,
    moment: Moment,
    changes: Vec<Change>,
    /// Another number, when what is under way is not wanted any more.
    round: u32,
    reading: Option<Timeout>,
    _tick: Interval,
    _listening: Listening,
}

pub(crate) enum Msg {
    Told(Rc<Told>),
    Tick,
    Read,
    Steps(u32, Vec<Step>, SandboxState),
    Looked(u32, Moment, Vec<Change>),
    Choose(Option<usize>),
    Open,
    Leave,
    Example,
    Clock(SandboxOp, f64),
    State(SandboxState),
    Branch(usize),
    Branched(String),
    Show(String),
}

impl Component for Time {
    type Message = Msg;
    type Properties = ViewProps;

    fn create(ctx: &Context<Self>) -> Self {
        let link = ctx.link().clone();
        let mut time = Self {
            branches: Vec::new(),
            steps: Vec::new(),
            chosen: None,
            state: None,
            told_ms: 0.0,
            moment: Moment::new(),
            changes: Vec::new(),
            round: 0,
            reading: None,
            _tick: Interval::new(TICK_MS, move || link.send_message(Msg::Tick)),
            _listening: ctx.props().desk.listen(ctx.link().callback(Msg::Told)),
        };
        if is_ours(&bridge::shown()) {
            time.read(ctx);
        }
        time
    }

    fn changed(&mut self, ctx: &Context<Self>, _: &ViewProps) -> bool {
        self.read(ctx);
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Told(told) => {
                match *told {
                    Told::Restarted => {
                        self.branches.clear();
                        self.state = None;
                    }
                    Told::Language => {}
                    _ if ctx.props().is_seen => self.read_soon(ctx),
                    _ => {}
                }
                return false;
            }
            // Only what counts down is drawn anew.
            Msg::Tick => return ctx.props().is_seen && self.state.is_some(),
            Msg::Read => {
                self.reading = None;
                self.read(ctx);
                return false;
            }
            Msg::Steps(round, steps, state) => {
                if round == self.round {
                    self.steps = steps;
                    self.take_state(state);
                    self.look(ctx);
                }
            }
            Msg::Looked(round, moment, changes) => {
                if round == self.round {
                    (self.moment, self.changes) = (moment, changes);
                }
            }
            Msg::Choose(step) => {
                self.chosen = step.filter(|&step| step + 1 < self.steps.len());
                self.round += 1;
                self.look(ctx);
            }
            Msg::Open => self.open(ctx, FIRST),
            Msg::Leave => {
                bridge::ask(&Ask::Show { sandbox: String::new() });
                self.state = None;
            }
            Msg::Example => {
                let place = Place { sandbox: bridge::shown(), name: String::new() };
                EXAMPLE
                    .iter()
                    .for_each(|line| bridge::ask(&Ask::Run(place.clone(), (*line).to_owned())));
            }
            Msg::Clock(what, value) => {
                let link = ctx.link().clone();
                spawn_local(async move {
                    let state = engine::sandbox(&bridge::shown(), what, value).await;
                    link.send_message(Msg::State(state));
                });
                return false;
            }
            Msg::State(state) => {
                self.take_state(state);
                self.read(ctx);
            }
            Msg::Branch(step) => self.branch(ctx, step),
            Msg::Branched(name) => self.open(ctx, &name),
            Msg::Show(name) => self.open(ctx, &name),
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        if !is_ours(&bridge::shown()) {
            return html! {
                <div class="time-view">
                    <p class="empty">{ t("The engine is deterministic, so everything that was done can be done again: step back and forth through it, see what each command changed, branch off and go another way, stop the clock or let it run. That works in a node of its own; your data is not touched.") }
                        <br /><button type="button" class="main" onclick={ctx.link().callback(|_| Msg::Open)}>{ t("Open a timeline") }</button>
                    </p>
                </div>
            };
        }
        html! {
            <div class="time-view">
                { self.clock(ctx) }
                { self.timeline(ctx) }
                { self.changes() }
                { self.keys() }
            </div>
        }
    }
}

/// Whether a sandbox has a recording that is for looking at. A lesson's has one too.
fn is_ours(sandbox: &str) -> bool {
    !sandbox.is_empty()
}

impl Time {
    fn open(&mut self, ctx: &Context<Self>, name: &str) {
        if !self.branches.iter().any(|branch| branch == name) {
            self.branches.push(name.to_owned());
        }
        self.chosen = None;
        self.steps = Vec::new();
        bridge::ask(&Ask::Show { sandbox: name.to_owned() });
        let place = Place { sandbox: name.to_owned(), name: String::new() };
        bridge::ask(&Ask::Open(place.clone()));
        bridge::ask(&Ask::Focus(place));
        self.read_soon(ctx);
    }

    fn read_soon(&mut self, ctx: &Context<Self>) {
        let link = ctx.link().clone();
        self.reading = Some(Timeout::new(READ_MS, move || link.send_message(Msg::Read)));
    }

    /// Reads the recording.
    fn read(&mut self, ctx: &Context<Self>) {
        let sandbox = bridge::shown();
        if !ctx.props().is_seen || !is_ours(&sandbox) {
            return;
        }
        self.round += 1;
        let (round, link) = (self.round, ctx.link().clone());
        spawn_local(async move {
            let tape = engine::tape(&sandbox).await;
            let state = engine::sandbox(&sandbox, SandboxOp::Tell, 0.0).await;
            link.send_message(Msg::Steps(round, steps::steps(&tape::read(&tape)), state));
        });
    }

    /// Looks at the data at the chosen step, and before it.
    fn look(&self, ctx: &Context<Self>) {
        let (round, link, sandbox) = (self.round, ctx.link().clone(), bridge::shown());
        let all = self.state.as_ref().map_or(0, |state| state.steps as usize);
        let Some(step) = self.steps.get(self.at()) else {
            link.send_message(Msg::Looked(round, Moment::new(), Vec::new()));
            return;
        };
        let (before, after) = (step.entries - 1, step.entries);
        // At the end, the data is as it is now: what has expired since is gone.
        let now = if self.chosen.is_none() { all } else { after };
        spawn_local(async move {
            let Some(old) = at(&sandbox, before).await else { return };
            let Some(new) = at(&sandbox, after).await else { return };
            let changes = moment::changes(&old, &new);
            let shown = if now == after { Some(new) } else { at(&sandbox, now).await };
            link.send_message(Msg::Looked(round, shown.unwrap_or_default(), changes));
        });
    }

    /// The step that is looked at.
    fn at(&self) -> usize {
        let last = self.steps.len().saturating_sub(1);
        self.chosen.unwrap_or(last).min(last)
    }

    fn take_state(&mut self, state: SandboxState) {
        self.told_ms = dom::clock_ms();
        self.state = Some(state);
    }

    /// The sandbox's time, in milliseconds since 1970.
    fn now_ms(&self) -> f64 {
        let Some(state) = &self.state else { return 0.0 };
        state.now_ms + (dom::clock_ms() - self.told_ms) * state.rate
    }

    fn branch(&self, ctx: &Context<Self>, step: usize) {
        let Some(step) = self.steps.get(step).map(|step| step.entries) else { return };
        let from = bridge::shown();
        let name = format!("{FIRST}.{}", self.branches.len());
        let link = ctx.link().clone();
        spawn_local(async move {
            engine::sandbox(&format!("{from}>{name}"), SandboxOp::Branch, step as f64).await;
            engine::sandbox(&name, SandboxOp::Rate, 1.0).await;
            link.send_message(Msg::Branched(name));
        });
    }

    fn clock(&self, ctx: &Context<Self>) -> Html {
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
                    <span class="soft">{ String::from(date.to_date_string()) }</span>
                    <span class="grow"></span>
                    if self.branches.len() > 1 {
                        { dom::select(t("Branch"), &bridge::shown(), others, link.callback(Msg::Show)) }
                    }
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

    fn timeline(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        if self.steps.is_empty() {
            return html! {
                <p class="empty">{ t("Type commands in the pane, and each becomes a step here.") }<br />
                    <button type="button" onclick={link.callback(|_| Msg::Example)}>{ t("Play an example") }</button></p>
            };
        }
        let (at, last) = (self.at(), self.steps.len() - 1);
        let to = |step: usize| link.callback(move |_: MouseEvent| Msg::Choose(Some(step)));
        let slide = link.callback(|event: InputEvent| Msg::Choose(dom::value(&event).parse().ok()));
        let started_us = self.steps.first().map_or(0, |step| step.at_us);
        let row = |(index, step): (usize, &Step)| {
            let after = span((step.at_us - started_us) / 1000);
            html! {
                <button type="button" class="step" key={index} onclick={to(index)} aria-pressed={(index == at).to_string()}>
                    <span class="soft">{ index + 1 }</span><code>{ brief(step.line.as_bytes(), 100) }</code><span class="soft">{ format!("+{after}") }</span>
                </button>
            }
        };
        // The steps around the one that is looked at.
        let first = at.saturating_sub(60);
        html! {
            <section aria-label={t("Timeline")}>
                <div class="tool-row">
                    <button type="button" aria-label={t("To the first step")} disabled={at == 0} onclick={to(0)}>{ "⇤" }</button>
                    <button type="button" aria-label={t("One step back")} disabled={at == 0} onclick={to(at.saturating_sub(1))}>{ "←" }</button>
                    <button type="button" aria-label={t("One step on")} disabled={at == last} onclick={to(at + 1)}>{ "→" }</button>
                    <button type="button" aria-label={t("To now")} disabled={at == last} onclick={to(last)}>{ "⇥" }</button>
                    <input class="grow" type="range" min="0" max={last.to_string()} value={at.to_string()} oninput={slide} aria-label={t("Step")} />
                    <span class="soft">{ format!("{} / {}", at + 1, last + 1) }</span>
                </div>
                <div class="steps">{ for self.steps.iter().enumerate().skip(first).take(120).map(row) }</div>
                <button type="button" onclick={link.callback(move |_| Msg::Branch(at))}>{ t("Branch from here") }</button>
            </section>
        }
    }

    /// What the step has changed.
    fn changes(&self) -> Html {
        if self.steps.is_empty() {
            return html! {};
        }
        let change = |change: &Change| {
            let what = match change.what {
                What::Made => t("new"),
                What::Gone => t("gone"),
                What::Changed => t("changed"),
                What::Expiry(Some(_)) => t("expires now"),
                What::Expiry(None) => t("expires no longer"),
            };
            let line = |(side, text): &(Side, String)| {
                let (class, sign) = match side {
                    Side::Before => ("gone", "−"),
                    Side::Now => ("new", "+"),
                    Side::Both => ("same", " "),
                };
                html! { <div {class}><span aria-hidden="true">{ sign }</span>{ text }</div> }
            };
            html! {
                <div class="change">
                    <div><code>{ brief(&change.key, 80) }</code>{ " " }<span class="soft">{ what }</span></div>
                    <div class="diff" tabindex="0" role="group" aria-label={t("Lines")}>{ for change.lines.iter().map(line) }</div>
                </div>
            }
        };
        html! {
            <section aria-label={t("What the step changed")}>
                <h3>{ t("What the step changed") }</h3>
                if self.changes.is_empty() {
                    <p class="soft">{ t("Nothing: it only looked.") }</p>
                }
                { for self.changes.iter().map(change) }
            </section>
        }
    }

    /// All keys at the step.
    fn keys(&self) -> Html {
        if self.moment.is_empty() {
            return html! {};
        }
        let is_now = self.chosen.is_none();
        let now_ms = self.now_ms();
        let row = |(key, item): (&Vec<u8>, &moment::Item)| {
            let left = item.expires_ms.map(|at_ms| span(at_ms - now_ms as i64)).filter(|_| is_now);
            html! {
                <tr>
                    <td><span class="kind" data-kind={item.kind.clone()}>{ &item.kind }</span></td>
                    <td><code>{ brief(key, 60) }</code></td>
                    <td class="soft">{ brief(item.lines.join(" · ").as_bytes(), 90) }</td>
                    <td class="ttl">{ left }</td>
                </tr>
            }
        };
        html! {
            <section aria-label={t("All keys at this step")}>
                <h3>{ t("All keys at this step") }</h3>
                <table class="moment"><tbody>{ for self.moment.iter().map(row) }</tbody></table>
            </section>
        }
    }
}

fn branch_text(name: &str) -> AttrValue {
    match name.split_once('.') {
        Some((_, number)) => t1("Branch {}", number),
        None => t("First line"),
    }
}

/// The data of a sandbox at a step.
async fn at(sandbox: &str, step: usize) -> Option<Moment> {
    engine::sandbox(&format!("{sandbox}>{LOOKED_AT}"), SandboxOp::Branch, step as f64).await;
    let client = Client::open(LOOKED_AT)?;
    let words =
        |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    let keys = moment::keys(&client.run(&words("SCAN 0 COUNT 100000")).await.ok()?);
    let heads: Vec<_> = keys.iter().flat_map(|key| load::ask_head(key)).collect();
    let heads = client.run_all(&heads).await.ok()?;
    let mut found = Moment::new();
    for (key, head) in keys.into_iter().zip(heads.chunks(4)) {
        let kind = load::read_head(head)?.kind;
        let ask = load::ask_body(kind, &key, &moment::first_page());
        let replies = client.run_all(&ask).await.ok()?;
        if let Some(item) = moment::item(head, |kind| load::read_body(kind, &replies)) {
            found.insert(key, item);
        }
    }
    Some(found)
}
