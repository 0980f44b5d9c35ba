//! Small things that the page keeps over a reload, in localStorage.
//!
//! Where the browser refuses storage, nothing is kept and nothing is said: it is only comfort.

use web_sys::Storage;

use crate::state::Theme;
use crate::terminal::History;

const HISTORY: &str = "redstart.history";
const THEME: &str = "redstart.theme";
const HINTS: &str = "redstart.hints";

pub(super) fn history() -> History {
    History::restore(&get(HISTORY).unwrap_or_default())
}

pub(super) fn save_history(text: &str) {
    set(HISTORY, text);
}

pub(super) fn theme() -> Theme {
    Theme::named(&get(THEME).unwrap_or_default())
}

pub(super) fn save_theme(theme: Theme) {
    set(THEME, theme.name());
}

/// Whether examples are shown; they are the first time.
pub(super) fn hints() -> bool {
    get(HINTS).as_deref() != Some("off")
}

pub(super) fn save_hints(shown: bool) {
    set(HINTS, if shown { "on" } else { "off" });
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

fn set(key: &str, value: &str) {
    if let Some(storage) = storage() {
        // A full or refused storage only loses comfort.
        let _ = storage.set_item(key, value);
    }
}
