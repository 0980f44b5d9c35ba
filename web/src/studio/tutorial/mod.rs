//! The tutorial: a course of lessons, done in the panes.
//!
//! A lesson runs in a sandbox of its own, with panes of its own. Each step has prose, commands that a
//! click types into a pane, and a goal, which is looked at with a client of the tutorial's after
//! every command of the learner. What is said in the terminal (NEXT, PREV, TUTORIAL 7) does what the
//! buttons do.

mod clock;
mod contents;
mod progress;
mod prose;
mod run;
mod view;

use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use yew::prelude::*;

use super::ViewProps;
use super::client::{Client, Gone};
use super::desk::Listening;
use super::dom;
use super::engine::sandbox;
use crate::bridge::{self, Ask, Told};
use crate::i18n::{self, t, t1};
use crate::lesson::{Lesson, Line, What};
use crate::message::SandboxOp;
use progress::Progress;
use run::{Epoch, Found, LESSON, Seen, place};

/// How often a goal is looked at that time alone may reach.
const LOOK_AGAIN_MS: u32 = 700;

/// How long after a command its effect is looked at, if it has no reply by then: it may wait.
const WAITS_MS: u32 = 150;

pub(crate) struct Tutorial {
    lessons: &'static [contents::Entry],
    progress: Progress,
    /// The lesson's place in the course.
    number: usize,
    step: usize,
    page: Page,
    /// What the panes are about: counted up when a step begins anew, so that what belongs to the
    /// time before is known and ignored.
    epoch: Epoch,
    is_ready: bool,
    found: Vec<Found>,
    /// The lesson's clock, if the lesson is about time and it was looked at.
    time: Option<clock::Time>,
    is_done: bool,
    hints: usize,
    /// Which commands of the step have been run.
    used: Vec<bool>,
    /// How many commands of the learner can be taken back.
    undoable: usize,
    is_solving: bool,
    looker: Option<Rc<Client>>,
    is_looking: bool,
    look_again: bool,
    /// Whether the heading is to get the focus after the next drawing.
    focus: bool,
    /// What a screen reader is told.
    said: AttrValue,
    timer: Option<Timeout>,
    interval: Option<Interval>,
    wish: u32,
    _listening: Listening,
}

/// What is shown.
enum Page {
    Contents,
    Loading,
    Failed(String),
    Lesson(Rc<Lesson>),
}

pub(crate) enum Msg {
    /// A lesson is opened, at this step.
    Open(usize, usize),
    Contents,
    Go(usize),
    Next,
    Prev,
    /// Something that was begun has come to its end; nothing of another epoch matters any more.
    Later(u32, Later),
    Told(Rc<Told>),
    Look,
    /// The client that looked, if it is still good, and what it has found.
    Looked(u32, Option<Rc<Client>>, Result<Seen, Gone>),
    /// Something is done with the clock, so far or so fast.
    Clock(SandboxOp, f64),
    /// A line of the step is clicked: its place, and what it does.
    Run(usize, Line),
    Hint,
    Solve,
    Undo,
    Reset,
}

/// What can have come to its end.
pub(crate) enum Later {
    Fetched(Result<Lesson, String>),
    /// The node is where the step begins.
    Ready,
    /// The solution is typed.
    Solved,
    Undone,
    /// So many milliseconds have passed.
    Passed(u32),
}

impl Component for Tutorial {
    type Message = Msg;
    type Properties = ViewProps;

    fn create(ctx: &Context<Self>) -> Self {
        let lessons = contents::lessons(&i18n::language());
        let progress = Progress::restore();
        let at = progress.at.clone().and_then(|(name, step)| {
            Some((lessons.iter().position(|entry| entry.name == name)?, step))
        });
        let (wish, words) = &ctx.props().wish;
        let link = ctx.link();
        match (words.is_empty(), at) {
            (true, Some((number, step))) => link.send_message(Msg::Open(number, step)),
            (true, None) => {}
            (false, _) => Self::wish(ctx, words, at),
        }
        Self {
            lessons,
            progress,
            number: at.map_or(0, |(number, _)| number),
            step: 0,
            page: Page::Contents,
            epoch: Epoch::default(),
            is_ready: false,
            found: Vec::new(),
            time: None,
            is_done: false,
            hints: 0,
            used: Vec::new(),
            undoable: 0,
            is_solving: false,
            looker: None,
            is_looking: false,
            look_again: false,
            focus: false,
            said: AttrValue::Static(""),
            timer: None,
            interval: None,
            wish: *wish,
            _listening: ctx.props().desk.listen(link.callback(Msg::Told)),
        }
    }

    fn changed(&mut self, ctx: &Context<Self>, before: &ViewProps) -> bool {
        let props = ctx.props();
        if props.is_seen != before.is_seen {
            self.show_panes(props.is_seen);
        }
        if props.wish.0 != self.wish {
            self.wish = props.wish.0;
            let at = Some((self.number, self.step));
            Self::wish(ctx, &props.wish.1, at);
        }
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Open(number, step) => self.open(ctx, number, step),
            Msg::Contents => {
                self.page = Page::Contents;
                self.next_epoch();
                self.interval = None;
                self.show_panes(false);
                self.focus = true;
            }
            Msg::Go(step) => self.begin(ctx, step, true),
            Msg::Next => self.next(ctx),
            Msg::Prev => self.prev(ctx),
            Msg::Later(epoch, _) if epoch != self.epoch.get() => return false,
            Msg::Later(_, later) => self.later(ctx, later),
            Msg::Told(told) => return self.told(ctx, &told),
            Msg::Look => {
                self.look(ctx);
                return false;
            }
            Msg::Looked(epoch, looker, found) => {
                self.is_looking = false;
                self.looker = looker;
                if epoch == self.epoch.get() {
                    self.looked(found);
                }
                if std::mem::take(&mut self.look_again) {
                    self.look(ctx);
                }
            }
            Msg::Run(index, line) => {
                if let Some(used) = self.used.get_mut(index) {
                    *used = true;
                }
                self.enter(ctx, &line);
                self.read_through();
            }
            Msg::Clock(what, value) => {
                self.turn_clock(ctx, what, value);
                return false;
            }
            Msg::Hint => self.hints += 1,
            Msg::Solve => self.solve(ctx),
            Msg::Undo => self.undo(ctx),
            Msg::Reset => self.begin(ctx, self.step, true),
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        self.draw(ctx)
    }

    fn rendered(&mut self, _: &Context<Self>, _: bool) {
        if std::mem::take(&mut self.focus) {
            view::focus_heading();
        }
    }

    fn destroy(&mut self, _: &Context<Self>) {
        self.show_panes(false);
    }
}

/// Says something in the terminal, where the learner looks.
fn note(text: &str) {
    bridge::ask(&Ask::Note(place("a"), format!("{text}\n")));
}

impl Tutorial {
    /// Does what was typed in the terminal: a lesson's number, `next`, `prev`.
    fn wish(ctx: &Context<Self>, words: &str, at: Option<(usize, usize)>) {
        let link = ctx.link();
        match (words, words.parse::<usize>(), at) {
            ("next", _, _) => link.send_message(Msg::Next),
            ("prev", _, _) => link.send_message(Msg::Prev),
            (_, Ok(number), _) => link.send_message(Msg::Open(number.saturating_sub(1), 0)),
            (_, Err(_), Some((number, step))) => link.send_message(Msg::Open(number, step)),
            (_, Err(_), None) => {}
        }
    }

    fn entry(&self) -> Option<&'static contents::Entry> {
        self.lessons.get(self.number)
    }

    fn lesson(&self) -> Option<&Rc<Lesson>> {
        match &self.page {
            Page::Lesson(lesson) => Some(lesson),
            Page::Contents | Page::Loading | Page::Failed(_) => None,
        }
    }

    /// The step that is shown.
    fn now(&self) -> Option<&crate::lesson::Step> {
        self.lesson().and_then(|lesson| lesson.steps.get(self.step))
    }

    /// Shows the lesson's panes in the place of others, or the others again.
    fn show_panes(&self, shown: bool) {
        let shown = shown && self.lesson().is_some();
        let sandbox = if shown { LESSON } else { "" };
        bridge::ask(&Ask::Show { sandbox: sandbox.to_owned() });
    }

    fn open(&mut self, ctx: &Context<Self>, number: usize, step: usize) {
        self.number = number.min(self.lessons.len().saturating_sub(1));
        self.step = step;
        let epoch = self.next_epoch();
        self.page = Page::Loading;
        let Some(entry) = self.entry() else { return };
        ctx.link().send_future(async move {
            Msg::Later(epoch, Later::Fetched(run::fetch(&i18n::language(), entry.name).await))
        });
    }

    /// Begins a step; `fresh` if the node is to be made anew.
    fn begin(&mut self, ctx: &Context<Self>, step: usize, fresh: bool) {
        let Some(lesson) = self.lesson().cloned() else { return };
        self.step = step.min(lesson.steps.len().saturating_sub(1));
        let epoch = self.next_epoch();
        (self.is_ready, self.is_done, self.hints, self.undoable) = (false, false, 0, 0);
        self.found = Vec::new();
        self.used = vec![false; self.now().map_or(0, |step| step.commands().count())];
        (self.is_solving, self.timer, self.focus) = (false, None, true);
        if let Some(entry) = self.entry() {
            self.progress.at = Some((entry.name.to_owned(), self.step));
            self.progress.keep();
        }
        self.read_through();
        if fresh {
            self.looker = None;
            for conn in ["a", "b"] {
                bridge::ask(&Ask::Close(place(conn)));
            }
        }
        let has_time = lesson.is_about_time();
        let link = ctx.link().clone();
        self.interval =
            has_time.then(|| Interval::new(LOOK_AGAIN_MS, move || link.send_message(Msg::Look)));
        let (step, is_seen, desk) = (self.step, ctx.props().is_seen, ctx.props().desk.clone());
        let (link, now) = (ctx.link().clone(), self.epoch.clone());
        wasm_bindgen_futures::spawn_local(async move {
            if run::prepare(&lesson, step, fresh, &desk, &now).await {
                link.send_message(Msg::Later(epoch, Later::Ready));
            }
        });
        self.show_panes(is_seen);
    }

    fn next(&mut self, ctx: &Context<Self>) {
        let Some(lesson) = self.lesson() else {
            return self.open(ctx, self.number, self.step);
        };
        let last = self.step + 1 >= lesson.steps.len();
        if self.now().is_some_and(|step| step.check.is_empty()) {
            self.finish();
        }
        match (last, self.number + 1 < self.lessons.len()) {
            (false, _) => {
                // Whoever skips a step finds the next one as it should be.
                let fresh = !self.is_done;
                self.begin(ctx, self.step + 1, fresh);
            }
            (true, true) => self.open(ctx, self.number + 1, 0),
            (true, false) => ctx.link().send_message(Msg::Contents),
        }
    }

    fn prev(&mut self, ctx: &Context<Self>) {
        match (self.step, self.number) {
            (0, 0) => ctx.link().send_message(Msg::Contents),
            (0, number) => {
                let before = self.lessons.get(number - 1).map_or(0, |entry| entry.steps);
                self.open(ctx, number - 1, before.saturating_sub(1));
            }
            (step, _) => self.begin(ctx, step - 1, true),
        }
    }

    /// The step is done; said once.
    fn finish(&mut self) {
        if std::mem::replace(&mut self.is_done, true) {
            return;
        }
        if let Some(entry) = self.entry() {
            self.progress.finish(entry.name, self.step);
            self.progress.keep();
        }
    }

    /// A step without a goal is done when all of its commands were run.
    fn read_through(&mut self) {
        let is_read = self.now().is_some_and(|step| step.check.is_empty());
        if is_read && self.used.iter().all(|used| *used) {
            self.finish();
        }
    }

    fn later(&mut self, ctx: &Context<Self>, later: Later) {
        match later {
            Later::Fetched(Ok(lesson)) => {
                self.page = Page::Lesson(Rc::new(lesson));
                self.begin(ctx, self.step, true);
            }
            Later::Fetched(Err(why)) => self.page = Page::Failed(why),
            Later::Ready => {
                self.is_ready = true;
                self.look(ctx);
            }
            Later::Solved => {
                self.is_solving = false;
                self.look(ctx);
            }
            Later::Undone => {
                note(&t("The last command is undone."));
                self.look(ctx);
            }
            Later::Passed(ms) => {
                if ms > 0 {
                    note(&t1("{} s have passed.", &prose::seconds(ms)));
                }
                self.look(ctx);
            }
        }
    }

    fn told(&mut self, ctx: &Context<Self>, told: &Told) -> bool {
        let place = match told {
            Told::Sent { pane, .. } | Told::Received { pane, .. } => ctx.props().desk.place(*pane),
            Told::Restarted => {
                self.looker = None;
                self.begin(ctx, self.step, true);
                return true;
            }
            Told::Pane { .. } | Told::Closed { .. } | Told::Language | Told::Lost => None,
        };
        if place.is_none_or(|place| place.sandbox != LESSON) {
            return false;
        }
        if matches!(told, Told::Sent { .. }) {
            self.undoable += usize::from(self.is_ready);
            let link = ctx.link().clone();
            self.timer = Some(Timeout::new(WAITS_MS, move || link.send_message(Msg::Look)));
            return true;
        }
        self.look(ctx);
        false
    }

    /// Looks at the goal, or does so again when that is under way.
    fn look(&mut self, ctx: &Context<Self>) {
        let check = self.now().map(|step| step.check.clone()).unwrap_or_default();
        let has_time = self.lesson().is_some_and(|lesson| lesson.is_about_time());
        if !self.is_ready || (check.is_empty() && !has_time) {
            return;
        }
        if std::mem::replace(&mut self.is_looking, true) {
            self.look_again = true;
            return;
        }
        let (looker, epoch) = (self.looker.take(), self.epoch.get());
        ctx.link().send_future(async move {
            // A client that was hung up, as after an undo, is replaced.
            let looker = match looker.filter(|looker| !looker.is_gone()) {
                Some(looker) => Some(looker),
                None => run::looker().await,
            };
            let found = match &looker {
                Some(client) => run::look(client, &check, has_time).await,
                None => Err(Gone),
            };
            if found.is_err() {
                run::wait(LOOK_AGAIN_MS).await;
            }
            Msg::Looked(epoch, looker, found)
        });
    }

    fn looked(&mut self, seen: Result<Seen, Gone>) {
        let Ok(Seen { found, clock, next }) = seen else {
            self.look_again = true;
            return;
        };
        let reached = !found.is_empty() && found.iter().all(|found| found.holds);
        self.found = found;
        self.time = clock.map(|clock| clock::Time {
            now_ms: clock.now_ms,
            rate: clock.rate,
            told_ms: dom::clock_ms(),
            next,
        });
        if !reached || self.is_done {
            return;
        }
        self.finish();
        let is_last = self.lesson().is_some_and(|lesson| self.step + 1 == lesson.steps.len());
        let text = if is_last {
            t("Done, and with it the lesson. NEXT opens the next one.")
        } else {
            t("Goal reached. NEXT goes on.")
        };
        note(&format!("✓ {text}"));
        self.said = text;
    }

    /// Types a line into its pane, or lets time pass.
    fn enter(&mut self, ctx: &Context<Self>, line: &Line) {
        match &line.what {
            What::Command(command) => {
                bridge::ask(&Ask::Run(place(&line.conn), command.clone()));
            }
            What::Wait(ms) => {
                let (epoch, ms) = (self.epoch.get(), *ms);
                ctx.link().send_future(async move {
                    run::pass(ms).await;
                    Msg::Later(epoch, Later::Passed(ms))
                });
            }
        }
    }

    /// Stops, hurries or moves the clock; what comes of it is looked at.
    fn turn_clock(&self, ctx: &Context<Self>, what: SandboxOp, value: f64) {
        let epoch = self.epoch.get();
        ctx.link().send_future(async move {
            sandbox(LESSON, what, value).await;
            let passed_ms = if what == SandboxOp::Advance { value as u32 } else { 0 };
            Msg::Later(epoch, Later::Passed(passed_ms))
        });
    }

    /// Types the solution, a line when the one before has been answered.
    fn solve(&mut self, ctx: &Context<Self>) {
        let Some(solve) = self.now().map(|step| step.solve.clone()) else { return };
        self.is_solving = true;
        let (epoch, now, desk) = (self.epoch.get(), self.epoch.clone(), ctx.props().desk.clone());
        ctx.link().send_future(async move {
            for line in solve {
                if now.get() != epoch {
                    break;
                }
                run::enter(&line, &desk, Ask::Run).await;
                if let What::Wait(ms) = line.what {
                    note(&t1("{} s have passed.", &prose::seconds(ms)));
                }
            }
            Msg::Later(epoch, Later::Solved)
        });
    }

    /// From here on, what was begun before has nothing to do any more.
    fn next_epoch(&mut self) -> u32 {
        self.epoch.set(self.epoch.get() + 1);
        self.epoch.get()
    }

    fn undo(&mut self, ctx: &Context<Self>) {
        if self.undoable == 0 {
            return;
        }
        self.undoable -= 1;
        let epoch = self.epoch.get();
        ctx.link().send_future(async move {
            sandbox(LESSON, SandboxOp::Undo, 0.0).await;
            Msg::Later(epoch, Later::Undone)
        });
    }
}
