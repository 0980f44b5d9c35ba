//! Transactions: what WATCH, EXEC and the end of a connection have in common.
//!
//! A watched key has a version, which every change raises (see [`Watches`](crate::store::Watches)).
//! That a key expires raises nothing, since an expired key is gone whether or not anyone has
//! removed it yet: EXEC sees by itself that a key which was there no longer is. So it makes no
//! difference to a transaction when expired keys are cleared away.

use super::{Ctx, Engine};
use crate::base::time::Time;
use crate::resp::OwnedArgv;
use crate::session::{Client, Session, Watch};
use crate::store::DbKey;

impl Ctx<'_> {
    /// Watches `key` of the selected database; nothing happens if it is watched already.
    pub fn watch(&mut self, key: &[u8]) {
        let key: DbKey = (self.session.db, key.into());
        if self.session.watched.contains_key(&key) {
            return;
        }
        let existed = self.engine.is_live(key.0, &key.1, self.now.unix_ms());
        let version = self.engine.shard.watches.watch(key.clone());
        self.session.watched.insert(key, Watch { version, existed });
    }

    /// Whether a watched key has changed since it was watched.
    pub fn is_dirty(&self) -> bool {
        self.engine.is_dirty(self.session, self.now.unix_ms())
    }

    /// Watches nothing any more.
    pub fn unwatch_all(&mut self) {
        self.engine.unwatch_all(self.session);
    }

    /// Leaves the transaction without running it, and watches nothing any more.
    pub fn end_transaction(&mut self) {
        self.engine.end_transaction(self.session);
    }
}

impl Engine {
    /// Whether a key that `session` watches has changed since it was watched.
    pub fn is_dirty(&self, session: &Session, now_ms: i64) -> bool {
        session.watched.iter().any(|((db, key), watch)| {
            self.shard.watches.version(db, key) != Some(watch.version)
                || (watch.existed && !self.is_live(db, key, now_ms))
        })
    }

    /// See [`Ctx::unwatch_all`].
    pub fn unwatch_all(&mut self, session: &mut Session) {
        for (db, key) in std::mem::take(&mut session.watched).keys() {
            self.shard.watches.unwatch(db, key);
        }
    }

    /// See [`Ctx::end_transaction`].
    pub fn end_transaction(&mut self, session: &mut Session) {
        session.multi = None;
        self.unwatch_all(session);
    }

    /// Runs what is left of the transaction of `client`, which one of its commands has kept waiting, if
    /// that is done.
    pub fn go_on_with_transaction(&mut self, now: Time, client: &mut Client) {
        if client.session.executing.is_none() || client.session.blocked.is_some() {
            return;
        }
        let exec: OwnedArgv = [b"EXEC".as_slice()].into_iter().collect();
        let Ok(entry) = self.find(exec.view()) else { return };
        self.stopwatch.begin(client.out.owed());
        self.call_again(now, client, entry, exec.view());
        if client.session.blocked.is_some() {
            self.enqueue_blocked(client);
        }
    }

    /// Whether `key` is stored in database `db` and has not expired at `now_ms`.
    pub fn is_live(&self, db: usize, key: &[u8], now_ms: i64) -> bool {
        let found = self.shard.dbs.get(db).and_then(|db| db.get(key));
        found.is_some_and(|found| found.expires_ms.is_none_or(|at| at >= now_ms))
    }
}
