//! The tutorial in a real browser: every lesson clicked through, and what a learner does besides.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::browser::wait;
use redstart_tests::course;
use redstart_tests::page::Page;

/// What the scripts below share: they wait for a condition, and find buttons of the panel.
const HELPERS: &str = r#"
    const done = arguments[arguments.length - 1];
    const panel = document.getElementById("studio");
    const find = (css) => panel.querySelector(css);
    const until = async (what, look) => {
        for (let turn = 0; turn < 2500; turn += 1) {
            const found = look();
            if (found) return found;
            await new Promise((next) => setTimeout(next, 10));
        }
        throw new Error(`waited too long for ${what}`);
    };
    const click = async (css) => (await until(css, () => find(`${css}:not(:disabled)`))).click();
    const finish = (work) => work().then(done, (error) => done(String(error)));
"#;

/// Runs an asynchronous function of the panel; its result must be "ok".
#[track_caller]
fn play(page: &Page, what: &str, work: &str) {
    let script = format!("{HELPERS} finish(async () => {{ {work} return 'ok'; }});");
    let result = page.browser.script_async(&script).unwrap();
    assert_eq!(result, "ok", "{what}");
}

/// Waits until the panel shows this text.
#[track_caller]
fn panel_shows(page: &Page, text: &str) {
    let seen = wait("the panel", || {
        let shown =
            page.browser.script("return document.getElementById('studio').innerText", &[])?;
        Ok(shown.as_str().unwrap_or_default().contains(text).then_some(()))
    });
    assert!(seen.is_ok(), "the panel does not show {text}");
}

fn open_tutorial() -> Page {
    let page = Page::open();
    page.pane(1);
    page.click("Tutorial");
    panel_shows(&page, "Learn Redis by doing");
    page
}

/// Solves every step of the lesson that is open.
const SOLVE_ALL: &str = r#"
    const steps = (await until("steps", () => find(".dots"))).children.length;
    for (let step = 0; step < steps; step += 1) {
        await until(`step ${step + 1}`, () => find(".dots li:nth-child(" + (step + 1) + ") [aria-current]"));
        if (find(".goal")) {
            await click(".goal [data-name=solve]");
            await until(`the goal of step ${step + 1}`, () => find(".goal[data-done=true]"));
        } else {
            panel.querySelectorAll(".commands button").forEach((command) => command.click());
        }
        if (step + 1 < steps) await click(".lesson-foot [data-name=next]");
    }
"#;

#[test]
fn every_lesson_can_be_clicked_through() {
    let page = open_tutorial();
    let lessons = course::lessons().unwrap();
    let english = lessons.iter().filter(|read| read.language == "en");
    for (number, read) in (1..).zip(english) {
        let open = format!("await click('.contents li:nth-child({number}) button');");
        let back =
            "await click('.lesson-bar button'); await until('contents', () => find('.contents'));";
        play(&page, &read.name, &format!("{open} {SOLVE_ALL} {back}"));
    }
    panel_shows(&page, "steps done");
    let undone =
        "return document.querySelectorAll('.contents li button:not([data-state=done])').length";
    assert_eq!(page.browser.script(undone, &[]).unwrap(), 0);
    page.is_quiet();
}

#[test]
fn the_page_and_its_lessons_are_there_in_chinese() {
    let page = open_tutorial();
    let choose = r#"
        const select = document.querySelector("select.language");
        select.value = "zh";
        select.dispatchEvent(new Event("change", { bubbles: true }));
    "#;
    page.browser.script(choose, &[]).unwrap();
    panel_shows(&page, "动手学 Redis");
    let lessons = course::lessons().unwrap();
    let chinese = lessons.iter().filter(|read| read.language == "zh");
    for (number, read) in (1..).zip(chinese) {
        let open = format!("await click('.contents li:nth-child({number}) button');");
        let title = &read.lesson.title;
        let shown = format!(
            "await until('the title', () => find('.lesson h2')?.textContent === {title:?});
             await click('.lesson-bar button'); await until('contents', () => find('.contents'));"
        );
        play(&page, &read.name, &format!("{open} {shown}"));
    }
    // Back to English within a lesson: the same step, in an engine that is where it begins.
    play(
        &page,
        "to the second step",
        "await click('.contents li:nth-child(1) button'); await click('.dots li:nth-child(2) button');
         await until('the step', () => find('.dots li:nth-child(2) [aria-current]'));",
    );
    page.browser.script(&choose.replace("zh", "en"), &[]).unwrap();
    panel_shows(&page, "Nothing there");
    page.browser.script(choose, &[]).unwrap();
    panel_shows(&page, "第");
    page.browser.reload().unwrap();
    panel_shows(&page, "第");
    let language = page.browser.script("return document.documentElement.lang", &[]).unwrap();
    assert_eq!(language, "zh");
    page.is_quiet();
}

#[test]
fn a_learner_types_asks_for_hints_and_goes_back() {
    let page = Page::open();
    page.pane(1).run("SET mine 1", "OK");
    page.pane(1).enter("TUTORIAL 1");
    panel_shows(&page, "The first key");
    let pane = page.named("Connection a");
    pane.run("EXISTS mine", "(integer) 0");
    pane.run("SET sign closed", "OK");
    panel_shows(&page, "\"closed\"");
    page.click("Undo");
    panel_shows(&page, "(nil)");
    pane.run("GET sign", "(nil)");
    page.click("Hint 1 of 2");
    page.click("Hint 2 of 2");
    pane.run("SET sign \"Back at 15:00\"", "OK");
    panel_shows(&page, "GOAL REACHED");
    pane.enter("NEXT");
    panel_shows(&page, "Nothing there");
    pane.run("GET sign", "\"Back at 15:00\"");
    pane.run("DEL soup", "(integer) 1");
    panel_shows(&page, "GOAL REACHED");
    page.click("Reset");
    let pane = page.named("Connection a");
    pane.run("EXISTS soup", "(integer) 1");
    // After a reload the learner is where they were, in an engine that is where the step begins.
    page.browser.reload().unwrap();
    panel_shows(&page, "Nothing there");
    let pane = page.named("Connection a");
    pane.run("MGET sign soup", "1) \"Back at 15:00\"\n2) \"Pumpkin with ginger\"");
    pane.enter("PREV");
    panel_shows(&page, "The first key");
    // What is the person's own is where it was.
    page.click("Close the panel");
    page.pane(1).run("GET mine", "\"1\"");
    page.is_quiet();
}

#[test]
fn commands_of_a_lesson_are_run_by_a_click_and_time_can_be_let_pass() {
    let page = open_tutorial();
    let work = r#"
        await click(".contents li:nth-child(5) button");
        await click(".dots li:nth-child(2) button");
        const lines = await until("the commands", () => {
            const lines = panel.querySelectorAll(".commands button");
            return lines.length > 4 && find(".conditions .found") && lines;
        });
        const log = () => document.querySelector(".pane .log")?.innerText || "";
        for (const [line, text] of [[0, "OK"], [1, "1 s have passed."], [2, "(integer) "], [3, "passed.\n"], [4, "(nil)"]]) {
            lines[line].click();
            await until(`${text} in ${log()}`, () => log().split("GET flash").pop().includes(text));
        }
    "#;
    play(&page, "the commands of a step about time", work);
    page.is_quiet();
}

#[test]
fn the_clock_of_a_lesson_is_stopped_and_moved() {
    let page = Page::open();
    page.pane(1).enter("TUTORIAL 5");
    panel_shows(&page, "A key with an end");
    let pane = page.named("Connection a");
    pane.run("SET code:bob 7731 EX 60", "OK");
    panel_shows(&page, "this key expires:");
    page.click("Stop");
    play(
        &page,
        "the clock stands still",
        "await until('the pressed button', () => find('.lesson-clock [aria-pressed=true]')?.textContent === 'Stop');",
    );
    pane.run("SET code:ann 7731 PX 1", "OK");
    pane.run("GET code:ann", "\"7731\"");
    page.click("+1 min");
    pane.run("EXISTS code:bob code:ann", "(integer) 0");
    // The next step begins with a clock that goes.
    pane.enter("NEXT");
    panel_shows(&page, "Watch it go");
    play(
        &page,
        "the clock goes",
        "await until('the pressed button', () => find('.lesson-clock [aria-pressed=true]')?.textContent === '1×');",
    );
    page.is_quiet();
}
