//! Lines that wait for their turn: a paste may hold a hundred thousand.
//!
//! A pane is cloned to be drawn, and lines are taken one by one between two drawings. So clones share the
//! lines, and what differs is only how many of them have had their turn.

use std::rc::Rc;

/// Lines, the next one first. Cloning and taking cost O(1); adding copies them if a clone shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    #[expect(clippy::rc_buffer, reason = "it grows in its place while no clone shares it")]
    lines: Rc<Vec<String>>,
    taken: usize,
}

impl Queue {
    /// Adds a line at the end.
    pub fn push(&mut self, line: &str) {
        Rc::make_mut(&mut self.lines).push(line.to_owned());
    }

    /// Takes the next line.
    pub fn pop(&mut self) -> Option<String> {
        let line = self.lines.get(self.taken)?.clone();
        self.taken += 1;
        if self.taken == self.lines.len() {
            self.clear();
        }
        Some(line)
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Those that wait, the next one first.
    pub fn waiting(&self) -> &[String] {
        self.lines.get(self.taken..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_in_their_order_and_clones_go_their_own_way() {
        let mut queue = Queue::default();
        ["a", "b", "c"].iter().for_each(|line| queue.push(line));
        assert_eq!(queue.pop().as_deref(), Some("a"));
        let mut drawn = queue.clone();
        queue.push("d");
        assert_eq!((drawn.waiting().len(), queue.waiting().len()), (2, 3));
        assert_eq!(drawn.pop().as_deref(), Some("b"));
        assert_eq!(queue.waiting(), ["b", "c", "d"]);
        while queue.pop().is_some() {}
        assert_eq!(queue, Queue::default());
        drawn.clear();
        assert!(drawn.waiting().is_empty() && drawn.pop().is_none());
    }
}
