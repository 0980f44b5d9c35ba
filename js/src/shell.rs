//! A terminal as plain data, for an element that draws it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{Array, Function, Object, Reflect};
use redstart::commands::DESCRIPTIONS;
use redstart::node::ConnId;
use redstart_web::terminal::{BlockKind, Need, Pane};
use wasm_bindgen::prelude::*;

use crate::connection::call;
use crate::host::{Host, Peer};

/// A terminal: what is entered, and what redis-cli would print.
#[wasm_bindgen]
pub struct Shell {
    pane: Rc<Terminal>,
}

/// The pane and its connection.
struct Terminal {
    host: Rc<Host>,
    pane: RefCell<Pane>,
    conn: Cell<Option<ConnId>>,
    on_change: Function,
}

/// The node's view of one connection of a terminal.
struct End {
    terminal: Weak<Terminal>,
    /// The pane's number of it: what comes on an earlier one is not for the pane.
    number: u32,
}

impl Peer for End {
    fn receive(&self, bytes: &[u8]) {
        self.change(|pane, now_ms| pane.receive(bytes, now_ms));
    }

    fn lost(&self) {
        self.change(Pane::lost);
    }
}

impl End {
    fn change(&self, work: impl FnOnce(&mut Pane, f64) -> Vec<Need>) {
        let Some(terminal) = self.terminal.upgrade() else { return };
        if terminal.pane.borrow().conn == self.number {
            terminal.change(work);
        }
    }
}

/// Gives the pane the descriptions of the commands, which are linked.
fn describe(pane: &mut Pane, now_ms: f64) -> Vec<Need> {
    pane.described(&DESCRIPTIONS, now_ms)
}

impl Terminal {
    /// Changes the pane, does what it needs, and tells of it.
    fn change(self: &Rc<Self>, work: impl FnOnce(&mut Pane, f64) -> Vec<Need>) {
        let needs = work(&mut self.pane.borrow_mut(), self.host.now_ms());
        for need in needs {
            match need {
                Need::Connect(number) => self.connect(number),
                Need::Disconnect => self.disconnect(),
                Need::Describe => self.change(describe),
                // What the playground has beside its panes.
                Need::Studio(_) => {
                    self.pane.borrow_mut().notice("There is no panel here to show it in.\n");
                }
                Need::Send(bytes) => {
                    if let Some(conn) = self.conn.get() {
                        self.host.send(conn, bytes);
                    }
                }
            }
        }
        call(&self.on_change, &JsValue::UNDEFINED);
    }

    fn connect(self: &Rc<Self>, number: u32) {
        self.disconnect();
        let end = Rc::new(End { terminal: Rc::downgrade(self), number });
        self.conn.set(self.host.open(end));
        if self.conn.get().is_none() {
            self.pane.borrow_mut().gone();
        }
    }

    fn disconnect(&self) {
        if let Some(conn) = self.conn.take() {
            self.host.hang_up(conn);
        }
    }
}

impl Shell {
    pub(crate) fn open(host: &Rc<Host>, on_change: Function) -> Self {
        let pane = Rc::new(Terminal {
            host: host.clone(),
            pane: RefCell::new(Pane::new(1)),
            conn: Cell::new(None),
            on_change,
        });
        pane.change(Pane::connect);
        Self { pane }
    }
}

#[wasm_bindgen]
impl Shell {
    /// Enters a line. Besides commands, `HELP`, `CLEAR`, `QUIT`, `5 INCR x` and `:set output json` work
    /// as in redis-cli.
    pub fn enter(&self, line: &str) {
        self.pane.change(|pane, now_ms| pane.enter(line, now_ms));
    }

    /// Stops waiting and listening, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.pane.change(Pane::interrupt);
    }

    /// What stands before the line: `redstart[1](TX)> `, say.
    #[wasm_bindgen(getter)]
    pub fn prompt(&self) -> String {
        self.pane.pane.borrow().prompt()
    }

    /// Whether a command still waits, or messages may come.
    #[wasm_bindgen(getter, js_name = isBusy)]
    pub fn is_busy(&self) -> bool {
        self.pane.pane.borrow().is_busy()
    }

    /// What is on the screen, oldest first. A block with the same `id` may have got more text.
    #[wasm_bindgen(unchecked_return_type = "Block[]")]
    pub fn blocks(&self) -> Array {
        let pane = self.pane.pane.borrow();
        let block = |block: &Rc<redstart_web::terminal::Block>| {
            let object = Object::new();
            let set = |name: &str, value: JsValue| {
                // It fails only for what cannot be changed, and this is new.
                let _ = Reflect::set(&object, &JsValue::from_str(name), &value);
            };
            set("id", JsValue::from_f64(block.id as f64));
            set("text", JsValue::from_str(&block.text));
            let kind = match &block.kind {
                BlockKind::Command { prompt, line, .. } => {
                    set("prompt", JsValue::from_str(prompt));
                    set("line", JsValue::from_str(line));
                    "command"
                }
                BlockKind::Live => "message",
                BlockKind::Notice => "notice",
            };
            set("kind", JsValue::from_str(kind));
            object
        };
        pane.log.blocks().map(block).collect()
    }

    /// Closes the terminal's connection.
    pub fn close(&self) {
        self.pane.disconnect();
    }
}
