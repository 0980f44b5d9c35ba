//! The commands that the views have run because a person wanted it, for the log of commands.

use std::cell::RefCell;

/// Commands that are kept.
const KEPT: usize = 500;

/// A command that was run.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    /// As it would be typed.
    pub line: String,
    /// When, in milliseconds since 1970.
    pub at_ms: f64,
    /// How long it took until the reply was there.
    pub took_ms: f64,
    /// Bytes of the reply, about.
    pub reply_bytes: usize,
    /// Whether the reply was an error.
    pub has_failed: bool,
}

thread_local! {
    static JOURNAL: RefCell<Vec<Ran>> = const { RefCell::new(Vec::new()) };
}

/// Writes a command down.
pub fn write(ran: Ran) {
    JOURNAL.with_borrow_mut(|journal| {
        if journal.len() == KEPT {
            journal.remove(0);
        }
        journal.push(ran);
    });
}

/// What was written since the last call.
pub fn take() -> Vec<Ran> {
    JOURNAL.with_borrow_mut(std::mem::take)
}
