//! The addresses of names, looked up on a thread of their own, as that may take seconds.
//!
//! The thread begins with the first question and answers one after the other.

use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use mio::Waker;

use super::memory;
use crate::node::LinkId;

/// Who wants to know, and what; it comes back with the answer, to be freed where it was made.
type Question = (LinkId, String, u16);

/// A question and the addresses; none if there is no such name.
type Answer = (Question, Vec<SocketAddr>);

/// Questions and answers.
pub struct Names {
    waker: Arc<Waker>,
    /// Who still wants an answer.
    asked: BTreeSet<LinkId>,
    thread: Option<Sender<Question>>,
    answers: (Sender<Answer>, Receiver<Answer>),
}

impl Names {
    /// Nobody has asked yet. Answers wake the event loop through `waker`.
    pub fn new(waker: Arc<Waker>) -> Self {
        Self { waker, asked: BTreeSet::new(), thread: None, answers: mpsc::channel() }
    }

    /// Asks for the addresses of `host`.
    pub fn ask(&mut self, link: LinkId, host: String, port: u16) {
        self.asked.insert(link);
        if self.thread.is_none() {
            self.thread = self.start();
        }
        let question = (link, host, port);
        let failed = match &self.thread {
            Some(thread) => thread.send(question).err().map(|error| error.0),
            None => Some(question),
        };
        if let Some(question) = failed {
            // No more threads, which is as bad as no such name. The loop is woken to see it, and if not, it
            // will when it wakes next.
            let _ = (self.answers.0.send((question, Vec::new())), self.waker.wake());
        }
    }

    /// Nobody wants to know any more.
    pub fn forget(&mut self, link: LinkId) {
        self.asked.remove(&link);
    }

    /// The next answer that somebody wants.
    pub fn answer(&mut self) -> Option<(LinkId, Vec<SocketAddr>)> {
        loop {
            let ((link, ..), addrs) = self.answers.1.try_recv().ok()?;
            memory::adopt(addrs.capacity() * size_of::<SocketAddr>());
            if self.asked.remove(&link) {
                return Some((link, addrs));
            }
        }
    }

    fn start(&self) -> Option<Sender<Question>> {
        let (questions, queue) = mpsc::channel::<Question>();
        let (answers, waker) = (self.answers.0.clone(), self.waker.clone());
        let work = move || {
            for question in queue {
                let found = (question.1.as_str(), question.2).to_socket_addrs();
                let addrs = found.map(Iterator::collect).unwrap_or_default();
                // Nobody listens where the server is ending.
                if answers.send((question, addrs)).is_err() || waker.wake().is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("names".into()).spawn(work).ok()?;
        Some(questions)
    }
}
