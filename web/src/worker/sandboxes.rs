//! The sandboxes of this worker by their names: each is given its ports and a timer.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use js_sys::{Array, Uint8Array};
use redstart::node::ConnId;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, MessagePort};

use super::clock::Clock;
use super::host::hang_up;
use super::post_js;
use crate::message::{SandboxOp, SandboxState};
use crate::sandbox::{Output, Role, Sandbox};

/// The longest time until a sandbox is looked at again.
const TIMER_US_MAX: u64 = 1_000_000_000;

/// All sandboxes.
#[derive(Default)]
pub(super) struct Sandboxes {
    all: RefCell<Vec<Rc<Hosted>>>,
    /// The descriptions of the commands, for those that are made from now on.
    descriptions: RefCell<Rc<[u8]>>,
}

/// A sandbox and its world.
struct Hosted {
    name: String,
    clock: Clock,
    sandbox: RefCell<Sandbox>,
    ports: RefCell<Vec<Port>>,
    timer: RefCell<Option<Timeout>>,
    all: Weak<Sandboxes>,
}

/// A connection's end on this side.
struct Port {
    conn: ConnId,
    port: MessagePort,
    /// Keeps the listener alive.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Sandboxes {
    /// Takes the descriptions of the commands.
    pub(super) fn describe(&self, bytes: &[u8]) {
        *self.descriptions.borrow_mut() = bytes.into();
    }

    /// Opens a connection to a sandbox, which is made if there is none of this name.
    pub(super) fn open(self: &Rc<Self>, name: String, is_person: bool, port: MessagePort) {
        let hosted = self.find(&name).unwrap_or_else(|| self.make(name));
        let role = if is_person { Role::Person } else { Role::Watcher };
        hosted.open(role, port);
    }

    /// Does something with a sandbox, and tells how it is then.
    pub(super) fn perform(
        self: &Rc<Self>,
        name: String,
        what: SandboxOp,
        value: f64,
        ticket: u32,
        tape: &[u8],
    ) {
        match what {
            SandboxOp::Remove => self.remove(&name),
            SandboxOp::Reset => {
                self.remove(&name);
                self.make(name.clone());
            }
            SandboxOp::Branch => {
                let (from, into) = name.split_once('>').unwrap_or((&name, ""));
                let (from, into) = (from.to_owned(), into.to_owned());
                return self.branch(&from, into, value as usize, ticket);
            }
            SandboxOp::Tape => {
                let tape = self.find(&name).map(|it| it.sandbox.borrow().tape());
                return answer(ticket, tape.as_deref());
            }
            SandboxOp::Load => {
                let heard = self.load(name, tape);
                return answer(ticket, heard.as_deref());
            }
            SandboxOp::Advance
            | SandboxOp::Rate
            | SandboxOp::Undo
            | SandboxOp::Rewind
            | SandboxOp::Tell => {
                if let Some(hosted) = self.find(&name) {
                    hosted.perform(what, value);
                }
            }
        }
        self.tell(name, ticket);
    }

    /// Makes a sandbox of a recording; what it has sent meanwhile.
    fn load(self: &Rc<Self>, name: String, tape: &[u8]) -> Option<Vec<u8>> {
        self.remove(&name);
        let clock = Clock::new();
        let mut heard = Vec::new();
        let sandbox = Sandbox::load(tape, clock.now().mono, self.described(), &mut heard)?;
        self.host(name, clock, sandbox);
        Some(heard)
    }

    /// Makes a sandbox of the first steps of another.
    fn branch(self: &Rc<Self>, from: &str, into: String, step: usize, ticket: u32) {
        self.remove(&into);
        if let Some(hosted) = self.find(from) {
            let clock = Clock::new();
            let sandbox = hosted.sandbox.borrow().branch(clock.now().mono, step);
            self.host(into.clone(), clock, sandbox);
        }
        self.tell(into, ticket);
    }

    /// Says how a sandbox is.
    fn tell(&self, name: String, ticket: u32) {
        let mut state = SandboxState { sandbox: name, ticket, steps: 0.0, now_ms: 0.0, rate: 0.0 };
        if let Some(hosted) = self.find(&state.sandbox) {
            let sandbox = hosted.sandbox.borrow();
            state.steps = sandbox.entries().len() as f64;
            state.now_ms = sandbox.now().unix_us as f64 / 1000.0;
            state.rate = sandbox.rate();
        }
        post_js(&state.to_js());
    }

    fn described(&self) -> Rc<[u8]> {
        self.descriptions.borrow().clone()
    }

    fn find(&self, name: &str) -> Option<Rc<Hosted>> {
        self.all.borrow().iter().find(|hosted| hosted.name == name).cloned()
    }

    fn make(self: &Rc<Self>, name: String) -> Rc<Hosted> {
        let clock = Clock::new();
        // One seed for all: what a lesson draws by lot is the same for everybody.
        let sandbox = Sandbox::new(1, clock.now(), self.described());
        self.host(name, clock, sandbox)
    }

    fn host(self: &Rc<Self>, name: String, clock: Clock, sandbox: Sandbox) -> Rc<Hosted> {
        let sandbox = RefCell::new(sandbox);
        let (ports, timer, all) = (RefCell::default(), RefCell::default(), Rc::downgrade(self));
        let hosted = Rc::new(Hosted { name, clock, sandbox, ports, timer, all });
        self.all.borrow_mut().push(hosted.clone());
        hosted
    }

    fn remove(&self, name: &str) {
        let Some(hosted) = self.find(name) else { return };
        self.all.borrow_mut().retain(|other| !Rc::ptr_eq(other, &hosted));
        hosted.timer.take();
        for port in hosted.ports.take() {
            hang_up(&port.port);
        }
    }
}

impl Hosted {
    fn open(self: &Rc<Self>, role: Role, port: MessagePort) {
        let conn = self.event(|sandbox, host, outputs| sandbox.open(host, role, outputs));
        let hosted = Rc::downgrade(self);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some(hosted) = hosted.upgrade() else { return };
            match event.data().dyn_into::<Uint8Array>() {
                Ok(bytes) => hosted.event(|sandbox, host, outputs| {
                    sandbox.receive(host, conn, &bytes.to_vec(), outputs);
                }),
                Err(_) => {
                    hosted.event(|sandbox, host, outputs| sandbox.close(host, conn, outputs));
                    hosted.ports.borrow_mut().retain(|port| port.conn != conn);
                }
            }
        });
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        self.ports.borrow_mut().push(Port { conn, port, _on_message: on_message });
    }

    fn perform(self: &Rc<Self>, what: SandboxOp, value: f64) {
        self.event(|sandbox, host, outputs| match what {
            SandboxOp::Advance => {
                sandbox.follow(host, outputs);
                sandbox.advance((value * 1000.0) as u64, outputs);
            }
            SandboxOp::Rate => sandbox.set_rate(host, value, outputs),
            SandboxOp::Undo => {
                if let Some(step) = sandbox.undo_step() {
                    sandbox.rewind(host, step, outputs);
                }
            }
            SandboxOp::Rewind => sandbox.rewind(host, value as usize, outputs),
            SandboxOp::Tell
            | SandboxOp::Reset
            | SandboxOp::Remove
            | SandboxOp::Branch
            | SandboxOp::Tape
            | SandboxOp::Load => {}
        });
    }

    /// Lets something happen, does what follows from it, and sees to the timer.
    fn event<T>(
        self: &Rc<Self>,
        happen: impl FnOnce(&mut Sandbox, redstart::base::time::Monotonic, &mut Vec<Output>) -> T,
    ) -> T {
        let mut outputs = Vec::new();
        let result = happen(&mut self.sandbox.borrow_mut(), self.clock.now().mono, &mut outputs);
        for output in outputs {
            match output {
                Output::Send(conn, bytes) => self.send(conn, &bytes),
                Output::HangUp(conn) => {
                    let mut ports = self.ports.borrow_mut();
                    if let Some(index) = ports.iter().position(|port| port.conn == conn) {
                        hang_up(&ports.remove(index).port);
                    }
                }
                Output::End => {
                    if let Some(all) = self.all.upgrade() {
                        all.remove(&self.name);
                    }
                    return result;
                }
            }
        }
        self.set_timer();
        result
    }

    fn send(&self, conn: ConnId, bytes: &[u8]) {
        if let Some(port) = self.ports.borrow().iter().find(|port| port.conn == conn) {
            let bytes = Uint8Array::from(bytes);
            // The only failure is a buffer that is gone already, and this one is new.
            let _ = port.port.post_message_with_transferable(&bytes, &Array::of1(&bytes.buffer()));
        }
    }

    fn set_timer(self: &Rc<Self>) {
        let wake = self.sandbox.borrow().wake_in_us();
        *self.timer.borrow_mut() = wake.map(|us| {
            let hosted = Rc::downgrade(self);
            // Rounded up: a timer that fires too early would fire again and again.
            let ms = us.min(TIMER_US_MAX).div_ceil(1000);
            Timeout::new(ms as u32, move || {
                let Some(hosted) = hosted.upgrade() else { return };
                // It has fired: there is nothing to cancel.
                if let Some(timer) = hosted.timer.take() {
                    timer.forget();
                }
                hosted.event(|sandbox, host, outputs| sandbox.follow(host, outputs));
            })
        });
    }
}

/// Answers with bytes, or with nothing.
fn answer(ticket: u32, bytes: Option<&[u8]>) {
    let bytes = bytes.map_or(JsValue::NULL, |bytes| Uint8Array::from(bytes).into());
    post_js(&Array::of2(&ticket.into(), &bytes));
}
