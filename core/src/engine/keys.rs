//! Keys as commands see them, under the rules that hold for every command: an expired key is not
//! there, a read counts as a hit or a miss, a change is told to watchers, waiters and subscribers.

use super::{Class, Ctx};
use crate::base::Error;
use crate::ds::QuickList;
use crate::ds::quicklist::Limits;
use crate::resp::Out;
use crate::store::db::Found;
use crate::store::{Db, Type, Value, ValueMut, ValueRef};

impl<'b> Ctx<'b> {
    /// Removes `key` if it has expired, and notes that it is being used if it has not. Returns
    /// whether it is there. Every look-up comes through here.
    pub fn expire_if_due(&mut self, key: &[u8]) -> bool {
        let Some(access) = self.live_access(key) else { return false };
        if !self.session.no_touch {
            let db = self.session.db;
            self.engine.mark_used(db, key, access);
        }
        true
    }

    /// The access bits of `key`, or `None` if there is none; removes it if it has expired.
    fn live_access(&mut self, key: &[u8]) -> Option<u32> {
        self.engine.live_access(self.now.unix_ms(), self.session.db, key)
    }

    /// Whether there is a `key`, which is not used by that; removes it if it has expired.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.live_access(key).is_some()
    }

    /// Whether database `db` holds `key`; removes it if it has expired.
    pub fn exists_in(&mut self, db: usize, key: &[u8]) -> bool {
        self.engine.live_access(self.now.unix_ms(), db, key).is_some()
    }

    /// What `key` holds, for a command that reads: counted as a hit or a miss.
    pub fn read(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let is_there = self.expire_if_due(key);
        self.count_read(key, is_there);
        if is_there { self.engine.shard.dbs[self.session.db].get(key) } else { None }
    }

    /// As [`Ctx::read`], for a command that asks about the key rather than for what it holds: it
    /// does not count as a use of the key.
    pub fn ask(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let is_there = self.live_access(key).is_some();
        self.count_read(key, is_there);
        if is_there { self.engine.shard.dbs[self.session.db].get(key) } else { None }
    }

    /// As [`Ctx::ask`], without telling anyone of a miss.
    pub fn inspect(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let is_there = self.live_access(key).is_some();
        let stats = &mut self.engine.stats;
        stats.keyspace_hits += u64::from(is_there);
        stats.keyspace_misses += u64::from(!is_there);
        if is_there { self.engine.shard.dbs[self.session.db].get(key) } else { None }
    }

    fn count_read(&mut self, key: &[u8], is_there: bool) {
        if is_there {
            self.engine.stats.keyspace_hits += 1;
        } else {
            self.engine.stats.keyspace_misses += 1;
            self.engine.notify(Class::KeyMiss, "keymiss", self.session.db, key);
        }
    }

    /// What `key` holds, for a command that will change it.
    pub fn look(&mut self, key: &[u8]) -> Option<Found<'_>> {
        if !self.expire_if_due(key) {
            return None;
        }
        self.engine.shard.dbs[self.session.db].get(key)
    }

    /// As [`Ctx::read`], with the output beside it, so that a reply can be written straight from the
    /// value.
    #[inline]
    pub fn read_beside_out(&mut self, key: &[u8]) -> (Option<Found<'_>>, &mut Out) {
        let is_there = self.expire_if_due(key);
        self.count_read(key, is_there);
        let db = &self.engine.shard.dbs[self.session.db];
        (if is_there { db.get(key) } else { None }, self.out)
    }

    /// As [`Ctx::look`], with the output beside it.
    pub fn look_beside_out(&mut self, key: &[u8]) -> (Option<Found<'_>>, &mut Out) {
        let is_there = self.expire_if_due(key);
        let db = &self.engine.shard.dbs[self.session.db];
        (if is_there { db.get(key) } else { None }, self.out)
    }

    /// The list that `key` holds, to read, with the output beside it.
    pub fn read_list(&mut self, key: &[u8]) -> Result<Option<(&QuickList, &mut Out)>, Error> {
        let (found, out) = self.read_beside_out(key);
        match found.map(|found| found.value) {
            None => Ok(None),
            Some(ValueRef::List(list)) => Ok(Some((list, out))),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The list that `key` holds, to change.
    pub fn list_mut(&mut self, key: &[u8]) -> Result<Option<&mut QuickList>, Error> {
        Ok(self.list_and_out(key)?.map(|(list, _)| list))
    }

    /// The list that `key` holds, to change, with the output beside it.
    pub fn list_and_out(
        &mut self,
        key: &[u8],
    ) -> Result<Option<(&mut QuickList, &mut Out)>, Error> {
        if !self.expire_if_due(key) {
            return Ok(None);
        }
        match self.engine.shard.dbs[self.session.db].get_mut(key) {
            None => Ok(None),
            Some(ValueMut::List(list)) => Ok(Some((list, self.out))),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// What a node of a list may hold.
    pub fn list_limits(&self) -> Limits {
        Limits { fill: self.config.list_max_listpack_size, plain_from: self.packed_threshold }
    }

    /// Stores `value` under `key` in the place of what was there. Tells nobody; see
    /// [`Ctx::changed`].
    pub fn insert(&mut self, key: &[u8], value: Value, expires_ms: Option<i64>) {
        let db = self.session.db;
        self.engine.insert(db, key, value, expires_ms);
    }

    /// Stores a string, as [`Ctx::insert`]; as a number if it is exactly the digits of one.
    #[inline]
    pub fn insert_str(&mut self, key: &[u8], bytes: &[u8], expires_ms: Option<i64>) {
        let db = self.session.db;
        self.engine.insert_by(db, key, |db| db.insert_str(key, bytes, expires_ms));
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

    /// Removes `key` and frees what it held, much of it later; tells nobody. Returns whether the key
    /// was there.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        self.engine.shard.dbs[self.session.db].delete(key)
    }

    /// Changes the number that `key`, which is there, holds, telling nobody.
    pub fn set_int(&mut self, key: &[u8], number: i64) {
        self.engine.shard.dbs[self.session.db].set_int(key, number);
    }

    /// Changes the string that `key`, which is there, holds, as
    /// [`Db::edit_str`](crate::store::Db::edit_str), telling nobody.
    pub fn edit_str<R>(&mut self, key: &[u8], edit: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
        self.engine.shard.dbs[self.session.db].edit_str(key, edit)
    }

    /// As [`Ctx::changed`], of a second event that belongs to the same change.
    pub fn changed_too(&mut self, key: &[u8], class: Class, event: &str) {
        self.engine.notify(class, event, self.session.db, key);
    }

    /// Sets or takes away when `key`, which is there, expires (milliseconds since 1970), telling
    /// nobody.
    pub fn set_expiry(&mut self, key: &[u8], expires_ms: Option<i64>) {
        self.engine.shard.dbs[self.session.db].set_expiry(key, expires_ms);
    }

    /// The database that a client calls `index`.
    pub fn db_index(&self, index: i32) -> Result<usize, Error> {
        let index = usize::try_from(index).ok().filter(|&index| index < self.shard.dbs.len());
        index.ok_or(Error::DbIndexOutOfRange)
    }

    /// The type of what `key` holds.
    pub fn kind(&mut self, key: &[u8]) -> Option<Type> {
        self.look(key).map(|found| found.value.kind())
    }
}

impl super::Engine {
    /// The access bits of `key` in database `db`, or `None` if there is none; removes it if it has
    /// expired.
    fn live_access(&mut self, now_ms: i64, db: usize, key: &[u8]) -> Option<u32> {
        let found = self.shard.dbs[db].get(key)?;
        if found.expires_ms.is_some_and(|at| at < now_ms) {
            self.expire_lazily(db, key);
            return None;
        }
        Some(found.access)
    }

    /// Notes that `key`, whose access bits are `access`, is used.
    pub fn mark_used(&mut self, db: usize, key: &[u8], access: u32) {
        let now = self.used(access);
        if now != access {
            self.shard.dbs[db].set_access(key, now);
        }
    }

    /// See [`Ctx::insert`].
    pub fn insert(&mut self, db: usize, key: &[u8], value: Value, expires_ms: Option<i64>) {
        self.insert_by(db, key, |db| db.insert(key, value, expires_ms));
    }

    /// Stores something under `key` with `insert`, which returns whether the key is new.
    #[inline]
    fn insert_by(&mut self, db: usize, key: &[u8], insert: impl FnOnce(&mut Db) -> bool) {
        // A key that gets another value is used as often as before.
        let counter = self.counts_frequency().then(|| self.shard.dbs[db].get(key));
        let counter = counter.flatten().map(|found| found.access);
        if insert(&mut self.shard.dbs[db]) {
            self.notify(Class::New, "new", db, key);
        } else if let Some(counter) = counter {
            self.shard.dbs[db].set_access(key, counter);
        }
    }

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
        self.invalidate(key);
    }

    /// Removes a key that was found to have expired. While CLIENT PAUSE holds, it only counts as
    /// gone, because nothing is to change then.
    pub fn expire_lazily(&mut self, db: usize, key: &[u8]) {
        if self.pause.until.is_none() {
            self.expired(db, key);
        }
    }

    /// Removes a key that has expired.
    pub fn expired(&mut self, db: usize, key: &[u8]) {
        self.shard.dbs[db].delete(key);
        self.has_expired(db, key);
    }

    /// Tells of a key that was removed because it has expired. Transactions that watch it see that
    /// by themselves; see [`transaction`](super::transaction).
    pub fn has_expired(&mut self, db: usize, key: &[u8]) {
        self.stats.expired_keys += 1;
        self.shard.waiters.changed(db, key);
        self.invalidate(key);
        self.notify(Class::Expired, "expired", db, key);
    }
}
