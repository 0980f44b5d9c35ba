//! How much room the browser gives this page, and whether it may take it back.

use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use yew::prelude::*;

use crate::i18n::{t, t1};
use crate::studio::value::text::size;

#[wasm_bindgen]
extern "C" {
    /// `navigator.storage`, which pages of an unsafe origin do not have.
    #[derive(Clone)]
    type Keeper;

    #[wasm_bindgen(js_namespace = navigator, js_name = storage)]
    #[wasm_bindgen(thread_local_v2)]
    static KEEPER: Option<Keeper>;

    #[wasm_bindgen(method, catch)]
    fn estimate(this: &Keeper) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn persisted(this: &Keeper) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn persist(this: &Keeper) -> Result<Promise, JsValue>;
}

/// What the browser says of the room for this page, in bytes.
pub(in crate::studio) struct Room {
    used: u64,
    all: u64,
    /// Whether nothing is removed but by the person.
    is_safe: bool,
}

/// Asks the browser; `None` where it does not say.
pub(super) async fn look() -> Option<Room> {
    let keeper = KEEPER.with(Option::clone)?;
    let estimate = JsFuture::from(keeper.estimate().ok()?).await.ok()?;
    let number = |name: &str| Some(Reflect::get(&estimate, &name.into()).ok()?.as_f64()? as u64);
    let (used, all) = (number("usage")?, number("quota")?);
    let persisted = JsFuture::from(keeper.persisted().ok()?).await;
    Some(Room { used, all, is_safe: persisted.is_ok_and(|it| it.is_truthy()) })
}

/// Asks the browser to remove nothing by itself, and what holds then. It may ask the person.
pub(super) async fn persist() -> Option<Room> {
    let asked = KEEPER.with(|keeper| keeper.as_ref()?.persist().ok());
    if let Some(asked) = asked {
        // Whatever it says is seen when it is asked what holds now.
        let _ = JsFuture::from(asked).await;
    }
    look().await
}

impl Room {
    pub(super) fn view(&self, persist: Callback<MouseEvent>) -> Html {
        let used = format!("{} / {}", size(self.used), size(self.all));
        html! {
            <div class="tool-row">
                <span class="note">{ t1("Room in use: {}.", &used) }</span>
                if self.is_safe {
                    <span class="note">{ t("The browser has promised to keep it.") }</span>
                } else {
                    <span class="note">{ t("The browser may remove all of it when the disk gets full.") }</span>
                    <button type="button" class="quiet" onclick={persist}>{ t("Ask it to keep the data") }</button>
                }
            </div>
        }
    }
}
