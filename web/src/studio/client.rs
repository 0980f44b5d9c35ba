//! A client of a node, for views: commands are sent, and replies awaited.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use js_sys::{Array, Uint8Array};
use redstart::resp::Reply;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, MessagePort};
use yew::Callback;

use super::engine::Once;
use crate::bridge;
use crate::terminal::session::request;

/// A connection to a node. Commands may be sent while others are under way; their replies come in
/// their order. What comes without being asked for must come as a push of RESP3, or on a connection on
/// which nothing else is asked (MONITOR); whoever wants it uses [`Client::open_heard`].
pub struct Client {
    port: MessagePort,
    state: Rc<RefCell<State>>,
    /// Keeps the listener alive.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

/// The connection has ended, or what came is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// A reply, or that there will be none.
type Answer = Result<Reply, Gone>;

#[derive(Default)]
struct State {
    unread: Vec<u8>,
    waiting: VecDeque<Once<Answer>>,
    is_gone: bool,
}

impl Client {
    /// Connects to a sandbox, or to the node that keeps the data if `sandbox` is empty.
    pub fn open(sandbox: &str) -> Option<Self> {
        Self::open_heard(sandbox, Callback::noop())
    }

    /// As [`Client::open`]; `pushed` gets what comes without being asked for, and must only put it
    /// into a queue.
    pub fn open_heard(sandbox: &str, pushed: Callback<Reply>) -> Option<Self> {
        let port = bridge::open(sandbox, false)?;
        let state = Rc::new(RefCell::new(State::default()));
        let on_message = {
            let state = state.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let bytes = event.data().dyn_into::<Uint8Array>().ok().map(|it| it.to_vec());
                let Heard { ready, pushes } = state.borrow_mut().hear(bytes);
                for (waiting, reply) in ready {
                    waiting.set(reply);
                }
                pushes.into_iter().for_each(|push| pushed.emit(push));
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
        let mut replies = self.run_all(&[words.to_vec()]).await?;
        replies.pop().ok_or(Gone)
    }

    /// Runs a command and waits no longer than this for its reply, which is not told.
    pub async fn run_for(&self, words: &[Vec<u8>], ms: u32) {
        let Some(reply) = self.send(&[words.to_vec()]).pop() else { return };
        let waker = reply.clone();
        let _timeout = Timeout::new(ms, move || waker.set(Err(Gone)));
        let _ = reply.get().await;
    }

    /// Sends a command; its reply and what follows go to whoever hears.
    pub fn tell(&self, words: &[Vec<u8>]) {
        self.post(&request(words));
    }

    fn post(&self, bytes: &[u8]) {
        let bytes = Uint8Array::from(bytes);
        // The only failure is a buffer that is gone already, and this one is new.
        let _ = self.port.post_message_with_transferable(&bytes, &Array::of1(&bytes.buffer()));
    }

    /// Runs commands all at once, in one message; their replies.
    pub async fn run_all(&self, commands: &[Vec<Vec<u8>>]) -> Result<Vec<Reply>, Gone> {
        let waiting = self.send(commands);
        if waiting.len() != commands.len() {
            return Err(Gone);
        }
        let mut replies = Vec::with_capacity(waiting.len());
        for reply in waiting {
            replies.push(reply.get().await?);
        }
        Ok(replies)
    }

    /// Sends commands; where their replies will be. Nothing if the connection has ended.
    fn send(&self, commands: &[Vec<Vec<u8>>]) -> Vec<Once<Answer>> {
        if self.is_gone() {
            return Vec::new();
        }
        let waiting: Vec<_> = commands.iter().map(|_| Once::new()).collect();
        self.state.borrow_mut().waiting.extend(waiting.iter().cloned());
        self.post(&commands.iter().flat_map(|words| request(words)).collect::<Vec<u8>>());
        waiting
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

/// What has come: replies with those who wait for them, and what nobody has asked for.
#[derive(Default)]
struct Heard {
    ready: Vec<(Once<Answer>, Answer)>,
    pushes: Vec<Reply>,
}

impl State {
    /// Takes bytes, or `None` for the end.
    fn hear(&mut self, bytes: Option<Vec<u8>>) -> Heard {
        let mut heard = Heard::default();
        self.unread.extend(bytes.as_deref().unwrap_or_default());
        self.is_gone |= bytes.is_none();
        let mut start = 0;
        while !self.is_gone {
            match Reply::read(self.unread.get(start..).unwrap_or_default()) {
                Ok(Some((reply, length))) => {
                    start += length;
                    let waiting = if reply.is_push() { None } else { self.waiting.pop_front() };
                    match waiting {
                        Some(waiting) => heard.ready.push((waiting, Ok(reply))),
                        // A push, or what MONITOR tells.
                        None => heard.pushes.push(reply),
                    }
                }
                Ok(None) => break,
                Err(_) => self.is_gone = true,
            }
        }
        self.unread.drain(..start);
        if self.is_gone {
            heard.ready.extend(self.waiting.drain(..).map(|waiting| (waiting, Err(Gone))));
        }
        heard
    }
}
