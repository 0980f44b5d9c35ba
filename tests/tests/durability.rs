//! All that persistence can do, drawn by lot, by a server and by a page, on a disk that lies and refuses:
//! whatever ends the process or the machine, the files load, and what was promised is found. Where
//! something fails while they are loaded, that is said, and nothing is lost by it.
//!
//! `CRASH_SEEDS` asks for more, `CRASH_SEED` for those from one on.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;

use redstart::base::rng::{Rng, Seed};
use redstart::base::time::Time;
use redstart::engine::Config;
use redstart::node::Unreadable;
use redstart::resp::Reply;
use redstart_tests::disk::{Faults, SimDisk};
use redstart_tests::local::{Host, Local, START};
use redstart_tests::play::{Patience, Stage};
use redstart_tests::queue::Order;
use redstart_tests::wire::{encoded, text_of, words_of};

/// Seeds of one run …
const SEEDS: u64 = 1000;
/// … and how often a process begins under each.
const LIVES: u64 = 4;
/// Where the files are.
const FOLDERS: [&str; 2] = ["one", "other"];

/// What stays the same under one seed.
#[derive(Clone, Copy, Debug)]
struct Setting {
    is_page: bool,
    /// An append-only file is what data is found in after a restart; else it is the snapshot.
    is_aof: bool,
}

/// A change, by its number.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    /// It is made or not made, and nobody knows.
    is_sent: bool,
    /// It was said to be made.
    is_told: bool,
    /// What it has set goes at this time or later, in milliseconds, and at the second at the latest.
    expires_ms: Option<(u64, u64)>,
}

/// What happened, over all processes.
#[derive(Debug, Default)]
struct History {
    last: u64,
    pushes: BTreeMap<u64, Change>,
    flushes: BTreeMap<u64, Change>,
    /// What was told up to this number survives the machine …
    safe: u64,
    /// … and up to this one the end of the process.
    written: u64,
    /// The folder in which that holds.
    home: String,
}

/// What is done when a reply has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Nothing,
    /// A change: of this number, sent while the promises of this epoch held.
    Told(u64, Option<u64>),
    /// A snapshot holds what was told up to there.
    Saved(u64),
    Policy(&'static str),
    /// What INFO says of the file, if no setting was changed since this epoch.
    Looked(u64),
}

/// One process.
struct Life {
    local: Local,
    setting: Setting,
    /// How often it was changed what is promised.
    epoch: u64,
    /// Whether replies promise that changes are safe; none while that is being changed.
    policy: Option<&'static str>,
    is_on: bool,
    /// Whether it is to be on; to be turned off can take a moment.
    is_wanted: bool,
    connections: u64,
    writer: String,
    waiting: BTreeMap<String, VecDeque<(usize, Then)>>,
    lines: usize,
}

#[derive(Debug, Default)]
struct Tally {
    told: u64,
    found: u64,
    rewrites: usize,
    failures: usize,
    moves: usize,
    refused_starts: usize,
}

#[test]
fn what_was_promised_is_found_whatever_happens() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first: u64 = number("CRASH_SEED").unwrap_or(1);
    let mut tally = Tally::default();
    for seed in first..first + number("CRASH_SEEDS").unwrap_or(SEEDS) {
        let mut rng = Rng::new(Seed::of(seed));
        let setting = Setting { is_page: rng.below(3) == 0, is_aof: rng.below(4) > 0 };
        let mut disk = SimDisk::new(Seed::of(seed), BTreeMap::new());
        let mut history = History { home: FOLDERS[0].to_owned(), ..History::default() };
        let mut now = START;
        for life in 0..LIVES {
            let (mut process, found) = start(setting, &mut rng, disk, &history, now, &mut tally);
            let shown = process.shown();
            history.check(
                &found,
                now,
                &format!("CRASH_SEED={seed}, life {life}, {setting:?}: {shown}"),
            );
            tally.found += found.list.len() as u64;
            let faults = match rng.below(4) {
                0 | 1 => Faults::default(),
                2 => Faults { any: 40, ..Faults::default() },
                _ => Faults { sync: 20, full: 20, any: 60 },
            };
            process.local.disk.faults = faults;
            for _ in 0..rng.below(160) {
                if process.local.exit.is_some() {
                    break;
                }
                process.act(&mut rng, &mut history);
                process.listen(&mut history, &mut tally);
            }
            tally.rewrites += process.said("Background AOF rewrite finished");
            tally.failures += process.said("Background AOF rewrite failed");
            if process.local.exit == Some(0)
                && faults == Faults::default()
                && process.is_on
                && setting.is_aof
                && process.said("Fail to fsync") == 0
            {
                history.safe = history.safe.max(history.told());
                history.written = history.safe;
            }
            now = process.local.now();
            let is_sure = faults == Faults::default() && !setting.is_page;
            disk = process.local.end();
            if rng.below(3) > 0 {
                disk = disk.crash();
                history.written = history.safe;
            } else if !is_sure {
                history.written = history.safe;
            }
        }
        tally.told += history.told();
    }
    // The test must meet what it is about.
    if number("CRASH_SEED").is_none() {
        let Tally { told, rewrites, failures, moves, refused_starts, .. } = tally;
        assert!(told > 20_000 && rewrites > 250 && failures > 100, "{tally:?}");
        assert!(moves > 20 && refused_starts > 200, "{tally:?}");
    }
}

/// A server that was killed has left what is not safe: what is promised later stands behind it.
#[test]
fn what_a_killed_server_has_left_is_made_safe() {
    for seed in 0..100 {
        let setting = Setting { is_page: false, is_aof: true };
        let disk = SimDisk::new(Seed::of(seed), BTreeMap::new());
        let mut first = Life::new(setting, seed, disk.started_in("one", &[]), START);
        while first.local.turn() {}
        for command in ["CONFIG SET appendfsync no", "SET a 1"] {
            first.ask(command);
        }
        let mut next = Life::new(setting, seed, first.local.end(), START);
        while next.local.turn() {}
        for command in ["BGREWRITEAOF", "SET b 1"] {
            next.ask(command);
        }
        let disk = next.local.end().crash().started_in("one", &[]);
        let mut last = Life::new(setting, seed, disk, START);
        while last.local.turn() {}
        let found = last.ask("EXISTS a b");
        assert_eq!(found, Reply::Int(2), "seed {seed}: {}", last.shown());
    }
}

/// After CONFIG SET dir, whatever moment the rewrite has come to, one folder holds everything, and no
/// manifest names what is not there.
#[test]
fn a_rewrite_in_another_folder_leaves_one_that_is_whole() {
    let setting = Setting { is_page: false, is_aof: true };
    let mut moved = 0;
    for seed in 0..200 {
        let disk = SimDisk::new(Seed::of(seed), BTreeMap::new()).started_in("one", &FOLDERS);
        let mut life = Life::new(setting, seed, disk, START);
        while life.local.turn() {}
        for command in ["SET a 1", "CONFIG SET dir other", "BGREWRITEAOF"] {
            life.ask(command);
        }
        (0..seed % 20).for_each(|_| _ = life.local.turn());
        life.ask("SET b 1");
        let has_moved = life.said("Background AOF rewrite finished") > 0;
        moved += u32::from(has_moved);
        let disk = life.local.end().crash();
        let home = FOLDERS[usize::from(has_moved)];
        let mut again = Life::new(setting, seed, disk.started_in(home, &[]), START);
        while again.local.turn() {}
        let found = again.ask("EXISTS a b");
        assert_eq!(found, Reply::Int(2), "seed {seed}: {}", again.shown());
        let disk = again.local.end().started_in(FOLDERS[1], &[]);
        let mut other = Life::new(setting, seed, disk, START);
        while other.local.turn() {}
        assert_eq!(other.local.exit, None, "seed {seed}: {}", other.shown());
    }
    assert!((20..180).contains(&moved), "{moved} of 200 had moved");
}

/// What a process has found.
#[derive(Debug)]
struct Found {
    list: Vec<u64>,
    pairs: Vec<u64>,
    flushed: u64,
    short: Option<u64>,
}

/// Begins a process. If it is kept from loading, the reason is gone at the next attempt, and all is there.
fn start(
    setting: Setting,
    rng: &mut Rng,
    mut disk: SimDisk,
    history: &History,
    now: Time,
    tally: &mut Tally,
) -> (Life, Found) {
    let mut faults = Faults::default();
    if rng.below(4) == 0 {
        faults = Faults { sync: 4, full: 4, any: 4 };
    }
    loop {
        disk = disk.started_in(&history.home, if setting.is_page { &[] } else { &FOLDERS });
        disk.faults = faults;
        let mut process = Life::new(setting, rng.next_u64(), disk, now);
        while process.local.exit.is_none() && process.local.turn() {}
        process.local.disk.faults = Faults::default();
        let is_kept = process.local.exit.is_some()
            || process.said("Nothing is saved") > 0
            || process.local.log.iter().any(|line| line.text.contains("unreadable"));
        if is_kept {
            assert_ne!(faults, Faults::default(), "{setting:?}: {}", process.shown());
            tally.refused_starts += 1;
            disk = process.local.end().as_before_set_aside();
            faults = Faults::default();
            continue;
        }
        // A page goes on without a file that it cannot make, and makes it when it can.
        process.is_on &= process.said("Can't make the AOF file") == 0;
        process.local.queue_is_open();
        let found = process.find();
        return (process, found);
    }
}

impl Life {
    fn new(setting: Setting, seed: u64, disk: SimDisk, now: Time) -> Self {
        let Setting { is_page, is_aof, .. } = setting;
        let mut config = Config::default();
        let settings = [
            ("save", ""),
            ("enable-debug-command", "yes"),
            ("enable-protected-configs", "yes"),
            ("appendonly", if is_aof { "yes" } else { "no" }),
            ("appendfsync", "always"),
            ("dir", disk.folder()),
        ];
        for (name, value) in settings {
            config.set_named(name, value).unwrap();
        }
        let (unreadable, order) = if is_page {
            (Unreadable::SetAside, Order::OneByOne)
        } else {
            (Unreadable::Refuse, Order::Threads)
        };
        let mut local =
            Local::hosted(config, Seed::of(seed), disk, Host { unreadable, order, now });
        if !is_page {
            local.write_before_replies();
        }
        Self {
            local,
            setting,
            epoch: 0,
            policy: Some("always"),
            is_on: is_aof,
            is_wanted: is_aof,
            connections: 0,
            writer: "writer".into(),
            waiting: BTreeMap::new(),
            lines: 0,
        }
    }

    fn shown(&self) -> String {
        let lines: Vec<&str> = self.local.log.iter().map(|line| line.text.as_str()).collect();
        format!("{:?}\n{lines:#?}", self.local.files().keys())
    }

    fn said(&self, text: &str) -> usize {
        self.local.log.iter().filter(|line| line.text.contains(text)).count()
    }

    fn find(&mut self) -> Found {
        let mut numbers = |command: &str| match self.ask(command) {
            Reply::Array(items) => {
                items.iter().map(|item| text_of(item).parse().unwrap()).collect()
            }
            Reply::Null => Vec::new(),
            reply => vec![text_of(&reply).parse::<u64>().unwrap()],
        };
        Found {
            list: numbers("LRANGE log 0 -1"),
            pairs: numbers("LRANGE pairs 0 -1"),
            flushed: numbers("GET flushed").first().copied().unwrap_or(0),
            short: numbers("GET short").first().copied(),
        }
    }

    /// The reply to a command, which may have to wait for the disk.
    fn ask(&mut self, command: &str) -> Reply {
        self.local.send("finder", &encoded(&words_of(command))).unwrap();
        let mut bytes = Vec::new();
        loop {
            let arrived = self.local.receive(Patience::Quiet).into_iter();
            arrived.for_each(|(_, more, _)| bytes.extend(more));
            if let Some((reply, _)) = Reply::read(&bytes).unwrap() {
                return reply;
            }
            assert!(self.local.turn(), "no reply to {command}: {}", self.shown());
        }
    }

    /// Sends commands on a connection, which are followed by something when their last reply has come.
    fn send(&mut self, connection: &str, commands: &[&str], then: Then) {
        let bytes: Vec<u8> =
            commands.iter().flat_map(|command| encoded(&words_of(command))).collect();
        let waiting = self.waiting.entry(connection.to_owned()).or_default();
        waiting.push_back((commands.len(), then));
        self.local.send(connection, &bytes).unwrap();
    }

    /// Sends a command on a connection of its own, as it may have to wait for its reply.
    fn tell(&mut self, command: &str, then: Then) {
        self.connections += 1;
        self.send(&format!("other {}", self.connections), &[command], then);
    }

    fn act(&mut self, rng: &mut Rng, history: &mut History) {
        let value = rng.below(12) as usize;
        match rng.below(32) {
            0..11 => self.write(rng, history),
            11 if value < 3 => self.flush(history),
            12 | 23 => self.tell("BGREWRITEAOF", Then::Nothing),
            13 => self.save(value, history),
            14 if value < 3 => self.turn_file(value > 0),
            // Where the snapshot is that was promised is not followed.
            15 if value < 5 && (self.setting.is_aof || self.setting.is_page) => {
                self.tell(&format!("CONFIG SET dir {}", FOLDERS[value % 2]), Then::Nothing);
            }
            16 => self.set_policy(["always", "always", "everysec", "no"][value % 4]),
            17 if value < 4 => self.tell("DEBUG RELOAD", Then::Nothing),
            17 if self.is_on => self.tell("DEBUG LOADAOF", Then::Nothing),
            18 if value < 4 => self.shut_down(value),
            19 => {
                let settings =
                    ["aof-use-rdb-preamble", "aof-timestamp-enabled", "aof-disable-auto-gc"];
                let (name, value) = (settings[value % 3], ["yes", "no"][value % 2]);
                self.tell(&format!("CONFIG SET {name} {value}"), Then::Nothing);
            }
            20 => self.local.wait(rng.below(1500)),
            21 | 22 if !self.is_on && self.is_wanted => {
                self.tell("INFO persistence", Then::Looked(self.epoch))
            }
            _ => drop(self.local.turn()),
        }
    }

    /// The epoch in which replies promise what they do, if it is clear what that is.
    fn promises(&self) -> Option<u64> {
        (self.is_on && self.setting.is_aof && self.policy.is_some()).then_some(self.epoch)
    }

    fn write(&mut self, rng: &mut Rng, history: &mut History) {
        history.last += 1;
        let number = history.last;
        let then = Then::Told(number, self.promises());
        let mut change = Change { is_sent: true, ..Change::default() };
        let push = format!("RPUSH log {number}");
        let mut commands = vec![push];
        if number.is_multiple_of(3) {
            commands.push(format!("RPUSH pairs {number}"));
        }
        if number.is_multiple_of(5) {
            let ms = 1 + rng.below(3000);
            change.expires_ms = Some((self.local.now().unix_ms() as u64 + ms, u64::MAX));
            commands.push(format!("SET short {number} PX {ms}"));
        }
        if commands.len() > 1 {
            commands.insert(0, "MULTI".into());
            commands.push("EXEC".into());
        }
        history.pushes.insert(number, change);
        let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
        self.send(&self.writer.clone(), &commands, then);
    }

    fn flush(&mut self, history: &mut History) {
        history.last += 1;
        let number = history.last;
        let how = if number.is_multiple_of(2) { "FLUSHALL" } else { "FLUSHALL ASYNC" };
        history.flushes.insert(number, Change { is_sent: true, ..Change::default() });
        let mark = format!("SET flushed {number}");
        let then = Then::Told(number, self.promises());
        self.send(&self.writer.clone(), &["MULTI", how, &mark, "EXEC"], then);
    }

    fn save(&mut self, value: usize, history: &History) {
        let commands = ["SAVE", "SAVE", "SAVE", "BGSAVE", "BGSAVE SCHEDULE", "BGSAVE CANCEL"];
        let command = commands[value % commands.len()];
        let saved = command == "SAVE" && !self.setting.is_aof;
        self.tell(command, if saved { Then::Saved(history.told()) } else { Then::Nothing });
    }

    fn turn_file(&mut self, is_on: bool) {
        let is_loading = self.waiting.values().flatten().count() > 0;
        if is_on || !is_loading {
            (self.epoch, self.is_on, self.is_wanted) = (self.epoch + 1, false, is_on);
            let command = format!("CONFIG SET appendonly {}", if is_on { "yes" } else { "no" });
            self.tell(&command, Then::Nothing);
        }
    }

    fn set_policy(&mut self, policy: &'static str) {
        (self.epoch, self.policy) = (self.epoch + 1, None);
        // On one connection, so that the last reply is to the last command.
        self.send("policy", &[&format!("CONFIG SET appendfsync {policy}")], Then::Policy(policy));
    }

    fn shut_down(&mut self, value: usize) {
        let ways = ["SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN SAVE", "SHUTDOWN SAVE FORCE"];
        self.tell(ways[value % ways.len()], Then::Nothing);
    }

    /// Hears what has arrived and what the log says.
    fn listen(&mut self, history: &mut History, tally: &mut Tally) {
        for (name, bytes, closed) in self.local.receive(Patience::Quiet) {
            let mut rest = &bytes[..];
            while let Some((reply, length)) = Reply::read(rest).unwrap() {
                rest = &rest[length..];
                let Some(waiting) = self.waiting.get_mut(&name) else { continue };
                let Some((left, then)) = waiting.front_mut() else { continue };
                *left -= 1;
                if *left == 0 {
                    let then = *then;
                    waiting.pop_front();
                    self.replied(&reply, then, history);
                }
            }
            if closed {
                self.waiting.remove(&name);
                if name == self.writer {
                    self.connections += 1;
                    self.writer = format!("writer {}", self.connections);
                }
            }
        }
        for line in self.local.log.iter().skip(mem::replace(&mut self.lines, self.local.log.len()))
        {
            if line.text.starts_with("Background AOF rewrite finished") {
                tally.moves += usize::from(history.home != self.local.disk.folder());
                self.local.disk.folder().clone_into(&mut history.home);
            }
        }
    }

    fn replied(&mut self, reply: &Reply, then: Then, history: &mut History) {
        let is_refused = matches!(reply, Reply::Error(_));
        match then {
            Then::Told(number, epoch) => {
                let now_ms = self.local.now().unix_ms() as u64;
                let change = history.change(number);
                change.is_sent = !is_refused;
                change.is_told = !is_refused;
                change.expires_ms =
                    change.expires_ms.map(|(early_ms, _)| (early_ms, now_ms + 3000));
                if !is_refused && epoch == Some(self.epoch) {
                    history.written = history.written.max(number);
                    if self.policy == Some("always") {
                        history.safe = history.safe.max(number);
                    }
                }
            }
            Then::Saved(number) if !is_refused => {
                history.safe = history.safe.max(number);
                history.written = history.written.max(number);
            }
            Then::Policy(policy) => {
                // Several may be under way.
                let is_last = !self
                    .waiting
                    .values()
                    .flatten()
                    .any(|(_, then)| matches!(then, Then::Policy(_)));
                self.policy = is_last.then_some(policy).filter(|_| !is_refused);
            }
            Then::Looked(epoch) if epoch == self.epoch && self.is_wanted && !is_refused => {
                let text = text_of(reply);
                let says = |line: &str| text.lines().any(|other| other == line);
                let is_on =
                    ["aof_enabled:1", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"];
                if is_on.into_iter().all(says) {
                    (self.epoch, self.is_on) = (self.epoch + 1, true);
                }
            }
            Then::Nothing | Then::Saved(_) | Then::Looked(_) => {}
        }
    }
}

impl History {
    fn change(&mut self, number: u64) -> &mut Change {
        self.pushes.get_mut(&number).or_else(|| self.flushes.get_mut(&number)).unwrap()
    }

    /// The last change that was told.
    fn told(&self) -> u64 {
        let all = self.pushes.iter().chain(&self.flushes);
        all.filter(|(_, change)| change.is_told).map(|(&number, _)| number).max().unwrap_or(0)
    }

    /// Compares what was found with what may be there. What is not there was never done.
    fn check(&mut self, found: &Found, now: Time, context: &str) {
        let context = format!("{context}\n{found:?}, promised {}", self.written);
        let last = found.list.last().copied().unwrap_or(0).max(found.flushed);
        assert!(last >= self.written, "lost: {context}");
        assert!(found.list.is_sorted_by(|one, other| one < other), "in disorder: {context}");
        let is_flush = self.flushes.get(&found.flushed).is_some_and(|change| change.is_sent);
        assert!(found.flushed == 0 || is_flush, "never flushed: {context}");
        let list: BTreeSet<u64> = found.list.iter().copied().collect();
        for number in &list {
            assert!(
                self.pushes.get(number).is_some_and(|change| change.is_sent),
                "never pushed: {context}"
            );
            assert!(*number > found.flushed, "flushed and there: {context}");
        }
        for (&number, change) in self.pushes.range(found.flushed..=last) {
            assert!(!change.is_told || list.contains(&number), "{number} is not there: {context}");
        }
        for (&number, change) in self.flushes.range(found.flushed..=last) {
            assert!(!change.is_told || number == found.flushed, "{number} was flushed: {context}");
        }
        let multiples =
            |of: u64| found.list.iter().copied().filter(move |number| number.is_multiple_of(of));
        assert!(multiples(3).eq(found.pairs.iter().copied()), "half done: {context}");
        let short = multiples(5).next_back();
        let (early_ms, late_ms) =
            short.map_or((0, 0), |number| self.pushes[&number].expires_ms.unwrap());
        let now_ms = now.unix_ms() as u64;
        match found.short {
            None => assert!(early_ms <= now_ms, "gone too early: {context}"),
            Some(value) => assert!(short == Some(value) && late_ms >= now_ms, "too old: {context}"),
        }
        self.pushes.retain(|number, _| *number <= last);
        self.flushes.retain(|number, _| *number <= last);
        for number in list {
            self.change(number).is_told = true;
        }
    }
}
