//! Publish and subscribe: who listens to what, and the delivery of messages.
//!
//! Channels, patterns and shard channels are three tables of one shape: a name and the ids of the
//! clients that gave it. A message is encoded once and copied to each of its receivers. It goes to
//! the listeners of its channel first, then to the patterns that match it, in the order of their
//! bytes; Redis goes through patterns in the order of a hash table that differs in every run.

use super::Engine;
use crate::base::glob;
use crate::base::ordered::{IdMap, IdSet, NameMap, NameSet};
use crate::resp::Out;
use crate::session::Subscriptions;

/// Who is subscribed to what.
#[derive(Debug, Default)]
pub struct Pubsub {
    channels: Names,
    patterns: Names,
    shard_channels: Names,
    /// How many subscriptions each client has, if any.
    counts: IdMap<usize>,
}

/// Client ids by what they subscribed to. Ordered, because clients choose the names and everyone
/// sees the order.
type Names = NameMap<IdSet>;

/// What a subscription names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A channel (SUBSCRIBE).
    Channel,
    /// A pattern for channels (PSUBSCRIBE).
    Pattern,
    /// A channel that belongs to a slot of a cluster (SSUBSCRIBE).
    ShardChannel,
}

impl Kind {
    /// The first word of the reply to a subscription.
    pub fn subscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"subscribe",
            Self::Pattern => b"psubscribe",
            Self::ShardChannel => b"ssubscribe",
        }
    }

    /// The first word of the reply to its end.
    pub fn unsubscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"unsubscribe",
            Self::Pattern => b"punsubscribe",
            Self::ShardChannel => b"sunsubscribe",
        }
    }

    /// What a session is subscribed to of this kind.
    pub fn of(self, subscriptions: &mut Subscriptions) -> &mut NameSet {
        match self {
            Self::Channel => &mut subscriptions.channels,
            Self::Pattern => &mut subscriptions.patterns,
            Self::ShardChannel => &mut subscriptions.shard_channels,
        }
    }

    /// The number of subscriptions that its replies tell: shard channels count apart.
    pub fn count(self, subscriptions: &Subscriptions) -> usize {
        match self {
            Self::Channel | Self::Pattern => {
                subscriptions.channels.len() + subscriptions.patterns.len()
            }
            Self::ShardChannel => subscriptions.shard_channels.len(),
        }
    }
}

impl Pubsub {
    /// Enters `id` as a listener. O(log N).
    pub fn subscribe(&mut self, kind: Kind, name: &[u8], id: u64) {
        let names = self.names_mut(kind);
        if names.get_or_insert_with(name.into(), IdSet::default).insert(id) {
            *self.counts.get_or_insert_with(id, || 0) += 1;
        }
    }

    /// Removes `id` as a listener. O(log N).
    pub fn unsubscribe(&mut self, kind: Kind, name: &[u8], id: u64) {
        let names = self.names_mut(kind);
        let Some(ids) = names.get_mut(name) else { return };
        let was_there = ids.remove(id);
        if ids.is_empty() {
            names.remove(name);
        }
        if let Some(count) = self.counts.get_mut(&id).filter(|_| was_there) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&id);
            }
        }
    }

    /// Whether client `id` has subscriptions.
    pub fn is_subscriber(&self, id: u64) -> bool {
        self.counts.contains_key(&id)
    }

    /// Removes `id` as a listener of everything it is subscribed to.
    pub fn leave(&mut self, id: u64, subscriptions: &Subscriptions) {
        let all = [
            (Kind::Channel, &subscriptions.channels),
            (Kind::Pattern, &subscriptions.patterns),
            (Kind::ShardChannel, &subscriptions.shard_channels),
        ];
        for (kind, names) in all {
            for name in names.iter() {
                self.unsubscribe(kind, name, id);
            }
        }
    }

    /// The names that have listeners, in the order of their bytes.
    pub fn names(&self, kind: Kind) -> impl ExactSizeIterator<Item = &[u8]> {
        self.names_of(kind).keys()
    }

    /// The number of clients that gave exactly this name.
    pub fn listeners(&self, kind: Kind, name: &[u8]) -> usize {
        self.names_of(kind).get(name).map_or(0, IdSet::len)
    }

    fn names_of(&self, kind: Kind) -> &Names {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::ShardChannel => &self.shard_channels,
        }
    }

    fn names_mut(&mut self, kind: Kind) -> &mut Names {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::ShardChannel => &mut self.shard_channels,
        }
    }
}

impl Engine {
    /// Publishes `message` on `channel` and returns how many times it was delivered. A client gets
    /// it once for its channel and once for each of its patterns that match; the client whose
    /// command is running gets it after its reply. O(receivers + patterns).
    pub fn publish(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let mut receivers = Vec::new();
        let mut body = Out::default();
        if let Some(ids) = self.pubsub.channels.get(channel) {
            receivers.extend(ids.as_slice());
            write_body(&mut body, b"message", &[channel, message]);
            self.deliver(&receivers, 3, &body);
        }
        let mut delivered = receivers.len();
        let matching: Vec<_> = self
            .pubsub
            .patterns
            .iter()
            .filter(|(pattern, _)| glob::matches(pattern, channel))
            .map(|(pattern, ids)| (Box::<[u8]>::from(pattern), ids.as_slice().to_vec()))
            .collect();
        for (pattern, ids) in matching {
            write_body(&mut body, b"pmessage", &[&pattern, channel, message]);
            self.deliver(&ids, 4, &body);
            delivered += ids.len();
        }
        delivered
    }

    /// Publishes `message` on the shard channel `channel`; see [`Engine::publish`].
    pub fn publish_shard(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let Some(ids) = self.pubsub.shard_channels.get(channel) else { return 0 };
        let receivers = ids.as_slice().to_vec();
        let mut body = Out::default();
        write_body(&mut body, b"smessage", &[channel, message]);
        self.deliver(&receivers, 3, &body);
        receivers.len()
    }

    /// Sends clients a message of `count` elements, which `body` holds.
    fn deliver(&mut self, receivers: &[u64], count: usize, body: &Out) {
        for &id in receivers {
            self.push(id, |out| {
                out.push(count);
                out.raw(body.pending());
            });
        }
    }

    /// Sends client `id` a message that answers no command of its own.
    pub fn push(&mut self, id: u64, write: impl FnOnce(&mut Out)) {
        if let Some(conn) = self.clients.push(id, write) {
            self.send(conn);
            self.check_output_of(conn);
        }
    }
}

/// The elements of a message, which look the same in both protocols.
fn write_body(body: &mut Out, kind: &[u8], parts: &[&[u8]]) {
    body.discard();
    body.bulk(kind);
    for part in parts {
        body.bulk(part);
    }
}
