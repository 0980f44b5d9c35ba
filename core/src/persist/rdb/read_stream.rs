//! Reading streams, in all forms that Redis has written. Everything is checked: the nodes, the
//! number of entries, and that each pending entry of a group is one consumer's.

use super::input::Reader;
use super::{Reason, kind};
use crate::base::shared::SharedMap;
use crate::ds::Stream;
use crate::ds::stream::{ConsumerRef, Group, Idempotence, NOBODY, Pending, StreamId};

/// Pending entries that no consumer has claimed yet.
type Unclaimed = SharedMap<StreamId, Pending>;

const BROKEN: Reason = Reason::Broken("Stream listpack integrity check failed");

/// A stream that is not all there.
pub(super) struct GrowingStream {
    kind: u8,
    stream: Stream,
    place: Place,
    /// The group that is being read, under its name, with what no consumer has claimed yet.
    group: (Box<[u8]>, Group, Unclaimed),
    /// Groups and consumers of the group that are still to be read.
    groups: u64,
    consumers: u64,
    /// What producers have numbered, and the one that is being read.
    known: Idempotence,
    producer: Box<[u8]>,
}

/// What comes next, and how often.
#[derive(Clone, Copy)]
enum Place {
    Nodes(u64),
    BehindNodes,
    Group,
    Pending(u64),
    Consumer,
    Claims(ConsumerRef, u64),
    BehindConsumers,
    /// Entries that no consumer has any more.
    GivenBack(u64),
    BehindGroups,
    Producers(u64),
    /// What a producer has numbered, and how many producers follow.
    Iids(u64, u64),
    End,
}

impl GrowingStream {
    /// A stream of so many nodes, in the form `kind`.
    pub(super) fn new(kind: u8, nodes: u64) -> Self {
        Self {
            kind,
            stream: Stream::default(),
            place: Place::Nodes(nodes),
            group: (Box::default(), Group::default(), Unclaimed::default()),
            groups: 0,
            consumers: 0,
            known: Idempotence::default(),
            producer: Box::default(),
        }
    }

    /// The stream, of which everything was read.
    pub(super) fn ripe(self) -> Stream {
        self.stream
    }

    /// What follows the consumers of a group.
    fn behind_consumers(&self) -> Place {
        if self.consumers > 0 { Place::Consumer } else { Place::BehindConsumers }
    }
}

impl Reader<'_> {
    /// Reads the next part of a stream, all of it or nothing; returns whether there was none.
    pub(super) fn stream_part(&mut self, growing: &mut GrowingStream) -> Result<bool, Reason> {
        let kind = growing.kind;
        growing.place = match growing.place {
            Place::Nodes(0) => Place::BehindNodes,
            Place::Nodes(left) => {
                self.stream_node(&mut growing.stream)?;
                Place::Nodes(left - 1)
            }
            Place::BehindNodes => {
                growing.groups = self.behind_nodes(kind, &mut growing.stream)?;
                Place::Group
            }
            Place::Group if growing.groups == 0 => Place::BehindGroups,
            Place::BehindGroups if matches!(kind, kind::STREAM_4 | kind::STREAM_5) => {
                growing.known = Idempotence::new(self.length()?, self.length()?);
                Place::Producers(self.length()?)
            }
            Place::Producers(_) | Place::Iids(..) => self.producer_part(growing)?,
            Place::BehindGroups => Place::End,
            Place::End => return Ok(true),
            place => self.group_part(growing, place)?,
        };
        Ok(false)
    }

    /// A part of a group; returns what comes next.
    fn group_part(&mut self, growing: &mut GrowingStream, place: Place) -> Result<Place, Reason> {
        let (kind, (name, group, unclaimed)) = (growing.kind, &mut growing.group);
        Ok(match place {
            Place::Group => {
                *name = (*self.string()?).into();
                *group = self.group_head(kind, &growing.stream)?;
                let pending = self.length()?;
                growing.groups -= 1;
                Place::Pending(pending)
            }
            Place::Pending(left @ 1..) => {
                let id = StreamId::from_bytes(self.array()?);
                let (delivered_ms, deliveries) = (self.time_ms()?, self.length()?);
                let pending = Pending { delivered_ms, deliveries, consumer: NOBODY };
                if unclaimed.insert(id, pending).is_some() {
                    return Err(Reason::Broken("Duplicated global PEL entry"));
                }
                Place::Pending(left - 1)
            }
            Place::Pending(0) => {
                growing.consumers = self.length()?;
                growing.behind_consumers()
            }
            Place::Consumer => {
                let (consumer, claims) = self.consumer(kind, group)?;
                growing.consumers -= 1;
                Place::Claims(consumer, claims)
            }
            Place::Claims(_, 0) => growing.behind_consumers(),
            Place::Claims(consumer, left) => {
                let id = StreamId::from_bytes(self.array()?);
                claim(group, unclaimed, id, consumer)?;
                Place::Claims(consumer, left - 1)
            }
            Place::BehindConsumers if kind == kind::STREAM_5 => Place::GivenBack(self.length()?),
            Place::GivenBack(left @ 1..) => {
                let id = StreamId::from_bytes(self.array()?);
                claim(group, unclaimed, id, NOBODY)?;
                Place::GivenBack(left - 1)
            }
            _ => {
                if !unclaimed.is_empty() {
                    return Err(Reason::Broken("Stream CG PEL entry without consumer"));
                }
                let (name, group) = (std::mem::take(name), std::mem::take(group));
                growing.stream.gave_back |= !group.given_back().is_empty();
                if growing.stream.groups.insert(name, group).is_some() {
                    return Err(Reason::Broken("Duplicated consumer group name"));
                }
                Place::Group
            }
        })
    }

    /// A part of what producers have numbered; returns what comes next.
    fn producer_part(&mut self, growing: &mut GrowingStream) -> Result<Place, Reason> {
        let known = &mut growing.known;
        Ok(match growing.place {
            Place::Producers(left @ 1..) => {
                let (name, iids) = (self.string()?, self.length()?);
                growing.producer = (*name).into();
                Place::Iids(iids, left - 1)
            }
            Place::Iids(0, left) => Place::Producers(left),
            Place::Iids(iids, left) => {
                let (iid, id) = (self.string()?, self.id_lengths()?);
                // Nothing is too old yet: when it is read, the time is not known.
                known.record(&growing.producer, &iid, id, 0);
                Place::Iids(iids - 1, left)
            }
            _ => {
                (known.added, known.duplicates) = (self.length()?, self.length()?);
                let known = std::mem::take(known);
                growing.stream.idempotence = known.is_used().then(|| Box::new(known));
                Place::End
            }
        })
    }

    fn stream_node(&mut self, stream: &mut Stream) -> Result<(), Reason> {
        let id: [u8; 16] = (*self.string()?)
            .try_into()
            .map_err(|_| Reason::Broken("A node of a stream without an ID"))?;
        let pack = self.listpack("Stream listpack integrity check failed")?;
        stream.push_node(StreamId::from_bytes(id), pack).map_err(|_| BROKEN)
    }

    /// What follows the nodes; returns how many groups follow it.
    fn behind_nodes(&mut self, kind: u8, stream: &mut Stream) -> Result<u64, Reason> {
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
        self.length()
    }

    fn group_head(&mut self, kind: u8, stream: &Stream) -> Result<Group, Reason> {
        let mut group = Group::default();
        group.last_id = self.id_lengths()?;
        group.entries_read = if kind == kind::STREAM {
            stream.entries_up_to(group.last_id)
        } else {
            Some(self.length()? as i64).filter(|&read| read != -1)
        };
        Ok(group)
    }

    /// A consumer, and how many entries are pending for it.
    fn consumer(&mut self, kind: u8, group: &mut Group) -> Result<(ConsumerRef, u64), Reason> {
        let name = self.string()?;
        let seen_ms = self.time_ms()?;
        let active_ms = match kind {
            kind::STREAM | kind::STREAM_2 => seen_ms,
            _ => self.time_ms()?,
        };
        let claims = self.length()?;
        let twice = Reason::Broken("Duplicate stream consumer detected");
        let consumer = group.create(&name, seen_ms).ok_or(twice)?;
        if let Some(consumer) = group.get_mut(consumer) {
            consumer.active_ms = Some(active_ms).filter(|&active_ms| active_ms != -1);
        }
        Ok((consumer, claims))
    }

    fn id_lengths(&mut self) -> Result<StreamId, Reason> {
        Ok(StreamId { ms: self.length()?, seq: self.length()? })
    }
}

/// An entry that is pending for `consumer`.
fn claim(
    group: &mut Group,
    unclaimed: &mut Unclaimed,
    id: StreamId,
    consumer: ConsumerRef,
) -> Result<(), Reason> {
    let Some(pending) = unclaimed.remove(id) else {
        return Err(Reason::Broken(match group.pending(id) {
            Some(_) => "Duplicated consumer PEL entry",
            None => "Consumer entry not found in group global PEL",
        }));
    };
    group.set_pending(id, Pending { consumer, ..pending });
    Ok(())
}
