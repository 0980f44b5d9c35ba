//! What the page does when the browser does not keep what it should, or lets two tabs keep the same.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::path::PathBuf;

use redstart_tests::browser::{Browser, wait};
use redstart_tests::page::{Page, address, with_files};

/// Room that is not enough for what the tests write, in bytes.
const LITTLE_BYTES: u64 = 2_000_000;
/// Sets a key to more than that, which nothing makes smaller.
const SET_MUCH: &str = r#"
    const letters = Uint8Array.from({ length: 5000000 }, () => Math.random() * 256);
    const head = `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${letters.length}\r\n`;
    const { port1, port2 } = new MessageChannel();
    redstart.engine().postMessage(["", false], [port2]);
    for (const part of [head, letters, "\r\n"]) {
        port1.postMessage(typeof part === "string" ? new TextEncoder().encode(part) : part);
    }
"#;

/// What the page says when there is no room.
const NO_ROOM: &str = "Not saved: this browser gives the page no more room";

/// A page in a tab, with the browser's room for it limited.
fn with_little_room() -> Page {
    let page = Page { browser: Browser::start().unwrap() };
    // Before anything is written: the browser goes by what it found last for half a minute.
    limit(&page, Some(LITTLE_BYTES));
    page.browser.go(&address()).unwrap();
    page.pane(1).run("SET kept 1", "OK");
    page.is_saved();
    page
}

fn limit(page: &Page, bytes: Option<u64>) {
    page.browser.limit_storage(address().trim_end_matches('/'), bytes).unwrap();
}

/// Waits until `line` is answered like this.
#[track_caller]
fn answers(page: &Page, line: &str, reply: &str) {
    let mut last = None;
    let seen = wait("a reply", || {
        let pane = page.pane(1);
        pane.enter("CLEAR");
        pane.enter(line);
        last = wait("any reply", || {
            let text = pane.below(line)?.unwrap_or_default();
            Ok((!text.is_empty() && !text.starts_with("waiting")).then_some(text))
        })
        .ok();
        Ok(last.as_ref().filter(|text| text.contains(reply)).map(drop))
    });
    assert!(seen.is_ok(), "{line}: {last:?} instead of {reply:?}");
}

#[test]
fn a_full_browser_loses_no_snapshot() {
    let page = with_little_room();
    let fill = || {
        page.browser.script(SET_MUCH, &[]).unwrap();
        page.says(NO_ROOM);
    };
    fill();
    answers(&page, "SET more 1", "MISCONF Redis is configured to save RDB snapshots");
    page.pane(1).run("GET kept", "\"1\"");
    // What could not be saved is gone with the tab, and nothing else is.
    page.browser.reload().unwrap();
    page.pane(1).run("DBSIZE", "(integer) 1");
    page.pane(1).run("GET kept", "\"1\"");
    fill();
    // There is room again: it is saved without anybody's doing.
    limit(&page, None);
    page.says("Saved");
    answers(&page, "SET more 1", "OK");
    page.is_saved();
    page.browser.reload().unwrap();
    page.pane(1).run("DBSIZE", "(integer) 3");
    page.is_quiet();
}

#[test]
fn a_full_browser_loses_no_append_only_file() {
    let page = with_little_room();
    page.pane(1).run("CONFIG SET save \"\" appendonly yes", "OK");
    answers(&page, "INFO persistence", "aof_rewrite_in_progress:0\naof_rewrite_scheduled:0");
    page.browser.script(SET_MUCH, &[]).unwrap();
    page.says(NO_ROOM);
    answers(&page, "SET more 1", "MISCONF Errors writing to the AOF file");
    limit(&page, None);
    answers(&page, "SET more 1", "OK");
    page.says("Saved");
    // What was refused first is in its place now, before what came after it.
    page.browser.reload().unwrap();
    page.pane(1).run("STRLEN big", "(integer) 5000000");
    page.pane(1).run("MGET kept more", "1) \"1\"\n2) \"1\"");
    page.is_quiet();
}

/// Where not one byte more can be kept, what is kept is there to be read, and is kept on when there is room.
#[test]
fn a_full_browser_opens_what_it_keeps() {
    let profile = Profile::new("full");
    let page = Page { browser: Browser::start_with(&profile.0).unwrap() };
    page.browser.go(&address()).unwrap();
    page.pane(1).run("SET kept 1", "OK");
    page.is_saved();
    drop(page);
    let page = Page { browser: Browser::start_with(&profile.0).unwrap() };
    limit(&page, Some(1));
    page.browser.go(&address()).unwrap();
    page.pane(1).run("GET kept", "\"1\"");
    page.pane(1).run("SET more 1", "OK");
    page.says(NO_ROOM);
    limit(&page, None);
    page.says("Saved");
    page.browser.reload().unwrap();
    page.pane(1).run("MGET kept more", "1) \"1\"\n2) \"1\"");
    page.is_quiet();
}

/// Settings last as long as the store, but for those with which nobody could set them back.
#[test]
fn no_setting_locks_a_person_out() {
    let page = Page::open();
    page.pane(1).run("CONFIG SET hz 11 maxclients 1 key-load-delay 100000000", "OK");
    page.pane(1).run("SET kept 1", "OK");
    page.is_saved();
    page.browser.reload().unwrap();
    page.pane(1).run("GET kept", "\"1\"");
    page.pane(1).run("CONFIG GET hz", "1) \"hz\"\n2) \"11\"");
    page.is_quiet();
}

/// What the page advises where there is no room, helps.
#[test]
fn a_full_browser_is_emptied_as_the_page_says() {
    let page = with_little_room();
    page.browser.script(SET_MUCH, &[]).unwrap();
    page.says(NO_ROOM);
    answers(&page, "DEL big", "MISCONF");
    page.pane(1).run("CONFIG SET stop-writes-on-bgsave-error no", "OK");
    page.pane(1).run("DEL big", "(integer) 1");
    page.says("Saved");
    page.browser.reload().unwrap();
    page.pane(1).run("DBSIZE", "(integer) 1");
    page.pane(1).run("GET kept", "\"1\"");
    page.is_quiet();
}

/// Nobody is told of a write as done that is not safe; who waits hears of it when there is room.
#[test]
fn a_full_browser_answers_what_is_safe() {
    let page = with_little_room();
    page.pane(1).run("CONFIG SET save \"\" appendfsync always appendonly yes", "OK");
    page.pane(1).run("SET kept 2", "OK");
    page.browser.script(SET_MUCH, &[]).unwrap();
    page.says(NO_ROOM);
    answers(&page, "SET more 1", "MISCONF Errors writing to the AOF file");
    page.pane(1).run("GET kept", "\"2\"");
    limit(&page, None);
    answers(&page, "SET more 1", "OK");
    page.says("Saved");
    page.browser.reload().unwrap();
    page.pane(1).run("STRLEN big", "(integer) 5000000");
    page.pane(1).run("MGET kept more", "1) \"2\"\n2) \"1\"");
    page.is_quiet();
}

/// Settings that could not be kept are, before anything counts that depends on them.
#[test]
fn a_full_browser_forgets_no_settings() {
    let profile = Profile::new("settings");
    let page = Page { browser: Browser::start_with(&profile.0).unwrap() };
    page.browser.go(&address()).unwrap();
    page.pane(1).run("SET kept 1", "OK");
    page.pane(1).run("CONFIG SET save \"\" appendonly yes", "OK");
    answers(&page, "INFO persistence", "aof_rewrite_in_progress:0\naof_rewrite_scheduled:0");
    drop(page);
    let page = Page { browser: Browser::start_with(&profile.0).unwrap() };
    limit(&page, Some(1));
    page.browser.go(&address()).unwrap();
    page.pane(1).run("GET kept", "\"1\"");
    page.pane(1).run("CONFIG SET appendonly no", "OK");
    page.says(NO_ROOM);
    page.pane(1).run("SET kept 2", "OK");
    limit(&page, None);
    answers(&page, "SAVE", "OK");
    // The append-only file is there still, and is older.
    page.browser.reload().unwrap();
    page.pane(1).run("GET kept", "\"2\"");
    page.is_quiet();
}

/// The same page from an origin that browsers do not trust.
fn unsafe_address() -> String {
    address().replace("127.0.0.1", "unsafe.test")
}

/// Opens the page where there are no Web Locks.
fn open_without_locks() -> Page {
    let page = Page::open();
    page.browser.go(&unsafe_address()).unwrap();
    let has_locks = page.browser.script("return 'locks' in navigator", &[]).unwrap();
    assert_eq!(has_locks, false, "this origin is as good as any");
    page
}

#[test]
fn tabs_share_a_store_without_locks() {
    let page = open_without_locks();
    page.pane(1).run("SET shared 1", "OK");
    let [first, second] = page.tab_at(&unsafe_address());
    page.pane(1).run("INCR shared", "(integer) 2");
    page.says("Shared with another tab");
    page.browser.switch(&first).unwrap();
    page.pane(1).run("INCR shared", "(integer) 3");
    page.is_saved();
    page.browser.close_tab().unwrap();
    page.browser.switch(&second).unwrap();
    page.says("Loaded");
    answers(&page, "INCR shared", "(integer) 4");
    page.is_saved();
    page.browser.reload().unwrap();
    page.pane(1).run("GET shared", "\"4\"");
    page.is_quiet();
}

/// A tab that was frozen knows nothing of what has happened meanwhile; it must not write over it.
#[test]
fn a_tab_that_has_lost_its_store_does_not_write() {
    let page = open_without_locks();
    page.pane(1).run("SET who first", "OK");
    page.is_saved();
    let first = page.browser.tab().unwrap();
    page.browser.freeze(true).unwrap();
    let [_, second] = page.tab_at(&unsafe_address());
    page.pane(1).run("GET who", "\"first\"");
    page.says("Loaded");
    page.pane(1).run("SET who second", "OK");
    page.is_saved();
    page.browser.switch(&first).unwrap();
    page.browser.freeze(false).unwrap();
    page.pane(1).enter("SET who \"first again\"");
    page.fails("Another tab has taken over what this one has kept");
    page.browser.switch(&second).unwrap();
    page.browser.reload().unwrap();
    page.pane(1).run("GET who", "\"second\"");
    // Nor is the other tab lost: it is a client now.
    page.browser.switch(&first).unwrap();
    page.browser.reload().unwrap();
    page.pane(1).run("GET who", "\"second\"");
    page.says("Shared with another tab");
}

/// Whatever a tab believes: the database decides whose a store is, within each transaction.
#[test]
fn a_store_that_is_another_s_is_not_written_to() {
    let page = Page::open();
    page.pane(1).run("SET who this", "OK");
    page.is_saved();
    let before = page.files();
    let take = "files.put('somebody', ['']);";
    page.browser.script_async(&with_files(take)).unwrap();
    page.pane(1).enter("SET who \"this again\"");
    page.fails("Another tab has taken over what this one has kept");
    assert_eq!(page.files(), before);
    page.browser.reload().unwrap();
    page.pane(1).run("GET who", "\"this\"");
}

/// A folder of this test's own, which is removed with it.
struct Profile(PathBuf);

impl Profile {
    fn new(name: &str) -> Self {
        let name = format!("redstart-keeping-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A browser that has kept a key, and another one with the same files, which are locked for it.
fn with_the_same_files(first: &Profile, second: &Profile) -> [Page; 2] {
    let open = |profile: &Profile| {
        let page = Page { browser: Browser::start_with(&profile.0).unwrap() };
        page.browser.go(&address()).unwrap();
        page
    };
    let page = open(first);
    page.pane(1).run("SET kept 1", "OK");
    page.is_saved();
    let [here, there] = [first, second].map(|profile| profile.0.join("Default/IndexedDB"));
    std::fs::create_dir_all(there.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(here, there).unwrap();
    let other = open(second);
    other.says("Opening this browser's storage");
    [page, other]
}

/// The files of a browser that was killed can stay locked for seconds; another one opens them then. That
/// is no empty store.
#[test]
fn a_store_that_is_locked_is_waited_for() {
    let (first, second) = (Profile::new("first"), Profile::new("second"));
    let [page, other] = with_the_same_files(&first, &second);
    other.pane(1).enter("DBSIZE");
    let tried = "const done = arguments[arguments.length - 1];
                 const opening = indexedDB.open('redstart');
                 opening.onsuccess = () => done('opened');
                 opening.onerror = () => done(opening.error.message);";
    let error = other.browser.script_async(tried).unwrap();
    assert!(error.as_str().unwrap().contains("backing store"), "{error}");
    other.says("Opening this browser's storage");
    drop(page);
    other.pane(1).shows("DBSIZE", "(integer) 1");
    other.pane(1).run("GET kept", "\"1\"");
}

/// Who waits in vain is told so, and can go on without; nothing is lost by that.
#[test]
fn a_store_that_stays_locked_is_given_up() {
    let (first, second) = (Profile::new("holding"), Profile::new("waiting"));
    let [page, other] = with_the_same_files(&first, &second);
    // It takes ten tries, a second after each other.
    let is_given_up = || {
        let shown = "return !document.getElementById('failure').hidden";
        wait("the panel", || Ok((other.browser.script(shown, &[])? == true).then_some(())))
    };
    assert!((0..4).any(|_| is_given_up().is_ok()), "it is still waiting");
    other.fails("The browser does not open what it keeps for this page: ");
    let go_on = "document.querySelector('#failure a').click()";
    other.browser.script(go_on, &[]).unwrap();
    other.says("This browser keeps no data for this page");
    other.pane(1).run("DBSIZE", "(integer) 0");
    other.pane(1).run("SET kept 2", "OK");
    drop(page);
    other.browser.go(&address()).unwrap();
    other.pane(1).run("GET kept", "\"1\"");
}

/// A browser that is killed in the middle of a write leaves half a record in its log. Chromium takes
/// the next ones behind it for broken and removes everything, unless it writes them elsewhere.
#[test]
fn half_a_record_of_the_browser_costs_no_data() {
    let profile = Profile::new("half");
    let open = || {
        let page = Page { browser: Browser::start_with(&profile.0).unwrap() };
        page.browser.go(&address()).unwrap();
        page
    };
    let page = open();
    for line in ["SET kept 1", "SET lost 1"] {
        page.pane(1).run(line, "OK");
        page.is_saved();
    }
    page.browser.kill().unwrap();
    let folders = std::fs::read_dir(profile.0.join("Default/IndexedDB")).unwrap();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    let logs = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "log"));
    for log in logs {
        let log = std::fs::File::options().write(true).open(log).unwrap();
        let bytes = log.metadata().unwrap().len();
        log.set_len(bytes - 20).unwrap();
    }
    let page = open();
    page.pane(1).run("GET kept", "\"1\"");
    page.pane(1).run("SET more 1", "OK");
    page.is_saved();
    page.browser.kill().unwrap();
    let page = open();
    page.pane(1).run("MGET kept more", "1) \"1\"\n2) \"1\"");
}

/// Where the browser goes on refusing what it has kept, one can go on without.
#[test]
fn the_page_opens_without_what_was_kept() {
    let page = Page::open();
    page.pane(1).run("SET kept 1", "OK");
    page.is_saved();
    page.browser.go(&format!("{}?memory", address())).unwrap();
    page.says("This browser keeps no data for this page");
    page.pane(1).run("DBSIZE", "(integer) 0");
    page.pane(1).run("SET other 1", "OK");
    page.browser.go(&address()).unwrap();
    page.pane(1).run("DBSIZE", "(integer) 1");
    page.pane(1).run("GET kept", "\"1\"");
    page.is_quiet();
}
