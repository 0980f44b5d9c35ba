//! The view of stores: which there are in this browser, and files in and out of the one that is open.

mod other;
mod room;

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, File, HtmlInputElement, SubmitEvent};
use yew::prelude::*;

use other::Other;
use room::Room;

use super::dom::{pane_name, pane_text, save};
use super::value::text::{grouped, size};
use super::{ViewProps, host};
use crate::i18n::{t, t1, told};

/// How often it is tried to remove a store that was made for nothing, and how long it is waited between.
const REMOVE_TRIES: u32 = 30;
const REMOVE_AGAIN_MS: u32 = 100;

/// Example data.
struct Example {
    /// The file in `static/examples`.
    name: &'static str,
    /// What it holds.
    title: fn() -> AttrValue,
}

const EXAMPLES: [Example; 4] = [
    Example { name: "shop", title: || t("A shop") },
    Example { name: "social", title: || t("A social network") },
    Example { name: "sensors", title: || t("Sensors") },
    Example { name: "game", title: || t("A game") },
];

#[wasm_bindgen]
extern "C" {
    /// The files that were dropped onto the page and not taken.
    #[wasm_bindgen(js_namespace = redstart)]
    fn dropped() -> Array;

    /// What a file of the page's own holds.
    #[wasm_bindgen(js_namespace = redstart, catch)]
    async fn load(address: &str) -> Result<JsValue, JsValue>;
}

/// A store, and the bytes that its files hold.
#[derive(Clone, PartialEq)]
struct Store {
    name: String,
    bytes: f64,
}

impl Store {
    /// As the host tells it.
    fn read(part: &JsValue) -> Self {
        let part = Array::from(part);
        let name = part.get(0).as_string().unwrap_or_default();
        Self { name, bytes: part.get(1).as_f64().unwrap_or_default() }
    }
}

pub(super) struct Stores {
    stores: Vec<Store>,
    /// The one that is open.
    open: String,
    /// A file that somebody has to decide about.
    brought: Option<(Blob, String)>,
    /// What is going on, and how far it is in hundredths.
    busy: Option<(AttrValue, u32)>,
    /// What came of it, and whether that is bad.
    told: Option<(AttrValue, bool)>,
    /// The store that is being renamed or removed.
    chosen: Option<(String, Change)>,
    /// How much room there is for the page, if the browser says.
    room: Option<Room>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Change {
    Rename,
    Remove,
}

pub(super) enum Msg {
    Look,
    Listed(Result<Array, String>),
    Brought(Blob, String),
    Choose(Option<(String, Change)>),
    Change(&'static str, String, String),
    Import(bool),
    /// Into a new store of this name.
    ImportNew(String),
    GiveUp,
    Example(&'static str),
    Dump,
    /// Another store as a file.
    DumpOf(String),
    Room(Option<Room>),
    /// Ask the browser to remove nothing by itself.
    Persist,
    Progress(u32),
    Failed(String),
    Told(AttrValue),
    /// The name of a store, and what it holds.
    Dumped(String, Array),
    Transcript(u32),
}

impl Component for Stores {
    type Message = Msg;
    type Properties = ViewProps;

    fn create(ctx: &Context<Self>) -> Self {
        ctx.link().send_message(Msg::Look);
        take_dropped(ctx);
        Self {
            stores: Vec::new(),
            open: String::new(),
            brought: None,
            busy: None,
            told: None,
            chosen: None,
            room: None,
        }
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &ViewProps) -> bool {
        let props = ctx.props();
        if props.wish.0 != old.wish.0 {
            take_dropped(ctx);
        }
        if props.is_seen && !old.is_seen {
            ctx.link().send_message(Msg::Look);
        }
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Look => {
                self.ask(ctx, vec!["stores".into()], Msg::Listed);
                ctx.link().send_future(async { Msg::Room(room::look().await) });
            }
            Msg::Room(room) => self.room = room,
            Msg::Persist => ctx.link().send_future(async { Msg::Room(room::persist().await) }),
            Msg::Listed(Ok(parts)) => {
                self.open = parts.shift().as_string().unwrap_or_default();
                self.stores = parts.iter().map(|part| Store::read(&part)).collect();
            }
            Msg::Listed(Err(why)) | Msg::Failed(why) => {
                self.busy = None;
                self.told = Some((t1("It was not done: {}", &told(&why)), true));
            }
            Msg::Brought(file, name) => {
                self.told = None;
                self.brought = Some((file, name));
            }
            Msg::GiveUp => self.brought = None,
            Msg::Choose(chosen) => {
                self.told = None;
                self.chosen = chosen;
            }
            Msg::Change(what, name, to) => self.change(ctx, what, name, &to),
            Msg::Import(instead) => {
                if let Some((file, name)) = self.brought.take() {
                    self.import(ctx, file, &name, instead);
                }
            }
            Msg::Example(name) => load_example(ctx, name),
            Msg::ImportNew(name) => {
                if let Some((file, of)) = self.brought.take() {
                    self.import_new(ctx, file, &of, name);
                }
            }
            Msg::Dump => {
                let open = self.open.clone();
                self.ask(ctx, vec!["dump".into()], |answer| dumped(open, answer));
            }
            Msg::DumpOf(store) => ctx.link().send_future(dump(store)),
            Msg::Dumped(store, parts) => {
                let text = save_dump(&store, &parts.get(0).unchecked_into());
                self.told = Some((text, false));
            }
            Msg::Progress(hundredths) => {
                if let Some((_, done)) = &mut self.busy {
                    *done = hundredths;
                }
            }
            Msg::Told(text) => {
                self.busy = None;
                self.told = (!text.is_empty()).then_some((text, false));
                if self.told.is_some() {
                    ctx.link().send_message(Msg::Look);
                }
            }
            Msg::Transcript(pane) => {
                let name = pane_name(&ctx.props().desk, pane);
                save(&format!("connection-{name}.txt"), &pane_text(pane).into());
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        html! {
            <div class="stores-view">
                { self.files(ctx) }
                <section>
                    <h3>{ t("Stores in this browser") }</h3>
                    <p class="note">{ t("Each store has its own data and settings, and stays in this browser.") }</p>
                    <ul class="stores">{ for self.stores.iter().map(|store| self.store(ctx, store)) }</ul>
                    { self.maker(ctx) }
                    { for self.room.as_ref().map(|room| room.view(ctx.link().callback(|_| Msg::Persist))) }
                </section>
                <section>
                    <h3>{ t("What was shown") }</h3>
                    <div class="tool-row">{ for ctx.props().desk.panes().iter().map(|(pane, _)| {
                        let pane = *pane;
                        let onclick = ctx.link().callback(move |_| Msg::Transcript(pane));
                        html! {
                            <button type="button" {onclick}>
                                { t1("Save connection {} as text", &pane_name(&ctx.props().desk, pane)) }
                            </button>
                        }
                    }) }</div>
                </section>
            </div>
        }
    }
}

impl Stores {
    fn ask(
        &self,
        ctx: &Context<Self>,
        question: Vec<JsValue>,
        answered: impl FnOnce(Result<Array, String>) -> Msg + 'static,
    ) {
        let link = ctx.link().clone();
        spawn_local(async move {
            let progress = link.callback(Msg::Progress);
            link.send_message(answered(host::ask(&question, progress).await));
        });
    }

    fn change(&mut self, ctx: &Context<Self>, what: &'static str, name: String, to: &str) {
        self.chosen = None;
        let link = ctx.link().clone();
        self.ask(ctx, vec![what.into(), name.into(), to.trim().into()], move |answer| {
            link.send_message(Msg::Look);
            match answer {
                Ok(_) => Msg::Told(AttrValue::default()),
                Err(why) => Msg::Failed(why),
            }
        });
    }

    fn import(&mut self, ctx: &Context<Self>, file: Blob, name: &str, instead: bool) {
        self.busy = Some((t1("Loading {}", name), 0));
        let question = vec!["import".into(), file.into(), instead.into()];
        self.ask(ctx, question, |answer| {
            answer.map_or_else(Msg::Failed, |parts| Msg::Told(loaded(&parts)))
        });
    }

    /// Makes a store of what the file holds; if that fails there is none.
    fn import_new(&mut self, ctx: &Context<Self>, file: Blob, of: &str, name: String) {
        self.busy = Some((t1("Loading {}", of), 0));
        let progress = ctx.link().callback(Msg::Progress);
        let name = name.trim().to_owned();
        ctx.link().send_future(async move {
            match load_into(&name, file, progress).await {
                Ok(parts) => Msg::Told(loaded(&parts)),
                Err(why) => Msg::Failed(why),
            }
        });
    }

    fn files(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let onchange = link.batch_callback(|event: Event| {
            let input = event.target()?.dyn_into::<HtmlInputElement>().ok()?;
            let file = input.files()?.get(0)?;
            // The same file can be chosen once more.
            input.set_value("");
            Some(brought(file))
        });
        let example = |Example { name, title }: Example| {
            let onclick = link.callback(move |_| Msg::Example(name));
            html! { <button type="button" {onclick}>{ title() }</button> }
        };
        html! {
            <section>
                <h3>{ t("Data in and out") }</h3>
                <div class="tool-row">
                    <button type="button" onclick={link.callback(|_| Msg::Dump)}>{ t("Download as dump.rdb") }</button>
                    <label class="button">{ t("Load a file") }
                        <input type="file" class="hidden" {onchange} />
                    </label>
                </div>
                <p class="note">{ t("A dump.rdb or append-only file of any Redis or Valkey, or a text with one command a line. Files can be dropped anywhere on this page.") }</p>
                <div class="tool-row"><span class="note">{ t("Examples:") }</span>{ for EXAMPLES.into_iter().map(example) }</div>
                if let Some((file, name)) = &self.brought {
                    <div class="question" role="group" aria-label={t("What becomes of the data")}>
                        <p>{ t1("Load {} …", &format!("{name} ({})", size(file.size() as u64))) }</p>
                        { namer(t("Name of the store"), t("as a new store"), link.callback(Msg::ImportNew)) }
                        <div class="tool-row">
                            <button type="button" class="main" onclick={link.callback(|_| Msg::Import(false))}>{ t("and keep the other keys") }</button>
                            <button type="button" onclick={link.callback(|_| Msg::Import(true))}>{ t("in the place of all data") }</button>
                            <button type="button" class="quiet" onclick={link.callback(|_| Msg::GiveUp)}>{ t("Cancel") }</button>
                        </div>
                    </div>
                }
                if let Some((text, done)) = &self.busy {
                    <p class="note"><label>{ text.clone() }{ " " }<progress max="100" value={done.to_string()} /></label></p>
                }
                <p role="status" class={self.told.as_ref().filter(|(_, is_bad)| *is_bad).map(|_| "error")}>
                    { self.told.as_ref().map(|(text, _)| text.clone()).unwrap_or_default() }
                </p>
            </section>
        }
    }

    fn store(&self, ctx: &Context<Self>, store: &Store) -> Html {
        let link = ctx.link();
        let Store { name, bytes } = store;
        let is_open = *name == self.open;
        let shown = if name.is_empty() { t("The first store") } else { name.clone().into() };
        let choose = |change: Change| {
            let chosen = Some((name.clone(), change));
            link.callback(move |_: MouseEvent| Msg::Choose(chosen.clone()))
        };
        let change = self.chosen.as_ref().filter(|(chosen, _)| chosen == name).map(|(_, it)| *it);
        html! {
            <li key={name.clone()} aria-current={is_open.then_some("true")}>
                <span class="store-name">{ shown.clone() }</span>
                <span class="bytes">{ size(*bytes as u64) }</span>
                if is_open {
                    <span class="note">{ t("open") }</span>
                } else {
                    <a class="button" href={address(name)} aria-label={t1("Open {}", &shown)}>{ t("Open") }</a>
                    <button type="button" class="quiet" aria-label={t1("Download {}", &shown)}
                        onclick={link.callback({
                            let name = name.clone();
                            move |_| Msg::DumpOf(name.clone())
                        })}>{ t("Download") }</button>
                    if !name.is_empty() {
                        <button type="button" class="quiet" aria-label={t1("Rename {}", &shown)}
                            onclick={choose(Change::Rename)}>{ t("Rename") }</button>
                        <button type="button" class="quiet" aria-label={t1("Delete {}", &shown)}
                            onclick={choose(Change::Remove)}>{ t("Delete") }</button>
                    }
                }
                if change == Some(Change::Rename) {
                    { namer(t("New name"), t("Rename"), {
                        let name = name.clone();
                        link.callback(move |to| Msg::Change("rename", name.clone(), to))
                    }) }
                }
                if change == Some(Change::Remove) {
                    <div class="question tool-row">
                        <span>{ t1("All that is in {} will be gone.", &shown) }</span>
                        <button type="button" class="main" onclick={link.callback({
                            let name = name.clone();
                            move |_| Msg::Change("remove", name.clone(), String::new())
                        })}>{ t("Delete for good") }</button>
                        <button type="button" class="quiet" onclick={link.callback(|_| Msg::Choose(None))}>{ t("Cancel") }</button>
                    </div>
                }
            </li>
        }
    }

    fn maker(&self, ctx: &Context<Self>) -> Html {
        let make = |name: String| Msg::Change("create", name.trim().to_owned(), String::new());
        namer(t("Name of a new store"), t("Make a store"), ctx.link().callback(make))
    }
}

/// Asks a store that is not open for all it holds.
async fn dump(store: String) -> Msg {
    let dump = async {
        let other = Other::open(&store).await?;
        other.ask(&["dump".into()], Callback::noop()).await
    };
    let answer = dump.await;
    dumped(store, answer)
}

/// What is told of a store that was asked for as a file.
fn dumped(store: String, answer: Result<Array, String>) -> Msg {
    match answer {
        Ok(parts) => Msg::Dumped(store, parts),
        Err(why) => Msg::Failed(why),
    }
}

/// Offers what a store holds as a file; what is told of that.
fn save_dump(store: &str, bytes: &Uint8Array) -> AttrValue {
    let name = if store.is_empty() { "dump" } else { store };
    save(&format!("{name}.rdb"), bytes);
    t1("{} were saved", &size(bytes.length().into()))
}

/// What is told of a file that was loaded.
fn loaded(parts: &Array) -> AttrValue {
    let number = |index| grouped(parts.get(index).as_f64().unwrap_or_default() as u64);
    let mut text = t1("{} keys were loaded.", &number(0)).to_string();
    if parts.get(1).as_f64() > Some(0.0) {
        text += &t1(" {} had expired.", &number(1));
    }
    if parts.get(3).as_f64() > Some(0.0) {
        text += &t1(" {} commands were refused, the first", &number(3));
        text += &format!(" {}", parts.get(4).as_string().unwrap_or_default());
    }
    text.into()
}

/// Makes a store, loads a file into it and saves it.
pub(super) async fn load_into(
    store: &str,
    file: Blob,
    progress: Callback<u32>,
) -> Result<Array, String> {
    host::ask(&["create".into(), store.into()], Callback::noop()).await?;
    let load = async {
        let other = Other::open(store).await?;
        let parts = other.ask(&["import".into(), file.into(), true.into()], progress).await?;
        other.save().await.map(|()| parts)
    };
    let result = load.await;
    if result.is_err() {
        // The worker that had it open takes a moment to end.
        for _ in 0..REMOVE_TRIES {
            if host::ask(&["remove".into(), store.into()], Callback::noop()).await.is_ok() {
                break;
            }
            TimeoutFuture::new(REMOVE_AGAIN_MS).await;
        }
    }
    result
}

/// A field for a name and a button; `named` gets the name.
pub(super) fn namer(label: AttrValue, button: AttrValue, named: Callback<String>) -> Html {
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        let form = event.target().and_then(|form| form.dyn_into::<web_sys::Element>().ok());
        let field = form.and_then(|form| form.query_selector("input").ok().flatten());
        if let Some(field) = field.and_then(|field| field.dyn_into::<HtmlInputElement>().ok()) {
            named.emit(field.value());
            field.set_value("");
        }
    });
    html! {
        <form class="tool-row" {onsubmit}>
            <input type="text" aria-label={label.clone()} placeholder={label} autocomplete="off" maxlength="60" />
            <button type="submit">{ button }</button>
        </form>
    }
}

/// The page's address with a store open.
pub(super) fn address(store: &str) -> String {
    if store.is_empty() {
        "./".to_owned()
    } else {
        format!("?store={}", js_sys::encode_uri_component(store))
    }
}

fn load_example(ctx: &Context<Stores>, name: &'static str) {
    let link = ctx.link().clone();
    spawn_local(async move {
        let address = format!("examples/{name}.txt");
        link.send_message(match load(&address).await.map(JsCast::dyn_into::<Blob>) {
            Ok(Ok(file)) => Msg::Brought(file, format!("{name}.txt")),
            _ => Msg::Failed(t1("{} could not be loaded", &address).to_string()),
        });
    });
}

fn brought(file: File) -> Msg {
    let name = file.name();
    Msg::Brought(file.into(), name)
}

/// Takes the first file that was dropped onto the page.
fn take_dropped(ctx: &Context<Stores>) {
    if let Ok(file) = dropped().get(0).dyn_into::<File>() {
        ctx.link().send_message(brought(file));
    }
}
