//! The line at the bottom: whether the engine runs, and where the data lives.

use yew::prelude::*;

use crate::message::Storage;
use crate::state::{Action, Engine, State};

/// The line at the bottom.
pub(crate) fn footer(state: &State, dispatch: &Callback<Action>) -> Html {
    let restart = dispatch.reform(|_: MouseEvent| Action::Restart);
    let (tone, text) = match &state.engine {
        Engine::Starting => ("wait", "Loading the engine…".to_owned()),
        Engine::Running => stored(&state.storage),
        Engine::Exited => ("bad", "The server has shut down.".to_owned()),
        Engine::Failed(_) => ("bad", "The engine has stopped.".to_owned()),
    };
    html! {
        <footer class="status">
            <span class="dot" data-tone={tone}></span>
            <span class="where" role="status">{ text }</span>
            if state.engine == Engine::Exited {
                <button type="button" onclick={restart}>{ "Start it again" }</button>
            }
            if !state.server_log.is_empty() {
                <details class="server-log">
                    <summary>{ "Server log" }</summary>
                    <pre tabindex="0">{ state.server_log.join("\n") }</pre>
                </details>
            }
            if state.memory_bytes > 0.0 {
                <span class="memory">{ format!("Engine memory {}", size(state.memory_bytes)) }</span>
            }
        </footer>
    }
}

/// How the data fares: a tone, and words for it.
fn stored(storage: &Storage) -> (&'static str, String) {
    match storage {
        Storage::Opening => ("wait", "Opening this browser's storage…".to_owned()),
        Storage::Open { found_bytes: Some(bytes) } => {
            ("good", format!("Loaded {} from this browser", size(*bytes)))
        }
        Storage::Open { found_bytes: None } => ("good", "Data is kept in this browser".to_owned()),
        Storage::Saving => ("wait", "Saving…".to_owned()),
        Storage::Saved { bytes, at_ms } => {
            let date = js_sys::Date::new(&(*at_ms).into());
            let (hour, minute, second) = (date.get_hours(), date.get_minutes(), date.get_seconds());
            let at = format!("{hour:02}:{minute:02}:{second:02}");
            ("good", format!("Saved in this browser at {at}, {}", size(*bytes)))
        }
        Storage::Failed { why } => ("bad", format!("Not saved: {why}")),
        Storage::Guest => {
            ("good", "Shared with another tab, which keeps the data in this browser".to_owned())
        }
        Storage::Memory { why } => (
            "warn",
            format!(
                "This browser keeps no data for this page, so it is gone when you close it: {why}"
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
