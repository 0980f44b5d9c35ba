//! Reading streams, in all forms that Redis has written. Everything is checked: the nodes, the
//! number of entries, and that each pending entry of a group is one consumer's.
//!
//! Two things have no place here yet. What producers have numbered (the fourth form) is left out,
//! and said. An entry that a consumer gave back to its group (the fifth form) stays pending, for a
//! consumer without a name, from which any other can claim it.

use super::input::Reader;
use super::{Note, Reason, kind};
use crate::base::ordered::OrdMap;
use crate::ds::Stream;
use crate::ds::stream::{ConsumerRef, Group, Pending, StreamId};

/// Pending entries that no consumer has claimed yet: when they were delivered and how often.
type Unclaimed = OrdMap<StreamId, (i64, u64)>;

const BROKEN: Reason = Reason::Broken("Stream listpack integrity check failed");

impl Reader<'_> {
    /// A stream in the form `kind`. `note` is told what is left out.
    pub(super) fn stream(
        &mut self,
        kind: u8,
        note: &mut dyn FnMut(Note<'_>),
    ) -> Result<Stream, Reason> {
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
            if stream.groups.insert(name, group).is_some() {
                return Err(Reason::Broken("Duplicated consumer group name"));
            }
        }
        if matches!(kind, kind::STREAM_4 | kind::STREAM_5) && self.idempotence()? {
            note(Note::Idempotence);
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
        let count = self.length()?;
        if count == 0 {
            return Ok(());
        }
        let nobody = group.find(b"").or_else(|| group.create(b"", 0));
        let nobody = nobody.ok_or(Reason::Broken("Duplicate stream consumer detected"))?;
        for _ in 0..count {
            self.claim(group, unclaimed, nobody)?;
        }
        Ok(())
    }

    /// What producers have numbered; returns whether there is anything.
    fn idempotence(&mut self) -> Result<bool, Reason> {
        // For how long and how much of it is kept.
        self.length()?;
        self.length()?;
        let producers = self.length()?;
        for _ in 0..producers {
            self.string()?;
            for _ in 0..self.length()? {
                self.string()?;
                self.id_lengths()?;
            }
        }
        // How many there ever were, and how many of them twice.
        self.length()?;
        self.length()?;
        Ok(producers > 0)
    }

    fn id_lengths(&mut self) -> Result<StreamId, Reason> {
        Ok(StreamId { ms: self.length()?, seq: self.length()? })
    }
}
