//! A string as bits: a grid in which each can be switched.

use web_sys::{Element, KeyboardEvent, MouseEvent};
use yew::prelude::*;

use super::edit::Edit;
use super::view::{Msg, ValueView};
use crate::i18n::t;
use crate::studio::dom;

/// Bits in a line of the grid.
const COLUMNS: u64 = 32;

/// Lines that are shown at most.
const LINES_MAX: u64 = 128;

/// The size of a bit in the drawing.
const CELL: u64 = 10;

/// The bit at an offset, counted as SETBIT does: the highest of a byte first.
pub fn bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte & (0x80 >> (offset % 8)) != 0)
}

/// The outline of all bits that are set, each a square of the grid.
pub fn outline(bytes: &[u8], bits: u64) -> String {
    let mut path = String::new();
    for offset in (0..bits).filter(|&offset| bit(bytes, offset)) {
        let (x, y) = (offset % COLUMNS * CELL, offset / COLUMNS * CELL);
        path.push_str(&format!("M{} {}h8v8h-8z", x + 1, y + 1));
    }
    path
}

pub(super) fn draw(view: &ValueView, ctx: &Context<ValueView>, bytes: &[u8], length: u64) -> Html {
    let first = view.page.start * 8;
    // One line more than there is, so that a bit behind the end can be set.
    let bits = (bytes.len() as u64 * 8).next_multiple_of(COLUMNS).max(COLUMNS);
    let bits = bits.min(COLUMNS * LINES_MAX);
    let lines = bits / COLUMNS;
    let at = view.bit.clamp(0, bits - 1);
    let is_set = bit(bytes, at);
    let count: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    let onclick = ctx.link().batch_callback(move |event: MouseEvent| {
        let grid = event
            .current_target()
            .and_then(|it| wasm_bindgen::JsCast::dyn_into::<Element>(it).ok())?;
        let area = grid.get_bounding_client_rect();
        let x = (f64::from(event.client_x()) - area.left()) / area.width() * COLUMNS as f64;
        let y = (f64::from(event.client_y()) - area.top()) / area.height() * lines as f64;
        let offset = (y.max(0.0) as u64 * COLUMNS + x.max(0.0) as u64).min(bits - 1);
        Some(Msg::Bit(offset))
    });
    let onkeydown = ctx.link().batch_callback(move |event: KeyboardEvent| {
        let to = match event.key().as_str() {
            "ArrowRight" => at + 1,
            "ArrowLeft" => at.saturating_sub(1),
            "ArrowDown" => at + COLUMNS,
            "ArrowUp" => at.checked_sub(COLUMNS).unwrap_or(at),
            " " | "Enter" => {
                event.prevent_default();
                return Some(Msg::Do(Edit::SetBit(first + at, !is_set)));
            }
            _ => return None,
        };
        event.prevent_default();
        Some(Msg::Bit(to.min(bits - 1)))
    });
    let switch = ctx.link().callback(move |_| Msg::Do(Edit::SetBit(first + at, !is_set)));
    let (width, height) = (COLUMNS * CELL, lines * CELL);
    let value = if is_set { "1" } else { "0" };
    let label = format!("{} {}: {value}", t("Bit"), first + at);
    html! {
        <div class="bits">
            <p class="note">{ format!("{count} / {}", length * 8) }{ " " }{ t("bits are set") }</p>
            <svg viewBox={format!("0 0 {width} {height}")} role="application" tabindex="0" {onclick} {onkeydown}
                aria-label={label.clone()} aria-roledescription={t("Grid of bits")}>
                <rect class="unset" width={width.to_string()} height={height.to_string()} />
                <path class="grid" d={grid(lines)} />
                <path class="set" d={outline(bytes, bits)} />
                <rect class="cursor" x={(at % COLUMNS * CELL).to_string()} y={(at / COLUMNS * CELL).to_string()}
                    width={CELL.to_string()} height={CELL.to_string()} />
            </svg>
            <div class="tool-row">
                <code>{ label }</code>
                <button type="button" onclick={switch}>{ if is_set { t("Clear it") } else { t("Set it") } }</button>
                { adding(view, ctx) }
            </div>
        </div>
    }
}

/// Lines between the bits.
fn grid(lines: u64) -> String {
    let (width, height) = (COLUMNS * CELL, lines * CELL);
    let down = (1..COLUMNS / 8).map(|column| format!("M{} 0v{height}", column * 8 * CELL));
    let across = (1..lines).map(|line| format!("M0 {}h{width}", line * CELL));
    down.chain(across).collect()
}

/// Sets a bit anywhere.
fn adding(view: &ValueView, ctx: &Context<ValueView>) -> Html {
    let offset = view.draft[0].trim().parse::<u64>().ok();
    let oninput = ctx.link().callback(|event: InputEvent| Msg::Draft(0, dom::value(&event)));
    let onsubmit = ctx.link().batch_callback(move |event: SubmitEvent| {
        event.prevent_default();
        offset.map(|offset| Msg::Do(Edit::SetBit(offset, true)))
    });
    html! {
        <form class="adding" {onsubmit}>
            <input type="number" min="0" aria-label={t("Offset of a bit to set")} placeholder={t("Offset of a bit to set")}
                {oninput} value={view.draft[0].clone()} />
            <button type="submit" disabled={offset.is_none()}>{ t("Set it") }</button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;
    use redstart::resp::Reply;

    #[test]
    fn bits_are_counted_as_the_server_does() {
        let mut server = Server::new();
        for offset in [0, 7, 8, 30] {
            server.run(&format!("SETBIT k {offset} 1"));
        }
        let Reply::Bulk(bytes) = server.run("GET k") else { panic!("no string") };
        for offset in 0..40 {
            let there = server.run(&format!("GETBIT k {offset}")) == Reply::Int(1);
            assert_eq!(bit(&bytes, offset), there, "{offset}");
        }
        assert_eq!(outline(&bytes, 9), "M1 1h8v8h-8zM71 1h8v8h-8zM81 1h8v8h-8z");
    }
}
