//! What is heard without asking: channels, patterns, MONITOR.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Error, Function, Object, Promise, Reflect};
use redstart::resp::Reply;
use wasm_bindgen::prelude::*;

use crate::client::{Line, is_error};
use crate::connection::call;
use crate::host::Host;
use crate::options::Shape;
use crate::words;

/// A subscription, or a MONITOR: its listener is called until it is closed.
#[wasm_bindgen]
pub struct Subscription {
    line: Rc<Line>,
}

#[wasm_bindgen]
impl Subscription {
    /// Ends it. The listener is not called any more.
    pub fn close(&self) {
        self.line.close();
    }

    /// Whether it still hears.
    #[wasm_bindgen(getter, js_name = isOpen)]
    pub fn is_open(&self) -> bool {
        self.line.is_open()
    }
}

/// Subscribes to names with `command` on a connection of its own; the promise is of the subscription.
pub(crate) fn subscribe(
    host: &Rc<Host>,
    shape: Shape,
    command: &str,
    names: &JsValue,
    listener: Function,
) -> Promise {
    let mut words = match words::names(names) {
        Ok(names) => names,
        Err(error) => return Promise::reject(&error),
    };
    let left = Rc::new(Cell::new(words.len()));
    words.insert(0, command.as_bytes().to_vec());
    let line = Line::open(host, Shape { resp3: true, ..shape });
    Promise::new(&mut |resolve, reject| {
        let (listener, left) = (listener.clone(), left.clone());
        let subscribed = line.clone();
        line.listen(Box::new(move |reply| {
            let Reply::Push(parts) = reply else { return };
            match message(shape, parts) {
                Some(message) => call(&listener, &message),
                // A confirmation: one for each name.
                None if left.get() > 0 => {
                    left.set(left.get() - 1);
                    if left.get() == 0 {
                        call(&resolve, &Subscription { line: subscribed.clone() }.into());
                    }
                }
                None => {}
            }
        }));
        answer_errors(&line, &words, reject, |_| ());
    })
}

/// Listens to all commands; the promise is of the subscription.
pub(crate) fn monitor(host: &Rc<Host>, shape: Shape, listener: Function) -> Promise {
    let line = Line::open(host, shape);
    Promise::new(&mut |resolve, reject| {
        let listener = listener.clone();
        line.listen(Box::new(move |reply| {
            if let Reply::Simple(text) = reply {
                call(&listener, &JsValue::from_str(&String::from_utf8_lossy(text)));
            }
        }));
        let done = line.clone();
        answer_errors(&line, &[b"MONITOR".to_vec()], reject, move |_| {
            call(&resolve, &Subscription { line: done }.into());
        });
    })
}

/// Sends a command; what is replied goes to `done` unless it is an error, which is thrown.
fn answer_errors(
    line: &Rc<Line>,
    words: &[Vec<u8>],
    reject: Function,
    done: impl FnOnce(&Reply) + 'static,
) {
    let shape = line.shape;
    let refused = line.clone();
    line.send(
        words,
        Box::new(move |reply| match reply {
            Ok(reply) if is_error(reply) => {
                refused.close();
                call(&reject, &shape.value(reply));
            }
            Ok(reply) => done(reply),
            Err(why) => call(&reject, &why),
        }),
    );
}

/// A message as an object; `None` if it is something else.
fn message(shape: Shape, parts: &[Reply]) -> Option<JsValue> {
    let (pattern, channel, payload) = match parts {
        [Reply::Bulk(kind), channel, payload] if kind == b"message" || kind == b"smessage" => {
            (None, channel, payload)
        }
        [Reply::Bulk(kind), pattern, channel, payload] if kind == b"pmessage" => {
            (Some(pattern), channel, payload)
        }
        _ => return None,
    };
    let object = Object::new();
    let text = Shape { binary: false, ..shape };
    let set = |name: &str, value: JsValue| {
        // It fails only for what cannot be changed, and this is new.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &value);
    };
    if let Some(pattern) = pattern {
        set("pattern", text.value(pattern));
    }
    set("channel", text.value(channel));
    set("message", shape.value(payload));
    Some(object.into())
}

/// Why a snapshot could not be loaded.
pub(crate) fn failure(text: &str) -> JsValue {
    Error::new(text).into()
}
