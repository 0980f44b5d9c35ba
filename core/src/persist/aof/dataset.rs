//! Data as commands that make it again, for a base without a snapshot.

use super::{write_record, write_stamp};
use crate::base::num::{self, Digits};
use crate::ds::hash::HashRef;
use crate::ds::quicklist::NodeRef;
use crate::ds::stream::{Consumer, Pending, StreamId};
use crate::ds::{Array, Element, Stream};
use crate::persist::pieces::{Cutting, Piece, StreamCutting, StreamPiece, is_in_blocks};
use crate::store::ValueRef;
use crate::store::walk::Head;

/// Elements that one command adds.
const ELEMENTS_MAX: usize = 64;

/// Commands that make data again, as far as they were not taken yet.
#[derive(Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
    batch: Batch,
}

/// A command with many elements that is being put together.
#[derive(Debug, Default)]
struct Batch {
    words: Vec<Vec<u8>>,
    elements: usize,
    /// Fields that expire, and when.
    expiring: Vec<(Vec<u8>, i64)>,
}

impl Commands {
    /// Commands with a time stamp before them, in seconds since 1970, if there is to be one.
    pub fn new(stamp_s: Option<i64>) -> Self {
        let mut commands = Self::default();
        if let Some(now_s) = stamp_s {
            write_stamp(&mut commands.bytes, now_s);
        }
        commands
    }

    /// A library of functions: its code.
    pub fn library(&mut self, code: &[u8]) {
        self.record(&[b"FUNCTION", b"LOAD", code]);
    }

    /// What follows is in database `index`.
    pub fn database(&mut self, index: usize) {
        self.record(&[b"SELECT", &Digits::of_u64(index as u64)]);
    }

    /// A key and its value. Costs O(value).
    pub fn entry(&mut self, key: &[u8], value: ValueRef<'_>, expires_ms: Option<i64>) {
        match value {
            ValueRef::Int(number) => self.record(&[b"SET", key, &Digits::of(number)]),
            ValueRef::Str { bytes, .. } => self.record(&[b"SET", key, bytes]),
            ValueRef::List(list) => {
                list.iter_from(0).for_each(|element| self.add(b"RPUSH", key, [element]));
                self.flush(b"RPUSH", key);
            }
            ValueRef::Set(set) => {
                set.each(|member| self.add(b"SADD", key, [member]));
                self.flush(b"SADD", key);
            }
            ValueRef::SortedSet(set) => {
                for (member, score) in set.iter_from(0) {
                    let score = num::format_g17(score);
                    self.add(b"ZADD", key, [Element::Bytes(score.as_bytes()), member]);
                }
                self.flush(b"ZADD", key);
            }
            ValueRef::Hash(hash) => self.hash(key, hash),
            ValueRef::Stream(stream) => {
                let mut cutting = StreamCutting::default();
                while !cutting.cut(stream, &mut |piece| self.stream_piece(key, stream, piece)) {}
            }
            ValueRef::Array(array) => {
                array.each(0, u64::MAX, false, &mut |place, element| {
                    self.placed(key, place, element);
                    true
                });
                self.behind_array(key, array);
            }
        }
        self.expiry(key, expires_ms);
    }

    fn hash(&mut self, key: &[u8], hash: HashRef<'_>) {
        hash.each(|field| {
            if let Some(at_ms) = field.expires_ms {
                self.batch.expiring.push((field.name.to_vec(), at_ms));
            }
            self.add(b"HMSET", key, [field.name, field.value]);
        });
        self.flush(b"HMSET", key);
    }

    /// Begins to write a value of which all pieces follow.
    pub fn begin_large(&mut self, head: &Head, cutting: &Cutting) {
        if let &Cutting::String(_, len) = cutting
            && is_in_blocks(len)
        {
            self.begin_long(b"*3\r\n$3\r\nSET\r\n", &head.key, len);
        }
    }

    /// A command whose last word follows, of so many bytes.
    fn begin_long(&mut self, start: &[u8], key: &[u8], len: usize) {
        self.bytes.extend_from_slice(start);
        super::write_count(&mut self.bytes, b'$', key.len());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(b"\r\n");
        super::write_count(&mut self.bytes, b'$', len);
    }

    /// Writes a piece of a value under `key`.
    pub fn piece(&mut self, key: &[u8], piece: Piece<'_>) {
        match piece {
            Piece::String(bytes) => self.record(&[b"SET", key, bytes]),
            Piece::Block(bytes) => self.bytes.extend_from_slice(bytes),
            Piece::Node(NodeRef::Packed(pack)) => {
                pack.iter().for_each(|element| self.add(b"RPUSH", key, [element]));
                self.flush(b"RPUSH", key);
            }
            Piece::Node(NodeRef::Plain(element)) => self.record(&[b"RPUSH", key, element]),
            Piece::LongNode(len) => self.begin_long(b"*3\r\n$5\r\nRPUSH\r\n", key, len),
            Piece::LongNodeEnd => self.bytes.extend_from_slice(b"\r\n"),
            Piece::Member(member) => self.add(b"SADD", key, [Element::Bytes(member)]),
            Piece::Scored(member, score) => {
                let score = num::format_g17(score);
                let words = [Element::Bytes(score.as_bytes()), Element::Bytes(member)];
                self.add(b"ZADD", key, words);
            }
            Piece::Field(name, value, expires_ms) => {
                if let Some(at_ms) = expires_ms {
                    self.batch.expiring.push((name.to_vec(), at_ms));
                }
                self.add(b"HMSET", key, [Element::Bytes(name), Element::Bytes(value)]);
            }
            Piece::Stream(stream, piece) => self.stream_piece(key, stream, piece),
            Piece::Placed(place, element) => self.placed(key, place, element),
        }
    }

    fn placed(&mut self, key: &[u8], place: u64, element: Element<'_>) {
        self.add(b"ARMSET", key, [Element::Bytes(&Digits::of_u64(place)), element]);
    }

    fn behind_array(&mut self, key: &[u8], array: &Array) {
        self.flush(b"ARMSET", key);
        if let Some(place) = array.last_insert {
            self.record(&[b"ARSEEK", key, &Digits::of_u64(place + 1)]);
        }
    }

    /// What follows the last piece of a value; it belongs to it.
    pub fn end_large(&mut self, head: &Head, value: ValueRef<'_>, cutting: &Cutting) {
        match (value, cutting) {
            (_, &Cutting::String(_, len)) if is_in_blocks(len) => {
                self.bytes.extend_from_slice(b"\r\n");
            }
            (ValueRef::Set(_), _) => self.flush(b"SADD", &head.key),
            (ValueRef::SortedSet(_), _) => self.flush(b"ZADD", &head.key),
            (ValueRef::Hash(_), _) => self.flush(b"HMSET", &head.key),
            (ValueRef::Array(array), _) => self.behind_array(&head.key, array),
            _ => {}
        }
        self.expiry(&head.key, head.expires_ms);
    }

    /// Adds what `other` has written, and takes it away from there.
    pub fn append(&mut self, other: &mut Self) {
        self.bytes.append(&mut other.bytes);
    }

    /// How many bytes have not been taken yet.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all bytes have been taken.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes the bytes written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Any command.
    pub fn record(&mut self, words: &[&[u8]]) {
        write_record(&mut self.bytes, words.iter().copied());
    }

    fn add<const N: usize>(&mut self, name: &[u8], key: &[u8], words: [Element<'_>; N]) {
        self.batch.words.extend(words.into_iter().map(Element::to_vec));
        self.batch.elements += 1;
        if self.batch.elements == ELEMENTS_MAX {
            self.flush(name, key);
        }
    }

    /// Ends the command that is being put together; after it comes when its fields expire.
    fn flush(&mut self, name: &[u8], key: &[u8]) {
        let Batch { words, elements, expiring } = std::mem::take(&mut self.batch);
        if elements > 0 {
            let all: Vec<&[u8]> =
                [name, key].into_iter().chain(words.iter().map(Vec::as_slice)).collect();
            self.record(&all);
        }
        for (field, at_ms) in expiring {
            let at = Digits::of(at_ms);
            self.record(&[b"HPEXPIREAT", key, &at, b"FIELDS", b"1", &field]);
        }
    }

    fn expiry(&mut self, key: &[u8], expires_ms: Option<i64>) {
        if let Some(at_ms) = expires_ms {
            self.record(&[b"PEXPIREAT", key, &Digits::of(at_ms)]);
        }
    }

    fn stream_piece(&mut self, key: &[u8], stream: &Stream, piece: StreamPiece<'_>) {
        match piece {
            StreamPiece::Node(id, _) => {
                let next = stream.nodes_after(id).next().and_then(|(next, _)| next.prev());
                self.entries(key, stream, id, next.unwrap_or(StreamId::MAX));
            }
            StreamPiece::BehindNodes => self.behind_nodes(key, stream),
            StreamPiece::Group(name, group) => {
                let last = group.last_id.text(b'-');
                let read = Digits::of(group.entries_read.unwrap_or(-1));
                self.record(&[b"XGROUP", b"CREATE", key, name, &last, b"ENTRIESREAD", &read]);
            }
            StreamPiece::Consumer(name, consumer) => {
                self.record(&[b"XGROUP", b"CREATECONSUMER", key, name, &consumer.name]);
            }
            StreamPiece::Claim(name, consumer, id, pending) => {
                self.claim(key, name, consumer, id, pending);
            }
            StreamPiece::GivenBack(name, id, deliveries) => {
                let (id, deliveries) = (id.text(b'-'), Digits::of_u64(deliveries));
                let start: [&[u8]; 5] = [b"XNACK", key, name, b"FAIL", b"IDS"];
                let rest: [&[u8]; 5] = [b"1", &id, b"RETRYCOUNT", &deliveries, b"FORCE"];
                self.record(&[start, rest].concat());
            }
            StreamPiece::ProducersBegin(Some(known)) => {
                let duration = Digits::of_u64(known.duration_s);
                let size = Digits::of_u64(known.size_max);
                let words: [&[u8]; 6] =
                    [b"XCFGSET", key, b"IDMP-DURATION", &duration, b"IDMP-MAXSIZE", &size];
                self.record(&words);
            }
            StreamPiece::Producer(producer) => {
                // As in Redis, what numbered an entry that went is not kept.
                for (iid, id) in producer.iids().filter(|&(_, id)| stream.contains(id)) {
                    let id = id.text(b'-');
                    self.record(&[b"XIDMPRECORD", key, &producer.name, iid, &id]);
                }
            }
            StreamPiece::Pending(..)
            | StreamPiece::Consumers(_)
            | StreamPiece::GivenBackBegin(_)
            | StreamPiece::ProducersBegin(None)
            | StreamPiece::ProducersEnd(_) => {}
        }
    }

    fn entries(&mut self, key: &[u8], stream: &Stream, from: StreamId, to: StreamId) {
        for entry in stream.iter(from, to) {
            let id = entry.id.text(b'-');
            let fields: Vec<Vec<u8>> =
                entry.fields.flat_map(|(name, value)| [name.to_vec(), value.to_vec()]).collect();
            let start = [b"XADD".as_slice(), key, &id];
            let words: Vec<&[u8]> =
                start.into_iter().chain(fields.iter().map(Vec::as_slice)).collect();
            self.record(&words);
        }
    }

    fn behind_nodes(&mut self, key: &[u8], stream: &Stream) {
        if stream.len() == 0 {
            // Only so can a stream be made that holds nothing: with an entry that goes at once.
            let id = StreamId { ms: 0, seq: 1 }.text(b'-');
            self.record(&[b"XADD", key, b"MAXLEN", b"0", &id, b"x", b"y"]);
        }
        let (last, deleted) = (stream.last_id.text(b'-'), stream.max_deleted_id.text(b'-'));
        let added = Digits::of_u64(stream.entries_added);
        self.record(&[b"XSETID", key, &last, b"ENTRIESADDED", &added, b"MAXDELETEDID", &deleted]);
    }

    fn claim(
        &mut self,
        key: &[u8],
        group: &[u8],
        consumer: &Consumer,
        id: StreamId,
        pending: Pending,
    ) {
        let time = Digits::of(pending.delivered_ms);
        let (count, id) = (Digits::of_u64(pending.deliveries), id.text(b'-'));
        let start: [&[u8]; 6] = [b"XCLAIM", key, group, &consumer.name, b"0", &id];
        let rest: [&[u8]; 6] = [b"TIME", &time, b"RETRYCOUNT", &count, b"JUSTID", b"FORCE"];
        self.record(&[start, rest].concat());
    }
}
