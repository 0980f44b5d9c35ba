//! What happens in the panes, for every view that wants to know.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use yew::Callback;

use super::exchange::Exchanges;
use super::share::session::Session;
use crate::bridge::{self, Ask, Place, Told};

/// The panes as the studio knows them. Clones are the same desk.
#[derive(Clone, Default)]
pub struct Desk(Rc<Inner>);

#[derive(Default)]
struct Inner {
    exchanges: RefCell<Exchanges>,
    session: RefCell<Session>,
    panes: RefCell<BTreeMap<u32, Place>>,
    listeners: RefCell<Vec<Weak<Callback<Rc<Told>>>>>,
}

impl PartialEq for Desk {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Somebody listens as long as this lives.
pub struct Listening(#[allow(dead_code, reason = "held, not read")] Rc<Callback<Rc<Told>>>);

impl Desk {
    /// A desk that hears what the app tells, beginning with the panes that are open. There is one.
    pub(super) fn open() -> Self {
        let desk = Self::default();
        bridge::listen({
            let desk = desk.clone();
            move |told, at_ms| desk.hear(told, at_ms)
        });
        bridge::ask(&Ask::Panes);
        desk
    }

    /// What has gone by in the panes since the studio was opened.
    pub fn exchanges(&self) -> Ref<'_, Exchanges> {
        self.0.exchanges.borrow()
    }

    /// What was sent in the panes of the node that keeps the data.
    pub fn session(&self) -> Ref<'_, Session> {
        self.0.session.borrow()
    }

    /// Forgets it.
    pub fn clear_exchanges(&self) {
        self.0.exchanges.borrow_mut().clear();
    }

    /// Where a pane is connected to.
    pub fn place(&self, pane: u32) -> Option<Place> {
        self.0.panes.borrow().get(&pane).cloned()
    }

    /// The numbers of the panes that are connected to a sandbox, or to the node that keeps the data.
    pub fn panes_of(&self, sandbox: &str) -> Vec<u32> {
        let panes = self.0.panes.borrow();
        panes.iter().filter(|(_, place)| place.sandbox == sandbox).map(|(pane, _)| *pane).collect()
    }

    /// The open panes with their numbers.
    pub fn panes(&self) -> Vec<(u32, Place)> {
        self.0.panes.borrow().iter().map(|(pane, place)| (*pane, place.clone())).collect()
    }

    /// Has everything that is told from now on told to `heard` too, which must only put it into a
    /// queue, as a component's callback does.
    #[must_use]
    pub fn listen(&self, heard: Callback<Rc<Told>>) -> Listening {
        let heard = Rc::new(heard);
        self.0.listeners.borrow_mut().push(Rc::downgrade(&heard));
        Listening(heard)
    }

    fn hear(&self, told: Told, at_ms: f64) {
        match &told {
            Told::Pane { pane, place } => {
                self.0.panes.borrow_mut().insert(*pane, place.clone());
            }
            Told::Closed { pane } => {
                self.0.panes.borrow_mut().remove(pane);
                self.0.session.borrow_mut().closed(*pane, at_ms);
            }
            Told::Sent { pane, conn, bytes } => {
                self.0.exchanges.borrow_mut().sent(*pane, *conn, bytes, at_ms);
                // A pane of which nothing was told yet was there from the start.
                if self.place(*pane).is_none_or(|place| place.sandbox.is_empty()) {
                    self.0.session.borrow_mut().sent(*pane, *conn, bytes, at_ms);
                }
            }
            Told::Received { pane, conn, bytes } => {
                self.0.exchanges.borrow_mut().received(*pane, *conn, bytes, at_ms);
                self.0.session.borrow_mut().received(*pane, *conn, bytes);
            }
            Told::Restarted => self.0.session.borrow_mut().begin_anew(),
            Told::Lost => self.0.session.borrow_mut().is_incomplete(),
            Told::Language => {}
        }
        let told = Rc::new(told);
        self.0.listeners.borrow_mut().retain(|listener| listener.strong_count() > 0);
        let listeners: Vec<_> =
            self.0.listeners.borrow().iter().filter_map(Weak::upgrade).collect();
        for listener in listeners {
            listener.emit(told.clone());
        }
    }
}
