//! Loading: what the files hold is repeated, at the start and by DEBUG LOADAOF.
//!
//! Nothing expires meanwhile, as a later record may still depend on a key; what has expired is removed
//! when all is loaded. A file that was cut short by a crash is loaded as far as it goes, if it is the
//! last one; any other damage ends the loading. Then the server refuses to start, and the page sets
//! the files aside.

use std::mem;

use super::{Engine, State};
use crate::base::Error;
use crate::base::limits;
use crate::base::time::Time;
use crate::engine::Args;
use crate::engine::exec::unknown_command;
use crate::engine::loading::How;
use crate::engine::propagate::Stream;
use crate::engine::saving::Unreadable;
use crate::engine::world::{DiskError, DiskOp, Effect, Level};
use crate::persist::aof::dataset::Commands;
use crate::persist::aof::read::Records;
use crate::persist::aof::{Manifest, Step, Tail};
use crate::resp::{Argv, OwnedArgv};
use crate::session::{BlockedOn, Client, ConnId, Origin, Session};
use crate::spec::Flag;
use crate::store::Db;

/// How far loading has come.
#[derive(Default)]
pub(super) enum Loading {
    #[default]
    Idle,
    /// DEBUG LOADAOF waits for what was recorded to be written.
    Flushing(u64),
    /// The manifest is read.
    Manifest,
    /// A file is looked for that is one of versions before the manifest.
    Single,
    /// Such a file is being entered in a manifest, and then moved.
    Upgrading(Manifest),
    /// The files of the manifest are read, one after the other.
    Files(Files),
    /// The last of them is cut off where it can be read no further.
    Cutting(Files),
    /// The first files are made: base, increment, manifest.
    Creating(Manifest, u8),
    /// What cannot be read gets other names: so many are left.
    SettingAside(usize),
}

/// Files being read.
pub(super) struct Files {
    /// The one being read, by its place.
    next: usize,
    /// Sizes of those that were read.
    bytes: Vec<u64>,
    /// One of them was cut off, so that those behind it have to be empty.
    is_short: bool,
    /// It was moved to where it belongs.
    was_moved: bool,
    /// Who wanted it, if it is not the start, and the data there was.
    reload: Option<(u64, Vec<Db>)>,
}

/// Why a file cannot be loaded.
enum Damage {
    /// It ends in the middle of something; so many bytes are whole.
    Short(usize),
    /// Something else, in the words of the log.
    Other(String),
}

impl Engine {
    /// The disk is there: finds out which files there are.
    pub fn load_manifest(&mut self, unreadable: Unreadable) {
        self.aof.unreadable = unreadable;
        self.aof.loading = Loading::Manifest;
        let name = self.aof_path(&self.manifest_name());
        self.ask_disk(DiskOp::Read { name });
    }

    /// DEBUG LOADAOF, for which client `id` waits.
    pub fn reload_aof(&mut self, id: u64) -> Result<(), Error> {
        if !self.aof.is_mounted || !matches!(self.aof.loading, Loading::Idle) {
            return Err(Error::text("ERR There is nothing to load from"));
        }
        self.aof.loading = Loading::Flushing(id);
        Ok(())
    }

    /// Begins to reload once what was recorded is written.
    pub(super) fn reload_when_flushed(&mut self) {
        if let Loading::Flushing(id) = self.aof.loading
            && self.aof_buffered() == 0
            && self.saving.running.is_none()
            && !self.is_rewriting()
        {
            let empty = self.shard.empty_dbs();
            let dbs = mem::replace(&mut self.shard.dbs, empty);
            self.saving.begin_loading(self.aof.unreadable);
            self.read_files(Some((id, dbs)));
        }
    }

    fn read_files(&mut self, reload: Option<(u64, Vec<Db>)>) {
        let files = Files { next: 0, bytes: Vec::new(), is_short: false, was_moved: false, reload };
        self.aof.loading = Loading::Files(files);
        self.read_next();
    }

    /// Reads the next file, or ends the loading if there is none.
    fn read_next(&mut self) {
        let Loading::Files(files) = &self.aof.loading else { return };
        let file = self.aof.manifest.files().nth(files.next);
        match file.map(|file| self.aof_path(&file.name)) {
            Some(name) => self.ask_disk(DiskOp::Read { name }),
            None => self.loaded_all(),
        }
    }

    pub(super) fn aof_read(
        &mut self,
        now: Time,
        name: &str,
        result: Result<Option<Vec<u8>>, DiskError>,
    ) {
        let found = match result {
            Ok(found) => found,
            Err(DiskError(why)) => {
                return self.cannot_load(&format!("Can't read the AOF file {name}: {why}"));
            }
        };
        match mem::take(&mut self.aof.loading) {
            Loading::Manifest => self.found_manifest(found),
            Loading::Single if found.is_some() => {
                let manifest = Manifest::of_single(self.aof_stem());
                self.log(Level::Notice, &format!("Upgrading the append only file {name}"));
                self.replace_manifest(&manifest);
                self.aof.loading = Loading::Upgrading(manifest);
            }
            Loading::Single => self.create_files(now),
            Loading::Files(files) => self.found_file(now, files, found),
            other => self.aof.loading = other,
        }
    }

    fn found_manifest(&mut self, found: Option<Vec<u8>>) {
        match found.as_deref().map(Manifest::parse) {
            Some(Err(problem)) => {
                let text = format!(
                    "*** FATAL AOF MANIFEST FILE ERROR *** Reading the manifest file: {problem}"
                );
                return self.cannot_load(&text);
            }
            Some(Ok(manifest)) => self.aof.manifest = manifest,
            None => {}
        }
        if !self.config.appendonly {
            self.aof.is_mounted = true;
            return self.read_snapshot();
        }
        if found.is_some() {
            self.read_files(None);
        } else {
            self.aof.loading = Loading::Single;
            let name = self.aof_stem();
            self.ask_disk(DiskOp::Read { name });
        }
    }

    fn found_file(&mut self, now: Time, mut files: Files, found: Option<Vec<u8>>) {
        let all = self.aof.manifest.files().count();
        let Some(name) = self.aof.manifest.files().nth(files.next).map(|file| file.name.clone())
        else {
            return;
        };
        let Some(bytes) = found else {
            let is_single = all == 1 && name == self.aof_stem();
            if is_single && !files.was_moved {
                // Whoever began the upgrade did not come to moving the file.
                files.was_moved = true;
                self.aof.loading = Loading::Files(files);
                let (from, to) = (name.clone(), self.aof_path(&name));
                return self.ask_disk(DiskOp::Rename { from, to });
            }
            self.aof.loading = Loading::Files(files);
            let text =
                format!("The append log file {name} doesn't exist: No such file or directory");
            return self.cannot_load(&text);
        };
        if files.is_short && !bytes.is_empty() {
            let text = format!(
                "Fatal error: an AOF file before {name} ends unexpectedly. The truncated file is not the \
                 last file"
            );
            self.aof.loading = Loading::Files(files);
            return self.cannot_load(&text);
        }
        files.bytes.push(bytes.len() as u64);
        match self.replay(now, &name, &bytes) {
            Ok(()) => {
                files.next += 1;
                self.aof.loading = Loading::Files(files);
                self.read_next();
            }
            Err(Damage::Short(whole)) if self.config.aof_load_truncated => {
                let text = format!(
                    "!!! Warning: short read while loading the AOF file {name}!!! AOF loaded anyway \
                     because aof-load-truncated is enabled. Truncating the AOF {name} at offset \
                     {whole}"
                );
                self.log(Level::Warning, &text);
                files.next += 1;
                files.is_short = true;
                files.bytes.pop();
                files.bytes.push(whole as u64);
                self.aof.loading = Loading::Cutting(files);
                let name = self.aof_path(&name);
                self.ask_disk(DiskOp::Truncate { name, bytes: whole as u64 });
            }
            Err(damage) => {
                self.aof.loading = Loading::Files(files);
                let text = match damage {
                    Damage::Short(whole) => format!(
                        "Unexpected end of file reading the append only file {name}, which is whole \
                         up to offset {whole}. Make a backup of it, and set the \
                         'aof-load-truncated' configuration option to yes to load it so far."
                    ),
                    Damage::Other(text) => text,
                };
                self.cannot_load(&text);
            }
        }
    }

    /// Whether a file was being cut off while loading. What was cut must stay cut before anything is
    /// appended to a later file: else the next crash could bring it back in the middle of the log.
    pub(super) fn load_truncated(&mut self, name: &str, result: &Result<(), DiskError>) -> bool {
        if !matches!(self.aof.loading, Loading::Cutting(_)) {
            return false;
        }
        match result {
            Ok(()) => self.ask_disk(DiskOp::Sync { name: name.to_owned() }),
            Err(_) => self.load_cut(result),
        }
        true
    }

    /// Whether a file that was cut off while loading is safe as it is now.
    pub(super) fn load_synced(&mut self, result: &Result<(), DiskError>) -> bool {
        let is_cutting = matches!(self.aof.loading, Loading::Cutting(_));
        if is_cutting {
            self.load_cut(result);
        }
        is_cutting
    }

    fn load_cut(&mut self, result: &Result<(), DiskError>) {
        let Loading::Cutting(files) = mem::take(&mut self.aof.loading) else { return };
        self.aof.loading = Loading::Files(files);
        match result {
            Ok(()) => self.read_next(),
            Err(DiskError(why)) => {
                self.cannot_load(&format!("Error truncating the AOF file: {why}"));
            }
        }
    }

    /// The end of loading, when everything was read.
    fn loaded_all(&mut self) {
        let Loading::Files(files) = mem::take(&mut self.aof.loading) else { return };
        let keys: usize = self.shard.dbs.iter().map(Db::len).sum();
        self.log(Level::Notice, &format!("DB loaded from append only file: {keys} keys"));
        self.dirty = 0;
        self.saving.end_loading();
        if let Some((id, _)) = files.reload {
            (0..self.shard.dbs.len()).for_each(|db| self.shard.waiters.changed_all(db));
            self.touch_watched(|_, _, _| true);
            self.reply_to_reload(id, Ok(()));
            return;
        }
        self.aof.is_mounted = true;
        self.aof.rewriting.base_bytes = if self.aof.manifest.base.is_some() {
            files.bytes.first().copied().unwrap_or(0)
        } else {
            0
        };
        self.go_on_appending(&files.bytes);
        self.remove_history();
    }

    /// Appends to the last increment; sizes of all files are given. Where there is none, a rewrite
    /// makes one.
    fn go_on_appending(&mut self, bytes: &[u64]) {
        self.aof.state = State::On;
        self.propagation.log = Some(Stream::default());
        self.propagation.stamps = self.config.aof_timestamp_enabled;
        self.aof.writing.other_bytes = bytes.iter().sum();
        if let Some(file) = self.aof.manifest.increments.last() {
            let (path, size) = (self.aof_path(&file.name), bytes.last().copied().unwrap_or(0));
            self.aof.writing.other_bytes -= size;
            self.aof.writing.file = Some(path);
            self.aof.writing.file_bytes = size;
        } else {
            let mut manifest = self.aof.manifest.clone();
            manifest.add_increment(&self.aof_stem());
            self.create(manifest, 1);
        }
    }

    /// Makes the first files, with the data there is (none).
    fn create_files(&mut self, now: Time) {
        self.saving.end_loading();
        let is_snapshot = self.config.aof_use_rdb_preamble;
        let mut manifest = self.aof.manifest.clone();
        let name = manifest.rebase(&self.aof_stem(), is_snapshot, 0);
        manifest.add_increment(&self.aof_stem());
        self.log(Level::Notice, &format!("Creating AOF base file {name} on server start"));
        // There is no data yet.
        let bytes = if is_snapshot {
            self.snapshot_as(now, true)
        } else {
            Commands::new(self.config.aof_timestamp_enabled.then(|| now.unix_s())).take()
        };
        let name = self.aof_path(&name);
        self.aof.is_mounted = true;
        self.aof.state = State::On;
        self.propagation.log = Some(Stream::default());
        self.propagation.stamps = self.config.aof_timestamp_enabled;
        self.aof.rewriting.base_bytes = bytes.len() as u64;
        self.aof.writing.other_bytes = bytes.len() as u64;
        self.aof.loading = Loading::Creating(manifest, 0);
        self.ask_disk(DiskOp::Replace { name, bytes });
    }

    /// Goes on with making the first files: 0 is the base, 1 the increment, 2 the manifest.
    fn create(&mut self, manifest: Manifest, step: u8) {
        if step == 1 {
            let name = manifest.increments.last().map(|file| self.aof_path(&file.name));
            let name = name.unwrap_or_default();
            self.log(Level::Notice, &format!("Creating AOF incr file {name} on server start"));
            self.ask_disk(DiskOp::Replace { name, bytes: Vec::new() });
        } else {
            self.replace_manifest(&manifest);
        }
        self.aof.loading = Loading::Creating(manifest, step);
    }

    /// Whether a file was put in its place that belongs to loading.
    pub(super) fn created(&mut self, name: &str, result: &Result<(), DiskError>) -> bool {
        match mem::take(&mut self.aof.loading) {
            Loading::Creating(manifest, step) => match result {
                Ok(()) if step < 2 => self.create(manifest, step + 1),
                Ok(()) => {
                    let path = manifest.increments.last().map(|file| self.aof_path(&file.name));
                    self.aof.manifest = manifest;
                    self.aof.writing.file = path;
                    self.aof.writing.file_bytes = 0;
                }
                Err(DiskError(why)) => {
                    self.cannot_write(&format!("Can't make the AOF file {name}: {why}"));
                }
            },
            Loading::Upgrading(manifest) => match result {
                Ok(()) => {
                    let (from, stem) = (self.aof_stem(), self.aof_stem());
                    let to = self.aof_path(&stem);
                    self.aof.loading = Loading::Upgrading(manifest);
                    self.ask_disk(DiskOp::Rename { from, to });
                }
                Err(DiskError(why)) => {
                    self.cannot_write(&format!("Can't make the AOF file {name}: {why}"));
                }
            },
            other => {
                self.aof.loading = other;
                return false;
            }
        }
        true
    }

    pub(super) fn aof_renamed(&mut self, now: Time, result: Result<(), DiskError>) {
        match mem::take(&mut self.aof.loading) {
            Loading::Upgrading(manifest) => match result {
                Ok(()) => {
                    self.aof.manifest = manifest;
                    self.read_files(None);
                }
                Err(DiskError(why)) => {
                    self.cannot_write(&format!("Can't move the append only file: {why}"));
                }
            },
            Loading::Files(files) => {
                // Moved or not, it is read where it belongs.
                self.aof.loading = Loading::Files(files);
                self.read_next();
            }
            Loading::SettingAside(left) if left > 1 => {
                self.aof.loading = Loading::SettingAside(left - 1);
            }
            Loading::SettingAside(_) => self.create_files(now),
            other => self.aof.loading = other,
        }
    }

    /// The names of the files that are to be set aside.
    pub(super) fn aof_listed(&mut self, now: Time, result: Result<Vec<String>, DiskError>) {
        let Loading::SettingAside(_) = self.aof.loading else { return };
        let ending = format!(".unreadable-{}", now.unix_s());
        let names: Vec<String> = result.unwrap_or_default();
        let names: Vec<String> =
            names.into_iter().filter(|name| !name.contains(".unreadable-")).collect();
        if names.is_empty() {
            return self.create_files(now);
        }
        self.aof.loading = Loading::SettingAside(names.len());
        for name in names {
            let from = self.aof_path(&name);
            let to = format!("{from}{ending}");
            self.ask_disk(DiskOp::Rename { from, to });
        }
    }

    /// Ends a loading that cannot go on.
    fn cannot_load(&mut self, text: &str) {
        self.log(Level::Warning, text);
        if let Loading::Files(Files { reload: Some((id, dbs)), .. }) =
            mem::take(&mut self.aof.loading)
        {
            self.shard.dbs = dbs;
            self.saving.end_loading();
            let error = "ERR Error trying to load the AOF files, check server logs.";
            return self.reply_to_reload(id, Err(Error::text(error)));
        }
        match self.aof.unreadable {
            Unreadable::Refuse => self.effects.push(Effect::Exit { status: 1 }),
            Unreadable::SetAside => {
                let folder = self.aof_folder();
                let text =
                    format!("The files in {folder} are kept with .unreadable in their names.");
                self.log(Level::Warning, &text);
                self.shard.dbs = self.shard.empty_dbs();
                self.aof.manifest = Manifest::default();
                self.aof.loading = Loading::SettingAside(0);
                self.ask_disk(DiskOp::List { folder });
            }
        }
    }

    /// The disk refuses what cannot be done without.
    fn cannot_write(&mut self, text: &str) {
        self.log(Level::Warning, text);
        match self.aof.unreadable {
            Unreadable::Refuse => self.effects.push(Effect::Exit { status: 1 }),
            Unreadable::SetAside => {
                // There is nothing to append to: it is as if it had been turned on now.
                self.saving.end_loading();
                self.aof.is_mounted = true;
                self.aof.state = State::Off;
                self.propagation.log = None;
            }
        }
    }

    fn reply_to_reload(&mut self, id: u64, result: Result<(), Error>) {
        self.unblock(id, |on, out| {
            if matches!(on, BlockedOn::Disk) {
                match &result {
                    Ok(()) => out.ok(),
                    Err(error) => out.error(error),
                }
            }
        });
    }

    /// Repeats what a file holds. Costs O(that).
    fn replay(&mut self, now: Time, name: &str, bytes: &[u8]) -> Result<(), Damage> {
        let log = self.propagation.log.take();
        self.is_replaying = true;
        let result = self.replay_records(now, name, bytes);
        self.is_replaying = false;
        self.propagation.log = log;
        result
    }

    fn replay_records(&mut self, now: Time, name: &str, bytes: &[u8]) -> Result<(), Damage> {
        let mut start = 0;
        if bytes.starts_with(b"REDIS") || bytes.starts_with(b"VALKEY") {
            start = self.restore(now, bytes, How::Instead).map_err(|problem| {
                let text = "Error reading the RDB preamble of the AOF file";
                Damage::Other(format!("{text} {name}, AOF loading aborted: {problem}"))
            })?;
        }
        let mut client = replayer(now);
        let mut records = Records::new(bytes, start);
        // A transaction is only run when it is whole.
        let mut multi: Option<(usize, Vec<OwnedArgv>)> = None;
        let mut whole = start;
        loop {
            match records.step() {
                Step::Command(argv, end) => {
                    let word = argv.get(0).unwrap_or_default();
                    if word.eq_ignore_ascii_case(b"MULTI") {
                        multi.get_or_insert((whole, Vec::new()));
                    } else if word.eq_ignore_ascii_case(b"EXEC") {
                        let commands = multi.take().map(|(_, commands)| commands);
                        for command in commands.unwrap_or_default() {
                            self.replay_command(now, name, &mut client, command.view())?;
                        }
                    } else if let Some((_, commands)) = &mut multi {
                        commands.push(argv.to_owned());
                    } else {
                        self.replay_command(now, name, &mut client, argv)?;
                    }
                    whole = end;
                }
                Step::End(Tail::Broken) if is_torn(bytes.get(whole..).unwrap_or_default()) => {
                    return Err(Damage::Short(multi.map_or(whole, |(before, _)| before)));
                }
                Step::End(Tail::Broken) => {
                    let text = "Bad file format reading the append only file";
                    return Err(Damage::Other(format!("{text} {name}, at offset {whole}")));
                }
                Step::End(tail) => {
                    if let Some((before, _)) = multi {
                        let text = "Revert incomplete MULTI/EXEC transaction from AOF file";
                        self.log(Level::Warning, &format!("{text} {name}"));
                        return Err(Damage::Short(before));
                    }
                    return match tail {
                        Tail::Short => Err(Damage::Short(whole)),
                        Tail::Whole | Tail::Broken => Ok(()),
                    };
                }
            }
        }
    }

    fn replay_command(
        &mut self,
        now: Time,
        name: &str,
        client: &mut Client,
        argv: Argv<'_>,
    ) -> Result<(), Damage> {
        let found = self.find(argv).ok().filter(|entry| entry.takes(argv.len()));
        let Some(entry) = found else {
            let error = unknown_command(argv);
            let error = String::from_utf8_lossy(error.line()).into_owned();
            let text = "Unknown command or wrong number of arguments reading the append only file";
            return Err(Damage::Other(format!("{text} {name}: {error}")));
        };
        // What only concerns the server itself changes no data.
        if entry.has(Flag::Admin) {
            return Ok(());
        }
        self.depth += 1;
        let mut cx = Self::context(self, now, client, entry);
        cx.deny_blocking = true;
        let names = if entry.is_sub() { 2 } else { 1 };
        // What was refused then is refused now.
        let _ = (entry.command.run)(&mut cx, Args::new(argv, names));
        self.depth -= 1;
        client.session.blocked = None;
        self.shard.free_some(limits::FREED_PER_EVENT_MAX);
        Ok(())
    }
}

/// Whether a tail looks as if a crash had kept blocks of it from the disk: zeros where a record
/// begins, where one ends, or many of them anywhere.
fn is_torn(tail: &[u8]) -> bool {
    let has_zeros = tail.first() == Some(&0)
        || tail.last() == Some(&0)
        || tail.windows(8).any(|bytes| bytes == [0; 8]);
    tail.len() <= limits::AOF_TORN_TAIL_BYTES_MAX && has_zeros
}

/// Whoever repeats what was recorded: a client whose replies nobody reads.
fn replayer(now: Time) -> Client {
    let origin = Origin { addr: String::new(), laddr: String::new(), fd: -1, local: true };
    let session = Session::new(0, ConnId(u32::MAX), origin, now);
    let mut client = Client { session, out: crate::resp::Out::default() };
    client.out.set_muted(true);
    client
}
