//! What the declarations of commands say to people: a file of its own, which is loaded when somebody
//! first wants to read it. The builders make it of the declarations (see `core/examples/descriptions.rs`),
//! and whoever takes it looks whether it is of the same version as the program.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Response;

#[wasm_bindgen]
extern "C" {
    /// The browser's own, in the page and in a worker.
    #[wasm_bindgen(catch)]
    async fn fetch(address: &str) -> Result<JsValue, JsValue>;
}

/// Brings the file, or whatever the server sends in its place; nothing without a network.
pub fn load(take: Box<dyn FnOnce(Vec<u8>)>) {
    spawn_local(async { take(read().await.unwrap_or_default()) });
}

async fn read() -> Result<Vec<u8>, JsValue> {
    let response: Response = fetch("descriptions.txt").await?.unchecked_into();
    let buffer = JsFuture::from(response.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}
