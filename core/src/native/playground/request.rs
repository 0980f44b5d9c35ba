//! The head of an HTTP request, and whom it may come from.

use std::net::IpAddr;

/// Bytes of a head, at most.
pub const HEAD_BYTES_MAX: usize = 16 << 10;

/// The head of a request.
#[derive(Debug)]
pub struct Request<'a> {
    /// GET, say.
    pub method: &'a str,
    /// What stands before `?` in its target.
    pub path: &'a str,
    head: &'a str,
}

/// Why a request is not answered as it would like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is none.
    Malformed,
    /// It names the server by a name that anybody could have pointed at it.
    Host,
    /// It comes from another page.
    Origin,
    /// It wants a WebSocket in a way that this server does not know.
    Upgrade,
}

/// Where the head at the start of `bytes` ends; `None` if it goes on.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

impl<'a> Request<'a> {
    /// Reads a whole head.
    pub fn read(head: &'a [u8]) -> Result<Self, Refusal> {
        let head = std::str::from_utf8(head).map_err(|_| Refusal::Malformed)?;
        let (line, head) = head.split_once("\r\n").ok_or(Refusal::Malformed)?;
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Refusal::Malformed);
        };
        if !version.starts_with("HTTP/1.") {
            return Err(Refusal::Malformed);
        }
        let path = target.split('?').next().unwrap_or_default();
        Ok(Self { method, path, head })
    }

    /// The value of a header; `None` if it is not there, or more than once.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let value = |line: &'a str| {
            let (other, value) = line.split_once(':')?;
            other.eq_ignore_ascii_case(name).then(|| value.trim())
        };
        let mut values = self.head.split("\r\n").filter_map(value);
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }

    /// Whether one of the words of a header, which commas separate, is `word`.
    fn has_word(&self, name: &str, word: &str) -> bool {
        let words = self.header(name).unwrap_or_default().split(',');
        words.map(str::trim).any(|other| other.eq_ignore_ascii_case(word))
    }

    /// Whether it names this server in a way that nobody else can claim: by an address, or as
    /// `localhost`.
    pub fn check_host(&self) -> Result<&'a str, Refusal> {
        let host = self.header("Host").ok_or(Refusal::Host)?;
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let is_own = name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok();
        if is_own { Ok(host) } else { Err(Refusal::Host) }
    }

    /// The key of a WebSocket that may be opened.
    pub fn check_upgrade(&self) -> Result<&'a str, Refusal> {
        let host = self.check_host()?;
        let origin = self.header("Origin").ok_or(Refusal::Origin)?;
        let of = origin.strip_prefix("http://").ok_or(Refusal::Origin)?;
        if !of.eq_ignore_ascii_case(host) {
            return Err(Refusal::Origin);
        }
        let is_upgrade = self.method == "GET"
            && self.has_word("Upgrade", "websocket")
            && self.has_word("Connection", "upgrade")
            && self.header("Sec-WebSocket-Version") == Some("13");
        let key = self.header("Sec-WebSocket-Key").filter(|key| key.len() == 24);
        key.filter(|_| is_upgrade).ok_or(Refusal::Upgrade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &str) -> String {
        format!("GET /redstart.ws?x HTTP/1.1\r\n{headers}\r\n")
    }

    fn upgrade(headers: &str) -> Result<String, Refusal> {
        let text = request(&format!(
            "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}"
        ));
        assert_eq!(head_end(text.as_bytes()), Some(text.len()));
        Request::read(text.as_bytes())?.check_upgrade().map(str::to_owned)
    }

    #[test]
    fn heads_are_read() {
        let text = request("Host: a\r\nx-a:  b \r\nTwice: 1\r\ntwice: 2\r\n");
        let request = Request::read(text.as_bytes()).unwrap();
        assert_eq!((request.method, request.path), ("GET", "/redstart.ws"));
        assert_eq!(request.header("X-A"), Some("b"));
        assert_eq!(request.header("Twice"), None);
        assert_eq!(head_end(b"GET / HTTP/1.1\r\nHost: a\r\n"), None);
        for wrong in
            ["GET /\r\n\r\n", "GET / HTTP/2\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "\r\n\r\n"]
        {
            assert_eq!(Request::read(wrong.as_bytes()).unwrap_err(), Refusal::Malformed, "{wrong}");
        }
    }

    #[test]
    fn only_addresses_and_localhost_are_hosts() {
        let check = |host: &str| {
            let text = request(&format!("Host: {host}\r\n"));
            Request::read(text.as_bytes()).unwrap().check_host().is_ok()
        };
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "10.0.0.7"] {
            assert!(check(host), "{host}");
        }
        for host in
            ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "", "[]"]
        {
            assert!(!check(host), "{host}");
        }
    }

    #[test]
    fn a_websocket_comes_from_the_page_that_was_served() {
        let key = Ok("dGhlIHNhbXBsZSBub25jZQ==".to_owned());
        let own = "Host: 127.0.0.1:1\r\nOrigin: http://127.0.0.1:1\r\n";
        assert_eq!(upgrade(own), key);
        for origin in ["https://127.0.0.1:1", "http://127.0.0.1:2", "http://evil.example", "null"] {
            let headers = format!("Host: 127.0.0.1:1\r\nOrigin: {origin}\r\n");
            assert_eq!(upgrade(&headers), Err(Refusal::Origin), "{origin}");
        }
        assert_eq!(upgrade("Host: 127.0.0.1:1\r\n"), Err(Refusal::Origin));
        let rebound = "Host: evil.example:1\r\nOrigin: http://evil.example:1\r\n";
        assert_eq!(upgrade(rebound), Err(Refusal::Host));
        let plain = request(own);
        let plain = Request::read(plain.as_bytes()).unwrap().check_upgrade().unwrap_err();
        assert_eq!(plain, Refusal::Upgrade);
    }
}
