//! Which files are loaded, at the start and by DEBUG LOADAOF, and what becomes of those that cannot be.
//!
//! How one is read is said in [`loading`](crate::engine::loading). A file that was cut short by a crash
//! is loaded as far as it goes, if it is the last one; where blocks before its end did not arrive, what
//! stands behind them is kept under another name. Any other damage ends the loading. Then the server
//! refuses to start, and the page sets the files aside and goes on from the last snapshot.

use std::mem;

use super::{Engine, State};
use crate::base::Error;
use crate::base::time::Time;
use crate::engine::loading::{Ended, How, Source};
use crate::engine::propagate::Stream;
use crate::engine::saving::Unreadable;
use crate::engine::world::{DiskError, DiskOp, Effect, Level, Part};
use crate::persist::aof::Manifest;
use crate::persist::aof::dataset::Commands;
use crate::store::Db;

/// The reply of DEBUG LOADAOF that there is nothing to load, or that it cannot be.
const CANNOT_LOAD: &str = "ERR Error trying to load the AOF files, check server logs.";

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
    /// The disk is asked how large the files are; so many answers are to come.
    Measuring(Files, usize),
    /// The files of the manifest are read, one after the other.
    Files(Files),
    /// What is to be cut off is kept elsewhere first.
    Keeping(Files, DiskOp),
    /// The one that was read, which may be cut off where it can be read no further, is made safe.
    Securing(Files),
    /// The first files are made: base, increment, manifest.
    Creating(Manifest, u8),
    /// What cannot be read gets other names: so many are left.
    SettingAside(usize),
}

/// Files being read.
pub(super) struct Files {
    /// The one being read, by its place.
    next: usize,
    /// Their sizes; none of those that are not there.
    bytes: Vec<Option<u64>>,
    /// One of them was cut off, so that those behind it have to be empty.
    is_short: bool,
    /// It was moved to where it belongs.
    was_moved: bool,
    /// Who wanted it, if it is not the start.
    reload: Option<u64>,
}

impl Engine {
    /// The disk is there: finds out which files there are.
    pub fn load_manifest(&mut self, unreadable: Unreadable) {
        self.aof.unreadable = unreadable;
        self.aof.loading = Loading::Manifest;
        let name = self.aof_path(&self.manifest_name());
        self.ask_disk(DiskOp::read_all(name));
    }

    /// DEBUG LOADAOF, for which client `id` waits.
    pub fn reload_aof(&mut self, id: u64) -> Result<(), Error> {
        let is_idle = matches!(self.aof.loading, Loading::Idle) && !self.saving.is_loading();
        if !self.aof.is_mounted || !is_idle || self.aof.manifest.is_empty() {
            return Err(Error::text(CANNOT_LOAD));
        }
        self.aof.loading = Loading::Flushing(id);
        Ok(())
    }

    /// Begins to reload once what was recorded is written.
    pub(super) fn reload_when_flushed(&mut self) {
        let Loading::Flushing(id) = self.aof.loading else { return };
        if self.is_elsewhere() {
            // What has these names in the folder of now is something else.
            self.aof.loading = Loading::Idle;
            return self.reply_to_reload(id, Err(Error::text(CANNOT_LOAD)));
        }
        let is_busy = self.saving.running.is_some() || self.is_rewriting() || self.moving.is_some();
        if self.aof_buffered() == 0 && !is_busy {
            self.saving.begin_loading(self.aof.unreadable);
            self.measure_files(false, Some(id));
        }
    }

    /// Asks the disk for the sizes of the files in the manifest, which are loaded then.
    fn measure_files(&mut self, was_moved: bool, reload: Option<u64>) {
        let names: Vec<String> =
            self.aof.manifest.files().map(|file| self.aof_path(&file.name)).collect();
        let bytes = vec![None; names.len()];
        let files = Files { next: 0, bytes, is_short: false, was_moved, reload };
        self.aof.loading = Loading::Measuring(files, names.len());
        for name in names {
            self.ask_disk(DiskOp::Read { name, from: 0, bytes_max: 0 });
        }
    }

    fn measured_file(
        &mut self,
        now: Time,
        (mut files, left): (Files, usize),
        name: &str,
        found: Option<&Part>,
    ) {
        let mut paths = self.aof.manifest.files().map(|file| self.aof_path(&file.name));
        if let Some(index) = paths.position(|path| path == name) {
            files.bytes[index] = found.map(|part| part.file_bytes);
        }
        drop(paths);
        if left > 1 {
            self.aof.loading = Loading::Measuring(files, left - 1);
            return;
        }
        let total = files.bytes.iter().flatten().sum();
        self.begin_load(now, Source::AppendOnly, How::Instead, total);
        self.read_next(now, files);
    }

    /// Reads the next file, or ends the loading if there is none.
    fn read_next(&mut self, now: Time, mut files: Files) {
        let all = self.aof.manifest.files().count();
        let name = self.aof.manifest.files().nth(files.next).map(|file| file.name.clone());
        let Some(name) = name else { return self.loaded_all(now, files) };
        let size = files.bytes.get(files.next).copied().flatten();
        if size.is_none() && all == 1 && name == self.aof_stem() && !files.was_moved {
            // Whoever began the upgrade did not come to moving the file.
            files.was_moved = true;
            self.aof.loading = Loading::Files(files);
            self.give_up_load();
            let (from, to) = (name.clone(), self.aof_path(&name));
            return self.ask_disk(DiskOp::Rename { from, to });
        }
        let problem = match size {
            None => {
                format!("The append log file {name} doesn't exist: No such file or directory")
            }
            Some(1..) if files.is_short => format!(
                "Fatal error: an AOF file before {name} ends unexpectedly. The truncated file is not \
                 the last file"
            ),
            Some(_) => {
                self.aof.loading = Loading::Files(files);
                let name = self.aof_path(&name);
                return self.load_file(name);
            }
        };
        self.aof.loading = Loading::Files(files);
        self.cannot_load(&problem);
    }

    pub(super) fn aof_read(
        &mut self,
        now: Time,
        name: &str,
        result: Result<Option<Part>, DiskError>,
    ) {
        let found = match result {
            Ok(found) => found,
            Err(DiskError(why)) => {
                return self.cannot_load(&format!("Can't read the AOF file {name}: {why}"));
            }
        };
        match mem::take(&mut self.aof.loading) {
            Loading::Manifest => self.found_manifest(now, found),
            Loading::Single if found.is_some() => {
                let manifest = Manifest::of_single(self.aof_stem());
                self.log(Level::Notice, &format!("Upgrading the append only file {name}"));
                self.replace_manifest(&manifest);
                self.aof.loading = Loading::Upgrading(manifest);
            }
            Loading::Single => self.create_files(now),
            Loading::Measuring(files, left) => {
                self.measured_file(now, (files, left), name, found.as_ref());
            }
            other => self.aof.loading = other,
        }
    }

    fn found_manifest(&mut self, now: Time, found: Option<Part>) {
        match found.as_ref().map(|part| Manifest::parse(&part.bytes)) {
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
            return self.read_snapshot(now);
        }
        if !self.aof.manifest.is_empty() {
            self.measure_files(false, None);
        } else if found.is_some() {
            // It names no file with data: then there is none.
            self.create_files(now);
        } else {
            self.aof.loading = Loading::Single;
            let name = self.aof_stem();
            self.ask_disk(DiskOp::Read { name, from: 0, bytes_max: 0 });
        }
    }

    /// A file was read, or cannot be.
    pub(in crate::engine) fn aof_file_ended(&mut self, now: Time, ended: Ended) {
        let Loading::Files(mut files) = mem::take(&mut self.aof.loading) else { return };
        let file = self.aof.manifest.files().nth(files.next);
        let name = file.map(|file| file.name.clone()).unwrap_or_default();
        let is_torn = matches!(ended, Ended::Torn(_));
        let problem = match ended {
            Ended::Whole(bytes) => {
                files.bytes[files.next] = Some(bytes);
                files.next += 1;
                let Manifest { base, increments, .. } = &self.aof.manifest;
                let is_last = increments.last().is_none_or(|last| last.name == name);
                if is_last || base.as_ref().is_some_and(|base| base.name == name) {
                    return self.read_next(now, files);
                }
                // Who wrote it may have been killed before it was safe, and others follow it.
                self.aof.loading = Loading::Securing(files);
                return self.ask_disk(DiskOp::Sync { name: self.aof_path(&name) });
            }
            Ended::Short(whole) | Ended::Torn(whole) if self.config.aof_load_truncated => {
                let text = format!(
                    "!!! Warning: short read while loading the AOF file {name}!!! AOF loaded anyway \
                     because aof-load-truncated is enabled. Truncating the AOF {name} at offset \
                     {whole}"
                );
                self.log(Level::Warning, &text);
                files.bytes[files.next] = Some(whole);
                files.next += 1;
                files.is_short = true;
                let name = self.aof_path(&name);
                let cut = DiskOp::Truncate { name: name.clone(), bytes: whole };
                // There may be whole records behind what is missing, for a person to look at.
                let rest = self.load.as_ref().filter(|_| is_torn).map(|load| load.rest());
                let rest = rest.filter(|rest| rest.iter().any(|&byte| byte != 0));
                let Some(bytes) = rest.map(<[u8]>::to_vec) else {
                    self.aof.loading = Loading::Securing(files);
                    return self.ask_disk(cut);
                };
                let name = format!("{name}.torn-{whole}");
                self.log(Level::Warning, &format!("What stands behind that is kept as {name}"));
                self.aof.loading = Loading::Keeping(files, cut);
                return self.ask_disk(DiskOp::Replace { name, bytes });
            }
            Ended::Short(whole) | Ended::Torn(whole) => format!(
                "Unexpected end of file reading the append only file {name}, which is whole up to \
                 offset {whole}. Make a backup of it, and set the 'aof-load-truncated' configuration \
                 option to yes to load it so far."
            ),
            Ended::Broken(problem) => format!(
                "Error reading the RDB preamble of the AOF file {name}, AOF loading aborted: {problem}"
            ),
            Ended::Damaged(text) => text,
            Ended::Missing | Ended::Unreadable(_) => {
                format!("Can't read the AOF file {name}: {ended}")
            }
        };
        self.aof.loading = Loading::Files(files);
        self.cannot_load(&problem);
    }

    /// Whether a file was being cut off while loading. What was cut must stay cut before anything is
    /// appended to a later file: else the next crash could bring it back in the middle of the log.
    pub(super) fn load_truncated(
        &mut self,
        now: Time,
        name: &str,
        result: &Result<(), DiskError>,
    ) -> bool {
        if !matches!(self.aof.loading, Loading::Securing(_)) {
            return false;
        }
        match result {
            Ok(()) => self.ask_disk(DiskOp::Sync { name: name.to_owned() }),
            Err(_) => self.secured(now, result),
        }
        true
    }

    /// Whether a file that was cut off while loading is safe as it is now.
    pub(super) fn load_synced(
        &mut self,
        now: Time,
        name: &str,
        result: &Result<(), DiskError>,
    ) -> bool {
        let is_securing = match &self.aof.loading {
            Loading::Securing(files) => {
                let file = self.aof.manifest.files().nth(files.next - 1);
                file.is_some_and(|file| self.aof_path(&file.name) == name)
            }
            _ => false,
        };
        if is_securing {
            self.secured(now, result);
        }
        is_securing
    }

    fn secured(&mut self, now: Time, result: &Result<(), DiskError>) {
        let Loading::Securing(files) = mem::take(&mut self.aof.loading) else { return };
        match result {
            Ok(()) => self.read_next(now, files),
            Err(DiskError(why)) => {
                self.aof.loading = Loading::Files(files);
                self.cannot_load(&format!("Error making the AOF file safe as it was read: {why}"));
            }
        }
    }

    /// The end of loading, when everything was read.
    fn loaded_all(&mut self, now: Time, files: Files) {
        let total = files.bytes.iter().flatten().sum();
        if self.load.is_none() {
            self.begin_load(now, Source::AppendOnly, How::Instead, total);
        }
        self.end_load();
        let keys: usize = self.shard.dbs.iter().map(Db::len).sum();
        self.log(Level::Notice, &format!("DB loaded from append only file: {keys} keys"));
        self.dirty = 0;
        self.saving.end_loading();
        if let Some(id) = files.reload {
            (0..self.shard.dbs.len()).for_each(|db| self.shard.waiters.changed_all(db));
            self.touch_watched(|_, _, _| true);
            self.reply_to_reload(id, Ok(()));
            return;
        }
        let sizes: Vec<u64> = files.bytes.iter().map(|bytes| bytes.unwrap_or(0)).collect();
        self.aof.is_mounted = true;
        self.aof.rewriting.base_bytes =
            if self.aof.manifest.base.is_some() { sizes.first().copied().unwrap_or(0) } else { 0 };
        self.go_on_appending(&sizes);
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
            // It may not be safe, if who wrote it was killed: what was cut off can come back, too.
            let unsafe_bytes = size.max(1);
            (self.aof.writing.issued, self.aof.writing.written) = (unsafe_bytes, unsafe_bytes);
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
                    if step == 2 {
                        // It may be in force all the same.
                        self.aof.manifest.give_up(manifest);
                    }
                    self.cannot_write(&format!("Can't make the AOF file {name}: {why}"));
                }
            },
            Loading::Keeping(files, cut) => match result {
                Ok(()) => {
                    self.aof.loading = Loading::Securing(files);
                    self.ask_disk(cut);
                }
                Err(DiskError(why)) => {
                    self.aof.loading = Loading::Files(files);
                    self.cannot_load(&format!("Error keeping what is cut off as {name}: {why}"));
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
                    self.measure_files(true, None);
                }
                Err(DiskError(why)) => {
                    self.cannot_write(&format!("Can't move the append only file: {why}"));
                }
            },
            // Moved or not, it is read where it belongs.
            Loading::Files(files) => self.measure_files(files.was_moved, files.reload),
            Loading::SettingAside(left) => match result {
                Ok(()) if left > 1 => self.aof.loading = Loading::SettingAside(left - 1),
                Ok(()) => self.begin_with_snapshot(now),
                Err(why) => self.cannot_set_aside(&why),
            },
            other => self.aof.loading = other,
        }
    }

    /// The names of the files that are to be set aside.
    pub(super) fn aof_listed(&mut self, now: Time, result: Result<Vec<String>, DiskError>) {
        let Loading::SettingAside(_) = self.aof.loading else { return };
        let ending = format!(".unreadable-{}", now.unix_s());
        let names: Vec<String> = match result {
            Ok(names) => names,
            Err(why) => return self.cannot_set_aside(&why),
        };
        let was_set_aside = |name: &str| {
            name.rsplit('.').next().is_some_and(|ending| ending.starts_with("unreadable-"))
        };
        let names: Vec<String> = names.into_iter().filter(|name| !was_set_aside(name)).collect();
        if names.is_empty() {
            return self.begin_with_snapshot(now);
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
        self.give_up_load();
        let loading = mem::take(&mut self.aof.loading);
        if let Loading::Files(Files { reload: Some(id), .. })
        | Loading::Measuring(Files { reload: Some(id), .. }, _) = loading
        {
            self.saving.end_loading();
            return self.reply_to_reload(id, Err(Error::text(CANNOT_LOAD)));
        }
        match self.aof.unreadable {
            Unreadable::Refuse => self.effects.push(Effect::Exit { status: 1 }),
            Unreadable::SetAside => {
                let folder = self.aof_folder();
                let text =
                    format!("The files in {folder} are kept with .unreadable in their names.");
                self.log(Level::Warning, &text);
                self.aof.manifest = Manifest::default();
                self.aof.loading = Loading::SettingAside(0);
                self.ask_disk(DiskOp::List { folder });
            }
        }
    }

    /// Nothing is left of the files: the last snapshot is loaded, if there is one, and the file is begun
    /// as if it had been turned on then.
    fn begin_with_snapshot(&mut self, now: Time) {
        self.aof.loading = Loading::Idle;
        self.aof.is_mounted = true;
        self.log(Level::Warning, "In their place the last snapshot is loaded, if there is one.");
        self.read_snapshot(now);
    }

    /// What cannot be read keeps its names, and new files would take its place. Nor may a snapshot of no
    /// data take that of the last one.
    fn cannot_set_aside(&mut self, DiskError(why): &DiskError) {
        self.log(Level::Warning, &format!("They could not be renamed: {why}. Nothing is saved."));
        self.aof.loading = Loading::Idle;
        self.saving.stick();
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
        self.reply_to(Some(id), |out| match &result {
            Ok(()) => out.ok(),
            Err(error) => out.error(error),
        });
    }
}
