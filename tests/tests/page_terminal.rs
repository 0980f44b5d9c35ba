//! The terminal, line by line: what is typed, pasted, repeated, interrupted, and heard from elsewhere.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]
#![allow(clippy::print_stdout, reason = "what is measured is told")]

use redstart_tests::browser::{CONTROL, ENTER, RELEASE, TAB, wait};
use redstart_tests::page::{Page, Pane};

const UP: char = '\u{E013}';
const ESCAPE: char = '\u{E00C}';

/// Waits until what stands below a line has this text somewhere.
#[track_caller]
fn hears(pane: &Pane<'_>, line: &str, text: &str) {
    let mut last = String::new();
    let seen = wait("the text", || {
        last = pane.below(line)?.unwrap_or_default();
        Ok(last.contains(text).then_some(()))
    });
    assert!(seen.is_ok(), "{text:?} is not below {line}:\n{last}");
}

/// Pastes text into the first line: copied somewhere, and pasted with the keys for that. An event made by a
/// script would not do, for Firefox keeps what is in it to itself.
fn paste(page: &Page, text: &str) {
    let area = "const area = document.createElement('textarea');
        area.value = arguments[0];
        document.body.append(area);
        area.select();
        return area";
    let area = page.browser.found_by(area, &[text.into()]).unwrap();
    page.browser.press(&format!("{CONTROL}c{RELEASE}")).unwrap();
    let input = page.pane(1).parts().unwrap().input;
    let script = "arguments[0].remove(); arguments[1].focus()";
    page.browser.script(script, &[area.json(), input.json()]).unwrap();
    page.browser.press(&format!("{CONTROL}v{RELEASE}")).unwrap();
}

/// Loaded when somebody first reads them: by the terminal for HELP, by the worker for the engine.
#[test]
fn commands_are_described_when_somebody_asks() {
    let page = Page::open();
    let pane = page.pane(1);
    let is_loaded = "return performance.getEntriesByName(new URL('descriptions.txt', location.href)).length > 0";
    pane.run("COMMAND INFO get", "1)  1) \"get\"");
    assert_eq!(page.browser.script(is_loaded, &[]).unwrap(), false);
    let without =
        "window.realFetch = fetch; window.fetch = () => Promise.reject(new Error('no network'))";
    page.browser.script(without, &[]).unwrap();
    pane.run("HELP keys", "KEYS pattern\n  group: generic");
    hears(&pane, "HELP keys", "could not be loaded");
    page.browser.script("window.fetch = realFetch", &[]).unwrap();
    pane.run("HELP dbsize", "DBSIZE\n  summary: ");
    assert_eq!(page.browser.script(is_loaded, &[]).unwrap(), true);
    // What is entered meanwhile waits for its turn.
    for line in ["COMMAND DOCS get", "HELP @hash", "OBJECT HELP"] {
        pane.enter(line);
    }
    hears(&pane, "COMMAND DOCS get", "\"summary\"");
    hears(&pane, "HELP @hash", "HSET key field value");
    hears(&pane, "OBJECT HELP", "Lists the subcommands.");
    for line in ["MULTI", "COMMAND DOCS keys", "SET k v", "EXEC"] {
        pane.enter(line);
    }
    hears(&pane, "EXEC", "\"summary\"");
    hears(&pane, "EXEC", "2) OK");
    page.is_quiet();
}

#[test]
fn words_have_colours_and_mistakes_are_marked() {
    let page = Page::open();
    let pane = page.pane(1);
    let marked = |class: &str| {
        let script = "return [...document.querySelectorAll(`.ink .${arguments[0]}`)].map((it) => it.textContent)";
        let words = page.browser.script(script, &[class.into()]).unwrap();
        let words = words.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned());
        words.collect::<Vec<_>>().join(" ")
    };
    pane.types("EXPIRE user:1 10 NX");
    pane.holds("EXPIRE user:1 10 NX");
    assert_eq!(
        ["command", "key", "number", "token", "wrong"].map(marked),
        ["EXPIRE", "user:1", "10", "NX", ""].map(str::to_owned)
    );
    pane.types(&format!("{CONTROL}c{RELEASE}"));
    pane.types("EXPIRE user:1 soon ");
    pane.holds("EXPIRE user:1 soon ");
    assert_eq!(marked("wrong"), "soon");
    pane.types(&format!("{CONTROL}c{RELEASE}NOSUCHCOMMAND "));
    pane.holds("NOSUCHCOMMAND ");
    assert_eq!(marked("wrong").trim(), "NOSUCHCOMMAND");
    page.is_quiet();
}

#[test]
fn options_are_completed_and_earlier_lines_are_there_after_a_reload() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.types(&format!("ZRANGE board 0 -1 WITHS{TAB}"));
    pane.holds("ZRANGE board 0 -1 WITHSCORES ");
    pane.types(&ENTER.to_string());
    pane.run("PING", "PONG");
    page.browser.reload().unwrap();
    let pane = page.pane(1);
    pane.types(&format!("{UP}{UP}"));
    pane.holds("ZRANGE board 0 -1 WITHSCORES");
    pane.types(&format!("{CONTROL}c{RELEASE}"));
    // What is searched for and not wanted leaves the line as it was.
    pane.types(&format!("GET a{CONTROL}r{RELEASE}range"));
    pane.types(&ESCAPE.to_string());
    pane.holds("GET a");
    page.is_quiet();
}

#[test]
fn lines_that_are_pasted_run_one_after_the_other() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("PING", "PONG");
    paste(&page, "SET greeting \"hello\nSET a 1\nINCR a\n\n  GET a\nGET half");
    // A quotation that is not closed ends with its line, as in redis-cli.
    pane.shows("SET greeting \"hello", "Invalid argument(s)");
    pane.shows("SET a 1", "OK");
    pane.shows("INCR a", "(integer) 2");
    pane.shows("  GET a", "\"2\"");
    // The last line has no end, and is there to be finished.
    pane.holds("GET half");
    paste(&page, "way");
    pane.holds("GET halfway");
    page.is_quiet();
}

#[test]
fn a_huge_paste_neither_freezes_the_page_nor_is_lost() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("PING", "PONG");
    let began = "window.began = performance.now(); window.late = 0; let last = window.began;
        window.beat = setInterval(() => {
            window.late = Math.max(window.late, performance.now() - last);
            last = performance.now();
        }, 10)";
    page.browser.script(began, &[]).unwrap();
    let lines: String = (0..5000).map(|number| format!("RPUSH many {number}\n")).collect();
    paste(&page, &lines);
    let ended = "const done = arguments[arguments.length - 1];
        const look = setInterval(() => {
            if (document.querySelector('.queued')) return;
            clearInterval(look);
            clearInterval(window.beat);
            done([window.late, performance.now() - window.began]);
        }, 100)";
    let times = page.browser.script_async(ended).unwrap();
    let (late, all) = (times[0].as_f64().unwrap(), times[1].as_f64().unwrap());
    println!(
        "    5000 lines ran in {all:.0} ms, in which the page stood still for {late:.0} ms at most"
    );
    assert!(late < all / 3.0, "{times}");
    pane.run("LLEN many", "(integer) 5000");
    // One value of a megabyte.
    paste(&page, &format!("SET large {}\n", "x".repeat(1_000_000)));
    pane.run("STRLEN large", "(integer) 1000000");
    pane.run("GETRANGE large 999997 -1", "\"xxx\"");
    page.is_quiet();
}

#[test]
fn a_number_repeats_and_bytes_are_printed_as_wanted() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("5 INCR x", "(integer) 1\n(integer) 2\n(integer) 3\n(integer) 4\n(integer) 5");
    pane.run("SET bytes \"\\x00\\xff\\\"é\"", "OK");
    pane.run("GET bytes", "\"\\x00\\xff\\\"\\xc3\\xa9\"");
    pane.run("STRLEN bytes", "(integer) 5");
    pane.run("RPUSH list \"a b\" c", "(integer) 2");
    for (output, line, printed) in [
        ("raw", "LRANGE list 0 1", "a b\nc"),
        ("csv", "LRANGE list 0 2", "\"a b\",\"c\""),
        ("json", "LRANGE list 0 3", "[\"a b\",\"c\"]"),
        ("standard", "LRANGE list 0 4", "1) \"a b\"\n2) \"c\""),
    ] {
        let script = "const list = document.querySelector('.pane-bar select');
            list.value = arguments[0];
            list.dispatchEvent(new Event('change', { bubbles: true }))";
        page.browser.script(script, &[output.into()]).unwrap();
        pane.run(line, printed);
    }
    pane.types(&format!("{CONTROL}l{RELEASE}"));
    wait("an empty log", || Ok(page.browser.text(&pane.parts()?.log)?.is_empty().then_some(())))
        .unwrap();
    pane.run("GET x", "\"5\"");
    pane.enter("clear");
    wait("an empty log", || Ok(page.browser.text(&pane.parts()?.log)?.is_empty().then_some(())))
        .unwrap();
    page.is_quiet();
}

#[test]
fn what_waits_is_interrupted_and_what_was_chosen_stays() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("SELECT 2", "OK");
    pane.enter("BLPOP nothing 0");
    pane.types(&format!("{CONTROL}c{RELEASE}"));
    pane.shows("BLPOP nothing 0", "^C");
    pane.run("SET here 1", "OK");
    pane.run("SELECT 0", "OK");
    pane.run("DBSIZE", "(integer) 0");
    // Nobody waits for the list any more: what is pushed stays.
    pane.run("RPUSH nothing job", "(integer) 1");
    pane.run("LLEN nothing", "(integer) 1");
    page.is_quiet();
}

#[test]
fn a_pane_listens_to_all_clients_until_it_is_stopped() {
    let page = Page::open();
    let first = page.pane(1);
    first.run("MONITOR", "OK");
    let second = page.second_pane();
    second.run("SET seen \"a b\"", "OK");
    hears(&first, "MONITOR", "\"SET\" \"seen\" \"a b\"");
    page.click("Stop listening");
    second.run("GET seen", "\"a b\"");
    first.run("PING", "PONG");
    assert!(!first.below("MONITOR").unwrap().unwrap().contains("\"GET\""));
    // In the third protocol, a client that listens can do other things too.
    page.click("RESP2");
    first.shows("HELLO 3", "1# \"server\"");
    first.run("SUBSCRIBE news", "1) \"subscribe\"");
    first.run("GET seen", "\"a b\"");
    second.run("PUBLISH news hello", "(integer) 1");
    hears(&first, "GET seen", "3) \"hello\"");
    page.is_quiet();
}

#[test]
fn a_transaction_is_given_up_when_another_pane_changes_what_it_watches() {
    let page = Page::open();
    let first = page.pane(1);
    let second = page.second_pane();
    first.run("SET stock 1", "OK");
    first.run("WATCH stock", "OK");
    first.run("MULTI", "OK");
    first.run("DECR stock", "QUEUED");
    second.run("DECR stock", "(integer) 0");
    first.run("EXEC", "(nil)");
    first.run("GET stock", "\"0\"");
    page.is_quiet();
}

#[test]
fn a_pane_is_told_that_what_it_has_read_is_no_longer_so() {
    let page = Page::open();
    let first = page.pane(1);
    first.run("HELLO 3", "1# \"server\"");
    first.run("CLIENT TRACKING ON", "OK");
    first.run("GET price", "(nil)");
    page.second_pane().run("SET price 10", "OK");
    hears(&first, "GET price", "-> invalidate: 'price'");
    page.is_quiet();
}

/// Keys that a phone's keyboard has not.
#[test]
fn a_phone_has_a_row_of_keys() {
    let page = Page::open();
    page.browser.resize(390, 780, true).unwrap();
    let pane = page.pane(1);
    pane.run("SET greeting hello", "OK");
    pane.types("GET gree");
    page.click("Tab: Complete");
    pane.holds("GET greeting ");
    pane.types(&ENTER.to_string());
    pane.shows("GET greeting", "\"hello\"");
    page.click("↑: Earlier line");
    page.click("↑: Earlier line");
    pane.holds("SET greeting hello");
    page.click("↓: Later line");
    pane.holds("GET greeting");
    page.click("^C: Interrupt");
    pane.holds("");
    page.click("^R: Search earlier lines");
    pane.types(&format!("SET{TAB}"));
    pane.holds("SET greeting hello");
    page.click("\": Quotation mark");
    pane.holds("SET greeting hello\"");
    page.click("^C: Interrupt");
    pane.enter("BLPOP nothing 0");
    page.click("^C: Interrupt");
    pane.shows("BLPOP nothing 0", "^C");
    page.is_quiet();
}
