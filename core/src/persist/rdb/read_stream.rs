//! Reading streams, in all forms that Redis has written. Everything is checked: the nodes, the
//! number of entries, and that each pending entry of a group is one consumer's.

use super::input::Reader;
use super::{Reason, kind};
use crate::base::ordered::OrdMap;
use crate::ds::Stream;
use crate::ds::stream::{ConsumerRef, Group, Idempotence, NOBODY, Pending, StreamId};

/// Pending entries that no consumer has claimed yet: when they were delivered and how often.
type Unclaimed = OrdMap<StreamId, (i64, u64)>;

const BROKEN: Reason = Reason::Broken("Stream listpack integrity check failed");

impl Reader<'_> {
    /// A stream in the form `kind`.
    pub(super) fn stream(&mut self, kind: u8) -> Result<Stream, Reason> {
        let mut stream = Stream::default();
        for _ in 0..self.length()? {
            let id: [u8; 16] = (*self.string()?)
                .try_into()
                .map_err(|_| Reason::Broken("A node of a stream without an ID"))?;
            let pack = self.listpack("Stream listpack integrity check failed")?;
            stream.push_node(StreamId::from_bytes(id), pack).map_err(|_| BROKEN)?;
        }
        let length = self.length()?;
        if length != stream.len() {
            return Err(Reason::Broken("The length of a stream is not that of its nodes"));
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
            return Err(Reason::Broken("An entry of a stream behind its last"));
        }
        for _ in 0..self.length()? {
            let name: Box<[u8]> = (*self.string()?).into();
            let group = self.group(kind, &stream)?;
            stream.gave_back |= !group.given_back().is_empty();
            if stream.groups.insert(name, group).is_some() {
                return Err(Reason::Broken("Duplicated consumer group name"));
            }
        }
        if matches!(kind, kind::STREAM_4 | kind::STREAM_5) {
            stream.idempotence = self.idempotence()?;
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
        let mut unclaimed = Unclaimed::default();
        for _ in 0..self.length()? {
            let id = StreamId::from_bytes(self.array()?);
            let delivered_ms = self.time_ms()?;
            let deliveries = self.length()?;
            if unclaimed.insert(id, (delivered_ms, deliveries)).is_some() {
                return Err(Reason::Broken("Duplicated global PEL entry"));
            }
        }
        for _ in 0..self.length()? {
            self.consumer(kind, &mut group, &mut unclaimed)?;
        }
        if kind == kind::STREAM_5 {
            self.given_back(&mut group, &mut unclaimed)?;
        }
        if unclaimed.is_empty() {
            return Ok(group);
        }
        Err(Reason::Broken("Stream CG PEL entry without consumer"))
    }

    fn consumer(
        &mut self,
        kind: u8,
        group: &mut Group,
        unclaimed: &mut Unclaimed,
    ) -> Result<(), Reason> {
        let name = self.string()?;
        let seen_ms = self.time_ms()?;
        let active_ms = match kind {
            kind::STREAM | kind::STREAM_2 => seen_ms,
            _ => self.time_ms()?,
        };
        let twice = Reason::Broken("Duplicate stream consumer detected");
        let consumer = group.create(&name, seen_ms).ok_or(twice)?;
        if let Some(consumer) = group.get_mut(consumer) {
            consumer.active_ms = Some(active_ms).filter(|&active_ms| active_ms != -1);
        }
        for _ in 0..self.length()? {
            self.claim(group, unclaimed, consumer)?;
        }
        Ok(())
    }

    /// An entry that is pending for `consumer`.
    fn claim(
        &mut self,
        group: &mut Group,
        unclaimed: &mut Unclaimed,
        consumer: ConsumerRef,
    ) -> Result<(), Reason> {
        let id = StreamId::from_bytes(self.array()?);
        let Some((delivered_ms, deliveries)) = unclaimed.remove(&id) else {
            return Err(Reason::Broken(match group.pending(id) {
                Some(_) => "Duplicated consumer PEL entry",
                None => "Consumer entry not found in group global PEL",
            }));
        };
        group.set_pending(id, Pending { delivered_ms, deliveries, consumer });
        Ok(())
    }

    /// Entries that no consumer has any more.
    fn given_back(&mut self, group: &mut Group, unclaimed: &mut Unclaimed) -> Result<(), Reason> {
        for _ in 0..self.length()? {
            self.claim(group, unclaimed, NOBODY)?;
        }
        Ok(())
    }

    /// What producers have numbered; `None` if none has.
    fn idempotence(&mut self) -> Result<Option<Box<Idempotence>>, Reason> {
        let mut known = Idempotence::new(self.length()?, self.length()?);
        for _ in 0..self.length()? {
            let producer = self.string()?;
            for _ in 0..self.length()? {
                let iid = self.string()?;
                // Nothing is too old yet: when it is read, the time is not known.
                known.record(&producer, &iid, self.id_lengths()?, 0);
            }
        }
        (known.added, known.duplicates) = (self.length()?, self.length()?);
        Ok(known.is_used().then(|| Box::new(known)))
    }

    fn id_lengths(&mut self) -> Result<StreamId, Reason> {
        Ok(StreamId { ms: self.length()?, seq: self.length()? })
    }
}
