//! Ziplists, which were what listpacks are until Redis 7.0; only read.
//!
//! ```text
//! total bytes (u32) | offset of the last entry (u32) | entries (u16; 65535: count them)
//! | entry … | 0xff
//! entry:    size of the one before (below 254 a byte, else 0xfe and a u32) | header | data
//! header:   00xxxxxx                   a string of up to 63 bytes
//!           01xxxxxx xxxxxxxx          a string of up to 16383 bytes
//!           0x80 and a u32             a string
//!           0xc0, 0xd0, 0xe0           an integer of 2, 4 or 8 bytes
//!           0xf0, 0xfe                 an integer of 3 bytes or of one
//!           0xf1 … 0xfd                an integer from 0 to 12, without data
//! ```
//!
//! Numbers are little-endian, but for the lengths of strings. (The format is described at the top
//! of Redis's `ziplist.c`.)

use crate::ds::Listpack;
use crate::ds::listpack::{Element, LISTPACK_BYTES_MAX, Malformed};

/// Bytes before the first entry.
const HEADER_BYTES: usize = 10;
/// The byte behind the last entry.
const END: u8 = 0xff;
/// The first byte of a size that does not fit into one.
const LARGE: u8 = 0xfe;

/// The elements of the ziplist that `bytes` are, as a listpack. Everything is checked: the sizes,
/// every entry's header and the size of the one before, the count. Costs O(bytes).
pub fn read(bytes: &[u8]) -> Result<Listpack, Malformed> {
    let [a, b, c, d, e, f, g, h, i, j, _, ..] = *bytes else { return Err(Malformed) };
    let body = bytes.strip_suffix(&[END]).ok_or(Malformed)?;
    let (total, last) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let declared = u16::from_le_bytes([i, j]);
    if total as usize != bytes.len() || last as usize > body.len() {
        return Err(Malformed);
    }
    let mut elements = Listpack::new();
    let (mut place, mut before, mut count) = (HEADER_BYTES, None, 0usize);
    while place < body.len() {
        let rest = body.get(place..).ok_or(Malformed)?;
        let (size_before, head) = size_before(rest).ok_or(Malformed)?;
        if size_before != before.map_or(0, |before| place - before) {
            return Err(Malformed);
        }
        let (element, size) = rest.get(head..).and_then(entry).ok_or(Malformed)?;
        elements.push_back(element);
        if elements.byte_len() > LISTPACK_BYTES_MAX {
            return Err(Malformed);
        }
        before = Some(place);
        place += head + size;
        count += 1;
    }
    let is_last = before.is_none_or(|before| before == last as usize);
    let is_count = declared == u16::MAX || usize::from(declared) == count;
    if !(is_last && is_count) {
        return Err(Malformed);
    }
    elements.shrink_to_fit();
    Ok(elements)
}

/// The size of the entry before, and how many bytes say it.
fn size_before(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes {
        [LARGE, a, b, c, d, ..] => Some((u32::from_le_bytes([a, b, c, d]) as usize, 5)),
        [size, ..] if size < LARGE => Some((usize::from(size), 1)),
        _ => None,
    }
}

/// The element at the start of `bytes`, and the bytes of header and data.
fn entry(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let string = |head: usize, length: usize| {
        let end = head.checked_add(length)?;
        Some((Element::of(bytes.get(head..end)?), end))
    };
    match *bytes {
        [first @ 0..=0x3f, ..] => string(1, usize::from(first)),
        [first @ 0x40..=0x7f, low, ..] => {
            string(2, usize::from(first & 0x3f) << 8 | usize::from(low))
        }
        [0x80, a, b, c, d, ..] => string(5, u32::from_be_bytes([a, b, c, d]) as usize),
        [0xc0, a, b, ..] => Some((Element::Int(i16::from_le_bytes([a, b]).into()), 3)),
        [0xd0, a, b, c, d, ..] => Some((Element::Int(i32::from_le_bytes([a, b, c, d]).into()), 5)),
        [0xe0, a, b, c, d, e, f, g, h, ..] => {
            Some((Element::Int(i64::from_le_bytes([a, b, c, d, e, f, g, h])), 9))
        }
        [0xf0, a, b, c, ..] => {
            // Three bytes at the top of four: shifting back keeps the sign.
            Some((Element::Int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)), 4))
        }
        [0xfe, a, ..] => Some((Element::Int(i64::from(a as i8)), 2)),
        [first @ 0xf1..=0xfd, ..] => Some((Element::Int(i64::from(first - 0xf1)), 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ziplist of these entries, each given as header and data.
    fn of(entries: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        let (mut last, mut size) = (HEADER_BYTES, 0);
        for entry in entries {
            last = bytes.len();
            if size < 254 {
                bytes.push(size as u8);
            } else {
                bytes.push(LARGE);
                bytes.extend((size as u32).to_le_bytes());
            }
            bytes.extend_from_slice(entry);
            size = bytes.len() - last;
        }
        bytes.push(END);
        let total = bytes.len() as u32;
        bytes[..4].copy_from_slice(&total.to_le_bytes());
        bytes[4..8].copy_from_slice(&(last as u32).to_le_bytes());
        bytes[8..10].copy_from_slice(&(entries.len() as u16).to_le_bytes());
        bytes
    }

    /// A ziplist with an entry of every form.
    fn whole() -> Vec<u8> {
        let middle = [&b"\x41\x00"[..], &[b'x'; 256]].concat();
        let long = [&b"\x80\x00\x00\x01\x00"[..], &[b'y'; 256]].concat();
        of(&[
            b"\x02hi",
            b"\x0212",
            &middle,
            &long,
            b"\xc0\xfe\xff",
            b"\xd0\x00\x00\x01\x00",
            b"\xe0\x00\x00\x00\x00\x01\x00\x00\x00",
            b"\xf0\xff\xff\xff",
            b"\xfe\x80",
            b"\xf1",
            b"\xfd",
            b"\x00",
        ])
    }

    #[test]
    fn every_form_of_an_entry_is_read() {
        let pack = read(&whole()).unwrap();
        let texts: Vec<Vec<u8>> = pack.iter().map(Element::to_vec).collect();
        assert_eq!(texts[2..4], [vec![b'x'; 256], vec![b'y'; 256]]);
        let short: Vec<_> = [&texts[..2], &texts[4..]].concat();
        let expect: [&[u8]; 10] =
            [b"hi", b"12", b"-2", b"65536", b"4294967296", b"-1", b"-128", b"0", b"12", b""];
        assert_eq!(short, expect);
        assert!(read(&of(&[])).unwrap().is_empty());
    }

    #[test]
    fn every_damaged_byte_is_noticed_or_harmless() {
        let whole = whole();
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Err(Malformed), "cut at {end}");
        }
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[place] ^= 1 << bit;
                if let Ok(pack) = read(&damaged) {
                    assert_eq!(Listpack::parse(pack.as_bytes()), Ok(pack));
                }
            }
        }
    }
}
