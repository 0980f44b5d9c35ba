//! What JavaScript lends: `lib/world.js` and `lib/errors.js`.

use js_sys::Function;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(raw_module = "./world.js")]
extern "C" {
    /// Calls `callback` once after so many milliseconds. Only if `waits` does that keep a program of
    /// Node's running.
    #[wasm_bindgen(js_name = setTimer)]
    pub(crate) fn set_timer(callback: &Function, ms: f64, waits: bool) -> JsValue;

    /// Calls a timer off.
    #[wasm_bindgen(js_name = clearTimer)]
    pub(crate) fn clear_timer(timer: &JsValue);

    /// Milliseconds of a clock that is never set.
    #[wasm_bindgen(js_name = monotonicMs)]
    pub(crate) fn monotonic_ms() -> f64;

    /// 32 bytes from the system's source of secrets, or none where there is no such source.
    #[wasm_bindgen(js_name = randomBytes)]
    pub(crate) fn random_bytes() -> Vec<u8>;

    /// Throws `error` where nobody can catch it: it shows as any error that was not caught.
    pub(crate) fn report(error: &JsValue);
}

#[wasm_bindgen(raw_module = "./errors.js")]
extern "C" {
    /// An error that the engine has replied.
    #[wasm_bindgen(extends = js_sys::Error)]
    pub(crate) type RedisError;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new(message: &str) -> RedisError;
}
