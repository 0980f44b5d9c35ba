//! What a person may do to the page that is too much, that is no text, or that is no plain typing.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::{CONTROL, ENTER, RELEASE, Result, wait};
use redstart_tests::page::Page;
use serde_json::json;

/// Pastes many lines into the first line that there is.
const PASTE: &str = r#"
    const lines = Array.from({ length: 100000 }, (_, number) => `SET key:${number} x`);
    const data = new DataTransfer();
    data.setData("text/plain", `${lines.join("\n")}\nSET last x\n`);
    const input = document.querySelector("[role=group] input");
    input.focus();
    input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
"#;

#[test]
fn a_huge_paste_runs_line_by_line_until_it_is_stopped() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("PING", "PONG");
    page.browser.script(PASTE, &[]).unwrap();
    let has_more = || -> Result<bool> {
        let script = "return document.querySelector('.pane').innerText.includes('lines wait')";
        Ok(page.browser.script(script, &[])? == true)
    };
    wait("the lines that wait", || Ok(has_more()?.then_some(()))).unwrap();
    wait("a reply to the first", || {
        let script = "return document.querySelector('.log').innerText.includes('OK')";
        Ok((page.browser.script(script, &[])? == true).then_some(()))
    })
    .unwrap();
    pane.types(&format!("{CONTROL}c{RELEASE}"));
    wait("the lines to be given up", || Ok((!has_more()?).then_some(()))).unwrap();
    pane.enter("CLEAR");
    pane.run("EXISTS key:0 last", "(integer) 1");
    page.is_quiet();
}

#[test]
fn names_and_values_may_be_any_bytes() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run(r#"HSET "h\x00" "" "\xff" f """#, "(integer) 2");
    pane.run(r#"SADD "s\x00" "" "\xfe""#, "(integer) 2");
    page.view("keys");
    page.view_says("2 keys");
    let open = |name: &str| {
        page.browser.script("redstart.studio('keys ' + arguments[0])", &[json!(name)]).unwrap();
    };
    open(r#""h\x00""#);
    page.view_says("2 fields");
    let cell = |text: &str| page.part("button", "button", text);
    cell(r#""\xff""#);
    page.browser.click(&cell("(empty)")).unwrap();
    page.fill("Value", r#""\x01 y""#);
    page.press("Set");
    page.view_says(r#"HSET "h\x00" f "\x01 y""#);
    page.server_says(r#"HGET "h\x00" f"#, r#""\x01 y""#);
    open(r#""s\x00""#);
    page.view_says("2 members");
    page.view_says("(empty)");
    page.view_says(r#""\xfe""#);
    page.is_quiet();
}

/// With an input method, keys choose what is written until it is taken; the line leaves them to it.
#[test]
fn an_input_method_writes_into_the_line() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.types("SET word ");
    pane.holds("SET word ");
    let compose = |text: &str| {
        let end = text.chars().count();
        let params = json!({ "text": text, "selectionStart": end, "selectionEnd": end });
        page.browser.devtools("Input.imeSetComposition", &params).unwrap();
    };
    compose("かな");
    pane.holds("SET word かな");
    // As a browser tells of keys that the method takes.
    let script = "const field = document.activeElement;
        const keys = ['ArrowUp', 'Tab', 'Escape'].map((key) => new KeyboardEvent('keydown',
            { key, isComposing: true, bubbles: true, cancelable: true }));
        return keys.map((event) => field.dispatchEvent(event))";
    assert_eq!(page.browser.script(script, &[]).unwrap(), json!([true, true, true]));
    compose("仮名");
    page.browser.devtools("Input.insertText", &json!({ "text": "仮名" })).unwrap();
    pane.holds("SET word 仮名");
    pane.types(&ENTER.to_string());
    pane.shows("SET word 仮名", "OK");
    pane.run("STRLEN word", "(integer) 6");
    page.is_quiet();
}

/// Ctrl-C copies what is selected, as everywhere, and interrupts only where there is nothing to copy.
#[test]
fn what_is_selected_is_copied_not_interrupted() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("ECHO copied", "\"copied\"");
    pane.enter("BLPOP nothing 0");
    pane.shows("BLPOP nothing 0", "");
    let log = pane.parts().unwrap().log;
    let select = "const texts = document.createTreeWalker(arguments[0], NodeFilter.SHOW_TEXT);
        let text;
        do text = texts.nextNode(); while (!text.data.includes('\"copied\"'));
        const start = text.data.indexOf('\"copied\"');
        getSelection().setBaseAndExtent(text, start, text, start + 8)";
    page.browser.script(select, &[log.json()]).unwrap();
    // The focus stays in the line, as after a drag across the log.
    page.browser.press(&format!("{CONTROL}c{RELEASE}")).unwrap();
    page.browser.script("getSelection().removeAllRanges()", &[]).unwrap();
    assert!(!pane.below("BLPOP nothing 0").unwrap().unwrap().contains("^C"));
    page.second_pane().run("LPUSH nothing job", "(integer) 1");
    pane.shows("BLPOP nothing 0", "1) \"nothing\"\n2) \"job\"");
    pane.types("GET ");
    page.browser.press(&format!("{CONTROL}v{RELEASE}")).unwrap();
    pane.holds("GET \"copied\"");
    page.is_quiet();
}
