//! A browser, driven from outside: Chromium, Firefox or WebKitGTK's, as `REDSTART_BROWSER` says.
//!
//! WebDriver is JSON over HTTP, and the page's tests need a dozen of its commands; speaking them
//! here takes less code than the dependencies of a client library, which bring an asynchronous
//! runtime and more than a hundred crates to compile. The commands are those of
//! <https://www.w3.org/TR/webdriver2/>; `goog/` marks Chromium's own, without which the others have
//! to do.

mod http;
mod marionette;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use marionette::Marionette;

/// What every command here fails with: a text for a person.
pub type Result<T> = std::result::Result<T, String>;

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
    // An origin that browsers do not trust, as that of a page from another machine without TLS.
    "--host-resolver-rules=MAP unsafe.test 127.0.0.1",
];

/// Which browser it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Chromium, with chromedriver.
    Chromium,
    /// Firefox, which is spoken to directly.
    Firefox,
    /// WebKitGTK's small browser, with WebKitWebDriver. It needs a display.
    WebKit,
}

/// How a browser differs from one that is installed and opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Not at all.
    Usual,
    /// All its windows are private. WebKit's always are, where it is driven.
    Private,
    /// It gives no page any storage. WebKit cannot be told so.
    NoStorage,
    /// All its windows are private and have no IndexedDB, as those of Firefox before version 115. Only
    /// Firefox can be told so.
    NoDatabase,
}

/// A browser with a new, empty profile. It ends, and the profile is removed, when this is dropped.
pub struct Browser {
    kind: Kind,
    /// The driver, or the browser itself where there is none.
    program: Child,
    wire: Wire,
    profile: PathBuf,
    /// Whether the profile outlives the browser.
    keeps_profile: bool,
}

/// How commands get there.
enum Wire {
    Http { addr: SocketAddr, session: String },
    Marionette(Marionette),
}

/// Something on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element(String);

impl Kind {
    /// The one that `REDSTART_BROWSER` names; Chromium if it is not set.
    pub fn wanted() -> Result<Self> {
        match std::env::var("REDSTART_BROWSER").as_deref() {
            Err(_) | Ok("chromium") => Ok(Self::Chromium),
            Ok("firefox") => Ok(Self::Firefox),
            Ok("webkit") => Ok(Self::WebKit),
            Ok(other) => Err(format!("REDSTART_BROWSER: there is no browser called {other}")),
        }
    }

    /// The program to start, with the port it is to listen at: from a variable, or the PATH.
    fn command(self, port: u16, profile: &Path, privacy: Privacy) -> Result<Command> {
        let (variable, name) = match self {
            Self::Chromium => ("CHROMEDRIVER", "chromedriver"),
            Self::Firefox => ("FIREFOX", "firefox-esr"),
            Self::WebKit => ("WEBKITWEBDRIVER", "WebKitWebDriver"),
        };
        let mut command = Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()));
        if self == Self::Firefox {
            let mut settings = format!("user_pref(\"marionette.port\", {port});\n");
            let more: &[(&str, &str)] = match privacy {
                Privacy::Usual => &[],
                Privacy::Private => &[("browser.privatebrowsing.autostart", "true")],
                // 2 is to refuse cookies, and with them everything else that is kept.
                Privacy::NoStorage => &[("network.cookie.cookieBehavior", "2")],
                Privacy::NoDatabase => &[
                    ("browser.privatebrowsing.autostart", "true"),
                    ("dom.indexedDB.privateBrowsing.enabled", "false"),
                ],
            };
            for (name, value) in more {
                let _ = writeln!(settings, "user_pref(\"{name}\", {value});");
            }
            std::fs::write(profile.join("user.js"), settings).map_err(|error| error.to_string())?;
            command.args(["--headless", "--marionette", "--no-remote", "--profile"]).arg(profile);
        } else {
            command.arg(format!("--port={port}"));
        }
        Ok(command)
    }

    /// What a session is asked for.
    fn capabilities(self, profile: &Path, privacy: Privacy) -> Value {
        let binary = |variable: &str| std::env::var(variable).ok();
        match self {
            Self::Chromium => {
                let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
                flags.push(format!("--user-data-dir={}", profile.display()));
                if privacy == Privacy::Private {
                    flags.push("--incognito".to_owned());
                }
                let mut options = json!({ "args": flags });
                if privacy == Privacy::NoStorage {
                    // Everything that a page can keep goes by this name; 2 is to block it.
                    let blocked = json!({ "profile.default_content_setting_values.cookies": 2 });
                    options["prefs"] = blocked;
                }
                if let Some(binary) = binary("CHROMIUM") {
                    options["binary"] = json!(binary);
                }
                json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } })
            }
            Self::WebKit => {
                let mut options = json!({ "args": ["--automation"] });
                if let Some(binary) = binary("MINIBROWSER") {
                    options["binary"] = json!(binary);
                }
                json!({ "webkitgtk:browserOptions": options })
            }
            Self::Firefox => json!({}),
        }
    }
}

impl Browser {
    /// Starts a browser, through its driver where it has one. Their programs are named by
    /// `CHROMEDRIVER` and `CHROMIUM`, `FIREFOX`, or `WEBKITWEBDRIVER` and `MINIBROWSER`, by default
    /// from the PATH.
    pub fn start() -> Result<Self> {
        Self::start_as(Privacy::Usual)
    }

    /// As [`Browser::start`], as private as this.
    pub fn start_as(privacy: Privacy) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let profile =
            std::env::temp_dir().join(format!("redstart-page-{}-{number}", std::process::id()));
        let mut browser = Self::start_at(&profile, privacy)?;
        browser.keeps_profile = false;
        Ok(browser)
    }

    /// As [`Browser::start`], with a profile that is there already, or is left there.
    pub fn start_with(profile: &Path) -> Result<Self> {
        Self::start_at(profile, Privacy::Usual)
    }

    fn start_at(profile: &Path, privacy: Privacy) -> Result<Self> {
        std::fs::create_dir_all(profile).map_err(|error| format!("{profile:?}: {error}"))?;
        let kind = Kind::wanted()?;
        let addr = free_port()?;
        let mut command = kind.command(addr.port(), profile, privacy)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let wire = Wire::Http { addr, session: String::new() };
        let profile = profile.to_owned();
        let mut browser = Self { kind, program, wire, profile, keeps_profile: true };
        wait("the driver to listen", || Ok(TcpStream::connect(addr).is_ok().then_some(())))?;
        browser.wire = if kind == Kind::Firefox {
            Wire::Marionette(Marionette::open(addr)?)
        } else {
            let capabilities = kind.capabilities(&browser.profile, privacy);
            let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
            let session = http::command(addr, "POST", "/session", Some(&wanted))?;
            Wire::Http { addr, session: text(&session["sessionId"])? }
        };
        Ok(browser)
    }

    /// Which browser it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Kills the browser with all its processes, as a power cut would, without a chance to write
    /// anything. When this returns, none is left that could hold on to the profile.
    pub fn kill(&self) -> Result<()> {
        let mut killed = Vec::new();
        wait("the browser's processes to end", || {
            let processes = self.processes().map_err(|error| error.to_string())?;
            let is_done = processes.is_empty();
            if !is_done {
                let mut kill = Command::new("kill");
                // One that has ended by itself meanwhile is as dead as the others.
                kill.arg("-9").args(&processes).stderr(Stdio::null());
                kill.status().map_err(|error| error.to_string())?;
                killed.extend(processes);
            }
            killed.retain(holds_on);
            Ok((is_done && killed.is_empty()).then_some(()))
        })
    }

    /// The browser's processes, known by the profile that they are told.
    fn processes(&self) -> std::io::Result<Vec<OsString>> {
        let profile = format!("--user-data-dir={}", self.profile.display());
        let mut found = Vec::new();
        for process in std::fs::read_dir("/proc")?.flatten() {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            if line.split(|&byte| byte == 0).any(|word| word == profile.as_bytes()) {
                found.push(process.file_name());
            }
        }
        Ok(found)
    }

    /// Gives the pages of an origin so many bytes to keep data in, or as many as usual. Only in Chromium.
    pub fn limit_storage(&self, origin: &str, bytes: Option<u64>) -> Result<()> {
        let mut params = json!({ "origin": origin });
        if let Some(bytes) = bytes {
            params["quotaSize"] = json!(bytes);
        }
        self.devtools("Storage.overrideQuotaForOrigin", &params).map(drop)
    }

    /// Stops all programs of the tab that commands go to, as browsers do with tabs in the background, or
    /// lets them go on. Only in Chromium.
    pub fn freeze(&self, is_frozen: bool) -> Result<()> {
        let state = if is_frozen { "frozen" } else { "active" };
        self.devtools("Page.setWebLifecycleState", &json!({ "state": state })).map(drop)
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
        text(&self.command("GET", "/window", None)?)
    }

    /// Has all further commands go to this tab.
    pub fn switch(&self, tab: &str) -> Result<()> {
        self.post("/window", &json!({ "handle": tab })).map(drop)
    }

    /// Closes the tab that commands go to; another one must be switched to next.
    pub fn close_tab(&self) -> Result<()> {
        self.command("DELETE", "/window", None).map(drop)
    }

    /// Loads the page again.
    pub fn reload(&self) -> Result<()> {
        self.post("/refresh", &json!({})).map(drop)
    }

    /// Goes back to the page before.
    pub fn back(&self) -> Result<()> {
        self.post("/back", &json!({})).map(drop)
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

    /// Has `script` run in every page that is opened from now on, before anything else in it. Only
    /// in Chromium.
    pub fn script_first(&self, script: &str) -> Result<()> {
        let source = json!({ "source": script });
        self.devtools("Page.addScriptToEvaluateOnNewDocument", &source).map(drop)
    }

    /// Makes the page's area this large, and one that is touched if `is_phone`.
    pub fn resize(&self, width: u32, height: u32, is_phone: bool) -> Result<()> {
        let scale = if is_phone { 2 } else { 1 };
        let area = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &area)?;
        let touch = json!({ "enabled": is_phone });
        self.devtools("Emulation.setTouchEmulationEnabled", &touch).map(drop)
    }

    /// Has the page think that a person prefers something: the feature of media queries called
    /// `prefers-WHAT`.
    pub fn prefers(&self, what: &str, value: &str) -> Result<()> {
        let feature = json!({ "name": format!("prefers-{what}"), "value": value });
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [feature] })).map(drop)
    }

    /// A picture of what is seen: a PNG in Base64.
    pub fn screenshot(&self) -> Result<String> {
        text(&self.command("GET", "/screenshot", None)?)
    }

    /// Has requests for addresses that fit this pattern fail from now on.
    pub fn block(&self, pattern: &str) -> Result<()> {
        self.devtools("Network.enable", &json!({}))?;
        self.devtools("Network.setBlockedURLs", &json!({ "urls": [pattern] })).map(drop)
    }

    /// A command of Chromium's own protocol, and its answer.
    pub fn devtools(&self, cmd: &str, params: &Value) -> Result<Value> {
        if self.kind != Kind::Chromium {
            return Err(format!("{:?} does not know {cmd}", self.kind));
        }
        self.post("/goog/cdp/execute", &json!({ "cmd": cmd, "params": params }))
    }

    /// The element that the body of a JavaScript function returns: for those in a shadow tree, which no
    /// selector finds.
    pub fn found_by(&self, body: &str, args: &[Value]) -> Result<Element> {
        Element::read(&self.script(body, args)?)
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
            let has_role = match self.get(&element, "computedrole") {
                // WebKit fails where an element is not for assistive technology, being hidden.
                Err(_) if self.kind == Kind::WebKit => false,
                // To it, what opens a list is a button.
                Ok(known) if self.kind == Kind::WebKit && role == "combobox" => known == "button",
                known => known? == role,
            };
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

    /// What the page's fields hold and which of them has the focus, for the message of a test that fails.
    pub fn fields(&self) -> String {
        let script = "return [...document.querySelectorAll('input, textarea')].filter((it) => it.checkVisibility())
            .map((it) => `${it.ariaLabel || it.id}: ${JSON.stringify(it.value.slice(0, 200))}`
                + (it === document.activeElement ? ', which has the focus' : '')).join('\\n')
            + (document.hasFocus() ? '' : '\\nThe page has not the focus.')";
        let fields = self.script(script, &[]).and_then(|told| text(&told));
        fields.unwrap_or_else(|error| error)
    }

    /// Clicks an element.
    pub fn click(&self, element: &Element) -> Result<()> {
        self.post(&format!("/element/{}/click", element.0), &json!({})).map(drop)
    }

    /// Drags the mouse from one point of the window to another, in CSS pixels.
    pub fn drag(&self, from: (i64, i64), to: (i64, i64)) -> Result<()> {
        let to_there = |(x, y): (i64, i64)| json!({ "type": "pointerMove", "x": x, "y": y });
        let half = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
        let press = json!({ "type": "pointerDown", "button": 0 });
        let release = json!({ "type": "pointerUp", "button": 0 });
        let moves = [to_there(from), press, to_there(half), to_there(to), release];
        let mouse = json!({ "type": "pointer", "id": "mouse", "actions": moves });
        self.post("/actions", &json!({ "actions": [mouse] })).map(drop)
    }

    /// Presses keys, whatever has the focus. [`ALT`], [`CONTROL`] and [`SHIFT`] are held until [`RELEASE`].
    pub fn press(&self, keys: &str) -> Result<()> {
        let key = |kind: &str, key: char| json!({ "type": kind, "value": key.to_string() });
        let (mut actions, mut held) = (Vec::new(), Vec::new());
        for letter in keys.chars() {
            match letter {
                RELEASE => actions.extend(held.drain(..).map(|letter| key("keyUp", letter))),
                ALT | CONTROL | SHIFT => {
                    actions.push(key("keyDown", letter));
                    held.push(letter);
                }
                letter => actions.extend([key("keyDown", letter), key("keyUp", letter)]),
            }
        }
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", &json!({ "actions": [keyboard] })).map(drop)
    }

    /// Types into an element. [`ENTER`] is the key of that name.
    pub fn type_into(&self, element: &Element, keys: &str) -> Result<()> {
        self.post(&format!("/element/{}/value", element.0), &json!({ "text": keys })).map(drop)
    }

    /// What the page has written to its console since the last call, one message a line. Only
    /// Chromium tells; of the others one hears what the page itself shows of a failure.
    pub fn console(&self) -> Result<String> {
        if self.kind != Kind::Chromium {
            let shown = "const panel = document.getElementById('failure'); \
                         return panel && !panel.hidden ? 'SEVERE: ' + panel.innerText : ''";
            return text(&self.script(shown, &[])?);
        }
        let entries = self.post("/se/log", &json!({ "type": "browser" }))?;
        let mut log = String::new();
        for entry in entries.as_array().into_iter().flatten() {
            let _ = writeln!(log, "{}: {}", text(&entry["level"])?, text(&entry["message"])?);
        }
        Ok(log)
    }

    fn get(&self, element: &Element, what: &str) -> Result<Value> {
        self.command("GET", &format!("/element/{}/{what}", element.0), None)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.command("POST", path, Some(body))
    }

    /// One command of WebDriver, its path without the session.
    fn command(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        match &self.wire {
            Wire::Http { addr, session } => {
                http::command(*addr, method, &format!("/session/{session}{path}"), body)
            }
            Wire::Marionette(firefox) => firefox.command(method, path, body),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Whatever of this fails, the test is over.
        match &self.wire {
            Wire::Http { .. } => drop(self.command("DELETE", "", None)),
            Wire::Marionette(firefox) => firefox.quit(),
        }
        let _ = self.program.kill();
        let _ = self.program.wait();
        if !self.keeps_profile {
            let _ = std::fs::remove_dir_all(&self.profile);
        }
    }
}

/// The Enter key, as a character to type.
pub const ENTER: char = '\u{E007}';
/// The key Tab.
pub const TAB: char = '\u{E004}';
/// Holds the key Alt …
pub const ALT: char = '\u{E00A}';
/// … or Control …
pub const CONTROL: char = '\u{E009}';
/// … or Shift …
pub const SHIFT: char = '\u{E008}';
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

/// Whether a process that was killed still has files open. Its command line is gone before them: one of its
/// threads may be in the middle of making something safe, for seconds if the disk is slow.
fn holds_on(process: &OsString) -> bool {
    let folder = Path::new("/proc").join(process);
    let threads = std::fs::read_dir(folder.join("task")).map_or(0, Iterator::count);
    let stat = std::fs::read_to_string(folder.join("stat")).unwrap_or_default();
    // The state stands behind the name, which is in brackets.
    let is_over = stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']));
    threads > 1 || !is_over
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("not a text: {value}"))
}

fn free_port() -> Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| error.to_string())
}
