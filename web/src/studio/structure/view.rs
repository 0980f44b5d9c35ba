//! The drawing of a structure, and how near it is to turning into another.

use yew::prelude::*;

use super::limits::{Counted, Then, Threshold};
use super::pack::{DATA_MAX, Entry, Pack};
use super::{Block, Drawing, Node, Role, Shape, Window};
use crate::i18n::{t, t1};
use crate::studio::dom::counted;
use crate::studio::value::text::{brief, grouped, hex, size};

/// Nodes that are drawn of one level of a tree.
const DRAWN_MAX: usize = 64;

/// Registers in a line of their drawing.
const COLUMNS: usize = 128;

/// Draws a structure. `encoding` is the server's word for it; `opened` is the node or block whose
/// bytes are shown.
pub(crate) fn draw(
    drawing: &Drawing,
    encoding: &str,
    bounds: &[Threshold],
    opened: usize,
    open: &Callback<usize>,
) -> Html {
    html! {
        <div class="inside">
            { thresholds(encoding, bounds) }
            { shape(drawing, encoding, opened, open) }
        </div>
    }
}

/// At which bounds the value turns into something else.
fn thresholds(encoding: &str, bounds: &[Threshold]) -> Html {
    if bounds.is_empty() {
        let text = match encoding {
            "hashtable" | "skiplist" | "quicklist" | "raw" | "dense" => t(
                "This is the form for large values; it is kept even if the value becomes small again.",
            ),
            "int" => t("Numbers are kept as numbers. APPEND or SETRANGE make a string of it."),
            _ => return html! {},
        };
        return html! { <p class="note">{ text }</p> };
    }
    html! {
        <>
            <ul class="bounds">{ for bounds.iter().map(bound) }</ul>
            if encoding == "intset" {
                <p class="note">{ t("A member that is no whole number makes a listpack of it, or a hashtable.") }</p>
            }
        </>
    }
}

fn bound(bound: &Threshold) -> Html {
    let what = match bound.what {
        Counted::Elements => t("Elements"),
        Counted::LongestBytes => t("Bytes of the longest one"),
        Counted::Bytes => t("Bytes"),
        Counted::NodeBytes => t("Bytes of the last node"),
        Counted::BlockEntries => t("Entries of the last node"),
    };
    let then = match bound.then {
        Then::Encoding(name) => t1("above that its encoding is {}", name),
        Then::NewNode => t("above that a new node begins"),
        Then::Apart => t("above that its values lie each on its own"),
    };
    let (now, most) = (grouped(bound.now), grouped(bound.most));
    let label = format!("{what}: {now} / {most}");
    html! {
        <li>
            <div class="bound-line"><span>{ what }</span><strong>{ format!("{now} / {most}") }</strong></div>
            <meter min="0" max={bound.most.to_string()} value={bound.now.min(bound.most).to_string()}
                high={(bound.most as f64 * 0.9).to_string()} aria-label={label}></meter>
            <div class="soft">{ then }
                if let Some(setting) = bound.setting {
                    { " · " }<code>{ setting }</code>
                }
            </div>
        </li>
    }
}

fn shape(drawing: &Drawing, encoding: &str, opened: usize, open: &Callback<usize>) -> Html {
    match &drawing.shape {
        Shape::Int(number) => html! {
            <div class="boxes"><div class="box wide"><code>{ number.to_string() }</code><span class="soft">{ t("eight bytes, in the place of a pointer") }</span></div></div>
        },
        Shape::Bytes { length } => {
            let text = if encoding == "embstr" {
                t("The bytes lie beside the key: one piece of memory for both.")
            } else {
                t("The bytes lie in a piece of memory of their own.")
            };
            html! { <p>{ t1("{} bytes", &grouped(*length as u64)) }{ " · " }{ text }</p> }
        }
        Shape::Pack(pack, roles) => pack_view(pack, roles),
        Shape::Ints { width, numbers, count } => ints(*width, numbers, *count),
        Shape::Nodes(nodes) => nodes_view(nodes, opened, open),
        Shape::Table { entries, slots } => table(*entries, *slots),
        Shape::Tree { entries, slots, levels } => html! {
            <>
                <p class="note">{ t("Members are found by name in a hash table, and by score or rank in a tree. The tree is drawn as it is when its members are entered in order.") }</p>
                { tree(levels) }
                { table(*entries, *slots) }
            </>
        },
        Shape::Blocks(blocks) => blocks_view(blocks, opened, open),
        Shape::Windows(windows) => windows_view(windows, opened, open),
        Shape::Registers { ranks, runs, count } => registers(ranks, runs.as_deref(), *count),
    }
}

fn role_text(role: Role) -> AttrValue {
    match role {
        Role::Element => t("element"),
        Role::Member => t("member"),
        Role::Score => t("score"),
        Role::Field => t("field"),
        Role::Value => t("value"),
        Role::Expiry => t("expiry"),
    }
}

/// A listpack: its head, each entry with its bytes, and its end.
fn pack_view(pack: &Pack, roles: &[Role]) -> Html {
    let total = (pack.bytes as u32).to_le_bytes();
    let count = pack.count.to_le_bytes();
    let entry = |(index, entry): (usize, &Entry)| {
        let role = roles.get(index % roles.len().max(1)).map(|role| role_text(*role));
        entry_view(entry, role)
    };
    html! {
        <>
            <p class="note">{ t("One run of bytes, read from the front or from the back:") }{ " " }
                <span class="key-head">{ t("head") }</span>{ " " }<span class="key-data">{ t("data") }</span>{ " " }
                <span class="key-back">{ t("length behind it") }</span>
            </p>
            <div class="pack">
                <div class="box ends"><code>{ hex(&total) }</code><span class="soft">{ t1("{} bytes", &grouped(pack.bytes as u64)) }</span></div>
                <div class="box ends"><code>{ hex(&count) }</code><span class="soft">{ t1("{} entries", &pack.count.to_string()) }</span></div>
                { for pack.entries.iter().enumerate().map(entry) }
                if pack.left_out > 0 {
                    <div class="box ends"><span class="soft">{ t1("and {} more", &grouped(pack.left_out as u64)) }</span></div>
                }
                <div class="box ends"><code>{ "ff" }</code><span class="soft">{ t("end") }</span></div>
            </div>
        </>
    }
}

fn entry_view(entry: &Entry, role: Option<AttrValue>) -> Html {
    let (name, bits) = entry.form.name();
    let more = if entry.data_bytes > DATA_MAX { " …" } else { "" };
    html! {
        <div class="box entry" title={format!("{} {}", t("at byte"), entry.offset)}>
            <span class="shown">{ brief(&entry.value, 40) }</span>
            <code>
                <span class="key-head">{ hex(&entry.head) }</span>
                if !entry.data.is_empty() {
                    { " " }<span class="key-data">{ hex(&entry.data).replace('\n', " ") }{ more }</span>
                }
                { " " }<span class="key-back">{ hex(&entry.back) }</span>
            </code>
            <span class="soft">{ format!("@{} {name} {bits}", entry.offset) }
                if let Some(role) = role { { " · " }{ role } }
            </span>
        </div>
    }
}

fn ints(width: usize, numbers: &[i64], count: usize) -> Html {
    let number = |number: &i64| {
        let bytes = number.to_le_bytes();
        html! {
            <div class="box"><span class="shown">{ number.to_string() }</span><code class="key-data">{ hex(bytes.get(..width).unwrap_or(&bytes)) }</code></div>
        }
    };
    let left = count - numbers.len();
    html! {
        <>
            <p class="note">{ t1("Sorted numbers of {} bytes each, as wide as the widest needs; one is found by halving.", &width.to_string()) }</p>
            <div class="pack">
                { for numbers.iter().map(number) }
                if left > 0 {
                    <div class="box ends"><span class="soft">{ t1("and {} more", &grouped(left as u64)) }</span></div>
                }
            </div>
        </>
    }
}

/// Boxes in a row, of which one is open.
fn row_of_boxes(
    boxes: impl Iterator<Item = (String, String)>,
    opened: usize,
    open: &Callback<usize>,
) -> Html {
    let one = |(index, (title, under)): (usize, (String, String))| {
        let onclick = open.reform(move |_: MouseEvent| index);
        html! {
            <button type="button" class="box" aria-pressed={(index == opened).to_string()} {onclick}>
                <span class="shown">{ title }</span><span class="soft">{ under }</span>
            </button>
        }
    };
    html! { <div class="boxes chain">{ for boxes.enumerate().map(one) }</div> }
}

fn nodes_view(nodes: &[Node], opened: usize, open: &Callback<usize>) -> Html {
    let boxes = nodes.iter().take(DRAWN_MAX).map(|node| {
        let entries = counted(node.entries as u64, t("1 entry"), &t("{} entries"));
        (entries.to_string(), size(node.bytes as u64))
    });
    html! {
        <>
            <p class="note">{ t1("A chain of {} nodes, each a listpack or one long element.", &grouped(nodes.len() as u64)) }</p>
            { row_of_boxes(boxes, opened, open) }
            { more(nodes.len()) }
            if let Some(pack) = nodes.get(opened).and_then(|node| node.pack.as_ref()) {
                { pack_view(pack, &[Role::Element]) }
            }
        </>
    }
}

fn more(count: usize) -> Html {
    match count.saturating_sub(DRAWN_MAX) {
        0 => html! {},
        left => html! { <p class="soft">{ t1("and {} more", &grouped(left as u64)) }</p> },
    }
}

fn blocks_view(blocks: &[Block], opened: usize, open: &Callback<usize>) -> Html {
    let boxes = blocks.iter().take(DRAWN_MAX).map(|block| {
        let gone = if block.deleted > 0 {
            format!(" ({} {})", block.deleted, t("deleted"))
        } else {
            String::new()
        };
        let entries = counted(block.entries.unsigned_abs(), t("1 entry"), &t("{} entries"));
        (block.id.clone(), format!("{entries}{gone} · {}", size(block.bytes as u64)))
    });
    html! {
        <>
            <p class="note">{ t1("Blocks of entries: {}. A tree finds them by the ID of their first entry. Entries with the same fields as that one do not repeat them.", &grouped(blocks.len() as u64)) }</p>
            { row_of_boxes(boxes, opened, open) }
            { more(blocks.len()) }
            if let Some(block) = blocks.get(opened) {
                <p>{ t("Fields of the block:") }{ " " }
                    { for block.fields.iter().map(|field| html! { <code class="chip">{ brief(field, 40) }</code> }) }
                </p>
                if let Some(pack) = &block.pack {
                    { pack_view(pack, &[]) }
                }
            }
        </>
    }
}

fn windows_view(windows: &[Window], opened: usize, open: &Callback<usize>) -> Html {
    let boxes = windows.iter().take(DRAWN_MAX).map(|window| {
        let places = format!("{} – {}", window.first, window.first.saturating_add(63));
        let values = counted(window.mask.count_ones().into(), t("1 value"), &t("{} values"));
        (places, format!("{values} · {}", size(window.bytes as u64)))
    });
    html! {
        <>
            <p class="note">{ t1("Blocks of 64 places: {}. Blocks without a value are not there; of the others, a bit for each place says whether it is taken.", &grouped(windows.len() as u64)) }</p>
            { row_of_boxes(boxes, opened, open) }
            { more(windows.len()) }
            if let Some(window) = windows.get(opened) {
                { places_taken(window) }
                if let Some(pack) = &window.pack {
                    { pack_view(pack, &[Role::Element]) }
                } else {
                    <p>{ t("The values lie each on its own.") }</p>
                }
            }
        </>
    }
}

/// The places of a block: two lines of squares.
fn places_taken(window: &Window) -> Html {
    let taken = (0..64).filter(|bit| window.mask >> bit & 1 == 1);
    let square = |bit: u32| format!("M{} {}h8v8h-8z", bit % 32 * 10 + 1, bit / 32 * 10 + 1);
    let path: String = taken.map(square).collect();
    html! {
        <svg class="places-taken" viewBox="0 0 320 20" role="img"
            aria-label={t1("{} of 64 places are taken", &window.mask.count_ones().to_string())}>
            <rect width="320" height="20" /><path d={path} />
        </svg>
    }
}

fn table(entries: usize, slots: usize) -> Html {
    let percent = (entries * 100).checked_div(slots).unwrap_or(0);
    let label = format!("{} {entries} / {slots}", t("Places taken in the hash table"));
    html! {
        <div class="table-fill">
            <div class="bound-line"><span>{ t("Places taken in the hash table") }</span><strong>{ format!("{} / {} · {percent} %", grouped(entries as u64), grouped(slots as u64)) }</strong></div>
            <meter min="0" max={slots.to_string()} value={entries.to_string()} aria-label={label}></meter>
        </div>
    }
}

/// The levels of a tree, each node as wide as it is full.
fn tree(levels: &[Vec<usize>]) -> Html {
    let level = |(depth, nodes): (usize, &Vec<usize>)| {
        let is_last = depth + 1 == levels.len();
        let what = match is_last {
            true => {
                counted(nodes.len() as u64, t("1 leaf with members"), &t("{} leaves with members"))
            }
            false => counted(nodes.len() as u64, t("1 inner node"), &t("{} inner nodes")),
        };
        let node = |width: &usize| {
            html! { <span class="node" title={width.to_string()} style={format!("--fill: {}%", width * 100 / 64)}>{ width }</span> }
        };
        html! {
            <div class="level">
                <span class="soft">{ what }</span>
                <div class="nodes">{ for nodes.iter().take(DRAWN_MAX).map(node) }{ if nodes.len() > DRAWN_MAX { "…" } else { "" } }</div>
            </div>
        }
    };
    html! { <div class="tree-levels">{ for levels.iter().enumerate().map(level) }</div> }
}

/// The registers of a HyperLogLog: the higher, the darker.
fn registers(ranks: &[u8], runs: Option<&str>, count: u64) -> Html {
    let most = ranks.iter().copied().max().unwrap_or(0);
    let lines = ranks.len() / COLUMNS;
    let layer = |rank: u8| {
        let squares = ranks.iter().enumerate().filter(|(_, other)| **other == rank);
        let square = |(index, _)| format!("M{} {}h1v1h-1z", index % COLUMNS, index / COLUMNS);
        let strength = 0.25 + 0.75 * f64::from(rank) / f64::from(most.max(1));
        html! { <path d={squares.map(square).collect::<String>()} style={format!("opacity: {strength:.2}")} /> }
    };
    let set = ranks.iter().filter(|rank| **rank > 0).count();
    html! {
        <>
            <p class="note">{ t1("About {} different elements were counted. Each chooses one of 16384 registers, which keeps the longest run of zeros of their hashes.", &grouped(count)) }</p>
            <svg class="registers" viewBox={format!("0 0 {COLUMNS} {lines}")} role="img"
                aria-label={t1("{} registers are not zero", &grouped(set as u64))}>
                <rect width={COLUMNS.to_string()} height={lines.to_string()} />
                { for (1..=most).map(layer) }
            </svg>
            <p class="soft">{ t1("{} registers are not zero", &grouped(set as u64)) }{ " · " }{ t1("the highest is {}", &most.to_string()) }</p>
            if let Some(runs) = runs {
                <h4>{ t("As runs") }</h4>
                <pre class="runs" tabindex="0">{ brief(runs.as_bytes(), 2000) }</pre>
            }
        </>
    }
}
