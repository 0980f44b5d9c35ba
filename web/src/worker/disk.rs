//! The browser's store in the place of a disk: files by name in IndexedDB.
//!
//! Every operation is one transaction, asked to be durable before it is reported as done, and
//! holding nothing but requests to the store: a transaction closes by itself as soon as anything
//! else is waited for. One that is dropped before its commit is undone, so a failure half way
//! leaves everything as it was.

use indexed_db_futures::database::Database;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{
    Transaction, TransactionDurability, TransactionMode, TransactionOptions,
};
use js_sys::Uint8Array;
use redstart::node::{DiskDone, DiskError, DiskOp};
use wasm_bindgen::{JsCast, JsValue};

/// The database's name, the same for every version of the page.
const DATABASE: &str = "redstart";

/// The object store that holds the files, by name.
const FILES: &str = "files";

/// Whether this tab may change the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It may: it holds the lock.
    Owner,
    /// It has read them and goes on in memory.
    Copy,
}

/// The open database.
pub(super) struct Disk(Database);

impl Disk {
    /// Opens the database, making it first where there is none.
    pub(super) async fn open() -> Result<Self, String> {
        let opened = Database::open(DATABASE)
            .with_version(1u8)
            .with_on_upgrade_needed(|_, database| {
                database.create_object_store(FILES).build()?;
                Ok(())
            })
            .await;
        opened.map(Self).map_err(|error| shorten(&error.to_string()))
    }

    /// Does what the node asked for and says how it ended.
    pub(super) async fn run(&self, op: DiskOp) -> DiskDone {
        match op {
            DiskOp::Read { name } => {
                let result = self.read(&name).await.map_err(refused);
                DiskDone::Read { name, result }
            }
            DiskOp::Replace { name, bytes } => {
                let result = self.replace(&name, &bytes).await.map_err(refused);
                DiskDone::Replace { name, result }
            }
            DiskOp::Rename { from, to } => {
                let result = self.rename(&from, &to).await.map_err(refused);
                DiskDone::Rename { from, to, result }
            }
        }
    }

    async fn read(&self, name: &str) -> indexed_db_futures::Result<Option<Vec<u8>>> {
        let transaction = self.0.transaction(FILES).build()?;
        let store = transaction.object_store(FILES)?;
        let found: Option<JsValue> = store.get(name).primitive()?.await?;
        let bytes = found.and_then(|value| value.dyn_into::<Uint8Array>().ok());
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }

    async fn replace(&self, name: &str, bytes: &[u8]) -> indexed_db_futures::Result<()> {
        let transaction = self.writing()?;
        let store = transaction.object_store(FILES)?;
        store.put(JsValue::from(Uint8Array::from(bytes))).with_key(name).primitive()?.await?;
        drop(store);
        transaction.commit().await
    }

    async fn rename(&self, from: &str, to: &str) -> indexed_db_futures::Result<()> {
        let transaction = self.writing()?;
        let store = transaction.object_store(FILES)?;
        let found: Option<JsValue> = store.get(from).primitive()?.await?;
        if let Some(value) = found {
            store.put(value).with_key(to).primitive()?.await?;
            store.delete(from).primitive()?.await?;
        }
        drop(store);
        transaction.commit().await
    }

    fn writing(&self) -> indexed_db_futures::Result<Transaction<'_>> {
        self.0
            .transaction(FILES)
            .with_mode(TransactionMode::Readwrite)
            .with_options(TransactionOptions::new().with_durability(TransactionDurability::Strict))
            .build()
    }
}

/// What an operation is answered with where there is no store, or none to write to. Reading finds
/// nothing; writing is refused, so that nobody takes data for safe that is not.
pub(super) fn without_store(op: DiskOp) -> DiskDone {
    let error = DiskError("this tab keeps its data in memory only".to_owned());
    match op {
        DiskOp::Read { name } => DiskDone::Read { name, result: Ok(None) },
        DiskOp::Replace { name, .. } => DiskDone::Replace { name, result: Err(error) },
        DiskOp::Rename { from, to } => DiskDone::Rename { from, to, result: Err(error) },
    }
}

fn refused(error: indexed_db_futures::error::Error) -> DiskError {
    DiskError(shorten(&error.to_string()))
}

/// The browser's words, without its name for them and once only.
fn shorten(error: &str) -> String {
    let parts: Vec<&str> = error.split(": ").collect();
    match parts.as_slice() {
        [_, words, again] if words == again => (*words).to_owned(),
        _ => error.to_owned(),
    }
}
