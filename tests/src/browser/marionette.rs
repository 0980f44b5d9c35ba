//! Firefox's own remote protocol, Marionette.
//!
//! Its commands are those of WebDriver under other names, in JSON over one TCP connection, each
//! message behind its length (`27:[0,1,"WebDriver:GetTitle",{}]`). Speaking it here spares the tests
//! geckodriver, which Debian does not have and which takes minutes to compile: all it does is to
//! translate as [`command_of`] does.
//!
//! Source: <https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html>.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::Result;

/// How long the browser may take for one command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest message that is read: a picture of a page takes a few megabytes.
const MESSAGE_BYTES_MAX: u64 = 64 << 20;

/// A connection to a Firefox.
pub(super) struct Marionette(Mutex<Line>);

struct Line {
    stream: BufReader<TcpStream>,
    last_id: u64,
}

impl Marionette {
    /// Connects to a browser that listens, and begins a session.
    pub(super) fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).map_err(told)?;
        stream.set_read_timeout(Some(COMMAND_TIMEOUT)).map_err(told)?;
        let mut line = Line { stream: BufReader::new(stream), last_id: 0 };
        line.read()?;
        line.command("WebDriver:NewSession", json!({}))?;
        Ok(Self(Mutex::new(line)))
    }

    /// One command in the words of WebDriver over HTTP; `path` begins behind the session.
    pub(super) fn command(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let (name, params) = command_of(method, path, body)?;
        let answer = self.line().command(name, params)?;
        // Where there is one value, it comes in an object of its own.
        let is_wrapped = answer.as_object().is_some_and(|all| all.len() == 1);
        match answer.get("value") {
            Some(value) if is_wrapped => Ok(value.clone()),
            _ => Ok(answer),
        }
    }

    /// Asks the browser to end.
    pub(super) fn quit(&self) {
        // If it does not, it is killed.
        let _ = self.line().command("Marionette:Quit", json!({ "flags": ["eForceQuit"] }));
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command's name and parameters in Marionette.
fn command_of(method: &str, path: &str, body: Option<&Value>) -> Result<(&'static str, Value)> {
    let mut params = body.cloned().unwrap_or_else(|| json!({}));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if let ["element", id, ..] = parts[..] {
        let name = if parts.last() == Some(&"elements") { "element" } else { "id" };
        params[name] = json!(id);
    }
    let name = match (method, &parts[..]) {
        ("POST", ["url"]) => "WebDriver:Navigate",
        ("POST", ["back"]) => "WebDriver:Back",
        ("POST", ["refresh"]) => "WebDriver:Refresh",
        ("POST", ["window", "new"]) => "WebDriver:NewWindow",
        ("POST", ["window", "rect"]) => "WebDriver:SetWindowRect",
        ("POST", ["window"]) => "WebDriver:SwitchToWindow",
        ("GET", ["window"]) => "WebDriver:GetWindowHandle",
        ("DELETE", ["window"]) => "WebDriver:CloseWindow",
        ("GET", ["screenshot"]) => {
            params["full"] = json!(false);
            "WebDriver:TakeScreenshot"
        }
        ("POST", ["execute", "sync"]) => "WebDriver:ExecuteScript",
        ("POST", ["execute", "async"]) => "WebDriver:ExecuteAsyncScript",
        ("POST", ["actions"]) => "WebDriver:PerformActions",
        ("POST", ["elements"] | ["element", _, "elements"]) => "WebDriver:FindElements",
        ("POST", ["element", _, "click"]) => "WebDriver:ElementClick",
        ("POST", ["element", _, "value"]) => "WebDriver:ElementSendKeys",
        ("GET", ["element", _, "computedrole"]) => "WebDriver:GetComputedRole",
        ("GET", ["element", _, "computedlabel"]) => "WebDriver:GetComputedLabel",
        _ => return Err(format!("{method} {path} has no counterpart in Marionette yet")),
    };
    Ok((name, params))
}

impl Line {
    fn command(&mut self, name: &str, params: Value) -> Result<Value> {
        self.last_id += 1;
        let message = json!([0, self.last_id, name, params]).to_string();
        let framed = format!("{}:{message}", message.len());
        self.stream.get_mut().write_all(framed.as_bytes()).map_err(told)?;
        let answer = self.read()?;
        let failed = answer.get(2).filter(|error| !error.is_null());
        match failed {
            Some(error) => Err(format!("{name}: {}: {}", error["error"], error["message"])),
            None => Ok(answer.get(3).cloned().unwrap_or(Value::Null)),
        }
    }

    fn read(&mut self) -> Result<Value> {
        let mut length = Vec::new();
        self.stream.by_ref().take(20).read_until(b':', &mut length).map_err(told)?;
        let length = String::from_utf8_lossy(&length);
        let length: u64 = length.trim_end_matches(':').parse().map_err(|_| "no length")?;
        let mut message = Vec::new();
        let limit = length.min(MESSAGE_BYTES_MAX);
        self.stream.by_ref().take(limit).read_to_end(&mut message).map_err(told)?;
        serde_json::from_slice(&message).map_err(|error| error.to_string())
    }
}

fn told(error: std::io::Error) -> String {
    format!("Firefox: {error}")
}
