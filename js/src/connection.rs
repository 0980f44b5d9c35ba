//! A connection as bytes: what the sockets for client libraries stand on.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Function, Uint8Array};
use redstart::node::ConnId;
use wasm_bindgen::prelude::*;

use crate::host::{Host, Peer};
use crate::world;

/// A connection as bytes of RESP, for code that speaks the protocol itself.
#[wasm_bindgen]
pub struct Connection {
    host: Rc<Host>,
    conn: Option<ConnId>,
    ends: Rc<Ends>,
}

/// The listeners of a connection.
struct Ends {
    on_data: Function,
    on_close: Function,
    is_open: Cell<bool>,
}

impl Peer for Ends {
    fn receive(&self, bytes: &[u8]) {
        if self.is_open.get() {
            call(&self.on_data, &Uint8Array::from(bytes));
        }
    }

    fn lost(&self) {
        if self.is_open.replace(false) {
            call(&self.on_close, &JsValue::UNDEFINED);
        }
    }
}

/// Calls a listener. What it throws concerns nobody here.
pub(crate) fn call(listener: &Function, value: &JsValue) {
    if let Err(error) = listener.call1(&JsValue::UNDEFINED, value) {
        world::report(&error);
    }
}

impl Connection {
    pub(crate) fn open(host: &Rc<Host>, on_data: Function, on_close: Function) -> Self {
        let ends = Rc::new(Ends { on_data, on_close, is_open: Cell::new(true) });
        let conn = host.open(ends.clone());
        if conn.is_none() {
            ends.is_open.set(false);
        }
        Self { host: host.clone(), conn, ends }
    }
}

#[wasm_bindgen]
impl Connection {
    /// Sends bytes. Most replies have come when this returns.
    pub fn write(&self, bytes: &[u8]) {
        if let Some(conn) = self.conn.filter(|_| self.ends.is_open.get()) {
            self.host.send(conn, bytes.to_vec());
        }
    }

    /// Closes the connection. Its listeners are not called any more.
    pub fn close(&self) {
        if self.ends.is_open.replace(false)
            && let Some(conn) = self.conn
        {
            self.host.hang_up(conn);
        }
    }

    /// Whether the connection is open.
    #[wasm_bindgen(getter, js_name = isOpen)]
    pub fn is_open(&self) -> bool {
        self.ends.is_open.get()
    }
}
