//! Another store than the one that is open: a worker of its own opens it, for as long as something is
//! asked of it.

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, MessagePort, Worker};
use yew::Callback;

use crate::bridge;
use crate::message::FromWorker;
use crate::studio::engine::Once;
use crate::studio::host::{self, Answer};

#[wasm_bindgen]
extern "C" {
    /// A worker with an engine on a store.
    #[wasm_bindgen(js_namespace = redstart, js_name = host)]
    fn host_of(store: &str) -> Worker;
}

/// A store that is saving by itself is asked again so much later.
const SAVE_AGAIN_MS: u32 = 50;

/// A worker with a store, and a connection to it.
pub(super) struct Other {
    worker: Worker,
    port: MessagePort,
}

impl Other {
    /// Opens a store, and waits until its data is there.
    pub(super) async fn open(store: &str) -> Result<Self, String> {
        let worker = host_of(store);
        let (ready, failed) = (Once::new(), "the store could not be opened");
        let tells = {
            let ready = ready.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                match FromWorker::from_js(&event.data()) {
                    Some(FromWorker::Ready) => ready.set(Ok(())),
                    Some(FromWorker::Failed { message }) => ready.set(Err(message)),
                    _ => {}
                }
            })
        };
        worker.set_onmessage(Some(tells.as_ref().unchecked_ref()));
        let is_ready: Result<(), String> = ready.get().await;
        worker.set_onmessage(None);
        is_ready?;
        let port = bridge::open_on(&worker, "", false).ok_or(failed)?;
        let other = Self { worker, port };
        // It is answered when the data has been loaded.
        other.run("PING").await.ok_or(failed)?;
        Ok(other)
    }

    /// Asks the store's host; see [`host::ask`].
    pub(super) async fn ask(&self, question: &[JsValue], progress: Callback<u32>) -> Answer {
        host::ask_worker(&self.worker, question, progress).await
    }

    /// Saves what the store holds. It may have begun that by itself, with only a part of it: then this is
    /// done once that has ended.
    pub(super) async fn save(&self) -> Result<(), String> {
        loop {
            let reply = self.run("SAVE").await.unwrap_or_default();
            if reply.starts_with('+') {
                return Ok(());
            }
            if !reply.contains("already in progress") {
                return Err("the store could not be saved".to_owned());
            }
            TimeoutFuture::new(SAVE_AGAIN_MS).await;
        }
    }

    /// Runs a command; what is replied, or `None` where the connection ends instead.
    async fn run(&self, line: &str) -> Option<String> {
        let answer = Once::new();
        let hears = {
            let answer = answer.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let bytes = event.data().dyn_into::<Uint8Array>().ok();
                answer.set(bytes.map(|it| String::from_utf8_lossy(&it.to_vec()).into_owned()));
            })
        };
        self.port.set_onmessage(Some(hears.as_ref().unchecked_ref()));
        let line = Uint8Array::from([line, "\r\n"].concat().as_bytes());
        let _ = self.port.post_message_with_transferable(&line, &Array::of1(&line.buffer()));
        let reply = answer.get().await;
        self.port.set_onmessage(None);
        reply
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}
