//! What can be done with sandboxes, as futures.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use wasm_bindgen::prelude::*;
use web_sys::MessageEvent;

use crate::bridge;
use crate::message::{SandboxOp, SandboxState, ToWorker};

thread_local! {
    /// The number of the last question.
    static TICKET: Cell<u32> = const { Cell::new(0) };
}

/// Something that comes once, and who waits for it.
pub(super) struct Once<T>(Rc<RefCell<(Option<T>, Option<Waker>)>>);

impl<T> Clone for Once<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Once<T> {
    pub(super) fn new() -> Self {
        Self(Rc::new(RefCell::new((None, None))))
    }

    pub(super) fn set(&self, value: T) {
        let waker = {
            let mut inner = self.0.borrow_mut();
            inner.0 = Some(value);
            inner.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) async fn get(self) -> T {
        poll_fn(|cx| {
            let mut inner = self.0.borrow_mut();
            match inner.0.take() {
                Some(value) => Poll::Ready(value),
                None => {
                    inner.1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// The recording of a sandbox, as bytes of [`crate::sandbox::tape`].
pub async fn tape(name: &str) -> Vec<u8> {
    ask(name, SandboxOp::Tape, 0.0, |data, ticket| {
        let parts = data.dyn_into::<js_sys::Array>().ok()?;
        let is_answer = parts.get(0).as_f64() == Some(f64::from(ticket));
        parts
            .get(1)
            .dyn_into::<js_sys::Uint8Array>()
            .ok()
            .filter(|_| is_answer)
            .map(|it| it.to_vec())
    })
    .await
}

/// Has something done with a sandbox; how it is then. Never answered if the worker ends meanwhile.
pub async fn sandbox(name: &str, what: SandboxOp, value: f64) -> SandboxState {
    ask(name, what, value, |data, ticket| {
        SandboxState::from_js(&data).filter(|state| state.ticket == ticket)
    })
    .await
}

/// Asks something about a sandbox; `read` finds the answer with the ticket among what the worker says.
async fn ask<T: 'static>(
    name: &str,
    what: SandboxOp,
    value: f64,
    read: fn(JsValue, u32) -> Option<T>,
) -> T {
    let ticket = TICKET.get() + 1;
    TICKET.set(ticket);
    let worker = bridge::engine();
    let answer = Once::new();
    let heard = {
        let answer = answer.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(found) = read(event.data(), ticket) {
                answer.set(found);
            }
        })
    };
    let listener = heard.as_ref().unchecked_ref();
    let _ = worker.add_event_listener_with_callback("message", listener);
    let question = ToWorker::Sandbox { name: name.to_owned(), what, value, ticket };
    // It fails only for what cannot be copied, and plain data can.
    let _ = worker.post_message(&question.to_js());
    let state = answer.get().await;
    let _ = worker.remove_event_listener_with_callback("message", listener);
    state
}
