//! Prose as elements.

use yew::prelude::*;

use crate::i18n::t1;
use crate::lesson::markdown::{Block, Inline};
use crate::lesson::{Line, What};

/// Draws blocks. `run` is called with a line of commands that is clicked; `used` tells which of them
/// have been, counted through all blocks.
pub(super) fn blocks(blocks: &[Block], used: &[bool], run: &Callback<(usize, Line)>) -> Html {
    let mut next = 0;
    let mut block = |block: &Block| match block {
        Block::Paragraph(text) => html! { <p>{ inlines(text) }</p> },
        Block::List { is_numbered: false, items } => {
            html! { <ul>{ for items.iter().map(item) }</ul> }
        }
        Block::List { is_numbered: true, items } => {
            html! { <ol>{ for items.iter().map(item) }</ol> }
        }
        Block::Quote(text) => html! { <blockquote><p>{ inlines(text) }</p></blockquote> },
        Block::Code(text) => html! { <pre class="code" tabindex="0">{ text.clone() }</pre> },
        Block::Commands(lines) => {
            let first = next;
            next += lines.len();
            let line = |(index, line): (usize, &Line)| command(first + index, line, used, run);
            html! { <ul class="commands">{ for lines.iter().enumerate().map(line) }</ul> }
        }
    };
    blocks.iter().map(&mut block).collect()
}

fn item(text: impl AsRef<[Inline]>) -> Html {
    html! { <li>{ inlines(text.as_ref()) }</li> }
}

fn inlines(pieces: &[Inline]) -> Html {
    let piece = |piece: &Inline| match piece {
        Inline::Text(text) => html! { { text.clone() } },
        Inline::Code(text) => html! { <code>{ text.clone() }</code> },
        Inline::Strong(inside) => html! { <strong>{ inlines(inside) }</strong> },
        Inline::Emphasis(inside) => html! { <em>{ inlines(inside) }</em> },
        Inline::Link(address, inside) => html! {
            <a href={address.clone()} target="_blank" rel="noopener">{ inlines(inside) }</a>
        },
    };
    pieces.iter().map(piece).collect()
}

/// A line of commands, which a click runs.
fn command(index: usize, line: &Line, used: &[bool], run: &Callback<(usize, Line)>) -> Html {
    let onclick = {
        let line = line.clone();
        run.reform(move |_: MouseEvent| (index, line.clone()))
    };
    let is_used = used.get(index).copied().unwrap_or(false);
    let (text, label) = match &line.what {
        What::Command(command) => (AttrValue::from(command.clone()), t1("Run {}", command)),
        What::Wait(ms) => {
            let text = t1("let {} s pass", &seconds(*ms));
            (text.clone(), text)
        }
    };
    let is_wait = matches!(line.what, What::Wait(_));
    html! {
        <li>
            <button type="button" {onclick} aria-label={label} data-used={is_used.to_string()}
                data-wait={is_wait.to_string()}>
                <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
                    <path d={if is_wait { CLOCK } else if is_used { TICK } else { PLAY }} />
                </svg>
                if line.conn != "a" {
                    <span class="conn" title={t1("Connection {}", &line.conn)}>{ line.conn.clone() }</span>
                }
                <span>{ text }</span>
            </button>
        </li>
    }
}

const PLAY: &str = "M5 3.5v9l7-4.5z";
pub(super) const TICK: &str = "M3 8.5l3.2 3.2L13 4.8";
const CLOCK: &str = "M8 4.5V8l2.3 1.6M8 1.8a6.2 6.2 0 1 0 0 12.4 6.2 6.2 0 1 0 0-12.4z";

/// Milliseconds as seconds, as short as they can be told: `1.5`.
pub(super) fn seconds(ms: u32) -> String {
    let (whole, rest) = (ms / 1000, ms % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:03}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_short() {
        assert_eq!(seconds(1000), "1");
        assert_eq!(seconds(1500), "1.5");
        assert_eq!(seconds(50), "0.05");
    }
}
