//! Sharing a session, and looking back on what was done to the person's own data.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::wait;
use redstart_tests::page::Page;
use serde_json::json;

/// Opens sharing from the first pane's bar.
fn share(page: &Page) {
    wait("the button for sharing", || {
        let buttons =
            page.browser.by_role(None, ".pane-bar button", "button", |it| it == "Share")?;
        buttons.first().map(|button| page.browser.click(button)).transpose()
    })
    .unwrap();
}

/// The link that is offered.
fn link(page: &Page) -> String {
    let script = "return document.querySelector('.share input[type=text]')?.value ?? ''";
    wait("a link", || {
        let link = page.browser.script(script, &[])?;
        Ok(link.as_str().filter(|link| link.contains("#share=")).map(str::to_owned))
    })
    .unwrap()
}

/// A page that a link opens in a browser of its own.
fn opened(link: &str) -> Page {
    let page = Page::open();
    page.pane(1).run("SET mine 1", "OK");
    // The address of the page that is open with something else behind the `#`.
    page.browser.script("location.assign(arguments[0])", &[json!(link)]).unwrap();
    page
}

/// What a pane shows, but for the first line if that is a note of the page.
fn log(page: &Page, pane: &str) -> String {
    page.browser.text(&page.named(pane).parts().unwrap().log).unwrap()
}

#[test]
fn a_link_opens_what_was_done_and_leaves_own_data_alone() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("SADD colours red green blue yellow", "(integer) 4");
    // Drawn so often that nobody draws the same again.
    pane.run("SRANDMEMBER colours -40", "1)");
    pane.run("SET code 4711 EX 3600", "OK");
    pane.run("SELECT 2", "OK");
    pane.run("HELLO 3", "1#");
    pane.run("CONFIG GET maxmemory", "1#");
    let second = page.second_pane();
    second.run("PUBLISH nobody hears", "(integer) 0");
    share(&page);
    let link = link(&page);
    assert!(link.len() < 1500, "{link}");
    page.view_says("7 commands");
    page.view_says("given anew");
    page.press("Copy the link");
    page.view_says("Cop");
    page.is_quiet();

    let other = opened(&link);
    other.view_says("shared with you");
    other.view_says("7 / 7");
    // What was drawn by lot there was drawn by this page's own store; the link tells what its own
    // run has drawn, and that is what is seen here.
    let seen = log(&other, "Connection 1");
    assert!(seen.contains("redstart> SADD colours red green blue yellow\n(integer) 4"), "{seen}");
    assert!(
        seen.contains("redstart[2]> CONFIG GET maxmemory\n1# \"maxmemory\" => \"0\""),
        "{seen}"
    );
    assert!(log(&other, "Connection 2").contains("redstart> PUBLISH nobody hears\n(integer) 0"));
    // A step back, a branch, and on from the end.
    other.press("To the first step");
    other.view_says("1 / 7");
    other.view_says("yellow");
    other.press("To now");
    other.named("Connection 1").run("TTL code", "(integer) 3");
    other.view_says("8 / 8");
    other.press("Branch from here");
    other.view_says("Branch 1");
    other.press("Back to my data");
    other.pane(1).run("KEYS *", "1) \"mine\"");
    let hash = other.browser.script("return location.hash", &[]).unwrap();
    assert_eq!(hash, "");
    other.browser.reload().unwrap();
    other.pane(1).run("KEYS *", "1) \"mine\"");
    other.is_quiet();
}

/// In a sandbox everything is recorded, chance and time too: what is seen is the same to the letter.
#[test]
fn a_sandbox_is_shared_to_the_letter() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    page.view("time");
    page.press("Open a timeline");
    page.press("+1 h");
    let pane = page.pane(2);
    for line in ["SADD s a b c d e f g", "SPOP s 3", "TIME", "SET k v PX 12345", "PTTL k"] {
        pane.run(line, "");
        wait("its reply", || Ok(pane.below(line)?.filter(|text| !text.is_empty()))).unwrap();
    }
    page.press("Share");
    let link = link(&page);
    let seen = log(&page, "Connection 2");
    // Whoever has the page open already, as well as whoever comes to it.
    let other = Page::open();
    other.browser.go("about:blank").unwrap();
    other.browser.go(&link).unwrap();
    other.view_says("5 / 5");
    assert_eq!(log(&other, "Connection 1"), seen);
    other.is_quiet();
}

/// The data that there was goes with the commands, if the person wants that.
#[test]
fn data_from_before_can_be_shared() {
    let page = Page::open();
    page.pane(1).run("RPUSH list a b c", "(integer) 3");
    page.is_saved();
    page.browser.reload().unwrap();
    page.pane(1).run("LPOP list", "\"a\"");
    share(&page);
    page.view_says("Share the data too");
    let whole = link(&page);
    page.view_says_not("given anew");
    let other = opened(&whole);
    other.view_says("1 / 1");
    assert_eq!(log(&other, "Connection 1"), "redstart> LPOP list\n\"a\"");
    other.named("Connection 1").run("LRANGE list 0 -1", "1) \"b\"");
    let toggle = "document.querySelector('.share input[type=checkbox]').click()";
    page.browser.script(toggle, &[]).unwrap();
    let bare =
        wait("another link", || Ok(Some(link(&page)).filter(|link| *link != whole))).unwrap();
    let other = opened(&bare);
    other.view_says("1 / 1");
    assert_eq!(log(&other, "Connection 1"), "redstart> LPOP list\n(nil)");
}

#[test]
fn bad_links_say_what_is_wrong_and_touch_nothing() {
    let page = Page::open();
    page.pane(1).run("SET a 1", "OK");
    share(&page);
    let link = link(&page);
    let (start, letters) = link.split_once("#share=").unwrap();
    let cut = &letters[..letters.len() / 2];
    let at = letters.len() / 2;
    let other = if letters.as_bytes()[at] == b'A' { 'B' } else { 'A' };
    let changed = format!("{}{other}{}", &letters[..at], &letters[at + 1..]);
    // Zeros, 64 MB of them; and a version that is to come.
    let pack = "const done = arguments[arguments.length - 1];
        import('./share.js').then(async (share) => {
            const zeros = await share.pack(new Uint8Array(64 << 20));
            const newer = await share.pack(Uint8Array.of(9, 1, 2, 3));
            done([share.encode(zeros), share.encode(newer)]);
        });";
    let made = page.browser.script_async(pack).unwrap();
    let made = |index: usize| made[index].as_str().unwrap().to_owned();
    for (letters, says) in [
        (cut.to_owned(), "a part of it is missing"),
        (changed, "a part of it is missing"),
        (String::new(), "a part of it is missing"),
        ("no%20link!".to_owned(), "a part of it is missing"),
        (made(0), "holds more than any"),
        (made(1), "newer version"),
    ] {
        page.press("Close");
        let link = format!("{start}#share={letters}");
        page.browser.script("location.assign(arguments[0])", &[json!(link)]).unwrap();
        page.view_says(says);
    }
    page.pane(1).run("KEYS *", "1) \"a\"");
    page.is_quiet();
}

#[test]
fn what_is_too_long_for_a_link_is_a_file() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    // Letters by lot: nothing compresses them.
    let line =
        "let text = ''; while (text.length < 50000) text += Math.random().toString(36).slice(2);
                redstart.lines_for_test = text; return text";
    let text = page.browser.script(line, &[]).unwrap();
    let script = "const pane = document.querySelector('#line-1');
        const data = new DataTransfer();
        data.setData('text', `SET big ${arguments[0]}\n`);
        pane.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));";
    page.browser.script(script, &[text]).unwrap();
    page.pane(1).run("STRLEN big", "(integer) 500");
    share(&page);
    page.view_says("do not arrive everywhere");
    // What is saved is caught instead of downloaded, and brought back.
    let catch =
        "window.caught = []; redstart.save = (name, content) => caught.push([name, content])";
    page.browser.script(catch, &[]).unwrap();
    page.press("Save as a file");
    page.press("Save the text");
    let names = page.browser.script("return caught.map((it) => it[0])", &[]).unwrap();
    assert_eq!(names, json!(["session.redstart", "session.txt"]));
    let text = page.browser.script("return caught[1][1]", &[]).unwrap();
    assert!(text.as_str().unwrap().starts_with("redstart> PING\nPONG\n"), "{text}");
    let bring = "const input = document.querySelector('.time-view input[type=file]');
        const files = new DataTransfer();
        files.items.add(new File([caught[0][1]], caught[0][0]));
        input.files = files.files;
        input.dispatchEvent(new Event('change', { bubbles: true }));";
    page.browser.script(bring, &[]).unwrap();
    page.view_says("3 / 3");
    page.named("Connection 1").run("STRLEN big", "(integer) 500");
    page.is_quiet();
}

#[test]
fn nothing_to_share_is_said() {
    let page = Page::open();
    share(&page);
    page.view_says("Nothing was done here yet");
    page.pane(1).run("AUTH secret", "(error)");
    page.press("Close");
    share(&page);
    page.view_says("holds a password");
}

#[test]
fn own_data_has_a_timeline() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("SET a 1", "OK");
    pane.run("RPUSH list x y", "(integer) 2");
    // From the start of the visit, not from when somebody looks.
    page.view("time");
    page.view_says("2 / 2");
    pane.run("LPOP list", "\"x\"");
    page.view_says("3 / 3");
    page.press("To the first step");
    page.view_says("1 / 3");
    page.view_says("Looking back changes nothing");
    pane.run("LRANGE list 0 -1", "1) \"y\"");
    page.view_says("1 / 4");
    page.press("To now");
    // Somebody else has changed something.
    page.browser.script("redstart.studio('keys a')", &[]).unwrap();
    let [first, _] = page.second_tab();
    page.pane(1).run("SET a 2", "OK");
    page.browser.switch(&first).unwrap();
    page.view("time");
    page.view_says("changed otherwise");
    page.view_says("5 / 5");
    pane.run("INCR a", "(integer) 3");
    page.view_says("6 / 6");
    page.press("One step back");
    page.press("One step back");
    page.view_says("4 / 6");
    page.press("Branch from here");
    page.view_says("4 / 4");
    page.view_says("Back to my data");
    page.is_quiet();
}

#[test]
fn much_data_has_no_timeline_of_its_own() {
    let page = Page::open();
    page.pane(1).run("DEBUG POPULATE 30000", "OK");
    page.view("time");
    page.view_says("too much for a timeline");
    page.pane(1).run("FLUSHALL", "OK");
    page.pane(1).run("SET a 1", "OK");
    page.view_says("Looking back changes nothing");
}

/// A link opens as soon as the page does: what is asked before the engine runs is answered then.
#[test]
fn an_engine_that_is_being_loaded_misses_nothing() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    let ask = "const done = arguments[arguments.length - 1];
        const worker = redstart.host('other');
        worker.onmessage = ({ data }) => { if (data[0] === 'Sandbox') done(data[2]); };
        worker.postMessage(['nothing', 6, 0, 77, null]);";
    assert_eq!(page.browser.script_async(ask).unwrap(), json!(77));
    page.is_quiet();
}
