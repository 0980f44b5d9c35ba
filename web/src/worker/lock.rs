//! Locks: who writes to a store, and whether another tab is still there.
//!
//! The browser gives a Web Lock back when the worker that holds it is gone, however it went. So the lock
//! of a store makes one worker its host, a worker that waits for it becomes the next one, and whoever
//! wants to know of a tab's end asks for a lock which that tab holds.
//!
//! Pages that come from elsewhere than this machine and without TLS have no Web Locks. There the workers
//! ask each other on a channel of the lock's name: who holds it answers, and so does who is asking for
//! it; if nobody does for a while, it is free. A tab that was frozen does not answer, so two can hold
//! such a lock: it only says who should write, and who may is decided by the database itself
//! ([`disk`](super::disk)).

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{BroadcastChannel, MessageEvent};

/// So long an answer may take on a channel. Whoever opens a page waits for it.
const ANSWER_MS: u32 = 500;
/// About so long passes until it is asked again.
const ASK_AGAIN_MS: u32 = 1000;

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
    let Some(locks) = LOCKS.with(Option::clone) else {
        return request_of_tabs(name, if_available, keeps).await;
    };
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

/// As [`request`], where there are no Web Locks.
async fn request_of_tabs(name: &str, if_available: bool, keeps: bool) -> bool {
    loop {
        // Without channels no other tab can be found.
        let Ok(channel) = BroadcastChannel::new(&["redstart.lock.", name].concat()) else {
            return true;
        };
        let is_free = ask(&channel, keeps).await;
        if is_free && keeps {
            // It answers as long as the worker lives.
            std::mem::forget(channel);
        } else {
            channel.close();
        }
        if is_free || if_available {
            return is_free;
        }
        // Two that ask at the same time both hear of each other, and next time not at the same time.
        TimeoutFuture::new(ASK_AGAIN_MS + (js_sys::Math::random() * 500.0) as u32).await;
    }
}

/// Asks who holds a lock; returns whether nobody has answered. Who `keeps` the lock then answers
/// others from now on.
async fn ask(channel: &BroadcastChannel, keeps: bool) -> bool {
    let mut answer = None;
    let answered = Promise::new(&mut |done, _| answer = Some(done));
    let speaker = channel.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let is_question = event.data().is_null();
        if let Some(answer) = answer.as_ref().filter(|_| !is_question) {
            let _ = answer.call1(&JsValue::NULL, &JsValue::FALSE);
        }
        if is_question && keeps {
            let _ = speaker.post_message(&JsValue::TRUE);
        }
    });
    channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    let _ = channel.post_message(&JsValue::NULL);
    let waited = wasm_bindgen_futures::future_to_promise(async {
        TimeoutFuture::new(ANSWER_MS).await;
        Ok(JsValue::TRUE)
    });
    let first = Promise::race(&Array::of2(&answered, &waited));
    JsFuture::from(first).await.map_or(true, |is_free| is_free.is_truthy())
}
