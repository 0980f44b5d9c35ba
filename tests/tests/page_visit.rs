//! What somebody meets who is here for the first time, on a phone too, and what can be taken back.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::{CONTROL, ENTER, RELEASE, wait};
use redstart_tests::page::{Page, address};
use serde_json::json;

/// A page on a phone of this height.
fn on_a_phone(height: u32) -> Page {
    let page = Page::open();
    page.browser.resize(375, height, true).unwrap();
    page
}

/// Waits until the upper part of an element of `css` is seen within what is around it.
#[track_caller]
fn is_in_sight(page: &Page, css: &str, around: &str) {
    let script = "const [seen, around] = [...arguments].map((css) => document.querySelector(css));
        if (!seen || !around) return 'not there';
        const [inner, outer] = [seen, around].map((it) => it.getBoundingClientRect());
        const is_in = inner.top >= outer.top - 1 && inner.top + 60 <= outer.bottom;
        return is_in ? '' : `${inner.top} in ${outer.top} to ${outer.bottom}`;";
    let mut last = String::new();
    let seen = wait("it to be in sight", || {
        let found = page.browser.script(script, &[json!(css), json!(around)])?;
        last = found.as_str().unwrap_or_default().to_owned();
        Ok(last.is_empty().then_some(()))
    });
    assert!(seen.is_ok(), "{css}: {last}");
}

/// On a small phone the first thing to read is the first that is seen, and the line comes into sight when
/// something was run.
#[test]
fn a_phone_shows_what_this_is() {
    let page = on_a_phone(560);
    is_in_sight(&page, ".hints-bar p", ".scroll");
    page.click("GET name");
    page.pane(1).shows("GET name", "(nil)");
    is_in_sight(&page, ".scroll form.line", ".page");
    page.is_quiet();
}

/// Data to look into is one click away, and leaves alone what is there.
#[test]
fn examples_are_made_with_one_click() {
    let page = Page::open();
    page.click("Make example keys");
    page.view_says("15 keys");
    page.pane(1).run("SET greeting mine", "OK");
    page.pane(1).run("DEL user:1", "(integer) 1");
    page.browser.script("redstart.studio('keys examples')", &[]).unwrap();
    page.view_says("14 keys");
    page.pane(1).run("GET greeting", "\"mine\"");
    // What the panel has made cannot be told step by step, which is said.
    page.view("time");
    page.view_says("The timeline of your data begins here");
    page.pane(1).run("INCR page:views", "(integer) 1816");
    page.view_says("1 / 1");
    page.is_quiet();
}

/// On a phone the list of the log is there at once, and each line names the pane by its name.
#[test]
fn the_log_of_a_phone_is_a_list() {
    let page = on_a_phone(667);
    page.pane(1).enter("CLIENT SETNAME cashier");
    page.named("cashier").run("INCR sold", "(integer) 1");
    page.view("log");
    page.view_says("INCR sold");
    page.view_says("cashier");
    is_in_sight(&page, ".log-list tbody tr", ".studio");
    page.is_quiet();
}

/// A page with a past: two keys, then none, then another.
fn with_past() -> Page {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("SET a 1", "OK");
    pane.run("RPUSH list x y", "(integer) 2");
    pane.run("FLUSHALL", "OK");
    pane.run("SET new 1", "OK");
    page.view("time");
    page.view_says("4 / 4");
    page.press("One step back");
    page.press("One step back");
    page.view_says("2 / 4");
    page
}

#[test]
fn one_goes_back_in_ones_own_data_and_takes_that_back() {
    let page = with_past();
    page.press("Go back to here");
    page.view_says("All data of this store");
    page.view_says("list new");
    page.press("Cancel");
    page.view_says_not("All data of this store");
    page.press("Go back to here");
    page.press("Go back to step 2");
    page.view_says("Your data is as it was after step 2.");
    page.server_says("LRANGE list 0 -1", "1) \"x\"");
    page.server_says("EXISTS a list new", "(integer) 2");
    // It is a step of the timeline, behind which everything else still is.
    page.view_says("went back to");
    page.view_says("SET new 1");
    page.press("Undo");
    page.view_says("Your data is as it was before.");
    page.server_says("EXISTS a list new", "(integer) 1");
    page.is_quiet();
}

#[test]
fn one_goes_back_to_where_there_was_nothing() {
    let page = with_past();
    page.press("One step on");
    page.view_says("3 / 4");
    page.press("Go back to here");
    page.press("Go back to step 3");
    page.view_says("Your data is as it was after step 3.");
    page.server_says("DBSIZE", "(integer) 0");
    page.is_quiet();
}

#[test]
fn a_step_becomes_a_store_of_its_own() {
    let page = with_past();
    page.press("New store from here");
    page.fill("Name of the store", &format!("past{ENTER}"));
    page.view_says("The store past was made.");
    page.server_says("EXISTS a list new", "(integer) 1");
    page.browser.go(&format!("{}?store=past", address())).unwrap();
    page.pane(1).run("EXISTS a list new", "(integer) 2");
    page.is_quiet();
}

/// A word that is being composed is no line yet: its keys are the input method's.
#[test]
fn a_line_is_composed_in_another_script() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("SET first 1", "OK");
    pane.types("SET name ");
    let devtools = |cmd: &str, params| page.browser.devtools(cmd, &params).unwrap();
    devtools(
        "Input.imeSetComposition",
        json!({ "text": "にほ", "selectionStart": 2, "selectionEnd": 2 }),
    );
    pane.holds("SET name にほ");
    // What is chosen of the method's list with keys is not for the page.
    for key in ["ArrowUp", "Enter", "Tab", "Escape"] {
        let event = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',
            { key: arguments[0], isComposing: true, bubbles: true, cancelable: true }))";
        page.browser.script(event, &[json!(key)]).unwrap();
    }
    devtools(
        "Input.dispatchKeyEvent",
        json!({ "type": "rawKeyDown", "key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229 }),
    );
    pane.holds("SET name にほ");
    devtools("Input.insertText", json!({ "text": "日本" }));
    pane.holds("SET name 日本");
    pane.types(&ENTER.to_string());
    pane.shows("SET name 日本", "OK");
    pane.run("STRLEN name", "(integer) 6");
    page.is_quiet();
}

/// As in a shell, and not what the browser has this key for.
#[test]
fn a_line_is_given_up_with_a_key() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.types("SET name ada");
    pane.holds("SET name ada");
    pane.types(&format!("{CONTROL}u{RELEASE}"));
    pane.holds("");
    pane.enter("> GET name");
    pane.shows("GET name", "(nil)");
    page.is_quiet();
}
