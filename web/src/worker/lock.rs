//! One tab of the browser writes to the store, by a Web Lock.
//!
//! The browser gives the lock back when the tab is gone, however it went.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise};
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
    fn request(this: &LockManager, name: &str, held: &Function) -> Result<Promise, JsValue>;
}

/// What became of a request for the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    Waiting,
    Held,
    GivenUp,
}

/// Asks for the lock `name` and keeps it until this worker is gone. Returns false if somebody
/// else has held it for all of `wait_ms`; calls `freed` when that somebody is gone at last.
///
/// A browser without locks gives everybody the lock.
pub(super) async fn acquire(name: &str, wait_ms: u32, freed: impl Fn() + 'static) -> bool {
    let Some(locks) = LOCKS.with(Option::clone) else { return true };
    let state = Rc::new(Cell::new(Lock::Waiting));
    let mut answer = None;
    let granted = Promise::new(&mut |resolve, _| answer = Some(resolve));
    let on_held = {
        let state = state.clone();
        let answer = answer.clone();
        Closure::<dyn FnMut() -> Promise>::new(move || {
            if state.replace(Lock::Held) == Lock::GivenUp {
                // Let it go at once: this tab has lived without it and has other data now.
                freed();
                return Promise::resolve(&JsValue::NULL);
            }
            if let Some(answer) = &answer {
                let _ = answer.call0(&JsValue::NULL);
            }
            // A promise that never settles: the lock is held as long as the worker lives.
            Promise::new(&mut |_, _| {})
        })
    };
    if locks.request(name, on_held.as_ref().unchecked_ref()).is_err() {
        return true;
    }
    on_held.forget();
    let timer = {
        let answer = answer.clone();
        async move {
            TimeoutFuture::new(wait_ms).await;
            if let Some(answer) = answer {
                let _ = answer.call0(&JsValue::NULL);
            }
        }
    };
    wasm_bindgen_futures::spawn_local(timer);
    let _ = JsFuture::from(granted).await;
    if state.get() == Lock::Waiting {
        state.set(Lock::GivenUp);
    }
    state.get() == Lock::Held
}
