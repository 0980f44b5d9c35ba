//! IndexedDB, as much of it as [`disk`](super::disk) needs, as futures.
//!
//! Bound here and not with a library: what libraries make of a transaction that the browser has
//! aborted does not tell why, and that is all a person can act on when there is no room left. They
//! are also ten times as large.
//!
//! A request or a transaction becomes a promise whose own functions are its listeners, so nothing has
//! to be kept alive for it. The requests of a transaction are worked off in order, so one whose answer
//! nobody wants is not waited for: if it fails, so does the commit, and says why.

use std::cell::Cell;

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomException, Event, IdbDatabase, IdbObjectStore, IdbRequest, IdbTransaction};

use super::scope;
use crate::message::FromWorker;

/// The database's name, the same for every version of the page.
const DATABASE: &str = "redstart";
/// The object store that holds everything.
const FILES: &str = "files";

/// The name of the one that comes and goes.
const PASSING: &str = "redstart-passing";

/// What is said where the browser has none.
const NO_DATABASE: &str = "access to IndexedDB is denied";
/// Under this name a transaction keeps what a request of it has failed with.
const WHY: &str = "why";

#[wasm_bindgen]
extern "C" {
    /// A database whose transactions can be told how durable they are to be.
    #[wasm_bindgen(extends = IdbDatabase, extends = Object)]
    #[derive(Clone)]
    pub(super) type Database;

    #[wasm_bindgen(method, catch, js_name = transaction)]
    fn begin(
        this: &Database,
        stores: &str,
        mode: &str,
        options: &Object,
    ) -> std::result::Result<RawTransaction, JsValue>;

    /// A transaction that is committed.
    #[wasm_bindgen(extends = IdbTransaction, extends = Object)]
    type RawTransaction;

    /// The name that the browser gives itself.
    #[wasm_bindgen(thread_local_v2, js_namespace = ["self", "navigator"], js_name = userAgent)]
    static USER_AGENT: JsValue;

    #[wasm_bindgen(method, catch)]
    fn commit(this: &RawTransaction) -> std::result::Result<(), JsValue>;
}

/// What has failed: an exception of the browser, or a text.
#[derive(Debug)]
pub(super) struct Trouble(JsValue);

impl Trouble {
    /// Whether the browser keeps nothing for this page, as in some private windows, rather than
    /// something that cannot be had now.
    pub(super) fn is_refusal(&self) -> bool {
        let name = self.name();
        // Chromium calls this case unknown.
        let is_denied = |words: String| words.split(' ').any(|word| word.starts_with("denied"));
        name == "SecurityError" || name == "InvalidStateError" || is_denied(self.words())
    }

    /// Whether there is no room left.
    pub(super) fn is_quota(&self) -> bool {
        self.name() == "QuotaExceededError"
    }

    fn name(&self) -> String {
        self.0.dyn_ref().map(DomException::name).unwrap_or_default()
    }

    /// What has failed, for people.
    pub(super) fn words(&self) -> String {
        let Some(exception) = self.0.dyn_ref::<DomException>() else {
            return self.0.as_string().unwrap_or_else(|| "the browser does not say why".to_owned());
        };
        let words = exception.message();
        if words.is_empty() { exception.name() } else { words }
    }
}

impl From<JsValue> for Trouble {
    fn from(error: JsValue) -> Self {
        Self(error)
    }
}

impl From<&str> for Trouble {
    fn from(words: &str) -> Self {
        Self(words.into())
    }
}

/// What can be done with the database.
pub(super) type Result<T> = std::result::Result<T, Trouble>;

/// Opens the database, making it first where there is none.
pub(super) async fn open() -> Result<Database> {
    let factory = scope().indexed_db()?.ok_or(NO_DATABASE)?;
    let request = factory.open_with_u32(DATABASE, 1)?;
    let made = request.clone();
    let on_made = Closure::once(move |event: Event| {
        tell_of_loss(&event);
        let made = made.result().map(|database| database.unchecked_into::<IdbDatabase>());
        // Without it, the first transaction fails and says so.
        drop(made.and_then(|database| database.create_object_store(FILES)));
    });
    request.set_onupgradeneeded(Some(on_made.as_ref().unchecked_ref()));
    Ok(Asked::of(request.into()).answer().await?.unchecked_into())
}

/// Has Chromium write on in a new file. Killed in the middle of a write, it goes on behind the half
/// record at the next start, and cannot read that at the one after: then it removes the whole database.
/// What makes it begin a new file, and keep all that the old one held in another form, is a database
/// that is removed; so here comes and goes an empty one. Others write in other ways.
pub(super) async fn renew_log() -> Result<()> {
    let browser = USER_AGENT.with(JsValue::as_string);
    if browser.is_some_and(|browser| browser.contains("Chrom")) {
        let factory = scope().indexed_db()?.ok_or(NO_DATABASE)?;
        let database = Asked::of(factory.open_with_u32(PASSING, 1)?.into()).answer().await?;
        database.unchecked_into::<IdbDatabase>().close();
        Asked::of(factory.delete_database(PASSING)?.into()).answer().await?;
    }
    Ok(())
}

/// Chromium removes a database that it finds broken and makes a new one in its place; only the event
/// of making it tells. See [`renew_log`].
fn tell_of_loss(event: &Event) {
    let why = Reflect::get(event, &"dataLossMessage".into()).ok().and_then(|why| why.as_string());
    if let Some(why) = why.filter(|why| !why.is_empty()) {
        let text = ["The browser has removed all data, because its database was broken: ", &why];
        super::post(&FromWorker::Log { warning: true, text: text.concat() });
    }
}

/// A request whose answer somebody wants. It is listened to from the moment when it is made: there is
/// nothing to miss, whatever is waited for first.
pub(super) struct Asked {
    request: IdbRequest,
    end: JsFuture,
}

impl Asked {
    fn of(request: IdbRequest) -> Self {
        let end = Promise::new(&mut |done, failed| {
            request.set_onsuccess(Some(&done));
            request.set_onerror(Some(&failed));
        });
        Self { request, end: end.into() }
    }

    /// Waits for the answer; `undefined` where there is nothing.
    pub(super) async fn answer(self) -> Result<JsValue> {
        match self.end.await {
            Ok(_) => Ok(self.request.result()?),
            Err(_) => Err(self.request.error()?.map_or(JsValue::NULL, JsValue::from).into()),
        }
    }
}

/// A transaction on the one object store. One that writes and is dropped before its commit is undone.
/// It closes by itself as soon as anything but its requests is waited for.
pub(super) struct Transaction {
    raw: RawTransaction,
    files: IdbObjectStore,
    /// There is nothing to undo.
    is_over: Cell<bool>,
}

thread_local! {
    /// Keeps why a request has failed, and undoes its transaction. Nobody else shall hear of it: some
    /// browsers take an error that nobody has dealt with for one of the program.
    static ON_ERROR: Closure<dyn FnMut(Event)> = Closure::new(|event: Event| {
        event.prevent_default();
        let request = event.target().and_then(|it| it.dyn_into::<IdbRequest>().ok());
        let Some(request) = request else { return };
        let Some(transaction) = request.transaction() else { return };
        if let Ok(Some(error)) = request.error()
            && error.name() != "AbortError"
        {
            let _ = Reflect::set(&transaction, &WHY.into(), &error);
            let _ = transaction.abort();
        }
    });
}

impl Transaction {
    /// Begins a transaction. One that writes is told how durably: `strict` if it must be safe before it
    /// is reported as done, or `relaxed`.
    pub(super) fn begin(database: &Database, durability: Option<&str>) -> Result<Self> {
        let options = Object::new();
        let mode = if durability.is_some() { "readwrite" } else { "readonly" };
        let _ = Reflect::set(&options, &"durability".into(), &durability.into());
        let raw = database.begin(FILES, mode, &options)?;
        ON_ERROR.with(|on_error| raw.set_onerror(Some(on_error.as_ref().unchecked_ref())));
        let is_over = Cell::new(durability.is_none());
        Ok(Self { files: raw.object_store(FILES)?, raw, is_over })
    }

    /// Asks for what is under a key.
    pub(super) fn ask(&self, key: &JsValue) -> Result<Asked> {
        Ok(Asked::of(self.files.get(key)?))
    }

    /// What is under a key.
    pub(super) async fn get(&self, key: &JsValue) -> Result<JsValue> {
        self.ask(key)?.answer().await
    }

    /// Asks for the keys in a range, in their order.
    pub(super) fn ask_keys(&self, range: &JsValue) -> Result<Asked> {
        Ok(Asked::of(self.files.get_all_keys_with_key(range)?))
    }

    /// Asks for what is under the keys in a range, in their order.
    pub(super) fn ask_all(&self, range: &JsValue) -> Result<Asked> {
        Ok(Asked::of(self.files.get_all_with_key(range)?))
    }

    /// Puts something under a key.
    pub(super) fn put(&self, key: &JsValue, value: &JsValue) -> Result<()> {
        self.files.put_with_key(value, key)?;
        Ok(())
    }

    /// Removes what is under a key, or in a range.
    pub(super) fn delete(&self, keys: &JsValue) -> Result<()> {
        self.files.delete(keys)?;
        Ok(())
    }

    /// Ends the transaction, whether that is waited for or not; all of it is done then, or nothing.
    pub(super) fn commit(self) -> impl Future<Output = Result<()>> {
        self.is_over.set(true);
        let end = Promise::new(&mut |done, failed| {
            self.raw.set_oncomplete(Some(&done));
            self.raw.set_onabort(Some(&failed));
        });
        let begun = self.raw.commit();
        async move {
            if let Err(error) = begun {
                return Err(self.why().unwrap_or(error).into());
            }
            match JsFuture::from(end).await {
                Ok(_) => Ok(()),
                Err(_) => Err(self.why().unwrap_or_default().into()),
            }
        }
    }

    /// Why the browser has undone the transaction, if it has.
    fn why(&self) -> Option<JsValue> {
        let kept = Reflect::get(&self.raw, &WHY.into()).ok().filter(JsValue::is_object);
        kept.or_else(|| self.raw.error().map(JsValue::from))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.is_over.get() {
            // It fails for one that is over already.
            let _ = self.raw.abort();
        }
    }
}
