//! Takes pictures of every view of the page, at the size of a desktop and of a phone.
//!
//! `screenshots FOLDER [VIEW…]`, with the page's address in `REDSTART_PAGE`: `cargo xtask screenshots`
//! builds the page, serves it and calls this. The pictures are for people to look at; nothing is
//! compared. With the path of the library axe-core in `AXE`, each view is also searched for barriers to
//! people with disabilities, and there must be none.

#![allow(clippy::print_stdout, reason = "says where the pictures are")]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use redstart_tests::browser::{Browser, CONTROL, ENTER, RELEASE, Result, TAB, wait};
use serde_json::json;

/// A screen: its name, its size in CSS pixels, and whether it is touched.
struct Screen {
    name: &'static str,
    width: u32,
    height: u32,
    is_phone: bool,
}

const SCREENS: [Screen; 2] = [
    Screen { name: "desktop", width: 1280, height: 800, is_phone: false },
    Screen { name: "phone", width: 390, height: 780, is_phone: true },
];

/// A view: its name, and what is done in a fresh page to get there.
struct View {
    name: &'static str,
    theme: &'static str,
    get_there: fn(&Page) -> Result<()>,
}

const VIEWS: &[View] = &[
    View { name: "start", theme: "light", get_there: |_| Ok(()) },
    View { name: "start-dark", theme: "dark", get_there: |_| Ok(()) },
    View { name: "replies", theme: "light", get_there: replies },
    View { name: "hint", theme: "dark", get_there: hint },
    View { name: "completion", theme: "light", get_there: completion },
    View { name: "search", theme: "dark", get_there: search },
    View { name: "help", theme: "light", get_there: help },
    View { name: "panes", theme: "dark", get_there: panes },
    View { name: "panes-menu", theme: "light", get_there: menu },
    View { name: "tutorial", theme: "light", get_there: tutorial },
    View { name: "lesson", theme: "light", get_there: lesson },
    View { name: "lesson-dark", theme: "dark", get_there: lesson },
    View { name: "lesson-chinese", theme: "light", get_there: lesson_in_chinese },
    View { name: "keys", theme: "light", get_there: keys },
    View { name: "value", theme: "dark", get_there: |page| value(page, "user:2", "Value") },
    View { name: "stream", theme: "light", get_there: |page| value(page, "sensor:1", "Value") },
    View { name: "inside", theme: "light", get_there: |page| value(page, "user:2", "Inside") },
    View {
        name: "inside-tree",
        theme: "dark",
        get_there: |page| value(page, "stock:prices", "Inside"),
    },
    View { name: "sketch", theme: "light", get_there: |page| value(page, "visitors", "Inside") },
    View { name: "array", theme: "light", get_there: |page| value(page, "temperatures", "Value") },
    View {
        name: "inside-array",
        theme: "dark",
        get_there: |page| value(page, "temperatures", "Inside"),
    },
    View { name: "bits", theme: "dark", get_there: |page| value(page, "days:ada", "Bits") },
    View { name: "map", theme: "light", get_there: |page| value(page, "cities", "Map") },
    View {
        name: "stores",
        theme: "light",
        get_there: |page| page.view("stores", "Stores in this browser"),
    },
    View { name: "log", theme: "dark", get_there: log },
    View { name: "slow-log", theme: "light", get_there: |page| slow(page, "Slow log", "0.12") },
    View { name: "latency", theme: "dark", get_there: |page| slow(page, "Latency", "debug") },
    View { name: "wire", theme: "light", get_there: wire },
    View { name: "eviction", theme: "light", get_there: eviction },
    View { name: "time", theme: "dark", get_there: time },
    View { name: "time-own", theme: "light", get_there: time_of_own_data },
    View { name: "time-back", theme: "dark", get_there: going_back },
    View { name: "share", theme: "light", get_there: share },
    View { name: "shared", theme: "dark", get_there: shared },
];

/// Ends when what fades or slides in is there, and was drawn; what moves for ever is not waited for.
const SETTLE: &str = "
    const done = arguments[arguments.length - 1];
    const drawn = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    (async () => {
        await drawn();
        const moving = document.getAnimations().filter((it) => it.effect.getComputedTiming().endTime !== Infinity);
        await Promise.allSettled(moving.map((it) => it.finished));
        await drawn();
        done();
    })();
";

/// A page in one browser for all views of a theme: to start one for each would take longer than all the rest.
struct Page {
    browser: Browser,
    address: String,
}

impl Page {
    fn open(address: &str, theme: &str) -> Result<Self> {
        let browser = Browser::start()?;
        let theme = format!("localStorage.setItem('redstart.theme', '{theme}')");
        browser.script_first(&format!("try {{ {theme} }} catch {{}}"))?;
        Ok(Self { browser, address: address.to_owned() })
    }

    /// The page as a browser shows it that has never kept anything for it.
    fn begin_anew(&self) -> Result<()> {
        // No page must be there that could keep something again.
        self.browser.go("about:blank")?;
        let all = json!({ "origin": self.address, "storageTypes": "local_storage,indexeddb" });
        self.browser.devtools("Storage.clearDataForOrigin", &all)?;
        self.browser.go(&self.address)?;
        wait("the engine", || {
            let script =
                "return document.getElementById('shell') ? 'Loading' : document.body.innerText";
            let text = self.browser.script(script, &[])?;
            Ok((!text.as_str().unwrap_or_default().contains("Loading")).then_some(()))
        })
    }

    fn type_keys(&self, keys: &str) -> Result<()> {
        let fields = self.browser.all(None, "[role=group] input")?;
        let field = fields.first().ok_or("there is no line to type into")?;
        self.browser.type_into(field, keys)
    }

    /// Enters a line and waits until its reply is there.
    fn run(&self, line: &str) -> Result<()> {
        self.type_keys(&format!("{line}{ENTER}"))?;
        wait("the reply", || {
            let waiting = self.browser.all(None, ".waiting")?;
            Ok(waiting.is_empty().then_some(()))
        })
    }

    fn click(&self, name: &str) -> Result<()> {
        wait(name, || {
            let buttons = self.browser.by_role(None, "button", "button", |label| label == name)?;
            buttons.first().map(|button| self.browser.click(button)).transpose()
        })
    }

    /// Opens a view of the panel, and waits until it has this text.
    fn view(&self, wish: &str, text: &str) -> Result<()> {
        wait(text, || {
            let script =
                "const view = document.querySelector('#studio [role=tabpanel]:not([hidden])');
                          if (!view) redstart.studio(arguments[0].split(' ')[0]);
                          return view ? view.innerText : ''";
            let shown = self.browser.script(script, &[wish.into()])?;
            Ok(shown.as_str().unwrap_or_default().contains(text).then_some(()))
        })
    }
}

fn replies(page: &Page) -> Result<()> {
    page.run("HSET user:1 name ada born 1815 likes engines")?;
    page.run("HGETALL user:1")?;
    page.run("ZADD board 10 ann 20 bob 15 cem")?;
    page.run("ZRANGE board 0 -1 WITHSCORES")?;
    page.run("GET user:1")?;
    page.run("GET nothing")
}

fn hint(page: &Page) -> Result<()> {
    page.run("SET greeting \"hello world\"")?;
    page.type_keys("ZADD board GT 10 ")
}

fn completion(page: &Page) -> Result<()> {
    page.run("MSET user:1 ada user:2 bob user:3 cem")?;
    page.type_keys(&format!("GET us{TAB}{TAB}"))?;
    wait("the candidates", || {
        let options = page.browser.all(None, "[role=option]")?;
        Ok((!options.is_empty()).then_some(()))
    })
}

fn search(page: &Page) -> Result<()> {
    page.run("SET greeting \"hello world\"")?;
    page.run("PING")?;
    page.type_keys(&format!("{CONTROL}r{RELEASE}greet"))
}

fn help(page: &Page) -> Result<()> {
    page.run("HELP ZADD")
}

fn panes(page: &Page) -> Result<()> {
    page.click("New pane")?;
    page.type_keys(&format!("BLPOP jobs 0{ENTER}"))
}

/// Four of them, two of which have names, and what can be done to one.
fn menu(page: &Page) -> Result<()> {
    let fields = || page.browser.all(None, "[role=group] input");
    for number in 2..=4 {
        page.click("New pane")?;
        wait("the pane", || Ok((fields()?.len() == number).then_some(())))?;
    }
    for (field, line) in
        [(0, "SUBSCRIBE news"), (1, "CLIENT SETNAME publisher"), (2, "CLIENT SETNAME queue")]
    {
        page.browser.type_into(&fields()?[field], &format!("{line}{ENTER}"))?;
    }
    wait("the names", || {
        let script = "return document.querySelectorAll('.pane:not([data-title=\"\"])').length";
        Ok((page.browser.script(script, &[])? == 2).then_some(()))
    })?;
    // On a phone one pane is seen, the others beside it.
    let script = "const seen = [...document.querySelectorAll('.pane')]
            .filter((pane) => { const { left, right } = pane.getBoundingClientRect(); return left >= 0 && right <= innerWidth; });
        if (!window.asked && seen.length) { window.asked = true; seen.at(-1).querySelector('[aria-haspopup=menu]').click(); }
        return document.querySelector('[role=menu]') !== null;";
    wait("the menu", || Ok((page.browser.script(script, &[])? == true).then_some(())))
}

fn keys(page: &Page) -> Result<()> {
    page.view("keys", "no keys yet")?;
    page.click("Make example keys")?;
    page.view("keys", "15 keys")
}

fn value(page: &Page, key: &str, look: &str) -> Result<()> {
    keys(page)?;
    page.browser.script("redstart.studio('keys ' + arguments[0])", &[key.into()])?;
    page.view("keys", "Encoding")?;
    page.click(look)
}

fn log(page: &Page) -> Result<()> {
    page.view("log", "Memory")?;
    for number in 0..12 {
        page.run(&format!("SET key:{number} {}", "x".repeat(number * 90)))?;
        page.run(&format!("GET key:{}", number * 2))?;
    }
    page.run("LPUSH key:1 x")
}

/// A list of the log, with something in it that is slow in any browser.
fn slow(page: &Page, list: &str, text: &str) -> Result<()> {
    page.run("CONFIG SET latency-monitor-threshold 20")?;
    log(page)?;
    for ms in ["0.03", "0.002", "0.12"] {
        page.run(&format!("DEBUG SLEEP {ms}"))?;
    }
    page.click(list)?;
    page.view("log", text)
}

fn wire(page: &Page) -> Result<()> {
    page.view("wire", "PING")?;
    page.run("HSET user:1 name ada born 1815")?;
    page.run("HGETALL user:1")?;
    page.view("wire", "a map of 2 pairs")
}

fn eviction(page: &Page) -> Result<()> {
    page.view("lab", "maxmemory")?;
    page.click("Start")?;
    // Long enough for the lines to part.
    page.browser.script_async("setTimeout(arguments[arguments.length - 1], 4000)").map(drop)
}

fn time(page: &Page) -> Result<()> {
    page.view("time", "Open a timeline")?;
    page.click("Open a timeline")?;
    page.click("Play an example")?;
    page.view("time", "9 / 9")?;
    for _ in 0..3 {
        page.click("One step back")?;
    }
    page.view("time", "APPEND")
}

fn time_of_own_data(page: &Page) -> Result<()> {
    for line in
        ["RPUSH jobs wash dry fold", "SET code 4711 EX 120", "LPOP jobs", "SADD tags red green"]
    {
        page.run(line)?;
    }
    page.view("time", "5 / 5")?;
    page.click("One step back")?;
    page.view("time", "4 / 5")?;
    page.view("time", "wash")
}

/// What going back to a step would change.
fn going_back(page: &Page) -> Result<()> {
    time_of_own_data(page)?;
    page.click("One step back")?;
    page.click("Go back to here")?;
    page.view("time", "tags")?;
    let script = "document.querySelector('.question').scrollIntoView({ block: 'nearest' })";
    page.browser.script(script, &[]).map(drop)
}

fn share(page: &Page) -> Result<()> {
    page.run("RPUSH jobs wash dry fold")?;
    page.run("LPOP jobs")?;
    page.view("time", "3 / 3")?;
    page.click("Share")?;
    page.view("time", "Copy the link")
}

/// A session of two connections that somebody has shared.
fn shared(page: &Page) -> Result<()> {
    page.run("RPUSH jobs wash dry fold")?;
    page.run("ZADD board 10 ann 20 bob 15 cem")?;
    page.click("New pane")?;
    page.run("LPOP jobs")?;
    page.view("time", "4 / 4")?;
    page.click("Share")?;
    page.view("time", "Copy the link")?;
    let open = "location.assign(document.querySelector('.share input[type=text]').value)";
    page.browser.script(open, &[])?;
    page.view("time", "shared with you")?;
    page.view("time", "4 / 4")
}

fn tutorial(page: &Page) -> Result<()> {
    page.click("Tutorial")?;
    wait("the contents", || {
        let lessons = page.browser.all(None, ".contents li button")?;
        Ok((!lessons.is_empty()).then_some(()))
    })
}

/// A lesson with two connections, of which one waits, and its goal with a hint.
fn lesson(page: &Page) -> Result<()> {
    tutorial(page)?;
    let lesson = r#"
        const done = arguments[arguments.length - 1];
        const until = (css) => new Promise((found) => {
            const look = () => document.querySelector(css) ? found(document.querySelector(css)) : setTimeout(look, 20);
            look();
        });
        (async () => {
            (await until(".contents li:nth-child(7) button")).click();
            (await until(".dots li:nth-child(2) button")).click();
            await until(".dots li:nth-child(2) [aria-current]");
            (await until(".help [data-name=hint]")).click();
            await until(".conditions .found");
            document.querySelector(".goal").scrollIntoView({ block: "end" });
            done();
        })();
    "#;
    page.browser.script_async(lesson).map(drop)
}

fn lesson_in_chinese(page: &Page) -> Result<()> {
    lesson(page)?;
    let choose = r#"
        const select = document.querySelector("select.language");
        select.value = "zh";
        select.dispatchEvent(new Event("change", { bubbles: true }));
    "#;
    page.browser.script(choose, &[])?;
    wait("the lesson in Chinese", || {
        let titles = page.browser.all(None, "#step-title")?;
        let title = titles.first().map(|title| page.browser.text(title)).transpose()?;
        Ok(title.filter(|title| !title.is_ascii()).map(drop))
    })
}

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or("usage: screenshots FOLDER [VIEW...]")?;
    let address = std::env::var("REDSTART_PAGE").map_err(|_| "REDSTART_PAGE is not set")?;
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let axe = std::env::var_os("AXE").map(std::fs::read_to_string).transpose();
    let axe = axe.map_err(|error| format!("AXE: {error}"))?;
    // All are taken before the first failure ends it: they are to be looked at together.
    let mut failed = 0;
    let names: Vec<String> = std::env::args().skip(2).collect();
    let is_meant = |view: &&View| names.is_empty() || names.iter().any(|name| name == view.name);
    for theme in ["light", "dark"] {
        let page = Page::open(&address, theme)?;
        for view in VIEWS.iter().filter(is_meant).filter(|view| view.theme == theme) {
            for screen in &SCREENS {
                let file = folder.join(format!("{}-{}.png", view.name, screen.name));
                println!("    {}", file.display());
                if let Err(error) = take(&page, view, screen, axe.as_deref(), &file) {
                    println!("    FAILED: {error}");
                    failed += 1;
                }
            }
        }
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} pictures have failed")) }
}

fn take(page: &Page, view: &View, screen: &Screen, axe: Option<&str>, file: &Path) -> Result<()> {
    page.browser.resize(screen.width, screen.height, screen.is_phone)?;
    page.begin_anew()?;
    page.run("PING")?;
    page.run("CLEAR")?;
    (view.get_there)(page)?;
    page.browser.script_async(SETTLE)?;
    let picture = page.browser.screenshot()?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(picture);
    let bytes = bytes.map_err(|error| error.to_string())?;
    std::fs::write(file, bytes).map_err(|error| error.to_string())?;
    axe.map_or(Ok(()), |axe| check(&page.browser, axe))
}

/// Has the axe library look at what is shown; an error names each rule of accessibility that is
/// broken, and where.
fn check(browser: &Browser, axe: &str) -> Result<()> {
    browser.script(axe, &[])?;
    let broken = browser.script_async(
        "const done = arguments[arguments.length - 1];
         const told = (rule) => rule.nodes.map((node) =>
             `${rule.id}: ${node.html.slice(0, 200)}: ${node.failureSummary}`);
         axe.run().then((found) => done(found.violations.flatMap(told).join('\\n')),
                        (error) => done(String(error)));",
    )?;
    match broken.as_str() {
        Some("") => Ok(()),
        broken => Err(broken.unwrap_or("no answer").to_owned()),
    }
}
