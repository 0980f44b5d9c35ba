//! How the page's two programs talk: the *app*, which has the panes, and the *studio*, which has
//! the panel beside them and is loaded when first used.
//!
//! They are two wasm programs in one page, with a memory each. What one says passes through
//! `shell.js`, which holds a function of either side; so each can be there without the other.
//!
//! - The app tells what happens in its panes: [`Told`], by [`tell`]; the studio listens with
//!   [`listen`], and asks with [`Ask::Panes`] for what is open already. What happened before it
//!   listens is kept by `shell.js`, within bounds, and told to it then.
//! - The studio asks the app for something: [`Ask`], by [`ask`]; the app answers with [`answer`].
//! - Both have the same worker, [`engine`]: the studio opens connections of its own to any node
//!   ([`open`]), which are clients like the panes' own, and sends [`ToWorker`] as the app does. What the
//!   worker says is heard by everyone who adds a listener to it.
//!
//! A callback of one program runs inside a call of the other: it must do nothing but put what it has
//! heard into a queue (of Yew's messages, say).

use std::cell::RefCell;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{MessageChannel, MessagePort, Worker};

use crate::message::ToWorker;

/// A pane by what it is connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The sandbox; empty for the node that keeps the person's data.
    pub sandbox: String,
    /// The pane's name there; empty for whichever is used now, or the first.
    pub name: String,
}

/// What the app tells. `pane` is a pane's number, which is never used twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A pane is there, new or as an answer to [`Ask::Panes`].
    Pane {
        /// Its number.
        pane: u32,
        /// Where it is connected to.
        place: Place,
    },
    /// A pane was closed.
    Closed {
        /// Its number.
        pane: u32,
    },
    /// A pane has sent bytes: whole commands in RESP.
    Sent {
        /// The pane.
        pane: u32,
        /// Its connection, counted: a greater one is a new connection, to which nothing of the
        /// old one belongs.
        conn: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A pane has got bytes: any piece of replies.
    Received {
        /// The pane.
        pane: u32,
        /// Its connection.
        conn: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The server was started again, by another worker: connections and sandboxes are gone.
    Restarted,
    /// The page has another language.
    Language,
    /// There was too much before anybody listened: the oldest of it is not told.
    Lost,
}

/// What the studio asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Tell of every pane that is open.
    Panes,
    /// Show the panes of a sandbox, or those of the node that keeps the data, and no others.
    Show {
        /// The sandbox; empty for the node that keeps the data.
        sandbox: String,
    },
    /// Enter a line in a pane, which is opened if there is none of this name.
    Run(Place, String),
    /// Enter a line that no person has entered: it is not remembered as typed.
    Quiet(Place, String),
    /// Put a line before the caret of a pane, for the person to enter it.
    Type(Place, String),
    /// Say something in a pane.
    Note(Place, String),
    /// Show in a pane what was entered elsewhere: the prompt, the line, and what came of it, with line
    /// breaks between.
    Echo(Place, String),
    /// Open a pane if there is none of this name.
    Open(Place),
    /// Put the caret into a pane.
    Focus(Place),
    /// Close a pane.
    Close(Place),
    /// Title the pane of this number; `panes.js` asks for it.
    Title(u32, String),
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = redstart, js_name = tell)]
    fn js_tell(kind: u8, pane: u32, conn: u32, text: &str, bytes: Option<Uint8Array>);

    #[wasm_bindgen(js_namespace = redstart, js_name = listen)]
    fn js_listen(listener: &JsValue);

    #[wasm_bindgen(js_namespace = redstart, js_name = ask)]
    fn js_ask(kind: u8, sandbox: &str, name: &str, text: &str);

    #[wasm_bindgen(js_namespace = redstart, js_name = answer)]
    fn js_answer(listener: &JsValue);

    /// The worker that runs now.
    #[wasm_bindgen(js_namespace = redstart)]
    pub fn engine() -> Worker;

    /// Shows the studio's panel, loading the program first if need be, with one of its views; with
    /// none (an empty name) the one that was seen last. Behind the name and a space stands what the
    /// view is to do: `tutorial next`. `tutorial toggle` hides the panel if that view is seen.
    #[wasm_bindgen(js_namespace = redstart)]
    pub fn studio(view: &str);
}

/// The app tells something to whoever listens.
pub fn tell(told: &Told) {
    let (mut conn_told, mut text, mut data) = (0, String::new(), None);
    let (kind, pane) = match told {
        Told::Pane { pane, place } => {
            text = format!("{}/{}", place.sandbox, place.name);
            (0, *pane)
        }
        Told::Closed { pane } => (1, *pane),
        Told::Sent { pane, conn, bytes } => {
            (conn_told, data) = (*conn, Some(Uint8Array::from(bytes.as_slice())));
            (2, *pane)
        }
        Told::Received { pane, conn, bytes } => {
            (conn_told, data) = (*conn, Some(Uint8Array::from(bytes.as_slice())));
            (3, *pane)
        }
        Told::Restarted => (4, 0),
        Told::Language => (5, 0),
        Told::Lost => (6, 0),
    };
    js_tell(kind, pane, conn_told, &text, data);
}

/// The studio listens to what the app tells, for as long as the page lives, and when it was told, in
/// milliseconds since 1970.
pub fn listen(mut heard: impl FnMut(Told, f64) + 'static) {
    let listener = Closure::<dyn FnMut(u8, u32, u32, String, JsValue, f64)>::new(
        move |kind, pane, conn, text: String, data: JsValue, at_ms| {
            let bytes = data.dyn_into::<Uint8Array>().map(|it| it.to_vec()).unwrap_or_default();
            let told = match kind {
                0 => {
                    let (sandbox, name) = text.split_once('/').unwrap_or_default();
                    let place = Place { sandbox: sandbox.to_owned(), name: name.to_owned() };
                    Told::Pane { pane, place }
                }
                1 => Told::Closed { pane },
                2 => Told::Sent { pane, conn, bytes },
                3 => Told::Received { pane, conn, bytes },
                4 => Told::Restarted,
                5 => Told::Language,
                6 => Told::Lost,
                _ => return,
            };
            heard(told, at_ms);
        },
    );
    js_listen(listener.as_ref());
    listener.forget();
}

thread_local! {
    /// The sandbox whose panes the studio had shown last.
    static SHOWN: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The sandbox whose panes are shown, as far as the studio had them shown; empty for the node that
/// keeps the data.
pub fn shown() -> String {
    SHOWN.with_borrow(String::clone)
}

/// The studio asks for something.
pub fn ask(ask: &Ask) {
    if let Ask::Show { sandbox } = ask {
        SHOWN.set(sandbox.clone());
    }
    let here = Place::default();
    let number;
    let (kind, place, text) = match ask {
        Ask::Panes => (0, &here, ""),
        Ask::Show { sandbox } => (1, &here, sandbox.as_str()),
        Ask::Run(place, line) => (2, place, line.as_str()),
        Ask::Type(place, line) => (3, place, line.as_str()),
        Ask::Note(place, text) => (4, place, text.as_str()),
        Ask::Open(place) => (5, place, ""),
        Ask::Focus(place) => (6, place, ""),
        Ask::Close(place) => (7, place, ""),
        Ask::Quiet(place, line) => (8, place, line.as_str()),
        Ask::Echo(place, text) => (9, place, text.as_str()),
        Ask::Title(pane, title) => {
            number = Place { sandbox: pane.to_string(), name: String::new() };
            (10, &number, title.as_str())
        }
    };
    js_ask(kind, &place.sandbox, &place.name, text);
}

/// The app answers what the studio asks for, for as long as the page lives.
pub fn answer(mut asked: impl FnMut(Ask) + 'static) {
    let listener =
        Closure::<dyn FnMut(u8, String, String, String)>::new(move |kind, sandbox, name, text| {
            let place = Place { sandbox, name };
            asked(match kind {
                0 => Ask::Panes,
                1 => Ask::Show { sandbox: text },
                2 => Ask::Run(place, text),
                3 => Ask::Type(place, text),
                4 => Ask::Note(place, text),
                5 => Ask::Open(place),
                6 => Ask::Focus(place),
                7 => Ask::Close(place),
                8 => Ask::Quiet(place, text),
                9 => Ask::Echo(place, text),
                10 => Ask::Title(place.sandbox.parse().unwrap_or_default(), text),
                _ => return,
            });
        });
    js_answer(listener.as_ref());
    listener.forget();
}

/// Opens a connection to a node; what is posted on the port are `Uint8Array`s of RESP, and `null`
/// to end it. `None` only if the browser has no message channels.
pub fn open(sandbox: &str, is_person: bool) -> Option<MessagePort> {
    open_on(&engine(), sandbox, is_person)
}

/// Opens a port to `worker` for one question about its store as a whole; see `worker/service.rs`.
pub fn ask_host(worker: &Worker) -> Option<MessagePort> {
    let channel = MessageChannel::new().ok()?;
    let theirs = Array::of1(&channel.port2());
    // It fails only for a port that was transferred already, and this one is new.
    let _ = worker.post_message_with_transfer(&ToWorker::Ask.to_js(), &theirs);
    Some(channel.port1())
}

/// As [`open`], on a worker that the caller has.
pub fn open_on(worker: &Worker, sandbox: &str, is_person: bool) -> Option<MessagePort> {
    let channel = MessageChannel::new().ok()?;
    let open = ToWorker::Open { sandbox: sandbox.to_owned(), is_person };
    let theirs = Array::of1(&channel.port2());
    // It fails only for a port that was transferred already, and this one is new.
    let _ = worker.post_message_with_transfer(&open.to_js(), &theirs);
    Some(channel.port1())
}
