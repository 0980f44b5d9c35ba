//! What can be done with sandboxes, as futures.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{MessageEvent, Worker};

use crate::bridge;
use crate::descriptions;
use crate::message::{SandboxOp, SandboxState, ToWorker};
use crate::sandbox::tape::{self, Heard, Tape};

thread_local! {
    /// The number of the last question.
    static TICKET: Cell<u32> = const { Cell::new(0) };
    /// The worker that has the descriptions of the commands, or will once the promise is kept.
    static DESCRIBED: RefCell<Option<(Worker, Option<Promise>)>> = const { RefCell::new(None) };
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

/// The recording of a sandbox; `None` if there is no such sandbox.
pub async fn tape(name: &str) -> Option<Tape> {
    tape::read(&ask(name, SandboxOp::Tape, 0.0, None, bytes).await?)
}

/// Has a sandbox live through a recording and stand still at its end; what it has sent meanwhile.
/// `None` if that recording cannot be lived through.
pub async fn load(name: &str, tape: &Tape) -> Option<Vec<Heard>> {
    let tape = tape::write(&tape.head, &tape.entries, tape.end);
    let heard = ask(name, SandboxOp::Load, 0.0, Some(&tape), bytes).await?;
    Some(tape::read_heard(&heard))
}

/// Bytes, or that there are none, if it is the answer to the question of this ticket.
fn bytes(data: JsValue, ticket: u32) -> Option<Option<Vec<u8>>> {
    let parts = data.dyn_into::<Array>().ok()?;
    let is_answer = parts.get(0).as_f64() == Some(f64::from(ticket));
    is_answer.then(|| parts.get(1).dyn_into::<Uint8Array>().ok().map(|it| it.to_vec()))
}

/// Has something done with a sandbox; how it is then. Never answered if the worker ends meanwhile.
pub async fn sandbox(name: &str, what: SandboxOp, value: f64) -> SandboxState {
    ask(name, what, value, None, |data, ticket| {
        SandboxState::from_js(&data).filter(|state| state.ticket == ticket)
    })
    .await
}

/// Asks something about a sandbox; `read` finds the answer with the ticket among what the worker says.
async fn ask<T: 'static>(
    name: &str,
    what: SandboxOp,
    value: f64,
    tape: Option<&[u8]>,
    read: fn(JsValue, u32) -> Option<T>,
) -> T {
    let worker = bridge::engine();
    describe(&worker).await;
    let tape = tape.map(Uint8Array::from);
    let ticket = TICKET.get() + 1;
    TICKET.set(ticket);
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
    let question = ToWorker::Sandbox { name: name.to_owned(), what, value, ticket, tape };
    // It fails only for what cannot be copied, and plain data can.
    let _ = worker.post_message(&question.to_js());
    let state = answer.get().await;
    let _ = worker.remove_event_listener_with_callback("message", listener);
    state
}

/// Sees to it that the worker has the descriptions of the commands before it makes a sandbox: one is to
/// reply the same whenever it lives through a recording. Who asks first goes first, and once they are
/// there nobody waits: a question must not come behind what is asked for later in another way.
async fn describe(worker: &Worker) {
    let known = DESCRIBED.with_borrow(|known| known.clone()).filter(|known| known.0 == *worker);
    let coming = match known {
        Some((_, coming)) => coming,
        None => {
            let coming = Some(future_to_promise(bring(worker.clone())));
            DESCRIBED.set(Some((worker.clone(), coming.clone())));
            coming
        }
    };
    if let Some(coming) = coming {
        let _ = JsFuture::from(coming).await;
    }
}

async fn bring(worker: Worker) -> Result<JsValue, JsValue> {
    let file = Once::new();
    let came = file.clone();
    descriptions::load(Box::new(move |bytes| came.set(bytes)));
    let bytes: Vec<u8> = file.get().await;
    // Without a network there are none, and the next worker tries again.
    worker.post_message(&ToWorker::Describe(Uint8Array::from(&*bytes)).to_js())?;
    DESCRIBED.set(Some((worker, None)));
    Ok(JsValue::UNDEFINED)
}
