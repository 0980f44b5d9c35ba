//! Writing streams. The form of version 10 leaves out when each consumer last got something, for
//! which a reader takes when it last asked.

use super::Writer;
use super::kind;
use crate::ds::stream::{Group, StreamId};
use crate::ds::{Listpack, Stream};

impl Writer {
    /// A stream in the form `form`, the second or the third.
    pub(super) fn stream(&mut self, stream: &Stream, form: u8) {
        self.length(stream.nodes_len() as u64);
        for (id, pack) in stream.nodes() {
            self.stream_node(id, pack);
        }
        self.behind_nodes(stream, form);
    }

    /// A node of a stream.
    pub(super) fn stream_node(&mut self, id: StreamId, pack: &Listpack) {
        self.string(&id.to_bytes());
        self.string(pack.as_bytes());
    }

    /// What follows the nodes of a stream.
    pub(super) fn behind_nodes(&mut self, stream: &Stream, form: u8) {
        self.length(stream.len());
        for id in [stream.last_id, stream.first_id(), stream.max_deleted_id] {
            self.id_lengths(id);
        }
        self.length(stream.entries_added);
        self.length(stream.groups.len() as u64);
        for (name, group) in stream.groups.iter() {
            self.string(name);
            self.group(group, form);
        }
    }

    fn group(&mut self, group: &Group, form: u8) {
        self.id_lengths(group.last_id);
        // What is not known is -1.
        self.length(group.entries_read.unwrap_or(-1) as u64);
        self.length(group.pending_len() as u64);
        for (id, pending) in group.pending_from(StreamId::MIN) {
            self.bytes.extend(id.to_bytes());
            self.bytes.extend(pending.delivered_ms.to_le_bytes());
            self.length(pending.deliveries);
        }
        self.length(group.consumers_len() as u64);
        for consumer in group.consumers() {
            self.string(&consumer.name);
            self.bytes.extend(consumer.seen_ms.to_le_bytes());
            if form == kind::STREAM_3 {
                self.bytes.extend(consumer.active_ms.unwrap_or(-1).to_le_bytes());
            }
            self.length(consumer.pending_len() as u64);
            for id in consumer.pending_from(StreamId::MIN) {
                self.bytes.extend(id.to_bytes());
            }
        }
    }

    fn id_lengths(&mut self, id: StreamId) {
        self.length(id.ms);
        self.length(id.seq);
    }
}
