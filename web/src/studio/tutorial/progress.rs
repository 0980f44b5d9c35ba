//! How far a learner has come: the steps that are done, and where the learner was last.

use crate::keep;

/// Under this name it is kept: a line for each lesson that was begun (its name, and its steps as the
/// bits of a number), and one that begins with `@` for the place.
const NAME: &str = "tutorial";

/// The steps that are done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The lesson and the step where the learner was last.
    pub(super) at: Option<(String, usize)>,
    done: Vec<(String, u64)>,
}

impl Progress {
    /// What was kept.
    pub(super) fn restore() -> Self {
        Self::read(&keep::get(NAME).unwrap_or_default())
    }

    pub(super) fn keep(&self) {
        keep::set(NAME, &self.write());
    }

    /// Reads what [`Self::write`] has written; what is not understood is passed over.
    fn read(text: &str) -> Self {
        let mut progress = Self::default();
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["@", lesson, step] => {
                    progress.at = step.parse().ok().map(|step| ((*lesson).to_owned(), step));
                }
                [lesson, steps] => {
                    let steps = steps.parse().ok().map(|steps| ((*lesson).to_owned(), steps));
                    progress.done.extend(steps);
                }
                _ => {}
            }
        }
        progress
    }

    fn write(&self) -> String {
        let mut text = String::new();
        if let Some((lesson, step)) = &self.at {
            text.push_str(&format!("@ {lesson} {step}\n"));
        }
        for (lesson, steps) in &self.done {
            text.push_str(&format!("{lesson} {steps}\n"));
        }
        text
    }

    /// Marks a step as done.
    pub(super) fn finish(&mut self, lesson: &str, step: usize) {
        let bit = 1 << step.min(63);
        match self.done.iter_mut().find(|(name, _)| name == lesson) {
            Some((_, steps)) => *steps |= bit,
            None => self.done.push((lesson.to_owned(), bit)),
        }
    }

    /// Whether a step is done.
    pub(super) fn is_done(&self, lesson: &str, step: usize) -> bool {
        self.steps(lesson) >> step.min(63) & 1 == 1
    }

    /// How many of the first `steps` steps of a lesson are done.
    pub(super) fn count(&self, lesson: &str, steps: usize) -> usize {
        (0..steps).filter(|step| self.is_done(lesson, *step)).count()
    }

    fn steps(&self, lesson: &str) -> u64 {
        self.done.iter().find(|(name, _)| name == lesson).map_or(0, |(_, steps)| *steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_kept() {
        let mut progress = Progress::default();
        progress.finish("01-a", 0);
        progress.finish("01-a", 2);
        progress.finish("02-b", 70);
        progress.at = Some(("02-b".to_owned(), 3));
        assert_eq!(progress.count("01-a", 3), 2);
        assert!(progress.is_done("01-a", 2) && !progress.is_done("01-a", 1));
        assert_eq!(Progress::read(&progress.write()), progress);
        assert_eq!(Progress::read("nonsense\n@ a b\nx y z w\n"), Progress::default());
    }
}
