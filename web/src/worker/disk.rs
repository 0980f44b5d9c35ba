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
//!
//! Whoever hosts a store puts a name of its own beside it, under a third kind of key, and every
//! transaction that writes looks first whether that is still there. So a worker that has lost its store
//! without noticing (its tab was frozen, or the browser has no locks) can never write to it again,
//! whatever it believes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use js_sys::{Array, Uint8Array};
use redstart::node::{DiskDone, DiskError, DiskOp, Part, is_temporary};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::IdbKeyRange;

use super::idb::{self, Asked, Database, Result, Transaction, Trouble};
use super::{random_name, stop};
use crate::message::NO_ROOM;

/// Bytes of the records that an append is cut into.
const RECORD_BYTES: usize = 1 << 20;
/// An append that ends within so many bytes of the last record's beginning is put into that record,
/// so that a file of small appends has few of them.
const SHARED_RECORD_BYTES: usize = 64 << 10;
/// Under this number is the last number that was given to a file.
const LAST_FILE: f64 = 0.0;
/// Records that a file may have.
const RECORDS_MAX: f64 = (1u32 << 20) as f64;
/// Records that are asked for before the first of them is there, and those of them that are still to come
/// when more are asked for.
const RECORDS_AHEAD: usize = 16;
const RECORDS_AHEAD_MIN: usize = 8;

/// The file that keeps the settings.
const SETTINGS: &str = "redstart.conf";

/// What is said of a name that is taken.
pub(super) const IS_THERE: &str = "there is a store of this name";
/// What is said when there is another name beside the store.
const LOST: &str =
    "Another tab has taken over what this one has kept, or the browser has removed it.";
/// What is said of a file with as many records as there are keys for.
const TOO_LONG: &str = "the file is too long";
/// What is said of a file with a record too few.
const HOLE: &str = "a part of the file is missing";

/// The open database, as one of the stores in it.
pub(super) struct Disk {
    database: RefCell<Database>,
    /// What all names begin with.
    prefix: String,
    /// What this worker has put beside the store.
    owner: String,
    /// What stood there before, if there was no room for it yet.
    before: Option<JsValue>,
    /// What was under the names of its files when it was opened, as long as nothing is written.
    opened: RefCell<Option<Vec<(String, JsValue)>>>,
    /// What was asked for beyond the end of the last read, for the one that goes on from there.
    ahead: Cell<Option<Ahead>>,
}

/// Records of a file that were asked for: they come while what was read last is worked on. They are good
/// as long as nothing is written.
struct Ahead {
    path: String,
    head: Head,
    /// The byte of the file with which the first of them begins.
    byte: u64,
    /// The record behind the last of them.
    next: u32,
    asked: VecDeque<Asked>,
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
    /// Opens the database for a store, making it first where there is none. From now on this worker
    /// alone writes to the store. Returns the settings that were kept, too; none if there are none.
    pub(super) async fn open(store: &str) -> Result<(Self, Vec<u8>)> {
        let database = RefCell::new(idb::open().await?);
        // If it fails, nothing is worse than before.
        wasm_bindgen_futures::spawn_local(async { drop(idb::renew_log().await) });
        let (prefix, owner) = (prefix(store), random_name());
        let mut disk = Self {
            database,
            prefix,
            owner,
            before: None,
            opened: RefCell::default(),
            ahead: Cell::default(),
        };
        let files = disk.begin(Some("relaxed")).await?;
        let before = files.ask(&disk.owner_key())?;
        let mut found = entries(&files, &disk.prefix).await?;
        found.retain(|(path, _)| store_of(path) == disk.store());
        let before = before.answer().await?;
        // Nobody writes on what another worker has begun.
        for (path, _) in found.extract_if(.., |(path, _)| is_temporary(path)) {
            remove(&files, &path).await?;
        }
        files.put(&disk.owner_key(), &disk.owner.as_str().into())?;
        let end = files.commit();
        disk.look_ahead(&found).await?;
        let settings = disk.path(SETTINGS);
        let settings = match found.iter().find(|(path, _)| *path == settings) {
            Some((_, value)) => Uint8Array::new(value).to_vec(),
            None => Vec::new(),
        };
        disk.opened.replace(Some(found));
        match end.await {
            // What is kept can be read all the same.
            Err(trouble) if trouble.is_quota() => disk.before = Some(before),
            end => end?,
        }
        Ok((disk, settings))
    }

    /// Asks for the beginning of the largest file, before anybody does: it is what takes long to come.
    async fn look_ahead(&self, found: &[(String, JsValue)]) -> Result<()> {
        let heads = found.iter().filter_map(|(path, value)| match Found::from(value.clone()) {
            Found::Head(head) => Some(Ahead::new(path.clone(), head)),
            Found::Nothing | Found::Whole(_) => None,
        });
        let largest = heads.max_by(|one, other| one.head.bytes.total_cmp(&other.head.bytes));
        if let Some(mut ahead) = largest {
            ahead.ask(&self.begin(None).await?)?;
            self.ahead.set(Some(ahead));
        }
        Ok(())
    }

    /// Keeps settings.
    pub(super) async fn keep_settings(&self, lines: &[u8]) -> std::result::Result<(), DiskError> {
        said(self.replace(SETTINGS, Some(lines)).await)
    }

    /// The store's name; empty for the first one.
    pub(super) fn store(&self) -> &str {
        store_of(&self.prefix)
    }

    /// All stores with the bytes that their files hold, the first one first.
    pub(super) async fn stores(&self) -> Result<Vec<(String, f64)>> {
        let files = self.begin(None).await?;
        let mut stores = vec![(String::new(), 0.0)];
        for (path, value) in entries(&files, "").await? {
            let bytes = match Found::from(value) {
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
    pub(super) async fn create(&self, store: &str) -> Result<()> {
        let files = self.begin(Some("strict")).await?;
        let prefix = prefix(store);
        is_new(&files, &prefix).await?;
        files.put(&prefix.into(), &Uint8Array::new_with_length(0))?;
        files.commit().await
    }

    /// Gives all files of a store to another one, which has none, or removes them. Who has it open can
    /// write to neither.
    pub(super) async fn move_store(&self, from: &str, to: Option<&str>) -> Result<()> {
        let files = self.begin(Some("strict")).await?;
        let (from, to) = (prefix(from), to.map(prefix));
        if let Some(to) = &to {
            is_new(&files, to).await?;
            files.delete(&owner_key(to))?;
        }
        files.delete(&owner_key(&from))?;
        for (path, value) in entries(&files, &from).await? {
            if let Some(to) = &to {
                let name = path.get(from.len()..).unwrap_or_default();
                files.put(&[to, name].concat().into(), &value)?;
                files.delete(&path.into())?;
            } else {
                remove(&files, &path).await?;
            }
        }
        files.commit().await
    }

    /// A file's name in the database.
    fn path(&self, name: &str) -> String {
        [&self.prefix, name].concat()
    }

    fn owner_key(&self) -> JsValue {
        owner_key(&self.prefix)
    }

    /// Does what the node asked for and says how it ended.
    pub(super) async fn run(&self, op: DiskOp) -> DiskDone {
        match op {
            DiskOp::Read { name, from, bytes_max } => {
                let result = said(self.read(&name, from, bytes_max).await);
                DiskDone::Read { name, from, result }
            }
            DiskOp::Replace { name, bytes } => {
                let result = said(self.replace(&name, Some(&bytes)).await);
                DiskDone::Replace { name, result }
            }
            DiskOp::Append { name, bytes } => {
                let result = said(self.append(&name, &bytes, "relaxed").await);
                DiskDone::Append { name, bytes, result }
            }
            DiskOp::Sync { name } => {
                // What came before becomes durable with it.
                let result = said(self.append(&name, &[], "strict").await);
                DiskDone::Sync { name, result }
            }
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
                DiskDone::Remove { result: said(self.replace(&name, None).await), name }
            }
            op @ DiskOp::Enter { .. } => op.has_no_folders(),
            DiskOp::List { folder } => {
                let result = said(self.list(&folder).await);
                DiskDone::List { folder, result }
            }
        }
    }

    /// A part of a file: of one in records, the records that begin with the one in which `from` lies.
    async fn read(&self, name: &str, from: u64, bytes_max: u64) -> Result<Option<Part>> {
        let path = self.path(name);
        let mut ahead = match self.ahead.take() {
            Some(ahead) if ahead.path == path && ahead.byte == from => ahead,
            other => {
                self.ahead.set(other);
                let files = self.begin(None).await?;
                let head = match self.find(&files, &path).await? {
                    Found::Nothing => return Ok(None),
                    Found::Whole(bytes) => {
                        return Ok(Some(Part::of(&bytes.to_vec(), from, bytes_max)));
                    }
                    Found::Head(head) if bytes_max == 0 => {
                        // Only its size is wanted: what is on its way is for another file.
                        let file_bytes = head.bytes as u64;
                        return Ok(Some(Part { bytes: Vec::new(), file_bytes }));
                    }
                    Found::Head(head) => head,
                };
                let mut ahead = Ahead::new(path, head);
                ahead.ask(&files)?;
                ahead
            }
        };
        let file_bytes = ahead.head.bytes as u64;
        let end = from.saturating_add(bytes_max).min(file_bytes);
        let mut bytes = Vec::new();
        while ahead.byte < end {
            let found = ahead.asked.pop_front().ok_or(HOLE)?.answer().await?;
            let record = found.dyn_into::<Uint8Array>().map_err(|_| HOLE)?;
            let (start, length) = (from.saturating_sub(ahead.byte), record.length());
            ahead.byte += u64::from(length);
            if start < u64::from(length) {
                let part = record.subarray(start as u32, length).to_vec();
                // Mostly it is one record, which need not be copied again.
                if bytes.is_empty() { bytes = part } else { bytes.extend(part) }
            }
            if ahead.asked.len() < RECORDS_AHEAD_MIN && ahead.next < ahead.head.records as u32 {
                ahead.ask(&self.begin(None).await?)?;
            }
        }
        self.ahead.set(Some(ahead));
        Ok(Some(Part { bytes, file_bytes }))
    }

    /// What is under the name, which is known already if nothing was written yet.
    async fn find(&self, files: &Transaction, path: &str) -> Result<Found> {
        if let Some(opened) = &*self.opened.borrow() {
            let found = opened.iter().find(|(opened, _)| opened == path);
            return Ok(found.map_or(Found::Nothing, |(_, value)| value.clone().into()));
        }
        find(files, path).await
    }

    /// Puts a file into the place of the one of this name, or nothing.
    async fn replace(&self, name: &str, bytes: Option<&[u8]>) -> Result<()> {
        let files = self.writing("strict").await?;
        let path = self.path(name);
        remove(&files, &path).await?;
        if let Some(bytes) = bytes {
            files.put(&path.into(), &Uint8Array::from(bytes))?;
        }
        files.commit().await
    }

    async fn append(&self, name: &str, bytes: &[u8], durability: &str) -> Result<()> {
        let files = self.writing(durability).await?;
        let path = self.path(name);
        let mut head = find_head(&files, &path).await?;
        let shared = head.last_record_bytes as usize + bytes.len();
        if head.records > 0.0 && !bytes.is_empty() && shared <= SHARED_RECORD_BYTES {
            let key = head.key(head.records - 1.0);
            let last = get_bytes(&files, &key).await?;
            let record = Uint8Array::new_with_length(shared as u32);
            record.set(&last, 0);
            record.set(&Uint8Array::from(bytes), last.length());
            files.put(&key, &record)?;
            head.last_record_bytes = shared as f64;
        } else {
            for record in bytes.chunks(RECORD_BYTES) {
                if head.records == RECORDS_MAX {
                    // The next key is that of another file.
                    return Err(TOO_LONG.into());
                }
                files.put(&head.key(head.records), &Uint8Array::from(record))?;
                head.records += 1.0;
                head.last_record_bytes = record.len() as f64;
            }
        }
        head.bytes += bytes.len() as f64;
        files.put(&path.into(), &head.into())?;
        files.commit().await
    }

    async fn truncate(&self, name: &str, bytes: f64) -> Result<()> {
        let files = self.writing("relaxed").await?;
        let path = self.path(name);
        let mut head = find_head(&files, &path).await?;
        while head.bytes > bytes && head.records > 0.0 {
            let key = head.key(head.records - 1.0);
            let last = get_bytes(&files, &key).await?;
            let length = f64::from(last.length());
            let kept = length - (head.bytes - bytes);
            if kept > 0.0 {
                files.put(&key, &last.slice(0, kept as u32))?;
                head.last_record_bytes = kept;
            } else {
                files.delete(&key)?;
                head.records -= 1.0;
                // The record before may be full: it is not added to.
                head.last_record_bytes = RECORD_BYTES as f64;
            }
            head.bytes -= length - kept.max(0.0);
        }
        files.put(&path.into(), &head.into())?;
        files.commit().await
    }

    /// Returns whether there was such a file.
    async fn rename(&self, from: &str, to: &str) -> Result<bool> {
        let files = self.writing("strict").await?;
        let from = JsValue::from(self.path(from));
        let found = files.get(&from).await?;
        let is_there = !found.is_undefined();
        if is_there {
            let to = self.path(to);
            remove(&files, &to).await?;
            files.put(&to.into(), &found)?;
            files.delete(&from)?;
        }
        files.commit().await?;
        Ok(is_there)
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let files = self.begin(None).await?;
        let mut names = Vec::new();
        for (path, _) in entries(&files, &self.prefix).await? {
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

    /// Begins a transaction that changes files of this store, if it is still this worker's.
    async fn writing(&self, durability: &str) -> Result<Transaction> {
        self.opened.take();
        self.ahead.take();
        let files = self.begin(Some(durability)).await?;
        let owner = files.get(&self.owner_key()).await?;
        if owner.as_string().as_ref() != Some(&self.owner) {
            if self.before.as_ref() != Some(&owner) {
                stop(LOST);
                return Err(LOST.into());
            }
            files.put(&self.owner_key(), &self.owner.as_str().into())?;
        }
        Ok(files)
    }

    /// Begins a transaction, which writes if it is told how durably. A browser that had trouble with a
    /// database closes it; then it is opened again.
    async fn begin(&self, durability: Option<&str>) -> Result<Transaction> {
        let database = self.database.borrow().clone();
        if let Ok(begun) = Transaction::begin(&database, durability) {
            return Ok(begun);
        }
        let database = idb::open().await?;
        *self.database.borrow_mut() = database.clone();
        Transaction::begin(&database, durability)
    }
}

impl Ahead {
    /// Nothing of this file yet.
    fn new(path: String, head: Head) -> Self {
        Self { path, head, byte: 0, next: 0, asked: VecDeque::new() }
    }

    /// Asks for the records that follow.
    fn ask(&mut self, files: &Transaction) -> Result<()> {
        while self.asked.len() < RECORDS_AHEAD && self.next < self.head.records as u32 {
            self.asked.push_back(files.ask(&self.head.key(self.next.into()))?);
            self.next += 1;
        }
        Ok(())
    }
}

impl Head {
    /// The key of a record.
    fn key(&self, record: f64) -> JsValue {
        JsValue::from(self.file * RECORDS_MAX + record)
    }

    /// The keys of all records.
    fn keys(&self) -> Result<JsValue> {
        let (first, end) = (self.key(0.0), self.key(RECORDS_MAX));
        let range = IdbKeyRange::bound_with_lower_open_and_upper_open(&first, &end, false, true);
        Ok(range?.into())
    }
}

impl From<Head> for JsValue {
    fn from(head: Head) -> Self {
        let numbers = [head.file, head.records, head.bytes, head.last_record_bytes];
        numbers.into_iter().map(Self::from).collect::<Array>().into()
    }
}

impl From<JsValue> for Found {
    fn from(value: JsValue) -> Self {
        if value.is_undefined() {
            return Self::Nothing;
        }
        match value.dyn_into::<Uint8Array>() {
            Ok(bytes) => Self::Whole(bytes),
            Err(value) => {
                let numbers = Array::from(&value);
                let number = |index| numbers.get(index).as_f64().unwrap_or_default();
                let (file, records) = (number(0), number(1));
                Self::Head(Head { file, records, bytes: number(2), last_record_bytes: number(3) })
            }
        }
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

/// The key of the name that whoever hosts a store puts beside it.
fn owner_key(prefix: &str) -> JsValue {
    Array::of1(&prefix.into()).into()
}

/// All names that begin with `prefix`, with what is under them. That is little, but for a file that was
/// put there as a whole.
async fn entries(files: &Transaction, prefix: &str) -> Result<Vec<(String, JsValue)>> {
    // Text comes behind all numbers, and the empty one is the first.
    let texts = IdbKeyRange::lower_bound(&prefix.into())?;
    let (keys, values) = (files.ask_keys(&texts)?, files.ask_all(&texts)?);
    let (keys, values) = (Array::from(&keys.answer().await?), Array::from(&values.answer().await?));
    let entries = keys.iter().zip(values.iter());
    let named = entries.filter_map(|(key, value)| Some((key.as_string()?, value)));
    Ok(named.filter(|(path, _)| path.starts_with(prefix)).collect())
}

/// Fails if there are files whose names begin with `prefix`.
async fn is_new(files: &Transaction, prefix: &str) -> Result<()> {
    if entries(files, prefix).await?.is_empty() { Ok(()) } else { Err(IS_THERE.into()) }
}

/// What is under the name.
async fn find(files: &Transaction, name: &str) -> Result<Found> {
    Ok(files.get(&name.into()).await?.into())
}

/// Removes the file of this name, if there is one.
async fn remove(files: &Transaction, name: &str) -> Result<()> {
    if let Found::Head(head) = find(files, name).await? {
        files.delete(&head.keys()?)?;
    }
    files.delete(&name.into())
}

/// The head of the file of this name, which is made if there is none, and turned into records if it
/// is in one piece.
async fn find_head(files: &Transaction, name: &str) -> Result<Head> {
    let whole = match find(files, name).await? {
        Found::Head(head) => return Ok(head),
        Found::Whole(bytes) => Some(bytes),
        Found::Nothing => None,
    };
    let last = JsValue::from(LAST_FILE);
    let file = files.get(&last).await?.as_f64().unwrap_or_default() + 1.0;
    files.put(&last, &file.into())?;
    let mut head = Head { file, records: 0.0, bytes: 0.0, last_record_bytes: 0.0 };
    if let Some(bytes) = whole {
        head.bytes = f64::from(bytes.length());
        head.last_record_bytes = head.bytes;
        files.put(&head.key(0.0), &bytes)?;
        head.records = 1.0;
    }
    Ok(head)
}

async fn get_bytes(files: &Transaction, key: &JsValue) -> Result<Uint8Array> {
    files.get(key).await?.dyn_into().map_err(|_| HOLE.into())
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
    result.map_err(|trouble| DiskError(explain(&trouble)))
}

/// The one failure that a person can do something about, in words for people; others in the browser's.
pub(super) fn explain(trouble: &Trouble) -> String {
    if trouble.is_quota() { NO_ROOM.to_owned() } else { trouble.words() }
}
