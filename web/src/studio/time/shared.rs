//! Opening a session that somebody has shared.

use js_sys::Uint8Array;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;
use yew::AttrValue;

use crate::bridge::{self, Ask, Place};
use crate::i18n::t;
use crate::sandbox::tape::Tape;
use crate::state::PANES_MAX;
use crate::studio::share::link::Fault;
use crate::studio::share::{story, text};

/// Why a session that was shared cannot be opened.
pub(super) fn fault_text(fault: Fault) -> AttrValue {
    match fault {
        Fault::Broken => t(
            "This session cannot be opened: a part of it is missing or was changed on its way. Ask for it once more; nothing was changed here.",
        ),
        Fault::Newer => t(
            "This session was made by a newer version of this page, or is something else. Reload the page to have its newest version.",
        ),
        Fault::TooMuch => {
            t("This session holds more than any that this page makes, so it was not opened.")
        }
        Fault::NoBrowser => {
            t("This browser cannot decompress, so it opens no shared sessions. A newer one does.")
        }
        Fault::Unplayable => t(
            "This session cannot be done again: it asks for more than there is room for, or makes no sense.",
        ),
    }
}

/// What a file holds that was shared.
pub(super) async fn brought(file: Blob) -> Result<(Tape, u64), Fault> {
    let buffer = JsFuture::from(file.array_buffer()).await.map_err(|_| Fault::Broken)?;
    text::unpacked(&Uint8Array::new(&buffer)).await
}

/// Opens a pane for each connection of a session and shows what was seen there. Where a command was
/// waiting at the end, it waits again.
pub(super) fn show_panes(sandbox: &str, shown: &[story::Shown]) {
    let mut conns = Vec::new();
    for it in shown {
        if !conns.contains(&it.conn) {
            conns.push(it.conn);
        }
    }
    for (index, conn) in conns.iter().enumerate().take(PANES_MAX) {
        let place = Place { sandbox: sandbox.to_owned(), name: (index + 1).to_string() };
        bridge::ask(&Ask::Open(place.clone()));
        let own: Vec<_> = shown.iter().filter(|it| it.conn == *conn).collect();
        for it in &own {
            bridge::ask(&match it.prompt.as_str() {
                "" => Ask::Note(place.clone(), it.text.clone()),
                _ if it.is_waiting => Ask::Quiet(place.clone(), it.line.clone()),
                prompt => Ask::Echo(place.clone(), [prompt, &it.line, &it.text].join("\n")),
            });
        }
    }
}
