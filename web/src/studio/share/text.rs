//! The browser's part of sharing: links, files, and the clipboard; see `static/share.js`.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::Location;

use super::link::{self, Fault};
use crate::sandbox::tape::Tape;

/// What stands before the letters of a link.
const MARK: &str = "#share=";

#[wasm_bindgen]
extern "C" {
    /// A script of the page's own that is loaded when it is first needed.
    #[wasm_bindgen(js_namespace = redstart, catch)]
    async fn bring(script: &str) -> Result<JsValue, JsValue>;

    type Script;

    #[wasm_bindgen(method, catch)]
    async fn pack(this: &Script, bytes: &Uint8Array) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn unpack(this: &Script, bytes: &Uint8Array, most: u32) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method)]
    fn encode(this: &Script, bytes: &Uint8Array) -> String;

    #[wasm_bindgen(method)]
    fn decode(this: &Script, text: &str) -> Uint8Array;

    #[wasm_bindgen(method, js_name = copy, catch)]
    async fn js_copy(this: &Script, text: &str) -> Result<JsValue, JsValue>;
}

async fn script() -> Option<Script> {
    Some(bring("./share.js").await.ok()?.unchecked_into())
}

/// A session, compressed; the error is that the browser does not compress.
pub(crate) async fn packed(tape: &Tape, digest: u64) -> Result<Uint8Array, Fault> {
    let script = script().await.ok_or(Fault::NoBrowser)?;
    let bytes = Uint8Array::from(link::write(tape, digest).as_slice());
    let packed = script.pack(&bytes).await.map_err(|_| Fault::NoBrowser)?;
    packed.dyn_into().map_err(|_| Fault::NoBrowser)
}

/// What was packed, and its digest.
pub(crate) async fn unpacked(packed: &Uint8Array) -> Result<(Tape, u64), Fault> {
    let script = script().await.ok_or(Fault::NoBrowser)?;
    let bytes = script.unpack(packed, link::BYTES_MAX).await.map_err(|_| Fault::Broken)?;
    match bytes.as_string().as_deref() {
        Some("none") => Err(Fault::NoBrowser),
        Some("much") => Err(Fault::TooMuch),
        Some(_) => Err(Fault::Broken),
        None => link::read(&bytes.unchecked_into::<Uint8Array>().to_vec()),
    }
}

fn location() -> Option<Location> {
    Some(web_sys::window()?.location())
}

/// The address that carries what was packed. It names no store: nobody else has it.
pub(crate) async fn address(packed: &Uint8Array) -> Option<String> {
    let location = location()?;
    let letters = script().await?.encode(packed);
    Some(format!("{}{}{MARK}{letters}", location.origin().ok()?, location.pathname().ok()?))
}

/// What the page's address carries.
pub(crate) async fn carried() -> Result<(Tape, u64), Fault> {
    let hash = location().and_then(|location| location.hash().ok()).unwrap_or_default();
    let script = script().await.ok_or(Fault::NoBrowser)?;
    unpacked(&script.decode(hash.strip_prefix(MARK).ok_or(Fault::Broken)?)).await
}

/// Takes it out of the page's address, so that the page opens without it the next time.
pub(crate) fn forget() {
    let Some((location, window)) = location().zip(web_sys::window()) else { return };
    if !location.hash().unwrap_or_default().starts_with(MARK) {
        return;
    }
    let address = location.href().unwrap_or_default();
    let address = address.split('#').next().unwrap_or_default();
    if let Ok(history) = window.history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// Puts a text into the clipboard; whether that has worked.
pub(crate) async fn copy(text: &str) -> bool {
    let Some(script) = script().await else { return false };
    script.js_copy(text).await.is_ok_and(|worked| worked.is_truthy())
}
