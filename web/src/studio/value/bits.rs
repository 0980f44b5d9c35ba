//! A string as bits: a grid in which each can be switched.

use web_sys::{KeyboardEvent, MouseEvent};
use yew::prelude::*;

use super::edit::Edit;
use super::text::grouped;
use super::view::{Msg, ValueView};
use crate::i18n::t;
use crate::studio::dom;

/// Bits in a line of the grid.
const COLUMNS: u64 = 32;

/// Lines that are shown at once.
const LINES: u64 = 64;

/// Bits that are shown at once.
const SHOWN: u64 = COLUMNS * LINES;

/// The size of a bit in the drawing.
const CELL: u64 = 10;

/// Room for numbers beside the drawing.
const MARGIN: u64 = 34;

/// The bit at an offset, counted as SETBIT does: the highest of a byte first.
pub fn bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte & (0x80 >> (offset % 8)) != 0)
}

/// The outline of the bits from `first` on that are set, each a square of the grid.
pub fn outline(bytes: &[u8], first: u64, bits: u64) -> String {
    let mut path = String::new();
    for place in (0..bits).filter(|&place| bit(bytes, first + place)) {
        let (x, y) = (place % COLUMNS * CELL, place / COLUMNS * CELL);
        path.push_str(&format!("M{} {}h8v8h-8z", x + 1, y + 1));
    }
    path
}

pub(super) fn draw(view: &ValueView, ctx: &Context<ValueView>, bytes: &[u8]) -> Html {
    let before = view.page.start * 8;
    let all = (bytes.len() as u64 * 8).next_multiple_of(COLUMNS).max(COLUMNS);
    let at = view.bit.min(all - 1);
    let is_set = bit(bytes, at);
    let count: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    let onkeydown = ctx.link().batch_callback(move |event: KeyboardEvent| {
        let to = match event.key().as_str() {
            "ArrowRight" => at + 1,
            "ArrowLeft" => at.saturating_sub(1),
            "ArrowDown" => at + COLUMNS,
            "ArrowUp" => at.checked_sub(COLUMNS).unwrap_or(at),
            "PageDown" => at + SHOWN,
            "PageUp" => at.saturating_sub(SHOWN),
            "Home" => 0,
            "End" => all - 1,
            " " | "Enter" => {
                event.prevent_default();
                return Some(Msg::Do(Edit::SetBit(before + at, !is_set)));
            }
            _ => return None,
        };
        event.prevent_default();
        Some(Msg::Bit(to.min(all - 1)))
    });
    let switch = ctx.link().callback(move |_| Msg::Do(Edit::SetBit(before + at, !is_set)));
    let value = if is_set { "1" } else { "0" };
    let label = format!("{} {}: {value}", t("Bit"), before + at);
    html! {
        <div class="bits">
            <p class="note">{ format!("{} / {}", grouped(count.into()), grouped(bytes.len() as u64 * 8)) }{ " " }{ t("bits are set") }</p>
            { window(ctx, all, at) }
            <div class="grid-of-bits" role="application" tabindex="0" {onkeydown} aria-label={label.clone()}
                aria-roledescription={t("Grid of bits")}>{ grid(ctx, bytes, all, at, before) }</div>
            <div class="tool-row">
                <code>{ label }</code>
                <button type="button" onclick={switch}>{ if is_set { t("Clear it") } else { t("Set it") } }</button>
                { adding(view, ctx) }
            </div>
        </div>
    }
}

/// What leads to other bits of the page, if not all of them are shown.
fn window(ctx: &Context<ValueView>, all: u64, at: u64) -> Html {
    if all <= SHOWN {
        return html! {};
    }
    let first = at / SHOWN * SHOWN;
    let go = |to: u64| ctx.link().callback(move |_: MouseEvent| Msg::Bit(to));
    html! {
        <div class="pager">
            <button type="button" disabled={first == 0} onclick={go(first.saturating_sub(SHOWN))}>{ t("Before") }</button>
            <button type="button" disabled={first + SHOWN >= all} onclick={go((first + SHOWN).min(all - 1))}>{ t("Behind") }</button>
        </div>
    }
}

/// The bits around the one that the keyboard is at; `before` is how many bits lie before this page.
fn grid(ctx: &Context<ValueView>, bytes: &[u8], all: u64, at: u64, before: u64) -> Html {
    let first = at / SHOWN * SHOWN;
    let bits = (all - first).min(SHOWN);
    let lines = bits / COLUMNS;
    let onclick = ctx.link().batch_callback(move |event: MouseEvent| {
        let (x, y) = dom::place(&event)?;
        let column = ((x * COLUMNS as f64) as u64).min(COLUMNS - 1);
        let line = ((y * lines as f64) as u64).min(lines - 1);
        Some(Msg::Bit(first + line * COLUMNS + column))
    });
    let (width, height) = (COLUMNS * CELL, lines * CELL);
    let number = |line: u64| {
        let y = (line * CELL + 8).to_string();
        html! { <text x="-4" {y}>{ before + first + line * COLUMNS }</text> }
    };
    let place = at - first;
    html! {
        <svg viewBox={format!("-{MARGIN} 0 {} {height}", width + MARGIN)} aria-hidden="true">
            { for (0..lines).step_by(2).map(number) }
            <g {onclick}>
                <rect class="unset" width={width.to_string()} height={height.to_string()} />
                <path class="grid" d={between(lines)} />
                <path class="set" d={outline(bytes, first, bits)} />
                <rect class="cursor" x={(place % COLUMNS * CELL).to_string()} y={(place / COLUMNS * CELL).to_string()}
                    width={CELL.to_string()} height={CELL.to_string()} />
            </g>
        </svg>
    }
}

/// Lines between the bits.
fn between(lines: u64) -> String {
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
        assert_eq!(outline(&bytes, 0, 9), "M1 1h8v8h-8zM71 1h8v8h-8zM81 1h8v8h-8z");
        assert_eq!(outline(&bytes, 7, 4), "M1 1h8v8h-8zM11 1h8v8h-8z");
    }
}
