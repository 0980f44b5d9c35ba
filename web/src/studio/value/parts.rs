//! The value of each type, as rows with editors.

use web_sys::MouseEvent;
use yew::prelude::*;

use super::edit::Edit;
use super::load::{ArrayFacts, Entry, Field, Group, Page, StreamFacts};
use super::text::{self, brief, grouped, span};
use super::view::{Look, Msg, Spot, ValueView};
use crate::i18n::{t, t1};
use crate::studio::dom;

/// Letters of a value that are shown in a row.
const CELL_MAX: usize = 300;

/// Bytes in a line of hexadecimal digits, which fits into a narrow panel.
const HEX_WIDTH: usize = 8;

type Ctx = Context<ValueView>;

/// A button that does something small to a row.
fn small(label: AttrValue, sign: &'static str, onclick: Callback<MouseEvent>) -> Html {
    html! {
        <button type="button" class="quiet small" aria-label={label.clone()} title={label} {onclick}>{ sign }</button>
    }
}

/// What a row is told by from others. An empty key would be none, and the row not drawn.
fn row_key(name: &[u8]) -> String {
    format!("-{}", text::shown(name))
}

/// A name or a value in a row.
fn shown(bytes: &[u8]) -> String {
    match bytes {
        [] => t("(empty)").to_string(),
        _ => brief(bytes, CELL_MAX),
    }
}

fn act(ctx: &Ctx, edit: impl Fn() -> Edit + 'static) -> Callback<MouseEvent> {
    ctx.link().callback(move |_| Msg::Do(edit()))
}

/// The value of a row: what it is, or what is made of it.
fn cell(view: &ValueView, ctx: &Ctx, row: usize, bytes: &[u8], label: AttrValue) -> Html {
    match &view.editing {
        Some((Spot::Row(at), typed)) if *at == row => view.field(ctx, label, typed, "text"),
        _ => {
            let text = text::shown(bytes);
            let onclick = ctx.link().callback(move |_| Msg::Begin(Spot::Row(row), text.clone()));
            html! { <button type="button" class="cell" title={t("Change it")} {onclick}>{ shown(bytes) }</button> }
        }
    }
}

/// A form for something new: fields with their labels, and what is done with what they hold.
fn adding(
    view: &ValueView,
    ctx: &Ctx,
    labels: &[AttrValue],
    text: AttrValue,
    edit: fn(&[String; 3]) -> Edit,
) -> Html {
    let onsubmit = ctx.link().callback(move |event: SubmitEvent| {
        event.prevent_default();
        Msg::Add(edit)
    });
    let field = |(index, label): (usize, &AttrValue)| {
        let oninput =
            ctx.link().callback(move |event: InputEvent| Msg::Draft(index, dom::value(&event)));
        html! {
            <input type="text" aria-label={label.clone()} placeholder={label.clone()} {oninput}
                value={view.draft[index].clone()} autocapitalize="off" autocomplete="off" spellcheck="false" />
        }
    };
    let is_empty = view.draft.iter().take(labels.len()).all(String::is_empty);
    html! {
        <form class="adding" {onsubmit}>
            { for labels.iter().enumerate().map(field) }
            <button type="submit" disabled={is_empty}>{ text }</button>
        </form>
    }
}

/// A string as text, as JSON, or in hexadecimal digits.
pub(super) fn string(view: &ValueView, ctx: &Ctx, bytes: &[u8]) -> Html {
    let is_text = text::is_text(bytes);
    if view.look == Look::Plain && !is_text {
        return html! {
            <>
                <p class="note">{ t("These bytes are no text. They are shown as redis-cli prints them; change them as bits or in hexadecimal digits.") }</p>
                <pre class="bytes-shown" tabindex="0">{ brief(bytes, 4000) }</pre>
            </>
        };
    }
    let shown = match view.look {
        Look::Json => {
            let json = std::str::from_utf8(bytes).ok().and_then(text::pretty_json);
            json.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
        }
        Look::Hex => text::hex(bytes.get(..8192).unwrap_or(bytes)),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    let is_cut = view.look == Look::Hex && bytes.len() > 8192;
    let (typed, is_changed) = match &view.editing {
        Some((Spot::Whole, typed)) => (typed.clone(), *typed != shown),
        _ => (shown, false),
    };
    let length = match view.look {
        Look::Hex => text::unhex(&typed).map(|bytes| bytes.len()),
        _ => Some(typed.len()),
    };
    let wrong = match length {
        None => Some(t("Two digits for each byte, please.")),
        Some(length) if is_changed && !view.takes(length) => Some(t1(
            "This is a part of a longer string, and must keep its {} bytes.",
            &grouped(bytes.len() as u64),
        )),
        Some(_) => None,
    };
    let link = ctx.link();
    let oninput = link.batch_callback(|event: InputEvent| {
        let text = dom::value(&event);
        [Msg::Begin(Spot::Whole, text)].into_iter().collect::<Vec<_>>()
    });
    let lines = typed.lines().count().clamp(3, 18).to_string();
    html! {
        <div class="whole">
            if view.look == Look::Hex {
                { hex(bytes, view.page.start) }
            }
            <textarea rows={lines} aria-label={t("The string")} spellcheck="false" {oninput} readonly={is_cut}
                class={(view.look == Look::Hex).then_some("digits")} value={typed} />
            <div class="tool-row">
                <button type="button" class="main" disabled={!is_changed || wrong.is_some()}
                    onclick={link.callback(|_| Msg::Commit)}>{ t("Save") }</button>
                if is_changed {
                    <button type="button" class="quiet" onclick={link.callback(|_| Msg::Cancel)}>{ t("Cancel") }</button>
                }
                if let Some(wrong) = wrong {
                    <span class="error">{ wrong }</span>
                }
            </div>
        </div>
    }
}

/// The first lines of bytes, with their places and as ASCII.
fn hex(bytes: &[u8], offset: u64) -> Html {
    let lines = text::hex_lines(bytes.get(..1024).unwrap_or(bytes), offset as usize, HEX_WIDTH);
    let line = |(place, hex, ascii): (String, String, String)| {
        html! { <div><span class="soft">{ place }</span><span>{ format!("{hex:0$}", HEX_WIDTH * 3 - 1) }</span><span class="ascii">{ ascii }</span></div> }
    };
    html! { <div class="hex" tabindex="0" role="group" aria-label={t("Bytes")}>{ for lines.into_iter().map(line) }</div> }
}

/// A list, with its indexes.
pub(super) fn list(view: &ValueView, ctx: &Ctx, elements: &[Vec<u8>]) -> Html {
    let row = |(index, element): (usize, &Vec<u8>)| {
        let place = view.page.start + index as u64;
        html! {
            <tr key={place}>
                <th scope="row">{ place }</th>
                <td>{ cell(view, ctx, index, element, t("Element")) }</td>
                <td class="end">{ small(t("Take it out"), "×", act(ctx, move || Edit::RemoveElement(place))) }</td>
            </tr>
        }
    };
    let draft = view.draft[0].clone();
    let left = act(ctx, move || Edit::Push(true, draft.clone()));
    html! {
        <>
            <table>
                <thead><tr><th scope="col">{ t("Index") }</th><th scope="col">{ t("Element") }</th><td></td></tr></thead>
                <tbody>{ for elements.iter().enumerate().map(row) }</tbody>
            </table>
            <div class="tool-row">
                { adding(view, ctx, &[t("New element")], t("Add at the end"), |it| Edit::Push(false, it[0].clone())) }
                <button type="button" disabled={view.draft[0].is_empty()} onclick={left}>{ t("Add at the start") }</button>
            </div>
        </>
    }
}

/// A hash, with the expiry of each field.
pub(super) fn hash(view: &ValueView, ctx: &Ctx, fields: &[Field]) -> Html {
    let now_ms = ctx.props().now_ms as i64;
    let row = |(index, field): (usize, &Field)| {
        let left_ms = field.expires_ms.map(|at_ms| (at_ms - now_ms).max(0));
        let seconds = left_ms.map(|ms| (ms / 1000).to_string()).unwrap_or_default();
        let begin =
            ctx.link().callback(move |_| Msg::Begin(Spot::RowExpiry(index), seconds.clone()));
        let expiry = match &view.editing {
            Some((Spot::RowExpiry(at), typed)) if *at == index => {
                view.field(ctx, t("Seconds from now; empty for never"), typed, "number")
            }
            _ => html! {
                <button type="button" class="cell" title={t("When the field expires")} onclick={begin}>
                    { left_ms.map_or_else(|| "–".to_owned(), span) }
                </button>
            },
        };
        let name = field.name.clone();
        html! {
            <tr key={row_key(&field.name)}>
                <th scope="row">{ shown(&field.name) }</th>
                <td>{ cell(view, ctx, index, &field.value, t("Value")) }</td>
                <td>{ expiry }</td>
                <td class="end">{ small(t("Take it out"), "×", act(ctx, move || Edit::RemoveField(name.clone()))) }</td>
            </tr>
        }
    };
    html! {
        <>
            { search(view, ctx) }
            <table>
                <thead><tr><th scope="col">{ t("Field") }</th><th scope="col">{ t("Value") }</th><th scope="col">{ t("Expires") }</th><td></td></tr></thead>
                <tbody>{ for fields.iter().enumerate().map(row) }</tbody>
            </table>
            { adding(view, ctx, &[t("Field"), t("Value")], t("Add field"), |it| Edit::AddField(it[0].clone(), it[1].clone())) }
        </>
    }
}

/// A set.
pub(super) fn set(view: &ValueView, ctx: &Ctx, members: &[Vec<u8>]) -> Html {
    let row = |member: &Vec<u8>| {
        let taken = member.clone();
        html! {
            <tr key={row_key(member)}>
                <td class="mono">{ shown(member) }</td>
                <td class="end">{ small(t("Take it out"), "×", act(ctx, move || Edit::RemoveMember(taken.clone()))) }</td>
            </tr>
        }
    };
    html! {
        <>
            { search(view, ctx) }
            <table>
                <thead><tr><th scope="col">{ t("Member") }</th><td></td></tr></thead>
                <tbody>{ for members.iter().map(row) }</tbody>
            </table>
            { adding(view, ctx, &[t("New member")], t("Add member"), |it| Edit::AddMember(it[0].clone())) }
        </>
    }
}

/// Searches names in what is scanned; only where there is more than a page of it.
fn search(view: &ValueView, ctx: &Ctx) -> Html {
    let length = view.body.as_ref().map_or(0, |body| body.length);
    if length <= super::load::PAGE && view.page.pattern.is_empty() {
        return html! {};
    }
    let onchange = ctx.link().callback(|event: Event| {
        Msg::Turn(Page { pattern: dom::value(&event), ..Page::default() })
    });
    html! {
        <input type="search" class="search" aria-label={t("Search in the value")} {onchange}
            placeholder={t("Part of a name, or a pattern")} value={view.page.pattern.clone()} />
    }
}

/// A sorted set, with its ranks.
pub(super) fn zset(view: &ValueView, ctx: &Ctx, scored: &[(Vec<u8>, String)]) -> Html {
    let row = |(index, (member, score)): (usize, &(Vec<u8>, String))| {
        let taken = member.clone();
        html! {
            <tr key={row_key(member)}>
                <th scope="row">{ view.page.start + index as u64 }</th>
                <td class="mono">{ shown(member) }</td>
                <td>{ cell(view, ctx, index, score.as_bytes(), t("Score")) }</td>
                <td class="end">{ small(t("Take it out"), "×", act(ctx, move || Edit::RemoveScored(taken.clone()))) }</td>
            </tr>
        }
    };
    html! {
        <>
            <table>
                <thead><tr><th scope="col">{ t("Rank") }</th><th scope="col">{ t("Member") }</th><th scope="col">{ t("Score") }</th><td></td></tr></thead>
                <tbody>{ for scored.iter().enumerate().map(row) }</tbody>
            </table>
            { adding(view, ctx, &[t("Member"), t("Score")], t("Add member"), |it| {
                Edit::SetScore(text::typed(&it[0]), if it[1].is_empty() { "0".to_owned() } else { it[1].clone() })
            }) }
        </>
    }
}

/// An array: the places that are taken, with their values.
pub(super) fn array(
    view: &ValueView,
    ctx: &Ctx,
    placed: &[(u64, Vec<u8>)],
    facts: &ArrayFacts,
) -> Html {
    let row = |(index, (place, value)): (usize, &(u64, Vec<u8>))| {
        let place = *place;
        html! {
            <tr key={place}>
                <th scope="row">{ place }</th>
                <td>{ cell(view, ctx, index, value, t("Value")) }</td>
                <td class="end">{ small(t("Take it out"), "×", act(ctx, move || Edit::RemovePlaced(place))) }</td>
            </tr>
        }
    };
    html! {
        <>
            <p class="note">{ t1("Its places go up to {}; those that are empty take no room.", &(facts.length.saturating_sub(1)).to_string()) }
                { " " }{ t1("ARINSERT goes on at {}.", &facts.next.to_string()) }</p>
            { from_place(view, ctx) }
            <table>
                <thead><tr><th scope="col">{ t("Index") }</th><th scope="col">{ t("Value") }</th><td></td></tr></thead>
                <tbody>{ for placed.iter().enumerate().map(row) }</tbody>
            </table>
            { adding(view, ctx, &[t("Value"), t("Index (empty: the next)")], t("Add value"), |it| {
                Edit::AddPlaced(it[1].clone(), it[0].clone())
            }) }
        </>
    }
}

/// Goes to a place of an array; only where there is more than a page of it.
fn from_place(view: &ValueView, ctx: &Ctx) -> Html {
    let length = view.body.as_ref().map_or(0, |body| body.length);
    if length <= super::load::PAGE {
        return html! {};
    }
    let onchange = ctx.link().batch_callback(|event: Event| {
        let place = dom::value(&event).trim().to_owned();
        let is_place = place.is_empty() || place.parse::<u64>().is_ok();
        is_place.then(|| Msg::Turn(Page { cursor: place.into_bytes(), ..Page::default() }))
    });
    let place = String::from_utf8_lossy(&view.page.cursor).into_owned();
    html! {
        <input type="search" class="search" inputmode="numeric" aria-label={t("From this index on")} {onchange}
            placeholder={t("From this index on")} value={place} />
    }
}

/// Has a HyperLogLog count something.
pub(super) fn counting(view: &ValueView, ctx: &Ctx) -> Html {
    adding(view, ctx, &[t("Something to count")], t("Count it"), |it| Edit::Count(it[0].clone()))
}

/// A stream: its entries, and its groups with what they have not done yet.
pub(super) fn stream(
    view: &ValueView,
    ctx: &Ctx,
    entries: &[Entry],
    facts: &StreamFacts,
    groups: &[Group],
) -> Html {
    let row = |entry: &Entry| {
        let id = entry.id.clone();
        let pair = |(name, value): &(Vec<u8>, Vec<u8>)| {
            html! { <span class="pair"><span class="soft">{ brief(name, 60) }</span>{ " " }{ brief(value, 120) }</span> }
        };
        html! {
            <tr key={entry.id.clone()}>
                <th scope="row" class="id">{ &entry.id }</th>
                <td>{ for entry.pairs.iter().map(pair) }</td>
                <td class="end">{ small(t("Take it out"), "×", act(ctx, move || Edit::RemoveEntry(id.clone()))) }</td>
            </tr>
        }
    };
    html! {
        <>
            <p class="note">
                { t1("Last ID {}", &facts.last_id) }{ " · " }{ t1("{} ever added", &facts.added.to_string()) }
            </p>
            <table>
                <thead><tr><th scope="col">{ t("ID") }</th><th scope="col">{ t("Fields") }</th><td></td></tr></thead>
                <tbody>{ for entries.iter().map(row) }</tbody>
            </table>
            { adding(view, ctx, &[t("Field"), t("Value")], t("Add entry"), |it| {
                Edit::AddEntry(vec![(it[0].clone(), it[1].clone())])
            }) }
            <h4>{ t("Groups") }</h4>
            { for groups.iter().map(|it| group(ctx, it)) }
            { new_group(view, ctx) }
        </>
    }
}

fn new_group(view: &ValueView, ctx: &Ctx) -> Html {
    let draft = view.draft[2].clone();
    let oninput = ctx.link().callback(|event: InputEvent| Msg::Draft(2, dom::value(&event)));
    let add = |id: &'static str| {
        let draft = draft.clone();
        act(ctx, move || Edit::AddGroup(draft.clone(), id.to_owned()))
    };
    let is_empty = draft.is_empty();
    html! {
        <div class="adding">
            <input type="text" aria-label={t("Name of a new group")} placeholder={t("Name of a new group")} {oninput}
                value={draft.clone()} autocapitalize="off" autocomplete="off" spellcheck="false" />
            <button type="button" disabled={is_empty} onclick={add("0")}>{ t("Reads from the start") }</button>
            <button type="button" disabled={is_empty} onclick={add("$")}>{ t("Reads what comes") }</button>
        </div>
    }
}

fn group(ctx: &Ctx, group: &Group) -> Html {
    let name = group.name.clone();
    let consumer = |consumer: &super::load::Consumer| {
        html! {
            <li>{ brief(&consumer.name, 60) }{ " · " }{ t1("{} pending", &consumer.pending.to_string()) }
                { " · " }{ t1("idle for {}", &span(consumer.idle_ms)) }</li>
        }
    };
    let pending = |pending: &super::load::Pending| {
        let (group, id) = (group.name.clone(), pending.id.clone());
        html! {
            <tr key={pending.id.clone()}>
                <th scope="row" class="id">{ &pending.id }</th>
                <td>{ brief(&pending.consumer, 60) }</td>
                <td>{ span(pending.idle_ms) }</td>
                <td>{ pending.deliveries }</td>
                <td class="end">{ small(t("Acknowledge"), "✓", act(ctx, move || Edit::Acknowledge(group.clone(), id.clone()))) }</td>
            </tr>
        }
    };
    html! {
        <details class="group" open=true>
            <summary><strong>{ brief(&group.name, 60) }</strong>{ " " }
                <span class="soft">{ t1("{} pending", &group.pending_count.to_string()) }
                if let Some(lag) = group.lag {
                    { " · " }{ t1("{} not delivered", &lag.to_string()) }
                }
                { " · " }{ t1("read up to {}", &group.last_id) }</span>
            </summary>
            if !group.consumers.is_empty() {
                <ul>{ for group.consumers.iter().map(consumer) }</ul>
            }
            if !group.pending.is_empty() {
                <table>
                    <thead><tr><th scope="col">{ t("Pending") }</th><th scope="col">{ t("Consumer") }</th><th scope="col">{ t("For") }</th><th scope="col">{ t("Times") }</th><td></td></tr></thead>
                    <tbody>{ for group.pending.iter().map(pending) }</tbody>
                </table>
                if let Some(left) = u64::try_from(group.pending_count).ok().and_then(|all| all.checked_sub(group.pending.len() as u64)).filter(|&left| left > 0) {
                    <p class="soft">{ t1("and {} more", &grouped(left)) }</p>
                }
            }
            <button type="button" class="quiet" onclick={act(ctx, move || Edit::RemoveGroup(name.clone()))}>{ t("Remove the group") }</button>
        </details>
    }
}
