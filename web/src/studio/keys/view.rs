//! The view of keys: the tree or list at one side, the chosen key's value at the other.

use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use gloo_timers::future::TimeoutFuture;
use redstart::resp::Reply;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, Event, KeyboardEvent};
use yew::prelude::*;

use super::browser::{Browser, Filter, Progress, Question, integer};
use super::examples;
use super::list::{Expiry, Sort};
use super::tree::{Item, Kind, Row};
use crate::bridge::{self, Told};
use crate::i18n::{t, t1};
use crate::studio::ViewProps;
use crate::studio::client::Client;
use crate::studio::desk::Listening;
use crate::studio::dom::{self, Handle};
use crate::studio::value::edit;
use crate::studio::value::text::{brief, grouped, size, span};
use crate::studio::value::view::{Fate, ValueView};

/// How long somebody must not type before a search begins.
const SEARCH_MS: u32 = 200;
/// The shortest time between two drawings while keys come in.
const DRAW_MS: f64 = 80.0;
/// How often times are drawn anew.
const TICK_MS: u32 = 1000;
/// Keys up to which all folders are open to begin with.
const OPENED_MAX: usize = 40;
/// What is wished for to have the examples made, where a key's name may stand too.
const EXAMPLES: &str = "examples";
/// Letters of a name that are shown in a line.
const LABEL_MAX: usize = 200;

pub(crate) struct Keys {
    browser: Browser,
    client: Option<Handle>,
    /// The sandbox that is looked into; empty for the person's data.
    sandbox: String,
    db: u32,
    /// The numbers of the databases that hold keys.
    dbs: Vec<u32>,
    /// A greater one is a newer connection.
    conn: u32,
    list: NodeRef,
    typed: String,
    typing: Option<Timeout>,
    /// The line that the keyboard is at.
    cursor: usize,
    chosen: Option<Rc<[u8]>>,
    /// Another number, when the chosen key has changed.
    stamp: u32,
    /// What the server's clock is ahead of the browser's.
    ahead_ms: f64,
    drawn_ms: f64,
    making: Option<Making>,
    /// Whether folders were opened that need not be closed.
    has_opened: bool,
    /// Whether the server has told of changes since the last tick.
    has_moved: bool,
    _tick: Interval,
    _listening: Listening,
}

/// A key that is being made.
#[derive(Clone, Default)]
pub(crate) struct Making {
    kind: String,
    name: String,
    text: String,
    error: String,
}

pub(crate) enum Msg {
    Told(Rc<Told>),
    Connected(u32, Vec<Reply>),
    Answered(u32, Question, Option<Vec<Reply>>),
    Pushed(u32, Reply),
    Scrolled,
    Tick,
    Time(Reply),
    Typed(String),
    Search,
    Kind(Kind),
    Sort(Sort),
    Db(u32),
    Click(usize),
    Key(String),
    Refresh,
    Fate(Fate),
    Examples,
    Make(Option<Making>),
    Create,
    Created(Reply),
}

impl Component for Keys {
    type Message = Msg;
    type Properties = ViewProps;

    fn create(ctx: &Context<Self>) -> Self {
        let tick = {
            let link = ctx.link().clone();
            Interval::new(TICK_MS, move || link.send_message(Msg::Tick))
        };
        let mut keys = Self {
            browser: Browser::default(),
            client: None,
            sandbox: String::new(),
            db: 0,
            dbs: vec![0],
            conn: 0,
            list: NodeRef::default(),
            typed: String::new(),
            typing: None,
            cursor: 0,
            chosen: None,
            stamp: 0,
            ahead_ms: 0.0,
            drawn_ms: 0.0,
            making: None,
            has_opened: false,
            has_moved: false,
            _tick: tick,
            _listening: ctx.props().desk.listen(ctx.link().callback(Msg::Told)),
        };
        keys.sandbox = bridge::shown();
        keys.connect(ctx);
        keys.wish(ctx);
        keys
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &ViewProps) -> bool {
        if ctx.props().wish.0 != old.wish.0 {
            self.wish(ctx);
        }
        self.pump(ctx);
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Told(told) => return self.told(ctx, &told),
            Msg::Connected(conn, replies) => {
                if conn == self.conn {
                    self.connected(&replies);
                }
            }
            Msg::Answered(conn, question, replies) => {
                return self.answered(ctx, conn, question, replies);
            }
            Msg::Pushed(conn, push) => {
                if conn == self.conn {
                    self.pushed(&push);
                }
                self.pump(ctx);
                return false;
            }
            Msg::Scrolled => {
                if let Some(list) = self.list.cast::<Element>() {
                    self.browser.window.scrolled(f64::from(list.scroll_top()));
                }
            }
            Msg::Tick => {
                if !ctx.props().is_seen {
                    return false;
                }
                self.follow(ctx);
                self.ask_time(ctx);
                // Once that has come to rest of which too much has changed to follow it.
                let has_moved = std::mem::take(&mut self.has_moved);
                if self.browser.is_stale() && !has_moved {
                    self.refresh();
                }
            }
            Msg::Time(reply) => self.time(&reply),
            Msg::Typed(text) => {
                self.typed = text;
                let link = ctx.link().clone();
                self.typing = Some(Timeout::new(SEARCH_MS, move || link.send_message(Msg::Search)));
                return false;
            }
            Msg::Search => {
                let text = self.typed.trim().to_owned();
                self.filter(Filter { text, ..self.browser.filter().clone() });
            }
            Msg::Kind(kind) => self.filter(Filter { kind, ..self.browser.filter().clone() }),
            Msg::Sort(sort) => {
                self.browser.set_sort(sort);
                self.scroll_to_top();
            }
            Msg::Db(db) => {
                self.db = db;
                self.chosen = None;
                self.connect(ctx);
            }
            Msg::Click(row) => self.activate(row),
            Msg::Key(key) => self.key(&key),
            Msg::Refresh => self.refresh(),
            Msg::Fate(Fate::Gone) => self.chosen = None,
            Msg::Fate(Fate::Renamed(name)) => self.chosen = Some(name.into()),
            Msg::Examples => self.make_examples(ctx),
            Msg::Make(making) => self.making = making,
            Msg::Create => self.make(ctx),
            Msg::Created(reply) => self.made(&reply),
        }
        self.pump(ctx);
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let has_value = self.chosen.is_some().to_string();
        html! {
            <div class="keys-view" data-value={has_value}>
                <div class="keys-list">
                    { self.tools(ctx) }
                    { self.status(ctx) }
                    { self.rows(ctx) }
                </div>
                { self.value(ctx) }
            </div>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, _: bool) {
        let Some(list) = self.list.cast::<Element>() else { return };
        let height_px = f64::from(list.client_height());
        let (rows, window) = (self.browser.row_count(), self.browser.window);
        if height_px != window.height_px || rows != window.rows {
            self.browser.window.resized(rows, height_px);
            if height_px != window.height_px {
                ctx.link().send_message(Msg::Scrolled);
            }
        }
    }
}

/// The connection, and what comes over it.
impl Keys {
    fn connect(&mut self, ctx: &Context<Self>) {
        self.conn += 1;
        self.browser = Browser::default();
        self.has_opened = false;
        let conn = self.conn;
        let pushed = ctx.link().callback(move |push| Msg::Pushed(conn, push));
        self.client =
            Client::open_heard(&self.sandbox, pushed).map(|client| Handle(Rc::new(client)));
        let Some(Handle(client)) = self.client.clone() else { return };
        let db = self.db.to_string();
        // Broadcasting tells of every key that changes, without a setting that others would see.
        let lines = [
            "HELLO 3",
            "CLIENT SETNAME keys",
            "CLIENT TRACKING ON BCAST",
            &format!("SELECT {db}"),
            "INFO keyspace",
            "TIME",
        ];
        let commands =
            lines.map(|line| line.split(' ').map(|word| word.as_bytes().to_vec()).collect());
        let link = ctx.link().clone();
        spawn_local(async move {
            if let Ok(replies) = client.run_all(&commands).await {
                link.send_message(Msg::Connected(conn, replies));
            }
        });
    }

    fn connected(&mut self, replies: &[Reply]) {
        if let [.., keyspace, time] = replies {
            let text = crate::studio::value::load::text(keyspace).unwrap_or_default();
            let number = |line: &str| line.strip_prefix("db")?.split_once(':')?.0.parse().ok();
            self.dbs = text.lines().filter_map(number).chain([0, self.db]).collect();
            self.dbs.sort_unstable();
            self.dbs.dedup();
            self.time(time);
        }
    }

    fn told(&mut self, ctx: &Context<Self>, told: &Told) -> bool {
        match told {
            Told::Pane { .. } | Told::Closed { .. } => self.follow(ctx),
            Told::Restarted => {
                self.go_to(ctx, bridge::shown());
                true
            }
            Told::Sent { .. } | Told::Received { .. } | Told::Language | Told::Lost => false,
        }
    }

    /// Looks into what the shown panes are connected to; returns whether that is something else.
    fn follow(&mut self, ctx: &Context<Self>) -> bool {
        let shown = bridge::shown();
        let is_other = shown != self.sandbox;
        if is_other {
            self.go_to(ctx, shown);
        }
        is_other
    }

    fn go_to(&mut self, ctx: &Context<Self>, sandbox: String) {
        self.sandbox = sandbox;
        self.chosen = None;
        self.db = 0;
        self.connect(ctx);
        self.pump(ctx);
    }

    /// The server says that keys have changed.
    fn pushed(&mut self, push: &Reply) {
        let Reply::Push(parts) = push else { return };
        let [Reply::Bulk(word), keys] = parts.as_slice() else { return };
        if word != b"invalidate" {
            return;
        }
        let keys = crate::studio::value::load::elements(keys).map(|keys| {
            keys.iter().filter_map(crate::studio::value::load::bytes).collect::<Vec<_>>()
        });
        let has_chosen = keys.as_ref().is_none_or(|keys| {
            self.chosen.as_ref().is_some_and(|chosen| keys.iter().any(|key| key[..] == chosen[..]))
        });
        self.stamp += u32::from(has_chosen);
        self.has_moved = true;
        self.browser.changed(keys);
    }

    /// Asks what is to be asked, if somebody looks.
    fn pump(&mut self, ctx: &Context<Self>) {
        if !ctx.props().is_seen {
            return;
        }
        let Some(Handle(client)) = self.client.clone() else { return };
        let Some(question) = self.browser.ask() else { return };
        let (link, conn) = (ctx.link().clone(), self.conn);
        spawn_local(async move {
            if question.commands.is_empty() {
                // The page draws in between.
                TimeoutFuture::new(0).await;
            }
            let replies = client.run_all(&question.commands).await.ok();
            link.send_message(Msg::Answered(conn, question, replies));
        });
    }

    fn answered(
        &mut self,
        ctx: &Context<Self>,
        conn: u32,
        question: Question,
        replies: Option<Vec<Reply>>,
    ) -> bool {
        if conn != self.conn {
            return false;
        }
        let Some(replies) = replies else {
            self.browser.give_up(question);
            return true;
        };
        let begun_ms = dom::clock_ms();
        self.browser.take(question, replies);
        self.browser.took(dom::clock_ms() - begun_ms);
        self.open_few();
        let window = self.browser.window;
        self.browser.window.resized(self.browser.row_count(), window.height_px);
        self.pump(ctx);
        let now_ms = dom::clock_ms();
        let is_due = now_ms - self.drawn_ms > DRAW_MS || self.browser.progress() == Progress::Done;
        if is_due {
            self.drawn_ms = now_ms;
        }
        is_due
    }

    /// A handful of keys is seen at once, without opening anything.
    fn open_few(&mut self) {
        let is_done = self.browser.progress() == Progress::Done;
        if is_done && !self.has_opened {
            self.has_opened = true;
            if self.browser.tree.len() <= OPENED_MAX {
                self.browser.tree.open_all();
            }
        }
    }

    /// A sandbox has a clock of its own.
    fn ask_time(&mut self, ctx: &Context<Self>) {
        if self.sandbox.is_empty() {
            return;
        }
        let Some(Handle(client)) = self.client.clone() else { return };
        let link = ctx.link().clone();
        spawn_local(async move {
            if let Ok(reply) = client.run(&[b"TIME".to_vec()]).await {
                link.send_message(Msg::Time(reply));
            }
        });
    }

    fn time(&mut self, reply: &Reply) {
        let Reply::Array(parts) = reply else { return };
        if let [seconds, micros] = parts.as_slice()
            && let (Some(seconds), Some(micros)) = (integer(seconds), integer(micros))
        {
            let there_ms = seconds as f64 * 1000.0 + micros as f64 / 1000.0;
            self.ahead_ms = there_ms - js_sys::Date::now();
        }
    }

    fn now_ms(&self) -> f64 {
        js_sys::Date::now() + self.ahead_ms
    }
}

/// What a person does.
impl Keys {
    /// Shows the key that is wished for; `examples` is for making the examples.
    fn wish(&mut self, ctx: &Context<Self>) {
        let (_, wish) = &ctx.props().wish;
        if wish == EXAMPLES {
            self.chosen = None;
            self.make_examples(ctx);
        } else if !wish.is_empty() {
            self.chosen = Some(crate::studio::value::text::typed(wish).into());
            self.stamp += 1;
        }
    }

    /// Looks at everything again.
    fn refresh(&mut self) {
        self.browser.refresh();
        self.has_opened = false;
        self.stamp += 1;
    }

    fn filter(&mut self, filter: Filter) {
        self.browser.set_filter(filter);
        self.has_opened = false;
        self.scroll_to_top();
    }

    fn scroll_to_top(&mut self) {
        self.cursor = 0;
        if let Some(list) = self.list.cast::<Element>() {
            list.set_scroll_top(0);
        }
        self.browser.window.scrolled(0.0);
    }

    /// Opens what a line stands for.
    fn activate(&mut self, row: usize) {
        self.cursor = row;
        match self.browser.rows(row, 1).first().map(|row| row.item) {
            Some(Item::Folder(folder)) => self.browser.tree.toggle(folder),
            Some(Item::Key(id)) => {
                self.chosen = Some(self.browser.tree.name(id).into());
                self.stamp += 1;
            }
            None => {}
        }
    }

    fn key(&mut self, key: &str) {
        let rows = self.browser.row_count();
        let window = self.browser.window;
        let page = (window.height_px / window.row_px) as usize;
        let row = self.browser.rows(self.cursor, 1).first().copied();
        let folder = match row.map(|row| row.item) {
            Some(Item::Folder(folder)) => Some(folder),
            _ => None,
        };
        let is_open = folder.is_some_and(|folder| self.browser.tree.is_open(folder));
        self.cursor = match key {
            "ArrowDown" => self.cursor + 1,
            "ArrowUp" => self.cursor.saturating_sub(1),
            "PageDown" => self.cursor + page,
            "PageUp" => self.cursor.saturating_sub(page),
            "Home" => 0,
            "End" => rows,
            "ArrowRight" if folder.is_some() && !is_open => {
                folder.into_iter().for_each(|folder| self.browser.tree.toggle(folder));
                self.cursor
            }
            "ArrowLeft" if is_open => {
                folder.into_iter().for_each(|folder| self.browser.tree.toggle(folder));
                self.cursor
            }
            // To the folder it lies in: the nearest line above that is less deep.
            "ArrowLeft" => {
                let depth = row.map_or(0, |row| row.depth);
                let first = self.cursor.saturating_sub(2000);
                let above = self.browser.rows(first, self.cursor - first);
                let up = above.iter().rposition(|row| row.depth < depth);
                up.map_or(self.cursor, |up| first + up)
            }
            "Enter" | " " => {
                self.activate(self.cursor);
                self.cursor
            }
            _ => self.cursor,
        }
        .min(rows.saturating_sub(1));
        if let Some(list) = self.list.cast::<Element>()
            && let Some(scroll_px) = self.browser.window.reveal(self.cursor)
        {
            list.set_scroll_top(scroll_px as i32);
        }
    }

    fn make_examples(&self, ctx: &Context<Self>) {
        let Some(Handle(client)) = self.client.clone() else { return };
        let link = ctx.link().clone();
        spawn_local(async move {
            // Keys of these names may be the person's own: they stay as they are.
            if client.run(&examples::ask()).await == Ok(Reply::Int(0)) {
                let _ = client.run_all(&examples::commands()).await;
            }
            link.send_message(Msg::Refresh);
        });
    }

    fn make(&self, ctx: &Context<Self>) {
        let (Some(Handle(client)), Some(making)) = (self.client.clone(), &self.making) else {
            return;
        };
        let command = edit::create(&making.kind, &making.name, &making.text);
        let link = ctx.link().clone();
        spawn_local(async move {
            if let Ok(reply) = client.run(&command).await {
                link.send_message(Msg::Created(reply));
            }
        });
    }

    fn made(&mut self, reply: &Reply) {
        let Some(making) = &mut self.making else { return };
        match reply {
            Reply::Error(line) => making.error = String::from_utf8_lossy(line).into_owned(),
            Reply::Null => making.error = t("There is such a key already.").to_string(),
            _ => {
                self.chosen = Some(crate::studio::value::text::typed(&making.name).into());
                self.stamp += 1;
                self.making = None;
            }
        }
    }
}

/// What is seen.
impl Keys {
    fn tools(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let filter = self.browser.filter();
        let kinds = [(String::new(), t("All types"))]
            .into_iter()
            .chain(Kind::ALL.map(|kind| (kind.name().to_owned(), AttrValue::from(kind.name()))));
        let sorts = Sort::ALL.into_iter().map(|sort| (sort.name().to_owned(), sort_text(sort)));
        let choose_kind = link.callback(|name: String| {
            Msg::Kind(if name.is_empty() { Kind::Unknown } else { Kind::named(name.as_bytes()) })
        });
        let choose_sort = link.callback(|name: String| Msg::Sort(Sort::named(&name)));
        html! {
            <div class="keys-tools">
                <div class="tool-row">
                <input type="search" class="search" aria-label={t("Search keys")}
                    placeholder={t("Part of a name, or a pattern such as user:*")}
                    autocapitalize="off" autocomplete="off" autocorrect="off" spellcheck="false"
                    oninput={link.callback(|event: InputEvent| Msg::Typed(dom::value(&event)))} />
                    <button type="button" class="quiet" title={t("Look again")} aria-label={t("Look again")}
                        onclick={link.callback(|_| Msg::Refresh)}>{ "↻" }</button>
                </div>
                <div class="tool-row">
                    { dom::select(t("Type"), filter.kind.name(), kinds, choose_kind) }
                    { dom::select(t("Order"), self.browser.sort().name(), sorts, choose_sort) }
                    if self.dbs.len() > 1 {
                        { self.databases(ctx) }
                    }
                    <span class="grow"></span>
                    <button type="button" aria-expanded={self.making.is_some().to_string()}
                        onclick={self.toggle_making(ctx)}>{ t("New key") }</button>
                </div>
                { self.form(ctx) }
            </div>
        }
    }

    fn databases(&self, ctx: &Context<Self>) -> Html {
        let dbs = self.dbs.iter().map(|db| (db.to_string(), AttrValue::from(format!("db {db}"))));
        let choose = ctx.link().callback(|db: String| Msg::Db(db.parse().unwrap_or(0)));
        dom::select(t("Database"), &self.db.to_string(), dbs, choose)
    }

    fn toggle_making(&self, ctx: &Context<Self>) -> Callback<MouseEvent> {
        let kind = "string".to_owned();
        let next =
            if self.making.is_some() { None } else { Some(Making { kind, ..Making::default() }) };
        ctx.link().callback(move |_| Msg::Make(next.clone()))
    }

    /// The form for a new key.
    fn form(&self, ctx: &Context<Self>) -> Html {
        let Some(making) = self.making.clone() else { return html! {} };
        let link = ctx.link();
        let with = |change: fn(&mut Making, String)| {
            let making = making.clone();
            link.callback(move |text: String| {
                let mut making = making.clone();
                change(&mut making, text);
                Msg::Make(Some(making))
            })
        };
        let kinds = ["string", "hash", "list", "set", "zset", "stream", "array", "hll"];
        let kinds = kinds.into_iter().map(|kind| (kind.to_owned(), AttrValue::from(kind)));
        let submit = link.callback(|event: SubmitEvent| {
            event.prevent_default();
            Msg::Create
        });
        let field = |label: AttrValue, text: &str, typed: Callback<String>| {
            let oninput = typed.reform(|event: InputEvent| dom::value(&event));
            html! {
                <input type="text" aria-label={label.clone()} placeholder={label} value={text.to_owned()}
                    autocapitalize="off" autocomplete="off" spellcheck="false" {oninput} />
            }
        };
        html! {
            <form class="make" onsubmit={submit}>
                { dom::select(t("Type"), &making.kind, kinds, with(|it, text| it.kind = text)) }
                { field(t("Name"), &making.name, with(|it, text| it.name = text)) }
                { field(t("First value"), &making.text, with(|it, text| it.text = text)) }
                <button type="submit" class="main" disabled={making.name.is_empty()}>{ t("Make it") }</button>
                if !making.error.is_empty() {
                    <p class="error" role="alert">{ &making.error }</p>
                }
            </form>
        }
    }

    /// How many keys there are, and how far the search is.
    fn status(&self, ctx: &Context<Self>) -> Html {
        let keys = grouped(self.browser.tree.len() as u64);
        let of = |done: usize, all: usize| {
            let percent = done.saturating_mul(100).checked_div(all).unwrap_or(0);
            html! { <progress max="100" value={percent.to_string()} aria-label={t("How far the search is")}></progress> }
        };
        let (text, progress) = match self.browser.progress() {
            Progress::Scanning(done, all) => (t1("{} keys so far", &keys), of(done, all)),
            Progress::Ordering(done, all) => {
                (t1("{} keys, being put in order", &keys), of(done, all))
            }
            Progress::Done if self.is_filtered() => {
                let total = grouped(self.browser.total() as u64);
                (
                    AttrValue::from(
                        t("{} of {} keys").replacen("{}", &keys, 1).replacen("{}", &total, 1),
                    ),
                    html! {},
                )
            }
            Progress::Done => {
                let count = self.browser.tree.len() as u64;
                (dom::counted(count, t("1 key"), &t("{} keys")), html! {})
            }
        };
        html! {
            <div class="keys-status">
                <span role="status">{ text }</span>
                { progress }
                if self.browser.is_stale() {
                    <button type="button" class="quiet" onclick={ctx.link().callback(|_| Msg::Refresh)}>
                        { t("Much has changed: look again") }
                    </button>
                }
            </div>
        }
    }

    fn is_filtered(&self) -> bool {
        *self.browser.filter() != Filter::default()
    }

    fn rows(&self, ctx: &Context<Self>) -> Html {
        if self.browser.row_count() == 0 && self.browser.progress() == Progress::Done {
            return self.nothing(ctx);
        }
        let link = ctx.link();
        let drawn = self.browser.window.drawn();
        let rows = self.browser.drawn();
        let is_tree = self.browser.sort() == Sort::Folders;
        let onscroll = link.callback(|_: Event| Msg::Scrolled);
        let onkeydown = link.batch_callback(|event: KeyboardEvent| {
            let is_ours = matches!(
                event.key().as_str(),
                "ArrowDown"
                    | "ArrowUp"
                    | "ArrowLeft"
                    | "ArrowRight"
                    | "Home"
                    | "End"
                    | "Enter"
                    | " "
                    | "PageUp"
                    | "PageDown"
            );
            if !is_ours || event.ctrl_key() || event.alt_key() || event.meta_key() {
                return None;
            }
            event.prevent_default();
            Some(Msg::Key(event.key()))
        });
        let is_drawn = (drawn.first..drawn.first + rows.len()).contains(&self.cursor);
        let active = is_drawn.then(|| format!("key-row-{}", self.cursor));
        html! {
            <div class="rows" ref={self.list.clone()} tabindex="0" {onscroll} {onkeydown}
                role={if is_tree { "tree" } else { "listbox" }} aria-label={t("Keys")}
                aria-activedescendant={active}>
                <div role="presentation" style={format!("height: {}px", drawn.total_px)}>
                    <div role="presentation" style={format!("transform: translateY({}px)", drawn.top_px)}>
                        { for rows.iter().enumerate().map(|(index, row)| self.row(ctx, drawn.first + index, *row)) }
                    </div>
                </div>
            </div>
        }
    }

    fn row(&self, ctx: &Context<Self>, index: usize, row: Row) -> Html {
        let is_tree = self.browser.sort() == Sort::Folders;
        let onclick = ctx.link().callback(move |_| Msg::Click(index));
        let label = brief(self.browser.tree.label(row), LABEL_MAX);
        let label = if label.is_empty() { t("(empty)").to_string() } else { label };
        let (is_chosen, expanded, content) = match row.item {
            Item::Folder(id) => {
                let is_open = self.browser.tree.is_open(id);
                let count = grouped(self.browser.tree.keys_in(id) as u64);
                let content = html! {
                    <>
                        <span class="twist" aria-hidden="true">{ if is_open { "▾" } else { "▸" } }</span>
                        <span class="folder">{ label }{ ":" }</span>
                        <span class="count">{ count }</span>
                    </>
                };
                (false, Some(is_open.to_string()), content)
            }
            Item::Key(id) => {
                let is_chosen = self.chosen.as_deref() == Some(self.browser.tree.name(id));
                (is_chosen, None, self.key_line(id, label))
            }
        };
        let class = classes!("row", (index == self.cursor).then_some("at"));
        html! {
            <div {class} id={format!("key-row-{index}")} key={index} {onclick}
                role={if is_tree { "treeitem" } else { "option" }}
                aria-level={is_tree.then(|| (row.depth + 1).to_string())}
                aria-expanded={expanded} aria-selected={is_chosen.to_string()}
                style={format!("--depth: {}", row.depth)}>{ content }</div>
        }
    }

    fn key_line(&self, id: u32, label: String) -> Html {
        let kind = self.browser.tree.kind(id);
        let expiry = match self.browser.facts.expiry(id) {
            Some(Expiry::At(at_ms)) => span(at_ms - self.now_ms() as i64),
            Some(Expiry::Never) | None => String::new(),
        };
        let bytes = self.browser.facts.size(id).map(|bytes| size(u64::from(bytes)));
        html! {
            <>
                <span class="kind" data-kind={kind.name()}>{ kind.name() }</span>
                <span class="key-name">{ label }</span>
                if !expiry.is_empty() {
                    <span class="ttl" title={t("Expires in")}>{ expiry }</span>
                }
                <span class="bytes">{ bytes }</span>
            </>
        }
    }

    fn nothing(&self, ctx: &Context<Self>) -> Html {
        if self.is_filtered() {
            return html! { <p class="empty">{ t("No key is like this.") }</p> };
        }
        html! {
            <div class="empty">
                <p>{ t("There are no keys yet. Type commands in a pane, make a key here, or begin with some examples of every type.") }</p>
                <button type="button" class="main" onclick={ctx.link().callback(|_| Msg::Examples)}>
                    { t("Make example keys") }
                </button>
            </div>
        }
    }

    fn value(&self, ctx: &Context<Self>) -> Html {
        let (Some(client), Some(name)) = (&self.client, &self.chosen) else {
            return html! {
                <div class="no-value"><p>{ t("Choose a key to see what it holds.") }</p></div>
            };
        };
        let fate = ctx.link().callback(Msg::Fate);
        html! {
            <ValueView key={self.conn} client={client.clone()} name={name.clone()} stamp={self.stamp}
                now_ms={self.now_ms()} {fate} />
        }
    }
}

fn sort_text(sort: Sort) -> AttrValue {
    match sort {
        Sort::Folders => t("In folders"),
        Sort::Name => t("By name"),
        Sort::Size => t("Largest first"),
        Sort::Expiry => t("Expiring first"),
        Sort::Kind => t("By type"),
    }
}
