//! Zipmaps, which small hashes were before Redis 2.6; only read.
//!
//! ```text
//! pairs (u8; 254 and above: count them) | pair … | 0xff
//! pair:     length | field | length | unused bytes (u8) | value | so many bytes unused
//! length:   below 254 a byte, else 0xfe and a u32, little-endian
//! ```
//!
//! (The format is described at the top of Redis's `zipmap.c`.)

use crate::ds::Listpack;
use crate::ds::listpack::{Element, LISTPACK_BYTES_MAX, Malformed};

/// The byte behind the last pair.
const END: u8 = 0xff;
/// The first byte of a length that does not fit into one, and of a count that does not.
const LARGE: u8 = 0xfe;

/// The fields and values, in turn, of the zipmap that `bytes` are. Everything is checked; an empty
/// one is none, since none was ever written. Costs O(bytes).
pub fn read(bytes: &[u8]) -> Result<Listpack, Malformed> {
    let [declared, rest @ .., END] = bytes else { return Err(Malformed) };
    let mut elements = Listpack::new();
    let (mut rest, mut count) = (rest, 0usize);
    while !rest.is_empty() {
        let field = length(&mut rest).and_then(|length| take(&mut rest, length));
        let value = length(&mut rest).and_then(|length| {
            let unused = usize::from(*take(&mut rest, 1)?.first()?);
            let value = take(&mut rest, length)?;
            take(&mut rest, unused)?;
            Some(value)
        });
        let (Some(field), Some(value)) = (field, value) else { return Err(Malformed) };
        elements.push_back(Element::of(field));
        elements.push_back(Element::of(value));
        if elements.byte_len() > LISTPACK_BYTES_MAX {
            return Err(Malformed);
        }
        count += 1;
    }
    if count == 0 || *declared < LARGE && usize::from(*declared) != count {
        return Err(Malformed);
    }
    elements.shrink_to_fit();
    Ok(elements)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn length(bytes: &mut &[u8]) -> Option<usize> {
    match *take(bytes, 1)?.first()? {
        LARGE => {
            let large = u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?);
            // What would fit into a byte is written in one.
            Some(large as usize).filter(|&large| large >= usize::from(LARGE))
        }
        END => None,
        small => Some(usize::from(small)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Vec<u8> {
        let long = [&b"\x01l\xfe\x2c\x01\x00\x00\x00"[..], &[b'x'; 300]].concat();
        [&b"\x03\x02f1\x02\x03v1???"[..], b"\x01n\x02\x0042", &long, b"\xff"].concat()
    }

    #[test]
    fn pairs_are_read() {
        let pack = read(&whole()).unwrap();
        let texts: Vec<Vec<u8>> = pack.iter().map(Element::to_vec).collect();
        let expect: [&[u8]; 6] = [b"f1", b"v1", b"n", b"42", b"l", &[b'x'; 300]];
        assert_eq!(texts, expect);
    }

    #[test]
    fn what_is_broken_is_refused_or_harmless() {
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
        assert_eq!(read(b"\x00\xff"), Err(Malformed), "an empty one");
        assert_eq!(read(b"\x02\x01a\x01\x00b\xff"), Err(Malformed), "a wrong count");
        assert!(read(b"\xfe\x01a\x01\x00b\xff").is_ok(), "no count");
    }
}
