//! The view of what is going on.

use std::collections::VecDeque;
use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use redstart::resp::Reply;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::figures::{self, Slow, figure, micros};
use crate::bridge::{self, Told};
use crate::i18n::{t, t1};
use crate::studio::ViewProps;
use crate::studio::chart::{Series, chart};
use crate::studio::client::Client;
use crate::studio::desk::Listening;
use crate::studio::dom::{self, Handle};
use crate::studio::journal::{self, Ran};
use crate::studio::value::load::text;
use crate::studio::value::text::{brief, size};

const TICK_MS: u32 = 1000;
/// While commands come, the list is drawn this often.
const DRAW_MS: u32 = 120;
/// Lines that are drawn of a list.
const LINES_MAX: usize = 200;
/// What takes so long is slow.
const SLOW_MS: f64 = 10.0;
/// Lines of MONITOR that are kept.
const MONITORED_MAX: usize = 500;

/// Which list is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Commands,
    Slow,
    Monitor,
}

const LISTS: [List; 3] = [List::Commands, List::Slow, List::Monitor];

pub(crate) struct Log {
    client: Option<Handle>,
    monitor: Option<Client>,
    sandbox: String,
    list: List,
    memory: Series,
    commands: Series,
    round_trip: Series,
    hits: Series,
    /// INFO's counters when they were read last: commands, hits, misses.
    counted: Option<[f64; 3]>,
    slow: Vec<Slow>,
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
    Slow(Reply),
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
            counted: None,
            slow: Vec::new(),
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
            Msg::Slow(reply) => self.slow = figures::slow_log(&reply),
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
                if self.list == List::Slow {
                    self.ask(ctx, &["SLOWLOG", "RESET"]);
                    self.slow.clear();
                }
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let texts = [t("Commands"), t("Slow log"), t("Everything")];
        let chosen = LISTS.iter().position(|list| *list == self.list).unwrap_or(0);
        html! {
            <div class="log-view">
                <div class="charts">
                    { chart(t("Memory"), &self.memory, |bytes| size(bytes as u64)) }
                    { chart(t("Commands a second"), &self.commands, |count| format!("{count:.0}")) }
                    { chart(t("Round trip"), &self.round_trip, |ms| micros(ms * 1000.0)) }
                    { chart(t("Keys found"), &self.hits, |percent| format!("{percent:.0} %")) }
                </div>
                <div class="tool-row log-tools">
                    { dom::choices(t("What is listed"), texts.into_iter(), chosen, ctx.link().callback(Msg::Choose)) }
                    <span class="grow"></span>
                    <button type="button" class="quiet" onclick={ctx.link().callback(|_| Msg::Clear)}>{ t("Clear") }</button>
                </div>
                <div class="log-list" tabindex="0" role="region" aria-label={t("List")}>
                    { match self.list {
                        List::Commands => self.commands(ctx),
                        List::Slow => self.slow(ctx),
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
            if let Ok(replies) = client
                .run_all(&[words("INFO memory"), words("INFO stats"), words("SLOWLOG GET 100")])
                .await
            {
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
                link.send_message(Msg::Slow(reply));
            }
        });
    }

    fn measured(&mut self, ms: f64, replies: &[Reply]) {
        let [memory, stats, slow] = replies else { return };
        let (memory, stats) = (text(memory).unwrap_or_default(), text(stats).unwrap_or_default());
        self.round_trip.push(ms);
        self.memory.push(figure(&memory, "used_memory").unwrap_or(0.0));
        let names = ["total_commands_processed", "keyspace_hits", "keyspace_misses"];
        let now = names.map(|name| figure(&stats, name).unwrap_or(0.0));
        if let Some(before) = self.counted.replace(now) {
            // What this view asks itself is not counted.
            self.commands.push((now[0] - before[0] - 4.0).max(0.0));
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
        let exchanges = ctx.props().desk.exchanges();
        let of_panes = exchanges.all().rev().take(LINES_MAX).map(|it| {
            let line =
                if it.line.is_empty() { t("(came unasked)").to_string() } else { it.line.clone() };
            (it.at_ms, it.pane.to_string(), line, it.took_ms, it.reply_bytes, it.has_failed)
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

    /// What took long: as the page has measured it, and as the server tells.
    fn slow(&self, ctx: &Context<Self>) -> Html {
        let exchanges = ctx.props().desk.exchanges();
        let of_panes = exchanges.all().rev().filter_map(|it| {
            let took_ms = it.took_ms.filter(|&ms| ms >= SLOW_MS && !it.line.is_empty())?;
            Some((
                it.at_ms,
                it.line.clone(),
                took_ms * 1000.0,
                t1("pane {}", &it.pane.to_string()).to_string(),
            ))
        });
        let of_server = self.slow.iter().map(|it| {
            (it.at_s as f64 * 1000.0, it.line.clone(), it.took_us as f64, it.client.clone())
        });
        let mut rows: Vec<_> = of_panes.chain(of_server).collect();
        rows.sort_by(|left, right| right.2.total_cmp(&left.2));
        rows.truncate(LINES_MAX);
        let row = |(at_ms, line, took_us, client): (f64, String, f64, String)| {
            html! {
                <tr>
                    <td class="soft">{ clock(at_ms) }</td>
                    <td><code>{ brief(line.as_bytes(), 160) }</code></td>
                    <td class="number">{ micros(took_us) }</td><td class="soft">{ client }</td>
                </tr>
            }
        };
        html! {
            <>
                <p class="note">{ t("Commands of the panes that took 10 ms or longer until their reply was there, and what SLOWLOG tells; the slowest first.") }</p>
                if !rows.is_empty() {
                    <table>
                        <thead><tr><th scope="col">{ t("Time") }</th><th scope="col">{ t("Command") }</th><th scope="col">{ t("Took") }</th><th scope="col">{ t("Client") }</th></tr></thead>
                        <tbody>{ for rows.into_iter().map(row) }</tbody>
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
fn clock(at_ms: f64) -> String {
    let date = js_sys::Date::new(&at_ms.into());
    let (hour, minute, second) = (date.get_hours(), date.get_minutes(), date.get_seconds());
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", date.get_milliseconds())
}
