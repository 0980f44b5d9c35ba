//! Repeating the commands of an append-only file.
//!
//! Nothing expires meanwhile, as a later record may still depend on a key; what has expired is removed
//! when all is loaded. The commands of a transaction run when all of it was read.

use std::collections::VecDeque;

use super::Ended;
use super::fresh::{Fresh, LIBRARY_KEPT, keep_library};
use crate::base::limits;
use crate::base::time::Time;
use crate::engine::exec::{unknown_command, wrong_arity};
use crate::engine::import::{self, Imported};
use crate::engine::world::Level;
use crate::engine::{Args, Engine, Entry};
use crate::persist::aof::read::Records;
use crate::persist::aof::{Step, Tail};
use crate::persist::rdb::Budget;
use crate::resp::{Argv, OwnedArgv};
use crate::session::{Client, ConnId, Origin, Session};
use crate::spec::Flag;

/// How far a file is.
pub(super) struct Replay {
    records: Records,
    client: Client,
    /// The transaction that is being read, and where it begins.
    multi: Option<(u64, Vec<OwnedArgv>)>,
    /// Commands of a transaction that was read.
    queue: VecDeque<OwnedArgv>,
    /// Up to where all was read.
    whole: u64,
    /// A person brings it: only what changes data is run, commands may be lines, and what is refused
    /// is counted.
    is_import: bool,
    /// There was a snapshot before them.
    has_preamble: bool,
    imported: Imported,
}

/// What there is of a file.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    /// The file, for the log.
    pub(super) name: &'a str,
    /// What follows what was read.
    pub(super) bytes: &'a [u8],
    /// Nothing comes behind it.
    pub(super) is_all: bool,
}

/// What a slice has done.
#[derive(Default)]
pub(super) struct Slice {
    /// Bytes that it took.
    pub(super) used: usize,
    pub(super) commands: u64,
    /// It ended because there is no more input.
    pub(super) is_starved: bool,
    pub(super) ended: Option<Ended>,
}

impl Replay {
    /// The commands of a file, from `start` on.
    pub(super) fn new(now: Time, start: u64, is_import: bool) -> Self {
        Self {
            records: Records::new(is_import),
            client: replayer(now),
            multi: None,
            queue: VecDeque::new(),
            whole: start,
            is_import,
            has_preamble: start > 0,
            imported: Imported::default(),
        }
    }

    /// How many commands were run, and how many refused.
    pub(super) fn imported(&self) -> Imported {
        self.imported.clone()
    }
}

impl Engine {
    /// Repeats some of the commands that `input` begins with, on what is in `fresh`.
    pub(super) fn replay_slice(
        &mut self,
        now: Time,
        replay: &mut Replay,
        fresh: &mut Fresh,
        input: Input<'_>,
        budget: Budget,
    ) -> Slice {
        // Whoever watches the data or waits for it hears nothing of what is only repeated.
        let log = self.propagation.log.take();
        self.swap_data(fresh);
        self.is_replaying = true;
        let mut slice = Slice::default();
        while slice.used < budget.bytes && slice.commands < budget.records as u64 {
            self.replay_one(now, replay, input, &mut slice);
            if slice.is_starved || slice.ended.is_some() {
                break;
            }
        }
        self.is_replaying = false;
        self.swap_data(fresh);
        self.propagation.log = log;
        slice
    }

    fn swap_data(&mut self, fresh: &mut Fresh) {
        std::mem::swap(&mut self.shard, &mut fresh.shard);
        std::mem::swap(&mut self.libraries, &mut fresh.libraries);
    }

    /// Reads a record, or runs a command of a transaction that was read.
    fn replay_one(&mut self, now: Time, replay: &mut Replay, input: Input<'_>, slice: &mut Slice) {
        let name = input.name;
        if let Some(command) = replay.queue.pop_front() {
            slice.commands += 1;
            slice.ended = self.replay_command(now, name, replay, command.view()).err();
            return;
        }
        let rest = input.bytes.get(slice.used..).unwrap_or_default();
        let mut records = std::mem::take(&mut replay.records);
        let mut step = records.step(rest);
        // The last line of a text may lack its end.
        let line: Vec<u8>;
        if replay.is_import && input.is_all && matches!(step, (Step::End(Tail::Short), _)) {
            line = [rest, b"\n"].concat();
            step = records.step(&line);
        }
        let (step, used) = step;
        match step {
            Step::Command(argv) => {
                slice.commands += 1;
                let word = argv.get(0).unwrap_or_default();
                if word.eq_ignore_ascii_case(b"MULTI") {
                    replay.multi.get_or_insert((replay.whole, Vec::new()));
                } else if word.eq_ignore_ascii_case(b"EXEC") {
                    let commands = replay.multi.take().map(|(_, commands)| commands);
                    replay.queue = commands.unwrap_or_default().into();
                } else if let Some((_, commands)) = &mut replay.multi {
                    commands.push(argv.to_owned());
                    // Else a damaged EXEC would seem to be a transaction without an end.
                    if library(argv).is_none() {
                        slice.ended = self.replayed(name, replay, argv).err();
                    }
                } else {
                    slice.ended = self.replay_command(now, name, replay, argv).err();
                }
            }
            Step::Remark => {}
            Step::End(tail) => {
                replay.records = records;
                return self.replay_end(replay, input, tail, slice);
            }
        }
        replay.records = records;
        let used = used.min(rest.len());
        slice.used += used;
        replay.whole += used as u64;
    }

    /// What is left of the input is no whole record.
    fn replay_end(&mut self, replay: &Replay, input: Input<'_>, tail: Tail, slice: &mut Slice) {
        let rest = input.bytes.get(slice.used..).unwrap_or_default();
        let is_broken = tail == Tail::Broken;
        if !input.is_all && (!is_broken || rest.len() <= limits::AOF_TORN_TAIL_BYTES_MAX) {
            slice.is_starved = true;
            return;
        }
        let name = input.name;
        let before = replay.multi.as_ref().map(|(before, _)| *before);
        slice.ended = Some(if is_broken && replay.is_import {
            Ended::Damaged(format!("at offset {}: this is no command", replay.whole))
        } else if is_broken && is_torn(rest) {
            Ended::Torn(before.unwrap_or(replay.whole))
        } else if is_broken {
            let text = "Bad file format reading the append only file";
            Ended::Damaged(format!("{text} {name}, at offset {}", replay.whole))
        } else if let Some(before) = before {
            let text = "Revert incomplete MULTI/EXEC transaction from AOF file";
            self.log(Level::Warning, &format!("{text} {name}"));
            Ended::Short(before)
        } else if tail == Tail::Short {
            Ended::Short(replay.whole)
        } else if replay.is_import && !replay.has_preamble && replay.imported.commands == 0 {
            // Nobody wants that in the place of all data.
            Ended::Damaged("there is nothing in it".to_owned())
        } else {
            Ended::Whole(replay.whole)
        });
    }

    /// The command that a record names, or what is wrong with that.
    fn replayed(
        &self,
        name: &str,
        replay: &Replay,
        argv: Argv<'_>,
    ) -> Result<&'static Entry, Ended> {
        let found = self.find(argv).ok().filter(|entry| entry.takes(argv.len()));
        found.ok_or_else(|| {
            if replay.is_import {
                let error = self.find(argv).map_or_else(|error| error, wrong_arity);
                let (whole, error) = (replay.whole, import::plain(&error));
                return Ended::Damaged(format!("at offset {whole}: {error}"));
            }
            let error = unknown_command(argv);
            let error = String::from_utf8_lossy(error.line()).into_owned();
            let text = "Unknown command or wrong number of arguments reading the append only file";
            Ended::Damaged(format!("{text} {name}: {error}"))
        })
    }

    fn replay_command(
        &mut self,
        now: Time,
        name: &str,
        replay: &mut Replay,
        argv: Argv<'_>,
    ) -> Result<(), Ended> {
        if let Some(code) = library(argv) {
            keep_library(&mut self.libraries, code);
            self.log(Level::Warning, LIBRARY_KEPT);
            return Ok(());
        }
        let entry = self.replayed(name, replay, argv)?;
        // What only concerns the server itself changes no data, nor does what is only read.
        let is_idle = entry.has(Flag::Admin) || replay.is_import && entry.command.name != "SELECT";
        if is_idle && !entry.has(Flag::Write) {
            return Ok(());
        }
        let client = &mut replay.client;
        self.depth += 1;
        let mut cx = Self::context(self, now, client, entry);
        cx.deny_blocking = true;
        let names = if entry.is_sub() { 2 } else { 1 };
        // What was refused then is refused now.
        let outcome = (entry.command.run)(&mut cx, Args::new(argv, names));
        self.depth -= 1;
        replay.imported.commands += 1;
        if let Err(error) = outcome {
            replay.imported.refused += 1;
            let refusal = format!("at offset {}: {}", replay.whole, import::plain(&error));
            if entry.command.name == "SELECT" {
                // All that follows would be done to another database.
                let text = format!("Error reading the append only file {name}, ");
                return Err(Ended::Damaged(if replay.is_import {
                    refusal
                } else {
                    text + &refusal
                }));
            }
            if replay.is_import {
                replay.imported.refusal.get_or_insert(refusal);
            }
        }
        client.session.blocked = None;
        self.shard.free_some(limits::FREED_PER_EVENT_MAX);
        Ok(())
    }
}

/// The code that a FUNCTION LOAD brings, which a base without a snapshot has for each library.
fn library(argv: Argv<'_>) -> Option<&[u8]> {
    let is = |place: usize, word: &str| {
        argv.get(place).is_some_and(|given| given.eq_ignore_ascii_case(word.as_bytes()))
    };
    let is_load = is(0, "FUNCTION") && is(1, "LOAD");
    let place = if argv.len() == 4 && is(2, "REPLACE") { 3 } else { 2 };
    argv.get(place).filter(|_| is_load && argv.len() == place + 1)
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
