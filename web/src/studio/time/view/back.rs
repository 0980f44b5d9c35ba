//! What becomes of the data of a step: a store of its own, or the person's data once more.
//!
//! Going back takes the place of all data at once, as a file does that is loaded. How the data was
//! before is kept, so that going back can be undone, and the timeline goes on with it as a step.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;
use yew::prelude::*;

use super::{Said, Time, at, change_view};
use crate::i18n::{t, t1, told};
use crate::studio::host;
use crate::studio::stores::{address, load_into, namer};
use crate::studio::time::carry::{Carried, carry};
use crate::studio::time::moment::{self, Change};
use crate::studio::time::steps::Step;

/// The sandbox in which it is found out what going back would change.
const COMPARED: &str = "time~compared";

/// Changes that are listed before somebody goes back.
const LISTED_MAX: usize = 8;

/// What is asked about, and what was there before the person last went back.
#[derive(Default)]
pub(super) struct Back {
    asked: Option<Asked>,
    is_busy: bool,
    before: Option<Blob>,
}

/// A step with its number, and what is to become of its data.
pub(crate) struct Asked {
    step: Step,
    number: String,
    what: What,
    /// What going back changes, if that is known already.
    changes: Option<Vec<Change>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Store,
    Back,
}

pub(crate) enum Msg {
    Ask(usize, What),
    /// What going back to a step changes.
    Compared(Step, Vec<Change>),
    Cancel,
    /// Make a store of this name.
    Store(String),
    Stored(Result<(String, u64), String>),
    Back,
    /// How the data was before, and how many keys have expired since then; or why it failed.
    Went(Asked, Result<(Blob, u64), String>),
    Undo,
    Undone(Result<(), String>),
}

impl Back {
    /// Whether the data is just being replaced.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }
}

impl Time {
    pub(super) fn back(&mut self, ctx: &Context<Self>, msg: Msg) {
        match msg {
            Msg::Ask(index, what) => {
                let Some(step) = self.steps.get(index).cloned() else { return };
                self.told = None;
                if what == What::Back {
                    self.compare(ctx, step.clone());
                }
                let number = (index + 1).to_string();
                self.back.asked = Some(Asked { step, number, what, changes: None });
            }
            Msg::Compared(step, changes) => {
                if let Some(asked) = self.back.asked.as_mut().filter(|asked| asked.step == step) {
                    asked.changes = Some(changes);
                }
            }
            Msg::Cancel => self.back.asked = None,
            Msg::Store(name) => self.store(ctx, name.trim().to_owned()),
            Msg::Stored(Ok((name, expired))) => {
                let then = html! { <a class="button" href={address(&name)}>{ t("Open") }</a> };
                let text = t1("The store {} was made.", &name);
                self.told = Some(Said::of_step(with_expired(&text, expired), false, then));
            }
            Msg::Back => self.go_back(ctx),
            Msg::Went(asked, Ok((before, expired))) => {
                self.back.before = Some(before);
                self.own.went_back(&asked.step.line);
                let undo = ctx.link().callback(|_| super::Msg::Back(Msg::Undo));
                let then = html! { <button type="button" onclick={undo}>{ t("Undo") }</button> };
                let text = t1("Your data is as it was after step {}.", &asked.number);
                self.told = Some(Said::of_step(with_expired(&text, expired), false, then));
                self.look_anew(ctx);
            }
            Msg::Undo => self.undo(ctx),
            Msg::Undone(Ok(())) => {
                let text = t("Your data is as it was before.");
                self.told = Some(Said::of_step(text, false, Html::default()));
                self.look_anew(ctx);
            }
            Msg::Stored(Err(why)) | Msg::Went(_, Err(why)) | Msg::Undone(Err(why)) => {
                self.back.is_busy = false;
                let text = t1("It was not done: {}", &told(&why));
                self.told = Some(Said::of_step(text, true, Html::default()));
            }
        }
    }

    /// The data is another one: what was being read of it is not wanted any more.
    fn look_anew(&mut self, ctx: &Context<Self>) {
        self.back.is_busy = false;
        (self.chosen, self.is_reading) = (None, false);
        self.round += 1;
        self.read(ctx);
    }

    /// Finds out what going back would change.
    fn compare(&self, ctx: &Context<Self>, step: Step) {
        let Some(last) = self.steps.last() else { return };
        let then = (self.source(ctx, step.part), step.entries);
        let now = (self.source(ctx, last.part), usize::MAX);
        let link = ctx.link().clone();
        spawn_local(async move {
            let Some(now) = at(now, COMPARED).await else { return };
            let Some(then) = at(then, COMPARED).await else { return };
            link.send_message(super::Msg::Back(Msg::Compared(step, moment::changes(&now, &then))));
        });
    }

    /// The step that was asked about, and its data, to be awaited.
    fn taken(
        &mut self,
        ctx: &Context<Self>,
    ) -> Option<(Asked, impl Future<Output = Taken> + use<>)> {
        let asked = self.back.asked.take().filter(|_| !self.back.is_busy)?;
        // Steps are forgotten when there are too many.
        let is_there = self.steps.contains(&asked.step);
        let (source, entries) = (self.source(ctx, asked.step.part), asked.step.entries);
        Some((asked, async move {
            let carried = if is_there { carry(source, entries).await } else { None };
            carried.ok_or_else(|| t("the data of this step cannot be had any more").to_string())
        }))
    }

    fn store(&mut self, ctx: &Context<Self>, name: String) {
        let Some((_, taken)) = self.taken(ctx) else { return };
        self.told = Some(Said::of_step(t("One moment…"), false, Html::default()));
        let link = ctx.link().clone();
        spawn_local(async move {
            let made = async {
                let Carried { commands, expired, .. } = taken.await?;
                load_into(&name, blob(&commands)?, Callback::noop()).await?;
                Ok((name, expired))
            };
            link.send_message(super::Msg::Back(Msg::Stored(made.await)));
        });
    }

    fn go_back(&mut self, ctx: &Context<Self>) {
        let Some((asked, taken)) = self.taken(ctx) else { return };
        self.back.is_busy = true;
        let link = ctx.link().clone();
        spawn_local(async move {
            let went = async {
                let Carried { commands, expired, .. } = taken.await?;
                let before = host::ask(&["dump".into()], Callback::noop()).await?;
                let before: Uint8Array = before.get(0).unchecked_into();
                replace(blob(&commands)?).await?;
                Ok((blob_of(&before)?, expired))
            };
            link.send_message(super::Msg::Back(Msg::Went(asked, went.await)));
        });
    }

    /// Puts the data back to how it was before the person went back.
    fn undo(&mut self, ctx: &Context<Self>) {
        let Some(before) = self.back.before.take() else { return };
        self.back.is_busy = true;
        self.told = None;
        let link = ctx.link().clone();
        spawn_local(async move {
            link.send_message(super::Msg::Back(Msg::Undone(replace(before).await)));
        });
    }

    /// What has to be known before something becomes of a step's data.
    pub(super) fn asking(&self, ctx: &Context<Self>) -> Html {
        let Some(Asked { number, what, changes, .. }) = &self.back.asked else {
            return Html::default();
        };
        let on =
            |msg: fn() -> Msg| ctx.link().callback(move |_: MouseEvent| super::Msg::Back(msg()));
        let cancel = html! {
            <button type="button" class="quiet" onclick={on(|| Msg::Cancel)}>{ t("Cancel") }</button>
        };
        if *what == What::Store {
            let named = ctx.link().callback(|name| super::Msg::Back(Msg::Store(name)));
            return html! {
                <div class="question" role="group" aria-label={t("New store from here")}>
                    <p>{ t1("A store of its own in this browser gets the data as it was after step {}, and stays when the page is closed.", number) }</p>
                    <div class="tool-row">{ namer(t("Name of the store"), t("Make a store"), named) }{ cancel }</div>
                </div>
            };
        }
        html! {
            <div class="question" role="group" aria-label={t("Go back to here")}>
                <p>{ t1("All data of this store, in every database and for every tab, becomes what it was after step {}. It can be undone. Keys keep the date on which they expire, so what has expired by now stays gone.", number) }</p>
                { listed(changes.as_deref()) }
                <div class="tool-row">
                    <button type="button" class="main" onclick={on(|| Msg::Back)}>{ t1("Go back to step {}", number) }</button>
                    { cancel }
                </div>
            </div>
        }
    }
}

/// A step's data, or why there is none.
type Taken = Result<Carried, String>;

/// What going back changes, as far as there is room.
fn listed(changes: Option<&[Change]>) -> Html {
    let Some(changes) = changes else {
        return html! { <p class="soft">{ t("One moment…") }</p> };
    };
    if changes.is_empty() {
        return html! { <p class="soft">{ t("No key is another one then: it changes nothing.") }</p> };
    }
    let more = changes.len().saturating_sub(LISTED_MAX);
    html! {
        <>
            { for changes.iter().take(LISTED_MAX).map(change_view) }
            if more > 0 {
                <p class="soft">{ t1("… and {} more keys", &more.to_string()) }</p>
            }
        </>
    }
}

/// What is told, and how many keys had expired.
fn with_expired(text: &str, expired: u64) -> AttrValue {
    if expired == 0 {
        return text.to_owned().into();
    }
    [text, &t1(" {} had expired.", &expired.to_string())].concat().into()
}

/// Puts what a file holds into the place of all data.
async fn replace(file: Blob) -> Result<(), String> {
    host::ask(&["import".into(), file.into(), true.into()], Callback::noop()).await.map(|_| ())
}

fn blob(bytes: &[u8]) -> Result<Blob, String> {
    blob_of(&Uint8Array::from(bytes))
}

fn blob_of(bytes: &Uint8Array) -> Result<Blob, String> {
    Blob::new_with_u8_array_sequence(&Array::of1(bytes))
        .map_err(|_| t("the browser has no room for it").to_string())
}
