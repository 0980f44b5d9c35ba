//! What the tutorial shows.

use wasm_bindgen::JsCast;
use yew::prelude::*;

use super::clock::Clock;
use super::contents::contents;
use super::run::Found;
use super::{Msg, Page, Tutorial, prose};
use crate::i18n::{t, t1};
use crate::lesson::{Condition, Lesson, Line, Step};

impl Tutorial {
    pub(super) fn draw(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let open = link.callback(|number| Msg::Open(number, 0));
        let page = match &self.page {
            Page::Contents => {
                let current = self.progress.at.is_some().then_some(self.number);
                contents(self.lessons, &self.progress, current, &open)
            }
            Page::Loading => html! { <p class="loading">{ t("Loading the lesson…") }</p> },
            Page::Failed(why) => html! {
                <div class="loading" role="alert">
                    <p>{ t1("The lesson could not be loaded: {}", why) }</p>
                    <button type="button" onclick={link.callback(|_| Msg::Next)}>{ t("Try again") }</button>
                    <button type="button" onclick={link.callback(|_| Msg::Contents)}>{ t("Contents") }</button>
                </div>
            },
            Page::Lesson(lesson) => match lesson.steps.get(self.step) {
                Some(step) => self.draw_step(ctx, lesson, step),
                None => html! {},
            },
        };
        html! {
            <div class="tutorial">
                { page }
                <p class="unseen" role="status">{ self.said.clone() }</p>
            </div>
        }
    }

    fn draw_step(&self, ctx: &Context<Self>, lesson: &Lesson, step: &Step) -> Html {
        let run = ctx.link().callback(|(index, line): (usize, Line)| Msg::Run(index, line));
        let never = Callback::from(|_| {});
        html! {
            <>
                { self.draw_top(ctx, lesson) }
                <div class="lesson" key={format!("{}-{}", self.number, self.step)} id="lesson-text">
                    if self.step == 0 {
                        <h2>{ lesson.title.clone() }</h2>
                        <div class="intro">{ prose::blocks(&lesson.intro, &[], &never) }</div>
                    }
                    <h3 tabindex="-1" id="step-title">{ step.title.clone() }</h3>
                    { prose::blocks(&step.body, &self.used, &run) }
                    if !step.check.is_empty() {
                        { self.draw_goal(ctx, step) }
                    }
                </div>
                if let Some(time) = self.time.clone() {
                    <Clock {time} act={ctx.link().callback(|(what, value)| Msg::Clock(what, value))} />
                }
                { self.draw_bottom(ctx, lesson) }
            </>
        }
    }

    /// Which lesson it is, and its steps.
    fn draw_top(&self, ctx: &Context<Self>, lesson: &Lesson) -> Html {
        let link = ctx.link();
        let name = self.entry().map_or("", |entry| entry.name);
        let dot = |(index, step): (usize, &Step)| {
            let is_done =
                self.progress.is_done(name, index) || (index == self.step && self.is_done);
            let is_current = (index == self.step).then_some("step");
            let title = t("Step {}: {}").replacen("{}", &(index + 1).to_string(), 1);
            let title = title.replacen("{}", &step.title, 1);
            let label = if is_done { format!("{title} ({})", t("done")) } else { title.clone() };
            html! {
                <li>
                    <button type="button" class="dot-button" aria-label={label} {title} aria-current={is_current}
                        data-done={is_done.to_string()} onclick={link.callback(move |_| Msg::Go(index))}></button>
                </li>
            }
        };
        let place = t("Lesson {} of {}").replacen("{}", &(self.number + 1).to_string(), 1);
        let place = place.replacen("{}", &self.lessons.len().to_string(), 1);
        html! {
            <nav class="lesson-bar" aria-label={t("Steps of the lesson")}>
                <button type="button" class="quiet" onclick={link.callback(|_| Msg::Contents)}>{ t("Contents") }</button>
                <span class="place">{ place }</span>
                <ol class="dots">{ for lesson.steps.iter().enumerate().map(dot) }</ol>
            </nav>
        }
    }

    /// What is to be reached, how far that is, and help.
    fn draw_goal(&self, ctx: &Context<Self>, step: &Step) -> Html {
        let link = ctx.link();
        let hints = self.hints.min(step.hints.len());
        let conditions = step.check.iter().enumerate();
        let never = Callback::from(|_| {});
        html! {
            <section class="goal" aria-label={t("Goal")} data-done={self.is_done.to_string()}>
                <h4>{ if self.is_done { t("Goal reached") } else { t("Goal") } }</h4>
                <ul class="conditions">
                    { for conditions.map(|(index, check)| condition(check, self.found.get(index))) }
                </ul>
                { for step.hints.iter().take(hints).map(|hint| html! {
                    <div class="hint-text" role="note">{ prose::blocks(hint, &[], &never) }</div>
                }) }
                <div class="help">
                    if hints < step.hints.len() {
                        <button type="button" data-name="hint" onclick={link.callback(|_| Msg::Hint)}>
                            { t("Hint {} of {}").replacen("{}", &(hints + 1).to_string(), 1)
                                .replacen("{}", &step.hints.len().to_string(), 1) }
                        </button>
                    }
                    <button type="button" data-name="solve" disabled={!self.is_ready || self.is_done || self.is_solving}
                        onclick={link.callback(|_| Msg::Solve)}>{ t("Solve") }</button>
                    <button type="button" class="quiet" disabled={self.undoable == 0}
                        title={t("Take the last command back")} onclick={link.callback(|_| Msg::Undo)}>{ t("Undo") }</button>
                    <button type="button" class="quiet" disabled={!self.is_ready}
                        title={t("Begin the step anew")} onclick={link.callback(|_| Msg::Reset)}>{ t("Reset") }</button>
                </div>
            </section>
        }
    }

    fn draw_bottom(&self, ctx: &Context<Self>, lesson: &Lesson) -> Html {
        let link = ctx.link();
        let is_last = self.step + 1 == lesson.steps.len();
        let next = match (is_last, self.lessons.get(self.number + 1)) {
            (false, _) => t("Next"),
            (true, Some(_)) => t("Next lesson"),
            (true, None) => t("Finish"),
        };
        let is_read = self.now().is_some_and(|step| step.check.is_empty());
        let class = (self.is_done || is_read).then_some("main");
        html! {
            <div class="lesson-foot">
                <button type="button" onclick={link.callback(|_| Msg::Prev)}>{ t("Back") }</button>
                <span class="typed">{ t("or type NEXT, PREV") }</span>
                <button type="button" data-name="next" {class} onclick={link.callback(|_| Msg::Next)}>{ next }</button>
            </div>
        }
    }
}

/// A condition, and whether it holds.
fn condition(condition: &Condition, found: Option<&Found>) -> Html {
    let holds = found.is_some_and(|found| found.holds);
    let state = if holds { t("holds") } else { t("does not hold yet") };
    let is_other = found.filter(|found| !found.holds);
    html! {
        <li data-holds={holds.to_string()}>
            <span class="mark" role="img" aria-label={state}>
                if holds {
                    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d={prose::TICK} /></svg>
                }
            </span>
            <div>
                <code>{ condition.command.clone() }</code>
                <pre>{ condition.expect.iter().map(|line| readable(line)).collect::<Vec<_>>().join("\n") }</pre>
                if let Some(found) = is_other {
                    <pre class="found"><span>{ t("now: ") }</span>{ shorten(condition, &found.lines) }</pre>
                }
            </div>
        </li>
    }
}

/// An expected line as a person writes it: `{1..60}` is 1–60, and any text is an ellipsis.
fn readable(line: &str) -> String {
    let mut text = line.replace("{*}", "…");
    if text == "..." {
        return "…".to_owned();
    }
    while let Some((before, (range, after))) =
        text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        let Some((least, most)) = range.split_once("..") else { break };
        text = format!("{before}{least} – {most}{after}");
    }
    text
}

/// The first lines of a reply; if the condition is about some of many, those of the same field.
fn shorten(condition: &Condition, lines: &[String]) -> String {
    const LINES_MAX: usize = 6;
    let field = |line: &str| line.split_once(':').map(|(field, _)| field.to_owned());
    let fields: Vec<String> = condition.expect.iter().filter_map(|line| field(line)).collect();
    let is_part = condition.expect.iter().any(|line| line == "...") && !fields.is_empty();
    let is_meant = |line: &&String| !is_part || field(line).is_some_and(|it| fields.contains(&it));
    let meant: Vec<&str> = lines.iter().filter(is_meant).map(String::as_str).collect();
    let mut text = meant.iter().take(LINES_MAX).copied().collect::<Vec<_>>().join("\n");
    if meant.len() > LINES_MAX {
        text.push_str("\n…");
    }
    text
}

/// Puts the focus on the step's heading, if it is in the panel or nowhere: whoever types stays
/// where they are. In any case its beginning is seen.
pub(super) fn focus_heading() {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
    let Some(heading) = document.get_element_by_id("step-title") else { return };
    if let Ok(Some(view)) = heading.closest(".lesson, .contents") {
        view.set_scroll_top(0);
    }
    let is_typing = document.active_element().is_some_and(|active| active.tag_name() == "INPUT");
    if let Some(heading) = heading.dyn_ref::<web_sys::HtmlElement>().filter(|_| !is_typing) {
        let _ = heading.focus();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_said_for_people() {
        assert_eq!(readable("(integer) {1..60}"), "(integer) 1 – 60");
        assert_eq!(readable("id={*} {2..3} x"), "id=… 2 – 3 x");
        assert_eq!(readable("..."), "…");
        assert_eq!(readable("\"{\\\"a\\\":1}\""), "\"{\\\"a\\\":1}\"");
    }
}
