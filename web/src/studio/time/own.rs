//! What has happened to the person's own data, as far as the page has seen it.
//!
//! The node that keeps the data records nothing. But the page has seen what was sent in its panes, and
//! from a snapshot of the data as it was before, a sandbox gets to where the data is now by doing the
//! same: so one can look back without touching anything. That is verified, not believed: the data of
//! both must have the same digest. Where it has not (another tab has written, a file was loaded, a
//! value was edited in the panel, chance has drawn otherwise), a new *part* begins with a snapshot of
//! how the data is, and the timeline says so. So does one that begins because the person went back
//! ([`Own::went_back`]): what was before stays in the timeline, and one can go back to that too. A part
//! that grows too long ends in the same way, and the oldest are dropped.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use yew::Callback;

use super::steps::{Step, steps};
use crate::sandbox::tape::Tape;
use crate::studio::client::Client;
use crate::studio::desk::Desk;
use crate::studio::share::session::time;
use crate::studio::value::load::text;
use crate::studio::{engine, host};

/// The sandbox that does what is done to the data.
const MIRROR: &str = "mine";

/// Keys that the data may have; more would make the page wait.
const KEYS_MAX: u64 = 20_000;

/// Bytes of a snapshot.
const SNAPSHOT_BYTES_MAX: u32 = 4 << 20;

/// Entries of a part.
const ENTRIES_MAX: usize = 2_000;

/// Parts that are kept.
const PARTS_MAX: usize = 6;

/// A command may be on its way while it is looked; then it is looked once more, this much later.
const AGAIN_MS: u32 = 150;

/// How the data was when it could first be used.
#[derive(Clone)]
pub(crate) struct Began {
    pub(crate) at_us: i64,
    pub(crate) data: Rc<[u8]>,
}

/// What has happened.
#[derive(Clone, Default)]
pub(crate) struct Own {
    parts: Vec<Part>,
    /// Parts that were dropped.
    dropped: usize,
    /// The server's life that it is about.
    life: u32,
    /// What it was when it was verified last: entries of the session, and the digest of the data.
    seen: Option<(usize, String)>,
    /// Why there is no timeline.
    pub(crate) refusal: Option<Refusal>,
    /// The command to which the person has just gone back.
    went_back: Option<String>,
    /// The connection that asks for digests.
    client: Option<Rc<Client>>,
}

/// Why there is no timeline of the data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is too much of it.
    TooMuch,
    /// A server has it.
    Served,
    /// It cannot be had.
    Unknown,
}

/// A snapshot, and what was done upon it.
#[derive(Clone)]
struct Part {
    base: Rc<[u8]>,
    start_us: i64,
    /// Entries of the session.
    from: usize,
    to: usize,
    /// If the data was not what the part before has led to: the command to which the person had gone
    /// back, or nothing where it was changed otherwise.
    begins: Option<String>,
    steps: Vec<Step>,
}

/// Where the data of a step can be had.
#[derive(Clone)]
pub(crate) enum Source {
    Sandbox(String),
    Past(Tape),
}

#[wasm_bindgen]
extern "C" {
    /// Whether a server serves the page (1), or did and its data is in the tab now (2).
    #[wasm_bindgen(js_namespace = redstart)]
    fn served() -> u8;
}

impl Source {
    /// The sandbox. One that does an older part is called after what it is for, so that two who look at the
    /// past at once do not meet.
    pub(crate) async fn name(self, purpose: &str) -> String {
        match self {
            Self::Sandbox(name) => name,
            Self::Past(tape) => {
                // If it cannot be lived through, there is nothing of this name.
                let name = ["past~", purpose].concat();
                engine::load(&name, &tape).await;
                name
            }
        }
    }
}

impl Own {
    /// The steps, oldest first.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.parts.iter().flat_map(|part| part.steps.iter().cloned()).collect()
    }

    /// Whether the oldest steps are there no more.
    pub(crate) fn has_forgotten(&self) -> bool {
        self.dropped > 0
    }

    /// Whether something was done in the panes before, of which the steps are not known.
    pub(crate) fn begins_late(&self, desk: &Desk) -> bool {
        self.parts.first().is_some_and(|part| part.from > 0) && !desk.session().entries().is_empty()
    }

    /// The person has gone back to where this command had been run.
    pub(crate) fn went_back(&mut self, line: &str) {
        self.went_back = Some(line.to_owned());
    }

    /// Where the data of a part can be had.
    pub(crate) fn source(&self, part: usize, desk: &Desk) -> Source {
        let index = part.saturating_sub(self.dropped);
        match (self.parts.get(index), self.parts.get(index + 1)) {
            (Some(part), Some(next)) => {
                let mut tape = part.tape(desk);
                tape.end = time(next.start_us.max(tape.end.unix_us));
                Source::Past(tape)
            }
            _ => Source::Sandbox(MIRROR.to_owned()),
        }
    }

    /// Begins a part with the data as it is.
    async fn begin(&mut self, desk: &Desk, begins: Option<String>) -> Result<(), Refusal> {
        let from = desk.session().entries().len();
        let parts = host::ask(&["dump".into()], Callback::noop()).await;
        let parts = parts.map_err(|_| Refusal::Unknown)?;
        let data = parts.get(0).dyn_into::<Uint8Array>().map_err(|_| Refusal::Unknown)?;
        if data.length() > SNAPSHOT_BYTES_MAX {
            return Err(Refusal::TooMuch);
        }
        let start_us = (js_sys::Date::now() * 1000.0) as i64;
        self.push(Began { at_us: start_us, data: data.to_vec().into() }, from, begins);
        Ok(())
    }

    fn push(&mut self, began: Began, from: usize, begins: Option<String>) {
        if self.parts.len() == PARTS_MAX {
            self.parts.remove(0);
            self.dropped += 1;
        }
        let begins = begins.filter(|_| !self.parts.is_empty());
        if let Some(last) = self.parts.last_mut() {
            last.to = from;
        }
        let Began { at_us: start_us, data: base } = began;
        self.parts.push(Part { base, start_us, from, to: from, begins, steps: Vec::new() });
    }

    /// Has the mirror do the last part; whether it could.
    async fn reflect(&mut self, desk: &Desk) -> bool {
        let number = self.dropped + self.parts.len().saturating_sub(1);
        let Some(part) = self.parts.last_mut() else { return false };
        part.to = desk.session().entries().len();
        let mut tape = part.tape(desk);
        tape.end = time(((js_sys::Date::now() * 1000.0) as i64).max(tape.end.unix_us));
        if engine::load(MIRROR, &tape).await.is_none() {
            return false;
        }
        let Some(lived) = engine::tape(MIRROR).await else { return false };
        part.steps = steps(&lived.entries);
        if let Some(line) = part.begins.clone() {
            part.steps.insert(0, Step { part: 0, entries: 0, at_us: part.start_us, line });
        }
        part.steps.iter_mut().for_each(|step| step.part = number);
        true
    }

    /// Has the mirror do the last part; whether that has led to where the data is.
    async fn agrees(&mut self, desk: &Desk, client: &Client) -> bool {
        for again in [false, true] {
            if self.parts.last().is_none_or(Part::is_long) {
                return false;
            }
            if again {
                TimeoutFuture::new(AGAIN_MS).await;
            }
            if self.reflect(desk).await {
                let live = digest(client).await;
                // Where there is no digest, only what began with a snapshot of ours is believed.
                let is_same = match &live {
                    Some(live) => digest_of_mirror().await.as_ref() == Some(live),
                    None => self.seen.is_some(),
                };
                if is_same {
                    let to = self.parts.last().map_or(0, |part| part.to);
                    self.seen = Some((to, live.unwrap_or_default()));
                    return true;
                }
            }
        }
        false
    }
}

impl Part {
    fn tape(&self, desk: &Desk) -> Tape {
        desk.session().tape(self.base.clone(), self.start_us, self.from..self.to)
    }
}

/// What has happened up to now, after what was known of it.
pub(crate) async fn read(mut own: Own, desk: &Desk) -> Own {
    let (life, length) = (desk.session().life(), desk.session().entries().len());
    if own.life != life {
        own = Own { life, ..Own::default() };
    }
    let refused = |refusal, client| Own { life, refusal: Some(refusal), client, ..Own::default() };
    let client = own.client.take().filter(|client| !client.is_gone());
    let client = client.or_else(|| Client::open("").map(Rc::new));
    if served() == 1 {
        return refused(Refusal::Served, None);
    }
    let Some(client) = client else { return refused(Refusal::Unknown, None) };
    own.client = Some(client.clone());
    match keys(&client).await {
        Some(..=KEYS_MAX) => {}
        Some(_) => return refused(Refusal::TooMuch, own.client),
        None => return refused(Refusal::Unknown, own.client),
    }
    let live = digest(&client).await;
    let went_back = own.went_back.take();
    if own.seen.is_some() && own.seen == live.map(|digest| (length, digest)) {
        return own;
    }
    own.refusal = None;
    if own.parts.is_empty()
        && desk.session().is_complete()
        && let Some(began) = began().await
    {
        own.push(began, 0, None);
    }
    if own.agrees(desk, &client).await {
        return own;
    }
    let is_break = own.parts.last().is_some_and(|part| !part.is_long());
    let begins = went_back.or_else(|| is_break.then(String::new));
    if own.seen.is_none() {
        own.parts.clear();
    }
    match own.begin(desk, begins).await {
        Ok(()) => {
            own.reflect(desk).await;
            let to = own.parts.last().map_or(0, |part| part.to);
            own.seen = Some((to, digest_of_mirror().await.unwrap_or_default()));
            own
        }
        Err(refusal) => refused(refusal, own.client),
    }
}

impl Part {
    fn is_long(&self) -> bool {
        self.to - self.from > ENTRIES_MAX
    }
}

/// How the data was when it could first be used; `None` if that is not known, or was much.
pub(crate) async fn began() -> Option<Began> {
    if served() == 1 {
        return None;
    }
    let parts = host::ask(&["began".into()], Callback::noop()).await.ok()?;
    let data = parts.get(1).dyn_into::<Uint8Array>().ok()?.to_vec();
    let at_us = parts.get(0).as_f64()? as i64;
    (!data.is_empty()).then(|| Began { at_us, data: data.into() })
}

/// Whether a snapshot has any keys: behind its nine bytes of a head and what it tells of itself (0xfa, a
/// name, a value), it has no end (0xff).
pub(crate) fn has_keys(snapshot: &[u8]) -> bool {
    fn skip_string(bytes: &[u8]) -> Option<&[u8]> {
        let (first, rest) = bytes.split_first()?;
        // Short ones have their length in the first byte, numbers their size.
        let length = match first {
            0..0x40 => usize::from(*first),
            0xc0..=0xc2 => 1 << (first & 3),
            _ => return None,
        };
        rest.get(length..)
    }
    let mut rest = snapshot.get(9..).unwrap_or_default();
    while let Some((0xfa, told)) = rest.split_first() {
        match skip_string(told).and_then(skip_string) {
            Some(left) => rest = left,
            None => return true,
        }
    }
    !matches!(rest.first(), None | Some(0xff))
}

/// The digest of all data of the mirror.
async fn digest_of_mirror() -> Option<String> {
    digest(&Client::open(MIRROR)?).await
}

/// The digest of all data of a node; `None` if it does not tell.
async fn digest(client: &Client) -> Option<String> {
    let words = ["DEBUG", "DIGEST"].map(|word| word.as_bytes().to_vec());
    let reply = client.run(&words).await.ok()?;
    text(&reply).filter(|digest| digest.len() == 40)
}

/// How many keys the data has.
async fn keys(client: &Client) -> Option<u64> {
    let words = ["INFO", "keyspace"].map(|word| word.as_bytes().to_vec());
    let info = text(&client.run(&words).await.ok()?)?;
    let of = |line: &str| line.split_once(":keys=")?.1.split(',').next()?.parse::<u64>().ok();
    Some(info.lines().filter_map(of).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    #[test]
    fn a_snapshot_tells_whether_it_has_keys() {
        let mut server = Server::new();
        assert!(!has_keys(&server.sandbox.snapshot()));
        server.run("SET a 1");
        assert!(has_keys(&server.sandbox.snapshot()));
        assert!(!has_keys(b""));
    }
}
