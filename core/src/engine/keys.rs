//! Keys as commands see them, under the rules that hold for every command: an expired key is not
//! there, a read counts as a hit or a miss, a change is told to watchers, waiters and subscribers.

use super::{Class, Ctx};
use crate::base::Error;
use crate::ds::QuickList;
use crate::store::db::Found;
use crate::store::{Type, Value, ValueMut, ValueRef};

impl<'b> Ctx<'b> {
    /// Removes `key` if it has expired; every look-up comes through here.
    pub fn expire_if_due(&mut self, key: &[u8]) {
        let db = self.session.db;
        let now_ms = self.now.unix_ms();
        let Some(found) = self.engine.shard.dbs[db].get(key) else { return };
        if found.expires_ms.is_some_and(|at| at < now_ms) {
            self.engine.expired(db, key);
        }
    }

    /// What `key` holds, for a command that reads: counted as a hit or a miss.
    pub fn read(&mut self, key: &[u8]) -> Option<Found<'_>> {
        self.expire_if_due(key);
        let engine = &mut *self.engine;
        let found = engine.shard.dbs[self.session.db].get(key);
        match found {
            Some(_) => engine.stats.keyspace_hits += 1,
            None => engine.stats.keyspace_misses += 1,
        }
        found
    }

    /// What `key` holds, for a command that will change it or only asks about the key itself.
    pub fn look(&mut self, key: &[u8]) -> Option<Found<'_>> {
        self.expire_if_due(key);
        self.engine.shard.dbs[self.session.db].get(key)
    }

    /// The list that `key` holds, to read.
    pub fn read_list(&mut self, key: &[u8]) -> Result<Option<&QuickList>, Error> {
        match self.read(key).map(|found| found.value) {
            None => Ok(None),
            Some(ValueRef::List(list)) => Ok(Some(list)),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The list that `key` holds, to change.
    pub fn list_mut(&mut self, key: &[u8]) -> Result<Option<&mut QuickList>, Error> {
        self.expire_if_due(key);
        match self.engine.shard.dbs[self.session.db].get_mut(key) {
            None => Ok(None),
            Some(ValueMut::List(list)) => Ok(Some(list)),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// Stores `value` under `key` in the place of what was there. Tells nobody; see
    /// [`Ctx::changed`].
    pub fn insert(&mut self, key: &[u8], value: Value, expires_ms: Option<i64>) {
        let db = self.session.db;
        if self.engine.shard.dbs[db].insert(key, value, expires_ms) {
            self.engine.notify(Class::New, "new", db, key);
        }
    }

    /// `key` of the selected database was changed by what is called `event`: watchers, waiters and
    /// subscribers are told, and it counts as one change for the save points.
    pub fn changed(&mut self, key: &[u8], class: Class, event: &str) {
        let db = self.session.db;
        self.engine.changed(db, key, class, event);
    }

    /// Removes `key`, which is there, telling nobody.
    pub fn remove(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        self.engine.shard.dbs[self.session.db].remove(key)
    }

    /// The type of what `key` holds.
    pub fn kind(&mut self, key: &[u8]) -> Option<Type> {
        self.look(key).map(|found| found.value.kind())
    }
}

impl super::Engine {
    /// See [`Ctx::changed`].
    pub fn changed(&mut self, db: usize, key: &[u8], class: Class, event: &str) {
        self.touched(db, key);
        self.dirty += 1;
        self.notify(class, event, db, key);
    }

    /// What `key` holds is no longer what it was: watchers and waiters are told.
    pub fn touched(&mut self, db: usize, key: &[u8]) {
        self.shard.watches.changed(db, key);
        self.shard.waiters.changed(db, key);
    }

    /// Removes a key that has expired.
    pub fn expired(&mut self, db: usize, key: &[u8]) {
        self.shard.dbs[db].remove(key);
        self.has_expired(db, key);
    }

    /// Tells of a key that was removed because it has expired. Transactions that watch it see that
    /// by themselves; see [`transaction`](super::transaction).
    pub fn has_expired(&mut self, db: usize, key: &[u8]) {
        self.stats.expired_keys += 1;
        self.shard.waiters.changed(db, key);
        self.notify(Class::Expired, "expired", db, key);
    }

    /// Publishes a keyspace event, if anyone wants such events.
    pub fn notify(&mut self, _class: Class, _event: &str, _db: usize, _key: &[u8]) {}
}
