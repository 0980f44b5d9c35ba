//! The page when there is no network any more.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use redstart_tests::browser::{Browser, wait};
use redstart_tests::page::{Page, address};

/// A way to the page's server that can be cut, or tell of another version.
struct Way {
    address: String,
    is_cut: Arc<AtomicBool>,
    is_new: Arc<AtomicBool>,
}

/// What another version of the page has in the place of what; the tags of its files are others too.
const OTHER: [(&[u8], &[u8]); 2] =
    [(b"<title>Redstart", b"<title>Newstart"), (b"ETag: \"", b"ETag: '")];

impl Way {
    fn open() -> Self {
        let page = address();
        let (host, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/{path}", listener.local_addr().unwrap());
        let [is_cut, is_new] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let (host, cut, new) = (host.to_owned(), Arc::clone(&is_cut), Arc::clone(&is_new));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = TcpStream::connect(&host).unwrap();
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (cut, new) = (Arc::clone(&cut), Arc::clone(&new));
                    thread::spawn(move || carry(from, to, &cut, &new));
                }
            }
        });
        Self { address, is_cut, is_new }
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }
}

/// Carries bytes until either side ends or the way is cut.
fn carry(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool, new: &AtomicBool) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        for (old, other) in OTHER.iter().filter(|_| new.load(Ordering::Relaxed)) {
            // Both stand near the beginning of what the server writes at once.
            let at = bytes[..count].windows(old.len()).position(|part| part == *old);
            if let Some(at) = at {
                bytes[at..at + other.len()].copy_from_slice(other);
            }
        }
        if cut.load(Ordering::Relaxed) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Waits until there is a complete copy of the page whose title begins like this.
#[track_caller]
fn is_copied(page: &Page, title: &str) {
    wait("a copy of the page", || {
        let script = "const done = arguments[arguments.length - 1];
            const find = async () => {
                for (const name of await caches.keys()) {
                    const cache = await caches.open(name);
                    if (!await cache.match(new URL('complete', location.href))) continue;
                    return (await (await cache.match(location.href)).text()).match(/<title>(.*?)</)[1];
                }
            };
            find().then((title) => done(title ?? ''), (error) => done(String(error)))";
        let found = page.browser.script_async(script)?;
        Ok(found.as_str().unwrap_or_default().starts_with(title).then_some(()))
    })
    .unwrap();
}

#[test]
fn the_page_opens_without_a_network() {
    let way = Way::open();
    let browser = Browser::start().unwrap();
    browser.go(&way.address).unwrap();
    let page = Page { browser };
    page.pane(1).run("SET kept offline", "OK");
    page.is_saved();
    is_copied(&page, "Redstart");
    way.cut();
    let gone = page.browser.script_async(
        "const done = arguments[arguments.length - 1]; \
         fetch('there-is-no-such-file').then(() => done(false), () => done(true));",
    );
    assert_eq!(gone.unwrap(), true, "there is still a network");
    // The console speaks of that file.
    page.browser.console().unwrap();
    page.browser.go(&way.address).unwrap();
    page.pane(1).run("GET kept", "\"offline\"");
    // What is loaded only when it is used is there too.
    page.pane(1).run("HELP keys", "KEYS pattern\n  summary: ");
    page.pane(1).run("OBJECT HELP", "1) OBJECT <subcommand>");
    page.browser.script("redstart.studio('')", &[]).unwrap();
    wait("the studio", || {
        let shown = "return document.getElementById('studio-loading') === null";
        Ok((page.browser.script(shown, &[])? == true).then_some(()))
    })
    .unwrap();
    page.is_quiet();
}

/// Without a network, the newest version is there that was seen with one.
#[test]
fn a_new_version_takes_the_place_of_the_copy() {
    let way = Way::open();
    let browser = Browser::start().unwrap();
    browser.go(&way.address).unwrap();
    let page = Page { browser };
    page.pane(1).run("SET kept 1", "OK");
    page.is_saved();
    is_copied(&page, "Redstart");
    way.is_new.store(true, Ordering::Relaxed);
    // A visit with a network gets it at once, and makes a copy of it.
    page.browser.reload().unwrap();
    page.pane(1).run("GET kept", "\"1\"");
    let title = || page.browser.script("return document.title.slice(0, 8)", &[]).unwrap();
    assert_eq!(title(), "Newstart");
    is_copied(&page, "Newstart");
    way.cut();
    page.browser.go(&way.address).unwrap();
    page.pane(1).run("GET kept", "\"1\"");
    assert_eq!(title(), "Newstart");
}
