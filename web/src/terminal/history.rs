//! The lines that were typed, oldest first, shared by all panes and kept over a reload.

use redstart::resp::words;

/// How many lines are kept.
const LINES_MAX: usize = 500;

/// How long a line may be to be kept.
const LINE_BYTES_MAX: usize = 4_096;

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    lines: Vec<String>,
}

/// Where a pane is in the history while someone steps through it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Steps back from the newest line; 0 is the line being typed.
    back: usize,
    /// What was being typed when the first step was made.
    draft: String,
}

impl History {
    /// Reads what [`History::saved`] wrote.
    pub fn restore(text: &str) -> Self {
        let mut history = Self::default();
        for line in text.lines() {
            history.push(line);
        }
        history
    }

    /// The lines as text to keep, without those that hold a password.
    pub fn saved(&self) -> String {
        let lines = self.lines.iter().filter(|line| !holds_secret(line));
        lines.map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Adds a line, unless it is empty, huge, or the same as the one before.
    pub fn push(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty()
            || line.len() > LINE_BYTES_MAX
            || self.lines.last().is_some_and(|last| last == line)
        {
            return;
        }
        if self.lines.len() == LINES_MAX {
            self.lines.remove(0);
        }
        self.lines.push(line.to_owned());
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The newest line older than the one at `before` that contains `text`, and its place.
    pub fn find(&self, text: &str, before: usize) -> Option<(usize, &str)> {
        let mut lines = self.lines.get(..before)?.iter().enumerate().rev();
        let found = lines.find(|(_, line)| !text.is_empty() && line.contains(text));
        found.map(|(place, line)| (place, line.as_str()))
    }

    /// One line further back than `cursor`; `None` at the oldest.
    pub fn older(&self, cursor: &mut Cursor, typed: &str) -> Option<String> {
        let index = self.lines.len().checked_sub(cursor.back + 1)?;
        if cursor.back == 0 {
            typed.clone_into(&mut cursor.draft);
        }
        cursor.back += 1;
        self.lines.get(index).cloned()
    }

    /// One line nearer to now than `cursor`; at last what was being typed, and then `None`.
    pub fn newer(&self, cursor: &mut Cursor) -> Option<String> {
        cursor.back = cursor.back.checked_sub(1)?;
        match cursor.back {
            0 => Some(std::mem::take(&mut cursor.draft)),
            back => self.lines.get(self.lines.len().checked_sub(back)?).cloned(),
        }
    }
}

/// Whether a line holds a password, as redis-cli decides it.
pub fn holds_secret(line: &str) -> bool {
    let Ok(words) = words::split(line.as_bytes()) else { return true };
    let is = |index: usize, word: &str| {
        words.get(index).is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()))
    };
    let secret_setting = ["masterauth", "masteruser", "requirepass", "tls-key-file-pass"];
    is(0, "AUTH")
        || (is(0, "ACL") && (is(1, "SETUSER") || is(1, "DELUSER")))
        || (is(0, "HELLO") && words.iter().any(|word| word.eq_ignore_ascii_case(b"AUTH")))
        || (is(0, "MIGRATE")
            && words.iter().any(|word| word.to_ascii_uppercase().starts_with(b"AUTH")))
        || (is(0, "CONFIG")
            && is(1, "SET")
            && (2..words.len()).any(|index| secret_setting.iter().any(|it| is(index, it))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_back_to_what_was_being_typed() {
        let mut history = History::default();
        for line in ["a", "b", "b", " ", "c"] {
            history.push(line);
        }
        let mut cursor = Cursor::default();
        let older = |cursor: &mut Cursor| history.older(cursor, "draft");
        assert_eq!(older(&mut cursor).as_deref(), Some("c"));
        assert_eq!(older(&mut cursor).as_deref(), Some("b"));
        assert_eq!(older(&mut cursor).as_deref(), Some("a"));
        assert_eq!(older(&mut cursor), None);
        assert_eq!(history.newer(&mut cursor).as_deref(), Some("b"));
        assert_eq!(history.newer(&mut cursor).as_deref(), Some("c"));
        assert_eq!(history.newer(&mut cursor).as_deref(), Some("draft"));
        assert_eq!(history.newer(&mut cursor), None);
    }

    #[test]
    fn passwords_are_not_kept() {
        let mut history = History::default();
        let lines = ["set a 1", "auth x", "HELLO 3 AUTH a b", "config set requirepass x", "get a"];
        for line in lines {
            history.push(line);
        }
        assert_eq!(history.saved(), "set a 1\nget a");
        assert_eq!(History::restore(&history.saved()).saved(), "set a 1\nget a");
    }

    #[test]
    fn only_so_many_lines_are_kept() {
        let mut history = History::default();
        for number in 0..LINES_MAX + 3 {
            history.push(&number.to_string());
        }
        assert_eq!(history.lines.len(), LINES_MAX);
        assert_eq!(history.lines.first().map(String::as_str), Some("3"));
    }
}
