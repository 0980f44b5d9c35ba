//! What the page keeps in the browser, and how.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]
#![allow(clippy::print_stdout, reason = "the measured times belong into the report")]

use std::thread;
use std::time::Duration;

use redstart_tests::browser::{Browser, ENTER, wait};
use redstart_tests::page::{Page, address, with_files};

/// From the moment when the worker has the store until 100,000 keys of it can be asked for.
const REOPEN_MS_MAX: f64 = 100.0;
/// How often this is measured.
const REOPENINGS: u32 = 5;

/// A page whose store has an append-only file and no snapshots.
fn with_append_only_file() -> Page {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("SET before 1", "OK");
    pane.run("CONFIG SET save \"\" appendfsync always appendonly yes", "OK");
    wait("the append-only file", || {
        pane.enter("CLEAR");
        pane.run("INFO persistence", "# Persistence");
        let text = pane.below("INFO persistence")?.unwrap_or_default();
        let is_on = text.contains("aof_enabled:1") && text.contains("aof_rewrite_in_progress:0");
        Ok((is_on && text.contains("aof_rewrite_scheduled:0")).then_some(()))
    })
    .unwrap();
    page
}

#[test]
fn an_append_only_file_is_kept_and_so_are_the_settings() {
    let page = with_append_only_file();
    page.pane(1).run("SET after 2", "OK");
    page.browser.reload().unwrap();
    let pane = page.pane(1);
    pane.run("MGET before after", "1) \"1\"\n2) \"2\"");
    pane.run("CONFIG GET appendfsync", "1) \"appendfsync\"\n2) \"always\"");
    pane.run("CONFIG GET save", "1) \"save\"\n2) \"\"");
    pane.run("RPUSH list a b c", "(integer) 3");
    page.browser.reload().unwrap();
    let pane = page.pane(1);
    pane.run("LRANGE list 0 -1", "1) \"a\"\n2) \"b\"\n3) \"c\"");
    // Until there is a snapshot, it is the newest that there is.
    pane.run("CONFIG SET appendonly no", "OK");
    page.browser.reload().unwrap();
    let pane = page.pane(1);
    pane.run("LLEN list", "(integer) 3");
    // Then snapshots are what counts again.
    pane.run("CONFIG SET appendonly no", "OK");
    pane.run("SET after 3", "OK");
    pane.run("SAVE", "OK");
    page.browser.reload().unwrap();
    let pane = page.pane(1);
    pane.run("GET after", "\"3\"");
    pane.run("CONFIG GET appendonly", "1) \"appendonly\"\n2) \"no\"");
    page.is_quiet();
}

/// What a crash has cut short is cut off, and what follows is appended behind it.
#[test]
fn a_torn_append_only_file_is_cut_off() {
    let page = with_append_only_file();
    page.pane(1).run("SET after 2", "OK");
    let tear = r#"
        const name = "appendonlydir/appendonly.aof.1.incr.aof";
        files.get(name).onsuccess = (event) => {
            const head = event.target.result;
            const torn = new TextEncoder().encode("*3\r\n$3\r\nSET\r\n$1");
            files.put(torn, head[0] * (1 << 20) + head[1]);
            files.put([head[0], head[1] + 1, head[2] + torn.length, torn.length], name);
        };
    "#;
    page.browser.script_async(&with_files(tear)).unwrap();
    page.browser.reload().unwrap();
    page.pane(1).run("GET after", "\"2\"");
    page.pane(1).run("SET more 3", "OK");
    page.browser.reload().unwrap();
    page.pane(1).run("MGET before after more", "1) \"1\"\n2) \"2\"\n3) \"3\"");
    page.is_quiet();
}

#[test]
fn a_rewrite_leaves_no_old_files() {
    let page = with_append_only_file();
    page.pane(1).run("BGREWRITEAOF", "Background append only file rewriting");
    wait("the old files to be gone", || {
        let files = page.files();
        let of_log: Vec<_> =
            files.iter().filter(|name| name.starts_with("appendonlydir/")).collect();
        let is_second = of_log.iter().any(|name| name.contains(".2.base."));
        Ok((is_second && of_log.len() == 3).then_some(()))
    })
    .unwrap();
    // Nor what they held: each file that is left has its records, and there are no others.
    let count = r#"
        files.getAllKeys().onsuccess = (event) => {
            const keys = event.target.result;
            const texts = keys.filter((key) => typeof key === "string");
            const owned = new Set([0]);
            for (const key of texts) files.get(key).onsuccess = ({ target }) => {
                if (Array.isArray(target.result)) owned.add(target.result[0]);
                found = keys.filter((key) => typeof key === "number" && !owned.has(Math.floor(key / (1 << 20))));
            };
        };
    "#;
    let left = page.browser.script_async(&with_files(count)).unwrap();
    assert_eq!(left.as_array().map(Vec::len), Some(0), "{left}");
    page.browser.reload().unwrap();
    page.pane(1).run("GET before", "\"1\"");
    page.is_quiet();
}

#[test]
fn an_append_only_file_that_cannot_be_read_is_kept_aside() {
    let page = with_append_only_file();
    page.pane(1).run("SET after 2", "OK");
    let spoil = r#"
        files.put(new TextEncoder().encode("no such thing\n"), "appendonlydir/appendonly.aof.manifest");
    "#;
    page.browser.script_async(&with_files(spoil)).unwrap();
    page.browser.reload().unwrap();
    // The last snapshot was good.
    page.pane(1).run("GET before", "\"1\"");
    page.pane(1).run("GET after", "(nil)");
    let aside = page.files().iter().filter(|name| name.contains(".unreadable-")).count();
    assert_eq!(aside, 3, "{:?}", page.files());
    page.pane(1).run("SET new 1", "OK");
    page.browser.reload().unwrap();
    page.pane(1).run("GET new", "\"1\"");
}

/// What was being written when a tab was closed takes no room, and other stores keep what is theirs.
#[test]
fn half_a_snapshot_is_removed() {
    let page = Page::open();
    page.pane(1).run("SET kept 1", "OK");
    page.is_saved();
    let begin = r#"
        for (const [file, name] of [[900, "temp-9-dump.rdb"], [901, "@side/temp-9-dump.rdb"]]) {
            files.put(new Uint8Array(100), file * (1 << 20));
            files.put([file, 1, 100, 100], name);
        }
    "#;
    page.browser.script_async(&with_files(begin)).unwrap();
    page.browser.reload().unwrap();
    page.pane(1).run("GET kept", "\"1\"");
    let files = page.files();
    let left: Vec<_> = files.iter().filter(|name| name.contains("temp-9")).collect();
    assert_eq!(left, ["@side/temp-9-dump.rdb"]);
    let count = "files.count(IDBKeyRange.bound(900 * (1 << 20), 902 * (1 << 20))).onsuccess = \
                 (event) => found = event.target.result;";
    assert_eq!(page.browser.script_async(&with_files(count)).unwrap(), 1);
    page.is_quiet();
}

/// A file with a record for each of its keys is not added to: what follows is another file's.
#[test]
fn a_file_that_is_too_long_leaves_others_alone() {
    let page = with_append_only_file();
    page.pane(1).run("SET after 2", "OK");
    let lengthen = r#"
        const name = "appendonlydir/appendonly.aof.1.incr.aof";
        files.get(name).onsuccess = ({ target }) => {
            const [file, , bytes] = target.result;
            files.put([file, 1 << 20, bytes, 1 << 20], name);
            files.put("another's", (file + 1) * (1 << 20));
            found = file + 1;
        };
    "#;
    let next = page.browser.script_async(&with_files(lengthen)).unwrap();
    page.pane(1).enter("SET more 1");
    page.says("Not saved: the file is too long");
    let look = format!(
        "files.get({next} * (1 << 20)).onsuccess = (event) => found = event.target.result;"
    );
    assert_eq!(page.browser.script_async(&with_files(&look)).unwrap(), "another's");
}

/// A name from the address is looked at like any other: with a slash in it, a store's files would be
/// those of another one.
#[test]
fn a_name_that_no_store_can_have_is_refused() {
    let page = Page::open();
    page.pane(1).run("SET kept 1", "OK");
    page.is_saved();
    let before = page.files();
    for (name, why) in [
        ("side/show", "a name has no slash and no @ in it"),
        ("%40side", "a name has no slash and no @ in it"),
        ("%20side", "a name has 1 to 60 letters, and no space at its ends"),
    ] {
        page.browser.go(&format!("{}?store={name}", address())).unwrap();
        page.fails(why);
        assert_eq!(page.files(), before);
    }
}

/// Who asks for all data while it is being loaded does not get a part of it for the whole.
#[test]
fn a_store_that_is_being_loaded_is_no_file_yet() {
    let page = Page { browser: Browser::start().unwrap() };
    page.browser.go(&format!("{}?store=side", address())).unwrap();
    page.pane(1).run("DEBUG POPULATE 100000", "OK");
    page.pane(1).run("SAVE", "OK");
    page.browser.go(&address()).unwrap();
    page.pane(1).run("PING", "PONG");
    let ask = r#"
        const done = arguments[arguments.length - 1];
        const worker = redstart.host("side");
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data: [what, answer] }) => {
            worker.terminate();
            done([what, typeof answer === "string" ? answer : answer.length]);
        };
        port1.postMessage(["dump"]);
        worker.postMessage([null], [port2]);
    "#;
    let answer = page.browser.script_async(ask).unwrap();
    let is_whole = answer[1].as_u64().is_some_and(|bytes| bytes > 1_000_000);
    let is_refused = answer[1] == "the data is still being loaded; try again";
    assert!(is_whole || is_refused, "{answer}");
}

/// Opens the panel's view of stores, unless it is open. It will not open by itself in the next page.
fn open_stores(page: &Page) {
    let is_seen = "return Boolean(document.querySelector('.stores-view')?.offsetParent)";
    if page.browser.script(is_seen, &[]).unwrap() == false {
        page.browser.script("window.redstart.studio('stores')", &[]).unwrap();
    }
    wait("the view", || Ok((page.browser.script(is_seen, &[])? == true).then_some(()))).unwrap();
    page.browser.script("localStorage.removeItem('redstart.studio')", &[]).unwrap();
}

/// Clicks a button or link of the view.
#[track_caller]
fn click(page: &Page, name: &str) {
    wait(name, || {
        for role in ["button", "link"] {
            let found = page.browser.by_role(
                None,
                ".stores-view button, .stores-view a",
                role,
                |label| label == name,
            )?;
            if let Some(element) = found.first() {
                return page.browser.click(element).map(Some);
            }
        }
        Ok(None)
    })
    .unwrap();
}

/// Drops a file onto the page.
fn drop_file(page: &Page, name: &str, content: &str) {
    let script = "const transfer = new DataTransfer();
        transfer.items.add(new File([arguments[1]], arguments[0]));
        document.body.dispatchEvent(new DragEvent('drop', {
            dataTransfer: transfer, bubbles: true, cancelable: true,
        }));";
    page.browser.script(script, &[name.into(), content.into()]).unwrap();
}

/// Waits until the view says something that contains `text`.
#[track_caller]
fn says(page: &Page, text: &str) {
    let mut last = String::new();
    let said = wait("the view to say it", || {
        let status = page.browser.all(None, ".stores-view [role=status]")?;
        last = status.first().map(|it| page.browser.text(it)).transpose()?.unwrap_or_default();
        Ok(last.contains(text).then_some(()))
    });
    assert!(said.is_ok(), "{last:?} instead of {text:?}");
}

#[test]
fn stores_are_made_opened_renamed_and_deleted() {
    let page = Page::open();
    page.pane(1).run("SET where first", "OK");
    page.is_saved();
    open_stores(&page);
    let make = |name: &str| {
        let fields = page.browser.all(None, ".stores-view form input").unwrap();
        page.browser.type_into(fields.last().unwrap(), &format!("{name}{ENTER}")).unwrap();
    };
    make("side project");
    click(&page, "Open side project");
    page.pane(1).run("DBSIZE", "(integer) 0");
    page.pane(1).run("SET where second", "OK");
    page.is_saved();
    open_stores(&page);
    make("side project");
    says(&page, "there is a store of this name");
    click(&page, "Open The first store");
    page.pane(1).run("GET where", "\"first\"");
    open_stores(&page);
    click(&page, "Rename side project");
    let fields = page.browser.all(None, ".stores-view li form input").unwrap();
    page.browser.type_into(&fields[0], &format!("main project{ENTER}")).unwrap();
    click(&page, "Open main project");
    page.pane(1).run("GET where", "\"second\"");
    page.browser.go(&address()).unwrap();
    open_stores(&page);
    click(&page, "Delete main project");
    click(&page, "Delete for good");
    wait("the store to be gone", || {
        Ok((!page.files().iter().any(|name| name.starts_with('@'))).then_some(()))
    })
    .unwrap();
    page.is_quiet();
}

#[test]
fn a_store_that_another_tab_has_open_stays() {
    let page = Page::open();
    page.pane(1).run("SET where first", "OK");
    page.is_saved();
    let [first, second] = page.tab_at(&format!("{}?store=side", address()));
    page.pane(1).run("SET where second", "OK");
    page.is_saved();
    page.browser.switch(&first).unwrap();
    open_stores(&page);
    click(&page, "Delete side");
    click(&page, "Delete for good");
    says(&page, "it is open; close it, or open another store, first");
    click(&page, "Rename side");
    let fields = page.browser.all(None, ".stores-view li form input").unwrap();
    page.browser.type_into(&fields[0], &format!("other{ENTER}")).unwrap();
    says(&page, "it is open; close it, or open another store, first");
    page.browser.switch(&second).unwrap();
    page.pane(1).run("SET again second", "OK");
    page.is_saved();
    page.browser.close_tab().unwrap();
    page.browser.switch(&first).unwrap();
    // Nobody has it open any more.
    wait("the store to be gone", || {
        click(&page, "Delete side");
        click(&page, "Delete for good");
        Ok((!page.files().iter().any(|name| name.starts_with('@'))).then_some(()))
    })
    .unwrap();
    page.is_quiet();
}

#[test]
fn a_file_becomes_a_store_of_its_own_and_a_store_a_file() {
    let page = Page::open();
    page.pane(1).run("SET where first", "OK");
    page.is_saved();
    open_stores(&page);
    drop_file(&page, "bad.txt", "SET a 1\nNOSUCH b\n");
    let name = |text: &str| {
        let fields = page.browser.all(None, ".stores-view .question form input").unwrap();
        page.browser.type_into(&fields[0], &format!("{text}{ENTER}")).unwrap();
    };
    name("broken");
    says(&page, "at offset 8: unknown command 'NOSUCH'");
    drop_file(&page, "good.txt", "SET where third\nRPUSH list a b\n");
    name("from a file");
    says(&page, "2 keys were loaded.");
    // What could not be loaded has left nothing.
    let stores: Vec<_> = page.files().into_iter().filter(|name| name.starts_with('@')).collect();
    assert!(stores.iter().all(|name| name.starts_with("@from a file/")), "{stores:?}");
    keep_downloads(&page);
    click(&page, "Download from a file");
    says(&page, "were saved");
    page.pane(1).run("GET where", "\"first\"");
    drop_kept(&page);
    click(&page, "in the place of all data");
    says(&page, "2 keys were loaded.");
    page.pane(1).run("GET where", "\"third\"");
    click(&page, "Open from a file");
    page.pane(1).run("LRANGE list 0 -1", "1) \"a\"\n2) \"b\"");
    page.is_quiet();
}

#[test]
fn the_room_is_told() {
    let page = Page::open();
    page.pane(1).run("SET a 1", "OK");
    page.is_saved();
    open_stores(&page);
    page.view_says("Room in use: ");
    click(&page, "Ask it to keep the data");
    let speak = "const select = document.querySelector('select.language'); select.value = 'zh';
        select.dispatchEvent(new Event('change', { bubbles: true }));";
    page.browser.script(speak, &[]).unwrap();
    page.view_says("已用空间：");
    page.is_quiet();
}

/// Has the page keep what it offers as files, in `window.kept`.
fn keep_downloads(page: &Page) {
    let keep = "window.kept = []; const url = URL.createObjectURL;
        URL.createObjectURL = (blob) => { window.kept.push(blob); return url.call(URL, blob); };";
    page.browser.script(keep, &[]).unwrap();
}

/// Drops the first of those onto the page.
fn drop_kept(page: &Page) {
    let again = "const transfer = new DataTransfer();
        transfer.items.add(new File([window.kept[0]], 'dump.rdb'));
        document.body.dispatchEvent(new DragEvent('drop', {
            dataTransfer: transfer, bubbles: true, cancelable: true,
        }));";
    page.browser.script(again, &[]).unwrap();
}

#[test]
fn a_file_is_dropped_onto_the_page() {
    let page = Page::open();
    page.pane(1).run("MSET old 1 both 1", "OK");
    drop_file(&page, "more.txt", "SET both 2\nRPUSH list a b\nLPUSH both x\n");
    click(&page, "and keep the other keys");
    says(&page, "2 keys were loaded. 1 commands were refused, the first at offset 26: WRONGTYPE");
    page.pane(1).run("MGET old both", "1) \"1\"\n2) \"2\"");
    drop_file(&page, "bad.txt", "SET a 1\nNOSUCH b\n");
    click(&page, "in the place of all data");
    says(&page, "at offset 8: unknown command 'NOSUCH'");
    page.pane(1).run("DBSIZE", "(integer) 3");
    drop_file(&page, "all.txt", "SET only 1\n");
    click(&page, "in the place of all data");
    says(&page, "1 keys were loaded.");
    page.pane(1).run("KEYS *", "1) \"only\"");
    page.is_saved();
    page.browser.reload().unwrap();
    page.pane(1).run("KEYS *", "1) \"only\"");
    page.is_quiet();
}

/// Drops what `change` makes of the first of those, `bytes`.
fn drop_changed(page: &Page, name: &str, change: &str) {
    let script = format!(
        "const done = arguments[arguments.length - 1];
        window.kept[0].arrayBuffer().then((buffer) => {{
            let bytes = new Uint8Array(buffer);
            {change}
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], '{name}'));
            document.body.dispatchEvent(new DragEvent('drop', {{
                dataTransfer: transfer, bubbles: true, cancelable: true,
            }}));
            done(null);
        }});"
    );
    page.browser.script_async(&script).unwrap();
}

/// Whatever is wrong with a dump or an append-only file, it is said, and all data stays as it was.
#[test]
fn files_that_are_broken_change_nothing() {
    let page = Page::open();
    page.pane(1).run("MSET first 1 second 2", "OK");
    open_stores(&page);
    keep_downloads(&page);
    click(&page, "Download as dump.rdb");
    says(&page, "were saved");
    page.pane(1).run("FLUSHALL", "OK");
    page.pane(1).run("SET own 1", "OK");
    // With another checksum, shorter, and with commands behind it that break off.
    let behind = |text: &str| {
        format!("bytes = new Uint8Array([...bytes, ...new TextEncoder().encode({text:?})]);")
    };
    for (name, change, words) in [
        ("flipped.rdb", "bytes[bytes.length - 1] ^= 1;", "RDB CRC error"),
        ("short.rdb", "bytes = bytes.slice(0, bytes.length - 12);", "Unexpected end"),
        ("empty.rdb", "bytes = bytes.slice(0, 9);", "at offset 9"),
        ("torn.aof", &behind("*2\r\n$3\r\nDEL"), "a command or a transaction, has no end"),
        ("strange.aof", &behind("*1\r\n$6\r\nNOSUCH\r\n"), "unknown command 'NOSUCH'"),
    ] {
        drop_changed(&page, name, change);
        click(&page, "in the place of all data");
        says(&page, words);
        // A checksum is of the whole file, so there is no place to tell.
        if name != "flipped.rdb" {
            says(&page, "at offset ");
        }
        page.pane(1).enter("CLEAR");
        page.pane(1).run("KEYS *", "1) \"own\"");
    }
    // The same file with whole commands behind it is what a server's append-only file is.
    let log = "*3\r\n$3\r\nSET\r\n$5\r\nthird\r\n$1\r\n3\r\n*2\r\n$3\r\nDEL\r\n$5\r\nfirst\r\n";
    drop_changed(&page, "whole.aof", &behind(log));
    click(&page, "in the place of all data");
    says(&page, "2 keys were loaded.");
    page.pane(1).run("MGET own first second third", "1) (nil)\n2) (nil)\n3) \"2\"\n4) \"3\"");
    page.is_saved();
    page.browser.reload().unwrap();
    page.pane(1).run("DBSIZE", "(integer) 2");
    page.is_quiet();
}

/// How far a large file is, is shown while it is loaded.
#[test]
fn progress_is_shown() {
    let page = Page::open();
    page.pane(1).run("SET own 1", "OK");
    open_stores(&page);
    let watch = "window.seen = [];
        new MutationObserver(() => {
            const shown = document.querySelector('.stores-view progress');
            if (shown) window.seen.push(shown.value);
        }).observe(document.body, { subtree: true, childList: true, attributes: true });
        const lines = Array.from({ length: 100000 }, (_, i) => `SET key:${i} value:${i}\n`);
        const transfer = new DataTransfer();
        transfer.items.add(new File(lines, 'large.txt'));
        document.body.dispatchEvent(new DragEvent('drop', {
            dataTransfer: transfer, bubbles: true, cancelable: true,
        }));";
    page.browser.script(watch, &[]).unwrap();
    click(&page, "and keep the other keys");
    says(&page, "keys were loaded.");
    let seen = page.browser.script("return window.seen", &[]).unwrap();
    let seen: Vec<_> = seen.as_array().unwrap().iter().filter_map(|it| it.as_f64()).collect();
    assert!(seen.iter().any(|part| (1.0..100.0).contains(part)), "{seen:?}");
    assert!(seen.is_sorted(), "{seen:?}");
    page.pane(1).run("DBSIZE", "(integer) 100001");
}

#[test]
fn examples_are_loaded_and_all_data_downloaded_and_loaded_again() {
    let page = Page::open();
    page.pane(1).run("PING", "PONG");
    for (example, key) in [
        ("A shop", "product:1"),
        ("A social network", "post:1"),
        ("Sensors", "readings"),
        ("A game", "leaderboard"),
    ] {
        open_stores(&page);
        click(&page, example);
        click(&page, "and keep the other keys");
        says(&page, "keys were loaded.");
        page.pane(1).run(&format!("EXISTS {key}"), "(integer) 1");
    }
    // What is offered as a file is kept, and dropped again.
    keep_downloads(&page);
    page.pane(1).enter("DEBUG DIGEST");
    let digest = wait("the digest", || {
        let digest = page.pane(1).below("DEBUG DIGEST")?.unwrap_or_default();
        Ok((digest.len() == 40).then_some(digest))
    });
    let digest = digest.unwrap();
    click(&page, "Download as dump.rdb");
    says(&page, "were saved");
    page.pane(1).run("FLUSHALL", "OK");
    drop_kept(&page);
    click(&page, "in the place of all data");
    says(&page, "keys were loaded.");
    page.pane(1).enter("CLEAR");
    page.pane(1).run("DEBUG DIGEST", &digest);
    click(&page, "Save connection 1 as text");
    let text =
        page.browser.script_async("window.kept[1].text().then(arguments[arguments.length - 1])");
    assert!(text.unwrap().as_str().unwrap().contains("> DEBUG DIGEST\n"));
    page.is_quiet();
}

/// Measures how long the page takes to have 100,000 keys again, from what it saved. A machine that is
/// busy needs longer than it would, so the best of a few counts.
#[test]
#[expect(clippy::disallowed_methods, reason = "nothing may be asked meanwhile")]
fn a_hundred_thousand_keys_are_there_again_soon() {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("CONFIG SET save \"\"", "OK");
    pane.run("DEBUG POPULATE 100000", "OK");
    pane.run("SAVE", "OK");
    let mut best = f64::MAX;
    for _ in 0..REOPENINGS {
        page.browser.reload().unwrap();
        // Whoever looks at a page has it drawn, and is in the way of what is measured.
        thread::sleep(Duration::from_secs(1));
        page.pane(1).run("DBSIZE", "(integer) 100000");
        page.pane(1).run("INFO persistence", "# Persistence");
        let log = page
            .browser
            .script("return document.querySelector('.server-log pre').textContent", &[]);
        let log = log.unwrap();
        let line = log.as_str().unwrap().lines().find_map(|line| line.strip_prefix("Opened in "));
        let ms = line.unwrap().trim_end_matches(" ms").parse().unwrap();
        println!("    100,000 keys were there again {ms} ms after it was begun to open the store");
        best = f64::min(best, ms);
    }
    assert!(best <= REOPEN_MS_MAX, "the best of these is {best} ms");
}
