//! The whole page as plain data.
//!
//! As the node does for the engine, [`State`] takes what happened ([`Action`]) and answers with
//! what is to be done about it ([`Effect`]); it touches no browser. The page's component applies
//! the one, performs the other, and draws.

use redstart::commands;
use redstart::resp::Output;

use crate::bridge::{Ask, Place, Told};
use crate::message::{FromWorker, Storage};
use crate::terminal::{History, KeyFinder, Link, Need, Pane, replies};

/// How many panes can be open.
pub const PANES_MAX: usize = 6;

/// The number under which the client that looks for keys has its connection; panes begin at 1.
pub const KEY_FINDER: u32 = 0;

/// How many lines of the server's log are kept.
const SERVER_LOG_MAX: usize = 200;

/// Everything that the page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The panes, in their order on the screen; one of the node that keeps the data is always there.
    pub panes: Vec<Pane>,
    /// The sandbox whose panes are shown; empty for the node that keeps the data.
    pub shown: String,
    /// The pane that was used last.
    used: u32,
    /// What was typed.
    pub history: History,
    /// Light, dark, or as the system has it.
    pub theme: Theme,
    /// Whether the engine runs.
    pub engine: Engine,
    /// Where the data lives.
    pub storage: Storage,
    /// Bytes of memory that the worker has.
    pub memory_bytes: f64,
    /// Whether the examples for newcomers are shown.
    pub hints: bool,
    /// The server's log, oldest line first.
    pub server_log: Vec<String>,
    /// The number of the newest pane.
    last_pane: u32,
    /// The descriptions of the commands, once they are there.
    pub descriptions: Vec<u8>,
    /// Looks for keys that complete a line.
    key_finder: KeyFinder,
}

/// Whether the engine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// It is being loaded.
    Starting,
    /// It runs.
    Running,
    /// It has shut down as it was told to.
    Exited,
    /// It has stopped by itself; what it said last.
    Failed(String),
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Its name, as it is kept and as the styles know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of this name; the system's for any other.
    pub fn named(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// The next one, in a circle.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

/// What can happen to the page. A `u32` is a pane's number.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The line being typed has changed.
    Typed(u32, String),
    /// The line is entered.
    Submit(u32),
    /// A line is entered that was not typed: an example, or one from before the page was loaded.
    Run(u32, String),
    /// Lines are pasted, the last of them not ended.
    Paste(u32, String),
    /// An example that takes two panes: the first waits, and the second can wake it.
    TwoClients(u32),
    /// Up.
    Older(u32),
    /// Down.
    Newer(u32),
    /// Tab, or Shift-Tab if true.
    Complete(u32, bool),
    /// A candidate of the completion is clicked.
    Pick(u32, usize),
    /// Ctrl-R.
    LookBack(u32),
    /// Escape, or Ctrl-G.
    Escape(u32),
    /// The caret is moved away from a search's query: what was found stays.
    Accept(u32),
    /// How replies are printed in a pane.
    SetOutput(u32, Output),
    /// Ctrl-C.
    Interrupt(u32),
    /// Ctrl-L.
    Clear(u32),
    /// The engine has sent bytes to a pane, on the connection of the second number.
    Received(u32, u32, Vec<u8>),
    /// The engine has closed that connection.
    Lost(u32, u32),
    /// That connection is lost with the tab that hosted the engine; another one does now.
    Moved(u32, u32),
    /// A pane is added.
    OpenPane,
    /// A pane is closed.
    ClosePane(u32),
    /// The worker has told something.
    Worker(FromWorker),
    /// The server is to be started again.
    Restart,
    /// The next theme.
    NextTheme,
    /// The examples are no longer wanted, or wanted again.
    ToggleHints,
    /// A view of the studio is wanted, or none if it is empty; see [`crate::bridge::studio`].
    Studio(&'static str),
    /// The studio asks for something.
    Asked(Ask),
    /// Another language is wanted.
    Speak(String),
    /// Its texts are there.
    Spoken,
    /// The descriptions of the commands are there that a pane needs, or whatever came in their place.
    Described(u32, Vec<u8>),
    /// What has happened is to be seen.
    Draw,
}

/// What is to be done in the browser.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Something a pane needs.
    Pane(u32, Need),
    /// Put the caret into a pane's line.
    Focus(u32),
    /// Keep what was typed.
    SaveHistory(String),
    /// Show a theme and keep it.
    SetTheme(Theme),
    /// Keep whether examples are shown.
    SaveHints(bool),
    /// Ask the browser not to throw the data away when it is short of space.
    PersistStorage,
    /// Start the worker anew.
    StartWorker,
    /// Show that the engine has stopped, whatever else the page can still do.
    ShowFailure(String),
    /// Show a view of the studio.
    Studio(&'static str),
    /// Tell the studio.
    Tell(Told),
    /// Fetch the texts of a language.
    Speak(String),
}

impl State {
    /// The page at its start, with what was kept from last time.
    pub fn new(history: History, theme: Theme, hints: bool) -> Self {
        Self {
            panes: vec![Pane::new(1)],
            shown: String::new(),
            used: 1,
            history,
            theme,
            engine: Engine::Starting,
            storage: Storage::Opening,
            memory_bytes: 0.0,
            hints,
            server_log: Vec::new(),
            last_pane: 1,
            descriptions: Vec::new(),
            key_finder: KeyFinder::default(),
        }
    }

    /// Takes what happened, and adds what is to be done to `effects`.
    pub fn apply(&mut self, action: Action, now_ms: f64, effects: &mut Vec<Effect>) {
        match action {
            Action::Typed(id, text) => {
                self.edit(id, |pane, history| pane.input.edit(text, history))
            }
            Action::Older(id) => self.edit(id, |pane, history| pane.input.older(history)),
            Action::Newer(id) => self.edit(id, |pane, history| pane.input.newer(history)),
            Action::Complete(id, back) => self.complete(id, back, effects),
            Action::Pick(id, index) => {
                self.edit(id, |pane, _| pane.input.pick(index));
                effects.push(Effect::Focus(id));
            }
            Action::LookBack(id) => {
                self.edit(id, |pane, history| pane.input.look_back(history));
                effects.push(Effect::Focus(id));
            }
            Action::Escape(id) => self.edit(id, |pane, _| pane.input.escape()),
            Action::Accept(id) => self.edit(id, |pane, _| pane.input.accept()),
            Action::SetOutput(id, output) => self.edit(id, |pane, _| pane.output = output),
            Action::Clear(id) => self.edit(id, |pane, _| pane.log.clear()),
            Action::Submit(id) => {
                let Some(pane) = self.pane(id) else { return };
                let line = pane.input.take();
                self.enter(id, &line, now_ms, effects);
            }
            Action::Run(id, line) => {
                self.enter(id, &line, now_ms, effects);
                effects.push(Effect::Focus(id));
            }
            Action::Paste(id, text) => self.paste(id, &text, now_ms, effects),
            Action::TwoClients(id) => self.two_clients(id, now_ms, effects),
            Action::Interrupt(id) => {
                self.with(id, effects, |pane| pane.interrupt(now_ms));
                effects.push(Effect::Focus(id));
            }
            Action::Received(id, conn, bytes) => self.heard(id, conn, &bytes, now_ms, effects),
            Action::Lost(id, conn) => self.lost(id, conn, now_ms, effects),
            Action::Moved(id, conn) => {
                self.finder_lost(id, conn);
                self.with(id, effects, |pane| {
                    if pane.conn == conn { pane.moved(now_ms) } else { Vec::new() }
                });
            }
            Action::OpenPane if self.visible().count() == PANES_MAX => {}
            Action::OpenPane => {
                let id = self.open_pane(self.shown.clone(), "", now_ms, effects);
                effects.push(Effect::Focus(id));
            }
            Action::ClosePane(id) => self.close_pane(id, effects),
            Action::Worker(message) => self.worker(message, now_ms, effects),
            Action::Restart => {
                self.engine = Engine::Starting;
                self.storage = Storage::Opening;
                effects.push(Effect::StartWorker);
            }
            Action::NextTheme => {
                self.theme = self.theme.next();
                effects.push(Effect::SetTheme(self.theme));
            }
            Action::ToggleHints => {
                self.hints = !self.hints;
                effects.push(Effect::SaveHints(self.hints));
            }
            Action::Studio(view) => effects.push(Effect::Studio(view)),
            Action::Asked(ask) => self.asked(ask, now_ms, effects),
            Action::Speak(code) => effects.push(Effect::Speak(code)),
            Action::Spoken => effects.push(Effect::Tell(Told::Language)),
            Action::Described(id, bytes) => self.described(id, bytes, now_ms, effects),
            Action::Draw => {}
        }
    }

    /// The descriptions of the commands have come, or anything else, for which another try may be
    /// made.
    fn described(&mut self, id: u32, bytes: Vec<u8>, now_ms: f64, effects: &mut Vec<Effect>) {
        self.with(id, effects, |pane| pane.described(&bytes, now_ms));
        if commands::table().is_described_by(&bytes) {
            self.descriptions = bytes;
        }
    }

    /// The panes that are shown.
    pub fn visible(&self) -> impl Iterator<Item = &Pane> {
        self.panes.iter().filter(|pane| pane.sandbox == self.shown)
    }

    /// The sandbox of a pane, or of the client that looks for keys.
    pub fn sandbox(&self, id: u32) -> &str {
        match self.panes.iter().find(|pane| pane.id == id) {
            Some(pane) => &pane.sandbox,
            None => &self.key_finder.sandbox,
        }
    }

    /// The number of a pane's connection.
    pub fn conn(&self, id: u32) -> Option<u32> {
        self.panes.iter().find(|pane| pane.id == id).map(|pane| pane.conn)
    }

    /// Does what the studio asks for.
    fn asked(&mut self, ask: Ask, now_ms: f64, effects: &mut Vec<Effect>) {
        match ask {
            Ask::Panes => effects.extend(self.panes.iter().map(tell_of)),
            Ask::Show { sandbox } => self.shown = sandbox,
            Ask::Run(place, line) => {
                let id = self.open_at(&place, now_ms, effects);
                self.enter(id, &line, now_ms, effects);
            }
            Ask::Quiet(place, line) => {
                let id = self.open_at(&place, now_ms, effects);
                self.with(id, effects, |pane| pane.enter(&line, now_ms));
            }
            Ask::Type(place, line) => {
                let id = self.open_at(&place, now_ms, effects);
                self.edit(id, |pane, _| pane.input.set(&line));
                effects.push(Effect::Focus(id));
            }
            Ask::Note(place, text) => {
                let id = self.open_at(&place, now_ms, effects);
                self.edit(id, |pane, _| pane.notice(&text));
            }
            Ask::Echo(place, text) => {
                let id = self.open_at(&place, now_ms, effects);
                let (prompt, text) = text.split_once('\n').unwrap_or(("", &text));
                let (line, reply) = text.split_once('\n').unwrap_or((text, ""));
                self.edit(id, |pane, _| pane.show(prompt, line, reply));
            }
            Ask::Open(place) => {
                self.open_at(&place, now_ms, effects);
            }
            Ask::Focus(place) => effects.extend(self.find(&place).map(Effect::Focus)),
            Ask::Close(place) => {
                if let Some(id) = self.find(&place) {
                    self.close_pane(id, effects);
                }
            }
            Ask::Title(id, title) => self.with(id, effects, |pane| pane.rename(&title, now_ms)),
        }
    }

    /// The pane at a place, if there is one.
    fn find(&self, place: &Place) -> Option<u32> {
        let mut there = self.panes.iter().filter(|pane| pane.sandbox == place.sandbox);
        let found = match place.name.as_str() {
            "" => there.clone().find(|pane| pane.id == self.used).or_else(|| there.next()),
            name => there.find(|pane| pane.name == name),
        };
        found.map(|pane| pane.id)
    }

    /// The pane at a place, which is opened if there is none.
    fn open_at(&mut self, place: &Place, now_ms: f64, effects: &mut Vec<Effect>) -> u32 {
        let found = self.find(place);
        found.unwrap_or_else(|| self.open_pane(place.sandbox.clone(), &place.name, now_ms, effects))
    }

    fn pane(&mut self, id: u32) -> Option<&mut Pane> {
        self.panes.iter_mut().find(|pane| pane.id == id)
    }

    /// Changes a pane, if there still is one of this number.
    fn edit(&mut self, id: u32, change: impl FnOnce(&mut Pane, &History)) {
        if let Some(pane) = self.panes.iter_mut().find(|pane| pane.id == id) {
            change(pane, &self.history);
        }
    }

    /// Changes a pane, and passes on what it needs.
    fn with(
        &mut self,
        id: u32,
        effects: &mut Vec<Effect>,
        change: impl FnOnce(&mut Pane) -> Vec<Need>,
    ) {
        if let Some(pane) = self.pane(id) {
            effects.extend(change(pane).into_iter().map(|need| Effect::Pane(id, need)));
        }
    }

    /// Bytes have come on a connection; those of an earlier one are for nobody.
    fn heard(&mut self, id: u32, conn: u32, bytes: &[u8], now_ms: f64, effects: &mut Vec<Effect>) {
        if id == KEY_FINDER {
            return self.keys_found(conn, bytes, effects);
        }
        self.with(id, effects, |pane| {
            if pane.conn == conn { pane.receive(bytes, now_ms) } else { Vec::new() }
        });
    }

    /// A connection has ended, perhaps that of the client that looks for keys.
    fn finder_lost(&mut self, id: u32, conn: u32) {
        if id == KEY_FINDER && self.key_finder.conn == conn {
            self.key_finder.lost();
        }
    }

    /// A connection was closed by the engine.
    fn lost(&mut self, id: u32, conn: u32, now_ms: f64, effects: &mut Vec<Effect>) {
        self.finder_lost(id, conn);
        self.with(id, effects, |pane| {
            let mut needs = Vec::new();
            if pane.conn == conn {
                needs = pane.lost(now_ms);
                // A sandbox lets go of those whose past is no more; it is there itself.
                if !pane.sandbox.is_empty() && pane.link == Link::Down {
                    needs.extend(pane.connect(now_ms));
                }
            }
            needs
        });
    }

    /// Completes a pane's line, asking for keys first if some could stand there.
    fn complete(&mut self, id: u32, back: bool, effects: &mut Vec<Effect>) {
        let is_running = self.engine == Engine::Running;
        let Some(pane) = self.panes.iter_mut().find(|pane| pane.id == id) else { return };
        let Some(prefix) = pane.input.complete(back) else { return };
        if !is_running {
            pane.input.add_keys(Vec::new());
            return;
        }
        let (opens, bytes) = self.key_finder.ask(id, &pane.sandbox, pane.session().db(), &prefix);
        if opens {
            effects.push(Effect::Pane(KEY_FINDER, Need::Connect(self.key_finder.conn)));
        }
        effects.push(Effect::Pane(KEY_FINDER, Need::Send(bytes)));
    }

    fn keys_found(&mut self, conn: u32, bytes: &[u8], effects: &mut Vec<Effect>) {
        if self.key_finder.conn != conn {
            return;
        }
        let (next, found) = self.key_finder.receive(bytes);
        effects.extend(next.map(|bytes| Effect::Pane(KEY_FINDER, Need::Send(bytes))));
        if let Some(found) = found {
            self.edit(found.pane, |pane, _| pane.input.add_keys(found.keys));
        }
    }

    fn enter(&mut self, id: u32, line: &str, now_ms: f64, effects: &mut Vec<Effect>) {
        self.enter_all(id, &[line], now_ms, effects);
    }

    /// Enters lines; what was typed is kept once for all of them.
    fn enter_all(&mut self, id: u32, lines: &[&str], now_ms: f64, effects: &mut Vec<Effect>) {
        self.used = id;
        for line in lines {
            let line = behind_prompt(line).unwrap_or(line);
            self.history.push(line);
            self.with(id, effects, |pane| pane.enter(line, now_ms));
        }
        effects.push(Effect::SaveHistory(self.history.saved()));
    }

    /// Enters all lines but the last, which may go on.
    fn paste(&mut self, id: u32, text: &str, now_ms: f64, effects: &mut Vec<Effect>) {
        let Some(pane) = self.pane(id) else { return };
        let text = format!("{}{}", pane.input.take(), replies::with_plain_ends(text));
        let (lines, rest) = text.rsplit_once('\n').unwrap_or(("", &text));
        pane.input.set(rest);
        // What was copied with its prompts, from here or a manual, has replies between them.
        let has_prompts = lines.lines().any(|line| behind_prompt(line).is_some());
        let is_entered = |line: &&str| match has_prompts {
            true => behind_prompt(line).is_some(),
            false => !line.trim().is_empty(),
        };
        let lines: Vec<&str> = lines.lines().filter(is_entered).collect();
        self.enter_all(id, &lines, now_ms, effects);
    }

    fn two_clients(&mut self, id: u32, now_ms: f64, effects: &mut Vec<Effect>) {
        let is_other = |pane: &Pane| pane.id != id && pane.sandbox.is_empty();
        if !self.panes.iter().any(is_other) {
            self.open_pane(String::new(), "", now_ms, effects);
        }
        self.enter(id, "BLPOP jobs 0", now_ms, effects);
        let Some(other) = self.panes.iter_mut().find(|pane| is_other(pane)) else { return };
        other.input.set("LPUSH jobs hello");
        effects.push(Effect::Focus(other.id));
    }

    /// Opens a pane; its number.
    fn open_pane(
        &mut self,
        sandbox: String,
        name: &str,
        now_ms: f64,
        effects: &mut Vec<Effect>,
    ) -> u32 {
        self.last_pane += 1;
        let id = self.last_pane;
        let mut pane = Pane::new(id);
        (pane.sandbox, pane.name) = (sandbox, name.to_owned());
        effects.push(tell_of(&pane));
        self.panes.push(pane);
        match self.engine {
            Engine::Starting => {}
            Engine::Running => self.with(id, effects, |pane| pane.connect(now_ms)),
            Engine::Exited | Engine::Failed(_) => self.edit(id, |pane, _| pane.gone()),
        }
        id
    }

    fn close_pane(&mut self, id: u32, effects: &mut Vec<Effect>) {
        let Some(index) = self.panes.iter().position(|pane| pane.id == id) else { return };
        let sandbox = self.panes[index].sandbox.clone();
        let there = |pane: &&Pane| pane.sandbox == sandbox;
        if sandbox.is_empty() && self.panes.iter().filter(there).count() == 1 {
            return;
        }
        self.panes.remove(index);
        effects.push(Effect::Pane(id, Need::Disconnect));
        effects.push(Effect::Tell(Told::Closed { pane: id }));
        let before = self.panes.iter().take(index).rfind(there);
        if let Some(neighbour) = before.or_else(|| self.panes.iter().find(there)) {
            effects.push(Effect::Focus(neighbour.id));
        }
    }

    fn worker(&mut self, message: FromWorker, now_ms: f64, effects: &mut Vec<Effect>) {
        match message {
            FromWorker::Ready => {
                self.engine = Engine::Running;
                for id in self.panes.iter().map(|pane| pane.id).collect::<Vec<_>>() {
                    self.with(id, effects, |pane| pane.connect(now_ms));
                }
            }
            FromWorker::Storage(storage) => self.storage(storage, effects),
            FromWorker::Log { warning, text } => {
                if self.server_log.len() == SERVER_LOG_MAX {
                    self.server_log.remove(0);
                }
                let mark = if warning { "warning: " } else { "" };
                let line = format!("{mark}{text}");
                // What needs a person's attention is said where that person looks; said once, as
                // a save that fails is tried again and again.
                let news = warning && !self.server_log.contains(&line);
                if let Some(pane) = self.panes.first_mut().filter(|_| news) {
                    pane.notice(&format!("{text}\n"));
                }
                self.server_log.push(line);
            }
            FromWorker::Memory { bytes } => self.memory_bytes = bytes,
            FromWorker::Exited { .. } => self.stop(Engine::Exited),
            FromWorker::Failed { message } => {
                // What came first is the cause.
                if !matches!(self.engine, Engine::Failed(_)) {
                    effects.push(Effect::ShowFailure(message.clone()));
                    self.stop(Engine::Failed(message));
                }
            }
        }
    }

    fn storage(&mut self, storage: Storage, effects: &mut Vec<Effect>) {
        // Why there is no writing says more than that a write was refused.
        let memory_only = matches!(self.storage, Storage::Memory { .. });
        match storage {
            Storage::Memory { .. } | Storage::Guest | Storage::Server { .. } => {
                self.storage = storage;
            }
            _ if memory_only => {}
            Storage::Saved { .. } => {
                if !matches!(self.storage, Storage::Saved { .. }) {
                    effects.push(Effect::PersistStorage);
                }
                self.storage = storage;
            }
            Storage::Opening | Storage::Open { .. } | Storage::Saving | Storage::Failed { .. } => {
                self.storage = storage;
            }
        }
    }

    fn stop(&mut self, engine: Engine) {
        self.engine = engine;
        self.key_finder.lost();
        self.panes.iter_mut().for_each(Pane::gone);
    }
}

/// What stands behind a prompt, as in `redis> GET a`: no command has a name that ends so.
fn behind_prompt(line: &str) -> Option<&str> {
    let (prompt, command) = line.split_once(' ')?;
    (prompt.ends_with('>') && !prompt.contains(char::is_whitespace)).then_some(command)
}

fn tell_of(pane: &Pane) -> Effect {
    let place = Place { sandbox: pane.sandbox.clone(), name: pane.name.clone() };
    Effect::Tell(Told::Pane { pane: pane.id, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page whose engine runs, and what was asked for up to then.
    fn running() -> State {
        let mut state = State::new(History::default(), Theme::System, true);
        apply(&mut state, Action::Worker(FromWorker::Ready));
        state
    }

    fn apply(state: &mut State, action: Action) -> Vec<Effect> {
        let mut effects = Vec::new();
        state.apply(action, 0.0, &mut effects);
        effects
    }

    #[test]
    fn lines_from_before_the_engine_run_when_it_is_there() {
        let mut state = State::new(History::default(), Theme::System, true);
        apply(&mut state, Action::Typed(1, "get a".to_owned()));
        let effects = apply(&mut state, Action::Submit(1));
        assert_eq!(effects, [Effect::SaveHistory("get a".to_owned())]);
        let effects = apply(&mut state, Action::Worker(FromWorker::Ready));
        let send = b"*2\r\n$3\r\nget\r\n$1\r\na\r\n".to_vec();
        let expect = [Need::Connect(1), Need::Send(send)];
        assert_eq!(effects, expect.map(|need| Effect::Pane(1, need)));
    }

    #[test]
    fn panes_come_and_go_but_one_stays() {
        let mut state = running();
        let effects = apply(&mut state, Action::OpenPane);
        let told = Effect::Tell(Told::Pane { pane: 2, place: Place::default() });
        assert_eq!(effects, [told, Effect::Pane(2, Need::Connect(1)), Effect::Focus(2)]);
        let effects = apply(&mut state, Action::ClosePane(1));
        let told = Effect::Tell(Told::Closed { pane: 1 });
        assert_eq!(effects, [Effect::Pane(1, Need::Disconnect), told, Effect::Focus(2)]);
        assert_eq!(apply(&mut state, Action::ClosePane(2)), []);
        for _ in 0..9 {
            apply(&mut state, Action::OpenPane);
        }
        assert_eq!(state.panes.len(), PANES_MAX);
    }

    #[test]
    fn bytes_of_an_earlier_connection_are_not_shown() {
        let mut state = running();
        apply(&mut state, Action::Run(1, "blpop q 0".to_owned()));
        apply(&mut state, Action::Interrupt(1));
        let before = state.panes[0].log.clone();
        apply(&mut state, Action::Received(1, 1, b"$1\r\na\r\n".to_vec()));
        assert_eq!(state.panes[0].log, before);
    }

    #[test]
    fn pasted_lines_run_and_the_last_one_waits_for_enter() {
        let mut state = running();
        apply(&mut state, Action::Typed(1, "set ".to_owned()));
        apply(&mut state, Action::Paste(1, "a 1\r\nget a\n\nget b".to_owned()));
        assert_eq!(state.panes[0].input.text(), "get b");
        assert_eq!(state.history.saved(), "set a 1\nget a");
    }

    #[test]
    fn prompts_that_are_pasted_are_passed_over_and_so_are_replies() {
        let mut state = running();
        let copied = "127.0.0.1:6379[1]> set a 1\nOK\n> get a\n\"1\"\nredstart> get b";
        apply(&mut state, Action::Paste(1, copied.to_owned()));
        assert_eq!(state.panes[0].input.text(), "redstart> get b");
        apply(&mut state, Action::Submit(1));
        assert_eq!(state.history.saved(), "set a 1\nget a\nget b");
        apply(&mut state, Action::Run(1, "set c \"d> e\"".to_owned()));
        assert!(state.history.saved().ends_with("set c \"d> e\""));
    }

    #[test]
    fn the_first_failure_is_shown_and_ends_all_connections() {
        let mut state = running();
        let failed = |message: &str| Action::Worker(FromWorker::Failed { message: message.into() });
        let effects = apply(&mut state, failed("a panic"));
        assert_eq!(effects, [Effect::ShowFailure("a panic".to_owned())]);
        assert_eq!(apply(&mut state, failed("unreachable")), []);
        assert_eq!(state.panes[0].prompt(), "not connected> ");
    }

    #[test]
    fn a_warning_of_the_server_is_shown_once() {
        let mut state = running();
        for warning in [false, true, true] {
            let text = "The snapshot is kept aside.".to_owned();
            apply(&mut state, Action::Worker(FromWorker::Log { warning, text }));
        }
        let shown: Vec<&str> =
            state.panes[0].log.blocks().map(|block| block.text.as_str()).collect();
        assert_eq!(shown, ["The snapshot is kept aside.\n"]);
        assert_eq!(state.server_log.len(), 3);
    }

    #[test]
    fn memory_only_stays_said() {
        let mut state = running();
        let storage = |storage: Storage| Action::Worker(FromWorker::Storage(storage));
        let memory = Storage::Memory { why: "private".to_owned() };
        apply(&mut state, storage(memory.clone()));
        apply(&mut state, storage(Storage::Failed { why: "refused".to_owned() }));
        assert_eq!(state.storage, memory);
    }

    #[test]
    fn a_pane_whose_host_is_gone_is_a_client_of_the_next() {
        let mut state = running();
        apply(&mut state, Action::Run(1, "blpop q 0".to_owned()));
        apply(&mut state, Action::Run(1, "get a".to_owned()));
        let effects = apply(&mut state, Action::Moved(1, 1));
        let send = b"*2\r\n$3\r\nget\r\n$1\r\na\r\n".to_vec();
        assert_eq!(effects, [Need::Connect(2), Need::Send(send)].map(|need| Effect::Pane(1, need)));
        assert_eq!(apply(&mut state, Action::Moved(1, 1)), []);
    }

    #[test]
    fn tab_asks_a_client_of_its_own_for_keys() {
        let mut state = running();
        apply(&mut state, Action::Typed(1, "get us".to_owned()));
        let effects = apply(&mut state, Action::Complete(1, false));
        assert_eq!(effects[0], Effect::Pane(KEY_FINDER, Need::Connect(1)));
        let reply = b"+OK\r\n*2\r\n$1\r\n0\r\n*1\r\n$4\r\nuser\r\n".to_vec();
        assert_eq!(apply(&mut state, Action::Received(KEY_FINDER, 1, reply)), []);
        assert_eq!(state.panes[0].input.text(), "get user ");
    }

    #[test]
    fn panes_of_a_sandbox_are_apart() {
        let mut state = running();
        let place = Place { sandbox: "lesson".to_owned(), name: "b".to_owned() };
        let ask = |state: &mut State, ask: Ask| apply(state, Action::Asked(ask));
        let effects = ask(&mut state, Ask::Run(place.clone(), "get a".to_owned()));
        assert_eq!(effects[0], Effect::Tell(Told::Pane { pane: 2, place: place.clone() }));
        assert_eq!(state.visible().map(|pane| pane.id).collect::<Vec<_>>(), [1]);
        ask(&mut state, Ask::Show { sandbox: "lesson".to_owned() });
        assert_eq!(state.visible().map(|pane| pane.id).collect::<Vec<_>>(), [2]);
        // One that is let go is connected again at once, as its sandbox is there.
        apply(
            &mut state,
            Action::Received(
                2,
                1,
                b"$-1
"
                .to_vec(),
            ),
        );
        let effects = apply(&mut state, Action::Lost(2, 1));
        assert_eq!(effects, [Effect::Pane(2, Need::Connect(2))]);
        assert_eq!(ask(&mut state, Ask::Focus(place.clone())), [Effect::Focus(2)]);
        ask(&mut state, Ask::Close(place.clone()));
        assert_eq!(ask(&mut state, Ask::Focus(place)), []);
        let first = Place::default();
        assert_eq!(ask(&mut state, Ask::Close(first.clone())), []);
        assert_eq!(ask(&mut state, Ask::Focus(first)), [Effect::Focus(1)]);
    }

    #[test]
    fn words_for_the_tutorial_go_to_the_studio() {
        let mut state = running();
        let mut run = |line: &str| {
            let effects = apply(&mut state, Action::Run(1, line.to_owned()));
            effects.into_iter().find_map(|effect| match effect {
                Effect::Pane(1, Need::Studio(view)) => Some(view),
                _ => None,
            })
        };
        assert_eq!(run("TUTORIAL").as_deref(), Some("tutorial "));
        assert_eq!(run("tutorial 7").as_deref(), Some("tutorial 7"));
        assert_eq!(run("Next").as_deref(), Some("tutorial next"));
        assert_eq!(run("next one"), None);
    }

    #[test]
    fn two_clients_are_set_up_to_wake_each_other() {
        let mut state = running();
        let effects = apply(&mut state, Action::TwoClients(1));
        assert_eq!(state.panes.len(), 2);
        assert_eq!(state.panes[1].input.text(), "LPUSH jobs hello");
        assert!(state.panes[0].is_busy());
        assert_eq!(effects.last(), Some(&Effect::Focus(2)));
    }
}
