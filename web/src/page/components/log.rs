//! What a pane shows: its blocks, each drawn again only when it has changed.

use std::rc::Rc;

use yew::prelude::*;

use crate::i18n::{t, t1};
use crate::terminal::paint::{self, Class};
use crate::terminal::{Block, BlockKind, Log};

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    /// The pane's name.
    pub(crate) name: AttrValue,
    pub(crate) log: Log,
}

#[component]
pub(crate) fn LogView(props: &Props) -> Html {
    let block = |block: &Rc<Block>| {
        html! { <BlockView key={block.id} block={Shown(block.clone())} /> }
    };
    html! {
        <div class="log" role="log" aria-live="polite" aria-label={t1("Output of {}", &props.name)}>
            { for props.log.blocks().map(block) }
        </div>
    }
}

/// A block that is the same only if it is the very same one.
#[derive(Clone)]
struct Shown(Rc<Block>);

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(PartialEq, Properties)]
struct BlockProps {
    block: Shown,
}

#[component]
fn BlockView(props: &BlockProps) -> Html {
    let block = &*props.block.0;
    let text = block.text.strip_suffix('\n').unwrap_or(&block.text);
    match &block.kind {
        BlockKind::Command { prompt, line, waiting } => html! {
            <div class="block">
                <pre class="entered"><span class="prompt">{ prompt }</span>{ line }</pre>
                if !text.is_empty() || block.hidden.lines > 0 {
                    <pre class="reply">{ painted(text) }{ rest(block) }</pre>
                }
                if *waiting {
                    <p class="waiting">{ t("waiting for a reply") }</p>
                }
            </div>
        },
        BlockKind::Live => html! { <pre class="block live">{ painted(text) }</pre> },
        BlockKind::Notice => html! { <pre class="block notice">{ painted(text) }</pre> },
    }
}

/// What is told of a reply besides itself: what is missing of it, and how long it took.
fn rest(block: &Block) -> Html {
    let mut notes = String::new();
    if block.hidden.lines > 0 {
        let (lines, bytes) = (block.hidden.lines, block.hidden.bytes);
        notes.push_str(&format!("\n… {lines} more lines ({bytes} bytes) are not shown here"));
    }
    if let Some(ms) = block.took_ms {
        let hundredths = (ms / 10.0).round() as u64;
        notes.push_str(&format!("\n({}.{:02}s)", hundredths / 100, hundredths % 100));
    }
    if notes.is_empty() {
        return html! {};
    }
    html! { <span class="took">{ notes }</span> }
}

fn painted(text: &str) -> Html {
    paint::parts(text)
        .into_iter()
        .map(|(class, part)| {
            let class = match class {
                Class::Plain => return html! { { part } },
                Class::Index => "index",
                Class::Type => "type",
                Class::Number => "number",
                Class::Text => "text",
                Class::Nothing => "nothing",
                Class::Error => "error",
            };
            html! { <span class={class}>{ part }</span> }
        })
        .collect()
}
