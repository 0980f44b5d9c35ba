//! What is offered for sharing: a link, a file where a link would be too long, and text.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::link::{Fault, LETTERS_MAX};
use super::{story, text};
use crate::i18n::{t, t1};
use crate::message::SandboxOp;
use crate::sandbox::tape::Tape;
use crate::studio::desk::Desk;
use crate::studio::time::own;
use crate::studio::value::text::{grouped, size};
use crate::studio::{dom, engine};

/// The sandbox in which it is tried what a link does.
const TRIED: &str = "share~";

/// How long it takes until what was said about the clipboard is taken back.
const SAID_MS: u32 = 4000;

#[derive(Clone, PartialEq, Properties)]
pub(crate) struct Props {
    /// The sandbox whose session is shared; empty for the node that keeps the data.
    pub(crate) sandbox: String,
    pub(crate) desk: Desk,
    pub(crate) close: Callback<()>,
}

pub(crate) struct Share {
    /// Whether the data is shared that there was at the start.
    with_data: bool,
    made: Option<Result<Made, Refusal>>,
    said: AttrValue,
    saying: Option<gloo_timers::callback::Timeout>,
    field: NodeRef,
    round: u32,
}

/// What can be shared.
pub(crate) struct Made {
    packed: Uint8Array,
    address: String,
    commands: usize,
    has_secret: bool,
    /// Whether the replies are not those that were seen here.
    is_other: bool,
    start: Start,
}

/// The data that there was before the first command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// There was none, or it is the sandbox's own.
    Told,
    /// It has so many bytes, and can be shared.
    Small(usize),
    /// It is too much, or is not known.
    Unknown,
    /// Some commands are forgotten too.
    Cut,
}

/// Why nothing can be shared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing was done.
    Nothing,
    /// It was too much to be recorded.
    TooLong,
    /// The browser does not compress.
    NoBrowser,
}

pub(crate) enum Msg {
    Made(u32, Result<Made, Refusal>),
    WithData(bool),
    CopyLink,
    Save,
    CopyText,
    SaveText,
    Copied(bool),
    Unsay,
}

impl Component for Share {
    type Message = Msg;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        let mut share = Self {
            with_data: true,
            made: None,
            said: AttrValue::default(),
            saying: None,
            field: NodeRef::default(),
            round: 0,
        };
        share.make(ctx);
        share
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &Props) -> bool {
        if ctx.props().sandbox != old.sandbox {
            self.make(ctx);
        }
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Made(round, made) => {
                if round == self.round {
                    self.made = Some(made);
                }
            }
            Msg::WithData(with) => {
                self.with_data = with;
                self.make(ctx);
            }
            Msg::CopyLink => {
                if let Some(Ok(made)) = &self.made {
                    copy(ctx, made.address.clone());
                }
            }
            Msg::Save => {
                if let Some(Ok(made)) = &self.made {
                    dom::save("session.redstart", &made.packed);
                }
            }
            Msg::CopyText => copy(ctx, panes_text(ctx.props())),
            Msg::SaveText => dom::save("session.txt", &panes_text(ctx.props()).into()),
            Msg::Copied(worked) => {
                self.said = if worked {
                    t("Copied.")
                } else {
                    // The browser does not let us; the person can.
                    if let Some(field) = self.field.cast::<HtmlInputElement>() {
                        let _ = field.focus();
                        field.select();
                    }
                    t("The browser does not let the page copy. The link is selected: press Ctrl-C.")
                };
                let link = ctx.link().clone();
                self.saying = Some(gloo_timers::callback::Timeout::new(SAID_MS, move || {
                    link.send_message(Msg::Unsay);
                }));
            }
            Msg::Unsay => self.said = AttrValue::default(),
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let close = ctx.props().close.reform(|_: MouseEvent| ());
        html! {
            <section class="question share" aria-label={t("Share this session")}>
                <div class="tool-row">
                    <h3>{ t("Share this session") }</h3>
                    <span class="grow"></span>
                    <button type="button" class="quiet" onclick={close}>{ t("Close") }</button>
                </div>
                { match &self.made {
                    None => html! { <p class="note">{ t("Making a link…") }</p> },
                    Some(Err(refusal)) => html! { <p class="note">{ refused(*refusal) }</p> },
                    Some(Ok(made)) => self.link(ctx, made),
                } }
                <div class="tool-row">
                    <span class="note">{ t("What the panes show, as text:") }</span>
                    <button type="button" onclick={link.callback(|_| Msg::CopyText)}>{ t("Copy the text") }</button>
                    <button type="button" onclick={link.callback(|_| Msg::SaveText)}>{ t("Save the text") }</button>
                </div>
                <p role="status" class="note">{ self.said.clone() }</p>
            </section>
        }
    }
}

impl Share {
    fn make(&mut self, ctx: &Context<Self>) {
        self.round += 1;
        self.made = None;
        let (round, with_data) = (self.round, self.with_data);
        let (props, link) = (ctx.props().clone(), ctx.link().clone());
        spawn_local(async move {
            let made = make(&props, with_data).await;
            link.send_message(Msg::Made(round, made));
        });
    }

    fn link(&self, ctx: &Context<Self>, made: &Made) -> Html {
        let link = ctx.link();
        let save = link.callback(|_| Msg::Save);
        let fits = made.address.len() <= LETTERS_MAX;
        html! {
            <>
                if fits {
                    <div class="tool-row">
                        <input class="grow" type="text" readonly=true ref={self.field.clone()} value={made.address.clone()} aria-label={t("Link")}
                            onfocus={|event: FocusEvent| select(&event)} />
                        <button type="button" class="main" onclick={link.callback(|_| Msg::CopyLink)}>{ t("Copy the link") }</button>
                    </div>
                    <p class="note">{ dom::counted(made.commands as u64, t("1 command."), &t("{} commands.")) }{ " " }
                        { t("Whoever opens the link sees it all done again, byte for byte, in an engine of their own. Everything is in the link itself, behind the #, which no server gets to see.") }</p>
                } else {
                    <p>{ t1("A link to this session would have {} letters, and more than 30,000 do not arrive everywhere. Save it as a file, which whoever gets it can open in this view.", &grouped(made.address.len() as u64)) }</p>
                }
                if made.has_secret {
                    <p class="error">{ t("A command of this session holds a password, and so does what you share.") }</p>
                }
                { self.start(ctx, made.start) }
                if made.is_other {
                    <p class="note">{ t("Not every reply there is the one that was seen here: what chance, time or others have given is given anew.") }</p>
                }
                <div class="tool-row">
                    <button type="button" class={(!fits).then_some("main")} onclick={save}>{ t("Save as a file") }</button>
                </div>
            </>
        }
    }

    /// What becomes of the data that there was before the first command.
    fn start(&self, ctx: &Context<Self>, start: Start) -> Html {
        let note = match start {
            Start::Told => return Html::default(),
            Start::Small(bytes) => {
                let onchange = ctx.link().callback(|event: Event| {
                    let field =
                        event.target().and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
                    Msg::WithData(field.is_some_and(|field| field.checked()))
                });
                return html! {
                    <label class="note"><input type="checkbox" checked={self.with_data} {onchange} />{ " " }
                        { t1("Share the data too that there was when this page was opened ({})", &size(bytes as u64)) }</label>
                };
            }
            Start::Unknown => t(
                "The data that there was before is too much for a link, so the commands alone are shared: there they begin with no data, and may reply otherwise than here.",
            ),
            Start::Cut => t(
                "So much was done here that the oldest of it is forgotten. What is left is shared; there it begins with no data, and may reply otherwise than here.",
            ),
        };
        html! { <p class="note">{ note }</p> }
    }
}

fn refused(refusal: Refusal) -> AttrValue {
    match refusal {
        Refusal::Nothing => t("Nothing was done here yet. Run a command, and share it then."),
        Refusal::TooLong => t(
            "So much was done here that it was not recorded to its end, so it cannot be shared as a link.",
        ),
        Refusal::NoBrowser => {
            t("This browser cannot compress, so it makes no links. A newer one does.")
        }
    }
}

/// Makes what is shared: tries it once, for what persons get is in it as a digest.
async fn make(props: &Props, with_data: bool) -> Result<Made, Refusal> {
    let (tape, start) = if props.sandbox.is_empty() {
        own_tape(&props.desk, with_data).await
    } else {
        let tape = engine::tape(&props.sandbox).await.ok_or(Refusal::Nothing)?;
        let state = engine::sandbox(&props.sandbox, SandboxOp::Tell, 0.0).await;
        if state.steps == 0.0 && !props.desk.panes_of(&props.sandbox).is_empty() {
            return Err(Refusal::TooLong);
        }
        (tape, Start::Told)
    };
    let commands = story::count(&tape);
    if commands == 0 {
        return Err(Refusal::Nothing);
    }
    let whole = engine::load(TRIED, &tape).await.ok_or(Refusal::TooLong)?;
    let is_own = props.sandbox.is_empty();
    let is_other = is_own && *props.desk.session().got() != story::got(&whole);
    let digest = story::digest(&tape, &whole);
    // Those who only looked need not be told of, if nobody noticed them.
    let short = story::without_watchers(&tape);
    let heard = engine::load(TRIED, &short).await;
    let is_same = heard.is_some_and(|heard| story::digest(&short, &heard) == digest);
    let tape = if is_same { short } else { tape };
    engine::sandbox(TRIED, SandboxOp::Remove, 0.0).await;
    let packed = text::packed(&tape, digest).await.map_err(|_: Fault| Refusal::NoBrowser)?;
    let address = text::address(&packed).await.ok_or(Refusal::NoBrowser)?;
    let has_secret = story::has_secret(&tape);
    Ok(Made { packed, address, commands, has_secret, is_other, start })
}

/// What was done in the panes of the node that keeps the data.
async fn own_tape(desk: &Desk, with_data: bool) -> (Tape, Start) {
    let began = own::began().await;
    let session = desk.session();
    let first_us = session.entries().first().map(|entry| entry.at.unix_us);
    let length = session.entries().len();
    let (base, start) = match began {
        _ if !session.is_complete() => (None, Start::Cut),
        None => (None, Start::Unknown),
        Some(began) if !own::has_keys(&began.data) => (None, Start::Told),
        Some(began) => {
            let start = Start::Small(began.data.len());
            (with_data.then_some(began), start)
        }
    };
    let begin_us = base.as_ref().map(|began| began.at_us).or(first_us).unwrap_or_default();
    let base = base.map(|began| began.data).unwrap_or_default();
    (session.tape(base, begin_us, 0..length), start)
}

/// What the panes show that are seen.
fn panes_text(props: &Props) -> String {
    let panes = props.desk.panes_of(&props.sandbox);
    match &*panes {
        [pane] => dom::pane_text(*pane),
        _ => {
            let with_name = |pane: &u32| {
                format!("# {}\n{}", dom::pane_name(&props.desk, *pane), dom::pane_text(*pane))
            };
            panes.iter().map(with_name).collect::<Vec<_>>().join("\n")
        }
    }
}

fn copy(ctx: &Context<Share>, what: String) {
    let link = ctx.link().clone();
    spawn_local(async move { link.send_message(Msg::Copied(text::copy(&what).await)) });
}

/// Selects all that is in a field.
fn select(event: &FocusEvent) {
    if let Some(field) = event.target().and_then(|it| it.dyn_into::<HtmlInputElement>().ok()) {
        field.select();
    }
}
