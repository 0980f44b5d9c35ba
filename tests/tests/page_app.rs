//! The page as an app: installed, light or dark, by keyboard alone, on a phone, and where the browser
//! refuses what it needs.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::{Browser, ENTER, TAB, wait};
use redstart_tests::page::{Page, address};
use serde_json::{Value, json};

/// The names of the views of the panel.
fn views(page: &Page) -> Vec<String> {
    page.view("keys");
    let script =
        "return [...document.querySelectorAll('#studio [role=tab]')].map((tab) => tab.id.slice(4))";
    let names = page.browser.script(script, &[]).unwrap();
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_page_can_be_installed() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    page.browser.script_async("navigator.serviceWorker.ready.then(arguments[0])").unwrap();
    let errors = page.browser.devtools("Page.getInstallabilityErrors", &json!({})).unwrap();
    assert_eq!(errors["installabilityErrors"], json!([]));
    page.is_quiet();
}

#[test]
fn the_theme_is_chosen_and_kept() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    let ground = || {
        let script = "return getComputedStyle(document.body).backgroundColor";
        page.browser.script(script, &[]).unwrap()
    };
    page.click("Theme: as the system");
    let light = ground();
    page.click("Theme: light");
    let dark = ground();
    assert_ne!(light, dark);
    page.browser.reload().unwrap();
    page.pane(1).run("PING", "PONG");
    assert_eq!(ground(), dark);
    page.click("Theme: dark");
    page.browser.prefers("color-scheme", "dark").unwrap();
    assert_eq!(ground(), dark);
    page.browser.prefers("color-scheme", "light").unwrap();
    assert_eq!(ground(), light);
    page.is_quiet();
}

#[test]
fn who_wants_no_motion_gets_none() {
    let page = Page::open();
    page.pane(1).enter("BLPOP nothing 0");
    // The longest of all animations and transitions in the page, in seconds.
    let longest = || {
        let script = "const seconds = (text) => text.split(',').map(parseFloat);
            return Math.max(...[...document.querySelectorAll('*')].flatMap((it) => [getComputedStyle(it), getComputedStyle(it, '::before')])
                .flatMap((style) => [...seconds(style.animationDuration), ...seconds(style.transitionDuration)])
                .filter((time) => time >= 0))";
        page.browser.script(script, &[]).unwrap().as_f64().unwrap()
    };
    wait("something that moves", || Ok((longest() > 0.1).then_some(()))).unwrap();
    page.browser.prefers("reduced-motion", "reduce").unwrap();
    assert!(longest() < 0.001, "{} s", longest());
    page.is_quiet();
}

/// Into smaller ones, iOS zooms when they are typed into.
#[test]
fn fields_of_a_phone_have_16_pixels() {
    let page = Page::open();
    page.browser.resize(390, 780, true).unwrap();
    page.pane(1).run("PING", "PONG");
    let mut small = Vec::new();
    for view in views(&page) {
        page.view(&view);
        if view == "keys" {
            page.view_says("There are no keys yet");
            page.press("Make example keys");
            page.view_says("15 keys");
        }
        let script = "return [...document.querySelectorAll('input, select, textarea')]
            .filter((field) => field.offsetParent && !['range', 'checkbox', 'radio', 'file'].includes(field.type))
            .filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16)
            .map((field) => `${arguments[0]}: ${field.outerHTML.slice(0, 120)}`)";
        let found = page.browser.script(script, &[view.as_str().into()]).unwrap();
        small.extend(found.as_array().unwrap().iter().map(Value::to_string));
    }
    assert!(small.is_empty(), "{}", small.join("\n"));
    page.is_quiet();
}

/// Tab comes to every control, shows where it is, and gets away from each.
#[test]
fn every_control_is_reached_with_the_tab_key() {
    let page = Page::open();
    page.pane(1).run("SET a 1", "OK");
    page.second_pane();
    page.view("keys");
    page.view_says("1 key");
    let unreached = "
        const focused = document.activeElement;
        focused.dataset.reached = getComputedStyle(focused).outlineStyle !== 'none'
            || focused.matches('.line input, .edge, .studio-edge') ? 'seen' : 'not seen';
        return [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex=\"0\"]')]
            .filter((it) => it.checkVisibility() && !it.disabled && it.tabIndex >= 0 && it.dataset.reached !== 'seen')
            .map((it) => `${it.dataset.reached ?? 'not reached'}: ${it.outerHTML.slice(0, 160)}`)";
    let mut last = Vec::new();
    for _ in 0..100 {
        page.browser.press(&TAB.to_string()).unwrap();
        let left = page.browser.script(unreached, &[]).unwrap();
        last = left.as_array().unwrap().iter().map(Value::to_string).collect();
        if last.is_empty() {
            break;
        }
    }
    assert!(last.is_empty(), "{}", last.join("\n"));
    page.is_quiet();
}

/// From the prompt to a value in the panel and back, without a mouse.
#[test]
fn the_page_is_used_with_the_keyboard_alone() {
    let page = Page::open();
    page.pane(1).run("SET greeting hello", "OK");
    let tab_to = |name: &str| {
        for _ in 0..60 {
            let script = "const it = document.activeElement; return it.ariaLabel || it.textContent";
            if page.browser.script(script, &[]).unwrap() == name {
                return;
            }
            page.browser.press(&TAB.to_string()).unwrap();
        }
        panic!("Tab does not come to {name}");
    };
    tab_to("Data");
    page.browser.press(&ENTER.to_string()).unwrap();
    page.view_says("greeting");
    tab_to("Search keys");
    page.browser.press("greet").unwrap();
    page.view_says("1 of 1 keys");
    tab_to("Close the panel");
    page.browser.press(&ENTER.to_string()).unwrap();
    // The caret is back in the line.
    wait("the caret", || {
        let script = "return document.activeElement.ariaLabel === 'Redis command'";
        Ok((page.browser.script(script, &[])? == true).then_some(()))
    })
    .unwrap();
    page.browser.press(&format!("GET greeting{ENTER}")).unwrap();
    page.pane(1).shows("GET greeting", "\"hello\"");
    page.is_quiet();
}

/// What is new is read out once, and what has become of the data too.
#[test]
fn screen_readers_are_told_what_is_new() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("PING", "PONG");
    let log = pane.parts().unwrap().log;
    let script = "const log = arguments[0];
        window.first = log.firstElementChild;
        return [log.ariaLive ?? log.getAttribute('aria-live'), log.getAttribute('aria-label')]";
    let told = page.browser.script(script, &[log.json()]).unwrap();
    assert_eq!(told, json!(["polite", "Output of Connection 1"]));
    pane.run("SET a 1", "OK");
    // Blocks that are there already stay the same elements, or they would be read out again.
    let script = "return window.first.isConnected && window.first.innerText.includes('PONG')";
    assert_eq!(page.browser.script(script, &[]).unwrap(), true);
    page.says("Saved in this browser");
}

#[test]
fn what_cannot_be_loaded_is_named() {
    let browser = Browser::start().unwrap();
    browser.block("*studio_bg.wasm").unwrap();
    browser.go(&address()).unwrap();
    let page = Page { browser };
    // The panel alone is missing; everything else goes on.
    page.pane(1).run("SET a 1", "OK");
    page.click("Tutorial");
    wait("the reason", || {
        let script = "return document.getElementById('studio').innerText";
        let text = page.browser.script(script, &[])?;
        let text = text.as_str().unwrap_or_default();
        Ok(text.contains("The panel could not be loaded").then_some(()))
    })
    .unwrap();
    page.pane(1).run("GET a", "\"1\"");
    page.browser.script_first("delete window.WebAssembly").unwrap();
    page.browser.reload().unwrap();
    let mut last = String::new();
    let said = wait("an alert", || {
        let alerts = page.browser.by_role(None, "[role=alert]", "alert", |_| true)?;
        last = alerts.first().map(|it| page.browser.text(it)).transpose()?.unwrap_or_default();
        Ok(last.contains("This browser has no WebAssembly, or it is switched off.").then_some(()))
    });
    assert!(said.is_ok(), "{last:?}");
}
