//! The line at the bottom: whether the engine runs, and where the data lives.

use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::i18n::{self, t, t1};
use crate::message::{NO_ROOM, Storage};
use crate::page::shell;
use crate::state::{Action, Engine, State};

/// The line at the bottom.
pub(crate) fn footer(state: &State, dispatch: &Callback<Action>) -> Html {
    let restart = dispatch.reform(|_: MouseEvent| Action::Restart);
    let (tone, text) = match &state.engine {
        Engine::Starting => ("wait", t("Loading the engine…")),
        Engine::Running if !state.shown.is_empty() => {
            ("good", t("An engine of its own, in memory: your data is not touched here"))
        }
        Engine::Running => stored(&state.storage),
        Engine::Exited => ("bad", t("The server has shut down.")),
        Engine::Failed(_) => ("bad", t("The engine has stopped.")),
    };
    html! {
        <footer class="status">
            <span class="dot" data-tone={tone}></span>
            <span class="where" role="status">{ text }</span>
            if state.engine == Engine::Exited {
                <button type="button" onclick={restart}>{ t("Start it again") }</button>
            }
            { server() }
            if !state.server_log.is_empty() {
                <details class="server-log">
                    <summary>{ t("Server log") }</summary>
                    <pre tabindex="0">{ state.server_log.join("\n") }</pre>
                </details>
            }
            if state.memory_bytes > 0.0 {
                <span class="memory">{ t1("Engine memory {}", &size(state.memory_bytes)) }</span>
            }
            { languages(dispatch) }
        </footer>
    }
}

/// The way from the server's data to a copy of it in the tab, or back, where a server serves the page.
fn server() -> Html {
    let label = match shell::served() {
        0 => return Html::default(),
        1 => t("Continue locally"),
        _ => t("Back to the server"),
    };
    html! { <button type="button" onclick={|_| shell::show_server()}>{ label }</button> }
}

/// The languages to choose from.
fn languages(dispatch: &Callback<Action>) -> Html {
    let onchange = dispatch.reform(|event: Event| {
        let select = event.target().and_then(|it| it.dyn_into::<HtmlSelectElement>().ok());
        Action::Speak(select.map(|select| select.value()).unwrap_or_default())
    });
    let current = i18n::language();
    let option = |(code, name): (&'static str, &'static str)| {
        html! { <option value={code} selected={code == current} lang={code}>{ name }</option> }
    };
    html! {
        <select class="language" aria-label={t("Language")} {onchange}>
            { for i18n::LANGUAGES.into_iter().map(option) }
        </select>
    }
}

/// How the data fares: a tone, and words for it.
fn stored(storage: &Storage) -> (&'static str, AttrValue) {
    match storage {
        Storage::Opening => ("wait", t("Opening this browser's storage…")),
        Storage::Open { found_bytes: Some(bytes) } => {
            ("good", t1("Loaded {} from this browser", &size(*bytes)))
        }
        Storage::Open { found_bytes: None } => ("good", t("Data is kept in this browser")),
        Storage::Saving => ("wait", t("Saving…")),
        Storage::Saved { bytes, at_ms } => {
            let date = js_sys::Date::new(&(*at_ms).into());
            let (hour, minute, second) = (date.get_hours(), date.get_minutes(), date.get_seconds());
            let at = format!("{hour:02}:{minute:02}:{second:02}");
            ("good", t1("Saved in this browser at {}", &format!("{at}, {}", size(*bytes))))
        }
        Storage::Failed { why } if why == NO_ROOM => (
            "bad",
            t(
                "Not saved: this browser gives the page no more room. Delete other stores, or keys after CONFIG SET stop-writes-on-bgsave-error no.",
            ),
        ),
        Storage::Failed { why } => ("bad", t1("Not saved: {}", why)),
        Storage::Guest => {
            ("good", t("Shared with another tab, which keeps the data in this browser"))
        }
        Storage::Server { name } => ("good", t1("Connected to the server at {}", name)),
        Storage::Memory { why } => (
            "warn",
            t1(
                "This browser keeps no data for this page, so it is gone when you close it: {}",
                why,
            ),
        ),
    }
}

/// A number of bytes for people.
fn size(bytes: f64) -> String {
    // In whole numbers: the code that prints fractions is large, and downloaded.
    let bytes = bytes as u64;
    for (unit, name) in [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")] {
        if bytes >= 100 * unit {
            return format!("{} {name}", bytes / unit);
        } else if bytes >= unit {
            return format!("{}.{} {name}", bytes / unit, bytes % unit / (unit / 10));
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(0.0), "0 bytes");
        assert_eq!(size(999.0), "999 bytes");
        assert_eq!(size(1_234.0), "1.2 kB");
        assert_eq!(size(123_456_789.0), "123 MB");
    }
}
