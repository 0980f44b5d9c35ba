//! The page as a person uses it, for the tests that open it in a browser.
//!
//! Everything is found by role and name, as a screen reader finds it: each pane is a group called
//! "Connection N", its output a log, its input a textbox called "Redis command". The page's address
//! is in `REDSTART_PAGE`; `cargo xtask test` builds the page, serves it and sets that. What a test
//! waits for in vain ends it with a panic.

#![allow(clippy::unwrap_used, reason = "only tests call this")]

use crate::browser::{Browser, ENTER, Element, Kind, Result, wait};

/// Notes the time since navigation when there is a first textbox that can be typed into.
const WATCH_FOR_PROMPT: &str = r#"
    const look = () => {
        const input = document.querySelector("[role=group] input, fieldset input, section input");
        if (input && !input.disabled && !input.readOnly && input.offsetParent !== null) {
            window.promptAt = performance.now();
        } else {
            requestAnimationFrame(look);
        }
    };
    look();
"#;

/// A browser that has the page open.
pub struct Page {
    /// The browser.
    pub browser: Browser,
}

/// One pane of it, looked up anew for every use: the page may draw it again.
pub struct Pane<'a> {
    browser: &'a Browser,
    name: String,
}

/// What a pane consists of.
pub struct Parts {
    /// What it shows.
    pub log: Element,
    /// The line being typed.
    pub input: Element,
}

/// The page's address.
pub fn address() -> String {
    std::env::var("REDSTART_PAGE").expect("REDSTART_PAGE holds the address of the page to test")
}

impl Page {
    /// Opens the page in a new browser.
    pub fn open() -> Self {
        let browser = Browser::start().unwrap();
        if browser.kind() == Kind::Chromium {
            browser.script_first(WATCH_FOR_PROMPT).unwrap();
        }
        browser.go(&address()).unwrap();
        Self { browser }
    }

    /// Opens the page in another tab of the browser and goes there; the names of both tabs.
    pub fn second_tab(&self) -> [String; 2] {
        self.tab_at(&address())
    }

    /// The same at another address.
    pub fn tab_at(&self, address: &str) -> [String; 2] {
        let first = self.browser.tab().unwrap();
        let second = self.browser.new_tab().unwrap();
        self.browser.switch(&second).unwrap();
        self.browser.go(address).unwrap();
        [first, second]
    }

    /// Waits until the panel is there that tells of a failure, with these words.
    #[track_caller]
    pub fn fails(&self, words: &str) {
        let shown = "const panel = document.getElementById('failure');
                     return panel.hidden ? '' : panel.innerText";
        let mut last = String::new();
        let seen = wait("the page to stop", || {
            last = self.browser.script(shown, &[])?.as_str().unwrap_or_default().to_owned();
            Ok(last.contains(words).then_some(()))
        });
        assert!(seen.is_ok(), "the page shows {last:?} instead of {words:?}");
    }

    /// The pane called "Connection `number`", once the program runs: it takes over what was typed
    /// before into what looks the same, but a driver that is still typing would miss its field.
    pub fn pane(&self, number: u32) -> Pane<'_> {
        self.named(&format!("Connection {number}"))
    }

    /// The pane of this name, as [`Page::pane`].
    pub fn named(&self, name: &str) -> Pane<'_> {
        let pane = Pane { browser: &self.browser, name: name.to_owned() };
        wait("the program to run", || {
            let runs = "return document.getElementById('shell') === null";
            Ok((self.browser.script(runs, &[])? == true).then_some(()))
        })
        .unwrap();
        wait(&pane.name, || pane.parts().map(Some)).unwrap();
        pane
    }

    /// Opens the second pane with its button.
    pub fn second_pane(&self) -> Pane<'_> {
        self.click("New pane");
        self.pane(2)
    }

    /// Presses the button of this name, wherever it is.
    #[track_caller]
    pub fn click(&self, name: &str) {
        let pressed = wait("the button", || {
            let buttons = self.browser.by_role(None, "button", "button", |label| label == name)?;
            buttons.first().map(|button| self.browser.click(button)).transpose()
        });
        pressed.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Waits until everything that was typed is saved, and the page says so. The page alone would not
    /// do: it may still speak of what was saved before the last command.
    pub fn is_saved(&self) {
        let pane = self.pane(1);
        wait("nothing to be unsaved", || {
            pane.run("INFO persistence", "# Persistence");
            let info = pane.below("INFO persistence")?.unwrap_or_default();
            Ok(info.contains("rdb_changes_since_last_save:0").then_some(()))
        })
        .unwrap();
        self.says("Saved");
    }

    /// Waits until the page's line of status begins like this.
    #[track_caller]
    pub fn says(&self, start: &str) {
        let mut last = Vec::new();
        let seen = wait("the page to say it", || {
            let says = self.browser.all(None, "[role=status]")?;
            let says: Result<Vec<String>> =
                says.iter().map(|element| self.browser.text(element)).collect();
            last = says?;
            Ok(last.iter().any(|text| text.starts_with(start)).then_some(()))
        });
        assert!(seen.is_ok(), "the page says {last:?} instead of {start:?}");
    }

    /// Nothing has gone wrong that only the console tells of.
    pub fn is_quiet(&self) {
        let log = self.browser.console().unwrap();
        let errors: Vec<_> = log.lines().filter(|line| line.starts_with("SEVERE")).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

/// A script for [`Browser::script_async`]: opens the page's database and ends with what `work` leaves in
/// `found`. `files` is the object store.
pub fn with_files(work: &str) -> String {
    format!(
        r#"
        const done = arguments[arguments.length - 1];
        const opening = indexedDB.open("redstart");
        opening.onsuccess = () => {{
            const database = opening.result;
            const transaction = database.transaction("files", "readwrite");
            const files = transaction.objectStore("files");
            let found = null;
            {work}
            transaction.oncomplete = () => {{ database.close(); done(found); }};
            transaction.onabort = () => done(String(transaction.error));
        }};
        "#
    )
}

impl Page {
    /// The names of all files in the page's database.
    pub fn files(&self) -> Vec<String> {
        let list = "files.getAllKeys(IDBKeyRange.lowerBound('')).onsuccess = \
                    (event) => found = event.target.result;";
        let names = self.browser.script_async(&with_files(list)).unwrap();
        let names = names.as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Pane<'_> {
    /// Looks the pane up.
    pub fn parts(&self) -> Result<Parts> {
        let one = |found: Vec<Element>, what: &str| match <[_; 1]>::try_from(found) {
            Ok([element]) => Ok(element),
            Err(found) => Err(format!("{}: there are {} of {what}", self.name, found.len())),
        };
        let browser = self.browser;
        let groups = browser.by_role(None, "[role=group]", "group", |label| label == self.name)?;
        let group = one(groups, "the pane")?;
        let log = one(browser.by_role(Some(&group), "[role=log]", "log", |_| true)?, "its log")?;
        let is_input = |label: &str| label == "Redis command";
        let input = browser.by_role(Some(&group), "input, textarea", "textbox", is_input)?;
        Ok(Parts { log, input: one(input, "its input")? })
    }

    /// Types a line and presses Enter.
    pub fn enter(&self, line: &str) {
        self.types(&format!("{line}{ENTER}"));
    }

    /// What is shown below the last place where `line` was entered.
    pub fn below(&self, line: &str) -> Result<Option<String>> {
        let text = self.browser.text(&self.parts()?.log)?;
        let at = text.rfind(&format!("> {line}"));
        Ok(at.map(|at| text[at + 2 + line.len()..].trim().to_owned()))
    }

    /// Waits until what stands below `line` begins with `reply`.
    #[track_caller]
    pub fn shows(&self, line: &str, reply: &str) {
        let mut last = None;
        let seen = wait("a reply", || {
            last = self.below(line)?;
            Ok(last.as_ref().filter(|text| text.starts_with(reply)).map(drop))
        });
        let fields = || self.browser.fields();
        assert!(seen.is_ok(), "{line}: {last:?} instead of {reply:?}\n{}", fields());
    }

    /// Types a line and waits for its reply.
    #[track_caller]
    pub fn run(&self, line: &str, reply: &str) {
        self.enter(line);
        self.shows(line, reply);
    }

    /// Types keys without pressing Enter.
    #[track_caller]
    pub fn types(&self, keys: &str) {
        let typed = wait("the line to be typed into", || {
            let input = self.parts()?.input;
            match self.browser.type_into(&input, keys) {
                // What stands there until the program runs has just been replaced by the program.
                Err(error) if error.contains("stale") => Err(error),
                typed => Ok(Some(typed)),
            }
        });
        typed.unwrap().unwrap();
    }

    /// Waits until the line holds `text`.
    #[track_caller]
    pub fn holds(&self, text: &str) {
        let mut last = None;
        let seen = wait("the line", || {
            let input = self.parts()?.input;
            last = self
                .browser
                .script("return arguments[0].value", &[input.json()])?
                .as_str()
                .map(str::to_owned);
            Ok((last.as_deref() == Some(text)).then_some(()))
        });
        assert!(seen.is_ok(), "the line holds {last:?} instead of {text:?}");
    }

    /// What is shown behind the caret.
    pub fn hint(&self) -> String {
        let input = self.parts().unwrap().input;
        let script = "return document.getElementById(arguments[0].getAttribute('aria-describedby')).textContent";
        let hint = self.browser.script(script, &[input.json()]).unwrap();
        hint.as_str().unwrap_or_default().to_owned()
    }
}
