//! The tab that hosts a store goes away among writes, and another one takes over.
//!
//! Clients in both tabs write, and one more now and then asks for what was written to be safe. What was
//! answered before must be there afterwards. Whoever waited for an answer hears that there will be none,
//! looks what has become of its last write, and goes on: so nothing is missing, and nothing done twice.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::base::rng::{Rng, Seed};
use redstart_tests::browser::{Browser, wait};
use redstart_tests::page::Page;
use redstart_tests::writers;
use serde_json::{Value, json};

/// Clients in each tab; those of the guest come first.
const CLIENTS: usize = 2;
/// The most writes that a tab has answered when the host is told to go.
const WRITES_MAX: u64 = 30;

/// Begins to write. `told` is the last number of each client that was answered, and that is known to be safe,
/// how many writes were answered, how many connections were lost, and the writes answered on others then.
const WRITE: &str = r#"
    const [first, count, safe] = arguments;
    const told = { answered: [], safe: [], writes: 0, lost: 0, after: 0, running: 0 };
    Object.assign(window, { told, engine: redstart.engine(), isOver: false });
    const fail = (...words) => { told.error ??= words.join(" "); };
    const write = async (client) => {
        const list = `list:${client}`;
        let ask = window.connect();
        while (!window.isOver) {
            let length = Number((await ask("LLEN", list)) ?? -1);
            if (length >= 0 && length < (told.safe[client] ?? 0)) {
                return fail(list, "has", length, "of", told.safe[client]);
            }
            while (length >= 0 && !window.isOver) {
                length += 1;
                const reply = await ask("RPUSH", list, String(length));
                if (reply !== null && reply !== String(length)) return fail(list, length, "gave", reply);
                if (reply === null) break;
                told.answered[client] = length;
                told.writes += 1;
                if (!safe) told.safe[client] = length;
                if (told.lost) told.after += 1;
            }
            if (window.isOver) break;
            told.lost += 1;
            ask = window.connect();
        }
        told.running -= 1;
    };
    const save = async () => {
        let ask = window.connect();
        while (!window.isOver) {
            const before = told.answered.slice();
            let reply;
            for (const words of safe) reply = await ask(...words);
            if (reply === null) ask = window.connect();
            // SAVE is refused while another snapshot is made.
            else if (reply[0] !== "-") told.safe = before;
        }
        told.running -= 1;
    };
    for (let client = first; client < first + count; client++, told.running++) write(client);
    if (safe) {
        save();
        told.running++;
    }
"#;

/// How a tab goes away.
#[derive(Clone, Copy, Debug)]
enum Leave {
    Closed,
    Reloaded,
    /// It shows something else, and then the page again.
    Elsewhere,
}

/// Two tabs of one store.
struct Tabs {
    page: Page,
    host: String,
    guest: String,
}

impl Tabs {
    fn open(settings: &str) -> Self {
        let page = Page::open();
        page.pane(1).run(settings, "OK");
        let [host, guest] = page.second_tab();
        Self { page, host, guest }
    }

    fn browser(&self) -> &Browser {
        &self.page.browser
    }

    /// Begins to write in the tab that commands go to.
    fn write(&self, first: usize, safe: &[&[&str]]) {
        self.page.pane(1).run("PING", "PONG");
        let safe = if safe.is_empty() { Value::Null } else { json!(safe) };
        let script = [&writers::connect(), WRITE].concat();
        let args = [json!(first), json!(CLIENTS), safe];
        self.browser().script(&script, &args).unwrap();
    }

    /// What the clients of the tab that commands go to were told.
    fn told(&self) -> Value {
        let told = self.browser().script("return window.told", &[]).unwrap();
        assert_eq!(told["error"], Value::Null, "{told}");
        told
    }

    /// Waits until they were told what `is_it` looks for.
    #[track_caller]
    fn until(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let seen = wait("the clients", || {
            last = self.told();
            Ok(is_it(&last).then_some(()))
        });
        assert!(seen.is_ok(), "{last}");
        last
    }

    /// Writes in both tabs until the host goes, and has the guest take over.
    fn round(&mut self, leave: Leave, writes: u64, safe: &[&[&str]]) {
        let browser = &self.page.browser;
        let has_written = |told: &Value| told["writes"].as_u64() >= Some(writes);
        self.write(0, safe);
        browser.switch(&self.host).unwrap();
        self.write(CLIENTS, safe);
        browser.switch(&self.guest).unwrap();
        self.until(has_written);
        browser.switch(&self.host).unwrap();
        let told = self.until(has_written);
        match leave {
            Leave::Closed => browser.close_tab().unwrap(),
            Leave::Reloaded => browser.reload().unwrap(),
            Leave::Elsewhere => browser.go("about:blank").unwrap(),
        }
        browser.switch(&self.guest).unwrap();
        self.until(|told| told["after"].as_u64() > Some(0));
        self.page.pane(1).run("PING", "PONG");
        browser.script("window.isOver = true", &[]).unwrap();
        let here = self.until(|told| told["running"] == 0);
        assert_eq!(here["lost"], CLIENTS, "{here}");
        let lengths = writers::lengths(browser, 2 * CLIENTS).unwrap();
        let promised = writers::numbers(&told["safe"]);
        let promised = promised.iter().skip(CLIENTS).zip(&lengths[CLIENTS..]);
        assert!(promised.clone().all(|(safe, found)| found >= safe), "{promised:?}");
        assert_eq!(writers::numbers(&here["answered"]), lengths[..CLIENTS]);
    }

    /// Who took over is the host now, and another tab is its guest.
    fn change(&mut self, leave: Leave) {
        let browser = &self.page.browser;
        match leave {
            Leave::Closed => [self.host, self.guest] = self.page.second_tab(),
            Leave::Reloaded | Leave::Elsewhere => {
                browser.switch(&self.host).unwrap();
                if matches!(leave, Leave::Elsewhere) {
                    browser.back().unwrap();
                }
                std::mem::swap(&mut self.host, &mut self.guest);
            }
        }
        self.page.pane(1).run("PING", "PONG");
        self.page.says("Shared with another tab");
    }
}

/// Has the host go in these ways, one after the other.
fn play(settings: &str, safe: &[&[&str]], ways: &[Leave]) {
    let mut tabs = Tabs::open(settings);
    let mut rng = Rng::new(Seed::of(settings.len() as u64));
    for &leave in ways {
        tabs.round(leave, 1 + rng.below(WRITES_MAX), safe);
        tabs.change(leave);
    }
    tabs.page.is_quiet();
}

#[test]
fn a_tab_takes_over_among_writes_that_are_safe_when_answered() {
    let always = "CONFIG SET save \"\" appendfsync always appendonly yes";
    play(always, &[], &[Leave::Closed, Leave::Reloaded, Leave::Elsewhere]);
}

/// WAITAOF waits for what its own client has written, and so for what others have before that.
#[test]
fn a_tab_takes_over_among_writes_that_are_safe_soon() {
    let safe: &[&[&str]] = &[&["INCR", "turn"], &["WAITAOF", "1", "0", "0"]];
    play("CONFIG SET save \"\" appendonly yes", safe, &[Leave::Reloaded]);
}

#[test]
fn a_tab_takes_over_among_writes_that_snapshots_keep() {
    play("CONFIG SET appendonly no", &[&["SAVE"]], &[Leave::Closed]);
}
