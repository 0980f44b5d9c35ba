//! The browser's store in the place of a disk: files by name in IndexedDB.
//!
//! One object store holds everything. Several *stores*, which a person has given names, share it: the
//! names of a store's files begin with `@` and its name, those of the first one do not. So a store is
//! renamed by renaming its files, whatever they hold, and all are listed and measured in one
//! transaction. Under a name there is either the whole content (what
//! `Replace` leaves) or the *head* of a file that is appended to; its content follows in records
//! under numbers, so that an append costs what it adds, however long the file is. Numbers and names
//! are different kinds of keys, and numbers come first. (A second object store would be tidier, but
//! a database that is open in another tab cannot be given one.)
//!
//! Every operation is one transaction, holding nothing but requests to the store: a transaction
//! closes by itself as soon as anything else is waited for. One that is dropped before its commit
//! is undone, so a failure half way leaves everything as it was. Appending and truncating may be
//! lost if the machine fails; all other changes are asked to be durable before they are reported as
//! done, and with them what came before.

use indexed_db_futures::database::Database;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{
    Transaction, TransactionDurability, TransactionMode, TransactionOptions,
};
use indexed_db_futures::{KeyRange, Result};
use js_sys::{Array, Uint8Array};
use redstart::node::{DiskDone, DiskError, DiskOp, Part};
use wasm_bindgen::{JsCast, JsValue};

/// The database's name, the same for every version of the page.
const DATABASE: &str = "redstart";

/// The object store that holds everything.
const FILES: &str = "files";

/// Bytes of the records that an append is cut into.
const RECORD_BYTES: usize = 1 << 20;
/// An append that ends within so many bytes of the last record's beginning is put into that record,
/// so that a file of small appends has few of them.
const SHARED_RECORD_BYTES: usize = 64 << 10;
/// Under this number is the last number that was given to a file.
const LAST_FILE: f64 = 0.0;
/// Records that a file may have.
const RECORDS_MAX: f64 = (1u32 << 20) as f64;

/// The file that keeps the settings.
const SETTINGS: &str = "redstart.conf";

/// The open database, as one of the stores in it.
pub(super) struct Disk {
    database: Database,
    /// What all names begin with.
    prefix: String,
}

/// What is under the name of a file that is appended to: its number and how much it holds.
struct Head {
    file: f64,
    records: f64,
    bytes: f64,
    last_record_bytes: f64,
}

/// What is under a name.
enum Found {
    Nothing,
    Whole(Uint8Array),
    Head(Head),
}

impl Disk {
    /// Opens the database for a store, making it first where there is none.
    pub(super) async fn open(store: &str) -> std::result::Result<Self, String> {
        let opened = Database::open(DATABASE)
            .with_version(1u8)
            .with_on_upgrade_needed(|_, database| {
                database.create_object_store(FILES).build()?;
                Ok(())
            })
            .await;
        let database = opened.map_err(|error| shorten(&error.to_string()))?;
        Ok(Self { database, prefix: prefix(store) })
    }

    /// The settings that were kept; none if there are none, or none that can be read.
    pub(super) async fn settings(&self) -> Vec<u8> {
        let found = said(self.read(SETTINGS, 0, u64::MAX).await).ok().flatten();
        found.map(|part| part.bytes).unwrap_or_default()
    }

    /// Keeps settings.
    pub(super) async fn keep_settings(&self, lines: &[u8]) -> std::result::Result<(), DiskError> {
        said(self.replace(SETTINGS, lines).await)
    }

    /// The store's name; empty for the first one.
    pub(super) fn store(&self) -> &str {
        store_of(&self.prefix)
    }

    /// All stores with the bytes that their files hold, the first one first.
    pub(super) async fn stores(&self) -> std::result::Result<Vec<(String, f64)>, String> {
        self.measure().await.map_err(|error| shorten(&error.to_string()))
    }

    async fn measure(&self) -> Result<Vec<(String, f64)>> {
        let transaction = self.database.transaction(FILES).build()?;
        let store = transaction.object_store(FILES)?;
        let mut stores = vec![(String::new(), 0.0)];
        for path in paths(&store, "").await? {
            let bytes = match find(&store, &path).await? {
                Found::Nothing => 0.0,
                Found::Whole(bytes) => f64::from(bytes.length()),
                Found::Head(head) => head.bytes,
            };
            let name = store_of(&path);
            // The names of a store's files are beside each other.
            match stores.iter_mut().find(|(store, _)| store == name) {
                Some((_, sum)) => *sum += bytes,
                None => stores.push((name.to_owned(), bytes)),
            }
        }
        Ok(stores)
    }

    /// Makes a store that holds nothing.
    pub(super) async fn create(&self, store: &str) -> std::result::Result<(), String> {
        let mark = Self { database: self.database.clone(), prefix: prefix(store) };
        said(mark.replace("", &[]).await).map_err(|error| error.0)
    }

    /// Gives all files of a store to another one, which has none, or removes them.
    pub(super) async fn move_store(
        &self,
        from: &str,
        to: Option<&str>,
    ) -> std::result::Result<(), String> {
        said(self.move_files(&prefix(from), to.map(prefix)).await).map_err(|error| error.0)
    }

    async fn move_files(&self, from: &str, to: Option<String>) -> Result<()> {
        let transaction = self.writing(TransactionDurability::Strict)?;
        let store = transaction.object_store(FILES)?;
        for path in paths(&store, from).await? {
            let found: Option<JsValue> = store.get(&*path).primitive()?.await?;
            if let (Some(to), Some(value)) = (&to, found) {
                let name = path.get(from.len()..).unwrap_or_default();
                put(&store, JsValue::from([to, name].concat()), value).await?;
            } else if let Found::Head(head) = find(&store, &path).await? {
                store.delete::<JsValue, _>(head.keys()).primitive()?.await?;
            }
            store.delete(&*path).primitive()?.await?;
        }
        drop(store);
        transaction.commit().await
    }

    /// A file's name in the database.
    fn path(&self, name: &str) -> String {
        [&self.prefix, name].concat()
    }

    /// Does what the node asked for and says how it ended.
    pub(super) async fn run(&self, op: DiskOp) -> DiskDone {
        match op {
            DiskOp::Read { name, from, bytes_max } => {
                let result = said(self.read(&name, from, bytes_max).await);
                DiskDone::Read { name, from, result }
            }
            DiskOp::Replace { name, bytes } => {
                let result = said(self.replace(&name, &bytes).await);
                DiskDone::Replace { name, result }
            }
            DiskOp::Append { name, bytes } => {
                let result = said(self.append(&name, &bytes).await);
                DiskDone::Append { name, bytes, result }
            }
            DiskOp::Sync { name } => DiskDone::Sync { result: said(self.sync(&name).await), name },
            DiskOp::Truncate { name, bytes } => {
                let result = said(self.truncate(&name, bytes as f64).await);
                DiskDone::Truncate { name, result }
            }
            DiskOp::Rename { from, to } => {
                let result = match self.rename(&from, &to).await {
                    Ok(false) => Err(DiskError("there is no such file".to_owned())),
                    result => said(result.map(|_| ())),
                };
                DiskDone::Rename { from, to, result }
            }
            DiskOp::Remove { name } => {
                DiskDone::Remove { result: said(self.remove(&name).await), name }
            }
            op @ DiskOp::Enter { .. } => op.has_no_folders(),
            DiskOp::List { folder } => {
                let result = said(self.list(&folder).await);
                DiskDone::List { folder, result }
            }
        }
    }

    /// A part of a file. Of one in records, which are of many sizes, it is all of them or none.
    async fn read(&self, name: &str, from: u64, bytes_max: u64) -> Result<Option<Part>> {
        let transaction = self.database.transaction(FILES).build()?;
        let store = transaction.object_store(FILES)?;
        let head = match find(&store, &self.path(name)).await? {
            Found::Nothing => return Ok(None),
            Found::Whole(bytes) => return Ok(Some(Part::of(&bytes.to_vec(), from, bytes_max))),
            Found::Head(head) => head,
        };
        let file_bytes = head.bytes as u64;
        if bytes_max == 0 {
            return Ok(Some(Part { bytes: Vec::new(), file_bytes }));
        }
        let mut bytes = Vec::with_capacity(head.bytes as usize);
        for index in 0..head.records as u32 {
            let record = get_bytes(&store, head.key(f64::from(index))).await?;
            bytes.extend(record.unwrap_or_default().to_vec());
        }
        bytes.drain(..bytes.len().min(from as usize));
        Ok(Some(Part { bytes, file_bytes }))
    }

    async fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let transaction = self.writing(TransactionDurability::Strict)?;
        let store = transaction.object_store(FILES)?;
        let path = self.path(name);
        if let Found::Head(head) = find(&store, &path).await? {
            store.delete::<JsValue, _>(head.keys()).primitive()?.await?;
        }
        put(&store, JsValue::from(path), Uint8Array::from(bytes).into()).await?;
        drop(store);
        transaction.commit().await
    }

    async fn append(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let transaction = self.writing(TransactionDurability::Relaxed)?;
        let store = transaction.object_store(FILES)?;
        let path = self.path(name);
        let mut head = find_head(&store, &path).await?;
        let shared = head.last_record_bytes as usize + bytes.len();
        if head.records > 0.0 && shared <= SHARED_RECORD_BYTES {
            let key = head.key(head.records - 1.0);
            let last = get_bytes(&store, key.clone()).await?.unwrap_or_default();
            let record = Uint8Array::new_with_length(shared as u32);
            record.set(&last, 0);
            record.set(&Uint8Array::from(bytes), last.length());
            put(&store, key, record.into()).await?;
            head.last_record_bytes = shared as f64;
        } else {
            for record in bytes.chunks(RECORD_BYTES) {
                put(&store, head.key(head.records), Uint8Array::from(record).into()).await?;
                head.records += 1.0;
                head.last_record_bytes = record.len() as f64;
            }
        }
        head.bytes += bytes.len() as f64;
        put(&store, JsValue::from(path), head.into()).await?;
        drop(store);
        transaction.commit().await
    }

    /// Writes once more what is under the name, durably: what came before becomes durable with it.
    async fn sync(&self, name: &str) -> Result<()> {
        let transaction = self.writing(TransactionDurability::Strict)?;
        let store = transaction.object_store(FILES)?;
        let path = self.path(name);
        let head = find_head(&store, &path).await?;
        put(&store, JsValue::from(path), head.into()).await?;
        drop(store);
        transaction.commit().await
    }

    async fn truncate(&self, name: &str, bytes: f64) -> Result<()> {
        let transaction = self.writing(TransactionDurability::Relaxed)?;
        let store = transaction.object_store(FILES)?;
        let path = self.path(name);
        let mut head = find_head(&store, &path).await?;
        while head.bytes > bytes && head.records > 0.0 {
            let key = head.key(head.records - 1.0);
            let last = get_bytes(&store, key.clone()).await?.unwrap_or_default();
            let length = f64::from(last.length());
            let kept = length - (head.bytes - bytes);
            if kept > 0.0 {
                put(&store, key, last.slice(0, kept as u32).into()).await?;
                head.last_record_bytes = kept;
            } else {
                store.delete(key).primitive()?.await?;
                head.records -= 1.0;
                // The record before may be full: it is not added to.
                head.last_record_bytes = RECORD_BYTES as f64;
            }
            head.bytes -= length - kept.max(0.0);
        }
        put(&store, JsValue::from(path), head.into()).await?;
        drop(store);
        transaction.commit().await
    }

    /// Returns whether there was such a file.
    async fn rename(&self, from: &str, to: &str) -> Result<bool> {
        let transaction = self.writing(TransactionDurability::Strict)?;
        let store = transaction.object_store(FILES)?;
        let (from, to) = (self.path(from), self.path(to));
        let found: Option<JsValue> = store.get(&*from).primitive()?.await?;
        if let Some(value) = &found {
            if let Found::Head(old) = find(&store, &to).await? {
                store.delete::<JsValue, _>(old.keys()).primitive()?.await?;
            }
            put(&store, JsValue::from(to), value.clone()).await?;
            store.delete(&*from).primitive()?.await?;
        }
        drop(store);
        transaction.commit().await?;
        Ok(found.is_some())
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let transaction = self.writing(TransactionDurability::Strict)?;
        let store = transaction.object_store(FILES)?;
        let path = self.path(name);
        if let Found::Head(head) = find(&store, &path).await? {
            store.delete::<JsValue, _>(head.keys()).primitive()?.await?;
        }
        store.delete(&*path).primitive()?.await?;
        drop(store);
        transaction.commit().await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let transaction = self.database.transaction(FILES).build()?;
        let store = transaction.object_store(FILES)?;
        let mut names = Vec::new();
        for path in paths(&store, &self.prefix).await? {
            if store_of(&path) != self.store() {
                continue;
            }
            let path = path.get(self.prefix.len()..).unwrap_or_default();
            let (place, name) = path.rsplit_once('/').unwrap_or(("", path));
            if place == folder && !name.is_empty() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn writing(&self, durability: TransactionDurability) -> Result<Transaction<'_>> {
        self.database
            .transaction(FILES)
            .with_mode(TransactionMode::Readwrite)
            .with_options(TransactionOptions::new().with_durability(durability))
            .build()
    }
}

impl Head {
    /// The key of a record.
    fn key(&self, record: f64) -> JsValue {
        JsValue::from(self.file * RECORDS_MAX + record)
    }

    /// The keys of all records.
    fn keys(&self) -> KeyRange<JsValue> {
        KeyRange::Bound(self.key(0.0), false, self.key(RECORDS_MAX), true)
    }
}

impl From<Head> for JsValue {
    fn from(head: Head) -> Self {
        let numbers = [head.file, head.records, head.bytes, head.last_record_bytes];
        numbers.into_iter().map(Self::from).collect::<Array>().into()
    }
}

/// What the names of a store's files begin with.
fn prefix(store: &str) -> String {
    if store.is_empty() { String::new() } else { ["@", store, "/"].concat() }
}

/// The store that a file is in.
fn store_of(path: &str) -> &str {
    let named = path.strip_prefix('@').and_then(|rest| rest.split_once('/'));
    named.map_or("", |(store, _)| store)
}

/// The names of all files that begin with `prefix`.
async fn paths(store: &ObjectStore<'_>, prefix: &str) -> Result<Vec<String>> {
    // Text comes behind all numbers, and the empty one is the first.
    let texts = KeyRange::LowerBound(prefix, false);
    let keys = store.get_all_keys::<JsValue>().with_query::<&str, _>(texts).primitive()?.await?;
    let mut paths = Vec::new();
    for key in keys {
        paths.extend(key?.as_string().filter(|path| path.starts_with(prefix)));
    }
    Ok(paths)
}

/// What is under the name.
async fn find(store: &ObjectStore<'_>, name: &str) -> Result<Found> {
    let found: Option<JsValue> = store.get(name).primitive()?.await?;
    let Some(value) = found else { return Ok(Found::Nothing) };
    Ok(match value.dyn_into::<Uint8Array>() {
        Ok(bytes) => Found::Whole(bytes),
        Err(value) => {
            let numbers = Array::from(&value);
            let number = |index| numbers.get(index).as_f64().unwrap_or_default();
            let (file, records) = (number(0), number(1));
            Found::Head(Head { file, records, bytes: number(2), last_record_bytes: number(3) })
        }
    })
}

/// The head of the file of this name, which is made if there is none, and turned into records if it
/// is in one piece.
async fn find_head(store: &ObjectStore<'_>, name: &str) -> Result<Head> {
    let whole = match find(store, name).await? {
        Found::Head(head) => return Ok(head),
        Found::Whole(bytes) => Some(bytes),
        Found::Nothing => None,
    };
    let last: Option<JsValue> = store.get(JsValue::from(LAST_FILE)).primitive()?.await?;
    let file = last.and_then(|last| last.as_f64()).unwrap_or_default() + 1.0;
    put(store, JsValue::from(LAST_FILE), JsValue::from(file)).await?;
    let mut head = Head { file, records: 0.0, bytes: 0.0, last_record_bytes: 0.0 };
    if let Some(bytes) = whole {
        head.bytes = f64::from(bytes.length());
        head.last_record_bytes = head.bytes;
        put(store, head.key(0.0), bytes.into()).await?;
        head.records = 1.0;
    }
    Ok(head)
}

async fn get_bytes(store: &ObjectStore<'_>, key: JsValue) -> Result<Option<Uint8Array>> {
    let found: Option<JsValue> = store.get(key).primitive()?.await?;
    Ok(found.and_then(|value| value.dyn_into().ok()))
}

async fn put(store: &ObjectStore<'_>, key: JsValue, value: JsValue) -> Result<()> {
    store.put(value).with_key(key).primitive()?.await?;
    Ok(())
}

/// What an operation is answered with where there is no store. Reading finds
/// nothing; writing is refused, so that nobody takes data for safe that is not.
pub(super) fn without_store(op: DiskOp) -> DiskDone {
    match op {
        DiskOp::Read { name, from, .. } => DiskDone::Read { name, from, result: Ok(None) },
        DiskOp::List { folder } => DiskDone::List { folder, result: Ok(Vec::new()) },
        op => op.refused(DiskError("this tab keeps its data in memory only".to_owned())),
    }
}

fn said<T>(result: Result<T>) -> std::result::Result<T, DiskError> {
    result.map_err(|error| DiskError(explain(&shorten(&error.to_string()))))
}

/// The one failure that a person can do something about, in words for people.
fn explain(error: &str) -> String {
    if error.to_ascii_lowercase().contains("quota") {
        return format!(
            "the browser gives this page no more room; remove stores or keys, or download the data \
             ({error})"
        );
    }
    error.to_owned()
}

/// The browser's words, without its name for them and once only.
fn shorten(error: &str) -> String {
    let parts: Vec<&str> = error.split(": ").collect();
    match parts.as_slice() {
        [_, words, again] if words == again => (*words).to_owned(),
        _ => error.to_owned(),
    }
}
