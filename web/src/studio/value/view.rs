//! The view of one key: what is told of it, its value with an editor, and what it looks like inside.

use std::rc::Rc;

use redstart::resp::{Reply, pretty};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, KeyboardEvent, MouseEvent};
use yew::prelude::*;

use super::edit::Edit;
use super::load::{self, Body, Head, Page, Part};
use super::text::{self, brief, grouped, size, span};
use super::{bits, parts, places};
use crate::i18n::t;
use crate::studio::dom::{self, Handle};
use crate::studio::journal::{self, Ran};
use crate::studio::keys::tree::Kind;
use crate::studio::structure::limits::Limits;
use crate::studio::structure::{self, Drawing};

/// A value that takes more is not drawn inside, for all of it would have to come.
const DRAWN_BYTES_MAX: u64 = 4 << 20;

/// Commands that are shown below a value.
const SHOWN_RAN: usize = 4;

#[derive(Clone, PartialEq, Properties)]
pub(crate) struct Props {
    pub(crate) client: Handle,
    pub(crate) name: Rc<[u8]>,
    /// Another number, when the value has changed.
    pub(crate) stamp: u32,
    /// The server's time, in milliseconds since 1970.
    pub(crate) now_ms: f64,
    /// What has become of the key.
    pub(crate) fate: Callback<Fate>,
}

/// What has become of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It is looked at no longer.
    Gone,
    /// It has another name.
    Renamed(Vec<u8>),
}

/// How a value is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// As rows, or as text.
    Plain,
    Json,
    Hex,
    Bits,
    Map,
    /// Its structure.
    Inside,
}

/// What is being edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The value of a row.
    Row(usize),
    /// When the field of a row expires.
    RowExpiry(usize),
    /// The whole string.
    Whole,
    /// The key's name.
    Name,
    /// When the key expires.
    Expiry,
}

pub(crate) struct ValueView {
    pub(super) head: Option<Head>,
    pub(super) body: Option<Body>,
    pub(super) page: Page,
    pub(super) look: Look,
    pub(super) editing: Option<(Spot, String)>,
    /// Where a field was that is gone with the next drawing; it had the focus.
    left: Option<Element>,
    /// What is typed into the form for something new.
    pub(super) draft: [String; 3],
    limits: Limits,
    drawing: Option<Rc<Drawing>>,
    /// The node or block whose bytes are shown.
    pub(super) opened: usize,
    /// The bit that the keyboard is at.
    pub(super) bit: u64,
    ran: Vec<(String, String, bool)>,
    is_gone: bool,
    /// A greater one is a newer question.
    ticket: u32,
    sure: bool,
    /// Whether structures are what the person wants to see, whatever the key.
    wants_inside: bool,
}

pub(crate) enum Msg {
    Loaded(u32, Option<(Head, Body)>),
    Drawn(u32, Limits, Option<Drawing>),
    Turn(Page),
    Look(Look),
    Begin(Spot, String),
    Type(String),
    Commit,
    Cancel,
    Draft(usize, String),
    Do(Edit),
    /// What the fields for something new hold is to be done.
    Add(fn(&[String; 3]) -> Edit),
    Ran(Edit, Vec<(String, Reply)>),
    Open(usize),
    Bit(u64),
    Back,
    Sure(bool),
}

impl Component for ValueView {
    type Message = Msg;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        let mut view = Self::fresh();
        view.load(ctx);
        view
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &Props) -> bool {
        let props = ctx.props();
        if props.name != old.name || props.client != old.client {
            // What renamed it is told of still.
            let ran = std::mem::take(&mut self.ran);
            let wants_inside = self.wants_inside;
            let look = if wants_inside { Look::Inside } else { Look::Plain };
            *self = Self { ticket: self.ticket, look, wants_inside, ran, ..Self::fresh() };
            self.load(ctx);
        } else if props.stamp != old.stamp {
            self.load(ctx);
        }
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Loaded(ticket, found) => {
                if ticket != self.ticket {
                    return false;
                }
                self.loaded(ctx, found);
            }
            Msg::Drawn(ticket, limits, drawing) => {
                if ticket != self.ticket {
                    return false;
                }
                self.limits = limits;
                self.drawing = drawing.map(Rc::new);
            }
            Msg::Turn(page) => {
                self.page = page;
                self.editing = None;
                self.load(ctx);
            }
            Msg::Look(look) => {
                self.look = look;
                self.wants_inside = look == Look::Inside;
                self.editing = None;
                if look == Look::Inside {
                    self.draw(ctx);
                }
            }
            Msg::Begin(spot, text) => self.editing = Some((spot, text)),
            Msg::Type(text) => {
                if let Some((_, typed)) = &mut self.editing {
                    *typed = text;
                }
            }
            Msg::Commit => self.commit(ctx),
            Msg::Cancel => self.end_editing(),
            Msg::Draft(index, text) => {
                if let Some(draft) = self.draft.get_mut(index) {
                    *draft = text;
                }
            }
            Msg::Do(edit) => self.perform(ctx, edit),
            // Who types fast is ahead of what was drawn last: it goes by what has been typed by now.
            Msg::Add(edit) => self.perform(ctx, edit(&self.draft)),
            Msg::Ran(edit, replies) => self.has_run(ctx, &edit, replies),
            Msg::Open(node) => self.opened = node,
            Msg::Bit(bit) => self.bit = bit,
            Msg::Back => ctx.props().fate.emit(Fate::Gone),
            Msg::Sure(sure) => self.sure = sure,
        }
        true
    }

    fn rendered(&mut self, _: &Context<Self>, _: bool) {
        if let Some(place) = self.left.take() {
            dom::come_back(&place);
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        html! {
            <section class="value" aria-label={t("Value")}>
                { self.title(ctx) }
                if self.is_gone {
                    <p class="empty">{ t("There is no such key any more.") }</p>
                } else if let (Some(head), Some(body)) = (&self.head, &self.body) {
                    { self.facts(ctx, head, body) }
                    { self.looks(ctx, body) }
                    <div class="body" tabindex="0">{ self.body(ctx, head, body) }</div>
                } else {
                    <p class="empty">{ t("Loading…") }</p>
                }
                { self.ran() }
            </section>
        }
    }
}

/// Asking.
impl ValueView {
    fn fresh() -> Self {
        Self {
            head: None,
            body: None,
            page: Page::default(),
            look: Look::Plain,
            editing: None,
            left: None,
            draft: Default::default(),
            limits: Limits::default(),
            drawing: None,
            opened: 0,
            bit: 0,
            ran: Vec::new(),
            is_gone: false,
            ticket: 0,
            sure: false,
            wants_inside: false,
        }
    }

    fn load(&mut self, ctx: &Context<Self>) {
        self.ticket += 1;
        let (ticket, page) = (self.ticket, self.page.clone());
        let Props { client: Handle(client), name, .. } = ctx.props().clone();
        let link = ctx.link().clone();
        spawn_local(async move {
            let found = async {
                let head = load::read_head(&client.run_all(&load::ask_head(&name)).await.ok()?)?;
                let ask = load::ask_body(head.kind, &name, &page);
                let replies = client.run_all(&ask).await.ok()?;
                let mut body = load::read_body(head.kind, &replies)?;
                let more = client.run_all(&load::ask_more(&name, &body)).await.ok()?;
                load::read_more(&mut body, &more);
                Some((head, body))
            };
            link.send_message(Msg::Loaded(ticket, found.await));
        });
    }

    fn loaded(&mut self, ctx: &Context<Self>, found: Option<(Head, Body)>) {
        self.is_gone = found.is_none();
        let Some((head, body)) = found else {
            self.end_editing();
            (self.head, self.body) = (None, None);
            return;
        };
        if self.head.as_ref().is_some_and(|old| old.kind != head.kind) {
            self.look = Look::Plain;
            self.end_editing();
            self.page = Page::default();
        }
        let is_empty_page = match &body.part {
            Part::Elements(elements) => elements.is_empty(),
            Part::Scored(scored) => scored.is_empty(),
            _ => false,
        };
        if is_empty_page && self.page.start > 0 {
            // What was on the last page is gone.
            self.page = Page::default();
            return self.load(ctx);
        }
        let is_first = self.head.is_none();
        if is_first && self.look == Look::Plain {
            self.look = first_look(&body);
        }
        (self.head, self.body) = (Some(head), Some(body));
        if self.look == Look::Inside {
            self.draw(ctx);
        }
    }

    /// Asks for the whole value as DUMP gives it, and draws it.
    fn draw(&self, ctx: &Context<Self>) {
        let ticket = self.ticket;
        if self.head.as_ref().is_none_or(|head| head.bytes > DRAWN_BYTES_MAX) {
            return;
        }
        let Props { client: Handle(client), name, .. } = ctx.props().clone();
        let link = ctx.link().clone();
        spawn_local(async move {
            let limits = Limits::COMMAND.map(|word| word.as_bytes().to_vec()).to_vec();
            let dump = vec![b"DUMP".to_vec(), name.to_vec()];
            let Ok(replies) = client.run_all(&[limits, dump]).await else { return };
            let [limits, dump] = replies.as_slice() else { return };
            let limits = Limits::of(limits);
            let drawing = match dump {
                Reply::Bulk(payload) => structure::draw(payload, &limits),
                _ => None,
            };
            link.send_message(Msg::Drawn(ticket, limits, drawing));
        });
    }

    /// Runs the commands of a change.
    fn perform(&mut self, ctx: &Context<Self>, edit: Edit) {
        self.sure = false;
        let Props { client: Handle(client), name, .. } = ctx.props().clone();
        let link = ctx.link().clone();
        let commands = edit.commands(&name);
        spawn_local(async move {
            let begun_ms = dom::clock_ms();
            let Ok(replies) = client.run_all(&commands).await else { return };
            let took_ms = dom::clock_ms() - begun_ms;
            let mut ran = Vec::new();
            for (words, reply) in commands.iter().zip(replies) {
                let line = text::line(words);
                journal::write(Ran {
                    line: line.clone(),
                    at_ms: js_sys::Date::now(),
                    took_ms,
                    reply_bytes: pretty::print(&reply).len(),
                    has_failed: matches!(reply, Reply::Error(_)),
                });
                ran.push((line, reply));
            }
            link.send_message(Msg::Ran(edit, ran));
        });
    }

    fn has_run(&mut self, ctx: &Context<Self>, edit: &Edit, replies: Vec<(String, Reply)>) {
        let has_failed = replies.iter().any(|(_, reply)| matches!(reply, Reply::Error(_)));
        let is_taken =
            matches!(edit, Edit::Rename(_)) && replies.iter().any(|(_, it)| *it == Reply::Int(0));
        for (line, reply) in replies {
            let is_error = matches!(reply, Reply::Error(_));
            self.ran.push((line, pretty::print(&reply).trim_end().to_owned(), is_error));
        }
        let surplus = self.ran.len().saturating_sub(SHOWN_RAN);
        self.ran.drain(..surplus);
        if has_failed || is_taken {
            // What was typed stays to be put right.
            return;
        }
        self.end_editing();
        self.draft = Default::default();
        if let Edit::SetBit(offset, _) = edit {
            // The page and the place where it is seen.
            self.page.start = offset / 8 / load::BYTES_PAGE * load::BYTES_PAGE;
            self.bit = offset - self.page.start * 8;
        }
        if let Edit::Rename(name) = edit {
            ctx.props().fate.emit(Fate::Renamed(text::typed(name)));
        } else {
            self.load(ctx);
        }
    }

    /// Has the field go away in which something is edited, and the focus come back to what opened it.
    fn end_editing(&mut self) {
        self.editing = None;
        self.left = dom::leave("form.cell-form");
    }

    /// Does what was typed where something is edited.
    fn commit(&mut self, ctx: &Context<Self>) {
        let Some((spot, typed)) = self.editing.clone() else { return };
        let is_empty = typed.trim().is_empty();
        let seconds = (!is_empty).then(|| typed.clone());
        let edit = match spot {
            Spot::Name => Some(Edit::Rename(typed)),
            Spot::Expiry => Some(Edit::Expire(seconds)),
            Spot::Row(row) => self.row_edit(row, typed),
            Spot::RowExpiry(row) => match self.body.as_ref().map(|body| &body.part) {
                Some(Part::Fields(fields)) => {
                    fields.get(row).map(|field| Edit::ExpireField(field.name.clone(), seconds))
                }
                _ => None,
            },
            Spot::Whole => match self.look {
                Look::Hex => text::unhex(&typed).map(|bytes| self.whole(bytes)),
                _ => Some(self.whole(typed.into_bytes())),
            },
        };
        if let Some(edit) = edit {
            self.perform(ctx, edit);
        }
    }

    /// The change to a string of which this page is all, or of which it is a part.
    fn whole(&self, bytes: Vec<u8>) -> Edit {
        let length = self.body.as_ref().map_or(0, |body| body.length);
        if self.page.start == 0 && length <= load::BYTES_PAGE {
            Edit::SetText(bytes)
        } else {
            Edit::SetRange(self.page.start, bytes)
        }
    }

    /// Whether a string of this length can take the place of this page. With another length, what
    /// lies behind it would move, and no command does that.
    pub(super) fn takes(&self, bytes: usize) -> bool {
        let Some(Body { length, part: Part::Bytes(page), .. }) = &self.body else { return false };
        let is_all = *length <= load::BYTES_PAGE;
        let is_last = self.page.start + page.len() as u64 >= *length;
        is_all || bytes == page.len() || (is_last && bytes > page.len())
    }

    fn row_edit(&self, row: usize, typed: String) -> Option<Edit> {
        match &self.body.as_ref()?.part {
            Part::Elements(_) => Some(Edit::SetElement(self.page.start + row as u64, typed)),
            Part::Fields(fields) => Some(Edit::SetField(fields.get(row)?.name.clone(), typed)),
            Part::Scored(scored) => Some(Edit::SetScore(scored.get(row)?.0.clone(), typed)),
            Part::Placed(placed, _) => Some(Edit::SetPlaced(placed.get(row)?.0, typed)),
            _ => None,
        }
    }
}

/// How a value is looked at first.
fn first_look(body: &Body) -> Look {
    match &body.part {
        Part::Bytes(bytes) if bytes.starts_with(b"HYLL") => Look::Inside,
        Part::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text::pretty_json(text).is_some() => Look::Json,
            _ if text::is_text(bytes) => Look::Plain,
            // A few bytes that are no text are most often bits.
            _ if bytes.len() <= 256 => Look::Bits,
            _ => Look::Hex,
        },
        _ => Look::Plain,
    }
}

/// What is seen.
impl ValueView {
    fn title(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let name = &ctx.props().name;
        let shown = text::shown(name);
        let title = match &self.editing {
            Some((Spot::Name, typed)) => self.field(ctx, t("New name"), typed, "text"),
            _ => html! {
                <>
                    <h3 title={shown.clone()}>{ brief(name, 120) }</h3>
                    <button type="button" class="quiet" onclick={link.callback(move |_| Msg::Begin(Spot::Name, shown.clone()))}>
                        { t("Rename") }
                    </button>
                </>
            },
        };
        html! {
            <div class="value-title">
                <button type="button" class="quiet back" aria-label={t("Back to the keys")}
                    onclick={link.callback(|_| Msg::Back)}>{ "‹" }</button>
                { title }
                if self.sure {
                    <button type="button" class="stop" onclick={link.callback(|_| Msg::Do(Edit::Delete))}>{ t("Really delete") }</button>
                    <button type="button" class="quiet" onclick={link.callback(|_| Msg::Sure(false))}>{ t("Keep it") }</button>
                } else {
                    <button type="button" class="quiet" onclick={link.callback(|_| Msg::Sure(true))}>{ t("Delete") }</button>
                }
            </div>
        }
    }

    fn facts(&self, ctx: &Context<Self>, head: &Head, body: &Body) -> Html {
        let left_ms = head.expires_ms.map(|at_ms| (at_ms - ctx.props().now_ms as i64).max(0));
        let expiry = match left_ms {
            Some(ms) => AttrValue::from(span(ms)),
            None => t("never"),
        };
        let (one, many) = match head.kind {
            Kind::String => (t("1 byte"), t("{} bytes")),
            Kind::Hash => (t("1 field"), t("{} fields")),
            Kind::Set | Kind::Zset => (t("1 member"), t("{} members")),
            Kind::Stream => (t("1 entry"), t("{} entries")),
            Kind::Array => (t("1 value"), t("{} values")),
            _ => (t("1 element"), t("{} elements")),
        };
        let length = dom::counted(body.length, one, &many);
        let seconds = left_ms.map(|ms| (ms / 1000).to_string()).unwrap_or_default();
        let edit = ctx.link().callback(move |_| Msg::Begin(Spot::Expiry, seconds.clone()));
        html! {
            <dl class="facts">
                <div><dt>{ t("Type") }</dt><dd><span class="kind" data-kind={head.kind.name()}>{ head.kind.name() }</span></dd></div>
                <div><dt>{ t("Encoding") }</dt><dd>{ &head.encoding }</dd></div>
                <div><dt>{ t("Holds") }</dt><dd>{ length }</dd></div>
                <div><dt>{ t("Memory") }</dt><dd>{ size(head.bytes) }</dd></div>
                <div><dt>{ t("Expires") }</dt><dd>
                    if let Some((Spot::Expiry, typed)) = &self.editing {
                        { self.field(ctx, t("Seconds from now; empty for never"), typed, "number") }
                    } else {
                        <button type="button" class="quiet" onclick={edit}>{ expiry }</button>
                    }
                </dd></div>
            </dl>
        }
    }

    /// A field for what is being edited, with what ends that.
    pub(super) fn field(
        &self,
        ctx: &Context<Self>,
        label: AttrValue,
        typed: &str,
        kind: &'static str,
    ) -> Html {
        let link = ctx.link();
        let oninput = link.callback(|event: InputEvent| Msg::Type(dom::value(&event)));
        let onkeydown = link.batch_callback(|event: KeyboardEvent| {
            (event.key() == "Escape").then(|| {
                event.stop_propagation();
                Msg::Cancel
            })
        });
        let onsubmit = link.callback(|event: SubmitEvent| {
            event.prevent_default();
            Msg::Commit
        });
        html! {
            <form class="cell-form" {onsubmit} {onkeydown}>
                <input type={kind} aria-label={label.clone()} placeholder={label} value={typed.to_owned()} {oninput}
                    autocapitalize="off" autocomplete="off" spellcheck="false" ref={Focused::node()} />
                <button type="submit" class="main">{ t("Set") }</button>
                <button type="button" class="quiet" onclick={link.callback(|_| Msg::Cancel)}>{ t("Cancel") }</button>
            </form>
        }
    }

    fn looks(&self, ctx: &Context<Self>, body: &Body) -> Html {
        let mut looks = vec![(Look::Plain, t("Value"))];
        match &body.part {
            Part::Bytes(bytes) => {
                looks = vec![(Look::Plain, t("Text"))];
                if std::str::from_utf8(bytes).is_ok_and(|it| text::pretty_json(it).is_some()) {
                    looks.push((Look::Json, AttrValue::Static("JSON")));
                }
                looks.push((Look::Hex, t("Hex")));
                looks.push((Look::Bits, t("Bits")));
            }
            Part::Scored(scored) if places::are_places(scored) => looks.push((Look::Map, t("Map"))),
            _ => {}
        }
        looks.push((Look::Inside, t("Inside")));
        let chosen = looks.iter().position(|(look, _)| *look == self.look).unwrap_or(0);
        let texts: Vec<AttrValue> = looks.iter().map(|(_, text)| text.clone()).collect();
        let choose = ctx.link().callback(move |index: usize| {
            Msg::Look(looks.get(index).map_or(Look::Plain, |(look, _)| *look))
        });
        dom::choices(t("How the value is shown"), texts.into_iter(), chosen, choose)
    }

    fn body(&self, ctx: &Context<Self>, head: &Head, body: &Body) -> Html {
        if self.look == Look::Inside {
            return match &self.drawing {
                _ if head.bytes > DRAWN_BYTES_MAX => {
                    html! { <p class="empty">{ t("A value of more than 4 MB is not drawn: all of it would have to be fetched.") }</p> }
                }
                Some(drawing) => self.inside(ctx, head, drawing),
                None => html! { <p class="empty">{ t("Loading…") }</p> },
            };
        }
        let content = match &body.part {
            Part::Bytes(bytes) if self.look == Look::Bits => bits::draw(self, ctx, bytes),
            Part::Bytes(bytes) => parts::string(self, ctx, bytes),
            Part::Elements(elements) => parts::list(self, ctx, elements),
            Part::Fields(fields) => parts::hash(self, ctx, fields),
            Part::Members(members) => parts::set(self, ctx, members),
            Part::Scored(scored) if self.look == Look::Map => places::draw(self, ctx, scored),
            Part::Scored(scored) => parts::zset(self, ctx, scored),
            Part::Entries(entries, facts, groups) => {
                parts::stream(self, ctx, entries, facts, groups)
            }
            Part::Placed(placed, facts) => parts::array(self, ctx, placed, facts),
            Part::Unknown => {
                html! { <p class="empty">{ t("This type cannot be shown here.") }</p> }
            }
        };
        html! { <>{ content }{ self.pager(ctx, body) }</> }
    }

    /// What the value looks like inside; a HyperLogLog can be given something to count there, as it
    /// shows nothing anywhere else.
    fn inside(&self, ctx: &Context<Self>, head: &Head, drawing: &Drawing) -> Html {
        let encoding = head.encoding_of(drawing);
        let bounds = self.limits.thresholds(drawing.kind, &encoding, drawing.measure);
        let open = ctx.link().callback(Msg::Open);
        html! {
            <>
                if drawing.kind == "hll" {
                    { parts::counting(self, ctx) }
                }
                { structure::view::draw(drawing, &encoding, &bounds, self.opened, &open) }
            </>
        }
    }

    /// What leads to other pages, if there are any.
    fn pager(&self, ctx: &Context<Self>, body: &Body) -> Html {
        let link = ctx.link();
        let step = match body.part {
            Part::Bytes(_) => load::BYTES_PAGE,
            Part::Elements(_) | Part::Scored(_) => load::PAGE,
            _ => {
                let is_first = self.page.cursor.is_empty();
                if is_first && body.next.is_none() {
                    return html! {};
                }
                let pattern = self.page.pattern.clone();
                let first = Page { pattern, ..Page::default() };
                let next = body.next.clone().map(|cursor| Page { cursor, ..first.clone() });
                return html! {
                    <div class="pager">
                        <button type="button" disabled={is_first} onclick={link.callback(move |_| Msg::Turn(first.clone()))}>{ t("To the start") }</button>
                        if let Some(next) = next {
                            <button type="button" onclick={link.callback(move |_| Msg::Turn(next.clone()))}>{ t("More") }</button>
                        }
                    </div>
                };
            }
        };
        if body.length <= step {
            return html! {};
        }
        let start = self.page.start;
        let last = (body.length - 1) / step * step;
        let turn = |start: u64| {
            link.callback(move |_: MouseEvent| Msg::Turn(Page { start, ..Page::default() }))
        };
        let end = (start + step).min(body.length);
        let (from, to) = (grouped(start), grouped(end.saturating_sub(1)));
        html! {
            <div class="pager">
                <button type="button" aria-label={ t("To the start") } disabled={start == 0} onclick={turn(0)}>{ "⇤" }</button>
                <button type="button" disabled={start == 0} onclick={turn(start.saturating_sub(step))}>{ t("Before") }</button>
                <span>{ format!("{from} – {to}") }</span>
                <button type="button" disabled={start >= last} onclick={turn((start + step).min(last))}>{ t("Behind") }</button>
                <button type="button" aria-label={ t("To the end") } disabled={start >= last} onclick={turn(last)}>{ "⇥" }</button>
            </div>
        }
    }

    /// The commands that were run here.
    fn ran(&self) -> Html {
        if self.ran.is_empty() {
            return html! {};
        }
        let line = |(line, reply, has_failed): &(String, String, bool)| {
            let class = if *has_failed { "error" } else { "reply" };
            html! {
                <li><code>{ brief(line.as_bytes(), 300) }</code><span {class}>{ brief(reply.as_bytes(), 200) }</span></li>
            }
        };
        html! {
            <div class="ran" role="log" tabindex="0" aria-label={t("Commands that were run")}>
                <ol>{ for self.ran.iter().map(line) }</ol>
            </div>
        }
    }
}

impl Head {
    /// The encoding that bounds are about: of a HyperLogLog its own, which no command tells.
    fn encoding_of(&self, drawing: &Drawing) -> String {
        if drawing.kind == "hll" { drawing.encoding.to_owned() } else { self.encoding.clone() }
    }
}

/// A reference that puts the focus on what it comes to stand for.
struct Focused;

impl Focused {
    fn node() -> NodeRef {
        let node = NodeRef::default();
        let later = node.clone();
        spawn_local(async move {
            // The element is there when the drawing under way is done.
            gloo_timers::future::TimeoutFuture::new(0).await;
            if dom::active().is_none_or(|active| active.tag_name() != "INPUT") {
                dom::focus(&later);
            }
        });
        node
    }
}
