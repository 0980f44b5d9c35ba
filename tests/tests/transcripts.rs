//! Every transcript, played in this process; and everything twice, to see that it is the same.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::path::{Path, PathBuf};

use redstart_tests::local::Local;
use redstart_tests::play::{self, Patience, Stage};
use redstart_tests::transcript::{self, Scenario};

/// All transcripts: file and scenarios.
fn all() -> Vec<(PathBuf, Vec<Scenario>)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                let scenarios = transcript::parse(&text).unwrap();
                found.push((path, scenarios));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn transcripts_hold_in_process() {
    let (mut failures, mut count) = (String::new(), 0);
    for (path, scenarios) in all() {
        for scenario in scenarios {
            count += 1;
            if let Err(failure) = play::check(&mut Local::for_tests(), &scenario) {
                let title = scenario.title.join(" ");
                failures +=
                    &format!("{}:{}: {title}\n{}\n", path.display(), failure.line, failure.text);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(count > 0, "no transcripts found");
}

/// A stage that keeps every byte that arrives.
struct Recorder {
    local: Local,
    seen: Vec<(String, Vec<u8>, bool)>,
}

impl Stage for Recorder {
    fn send(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        self.local.send(name, bytes)
    }

    fn hangup(&mut self, name: &str) {
        self.local.hangup(name);
    }

    fn wait(&mut self, ms: u64) {
        self.local.wait(ms);
    }

    fn receive(&mut self, patience: Patience<'_>) -> Vec<(String, Vec<u8>, bool)> {
        let arrived = self.local.receive(patience);
        self.seen.extend_from_slice(&arrived);
        arrived
    }
}

#[test]
fn two_runs_of_one_seed_are_the_same() {
    for (path, scenarios) in all() {
        for scenario in scenarios {
            let run = || {
                let mut stage = Recorder { local: Local::for_tests(), seen: Vec::new() };
                let _ = play::check(&mut stage, &scenario);
                (stage.seen, stage.local.log.clone(), stage.local.files())
            };
            let (first, second) = (run(), run());
            assert!(first.0 == second.0, "{}:{}: replies", path.display(), scenario.line);
            assert!(first.1 == second.1, "{}:{}: log", path.display(), scenario.line);
            assert!(first.2 == second.2, "{}:{}: disk", path.display(), scenario.line);
        }
    }
}
