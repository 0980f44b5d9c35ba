//! Kills the browser at random moments while a page writes, and looks at what is found again.
//!
//! `page_kill [ROUNDS]`, with the page's address in `REDSTART_PAGE`. With `appendfsync always`, every
//! write that was answered must be there; with `everysec`, every write answered two seconds before; with
//! snapshots alone, what was there when a SAVE that was answered began. These hold enough besides that
//! most kills come while one is being written. Whatever happened, the store must open again. Each client
//! adds the numbers 1, 2, 3 … to a list of its own, so that what is found shows at once whether something
//! is missing in the middle.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a program that measures real time and says what it found"
)]

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use redstart::base::rng::{Rng, Seed};
use redstart_tests::browser::{Browser, Result, wait};
use redstart_tests::writers::{self, numbers};

const CLIENTS: usize = 3;
/// What `everysec` may lose.
const EVERYSEC_LOSS: Duration = Duration::from_secs(2);
/// The shortest and the longest time from the first write to the end.
const KILL_MS: (u64, u64) = (50, 1500);

/// What the server's log says when Chromium has removed its database because that was broken. It breaks
/// them itself: it goes on writing behind a half record, which it cannot read at the next start. The page
/// sees to it that this lasts for its first moments only, so it is rare; such a round is told and not
/// judged.
const REMOVED: &str = "The browser has removed all data";

/// Has the page tell which worker it starts, once that one takes messages.
const WATCH_WORKER: &str = r#"
    window.Worker = class extends Worker {
        constructor(...words) {
            super(...words);
            this.addEventListener("message", ({ data }) => {
                if (data[0] === "Ready") window.engine = this;
            });
        }
    };
"#;

/// Begins to write; `window.told` is what was answered: of each client, and of SAVE.
const WRITE: &str = r#"
    const [first, settings, rewrite, saves] = arguments;
    window.told = { answered: first.slice(), saved: first.slice() };
    const write = async (client) => {
        const ask = window.connect();
        for (let next = first[client] + 1; ; next++) {
            const reply = await ask("RPUSH", `list:${client}`, String(next));
            if (reply !== String(next)) return void (window.told.error ??= String(reply));
            window.told.answered[client] = next;
        }
    };
    (async () => {
        const ask = window.connect();
        for (const words of settings) {
            const reply = await ask(...words);
            if (reply !== "OK") window.told.error ??= reply;
        }
        // Nothing is promised before the first base is there.
        const isOn = /aof_rewrite_in_progress:0[^]*aof_rewrite_scheduled:0/;
        while (!saves && !isOn.test(await ask("INFO", "persistence")));
        for (let client = 0; client < first.length; client++) write(client);
        if (rewrite) await ask("BGREWRITEAOF");
        while (saves) {
            const before = window.told.answered.slice();
            window.told.saving = true;
            if ((await ask("SAVE")) === "OK") window.told.saved = before;
            window.told.saving = false;
        }
    })();
"#;

/// How a store keeps its data, and what that promises.
struct Mode {
    name: &'static str,
    settings: &'static [&'static [&'static str]],
    promise: Promise,
}

enum Promise {
    /// All that was answered.
    Answered,
    /// All that was answered so long before.
    AnsweredBefore(Duration),
    /// All that was there when a SAVE began that was answered.
    Saved,
}

const MODES: [Mode; 3] = [
    Mode {
        name: "appendfsync always",
        settings: &[&["CONFIG", "SET", "save", "", "appendfsync", "always", "appendonly", "yes"]],
        promise: Promise::Answered,
    },
    Mode {
        name: "appendfsync everysec",
        settings: &[&["CONFIG", "SET", "save", "", "appendonly", "yes"]],
        promise: Promise::AnsweredBefore(EVERYSEC_LOSS),
    },
    Mode {
        name: "snapshots alone",
        settings: &[&["DEBUG", "POPULATE", "10000", "filler", "1000"]],
        promise: Promise::Saved,
    },
];

/// What the page was told, and when it was asked.
struct Told {
    at: Instant,
    answered: Vec<u64>,
    saved: Vec<u64>,
    is_saving: bool,
}

fn main() -> Result<()> {
    let address = std::env::var("REDSTART_PAGE").map_err(|_| "REDSTART_PAGE is not set")?;
    let rounds: u64 =
        std::env::args().nth(1).map_or(Ok(4), |text| text.parse()).map_err(|_| "no number")?;
    for mode in &MODES {
        let profile = std::env::temp_dir().join(format!("redstart-kill-{}", std::process::id()));
        let result = play(&address, &profile, mode, rounds);
        let _ = std::fs::remove_dir_all(&profile);
        let (writes, saving) = result.map_err(|error| format!("{}: {error}", mode.name))?;
        let name = mode.name;
        println!(
            "    {name}: killed {rounds} times among {writes} writes, {saving} of them during a SAVE, \
             none lost"
        );
    }
    Ok(())
}

/// Kills the browser `rounds` times; returns how many writes were answered, and how often it was killed
/// during a SAVE.
fn play(address: &str, profile: &Path, mode: &Mode, rounds: u64) -> Result<(u64, u32)> {
    let mut rng = Rng::new(Seed::of(rounds));
    let mut promised = vec![0; CLIENTS];
    let (mut writes, mut saving) = (0, 0);
    let mut is_new = true;
    for round in 0..=rounds {
        let browser = Browser::start_with(profile)?;
        browser.script_first(&[WATCH_WORKER, &writers::connect()].concat())?;
        browser.go(address)?;
        let found = look(&browser);
        // What the page says of itself, and the server's log.
        let page = browser.script("return document.body.textContent", &[]).unwrap_or_default();
        if page.as_str().is_some_and(|page| page.contains(REMOVED)) {
            println!("    {}: the browser has broken its own database", mode.name);
            (is_new, promised) = (true, vec![0; CLIENTS]);
        }
        let found = found
            .and_then(|found| check(found, &promised))
            .map_err(|error| format!("round {round}: {error}\n{page}"))?;
        if round == rounds {
            break;
        }
        let saves = matches!(mode.promise, Promise::Saved);
        // What was set once stays set. A kill can come before that: then nothing was promised.
        let settings = if is_new { mode.settings } else { &[] };
        let args = [
            found.clone().into(),
            settings.into(),
            (!saves && round % 3 == 1).into(),
            saves.into(),
        ];
        browser.script(WRITE, &args)?;
        let wait_ms = KILL_MS.0 + rng.below(KILL_MS.1 - KILL_MS.0);
        let (told, killed) = watch_and_kill(&browser, Duration::from_millis(wait_ms))?;
        let is_old = |told: &&Told, loss: Duration| told.at + loss <= killed;
        let kept = match mode.promise {
            Promise::Answered => told.last().map(|told| told.answered.clone()),
            Promise::Saved => told.last().map(|told| told.saved.clone()),
            Promise::AnsweredBefore(loss) => {
                told.iter().rfind(|told| is_old(told, loss)).map(|told| told.answered.clone())
            }
        };
        let last = told.last().map(|told| told.answered.iter().sum());
        saving += u32::from(told.last().is_some_and(|told| told.is_saving));
        writes += last.unwrap_or(0).max(found.iter().sum()) - found.iter().sum::<u64>();
        promised = kept.unwrap_or(found);
        is_new = promised.iter().all(|&count| count == 0);
    }
    if writes == 0 {
        return Err("no write was answered, so nothing was tried".to_owned());
    }
    Ok((writes, saving))
}

/// What was found, if it is all that was promised.
fn check(found: Vec<u64>, promised: &[u64]) -> Result<Vec<u64>> {
    match found.iter().zip(promised).position(|(found, promised)| found < promised) {
        Some(client) => Err(format!("found {found:?} of {promised:?}, see list:{client}")),
        None => Ok(found),
    }
}

/// The lengths of the lists, each of which must be whole.
fn look(browser: &Browser) -> Result<Vec<u64>> {
    wait("the worker", || {
        let is_there = browser.script("return Boolean(window.engine)", &[])?;
        Ok((is_there == true).then_some(()))
    })?;
    writers::lengths(browser, CLIENTS)
}

/// Kills the browser after `time`; returns what the page was told until then.
fn watch_and_kill(browser: &Browser, time: Duration) -> Result<(Vec<Told>, Instant)> {
    let mut all = Vec::new();
    let begun = Instant::now();
    let (end, ended) = mpsc::channel::<()>();
    let killed = thread::scope(|scope| {
        let killer = scope.spawn(move || {
            // Ended early where the page says that something is wrong.
            let is_time = ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
            let killed = Instant::now();
            if is_time { browser.kill().map(|()| killed) } else { Ok(killed) }
        });
        // Asking fails when there is nobody to answer any more.
        while let Ok(told) = browser.script("return window.told", &[]) {
            if let Some(error) = told["error"].as_str() {
                drop(end);
                return Err(format!("a write was refused: {error}"));
            }
            let (answered, saved) = (numbers(&told["answered"]), numbers(&told["saved"]));
            let is_saving = told["saving"] == true;
            all.push(Told { at: Instant::now(), answered, saved, is_saving });
            if begun.elapsed() > time + Duration::from_secs(30) {
                return Err("the browser cannot be killed".to_owned());
            }
        }
        killer.join().map_err(|_| "the killer has panicked".to_owned())?
    })?;
    Ok((all, killed))
}
