//! A browser, driven from outside through its WebDriver program, chromedriver.
//!
//! WebDriver is JSON over HTTP, and the page's tests need a dozen of its commands; speaking them
//! here takes less code than the dependencies of a client library, which bring an asynchronous
//! runtime and more than a hundred crates to compile. The commands are those of
//! <https://www.w3.org/TR/webdriver2/>; `goog/` marks Chromium's own.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

/// What every command here fails with: a text for a person.
pub type Result<T> = std::result::Result<T, String>;

/// How long the driver may take for one command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// Between two looks at something that is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Looks before giving up: 15 seconds.
const LOOKS: u32 = 750;

/// Chromium without a window and without anything it would do by itself.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
];

/// A browser with a new, empty profile. It ends, and the profile is removed, when this is dropped.
pub struct Browser {
    driver: Child,
    addr: SocketAddr,
    session: String,
    profile: PathBuf,
}

/// Something on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element(String);

impl Browser {
    /// Starts the driver named by `CHROMEDRIVER` and through it the browser named by `CHROMIUM`,
    /// both by default from the PATH.
    pub fn start() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let profile =
            std::env::temp_dir().join(format!("redstart-page-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&profile).map_err(|error| format!("{profile:?}: {error}"))?;
        let addr = free_port()?;
        let program = std::env::var_os("CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let driver = Command::new(&program)
            .arg(format!("--port={}", addr.port()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program:?}: {error}"))?;
        let mut browser = Self { driver, addr, session: String::new(), profile };
        wait("the driver to listen", || Ok(TcpStream::connect(addr).is_ok().then_some(())))?;
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", browser.profile.display()));
        let mut options = json!({ "args": flags });
        if let Some(binary) = std::env::var_os("CHROMIUM") {
            options["binary"] = json!(binary.to_string_lossy());
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = browser.http("POST", "/session", Some(&wanted))?;
        browser.session = text(&session["sessionId"])?;
        Ok(browser)
    }

    /// Goes to an address and returns when the page has loaded.
    pub fn go(&self, url: &str) -> Result<()> {
        self.post("/url", &json!({ "url": url })).map(drop)
    }

    /// Opens another tab, without going to it; its name.
    pub fn new_tab(&self) -> Result<String> {
        text(&self.post("/window/new", &json!({ "type": "tab" }))?["handle"])
    }

    /// The name of the tab that commands go to.
    pub fn tab(&self) -> Result<String> {
        text(&self.http("GET", &format!("/session/{}/window", self.session), None)?)
    }

    /// Has all further commands go to this tab.
    pub fn switch(&self, tab: &str) -> Result<()> {
        self.post("/window", &json!({ "handle": tab })).map(drop)
    }

    /// Closes the tab that commands go to; another one must be switched to next.
    pub fn close_tab(&self) -> Result<()> {
        self.http("DELETE", &format!("/session/{}/window", self.session), None).map(drop)
    }

    /// Loads the page again.
    pub fn reload(&self) -> Result<()> {
        self.post("/refresh", &json!({})).map(drop)
    }

    /// Runs the body of a JavaScript function in the page and returns what it returns.
    pub fn script(&self, body: &str, args: &[Value]) -> Result<Value> {
        self.post("/execute/sync", &json!({ "script": body, "args": args }))
    }

    /// Runs the body of a JavaScript function and waits until it calls its last argument, whose
    /// argument is returned.
    pub fn script_async(&self, body: &str) -> Result<Value> {
        self.post("/execute/async", &json!({ "script": body, "args": [] }))
    }

    /// Has `script` run in every page that is opened from now on, before anything else in it.
    pub fn script_first(&self, script: &str) -> Result<()> {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }))
    }

    /// Makes the page's area this large, and one that is touched if `is_phone`.
    pub fn resize(&self, width: u32, height: u32, is_phone: bool) -> Result<()> {
        let scale = if is_phone { 2 } else { 1 };
        let area = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &area)?;
        self.devtools("Emulation.setTouchEmulationEnabled", &json!({ "enabled": is_phone }))
    }

    /// A picture of what is seen: a PNG in Base64.
    pub fn screenshot(&self) -> Result<String> {
        text(&self.http("GET", &format!("/session/{}/screenshot", self.session), None)?)
    }

    /// Has requests for addresses that fit this pattern fail from now on.
    pub fn block(&self, pattern: &str) -> Result<()> {
        self.devtools("Network.enable", &json!({}))?;
        self.devtools("Network.setBlockedURLs", &json!({ "urls": [pattern] }))
    }

    /// A command of Chromium's own protocol.
    fn devtools(&self, cmd: &str, params: &Value) -> Result<()> {
        self.post("/goog/cdp/execute", &json!({ "cmd": cmd, "params": params })).map(drop)
    }

    /// Elements by CSS selector, in the whole page or inside of another element.
    pub fn all(&self, inside: Option<&Element>, css: &str) -> Result<Vec<Element>> {
        let path = match inside {
            Some(element) => format!("/element/{}/elements", element.0),
            None => "/elements".to_owned(),
        };
        let found = self.post(&path, &json!({ "using": "css selector", "value": css }))?;
        let found = found.as_array().ok_or("no list of elements")?;
        found.iter().map(Element::read).collect()
    }

    /// The elements of `css` that assistive technology knows by this role and a name that
    /// `fits`.
    pub fn by_role(
        &self,
        inside: Option<&Element>,
        css: &str,
        role: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Result<Vec<Element>> {
        let mut found = Vec::new();
        for element in self.all(inside, css)? {
            let has_role = self.get(&element, "computedrole")? == role;
            if has_role && fits(&text(&self.get(&element, "computedlabel")?)?) {
                found.push(element);
            }
        }
        Ok(found)
    }

    /// The text of an element as it is shown.
    pub fn text(&self, element: &Element) -> Result<String> {
        text(&self.script("return arguments[0].innerText", &[element.json()])?)
    }

    /// Clicks an element.
    pub fn click(&self, element: &Element) -> Result<()> {
        self.post(&format!("/element/{}/click", element.0), &json!({})).map(drop)
    }

    /// Types into an element. [`ENTER`] is the key of that name.
    pub fn type_into(&self, element: &Element, keys: &str) -> Result<()> {
        self.post(&format!("/element/{}/value", element.0), &json!({ "text": keys })).map(drop)
    }

    /// What the page has written to its console since the last call, one message a line.
    pub fn console(&self) -> Result<String> {
        let entries = self.post("/se/log", &json!({ "type": "browser" }))?;
        let mut log = String::new();
        for entry in entries.as_array().into_iter().flatten() {
            let _ = writeln!(log, "{}: {}", text(&entry["level"])?, text(&entry["message"])?);
        }
        Ok(log)
    }

    fn get(&self, element: &Element, what: &str) -> Result<Value> {
        self.http("GET", &format!("/session/{}/element/{}/{what}", self.session, element.0), None)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.http("POST", &format!("/session/{}{path}", self.session), Some(body))
    }

    /// One command: its answer's `value`, or the error that it tells of.
    fn http(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let fail = |error: std::io::Error| format!("chromedriver: {method} {path}: {error}");
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(self.addr).map_err(fail)?;
        stream.set_read_timeout(Some(COMMAND_TIMEOUT)).map_err(fail)?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.addr,
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(fail)?;
        let answer = read_body(stream).map_err(fail)?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        let value = answer.get("value").cloned().unwrap_or(Value::Null);
        match value.get("error") {
            Some(error) => Err(format!("{method} {path}: {error}: {}", value["message"])),
            None => Ok(value),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Whatever of this fails, the test is over.
        let _ = self.http("DELETE", &format!("/session/{}", self.session), None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// The Enter key, as a character to type.
pub const ENTER: char = '\u{E007}';
/// The key Tab.
pub const TAB: char = '\u{E004}';
/// Holds the key Control …
pub const CONTROL: char = '\u{E009}';
/// … until all keys that are held are let go.
pub const RELEASE: char = '\u{E000}';

/// The name that WebDriver gives to the property with an element's identifier.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Element {
    fn read(value: &Value) -> Result<Self> {
        text(&value[ELEMENT]).map(Self)
    }

    /// The element as an argument of a script.
    pub fn json(&self) -> Value {
        json!({ ELEMENT: self.0 })
    }
}

/// Looks until there is something, for 15 seconds.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let mut last = String::new();
    for _ in 0..LOOKS {
        match look() {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(error) => last = error,
        }
        pause();
    }
    Err(format!("waited too long for {what}; {last}"))
}

#[expect(clippy::disallowed_methods, reason = "WebDriver can only be asked again")]
fn pause() {
    std::thread::sleep(LOOK_AGAIN);
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("not a text: {value}"))
}

fn free_port() -> Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| error.to_string())
}

/// Reads an HTTP answer whose length is in its head.
fn read_body(stream: TcpStream) -> std::io::Result<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(body)
}
