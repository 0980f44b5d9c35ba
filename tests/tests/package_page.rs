//! The JavaScript package in a page: client libraries on it, and its terminal.
//!
//! `js/tests/bundle.mjs` makes the page; `cargo xtask test` serves it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::{Browser, CONTROL, ENTER, Element, RELEASE, wait};
use redstart_tests::page::address;

/// One of the terminals of the example.
struct Terminal<'a> {
    browser: &'a Browser,
    index: usize,
}

impl Terminal<'_> {
    /// What stands in it for a selector.
    fn part(&self, css: &str) -> Element {
        let script = "return document.querySelectorAll('redstart-terminal')[arguments[0]]
            .shadowRoot.querySelector(arguments[1])";
        self.browser.found_by(script, &[self.index.into(), css.into()]).unwrap()
    }

    /// Waits until its output ends like this.
    #[track_caller]
    fn shows(&self, end: &str) {
        let mut last = String::new();
        let seen = wait("its output", || {
            last = self.browser.text(&self.part("[role=log]"))?;
            Ok(last.trim_end().ends_with(end).then_some(()))
        });
        assert!(seen.is_ok(), "{last:?} instead of {end:?}");
    }

    fn types(&self, keys: &str) {
        self.browser.type_into(&self.part("input"), keys).unwrap();
    }
}

fn is_quiet(browser: &Browser) {
    let log = browser.console().unwrap();
    let errors: Vec<_> = log.lines().filter(|line| line.starts_with("SEVERE")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn client_libraries_run_in_a_page() {
    let browser = Browser::start().unwrap();
    browser.go(&address()).unwrap();
    let text = wait("the clients", || {
        let text = browser.script("return document.getElementById('result').textContent", &[])?;
        Ok(text.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
    });
    let expect = "value hello [[null,1],[null,2]] mykey\nfirst Ada 3,value\nworker 1\nkeys 3";
    assert_eq!(text.unwrap(), expect);
    is_quiet(&browser);
}

#[test]
fn the_terminal_runs_commands_of_a_page_and_of_its_reader() {
    let browser = Browser::start().unwrap();
    browser.go(&format!("{}redstart/examples/terminal.html", address())).unwrap();
    let [first, second] = [0, 1].map(|index| Terminal { browser: &browser, index });
    second.shows("> INCRBY visits 10\n(integer) 10");
    // Nothing was clicked yet in the first one.
    assert_eq!(browser.text(&first.part("[role=log]")).unwrap(), "");
    browser.click(&first.part("li:first-child button")).unwrap();
    first.shows("> SET visits 41\nOK");
    browser.click(&first.part("li:last-child button")).unwrap();
    first.shows("> GET visits\n\"42\"");
    second.types(&format!("LRANGE visits 0 -1{ENTER}"));
    second.shows("(error) WRONGTYPE Operation against a key holding the wrong kind of value");
    first.types(&format!("BLPOP queue 0{ENTER}"));
    second.types(&format!("RPUSH queue <b>job</b>{ENTER}"));
    first.shows("2) \"<b>job</b>\"");
    first.types(&format!("SELECT 3{ENTER}"));
    wait("the prompt", || {
        let prompt = browser.text(&first.part("label"))?;
        Ok(prompt.starts_with("redstart[3]>").then_some(()))
    })
    .unwrap();
    first.types(&format!("BLPOP queue 0{ENTER}"));
    first.types(&format!("{CONTROL}c{RELEASE}"));
    first.shows("^C");
    first.types(&format!("{CONTROL}l{RELEASE}"));
    first.shows("");
    is_quiet(&browser);
}

#[test]
fn a_terminal_says_what_it_could_not_load() {
    let browser = Browser::start().unwrap();
    browser.block("*engine_bg.wasm").unwrap();
    browser.go(&format!("{}redstart/examples/terminal.html", address())).unwrap();
    let second = Terminal { browser: &browser, index: 1 };
    wait("the reason", || {
        let text = browser.text(&second.part("[role=alert]"))?;
        Ok(text.starts_with("The engine could not be loaded").then_some(()))
    })
    .unwrap();
}
