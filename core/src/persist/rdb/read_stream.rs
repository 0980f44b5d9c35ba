//! Reading streams, in all three forms that Redis has written. Everything is checked: the nodes, the
//! number of entries, and that each pending entry of a group is one consumer's.

use std::collections::BTreeMap;

use super::kind;
use super::read::{Reader, Reason};
use crate::ds::stream::{Group, Pending, StreamId};
use crate::ds::{Listpack, Stream};

impl Reader<'_> {
    /// A stream in the form `kind`.
    pub(super) fn stream(&mut self, kind: u8) -> Result<Stream, Reason> {
        let mut stream = Stream::default();
        for _ in 0..self.length()? {
            let id: [u8; 16] = (*self.string()?).try_into().map_err(|_| Reason::Stream)?;
            let pack = Listpack::parse(&self.string()?).map_err(|_| Reason::Stream)?;
            let id = StreamId::from_bytes(id);
            stream.push_node(id, pack).map_err(|_| Reason::Stream)?;
        }
        let length = self.length()?;
        if length != stream.len() {
            return Err(Reason::Stream);
        }
        stream.settle();
        stream.last_id = self.id_lengths()?;
        if kind == kind::STREAM {
            stream.entries_added = length;
        } else {
            // The first ID is that of the first entry, which was found above.
            self.id_lengths()?;
            stream.max_deleted_id = self.id_lengths()?;
            stream.entries_added = self.length()?;
        }
        if stream.last_valid_id().is_some_and(|last| last > stream.last_id) {
            return Err(Reason::Stream);
        }
        for _ in 0..self.length()? {
            let name: Box<[u8]> = (*self.string()?).into();
            let group = self.group(kind, &stream)?;
            if stream.groups.insert(name, group).is_some() {
                return Err(Reason::Stream);
            }
        }
        Ok(stream)
    }

    fn group(&mut self, kind: u8, stream: &Stream) -> Result<Group, Reason> {
        let mut group = Group::default();
        group.last_id = self.id_lengths()?;
        group.entries_read = if kind == kind::STREAM {
            stream.entries_up_to(group.last_id)
        } else {
            Some(self.length()? as i64).filter(|&read| read != -1)
        };
        let mut pending = BTreeMap::new();
        for _ in 0..self.length()? {
            let id = StreamId::from_bytes(self.array()?);
            let delivered_ms = i64::from_le_bytes(self.array()?);
            let deliveries = self.length()?;
            if pending.insert(id, (delivered_ms, deliveries)).is_some() {
                return Err(Reason::Stream);
            }
        }
        for _ in 0..self.length()? {
            let name = self.string()?;
            let seen_ms = i64::from_le_bytes(self.array()?);
            let active_ms = match kind {
                kind::STREAM_3 => i64::from_le_bytes(self.array()?),
                _ => seen_ms,
            };
            let consumer = group.create(&name, seen_ms).ok_or(Reason::Stream)?;
            if let Some(consumer) = group.get_mut(consumer) {
                consumer.active_ms = Some(active_ms).filter(|&active_ms| active_ms != -1);
            }
            for _ in 0..self.length()? {
                let id = StreamId::from_bytes(self.array()?);
                let (delivered_ms, deliveries) = pending.remove(&id).ok_or(Reason::Stream)?;
                group.set_pending(id, Pending { delivered_ms, deliveries, consumer });
            }
        }
        if pending.is_empty() { Ok(group) } else { Err(Reason::Stream) }
    }

    fn id_lengths(&mut self) -> Result<StreamId, Reason> {
        Ok(StreamId { ms: self.length()?, seq: self.length()? })
    }
}
