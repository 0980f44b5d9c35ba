//! What the page asks of a store as a whole: which stores there are, files in and out.
//!
//! Each question comes on a port of its own, as `[what, …]`, and is answered there: with `["progress",
//! read, all]` any number of times, then once with `["done", …]` or `["failed", why]`. A port of a tab
//! that is not the host reaches the host as its connections do ([`relay`](super::relay)); so the page
//! need not know where the store is open.
//!
//! | question | answer behind `done` |
//! |---|---|
//! | `stores` | the open store's name, and `[name, bytes]` of each |
//! | `create`, name | |
//! | `rename`, from, to | |
//! | `remove`, name | |
//! | `dump` | the data as a snapshot |
//! | `began` | when the data was there, in microseconds since 1970, and a snapshot of it if it was small |
//! | `import`, blob, whether the data is replaced | keys, expired, commands, refused, the first refusal |

use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use redstart::node::{How, Imported};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, MessageEvent, MessagePort};

use super::disk::{IS_THERE, explain};
use super::host::Host;
use super::lock;

/// The name under which the node reads what is imported.
pub(super) const IMPORTED: &str = "imported file";
/// Letters that a store's name may have.
const NAME_LENGTH_MAX: usize = 60;

/// A file that is being imported, and who wants to know how that goes.
pub(super) struct Import {
    /// The file.
    pub(super) blob: Blob,
    port: MessagePort,
    told: f64,
}

/// Why something was not done.
type Refusal = String;

/// Answers the question that comes on `port`.
pub(super) fn serve(host: Rc<Host>, port: MessagePort) {
    let answers = port.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let Ok(question) = event.data().dyn_into::<Array>() else { return };
        let (host, port) = (host.clone(), answers.clone());
        wasm_bindgen_futures::spawn_local(async move {
            match answer(&host, &port, &question).await {
                Ok(Some(parts)) => done(&port, &parts),
                // It is answered when the import has ended.
                Ok(None) => {}
                Err(why) => say(&port, "failed", &[why.into()]),
            }
        });
    });
    port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // It lives as long as the port, which the page closes by ending the question.
    on_message.forget();
}

async fn answer(
    host: &Rc<Host>,
    port: &MessagePort,
    question: &Array,
) -> Result<Option<Vec<JsValue>>, Refusal> {
    let text = |index: u32| question.get(index).as_string().unwrap_or_default();
    match &*text(0) {
        "dump" => {
            let Some(bytes) = host.snapshot() else {
                return Err("the data is still being loaded; try again".to_owned());
            };
            Ok(Some(vec![Uint8Array::from(bytes.as_slice()).into()]))
        }
        "began" => {
            let (at_us, data) = host.began();
            Ok(Some(vec![at_us.into(), Uint8Array::from(data.as_slice()).into()]))
        }
        "import" => {
            let blob = question.get(1).dyn_into::<Blob>().map_err(|_| "there is no file")?;
            let how = if question.get(2).is_truthy() { How::Instead } else { How::Over };
            host.import(Import { blob, port: port.clone(), told: 0.0 }, how)?;
            Ok(None)
        }
        what => manage(host, what, &text(1), &text(2)).await.map(Some),
    }
}

/// What concerns the stores of this browser rather than the one that is open.
async fn manage(
    host: &Rc<Host>,
    what: &str,
    name: &str,
    to: &str,
) -> Result<Vec<JsValue>, Refusal> {
    let disk = host.disk().ok_or("this browser keeps no data for this page")?;
    let stores = disk.stores().await.map_err(|trouble| explain(&trouble))?;
    let is_there = |name: &str| stores.iter().any(|(store, _)| store == name);
    if what == "stores" {
        let mut parts = vec![JsValue::from(disk.store())];
        parts.extend(stores.iter().map(|(store, bytes)| {
            JsValue::from(Array::of2(&store.as_str().into(), &(*bytes).into()))
        }));
        return Ok(parts);
    }
    if what != "create" {
        if !is_there(name) || name.is_empty() {
            return Err("there is no store of this name".to_owned());
        }
        if name == disk.store() || !lock::is_free(&lock_name(name)).await {
            return Err("it is open; close it, or open another store, first".to_owned());
        }
    }
    let new = if what == "create" { name } else { to };
    if what != "remove" {
        check_name(new)?;
        if is_there(new) {
            return Err(IS_THERE.to_owned());
        }
    }
    let done = match what {
        "create" => disk.create(name).await,
        "rename" => disk.move_store(name, Some(to)).await,
        "remove" => disk.move_store(name, None).await,
        _ => return Err("nobody knows how to do that".to_owned()),
    };
    done.map(|()| Vec::new()).map_err(|trouble| explain(&trouble))
}

/// The lock that whoever has a store open holds.
pub(super) fn lock_name(store: &str) -> String {
    if store.is_empty() { "redstart".to_owned() } else { ["redstart/", store].concat() }
}

/// Whether a store can be called so.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    if name.trim() != name || name.is_empty() || name.chars().count() > NAME_LENGTH_MAX {
        return Err("a name has 1 to 60 letters, and no space at its ends".to_owned());
    }
    if name.contains(|letter: char| letter == '/' || letter == '@' || letter.is_control()) {
        return Err("a name has no slash and no @ in it".to_owned());
    }
    Ok(())
}

impl Import {
    /// Tells how far it is, in whole hundredths.
    pub(super) fn progress(&mut self, (read, all): (u64, u64)) {
        let hundredth = (read as f64 * 100.0 / (all as f64).max(1.0)).floor();
        if hundredth > self.told {
            self.told = hundredth;
            say(&self.port, "progress", &[(read as f64).into(), (all as f64).into()]);
        }
    }

    /// Tells how it has ended.
    pub(super) fn ended(&self, result: Result<Imported, String>) {
        match result {
            Ok(imported) => {
                let Imported { keys, expired, commands, refused, refusal } = imported;
                let mut parts =
                    [keys, expired, commands, refused].map(|it| JsValue::from(it as f64)).to_vec();
                parts.push(refusal.map_or(JsValue::NULL, JsValue::from));
                done(&self.port, &parts);
            }
            Err(why) => say(&self.port, "failed", &[why.into()]),
        }
    }
}

fn done(port: &MessagePort, parts: &[JsValue]) {
    say(port, "done", parts);
}

fn say(port: &MessagePort, what: &str, parts: &[JsValue]) {
    let message = Array::of1(&what.into());
    for part in parts {
        message.push(part);
    }
    // It fails only for what cannot be copied, and all of this can.
    let _ = port.post_message(&message);
}
