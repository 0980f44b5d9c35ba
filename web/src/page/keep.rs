//! Small things that the page keeps over a reload.

use crate::keep::{get, set};
use crate::state::Theme;
use crate::terminal::History;

const HISTORY: &str = "history";
const THEME: &str = "theme";
const HINTS: &str = "hints";

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
