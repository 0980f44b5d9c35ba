//! The view of the laboratory: a bound of memory, the skew of what is wanted, and the hit rate of each
//! policy as it is measured.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use redstart::resp::Reply;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::workload::{Meter, Pattern, Workload};
use crate::i18n::{t, t1};
use crate::message::SandboxOp;
use crate::studio::ViewProps;
use crate::studio::chart::Series;
use crate::studio::client::Client;
use crate::studio::dom;
use crate::studio::engine;
use crate::studio::keys::browser::integer;
use crate::studio::value::text::{grouped, size};

/// Keys that are wanted, and the bytes of each value.
const KEYS: usize = 2000;
const VALUE_BYTES: usize = 200;

/// What all keys take with their values, about.
const ALL_BYTES: f64 = (KEYS * (VALUE_BYTES + 40)) as f64;

/// Requests in one batch, and the time between two, in milliseconds.
const BATCH: usize = 200;
const PAUSE_MS: u32 = 25;

/// How fast the nodes' clocks go: recency is kept in seconds, and a second shall be a batch or two.
const CLOCK_RATE: f64 = 40.0;

/// Seconds until keys expire, where a policy only evicts those that do.
const TTL_S: u32 = 360_000;

/// The policies that can be compared.
const POLICIES: [&str; 6] =
    ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-ttl", "noeviction"];

pub(crate) struct Lab {
    bound_percent: u32,
    skew: f64,
    pattern: Pattern,
    /// Of each policy, whether it is measured, and how it does.
    runs: Vec<Run>,
    is_running: bool,
    /// Another number, when batches of before are not wanted any more.
    round: u32,
}

#[derive(Default)]
struct Run {
    is_on: bool,
    client: Option<Rc<Client>>,
    workload: Option<Workload>,
    meter: Meter,
    series: Series,
    keys: u64,
    evicted: u64,
    refused: u64,
}

pub(crate) enum Msg {
    Bound(u32),
    Skew(f64),
    Pattern(usize),
    Toggle(usize),
    Start,
    Stop,
    Next(usize, u32),
    Batch(usize, u32, Batch),
}

/// What came of a batch.
pub(crate) struct Batch {
    hits: usize,
    asked: usize,
    refused: u64,
    keys: u64,
    evicted: u64,
}

impl Component for Lab {
    type Message = Msg;
    type Properties = ViewProps;

    fn create(_: &Context<Self>) -> Self {
        let run = |index: usize| Run { is_on: index < 3, ..Run::default() };
        let runs = (0..POLICIES.len()).map(run).collect();
        let pattern = Pattern::Skewed;
        Self { bound_percent: 25, skew: 1.0, pattern, runs, is_running: false, round: 0 }
    }

    fn changed(&mut self, ctx: &Context<Self>, _: &ViewProps) -> bool {
        if !ctx.props().is_seen {
            self.stop();
        }
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Bound(percent) => {
                self.bound_percent = percent;
                self.tell_bound();
            }
            Msg::Skew(skew) => {
                self.skew = skew;
                self.renew_workloads();
            }
            Msg::Pattern(index) => {
                self.pattern = Pattern::ALL.get(index).copied().unwrap_or(Pattern::Skewed);
                self.renew_workloads();
            }
            Msg::Toggle(index) => {
                if let Some(run) = self.runs.get_mut(index) {
                    run.is_on = !run.is_on;
                }
                if self.is_running {
                    self.start(ctx);
                }
            }
            Msg::Start => self.start(ctx),
            Msg::Stop => self.stop(),
            Msg::Next(index, round) => {
                if round == self.round {
                    self.batch(ctx, index);
                }
                return false;
            }
            Msg::Batch(index, round, batch) => {
                if round != self.round {
                    return false;
                }
                self.count(ctx, index, &batch);
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        html! {
            <div class="lab-view">
                <p class="note">{ t("A cache that is too small for all that is wanted must let something go. Each policy has a node of its own with the same bound of memory and gets the same requests: GET, and SET if nothing was there.") }</p>
                { self.controls(ctx) }
                { self.picture() }
                { self.table(ctx) }
            </div>
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Lab {
    fn bound_bytes(&self) -> u64 {
        (ALL_BYTES * f64::from(self.bound_percent) / 100.0) as u64
    }

    /// Begins anew: sandboxes without data for all policies that are on.
    fn start(&mut self, ctx: &Context<Self>) {
        self.stop();
        self.is_running = true;
        let round = self.round;
        for (index, run) in self.runs.iter_mut().enumerate() {
            *run = Run { is_on: run.is_on, ..Run::default() };
            if !run.is_on {
                continue;
            }
            run.workload = Some(Workload::new(self.pattern, KEYS, self.skew));
            let link = ctx.link().clone();
            spawn_local(async move {
                engine::sandbox(&sandbox_name(index), SandboxOp::Reset, 0.0).await;
                engine::sandbox(&sandbox_name(index), SandboxOp::Rate, CLOCK_RATE).await;
                link.send_message(Msg::Next(index, round));
            });
        }
    }

    fn stop(&mut self) {
        self.round += 1;
        if self.is_running {
            self.is_running = false;
            for (index, run) in self.runs.iter_mut().enumerate() {
                if run.client.take().is_some() {
                    let name = sandbox_name(index);
                    spawn_local(async move {
                        drop(engine::sandbox(&name, SandboxOp::Remove, 0.0).await);
                    });
                }
            }
        }
    }

    fn renew_workloads(&mut self) {
        for run in &mut self.runs {
            if run.workload.is_some() {
                run.workload = Some(Workload::new(self.pattern, KEYS, self.skew));
            }
        }
    }

    /// Tells all nodes of the bound.
    fn tell_bound(&self) {
        for (index, run) in self.runs.iter().enumerate() {
            if let Some(client) = run.client.clone() {
                let config = config(index, self.bound_bytes());
                spawn_local(async move { drop(client.run(&config).await) });
            }
        }
    }

    /// Asks one node for a batch of keys, and puts there what was not.
    fn batch(&mut self, ctx: &Context<Self>, index: usize) {
        let (round, bound) = (self.round, self.bound_bytes());
        let Some(run) = self.runs.get_mut(index) else { return };
        let is_new = run.client.is_none();
        if is_new {
            run.client = Client::open(&sandbox_name(index)).map(Rc::new);
        }
        let (Some(client), Some(workload)) = (run.client.clone(), &mut run.workload) else {
            return;
        };
        let keys: Vec<Vec<u8>> =
            (0..BATCH).map(|_| format!("item:{}", workload.draw()).into_bytes()).collect();
        let expires = POLICIES[index].starts_with("volatile");
        let link = ctx.link().clone();
        spawn_local(async move {
            if is_new {
                let _ = client.run(&config(index, bound)).await;
            }
            if let Some(batch) = run_batch(&client, &keys, expires).await {
                link.send_message(Msg::Batch(index, round, batch));
            }
        });
    }

    fn count(&mut self, ctx: &Context<Self>, index: usize, batch: &Batch) {
        let Some(run) = self.runs.get_mut(index) else { return };
        run.meter.count(batch.hits, batch.asked);
        run.series.push(run.meter.percent().unwrap_or(0.0));
        run.refused += batch.refused;
        (run.keys, run.evicted) = (batch.keys, batch.evicted);
        let (link, round) = (ctx.link().clone(), self.round);
        spawn_local(async move {
            TimeoutFuture::new(PAUSE_MS).await;
            link.send_message(Msg::Next(index, round));
        });
    }

    fn controls(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let bound =
            link.callback(|event: InputEvent| Msg::Bound(dom::value(&event).parse().unwrap_or(25)));
        let skew = link.callback(|event: InputEvent| {
            Msg::Skew(dom::value(&event).parse::<f64>().unwrap_or(100.0) / 100.0)
        });
        let texts = [t("Skewed"), t("Moving on"), t("In a loop"), t("With scans")];
        let chosen = Pattern::ALL.iter().position(|pattern| *pattern == self.pattern).unwrap_or(0);
        let main = if self.is_running {
            html! { <button type="button" class="stop" onclick={link.callback(|_| Msg::Stop)}>{ t("Stop") }</button> }
        } else {
            html! { <button type="button" class="main" onclick={link.callback(|_| Msg::Start)}>{ t("Start") }</button> }
        };
        let set_bound = format!("{} · {} %", size(self.bound_bytes()), self.bound_percent);
        let set_skew = format!("{:.2}", self.skew);
        // Some browsers would have what is set as a part of the name too.
        html! {
            <div class="lab-controls">
                <label><span>{ "maxmemory" }</span>
                    <input type="range" min="5" max="110" value={self.bound_percent.to_string()} oninput={bound}
                        aria-label="maxmemory" aria-valuetext={set_bound.clone()} />
                    <output>{ set_bound }</output></label>
                <label><span>{ t("Skew") }</span>
                    <input type="range" min="0" max="150" value={(self.skew * 100.0).to_string()} oninput={skew}
                        aria-label={t("Skew")} aria-valuetext={set_skew.clone()} />
                    <output>{ set_skew }</output></label>
                <div class="tool-row">
                    { dom::choices(t("What is wanted"), texts.into_iter(), chosen, link.callback(Msg::Pattern)) }
                    <span class="grow"></span>{ main }
                </div>
            </div>
        }
    }

    /// The hit rates as lines.
    fn picture(&self) -> Html {
        const WIDTH: f64 = 600.0;
        const HEIGHT: f64 = 220.0;
        let line = |(index, run): (usize, &Run)| {
            let path = run.series.outline(WIDTH, HEIGHT, 100.0);
            html! { <path class="line" data-policy={index.to_string()} d={path} /> }
        };
        let best = self.best().map(|percent| {
            let y = format!("{:.1}", HEIGHT * (1.0 - percent / 100.0));
            html! { <line class="best" x1="0" x2={WIDTH.to_string()} y1={y.clone()} y2={y} /> }
        });
        let grid: String =
            (0..=4).map(|part| format!("M0 {}H{WIDTH}", HEIGHT * f64::from(part) / 4.0)).collect();
        let spoken = self.runs.iter().zip(POLICIES).filter_map(|(run, policy)| {
            run.meter.percent().map(|percent| format!("{policy} {percent:.0} %"))
        });
        let spoken = spoken.collect::<Vec<_>>().join(", ");
        html! {
            <figure class="lab-chart">
                <figcaption>{ t("Hit rate of the last few thousand requests, in percent") }</figcaption>
                <svg viewBox={format!("-28 -8 {} {}", WIDTH + 34.0, HEIGHT + 16.0)} role="img" aria-label={format!("{}: {spoken}", t("Hit rates"))}>
                    <path class="grid" d={grid} />
                    { for (0..=4).map(|part| html! { <text x="-6" y={format!("{}", HEIGHT * f64::from(part) / 4.0 + 3.5)}>{ (100 - part * 25).to_string() }</text> }) }
                    { best }
                    { for self.runs.iter().enumerate().filter(|(_, run)| run.is_on).map(line) }
                </svg>
            </figure>
        }
    }

    /// The best hit rate that is possible with as many keys as are kept.
    fn best(&self) -> Option<f64> {
        let run = self.runs.iter().find(|run| run.is_on && run.keys > 0)?;
        run.workload.as_ref()?.best(run.keys as usize).map(|part| part * 100.0)
    }

    fn table(&self, ctx: &Context<Self>) -> Html {
        let row = |(index, run): (usize, &Run)| {
            let onclick = ctx.link().callback(move |_| Msg::Toggle(index));
            let percent = run.meter.percent().filter(|_| run.is_on);
            let percent =
                percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent:.1} %"));
            html! {
                <tr>
                    <td><label class="policy"><input type="checkbox" checked={run.is_on} {onclick} />
                        <span class="dash" data-policy={index.to_string()}></span><code>{ POLICIES[index] }</code></label></td>
                    <td class="number"><strong>{ percent }</strong></td>
                    <td class="number">{ grouped(run.keys) }</td>
                    <td class="number">{ grouped(run.evicted) }</td>
                    <td class="number">{ grouped(run.refused) }</td>
                </tr>
            }
        };
        let best = self.best().map(|percent| {
            t1(
                "With so many keys no policy could do better than {} % (the dashed line).",
                &format!("{percent:.1}"),
            )
        });
        html! {
            <>
                <table class="lab-table">
                    <thead><tr><th scope="col">{ t("Policy") }</th><th scope="col">{ t("Hits") }</th><th scope="col">{ t("Keys kept") }</th><th scope="col">{ t("Evicted") }</th><th scope="col">{ t("Refused") }</th></tr></thead>
                    <tbody>{ for self.runs.iter().enumerate().map(row) }</tbody>
                </table>
                <p class="note">{ t1("{} keys are wanted in all.", &grouped(KEYS as u64)) }{ " " }{ best }</p>
            </>
        }
    }
}

fn sandbox_name(index: usize) -> String {
    format!("lab-{}", POLICIES[index])
}

/// What tells a node of its bound and its policy.
fn config(index: usize, bound: u64) -> Vec<Vec<u8>> {
    let bound = bound.to_string();
    [
        "CONFIG",
        "SET",
        "maxmemory",
        &bound,
        "maxmemory-policy",
        POLICIES[index],
        "maxmemory-samples",
        "5",
    ]
    .map(|word| word.as_bytes().to_vec())
    .to_vec()
}

/// Asks for keys, and puts there what was not.
async fn run_batch(client: &Client, keys: &[Vec<u8>], expires: bool) -> Option<Batch> {
    let get = |key: &Vec<u8>| vec![b"GET".to_vec(), key.clone()];
    let found = client.run_all(&keys.iter().map(get).collect::<Vec<_>>()).await.ok()?;
    let missed = keys.iter().zip(&found).filter(|(_, reply)| matches!(reply, Reply::Null));
    let set = |(key, _): (&Vec<u8>, &Reply)| {
        let mut command = vec![b"SET".to_vec(), key.clone(), vec![b'x'; VALUE_BYTES]];
        if expires {
            command.extend([b"EX".to_vec(), TTL_S.to_string().into_bytes()]);
        }
        command
    };
    let mut commands: Vec<_> = missed.map(set).collect();
    let sets = commands.len();
    commands.push(vec![b"DBSIZE".to_vec()]);
    commands.push(vec![b"INFO".to_vec(), b"stats".to_vec()]);
    let replies = client.run_all(&commands).await.ok()?;
    let refused =
        replies.iter().take(sets).filter(|reply| matches!(reply, Reply::Error(_))).count();
    let info = replies.last().and_then(crate::studio::value::load::text).unwrap_or_default();
    let evicted = crate::studio::log::figures::figure(&info, "evicted_keys").unwrap_or(0.0);
    Some(Batch {
        hits: keys.len() - sets,
        asked: keys.len(),
        refused: refused as u64,
        keys: replies.get(sets).and_then(integer).map_or(0, i64::unsigned_abs),
        evicted: evicted as u64,
    })
}
