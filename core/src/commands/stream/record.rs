//! What the commands of streams record for those who repeat them.
//!
//! What a consumer was given is recorded entry by entry, with all that is known of it then, so that
//! repeating it depends neither on the time nor on what the consumer asked for.

use crate::base::num::Digits;
use crate::ds::Stream;
use crate::ds::stream::{Bound, Group as ConsumerGroup, Pending, References, StreamId, Trim};
use crate::engine::Ctx;
use crate::resp::Argv;

/// An entry that is pending for a consumer now, or whose being gone was noticed.
struct Claimed {
    /// `None` if the group has it back.
    consumer: Option<Box<[u8]>>,
    id: StreamId,
    pending: Pending,
    /// What the group was given last.
    last_id: StreamId,
}

/// What was claimed, if anyone wants to know.
pub(super) struct Claims(Option<Vec<Claimed>>);

impl Claims {
    pub(super) fn new(cx: &Ctx<'_>) -> Self {
        Self(cx.propagates().then(Vec::new))
    }

    /// Notes entry `id` of `group`, which is pending.
    pub(super) fn add(&mut self, group: &ConsumerGroup, id: StreamId, pending: Pending) {
        let Some(claims) = &mut self.0 else { return };
        let consumer = group.get(pending.consumer).map(|consumer| consumer.name.clone());
        let last_id = group.last_id;
        claims.push(Claimed { consumer, id, pending, last_id });
    }

    /// Whether nothing was noted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(Vec::is_empty)
    }
}

/// Records each entry of `group` in `claims`.
pub(super) fn propagate_claims(cx: &mut Ctx<'_>, key: &[u8], group: &[u8], claims: Claims) {
    for Claimed { consumer, id, pending, last_id } in claims.0.iter().flatten() {
        let Some(consumer) = consumer else {
            // There is nobody to claim for: what was noticed is that the entry is gone.
            cx.propagate_as(&[b"XACK", key, group, &id.text(b'-')]);
            continue;
        };
        let words: &[&[u8]] = &[
            b"XCLAIM",
            key,
            group,
            consumer,
            b"0",
            &id.text(b'-'),
            b"TIME",
            &Digits::of(pending.delivered_ms),
            b"RETRYCOUNT",
            &Digits::of_u64(pending.deliveries),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            &last_id.text(b'-'),
        ];
        cx.propagate_as(words);
    }
}

/// Records how far `group` has come.
pub(super) fn propagate_group_id(cx: &mut Ctx<'_>, key: &[u8], group: &[u8]) {
    let Ok(Some((stream, _))) = cx.stream_and_out(key) else { return };
    let Some(found) = stream.groups.get(group) else { return };
    let (last_id, read) = (found.last_id.text(b'-'), found.entries_read.unwrap_or(-1));
    let read = Digits::of(read);
    cx.propagate_as(&[b"XGROUP", b"SETID", key, group, &last_id, b"ENTRIESREAD", &read]);
}

/// Records that a consumer was made where nothing else says so.
pub(super) fn propagate_consumer(cx: &mut Ctx<'_>, key: &[u8], group: &[u8], consumer: &[u8]) {
    cx.propagate_as(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
}

/// Words of XADD and XTRIM that are recorded otherwise than they came.
pub(super) struct Rewritten {
    /// Where the ID stands, if it was not wholly given, and what it became.
    pub(super) id: Option<(usize, StreamId)>,
    /// Where `~` stands, and exactly what is left since.
    pub(super) trim: Option<(usize, Bounded)>,
}

/// A strategy of trimming and its threshold.
pub(super) type Bounded = (&'static [u8], Vec<u8>);

impl Rewritten {
    /// What an approximate trim has come to in `stream`.
    pub(super) fn trim(stream: &Stream, trim: Trim) -> Bounded {
        match (trim.bound, trim.references) {
            // Entries that were deleted count, while their node is there.
            (Bound::Id(_), References::Keep) => {
                let first = stream.nodes().next().map_or(StreamId::MAX, |(id, _)| id);
                (b"MINID", first.text(b'-'))
            }
            // Entries may be left before others that went; by the number, the same go again.
            _ => (b"MAXLEN", Digits::of_u64(stream.len()).to_vec()),
        }
    }

    /// Records the command with these words, or as it came.
    pub(super) fn propagate(self, cx: &mut Ctx<'_>, argv: Argv<'_>) {
        if self.id.is_none() && self.trim.is_none() {
            return;
        }
        let mut words: Vec<&[u8]> = argv.iter().collect();
        let id = self.id.map(|(place, id)| (place, id.text(b'-')));
        if let Some((place, id)) = &id
            && let Some(word) = words.get_mut(*place)
        {
            *word = id;
        }
        if let Some((place, (strategy, bound))) = &self.trim
            && let Some([word, operator, threshold, ..]) = words.get_mut(place - 1..)
        {
            // As it was written, if it is the same.
            if !word.eq_ignore_ascii_case(strategy) {
                *word = strategy;
            }
            (*operator, *threshold) = (b"=", bound);
        }
        cx.propagate_as(&words);
    }
}
