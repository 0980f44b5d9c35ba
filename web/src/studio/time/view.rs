//! The view of time: a timeline of what was done in a sandbox, the data at each step, and the clock.

mod back;
mod clock;

use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use back::{Back, What as Wish};

use super::moment::{self, Change, Moment, Side, What};
use super::own::{self, Own, Refusal, Source};
use super::shared;
use super::steps::{self, Step};
use crate::bridge::{self, Ask, Place, Told};
use crate::i18n::t;
use crate::message::{SandboxOp, SandboxState};
use crate::sandbox::tape::Tape;
use crate::studio::ViewProps;
use crate::studio::client::Client;
use crate::studio::desk::Listening;
use crate::studio::share::link::Fault;
use crate::studio::share::view::Share;
use crate::studio::share::{story, text};
use crate::studio::value::load;
use crate::studio::value::text::{brief, span};
use crate::studio::{dom, engine};

/// The sandbox of the timeline; branches have a number behind it.
const FIRST: &str = "time";

/// The sandbox of a session that somebody has shared; later ones have a number behind it.
const SHARED: &str = "shared";

/// The sandbox in which a moment of the past is looked at.
const LOOKED_AT: &str = "time~";

const TICK_MS: u32 = 500;
/// Whether the person's own data has changed is asked every so many ticks.
const OWN_TICKS: u32 = 4;
/// After a command, the timeline is read anew this much later.
const READ_MS: u32 = 120;

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
    /// What has happened to the person's own data.
    own: Own,
    /// Whether that is being read, and how many ticks ago it was.
    is_reading: bool,
    ticks: u32,
    /// What is told of what was done last.
    told: Option<Said>,
    /// What is being done with the data of a step.
    back: Back,
    /// Sessions that were opened, and branches that were made.
    opened: u32,
    branched: u32,
    /// Whether sharing is seen.
    shares: bool,
    /// Another number, when what is under way is not wanted any more.
    round: u32,
    reading: Option<Timeout>,
    _tick: Interval,
    _listening: Listening,
}

/// Something that is told, and what can be done then.
struct Said {
    text: AttrValue,
    is_bad: bool,
    then: Html,
    /// Whether it is about a step, and is told below the steps.
    is_of_step: bool,
}

impl Said {
    fn new(text: AttrValue, is_bad: bool) -> Self {
        Self { text, is_bad, then: Html::default(), is_of_step: false }
    }

    /// Of a step.
    fn of_step(text: AttrValue, is_bad: bool, then: Html) -> Self {
        Self { text, is_bad, then, is_of_step: true }
    }
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
    Own(u32, Own),
    Share(bool),
    Carried(Result<(Tape, u64), Fault>),
    Brought(web_sys::Blob),
    Played(String, Result<bool, Fault>),
    Forget,
    Back(back::Msg),
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
            own: Own::default(),
            is_reading: false,
            ticks: 0,
            told: None,
            back: Back::default(),
            opened: 0,
            branched: 0,
            shares: false,
            round: 0,
            reading: None,
            _tick: Interval::new(TICK_MS, move || link.send_message(Msg::Tick)),
            _listening: ctx.props().desk.listen(ctx.link().callback(Msg::Told)),
        };
        time.wish(ctx);
        time.read(ctx);
        time
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &ViewProps) -> bool {
        if ctx.props().wish.0 != old.wish.0 {
            self.wish(ctx);
        }
        self.read(ctx);
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Told(told) => {
                self.hear(ctx, &told);
                return false;
            }
            Msg::Tick => return self.tick(ctx),
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
            Msg::Own(round, own) => return self.take_own(ctx, round, own),
            Msg::Share(shares) => self.shares = shares,
            Msg::Carried(carried) => self.play(ctx, carried),
            Msg::Brought(file) => {
                let link = ctx.link().clone();
                spawn_local(async move {
                    link.send_message(Msg::Carried(shared::brought(file).await));
                });
            }
            Msg::Played(name, played) => self.played(ctx, &name, played),
            Msg::Forget => self.told = None,
            Msg::Back(msg) => self.back(ctx, msg),
            Msg::Choose(step) => {
                self.chosen = step.filter(|&step| step + 1 < self.steps.len());
                self.round += 1;
                self.look(ctx);
            }
            Msg::Open => self.open(ctx, FIRST),
            Msg::Leave => self.leave(ctx),
            Msg::Example => {
                let place = Place { sandbox: bridge::shown(), name: String::new() };
                EXAMPLE
                    .iter()
                    .for_each(|line| bridge::ask(&Ask::Run(place.clone(), (*line).to_owned())));
            }
            Msg::Clock(what, value) => {
                clock::set_clock(ctx, what, value);
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
        html! {
            <div class="time-view">
                { self.told(ctx, false) }
                if is_ours(&bridge::shown()) {
                    { self.clock(ctx) }
                } else {
                    { self.about(ctx) }
                }
                { self.sharing(ctx) }
                if is_ours(&bridge::shown()) || !self.steps.is_empty() {
                    { self.timeline(ctx) }
                    { self.changes() }
                    { self.keys() }
                }
            </div>
        }
    }
}

/// Whether a sandbox has a recording that is for looking at. A lesson's has one too.
fn is_ours(sandbox: &str) -> bool {
    !sandbox.is_empty()
}

impl Time {
    fn hear(&mut self, ctx: &Context<Self>, told: &Told) {
        match told {
            Told::Restarted => {
                self.branches.clear();
                self.state = None;
                // What was asked of the worker that is gone is never answered.
                (self.is_reading, self.round) = (false, self.round + 1);
            }
            Told::Language | Told::Lost => {}
            _ if ctx.props().is_seen => self.read_soon(ctx),
            _ => {}
        }
    }

    /// Returns whether something is drawn anew: only what counts down.
    fn tick(&mut self, ctx: &Context<Self>) -> bool {
        self.ticks += 1;
        if self.ticks.is_multiple_of(OWN_TICKS) && !is_ours(&bridge::shown()) {
            self.read(ctx);
        }
        ctx.props().is_seen && self.state.is_some()
    }

    /// Takes what has happened to the person's own data; returns whether that is something new.
    fn take_own(&mut self, ctx: &Context<Self>, round: u32, own: Own) -> bool {
        self.is_reading = false;
        if round != self.round || is_ours(&bridge::shown()) {
            return false;
        }
        let steps = own.steps();
        let told = |own: &Own| (own.refusal, own.begins_late(&ctx.props().desk));
        let is_new = steps != self.steps || told(&own) != told(&self.own);
        self.own = own;
        if is_new {
            self.steps = steps;
            self.look(ctx);
        }
        is_new
    }

    /// Goes back to the person's own data.
    fn leave(&mut self, ctx: &Context<Self>) {
        bridge::ask(&Ask::Show { sandbox: String::new() });
        text::forget();
        (self.state, self.told, self.chosen) = (None, None, None);
        self.steps = Vec::new();
        self.read(ctx);
    }

    /// Does what is wished for: `share` shows sharing, `shared` opens what the address carries.
    fn wish(&mut self, ctx: &Context<Self>) {
        match &*ctx.props().wish.1 {
            "share" => self.shares = true,
            "shared" => {
                let link = ctx.link().clone();
                spawn_local(async move { link.send_message(Msg::Carried(text::carried().await)) });
            }
            _ => {}
        }
    }

    /// Has a session that somebody has shared done once more, and shows it in panes.
    fn play(&mut self, ctx: &Context<Self>, carried: Result<(Tape, u64), Fault>) {
        let (tape, digest) = match carried {
            Ok(carried) => carried,
            Err(fault) => return self.told = Some(Said::new(shared::fault_text(fault), true)),
        };
        self.opened += 1;
        let number = if self.opened == 1 { String::new() } else { self.opened.to_string() };
        let name = format!("{SHARED}{number}");
        self.told = Some(Said::new(t("Opening the session…"), false));
        let link = ctx.link().clone();
        spawn_local(async move {
            let Some(heard) = engine::load(&name, &tape).await else {
                return link.send_message(Msg::Played(name, Err(Fault::Unplayable)));
            };
            engine::sandbox(&name, SandboxOp::Rate, 1.0).await;
            shared::show_panes(&name, &story::shown(&tape, &heard));
            let is_same = story::digest(&tape, &heard) == digest;
            link.send_message(Msg::Played(name, Ok(is_same)));
        });
    }

    fn played(&mut self, ctx: &Context<Self>, name: &str, played: Result<bool, Fault>) {
        let (text, is_bad) = match played {
            Err(fault) => (shared::fault_text(fault), true),
            Ok(true) => (
                t(
                    "A session that was shared with you, done again byte for byte in an engine of its own. Step back through it, go on, or branch off; your data is not touched.",
                ),
                false,
            ),
            Ok(false) => (
                t(
                    "This session was done again here, but not all replies are those that were seen where it was shared: it was made with another version of this page. Your data is not touched.",
                ),
                true,
            ),
        };
        self.told = Some(Said::new(text, is_bad));
        if played.is_ok() {
            self.shares = false;
            self.show(ctx, name);
        }
    }

    fn told(&self, ctx: &Context<Self>, is_of_step: bool) -> Html {
        let told = self.told.as_ref().filter(|told| told.is_of_step == is_of_step);
        let Some(Said { text, is_bad, then, .. }) = told else { return Html::default() };
        let forget = ctx.link().callback(|_| Msg::Forget);
        html! {
            <div class="question told" role={if *is_bad { "alert" } else { "status" }}>
                <div class="tool-row">
                    <p class={if *is_bad { "grow error" } else { "grow" }}>{ text.clone() }</p>
                    { then.clone() }
                    <button type="button" class="quiet" onclick={forget}>{ t("Close") }</button>
                </div>
            </div>
        }
    }

    fn sharing(&self, ctx: &Context<Self>) -> Html {
        if !self.shares || !ctx.props().is_seen {
            return Html::default();
        }
        let close = ctx.link().callback(|()| Msg::Share(false));
        html! { <Share sandbox={bridge::shown()} desk={ctx.props().desk.clone()} {close} /> }
    }

    /// What the view shows of the person's own data, and what else there is.
    fn about(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let onchange = link.batch_callback(|event: Event| {
            let input = event.target()?.dyn_into::<web_sys::HtmlInputElement>().ok()?;
            let file = input.files()?.get(0)?;
            // The same file can be chosen once more.
            input.set_value("");
            Some(Msg::Brought(file.into()))
        });
        let has_steps = !self.steps.is_empty();
        let note = match self.own.refusal {
            _ if has_steps => t(
                "What the panes have done to your data since this page was opened. Looking back changes nothing.",
            ),
            None if self.own.begins_late(&ctx.props().desk) => t(
                "The timeline of your data begins here. What was done before cannot be done again for certain, because the panel, a file or another tab had a part in it. Each command from now on becomes a step.",
            ),
            Some(Refusal::Served) => t(
                "Your data is on a server, which other clients change too: this page does not know its past. In an engine of its own there is a timeline:",
            ),
            Some(Refusal::TooMuch) => t(
                "Your data is too much for a timeline of its own, which would make the page wait. In an engine of its own there is one:",
            ),
            _ => t(
                "The engine is deterministic, so everything that was done can be done again: step back and forth through it, see what each command changed, branch off and go another way, stop the clock or let it run. That works in a node of its own; your data is not touched.",
            ),
        };
        html! {
            <div class={if has_steps { "own" } else { "own empty" }}>
                <p class="note">{ note }</p>
                if has_steps && (self.own.has_forgotten() || !ctx.props().desk.session().is_complete()) {
                    <p class="note">{ t("There was more than a timeline holds: its oldest steps are forgotten, and one cannot go back to before the first that is listed.") }</p>
                }
                <div class="tool-row">
                    <button type="button" class={(!has_steps).then_some("main")} onclick={link.callback(|_| Msg::Open)}>{ t("Open a timeline") }</button>
                    <button type="button" onclick={link.callback(|_| Msg::Share(true))}>{ t("Share") }</button>
                    <label class="button">{ t("Open a shared file") }
                        <input type="file" class="hidden" accept=".redstart" {onchange} />
                    </label>
                </div>
            </div>
        }
    }

    fn open(&mut self, ctx: &Context<Self>, name: &str) {
        bridge::ask(&Ask::Open(Place { sandbox: name.to_owned(), name: String::new() }));
        self.show(ctx, name);
    }

    /// Shows a sandbox that has panes.
    fn show(&mut self, ctx: &Context<Self>, name: &str) {
        if !self.branches.iter().any(|branch| branch == name) {
            self.branches.push(name.to_owned());
        }
        self.chosen = None;
        self.steps = Vec::new();
        self.round += 1;
        bridge::ask(&Ask::Show { sandbox: name.to_owned() });
        bridge::ask(&Ask::Focus(Place { sandbox: name.to_owned(), name: String::new() }));
        self.read_soon(ctx);
    }

    fn read_soon(&mut self, ctx: &Context<Self>) {
        let link = ctx.link().clone();
        self.reading = Some(Timeout::new(READ_MS, move || link.send_message(Msg::Read)));
    }

    /// Reads the recording.
    fn read(&mut self, ctx: &Context<Self>) {
        let sandbox = bridge::shown();
        if !ctx.props().is_seen {
            return;
        }
        let link = ctx.link().clone();
        if !is_ours(&sandbox) {
            if !self.is_reading && !self.back.is_busy() {
                self.is_reading = true;
                let (round, own, desk) = (self.round, self.own.clone(), ctx.props().desk.clone());
                spawn_local(async move {
                    link.send_message(Msg::Own(round, own::read(own, &desk).await));
                });
            }
            return;
        }
        self.round += 1;
        let round = self.round;
        spawn_local(async move {
            let tape = engine::tape(&sandbox).await;
            let steps = tape.map(|tape| steps::steps(&tape.entries)).unwrap_or_default();
            let state = engine::sandbox(&sandbox, SandboxOp::Tell, 0.0).await;
            link.send_message(Msg::Steps(round, steps, state));
        });
    }

    /// Where the data of a step can be had.
    fn source(&self, ctx: &Context<Self>, part: usize) -> Source {
        let sandbox = bridge::shown();
        if is_ours(&sandbox) {
            return Source::Sandbox(sandbox);
        }
        self.own.source(part, &ctx.props().desk)
    }

    /// Looks at the data at the chosen step, and before it.
    fn look(&self, ctx: &Context<Self>) {
        let (round, link) = (self.round, ctx.link().clone());
        let Some(step) = self.steps.get(self.at()) else {
            link.send_message(Msg::Looked(round, Moment::new(), Vec::new()));
            return;
        };
        let after = (self.source(ctx, step.part), step.entries);
        let before = match step.entries.checked_sub(1) {
            Some(before) => (self.source(ctx, step.part), before),
            // The end of the part before.
            None => (self.source(ctx, step.part.saturating_sub(1)), usize::MAX),
        };
        // At the end, the data is as it is now: what has expired since is gone.
        let now = self.chosen.is_none().then(|| (self.source(ctx, step.part), usize::MAX));
        spawn_local(async move {
            let Some(old) = at(before, LOOKED_AT).await else { return };
            let Some(new) = at(after, LOOKED_AT).await else { return };
            let changes = moment::changes(&old, &new);
            let shown = match now {
                Some(now) => at(now, LOOKED_AT).await,
                None => Some(new),
            };
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

    fn branch(&mut self, ctx: &Context<Self>, step: usize) {
        let Some(Step { part, entries, .. }) = self.steps.get(step) else { return };
        let (source, step) = (self.source(ctx, *part), *entries);
        self.branched += 1;
        let name = format!("{FIRST}.{}", self.branched);
        let link = ctx.link().clone();
        spawn_local(async move {
            let from = source.name(&name).await;
            engine::sandbox(&format!("{from}>{name}"), SandboxOp::Branch, step as f64).await;
            engine::sandbox(&name, SandboxOp::Rate, 1.0).await;
            link.send_message(Msg::Branched(name));
        });
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
            let line = brief(step.line.as_bytes(), 100);
            let line = match step.entries {
                0 if line.is_empty() => {
                    html! { <em>{ t("changed otherwise: in another tab, in the panel, by a file, or by chance") }</em> }
                }
                0 => html! { <><em>{ t("went back to") }</em><code>{ line }</code></> },
                _ => html! { <code>{ line }</code> },
            };
            html! {
                <button type="button" class="step" key={index} onclick={to(index)} aria-pressed={(index == at).to_string()}>
                    <span class="soft">{ index + 1 }</span>{ line }<span class="soft">{ format!("+{after}") }</span>
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
                <div class="tool-row">
                    <button type="button" onclick={link.callback(move |_| Msg::Branch(at))}>{ t("Branch from here") }</button>
                    <button type="button" onclick={link.callback(move |_| Msg::Back(back::Msg::Ask(at, Wish::Store)))}>{ t("New store from here") }</button>
                    if !is_ours(&bridge::shown()) {
                        <button type="button" disabled={at == last}
                            onclick={link.callback(move |_| Msg::Back(back::Msg::Ask(at, Wish::Back)))}>{ t("Go back to here") }</button>
                    }
                </div>
                { self.told(ctx, true) }
                { self.asking(ctx) }
            </section>
        }
    }

    /// What the step has changed.
    fn changes(&self) -> Html {
        if self.steps.is_empty() {
            return html! {};
        }
        html! {
            <section aria-label={t("What the step changed")}>
                <h3>{ t("What the step changed") }</h3>
                if self.changes.is_empty() {
                    <p class="soft">{ t("Nothing: it only looked.") }</p>
                }
                { for self.changes.iter().map(change_view) }
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

/// What has happened to a key.
fn change_view(change: &Change) -> Html {
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
}

/// The data at a place after so many entries, looked at in a sandbox of this name.
async fn at((source, step): (Source, usize), looked_at: &str) -> Option<Moment> {
    let sandbox = source.name(looked_at).await;
    engine::sandbox(&format!("{sandbox}>{looked_at}"), SandboxOp::Branch, step as f64).await;
    let client = Client::open(looked_at)?;
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
