//! Several tabs on one store: the first hosts the engine, the others are clients of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::wait;
use redstart_tests::page::Page;

#[test]
fn a_pane_is_woken_from_another_tab() {
    let page = Page::open();
    page.pane(1).run("SET shared 1", "OK");
    let [first, second] = page.second_tab();
    let pane = page.pane(1);
    pane.run("GET shared", "\"1\"");
    page.says("Shared with another tab");
    pane.enter("BLPOP queue 0");
    page.browser.switch(&first).unwrap();
    page.pane(1).run("LPUSH queue job", "(integer) 1");
    page.browser.switch(&second).unwrap();
    pane.shows("BLPOP queue 0", "1) \"queue\"\n2) \"job\"");
    pane.run("CLIENT LIST TYPE normal", "id=");
    page.is_quiet();
}

/// Waits until so many clients wait.
fn blocked_clients(page: &Page, count: u32) {
    wait("the number of blocked clients", || {
        let pane = page.pane(1);
        pane.enter("CLEAR");
        pane.run("INFO clients", "# Clients");
        let text = pane.below("INFO clients")?.unwrap_or_default();
        Ok(text.contains(&format!("blocked_clients:{count}")).then_some(()))
    })
    .unwrap();
}

/// A client that waits in a tab which is closed must not be given what nobody will see.
#[test]
fn a_closed_tab_takes_nothing_with_it() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    let [first, second] = page.second_tab();
    page.pane(1).enter("BLPOP queue 0");
    page.browser.switch(&first).unwrap();
    blocked_clients(&page, 1);
    page.browser.switch(&second).unwrap();
    page.browser.close_tab().unwrap();
    page.browser.switch(&first).unwrap();
    blocked_clients(&page, 0);
    page.pane(1).run("LPUSH queue job", "(integer) 1");
    page.pane(1).run("LLEN queue", "(integer) 1");
    page.is_quiet();
}

#[test]
fn a_tab_takes_over_when_the_first_is_closed() {
    let page = Page::open();
    page.pane(1).run("SET kept \"for all\"", "OK");
    let [first, second] = page.second_tab();
    page.pane(1).run("SELECT 2", "OK");
    page.pane(1).run("SET here 2", "OK");
    page.pane(1).enter("BLPOP queue 0");
    page.browser.switch(&first).unwrap();
    // What the other tab has written is saved by this one.
    page.is_saved();
    page.browser.close_tab().unwrap();
    page.browser.switch(&second).unwrap();
    page.pane(1).shows("BLPOP queue 0", "Error: Server closed the connection");
    // The database that was chosen is chosen again.
    page.pane(1).run("GET here", "\"2\"");
    page.pane(1).run("SELECT 0", "OK");
    page.pane(1).run("GET kept", "\"for all\"");
    page.pane(1).run("SET new 3", "OK");
    page.is_saved();
    page.is_quiet();
}

/// The third tab is a client of the first, then of whoever has taken over.
#[test]
fn clients_follow_the_store_from_tab_to_tab() {
    let page = Page::open();
    page.pane(1).run("SET a 1", "OK");
    page.is_saved();
    let [first, second] = page.second_tab();
    page.pane(1).run("GET a", "\"1\"");
    let [_, third] = page.second_tab();
    page.pane(1).run("GET a", "\"1\"");
    page.browser.switch(&first).unwrap();
    page.browser.close_tab().unwrap();
    page.browser.switch(&third).unwrap();
    page.pane(1).run("INCR a", "(integer) 2");
    page.browser.switch(&second).unwrap();
    page.pane(1).run("GET a", "\"2\"");
    page.is_quiet();
}
