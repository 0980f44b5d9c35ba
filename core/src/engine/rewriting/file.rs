//! The configuration file, read and written again.
//!
//! The host reads the file, and what [`Config::rewritten`](crate::engine::Config::rewritten) makes of
//! it takes its place; the client waits for that. Who asks while the file is being written gets a turn of
//! their own: what was set in between is to be in it.

use std::collections::VecDeque;

use super::NO_FILE;
use crate::base::Error;
use crate::base::time::Time;
use crate::engine::world::{DiskDone, DiskError, DiskOp, Effect, Level};
use crate::engine::{Args, Ctx, Engine, Outcome};
use crate::resp::Out;

/// Clients that wait for the file; it is being read or written for the first.
#[derive(Debug, Default)]
pub struct Rewriting {
    waiting: VecDeque<u64>,
}

impl Ctx<'_> {
    /// Lets the client wait until the settings are in the configuration file.
    pub fn rewrite_config_file(&mut self, args: Args<'_>) -> Outcome {
        if self.config.file.is_none() {
            return Err(NO_FILE);
        }
        let client = self.session.id;
        self.rewriting.waiting.push_back(client);
        if self.rewriting.waiting.len() == 1 {
            self.read_config_file();
        }
        self.wait_for_world(args.all());
        Ok(())
    }
}

impl Engine {
    fn read_config_file(&mut self) {
        let read = self.config.file.clone().map(DiskOp::read_all).map(Effect::Disk);
        self.effects.extend(read);
    }

    /// Goes on with the configuration file if an answer of the disk is about it; otherwise gives the
    /// answer back.
    pub(in crate::engine) fn config_file_answered(
        &mut self,
        now: Time,
        done: DiskDone,
    ) -> Option<DiskDone> {
        let is_it = |name: &String| self.config.file.as_ref() == Some(name);
        match done {
            DiskDone::Read { name, result, .. } if is_it(&name) => match result {
                Ok(old) => {
                    let old = old.map(|part| part.bytes).unwrap_or_default();
                    let bytes = self.config.rewritten(&old);
                    self.effects.push(Effect::Disk(DiskOp::Replace { name, bytes }));
                }
                Err(error) => self.config_file_written(now, Err(error)),
            },
            DiskDone::Replace { name, result } if is_it(&name) => {
                self.config_file_written(now, result);
            }
            done => return Some(done),
        }
        None
    }

    fn config_file_written(&mut self, now: Time, result: Result<(), DiskError>) {
        match &result {
            Ok(()) => self.log(Level::Notice, "CONFIG REWRITE executed with success."),
            Err(DiskError(why)) => {
                self.log(Level::Warning, &format!("CONFIG REWRITE failed: {why}"));
            }
        }
        let Some(client) = self.rewriting.waiting.pop_front() else { return };
        self.answer(now, client, |out| match result {
            Ok(()) => Out::ok(out),
            Err(DiskError(why)) => {
                out.error(&Error::from(format!("ERR Rewriting config file: {why}")));
            }
        });
        if !self.rewriting.waiting.is_empty() {
            self.read_config_file();
        }
    }
}
