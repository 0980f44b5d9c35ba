//! Long strings, some bytes at a time: neither copying nor decompressing one takes long.
//!
//! How much room one gets is what is said before it, as far as the file can hold that: a string that
//! grows would be moved as a whole again and again.

use std::borrow::Cow;

use super::Reason;
use super::input::{Head, NOT_COMPRESSED, Reader};
use crate::persist::lzf::Decompressor;

/// Longer strings are read in parts, in bytes, and these are the parts.
const PART_BYTES: usize = 64 * 1024;
/// So many bytes a compressed one can become.
const EXPANSION_MAX: usize = 90;

/// A string, or the beginning of a long one.
pub(super) enum Text<'a> {
    Whole(Cow<'a, [u8]>),
    Growing(GrowingText),
}

/// A string that is not all there.
pub(super) struct GrowingText {
    bytes: Decompressor,
    /// What is still to be read, in the form in which it stands there.
    left: usize,
    is_compressed: bool,
}

impl GrowingText {
    /// The string, of which everything was read.
    pub(super) fn ripe(self) -> Vec<u8> {
        self.bytes.into_bytes()
    }

    /// What of it was read.
    pub(super) fn so_far(&self) -> &[u8] {
        self.bytes.so_far()
    }
}

impl<'a> Reader<'a> {
    /// As [`Reader::string`], but of a long one only the beginning.
    pub(super) fn begin_text(&mut self) -> Result<Text<'a>, Reason> {
        if let Some(short) = self.short_string() {
            return Ok(Text::Whole(Cow::Borrowed(short)));
        }
        let head = self.string_head()?;
        let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let (left, length, room) = match head {
            Head::Plain(length) => (size(length), size(length), self.follow_max()),
            Head::Compressed(left, length) => {
                (size(left), size(length), self.follow_max().saturating_mul(EXPANSION_MAX))
            }
            Head::Number(_) => (0, 0, 0),
        };
        if left.max(length) <= PART_BYTES {
            return self.string_behind(head).map(Text::Whole);
        }
        let is_compressed = matches!(head, Head::Compressed(..));
        let bytes = Decompressor::with_room(length, room);
        Ok(Text::Growing(GrowingText { bytes, left, is_compressed }))
    }

    /// Reads the next part; returns whether there was none left.
    pub(super) fn text_part(&mut self, text: &mut GrowingText) -> Result<bool, Reason> {
        if text.left == 0 {
            return if text.bytes.is_whole() { Ok(true) } else { Err(NOT_COMPRESSED) };
        }
        let there = self.bytes.get(self.position..).unwrap_or_default();
        let part = there.get(..text.left.min(there.len())).unwrap_or_default();
        let used = if text.is_compressed {
            let before = text.so_far().len();
            let used = text.bytes.feed(part, PART_BYTES).ok_or(NOT_COMPRESSED)?;
            self.expanded += (text.so_far().len() - before).saturating_sub(used);
            used
        } else {
            let part = part.get(..part.len().min(PART_BYTES)).unwrap_or_default();
            text.bytes.put(part);
            part.len()
        };
        if used == 0 {
            return Err(if part.len() == text.left { NOT_COMPRESSED } else { Reason::Truncated });
        }
        self.position += used;
        text.left -= used;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ds::Element;
    use crate::persist::lzf::Compressor;
    use crate::persist::rdb::read::{Budget, Dataset, Key, Note, Progress, Reading};
    use crate::persist::rdb::tests::forms;
    use crate::persist::rdb::{kind, opcode, special};
    use crate::store::Value;

    /// All values, told in text.
    #[derive(Default)]
    struct Seen(Vec<(Vec<u8>, Vec<Vec<u8>>)>);

    impl Dataset for Seen {
        fn add(&mut self, key: Key<'_>, value: Value) -> Result<(), Reason> {
            let elements = match value {
                Value::Str(bytes) => vec![bytes],
                Value::List(list) => list.iter_from(0).map(|element| element.to_vec()).collect(),
                Value::Set(set) => {
                    let mut members = Vec::new();
                    set.each(|member| members.push(member.to_vec()));
                    members.sort();
                    members
                }
                Value::SortedSet(set) => {
                    let told = |(member, score): (Element<'_>, f64)| {
                        [member.to_vec(), score.to_string().into_bytes()]
                    };
                    set.iter_from(0).flat_map(told).collect()
                }
                Value::Hash(hash) => {
                    let mut fields = Vec::new();
                    hash.view().each(|field| {
                        fields.push([field.name.to_vec(), field.value.to_vec()]);
                    });
                    fields.sort();
                    fields.concat()
                }
                Value::Array(array) => {
                    let mut values = Vec::new();
                    array.each(0, u64::MAX, false, &mut |place, value| {
                        values.extend([place.to_string().into_bytes(), value.to_vec()]);
                        true
                    });
                    values
                }
                Value::Int(_) | Value::Raw(_) | Value::Stream(_) => Vec::new(),
            };
            self.0.push((key.name.to_vec(), elements));
            Ok(())
        }

        fn add_str(&mut self, key: Key<'_>, bytes: &[u8]) -> Result<(), Reason> {
            assert!(bytes.len() <= PART_BYTES);
            self.add(key, Value::Str(bytes.to_vec()))
        }

        fn library(&mut self, _: &[u8]) -> Result<(), Reason> {
            Ok(())
        }

        fn note(&mut self, _: Note<'_>) {}
    }

    fn length(length: usize) -> Vec<u8> {
        [&[0x80][..], &(length as u32).to_be_bytes()].concat()
    }

    fn plain(text: &[u8]) -> Vec<u8> {
        [length(text.len()), text.to_vec()].concat()
    }

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(Compressor::default().compress(text, &mut bytes));
        [vec![0xc0 | special::LZF], length(bytes.len()), length(text.len()), bytes].concat()
    }

    fn file(body: &[u8]) -> Vec<u8> {
        [b"REDIS0010", body, &[opcode::EOF], &[0; 8]].concat()
    }

    /// Reads `file` in parts of `part` bytes; no step may take many.
    fn read(file: &[u8], part: usize) -> Result<Seen, Reason> {
        let mut reading = Reading::new(forms());
        reading.expect(file.len() as u64);
        let (mut seen, mut from, mut to) = (Seen::default(), 0, 0);
        loop {
            let budget = Budget { bytes: 1, records: 1 };
            let is_all = to == file.len();
            let (used, progress) = reading
                .step(&file[from..to], is_all, budget, &mut seen)
                .map_err(|problem| problem.reason)?;
            assert!(used <= 3 * PART_BYTES, "{used} bytes in one step");
            from += used;
            match progress {
                Progress::Done => return Ok(seen),
                Progress::Going => {}
                Progress::Starved => to = file.len().min(to + part),
            }
        }
    }

    #[test]
    fn long_strings_are_read_in_parts() {
        let long: Vec<u8> = (0..1_000_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let same = vec![b'x'; 3_000_000];
        let body = [
            &[kind::STRING][..],
            &plain(b"plain"),
            &plain(&long),
            &[kind::STRING],
            &plain(b"compressed"),
            &compressed(&same),
            &[kind::LIST_QUICKLIST_2],
            &plain(b"list"),
            &[3, 1],
            &compressed(&same),
            &[1],
            &plain(b"short"),
            &[1],
            &plain(&long),
            &[kind::STRING],
            &plain(b"last"),
            &plain(b"word"),
        ];
        let whole = file(&body.concat());
        for cut in [500, 900_000, 1_002_000] {
            let broken = file(&body.concat()[..cut]);
            assert!(read(&broken[..cut], 50_000).is_err());
        }
        let expected = [
            (b"plain".to_vec(), vec![long.clone()]),
            (b"compressed".to_vec(), vec![same.clone()]),
            (b"list".to_vec(), vec![same, b"short".to_vec(), long]),
            (b"last".to_vec(), vec![b"word".to_vec()]),
        ];
        for part in [10_000, 1 << 20, 100 << 20] {
            assert!(read(&whole, part).unwrap().0 == expected);
        }
    }

    /// Names, values, members: whatever is long in a collection.
    #[test]
    fn long_elements_are_read_in_parts() {
        let one: Vec<u8> = (0..500_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let two = vec![b'x'; 700_000];
        let (short, score, digit) = (b"short".to_vec(), 1.5_f64.to_le_bytes(), b"5".to_vec());
        let head = |kind: u8, name: &[u8]| [&[kind], &*plain(name)].concat();
        let begin = |kind: u8, name: &[u8], count: u8| [head(kind, name), vec![count]].concat();
        let body = [
            begin(kind::HASH, b"hash", 4),
            [plain(&one), plain(b"1"), plain(b"2"), compressed(&two)].concat(),
            [compressed(&two), plain(&one), plain(b"short"), plain(b"short")].concat(),
            [head(kind::HASH_METADATA, b"timed"), 1000_u64.to_le_bytes().to_vec(), vec![2]]
                .concat(),
            [&[0][..], &plain(&one), &compressed(&two)].concat(),
            [&[9][..], &plain(b"short"), &compressed(&two)].concat(),
            begin(kind::SET, b"set", 3),
            [compressed(&two), plain(b"short"), plain(&one)].concat(),
            begin(kind::ZSET_2, b"zset", 2),
            [&plain(&one)[..], &score, &compressed(&two), &score].concat(),
            begin(kind::ZSET, b"old", 2),
            [&plain(&one)[..], b"\x011", &compressed(&two), b"\x012"].concat(),
            begin(kind::LIST, b"list", 3),
            [plain(&one), plain(b"short"), compressed(&two)].concat(),
            begin(kind::ARRAY, b"array", 2),
            [&[0, 5, 0][..], &plain(&one), &[7, 0], &compressed(&two)].concat(),
            head(kind::STRING, b"last"),
            plain(b"word"),
        ];
        let whole = file(&body.concat());
        let (num, half) = (|text: &[u8]| text.to_vec(), b"1.5".to_vec());
        let sorted = |mut elements: Vec<Vec<u8>>| {
            elements.sort();
            elements
        };
        let hash = vec![
            [num(b"2"), two.clone()],
            [one.clone(), num(b"1")],
            [short.clone(), short.clone()],
            [two.clone(), one.clone()],
        ];
        let sorted_hash = |mut fields: Vec<[Vec<u8>; 2]>| {
            fields.sort();
            fields.concat()
        };
        let timed = vec![[one.clone(), two.clone()], [short.clone(), two.clone()]];
        let expected = [
            (b"hash".to_vec(), sorted_hash(hash)),
            (b"timed".to_vec(), sorted_hash(timed)),
            (b"set".to_vec(), sorted(vec![two.clone(), short.clone(), one.clone()])),
            (b"zset".to_vec(), {
                let members = sorted(vec![one.clone(), two.clone()]);
                members.into_iter().flat_map(|member| [member, half.clone()]).collect()
            }),
            (b"old".to_vec(), vec![one.clone(), num(b"1"), two.clone(), num(b"2")]),
            (b"list".to_vec(), vec![one.clone(), short, two.clone()]),
            (b"array".to_vec(), vec![digit, one, num(b"7"), two]),
            (b"last".to_vec(), vec![b"word".to_vec()]),
        ];
        for part in [1_000, 65_536, 1 << 20] {
            let seen = read(&whole, part).unwrap().0;
            for ((name, elements), (expected_name, expected)) in seen.iter().zip(&expected) {
                assert_eq!(name, expected_name);
                assert!(elements == expected, "{}", String::from_utf8_lossy(name));
            }
            assert_eq!(seen.len(), expected.len());
        }
    }

    #[test]
    fn a_long_string_that_is_not_what_it_says_is_refused() {
        let mut text = compressed(&vec![b'x'; 3_000_000]);
        let end = text.len();
        text[7..11].copy_from_slice(&3_000_001_u32.to_be_bytes());
        let body = |text: &[u8]| file(&[&[kind::STRING][..], &plain(b"key"), text].concat());
        assert_eq!(read(&body(&text), 5_000).err(), Some(NOT_COMPRESSED));
        text[7..11].copy_from_slice(&2_999_999_u32.to_be_bytes());
        assert_eq!(read(&body(&text), 5_000).err(), Some(NOT_COMPRESSED));
        text[7..11].copy_from_slice(&3_000_000_u32.to_be_bytes());
        text[end - 3..].copy_from_slice(&[0x20, 0xff, 0xff]);
        assert_eq!(read(&body(&text), 5_000).err(), Some(NOT_COMPRESSED));
        // Nothing is allocated on a length's word.
        let huge = [&[0x81][..], &(u64::MAX / 2).to_be_bytes(), b"short"].concat();
        assert_eq!(read(&body(&huge), 5_000).err(), Some(Reason::Truncated));
    }
}
