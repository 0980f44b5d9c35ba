//! Several tabs on one store: one hosts the node, the others pass connections on to it.
//!
//! A dedicated worker belongs to its tab, so the panes of a second tab have to reach the worker of the
//! first one. A `MessagePort` cannot be handed from tab to tab without somebody in the middle who knows
//! both: that could be a SharedWorker (which Chromium on Android does not have, and which would be one
//! more program to load) or a service worker (which is there only after the first visit, and is ended
//! by the browser when it likes). A `BroadcastChannel` needs nobody, and Chromium, Firefox and WebKit
//! have had it for years, in workers too. Each connection gets a channel with a name of its own, so its
//! bytes are copied to the two ends alone, in order.
//!
//! ```text
//! pane ─port─ worker of tab 2 (Guest) ─channel─ worker of tab 1 (Hub) ─port─ Host
//! ```
//!
//! What a channel does not tell is that the other end is gone. Web Locks do ([`lock`]): a guest waits
//! for the store's lock, so it is woken when the host is gone and becomes the host itself; and each
//! guest holds a lock of its own name, for which the hub waits, so that no client of a closed tab stays
//! blocked and takes an element that nobody will see. Browsers do not freeze a tab that holds a lock.
//!
//! Nobody polls. A guest announces each connection when it is opened, and again when a hub says that it
//! is there; whichever of the two comes later finds the other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageChannel, MessageEvent, MessagePort};

use super::host::Host;
use super::{Purpose, lock, random_name, take};

/// Said by a hub on the channel that all workers of a store listen to: I am the host from now on.
/// A guest says the names of a connection's channel and of its own lock, with a space between.
const HERE: &str = "here";

/// What the name of a connection's channel begins with, and that of a question's.
const CONNECTION: &str = "redstart.wire.";
const QUESTION: &str = "redstart.ask.";

/// A listener of a port or a channel, which lives as long as this.
type Listener = Closure<dyn FnMut(MessageEvent)>;

/// The channel of all workers of a store.
fn common(store: &str) -> Option<BroadcastChannel> {
    BroadcastChannel::new(&format!("redstart.hub.{store}")).ok()
}

fn say(channel: &BroadcastChannel, what: &str) {
    // It fails only for a channel that is closed, and this one never is.
    let _ = channel.post_message(&what.into());
}

fn listener(mut hears: impl FnMut(JsValue) + 'static) -> Listener {
    Closure::new(move |event: MessageEvent| hears(event.data()))
}

/// A port and a channel, each passing on to the other. `null` is the last that either says.
struct Bridge {
    port: MessagePort,
    channel: BroadcastChannel,
    listeners: RefCell<Option<[Listener; 2]>>,
}

impl Bridge {
    /// Begins to pass on; what the port was sent meanwhile arrives now.
    fn open(port: MessagePort, channel: BroadcastChannel) -> Rc<Self> {
        let bridge = Rc::new(Self { port, channel, listeners: RefCell::default() });
        let pass = |is_to_port: bool| {
            let weak = Rc::downgrade(&bridge);
            listener(move |data| {
                let Some(bridge) = weak.upgrade() else { return };
                let _ = if is_to_port {
                    bridge.port.post_message(&data)
                } else {
                    bridge.channel.post_message(&data)
                };
                if data.is_null() {
                    bridge.close();
                }
            })
        };
        let [to_channel, to_port] = [false, true].map(pass);
        bridge.channel.set_onmessage(Some(to_port.as_ref().unchecked_ref()));
        bridge.port.set_onmessage(Some(to_channel.as_ref().unchecked_ref()));
        *bridge.listeners.borrow_mut() = Some([to_channel, to_port]);
        bridge
    }

    fn is_open(&self) -> bool {
        self.listeners.borrow().is_some()
    }

    fn close(&self) {
        self.port.set_onmessage(None);
        self.channel.set_onmessage(None);
        self.port.close();
        self.channel.close();
        // One of them may be running, and is needed until it returns.
        if let Some(listeners) = self.listeners.borrow_mut().take() {
            wasm_bindgen_futures::spawn_local(async move { drop(listeners) });
        }
    }
}

/// The host's side: takes in what guests announce.
pub(super) struct Hub {
    taken: RefCell<Vec<Taken>>,
    host: Rc<Host>,
}

/// A connection that was taken in.
struct Taken {
    /// Its channel.
    wire: String,
    bridge: Rc<Bridge>,
}

impl Hub {
    /// Tells the guests that there are, and listens from now on.
    pub(super) fn open(store: &str, host: Rc<Host>) {
        let Some(channel) = common(store) else { return };
        let hub = Rc::new(Self { taken: RefCell::default(), host });
        let hears = listener(move |data| {
            if let Some((wire, tab)) = data.as_string().as_deref().and_then(|it| it.split_once(' '))
            {
                hub.link(wire, tab);
            }
        });
        channel.set_onmessage(Some(hears.as_ref().unchecked_ref()));
        hears.forget();
        say(&channel, HERE);
        // It is open as long as the worker lives.
        std::mem::forget(channel);
    }

    fn link(self: &Rc<Self>, wire: &str, tab: &str) {
        let mut taken = self.taken.borrow_mut();
        taken.retain(|link| link.bridge.is_open());
        if taken.iter().any(|link| link.wire == wire) {
            return;
        }
        let (Ok(channel), Ok(ports)) = (BroadcastChannel::new(wire), MessageChannel::new()) else {
            return;
        };
        // The guest sends nothing before it has heard this.
        let _ = channel.post_message(&JsValue::TRUE);
        let bridge = Bridge::open(ports.port1(), channel);
        let is_question = wire.starts_with(QUESTION);
        let purpose = if is_question { Purpose::Question } else { Purpose::Connection };
        take(&self.host, ports.port2(), purpose);
        taken.push(Taken { wire: wire.to_owned(), bridge: bridge.clone() });
        let tab = tab.to_owned();
        wasm_bindgen_futures::spawn_local(async move {
            lock::freed(&tab).await;
            if bridge.is_open() {
                let _ = bridge.port.post_message(&JsValue::NULL);
                bridge.close();
            }
        });
    }
}

/// The side of a tab that is not the host.
pub(super) struct Guest {
    channel: Option<BroadcastChannel>,
    /// The lock that this worker holds.
    tab: String,
    links: RefCell<Vec<Rc<Link>>>,
    /// Called when a host has taken the first connection.
    on_linked: Box<dyn Fn()>,
    hears: RefCell<Option<Listener>>,
}

/// A connection that was announced.
struct Link {
    wire: String,
    purpose: Purpose,
    port: MessagePort,
    channel: BroadcastChannel,
    /// From the moment when a host has taken it.
    bridge: RefCell<Option<Rc<Bridge>>>,
    /// Whether this tab is done with it, or the host.
    is_over: Cell<bool>,
    answers: RefCell<Option<Listener>>,
}

impl Guest {
    /// Opens connections at whoever is the host of the store, now or later.
    pub(super) async fn start(store: &str, on_linked: impl Fn() + 'static) -> Rc<Self> {
        let tab = format!("redstart.tab.{}", random_name());
        // Held before it is named: a hub takes a lock that is free for a tab that is gone.
        lock::hold(&tab).await;
        let guest = Rc::new(Self {
            channel: common(store),
            tab,
            links: RefCell::default(),
            on_linked: Box::new(on_linked),
            hears: RefCell::default(),
        });
        let weak = Rc::downgrade(&guest);
        let hears = listener(move |data| {
            if let Some(guest) = weak.upgrade().filter(|_| data == HERE) {
                guest.found_host();
            }
        });
        if let Some(channel) = &guest.channel {
            channel.set_onmessage(Some(hears.as_ref().unchecked_ref()));
        }
        *guest.hears.borrow_mut() = Some(hears);
        guest
    }

    /// Opens a connection. What is sent to its port waits there until a host has taken it.
    pub(super) fn open(self: &Rc<Self>, port: MessagePort, purpose: Purpose) {
        let kind = if purpose == Purpose::Question { QUESTION } else { CONNECTION };
        let wire = [kind, &random_name()].concat();
        let Ok(channel) = BroadcastChannel::new(&wire) else { return };
        let link = Rc::new(Link {
            wire,
            purpose,
            port,
            channel,
            bridge: RefCell::default(),
            is_over: Cell::new(false),
            answers: RefCell::default(),
        });
        let (weak, guest) = (Rc::downgrade(&link), Rc::downgrade(self));
        let answers = listener(move |data| {
            let Some(link) = weak.upgrade().filter(|_| data == JsValue::TRUE) else { return };
            *link.bridge.borrow_mut() = Some(Bridge::open(link.port.clone(), link.channel.clone()));
            if let Some(guest) = guest.upgrade() {
                (guest.on_linked)();
            }
        });
        link.channel.set_onmessage(Some(answers.as_ref().unchecked_ref()));
        *link.answers.borrow_mut() = Some(answers);
        self.announce(&link);
        let mut links = self.links.borrow_mut();
        links.retain(|link| !link.is_over());
        links.push(link);
    }

    fn announce(&self, link: &Link) {
        if let Some(channel) = &self.channel {
            say(channel, &[&link.wire, " ", &self.tab].concat());
        }
    }

    /// There is another host: what the last one had taken is lost, the rest is announced again.
    fn found_host(&self) {
        self.links.borrow_mut().retain(|link| !link.is_over());
        let links = self.links.borrow().clone();
        for link in links {
            if link.bridge.borrow().is_some() {
                link.moved();
            } else {
                self.announce(&link);
            }
        }
    }

    /// This worker becomes the host: returns the ports that no host had taken.
    pub(super) fn end(&self) -> Vec<(MessagePort, Purpose)> {
        if let Some(channel) = &self.channel {
            channel.close();
        }
        let mut ports = Vec::new();
        for link in self.links.take().into_iter().filter(|link| !link.is_over()) {
            if link.bridge.borrow().is_some() {
                link.moved();
            } else {
                link.channel.close();
                ports.push((link.port.clone(), link.purpose));
            }
        }
        ports
    }
}

impl Link {
    fn is_over(&self) -> bool {
        self.is_over.get() || self.bridge.borrow().as_ref().is_some_and(|bridge| !bridge.is_open())
    }

    /// Tells the pane that its connection is gone, and that it can be opened again.
    fn moved(&self) {
        if let Some(bridge) = self.bridge.take() {
            let _ = self.port.post_message(&JsValue::TRUE);
            bridge.close();
        }
        self.is_over.set(true);
    }
}
