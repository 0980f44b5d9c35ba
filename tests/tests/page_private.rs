//! Browsers that keep nothing, or nothing for long: private windows, and storage that is refused.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::{Browser, Kind, Privacy};
use redstart_tests::page::{Page, address};

/// The page in a browser that is as private as this.
fn open(privacy: Privacy) -> Page {
    let page = Page { browser: Browser::start_as(privacy).unwrap() };
    page.browser.go(&address()).unwrap();
    page
}

/// What keeps nothing says so, and everything else works.
#[test]
fn where_storage_is_refused_the_page_says_so_and_works() {
    let refusals: &[_] = match Kind::wanted().unwrap() {
        Kind::Chromium => &[Privacy::NoStorage],
        Kind::Firefox => &[Privacy::NoStorage, Privacy::NoDatabase],
        Kind::WebKit => &[],
    };
    for &privacy in refusals {
        let page = open(privacy);
        page.says("This browser keeps no data for this page, so it is gone when you close it");
        page.pane(1).run("SET a 1", "OK");
        page.pane(1).run("SAVE", "(error) ERR");
        page.second_pane().run("GET a", "\"1\"");
        page.click("Theme: as the system");
        page.view("keys");
        page.view_says("1 key");
        page.view("tutorial");
        page.view_says("Learn Redis by doing");
        page.browser.reload().unwrap();
        page.pane(1).run("GET a", "(nil)");
        page.says("This browser keeps no data for this page");
        page.is_quiet();
    }
}

/// A private window keeps data as long as it is open: over a reload, and for its other tabs.
#[test]
fn a_private_window_keeps_data_as_long_as_it_is_open() {
    let page = open(Privacy::Private);
    page.pane(1).run("SET kept 1", "OK");
    page.is_saved();
    page.browser.reload().unwrap();
    page.pane(1).run("INCR kept", "(integer) 2");
    page.is_saved();
    // In Chromium, the driver opens tabs elsewhere.
    if page.browser.kind() != Kind::Chromium {
        let [first, second] = page.second_tab();
        page.pane(1).run("GET kept", "\"2\"");
        page.says("Shared with another tab");
        page.browser.switch(&first).unwrap();
        page.browser.close_tab().unwrap();
        page.browser.switch(&second).unwrap();
        // What is asked while the first tab goes may go with it.
        page.says("Loaded");
        page.pane(1).run("GET kept", "\"2\"");
    }
    page.is_quiet();
}
