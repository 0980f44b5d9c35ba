//! What the tutorial does in the engine: fetches a lesson, brings its node to where a step begins,
//! and looks whether a goal is reached.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use redstart::resp::words;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use crate::lesson::{self, Condition, Lesson, Line, What, goal};
use crate::message::SandboxOp;
use crate::studio::client::{Client, Gone};
use crate::studio::engine::sandbox;

/// The name of the sandbox that lessons are done in.
pub(super) const LESSON: &str = "lesson";

/// How long a command of a preparation may take before it is taken for one that waits.
const BLOCKED_MS: u32 = 200;

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

/// Brings the node to where a step begins: through all earlier steps if it is to be `fresh`, and
/// otherwise from where the learner has brought it.
pub(super) async fn prepare(lesson: &Lesson, step: usize, fresh: bool) {
    let mut lines: Vec<&Line> = Vec::new();
    if fresh {
        sandbox(LESSON, SandboxOp::Reset, 0.0).await;
        for step in lesson.steps.iter().take(step) {
            lines.extend(step.setup.iter().chain(&step.solve));
        }
    }
    if let Some(step) = lesson.steps.get(step) {
        lines.extend(&step.setup);
    }
    let mut clients: Vec<(&str, Client)> = Vec::new();
    for line in lines {
        let typed = match &line.what {
            What::Wait(ms) => {
                pass(*ms).await;
                continue;
            }
            What::Command(typed) => typed,
        };
        if !clients.iter().any(|(conn, _)| *conn == line.conn) {
            clients.extend(Client::open(LESSON).map(|client| (line.conn.as_str(), client)));
        }
        let client = clients.iter().find(|(conn, _)| *conn == line.conn);
        let words = words::split(typed.as_bytes()).unwrap_or_default();
        if let Some((_, client)) = client.filter(|_| !words.is_empty()) {
            // What waits is woken by what follows.
            client.run_for(&words, BLOCKED_MS).await;
        }
    }
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

/// Looks at every condition.
pub(super) async fn look(client: &Client, check: &[Condition]) -> Result<Vec<Found>, Gone> {
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
