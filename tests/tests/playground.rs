//! The page as a server serves it: its panes are clients of that server, until it continues locally.
//!
//! `cargo xtask test` starts the server; `REDSTART_PAGE` is where its page is, and `REDSTART_SERVER` where
//! its other clients come.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use redstart::resp::{Reply, pretty};
use redstart_tests::browser::{Browser, Element, wait};
use redstart_tests::page::{Page, address};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client over TCP, and what it has read of replies that were not asked for yet.
struct Client(TcpStream, Vec<u8>);

impl Client {
    /// A client of a server that was emptied.
    fn fresh() -> Self {
        let addr: SocketAddr = std::env::var("REDSTART_SERVER").unwrap().parse().unwrap();
        let mut client = Self(TcpStream::connect(addr).unwrap(), Vec::new());
        client.0.set_read_timeout(Some(PATIENCE)).unwrap();
        client.run("FLUSHALL", "OK\n");
        client
    }

    /// Sends a line and compares what redis-cli would print.
    #[track_caller]
    fn run(&mut self, line: &str, reply: &str) {
        self.0.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        assert_eq!(pretty::print(&self.reply()), reply, "{line}");
    }

    fn reply(&mut self) -> Reply {
        let mut buffer = [0; 4096];
        loop {
            if let Some((reply, length)) = Reply::read(&self.1).unwrap() {
                self.1.drain(..length);
                return reply;
            }
            let count = self.0.read(&mut buffer).unwrap();
            assert!(count > 0, "the server has hung up");
            self.1.extend_from_slice(&buffer[..count]);
        }
    }
}

/// The button of this name.
fn button(browser: &Browser, name: &str) -> Element {
    wait(name, || {
        let found = browser.by_role(None, "button", "button", |label| label == name)?;
        Ok(found.into_iter().next())
    })
    .unwrap()
}

/// Presses the button of this name.
fn press(browser: &Browser, name: &str) {
    wait(name, || browser.click(&button(browser, name)).map(Some)).unwrap();
}

/// Sends the head of a request to the page's port; what is answered.
fn ask(head: &str) -> String {
    let addr = address().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(&addr).unwrap();
    stream.write_all(head.replace("HERE", &addr).as_bytes()).unwrap();
    let mut answer = [0; 4096];
    let count = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[test]
fn a_pane_is_a_client_of_the_server() {
    let mut client = Client::fresh();
    let page = Page::open();
    page.says("Connected to the server at 127.0.0.1:");
    let pane = page.pane(1);
    pane.run("SET from-the-page 1", "OK");
    client.run("GET from-the-page", "\"1\"\n");
    pane.enter("BLPOP queue 0");
    client.run("CLIENT NO-EVICT on", "OK\n");
    wait("the pane to wait", || {
        client.0.write_all(b"INFO clients\r\n").map_err(|error| error.to_string())?;
        let is_there = pretty::print_raw(&client.reply()).contains("blocked_clients:1");
        Ok(is_there.then_some(()))
    })
    .unwrap();
    client.run("RPUSH queue job", "(integer) 1\n");
    pane.shows("BLPOP queue 0", "1) \"queue\"\n2) \"job\"");
    // More than one frame, and more than one write.
    client.run("SETRANGE large 3000000 x", "(integer) 3000001\n");
    pane.run("STRLEN large", "(integer) 3000001");
    // The connection is gone with its reply; the next command opens another.
    pane.run("CLIENT KILL TYPE normal SKIPME no", "(integer) 2");
    pane.run("PING", "PONG");
}

#[test]
fn a_password_is_asked_for_as_of_any_client() {
    let mut client = Client::fresh();
    client.run("SET a secret", "OK\n");
    client.run("CONFIG SET requirepass letmein", "OK\n");
    let page = Page::open();
    let pane = page.pane(1);
    pane.run("GET a", "(error) NOAUTH Authentication required.");
    pane.run("AUTH wrong", "(error) WRONGPASS");
    pane.run("AUTH letmein", "OK");
    pane.run("GET a", "\"secret\"");
    // The pane has said it for itself alone.
    press(&page.browser, "Continue locally");
    press(&page.browser, "Copy and continue");
    let password = wait("a field for the password", || {
        let found = page.browser.all(None, "input[type=password]")?.into_iter().next();
        let Some(field) = found else { return Ok(None) };
        Ok(page.browser.type_into(&field, "letmein").is_ok().then_some(field))
    });
    assert!(password.is_ok());
    press(&page.browser, "Copy and continue");
    page.says("Loaded");
    page.pane(1).run("GET a", "\"secret\"");
    client.run("CONFIG SET requirepass \"\"", "OK\n");
}

/// Other machines do not reach the page unless somebody says so: not even other addresses of this one do.
#[cfg(target_os = "linux")]
#[test]
fn only_this_machine_is_listened_to() {
    let port = address().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    let at = |host: [u8; 4]| TcpStream::connect(SocketAddr::from((host, port)));
    assert!(at([127, 0, 0, 1]).is_ok());
    let refused = at([127, 0, 0, 2]).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn the_data_goes_to_the_tab_and_back() {
    let mut client = Client::fresh();
    client.run("HSET user:1 name Ada", "(integer) 1\n");
    client.run("SET short-lived x EX 9999", "OK\n");
    client.run("SELECT 3", "OK\n");
    client.run("RPUSH elsewhere a b", "(integer) 2\n");
    client.run("SELECT 0", "OK\n");
    let page = Page::open();
    page.says("Connected to the server");
    press(&page.browser, "Continue locally");
    press(&page.browser, "Copy and continue");
    page.says("Loaded");
    // Nobody but this test is connected any more.
    wait("the page to hang up", || {
        client.0.write_all(b"INFO clients\r\n").map_err(|error| error.to_string())?;
        let is_alone = pretty::print_raw(&client.reply()).contains("connected_clients:1\r");
        Ok(is_alone.then_some(()))
    })
    .unwrap();
    let pane = page.pane(1);
    pane.run("HGETALL user:1", "1) \"name\"\n2) \"Ada\"");
    pane.run("TTL short-lived", "(integer) 99");
    pane.run("HSET user:1 name Grace", "(integer) 0");
    client.run("HGET user:1 name", "\"Ada\"\n");
    pane.run("SELECT 3", "OK");
    pane.run("LRANGE elsewhere 0 -1", "1) \"a\"\n2) \"b\"");
    page.is_saved();

    press(&page.browser, "Back to the server");
    let port = std::env::var("REDSTART_SERVER").unwrap().replace("127.0.0.1:", "");
    let text = page.browser.script("return document.querySelector('dialog').innerText", &[]);
    let line = format!("redis-cli -h 127.0.0.1 -p {port} --pipe < redstart.resp");
    assert!(text.unwrap().as_str().unwrap().contains(&line));
    // The file is caught on its way to the disk, and sent as the command line would.
    let catch = "URL.createObjectURL = (blob) => { window.caught = blob; return 'data:,'; }";
    page.browser.script(catch, &[]).unwrap();
    press(&page.browser, "Download redstart.resp");
    let bytes = wait("the file", || {
        let script = "const done = arguments[arguments.length - 1];
            if (!window.caught) return done(null);
            window.caught.arrayBuffer().then((bytes) => done([...new Uint8Array(bytes)]));";
        let bytes = page.browser.script_async(script)?;
        let byte = |value: &serde_json::Value| value.as_u64().map(|byte| byte as u8);
        Ok(bytes.as_array().map(|all| all.iter().filter_map(byte).collect::<Vec<u8>>()))
    })
    .unwrap();
    client.0.write_all(&bytes).unwrap();
    for _ in 0..5 {
        assert_eq!(client.reply(), Reply::Simple(b"OK".to_vec()));
    }
    client.run("SELECT 0", "OK\n");
    client.run("HGET user:1 name", "\"Grace\"\n");
    client.run("DBSIZE", "(integer) 2\n");

    press(&page.browser, "Back to the server");
    page.says("Connected to the server");
    page.pane(1).run("HGET user:1 name", "\"Grace\"");
    page.is_quiet();
}

#[test]
fn lessons_and_experiments_run_in_the_tab() {
    let _client = Client::fresh();
    let page = Page::open();
    page.says("Connected to the server");
    // As the studio opens a connection to an engine of its own.
    let script = "const done = arguments[arguments.length - 1];
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => done(new TextDecoder().decode(data));
        redstart.engine().postMessage(['lesson', false], [port2]);
        port1.postMessage(new TextEncoder().encode('DBSIZE\\r\\n'));";
    page.pane(1).run("SET on-the-server 1", "OK");
    assert_eq!(page.browser.script_async(script).unwrap(), ":0\r\n");
    page.is_quiet();
}

#[test]
fn strangers_are_refused() {
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let check = |headers: &str, status: &str| {
        let answer = ask(&format!("GET /redstart.ws HTTP/1.1\r\n{headers}\r\n{upgrade}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {answer}");
    };
    check("Host: HERE\r\nOrigin: http://HERE", "101");
    check("Host: HERE\r\nOrigin: http://evil.example", "403");
    check("Host: HERE", "403");
    check("Host: evil.example\r\nOrigin: http://evil.example", "403");
    let page = ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
}
