//! Web Locks: who writes to a store, and whether another tab is still there.
//!
//! The browser gives a lock back when the worker that holds it is gone, however it went. So the lock
//! of a store makes one worker its host, a worker that waits for it becomes the next one, and whoever
//! wants to know of a tab's end asks for a lock which that tab holds.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// `navigator.locks`, which `web_sys` still counts as unstable.
    #[derive(Clone)]
    type LockManager;

    #[wasm_bindgen(js_namespace = ["self", "navigator"], js_name = locks)]
    #[wasm_bindgen(thread_local_v2)]
    static LOCKS: Option<LockManager>;

    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        granted: &Function,
    ) -> Result<Promise, JsValue>;
}

/// Takes the lock if nobody has it, and keeps it until this worker is gone. Returns whether it did.
///
/// A browser without locks gives everybody the lock.
pub(super) async fn try_hold(name: &str) -> bool {
    request(name, true, true).await
}

/// Whether nobody has the lock now.
pub(super) async fn is_free(name: &str) -> bool {
    request(name, true, false).await
}

/// Waits for the lock, and keeps it until this worker is gone.
pub(super) async fn hold(name: &str) {
    request(name, false, true).await;
}

/// Waits until nobody has the lock.
pub(super) async fn freed(name: &str) {
    request(name, false, false).await;
}

async fn request(name: &str, if_available: bool, keeps: bool) -> bool {
    let Some(locks) = LOCKS.with(Option::clone) else { return true };
    let mut answer = None;
    let granted = Promise::new(&mut |resolve, _| answer = Some(resolve));
    let on_granted = Closure::once_into_js(move |lock: JsValue| {
        let is_held = !lock.is_null();
        if let Some(answer) = answer {
            let _ = answer.call1(&JsValue::NULL, &is_held.into());
        }
        // A promise that never settles: the lock is held as long as the worker lives.
        if is_held && keeps { Promise::new(&mut |_, _| {}).into() } else { JsValue::UNDEFINED }
    });
    let options = Object::new();
    let _ = Reflect::set(&options, &"ifAvailable".into(), &if_available.into());
    let Ok(asked) = locks.request(name, &options, on_granted.unchecked_ref()) else { return true };
    // Where locks are refused, only the second one ends.
    let first = Promise::race(&Array::of2(&granted, &asked));
    JsFuture::from(first).await.map_or(true, |is_held| is_held.as_bool().unwrap_or(true))
}
