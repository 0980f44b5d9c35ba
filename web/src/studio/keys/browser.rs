//! The browser of keys: what it asks of the server, and what it makes of the answers.
//!
//! It walks the database with SCAN as any client would, asks for types, expiries and sizes only of
//! the lines that are seen (or of all keys, if they are to be in the order of one of these), and
//! looks again at keys that the server says have changed (CLIENT TRACKING in broadcast mode). One
//! question is under way at a time, small enough that neither the page nor the server is held up;
//! what is seen comes first.
//!
//! A question and its answer are plain data: nothing here touches a connection.

use std::collections::BTreeSet;

use redstart::base::{glob, num};
use redstart::resp::Reply;

use super::list::{Expiry, Facts, List, Sort};
use super::tree::{Item, KeyId, Kind, Row, Tree};
use super::window::Window;

/// A command as words.
pub type Words = Vec<Vec<u8>>;

/// The height of a line, in pixels; the styles know it too.
pub const ROW_PX: f64 = 28.0;

/// How many keys a SCAN looks at, to begin with; later as many as fit into [`SLICE_MS`].
const COUNT_START: usize = 500;
const COUNT_MIN: usize = 50;
const COUNT_MAX: usize = 1500;

/// How long taking one answer should keep the page, in milliseconds.
const SLICE_MS: f64 = 5.0;

/// Keys asked about in one question.
const ASKED_MAX: usize = 300;

/// Keys that have changed and were not looked at again; with more, only a new scan helps.
const TOUCHED_MAX: usize = 50_000;

/// Which keys are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the name, or a glob-style pattern.
    pub text: String,
    /// The type; `Unknown` for all.
    pub kind: Kind,
}

impl Filter {
    /// The pattern for SCAN; `None` for all keys.
    pub fn pattern(&self) -> Option<Vec<u8>> {
        if self.text.is_empty() {
            return None;
        }
        let is_pattern = self.text.contains(['*', '?', '[']);
        let text = self.text.as_bytes();
        Some(if is_pattern {
            text.to_vec()
        } else {
            [b"*", crate::terminal::complete::pattern(text).as_slice()].concat()
        })
    }

    fn takes_name(&self, name: &[u8]) -> bool {
        self.pattern().is_none_or(|pattern| glob::matches(&pattern, name))
    }

    fn takes_kind(&self, kind: Kind) -> bool {
        self.kind == Kind::Unknown || self.kind == kind
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The commands, whose replies are the answer.
    pub commands: Vec<Words>,
    about: About,
    /// Of which scan; an answer to an earlier one is not for this one.
    scan: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum About {
    /// The number of keys, and the first of them.
    Start,
    /// More keys.
    More,
    /// Everything about these keys.
    Seen(Vec<KeyId>),
    /// What the order goes by, of these keys.
    Order(Sort, Vec<KeyId>),
    /// Whether these are still there, and what they hold.
    Changed(Vec<Vec<u8>>),
}

/// How far the scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Keys looked at, of how many.
    Scanning(usize, usize),
    /// Keys whose place in the order is known, of how many.
    Ordering(usize, usize),
    /// All is there.
    Done,
}

/// The browser of keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Browser {
    /// The keys.
    pub tree: Tree,
    /// What is known of them.
    pub facts: Facts,
    /// The part that is seen.
    pub window: Window,
    filter: Filter,
    sort: Sort,
    list: List,
    /// Keys from this one on were not yet entered into the list.
    listed: KeyId,
    /// Of those before it, the ones of which must be asked again what the order goes by.
    to_place: Vec<KeyId>,
    scan: u32,
    /// Where SCAN goes on; `None` when it has ended or not begun.
    cursor: Option<Vec<u8>>,
    is_begun: bool,
    count: usize,
    looked_at: usize,
    /// Keys in the database.
    total: usize,
    touched: BTreeSet<Vec<u8>>,
    is_stale: bool,
    is_waiting: bool,
}

impl Default for Browser {
    fn default() -> Self {
        Self {
            tree: Tree::default(),
            facts: Facts::default(),
            window: Window::new(ROW_PX),
            filter: Filter::default(),
            sort: Sort::Folders,
            list: List::new(Sort::Folders),
            listed: 0,
            to_place: Vec::new(),
            scan: 0,
            cursor: None,
            is_begun: false,
            count: COUNT_START,
            looked_at: 0,
            total: 0,
            touched: BTreeSet::new(),
            is_stale: false,
            is_waiting: false,
        }
    }
}

/// What is shown.
impl Browser {
    /// Which keys are shown.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// In which order.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// How many lines there are.
    pub fn row_count(&self) -> usize {
        match self.sort {
            Sort::Folders => self.tree.row_count(),
            _ => self.list.len(),
        }
    }

    /// The lines from `first` on, at most `count`.
    pub fn rows(&self, first: usize, count: usize) -> Vec<Row> {
        match self.sort {
            Sort::Folders => self.tree.rows(first, count),
            _ => {
                let row = |id| Row { item: Item::Key(id), depth: 0 };
                self.list.rows(first, count).map(row).collect()
            }
        }
    }

    /// The lines to draw.
    pub fn drawn(&self) -> Vec<Row> {
        let drawn = self.window.drawn();
        self.rows(drawn.first, drawn.count)
    }

    /// Keys in the database, whatever the filter.
    pub fn total(&self) -> usize {
        self.total
    }

    /// How far the scan is.
    pub fn progress(&self) -> Progress {
        if !self.is_begun || self.cursor.is_some() {
            Progress::Scanning(self.looked_at.min(self.total), self.total)
        } else if self.has_to_order() {
            Progress::Ordering(self.list.len(), self.tree.len())
        } else {
            Progress::Done
        }
    }

    fn has_to_order(&self) -> bool {
        let has_new = self.listed < self.tree.ids() || !self.to_place.is_empty();
        self.sort != Sort::Folders && has_new
    }

    /// Whether so much has changed that only a new scan helps.
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }
}

/// What is wanted.
impl Browser {
    /// Begins anew.
    pub fn refresh(&mut self) {
        let fresh = Self {
            filter: self.filter.clone(),
            sort: self.sort,
            list: List::new(self.sort),
            scan: self.scan + 1,
            window: self.window,
            total: self.total,
            count: self.count,
            ..Self::default()
        };
        // An answer that is under way is still to come, and will be found to be too late.
        *self = Self { is_waiting: self.is_waiting, ..fresh };
    }

    /// Shows other keys.
    pub fn set_filter(&mut self, filter: Filter) {
        if self.filter != filter {
            self.filter = filter;
            self.refresh();
        }
    }

    /// Shows keys in another order.
    pub fn set_sort(&mut self, sort: Sort) {
        if self.sort != sort {
            self.sort = sort;
            self.list = List::new(sort);
            self.listed = 0;
            self.to_place.clear();
        }
    }

    /// The server says that these keys have changed; all of them, if `None`.
    pub fn changed(&mut self, keys: Option<Vec<Vec<u8>>>) {
        let Some(keys) = keys else { return self.refresh() };
        let keys = keys.into_iter().filter(|key| self.filter.takes_name(key));
        self.touched.extend(keys);
        if self.touched.len() > TOUCHED_MAX {
            self.touched.clear();
            self.is_stale = true;
        }
    }

    /// The last answer took this long to take, in milliseconds.
    pub fn took(&mut self, ms: f64) {
        // Halfway to what would have fitted, so that one slow answer does not decide.
        let fitting = self.count as f64 * SLICE_MS / ms.max(0.5);
        let count = (self.count as f64 + fitting) / 2.0;
        self.count = (count as usize).clamp(COUNT_MIN, COUNT_MAX);
    }
}

fn words(words: &[&[u8]]) -> Words {
    words.iter().map(|word| word.to_vec()).collect()
}

/// Asking.
impl Browser {
    /// What to ask next; `None` while an answer is awaited, and when there is nothing to ask.
    pub fn ask(&mut self) -> Option<Question> {
        if self.is_waiting {
            return None;
        }
        let (about, commands) = self.next()?;
        self.is_waiting = true;
        Some(Question { commands, about, scan: self.scan })
    }

    fn next(&mut self) -> Option<(About, Vec<Words>)> {
        if !self.is_begun {
            let start = vec![words(&[b"DBSIZE"]), self.scan_from(b"0")];
            return Some((About::Start, start));
        }
        let unknown = |row: &Row| match row.item {
            Item::Key(id) => (self.facts.size(id).is_none()
                || self.facts.expiry(id).is_none()
                || self.tree.kind(id) == Kind::Unknown)
                .then_some(id),
            Item::Folder(_) => None,
        };
        let seen: Vec<KeyId> = self.drawn().iter().filter_map(unknown).take(ASKED_MAX).collect();
        if !seen.is_empty() {
            let all = seen.iter().flat_map(|&id| self.everything_of(id)).collect();
            return Some((About::Seen(seen), all));
        }
        if !self.touched.is_empty() {
            let mut names = Vec::new();
            while names.len() < ASKED_MAX
                && let Some(name) = self.touched.pop_first()
            {
                names.push(name);
            }
            let types = names.iter().map(|name| words(&[b"TYPE", name]));
            let commands = types.chain([words(&[b"DBSIZE"])]).collect();
            return Some((About::Changed(names), commands));
        }
        if let Some(cursor) = self.cursor.clone() {
            return Some((About::More, vec![self.scan_from(&cursor)]));
        }
        self.next_to_order()
    }

    fn scan_from(&self, cursor: &[u8]) -> Words {
        let count = self.count.to_string();
        let mut scan = words(&[b"SCAN", cursor, b"COUNT", count.as_bytes()]);
        if let Some(pattern) = self.filter.pattern() {
            scan.extend([b"MATCH".to_vec(), pattern]);
        }
        if self.filter.kind != Kind::Unknown {
            scan.extend([b"TYPE".to_vec(), self.filter.kind.name().as_bytes().to_vec()]);
        }
        scan
    }

    fn everything_of(&self, id: KeyId) -> [Words; 3] {
        let name = self.tree.name(id);
        [
            words(&[b"TYPE", name]),
            words(&[b"PEXPIRETIME", name]),
            words(&[b"MEMORY", b"USAGE", name]),
        ]
    }

    /// Enters keys into the list of which enough is known, and asks about others.
    fn next_to_order(&mut self) -> Option<(About, Vec<Words>)> {
        if !self.has_to_order() {
            return None;
        }
        let mut asked = Vec::new();
        for _ in 0..self.count {
            let next = self.to_place.pop().or_else(|| {
                let id = self.listed;
                self.listed = (id + 1).min(self.tree.ids());
                (id < self.listed).then_some(id)
            });
            let Some(id) = next else { break };
            if self.list.knows(id, &self.tree, &self.facts) {
                self.place(id);
            } else if self.tree.kind(id) != Kind::Gone {
                asked.push(id);
            }
            if asked.len() == ASKED_MAX {
                break;
            }
        }
        let question = |&id: &KeyId| {
            let name = self.tree.name(id);
            match self.sort {
                Sort::Size => words(&[b"MEMORY", b"USAGE", name]),
                Sort::Expiry => words(&[b"PEXPIRETIME", name]),
                Sort::Folders | Sort::Name | Sort::Kind => words(&[b"TYPE", name]),
            }
        };
        // Without a command, the answer comes at once: the page draws, and goes on.
        let commands = asked.iter().map(question).collect();
        Some((About::Order(self.sort, asked), commands))
    }

    /// Enters a key into the list, if it is there and enough is known of it.
    fn place(&mut self, id: KeyId) {
        let is_there = self.tree.kind(id) != Kind::Gone;
        if self.sort != Sort::Folders
            && id < self.listed
            && is_there
            && self.list.knows(id, &self.tree, &self.facts)
        {
            self.list.enter(id, &self.tree, &self.facts);
        }
    }

    /// Takes a key out of the list, before anything changes that is known of it.
    fn unplace(&mut self, id: KeyId) {
        if self.sort != Sort::Folders && self.list.knows(id, &self.tree, &self.facts) {
            self.list.leave(id, &self.tree, &self.facts);
        }
    }
}

/// Taking answers.
impl Browser {
    /// Takes the replies to a question, one a command. Returns whether what is seen has changed.
    pub fn take(&mut self, question: Question, replies: Vec<Reply>) -> bool {
        self.is_waiting = false;
        if question.scan != self.scan {
            return true;
        }
        match question.about {
            About::Start => {
                let mut replies = replies.into_iter();
                let total = replies.next().as_ref().and_then(integer);
                self.total = total.and_then(|total| usize::try_from(total).ok()).unwrap_or(0);
                self.is_begun = true;
                self.take_keys(replies.next());
            }
            About::More => self.take_keys(replies.into_iter().next()),
            About::Seen(ids) => {
                for (id, replies) in ids.into_iter().zip(replies.chunks(3)) {
                    self.learn(id, replies);
                }
            }
            About::Order(sort, ids) => {
                for (id, reply) in ids.into_iter().zip(&replies) {
                    self.unplace(id);
                    match sort {
                        Sort::Size => self.learn_size(id, reply),
                        Sort::Expiry => self.learn_expiry(id, reply),
                        Sort::Folders | Sort::Name | Sort::Kind => self.learn_kind(id, reply),
                    }
                    self.place(id);
                }
            }
            About::Changed(names) => {
                for (name, reply) in names.iter().zip(&replies) {
                    self.look_again(name, reply);
                }
                if let Some(total) = replies.last().and_then(integer) {
                    self.total = usize::try_from(total).unwrap_or(0);
                }
            }
        }
        true
    }

    /// The server did not answer: what was asked is asked again later.
    pub fn give_up(&mut self, question: Question) {
        self.is_waiting = false;
        match question.about {
            _ if question.scan != self.scan => {}
            About::Order(sort, ids) if sort == self.sort => self.to_place.extend(ids),
            About::Changed(names) => self.touched.extend(names),
            About::Start | About::More | About::Seen(_) | About::Order(..) => {}
        }
    }

    fn take_keys(&mut self, reply: Option<Reply>) {
        let Some(Reply::Array(mut parts)) = reply else {
            self.cursor = None;
            return;
        };
        let (keys, cursor) = (parts.pop(), parts.pop());
        self.looked_at += self.count;
        self.cursor = match cursor {
            Some(Reply::Bulk(cursor)) if cursor != b"0" => Some(cursor),
            _ => None,
        };
        let Some(Reply::Array(keys)) = keys else { return };
        for key in keys {
            if let Reply::Bulk(name) = key {
                // The filter tells the type before anybody asks.
                self.tree.add(&name, self.filter.kind);
            }
        }
    }

    fn learn(&mut self, id: KeyId, replies: &[Reply]) {
        let [kind, expiry, size] = replies else { return };
        self.unplace(id);
        self.learn_kind(id, kind);
        self.learn_expiry(id, expiry);
        self.learn_size(id, size);
        self.place(id);
    }

    fn learn_kind(&mut self, id: KeyId, reply: &Reply) {
        let Reply::Simple(name) = reply else { return };
        match Kind::named(name) {
            Kind::Gone => self.tree.remove(id),
            kind => self.tree.set_kind(id, kind),
        }
    }

    fn learn_expiry(&mut self, id: KeyId, reply: &Reply) {
        match *reply {
            Reply::Int(-1) => self.facts.set_expiry(id, Expiry::Never),
            Reply::Int(-2) => self.tree.remove(id),
            Reply::Int(at_ms) => self.facts.set_expiry(id, Expiry::At(at_ms)),
            _ => {}
        }
    }

    fn learn_size(&mut self, id: KeyId, reply: &Reply) {
        match *reply {
            Reply::Int(bytes) => self.facts.set_size(id, bytes.unsigned_abs()),
            Reply::Null => self.tree.remove(id),
            _ => {}
        }
    }

    /// What TYPE says of a key that has changed.
    fn look_again(&mut self, name: &[u8], reply: &Reply) {
        let Reply::Simple(kind) = reply else { return };
        let kind = Kind::named(kind);
        let known = self.tree.find(name);
        if let Some(id) = known {
            self.unplace(id);
            self.facts.forget(id);
        }
        if kind == Kind::Gone || !self.filter.takes_kind(kind) {
            known.into_iter().for_each(|id| self.tree.remove(id));
            return;
        }
        self.tree.add(name, kind);
        // One that is new comes to the list behind those that are not listed yet.
        let Some(id) = known.filter(|&id| id < self.listed) else { return };
        if self.list.knows(id, &self.tree, &self.facts) {
            self.place(id);
        } else if self.sort != Sort::Folders {
            self.to_place.push(id);
        }
    }
}

/// The integer in a reply, also one that is written as text.
pub fn integer(reply: &Reply) -> Option<i64> {
    match reply {
        Reply::Int(number) => Some(*number),
        Reply::Bulk(text) | Reply::Simple(text) => num::parse_i64(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    /// Asks and answers until nothing is left to ask.
    fn settle(browser: &mut Browser, server: &mut Server) -> usize {
        let mut rounds = 0;
        while let Some(question) = browser.ask() {
            let replies = server.all(&question.commands);
            browser.take(question, replies);
            rounds += 1;
            assert!(rounds < 10_000, "it never ends");
        }
        rounds
    }

    fn shown(browser: &Browser) -> Vec<String> {
        let label = |row: Row| match row.item {
            Item::Folder(id) => String::from_utf8_lossy(browser.tree.path(id)).into_owned(),
            Item::Key(id) => {
                let facts = (browser.facts.size(id), browser.facts.expiry(id));
                assert!(facts.0.is_some() && facts.1.is_some(), "what is seen is known");
                assert_ne!(browser.tree.kind(id), Kind::Unknown);
                String::from_utf8_lossy(browser.tree.name(id)).into_owned()
            }
        };
        browser.drawn().into_iter().map(label).collect()
    }

    fn browse(server: &mut Server) -> Browser {
        let mut browser = Browser::default();
        settle(&mut browser, server);
        browser.window.resized(browser.row_count(), 280.0);
        settle(&mut browser, server);
        browser
    }

    #[test]
    fn keys_are_found_and_the_seen_ones_looked_at() {
        let mut server = Server::new();
        server.run("MSET user:1 a user:2 b c d");
        server.run("RPUSH e x");
        server.run("EXPIRE c 100");
        let browser = browse(&mut server);
        assert_eq!(shown(&browser), ["user:", "c", "e"]);
        assert_eq!(browser.progress(), Progress::Done);
        assert_eq!(browser.total(), 4);
        let id = browser.tree.find(b"e").unwrap();
        assert_eq!(browser.tree.kind(id), Kind::List);
        let id = browser.tree.find(b"c").unwrap();
        assert!(matches!(browser.facts.expiry(id), Some(Expiry::At(_))));
        // Nobody has asked about what lies in a closed folder.
        let id = browser.tree.find(b"user:1").unwrap();
        assert_eq!(browser.facts.size(id), None);
    }

    #[test]
    fn a_filter_finds_by_part_pattern_and_type() {
        let mut server = Server::new();
        server.run("MSET apple 1 pineapple 2 a*b 3 pear 4");
        server.run("SADD apples x");
        let mut browser = browse(&mut server);
        let mut find = |text: &str, kind: Kind| {
            browser.set_filter(Filter { text: text.to_owned(), kind });
            browser.set_sort(Sort::Name);
            settle(&mut browser, &mut server);
            browser.window.resized(browser.row_count(), 280.0);
            settle(&mut browser, &mut server);
            shown(&browser).join(" ")
        };
        assert_eq!(find("apple", Kind::Unknown), "apple apples pineapple");
        assert_eq!(find("apple", Kind::Set), "apples");
        assert_eq!(find("p*", Kind::Unknown), "pear pineapple");
        assert_eq!(find("a\\**", Kind::Unknown), "a*b");
        assert_eq!(find("nothing", Kind::Unknown), "");
    }

    #[test]
    fn a_list_in_the_order_of_sizes_asks_about_every_key() {
        let mut server = Server::new();
        for number in 0..1000 {
            server.run(&format!("SET key:{number} {}", "x".repeat(number + 1)));
        }
        let mut browser = browse(&mut server);
        browser.set_sort(Sort::Size);
        settle(&mut browser, &mut server);
        browser.window.resized(browser.row_count(), 280.0);
        settle(&mut browser, &mut server);
        assert_eq!(browser.row_count(), 1000);
        assert_eq!(shown(&browser).first().map(String::as_str), Some("key:999"));
        browser.window.scrolled(1e6);
        browser.set_sort(Sort::Expiry);
        browser.set_sort(Sort::Size);
        settle(&mut browser, &mut server);
        assert_eq!(browser.row_count(), 1000);
    }

    #[test]
    fn what_changes_is_looked_at_again() {
        let mut server = Server::new();
        server.run("MSET a 1 b 2 c 3");
        let mut browser = browse(&mut server);
        for sort in [Sort::Folders, Sort::Name, Sort::Size, Sort::Kind] {
            server.run("FLUSHALL");
            server.run("MSET a 1 b 2 c 3");
            browser.changed(None);
            browser.set_sort(sort);
            settle(&mut browser, &mut server);
            server.run(&format!("SET b {}", "x".repeat(100)));
            server.run("DEL a");
            server.run("RPUSH d x");
            server.run("COPY b e");
            let keys = ["a", "b", "d", "e", "nosuch"].map(|key| key.as_bytes().to_vec());
            browser.changed(Some(keys.to_vec()));
            settle(&mut browser, &mut server);
            browser.window.resized(browser.row_count(), 280.0);
            settle(&mut browser, &mut server);
            let expect = match sort {
                Sort::Folders | Sort::Name => "b c d e",
                Sort::Size => "b e d c",
                Sort::Expiry => "",
                Sort::Kind => "b c e d",
            };
            assert_eq!(shown(&browser).join(" "), expect, "{sort:?}");
            assert_eq!(browser.total(), 4);
        }
    }

    #[test]
    fn an_answer_to_an_earlier_question_changes_nothing() {
        let mut server = Server::new();
        server.run("MSET a 1 b 2");
        let mut browser = Browser::default();
        let question = browser.ask().unwrap();
        assert_eq!(browser.ask(), None);
        browser.set_filter(Filter { text: "b".to_owned(), kind: Kind::Unknown });
        assert_eq!(browser.ask(), None);
        let replies = server.all(&question.commands);
        browser.take(question, replies);
        assert!(browser.tree.is_empty());
        settle(&mut browser, &mut server);
        assert_eq!(browser.tree.len(), 1);
    }

    #[test]
    fn slices_fit_the_machine() {
        let mut browser = Browser::default();
        (0..20).for_each(|_| browser.took(100.0));
        assert_eq!(browser.count, COUNT_MIN);
        (0..20).for_each(|_| browser.took(0.1));
        assert_eq!(browser.count, COUNT_MAX);
    }
}
