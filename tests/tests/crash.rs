//! Crashes, on a disk that lies: after each one the file loads, and holds what was promised.
//!
//! `CRASH_SEEDS` and `CRASH_SEED` ask for more, or for one seed again.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeMap;

use redstart::base::rng::{Rng, Seed};
use redstart::engine::Config;
use redstart::node::Level;
use redstart_tests::disk::{Faults, SimDisk};
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};

const SEEDS: u64 = 1000;
/// How often the machine fails under one seed.
const LIVES: u64 = 3;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn after_a_crash_there_is_what_was_promised() {
    let first = number("CRASH_SEED").unwrap_or(1);
    let (mut saves, mut failures) = (0, 0);
    for seed in first..first + number("CRASH_SEEDS").unwrap_or(SEEDS) {
        let mut rng = Rng::new(Seed::of(seed));
        let mut disk = SimDisk::new(Seed::of(seed), BTreeMap::new());
        // What may be there: the snapshot that was promised, and those begun since.
        let mut possible: Vec<String> = Vec::new();
        for life in 0..LIVES {
            let mut world = World::new(seed * LIVES + life, disk);
            let found = world.digest();
            assert!(
                possible.is_empty() || possible.contains(&found),
                "CRASH_SEED={seed}, life {life}: what was found was never saved"
            );
            possible = vec![found];
            world.local.disk.faults = match rng.below(3) {
                0 => Faults::default(),
                1 => Faults { sync: 3, full: 0, any: 0 },
                _ => Faults { sync: 8, full: 6, any: 0 },
            };
            for _ in 0..rng.below(60) {
                world.act(&mut rng, &mut possible);
            }
            saves += world.saved;
            failures += world.failed;
            disk = world.local.disk.crash();
        }
    }
    // The test must meet what it is about.
    if number("CRASH_SEED").is_none() {
        assert!(saves > 700 && failures > 300, "{saves} saves, {failures} failures");
    }
}

struct World {
    local: Local,
    saved: usize,
    failed: usize,
    clients: usize,
}

impl World {
    fn new(seed: u64, disk: SimDisk) -> Self {
        let mut config = Config::default();
        for (name, value) in [("save", ""), ("enable-debug-command", "yes")] {
            config.set_named(name, value).unwrap();
        }
        let mut local = Local::on(config, Seed::of(seed), disk);
        let warnings = local.log.iter().filter(|record| record.level == Level::Warning);
        assert_eq!(warnings.count(), 0, "seed {seed}: {:?}", local.log);
        local.is_slow = true;
        Self { local, saved: 0, failed: 0, clients: 0 }
    }

    fn digest(&mut self) -> String {
        self.run("a", "DEBUG DIGEST")
    }

    fn act(&mut self, rng: &mut Rng, possible: &mut Vec<String>) {
        let (key, value) = (rng.below(20), rng.below(1000));
        match rng.below(12) {
            0..4 => drop(self.run("a", &format!("SET key:{key} {value}"))),
            4 => drop(self.run("a", &format!("RPUSH list:{key} {value}"))),
            5 => drop(self.run("a", &format!("DEL key:{key} list:{key}"))),
            6 if value < 20 => {
                // Enough for a file that is written in several pieces.
                let long = value.to_string().repeat(150_000);
                self.run("a", &format!("SET long:{key} {long}"));
            }
            7 => {
                let now = self.digest();
                let command = if value < 500 { "SAVE" } else { "BGSAVE" };
                // One who waits for SAVE cannot ask again.
                self.clients += 1;
                let client = format!("saver {}", self.clients);
                if !self.run(&client, command).starts_with('-') {
                    possible.push(now);
                }
            }
            8 if value < 100 => drop(self.run("b", "BGSAVE CANCEL")),
            _ => self.turn(possible),
        }
    }

    fn turn(&mut self, possible: &mut Vec<String>) {
        self.local.turn();
        let said = |local: &Local, text: &str| {
            local.log.iter().filter(|record| record.text.starts_with(text)).count()
        };
        let saved = said(&self.local, "DB saved on disk");
        if saved > self.saved {
            // One is under way at a time, so it is the one that was begun last.
            possible.drain(..possible.len() - 1);
        }
        self.saved = saved;
        self.failed = said(&self.local, "Write error saving DB on disk");
    }

    fn run(&mut self, connection: &str, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
        }
        self.local.send(connection, &bytes).unwrap();
        let mut replies = Vec::new();
        for (name, bytes, _) in self.local.receive(Patience::Quiet) {
            if name == connection {
                replies.extend(bytes);
            }
        }
        String::from_utf8_lossy(&replies).into_owned()
    }
}
