//! A pane: lines go in, one after the other, and what they lead to is shown.
//!
//! A line that is entered while a reply is awaited waits for its turn, as in a shell; so does one
//! that is entered before the engine has loaded.

use redstart::resp::{Output, words};

use super::help;
use super::input::Input;
use super::log::{BlockKind, Log};
use super::queue::Queue;
use super::session::{Got, Session};

/// How often a command may be repeated by a number before it.
const REPEAT_MAX: u32 = 10_000;

/// How long a reply takes before its time is shown.
const SLOW_MS: f64 = 500.0;

/// A terminal with a connection of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pane {
    /// Its number, shown in its name and never used twice.
    pub id: u32,
    /// The sandbox that it is connected to; empty for the node that keeps the person's data.
    pub sandbox: String,
    /// What it is called, if it is not by its number.
    pub name: String,
    /// What a person calls it, which is its client's name too if it can be one; empty for nothing.
    pub title: String,
    /// What it shows.
    pub log: Log,
    /// What is being typed.
    pub input: Input,
    /// How replies are printed.
    pub output: Output,
    /// Whether no hints are shown behind the caret.
    pub hides_hints: bool,
    /// Lines that wait for their turn.
    pub queue: Queue,
    /// The number of its connection: bytes of an earlier one are not for it.
    pub conn: u32,
    /// Whether there is a connection.
    pub link: Link,
    /// What HELP was asked for and cannot say yet, and where.
    helping: Option<(u64, Vec<Vec<u8>>)>,
    session: Session,
}

/// A pane's connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// The engine has not started yet.
    #[default]
    Starting,
    /// Open.
    Up,
    /// Closed; the next command opens it again.
    Down,
    /// There is no engine any more.
    Gone,
}

/// What a pane cannot do by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Open a connection under this number; an open one is given up.
    Connect(u32),
    /// Give the connection up.
    Disconnect,
    /// Send these bytes.
    Send(Vec<u8>),
    /// Bring the descriptions of the commands to [`Pane::described`].
    Describe,
    /// Show a view of the studio; see [`crate::bridge::studio`].
    Studio(String),
}

impl Pane {
    /// An empty pane.
    pub fn new(id: u32) -> Self {
        Self { id, ..Self::default() }
    }

    /// The prompt, as redis-cli shows it but for the name.
    pub fn prompt(&self) -> String {
        match self.link {
            Link::Starting | Link::Up => format!("redstart{}> ", self.session.marks()),
            Link::Down | Link::Gone => "not connected> ".to_owned(),
        }
    }

    /// What the client knows of its connection.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Whether Ctrl-C has something to end besides the line being typed.
    pub fn is_busy(&self) -> bool {
        self.session.is_waiting() || self.session.is_listening()
    }

    /// Gives the pane a title, and its client that name.
    pub fn rename(&mut self, title: &str, now_ms: f64) -> Vec<Need> {
        self.title = title.to_owned();
        let mut needs = Vec::new();
        // In a transaction it would become a part of that.
        if self.link == Link::Up && !self.session.is_in_transaction() {
            self.name_client(&mut needs, now_ms);
        }
        needs
    }

    /// Calls the client as the pane is titled, if Redis would take that for a name, and nothing otherwise.
    fn name_client(&mut self, needs: &mut Vec<Need>, now_ms: f64) {
        let is_name = self.title.bytes().all(|byte| byte.is_ascii_graphic());
        let name = if is_name { self.title.as_bytes() } else { b"" };
        let words = vec![b"CLIENT".to_vec(), b"SETNAME".to_vec(), name.to_vec()];
        needs.push(Need::Send(self.session.send(words, None, now_ms).bytes));
    }

    /// Opens the pane's connection now that there is an engine.
    pub fn connect(&mut self, now_ms: f64) -> Vec<Need> {
        let mut needs = Vec::new();
        self.reconnect(&mut needs, now_ms);
        self.run(&mut needs, now_ms);
        needs
    }

    /// Enters a line.
    pub fn enter(&mut self, line: &str, now_ms: f64) -> Vec<Need> {
        self.queue.push(line);
        let mut needs = Vec::new();
        self.run(&mut needs, now_ms);
        needs
    }

    /// Ctrl-C: stops waiting and listening by opening a new connection, as redis-cli does; if
    /// there is nothing to stop, gives the line up.
    pub fn interrupt(&mut self, now_ms: f64) -> Vec<Need> {
        let mut needs = Vec::new();
        self.queue.clear();
        if self.is_busy() {
            self.give_up("^C\n");
            self.reconnect(&mut needs, now_ms);
        } else {
            let line = format!("{}^C", self.input.text());
            self.input = Input::default();
            self.echo(&line, "", false);
        }
        needs
    }

    /// Takes bytes from the engine.
    pub fn receive(&mut self, bytes: &[u8], now_ms: f64) -> Vec<Need> {
        let mut needs = Vec::new();
        for got in self.session.receive(bytes, self.output, now_ms) {
            match got {
                Got::Reply { mark, text, done_ms } => {
                    self.log.append(mark, &text);
                    if done_ms.is_some() && !self.session.awaits(mark) {
                        self.log.finish(mark, done_ms.filter(|took_ms| *took_ms >= SLOW_MS));
                    }
                }
                Got::Live(text) => self.log.push_live(&text),
                Got::Nonsense => {
                    self.give_up("Error: Protocol error, what the engine sent is no reply\n");
                    self.reconnect(&mut needs, now_ms);
                }
            }
        }
        // A lesson speaks of its panes by the names that it gave them.
        let is_named = !self.sandbox.is_empty() && !self.name.is_empty();
        if let Some(name) = self.session.take_name().filter(|_| !is_named) {
            self.title = String::from_utf8_lossy(&name).into_owned();
        }
        self.run(&mut needs, now_ms);
        needs
    }

    /// The engine has closed the connection.
    pub fn lost(&mut self, now_ms: f64) -> Vec<Need> {
        self.hung_up();
        self.link = Link::Down;
        let mut needs = Vec::new();
        self.run(&mut needs, now_ms);
        needs
    }

    /// The connection is lost, and there is somebody else who hosts the engine.
    pub fn moved(&mut self, now_ms: f64) -> Vec<Need> {
        self.hung_up();
        self.connect(now_ms)
    }

    /// There is no engine any more.
    pub fn gone(&mut self) {
        self.hung_up();
        self.queue.clear();
        self.link = Link::Gone;
    }

    /// Ends what waits, and says why unless that was wanted. Of a transaction it is said too: what comes next
    /// would be done at once, or whatever became of what was watched.
    fn hung_up(&mut self) {
        let is_missed = self.is_busy() || self.session.is_amid_transaction();
        let wanted = !is_missed || self.session.is_leaving();
        self.give_up(if wanted { "" } else { "Error: Server closed the connection\n" });
    }

    /// Shows something that the page says.
    pub fn notice(&mut self, text: &str) {
        self.log.push(BlockKind::Notice, text);
    }

    /// Runs the lines whose turn it is.
    fn run(&mut self, needs: &mut Vec<Need>, now_ms: f64) {
        let is_free = |pane: &Self| !pane.session.is_waiting() && pane.helping.is_none();
        while self.link != Link::Starting && is_free(self) {
            let Some(line) = self.queue.pop() else { break };
            self.execute(&line, needs, now_ms);
        }
    }

    fn execute(&mut self, line: &str, needs: &mut Vec<Need>, now_ms: f64) {
        let Ok(words) = words::split(line.as_bytes()) else {
            self.echo(line, "Invalid argument(s)\n", false);
            return;
        };
        let name = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        match (name.as_slice(), words.len()) {
            (_, 0) => {
                self.echo(line, "", false);
            }
            (b"clear", 1) => self.log.clear(),
            (b"help" | b"?", 1) => {
                self.echo(line, help::OVERVIEW, false);
            }
            (b"help" | b"?", _) => {
                let mark = self.echo(line, "", true);
                self.helping = Some((mark, words.into_iter().skip(1).collect()));
                needs.push(Need::Describe);
            }
            (b":set", _) => {
                let error = self.set(words.get(1..).unwrap_or_default());
                self.echo(line, error.err().unwrap_or_default(), false);
            }
            (b"tutorial", 1 | 2) | (b"next" | b"prev", 1) => {
                self.echo(line, "", false);
                let words =
                    words.iter().map(|word| String::from_utf8_lossy(word).to_ascii_lowercase());
                let words: Vec<String> = words.filter(|word| word != "tutorial").collect();
                needs.push(Need::Studio(format!("tutorial {}", words.concat())));
            }
            (b"quit" | b"exit", 1) => {
                self.echo(line, "", false);
                needs.push(Need::Disconnect);
                self.session.forget();
                self.link = if self.link == Link::Gone { Link::Gone } else { Link::Down };
            }
            _ => self.send(line, words, needs, now_ms),
        }
    }

    /// Says what HELP was asked for, with the descriptions of the commands or, if they cannot be had,
    /// anything else.
    pub fn described(&mut self, descriptions: &[u8], now_ms: f64) -> Vec<Need> {
        let mut needs = Vec::new();
        if let Some((mark, names)) = self.helping.take() {
            let text = help::help(&names, descriptions).unwrap_or_else(|| NO_HELP.to_owned());
            self.log.append(mark, &text);
            self.log.finish(mark, None);
        }
        self.run(&mut needs, now_ms);
        needs
    }

    /// Changes a setting of the terminal itself.
    fn set(&mut self, words: &[Vec<u8>]) -> Result<(), &'static str> {
        let lower: Vec<Vec<u8>> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        match lower.iter().map(Vec::as_slice).collect::<Vec<_>>().as_slice() {
            [b"hints"] => self.hides_hints = false,
            [b"nohints"] => self.hides_hints = true,
            [b"output", name] => {
                self.output = Output::named(name).ok_or(NO_OUTPUT)?;
            }
            _ => return Err(NO_SETTING),
        }
        Ok(())
    }

    fn send(&mut self, line: &str, words: Vec<Vec<u8>>, needs: &mut Vec<Need>, now_ms: f64) {
        if self.link == Link::Gone {
            self.echo(line, "Could not connect: the engine is not running\n", false);
            return;
        }
        let (repeat, words) = match repeated(words) {
            Ok(command) => command,
            Err(error) => {
                self.echo(line, error, false);
                return;
            }
        };
        if self.link == Link::Down {
            self.reconnect(needs, now_ms);
        }
        let mark = self.echo(line, "", true);
        let mut bytes = Vec::new();
        let mut answered = false;
        for _ in 0..repeat {
            let sent = self.session.send(words.clone(), Some(mark), now_ms);
            bytes.extend_from_slice(&sent.bytes);
            answered |= sent.answered;
        }
        if !answered {
            self.log.finish(mark, None);
        }
        needs.push(Need::Send(bytes));
    }

    /// Asks for a new connection and puts it on the database of the old one, under its name.
    fn reconnect(&mut self, needs: &mut Vec<Need>, now_ms: f64) {
        let db = self.session.db();
        self.session = Session::default();
        self.conn += 1;
        self.link = Link::Up;
        needs.push(Need::Connect(self.conn));
        if db != 0 {
            let select = vec![b"SELECT".to_vec(), db.to_string().into_bytes()];
            needs.push(Need::Send(self.session.send(select, None, now_ms).bytes));
        }
        if !self.title.is_empty() {
            self.name_client(needs, now_ms);
        }
    }

    /// Ends whatever waits for a reply, with `text` as its last words.
    fn give_up(&mut self, text: &str) {
        let waiting = self
            .log
            .blocks()
            .filter(|block| matches!(block.kind, BlockKind::Command { waiting: true, .. }));
        let waiting: Vec<u64> = waiting.map(|block| block.id).collect();
        if waiting.is_empty() && !text.is_empty() {
            self.log.push(BlockKind::Notice, text);
        }
        for id in waiting {
            self.log.append(id, text);
            self.log.finish(id, None);
        }
        self.session.forget();
    }

    /// Shows a line that was entered elsewhere, and what came of it.
    pub fn show(&mut self, prompt: &str, line: &str, text: &str) {
        let (prompt, line) = (prompt.to_owned(), line.to_owned());
        self.log.push(BlockKind::Command { prompt, line, waiting: false }, text);
    }

    /// Shows a line that was entered.
    fn echo(&mut self, line: &str, text: &str, waiting: bool) -> u64 {
        let kind = BlockKind::Command { prompt: self.prompt(), line: line.to_owned(), waiting };
        self.log.push(kind, text)
    }
}

/// A command and how often it is to be sent: redis-cli takes a number before it.
fn repeated(mut words: Vec<Vec<u8>>) -> Result<(u32, Vec<Vec<u8>>), &'static str> {
    let number = words.first().and_then(|word| std::str::from_utf8(word).ok()?.parse::<i64>().ok());
    let Some(number) = number.filter(|_| words.len() > 1) else { return Ok((1, words)) };
    words.remove(0);
    match u32::try_from(number) {
        Ok(count @ 1..=REPEAT_MAX) => Ok((count, words)),
        Ok(0) | Err(_) => Err("Invalid redis-cli repeat command option value.\n"),
        Ok(_) => Err("A command is repeated 10000 times at most here.\n"),
    }
}

/// What HELP says of a name that it does not know.
const NO_HELP: &str = "Nothing is known of that. HELP alone says what there is.\n";

/// What `:set` says of a setting that it does not know.
const NO_SETTING: &str = "The settings are `:set hints`, `:set nohints` and `:set output NAME`.\n";

/// What `:set output` says of a name that it does not know.
const NO_OUTPUT: &str = "Replies can be printed as standard, raw, csv or json.\n";

#[cfg(test)]
mod tests {
    use redstart::commands::DESCRIPTIONS;

    use super::*;

    /// A pane that is connected.
    fn pane() -> Pane {
        let mut pane = Pane::new(1);
        assert_eq!(pane.connect(0.0), [Need::Connect(1)]);
        pane
    }

    /// Everything on the screen.
    fn screen(pane: &Pane) -> String {
        let block = |block: &std::rc::Rc<super::super::Block>| match &block.kind {
            BlockKind::Command { prompt, line, waiting } => {
                let dots = if *waiting { "…" } else { "" };
                format!("{prompt}{line}{dots}\n{}", block.text)
            }
            BlockKind::Live | BlockKind::Notice => block.text.clone(),
        };
        pane.log.blocks().map(block).collect()
    }

    fn bytes(needs: &[Need]) -> String {
        let sent = |need: &Need| match need {
            Need::Send(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?} "),
        };
        needs.iter().map(sent).collect()
    }

    #[test]
    fn a_line_is_sent_and_its_reply_shown_below() {
        let mut pane = pane();
        assert_eq!(bytes(&pane.enter("ping", 0.0)), "*1\r\n$4\r\nping\r\n");
        assert_eq!(screen(&pane), "redstart> ping…\n");
        pane.receive(b"+PONG\r\n", 0.0);
        assert_eq!(screen(&pane), "redstart> ping\nPONG\n");
    }

    #[test]
    fn lines_wait_for_the_engine_and_for_replies() {
        let mut pane = Pane::new(1);
        assert_eq!(pane.enter("get a", 0.0), []);
        assert_eq!(pane.enter("get b", 0.0), []);
        assert_eq!(bytes(&pane.connect(0.0)), "Connect(1) *2\r\n$3\r\nget\r\n$1\r\na\r\n");
        assert_eq!(bytes(&pane.receive(b"$-1\r\n", 0.0)), "*2\r\n$3\r\nget\r\n$1\r\nb\r\n");
        pane.receive(b"$-1\r\n", 700.0);
        assert_eq!(screen(&pane), "redstart> get a\n(nil)\nredstart> get b\n(nil)\n");
        assert_eq!(pane.log.blocks().last().unwrap().took_ms, Some(700.0));
    }

    #[test]
    fn interrupting_reconnects_and_keeps_the_database() {
        let mut pane = pane();
        pane.enter("select 2", 0.0);
        pane.receive(b"+OK\r\n", 0.0);
        pane.enter("blpop q 0", 0.0);
        pane.enter("get a", 0.0);
        let needs = pane.interrupt(0.0);
        assert_eq!(bytes(&needs), "Connect(2) *2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n");
        pane.receive(b"+OK\r\n", 0.0);
        assert_eq!(pane.prompt(), "redstart[2]> ");
        let expect = "redstart> select 2\nOK\nredstart[2]> blpop q 0\n^C\n";
        assert_eq!(screen(&pane), expect);
        pane.input.set("half");
        assert_eq!(pane.interrupt(0.0), []);
        assert_eq!(screen(&pane), format!("{expect}redstart[2]> half^C\n"));
        assert_eq!(pane.input.text(), "");
    }

    #[test]
    fn a_pane_and_its_client_have_one_name() {
        let mut pane = pane();
        let named = |name: &str| {
            format!("*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n${}\r\n{name}\r\n", name.len())
        };
        assert_eq!(bytes(&pane.rename("worker", 0.0)), named("worker"));
        pane.receive(b"+OK\r\n", 0.0);
        assert_eq!((pane.title.as_str(), screen(&pane)), ("worker", String::new()));
        // Redis takes no blanks in a name.
        assert_eq!(bytes(&pane.rename("the worker", 0.0)), named(""));
        pane.receive(b"+OK\r\n", 0.0);
        assert_eq!(pane.title, "the worker");
        pane.enter("client setname reader", 0.0);
        pane.receive(b"+OK\r\n", 0.0);
        assert_eq!(pane.title, "reader");
        pane.enter("blpop q 0", 0.0);
        assert_eq!(bytes(&pane.interrupt(0.0)), format!("Connect(2) {}", named("reader")));
        pane.receive(b"+OK\r\n", 0.0);
        pane.enter("multi", 0.0);
        pane.receive(b"+OK\r\n", 0.0);
        assert_eq!(pane.rename("other", 0.0), []);
    }

    #[test]
    fn bad_quotes_never_reach_the_engine() {
        let mut pane = pane();
        assert_eq!(pane.enter("get \"a", 0.0), []);
        assert_eq!(screen(&pane), "redstart> get \"a\nInvalid argument(s)\n");
    }

    #[test]
    fn a_closed_connection_is_opened_by_the_next_command() {
        let mut pane = pane();
        pane.enter("blpop q 0", 0.0);
        assert_eq!(pane.lost(0.0), []);
        assert_eq!(pane.prompt(), "not connected> ");
        assert!(screen(&pane).ends_with("Error: Server closed the connection\n"));
        assert_eq!(bytes(&pane.enter("ping", 0.0)), "Connect(2) *1\r\n$4\r\nping\r\n");
        pane.receive(b"+PONG\r\n", 0.0);
        assert_eq!(pane.enter("quit", 0.0), [Need::Disconnect]);
        assert_eq!(pane.prompt(), "not connected> ");
    }

    /// What is typed next would be done at once, and not be undone by what others have changed.
    #[test]
    fn a_transaction_that_is_lost_is_told_of() {
        for (line, is_told) in
            [("multi", true), ("watch a", true), ("unwatch", false), ("get a", false)]
        {
            let mut pane = pane();
            pane.enter(line, 0.0);
            pane.receive(b"+OK\r\n", 0.0);
            pane.moved(0.0);
            assert_eq!(
                screen(&pane).ends_with("Server closed the connection\n"),
                is_told,
                "{line}"
            );
            assert_eq!(pane.prompt(), "redstart> ");
        }
        let mut pane = pane();
        for line in ["watch a", "multi", "exec"] {
            pane.enter(line, 0.0);
            pane.receive(b"+OK\r\n", 0.0);
        }
        pane.moved(0.0);
        assert!(screen(&pane).ends_with("OK\n"));
    }

    #[test]
    fn shutting_down_is_no_error() {
        let mut pane = pane();
        pane.enter("shutdown", 0.0);
        pane.lost(0.0);
        pane.gone();
        assert_eq!(screen(&pane), "redstart> shutdown\n");
        pane.enter("ping", 0.0);
        assert!(screen(&pane).ends_with("ping\nCould not connect: the engine is not running\n"));
    }

    #[test]
    fn a_number_in_front_repeats_a_command() {
        let mut pane = pane();
        let sent = bytes(&pane.enter("3 incr x", 0.0));
        assert_eq!(sent.matches("incr").count(), 3);
        pane.receive(b":1\r\n:2\r\n", 0.0);
        assert!(screen(&pane).starts_with("redstart> 3 incr x…"));
        pane.receive(b":3\r\n", 0.0);
        assert_eq!(screen(&pane), "redstart> 3 incr x\n(integer) 1\n(integer) 2\n(integer) 3\n");
        assert_eq!(pane.enter("-1 incr x", 0.0), []);
        assert!(screen(&pane).ends_with("Invalid redis-cli repeat command option value.\n"));
        assert_eq!(bytes(&pane.enter("7", 0.0)), "*1\r\n$1\r\n7\r\n");
    }

    #[test]
    fn replies_are_printed_as_wanted() {
        let mut pane = pane();
        assert_eq!(pane.enter(":set output JSON", 0.0), []);
        pane.enter("keys *", 0.0);
        pane.receive(b"*2\r\n$1\r\na\r\n$-1\r\n", 0.0);
        assert!(screen(&pane).ends_with("keys *\n[\"a\",null]\n"));
        pane.enter(":set output xml", 0.0);
        assert!(screen(&pane).ends_with(NO_OUTPUT));
        pane.enter(":set nohints", 0.0);
        assert!(pane.hides_hints);
        pane.enter(":set", 0.0);
        assert!(screen(&pane).ends_with(NO_SETTING));
    }

    #[test]
    fn clearing_and_helping_need_no_engine() {
        let mut pane = pane();
        pane.enter("help", 0.0);
        assert!(screen(&pane).contains("Ctrl-C"));
        assert_eq!(pane.enter("help get", 0.0), [Need::Describe]);
        assert!(screen(&pane).ends_with("redstart> help get…\n"));
        // What is entered meanwhile waits for its turn.
        assert_eq!(pane.enter("help nosuch", 0.0), []);
        assert_eq!(pane.described(&DESCRIPTIONS, 0.0), [Need::Describe]);
        assert!(screen(&pane).contains("help get\n\n  GET key\n  summary: "));
        pane.described(&DESCRIPTIONS, 0.0);
        assert!(screen(&pane).ends_with(NO_HELP));
        assert_eq!(pane.described(&DESCRIPTIONS, 0.0), []);
        assert_eq!(pane.enter("CLEAR", 0.0), []);
        assert_eq!(screen(&pane), "");
    }
}
