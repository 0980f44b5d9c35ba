//! The page's ends of its connections to the engine: one `MessagePort` a pane, one worker for all.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, Event, MessageEvent, MessagePort, Worker};
use yew::Callback;

use super::shell;
use crate::bridge;
use crate::message::FromWorker;
use crate::state::{Action, KEY_FINDER};

/// What is said when the worker's files are not there.
const NOT_LOADED: &str = "a file of it could not be loaded (engine.js, app.js or app_bg.wasm)";

/// The worker and the ports to it.
pub(super) struct Connections {
    worker: Worker,
    ports: Vec<Port>,
    dispatch: Callback<Action>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

struct Port {
    pane: u32,
    port: MessagePort,
    /// Keeps the listener alive.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Connections {
    /// Listens to the worker; what it has said so far is dispatched first.
    pub(super) fn new(dispatch: Callback<Action>) -> Self {
        let worker = shell::worker();
        let on_message = {
            let dispatch = dispatch.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                tell(&dispatch, event.data());
            })
        };
        let on_error = {
            let dispatch = dispatch.clone();
            Closure::<dyn FnMut(Event)>::new(move |event: Event| {
                event.prevent_default();
                // A file that is missing gives a plain event, which says nothing.
                let message = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message);
                let message = message.unwrap_or_else(|| NOT_LOADED.to_owned());
                dispatch.emit(Action::Worker(FromWorker::Failed { message }));
            })
        };
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        for message in shell::messages().iter() {
            tell(&dispatch, message);
        }
        let ports = Vec::new();
        Self { worker, ports, dispatch, _on_message: on_message, _on_error: on_error }
    }

    /// Opens a connection for a pane in the place of the one it has.
    pub(super) fn connect(&mut self, pane: u32, conn: u32, sandbox: &str) {
        self.disconnect(pane);
        let Some(port) = bridge::open_on(&self.worker, sandbox, pane != KEY_FINDER) else { return };
        let dispatch = self.dispatch.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            dispatch.emit(match event.data().dyn_into::<Uint8Array>() {
                Ok(bytes) => Action::Received(pane, conn, bytes.to_vec()),
                Err(moved) if moved.is_truthy() => Action::Moved(pane, conn),
                Err(_) => Action::Lost(pane, conn),
            });
        });
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        self.ports.push(Port { pane, port, _on_message: on_message });
    }

    /// Closes a pane's connection, if it has one.
    pub(super) fn disconnect(&mut self, pane: u32) {
        if let Some(index) = self.ports.iter().position(|port| port.pane == pane) {
            let port = self.ports.remove(index);
            let _ = port.port.post_message(&JsValue::NULL);
            port.port.set_onmessage(None);
            port.port.close();
        }
    }

    /// Sends a pane's bytes.
    pub(super) fn send(&self, pane: u32, bytes: &[u8]) {
        let Some(port) = self.ports.iter().find(|port| port.pane == pane) else { return };
        let bytes = Uint8Array::from(bytes);
        let _ = port.port.post_message_with_transferable(&bytes, &Array::of1(&bytes.buffer()));
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

fn tell(dispatch: &Callback<Action>, data: JsValue) {
    if let Some(message) = FromWorker::from_js(&data) {
        dispatch.emit(Action::Worker(message));
    }
}
