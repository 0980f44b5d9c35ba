//! The views of what goes on: the log, the bytes on the wire, the laboratory of eviction, and time.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::{ENTER, wait};
use redstart_tests::page::Page;
use serde_json::json;

/// A page with a view open, in whose panes nothing was done yet.
fn with_view(name: &str) -> Page {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    page.view(name);
    page
}

#[test]
fn the_log_lists_what_the_panes_do() {
    let page = with_view("log");
    page.pane(1).run("SET greeting hello", "OK");
    page.pane(1).run("LPUSH greeting x", "(error) WRONGTYPE");
    page.view_says("SET greeting hello");
    page.view_says("LPUSH greeting x");
    page.view_says("Memory");
    page.press("Everything");
    page.view_says("What MONITOR tells");
    page.pane(1).run("GET greeting", "\"hello\"");
    page.view_says("\"GET\" \"greeting\"");
    page.is_quiet();
}

/// What SLOWLOG keeps is listed, and what it keeps is set here.
#[test]
fn slow_commands_are_listed() {
    let page = with_view("log");
    let set = |name: &str, value: &str| {
        let field = page.part("input[type=number]", "spinbutton", name);
        let script = "arguments[0].focus(); arguments[0].value = arguments[1];
            for (const kind of ['input', 'change'])
                arguments[0].dispatchEvent(new Event(kind, { bubbles: true }));";
        page.browser.script(script, &[field.json(), json!(value)]).unwrap();
    };
    // What is set here is asked in a pane, whose commands come by another way.
    let is_set = |name: &str, value: &str| {
        let line = format!("CONFIG GET {name}");
        let seen = wait("the setting", || {
            let reply = page.pane(1).below(&line)?.unwrap_or_default();
            if reply.ends_with(&format!("2) \"{value}\"")) {
                return Ok(Some(()));
            }
            page.pane(1).enter("CLEAR");
            page.pane(1).enter(&line);
            Ok(None)
        });
        assert!(seen.is_ok(), "{name} is not {value}");
    };
    page.pane(1).run("DEBUG SLEEP 0.05", "OK");
    page.press("Slow log");
    page.view_says("DEBUG SLEEP 0.05");
    page.view_says("page:");
    // It slept so long at least; how much longer is the machine's.
    let text = page.view_text().unwrap();
    let row = text.lines().find(|line| line.contains("DEBUG SLEEP 0.05")).unwrap();
    let took_ms = row.split('\t').find_map(|cell| cell.strip_suffix(" ms")?.parse::<f64>().ok());
    assert!(took_ms.is_some_and(|ms| ms >= 50.0), "{row}");
    page.press("Clear");
    page.view_says_not("DEBUG SLEEP 0.05");
    // Everything is slow from now on.
    set("Slow from (µs)", "0");
    is_set("slowlog-log-slower-than", "0");
    page.pane(1).run("LPUSH quick a", "(integer) 1");
    page.view_says("LPUSH quick a");
    set("Slow from (µs)", "-1");
    is_set("slowlog-log-slower-than", "-1");
    set("Entries kept", "7");
    is_set("slowlog-max-len", "7");
    // The server refuses.
    set("Slow from (µs)", "-2");
    page.view_says("argument must be between -1 and");
    page.is_quiet();
}

/// How long commands took is drawn and listed, by command and by event.
#[test]
fn latency_is_drawn() {
    let page = with_view("log");
    page.press("Latency");
    page.part("input[type=number]", "spinbutton", "Events from (ms)");
    page.pane(1).run("CONFIG SET latency-monitor-threshold 20", "OK");
    page.pane(1).run("DEBUG SLEEP 0.05", "OK");
    page.pane(1).run("LPUSH quick a", "(integer) 1");
    page.view_says("lpush");
    page.view_says("debug");
    page.view_says("p99.9");
    page.view_says("Worst");
    page.view_says("Engine time");
    let bars = "return [...document.querySelectorAll('.bars li')].map((bar) => bar.title)
        .filter((title) => title.startsWith('≤ 67.6 ms') || title.startsWith('≤ 135'))";
    let counted = wait("the bar of the slow one", || {
        let found = page.browser.script(bars, &[])?;
        Ok(found.as_array().filter(|found| !found.is_empty()).cloned())
    });
    // Others may have been as slow on a busy machine.
    let title = counted.unwrap()[0].as_str().unwrap().to_owned();
    assert!(!title.ends_with(": 0"), "{title}");
    page.press("Clear");
    page.view_says_not("lpush");
    page.is_quiet();
}

/// What a view of the panel has run is in the log too.
#[test]
fn the_log_lists_what_the_panel_does() {
    let page = with_view("log");
    page.pane(1).run("SADD colours red", "(integer) 1");
    page.browser.script("redstart.studio('keys colours')", &[]).unwrap();
    page.fill("New member", &format!("green{ENTER}"));
    page.view_says("SADD colours green");
    page.view("log");
    page.view_says("SADD colours green");
    page.view_says("panel");
    page.is_quiet();
}

#[test]
fn bytes_are_explained_in_both_protocols() {
    let page = with_view("wire");
    page.pane(1).run("HSET user name ada", "(integer) 1");
    page.pane(1).run("HGETALL user", "1) \"name\"");
    page.view_says("an array of 2 elements:");
    page.view_says("a map of 1 pairs:");
    page.pane(1).run("RPUSH list x", "(integer) 1");
    page.pane(1).run("LPOP list 1", "1) \"x\"");
    // It takes something out, so it is not asked again.
    page.view_says("Type HELLO 3 in the pane to see both.");
    page.pane(1).run("HELLO 3", "1#");
    page.pane(1).run("SMEMBERS nothing", "(empty set)");
    page.view_says("a set of 0 elements:");
    page.view_says("an array of 0 elements:");
    page.fill("A command to try in both protocols", &format!("CONFIG GET save{ENTER}"));
    page.view_says("a map of 1 pairs:");
    page.is_quiet();
}

#[test]
fn policies_of_eviction_are_compared() {
    let page = with_view("lab");
    page.press("Start");
    let rates = || -> Result<Vec<f64>, String> {
        let script = "return [...document.querySelectorAll('.lab-table tbody tr')]
            .map((row) => parseFloat(row.cells[1].innerText) || 0)";
        let rates = page.browser.script(script, &[])?;
        Ok(rates.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect())
    };
    let evicted = "return [...document.querySelectorAll('.lab-table tbody tr')].slice(0, 3)
        .every((row) => parseInt(row.cells[3].innerText.replace(/\\D/g, '')) > 500)";
    wait("evictions", || Ok((page.browser.script(evicted, &[])? == true).then_some(()))).unwrap();
    let measured = rates().unwrap();
    assert!(measured[..3].iter().all(|rate| *rate > 20.0), "{measured:?}");
    page.view_says("no policy could do better than");
    // A larger bound, and soon everything that is wanted is there.
    let slider = page.part("input[type=range]", "slider", "maxmemory");
    let script = "arguments[0].value = arguments[1];
                  arguments[0].dispatchEvent(new InputEvent('input', { bubbles: true }));";
    page.browser.script(script, &[slider.json(), json!("110")]).unwrap();
    wait("a better hit rate", || Ok((rates()?[0] > measured[0] + 5.0).then_some(()))).unwrap();
    page.press("Stop");
    page.is_quiet();
}

#[test]
fn time_is_stepped_through_and_branched_off() {
    let page = with_view("time");
    page.press("Open a timeline");
    page.press("Play an example");
    page.view_says("9 / 9");
    page.view_says("RENAME greeting welcome");
    page.view_says("welcome");
    page.press("One step back");
    page.view_says("8 / 9");
    page.view_says("SADD tags red green");
    page.press("To the first step");
    page.view_says("1 / 9");
    page.view_says("greeting");
    page.press("One step on");
    page.press("One step on");
    page.view_says("visits = 2");
    page.press("Branch from here");
    page.view_says("3 / 3");
    page.view_says("Branch 1");
    page.press("To the first step");
    page.view_says("1 / 3");
    page.choose("Branch", "time");
    page.view_says("9 / 9");
    page.press("Back to my data");
    page.view_says("Open a timeline");
    page.pane(1).run("EXISTS welcome greeting", "(integer) 0");
    page.is_quiet();
}

#[test]
fn the_clock_is_stopped_and_moved() {
    let page = with_view("time");
    page.press("Open a timeline");
    page.press("Play an example");
    page.view_says("In 1 min");
    page.press("Stop");
    page.press("Go there");
    page.view_says_not("this key expires");
    page.press("+1 h");
    page.press("60×");
    page.is_quiet();
}

/// Whoever asks for a view gets it; the button that shows it hides it too.
#[test]
fn a_view_that_is_asked_for_again_stays() {
    let page = with_view("keys");
    page.view_says("There are no keys yet");
    let is_seen = |seen: bool| {
        let script = "return document.getElementById('studio').checkVisibility()";
        wait("the panel", || Ok((page.browser.script(script, &[])? == seen).then_some(())))
            .unwrap();
    };
    for name in ["keys", "", "wire", "keys"] {
        page.browser.script("redstart.studio(arguments[0])", &[json!(name)]).unwrap();
        is_seen(true);
    }
    page.click("Data");
    is_seen(false);
    page.click("Data");
    page.view_says("There are no keys yet");
    page.click("Tutorial");
    page.view_says("Learn Redis by doing");
    page.click("Tutorial");
    is_seen(false);
    page.is_quiet();
}
