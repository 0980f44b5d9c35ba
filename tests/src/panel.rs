//! The panel with the views, for the tests that open it in a browser.
//!
//! As with the panes, everything is found by role and name.

#![allow(clippy::unwrap_used, reason = "only tests call this")]

use serde_json::{Value, json};

use crate::browser::{ENTER, Element, Result, wait};
use crate::page::Page;

impl Page {
    /// Opens the panel with a view.
    pub fn view(&self, name: &str) {
        wait("the panel to be there", || {
            self.browser.script("redstart.studio(arguments[0])", &[json!(name)])?;
            let tab = format!("#tab-{name}[aria-selected=true]");
            let seen = "const tab = document.querySelector(arguments[0]);
                        return !!tab && tab.offsetParent !== null";
            Ok((self.browser.script(seen, &[json!(tab)])? == Value::Bool(true)).then_some(()))
        })
        .unwrap();
    }

    /// An element of `css` in the view that is seen with this role and name.
    pub fn part(&self, css: &str, role: &str, name: &str) -> Element {
        let css = format!("#studio [role=tabpanel]:not([hidden]) :is({css})");
        wait(name, || {
            let found = self.browser.by_role(None, &css, role, |label| label == name)?;
            Ok(found.into_iter().next())
        })
        .unwrap()
    }

    /// Presses a button of the view that is seen. One may be drawn anew just then, so it is looked for
    /// until a press succeeds.
    pub fn press(&self, name: &str) {
        let mut last_place = None;
        wait(name, || {
            let css = "#studio [role=tabpanel]:not([hidden]) button";
            let found = self.browser.by_role(None, css, "button", |label| label == name)?;
            let Some(button) = found.first() else { return Ok(None) };
            // Whatever is drawn meanwhile moves it, and a click goes to where it was.
            let place = "return JSON.stringify(arguments[0].getBoundingClientRect())";
            let place = Some(self.browser.script(place, &[button.json()])?);
            if std::mem::replace(&mut last_place, place.clone()) != place {
                return Ok(None);
            }
            self.browser.click(button).map(Some)
        })
        .unwrap();
    }

    /// Types into a field of the view that is seen. [`ENTER`] at the end is pressed once the page has seen
    /// what was typed: Firefox's driver types faster than any hand, all within one turn of the page's
    /// program, in which a button that waits for a text is not drawn as one to press.
    pub fn fill(&self, name: &str, text: &str) {
        let (text, enter) = match text.strip_suffix(ENTER) {
            Some(text) => (text, Some(ENTER.to_string())),
            None => (text, None),
        };
        for keys in [Some(text), enter.as_deref()].into_iter().flatten().filter(|it| !it.is_empty())
        {
            wait(name, || {
                let css = "#studio [role=tabpanel]:not([hidden]) :is(input, textarea)";
                let fields = ["textbox", "searchbox", "spinbutton"]
                    .map(|role| self.browser.by_role(None, css, role, |label| label == name));
                let found: Result<Vec<_>> = fields.into_iter().collect();
                let found: Vec<Element> = found?.into_iter().flatten().collect();
                found.first().map(|field| self.browser.type_into(field, keys)).transpose()
            })
            .unwrap();
        }
    }

    /// Chooses of a list in the view that is seen, by the value of an option.
    pub fn choose(&self, name: &str, value: &str) {
        let select = self.part("select", "combobox", name);
        let script = "arguments[0].value = arguments[1];
                      arguments[0].dispatchEvent(new Event('change', { bubbles: true }));";
        self.browser.script(script, &[select.json(), json!(value)]).unwrap();
    }

    /// The text of the view that is seen, and what is chosen in its lists, which `innerText` has in some
    /// browsers only.
    pub fn view_text(&self) -> Result<String> {
        let script = "const view = document.querySelector('#studio [role=tabpanel]:not([hidden])');
                      const lists = [...view?.querySelectorAll('select') ?? []].filter((it) => it.checkVisibility());
                      const chosen = lists.map((list) => list.selectedOptions[0]?.text);
                      return [view?.innerText, ...chosen].join('\\n')";
        let text = self.browser.script(script, &[])?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the view that is seen has this text.
    #[track_caller]
    pub fn view_says(&self, text: &str) {
        let mut last = String::new();
        let seen = wait("the view", || {
            last = self.view_text()?;
            Ok(last.contains(text).then_some(()))
        });
        assert!(seen.is_ok(), "{text:?} is not in the view:\n{last}\n{}", self.browser.fields());
    }

    /// Waits until it has it no longer.
    #[track_caller]
    pub fn view_says_not(&self, text: &str) {
        let seen = wait("the view", || Ok((!self.view_text()?.contains(text)).then_some(())));
        assert!(seen.is_ok(), "{text:?} is in the view still");
    }

    /// What a pane's client gets for a line, asked in the first pane.
    #[track_caller]
    pub fn server_says(&self, line: &str, reply: &str) {
        self.pane(1).enter("CLEAR");
        self.pane(1).run(line, reply);
    }
}
