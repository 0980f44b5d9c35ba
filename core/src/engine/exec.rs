//! From arguments to a reply: what is checked before a handler runs, and what follows it.

use super::ahead::Sight;
use super::propagate::Verbatim;
use super::{Args, Ctx, Effect, Engine, Entry};
use crate::base::Error;
use crate::base::error::until_zero;
use crate::base::time::Time;
use crate::resp::{Argv, Proto};
use crate::session::{BlockedOn, Client, ConnId, ReplyMode, Session};
use crate::spec::Flag;

/// How much of an unknown command and its arguments the error shows, in bytes.
const UNKNOWN_SHOWN_MAX: usize = 128;

/// The reply to writes while saving does not work.
const MISCONF: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently \
    unable to persist to disk. Commands that may modify the data set are disabled, because this \
    instance is configured to report errors during writes if RDB snapshotting fails \
    (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
    error.";

/// The reply to commands that add data while memory is short.
const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";

impl Engine {
    /// Runs what a client sent: one command, of which this was seen ahead. The client is taken out
    /// of the registry.
    pub fn execute(&mut self, now: Time, client: &mut Client, argv: Argv<'_>, sight: Sight) {
        client.session.commands += 1;
        self.begin_reply(client);
        self.execute_unpaused(now, client, argv, sight);
    }

    /// As [`Engine::execute`], for a command that CLIENT PAUSE has held back.
    pub fn execute_unpaused(
        &mut self,
        now: Time,
        client: &mut Client,
        argv: Argv<'_>,
        sight: Sight,
    ) {
        self.limit_tracked_keys();
        match sight.entry.map_or_else(|| self.find(argv), Ok) {
            Ok(entry) => {
                client.session.last_command = &entry.full_name;
                self.run_found(now, client, entry, argv, sight);
                if client.session.tracking && !is_client(entry) {
                    self.end_caching(&client.session);
                }
            }
            Err(error) => self.refuse(client, argv, &error),
        }
        self.end_reply(now, client);
    }

    /// Runs `entry`, or does what is to be done instead: refuse it, hold it back, queue it.
    #[inline]
    fn run_found(
        &mut self,
        now: Time,
        client: &mut Client,
        entry: &'static Entry,
        argv: Argv<'_>,
        sight: Sight,
    ) {
        if let Err(error) = self.admit(now, client, entry, argv) {
            self.refuse(client, argv, &error);
        } else if self.is_paused(client, entry) {
            let mut cx = Self::context(self, now, client, entry);
            cx.block(BlockedOn::Unpause, 0, argv.to_owned());
            self.enqueue_blocked(client);
        } else if queues(client, entry) {
            if let Some(multi) = &mut client.session.multi {
                let argv = argv.to_owned();
                multi.bytes += argv.heap_bytes();
                multi.queue.push((entry.index, argv));
            }
            client.out.simple("QUEUED");
        } else {
            let mut cx = Self::context(self, now, client, entry);
            cx.remember(sight, argv);
            cx.perform(argv);
            if client.session.blocked.is_some() {
                self.enqueue_blocked(client);
            }
        }
    }

    /// What happens to a command that is not run: an error, or the end of an attack.
    #[cold]
    fn refuse(&mut self, client: &mut Client, argv: Argv<'_>, error: &Error) {
        if is_http(argv) {
            self.abort_attack(client);
        } else {
            self.reject(client, argv, error);
        }
    }

    /// Calls the handler of a command that has waited.
    pub fn call_again(
        &mut self,
        now: Time,
        client: &mut Client,
        entry: &'static Entry,
        argv: Argv<'_>,
    ) {
        let mut cx = Self::context(self, now, client, entry);
        cx.is_retry = true;
        cx.perform(argv);
    }

    /// Asks the host to send what `conn` is owed.
    pub fn send(&mut self, conn: ConnId) {
        // The same connection's replies follow each other: one look at the last saves most.
        if !matches!(self.effects.last(), Some(Effect::Send { conn: last }) if *last == conn) {
            self.effects.push(Effect::Send { conn });
        }
    }

    /// The context of a command of `client`.
    pub fn context<'a>(
        &'a mut self,
        now: Time,
        client: &'a mut Client,
        entry: &'static Entry,
    ) -> Ctx<'a> {
        Ctx {
            now,
            session: &mut client.session,
            out: &mut client.out,
            engine: self,
            entry,
            deny_blocking: false,
            is_retry: false,
            verbatim: Verbatim::default(),
            ahead: None,
        }
    }

    /// The command that `argv` names, unless it has subcommands.
    #[inline]
    pub fn find_simple(&self, argv: Argv<'_>) -> Option<&'static Entry> {
        let entry = self.table.find(argv.get(0)?)?;
        (!entry.is_sub() && entry.subcommands.is_empty()).then_some(entry)
    }

    /// The command that `argv` names.
    pub fn find(&self, argv: Argv<'_>) -> Result<&'static Entry, Error> {
        let name = argv.get(0).unwrap_or_default();
        match self.table.find(name).filter(|entry| !entry.is_sub()) {
            Some(entry) if entry.subcommands.is_empty() => Ok(entry),
            Some(container) => self.find_sub(container, argv),
            None => Err(unknown_command(argv)),
        }
    }

    fn find_sub(&self, container: &'static Entry, argv: Argv<'_>) -> Result<&'static Entry, Error> {
        let Some(sub) = argv.get(1) else {
            // COMMAND is the one container that is a command as well.
            return if container.takes(1) { Ok(container) } else { Err(wrong_arity(container)) };
        };
        self.table.find_sub(container, sub).ok_or_else(|| {
            let shown = sub.get(..UNKNOWN_SHOWN_MAX).unwrap_or(sub);
            let after = format!("'. Try {} HELP.", container.command.name);
            Error::showing("ERR unknown subcommand '", shown, &after)
        })
    }

    /// Whether `client` may run `entry` now. Makes room for it, too.
    #[inline]
    fn admit(
        &mut self,
        now: Time,
        client: &Client,
        entry: &'static Entry,
        argv: Argv<'_>,
    ) -> Result<(), Error> {
        if !entry.takes(argv.len()) {
            return Err(wrong_arity(entry));
        }
        let session = &client.session;
        if entry.has(Flag::Protected) {
            self.admit_protected(session, entry)?;
        }
        if self.must_auth(session) && !entry.has(Flag::NoAuth) {
            return Err(Error::text("NOAUTH Authentication required."));
        }
        let is_short = self.config.maxmemory > 0 && self.make_room(now, session.db);
        if is_short && self.may_add_data(session, entry) {
            return Err(Error::text(OOM));
        }
        let is_loading = self.saving.is_loading();
        if is_loading && self.runs_any(session, entry, |one| !one.has(Flag::Loading)) {
            return Err(Error::text("LOADING Redis is loading the dataset in memory"));
        }
        let writes = || self.runs_any(session, entry, |one| one.has(Flag::Write));
        if self.is_unsafe() && (writes() || entry.command.name == "PING") {
            return Err(self.refusal());
        }
        // There are no replicas, so any number of them is too many to ask for.
        let lacks_replicas =
            self.config.min_replicas_to_write > 0 && self.config.min_replicas_max_lag > 0;
        if lacks_replicas && writes() {
            return Err(Error::text("NOREPLICAS Not enough good replicas to write."));
        }
        if session.multi.is_some() && entry.has(Flag::NoMulti) {
            return Err(Error::text("ERR Command not allowed inside a transaction"));
        }
        let only_subscribed = client.out.proto() == Proto::V2 && session.subscriptions.any();
        if only_subscribed && !runs_while_subscribed(entry) {
            return Err(Error::from(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                 RESET are allowed in this context",
                entry.full_name
            )));
        }
        // To Redis, a client in MONITOR is a kind of replica.
        if session.monitor && (entry.has(Flag::Readonly) || may_write(entry)) {
            return Err(Error::text("ERR Replica can't interact with the keyspace"));
        }
        Ok(())
    }

    /// Whether `entry`, or the transaction that it runs, can make the data larger.
    fn may_add_data(&self, session: &Session, entry: &Entry) -> bool {
        self.runs_any(session, entry, |one| one.has(Flag::DenyOom))
    }

    /// Whether what is written now may never be on the disk.
    fn is_unsafe(&self) -> bool {
        self.refuses_writes() || self.aof_failure().is_some()
    }

    /// The reply to writes while nothing can be saved.
    fn refusal(&self) -> Error {
        match self.aof_failure() {
            Some(why) if !self.refuses_writes() => {
                Error::from(format!("MISCONF Errors writing to the AOF file: {}", why.0))
            }
            _ => Error::text(MISCONF),
        }
    }

    /// Whether a client may use what the configuration has to allow.
    fn admit_protected(&self, session: &Session, entry: &Entry) -> Result<(), Error> {
        let (name, allowed) = match entry.container {
            None => ("DEBUG", self.config.enable_debug_command),
            Some(_) => ("MODULE", self.config.enable_module_command),
        };
        if allowed.allows(session.origin.local) {
            return Ok(());
        }
        let option = format!("enable-{}-command", name.to_ascii_lowercase());
        Err(Error::from(format!(
            "ERR {name} command not allowed. If the {option} option is set to \"local\", you can run \
             it from a local connection, otherwise you need to set this option in the \
             configuration file, and then restart the server."
        )))
    }

    /// Replies to a command that was not run.
    fn reject(&mut self, client: &mut Client, argv: Argv<'_>, error: &Error) {
        if let Some(multi) = &mut client.session.multi {
            multi.aborted = true;
        }
        let mut is_exec = false;
        if let Ok(entry) = self.find(argv) {
            self.stats.by_command[entry.index].rejected += 1;
            is_exec = entry.command.name == "EXEC";
        }
        if is_exec {
            // An EXEC that cannot run ends the transaction too, and says so, even outside of one.
            self.end_transaction(&mut client.session);
            let why = error.line().strip_prefix(b"ERR ").unwrap_or_else(|| error.line());
            let error = [b"EXECABORT Transaction discarded because of: ", why].concat();
            self.stats.error(b"EXECABORT");
            client.out.error(&Error::Bytes(error));
        } else {
            self.stats.error(error.code());
            client.out.error(error);
        }
        self.send(client.session.conn);
    }

    /// Whether CLIENT PAUSE holds `entry` back.
    #[inline]
    fn is_paused(&self, client: &Client, entry: &Entry) -> bool {
        self.pause.until.is_some() && self.pauses(client, entry)
    }

    fn pauses(&self, client: &Client, entry: &Entry) -> bool {
        // Also what would only be queued in a transaction.
        !self.pause.writes_only || self.runs_any(&client.session, entry, may_write)
    }

    /// Whether `is_one` holds for `entry`, or for something that is queued where it is EXEC.
    pub(super) fn runs_any(
        &self,
        session: &Session,
        entry: &Entry,
        is_one: impl Fn(&Entry) -> bool,
    ) -> bool {
        let entries = self.table.entries();
        let queue = session.multi.as_ref().filter(|_| entry.command.name == "EXEC");
        is_one(entry)
            || queue.is_some_and(|multi| multi.queue.iter().any(|(at, _)| is_one(&entries[*at])))
    }

    fn begin_reply(&mut self, client: &mut Client) {
        client.session.reply_mode = match client.session.reply_mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            mode => mode,
        };
        client.out.set_muted(client.session.reply_mode != ReplyMode::On);
    }

    /// What follows a command that is done: messages to its own client, and those who waited.
    fn end_reply(&mut self, now: Time, client: &mut Client) {
        // After DEBUG SLEEP they are served when it is over: the key may have expired by then.
        if self.shard.waiters.has_ready() && self.asleep_until.is_none() {
            self.serve_ready(now);
        }
        if self.clients.flush_pushes(client) {
            self.send(client.session.conn);
        }
        self.check_output(client);
    }
}

impl<'b> Ctx<'b> {
    /// Calls the handler of the context's command, counts, and replies with the error if it fails.
    pub fn perform(&mut self, argv: Argv<'b>) {
        let entry = self.entry;
        let begun = self.stopwatch.lap();
        let (db, dirty) = (self.session.db, self.dirty);
        self.depth += 1;
        self.deny_blocking = self.depth > 1;
        let names = if entry.is_sub() { 2 } else { 1 };
        let outcome = (entry.command.run)(self, Args::new(argv, names));
        self.depth -= 1;
        if self.propagates() {
            self.propagate_command(db, argv, dirty);
        }
        if !self.is_retry {
            self.show_to_monitors(argv);
        }
        if let Some(blocked) = &mut self.session.blocked {
            blocked.took_ns = self.engine.stopwatch.lap_since(begun);
            return;
        }
        self.track_reads(argv);
        self.stats.commands += 1;
        let stats = &mut self.stats.by_command[entry.index];
        stats.calls += 1;
        if let Err(error) = outcome {
            stats.failed += 1;
            self.stats.error(error.code());
            self.out.error(&error);
        }
        let conn = self.session.conn;
        self.send(conn);
        self.measure(begun, argv);
    }
}

/// Whether `entry` is a subcommand of CLIENT.
fn is_client(entry: &Entry) -> bool {
    entry.full_name.starts_with("client|")
}

/// Whether this is a line of an HTTP request.
fn is_http(argv: Argv<'_>) -> bool {
    let name = argv.get(0).unwrap_or_default();
    name.eq_ignore_ascii_case(b"POST") || name.eq_ignore_ascii_case(b"Host:")
}

/// Whether `entry` is put into the client's transaction instead of being run.
fn queues(client: &Client, entry: &Entry) -> bool {
    client.session.multi.is_some()
        && !matches!(entry.command.name, "EXEC" | "DISCARD" | "MULTI" | "WATCH" | "QUIT" | "RESET")
}

fn may_write(entry: &Entry) -> bool {
    entry.has(Flag::Write) || entry.has(Flag::MayReplicate)
}

fn runs_while_subscribed(entry: &Entry) -> bool {
    matches!(
        entry.command.name,
        "PING"
            | "SUBSCRIBE"
            | "UNSUBSCRIBE"
            | "PSUBSCRIBE"
            | "PUNSUBSCRIBE"
            | "SSUBSCRIBE"
            | "SUNSUBSCRIBE"
            | "QUIT"
            | "RESET"
    )
}

/// The error for a wrong number of arguments.
#[cold]
pub fn wrong_arity(entry: &Entry) -> Error {
    Error::from(format!("ERR wrong number of arguments for '{}' command", entry.full_name))
}

/// The error for a wrong number of arguments that the arity does not tell: it names the subcommand
/// as the client wrote it.
pub fn wrong_subcommand_arity(entry: &Entry, argv: Argv<'_>) -> Error {
    let container = entry.full_name.split('|').next().unwrap_or_default().to_ascii_uppercase();
    let sub = argv.get(1).unwrap_or_default();
    let shown = sub.get(..UNKNOWN_SHOWN_MAX).unwrap_or(sub);
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    Error::showing(before, shown, &format!("'. Try {container} HELP."))
}

/// The error for a command that there is not.
#[cold]
pub fn unknown_command(argv: Argv<'_>) -> Error {
    let mut shown = Vec::new();
    for arg in argv.from(1).iter() {
        if shown.len() >= UNKNOWN_SHOWN_MAX {
            break;
        }
        let room = UNKNOWN_SHOWN_MAX - shown.len();
        shown.push(b'\'');
        shown.extend_from_slice(until_zero(arg.get(..room).unwrap_or(arg)));
        shown.extend_from_slice(b"' ");
    }
    let name = argv.get(0).unwrap_or_default();
    let name = until_zero(name.get(..UNKNOWN_SHOWN_MAX).unwrap_or(name));
    let parts =
        [b"ERR unknown command '".as_slice(), name, b"', with args beginning with: ", &shown];
    Error::Bytes(parts.concat())
}
