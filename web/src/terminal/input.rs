//! What is being typed, and what helps with it: earlier lines, a search in them, completion.

use super::complete::Completion;
use super::history::{Cursor, History};

/// The line of a pane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    /// What stands in it; during a search, what is searched for.
    text: String,
    cursor: Cursor,
    completion: Option<Completion>,
    search: Option<Search>,
}

/// A search in the history, newest line first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// What was being typed when it began.
    draft: String,
    /// The place of the line that was found.
    place: Option<usize>,
    /// The line that was found.
    pub found: Option<String>,
}

impl Input {
    /// What stands in the line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The candidates that are offered, and which of them stands in the line.
    pub fn candidates(&self) -> (&[String], Option<usize>) {
        let shown = self.completion.as_ref().filter(|completion| completion.candidates.len() > 1);
        shown.map_or((&[], None), |completion| (&completion.candidates, completion.chosen))
    }

    /// The search, while there is one.
    pub fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }

    /// The text was changed by typing.
    pub fn edit(&mut self, text: String, history: &History) {
        self.text = text;
        self.completion = None;
        if self.search.is_some() {
            self.look(history, history.len());
        }
    }

    /// Puts a text there that nobody typed.
    pub fn set(&mut self, text: &str) {
        *self = Self { text: text.to_owned(), ..Self::default() };
    }

    /// Takes the line out: what was found, if there is a search.
    pub fn take(&mut self) -> String {
        self.accept();
        std::mem::take(self).text
    }

    /// Puts an earlier line there.
    pub fn older(&mut self, history: &History) {
        self.accept();
        if let Some(line) = history.older(&mut self.cursor, &self.text) {
            self.text = line;
        }
    }

    /// Puts a later line there again.
    pub fn newer(&mut self, history: &History) {
        self.accept();
        if let Some(line) = history.newer(&mut self.cursor) {
            self.text = line;
        }
    }

    /// Begins a search, or goes on to the next line further back.
    pub fn look_back(&mut self, history: &History) {
        self.completion = None;
        match &self.search {
            None => {
                let draft = std::mem::take(&mut self.text);
                self.search = Some(Search { draft, ..Search::default() });
            }
            Some(search) => self.look(history, search.place.unwrap_or(0)),
        }
    }

    /// Looks for a line older than the one at `before`. One that is not there changes nothing.
    fn look(&mut self, history: &History, before: usize) {
        let Some(search) = &mut self.search else { return };
        match history.find(&self.text, before) {
            Some((place, line)) => {
                search.place = Some(place);
                search.found = Some(line.to_owned());
            }
            None if before == history.len() => search.found = None,
            None => {}
        }
    }

    /// Ends a search with what was found in the line; closes the candidates.
    pub fn accept(&mut self) {
        self.completion = None;
        if let Some(search) = self.search.take() {
            self.text = search.found.unwrap_or(search.draft);
        }
    }

    /// Gives up a search, or closes the candidates.
    pub fn escape(&mut self) {
        self.completion = None;
        if let Some(search) = self.search.take() {
            self.text = search.draft;
        }
    }

    /// Completes the last word, or steps to the next candidate. Returns the beginning of the keys
    /// that the engine should be asked for first; [`Input::add_keys`] then goes on.
    pub fn complete(&mut self, back: bool) -> Option<Vec<u8>> {
        if self.search.is_some() {
            self.accept();
            return None;
        }
        match &self.completion {
            // The keys are on their way.
            Some(completion) if completion.keys.is_some() => {}
            Some(_) => self.step(back),
            None => {
                let completion = Completion::of(&self.text);
                let keys = completion.keys.clone();
                self.completion = Some(completion);
                if keys.is_some() {
                    return keys;
                }
                self.step(back);
            }
        }
        None
    }

    /// Takes the keys that were asked for.
    pub fn add_keys(&mut self, keys: Vec<Vec<u8>>) {
        let Some(completion) = &mut self.completion else { return };
        if completion.keys.is_some() {
            completion.add_keys(keys);
            self.step(false);
        }
    }

    fn step(&mut self, back: bool) {
        let Some(completion) = &mut self.completion else { return };
        match completion.step(back) {
            Some(text) => self.text = text,
            None => self.completion = None,
        }
        if self.completion.as_ref().is_some_and(|completion| completion.candidates.len() == 1) {
            self.completion = None;
        }
    }

    /// Puts a candidate into the line.
    pub fn pick(&mut self, index: usize) {
        let Some(completion) = self.completion.take() else { return };
        if let Some(candidate) = completion.candidates.get(index) {
            self.text = format!("{}{candidate} ", completion.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for line in ["set a 1", "get a", "set b 2", "ping"] {
            history.push(line);
        }
        history
    }

    #[test]
    fn a_search_goes_back_and_can_be_given_up() {
        let history = history();
        let mut input = Input::default();
        input.edit("half".to_owned(), &history);
        input.look_back(&history);
        assert_eq!((input.text(), input.search().unwrap().found.as_deref()), ("", None));
        input.edit("set".to_owned(), &history);
        let found = |input: &Input| input.search().unwrap().found.clone().unwrap();
        assert_eq!(found(&input), "set b 2");
        input.look_back(&history);
        assert_eq!(found(&input), "set a 1");
        input.look_back(&history);
        assert_eq!(found(&input), "set a 1");
        input.edit("nosuch".to_owned(), &history);
        assert_eq!(input.search().unwrap().found, None);
        input.escape();
        assert_eq!(input.text(), "half");
        input.look_back(&history);
        input.edit("get".to_owned(), &history);
        assert_eq!(input.complete(false), None);
        assert_eq!((input.text(), input.search()), ("get a", None));
        input.look_back(&history);
        input.edit("pin".to_owned(), &history);
        assert_eq!(input.take(), "ping");
        assert_eq!(input, Input::default());
    }

    #[test]
    fn completion_asks_for_keys_first() {
        let mut input = Input::default();
        input.set("get us");
        assert_eq!(input.complete(false), Some(b"us".to_vec()));
        assert_eq!(input.complete(false), None);
        input.add_keys(vec![b"user:1".to_vec(), b"user:2".to_vec()]);
        assert_eq!(input.text(), "get user:");
        assert_eq!(input.candidates().0.len(), 2);
        assert_eq!(input.complete(true), None);
        assert_eq!((input.text(), input.candidates().1), ("get user:2", Some(1)));
        input.pick(0);
        assert_eq!((input.text(), input.candidates().0), ("get user:1 ", &[][..]));
        // Keys that come too late change nothing.
        input.add_keys(vec![b"late".to_vec()]);
        assert_eq!(input.text(), "get user:1 ");
        input.set("dbs");
        input.complete(false);
        assert_eq!(input.text(), "dbsize ");
    }
}
