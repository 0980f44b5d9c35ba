//! What can be done with sandboxes, as futures.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use wasm_bindgen::prelude::*;
use web_sys::MessageEvent;

use crate::bridge;
use crate::message::{self, SandboxOp, SandboxState, ToWorker};

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

/// Has something done with a sandbox; how it is then. Never answered if the worker ends meanwhile.
pub async fn sandbox(name: &str, what: SandboxOp, value: f64) -> SandboxState {
    let ticket = TICKET.get() + 1;
    TICKET.set(ticket);
    let worker = bridge::engine();
    let answer = Once::new();
    let heard = {
        let answer = answer.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let state = message::from_js::<SandboxState>(event.data());
            if let Some(state) = state.filter(|state| state.ticket == ticket) {
                answer.set(state);
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
