//! Several panes: split, named, moved, sized, closed, and found again after a reload; as tabs on a phone.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::{ALT, ENTER, RELEASE, wait};
use redstart_tests::page::Page;

const LEFT: char = '\u{E012}';
const UP: char = '\u{E013}';
const RIGHT: char = '\u{E014}';
const DOWN: char = '\u{E015}';
const F2: char = '\u{E032}';
const HOME: char = '\u{E011}';

/// The panes as they lie on the screen: from left to right with `|` between them, and `/` before each
/// row that begins further down.
const PLACES: &str = "
    const rows = new Map();
    for (const pane of document.querySelectorAll('.pane')) {
        const name = pane.getAttribute('aria-label').replace('Connection ', '');
        const { left, top } = pane.getBoundingClientRect();
        rows.set(Math.round(top), [...rows.get(Math.round(top)) ?? [], { left, name }]);
    }
    return [...rows].sort(([one], [other]) => one - other)
        .map(([, row]) => row.sort((one, other) => one.left - other.left).map(({ name }) => name).join(' | '))
        .join(' / ')";

/// Waits until the panes lie like this.
#[track_caller]
fn lie(page: &Page, places: &str) {
    let mut last = String::new();
    let seen = wait("the panes", || {
        last = page.browser.script(PLACES, &[])?.as_str().unwrap_or_default().to_owned();
        Ok((last == places).then_some(()))
    });
    assert!(seen.is_ok(), "{last:?} instead of {places:?}");
}

/// The names of the panes in the order in which a screen reader comes to them.
fn order(page: &Page) -> String {
    let script = "return [...document.querySelectorAll('.pane')]
        .map((pane) => pane.getAttribute('aria-label').replace('Connection ', '')).join(' ')";
    page.browser.script(script, &[]).unwrap().as_str().unwrap_or_default().to_owned()
}

/// Chooses of a pane's menu.
#[track_caller]
fn choose(page: &Page, pane: &str, entry: &str) {
    page.click(&format!("Arrange {pane}"));
    wait(entry, || {
        let css = "[role=menuitem]:not(:disabled)";
        let items = page.browser.by_role(None, css, "menuitem", |label| label == entry)?;
        items.first().map(|item| page.browser.click(item)).transpose()
    })
    .unwrap();
}

#[test]
fn panes_are_split_named_closed_and_there_again_after_a_reload() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    choose(&page, "Connection 1", "Split to the right");
    lie(&page, "1 | 2");
    choose(&page, "Connection 2", "Split below");
    lie(&page, "1 | 2 / 3");
    // The name of a pane is that of its client, whichever is given.
    page.pane(3).types(&F2.to_string());
    page.browser.press(&format!("worker{ENTER}")).unwrap();
    page.named("worker").run("CLIENT GETNAME", "\"worker\"");
    page.pane(2).enter("CLIENT SETNAME reader");
    page.named("reader").shows("CLIENT SETNAME reader", "OK");
    choose(&page, "Connection 1", "Rename");
    page.browser.press(&format!("my own{ENTER}")).unwrap();
    page.named("my own").run("CLIENT GETNAME", "(nil)");
    lie(&page, "my own | reader / worker");
    page.browser.reload().unwrap();
    page.named("reader").run("CLIENT GETNAME", "\"reader\"");
    lie(&page, "my own | reader / worker");
    // One that was interrupted is still called the same.
    page.named("worker").enter("BLPOP queue 0");
    page.click("Stop waiting");
    page.named("worker").shows("BLPOP queue 0", "^C");
    page.named("worker").run("CLIENT GETNAME", "\"worker\"");
    page.click("Close reader");
    lie(&page, "my own | worker");
    page.named("worker").enter("RESET");
    page.pane(3).shows("RESET", "RESET");
    lie(&page, "my own | 3");
    choose(&page, "my own", "Close");
    lie(&page, "3");
    page.is_quiet();
}

/// With the keyboard alone, and in words for those who do not see where a pane has gone.
#[test]
fn panes_are_moved_and_sized_with_the_keyboard() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    page.second_pane();
    lie(&page, "1 | 2");
    let keys = |name: &str, keys: &str| {
        wait("the keys to be taken", || {
            let css = "button, [role=separator]";
            let script = "const wanted = arguments[1];
                return [...document.querySelectorAll(arguments[0])].find((it) => it.ariaLabel === wanted)";
            let found = page.browser.found_by(script, &[css.into(), name.into()])?;
            page.browser.type_into(&found, keys).map(Some)
        })
        .unwrap();
    };
    keys("Arrange Connection 2", &format!("{ALT}{LEFT}{RELEASE}"));
    lie(&page, "2 | 1");
    assert_eq!(order(&page), "2 1");
    page.says("Connection 2 is pane 1 of 2 now.");
    // The button has kept the focus through it.
    page.browser.press(&format!("{ALT}{DOWN}{RELEASE}")).unwrap();
    lie(&page, "1 / 2");
    page.says("Connection 2 is pane 2 of 2 now.");
    // Enter opens the menu, in which arrows go from entry to entry; what cannot be done is passed over.
    page.browser.press(&ENTER.to_string()).unwrap();
    wait("the menu", || {
        let focused = "return document.activeElement.textContent === 'Rename'";
        Ok((page.browser.script(focused, &[])? == true).then_some(()))
    })
    .unwrap();
    // Rename, Split to the right, Split below, Move left: it would have the whole edge.
    page.browser.press(&format!("{DOWN}{DOWN}{DOWN}{ENTER}")).unwrap();
    lie(&page, "2 | 1");
    // The edge tells how large the first one is, which is that large.
    let is = |percent: i64| {
        let script = "const widths = [...document.querySelectorAll('.pane')].map((pane) => pane.offsetWidth);
            const told = Number(document.querySelector('[role=separator][aria-valuenow]').ariaValueNow);
            return [told, 100 * widths[0] / (widths[0] + widths[1])]";
        let seen = page.browser.script(script, &[]).unwrap();
        assert_eq!(seen[0].as_i64(), Some(percent));
        // But for the gap between them.
        assert!((seen[1].as_f64().unwrap() - percent as f64).abs() < 1.0, "{seen}");
    };
    let edge = "Size of Connection 2";
    is(50);
    keys(edge, &format!("{RIGHT}{RIGHT}"));
    is(60);
    keys(edge, &format!("{HOME}{UP}"));
    is(10);
    keys(edge, &ENTER.to_string());
    is(50);
    page.is_quiet();
}

#[test]
fn panes_are_dragged_by_their_titles_and_edges() {
    let page = Page::open();
    page.pane(1).run("SET kept 1", "OK");
    page.second_pane().run("GET kept", "\"1\"");
    lie(&page, "1 | 2");
    // Where in a pane, in parts of its width and height from its left upper corner.
    let point = |name: &str, right: f64, down: f64| {
        let script = "const pane = [...document.querySelectorAll('.pane')]
                .find((pane) => pane.getAttribute('aria-label') === arguments[0]);
            const { left, top, width, height } = pane.getBoundingClientRect();
            return [left + width * arguments[1], top + height * arguments[2]].map(Math.round)";
        let args = [name.into(), right.into(), down.into()];
        let at = page.browser.script(script, &args).unwrap();
        (at[0].as_i64().unwrap(), at[1].as_i64().unwrap())
    };
    let title = |name: &str| {
        let (x, y) = point(name, 0.0, 0.0);
        (x + 30, y + 18)
    };
    let drag = |from: (i64, i64), to: (i64, i64)| page.browser.drag(from, to).unwrap();
    // Into the middle: they change places.
    drag(title("Connection 1"), point("Connection 2", 0.5, 0.5));
    lie(&page, "2 | 1");
    // To an edge: beside it.
    drag(title("Connection 1"), point("Connection 2", 0.5, 0.9));
    lie(&page, "2 / 1");
    drag(title("Connection 1"), point("Connection 2", 0.9, 0.5));
    lie(&page, "2 | 1");
    // Nowhere: it stays.
    drag(title("Connection 1"), point("Connection 1", 0.5, 0.5));
    lie(&page, "2 | 1");
    let width = || {
        let script = "return document.querySelector('.pane').offsetWidth";
        page.browser.script(script, &[]).unwrap().as_i64().unwrap()
    };
    let before = width();
    let (x, y) = point("Connection 2", 1.0, 0.5);
    drag((x + 5, y), (x - 95, y));
    wait("another width", || Ok(((before - width() - 100).abs() < 4).then_some(()))).unwrap();
    // What was there has been carried along.
    page.pane(1).run("GET kept", "\"1\"");
    page.is_quiet();
}

/// A lesson has panes of its own; those of a person come back as they were.
#[test]
fn panes_of_a_lesson_leave_the_others_alone() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    choose(&page, "Connection 1", "Split below");
    lie(&page, "1 / 2");
    page.pane(2).enter("TUTORIAL 1");
    lie(&page, "a");
    page.click("Close the panel");
    lie(&page, "1 / 2");
    page.pane(2).enter("TUTORIAL");
    lie(&page, "a");
    page.browser.reload().unwrap();
    lie(&page, "a");
    page.click("Close the panel");
    lie(&page, "1 / 2");
    page.is_quiet();
}

#[test]
fn panes_are_tabs_where_there_is_no_room() {
    let page = Page::open();
    page.browser.resize(390, 780, true).unwrap();
    page.pane(1).run("PING", "PONG");
    page.pane(1).enter("BLPOP jobs 0");
    page.second_pane();
    let tab = |name: &str, what: &str| {
        wait(what, || {
            let script = "const tab = [...document.querySelectorAll('nav[aria-label=Panes] button')]
                    .find((tab) => tab.textContent === arguments[0]);
                return [tab.ariaCurrent === 'true' && 'seen', 'news' in tab.dataset && 'news'].filter(Boolean).join()";
            Ok((page.browser.script(script, &[name.into()])? == what).then_some(()))
        })
        .unwrap();
    };
    tab("Connection 2", "seen");
    page.pane(2).run("RPUSH jobs hello", "(integer) 1");
    // The other one has been woken, which its tab tells.
    tab("Connection 1", "news");
    page.click("Connection 1");
    tab("Connection 1", "seen");
    let all = "const panes = [...document.querySelectorAll('.pane')].map((pane) => pane.getBoundingClientRect());
        return panes[0].left >= 0 && panes[0].right <= innerWidth && panes[1].left >= innerWidth - 8";
    wait("one pane to fill the screen", || {
        Ok((page.browser.script(all, &[])? == true).then_some(()))
    })
    .unwrap();
    page.pane(1).shows("BLPOP jobs 0", "1) \"jobs\"\n2) \"hello\"");
    choose(&page, "Connection 1", "Move right");
    assert_eq!(order(&page), "2 1");
    page.is_quiet();
}
