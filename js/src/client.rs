//! A client: commands become promises.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::{Array, Error, Function, Promise};
use redstart::node::ConnId;
use redstart::resp::Reply;
use redstart_web::terminal::session::request;
use wasm_bindgen::prelude::*;

use crate::connection::call;
use crate::host::{Host, Peer};
use crate::options::Shape;
use crate::words::{self, type_error};

/// What is done with a reply, or with the reason why there will be none.
pub(crate) type Answer = Box<dyn FnOnce(Result<&Reply, JsValue>)>;

/// What is done with a message that answers nothing.
pub(crate) type Listener = Box<dyn Fn(&Reply)>;

/// The client's side of a connection.
pub(crate) struct Line {
    pub(crate) host: Rc<Host>,
    pub(crate) shape: Shape,
    conn: Cell<Option<ConnId>>,
    /// What waits for a reply, in the order the commands were sent.
    pending: RefCell<VecDeque<Answer>>,
    /// Bytes of a reply that is not whole yet.
    unread: RefCell<Vec<u8>>,
    listener: RefCell<Option<Rc<Listener>>>,
}

impl Line {
    /// Opens a connection that speaks the protocol of `shape`.
    pub(crate) fn open(host: &Rc<Host>, shape: Shape) -> Rc<Self> {
        let line = Rc::new(Self {
            host: host.clone(),
            shape,
            conn: Cell::new(None),
            pending: RefCell::default(),
            unread: RefCell::default(),
            listener: RefCell::default(),
        });
        line.conn.set(host.open(line.clone()));
        if shape.resp3 {
            line.send(&[b"HELLO".to_vec(), b"3".to_vec()], Box::new(|_| ()));
        }
        line
    }

    /// Whether commands can be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.conn.get().is_some()
    }

    /// Whether a reply is still to come.
    fn is_waiting(&self) -> bool {
        !self.pending.borrow().is_empty()
    }

    /// Has messages that answer nothing go to `listener`.
    pub(crate) fn listen(&self, listener: Listener) {
        *self.listener.borrow_mut() = Some(Rc::new(listener));
    }

    /// Sends a command.
    pub(crate) fn send(&self, words: &[Vec<u8>], answer: Answer) {
        self.send_all(request(words), vec![answer]);
    }

    /// Sends several commands at once, which `bytes` are.
    fn send_all(&self, bytes: Vec<u8>, answers: Vec<Answer>) {
        match self.conn.get() {
            Some(conn) => {
                self.pending.borrow_mut().extend(answers);
                self.host.send(conn, bytes);
            }
            None => answers.into_iter().for_each(|answer| answer(Err(closed()))),
        }
    }

    /// Sends a command; the promise is of its reply.
    pub(crate) fn promise(&self, words: &[Vec<u8>]) -> Promise {
        Settle::promise(&self.host, |settle| self.send(words, self.settle(settle)))
    }

    /// As [`Line::promise`], of values as they come from JavaScript.
    pub(crate) fn command(&self, values: Vec<JsValue>) -> Promise {
        match allowed(values) {
            Ok(words) => self.promise(&words),
            Err(error) => Promise::reject(&error),
        }
    }

    /// Sends commands at once; the promise is of an array of their replies, errors among them.
    pub(crate) fn pipeline(&self, commands: &Array) -> Promise {
        let commands = match all_allowed(commands) {
            Ok(commands) => commands,
            Err(error) => return Promise::reject(&error),
        };
        if commands.is_empty() {
            return Promise::resolve(&JsValue::from(Array::new()));
        }
        Settle::promise(&self.host, |settle| {
            let replies = Array::new_with_length(commands.len() as u32);
            let left = Rc::new(Cell::new(commands.len()));
            let shape = self.shape;
            let answer = |index: usize| -> Answer {
                let (settle, replies, left) = (settle.clone(), replies.clone(), left.clone());
                Box::new(move |reply| match reply {
                    Ok(reply) => {
                        replies.set(index as u32, shape.value(reply));
                        left.set(left.get() - 1);
                        if left.get() == 0 {
                            settle.fulfil(&replies);
                        }
                    }
                    Err(why) => settle.fail(&why),
                })
            };
            let bytes = commands.iter().flat_map(|words| request(words)).collect();
            self.send_all(bytes, (0..commands.len()).map(answer).collect());
        })
    }

    /// Sends a transaction; the promise is of EXEC's reply.
    pub(crate) fn transaction(&self, commands: &Array) -> Promise {
        let mut commands = match all_allowed(commands) {
            Ok(commands) => commands,
            Err(error) => return Promise::reject(&error),
        };
        commands.insert(0, vec![b"MULTI".to_vec()]);
        commands.push(vec![b"EXEC".to_vec()]);
        Settle::promise(&self.host, |settle| {
            let ignored = || -> Answer { Box::new(|_| ()) };
            let mut answers: Vec<Answer> = (1..commands.len()).map(|_| ignored()).collect();
            answers.push(self.settle(settle));
            let bytes = commands.iter().flat_map(|words| request(words)).collect();
            self.send_all(bytes, answers);
        })
    }

    fn settle(&self, settle: Rc<Settle>) -> Answer {
        let shape = self.shape;
        Box::new(move |reply| match reply {
            Ok(reply) if is_error(reply) => settle.fail(&shape.value(reply)),
            Ok(reply) => settle.fulfil(&shape.value(reply)),
            Err(why) => settle.fail(&why),
        })
    }

    /// Closes the connection; what is awaited is refused.
    pub(crate) fn close(&self) {
        if let Some(conn) = self.conn.take() {
            self.host.hang_up(conn);
            self.refuse_all();
        }
    }

    fn refuse_all(&self) {
        let pending = std::mem::take(&mut *self.pending.borrow_mut());
        pending.into_iter().for_each(|answer| answer(Err(closed())));
    }

    fn take(&self, reply: &Reply) {
        let answer = match reply {
            Reply::Push(_) => None,
            _ => self.pending.borrow_mut().pop_front(),
        };
        if let Some(answer) = answer {
            return answer(Ok(reply));
        }
        let listener = self.listener.borrow().clone();
        if let Some(listener) = listener {
            listener(reply);
        }
    }
}

impl Peer for Line {
    fn receive(&self, bytes: &[u8]) {
        let mut unread = std::mem::take(&mut *self.unread.borrow_mut());
        unread.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(rest) = unread.get(start..)
            && let Ok(Some((reply, length))) = Reply::read(rest)
        {
            start += length;
            self.take(&reply);
        }
        unread.drain(..start);
        *self.unread.borrow_mut() = unread;
    }

    fn lost(&self) {
        self.conn.set(None);
        self.refuse_all();
    }
}

/// The two ends of a promise, which counts as awaited until one of them is used.
struct Settle {
    host: Rc<Host>,
    resolve: Function,
    reject: Function,
    is_done: Cell<bool>,
}

impl Settle {
    /// A promise that `start` sees to.
    fn promise(host: &Rc<Host>, start: impl FnOnce(Rc<Self>)) -> Promise {
        host.count_awaited(1);
        let mut ends = None;
        let promise = Promise::new(&mut |resolve, reject| ends = Some((resolve, reject)));
        if let Some((resolve, reject)) = ends {
            start(Rc::new(Self { host: host.clone(), resolve, reject, is_done: Cell::new(false) }));
        }
        promise
    }

    fn fulfil(&self, value: &JsValue) {
        self.end(&self.resolve, value);
    }

    fn fail(&self, why: &JsValue) {
        self.end(&self.reject, why);
    }

    fn end(&self, end: &Function, value: &JsValue) {
        if !self.is_done.replace(true) {
            self.host.count_awaited(-1);
            call(end, value);
        }
    }
}

/// Whether a reply is an error as a whole.
pub(crate) fn is_error(reply: &Reply) -> bool {
    match reply {
        Reply::Error(_) | Reply::BulkError(_) => true,
        Reply::Attributed(_, reply) => is_error(reply),
        _ => false,
    }
}

/// Why there is no reply.
pub(crate) fn closed() -> JsValue {
    Error::new("the connection is closed").into()
}

/// Why a command cannot be sent by a client whose replies come one after the other.
fn refusal(words: &[Vec<u8>]) -> Option<JsValue> {
    let is = |index: usize, expect: &str| {
        words.get(index).is_some_and(|word| word.eq_ignore_ascii_case(expect.as_bytes()))
    };
    let subscribes = ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"];
    let unsubscribes = ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"];
    if subscribes.iter().chain(&unsubscribes).any(|name| is(0, name)) {
        return Some(type_error("use subscribe(), psubscribe() or ssubscribe()"));
    }
    if is(0, "MONITOR") {
        return Some(type_error("use monitor()"));
    }
    if is(0, "CLIENT") && is(1, "REPLY") && !is(2, "ON") {
        return Some(type_error("a promise needs a reply; let it go if you do not want it"));
    }
    None
}

/// The words of one command, if a client may send it.
fn allowed(values: Vec<JsValue>) -> Result<Vec<Vec<u8>>, JsValue> {
    let words = words::read(values)?;
    refusal(&words).map_or(Ok(words), Err)
}

/// The words of several commands, if a client may send them.
fn all_allowed(commands: &Array) -> Result<Vec<Vec<Vec<u8>>>, JsValue> {
    let command = |command: JsValue| match command.dyn_ref::<Array>() {
        Some(words) => allowed(words.to_vec()),
        None => Err(type_error("each command is an array of words")),
    };
    commands.iter().map(command).collect()
}

/// A client with a connection of its own: it selects its database, opens its transactions, and waits
/// without others waiting. Made by {@link Redstart.client}.
#[wasm_bindgen]
pub struct Client {
    pub(crate) line: Rc<Line>,
}

impl Drop for Client {
    fn drop(&mut self) {
        // Somebody may await a reply without holding the client.
        if !self.line.is_waiting() {
            self.line.close();
        }
    }
}

#[wasm_bindgen]
impl Client {
    #[wasm_bindgen(skip_typescript, variadic)]
    pub fn command(&self, words: Vec<JsValue>) -> Promise {
        self.line.command(words)
    }

    #[wasm_bindgen(skip_typescript)]
    pub fn pipeline(&self, commands: &Array) -> Promise {
        self.line.pipeline(commands)
    }

    #[wasm_bindgen(skip_typescript)]
    pub fn transaction(&self, commands: &Array) -> Promise {
        self.line.transaction(commands)
    }

    /// Has messages that answer no command go to `listener`: what `CLIENT TRACKING` announces, in the
    /// third protocol, as an array such as `["invalidate", ["key"]]`.
    #[wasm_bindgen(js_name = onPush)]
    pub fn on_push(
        &self,
        #[wasm_bindgen(unchecked_param_type = "(message: Reply) => void")] listener: Function,
    ) {
        let shape = self.line.shape;
        self.line.listen(Box::new(move |reply| call(&listener, &shape.value(reply))));
    }

    /// Closes the connection. Promises that are not settled are rejected.
    pub fn close(&self) {
        self.line.close();
    }

    /// Whether the connection is open.
    #[wasm_bindgen(getter, js_name = isOpen)]
    pub fn is_open(&self) -> bool {
        self.line.is_open()
    }
}
