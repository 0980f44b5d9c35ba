//! One connection of a browser: bytes in, bytes out.
//!
//! It begins as a request, of which there is one a connection. That asks for a file, which is sent, and
//! then the connection ends; or it opens a WebSocket, and from then on the connection is a client of the node.

use super::request::{HEAD_BYTES_MAX, Refusal, Request, head_end};
use super::site::Site;
use super::websocket::{self, Close, Frames};
use crate::node::Origin;

/// The path of the WebSocket.
const SOCKET_PATH: &str = "/redstart.ws";

/// What the node sends goes out in frames of so many bytes at most.
const FRAME_BYTES_MAX: usize = 64 << 10;

/// Answers to pings that may wait to be sent, in bytes.
const ANSWERS_BYTES_MAX: usize = 64 << 10;

/// Headers of every answer.
const HEADERS: &str = "Connection: close\r\n\
    Cache-Control: no-cache\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n";

/// The page runs nothing but what comes from here, connects to nobody else, and nobody puts it into a frame
/// to have its buttons clicked. (Not every browser takes a WebSocket for `'self'`.)
fn policy(host: &str) -> String {
    format!(
        "Content-Security-Policy: default-src 'self'; connect-src 'self' ws://{host}; \
         script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: blob:; frame-ancestors 'none'\r\n"
    )
}

/// A connection of a browser.
pub struct Visitor {
    /// Where it comes from, for the node.
    pub origin: Origin,
    /// A greater one came later.
    pub number: u64,
    stage: Stage,
    /// What is to be sent before anything else.
    out: Vec<u8>,
    sent: usize,
}

enum Stage {
    /// A request, as far as it has come.
    Asking(Vec<u8>),
    /// A WebSocket.
    Talking(Frames),
    /// Once all is sent, the connection ends.
    Leaving,
}

/// What has become of a connection by what it has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// What it was.
    Same,
    /// A client of the node.
    Client,
}

impl Visitor {
    /// A connection that has sent nothing yet.
    pub fn new(origin: Origin, number: u64) -> Self {
        Self { origin, number, stage: Stage::Asking(Vec::new()), out: Vec::new(), sent: 0 }
    }

    /// Whether the node knows of it.
    pub fn is_client(&self) -> bool {
        matches!(self.stage, Stage::Talking(_))
    }

    /// Whether it ends once everything is sent.
    pub fn is_leaving(&self) -> bool {
        matches!(self.stage, Stage::Leaving)
    }

    /// What is to be sent.
    pub fn pending(&self) -> &[u8] {
        self.out.get(self.sent..).unwrap_or_default()
    }

    /// So many bytes of it were sent.
    pub fn consume(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
    }

    /// Puts the beginning of what the node has to send into a frame; returns how many bytes of it.
    pub fn wrap(&mut self, bytes: &[u8]) -> usize {
        let part = bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes);
        websocket::write_message(part, &mut self.out);
        part.len()
    }

    /// Ends the connection once everything is sent.
    pub fn leave(&mut self, close: Close) {
        if self.is_client() {
            websocket::write_close(close, &mut self.out);
        }
        self.stage = Stage::Leaving;
    }

    /// Takes what has come; what is for the node goes into `content`.
    pub fn receive(&mut self, bytes: &[u8], site: &Site, content: &mut Vec<u8>) -> Became {
        match &mut self.stage {
            Stage::Leaving => Became::Same,
            Stage::Talking(frames) => {
                let heard = frames.receive(bytes, content, &mut self.out);
                let is_flood = self.out.len() - self.sent > ANSWERS_BYTES_MAX + FRAME_BYTES_MAX;
                if let Err(close) = heard {
                    self.leave(close);
                } else if is_flood {
                    self.leave(Close::Policy);
                }
                Became::Same
            }
            Stage::Asking(head) => {
                head.extend_from_slice(bytes);
                let Some(end) = head_end(head) else {
                    if head.len() > HEAD_BYTES_MAX {
                        self.refuse(Refusal::Malformed);
                    }
                    return Became::Same;
                };
                let head = std::mem::take(head);
                let (head, rest) = head.split_at(end);
                match self.answer(head, site) {
                    Became::Same => Became::Same,
                    Became::Client => {
                        self.receive(rest, site, content);
                        Became::Client
                    }
                }
            }
        }
    }

    fn answer(&mut self, head: &[u8], site: &Site) -> Became {
        let request = match Request::read(head) {
            Ok(request) => request,
            Err(refusal) => return self.refuse(refusal),
        };
        let policy = match request.check_host() {
            Ok(host) => policy(host),
            Err(refusal) => return self.refuse(refusal),
        };
        if request.path == SOCKET_PATH {
            return match request.check_upgrade() {
                Ok(key) => self.upgrade(key),
                Err(refusal) => self.refuse(refusal),
            };
        }
        let with_body = match request.method {
            "GET" => true,
            "HEAD" => false,
            _ => return self.say("405 Method Not Allowed", "There are only files here."),
        };
        match site.find(request.path) {
            Some((kind, body)) => self.send("200 OK", kind, &policy, body, with_body),
            None => self.say("404 Not Found", "There is no such file in the playground."),
        }
    }

    fn upgrade(&mut self, key: &str) -> Became {
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            websocket::accept(key)
        );
        self.out.extend_from_slice(head.as_bytes());
        self.stage = Stage::Talking(Frames::default());
        Became::Client
    }

    fn refuse(&mut self, refusal: Refusal) -> Became {
        match refusal {
            Refusal::Malformed => self.say("400 Bad Request", "This is no HTTP request."),
            Refusal::Host => self.say(
                "403 Forbidden",
                "Open the playground by an address of this machine, or as localhost.",
            ),
            Refusal::Origin => {
                self.say("403 Forbidden", "Only the playground's own page may connect to it.")
            }
            Refusal::Upgrade => {
                self.say("426 Upgrade Required", "There is a WebSocket of version 13 here.")
            }
        }
    }

    fn say(&mut self, status: &str, text: &str) -> Became {
        self.send(status, "text/plain; charset=utf-8", "", text.as_bytes(), true)
    }

    fn send(
        &mut self,
        status: &str,
        kind: &str,
        policy: &str,
        body: &[u8],
        with_body: bool,
    ) -> Became {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{HEADERS}{policy}\r\n"
        );
        self.out.extend_from_slice(head.as_bytes());
        if with_body {
            self.out.extend_from_slice(body);
        }
        self.stage = Stage::Leaving;
        Became::Same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor() -> Visitor {
        let (addr, laddr) = ("127.0.0.1:5".to_owned(), "127.0.0.1:8080".to_owned());
        Visitor::new(Origin { addr, laddr, fd: 0, local: true }, 0)
    }

    fn site() -> Site {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("redstart-visitor-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("index.html"), "<head>").unwrap();
        let site = Site::open(&folder.to_string_lossy(), "me").unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        site
    }

    fn answer(request: &str) -> String {
        let mut visitor = visitor();
        let became = visitor.receive(request.as_bytes(), &site(), &mut Vec::new());
        assert_eq!(became, Became::Same);
        assert!(visitor.is_leaving());
        String::from_utf8_lossy(visitor.pending()).into_owned()
    }

    #[test]
    fn files_are_sent_and_nothing_else() {
        let page = answer("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("\r\n\r\n<head><meta "));
        assert!(page.contains("frame-ancestors 'none'"));
        let head = answer("HEAD /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"));
        let check = |request: &str, status: &str| {
            assert!(answer(request).starts_with(&format!("HTTP/1.1 {status} ")), "{request}");
        };
        check("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", "404");
        check("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405");
        check("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403");
        check("GET /redstart.ws HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\r\n\r\n", "403");
        check("GET /redstart.ws HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\n\r\n", "403");
        check("SET a b\r\n\r\n", "400");
        check(&"x".repeat(HEAD_BYTES_MAX + 1), "400");
    }

    #[test]
    fn a_websocket_is_a_client() {
        let mut visitor = visitor();
        let request = "GET /redstart.ws HTTP/1.1\r\nHost: localhost:8080\r\n\
            Origin: http://localhost:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let (mut content, site) = (Vec::new(), site());
        let (first, last) = request.split_at(40);
        assert_eq!(visitor.receive(first.as_bytes(), &site, &mut content), Became::Same);
        // The first frame may come with the request.
        let bytes = [last.as_bytes(), b"\x82\x84\0\0\0\0PING"].concat();
        assert_eq!(visitor.receive(&bytes, &site, &mut content), Became::Client);
        assert_eq!(content, b"PING");
        let answer = String::from_utf8_lossy(visitor.pending()).into_owned();
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        visitor.consume(answer.len());
        assert_eq!(visitor.wrap(b"+PONG\r\n"), 7);
        assert_eq!(visitor.pending(), b"\x82\x07+PONG\r\n");
        visitor.consume(9);
        assert_eq!(visitor.wrap(&vec![0; FRAME_BYTES_MAX + 1]), FRAME_BYTES_MAX);
        visitor.consume(usize::MAX / 2);
        visitor.receive(b"\x88\x80\0\0\0\0", &site, &mut content);
        assert!(visitor.is_leaving());
        assert_eq!(visitor.pending(), b"\x88\x02\x03\xe8");
    }

    #[test]
    fn a_flood_of_pings_ends_the_connection() {
        let mut visitor = visitor();
        visitor.upgrade("dGhlIHNhbXBsZSBub25jZQ==");
        let pings = b"\x89\x80\0\0\0\0".repeat(40_000);
        for _ in 0..4 {
            visitor.receive(&pings, &site(), &mut Vec::new());
        }
        assert!(visitor.is_leaving());
        assert!(visitor.pending().len() < 200_000);
    }
}
