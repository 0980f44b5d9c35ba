//! The view of keys: found, looked at, changed; and a million of them without a frame that is late.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]
#![allow(clippy::print_stdout, reason = "what is measured is told")]

use redstart_tests::browser::{ENTER, Element, wait};
use redstart_tests::page::Page;
use serde_json::json;

/// The longest that the page's own code may keep a frame, in milliseconds.
const FRAME_MS_MAX: f64 = 50.0;

/// A page with the view of keys open and the examples in it.
fn with_examples() -> Page {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    page.view("keys");
    page.press("Make example keys");
    page.view_says("15 keys");
    page
}

/// A line of the tree or list with this text.
fn line(page: &Page, text: &str) -> Element {
    wait(text, || {
        let rows = page.browser.all(None, "#studio [role=treeitem], #studio [role=option]")?;
        for row in rows {
            let shown = page.browser.text(&row)?;
            if shown.lines().any(|line| line.trim() == text) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    })
    .unwrap()
}

/// Opens a key, or a folder, by a click.
fn open(page: &Page, text: &str) {
    wait("a click on it", || {
        let row = line(page, text);
        page.browser.click(&row).map(Some)
    })
    .unwrap();
}

#[test]
fn keys_lie_in_folders_and_are_found() {
    let page = with_examples();
    page.view_says("7f3a");
    open(&page, "user:");
    page.view_says_not("tags");
    page.fill("Search keys", "user");
    page.view_says("3 of 15 keys");
    page.choose("Order", "name");
    page.view_says("user:1:tags");
    page.choose("Type", "set");
    page.view_says("1 of 15 keys");
    page.choose("Type", "");
    page.choose("Order", "size");
    page.view_says("user:2");
    page.is_quiet();
}

#[test]
fn what_others_change_is_seen() {
    let page = with_examples();
    page.pane(1).run("SET another:one 1", "OK");
    page.view_says("another:");
    page.view_says("16 keys");
    page.pane(1).run("DEL another:one greeting", "(integer) 2");
    page.view_says("14 keys");
    page.view_says_not("another:");
    open(&page, "board");
    page.view_says("3120");
    page.pane(1).run("ZADD board 4711 ada", "(integer) 0");
    page.view_says("4711");
    page.pane(1).run("FLUSHALL", "OK");
    page.view_says("There is no such key any more.");
    page.is_quiet();
}

/// Every edit is an ordinary command, which is shown.
#[test]
fn values_of_every_type_are_changed() {
    let page = with_examples();
    let back = |key: &str| {
        page.press("Back to the keys");
        open(&page, key);
    };
    open(&page, "greeting");
    page.fill("The string", " again");
    page.press("Save");
    page.view_says("SET greeting \"Hello, world again\" KEEPTTL");
    page.server_says("GET greeting", "\"Hello, world again\"");
    back("board");
    page.fill("Member", "barbara");
    page.fill("Score", &format!("9000{ENTER}"));
    page.view_says("ZADD board 9000 barbara");
    back("primes");
    page.fill("New member", &format!("29{ENTER}"));
    page.view_says("SADD primes 29");
    back("mail");
    page.fill("New element", &format!("to alan{ENTER}"));
    page.view_says("RPUSH jobs:mail \"to alan\"");
    back("2");
    page.fill("Field", "language");
    page.fill("Value", &format!("COBOL{ENTER}"));
    page.view_says("HSET user:2 language COBOL");
    page.server_says("HGET user:2 language", "\"COBOL\"");
    page.press("never");
    page.fill("Seconds from now; empty for never", &format!("100{ENTER}"));
    page.view_says("EXPIRE user:2 100");
    // The focus is back where the field was opened.
    let focused = "return document.activeElement.matches('.facts button')";
    wait("the focus", || Ok((page.browser.script(focused, &[])? == true).then_some(()))).unwrap();
    page.server_says("TTL user:2", "(integer)");
    // A name of no letters is one too.
    page.server_says("HSET user:2 \"\" nameless", "(integer) 1");
    page.view_says("(empty)");
    page.view_says("nameless");
    page.is_quiet();
}

#[test]
fn streams_bits_places_and_sketches_have_views_of_their_own() {
    let page = with_examples();
    let open_key = |name: &str| {
        page.browser.script("redstart.studio('keys ' + arguments[0])", &[json!(name)]).unwrap();
    };
    open_key("sensor:1");
    page.view_says("watcher-1");
    page.press("Acknowledge");
    page.view_says("XACK sensor:1 alarms");
    page.view_says("1 pending");
    page.press("Inside");
    page.view_says("temperature");
    page.view_says("stream-node-max-bytes");
    open_key("cities");
    page.press("Map");
    page.view_says("Berlin");
    page.fill("Name", "Oslo");
    page.fill("Longitude", "10.75");
    page.fill("Latitude", &format!("59.91{ENTER}"));
    page.view_says("GEOADD cities 10.75 59.91 Oslo");
    open_key("days:ada");
    page.press("Bits");
    page.press("Clear it");
    page.view_says("SETBIT days:ada 0 0");
    page.server_says("GETBIT days:ada 0", "(integer) 0");
    open_key("visitors");
    page.press("Inside");
    page.view_says("About 7 different elements");
    open_key("stock:prices");
    page.view_says("leaves with members");
    open_key("temperatures");
    page.view_says("Blocks of 64 places: 2");
    page.press("Value");
    page.view_says("-0.5, snow");
    page.fill("Value", "9.5");
    page.fill("Index (empty: the next)", &format!("365{ENTER}"));
    page.view_says("ARSET temperatures 365 9.5");
    page.server_says("ARGET temperatures 365", "\"9.5\"");
    open_key("session:7f3a");
    page.press("JSON");
    open_key("user:1");
    page.press("Inside");
    page.view_says("hash-max-listpack-entries");
    page.is_quiet();
}

#[test]
fn keys_are_made_renamed_and_deleted() {
    let page = with_examples();
    page.press("New key");
    page.fill("Name", "todo");
    page.choose("Type", "string");
    page.fill("First value", "nothing");
    page.press("Make it");
    page.view_says("Encoding");
    page.server_says("GET todo", "\"nothing\"");
    page.press("Rename");
    page.fill("New name", &format!("-list{ENTER}"));
    page.view_says("RENAMENX todo todo-list");
    page.press("Delete");
    page.press("Really delete");
    page.view_says("UNLINK todo-list");
    page.view_says("There is no such key any more.");
    page.server_says("EXISTS todo-list", "(integer) 0");
    page.is_quiet();
}

#[test]
fn the_tree_is_walked_with_the_keyboard() {
    let page = with_examples();
    let tree = page.part("[role=tree]", "tree", "Keys");
    let (down, right, left) = ('\u{E015}', '\u{E014}', '\u{E012}');
    let keys = format!("{left}{right}{down}{ENTER}");
    page.browser.type_into(&tree, &keys).unwrap();
    page.view_says("Encoding");
    page.view_says("days:ada");
    page.is_quiet();
}

/// What is measured: tasks that kept the page for longer than 50 ms, as the browser tells of them,
/// and the longest time between two frames while the list was scrolled.
const WATCH: &str = "
    window.late = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.late.push(entry.duration);
    }).observe({ type: 'longtask' });
    window.frames = [];
    let last = performance.now();
    const frame = (now) => {
        if (window.scrolling) window.frames.push(now - last);
        last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
";

/// Scrolls through the list in leaps and in small steps, for 120 frames.
const SCROLL: &str = "
    const done = arguments[arguments.length - 1];
    const list = document.querySelector('#studio .rows');
    let step = 0;
    window.scrolling = true;
    const next = () => {
        if (step === 120) { window.scrolling = false; return done(list.scrollHeight); }
        const leap = list.scrollHeight / 97;
        list.scrollTop = step % 3 ? list.scrollTop + 90 : (step * 37 % 97) * leap;
        step += 1;
        requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
";

#[test]
fn a_million_keys_are_browsed_without_a_late_frame() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    page.view("keys");
    page.view_says("There are no keys yet");
    page.pane(1).run("DEBUG POPULATE 1000000", "OK");
    page.browser.script(WATCH, &[]).unwrap();
    let mut longest = f64::MAX;
    // The machine may be busy with something else, but not three times.
    for _ in 0..3 {
        longest = browse_a_million(&page);
        if longest < FRAME_MS_MAX {
            break;
        }
    }
    assert!(longest < FRAME_MS_MAX, "{longest} ms");
    page.is_quiet();
}

/// Has all keys found anew, scrolls through them in their folder and in a list, and tells how that
/// went; the longest task, in milliseconds.
fn browse_a_million(page: &Page) -> f64 {
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let clock = || number(&page.browser.script("return performance.now()", &[]).unwrap());
    let all = "1\u{202f}000\u{202f}000 keys";
    page.browser.script("window.late = []; window.frames = []", &[]).unwrap();
    page.choose("Order", "folders");
    let began = clock();
    page.press("Look again");
    page.view_says_not("There are no keys yet");
    page.view_says("so far");
    wait("a million keys", || {
        let text = page.view_text()?;
        Ok((text.contains(all) && !text.contains("so far")).then_some(()))
    })
    .unwrap();
    let ended = clock();
    open(page, "key:");
    line(page, "0");
    page.browser.script_async(SCROLL).unwrap();
    page.choose("Order", "name");
    wait("a million keys in a list", || {
        let text = page.view_text()?;
        Ok((text.contains(all) && !text.contains("order")).then_some(()))
    })
    .unwrap();
    page.browser.script_async(SCROLL).unwrap();
    let script =
        "return [Math.max(0, ...window.late), window.late.length, Math.max(...window.frames)]";
    let measured = page.browser.script(script, &[]).unwrap();
    println!(
        "    a million keys were there after {:.1} s; {:.0} tasks took longer than 50 ms, the longest {:.0} ms; \
         while scrolling no frame came later than {:.0} ms after the one before",
        (ended - began) / 1000.0,
        number(&measured[1]),
        number(&measured[0]),
        number(&measured[2])
    );
    number(&measured[0])
}
