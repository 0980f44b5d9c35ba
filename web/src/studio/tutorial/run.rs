//! What the tutorial does in the engine: fetches a lesson, brings its node to where a step begins,
//! and looks whether a goal is reached.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use redstart::resp::words;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;
use yew::Callback;

use crate::bridge::{self, Ask, Place, Told};
use crate::lesson::{self, Condition, Lesson, Line, What, goal};
use crate::message::{SandboxOp, SandboxState};
use crate::studio::client::{Client, Gone};
use crate::studio::desk::Desk;
use crate::studio::engine::{Once, sandbox};
use crate::studio::keys::browser::integer;
use crate::studio::value::load;

/// The name of the sandbox that lessons are done in.
pub(super) const LESSON: &str = "lesson";

/// How long a command may take before it is taken for one that waits.
const BLOCKED_MS: u32 = 400;

/// A lesson from its file.
pub(super) async fn fetch(language: &str, name: &str) -> Result<Lesson, String> {
    let address = format!("lessons/{language}/{name}.md");
    let text = text(&address).await.map_err(|why| format!("{address}: {why}"))?;
    lesson::read(&text).map_err(|fault| format!("{address}: {fault}"))
}

async fn text(address: &str) -> Result<String, String> {
    let window = web_sys::window().ok_or("no window")?;
    let said = |error: wasm_bindgen::JsValue| format!("{error:?}");
    let response = JsFuture::from(window.fetch_with_str(address)).await.map_err(said)?;
    let response: Response = response.dyn_into().map_err(said)?;
    if !response.ok() {
        return Err(format!("HTTP {}", response.status()));
    }
    let text = JsFuture::from(response.text().map_err(said)?).await.map_err(said)?;
    text.as_string().ok_or_else(|| "no text".to_owned())
}

/// What is begun in one epoch has nothing to do in the next: it ends when this counts on.
pub(super) type Epoch = Rc<Cell<u32>>;

/// Brings the node, and the panes with what their connections know, to where a step begins: through
/// all earlier steps if it is to be `fresh`, and otherwise from where the learner has brought them.
/// Returns false if that was given up.
pub(super) async fn prepare(
    lesson: &Lesson,
    step: usize,
    fresh: bool,
    desk: &Desk,
    epoch: &Epoch,
) -> bool {
    let begun = epoch.get();
    let mut answered = true;
    if fresh {
        sandbox(LESSON, SandboxOp::Reset, 0.0).await;
        for conn in lesson.conns() {
            bridge::ask(&Ask::Open(place(&conn)));
        }
        for step in lesson.steps.iter().take(step) {
            set_up(&step.setup).await;
            for line in &step.solve {
                if epoch.get() != begun {
                    return false;
                }
                let is_answered = enter(line, desk, Ask::Quiet).await;
                answered = if line.conn == "b" { is_answered } else { answered };
            }
        }
        for conn in lesson.conns() {
            // Behind a command that waits, it would wait too.
            if conn == "a" || answered {
                bridge::ask(&Ask::Quiet(place(&conn), "clear".to_owned()));
            }
        }
    }
    if !fresh {
        // What one step has done with the clock is not for the next.
        sandbox(LESSON, SandboxOp::Rate, 1.0).await;
    }
    if let Some(step) = lesson.steps.get(step) {
        set_up(&step.setup).await;
    }
    epoch.get() == begun
}

/// Runs lines unseen, by a client that is there for that only.
async fn set_up(lines: &[Line]) {
    let mut client = None;
    for line in lines {
        match &line.what {
            What::Wait(ms) => pass(*ms).await,
            What::Command(typed) => {
                client = client.or_else(|| Client::open(LESSON));
                let words = words::split(typed.as_bytes()).unwrap_or_default();
                if let Some(client) = &client {
                    client.run_for(&words, BLOCKED_MS).await;
                }
            }
        }
    }
}

/// Enters a line in its pane with `how`, and waits for something to come of it; not for ever, as it
/// may be one that waits for what follows. Returns whether something has come.
pub(super) async fn enter(line: &Line, desk: &Desk, how: fn(Place, String) -> Ask) -> bool {
    let typed = match &line.what {
        What::Wait(ms) => {
            pass(*ms).await;
            return true;
        }
        What::Command(typed) => typed,
    };
    let answered = Once::new();
    let heard = {
        let (answered, desk, conn) = (answered.clone(), desk.clone(), line.conn.clone());
        move |told: Rc<Told>| {
            if let Told::Received { pane, .. } = *told
                && desk.place(pane) == Some(place(&conn))
            {
                answered.set(true);
            }
        }
    };
    let _listening = desk.listen(Callback::from(heard));
    bridge::ask(&how(place(&line.conn), typed.clone()));
    let late = answered.clone();
    let _timeout = Timeout::new(BLOCKED_MS, move || late.set(false));
    answered.get().await
}

/// A pane of the lesson.
pub(super) fn place(conn: &str) -> Place {
    Place { sandbox: LESSON.to_owned(), name: conn.to_owned() }
}

/// Lets virtual time pass.
pub(super) async fn pass(ms: u32) {
    sandbox(LESSON, SandboxOp::Advance, f64::from(What::passes_ms(ms))).await;
}

/// What a condition has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(super) holds: bool,
    /// The lines of the reply.
    pub(super) lines: Vec<String>,
}

/// A client that looks at goals, and leaves no traces that a lesson could be about.
pub(super) async fn looker() -> Option<Rc<Client>> {
    let client = Client::open(LESSON)?;
    for line in ["CLIENT SETNAME tutorial", "CLIENT NO-TOUCH ON"] {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        client.run(&words).await.ok()?;
    }
    Some(Rc::new(client))
}

/// What was seen of a lesson's data.
pub(crate) struct Seen {
    /// What each condition has found.
    pub(super) found: Vec<Found>,
    /// How the clock is, if that was asked for.
    pub(super) clock: Option<SandboxState>,
    /// The key that expires next, and when, if that was asked for.
    pub(super) next: Option<(Vec<u8>, i64)>,
}

/// Looks at every condition, and at the clock if the lesson is about time.
pub(super) async fn look(
    client: &Client,
    check: &[Condition],
    has_time: bool,
) -> Result<Seen, Gone> {
    let found = conditions(client, check).await?;
    if !has_time {
        return Ok(Seen { found, clock: None, next: None });
    }
    let next = next_expiry(client).await?;
    let clock = Some(sandbox(LESSON, SandboxOp::Tell, 0.0).await);
    Ok(Seen { found, clock, next })
}

/// The key that expires next, and when, in milliseconds since 1970. A lesson has few keys.
async fn next_expiry(client: &Client) -> Result<Option<(Vec<u8>, i64)>, Gone> {
    let scan = [&b"SCAN"[..], b"0", b"COUNT", b"1000"].map(<[u8]>::to_vec);
    let found = client.run(&scan).await?;
    let keys = load::elements(&found).and_then(|parts| load::elements(parts.get(1)?));
    let keys: Vec<Vec<u8>> = keys.unwrap_or_default().iter().filter_map(load::bytes).collect();
    let ask: Vec<_> = keys.iter().map(|key| vec![b"PEXPIRETIME".to_vec(), key.clone()]).collect();
    let times = client.run_all(&ask).await?;
    let timed = keys.into_iter().zip(times.iter().filter_map(integer));
    Ok(timed.filter(|(_, at_ms)| *at_ms > 0).min_by_key(|(_, at_ms)| *at_ms))
}

async fn conditions(client: &Client, check: &[Condition]) -> Result<Vec<Found>, Gone> {
    let commands: Vec<_> = check.iter().map(|it| goal::words(it).unwrap_or_default()).collect();
    let replies = client.run_all(&commands).await?;
    let found = check.iter().zip(commands).zip(replies).map(|((condition, words), reply)| {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        Found { holds: goal::holds(condition, &reply), lines: goal::lines(&words, &reply) }
    });
    Ok(found.collect())
}

/// Waits for real.
pub(super) async fn wait(ms: u32) {
    TimeoutFuture::new(ms).await;
}
