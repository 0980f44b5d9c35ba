//! A listpack, entry by entry: where each begins, how its head says what it is, and the length
//! behind it by which it is walked backwards. The format is described in `redstart::ds::listpack`.

/// Bytes before the first entry.
pub const HEAD_BYTES: usize = 6;

/// A listpack's bytes, cut up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pack {
    /// All of its bytes.
    pub bytes: usize,
    /// How many entries its head says there are.
    pub count: u16,
    /// The first of them.
    pub entries: Vec<Entry>,
    /// How many there are that are not in `entries`.
    pub left_out: usize,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins.
    pub offset: usize,
    /// How its head is to be read.
    pub form: Form,
    /// The bytes of its head.
    pub head: Vec<u8>,
    /// The bytes of its data; none if they are in the head, and no more than [`DATA_MAX`].
    pub data: Vec<u8>,
    /// How many bytes its data has.
    pub data_bytes: usize,
    /// The bytes of the length behind it.
    pub back: Vec<u8>,
    /// What it stands for.
    pub value: Vec<u8>,
}

/// Bytes of one entry's data that are kept to be shown.
pub const DATA_MAX: usize = 32;

/// The forms of an entry's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `0xxxxxxx`
    Uint7,
    /// `10xxxxxx`
    Str6,
    /// `110xxxxx`
    Int13,
    /// `1110xxxx`
    Str12,
    /// `0xf0`
    Str32,
    /// `0xf1`
    Int16,
    /// `0xf2`
    Int24,
    /// `0xf3`
    Int32,
    /// `0xf4`
    Int64,
}

impl Form {
    fn of(head: u8) -> Option<Self> {
        Some(match head {
            0x00..=0x7f => Self::Uint7,
            0x80..=0xbf => Self::Str6,
            0xc0..=0xdf => Self::Int13,
            0xe0..=0xef => Self::Str12,
            0xf0 => Self::Str32,
            0xf1 => Self::Int16,
            0xf2 => Self::Int24,
            0xf3 => Self::Int32,
            0xf4 => Self::Int64,
            _ => return None,
        })
    }

    /// Its name, and the bits by which it is known.
    pub fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Uint7 => ("uint7", "0xxxxxxx"),
            Self::Str6 => ("str6", "10llllll"),
            Self::Int13 => ("int13", "110xxxxx"),
            Self::Str12 => ("str12", "1110llll"),
            Self::Str32 => ("str32", "f0"),
            Self::Int16 => ("int16", "f1"),
            Self::Int24 => ("int24", "f2"),
            Self::Int32 => ("int32", "f3"),
            Self::Int64 => ("int64", "f4"),
        }
    }

    /// Bytes of the head, and of the data that follow, for a head that begins so.
    fn sizes(self, bytes: &[u8]) -> Option<(usize, usize)> {
        let first = usize::from(*bytes.first()?);
        Some(match self {
            Self::Uint7 => (1, 0),
            Self::Int13 => (2, 0),
            Self::Str6 => (1, first & 0x3f),
            Self::Str12 => (2, (first & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
            Self::Str32 => {
                let length = u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?);
                (5, usize::try_from(length).ok()?)
            }
            Self::Int16 => (1, 2),
            Self::Int24 => (1, 3),
            Self::Int32 => (1, 4),
            Self::Int64 => (1, 8),
        })
    }

    fn is_string(self) -> bool {
        matches!(self, Self::Str6 | Self::Str12 | Self::Str32)
    }
}

/// Cuts a listpack up, and keeps its first `most` entries. What is no listpack gives as many as
/// can be read. Costs O(entries).
pub fn read(bytes: &[u8], most: usize) -> Pack {
    let count = match *bytes {
        [_, _, _, _, low, high, ..] => u16::from_le_bytes([low, high]),
        _ => 0,
    };
    let mut pack = Pack { bytes: bytes.len(), count, ..Pack::default() };
    let mut offset = HEAD_BYTES;
    while let Some((entry, length)) = bytes.get(offset..).and_then(|rest| entry(rest, offset)) {
        if pack.entries.len() < most {
            pack.entries.push(entry);
        } else {
            pack.left_out += 1;
        }
        offset += length;
    }
    pack
}

/// The entry that `bytes` begin with, and its length.
fn entry(bytes: &[u8], offset: usize) -> Option<(Entry, usize)> {
    let form = Form::of(*bytes.first()?)?;
    let (head_bytes, data_bytes) = form.sizes(bytes)?;
    let body = head_bytes.checked_add(data_bytes)?;
    let (head, data) = bytes.get(..body)?.split_at_checked(head_bytes)?;
    let behind = bytes.get(body..)?;
    // The first byte of a length has its top bit clear, those that follow it have theirs set.
    let more = behind.iter().skip(1).take(4).take_while(|&&byte| byte & 0x80 != 0).count();
    let back = behind.get(..more.min(width(body) - 1) + 1)?;
    let number = || {
        let bytes = if form == Form::Int13 { head } else { data };
        if form == Form::Uint7 { i64::from(head[0]) } else { integer(bytes, form) }
    };
    let value = match form.is_string() {
        true => data.get(..data_bytes.min(256)).unwrap_or_default().to_vec(),
        false => number().to_string().into_bytes(),
    };
    let shown = data.get(..data_bytes.min(DATA_MAX)).unwrap_or_default();
    let entry = Entry {
        offset,
        form,
        head: head.to_vec(),
        data: shown.to_vec(),
        data_bytes,
        back: back.to_vec(),
        value,
    };
    Some((entry, body + back.len()))
}

/// Bytes in which the length of so many bytes is written; the bounds are Redis's.
fn width(body: usize) -> usize {
    match body {
        0..=127 => 1,
        128..16383 => 2,
        16383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

fn integer(bytes: &[u8], form: Form) -> i64 {
    if let (Form::Int13, [high, low]) = (form, bytes) {
        let bits = u16::from(high & 0x1f) << 8 | u16::from(*low);
        return i64::from((bits << 3) as i16 >> 3);
    }
    let mut whole = [0; 8];
    let start = whole.len() - bytes.len().min(whole.len());
    whole[start..].copy_from_slice(bytes.get(..8 - start).unwrap_or_default());
    i64::from_le_bytes(whole) >> (8 * start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use redstart::ds::{Element, Listpack};

    #[test]
    fn every_form_is_read_as_the_engine_reads_it() {
        let long = "x".repeat(5000);
        let texts = [
            "0",
            "127",
            "128",
            "-1",
            "4095",
            "-4096",
            "4096",
            "-32768",
            "32767",
            "8388607",
            "-8388608",
            "2147483647",
            "-2147483648",
            "2147483648",
            "-9223372036854775808",
            "9223372036854775807",
            "",
            "a",
            "a word",
            &long[..63],
            &long[..64],
            &long[..126],
            &long[..127],
            &long[..4095],
            &long[..4096],
            &long,
        ];
        let mut pack = Listpack::new();
        texts.iter().for_each(|text| pack.push_back(Element::of(text.as_bytes())));
        let read = read(pack.as_bytes(), 100);
        assert_eq!((read.bytes, usize::from(read.count)), (pack.byte_len(), texts.len()));
        assert_eq!(read.entries.len(), texts.len());
        let mut end = HEAD_BYTES;
        for (entry, text) in read.entries.iter().zip(texts) {
            assert_eq!(entry.value, &text.as_bytes()[..text.len().min(256)], "{entry:?}");
            assert_eq!(entry.offset, end);
            end += entry.head.len() + entry.data_bytes + entry.back.len();
        }
        assert_eq!(end + 1, pack.byte_len());
        let forms: Vec<&str> = read.entries.iter().map(|entry| entry.form.name().0).collect();
        let expect = [
            "uint7", "uint7", "int13", "int13", "int13", "int13", "int16", "int16", "int16",
            "int24", "int24", "int32", "int32", "int64", "int64", "int64", "str6", "str6", "str6",
            "str6", "str12", "str12", "str12", "str12", "str32", "str32",
        ];
        assert_eq!(forms, expect);
    }

    #[test]
    fn only_the_first_entries_are_kept() {
        let mut pack = Listpack::new();
        (0..50).for_each(|number| pack.push_back(Element::Int(number)));
        let read = read(pack.as_bytes(), 10);
        assert_eq!((read.entries.len(), read.left_out), (10, 40));
    }

    #[test]
    fn what_is_no_listpack_is_read_as_far_as_it_goes() {
        assert_eq!(read(b"", 9), Pack::default());
        assert!(read(&[9, 0, 0, 0, 1, 0, 0xf0, 0xff, 0xff, 0xff, 0xff], 9).entries.is_empty());
        assert!(read(&[9, 0, 0, 0, 1, 0, 0x83, b'a'], 9).entries.is_empty());
        for length in 0..40 {
            read(&[0xff; 40][..length], 9);
            read(&[0x01; 40][..length], 9);
        }
    }
}
