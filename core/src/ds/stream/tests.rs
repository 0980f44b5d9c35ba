//! Streams as they are built, cut, read and taken from strangers.

use super::*;
use crate::ds::Element;

const LIMITS: StreamLimits = StreamLimits { bytes_max: 4096, entries_max: 100 };

fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 0 }
}

fn of(count: u64) -> Stream {
    let mut stream = Stream::default();
    for ms in 1..=count {
        stream.append(id(ms), [(b"f".as_slice(), b"v".as_slice())].into_iter(), LIMITS);
    }
    stream
}

fn ids(stream: &Stream) -> Vec<u64> {
    let forward: Vec<u64> =
        stream.iter(StreamId::MIN, StreamId::MAX).map(|entry| entry.id.ms).collect();
    let mut back: Vec<u64> =
        stream.iter_back(StreamId::MIN, StreamId::MAX).map(|entry| entry.id.ms).collect();
    back.reverse();
    assert_eq!(forward, back);
    assert_eq!(forward.len() as u64, stream.len());
    forward
}

#[test]
fn entries_with_the_fields_of_the_first_leave_them_out() {
    let mut stream = of(2);
    let other = [(b"g".as_slice(), b"1".as_slice()), (b"f".as_slice(), b"w".as_slice())];
    stream.append(id(3), other.into_iter(), LIMITS);
    stream.delete(id(2));
    let (_, pack) = stream.nodes().next().unwrap();
    let elements: Vec<Vec<u8>> = pack.iter().map(Element::to_vec).collect();
    let expect = "2 1 1 f 0  2 0 0 v 4  3 1 0 v 4  0 2 0 2 g 1 f w 8";
    let expect: Vec<&[u8]> = expect.split_whitespace().map(str::as_bytes).collect();
    assert_eq!(elements, expect);
    assert_eq!(ids(&stream), [1, 3]);
    let last = stream.iter(id(3), id(3)).next().unwrap();
    let fields: Vec<_> = last.fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    assert_eq!(fields, [(b"g".to_vec(), b"1".to_vec()), (b"f".to_vec(), b"w".to_vec())]);
}

#[test]
fn trimming_to_about_a_length_takes_whole_nodes() {
    let references = References::Keep;
    let trim = |bound, is_approximate, limit| Trim { bound, references, is_approximate, limit };
    let mut stream = of(350);
    assert_eq!(stream.nodes_len(), 4);
    assert_eq!(stream.trim(trim(Bound::Length(120), true, 0)), 200);
    assert_eq!(stream.first_id(), id(201));
    assert_eq!(stream.trim(trim(Bound::Id(id(340)), true, 99)), 0);
    assert_eq!(stream.trim(trim(Bound::Length(120), false, 0)), 30);
    assert_eq!(ids(&stream).first(), Some(&231));
    assert_eq!(stream.trim(trim(Bound::Id(id(345)), false, 0)), 114);
    assert_eq!(ids(&stream), [345, 346, 347, 348, 349, 350]);
    assert_eq!(stream.trim(trim(Bound::Length(0), true, 0)), 6);
    assert_eq!((stream.nodes_len(), stream.first_id()), (0, StreamId::MIN));
}

#[test]
fn ranges_begin_and_end_inside_nodes() {
    let stream = of(250);
    let found: Vec<u64> = stream.iter(id(95), id(205)).map(|entry| entry.id.ms).collect();
    assert!(found.iter().copied().eq(95..=205));
    let found: Vec<u64> = stream.iter_back(id(95), id(205)).map(|entry| entry.id.ms).collect();
    assert!(found.iter().copied().eq((95..=205).rev()));
    assert_eq!(stream.iter(id(9), id(8)).count(), 0);
    assert!(stream.contains(id(250)) && !stream.contains(id(251)));
}

#[test]
fn a_node_that_is_not_as_it_must_be_is_refused() {
    let stream = of(3);
    let (first, pack) = stream.nodes().next().unwrap();
    let accepted = |pack: Listpack| Stream::default().push_node(first, pack).is_ok();
    assert!(accepted(pack.clone()));
    let mut cursor = pack.first();
    while let Some(place) = cursor {
        for wrong in [-1, 5, 9, i64::MAX, i64::MIN] {
            // Any value of a field is as good as another, and so is the second ID's distance.
            let mut other = pack.clone();
            other.replace(place, Element::Int(wrong));
            if accepted(other.clone()) {
                let mut stream = Stream::default();
                stream.push_node(first, other).unwrap();
                assert_eq!(stream.iter(StreamId::MIN, StreamId::MAX).count() as u64, stream.len());
            }
        }
        let mut shorter = pack.clone();
        shorter.remove(place);
        assert!(!accepted(shorter));
        cursor = pack.next(place);
    }
}

#[test]
fn a_large_stream_is_freed_in_slices() {
    let mut stream = of(20_000);
    let mut group = Group::default();
    let consumer = group.create(b"c", 0).unwrap();
    for ms in 1..=1000 {
        let pending = Pending { delivered_ms: 0, deliveries: 1, consumer };
        group.set_pending(id(ms), pending);
    }
    stream.groups.insert((*b"g").into(), group);
    assert!(stream.is_slow_to_free(64));
    let mut slices = 0;
    while stream.free_some(100) >= 100 {
        slices += 1;
    }
    assert!((12..33).contains(&slices), "{slices}");
    assert!(stream.nodes.is_empty() && stream.groups.is_empty());
}
