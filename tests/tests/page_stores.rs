//! What the page keeps in the browser, and how.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::page::{Page, with_files};

/// A page whose store has an append-only file and no snapshots.
fn with_append_only_file() -> Page {
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("SET before 1", "OK");
    pane.run("CONFIG SET save \"\" appendfsync always appendonly yes", "OK");
    redstart_tests::browser::wait("the append-only file", || {
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
    // Without it, snapshots are what counts again.
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
    redstart_tests::browser::wait("the old files to be gone", || {
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
    let spoil = r#"
        files.put(new TextEncoder().encode("no such thing\n"), "appendonlydir/appendonly.aof.manifest");
    "#;
    page.browser.script_async(&with_files(spoil)).unwrap();
    page.browser.reload().unwrap();
    page.pane(1).run("DBSIZE", "(integer) 0");
    let aside = page.files().iter().filter(|name| name.contains(".unreadable-")).count();
    assert_eq!(aside, 3, "{:?}", page.files());
    page.pane(1).run("SET new 1", "OK");
    page.browser.reload().unwrap();
    page.pane(1).run("GET new", "\"1\"");
}
