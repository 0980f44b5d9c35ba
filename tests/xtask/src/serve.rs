//! A server of static files for one machine: the bundle on 127.0.0.1.
//!
//! It serves GET and HEAD of the files below one folder, under any path one likes (to prove that
//! the bundle does not care), always fresh, with a tag that tells one version of a file from another. It is not for the open network: it has no TLS, no
//! ranges, and one thread a connection.

use anyhow::{Context as _, Result, bail};
use std::fs;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Bytes of a request's head that are read before it is refused.
const HEAD_MAX: u64 = 32 * 1024;
/// How long a silent connection is kept.
const IDLE: Duration = Duration::from_secs(60);

/// A folder, served.
pub(crate) struct Site {
    listener: TcpListener,
    files: Arc<Files>,
}

struct Files {
    dir: PathBuf,
    under: String,
}

/// Listens on `port` of this machine alone; 0 takes any free port.
pub(crate) fn listen(port: u16) -> Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("port {port} is in use; stop what uses it, or choose another with --port N")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on 127.0.0.1:{port}")),
    }
}

impl Site {
    /// Serves `dir` under the path `under`, such as `/` or `/some/where/`, on `port`.
    pub(crate) fn open(dir: impl AsRef<Path>, under: &str, port: u16) -> Result<Self> {
        Self::new(listen(port)?, dir, under)
    }

    /// Serves `dir` under the path `under` to those who connect to `listener`.
    pub(crate) fn new(listener: TcpListener, dir: impl AsRef<Path>, under: &str) -> Result<Self> {
        let dir = dir.as_ref().to_owned();
        if !dir.join("index.html").is_file() {
            bail!("there is no index.html in {dir:?}");
        }
        if !under.starts_with('/') || !under.ends_with('/') {
            bail!("the path to serve under begins and ends with a slash, unlike {under}");
        }
        Ok(Self { listener, files: Arc::new(Files { dir, under: under.to_owned() }) })
    }

    /// The address of the page.
    pub(crate) fn url(&self) -> String {
        let port = self.listener.local_addr().map_or(0, |addr| addr.port());
        format!("http://127.0.0.1:{port}{}", self.files.under)
    }

    /// Prints the address of the page.
    pub(crate) fn announce(self) -> Self {
        println!("==> The playground is at {}", self.url());
        self
    }

    /// Serves for as long as the program runs.
    pub(crate) fn run(&self) {
        for stream in self.listener.incoming().flatten() {
            let files = Arc::clone(&self.files);
            // A connection that breaks concerns nobody but its browser, which asks again.
            thread::spawn(move || drop(files.converse(stream)));
        }
    }
}

impl Files {
    /// Answers requests on one connection until it ends.
    fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut head = (&mut reader).take(HEAD_MAX);
            let mut request = String::new();
            if head.read_line(&mut request)? == 0 {
                return Ok(());
            }
            let mut line = String::new();
            while head.read_line(&mut line)? > 2 {
                line.clear();
            }
            if head.limit() == 0 {
                return Ok(());
            }
            let answer = self.answer(&request);
            let with_body = !request.starts_with("HEAD ");
            stream.write_all(answer.head().as_bytes())?;
            if with_body {
                stream.write_all(&answer.body)?;
            }
        }
    }

    /// The answer to a request's first line.
    fn answer(&self, request: &str) -> Answer {
        let mut words = request.split_ascii_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Answer::text("400 Bad Request", "This is no HTTP request.");
        };
        if method != "GET" && method != "HEAD" {
            return Answer::text("405 Method Not Allowed", "There are only files here.");
        }
        let missing = || Answer::text("404 Not Found", "There is no such file in the bundle.");
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let Some(path) = path.strip_prefix(self.under.as_str()) else { return missing() };
        let path = Path::new(if path.is_empty() { "index.html" } else { path });
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return missing();
        }
        match fs::read(self.dir.join(path)) {
            Ok(body) => {
                let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&body);
                Answer { status: "200 OK", kind: kind(path), tag: format!("{hash:016x}"), body }
            }
            Err(_) => missing(),
        }
    }
}

struct Answer {
    status: &'static str,
    kind: &'static str,
    /// Another for other bytes; empty for what is no file.
    tag: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(status: &'static str, body: &str) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", tag: String::new(), body: body.into() }
    }

    fn head(&self) -> String {
        format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
             ETag: \"{}\"\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n",
            self.status,
            self.kind,
            self.body.len(),
            self.tag
        )
    }
}

/// The MIME type of a file, by its name.
fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "md" | "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a page and a program in it, removed when dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("redstart-{name}-{}", std::process::id()));
            fs::create_dir_all(dir.join("sub")).unwrap();
            fs::write(dir.join("index.html"), "the page").unwrap();
            fs::write(dir.join("sub/app.wasm"), [0, 1, 2]).unwrap();
            Self(dir)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn files(folder: &Folder, under: &str) -> Files {
        Files { dir: folder.0.clone(), under: under.into() }
    }

    #[test]
    fn files_are_served_with_their_types() {
        let folder = Folder::new("types");
        let files = files(&folder, "/");
        let page = files.answer("GET / HTTP/1.1\r\n");
        assert_eq!(
            (page.status, page.kind, &page.body[..]),
            ("200 OK", "text/html; charset=utf-8", &b"the page"[..])
        );
        let wasm = files.answer("GET /sub/app.wasm?v=1 HTTP/1.1\r\n");
        assert_eq!((wasm.kind, &wasm.body[..]), ("application/wasm", &[0, 1, 2][..]));
        assert!(wasm.head().contains("Cache-Control: no-store\r\n"));
    }

    #[test]
    fn nothing_outside_of_the_folder_is_served() {
        let folder = Folder::new("outside");
        let files = files(&folder, "/deep/er/");
        assert_eq!(files.answer("GET /deep/er/ HTTP/1.1").status, "200 OK");
        for path in ["/", "/index.html", "/deep/er/../", "/deep/er//etc/hosts", "/deep/er/no"] {
            assert_eq!(files.answer(&format!("GET {path} HTTP/1.1")).status, "404 Not Found");
        }
        assert_eq!(files.answer("POST /deep/er/ HTTP/1.1").status, "405 Method Not Allowed");
        assert_eq!(files.answer("\r\n").status, "400 Bad Request");
    }

    #[test]
    fn a_connection_carries_many_requests() {
        let folder = Folder::new("many");
        let site = Site::open(&folder.0, "/", 0).unwrap();
        let addr = site.listener.local_addr().unwrap();
        thread::spawn(move || site.run());
        let mut stream = TcpStream::connect(addr).unwrap();
        for _ in 0..2 {
            stream.write_all(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        }
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"the page") {
            let mut part = [0; 512];
            let read = stream.read(&mut part).unwrap();
            assert_ne!(read, 0);
            got.extend_from_slice(&part[..read]);
        }
        assert_eq!(String::from_utf8(got).unwrap().matches("200 OK").count(), 3);
    }

    #[test]
    fn a_port_in_use_is_a_clear_error() {
        let taken = listen(0).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen(port).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port} is in use")), "{error}");
    }
}
