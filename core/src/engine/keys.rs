//! Keys as commands see them, under the rules that hold for every command: an expired key is not
//! there, a read counts as a hit or a miss, a change is told to watchers, waiters and subscribers.

use super::{Class, Ctx};
use crate::base::Error;
use crate::base::time::Time;
use crate::ds::hash;
use crate::ds::hash::HashRef;
use crate::ds::quicklist::Limits;
use crate::ds::stream::StreamLimits;
use crate::ds::{Array, Hash, QuickList, Set, SortedSet, Stream, set, zset};
use crate::resp::Out;
use crate::store::db::{At, Found};
use crate::store::{Db, Type, Value, ValueMut, ValueRef};

impl<'b> Ctx<'b> {
    /// Where `key` is, which is being used; removes it if it has expired. Every look-up of a key that
    /// counts as a use comes through here.
    #[inline]
    pub fn use_key(&mut self, key: &[u8]) -> Option<At> {
        let at = self.live(key)?;
        if !self.session.no_touch {
            self.engine.mark_used(self.session.db, at);
        }
        Some(at)
    }

    /// Where `key` is; removes it if it has expired.
    #[inline]
    fn live(&mut self, key: &[u8]) -> Option<At> {
        let hash = self.hash(key);
        self.engine.live_hashed(self.expiry_ms(), self.session.db, hash, key)
    }

    /// The hash of `key`, which is known already if it is the key that was looked at ahead.
    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        match self.ahead {
            Some((known, hash)) if std::ptr::eq(known, key) => hash,
            _ => self.engine.shard.hash(key),
        }
    }

    /// Whether there is a `key`, which is not used by that; removes it if it has expired.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.live(key).is_some()
    }

    /// Whether database `db` holds `key`; removes it if it has expired.
    pub fn exists_in(&mut self, db: usize, key: &[u8]) -> bool {
        self.engine.live(self.expiry_ms(), db, key).is_some()
    }

    /// What `key` holds, for a command that reads: counted as a hit or a miss.
    pub fn read(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let at = self.use_key(key);
        self.count_read(key, at.is_some());
        at.map(|at| self.engine.shard.db(self.session.db).get_at(at))
    }

    /// As [`Ctx::read`], for a command that asks about the key rather than for what it holds: it
    /// does not count as a use of the key.
    pub fn ask(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let at = self.live(key);
        self.count_read(key, at.is_some());
        at.map(|at| self.engine.shard.db(self.session.db).get_at(at))
    }

    /// As [`Ctx::ask`], without telling anyone of a miss.
    pub fn inspect(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let at = self.live(key);
        let stats = &mut self.engine.stats;
        stats.keyspace_hits += u64::from(at.is_some());
        stats.keyspace_misses += u64::from(at.is_none());
        at.map(|at| self.engine.shard.db(self.session.db).get_at(at))
    }

    #[inline]
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
        let at = self.use_key(key)?;
        Some(self.engine.shard.db(self.session.db).get_at(at))
    }

    /// As [`Ctx::read`], with the output beside it, so that a reply can be written straight from the
    /// value.
    #[inline]
    pub fn read_beside_out(&mut self, key: &[u8]) -> (Option<Found<'_>>, &mut Out) {
        let at = self.use_key(key);
        self.count_read(key, at.is_some());
        let db = self.engine.shard.db(self.session.db);
        (at.map(|at| db.get_at(at)), self.out)
    }

    /// As [`Ctx::look`], with the output beside it.
    #[inline]
    pub fn look_beside_out(&mut self, key: &[u8]) -> (Option<Found<'_>>, &mut Out) {
        let at = self.use_key(key);
        let db = self.engine.shard.db(self.session.db);
        (at.map(|at| db.get_at(at)), self.out)
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
        let Some(at) = self.use_key(key) else { return Ok(None) };
        match self.engine.shard.db_mut(self.session.db).get_mut_at(at) {
            ValueMut::List(list) => Ok(Some((list, self.out))),
            _ => Err(Error::WrongType),
        }
    }

    /// The sorted set that `key` holds, to read, with the output beside it.
    pub fn read_zset(&mut self, key: &[u8]) -> Result<Option<(&SortedSet, &mut Out)>, Error> {
        let (found, out) = self.read_beside_out(key);
        match found.map(|found| found.value) {
            None => Ok(None),
            Some(ValueRef::SortedSet(set)) => Ok(Some((set, out))),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The sorted set that `key` holds, to change.
    pub fn zset_mut(&mut self, key: &[u8]) -> Result<Option<&mut SortedSet>, Error> {
        Ok(self.zset_and_out(key)?.map(|(set, _)| set))
    }

    /// The sorted set that `key` holds, to change, with the output beside it.
    pub fn zset_and_out(
        &mut self,
        key: &[u8],
    ) -> Result<Option<(&mut SortedSet, &mut Out)>, Error> {
        let Some(at) = self.use_key(key) else { return Ok(None) };
        match self.engine.shard.db_mut(self.session.db).get_mut_at(at) {
            ValueMut::SortedSet(set) => Ok(Some((set, self.out))),
            _ => Err(Error::WrongType),
        }
    }

    /// Where `key` is if it holds a hash, which is being used; fields that have expired are removed.
    pub fn use_hash(&mut self, key: &[u8]) -> Result<Option<At>, Error> {
        let Some(at) = self.use_key(key) else { return Ok(None) };
        let now_ms = self.expiry_ms();
        match self.engine.shard.db(self.session.db).get_at(at).value {
            ValueRef::Hash(hash) if hash.next_due_ms().is_none_or(|due_ms| due_ms >= now_ms) => {
                Ok(Some(at))
            }
            ValueRef::Hash(_) => {
                self.engine.expire_fields_lazily(now_ms, self.session.db, key);
                Ok(self.live(key))
            }
            _ => Err(Error::WrongType),
        }
    }

    /// The hash that `key` holds, to read, with the output beside it.
    #[inline]
    pub fn read_hash(&mut self, key: &[u8]) -> Result<Option<(HashRef<'_>, &mut Out)>, Error> {
        let at = self.use_hash(key);
        self.count_read(key, !matches!(at, Ok(None)));
        self.hash_at(at?)
    }

    /// As [`Ctx::read_hash`], which does not count as a read.
    #[inline]
    pub fn look_hash(&mut self, key: &[u8]) -> Result<Option<(HashRef<'_>, &mut Out)>, Error> {
        let at = self.use_hash(key)?;
        self.hash_at(at)
    }

    #[inline]
    fn hash_at(&mut self, at: Option<At>) -> Result<Option<(HashRef<'_>, &mut Out)>, Error> {
        let Some(at) = at else { return Ok(None) };
        match self.engine.shard.db(self.session.db).get_at(at).value {
            ValueRef::Hash(hash) => Ok(Some((hash, self.out))),
            _ => Err(Error::WrongType),
        }
    }

    /// Removes those of `names` from the hash that `key` holds that have expired. Where more have than
    /// [`Ctx::use_hash`] removes, they may be there; and who repeats that they are set anew would find
    /// them, with an expiry that has passed.
    pub fn expire_fields<'n>(
        &mut self,
        key: &[u8],
        names: impl Iterator<Item = &'n [u8]>,
    ) -> Result<(), Error> {
        let now_ms = self.expiry_ms();
        let due_ms = self.look_hash(key)?.and_then(|(hash, _)| hash.next_due_ms());
        if due_ms.is_some_and(|due_ms| due_ms < now_ms) {
            self.engine.expire_named_fields(now_ms, self.session.db, key, names);
        }
        Ok(())
    }

    /// Changes the hash that `key` holds, with the output beside it; `None` if there is none. After
    /// expiries were set, [`Ctx::fields_expire`] must follow.
    #[inline]
    pub fn change_hash<R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut Hash, &mut Out) -> R,
    ) -> Result<Option<R>, Error> {
        match self.use_hash(key)? {
            Some(at) => self.change_hash_at(at, change).map(Some),
            None => Ok(None),
        }
    }

    /// Changes the hash at a place that [`Ctx::use_hash`] has given.
    #[inline]
    pub fn change_hash_at<R>(
        &mut self,
        at: At,
        change: impl FnOnce(&mut Hash, &mut Out) -> R,
    ) -> Result<R, Error> {
        let db = self.engine.shard.db_mut(self.session.db);
        db.change_hash_at(at, |hash| change(hash, self.out)).ok_or(Error::WrongType)
    }

    /// Fields of the hash at `key` were given expiries, or the last that had one is gone.
    pub fn fields_expire(&mut self, key: &[u8]) {
        self.engine.shard.db_mut(self.session.db).index_fields(key);
    }

    /// Up to what a hash is a listpack.
    pub fn hash_limits(&self) -> hash::Limits {
        self.engine.hash_limits()
    }

    /// What a node of a list may hold.
    pub fn list_limits(&self) -> Limits {
        Limits { fill: self.config.list_max_listpack_size, plain_from: self.packed_threshold }
    }

    /// The set that `key` holds, to read, with the output beside it.
    pub fn read_set(&mut self, key: &[u8]) -> Result<Option<(&Set, &mut Out)>, Error> {
        let (found, out) = self.read_beside_out(key);
        match found.map(|found| found.value) {
            None => Ok(None),
            Some(ValueRef::Set(set)) => Ok(Some((set, out))),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The set that `key` holds, to change.
    pub fn set_mut(&mut self, key: &[u8]) -> Result<Option<&mut Set>, Error> {
        let Some(at) = self.use_key(key) else { return Ok(None) };
        match self.engine.shard.db_mut(self.session.db).get_mut_at(at) {
            ValueMut::Set(set) => Ok(Some(set)),
            _ => Err(Error::WrongType),
        }
    }

    /// What the forms of a set may hold.
    pub fn set_limits(&self) -> set::Limits {
        self.engine.set_limits()
    }

    /// The stream that `key` holds, to read, with the output beside it.
    pub fn read_stream(&mut self, key: &[u8]) -> Result<Option<(&Stream, &mut Out)>, Error> {
        let (found, out) = self.read_beside_out(key);
        match found.map(|found| found.value) {
            None => Ok(None),
            Some(ValueRef::Stream(stream)) => Ok(Some((stream, out))),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The stream that `key` holds, to change, with the output beside it.
    pub fn stream_and_out(&mut self, key: &[u8]) -> Result<Option<(&mut Stream, &mut Out)>, Error> {
        let Some(at) = self.use_key(key) else { return Ok(None) };
        match self.engine.shard.db_mut(self.session.db).get_mut_at(at) {
            ValueMut::Stream(stream) => Ok(Some((stream, self.out))),
            _ => Err(Error::WrongType),
        }
    }

    /// The stream at `key` holds something now that not every version of snapshots can say.
    pub fn stream_has_extra(&mut self, key: &[u8]) {
        self.engine.shard.db_mut(self.session.db).index_extra(key);
    }

    /// As [`Ctx::stream_and_out`], for a command that is not refused if there is no stream: it counts
    /// as a read.
    pub fn read_stream_to_change(
        &mut self,
        key: &[u8],
    ) -> Result<Option<(&mut Stream, &mut Out)>, Error> {
        let is_there = self.exists(key);
        self.count_read(key, is_there);
        self.stream_and_out(key)
    }

    /// The array that `key` holds, to read, with the output beside it.
    pub fn read_array(&mut self, key: &[u8]) -> Result<Option<(&Array, &mut Out)>, Error> {
        let (found, out) = self.read_beside_out(key);
        match found.map(|found| found.value) {
            None => Ok(None),
            Some(ValueRef::Array(array)) => Ok(Some((array, out))),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The array that `key` holds, to change.
    pub fn array_mut(&mut self, key: &[u8]) -> Result<Option<&mut Array>, Error> {
        let Some(at) = self.use_key(key) else { return Ok(None) };
        match self.engine.shard.db_mut(self.session.db).get_mut_at(at) {
            ValueMut::Array(array) => Ok(Some(array)),
            _ => Err(Error::WrongType),
        }
    }

    /// What a node of a stream may hold.
    pub fn stream_limits(&self) -> StreamLimits {
        StreamLimits {
            bytes_max: usize::try_from(self.config.stream_node_max_bytes).unwrap_or(usize::MAX),
            entries_max: self.config.stream_node_max_entries,
        }
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
        let hash = self.hash(key);
        let at = self.engine.shard.db(self.session.db).locate_hashed(hash, key);
        self.insert_str_at(hash, at, key, bytes, expires_ms);
    }

    /// As [`Ctx::use_key`] and then [`Ctx::insert_str`], in one.
    #[inline]
    pub fn replace_str(&mut self, key: &[u8], bytes: &[u8], expires_ms: Option<i64>) {
        let (db, hash) = (self.session.db, self.hash(key));
        let mut at = self.engine.live_hashed(self.expiry_ms(), db, hash, key);
        if at.is_none() && self.engine.pause.until.is_some() {
            // While CLIENT PAUSE holds, an expired key is only as good as gone.
            at = self.engine.shard.db(db).locate_hashed(hash, key);
        } else if let Some(at) = at
            && self.engine.counts_frequency()
            && !self.session.no_touch
        {
            self.engine.mark_used(db, at);
        }
        self.insert_str_at(hash, at, key, bytes, expires_ms);
    }

    #[inline]
    fn insert_str_at(
        &mut self,
        hash: u64,
        at: Option<At>,
        key: &[u8],
        bytes: &[u8],
        expires_ms: Option<i64>,
    ) {
        let db = self.session.db;
        let is_new = at.is_none();
        self.engine.insert_by(db, key, |db| {
            db.insert_str_at(hash, at, key, bytes, expires_ms);
            is_new
        });
    }

    /// `key` of the selected database was changed by what is called `event`: watchers, waiters and
    /// subscribers are told, and it counts as one change for the save points.
    #[inline]
    pub fn changed(&mut self, key: &[u8], class: Class, event: &str) {
        let db = self.session.db;
        self.engine.changed(db, key, class, event);
    }

    /// Removes `key`, which is there, telling nobody; what it held is to be put elsewhere. See
    /// [`Ctx::delete`].
    #[must_use = "what is not wanted is deleted"]
    pub fn remove(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        self.engine.shard.db_mut(self.session.db).remove(key)
    }

    /// Removes `key` and frees what it held, much of it later; tells nobody. Returns whether the key
    /// was there.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        self.engine.shard.db_mut(self.session.db).delete(key)
    }

    /// Changes the number that the key there holds, telling nobody.
    pub fn set_int_at(&mut self, at: At, number: i64) {
        self.engine.shard.db_mut(self.session.db).set_int_at(at, number);
    }

    /// Changes the string that `key`, which is there, holds, as
    /// [`Db::edit_str`](crate::store::Db::edit_str), telling nobody.
    pub fn edit_str<R>(&mut self, key: &[u8], edit: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
        self.engine.shard.db_mut(self.session.db).edit_str(key, edit)
    }

    /// As [`Ctx::edit_str`], where only these bytes of what is there change.
    pub fn edit_str_in<R>(
        &mut self,
        key: &[u8],
        range: std::ops::Range<usize>,
        edit: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> Option<R> {
        self.engine.shard.db_mut(self.session.db).edit_str_in(key, range, edit)
    }

    /// Tells subscribers of an event of `key`, and nobody else: a second one of the same change, or
    /// one of what watchers do not see.
    pub fn changed_too(&mut self, key: &[u8], class: Class, event: &str) {
        self.engine.notify(class, event, self.session.db, key);
    }

    /// Sets or takes away when `key`, which is there, expires (milliseconds since 1970), telling
    /// nobody.
    pub fn set_expiry(&mut self, key: &[u8], expires_ms: Option<i64>) {
        self.engine.shard.db_mut(self.session.db).set_expiry(key, expires_ms);
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
    /// What the forms of a set may hold.
    pub fn set_limits(&self) -> set::Limits {
        set::Limits {
            intset_entries: self.config.set_max_intset_entries,
            listpack_entries: self.config.set_max_listpack_entries,
            listpack_value: self.config.set_max_listpack_value,
            hash_key: self.shard.hash_key(),
        }
    }

    /// When a sorted set becomes a tree.
    pub fn zset_limits(&self) -> zset::Limits {
        zset::Limits {
            entries_max: usize::try_from(self.config.zset_max_listpack_entries)
                .unwrap_or(usize::MAX),
            member_bytes_max: usize::try_from(self.config.zset_max_listpack_value)
                .unwrap_or(usize::MAX),
            hash_key: self.shard.hash_key(),
        }
    }

    /// See [`Ctx::expiry_ms`].
    #[inline]
    pub fn expiry_ms(&self, now: Time) -> i64 {
        if self.is_replaying { i64::MIN } else { now.unix_ms() }
    }

    /// Where `key` is in database `db`; removes it if it has expired.
    #[inline]
    pub fn live(&mut self, expiry_ms: i64, db: usize, key: &[u8]) -> Option<At> {
        self.live_hashed(expiry_ms, db, self.shard.hash(key), key)
    }

    /// As [`Engine::live`](Self::live), of a key that has this hash.
    #[inline]
    fn live_hashed(&mut self, expiry_ms: i64, db: usize, hash: u64, key: &[u8]) -> Option<At> {
        let held = self.shard.db(db);
        let at = held.locate_hashed(hash, key)?;
        if held.expiry_at(at).is_some_and(|expires_ms| expires_ms < expiry_ms) {
            self.expire_lazily(db, key);
            return None;
        }
        Some(at)
    }

    /// Notes that the key there is used.
    #[inline]
    pub fn mark_used(&mut self, db: usize, at: At) {
        let access = self.shard.db(db).access_at(at);
        let now = self.used(access);
        if now != access {
            self.shard.db_mut(db).set_access_at(at, now);
        }
    }

    /// See [`Ctx::hash_limits`].
    pub fn hash_limits(&self) -> hash::Limits {
        hash::Limits {
            entries: self.config.hash_max_listpack_entries,
            value: self.config.hash_max_listpack_value,
            hash_key: self.shard.hash_key(),
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
        let counter = self.counts_frequency().then(|| self.shard.db(db).get(key));
        let counter = counter.flatten().map(|found| found.access);
        if insert(self.shard.db_mut(db)) {
            self.notify(Class::New, "new", db, key);
        } else if let Some(counter) = counter {
            self.shard.db_mut(db).set_access(key, counter);
        }
    }

    /// See [`Ctx::changed`].
    #[inline]
    pub fn changed(&mut self, db: usize, key: &[u8], class: Class, event: &str) {
        self.touched(db, key);
        self.dirty += 1;
        self.notify(class, event, db, key);
    }

    /// What `key` holds is no longer what it was: watchers and waiters are told.
    #[inline]
    pub fn touched(&mut self, db: usize, key: &[u8]) {
        self.shard.watches.changed(db, key);
        self.shard.waiters.changed(db, key);
        self.mark_changed(db, key);
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
        self.shard.db_mut(db).delete(key);
        self.has_expired(db, key);
    }

    /// Tells of a key that was removed because it has expired. Transactions that watch it see that
    /// by themselves; see [`transaction`](super::transaction).
    pub fn has_expired(&mut self, db: usize, key: &[u8]) {
        self.stats.expired_keys += 1;
        if self.propagates() {
            self.propagate_deletion(db, key, self.config.lazyfree_lazy_expire);
        }
        self.shard.waiters.changed(db, key);
        self.invalidate(key);
        self.notify(Class::Expired, "expired", db, key);
    }
}
