//! Every lesson of the course, played in the engine and on a real Redis 8.
//!
//! `cargo test -p redstart-tests --test lessons` is what a writer of lessons needs: it takes a few
//! seconds and names the file and the step.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::collections::BTreeSet;
use std::sync::Mutex;

use redstart_tests::course::{self, Learner, Read};
use redstart_tests::lesson::{Lesson, Line, What};
use redstart_tests::local::Local;
use redstart_tests::oracle::{self, Server};
use redstart_tests::tcp::Tcp;

/// Lessons that are played at once on servers of their own: most of the time they wait.
const AT_ONCE: usize = 6;

fn lessons() -> Vec<Read> {
    course::lessons().unwrap_or_else(|faults| panic!("{faults}"))
}

#[track_caller]
fn none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

fn offence(read: &Read, what: &str) -> String {
    format!("static/lessons/{}/{}: {what}", read.language, read.name)
}

#[test]
fn every_lesson_can_be_done_and_no_goal_is_reached_by_itself() {
    let mut offences = Vec::new();
    for read in lessons() {
        for learner in [Learner::Brisk, Learner::Thorough] {
            let played = course::play(&mut Local::for_tests(), &read.lesson, learner);
            offences
                .extend(played.err().map(|what| offence(&read, &format!("{learner:?}: {what}"))));
        }
    }
    none(&offences);
}

#[test]
fn every_lesson_can_be_done_on_redis_8() {
    let Some(program) = oracle::find_redis8() else { return };
    let lessons = Mutex::new(lessons());
    // What is run is the same in every language.
    lessons.lock().unwrap().retain(|read| read.language == "en");
    let offences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(read) = lessons.lock().unwrap().pop() else { break };
                    let server = Server::start(&program).unwrap();
                    let mut stage = Tcp::new(server.addr);
                    if !course::is_known(&mut stage, &read.lesson).unwrap() {
                        println!("{} is about commands newer than this Redis", read.name);
                        continue;
                    }
                    let played = course::play(&mut stage, &read.lesson, Learner::Thorough);
                    let mut offences = offences.lock().unwrap();
                    offences.extend(played.err().map(|what| offence(&read, &what)));
                }
            });
        }
    });
    none(&offences.into_inner().unwrap());
}

#[test]
fn goals_only_look() {
    let mut offences = Vec::new();
    for read in lessons() {
        for condition in read.lesson.steps.iter().flat_map(|step| &step.check) {
            let looks = course::only_looks(condition);
            let fault = looks.err().map(|what| format!("check {:?}: {what}", condition.command));
            offences.extend(fault.map(|what| offence(&read, &what)));
        }
    }
    none(&offences);
}

/// Connections have one letter, and a lesson has two at most: more cannot be seen at once.
#[test]
fn a_lesson_has_two_connections_at_most() {
    let lessons = lessons();
    let many = lessons.iter().filter(|read| read.lesson.conns().len() > 2);
    none(&many.map(|read| offence(read, "more than two connections")).collect::<Vec<_>>());
}

#[test]
fn lessons_are_of_a_size_and_every_goal_has_hints() {
    let mut offences = Vec::new();
    for read in lessons() {
        let steps = &read.lesson.steps;
        if !(3..=7).contains(&steps.len()) {
            offences.push(offence(&read, &format!("{} steps, not 3 to 7", steps.len())));
        }
        for step in steps.iter().filter(|step| !step.check.is_empty()) {
            if !(2..=3).contains(&step.hints.len()) {
                let hints = step.hints.len();
                offences
                    .push(offence(&read, &format!("{}: {hints} hints, not 2 or 3", step.title)));
            }
        }
    }
    none(&offences);
}

/// All that is run in a lesson, step by step.
fn machinery(lesson: &Lesson) -> Vec<String> {
    let line = |line: &Line| match &line.what {
        What::Command(command) => format!("{}> {command} {}", line.conn, line.fails),
        What::Wait(ms) => format!("~ {ms}ms"),
    };
    let mut all = Vec::new();
    for (number, step) in (1..).zip(&lesson.steps) {
        let parts = [
            ("redis", step.commands().map(line).collect::<Vec<_>>()),
            ("setup", step.setup.iter().map(line).collect()),
            ("check", step.check.iter().map(|check| format!("{check:?}")).collect()),
            ("solve", step.solve.iter().map(line).collect()),
        ];
        for (part, lines) in parts {
            all.extend(lines.iter().map(|line| format!("step {number}, {part}: {line}")));
        }
    }
    all
}

#[test]
fn a_lesson_is_the_same_in_every_language() {
    let lessons = lessons();
    let (english, others): (Vec<&Read>, Vec<&Read>) =
        lessons.iter().partition(|read| read.language == "en");
    let mut offences = Vec::new();
    let languages: BTreeSet<&str> = others.iter().map(|read| read.language.as_str()).collect();
    assert!(languages.contains("zh"));
    for language in languages {
        let missing = english.iter().filter(|read| {
            !others.iter().any(|other| other.language == language && other.name == read.name)
        });
        offences.extend(missing.map(|read| offence(read, &format!("is not there in {language}"))));
    }
    for other in others {
        let Some(read) = english.iter().find(|read| read.name == other.name) else {
            offences.push(offence(other, "is not there in English"));
            continue;
        };
        if other.lesson.steps.len() != read.lesson.steps.len() {
            offences.push(offence(other, "has another number of steps than in English"));
        }
        let (ours, theirs) = (machinery(&read.lesson), machinery(&other.lesson));
        let first = theirs.iter().zip(&ours).find(|(other, ours)| other != ours);
        if let Some((other_line, line)) = first {
            offences.push(offence(other, &format!("{other_line}\n  in English: {line}")));
        } else if theirs.len() != ours.len() {
            offences.push(offence(other, "has more or fewer commands than in English"));
        }
    }
    none(&offences);
}
