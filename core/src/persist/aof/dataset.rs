//! Data as commands that make it again, for a base without a snapshot.

use super::write_record;
use crate::base::num::{self, Digits};
use crate::ds::stream::{Group, StreamId};
use crate::ds::{Element, Hash, Stream};
use crate::store::{Db, ValueRef};

/// Elements that one command adds.
const ELEMENTS_MAX: usize = 64;

/// Writes commands that make libraries of functions and all that `dbs` hold. Costs O(data).
pub fn write(dbs: &[Db], libraries: &[Box<[u8]>], bytes: &mut Vec<u8>) {
    for code in libraries {
        record(bytes, &[b"FUNCTION", b"LOAD", code]);
    }
    for (index, db) in dbs.iter().enumerate().filter(|(_, db)| !db.is_empty()) {
        record(bytes, &[b"SELECT", &Digits::of_u64(index as u64)]);
        db.each(|key, found| write_key(bytes, key, found.value, found.expires_ms));
    }
}

/// Writes commands that make a key. Costs O(value).
pub fn write_key(bytes: &mut Vec<u8>, key: &[u8], value: ValueRef<'_>, expires_ms: Option<i64>) {
    match value {
        ValueRef::Int(number) => record(bytes, &[b"SET", key, &Digits::of(number)]),
        ValueRef::Str { bytes: text, .. } => record(bytes, &[b"SET", key, text]),
        ValueRef::List(list) => {
            let mut batch = Batch::new(bytes, b"RPUSH", key);
            list.iter_from(0).for_each(|element| batch.add([element]));
            batch.end();
        }
        ValueRef::Set(set) => {
            let mut batch = Batch::new(bytes, b"SADD", key);
            set.each(|member| batch.add([member]));
            batch.end();
        }
        ValueRef::SortedSet(set) => {
            let mut batch = Batch::new(bytes, b"ZADD", key);
            for (member, score) in set.iter_from(0) {
                batch.add([Element::Bytes(num::format_g17(score).as_bytes()), member]);
            }
            batch.end();
        }
        ValueRef::Hash(hash) => write_hash(bytes, key, hash),
        ValueRef::Stream(stream) => write_stream(bytes, key, stream),
    }
    if let Some(at_ms) = expires_ms {
        record(bytes, &[b"PEXPIREAT", key, &Digits::of(at_ms)]);
    }
}

fn record(bytes: &mut Vec<u8>, words: &[&[u8]]) {
    write_record(bytes, words.iter().copied());
}

/// A command with many elements, cut into several.
struct Batch<'a> {
    bytes: &'a mut Vec<u8>,
    start: [&'a [u8]; 2],
    words: Vec<Vec<u8>>,
    elements: usize,
}

impl<'a> Batch<'a> {
    fn new(bytes: &'a mut Vec<u8>, name: &'a [u8], key: &'a [u8]) -> Self {
        Self { bytes, start: [name, key], words: Vec::new(), elements: 0 }
    }

    fn add<const N: usize>(&mut self, words: [Element<'_>; N]) {
        self.words.extend(words.into_iter().map(Element::to_vec));
        self.elements += 1;
        if self.elements == ELEMENTS_MAX {
            self.end();
        }
    }

    fn end(&mut self) {
        if self.elements > 0 {
            let words: Vec<&[u8]> =
                self.start.into_iter().chain(self.words.iter().map(Vec::as_slice)).collect();
            write_record(self.bytes, words.into_iter());
        }
        self.words.clear();
        self.elements = 0;
    }
}

fn write_hash(bytes: &mut Vec<u8>, key: &[u8], hash: &Hash) {
    let mut batch = Batch::new(bytes, b"HMSET", key);
    hash.each(|field| batch.add([field.name, field.value]));
    batch.end();
    hash.each(|field| {
        if let Some(at_ms) = field.expires_ms {
            field.name.with_bytes(|name| {
                let at = Digits::of(at_ms);
                record(bytes, &[b"HPEXPIREAT", key, &at, b"FIELDS", b"1", name]);
            });
        }
    });
}

fn write_stream(bytes: &mut Vec<u8>, key: &[u8], stream: &Stream) {
    for entry in stream.iter(StreamId::MIN, StreamId::MAX) {
        let id = entry.id.text(b'-');
        let fields: Vec<Vec<u8>> =
            entry.fields.flat_map(|(name, value)| [name.to_vec(), value.to_vec()]).collect();
        let start = [b"XADD".as_slice(), key, &id];
        let words: Vec<&[u8]> = start.into_iter().chain(fields.iter().map(Vec::as_slice)).collect();
        write_record(bytes, words.into_iter());
    }
    if stream.len() == 0 {
        // Only so can a stream be made that holds nothing: with an entry that goes at once.
        let id = StreamId { ms: 0, seq: 1 }.text(b'-');
        record(bytes, &[b"XADD", key, b"MAXLEN", b"0", &id, b"x", b"y"]);
    }
    let (last, deleted) = (stream.last_id.text(b'-'), stream.max_deleted_id.text(b'-'));
    let added = Digits::of_u64(stream.entries_added);
    let words: &[&[u8]] =
        &[b"XSETID", key, &last, b"ENTRIESADDED", &added, b"MAXDELETEDID", &deleted];
    record(bytes, words);
    for (name, group) in stream.groups.iter() {
        write_group(bytes, key, name, group);
    }
}

fn write_group(bytes: &mut Vec<u8>, key: &[u8], name: &[u8], group: &Group) {
    let (last, read) = (group.last_id.text(b'-'), Digits::of(group.entries_read.unwrap_or(-1)));
    record(bytes, &[b"XGROUP", b"CREATE", key, name, &last, b"ENTRIESREAD", &read]);
    for consumer in group.consumers() {
        record(bytes, &[b"XGROUP", b"CREATECONSUMER", key, name, &consumer.name]);
        for id in consumer.pending_from(StreamId::MIN) {
            let Some(pending) = group.pending(id) else { continue };
            let (time, count) =
                (Digits::of(pending.delivered_ms), Digits::of_u64(pending.deliveries));
            let id = id.text(b'-');
            let words: &[&[u8]] = &[
                b"XCLAIM",
                key,
                name,
                &consumer.name,
                b"0",
                &id,
                b"TIME",
                &time,
                b"RETRYCOUNT",
                &count,
                b"JUSTID",
                b"FORCE",
            ];
            record(bytes, words);
        }
    }
}
