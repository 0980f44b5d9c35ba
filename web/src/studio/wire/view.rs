//! The view of the wire: the bytes of a request and of its reply, in RESP2 beside RESP3, explained line
//! by line.

use std::collections::BTreeMap;
use std::rc::Rc;

use redstart::resp::{Proto, Reply, words};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{Line, Meaning, Part, Piece, Sort, as_proto, differs_by_protocol, lines};
use crate::bridge::{self, Told};
use crate::i18n::{t, t1};
use crate::studio::ViewProps;
use crate::studio::client::Client;
use crate::studio::desk::Listening;
use crate::studio::dom;
use crate::studio::value::load::{elements, text};
use crate::studio::value::text::{brief, size};
use crate::terminal::session::request;

/// Exchanges to choose from.
const LISTED: usize = 60;

/// Letters of a payload that are shown.
const PAYLOAD_MAX: usize = 160;

/// Lines that are explained of one message.
const LINES_MAX: usize = 300;

pub(crate) struct Wire {
    /// The exchange that is looked at; the newest, if none was chosen.
    chosen: Option<u64>,
    /// Replies that were asked for once more in RESP3, because the pane speaks RESP2; `None` if that
    /// would have changed something.
    again: BTreeMap<u64, Option<Vec<u8>>>,
    /// What was tried here: the line, the request, and the reply in RESP3.
    tried: Option<(String, Vec<u8>, Vec<u8>)>,
    typed: String,
    is_wrong: bool,
    client: Option<Rc<Client>>,
    sandbox: String,
    _listening: Listening,
}

pub(crate) enum Msg {
    Told(Rc<Told>),
    Choose(Option<u64>),
    Again(u64, Option<Vec<u8>>),
    Typed(String),
    Try,
    Tried(String, Vec<u8>, Reply),
}

impl Component for Wire {
    type Message = Msg;
    type Properties = ViewProps;

    fn create(ctx: &Context<Self>) -> Self {
        let mut wire = Self {
            chosen: None,
            again: BTreeMap::new(),
            tried: None,
            typed: String::new(),
            is_wrong: false,
            client: None,
            sandbox: String::new(),
            _listening: ctx.props().desk.listen(ctx.link().callback(Msg::Told)),
        };
        wire.connect();
        wire.ask_again(ctx);
        wire
    }

    fn changed(&mut self, ctx: &Context<Self>, _: &ViewProps) -> bool {
        self.connect();
        self.ask_again(ctx);
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Told(told) => match *told {
                Told::Received { .. } | Told::Sent { .. } => {
                    self.tried = None;
                    if !ctx.props().is_seen {
                        return false;
                    }
                    self.ask_again(ctx);
                }
                Told::Pane { .. } | Told::Closed { .. } | Told::Restarted => self.connect(),
                Told::Language | Told::Lost => return false,
            },
            Msg::Choose(number) => {
                (self.chosen, self.tried) = (number, None);
                self.ask_again(ctx);
            }
            Msg::Again(number, bytes) => {
                self.again.insert(number, bytes);
                // What is no longer listed is not needed.
                while self.again.len() > LISTED {
                    self.again.pop_first();
                }
            }
            Msg::Typed(typed) => self.typed = typed,
            Msg::Try => self.try_it(ctx),
            Msg::Tried(line, request, reply) => {
                self.tried = Some((line, request, as_proto(&reply, Proto::V3)));
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        html! {
            <div class="wire-view">
                { self.trying(ctx) }
                { self.list(ctx) }
                { self.exchange(ctx) }
            </div>
        }
    }
}

impl Wire {
    fn connect(&mut self) {
        let sandbox = bridge::shown();
        if sandbox == self.sandbox && self.client.as_ref().is_some_and(|client| !client.is_gone()) {
            return;
        }
        self.sandbox = sandbox;
        self.client = Client::open(&self.sandbox).map(Rc::new);
        if let Some(client) = self.client.clone() {
            spawn_local(async move {
                let _ = client.run(&[b"HELLO".to_vec(), b"3".to_vec()]).await;
            });
        }
    }

    /// The number of the exchange that is seen.
    fn number(&self, ctx: &Context<Self>) -> Option<u64> {
        let exchanges = ctx.props().desk.exchanges();
        let is_asked = |it: &&crate::studio::exchange::Exchange| !it.line.is_empty();
        self.chosen.or_else(|| exchanges.all().rev().find(is_asked).map(|it| it.number))
    }

    /// Asks the question of a pane once more in RESP3, if the pane speaks RESP2, the reply could look
    /// different, and the command changes nothing.
    fn ask_again(&self, ctx: &Context<Self>) {
        let Some(number) = self.number(ctx) else { return };
        let (Some(client), false) = (self.client.clone(), self.again.contains_key(&number)) else {
            return;
        };
        let words = {
            let exchanges = ctx.props().desk.exchanges();
            let Some(exchange) = exchanges.get(number) else { return };
            let reply = Reply::read(&exchange.reply).ok().flatten();
            let differs = reply.is_some_and(|(reply, _)| differs_by_protocol(&reply));
            if exchange.is_resp3 || !differs || exchange.took_ms.is_none() {
                return;
            }
            exchange.words.clone()
        };
        let link = ctx.link().clone();
        spawn_local(async move {
            let info =
                [b"COMMAND".to_vec(), b"INFO".to_vec(), words.first().cloned().unwrap_or_default()];
            let Ok(info) = client.run(&info).await else { return };
            let bytes = if is_readonly(&info) {
                client.run(&words).await.ok().map(|reply| as_proto(&reply, Proto::V3))
            } else {
                None
            };
            link.send_message(Msg::Again(number, bytes));
        });
    }

    fn try_it(&mut self, ctx: &Context<Self>) {
        let words = words::split(self.typed.as_bytes()).unwrap_or_default();
        self.is_wrong = words.is_empty();
        let Some(client) = self.client.clone().filter(|_| !self.is_wrong) else { return };
        let (link, line) = (ctx.link().clone(), self.typed.clone());
        spawn_local(async move {
            if let Ok(reply) = client.run(&words).await {
                link.send_message(Msg::Tried(line, request(&words), reply));
            }
        });
    }

    fn trying(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let oninput = link.callback(|event: InputEvent| Msg::Typed(dom::value(&event)));
        let onsubmit = link.callback(|event: SubmitEvent| {
            event.prevent_default();
            Msg::Try
        });
        html! {
            <form class="adding" {onsubmit}>
                <input type="text" aria-label={t("A command to try in both protocols")} {oninput} value={self.typed.clone()}
                    placeholder={t("A command to try in both protocols, such as CONFIG GET save")}
                    autocapitalize="off" autocomplete="off" autocorrect="off" spellcheck="false" />
                <button type="submit">{ t("Try it") }</button>
                if self.is_wrong {
                    <span class="error">{ t("Quotes do not close.") }</span>
                }
            </form>
        }
    }

    fn list(&self, ctx: &Context<Self>) -> Html {
        let exchanges = ctx.props().desk.exchanges();
        let seen = self.number(ctx).filter(|_| self.tried.is_none());
        let rows = exchanges.all().rev().take(LISTED).map(|it| {
            let number = it.number;
            let onclick = ctx.link().callback(move |_| Msg::Choose(Some(number)));
            let line = if it.line.is_empty() { t("(came unasked)").to_string() } else { brief(it.line.as_bytes(), 80) };
            let bytes = size((it.request.len() + it.reply_bytes) as u64);
            html! {
                <button type="button" class="wire-line" key={number} {onclick} aria-pressed={(seen == Some(number)).to_string()}>
                    <code>{ line }</code><span class="soft">{ bytes }</span>
                </button>
            }
        });
        let rows: Vec<Html> = rows.collect();
        if rows.is_empty() && self.tried.is_none() {
            return html! { <p class="empty">{ t("Run a command in a pane, and its bytes are explained here.") }</p> };
        }
        let follow = ctx.link().callback(|_| Msg::Choose(None));
        html! {
            <>
                <div class="wire-list" role="group" aria-label={t("Commands")}>{ for rows }</div>
                if self.chosen.is_some() {
                    <button type="button" class="quiet" onclick={follow}>{ t("Follow the newest") }</button>
                }
            </>
        }
    }

    /// The exchange that is seen.
    fn exchange(&self, ctx: &Context<Self>) -> Html {
        if let Some((line, request, reply)) = &self.tried {
            return both(line, request, Some(reply), two_of(reply).as_deref());
        }
        let Some(number) = self.number(ctx) else { return html! {} };
        let exchanges = ctx.props().desk.exchanges();
        let Some(it) = exchanges.get(number) else {
            return html! { <p class="empty">{ t("This one is too long ago and not kept.") }</p> };
        };
        if it.reply.is_empty() {
            return html! {
                <>
                    { both(&it.line, &it.request, None, None) }
                    <p class="note">{ t("There is no reply yet.") }</p>
                </>
            };
        }
        let cut = it.reply_bytes > it.reply.len();
        let (two, three) = if it.is_resp3 {
            (two_of(&it.reply), Some(it.reply.clone()))
        } else {
            let differs = Reply::read(&it.reply)
                .ok()
                .flatten()
                .is_some_and(|(it, _)| differs_by_protocol(&it));
            let three = if differs {
                self.again.get(&number).cloned().flatten()
            } else {
                Some(it.reply.clone())
            };
            (Some(it.reply.clone()), three)
        };
        let is_unknown = matches!(self.again.get(&number), Some(None)) && three.is_none();
        html! {
            <>
                { both(&it.line, &it.request, three.as_deref(), two.as_deref()) }
                if is_unknown {
                    <p class="note">{ t("The pane speaks RESP2, and this command changes something, so it was not asked again. Type HELLO 3 in the pane to see both.") }</p>
                }
                if cut {
                    <p class="note">{ t1("Only the beginning of {} is kept.", &size(it.reply_bytes as u64)) }</p>
                }
            </>
        }
    }
}

/// A reply of RESP3 as RESP2 says it.
fn two_of(three: &[u8]) -> Option<Vec<u8>> {
    let (reply, _) = Reply::read(three).ok().flatten()?;
    Some(as_proto(&reply, Proto::V2))
}

/// Whether COMMAND INFO says that a command only reads.
fn is_readonly(info: &Reply) -> bool {
    let flags = || {
        let command = elements(elements(info)?.first()?)?;
        elements(command.get(2)?).map(<[Reply]>::to_vec)
    };
    let names = flags().unwrap_or_default();
    names.iter().any(|flag| text(flag).is_some_and(|name| name == "readonly"))
}

/// A request with its reply in both protocols.
fn both(line: &str, request: &[u8], three: Option<&[u8]>, two: Option<&[u8]>) -> Html {
    html! {
        <>
            <h3 class="wire-title"><code>{ brief(line.as_bytes(), 200) }</code></h3>
            { message(t("Request"), request) }
            <div class="beside">
                if let Some(two) = two {
                    { message(t("Reply in RESP2"), two) }
                }
                if let Some(three) = three {
                    { message(t("Reply in RESP3"), three) }
                }
            </div>
        </>
    }
}

/// The bytes of a message, line by line, with what they say.
fn message(name: AttrValue, bytes: &[u8]) -> Html {
    let all = lines(bytes);
    let left = all.len().saturating_sub(LINES_MAX);
    let row = |line: &Line| {
        let depth = line.pieces.first().map_or(0, |piece| piece.depth);
        html! {
            <tr>
                <td class="wire-bytes" style={format!("--depth: {depth}")}>{ for line.pieces.iter().map(|piece| chip(piece, bytes)) }</td>
                <td class="soft">{ said(line, bytes) }</td>
            </tr>
        }
    };
    html! {
        <section class="message" aria-label={name.clone()}>
            <h4>{ name }{ " " }<span class="soft">{ size(bytes.len() as u64) }</span></h4>
            <table><tbody>{ for all.iter().take(LINES_MAX).map(row) }</tbody></table>
            if left > 0 {
                <p class="soft">{ t1("and {} more lines", &left.to_string()) }</p>
            }
        </section>
    }
}

/// A piece as it is printed: line ends and other bytes as redis-cli prints them.
fn chip(piece: &Piece, bytes: &[u8]) -> Html {
    let bytes = bytes.get(piece.start..piece.end).unwrap_or_default();
    let class = match piece.part {
        Part::Type(_) => "part type",
        Part::Length(_) | Part::Count(_) | Part::Nothing => "part length",
        Part::LineEnd => "part line-end",
        Part::Text | Part::Payload | Part::Inline => "part payload",
        Part::Format => "part format",
        Part::More => "part",
        Part::Wrong => "part wrong",
    };
    let text = match piece.part {
        Part::LineEnd => "\\r\\n".to_owned(),
        _ => brief(bytes, PAYLOAD_MAX),
    };
    html! { <span {class}>{ text }</span> }
}

/// What a line says, in words.
fn said(line: &Line, bytes: &[u8]) -> AttrValue {
    let payload =
        line.pieces.get(1).and_then(|piece| bytes.get(piece.start..piece.end)).unwrap_or_default();
    match line.meaning {
        Meaning::Begin(sort, count) => {
            let count = count.to_string();
            match sort {
                Sort::Bulk => t1("a string of {} bytes:", &count),
                Sort::BulkError => t1("an error of {} bytes:", &count),
                Sort::Verbatim => t1("a text of {} bytes with its format:", &count),
                Sort::Map => t1("a map of {} pairs:", &count),
                Sort::Set => t1("a set of {} elements:", &count),
                Sort::Push => t1("a push of {} elements, which nobody asked for:", &count),
                Sort::Attributes => t1("{} attributes of what follows:", &count),
                _ => t1("an array of {} elements:", &count),
            }
        }
        Meaning::Whole(sort) => match sort {
            Sort::Simple => t("a status"),
            Sort::Error => t("an error: a code, then words"),
            Sort::Integer => t("an integer"),
            Sort::Double => t("a floating-point number"),
            Sort::Boolean if payload == b"t" => t("true"),
            Sort::Boolean => t("false"),
            Sort::BigNumber => t("a number of any size"),
            _ => t("a value"),
        },
        Meaning::Nothing => t("nothing: a null"),
        Meaning::Bytes => t("the bytes"),
        Meaning::Inline => t("a command typed on one line"),
        Meaning::More => t("more than is explained"),
        Meaning::Wrong => t("bytes that are cut off, or make no sense"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    #[test]
    fn only_what_reads_is_asked_again() {
        let mut server = Server::new();
        for protocol in ["HELLO 2", "HELLO 3"] {
            server.run(protocol);
            let mut reads = |name: &str| is_readonly(&server.run(&format!("COMMAND INFO {name}")));
            assert!(reads("GET") && reads("HGETALL"));
            assert!(!reads("SET") && !reads("BLPOP") && !reads("nosuch"));
        }
    }
}
