//! Lessons in small.

use super::markdown::Inline;
use super::*;

const LESSON: &str = "# Title\n\nWhat for.\n\n## One\n\nSome `code` and\n**strong *inside*** text:\n\
    - an item\n  that goes on\n- another\n\n```redis\nSET a 1\nb> GET a\n~ 1500ms\nGET a b # error\n```\n\
    ```setup\nSET x y\n```\n```check\n> GET a\n\"2\"\n> TTL a\n(integer) {1..9}\n```\n\
    ```hint\nA nudge.\n```\n```hint\nMore.\n```\n```solve\nSET a 2 EX 5\n```\n\n## Two\n\nRead.\n";

fn text(text: &str) -> Inline {
    Inline::Text(text.to_owned())
}

#[test]
fn a_lesson_is_read() {
    let lesson = read(LESSON).unwrap();
    assert_eq!(lesson.title, "Title");
    assert_eq!(lesson.intro, [Block::Paragraph(vec![text("What for.")])]);
    assert_eq!(lesson.conns(), ["a", "b"]);
    let [one, two] = lesson.steps.as_slice() else { panic!("{} steps", lesson.steps.len()) };
    assert_eq!((one.title.as_str(), two.title.as_str()), ("One", "Two"));
    let [Block::Paragraph(paragraph), Block::List { items, is_numbered: false }, _] =
        one.body.as_slice()
    else {
        panic!("{:?}", one.body)
    };
    assert_eq!(paragraph[1], Inline::Code("code".to_owned()));
    let strong = Inline::Strong(vec![text("strong "), Inline::Emphasis(vec![text("inside")])]);
    assert_eq!(paragraph[2..], [text(" and "), strong, text(" text:")]);
    assert_eq!(items[0], [text("an item that goes on")]);
    let lines: Vec<&Line> = one.commands().collect();
    assert_eq!(lines[1].conn, "b");
    assert_eq!(lines[2].what, What::Wait(1500));
    assert_eq!((&lines[3].what, lines[3].fails), (&What::Command("GET a b".to_owned()), true));
    assert_eq!(one.check[1].expect, ["(integer) {1..9}"]);
    assert_eq!((one.setup.len(), one.hints.len(), one.solve.len()), (1, 2, 1));
    assert!(two.check.is_empty());
}

#[test]
fn lines_of_chinese_are_joined_without_a_space() {
    let lesson = read("# 一\n\n## 二\n\n时间一到，\n任何 GET\n都好\n").unwrap();
    let expect = [Block::Paragraph(vec![text("时间一到，任何 GET 都好")])];
    assert_eq!(lesson.steps[0].body, expect);
}

#[track_caller]
fn wrong(lesson: &str, line: usize, what: &str) {
    let fault = read(lesson).unwrap_err();
    assert!(fault.line == line && fault.what.contains(what), "{fault}");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    wrong("", 1, "begins with");
    wrong("# a\n# b\n", 2, "one title");
    wrong("# a\n## b\n### c\n", 3, "headings");
    wrong("# a\n## b\n```redis\nGET a\n", 3, "no end");
    wrong("# a\n## b\n```rust\nx\n```\n", 3, "`rust`");
    wrong("# a\n## b\n```check\n> GET a\n```\n", 4, "nothing of its reply");
    wrong("# a\n## b\n```check\n> GET a\nOK\n```\n", 6, "nothing that solves it");
    wrong("# a\n## b\n```redis\n~ soon\n```\n", 4, "time passes");
    wrong("# a\n## b\n<b>x</b>\n", 3, "HTML");
    wrong("# a\n## b\n![x](y)\n", 3, "images");
    wrong("# a\n## b\n| x |\n", 3, "tables");
    wrong("# a\n## b\nnot `closed\n", 3, "no partner");
    wrong("# a\n## b\n[x](http://y)\n", 3, "https");
}

#[test]
fn anything_can_be_read_without_a_panic() {
    // Every beginning and every end of a lesson, and each letter of it doubled or left out.
    for (at, letter) in LESSON.char_indices() {
        let (start, end) = LESSON.split_at(at);
        let _ = (read(start), read(end));
        let _ = read(&format!("{start}{letter}{end}"));
        let _ = read(&format!("{start}{}", &end[letter.len_utf8()..]));
    }
}

#[test]
fn a_lesson_is_about_time_if_its_commands_are() {
    let about = |line: &str| {
        read(&format!("# T\n\n## S\n\n```redis\n{line}\n```\n")).map(|it| it.is_about_time())
    };
    for line in ["~ 100ms", "SET a 1 ex 5", "ttl a", "HEXPIRE h 5 FIELDS 1 f"] {
        assert_eq!(about(line), Ok(true), "{line}");
    }
    assert_eq!(about("SET ttlx \"EX 5\""), Ok(false));
}
