//! Streams: entries of fields and values under rising IDs, and the groups that consume them.
//!
//! Entries lie side by side in nodes of Redis's own form (see `node`), in a map by the ID of the
//! first entry each has held. A node is filled up to two limits and then shrunk to fit; deletion
//! marks entries, and a node goes away once none of its entries is valid. So trimming to *about* a
//! length takes whole nodes, which costs nothing for each entry, and which clients can observe:
//! nodes begin and end exactly where Redis's do.
//!
//! Source: <https://redis.io/docs/latest/develop/data-types/streams/>.

mod by_age;
mod group;
mod id;
mod idempotence;
mod node;
#[cfg(test)]
mod tests;

pub use group::{Consumer, ConsumerRef, DELIVERIES_MAX, Group, NOBODY, Pending};
pub use id::StreamId;
pub use idempotence::{DURATION_S, Idempotence, Producer, SIZE_MAX};
pub use node::Fields;

use node::{Node, RawEntry};
use std::ops::Bound::{Excluded, Included};

use super::Listpack;
use super::listpack::{LISTPACK_BYTES_MAX, Malformed};
use crate::base::ordered::NameMap;
use crate::base::shared::SharedMap;

/// What a node may hold; 0 for no limit.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// `stream-node-max-bytes`.
    pub bytes_max: usize,
    /// `stream-node-max-entries`.
    pub entries_max: u64,
}

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    nodes: SharedMap<StreamId, Node>,
    /// Groups by name.
    pub groups: NameMap<Group>,
    /// The greatest ID that an entry has had, or that was set as such.
    pub last_id: StreamId,
    /// The greatest ID of a deleted entry.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
    /// Whether something was ever given back to a group (XNACK).
    pub gave_back: bool,
    /// What producers have numbered, once one has or it was set up.
    pub idempotence: Option<Box<Idempotence>>,
    /// The ID of the first entry; 0-0 if there is none.
    first_id: StreamId,
    length: u64,
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: StreamId,
    /// What it holds.
    pub fields: Fields<'a>,
}

/// How far a stream is cut at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// To this many entries.
    Length(u64),
    /// To the entries from this ID on.
    Id(StreamId),
}

/// What a stream holds besides what every version of Redis knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Nothing.
    None,
    /// What producers have numbered.
    Idempotence,
    /// Entries that were given back, perhaps also what producers have numbered.
    GivenBack,
}

/// What becomes of the groups' references to an entry that is removed. A group refers to an entry
/// while it is pending there, and before the group was given it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// They stay.
    #[default]
    Keep,
    /// Pending entries go too.
    Delete,
    /// Only entries go to which no group refers any more.
    Acked,
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// How far.
    pub bound: Bound,
    /// What becomes of references.
    pub references: References,
    /// Only whole nodes go.
    pub is_approximate: bool,
    /// At most this many entries go; 0 for all.
    pub limit: u64,
}

/// Adding and removing.
impl Stream {
    /// Adds an entry; `id` must be greater than `last_id`. Costs O(log nodes + bytes of a node).
    pub fn append<'f>(
        &mut self,
        id: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
        limits: StreamLimits,
    ) {
        let bytes: usize = fields.clone().map(|(name, value)| name.len() + value.len()).sum();
        let bytes_max = match limits.bytes_max {
            0 => LISTPACK_BYTES_MAX,
            max => max.min(LISTPACK_BYTES_MAX),
        };
        let first = self.nodes.last().map(|(first, _)| first);
        let mut last = first.and_then(|first| Some((first, self.nodes.get_mut(first)?)));
        if let Some((_, node)) = &mut last {
            let is_full = node.pack().byte_len().saturating_add(bytes) >= bytes_max
                || limits.entries_max > 0 && node.total() >= limits.entries_max;
            if is_full {
                node.shrink_to_fit();
                last = None;
            }
        }
        match last {
            Some((first, node)) => {
                let delta = StreamId {
                    ms: id.ms.wrapping_sub(first.ms),
                    seq: id.seq.wrapping_sub(first.seq),
                };
                node.append(delta, fields);
            }
            None => {
                self.nodes.insert(id, Node::new(fields));
            }
        }
        self.length += 1;
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        if self.length == 1 {
            self.first_id = id;
        }
    }

    /// Deletes the entry of this ID; returns whether there was one. Costs O(log nodes + entries of
    /// a node). [`Stream::settle`] must follow.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some(first) = self.node_before(id) else { return false };
        let Some(node) = self.nodes.get_mut(first) else { return false };
        if !node.delete(first, id) {
            return false;
        }
        if node.valid() == 0 {
            self.nodes.remove(first);
        }
        self.length -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        true
    }

    /// After entries were deleted: finds the first again.
    pub fn settle(&mut self) {
        let first = self.iter(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id);
        self.first_id = first.unwrap_or_default();
    }

    /// Removes entries at the beginning; returns how many. Costs O(nodes removed + entries of one).
    pub fn trim(&mut self, trim: Trim) -> u64 {
        let removed = match trim.references {
            References::Delete | References::Acked if !self.groups.is_empty() => {
                self.trim_each(trim)
            }
            _ => self.trim_nodes(trim),
        };
        if removed > 0 {
            self.settle();
        }
        removed
    }

    fn trim_nodes(&mut self, trim: Trim) -> u64 {
        let mut removed = 0;
        while let Some((id, node)) = self.nodes.first() {
            if matches!(trim.bound, Bound::Length(max) if self.length <= max) {
                break;
            }
            let entries = node.valid();
            if trim.limit > 0 && removed + entries > trim.limit {
                break;
            }
            let is_whole = match trim.bound {
                Bound::Length(max) => self.length - entries >= max,
                Bound::Id(min) => node.iter_back(id).next().is_none_or(|last| last.id < min),
            };
            if is_whole {
                self.nodes.pop_first();
                self.length -= entries;
                removed += entries;
                continue;
            }
            if !trim.is_approximate
                && let Some(node) = self.nodes.get_mut(id)
            {
                let mut left = self.length;
                let marked = node.delete_some(id, &mut |entry| goes(trim.bound, entry, &mut left));
                self.length -= marked;
                removed += marked;
            }
            break;
        }
        removed
    }

    /// As [`Stream::trim_nodes`], where groups are asked about each entry. Costs O(entries up to the
    /// bound, each with the number of groups).
    fn trim_each(&mut self, trim: Trim) -> u64 {
        let (mut removed, mut from) = (0, StreamId::MIN);
        let mut groups = std::mem::take(&mut self.groups);
        loop {
            let next = self.nodes.range(Included(from)).next().map(|(id, _)| id);
            let Some(id) = next else { break };
            let Some(node) = self.nodes.get_mut(id) else { break };
            let entries = node.valid();
            if trim.limit > 0 && removed + entries > trim.limit {
                break;
            }
            let is_whole = match trim.bound {
                Bound::Length(max) => self.length.saturating_sub(entries) >= max,
                Bound::Id(min) => node.iter_back(id).next().is_none_or(|last| last.id < min),
            };
            if trim.is_approximate && !is_whole {
                break;
            }
            let (mut left, mut is_end) = (self.length, false);
            let marked = node.delete_some(id, &mut |entry| {
                let before = left;
                is_end = goes(trim.bound, entry, &mut left).is_none();
                if is_end {
                    return None;
                }
                if trim.references == References::Delete {
                    groups.each_mut(|_, group| _ = group.acknowledge(entry));
                } else if groups.values().any(|group| group.refers_to(entry)) {
                    left = before;
                    return Some(false);
                }
                Some(true)
            });
            if node.valid() == 0 {
                self.nodes.remove(id);
            }
            self.length -= marked;
            removed += marked;
            let Some(next) = id.next().filter(|_| !is_end) else { break };
            from = next;
        }
        self.groups = groups;
        removed
    }

    /// Whether a group refers to the entry of this ID, or may: as in Redis, without groups nobody
    /// has read it yet.
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.is_empty() || self.groups.values().any(|group| group.refers_to(id))
    }

    /// The entry is pending in no group any more; returns in how many it was.
    pub fn forget_references(&mut self, id: StreamId) -> u64 {
        let mut count = 0;
        self.groups.each_mut(|_, group| count += u64::from(group.acknowledge(id)));
        count
    }

    /// Lets `work` change the group of this name while it looks at the stream; `None` if there is no
    /// such group. To `work`, the stream's own group of that name is without content.
    pub fn with_group<R>(
        &mut self,
        name: &[u8],
        work: impl FnOnce(&Self, &mut Group) -> R,
    ) -> Option<R> {
        let mut group = std::mem::take(self.groups.get_mut(name)?);
        let result = work(self, &mut group);
        *self.groups.get_mut(name)? = group;
        Some(result)
    }

    /// Frees about `max` nodes or pending entries of a stream that nobody will look into any more.
    /// Returns how many; fewer than `max` mean that nothing is left.
    pub fn free_some(&mut self, max: usize) -> usize {
        let mut freed = self.nodes.free_some(max);
        if let Some(numbered) = &mut self.idempotence {
            freed += numbered.free_some(max.saturating_sub(freed));
        }
        while freed < max {
            let Some((_, group)) = self.groups.first_mut() else { break };
            let here = group.free_some(max - freed);
            if freed + here < max {
                self.groups.pop_first();
            }
            freed += here.max(1);
        }
        freed
    }

    /// Whether freeing takes more than about `than` steps.
    pub fn is_slow_to_free(&self, than: usize) -> bool {
        self.nodes.len() > than
            || self.groups.len() > than
            || self.groups.values().any(|group| group.is_large(than))
            || self.idempotence.as_ref().is_some_and(|numbered| numbered.len() > than)
    }
}

/// Whether the next entry goes in trimming to `bound`, where so many are left; `None` if it and
/// those behind it stay.
fn goes(bound: Bound, entry: StreamId, left: &mut u64) -> Option<bool> {
    match bound {
        Bound::Length(max) if *left <= max => None,
        Bound::Id(min) if entry >= min => None,
        Bound::Length(_) | Bound::Id(_) => {
            *left = left.saturating_sub(1);
            Some(true)
        }
    }
}

/// Looking.
impl Stream {
    /// Number of entries.
    #[expect(clippy::len_without_is_empty, reason = "an empty stream is no special case")]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// What it holds besides what every version of Redis knows.
    pub fn extra(&self) -> Extra {
        if self.gave_back {
            Extra::GivenBack
        } else if self.idempotence.is_some() {
            Extra::Idempotence
        } else {
            Extra::None
        }
    }

    /// The ID of the first entry; 0-0 if there is none.
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The ID of the last entry that is still there.
    pub fn last_valid_id(&self) -> Option<StreamId> {
        self.iter_back(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id)
    }

    /// Whether there is an entry of this ID. Costs O(log nodes + entries of a node).
    pub fn contains(&self, id: StreamId) -> bool {
        self.iter(id, id).next().is_some()
    }

    /// The entries from `start` to `end`, both included.
    pub fn iter(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let from = self.node_before(start).unwrap_or(start);
        let nodes = self.nodes.range(Included(from)).take_while(move |&(id, _)| id <= end);
        nodes
            .flat_map(|(id, node)| node.iter(id))
            .skip_while(move |entry| entry.id < start)
            .take_while(move |entry| entry.id <= end)
            .filter_map(valid)
    }

    /// As [`Stream::iter`], from `end` back to `start`.
    pub fn iter_back(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let from = self.node_before(start).unwrap_or(start);
        let nodes = self.nodes.range_back(Included(end)).take_while(move |&(id, _)| id >= from);
        nodes
            .flat_map(|(id, node)| node.iter_back(id))
            .skip_while(move |entry| entry.id > end)
            .take_while(move |entry| entry.id >= start)
            .filter_map(valid)
    }

    /// The node in which an entry of this ID would lie: it may begin earlier.
    fn node_before(&self, id: StreamId) -> Option<StreamId> {
        self.nodes.range_back(Included(id)).next().map(|(id, _)| id)
    }

    /// The nodes: the ID that each one's entries are relative to, and its listpack.
    pub fn nodes(&self) -> impl Iterator<Item = (StreamId, &Listpack)> {
        self.nodes.iter().map(|(id, node)| (id, node.pack()))
    }

    /// As [`Stream::nodes`], from the first one behind `id` on.
    pub fn nodes_after(&self, id: StreamId) -> impl Iterator<Item = (StreamId, &Listpack)> {
        self.nodes.range(Excluded(id)).map(|(id, node)| (id, node.pack()))
    }

    /// Number of nodes.
    pub fn nodes_len(&self) -> usize {
        self.nodes.len()
    }

    /// How many nodes Redis's radix tree has for these IDs, which XINFO shows: one a leaf, one a
    /// fork, and one for every run of bytes between them. Costs O(nodes).
    pub fn radix_nodes(&self) -> usize {
        // Depths of the forks above the last leaf, and where the run above each one begins.
        let (mut forks, mut count): (Vec<usize>, usize) = (Vec::new(), 0);
        let mut previous: Option<[u8; 16]> = None;
        // What lies below a fork of this depth, or below the root, down to `depth`.
        let run = |above: Option<usize>, depth: usize| {
            usize::from(depth > above.map_or(0, |above| above + 1))
        };
        for id in self.nodes.iter().map(|(id, _)| id.to_bytes()) {
            let shared =
                previous.map(|last| last.iter().zip(id).take_while(|(a, b)| *a == b).count());
            previous = Some(id);
            if let Some(shared) = shared {
                close(&mut forks, &mut count, Some(shared), run);
            }
        }
        if previous.is_some() {
            close(&mut forks, &mut count, None, run);
        }
        count.max(1)
    }

    /// As [`Stream::heap_bytes`], as if all nodes were as large as the first and the last are on
    /// average. Costs O(consumers).
    pub fn about_bytes(&self) -> usize {
        let bytes =
            |node: Option<(StreamId, &Node)>| node.map_or(0, |(_, node)| node.pack().heap_bytes());
        let ends = bytes(self.nodes.first()) + bytes(self.nodes.last());
        self.bytes_with(ends.saturating_mul(self.nodes.len()) / 2)
    }

    /// About the bytes on the heap. Costs O(nodes + consumers).
    pub fn heap_bytes(&self) -> usize {
        self.bytes_with(self.nodes.iter().map(|(_, node)| node.pack().heap_bytes()).sum())
    }

    /// About the bytes on the heap, of which those of the nodes are so many.
    fn bytes_with(&self, nodes: usize) -> usize {
        // Nodes are mostly added at the end, which leaves the map's own nodes full.
        let map = self.nodes.len() * size_of::<(StreamId, Node)>();
        let groups: usize = self
            .groups
            .iter()
            .map(|(name, group)| {
                name.len() + 2 * size_of::<(Box<[u8]>, Group)>() + group.heap_bytes()
            })
            .sum();
        let numbered = self.idempotence.as_ref().map_or(0, |numbered| numbered.heap_bytes());
        nodes + map + groups + numbered
    }
}

/// A leaf ends: counts it with what closes on the way up to the fork of depth `shared`, which it
/// has in common with the next (`None`: there is no next).
fn close(
    forks: &mut Vec<usize>,
    count: &mut usize,
    shared: Option<usize>,
    run: impl Fn(Option<usize>, usize) -> usize,
) {
    let mut depth = size_of::<StreamId>();
    loop {
        let above = forks.last().copied();
        if shared.is_some() && above < shared {
            // A fork that was not known yet lies between.
            forks.extend(shared);
            *count += 1 + run(shared, depth);
            return;
        }
        *count += 1 + run(above, depth);
        match above {
            Some(above) if shared != Some(above) => {
                depth = above;
                forks.pop();
            }
            _ => return,
        }
    }
}

fn valid(entry: RawEntry<'_>) -> Option<Entry<'_>> {
    (!entry.is_deleted()).then_some(Entry { id: entry.id, fields: entry.fields })
}

/// What groups know of how far they have come.
impl Stream {
    /// Whether an entry behind `from` (or at it) was deleted, so that counting to the end does not
    /// tell how many there are.
    pub fn has_gaps_from(&self, from: StreamId) -> bool {
        self.length > 0
            && self.max_deleted_id != StreamId::MIN
            && self.first_id <= self.max_deleted_id
            && from <= self.max_deleted_id
    }

    /// How many entries were added up to `id`, that one included, if it can be told.
    pub fn entries_up_to(&self, id: StreamId) -> Option<i64> {
        let added = self.entries_added as i64;
        if added == 0 {
            return Some(0);
        }
        if self.length == 0 && id <= self.last_id {
            return Some(added);
        }
        if id != StreamId::MIN && id < self.max_deleted_id {
            return None;
        }
        match id.cmp(&self.last_id) {
            std::cmp::Ordering::Equal => return Some(added),
            std::cmp::Ordering::Greater => return None,
            std::cmp::Ordering::Less => {}
        }
        let is_whole = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        let before = added.wrapping_sub(self.length as i64);
        match id.cmp(&self.first_id) {
            std::cmp::Ordering::Less if is_whole => Some(before),
            std::cmp::Ordering::Equal if is_whole => Some(before.wrapping_add(1)),
            _ => None,
        }
    }

    /// How many entries `group` has still to be given, if it can be told.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let added = self.entries_added as i64;
        if added == 0 || self.length == 0 {
            return Some(0);
        }
        if group.last_id < self.first_id && self.max_deleted_id < self.first_id {
            return Some(self.length as i64);
        }
        match group.entries_read {
            Some(read) if !self.has_gaps_from(group.last_id) => Some(added.wrapping_sub(read)),
            _ => self.entries_up_to(group.last_id).map(|read| added.wrapping_sub(read)),
        }
    }

    /// What the counter of `group` is once it was given the entry `id`, the next behind its last.
    pub fn entries_read_after(&self, group: &Group, id: StreamId) -> Option<i64> {
        match group.entries_read {
            Some(read) if group.last_id >= self.first_id && !self.has_gaps_from(group.last_id) => {
                Some(read.wrapping_add(1))
            }
            read if self.entries_added == 0 => read,
            _ => self.entries_up_to(id),
        }
    }
}

/// A stream as it comes out of a snapshot, to be checked.
impl Stream {
    /// Adds the node `pack` of ID `id`, which is greater than those before.
    pub fn push_node(&mut self, id: StreamId, pack: Listpack) -> Result<(), Malformed> {
        let is_behind = match self.nodes.last() {
            None => true,
            Some((last, node)) => {
                last < id && node.iter_back(last).next().is_none_or(|entry| entry.id < id)
            }
        };
        if !is_behind {
            return Err(Malformed);
        }
        let node = Node::parse(pack, id)?;
        self.length += node.valid();
        self.nodes.insert(id, node);
        Ok(())
    }
}
