//! The bar at the top.

use yew::prelude::*;

use crate::i18n::t;
use crate::state::{Action, PANES_MAX, State, Theme};

/// Name, and what can be done to the page as a whole.
pub(crate) fn header(state: &State, dispatch: &Callback<Action>) -> Html {
    let on = |action: Action| dispatch.reform(move |_: MouseEvent| action.clone());
    let theme = match state.theme {
        Theme::System => t("Theme: as the system"),
        Theme::Light => t("Theme: light"),
        Theme::Dark => t("Theme: dark"),
    };
    let new = t("New pane");
    html! {
        <header class="bar">
            <a class="brand" href="./">
                <img src="icon.svg" alt="" width="32" height="32" />
                <h1>{ "Redstart" }</h1>
            </a>
            <p class="tagline">{ t("A Redis-compatible engine, running in this tab") }</p>
            <div class="tools">
                <button type="button" class="quiet icon" aria-label={theme.clone()} title={theme}
                    onclick={on(Action::NextTheme)}>{ theme_icon(state.theme) }</button>
                <button type="button" aria-pressed={state.hints.to_string()}
                    class="wide" onclick={on(Action::ToggleHints)}>{ t("Examples") }</button>
                <button type="button" onclick={on(Action::Studio("tutorial toggle"))}>{ t("Tutorial") }</button>
                <button type="button" onclick={on(Action::Studio("keys toggle"))}>{ t("Data") }</button>
                <button type="button" class="main" aria-label={new.clone()}
                    disabled={state.visible().count() >= PANES_MAX} onclick={on(Action::OpenPane)}>
                    <span class="narrow">{ "+" }</span><span class="wide">{ new }</span>
                </button>
            </div>
        </header>
    }
}

/// A disc half filled for the system's theme, a sun, a moon.
fn theme_icon(theme: Theme) -> Html {
    let (line, area) = match theme {
        Theme::System => {
            ("M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13z", "M8 1.5a6.5 6.5 0 1 0 0 13z")
        }
        Theme::Light => (
            "M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M3 13l1.1-1.1M11.9 4.1 13 3",
            "M8 4.8a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 1 0 0-6.4z",
        ),
        Theme::Dark => ("", "M13.5 9.5A6 6 0 0 1 6.5 2.5 6 6 0 1 0 13.5 9.5z"),
    };
    html! {
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d={line} />
            <path d={area} class="area" />
        </svg>
    }
}
