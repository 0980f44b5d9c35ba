//! The page when there is no network any more.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use redstart_tests::browser::{Browser, wait};
use redstart_tests::page::{Page, address};

/// A way to the page's server that can be cut.
struct Way {
    address: String,
    is_cut: Arc<AtomicBool>,
}

impl Way {
    fn open() -> Self {
        let page = address();
        let (host, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/{path}", listener.local_addr().unwrap());
        let is_cut = Arc::new(AtomicBool::new(false));
        let (host, cut) = (host.to_owned(), Arc::clone(&is_cut));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = TcpStream::connect(&host).unwrap();
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let cut = Arc::clone(&cut);
                    thread::spawn(move || carry(from, to, &cut));
                }
            }
        });
        Self { address, is_cut }
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }
}

/// Carries bytes until either side ends or the way is cut.
fn carry(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if cut.load(Ordering::Relaxed) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn the_page_opens_without_a_network() {
    let way = Way::open();
    let browser = Browser::start().unwrap();
    browser.go(&way.address).unwrap();
    let page = Page { browser };
    page.pane(1).run("SET kept offline", "OK");
    page.is_saved();
    wait("a copy of the page", || {
        let done = page.browser.script_async(
            "const done = arguments[arguments.length - 1]; \
             caches.match(new URL('complete', location.href)).then((found) => done(!!found));",
        )?;
        Ok((done == true).then_some(()))
    })
    .unwrap();
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
    page.browser.script("redstart.studio('')", &[]).unwrap();
    wait("the studio", || {
        let shown = "return document.getElementById('studio-loading') === null";
        Ok((page.browser.script(shown, &[])? == true).then_some(()))
    })
    .unwrap();
    page.is_quiet();
}
