//! The view of what is going on.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use redstart::resp::Reply;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::figures::{self, Slow, figure, micros};
use super::latency::{LATE, Latency, SLOW, Setting};
use crate::bridge::{self, Told};
use crate::i18n::{t, t1};
use crate::studio::ViewProps;
use crate::studio::chart::{Series, chart};
use crate::studio::client::Client;
use crate::studio::desk::Listening;
use crate::studio::dom::{self, Handle};
use crate::studio::journal::{self, Ran};
use crate::studio::value::load::{pairs, text};
use crate::studio::value::text::{brief, size};

const TICK_MS: u32 = 1000;
/// While commands come, the list is drawn this often.
const DRAW_MS: u32 = 120;
/// Lines that are drawn of a list.
const LINES_MAX: usize = 200;
/// Lines of MONITOR that are kept.
const MONITORED_MAX: usize = 500;

/// What is asked of the server each second; then a PING, which is timed.
const QUESTIONS: [&str; 8] = [
    "INFO memory",
    "INFO stats",
    "INFO commandstats",
    "INFO latencystats",
    "LATENCY HISTOGRAM",
    "LATENCY LATEST",
    "SLOWLOG GET 100",
    "CONFIG GET slowlog-* latency-monitor-threshold",
];

/// Which list is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Commands,
    Slow,
    Latency,
    Monitor,
}

const LISTS: [List; 4] = [List::Commands, List::Slow, List::Latency, List::Monitor];

pub(crate) struct Log {
    client: Option<Handle>,
    monitor: Option<Client>,
    sandbox: String,
    list: List,
    memory: Series,
    commands: Series,
    round_trip: Series,
    hits: Series,
    means: Series,
    /// INFO's counters when they were read last: commands, hits, misses, calls and their microseconds.
    counted: Option<[f64; 5]>,
    slow: Vec<Slow>,
    latency: Latency,
    /// Parameters by their names.
    settings: BTreeMap<String, String>,
    /// The parameter that is being changed, and what is typed for it.
    draft: Option<(&'static str, String)>,
    /// Why the server does not want to change one.
    refusal: Option<String>,
    monitored: VecDeque<String>,
    ran: VecDeque<Ran>,
    drawing: Option<Timeout>,
    _tick: Interval,
    _listening: Listening,
}

pub(crate) enum Msg {
    Told(Rc<Told>),
    Tick,
    Measured(f64, Vec<Reply>),
    Typed(&'static str, String),
    Set(&'static str, String),
    Done(Reply),
    Choose(usize),
    Heard(Reply),
    Draw,
    Clear,
}

impl Component for Log {
    type Message = Msg;
    type Properties = ViewProps;

    fn create(ctx: &Context<Self>) -> Self {
        let link = ctx.link().clone();
        let mut log = Self {
            client: None,
            monitor: None,
            sandbox: String::new(),
            list: List::Commands,
            memory: Series::default(),
            commands: Series::default(),
            round_trip: Series::default(),
            hits: Series::default(),
            means: Series::default(),
            counted: None,
            slow: Vec::new(),
            latency: Latency::default(),
            settings: BTreeMap::new(),
            draft: None,
            refusal: None,
            monitored: VecDeque::new(),
            ran: VecDeque::new(),
            drawing: None,
            _tick: Interval::new(TICK_MS, move || link.send_message(Msg::Tick)),
            _listening: ctx.props().desk.listen(ctx.link().callback(Msg::Told)),
        };
        log.connect(ctx);
        log.measure(ctx);
        log
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Told(told) => {
                match *told {
                    Told::Sent { .. } | Told::Received { .. } => self.draw_soon(ctx),
                    Told::Restarted => self.connect(ctx),
                    Told::Pane { .. } | Told::Closed { .. } | Told::Language | Told::Lost => {}
                }
                return false;
            }
            Msg::Tick => {
                if ctx.props().is_seen {
                    if bridge::shown() != self.sandbox {
                        self.connect(ctx);
                    }
                    self.measure(ctx);
                }
                return false;
            }
            Msg::Measured(ms, replies) => self.measured(ms, &replies),
            Msg::Typed(name, value) => self.draft = Some((name, value)),
            Msg::Set(name, value) => self.ask(ctx, &["CONFIG", "SET", name, &value]),
            Msg::Done(reply) => {
                self.draft = None;
                self.refusal = match reply {
                    Reply::Error(text) => Some(String::from_utf8_lossy(&text).into_owned()),
                    _ => None,
                };
                self.measure(ctx);
            }
            Msg::Choose(index) => {
                self.list = LISTS.get(index).copied().unwrap_or(List::Commands);
                self.listen(ctx);
            }
            Msg::Heard(reply) => {
                if let Some(line) = text(&reply).filter(|line| line != "OK") {
                    if self.monitored.len() == MONITORED_MAX {
                        self.monitored.pop_front();
                    }
                    self.monitored.push_back(line);
                }
                self.draw_soon(ctx);
                return false;
            }
            Msg::Draw => self.drawing = None,
            Msg::Clear => {
                ctx.props().desk.clear_exchanges();
                self.ran.clear();
                self.monitored.clear();
                match self.list {
                    List::Slow => self.ask(ctx, &["SLOWLOG", "RESET"]),
                    List::Latency => {
                        self.ask(ctx, &["LATENCY", "RESET"]);
                        self.ask(ctx, &["CONFIG", "RESETSTAT"]);
                    }
                    List::Commands | List::Monitor => {}
                }
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let texts = [t("Commands"), t("Slow log"), t("Latency"), t("Everything")];
        let chosen = LISTS.iter().position(|list| *list == self.list).unwrap_or(0);
        html! {
            <div class="log-view">
                <div class="charts" tabindex="0" role="group" aria-label={t("Charts")}>
                    { chart(t("Memory"), &self.memory, |bytes| size(bytes as u64)) }
                    { chart(t("Commands a second"), &self.commands, |count| format!("{count:.0}")) }
                    { chart(t("Engine time"), &self.means, micros) }
                    { chart(t("Round trip"), &self.round_trip, |ms| micros(ms * 1000.0)) }
                    { chart(t("Keys found"), &self.hits, |percent| format!("{percent:.0} %")) }
                </div>
                <div class="tool-row log-tools">
                    { dom::choices(t("What is listed"), texts.into_iter(), chosen, ctx.link().callback(Msg::Choose)) }
                    <span class="grow"></span>
                    { match self.list {
                        List::Slow => self.settings(ctx, &SLOW),
                        List::Latency => self.settings(ctx, &LATE),
                        List::Commands | List::Monitor => Html::default(),
                    } }
                    <button type="button" class="quiet" onclick={ctx.link().callback(|_| Msg::Clear)}>{ t("Clear") }</button>
                </div>
                if let Some(why) = &self.refusal {
                    <p class="note error" role="alert">{ why }</p>
                }
                <div class="log-list" tabindex="0" role="region" aria-label={t("List")}>
                    { match self.list {
                        List::Commands => self.commands(ctx),
                        List::Slow => self.slow(),
                        List::Latency => self.latency.view(),
                        List::Monitor => self.monitored(),
                    } }
                </div>
            </div>
        }
    }
}

impl Log {
    fn connect(&mut self, ctx: &Context<Self>) {
        self.sandbox = bridge::shown();
        self.counted = None;
        self.client = Client::open(&self.sandbox).map(|client| Handle(Rc::new(client)));
        self.monitor = None;
        self.listen(ctx);
    }

    /// Has MONITOR tell what is going on as long as that is seen.
    fn listen(&mut self, ctx: &Context<Self>) {
        if self.list != List::Monitor {
            self.monitor = None;
            return;
        }
        if self.monitor.is_some() {
            return;
        }
        self.monitor = Client::open_heard(&self.sandbox, ctx.link().callback(Msg::Heard));
        if let Some(monitor) = &self.monitor {
            monitor.tell(&[b"MONITOR".to_vec()]);
        }
    }

    fn draw_soon(&mut self, ctx: &Context<Self>) {
        if self.drawing.is_none() && ctx.props().is_seen {
            let link = ctx.link().clone();
            self.drawing = Some(Timeout::new(DRAW_MS, move || link.send_message(Msg::Draw)));
        }
    }

    fn measure(&self, ctx: &Context<Self>) {
        let Some(Handle(client)) = self.client.clone() else { return };
        let link = ctx.link().clone();
        let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        spawn_local(async move {
            let begun_ms = dom::clock_ms();
            if client.run(&[b"PING".to_vec()]).await.is_err() {
                return;
            }
            let took_ms = dom::clock_ms() - begun_ms;
            if let Ok(replies) = client.run_all(&QUESTIONS.map(words)).await {
                link.send_message(Msg::Measured(took_ms, replies));
            }
        });
    }

    fn ask(&self, ctx: &Context<Self>, words: &[&str]) {
        let Some(Handle(client)) = self.client.clone() else { return };
        let link = ctx.link().clone();
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        spawn_local(async move {
            if let Ok(reply) = client.run(&words).await {
                link.send_message(Msg::Done(reply));
            }
        });
    }

    fn measured(&mut self, ms: f64, replies: &[Reply]) {
        let [memory, stats, commands, times, steps, late, slow, settings] = replies else { return };
        let [memory, stats, commands, times] =
            [memory, stats, commands, times].map(|reply| text(reply).unwrap_or_default());
        self.latency = Latency {
            steps: figures::distribution(steps),
            timed: figures::timed(&commands, &times),
            late: figures::latest(late),
        };
        let settings = pairs(settings).unwrap_or_default();
        let setting = |(name, value)| Some((text(name)?, text(value)?));
        self.settings = settings.into_iter().filter_map(setting).collect();
        self.round_trip.push(ms);
        self.memory.push(figure(&memory, "used_memory").unwrap_or(0.0));
        let names = ["total_commands_processed", "keyspace_hits", "keyspace_misses"];
        let [all, hits, misses] = names.map(|name| figure(&stats, name).unwrap_or(0.0));
        let [calls, took_us] = self.latency.totals();
        let now = [all, hits, misses, calls, took_us];
        if let Some(before) = self.counted.replace(now) {
            // What this view asks itself is not counted.
            let asked = QUESTIONS.len() as f64 + 1.0;
            self.commands.push((now[0] - before[0] - asked).max(0.0));
            let (calls, took_us) = (now[3] - before[3], now[4] - before[4]);
            // After CONFIG RESETSTAT there may be fewer.
            if calls > 0.0 && took_us >= 0.0 {
                self.means.push(took_us / calls);
            }
            let (hits, misses) = (now[1] - before[1], now[2] - before[2]);
            if hits + misses > 0.0 {
                self.hits.push(hits * 100.0 / (hits + misses));
            }
        }
        self.slow = figures::slow_log(slow);
        self.ran.extend(journal::take());
        let surplus = self.ran.len().saturating_sub(LINES_MAX);
        self.ran.drain(..surplus);
    }

    fn commands(&self, ctx: &Context<Self>) -> Html {
        let desk = &ctx.props().desk;
        let exchanges = desk.exchanges();
        let of_panes = exchanges.all().rev().take(LINES_MAX).map(|it| {
            let line =
                if it.line.is_empty() { t("(came unasked)").to_string() } else { it.line.clone() };
            (
                it.at_ms,
                dom::pane_name(desk, it.pane),
                line,
                it.took_ms,
                it.reply_bytes,
                it.has_failed,
            )
        });
        let of_panel = self.ran.iter().map(|it| {
            (
                it.at_ms,
                t("panel").to_string(),
                it.line.clone(),
                Some(it.took_ms),
                it.reply_bytes,
                it.has_failed,
            )
        });
        let mut rows: Vec<_> = of_panes.chain(of_panel).collect();
        rows.sort_by(|left, right| right.0.total_cmp(&left.0));
        rows.truncate(LINES_MAX);
        if rows.is_empty() {
            return html! { <p class="empty">{ t("Commands that are run in the panes from now on are listed here.") }</p> };
        }
        let row = |(at_ms, pane, line, took_ms, bytes, has_failed): (
            f64,
            String,
            String,
            Option<f64>,
            usize,
            bool,
        )| {
            let took = took_ms.map_or_else(|| t("waits").to_string(), |ms| micros(ms * 1000.0));
            html! {
                <tr class={has_failed.then_some("error")}>
                    <td class="soft">{ clock(at_ms) }</td><td class="soft">{ pane }</td>
                    <td><code>{ brief(line.as_bytes(), 160) }</code></td>
                    <td class="number">{ took }</td><td class="number">{ size(bytes as u64) }</td>
                </tr>
            }
        };
        html! {
            <table>
                <thead><tr><th scope="col">{ t("Time") }</th><th scope="col">{ t("Pane") }</th><th scope="col">{ t("Command") }</th><th scope="col">{ t("Took") }</th><th scope="col">{ t("Reply") }</th></tr></thead>
                <tbody>{ for rows.into_iter().map(row) }</tbody>
            </table>
        }
    }

    /// Fields for what is logged.
    fn settings(&self, ctx: &Context<Self>, settings: &[Setting]) -> Html {
        let field = |setting: &Setting| {
            let name = setting.name;
            let draft = self.draft.as_ref().filter(|(drafted, _)| *drafted == name);
            let value = draft.map(|(_, value)| value).or_else(|| self.settings.get(name)).cloned();
            let typed = ctx.link().callback(move |value| Msg::Typed(name, value));
            setting.field(value, typed, ctx.link().callback(move |value| Msg::Set(name, value)))
        };
        settings.iter().map(field).collect()
    }

    /// What SLOWLOG tells.
    fn slow(&self) -> Html {
        let row = |slow: &Slow| {
            html! {
                <tr>
                    <td class="soft">{ clock(slow.at_s as f64 * 1000.0) }</td>
                    <td class="number">{ micros(slow.took_us as f64) }</td>
                    <td><code>{ brief(slow.line.as_bytes(), 160) }</code></td>
                    <td class="soft">{ &slow.client }</td>
                </tr>
            }
        };
        html! {
            <>
                <p class="note">{ t("What SLOWLOG keeps: commands that took long inside the engine, the newest first.") }</p>
                if !self.slow.is_empty() {
                    <table>
                        <thead><tr><th scope="col">{ t("Time") }</th><th scope="col" class="number">{ t("Took") }</th><th scope="col">{ t("Command") }</th><th scope="col">{ t("Client") }</th></tr></thead>
                        <tbody>{ for self.slow.iter().map(row) }</tbody>
                    </table>
                }
            </>
        }
    }

    fn monitored(&self) -> Html {
        let count = self.monitored.len().to_string();
        let lines: Vec<&str> =
            self.monitored.iter().rev().take(LINES_MAX).map(String::as_str).collect();
        html! {
            <>
                <p class="note">{ t1("What MONITOR tells of all clients, this panel's too: {} lines.", &count) }</p>
                <pre class="monitored">{ lines.join("\n") }</pre>
            </>
        }
    }
}

/// A time of day with milliseconds.
pub(super) fn clock(at_ms: f64) -> String {
    let date = js_sys::Date::new(&at_ms.into());
    let (hour, minute, second) = (date.get_hours(), date.get_minutes(), date.get_seconds());
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", date.get_milliseconds())
}
