//! Questions to the host of the store; see `worker/service.rs`.

use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, MessagePort, Worker};
use yew::Callback;

use crate::bridge;
use crate::studio::engine::Once;

/// What is behind `done`, or why it failed.
pub(super) type Answer = Result<Array, String>;

/// Closes the port when the question is answered or given up.
struct Open(MessagePort);

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.0.post_message(&JsValue::NULL);
        self.0.set_onmessage(None);
        self.0.close();
    }
}

/// Asks, and waits for the answer; `progress` hears how far it is, in hundredths.
pub(super) async fn ask(question: &[JsValue], progress: Callback<u32>) -> Answer {
    ask_worker(&bridge::engine(), question, progress).await
}

/// As [`ask`], of a worker that the caller has.
pub(super) async fn ask_worker(
    worker: &Worker,
    question: &[JsValue],
    progress: Callback<u32>,
) -> Answer {
    let port = bridge::ask_host(worker).ok_or("the browser has no message channels")?;
    let port = Open(port);
    let answer = Once::new();
    let on_message = {
        let answer = answer.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Ok(parts) = event.data().dyn_into::<Array>() else {
                return answer.set(Err("the tab that keeps the data was closed".to_owned()));
            };
            let what = parts.shift().as_string().unwrap_or_default();
            match &*what {
                "done" => answer.set(Ok(parts)),
                "failed" => answer.set(Err(parts.get(0).as_string().unwrap_or_default())),
                _ => {
                    let number = |index| parts.get(index).as_f64().unwrap_or_default();
                    progress.emit((number(0) * 100.0 / number(1).max(1.0)) as u32);
                }
            }
        })
    };
    port.0.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    let _ = port.0.post_message(&question.iter().collect::<Array>());
    answer.get().await
}
