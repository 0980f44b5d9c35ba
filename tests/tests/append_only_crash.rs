//! The append-only file with `appendfsync always` on a disk that lies: whatever fails, nothing that was
//! said to be done is lost, and nothing is found that was not done, or done in half.
//!
//! `CRASH_SEEDS` asks for more, `CRASH_SEED` for those from one on.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeMap;

use redstart::base::rng::{Rng, Seed};
use redstart::engine::Config;
use redstart::resp::Reply;
use redstart_tests::disk::{Faults, SimDisk};
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};
use redstart_tests::wire::{ask, encoded, text_of, words_of};

/// Seeds of one run …
const SEEDS: u64 = 1000;
/// … and how often the machine fails under each.
const LIVES: u64 = 3;

fn config(seed: u64, policy: &str) -> Config {
    let mut config = Config::default();
    let settings = [
        ("save", ""),
        ("enable-debug-command", "yes"),
        ("appendonly", "yes"),
        ("appendfsync", policy),
        ("aof-use-rdb-preamble", if seed.is_multiple_of(3) { "no" } else { "yes" }),
    ];
    for (name, value) in settings {
        config.set_named(name, value).unwrap();
    }
    config
}

fn record(words: &str) -> Vec<u8> {
    encoded(&words_of(words))
}

/// One who adds numbers to a list, in order, and counts those that were said to be added.
struct Writer {
    local: Local,
    sent: u64,
    told: u64,
    connection: u64,
    /// The file was turned on, and its first base is not there yet: nothing is promised of what is
    /// written meanwhile, but that nothing is lost of what was promised before.
    is_starting: bool,
    /// When it was told how much, by the virtual clock.
    times: Vec<(u64, u64)>,
}

impl Writer {
    fn new(local: Local) -> Self {
        let times = Vec::new();
        Self { local, sent: 0, told: 0, connection: 0, is_starting: false, times }
    }

    /// Turns the file off and on again.
    fn restart_file(&mut self) {
        for value in ["no", "yes"] {
            let command = record(&format!("CONFIG SET appendonly {value}"));
            self.local.send("other", &command).unwrap();
            self.local.turn();
        }
        self.is_starting = true;
    }

    fn look_whether_it_is_on(&mut self) {
        let info = text_of(&ask(&mut self.local, "INFO persistence"));
        let is_on = |line: &str| info.lines().any(|other| other == line);
        self.is_starting =
            !(is_on("aof_rewrite_in_progress:0") && is_on("aof_rewrite_scheduled:0"));
    }

    fn write(&mut self) {
        self.sent += 1;
        let command = match self.sent % 3 {
            // Only both or none of them.
            0 => {
                let number = self.sent;
                [
                    record("MULTI"),
                    record(&format!("RPUSH log {number}")),
                    record("INCR n"),
                    record("EXEC"),
                ]
                .concat()
            }
            _ => [record(&format!("RPUSH log {}", self.sent)), record("INCR n")].concat(),
        };
        let name = format!("writer {}", self.connection);
        self.local.send(&name, &command).unwrap();
        self.listen();
    }

    fn listen(&mut self) {
        let current = format!("writer {}", self.connection);
        for (name, bytes, closed) in self.local.receive(Patience::Quiet) {
            if name != current {
                continue;
            }
            let mut rest = &bytes[..];
            while let Some((reply, length)) = Reply::read(rest).unwrap() {
                rest = &rest[length..];
                // Only the list grows by what it says; the other counts the same.
                match reply {
                    Reply::Int(number) => self.told = self.told.max(number as u64),
                    Reply::Array(parts) => {
                        if let Some(Reply::Int(number)) = parts.first() {
                            self.told = self.told.max(*number as u64);
                        }
                    }
                    _ => {}
                }
            }
            if closed {
                self.connection += 1;
            }
        }
        self.times.push((self.local.now().mono.0, self.told));
    }

    /// How much it was told up to this time, in microseconds.
    fn told_by(&self, at_us: u64) -> u64 {
        let before = self.times.iter().take_while(|(time_us, _)| *time_us <= at_us);
        before.last().map_or(0, |&(_, told)| told)
    }
}

/// With `always`, whatever fails: nothing that was said to be done is lost, and nothing is there that
/// was not done, or done in half.
#[test]
fn what_was_said_to_be_done_is_found_after_a_crash() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first: u64 = number("CRASH_SEED").unwrap_or(1);
    let (mut told_in_all, mut rewrites, mut failures) = (0, 0, 0);
    for seed in first..first + number("CRASH_SEEDS").unwrap_or(SEEDS) {
        let mut rng = Rng::new(Seed::of(seed));
        let mut disk = SimDisk::new(Seed::of(seed), BTreeMap::new());
        let mut told = 0;
        for life in 0..LIVES {
            let local = Local::on(config(seed, "always"), Seed::of(seed), disk);
            let mut writer = Writer::new(local);
            let found = ask(&mut writer.local, "LRANGE log 0 -1");
            let Reply::Array(found) = found else { panic!("{found:?}") };
            let found: Vec<u64> = found.iter().map(|item| text_of(item).parse().unwrap()).collect();
            let log: Vec<String> =
                writer.local.log.iter().map(|record| record.text.clone()).collect();
            assert!(
                found.len() as u64 >= told && found.windows(2).all(|pair| pair[0] < pair[1]),
                "CRASH_SEED={seed}, life {life}: {told} were told, found: {found:?}\n{log:#?}"
            );
            let n = ask(&mut writer.local, "GET n");
            let n: u64 = if n == Reply::Null { 0 } else { text_of(&n).parse().unwrap() };
            assert!(found.len() as u64 - n <= 1, "CRASH_SEED={seed}: {n} of {}", found.len());
            (writer.sent, writer.told) = (found.last().copied().unwrap_or(0), found.len() as u64);
            ask(&mut writer.local, &format!("SET n {}", found.len()));
            writer.local.is_slow = true;
            writer.local.disk.faults = match rng.below(3) {
                0 => Faults::default(),
                1 => Faults { sync: 6, full: 0, any: 0 },
                _ => Faults { sync: 12, full: 6, any: 0 },
            };
            for _ in 0..rng.below(80) {
                match rng.below(10) {
                    _ if writer.is_starting => {
                        writer.local.turn();
                        if rng.below(8) == 0 {
                            writer.local.wait(500);
                        }
                        writer.look_whether_it_is_on();
                    }
                    0..4 => writer.write(),
                    4 if rng.below(3) == 0 => {
                        writer.local.send("other", &record("BGREWRITEAOF")).unwrap();
                    }
                    4 if rng.below(20) == 0 => writer.restart_file(),
                    5 => writer.local.wait(rng.below(1500)),
                    _ => drop(writer.local.turn()),
                }
                writer.listen();
            }
            if rng.below(3) == 0 {
                // It is told to end, and may not get that far.
                writer.local.send("other", &record("SHUTDOWN NOSAVE")).unwrap();
                (0..rng.below(8)).for_each(|_| _ = writer.local.turn());
                writer.listen();
            }
            told = writer.told;
            told_in_all += told;
            let said = |text: &str| {
                let lines = writer.local.log.iter();
                lines.filter(|record| record.text.starts_with(text)).count()
            };
            rewrites += said("Background AOF rewrite finished");
            failures += said("Background AOF rewrite failed");
            disk = writer.local.disk.crash();
        }
    }
    // The test must meet what it is about.
    if number("CRASH_SEED").is_none() {
        assert!(told_in_all > 5000, "{told_in_all} were told");
        assert!(rewrites > 1000 && failures > 200, "{rewrites} rewrites, {failures} failures");
    }
}

/// The end of the process alone: with `everysec` and `no`, too, what was said to be done is there, where
/// the host writes at once.
#[test]
fn without_a_crash_of_the_machine_nothing_is_lost() {
    let (mut told_in_all, mut unwritten) = (0, 0);
    for seed in 1..=SEEDS / 4 {
        let policy = if seed.is_multiple_of(2) { "no" } else { "everysec" };
        let mut rng = Rng::new(Seed::of(seed));
        let mut disk = SimDisk::new(Seed::of(seed), BTreeMap::new());
        let (mut sent, mut told) = (0, 0);
        for life in 0..LIVES {
            let mut writer = Writer::new(Local::on(config(seed, policy), Seed::of(seed), disk));
            let Reply::Int(count) = ask(&mut writer.local, "LLEN log") else { panic!() };
            let count = count as u64;
            assert!(
                count >= told,
                "seed {seed}, life {life}, {policy}: {told} told, {count} found"
            );
            unwritten += sent - count;
            (writer.sent, writer.told) = (count, count);
            ask(&mut writer.local, &format!("SET n {count}"));
            writer.local.write_before_replies();
            writer.local.is_slow = true;
            for _ in 0..rng.below(60) {
                match rng.below(10) {
                    0..6 => writer.write(),
                    6 if rng.below(4) == 0 => {
                        writer.local.send("other", &record("BGREWRITEAOF")).unwrap();
                    }
                    7 => writer.local.wait(rng.below(500)),
                    _ => drop(writer.local.turn()),
                }
                writer.listen();
            }
            told_in_all += writer.told - count;
            (sent, told) = (writer.sent, writer.told);
            disk = writer.local.disk;
        }
    }
    assert!(told_in_all > 1000 && unwritten > 100, "{told_in_all} told, {unwritten} never written");
}

/// With `everysec` and a disk that does what it is asked within half a second, a crash takes the last
/// two seconds at most. With `no` it may take anything, but what is left is the beginning of it all.
#[test]
fn everysec_loses_two_seconds_at_most() {
    const LOST_US_MAX: u64 = 2_000_000;
    let (mut lost, mut kept) = (0, 0);
    for seed in 1..=SEEDS {
        let policy = if seed.is_multiple_of(4) { "no" } else { "everysec" };
        let mut rng = Rng::new(Seed::of(seed));
        let mut disk = SimDisk::new(Seed::of(seed), BTreeMap::new());
        let (mut promised, mut told) = (0, 0_u64);
        for life in 0..LIVES {
            let local = Local::on(config(seed, policy), Seed::of(seed), disk);
            let mut writer = Writer::new(local);
            let Reply::Array(found) = ask(&mut writer.local, "LRANGE log 0 -1") else { panic!() };
            let found: Vec<u64> = found.iter().map(|item| text_of(item).parse().unwrap()).collect();
            let count = found.len() as u64;
            let is_whole = found.iter().zip(1..).all(|(&found, number)| found == number);
            assert!(
                is_whole && count >= promised,
                "seed {seed}, life {life}, {policy}: {promised} promised of {told}: {found:?}"
            );
            lost += told.saturating_sub(count);
            kept += count;
            (writer.sent, writer.told) = (count, count);
            // What counts with it must be as long.
            ask(&mut writer.local, &format!("SET n {count}"));
            writer.local.is_slow = true;
            for _ in 0..rng.below(60) {
                match rng.below(10) {
                    0..5 => writer.write(),
                    5 if rng.below(8) == 0 => {
                        writer.local.send("other", &record("BGREWRITEAOF")).unwrap();
                    }
                    _ => {
                        writer.local.wait(rng.below(500));
                        while writer.local.turn() {}
                    }
                }
                writer.listen();
            }
            let now_us = writer.local.now().mono.0;
            promised = match policy {
                "everysec" => writer.told_by(now_us.saturating_sub(LOST_US_MAX)),
                _ => 0,
            };
            told = writer.told;
            disk = writer.local.disk.crash();
        }
    }
    assert!(lost > 1000 && kept > 1000, "{lost} lost, {kept} kept: the test must meet both");
}
