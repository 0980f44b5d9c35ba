//! Writing large values piece by piece, and streams. The form of streams of version 10 leaves out when
//! each consumer last got something, for which a reader takes when it last asked.

use super::{Usage, Writer, container, kind};
use crate::ds::Stream;
use crate::ds::stream::{DURATION_S, Extra, Idempotence, SIZE_MAX, StreamId};
use crate::persist::pieces::{Cutting, Piece, StreamCutting, StreamPiece, is_in_blocks};
use crate::store::ValueRef;
use crate::store::walk::Head;

/// The form that `stream` is written in, which is `plain` unless only a newer one can say all.
pub(super) fn form_of(stream: &Stream, plain: u8) -> u8 {
    match stream.extra() {
        Extra::None => plain,
        Extra::Idempotence => kind::STREAM_4,
        Extra::GivenBack => kind::STREAM_5,
    }
}

impl Writer {
    /// Begins to write `value`, of which all pieces follow.
    pub fn begin_large(
        &mut self,
        head: &Head,
        value: ValueRef<'_>,
        cutting: &Cutting,
        usage: Usage,
    ) {
        let kind = match (value, cutting) {
            (ValueRef::Int(_) | ValueRef::Str { .. }, _) => kind::STRING,
            (ValueRef::List(_), _) => kind::LIST_QUICKLIST_2,
            (ValueRef::Stream(stream), _) => form_of(stream, kind::STREAM_2),
            (ValueRef::Set(_), _) => kind::SET,
            (ValueRef::SortedSet(_), _) => kind::ZSET_2,
            (ValueRef::Hash(_), Cutting::Expiring(..)) => kind::HASH_METADATA,
            (ValueRef::Hash(_), _) => kind::HASH,
            (ValueRef::Array(_), _) => kind::ARRAY,
        };
        self.before_key(head.expires_ms, usage);
        self.bytes.push(kind);
        self.string(&head.key);
        match (value, cutting) {
            (_, &Cutting::String(_, len)) if is_in_blocks(len) => self.length(len as u64),
            (_, &Cutting::Table(len)) => self.length(len as u64),
            (_, &Cutting::Expiring(len, first_ms)) => {
                self.bytes.extend(first_ms.to_le_bytes());
                self.length(len as u64);
            }
            (ValueRef::List(list), _) => self.length(list.nodes_len() as u64),
            (ValueRef::Stream(stream), _) => self.length(stream.nodes_len() as u64),
            (ValueRef::Array(array), _) => self.array_head(array),
            _ => {}
        }
    }

    /// Writes a piece of a value; `first_ms` is when the first field of a hash expires, if any does.
    pub fn piece(&mut self, piece: Piece<'_>, first_ms: Option<i64>) {
        match piece {
            Piece::String(bytes) | Piece::Member(bytes) => self.element(bytes),
            Piece::Block(bytes) => self.bytes.extend_from_slice(bytes),
            Piece::Node(node) => self.node(node),
            Piece::LongNode(len) => {
                self.length(container::PLAIN);
                self.length(len as u64);
            }
            Piece::LongNodeEnd => {}
            Piece::Scored(member, score) => {
                self.element(member);
                self.bytes.extend(score.to_le_bytes());
            }
            Piece::Field(name, value, expires_ms) => {
                if let Some(first_ms) = first_ms {
                    self.field_expiry(expires_ms, first_ms);
                }
                self.element(name);
                self.element(value);
            }
            Piece::Stream(stream, piece) => {
                self.stream_piece(stream, piece, form_of(stream, kind::STREAM_2));
            }
            Piece::Placed(place, element) => self.placed(place, element),
        }
    }

    /// A string that is an element: a long one is not compressed, which would take much longer than
    /// copying it.
    fn element(&mut self, bytes: &[u8]) {
        if is_in_blocks(bytes.len()) {
            self.length(bytes.len() as u64);
            self.bytes.extend_from_slice(bytes);
        } else {
            self.string(bytes);
        }
    }

    /// A stream in the form `form`, the second or a later one.
    pub(super) fn stream(&mut self, stream: &Stream, form: u8) {
        self.length(stream.nodes_len() as u64);
        let mut cutting = StreamCutting::default();
        while !cutting.cut(stream, &mut |piece| self.stream_piece(stream, piece, form)) {}
    }

    fn stream_piece(&mut self, stream: &Stream, piece: StreamPiece<'_>, form: u8) {
        match piece {
            StreamPiece::Node(id, pack) => {
                self.string(&id.to_bytes());
                self.element(pack.as_bytes());
            }
            StreamPiece::BehindNodes => {
                self.length(stream.len());
                for id in [stream.last_id, stream.first_id(), stream.max_deleted_id] {
                    self.id_lengths(id);
                }
                self.length(stream.entries_added);
                self.length(stream.groups.len() as u64);
            }
            StreamPiece::Group(name, group) => {
                self.string(name);
                self.id_lengths(group.last_id);
                // What is not known is -1.
                self.length(group.entries_read.unwrap_or(-1) as u64);
                self.length(group.pending_len() as u64);
            }
            StreamPiece::Pending(id, pending) => {
                self.bytes.extend(id.to_bytes());
                self.bytes.extend(pending.delivered_ms.to_le_bytes());
                self.length(pending.deliveries);
            }
            StreamPiece::Consumers(group) => self.length(group.consumers_len() as u64),
            StreamPiece::Consumer(_, consumer) => {
                self.string(&consumer.name);
                self.bytes.extend(consumer.seen_ms.to_le_bytes());
                if form >= kind::STREAM_3 {
                    self.bytes.extend(consumer.active_ms.unwrap_or(-1).to_le_bytes());
                }
                self.length(consumer.pending_len() as u64);
            }
            StreamPiece::Claim(_, _, id, _) => self.bytes.extend(id.to_bytes()),
            StreamPiece::GivenBackBegin(group) if form == kind::STREAM_5 => {
                self.length(group.given_back().len() as u64);
            }
            StreamPiece::GivenBack(_, id, _) => self.bytes.extend(id.to_bytes()),
            StreamPiece::ProducersBegin(known) if form >= kind::STREAM_4 => {
                let (duration_s, size_max) = known
                    .map_or((DURATION_S, SIZE_MAX), |known| (known.duration_s, known.size_max));
                self.length(duration_s);
                self.length(size_max);
                self.length(known.map_or(0, Idempotence::len) as u64);
            }
            StreamPiece::Producer(producer) => {
                self.string(&producer.name);
                self.length(producer.iids().len() as u64);
                for (iid, id) in producer.iids() {
                    self.string(iid);
                    self.id_lengths(id);
                }
            }
            StreamPiece::ProducersEnd(known) if form >= kind::STREAM_4 => {
                self.length(known.map_or(0, |known| known.added));
                self.length(known.map_or(0, |known| known.duplicates));
            }
            // Older forms know nothing of them.
            StreamPiece::GivenBackBegin(_)
            | StreamPiece::ProducersBegin(_)
            | StreamPiece::ProducersEnd(_) => {}
        }
    }

    fn id_lengths(&mut self, id: StreamId) {
        self.length(id.ms);
        self.length(id.seq);
    }
}
