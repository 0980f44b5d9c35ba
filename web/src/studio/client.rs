//! A client of a node, for views: commands are sent, and replies awaited.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use redstart::resp::Reply;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, MessagePort};

use super::engine::Once;
use crate::bridge;
use crate::terminal::session::request;

/// A connection to a node. Commands may be sent while others are under way; their replies come in
/// their order. It must not subscribe, nor ask for anything else that comes without being asked for.
pub struct Client {
    port: MessagePort,
    state: Rc<RefCell<State>>,
    /// Keeps the listener alive.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

/// The connection has ended, or what came is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

#[derive(Default)]
struct State {
    unread: Vec<u8>,
    waiting: VecDeque<Once<Result<Reply, Gone>>>,
    is_gone: bool,
}

impl Client {
    /// Connects to a sandbox, or to the node that keeps the data if `sandbox` is empty.
    pub fn open(sandbox: &str) -> Option<Self> {
        let port = bridge::open(sandbox, false)?;
        let state = Rc::new(RefCell::new(State::default()));
        let on_message = {
            let state = state.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let bytes = event.data().dyn_into::<Uint8Array>().ok().map(|it| it.to_vec());
                let ready = state.borrow_mut().hear(bytes);
                for (waiting, reply) in ready {
                    waiting.set(reply);
                }
            })
        };
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Self { port, state, _on_message: on_message })
    }

    /// Whether the connection has ended.
    pub fn is_gone(&self) -> bool {
        self.state.borrow().is_gone
    }

    /// Runs a command.
    pub async fn run(&self, words: &[Vec<u8>]) -> Result<Reply, Gone> {
        let reply = Once::new();
        {
            let mut state = self.state.borrow_mut();
            if state.is_gone {
                return Err(Gone);
            }
            state.waiting.push_back(reply.clone());
        }
        let bytes = Uint8Array::from(request(words).as_slice());
        // The only failure is a buffer that is gone already, and this one is new.
        let _ = self.port.post_message_with_transferable(&bytes, &Array::of1(&bytes.buffer()));
        reply.get().await
    }

    /// Runs commands all at once; their replies.
    pub async fn run_all(&self, commands: &[Vec<Vec<u8>>]) -> Result<Vec<Reply>, Gone> {
        let mut replies = Vec::new();
        for reply in commands.iter().map(|words| self.run(words)).collect::<Vec<_>>() {
            replies.push(reply.await?);
        }
        Ok(replies)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.port.post_message(&JsValue::NULL);
        self.port.set_onmessage(None);
        self.port.close();
        let waiting = std::mem::take(&mut self.state.borrow_mut().waiting);
        for waiting in waiting {
            waiting.set(Err(Gone));
        }
    }
}

type Ready = Vec<(Once<Result<Reply, Gone>>, Result<Reply, Gone>)>;

impl State {
    /// Takes bytes, or `None` for the end; whose replies are there.
    fn hear(&mut self, bytes: Option<Vec<u8>>) -> Ready {
        let mut ready = Vec::new();
        self.unread.extend(bytes.as_deref().unwrap_or_default());
        self.is_gone |= bytes.is_none();
        let mut start = 0;
        while !self.is_gone {
            match Reply::read(self.unread.get(start..).unwrap_or_default()) {
                Ok(Some((reply, length))) => {
                    start += length;
                    ready.extend(self.waiting.pop_front().map(|waiting| (waiting, Ok(reply))));
                }
                Ok(None) => break,
                Err(_) => self.is_gone = true,
            }
        }
        self.unread.drain(..start);
        if self.is_gone {
            ready.extend(self.waiting.drain(..).map(|waiting| (waiting, Err(Gone))));
        }
        ready
    }
}
